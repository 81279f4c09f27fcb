package hubspot

import (
	"net/http"
	"slices"
	"sort"
	"strings"
)

// The ways in which a segment comes to its members.
const (
	manualList   = "MANUAL"
	snapshotList = "SNAPSHOT"
	dynamicList  = "DYNAMIC"
)

// joined is a member of a segment.
type joined struct {
	ID int64 `json:"i"`
	At int64 `json:"t"`
}

// segment is a list of contacts. A dynamic one has those whose property has a value.
type segment struct {
	ID       int64    `json:"id"`
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Members  []joined `json:"members,omitempty"` // by id
	Property string   `json:"property,omitempty"`
	Value    string   `json:"value,omitempty"`
	User     int64    `json:"user"`
	Created  int64    `json:"created"`
	Updated  int64    `json:"updated"`
	Deleted  int64    `json:"deleted,omitempty"`
	Version  int      `json:"version"`
}

func (l *segment) at(id int64) (int, bool) {
	return slices.BinarySearchFunc(l.Members, id, func(m joined, id int64) int { return int(m.ID - id) })
}

// add makes a contact a member, and reports whether it was none.
func (l *segment) add(id, now int64) bool {
	i, there := l.at(id)
	if !there {
		l.Members = slices.Insert(l.Members, i, joined{id, now})
	}
	return !there
}

// remove ends a membership, and reports whether there was one.
func (l *segment) remove(id int64) bool {
	i, there := l.at(id)
	if there {
		l.Members = slices.Delete(l.Members, i, i+1)
	}
	return there
}

// membersOf are those of a segment now, by id.
func (p *portal) membersOf(l *segment) []joined {
	if l.Type != dynamicList {
		return l.Members
	}
	var out []joined
	for _, r := range p.contacts.byID {
		if r.Archived == 0 && fold(p.contacts.value(r, l.Property)) == fold(l.Value) {
			out = append(out, joined{r.ID, r.Created})
		}
	}
	return out
}

// listsOf are the segments that a contact is in.
func (p *portal) listsOf(id int64) []*segment {
	var out []*segment
	for _, l := range p.lists {
		in := false
		if l.Type == dynamicList {
			r := p.contacts.rows[id]
			in = r != nil && r.Archived == 0 && fold(p.contacts.value(r, l.Property)) == fold(l.Value)
		} else {
			_, in = l.at(id)
		}
		if in && l.Deleted == 0 {
			out = append(out, l)
		}
	}
	return out
}

// listNamed finds a segment by its name.
func (p *portal) listNamed(name string) *segment {
	for _, l := range p.lists {
		if l.Deleted == 0 && fold(l.Name) == fold(name) {
			return l
		}
	}
	return nil
}

