package dynamics

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"meibo/shared/sandbox"
)

// The depths of a privilege.
const (
	DepthOrganization = "organization"
	DepthBusiness     = "business" // the business unit: everything here, but no right to track changes
	DepthUser         = "user"
	DepthNone         = "none"
)

func depths() []string { return []string{DepthOrganization, DepthBusiness, DepthUser, DepthNone} }

// verbs are what privileges allow, in the order of Dataverse's access rights.
func verbs() []string {
	return []string{"read", "write", "append", "appendto", "create", "delete", "share", "assign"}
}

// privileged are the tables that have privileges.
func privileged() []string { return []string{tContact, tLead, tAccount, tList} }

// member is a user of an organisation.
type member struct {
	User
	id         guid // systemuserid
	tid, oid   string
	depth      map[string]string // "read contact": a depth; what is not there is DepthOrganization
	tokenError int               // the AADSTS number that refreshing answers; 0 means none

	inFlight int
	requests window
	work     window
}

// may is the depth of a privilege of the user's.
func (m *member) may(verb string, t *table) string {
	if t.open {
		if verb == "read" {
			return DepthOrganization
		}
		return DepthNone
	}
	if d := m.depth[verb+" "+t.logical]; d != "" {
		return d
	}
	return DepthOrganization
}

// reaches says whether a privilege of the user's covers a row.
func (m *member) reaches(verb string, t *table, r *row) bool {
	switch m.may(verb, t) {
	case DepthOrganization, DepthBusiness:
		return t.logical != tPersonal || r.owner == m.id
	case DepthUser:
		return r.owner == m.id
	}
	return false
}

// privilegeName is prvReadContact for read and contact.
func privilegeName(verb, table string) string {
	names := map[string]string{"appendto": "AppendTo"}
	if names[verb] == "" {
		names[verb] = capital(verb)
	}
	return "prv" + names[verb] + capital(table)
}

func privilegeID(name string) guid { return derive("privilege", name) }

// lacks is the refusal for a privilege.
func (m *member) lacks(verb string, t *table) *apiError {
	name := privilegeName(verb, t.logical)
	return fail(http.StatusForbidden, codePrivilege, "Principal user (Id=%s, type=8, roleCount=1, privilegeCount=%d, accessMode=0) is missing %s privilege (Id=%s) on OTC=%d for entity '%s'. Consider adding missed privilege to one of the principal (user/team) roles.",
		m.id, len(m.depth), name, privilegeID(name), t.code, t.logical)
}

// out is the refusal for a row that a privilege of the user's does not cover.
func (m *member) out(verb string, t *table, r *row) *apiError {
	if m.may(verb, t) == DepthNone {
		return m.lacks(verb, t)
	}
	return fail(http.StatusForbidden, codePrivilege, "Principal with id %s does not have %sAccess right(s) for record with id %s of entity %s.",
		m.id, capital(verb), r.id, t.logical)
}

// AddUser adds a user to an organisation, or changes one: members left empty stay as they are.
func (s *Sandbox) AddUser(u User) error {
	_, domain, ok := strings.Cut(u.Email, "@")
	if !ok || domain == "" || u.Name == "" {
		return errors.New("a user needs an e-mail address and a name")
	}
	if u.Organization == "" && s.hasUser(u.Email) == nil {
		u.Organization = DefaultOrganization
	}
	for _, d := range []string{u.Read, u.Write} {
		if d != "" && !slices.Contains(depths(), d) {
			return fmt.Errorf("read and write must be one of %s", strings.Join(depths(), ", "))
		}
	}
	if u.Object != "" && u.Object != ObjectContacts && u.Object != ObjectLeads {
		return errors.New(`object must be "contacts" or "leads"`)
	}
	return s.locked(func() error {
		m := s.users[u.Email]
		if m == nil {
			host, ok := canonicalHost(u.Organization)
			if !ok {
				return fmt.Errorf("organization must be a host such as %s", DefaultOrganization)
			}
			u.Organization = host
			m = &member{User: u, id: derive("systemuser", host, fold(u.Email)), tid: derive("tenant", fold(domain)).String(),
				oid: derive("user", fold(u.Email)).String(), depth: map[string]string{}}
			s.users[u.Email] = m
		}
		if host, ok := canonicalHost(u.Organization); u.Organization != "" && (!ok || host != m.Organization) {
			return errors.New("a user cannot move to another organization")
		}
		o := s.orgs[m.Organization]
		if o == nil {
			o = s.newOrg(m.Organization)
			s.orgs[o.host] = o
			o.furnish()
		}
		m.Name, m.Admin, m.Disabled = u.Name, u.Admin, u.Disabled
		if u.Object != "" || m.Object == "" {
			m.Object = u.Object
		}
		if m.Object == "" {
			m.Object = ObjectContacts
		}
		for _, table := range privileged() {
			if u.Read != "" {
				m.Read, m.depth["read "+table] = u.Read, u.Read
			}
			if u.Write != "" {
				m.Write = u.Write
				for _, verb := range verbs()[1:] {
					m.depth[verb+" "+table] = u.Write
				}
			}
		}
		o.list(m)
		s.dirty.user(m)
		s.dirty.org(o)
		return nil
	})
}

// list writes the row of the table systemusers for a user.
func (o *org) list(m *member) {
	t := o.tables[tUser]
	first, last, _ := strings.Cut(m.Name, " ")
	values := map[string]string{"fullname": quote(m.Name), "internalemailaddress": quote(m.Email), "domainname": quote(m.Email),
		"azureactivedirectoryobjectid": quote(m.oid), "isdisabled": yes(m.Disabled), "accessmode": "0", "firstname": quote(first),
		"businessunitid": ref("businessunit", o.unit)}
	if last != "" {
		values["lastname"] = quote(last)
	}
	if r := t.get(m.id); r != nil {
		o.change(t, r, t.cells(values), guid{}, m.id)
		return
	}
	o.put(t, row{id: m.id, cells: t.cells(values)}, m.id)
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func (s *Sandbox) hasUser(email string) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[email]
}

// Users lists the users by address.
func (s *Sandbox) Users() []sandbox.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]sandbox.User, 0, len(s.users))
	for _, m := range s.users {
		out = append(out, sandbox.User{Email: m.Email, Name: m.Name})
	}
	slices.SortFunc(out, func(a, b sandbox.User) int { return strings.Compare(a.Email, b.Email) })
	return out
}

// capital is a word with a capital letter.
func capital(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
