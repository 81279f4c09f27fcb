package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// slice is one slice of one run.
type slice struct {
	e        *Engine
	ask      state.Ask
	conn     tenancy.Connection
	sess     *state.Session
	repo     *state.Repo
	table    *store.Counted
	log      *slog.Logger
	deadline time.Time

	rec      state.RunRecord
	finished bool // the run ended in this slice
	stored   bool // the run has an item of its own
	own      bool // the ask is the run's own, or has been taken in
	// unfinished says that this slice found a run under way.
	unfinished bool
	print      string

	tenant  tenancy.Tenant
	keys    TenantKeys
	rules   profile.Rules
	dig     *record.Digester
	planner *plan.Planner
	sides   [2]*side

	intents []state.Intent // creates whose outcome is open
	settled []state.Intent // as they were stored, of those looked at in this slice
	news    [2]*news       // what an incremental survey found
	matches *matches
	out     *writer

	known     [2]map[string]*state.Link // links read and not changed since; nil for a record without one
	linked    map[string]bool           // CRM ids of links handled in this slice
	touched   map[string]bool           // CRM ids of links that a full survey found changed
	forced    [2]map[string]bool        // records to take in although a listing did not say that they are in scope
	begun     [2]map[string]bool        // records without a partner that this slice has dealt with
	overrides [2]map[string]verdict     // what a person decided
	recovered [2]map[string]bool        // records that an intent turned out to have made
	wanted    [2][]wanted
	entered   [2]map[string]bool   // records that a membership scan says are in scope
	stands    [2]bool              // the scope was seen to be there still
	absent    []absentLink         // links of which a complete listing did not name a record
	absences  [2]map[string]absent // what reading their records by id says
	told      [2]map[string]absent // what of it is not kept yet
	unlisted  [2][]state.Entry     // who those are that a listing did not name and whose ids may have moved
	leaving   map[string][2]bool   // by CRM id, the sides on which a full survey saw a link outside the scope; nil in an incremental run
	beyond    [2]int               // deletions in what an incremental survey did not hold, by the side that loses
	weighed   [2]int               // what the budget let each side lose
	removed   [2]int               // deletions queued
	emptying  [2]int               // records of which an overwrite was planned to empty fields
	lost      [2]int               // losses noted since the budget was weighed
	due       time.Time            // up to when retries are dealt with by this run
	looked    bool                 // parked records were looked through again
	nextLook  time.Time            // when the others of them are due
	lookAt    time.Time            // when what this run parked is due
	moreHeld  bool                 // a cap left some of what it held back before
	heldNow   bool                 // a cap held something back
	forgotten [2]map[string]bool   // records that are to be taken out of the match index
	scanned   [2]time.Time         // membership scans of this run
	membered  [2]bool              // and whether there was one
	// moreMembers says that a scan found more than a run holds.
	moreMembers bool
	hints       []state.Hint // records that notifications named, until they are looked at
	inboxTaken  bool         // this slice has taken the inbox
	swept       [2]bool      // a scan compared the whole side with the links
	photos      []photoJob   // pictures to look at
	ahead       bool         // the book's part of the apply has begun while writes of the CRM's are held back
	doubtful    bool         // a create failed as if the folder were gone
	reviewed    string       // the entry of the review list that the run's decision is about
	edits       [2]int       // links that a full survey found changed, by side
	unchanged   int
	adopted     int
	changes     bool // anything worth an item of its own
}

// errPause ends a slice whose run goes on in the next one.
var errPause = errors.New("engine: the slice has used its time")

// waitError ends a slice whose run goes on at a time.
type waitError struct {
	until time.Time
	why   string
}

func (w *waitError) Error() string { return w.why }

// approvalError ends a slice whose run waits for a person.
type approvalError struct{ req state.ApprovalRequest }

func (a *approvalError) Error() string { return a.req.Why }

// haltError ends a run for a reason that only a person can cure.
type haltError struct {
	to     tenancy.State
	reason string
}

func (h *haltError) Error() string { return h.reason }

// run does the slice's part of the run.
func (s *slice) run(ctx context.Context, unfinished bool) error {
	if err := s.load(ctx, unfinished); err != nil {
		return err
	}
	for !s.finished {
		if err := s.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step does one step of the run and moves on to the next.
func (s *slice) step(ctx context.Context) error {
	if s.rec.Kind == state.Incremental {
		return s.incremental(ctx)
	}
	switch s.rec.Step {
	case state.StepSurveyCRM:
		return s.survey(ctx, s.sides[0], state.StepSurveyBook)
	case state.StepSurveyBook:
		return s.survey(ctx, s.sides[1], state.StepDecide)
	case state.StepDecide:
		return s.decide(ctx)
	case state.StepApplyCRM:
		return s.applyFull(ctx, s.sides[0], state.StepApplyBook)
	case state.StepApplyBook:
		return s.applyFull(ctx, s.sides[1], state.StepFinish)
	default:
		return s.over(ctx)
	}
}

// over ends the run once all that it had to do is done.
func (s *slice) over(ctx context.Context) error {
	if s.doubtful || !s.sess.Control.Lacking.IsZero() {
		if err := s.folderStands(ctx); err != nil {
			return err
		}
	}
	if s.rec.Disable != nil && s.rec.Approval == nil {
		return s.disable(ctx)
	}
	return s.finish(ctx)
}

// counts is where the run counts what it does to side sd.
func (s *slice) counts(sd *side) *state.Counts {
	if sd.i == 0 {
		return &s.rec.CRM
	}
	return &s.rec.Book
}

// timeUp reports whether the slice should hand over.
func (s *slice) timeUp() bool { return s.e.c.Clock.Now().After(s.deadline) }

// tally brings the run's figures up to date.
func (s *slice) tally() {
	for _, sd := range s.sides {
		if sd == nil {
			continue
		}
		s.rec.Refused[sd.i] = s.rec.Refused[sd.i] || sd.refused
		if sd.open.Calls == nil {
			continue
		}
		c := s.counts(sd)
		c.Calls = sd.calls + sd.open.Calls()
		if f, ok := sd.open.Connector.(connector.Coster); ok {
			c.FloorCalls = sd.floor + f.Floor(sd.work) - sd.before
		}
		s.rec.Work[sd.i] = sd.work
		if b, ok := sd.open.Connector.(connector.Budgeter); ok {
			if budget, said := b.Budget(); said {
				s.sess.Control.Sides[sd.i].Budget = &budget
			}
		}
	}
	n := s.table.Snapshot()
	s.rec.Store = state.StoreUse{Reads: s.rec.StoreBefore.Reads + int(n.Reads), Writes: s.rec.StoreBefore.Writes + int(n.Writes)}
}

// checkpoint makes all that was done durable.
func (s *slice) checkpoint(ctx context.Context) error {
	s.tally()
	op, err := s.sess.SaveRunOp(s.rec)
	if err != nil {
		return err
	}
	s.stored = true
	s.countChunks()
	return s.sess.Checkpoint(ctx, op)
}

// countChunks keeps what an incremental run adds to the match index, whatever becomes of the run.
func (s *slice) countChunks() {
	if s.rec.Kind == state.Incremental {
		s.sess.Control.Chunks = s.rec.Chunks
	}
}

// renew keeps the lease of a slice that reads for long without anything to make durable.
func (s *slice) renew(ctx context.Context) error {
	if s.sess.Control.LeaseUntil.Sub(s.e.c.Clock.Now()) > state.LeaseTime/2 {
		return nil
	}
	return s.sess.Checkpoint(ctx)
}
