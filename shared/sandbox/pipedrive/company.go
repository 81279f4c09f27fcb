package pipedrive

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // users have time zones, and the machine may have no zone files
)

const (
	firstCompany = 15043420
	firstUser    = 25760681
)

// company is one Pipedrive account. Exported fields are kept.
type company struct {
	Index       int
	ID          int64
	Name        string
	Domain      string
	Country     string
	Plan        string
	ContactSync bool
	Closed      bool // not paid for: 402
	TopUp       int  // tokens bought on top of the daily budget
	Epoch       int  // cursors of an earlier one are dead
	Last        int64
	Seq         uint64
	Fields      []*field  // of persons, that the company made
	OrgFields   []*field  // of organizations
	Labels      []option  // of persons
	OrgLabels   []option  // of organizations
	Filters     []*filter // saved filters

	members  []*member
	persons  *table
	orgs     *table
	pictures map[int64][]byte // by picture id: the square that was uploaded, as JPEG
	hooks    []*hook
	budget   budget
}

func newCompany(index int, name string) *company {
	o := &company{Index: index, ID: firstCompany + int64(index), Name: name, Country: "EE", Plan: "growth"}
	o.Domain = slug(name) + "-sandbox"
	o.prepare()
	return o
}

func (o *company) prepare() {
	o.persons, o.orgs, o.pictures = newTable(&personKind), newTable(&orgKind), map[int64][]byte{}
}

// settle finishes a load.
func (o *company) settle() {
	o.persons.rebuild()
	o.orgs.rebuild()
	slices.SortFunc(o.members, func(a, b *member) int { return int(a.ID - b.ID) })
	slices.SortFunc(o.hooks, func(a, b *hook) int { return int(a.ID - b.ID) })
}

// newID is the next number for everything of a company that has one, records aside.
func (o *company) newID() int64 {
	o.Last++
	return o.Last
}

// slug is a name as part of a host name.
func slug(name string) string {
	out := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r == ' ', r == '-':
			return '-'
		}
		return -1
	}, strings.ToLower(name))
	if out == "" {
		return "company"
	}
	return out
}

// table finds the records of a kind.
func (o *company) table(k *kind) *table {
	if k == &orgKind {
		return o.orgs
	}
	return o.persons
}

func (o *company) fields(k *kind) []*field {
	if k == &orgKind {
		return o.OrgFields
	}
	return o.Fields
}

func (o *company) labels(k *kind) []option {
	if k == &orgKind {
		return o.OrgLabels
	}
	return o.Labels
}

// member is a user of a company.
type member struct {
	ID      int64
	Email   string
	Name    string
	Admin   bool
	Group   string
	Visible int // visible_to of what the user makes without saying
	Zone    string
	Off     bool // deactivated
	Denied  map[string]bool
	Added   int64

	o *company
}

