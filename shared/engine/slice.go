package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
	leaving   map[string][2]bool   // by CRM id, the sides on which a full survey saw a link outside the scope; nil in an incremental run
	beyond    [2]int               // deletions in what an incremental survey did not hold, by the side that loses
	weighed   [2]int               // what the budget let each side lose
	removed   [2]int               // deletions queued
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
	// floor is the floor of the work before this slice, as its run has it, and before what this slice's connector makes of the same
	// work. A connector adds what the slice's own look-ups cost, so that before is asked for before the slice's first call.
	floor, before int
	index         *state.IndexWriter
	work          connector.Work
	empty         bool // the account takes no more creates in this run
	// managed says that the scope is a folder of the connection's own, outside which nothing is touched.
	managed bool
	// unmade says that such a folder is only made when the connection starts: until then it holds nothing.
	unmade bool
	photos connector.Photographer // nil where photos do not travel
	pages  repeats                // of the listing under way
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
	s.due, s.unfinished = s.e.c.Clock.Now(), unfinished
	s.linked, s.touched = map[string]bool{}, map[string]bool{}
	for i := range bothSides {
		s.overrides[i], s.begun[i] = map[string]verdict{}, map[string]bool{}
		s.forced[i], s.recovered[i], s.entered[i], s.news[i] = map[string]bool{}, map[string]bool{}, map[string]bool{}, &news{}
	}
	s.dig = record.NewDigester(s.keys.Digest("record"))
	s.rules = withTenant(s.conn.Settings.Rules, s.tenant.Settings)
	for i, account := range []string{s.conn.CRM, s.conn.Book} {
		s.sides[i] = &side{s: bothSides[i], i: i, id: account}
	}
	s.setScopes()
	s.print = s.fingerprint()
	begun := false
	if unfinished {
		if begun, err = s.resume(ctx); err != nil {
			return err
		}
	}
	if !begun {
		s.begin()
	}
	if err := s.answered(ctx); err != nil {
		return err
	}
	for _, sd := range s.sides {
		if sd.open, err = s.e.c.Opener.Open(ctx, s.ask.Tenant, sd.id); err != nil {
			return sd.wrap(err)
		}
		if f, ok := sd.open.Connector.(connector.Coster); ok {
			sd.before = f.Floor(sd.work)
		}
	}
	s.sides[1].unmade = s.conn.Folder == "" && profile.For(s.sides[0].open.Account.System, s.sides[1].open.Account.System).Folder != ""
	s.setPhotos()
	return nil
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

// withTenant returns a connection's rules within what its tenant allows: the smaller cap, and the tenant's budget where the
// connection has none of its own.
func withTenant(r profile.Rules, t tenancy.TenantSettings) profile.Rules {
	smaller := func(a, b int) int {
		if a == 0 || b > 0 && b < a {
			return b
		}
		return a
	}
	r.Caps = profile.Caps{First: smaller(r.Caps.First, t.Caps.First), Later: smaller(r.Caps.Later, t.Caps.Later)}
	r.ApproveFirst = r.ApproveFirst || t.ApproveFirst
	none := profile.Budget{}
	if r.Budget == none || r.Budget == profile.DefaultBudget && t.Budget != none {
		r.Budget = t.Budget
	}
	if r.Budget == none {
		r.Budget = profile.DefaultBudget
	}
	return r
}

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
		if _, tells := sd.desc.Field(record.Photo); tells && sd.photos != nil {
			sd.scope.Fields = append(sd.scope.Fields, record.Photo)
		}
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
	desc, err := sd.open.Connector.Describe(ctx)
	if err != nil {
		return sd.wrap(err)
	}
	sd.desc, sd.loaded = desc, true
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
