package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// oddly is a vendor whose answers are not what the contract says.
type oddly struct {
	able
	members func(cursor string, ids []string, next string) ([]string, string)
	get     func(got []connector.Got) []connector.Got
	changes func(cursor string, p connector.Page) connector.Page
}

func (o *oddly) Members(ctx context.Context, scope connector.Scope, cursor string) ([]string, string, error) {
	ids, next, err := o.able.Members(ctx, scope, cursor)
	if o.members != nil && err == nil {
		ids, next = o.members(cursor, ids, next)
	}
	return ids, next, err
}

func (o *oddly) Get(ctx context.Context, fields []record.Key, ids []string) ([]connector.Got, error) {
	got, err := o.able.Get(ctx, fields, ids)
	if o.get != nil && err == nil {
		got = o.get(got)
	}
	return got, err
}

func (o *oddly) Changes(ctx context.Context, scope connector.Scope, cursor string) (connector.Page, error) {
	p, err := o.able.Changes(ctx, scope, cursor)
	if o.changes != nil && err == nil {
		p = o.changes(cursor, p)
	}
	return p, err
}

// whole checks that nothing was lost on either side.
func (w *world) whole(crm, book int) {
	w.t.Helper()
	if len(w.crm.recs) != crm || len(w.book.recs) != book {
		w.t.Errorf("the CRM has %d records and the book %d, want %d and %d", len(w.crm.recs), len(w.book.recs), crm, book)
	}
	for _, l := range w.links() {
		if l.State == state.LinkActive && (l.CRM == "" || l.Book == "") {
			w.t.Fatalf("half a link is active: %q %q", l.CRM, l.Book)
		}
	}
}

func TestScanOfAVendorThatRepeatsItself(t *testing.T) {
	for name, members := range map[string]func() func(string, []string, string) ([]string, string){
		"two pages that lead to each other": func() func(string, []string, string) ([]string, string) {
			return func(cursor string, ids []string, _ string) ([]string, string) {
				if cursor == "a" {
					return ids, "b"
				}
				return ids, "a"
			}
		},
		"the same page under ever new cursors": func() func(string, []string, string) ([]string, string) {
			n := 0
			return func(_ string, ids []string, _ string) ([]string, string) {
				n++
				return ids[:min(len(ids), 5)], fmt.Sprintf("~%d", n)
			}
		},
		"empty pages without an end": func() func(string, []string, string) ([]string, string) {
			n := 0
			return func(string, []string, string) ([]string, string) {
				n++
				return nil, fmt.Sprintf("~%d", n)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, ids := deaf(t, 30)
			calls, turn := 0, members()
			odd := &oddly{able: able{w.crm}, members: func(cursor string, ids []string, next string) ([]string, string) {
				if calls++; calls > 20_000 {
					t.Fatal("the scan does not end")
				}
				return turn(cursor, ids, next)
			}}
			w.lights[0] = odd
			w.clk.Advance(25 * time.Hour)
			w.crm.put(ids[1], note("meanwhile"))
			w.ask(state.ReasonSchedule)
			w.whole(30, 30)
			if got := w.book.recs[w.link(ids[1]).Book].fields.First("note"); got != "meanwhile" {
				t.Errorf("the changes waited for the scan: note %q", got)
			}
			w.lights[0] = nil
			w.crm.remove(ids[0])
			w.tomorrow()
			w.rest()
			w.whole(29, 29)
		})
	}
}

func TestListingsThatLeadBackToTheirBeginning(t *testing.T) {
	for _, full := range []bool{true, false} {
		w := newWorld(t)
		w.crm.able = true
		var ids []string
		for i := range 70 { // four pages
			ids = append(ids, w.crm.put("", mail(name(i))))
		}
		if !full {
			w.ask(state.ReasonStart)
			w.rest()
			for _, id := range ids {
				w.crm.put(id, note("edited"))
			}
		}
		var cursors []string
		calls, odd := 0, true
		w.lights[0] = &oddly{able: able{w.crm}, changes: func(cursor string, p connector.Page) connector.Page {
			if calls++; calls > 2000 {
				t.Fatal("the listing does not end")
			}
			cursors = append(cursors, cursor)
			if odd && p.More && len(cursors) > 2 && cursor != cursors[1] {
				p.Next = cursors[1]
			}
			return p
		}}
		w.clk.Advance(time.Second)
		w.msgs = append(w.msgs, state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonUpdate, Asked: w.clk.Now()})
		for range 4 {
			if len(w.msgs) == 0 {
				break
			}
			a := w.msgs[0]
			w.msgs = w.msgs[1:]
			if err := w.eng.Handle(context.Background(), a); err != nil {
				t.Fatal(err)
			}
		}
		odd = false
		w.idle()
		w.lights[0] = nil
		w.rest()
		w.whole(70, 70)
	}
}

