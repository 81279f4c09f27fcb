package zoho

import (
	"slices"
	"strconv"
	"time"
)

// User is a person of a Zoho organisation. Email is required; the rest has defaults.
type User struct {
	Email     string `json:"email"`
	Name      string `json:"name"`
	FirstName string `json:"first_name,omitempty"` // with LastName, in place of splitting Name at its last blank
	LastName  string `json:"last_name,omitempty"`
	Org       string `json:"org,omitempty"`        // name of the organisation; "" is one called "Kitano Seiki K.K."
	DC        string `json:"dc,omitempty"`         // location of the organisation's data centre; "" is the first
	Profile   string `json:"profile,omitempty"`    // Administrator (default), Standard, Viewer, or one made by SetPermission
	Role      string `json:"role,omitempty"`       // CEO (default for administrators), Manager, or another name
	ReportsTo string `json:"reports_to,omitempty"` // the role above; "" is CEO
	TimeZone  string `json:"time_zone,omitempty"`  // IANA name; "" is Asia/Tokyo
	Locale    string `json:"locale,omitempty"`     // "" is ja_JP
	Status    string `json:"status,omitempty"`     // active (default) or disabled
}

// member is a user as the sandbox keeps it.
type member struct {
	ID      int64  `json:"id"`
	ZUID    int64  `json:"zuid"`
	Org     string `json:"org"`
	First   string `json:"first,omitempty"`
	Last    string `json:"last"`
	Email   string `json:"email"`
	Profile int64  `json:"profile"`
	Role    int64  `json:"role"`
	Zone    string `json:"zone"`
	Locale  string `json:"locale"`
	Status  string `json:"status"`

	loc *time.Location
	org *org
}

func (m *member) fullName() string {
	if m.First == "" {
		return m.Last
	}
	return m.First + " " + m.Last
}

// stamp writes a second in the user's own offset, as Zoho does.
func (m *member) stamp(sec int64) string { return time.Unix(sec, 0).In(m.loc).Format(time.RFC3339) }

// profile is a set of permissions.
type profile struct {
	ID      int64           `json:"id"`
	Name    string          `json:"name"`
	Custom  bool            `json:"custom,omitempty"`
	Denied  map[string]bool `json:"denied,omitempty"`
	Created int64           `json:"created"`
}

func (p *profile) may(permission string) bool { return !p.Denied[permission] }

// role is a place in the hierarchy; Above is 0 at the top.
type role struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Above int64  `json:"above,omitempty"`
}

// tag is a label on records.
type tag struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// view is a custom view. Criteria nil means every record.
type view struct {
	ID       int64     `json:"id"`
	Name     string    `json:"name"`
	System   string    `json:"system,omitempty"`
	Criteria *Criteria `json:"criteria,omitempty"`
	By       int64     `json:"by,omitempty"`
	Access   string    `json:"access"` // public, only_to_me
	Created  int64     `json:"created"`
}

// org is one Zoho organisation. Only the exported part is kept as one item; users and records are kept on their own.
type org struct {
	Name     string                 `json:"name"`
	Index    int64                  `json:"index"`
	DC       string                 `json:"dc"`
	NextID   int64                  `json:"next_id"`
	Seq      uint64                 `json:"seq"`
	Epoch    uint32                 `json:"epoch"` // page tokens of an earlier epoch have expired
	Private  bool                   `json:"private,omitempty"`
	Profiles []*profile             `json:"profiles"`
	Roles    []*role                `json:"roles"`
	Tags     []*tag                 `json:"tags,omitempty"`
	Views    []*view                `json:"views"`
	Fields   map[string][]*fieldDef `json:"fields"`
	Fired    int                    `json:"fired,omitempty"` // records whose write ran automation

	members  []*member
	channels []*channel
	told     int64 // server_time of the last notification
	tables   map[string]*table
	photos   map[int64][]byte
	fields   map[string]map[string]*fieldDef
	meter    meter
}

const (
	orgBase  = 5843201000000000000
	orgRange = 10_000_000_000

	contactsModule = 2179
	accountsModule = 2177
)

// id is a number in the organisation's range, for things with fixed numbers.
func (o *org) id(n int64) int64 { return orgBase + o.Index*orgRange + n }

// newID is the next number for a record, user or setting.
func (o *org) newID() int64 {
	o.NextID++
	return o.id(o.NextID)
}

func (o *org) orgID() int64 { return o.id(1001) }
func (o *org) moduleID(module string) int64 {
	if module == "Accounts" {
		return o.id(accountsModule)
	}
	return o.id(contactsModule)
}

func num(id int64) string { return strconv.FormatInt(id, 10) }

