package wrong_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/local"
	"meibo/shared/record"
	"meibo/shared/sandbox/dynamics"
	"meibo/shared/system"
)

// TestAnAddressThatIsNoOrganisationOfDynamicsIsRefusedBeforeAnyRequest (HD1): what a person types is where tokens would be sent.
func TestAnAddressThatIsNoOrganisationOfDynamicsIsRefusedBeforeAnyRequest(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotDynamics})
	c := w.signUp("morita")
	c.addUsers()
	bad := []string{
		"", " ", "kitano", "127.0.0.1", "http://169.254.169.254/latest/meta-data", "[::1]", "0x7f000001", "2130706433", "localhost", "localhost:8080",
		"kitano.crm7.dynamics.com:8443", "https://kitano.crm7.dynamics.com:443", "user@kitano.crm7.dynamics.com", "https://user:pass@kitano.crm7.dynamics.com",
		"https://kitano.crm7.dynamics.com@evil.example", "kitano.crm7.dynamics.com.evil.example", "evil.example/kitano.crm7.dynamics.com", "evil.example#.crm7.dynamics.com",
		"evil.example?.crm7.dynamics.com", "kitano.crm7.evil.example", "kitano.crm99.dynamics.com", "kitano.crm0.dynamics.com", "kitano.crm07.dynamics.com", "kitano.crmx.dynamics.com",
		"kitano.crm7.dynamics.com.", "kitano..crm7.dynamics.com", ".crm7.dynamics.com", "-kitano.crm7.dynamics.com", "a.b.crm7.dynamics.com", "kitano.crm7.dynamics.com\\@evil.example",
		"kіtano.crm7.dynamics.com" /* a Cyrillic letter */, "kitano.crm7.dynamıcs.com", "kitano.crm7.dynamics。com", "ｋｉｔａｎｏ.crm7.dynamics.com", "kitano%2ecrm7.dynamics.com", "kitano.crm7.dynamics.com%00.evil.example",
		"%6bitano.crm7.dynamics.com", "kitano.crm7.dynamics.com%2f.evil.example", "kitano.crm7.dynamics.com\r\nHost: evil.example", "kitano.crm7\tdynamics.com", "ftp://kitano.crm7.dynamics.com",
		"javascript:alert(1)", "//evil.example", "file:///etc/passwd", "crm7.dynamics.com", strings.Repeat("a", 64) + ".crm7.dynamics.com", strings.Repeat("a", 10_000), strings.Repeat("a.", 5_000) + "crm7.dynamics.com",
	}
	for _, site := range bad {
		status, body := c.call(http.MethodPost, c.path+"/accounts", map[string]any{"system": system.Dynamics, "site": site})
		if status < 400 || status >= 500 || !strings.Contains(string(body), "site") {
			t.Errorf("%.80q: got %d %.200s, want a refusal that names the site", site, status, body)
		}
		if strings.Contains(string(body), "evil.example") || len(body) > 4000 {
			t.Errorf("%.80q: the refusal repeats what was typed: %.200s", site, body)
		}
	}
	if n := w.boxes.Dynamics.Faults().Total(); n > 0 {
		t.Errorf("got %d requests of Dynamics, want none", n)
	}
	for _, site := range []string{"morita.crm7", "morita.crm7.dynamics.com", "https://morita.crm7.dynamics.com/main.aspx?appid=1", " MORITA.crm7.dynamics.com ", "morita.api.crm7.dynamics.com"} {
		var to struct {
			URL string `json:"authorize_url"`
		}
		c.want(http.StatusCreated, http.MethodPost, c.path+"/accounts", map[string]any{"system": system.Dynamics, "site": site}, &to)
		if u, err := url.Parse(to.URL); err != nil || !strings.Contains(u.Query().Get("scope"), dynamics.ImpersonationScope("morita.crm7.dynamics.com")) {
			t.Errorf("%q: got %s, want the consent of the organisation", site, to.URL)
		}
	}
}

