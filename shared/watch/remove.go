package watch

import (
	"context"
	"errors"

	"meibo/shared/connector"
)

// Remove ends all watches of a connection: at the vendor first, then here. Where the vendor cannot be told now, the watch refuses
// notifications from now on, the vendor is told later (see Renew), and after the subscription's own end the watch is forgotten. The
// error is about the table only.
func (s *Service) Remove(ctx context.Context, tenant, conn string) error {
	ws, err := s.List(ctx, tenant, conn)
	if err != nil {
		return err
	}
	return s.endAll(ctx, ws)
}

func (s *Service) endAll(ctx context.Context, ws []Watch) error {
	var errs []error
	for _, w := range ws {
		errs = append(errs, s.end(ctx, w))
	}
	return errors.Join(errs...)
}

// end ends one watch.
func (s *Service) end(ctx context.Context, w Watch) error {
	if w.Subscription.ID == "" {
		return s.forget(ctx, w) // there is nothing that the vendor could be told to end
	}
	o, err := s.cfg.Open(ctx, w.Tenant, w.Account)
	if err != nil {
		return s.leave(ctx, w, err)
	}
	if o.Close != nil {
		defer o.Close()
	}
	watcher, ok := o.Connector.(connector.Watcher)
	if !ok {
		return s.forget(ctx, w)
	}
	return s.endWith(ctx, watcher, w)
}

// endWith ends a watch of the account that watcher has open.
func (s *Service) endWith(ctx context.Context, watcher connector.Watcher, w Watch) error {
	if w.Subscription.ID == "" {
		return s.forget(ctx, w)
	}
	if err := watcher.Unwatch(ctx, w.Subscription); err != nil && !errors.Is(err, connector.ErrNotFound) {
		return s.leave(ctx, w, err)
	}
	return s.forget(ctx, w)
}

// leave keeps a watch whose vendor could not be told, for as long as the subscription can last.
func (s *Service) leave(ctx context.Context, w Watch, why error) error {
	done := w
	if done.State != Removing {
		done.State, done.Tries, done.Missed = Removing, 0, false
		done.Gone = w.Subscription.Expires
		if done.Gone.IsZero() {
			done.Gone = s.now().Add(forgetAfter)
		}
	}
	done.Tries++
	done.Reason, done.Renew = why.Error(), later(s.now(), done.Tries)
	if !done.Gone.After(s.now()) {
		return s.forget(ctx, w)
	}
	return notRace(s.save(ctx, w, &done))
}
