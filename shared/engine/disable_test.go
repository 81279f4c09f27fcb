package engine_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

func (w *world) disable(force bool) {
	w.t.Helper()
	w.send(state.Ask{Reason: state.ReasonDisable, Force: force})
}

// images returns the records of the book whose deletion the journal has, by outcome.
func (w *world) images(outcome string) map[string]bool {
	w.t.Helper()
	out := map[string]bool{}
	for after := ""; ; {
		list, next, err := w.repo.Changes(context.Background(), "t1", "conn", 100, after)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, c := range list {
			if c.Op == "delete" && c.Side == profile.Book && c.Outcome == outcome {
				out[c.Record] = true
			}
		}
		if after = next; next == "" {
			return out
		}
	}
}

func TestDisable(t *testing.T) {
	t.Run("syncs once more, keeps images, removes the folder and keeps the CRM", func(t *testing.T) {
		w, ids := foldered(t, 45)
		own := w.book.put("", mail("own"), "contacts")
		l := w.link(ids[0])
		w.book.put(l.Book, note("the last edit"))
		hand := w.book.put("", mail("byhand"), folder)
		was := len(w.book.recs) - 1
		w.disable(false)
		if w.conn.State != tenancy.Stopped {
			t.Fatalf("state %s; %+v", w.conn.State, w.lastRun())
		}
		if got := w.crm.recs[ids[0]].fields.First("note"); got != "the last edit" || len(w.crm.recs) != 46 {
			t.Errorf("the CRM has %d records, the note is %q", len(w.crm.recs), got)
		}
		if len(w.book.recs) != 1 || w.book.recs[own] == nil || w.book.removed != 1 {
			t.Errorf("the book has %d records", len(w.book.recs))
		}
		if got := w.images("done"); len(got) != was || !got[hand] || got[own] {
			t.Errorf("the journal has %d images, want %d", len(got), was)
		}
		for _, l := range w.links() {
			if l.State != state.LinkDetached || l.Code != state.CodeRemoved {
				t.Fatalf("link %s %s", l.State, l.Code)
			}
		}
		if run := w.lastRun(); run.State != state.RunDone || run.Reason != state.ReasonDisable || run.Book.Deleted != was {
			t.Errorf("run %+v", run)
		}
		w.sound()
	})
	t.Run("names what the CRM does not have, and goes on as before", func(t *testing.T) {
		w, ids := foldered(t, 8)
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		w.ask(state.ReasonUpdate)
		hand := w.book.put("", mail("byhand"), folder)
		w.disable(false)
		run := w.lastRun()
		if a := run.Approval; run.State != state.RunApproval || a == nil || a.Unsynced != 1 || !slices.Equal(a.Records, []string{hand}) || a.Deletes != 9 {
			t.Fatalf("run %s, %+v", run.State, run.Approval)
		}
		if strings.Contains(run.Message, "byhand") || w.conn.State != tenancy.Active || len(w.book.recs) != 9 || len(w.images("done")) != 0 {
			t.Errorf("state %s, the book has %d: %s", w.conn.State, len(w.book.recs), run.Message)
		}
		w.crm.put(ids[0], note("life goes on"))
		w.ask(state.ReasonUpdate)
		if got := w.book.recs[w.link(ids[0]).Book].fields.First("note"); got != "life goes on" {
			t.Errorf("note %q", got)
		}
		w.disable(true)
		if w.conn.State != tenancy.Stopped || len(w.book.recs) != 0 || len(w.crm.recs) != 8 || !w.images("done")[hand] {
			t.Errorf("state %s, the book has %d, the CRM %d", w.conn.State, len(w.book.recs), len(w.crm.recs))
		}
	})
	t.Run("works on a paused connection", func(t *testing.T) {
		w, _ := foldered(t, 45)
		w.conn.State = tenancy.Paused
		w.sliceTime, w.book.slow = 1, 1e9 // many slices
		w.restart(w.table)
		w.disable(false)
		if w.conn.State != tenancy.Stopped || len(w.book.recs) != 0 {
			t.Errorf("state %s, the book has %d; %+v", w.conn.State, len(w.book.recs), w.lastRun())
		}
	})
	t.Run("removes what was begun to be removed although the settings change", func(t *testing.T) {
		w, _ := foldered(t, 30)
		n := 0
		w.book.fail = func(when string) error {
			if when == "book before remove group" {
				if n++; n == 1 {
					w.conn.Settings.Rules.EmptyRemoves = !w.conn.Settings.Rules.EmptyRemoves
					return connector.ErrOutcomeUnknown
				}
			}
			return nil
		}
		w.disable(false)
		if w.conn.State != tenancy.Stopped || len(w.book.recs) != 0 || len(w.crm.recs) != 30 {
			t.Errorf("state %s, the book has %d, the CRM %d", w.conn.State, len(w.book.recs), len(w.crm.recs))
		}
	})
	t.Run("without a first run has nothing to sync", func(t *testing.T) {
		w := newWorld(t)
		w.book.able, w.book.folders = true, true
		w.book.groups = []connector.Group{{ID: folder}}
		w.conn.Folder = folder
		w.crm.put("", mail("a"))
		w.disable(false)
		if w.conn.State != tenancy.Stopped || w.book.creates != 0 || w.book.removed != 1 {
			t.Errorf("state %s, %d creates, %d folders removed", w.conn.State, w.book.creates, w.book.removed)
		}
	})
	t.Run("without a folder removes what Meibo made, unless somebody edited it", func(t *testing.T) {
		w := newWorld(t)
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		for i := 0; i < 12; i++ {
			w.crm.put("", mail(name(i)))
		}
		both := w.crm.put("", mail("both"))
		theirs := w.book.put("", mail("both"))
		w.book.put("", mail("stranger"))
		edited := w.crm.put("", mail("edited"))
		w.ask(state.ReasonStart)
		w.rest()
		kept := w.link(edited).Book
		w.book.put(kept, note("mine"))
		w.disable(false)
		if run := w.lastRun(); run.State != state.RunApproval || run.Approval.Deletes != 13 || w.conn.State != tenancy.Active || len(w.book.recs) != 15 {
			t.Fatalf("over the budget: run %s %+v, state %s", run.State, run.Approval, w.conn.State)
		}
		w.disable(true)
		if w.conn.State != tenancy.Stopped || len(w.crm.recs) != 14 {
			t.Errorf("state %s, the CRM has %d; %+v", w.conn.State, len(w.crm.recs), w.lastRun())
		}
		if len(w.book.recs) != 3 || w.book.recs[theirs] == nil || w.book.recs[kept] == nil {
			t.Errorf("the book has %d records, want the stranger, the one of both and the edited one", len(w.book.recs))
		}
		if got := w.images("done"); len(got) != 12 {
			t.Errorf("the journal has %d deletions, want 12", len(got))
		}
		if l := w.link(both); l.State != state.LinkActive {
			t.Errorf("the link of both: %+v", l)
		}
		w.sound()
	})
	t.Run("a direction that only reads the book removes nothing there", func(t *testing.T) {
		w := newWorld(t)
		w.crm.put("", mail("a"))
		w.ask(state.ReasonStart)
		w.conn.Settings.Rules.Direction = profile.BookToCRM
		w.book.readOnly = true
		w.disable(true)
		if w.conn.State != tenancy.Stopped || len(w.book.recs) != 1 {
			t.Errorf("state %s, the book has %d", w.conn.State, len(w.book.recs))
		}
		w.sound()
	})
}

