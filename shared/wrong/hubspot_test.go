package wrong_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/system"
)

const (
	hubSpotGoogle    = system.HubSpot + ":" + system.Google
	hubSpotMicrosoft = system.HubSpot + ":" + system.Microsoft
)

// property reads a property of a contact as HubSpot's API tells it.
func (c *company) property(id, name string) string {
	c.w.t.Helper()
	var got struct{ Properties map[string]*string }
	c.hubSpot(http.MethodGet, "/crm/v3/objects/contacts/"+id+"?properties="+name, "", &got)
	if got.Properties[name] == nil {
		return ""
	}
	return *got.Properties[name]
}

// writes counts what runs wrote to each side.
func (c *company) writes() (crm, book int) {
	c.w.t.Helper()
	for _, r := range c.runs() {
		crm += r.CRM.Created + r.CRM.Updated + r.CRM.Deleted
		book += r.Book.Created + r.Book.Updated + r.Book.Deleted
	}
	return crm, book
}

// TestTwelveThousandContactsOfOneModifiedTimeArriveOnce: more than HubSpot's search shows of one query, imported at one moment after
// the first run; and then recomputed by HubSpot all at one moment, which is no change.
func TestTwelveThousandContactsOfOneModifiedTimeArriveOnce(t *testing.T) {
	t.Parallel()
	const many = 12_000
	w := open(t, options{pair: hubSpotGoogle})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 3))
	c.first()
	c.agree(3)
	c.fillCRM(people(1000, many)) // the clock stands still meanwhile
	w.pass(45 * time.Minute)
	c.wantState("active")
	if n := len(c.bookBook()); n != many+3 {
		t.Fatalf("got %d contacts in the book, want %d", n, many+3)
	}
	c.agree(many + 3)
	crm, book := c.writes()
	w.clk.Advance(time.Minute)
	w.must(w.boxes.HubSpot.Touch(c.crm, time.Time{}))
	w.pass(30 * time.Minute)
	if crm2, book2 := c.writes(); crm2 != crm || book2 != book {
		t.Errorf("got %d and %d writes because HubSpot recomputed its contacts, want none", crm2-crm, book2-book)
	}
	if r := c.runs()[0]; r.State != "done" {
		t.Errorf("got %+v, want a run that is done", r)
	}
}

// TestALastModifiedTimeThatMovesByItselfWritesNothing: HubSpot computes properties of contacts all day long.
func TestALastModifiedTimeThatMovesByItselfWritesNothing(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{hubSpotGoogle, hubSpotMicrosoft, hubSpotDynamics} {
		t.Run(pair, func(t *testing.T) {
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 40))
			c.first()
			c.agree(40)
			crm, book := c.writes()
			w.boxes.HubSpot.SetRecompute(20)
			w.pass(2 * time.Hour)
			if crm2, book2 := c.writes(); crm2 != crm || book2 != book {
				t.Errorf("got %d and %d writes, want none", crm2-crm, book2-book)
			}
			id, other := c.ids(7)
			c.editCRM(id, record.OrgTitle, "Seen among the noise")
			w.pass(12 * time.Minute)
			c.wantBook(other, record.OrgTitle, "Seen among the noise")
			c.agree(40)
		})
	}
}

