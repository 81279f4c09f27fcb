package trial

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"meibo/shared/profile"
)

// MemoryTarget is what the garbage collector aims to stay below, as a Lambda of 256 MB would have it.
const MemoryTarget = 160 << 20

// maxChecked is up to how many contacts a trial remembers what each said before the first run.
const maxChecked = 20_000

// The steps of a trial, in order.
const (
	StepPreview  = "preview"
	StepFirst    = "first"
	StepSettle   = "settle"
	StepQuiet    = "quiet"
	StepChanges  = "changes"
	StepClash    = "clash"
	StepMerges   = "merges"
	StepDeletes  = "deletes"
	StepSchedule = "schedule"
)

// Run does a whole trial.
func Run(ctx context.Context, o Options) (res Result, err error) {
	debug.SetMemoryLimit(MemoryTarget)
	debug.SetGCPercent(50)
	if o.Report == nil {
		o.Report = silent{}
	}
	crmSystem, bookSystem, err := ParsePair(o.Pair)
	if err != nil {
		return res, err
	}
	res = Result{Pair: crmSystem.ID + ":" + bookSystem.ID, Steps: []Step{}, Differences: []string{}, Problems: []string{}}
	people, problems, err := read(o)
	if err != nil {
		return res, err
	}
	res.Problems = append(res.Problems, problems...)
	for _, p := range problems {
		o.Report.Say("skipped: %s", p)
	}
	if people.n == 0 {
		return res, errors.New("there is nobody to sync: the given files hold no contact that can be read")
	}
	r, err := open(ctx, o, crmSystem, bookSystem, false)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	crm, book, err := r.fill(ctx, people, o.Report.Say)
	if err != nil {
		return res, err
	}
	r.clk.Advance(max(waysOf(r.crm.id).aged, waysOf(r.book.id).aged))
	res.Records = people.n
	o.Report.Begin(r.crm.name, r.book.name)
	o.Report.Say("%d people: %d in %s, %d in %s", people.n, crm, r.crm.name, book, r.book.name)
	t := newTrial(r, o, people.n)
	t.sizes = [2]int{crm, book}
	if t.cast, err = r.appoint(ctx, o, t.profile, t.n); err != nil {
		return res, err
	}
	if err := t.connect(ctx); err != nil {
		return res, err
	}
	v := &verifier{trial: t, region: "JP"}
	if err := t.steps(ctx, v, &res); err != nil {
		return res, err
	}
	res.PeakRSSBytes = peakRSS()
	o.Report.Say("reading both books back and comparing them field by field")
	if err := v.compare(ctx); err != nil {
		return res, err
	}
	res.Differences = append(res.Differences, v.found...)
	if v.more > 0 {
		res.Differences = append(res.Differences, fmt.Sprintf("... and %d more", v.more))
	}
	res.Held = v.held
	res.Converged = len(res.Differences) == 0
	return res, nil
}

// peakRSS returns the most memory that this process had at once.
func peakRSS() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return int64(u.Maxrss) << 10
}

type silent struct{}

func (silent) Begin(string, string)              {}
func (silent) Say(string, ...any)                {}
func (silent) Progress(string, string, int, int) {}
func (silent) Done(Step)                         {}

// trial is one connection and what is done to it.
type trial struct {
	*rig
	o       Options
	n       int
	rnd     *rand.Rand
	tenant  string
	conn    string
	path    string // of the connection in the API
	profile profile.Profile
	cast    cast
	sizes   [2]int // how many contacts each side began with
	mapping []profile.Pair
	merged  map[string]bool // CRM records that became another
	seen    map[string]bool // runs that an earlier step had
}

func newTrial(r *rig, o Options, n int) *trial {
	return &trial{rig: r, o: o, n: n, rnd: rand.New(rand.NewPCG(uint64(o.Seed), 7)), merged: map[string]bool{}, profile: profile.For(r.crm.id, r.book.id)}
}

// begin starts the connection: what was a draft until then gets its folder, its fields and its mapping.
func (t *trial) begin(ctx context.Context) error {
	if err := t.post(ctx, "/start"); err != nil {
		return err
	}
	var now struct {
		Settings struct {
			Rules struct {
				Mapping []profile.Pair `json:"mapping"`
			} `json:"rules"`
		} `json:"settings"`
	}
	if err := t.api.do(ctx, http.MethodGet, t.path, nil, &now); err != nil {
		return err
	}
	t.mapping = now.Settings.Rules.Mapping
	if t.plain(0, "") == nil {
		return errors.New("trial: the pair maps no field of plain text")
	}
	return nil
}

