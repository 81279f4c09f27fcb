package tenancy

import (
	"context"
	"errors"
	"fmt"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// NeededPermissions returns what a member needs in Meibo for connections with these rules (ZG6). Somebody who may only view can
// sync from the CRM to the book, and nothing else.
func NeededPermissions(d profile.Direction, r profile.Rules) []Permission {
	need := []Permission{SyncContacts, ViewContacts}
	if d.Writes(profile.CRM) {
		need = append(need, CreateContacts, EditContacts)
		if r.Deletes.ToCRM {
			need = append(need, DeleteContacts)
		}
	}
	return need
}

// vendorPermissions returns what the vendor must let the account's user do on side s.
func vendorPermissions(s profile.Side, d profile.Direction, r profile.Rules) []connector.Permission {
	need := []connector.Permission{connector.PermSync, connector.PermView}
	if d.Writes(s) {
		need = append(need, connector.PermCreate, connector.PermEdit)
		if r.Deletes.To(s) {
			need = append(need, connector.PermDelete)
		}
	}
	return need
}

// CheckPermissions returns nil if the member, and as far as the vendors tell the accounts' users, may do what the rules need,
// and else a *Refusal that names the missing permission and who can give it.
func (s *Service) CheckPermissions(m Member, accounts []Account, r profile.Rules) error {
	for _, p := range NeededPermissions(r.Direction, r) {
		if !m.Has(p) {
			return &Refusal{"member_permission",
				fmt.Sprintf("the direction %s needs the permission %q, which the member does not have", r.Direction, p),
				"ask an administrator of your company for it" + viewOnly(m, r.Direction)}
		}
	}
	for _, a := range accounts {
		for _, p := range vendorPermissions(a.Side, r.Direction, r) {
			if allowed, told := a.Identity.Permissions[p]; told && !allowed {
				return &Refusal{"vendor_permission",
					fmt.Sprintf("%s does not let %s %s contacts, which the direction %s needs", s.cfg.SystemName(a.System), a.Identity.Email, p, r.Direction),
					fmt.Sprintf("ask the administrator of %s for it, and connect the account again", s.cfg.SystemName(a.System))}
			}
		}
	}
	return nil
}

func viewOnly(m Member, d profile.Direction) string {
	if d != profile.CRMToBook && m.Has(SyncContacts) && m.Has(ViewContacts) {
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
	if err := s.startable(ctx, &c, &b); err != nil {
		return Connection{}, err
	}
	return s.transition(ctx, c, Active, "", &b)
}

// startable checks everything that a running connection needs, fills in the default mapping, and holds b to the member and the
// accounts as they were looked at: a permission or an authorisation that is lost meanwhile counts.
func (s *Service) startable(ctx context.Context, c *Connection, b *batch) error {
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
	if err := s.CheckPermissions(m, accounts, c.Settings.Rules); err != nil {
		return err
	}
	return s.checkMapping(ctx, c, p)
}

func (s *Service) checkMapping(ctx context.Context, c *Connection, p profile.Profile) error {
	r := &c.Settings.Rules
	if s.cfg.Catalogue != nil {
		var fields [2][]record.Field
		for i, id := range []string{c.CRM, c.Book} {
			var err error
			if fields[i], err = s.cfg.Catalogue(ctx, c.Tenant, id); err != nil {
				return err
			}
		}
		if len(r.Mapping) == 0 {
			r.Mapping = profile.DefaultMapping(fields[0], fields[1], p.Leave)
		}
		err := profile.CheckMapping(r.Mapping, fields[0], fields[1], r.Direction)
		var bad *profile.MappingError
		if errors.As(err, &bad) {
			return &FieldError{fmt.Sprintf("settings.rules.mapping[%d]", bad.Index), bad.Reason, "change or remove that pair"}
		}
		if err != nil {
			return err
		}
	}
	if len(r.Mapping) == 0 {
		return &FieldError{"settings.rules.mapping", "no field is mapped", "map at least one field of the CRM to one of the address book"}
	}
	return nil
}
