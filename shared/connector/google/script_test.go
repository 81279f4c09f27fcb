package google_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/google"
	"meibo/shared/record"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// step answers one request; body is its decoded JSON.
type step func(t *testing.T, w http.ResponseWriter, r *http.Request, body map[string]any)

// answer is a step that looks at nothing.
func answer(status int, body string) step {
	return func(_ *testing.T, w http.ResponseWriter, _ *http.Request, _ map[string]any) {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// cut is a step that answers nothing.
func cut(*testing.T, http.ResponseWriter, *http.Request, map[string]any) { panic(http.ErrAbortHandler) }

// script returns a connector on a server that takes exactly these steps, in order.
func script(t *testing.T, steps ...step) *google.Connector {
	t.Helper()
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n >= len(steps) {
			t.Errorf("one request too many: %s %s", r.Method, r.URL)
			http.Error(w, "", http.StatusTeapot)
			return
		}
		var body map[string]any
		if r.Method != http.MethodGet {
			json.NewDecoder(r.Body).Decode(&body)
		}
		n++
		steps[n-1](t, w, r, body)
	}))
	t.Cleanup(func() {
		srv.Close()
		if n != len(steps) {
			t.Errorf("%d requests, want %d", n, len(steps))
		}
	})
	c, err := google.New(context.Background(), google.Config{
		Client: srv.Client(), BaseURL: srv.URL, UserinfoURL: srv.URL + "/userinfo", Clock: clock.NewVirtual(start, true), CustomKeys: []string{"Blood type"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// contact is the JSON of a person whose CONTACT source has the given number as id.
func contact(n string, extra string) string {
	return `{"resourceName":"people/c` + n + `","etag":"%p` + n + `","metadata":{"sources":[{"type":"CONTACT","id":"` + hex(n) + `","etag":"#s` + n + `","updateTime":"2026-11-20T14:21:59.167Z"}],"objectType":"PERSON"}` + extra + `}`
}

func hex(n string) string {
	const digits = "0123456789abcdef"
	v := 0
	for _, c := range n {
		v = v*10 + int(c-'0')
	}
	s := ""
	for v > 0 {
		s = string(digits[v%16]) + s
		v /= 16
	}
	return s
}

// read parses a person as a listing would and returns its item.
func read(t *testing.T, person string) connector.Item {
	t.Helper()
	c := script(t, answer(200, `{"connections":[`+person+`],"nextSyncToken":"s"}`))
	p, err := c.Changes(context.Background(), connector.Scope{}, "")
	if err != nil || len(p.Changed) != 1 {
		t.Fatalf("%d items, %v", len(p.Changed), err)
	}
	return p.Changed[0]
}

func text(s string) []record.Value { return []record.Value{{Text: s}} }

func stopped() clock.Clock { return clock.NewVirtual(start, true) }
