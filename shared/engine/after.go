package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/store"
)

// When a record that could not be written is looked at again without having changed.
const (
	retrySoon      = time.Minute
	fullRetry      = 24 * time.Hour
	forbiddenRetry = 24 * time.Hour
	maxTries       = 3 // of one pairing in one run
)

// after deals with the results of one batch: outcomes into the journal, links, and what failed to where it belongs.
func (w *writer) after(ctx context.Context, sd *side, op connector.Op, batch string, jobs []job, results []connector.Result) error {
	s := w.s
	if len(results) != len(jobs) {
		return sd.wrap(connector.ErrOutcomeUnknown)
	}
	var stop error
	unknown := map[string]bool{}
	var again []*pairing
	for i, j := range jobs {
		r := results[i]
		sd.heard(r.Err)
		var throttled *connector.ThrottledError
		if errors.As(r.Err, &throttled) || errors.Is(r.Err, connector.ErrTransient) || isAuthLost(r.Err) {
			stop = sd.wrap(r.Err) // what was not sent is found again: the cursors have not moved past it
			continue
		}
		if errors.Is(r.Err, connector.ErrOutcomeUnknown) && op == connector.Create {
			unknown[j.p.now[1-sd.i].ID] = true
		}
		if r.Err != nil {
			retry, err := w.failedJob(ctx, sd, op, j, r)
			if err != nil {
				return err
			}
			if retry != nil {
				again = append(again, retry)
			}
			continue
		}
		w.took(sd, op, j, r)
		if err := w.settle(ctx, sd, j); err != nil {
			return err
		}
	}
	if op == connector.Create && sd.index != nil { // a link that is saved must be found again by who it is
		if err := sd.index.Flush(ctx, true); err != nil {
			return err
		}
	}
	if err := w.saveLinks(ctx); err != nil {
		return err
	}
	ops, err := w.journal(sd, op, batch, jobs, results)
	if err != nil {
		return err
	}
	if op == connector.Create {
		o, err := w.closeIntent(sd, batch, jobs, unknown)
		if err != nil {
			return err
		}
		ops = append(ops, o...)
	}
	if err := s.progress(ctx, ops); err != nil {
		return err
	}
	if stop != nil {
		return stop
	}
	return w.replan(ctx, again)
}

func isExpired(err error) bool { return errors.Is(err, connector.ErrCursorExpired) }

func isAuthLost(err error) bool {
	var lost *connector.AuthLostError
	return errors.As(err, &lost)
}

// closeIntent removes the batch's intent, or leaves in it only what may have been created unseen.
func (w *writer) closeIntent(sd *side, batch string, jobs []job, unknown map[string]bool) ([]store.Op, error) {
	s := w.s
	if len(unknown) == 0 {
		s.sess.Control.Intents--
		return []store.Op{s.sess.RemoveIntentOp(batch)}, nil
	}
	in := state.Intent{ID: batch, Side: sd.s, At: s.e.c.Clock.Now()}
	for _, j := range jobs {
		if id := j.p.now[1-sd.i].ID; unknown[id] {
			in.Entries = append(in.Entries, state.IntentEntry{Source: id, Mark: s.dig.Key("mark", j.w.Mark), Content: s.planner.Content(sd.s, j.w.Fields)})
		}
	}
	s.intents = append(s.intents, in)
	o, err := s.sess.IntentOp(in)
	return []store.Op{o}, err
}

func (w *writer) dropIntent(ctx context.Context, batch string) error {
	w.s.sess.Control.Intents--
	return w.s.progress(ctx, []store.Op{w.s.sess.RemoveIntentOp(batch)})
}