// TestDisableKilledAnywhere ends the process before and after every request of the end of a connection in turn.
func TestDisableKilledAnywhere(t *testing.T) {
	for _, managed := range []bool{true, false} {
		done := false
		for at := 1; !done; at++ {
			w, _ := foldered(t, 12)
			if !managed {
				w.conn.Folder, w.book.folders = "", false
				w.ask(state.ReasonUpdate)
				w.rest()
			}
			n, dead := 0, false
			killAt = func() error {
				if dead {
					return errKilled
				}
				if n++; n == at {
					dead = true
					return errKilled
				}
				return nil
			}
			fail := func(string) error { return killAt() }
			w.crm.fail, w.book.fail = fail, fail
			w.restart(dying{w.table, w})
			w.revive = func() { dead = false; w.restart(dying{w.table, w}) }
			w.disable(true)
			for range 3 {
				w.ask(state.ReasonSchedule) // nothing may come back
			}
			killAt = nil
			if w.conn.State != tenancy.Stopped || len(w.book.recs) != 0 || len(w.crm.recs) != 12 {
				t.Fatalf("managed %v, killed at request %d: state %s (%s), the book has %d, the CRM %d; %+v", managed, at, w.conn.State, w.conn.Reason,
					len(w.book.recs), len(w.crm.recs), w.lastRun())
			}
			images := w.images("done")
			maps.Copy(images, w.images("")) // of a batch whose answer the kill swallowed
			if len(images) != 12 {
				t.Fatalf("managed %v, killed at request %d: the journal has %d images, want 12", managed, at, len(images))
			}
			for _, b := range w.book.bad {
				t.Error(b)
			}
			done = n < at
		}
	}
}
