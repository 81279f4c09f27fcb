package wrong_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/system"
)

// faultsOf returns the faults of a vendor's stand-in.
func (w *world) faultsOf(v vendor) *sandbox.Faults {
	if v.id == system.Zoho {
		return w.zoho()
	}
	return w.google()
}

// broken are answers that are no answers.
func broken() map[string]sandbox.Fault {
	return map[string]sandbox.Fault{
		"500":                {Status: 500, Body: `{"error":{"code":500,"status":"INTERNAL","message":"Internal error encountered."}}`},
		"500 without a body": {Status: 500},
		"503":                {Status: 503, Body: `{"error":{"code":503,"status":"UNAVAILABLE","message":"The service is currently unavailable."}}`},
		"502 in HTML":        {Status: 502, Header: map[string]string{"Content-Type": "text/html"}, Body: "<html><title>502</title>Bad Gateway</html>"},
		"200 in HTML":        {Status: 200, Header: map[string]string{"Content-Type": "text/html"}, Body: "<!DOCTYPE html><html><body>Please sign in</body></html>"},
		"a body cut off":     {CutBody: 40},
		"no answer":          {AfterWrite: true},
	}
}

// TestBrokenAnswersToAnyCallOfARun breaks one call of every kind, at the first run and at a run in two directions.
func TestBrokenAnswersToAnyCallOfARun(t *testing.T) {
	kinds := map[string][]sandbox.Fault{
		system.Google: {
			{Method: "GET", Path: "/v1/people/me/connections"}, {Method: "GET", Path: "/v1/people/me/connections", Skip: 1},
			{Method: "GET", Path: "/v1/people:batchGet"}, {Method: "POST", Path: ":batchCreateContacts"}, {Method: "POST", Path: ":batchUpdateContacts"},
			{Method: "POST", Path: ":batchDeleteContacts"},
		},
		system.Zoho: {
			{Method: "GET", Path: "/crm/v8/Contacts"}, {Method: "GET", Path: "/crm/v8/Contacts", Skip: 1}, {Method: "GET", Path: "/crm/v8/Contacts/deleted"},
			{Method: "GET", Path: "/crm/v8/settings"}, {Method: "POST", Path: "/crm/v8/Contacts"}, {Method: "PUT", Path: "/crm/v8/Contacts"},
			{Method: "DELETE", Path: "/crm/v8/Contacts"},
		},
	}
	for _, v := range vendors() {
		for what, how := range broken() {
			t.Run(v.id+" "+what, func(t *testing.T) {
				t.Parallel()
				for _, which := range kinds[v.id] {
					f := how
					f.Method, f.Path, f.Skip = which.Method, which.Path, which.Skip
					t.Run(strings.ReplaceAll(fmt.Sprint(f.Method, f.Path, f.Skip), "/", "_"), func(t *testing.T) { throughBoth(t, v, f) })
				}
			})
		}
	}
}

// throughBoth has one fault hit a first run, and then a run in two directions with edits, new people and deletions.
func throughBoth(t *testing.T, v vendor, f sandbox.Fault) {
	w := open(t, options{})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 30))
	c.fillBook(people(20, 30))
	faults := w.faultsOf(v)
	c.start()
	faults.Add(f)
	w.drain()
	w.pass(40 * time.Minute)
	faults.Clear()
	c.wantState("active")
	c.agree(50)

	c.change()
	faults.Add(f)
	c.update()
	w.drain()
	w.pass(40 * time.Minute)
	faults.Clear()
	c.wantState("active")
	c.changed()
	c.quiet()
}

// change is a day's work on both sides of people 0 to 49: edits, new people, and deletions.
func (c *company) change() {
	c.w.t.Helper()
	ids := c.pairs()
	for i := range 6 {
		c.editCRM(ids[i].CRM, record.OrgTitle, fmt.Sprintf("By the CRM %d", i))
		c.editBook(ids[10+i].Book, record.OrgTitle, fmt.Sprintf("By the book %d", i))
	}
	c.w.clk.Advance(10 * time.Second)
	c.fillCRM(people(200, 3))
	c.fillBook(people(300, 3))
	c.w.must(c.w.boxes.Zoho.Remove(c.crm, ids[40].CRM))
	c.w.must(c.w.boxes.Google.Remove(c.book, ids[41].Book))
}

