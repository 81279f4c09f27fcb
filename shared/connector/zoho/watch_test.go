package zoho_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/zoho"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	box "meibo/shared/sandbox/zoho"
)

const (
	watchID     = "184467440737095516"
	watchSecret = "0123456789abcdefABCDEFGHIJKLMNOP"
)

// ear is a subscriber that keeps what it is sent.
type ear struct {
	*httptest.Server
	mu   sync.Mutex
	sent []connector.Delivery
}

func newEar(t *testing.T) *ear {
	e := &ear{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.sent = append(e.sent, connector.Delivery{Header: r.Header, Query: r.URL.Query(), Body: b})
	}))
	t.Cleanup(e.Close)
	return e
}

// heard waits for the sandbox to have delivered, and reads what came.
func (e *ear) heard(t *testing.T, b *box.Sandbox) []connector.Notice {
	t.Helper()
	wait, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := b.Pusher().Wait(wait); err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []connector.Notice
	for _, d := range e.sent {
		r, err := zoho.ReadHook(d)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r.Notices...)
	}
	e.sent = nil
	return out
}

func (a *account) watching(e *ear) connector.Watch {
	return connector.Watch{ID: watchID, URL: e.URL + "/hooks/zoho/" + watchID, Secret: watchSecret, Until: a.clock.Now().Add(30 * 24 * time.Hour)}
}

func TestWatchTellsOfEveryChange(t *testing.T) {
	a, e := over(t, box.Config{}, nil), newEar(t)
	targets, err := a.Targets(ctx, connector.Scope{Groups: []string{"5"}})
	if err != nil || !slices.Equal(targets, []string{""}) {
		t.Fatalf("got %q, %v", targets, err)
	}
	sub, err := a.Watch(ctx, a.watching(e))
	if err != nil {
		t.Fatal(err)
	}
	if got := sub.Expires.Sub(a.clock.Now()); sub.ID != watchID || got != 7*24*time.Hour-time.Hour {
		t.Errorf("got %+v, which lasts %s", sub, got)
	}
	done, err := a.box.Fill(aiko, []sandbox.Seed{{Record: named("Oda")}})
	a.must(err)
	a.must(a.box.Edit(aiko, done.IDs[0], record.Fields{record.NameFamily: {{Text: "Ota"}}}))
	a.must(a.box.Remove(aiko, done.IDs[0]))
	got := e.heard(t, a.box)
	want := []connector.NoticeKind{connector.NoticeChanged, connector.NoticeChanged, connector.NoticeDeleted}
	if len(got) != len(want) {
		t.Fatalf("got %d notices, want %d", len(got), len(want))
	}
	events := map[string]bool{}
	for i, n := range got {
		events[n.Event] = true
		if n.Kind != want[i] || n.Proof != watchSecret || n.Subscription != watchID || !slices.Equal(n.IDs, done.IDs) || !n.At.After(start.Add(-time.Second)) {
			t.Errorf("notice %d: got %+v", i, n)
		}
	}
	if len(events) != 3 || events[""] {
		t.Errorf("got %d events, want 3", len(events))
	}
	t.Run("until it is ended, twice if need be", func(t *testing.T) {
		a.must(a.Unwatch(ctx, sub))
		a.must(a.Unwatch(ctx, sub))
		_, err := a.box.Fill(aiko, []sandbox.Seed{{Record: named("Oda")}})
		a.must(err)
		if got := e.heard(t, a.box); len(got) != 0 {
			t.Errorf("got %+v, want nothing", got)
		}
	})
}

