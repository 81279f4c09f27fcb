package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/system"
	"meibo/shared/watch"
	"meibo/shared/webhook"
)

// Hooks returns the handler of the notifications of systems, or of all that send any if none are named. Its paths begin with
// webhook.Prefix.
func (a *App) Hooks(systems ...string) http.Handler {
	named := func(id string) bool { return len(systems) == 0 || slices.Contains(systems, id) }
	readers, shared := system.Hooks(a.Systems), system.SharedHooks(a.Systems)
	maps.DeleteFunc(readers, func(id string, _ connector.HookReader) bool { return !named(id) })
	maps.DeleteFunc(shared, func(id string, _ connector.SharedHookReader) bool { return !named(id) })
	lenient := map[string]bool{}
	for _, s := range a.Systems {
		lenient[s.ID] = s.HookLenient
	}
	return webhook.New(webhook.Config{
		Watches: a.Watches, Post: a.State.Post, Ask: a.askAt, Readers: readers, Clock: a.c.Clock, Log: a.c.Log,
		Lenient: lenient, Shared: shared, URL: a.c.HookURL,
		Secret: func(ctx context.Context, id string) (string, error) {
			c, err := a.c.Clients.Client(ctx, id)
			return c.Secret, err
		},
	})
}

// newWatches returns the keeper of the vendors' subscriptions.
func (a *App) newWatches() *watch.Service {
	return watch.New(watch.Config{
		Table: a.c.Table, Clock: a.c.Clock, Rand: a.c.Rand, HookURL: a.c.HookURL,
		Connection: a.Tenancy.ConnectionByID, Missed: a.missed,
		Open: func(ctx context.Context, tenant, account string) (watch.Opened, error) {
			o, err := a.Opener.Open(ctx, tenant, account)
			return watch.Opened{System: o.Account.System, Connector: o.Connector, Close: o.Close}, err
		},
	})
}

// askAt asks for a run that begins at or soon after at, as a post wanted. What fails is asked for again by the vendor's next attempt.
func (a *App) askAt(ctx context.Context, ask state.Ask, at time.Time) error {
	err := a.sendAt(ctx, ask, at)
	if err == nil {
		return nil
	}
	// The vendor may have hung up already; the note is worth making all the same.
	return errors.Join(err, a.State.Unasked(context.WithoutCancel(ctx), ask.Tenant, ask.Connection, state.Posted{Ask: at}))
}

// sendAt has a message sent at a time, or soon after. A later one of the same connection may take the place of one that waits: it
// answers both.
func (a *App) sendAt(ctx context.Context, ask state.Ask, at time.Time) error {
	if !at.After(a.c.Clock.Now()) {
		return a.Ask(ctx, ask)
	}
	m, err := a.message(ask)
	if err != nil {
		return err
	}
	return a.c.Scheduler.Once(ctx, ask.Connection+"-"+string(ask.Reason), at, m)
}

// missed has a run repair what a vendor did not tell of.
func (a *App) missed(ctx context.Context, tenant, conn string, side profile.Side) error {
	done, err := a.State.Post(ctx, tenant, conn, side, []connector.Notice{{Kind: connector.NoticeMissed}})
	if err != nil {
		return fmt.Errorf("noting that notifications were missed: %w", err)
	}
	if done.Ask.IsZero() {
		return nil
	}
	return a.askAt(ctx, state.Ask{Tenant: tenant, Connection: conn, Reason: state.ReasonHook, Asked: a.c.Clock.Now()}, done.Ask)
}