func (o *company) member(id int64) *member {
	for _, m := range o.members {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// permissions are those that the vendor's API shows; addPermissions are switches of the web page that it does not.
var permissions = []string{"can_add_custom_fields", "can_add_products", "can_add_prospects_as_leads", "can_bulk_edit_items", "can_change_visibility_of_items",
	"can_convert_deals_to_leads", "can_create_own_workflow", "can_delete_activities", "can_delete_custom_fields", "can_delete_deals", "can_edit_custom_fields",
	"can_edit_deals_closed_date", "can_edit_products", "can_edit_shared_filters", "can_export_data_from_lists", "can_follow_other_users", "can_merge_deals",
	"can_merge_organizations", "can_merge_people", "can_modify_labels", "can_see_company_wide_statistics", "can_see_deals_list_summary",
	"can_see_hidden_items_names", "can_see_other_users", "can_see_other_users_statistics", "can_see_security_dashboard", "can_share_filters",
	"can_share_insights", "can_use_api", "can_use_email_tracking", "can_use_import"}

var addPermissions = []string{addPeople, addOrganizations, deletePeople, deleteOrganizations}

const (
	addPeople           = "add_people"
	addOrganizations    = "add_organizations"
	deletePeople        = "delete_people"
	deleteOrganizations = "delete_organizations"
)

func knownPermission(name string) bool {
	return slices.Contains(permissions, name) || slices.Contains(addPermissions, name)
}

func (m *member) may(permission string) bool { return !m.Denied[permission] }

// sees applies visible_to by the company's plan. Who sees a record may change it. The owner always does.
func (m *member) sees(r *row) bool {
	if m.Off {
		return false
	}
	if r.Owner == m.ID {
		return true
	}
	small := len(plans[m.o.Plan].visible) == 2
	follows := slices.ContainsFunc(r.Followers, func(f follower) bool { return f.User == m.ID })
	switch {
	case r.Visible == 1:
		return small && follows
	case small, r.Visible == 7:
		return true
	}
	owner := m.o.member(r.Owner)
	if owner == nil {
		return false
	}
	return owner.Group == m.Group || r.Visible == 5 && strings.HasPrefix(m.Group, owner.Group+"/")
}

// watchers are the users who see r, in order.
func (o *company) watchers(r *row) []int64 {
	out := []int64{}
	for _, m := range o.members {
		if m.sees(r) {
			out = append(out, m.ID)
		}
	}
	return out
}

// userByEmail finds a user; the case of an address does not matter.
func (s *Sandbox) userByEmail(email string) *member {
	for _, o := range s.companies {
		for _, m := range o.members {
			if strings.EqualFold(m.Email, email) {
				return m
			}
		}
	}
	return nil
}

// checkUser reports what is wrong with u.
func checkUser(u User) error {
	local, domain, ok := strings.Cut(u.Email, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(u.Email, " \t\r\n<>,") {
		return fmt.Errorf("email: %q is not an address", u.Email)
	}
	if _, ok := plans[u.Plan]; !ok && u.Plan != "" {
		return fmt.Errorf("plan: %q is none of lite, growth, premium and ultimate", u.Plan)
	}
	if _, err := time.LoadLocation(u.TimeZone); err != nil {
		return fmt.Errorf("time_zone: %q is not an IANA time zone", u.TimeZone)
	}
	if u.Visibility != 0 && !slices.Contains(plans["ultimate"].visible, u.Visibility) {
		return fmt.Errorf("visibility: %d is none of 1, 3, 5 and 7", u.Visibility)
	}
	for _, p := range u.Denied {
		if !knownPermission(p) {
			return fmt.Errorf("denied: there is no permission %q", p)
		}
	}
	return nil
}

// AddUser adds a user, and the company if it is the first of it. A user who exists is changed as far as u says.
func (s *Sandbox) AddUser(u User) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := checkUser(u); err != nil {
		return err
	}
	m := s.userByEmail(u.Email)
	if m == nil {
		o := s.companyFor(u)
		m = &member{ID: firstUser + s.users, Email: u.Email, Visible: 3, Zone: "Europe/Tallinn", Denied: map[string]bool{}, Added: s.now(), o: o}
		m.Name, _, _ = strings.Cut(u.Email, "@")
		s.users++
		o.members = append(o.members, m)
	} else if u.Company != "" && u.Company != m.o.Name {
		return fmt.Errorf("company: %s is a user of %q already", u.Email, m.o.Name)
	}
	m.change(u)
	s.keepCompany(m.o)
	s.keepMember(m)
	return s.save()
}

// companyFor finds the company of a new user, or makes it.
func (s *Sandbox) companyFor(u User) *company {
	name := u.Company
	if name == "" {
		_, domain, _ := strings.Cut(u.Email, "@")
		name, _, _ = strings.Cut(domain, ".")
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	for _, o := range s.companies {
		if o.Name == name {
			return o
		}
	}
	o := newCompany(len(s.companies), name)
	s.companies = append(s.companies, o)
	return o
}

func (m *member) change(u User) {
	o := m.o
	if u.Plan != "" {
		o.Plan = u.Plan
	}
	if u.Visibility != 0 {
		m.Visible = u.Visibility
	}
	if u.Name != "" {
		m.Name = u.Name
	}
	if u.Country != "" {
		o.Country = strings.ToUpper(u.Country)
	}
	o.ContactSync = o.ContactSync || u.ContactSync
	if u.Admin != nil {
		m.Admin = *u.Admin
	}
	if u.Group != "" {
		m.Group = u.Group
	}
	if u.TimeZone != "" {
		m.Zone = u.TimeZone
	}
	for _, p := range u.Denied {
		m.Denied[p] = true
	}
	if u.Active != nil {
		m.Off = !*u.Active
	}
}

// visibility is visible_to of what the user makes without saying: 3 where the plan has not what is set.
func (m *member) visibility() int {
	if slices.Contains(plans[m.o.Plan].visible, m.Visible) {
		return m.Visible
	}
	return 3
}

// parseID reads a positive whole number; 0 is none.
func parseID(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || s[0] == '+' || s[0] == '0' {
		return 0
	}
	return n
}

func num(n int64) string { return strconv.FormatInt(n, 10) }