// TestAConsentThatWasBegunForOneOrganisationIsNotFinishedForAnother: neither by somebody of another one, nor with the address changed on
// the way; and reconnecting keeps to the organisation.
func TestAConsentThatWasBegunForOneOrganisationIsNotFinishedForAnother(t *testing.T) {
	t.Parallel()
	begin := func(w *world, c *company, ask map[string]any) string {
		var to struct {
			URL string `json:"authorize_url"`
		}
		c.want(http.StatusCreated, http.MethodPost, c.path+"/accounts", ask, &to)
		return to.URL
	}
	finish := func(address, user string) (local.Arrival, error) {
		return local.NewBrowser(nil).Allow(context.Background(), address, user)
	}
	t.Run("by somebody of another", func(t *testing.T) {
		w := open(t, options{pair: hubSpotDynamics})
		c, other := w.signUp("morita"), w.signUp("sato")
		c.addUsers()
		other.addUsers()
		at, err := finish(begin(w, c, map[string]any{"system": system.Dynamics, "site": c.site()}), other.book)
		if c.findAccounts(); c.accounts[system.Dynamics] != "" {
			t.Errorf("an account of another organisation was connected: %d %v", at.Status, err)
		}
	})
	t.Run("with the address changed on the way", func(t *testing.T) {
		w := open(t, options{pair: hubSpotDynamics})
		c, other := w.signUp("morita"), w.signUp("sato")
		c.addUsers()
		other.addUsers()
		address := strings.ReplaceAll(begin(w, c, map[string]any{"system": system.Dynamics, "site": c.site()}), "morita.crm7", "sato.crm7")
		at, err := finish(address, other.book)
		if err == nil && at.Status < 400 {
			t.Errorf("got %d: %s, want a refusal", at.Status, at.Page)
		}
		for _, who := range []*company{c, other} {
			if who.findAccounts(); who.accounts[system.Dynamics] != "" {
				t.Errorf("an account was connected for %s", who.name)
			}
		}
	})
	t.Run("reconnecting", func(t *testing.T) {
		w := open(t, options{pair: hubSpotDynamics})
		c, other := w.company("morita", nil), w.signUp("sato")
		other.addUsers()
		c.fillCRM(people(0, 3))
		c.first()
		c.withdraw(system.Dynamics)
		c.sync()
		c.wantState("needs_reauth")
		address := begin(w, c, map[string]any{"reconnect": c.accounts[system.Dynamics]})
		if u, err := url.Parse(address); err != nil || !strings.Contains(u.Query().Get("scope"), "https://morita.crm7.dynamics.com/") {
			t.Fatalf("got %s, want the same organisation", address)
		}
		at, err := finish(strings.ReplaceAll(address, "morita.crm7", "sato.crm7"), other.book)
		if err == nil && at.Status < 400 {
			t.Errorf("got %d: %s, want a refusal", at.Status, at.Page)
		}
		c.wantState("needs_reauth")
		if at := c.reconnect(system.Dynamics, c.book); at.Status >= 400 {
			t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
		}
		w.drain()
		c.wantState("active")
		c.agree(3)
	})
}

// leads connects a company whose address book is the leads of Dynamics.
func leads(w *world) *company {
	w.t.Helper()
	c := w.company("morita", map[string]any{"book_options": map[string]string{"object": "leads"}})
	w.must(w.boxes.Dynamics.AddUser(dynamics.User{Email: c.book, Name: c.name, Object: dynamics.ObjectLeads}))
	return c
}

// TestLeadsSyncInPlaceOfContactsAndTheChoiceStands (HD2).
func TestLeadsSyncInPlaceOfContactsAndTheChoiceStands(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{hubSpotDynamics, zohoDynamics} {
		t.Run(pair, func(t *testing.T) {
			w := open(t, options{pair: pair})
			c := leads(w)
			c.fillCRM(people(0, 10))
			c.fillBook(people(7, 8))
			c.first()
			w.pass(20 * time.Minute)
			c.agree(15)
			for _, choice := range []string{"contacts", ""} {
				status, body := c.call(http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"book_options": map[string]string{"object": choice}}})
				if status < 400 || status >= 500 || !strings.Contains(string(body), "object") {
					t.Errorf("changing leads to %q: got %d %s, want a refusal with the cure", choice, status, body)
				}
			}
			crm, book := c.ids(3)
			c.editCRM(crm, record.OrgTitle, "Still a lead")
			w.pass(20 * time.Minute)
			c.wantBook(book, record.OrgTitle, "Still a lead")

			// A lead becomes a contact in the middle of it: it is not written any more, and nobody is deleted or added.
			w.clk.Advance(10 * time.Second)
			contact, err := w.boxes.Dynamics.Qualify(c.book, book)
			w.must(err)
			c.editCRM(crm, record.OrgTitle, "Edited after that")
			before := len(c.crmBook())
			w.pass(26 * time.Hour)
			c.wantState("active")
			if n := len(c.crmBook()); n != before {
				t.Errorf("got %d contacts in the CRM, want %d", n, before)
			}
			if n := len(c.bookBook()); n != 14 {
				t.Errorf("got %d open leads, want 14", n)
			}
			if s := c.byID(book); s.State == "active" || s.Reason == "" {
				t.Errorf("got %+v, want a record out of scope, with the reason", s)
			}
			if got := c.column(contact, "jobtitle"); got != "Still a lead" {
				t.Errorf("got %q in the contact, want it as it was qualified", got)
			}
		})
	}
}
