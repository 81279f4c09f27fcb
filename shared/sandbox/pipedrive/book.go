package pipedrive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// A Sandbox is a sandbox.Book: what a person does in Pipedrive's own pages.
var _ sandbox.Book = (*Sandbox)(nil)

// Title is the page's heading.
func (s *Sandbox) Title() string { return "Pipedrive" }

// Users lists the users of all companies.
func (s *Sandbox) Users() []sandbox.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []sandbox.User
	for _, o := range s.companies {
		for _, m := range o.members {
			out = append(out, sandbox.User{Email: m.Email, Name: m.Name})
		}
	}
	return out
}

// AddUserJSON adds or changes a user from a User in JSON.
func (s *Sandbox) AddUserJSON(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var u User
	if err := d.Decode(&u); err != nil {
		return fmt.Errorf("the user does not parse: %w", err)
	}
	return s.AddUser(u)
}

func noUser(user string) error { return fmt.Errorf("%q: %w", user, sandbox.ErrNoUser) }

// as is a call on behalf of a user through Pipedrive's own pages.
func (s *Sandbox) as(user string) (*call, error) {
	m := s.userByEmail(user)
	if m == nil {
		return nil, noUser(user)
	}
	return &call{s: s, m: m, o: m.o, ui: true}, nil
}

// onCompany does one thing as a user under the lock, and keeps it.
func (s *Sandbox) onCompany(user string, do func(*call) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return err
	}
	if err := do(c); err != nil {
		return err
	}
	s.keepCompany(c.o)
	return s.save()
}

// person is a live person whom the user sees.
func (c *call) person(id string) (*row, error) {
	r := c.o.persons.rows[parseID(id)]
	if r == nil || r.Deleted || !c.m.sees(r) {
		return nil, fmt.Errorf("%q: %w", id, sandbox.ErrNoContact)
	}
	return r, nil
}

// onPerson does one thing to a person as a user.
func (s *Sandbox) onPerson(user, id string, do func(*call, *row) error) error {
	return s.onCompany(user, func(c *call) error {
		r, err := c.person(id)
		if err != nil {
			return err
		}
		return do(c, r)
	})
}

// Fields are the fields of the user's company that the page offers.
func (s *Sandbox) Fields(user string) ([]record.Field, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return nil, err
	}
	return c.o.fieldList(), nil
}

// ownerGroup gives a seed to another user of the company, who is named after it.
const ownerGroup = "owner:"

// Fill adds persons that the user owns. A group is a label with a shared filter of the same name; "owner:<e-mail>" names another
// owner. Records without a name get "-", which reads back as none.
func (s *Sandbox) Fill(user string, seeds []sandbox.Seed) (sandbox.Filled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return sandbox.Filled{}, err
	}
	out := sandbox.Filled{IDs: make([]string, 0, len(seeds)), Dropped: map[string][]record.Key{}}
	owners, err := c.owners(seeds)
	if err != nil {
		return out, err
	}
	for i, seed := range seeds {
		r := &row{Owner: owners[i].ID, Visible: c.m.visibility(), Added: s.now(), Name: noName, First: noName}
		for _, g := range seed.Groups {
			if !strings.HasPrefix(g, ownerGroup) {
				r.Labels = append(r.Labels, c.group(g))
			}
		}
		dropped := c.write(r, seed.Record.Fields)
		c.create(c.o.persons, r)
		out.IDs = append(out.IDs, num(r.ID))
		if len(dropped) > 0 {
			out.Dropped[num(r.ID)] = dropped
		}
	}
	return out, s.save()
}

// owners are the users who own what the seeds are to become.
func (c *call) owners(seeds []sandbox.Seed) ([]*member, error) {
	out := make([]*member, len(seeds))
	for i, seed := range seeds {
		out[i] = c.m
		for _, g := range seed.Groups {
			email, named := strings.CutPrefix(g, ownerGroup)
			if !named {
				continue
			}
			if out[i] = c.s.userByEmail(email); out[i] == nil || out[i].o != c.o {
				return nil, noUser(email)
			}
		}
	}
	return out, nil
}

// Put adds persons as Fill does and returns their ids.
func (s *Sandbox) Put(user string, seeds []sandbox.Seed) ([]string, error) {
	done, err := s.Fill(user, seeds)
	return done.IDs, err
}

// group finds or makes the label and the filter that stand for a group.
func (c *call) group(name string) int64 {
	id := optionNamed(c.o.Labels, name)
	if id == 0 {
		id = c.o.newID()
		c.o.Labels = append(c.o.Labels, option{id, name})
	}
	if !slices.ContainsFunc(c.o.Filters, func(f *filter) bool { return f.Name == name && f.Type == "people" }) {
		value, now := num(id), c.s.now()
		one := condition{Object: personKind.entity, FieldID: num(c.o.field(&personKind, "label_ids").Num), Operator: "=", Value: &value}
		c.o.Filters = append(c.o.Filters, &filter{ID: c.o.newID(), Name: name, Type: "people", User: c.m.ID, Shared: true, Added: now, Changed: now,
			Rules: rules{"and", []ruleGroup{{"and", []condition{one}}, {"or", nil}}}})
	}
	c.s.keepCompany(c.o)
	return id
}

// Contacts lists the persons whom the user sees, by id.
func (s *Sandbox) Contacts(user, after string, limit int) ([]sandbox.Contact, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return nil, "", err
	}
	at := place{A: parseID(after)}
	var out []sandbox.Contact
	for r := range c.o.persons.walk(byID, false, &at, 0) {
		if !c.m.sees(r) {
			continue
		}
		if len(out) == limit {
			return out, out[len(out)-1].ID, nil
		}
		out = append(out, c.contact(r))
	}
	return out, "", nil
}

// Contact returns one person whom the user sees.
func (s *Sandbox) Contact(user, id string) (sandbox.Contact, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return sandbox.Contact{}, err
	}
	r, err := c.person(id)
	if err != nil {
		return sandbox.Contact{}, err
	}
	return c.contact(r), nil
}

func (c *call) contact(r *row) sandbox.Contact {
	out := sandbox.Contact{ID: num(r.ID), Version: num(int64(r.Seq)), Record: c.o.read(r), Native: raw(c.o.render(c.o.persons, r, view{}))}
	for _, id := range r.Labels {
		out.Groups = append(out.Groups, labelOf(c.o.Labels, id))
	}
	return out
}

// Edit gives each named field a complete new list of values.
func (s *Sandbox) Edit(user, id string, fields record.Fields) error {
	return s.edit(user, []string{id}, fields, false)
}

// BulkEdit edits many persons in one step of Pipedrive's list view: webhooks mark it.
func (s *Sandbox) BulkEdit(user string, ids []string, fields record.Fields) error {
	return s.edit(user, ids, fields, true)
}

func (s *Sandbox) edit(user string, ids []string, fields record.Fields, bulk bool) error {
	return s.onCompany(user, func(c *call) error {
		c.bulk = bulk
		for _, id := range ids {
			r, err := c.person(id)
			if err != nil {
				return err
			}
			after := r.clone()
			if dropped := c.write(after, fields); len(dropped) > 0 {
				return fmt.Errorf("the sandbox cannot hold what was entered for %v", dropped)
			}
			c.replace(c.o.persons, r, after)
		}
		return nil
	})
}

// Remove deletes a person softly.
func (s *Sandbox) Remove(user, id string) error {
	return s.onPerson(user, id, func(c *call, r *row) error {
		c.remove(c.o.persons, r, 0)
		return nil
	})
}
