package app

import (
	"context"

	"meibo/shared/connector"
	directories "meibo/shared/directory"
	"meibo/shared/httpapi"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// newDirectories returns the set-up of organisations' directories, at the systems whose administrators can consent for them.
func (a *App) newDirectories(systems map[string]oauth.System) *directories.Service {
	vendors := map[string]oauth.AdminConsenter{}
	for id, s := range systems {
		if v, ok := s.Provider.(oauth.AdminConsenter); ok && s.Side == profile.Book {
			vendors[id] = v
		}
	}
	return directories.New(directories.Config{
		Table: a.c.Table, Clock: a.c.Clock, Vendors: vendors, Clients: a.c.Clients, HTTP: a.c.HTTP, SystemName: a.systemName,
		RedirectURI: func(system string) string { return a.c.PublicURL + httpapi.AdminPath(system) },
		Stop:        a.stopDirected, Resume: a.resumeDirected, NewID: a.newID, Rand: a.c.Rand,
	})
}

func (a *App) admit(ctx context.Context, tenant, system string, who *connector.Identity) (tenancy.Held, error) {
	return a.Directories.Admit(ctx, tenant, system, who)
}

// company returns the name of a tenant.
func (a *App) company(ctx context.Context, tenant string) (string, error) {
	t, err := a.Tenancy.Tenant(ctx, tenant)
	return t.Name, err
}

// stopDirected stops the connections that need a directory which an administrator has just taken away.
func (a *App) stopDirected(ctx context.Context, tenant, system string) error {
	t, err := a.Tenancy.Tenant(ctx, tenant)
	if err != nil {
		return err
	}
	reason := "An administrator of the company has disconnected " + a.systemName(system) + " for all members."
	if t.Settings.Language == "ja" {
		reason = "会社の管理者が、全メンバーの" + a.systemName(system) + "連携を解除しました。"
	}
	if err := a.Tenancy.StopDirected(ctx, tenant, system, reason); err != nil {
		return err
	}
	return a.reschedule(ctx, tenant, tenancy.Stopped)
}

// resumeDirected has the connections run at once that waited for a directory.
func (a *App) resumeDirected(ctx context.Context, tenant, system string) error {
	resumed, err := a.Tenancy.ResumeDirected(ctx, tenant, system)
	if len(resumed) > 0 && err == nil {
		err = a.reschedule(ctx, tenant, tenancy.Active)
	}
	for _, c := range resumed {
		if err := a.Ask(ctx, state.Ask{Tenant: tenant, Connection: c.ID, Reason: state.ReasonUpdate, Asked: a.c.Clock.Now()}); err != nil {
			return err
		}
	}
	return err
}
