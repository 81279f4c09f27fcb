package google

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const (
	maxGroupsGet = 200
	maxModify    = 1000
)

var (
	groupReadDefault  = groupMask{groupType: true, memberCount: true, metadata: true, name: true}
	groupWriteDefault = groupMask{groupType: true, metadata: true, name: true}
)

func (c *call) groupMask() (groupMask, *apiError) {
	return parseGroupMask("groupFields", c.query.Get("groupFields"), groupReadDefault, true)
}

// listGroups answers contactGroups.list. Groups show at once: the lag is the contacts'.
func (c *call) listGroups() (any, *apiError) {
	m, e := c.groupMask()
	if e != nil {
		return nil, e
	}
	size, e := c.pageSize(30)
	if e != nil {
		return nil, e
	}
	now, query := c.s.cfg.Clock.Now(), pinned(0, size, url.Values{"sortOrder": {fmt.Sprint(m)}})
	cur, resumed, e := c.s.resume("contactGroups", c.a, query, c.query.Get("pageToken"), c.query.Get("syncToken"), now)
	if e != nil {
		return nil, e
	}
	if c.query.Get("pageToken") == "" {
		cur.Until = c.a.seq
	}
	if !resumed {
		cur.Full = now.Unix()
	}
	all := slices.DeleteFunc(c.a.sortedGroups(), func(g *group) bool {
		if cur.Sync {
			return g.Seq <= cur.From
		}
		return g.Deleted
	})
	rest := all[min(cur.Offset, len(all)):]
	page := rest[:min(size, len(rest))]
	answer := map[string]any{}
	if len(page) > 0 {
		wire := make([]wireGroup, len(page))
		for i, g := range page {
			wire[i] = c.s.wireGroup(c.a, g, m, 0)
		}
		answer["contactGroups"] = wire
	}
	if !cur.Sync {
		answer["totalItems"] = len(all)
	}
	cur.Offset += len(page)
	last := len(rest) == len(page)
	token, err := c.s.tokens("contactGroups", c.a, query, cur, last, now)
	if err != nil {
		return nil, internal(err)
	}
	if last {
		answer["nextSyncToken"] = token
	} else {
		answer["nextPageToken"] = token
	}
	return answer, nil
}

func (c *call) maxMembers() (int, *apiError) {
	n := c.number("maxMembers", 0)
	if n < 0 {
		return 0, invalid("maxMembers must not be negative.")
	}
	return n, nil
}

func (c *call) getGroup() (any, *apiError) {
	m, e := c.groupMask()
	if e != nil {
		return nil, e
	}
	members, e := c.maxMembers()
	if e != nil {
		return nil, e
	}
	g, ok := c.a.group("contactGroups/" + c.id)
	if !ok {
		return nil, notFound()
	}
	return c.s.wireGroup(c.a, g, m, members), nil
}

func (c *call) batchGetGroups() (any, *apiError) {
	m, e := c.groupMask()
	if e != nil {
		return nil, e
	}
	members, e := c.maxMembers()
	if e != nil {
		return nil, e
	}
	names := c.query["resourceNames"]
	if e := checkNames(names, maxGroupsGet, "resourceNames"); e != nil {
		return nil, e
	}
	responses := make([]map[string]any, len(names))
	for i, name := range names {
		responses[i] = map[string]any{"requestedResourceName": name}
		if g, ok := c.a.group(name); ok {
			responses[i]["contactGroup"], responses[i]["status"] = c.s.wireGroup(c.a, g, m, members), map[string]any{}
		} else {
			responses[i]["status"] = notFound().rpc()
		}
	}
	return map[string]any{"responses": responses}, nil
}

// groupBody is a ContactGroup that a client sent.
type groupBody struct {
	resourceName, etag, name string
	data                     []groupData
}

func readGroup(v any, path string) (groupBody, *apiError) {
	var g groupBody
	m, e := object(v, path, "resourceName", "etag", "name", "clientData", "metadata", "groupType", "formattedName", "memberResourceNames", "memberCount")
	if e != nil {
		return g, e
	}
	for name, p := range map[string]*string{"resourceName": &g.resourceName, "etag": &g.etag, "name": &g.name} {
		if *p, e = str(m, name, path); e != nil {
			return g, e
		}
	}
	list, e := array(m, "clientData", path)
	if e != nil {
		return g, e
	}
	for i, v := range list {
		at := fmt.Sprintf("%s.clientData[%d]", path, i)
		d, e := object(v, at, "key", "value")
		if e != nil {
			return g, e
		}
		var gd groupData
		if gd.Key, e = str(d, "key", at); e != nil {
			return g, e
		}
		if gd.Value, e = str(d, "value", at); e != nil {
			return g, e
		}
		g.data = append(g.data, gd)
	}
	return g, nil
}

func (c *call) groupRequest(memberCount bool, allowed ...string) (map[string]any, groupBody, groupMask, *apiError) {
	m, e := c.object(append(allowed, "contactGroup", "readGroupFields")...)
	if e != nil {
		return nil, groupBody{}, groupMask{}, e
	}
	g, e := readGroup(m["contactGroup"], "contactGroup")
	if e != nil {
		return nil, g, groupMask{}, e
	}
	text, e := str(m, "readGroupFields", "")
	if e != nil {
		return nil, g, groupMask{}, e
	}
	read, e := parseGroupMask("readGroupFields", text, groupWriteDefault, memberCount)
	return m, g, read, e
}

