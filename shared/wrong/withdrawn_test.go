package wrong_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/notify"
	"meibo/shared/record"
	"meibo/shared/system"
)

// withdraw has the company's user take consent, or the key, back at a vendor.
func (c *company) withdraw(id string) {
	c.w.t.Helper()
	b := c.w.boxes
	c.w.must(map[string]func() error{
		system.Dynamics:  func() error { return b.Dynamics.RevokeUser(c.book) },
		system.Google:    func() error { return b.Google.RevokeUser(c.book) },
		system.HubSpot:   func() error { return b.HubSpot.RevokeUser(c.crm) },
		system.Microsoft: func() error { return b.Microsoft.RevokeUser(c.book) },
		system.Pipedrive: func() error { return b.Pipedrive.RevokeUser(c.crm) },
		system.Sansan:    func() error { return b.Sansan.RevokeKey(c.crm) },
		system.Zoho:      func() error { return b.Zoho.RevokeUser(c.crm) },
	}[id]())
}

// user is the company's user at a vendor.
func (c *company) user(id string) string {
	if id == c.w.sys[0] {
		return c.crm
	}
	return c.book
}

// moments of a run at which consent ends, as the request that comes just after: first those that a first run has too.
func moments(id string) (first, later []string) {
	first = map[string][]string{
		system.Microsoft: {"contacts/delta", "POST/v1.0/$batch"},
		system.Pipedrive: {"GET/api/v2/persons", "POST/api/v2/persons"},
		system.Zoho:      {"GET/crm/v8/Contacts"},
		system.Google:    {"GET/v1/people/me/connections", "POST/v1/people:batchCreateContacts"},
	}[id]
	later = map[string][]string{
		system.Pipedrive: {"PATCH/api/v2/persons"},
		system.Zoho:      {"POST/crm/v8/Contacts", "PUT/crm/v8/Contacts"},
		system.Google:    {"POST/v1/people:batchUpdateContacts"},
	}[id]
	return first, slices.Concat(first, later)
}

// TestConsentWithdrawnMidwayIsSeenWithinTheRunAndReconnectingResumes (BX13): one mail, nothing lost, nothing doubled.
func TestConsentWithdrawnMidwayIsSeenWithinTheRunAndReconnectingResumes(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, zohoMicrosoft, pipedriveGoogle} {
		for _, id := range pairOf(pair) {
			first, later := moments(id)
			for _, at := range first {
				t.Run(pair+" first run"+strings.ReplaceAll(at, "/", " "), func(t *testing.T) {
					t.Parallel()
					w := open(t, options{pair: pair})
					c := w.company("morita", nil)
					c.fillCRM(people(0, 45))
					n := 45
					if w.kept == "" {
						c.fillBook(people(30, 30))
						n = 60
					}
					c.start()
					c.withdrawnAt(id, at, w.drain, n)
				})
			}
			for _, at := range later {
				t.Run(pair+" later run"+strings.ReplaceAll(at, "/", " "), func(t *testing.T) {
					t.Parallel()
					w := open(t, options{pair: pair})
					c := w.company("morita", nil)
					c.fillCRM(people(0, 20))
					c.first()
					c.agree(20)
					for i := range 3 {
						crm, _ := c.ids(i)
						c.editCRM(crm, record.OrgTitle, "By the CRM")
						_, book := c.ids(10 + i)
						c.editBook(book, record.NameGiven, "Edited")
					}
					c.fillCRM(people(30, 3))
					c.fillBook(people(40, 3))
					c.withdrawnAt(id, at, c.sync, 26)
					titles, names := 0, 0
					for _, f := range c.bookBook() {
						if text(f, record.OrgTitle) == "By the CRM" {
							titles++
						}
					}
					for _, f := range c.crmBook() {
						if text(f, record.NameGiven) == "Edited" {
							names++
						}
					}
					if titles != 3 || names != 3 {
						t.Errorf("got %d and %d edits on the other side, want 3 and 3", titles, names)
					}
				})
			}
		}
	}
}

