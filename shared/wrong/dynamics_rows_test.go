package wrong_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/system"
)

// batchCall is how Meibo writes to Dynamics.
const batchCall = "POST/api/data/v9.2/$batch"

// parts are the operations of batches at Dynamics that a method is named in, by the status of their answers.
func (w *world) parts(method string) map[int]int {
	out := map[int]int{}
	for _, c := range w.boxes.Dynamics.PartFaults().Log() {
		if c.Method == method {
			out[c.Status]++
		}
	}
	return out
}

// TestARowDeletedBetweenReadingAndWritingIsNotMadeAgainByTheUpdate: Dataverse adds a row that an update does not find, unless it is told
// not to. What becomes of it is decided afterwards, with the deletion known: an edit survives a deletion, as with every pair, and a
// record that nobody edited stays deleted.
func TestARowDeletedBetweenReadingAndWritingIsNotMadeAgainByTheUpdate(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{hubSpotDynamics, zohoDynamics} {
		t.Run(pair, func(t *testing.T) {
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 20))
			c.first()
			w.pass(15 * time.Minute)
			c.agree(20)
			crm, book := c.ids(3)
			other, otherBook := c.ids(4)
			c.editCRM(crm, record.OrgTitle, "Edited, then deleted there")
			c.editCRM(other, record.OrgTitle, "In time")
			_, quietly := c.ids(5)
			tried, there := false, true
			w.before(system.Dynamics, batchCall, func() {
				tried = true
				w.must(w.boxes.Dynamics.Remove(c.book, book))
				w.must(w.boxes.Dynamics.Remove(c.book, quietly))
			})
			w.after(system.Dynamics, batchCall, func() { _, there = c.bookBook()[book] })
			w.pass(12 * time.Minute)
			if !tried {
				t.Fatal("nothing was written: nothing was tried")
			}
			if got := w.parts(http.MethodPatch); got[http.StatusNotFound] != 1 {
				t.Errorf("got answers %v to updates, want one that did not find its row", got)
			}
			if there {
				t.Error("the update made the row again")
			}
			c.wantBook(otherBook, record.OrgTitle, "In time")
			w.pass(6 * time.Hour)
			if s := c.byID(crm); s.State != "active" || text(c.bookBook()[s.Book], record.OrgTitle) != "Edited, then deleted there" {
				t.Errorf("got %+v, want the edit to have survived", s)
			}
			if c.bookBook()[quietly] != nil {
				t.Error("a row that was deleted and not edited is there again")
			}
			want := [2]int{20, 19}
			if pair == zohoDynamics { // where deletions travel
				want = [2]int{19, 19}
			}
			if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != want {
				t.Errorf("got %v contacts, want %v", got, want)
			}
			c.oneEach("afterwards")
			c.quiet()
		})
	}
}

// TestARowOfDynamicsEditedBetweenReadingAndWritingIsNotOverwritten: each write names the version that it was planned on.
func TestARowOfDynamicsEditedBetweenReadingAndWritingIsNotOverwritten(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotDynamics})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 5))
	c.first()
	w.pass(10 * time.Minute)
	crm, book := c.ids(3)
	c.editCRM(crm, record.OrgTitle, "By the CRM")
	w.before(system.Dynamics, batchCall, func() { c.editBook(book, record.NameGiven, "Meanwhile") })
	w.pass(20 * time.Minute)
	c.wantBook(book, record.OrgTitle, "By the CRM")
	c.wantBook(book, record.NameGiven, "Meanwhile")
	c.wantCRM(crm, record.NameGiven, "Meanwhile")
	c.agree(5)
	c.quiet()
}

// refusedPart is an operation of a batch that Dynamics refuses.
func refusedPart(method string, skip, status int, code, message string) sandbox.Fault {
	return sandbox.Fault{Method: method, Path: "/contacts(", Skip: skip, Status: status, Header: map[string]string{"Content-Type": "application/json"},
		Body: fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)}
}