func (c *call) checkGroupName(name string, self *group) *apiError {
	if strings.TrimSpace(name) == "" {
		return invalid("contactGroup.name is required.")
	}
	if g, ok := c.a.groupNamed(name); ok && g != self {
		return &apiError{http: 409, status: "ALREADY_EXISTS", message: "Contact group name already exists."}
	}
	return nil
}

func (c *call) createGroup() (any, *apiError) {
	_, g, read, e := c.groupRequest(false)
	if e != nil {
		return nil, e
	}
	if g.resourceName != "" || g.etag != "" {
		return nil, invalid("A contact group to create must not have resourceName or etag: the service assigns them.")
	}
	if e := c.checkGroupName(g.name, nil); e != nil {
		return nil, e
	}
	return c.s.wireGroup(c.a, c.s.makeGroup(c.a, strings.TrimSpace(g.name), g.data), read, 0), nil
}

// userGroup returns the group that a write is about; system groups cannot be written.
func (c *call) userGroup() (*group, *apiError) {
	g, ok := c.a.group("contactGroups/" + c.id)
	if !ok {
		return nil, notFound()
	}
	if g.System {
		return nil, invalid("System contact groups cannot be changed.")
	}
	return g, nil
}

func (c *call) updateGroup() (any, *apiError) {
	m, in, read, e := c.groupRequest(true, "updateGroupFields")
	if e != nil {
		return nil, e
	}
	text, e := str(m, "updateGroupFields", "")
	if e != nil {
		return nil, e
	}
	fields := strings.Split(cmp.Or(text, "name"), ",")
	for _, f := range fields {
		if f != "name" && f != "clientData" {
			return nil, invalid("Invalid updateGroupFields mask path: %q.", f)
		}
	}
	g, e := c.userGroup()
	if e != nil {
		return nil, e
	}
	if in.resourceName != "" && in.resourceName != g.resourceName() {
		return nil, invalid("contactGroup.resourceName differs from the name of the group to update.")
	}
	if in.etag != "" && in.etag != g.etag() {
		return nil, precondition("Request contactGroup.etag is different than the current contactGroup.etag. Clear local cache and get the latest contact group.")
	}
	if slices.Contains(fields, "name") {
		if e := c.checkGroupName(in.name, g); e != nil {
			return nil, e
		}
		g.Name = strings.TrimSpace(in.name)
		g.Formatted = g.Name
	}
	if slices.Contains(fields, "clientData") {
		g.ClientData = in.data
	}
	c.s.touch(c.a, g)
	return c.s.wireGroup(c.a, g, read, 0), nil
}

func (c *call) deleteGroup() (any, *apiError) {
	g, e := c.userGroup()
	if e != nil {
		return nil, e
	}
	c.s.dropGroup(c.a, g, c.flag("deleteContacts"))
	return raw(`{}`), nil
}

// modifyMembers answers members:modify. Names that are not there, and contacts that would lose their last group, are skipped and
// listed; the rest is done.
func (c *call) modifyMembers() (any, *apiError) {
	m, e := c.object("resourceNamesToAdd", "resourceNamesToRemove")
	if e != nil {
		return nil, e
	}
	add, e := strs(m, "resourceNamesToAdd", "")
	if e != nil {
		return nil, e
	}
	remove, e := strs(m, "resourceNamesToRemove", "")
	if e != nil {
		return nil, e
	}
	if e := checkNames(append(slices.Clone(add), remove...), maxModify, "resourceNamesToAdd and resourceNamesToRemove"); e != nil {
		return nil, e
	}
	g, ok := c.a.group("contactGroups/" + c.id)
	if !ok {
		return nil, notFound()
	}
	if len(add) > 0 && !g.takesMembers() {
		return nil, deprecatedGroup()
	}
	var missing, last []string
	for _, name := range add {
		ct, e := c.lookup(name)
		if e != nil {
			missing = append(missing, name)
			continue
		}
		if v := *ct.now(); !slices.Contains(v.groups, g.ID) {
			v.groups = append(slices.Clone(v.groups), g.ID)
			c.s.push(c.a, ct, v)
		}
	}
	for _, name := range remove {
		ct, e := c.lookup(name)
		if e != nil {
			missing = append(missing, name)
			continue
		}
		v := *ct.now()
		if !slices.Contains(v.groups, g.ID) {
			continue
		}
		if len(v.groups) == 1 {
			last = append(last, name)
			continue
		}
		v.groups = slices.DeleteFunc(slices.Clone(v.groups), func(id string) bool { return id == g.ID })
		c.s.push(c.a, ct, v)
	}
	answer := map[string]any{}
	if len(missing) > 0 {
		answer["notFoundResourceNames"] = missing
	}
	if len(last) > 0 {
		answer["canNotRemoveLastContactGroupResourceNames"] = last
	}
	return answer, nil
}