// The worker is killed soon after a slice's time: a scan that has much to read must not take it all at once.
func TestScanOfMoreThanASliceCanRead(t *testing.T) {
	w, _ := deaf(t, 300)
	w.conn.Settings.Rules.Owned = true
	w.ask(state.ReasonUpdate)
	w.rest()
	w.sliceTime, w.crm.slow = 20*time.Second, time.Second
	w.restart(w.table)
	w.crm.owned = map[string]bool{} // all were given to somebody else
	w.clk.Advance(25 * time.Hour)
	left := func() (n int) {
		for _, l := range w.links() {
			if l.Code == state.CodeLeftScope {
				n++
			}
		}
		return n
	}
	for days := 0; left() < 300; days++ {
		if days > 20 {
			t.Fatalf("after %d scans %d of 300 have left", days, left())
		}
		w.clk.Advance(time.Hour)
		began := w.clk.Now()
		if err := w.eng.Handle(context.Background(), state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonSchedule, Asked: began}); err != nil {
			t.Fatal(err)
		}
		if took := w.clk.Now().Sub(began); took > time.Minute {
			t.Fatalf("a slice of twenty seconds took %s", took)
		}
	}
	w.crm.slow = 0
	w.idle()
	w.whole(300, 300)
}

func TestScanThatIsAnsweredEmptilyWhileEverythingIsSaidToBeGone(t *testing.T) {
	w, ids := deaf(t, 60)
	w.lights[0] = &oddly{able: able{w.crm},
		members: func(string, []string, string) ([]string, string) { return nil, "" },
		get: func(got []connector.Got) []connector.Got {
			for i := range got {
				got[i] = connector.Got{ID: got[i].ID, Status: connector.StatusGone}
			}
			return got
		}}
	w.tomorrow()
	w.whole(60, 60)
	if w.conn.State != tenancy.NeedsApproval {
		t.Fatalf("state %s (%s): nobody was asked", w.conn.State, w.conn.Reason)
	}
	w.lights[0] = nil
	w.send(state.Ask{Reason: state.ReasonAnswer, Answer: state.AnswerOnce})
	w.rest()
	w.whole(60, 60) // what was said to be gone is looked at once more
	if l := w.link(ids[0]); l.State != state.LinkActive {
		t.Errorf("the link is %s %s", l.State, l.Code)
	}
}

func TestReadsThatAreNotAnswered(t *testing.T) {
	for name, get := range map[string]func([]connector.Got) []connector.Got{
		"nothing":    func([]connector.Got) []connector.Got { return nil },
		"half of it": func(g []connector.Got) []connector.Got { return g[:len(g)/2] },
		"no names":   func(g []connector.Got) []connector.Got { return make([]connector.Got, len(g)) },
		"no records": func(g []connector.Got) []connector.Got {
			return only(g, func(x *connector.Got) { x.Item = connector.Item{} })
		},
		"other people": func(g []connector.Got) []connector.Got {
			return only(g, func(x *connector.Got) { x.ID = "other" + x.ID })
		},
	} {
		t.Run("a vendor that answers "+name+" changes nothing", func(t *testing.T) {
			w, ids := deaf(t, 30)
			w.lights[0] = &oddly{able: able{w.crm}, get: get, members: func(string, []string, string) ([]string, string) { return nil, "" }}
			w.post(profile.CRM, connector.NoticeDeleted, ids[0], ids[1])
			w.post(profile.CRM, connector.NoticeChanged, ids[2], "stranger")
			w.clk.Advance(25 * time.Hour)
			w.ask(state.ReasonHook)
			w.ask(state.ReasonSchedule)
			w.whole(30, 30)
			w.lights[0] = nil
			w.clk.Advance(25 * time.Hour)
			w.rest()
			w.tomorrow()
			w.rest()
			w.whole(30, 30)
			for _, id := range ids {
				if l := w.link(id); l.State != state.LinkActive {
					t.Fatalf("the link of %s is %s %s", id, l.State, l.Code)
				}
			}
		})
	}
}

