package wrong_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
)

// stopped is the API's answer to a stop.
type stopped struct {
	State    string
	Removing bool
	Goes     int
	Loose    []struct{ ID, Name string }
}

func (c *company) stop(body map[string]any) (s stopped) {
	c.w.t.Helper()
	c.want(http.StatusOK, http.MethodPost, c.conn()+"/stop", body, &s)
	return s
}

// TestDisablingRemovesTheFolderAndTheCRMKeepsEverything (ZO5): what has no equal in the CRM is named first, and goes only when a person
// says so.
func TestDisablingRemovesTheFolderAndTheCRMKeepsEverything(t *testing.T) {
	t.Parallel()
	c, folder := kept(t, true)
	w := c.w
	// One that the CRM does not take, so that it cannot sync in the last run either.
	w.must(w.boxes.Zoho.SetPermission(c.crm, "Administrator", "Crm_Implied_Create_Contacts", false))
	alone := c.fillBook(people(60, 1))
	w.live(15 * time.Minute)
	// And an edit that the last sync takes along.
	crmID, book := c.ids(3)
	c.editBook(book, record.OrgTitle, "The last word")
	outside, err := w.boxes.Microsoft.Fill(c.book, seeds(people(80, 2)))
	w.must(err)

	s := c.stop(map[string]any{"remove": "remove"})
	if !s.Removing || len(s.Loose) == 0 || !slices.ContainsFunc(s.Loose, func(l struct{ ID, Name string }) bool { return l.ID == alone[0] }) {
		t.Errorf("got %+v, want the loose record named", s)
	}
	w.live(20 * time.Minute)
	if c.folder("Zoho CRM Contacts") != folder {
		t.Fatal("the folder went although a record of it would have been lost")
	}
	c.wantState("active")
	if r := c.runs()[slices.IndexFunc(c.runs(), func(r run) bool { return r.Approval != nil })]; !slices.Equal(r.Approval.Records, alone) || r.Approval.Why == "" {
		t.Errorf("got %+v, want a run that names the record and says why", r.Approval)
	}
	c.wantCRM(crmID, record.OrgTitle, "The last word")

	crm := c.crmBook()
	c.stop(map[string]any{"remove": "remove", "force": true})
	w.live(20 * time.Minute)
	c.wantState("stopped")
	c.gone(crm, outside.IDs)
}

// gone wants the folder to have gone and nothing else: the CRM has all that it had, and the rest of the address book is there.
func (c *company) gone(crm map[string]record.Fields, outside []string) {
	w, t := c.w, c.w.t
	t.Helper()
	if c.folder("Zoho CRM Contacts") != "" || len(c.bookBook()) > 0 {
		t.Error("the folder is still there")
	}
	w.live(26 * time.Hour)
	if !alike(crm, c.crmBook()) {
		t.Errorf("got %d contacts in the CRM, want the %d that it had", len(c.crmBook()), len(crm))
	}
	all := c.contacts(w.boxes.Microsoft, c.book)
	for _, id := range outside {
		if all[id] == nil {
			t.Error("a contact outside the folder went with it")
		}
	}
	if n := len(c.watches()); n > 0 {
		t.Errorf("got %d subscriptions of a connection that is stopped", n)
	}
	subs, err := w.boxes.Microsoft.Subscriptions(c.book)
	w.must(err)
	if len(subs) > 0 {
		t.Errorf("Microsoft still has %d subscriptions", len(subs))
	}
}

// TestARemovalThatIsCutOffAnywhereIsRepeated ends the worker, as a crash does, at a request of the removal, before and after the vendor
// has done it, and lets another go on.
func TestARemovalThatIsCutOffAnywhereIsRepeated(t *testing.T) {
	for _, at := range []string{"GET/v1.0/me/contactFolders", "contacts/delta", "DELETE/v1.0/me/contactFolders", "DELETE/v1.0/subscriptions"} {
		for _, after := range []bool{false, true} {
			name := strings.ReplaceAll(at, "/", " ")
			if after {
				name += " done"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c, _ := kept(t, true)
				w := c.w
				outside, err := w.boxes.Microsoft.Fill(c.book, seeds(people(80, 2)))
				w.must(err)
				w.live(30 * time.Minute)
				crm := c.crmBook()
				ctx, crash := context.WithCancel(context.Background())
				defer crash()
				hit := false
				cut := func() { hit = true; crash() }
				if after {
					w.after(w.sys[1], at, cut)
				} else {
					w.before(w.sys[1], at, cut)
				}
				c.stop(map[string]any{"remove": "remove"})
				_ = w.stack.RunUntil(ctx, w.clk.Now().Add(time.Minute)) // it is cut off
				if !hit {
					t.Fatalf("no request was %s: nothing was tried", at)
				}
				w.must(w.stack.State.FreeLease(context.Background(), c.tenant, c.connection)) // as the next process does
				w.live(40 * time.Minute)
				if got, why := c.status(); got != "stopped" {
					t.Fatalf("got the connection %s (%s), want stopped; runs: %+v", got, why, c.runs()[0])
				}
				c.gone(crm, outside.IDs)
			})
		}
	}
}

// TestStoppingAndKeepingLeavesBothSidesAsTheyAre (PD8): only the vendors' notifications end.
func TestStoppingAndKeepingLeavesBothSidesAsTheyAre(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, zohoMicrosoft, pipedriveGoogle} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			c := pushed(t, pair)
			w := c.w
			crm, book := c.crmBook(), c.bookBook()
			c.stop(map[string]any{"remove": "keep"})
			if n := len(c.watches()); n > 0 {
				t.Errorf("got %d subscriptions of a connection that is stopped", n)
			}
			w.live(26 * time.Hour)
			c.wantState("stopped")
			if !alike(crm, c.crmBook()) || !alike(book, c.bookBook()) {
				t.Error("something was changed")
			}
			c.draft(nil)
			c.first()
			w.live(time.Hour)
			c.agree(20)
		})
	}
}

// TestRemovingWithoutAFolderTakesOnlyWhatMeiboMade (BX16), and asks first when that is more than the budget of deletions.
func TestRemovingWithoutAFolderTakesOnlyWhatMeiboMade(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, pipedriveGoogle} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 30))
			mine := c.fillBook(people(25, 10))
			c.first()
			c.agree(35)
			editedCRM, edited := c.ids(3)
			crm := c.crmBook()
			s := c.stop(map[string]any{"remove": "remove"})
			if s.Goes != 25 {
				t.Errorf("got %d to go, want the 25 that Meibo made", s.Goes)
			}
			w.drain()
			c.wantState("active")
			if n := len(c.bookBook()); n != 35 {
				t.Fatalf("got %d contacts in the book before anybody confirmed, want 35", n)
			}
			c.stop(map[string]any{"remove": "remove", "force": true})
			c.editBook(edited, record.NameGiven, "Mine")
			w.drain()
			w.pass(30 * time.Minute)
			c.wantState("stopped")
			left := c.bookBook()
			for _, id := range mine {
				if left[id] == nil {
					t.Error("a contact of the person's own went")
				}
			}
			c.wantCRM(editedCRM, record.NameGiven, "Mine") // the last sync took it along
			if n := len(left); n != 10 {
				t.Errorf("got %d contacts in the book, want the person's 10", n)
			}
			if got := len(c.crmBook()); got != len(crm) {
				t.Errorf("got %d contacts in the CRM, want %d", got, len(crm))
			}
		})
	}
}
