package watch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/store"
	"meibo/shared/tenancy"
	"meibo/shared/watch"
)

func TestEnsure(t *testing.T) {
	t.Run("makes one watch for each thing to watch, and then nothing", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.wantStates(bothActive)
		w.sound(0)
		for _, x := range w.list() {
			if !watch.ValidID(x.ID) || x.Renew.Sub(start) != x.Expires().Sub(start)/2 || x.Subscription.Extra["n"] == "" {
				t.Errorf("got %+v", x)
			}
		}
		for id, s := range w.vendor("crm1").subs {
			if len(s.watch.Secret) != 32 || len(s.watch.ID) != 18 || !s.watch.Until.After(start.Add(7*24*time.Hour)) {
				t.Errorf("%s: got %+v", id, s.watch)
			}
		}
		w.ensure()
		if a, b := w.vendor("crm1").made, w.vendor("book1").made; a != 1 || b != 2 {
			t.Errorf("got %d and %d subscriptions, want 1 and 2", a, b)
		}
	})
	t.Run("keeps no secret", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		for _, x := range w.list() {
			it, err := w.base.Get(ctx, store.Key{PK: "W#" + x.ID, SK: "watch"})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(it.Body), w.vendor(x.Account).subs[x.Subscription.ID].watch.Secret) {
				t.Error("the stored watch holds the secret")
			}
		}
	})
	t.Run("watches only the side whose changes travel, and where the vendor can", func(t *testing.T) {
		w := newWorld(t)
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		w.ensure()
		w.wantStates("crm/ active")
		w.conn.Settings.Rules.Direction = profile.BookToCRM
		w.ensure()
		w.wantStates("book/f1 active, book/f2 active")
		w.conn.Book = "book2"
		w.ensure()
		w.wantStates("")
		w.sound(0)
	})
	t.Run("follows the scope", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.conn.Settings.BookGroups = []string{"f2", "f3"}
		w.ensure()
		w.wantStates("book/f2 active, book/f3 active, crm/ active")
		w.conn.Folder = "managed"
		w.ensure()
		w.wantStates("book/managed active, crm/ active")
		w.sound(0)
	})
	t.Run("follows the account", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.accounts["book3"] = &vendor{w: w, name: "book3", targets: []string{"f1"}, subs: map[string]sub{}}
		w.conn.Book = "book3"
		w.ensure()
		w.wantStates("book/f1 active, crm/ active")
		if got := len(w.vendor("book3").subs); got != 1 {
			t.Errorf("got %d subscriptions of the new account, want 1", got)
		}
	})
	t.Run("leaves connections that are not active, and an installation that nobody reaches", func(t *testing.T) {
		w := newWorld(t)
		for _, st := range []tenancy.State{tenancy.Draft, tenancy.Paused, tenancy.NeedsReauth, tenancy.NeedsApproval} {
			w.conn.State = st
			w.ensure()
			w.wantStates("")
		}
		w.conn.State = tenancy.Active
		if err := watch.New(watch.Config{Table: w.table, Clock: w.clk}).Ensure(ctx, w.conn); err != nil {
			t.Error(err)
		}
		w.wantStates("")
	})
	t.Run("ends the watches of a connection that has ended", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.conn.State = tenancy.Stopped
		w.ensure()
		w.wantStates("")
		w.sound(0)
	})
	t.Run("remembers a refusal with its reason, and asks again a day later", func(t *testing.T) {
		w := newWorld(t)
		v := w.vendor("crm1")
		v.err = &connector.ForbiddenError{System: "CRM", What: "be told", Cure: "ask an administrator"}
		w.accounts["crm1"] = v
		if err := w.svc.Ensure(ctx, w.conn); err == nil {
			t.Fatal("a refusal of the targets is an error") // Targets refuses here as well
		}
		v.err = nil
		refusing := &refuser{vendor: v}
		w.accounts["crm1"] = refusing
		w.ensure()
		w.wantStates("book/f1 active, book/f2 active, crm/ refused")
		w.ensure()
		if refusing.asked != 1 {
			t.Errorf("got %d tries, want 1", refusing.asked)
		}
		i := slices.IndexFunc(w.list(), func(x watch.Watch) bool { return x.State == watch.Refused })
		if got := w.list()[i].Reason; !strings.Contains(got, "ask an administrator") {
			t.Errorf("got the reason %q", got)
		}
		w.accounts["crm1"] = v
		w.pass(25 * time.Hour)
		w.wantStates(bothActive)
		w.sound(0)
	})
	t.Run("one side that fails does not keep the other from its watch", func(t *testing.T) {
		w := newWorld(t)
		w.vendor("crm1").err = connector.ErrTransient
		if err := w.svc.Ensure(ctx, w.conn); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("got %v", err)
		}
		w.wantStates("book/f1 active, book/f2 active")
	})
	t.Run("two at once make each watch once", func(t *testing.T) {
		w := newWorld(t)
		w.vendor("crm1").during = func() {
			if err := w.svc.Ensure(ctx, w.conn); err != nil {
				t.Error(err)
			}
		}
		w.ensure()
		w.wantStates(bothActive)
		if a, b := w.vendor("crm1").made, w.vendor("book1").made; a != 1 || b != 2 {
			t.Errorf("got %d and %d subscriptions, want 1 and 2", a, b)
		}
		w.sound(0)
	})
	t.Run("a connection that ends while its watch is made has no watch in the end", func(t *testing.T) {
		w := newWorld(t)
		w.vendor("crm1").during = func() {
			if err := w.svc.Remove(ctx, "t1", "c1"); err != nil {
				t.Error(err)
			}
			w.conn.State = tenancy.Stopped
		}
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		w.ensure()
		w.wantStates("")
		w.sound(0)
	})
	t.Run("thousands of folders are bounded", func(t *testing.T) {
		w := newWorld(t)
		for i := range 150 {
			w.conn.Settings.BookGroups = append(w.conn.Settings.BookGroups, fmt.Sprint("f", i))
		}
		w.ensure()
		if got := len(w.list()); got != 101 {
			t.Errorf("got %d watches, want 101", got)
		}
	})
}

