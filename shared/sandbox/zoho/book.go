package zoho

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// A Sandbox is a sandbox.Book: what a person does in Zoho's own pages.
var _ sandbox.Book = (*Sandbox)(nil)

// Title is the page's heading.
func (s *Sandbox) Title() string { return "Zoho CRM" }

// Users lists the users of all organisations.
func (s *Sandbox) Users() []sandbox.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []sandbox.User
	for _, o := range s.orgs {
		for _, m := range o.members {
			out = append(out, sandbox.User{Email: m.Email, Name: m.fullName()})
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

const defaultOrg = "Kitano Seiki K.K."

// AddUser adds a user, and the organisation if it is the first of it. A user who exists is changed: profile, role, time zone,
// status and names as given, the rest as it was.
func (s *Sandbox) AddUser(u User) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !isMailbox(u.Email) {
		return fmt.Errorf("email: %q is not an address", u.Email)
	}
	if u.Status != "" && u.Status != "active" && u.Status != "disabled" {
		return fmt.Errorf("status: %q is neither active nor disabled", u.Status)
	}
	if _, err := time.LoadLocation(u.TimeZone); err != nil {
		return fmt.Errorf("time_zone: %q is not an IANA time zone", u.TimeZone)
	}
	m := s.userByEmail(u.Email)
	if m == nil {
		o, err := s.orgFor(u)
		if err != nil {
			return err
		}
		if u.Profile != "" && o.profileNamed(u.Profile) == nil {
			return fmt.Errorf("profile: there is no profile %q", u.Profile)
		}
		m = &member{ID: o.newID(), Org: o.Name, Email: u.Email, Zone: "Asia/Tokyo", Locale: "ja_JP", Status: "active", Profile: o.Profiles[0].ID, Role: o.Roles[0].ID}
		m.ZUID = 700000000 + m.ID%1000000
		name := u.Name
		if name == "" {
			name, _, _ = strings.Cut(u.Email, "@")
		}
		m.First, m.Last = splitName(name)
		if !slices.Contains(s.orgs, o) {
			s.orgs = append(s.orgs, o)
		}
		if err := s.attach(m); err != nil {
			return err
		}
	}
	return s.change(m, u)
}

func splitName(name string) (first, last string) {
	if i := strings.LastIndexByte(name, ' '); i > 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

// orgFor finds the organisation of a new user, or makes one that is not yet added.
func (s *Sandbox) orgFor(u User) (*org, error) {
	name, dc := u.Org, u.DC
	if name == "" {
		name = defaultOrg
	}
	for _, o := range s.orgs {
		if o.Name == name {
			if dc != "" && dc != o.DC {
				return nil, fmt.Errorf("dc: the organisation %q is in data centre %s", name, o.DC)
			}
			return o, nil
		}
	}
	if dc == "" {
		dc = s.cfg.DCs[0].Location
	}
	if !slices.ContainsFunc(s.cfg.DCs, func(d DC) bool { return d.Location == dc }) {
		return nil, fmt.Errorf("dc: the sandbox has no data centre %q", dc)
	}
	return newOrg(name, int64(len(s.orgs)), dc, s.now()), nil
}

// change applies what u names to m.
func (s *Sandbox) change(m *member, u User) error {
	if u.Name != "" {
		m.First, m.Last = splitName(u.Name)
	}
	if u.LastName != "" {
		m.First, m.Last = u.FirstName, u.LastName
	}
	if u.Profile != "" {
		p := m.org.profileNamed(u.Profile)
		if p == nil {
			return fmt.Errorf("profile: there is no profile %q", u.Profile)
		}
		m.Profile = p.ID
	}
	if u.Role != "" {
		m.Role = s.roleFor(m.org, u.Role, u.ReportsTo).ID
	}
	if u.TimeZone != "" {
		m.Zone = u.TimeZone
		m.loc, _ = time.LoadLocation(u.TimeZone) // checked before
	}
	if u.Locale != "" {
		m.Locale = u.Locale
	}
	if u.Status != "" {
		m.Status = u.Status
	}
	s.keepOrg(m.org)
	s.keepMember(m)
	return s.save()
}

func (s *Sandbox) roleFor(o *org, name, above string) *role {
	if r := o.roleNamed(name); r != nil {
		return r
	}
	r := &role{ID: o.newID(), Name: name, Above: o.Roles[0].ID}
	if up := o.roleNamed(above); up != nil {
		r.Above = up.ID
	}
	o.Roles = append(o.Roles, r)
	return r
}

// as is a call on behalf of a user through Zoho's own pages: field permissions of the API do not matter there.
func (s *Sandbox) as(user string) (*call, error) {
	m := s.userByEmail(user)
	if m == nil {
		return nil, fmt.Errorf("%q: %w", user, sandbox.ErrNoUser)
	}
	return &call{s: s, m: m, o: m.org}, nil
}

// contactOf is a live contact that the user sees.
func (c *call) contactOf(id string) (*table, *row, error) {
	t := c.o.tables["Contacts"]
	r := t.rows[parseID(id)]
	if r == nil || r.State != live || !c.m.sees(t, r) {
		return nil, nil, fmt.Errorf("%q: %w", id, sandbox.ErrNoContact)
	}
	return t, r, nil
}

// Fields are the fields of the user's organisation that the page offers.
func (s *Sandbox) Fields(user string) ([]record.Field, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return nil, err
	}
	return c.o.fieldList(), nil
}

// Fill adds contacts that the user owns. A group is a tag with a shared view of the same name. Records without a family name get "-", which
// is what Zoho's users type there; it reads back as none.
func (s *Sandbox) Fill(user string, seeds []sandbox.Seed) (sandbox.Filled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return sandbox.Filled{}, err
	}
	t := c.o.tables["Contacts"]
	out := sandbox.Filled{IDs: make([]string, 0, len(seeds)), Dropped: map[string][]record.Key{}}
	for _, seed := range seeds {
		w := c.write(seed.Record.Fields)
		if w.set["Last_Name"] == nil {
			w.set["Last_Name"] = marshal(noFamily)
		}
		c.settle(t, w, 0)
		r := s.create(c.m, t, w.set, c.m.ID, "crm_ui")
		for _, g := range seed.Groups {
			r.Tags = append(r.Tags, s.group(c.o, g).ID)
		}
		id := num(r.ID)
		out.IDs = append(out.IDs, id)
		if len(w.dropped) > 0 {
			out.Dropped[id] = w.dropped
		}
		s.keepRow(c.o, t, r)
	}
	return out, s.save()
}

