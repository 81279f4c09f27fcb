package wrong_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox/google"
)

func TestARecordThatAVendorRefusesIsParkedWithItsReasonAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	t.Run("a locked record in Zoho", func(t *testing.T) {
		w := open(t, options{})
		c := w.company("morita", nil)
		c.fillCRM(people(0, 10))
		c.fillBook(people(5, 10))
		c.first()
		crm, book := c.ids(6)
		w.must(w.boxes.Zoho.Lock(c.crm, crm, true))
		c.editBook(book, record.OrgTitle, "Refused")
		_, other := c.ids(7)
		c.editBook(other, record.OrgTitle, "Taken")
		c.sync()
		s := c.byID(crm)
		if s.State != "parked" || s.Code != "refused" || s.Reason == "" || !strings.Contains(s.Detail, "locked") {
			t.Errorf("got %+v, want a parked record that says that it is locked", s)
		}
		if id, _ := c.ids(7); text(c.crmBook()[id], record.OrgTitle) != "Taken" {
			t.Error("the other edit did not travel")
		}
		c.wantState("active")
		w.must(w.boxes.Zoho.Lock(c.crm, crm, false))
		c.editBook(book, record.OrgTitle, "Taken after all")
		c.sync()
		c.agree(15)
	})
	t.Run("a contact too large for Google", func(t *testing.T) {
		w := open(t, options{})
		c := w.company("morita", nil)
		limits := google.Unlimited()
		limits.ContactBytes = 3000
		w.must(w.boxes.Google.SetLimits(limits))
		rs := people(0, 10)
		rs[4].Fields[record.Note] = []record.Value{{Text: strings.Repeat("a long note ", 500)}}
		ids := c.fillCRM(rs)
		c.fillBook(people(5, 10))
		c.first()
		s := c.byID(ids[4])
		held := len(s.Held) > 0 && s.State == "active"
		if parked := s.State == "parked" && s.Code == "refused" && s.Reason != ""; !parked && !held {
			t.Errorf("got %+v, want a parked record with a reason, or one with the note held", s)
		}
		if strings.Contains(s.Detail, "long note") {
			t.Errorf("the reason repeats the contact: %s", s.Detail)
		}
		if got := len(c.crmBook()); got != 15 {
			t.Errorf("got %d contacts in the CRM, want 15", got)
		}
		if got := len(c.bookBook()); got < 14 {
			t.Errorf("got %d contacts in the book, want the others", got)
		}
		c.wantState("active")
	})
	t.Run("a value that must be unique in Zoho", func(t *testing.T) {
		w := open(t, options{})
		c := w.company("morita", nil)
		w.must(w.boxes.Zoho.SetUnique(c.crm, "Email", true))
		crm := people(0, 10)
		ids := c.fillCRM(crm)
		double := person(50)
		double.Fields[record.NameFamily] = []record.Value{{Text: "Somebody"}}
		double.Fields[record.NameGiven] = []record.Value{{Text: "Else"}}
		double.Fields[record.Email] = []record.Value{{Text: "somebody@else.example", Label: "work"}, {Text: "person003@people.example", Label: "home"}}
		book := c.fillBook(append(people(20, 5), double))
		c.first()
		w.pass(30 * time.Minute)
		if got := len(c.crmBook()); got != 15 && got != 16 {
			t.Errorf("got %d contacts in the CRM, want the 5 others made", got)
		}
		s := c.byID(book[5])
		if s.State == "parked" && s.Reason == "" {
			t.Errorf("got %+v, want its reason", s)
		}
		c.byID(ids[3])
		c.wantState("active")
	})
	t.Run("a field that a Zoho profile may not write", func(t *testing.T) {
		w := open(t, options{})
		c := w.company("morita", nil)
		c.fillCRM(people(0, 10))
		c.fillBook(people(0, 10))
		c.first()
		w.must(w.boxes.Zoho.SetFieldPermission(c.crm, "Administrator", "Title", "read_only"))
		crm, book := c.ids(3)
		c.editBook(book, record.OrgTitle, "Cannot travel")
		c.editBook(book, record.NameGiven, "Travels")
		c.sync()
		w.pass(30 * time.Minute)
		if got := text(c.crmBook()[crm], record.NameGiven); got != "Travels" {
			t.Errorf("got the given name %q in the CRM, want the edit of the field that may be written; record: %+v", got, c.byID(crm))
		}
		if got := text(c.bookBook()[book], record.OrgTitle); got != "Cannot travel" {
			t.Errorf("got the title %q in the book, want what the person typed", got)
		}
		c.wantState("active")
	})
}

func TestAUserWhoMayOnlyViewCanOnlyStartOneDirection(t *testing.T) {
	t.Parallel()
	w := open(t, options{})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 10))
	c.fillBook(people(100, 5))
	for _, p := range []string{"Create", "Edit", "Delete"} {
		w.must(w.boxes.Zoho.SetPermission(c.crm, "Administrator", "Crm_Implied_"+p+"_Contacts", false))
	}
	if at := c.reconnect("zoho", c.crm); at.Status >= 400 {
		t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
	}
	status, body := c.call(http.MethodPost, c.conn()+"/start", nil)
	if status < 400 || status >= 500 || !strings.Contains(string(body), "Zoho CRM") {
		t.Fatalf("starting two_way: got %d %s, want a refusal that names Zoho CRM", status, body)
	}
	c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"rules": map[string]any{"direction": "crm_to_book"}}}, nil)
	c.first()
	c.wantState("active")
	if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{10, 15} {
		t.Errorf("got %v contacts, want 10 and 15", got)
	}
}

func TestAPermissionThatWasTakenAwayStopsTheWritesAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{"Create", "Edit", "Delete"} {
		t.Run(lost, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 30))
			c.fillBook(people(20, 30))
			c.first()
			c.agree(50)
			w.must(w.boxes.Zoho.SetPermission(c.crm, "Administrator", "Crm_Implied_"+lost+"_Contacts", false))
			c.change()
			c.sync()
			w.pass(time.Hour)
			if got := len(c.bookBook()); got != 54 && got != 55 {
				t.Errorf("got %d contacts in the book, want 54: what goes there is not concerned", got)
			}
			state, why := c.status()
			forbidden := 0
			for _, s := range c.records() {
				if s.Code == "forbidden" && s.Reason != "" {
					forbidden++
				}
			}
			if forbidden == 0 && !(state == "paused" && why != "") {
				t.Errorf("got the connection %s (%s) and no record that says what is forbidden", state, why)
			}
			w.must(w.boxes.Zoho.SetPermission(c.crm, "Administrator", "Crm_Implied_"+lost+"_Contacts", true))
			if state == "paused" {
				c.want(http.StatusOK, http.MethodPost, c.conn()+"/resume", nil, nil)
			}
			w.pass(50 * time.Hour)
			c.wantState("active")
			c.changed()
		})
	}
}
