package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
)

// pictured is a world whose book's pictures go to the CRM. tags says whether each side's records tell of their pictures.
func pictured(t *testing.T, crmTags, bookTags bool) *world {
	w := newWorld(t)
	w.crm.able, w.book.able, w.crm.tags, w.book.tags = true, true, crmTags, bookTags
	w.crm.pictures, w.book.pictures = map[string]string{}, map[string]string{}
	w.conn.Settings.Rules.Photos = true
	return w
}

func eachTagging(t *testing.T, f func(t *testing.T, crm, book bool)) {
	for name, tags := range map[string][2]bool{"both tell": {true, true}, "the CRM tells": {true, false}, "the book tells": {false, true}, "neither tells": {}} {
		t.Run(name, func(t *testing.T) { f(t, tags[0], tags[1]) })
	}
}

func TestPhotos(t *testing.T) {
	eachTagging(t, func(t *testing.T, crmTags, bookTags bool) {
		t.Run("go once to records that have none", func(t *testing.T) {
			w := pictured(t, crmTags, bookTags)
			var both, made, plain string
			both = w.crm.put("", mail("both"))
			b := w.book.put("", mail("both"))
			made = w.book.put("", mail("made"))
			plain = w.crm.put("", mail("plain"))
			own := w.crm.put("", mail("own"))
			w.crm.picture(own, "the CRM's own")
			o := w.book.put("", mail("own"))
			for _, id := range []string{b, made, o} {
				w.book.picture(id, "picture of "+id)
			}
			w.ask(state.ReasonStart)
			if got := w.crm.pictures[both]; got != "picture of "+b {
				t.Errorf("a matched record has %q", got)
			}
			if got := w.crm.pictures[w.link(made).CRM]; got != "picture of "+made {
				t.Errorf("a created record has %q", got)
			}
			if w.crm.pictures[own] != "the CRM's own" || w.crm.pictures[plain] != "" || w.crm.sets != 2 {
				t.Errorf("pictures %v, %d set", w.crm.pictures, w.crm.sets)
			}
			if run := w.lastRun(); run.Photos != 2 {
				t.Errorf("the run counts %d pictures, want 2", run.Photos)
			}
			if w.book.sets != 0 {
				t.Error("a picture went to the book")
			}
			w.rest()
			w.book.put(b, note("an edit"))
			w.crm.put(made, nil)
			w.ask(state.ReasonUpdate)
			w.rest()
			if w.crm.sets != 2 {
				t.Errorf("%d pictures were set in all, want 2", w.crm.sets)
			}
		})
		t.Run("that come later go as well, and never over one", func(t *testing.T) {
			w := pictured(t, crmTags, bookTags)
			a := w.crm.put("", mail("a"))
			w.ask(state.ReasonStart)
			w.rest()
			b := w.link(a).Book
			w.book.picture(b, "one")
			w.ask(state.ReasonUpdate)
			if w.crm.pictures[a] != "one" {
				t.Fatalf("the CRM has %q", w.crm.pictures[a])
			}
			w.rest()
			w.book.picture(b, "two")
			w.ask(state.ReasonUpdate)
			w.rest()
			if w.crm.pictures[a] != "one" || w.crm.sets != 1 {
				t.Errorf("the CRM has %q after %d", w.crm.pictures[a], w.crm.sets)
			}
		})
		t.Run("that the CRM refuses are shown, and tried again only when they change", func(t *testing.T) {
			w := pictured(t, crmTags, bookTags)
			a := w.crm.put("", mail("a"))
			other := w.crm.put("", mail("b"))
			w.ask(state.ReasonStart)
			w.rest()
			tries := 0
			w.crm.refusePhoto = func(id string) error {
				if id == a && w.book.pictures[w.link(a).Book] == "too large" {
					tries++
					return &connector.InvalidError{System: "crm", Field: "photo", Reason: "it is larger than 4 MB"}
				}
				return nil
			}
			w.book.picture(w.link(a).Book, "too large")
			w.book.picture(w.link(other).Book, "fine")
			w.book.put(w.link(a).Book, note("edited as well"))
			w.ask(state.ReasonUpdate)
			w.rest()
			l := w.link(a)
			if l.State != state.LinkActive || l.Code != state.CodePhoto || !strings.Contains(l.Detail, "4 MB") || tries != 1 {
				t.Errorf("link %s %s %q after %d tries", l.State, l.Code, l.Detail, tries)
			}
			if w.crm.pictures[other] != "fine" || w.crm.recs[a].fields.First("note") != "edited as well" {
				t.Error("it held something else up")
			}
			w.crm.put(a, note("edited in the CRM"))
			w.book.put(l.Book, note("and here"))
			w.ask(state.ReasonUpdate)
			w.rest()
			if l := w.link(a); tries > 2 || l.Code != state.CodePhoto {
				t.Errorf("%d tries, code %s", tries, l.Code)
			}
			w.book.picture(l.Book, "small")
			w.ask(state.ReasonUpdate)
			w.rest()
			if l := w.link(a); l.Code != "" || l.Detail != "" || w.crm.pictures[a] != "small" {
				t.Errorf("link %+v, picture %q", l, w.crm.pictures[a])
			}
		})
		t.Run("whose fate is not known are looked at again", func(t *testing.T) {
			w := pictured(t, crmTags, bookTags)
			a := w.crm.put("", mail("a"))
			w.ask(state.ReasonStart)
			w.rest()
			n := 0
			w.crm.fail = func(when string) error {
				if strings.HasSuffix(when, "set photo") {
					if n++; n < 4 { // twice before, once after it was set
						return connector.ErrTransient
					}
				}
				return nil
			}
			w.book.picture(w.link(a).Book, "x")
			w.ask(state.ReasonUpdate)
			w.crm.fail = nil
			w.rest()
			if w.crm.pictures[a] != "x" || n < 4 {
				t.Errorf("picture %q after %d calls", w.crm.pictures[a], n)
			}
		})
		t.Run("are taken along when the rule is switched on", func(t *testing.T) {
			w := pictured(t, crmTags, bookTags)
			w.conn.Settings.Rules.Photos = false
			b := w.book.put("", mail("a"))
			w.book.picture(b, "x")
			w.ask(state.ReasonStart)
			w.rest()
			if w.crm.sets != 0 {
				t.Fatal("a picture went although the rule is off")
			}
			w.conn.Settings.Rules.Photos = true
			w.ask(state.ReasonUpdate)
			if w.crm.pictures[w.link(b).CRM] != "x" {
				t.Error("it did not go")
			}
			w.rest()
		})
		t.Run("stay where they are in a direction that does not write to the CRM", func(t *testing.T) {
			w := pictured(t, crmTags, bookTags)
			w.conn.Settings.Rules.Direction = profile.CRMToBook
			w.crm.put("", mail("a"))
			b := w.book.put("", mail("a"))
			w.book.picture(b, "x")
			w.ask(state.ReasonStart)
			w.rest()
			if w.crm.sets != 0 {
				t.Error("a picture went to the CRM")
			}
		})
	})
	t.Run("are read in batches, and their bytes are stored nowhere", func(t *testing.T) {
		w := pictured(t, true, false)
		for i := 0; i < 45; i++ {
			w.crm.put("", mail(name(i)))
			w.book.picture(w.book.put("", mail(name(i))), "PIXELS"+name(i))
		}
		reads := 0
		w.book.fail = func(when string) error {
			if when == "book before photos" {
				reads++
			}
			return nil
		}
		w.ask(state.ReasonStart)
		if w.crm.sets != 45 || reads > 5 {
			t.Errorf("%d pictures in %d reads", w.crm.sets, reads)
		}
		for _, pk := range []string{state.Partition("t1", "conn"), state.JournalPartition("t1", "conn")} {
			if strings.Contains(w.dump(pk), "PIXELS") {
				t.Errorf("%s holds a picture", pk)
			}
		}
		journaled := 0
		changes, _, err := w.repo.Changes(context.Background(), "t1", "conn", 100, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if c.Op == "photo" && c.Outcome == "done" && c.Side == profile.CRM {
				journaled++
			}
		}
		if journaled != 45 {
			t.Errorf("the journal has %d pictures, want 45", journaled)
		}
	})
	t.Run("are not asked for where the CRM has one", func(t *testing.T) {
		w := pictured(t, true, false)
		for i := range 10 {
			id := w.crm.put("", mail(name(i)))
			w.book.picture(w.book.put("", mail(name(i))), "x")
			if i < 7 {
				w.crm.picture(id, "its own")
			}
		}
		w.ask(state.ReasonStart)
		if w.book.asked != 3 || w.crm.sets != 3 {
			t.Errorf("%d asked for, %d set; want 3 and 3", w.book.asked, w.crm.sets)
		}
		w.rest()
		if w.book.asked != 3 {
			t.Errorf("%d asked for in all, want 3", w.book.asked)
		}
	})
	t.Run("that are too much together are asked for one by one", func(t *testing.T) {
		w := pictured(t, true, false)
		w.book.heavy = true
		for i := range 25 {
			w.book.picture(w.book.put("", mail(name(i))), "x")
		}
		w.ask(state.ReasonStart)
		if w.crm.sets != 25 {
			t.Errorf("%d set, want 25", w.crm.sets)
		}
	})
	t.Run("that take longer than a slice are taken up by the next", func(t *testing.T) {
		for _, tags := range []bool{false, true} {
			w := pictured(t, true, tags)
			for i := range 450 {
				w.book.picture(w.book.put("", mail(name(i))), "x")
			}
			w.crm.slow, w.sliceTime = time.Second, 2*time.Minute
			w.restart(w.table)
			w.ask(state.ReasonStart)
			w.rest()
			if w.crm.sets != 450 || len(w.crm.recs) != 450 || len(w.crm.bad) > 0 {
				t.Errorf("tags %v: %d set on %d records, %v", tags, w.crm.sets, len(w.crm.recs), w.crm.bad)
			}
		}
	})
	t.Run("do not hide what the CRM made of our own write", func(t *testing.T) {
		w := pictured(t, true, true) // the CRM answers writes with an id only
		a := w.crm.put("", mail("a"))
		b := w.book.put("", mail("a"))
		w.ask(state.ReasonStart)
		w.rest()
		w.book.put(b, note("from the book"))
		w.book.picture(b, "x")
		w.ask(state.ReasonUpdate)
		if w.link(a).CRMUnsettled {
			t.Error("the link's base is not settled although the version moved on")
		}
		w.crm.put(a, note("a person's"))
		w.ask(state.ReasonUpdate)
		w.rest()
		if got := w.book.recs[b].fields.First("note"); got != "a person's" {
			t.Errorf("the book's note is %q", got)
		}
	})
	t.Run("stop for a limit and go on after it", func(t *testing.T) {
		w := pictured(t, true, true)
		for i := 0; i < 10; i++ {
			w.book.picture(w.book.put("", mail(name(i))), "x")
		}
		n := 0
		w.crm.fail = func(when string) error {
			if when == "crm before set photo" {
				if n++; n == 4 {
					return &connector.ThrottledError{System: "crm", After: time.Hour}
				}
			}
			return nil
		}
		w.ask(state.ReasonStart)
		w.rest()
		if w.crm.sets != 10 || w.lastRun().Kind == state.Initial && w.lastRun().Photos != 10 {
			t.Errorf("%d pictures, run %+v", w.crm.sets, w.lastRun())
		}
	})
}
