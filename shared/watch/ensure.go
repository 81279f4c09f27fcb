package watch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

// targetsMost bounds what one side of a connection watches; what lies beyond is polled.
const targetsMost = 100

func sortByRenew(ws []Watch) {
	slices.SortFunc(ws, func(a, b Watch) int { return cmp.Or(a.Renew.Compare(b.Renew), cmp.Compare(a.ID, b.ID)) })
}

// Ensure brings the watches of a connection in line with its accounts and settings: it makes what is missing, makes anew what was
// left half made, and removes what is no longer wanted. A side is watched if its vendor can tell of changes and changes of it
// travel. A connection that has ended loses all its watches; one that is not active is left as it is.
//
// It may be called at any time and as often as one likes. A vendor that refuses is remembered with the reason and is no error:
// the connection is polled. Errors of one side do not keep the other from its watches.
func (s *Service) Ensure(ctx context.Context, conn tenancy.Connection) error {
	if conn.State.Ended() {
		return s.Remove(ctx, conn.Tenant, conn.ID)
	}
	if conn.State != tenancy.Active || s.cfg.HookURL == "" {
		return nil
	}
	have, err := s.List(ctx, conn.Tenant, conn.ID)
	if err != nil {
		return err
	}
	var errs []error
	for _, side := range []profile.Side{profile.CRM, profile.Book} {
		if err := s.ensureSide(ctx, conn, side, have); err != nil {
			errs = append(errs, fmt.Errorf("watching the %s side: %w", side, err))
		}
	}
	return errors.Join(errs...)
}

func accountOf(conn tenancy.Connection, side profile.Side) string {
	if side == profile.CRM {
		return conn.CRM
	}
	return conn.Book
}

// scopeOf is what a connection takes of a side.
func scopeOf(conn tenancy.Connection, side profile.Side) connector.Scope {
	set := conn.Settings
	switch {
	case side == profile.CRM:
		return connector.Scope{Groups: set.CRMGroups, Owned: set.Rules.Owned, Options: set.CRMOptions}
	case conn.Folder != "":
		return connector.Scope{Groups: []string{conn.Folder}, Options: set.BookOptions}
	}
	return connector.Scope{Groups: set.BookGroups, Options: set.BookOptions}
}

func (s *Service) ensureSide(ctx context.Context, conn tenancy.Connection, side profile.Side, have []Watch) error {
	account := accountOf(conn, side)
	have = slices.DeleteFunc(slices.Clone(have), func(w Watch) bool { return w.Side != side })
	if account == "" || !conn.Settings.Rules.Direction.Writes(side.Other()) {
		return s.endAll(ctx, have)
	}
	o, err := s.cfg.Open(ctx, conn.Tenant, account)
	if err != nil {
		return err
	}
	if o.Close != nil {
		defer o.Close()
	}
	watcher, ok := o.Connector.(connector.Watcher)
	if !ok {
		return s.endAll(ctx, have)
	}
	targets, err := watcher.Targets(ctx, scopeOf(conn, side))
	if err != nil {
		return err
	}
	targets = targets[:min(len(targets), targetsMost)]
	wanted := map[string]bool{}
	for _, t := range targets {
		wanted[slot(side, t)] = true
	}
	var errs []error
	there := map[string]*Watch{}
	for i, w := range have {
		if wanted[slot(side, w.Target)] {
			there[slot(side, w.Target)] = &have[i]
		} else if w.Account == account {
			errs = append(errs, s.endWith(ctx, watcher, w))
		} else {
			errs = append(errs, s.end(ctx, w))
		}
	}
	for _, t := range targets {
		w := Watch{Tenant: conn.Tenant, Connection: conn.ID, Account: account, System: o.System, Side: side, Target: t}
		old := there[slot(side, t)]
		if old != nil && old.Account == account && (old.State == Active || old.State != Removing && old.Renew.After(s.now())) {
			continue
		}
		if old != nil && old.Account == account && old.Subscription.ID != "" {
			// A vendor that still does not answer sends to an address that is gone, until the subscription expires.
			_ = watcher.Unwatch(ctx, old.Subscription)
		}
		errs = append(errs, s.make(ctx, watcher, w, old))
	}
	return errors.Join(errs...)
}

