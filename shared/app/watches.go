package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"meibo/shared/state"
	"meibo/shared/tenancy"
	"meibo/shared/watch"
)

// ensuredLife is how long a process takes it for granted that a connection has its subscriptions: long enough that runs do not pay
// for looking, short enough that a folder chosen later is watched soon.
const ensuredLife = time.Hour

// watch makes sure that a connection that was just synced is told of changes. Whatever goes wrong is noted with the watch and tried
// again by upkeep; the sync does not depend on it.
func (a *App) watch(ctx context.Context, ask state.Ask) {
	if a.c.HookURL == "" {
		return
	}
	key := ask.Tenant + "/" + ask.Connection
	if _, ok := a.watched.Get(key); ok {
		return
	}
	log := a.c.Log.With("tenant", ask.Tenant, "connection", ask.Connection)
	c, err := a.Tenancy.ConnectionByID(ctx, ask.Tenant, ask.Connection)
	if err == nil && c.State.Ended() { // a stop that was cut off, or one that a vendor has not heard of
		a.unwatch(ctx, ask.Tenant, ask.Connection)
		return
	}
	if errors.Is(err, tenancy.ErrNotFound) || err == nil && c.State != tenancy.Active {
		return
	}
	if err == nil {
		err = a.Watches.Ensure(ctx, c)
	}
	if err != nil {
		log.Warn("a connection's subscriptions are not complete; it is polled meanwhile", "error", err.Error())
	}
	a.watched.Put(key, struct{}{})
}

// unwatch ends the subscriptions of a connection that is over. What the vendor does not take now is ended by upkeep.
func (a *App) unwatch(ctx context.Context, tenant, conn string) {
	a.watched.Delete(tenant + "/" + conn)
	if err := a.Watches.Remove(ctx, tenant, conn); err != nil {
		a.c.Log.Warn("subscriptions were not ended yet", "tenant", tenant, "connection", conn, "error", err.Error())
	}
}

// stopped is told of a connection that has just been stopped.
func (a *App) stopped(ctx context.Context, c tenancy.Connection) { a.unwatch(ctx, c.Tenant, c.ID) }

// revoke gives an account's authorisation back, after the subscriptions that were made with it: nobody can end them without it.
func (a *App) revoke(ctx context.Context, tenant, account string) error {
	err := a.Tenancy.EachConnection(ctx, tenant, func(c tenancy.Connection) error {
		if c.CRM == account || c.Book == account {
			a.unwatch(ctx, tenant, c.ID)
		}
		return nil
	})
	return errors.Join(err, a.Keeper.Revoke(ctx, tenant, account))
}

// renewWatches renews the subscriptions whose time has come, and returns how many it looked at that are not among tried, to which it
// adds them: one that is still due afterwards could not even be put off, and waits for the next upkeep.
func (a *App) renewWatches(ctx context.Context, tried map[string]bool) (int, error) {
	due, err := a.Watches.Due(ctx, a.c.Clock.Now(), upkeepBatch)
	if err != nil {
		return 0, err
	}
	due = slices.DeleteFunc(due, func(w watch.Watch) bool { return tried[w.ID] })
	for _, w := range due {
		tried[w.ID] = true
	}
	var g errgroup.Group
	g.SetLimit(upkeepWorkers)
	for _, w := range due {
		g.Go(func() error {
			if err := a.Watches.Renew(ctx, w.ID); err != nil { // it was noted, and comes back by itself
				a.c.Log.Warn("a subscription was not renewed", "tenant", w.Tenant, "connection", w.Connection, "system", w.System, "error", err.Error())
			}
			return nil
		})
	}
	return len(due), g.Wait()
}
