package app

import (
	"context"
	"errors"
	"fmt"

	"meibo/shared/tenancy"
)

// directory is what the engine may know and do of tenants and connections.
type directory struct{ a *App }

func (d directory) Tenant(ctx context.Context, tenant string) (tenancy.Tenant, error) {
	return d.a.Tenancy.Tenant(ctx, tenant)
}

// Connection returns a connection that is not deleted.
func (d directory) Connection(ctx context.Context, tenant, id string) (tenancy.Connection, error) {
	c, err := d.a.Tenancy.ConnectionByID(ctx, tenant, id)
	if err == nil && c.State == tenancy.Deleted {
		return tenancy.Connection{}, tenancy.ErrNotFound
	}
	return c, err
}

// Move makes a move. One that was made already is no error, so that a message that is delivered again can repeat it.
func (d directory) Move(ctx context.Context, tenant, id string, to tenancy.State, reason string) error {
	_, err := d.a.Tenancy.Move(ctx, tenant, id, to, reason)
	var refused *tenancy.Refusal
	var late *tenancy.ScheduleError
	if errors.As(err, &late) || errors.As(err, &refused) && refused.Code == tenancy.CodeAlready {
		return d.a.reschedule(ctx, tenant, to)
	}
	return err
}

// reschedule tries again to bring the tenant's schedule in line after a move to state to. A connection that became active must have
// it; one that became anything else does no harm with it.
func (a *App) reschedule(ctx context.Context, tenant string, to tenancy.State) error {
	err := a.Tenancy.Reschedule(ctx, tenant)
	if err != nil && to != tenancy.Active {
		a.c.Log.Warn("a tenant's schedule was not removed", "tenant", tenant, "error", err.Error())
		return nil
	}
	return err
}

func (d directory) LostAccount(ctx context.Context, tenant, account string) error {
	return d.a.needsReauth(ctx, tenant, account)
}

// lost is told by the keeper that an authorisation is gone.
func (a *App) lost(ctx context.Context, tenant, account string, cause error) {
	a.c.Log.Warn("an account's authorisation is gone", "tenant", tenant, "account", account, "reason", cause.Error())
	if err := a.needsReauth(context.WithoutCancel(ctx), tenant, account); err != nil {
		// The next run meets the same loss and marks it.
		a.c.Log.Error("an account was not marked as lost", "tenant", tenant, "account", account, "error", err.Error())
	}
}

// needsReauth marks an account and its connections, with a reason in the tenant's language (BX13, BX14).
func (a *App) needsReauth(ctx context.Context, tenant, account string) error {
	acc, err := a.Tenancy.AccountByID(ctx, tenant, account)
	if err != nil {
		return err
	}
	t, err := a.Tenancy.Tenant(ctx, tenant)
	if err != nil {
		return err
	}
	if err := a.mailReconnect(ctx, t, acc); err != nil {
		return err
	}
	name := a.systemName(acc.System)
	reason := fmt.Sprintf("%s no longer accepts Meibo's authorisation. Connect the account again; nothing is lost.", name)
	if t.Settings.Language == "ja" {
		reason = fmt.Sprintf("%sがMeiboの認可を受け付けなくなりました。アカウントを再接続してください。データは失われません。", name)
	}
	err = a.Tenancy.MarkLost(ctx, tenant, account, reason)
	var late *tenancy.ScheduleError
	if errors.As(err, &late) {
		return a.reschedule(ctx, tenant, tenancy.NeedsReauth)
	}
	return err
}
