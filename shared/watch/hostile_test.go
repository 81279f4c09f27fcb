package watch_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/store"
	"meibo/shared/tenancy"
	"meibo/shared/watch"
)

// afterwards does something once, after a connection was looked up or listed, so before what follows from it is written.
type ending struct {
	store.Table
	do func()
}

func (e *ending) Query(ctx context.Context, q store.Query) (store.Page, error) {
	p, err := e.Table.Query(ctx, q)
	if do := e.do; do != nil {
		e.do = nil
		do()
	}
	return p, err
}

func TestAWatchMadeJustAsItsConnectionEnds(t *testing.T) {
	for name, end := range map[string]func(*world){
		"stops":      func(w *world) { w.conn.State = tenancy.Stopped },
		"is deleted": func(w *world) { w.connErr = tenancy.ErrNotFound },
	} {
		t.Run("a connection that "+name+" after it was found active has no watch in the end", func(t *testing.T) {
			w := newWorld(t)
			active := w.conn
			w.table.Table = &ending{w.base, func() {
				end(w)
				if err := w.svc.Remove(ctx, "t1", "c1"); err != nil {
					t.Error(err)
				}
			}}
			if err := w.svc.Ensure(ctx, active); err != nil {
				t.Fatal(err)
			}
			w.wantStates("")
			w.sound(0)
			if n := len(w.vendor("crm1").subs) + len(w.vendor("book1").subs); n != 0 {
				t.Errorf("the vendors still have %d subscriptions", n)
			}
		})
	}
	t.Run("a lost one that is made anew meanwhile is ended as well", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		clear(w.vendor("crm1").subs)
		clear(w.vendor("book1").subs)
		w.clk.Advance(4 * 24 * time.Hour)
		for _, v := range []*vendor{w.vendor("crm1"), w.vendor("book1")} {
			v.during = func() { w.conn.State = tenancy.Stopped }
		}
		w.upkeep()
		w.conn.State = tenancy.Stopped
		w.upkeep()
		if n := len(w.vendor("crm1").subs) + len(w.vendor("book1").subs); n != 0 {
			t.Errorf("the vendors still have %d subscriptions", n)
		}
	})
}

func TestOddEndsOfSubscriptions(t *testing.T) {
	for name, life := range map[string]time.Duration{
		"long past": -1000 * time.Hour, "now": time.Nanosecond, "in centuries": math.MaxInt64, "in years": 5 * 365 * 24 * time.Hour,
	} {
		t.Run("an end "+name+" leaves the watch looked at now and then", func(t *testing.T) {
			w := newWorld(t)
			for _, a := range []string{"crm1", "book1"} {
				w.vendor(a).life = life
			}
			w.ensure()
			for _, x := range w.list() {
				if d := x.Renew.Sub(w.clk.Now()); d < time.Second || d > 31*24*time.Hour {
					t.Errorf("it is looked at in %s", d)
				}
			}
		})
	}
	for name, at := range map[string]time.Time{"before Christ": time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), "in the year 20,000": time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		t.Run("an end "+name+" can be stored", func(t *testing.T) {
			w := newWorld(t)
			w.accounts["crm1"] = &odd{w.vendor("crm1"), at}
			if err := w.svc.Ensure(ctx, w.conn); err != nil {
				t.Fatal(err)
			}
			w.wantStates(bothActive)
			for _, x := range w.list() {
				if d := x.Renew.Sub(w.clk.Now()); d < time.Second || d > 31*24*time.Hour {
					t.Errorf("it is looked at in %s", d)
				}
			}
		})
	}
}

// odd is a vendor that names an end that no calendar has.
type odd struct {
	*vendor
	at time.Time
}

func (o *odd) Watch(ctx context.Context, w connector.Watch) (connector.Subscription, error) {
	s, err := o.vendor.Watch(ctx, w)
	s.Expires = o.at
	return s, err
}

func TestUpkeepTwiceAtOnce(t *testing.T) {
	w := newWorld(t)
	w.ensure()
	w.clk.Advance(4 * 24 * time.Hour)
	clear(w.vendor("crm1").subs)
	due, err := w.svc.Due(ctx, w.clk.Now(), 100)
	if err != nil || len(due) != 3 {
		t.Fatalf("got %d due, %v", len(due), err)
	}
	w.vendor("crm1").during = func() { // the second upkeep comes while the first has the vendor's answer in its hands
		for _, x := range due {
			if err := w.svc.Renew(ctx, x.ID); err != nil {
				t.Error(err)
			}
		}
		w.ensure()
	}
	for _, x := range due {
		if err := w.svc.Renew(ctx, x.ID); err != nil && !errors.Is(err, watch.ErrNotFound) {
			t.Error(err)
		}
	}
	w.wantStates(bothActive)
	w.sound(0)
	if len(w.missed) == 0 {
		t.Error("nobody was told of what was missed")
	}
}