// took notes what a write that succeeded left at its side.
func (w *writer) took(sd *side, op connector.Op, j job, r connector.Result) {
	s, c := w.s, w.s.counts(sd)
	switch op {
	case connector.Create:
		c.Created++
		sd.work.Created++
	case connector.Update:
		c.Updated++
		sd.work.Updated++
	case connector.Delete:
		c.Deleted++
		sd.work.Deleted++
		s.sess.Control.AddDeletion(sd.s, s.e.c.Clock.Now())
		s.lost[sd.i]++
		s.goesWell()
		return
	}
	if j.p.out.Emptied[sd.i] > 0 {
		s.sess.Control.AddLoss(sd.s, 1, s.e.c.Clock.Now())
		s.lost[sd.i]++
	}
	p := j.p
	p.version[sd.i], p.settled[sd.i], p.wrote[sd.i] = r.Version, r.Item != nil, true
	s.goesWell()
	if r.Item != nil {
		p.stored[sd.i] = r.Item.Record.Fields
	} else {
		f := record.Fields{}
		if p.now[sd.i] != nil {
			f = p.now[sd.i].Record.Fields.Clone()
		}
		for k, vs := range j.w.Fields {
			f[k] = vs
		}
		p.stored[sd.i] = f
	}
	if op == connector.Create {
		p.now[sd.i] = &connector.Item{ID: r.ID, Version: r.Version, Record: record.Record{Kind: sd.desc.Kind, Fields: p.stored[sd.i]}, Mark: j.w.Mark}
		p.made = sd.i
		s.remember(sd, p.now[sd.i])
		return
	}
	it := *p.now[sd.i] // planning again, for the other side's sake, starts from what is there now
	it.Version, it.Record.Fields, it.Raw = r.Version, p.stored[sd.i], nil
	if r.Item != nil {
		it = *r.Item
	}
	p.now[sd.i] = &it
}

// settle ends one side's part of a pairing, and saves the link when both are done.
func (w *writer) settle(ctx context.Context, sd *side, j job) error {
	p := j.p
	p.sent[sd.i] = false
	if j.w.Op == connector.Delete {
		if p.failed != nil {
			return w.park(ctx, p)
		}
		w.s.forget(sd, j.w.ID)
		return w.link(ctx, state.LinkChange{Old: p.old})
	}
	if p.sent[0] || p.sent[1] {
		return nil
	}
	return w.done(ctx, p)
}

// done saves the link of a pairing whose writes are over.
func (w *writer) done(ctx context.Context, p *pairing) error {
	if p.failed != nil {
		return w.park(ctx, p)
	}
	s := w.s
	l := state.Link{State: state.LinkActive, Since: s.e.c.Clock.Now()}
	if p.old != nil {
		l.Made = p.old.Made
		if full(*p.old) && p.old.State == state.LinkActive {
			l.Since = p.old.Since
		}
		keepPhoto(&l, p)
	}
	if p.made >= 0 {
		l.Made = bothSides[p.made]
	}
	for i := range bothSides {
		if s.recovered[i][p.now[i].ID] {
			l.Made = bothSides[i]
		}
	}
	for i, sd := range s.sides {
		setID(&l, sd, p.now[i].ID)
		base := s.planner.Rebase(sd.s, p.out, p.base[i], p.stored[i])
		setBase(&l, sd, p.version[i], base.Encode(), p.settled[i])
	}
	for _, h := range p.out.Held {
		l.Held = append(l.Held, state.Held{Side: h.Side, Field: string(h.Key), Count: h.Count})
	}
	s.rec.Conflicts += len(p.out.Conflicts)
	s.linked[l.CRM] = true
	s.photoOf(&l, p)
	return w.link(ctx, state.LinkChange{Old: p.old, Also: p.also, New: &l})
}

