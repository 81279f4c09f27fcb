package wrong_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/directory"
	"meibo/shared/record"
	"meibo/shared/sandbox/graph"
	"meibo/shared/system"
)

// member has somebody else join the company, who is none of its administrators, with accounts of their own at the vendors.
func (c *company) member(name string) *company {
	w := c.w
	w.t.Helper()
	m := &company{w: w, name: name, crm: name + "@crm.example", book: name + "@book.example", accounts: map[string]string{}, tenant: c.tenant, path: c.path}
	var err error
	m.token, err = w.issuer.Token(name, name+"@work.example", name)
	w.must(err)
	c.want(http.StatusCreated, http.MethodPost, c.path+"/members", map[string]any{"email": name + "@work.example", "permissions": []string{"contacts.view", "contacts.sync"}}, nil)
	m.want(http.StatusOK, http.MethodGet, c.path, nil, nil)
	m.addUsers()
	return m
}

// joined is a member who has n people in the folder Sansan.
func (c *company) joined(name string, n int) *company {
	m := c.member(name)
	for _, id := range c.w.sys {
		m.join(id)
	}
	m.findAccounts()
	m.draft(nil)
	m.fillCRM(people(0, n))
	m.first()
	m.agree(n)
	return m
}

// mails counts what was sent to somebody.
func (c *company) mails() (n int) {
	c.w.t.Helper()
	for _, m := range c.w.outbox() {
		if m.To == c.name+"@work.example" {
			n++
		}
	}
	return n
}

// TestAConsentThatIsWithdrawnIsSeenWithinTheRunAndAnotherResumes (SM2, BX13): every member is told once that Microsoft 365's administrator has
// to consent again; connecting again before that is of no use, and after it everything goes on where it was.
func TestAConsentThatIsWithdrawnIsSeenWithinTheRunAndAnotherResumes(t *testing.T) {
	for _, at := range []string{"between two runs", "contacts/delta", "POST/v1.0/$batch"} {
		t.Run(strings.ReplaceAll(at, "/", " "), func(t *testing.T) {
			t.Parallel()
			c := carded(t, sansanMicrosoft, 20)
			w := c.w
			m := c.joined("tanaka", 10)
			id := w.directoryOf(administrator)
			withdraw := func() {
				w.must(w.boxes.Microsoft.ChangeDirectory(graph.DirectoryChange{Directory: id, Withdraw: true}))
			}
			crm, book := c.ids(3)
			c.editCRM(crm, record.OrgTitle, "Edited meanwhile")
			c.fillCRM(people(50, 2))
			if at == "between two runs" {
				withdraw()
			} else {
				w.before(system.Microsoft, at, withdraw)
			}
			before, theirs := c.bookBook(), m.bookBook()
			c.update()
			m.update()
			w.drain()
			for _, x := range []*company{c, m} {
				reason := x.wantState("needs_reauth")
				for _, want := range []string{"Microsoft 365", "administrator", "consent again", "connect the account again"} {
					if !strings.Contains(reason, want) {
						t.Errorf("%s: got the reason %q, want %q in it", x.name, reason, want)
					}
				}
			}
			w.live(26 * time.Hour)
			if c.mails() != 1 || m.mails() != 1 {
				t.Errorf("got %d and %d mails, want one each", c.mails(), m.mails())
			}
			if got := len(c.bookBook()); !alike(before, c.bookBook()) && at != "POST/v1.0/$batch" || got < 20 || !alike(theirs, m.bookBook()) {
				t.Errorf("got %d contacts in the book, want all of those of before", got)
			}
			got := c.capability(directory.Contacts, "en")
			if got.State != "withdrawn" || got.Who != "system_admin" || !strings.Contains(got.Cure, "consent again") {
				t.Errorf("got %+v, want one that says that it was withdrawn", got)
			}
			status, body := m.call(http.MethodPost, m.path+"/accounts", map[string]any{"reconnect": m.accounts[system.Microsoft]})
			if status != http.StatusConflict || !strings.Contains(string(body), "directory_withdrawn") {
				t.Errorf("connecting again before the administrator: got %d %s", status, body)
			}

			if at := c.admitted(directory.Contacts, administrator); at.Status != http.StatusOK {
				t.Fatalf("consenting again: got %d: %s", at.Status, at.Page)
			}
			w.live(2 * time.Hour)
			for _, x := range []*company{c, m} {
				if at := x.reconnect(system.Microsoft, x.book); at.Status >= 400 {
					t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
				}
			}
			w.drain()
			w.pass(45 * time.Minute)
			for x, n := range map[*company]int{c: 22, m: 10} {
				x.wantState("active")
				x.agree(n)
				x.quiet()
			}
			c.wantBook(book, record.OrgTitle, "Edited meanwhile")
		})
	}
}

