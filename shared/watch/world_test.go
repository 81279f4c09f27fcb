package watch_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
	"meibo/shared/tenancy"
	"meibo/shared/watch"
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
)

// vendor is an account at a system that pushes.
type vendor struct {
	connector.Connector
	w       *world
	name    string
	targets []string
	org     string        // what shared notices name; "" means that each subscription has its own address
	life    time.Duration // of a subscription; 0 means for ever
	subs    map[string]sub
	made    int
	err     error // of the next calls
	lost    error // of the next Watch, which takes place all the same
	calls   []string
	during  func() // called within the next Watch
}

type sub struct {
	watch connector.Watch
	until time.Time
}

func (v *vendor) call(what string) error {
	v.calls = append(v.calls, what)
	return v.err
}

func (v *vendor) Targets(_ context.Context, s connector.Scope) ([]string, error) {
	if len(s.Groups) > 0 {
		return s.Groups, v.err
	}
	return v.targets, v.err
}

func (v *vendor) end() time.Time {
	if v.life == 0 {
		return time.Time{}
	}
	return v.w.clk.Now().Add(v.life)
}

func (v *vendor) Watch(_ context.Context, w connector.Watch) (connector.Subscription, error) {
	if err := v.call("watch " + w.Target); err != nil {
		return connector.Subscription{}, err
	}
	if v.during != nil {
		do := v.during
		v.during = nil
		do()
	}
	if v.org != "" {
		v.subs[v.org] = sub{w, v.end()}
		return connector.Subscription{ID: v.org, Target: w.Target, Shared: true}, v.lost
	}
	v.made++
	id := fmt.Sprintf("%s-sub%d", v.name, v.made)
	v.subs[id] = sub{w, v.end()}
	return connector.Subscription{ID: id, Target: w.Target, Expires: v.end(), Extra: map[string]string{"n": fmt.Sprint(v.made)}}, v.lost
}

func (v *vendor) Renew(_ context.Context, s connector.Subscription, w connector.Watch) (connector.Subscription, error) {
	if err := v.call("renew " + s.ID); err != nil {
		return connector.Subscription{}, err
	}
	have, ok := v.subs[s.ID]
	if !ok || !have.until.IsZero() && !have.until.After(v.w.clk.Now()) {
		delete(v.subs, s.ID)
		return connector.Subscription{}, connector.ErrNotFound
	}
	have.until = v.end()
	v.subs[s.ID] = have
	s.Expires = have.until
	return s, nil
}

func (v *vendor) Unwatch(_ context.Context, s connector.Subscription) error {
	if err := v.call("unwatch " + s.ID); err != nil {
		return err
	}
	delete(v.subs, s.ID)
	return nil
}

// dull is an account at a system that does not push.
type dull struct{ connector.Connector }

// world is a table, a clock and accounts.
type world struct {
	*testing.T
	clk      *clock.Virtual
	base     store.Table
	table    *fragile
	accounts map[string]connector.Connector
	conn     tenancy.Connection
	connErr  error
	openErr  error
	open     int
	missed   []profile.Side
	missErr  error
	svc      *watch.Service
}

// fragile is a table whose writes can fail.
type fragile struct {
	store.Table
	before, after int // the write, counted from 1, before or after which the process dies
	writes        int
}

var errDied = errors.New("the process died")

