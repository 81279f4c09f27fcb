package graph_test

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/graph"
)

const (
	boss    = "boss@contoso.example"
	keeper  = "keeper@contoso.example"
	eve     = "eve@fabrikam.example"
	graphOf = "https://graph.microsoft.com/"
)

// directories is a world with two directories and their administrators.
func directories(t *testing.T, change ...func(*graph.Config)) *world {
	t.Helper()
	w := newWorld(t, change...)
	must(t, w.box.AddUser(graph.User{Email: boss, Name: "Boss", Admin: graph.GlobalAdministrator}))
	must(t, w.box.AddUser(graph.User{Email: keeper, Name: "Keeper", Admin: graph.PrivilegedRoleAdministrator}))
	must(t, w.box.AddUser(graph.User{Email: eve, Name: "Eve", Admin: graph.GlobalAdministrator}))
	return w
}

// adminConsent goes through the page as user.
func (w *world) adminConsent(tenant, user, scopes string) url.Values {
	w.t.Helper()
	q := url.Values{"client_id": {"client"}, "redirect_uri": {callback}, "scope": {scopes}, "state": {"s1"}}
	return w.page(tenant, "/v2.0/adminconsent", q, url.Values{"user": {user}, "decision": {"allow"}, "scope": strings.Fields(scopes)})
}

// appToken asks for the application's own token and returns the AADSTS number of the refusal, 0 for none.
func (w *world) appToken(tenant string) int {
	w.t.Helper()
	status, body := w.tokens(tenant, url.Values{"grant_type": {"client_credentials"}, "scope": {graphOf + ".default"}})
	if status == 200 {
		return 0
	}
	return number(w.t, body)
}

// directory returns what is known of Contoso.
func (w *world) directory() graph.Directory {
	w.t.Helper()
	all := w.box.Directories()
	i := slices.IndexFunc(all, func(d graph.Directory) bool { return d.Domain == "contoso.example" })
	if i < 0 {
		w.t.Fatalf("got %v", all)
	}
	return all[i]
}

// controlled sends a control request that must answer with a status.
func (w *world) controlled(method, path string, body fields, want int) {
	w.t.Helper()
	if status, got := w.control(method, path, body); status != want {
		w.t.Fatalf("%s %s: got %d %v, want %d", method, path, status, got, want)
	}
}

// change does something to Contoso.
func (w *world) change(body fields) {
	w.t.Helper()
	body["directory"] = "contoso.example"
	w.controlled("POST", "/sandbox/directory", body, 200)
}

// denied checks what a page sent back.
func denied(t *testing.T, name string, back url.Values, code, aadsts string) {
	t.Helper()
	if back.Get("error") != code || !strings.HasPrefix(back.Get("error_description"), "AADSTS"+aadsts+": ") || back.Has("code") || back.Has("tenant") || back.Get("state") != "s1" {
		t.Errorf("%s: got %v, want %s and AADSTS%s", name, back, code, aadsts)
	}
}

func TestConsentIsByDirectoryAndScope(t *testing.T) {
	w := directories(t)
	w.change(fields{"user_consent": false})
	const contacts = "openid offline_access " + graphOf + "Contacts.ReadWrite " + graphOf + "User.Read"
	denied(t, "before consent", w.connect("common", aiko), "access_denied", "90094")
	equal(t, "the application's own token", w.appToken("contoso.example"), 700016)
	id := w.directory().ID
	for name, c := range map[string]struct{ tenant, user, number string }{
		"no administrator":                   {id, aiko, "90094"},
		"of another directory, by id":        {id, eve, "50020"},
		"of another directory, by domain":    {"contoso.example", eve, "50020"},
		"nobody that the directory knows of": {id, "who@contoso.example", "50034"},
	} {
		back := w.adminConsent(c.tenant, c.user, contacts)
		equal(t, name, back.Get("admin_consent"), "True")
		denied(t, name, back, "access_denied", c.number)
	}
	equal(t, "still nothing", w.directory().Known, false)

	back := w.adminConsent(id, keeper, contacts)
	if back.Get("admin_consent") != "True" || back.Has("error") || back.Get("tenant") != id || back.Get("scope") != contacts || back.Get("state") != "s1" {
		t.Fatalf("got %v", back)
	}
	got := w.directory()
	if !slices.Equal(got.Granted, []string{"Contacts.ReadWrite", "User.Read"}) || len(got.Roles) > 0 || !got.Known || got.UserConsent {
		t.Errorf("got %+v", got)
	}
	equal(t, "the application's own token", w.appToken(id), 0)
	equal(t, "not elsewhere", w.appToken("fabrikam.example"), 700016)
	if back := w.connect("contoso.example", aiko); back.Get("code") == "" {
		t.Errorf("a member got %v", back)
	}
	mail := usual + " Mail.Read"
	denied(t, "another scope", w.page("common", "/oauth2/v2.0/authorize", ask(mail), allow(aiko, mail)), "access_denied", "90094")
	w.adminConsent("organizations", boss, graphOf+"Mail.Read")
	equal(t, "both", strings.Join(w.directory().Granted, " "), "Contacts.ReadWrite User.Read Mail.Read")
	if back := w.page("common", "/oauth2/v2.0/authorize", ask(mail), allow(aiko, mail)); back.Get("code") == "" {
		t.Errorf("after the second consent: got %v", back)
	}
}

func TestAMembersSignInIsNoConsentOfTheDirectory(t *testing.T) {
	w := directories(t)
	w.redeem("common", w.connect("common", aiko).Get("code"))
	equal(t, "by a member", w.appToken("contoso.example"), 700016)
	w.connect("common", boss)
	equal(t, "by an administrator", w.appToken("contoso.example"), 0)
}

