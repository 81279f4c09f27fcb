package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"meibo/shared/agenda"
	"meibo/shared/connector"
)

// UpkeepEvery is how often upkeep runs.
const UpkeepEvery = 5 * time.Minute

// How upkeep works: in batches, several at once, until nothing is due or its time is nearly over. What is left is due again.
const (
	upkeepBatch   = 50
	upkeepWorkers = 8
	upkeepMargin  = 20 * time.Second // before the end of the function's time
)

// Authorisations are looked at once a day, and sooner again when the vendor could not be asked.
const (
	probeEvery  = 24 * time.Hour
	probeAgain  = time.Hour
	probeShards = 16
)

// Upkept is what one call of Upkeep did.
type Upkept struct {
	Watches int `json:"watches"` // subscriptions renewed, made anew or given up
	Probes  int `json:"probes"`  // authorisations looked at
	Mails   int `json:"mails"`   // mails sent again
}

// Upkeep does what is due apart from syncing: it renews subscriptions before they end and makes lost ones anew, looks whether
// authorisations that nobody uses still stand, and sends mails that waited. It may be called at any time and by several at once:
// each piece of work is safe to repeat.
func (a *App) Upkeep(ctx context.Context) (Upkept, error) {
	var done Upkept
	var errs []error
	tried := map[string]bool{}
	for _, part := range []struct {
		n  *int
		do func(context.Context) (int, error)
	}{
		{&done.Watches, func(ctx context.Context) (int, error) { return a.renewWatches(ctx, tried) }},
		{&done.Mails, func(ctx context.Context) (int, error) { return a.Mails.Flush(ctx, upkeepBatch) }},
		{&done.Probes, a.probe},
	} {
		n, err := a.untilDone(ctx, part.do)
		*part.n = n
		if err != nil {
			errs = append(errs, err) // the other parts do not wait for this one
		}
	}
	err := errors.Join(errs...)
	if done != (Upkept{}) || err != nil {
		a.c.Log.Info("upkeep", "watches", done.Watches, "probes", done.Probes, "mails", done.Mails, "ok", err == nil)
	}
	return done, err
}

// untilDone repeats do until it finds nothing to do or the time is nearly over, and adds up what it did.
func (a *App) untilDone(ctx context.Context, do func(context.Context) (int, error)) (int, error) {
	total := 0
	for ctx.Err() == nil {
		if end, ok := ctx.Deadline(); ok && end.Sub(a.c.Clock.Now()) < upkeepMargin {
			return total, nil
		}
		n, err := do(ctx)
		total += n
		if n == 0 || err != nil {
			return total, err
		}
	}
	return total, ctx.Err()
}

func (a *App) probes() agenda.Agenda {
	return agenda.Agenda{Table: a.c.Table, Name: "probe", Shards: probeShards}
}

func probeID(tenant, account string) string { return tenant + "/" + account }

// probe looks at authorisations that are due.
func (a *App) probe(ctx context.Context) (int, error) {
	due, err := a.probes().Due(ctx, a.c.Clock.Now(), upkeepBatch)
	if err != nil {
		return 0, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(upkeepWorkers)
	for _, e := range due {
		g.Go(func() error { return a.probeOne(ctx, e.ID) })
	}
	return len(due), g.Wait()
}

func (a *App) probeOne(ctx context.Context, id string) error {
	tenant, account, _ := strings.Cut(id, "/")
	err := a.Keeper.Probe(ctx, tenant, account)
	var lost *connector.AuthLostError
	switch {
	case errors.As(err, &lost): // the keeper has told; a person's new consent enters it again
		return a.probes().Remove(ctx, id)
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		a.c.Log.Warn("an authorisation could not be looked at", "tenant", tenant, "account", account, "error", err.Error())
		return a.probes().Set(ctx, id, a.c.Clock.Now().Add(probeAgain))
	}
	return a.probes().Set(ctx, id, a.c.Clock.Now().Add(probeEvery))
}
