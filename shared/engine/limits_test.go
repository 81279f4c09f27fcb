package engine_test

import (
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
	"meibo/shared/state"
)

// While a vendor's limits hold writes back, what can be done at the other goes first.
func TestLimits(t *testing.T) {
	people := func(t *testing.T) *world {
		w := newWorld(t)
		for i := range 40 {
			w.crm.put("", mail("crm"+name(i)))
		}
		for i := range 20 {
			w.book.put("", mail("book"+name(i)))
		}
		return w
	}
	// order has the sides' batches in the order in which they went out.
	order := func(w *world) *[]string {
		var calls []string
		for _, f := range []*fake{w.crm, w.book} {
			f.fail = func(when string) error {
				if when == f.name+" before apply" {
					calls = append(calls, f.name)
				}
				return nil
			}
		}
		return &calls
	}
	t.Run("creates that would wait are held back for the other side's", func(t *testing.T) {
		w := people(t)
		calls := order(w)
		w.book.busy = func(op connector.Op) time.Duration {
			if op == connector.Create && w.crm.creates < 20 {
				return time.Minute
			}
			return 0
		}
		w.ask(state.ReasonStart)
		if len(*calls) != 4+5 || (*calls)[3] != "crm" || (*calls)[4] != "book" {
			t.Errorf("got %v, want the CRM's four batches first", *calls)
		}
		check(t, w, 60)
		w.rest()
		check(t, w, 60)
	})
	t.Run("what waits for ever is sent in the end all the same", func(t *testing.T) {
		w := people(t)
		calls := order(w)
		wait := func(connector.Op) time.Duration { return time.Minute }
		w.crm.busy, w.book.busy = wait, wait
		w.ask(state.ReasonStart)
		if len(*calls) != 4+5 {
			t.Errorf("got %v", *calls)
		}
		check(t, w, 60)
	})
	t.Run("a slice that is killed meanwhile loses and doubles nobody", func(t *testing.T) {
		w := people(t)
		w.book.busy = func(op connector.Op) time.Duration {
			if op == connector.Create && w.crm.creates < 20 {
				return time.Minute
			}
			return 0
		}
		n := 0
		w.crm.fail = func(when string) error {
			if when == "crm before apply" {
				if n++; n == 3 {
					if w.book.creates > 0 {
						t.Errorf("%d creates went to the book already", w.book.creates)
					}
					return &connector.ThrottledError{System: "crm", After: time.Hour}
				}
			}
			return nil
		}
		w.ask(state.ReasonStart)
		w.rest()
		if n < 4 {
			t.Errorf("%d batches in all", n)
		}
		check(t, w, 60)
	})
	t.Run("what can be read is waited for while the other side's batches go out", func(t *testing.T) {
		w := newWorld(t)
		for i := range 30 {
			w.crm.put("", mail(name(i)))
			m := mail(name(i))
			m[record.Note] = note("of the book")[record.Note]
			w.book.put("", m)
		}
		// Updates of the CRM wait a little, and reads of the book longer.
		w.crm.busy = func(op connector.Op) time.Duration { return time.Second }
		w.book.busy = func(op connector.Op) time.Duration {
			if op == connector.Read {
				return time.Minute
			}
			return 0
		}
		var calls []string
		w.book.fail = func(when string) error {
			if when == "book before get" {
				calls = append(calls, "read")
			}
			return nil
		}
		w.crm.fail = func(when string) error {
			if when == "crm before apply" {
				calls = append(calls, "write")
			}
			return nil
		}
		w.ask(state.ReasonStart)
		// Three reads of ten; after each but the first, the two full batches of five that the one before gave.
		want := []string{"read", "write", "write", "read", "write", "write", "read", "write", "write"}
		if len(calls) != len(want) {
			t.Fatalf("got %v, want %v", calls, want)
		}
		for i := range want {
			if calls[i] != want[i] {
				t.Fatalf("got %v, want %v", calls, want)
			}
		}
	})
}

// costly states a floor to which it adds what it had to look up by itself.
type costly struct{ *fake }

func (f costly) Floor(w connector.Work) int { return w.Created + f.creates }

func TestFloorHasWhatAConnectorLookedUp(t *testing.T) {
	w := newWorld(t)
	w.lights[1] = costly{w.book}
	for i := range 20 {
		w.crm.put("", mail(name(i)))
	}
	w.crm.slow, w.sliceTime = time.Second, 3*time.Second // in several slices
	w.restart(w.table)
	w.ask(state.ReasonStart)
	w.rest()
	runs, _, err := w.repo.Runs(t.Context(), "t1", "conn", 10, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if r.Kind == state.Initial && r.Book.FloorCalls != 2*20 {
			t.Errorf("got %d, want 40", r.Book.FloorCalls)
		}
	}
}
