package dynamics

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"meibo/shared/connector"
)

// The forms of a group's id: what it is, and the vendor's id of it.
const (
	everything = "all"
	prefixList = "list:"
	prefixView = "view:"
	prefixMine = "userview:"
)

// mainView is the type of the views that people see as lists (sheet 6, unconfirmed: with another one the system views are not offered).
const mainView = "0"

// chosen are the groups of a scope; none if everything is among them.
func chosen(groups []string) []string {
	if slices.Contains(groups, everything) {
		return nil
	}
	return slices.Clone(groups)
}

// list is a marketing list.
type list struct {
	ID      string `json:"listid"`
	Name    string `json:"listname"`
	Dynamic bool   `json:"type"`
	Query   string `json:"query"`
	Code    int    `json:"createdfromcode"`
}

// view is a system view or a personal one.
type view struct {
	System   string `json:"savedqueryid"`
	Personal string `json:"userqueryid"`
	Name     string `json:"name"`
}

// Groups lists everything, the marketing lists of the table, the system views and the user's own, in one call. Records can only be put into
// static lists: what is in the others follows from their conditions. Organisations without the marketing application have no lists.
func (c *Connector) Groups(ctx context.Context) ([]connector.Group, error) {
	parts := []request{
		get("lists" + query("$select", "listid,listname,type,createdfromcode", "$filter", "createdfromcode eq "+itoa(c.code), "$orderby", "listname asc")),
		get("savedqueries" + query("$select", "savedqueryid,name", "$filter", "returnedtypecode eq "+quoted(c.logical)+" and querytype eq "+mainView, "$orderby", "name asc")),
		get("userqueries" + query("$select", "userqueryid,name", "$filter", "returnedtypecode eq "+quoted(c.logical), "$orderby", "name asc")),
	}
	for i := range parts {
		parts[i].right = "read the lists and views of " + c.people
	}
	answers, _, err := c.batch(ctx, parts)
	if err != nil {
		return nil, err
	}
	out := []connector.Group{{ID: everything, Name: "All " + c.people, Everything: true, Writable: true, Members: -1}}
	for i, a := range answers {
		err := a.outcome(parts[i], false)
		if refusedWith(err, http.StatusNotFound) || isForbidden(err) || i == 0 && isInvalid(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		groups, ok := readGroups(i, a.body)
		if !ok {
			return nil, unsure(false, "it sent a list that is not what its documents describe")
		}
		out = append(out, groups...)
	}
	return out, nil
}

// readGroups reads the i-th answer: lists, system views, personal views.
func readGroups(i int, body []byte) (out []connector.Group, ok bool) {
	if i == 0 {
		var page struct {
			Value []list `json:"value"`
		}
		if json.Unmarshal(body, &page) != nil {
			return nil, false
		}
		for _, l := range page.Value {
			if id := strings.ToLower(l.ID); isID(id) && l.Name != "" {
				out = append(out, connector.Group{ID: prefixList + id, Name: l.Name, Writable: !l.Dynamic, Members: -1})
			}
		}
		return out, true
	}
	var page struct {
		Value []view `json:"value"`
	}
	if json.Unmarshal(body, &page) != nil {
		return nil, false
	}
	for _, v := range page.Value {
		prefix, id := prefixView, strings.ToLower(v.System)
		if i == 2 {
			prefix, id = prefixMine, strings.ToLower(v.Personal)
		}
		if isID(id) && v.Name != "" {
			out = append(out, connector.Group{ID: prefix + id, Name: v.Name, Members: -1})
		}
	}
	return out, true
}

// vanished is the error of a group that cannot be listed.
func vanished() error {
	return &connector.InvalidError{System: System, Reason: "a list or view that was chosen cannot be read any more; it may have been deleted, and nothing else was: choose the groups again"}
}

// list returns a marketing list by its id.
func (c *Connector) list(ctx context.Context, id string) (list, error) {
	if l, ok := c.lists[id]; ok {
		return l, nil
	}
	var l list
	r := get("lists(" + id + ")" + query("$select", "listid,listname,type,createdfromcode,query"))
	r.right = "read marketing lists"
	c.extra++
	if _, err := c.read(ctx, r, &l); err != nil {
		return l, err
	}
	if c.lists == nil {
		c.lists = map[string]list{}
	}
	c.lists[id] = l
	return l, nil
}
