package wrong_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/system"
)

// vendor is what the tests of one side need of it.
type vendor struct {
	id, name string
	token    string // path of its token endpoint
	user     func(*company) string
	expire   func(*company) error // access tokens
	revoke   func(*company) error // refresh tokens too
	list     string               // path of its listing
	pages    []int                // calls of it, counted from 0, that carry a page token when 450 and 1,100 are listed twice
}

func vendors() []vendor {
	return []vendor{
		{system.Zoho, "Zoho CRM", "/oauth/v2/token", func(c *company) string { return c.crm },
			func(c *company) error { return c.w.boxes.Zoho.ExpireAccess(c.crm) },
			func(c *company) error { return c.w.boxes.Zoho.RevokeUser(c.crm) }, "/crm/v8/Contacts", []int{1, 2, 4, 5}},
		{system.Google, "Google Contacts", "/token", func(c *company) string { return c.book },
			func(c *company) error { return c.w.boxes.Google.ExpireAccess(c.book) },
			func(c *company) error { return c.w.boxes.Google.RevokeUser(c.book) }, "/v1/people/me/connections", []int{1, 3}},
	}
}

// tokens counts the token requests of both vendors.
func (w *world) tokens(v vendor) int {
	ops := w.google().Calls()
	if v.id == system.Zoho {
		ops = w.zoho().Calls()
	}
	n := 0
	for op, k := range ops {
		if strings.HasSuffix(op, "token") || strings.HasSuffix(op, "Token") {
			n += k
		}
	}
	return n
}

func TestAnExpiredAccessTokenIsRefreshedOnceAndTheRunGoesOn(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		t.Run(v.id, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 20))
			c.fillBook(people(20, 20))
			c.first()
			c.agree(40)
			c.editCRM(first(c.crmBook()), record.OrgTitle, "Edited while the token was dead")
			w.must(v.expire(c))
			before := w.tokens(v)
			c.sync()
			c.agree(40)
			if got := w.tokens(v) - before; got != 1 {
				t.Errorf("got %d token requests, want 1", got)
			}
			c.wantState("active")
		})
	}
}

func TestManyRequestsWithAnExpiredTokenRefreshItOnce(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		t.Run(v.id, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			w.must(v.expire(c))
			before := w.tokens(v)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if got, b := c.call(http.MethodGet, c.path+"/accounts/"+c.accounts[v.id]+"/groups", nil); got != http.StatusOK {
						t.Errorf("got %d: %s", got, b)
					}
				})
			}
			all.Wait()
			if got := w.tokens(v) - before; got != 1 {
				t.Errorf("got %d token requests, want 1", got)
			}
		})
	}
}

func TestARevokedAuthorisationAsksForAPersonAndReconnectingResumes(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		t.Run(v.id, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 20))
			c.fillBook(people(10, 20))
			c.first()
			c.agree(30)
			crm, book := c.ids(3)
			c.editCRM(crm, record.OrgTitle, "Edited in the CRM meanwhile")
			_, other := c.ids(12)
			c.editBook(other, record.NameGiven, "Edited in the book meanwhile")
			w.must(v.revoke(c))
			c.update()
			w.drain()
			reason := c.wantState("needs_reauth")
			if !strings.Contains(reason, v.name) || !strings.Contains(reason, "onnect") {
				t.Errorf("got the reason %q, want the vendor and the cure", reason)
			}
			var a struct{ State string }
			c.want(http.StatusOK, http.MethodGet, c.path+"/accounts/"+c.accounts[v.id], nil, &a)
			if a.State == "active" {
				t.Errorf("got the account %s, want one that must be connected again", a.State)
			}
			c.fillCRM(people(100, 1))
			w.pass(30 * time.Minute)
			c.wantState("needs_reauth")
			if at := c.reconnect(v.id, v.user(c)); at.Status >= 400 {
				t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
			}
			w.drain()
			c.wantState("active")
			c.agree(31)
			if got := text(c.bookBook()[book], record.OrgTitle); got != "Edited in the CRM meanwhile" {
				t.Errorf("got %q in the book, want the edit that waited", got)
			}
			c.quiet()
		})
	}
}

func TestAnAuthorisationRevokedInTheMiddleOfTheFirstRunLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		for _, skip := range []int{0, 1, 2, 3} {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 150))
			c.fillBook(people(100, 250))
			// From the nth call on, every answer of the vendor is that the token is not good, and so is the token endpoint's.
			faults := w.google()
			if v.id == system.Zoho {
				faults = w.zoho()
			}
			c.start()
			denied(v, faults, skip)
			w.drain()
			if state, _ := c.status(); state != "needs_reauth" {
				t.Fatalf("%s, %d calls in: got the connection %s, want needs_reauth", v.id, skip, state)
			}
			faults.Clear()
			if at := c.reconnect(v.id, v.user(c)); at.Status >= 400 {
				t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
			}
			w.drain()
			w.pass(15 * time.Minute)
			c.wantState("active")
			c.agree(350)
		}
	}
}

func TestConsentAsAnotherPersonIsRefused(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		t.Run(v.id, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 5))
			c.fillBook(people(5, 5))
			c.first()
			w.must(v.revoke(c))
			c.sync()
			c.wantState("needs_reauth")
			stranger := w.signUp("sato")
			stranger.addUsers()
			at := c.reconnect(v.id, v.user(stranger))
			if at.Status < 400 || at.Status >= 500 {
				t.Fatalf("got %d, want a refusal: %s", at.Status, at.Page)
			}
			for _, want := range []string{v.user(c), v.user(stranger)} {
				if !strings.Contains(at.Page, want) {
					t.Errorf("the page does not name %s: %s", want, at.Page)
				}
			}
			c.wantState("needs_reauth")
			if at := c.reconnect(v.id, v.user(c)); at.Status >= 400 {
				t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
			}
			w.drain()
			c.wantState("active")
			c.agree(10)
		})
	}
}

func TestAScopeThatWasTakenAwayAsksForAPerson(t *testing.T) {
	t.Parallel()
	w := open(t, options{})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 5))
	c.fillBook(people(5, 5))
	c.first()
	c.editCRM(first(c.crmBook()), record.OrgTitle, "Edited")
	w.must(w.boxes.Google.SetScopes(c.book, []string{"openid", "email"}))
	c.sync()
	c.wantState("needs_reauth")
	var a struct{ State string }
	c.want(http.StatusOK, http.MethodGet, c.path+"/accounts/"+c.accounts[system.Google], nil, &a)
	if a.State == "active" {
		t.Errorf("got the account %s, want one that must be connected again", a.State)
	}
	if at := c.reconnect(system.Google, c.book); at.Status >= 400 {
		t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
	}
	w.drain()
	c.wantState("active")
	c.agree(10)
}
