package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// once gives err for the next n writes of op that ok picks.
func once(n int, op connector.Op, err error) func(connector.Write) error {
	return func(w connector.Write) error {
		if w.Op != op || n == 0 {
			return nil
		}
		n--
		return err
	}
}

// call fails the next n calls whose description has what in it.
func call(n *int, what string, err error) func(string) error {
	return func(when string) error {
		if !strings.Contains(when, what) || *n == 0 {
			return nil
		}
		*n--
		return err
	}
}

func TestRefusedField(t *testing.T) {
	refuse := func(w connector.Write) error {
		if vs := w.Fields[record.Note]; len(vs) > 0 && strings.HasPrefix(vs[0].Text, "bad") {
			return &connector.InvalidError{System: "book", Field: string(record.Note), Reason: "too odd"}
		}
		return nil
	}
	t.Run("a create goes without it", func(t *testing.T) {
		w := newWorld(t)
		w.book.refuse = refuse
		f := mail("x")
		f[record.Note] = []record.Value{{Text: "bad note"}}
		id := w.crm.put("", f)
		w.ask(state.ReasonStart)
		w.rest()
		l := w.link(id)
		if l.State != state.LinkActive || len(l.Held) != 1 || w.book.recs[l.Book].fields.First(record.Email) == "" {
			t.Fatalf("%+v", l)
		}
		w.crm.put(id, record.Fields{record.NameGiven: {{Text: "Later"}}})
		w.ask(state.ReasonUpdate)
		w.rest()
		if w.book.recs[l.Book].fields.First(record.NameGiven) != "Later" || w.crm.recs[id].fields.First(record.Note) != "bad note" {
			t.Errorf("the rest does not travel, or the field was lost")
		}
	})
	t.Run("an update goes without it, whichever side was written first", func(t *testing.T) {
		for _, pad := range []int{0, 4, 7, 9} { // the CRM's batches are of five, the book's of eight
			w, ids := synced(t, 12)
			w.book.refuse = refuse
			for i, id := range ids[:pad+1] {
				l := w.link(id)
				w.book.put(l.Book, record.Fields{record.Phone: {{Text: fmt.Sprintf("090-1111-%04d", i), Label: "mobile"}}})
				if i == 0 {
					w.crm.put(id, record.Fields{record.Note: {{Text: "bad"}}, record.NameGiven: {{Text: "Good"}}})
				} else {
					w.crm.put(id, record.Fields{record.NameGiven: {{Text: "Good"}}})
				}
			}
			w.ask(state.ReasonUpdate)
			w.rest()
			for i, id := range ids[:pad+1] {
				l := w.link(id)
				c, b := w.crm.recs[id].fields, w.book.recs[l.Book].fields
				if b.First(record.NameGiven) != "Good" || c.First(record.Phone) != fmt.Sprintf("090-1111-%04d", i) {
					t.Errorf("pad %d, %d: %v %v", pad, i, c, b)
				}
				if i == 0 && (c.First(record.Note) != "bad" || b.First(record.Note) != "") {
					t.Errorf("the refused field: crm %q, book %q", c.First(record.Note), b.First(record.Note))
				}
			}
		}
	})
}

func TestRefusedRecord(t *testing.T) {
	for _, c := range []struct {
		err  error
		code string
	}{
		{&connector.InvalidError{System: "book", Reason: "no"}, state.CodeRefused},
		{errors.New("something new"), state.CodeRefused},
		{&connector.DuplicateError{System: "book", Field: "email"}, state.CodeDuplicate},
	} {
		t.Run(c.code+" is parked until it changes", func(t *testing.T) {
			w := newWorld(t)
			id := w.crm.put("", mail("x"))
			for i := 0; i < 5; i++ {
				w.crm.put("", mail(name(i)))
			}
			w.book.refuse = func(wr connector.Write) error {
				if strings.HasPrefix(wr.Fields.First(record.Email), "x@") {
					return c.err
				}
				return nil
			}
			w.ask(state.ReasonStart)
			w.rest()
			if l := w.link(id); l.Code != c.code || len(w.book.recs) != 5 {
				t.Fatalf("%+v, %d", l, len(w.book.recs))
			}
			w.book.refuse = nil
			w.clk.Advance(48 * time.Hour)
			w.ask(state.ReasonSchedule)
			if l := w.link(id); l.State != state.LinkParked {
				t.Fatalf("it was tried without having changed: %+v", l)
			}
			w.crm.put(id, note("changed"))
			w.ask(state.ReasonSchedule)
			w.rest()
			if l := w.link(id); l.State != state.LinkActive {
				t.Fatalf("%+v", l)
			}
		})
	}
}

