package tenancy

import (
	"context"

	"meibo/shared/store"
)

// Move takes a connection to another state, for machinery: CanMove decides. It looks again when another change comes in
// between. Reason is a sentence for people, or "". A *ScheduleError means that the move was made.
func (s *Service) Move(ctx context.Context, tenant, id string, to State, reason string) (Connection, error) {
	return again(func() (Connection, error) {
		c, err := s.ConnectionByID(ctx, tenant, id)
		if err != nil {
			return Connection{}, err
		}
		return s.transition(ctx, c, to, reason, &batch{})
	})
}

// Pause holds an active connection. Nothing is lost; Start resumes it.
func (s *Service) Pause(ctx context.Context, actor Member, id string) (Connection, error) {
	return s.person(ctx, actor, id, Paused)
}

// Stop ends a connection. It keeps what is on both sides (PD8).
func (s *Service) Stop(ctx context.Context, actor Member, id string) (Connection, error) {
	return s.person(ctx, actor, id, Stopped)
}

// Delete removes a connection that is stopped or still a draft.
func (s *Service) Delete(ctx context.Context, actor Member, id string) error {
	_, err := s.person(ctx, actor, id, Deleted)
	return err
}

func (s *Service) person(ctx context.Context, actor Member, id string, to State) (Connection, error) {
	return again(func() (Connection, error) {
		c, err := s.Connection(ctx, actor, id)
		if err != nil {
			return Connection{}, err
		}
		return s.transition(ctx, c, to, "", &batch{})
	})
}

// transition writes c with its new state and whatever is in b, and then sees to the tenant's schedule.
func (s *Service) transition(ctx context.Context, c Connection, to State, reason string, b *batch) (Connection, error) {
	from := c.State
	c, err := s.enter(ctx, c, to, reason, b)
	switch {
	case err != nil:
		return Connection{}, err
	case to == Active:
		return c, s.scheduled(ctx, c.Tenant)
	case from == Active:
		return c, s.Reschedule(ctx, c.Tenant)
	}
	return c, nil
}

// enter does that but for the schedule, which costs a look at all of the tenant's connections: many that move at once need it once.
func (s *Service) enter(ctx context.Context, c Connection, to State, reason string, b *batch) (Connection, error) {
	from := c.State
	if err := CanMove(from, to); err != nil {
		return Connection{}, err
	}
	switch {
	case from == Ready && to == Active:
		b.create(pairKey(c), pointer{c.ID}, pairInUse())
		if c.Sole != "" { // one that is there by now was not when it was looked for
			b.create(store.Key{PK: tenantPK(c.Tenant), SK: c.Sole}, pointer{c.ID}, &Conflict{"the address book account"})
		}
	case from.Live() && to == Stopped:
		b.add(store.Delete(pairKey(c), store.Cond{}), nil)
		if c.Sole != "" {
			b.add(store.Delete(store.Key{PK: tenantPK(c.Tenant), SK: c.Sole}, store.Cond{}), nil)
			c.Sole = ""
		}
	}
	c.State, c.Reason = to, reason
	c.Updated = s.cfg.Clock.Now()
	b.replace(connKey(c.Tenant, c.ID), c.V, c, &Conflict{"the connection"})
	if to == Deleted {
		b.ops[len(b.ops)-1].Item.Expires = c.Updated.Add(deletedLife)
	}
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return Connection{}, err
	}
	c.V++
	if to == Stopped && s.cfg.Stopped != nil {
		s.cfg.Stopped(ctx, c)
	}
	return c, nil
}

func pairInUse() error {
	return &Refusal{"pair_in_use", "another connection syncs the same two accounts already",
		"change the groups or fields of that connection, or stop it first"}
}

// scheduled makes sure that a tenant with an active connection has its schedule.
func (s *Service) scheduled(ctx context.Context, tenant string) error {
	if err := s.cfg.Scheduler.EnsureTenant(ctx, tenant, s.cfg.TenantEvery); err != nil {
		return &ScheduleError{err}
	}
	return nil
}

// Reschedule gives the tenant a schedule if it has an active connection, and takes it away if it has none. Errors are
// *ScheduleError or the table's.
func (s *Service) Reschedule(ctx context.Context, tenant string) error {
	active, err := s.anyActive(ctx, tenant)
	if err != nil {
		return &ScheduleError{err}
	}
	if active {
		return s.scheduled(ctx, tenant)
	}
	if err := s.cfg.Scheduler.RemoveTenant(ctx, tenant); err != nil {
		return &ScheduleError{err}
	}
	// A connection that was started between the look and the removal has made its schedule before it, and lost it by it.
	if active, err = s.anyActive(ctx, tenant); err != nil {
		return &ScheduleError{err}
	}
	if active {
		return s.scheduled(ctx, tenant)
	}
	return nil
}

func (s *Service) anyActive(ctx context.Context, tenant string) (bool, error) {
	c, err := s.liveConnection(ctx, tenant, func(c Connection) bool { return c.State == Active })
	return c != nil, err
}
