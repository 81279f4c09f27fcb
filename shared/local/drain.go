package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meibo/shared/clock"
	"meibo/shared/store"
)

// maxSteps keeps Drain from going on for ever if something asks for itself again and again.
const maxSteps = 100_000

// Drain delivers messages and fires schedules until nothing waits any more: no message, and no one-time schedule. On a virtual
// clock it jumps ahead to whatever is due next; tenants' recurring schedules fire as time passes them, but do not keep it going.
// The error joins what handlers returned; a message whose handler fails is delivered again, as from the real queue.
func (s *Stack) Drain(ctx context.Context) error {
	var failed []error
	for range maxSteps {
		worked, err := s.step(ctx)
		if err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return errors.Join(append(failed, ctx.Err())...)
		}
		if worked {
			continue
		}
		waits, err := s.waits(ctx)
		if err != nil || !waits {
			return errors.Join(append(failed, err)...)
		}
		next, ok, err := s.next(ctx)
		if err != nil || !ok {
			return errors.Join(append(failed, err)...)
		}
		if err := s.Clock.Sleep(ctx, max(next.Sub(s.Clock.Now()), time.Nanosecond)); err != nil {
			return errors.Join(append(failed, err)...)
		}
	}
	return errors.Join(append(failed, fmt.Errorf("local: still not idle after %d steps", maxSteps))...)
}

// RunUntil delivers messages and fires schedules, recurring ones too, as a virtual clock moves to t.
func (s *Stack) RunUntil(ctx context.Context, t time.Time) error {
	v, ok := s.Clock.(*clock.Virtual)
	if !ok {
		return errors.New("local: RunUntil needs a virtual clock")
	}
	var failed []error
	for range maxSteps {
		worked, err := s.step(ctx)
		if err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return errors.Join(append(failed, ctx.Err())...)
		}
		if worked {
			continue
		}
		next, ok, err := s.next(ctx)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		if !ok || next.After(t) {
			v.AdvanceTo(t)
			return errors.Join(failed...)
		}
		v.Advance(max(next.Sub(v.Now()), time.Nanosecond))
	}
	return errors.Join(append(failed, fmt.Errorf("local: did not reach %s in %d steps", t, maxSteps))...)
}

// step delivers one message or fires what is due, and reports whether there was anything.
func (s *Stack) step(ctx context.Context) (bool, error) {
	delivered, err := s.Queue.Deliver(ctx, s.Worker)
	if delivered || err != nil {
		return delivered, err
	}
	fired, err := s.Schedules.Tick(ctx)
	return fired > 0, err
}

// next returns when something is due next.
func (s *Stack) next(ctx context.Context) (at time.Time, ok bool, err error) {
	at, ok, err = s.Queue.Next(ctx)
	if err != nil {
		return at, ok, err
	}
	due, scheduled, err := s.Schedules.Next(ctx)
	if scheduled && (!ok || due.Before(at)) {
		at, ok = due, true
	}
	return at, ok, err
}

// waits reports whether a message or a one-time schedule is left.
func (s *Stack) waits(ctx context.Context) (bool, error) {
	if _, ok, err := s.Queue.Next(ctx); ok || err != nil {
		return ok, err
	}
	found := false
	err := store.QueryAll(ctx, s.table, store.Query{PK: schedulePartition, Prefix: onceSchedules, Limit: 1}, func(store.Item) error {
		found = true
		return store.ErrStop
	})
	return found, err
}