// TestARecordWithoutAValidAddressIsLeftOutWithTheReasonAndComesBack (HD7).
func TestARecordWithoutAValidAddressIsLeftOutWithTheReasonAndComesBack(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotDynamics})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 10))
	broken := person(20)
	broken.Fields[record.NameFamily] = []record.Value{{Text: "Kowalski"}}
	broken.Fields[record.Email] = []record.Value{{Text: "ask at the desk", Label: "work"}}
	none := person(21)
	none.Fields[record.NameFamily] = []record.Value{{Text: "Lindqvist"}}
	delete(none.Fields, record.Email)
	left := c.fillBook([]record.Record{broken, none})
	c.first()
	out := func(id string) {
		t.Helper()
		if s := c.byID(id); s.Code != "no_email" || s.Reason == "" {
			t.Fatalf("got %+v, want a record without a valid address, with the reason", s)
		}
	}
	for _, id := range left {
		out(id)
	}
	if n := len(c.crmBook()); n != 10 {
		t.Fatalf("got %d contacts in HubSpot, want 10", n)
	}

	// A linked record loses its address, on each side.
	crm, book := c.ids(3)
	c.editBook(book, record.Email, "moved away")
	emptied, emptiedBook := c.ids(4)
	w.clk.Advance(10 * time.Second)
	w.must(w.boxes.HubSpot.Edit(c.crm, emptied, record.Fields{record.Email: {}}))
	w.pass(30 * time.Minute)
	c.sync()
	out(book)
	out(emptied)
	c.wantCRM(crm, record.Email, "person003@people.example")
	c.wantBook(emptiedBook, record.Email, "person004@people.example")
	c.editCRM(crm, record.OrgTitle, "While it was out")
	w.pass(30 * time.Minute)
	if got := text(c.bookBook()[book], record.OrgTitle); got == "While it was out" {
		t.Error("a record that is left out was written")
	}
	w.pass(26 * time.Hour)
	if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{10, 12} {
		t.Fatalf("got %v contacts, want 10 and 12: nothing is deleted", got)
	}

	// Valid again, the same links go on.
	c.editBook(book, record.Email, "person903@people.example")
	c.editCRM(emptied, record.Email, "person904@people.example")
	c.editBook(left[0], record.Email, "person020@people.example")
	w.pass(30 * time.Minute)
	if s := c.byID(crm); s.State != "active" || s.Book != book {
		t.Errorf("got %+v, want the old link", s)
	}
	c.wantCRM(crm, record.Email, "person903@people.example")
	c.wantBook(book, record.OrgTitle, "While it was out")
	c.wantBook(emptiedBook, record.Email, "person904@people.example")
	if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{11, 12} {
		t.Fatalf("got %v contacts, want 11 and 12", got)
	}

	// Switched off, a record without an address syncs as well.
	c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"rules": map[string]any{"require_email": false}}}, nil)
	w.pass(30 * time.Minute)
	if s := c.byID(left[1]); s.State != "active" || s.CRM == "" {
		t.Errorf("got %+v, want the record without an address in HubSpot", s)
	}
	c.quiet()
}

// TestTheLifecycleStageIsSetAndNeverMovedBack (HD6): whether HubSpot refuses a stage that goes back, or keeps its own in silence.
func TestTheLifecycleStageIsSetAndNeverMovedBack(t *testing.T) {
	t.Parallel()
	const wanted = "marketingqualifiedlead"
	for _, mode := range []string{"refuse", "keep"} {
		for _, pair := range []string{hubSpotGoogle, hubSpotDynamics} {
			t.Run(pair+" "+mode, func(t *testing.T) {
				w := open(t, options{pair: pair})
				c := w.company("morita", map[string]any{"crm_options": map[string]string{"lifecyclestage": wanted}})
				box := w.boxes.HubSpot
				w.must(box.SetLifecycle(c.crm, mode, nil))
				c.fillCRM(people(0, 6))
				mine := c.fillBook(people(20, 3))
				c.first()
				c.agree(9)
				for _, id := range mine {
					if got := c.property(c.byID(id).CRM, "lifecyclestage"); got != wanted {
						t.Errorf("got the stage %q of a contact that was added, want %q", got, wanted)
					}
				}
				earlier, earlierBook := c.ids(0)
				w.must(box.SetProperty(c.crm, earlier, "lifecyclestage", "subscriber"))
				later, laterBook := c.ids(1)
				w.must(box.SetProperty(c.crm, later, "lifecyclestage", "customer"))
				race, raceBook := c.ids(2)
				w.must(box.SetProperty(c.crm, race, "lifecyclestage", "subscriber"))
				w.pass(12 * time.Minute)
				for _, id := range []string{earlierBook, laterBook, raceBook} {
					c.editBook(id, record.OrgTitle, "By the book")
				}
				tried := false
				w.before(system.HubSpot, "POST/crm/objects/2026-03/contacts/batch/update", func() {
					tried = true
					w.must(box.SetProperty(c.crm, race, "lifecyclestage", "evangelist"))
				})
				w.pass(12 * time.Minute)
				if !tried {
					t.Fatal("no contact was changed: nothing was tried")
				}
				for id, want := range map[string]string{earlier: wanted, later: "customer", race: "evangelist"} {
					c.wantCRM(id, record.OrgTitle, "By the book")
					if got := c.property(id, "lifecyclestage"); got != want {
						t.Errorf("got the stage %q, want %q", got, want)
					}
				}
				c.agree(9)
				for _, s := range c.records() {
					if s.Code != "" {
						t.Errorf("got %+v, want nothing to say", s)
					}
				}
				// A person moves one back: a contact is only given a stage when something else of it is written.
				w.must(box.SetProperty(c.crm, later, "lifecyclestage", "subscriber"))
				crm, book := c.writes()
				w.pass(3 * time.Hour)
				if crm2, book2 := c.writes(); crm2 != crm || book2 != book {
					t.Errorf("got %d and %d writes with nothing to do, want none", crm2-crm, book2-book)
				}
			})
		}
	}
}

// oneEach wants nobody twice in the book, by name.
func (c *company) oneEach(when string) {
	c.w.t.Helper()
	seen := map[string]string{}
	for id, f := range c.bookBook() {
		name := text(f, record.NameFamily)
		if other, twice := seen[name]; twice {
			c.w.t.Fatalf("%s: %s and %s of the book are both %s", when, id, other, name)
		}
		seen[name] = id
	}
}