// steps does what the options ask for.
func (t *trial) steps(ctx context.Context, v *verifier, res *Result) error {
	changes := max(min(t.n/20, 50), 1)
	if t.o.Changes > 0 {
		changes = min(t.o.Changes, t.n)
	}
	acts := []struct {
		name string
		do   func(context.Context) error
	}{
		{StepPreview, func(ctx context.Context) error { return t.post(ctx, "/preview") }},
		{StepFirst, t.begin},
		{StepSettle, t.update},
		{StepQuiet, t.update},
		{StepChanges, func(ctx context.Context) error { return t.change(ctx, changes) }},
		{StepClash, func(ctx context.Context) error { return t.clash(ctx, max(changes/5, 1)) }},
		{StepMerges, func(ctx context.Context) error { return t.merge(ctx, min(changes/10, 3)) }},
		{StepDeletes, func(ctx context.Context) error { return t.deletes(ctx, min(t.n/40, 5)) }},
		{StepSchedule, t.schedule},
	}
	var before [2]map[string][]said
	for _, a := range acts {
		if t.o.Steps != nil && !slices.Contains(t.o.Steps, a.name) {
			continue
		}
		checked := a.name == StepFirst && t.n <= maxChecked
		if checked {
			for i, b := range []standIn{t.crm, t.book} {
				var err error
				if before[i], err = b.snapshot(ctx); err != nil {
					return err
				}
			}
		}
		var used func(context.Context, *Step) error
		if a.name == StepFirst && !t.o.NoLimits {
			var err error
			if used, err = t.meter(ctx); err != nil {
				return err
			}
		}
		s, err := t.step(ctx, a.name, a.do)
		if err == nil && a.name == StepFirst {
			err = t.findMade(ctx)
		}
		if err == nil && used != nil {
			err = used(ctx, &s)
		}
		if err != nil {
			return err
		}
		res.Steps = append(res.Steps, s)
		t.o.Report.Done(s)
		if checked {
			for i, b := range []standIn{t.crm, t.book} {
				if err := v.kept(ctx, b, before[i]); err != nil {
					return err
				}
				before[i] = nil
			}
		}
	}
	return nil
}

// between is how long people leave things alone between two steps: longer than listings of changes reach back, so that nothing is seen twice.
const between = 6 * time.Minute

func (t *trial) post(ctx context.Context, what string) error {
	return t.api.do(ctx, http.MethodPost, t.path+what, nil, nil)
}

// update presses the Update button.
func (t *trial) update(ctx context.Context) error { return t.post(ctx, "/runs") }

// updateSeen presses it once what people did just now can be seen by programs.
func (t *trial) updateSeen(ctx context.Context) error {
	t.clk.Advance(max(waysOf(t.crm.id).late, waysOf(t.book.id).late))
	return t.update(ctx)
}

// step does one thing and lets Meibo work until nothing is left to do.
func (t *trial) step(ctx context.Context, name string, do func(context.Context) error) (Step, error) {
	if err := t.idle(ctx); err != nil {
		return Step{}, fmt.Errorf("%s: %w", name, err)
	}
	began, clock := time.Now(), t.clk.Now()
	if err := do(ctx); err != nil {
		return Step{}, fmt.Errorf("%s: %w", name, err)
	}
	store := t.stack.Table.Snapshot()
	stop := t.watch(ctx, name)
	err := t.stack.Drain(ctx)
	stop()
	if err != nil {
		return Step{}, fmt.Errorf("%s: %w", name, err)
	}
	used := t.stack.Table.Snapshot().Sub(store)
	s := Step{Name: name, Reasons: map[string]int{}, Seconds: time.Since(began).Seconds(), ClockSeconds: t.clk.Now().Sub(clock).Seconds(),
		Store: Store{Reads: used.Reads, Writes: used.Writes}}
	return s, t.sum(ctx, &s)
}

// idle lets time pass. What the schedule does meanwhile belongs to no step.
func (t *trial) idle(ctx context.Context) error {
	if err := t.stack.RunUntil(ctx, t.clk.Now().Add(between)); err != nil {
		return err
	}
	list, err := t.runs(ctx)
	for _, r := range list {
		t.seen[r.ID] = true
	}
	return err
}