func TestFailedWriteKeepsTheOtherSidesEdit(t *testing.T) {
	w, ids := synced(t, 6)
	w.conn.Settings.Rules.Winner = "book"
	l := w.link(ids[0])
	w.crm.put(l.CRM, note("first"))
	w.book.put(l.Book, record.Fields{record.Phone: {{Text: "090-1111-2222", Label: "mobile"}}})
	w.crm.refuse = once(1, connector.Update, &connector.InvalidError{System: "crm", Reason: "not now"})
	w.ask(state.ReasonUpdate)
	if got := w.book.recs[l.Book].fields.First(record.Note); got != "first" {
		t.Fatalf("note %q", got)
	}
	w.crm.put(l.CRM, note("second")) // what the book holds is our own write, no edit of a person
	w.ask(state.ReasonUpdate)
	w.rest()
	if c, b := w.crm.recs[l.CRM].fields, w.book.recs[l.Book].fields; c.First(record.Note) != "second" || b.First(record.Note) != "second" || c.First(record.Phone) == "" {
		t.Errorf("crm %v\nbook %v", c, b)
	}
}

func TestDuplicateIsACandidate(t *testing.T) {
	w, _ := synced(t, 5)
	lone := w.crm.put("", person("Hidden", "Twin"))
	w.ask(state.ReasonUpdate)
	w.rest()
	twin := w.link(lone).CRM
	id := w.book.put("", mail("clash"))
	w.crm.refuse = func(wr connector.Write) error {
		if wr.Op == connector.Create {
			return &connector.DuplicateError{System: "crm", ID: twin, Field: "email"}
		}
		return nil
	}
	w.ask(state.ReasonUpdate)
	w.rest()
	if rs := w.reviews(); len(rs) != 1 || rs[0].Record != id || rs[0].Candidates[0] != twin {
		t.Fatalf("%+v", rs)
	}
	w.decide(id, state.ActionLink, twin) // but that one is synced with another
	w.rest()
	if l := w.link(id); l.Code != state.CodeClaimed {
		t.Errorf("%+v", l)
	}
}

func TestFullAccount(t *testing.T) {
	w := newWorld(t)
	for i := 0; i < 200; i++ {
		w.crm.put("", mail("p"+two(i/100)+two(i%100)))
	}
	w.book.room = 50
	w.ask(state.ReasonStart)
	w.ask(state.ReasonSchedule)
	if len(w.book.recs) != 50 {
		t.Fatalf("book %d", len(w.book.recs))
	}
	run := w.lastRun()
	if run.Kind != state.Incremental {
		t.Errorf("the next run is %s", run.Kind)
	}
	var id string
	for _, l := range w.links() {
		if l.State == state.LinkActive {
			id = l.CRM
		}
	}
	w.crm.put(id, note("goes on"))
	w.ask(state.ReasonUpdate)
	if got := w.book.recs[w.link(id).Book].fields.First(record.Note); got != "goes on" {
		t.Errorf("updates stopped with the creates: %q", got)
	}
	w.quiet()
	w.book.room = 0
	for i := 0; i < 3 && len(w.book.recs) < 200; i++ {
		w.clk.Advance(25 * time.Hour)
		w.ask(state.ReasonSchedule)
	}
	if len(w.book.recs) != 200 || len(w.crm.recs) != 200 {
		t.Errorf("book %d, crm %d after room was made", len(w.book.recs), len(w.crm.recs))
	}
	w.rest()
}

func TestForbiddenWrites(t *testing.T) {
	w := newWorld(t)
	for i := 0; i < 10; i++ {
		w.crm.put("", mail(name(i)))
	}
	w.book.refuse = func(connector.Write) error {
		return &connector.ForbiddenError{System: "book", What: "create contacts", Cure: "ask"}
	}
	w.ask(state.ReasonStart)
	w.ask(state.ReasonSchedule)
	w.quiet()
	w.book.refuse = nil
	w.clk.Advance(25 * time.Hour)
	w.ask(state.ReasonSchedule)
	w.rest()
	if len(w.book.recs) != 10 {
		t.Errorf("book %d", len(w.book.recs))
	}
}

