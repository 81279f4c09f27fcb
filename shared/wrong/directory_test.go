package wrong_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/directory"
	"meibo/shared/local"
	"meibo/shared/sandbox/graph"
	"meibo/shared/system"
)

// capability is a consent for the company's directory, as its administrator sees it.
type capability struct{ ID, State, Code, Reason, Cure, Who string }

// capability reads one in a language.
func (c *company) capability(id, lang string) capability {
	c.w.t.Helper()
	defer func(was string) { c.lang = was }(c.lang)
	c.lang = lang
	var d struct{ Capabilities []capability }
	c.want(http.StatusOK, http.MethodGet, c.directories(system.Microsoft), nil, &d)
	for _, x := range d.Capabilities {
		if x.ID == id {
			return x
		}
	}
	c.w.t.Fatalf("there is no capability %s in %+v", id, d)
	return capability{}
}

// unadmitted is a company of which nobody has set up the directory yet; its member has cards, and a mailbox in the directory that is returned.
func unadmitted(t *testing.T, o options) (c *company, id string) {
	t.Helper()
	o.pair = sansanMicrosoft
	w := open(t, o)
	c = w.signUp("morita")
	c.addUsers()
	w.must(w.boxes.Microsoft.AddUser(graph.User{Email: administrator, Name: "IT", Admin: graph.GlobalAdministrator}))
	c.fillCRM(people(0, 5))
	c.join(system.Sansan)
	return c, w.directoryOf(administrator)
}

// half drafts a connection that has its Sansan account only.
func (c *company) half() (id string, drop func()) {
	c.w.t.Helper()
	var draft struct{ ID string }
	c.want(http.StatusCreated, http.MethodPost, c.path+"/connections", map[string]any{"crm": c.accounts[system.Sansan]}, &draft)
	return draft.ID, func() {
		at := c.path + "/connections/" + draft.ID
		c.want(http.StatusOK, http.MethodPost, at+"/stop", nil, nil)
		c.want(http.StatusNoContent, http.MethodDelete, at, nil, nil)
	}
}

// refusedMember wants the member not to get any further with Microsoft, in both languages.
func (c *company) refusedMember(code string) {
	c.w.t.Helper()
	c.findAccounts()
	draft, drop := c.half()
	defer drop()
	said := map[string]string{}
	for lang, want := range map[string]string{"en": "administrator", "ja": "管理者"} {
		c.lang = lang
		var p struct{ Type, Detail, Cure string }
		c.want(http.StatusConflict, http.MethodPost, c.path+"/accounts", map[string]any{"system": system.Microsoft, "connection": draft, "login_hint": c.book}, &p)
		if p.Type != "urn:meibo:problem:"+code || !strings.Contains(p.Cure, want) {
			c.w.t.Errorf("%s: got %+v, want %s and whom to ask", lang, p, code)
		}
		said[p.Detail] = lang
	}
	c.lang = ""
	if len(said) != 2 {
		c.w.t.Errorf("got the same words in both languages: %v", said)
	}
}

// browse has somebody consent in a browser of a language.
func (c *company) browse(lang, address, by string) local.Arrival {
	c.w.t.Helper()
	b := local.NewBrowser(nil)
	b.Language = lang
	at, err := b.Consent(context.Background(), address, by)
	c.w.must(err)
	return at
}

// TestADirectoryIDOfTheWrongFormIsRefusedWithWhatIsWrong (SM1), and of the right one is taken however it is typed.
func TestADirectoryIDOfTheWrongFormIsRefusedWithWhatIsWrong(t *testing.T) {
	t.Parallel()
	c, id := unadmitted(t, options{})
	at := c.directories(system.Microsoft)
	for name, f := range map[string]struct{ typed, en, ja string }{
		"nothing":               {"", "empty", "空"},
		"35 characters":         {id[:35], "36 characters", "36文字"},
		"37 characters":         {id + "0", "36 characters", "36文字"},
		"without hyphens":       {strings.ReplaceAll(id, "-", ""), "36 characters", "36文字"},
		"hyphens elsewhere":     {id[:7] + "-" + id[7:8] + id[9:], "hyphens", "ハイフン"},
		"a letter out of range": {"g" + id[1:], "a to f", "aからf"},
		"an address":            {administrator, "e-mail", "メール"},
		"a domain":              {"book.example", "domain", "ドメイン"},
		"zeros":                 {"00000000-0000-0000-0000-000000000000", "zeros", "ゼロ"},
	} {
		for lang, want := range map[string]string{"en": f.en, "ja": f.ja} {
			c.lang = lang
			var p struct {
				Errors []struct{ Location, Message, Cure string }
			}
			c.want(http.StatusUnprocessableEntity, http.MethodPut, at, map[string]any{"directory_id": f.typed}, &p)
			if len(p.Errors) != 1 || p.Errors[0].Location != "body.directory_id" || !strings.Contains(p.Errors[0].Message, want) {
				t.Errorf("%s, %s: got %+v, want %q", name, lang, p, want)
			}
		}
	}
	c.lang = ""
	var d struct {
		Allowed bool
		ID      string `json:"directory_id"`
	}
	if c.want(http.StatusOK, http.MethodGet, at, nil, &d); d.Allowed || d.ID != "" {
		t.Errorf("got %+v, want nothing kept of what was refused", d)
	}
	wide := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'f' {
			return r + 0xFEE0
		}
		return r
	}, id)
	for name, typed := range map[string]string{"with spaces": " " + id + "\n", "in capitals": strings.ToUpper(id), "in full width": wide} {
		if c.want(http.StatusOK, http.MethodPut, at, map[string]any{"directory_id": typed}, &d); d.ID != id {
			t.Errorf("%s: got %q, want %q", name, d.ID, id)
		}
	}
}

