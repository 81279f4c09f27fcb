package wrong_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/system"
)

func TestAnExpiredCursorIsARelistThatDeletesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		t.Run(v.id, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 30))
			c.fillBook(people(20, 30))
			c.first()
			c.agree(50)
			c.change()
			if v.id == system.Google {
				w.must(w.boxes.Google.ExpireCursors(c.book))
			} else {
				w.must(w.boxes.Zoho.ExpireCursors(c.crm))
			}
			c.sync()
			again := slices.ContainsFunc(c.runs(), func(r run) bool { return r.Kind == "relist" })
			if v.id == system.Google && !again {
				t.Error("got no run that lists everything again")
			}
			c.changed()
			c.quiet()
		})
	}
}

// TestAPageTokenThatDiesMidway has the tokens of a listing die between two pages, of each of the two listings of a first run and
// of the one listing of a change.
func TestAPageTokenThatDiesMidway(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		body := `{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"Page token is invalid."}}`
		if v.id == system.Zoho {
			body = `{"code":"EXPIRED_VALUE","details":{"api_name":"page_token"},"message":"the page token has expired","status":"error"}`
		}
		for _, skip := range v.pages {
			t.Run(fmt.Sprintf("%s at call %d", v.id, skip+1), func(t *testing.T) {
				w := open(t, options{})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 450))
				c.fillBook(people(400, 1100))
				c.start()
				w.faultsOf(v).Add(sandbox.Fault{Method: "GET", Path: v.list, Skip: skip, Status: http.StatusBadRequest, Body: body})
				w.drain()
				w.pass(time.Hour)
				c.wantState("active")
				c.agree(1500)
			})
		}
	}
}

func TestEditsBetweenReadAndWriteSurviveOnBothSides(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"crm", "book"} {
		t.Run("written to the "+side, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 10))
			c.fillBook(people(0, 10))
			c.first()
			crm, book := c.ids(4)
			// The write of one field is on its way when a person changes another field of the same record.
			if side == "book" {
				c.editCRM(crm, record.OrgTitle, "From the CRM")
				w.before(system.Google, ":batchUpdateContacts", func() { c.editBook(book, record.NameGiven, "Typed meanwhile") })
			} else {
				c.editBook(book, record.OrgTitle, "From the book")
				w.before(system.Zoho, "PUT", func() { c.editCRM(crm, record.NameGiven, "Typed meanwhile") })
			}
			c.sync()
			w.pass(30 * time.Minute)
			c.agree(10)
			if got := text(c.bookBook()[book], record.NameGiven); got != "Typed meanwhile" {
				t.Errorf("got the given name %q, want the edit that came between", got)
			}
			if got := text(c.crmBook()[crm], record.OrgTitle); got != "From the CRM" && got != "From the book" {
				t.Errorf("got the title %q, want the edit that travelled", got)
			}
			c.quiet()
		})
	}
}

// TestAnEditInTheSecondInWhichARecordWasReadTravels has a person edit a record between Meibo's reading it and the end of the run.
// Zoho's versions are times in whole seconds, so that the edited record can have the version that was read.
func TestAnEditInTheSecondInWhichARecordWasReadTravels(t *testing.T) {
	t.Parallel()
	w := open(t, options{})
	c := w.company("morita", nil)
	ids := c.fillCRM(people(0, 5))
	w.before(system.Google, ":batchCreateContacts", func() {
		w.must(w.boxes.Zoho.Edit(c.crm, ids[2], record.Fields{record.OrgTitle: {{Text: "Typed at once"}}}))
	})
	c.first()
	w.pass(20 * time.Minute)
	c.agree(5)
	if _, book := c.ids(2); text(c.bookBook()[book], record.OrgTitle) != "Typed at once" {
		t.Error("the edit did not travel")
	}
}
