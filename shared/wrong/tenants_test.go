package wrong_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meibo/shared/record"
	"meibo/shared/system"
)

// canaries are people whose every value can be found again.
func canaries(of string, from, n int) ([]record.Record, []string) {
	out := people(from, n)
	var words []string
	for i := range out {
		say := func(what string) string {
			word := fmt.Sprintf("%s%sCanary%d", of, what, i)
			words = append(words, word)
			return word
		}
		out[i].Fields = record.Fields{
			record.NameFamily: {{Text: say("Family")}}, record.NameGiven: {{Text: say("Given")}},
			record.Email:    {{Text: strings.ToLower(say("Mail")) + "@canary.example", Label: "work"}},
			record.OrgTitle: {{Text: say("Title")}}, record.Note: {{Text: say("Note")}},
		}
		words = append(words, strings.ToLower(of)+"mailcanary")
	}
	return out, words
}

// leaks returns the words that stand in text, in any case, plain or in base64 at any offset.
func leaks(text string, words []string) []string {
	var found []string
	low := strings.ToLower(text)
	for _, word := range words {
		hit := strings.Contains(low, strings.ToLower(word))
		for pad := range 3 {
			code := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", pad) + word))
			// The ends depend on what stands beside the word.
			hit = hit || strings.Contains(text, code[4:len(code)-4])
		}
		if hit {
			found = append(found, word)
		}
	}
	return found
}

func TestTwoCompaniesSeeNothingOfEachOtherAndNothingIsKeptOfTheirContacts(t *testing.T) {
	t.Parallel()
	w := open(t, options{})
	a, b := w.company("alpha", nil), w.company("beta", nil)
	words := map[*company][]string{}
	for i, c := range []*company{a, b} {
		crm, one := canaries(c.name, 100*i, 20)
		book, two := canaries(c.name+"Book", 100*i+50, 20)
		words[c] = append(one, two...)
		c.fillCRM(crm)
		c.fillBook(book)
		c.start()
	}
	w.drain()
	for _, c := range []*company{a, b} {
		if got := len(c.bookBook()); got != 40 {
			t.Fatalf("got %d contacts of %s, want 40", got, c.name)
		}
		for i, id := range sorted(c.crmBook()) {
			if i%5 == 0 {
				c.editCRM(id, record.OrgTitle, c.name+"EditCanary")
			}
			if i == 1 {
				w.must(w.boxes.Zoho.Remove(c.crm, id))
			}
		}
		words[c] = append(words[c], c.name+"EditCanary")
		c.update()
	}
	w.drain()
	// Things go wrong with one of them, and its answers and reasons tell of it.
	w.must(w.boxes.Zoho.Lock(b.crm, sorted(b.crmBook())[3], true))
	for _, id := range sorted(b.bookBook())[:30] {
		b.editBook(id, record.OrgTitle, "BetaEditCanary")
	}
	b.sync()
	w.must(w.boxes.Google.RevokeUser(b.book))
	b.sync()

	theirs := []string{b.tenant, b.connection, b.accounts[system.Zoho], b.accounts[system.Google], b.crm, b.book, "beta K.K."}
	for _, s := range b.records() {
		theirs = append(theirs, s.CRM, s.Book)
	}
	theirs = theirs[:min(len(theirs), 60)]
	heard := w.heard.String()
	mark := len(heard)
	routes := []string{"", "/members", "/me", "/accounts", "/connections", "/connections/" + a.connection, "/connections/" + a.connection + "/runs",
		"/connections/" + a.connection + "/records", "/connections/" + a.connection + "/reviews", "/connections/" + a.connection + "/changes", "/connections/" + a.connection + "/totals"}
	for _, id := range []string{system.Zoho, system.Google} {
		routes = append(routes, "/accounts/"+a.accounts[id]+"/fields", "/accounts/"+a.accounts[id]+"/groups")
	}
	for _, r := range routes {
		a.call(http.MethodGet, a.path+r, nil)
	}
	a.call(http.MethodGet, "/tenants", nil)
	// What is theirs, and what nobody has, are answered alike.
	for _, r := range []string{"/connections/%s", "/connections/%s/runs", "/connections/%s/records", "/connections/%s/totals", "/connections/%s/changes", "/connections/%s/reviews"} {
		same(t, a, a.path+r, b.connection)
	}
	for _, r := range []string{"/accounts/%s", "/accounts/%s/fields", "/accounts/%s/groups"} {
		same(t, a, a.path+r, b.accounts[system.Google])
	}
	for _, r := range []string{"/tenants/%s", "/tenants/%s/accounts", "/tenants/%s/connections", "/tenants/%s/members"} {
		same(t, a, r, b.tenant)
	}
	for line := range strings.Lines(w.heard.String()[mark:]) {
		method, rest, _ := strings.Cut(line, " ")
		_, answer, _ := strings.Cut(rest, " ")
		if found := leaks(answer, theirs); method == http.MethodGet && len(found) > 0 {
			t.Errorf("an answer to %s names %v: %s", a.name, found, line)
		}
	}

	every := append(words[a], words[b]...)
	if got := len(leaks(fmt.Sprint(a.crmBook(), b.bookBook()), every)); got < len(every)/2 {
		t.Fatalf("got %d of %d words in the books themselves: the search finds nothing", got, len(every))
	}
	if found := leaks(w.heard.String(), every); len(found) > 0 {
		t.Errorf("the API repeats contacts: %v", found[:min(5, len(found))])
	}
	if found := leaks(w.log.String(), every); len(found) > 0 {
		t.Errorf("the log repeats contacts: %v", found[:min(5, len(found))])
	}
	if w.log.String() == "" {
		t.Error("the log is empty: nothing was looked at")
	}
	files, err := filepath.Glob(filepath.Join(w.folder, "*"))
	w.must(err)
	for _, name := range files {
		body, err := os.ReadFile(name)
		w.must(err)
		if found := leaks(string(body), every); len(found) > 0 {
			t.Errorf("%s holds contacts: %v", filepath.Base(name), found[:min(5, len(found))])
		}
	}
	if len(files) < 3 {
		t.Errorf("got the files %v, want the table, the queue and the keys", files)
	}
}

