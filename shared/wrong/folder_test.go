package wrong_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox/graph"
)

// kept is a company with 20 people of its CRM in the folder that Meibo made. Deletions travel both ways, which is when a folder that
// goes is most dangerous.
func kept(t *testing.T, push bool) (c *company, folder string) {
	t.Helper()
	w := open(t, options{pair: zohoMicrosoft, push: push})
	c = w.company("morita", map[string]any{"rules": map[string]any{"deletes": map[string]any{"to_crm": true, "to_book": true}}})
	c.fillCRM(people(0, 20))
	c.first()
	w.soon()
	c.agree(20)
	return c, c.folder("Zoho CRM Contacts")
}

// folder returns the id of a folder at Microsoft, "" if there is none.
func (c *company) folder(name string) string {
	c.w.t.Helper()
	all, err := c.w.boxes.Microsoft.Groups(c.book)
	c.w.must(err)
	for _, g := range all {
		if g.Name == name {
			return g.ID
		}
	}
	return ""
}

func TestAFolderThatIsRenamedGoesOn(t *testing.T) {
	t.Parallel()
	for _, push := range []bool{false, true} {
		c, folder := kept(t, push)
		w := c.w
		w.must(w.boxes.Microsoft.RenameFolder(c.book, folder, "Kunden"))
		w.kept = "Kunden"
		crm, book := c.ids(3)
		c.editCRM(crm, record.OrgTitle, "After the new name")
		_, other := c.ids(4)
		c.editBook(other, record.NameGiven, "Renamed")
		c.fillCRM(people(30, 1))
		c.fillBook(people(40, 1))
		c.sync()
		w.live(30 * time.Minute)
		c.wantState("active")
		c.wantBook(book, record.OrgTitle, "After the new name")
		c.agree(22)
		c.quiet()
		if c.folder("Zoho CRM Contacts") != "" {
			t.Error("Meibo made another folder")
		}
	}
}

func TestAFolderThatIsDeletedStopsTheConnectionAndTheCRMKeepsEverything(t *testing.T) {
	for name, when := range map[string]struct {
		push bool
		gone func(c *company, folder string)
	}{
		"between two runs": {false, func(c *company, folder string) {
			c.w.must(c.w.boxes.Microsoft.RemoveFolder(c.book, folder))
			c.update()
		}},
		"and Microsoft says so": {true, func(c *company, folder string) {
			c.w.must(c.w.boxes.Microsoft.RemoveFolder(c.book, folder))
		}},
		"before a full listing": {false, func(c *company, folder string) {
			relist(c)
			c.w.must(c.w.boxes.Microsoft.RemoveFolder(c.book, folder))
			c.update()
		}},
		"while a run reads it": {true, func(c *company, folder string) {
			c.w.before(c.w.sys[1], "contacts/delta", func() { c.w.must(c.w.boxes.Microsoft.RemoveFolder(c.book, folder)) })
			c.update()
		}},
		"while a run writes to it": {true, func(c *company, folder string) {
			c.w.before(c.w.sys[1], "$batch", func() { c.w.must(c.w.boxes.Microsoft.RemoveFolder(c.book, folder)) })
			crm, _ := c.ids(3)
			c.editCRM(crm, record.OrgTitle, "On its way")
			c.fillCRM(people(30, 1))
			c.update()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, folder := kept(t, when.push)
			w := c.w
			when.gone(c, folder)
			before := c.crmBook()
			w.live(15 * time.Minute)
			reason := c.wantState("stopped")
			for _, want := range []string{"folder", "deleted", "CRM"} {
				if !strings.Contains(reason, want) {
					t.Errorf("got the reason %q, want %q in it", reason, want)
				}
			}
			w.live(26 * time.Hour)
			after := c.crmBook()
			if !alike(before, after) {
				t.Errorf("got %d contacts in the CRM, want the %d that were there, as they were", len(after), len(before))
			}
			if c.folder("Zoho CRM Contacts") != "" {
				t.Error("Meibo made the folder again")
			}
			if len(c.watches()) > 0 {
				t.Errorf("got the subscriptions %+v of a connection that is stopped", c.watches())
			}
		})
	}
}

func TestAFolderOfThatNameThatIsSomebodyElsesIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: zohoMicrosoft})
	c := w.company("morita", nil)
	_, err := w.boxes.Microsoft.AddFolder(c.book, "Zoho CRM Contacts", false)
	w.must(err)
	c.fillCRM(people(0, 5))
	c.fillBook(people(50, 3))
	crm, book := c.crmBook(), c.bookBook()
	status, body := c.call(http.MethodPost, c.conn()+"/start", nil)
	if status < 400 || status >= 500 {
		t.Fatalf("got %d, want a refusal: %s", status, body)
	}
	for _, want := range []string{"Zoho CRM Contacts", "ename"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the refusal does not say %q: %s", want, body)
		}
	}
	w.pass(2 * time.Hour)
	c.wantState("ready")
	if !alike(crm, c.crmBook()) || !alike(book, c.bookBook()) {
		t.Error("something was changed")
	}
	// What the refusal advises is the cure.
	w.must(w.boxes.Microsoft.RenameFolder(c.book, c.folder("Zoho CRM Contacts"), "Old contacts"))
	c.first()
	c.wantState("active")
	c.agree(5)
}

// TestAFolderThatNobodySeesAndHoldsTheNameIsGoneAround: a person could not rename it, so Meibo's own gets another name.
func TestAFolderThatNobodySeesAndHoldsTheNameIsGoneAround(t *testing.T) {
	t.Parallel()
	for _, quirk := range []bool{false, true} {
		w := open(t, options{pair: zohoMicrosoft})
		c := w.company("morita", nil)
		w.must(w.boxes.Microsoft.SetQuirks(graph.Quirks{FolderExists400: quirk}))
		_, err := w.boxes.Microsoft.AddFolder(c.book, "Zoho CRM Contacts", true)
		w.must(err)
		c.fillCRM(people(0, 5))
		c.first()
		c.wantState("active")
		if n := len(c.bookBook()); n > 0 {
			t.Errorf("got %d contacts in the folder that nobody sees, want none", n)
		}
		w.kept = "Zoho CRM Contacts (Meibo)"
		c.agree(5)
		c.quiet()
	}
}

// alike reports whether two books hold the same contacts, which say the same.
func alike(a, b map[string]record.Fields) bool {
	return maps.EqualFunc(a, b, func(x, y record.Fields) bool { return said(x) == said(y) })
}

func TestAFolderThatIsOursIsFoundAgainAndNothingIsDoubled(t *testing.T) {
	t.Parallel()
	c, folder := kept(t, false)
	w := c.w
	c.want(http.StatusOK, http.MethodPost, c.conn()+"/stop", map[string]any{"remove": "keep"}, nil)
	w.drain()
	c.wantState("stopped")
	crm, _ := c.ids(3)
	c.editCRM(crm, record.OrgTitle, "Between two connections")
	c.draft(nil)
	c.first()
	w.pass(time.Hour)
	c.wantState("active")
	if got := c.folder("Zoho CRM Contacts"); got != folder {
		t.Errorf("got the folder %s, want %s again", got, folder)
	}
	all, err := w.boxes.Microsoft.Groups(c.book)
	w.must(err)
	if n := len(slices.DeleteFunc(all, func(g graph.Group) bool { return g.Kind != "folder" || g.Default })); n != 1 {
		t.Errorf("got %d folders beside the default one, want 1", n)
	}
	c.agree(20)
	c.quiet()
}
