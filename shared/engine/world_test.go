package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/engine"
	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/queue"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
	"meibo/shared/tenancy"
)

// world is one connection between two fakes, with the real engine and the embedded table between them.
type world struct {
	t         testing.TB
	clk       *clock.Virtual
	table     store.Table
	crm, book *fake
	conn      tenancy.Connection
	msgs      []state.Ask
	later     map[string]timed
	ids       int
	eng       *engine.Engine
	repo      *state.Repo
	lost      []string
	revive    func() // a new process after a kill
	logs      bytes.Buffer
	tenant    tenancy.TenantSettings
	openErr   error
	lights    [2]connector.Connector // in place of the fakes
	systems   [2]string              // of the accounts
	sliceTime time.Duration
	longest   time.Duration  // that handling one message took
	ahead     time.Duration  // how far an ask jumps ahead to what is scheduled
	use       *store.Counted // all that the engine asks of the table
}

type timed struct {
	at  time.Time
	ask state.Ask
}

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clk: clock.NewVirtual(start, true), later: map[string]timed{}, ahead: 12 * time.Hour}
	table, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{Clock: w.clk, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	w.table, w.tenant = table, tenancy.TenantSettings{Region: "JP"}
	w.crm = newFake("crm", w.clk, crmFields(), connector.Batch{List: 20, Get: 7, Create: 5, Update: 5, Delete: 5}, false)
	w.book = newFake("book", w.clk, bookFields(), connector.Batch{List: 30, Get: 10, Create: 8, Update: 8, Delete: 8}, true)
	if os.Getenv("TRACE") != "" {
		w.crm.tell, w.book.tell = w.trace, w.trace
	}
	rules := profile.Default("crm", "book").Rules
	rules.Mapping = profile.DefaultMapping(crmFields(), bookFields(), nil)
	w.conn = tenancy.Connection{ID: "conn", Tenant: "t1", Member: "m", CRM: "acct-crm", Book: "acct-book", State: tenancy.Active,
		Settings: tenancy.Settings{Rules: rules, Every: 10}}
	w.repo = state.NewRepo(table, w.clk)
	w.restart(table)
	return w
}

// restart gives the world a new engine, as a new process would have.
func (w *world) restart(table store.Table) {
	w.use = store.NewCounted(table)
	w.eng = engine.New(engine.Config{Table: w.use, SliceTime: w.sliceTime, Clock: w.clk, Directory: w, Keys: func(context.Context, string) (engine.TenantKeys, error) { return plainKeys{}, nil },
		Opener: w, Queue: w, Scheduler: w, Log: slog.New(slog.NewTextHandler(&w.logs, nil)), NewID: w.newID})
}

func (w *world) newID() string { w.ids++; return fmt.Sprintf("id%08d", w.ids) }

func crmFields() []record.Field {
	return []record.Field{
		{Key: record.NameFamily, Type: record.TypeText, Name: "Last name", Max: 1, Length: 40},
		{Key: record.NameGiven, Type: record.TypeText, Name: "First name", Max: 1, Length: 40},
		{Key: record.OrgName, Type: record.TypeText, Name: "Company", Max: 1},
		{Key: record.Email, Type: record.TypeEmail, Name: "Email", Slots: []record.Slot{{Label: "work", Accepts: []string{"*"}}, {Label: "other", Accepts: []string{"*"}}}},
		{Key: record.Phone, Type: record.TypePhone, Name: "Phone", Slots: []record.Slot{{Label: "work"}, {Label: "mobile"}, {Label: "other", Accepts: []string{"*"}}}},
		{Key: record.Note, Type: record.TypeLongText, Name: "Note", Max: 1},
	}
}

func bookFields() []record.Field {
	return []record.Field{
		{Key: record.NameFamily, Type: record.TypeText, Name: "Family", Max: 1},
		{Key: record.NameGiven, Type: record.TypeText, Name: "Given", Max: 1},
		{Key: record.NameMiddle, Type: record.TypeText, Name: "Middle", Max: 1},
		{Key: record.OrgName, Type: record.TypeText, Name: "Company", Max: 1},
		{Key: record.Email, Type: record.TypeEmail, Name: "E-mail", Labelled: true},
		{Key: record.Phone, Type: record.TypePhone, Name: "Phone", Labelled: true},
		{Key: record.Note, Type: record.TypeLongText, Name: "Note", Max: 1},
	}
}

