package app

import (
	"context"
	"errors"
	"fmt"

	"meibo/shared/oauth"
	"meibo/shared/profile"
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

// Folder is what the profile of both accounts' systems says.
func (d directory) Folder(crm, book tenancy.Account) string {
	return profile.For(crm.System, book.System).Folder
}

func (d directory) LostAccount(ctx context.Context, tenant, account string) error {
	return d.a.needsReauth(ctx, tenant, account, "")
}

// lost is told by the keeper that an authorisation is gone.
func (a *App) lost(ctx context.Context, tenant, account string, cause error) {
	a.c.Log.Warn("an account's authorisation is gone", "tenant", tenant, "account", account, "reason", cause.Error())
	ctx = context.WithoutCancel(ctx)
	code := ""
	var refused *oauth.RefusedError
	if errors.As(cause, &refused) {
		code = refused.Code
	}
	if err := a.needsReauth(ctx, tenant, account, code); err != nil {
		// The next run meets the same loss and marks it.
		a.c.Log.Error("an account was not marked as lost", "tenant", tenant, "account", account, "error", err.Error())
	}
}

// needsReauth marks an account and its connections, with a reason in the tenant's language (BX13, BX14). Code is the vendor's, where it
// said why: a consent that an administrator has withdrawn is noted with the directory as well.
func (a *App) needsReauth(ctx context.Context, tenant, account, code string) error {
	acc, err := a.Tenancy.AccountByID(ctx, tenant, account)
	if err != nil {
		return err
	}
	t, err := a.Tenancy.Tenant(ctx, tenant)
	if err != nil {
		return err
	}
	if code == oauth.AdminWithdrawn && acc.Identity.CompanyID != "" {
		if err := a.Directories.Withdraw(ctx, tenant, acc.System, acc.Identity.CompanyID); err != nil {
			return err
		}
	}
	if err := a.mailReconnect(ctx, t, acc); err != nil {
		return err
	}
	err = a.Tenancy.MarkLost(ctx, tenant, account, a.lossReason(t, acc, code))
	var late *tenancy.ScheduleError
	if errors.As(err, &late) {
		return a.reschedule(ctx, tenant, tenancy.NeedsReauth)
	}
	return err
}

// lossReason says why an account must be connected again, to whoever looks at its connections.
func (a *App) lossReason(t tenancy.Tenant, acc tenancy.Account, code string) string {
	name, ja := a.systemName(acc.System), t.Settings.Language == "ja"
	say := func(en, japanese string) string {
		if ja {
			return fmt.Sprintf(japanese, name)
		}
		return fmt.Sprintf(en, name)
	}
	switch {
	case code == oauth.AdminWithdrawn && acc.Identity.CompanyID != "":
		return say("The consent for Meibo no longer holds in the organisation's directory at %s. Its administrator has to consent again; then connect the account again. Nothing is lost.",
			"%sの組織のディレクトリで、Meiboへの同意が無効になりました。管理者が再度同意したうえで、アカウントを再接続してください。データは失われません。")
	case code == oauth.AdminBlocked:
		return say("A rule of the organisation at %s blocks Meibo. Its administrator has to admit the addresses that Meibo comes from; then connect the account again. Nothing is lost.",
			"%sの組織のアクセス制限により、Meiboがブロックされています。管理者がMeiboの接続元IPアドレスを許可したうえで、アカウントを再接続してください。データは失われません。")
	}
	return say("%s no longer accepts Meibo's authorisation. Connect the account again; nothing is lost.",
		"%sがMeiboの認可を受け付けなくなりました。アカウントを再接続してください。データは失われません。")
}
