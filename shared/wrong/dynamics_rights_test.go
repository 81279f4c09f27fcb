package wrong_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/dynamics"
	"meibo/shared/system"
)

// colleague adds another user to the company's organisation.
func colleague(c *company) string {
	c.w.t.Helper()
	c.w.must(c.w.boxes.Dynamics.AddUser(dynamics.User{Email: "ito@book.example", Name: "Ito", Organization: c.site() + ".dynamics.com"}))
	return "ito@book.example"
}

// TestPrivilegesThatAreLostLookLikeDeletionsAndDeleteNothing: whoever may not see a row any more is told that there is none.
func TestPrivilegesThatAreLostLookLikeDeletionsAndDeleteNothing(t *testing.T) {
	t.Parallel()
	depths := map[string]string{"the whole table": dynamics.DepthNone, "down to the user's own rows": dynamics.DepthUser}
	for _, pair := range []string{hubSpotDynamics, zohoDynamics} {
		for name, depth := range depths {
			t.Run(pair+" "+name, func(t *testing.T) {
				w := open(t, options{pair: pair})
				c := w.company("morita", nil)
				other := colleague(c)
				c.fillCRM(people(0, 30))
				c.first()
				w.pass(15 * time.Minute)
				c.agree(30)
				for i := range 12 {
					_, book := c.ids(i)
					w.must(w.boxes.Dynamics.SetOwner(c.book, book, other))
				}
				w.pass(15 * time.Minute)
				w.must(w.boxes.Dynamics.SetPrivilege(c.book, "read", "contact", depth))
				seen, seenBook := c.ids(20)
				hidden, hiddenBook := c.ids(3)
				c.editCRM(seen, record.OrgTitle, "Of the user's own")
				c.editCRM(hidden, record.OrgTitle, "Of somebody else")
				w.pass(50 * time.Hour)
				all := c.contacts(w.boxes.Dynamics, other)
				if got := [2]int{len(c.crmBook()), len(all)}; got != [2]int{30, 30} {
					t.Fatalf("got %v contacts, want 30 on both sides: nothing was deleted", got)
				}
				state, why := c.status()
				if depth == dynamics.DepthNone {
					if state == "active" || !strings.Contains(why, "prvReadContact") {
						t.Errorf("got the connection %s (%s), want one that waits and names the privilege", state, why)
					}
				} else {
					if state != "active" {
						t.Fatalf("got the connection %s (%s), want active", state, why)
					}
					if got := text(all[seenBook], record.OrgTitle); got != "Of the user's own" {
						t.Errorf("got %q in a row that the user still sees", got)
					}
					if s := c.byID(hidden); s.State == "active" || s.Reason == "" {
						t.Errorf("got %+v, want one that says that it cannot be seen", s)
					}
				}
				w.must(w.boxes.Dynamics.SetPrivilege(c.book, "read", "contact", dynamics.DepthOrganization))
				if state != "active" {
					c.want(http.StatusOK, http.MethodPost, c.conn()+"/resume", nil, nil)
				}
				w.pass(30 * time.Hour)
				c.wantState("active")
				c.wantBook(hiddenBook, record.OrgTitle, "Of somebody else")
				c.wantBook(seenBook, record.OrgTitle, "Of the user's own")
				c.agree(30)
				c.quiet()
			})
		}
	}
}

// TestWritePrivilegesThatAreLostStopTheWritesAndNothingElse: what goes the other way goes on, and what waited travels afterwards.
func TestWritePrivilegesThatAreLostStopTheWritesAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"create", "write", "delete"} {
		t.Run(verb, func(t *testing.T) {
			w := open(t, options{pair: zohoDynamics})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 20))
			c.first()
			w.pass(15 * time.Minute)
			w.must(w.boxes.Dynamics.SetPrivilege(c.book, verb, "contact", dynamics.DepthNone))
			crm, book := c.ids(3)
			gone, _ := c.ids(4)
			back, backBook := c.ids(5)
			c.editCRM(crm, record.OrgTitle, "By Zoho")
			c.fillCRM(people(50, 2))
			c.removeCRM(gone)
			c.editBook(backBook, record.OrgTitle, "By Dynamics")
			w.pass(40 * time.Minute)
			c.wantCRM(back, record.OrgTitle, "By Dynamics")
			forbidden := 0
			for _, s := range c.records() {
				if s.Code == "forbidden" && s.Reason != "" {
					forbidden++
				}
			}
			state, why := c.status()
			if forbidden == 0 && !(state == "paused" && why != "") {
				t.Errorf("got the connection %s (%s) and no record that says what is forbidden", state, why)
			}
			w.must(w.boxes.Dynamics.SetPrivilege(c.book, verb, "contact", dynamics.DepthOrganization))
			if state == "paused" {
				c.want(http.StatusOK, http.MethodPost, c.conn()+"/resume", nil, nil)
			}
			w.pass(26 * time.Hour)
			c.wantBook(book, record.OrgTitle, "By Zoho")
			c.agree(21)
		})
	}
}

