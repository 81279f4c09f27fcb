package app

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"meibo/shared/queue"
	"meibo/shared/schedule"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// tick is how often a tenant's schedule looks for connections that are due.
const tick = time.Minute

// sendBatch is how many asks are sent at once.
const sendBatch = 100

// TenantSync asks for runs of the tenant's connections that are due. It only reads the table: a schedule that outlived the tenant's
// last active connection finds nothing to do.
func (a *App) TenantSync(ctx context.Context, e schedule.TenantEvent) error {
	if e.Tenant == "" {
		return errors.New("app: the schedule's event names no tenant")
	}
	now := a.c.Clock.Now()
	var ms []queue.Message
	active, asked := 0, 0
	flush := func() error {
		err := a.c.Queue.Send(ctx, ms...)
		asked += len(ms)
		ms = ms[:0]
		return err
	}
	err := a.Tenancy.EachConnection(ctx, e.Tenant, func(c tenancy.Connection) error {
		if c.State != tenancy.Active {
			return nil
		}
		active++
		ctl, err := a.State.Control(ctx, e.Tenant, c.ID)
		if err != nil || !due(c, ctl, now) {
			return err
		}
		m, err := a.message(state.Ask{Tenant: e.Tenant, Connection: c.ID, Reason: state.ReasonSchedule, Asked: now})
		if err != nil {
			return err
		}
		if ms = append(ms, m); len(ms) == sendBatch {
			return flush()
		}
		return nil
	})
	if err == nil && len(ms) > 0 {
		err = flush()
	}
	a.c.Log.Info("tenant looked at", "tenant", e.Tenant, "active", active, "asked", asked, "ok", err == nil)
	return err
}

// due reports whether a connection's next run should begin. Time is cut into intervals of the connection's frequency, at a place
// that its id decides, so that the connections of a tenant are spread over the interval and none drifts. A connection is due once
// in each interval; one whose run is under way or waits for a vendor is asked again only when an interval begins, which makes
// good a message that was lost, or as soon as it is plain that the worker died with its last message.
func due(c tenancy.Connection, ctl state.Control, now time.Time) bool {
	if ctl.Wait.After(now) {
		return false // the engine comes back by itself
	}
	every := time.Duration(max(c.Settings.Every, 1)) * time.Minute
	since := ctl.Began
	if ctl.Run != "" {
		if !ctl.LeaseUntil.IsZero() && now.Sub(ctl.LeaseUntil) >= orphaned {
			return true
		}
		since = now.Add(-tick)
	}
	return interval(c.ID, every, now) > interval(c.ID, every, since)
}

// orphaned is how long after the end of a lease that nobody gave back no message can be expected to take it up any more.
const orphaned = 2 * queue.Visibility

// interval numbers the interval that t lies in.
func interval(id string, every time.Duration, t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	h := fnv.New64a()
	h.Write([]byte(id)) // never fails
	offset := int64(h.Sum64() % uint64(every))
	return (t.UnixNano() - offset) / int64(every)
}
