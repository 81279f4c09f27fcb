package pipedrive_test

import (
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox/pipedrive"
)

func TestDailyBudget(t *testing.T) {
	w := newWorld(t, func(c *pipedrive.Config) { c.Limits.Burst = -1 })
	w.addUser(pipedrive.User{Email: tarmo})
	h := w.call("GET", "/persons", nil).want(200).header
	equal(t, "limit is multiplier times seats", h.Get("x-daily-ratelimit-token-limit"), "120000")
	equal(t, "cost of a list", h.Get("x-daily-ratelimit-token-remaining"), "119990")
	equal(t, "shared by the company", w.call("GET", "/api/v1/users/me", nil, as(w, tarmo)).want(200).header.Get("x-daily-ratelimit-token-remaining"), "119988")
	must(t, w.box.SetPlan(mira, "ultimate"))
	equal(t, "plan", w.call("GET", "/api/v1/users/me", nil).want(200).header.Get("x-daily-ratelimit-token-limit"), "420000")
	must(t, w.box.SetPlan(mira, "growth"))
	must(t, w.box.Spend(mira, 119_980))
	_, left, err := w.box.Budget(mira)
	must(t, err)
	equal(t, "left", left, 6)
	w.call("GET", "/persons", nil).refused(429, "Request over limit")
	w.call("GET", "/persons", nil, as(w, tarmo)).refused(429, "Request over limit")
	w.call("POST", "/persons", fields{"name": "A"}).want(200)
	w.clock.AdvanceTo(time.Date(2026, 11, 20, 23, 59, 59, 0, time.UTC))
	w.tokens = map[string]string{}
	w.call("GET", "/persons", nil).refused(429, "Request over limit")
	w.clock.Advance(time.Second)
	w.call("GET", "/persons", nil).want(200)
	must(t, w.box.SetQuirks(pipedrive.Quirks{NoDailyHeaders: true, NoBurstHeaders: true}))
	for k := range w.call("GET", "/persons", nil).want(200).header {
		if strings.Contains(strings.ToLower(k), "ratelimit") {
			t.Errorf("got the header %s", k)
		}
	}
}

func TestBurst(t *testing.T) {
	w := newWorld(t, func(c *pipedrive.Config) { c.Limits = pipedrive.Limits{Burst: 3, Hammer: 2} })
	w.addUser(pipedrive.User{Email: tarmo})
	w.call("GET", "/api/v1/users/me", nil).want(200)
	w.clock.Advance(time.Second)
	w.call("GET", "/api/v1/users/me", nil).want(200)
	h := w.call("GET", "/api/v1/users/me", nil).want(200).header
	equal(t, "headers", h.Get("x-ratelimit-limit")+" "+h.Get("x-ratelimit-remaining")+" "+h.Get("x-ratelimit-reset"), "3 0 1")
	over := w.call("GET", "/api/v1/users/me", nil).refused(429, "Request over limit")
	equal(t, "Retry-After is not promised", over.header.Get("Retry-After"), "")
	equal(t, "refused calls cost nothing", over.header.Get("x-daily-ratelimit-token-remaining"), "119994")
	w.call("GET", "/api/v1/users/me", nil, as(w, tarmo)).want(200)
	w.clock.Advance(time.Second)
	w.call("GET", "/api/v1/users/me", nil).want(200)
	w.call("GET", "/api/v1/users/me", nil).refused(429, "limit")
	page := w.call("GET", "/api/v1/users/me", nil).want(403)
	equal(t, "kind", page.header.Get("Content-Type"), "text/html; charset=UTF-8")
	w.clock.Advance(time.Minute)
	w.call("GET", "/api/v1/users/me", nil).want(200)
}

func TestSearchBurst(t *testing.T) {
	w := newWorld(t)
	for range 10 {
		w.call("GET", "/persons/search?term=ab", nil).want(200)
	}
	w.call("GET", "/persons/search?term=ab", nil).refused(429, "limit")
	w.call("GET", "/persons", nil).want(200)
	w.box.SetLimits(pipedrive.Unlimited())
	for range 200 {
		w.call("GET", "/persons/search?term=ab", nil).want(200)
	}
	total, _, err := w.box.Budget(mira)
	must(t, err)
	equal(t, "lifted budget", total, 0)
}