func only(g []connector.Got, change func(*connector.Got)) []connector.Got {
	for i := range g {
		change(&g[i])
	}
	return g
}

func TestDisableOfAFolderWhoseListingIsEmpty(t *testing.T) {
	w, _ := foldered(t, 12)
	hand := w.book.put("", mail("byhand"), folder)
	empty := true
	w.lights[1] = &oddly{able: able{w.book},
		get: func(g []connector.Got) []connector.Got {
			return only(g, func(x *connector.Got) {
				if r := w.book.recs[x.ID]; r != nil && slices.Contains(r.groups, folder) {
					x.Item.Scope = connector.InScope
				}
			})
		},
		changes: func(_ string, p connector.Page) connector.Page {
			if empty && p.Full {
				return connector.Page{Full: true, Next: p.Next}
			}
			return p
		}}
	w.conn.Settings.Rules.Direction = profile.CRMToBook
	for range 30 { // what a run would be asked for over an hour or more
		a := state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonDisable, Asked: w.clk.Now()}
		if len(w.msgs) > 0 {
			a, w.msgs = w.msgs[0], w.msgs[1:]
		}
		if err := w.eng.Handle(context.Background(), a); err != nil {
			t.Fatal(err)
		}
		w.clk.Advance(5 * time.Minute)
	}
	if w.book.removed != 0 || len(w.book.recs) < 12 {
		t.Fatalf("the folder was removed on the word of an empty listing: the book has %d records", len(w.book.recs))
	}
	empty = false
	w.disable(false)
	if run := w.lastRun(); run.Approval == nil || run.Approval.Unsynced != 1 || w.book.recs[hand] == nil {
		t.Errorf("run %s %+v: nobody was told of the record that the CRM does not have", run.State, run.Approval)
	}
	w.disable(true)
	if w.conn.State != tenancy.Stopped || !w.images("done")[hand] || len(w.crm.recs) != 12 {
		t.Errorf("state %s (%s), the CRM has %d", w.conn.State, w.conn.Reason, len(w.crm.recs))
	}
}

func TestDisableDuringTheFirstRun(t *testing.T) {
	for at := 1; at <= 12; at++ {
		w := newWorld(t)
		w.book.able, w.book.folders = true, true
		w.book.groups = []connector.Group{{ID: folder, Name: "CRM Contacts", Writable: true}}
		w.conn.Folder = folder
		for i := range 40 {
			w.crm.put("", mail(name(i)))
		}
		w.sliceTime, w.crm.slow, w.book.slow = time.Second, time.Second, time.Second
		w.restart(w.table)
		n := 0
		w.book.fail = func(string) error {
			if n++; n == at {
				w.msgs = append([]state.Ask{{Tenant: "t1", Connection: "conn", Reason: state.ReasonDisable, Asked: w.clk.Now()}}, w.msgs...)
			}
			return nil
		}
		w.ask(state.ReasonStart)
		if w.conn.State != tenancy.Stopped || len(w.book.recs) != 0 || len(w.crm.recs) != 40 || w.book.removed != 1 {
			t.Fatalf("asked at call %d of the book: state %s (%s), the book has %d records, the CRM %d; %+v", at, w.conn.State, w.conn.Reason, len(w.book.recs), len(w.crm.recs), w.lastRun())
		}
		w.sound()
	}
}

