package dynamics

import (
	"errors"
	"net/http"

	"meibo/shared/sandbox"
)

// shippedView is a view that every organisation has.
type shippedView struct {
	table, name, fetch string
	main               bool // the default one
}

func shippedViews() []shippedView {
	entity := func(table, filter string) string {
		return `<fetch version="1.0" mapping="logical"><entity name="` + table + `"><attribute name="fullname" /><attribute name="emailaddress1" /><attribute name="telephone1" />` +
			`<attribute name="` + table + `id" /><order attribute="fullname" descending="false" />` + filter + `</entity></fetch>`
	}
	active := `<filter type="and"><condition attribute="statecode" operator="eq" value="0" /></filter>`
	mine := `<filter type="and"><condition attribute="ownerid" operator="eq-userid" /><condition attribute="statecode" operator="eq" value="0" /></filter>`
	return []shippedView{
		{tContact, "Active Contacts", entity(tContact, active), false},
		{tContact, "My Active Contacts", entity(tContact, mine), true},
		{tContact, "All Contacts", entity(tContact, ""), false},
		{tLead, "Open Leads", entity(tLead, active), false},
		{tLead, "My Open Leads", entity(tLead, mine), true},
		{tLead, "All Leads", entity(tLead, ""), false},
	}
}

// addView makes a view of the system, or a personal one of an owner's.
func (o *org) addView(kind, table, name, fetch string, main bool, owner guid) guid {
	t := o.tables[kind]
	id := derive(kind, o.host, table, name, owner.String(), utoa(o.seq))
	values := map[string]string{"name": quote(name), "returnedtypecode": quote(table), "querytype": "0", "fetchxml": quote(fetch), "statecode": "0", "statuscode": "1"}
	if kind == tSaved {
		values["isdefault"] = yes(main)
	}
	o.put(t, row{id: id, owner: owner, cells: t.cells(values)}, owner)
	return id
}

// AddView makes a view of a table ("contact" or "lead") from FetchXML, and returns its id. A personal one is the user's alone.
func (s *Sandbox) AddView(user, table, name, fetchXML string, personal bool) (id string, err error) {
	err = s.withUser(user, func(o *org, m *member) error {
		f, e := parseFetch(fetchXML)
		switch {
		case e != nil:
			return e
		case name == "" || f.Entity.Name != table || table != tContact && table != tLead:
			return errors.New("a view needs a name, and FetchXML about its table: contact or lead")
		}
		if _, e := o.fetchQuery(o.tables[table], f, m); e != nil {
			return e
		}
		kind, owner := tSaved, guid{}
		if personal {
			kind, owner = tPersonal, m.id
		}
		id = o.addView(kind, table, name, fetchXML, false, owner).String()
		return nil
	})
	return id, err
}

// RemoveView deletes a view of either kind.
func (s *Sandbox) RemoveView(user, id string) error {
	return s.withUser(user, func(o *org, m *member) error {
		g, _ := parseGUID(id)
		for _, kind := range []string{tSaved, tPersonal} {
			if r := o.tables[kind].get(g); r != nil {
				o.remove(o.tables[kind], r, m.id)
				return nil
			}
		}
		return sandbox.ErrNoContact
	})
}

// viewList answers a listing by a view. Without $select it has the view's columns.
func (c *call) viewList(t *table) (*reply, *apiError) {
	if e := c.allow("$select", "savedQuery", "userQuery", "$count", "$skiptoken"); e != nil {
		return nil, e
	}
	views, key := c.o.tables[tSaved], c.query.Get("savedQuery")
	if c.query.Has("userQuery") {
		if c.query.Has("savedQuery") {
			return nil, badURL("savedQuery and userQuery exclude each other.")
		}
		views, key = c.o.tables[tPersonal], c.query.Get("userQuery")
	}
	if _, ok := parseGUID(key); !ok {
		return nil, badURL("The id of the view is not a GUID.")
	}
	v, e := c.find(views, key, "read")
	if e != nil {
		return nil, e
	}
	if textOf(v.raw(views.col("returnedtypecode"))) != t.logical {
		return nil, fail(http.StatusBadRequest, codeArgument, "The view is not one of %s.", t.logical)
	}
	f, e := parseFetch(textOf(v.raw(views.col("fetchxml"))))
	if e != nil {
		return nil, e
	}
	q, e := c.o.fetchQuery(t, f, c.m)
	if e != nil {
		return nil, e
	}
	if c.query.Has("$select") {
		if q.cols, e = c.selection(t); e != nil {
			return nil, e
		}
	}
	q.count = c.query.Get("$count") == "true"
	return c.listing(q, nil)
}
