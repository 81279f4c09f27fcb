package engine

import (
	"context"
	"errors"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/store"
)

// pairing is one link in the works: what both sides hold, what is planned, and what is still to be sent.
type pairing struct {
	old  *state.Link // as stored; nil for a new one
	also *state.Link // the partner's item, if it stood alone so far
	now  [2]*connector.Item
	base [2]plan.Base
	// based says that base is known: planning again starts from the same.
	based bool
	out   plan.Outcome
	// sent says which sides' writes are still under way, stored what each side holds after them.
	sent    [2]bool
	stored  [2]record.Fields
	version [2]string
	settled [2]bool
	wrote   [2]bool // a write of this pairing was done there; what it left is in stored
	refused [2]map[record.Key]bool
	// last is why the last of them was.
	last   *failure
	failed *failure
	tries  int
	stale  bool // a side has changed since it was read
	// made is the side on which this pairing creates its record, -1 if none.
	made int
	mark string
	// anew says that the link's bases do not count: one of its records is made again.
	anew    bool
	weighed bool // what its writes empty was counted
	// seen is the version at which the book's record was first read; "" if there was none.
	seen string
}

// failure is why a pairing could not be brought to its end.
type failure struct {
	code, field, detail string
	retry               time.Duration // 0: not before the record changes
}

// job is one write of a pairing, or a deletion.
type job struct {
	p *pairing
	w connector.Write
}

// writer gathers writes into batches of the vendor's size, and saves links when their writes are done.
type writer struct {
	s     *slice
	queue [2]map[connector.Op][]job
	links []state.LinkChange
	owned [2]bool // the account's lease
}

func newWriter(s *slice) *writer {
	w := &writer{s: s}
	for i := range w.queue {
		w.queue[i] = map[connector.Op][]job{}
	}
	return w
}

// linkBatch is how many link changes are saved at a time.
const linkBatch = 40

// add queues what a planned pairing needs. A pairing with nothing to send only has its link saved.
func (w *writer) add(ctx context.Context, p *pairing) error {
	for i := range p.now {
		if p.now[i] != nil && !p.wrote[i] {
			p.stored[i], p.version[i], p.settled[i] = p.now[i].Record.Fields, p.now[i].Version, true
		}
	}
	for i, fields := range p.out.Write {
		if fields == nil {
			continue
		}
		p.sent[i] = true
		if p.now[i] == nil {
			create := connector.Write{Op: connector.Create, Fields: fields, Mark: p.mark, Options: w.s.sides[i].scope.Options}
			if groups := w.s.sides[i].scope.Groups; i == 1 && len(groups) > 0 {
				create.Groups = groups[:1]
			}
			w.queue[i][connector.Create] = append(w.queue[i][connector.Create], job{p: p, w: create})
			continue
		}
		w.queue[i][connector.Update] = append(w.queue[i][connector.Update], job{p: p,
			w: connector.Write{Op: connector.Update, ID: p.now[i].ID, Fields: fields, Current: p.now[i], Options: w.s.sides[i].scope.Options}})
	}
	if p.out.Write[0] == nil && p.out.Write[1] == nil {
		return w.done(ctx, p)
	}
	return w.flush(ctx, false)
}

// remove queues the deletion of the record of side sd in link l.
func (w *writer) remove(ctx context.Context, sd *side, l state.Link, it connector.Item) error {
	if err := w.s.mayRemove(sd); err != nil {
		return err
	}
	p := &pairing{old: &l, made: -1}
	p.sent[sd.i] = true
	w.queue[sd.i][connector.Delete] = append(w.queue[sd.i][connector.Delete], job{p: p,
		w: connector.Write{Op: connector.Delete, ID: it.ID, Current: &it, Options: sd.scope.Options}})
	return w.flush(ctx, false)
}

// link queues a change of a link alone.
func (w *writer) link(ctx context.Context, c state.LinkChange) error {
	w.links = append(w.links, c)
	if len(w.links) >= linkBatch {
		return w.saveLinks(ctx)
	}
	return nil
}

// How many writes of a side are held back while its vendor's limits would have them wait and something else can be done. Updates wait
// the shortest, since what they were planned on grows old, and deletions not at all.
var held = map[connector.Op]int{connector.Create: 2000, connector.Update: 1000}

// due is a batch that can be sent.
type due struct {
	sd   *side
	op   connector.Op
	size int
}

// flush sends every full batch that need not be held back, or with all everything.
func (w *writer) flush(ctx context.Context, all bool) error {
	for {
		d, ok := w.next(all)
		if !ok {
			break
		}
		if err := w.sendDue(ctx, d); err != nil {
			return err
		}
	}
	if all {
		return w.saveLinks(ctx)
	}
	return nil
}

func (w *writer) sendDue(ctx context.Context, d due) error {
	queue := w.queue[d.sd.i]
	jobs := queue[d.op]
	n := min(len(jobs), d.size)
	queue[d.op] = append([]job(nil), jobs[n:]...)
	return w.send(ctx, d.sd, d.op, jobs[:n])
}

