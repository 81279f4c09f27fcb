package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

var bothSides = [2]profile.Side{profile.CRM, profile.Book}

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

	linked    map[string]bool       // CRM ids of links handled in this slice
	touched   map[string]bool       // CRM ids of links that a full survey found changed
	forced    [2]map[string]bool    // records to take in although a listing did not say that they are in scope
	overrides [2]map[string]verdict // what a person decided
	recovered [2]map[string]bool    // records that an intent turned out to have made
	wanted    [2][]wanted
	stands    [2]bool      // the scope was seen to be there still
	absent    []state.Link // links of which a complete listing did not name a record
	gots      [2]map[string]connector.Got
	beyond    [2]int // deletions in what an incremental survey did not hold, by the side that loses
	unchanged int
	adopted   int
	changes   bool // anything worth an item of its own
}

// side is one end of the connection, open.
type side struct {
	s      profile.Side
	i      int // its place in every [2]
	id     string
	open   Opened
	desc   connector.Description
	loaded bool // desc is
	scope  connector.Scope
	calls  int // made before this slice
	index  *state.IndexWriter
	work   connector.Work
	empty  bool // the account takes no more creates in this run
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

// load opens both accounts and finds out what there is to do.
func (s *slice) load(ctx context.Context, unfinished bool) error {
	var err error
	if s.tenant, err = s.e.c.Directory.Tenant(ctx, s.ask.Tenant); err != nil {
		return err
	}
	if s.keys, err = s.e.c.Keys(ctx, s.ask.Tenant); err != nil {
		return err
	}
	s.linked, s.touched = map[string]bool{}, map[string]bool{}
	for i := range bothSides {
		s.overrides[i] = map[string]verdict{}
		s.forced[i], s.recovered[i], s.news[i] = map[string]bool{}, map[string]bool{}, &news{}
	}
	s.dig = record.NewDigester(s.keys.Digest("record"))
	s.rules = s.conn.Settings.Rules
	if s.rules.Budget == (profile.Budget{}) {
		s.rules.Budget = profile.DefaultBudget
	}
	for i, account := range []string{s.conn.CRM, s.conn.Book} {
		sd := &side{s: bothSides[i], i: i, id: account}
		if sd.open, err = s.e.c.Opener.Open(ctx, s.ask.Tenant, account); err != nil {
			return err
		}
		s.sides[i] = sd
	}
	s.sides[0].scope.Groups = s.conn.Settings.CRMGroups
	s.sides[1].scope.Groups = s.conn.Settings.BookGroups
	if unfinished {
		err := s.resume(ctx)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	s.begin()
	return nil
}

// begin starts a new run.
func (s *slice) begin() {
	c := &s.sess.Control
	now := s.e.c.Clock.Now()
	s.rec = state.RunRecord{Run: state.Run{
		ID: c.Run, Reason: s.ask.Reason, State: state.RunRunning, Started: now, Kind: s.kind(now),
		Progress: state.Progress{Phase: state.PhaseReading}, Skipped: map[string]int{},
	}, Step: state.StepSurveyCRM}
	if s.rec.Kind != state.Incremental {
		s.rec.Generation = c.Generation + 1
	} else {
		s.rec.Generation, s.rec.Chunks = c.Generation, c.Chunks
		s.rec.Cursors = [2]string{c.Sides[0].Cursor, c.Sides[1].Cursor}
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
	if c.Plan != s.fingerprint() {
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

// fingerprint is what the cursors depend on.
func (s *slice) fingerprint() string {
	b, err := json.Marshal(struct {
		CRM, Book string
		Settings  any
		Region    string
	}{s.conn.CRM, s.conn.Book, struct {
		C, B []string
		R    profile.Rules
	}{s.conn.Settings.CRMGroups, s.conn.Settings.BookGroups, fingerprinted(s.rules)}, s.tenant.Settings.Region})
	if err != nil {
		return "" // never: all of it is plain data
	}
	d := s.keys.Digest("plan", b)
	return fmt.Sprintf("%x", d[:8])
}

// fingerprinted leaves out rules that do not change what a listing must be compared with.
func fingerprinted(r profile.Rules) profile.Rules {
	r.Budget, r.Caps, r.Winner, r.ApproveFirst, r.Deletes = profile.Budget{}, profile.Caps{}, "", false, profile.Deletes{}
	return r
}

// resume takes up the unfinished run.
func (s *slice) resume(ctx context.Context) error {
	rec, err := s.sess.LoadRun(ctx)
	if err != nil {
		return err
	}
	s.rec, s.stored = rec, true
	s.rec.State, s.rec.Message, s.rec.StoreBefore = state.RunRunning, "", rec.Store
	s.sides[0].calls, s.sides[1].calls = rec.CRM.Calls, rec.Book.Calls
	s.sides[0].work, s.sides[1].work = rec.Work[0], rec.Work[1]
	if s.ask.Reason == state.ReasonAnswer && rec.Approval != nil {
		s.rec.Approved = s.ask.Answer != state.AnswerDiscard
		s.rec.Discard = s.ask.Answer == state.AnswerDiscard
		s.rec.Approval = nil
		if err := s.e.c.Directory.Move(ctx, s.ask.Tenant, s.ask.Connection, tenancy.Active, ""); err != nil {
			return err
		}
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
		return s.finish(ctx)
	}
}

// need loads both catalogues and makes the planner, which a quiet run does without. refresh asks the vendors again.
func (s *slice) need(ctx context.Context, refresh bool) error {
	if s.planner != nil && !refresh {
		return nil
	}
	for _, sd := range s.sides {
		if sd.loaded && !refresh {
			continue
		}
		if err := s.describe(ctx, sd, refresh); err != nil {
			return err
		}
	}
	cmp := record.Comparer{Region: s.tenant.Settings.Region}
	s.planner = plan.New(s.rules, s.sides[0].desc.Fields, s.sides[1].desc.Fields, cmp, s.dig)
	for _, sd := range s.sides {
		sd.scope.Fields = withMatchFields(s.planner.Keys(sd.s), sd.desc)
	}
	if s.out == nil {
		s.out = newWriter(s)
	}
	return nil
}

func (s *slice) describe(ctx context.Context, sd *side, refresh bool) error {
	if !refresh {
		body, err := s.repo.Catalogue(ctx, s.ask.Tenant, s.ask.Connection, sd.s)
		if err == nil && json.Unmarshal(body, &sd.desc) == nil {
			sd.loaded = true
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	var err error
	if sd.desc, err = sd.open.Connector.Describe(ctx); err != nil {
		return err
	}
	sd.loaded = true
	body, err := json.Marshal(sd.desc)
	if err != nil {
		return fmt.Errorf("engine: encoding a catalogue: %w", err)
	}
	return s.sess.SaveCatalogue(ctx, sd.s, body)
}

// withMatchFields adds to the mapped fields those that only tell who is who.
func withMatchFields(keys []record.Key, d connector.Description) []record.Key {
	for _, k := range []record.Key{record.NameFamily, record.NameGiven, record.NamePhoneticFamily, record.NamePhoneticGiven, record.Email, record.Phone, record.OrgName} {
		has := false
		for _, h := range keys {
			has = has || h == k
		}
		if _, ok := d.Field(k); ok && !has {
			keys = append(keys, k)
		}
	}
	return keys
}

// account is the vendor's own id of the side's account, which marks are made of.
func (sd *side) account() string { return sd.open.Account.Identity.AccountID }

func (s *slice) other(sd *side) *side { return s.sides[1-sd.i] }

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
		if sd == nil || sd.open.Calls == nil {
			continue
		}
		c := s.counts(sd)
		c.Calls = sd.calls + sd.open.Calls()
		if f, ok := sd.open.Connector.(connector.Coster); ok {
			c.FloorCalls = f.Floor(sd.work)
		}
		s.rec.Work[sd.i] = sd.work
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
	return s.sess.Checkpoint(ctx, op)
}
