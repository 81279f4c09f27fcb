package engine_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

func TestCaps(t *testing.T) {
	w := newWorld(t)
	w.tenant.Caps = profile.Caps{First: 10, Later: 5}
	for i := 0; i < 18; i++ {
		w.crm.put("", mail(name(i)))
	}
	w.ask(state.ReasonStart)
	if run := w.lastRun(); len(w.book.recs) != 10 || run.Skipped[state.CodeCap] != 8 {
		t.Fatalf("first run: %d, %+v", len(w.book.recs), run)
	}
	w.ask(state.ReasonSchedule)
	if len(w.book.recs) != 15 {
		t.Fatalf("second run: %d", len(w.book.recs))
	}
	w.ask(state.ReasonSchedule)
	if len(w.book.recs) != 18 {
		t.Fatalf("third run: %d", len(w.book.recs))
	}
	w.rest()
}

func TestRequireEmail(t *testing.T) {
	w := newWorld(t)
	w.conn.Settings.Rules.RequireEmail = true
	id := w.crm.put("", person("Tanaka", "Aiko", "phone", "03-1111-2222"))
	w.ask(state.ReasonStart)
	w.rest()
	if l := w.link(id); l.Code != state.CodeNoEmail || len(w.book.recs) != 0 {
		t.Fatalf("%+v", l)
	}
	w.crm.put(id, record.Fields{record.Email: {{Text: "aiko@example.com", Label: "work"}}})
	w.ask(state.ReasonSchedule)
	w.rest()
	if l := w.link(id); l.State != state.LinkActive {
		t.Fatalf("%+v", l)
	}
}

func TestSkipImported(t *testing.T) {
	w := newWorld(t)
	w.conn.Settings.Rules.SkipImported = true
	id := w.crm.put("", mail("imported"))
	w.crm.put("", mail("made"))
	w.crm.imported = map[string]bool{id: true}
	w.ask(state.ReasonStart)
	w.rest()
	if l := w.link(id); l.Code != state.CodeImported || len(w.book.recs) != 1 {
		t.Fatalf("%+v, %d", l, len(w.book.recs))
	}
	w.crm.imported[id] = false
	w.crm.put(id, note("touched"))
	w.ask(state.ReasonSchedule)
	w.rest()
	if l := w.link(id); l.State != state.LinkActive || len(w.book.recs) != 2 {
		t.Fatalf("%+v", l)
	}
}

func TestApproveFirst(t *testing.T) {
	w := newWorld(t)
	w.tenant.ApproveFirst = true
	for i := 0; i < 5; i++ {
		w.crm.put("", mail(name(i)))
	}
	w.ask(state.ReasonStart)
	if w.conn.State != tenancy.NeedsApproval || len(w.book.recs) != 0 || w.lastRun().Approval == nil {
		t.Fatalf("state %s, book %d", w.conn.State, len(w.book.recs))
	}
	w.answer(state.AnswerOnce)
	w.rest()
	if w.conn.State != tenancy.Active || len(w.book.recs) != 5 {
		t.Fatalf("state %s, book %d", w.conn.State, len(w.book.recs))
	}
}

func TestPreviewWritesNothing(t *testing.T) {
	w, ids := synced(t, 10)
	w.crm.remove(ids[0])
	w.crm.put(ids[1], note("x"))
	w.book.put("", mail("new"))
	seq := w.crm.seq + w.book.seq
	w.conn.State = tenancy.Paused
	w.sliceTime, w.crm.slow = time.Second, 2*time.Second // in several slices
	w.restart(w.table)
	w.ask(state.ReasonPreview)
	run := w.lastRun()
	if run.Kind != state.Preview || run.State != state.RunDone || w.crm.seq+w.book.seq != seq {
		t.Fatalf("%+v", run)
	}
	if run.CRM.Created != 1 || run.Book.Deleted != 1 || run.Book.Updated != 1 {
		t.Errorf("crm %+v, book %+v", run.CRM, run.Book)
	}
	w.conn.State = tenancy.Active
	w.rest()
	if len(w.crm.recs) != 10 || len(w.book.recs) != 10 {
		t.Errorf("%d and %d", len(w.crm.recs), len(w.book.recs))
	}
}

// TestPreviewBeforeTheFolderIsMade: a folder of the connection's own that its start will make holds nobody yet, whatever else is in
// the book (ZO4).
func TestPreviewBeforeTheFolderIsMade(t *testing.T) {
	w := newWorld(t)
	w.systems = [2]string{"zoho", "microsoft"}
	for i := range 12 {
		w.crm.put("", mail(name(i)))
		w.book.put("", mail(name(i+4)))
	}
	w.conn.State = tenancy.Ready
	listed := 0
	w.book.fail = func(when string) error {
		if when == "book before changes" {
			listed++
		}
		return nil
	}
	w.ask(state.ReasonPreview)
	run := w.lastRun()
	if run.Kind != state.Preview || run.State != state.RunDone {
		t.Fatalf("%+v", run)
	}
	if run.Book.Created != 12 || run.Book.Updated+run.CRM.Created+run.CRM.Updated+run.CRM.Deleted > 0 {
		t.Errorf("crm %+v, book %+v; want 12 created in the book and nothing else", run.CRM, run.Book)
	}
	if listed > 0 {
		t.Errorf("the book was listed %d times", listed)
	}
}