func TestVersionConflict(t *testing.T) {
	w, ids := synced(t, 6)
	l := w.link(ids[0])
	w.crm.put(l.CRM, note("from the CRM"))
	n := 0
	w.book.fail = func(when string) error {
		if strings.Contains(when, "before apply") && n == 0 {
			n++
			w.book.put(l.Book, record.Fields{record.Phone: {{Text: "090-9999-0000", Label: "mobile"}}})
		}
		return nil
	}
	w.ask(state.ReasonUpdate)
	w.book.fail = nil
	w.rest()
	c, b := w.crm.recs[l.CRM].fields, w.book.recs[l.Book].fields
	if b.First(record.Note) != "from the CRM" || c.First(record.Phone) != "090-9999-0000" {
		t.Errorf("crm %v\nbook %v", c, b)
	}

	w.crm.put(l.CRM, note("again"))
	tries := 0
	w.book.refuse = func(connector.Write) error { tries++; return connector.ErrVersionConflict }
	w.msgs = nil
	if err := w.eng.Handle(context.Background(), state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonUpdate, Asked: w.clk.Now().Add(time.Second)}); err != nil {
		t.Fatal(err)
	}
	if tries == 0 || tries > 3 {
		t.Errorf("tried %d times in one run", tries)
	}
	before := tries
	w.clk.Advance(24 * time.Hour)
	for i := 0; i < 10; i++ {
		w.ask(state.ReasonSchedule)
	}
	if tries-before > 60 {
		t.Errorf("%d tries later on: no back-off", tries-before)
	}
	w.book.refuse = nil
	w.clk.Advance(25 * time.Hour)
	w.rest()
	if got := w.book.recs[l.Book].fields.First(record.Note); got != "again" {
		t.Errorf("note %q", got)
	}
}

func TestNotFoundOnUpdate(t *testing.T) {
	w, ids := synced(t, 6)
	l := w.link(ids[0])
	w.crm.put(l.CRM, note("edit"))
	w.book.fail = func(when string) error {
		if strings.Contains(when, "before apply") && w.book.recs[l.Book] != nil {
			w.book.remove(l.Book)
		}
		return nil
	}
	w.ask(state.ReasonUpdate)
	w.book.fail = nil
	w.rest()
	got := w.link(l.CRM)
	if got.State != state.LinkActive || w.book.recs[got.Book].fields.First(record.Note) != "edit" || len(w.crm.recs) != 6 || len(w.book.recs) != 6 {
		t.Errorf("the edit must survive the deletion: %+v", got)
	}
}

func TestTroubleMidBatch(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
	}{{"throttled", &connector.ThrottledError{System: "book", After: time.Minute}}, {"throttled without a time", &connector.ThrottledError{System: "book"}},
		{"transient", connector.ErrTransient}, {"unknown", connector.ErrOutcomeUnknown}} {
		for _, op := range []connector.Op{connector.Create, connector.Update, connector.Delete} {
			t.Run(c.name+" "+string(op), func(t *testing.T) {
				w, ids := syncedWith(t, 20, 2*time.Minute)
				n := 0
				w.book.refuse = func(wr connector.Write) error {
					if wr.Op == op {
						if n++; n%3 == 0 && n < 9 {
							return c.err
						}
					}
					return nil
				}
				want := 20
				for i := range ids[:7] {
					switch op {
					case connector.Create:
						w.crm.put("", mail("new"+name(i)))
						want++
					case connector.Update:
						w.crm.put(ids[i], note("edit"))
					default:
						w.crm.remove(ids[i])
						want--
					}
				}
				w.ask(state.ReasonUpdate)
				w.rest()
				if len(w.crm.recs) != want || len(w.book.recs) != want {
					t.Errorf("%d and %d, want %d each", len(w.crm.recs), len(w.book.recs), want)
				}
				check(t, w, want)
			})
		}
	}
}

func TestOutcomeUnknownOfARecreate(t *testing.T) {
	for _, done := range []bool{true, false} {
		w, ids := syncedWith(t, 10, 5*time.Minute)
		l := w.link(ids[0])
		w.book.remove(l.Book)
		w.crm.put(l.CRM, note("edit"))
		n := 1
		w.book.fail = call(&n, "after apply", connector.ErrOutcomeUnknown)
		if !done {
			w.book.fail = nil
			w.book.refuse = once(1, connector.Create, connector.ErrOutcomeUnknown)
		}
		w.ask(state.ReasonUpdate)
		w.crm.put(l.CRM, note("edit again"))
		w.ask(state.ReasonUpdate)
		w.rest()
		if len(w.crm.recs) != 10 || len(w.book.recs) != 10 {
			t.Fatalf("done %v: %d and %d, want 10 each: %+v", done, len(w.crm.recs), len(w.book.recs), w.link(l.CRM))
		}
		check(t, w, 10)
	}
}

