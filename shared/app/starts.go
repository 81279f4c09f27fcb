package app

import (
	"context"
	"errors"
	"net/http"

	"meibo/shared/httpapi"
	"meibo/shared/oauth"
	"meibo/shared/setup"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

// prepare makes what a connection needs at its systems before it starts.
func (a *App) prepare(ctx context.Context, p tenancy.Preparation) (tenancy.Prepared, error) {
	keys, err := a.c.Keys.For(ctx, p.Connection.Tenant)
	if err != nil {
		return tenancy.Prepared{}, err
	}
	crm, err := a.Opener.Open(ctx, p.Connection.Tenant, p.CRM.ID)
	if err != nil {
		return tenancy.Prepared{}, err
	}
	defer crm.Close()
	book, err := a.Opener.Open(ctx, p.Connection.Tenant, p.Book.ID)
	if err != nil {
		return tenancy.Prepared{}, err
	}
	defer book.Close()
	// Whatever comes of it, what was known of the CRM's fields may be old now.
	defer func() {
		for _, options := range []map[string]string{nil, p.Connection.Settings.CRMOptions} {
			a.known.Delete(describedKey(p.Connection.Tenant, p.CRM.ID, options))
		}
	}()
	return setup.Prepare(ctx, crm.Connector, book.Connector, p, setup.Mark(keys.Digest, p.CRM))
}

// asker returns who started a consent.
func (a *App) asker(ctx context.Context, o oauth.Outcome) (httpapi.Asker, error) {
	t, err := a.Tenancy.Tenant(ctx, o.Tenant)
	if err != nil {
		return httpapi.Asker{}, err
	}
	m, err := a.Tenancy.MemberByID(ctx, o.Tenant, o.Member)
	return httpapi.Asker{Company: t.Name, Name: m.Name, Email: m.Email}, err
}

// uninstalls returns the readers of vendors' calls that a user removed Meibo there, each with this installation's registration.
func (a *App) uninstalls() map[string]func(*http.Request) (string, error) {
	m := map[string]func(*http.Request) (string, error){}
	for id, read := range system.Uninstalls(a.Systems) {
		m[id] = func(r *http.Request) (string, error) {
			client, err := a.c.Clients.Client(r.Context(), id)
			if err != nil {
				return "", err
			}
			account, err := read(r, client)
			if errors.Is(err, system.ErrForged) {
				err = httpapi.ErrNotGenuine
			}
			return account, err
		}
	}
	return m
}

// uninstalled marks the account of a person who removed Meibo at the system: its authorisation is gone.
func (a *App) uninstalled(ctx context.Context, id, vendorAccount string) error {
	tenant, account, err := a.Tenancy.Holder(ctx, id, vendorAccount)
	if err != nil {
		return err
	}
	return a.needsReauth(ctx, tenant, account, "")
}

// push returns how the vendors tell of a connection's changes.
func (a *App) push(ctx context.Context, c tenancy.Connection) ([]httpapi.PushView, error) {
	watches, err := a.Watches.List(ctx, c.Tenant, c.ID)
	if err != nil {
		return nil, err
	}
	out := make([]httpapi.PushView, 0, len(watches))
	for _, w := range watches {
		v := httpapi.PushView{Side: w.Side, State: string(w.State), Reason: w.Reason}
		if at := w.Expires(); !at.IsZero() {
			v.Expires = &at
		}
		out = append(out, v)
	}
	return out, nil
}
