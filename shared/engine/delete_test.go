package engine_test

import (
	"testing"
	"time"

	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// synced is a world of n synced pairs that has come to rest, with the ids of the CRM's records.
func synced(t *testing.T, n int) (*world, []string) { return syncedWith(t, n, 0) }

// syncedWith is synced, between vendors that show writes after lag.
func syncedWith(t *testing.T, n int, lag time.Duration) (*world, []string) {
	w := newWorld(t)
	w.crm.lag, w.book.lag = lag, lag
	var ids []string
	for i := 0; i < n; i++ {
		ids = append(ids, w.crm.put("", mail(name(i))))
	}
	w.clk.Advance(lag)
	w.ask(state.ReasonStart)
	w.rest()
	return w, ids
}

func (w *world) answer(a state.Answer) {
	w.t.Helper()
	w.send(state.Ask{Reason: state.ReasonAnswer, Answer: a})
}

func TestDeleteNeedsEvidence(t *testing.T) {
	t.Run("a group's tombstone of a record that is there deletes nothing", func(t *testing.T) {
		w, ids := synced(t, 10)
		w.crm.scoped = true
		w.crm.remove(ids[0])
		d := w.crm.deaths
		w.crm.deaths = nil
		w.crm.put(ids[0], mail(name(0))) // it is there after all
		w.crm.deaths = append(d, w.crm.deaths...)
		b := w.link(ids[0]).Book
		w.ask(state.ReasonUpdate)
		w.rest()
		if w.book.recs[b] == nil {
			t.Fatal("deleted without evidence")
		}
	})
	t.Run("one that is invisible is looked for and never deleted", func(t *testing.T) {
		w, ids := synced(t, 10)
		b := w.link(ids[0]).Book
		w.crm.hidden = map[string]bool{ids[0]: true}
		w.crm.expire() // everything is listed again
		w.crm.put("", mail("one more"))
		w.ask(state.ReasonUpdate)
		w.clk.Advance(20 * time.Hour)
		w.ask(state.ReasonSchedule)
		if l := w.link(ids[0]); l.State != state.LinkMissing || w.book.recs[b] == nil {
			t.Fatalf("%+v", l)
		}
		w.crm.hidden = nil
		for i := 0; i < 3; i++ {
			w.clk.Advance(25 * time.Hour)
			w.ask(state.ReasonSchedule)
		}
		if l := w.link(ids[0]); l.State != state.LinkActive {
			t.Fatalf("it is visible again: %+v", l)
		}
		w.quiet()
	})
	t.Run("a record gone from a full listing is deleted once that is proven", func(t *testing.T) {
		w, ids := synced(t, 10)
		b := w.link(ids[0]).Book
		w.crm.remove(ids[0])
		w.crm.expire()
		w.ask(state.ReasonUpdate)
		w.rest()
		if w.book.recs[b] != nil || len(w.book.recs) != 9 {
			t.Fatal("not deleted")
		}
	})
	t.Run("a group's tombstone of a record that is gone deletes", func(t *testing.T) {
		w, ids := synced(t, 10)
		w.crm.scoped = true
		w.crm.remove(ids[0])
		w.ask(state.ReasonUpdate)
		w.rest()
		if len(w.book.recs) != 9 {
			t.Fatal("not deleted")
		}
	})
}

func TestDeleteAndEdit(t *testing.T) {
	for _, full := range []bool{false, true} {
		w, ids := synced(t, 10)
		for i, id := range ids[:4] {
			l := w.link(id)
			switch i {
			case 0: // edited in the book, deleted in the CRM
				w.book.put(l.Book, note("kept"))
				w.crm.remove(id)
			case 1: // both deleted
				w.book.remove(l.Book)
				w.crm.remove(id)
			case 2: // deleted and made again by hand
				w.crm.remove(id)
				w.crm.put("", mail(name(2)))
			case 3:
				w.crm.remove(id)
			}
		}
		deaths := len(w.book.deaths)
		if full {
			w.crm.expire()
		}
		w.ask(state.ReasonUpdate)
		w.rest()
		if w.conn.State == tenancy.NeedsApproval {
			t.Fatal(w.conn.Reason)
		}
		if len(w.crm.recs) != 8 || len(w.book.recs) != 8 {
			t.Errorf("full %v: crm %d, book %d, want 8 each", full, len(w.crm.recs), len(w.book.recs))
		}
		if got := len(w.book.deaths) - deaths; !full && got != 1 {
			t.Errorf("%d deleted in the book, want 1: a person made again is the same person", got)
		}
		kept := 0
		for _, r := range w.crm.recs {
			if r.fields.First(record.Note) == "kept" {
				kept++
			}
		}
		if kept != 1 {
			t.Errorf("full %v: the edit survived %d times, want once", full, kept)
		}
	}
}

func TestDetach(t *testing.T) {
	w, ids := synced(t, 10)
	w.conn.Settings.Rules.Deletes = profile.Deletes{}
	b := w.link(ids[0]).Book
	w.crm.remove(ids[0])
	w.ask(state.ReasonUpdate)
	w.rest()
	if l := w.link(ids[0]); l.State != state.LinkDetached || w.book.recs[b] == nil {
		t.Fatalf("%+v", l)
	}
	w.book.put(b, note("later"))
	w.ask(state.ReasonUpdate)
	w.crm.expire()
	w.book.expire()
	w.ask(state.ReasonUpdate)
	w.rest()
	if len(w.crm.recs) != 9 || len(w.book.recs) != 10 {
		t.Errorf("crm %d, book %d: the survivor must stay alone", len(w.crm.recs), len(w.book.recs))
	}
	w.book.remove(b)
	w.ask(state.ReasonUpdate)
	w.rest()
	for _, l := range w.links() {
		if l.Book == b {
			t.Errorf("a link of two deleted records: %+v", l)
		}
	}
}

func TestRekeyAndMerge(t *testing.T) {
	w, ids := synced(t, 10)
	b := w.link(ids[0]).Book
	w.crm.rename(ids[0], "new-id")
	w.crm.put("new-id", note("after"))
	absorbed := w.link(ids[1])
	w.crm.merge(ids[1], ids[2])
	w.ask(state.ReasonUpdate)
	w.rest()
	if l := w.link(b); l.CRM != "new-id" || w.book.recs[b].fields.First(record.Note) != "after" {
		t.Errorf("re-keyed: %+v", l)
	}
	if w.book.recs[absorbed.Book] != nil || len(w.crm.recs) != 9 || len(w.book.recs) != 9 {
		t.Errorf("merged: crm %d, book %d, want 9 each", len(w.crm.recs), len(w.book.recs))
	}
	// The vendor's listing says nothing, only reading by id does.
	l := w.link(ids[3])
	w.crm.rename(ids[3], "silent")
	w.crm.rekeys[len(w.crm.rekeys)-1].seq, w.crm.recs["silent"].seq = 0, 0
	w.book.put(l.Book, note("to the renamed"))
	w.ask(state.ReasonUpdate)
	w.rest()
	if got := w.link(l.Book); got.CRM != "silent" || w.crm.recs["silent"].fields.First(record.Note) != "to the renamed" {
		t.Errorf("renamed in silence: %+v", got)
	}
	if len(w.crm.recs) != 9 || len(w.book.recs) != 9 {
		t.Errorf("crm %d, book %d, want 9 each", len(w.crm.recs), len(w.book.recs))
	}
}

func TestBudget(t *testing.T) {
	t.Run("a rolling day counts over runs", func(t *testing.T) {
		w, ids := synced(t, 40)
		for i := 0; i < 20; i++ {
			w.crm.remove(ids[i])
		}
		w.ask(state.ReasonUpdate)
		if w.conn.State != tenancy.Active || len(w.book.recs) != 20 {
			t.Fatalf("twenty are within the budget: %s, %d", w.conn.State, len(w.book.recs))
		}
		w.clk.Advance(2 * time.Hour)
		w.crm.remove(ids[20])
		w.ask(state.ReasonUpdate)
		if w.conn.State != tenancy.NeedsApproval || len(w.book.recs) != 20 {
			t.Fatalf("the twenty-first within a day must ask: %s, %d", w.conn.State, len(w.book.recs))
		}
		w.conn.State = tenancy.Active // a person let it go on without an answer: it asks again
		w.ask(state.ReasonSchedule)
		if w.conn.State != tenancy.NeedsApproval {
			t.Fatalf("state %s", w.conn.State)
		}
		w.answer(state.AnswerOnce)
		if w.conn.State != tenancy.Active || len(w.book.recs) != 19 {
			t.Fatalf("after the answer: %s, %d", w.conn.State, len(w.book.recs))
		}
		w.rest()
		w.clk.Advance(26 * time.Hour)
		w.crm.remove(ids[21])
		w.ask(state.ReasonUpdate)
		if w.conn.State != tenancy.Active || len(w.book.recs) != 18 {
			t.Fatalf("a day later: %s, %d", w.conn.State, len(w.book.recs))
		}
	})
	t.Run("discard keeps both sides as they are, for good", func(t *testing.T) {
		for _, full := range []bool{false, true} {
			w, ids := synced(t, 8)
			for _, id := range ids[:6] {
				w.crm.remove(id)
			}
			if full {
				w.crm.expire()
			}
			w.ask(state.ReasonUpdate)
			if w.conn.State != tenancy.NeedsApproval {
				t.Fatalf("state %s", w.conn.State)
			}
			if a := w.lastRun().Approval; a == nil || a.Deletes != 6 || a.Side != profile.Book || a.Links != 8 {
				t.Errorf("approval %+v", a)
			}
			w.answer(state.AnswerDiscard)
			w.rest()
			if len(w.book.recs) != 8 || len(w.crm.recs) != 2 || w.link(ids[0]).Code != state.CodeDiscarded {
				t.Errorf("full %v: book %d, crm %d, %+v", full, len(w.book.recs), len(w.crm.recs), w.link(ids[0]))
			}
		}
	})
	t.Run("an answer goes for what was asked and no more", func(t *testing.T) {
		w, ids := synced(t, 40)
		for _, id := range ids[:24] {
			w.crm.remove(id)
		}
		w.ask(state.ReasonUpdate)
		for _, id := range ids[24:38] {
			w.crm.remove(id)
		}
		w.answer(state.AnswerOnce)
		if w.conn.State != tenancy.NeedsApproval || len(w.book.recs) != 40 {
			t.Errorf("state %s, book %d: more was deleted than a person was asked about", w.conn.State, len(w.book.recs))
		}
	})
	t.Run("emptied fields count", func(t *testing.T) {
		w, ids := synced(t, 8)
		for _, id := range ids {
			w.crm.put(id, record.Fields{record.Email: {}})
		}
		w.ask(state.ReasonUpdate)
		if w.conn.State != tenancy.NeedsApproval {
			t.Fatalf("state %s", w.conn.State)
		}
		w.answer(state.AnswerDiscard)
		w.rest()
		for _, r := range w.book.recs {
			if r.fields.First(record.Email) == "" {
				t.Error("an address was emptied")
			}
		}
	})
	t.Run("both sides over the budget are two questions", func(t *testing.T) {
		w, ids := synced(t, 20)
		for i, id := range ids {
			if i < 6 {
				continue
			}
			if l := w.link(id); i%2 == 0 {
				w.crm.remove(id)
			} else {
				w.book.remove(l.Book)
			}
		}
		w.conn.Settings.Rules.Budget = profile.Budget{Count: 2, Share: 0.05, SmallCount: 2, SmallShare: 0.05}
		w.ask(state.ReasonUpdate)
		first := w.lastRun().Approval
		w.answer(state.AnswerOnce)
		if w.conn.State != tenancy.NeedsApproval || len(w.crm.recs) != 13 || len(w.book.recs) != 13 {
			t.Fatalf("state %s, %d and %d", w.conn.State, len(w.crm.recs), len(w.book.recs))
		}
		if second := w.lastRun().Approval; second == nil || second.Side == first.Side {
			t.Errorf("asked %+v, then %+v", first, second)
		}
		w.answer(state.AnswerOnce)
		if len(w.crm.recs) != 6 || len(w.book.recs) != 6 {
			t.Errorf("%d and %d, want 6 each", len(w.crm.recs), len(w.book.recs))
		}
	})
	t.Run("deletions beyond what is held are counted before the first write", func(t *testing.T) {
		w, ids := synced(t, 30)
		for i := 0; i < 2100; i++ {
			w.crm.put("", mail("many"+two(i/100)+two(i%100)))
		}
		for _, id := range ids[:25] {
			w.crm.remove(id)
		}
		seq := w.book.seq
		w.ask(state.ReasonUpdate)
		if w.conn.State != tenancy.NeedsApproval || w.book.seq != seq {
			t.Fatalf("state %s, %d writes before asking", w.conn.State, w.book.seq-seq)
		}
		w.answer(state.AnswerOnce)
		w.rest()
		if len(w.book.recs) != 2105 || len(w.crm.recs) != 2105 {
			t.Errorf("%d and %d, want 2105 each", len(w.crm.recs), len(w.book.recs))
		}
	})
}
