package dynamics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// Title is the name on the sandbox's page.
func (s *Sandbox) Title() string { return "Microsoft Dynamics 365 (sandbox)" }

// AddUserJSON is AddUser for the control route.
func (s *Sandbox) AddUserJSON(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var u User
	if err := d.Decode(&u); err != nil {
		return fmt.Errorf("the user does not parse: %w", err)
	}
	return s.AddUser(u)
}

// people is the table that a user's page is about.
func (o *org) people(m *member) *table {
	if m.Object == ObjectLeads {
		return o.tables[tLead]
	}
	return o.tables[tContact]
}

// Fields are the fields of a user's contacts or leads.
func (s *Sandbox) Fields(user string) (out []record.Field, err error) {
	err = s.withUser(user, func(o *org, m *member) error {
		out = o.people(m).fields()
		return nil
	})
	return out, err
}

// Put adds rows that the user owns and returns their ids in order. What Dataverse cannot hold of them is left out; see Fill.
func (s *Sandbox) Put(user string, seeds []sandbox.Seed) ([]string, error) {
	done, err := s.Fill(user, seeds)
	return done.IDs, err
}

// Fill is Put that also says which fields of which row were not held whole. It adds all or none. A group is the name of a static
// marketing list, and a company that of an account; missing ones are made.
func (s *Sandbox) Fill(user string, seeds []sandbox.Seed) (done sandbox.Filled, err error) {
	err = s.withUser(user, func(o *org, m *member) error {
		t := o.people(m)
		known := t.known()
		done = sandbox.Filled{IDs: make([]string, len(seeds)), Dropped: map[string][]record.Key{}}
		return plainError(o.atomically(func() *apiError {
			for i, seed := range seeds {
				cells, dropped, e := o.entered(t, known, t.cells(map[string]string{"statecode": "0", "statuscode": "1"}), seed.Record.Fields, m.id)
				if e != nil {
					e.message = fmt.Sprintf("contact %d: %s", i, e.message)
					return e
				}
				r := o.put(t, row{id: derive("row", o.host, t.logical, utoa(o.seq+1)), owner: m.id, cells: cells}, m.id)
				for _, name := range seed.Groups {
					o.enlist(o.listNamed(t, name, m.id).id, t, r, m.id)
				}
				done.IDs[i] = r.id.String()
				if len(dropped) > 0 {
					done.Dropped[done.IDs[i]] = dropped
				}
			}
			return nil
		}))
	})
	return done, err
}

// plainError is e as an error; nil stays nil.
func plainError(e *apiError) error {
	if e == nil {
		return nil
	}
	return e
}

// listNamed finds or makes a static list of a table's rows.
func (o *org) listNamed(t *table, name string, by guid) *row {
	lists := o.tables[tList]
	code := map[string]string{tContact: "2", tLead: "4"}[t.logical]
	for _, b := range lists.made {
		if b.current() && textOf(b.r.raw(lists.col("listname"))) == name && b.r.raw(lists.col("type")) != "true" && b.r.raw(lists.col("createdfromcode")) == code {
			return b.r
		}
	}
	return o.put(lists, row{id: derive("row", o.host, tList, utoa(o.seq+1)), owner: by, cells: lists.cells(map[string]string{
		"listname": quote(name), "createdfromcode": code, "type": "false", "lockstatus": "false", "statecode": "0", "statuscode": "0"})}, by)
}

// Contacts lists the active rows that the user may see, in the order in which they were made.
func (s *Sandbox) Contacts(user, after string, limit int) (page []sandbox.Contact, next string, err error) {
	err = s.withUser(user, func(o *org, m *member) error {
		last := uint64(0)
		if after != "" {
			if last, err = strconv.ParseUint(after, 10, 64); err != nil {
				return errors.New("after is not from an earlier page")
			}
		}
		t := o.people(m)
		for seq, r := range t.everything(last) {
			if !t.active(r) || !m.reaches("read", t, r) {
				continue
			}
			if len(page) == limit {
				next = utoa(last)
				return nil
			}
			last = seq
			page = append(page, s.bookContact(o, m, t, r))
		}
		return nil
	})
	return page, next, err
}

// Contact returns one row, active or not.
func (s *Sandbox) Contact(user, id string) (c sandbox.Contact, err error) {
	err = s.withRow(user, id, func(o *org, m *member, t *table, r *row) error {
		c = s.bookContact(o, m, t, r)
		return nil
	})
	return c, err
}

// withRow is withUser for one row of the user's table.
func (s *Sandbox) withRow(user, id string, do func(*org, *member, *table, *row) error) error {
	return s.withUser(user, func(o *org, m *member) error {
		t := o.people(m)
		g, ok := parseGUID(id)
		r := t.get(g)
		if !ok || r == nil || !m.reaches("read", t, r) {
			return fmt.Errorf("%w: %s", sandbox.ErrNoContact, id)
		}
		return do(o, m, t, r)
	})
}

func (s *Sandbox) bookContact(o *org, m *member, t *table, r *row) sandbox.Contact {
	c := &call{s: s, o: o, m: m}
	var b strings.Builder
	c.render(&b, t, r, view{cols: t.every(), formatted: true, lookupName: true})
	got := sandbox.Contact{ID: r.id.String(), Version: utoa(r.ver), Native: json.RawMessage(b.String()),
		Record: record.Record{Kind: record.Contact, Fields: o.neutral(t, r)}}
	lists := o.tables[tList]
	for id, l := range o.lists {
		if list := lists.get(id); list != nil && l.by[r.id] != nil {
			got.Groups = append(got.Groups, o.title(lists, list))
		}
	}
	slices.Sort(got.Groups)
	return got
}

// Edit gives each named field a complete new list of values, as a person does on the form.
func (s *Sandbox) Edit(user, id string, fields record.Fields) error {
	return s.withRow(user, id, func(o *org, m *member, t *table, r *row) error {
		return plainError(o.atomically(func() *apiError {
			cells, dropped, e := o.entered(t, t.known(), r.cells, fields, m.id)
			if e != nil {
				return e
			}
			if len(dropped) > 0 {
				return fail(400, codeArgument, "the values of %v are not ones that Dynamics 365 can hold", dropped)
			}
			o.change(t, r, cells, r.owner, m.id)
			return nil
		}))
	})
}

// Remove deletes a row.
func (s *Sandbox) Remove(user, id string) error {
	return s.withRow(user, id, func(o *org, m *member, t *table, r *row) error {
		o.drop(t, r, m.id)
		return nil
	})
}