// TestAMergeInHubSpotLeavesOnePersonWhetherItIsToldOrNot: the record that comes of it has an id of its own.
func TestAMergeInHubSpotLeavesOnePersonWhetherItIsToldOrNot(t *testing.T) {
	for _, pair := range []string{hubSpotGoogle, hubSpotMicrosoft, hubSpotDynamics} {
		for _, push := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s told %t", pair, push), func(t *testing.T) {
				t.Parallel()
				w := open(t, options{pair: pair, push: push})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 10))
				c.first()
				w.live(10 * time.Minute)
				c.agree(10)
				keep, keepBook := c.ids(2)
				lose, loseBook := c.ids(3)
				// And two of which only one is known.
				strange, strangeBook := c.ids(5)
				w.clk.Advance(time.Minute)
				now, err := w.boxes.HubSpot.Merge(c.crm, keep, lose)
				w.must(err)
				fresh := c.fillCRM(people(60, 1))
				other, err := w.boxes.HubSpot.Merge(c.crm, strange, fresh[0])
				w.must(err)
				if now == keep || now == lose {
					t.Fatalf("the merge gave no new id: nothing is tried")
				}
				for range 8 {
					w.live(10 * time.Minute)
					c.oneEach("after a merge")
				}
				w.live(26 * time.Hour)
				c.oneEach("a day after a merge")
				if s := c.byID(now); s.Book != keepBook || s.State != "active" {
					t.Errorf("got %+v, want the survivor linked with %s", s, keepBook)
				}
				if s := c.byID(other); s.Book != strangeBook || s.State != "active" {
					t.Errorf("got %+v, want the survivor linked with %s", s, strangeBook)
				}
				want := 9
				if pair == hubSpotDynamics { // deletions are not propagated (HD8): the other one's contact stays there
					want = 10
				}
				if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{9, want} {
					t.Errorf("got %v contacts, want 9 and %d; the loser's: %+v", got, want, c.bookBook()[loseBook])
				}
				c.editCRM(now, record.OrgTitle, "After the merge")
				w.live(12 * time.Minute)
				c.wantBook(keepBook, record.OrgTitle, "After the merge")
				c.editBook(keepBook, record.NameGiven, "Back")
				w.live(12 * time.Minute)
				c.wantCRM(now, record.NameGiven, "Back")
				c.quiet()
			})
		}
	}
}

// TestWhatIsArchivedInHubSpotLeavesAndWhatIsRestoredComesBack: and what is deleted for good leaves only after two looks.
func TestWhatIsArchivedInHubSpotLeavesAndWhatIsRestoredComesBack(t *testing.T) {
	for _, pair := range []string{hubSpotGoogle, hubSpotDynamics} {
		for _, push := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s told %t", pair, push), func(t *testing.T) {
				t.Parallel()
				w := open(t, options{pair: pair, push: push})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 20))
				c.first()
				w.live(10 * time.Minute)
				archived, archivedBook := c.ids(3)
				erased, erasedBook := c.ids(4)
				brief, briefBook := c.ids(5)
				c.removeCRM(archived)
				w.must(w.boxes.HubSpot.GDPRDelete(c.crm, erased))
				c.removeCRM(brief)
				w.must(w.boxes.HubSpot.Restore(c.crm, brief))
				w.live(30 * time.Minute)
				if c.bookBook()[briefBook] == nil {
					t.Error("a contact that was archived and restored at once left the book")
				}
				w.live(50 * time.Hour)
				want := 18
				if pair == hubSpotDynamics { // HD8
					want = 20
				}
				if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{18, want} {
					t.Fatalf("got %v contacts, want 18 and %d", got, want)
				}
				for _, id := range []string{archivedBook, erasedBook} {
					if there := c.bookBook()[id] != nil; there != (pair == hubSpotDynamics) {
						t.Errorf("contact %s is in the book: %t", id, there)
					}
				}
				w.must(w.boxes.HubSpot.Restore(c.crm, archived))
				w.live(75 * time.Minute)
				w.live(26 * time.Hour)
				c.oneEach("after a contact was restored")
				if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{19, max(19, want)} {
					t.Fatalf("got %v contacts, want 19 and %d; %+v", got, max(19, want), c.byID(archived))
				}
				s := c.byID(archived)
				if pair == hubSpotDynamics { // what was deleted on one side is left to itself, until a person says otherwise
					if s.State != "detached" || s.Code != "deleted_kept" || s.Reason == "" {
						t.Errorf("got %+v, want a record that is left to itself, with the reason", s)
					}
				} else if s.State != "active" || c.bookBook()[s.Book] == nil {
					t.Errorf("got %+v, want the restored contact in sync", s)
				}
				c.quiet()
			})
		}
	}
}