func TestRenew(t *testing.T) {
	a, e := over(t, box.Config{}, nil), newEar(t)
	w := a.watching(e)
	sub, err := a.Watch(ctx, w)
	a.must(err)
	w.Secret = "" // nobody keeps it
	t.Run("moves the end and keeps the proof", func(t *testing.T) {
		a.clock.Advance(3 * 24 * time.Hour)
		a.token = a.consent(zoho.Scopes())
		w.Until = a.clock.Now().Add(30 * 24 * time.Hour)
		next, err := a.Renew(ctx, sub, w)
		if err != nil || next.Expires.Sub(sub.Expires) != 3*24*time.Hour {
			t.Fatalf("got %+v after %+v, %v", next, sub, err)
		}
		a.clock.Advance(6 * 24 * time.Hour)
		_, err = a.box.Fill(aiko, []sandbox.Seed{{Record: named("Oda")}})
		a.must(err)
		if got := e.heard(t, a.box); len(got) != 1 || got[0].Proof != watchSecret {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("says so when the channel is gone", func(t *testing.T) {
		a.token = a.consent(zoho.Scopes())
		a.must(a.box.EndChannels(aiko))
		if _, err := a.Renew(ctx, sub, w); !errors.Is(err, connector.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

func TestWatchRefusals(t *testing.T) {
	t.Run("an authorisation from before there were notifications is not lost by it", func(t *testing.T) {
		a, e := over(t, box.Config{}, nil), newEar(t)
		access, _, err := a.box.Issue(aiko, slices.DeleteFunc(zoho.Scopes(), func(s string) bool { return strings.Contains(s, "notifications") })...)
		a.must(err)
		a.token.Access = access
		for name, err := range map[string]error{
			"watch":   second(a.Watch(ctx, a.watching(e))),
			"unwatch": a.Unwatch(ctx, connector.Subscription{ID: watchID}),
		} {
			var forbidden *connector.ForbiddenError
			var lost *connector.AuthLostError
			if !errors.As(err, &forbidden) || errors.As(err, &lost) {
				t.Errorf("%s: got %v, want a ForbiddenError", name, err)
			}
		}
	})
	t.Run("a user who may not see contacts is refused", func(t *testing.T) {
		a, e := over(t, box.Config{}, nil), newEar(t)
		a.must(a.box.SetPermission(aiko, "Administrator", "Crm_Implied_View_Contacts", false))
		var forbidden *connector.ForbiddenError
		if _, err := a.Watch(ctx, a.watching(e)); !errors.As(err, &forbidden) {
			t.Errorf("got %v, want a ForbiddenError", err)
		}
	})
	t.Run("an answer that was cut leaves the outcome open", func(t *testing.T) {
		a, e := over(t, box.Config{}, nil), newEar(t)
		a.box.Faults().Add(sandbox.Fault{Path: "/actions/watch", AfterWrite: true})
		if _, err := a.Watch(ctx, a.watching(e)); !errors.Is(err, connector.ErrOutcomeUnknown) {
			t.Errorf("got %v, want ErrOutcomeUnknown", err)
		}
	})
	t.Run("a grant that is shorter than asked is what counts", func(t *testing.T) {
		a, e := over(t, box.Config{}, nil), newEar(t)
		a.box.Faults().Add(sandbox.Fault{Path: "/actions/watch", Status: 201,
			Body: `{"watch":[{"code":"SUCCESS","details":{"events":[{"channel_expiry":"2026-10-02T19:00:00+09:00","resource_uri":"u","resource_id":"1","resource_name":"Contacts","channel_id":"` + watchID + `"}]},"message":"m","status":"success"}]}`})
		sub, err := a.Watch(ctx, a.watching(e))
		if want := time.Date(2026, 10, 2, 10, 0, 0, 0, time.UTC); err != nil || !sub.Expires.Equal(want) {
			t.Errorf("got %+v, %v, want an end at %s", sub, err, want)
		}
	})
	t.Run("odd answers have their errors", func(t *testing.T) {
		for body, want := range map[string]error{
			`{"watch":[{"code":"NOT_SUBSCRIBED","details":{},"message":"m","status":"error"}]}`:      connector.ErrNotFound,
			`{"code":"NOT_SUBSCRIBED","details":{},"message":"m","status":"error"}`:                  connector.ErrNotFound,
			`{"watch":[{"code":"SERVICE_UNAVAILABLE","details":{},"message":"m","status":"error"}]}`: connector.ErrTransient,
			`{"watch":[{"code":"INTERNAL_ERROR","details":{},"message":"m","status":"error"}]}`:      connector.ErrOutcomeUnknown,
			`{"watch":[{"code":"INVALID_DATA","details":{},"message":"m","status":"error"}]}`:        connector.ErrMisconfigured,
			`{"watch":[]}`: connector.ErrOutcomeUnknown,
		} {
			a, e := over(t, box.Config{}, nil), newEar(t)
			a.box.Faults().Add(sandbox.Fault{Path: "/actions/watch", Status: 400, Body: body})
			if _, err := a.Watch(ctx, a.watching(e)); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", body, err, want)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func named(family string) record.Record {
	return record.Record{Kind: record.Contact, Fields: record.Fields{record.NameFamily: {{Text: family}}}}
}

func TestWatchFollowsTheDescription(t *testing.T) {
	d := newDescribed(t)
	a, e := over(t, box.Config{}, func(base http.RoundTripper) http.RoundTripper { d.base = base; return d }), newEar(t)
	sub, err := a.Watch(ctx, a.watching(e))
	a.must(err)
	_, err = a.Renew(ctx, sub, a.watching(e))
	a.must(err)
	a.must(a.Unwatch(ctx, sub))
	for _, op := range []string{"POST", "PATCH", "DELETE"} {
		if d.ops[op+" /actions/watch"] != 1 {
			t.Errorf("got %v, want one %s", d.ops, op)
		}
	}
}

func TestReadHook(t *testing.T) {
	captured := `{"server_time":1790932144573,"affected_values":[{"record_id":"5843201000000462007","values":{"Mobile":"+81 90-5555-0190"}}],
		"query_params":{},"module":"Contacts","resource_uri":"https://www.zohoapis.jp/crm/v8/Contacts",
		"ids":["5843201000000462007","5843201000000462055"],"affected_fields":[{"5843201000000462007":["Mobile"]}],
		"operation":"update","channel_id":"1000000068001","token":"t-7f1c9be0"}`
	change := func(k string, v any) []byte {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(captured), &m); err != nil {
			t.Fatal(err)
		}
		m[k] = v
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	read := func(t *testing.T, b []byte) connector.Notice {
		t.Helper()
		r, err := zoho.ReadHook(connector.Delivery{Body: b})
		if err != nil || len(r.Notices) != 1 || r.Echo != "" {
			t.Fatalf("got %+v, %v", r, err)
		}
		return r.Notices[0]
	}
	t.Run("the captured body", func(t *testing.T) {
		got := read(t, []byte(captured))
		want := connector.Notice{Subscription: "1000000068001", Proof: "t-7f1c9be0", Kind: connector.NoticeChanged, Event: got.Event,
			At: time.UnixMilli(1790932144573).UTC(), IDs: []string{"5843201000000462007", "5843201000000462055"}}
		if !reflect.DeepEqual(got, want) || got.Event == "" {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("the same body is the same event, another is another", func(t *testing.T) {
		if a, b := read(t, []byte(captured)).Event, read(t, []byte(captured)).Event; a != b {
			t.Errorf("got %s and %s", a, b)
		}
		if a, b := read(t, change("server_time", 1790932144573)).Event, read(t, change("server_time", 1790932144574)).Event; a == b {
			t.Errorf("got %s twice", a)
		}
	})
	t.Run("a body without a time cannot be told from its repetition", func(t *testing.T) {
		if got := read(t, change("server_time", nil)); got.Event != "" || !got.At.IsZero() {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("ids as numbers keep all their digits", func(t *testing.T) {
		b := []byte(strings.NewReplacer(`"5843201000000462007",`, `5843201000000462007,`, `"1000000068001"`, `1000000068001`).Replace(captured))
		if got := read(t, b); got.IDs[0] != "5843201000000462007" || got.Subscription != "1000000068001" {
			t.Errorf("got %+v", got)
		}
	})
	for operation, want := range map[string]connector.NoticeKind{"insert": "changed", "create": "changed", "edit": "changed", "delete": "deleted"} {
		t.Run(operation, func(t *testing.T) {
			if got := read(t, change("operation", operation)); got.Kind != want || len(got.IDs) != 2 {
				t.Errorf("got %+v, want %s", got, want)
			}
		})
	}
	t.Run("what is about something else names no records", func(t *testing.T) {
		for _, b := range [][]byte{change("module", "Deals"), change("operation", "merge")} {
			if got := read(t, b); len(got.IDs) != 0 || got.Kind != connector.NoticeChanged {
				t.Errorf("got %+v", got)
			}
		}
	})
	for name, b := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("<html>"), "a list": []byte("[]"), "no token": change("token", nil), "no channel": change("channel_id", ""),
		"no operation": change("operation", ""), "a token of another kind": change("token", 5), "ids of another kind": change("ids", "1"),
		"an id that is an object": change("ids", []any{map[string]any{}}),
	} {
		t.Run(name+" is malformed", func(t *testing.T) {
			if _, err := zoho.ReadHook(connector.Delivery{Body: b}); !errors.Is(err, connector.ErrMalformed) {
				t.Errorf("got %v, want ErrMalformed", err)
			}
		})
	}
}
