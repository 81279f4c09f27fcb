package tenancy

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"meibo/shared/store"
)

// Has reports whether m may do what p lets; an administrator may do everything.
func (m Member) Has(p Permission) bool { return m.Role == Admin || slices.Contains(m.Permissions, p) }

// Permissions lists every permission, in the order in which people choose them.
func Permissions() []Permission {
	return []Permission{SyncContacts, ViewContacts, CreateContacts, EditContacts, DeleteContacts, AddCompanies, ManageMembers}
}

// NewMember describes a person to add.
type NewMember struct {
	Email       string
	Name        string
	Role        Role // "" means Regular
	Permissions []Permission
}

// AddMember adds a person by e-mail address. They become that member at their first sign-in with it (see Authenticate).
func (s *Service) AddMember(ctx context.Context, actor Member, n NewMember) (Member, error) {
	email, err := checkMail("email", n.Email)
	if err != nil {
		return Member{}, err
	}
	if n.Role == "" {
		n.Role = Regular
	}
	m := Member{ID: s.cfg.IDs(), Tenant: actor.Tenant, Email: email, Name: strings.TrimSpace(n.Name), Role: n.Role,
		Permissions: tidy(n.Permissions), Created: s.cfg.Clock.Now(), V: 1}
	if err := checkMember(m); err != nil {
		return Member{}, err
	}
	if err := mayGrant(actor, Member{}, m); err != nil {
		return Member{}, err
	}
	taken := &Refusal{"member_exists", "email: " + email + " is a member already", "change that member instead"}
	var b batch
	b.add(store.Check(tenantKey(actor.Tenant), store.Cond{Exists: true}), ErrNotFound)
	b.create(store.Key{PK: mailPK(email), SK: actor.Tenant}, pointer{m.ID}, taken)
	b.create(memberKey(actor.Tenant, m.ID), m, &Conflict{"the member"})
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return Member{}, err
	}
	return m, nil
}

// Member returns a member of the actor's tenant: the actor, or anybody for those who manage members.
func (s *Service) Member(ctx context.Context, actor Member, id string) (Member, error) {
	if id != actor.ID && !actor.Has(ManageMembers) || !validID(id) {
		return Member{}, ErrNotFound
	}
	return load[Member](ctx, s.cfg.Table, memberKey(actor.Tenant, id))
}

// MemberByID returns a member to machinery.
func (s *Service) MemberByID(ctx context.Context, tenant, id string) (Member, error) {
	if !validID(tenant) || !validID(id) {
		return Member{}, ErrNotFound
	}
	return load[Member](ctx, s.cfg.Table, memberKey(tenant, id))
}

// Members lists the members of the actor's tenant, oldest first, for those who manage members.
func (s *Service) Members(ctx context.Context, actor Member, r PageRequest) (Page[Member], error) {
	if !actor.Has(ManageMembers) {
		return Page[Member]{}, forbidden("list the members", "the permission to manage members")
	}
	return list[Member](ctx, s.cfg.Table, tenantPK(actor.Tenant), memberPrefix, r, nil)
}

// MemberChange says what to change; nil leaves it. V is the version that the change was made on; 0 means whatever is there.
type MemberChange struct {
	Name        *string
	Role        *Role
	Permissions *[]Permission
	V           int64
}

// ChangeMember changes a member of the actor's tenant. Nobody can give what they do not have themselves, and there is always
// one administrator who can sign in.
func (s *Service) ChangeMember(ctx context.Context, actor Member, id string, c MemberChange) (Member, error) {
	m, err := s.Member(ctx, actor, id)
	if err != nil {
		return Member{}, err
	}
	changed := &Conflict{"the member"}
	if c.V != 0 && c.V != m.V {
		return Member{}, changed
	}
	before := m
	if c.Name != nil {
		m.Name = strings.TrimSpace(*c.Name)
	}
	if c.Role != nil {
		m.Role = *c.Role
	}
	if c.Permissions != nil {
		m.Permissions = tidy(*c.Permissions)
	}
	if err := checkMember(m); err != nil {
		return Member{}, err
	}
	if err := mayGrant(actor, before, m); err != nil {
		return Member{}, err
	}
	var b batch
	b.replace(memberKey(m.Tenant, m.ID), m.V, m, changed)
	if m.Subject != "" && m.Role != before.Role {
		change := withoutAdmin(m.ID)
		if m.Role == Admin {
			change = func(ids []string) ([]string, error) { return append(ids, m.ID), nil }
		}
		if err := s.changeAdmins(ctx, &b, m.Tenant, change); err != nil {
			return Member{}, err
		}
	}
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return Member{}, err
	}
	m.V++
	return m, nil
}