// TestOneBadRowInABatchOfAHundredIsParkedAndTheOthersAreWritten: on adding, where HubSpot tells them apart, and on changing, where it
// refuses them all together. The address is one that HubSpot has put on its blocklist, which nobody can see beforehand.
func TestOneBadRowInABatchOfAHundredIsParkedAndTheOthersAreWritten(t *testing.T) {
	t.Parallel()
	const blocked = "blocked@people.example"
	for _, pair := range []string{hubSpotGoogle, hubSpotMicrosoft, hubSpotDynamics} {
		t.Run(pair, func(t *testing.T) {
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			c.block(blocked)
			in := people(0, 100)
			in[41].Fields = record.Fields{record.Email: {{Text: blocked, Label: "work"}}} // without it, there is nobody to add
			mine := c.fillBook(in)
			c.first()
			w.pass(30 * time.Minute)
			s := c.byID(mine[41])
			if s.State != "parked" || s.Code != "refused" || s.Field != string(record.Email) || s.Reason == "" {
				t.Errorf("got %+v, want a parked record that names the field", s)
			}
			if strings.Contains(s.Detail+s.Reason, blocked) {
				t.Errorf("the reason repeats the address: %+v", s)
			}
			if n := len(c.crmBook()); n != 99 {
				t.Fatalf("got %d contacts in HubSpot, want 99", n)
			}
			c.wantState("active")
			c.editBook(mine[41], record.Email, "person041@people.example")
			w.pass(30 * time.Minute)
			c.agree(100)

			w.clk.Advance(10 * time.Second)
			for i, id := range mine {
				edit := record.Fields{record.OrgTitle: {{Text: fmt.Sprintf("Edited %d", i)}}}
				if i == 41 {
					edit[record.Email] = []record.Value{{Text: blocked, Label: "work"}}
				}
				w.must(w.box(w.sys[1]).Edit(c.book, id, edit))
			}
			c.sync()
			w.pass(30 * time.Minute)
			// Of what HubSpot has already, only the address is held back.
			if s := c.byID(mine[41]); s.State != "active" || len(s.Held) != 1 || s.Held[0].Field != string(record.Email) {
				t.Errorf("got %+v, want a record whose address is held", s)
			}
			c.wantCRM(c.byID(mine[41]).CRM, record.Email, "person041@people.example")
			changed := 0
			for _, f := range c.crmBook() {
				if strings.HasPrefix(text(f, record.OrgTitle), "Edited") {
					changed++
				}
			}
			if changed != 100 {
				t.Errorf("got %d contacts changed in HubSpot, want 100", changed)
			}
			updates := func() int { return w.boxes.HubSpot.Faults().Calls()["POST /crm/objects/2026-03/contacts/batch/update"] }
			before := updates()
			w.pass(6 * time.Hour)
			if n := updates() - before; n > 15 {
				t.Errorf("got %d tries in six hours, want next to none", n)
			}
			c.editBook(mine[41], record.Email, "person141@people.example")
			w.pass(30 * time.Minute)
			c.agree(100)
			c.quiet()
		})
	}
}

// block has HubSpot refuse an address for ever, as it does with one that somebody wanted to be forgotten.
func (c *company) block(email string) {
	c.w.t.Helper()
	c.hubSpot(http.MethodPost, "/crm/v3/objects/contacts/gdpr-delete", `{"objectId":"`+email+`","idProperty":"email"}`, nil)
}

// hubSpot makes a call of HubSpot's API as another app of the user's would.
func (c *company) hubSpot(method, path, body string, out any) {
	c.w.t.Helper()
	token, _, err := c.w.boxes.HubSpot.Issue(c.crm)
	c.w.must(err)
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, c.w.origins[system.HubSpot]+path, in)
	c.w.must(err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	res, err := c.w.hc.Do(r)
	c.w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	c.w.must(err)
	if res.StatusCode >= 300 {
		c.w.t.Fatalf("%s %s: got %d: %s", method, path, res.StatusCode, b)
	}
	if out != nil {
		c.w.must(json.Unmarshal(b, out))
	}
}

// TestARuleForPeoplesFormsHindersNoSync: Meibo writes contacts by a version of the API to which such rules do not apply.
func TestARuleForPeoplesFormsHindersNoSync(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotGoogle})
	c := w.company("morita", nil)
	w.must(w.boxes.HubSpot.SetRule(c.crm, "jobtitle", "^[A-Z]{3}$"))
	mine := c.fillBook(people(0, 10))
	c.first()
	c.agree(10)
	c.editBook(mine[3], record.OrgTitle, "does not fit the rule")
	c.sync()
	c.agree(10)
}
