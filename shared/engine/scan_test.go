package engine_test

import (
	"context"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// deaf is a world whose CRM tells no deletions: its ids are scanned once a day.
func deaf(t *testing.T, n int) (*world, []string) {
	w := newWorld(t)
	w.crm.able, w.crm.mute, w.crm.scanEvery = true, true, 24*time.Hour
	var ids []string
	for i := 0; i < n; i++ {
		ids = append(ids, w.crm.put("", mail(name(i))))
	}
	w.ask(state.ReasonStart)
	w.rest()
	return w, ids
}

func (w *world) tomorrow() {
	w.clk.Advance(25 * time.Hour)
	w.ask(state.ReasonSchedule)
}

func (w *world) control() state.Control {
	w.t.Helper()
	c, err := w.repo.Control(context.Background(), "t1", "conn")
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestDeletionScan(t *testing.T) {
	t.Run("finds what nobody told of, and only when it is due", func(t *testing.T) {
		w, ids := deaf(t, 60)
		book := w.link(ids[3]).Book
		w.crm.remove(ids[3])
		w.ask(state.ReasonSchedule)
		if w.crm.scans != 0 || w.book.recs[book] == nil {
			t.Fatalf("%d scans before the first is due", w.crm.scans)
		}
		w.tomorrow()
		if w.crm.scans != 1 || w.book.recs[book] != nil || len(w.book.recs) != 59 {
			t.Errorf("%d scans, the book has %d records; want 1 and 59", w.crm.scans, len(w.book.recs))
		}
		w.rest()
		if w.crm.scans != 1 {
			t.Errorf("%d scans within a day", w.crm.scans)
		}
	})
	t.Run("comes at once when notifications were lost", func(t *testing.T) {
		w, ids := deaf(t, 30)
		w.crm.remove(ids[0])
		w.post(profile.CRM, connector.NoticeMissed)
		w.ask(state.ReasonHook)
		if w.crm.scans != 1 || len(w.book.recs) != 29 || w.pending() {
			t.Errorf("%d scans, the book has %d records, left %v", w.crm.scans, len(w.book.recs), w.pending())
		}
		w.rest()
	})
	t.Run("does not take what cannot be seen for deleted", func(t *testing.T) {
		w, ids := deaf(t, 30)
		w.crm.hidden = map[string]bool{ids[1]: true}
		w.tomorrow()
		if l := w.link(ids[1]); l.State != state.LinkMissing || len(w.book.recs) != 30 {
			t.Errorf("link %+v, the book has %d", l, len(w.book.recs))
		}
		w.crm.hidden = nil
		w.tomorrow()
		w.rest()
		if l := w.link(ids[1]); l.State != state.LinkActive {
			t.Errorf("link %+v", l)
		}
	})
	t.Run("an empty answer deletes nothing", func(t *testing.T) {
		w, ids := deaf(t, 30)
		w.crm.owned = map[string]bool{}
		w.tomorrow()
		if len(w.book.recs) != 30 || w.link(ids[0]).State != state.LinkActive {
			t.Errorf("the book has %d, link %+v", len(w.book.recs), w.link(ids[0]))
		}
	})
	t.Run("what belongs to somebody else by now leaves the scope, unless Meibo made it", func(t *testing.T) {
		w := newWorld(t)
		w.crm.able, w.crm.mute, w.crm.scanEvery = true, true, 24*time.Hour
		w.conn.Settings.Rules.Owned = true
		a := w.crm.put("", mail("given-away"))
		w.book.put("", mail("made"))
		w.ask(state.ReasonStart)
		w.rest()
		w.crm.owned = map[string]bool{}
		w.tomorrow()
		if l := w.link(a); l.State != state.LinkParked || l.Code != state.CodeLeftScope || len(w.book.recs) != 2 {
			t.Errorf("link %+v, the book has %d", l, len(w.book.recs))
		}
		for _, l := range w.links() {
			if l.CRM != a && l.State != state.LinkActive {
				t.Errorf("the record that Meibo made: %+v", l)
			}
		}
	})
	t.Run("too many deletions ask first, and a refusal keeps the records", func(t *testing.T) {
		w, ids := deaf(t, 40)
		for _, id := range ids[:30] {
			w.crm.remove(id)
		}
		w.tomorrow()
		if w.conn.State != tenancy.NeedsApproval || len(w.book.recs) != 40 {
			t.Fatalf("state %s, the book has %d", w.conn.State, len(w.book.recs))
		}
		w.send(state.Ask{Reason: state.ReasonAnswer, Answer: state.AnswerDiscard})
		w.rest()
		if w.conn.State != tenancy.Active || len(w.book.recs) != 40 {
			t.Errorf("state %s, the book has %d", w.conn.State, len(w.book.recs))
		}
	})
	t.Run("a vendor without room for it puts it off and not the changes", func(t *testing.T) {
		w, ids := deaf(t, 30)
		w.crm.remove(ids[0])
		b := w.link(ids[1]).Book
		full := true
		w.crm.fail = func(when string) error {
			if full && when == "crm before members" {
				return &connector.ThrottledError{System: "crm", After: time.Hour}
			}
			return nil
		}
		w.clk.Advance(25 * time.Hour)
		w.crm.put(ids[1], note("meanwhile"))
		w.ask(state.ReasonSchedule)
		if got := w.book.recs[b].fields.First("note"); got != "meanwhile" || len(w.book.recs) != 30 {
			t.Fatalf("note %q, the book has %d", got, len(w.book.recs))
		}
		full = false
		w.ask(state.ReasonSchedule)
		if len(w.book.recs) != 30 {
			t.Error("the scan came before its time")
		}
		w.clk.Advance(time.Hour)
		w.ask(state.ReasonSchedule)
		if len(w.book.recs) != 29 {
			t.Errorf("the book has %d, want 29", len(w.book.recs))
		}
	})
	t.Run("a record alone that is gone leaves the list", func(t *testing.T) {
		w, crm, _, _, _, _ := doubtful(t)
		w.crm.able, w.crm.mute, w.crm.scanEvery = true, true, time.Hour
		w.conn.Settings.Rules.EmptyRemoves = !w.conn.Settings.Rules.EmptyRemoves // a relist, which reads the catalogue
		w.ask(state.ReasonUpdate)
		w.crm.remove(crm)
		w.tomorrow()
		w.rest()
		for _, r := range w.reviews() {
			if r.Record == crm {
				t.Errorf("it is on the review list: %+v", r)
			}
		}
	})
}

func TestWordOfTheVendor(t *testing.T) {
	w := newWorld(t)
	w.crm.able, w.crm.pollEvery = true, 30*time.Minute
	w.crm.budget = connector.Budget{Limit: 1000, Remaining: 10, At: w.clk.Now()}
	w.conn.Settings.CRMOptions = map[string]string{"visibility": "3"}
	w.conn.Settings.BookOptions = map[string]string{"shelf": "top"}
	a := w.crm.put("", mail("a"))
	w.book.put("", mail("b"))
	w.ask(state.ReasonStart)
	w.crm.put(a, note("x"))
	w.ask(state.ReasonUpdate)
	c := w.control()
	if c.PollEvery() != 30*time.Minute || c.Totals.NextRun.Sub(w.clk.Now()) != 30*time.Minute {
		t.Errorf("the interval is %s, the next run comes in %s; want 30 minutes", c.PollEvery(), c.Totals.NextRun.Sub(w.clk.Now()))
	}
	if b := c.Sides[0].Budget; b == nil || b.Remaining != 10 {
		t.Errorf("the budget is %+v", b)
	}
	if len(w.crm.options) == 0 || len(w.book.options) < 2 {
		t.Fatalf("%d and %d writes", len(w.crm.options), len(w.book.options))
	}
	for _, o := range w.crm.options {
		if o["visibility"] != "3" {
			t.Errorf("a write to the CRM carried %v", o)
		}
	}
	for _, o := range w.book.options {
		if o["shelf"] != "top" {
			t.Errorf("a write to the book carried %v", o)
		}
	}
	w.conn.Settings.CRMOptions = map[string]string{"visibility": "1"}
	w.ask(state.ReasonUpdate)
	if got := w.lastRun().Kind; got != state.Relist {
		t.Errorf("after another choice came a run of kind %s, want a relist", got)
	}
}