// TestChangeTrackingThatExpiresOrIsSwitchedOffCostsReadingOnly: what changed and went meanwhile is found.
func TestChangeTrackingThatExpiresOrIsSwitchedOffCostsReadingOnly(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*company) error{
		"expired":      func(c *company) error { return c.w.boxes.Dynamics.ExpireCursors(c.book) },
		"switched off": func(c *company) error { return c.w.boxes.Dynamics.SetTracking(c.book, "contact", false) },
		"a column is new": func(c *company) error {
			return c.w.boxes.Dynamics.AddColumn(c.book, dynamics.Column{Table: "contact", Name: "new_x", Type: "text", Length: 10})
		},
	}
	for name, end := range cases {
		t.Run(name, func(t *testing.T) {
			w := open(t, options{pair: zohoDynamics})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 20))
			c.first()
			w.pass(15 * time.Minute)
			crm, book := c.ids(3)
			gone, goneBook := c.ids(4)
			c.editBook(book, record.OrgTitle, "Before anybody looked")
			c.removeBook(goneBook)
			c.fillBook(people(40, 2))
			w.must(end(c))
			w.pass(40 * time.Minute)
			c.wantCRM(crm, record.OrgTitle, "Before anybody looked")
			w.pass(26 * time.Hour)
			if c.crmBook()[gone] != nil {
				t.Error("the deletion was not found")
			}
			c.agree(21)
			c.quiet()
			// And on from there.
			c.editBook(book, record.OrgTitle, "Afterwards")
			_, next := c.ids(6)
			c.removeBook(next)
			w.pass(15 * time.Minute)
			c.wantCRM(crm, record.OrgTitle, "Afterwards")
			w.pass(26 * time.Hour)
			c.agree(20)
			c.quiet()
		})
	}
}

// TestEachOfDynamicsLimitsIsObeyed: for whole requests and for single operations of a batch.
func TestEachOfDynamicsLimitsIsObeyed(t *testing.T) {
	t.Parallel()
	for code, message := range map[string]string{
		"0x80072322": "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
		"0x80072321": "Combined execution time of incoming requests exceeded limit of 1200000 milliseconds over time window of 300 seconds.",
		"0x80072326": "Number of concurrent requests exceeded the limit of 52.",
	} {
		for _, part := range []bool{false, true} {
			for _, skip := range []int{0, 2} {
				t.Run(fmt.Sprintf("%s part %t after %d", code, part, skip), func(t *testing.T) {
					w := open(t, options{pair: hubSpotDynamics})
					c := w.company("morita", nil)
					c.fillCRM(people(0, 30))
					c.fillBook(people(20, 30))
					f := sandbox.Fault{Path: "/api/data/v9.2/", Skip: skip, Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "240", "Content-Type": "application/json"},
						Body: fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)}
					faults := w.boxes.Dynamics.Faults()
					if part {
						faults, f.Path, f.Method = w.boxes.Dynamics.PartFaults(), "/contacts(", http.MethodPatch
					}
					c.start()
					calls := len(w.boxes.Dynamics.Faults().Log())
					faults.Add(f)
					w.drain()
					w.pass(40 * time.Minute)
					c.wantState("active")
					c.agree(50)
					if !part {
						log, at := w.boxes.Dynamics.Faults().Log()[calls:], -1
						for i, call := range log {
							if call.Status == http.StatusTooManyRequests {
								at = i
							}
						}
						if at < 0 || at+1 >= len(log) {
							t.Fatalf("got %d calls and the refusal at %d, want calls after it", len(log), at)
						}
						if wait := log[at+1].Time.Sub(log[at].Time); wait < 240*time.Second {
							t.Errorf("got a call %s after Dynamics asked for 4 minutes", wait)
						}
					}
					c.quiet()
				})
			}
		}
	}
}

// marketing makes a marketing list and returns how the API calls it.
func (c *company) marketing(name, query string) string {
	c.w.t.Helper()
	_, err := c.w.boxes.Dynamics.AddList(c.book, name, query)
	c.w.must(err)
	var groups struct {
		Items []struct{ ID, Name string }
	}
	c.want(http.StatusOK, http.MethodGet, c.path+"/accounts/"+c.accounts[system.Dynamics]+"/groups", nil, &groups)
	for _, g := range groups.Items {
		if g.Name == name {
			return g.ID
		}
	}
	c.w.t.Fatalf("there is no list %s in %+v", name, groups.Items)
	return ""
}