// settle finishes what write began: the company becomes a look-up, and a value that must be unique and is not is dropped.
func (c *call) settle(t *table, w *written, self int64) {
	if w.company != nil {
		w.set["Account_Name"] = nil
		if *w.company != "" {
			w.set["Account_Name"] = marshal(object{"id": num(c.account(*w.company).ID)})
		}
	}
	for bad := c.checkUnique(t, w.set, self, 0); bad != nil; bad = c.checkUnique(t, w.set, self, 0) {
		api, _ := bad.details["api_name"].(string)
		delete(w.set, api)
		k := record.Custom(api)
		if api == "Email" {
			k = record.Email
		}
		w.drop(k)
	}
}

// account finds a company by name, or makes it.
func (c *call) account(name string) *row {
	t := c.o.tables["Accounts"]
	if rows := t.find("Account_Name", name); len(rows) > 0 {
		return rows[0]
	}
	return c.s.create(c.m, t, map[string]json.RawMessage{"Account_Name": marshal(name)}, c.m.ID, "crm_ui")
}

// group finds or makes the tag and the view that stand for a group.
func (s *Sandbox) group(o *org, name string) *tag {
	for _, t := range o.Tags {
		if t.Name == name {
			return t
		}
	}
	t := &tag{ID: o.newID(), Name: name}
	o.Tags = append(o.Tags, t)
	if !slices.ContainsFunc(o.Views, func(v *view) bool { return v.Name == name }) {
		o.Views = append(o.Views, &view{ID: o.newID(), Name: name, Access: "public", Created: s.now(), Criteria: &Criteria{Field: "Tag", Comparator: "include_any", Values: []string{num(t.ID)}}})
	}
	s.keepOrg(o)
	return t
}