// withdrawnAt takes consent back just before a request of work, which ends with n people on both sides once the member connects again.
func (c *company) withdrawnAt(id, at string, work func(), n int) {
	w, t := c.w, c.w.t
	t.Helper()
	hit := false
	w.before(id, at, func() {
		hit = true
		c.withdraw(id)
	})
	work()
	if !hit {
		t.Fatalf("no request was %s: nothing was tried", at)
	}
	reason := c.wantState("needs_reauth")
	if !strings.Contains(reason, "onnect") {
		t.Errorf("got the reason %q, want the cure", reason)
	}
	c.fillCRM(people(100, 2))
	w.live(3 * time.Hour)
	c.wantState("needs_reauth")
	mine := slices.DeleteFunc(w.outbox(), func(m notify.Shown) bool { return m.To != "morita@work.example" })
	if len(mine) != 1 || !strings.Contains(mine[0].Text, "onnect") {
		t.Errorf("got the mails %+v, want one that says to connect again", mine)
	}
	if at := c.reconnect(id, c.user(id)); at.Status >= 400 {
		t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
	}
	w.drain()
	w.pass(45 * time.Minute)
	c.wantState("active")
	c.agree(n + 2)
	c.quiet()

	// Another loss is another mail.
	c.withdraw(id)
	c.sync()
	c.wantState("needs_reauth")
	if n := len(w.outbox()); n != 2 {
		t.Errorf("got %d mails after a second loss, want 2", n)
	}
}

// TestAnAuthorisationThatEndsWhileNothingIsSyncedIsNoticed within a day: the connection is paused, so that no run meets the loss.
func TestAnAuthorisationThatEndsWhileNothingIsSyncedIsNoticed(t *testing.T) {
	t.Parallel()
	for _, id := range pairOf(pipedriveMicrosoft) {
		w := open(t, options{pair: pipedriveMicrosoft})
		c := w.company("morita", nil)
		c.fillCRM(people(0, 3))
		c.first()
		c.want(http.StatusOK, http.MethodPost, c.conn()+"/pause", nil, nil)
		c.withdraw(id)
		w.live(25 * time.Hour)
		var a struct{ State string }
		c.want(http.StatusOK, http.MethodGet, c.path+"/accounts/"+c.accounts[id], nil, &a)
		if a.State != "needs_reauth" {
			t.Errorf("%s: got the account %s, want needs_reauth", id, a.State)
		}
		if n := len(w.outbox()); n != 1 {
			t.Errorf("%s: got %d mails, want 1", id, n)
		}
	}
}

func TestReconnectingAsAnotherPersonIsRefusedWithTheReason(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, zohoMicrosoft, pipedriveGoogle, sansanMicrosoft} {
		for _, id := range pairOf(pair) {
			t.Run(pair+" "+id, func(t *testing.T) {
				t.Parallel()
				w := open(t, options{pair: pair})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 5))
				c.first()
				c.withdraw(id)
				c.sync()
				c.wantState("needs_reauth")
				stranger := w.signUp("sato")
				stranger.addUsers()
				at := c.reconnect(id, stranger.user(id))
				if at.Status < 400 || at.Status >= 500 {
					t.Fatalf("got %d, want a refusal: %s", at.Status, at.Page)
				}
				for _, want := range []string{c.user(id), stranger.user(id)} {
					if !strings.Contains(at.Page, want) {
						t.Errorf("the page does not name %s: %s", want, at.Page)
					}
				}
				w.pass(2 * time.Hour)
				c.wantState("needs_reauth")
				if at := c.reconnect(id, c.user(id)); at.Status >= 400 {
					t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
				}
				w.drain()
				c.wantState("active")
				c.agree(5)
				if n := len(stranger.bookBook()) + len(stranger.crmBook()); n > 0 {
					t.Errorf("got %d contacts in the stranger's accounts, want none", n)
				}
			})
		}
	}
}

// TestRemovingMeiboAtPipedriveIsHeardAtOnce: Pipedrive tells it at the callback, before any run meets it.
func TestRemovingMeiboAtPipedriveIsHeardAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: pipedriveMicrosoft, push: true})
	c := w.company("morita", hourly())
	c.fillCRM(people(0, 5))
	c.first()
	w.soon()
	w.must(w.boxes.Pipedrive.Uninstall(c.crm))
	w.told()
	c.wantState("needs_reauth")
	if n := len(w.outbox()); n != 1 {
		t.Errorf("got %d mails, want 1", n)
	}
	c.fillCRM(people(10, 1))
	if at := c.reconnect(system.Pipedrive, c.crm); at.Status >= 400 {
		t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
	}
	w.soon()
	w.live(26 * time.Hour)
	c.wantState("active")
	c.agree(6)
	c.listening() // the webhooks went with the removal
	crm, book := c.ids(3)
	c.editCRM(crm, record.OrgTitle, "Heard again")
	w.soon()
	c.wantBook(book, record.OrgTitle, "Heard again")
}
