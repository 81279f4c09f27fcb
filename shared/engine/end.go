package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meibo/shared/connector"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// transientWait is how long a run waits after a vendor failed for a moment; it doubles with each failure in a row.
const (
	transientWait = 30 * time.Second
	longestWait   = time.Hour
	// No known vendor has limits of more than a day: what one asks for beyond that is a mistake, and asking once more costs a call.
	longestThrottle = 25 * time.Hour
)

// end closes the slice: it makes what was done durable and sees to what comes next.
func (s *slice) end(ctx context.Context, err error) error {
	if s.out != nil {
		s.out.giveAccounts(ctx)
	}
	for _, sd := range s.sides {
		if sd != nil && sd.open.Close != nil && !isAuthLost(err) {
			defer sd.open.Close()
		}
	}
	if err == nil || errors.Is(err, state.ErrLeaseLost) {
		return err
	}
	err = s.folderError(ctx, err)
	if ctx.Err() != nil { // shutting down: hand the lease back, the message comes again
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		return errors.Join(err, s.pause(ctx))
	}
	var (
		wait     *waitError
		throttle *connector.ThrottledError
		approval *approvalError
		halt     *haltError
		lost     *connector.AuthLostError
		forbid   *connector.ForbiddenError
		invalid  *connector.InvalidError
		at       *sideError
	)
	now, c := s.e.c.Clock.Now(), &s.sess.Control
	switch {
	case errors.Is(err, errIdle):
		return s.sess.Pause(ctx)
	case errors.Is(err, errPause):
		// The ask for the next slice first: it waits for the lease if need be, and a kill in between loses nothing.
		c.Follow = now
		if err := s.e.send(ctx, s.follow()); err != nil {
			return errors.Join(err, s.pause(ctx))
		}
		return s.pause(ctx)
	case errors.As(err, &wait):
		return s.wait(ctx, wait.until, wait.why)
	case errors.As(err, &throttle):
		c.Failures++
		return s.wait(ctx, now.Add(max(min(throttle.After, longestThrottle), min(time.Second<<min(c.Failures, 10), longestWait))), throttle.Error())
	case errors.Is(err, connector.ErrTransient), errors.Is(err, connector.ErrOutcomeUnknown):
		d := s.backoff()
		c.Failures++
		return s.wait(ctx, now.Add(d), err.Error())
	case errors.Is(err, connector.ErrMisconfigured):
		s.log.ErrorContext(ctx, "the vendor does not accept this installation; no connection is changed", "error", err.Error())
		return s.wait(ctx, now.Add(longestWait), err.Error())
	case errors.As(err, &approval) && s.conn.State != tenancy.Active: // the last sync of a paused connection
		return s.fail(ctx, approval.req.Why+"; resume the connection and answer that first", tenancy.Paused)
	case errors.As(err, &approval):
		s.rec.State, s.rec.Approval, s.rec.Message = state.RunApproval, &approval.req, approval.req.Why
		if err := s.pause(ctx); err != nil {
			return err
		}
		return s.e.c.Directory.Move(ctx, s.ask.Tenant, s.ask.Connection, tenancy.NeedsApproval, approval.req.Why)
	case errors.As(err, &lost):
		s.rec.State, s.rec.Message = state.RunWaiting, lost.Error()
		if errors.As(err, &at) {
			if err := s.e.c.Directory.LostAccount(ctx, s.ask.Tenant, at.sd.id); err != nil {
				return err
			}
		}
		if err := s.pause(ctx); err != nil {
			return err
		}
		if s.conn.State != tenancy.Active {
			return nil
		}
		return s.e.c.Directory.Move(ctx, s.ask.Tenant, s.ask.Connection, tenancy.NeedsReauth, lost.Error())
	case errors.As(err, &halt):
		return s.fail(ctx, halt.reason, halt.to)
	case errors.As(err, &forbid), errors.As(err, &invalid):
		return s.fail(ctx, err.Error(), tenancy.Paused)
	}
	s.log.ErrorContext(ctx, "slice failed", "error", err.Error())
	return errors.Join(err, s.pause(ctx))
}

// follow is the ask for the run's next slice.
func (s *slice) follow() state.Ask {
	return state.Ask{Tenant: s.ask.Tenant, Connection: s.ask.Connection, Reason: state.ReasonResume, Asked: s.e.c.Clock.Now()}
}

// pause frees the lease and keeps the run.
func (s *slice) pause(ctx context.Context) error {
	if s.rec.ID == "" { // nothing was begun, or not even taken up
		if !s.unfinished {
			s.sess.Control.Run = ""
		}
		return s.sess.Pause(ctx)
	}
	s.tally()
	op, err := s.sess.SaveRunOp(s.rec)
	if err != nil {
		return err
	}
	return s.sess.Pause(ctx, op)
}

// wait leaves the run until a time. Waiting is not failing: the message is done, and another comes when it is time.
func (s *slice) wait(ctx context.Context, until time.Time, why string) error {
	s.rec.State, s.rec.Message = state.RunWaiting, why
	s.sess.Control.Wait, s.sess.Control.WaitFor = until, why
	s.sess.Control.Totals.NextRun = until
	if err := s.pause(ctx); err != nil {
		return err
	}
	return s.e.later(ctx, s.follow(), "resume", until)
}

// goesWell forgets the failures in a row once something has come of the run.
func (s *slice) goesWell() { s.sess.Control.Failures = 0 }

func (s *slice) backoff() time.Duration {
	d := transientWait << min(s.sess.Control.Failures, 10)
	return min(d, longestWait)
}

// fail ends the run without its cursors moving, and puts the connection where a person can see why.
func (s *slice) fail(ctx context.Context, reason string, to tenancy.State) error {
	s.rec.State, s.rec.Message, s.rec.Ended = state.RunFailed, reason, s.e.c.Clock.Now()
	if to == tenancy.Stopped {
		s.rec.State = state.RunStopped
	}
	s.rec.Cursors, s.rec.Next = [2]string{}, [2]string{}
	s.tally()
	op, err := s.sess.SaveRunOp(s.rec)
	if err != nil {
		return err
	}
	s.sess.Control.Failures++
	if err := s.sess.Release(ctx, op); err != nil {
		return err
	}
	if s.conn.State != tenancy.Active && to != tenancy.Stopped {
		return nil
	}
	if err := s.e.c.Directory.Move(ctx, s.ask.Tenant, s.ask.Connection, to, reason); err != nil {
		return fmt.Errorf("engine: a failed run could not change its connection: %w", err)
	}
	return nil
}
