package engine_test

import (
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

func mail(n string) record.Fields { return person("P"+n, "Given", "email", n+"@example.com") }

func note(s string) record.Fields { return record.Fields{record.Note: {{Text: s}}} }

func TestOneWay(t *testing.T) {
	for _, d := range []profile.Direction{profile.CRMToBook, profile.BookToCRM} {
		t.Run(string(d)+" carries nothing back and sends it once the direction allows", func(t *testing.T) {
			w := newWorld(t)
			w.conn.Settings.Rules.Direction = d
			from, to := w.crm, w.book
			if d == profile.BookToCRM {
				from, to = w.book, w.crm
			}
			from.readOnly = true
			for i := 0; i < 6; i++ {
				from.put("", mail("src"+name(i)))
				to.put("", mail("dst"+name(i)))
			}
			a, b := from.put("", mail("both")), to.put("", mail("both"))
			w.ask(state.ReasonStart)
			if len(from.recs) != 7 || len(to.recs) != 13 {
				t.Fatalf("source has %d, target %d; want 7 and 13", len(from.recs), len(to.recs))
			}
			if l := w.link(a); l.CRM == "" || l.Book == "" {
				t.Fatalf("the matched pair is not linked: %+v", l)
			}
			w.rest()
			from.put(a, note("from the source"))
			to.put(b, record.Fields{record.Phone: {{Text: "090-1111-2222", Label: "mobile"}}})
			late := to.put("", mail("late"))
			w.ask(state.ReasonUpdate)
			w.rest()
			if got := to.recs[b].fields.First(record.Note); got != "from the source" {
				t.Errorf("the target's note is %q", got)
			}
			if got := from.recs[a].fields.First(record.Phone); got != "" {
				t.Errorf("the source's phone is %q, the direction does not allow it", got)
			}
			from.readOnly = false
			w.conn.Settings.Rules.Direction = profile.TwoWay
			w.ask(state.ReasonSchedule)
			w.rest()
			if got := w.lastRun(); len(from.recs) != 14 || len(to.recs) != 14 {
				t.Fatalf("after the switch %d and %d, want 14 each; %+v", len(from.recs), len(to.recs), got)
			}
			if got := from.recs[a].fields.First(record.Phone); got != "090-1111-2222" {
				t.Errorf("the edit that waited did not travel: %q", got)
			}
			if l := w.link(late); l.State != state.LinkActive {
				t.Errorf("the record that waited: %+v", l)
			}
		})
	}
}

func TestOneWayDeletes(t *testing.T) {
	w := newWorld(t)
	w.conn.Settings.Rules.Direction = profile.CRMToBook
	w.crm.readOnly = true
	var ids []string
	for i := 0; i < 10; i++ {
		ids = append(ids, w.crm.put("", mail(name(i))))
	}
	w.ask(state.ReasonStart)
	w.rest()
	kept, drifted := w.link(ids[1]), w.link(ids[2])
	w.crm.remove(ids[0])
	w.book.remove(kept.Book)
	w.book.put(drifted.Book, note("mine"))
	w.ask(state.ReasonUpdate)
	w.rest()
	if w.crm.recs[ids[1]] == nil || len(w.crm.recs) != 9 {
		t.Errorf("a deletion in the book reached the CRM")
	}
	if l := w.link(ids[1]); l.State != state.LinkDetached {
		t.Errorf("its link: %+v", l)
	}
	w.crm.remove(ids[2])
	w.ask(state.ReasonUpdate)
	w.rest()
	if w.book.recs[drifted.Book] == nil {
		t.Errorf("a person's edit in the book was deleted with its record")
	}
	w.crm.put(ids[1], note("changed after"))
	w.ask(state.ReasonUpdate)
	if len(w.book.recs) != 8 {
		t.Errorf("the book has %d, want 8: a detached record must not be made again", len(w.book.recs))
	}
}

func TestWinnerBook(t *testing.T) {
	w := newWorld(t)
	w.conn.Settings.Rules.Winner = profile.Book
	a := w.crm.put("", mail("x"))
	w.ask(state.ReasonStart)
	l := w.link(a)
	w.crm.put(a, note("crm"))
	w.book.put(l.Book, note("book"))
	w.ask(state.ReasonUpdate)
	w.rest()
	if got := w.crm.recs[a].fields.First(record.Note); got != "book" {
		t.Errorf("note %q, want the book's", got)
	}
}

func TestGroupsOfTheBook(t *testing.T) {
	w := newWorld(t)
	w.book.groups = []connector.Group{{ID: "g1"}, {ID: "g2"}}
	w.conn.Settings.BookGroups = []string{"g1"}
	in1 := w.book.put("", mail("one"), "g1")
	in2 := w.book.put("", mail("two"), "g2")
	made := w.crm.put("", mail("made"))
	like := w.crm.put("", mail("two"))
	w.ask(state.ReasonStart)
	w.rest()
	if g := w.book.recs[w.link(made).Book].groups; len(g) != 1 || g[0] != "g1" {
		t.Errorf("a record made in the book is in groups %v, want the chosen one", g)
	}
	if l := w.link(like); l.Code != state.CodeReview || len(w.book.recs) != 3 {
		t.Errorf("a match outside the group must be offered for review: %+v, %d in the book", l, len(w.book.recs))
	}
	if rs := w.reviews(); len(rs) != 1 || rs[0].Code != state.CodeGroupElsewere || rs[0].Candidates[0] != in2 {
		t.Errorf("review list %+v", rs)
	}
	crm1 := w.link(in1).CRM

	// Another group is chosen: what is not in it is parked, nothing is deleted, and it comes back.
	w.conn.Settings.BookGroups = []string{"g2"}
	w.ask(state.ReasonSchedule)
	w.rest()
	if l := w.link(in1); l.State != state.LinkParked || l.Code != state.CodeLeftScope {
		t.Fatalf("a record outside the new group: %+v", l)
	}
	if l := w.link(made); l.State != state.LinkActive {
		t.Fatalf("a record made by Meibo stays in scope: %+v", l)
	}
	w.crm.put(crm1, note("while parked"))
	w.ask(state.ReasonUpdate)
	if got := w.book.recs[in1].fields.First(record.Note); got != "" {
		t.Errorf("a parked record was written: %q", got)
	}
	if l := w.link(in1); l.Code != state.CodeLeftScope {
		t.Errorf("an edit on the other side brought it back: %+v", l)
	}
	w.conn.Settings.BookGroups = []string{"g1"}
	w.ask(state.ReasonSchedule)
	w.rest()
	if l := w.link(in1); l.State != state.LinkActive || l.CRM != crm1 {
		t.Fatalf("back in the group: %+v", l)
	}
	if got := w.book.recs[in1].fields.First(record.Note); got != "while parked" {
		t.Errorf("what waited did not travel: %q", got)
	}
	// And by itself: out of the group and in again.
	w.book.set(in1)
	w.ask(state.ReasonSchedule)
	if l := w.link(in1); l.Code != state.CodeLeftScope {
		t.Fatalf("left the group: %+v", l)
	}
	w.book.set(in1, "g1")
	w.ask(state.ReasonSchedule)
	if l := w.link(in1); l.State != state.LinkActive {
		t.Fatalf("entered the group again: %+v", l)
	}
	w.rest()
	if len(w.crm.deaths)+len(w.book.deaths) > 0 {
		t.Error("something was deleted")
	}
}

func TestVanishedGroupPauses(t *testing.T) {
	for _, scoped := range []bool{false, true} {
		w := newWorld(t)
		w.book.groups = []connector.Group{{ID: "g1"}}
		w.conn.Settings.BookGroups = []string{"g1"}
		var ids []string
		for i := 0; i < 12; i++ {
			ids = append(ids, w.book.put("", mail(name(i)), "g1"))
		}
		w.ask(state.ReasonStart)
		w.rest()
		w.book.groups, w.book.scoped = nil, scoped
		w.book.remove(ids[0])
		w.ask(state.ReasonSchedule)
		if w.conn.State != tenancy.Paused || w.conn.Reason == "" || len(w.crm.deaths) > 0 {
			t.Errorf("scoped %v: state %s (%s), %d deleted", scoped, w.conn.State, w.conn.Reason, len(w.crm.deaths))
		}
	}
}

func TestView(t *testing.T) {
	w := newWorld(t)
	w.crm.view, w.crm.membersEvery = true, 30*time.Minute
	w.crm.groups = []connector.Group{{ID: "v"}}
	w.conn.Settings.CRMGroups = []string{"v"}
	in := w.crm.put("", mail("in"), "v")
	out := w.crm.put("", mail("out"))
	book := w.book.put("", mail("book"))
	w.ask(state.ReasonStart)
	w.clk.Advance(time.Minute)
	w.ask(state.ReasonSchedule)
	if len(w.book.recs) != 2 || len(w.crm.recs) != 3 {
		t.Fatalf("book %d, crm %d; want 2 and 3", len(w.book.recs), len(w.crm.recs))
	}
	scan := func() {
		t.Helper()
		w.clk.Advance(31 * time.Minute)
		w.ask(state.ReasonSchedule)
	}
	scan()
	if l := w.link(book); l.State != state.LinkActive || l.Made != profile.CRM {
		t.Fatalf("a record made by Meibo in the CRM is in no view and stays in scope: %+v", l)
	}
	w.crm.put(out, note("edited outside the view"))
	w.ask(state.ReasonUpdate)
	if len(w.book.recs) != 2 {
		t.Fatalf("a record outside the view went to the book")
	}
	w.crm.set(out, "v")
	w.crm.set(in)
	scan()
	if l := w.link(in); l.Code != state.CodeLeftScope {
		t.Fatalf("left the view: %+v", l)
	}
	if l := w.link(out); l.State != state.LinkActive {
		t.Fatalf("entered the view: %+v", l)
	}
	b := w.link(in).Book
	w.book.put(b, note("while out"))
	w.crm.put(in, record.Fields{record.NameGiven: {{Text: "While"}}})
	w.ask(state.ReasonUpdate)
	if l := w.link(in); l.Code != state.CodeLeftScope || w.crm.recs[in].fields.First(record.Note) != "" {
		t.Fatalf("edits of a record outside the view must wait: %+v", l)
	}
	w.crm.set(in, "v")
	scan()
	if w.crm.recs[in].fields.First(record.Note) != "while out" || w.book.recs[b].fields.First(record.NameGiven) != "While" {
		t.Errorf("edits that waited did not travel: %+v", w.link(in))
	}
	w.crm.set(in) // and by a full listing
	w.conn.Settings.Rules.RequireEmail = true
	w.ask(state.ReasonSchedule)
	if l := w.link(in); l.Code != state.CodeLeftScope || w.lastRun().Kind != state.Relist {
		t.Fatalf("left the view, seen by a full listing: %+v", l)
	}
	w.crm.membersEvery = 0
	w.crm.remove(in)
	w.ask(state.ReasonUpdate)
	if w.book.recs[b] == nil {
		t.Error("a record deleted outside the view took its partner with it")
	}
	w.sound()
}

func TestOneWayScanComesToRest(t *testing.T) {
	w := newWorld(t)
	w.conn.Settings.Rules.Direction = profile.BookToCRM
	w.book.readOnly = true
	w.crm.view, w.crm.membersEvery = true, 30*time.Minute
	w.crm.groups = []connector.Group{{ID: "v"}}
	w.conn.Settings.CRMGroups = []string{"v"}
	w.book.put("", mail("a"))
	w.ask(state.ReasonStart)
	late := w.crm.put("", mail("late"), "v")
	w.clk.Advance(31 * time.Minute)
	w.ask(state.ReasonSchedule)
	w.clk.Advance(31 * time.Minute)
	gets := w.crm.gets
	w.ask(state.ReasonSchedule)
	if w.crm.gets != gets {
		t.Errorf("every scan reads the records that do not travel again")
	}
	w.book.put("", mail("late"))
	w.ask(state.ReasonSchedule)
	if l := w.link(late); l.State != state.LinkActive || len(w.crm.recs) != 2 {
		t.Errorf("a record that entered the view was not recognised: %+v, %d", l, len(w.crm.recs))
	}
	w.sound()
}

// Where a vendor's versions are times in whole seconds, a person's edit in the second of Meibo's own write has the same version.
func TestEditInTheSecondOfOurOwnWrite(t *testing.T) {
	w := newWorld(t)
	a := w.crm.put("", mail("a"))
	b := w.book.put("", mail("a"))
	w.ask(state.ReasonStart)
	w.rest()
	w.book.put(b, note("from the book"))
	w.crm.fail = func(when string) error {
		if r := w.crm.recs[a]; when == "crm after apply" && r.fields.First(record.Note) == "from the book" {
			version := r.version
			w.crm.put(a, note("a person's"))
			r.version = version
		}
		return nil
	}
	w.ask(state.ReasonUpdate)
	w.crm.fail = nil
	w.rest()
	if got := w.book.recs[b].fields.First(record.Note); got != "a person's" {
		t.Errorf("the book's note is %q, want the edit", got)
	}
}