// list finds a segment by its id.
func (p *portal) list(id int64) *segment {
	for _, l := range p.lists {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// newList adds a segment.
func (c *call) newList(name, way string) *segment {
	now := c.s.now()
	l := &segment{ID: c.p.NextList, Name: name, Type: way, User: c.m.UserID, Created: now, Updated: now, Version: 1}
	c.p.NextList++
	c.p.lists = append(c.p.lists, l)
	c.s.keepList(c.p, l)
	c.s.keepPortal(c.p)
	return l
}

// render is a segment as the API has it.
func (c *call) renderList(l *segment, filters bool) object {
	out := object{"listId": num(l.ID), "name": l.Name, "objectTypeId": contactKind.typeID, "processingType": l.Type, "processingStatus": "COMPLETE",
		"listVersion": l.Version, "size": len(c.p.membersOf(l)), "createdAt": stamp(l.Created), "updatedAt": stamp(l.Updated),
		"createdById": num(l.User), "updatedById": num(l.User)}
	if l.Deleted != 0 {
		out["deletedAt"] = stamp(l.Deleted)
	}
	if filters && l.Type == dynamicList {
		one := object{"filterType": "PROPERTY", "property": l.Property, "operation": object{"operationType": "MULTISTRING", "operator": "IS_EQUAL_TO", "values": []string{l.Value}, "includeObjectsWithNoValueSet": false}}
		and := object{"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": []object{}, "filters": []object{one}}
		out["filterBranch"] = object{"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": []object{and}, "filters": []object{}}
	}
	return out
}

// segment is the one of the path.
func (c *call) segment() (*segment, error) {
	l := c.p.list(parseID(c.path["list"]))
	if l == nil || l.Deleted != 0 {
		return nil, missing("list " + c.path["list"])
	}
	return l, nil
}

func getList(c *call) (*reply, error) {
	filters, err := c.flag("includeFilters")
	if err != nil {
		return nil, err
	}
	l, err := c.segment()
	if err != nil {
		return nil, err
	}
	return ok(object{"list": c.renderList(l, filters)})
}

func listByName(c *call) (*reply, error) {
	filters, err := c.flag("includeFilters")
	if err != nil {
		return nil, err
	}
	l := c.p.listNamed(c.path["name"])
	if l == nil || c.kind != &contactKind {
		return nil, missing("list")
	}
	return ok(object{"list": c.renderList(l, filters)})
}

func listsByID(c *call) (*reply, error) {
	filters, err := c.flag("includeFilters")
	if err != nil {
		return nil, err
	}
	out := []object{}
	for _, id := range c.q["listIds"] {
		if l := c.p.list(parseID(id)); l != nil && l.Deleted == 0 {
			out = append(out, c.renderList(l, filters))
		}
	}
	if len(c.q["listIds"]) == 0 {
		return nil, bad("The parameter listIds is required")
	}
	return ok(object{"lists": out})
}

func createList(c *call) (*reply, error) {
	var in struct {
		Name           string `json:"name"`
		ObjectTypeID   string `json:"objectTypeId"`
		ProcessingType string `json:"processingType"`
	}
	if err := c.json(&in, "name", "objectTypeId", "processingType"); err != nil {
		return nil, err
	}
	switch {
	case strings.TrimSpace(in.Name) == "" || in.ObjectTypeID != contactKind.typeID:
		return nil, bad("A list needs a name and the objectTypeId 0-1: the sandbox has lists of contacts only")
	case in.ProcessingType != manualList && in.ProcessingType != snapshotList:
		return nil, bad("The sandbox makes lists of type MANUAL and SNAPSHOT by API, without filters")
	case c.p.listNamed(in.Name) != nil:
		return nil, bad("A list with the name " + quote(in.Name) + " already exists")
	}
	return ok(object{"list": c.renderList(c.newList(in.Name, in.ProcessingType), false)})
}

func searchLists(c *call) (*reply, error) {
	in := struct {
		Query                string   `json:"query"`
		ProcessingTypes      []string `json:"processingTypes"`
		ListIDs              []string `json:"listIds"`
		AdditionalProperties []string `json:"additionalProperties"`
		ObjectTypeID         string   `json:"objectTypeId"`
		Offset               int      `json:"offset"`
		Count                int      `json:"count"`
	}{Count: 20}
	if err := c.json(&in, "query", "processingTypes", "listIds", "additionalProperties", "objectTypeId", "offset", "count"); err != nil {
		return nil, err
	}
	if in.Count < 1 || in.Count > listSearchMost || in.Offset < 0 {
		return nil, bad("The count must be 1 to 500, and the offset not below 0")
	}
	for _, t := range in.ProcessingTypes {
		if t != manualList && t != snapshotList && t != dynamicList {
			return nil, bad("No processing type " + quote(t))
		}
	}
	var all []*segment
	for _, l := range c.p.lists {
		if l.Deleted == 0 && strings.Contains(fold(l.Name), fold(in.Query)) && (in.ObjectTypeID == "" || in.ObjectTypeID == contactKind.typeID) &&
			(len(in.ProcessingTypes) == 0 || slices.Contains(in.ProcessingTypes, l.Type)) && (len(in.ListIDs) == 0 || slices.Contains(in.ListIDs, num(l.ID))) {
			all = append(all, l)
		}
	}
	from := min(in.Offset, len(all))
	to := min(from+in.Count, len(all))
	out := []object{}
	for _, l := range all[from:to] {
		o, more := c.renderList(l, false), object{}
		for _, name := range in.AdditionalProperties {
			if name == "hs_list_size" {
				more[name] = num(int64(len(c.p.membersOf(l))))
			}
		}
		delete(o, "size")
		o["additionalProperties"] = more
		out = append(out, o)
	}
	return ok(object{"lists": out, "hasMore": to < len(all), "offset": to, "total": len(all)})
}

func deleteList(c *call) (*reply, error) {
	l, err := c.segment()
	if err != nil {
		return nil, err
	}
	l.Deleted = c.s.now()
	c.s.keepList(c.p, l)
	return nothing()
}

func restoreList(c *call) (*reply, error) {
	l := c.p.list(parseID(c.path["list"]))
	if l == nil || l.Deleted == 0 || c.s.now()-l.Deleted >= archivedFor.Milliseconds() {
		return nil, missing("deleted list " + c.path["list"])
	}
	l.Deleted = 0
	c.s.keepList(c.p, l)
	return nothing()
}

func listsOfRecord(c *call) (*reply, error) {
	r := c.p.contacts.rows[parseID(c.path["id"])]
	if c.kind != &contactKind || r == nil || r.Archived != 0 {
		return nil, missing("record")
	}
	out := []object{}
	for _, l := range c.p.listsOf(r.ID) {
		at := r.Created
		if i, member := l.at(r.ID); member {
			at = l.Members[i].At
		}
		out = append(out, object{"listId": num(l.ID), "listVersion": l.Version, "firstAddedTimestamp": stamp(at), "lastAddedTimestamp": stamp(at)})
	}
	return ok(object{"results": out, "total": len(out)})
}

// fixed is the segment of the path, if its members can be changed.
func (c *call) fixed() (*segment, error) {
	l, err := c.segment()
	if err == nil && l.Type == dynamicList {
		return nil, bad("The list " + num(l.ID) + " is DYNAMIC: its members follow from its filters")
	}
	return l, err
}

func (c *call) alter(add, remove []string) (*reply, error) {
	l, err := c.fixed()
	if err != nil {
		return nil, err
	}
	added, removed, absent := []string{}, []string{}, []string{}
	for _, id := range add {
		r := c.p.contacts.rows[parseID(id)]
		switch {
		case r == nil || r.Archived != 0:
			absent = append(absent, id)
		case l.add(r.ID, c.s.now()):
			added = append(added, id)
		}
	}
	for _, id := range remove {
		if l.remove(parseID(id)) {
			removed = append(removed, id)
		} else if c.p.contacts.rows[parseID(id)] == nil {
			absent = append(absent, id)
		}
	}
	c.s.keepList(c.p, l)
	return ok(object{"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": absent})
}

func (c *call) bareIDs() ([]string, error) {
	var ids []string
	if !strict(c.body, &ids) || len(ids) == 0 {
		return nil, bad("Invalid input JSON: the body is an array of record ids as texts")
	}
	return ids, nil
}

func addMembers(c *call) (*reply, error) {
	ids, err := c.bareIDs()
	if err != nil {
		return nil, err
	}
	return c.alter(ids, nil)
}

func removeMembers(c *call) (*reply, error) {
	ids, err := c.bareIDs()
	if err != nil {
		return nil, err
	}
	return c.alter(nil, ids)
}

func changeMembers(c *call) (*reply, error) {
	var in struct {
		Add    []string `json:"recordIdsToAdd"`
		Remove []string `json:"recordIdsToRemove"`
	}
	if err := c.json(&in, "recordIdsToAdd", "recordIdsToRemove"); err != nil {
		return nil, err
	}
	if in.Add == nil || in.Remove == nil {
		return nil, bad("Invalid input JSON: recordIdsToAdd and recordIdsToRemove are required")
	}
	return c.alter(in.Add, in.Remove)
}

const emptyMost = 100_000

func emptyList(c *call) (*reply, error) {
	l, err := c.fixed()
	if err != nil {
		return nil, err
	}
	if len(l.Members) >= emptyMost {
		return nil, bad("The list has 100,000 members or more")
	}
	l.Members = nil
	c.s.keepList(c.p, l)
	return nothing()
}

func memberships(c *call) (*reply, error) { return c.memberPage(false) }

func membershipsByTime(c *call) (*reply, error) { return c.memberPage(true) }

// memberPage answers one page of members; with before, backwards from there.
func (c *call) memberPage(byTime bool) (*reply, error) {
	l, err := c.segment()
	if err != nil {
		return nil, err
	}
	n, err := c.limit(100, memberPageMost)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(c.p.membersOf(l))
	less := func(a, b joined) bool { return a.ID < b.ID }
	if byTime {
		less = func(a, b joined) bool { return a.At < b.At || a.At == b.At && a.ID < b.ID }
		sort.Slice(all, func(i, j int) bool { return less(all[i], all[j]) })
	}
	total := len(all)
	after, before := c.q.Get("after"), c.q.Get("before")
	mark, err := readMark(after + before)
	switch {
	case err != nil:
		return nil, err
	case after != "" && before != "":
		return nil, bad("Only one of after and before can be given")
	case after != "":
		all = all[sort.Search(len(all), func(i int) bool { return less(mark, all[i]) }):]
	case before != "":
		all = all[:sort.Search(len(all), func(i int) bool { return !less(all[i], mark) })]
		slices.Reverse(all)
	}
	results, out := []object{}, object{"total": total}
	for _, m := range all[:min(n, len(all))] {
		results = append(results, object{"recordId": num(m.ID), "membershipTimestamp": stamp(m.At)})
	}
	if len(all) > n {
		cursor := writeMark(all[n-1])
		paging := object{"after": cursor}
		name := "next"
		if before != "" {
			paging, name = object{"before": cursor}, "prev"
		}
		out["paging"] = object{name: paging}
	}
	out["results"] = results
	return &reply{http.StatusOK, out}, nil
}
