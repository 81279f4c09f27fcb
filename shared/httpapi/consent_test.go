package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox"
)

func TestConsent(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	ctx := context.Background()
	begin := func(body map[string]any) string {
		t.Helper()
		return w.must(201, c.admin, "POST", c.tenant+"/accounts", body).str("authorize_url")
	}
	plain := func(at http.Header) {
		t.Helper()
		for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8"} {
			if got := at.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if p := at.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
			t.Errorf("policy: got %q", p)
		}
	}

	t.Run("a consent without an address to return to ends on a page", func(t *testing.T) {
		at, err := w.browser.Allow(ctx, begin(map[string]any{"system": "google"}), c.admin)
		if err != nil || at.Status != 200 || !strings.Contains(at.Page, "The account is connected") || !strings.Contains(at.Page, c.admin) {
			t.Fatalf("got %d %s, %v", at.Status, at.Page, err)
		}
		plain(at.Header)
	})
	t.Run("a denied consent says so, with a way back", func(t *testing.T) {
		w.browser.Language = "ja"
		defer func() { w.browser.Language = "" }()
		at, err := w.browser.Deny(ctx, begin(map[string]any{"system": "google", "return": "/settings?a=1&b=<2>"}), c.admin)
		if err != nil || at.Status != 400 || !strings.Contains(at.Page, "認可が与えられませんでした") {
			t.Fatalf("got %d %s, %v", at.Status, at.Page, err)
		}
		if strings.Contains(at.Page, "<2>") || !strings.Contains(at.Page, w.consent.URL+"/settings?a=1&amp;b=") {
			t.Errorf("the way back is missing or not escaped: %s", at.Page)
		}
		plain(at.Header)
	})
	t.Run("a callback works once", func(t *testing.T) {
		var callback string
		spy := *w.browser
		spy.HTTP = &http.Client{CheckRedirect: w.browser.HTTP.CheckRedirect, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "/callback") {
				callback = r.URL.String()
			}
			return http.DefaultTransport.RoundTrip(r)
		})}
		if at, err := spy.Allow(ctx, begin(map[string]any{"system": "zoho"}), c.admin); err != nil || at.Status != 200 {
			t.Fatalf("got %d %s, %v", at.Status, at.Page, err)
		}
		status, page := get(t, callback)
		if status != 400 || !strings.Contains(page, "finished already") {
			t.Errorf("got %d %s", status, page)
		}
		u, err := url.Parse(callback)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{u.Query().Get("code"), u.Query().Get("state")} {
			if secret == "" || strings.Contains(page, secret) || strings.Contains(w.logs.String(), secret) {
				t.Error("the page or the log repeats the callback")
			}
		}
	})
	t.Run("a state that is too old is refused", func(t *testing.T) {
		to := begin(map[string]any{"system": "google"})
		w.clock.Advance(11 * time.Minute)
		if at, err := w.browser.Allow(ctx, to, c.admin); err != nil || at.Status != 400 || !strings.Contains(at.Page, "too long ago") {
			t.Errorf("got %d %s, %v", at.Status, at.Page, err)
		}
	})
	t.Run("a state is good at its own system's address only", func(t *testing.T) {
		u, err := url.Parse(begin(map[string]any{"system": "google"}))
		if err != nil {
			t.Fatal(err)
		}
		before := w.boxes.Google.Faults().Total() + w.boxes.Zoho.Faults().Total()
		status, page := get(t, w.consent.URL+"/consent/zoho/callback?code=x&state="+url.QueryEscape(u.Query().Get("state")))
		if status != 400 {
			t.Errorf("got %d %s", status, page)
		}
		if after := w.boxes.Google.Faults().Total() + w.boxes.Zoho.Faults().Total(); after != before {
			t.Error("the code was sent to a vendor that did not give it")
		}
	})
	t.Run("a reconnect as somebody else is refused by name", func(t *testing.T) {
		w.people("other@example.jp")
		at, err := w.browser.Allow(ctx, begin(map[string]any{"reconnect": c.google}), "other@example.jp")
		if err != nil || at.Status != 409 || !strings.Contains(at.Page, "was to be connected again") {
			t.Errorf("got %d %s, %v", at.Status, at.Page, err)
		}
	})
	t.Run("a vendor that does not answer leaves the door open", func(t *testing.T) {
		w.boxes.Google.Faults().Add(sandbox.Fault{Method: "POST", Path: "/token", Status: 503, Times: -1})
		defer w.boxes.Google.Faults().Clear()
		at, err := w.browser.Allow(ctx, begin(map[string]any{"system": "google"}), c.admin)
		if err != nil || at.Status != 503 || !strings.Contains(at.Page, "in a few minutes") {
			t.Errorf("got %d %s, %v", at.Status, at.Page, err)
		}
	})
	t.Run("the hint preselects the account", func(t *testing.T) {
		for body, want := range map[string]map[string]any{
			"hint@example.jp": {"system": "google", "login_hint": "hint@example.jp"},
			c.admin:           {"reconnect": c.google},
		} {
			u, err := url.Parse(begin(want))
			if err != nil || u.Query().Get("login_hint") != body {
				t.Errorf("got %q, want %q", u.Query().Get("login_hint"), body)
			}
		}
	})
	for _, path := range []string{"/consent/lotus/callback", "/consent/google/other", "/"} {
		t.Run("nothing is at "+path, func(t *testing.T) {
			if status, _ := get(t, w.consent.URL+path); status != 404 {
				t.Errorf("got %d, want 404", status)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
