package httpapi

import (
	"context"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// TotalsView is a connection's dashboard (PD16, ZG7).
type TotalsView struct {
	Links          int           `json:"links" doc:"Records in sync"`
	Parked         int           `json:"parked" doc:"Records left out, failing or waiting"`
	Review         int           `json:"review" doc:"Records held for review"`
	LastRun        string        `json:"last_run" doc:"Id of the last run; empty before the first"`
	LastSync       *time.Time    `json:"last_sync,omitempty" doc:"End of the last run that completed"`
	NextRun        *time.Time    `json:"next_run,omitempty" doc:"When the schedule asks for the next run; absent while the connection is not active"`
	EveryEffective int           `json:"every_effective" doc:"Minutes between two scheduled runs: the chosen frequency, or what the vendors' limits leave room for"`
	Waits          *WaitView     `json:"waits,omitempty" doc:"Set while a vendor has asked to be left alone"`
	Push           []PushView    `json:"push" nullable:"false" doc:"How the vendors tell of changes; a side that is not in it is polled"`
	Budgets        []QuotaView   `json:"budgets" nullable:"false" doc:"What the vendors let all integrations of the company use together"`
	LastMail       *LastMailView `json:"last_mail,omitempty" doc:"The last mail about the connection"`
}

// WaitView says until when a connection waits for a vendor, and why.
type WaitView struct {
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
}

// PushView is one subscription to a vendor's notifications.
type PushView struct {
	Side    profile.Side `json:"side" enum:"crm,book"`
	State   string       `json:"state" doc:"making, active, refused or removing; refused means that this side is polled"`
	Reason  string       `json:"reason" doc:"Why it is not active, in words; empty when there is nothing to say"`
	Expires *time.Time   `json:"expires,omitempty" doc:"When it ends unless it is renewed, which Meibo does before"`
}

// QuotaView is what a vendor lets a whole company's integrations use, as it last said.
type QuotaView struct {
	Side      profile.Side `json:"side" enum:"crm,book"`
	Limit     int          `json:"limit"`
	Remaining int          `json:"remaining"`
	Resets    *time.Time   `json:"resets,omitempty"`
	At        time.Time    `json:"at" doc:"When the vendor said so"`
}

// LastMailView is a mail about a connection, without its text.
type LastMailView struct {
	Subject string     `json:"subject"`
	Made    time.Time  `json:"made"`
	Sent    *time.Time `json:"sent,omitempty" doc:"When the mail system took it; absent while it has not"`
	Failed  bool       `json:"failed" doc:"The mail system will never take it"`
}

func (s *Server) totals(ctx context.Context, c caller, in *InConnection) (*Answer[TotalsView], error) {
	n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
	if err != nil {
		return nil, err
	}
	ctl, err := s.State.Control(ctx, c.Tenant, n.ID)
	if err != nil {
		return nil, err
	}
	t, now := ctl.Totals, s.Clock.Now()
	v := TotalsView{Links: t.Links, Parked: t.Parked, Review: t.Review, LastRun: t.LastRun, LastSync: when(t.LastSync), NextRun: when(t.NextRun),
		EveryEffective: n.Settings.Effective(ctl.PollEvery()), Push: []PushView{}, Budgets: budgetsView(ctl)}
	if s.NextRun != nil {
		v.NextRun = when(s.NextRun(n, ctl, now))
	}
	if ctl.Wait.After(now) {
		v.Waits = &WaitView{ctl.Wait, ctl.WaitFor}
	}
	if s.Watches != nil {
		push, err := s.Watches(ctx, n)
		if err != nil {
			return nil, err
		}
		v.Push = append(v.Push, push...)
	}
	if s.LastMail != nil {
		v.LastMail, err = s.LastMail(ctx, n)
	}
	return ok(v), err
}

func budgetsView(c state.Control) []QuotaView {
	out := []QuotaView{}
	for i, side := range []profile.Side{profile.CRM, profile.Book} {
		if b := c.Sides[i].Budget; b != nil {
			out = append(out, quotaView(side, *b))
		}
	}
	return out
}

func quotaView(side profile.Side, b connector.Budget) QuotaView {
	return QuotaView{side, b.Limit, b.Remaining, when(b.Resets), b.At}
}

// when returns a time that is left out while it is not known.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// raised returns the budget of a connection of tenant t, doubled. One that has none of its own has the tenant's.
func raised(own profile.Budget, t tenancy.Tenant) profile.Budget {
	b := own
	if b == (profile.Budget{}) || b == profile.DefaultBudget && t.Settings.Budget != (profile.Budget{}) {
		b = t.Settings.Budget
	}
	if b == (profile.Budget{}) {
		b = profile.DefaultBudget
	}
	return profile.Budget{Count: b.Count * 2, Share: min(b.Share*2, 1), SmallCount: b.SmallCount * 2, SmallShare: min(b.SmallShare*2, 1)}
}