// TestAConsentThatComesToNothingSaysWhatHappenedAndWhoCanFixIt (SM9): at the page, in the API, and members stay out.
func TestAConsentThatComesToNothingSaysWhatHappenedAndWhoCanFixIt(t *testing.T) {
	yes, no := true, false
	for name, f := range map[string]struct {
		by       string
		deny     bool
		other    bool // the id that was entered is another directory's
		change   graph.DirectoryChange
		code     string
		who      string
		en, ja   string
		tellsIPs bool
	}{
		"by somebody who is no administrator": {by: "morita@book.example", code: "not_admin", who: "system_admin", en: "global administrator", ja: "グローバル管理者"},
		"denied":                              {by: administrator, deny: true, code: "not_consented", who: "system_admin", en: "not given for the organisation", ja: "組織としての同意が得られていません"},
		"for an id of another directory":      {by: administrator, other: true, code: "wrong_directory", who: "meibo_admin", en: "another directory", ja: "別のディレクトリ"},
		"by an administrator of another one":  {by: "chief@fabrikam.example", code: "wrong_directory", who: "meibo_admin", en: "another directory", ja: "別のディレクトリ"},
		"behind a rule about addresses":       {by: administrator, change: graph.DirectoryChange{BlockIP: &yes}, code: "blocked", who: "system_admin", en: "addresses", ja: "接続元IPアドレス", tellsIPs: true},
		"that admits Meibo's servers not":     {by: administrator, change: graph.DirectoryChange{BlockService: &yes}, code: "blocked", who: "system_admin", en: "addresses", ja: "接続元IPアドレス", tellsIPs: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, id := unadmitted(t, options{egress: []string{"192.0.2.17", "192.0.2.18"}})
			w := c.w
			w.must(w.boxes.Microsoft.AddUser(graph.User{Email: "chief@fabrikam.example", Name: "Chief", Admin: graph.GlobalAdministrator}))
			w.must(w.boxes.Microsoft.ChangeDirectory(graph.DirectoryChange{Directory: id, UserConsent: &no}))
			if f.change.BlockIP != nil || f.change.BlockService != nil {
				f.change.Directory = id
				w.must(w.boxes.Microsoft.ChangeDirectory(f.change))
			}
			entered := id
			if f.other {
				entered = w.directoryOf("chief@fabrikam.example")
			}
			c.allow(entered)
			for lang, want := range map[string]string{"en": f.en, "ja": f.ja} {
				var page local.Arrival
				if f.deny {
					b := local.NewBrowser(nil)
					b.Language = lang
					var err error
					page, err = b.Deny(context.Background(), c.asked(directory.Contacts), f.by)
					w.must(err)
				} else {
					page = c.browse(lang, c.asked(directory.Contacts), f.by)
				}
				got := c.capability(directory.Contacts, lang)
				if page.Status != http.StatusBadRequest || !strings.Contains(page.Page, want) || strings.Contains(page.Page, "AADSTS") {
					t.Errorf("%s: got the page %d %s, want %q", lang, page.Status, page.Page, want)
				}
				if got.State != "failed" || got.Code != f.code || got.Who != f.who || !strings.Contains(got.Reason+got.Cure, want) {
					t.Errorf("%s: got %+v, want %s by %s that says %q", lang, got, f.code, f.who, want)
				}
				if f.tellsIPs && (!strings.Contains(page.Page, "192.0.2.17, 192.0.2.18") || !strings.Contains(got.Cure, "192.0.2.17, 192.0.2.18")) {
					t.Errorf("%s: neither names the addresses: %+v", lang, got)
				}
			}
			c.refusedMember("directory_needed")

			// What the message advises is the cure.
			w.must(w.boxes.Microsoft.ChangeDirectory(graph.DirectoryChange{Directory: id, BlockIP: &no, BlockService: &no}))
			c.allow(id)
			if at := c.admitted(directory.Contacts, administrator); at.Status != http.StatusOK {
				t.Fatalf("got %d: %s", at.Status, at.Page)
			}
			c.join(system.Microsoft)
			c.findAccounts()
			c.draft(nil)
			c.first()
			c.agree(5)
		})
	}
}

