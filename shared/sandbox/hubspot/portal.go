package hubspot

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

const (
	firstPortal  = 6213544
	firstUser    = 88842095
	firstOwner   = 41629779
	firstContact = 713492963559
	firstCompany = 406260751575
)

// member is a user of a portal.
type member struct {
	Email  string
	Name   string
	UserID int64
	// OwnerID is what hubspot_owner_id takes. It is never the user's id.
	OwnerID int64
	Added   int64
	Changed int64
	Off     bool
	Scopes  []string // that an installation can be granted; nil is all

	p *portal
}

// portal is an account.
type portal struct {
	Index      int
	ID         int64
	Name       string
	TimeZone   string
	Region     string
	NextID     map[string]int64 // by kind
	NextList   int64
	Seq        uint64
	Stage      string // lifecycle stage of contacts that are created without one
	BirthDates bool
	Recomputed int64 // when HubSpot last recomputed, in milliseconds
	Blocked    []string
	Properties map[string][]*property // custom ones, by kind
	Groups     map[string][]group     // of properties, by kind
	Stages     []option               // of lifecyclestage
	Rules      map[string]string      // patterns that the portal demands of contacts' properties

	contacts, companies *table
	members             []*member
	lists               []*segment
	custom              map[*kind]map[string]*property
	employees           map[int64]map[int64]bool // contacts by company
	// What quirks make of the portal, and the app's number.
	keepsEmail, keepsStage bool
	app                    int64
	calls, searches        []time.Time
}

// prepare makes what is not kept.
func (p *portal) prepare(c *Config) {
	p.contacts, p.companies = newTable(&contactKind, p), newTable(&companyKind, p)
	p.employees = map[int64]map[int64]bool{}
	p.app = c.AppID
	p.obey(c.Quirks)
	p.custom = map[*kind]map[string]*property{&contactKind: {}, &companyKind: {}}
	for _, k := range []*kind{&contactKind, &companyKind} {
		for _, d := range p.Properties[k.key] {
			p.custom[k][d.Name] = d
		}
	}
}

// obey takes over what quirks say about records.
func (p *portal) obey(q Quirks) { p.keepsEmail, p.keepsStage = q.ArchivedKeepsEmail, q.KeepLifecycle }

func (p *portal) table(k *kind) *table {
	if k == &companyKind {
		return p.companies
	}
	return p.contacts
}

// settle makes the orders and the index of employees after a load.
func (p *portal) settle() {
	p.contacts.settle()
	p.companies.settle()
	sort.Slice(p.members, func(i, j int) bool { return p.members[i].UserID < p.members[j].UserID })
	sort.Slice(p.lists, func(i, j int) bool { return p.lists[i].ID < p.lists[j].ID })
	for _, r := range p.contacts.byID {
		for _, l := range r.Links {
			p.employ(l.Company, r.ID)
		}
	}
}

func (p *portal) member(owner int64) *member {
	for _, m := range p.members {
		if m.OwnerID == owner {
			return m
		}
	}
	return nil
}

// domain is the portal's address in the app.
func (p *portal) domain() string {
	if p.Region == "na1" {
		return "app.hubspot.com"
	}
	return "app-" + p.Region + ".hubspot.com"
}

// userByEmail finds a user of any portal.
func (s *Sandbox) userByEmail(email string) *member {
	for _, p := range s.portals {
		for _, m := range p.members {
			if strings.EqualFold(m.Email, email) {
				return m
			}
		}
	}
	return nil
}

func (s *Sandbox) portalNamed(name string) *portal {
	for _, p := range s.portals {
		if strings.EqualFold(p.Name, name) {
			return p
		}
	}
	i := len(s.portals)
	p := &portal{Index: i, ID: firstPortal + 7919*int64(i), Name: name, TimeZone: "Europe/Tallinn", Region: "eu1", Stage: "lead",
		NextID:   map[string]int64{contactKind.key: firstContact + 1_000_000_000*int64(i), companyKind.key: firstCompany + 1_000_000_000*int64(i)},
		NextList: 1, Recomputed: s.now(), BirthDates: s.cfg.Quirks.BirthDates,
		Properties: map[string][]*property{}, Groups: map[string][]group{}, Stages: slices.Clone(lifecycleStages), Rules: map[string]string{}}
	p.prepare(&s.cfg)
	s.portals = append(s.portals, p)
	return p
}

// AddUser adds a user, and the portal if it is new, or changes one that exists. A user stays in the portal that it began in.
func (s *Sandbox) AddUser(u User) error {
	at := strings.LastIndex(u.Email, "@")
	if at < 1 || at == len(u.Email)-1 {
		return fmt.Errorf("the user's e-mail address %q is none", u.Email)
	}
	if err := knownScopes(u.Scopes); err != nil {
		return err
	}
	if u.TimeZone != "" {
		if _, err := time.LoadLocation(u.TimeZone); err != nil {
			return fmt.Errorf("no time zone %q", u.TimeZone)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.userByEmail(u.Email)
	if m == nil {
		name := u.Portal
		if name == "" {
			name = u.Email[at+1:]
		}
		p := s.portalNamed(name)
		m = &member{Email: u.Email, Name: u.Email[:at], UserID: firstUser + 31*s.users, OwnerID: firstOwner + 17*s.users, Added: s.now(), p: p}
		s.users++
		p.members = append(p.members, m)
	} else if u.Portal != "" && !strings.EqualFold(u.Portal, m.p.Name) {
		return fmt.Errorf("the user is in the portal %q", m.p.Name)
	}
	if u.Name != "" {
		m.Name = u.Name
	}
	if len(u.Scopes) > 0 {
		m.Scopes = slices.Clone(u.Scopes)
	}
	if u.Active != nil {
		m.Off = !*u.Active
	}
	if u.TimeZone != "" {
		m.p.TimeZone = u.TimeZone
	}
	if u.Region != "" {
		m.p.Region = u.Region
	}
	m.Changed = s.now()
	s.keepMember(m)
	s.keepPortal(m.p)
	return s.save()
}

// Users lists the users of all portals.
func (s *Sandbox) Users() []sandbox.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.userList(func(*member) bool { return true })
}

func (s *Sandbox) userList(want func(*member) bool) []sandbox.User {
	var out []sandbox.User
	for _, p := range s.portals {
		for _, m := range p.members {
			if want(m) {
				out = append(out, sandbox.User{Email: m.Email, Name: m.Name})
			}
		}
	}
	return out
}

// grantable reports whether an installation by the user can be granted a scope.
func (m *member) grantable(scope string) bool {
	return m.Scopes == nil || scope == scopeOAuth || slices.Contains(m.Scopes, scope)
}
