package tenancy

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/store"
)

// Held is the item that an answer rests on, as it was looked at: what is done on the ground of the answer is written only while the
// item is still at that version.
type Held struct {
	Key store.Key
	V   int64
}

// admit refuses an account at a directory that no administrator has connected, or of another one, where the profile asks for that
// (SM3), and holds b to what it saw.
func (s *Service) admit(ctx context.Context, tenant string, p profile.Profile, system string, who *connector.Identity, b *batch) error {
	if !p.Directory || system == "" {
		return nil
	}
	if s.cfg.Admit == nil {
		return &Refusal{"directory_needed", "this installation cannot connect directories", "ask its operator"}
	}
	held, err := s.cfg.Admit(ctx, tenant, system, who)
	if err != nil {
		return err
	}
	b.unchanged(held.Key, held.V, &Conflict{"the company's directory"})
	return nil
}

// admitBook does that for the address book account that c has, if it has one.
func (s *Service) admitBook(ctx context.Context, c Connection, p profile.Profile, b *batch) error {
	if !p.Directory || c.Book == "" {
		return nil
	}
	a, err := s.AccountByID(ctx, c.Tenant, c.Book)
	if err != nil {
		return err
	}
	return s.admit(ctx, c.Tenant, p, a.System, &a.Identity, b)
}

// stillAdmitted reports whether nothing of a directory keeps c from going on.
func (s *Service) stillAdmitted(ctx context.Context, c Connection) (bool, error) {
	p, err := s.profileOf(ctx, c)
	if err == nil {
		err = s.admitBook(ctx, c, p, &batch{})
	}
	var refused *Refusal
	if errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, err
}

// Intent says what an account that somebody is about to authorise is meant for.
type Intent struct {
	Tenant     string
	System     string
	Side       profile.Side
	Connection string // the connection that is to use it, or ""
	Account    string // the account to renew, or ""
	// Identity is whose account it is; nil while nobody knows.
	Identity *connector.Identity
}

// Admissible refuses an account that would come to nothing, because an administrator has to connect the directory first or the account
// is of another one (SM3), before anybody goes through a consent or anything is kept of it.
func (s *Service) Admissible(ctx context.Context, in Intent) error {
	if in.Connection != "" {
		c, err := s.ConnectionByID(ctx, in.Tenant, in.Connection)
		if err != nil {
			return err
		}
		return s.admissibleTo(ctx, c, in)
	}
	if in.Account == "" {
		return nil
	}
	// A renewal is of use if any connection can go on with it.
	var refused error
	free := false
	err := s.EachConnection(ctx, in.Tenant, func(c Connection) error {
		if c.State.Ended() || c.CRM != in.Account && c.Book != in.Account {
			return nil
		}
		err := s.admissibleTo(ctx, c, in)
		var r *Refusal
		if errors.As(err, &r) {
			refused = err
			return nil
		}
		free = free || err == nil
		return err
	})
	if err != nil || free {
		return err
	}
	return refused
}

// admissibleTo decides for one connection.
func (s *Service) admissibleTo(ctx context.Context, c Connection, in Intent) error {
	p, err := s.profileOf(ctx, c)
	if err != nil {
		return err
	}
	if in.Side == profile.Book {
		p = s.cfg.Profile(p.CRM, in.System)
		return s.admit(ctx, c.Tenant, p, in.System, in.Identity, &batch{})
	}
	return s.admitBook(ctx, c, s.cfg.Profile(in.System, p.Book), &batch{})
}

// directed lists the connections of a tenant in one of the states whose profile needs the directory of a system.
func (s *Service) directed(ctx context.Context, tenant, system string, states ...State) ([]Connection, error) {
	var all []Connection
	err := s.EachConnection(ctx, tenant, func(c Connection) error {
		if !slices.Contains(states, c.State) {
			return nil
		}
		p, err := s.profileOf(ctx, c)
		if err == nil && p.Directory && p.Book == system {
			all = append(all, c)
		}
		return err
	})
	return all, err
}

// stoppers is how many connections are stopped at once: each waits for the vendors to end its subscriptions.
const stoppers = 8

// StopDirected stops every started connection that needs the tenant's directory at a system (SM8), for machinery, and can be repeated.
// Reason is a sentence for people. The tenant's schedule is left for Service.Reschedule.
func (s *Service) StopDirected(ctx context.Context, tenant, system, reason string) error {
	all, err := s.directed(ctx, tenant, system, Active, Paused, NeedsReauth, NeedsApproval)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(stoppers)
	for _, c := range all {
		g.Go(func() error {
			_, err := again(func() (Connection, error) {
				c, err := s.ConnectionByID(ctx, tenant, c.ID)
				if err != nil {
					return Connection{}, err
				}
				return s.enter(ctx, c, Stopped, reason, &batch{})
			})
			var refused *Refusal
			if errors.As(err, &refused) || errors.Is(err, ErrNotFound) { // somebody else has just stopped it, or removed it
				return nil
			}
			return err
		})
	}
	return g.Wait()
}

// ResumeDirected lets the connections go on that waited for the tenant's directory at a system, if both their accounts work, and returns
// them. A schedule that is late is for Service.Reschedule.
func (s *Service) ResumeDirected(ctx context.Context, tenant, system string) ([]Connection, error) {
	all, err := s.directed(ctx, tenant, system, NeedsReauth)
	if err != nil {
		return nil, err
	}
	var resumed []Connection
	for _, c := range all {
		ok, err := s.bothWork(ctx, c)
		if err == nil && ok {
			ok, err = s.stillAdmitted(ctx, c)
		}
		if err != nil {
			return resumed, err
		}
		if !ok {
			continue
		}
		moved, err := s.Move(ctx, tenant, c.ID, Active, "")
		var refused *Refusal
		var late *ScheduleError
		switch {
		case errors.As(err, &refused):
			continue
		case errors.As(err, &late): // it is active; Service.Reschedule makes the schedule good
			moved = c
			moved.State = Active
		case err != nil:
			return resumed, err
		}
		resumed = append(resumed, moved)
	}
	return resumed, nil
}

func (s *Service) bothWork(ctx context.Context, c Connection) (bool, error) {
	for _, id := range []string{c.CRM, c.Book} {
		a, err := s.AccountByID(ctx, c.Tenant, id)
		if err != nil || a.State != AccountActive {
			return false, err
		}
	}
	return true, nil
}
