package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"meibo/shared/schedule"
	"meibo/shared/store"
)

// Pauses of Loop: after a Tick with failures it waits at least retryPause, and never longer than longestSleep, so that a machine
// that was suspended looks again soon.
const (
	retryPause   = 30 * time.Second
	longestSleep = time.Minute
)

// pageSize is how many due schedules are read at once.
const pageSize = 100

// Tick fires everything that is due, in the order in which it was due, and returns how many fired. A schedule whose callback or
// queue fails stays due; the others fire all the same. The error joins what failed.
func (s *Scheduler) Tick(ctx context.Context) (fired int, err error) {
	now := s.o.Clock.Now()
	q := store.Query{
		PK: partition, From: duePrefix, To: duePrefix + now.Format(timeForm) + "/\U0010ffff", Limit: pageSize,
	}
	var failed []error
	for {
		page, err := s.o.Table.Query(ctx, q)
		if err != nil {
			return fired, errors.Join(append(failed, err)...)
		}
		for _, it := range page.Items {
			ok, err := s.fire(ctx, it.SK, now)
			if err != nil {
				failed = append(failed, err)
			}
			if ok {
				fired++
			}
			if ctx.Err() != nil {
				return fired, errors.Join(append(failed, ctx.Err())...)
			}
		}
		if page.Next == "" {
			return fired, errors.Join(failed...)
		}
		q.After = page.Next
	}
}

// fire fires the schedule that the due item points to and strikes it off or moves it to its next turn.
func (s *Scheduler) fire(ctx context.Context, dueSK string, now time.Time) (bool, error) {
	_, id, _ := strings.Cut(strings.TrimPrefix(dueSK, duePrefix), "/")
	e, found, err := s.load(ctx, id)
	if err != nil {
		return false, err
	}
	if !found || e.dueKey().SK != dueSK {
		return false, nil // changed since the page was read
	}
	var ops []store.Op
	if e.Message == nil {
		if err := s.o.Tenant(ctx, schedule.TenantEvent{Tenant: e.Tenant}); err != nil {
			return false, fmt.Errorf("schedule of tenant %s: %w", e.Tenant, err)
		}
		if ops, err = swap(e, true, e.after(now)); err != nil {
			return false, err
		}
	} else {
		if err := s.o.Queue.Send(ctx, *e.Message); err != nil {
			return false, fmt.Errorf("one-time schedule %s: %w", e.Name, err)
		}
		ops = strike(e)
	}
	err = s.o.Table.Write(ctx, ops...)
	if _, refused := store.Refused(err); refused {
		err = nil // somebody replaced or removed it meanwhile: theirs stands
	}
	return true, err
}

// Next returns when the next schedule is due, which may be in the past. It is for drivers that own the clock.
func (s *Scheduler) Next(ctx context.Context) (at time.Time, ok bool, err error) {
	q := store.Query{PK: partition, Prefix: duePrefix, Limit: 1}
	err = store.QueryAll(ctx, s.o.Table, q, func(it store.Item) error {
		stamp, _, _ := strings.Cut(strings.TrimPrefix(it.SK, duePrefix), "/")
		at, err = time.Parse(timeForm, stamp)
		if err != nil {
			return fmt.Errorf("embedded schedule: a stored time is damaged: %w", err)
		}
		ok = true
		return store.ErrStop
	})
	return at, ok, err
}

// Loop fires what is due until ctx ends; then it returns nil. It sleeps in between. A virtual clock would not sleep but run away
// with each schedule: call Tick instead.
func (s *Scheduler) Loop(ctx context.Context) error {
	for ctx.Err() == nil {
		pause := longestSleep
		_, err := s.Tick(ctx)
		if err == nil {
			var at time.Time
			var ok bool
			if at, ok, err = s.Next(ctx); ok {
				pause = min(pause, at.Sub(s.o.Clock.Now()))
			}
		}
		if err != nil && ctx.Err() == nil {
			s.o.Log.ErrorContext(ctx, "schedules failed and will be tried again", "error", err)
			pause = retryPause
		}
		s.sleep(ctx, pause)
	}
	return nil
}

// sleep ends early when a schedule was made.
func (s *Scheduler) sleep(ctx context.Context, d time.Duration) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-s.wake:
			stop()
		case <-ctx.Done():
		}
	}()
	// How the sleep ended does not matter: Loop looks again.
	_ = s.o.Clock.Sleep(ctx, d)
}
