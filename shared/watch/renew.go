package watch

import (
	"context"
	"errors"

	"meibo/shared/connector"
	"meibo/shared/tenancy"
)

// Wake has a watch looked at as soon as possible. One that does not exist is no error.
func (s *Service) Wake(ctx context.Context, id string) error {
	w, err := s.Find(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	now := s.now()
	if w.State != Active || !w.Renew.After(now) {
		return nil // its time has come, or its maker is at it
	}
	done := w
	done.Renew = now
	return notRace(s.save(ctx, w, &done))
}

// Renew looks at one watch whose time has come (see Due): it renews a subscription, makes a lost one anew and has a run repair
// what was missed, makes anew what was left half made, asks again where the vendor had refused, and goes on with removals. Calling
// it early, twice at once, or for a watch that is gone does nothing. An error was noted; the watch comes back by itself.
func (s *Service) Renew(ctx context.Context, id string) error {
	w, err := s.Find(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || w.Renew.After(s.now()) {
		return err
	}
	claimed := w
	claimed.Renew = s.now().Add(makingFor) // should this process die, the watch comes back
	if err := s.save(ctx, w, &claimed); err != nil {
		return notRace(err)
	}
	w = claimed
	conn, err := s.cfg.Connection(ctx, w.Tenant, w.Connection)
	switch {
	case over(conn, err, w), err == nil && (w.State == Removing || s.cfg.HookURL == ""):
		return s.end(ctx, w)
	case err != nil:
		return errors.Join(err, s.postpone(ctx, w, err))
	case conn.State == tenancy.NeedsReauth:
		// No call would be accepted, and what ends meanwhile is made anew afterwards.
		waiting := w
		waiting.Renew = s.now().Add(reauthWait)
		return notRace(s.save(ctx, w, &waiting))
	}
	o, err := s.cfg.Open(ctx, w.Tenant, w.Account)
	if err != nil {
		return errors.Join(err, s.postpone(ctx, w, err))
	}
	if o.Close != nil {
		defer o.Close()
	}
	watcher, ok := o.Connector.(connector.Watcher)
	if !ok {
		return s.forget(ctx, w)
	}
	if w.State != Active {
		return s.make(ctx, watcher, successor(w), &w)
	}
	return s.prolong(ctx, watcher, w)
}

// prolong renews an active watch.
func (s *Service) prolong(ctx context.Context, watcher connector.Watcher, w Watch) error {
	now := s.now()
	sub, err := watcher.Renew(ctx, w.Subscription, connector.Watch{ID: w.ID, Target: w.Target, URL: s.url(w), Until: now.Add(wanted)})
	var forbidden *connector.ForbiddenError
	switch {
	case err == nil:
		sub = believable(sub, now)
		done := w
		done.Subscription, done.Reason, done.Tries, done.Renew = sub, "", 0, next(w.ID, sub, now)
		return notRace(s.settle(ctx, w, &done))
	case errors.Is(err, connector.ErrNotFound):
		anew := successor(w)
		anew.Missed = true
		return s.make(ctx, watcher, anew, &w)
	case errors.As(err, &forbidden):
		w.Missed = true // since when it told nothing, nobody knows
		return notRace(s.refuse(ctx, w, forbidden))
	}
	return errors.Join(err, s.postpone(ctx, w, err))
}

// successor is a watch of the same thing that is yet to be made.
func successor(w Watch) Watch {
	return Watch{Tenant: w.Tenant, Connection: w.Connection, Account: w.Account, System: w.System, Side: w.Side, Target: w.Target, Missed: w.Missed}
}
