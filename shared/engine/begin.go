package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// begin starts a new run.
func (s *slice) begin() {
	c := &s.sess.Control
	now := s.e.c.Clock.Now()
	s.rec = state.RunRecord{Run: state.Run{
		ID: c.Run, Reason: s.ask.Reason, State: state.RunRunning, Started: now, Kind: s.kind(now),
		Progress: state.Progress{Phase: state.PhaseReading}, Skipped: map[string]int{},
	}, Step: state.StepSurveyCRM, Asked: s.ask.Asked, Plan: s.print, Decision: s.ask.Review}
	s.own = true
	if s.ask.Reason == state.ReasonDisable {
		s.rec.Disable = &state.Disable{Force: s.ask.Force}
	}
	s.rec.Fresh = s.rec.Kind != state.Incremental && !c.Recount && c.Intents == 0 && c.Totals == state.Totals{NextRun: c.Totals.NextRun}
	if s.rec.Kind != state.Incremental {
		s.rec.Generation = c.Generation + 1
	} else {
		s.rec.Generation, s.rec.Chunks = c.Generation, c.Chunks
		s.rec.Cursors = [2]string{c.Sides[0].Cursor, c.Sides[1].Cursor}
	}
	if s.rec.Disable != nil && c.Plan == "" { // nothing was ever synced to its end: there is no last sync of it
		s.rec.Kind, s.rec.Generation, s.rec.Chunks = state.Incremental, c.Generation, c.Chunks
		s.rec.Step, s.rec.Next = state.StepFinish, [2]string{}
	}
}

// kind chooses what the new run does: only an unbroken chain of cursors under the same settings can go on incrementally.
func (s *slice) kind(now time.Time) state.RunKind {
	c := &s.sess.Control
	if s.ask.Reason == state.ReasonPreview {
		return state.Preview
	}
	if c.Plan == "" {
		return state.Initial
	}
	if c.Plan != s.print {
		return state.Relist
	}
	for i := range c.Sides {
		sd := &c.Sides[i]
		if sd.Cursor == "" || sd.FullEvery > 0 && now.Sub(sd.Listed) >= sd.FullEvery {
			return state.Relist
		}
	}
	return state.Incremental
}

// errIdle ends a slice that has nothing to do now: the unfinished run is not one that the connection's state allows.
var errIdle = errors.New("engine: the connection's state does not allow its unfinished run")

// resume takes up the unfinished run, and reports whether there is one to take up.
func (s *slice) resume(ctx context.Context) (bool, error) {
	rec, err := s.sess.LoadRun(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	live := s.conn.State == tenancy.Active || s.ask.Reason == state.ReasonAnswer || s.ask.Reason == state.ReasonDisable || rec.Disable != nil
	begun := rec.Disable != nil && rec.Disable.Step != state.DisableLook
	switch {
	case rec.Kind == state.Preview: // its listings are what it is about
	case !live && s.ask.Reason != state.ReasonPreview:
		return false, errIdle
	case !live:
		return false, s.drop(ctx, rec, "a preview was asked for while the connection was paused; what is left is done once it goes on")
	case rec.Plan != s.print && !begun: // what has begun to be removed is removed, whatever the settings say by now
		return false, s.drop(ctx, rec, "the settings have changed; a new run goes on under the new ones")
	}
	s.rec, s.stored = rec, true
	if s.rec.Skipped == nil {
		s.rec.Skipped = map[string]int{}
	}
	s.own = rec.Reason == s.ask.Reason && rec.Asked.Equal(s.ask.Asked)
	s.rec.State, s.rec.Message, s.rec.StoreBefore = state.RunRunning, "", rec.Store
	s.sides[0].calls, s.sides[1].calls = rec.CRM.Calls, rec.Book.Calls
	for i, sd := range s.sides {
		sd.work, sd.floor = cloneWork(rec.Work[i]), s.counts(sd).FloorCalls
	}
	if s.ask.Reason == state.ReasonAnswer {
		s.own = true
		s.takeAnswer()
	}
	if s.rec.Discard {
		s.rules.EmptyRemoves = false
		s.rules.Deletes = profile.Deletes{}
	}
	if s.rec.Kind == state.Incremental && s.rec.Step != state.StepFinish {
		// What an incremental survey found was held in memory; its cursors have not moved past it.
		s.rec.Step = state.StepSurveyCRM
		s.rec.Cursors = [2]string{s.sess.Control.Sides[0].Cursor, s.sess.Control.Sides[1].Cursor}
	}
	return true, nil
}

// answered lets the connection go on once a person's answer is durable.
func (s *slice) answered(ctx context.Context) error {
	if s.ask.Reason != state.ReasonAnswer || s.conn.State != tenancy.NeedsApproval {
		return nil
	}
	op, err := s.sess.SaveRunOp(s.rec)
	if err != nil {
		return err
	}
	s.stored = true
	if err := s.sess.Checkpoint(ctx, op); err != nil {
		return err
	}
	if err := s.e.c.Directory.Move(ctx, s.ask.Tenant, s.ask.Connection, tenancy.Active, ""); err != nil {
		return err
	}
	s.conn.State = tenancy.Active
	return nil
}

// takeAnswer notes what a person allowed: what was asked for and no more.
func (s *slice) takeAnswer() {
	a := s.rec.Approval
	if a == nil {
		return
	}
	s.rec.Approval = nil
	switch {
	case s.ask.Answer == state.AnswerDiscard:
		s.rec.Discard = true
	case a.Side == "":
		s.rec.Approved = true
	default:
		s.rec.Allowed[plan.Index(a.Side)] = a.Deletes + a.Emptied
	}
}

// drop ends an unfinished run that cannot go on, and makes way for a new one. Nothing is lost: its cursors have not moved.
func (s *slice) drop(ctx context.Context, rec state.RunRecord, why string) error {
	rec.State, rec.Message, rec.Ended = state.RunStopped, why, s.e.c.Clock.Now()
	rec.Cursors, rec.Next = [2]string{}, [2]string{}
	op, err := s.sess.SaveRunOp(rec)
	if err != nil {
		return err
	}
	c := &s.sess.Control
	if c.Run = s.ask.Run; c.Run == "" || c.Run == rec.ID {
		c.Run = s.e.c.NewID()
	}
	if s.ask.Review == nil {
		s.ask.Review = rec.Decision
	}
	return s.sess.Checkpoint(ctx, op)
}

func cloneWork(w connector.Work) connector.Work {
	w.Listed, w.Changed = slices.Clone(w.Listed), slices.Clone(w.Changed)
	return w
}
