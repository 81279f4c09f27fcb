package engine_test

import (
	"fmt"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/state"
)

// moving is a world of n synced people whose CRM gives people other ids without a word.
func moving(t *testing.T, n int) (*world, []string) {
	w, ids := vague(t, n)
	w.crm.idsMove, w.crm.scanEvery = true, 0
	w.relist(time.Minute) // which reads the catalogue
	return w, ids
}

// move gives a record another id, unseen, and says that it changed.
func (f *fake) move(id string, now record.Fields) string {
	was := f.recs[id]
	f.remove(id)
	fields := was.fields.Clone()
	for k, vs := range now {
		fields[k] = vs
	}
	return f.put("", fields, was.groups...)
}

// listed has the changes of the CRM listed, or all of it.
func (w *world) listed(full bool) {
	w.t.Helper()
	if full {
		w.relist(time.Minute)
		return
	}
	w.clk.Advance(time.Minute)
	w.ask(state.ReasonSchedule)
}

func TestIDsMove(t *testing.T) {
	for _, full := range []bool{false, true} {
		name := map[bool]string{false: "a change listing", true: "a full listing"}[full]
		t.Run("a person with a new id keeps the partner, in "+name, func(t *testing.T) {
			w, ids := moving(t, 12)
			book, creates := w.link(ids[3]).Book, w.book.creates
			id := w.crm.move(ids[3], note("moved"))
			w.listed(full)
			if l := w.link(id); l.Book != book || l.State != state.LinkActive || w.book.creates != creates || len(w.book.deaths) > 0 {
				t.Errorf("link %+v; %d more were created, %d deleted", l, w.book.creates-creates, len(w.book.deaths))
			}
			if got := w.book.recs[book].fields.First(record.Note); got != "moved" {
				t.Errorf("the note is %q", got)
			}
			w.rest()
			check(t, w, 12)
		})
		t.Run("two merged into a new id stay one, and the other leaves, in "+name, func(t *testing.T) {
			w, ids := moving(t, 12)
			twin := w.crm.put("", mail("twin"))
			w.listed(false)
			w.crm.put(twin, record.Fields{record.Email: {{Text: mailOf(ids[3], w), Label: "work"}}, record.NameFamily: w.crm.recs[ids[3]].fields[record.NameFamily]})
			w.listed(false)
			if len(w.book.recs) != 13 {
				t.Fatalf("the book has %d", len(w.book.recs))
			}
			creates := w.book.creates
			w.crm.remove(twin)
			id := w.crm.move(ids[3], note("merged"))
			w.listed(full)
			if l := w.link(id); l.State != state.LinkActive || w.book.creates != creates {
				t.Fatalf("link %+v, %d more were created", l, w.book.creates-creates)
			}
			w.relist(2 * time.Hour)
			w.relist(2 * time.Hour)
			w.rest()
			check(t, w, 12)
			if w.book.creates != creates {
				t.Errorf("%d more were created", w.book.creates-creates)
			}
		})
		t.Run("who still stands keeps the link, in "+name, func(t *testing.T) {
			w, ids := moving(t, 12)
			book := w.link(ids[3]).Book
			w.crm.put("", w.crm.recs[ids[3]].fields.Clone())
			w.listed(full)
			if l := w.link(ids[3]); l.Book != book || l.State != state.LinkActive {
				t.Errorf("link %+v", l)
			}
		})
		t.Run("somebody whose partner is gone too is a new person, in "+name, func(t *testing.T) {
			w, ids := moving(t, 12)
			w.book.mute = true // its listing of changes does not say so
			partner := w.link(ids[3]).Book
			w.book.remove(partner)
			id := w.crm.move(ids[3], nil)
			w.listed(full)
			if l := w.link(id); l.Book == partner || w.crm.recs[id] == nil {
				t.Errorf("link %+v", l)
			}
			w.relist(2 * time.Hour)
			w.relist(2 * time.Hour)
			if l := w.link(id); l.State != state.LinkActive || len(w.book.recs) != 12 {
				t.Errorf("link %+v, the book has %d", l, len(w.book.recs))
			}
		})
		t.Run("two new ones that one was like are not guessed, in "+name, func(t *testing.T) {
			w, ids := moving(t, 12)
			f := w.crm.recs[ids[3]].fields.Clone()
			w.crm.remove(ids[3])
			w.crm.put("", f)
			w.crm.put("", f)
			w.listed(full)
			if l := w.link(ids[3]); l.CRM != ids[3] {
				t.Errorf("link %+v", l)
			}
		})
		t.Run("without the vendor's word nobody is taken for another, in "+name, func(t *testing.T) {
			w, ids := vague(t, 12)
			w.crm.move(ids[3], nil)
			w.listed(full)
			if l := w.link(ids[3]); l.CRM != ids[3] {
				t.Errorf("link %+v", l)
			}
		})
	}
	t.Run("only those that say the same are read", func(t *testing.T) {
		w, ids := moving(t, 12)
		gets := w.crm.gets
		w.crm.put("", mail("somebody-else"))
		w.listed(false)
		if w.crm.gets != gets {
			t.Errorf("%d were read for a stranger", w.crm.gets-gets)
		}
		w.crm.move(ids[3], nil)
		w.listed(false)
		if w.crm.gets != gets+1 {
			t.Errorf("%d were read, want 1", w.crm.gets-gets)
		}
	})
	t.Run("a crowd that says the same is not read", func(t *testing.T) {
		w, _ := moving(t, 1)
		for i := range 25 {
			w.crm.put("", person("", "", "email", "info@example.com", "phone", fmt.Sprintf("03-1111-22%02d", i)))
		}
		w.listed(false)
		gets := w.crm.gets
		w.crm.put("", person("", "", "email", "info@example.com", "phone", "03-1111-2299"))
		w.listed(false)
		if w.crm.gets != gets {
			t.Errorf("%d were read", w.crm.gets-gets)
		}
	})
	t.Run("one who was missing already gets the new id", func(t *testing.T) {
		w, ids := moving(t, 12)
		book := w.link(ids[3]).Book
		f := w.crm.recs[ids[3]].fields.Clone()
		w.crm.remove(ids[3])
		w.relist(time.Minute)
		if l := w.link(ids[3]); l.State != state.LinkMissing {
			t.Fatalf("link %+v", l)
		}
		id := w.crm.put("", f)
		w.listed(false)
		if l := w.link(id); l.Book != book || l.State != state.LinkActive || !l.Unshown[0].IsZero() {
			t.Errorf("link %+v", l)
		}
		w.rest()
		check(t, w, 12)
	})
	t.Run("of two that became one, the one that is proven gone leaves at once", func(t *testing.T) {
		w, ids := moving(t, 12)
		twin := w.crm.put("", mail("twin"))
		w.listed(false)
		same := w.crm.recs[ids[3]].fields
		w.crm.put(twin, record.Fields{record.Email: same[record.Email], record.NameFamily: same[record.NameFamily]})
		w.listed(false)
		w.crm.merge(twin, ids[5])
		w.crm.rekeys[len(w.crm.rekeys)-1].seq = 0
		id := w.crm.move(ids[3], note("merged"))
		w.listed(false)
		if l := w.link(id); l.State != state.LinkActive || len(w.book.recs) != 12 {
			t.Errorf("link %+v, the book has %d", l, len(w.book.recs))
		}
		w.rest()
		check(t, w, 12)
	})
	t.Run("what the vendor absorbed is gone at once", func(t *testing.T) {
		w, ids := moving(t, 12)
		w.crm.mute = true
		w.crm.merge(ids[3], ids[4])
		w.crm.rekeys[len(w.crm.rekeys)-1].seq = 0 // the listing of changes does not say so
		w.crm.put("", person("P"+name(3), "Given", "email", name(3)+"@example.com"))
		w.listed(false)
		w.rest()
		check(t, w, 12)
	})
}