func TestConsentIsWithdrawn(t *testing.T) {
	w := directories(t)
	const contacts = usual + " Mail.Read"
	w.adminConsent("contoso.example", boss, contacts)
	tokens := w.redeem("common", w.connect("common", aiko).Get("code"))
	theirs := w.redeem("common", w.connect("common", eve).Get("code"))
	w.change(fields{"withdraw": true})
	got := w.directory()
	if len(got.Granted) > 0 || got.Known || !got.Withdrawn {
		t.Errorf("got %+v", got)
	}
	refreshed := func(token string) int {
		t.Helper()
		status, body := w.refresh(token)
		if status == 200 {
			return 0
		}
		equal(t, "error", str(body, "error"), "invalid_grant")
		return number(t, body)
	}
	equal(t, "refresh", refreshed(str(tokens, "refresh_token")), 65001)
	equal(t, "refresh elsewhere", refreshed(str(theirs, "refresh_token")), 0)
	w.token = str(tokens, "access_token")
	w.do("GET", "/me/contacts", nil).want(401)
	equal(t, "the application's own", w.appToken("contoso.example"), 700016)
	denied(t, "sign-in", w.connect("common", aiko), "access_denied", "90094")

	w.adminConsent("contoso.example", boss, contacts)
	equal(t, "consented again", w.directory().Withdrawn, false)
	equal(t, "the tokens of before", refreshed(str(tokens, "refresh_token")), 50173)
	tokens = w.redeem("common", w.connect("common", aiko).Get("code"))
	equal(t, "new ones", refreshed(str(tokens, "refresh_token")), 0)
}

func TestConditionalAccessBlocks(t *testing.T) {
	w := directories(t)
	w.adminConsent("contoso.example", boss, usual)
	tokens := w.redeem("common", w.connect("common", aiko).Get("code"))
	code := w.connect("common", aiko).Get("code")
	refresh := func() int {
		t.Helper()
		status, body := w.refresh(str(tokens, "refresh_token"))
		if status == 200 {
			return 0
		}
		return number(t, body)
	}
	t.Run("everybody", func(t *testing.T) {
		w.change(fields{"block_ip": true})
		denied(t, "sign-in", w.connect("common", aiko), "access_denied", "53003")
		denied(t, "consent", w.adminConsent("contoso.example", boss, usual), "access_denied", "53003")
		equal(t, "refresh", refresh(), 53003)
		equal(t, "the application's own", w.appToken("contoso.example"), 53003)
		equal(t, "elsewhere", w.adminConsent("fabrikam.example", eve, usual).Get("error"), "")
		w.change(fields{"block_ip": false})
		equal(t, "lifted", refresh(), 0)
	})
	t.Run("the service alone", func(t *testing.T) {
		w.change(fields{"block_service": true})
		equal(t, "the page", w.adminConsent("contoso.example", boss, usual).Get("error"), "")
		equal(t, "the application's own", w.appToken("contoso.example"), 53003)
		status, body := w.tokens("common", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}})
		equal(t, "the exchange", status, 400)
		equal(t, "number", number(t, body), 53003)
		w.change(fields{"block_service": false})
		equal(t, "lifted", w.appToken("contoso.example"), 0)
	})
}

func TestDirectoriesByControlRoutes(t *testing.T) {
	file, err := sandbox.OpenFile(filepath.Join(t.TempDir(), "graph.db"))
	must(t, err)
	defer file.Close()
	w := directories(t, func(c *graph.Config) { c.Keep = file })
	const id = "11111111-2222-4333-8444-555555555555"
	w.controlled("POST", "/sandbox/users", fields{"email": "ren@kitano.example", "name": "Ren", "directory": strings.ToUpper(id), "admin": "global_administrator"}, 200)
	w.controlled("POST", "/sandbox/users", fields{"email": "old@kitano.example", "name": "Old", "admin": true}, 200)
	w.controlled("POST", "/sandbox/users", fields{"email": "x@kitano.example", "name": "X", "admin": "janitor"}, 400)
	w.controlled("POST", "/sandbox/users", fields{"email": "x@kitano.example", "name": "X", "directory": "kitano"}, 400)
	w.controlled("POST", "/sandbox/directory", fields{"directory": "nowhere.example", "withdraw": true}, 400)
	w.controlled("POST", "/sandbox/directory", fields{"directory": graph.PersonalTenant, "withdraw": true}, 400)
	w.controlled("POST", "/sandbox/directory", fields{"directory": id, "user_consent": false, "block_service": true}, 200)
	if back := w.adminConsent("kitano.example", "old@kitano.example", graphOf+"Contacts.ReadWrite"); back.Get("tenant") != id {
		t.Errorf("got %v", back)
	}
	want := graph.Directory{ID: id, Domain: "kitano.example", Known: true, Granted: []string{"Contacts.ReadWrite"}, BlockService: true}
	same := func(d graph.Directory) bool {
		return d.ID == want.ID && d.Domain == want.Domain && d.Known && !d.UserConsent && slices.Equal(d.Granted, want.Granted) && d.BlockService && !d.BlockIP
	}
	if all := w.box.Directories(); len(all) != 3 || !slices.ContainsFunc(all, same) {
		t.Errorf("got %+v", all)
	}
	again := newWorld(t, func(c *graph.Config) { c.Keep = file })
	if !slices.ContainsFunc(again.box.Directories(), same) {
		t.Errorf("after a restart: %+v", again.box.Directories())
	}
	equal(t, "of the other process", again.appToken("fabrikam.example"), 700016)
}
