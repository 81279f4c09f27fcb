package dynamics

import (
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"sort"
)

// membership is who is on a list.
type membership struct {
	rows []*row        // of listmember, in the order in which they came
	by   map[guid]*row // by the id of who is on the list
}

func (o *org) membership(list guid) *membership {
	l := o.lists[list]
	if l == nil {
		l = &membership{by: map[guid]*row{}}
		o.lists[list] = l
	}
	return l
}

func (o *org) memberCount(list guid) int {
	if l := o.lists[list]; l != nil {
		return len(l.rows)
	}
	return 0
}

// restoreLists rebuilds who is on which list.
func (o *org) restoreLists() {
	t := o.tables[tMember]
	for _, b := range t.made {
		_, list := splitRef(b.r.raw(t.col("listid")))
		_, who := splitRef(b.r.raw(t.col("entityid")))
		l := o.membership(list)
		l.rows, l.by[who] = append(l.rows, b.r), b.r
	}
}

// enlist puts a row on a list, and returns the row of the table listmembers. One that is there already stays.
func (o *org) enlist(list guid, t *table, who *row, by guid) *row {
	l, members := o.membership(list), o.tables[tMember]
	if have := l.by[who.id]; have != nil {
		return have
	}
	m := o.put(members, row{id: derive("listmember", list.String(), who.id.String()), cells: members.cells(map[string]string{
		"listid": ref(tList, list), "entityid": ref(t.logical, who.id), "entitytype": quote(t.logical)})}, by)
	l.rows, l.by[who.id] = append(l.rows, m), m
	o.note(func() {
		l.rows = l.rows[:len(l.rows)-1]
		delete(l.by, who.id)
	})
	return m
}

// unlist takes a row off a list.
func (o *org) unlist(list guid, member *row, by guid) {
	l, members := o.membership(list), o.tables[tMember]
	_, who := splitRef(member.raw(members.col("entityid")))
	was := l.rows
	l.rows = slices.DeleteFunc(slices.Clone(l.rows), func(r *row) bool { return r == member })
	delete(l.by, who)
	o.note(func() { l.rows, l.by[who] = was, member })
	o.remove(members, member, by)
}

// memberTypes are the tables of which a list can have rows, by createdfromcode.
func memberTypes() map[string]string {
	return map[string]string{"1": tAccount, "2": tContact, "4": tLead}
}

// associations are the navigation properties of a list's members, and their tables.
func associations() map[string]string {
	return map[string]string{"listcontact_association": tContact, "listlead_association": tLead, "listaccount_association": tAccount}
}

// checkList refuses lists that lack what a list needs.
func checkList(t *table, cells []cell) *apiError {
	r := &row{cells: cells}
	if r.raw(t.col("listname")) == "" || memberTypes()[r.raw(t.col("createdfromcode"))] == "" {
		return fail(http.StatusBadRequest, codeArgument, "A list needs listname and createdfromcode.")
	}
	if r.raw(t.col("type")) == "true" != (r.raw(t.col("query")) != "") {
		return fail(http.StatusBadRequest, codeArgument, "A dynamic list needs a query, and a static one has none.")
	}
	if raw := r.raw(t.col("query")); raw != "" {
		if _, e := parseFetch(textOf(raw)); e != nil {
			return e
		}
	}
	return nil
}

// static finds a list whose members the caller may change, and the table of its members.
func (c *call) static(key string) (*row, *table, *apiError) {
	t := c.o.tables[tList]
	if t.absent {
		return nil, nil, badSegment(t.set)
	}
	l, e := c.find(t, key, "write")
	if e != nil {
		return nil, nil, e
	}
	switch {
	case l.raw(t.col("type")) == "true":
		return nil, nil, fail(http.StatusBadRequest, codeArgument, "The members of a dynamic list are those of its query and cannot be changed.")
	case l.raw(t.col("lockstatus")) == "true":
		return nil, nil, fail(http.StatusBadRequest, codeArgument, "The list is locked.")
	}
	return l, c.o.tables[memberTypes()[l.raw(t.col("createdfromcode"))]], nil
}