// TestOneRowThatDynamicsRefusesInABatchOfAHundred is parked with the reason, or without the field that was refused; the others are written.
func TestOneRowThatDynamicsRefusesInABatchOfAHundred(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status        int
		code, message string
		want          func(status) bool
	}{
		"a company's own plug-in": {http.StatusBadRequest, "0x80040265", "ISV code aborted the operation.", func(s status) bool { return s.State == "parked" && s.Code == "refused" && s.Reason != "" }},
		"a column is too narrow": {http.StatusBadRequest, "0x80044331", "A validation error occurred. The length of the 'jobtitle' attribute of the 'contact' entity exceeded the maximum allowed length of '5'.",
			func(s status) bool { return len(s.Held) == 1 && s.Held[0].Field == string(record.OrgTitle) }},
		"a duplicate, by a company's rule": {http.StatusPreconditionFailed, "0x80040333", "A record was not created or updated because a duplicate of the current record already exists.",
			func(s status) bool {
				return s.State == "parked" && (s.Code == "duplicate" || s.Code == "refused") && s.Reason != ""
			}},
		"the same, as another page words it": {http.StatusInternalServerError, "0x80040333", "A record was not created or updated because a duplicate of the current record already exists.",
			func(s status) bool {
				return s.State == "parked" && (s.Code == "duplicate" || s.Code == "refused") && s.Reason != ""
			}},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			w := open(t, options{pair: hubSpotDynamics})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 100))
			parts := w.boxes.Dynamics.PartFaults()
			parts.Add(refusedPart(http.MethodPatch, 41, k.status, k.code, k.message))
			c.first()
			c.wantState("active")
			bad := slices.DeleteFunc(c.records(), func(s status) bool { return s.Code == "" && len(s.Held) == 0 })
			if len(bad) != 1 || !k.want(bad[0]) {
				t.Fatalf("got %+v, want one record that says what was refused", bad)
			}
			if n := len(c.bookBook()); n < 99 {
				t.Fatalf("got %d rows, want the 99 others", n)
			}
			c.editCRM(bad[0].CRM, record.OrgTitle, "Mended")
			w.pass(30 * time.Minute)
			c.agree(100)

			// The same where rows are changed.
			parts.Add(refusedPart(http.MethodPatch, 41, k.status, k.code, k.message))
			w.clk.Advance(10 * time.Second)
			for i, id := range sorted(c.crmBook()) {
				w.must(w.boxes.HubSpot.Edit(c.crm, id, record.Fields{record.OrgTitle: {{Text: fmt.Sprintf("Edited %d", i)}}}))
			}
			w.pass(20 * time.Minute)
			edited := 0
			for _, f := range c.bookBook() {
				if strings.HasPrefix(text(f, record.OrgTitle), "Edited") {
					edited++
				}
			}
			if edited != 99 {
				t.Errorf("got %d rows changed, want 99", edited)
			}
			bad = slices.DeleteFunc(c.records(), func(s status) bool { return s.Code == "" && len(s.Held) == 0 })
			if len(bad) != 1 || !k.want(bad[0]) {
				t.Fatalf("got %+v, want one record that says what was refused", bad)
			}
			c.editCRM(bad[0].CRM, record.OrgTitle, "Mended again")
			w.pass(30 * time.Minute)
			c.agree(100)
			c.quiet()
		})
	}
}