// TestARuleAboutAddressesThatComesLaterIsToldAsOne (SM9), with the addresses for the administrator, and the directory stays connected.
func TestARuleAboutAddressesThatComesLaterIsToldAsOne(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft, egress: []string{"192.0.2.17"}})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 5))
	c.first()
	yes, no := true, false
	id := w.directoryOf(administrator)
	w.must(w.boxes.Microsoft.ChangeDirectory(graph.DirectoryChange{Directory: id, BlockIP: &yes}))
	c.fillCRM(people(10, 1))
	w.pass(2 * time.Hour) // until the access token ends
	if reason := c.wantState("needs_reauth"); !strings.Contains(reason, "rule") || !strings.Contains(reason, "addresses") {
		t.Errorf("got the reason %q, want the rule", reason)
	}
	var d struct {
		Egress []string `json:"egress_addresses"`
	}
	c.want(http.StatusOK, http.MethodGet, c.directories(system.Microsoft), nil, &d)
	if got := c.capability(directory.Contacts, "en"); got.State != "connected" || fmt.Sprint(d.Egress) != "[192.0.2.17]" {
		t.Errorf("got %+v and the addresses %v, want it connected", got, d.Egress)
	}
	if c.mails() != 1 {
		t.Errorf("got %d mails, want 1", c.mails())
	}
	c.fillCRM(people(11, 1))
	w.must(w.boxes.Microsoft.ChangeDirectory(graph.DirectoryChange{Directory: id, BlockIP: &no}))
	if at := c.reconnect(system.Microsoft, c.book); at.Status >= 400 {
		t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
	}
	w.drain()
	c.wantState("active")
	c.agree(7)
	c.quiet()
}

// TestTheAdministratorsDisconnectStopsAllAndAMembersOnlyTheirs (SM8), and nobody of another company with the same directory.
func TestTheAdministratorsDisconnectStopsAllAndAMembersOnlyTheirs(t *testing.T) {
	t.Parallel()
	c := carded(t, sansanMicrosoft, 5)
	w := c.w
	tanaka, suzuki := c.joined("tanaka", 5), c.joined("suzuki", 5)
	other := w.company("sato", nil) // of the same directory
	other.fillCRM(people(0, 5))
	other.first()

	tanaka.want(http.StatusOK, http.MethodPost, tanaka.conn()+"/stop", map[string]any{"remove": "keep"}, nil)
	w.drain()
	tanaka.wantState("stopped")
	for _, x := range []*company{c, suzuki, other} {
		x.wantState("active")
	}
	c.want(http.StatusNoContent, http.MethodDelete, c.directories(system.Microsoft), nil, nil)
	for _, x := range []*company{c, suzuki} {
		if reason := x.wantState("stopped"); !strings.Contains(reason, "administrator of the company") || !strings.Contains(reason, "all members") {
			t.Errorf("%s: got the reason %q", x.name, reason)
		}
	}
	calls := w.boxes.Microsoft.Faults().Total()
	for _, x := range []*company{c, suzuki, tanaka} {
		x.fillCRM(people(20, 1))
	}
	other.wantState("active")
	other.fillCRM(people(20, 1))
	w.live(26 * time.Hour)
	for _, x := range []*company{c, suzuki, tanaka} {
		x.wantState("stopped")
		if got := len(x.bookBook()); got != 5 {
			t.Errorf("%s: got %d contacts, want the 5 of before", x.name, got)
		}
	}
	other.agree(6)
	if w.boxes.Microsoft.Faults().Total() == calls {
		t.Error("nothing was asked of Microsoft for the other company")
	}
	status, body := suzuki.call(http.MethodPost, suzuki.path+"/connections", map[string]any{"crm": suzuki.accounts[system.Sansan], "book": suzuki.accounts[system.Microsoft]})
	if status != http.StatusConflict || !strings.Contains(string(body), "directory_needed") {
		t.Errorf("drafting another: got %d %s", status, body)
	}

	// Set up again, whoever wants to starts anew: in the same folder, with nobody twice.
	c.admit()
	suzuki.draft(nil)
	suzuki.first()
	suzuki.agree(6)
	suzuki.quiet()
	c.wantState("stopped")
}