// TestPreviewOfAPausedRun: a run that stopped midway must not go on in the clothes of a preview.
func TestPreviewOfAPausedRun(t *testing.T) {
	w := newWorld(t)
	for i := 0; i < 20; i++ {
		w.crm.put("", mail(name(i)))
	}
	n := 1
	w.book.fail = call(&n, "before apply", &connector.AuthLostError{System: "book", Cure: "x"})
	w.ask(state.ReasonStart)
	seq := w.crm.seq + w.book.seq
	w.conn.State = tenancy.Paused
	w.ask(state.ReasonPreview)
	w.send(state.Ask{Reason: state.ReasonResume})
	if w.crm.seq+w.book.seq != seq || w.lastRun().Kind != state.Preview {
		t.Fatalf("a paused connection wrote: %+v", w.lastRun())
	}
	w.conn.State = tenancy.Active
	w.send(state.Ask{Reason: state.ReasonResume})
	w.rest()
	check(t, w, 20)
}

func TestSettingsChangeDuringRun(t *testing.T) {
	w := newWorld(t)
	for i := 0; i < 20; i++ {
		w.crm.put("", mail("c"+name(i)))
		w.book.put("", mail("b"+name(i)))
	}
	w.conn.Settings.Rules.Direction = profile.CRMToBook
	n := 1
	w.book.fail = call(&n, "before apply", &connector.AuthLostError{System: "book", Cure: "x"})
	w.ask(state.ReasonStart)
	w.conn.Settings.Rules.Direction = profile.TwoWay
	w.conn.State = tenancy.Active
	w.send(state.Ask{Reason: state.ReasonResume})
	w.rest()
	check(t, w, 40)
}

func TestStateIsRebuilt(t *testing.T) {
	for _, how := range []string{"wiped", "disabled and enabled again"} {
		for _, d := range []profile.Direction{profile.TwoWay, profile.CRMToBook, profile.BookToCRM} {
			for _, marks := range []bool{true, false} {
				w := newWorld(t)
				w.conn.Settings.Rules.Direction = d
				w.crm.marks, w.book.marks = marks, marks
				for i := 0; i < 10; i++ {
					w.crm.put("", mail("c"+name(i)))
					w.book.put("", mail("b"+name(i)))
				}
				if marks { // nothing but the mark tells who it is
					w.crm.put("", person("Lone", "Name"))
				}
				w.ask(state.ReasonStart)
				w.rest()
				c, b := len(w.crm.recs), len(w.book.recs)
				if how == "wiped" {
					if err := w.repo.Purge(context.Background(), "t1", "conn"); err != nil {
						t.Fatal(err)
					}
				} else {
					w.conn.ID = "conn2"
				}
				w.ask(state.ReasonStart)
				w.rest()
				if len(w.crm.recs) != c || len(w.book.recs) != b || len(w.crm.deaths)+len(w.book.deaths) > 0 {
					t.Errorf("%s, %s, marks %v: %d and %d, want %d and %d", how, d, marks, len(w.crm.recs), len(w.book.recs), c, b)
				}
			}
		}
	}
}

func TestCursorsDie(t *testing.T) {
	t.Run("between runs", func(t *testing.T) {
		w, ids := synced(t, 50)
		w.crm.put(ids[0], note("x"))
		w.book.expire()
		w.ask(state.ReasonUpdate)
		if run := w.lastRun(); run.Kind != state.Relist || run.State != state.RunDone {
			t.Errorf("%+v", run)
		}
		w.rest()
		check(t, w, 50)
	})
	t.Run("midway through a listing", func(t *testing.T) {
		for at := 1; at < 12; at++ {
			w := newWorld(t)
			for i := 0; i < 70; i++ {
				w.crm.put("", mail("c"+two(i)))
				w.book.put("", mail("b"+two(i)))
			}
			n := at
			f := func(when string) error {
				if strings.Contains(when, "changes") {
					if n--; n == 0 {
						return connector.ErrCursorExpired
					}
				}
				return nil
			}
			w.crm.fail, w.book.fail = f, f
			w.ask(state.ReasonStart)
			w.rest()
			check(t, w, 140)
		}
	})
}