// changed wants the work of change to be on both sides.
func (c *company) changed() {
	c.w.t.Helper()
	c.agree(54)
	ids, crm, book := c.pairs(), c.crmBook(), c.bookBook()
	for i := range 6 {
		if got, want := text(book[ids[i].Book], record.OrgTitle), fmt.Sprintf("By the CRM %d", i); got != want {
			c.w.t.Errorf("got %q in the book, want %q", got, want)
		}
		if got, want := text(crm[ids[10+i].CRM], record.OrgTitle), fmt.Sprintf("By the book %d", i); got != want {
			c.w.t.Errorf("got %q in the CRM, want %q", got, want)
		}
	}
}

func TestAnEmptyListingDeletesNothing(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		empty := sandbox.Fault{Method: "GET", Path: v.list, Times: -1, Status: http.StatusOK, Body: `{}`}
		if v.id == system.Zoho {
			empty.Status, empty.Body = http.StatusNoContent, ""
		}
		for name, f := range map[string]sandbox.Fault{
			"nothing at all": empty,
			"an empty list": {Method: "GET", Path: v.list, Times: -1, Status: http.StatusOK,
				Body: map[string]string{system.Google: `{"connections":[],"nextSyncToken":"none","totalItems":0}`, system.Zoho: `{"data":[],"info":{"per_page":200,"count":0,"page":1,"more_records":false}}`}[v.id]},
		} {
			t.Run(v.id+" "+name, func(t *testing.T) {
				w := open(t, options{})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 30))
				c.fillBook(people(20, 30))
				c.first()
				c.agree(50)
				relist(c)
				w.faultsOf(v).Add(f)
				c.update()
				w.drain()
				w.pass(30 * time.Minute)
				w.faultsOf(v).Clear()
				if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{50, 50} {
					t.Fatalf("got %v contacts, want 50 on both sides", got)
				}
				w.pass(30 * time.Minute)
				if state, why := c.status(); state == "paused" {
					t.Logf("paused: %s", why)
					c.want(http.StatusOK, http.MethodPost, c.conn()+"/resume", nil, nil)
					w.drain()
				}
				w.pass(26 * time.Hour)
				c.agree(50)
			})
		}
	}
}

// relist has the next run read both sides in full, by a change of the settings that changes nothing here.
func relist(c *company) {
	c.w.t.Helper()
	c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"rules": map[string]any{"empty_removes": false}}}, nil)
}

func TestAPageThatRepeatsEndsAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		for _, n := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s %d times", v.id, n), func(t *testing.T) {
				w := open(t, options{})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 450))
				c.fillBook(people(400, 1250))
				w.faultsOf(v).Add(sandbox.Fault{Method: "GET", Path: v.list, Skip: 1, Times: n, Repeat: true})
				c.start()
				w.drain()
				w.pass(2 * time.Hour)
				c.wantState("active")
				c.agree(1650)
			})
		}
	}
}

func TestAPageThatRepeatsForEverEndsTheSliceAndIsShown(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		t.Run(v.id, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 450))
			c.fillBook(people(400, 1250))
			w.faultsOf(v).Add(sandbox.Fault{Method: "GET", Path: v.list, Skip: 1, Times: -1, Repeat: true})
			c.start()
			w.pass(20 * time.Minute)
			if n := w.faultsOf(v).Total(); n > 400 {
				t.Errorf("got %d calls in 20 minutes, want a run that waits", n)
			}
			w.faultsOf(v).Clear()
			w.pass(3 * time.Hour)
			c.wantState("active")
			c.agree(1650)
		})
	}
}

// TestACreateWhoseAnswerIsLostIsNotMadeTwiceWhileItIsInvisible has Google show what was written only minutes later.
func TestACreateWhoseAnswerIsLostIsNotMadeTwiceWhileItIsInvisible(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]sandbox.Fault{
		"it was made":     {Method: "POST", Path: ":batchCreateContacts", AfterWrite: true},
		"it was not made": {Method: "POST", Path: ":batchCreateContacts", Status: http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t, options{lag: 8 * time.Minute})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 30))
			w.pass(10 * time.Minute)
			w.google().Add(f)
			c.start()
			for range 12 {
				w.pass(5 * time.Minute)
				if got := len(c.bookBook()); got > 30 {
					t.Fatalf("got %d contacts in the book, want 30 at most", got)
				}
			}
			c.agree(30)
			c.quiet()
		})
	}
}
