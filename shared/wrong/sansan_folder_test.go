package wrong_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox/graph"
)

// natives are the contacts of the member's mailbox outside the folder that Meibo keeps, as they are stored.
func (c *company) natives() map[string]string {
	c.w.t.Helper()
	out := map[string]string{}
	for after := ""; ; {
		page, next, err := c.w.boxes.Microsoft.Contacts(c.book, after, 500)
		c.w.must(err)
		for _, k := range page {
			if !slices.Contains(k.Groups, c.w.kept) {
				out[k.ID] = string(k.Native)
			}
		}
		if next == "" {
			return out
		}
		after = next
	}
}

// TestAFolderSansanThatIsSomebodyElsesIsRefusedInTheWordsOfThePage (SM5), and nothing is changed.
func TestAFolderSansanThatIsSomebodyElsesIsRefusedInTheWordsOfThePage(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft})
	c := w.company("morita", nil)
	_, err := w.boxes.Microsoft.AddFolder(c.book, "Sansan", false)
	w.must(err)
	c.fillCRM(people(0, 5))
	c.fillBook(people(50, 3)) // into that folder
	crm, book := c.crmBook(), c.bookBook()
	for lang, want := range map[string]string{
		"ja": "Outlookの連絡先に「Sansan」とのフォルダーが既に存在しているため、連携が完了できません。フォルダー名を変更するか、削除してください。",
		"en": `the contacts of Microsoft 365 have a folder "Sansan" already`,
	} {
		c.lang = lang
		var p struct{ Type, Detail, Cure string }
		c.want(http.StatusConflict, http.MethodPost, c.conn()+"/start", nil, &p)
		if !strings.Contains(strings.ToLower(p.Detail+p.Cure), strings.ToLower(want)) || p.Type != "urn:meibo:problem:folder_exists" || p.Cure == "" {
			t.Errorf("got %+v, want %q", p, want)
		}
	}
	c.lang = ""
	w.pass(2 * time.Hour)
	c.wantState("ready")
	if !alike(crm, c.crmBook()) || !alike(book, c.bookBook()) {
		t.Error("something was changed")
	}
	// Either cure of the message helps.
	w.must(w.boxes.Microsoft.RenameFolder(c.book, c.folder("Sansan"), "Old cards"))
	c.first()
	c.wantState("active")
	c.agree(5)
}

// TestTheFolderSansanIsFoundAgainAndNothingOutsideItIsTouched (SM5): people who are outside the folder already stay as they are, and get their
// contact in it all the same; after the member disconnected and connected again it is the same folder.
func TestTheFolderSansanIsFoundAgainAndNothingOutsideItIsTouched(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft})
	c := w.company("morita", nil)
	_, err := w.boxes.Microsoft.Fill(c.book, seeds(people(0, 10)))
	w.must(err)
	outside := c.natives()
	c.fillCRM(people(0, 20))
	c.first()
	c.agree(20)
	folder := c.folder("Sansan")
	untouched := func() {
		t.Helper()
		for id, want := range outside {
			if got := c.natives()[id]; got != want {
				t.Errorf("a contact outside the folder is not as it was:\n%s\n%s", want, got)
			}
		}
		if got := len(c.natives()); got != len(outside) {
			t.Errorf("got %d contacts outside the folder, want %d", got, len(outside))
		}
	}
	c.editCRM(c.card(3), record.OrgTitle, "Edited")
	w.must(w.boxes.Sansan.Remove(c.crm, c.card(4)))
	w.live(26 * time.Hour)
	c.agree(19)
	untouched()

	c.want(http.StatusOK, http.MethodPost, c.conn()+"/stop", map[string]any{"remove": "keep"}, nil)
	w.drain()
	c.wantState("stopped")
	c.editCRM(c.card(5), record.OrgTitle, "Between two connections")
	c.want(http.StatusNoContent, http.MethodDelete, c.conn(), nil, nil)
	for _, id := range w.sys {
		c.want(http.StatusNoContent, http.MethodDelete, c.path+"/accounts/"+c.accounts[id], nil, nil)
	}
	for _, id := range w.sys {
		c.join(id)
	}
	c.findAccounts()
	c.draft(nil)
	c.first()
	w.pass(time.Hour)
	c.wantState("active")
	if got := c.folder("Sansan"); got != folder {
		t.Errorf("got the folder %s, want %s again", got, folder)
	}
	all, err := w.boxes.Microsoft.Groups(c.book)
	w.must(err)
	if n := len(slices.DeleteFunc(all, func(g graph.Group) bool { return g.Kind != "folder" || g.Default })); n != 1 {
		t.Errorf("got %d folders beside the default one, want 1", n)
	}
	c.agree(19)
	untouched()
	c.quiet()
}