func TestAuthLost(t *testing.T) {
	for _, when := range []string{"changes", "get", "apply", "describe"} {
		t.Run("at "+when, func(t *testing.T) {
			w := newWorld(t)
			for i := 0; i < 30; i++ {
				w.crm.put("", mail("c"+name(i)))
				w.book.put("", mail("b"+name(i)))
				w.crm.put("", mail("x"+name(i)))
				w.book.put("", person("Px"+name(i), "Given", "email", "x"+name(i)+"@example.com", "note", "n"))
			}
			n := 1
			w.book.fail = call(&n, "before "+when, &connector.AuthLostError{System: "book", Cure: "reconnect"})
			w.ask(state.ReasonStart)
			if n == 0 && (w.conn.State != tenancy.NeedsReauth || len(w.lost) != 1 || w.lost[0] != "acct-book") {
				t.Fatalf("state %s, lost %v", w.conn.State, w.lost)
			}
			id := w.lastRun().ID
			w.conn.State = tenancy.Active
			w.send(state.Ask{Reason: state.ReasonResume})
			w.rest()
			check(t, w, 90)
			if run, err := w.repo.Run(context.Background(), "t1", "conn", id); err != nil || run.State != state.RunDone {
				t.Errorf("the run did not go on: %+v %v", run, err)
			}
		})
	}
	t.Run("when the account is opened", func(t *testing.T) {
		w, _ := synced(t, 3)
		w.openErr = &connector.AuthLostError{System: "crm", Cure: "reconnect"}
		w.ask(state.ReasonSchedule)
		if w.conn.State != tenancy.NeedsReauth || len(w.lost) != 1 || w.lost[0] != "acct-crm" {
			t.Fatalf("state %s, lost %v", w.conn.State, w.lost)
		}
		w.openErr = nil
		w.conn.State = tenancy.Active
		w.send(state.Ask{Reason: state.ReasonResume})
		w.rest()
	})
}

func TestListingRefused(t *testing.T) {
	w, _ := synced(t, 3)
	n := 1
	w.crm.fail = call(&n, "before changes", &connector.ForbiddenError{System: "crm", What: "read contacts", Cure: "ask the administrator"})
	w.ask(state.ReasonSchedule)
	if w.conn.State != tenancy.Paused || !strings.Contains(w.conn.Reason, "ask the administrator") {
		t.Fatalf("state %s (%s)", w.conn.State, w.conn.Reason)
	}
	w.conn.State = tenancy.Active
	w.rest()
}

func TestMisconfigured(t *testing.T) {
	w, _ := synced(t, 3)
	n := 2
	w.crm.fail = call(&n, "before changes", connector.ErrMisconfigured)
	w.ask(state.ReasonSchedule)
	if w.conn.State != tenancy.Active || len(w.lost) > 0 {
		t.Fatalf("state %s", w.conn.State)
	}
	w.rest()
}

func TestWaitIsKept(t *testing.T) {
	w, ids := synced(t, 3)
	w.crm.put(ids[0], note("x"))
	n := 1
	w.crm.fail = call(&n, "before changes", &connector.ThrottledError{System: "crm", After: 10 * time.Minute})
	h := func(r state.Reason) {
		t.Helper()
		w.clk.Advance(time.Second)
		if err := w.eng.Handle(context.Background(), state.Ask{Tenant: "t1", Connection: "conn", Reason: r, Asked: w.clk.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	h(state.ReasonSchedule)
	calls := w.crm.calls + w.book.calls
	for _, r := range []state.Reason{state.ReasonSchedule, state.ReasonHook, state.ReasonUpdate, state.ReasonResume} {
		h(r)
	}
	if got := w.crm.calls + w.book.calls - calls; got != 0 {
		t.Errorf("%d calls to a vendor that asked to be left alone", got)
	}
	w.idle()
	w.rest()
	if got := w.book.recs[w.link(ids[0]).Book].fields.First(record.Note); got != "x" {
		t.Errorf("note %q", got)
	}
}

func TestCatalogueChanges(t *testing.T) {
	w, ids := synced(t, 5)
	fields := append([]record.Field{}, w.book.fields...)
	w.book.fields = fields[:len(fields)-1] // the note is no longer there
	for _, r := range w.book.recs {
		delete(r.fields, record.Note)
	}
	w.crm.put(ids[0], note("kept"))
	w.book.expire()
	w.ask(state.ReasonSchedule)
	w.rest()
	if l := w.link(ids[0]); l.State != state.LinkActive {
		t.Fatalf("%+v", l)
	}
	w.book.fields = fields
	for _, r := range w.book.recs {
		r.fields[record.Note] = []record.Value{}
	}
	w.book.expire()
	w.ask(state.ReasonSchedule)
	w.rest()
	if got := w.book.recs[w.link(ids[0]).Book].fields.First(record.Note); got != "kept" {
		t.Errorf("the field came back, and its value did not travel: %q", got)
	}
}
