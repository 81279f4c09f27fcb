package engine_test

import (
	"context"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
)

// post leaves a notification, and returns when a run is to be asked for.
func (w *world) post(side profile.Side, kind connector.NoticeKind, ids ...string) time.Time {
	w.t.Helper()
	done, err := w.repo.Post(context.Background(), "t1", "conn", side, []connector.Notice{{Kind: kind, IDs: ids}})
	if err != nil {
		w.t.Fatal(err)
	}
	return done.Ask
}

func (w *world) pending() bool {
	w.t.Helper()
	more, err := w.repo.Posted(context.Background(), "t1", "conn")
	if err != nil {
		w.t.Fatal(err)
	}
	return more
}

func TestHints(t *testing.T) {
	synced := func(t *testing.T) (*world, string, string) {
		w := newWorld(t)
		for i := 0; i < 8; i++ {
			w.crm.put("", mail(name(i)))
		}
		a := w.crm.put("", mail("hinted"))
		w.ask(state.ReasonStart)
		w.rest()
		return w, a, w.link(a).Book
	}
	t.Run("an edit that the listing does not show yet is read by id", func(t *testing.T) {
		w, a, b := synced(t)
		w.crm.lag = 2 * time.Hour
		w.crm.put(a, note("pushed"))
		w.post(profile.CRM, connector.NoticeChanged, a)
		w.ask(state.ReasonHook)
		if got := w.book.recs[b].fields.First("note"); got != "pushed" {
			t.Errorf("the book's note is %q, want that of the edit", got)
		}
		if w.pending() {
			t.Error("the hint is still there")
		}
		w.rest()
	})
	t.Run("a deletion that no listing tells is proven by id and travels", func(t *testing.T) {
		w, a, b := synced(t)
		w.crm.mute = true
		w.crm.remove(a)
		w.post(profile.CRM, connector.NoticeDeleted, a)
		w.ask(state.ReasonHook)
		if w.book.recs[b] != nil {
			t.Error("the book still has the record")
		}
		w.rest()
	})
	t.Run("a deletion that is not true changes nothing", func(t *testing.T) {
		w, a, b := synced(t)
		w.post(profile.CRM, connector.NoticeDeleted, a)
		w.ask(state.ReasonHook)
		if w.book.recs[b] == nil || w.link(a).State != state.LinkActive {
			t.Errorf("the book has %v, the link is %+v", w.book.recs[b], w.link(a))
		}
		w.rest()
	})
	t.Run("a record that cannot be seen is missing, and comes back", func(t *testing.T) {
		w, a, b := synced(t)
		w.crm.hidden = map[string]bool{a: true}
		w.post(profile.CRM, connector.NoticeDeleted, a)
		w.ask(state.ReasonHook)
		if l := w.link(a); w.book.recs[b] == nil || l.State != state.LinkMissing {
			t.Errorf("the book has %v, the link is %+v", w.book.recs[b], l)
		}
		w.crm.hidden = nil
		w.tomorrow()
		w.rest()
		if l := w.link(a); l.State != state.LinkActive {
			t.Errorf("the link is %+v", l)
		}
	})
	t.Run("a create and an update pushed together make one record with the last values", func(t *testing.T) {
		w, _, _ := synced(t)
		w.crm.lag = 2 * time.Hour
		id := w.crm.put("", mail("fresh"))
		w.crm.put(id, note("and edited"))
		w.post(profile.CRM, connector.NoticeChanged, id)
		w.post(profile.CRM, connector.NoticeChanged, id)
		w.ask(state.ReasonHook)
		creates := w.book.creates
		if l := w.link(id); l.Book == "" || w.book.recs[l.Book].fields.First("note") != "and edited" {
			t.Fatalf("link %+v", l)
		}
		w.rest()
		if w.book.creates != creates {
			t.Errorf("the listing that named it later made it again")
		}
	})
	t.Run("order and repetition do not matter", func(t *testing.T) {
		w, a, b := synced(t)
		w.crm.mute = true
		w.crm.put(a, note("last words"))
		w.crm.remove(a)
		for range 3 {
			w.post(profile.CRM, connector.NoticeDeleted, a)
			w.post(profile.CRM, connector.NoticeChanged, a)
			w.ask(state.ReasonHook)
		}
		if w.book.recs[b] != nil || len(w.book.recs) != 8 {
			t.Errorf("the book has %d records, want 8", len(w.book.recs))
		}
		w.rest()
	})
	t.Run("an unknown record outside the scope is left alone", func(t *testing.T) {
		w := newWorld(t)
		w.book.groups = []connector.Group{{ID: "g"}}
		w.conn.Settings.BookGroups = []string{"g"}
		w.book.put("", mail("in"), "g")
		w.ask(state.ReasonStart)
		w.rest()
		out := w.book.put("", mail("out"))
		w.post(profile.Book, connector.NoticeChanged, out, "never-was")
		w.ask(state.ReasonHook)
		if len(w.crm.recs) != 1 {
			t.Errorf("the CRM has %d records, want 1", len(w.crm.recs))
		}
		w.rest()
	})
	t.Run("a notification during the run that it is about asks for another", func(t *testing.T) {
		w, a, b := synced(t)
		w.crm.put(a, note("first"))
		w.post(profile.CRM, connector.NoticeChanged, a)
		asked := false
		w.book.fail = func(when string) error {
			if when == "book before apply" && !asked {
				asked = true
				w.crm.put(a, note("second"))
				w.post(profile.CRM, connector.NoticeChanged, a)
				w.msgs = append(w.msgs, state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonHook, Asked: w.clk.Now().Add(-time.Hour)}) // by another clock
			}
			return nil
		}
		w.ask(state.ReasonHook)
		if got := w.book.recs[b].fields.First("note"); got != "second" || !asked {
			t.Errorf("the book's note is %q, want the second", got)
		}
		if w.pending() {
			t.Error("a hint is left")
		}
	})
	t.Run("an ask that meets a run under way comes again soon after", func(t *testing.T) {
		w, a, b := synced(t)
		for i := 0; i < 40; i++ { // more than a page
			w.book.put("", mail("more"+name(i)))
		}
		w.ask(state.ReasonUpdate)
		w.rest()
		w.crm.put(a, note("one"))
		w.crm.lag = 2 * time.Hour
		w.sliceTime, w.crm.slow, w.book.slow = time.Second, time.Second, time.Second
		w.restart(w.table)
		w.conn.Settings.Rules.EmptyRemoves = !w.conn.Settings.Rules.EmptyRemoves // a relist, in many slices
		w.clk.Advance(time.Second)
		w.msgs = append(w.msgs, state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonUpdate, Asked: w.clk.Now()})
		met := false
		w.book.fail = func(when string) error {
			if when == "book before changes" && !met { // after the inbox was taken
				met = true
				w.crm.put(a, note("two"))
				w.post(profile.CRM, connector.NoticeChanged, a)
				w.msgs = append([]state.Ask{{Tenant: "t1", Connection: "conn", Reason: state.ReasonHook, Asked: w.clk.Now()}}, w.msgs...)
			}
			return nil
		}
		w.idle()
		if got := w.book.recs[b].fields.First("note"); got != "two" || !met || w.pending() {
			t.Errorf("the book's note is %q, want the second; left %v", got, w.pending())
		}
	})
	t.Run("an ask that is covered makes no run", func(t *testing.T) {
		w, a, _ := synced(t)
		w.crm.put(a, note("x"))
		early := w.clk.Now()
		w.post(profile.CRM, connector.NoticeChanged, a)
		w.ask(state.ReasonUpdate)
		calls := w.crm.calls
		w.msgs = append(w.msgs, state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonHook, Asked: early})
		w.idle()
		if w.crm.calls != calls {
			t.Errorf("it made %d calls", w.crm.calls-calls)
		}
	})
	t.Run("a run that a limit holds up keeps the hints and the ask", func(t *testing.T) {
		w, a, b := synced(t)
		w.crm.lag = 3 * time.Hour
		w.crm.put(a, note("late"))
		w.post(profile.CRM, connector.NoticeChanged, a)
		n := 0
		w.book.fail = func(when string) error {
			if when == "book before changes" {
				if n++; n <= 2 {
					return &connector.ThrottledError{System: "book", After: 10 * time.Minute}
				}
			}
			return nil
		}
		w.msgs = append(w.msgs, state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonHook, Asked: w.clk.Now()})
		w.ask(state.ReasonHook)
		if got := w.book.recs[b].fields.First("note"); got != "late" || w.pending() {
			t.Errorf("the book's note is %q, hints left: %v", got, w.pending())
		}
	})
	t.Run("an ask that comes while a relist waits for a limit is answered after it", func(t *testing.T) {
		w, a, b := synced(t)
		w.crm.lag = 3 * time.Hour
		w.conn.Settings.Rules.EmptyRemoves = !w.conn.Settings.Rules.EmptyRemoves
		met := false
		w.book.fail = func(when string) error {
			if when != "book before changes" || met {
				return nil
			}
			met = true
			w.crm.put(a, note("two"))
			w.post(profile.CRM, connector.NoticeChanged, a)
			w.msgs = append(w.msgs, state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonHook, Asked: w.clk.Now()})
			return &connector.ThrottledError{System: "book", After: 10 * time.Minute}
		}
		w.ask(state.ReasonUpdate)
		if got := w.book.recs[b].fields.First("note"); got != "two" || w.pending() {
			t.Errorf("the book's note is %q, want the second; left %v", got, w.pending())
		}
	})
	t.Run("a preview takes no hint", func(t *testing.T) {
		w, a, _ := synced(t)
		w.post(profile.CRM, connector.NoticeChanged, a)
		w.ask(state.ReasonPreview)
		if !w.pending() {
			t.Error("the hint is gone")
		}
	})
}
