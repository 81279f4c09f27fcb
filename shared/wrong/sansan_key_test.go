package wrong_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/system"
)

// listing is the request of Sansan that lists cards: two hundred of them are a full listing, and a first run has two.
const listing = "GET/v6.0/bizCards"

// nth has a person do something, once, just before a vendor gets such a request for the nth time.
func (w *world) nth(id, part string, n int, act func()) {
	if n > 1 {
		again := act
		act = func() { w.nth(id, part, n-1, again) }
	}
	w.before(id, part, act)
}

// TestARevokedKeyIsSeenWithinTheRunAndAnotherKeyResumes (BX13, SM7): one mail, nothing lost, nothing doubled, nothing deleted.
func TestARevokedKeyIsSeenWithinTheRunAndAnotherKeyResumes(t *testing.T) {
	for _, pair := range []string{sansanMicrosoft, sansanGoogle} {
		for name, n := range map[string]int{"at once": 1, "while it lists": 150, "while it lists again": 300} {
			t.Run(pair+" first run "+name, func(t *testing.T) {
				t.Parallel()
				w := open(t, options{pair: pair})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 45))
				c.start()
				hit := false
				w.nth(system.Sansan, listing, n, func() { hit = true; c.withdraw(system.Sansan) })
				c.keyLost(w.drain, &hit, 45)
			})
		}
		t.Run(pair+" first run while it writes", func(t *testing.T) {
			t.Parallel()
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 45))
			c.start()
			hit := false
			write := map[string]string{system.Microsoft: "POST/v1.0/$batch", system.Google: "POST/v1/people:batchCreateContacts"}[w.sys[1]]
			w.before(w.sys[1], write, func() { hit = true; c.withdraw(system.Sansan) })
			c.keyLost(func() { w.drain(); w.pass(time.Hour) }, &hit, 45)
		})
		t.Run(pair+" between two runs", func(t *testing.T) {
			t.Parallel()
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 20))
			c.first()
			c.agree(20)
			crm, book := c.ids(3)
			c.editCRM(crm, record.OrgTitle, "Edited meanwhile")
			hit := true
			c.withdraw(system.Sansan)
			c.keyLost(c.sync, &hit, 20)
			c.wantBook(book, record.OrgTitle, "Edited meanwhile")
		})
	}
}

// keyLost has work meet the loss of a key, which another key makes good: then n people and two more are on both sides.
func (c *company) keyLost(work func(), hit *bool, n int) {
	w, t := c.w, c.w.t
	t.Helper()
	work()
	if !*hit {
		t.Fatal("no such request was made: nothing was tried")
	}
	reason := c.wantState("needs_reauth")
	if !strings.Contains(reason, "Sansan") || !strings.Contains(reason, "onnect") {
		t.Errorf("got the reason %q, want the vendor and the cure", reason)
	}
	var a struct{ State string }
	c.want(http.StatusOK, http.MethodGet, c.path+"/accounts/"+c.accounts[system.Sansan], nil, &a)
	if a.State != "needs_reauth" {
		t.Errorf("got the account %s, want needs_reauth", a.State)
	}
	before := c.bookBook()
	c.fillCRM(people(100, 2))
	w.live(26 * time.Hour)
	c.wantState("needs_reauth")
	if !alike(before, c.bookBook()) {
		t.Errorf("got %d contacts in the book, want the %d of before: nothing is touched without the cards", len(c.bookBook()), len(before))
	}
	if mails := w.outbox(); len(mails) != 1 || mails[0].To != "morita@work.example" || !strings.Contains(mails[0].Text, "Sansan") || !strings.Contains(mails[0].Text, "onnect") {
		t.Errorf("got the mails %+v, want one that says to connect Sansan again", mails)
	}
	calls := w.boxes.Sansan.Faults().Total()
	w.pass(3 * time.Hour)
	if got := w.boxes.Sansan.Faults().Total() - calls; got > 0 {
		t.Errorf("got %d calls with a key that is known to be dead, want none", got)
	}
	if at := c.reconnect(system.Sansan, c.crm); at.Status != http.StatusOK {
		t.Fatalf("entering another key: got %d: %s", at.Status, at.Page)
	}
	w.drain()
	w.pass(45 * time.Minute)
	c.wantState("active")
	c.agree(n + 2)
	c.quiet()

	// Another loss is another mail.
	c.withdraw(system.Sansan)
	c.sync()
	c.wantState("needs_reauth")
	if n := len(w.outbox()); n != 2 {
		t.Errorf("got %d mails after a second loss, want 2", n)
	}
}