// TestAMarketingListWithAFewContactsIsATrial (HD4): only they sync; and with the list taken away, the others follow.
func TestAMarketingListWithAFewContactsIsATrial(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"static", "dynamic"} {
		t.Run(kind, func(t *testing.T) {
			w := open(t, options{pair: hubSpotDynamics})
			c := w.company("morita", nil)
			query := ""
			if kind == "dynamic" {
				query = `<fetch><entity name="contact"><attribute name="contactid"/><filter><condition attribute="department" operator="eq" value="Trial"/></filter></entity></fetch>`
			}
			list := c.marketing("Trial people", query)
			in := people(0, 20)
			for i := range 3 {
				in[i].Fields[record.OrgDepartment] = []record.Value{{Text: "Trial"}}
			}
			mine := c.fillBook(in)
			if kind == "static" {
				for _, id := range mine[:3] {
					w.must(w.boxes.Dynamics.SetGroups(c.book, id, []string{"Trial people"}))
				}
			}
			choice := map[string]any{"book_groups": []string{list}}
			if kind == "dynamic" { // nothing can be put into it
				status, body := c.call(http.MethodPatch, c.conn(), map[string]any{"settings": choice})
				if status != http.StatusUnprocessableEntity || !strings.Contains(string(body), "writable") {
					t.Errorf("in both directions: got %d %s, want a refusal with the cure", status, body)
				}
				choice["rules"] = map[string]any{"direction": "book_to_crm"}
			}
			c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": choice}, nil)
			c.first()
			w.pass(30 * time.Minute)
			c.wantState("active")
			if n := len(c.crmBook()); n != 3 {
				t.Fatalf("got %d contacts in HubSpot, want the 3 of the list", n)
			}
			crm, book := c.ids(1)
			c.editBook(book, record.OrgTitle, "Tried")
			w.pass(10 * time.Minute)
			c.wantCRM(crm, record.OrgTitle, "Tried")
			if kind == "static" {
				c.editCRM(crm, record.OrgTitle, "Tried back")
				fresh := c.fillCRM(people(60, 1))
				w.pass(10 * time.Minute)
				c.wantBook(book, record.OrgTitle, "Tried back")
				if s := c.byID(fresh[0]); s.State != "active" {
					t.Errorf("got %+v, want one that was put into the list", s)
				}
				w.must(w.boxes.HubSpot.Remove(c.crm, fresh[0]))
				w.must(w.boxes.Dynamics.Remove(c.book, c.byID(fresh[0]).Book))
				w.pass(10 * time.Minute)
			}
			// One leaves the list and one enters it.
			if kind == "static" {
				w.must(w.boxes.Dynamics.SetGroups(c.book, mine[0], nil))
				w.must(w.boxes.Dynamics.SetGroups(c.book, mine[5], []string{"Trial people"}))
			} else {
				c.editBook(mine[0], record.OrgDepartment, "Other")
				c.editBook(mine[5], record.OrgDepartment, "Trial")
			}
			w.pass(14 * time.Hour)
			if n := len(c.crmBook()); n != 4 {
				t.Errorf("got %d contacts in HubSpot, want 4: nobody is deleted for leaving a list", n)
			}
			if s := c.byID(mine[0]); s.State == "active" || s.Reason == "" {
				t.Errorf("got %+v, want one that left the list", s)
			}
			if s := c.byID(mine[5]); s.State != "active" {
				t.Errorf("got %+v, want one in sync", s)
			}
			// The trial is over.
			c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"book_groups": []string{}}}, nil)
			w.pass(time.Hour)
			c.agree(20)
			c.quiet()
		})
	}
}

// TestAChangeIsOnTheOtherSideWithinTenMinutesByPollingAlone (HD10), both ways, with HubSpot's search behind.
func TestAChangeIsOnTheOtherSideWithinTenMinutesByPollingAlone(t *testing.T) {
	t.Parallel()
	const lag = 45 * time.Second
	w := open(t, options{pair: hubSpotDynamics})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 20))
	c.first()
	w.pass(10 * time.Minute)
	w.boxes.HubSpot.SetLag(lag)
	crm, book := c.ids(3)
	other, otherBook := c.ids(4)
	var worst [2]time.Duration
	for i := range 24 {
		w.pass(time.Duration(i*37%300)*time.Second + time.Second)
		to := fmt.Sprintf("Change %d", i)
		w.must(w.boxes.HubSpot.Edit(c.crm, crm, record.Fields{record.OrgTitle: {{Text: to}}}))
		w.must(w.boxes.Dynamics.Edit(c.book, otherBook, record.Fields{record.OrgTitle: {{Text: to}}}))
		began, there := w.clk.Now(), [2]bool{}
		for w.clk.Now().Sub(began) < 15*time.Minute && there != [2]bool{true, true} {
			w.pass(5 * time.Second)
			took := w.clk.Now().Sub(began)
			for way, arrived := range []bool{text(c.bookBook()[book], record.OrgTitle) == to, text(c.crmBook()[other], record.OrgTitle) == to} {
				if arrived && !there[way] {
					there[way], worst[way] = true, max(worst[way], took)
				}
			}
		}
		if there != [2]bool{true, true} {
			t.Fatalf("change %d did not arrive within 15 minutes: %v", i, there)
		}
	}
	t.Logf("the slowest of 24 changes each way, with HubSpot's search %s behind: HubSpot to Dynamics %s, Dynamics to HubSpot %s", lag, worst[0], worst[1])
	for way, took := range worst {
		if took > 10*time.Minute {
			t.Errorf("way %d: got %s, want 10 minutes at most", way, took)
		}
	}
}