// refuser lists what could be watched and then refuses to.
type refuser struct {
	*vendor
	asked int
}

func (r *refuser) Watch(context.Context, connector.Watch) (connector.Subscription, error) {
	r.asked++
	return connector.Subscription{}, &connector.ForbiddenError{System: "CRM", What: "be told", Cure: "ask an administrator"}
}

func TestRenew(t *testing.T) {
	t.Run("at half of the life, for months", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.pass(60 * 24 * time.Hour)
		w.wantStates(bothActive)
		w.sound(0)
		if got := w.vendor("crm1").made; got != 1 || len(w.missed) != 0 {
			t.Errorf("got %d subscriptions and %d losses, want 1 and none", got, len(w.missed))
		}
		if n := len(w.vendor("crm1").calls); n < 18 || n > 23 {
			t.Errorf("got %d calls in sixty days, want about twenty", n)
		}
	})
	t.Run("one without an end is looked at daily", func(t *testing.T) {
		w := newWorld(t)
		w.vendor("crm1").life = 0
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		w.ensure()
		w.pass(10 * 24 * time.Hour)
		if n := len(w.vendor("crm1").calls); n < 10 || n > 14 {
			t.Errorf("got %d calls in ten days", n)
		}
	})
	t.Run("one that the vendor lost is made anew, and the loss is told after that", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		clear(w.vendor("book1").subs)
		w.pass(2 * 24 * time.Hour)
		w.wantStates(bothActive)
		w.sound(0)
		if !slices.Equal(w.missed, []profile.Side{profile.Book, profile.Book}) {
			t.Errorf("got losses %v, want two of the book", w.missed)
		}
	})
	t.Run("a loss that could not be told is told later", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		clear(w.vendor("crm1").subs)
		w.missErr = errors.New("no table")
		w.pass(4 * 24 * time.Hour)
		w.wantStates(bothActive)
		w.missErr = nil
		w.pass(time.Hour)
		if !slices.Contains(w.missed, profile.CRM) {
			t.Error("the loss was never told")
		}
		n := len(w.missed)
		w.pass(24 * time.Hour)
		if len(w.missed) != n {
			t.Errorf("got %d losses, want %d: it is told once", len(w.missed), n)
		}
		w.sound(0)
	})
	t.Run("early or twice does nothing", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		before := len(w.vendor("crm1").calls) + len(w.vendor("book1").calls)
		for _, x := range w.list() {
			if err := w.svc.Renew(ctx, x.ID); err != nil {
				t.Error(err)
			}
		}
		if err := w.svc.Renew(ctx, "123456789012345678"); err != nil {
			t.Error(err)
		}
		if got := len(w.vendor("crm1").calls) + len(w.vendor("book1").calls); got != before {
			t.Errorf("got %d calls more", got-before)
		}
	})
	t.Run("woken, it comes at once", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		id := w.list()[0].ID
		for range 2 {
			if err := w.svc.Wake(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.svc.Wake(ctx, "123456789012345678"); err != nil {
			t.Error(err)
		}
		if got := w.upkeep(); got != 1 {
			t.Errorf("got %d due, want 1", got)
		}
		w.wantStates(bothActive)
		w.sound(0)
	})
	t.Run("a vendor that is down is asked ever more rarely, and the watch is made good afterwards", func(t *testing.T) {
		w := newWorld(t)
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		w.ensure()
		w.vendor("crm1").err = connector.ErrTransient
		w.pass(3*24*time.Hour + time.Hour)
		before := len(w.vendor("crm1").calls)
		w.pass(24 * time.Hour)
		if n := len(w.vendor("crm1").calls) - before; n < 20 || n > 26 {
			t.Errorf("got %d calls in a day of outage, want about one an hour", n)
		}
		w.pass(6 * 24 * time.Hour)
		w.vendor("crm1").err = nil
		w.pass(2 * time.Hour)
		w.wantStates("crm/ active")
		if len(w.missed) != 1 {
			t.Errorf("got %d losses, want 1", len(w.missed))
		}
		w.sound(0)
	})
	t.Run("while the authorisation is gone nothing is called", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.conn.State = tenancy.NeedsReauth
		before := len(w.vendor("crm1").calls)
		w.pass(10 * 24 * time.Hour)
		if got := len(w.vendor("crm1").calls); got != before {
			t.Errorf("got %d calls", got-before)
		}
		w.conn.State = tenancy.Active
		w.pass(2 * time.Hour)
		w.wantStates(bothActive)
		if len(w.missed) != 3 {
			t.Errorf("got %d losses, want 3: the subscriptions had ended meanwhile", len(w.missed))
		}
		w.sound(0)
	})
	t.Run("a permission that is taken away ends in polling", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.vendor("crm1").err = &connector.ForbiddenError{System: "CRM", What: "be told", Cure: "ask"}
		w.pass(4 * 24 * time.Hour)
		w.wantStates("book/f1 active, book/f2 active, crm/ refused")
		if !slices.Contains(w.missed, profile.CRM) {
			t.Error("what was missed meanwhile was never told")
		}
	})
	t.Run("a connection that is gone takes its watches along", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.connErr = tenancy.ErrNotFound
		w.pass(4 * 24 * time.Hour)
		w.wantStates("")
		w.sound(0)
	})
	t.Run("so does an account that was replaced", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.conn.CRM = "crm2"
		w.pass(4 * 24 * time.Hour)
		w.wantStates("book/f1 active, book/f2 active")
		w.sound(0)
	})
}