// park keeps a pairing that could not be brought to its end, with the reason, and sees to it that it is tried again.
func (w *writer) park(ctx context.Context, p *pairing) error {
	s, f := w.s, p.failed
	s.rec.Skipped[f.code]++
	l := state.Link{}
	if p.old != nil {
		l = *p.old
	}
	for i, sd := range s.sides {
		if p.now[i] != nil && idOf(&l, sd) == "" {
			setID(&l, sd, p.now[i].ID)
		} else if p.now[i] != nil {
			l.Unshown[i] = time.Time{}
		}
		if idOf(&l, sd) != "" && f.retry > 0 && (i == 0 || l.CRM == "") {
			s.again(sd.s, idOf(&l, sd), f.retry)
		}
	}
	l.State, l.Code, l.Field, l.Detail, l.Since, l.Left = state.LinkParked, f.code, f.field, f.detail, s.e.c.Clock.Now(), nil
	w.keepWritten(&l, p)
	return w.link(ctx, state.LinkChange{Old: p.old, Also: p.also, New: &l})
}

// keepWritten notes in a parked link what was written on one side although the other's write failed, so that a person's next edit
// there is told from our own write. Fields that were to go to the side that failed keep the bases that they had.
func (w *writer) keepWritten(l *state.Link, p *pairing) {
	s := w.s
	if !full(*l) || p.anew || p.wrote == [2]bool{} || p.now[0] == nil || p.now[1] == nil {
		return
	}
	untold := [2]map[record.Key]bool{{}, {}}
	for _, m := range s.rules.Mapping {
		keys := [2]record.Key{m.CRM, m.Book}
		for i := range keys {
			if _, planned := p.out.Write[i][keys[i]]; planned && !p.wrote[i] {
				untold[0][m.CRM], untold[1][m.Book] = true, true
			}
		}
	}
	for i, sd := range s.sides {
		var base plan.Base
		for _, f := range s.planner.Rebase(sd.s, p.out, p.base[i], p.stored[i]) {
			if !untold[i][f.Key] {
				base = append(base, f)
			} else if els, had := p.base[i].Find(f.Key); had {
				base = append(base, plan.FieldBase{Key: f.Key, Elements: els})
			}
		}
		setBase(l, sd, p.version[i], base.Encode(), p.settled[i])
	}
}

// failedJob deals with one write that was refused. It returns the pairing if it is worth planning again at once.
func (w *writer) failedJob(ctx context.Context, sd *side, op connector.Op, j job, r connector.Result) (*pairing, error) {
	var (
		invalid *connector.InvalidError
		forbid  *connector.ForbiddenError
		dup     *connector.DuplicateError
		full    *connector.FullError
	)
	p, c := j.p, w.s.counts(sd)
	fail := &failure{}
	switch {
	case errors.Is(r.Err, connector.ErrVersionConflict):
		if p.tries++; p.tries < maxTries && op == connector.Update {
			p.stale = true
			return p, nil
		}
		fail = &failure{code: state.CodeWaiting, retry: retrySoon}
	case errors.Is(r.Err, connector.ErrOutcomeUnknown):
		fail = &failure{code: state.CodeWaiting, retry: max(sd.desc.Visibility, retrySoon)}
	case errors.Is(r.Err, connector.ErrNotFound):
		if op == connector.Delete { // gone already
			return nil, w.settle(ctx, sd, j)
		}
		w.s.doubtful = w.s.doubtful || op == connector.Create && sd.managed
		fail = &failure{code: state.CodeWaiting, retry: retrySoon}
	case errors.As(r.Err, &invalid):
		w.s.doubtful = w.s.doubtful || op == connector.Create && sd.managed
		k := record.Key(invalid.Field)
		fail = &failure{code: state.CodeRefused, field: invalid.Field, detail: invalid.Reason}
		if _, mapped := j.w.Fields[k]; mapped && op != connector.Delete && !p.refused[sd.i][k] && p.tries < maxTries+len(j.w.Fields) {
			if p.refused[sd.i] == nil {
				p.refused[sd.i] = map[record.Key]bool{}
			}
			p.refused[sd.i][k] = true
			p.last = fail
			p.tries++
			return p, nil
		}
	case errors.As(r.Err, &forbid):
		fail = &failure{code: state.CodeForbidden, detail: forbid.What, retry: forbiddenRetry}
	case errors.As(r.Err, &full):
		sd.empty = true
		fail = &failure{code: state.CodeFull, retry: fullRetry}
	case errors.As(r.Err, &dup):
		return nil, w.clash(ctx, sd, p, dup)
	default:
		fail = &failure{code: state.CodeRefused, detail: "the system gave no reason that Meibo knows"}
	}
	c.Failed++
	p.failed = fail
	return nil, w.settle(ctx, sd, j)
}

