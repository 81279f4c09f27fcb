package app

import (
	"context"
	"errors"
	"fmt"

	"meibo/shared/httpapi"
	"meibo/shared/notify"
	"meibo/shared/tenancy"
)

// mailReconnect mails the member whose account must be connected again: once for each loss, which the account's version tells from
// another. It must come before the account is marked, since afterwards nobody asks again.
func (a *App) mailReconnect(ctx context.Context, t tenancy.Tenant, acc tenancy.Account) error {
	if acc.State == tenancy.AccountNeedsReauth {
		return nil
	}
	m, err := a.Tenancy.MemberByID(ctx, t.ID, acc.Member)
	if errors.Is(err, tenancy.ErrNotFound) || err == nil && m.Email == "" {
		return nil
	}
	if err != nil {
		return err
	}
	subject, text := notify.Reconnect(t.Settings.Language, a.systemName(acc.System), acc.Identity.Email, a.c.PublicURL)
	return a.Mails.Post(ctx, fmt.Sprintf("%s%012d", reconnectMails(t.ID, acc.ID), acc.V), notify.Mail{To: m.Email, Subject: subject, Text: text})
}

// reconnectMails is how the ids of such mails about an account begin. What follows sorts by time.
func reconnectMails(tenant, account string) string {
	return "reconnect#" + tenant + "#" + account + "#"
}

// lastMail returns the last mail about a connection's accounts, or nil if there is none.
func (a *App) lastMail(ctx context.Context, c tenancy.Connection) (*httpapi.LastMailView, error) {
	var last *httpapi.LastMailView
	for _, account := range []string{c.CRM, c.Book} {
		if account == "" {
			continue
		}
		m, err := a.Mails.Newest(ctx, reconnectMails(c.Tenant, account))
		if err != nil {
			return nil, err
		}
		if m != nil && (last == nil || m.Made.After(last.Made)) {
			last = &httpapi.LastMailView{Subject: m.Subject, Made: m.Made, Failed: m.Failed}
			if !m.Sent.IsZero() {
				last.Sent = &m.Sent
			}
		}
	}
	return last, nil
}
