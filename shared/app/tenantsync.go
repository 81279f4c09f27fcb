package app

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"golang.org/x/sync/errgroup"

	"meibo/shared/queue"
	"meibo/shared/schedule"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// tick is how often a tenant's schedule looks for connections that are due.
const tick = time.Minute

// Connections are looked at and asked for in batches of lookBatch; sending is what takes time, so senders of them send at once.
const (
	lookBatch = state.MaxControls
	senders   = 8
)

// TenantSync asks for runs of the tenant's connections that are due. It only reads the table: a schedule that outlived the tenant's
// last active connection finds nothing to do. Its memory does not grow with the number of connections.
func (a *App) TenantSync(ctx context.Context, e schedule.TenantEvent) error {
	if e.Tenant == "" {
		return errors.New("app: the schedule's event names no tenant")
	}
	now := a.c.Clock.Now()
	var g errgroup.Group // one batch that fails does not hold up the others
	g.SetLimit(senders)
	var batch []tenancy.Connection
	active, asked := 0, 0
	look := func() error {
		ms, err := a.dueAsks(ctx, e.Tenant, batch, now)
		active, asked, batch = active+len(batch), asked+len(ms), batch[:0]
		if err != nil || len(ms) == 0 {
			return err
		}
		g.Go(func() error { return a.c.Queue.Send(ctx, ms...) })
		return nil
	}
	err := a.Tenancy.EachConnection(ctx, e.Tenant, func(c tenancy.Connection) error {
		if c.State != tenancy.Active {
			return nil
		}
		if batch = append(batch, c); len(batch) < lookBatch {
			return nil
		}
		return look()
	})
	if err == nil && len(batch) > 0 {
		err = look()
	}
	err = errors.Join(err, g.Wait())
	a.c.Log.Info("tenant looked at", "tenant", e.Tenant, "active", active, "asked", asked, "ok", err == nil)
	return err
}

// dueAsks returns the messages for those of a batch of connections that are due.
func (a *App) dueAsks(ctx context.Context, tenant string, batch []tenancy.Connection, now time.Time) ([]queue.Message, error) {
	ids := make([]string, len(batch))
	for i, c := range batch {
		ids[i] = c.ID
	}
	controls, err := a.State.Controls(ctx, tenant, ids)
	if err != nil {
		return nil, err
	}
	var ms []queue.Message
	for _, c := range batch {
		if !due(c, controls[c.ID], now) {
			continue
		}
		m, err := a.message(state.Ask{Tenant: tenant, Connection: c.ID, Reason: state.ReasonSchedule, Asked: now})
		if err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}

// due reports whether a connection's next run should begin. Time is cut into intervals of the connection's frequency, at a place
// that its id decides, so that the connections of a tenant are spread over the interval and none drifts. A connection is due once
// in each interval; one whose run is under way or waits for a vendor is asked again only when an interval begins, which makes
// good a message that was lost, or as soon as it is plain that the worker died with its last message.
func due(c tenancy.Connection, ctl state.Control, now time.Time) bool {
	if ctl.Wait.After(now) {
		return false // the engine comes back by itself
	}
	every := Every(c, ctl)
	since := ctl.Began
	if ctl.Run != "" {
		if !ctl.LeaseUntil.IsZero() && now.Sub(ctl.LeaseUntil) >= orphaned {
			return true
		}
		since = now.Add(-tick)
	}
	return interval(c.ID, every, now) > interval(c.ID, every, since)
}

// Every is how often a connection is really synced: its own frequency, or the vendors' limits if they leave room for less.
func Every(c tenancy.Connection, ctl state.Control) time.Duration {
	return time.Duration(c.Settings.Effective(ctl.PollEvery())) * time.Minute
}

// Next is when the schedule asks for the connection's next run, if nothing else does before; zero for one that is not active.
func Next(c tenancy.Connection, ctl state.Control, now time.Time) time.Time {
	if c.State != tenancy.Active {
		return time.Time{}
	}
	if ctl.Wait.After(now) {
		return ctl.Wait
	}
	every := Every(c, ctl)
	if ctl.Run == "" && interval(c.ID, every, now) > interval(c.ID, every, ctl.Began) {
		return now.Truncate(tick).Add(tick)
	}
	begins := beginning(c.ID, every, interval(c.ID, every, now)+1)
	return begins.Add(tick - 1).Truncate(tick) // the schedule looks every tick
}

// orphaned is how long after the end of a lease that nobody gave back no message can be expected to take it up any more.
const orphaned = 2 * queue.Visibility

// interval numbers the interval that t lies in.
func interval(id string, every time.Duration, t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return (t.UnixNano() - offset(id, every)) / int64(every)
}

// beginning is when the interval with the number n begins.
func beginning(id string, every time.Duration, n int64) time.Time {
	return time.Unix(0, n*int64(every)+offset(id, every)).UTC()
}

// offset is where the connection's intervals begin.
func offset(id string, every time.Duration) int64 {
	h := fnv.New64a()
	h.Write([]byte(id)) // never fails
	return int64(h.Sum64() % uint64(every))
}