func TestRemove(t *testing.T) {
	t.Run("tells the vendor and forgets", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		for range 2 {
			if err := w.svc.Remove(ctx, "t1", "c1"); err != nil {
				t.Fatal(err)
			}
			w.wantStates("")
			w.sound(0)
		}
	})
	t.Run("a vendor that is down is told later", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.conn.State = tenancy.Stopped
		w.vendor("crm1").err = connector.ErrTransient
		if err := w.svc.Remove(ctx, "t1", "c1"); err != nil {
			t.Fatal(err)
		}
		w.wantStates("crm/ removing")
		w.pass(24 * time.Hour)
		w.wantStates("crm/ removing")
		w.vendor("crm1").err = nil
		w.pass(2 * time.Hour)
		w.wantStates("")
		w.sound(0)
	})
	for name, life := range map[string]time.Duration{"with an end": 6 * 24 * time.Hour, "without an end": 0} {
		t.Run("a vendor that never answers does not keep a watch for ever, "+name, func(t *testing.T) {
			w := newWorld(t)
			w.vendor("crm1").life = life
			w.ensure()
			w.conn.State = tenancy.Deleted
			w.openErr = tenancy.ErrNotFound // the account is gone, too
			if err := w.svc.Remove(ctx, "t1", "c1"); err != nil {
				t.Fatal(err)
			}
			w.pass(15 * 24 * time.Hour)
			w.wantStates("")
			if got := w.upkeep(); got != 0 {
				t.Errorf("%d are due for ever", got)
			}
			p, err := w.base.Query(ctx, store.Query{PK: "WC#t1#c1"})
			if err != nil || len(p.Items) != 0 {
				t.Errorf("got %d items left, %v", len(p.Items), err)
			}
		})
	}
	t.Run("a watch that is being removed is made anew when it is wanted again", func(t *testing.T) {
		w := newWorld(t)
		w.ensure()
		w.vendor("crm1").err = connector.ErrTransient
		if err := w.svc.Remove(ctx, "t1", "c1"); err != nil {
			t.Fatal(err)
		}
		w.vendor("crm1").err = nil
		w.ensure()
		w.wantStates(bothActive)
		w.sound(0)
	})
}