// readsOnly reports whether creates of side sd are held back while its records could be read.
func (w *writer) readsOnly(sd *side) bool {
	size := max(sd.desc.Batch.Create, 1)
	return len(w.queue[sd.i][connector.Create]) >= size && sd.ready(connector.Create, size) > 0 && sd.ready(connector.Read, photoGather) <= 0
}

// meanwhile sends batches of the other side that are held back for as long as n records of side sd cannot be read.
func (w *writer) meanwhile(ctx context.Context, sd *side, n int) error {
	for o := w.s.other(sd); ; {
		wait := sd.ready(connector.Read, n)
		if wait <= 0 {
			return nil
		}
		found := false
		for _, d := range o.batches() {
			if !found && len(w.queue[o.i][d.op]) >= d.size && o.ready(d.op, d.size) < wait {
				found = true
				if err := w.sendDue(ctx, d); err != nil {
					return err
				}
			}
		}
		if !found {
			return nil
		}
	}
}

// batches are full batches of each kind of write, in the order in which they are sent.
func (sd *side) batches() [3]due {
	b := sd.desc.Batch
	return [3]due{{sd, connector.Update, max(b.Update, 1)}, {sd, connector.Create, max(b.Create, 1)}, {sd, connector.Delete, max(b.Delete, 1)}}
}

// next chooses the batch to send: one that goes out at once, else the one that waits the shortest of those that are held back no more.
func (w *writer) next(all bool) (found due, ok bool) {
	var least time.Duration
	for i, sd := range w.s.sides {
		for _, d := range sd.batches() {
			n := len(w.queue[i][d.op])
			if n == 0 || !all && n < d.size {
				continue
			}
			wait := sd.ready(d.op, min(n, d.size))
			if wait <= 0 {
				return d, true
			}
			if (all || n >= d.size+held[d.op]) && (!ok || wait < least) {
				found, ok, least = d, true, wait
			}
		}
	}
	return found, ok
}

// ready is how long a batch of writes would have to wait for the vendor's limits.
func (sd *side) ready(op connector.Op, n int) time.Duration {
	if p, ok := sd.open.Connector.(connector.Pacer); ok {
		return p.Ready(op, n)
	}
	return 0
}

// holding reports whether batches are held back.
func (w *writer) holding() bool {
	for i, sd := range w.s.sides {
		for _, d := range sd.batches() {
			if len(w.queue[i][d.op]) >= d.size {
				return true
			}
		}
	}
	return false
}

// send carries out one batch: lease, intent and before-images first, then the call, then what came of it.
func (w *writer) send(ctx context.Context, sd *side, op connector.Op, jobs []job) error {
	s := w.s
	if sd.empty && op == connector.Create {
		for _, j := range jobs {
			j.p.failed = &failure{code: state.CodeFull, retry: fullRetry}
			if err := w.settle(ctx, sd, j); err != nil {
				return err
			}
		}
		return nil
	}
	if err := w.takeAccount(ctx, sd); err != nil {
		return err
	}
	batch := s.e.c.NewID()
	ops, err := w.before(sd, op, batch, jobs)
	if err != nil {
		return err
	}
	if err := s.progress(ctx, ops); err != nil {
		return err
	}
	writes := make([]connector.Write, len(jobs))
	for i := range jobs {
		writes[i] = jobs[i].w
	}
	results, err := w.apply(ctx, sd, writes)
	if err != nil {
		if op == connector.Create { // nothing was sent
			if e := w.dropIntent(context.WithoutCancel(ctx), batch); e != nil {
				return errors.Join(sd.wrap(err), e)
			}
		}
		return sd.wrap(err)
	}
	return w.after(ctx, sd, op, batch, jobs, results)
}

// apply calls the connector, again after a moment if nothing was sent.
func (w *writer) apply(ctx context.Context, sd *side, writes []connector.Write) ([]connector.Result, error) {
	pause := time.Second
	for try := 0; ; try++ {
		results, err := sd.open.Connector.Apply(ctx, writes)
		if err == nil || !errors.Is(err, connector.ErrTransient) || try == 3 {
			return results, err
		}
		if err := w.s.e.c.Clock.Sleep(ctx, pause); err != nil {
			return nil, err
		}
		pause *= 3
	}
}

// before returns what must be durable before the batch is sent.
func (w *writer) before(sd *side, op connector.Op, batch string, jobs []job) ([]store.Op, error) {
	s := w.s
	ops, err := w.journal(sd, op, batch, jobs, nil)
	if err != nil || op != connector.Create {
		return ops, err
	}
	in := state.Intent{ID: batch, Side: sd.s, At: s.e.c.Clock.Now()}
	source := s.other(sd)
	for _, j := range jobs {
		in.Entries = append(in.Entries, state.IntentEntry{
			Source:  j.p.now[source.i].ID,
			Mark:    s.dig.Key("mark", j.w.Mark),
			Content: s.planner.Content(sd.s, j.w.Fields),
		})
	}
	o, err := s.sess.IntentOp(in)
	s.sess.Control.Intents++
	return append(ops, o), err
}