func TestTwoWorkers(t *testing.T) {
	w := newWorld(t)
	for i := 0; i < 60; i++ {
		w.crm.put("", mail("c"+two(i)))
	}
	ctx := context.Background()
	other := false
	w.book.fail = func(when string) error {
		if !other && strings.Contains(when, "before apply") {
			other = true
			a := state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonUpdate, Asked: w.clk.Now()}
			if err := w.eng.Handle(ctx, a); err != nil {
				t.Errorf("the second worker: %v", err)
			}
			if len(w.later) == 0 {
				t.Error("the second worker's ask was lost")
			}
			// This one hangs until its lease is over; another takes the run up and does it all.
			w.clk.Advance(state.LeaseTime + time.Second)
			w.book.fail = nil
			if err := w.eng.Handle(ctx, a); err != nil {
				t.Errorf("the third worker: %v", err)
			}
		}
		return nil
	}
	w.ask(state.ReasonStart)
	w.rest()
	check(t, w, 60)
}

func TestQuietCostsTheSame(t *testing.T) {
	use := map[int]store.Counts{}
	for _, n := range []int{10, 10000} {
		w := newWorld(t)
		w.crm.batch = connector.Batch{List: 1000, Get: 500, Create: 500, Update: 500, Delete: 500}
		w.book.batch = w.crm.batch
		w.restart(w.table)
		for i := 0; i < n; i++ {
			id := fmt.Sprintf("%05d", i)
			w.crm.put("c"+id, mail(id))
			w.book.put("b"+id, mail(id))
		}
		w.ask(state.ReasonStart)
		w.rest()
		w.use.Reset()
		w.ask(state.ReasonSchedule)
		use[n] = w.use.Reset()
	}
	t.Logf("quiet with 10 links: %+v; with 10,000: %+v", use[10], use[10000])
	if use[10].Reads != use[10000].Reads || use[10].Writes != use[10000].Writes || use[10].Requests != use[10000].Requests {
		t.Error("a quiet run costs more with more links")
	}
}

// light is a side of records that exist only while they are looked at, so that a run's own memory shows.
type light struct {
	name  string
	n     int
	desc  connector.Description
	peak  *uint64 // of what is reachable
	pages int
}

func (l *light) Describe(context.Context) (connector.Description, error) { return l.desc, nil }

func (l *light) item(i int) connector.Item {
	return connector.Item{ID: fmt.Sprintf("%s%07d", l.name, i), Version: "1", Scope: connector.InScope, Record: record.Record{Kind: record.Contact, Fields: full(l.desc.Fields, mail(fmt.Sprintf("%s%07d", l.name, i)))}}
}

func full(fields []record.Field, f record.Fields) record.Fields {
	for _, fd := range fields {
		if f[fd.Key] == nil {
			f[fd.Key] = []record.Value{}
		}
	}
	return f
}

func (l *light) Changes(_ context.Context, _ connector.Scope, cursor string) (connector.Page, error) {
	if l.pages++; l.pages%10 == 1 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		*l.peak = max(*l.peak, m.HeapAlloc)
	}
	if cursor == "done" {
		return connector.Page{Next: "done"}, nil
	}
	at := 0
	fmt.Sscanf(cursor, "%d", &at)
	p := connector.Page{Full: true}
	for i := at; i < min(at+1000, l.n); i++ {
		p.Changed = append(p.Changed, l.item(i))
	}
	p.Next, p.More = "done", at+1000 < l.n
	if p.More {
		p.Next = fmt.Sprint(at + 1000)
	}
	return p, nil
}

func (l *light) Get(_ context.Context, _ []record.Key, ids []string) ([]connector.Got, error) {
	out := make([]connector.Got, len(ids))
	for i, id := range ids {
		out[i] = connector.Got{ID: id, Status: connector.StatusInvisible}
	}
	return out, nil
}

func (l *light) Apply(_ context.Context, ws []connector.Write) ([]connector.Result, error) {
	out := make([]connector.Result, len(ws))
	for i, w := range ws {
		out[i] = connector.Result{ID: "made" + w.Mark, Version: "1"}
	}
	return out, nil
}

// TestFirstRunMemory runs only when asked to: MEIBO_LARGE=1. It prints the heap of a first run of 100,000 records on each side.
func TestFirstRunMemory(t *testing.T) {
	if os.Getenv("MEIBO_LARGE") == "" {
		t.Skip("set MEIBO_LARGE=1 to run it")
	}
	w := newWorld(t)
	var peak uint64
	batch := connector.Batch{List: 1000, Get: 200, Create: 200, Update: 200, Delete: 200}
	w.lights = [2]connector.Connector{
		&light{name: "c", n: 100000, peak: &peak, desc: connector.Description{Name: "crm", Kind: record.Contact, Fields: crmFields(), Batch: batch}},
		&light{name: "b", n: 100000, peak: &peak, desc: connector.Description{Name: "book", Kind: record.Contact, Fields: bookFields(), Batch: batch}},
	}
	w.ask(state.ReasonStart)
	run := w.lastRun()
	t.Logf("peak heap %d MiB, %+v %+v, store %+v", peak>>20, run.CRM, run.Book, run.Store)
	if run.Links != 200000 || peak>>20 > 150 {
		t.Errorf("links %d, peak %d MiB, want at most 150", run.Links, peak>>20)
	}
}
