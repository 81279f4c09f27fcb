package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"meibo/shared/system"
	"meibo/shared/tenancy"
)

var tags = []*huma.Tag{
	{Name: "Systems", Description: "What Meibo connects to"},
	{Name: "Tenants", Description: "Companies and their settings"},
	{Name: "Directories", Description: "Organisations' directories that an administrator connects for all members"},
	{Name: "Members", Description: "People of a company, their roles and permissions"},
	{Name: "Accounts", Description: "External accounts that members have authorised"},
	{Name: "Connections", Description: "Pairings of a CRM account with an address book account"},
	{Name: "Runs", Description: "What syncs did, are doing or would do"},
	{Name: "Records", Description: "What is in sync, what is not and why"},
}

// TenantView is a company that uses Meibo.
type TenantView struct {
	ID       string             `json:"id"`
	Name     string             `json:"name"`
	Settings TenantSettingsView `json:"settings"`
	Created  time.Time          `json:"created"`
}

// TenantSettingsView is what holds for all connections of a tenant.
type TenantSettingsView struct {
	Region       string     `json:"region" doc:"Where phone numbers without a country code are read: ISO 3166-1 alpha-2" example:"JP"`
	Language     string     `json:"language" enum:"ja,en" doc:"Of mails and messages"`
	Caps         CapsView   `json:"caps" doc:"Preset for new connections (ZG9)"`
	Budget       BudgetView `json:"budget" doc:"Preset for new connections (BX4)"`
	ApproveFirst bool       `json:"approve_first" doc:"Preset for new connections: the first run waits for approval of its counts"`
}

func tenantView(t tenancy.Tenant) TenantView {
	s := t.Settings
	return TenantView{t.ID, t.Name, TenantSettingsView{s.Region, s.Language, CapsView(s.Caps), budgetView(s.Budget), s.ApproveFirst}, t.Created}
}

// TenantSettingsPatch changes the settings that it names.
type TenantSettingsPatch struct {
	Region       *string      `json:"region,omitempty" pattern:"^[A-Z]{2}$" doc:"ISO 3166-1 alpha-2" example:"JP"`
	Language     *string      `json:"language,omitempty" enum:"ja,en"`
	Caps         *CapsPatch   `json:"caps,omitempty"`
	Budget       *BudgetPatch `json:"budget,omitempty"`
	ApproveFirst *bool        `json:"approve_first,omitempty"`
}

func (p *TenantSettingsPatch) apply(s *tenancy.TenantSettings) {
	if p == nil {
		return
	}
	set(&s.Region, p.Region)
	set(&s.Language, p.Language)
	set(&s.ApproveFirst, p.ApproveFirst)
	p.Caps.apply(&s.Caps)
	p.Budget.apply(&s.Budget)
}

// MembershipView is a tenant that the caller belongs to, and as what.
type MembershipView struct {
	Tenant TenantView `json:"tenant"`
	Member MemberView `json:"member"`
}

type newTenant struct {
	Once
	Body struct {
		Name     string               `json:"name" minLength:"1" maxLength:"200"`
		Settings *TenantSettingsPatch `json:"settings,omitempty"`
	}
}

type changeTenant struct {
	InTenant
	Once
	Body struct {
		Name     *string              `json:"name,omitempty" minLength:"1" maxLength:"200"`
		Settings *TenantSettingsPatch `json:"settings,omitempty"`
	}
}

func (s *Server) tenantOps() {
	outside(s, op{id: "list-systems", method: http.MethodGet, path: "/systems", tag: "Systems", summary: "List the systems",
		about: "With how an account of each is connected: by consent (POST …/accounts), by consent at the organisation's own address, which site names (HD1), or by an API key (POST …/accounts/keys)."},
		func(ctx context.Context, _ tenancy.Principal, in *struct{ Paging }) (*Answer[List[SystemView]], error) {
			page, next, err := slicePage(ctx, s.Systems, in.Paging)
			if err != nil {
				return nil, err
			}
			return listOf(page, next, func(y system.System) SystemView { return s.systemView(langOf(ctx), y) }), nil
		})
	outside(s, op{id: "create-tenant", method: http.MethodPost, path: "/tenants", tag: "Tenants", summary: "Create a company", status: http.StatusCreated,
		about: "The caller becomes its first administrator."},
		func(ctx context.Context, who tenancy.Principal, in *newTenant) (*Answer[TenantView], error) {
			settings := tenancy.DefaultTenantSettings()
			in.Body.Settings.apply(&settings)
			t, _, err := s.Tenancy.CreateTenant(ctx, who, in.Body.Name, &settings)
			if err != nil {
				return nil, err
			}
			return created(tenantView(t)), nil
		})
	outside(s, op{id: "list-tenants", method: http.MethodGet, path: "/tenants", tag: "Tenants", summary: "List the companies that the caller belongs to"},
		func(ctx context.Context, who tenancy.Principal, in *struct{ Paging }) (*Answer[List[MembershipView]], error) {
			p, err := s.Tenancy.Tenants(ctx, who, in.request())
			if err != nil {
				return nil, err
			}
			return listOf(p.Items, p.Next, func(m tenancy.Membership) MembershipView {
				return MembershipView{tenantView(m.Tenant), memberView(m.Member)}
			}), nil
		})
	inTenant(s, op{id: "get-tenant", method: http.MethodGet, path: "/tenants/{tenant}", tag: "Tenants", summary: "Read a company"},
		func(ctx context.Context, c caller, _ *struct{ InTenant }) (*Answer[TenantView], error) {
			t, err := s.Tenancy.Tenant(ctx, c.Tenant)
			return ok(tenantView(t)), err
		})
	inTenant(s, op{id: "change-tenant", method: http.MethodPatch, path: "/tenants/{tenant}", tag: "Tenants", summary: "Change a company's name or settings",
		about: "Needs an administrator. What the body does not name stays as it is. Settings of existing connections are their own and do not change."},
		func(ctx context.Context, c caller, in *changeTenant) (*Answer[TenantView], error) {
			ch := tenancy.TenantChange{Name: in.Body.Name}
			if in.Body.Settings != nil {
				t, err := s.Tenancy.Tenant(ctx, c.Tenant)
				if err != nil {
					return nil, err
				}
				in.Body.Settings.apply(&t.Settings)
				ch.Settings, ch.V = &t.Settings, t.V
			}
			t, err := s.Tenancy.ChangeTenant(ctx, c.Member, ch)
			return ok(tenantView(t)), err
		})
}