// maxJournal keeps one item of the journal well below the size of an item, sealed and encoded.
const maxJournal = 180 << 10

// journal returns the batch's lines of the journal: before the call with their before-images, after it with their outcomes.
func (w *writer) journal(sd *side, op connector.Op, batch string, jobs []job, results []connector.Result) ([]store.Op, error) {
	s := w.s
	var ops []store.Op
	var b state.Batch
	size, part := 0, 0
	flush := func() error {
		if len(b.Changes) == 0 {
			return nil
		}
		b.ID = batch + "#" + string(sd.s) + string(rune('a'+part))
		part++
		o, err := s.sess.JournalOp(s.keys, b)
		ops = append(ops, o)
		b, size = state.Batch{}, 0
		return err
	}
	for i, j := range jobs {
		c := state.Change{At: s.e.c.Clock.Now(), Run: s.rec.ID, Side: sd.s, Op: string(op), Record: j.w.ID}
		before := state.Before{Record: j.w.ID}
		if j.w.Current != nil {
			before.Fields = j.w.Current.Record.Fields
		}
		if op == connector.Update {
			before.Fields = record.Fields{}
			for k := range j.w.Fields {
				c.Fields = append(c.Fields, string(k))
				if vs, ok := j.w.Current.Record.Fields[k]; ok {
					before.Fields[k] = vs
				}
			}
		}
		if results != nil {
			c.Outcome = outcome(results[i].Err)
			if c.Record == "" {
				c.Record = results[i].ID
			}
		}
		n := sizeOf(before.Fields) + 200
		if size > 0 && size+n > maxJournal {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		size += n
		b.Changes, b.Before = append(b.Changes, c), append(b.Before, before)
	}
	return ops, flush()
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, connector.ErrOutcomeUnknown):
		return "unknown"
	}
	return "failed"
}

func sizeOf(f record.Fields) int {
	n := 0
	for k, vs := range f {
		n += len(k) + 8
		for _, v := range vs {
			n += len(v.Text) + len(v.Label) + 32
			for p, t := range v.Parts {
				n += len(p) + len(t) + 8
			}
		}
	}
	return n
}

// progress makes ops durable under the lease, with the run's figures.
func (s *slice) progress(ctx context.Context, ops []store.Op) error {
	s.tally()
	op, err := s.sess.SaveRunOp(s.rec)
	if err != nil {
		return err
	}
	s.stored = true
	s.countChunks()
	return s.sess.Checkpoint(ctx, append(ops, op)...)
}

// takeAccount gets the right to write to an account whose vendor wants writes one after another.
func (w *writer) takeAccount(ctx context.Context, sd *side) error {
	if !sd.desc.WritesInSeries {
		return nil
	}
	err := w.s.repo.TakeAccount(ctx, w.s.ask.Tenant, sd.id, w.s.ask.Connection)
	var busy *state.BusyError
	if errors.As(err, &busy) {
		return &waitError{until: w.s.e.c.Clock.Now().Add(20 * time.Second), why: "another connection is writing to the same " + sd.desc.Name + " account"}
	}
	w.owned[sd.i] = err == nil
	return err
}

func (w *writer) giveAccounts(ctx context.Context) {
	for i, sd := range w.s.sides {
		if w.owned[i] {
			w.owned[i] = false
			if err := w.s.repo.GiveAccount(context.WithoutCancel(ctx), w.s.ask.Tenant, sd.id, w.s.ask.Connection); err != nil {
				w.s.log.WarnContext(ctx, "the account's lease was not given back; it ends by itself", "error", err.Error())
			}
		}
	}
}

// saveLinks stores the gathered changes of links.
func (w *writer) saveLinks(ctx context.Context) error {
	if len(w.links) == 0 {
		return nil
	}
	changes := w.links
	w.links = nil
	w.s.known = [2]map[string]*state.Link{}
	refused, err := w.s.sess.SaveLinks(ctx, changes)
	if err != nil {
		return err
	}
	w.s.changes = true
	for _, i := range refused {
		w.s.log.WarnContext(ctx, "a link was not saved: one of its ids is in another link")
		w.s.rec.Skipped[state.CodeClaimed]++
		changes[i] = state.LinkChange{}
	}
	for _, c := range changes {
		w.s.total(c.Old, -1)
		w.s.total(c.Also, -1)
		w.s.total(c.New, 1)
	}
	return nil
}

// total keeps the connection's figures in step with its links.
func (s *slice) total(l *state.Link, by int) {
	t := &s.sess.Control.Totals
	switch {
	case l == nil:
	case l.State == state.LinkActive:
		t.Links += by
	case l.State == state.LinkParked:
		t.Parked += by
	}
}
