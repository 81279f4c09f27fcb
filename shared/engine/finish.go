package engine

import (
	"context"
	"errors"
	"time"

	"meibo/shared/state"
	"meibo/shared/store"
)

func ignoreAbsent(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// finish ends the run: its cursors and figures become the connection's.
func (s *slice) finish(ctx context.Context) error {
	c, now := &s.sess.Control, s.e.c.Clock.Now()
	for i, sd := range s.sides {
		side := &c.Sides[i]
		side.Cursor = s.rec.Next[i]
		if s.rec.Kind != state.Incremental {
			side.Listed, side.Members = s.rec.Listed[i], s.rec.Listed[i]
			side.FullEvery, side.MembersEvery = sd.desc.FullListingEvery, sd.desc.MembersEvery
		}
	}
	before := c.Generation
	if s.rec.Kind != state.Incremental {
		c.Plan, c.Generation = s.fingerprint(), s.rec.Generation
	}
	c.Chunks = s.rec.Chunks
	c.Began, c.Failures, c.Wait, c.WaitFor = s.rec.Started, 0, time.Time{}, ""
	c.Totals.LastRun, c.Totals.LastSync = s.rec.ID, now
	c.Totals.NextRun = now.Add(time.Duration(s.conn.Settings.Every) * time.Minute)
	s.tally()
	s.rec.State, s.rec.Ended, s.rec.Links = state.RunDone, now, c.Totals.Links
	s.rec.Progress = state.Progress{Phase: state.PhaseDone, Done: s.rec.Progress.Total, Total: s.rec.Progress.Total}
	if s.rec.Kind == state.Incremental && !s.changes && !s.stored {
		u := s.rec.Store
		c.AddQuiet(state.QuietRun{ID: s.rec.ID, Reason: s.rec.Reason, Kind: s.rec.Kind, Started: s.rec.Started, Ended: now,
			Calls: [2]int{s.rec.CRM.Calls, s.rec.Book.Calls}, Reads: u.Reads, Writes: u.Writes + 1, Unchanged: s.unchanged})
		if err := s.sess.Release(ctx); err != nil {
			return err
		}
		s.finished = true
		return s.next(ctx)
	}
	s.rec.Cursors, s.rec.Next = [2]string{}, [2]string{}
	op, err := s.sess.SaveRunOp(s.rec)
	if err != nil {
		return err
	}
	if err := s.sess.Release(ctx, op); err != nil {
		return err
	}
	s.finished = true
	if c.Generation != before && before > 0 {
		if err := s.sess.DropIndex(ctx, c.Generation); err != nil {
			s.log.WarnContext(ctx, "an old match index was not removed; the next full run does", "error", err.Error())
		}
	}
	return s.next(ctx)
}

// next sees to it that what is left open is looked at when it is time.
func (s *slice) next(ctx context.Context) error {
	at := s.nextIntent()
	for _, r := range s.sess.Control.Retry {
		if at.IsZero() || r.At.Before(at) {
			at = r.At
		}
	}
	if at.IsZero() {
		return nil
	}
	ask := s.follow()
	ask.Asked = at // a run that begins before then does not cover it
	return s.e.later(ctx, ask, "retry", at)
}

// finishPreview ends a preview: only its counts stay.
func (s *slice) finishPreview(ctx context.Context) error {
	s.tally()
	s.rec.State, s.rec.Ended = state.RunDone, s.e.c.Clock.Now()
	s.rec.Progress.Phase = state.PhaseDone
	s.rec.Cursors, s.rec.Next = [2]string{}, [2]string{}
	op, err := s.sess.SaveRunOp(s.rec)
	if err != nil {
		return err
	}
	if err := s.sess.Release(ctx, op); err != nil {
		return err
	}
	s.finished = true
	return nil
}