func (w *world) Tenant(context.Context, string) (tenancy.Tenant, error) {
	return tenancy.Tenant{ID: "t1", Settings: w.tenant}, nil
}

func (w *world) Connection(_ context.Context, tenant, id string) (tenancy.Connection, error) {
	if tenant != w.conn.Tenant || id != w.conn.ID {
		return tenancy.Connection{}, tenancy.ErrNotFound
	}
	return w.conn, nil
}

func (w *world) Move(_ context.Context, _, _ string, to tenancy.State, reason string) error {
	w.conn.State, w.conn.Reason = to, reason
	return nil
}

func (w *world) Folder(crm, book tenancy.Account) string {
	return profile.For(crm.System, book.System).Folder
}

func (w *world) LostAccount(_ context.Context, _, account string) error {
	w.lost = append(w.lost, account)
	return nil
}

func (w *world) Open(_ context.Context, _, account string) (engine.Opened, error) {
	f, side := w.crm, profile.CRM
	if account == w.conn.Book {
		f, side = w.book, profile.Book
	}
	if w.openErr != nil {
		return engine.Opened{}, w.openErr
	}
	c := f.connector()
	if i := plan.Index(side); w.lights[i] != nil {
		c = w.lights[i]
	}
	before := f.calls
	return engine.Opened{Account: tenancy.Account{ID: account, Side: side, System: w.systems[plan.Index(side)], Identity: connector.Identity{AccountID: "ext-" + account}}, Connector: c,
		Calls: func() int { return f.calls - before }}, nil
}

func (w *world) Send(_ context.Context, ms ...queue.Message) error {
	for _, m := range ms {
		var a state.Ask
		if err := json.Unmarshal(m.Body, &a); err != nil {
			return err
		}
		w.msgs = append(w.msgs, a)
	}
	return nil
}

func (w *world) EnsureTenant(context.Context, string, time.Duration) error { return nil }
func (w *world) RemoveTenant(context.Context, string) error                { return nil }
func (w *world) Once(_ context.Context, name string, at time.Time, m queue.Message) error {
	var a state.Ask
	if err := json.Unmarshal(m.Body, &a); err != nil {
		return err
	}
	w.later[name] = timed{at, a}
	return nil
}

type plainKeys struct{}

func (plainKeys) Seal(_, _ string, b []byte) ([]byte, error) { return b, nil }
func (plainKeys) Open(_, _ string, b []byte) ([]byte, error) { return b, nil }
func (plainKeys) Digest(p string, parts ...[]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(p))
	for _, b := range parts {
		h.Write(b)
	}
	return [32]byte(h.Sum(nil))
}

// ask handles one ask and all that follows from it, jumping ahead to whatever is scheduled within the hour.
func (w *world) ask(reason state.Reason) {
	w.t.Helper()
	w.clk.Advance(time.Second)
	w.msgs = append(w.msgs, state.Ask{Tenant: "t1", Connection: w.conn.ID, Reason: reason, Asked: w.clk.Now()})
	w.idle()
}

// send handles one ask as it stands.
func (w *world) send(a state.Ask) {
	w.t.Helper()
	w.clk.Advance(time.Second)
	a.Tenant, a.Connection, a.Asked = "t1", w.conn.ID, w.clk.Now()
	w.msgs = append(w.msgs, a)
	w.idle()
}

// rest lets the connection come to rest and wants that a further run makes only the quiet calls and touches next to nothing.
func (w *world) rest() {
	w.t.Helper()
	for i := 0; i < 3; i++ {
		w.clk.Advance(time.Hour)
		w.ask(state.ReasonSchedule)
	}
	w.quiet()
}

func (w *world) quiet() {
	w.t.Helper()
	calls, creates := w.crm.calls+w.book.calls, w.crm.seq+w.book.seq
	w.use.Reset()
	w.ask(state.ReasonSchedule)
	use := w.use.Reset()
	if got := w.crm.calls + w.book.calls - calls; got != 2 {
		w.t.Errorf("a quiet run made %d calls, want 2", got)
	}
	if w.crm.seq+w.book.seq != creates {
		w.t.Errorf("a quiet run wrote at a vendor")
	}
	if use.Reads > 8 || use.Writes > 2 {
		w.t.Errorf("a quiet run used the store %+v, want at most 8 reads and 2 writes", use)
	}
	w.sound()
}

