package dynamics

import (
	"net/http"
	"strings"
)

// namespace is that of Dataverse's own actions and functions.
const namespace = "Microsoft.Dynamics.CRM."

// cutKey splits a path's segment into its name and the key in brackets.
func cutKey(segment string) (name, key string, keyed bool) {
	name, rest, ok := strings.Cut(segment, "(")
	if !ok {
		return segment, "", false
	}
	key, ok = strings.CutSuffix(rest, ")")
	return name, key, ok
}

// cutSegment splits a path at its first slash outside of brackets and quotes.
func cutSegment(path string) (first, rest string) {
	depth, quoted := 0, false
	for i := range len(path) {
		switch ch := path[i]; {
		case ch == '\'':
			quoted = !quoted
		case quoted:
		case ch == '(':
			depth++
		case ch == ')':
			depth--
		case ch == '/' && depth == 0:
			return path[:i], path[i+1:]
		}
	}
	return path, ""
}

// handle finds and does what the request asks for.
func (c *call) handle() (*reply, *apiError) {
	if c.method == http.MethodGet {
		c.cost += costRead
	} else {
		c.cost += costWrite
	}
	first, rest := cutSegment(c.path)
	name, key, keyed := cutKey(first)
	switch {
	case first == "":
		return nil, badSegment("$root")
	case name == "WhoAmI" && rest == "" && key == "":
		return c.only(http.MethodGet, c.whoAmI)
	case name == "EntityDefinitions":
		return c.only(http.MethodGet, func() (*reply, *apiError) { return c.metadata(key, keyed, rest) })
	case first == "Merge" && rest == "":
		return c.only(http.MethodPost, c.merge)
	case first == "AddListMembersList" && rest == "":
		return c.only(http.MethodPost, func() (*reply, *apiError) { return c.addMembers("") })
	}
	t := c.o.sets[name]
	if t == nil || t.absent {
		return nil, badSegment(name)
	}
	if !keyed {
		return c.collection(t, rest)
	}
	return c.single(t, key, rest)
}

// only refuses other methods.
func (c *call) only(method string, do func() (*reply, *apiError)) (*reply, *apiError) {
	if c.method != method {
		return nil, badMethod(c.method)
	}
	return do()
}

// collection answers a request to a table.
func (c *call) collection(t *table, rest string) (*reply, *apiError) {
	if action, ok := strings.CutPrefix(rest, namespace); ok {
		return c.only(http.MethodPost, func() (*reply, *apiError) { return c.multiple(t, action) })
	}
	switch {
	case rest != "":
		return nil, badSegment(rest)
	case c.method == http.MethodGet:
		return c.list(t)
	case c.method != http.MethodPost:
		return nil, badMethod(c.method)
	case !t.writable:
		return nil, fail(http.StatusForbidden, codePrivilege, "This sandbox makes no rows of %s by the API.", t.set)
	}
	return c.create(t)
}

// single answers a request to a row.
func (c *call) single(t *table, key, rest string) (*reply, *apiError) {
	first, after := cutSegment(rest)
	name, args, _ := cutKey(first)
	switch {
	case rest == "":
		return c.row(t, key)
	case strings.HasPrefix(name, namespace):
		return c.bound(t, key, strings.TrimPrefix(name, namespace), args)
	case rest == "entityimage/$value" && t.people:
		return c.only(http.MethodGet, func() (*reply, *apiError) { return c.image(t, key) })
	case t.logical == tList && after == "" && associations()[first] != "":
		return c.only(http.MethodGet, func() (*reply, *apiError) { return c.association(key, associations()[first]) })
	case after == "$ref":
		return c.only(http.MethodDelete, func() (*reply, *apiError) { return c.clearLookup(t, key, first) })
	}
	return nil, badSegment(first)
}

// row answers a request to a row itself.
func (c *call) row(t *table, key string) (*reply, *apiError) {
	switch c.method {
	case http.MethodGet:
		return c.get(t, key)
	case http.MethodPatch, http.MethodDelete:
		if !t.writable {
			return nil, fail(http.StatusForbidden, codePrivilege, "This sandbox changes no rows of %s by the API.", t.set)
		}
		if c.method == http.MethodDelete {
			return c.delete(t, key)
		}
		return c.upsert(t, key)
	}
	return nil, badMethod(c.method)
}

// bound answers the actions and functions of a row.
func (c *call) bound(t *table, key, name, args string) (*reply, *apiError) {
	switch {
	case t.logical == tUser && name == "RetrieveUserPrivileges" && args == "":
		return c.only(http.MethodGet, func() (*reply, *apiError) { return c.userPrivileges(key) })
	case t.logical == tUser && name == "RetrievePrincipalAccess":
		return c.only(http.MethodGet, func() (*reply, *apiError) { return c.principalAccess(key, args) })
	case t.logical == tList && name == "AddMemberList":
		return c.only(http.MethodPost, func() (*reply, *apiError) { return c.addMember(key) })
	case t.logical == tList && name == "RemoveMemberList":
		return c.only(http.MethodPost, func() (*reply, *apiError) { return c.removeMember(key) })
	case t.logical == tList && name == "AddListMembersList":
		return c.only(http.MethodPost, func() (*reply, *apiError) { return c.addMembers(key) })
	}
	return nil, badSegment(namespace + name)
}