// same wants another company's id, and one that does not exist, to get the same answer.
func same(t *testing.T, c *company, pattern, id string) {
	t.Helper()
	status, got := c.call(http.MethodGet, fmt.Sprintf(pattern, id), nil)
	none, want := c.call(http.MethodGet, fmt.Sprintf(pattern, "01KRAFMAYRGBP9QPGZYKE00000"), nil)
	if status != http.StatusNotFound || none != status || clean(got) != clean(want) {
		t.Errorf("%s: got %d %s, and for an id that does not exist %d %s", pattern, status, got, none, want)
	}
}

// clean leaves out what differs between any two answers.
func clean(b []byte) string {
	var keep []string
	for part := range strings.SplitSeq(string(b), ",") {
		if !strings.Contains(part, `"instance"`) && !strings.Contains(part, `"request"`) {
			keep = append(keep, part)
		}
	}
	return strings.Join(keep, ",")
}

func TestAnAccountSyncsWithOneCompanyOnly(t *testing.T) {
	t.Parallel()
	w := open(t, options{})
	a, b := w.company("alpha", nil), w.signUp("beta")
	for _, v := range vendors() {
		t.Run(v.id, func(t *testing.T) {
			at := b.consent(map[string]any{"system": v.id, "login_hint": v.user(a)}, v.user(a))
			if at.Status < 400 || at.Status >= 500 {
				t.Fatalf("got %d, want a refusal: %s", at.Status, at.Page)
			}
			for _, want := range []string{v.name, "another company", "remove the account there"} {
				if !strings.Contains(at.Page, want) {
					t.Errorf("the page does not say %q: %s", want, at.Page)
				}
			}
			if found := leaks(at.Page+at.Location, []string{a.tenant, a.accounts[v.id], "alpha K.K.", "alpha@work.example"}); len(found) > 0 {
				t.Errorf("the page names who holds it: %v", found)
			}
			b.findAccounts()
			if b.accounts[v.id] != "" {
				t.Errorf("got the account %s", b.accounts[v.id])
			}
		})
	}
	// The one who has it is not disturbed by the attempt, and freeing it lets the other in.
	a.fillCRM(people(0, 3))
	a.first()
	a.agree(3)
	a.want(http.StatusOK, http.MethodPost, a.conn()+"/stop", nil, nil)
	a.want(http.StatusNoContent, http.MethodDelete, a.conn(), nil, nil)
	a.want(http.StatusNoContent, http.MethodDelete, a.path+"/accounts/"+a.accounts[system.Google], nil, nil)
	if at := b.consent(map[string]any{"system": system.Google, "login_hint": a.book}, a.book); at.Status >= 400 {
		t.Errorf("got %d after the account was freed: %s", at.Status, at.Page)
	}
}