// make stores a watch in the place of old, if there is one, and subscribes. Somebody else who is at it is no error.
func (s *Service) make(ctx context.Context, watcher connector.Watcher, w Watch, old *Watch) error {
	id, secret, err := s.mint()
	if err != nil {
		return err
	}
	now := s.now()
	sum := sha256.Sum256([]byte(secret))
	w.ID, w.Sum, w.State, w.Made, w.Renew = id, sum[:], Making, now, now.Add(makingFor)
	if old != nil {
		w.Missed, w.Tries = w.Missed || old.Missed, old.Tries
	}
	if err := s.add(ctx, &w, old); err != nil {
		return notRace(err)
	}
	sub, err := watcher.Watch(ctx, connector.Watch{ID: w.ID, Target: w.Target, URL: s.url(w), Secret: secret, Until: now.Add(wanted)})
	var forbidden *connector.ForbiddenError
	switch {
	case err == nil:
		sub = believable(sub, s.now())
		done := w
		done.Subscription, done.State, done.Reason, done.Tries, done.Renew = sub, Active, "", 0, next(w.ID, sub, s.now())
		if err := s.settle(ctx, w, &done); errors.Is(err, errRace) {
			return watcher.Unwatch(ctx, sub) // nobody will ever know of it
		} else if err != nil {
			return err
		}
		return s.confirm(ctx, watcher, done)
	case errors.As(err, &forbidden):
		return notRace(s.refuse(ctx, w, forbidden))
	}
	return errors.Join(err, s.postpone(ctx, w, err))
}

// confirm ends a watch whose connection ended while it was made: whoever removed the connection's watches may have come before it.
func (s *Service) confirm(ctx context.Context, watcher connector.Watcher, w Watch) error {
	conn, err := s.cfg.Connection(ctx, w.Tenant, w.Connection)
	switch {
	case over(conn, err, w):
		return s.endWith(ctx, watcher, w)
	case err != nil:
		return errors.Join(err, s.postpone(ctx, w, err))
	}
	return nil
}

// over reports whether what came of looking for a watch's connection says that nobody wants the watch any more.
func over(conn tenancy.Connection, err error, w Watch) bool {
	if err != nil {
		return errors.Is(err, tenancy.ErrNotFound)
	}
	return conn.State.Ended() || accountOf(conn, w.Side) != w.Account
}

func notRace(err error) error {
	if errors.Is(err, errRace) {
		return nil
	}
	return err
}

// settle stores what became of a watch and, if notifications were lost, has a run repair that. The loss is forgotten only when
// it was told, and until then the watch comes back soon.
func (s *Service) settle(ctx context.Context, before Watch, w *Watch) error {
	if !w.Missed {
		return s.save(ctx, before, w)
	}
	renew := w.Renew
	w.Renew = s.now().Add(soonest)
	if err := s.save(ctx, before, w); err != nil {
		return err
	}
	if err := s.cfg.Missed(ctx, w.Tenant, w.Connection, w.Side); err != nil {
		return fmt.Errorf("asking for a run that repairs what was missed: %w", err)
	}
	told := *w
	told.Missed, told.Renew = false, renew
	if err := s.save(ctx, *w, &told); err != nil {
		return notRace(err)
	}
	*w = told
	return nil
}

// refuse remembers that the vendor does not let the user watch.
func (s *Service) refuse(ctx context.Context, w Watch, why *connector.ForbiddenError) error {
	done := w
	done.State, done.Reason, done.Tries, done.Renew = Refused, why.Error(), 0, s.now().Add(checkEvery)
	done.Subscription = connector.Subscription{}
	return s.settle(ctx, w, &done)
}

// postpone has a watch come back after a call that failed, ever later while it goes on failing.
func (s *Service) postpone(ctx context.Context, w Watch, why error) error {
	done := w
	done.Tries++
	done.Reason, done.Renew = why.Error(), later(s.now(), done.Tries)
	return notRace(s.save(ctx, w, &done))
}