// TestARowDeactivatedInDynamicsIsLeftAsItIsAndComesBack: what Dynamics shows as inactive is nobody's to write, to delete or to add again.
func TestARowDeactivatedInDynamicsIsLeftAsItIsAndComesBack(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{hubSpotDynamics, zohoDynamics} {
		t.Run(pair, func(t *testing.T) {
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 10))
			c.first()
			w.pass(15 * time.Minute)
			crm, book := c.ids(3)
			w.clk.Advance(10 * time.Second)
			w.must(w.boxes.Dynamics.SetActive(c.book, book, false))
			w.pass(30 * time.Minute)
			c.editCRM(crm, record.OrgTitle, "While it was inactive")
			w.pass(26 * time.Hour)
			c.wantState("active")
			if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{10, 9} {
				t.Fatalf("got %v contacts, want 10 and 9 active ones", got)
			}
			if s := c.byID(crm); s.State == "active" || s.Reason == "" || s.Book != book {
				t.Errorf("got %+v, want a record out of scope, with the reason", s)
			}
			if got := c.column(book, "jobtitle"); got != "Title 3" {
				t.Errorf("got %q in the inactive row, want it untouched", got)
			}
			w.must(w.boxes.Dynamics.SetActive(c.book, book, true))
			w.pass(30 * time.Minute)
			c.wantBook(book, record.OrgTitle, "While it was inactive")
			c.agree(10)
			c.quiet()
		})
	}
}

// TestAMergeInDynamicsDoublesAndDeletesNobodyByItself: the one that lost stays there, inactive.
func TestAMergeInDynamicsDoublesAndDeletesNobodyByItself(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{hubSpotDynamics, zohoDynamics} {
		t.Run(pair, func(t *testing.T) {
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 10))
			c.first()
			w.pass(15 * time.Minute)
			winner, winnerBook := c.ids(3)
			loser, loserBook := c.ids(4)
			w.clk.Advance(10 * time.Second)
			w.must(w.boxes.Dynamics.Merge(c.book, winnerBook, loserBook))
			for range 6 {
				w.pass(15 * time.Minute)
				if n := len(c.bookBook()); n != 9 {
					t.Fatalf("got %d active rows after the merge, want 9", n)
				}
				c.oneEach("after a merge in Dynamics")
			}
			w.pass(26 * time.Hour)
			c.wantState("active")
			c.oneEach("a day after a merge in Dynamics")
			if s := c.byID(winner); s.State != "active" || s.Book != winnerBook {
				t.Errorf("got %+v, want the winner's link as it was", s)
			}
			want := 9
			if pair == hubSpotDynamics { // deletions do not travel (HD8)
				want = 10
			}
			if n := len(c.crmBook()); n != want {
				t.Errorf("got %d contacts in the CRM, want %d; the loser's is %+v", n, want, c.byID(loser))
			}
			c.editCRM(winner, record.OrgTitle, "After the merge")
			w.pass(15 * time.Minute)
			c.wantBook(winnerBook, record.OrgTitle, "After the merge")
			c.quiet()
		})
	}
}

// TestARowOfDynamicsThatGetsAnotherOwnerSyncsOn: the user sees it as before.
func TestARowOfDynamicsThatGetsAnotherOwnerSyncsOn(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotDynamics})
	c := w.company("morita", nil)
	colleague(c)
	c.fillCRM(people(0, 10))
	c.first()
	w.pass(10 * time.Minute)
	crm, book := c.ids(3)
	w.must(w.boxes.Dynamics.SetOwner(c.book, book, "ito@book.example"))
	w.pass(10 * time.Minute)
	c.editCRM(crm, record.OrgTitle, "Goes on")
	w.pass(10 * time.Minute)
	c.wantBook(book, record.OrgTitle, "Goes on")
	c.agree(10)
	c.quiet()
}