// TestACardThatChangesRewritesItsContactAndAnEditInOutlookNeverReachesSansan (SM4, SM6, SM7).
func TestACardThatChangesRewritesItsContactAndAnEditInOutlookNeverReachesSansan(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft})
	c := w.company("morita", nil)
	box := w.boxes.Sansan
	in := people(0, 10)
	for i := range in {
		in[i].Fields[record.OrgName] = []record.Value{{Text: "Trading K.K."}}
		in[i].Fields[record.Phone] = []record.Value{{Text: "03-1234-5678", Label: record.LabelWork}}
		in[i].Fields[record.Note] = []record.Value{{Text: "memo that stays in Sansan"}}
	}
	c.fillCRM(in)
	c.first()
	c.agree(10)
	crm, book := c.ids(3)
	note := text(c.bookBook()[book], record.Note)
	if !strings.Contains(note, "Sansan") || !strings.Contains(note, "https://ap.sansan.com/v/") || strings.Contains(note, "memo") {
		t.Errorf("got the notes %q, want the link to the card and no memo", note)
	}
	cards, err := box.Cards(c.crm, crm)
	w.must(err)
	before := box.Faults().Calls()

	// A person edits everything, and adds what Sansan has no place for.
	w.clk.Advance(10 * time.Second)
	w.must(w.boxes.Microsoft.Edit(c.book, book, record.Fields{
		record.NameGiven: {{Text: "Typedhere"}}, record.OrgTitle: {{Text: "Typed title"}}, record.OrgName: {{Text: "Typed Ltd"}},
		record.Phone: {{Text: "090-0000-0000", Label: record.LabelMobile}}, record.Note: {{Text: "typed notes"}}, record.Birthday: {{Text: "1980-01-02"}},
		record.Email: {{Text: "person003@people.example", Label: record.LabelWork}, {Text: "typed@people.example", Label: record.LabelHome}},
	}))
	typed := c.bookBook()[book]
	w.live(26 * time.Hour)
	if got := c.bookBook()[book]; said(got) != said(typed) || text(got, record.Note) != "typed notes" {
		t.Errorf("an edit in Outlook alone was taken back:\n%s\n%s", said(typed), said(got))
	}

	// Memo and tags are no part of it.
	w.must(box.Edit(c.crm, crm, record.Fields{record.Note: {{Text: "another memo"}}}))
	w.must(box.SetGroups(c.crm, crm, []string{"VIP"}))
	w.must(box.Touch(c.crm, crm))
	w.live(26 * time.Hour)
	if got := c.bookBook()[book]; said(got) != said(typed) || text(got, record.Note) != "typed notes" {
		t.Errorf("a memo and a tag rewrote the contact:\n%s\n%s", said(typed), said(got))
	}
	after, err := box.Cards(c.crm, crm)
	w.must(err)
	if len(after) != len(cards) || after[0]["title"] != cards[0]["title"] || after[0]["firstName"] != cards[0]["firstName"] {
		t.Errorf("the card was changed:\n%v\n%v", cards, after)
	}
	for call, n := range box.Faults().Calls() {
		if !strings.HasPrefix(call, "GET ") && n > before[call] {
			t.Errorf("Meibo called %s: Sansan is only read", call)
		}
	}

	// The card changes: all mapped fields are the card's, and what it has no place for stays.
	c.editCRM(crm, record.OrgDepartment, "Sales")
	c.sync()
	got := c.bookBook()[book]
	for k, want := range map[record.Key]string{
		record.NameGiven: "Given003", record.OrgTitle: "Title 3", record.OrgName: "Trading K.K.", record.OrgDepartment: "Sales", record.Birthday: "1980-01-02", record.Note: note,
	} {
		if text(got, k) != want {
			t.Errorf("%s: got %q, want %q", k, text(got, k), want)
		}
	}
	for k, want := range map[record.Key]string{record.Phone: "03-1234-5678", record.Email: "person003@people.example"} {
		if len(got[k]) != 1 || text(got, k) != want {
			t.Errorf("%s: got %+v, want %q alone", k, got[k], want)
		}
	}
	c.agree(10)
	c.quiet()
}
