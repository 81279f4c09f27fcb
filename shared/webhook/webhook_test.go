package webhook_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
	"meibo/shared/watch"
	"meibo/shared/webhook"
)

const (
	id     = "123456789012345678"
	unborn = "223456789012345678"
	going  = "323456789012345678"
	secret = "0123456789abcdefABCDEFGHIJKLMNOP"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// read reads {"notices":[...]}, or echoes ?echo=.
func read(d connector.Delivery) (connector.Reading, error) {
	if e := d.Query.Get("echo"); e != "" {
		return connector.Reading{Echo: e}, nil
	}
	var r connector.Reading
	if err := json.Unmarshal(d.Body, &r); err != nil {
		return connector.Reading{}, fmt.Errorf("%w: no JSON", connector.ErrMalformed)
	}
	return r, nil
}

// world is a handler over a real inbox.
type world struct {
	*testing.T
	clk     *clock.Virtual
	table   *store.Counted
	repo    *state.Repo
	watches map[string]watch.Watch
	finds   int
	woken   []string
	mu      sync.Mutex // guards asks and at: several connections may be told at once
	asks    []state.Ask
	at      []time.Time
	askErr  error
	findErr error
	wakeErr error
	logs    bytes.Buffer

	secret    string // of Meibo's registration
	secretErr error
	h         http.Handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clk := clock.NewVirtual(start, true)
	table, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{Clock: clk, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	w := &world{T: t, secret: "our-own", clk: clk, table: store.NewCounted(table)}
	w.repo = state.NewRepo(w.table, clk)
	sum := sha256.Sum256([]byte(secret))
	base := watch.Watch{ID: id, Tenant: "t1", Connection: "c1", Account: "a1", System: "quick", Side: profile.CRM, State: watch.Active, Sum: sum[:],
		Subscription: connector.Subscription{ID: "sub1"}}
	w.watches = map[string]watch.Watch{id: base}
	base.ID, base.State, base.Subscription.ID = unborn, watch.Making, ""
	w.watches[unborn] = base
	base.ID, base.State = going, watch.Removing
	w.watches[going] = base
	w.h = webhook.New(webhook.Config{
		Watches: w, Post: w.repo.Post, Clock: clk, Log: slog.New(slog.NewTextHandler(&w.logs, nil)),
		Readers: map[string]connector.HookReader{"quick": read, "lenient": read}, Lenient: map[string]bool{"lenient": true},
		Shared: map[string]connector.SharedHookReader{"broad": readShared}, URL: "https://meibo.example/hooks",
		Secret: func(context.Context, string) (string, error) { return w.secret, w.secretErr },
		Ask: func(_ context.Context, a state.Ask, at time.Time) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asks, w.at = append(w.asks, a), append(w.at, at)
			return w.askErr
		},
	})
	return w
}

func (w *world) Find(_ context.Context, id string) (watch.Watch, error) {
	w.finds++
	x, ok := w.watches[id]
	if !ok && w.findErr == nil {
		return x, watch.ErrNotFound
	}
	return x, w.findErr
}

func (w *world) Wake(_ context.Context, id string) error {
	w.woken = append(w.woken, id)
	return w.wakeErr
}

func (w *world) send(method, path, body string) *httptest.ResponseRecorder {
	w.Helper()
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
	if got := rec.Header().Get("X-Content-Type-Options"); rec.Code < 400 && got != "nosniff" {
		w.Errorf("%s %s: got X-Content-Type-Options %q", method, path, got)
	}
	return rec
}

// post delivers notices to the watch and checks the status.
func (w *world) post(status int, notices ...connector.Notice) {
	w.Helper()
	if rec := w.send("POST", "/hooks/quick/"+id, encode(notices...)); rec.Code != status {
		w.Errorf("got %d, want %d", rec.Code, status)
	}
}

func encode(notices ...connector.Notice) string {
	b, err := json.Marshal(connector.Reading{Notices: notices})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func notice(kind connector.NoticeKind, ids ...string) connector.Notice {
	return connector.Notice{Subscription: "sub1", Proof: secret, Kind: kind, IDs: ids}
}

// untouched checks that nothing was written, asked or woken.
func (w *world) untouched() {
	w.Helper()
	if got := w.table.Snapshot(); got.Requests != 0 {
		w.Errorf("the table had %d requests, want none", got.Requests)
	}
	if len(w.asks) != 0 || len(w.woken) != 0 {
		w.Errorf("got %d asks and %d watches woken, want none", len(w.asks), len(w.woken))
	}
}

func (w *world) inbox() state.Inbox {
	w.Helper()
	s, err := w.repo.Acquire(context.Background(), "t1", "c1", state.Control{}, "r1")
	if err != nil {
		w.Fatal(err)
	}
	in, err := s.TakeInbox(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	return in
}

func TestAProvenNoticeAsksForARun(t *testing.T) {
	w := newWorld(t)
	w.post(202, notice(connector.NoticeChanged, "7", "8"), notice(connector.NoticeDeleted, "9"))
	want := state.Ask{Tenant: "t1", Connection: "c1", Reason: state.ReasonHook, Asked: start}
	if len(w.asks) != 1 || w.asks[0] != want || !w.at[0].Equal(start) {
		t.Fatalf("got %+v at %v, want %+v at once", w.asks, w.at, want)
	}
	w.post(202, notice(connector.NoticeChanged, "7"))
	if len(w.asks) != 1 {
		t.Errorf("got %d asks, want 1: a run is on its way", len(w.asks))
	}
	in := w.inbox()
	got := []string{}
	for _, h := range in.Hints {
		got = append(got, fmt.Sprintf("%s %s %s", h.Side, h.ID, h.Kind))
	}
	if want := []string{"crm 7 changed", "crm 8 changed", "crm 9 deleted"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(w.woken) != 0 {
		t.Errorf("got %d watches woken", len(w.woken))
	}
}

func TestWhatIsNotProvenChangesNothing(t *testing.T) {
	change := func(f func(*connector.Notice)) string {
		n := notice(connector.NoticeChanged, "1")
		f(&n)
		return encode(n)
	}
	for name, c := range map[string]struct {
		method, path, body string
		want, reads        int
	}{
		"no such system":            {"POST", "/hooks/slow/" + id, encode(notice(connector.NoticeChanged, "1")), 404, 0},
		"a short id":                {"POST", "/hooks/quick/12345", "{}", 404, 0},
		"an id of letters":          {"POST", "/hooks/quick/12345678901234567x", "{}", 404, 0},
		"no id":                     {"POST", "/hooks/quick/", "{}", 404, 0},
		"a path below":              {"POST", "/hooks/quick/" + id + "/x", "{}", 404, 0},
		"another method":            {"PUT", "/hooks/quick/" + id, "", 405, 0},
		"a look":                    {"GET", "/hooks/quick/999999999999999999", "", 200, 0},
		"a short look":              {"HEAD", "/hooks/quick/" + id, "", 200, 0},
		"a look at nothing":         {"GET", "/hooks/quick/1", "", 404, 0},
		"an unknown watch":          {"POST", "/hooks/quick/999999999999999999", encode(notice(connector.NoticeChanged, "1")), 404, 1},
		"another system's watch":    {"POST", "/hooks/lenient/" + id, encode(notice(connector.NoticeChanged, "1")), 404, 1},
		"a watch that is going":     {"POST", "/hooks/quick/" + going, encode(notice(connector.NoticeChanged, "1")), 404, 1},
		"a body beyond the bound":   {"POST", "/hooks/quick/" + id, strings.Repeat(" ", 256<<10+1), 413, 0},
		"no notification":           {"POST", "/hooks/quick/" + id, "<html>", 400, 1},
		"no notices":                {"POST", "/hooks/quick/" + id, "{}", 403, 1},
		"a wrong secret":            {"POST", "/hooks/quick/" + id, change(func(n *connector.Notice) { n.Proof = strings.ToLower(secret) }), 403, 1},
		"no secret":                 {"POST", "/hooks/quick/" + id, change(func(n *connector.Notice) { n.Proof = "" }), 403, 1},
		"another subscription":      {"POST", "/hooks/quick/" + id, change(func(n *connector.Notice) { n.Subscription = "sub2" }), 403, 1},
		"a stale one":               {"POST", "/hooks/quick/" + id, change(func(n *connector.Notice) { n.At = start.Add(-25 * time.Hour) }), 202, 1},
		"one from the future":       {"POST", "/hooks/quick/" + id, change(func(n *connector.Notice) { n.At = start.Add(2 * time.Hour) }), 202, 1},
		"a greeting":                {"POST", "/hooks/quick/" + id, encode(notice(connector.NoticeHello)), 202, 1},
		"an empty probe":            {"POST", "/hooks/quick/" + id, "", 200, 1},
		"more notices than anybody": {"POST", "/hooks/quick/" + id, encode(slices.Repeat([]connector.Notice{{Kind: "x"}}, 2001)...), 400, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if rec := w.send(c.method, c.path, c.body); rec.Code != c.want || rec.Body.Len() != 0 && c.want < 400 {
				t.Errorf("got %d %q, want %d", rec.Code, rec.Body, c.want)
			}
			if w.finds != c.reads {
				t.Errorf("got %d look-ups, want %d", w.finds, c.reads)
			}
			w.untouched()
		})
	}
	t.Run("a lenient system is told that all is well", func(t *testing.T) {
		w := newWorld(t)
		x := w.watches[id]
		x.System = "lenient"
		w.watches[id] = x
		for _, body := range []string{"<html>", "{}", change(func(n *connector.Notice) { n.Proof = "wrong" })} {
			if rec := w.send("POST", "/hooks/lenient/"+id, body); rec.Code != 202 {
				t.Errorf("%s: got %d, want 202", body, rec.Code)
			}
		}
		w.untouched()
	})
	t.Run("a vendor that tries the address while it subscribes finds it well", func(t *testing.T) {
		w := newWorld(t)
		if rec := w.send("POST", "/hooks/quick/"+unborn, `[{"test":true}]`); rec.Code != 202 {
			t.Errorf("got %d, want 202", rec.Code)
		}
		w.untouched()
	})
	t.Run("the proven ones of a delivery are taken without the others", func(t *testing.T) {
		w := newWorld(t)
		forged := notice(connector.NoticeChanged, "forged")
		forged.Proof = "x"
		w.post(202, forged, notice(connector.NoticeChanged, "1"))
		if in := w.inbox(); len(in.Hints) != 1 || in.Hints[0].ID != "1" {
			t.Errorf("got %+v", in.Hints)
		}
	})
	t.Run("nothing of a delivery is logged or repeated", func(t *testing.T) {
		w := newWorld(t)
		for _, body := range []string{"<script>Taro", change(func(n *connector.Notice) { n.Proof, n.IDs = "Taro", []string{"Taro"} })} {
			if rec := w.send("POST", "/hooks/quick/"+id, body); strings.Contains(rec.Body.String(), "Taro") {
				t.Errorf("got %s", rec.Body)
			}
		}
		if s := w.logs.String(); strings.Contains(s, "Taro") || strings.Contains(s, secret) {
			t.Errorf("the log holds %s", s)
		}
	})
}

func TestTenThousandForgedInABurstLeaveTheQueueEmpty(t *testing.T) {
	w := newWorld(t)
	forged := notice(connector.NoticeChanged, "1")
	for i := range 10_000 {
		forged.Proof = fmt.Sprintf("%032d", i)
		if rec := w.send("POST", "/hooks/quick/"+id, encode(forged)); rec.Code != 403 {
			t.Fatalf("got %d, want 403", rec.Code)
		}
	}
	w.untouched()
}

func TestReplays(t *testing.T) {
	w := newWorld(t)
	n := notice(connector.NoticeChanged, "1")
	n.Event, n.At = "e1", start
	w.post(202, n)
	w.inbox()
	w.clk.Advance(time.Minute)
	for range 3 {
		w.post(202, n)
	}
	if len(w.asks) != 1 {
		t.Errorf("got %d asks, want 1", len(w.asks))
	}
}

func TestHandshake(t *testing.T) {
	w := newWorld(t)
	rec := w.send("POST", "/hooks/quick/"+unborn+"?echo=Validation%3a+Testing+client+application+reachability", "")
	if rec.Code != 200 || rec.Body.String() != "Validation: Testing client application reachability" || rec.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got %d %s %q", rec.Code, rec.Header().Get("Content-Type"), rec.Body)
	}
	for _, bad := range []string{"%3Cscript%3E", "a%0Ab", "%00", "%FF", strings.Repeat("x", 4097)} {
		if rec := w.send("POST", "/hooks/quick/"+id+"?echo="+bad, ""); rec.Code != 400 || rec.Body.Len() != 0 {
			t.Errorf("%.20s: got %d %q, want 400", bad, rec.Code, rec.Body)
		}
	}
	if rec := w.send("POST", "/hooks/quick/999999999999999999?echo=hello", ""); rec.Code != 404 || rec.Body.Len() != 0 {
		t.Errorf("an unknown watch: got %d %q, want 404", rec.Code, rec.Body)
	}
	w.untouched()
}

func TestANoticeBeforeTheVendorsAnswerIsTaken(t *testing.T) {
	w := newWorld(t)
	if rec := w.send("POST", "/hooks/quick/"+unborn, encode(notice(connector.NoticeChanged, "1"))); rec.Code != 202 || len(w.asks) != 1 {
		t.Errorf("got %d and %d asks", rec.Code, len(w.asks))
	}
}

func TestLifecycle(t *testing.T) {
	for kind, want := range map[connector.NoticeKind]struct{ wakes, asks int }{
		connector.NoticeRenew: {1, 0}, connector.NoticeRemoved: {1, 1}, connector.NoticeMissed: {1, 1},
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.post(202, notice(kind))
			if len(w.woken) != want.wakes || len(w.asks) != want.asks {
				t.Errorf("got %d woken and %d asks, want %+v", len(w.woken), len(w.asks), want)
			}
			if got := w.inbox().Lost; got != (want.asks > 0) {
				t.Errorf("got lost %t", got)
			}
		})
	}
	t.Run("a notice of more records than are kept is a loss", func(t *testing.T) {
		w := newWorld(t)
		w.post(202, notice(connector.NoticeChanged, slices.Repeat([]string{"1"}, 1001)...))
		if in := w.inbox(); !in.Lost || len(in.Hints) != 0 {
			t.Errorf("got %+v", in)
		}
	})
}

func TestWhatCannotBeStoredIsSentAgain(t *testing.T) {
	for name, breakIt := range map[string]func(*world){
		"no watch can be read":  func(w *world) { w.findErr = errors.New("the table is down") },
		"no ask can be sent":    func(w *world) { w.askErr = errors.New("the queue is down") },
		"no watch can be woken": func(w *world) { w.wakeErr = errors.New("the table is down") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			breakIt(w)
			w.post(503, notice(connector.NoticeMissed))
			w.findErr, w.askErr, w.wakeErr = nil, nil, nil
			w.clk.Advance(2 * time.Minute)
			before := len(w.asks)
			w.post(202, notice(connector.NoticeMissed))
			if len(w.asks) != before+1 {
				t.Errorf("got %d asks, want one more", len(w.asks)-before)
			}
		})
	}
	t.Run("a body that breaks off", func(t *testing.T) {
		w := newWorld(t)
		r := httptest.NewRequest("POST", "/hooks/quick/"+id, io.MultiReader(strings.NewReader("{"), broken{}))
		rec := httptest.NewRecorder()
		w.h.ServeHTTP(rec, r)
		if rec.Code != 400 {
			t.Errorf("got %d, want 400", rec.Code)
		}
		w.untouched()
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