// TestWithDynamicsDeletionsTravelOnlyWhereTheyMay (HD8): with HubSpot neither way; with another CRM both ways, with proof.
func TestWithDynamicsDeletionsTravelOnlyWhereTheyMay(t *testing.T) {
	t.Parallel()
	for pair, travels := range map[string]bool{hubSpotDynamics: false, zohoDynamics: true} {
		t.Run(pair, func(t *testing.T) {
			w := open(t, options{pair: pair})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 20))
			c.first()
			w.pass(15 * time.Minute)
			inCRM, partner := c.ids(3)
			other, inBook := c.ids(4)
			c.removeCRM(inCRM)
			c.removeBook(inBook)
			w.pass(26 * time.Hour)
			want := [2]int{19, 19}
			if travels {
				want = [2]int{18, 18}
			}
			if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != want {
				t.Fatalf("got %v contacts, want %v", got, want)
			}
			if !travels {
				for _, id := range []string{partner, other} {
					if s := c.byID(id); s.State != "detached" || s.Code != "deleted_kept" || s.Reason == "" {
						t.Errorf("got %+v, want a record that is kept, with the reason", s)
					}
				}
				c.editCRM(other, record.OrgTitle, "Stays alone")
				w.pass(30 * time.Minute)
				if n := len(c.bookBook()); n != 19 {
					t.Errorf("got %d rows, want 19: what was deleted does not come back by an edit", n)
				}
			} else {
				c.agree(18)
			}
			c.quiet()
		})
	}
}

// TestTheCRMWinsAndWhatItHasEmptyRemovesNothing (HD9).
func TestTheCRMWinsAndWhatItHasEmptyRemovesNothing(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotDynamics})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 10))
	c.first()
	w.pass(10 * time.Minute)
	crm, book := c.ids(3)
	c.editBook(book, record.OrgTitle, "By Dynamics")
	c.editCRM(crm, record.OrgTitle, "By HubSpot")
	emptied, emptiedBook := c.ids(4)
	w.must(w.boxes.HubSpot.Edit(c.crm, emptied, record.Fields{record.OrgTitle: {}}))
	there, thereBook := c.ids(5)
	w.must(w.boxes.Dynamics.Edit(c.book, thereBook, record.Fields{record.OrgTitle: {}}))
	w.pass(30 * time.Minute)
	c.wantBook(book, record.OrgTitle, "By HubSpot")
	c.wantCRM(crm, record.OrgTitle, "By HubSpot")
	c.wantBook(emptiedBook, record.OrgTitle, "Title 4")
	c.wantCRM(there, record.OrgTitle, "Title 5")
	if r := c.runs(); !slices.ContainsFunc(r, func(r run) bool { return r.Conflicts > 0 }) {
		t.Error("no run tells of the conflict")
	}
	c.quiet()
	for _, id := range []string{emptied, there} {
		if s := c.byID(id); s.State != "active" {
			t.Errorf("got %+v, want a record in sync", s)
		}
	}
}

// TestACrashBetweenDynamicsAnswerAndItsLinkDoublesNobody: the row's id is chosen before it is made.
func TestACrashBetweenDynamicsAnswerAndItsLinkDoublesNobody(t *testing.T) {
	t.Parallel()
	for at := range 4 {
		for _, how := range []string{"the answer is lost", "the process ends"} {
			t.Run(fmt.Sprintf("call %d %s", at, how), func(t *testing.T) {
				w := open(t, options{pair: hubSpotDynamics})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 230))
				c.start()
				if how == "the answer is lost" {
					w.boxes.Dynamics.Faults().Add(sandbox.Fault{Method: http.MethodPost, Path: "$batch", Skip: at, AfterWrite: true})
				} else {
					ctx, end := context.WithCancel(context.Background())
					defer end()
					left := at
					var crash func()
					crash = func() {
						if left--; left < 0 {
							end()
							return
						}
						w.after(system.Dynamics, batchCall, crash)
					}
					w.after(system.Dynamics, batchCall, crash)
					_ = w.stack.RunUntil(ctx, w.clk.Now().Add(5*time.Minute)) // it ends with the process, or was over before
				}
				for range 12 {
					w.pass(5 * time.Minute)
					if n := len(c.bookBook()); n > 230 {
						t.Fatalf("got %d rows, want 230 at most", n)
					}
				}
				w.boxes.Dynamics.Faults().Clear()
				w.pass(time.Hour)
				c.wantState("active")
				c.agree(230)
				c.quiet()
			})
		}
	}
}