// sound checks what must hold at any time.
func (w *world) sound() {
	w.t.Helper()
	for _, f := range []*fake{w.crm, w.book} {
		for _, b := range f.bad {
			w.t.Errorf("%s: %s", f.name, b)
		}
	}
	seen := map[string]bool{}
	for _, l := range w.links() {
		for _, id := range []string{"c:" + l.CRM, "b:" + l.Book} {
			if len(id) > 2 && seen[id] {
				w.t.Errorf("%s is in two links", id)
			}
			seen[id] = true
		}
	}
	if s := w.logs.String(); strings.Contains(s, "@") || strings.Contains(s, "Tanaka") {
		w.t.Errorf("the log holds contact data:\n%s", s)
	}
	active, parked := 0, 0
	for _, l := range w.links() {
		switch l.State {
		case state.LinkActive:
			active++
		case state.LinkParked:
			parked++
		}
	}
	reviews := w.reviews()
	got, err := w.repo.Totals(context.Background(), "t1", w.conn.ID)
	if err != nil || got.Links != active || got.Parked != parked || got.Review != len(reviews) {
		w.t.Errorf("totals say %d links, %d parked, %d in review; there are %d, %d, %d (%v)", got.Links, got.Parked, got.Review, active, parked, len(reviews), err)
	}
}

func (w *world) reviews() []state.Review {
	w.t.Helper()
	rs, _, err := w.repo.Reviews(context.Background(), "t1", w.conn.ID, 100, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return rs
}

// link returns the link of a CRM record, or of a book record.
func (w *world) link(id string) state.Link {
	w.t.Helper()
	for _, l := range w.links() {
		if l.CRM == id || l.Book == id {
			return l
		}
	}
	w.t.Fatalf("no link of %s", id)
	return state.Link{}
}

var errKilled = errors.New("killed")

func (w *world) idle() {
	w.t.Helper()
	for n := 0; ; n++ {
		if n > 500 {
			w.t.Fatal("the engine does not come to rest")
		}
		if len(w.msgs) == 0 {
			name := ""
			for k, l := range w.later {
				if l.at.Sub(w.clk.Now()) < w.ahead && (name == "" || l.at.Before(w.later[name].at)) {
					name = k
				}
			}
			if name == "" {
				return
			}
			l := w.later[name]
			delete(w.later, name)
			w.clk.AdvanceTo(l.at)
			w.msgs = append(w.msgs, l.ask)
		}
		a := w.msgs[0]
		w.msgs = w.msgs[1:]
		began := w.clk.Now()
		err := w.eng.Handle(context.Background(), a)
		w.longest = max(w.longest, w.clk.Now().Sub(began))
		w.trace("%s: %v; crm %d book %d; later %v; msgs %d", a.Reason, err, len(w.crm.recs), len(w.book.recs), w.later, len(w.msgs))
		if c, e := w.repo.Control(context.Background(), "t1", w.conn.ID); e == nil && os.Getenv("TRACE") != "" {
			w.trace("   run %q intents %d retry %v plan %q began %v failures %d wait %s %s", c.Run, c.Intents, c.Retry, c.Plan, c.Began, c.Failures, c.Wait, c.WaitFor)
		}
		if err != nil {
			if !errors.Is(err, errKilled) {
				w.t.Fatalf("handle %s: %v", a.Reason, err)
			}
			w.clk.Advance(6 * time.Minute) // the message becomes visible again
			w.revive()
			w.msgs = append([]state.Ask{a}, w.msgs...)
		}
	}
}

func (w *world) lastRun() state.Run {
	w.t.Helper()
	runs, _, err := w.repo.Runs(context.Background(), "t1", w.conn.ID, 1, "")
	if err != nil || len(runs) == 0 {
		w.t.Fatalf("no run: %v", err)
	}
	return runs[0]
}

func (w *world) links() []state.Link {
	var out []state.Link
	after := ""
	for {
		ls, next, err := w.repo.Links(context.Background(), "t1", w.conn.ID, state.LinkFilter{}, 100, after)
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, ls...)
		if next == "" {
			return out
		}
		after = next
	}
}

func person(family, given string, more ...string) record.Fields {
	f := record.Fields{}
	f.Set(record.NameFamily, family)
	f.Set(record.NameGiven, given)
	for i := 0; i+1 < len(more); i += 2 {
		k, label := record.Key(more[i]), ""
		v := record.Value{Text: more[i+1]}
		if k == record.Email || k == record.Phone {
			label = "work"
		}
		v.Label = label
		f[k] = append(f[k], v)
	}
	return f
}