// RemoveMember removes a member and, with them, the accounts that they authorised. It is refused while one of their connections
// is neither stopped nor deleted, so that somebody decides what becomes of the synced contacts.
func (s *Service) RemoveMember(ctx context.Context, actor Member, id string) error {
	if !actor.Has(ManageMembers) {
		return forbidden("remove members", "the permission to manage members")
	}
	m, err := s.Member(ctx, actor, id)
	if err != nil {
		return err
	}
	if m.Role == Admin && actor.Role != Admin {
		return forbidden("remove an administrator", "an administrator")
	}
	live, err := s.liveConnection(ctx, m.Tenant, func(c Connection) bool { return c.Member == m.ID })
	if err != nil {
		return err
	}
	if live != nil {
		return &Refusal{"member_in_use", fmt.Sprintf("the member has a connection that is %s", live.State),
			"stop or delete the member's connections first"}
	}
	var b batch
	if m.Role == Admin && m.Subject != "" {
		// Looked at before anything is given up, and written with the member.
		if err := s.changeAdmins(ctx, &b, m.Tenant, withoutAdmin(m.ID)); err != nil {
			return err
		}
	}
	if err := s.removeAccountsOf(ctx, m); err != nil {
		return err
	}
	b.remove(memberKey(m.Tenant, m.ID), m.V, &Conflict{"the member"})
	b.add(store.Delete(store.Key{PK: mailPK(m.Email), SK: m.Tenant}, store.Cond{}), nil)
	if m.Subject != "" {
		b.add(store.Delete(store.Key{PK: principalPK(Principal{Issuer: m.Issuer, Subject: m.Subject}), SK: m.Tenant}, store.Cond{}), nil)
	}
	return b.commit(ctx, s.cfg.Table)
}

// mayGrant refuses a change from before to after that actor may not make. A new member's before is the zero Member.
func mayGrant(actor, before, after Member) error {
	if !actor.Has(ManageMembers) {
		return forbidden("change members", "the permission to manage members")
	}
	if actor.Role == Admin {
		return nil
	}
	if before.Role == Admin || after.Role == Admin {
		return forbidden("make or change an administrator", "an administrator")
	}
	for _, p := range after.Permissions {
		if !actor.Has(p) && !slices.Contains(before.Permissions, p) {
			return forbidden(fmt.Sprintf("give the permission %q", p), "that permission")
		}
	}
	return nil
}

func forbidden(what, needs string) error {
	return &Refusal{CodeForbidden, "you may not " + what, "ask an administrator of your company: it needs " + needs}
}

func checkMember(m Member) error {
	if m.Role != Admin && m.Role != Regular {
		return &FieldError{"role", fmt.Sprintf("there is no role %q", m.Role), `give "admin" or "member"`}
	}
	for _, p := range m.Permissions {
		if !slices.Contains(Permissions(), p) {
			return &FieldError{"permissions", fmt.Sprintf("there is no permission %q", p), fmt.Sprintf("give some of %v", Permissions())}
		}
	}
	if m.Name != "" {
		_, err := checkName("name", m.Name)
		return err
	}
	return nil
}

// tidy returns ps without repetitions, never nil.
func tidy(ps []Permission) []Permission {
	out := []Permission{}
	for _, p := range ps {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

func checkName(field, name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", &FieldError{field, "it is empty", "give a name"}
	case !utf8.ValidString(name), utf8.RuneCountInString(name) > 200:
		return "", &FieldError{field, "it is too long or not text", "give at most 200 characters"}
	}
	return name, nil
}

// checkMail returns the address as it is kept.
func checkMail(field, address string) (string, error) {
	address = strings.TrimSpace(address)
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || len(address) > 254 || strings.ContainsAny(address, " \t") {
		return "", &FieldError{field, "it is not an e-mail address", "give an address such as taro@example.jp"}
	}
	return address, nil
}

// foldMail is the form in which addresses of members are compared.
func foldMail(address string) string { return strings.ToLower(strings.TrimSpace(address)) }
