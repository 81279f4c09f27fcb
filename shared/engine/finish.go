package engine

import (
	"context"
	"errors"
	"log/slog"
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
	if s.rec.Kind != state.Incremental {
		if err := s.need(ctx, false); err != nil {
			return err
		}
	}
	for i, sd := range s.sides {
		side := &c.Sides[i]
		side.Cursor = s.rec.Next[i]
		if s.rec.Kind != state.Incremental {
			side.Listed, side.Members = s.rec.Listed[i], s.rec.Listed[i]
			side.Scanned, side.ScanFrom = s.rec.Listed[i], time.Time{}
			side.FullEvery, side.MembersEvery = sd.desc.FullListingEvery, sd.desc.MembersEvery
			side.ScanEvery, side.PollEvery = sd.desc.ScanEvery, sd.desc.PollEvery
		}
	}
	before := c.Generation
	if s.rec.Kind != state.Incremental {
		c.Plan, c.Generation = s.rec.Plan, s.rec.Generation
	}
	c.Chunks = s.rec.Chunks
	c.Began, c.Failures, c.Wait, c.WaitFor, c.Lacking = s.rec.Started, 0, time.Time{}, "", time.Time{}
	c.Totals.LastRun, c.Totals.LastSync = s.rec.ID, now
	c.Totals.NextRun = now.Add(max(time.Duration(s.conn.Settings.Every)*time.Minute, c.PollEvery()))
	s.tally()
	if c.Recount {
		if err := s.recount(ctx); err != nil {
			return err
		}
	}
	s.rec.State, s.rec.Ended, s.rec.Links = state.RunDone, now, c.Totals.Links
	if s.rec.Approval != nil { // the connection was to be ended, and a person must say more first
		s.rec.State, s.rec.Message, s.changes = state.RunApproval, s.rec.Approval.Why, true
	}
	s.rec.Progress = state.Progress{Phase: state.PhaseDone, Done: s.rec.Progress.Total, Total: s.rec.Progress.Total}
	s.log.InfoContext(ctx, "run ended", "kind", string(s.rec.Kind), "reason", string(s.rec.Reason), "changed", s.changes,
		"crm", slog.GroupValue(figures(s.rec.CRM)...), "book", slog.GroupValue(figures(s.rec.Book)...),
		"conflicts", s.rec.Conflicts, "review", s.rec.Review, "reads", s.rec.Store.Reads, "writes", s.rec.Store.Writes)
	if s.rec.Kind == state.Incremental && !s.changes && !s.stored {
		u := s.rec.Store
		c.AddQuiet(state.QuietRun{ID: s.rec.ID, Reason: s.rec.Reason, Kind: s.rec.Kind, Started: s.rec.Started, Ended: now,
			Calls: [2]int{s.rec.CRM.Calls, s.rec.Book.Calls}, Floor: [2]int{s.rec.CRM.FloorCalls, s.rec.Book.FloorCalls}, Reads: u.Reads, Writes: u.Writes + 1, Unchanged: s.unchanged})
		if err := s.sess.Release(ctx); err != nil {
			return err
		}
		s.finished = true
		s.emptyInbox(ctx)
		return s.next(ctx)
	}
	s.rec.Cursors, s.rec.Next = [2]string{}, [2]string{}
	if err := s.compact(ctx); err != nil {
		return err
	}
	decision := s.rec.Decision
	s.rec.Decision = nil
	op, err := s.sess.SaveRunOp(s.rec)
	if err != nil {
		return err
	}
	if decision != nil { // this run had no place for it
		ask := s.follow()
		ask.Reason, ask.Review = state.ReasonReview, decision
		if err := s.e.send(ctx, ask); err != nil {
			return err
		}
	}
	if err := s.sess.Release(ctx, op); err != nil {
		return err
	}
	s.finished = true
	s.emptyInbox(ctx)
	if c.Generation != before && before > 0 {
		if err := s.sess.DropIndex(ctx, c.Generation); err != nil {
			s.log.WarnContext(ctx, "an old match index was not removed; the next full run does", "error", err.Error())
		}
	}
	return s.next(ctx)
}

func figures(c state.Counts) []slog.Attr {
	return []slog.Attr{slog.Int("created", c.Created), slog.Int("updated", c.Updated), slog.Int("deleted", c.Deleted),
		slog.Int("failed", c.Failed), slog.Int("calls", c.Calls), slog.Int("floor", c.FloorCalls)}
}

// next sees to it that what is left open is looked at when it is time.
func (s *slice) next(ctx context.Context) error {
	if err := s.loadIntents(ctx); err != nil { // this slice may have had no other use for them
		return err
	}
	at := earlier(s.nextIntent(), s.sess.Control.Again)
	for _, r := range s.sess.Control.Retry {
		if at.IsZero() || r.At.Before(at) {
			at = r.At
		}
	}
	now := s.e.c.Clock.Now()
	switch {
	case s.moreMembers:
		at = now
	case at.IsZero():
		return nil
	case !at.After(now): // this run could not do it; the next one must not come at once, or they would never end
		at = now.Add(retrySoon)
	}
	ask := s.follow()
	ask.Asked = at // a run that begins before then does not cover it
	return s.e.later(ctx, ask, "retry", at)
}

// maxChunks is how many chunks incremental runs add to the match index before it is written anew.
const maxChunks = 100

// compact writes the match index anew when it has grown by many small chunks, which every run that matches reads.
func (s *slice) compact(ctx context.Context) error {
	c := &s.sess.Control
	if s.rec.Kind != state.Incremental {
		c.Packed = c.Chunks
		return nil
	}
	if c.Chunks[0]+c.Chunks[1] <= c.Packed[0]+c.Packed[1]+maxChunks {
		return nil
	}
	var chunks [2]int64
	for i, sd := range s.sides {
		w := s.sess.IndexWriter(sd.s, c.Generation+1, &chunks[i])
		list, err := s.sess.Index(ctx, sd.s, c.Generation, c.Chunks[i])
		if err != nil {
			return err
		}
		for _, e := range list {
			if !e.Gone {
				w.Add(e)
			}
		}
		if err := w.Flush(ctx, true); err != nil {
			return err
		}
	}
	c.Generation++
	c.Chunks, c.Packed = chunks, chunks
	return nil
}

// recount brings the connection's figures in line with its links, after a slice was killed between the two.
func (s *slice) recount(ctx context.Context) error {
	s.sess.Control.Recount = false
	t := &s.sess.Control.Totals
	t.Links, t.Parked, t.Review = 0, 0, 0
	err := s.sess.AllLinks(ctx, func(l state.Link) error {
		s.total(&l, 1)
		return nil
	})
	for after := ""; err == nil; {
		var list []state.Review
		list, after, err = s.repo.Reviews(ctx, s.ask.Tenant, s.ask.Connection, 1000, after)
		t.Review += len(list)
		if after == "" {
			break
		}
	}
	return err
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
