package wrong_test

import (
	"net/http"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox/zoho"
)

func TestAVanishedGroupOrViewPausesAndDeletesNothing(t *testing.T) {
	t.Parallel()
	t.Run("a Google group", func(t *testing.T) {
		w := open(t, options{})
		c := w.company("morita", nil)
		c.fillCRM(people(0, 10))
		in := seeds(people(5, 10))
		for i := range in {
			in[i].Groups = []string{"Customers"}
		}
		_, err := w.boxes.Google.Fill(c.book, in)
		w.must(err)
		group, err := w.boxes.Google.AddGroup(c.book, "Customers")
		w.must(err)
		c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"book_groups": []string{group}}}, nil)
		c.first()
		c.agree(15)
		w.must(w.boxes.Google.RemoveGroup(c.book, group))
		c.sync()
		w.pass(3 * time.Hour)
		if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{15, 15} {
			t.Fatalf("got %v contacts, want 15 on both sides", got)
		}
		if reason := c.wantState("paused"); reason == "" {
			t.Error("got no reason")
		}
		c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"book_groups": []string{}}}, nil)
		c.want(http.StatusOK, http.MethodPost, c.conn()+"/resume", nil, nil)
		w.drain()
		w.pass(30 * time.Minute)
		c.agree(15)
	})
	t.Run("a Zoho view", func(t *testing.T) {
		w := open(t, options{})
		c := w.company("morita", nil)
		crm := people(0, 10)
		for i := range crm {
			crm[i].Fields[record.OrgDepartment] = []record.Value{{Text: "Sales"}}
		}
		c.fillCRM(crm)
		c.fillBook(people(5, 10))
		view, err := w.boxes.Zoho.AddView(c.crm, "Sales people", &zoho.Criteria{Field: "Department", Comparator: "equal", Value: "Sales"}, true)
		w.must(err)
		c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"crm_groups": []string{view}}}, nil)
		c.first()
		c.agree(15)
		w.must(w.boxes.Zoho.RemoveView(c.crm, view))
		c.sync()
		w.pass(3 * time.Hour)
		if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{15, 15} {
			t.Fatalf("got %v contacts, want 15 on both sides", got)
		}
		if reason := c.wantState("paused"); reason == "" {
			t.Error("got no reason")
		}
		c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"crm_groups": []string{}}}, nil)
		c.want(http.StatusOK, http.MethodPost, c.conn()+"/resume", nil, nil)
		w.drain()
		w.pass(30 * time.Minute)
		c.agree(15)
	})
}

func TestAMergeInZohoLeavesOneOnBothSides(t *testing.T) {
	t.Parallel()
	w := open(t, options{})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 10))
	c.fillBook(people(0, 10))
	c.first()
	keep, _ := c.ids(2)
	lose, _ := c.ids(3)
	w.clk.Advance(time.Minute)
	w.must(w.boxes.Zoho.Merge(c.crm, keep, lose))
	c.sync()
	w.pass(time.Hour)
	if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{9, 9} {
		t.Errorf("got %v contacts, want 9 on both sides", got)
	}
	c.wantState("active")
	c.agree(9)
	c.quiet()
}

func TestAGoogleContactThatGetsANewNameKeepsItsLink(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]bool{"the former name still finds it": false, "the former name is forgotten": true} {
		t.Run(name, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 10))
			c.fillBook(people(5, 10))
			c.first()
			crm, book := c.ids(7)
			w.clk.Advance(time.Minute)
			now, err := w.boxes.Google.Rekey(c.book, book, forget)
			w.must(err)
			c.sync()
			c.agree(15)
			if s := c.byID(crm); s.Book != now {
				t.Errorf("got the link with %s, want %s", s.Book, now)
			}
			c.editCRM(crm, record.OrgTitle, "After the new name")
			c.sync()
			c.agree(15)
			c.quiet()
		})
	}
}

func TestImportedRecordsStayOutUntilTheyAreChangedByThemselves(t *testing.T) {
	t.Parallel()
	w := open(t, options{})
	c := w.company("morita", map[string]any{"rules": map[string]any{"skip_imported": true}})
	ids := c.fillCRM(people(0, 10))
	w.must(w.boxes.Zoho.MarkImported(c.crm, "import", ids[:4]...))
	w.must(w.boxes.Zoho.MarkImported(c.crm, "migration", ids[4]))
	c.first()
	if got := len(c.bookBook()); got != 5 {
		t.Fatalf("got %d contacts in the book, want 5", got)
	}
	for _, id := range ids[:5] {
		if s := c.byID(id); s.Code != "imported" || s.Reason == "" {
			t.Errorf("got %+v, want a record that is left out because it was imported", s)
		}
	}
	c.editCRM(ids[0], record.OrgTitle, "Changed by itself")
	w.clk.Advance(time.Minute)
	w.must(w.boxes.Zoho.MassUpdate(c.crm, ids[1:2], record.Fields{record.OrgTitle: {{Text: "Mass-updated"}}}))
	c.sync()
	w.pass(30 * time.Minute)
	if got := len(c.bookBook()); got != 7 {
		t.Errorf("got %d contacts in the book, want 7", got)
	}
}
