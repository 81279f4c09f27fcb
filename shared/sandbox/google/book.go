package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// Title is the name on the sandbox's page.
func (s *Sandbox) Title() string { return "Google Contacts (sandbox)" }

// AddUserJSON is AddUser for the control route: {"email","name","region"}.
func (s *Sandbox) AddUserJSON(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var u User
	if err := d.Decode(&u); err != nil {
		return fmt.Errorf("the user does not parse: %w", err)
	}
	return s.AddUser(u)
}

// Fields are the fields of every contact; custom ones are those that the user's first contacts have.
func (s *Sandbox) Fields(user string) ([]record.Field, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return nil, err
	}
	var fields []record.Field
	for _, p := range parts {
		fields = append(fields, record.Field{Key: p.key, Type: record.TypeText, Name: p.name, Max: 1})
	}
	for _, l := range lists {
		f := record.Field{Key: l.key, Type: l.typ, Name: l.name, Labelled: l.labels}
		if l.single {
			f.Max = 1
		}
		fields = append(fields, f)
	}
	const looked = 1000
	seen := map[string]bool{}
	for _, c := range a.made[:min(looked, len(a.made))] {
		if len(c.versions) == 0 {
			continue
		}
		vs, err := s.schema.decoded(c.now(), kUserDefined)
		if err != nil {
			return nil, err
		}
		for _, it := range vs.items {
			if name := it.text("key"); !seen[name] {
				seen[name] = true
				fields = append(fields, record.Field{Key: record.Custom(name), Type: record.TypeText, Name: name, Custom: true})
			}
		}
	}
	return fields, nil
}

// Put adds contacts and returns their ids in order. What Google cannot hold of them is left out; see Fill.
func (s *Sandbox) Put(user string, seeds []sandbox.Seed) ([]string, error) {
	done, err := s.Fill(user, seeds)
	return done.IDs, err
}

// Fill is Put that also says which fields of which contact were not held whole. It adds all or none. Contacts go to myContacts
// and the groups named, which are made where they do not exist.
func (s *Sandbox) Fill(user string, seeds []sandbox.Seed) (sandbox.Filled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return sandbox.Filled{}, err
	}
	versions, dropped := make([]version, len(seeds)), make([][]record.Key, len(seeds))
	for i, seed := range seeds {
		if versions[i], dropped[i], err = s.schema.edited(version{}, seed.Record.Fields, a.Region); err != nil {
			return sandbox.Filled{}, fmt.Errorf("contact %d: %w", i, err)
		}
		if e := s.checkSize(versions[i]); e != nil {
			return sandbox.Filled{}, fmt.Errorf("contact %d: %w", i, e)
		}
		if versions[i].groups, err = s.groupIDs(a, seed.Groups); err != nil {
			return sandbox.Filled{}, fmt.Errorf("contact %d: %w", i, err)
		}
	}
	if e := s.room(a, len(seeds)); e != nil {
		return sandbox.Filled{}, e
	}
	done := sandbox.Filled{IDs: make([]string, len(seeds)), Dropped: map[string][]record.Key{}}
	for i := range seeds {
		done.IDs[i] = personName(s.add(a, versions[i]).now().name)
		if len(dropped[i]) > 0 {
			done.Dropped[done.IDs[i]] = dropped[i]
		}
	}
	return done, s.flush()
}

// groupIDs turns names into ids, myContacts first.
func (s *Sandbox) groupIDs(a *account, names []string) ([]string, error) {
	ids := []string{myContacts}
	for _, n := range names {
		g, ok := a.groupNamed(n)
		if !ok {
			g = s.makeGroup(a, n, nil)
		}
		if !g.takesMembers() {
			return nil, errors.New(deprecatedGroup().message)
		}
		if !slices.Contains(ids, g.ID) {
			ids = append(ids, g.ID)
		}
	}
	return ids, nil
}

// Contacts lists in order of creation. The user sees every write at once: the lag is the API listings'.
func (s *Sandbox) Contacts(user, after string, limit int) ([]sandbox.Contact, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return nil, "", err
	}
	last := uint64(0)
	if after != "" {
		if last, err = strconv.ParseUint(after, 10, 64); err != nil {
			return nil, "", errors.New("after is not from an earlier page")
		}
	}
	from := sort.Search(len(a.made), func(i int) bool { return a.made[i].made > last })
	var page []sandbox.Contact
	for _, c := range a.made[from:] {
		if len(c.versions) == 0 || c.now().deleted {
			continue
		}
		if len(page) == limit {
			return page, strconv.FormatUint(last, 10), nil
		}
		last = c.made
		got, err := s.bookContact(a, c)
		if err != nil {
			return nil, "", err
		}
		page = append(page, got)
	}
	return page, "", nil
}

// Contact returns one contact.
func (s *Sandbox) Contact(user, id string) (sandbox.Contact, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c, err := s.bookFind(user, id)
	if err != nil {
		return sandbox.Contact{}, err
	}
	return s.bookContact(a, c)
}

func (s *Sandbox) bookFind(user, id string) (*account, *contact, error) {
	a, err := s.account(user)
	if err != nil {
		return nil, nil, err
	}
	n, ok := parsePersonName(id)
	if ok {
		if c, ok := a.find(n); ok {
			return a, c, nil
		}
	}
	return nil, nil, fmt.Errorf("%w: %s", sandbox.ErrNoContact, id)
}

func (s *Sandbox) bookContact(a *account, c *contact) (sandbox.Contact, error) {
	v := c.now()
	fields, err := s.schema.neutral(v)
	if err != nil {
		return sandbox.Contact{}, err
	}
	var b bytes.Buffer
	s.person(&b, c, v, view{mask: s.schema.allFields(), origin: s.cfg.Origin, sub: a.sub})
	got := sandbox.Contact{ID: personName(v.name), Version: s.sourceEtag(c, v), Record: record.Record{Kind: record.Contact, Fields: fields}, Native: b.Bytes()}
	for _, id := range v.groups {
		if g := a.groups[id]; g != nil {
			got.Groups = append(got.Groups, g.Name)
		}
	}
	return got, nil
}

// Edit gives each named field a complete new list of values, as a person does in Google's page.
func (s *Sandbox) Edit(user, id string, fields record.Fields) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c, err := s.bookFind(user, id)
	if err != nil {
		return err
	}
	v, dropped, err := s.schema.edited(*c.now(), fields, a.Region)
	if err != nil {
		return err
	}
	if len(dropped) > 0 {
		return fmt.Errorf("the values of %v are not ones that Google Contacts can hold", dropped)
	}
	if e := s.checkSize(v); e != nil {
		return e
	}
	s.push(a, c, v)
	return s.flush()
}

// Remove deletes a contact.
func (s *Sandbox) Remove(user, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c, err := s.bookFind(user, id)
	if err != nil {
		return err
	}
	s.remove(a, c)
	return s.flush()
}
