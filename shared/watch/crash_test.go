package watch_test

import (
	"errors"
	"testing"
	"time"

	"meibo/shared/profile"
	"meibo/shared/store"
)

// A process may die before or after any write, and with an answer of the vendor in its hands. Afterwards upkeep and Ensure make
// everything good; one subscription may have leaked, and it is refused.
func TestACrashAnywhereLeaksAtMostOneSubscription(t *testing.T) {
	type step struct {
		name string
		do   func(*world) error
	}
	steps := []step{
		{"ensure", func(w *world) error { return w.svc.Ensure(ctx, w.conn) }},
		{"renew a lost one", func(w *world) error {
			if err := watchAll(w); err != nil {
				return err
			}
			clear(w.vendor("crm1").subs)
			w.clk.Advance(3 * 24 * time.Hour)
			w.arm()
			for _, x := range w.list() {
				if x.Side == profile.CRM {
					return w.svc.Renew(ctx, x.ID)
				}
			}
			return nil
		}},
		{"remove", func(w *world) error {
			if err := watchAll(w); err != nil {
				return err
			}
			w.arm()
			return w.svc.Remove(ctx, "t1", "c1")
		}},
	}
	for _, s := range steps {
		for n := 1; ; n++ {
			died := 0
			for _, after := range []bool{false, true} {
				w := newWorld(t)
				w.conn.Settings.Rules.Direction = profile.CRMToBook
				arm := func() { w.table.before, w.table.writes = n, 0 }
				if after {
					arm = func() { w.table.after, w.table.writes = n, 0 }
				}
				if s.name == "ensure" {
					arm()
				} else {
					w.table.Table = armed{w.table.Table, arm}
				}
				if errors.Is(s.do(w), errDied) {
					died++
				}
				w.restart()
				if s.name == "ensure" { // otherwise the vendor's subscription is gone, and the table cannot know yet
					w.sound(1)
				}
				w.pass(3 * time.Hour)
				if s.name != "remove" {
					w.ensure()
					w.wantStates("crm/ active")
				} else if err := w.svc.Remove(ctx, "t1", "c1"); err != nil {
					t.Fatal(err)
				}
				w.sound(1)
				if s.name == "renew a lost one" && len(w.missed) == 0 {
					t.Errorf("%s, death at write %d: what was missed was never told", s.name, n)
				}
				if t.Failed() {
					t.Fatalf("%s, death at write %d, after it: %t", s.name, n, after)
				}
			}
			if died == 0 {
				if n < 2 {
					t.Fatalf("%s never died", s.name)
				}
				break
			}
		}
	}
}

func watchAll(w *world) error { return w.svc.Ensure(ctx, w.conn) }

// armed lets a test begin counting writes in the middle of a step.
type armed struct {
	store.Table
	begin func()
}

func (w *world) arm() {
	if a, ok := w.table.Table.(armed); ok {
		a.begin()
	}
}
