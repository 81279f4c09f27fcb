package tenancy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/profile"
)

// NeededPermissions returns what a member needs in Meibo for connections of the profile with these rules (ZG6, PD2). Somebody who may
// only view can sync from the CRM to the book, and nothing else.
func NeededPermissions(p profile.Profile, r profile.Rules) []Permission {
	need := []Permission{SyncContacts, ViewContacts}
	if r.Direction.Writes(profile.CRM) {
		need = append(need, CreateContacts, EditContacts)
		if r.Deletes.ToCRM {
			need = append(need, DeleteContacts)
		}
		if p.Companies {
			need = append(need, AddCompanies)
		}
	}
	return need
}

// vendorPermissions returns what the vendor must let the account's user do on side s.
func vendorPermissions(s profile.Side, p profile.Profile, r profile.Rules) []connector.Permission {
	need := []connector.Permission{connector.PermSync, connector.PermView}
	if r.Direction.Writes(s) {
		need = append(need, connector.PermCreate, connector.PermEdit)
		if r.Deletes.To(s) {
			need = append(need, connector.PermDelete)
		}
		if s == profile.CRM && p.Companies {
			need = append(need, connector.PermCompanies)
		}
	}
	return need
}

// CheckPermissions returns nil if the member, and as far as the vendors tell the accounts' users, may do what the rules need,
// and else a *Refusal that names what is missing and who can give it.
func (s *Service) CheckPermissions(m Member, accounts []Account, p profile.Profile, r profile.Rules) error {
	var missing []string
	for _, n := range NeededPermissions(p, r) {
		if !m.Has(n) {
			missing = append(missing, fmt.Sprintf("%q", n))
		}
	}
	if len(missing) > 0 {
		return &Refusal{"member_permission",
			fmt.Sprintf("the direction %s needs permissions that the member does not have: %s", r.Direction, strings.Join(missing, ", ")),
			"ask an administrator of your company to give them in Meibo" + viewOnly(p, m, r.Direction)}
	}
	for _, a := range accounts {
		for _, n := range vendorPermissions(a.Side, p, r) {
			if allowed, told := a.Identity.Permissions[n]; told && !allowed {
				return s.vendorRefuses(a, n, r.Direction)
			}
		}
	}
	return nil
}

func (s *Service) vendorRefuses(a Account, n connector.Permission, d profile.Direction) error {
	name := s.cfg.SystemName(a.System)
	cure := fmt.Sprintf("ask the administrator of %s for it, and connect the account again", name)
	if n == connector.PermCompanies {
		return &Refusal{"vendor_permission", fmt.Sprintf("%s does not let %s add companies, which the direction %s needs", name, a.Identity.Email, d), cure}
	}
	return &Refusal{"vendor_permission", fmt.Sprintf("%s does not let %s %s contacts, which the direction %s needs", name, a.Identity.Email, n, d), cure}
}

func viewOnly(p profile.Profile, m Member, d profile.Direction) string {
	if d != profile.CRMToBook && slices.Contains(p.Directions, profile.CRMToBook) && m.Has(SyncContacts) && m.Has(ViewContacts) {
		return fmt.Sprintf(", or choose the direction %s", profile.CRMToBook)
	}
	return ""
}

// Start makes a ready or paused connection active: both accounts must work, the settings be whole, and the permissions suffice.
// Starting one that is active changes nothing.
func (s *Service) Start(ctx context.Context, actor Member, id string) (Connection, error) {
	return again(func() (Connection, error) { return s.start(ctx, actor, id) })
}

func (s *Service) start(ctx context.Context, actor Member, id string) (Connection, error) {
	c, err := s.Connection(ctx, actor, id)
	if err != nil {
		return Connection{}, err
	}
	if c.State == Active {
		return c, s.scheduled(ctx, c.Tenant)
	}
	if c.State != Ready && c.State != Paused {
		return Connection{}, &Refusal{CodeState, fmt.Sprintf("a connection that is %s cannot be started", c.State), next[c.State].Cure}
	}
	var b batch
	if err := s.startable(ctx, &c, &b, nil); err != nil {
		return Connection{}, err
	}
	return s.transition(ctx, c, Active, "", &b)
}

// startable checks everything that a running connection needs, fills in the default mapping, and holds b to the member and the
// accounts as they were looked at: a permission or an authorisation that is lost meanwhile counts. The first time, it also makes what
// the connection needs at the systems, when nothing else stands in the way. Was are the settings that a change takes the place of; nil
// for a start.
func (s *Service) startable(ctx context.Context, c *Connection, b *batch, was *Settings) error {
	m, err := load[Member](ctx, s.cfg.Table, memberKey(c.Tenant, c.Member))
	if errors.Is(err, ErrNotFound) {
		return &Refusal{"member_gone", "the member whose connection it is has left", "stop the connection"}
	}
	if err != nil {
		return err
	}
	b.unchanged(memberKey(m.Tenant, m.ID), m.V, &Conflict{"the member"})
	var accounts []Account
	for _, id := range []string{c.CRM, c.Book} {
		a, err := s.AccountByID(ctx, c.Tenant, id)
		if errors.Is(err, ErrNotFound) {
			return &Refusal{"account_gone", "an account of the connection has been removed", "stop the connection and make a new one"}
		}
		if err != nil {
			return err
		}
		if a.State != AccountActive {
			return &Refusal{"account_reauth", fmt.Sprintf("%s no longer accepts Meibo's authorisation for %s", s.cfg.SystemName(a.System), a.Identity.Email),
				"connect the account again"}
		}
		b.unchanged(accountKey(a.Tenant, a.ID), a.V, &Conflict{"the account"})
		accounts = append(accounts, a)
	}
	p := s.cfg.Profile(accounts[0].System, accounts[1].System)
	if err := CheckSettings(p, c.Settings); err != nil {
		return err
	}
	if err := s.CheckPermissions(m, accounts, p, c.Settings.Rules); err != nil {
		return err
	}
	if err := s.admit(ctx, c.Tenant, p, accounts[1].System, &accounts[1].Identity, b); err != nil {
		return err
	}
	if c.State != Ready {
		return s.recheck(ctx, c, p, was)
	}
	if err := s.free(ctx, c, p, accounts[0], accounts[1]); err != nil {
		return err
	}
	return s.prepare(ctx, c, Preparation{Connection: *c, Profile: p, CRM: accounts[0], Book: accounts[1]})
}

// recheck checks the choices of a connection that was started before.
func (s *Service) recheck(ctx context.Context, c *Connection, p profile.Profile, was *Settings) error {
	crm, book, err := s.describe(ctx, c)
	if err != nil {
		return err
	}
	if was != nil && crm != nil && book != nil {
		if err := checkFixed("settings.crm_options", was.CRMOptions, c.Settings.CRMOptions, crm.Options); err != nil {
			return err
		}
		if err := checkFixed("settings.book_options", was.BookOptions, c.Settings.BookOptions, book.Options); err != nil {
			return err
		}
	}
	return s.checkChoices(c, p, crm, book)
}
