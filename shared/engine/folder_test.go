package engine_test

import (
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

const folder = "folder-1"

// foldered is a world whose connection keeps its records in a folder of its own, with n records of the CRM in it.
func foldered(t *testing.T, n int) (*world, []string) {
	w := newWorld(t)
	w.book.able, w.book.folders = true, true
	w.book.groups = []connector.Group{{ID: "contacts", Name: "Contacts"}, {ID: folder, Name: "CRM Contacts", Writable: true}}
	w.conn.Folder = folder
	var ids []string
	for i := 0; i < n; i++ {
		ids = append(ids, w.crm.put("", mail(name(i))))
	}
	w.ask(state.ReasonStart)
	w.rest()
	return w, ids
}

func TestFolder(t *testing.T) {
	t.Run("holds every record, and nothing outside it is matched or touched", func(t *testing.T) {
		w := newWorld(t)
		w.book.able, w.book.folders = true, true
		w.book.groups = []connector.Group{{ID: folder}}
		w.conn.Folder = folder
		a := w.crm.put("", mail("a"))
		mine := w.book.put("", mail("a")) // the same person, in the person's own contacts
		stranger := w.book.put("", mail("s"))
		w.ask(state.ReasonStart)
		w.rest()
		if l := w.link(a); l.Book == mine || l.State != state.LinkActive {
			t.Errorf("link %+v", l)
		}
		late := w.crm.put("", mail("s"))
		w.ask(state.ReasonUpdate)
		w.rest()
		if l := w.link(late); l.Book == stranger || l.Book == "" || len(w.reviews()) != 0 {
			t.Errorf("link %+v, reviews %v", l, w.reviews())
		}
		if len(w.crm.recs) != 2 || len(w.book.recs) != 4 {
			t.Errorf("the CRM has %d records, the book %d", len(w.crm.recs), len(w.book.recs))
		}
		hand := w.book.put("", mail("byhand"), folder)
		w.ask(state.ReasonUpdate)
		w.rest()
		if len(w.crm.recs) != 3 || w.link(hand).State != state.LinkActive {
			t.Errorf("a record that a person put into it: %+v", w.link(hand))
		}
	})
	t.Run("a record that is taken out of it is parked, and comes back", func(t *testing.T) {
		w, ids := foldered(t, 8)
		l := w.link(ids[0])
		w.book.set(l.Book) // out of every group
		w.ask(state.ReasonUpdate)
		w.rest()
		if l := w.link(ids[0]); l.Code != state.CodeLeftScope || w.crm.recs[ids[0]] == nil {
			t.Fatalf("link %+v", l)
		}
		w.crm.put(ids[0], note("stays here"))
		w.ask(state.ReasonUpdate)
		w.rest()
		if got := w.book.recs[l.Book].fields.First("note"); got != "" {
			t.Errorf("outside the folder the note is %q", got)
		}
		w.book.set(l.Book, folder)
		w.ask(state.ReasonUpdate)
		w.rest()
		if got := w.book.recs[l.Book].fields.First("note"); got != "stays here" {
			t.Errorf("back in the folder the note is %q", got)
		}
	})
	t.Run("another name makes no difference", func(t *testing.T) {
		w, ids := foldered(t, 3)
		w.book.groups[1].Name = "My customers"
		w.crm.put(ids[0], note("x"))
		w.ask(state.ReasonUpdate)
		w.rest()
		if w.conn.State != tenancy.Active || w.book.recs[w.link(ids[0]).Book].fields.First("note") != "x" {
			t.Errorf("state %s", w.conn.State)
		}
	})
	for how, settle := range map[string]func(w *world){
		"and its listing fails":                 func(*world) {},
		"and its listing tells its records":     func(w *world) { w.book.folders = false },
		"and its cursor died":                   func(w *world) { w.book.expire() },
		"and its records are outside it":        func(w *world) { w.book.folders = false },
		"while a record is on its way into it":  func(w *world) { w.crm.put("", mail("late")) },
		"and its tombstones are those of views": func(w *world) { w.book.folders, w.book.scoped = false, true },
	} {
		t.Run("deleted, "+how+", ends the connection and deletes nothing", func(t *testing.T) {
			w, ids := foldered(t, 30)
			links := len(w.links())
			settle(w)
			if strings.Contains(how, "outside") {
				for _, l := range w.links() {
					w.book.set(l.Book)
				}
			}
			w.book.dropFolder(folder)
			began := w.clk.Now()
			w.ask(state.ReasonUpdate)
			if w.conn.State != tenancy.Stopped || !strings.Contains(w.conn.Reason, "folder") {
				t.Fatalf("state %s: %s", w.conn.State, w.conn.Reason)
			}
			if w.clk.Now().Sub(began) < time.Minute {
				t.Error("it did not look twice")
			}
			if len(w.crm.recs) < len(ids) || len(w.links()) < links {
				t.Errorf("the CRM has %d records and %d links are left", len(w.crm.recs), len(w.links()))
			}
			if run := w.lastRun(); run.State != state.RunStopped || run.Message != w.conn.Reason {
				t.Errorf("the run is %s: %s", run.State, run.Message)
			}
			w.sound()
		})
	}
	t.Run("failures that pass do not end it", func(t *testing.T) {
		for name, err := range map[string]error{"not found": connector.ErrNotFound, "forbidden": &connector.ForbiddenError{System: "book", What: "see the folder"}} {
			w, ids := foldered(t, 3)
			n := 0
			w.book.fail = func(when string) error {
				if when == "book before changes" {
					if n++; n < 4 || n < 9 && name == "not found" {
						return err
					}
				}
				return nil
			}
			w.crm.put(ids[0], note("x"))
			w.ask(state.ReasonUpdate)
			w.rest()
			if w.conn.State != tenancy.Active || w.book.recs[w.link(ids[0]).Book].fields.First("note") != "x" {
				t.Errorf("%s: state %s (%s)", name, w.conn.State, w.conn.Reason)
			}
		}
	})
	t.Run("deleted while it was listed, it deletes nothing", func(t *testing.T) {
		w, ids := foldered(t, 2)
		w.book.expire()
		n := 0
		w.book.fail = func(when string) error {
			if when == "book before changes" {
				if n++; n == 2 { // the first is the cursor that died
					w.book.folders = false
					w.book.dropFolder(folder)
				}
			}
			return nil
		}
		w.ask(state.ReasonUpdate)
		if w.conn.State != tenancy.Stopped || len(w.crm.recs) != len(ids) {
			t.Errorf("state %s (%s), the CRM has %d", w.conn.State, w.conn.Reason, len(w.crm.recs))
		}
	})
	t.Run("deleted while it was empty, it is missed when a record is to go into it", func(t *testing.T) {
		w, _ := foldered(t, 0)
		w.book.dropFolder(folder)
		w.book.folders = false // its listing goes on, empty
		w.book.refuse = func(connector.Write) error { return connector.ErrNotFound }
		w.crm.put("", mail("late"))
		w.ask(state.ReasonUpdate)
		if w.conn.State != tenancy.Stopped || len(w.crm.recs) != 1 {
			t.Errorf("state %s (%s), the CRM has %d", w.conn.State, w.conn.Reason, len(w.crm.recs))
		}
	})
	t.Run("one look that misses it does not end it", func(t *testing.T) {
		w, ids := foldered(t, 3)
		had := w.book.groups
		w.book.groups = nil
		w.book.fail = func(when string) error {
			if when == "book after groups" {
				w.book.groups = had
			}
			return nil
		}
		w.crm.put(ids[0], note("x"))
		w.ask(state.ReasonUpdate)
		w.rest()
		if w.conn.State != tenancy.Active || !w.control().Lacking.IsZero() {
			t.Errorf("state %s (%s), lacking since %s", w.conn.State, w.conn.Reason, w.control().Lacking)
		}
	})
}