// Contacts lists the contacts that the user sees, by id; after is the last id of the page before.
func (s *Sandbox) Contacts(user, after string, limit int) ([]sandbox.Contact, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return nil, "", err
	}
	t := c.o.tables["Contacts"]
	from, _ := slices.BinarySearchFunc(t.byID, parseID(after)+1, func(r *row, id int64) int {
		switch {
		case r.ID < id:
			return -1
		case r.ID > id:
			return 1
		}
		return 0
	})
	var out []sandbox.Contact
	for _, r := range t.byID[from:] {
		if r.State != live || !c.m.sees(t, r) {
			continue
		}
		if len(out) == limit {
			return out, out[limit-1].ID, nil
		}
		out = append(out, c.neutral(t, r))
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
	t, r, err := c.contactOf(id)
	if err != nil {
		return sandbox.Contact{}, err
	}
	return c.neutral(t, r), nil
}

func (c *call) neutral(t *table, r *row) sandbox.Contact {
	var b bytes.Buffer
	c.render(&b, t, r, c.allFields("Contacts"))
	out := sandbox.Contact{ID: num(r.ID), Version: c.m.stamp(r.Modified), Record: c.o.read(r), Native: b.Bytes()}
	for _, id := range r.Tags {
		if tg := c.o.tag(id); tg != nil {
			out.Groups = append(out.Groups, tg.Name)
		}
	}
	return out
}

// Edit gives each named field a complete new list of values, as the user does in Zoho's page. It refuses what the field cannot
// hold.
func (s *Sandbox) Edit(user, id string, fields record.Fields) error {
	return s.edit(user, []string{id}, fields, "crm_ui")
}

// MassUpdate is Edit of several records through Zoho's mass update, which the timeline tells from single edits.
func (s *Sandbox) MassUpdate(user string, ids []string, fields record.Fields) error {
	return s.edit(user, ids, fields, "mass_update")
}

func (s *Sandbox) edit(user string, ids []string, fields record.Fields, source string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return err
	}
	w := c.write(fields)
	if _, named := w.set["Last_Name"]; named && w.set["Last_Name"] == nil {
		w.set["Last_Name"] = marshal(noFamily)
	}
	if len(w.dropped) > 0 {
		return fmt.Errorf("zoho cannot hold the value of %s", w.dropped[0])
	}
	rows := make([]*row, len(ids))
	for i, id := range ids {
		_, r, err := c.contactOf(id)
		if err != nil {
			return err
		}
		rows[i] = r
		if bad := c.checkUnique(c.o.tables["Contacts"], w.set, r.ID, 0); bad != nil {
			return bad
		}
	}
	t := c.o.tables["Contacts"]
	for _, r := range rows {
		c.settle(t, w, r.ID)
		if len(w.dropped) > 0 {
			return fmt.Errorf("zoho holds the value of %s once only", w.dropped[0])
		}
		s.store(c.m, t, r, w.set, source)
	}
	return s.save()
}

// Remove puts a contact into the recycle bin.
func (s *Sandbox) Remove(user, id string) error {
	return s.onContact(user, id, func(c *call, t *table, r *row) error {
		s.bury(c.m, t, r, recycled)
		return nil
	})
}

// onContact does one thing to a contact under the lock, and keeps it.
func (s *Sandbox) onContact(user, id string, do func(*call, *table, *row) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return err
	}
	t, r, err := c.contactOf(id)
	if err != nil {
		return err
	}
	if err := do(c, t, r); err != nil {
		return err
	}
	return s.save()
}
