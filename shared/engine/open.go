package engine

import (
	"context"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/tenancy"
)

// load opens both accounts and finds out what there is to do.
func (s *slice) load(ctx context.Context, unfinished bool) error {
	var err error
	if s.tenant, err = s.e.c.Directory.Tenant(ctx, s.ask.Tenant); err != nil {
		return err
	}
	if s.keys, err = s.e.c.Keys(ctx, s.ask.Tenant); err != nil {
		return err
	}
	s.due, s.unfinished = s.e.c.Clock.Now(), unfinished
	s.linked, s.touched = map[string]bool{}, map[string]bool{}
	for i := range bothSides {
		s.overrides[i], s.begun[i] = map[string]verdict{}, map[string]bool{}
		s.forced[i], s.recovered[i], s.entered[i], s.news[i] = map[string]bool{}, map[string]bool{}, map[string]bool{}, &news{}
	}
	s.dig = record.NewDigester(s.keys.Digest("record"))
	s.rules = withTenant(s.conn.Settings.Rules, s.tenant.Settings)
	for i, account := range []string{s.conn.CRM, s.conn.Book} {
		s.sides[i] = &side{s: bothSides[i], i: i, id: account}
	}
	s.setScopes()
	s.print = s.fingerprint()
	begun := false
	if unfinished {
		if begun, err = s.resume(ctx); err != nil {
			return err
		}
	}
	if !begun {
		s.begin()
	}
	if err := s.answered(ctx); err != nil {
		return err
	}
	for _, sd := range s.sides {
		if sd.open, err = s.e.c.Opener.Open(ctx, s.ask.Tenant, sd.id); err != nil {
			return sd.wrap(err)
		}
		if err := sd.choose(); err != nil {
			return err
		}
		if f, ok := sd.open.Connector.(connector.Coster); ok {
			sd.before = f.Floor(sd.work)
		}
	}
	s.sides[1].unmade = s.conn.Folder == "" && s.e.c.Directory.Folder(s.sides[0].open.Account, s.sides[1].open.Account) != ""
	s.setPhotos()
	return nil
}

// withTenant returns a connection's rules within what its tenant allows: the smaller cap, and the tenant's budget where the
// connection has none of its own.
func withTenant(r profile.Rules, t tenancy.TenantSettings) profile.Rules {
	smaller := func(a, b int) int {
		if a == 0 || b > 0 && b < a {
			return b
		}
		return a
	}
	r.Caps = profile.Caps{First: smaller(r.Caps.First, t.Caps.First), Later: smaller(r.Caps.Later, t.Caps.Later)}
	r.ApproveFirst = r.ApproveFirst || t.ApproveFirst
	none := profile.Budget{}
	if r.Budget == none || r.Budget == profile.DefaultBudget && t.Budget != none {
		r.Budget = t.Budget
	}
	if r.Budget == none {
		r.Budget = profile.DefaultBudget
	}
	return r
}