func TestDue(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.conn.Settings.BookGroups = append(w.conn.Settings.BookGroups, fmt.Sprint("f", i))
	}
	w.ensure()
	for _, c := range []struct {
		after time.Duration
		limit int
		want  int
	}{{time.Hour, 100, 0}, {36*time.Hour - time.Second, 100, 0}, {36 * time.Hour, 100, 30}, {36 * time.Hour, 7, 7}, {36 * time.Hour, 0, 0}, {72 * time.Hour, 100, 31}} {
		got, err := w.svc.Due(ctx, start.Add(c.after), c.limit)
		if err != nil || len(got) != c.want {
			t.Errorf("after %s: got %d of at most %d, %v, want %d", c.after, len(got), c.limit, err, c.want)
		}
	}
	t.Run("an entry whose watch is gone is cleared away", func(t *testing.T) {
		x := w.list()[0]
		if err := w.base.Bulk(ctx, nil, []store.Key{{PK: "W#" + x.ID, SK: "watch"}}); err != nil {
			t.Fatal(err)
		}
		at := store.Query{PK: "WD#" + x.ID[17:]}
		before, err := w.base.Query(ctx, at)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.svc.Due(ctx, start.Add(72*time.Hour), 100); err != nil || len(got) != 30 {
			t.Errorf("got %d, %v, want 30", len(got), err)
		}
		after, err := w.base.Query(ctx, at)
		if err != nil || len(after.Items) != len(before.Items)-1 {
			t.Errorf("got %d entries after %d, %v", len(after.Items), len(before.Items), err)
		}
	})
}

func TestFind(t *testing.T) {
	w := newWorld(t)
	w.ensure()
	counted := store.NewCounted(w.base)
	s := watch.New(watch.Config{Table: counted, Clock: w.clk})
	for _, id := range []string{"", "1", "12345678901234567x", "1234567890123456789", "023456789012345678", "123456789012345678\n", "１２３４５６"} {
		if _, err := s.Find(ctx, id); !errors.Is(err, watch.ErrNotFound) {
			t.Errorf("%q: got %v", id, err)
		}
	}
	if got := counted.Snapshot().Requests; got != 0 {
		t.Errorf("got %d reads for ids of the wrong shape, want none", got)
	}
	if _, err := s.Find(ctx, "123456789012345678"); !errors.Is(err, watch.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	for _, want := range w.list() {
		if got, err := s.Find(ctx, want.ID); err != nil || got.Account != want.Account {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}