// TestAKeyOfSomebodyElseIsRefusedAsADifferentAccount (PD9): a colleague's too, and a dead one; the one who lost it is still waited for.
func TestAKeyOfSomebodyElseIsRefusedAsADifferentAccount(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 5))
	theirs := c.fillCRM(people(50, 3))
	for _, id := range theirs {
		w.must(w.boxes.Sansan.SetOwner(c.crm, id, "ito@crm.example"))
	}
	c.first()
	c.agree(5)
	old := w.boxes.Sansan.Key(c.crm)
	c.withdraw(system.Sansan)
	c.sync()
	c.wantState("needs_reauth")
	at := c.reconnect(system.Sansan, "ito@crm.example")
	if at.Status != http.StatusConflict || !strings.Contains(at.Page, c.crm) || !strings.Contains(at.Page, "ito@crm.example") {
		t.Errorf("a colleague's key: got %d %s, want a refusal that names both", at.Status, at.Page)
	}
	status, body := c.call(http.MethodPost, c.path+"/accounts/keys", map[string]any{"reconnect": c.accounts[system.Sansan], "key": old})
	if status != http.StatusUnprocessableEntity || strings.Contains(string(body), old) {
		t.Errorf("the dead key: got %d %s, want a refusal that does not repeat it", status, body)
	}
	w.pass(2 * time.Hour)
	c.wantState("needs_reauth")
	if at := c.reconnect(system.Sansan, c.crm); at.Status != http.StatusOK {
		t.Fatalf("entering another key: got %d: %s", at.Status, at.Page)
	}
	w.drain()
	c.wantState("active")
	c.agree(5)
}

// TestAUserWhoMayNoLongerUseTheAPIKeepsEverything: Sansan's administrator took the right away, and gives it back.
func TestAUserWhoMayNoLongerUseTheAPIKeepsEverything(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 20))
	c.first()
	c.agree(20)
	w.must(w.boxes.Sansan.SetForbidden(c.crm, true))
	c.sync()
	w.live(26 * time.Hour)
	if got := len(c.bookBook()); got != 20 {
		t.Fatalf("got %d contacts in the book, want 20", got)
	}
	state, reason := c.status()
	if state != "active" && reason == "" {
		t.Errorf("got the connection %s without a reason", state)
	}
	if runs := c.runs(); !strings.Contains(reason+runs[0].Message, "Sansan") {
		t.Errorf("got the connection %s (%s) and the last run %s (%s), want one that says what is not allowed", state, reason, runs[0].State, runs[0].Message)
	}
	w.must(w.boxes.Sansan.SetForbidden(c.crm, false))
	c.fillCRM(people(30, 1))
	if state == "paused" {
		c.want(http.StatusOK, http.MethodPost, c.conn()+"/resume", nil, nil)
	}
	w.live(26 * time.Hour)
	c.wantState("active")
	c.agree(21)
}

// TestAListingThatIsEmptyForAWhileDeletesNoContact: Sansan answers that the user has no card at all, and nobody by id.
func TestAListingThatIsEmptyForAWhileDeletesNoContact(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 30))
	c.first()
	c.agree(30)
	faults := w.boxes.Sansan.Faults()
	faults.Add(sandbox.Fault{Method: "GET", Path: "/v6.0/bizCards", Times: -1, Status: http.StatusOK, Body: `{"data":[],"hasMore":false,"nextPageToken":null}`})
	w.live(25 * time.Hour)
	if got := len(c.bookBook()); got != 30 {
		t.Fatalf("got %d contacts in the book, want 30", got)
	}
	faults.Add(sandbox.Fault{Method: "GET", Path: "/v6.0/persons", Times: -1, Status: http.StatusNotFound, Body: `{"error":[{"code":"not_found","message":"Not found."}]}`})
	w.live(25 * time.Hour)
	if got := len(c.bookBook()); got != 30 {
		t.Fatalf("got %d contacts in the book, want 30", got)
	}
	if reason := c.wantState("needs_approval"); !strings.Contains(reason, "30") {
		t.Errorf("got the reason %q, want how many would be deleted", reason)
	}
	faults.Clear()
	c.want(http.StatusAccepted, http.MethodPost, c.conn()+"/approval", map[string]any{"answer": "discard"}, nil)
	w.live(26 * time.Hour)
	c.wantState("active")
	c.agree(30)
}

// TestAKeyThatIsRevokedWhileNothingIsSyncedIsNoticed within a day, and one that works stays, however long nobody uses it.
func TestAKeyThatIsRevokedWhileNothingIsSyncedIsNoticed(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 3))
	c.first()
	c.want(http.StatusOK, http.MethodPost, c.conn()+"/pause", nil, nil)
	state := func() string {
		var a struct{ State string }
		c.want(http.StatusOK, http.MethodGet, c.path+"/accounts/"+c.accounts[system.Sansan], nil, &a)
		return a.State
	}
	w.live(49 * time.Hour)
	if got := state(); got != "active" || len(w.outbox()) > 0 {
		t.Fatalf("got the account %s and %d mails, want active and none", got, len(w.outbox()))
	}
	c.withdraw(system.Sansan)
	w.live(25 * time.Hour)
	if got := state(); got != "needs_reauth" || len(w.outbox()) != 1 {
		t.Errorf("got the account %s and %d mails, want needs_reauth and 1", got, len(w.outbox()))
	}
}
