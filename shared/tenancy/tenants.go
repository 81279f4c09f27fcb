package tenancy

import (
	"context"

	"golang.org/x/text/language"

	"meibo/shared/profile"
	"meibo/shared/store"
)

// DefaultTenantSettings are those of a tenant that chose none.
func DefaultTenantSettings() TenantSettings {
	return TenantSettings{Region: "JP", Language: "ja", Budget: profile.DefaultBudget}
}

// CreateTenant makes a tenant with p as its first administrator. nil settings mean DefaultTenantSettings.
func (s *Service) CreateTenant(ctx context.Context, p Principal, name string, set *TenantSettings) (Tenant, Member, error) {
	if p.Issuer == "" || p.Subject == "" {
		return Tenant{}, Member{}, &Refusal{CodeForbidden, "only a person who has signed in can make a company", "sign in first"}
	}
	email, err := checkMail("email", p.Email)
	if err != nil {
		return Tenant{}, Member{}, err
	}
	if name, err = checkName("name", name); err != nil {
		return Tenant{}, Member{}, err
	}
	settings := DefaultTenantSettings()
	if set != nil {
		settings = *set
	}
	if err := CheckTenantSettings(settings); err != nil {
		return Tenant{}, Member{}, err
	}
	now := s.cfg.Clock.Now()
	t := Tenant{ID: s.cfg.IDs(), Name: name, Settings: settings, Created: now, V: 1}
	m := Member{ID: s.cfg.IDs(), Tenant: t.ID, Issuer: p.Issuer, Subject: p.Subject, Email: email, Name: p.Name,
		Role: Admin, Permissions: []Permission{}, Created: now, V: 1}
	exists := &Conflict{"the company"}
	var b batch
	b.create(tenantKey(t.ID), t, exists)
	b.create(adminsKey(t.ID), admins{IDs: []string{m.ID}}, exists)
	b.create(memberKey(t.ID, m.ID), m, exists)
	b.create(store.Key{PK: principalPK(p), SK: t.ID}, pointer{m.ID}, exists)
	b.create(store.Key{PK: mailPK(email), SK: t.ID}, pointer{m.ID}, exists)
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return Tenant{}, Member{}, err
	}
	return t, m, nil
}

// Tenant returns a tenant. Whoever asks for a person does so with that person's own tenant (Member.Tenant).
func (s *Service) Tenant(ctx context.Context, id string) (Tenant, error) {
	if !validID(id) {
		return Tenant{}, ErrNotFound
	}
	return load[Tenant](ctx, s.cfg.Table, tenantKey(id))
}

// TenantChange says what to change; nil leaves it. V is the version that the change was made on; 0 means whatever is there.
type TenantChange struct {
	Name     *string
	Settings *TenantSettings
	V        int64
}

// ChangeTenant changes the actor's tenant. Only an administrator may.
func (s *Service) ChangeTenant(ctx context.Context, actor Member, c TenantChange) (Tenant, error) {
	if actor.Role != Admin {
		return Tenant{}, forbidden("change the company's settings", "an administrator")
	}
	t, err := s.Tenant(ctx, actor.Tenant)
	if err != nil {
		return Tenant{}, err
	}
	changed := &Conflict{"the company's settings"}
	if c.V != 0 && c.V != t.V {
		return Tenant{}, changed
	}
	if c.Name != nil {
		if t.Name, err = checkName("name", *c.Name); err != nil {
			return Tenant{}, err
		}
	}
	if c.Settings != nil {
		if err := CheckTenantSettings(*c.Settings); err != nil {
			return Tenant{}, err
		}
		t.Settings = *c.Settings
	}
	var b batch
	b.replace(tenantKey(t.ID), t.V, t, changed)
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return Tenant{}, err
	}
	t.V++
	return t, nil
}

// CheckTenantSettings returns a *FieldError that names what cannot be.
func CheckTenantSettings(set TenantSettings) error {
	if r, err := language.ParseRegion(set.Region); err != nil || !r.IsCountry() || len(set.Region) != 2 || r.String() != set.Region {
		return &FieldError{"settings.region", "it is not a country", `give its two capital letters of ISO 3166-1, such as "JP"`}
	}
	if set.Language != "ja" && set.Language != "en" {
		return &FieldError{"settings.language", "Meibo does not speak it", `give "ja" or "en"`}
	}
	if err := checkCaps("settings.caps", set.Caps); err != nil {
		return err
	}
	return checkBudget("settings.budget", set.Budget)
}

func checkCaps(field string, c profile.Caps) error {
	for name, n := range map[string]int{"first": c.First, "later": c.Later} {
		if n < 0 {
			return &FieldError{field + "." + name, "it is negative", "give how many records a run may take, or 0 for no limit"}
		}
	}
	return nil
}

func checkBudget(field string, b profile.Budget) error {
	for name, n := range map[string]int{"count": b.Count, "small_count": b.SmallCount} {
		if n < 0 {
			return &FieldError{field + "." + name, "it is negative", "give a number of records from 0 on"}
		}
	}
	for name, x := range map[string]float64{"share": b.Share, "small_share": b.SmallShare} {
		if !(x >= 0 && x <= 1) { // so written, NaN fails too
			return &FieldError{field + "." + name, "it is not a share", "give a number from 0 to 1"}
		}
	}
	return nil
}