// TestSomebodyWhoIsNoAdministratorGetsNowhereAtTheDirectory, in either company.
func TestSomebodyWhoIsNoAdministratorGetsNowhereAtTheDirectory(t *testing.T) {
	t.Parallel()
	c := carded(t, sansanMicrosoft, 3)
	w := c.w
	id := w.directoryOf(administrator)
	stranger := w.signUp("sato")
	at := c.directories(system.Microsoft)
	for who, want := range map[*company]int{c.member("tanaka"): http.StatusForbidden, stranger: http.StatusNotFound} {
		for _, lang := range []string{"en", "ja"} {
			who.lang = lang
			for _, r := range []struct {
				method, path string
				body         any
			}{
				{http.MethodGet, at, nil}, {http.MethodPut, at, map[string]any{"directory_id": id}}, {http.MethodDelete, at, nil},
				{http.MethodPost, at + "/consents", map[string]any{"capability": directory.Contacts}},
			} {
				if got, body := who.call(r.method, r.path, r.body); got != want || strings.Contains(string(body), id) {
					t.Errorf("%s %s, %s: got %d %s, want %d and no id", r.method, r.path, who.name, got, body, want)
				}
			}
		}
	}
	if got := c.capability(directory.Contacts, "en").State; got != "connected" {
		t.Errorf("got the consent %s", got)
	}
	c.wantState("active")
	c.quiet()
}

// TestNeitherKeysNorTokensNorContactsAreRepeatedAnywhere: answers, the log, mails and files of an installation with Sansan and a directory,
// with everything that goes wrong there.
func TestNeitherKeysNorTokensNorContactsAreRepeatedAnywhere(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft})
	c := w.signUp("morita")
	c.addUsers()
	in, words := canaries("Morita", 0, 20)
	c.fillCRM(in)
	var keys []string
	key := func(k string) string { keys = append(keys, k); return k }
	key(w.boxes.Sansan.Key(c.crm))
	c.admit()
	for _, id := range w.sys {
		c.join(id)
	}
	c.findAccounts()
	c.draft(nil)
	c.first()
	if got := len(c.bookBook()); got != 20 {
		t.Fatalf("got %d contacts, want 20", got)
	}
	// What goes wrong: a key that is no key, somebody else's, a dead one; a merge, a deletion; a consent that is withdrawn.
	for _, bad := range []string{"canary0000keycanary0000key000000", "canary-that-is-no-key"} {
		c.call(http.MethodPost, c.path+"/accounts/keys", map[string]any{"system": system.Sansan, "key": key(bad)})
	}
	stranger := w.signUp("sato")
	stranger.addUsers()
	stranger.fillCRM(people(90, 1))
	key(w.boxes.Sansan.Key(stranger.crm))
	c.reconnect(system.Sansan, stranger.crm)
	ids := sorted(c.crmBook())
	_, err := w.boxes.Sansan.Merge(c.crm, ids[0], ids[1], true)
	w.must(err)
	w.must(w.boxes.Sansan.Remove(c.crm, ids[2]))
	w.live(27 * time.Hour)
	c.withdraw(system.Sansan)
	c.sync()
	c.reconnect(system.Sansan, c.crm)
	key(w.boxes.Sansan.Key(c.crm))
	w.must(w.boxes.Microsoft.ChangeDirectory(graph.DirectoryChange{Directory: w.directoryOf(administrator), Withdraw: true}))
	c.sync()
	c.call(http.MethodPost, c.path+"/accounts", map[string]any{"reconnect": c.accounts[system.Microsoft]})
	c.admitted(directory.Contacts, administrator)
	c.reconnect(system.Microsoft, c.book)
	w.live(27 * time.Hour)
	c.records()
	c.runs()
	for _, r := range []string{"/accounts", "/connections", "/members"} {
		c.call(http.MethodGet, c.path+r, nil)
	}
	for _, r := range []string{"", "/reviews", "/changes", "/totals"} {
		c.call(http.MethodGet, c.conn()+r, nil)
	}

	places := map[string]string{"the API": w.heard.String(), "the log": w.log.String(), "a mail": fmt.Sprintf("%+v", w.outbox())}
	files, err := filepath.Glob(filepath.Join(w.folder, "*"))
	w.must(err)
	for _, name := range files {
		body, err := os.ReadFile(name)
		w.must(err)
		places[filepath.Base(name)] = string(body)
	}
	w.mu.Lock()
	secrets := slices.Concat(words, keys, slices.Collect(maps.Keys(w.carried)))
	w.mu.Unlock()
	if got := len(secrets) - len(words) - len(keys); got < 5 {
		t.Fatalf("got %d keys and tokens that Meibo called with, want more of them", got)
	}
	if got := leaks(fmt.Sprint(c.crmBook(), c.bookBook()), words); len(got) < len(words)/2 {
		t.Fatalf("got %d of %d words in the books themselves: the search finds nothing", len(got), len(words))
	}
	if len(w.outbox()) == 0 || len(files) < 3 {
		t.Fatalf("got %d mails and the files %v: nothing was looked at", len(w.outbox()), files)
	}
	for place, said := range places {
		if found := leaks(said, secrets); len(found) > 0 {
			t.Errorf("%s repeats %v", place, found[:min(5, len(found))])
		}
		for _, token := range []string{"access_token", "refresh_token", "client_secret"} {
			if strings.Contains(said, token) && place != "the API" {
				t.Errorf("%s holds a %s", place, token)
			}
		}
	}
}