// TestTheStateOfAConsentWorksOnceForWhoBeganItAndForADay: the callback has no sign-in.
func TestTheStateOfAConsentWorksOnceForWhoBeganItAndForADay(t *testing.T) {
	t.Parallel()
	c, id := unadmitted(t, options{})
	w := c.w
	other := w.signUp("sato")
	other.addUsers()
	for _, x := range []*company{c, other} { // a group of companies may share a directory
		x.allow(id)
	}
	get := func(address string) int {
		t.Helper()
		res, err := w.hc.Get(address)
		w.must(err)
		res.Body.Close()
		return res.StatusCode
	}
	state := func(x *company) string { return x.capability(directory.Contacts, "en").State }

	theirs, err := url.Parse(other.asked(directory.Contacts))
	w.must(err)
	at := c.admitted(directory.Contacts, administrator)
	if at.Status != http.StatusOK || state(c) != "connected" || state(other) != "waiting" {
		t.Fatalf("got %d, %s and %s, want one connected and the other waiting", at.Status, state(c), state(other))
	}
	if got := get(at.Address); got != http.StatusBadRequest || state(c) != "connected" {
		t.Errorf("replayed: got %d and %s, want a refusal that changes nothing", got, state(c))
	}
	c.want(http.StatusNoContent, http.MethodDelete, c.directories(system.Microsoft), nil, nil)
	c.allow(id)
	if got := get(at.Address); got != http.StatusBadRequest || state(c) != "not_asked" {
		t.Errorf("replayed after the directory was taken away: got %d and %s", got, state(c))
	}
	// The other company's state, in a callback that names a directory which nobody entered.
	back, err := url.Parse(at.Address)
	w.must(err)
	forged := back.Query()
	forged.Set("state", theirs.Query().Get("state"))
	forged.Set("tenant", "9b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081")
	back.RawQuery = forged.Encode()
	if got := get(back.String()); got != http.StatusBadRequest || state(other) != "failed" || state(c) != "not_asked" {
		t.Errorf("with a directory that nobody entered: got %d, %s and %s", got, state(other), state(c))
	}

	late := c.asked(directory.Contacts)
	w.pass(directory.ConsentLife + time.Minute)
	if at := c.browse("ja", late, administrator); at.Status != http.StatusBadRequest || !strings.Contains(at.Page, "期限切れ") || state(c) != "not_asked" {
		t.Errorf("a day later: got %d and %s: %s", at.Status, state(c), at.Page)
	}
	c.refusedMember("directory_needed")
	if at := c.admitted(directory.Contacts, administrator); at.Status != http.StatusOK || state(c) != "connected" {
		t.Errorf("begun again: got %d and %s", at.Status, state(c))
	}
}

// TestAMemberConnectsOnlyAfterTheAdministratorAndWithinTheDirectory (SM3), and consent is per capability (SM2).
func TestAMemberConnectsOnlyAfterTheAdministratorAndWithinTheDirectory(t *testing.T) {
	t.Parallel()
	c, id := unadmitted(t, options{})
	w := c.w
	c.refusedMember("directory_needed")
	c.allow(id)
	c.refusedMember("directory_needed")

	// Mail is another capability, and opens no contacts.
	if at := c.admitted("mail", administrator); at.Status != http.StatusOK || c.capability("mail", "en").State != "connected" || c.capability(directory.Contacts, "en").State != "not_asked" {
		t.Fatalf("got %d, %+v", at.Status, c.capability("mail", "en"))
	}
	c.refusedMember("directory_needed")
	if at := c.admitted(directory.Contacts, administrator); at.Status != http.StatusOK {
		t.Fatalf("got %d: %s", at.Status, at.Page)
	}

	// Accounts of another directory, or of none.
	draft, drop := c.half()
	for who, kind := range map[string]string{"morita@fabrikam.example": "", "morita@outlook.example": "personal"} {
		w.must(w.boxes.Microsoft.AddUser(graph.User{Email: who, Name: "Morita", Tenant: kind}))
		for lang, want := range map[string]string{"en": "does not belong to your company", "ja": "会社のディレクトリのものではありません"} {
			var to struct {
				URL string `json:"authorize_url"`
			}
			c.want(http.StatusCreated, http.MethodPost, c.path+"/accounts", map[string]any{"system": system.Microsoft, "connection": draft, "login_hint": who}, &to)
			b := local.NewBrowser(nil)
			b.Language = lang
			at, err := b.Allow(context.Background(), to.URL, who)
			w.must(err)
			if at.Status != http.StatusConflict || !strings.Contains(at.Page, want) {
				t.Errorf("%s, %s: got %d %s, want %q", who, lang, at.Status, at.Page, want)
			}
		}
		c.findAccounts()
		if got := c.accounts[system.Microsoft]; got != "" {
			t.Fatalf("%s: got the account %s kept", who, got)
		}
	}
	drop()
	c.join(system.Microsoft)
	c.findAccounts()
	c.draft(nil)
	c.first()
	c.agree(5)
}