func mailOf(id string, w *world) string { return w.crm.recs[id].fields.First(record.Email) }

// Killed at any request of the listing that misses them, people are still known when they come back with another id.
func TestIDsMoveLaterKilled(t *testing.T) {
	for at := 1; at < 24; at++ {
		t.Run(fmt.Sprintf("request %d", at), func(t *testing.T) {
			w, ids := moving(t, 12)
			f, creates := w.crm.recs[ids[3]].fields.Clone(), w.book.creates
			w.crm.remove(ids[3])
			w.restart(dying{w.table, w})
			w.killed(at)
			defer func() { killAt = nil }()
			w.crm.expire()
			w.ask(state.ReasonSchedule)
			killAt = nil
			w.crm.put("", f)
			w.ask(state.ReasonSchedule)
			w.rest()
			check(t, w, 12)
			if w.book.creates != creates {
				t.Errorf("%d more were created", w.book.creates-creates)
			}
		})
	}
}

// Killed at any request to the table, a person who moved is neither lost nor doubled.
func TestIDsMoveKilled(t *testing.T) {
	for _, full := range []bool{false, true} {
		for at := 1; at < 40; at += 5 {
			t.Run(fmt.Sprintf("full %v, request %d", full, at), func(t *testing.T) {
				w, ids := moving(t, 12)
				creates := w.book.creates
				w.crm.move(ids[3], note("moved"))
				w.restart(dying{w.table, w})
				w.killed(at)
				defer func() { killAt = nil }()
				if full {
					w.crm.expire()
				}
				w.ask(state.ReasonSchedule)
				killAt = nil
				w.rest()
				check(t, w, 12)
				if w.book.creates != creates {
					t.Errorf("%d more were created", w.book.creates-creates)
				}
			})
		}
	}
}