// entityBody reads {"EntityId"} and finds the row.
func (c *call) entityBody(t *table) (*row, *apiError) {
	body, e := object(c.body)
	if e != nil {
		return nil, e
	}
	var text string
	if json.Unmarshal(body["EntityId"], &text) != nil || len(body) != 1 {
		return nil, badBody("The action takes EntityId and nothing else.")
	}
	id, ok := parseGUID(text)
	if !ok {
		return nil, badBody("EntityId is not a GUID.")
	}
	return c.find(t, id.String(), "read")
}

// addMember answers AddMemberList.
func (c *call) addMember(key string) (*reply, *apiError) {
	l, t, e := c.static(key)
	if e != nil {
		return nil, e
	}
	r, e := c.entityBody(t)
	if e != nil {
		return nil, e
	}
	m := c.o.enlist(l.id, t, r, c.m.id)
	return jsonReply(http.StatusOK, `{"@odata.context":`+quote(c.contextURL(namespace+"AddMemberListResponse"))+`,"Id":"`+m.id.String()+`"}`), nil
}

// removeMember answers RemoveMemberList.
func (c *call) removeMember(key string) (*reply, *apiError) {
	l, t, e := c.static(key)
	if e != nil {
		return nil, e
	}
	r, e := c.entityBody(t)
	if e != nil {
		return nil, e
	}
	if m := c.o.membership(l.id).by[r.id]; m != nil {
		c.o.unlist(l.id, m, c.m.id)
	}
	return noContent(), nil
}

// addMembers answers AddListMembersList: {"List":{"listid","@odata.type"},"Members":[{"contactid","@odata.type"}]}. In the form that is
// bound to a list there is no List.
func (c *call) addMembers(key string) (*reply, *apiError) {
	body, e := object(c.body)
	if e != nil {
		return nil, e
	}
	var members []map[string]string
	if json.Unmarshal(body["Members"], &members) != nil || len(members) == 0 {
		return nil, badBody("The action needs Members.")
	}
	if key == "" {
		var list map[string]string
		if json.Unmarshal(body["List"], &list) != nil || list["@odata.type"] != namespace+tList {
			return nil, badBody("The action needs List with listid and @odata.type.")
		}
		key = list["listid"]
	} else if body["List"] != nil {
		return nil, badBody("The action is bound to a list and takes no List.")
	}
	l, t, e := c.static(key)
	if e != nil {
		return nil, e
	}
	for _, m := range members {
		if m["@odata.type"] != namespace+t.logical {
			return nil, badBody("A member of this list must be of the type %s%s.", namespace, t.logical)
		}
		r, e := c.find(t, m[t.key], "read")
		if e != nil {
			return nil, e
		}
		c.cost += costWrite / 10
		c.o.enlist(l.id, t, r, c.m.id)
	}
	return noContent(), nil
}

// association answers the members of a list as rows of their table. Dynamic lists have none.
func (c *call) association(key, table string) (*reply, *apiError) {
	t := c.o.tables[table]
	l, e := c.find(c.o.tables[tList], key, "read")
	if e != nil {
		return nil, e
	}
	if e := c.need("read", t); e != nil {
		return nil, e
	}
	if e := c.allow("$select", "$filter", "$orderby", "$top", "$count", "$skiptoken"); e != nil {
		return nil, e
	}
	cols, e := c.selection(t)
	if e != nil {
		return nil, e
	}
	q := &query{t: t, cols: cols}
	if e := c.options(q); e != nil {
		return nil, e
	}
	return c.listing(q, c.o.listed(l.id, t))
}

// listed gives the members of a list that are rows of t.
func (o *org) listed(list guid, t *table) source {
	members := o.tables[tMember]
	col := members.col("entityid")
	return func(after uint64) iter.Seq2[uint64, *row] {
		rows := o.membership(list).rows
		from := sort.Search(len(rows), func(i int) bool { return rows[i].seq > after })
		return func(yield func(uint64, *row) bool) {
			for _, m := range rows[from:] {
				table, id := splitRef(m.raw(col))
				if r := t.get(id); table == t.logical && r != nil && !yield(m.seq, r) {
					return
				}
			}
		}
	}
}