// clash offers for review a record that the vendor says the new one duplicates.
func (w *writer) clash(ctx context.Context, sd *side, p *pairing, dup *connector.DuplicateError) error {
	s := w.s
	source := s.other(sd)
	p.sent[sd.i] = false
	if dup.ID == "" || p.now[sd.i] != nil {
		p.failed = &failure{code: state.CodeDuplicate, field: dup.Field}
		s.counts(sd).Failed++
		return w.park(ctx, p)
	}
	return s.doubt(ctx, source, p.now[source.i].ID, []string{dup.ID}, plan.ReviewSeveral, p.old)
}

// replan plans again: what has changed meanwhile on what is there now, what was refused without the field that was refused.
func (w *writer) replan(ctx context.Context, again []*pairing) error {
	s := w.s
	for _, p := range again {
		p.sent = [2]bool{}
		w.withdraw(p)
	}
	for i, sd := range s.sides {
		var want []string
		for _, p := range again {
			if p.now[i] != nil && p.stale {
				want = append(want, p.now[i].ID)
			}
		}
		got, err := s.read(ctx, sd, want)
		if err != nil {
			return err
		}
		for _, p := range again {
			if p.now[i] == nil || !p.stale {
				continue
			}
			g, ok := got[p.now[i].ID]
			if !ok || g.Status != connector.StatusFound {
				p.failed = &failure{code: state.CodeWaiting, retry: retrySoon}
				continue
			}
			it := g.Item
			p.now[i] = &it
		}
	}
	for _, p := range again {
		if p.failed != nil {
			if err := w.park(ctx, p); err != nil {
				return err
			}
			continue
		}
		p.stale = false
		if err := s.planPair(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// withdraw takes what is not sent yet of a pairing out of the queues.
func (w *writer) withdraw(p *pairing) {
	for i := range w.queue {
		for op, jobs := range w.queue[i] {
			w.queue[i][op] = slices.DeleteFunc(jobs, func(j job) bool { return j.p == p })
		}
	}
}

// again has a later run look at a record.
func (s *slice) again(sd profile.Side, id string, after time.Duration) {
	c := &s.sess.Control
	at := s.e.c.Clock.Now().Add(after)
	for i := range c.Retry {
		if c.Retry[i].Side == sd && c.Retry[i].ID == id {
			n := c.Retry[i].N + 1
			c.Retry[i].N, c.Retry[i].At = n, s.e.c.Clock.Now().Add(min(after<<min(n, 10), fullRetry))
			return
		}
	}
	if after < fullRetry && len(c.Retry) < maxRetries {
		c.Retry = append(c.Retry, state.Retry{Side: sd, ID: id, At: at})
		return
	}
	// What fails for many records at once is not named one by one: all that are parked for its reason are looked through.
	at = s.e.c.Clock.Now().Add(max(after, parkedRetry[state.CodeWaiting]))
	s.lookAt = earlier(s.lookAt, at)
	c.Again = earlier(c.Again, at)
}

// maxRetries bounds the control item.
const maxRetries = 100

// parkedRetry is, by the reason why a record is parked, after how long it is looked at again without having changed, if it is not
// named in the control item.
var parkedRetry = map[string]time.Duration{
	state.CodeFull: fullRetry, state.CodeForbidden: forbiddenRetry, state.CodeMissing: fullRetry, state.CodeWaiting: time.Hour,
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