func (f *fragile) Write(ctx context.Context, ops ...store.Op) error {
	f.writes++
	if f.writes == f.before || f.after > 0 && f.writes > f.after {
		f.before = -1
		return errDied
	}
	err := f.Table.Write(ctx, ops...)
	if f.writes == f.after {
		return errDied
	}
	return err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clk := clock.NewVirtual(start, true)
	table, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{Clock: clk, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	w := &world{T: t, clk: clk, base: table, table: &fragile{Table: table}}
	w.accounts = map[string]connector.Connector{
		"crm1":  &vendor{w: w, name: "crm1", targets: []string{""}, life: 6 * 24 * time.Hour, subs: map[string]sub{}},
		"book1": &vendor{w: w, name: "book1", targets: []string{"f1", "f2"}, life: 3 * 24 * time.Hour, subs: map[string]sub{}},
		"book2": dull{},
	}
	w.conn = tenancy.Connection{ID: "c1", Tenant: "t1", CRM: "crm1", Book: "book1", State: tenancy.Active}
	w.conn.Settings.Rules.Direction = profile.TwoWay
	w.restart()
	return w
}

// restart is a new process on the same table.
func (w *world) restart() {
	w.table = &fragile{Table: w.base}
	w.svc = watch.New(watch.Config{
		Table: w.table, Clock: w.clk, HookURL: "https://sync.example.com/hooks/",
		Open: func(_ context.Context, tenant, account string) (watch.Opened, error) {
			if w.openErr != nil || tenant != "t1" {
				return watch.Opened{}, cmpErr(w.openErr, tenancy.ErrNotFound)
			}
			w.open++
			return watch.Opened{System: "sys" + account[:len(account)-1], Connector: w.accounts[account], Close: func() { w.open-- }}, nil
		},
		Connection: func(context.Context, string, string) (tenancy.Connection, error) { return w.conn, w.connErr },
		Missed: func(_ context.Context, tenant, conn string, side profile.Side) error {
			if tenant != "t1" || conn != "c1" {
				w.Errorf("got a loss of %s/%s", tenant, conn)
			}
			if w.missErr == nil {
				w.missed = append(w.missed, side)
			}
			return w.missErr
		},
	})
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (w *world) vendor(account string) *vendor {
	v, ok := w.accounts[account].(*vendor)
	if !ok {
		w.Fatalf("%s does not push", account)
	}
	return v
}

func (w *world) ensure() {
	w.Helper()
	if err := w.svc.Ensure(ctx, w.conn); err != nil {
		w.Fatal(err)
	}
}

func (w *world) list() []watch.Watch {
	w.Helper()
	ws, err := w.svc.List(ctx, "t1", "c1")
	if err != nil {
		w.Fatal(err)
	}
	return ws
}

// states writes the watches as "side target state", sorted.
func (w *world) states() string {
	w.Helper()
	var out []string
	for _, x := range w.list() {
		out = append(out, fmt.Sprintf("%s/%s %s", x.Side, x.Target, x.State))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (w *world) wantStates(want string) {
	w.Helper()
	if got := w.states(); got != want {
		w.Errorf("got %q, want %q", got, want)
	}
}

const bothActive = "book/f1 active, book/f2 active, crm/ active"

// upkeep renews what is due, as upkeep does. It returns how many.
func (w *world) upkeep() int {
	w.Helper()
	due, err := w.svc.Due(ctx, w.clk.Now(), 100)
	if err != nil {
		w.Fatal(err)
	}
	for _, x := range due {
		_ = w.svc.Renew(ctx, x.ID) // what fails comes back
	}
	return len(due)
}

// pass lets time pass, with upkeep every five minutes.
func (w *world) pass(d time.Duration) {
	w.Helper()
	for end := w.clk.Now().Add(d); w.clk.Now().Before(end); {
		w.clk.Advance(5 * time.Minute)
		w.upkeep()
	}
}

// sound checks that what the vendors have and what the table has fit: every active watch has its subscription and proves itself by
// its secret; nothing is watched twice; the due index names each watch once; what the vendors have beyond that is at most leaks,
// and each goes to an address that is refused.
func (w *world) sound(leaks int) {
	w.Helper()
	ws := w.list()
	slots, known := map[string]bool{}, map[string]bool{}
	for _, x := range ws {
		at := string(x.Side) + "/" + x.Target
		if slots[at] {
			w.Errorf("%s is watched twice", at)
		}
		slots[at] = true
		if x.State != watch.Active {
			continue
		}
		s, ok := w.vendor(x.Account).subs[x.Subscription.ID]
		switch {
		case !ok:
			w.Errorf("%s has no subscription at its vendor", at)
		case !x.Proves(s.watch.Secret) || x.Proves("") || s.watch.ID != x.ID || s.watch.URL != "https://sync.example.com/hooks/"+x.System+"/"+x.ID:
			w.Errorf("%s: the vendor has another watch than the table", at)
		}
		known[x.Subscription.ID] = true
	}
	leaked := 0
	for _, account := range []string{"crm1", "book1"} {
		for id, s := range w.vendor(account).subs {
			if known[id] {
				continue
			}
			leaked++
			if x, err := w.svc.Find(ctx, s.watch.ID); err == nil && x.State != watch.Removing && x.State != watch.Making {
				w.Errorf("a subscription that leaked is not refused")
			}
		}
	}
	if leaked > leaks {
		w.Errorf("got %d subscriptions that nobody knows, want at most %d", leaked, leaks)
	}
	due, err := w.svc.Due(ctx, w.clk.Now().Add(365*24*time.Hour), 100)
	if err != nil || len(due) != len(ws) {
		w.Errorf("the due index has %d watches, want %d (%v)", len(due), len(ws), err)
	}
	if w.open != 0 {
		w.Errorf("%d accounts were not handed back", w.open)
	}
}