// parseID reads a 64-bit id; 0 means that it is none.
func parseID(s string) int64 {
	if len(s) == 0 || len(s) > 19 {
		return 0
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0
		}
	}
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func newOrg(name string, index int64, dc string, now int64) *org {
	o := &org{Name: name, Index: index, DC: dc, NextID: 300000, Fields: map[string][]*fieldDef{}}
	o.Profiles = []*profile{
		{ID: o.id(26011), Name: "Administrator", Created: now},
		{ID: o.id(26014), Name: "Standard", Created: now},
		{ID: o.id(26017), Name: "Viewer", Custom: true, Created: now, Denied: map[string]bool{
			"Crm_Implied_Create_Contacts": true, "Crm_Implied_Edit_Contacts": true, "Crm_Implied_Delete_Contacts": true,
			"Crm_Implied_Create_Accounts": true, "Crm_Implied_Edit_Accounts": true, "Crm_Implied_Delete_Accounts": true,
			"Crm_Implied_Customize_Zoho_CRM": true}},
	}
	o.Profiles[1].Denied = map[string]bool{"Crm_Implied_Customize_Zoho_CRM": true, "Crm_Implied_Manage_Users": true}
	o.Roles = []*role{{ID: o.id(26005), Name: "CEO"}, {ID: o.id(26008), Name: "Manager", Above: o.id(26005)}}
	o.Views = []*view{
		{ID: o.id(31001), Name: "All Contacts", System: "ALLVIEWS", Access: "public", Created: now},
		{ID: o.id(31004), Name: "My Contacts", System: "MYVIEWS", Access: "public", Created: now,
			Criteria: &Criteria{Field: "Owner", Comparator: "equal", Value: currentUser}},
	}
	o.Fields["Contacts"], o.Fields["Accounts"] = contactFields(), accountFields()
	for m, fs := range o.Fields {
		base := int64(40000)
		if m == "Accounts" {
			base = 41000
		}
		for i, f := range fs {
			f.ID = o.id(base + int64(i))
		}
	}
	o.prepare()
	return o
}

// prepare makes what is not kept.
func (o *org) prepare() {
	o.tables = map[string]*table{"Contacts": newTable("Contacts", "Email", "Secondary_Email"), "Accounts": newTable("Accounts", "Account_Name")}
	o.photos = map[int64][]byte{}
	o.fields = map[string]map[string]*fieldDef{}
	system := map[string][]*fieldDef{"Contacts": contactFields(), "Accounts": accountFields()}
	for m, fs := range o.Fields {
		o.fields[m] = map[string]*fieldDef{}
		for _, f := range fs {
			for _, s := range system[m] {
				if s.API == f.API {
					f.System = s.System
				}
			}
			o.fields[m][f.API] = f
			if f.Unique {
				o.tables[m].indexField(f.API)
			}
		}
	}
}

// first returns the first of list that is wanted, or nil.
func first[T any](list []*T, wanted func(*T) bool) *T {
	if i := slices.IndexFunc(list, wanted); i >= 0 {
		return list[i]
	}
	return nil
}

func (o *org) member(id int64) *member {
	return first(o.members, func(m *member) bool { return m.ID == id })
}

func (o *org) profile(id int64) *profile {
	return first(o.Profiles, func(p *profile) bool { return p.ID == id })
}

func (o *org) profileNamed(name string) *profile {
	return first(o.Profiles, func(p *profile) bool { return p.Name == name })
}

func (o *org) role(id int64) *role { return first(o.Roles, func(r *role) bool { return r.ID == id }) }

func (o *org) roleNamed(name string) *role {
	return first(o.Roles, func(r *role) bool { return r.Name == name })
}

func (o *org) tag(id int64) *tag { return first(o.Tags, func(t *tag) bool { return t.ID == id }) }

func (o *org) view(id int64) *view { return first(o.Views, func(v *view) bool { return v.ID == id }) }

// permission says what m may do; a disabled user may do nothing.
func (m *member) may(permission string) bool {
	p := m.org.profile(m.Profile)
	return m.Status == "active" && p != nil && p.may(permission)
}

// sees reports whether sharing rules show r to m: everything in a public organisation; in a private one what m or somebody below
// m in the hierarchy owns, and everything to an administrator.
func (m *member) sees(t *table, r *row) bool {
	if !m.org.Private || t.module != "Contacts" || r.Owner == m.ID {
		return true
	}
	if p := m.org.profile(m.Profile); p != nil && p.Name == "Administrator" {
		return true
	}
	owner := m.org.member(r.Owner)
	if owner == nil {
		return false
	}
	for ro := m.org.role(owner.Role); ro != nil && ro.Above != 0; ro = m.org.role(ro.Above) {
		if ro.Above == m.Role {
			return true
		}
	}
	return false
}

// permissionOf is what m's profile may do with a field: read_write, read_only or hidden.
func (m *member) permissionOf(f *fieldDef) string {
	if p, ok := f.Profiles[m.Profile]; ok {
		return p
	}
	return "read_write"
}

// field returns the definition of a field that m can see, or nil.
func (m *member) field(module, api string) *fieldDef {
	f := m.org.fields[module][api]
	if f == nil || m.permissionOf(f) == "hidden" {
		return nil
	}
	return f
}

func (m *member) ref() object { return object{"name": m.fullName(), "id": num(m.ID)} }

// refOf is {name, id} of a user, or nil for a user who is gone.
func (o *org) refOf(id int64) any {
	if m := o.member(id); m != nil {
		return m.ref()
	}
	return nil
}
