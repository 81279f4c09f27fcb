// Package embedded keeps schedules in the store, for a laptop or a single server, and fires them from a loop. What was scheduled
// survives a restart. It fires at least once: a schedule is struck off after its callback or queue has taken it, so a crash in
// between fires it again. A recurring schedule that was missed, however often, fires once.
package embedded

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"meibo/shared/clock"
	"meibo/shared/queue"
	"meibo/shared/schedule"
	"meibo/shared/store"
)

// Options of a Scheduler. All but Log are required.
type Options struct {
	Table store.Table
	Clock clock.Clock
	// Queue takes the messages of one-time schedules.
	Queue queue.Sender
	// Tenant is called when a tenant's recurring schedule is due.
	Tenant func(ctx context.Context, e schedule.TenantEvent) error
	// Log is told by Loop of what failed; nil means nobody is.
	Log *slog.Logger
}

// Scheduler is a schedule.Scheduler. It is safe for concurrent use.
type Scheduler struct {
	o    Options
	wake chan struct{} // a schedule was made: Loop looks again
}

// New returns the scheduler on o.Table.
func New(o Options) (*Scheduler, error) {
	if o.Table == nil || o.Clock == nil || o.Queue == nil || o.Tenant == nil {
		return nil, errors.New("embedded schedule: one of Options' Table, Clock, Queue and Tenant is not set")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{o: o, wake: make(chan struct{}, 1)}, nil
}

// EnsureTenant implements schedule.Scheduler. It first fires one interval from now. A schedule that has the interval already is
// left as it is.
func (s *Scheduler) EnsureTenant(ctx context.Context, tenant string, every time.Duration) error {
	every, err := schedule.Every(every)
	if err != nil {
		return err
	}
	if err := schedule.CheckName(tenant); err != nil {
		return err
	}
	next := entry{Tenant: tenant, Every: every, Due: s.o.Clock.Now().Add(every)}
	return s.set(ctx, next, func(old entry) bool { return old.Every == every })
}

// RemoveTenant implements schedule.Scheduler.
func (s *Scheduler) RemoveTenant(ctx context.Context, tenant string) error {
	if err := schedule.CheckName(tenant); err != nil {
		return err
	}
	return s.remove(ctx, entry{Tenant: tenant}.id())
}

// Once implements schedule.Scheduler.
func (s *Scheduler) Once(ctx context.Context, name string, at time.Time, m queue.Message) error {
	if err := schedule.CheckOnce(name, at, m); err != nil {
		return err
	}
	due := at.UTC()
	if now := s.o.Clock.Now(); due.Before(now) {
		due = now
	}
	return s.set(ctx, entry{Name: name, Due: due, Message: &m}, func(entry) bool { return false })
}

func (s *Scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}