func TestFolderDeletedDuringTheFirstRun(t *testing.T) {
	for at := 1; at <= 14; at++ {
		w := newWorld(t)
		w.book.able, w.book.folders = true, at%2 == 0
		w.book.groups = []connector.Group{{ID: folder, Name: "CRM Contacts", Writable: true}}
		w.conn.Folder = folder
		for i := range 40 {
			w.crm.put("", mail(name(i)))
		}
		n, gone := 0, false
		w.book.refuse = func(connector.Write) error {
			if gone {
				return connector.ErrNotFound
			}
			return nil
		}
		w.book.fail = func(string) error {
			if n++; n == at {
				gone = true
				w.book.dropFolder(folder)
			}
			return nil
		}
		w.ask(state.ReasonStart)
		for range 3 {
			w.clk.Advance(time.Hour)
			w.ask(state.ReasonSchedule)
		}
		if gone && w.conn.State != tenancy.Stopped || len(w.crm.recs) != 40 {
			t.Fatalf("deleted at call %d of the book: state %s (%s), the CRM has %d records; %+v", at, w.conn.State, w.conn.Reason, len(w.crm.recs), w.lastRun())
		}
		if n < at {
			t.Logf("the run has %d calls", n)
			break
		}
	}
}

func TestStopDuringARun(t *testing.T) {
	w, _ := foldered(t, 3)
	for i := range 60 {
		w.crm.put("", mail("more"+name(i)))
	}
	w.sliceTime, w.crm.slow, w.book.slow = time.Second, time.Second, time.Second
	w.restart(w.table)
	creates := 0
	w.book.fail = func(when string) error {
		if when == "book after apply" && w.conn.State == tenancy.Active {
			w.conn.State, creates = tenancy.Stopped, w.book.creates
		}
		return nil
	}
	w.ask(state.ReasonUpdate)
	for range 3 {
		w.ask(state.ReasonSchedule)
	}
	if late := w.book.creates - creates; late > 60 || w.conn.State != tenancy.Stopped {
		t.Errorf("%d records were made after the stop, state %s", late, w.conn.State)
	}
	calls := w.crm.calls + w.book.calls
	w.clk.Advance(24 * time.Hour)
	w.ask(state.ReasonSchedule)
	w.ask(state.ReasonHook)
	if got := w.crm.calls + w.book.calls; got != calls {
		t.Errorf("a stopped connection made %d calls", got-calls)
	}
	w.sound()
}

func TestAVendorThatAsksForYears(t *testing.T) {
	t.Run("of quiet is asked again after a day", func(t *testing.T) {
		for _, after := range []time.Duration{-time.Hour, 365 * 24 * time.Hour, 1<<63 - 1} {
			w, ids := deaf(t, 3)
			once := false
			w.crm.fail = func(when string) error {
				if when == "crm before changes" && !once {
					once = true
					return &connector.ThrottledError{System: "crm", After: after}
				}
				return nil
			}
			w.crm.put(ids[0], note("late"))
			w.ask(state.ReasonUpdate)
			if wait := w.control().Wait.Sub(w.clk.Now()); wait > 26*time.Hour {
				t.Errorf("asked for %s, it waits %s", after, wait)
			}
			w.clk.Advance(26 * time.Hour)
			w.ask(state.ReasonSchedule)
			w.rest()
			if got := w.book.recs[w.link(ids[0]).Book].fields.First("note"); got != "late" {
				t.Errorf("asked for %s, the note is %q", after, got)
			}
		}
	})
	t.Run("between two runs is polled daily", func(t *testing.T) {
		for _, every := range []time.Duration{-time.Hour, 10_000 * time.Hour, 1<<63 - 1} {
			w := newWorld(t)
			w.crm.able, w.crm.pollEvery = true, every
			w.crm.put("", mail("a"))
			w.ask(state.ReasonStart)
			if got := w.control().PollEvery(); got < 0 || got > 24*time.Hour {
				t.Errorf("it said %s, it is polled every %s", every, got)
			}
		}
	})
	t.Run("before it can be scanned is scanned within days", func(t *testing.T) {
		w, ids := deaf(t, 30)
		w.crm.remove(ids[0])
		asked := true
		w.crm.fail = func(when string) error {
			if asked && when == "crm before members" {
				return &connector.ThrottledError{System: "crm", After: 10_000 * time.Hour}
			}
			return nil
		}
		w.tomorrow()
		asked = false
		w.clk.Advance(26 * time.Hour)
		w.ask(state.ReasonSchedule)
		w.whole(29, 29)
	})
}
