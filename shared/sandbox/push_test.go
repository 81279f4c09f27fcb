package sandbox_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/sandbox"
)

// ear is a subscriber. It answers with status, and keeps what it heard.
type ear struct {
	*httptest.Server
	mu     sync.Mutex
	heard  []string
	status int
}

func newEar(t *testing.T) *ear {
	e := &ear{status: 202}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, r.Method+" "+r.Header.Get("X-Say")+" "+string(b))
		if e.status == 302 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(e.status)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *ear) answer(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
}

func (e *ear) said() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := e.heard
	e.heard = nil
	return out
}

func newPusher(t *testing.T, c clock.Clock) *sandbox.Pusher {
	p := sandbox.NewPusher(sandbox.PusherConfig{Clock: c})
	t.Cleanup(p.Close)
	return p
}

func settled(t *testing.T, p *sandbox.Pusher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

func wantSaid(t *testing.T, e *ear, want ...string) {
	t.Helper()
	if got := e.said(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func push(e *ear, key, body string) sandbox.Push {
	return sandbox.Push{Key: key, URL: e.URL, Header: http.Header{"X-Say": {"hear"}}, Body: []byte(body)}
}

func TestPusherKeepsTheOrderOfAKey(t *testing.T) {
	e, p := newEar(t), newPusher(t, clock.Real{})
	var want []string
	for i := range 50 {
		body := string(rune('A' + i))
		p.Send(push(e, "k", body), sandbox.Policy{})
		want = append(want, "POST hear "+body)
	}
	settled(t, p)
	wantSaid(t, e, want...)
	if got := p.Counts(); got != (sandbox.PushCounts{Sent: 50}) {
		t.Errorf("got %+v", got)
	}
}

func TestPusherRetries(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	policy := func(results *[]int) sandbox.Policy {
		var mu sync.Mutex
		return sandbox.Policy{Retries: []time.Duration{3 * time.Second, 30 * time.Second},
			Prepare: func(p sandbox.Push, n int) sandbox.Push { p.Body = append([]byte{byte('0' + n)}, p.Body...); return p },
			OnResult: func(_ sandbox.Push, _, status int, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					status = -1
				}
				*results = append(*results, status)
			}}
	}
	t.Run("when the clock comes to the time, and never moves it", func(t *testing.T) {
		v := clock.NewVirtual(start, true)
		e, p := newEar(t), newPusher(t, v)
		e.answer(500)
		var results []int
		p.Send(push(e, "k", "a"), policy(&results))
		settled(t, p)
		wantSaid(t, e, "POST hear 1a")
		v.Advance(2 * time.Second)
		settled(t, p)
		wantSaid(t, e)
		v.Advance(time.Second)
		settled(t, p)
		wantSaid(t, e, "POST hear 2a")
		e.answer(204)
		v.Advance(30 * time.Second)
		settled(t, p)
		wantSaid(t, e, "POST hear 3a")
		if got := v.Now().Sub(start); got != 33*time.Second || !slices.Equal(results, []int{500, 500, 204}) {
			t.Errorf("got results %v after %s", results, got)
		}
		if got := p.Counts(); got != (sandbox.PushCounts{Sent: 3, Failed: 2}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("until they are used up", func(t *testing.T) {
		v := clock.NewVirtual(start, true)
		e, p := newEar(t), newPusher(t, v)
		e.answer(302) // no vendor follows one
		var results []int
		p.Send(push(e, "k", "a"), policy(&results))
		for range 5 {
			settled(t, p)
			v.Advance(time.Minute)
		}
		if got := p.Counts(); !slices.Equal(results, []int{302, 302, 302}) || got != (sandbox.PushCounts{Sent: 3, Failed: 3, Lost: 1}) {
			t.Errorf("got %v and %+v", results, got)
		}
	})
	t.Run("not where the vendor does not", func(t *testing.T) {
		e, p := newEar(t), newPusher(t, clock.NewVirtual(start, true))
		e.answer(404)
		var results []int
		pol := policy(&results)
		pol.Again = func(status int, _ error) bool { return status >= 500 }
		p.Send(push(e, "k", "a"), pol)
		settled(t, p)
		if got := p.Counts(); got != (sandbox.PushCounts{Sent: 1, Failed: 1, Lost: 1}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a subscriber that does not answer in time", func(t *testing.T) {
		stop := make(chan struct{})
		slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
		t.Cleanup(func() { close(stop); slow.Close() })
		p := newPusher(t, clock.NewVirtual(start, true))
		var results []int
		pol := policy(&results)
		pol.Timeout = 10 * time.Millisecond
		p.Send(sandbox.Push{Key: "k", URL: slow.URL}, pol)
		settled(t, p)
		if got := p.Counts(); !slices.Equal(results, []int{-1}) || got.Waiting != 1 {
			t.Errorf("got %v and %+v", results, got)
		}
	})
}

func TestPusherMisbehavesOnRequest(t *testing.T) {
	e, p := newEar(t), newPusher(t, clock.Real{})
	three := func() {
		for _, b := range []string{"a", "b", "c"} {
			p.Send(push(e, "k", b), sandbox.Policy{})
		}
	}
	t.Run("loses", func(t *testing.T) {
		p.Lose(2)
		three()
		settled(t, p)
		wantSaid(t, e, "POST hear c")
	})
	t.Run("doubles", func(t *testing.T) {
		p.Double(1)
		three()
		settled(t, p)
		wantSaid(t, e, "POST hear a", "POST hear a", "POST hear b", "POST hear c")
	})
	t.Run("holds back and reorders", func(t *testing.T) {
		p.Hold()
		p.Reorder(true)
		three()
		settled(t, p)
		wantSaid(t, e)
		if got := p.Counts().Waiting; got != 3 {
			t.Errorf("got %d waiting, want 3", got)
		}
		p.Release()
		settled(t, p)
		wantSaid(t, e, "POST hear c", "POST hear b", "POST hear a")
		p.Reorder(false)
	})
	t.Run("by its control routes", func(t *testing.T) {
		for body, want := range map[string]int{`{"lose":1,"double":1}`: 200, `{"loose":1}`: 400, `{"hold":true,"reorder":false}`: 200} {
			w := httptest.NewRecorder()
			p.Verbs()["POST /sandbox/push"](w, httptest.NewRequest("POST", "/sandbox/push", strings.NewReader(body)))
			if w.Code != want {
				t.Errorf("%s: got %d, want %d", body, w.Code, want)
			}
		}
		three()
		p.Control(httptest.NewRecorder(), httptest.NewRequest("POST", "/sandbox/push", strings.NewReader(`{"hold":false}`)))
		settled(t, p)
		wantSaid(t, e, "POST hear b", "POST hear b", "POST hear c")
		w := httptest.NewRecorder()
		p.Verbs()["GET /sandbox/push"](w, httptest.NewRequest("GET", "/sandbox/push", nil))
		if !strings.Contains(w.Body.String(), `"lost":3`) || !strings.Contains(w.Body.String(), `"doubled":2`) {
			t.Errorf("got %s", w.Body)
		}
	})
}

func TestPusherClosed(t *testing.T) {
	v := clock.NewVirtual(time.Unix(1_800_000_000, 0), true)
	e, p := newEar(t), sandbox.NewPusher(sandbox.PusherConfig{Clock: v})
	e.answer(500)
	p.Send(push(e, "k", "a"), sandbox.Policy{Retries: []time.Duration{time.Hour}})
	settled(t, p)
	p.Close()
	p.Close()
	v.Advance(2 * time.Hour)
	p.Send(push(e, "k", "b"), sandbox.Policy{})
	settled(t, p)
	wantSaid(t, e, "POST hear a")
}

func TestPusherCall(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Method", r.Method)
		_, _ = io.WriteString(w, strings.Repeat("x", 70_000))
	}))
	defer srv.Close()
	p := newPusher(t, clock.Real{})
	status, header, body, err := p.Call(context.Background(), sandbox.Push{URL: srv.URL, Method: "OPTIONS"}, time.Minute)
	if err != nil || status != 200 || header.Get("X-Method") != "OPTIONS" || len(body) != 64<<10 {
		t.Errorf("got %d %v with %d bytes, %v", status, header, len(body), err)
	}
	if _, _, _, err = p.Call(context.Background(), sandbox.Push{URL: "http://127.0.0.1:1"}, time.Minute); err == nil {
		t.Error("a dead address answers")
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, _, err = p.Call(ended, sandbox.Push{URL: srv.URL}, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestCheckPushURL(t *testing.T) {
	for raw, ok := range map[string]bool{
		"https://sync.example.com/hooks/x/1": true, "http://127.0.0.1:8080/hooks": true, "http://localhost/h": true, "http://[::1]:1/h": true,
		"http://sync.example.com/hooks": false, "/hooks": false, "ftp://127.0.0.1/": false, "https://u:p@example.com/": false,
		"https://example.com/#x": false, "": false, "https://": false,
	} {
		if err := sandbox.CheckPushURL(raw); (err == nil) != ok {
			t.Errorf("%q: got %v", raw, err)
		}
	}
}
