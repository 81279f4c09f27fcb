package hubspot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// A Sandbox is a sandbox.Book: what a person does in HubSpot's own pages.
var _ sandbox.Book = (*Sandbox)(nil)

// Title is the page's heading.
func (s *Sandbox) Title() string { return "HubSpot" }

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

// as is a call on behalf of a user through HubSpot's own pages.
func (s *Sandbox) as(user string) (*call, error) {
	m := s.userByEmail(user)
	if m == nil {
		return nil, noUser(user)
	}
	return &call{s: s, m: m, p: m.p, kind: &contactKind, source: sourceUI}, nil
}

// onPortal does one thing as a user under the lock, and keeps it.
func (s *Sandbox) onPortal(user string, do func(*call) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return err
	}
	if err := do(c); err != nil {
		return err
	}
	s.keepPortal(c.p)
	return s.save()
}

// contactRow is a live contact.
func (c *call) contactRow(id string) (*row, error) {
	r := c.p.contacts.resolve(parseID(id))
	if r == nil || r.Archived != 0 {
		return nil, fmt.Errorf("%q: %w", id, sandbox.ErrNoContact)
	}
	return r, nil
}

// onContact does one thing to a contact as a user.
func (s *Sandbox) onContact(user, id string, do func(*call, *row) error) error {
	return s.onPortal(user, func(c *call) error {
		r, err := c.contactRow(id)
		if err != nil {
			return err
		}
		return do(c, r)
	})
}

// Fields are the fields of the user's portal that the page offers.
func (s *Sandbox) Fields(user string) ([]record.Field, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return nil, err
	}
	return c.p.fieldList(), nil
}

// ownerGroup gives a seed to another user of the portal, who is named after it.
const ownerGroup = "owner:"

// Fill imports contacts that the user owns. A group is a manual segment; "owner:<e-mail>" names another owner. An address that
// another contact has, or that is none, is dropped.
func (s *Sandbox) Fill(user string, seeds []sandbox.Seed) (sandbox.Filled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return sandbox.Filled{}, err
	}
	c.source = sourceImport
	out := sandbox.Filled{IDs: make([]string, 0, len(seeds)), Dropped: map[string][]record.Key{}}
	owners, err := c.owners(seeds)
	if err != nil {
		return out, err
	}
	t := c.p.contacts
	for i, seed := range seeds {
		r := c.fresh(t)
		r.Props = r.Props.with("hubspot_owner_id", num(owners[i].OwnerID)).with("lifecyclestage", c.p.Stage)
		dropped := c.enter(r, seed.Record.Fields)
		c.create(t, r)
		for _, g := range seed.Groups {
			if !strings.HasPrefix(g, ownerGroup) {
				c.segmentNamed(g).add(r.ID, s.now())
			}
		}
		out.IDs = append(out.IDs, num(r.ID))
		if len(dropped) > 0 {
			out.Dropped[num(r.ID)] = dropped
		}
	}
	for _, l := range c.p.lists {
		s.keepList(c.p, l)
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
			if out[i] = c.s.userByEmail(email); out[i] == nil || out[i].p != c.p {
				return nil, noUser(email)
			}
		}
	}
	return out, nil
}

// segmentNamed finds or makes the manual segment that stands for a group.
func (c *call) segmentNamed(name string) *segment {
	if l := c.p.listNamed(name); l != nil {
		return l
	}
	return c.newList(name, manualList)
}

// Put adds contacts as Fill does and returns their ids.
func (s *Sandbox) Put(user string, seeds []sandbox.Seed) ([]string, error) {
	done, err := s.Fill(user, seeds)
	return done.IDs, err
}

// Contacts lists the contacts of the user's portal, by id.
func (s *Sandbox) Contacts(user, after string, limit int) ([]sandbox.Contact, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return nil, "", err
	}
	t := c.p.contacts
	var out []sandbox.Contact
	for _, r := range t.byID[t.at(parseID(after)+1):] {
		if r.Archived != 0 {
			continue
		}
		if len(out) == limit {
			return out, out[len(out)-1].ID, nil
		}
		out = append(out, c.contact(r))
	}
	return out, "", nil
}

// Contact returns one contact.
func (s *Sandbox) Contact(user, id string) (sandbox.Contact, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return sandbox.Contact{}, err
	}
	r, err := c.contactRow(id)
	if err != nil {
		return sandbox.Contact{}, err
	}
	return c.contact(r), nil
}

// contact is a contact as people see it; its groups are the names of its segments.
func (c *call) contact(r *row) sandbox.Contact {
	t := c.p.contacts
	var names []string
	for _, d := range c.p.properties(&contactKind) {
		names = append(names, d.Name)
	}
	native, err := json.Marshal(t.render(r, view{names: names}))
	if err != nil { // text marshals
		native = nil
	}
	out := sandbox.Contact{ID: num(r.ID), Version: num(int64(r.Seq)), Record: c.p.read(r), Native: native}
	for _, l := range c.p.listsOf(r.ID) {
		out.Groups = append(out.Groups, l.Name)
	}
	return out
}

// Edit gives each named field a complete new list of values.
func (s *Sandbox) Edit(user, id string, fields record.Fields) error {
	return s.onContact(user, id, func(c *call, r *row) error {
		after := r.clone()
		if dropped := c.enter(after, fields); len(dropped) > 0 {
			return fmt.Errorf("the sandbox cannot hold what was entered for %v", dropped)
		}
		c.replace(c.p.contacts, r, after)
		return nil
	})
}

// Remove archives a contact.
func (s *Sandbox) Remove(user, id string) error {
	return s.onContact(user, id, func(c *call, r *row) error {
		c.archive(c.p.contacts, r)
		return nil
	})
}
