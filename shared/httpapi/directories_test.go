package httpapi_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox/graph"
)

const boss = "boss@kitano.example" // who administers the directory at Microsoft

// staff gives people accounts at Microsoft; the first administers the directory. It returns the directory's id.
func (w *world) staff(admin string, others ...string) string {
	w.t.Helper()
	for i, mail := range append([]string{admin}, others...) {
		user := graph.User{Email: mail, Name: mail}
		if i == 0 {
			user.Admin = graph.GlobalAdministrator
		}
		if err := w.boxes.Microsoft.AddUser(user); err != nil {
			w.t.Fatal(err)
		}
	}
	_, domain, _ := strings.Cut(admin, "@")
	all := w.boxes.Microsoft.Directories()
	i := slices.IndexFunc(all, func(d graph.Directory) bool { return d.Domain == domain })
	if i < 0 {
		w.t.Fatalf("no directory of %s in %v", domain, all)
	}
	return all[i].ID
}

// inDirectory does what an administrator does at Microsoft.
func (w *world) inDirectory(c graph.DirectoryChange) {
	w.t.Helper()
	if err := w.boxes.Microsoft.ChangeDirectory(c); err != nil {
		w.t.Fatal(err)
	}
}

// sansanCompany is a company whose admin has a Sansan key and wants Microsoft 365 with it.
func (w *world) sansanCompany(admin string) company {
	w.t.Helper()
	c := w.bare(admin)
	w.must(201, admin, "POST", c.tenant+"/accounts/keys", map[string]any{"system": "sansan", "key": w.keyed(admin), "connection": c.connection})
	return c
}

// capability is the state of a capability as the API shows it.
func (w *world) capability(c company, id string, lang ...string) map[string]any {
	w.t.Helper()
	more := []string{}
	if len(lang) > 0 {
		more = []string{"Accept-Language", lang[0]}
	}
	all, _ := w.must(200, c.admin, "GET", c.tenant+"/directories/microsoft", nil, more...).at("capabilities").([]any)
	for _, x := range all {
		if m := x.(map[string]any); m["id"] == id {
			return m
		}
	}
	w.t.Fatalf("no capability %s in %v", id, all)
	return nil
}

// ask begins a consent for the directory.
func (w *world) ask(c company, capability string) string {
	w.t.Helper()
	return w.must(201, c.admin, "POST", c.tenant+"/directories/microsoft/consents", map[string]any{"capability": capability}).str("authorize_url")
}

// allow takes the administrator of the directory through the consent, and returns the page that they end on.
func (w *world) allow(c company, capability, as string) string {
	w.t.Helper()
	at, err := w.browser.Consent(w.t.Context(), w.ask(c, capability), as)
	if err != nil {
		w.t.Fatalf("%v: %s", err, at.Page)
	}
	return at.Page
}

// SM1 to SM3, SM8: the administrator first, then the member; and the administrator's end is everybody's.
func TestDirectory(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	const hanako, stranger, personal = "hanako@kitano.example", "jiro@fabrikam.example", "jiro@outlook.example"
	id := w.staff(boss, hanako)
	other := w.staff("chief@fabrikam.example", stranger)
	if err := w.boxes.Microsoft.AddUser(graph.User{Email: personal, Name: "Jiro", Tenant: "personal"}); err != nil {
		t.Fatal(err)
	}
	c := w.sansanCompany(hanako)
	at := c.tenant + "/directories/microsoft"
	begin := map[string]any{"system": "microsoft", "connection": c.connection, "login_hint": hanako}

	t.Run("before the administrator has connected it, a member is told whom to ask", func(t *testing.T) {
		for lang, want := range map[string]string{"en": "ask an administrator", "ja": "管理者に"} {
			a := w.must(409, hanako, "POST", c.tenant+"/accounts", begin, "Accept-Language", lang)
			if a.str("type") != "urn:meibo:problem:directory_needed" || !strings.Contains(strings.ToLower(a.str("cure")), want) {
				t.Errorf("got %s", a.raw)
			}
		}
		if a := w.must(200, hanako, "GET", at, nil); a.at("allowed") != false || a.str("directory_id") != "" || w.capability(c, "contacts")["state"] != "not_asked" {
			t.Errorf("got %s", a.raw)
		}
		if a := w.must(409, hanako, "POST", at+"/consents", `{"capability":"contacts"}`, "Accept-Language", "ja"); a.str("type") != "urn:meibo:problem:directory_missing" {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("the id is checked", func(t *testing.T) {
		for typed, want := range map[string]string{
			"": "空", "kitano.example": "ドメイン", "boss@kitano.example": "メール", "1b2c3d4e": "36文字", strings.ReplaceAll(id, "-", ""): "36文字",
			"g" + id[1:]: "aからf", id[:8] + id[9:] + "-": "ハイフン", "00000000-0000-0000-0000-000000000000": "ゼロ",
		} {
			a := w.must(422, hanako, "PUT", at, map[string]any{"directory_id": typed}, "Accept-Language", "ja")
			if !slices.Equal(a.fields(), []string{"body.directory_id"}) || !strings.Contains(string(a.raw), want) {
				t.Errorf("%q: got %s, want %s", typed, a.raw, want)
			}
		}
	})
	t.Run("entered, it waits for each consent by itself", func(t *testing.T) {
		a := w.must(200, hanako, "PUT", at, map[string]any{"directory_id": " " + strings.ToUpper(id) + " "})
		if a.str("directory_id") != id || a.at("allowed") != true {
			t.Errorf("got %s", a.raw)
		}
		w.must(422, hanako, "POST", at+"/consents", `{"capability":"everything"}`)
		to, err := url.Parse(w.ask(c, "contacts"))
		if err != nil {
			t.Fatal(err)
		}
		q := to.Query()
		if !strings.Contains(to.Path, id+"/v2.0/adminconsent") || q.Get("redirect_uri") != w.consent.URL+"/consent/microsoft/admin" ||
			!strings.Contains(q.Get("scope"), "Contacts.ReadWrite") || strings.Contains(q.Get("scope"), "Mail") || len(q.Get("state")) < 40 {
			t.Errorf("got %s", to)
		}
		if w.capability(c, "contacts")["state"] != "waiting" || w.capability(c, "mail")["state"] != "not_asked" {
			t.Errorf("got %v", w.capability(c, "contacts"))
		}
		w.must(409, hanako, "POST", c.tenant+"/accounts", begin)
	})
	t.Run("connected, it says so on the page and in the API", func(t *testing.T) {
		w.browser.Language = "ja"
		page := w.allow(c, "contacts", boss)
		w.browser.Language = ""
		if !strings.Contains(page, "連携中です") || !strings.Contains(page, id) || !strings.Contains(page, "会社 "+hanako) {
			t.Errorf("got %s", page)
		}
		if got := w.capability(c, "contacts"); got["state"] != "connected" || got["code"] != "" || w.capability(c, "mail")["state"] != "not_asked" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a member of another directory, or of none, is refused, and nothing of the account is kept", func(t *testing.T) {
		for _, who := range []string{stranger, personal} {
			to := w.must(201, hanako, "POST", c.tenant+"/accounts", map[string]any{"system": "microsoft", "connection": c.connection, "login_hint": who}).str("authorize_url")
			w.browser.Language = "ja"
			page, err := w.browser.Allow(t.Context(), to, who)
			w.browser.Language = ""
			if err != nil || page.Status != 409 || !strings.Contains(page.Page, "会社のディレクトリのものではありません") {
				t.Errorf("%s: got %d %s, %v", who, page.Status, page.Page, err)
			}
		}
		if n := len(w.must(200, hanako, "GET", c.tenant+"/accounts", nil).items()); n != 1 {
			t.Errorf("got %d accounts, want the key's alone", n)
		}
	})
	t.Run("a member of the directory connects and starts", func(t *testing.T) {
		w.connect(c, "microsoft")
		a := w.must(200, hanako, "POST", c.path+"/start", nil)
		if a.str("state") != "active" || a.str("folder") == "" || a.at("settings", "rules", "overwrite") != true {
			t.Errorf("got %s", a.raw)
		}
		w.drain()
		if n := w.must(200, hanako, "GET", c.path+"/totals", nil).at("links"); n != 1.0 {
			t.Errorf("got %v links, want the one card\n%s", n, tail(w.logs.String()))
		}
	})
	t.Run("while it is connected another directory is refused", func(t *testing.T) {
		a := w.must(409, hanako, "PUT", at, map[string]any{"directory_id": other}, "Accept-Language", "ja")
		if a.str("type") != "urn:meibo:problem:directory_connected" || !strings.Contains(a.str("cure"), "解除") {
			t.Errorf("got %s", a.raw)
		}
		w.must(200, hanako, "PUT", at, map[string]any{"directory_id": id})
	})
	t.Run("the other consent has its own pass", func(t *testing.T) {
		to, err := url.Parse(w.ask(c, "mail"))
		if err != nil || !strings.Contains(to.Query().Get("scope"), "Mail.Read") || strings.Contains(to.Query().Get("scope"), "Contacts") {
			t.Fatalf("got %v, %v", to, err)
		}
		at, err := w.browser.Consent(t.Context(), to.String(), boss)
		if err != nil || at.Status != 200 || w.capability(c, "mail")["state"] != "connected" || w.capability(c, "contacts")["state"] != "connected" {
			t.Errorf("got %d %s, %v", at.Status, at.Page, err)
		}
	})
	t.Run("a consent that is given again and fails leaves what is connected", func(t *testing.T) {
		to := w.ask(c, "contacts")
		if w.capability(c, "contacts")["state"] != "connected" {
			t.Errorf("got %v", w.capability(c, "contacts"))
		}
		if at, err := w.browser.Deny(t.Context(), to, boss); err != nil || at.Status != 400 || w.capability(c, "contacts")["state"] != "connected" {
			t.Errorf("got %d, %v, %v", at.Status, err, w.capability(c, "contacts"))
		}
	})
	t.Run("a withdrawn consent shows, and consent and reconnect resume", func(t *testing.T) {
		w.inDirectory(graph.DirectoryChange{Directory: id, Withdraw: true})
		w.clock.Advance(2 * time.Hour)
		w.must(202, hanako, "POST", c.path+"/runs", nil)
		w.drain()
		a := w.must(200, hanako, "GET", c.path, nil)
		if a.str("state") != "needs_reauth" || !strings.Contains(a.str("reason"), "管理者が再度同意") {
			t.Fatalf("got %s", a.raw)
		}
		got := w.capability(c, "contacts", "ja")
		if got["state"] != "withdrawn" || got["who"] != "system_admin" || !strings.Contains(got["reason"].(string), "取り消し") {
			t.Errorf("got %v", got)
		}
		renew := map[string]any{"reconnect": a.str("book")}
		if a := w.must(409, hanako, "POST", c.tenant+"/accounts", renew, "Accept-Language", "ja"); a.str("type") != "urn:meibo:problem:directory_withdrawn" {
			t.Errorf("got %s", a.raw)
		}
		w.allow(c, "contacts", boss)
		if got := w.capability(c, "contacts"); got["state"] != "connected" {
			t.Fatalf("got %v", got)
		}
		to := w.must(201, hanako, "POST", c.tenant+"/accounts", renew).str("authorize_url")
		if at, err := w.browser.Allow(t.Context(), to, hanako); err != nil || at.Status >= 400 {
			t.Fatalf("got %d %s, %v", at.Status, at.Page, err)
		}
		w.drain()
		if a := w.must(200, hanako, "GET", c.path, nil); a.str("state") != "active" || a.str("reason") != "" {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("a rule about addresses that comes later is told as one, and the directory stays connected", func(t *testing.T) {
		blocked := true
		w.inDirectory(graph.DirectoryChange{Directory: id, BlockIP: &blocked})
		w.clock.Advance(2 * time.Hour)
		w.must(202, hanako, "POST", c.path+"/runs", nil)
		w.drain()
		a := w.must(200, hanako, "GET", c.path, nil)
		if a.str("state") != "needs_reauth" || !strings.Contains(a.str("reason"), "IPアドレス") || w.capability(c, "contacts")["state"] != "connected" {
			t.Fatalf("got %s", a.raw)
		}
		blocked = false
		w.inDirectory(graph.DirectoryChange{Directory: id, BlockIP: &blocked})
		to := w.must(201, hanako, "POST", c.tenant+"/accounts", map[string]any{"reconnect": a.str("book")}).str("authorize_url")
		if at, err := w.browser.Allow(t.Context(), to, hanako); err != nil || at.Status >= 400 {
			t.Fatalf("got %d %s, %v", at.Status, at.Page, err)
		}
		w.drain()
		if a := w.must(200, hanako, "GET", c.path, nil); a.str("state") != "active" {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("disconnected by the administrator, everybody's sync stops and nobody starts", func(t *testing.T) {
		w.must(204, hanako, "DELETE", at, nil)
		a := w.must(200, hanako, "GET", c.path, nil)
		if a.str("state") != "stopped" || !strings.Contains(a.str("reason"), "全メンバー") {
			t.Errorf("got %s", a.raw)
		}
		if a := w.must(200, hanako, "GET", at, nil); a.at("allowed") != false {
			t.Errorf("got %s", a.raw)
		}
		if a := w.must(409, hanako, "POST", c.tenant+"/connections", map[string]any{"crm": a.str("crm"), "book": a.str("book")}); a.str("type") != "urn:meibo:problem:directory_needed" {
			t.Errorf("got %s", a.raw)
		}
		w.must(204, hanako, "DELETE", at, nil)
	})
}

// consented answers the proof of a directory as Microsoft does once its administrator has consented.
func (w *world) consented(id string) func(*http.Request) *http.Response {
	return answerToken(id, 200, `{"token_type":"Bearer","expires_in":3599,"access_token":"app"}`)
}

// answerToken answers the application's own token requests.
func answerToken(id string, status int, body string) func(*http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		if !strings.HasSuffix(r.URL.Path, id+"/oauth2/v2.0/token") {
			return nil
		}
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewBufferString(body)), Request: r}
	}
}

// SM9: what went wrong, and who can fix it, on the page and in the API.
func TestDirectoryConsentThatFails(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	const hanako = "hanako@kitano.example"
	id := w.staff(boss, hanako)
	c := w.bare(hanako)
	w.must(200, hanako, "PUT", c.tenant+"/directories/microsoft", map[string]any{"directory_id": id})
	back := func(q url.Values) (int, string) {
		t.Helper()
		to, err := url.Parse(w.ask(c, "contacts"))
		if err != nil {
			t.Fatal(err)
		}
		q.Set("state", to.Query().Get("state"))
		return get(t, w.consent.URL+"/consent/microsoft/admin?"+q.Encode())
	}
	failed := func(code, description string) url.Values {
		return url.Values{"admin_consent": {"True"}, "error": {code}, "error_description": {description + " <b>canary</b>"}}
	}
	given := url.Values{"admin_consent": {"True"}, "tenant": {id}, "scope": {"x"}}
	for name, f := range map[string]struct {
		callback url.Values
		proof    func(*http.Request) *http.Response
		status   int
		code     string
		who      string
		says     string
	}{
		"not an administrator":                  {failed("access_denied", "AADSTS90094: Admin consent is required."), nil, 400, "not_admin", "system_admin", "グローバル管理者"},
		"declined":                              {failed("consent_required", "AADSTS65004: declined"), nil, 400, "not_consented", "system_admin", "組織の代理として同意する"},
		"no number":                             {failed("access_denied", "what?"), nil, 400, "not_consented", "system_admin", "組織"},
		"an administrator of another directory": {failed("access_denied", "AADSTS50020: not in tenant"), nil, 400, "wrong_directory", "meibo_admin", "別のディレクトリ"},
		"no such directory":                     {failed("invalid_request", "AADSTS90002: Tenant not found."), nil, 400, "wrong_directory", "meibo_admin", "テナント"},
		"a rule about addresses":                {failed("access_denied", "AADSTS53003: blocked"), nil, 400, "blocked", "operator", "接続元IPアドレス"},
		"another directory named":               {url.Values{"admin_consent": {"True"}, "tenant": {"9b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"}}, nil, 400, "wrong_directory", "meibo_admin", "別のディレクトリ"},
		"nothing said":                          {url.Values{}, nil, 400, "not_consented", "system_admin", "組織"},
		"a consent nobody gave":                 {given, answerToken(id, 400, `{"error":"unauthorized_client","error_description":"AADSTS700016: canary"}`), 400, "not_consented", "system_admin", "組織"},
		"a rule about the service":              {given, answerToken(id, 400, `{"error":"invalid_grant","error_description":"AADSTS53003: canary"}`), 400, "blocked", "operator", "固定のIPアドレスがありません"},
		"our own secret":                        {given, answerToken(id, 401, `{"error":"invalid_client","error_description":"AADSTS7000215: canary"}`), 503, "registration", "operator", "運用担当者"},
		"no answer":                             {given, answerToken(id, 503, `<html>canary</html>`), 503, "unavailable", "meibo_admin", "数分後"},
		"the vendor is busy":                    {failed("temporarily_unavailable", ""), nil, 503, "unavailable", "meibo_admin", "数分後"},
	} {
		t.Run(name, func(t *testing.T) {
			w.instead = f.proof
			defer func() { w.instead = nil }()
			status, page := back(f.callback)
			if status != f.status || strings.Contains(page, "canary") || strings.Contains(page, "AADSTS") {
				t.Errorf("got %d %s", status, page)
			}
			got := w.capability(c, "contacts", "ja")
			if got["state"] != "failed" || got["code"] != f.code || got["who"] != f.who || !strings.Contains(got["reason"].(string)+got["cure"].(string), f.says) {
				t.Errorf("got %v", got)
			}
			if en := w.capability(c, "contacts"); en["reason"] == got["reason"] || en["reason"] == "" || en["cure"] == "" {
				t.Errorf("English: got %v", en)
			}
			if strings.Contains(w.logs.String(), "canary") {
				t.Error("the log repeats what the vendor said")
			}
		})
	}
	t.Run("just after the consent the vendor may not know it yet", func(t *testing.T) {
		asked := 0
		w.instead = func(r *http.Request) *http.Response {
			body := answerToken(id, 400, `{"error":"unauthorized_client","error_description":"AADSTS700016: not found"}`)(r)
			if body == nil {
				return nil
			}
			if asked++; asked < 3 {
				return body
			}
			return w.consented(id)(r)
		}
		defer func() { w.instead = nil }()
		if status, page := back(given); status != 200 || w.capability(c, "contacts")["state"] != "connected" {
			t.Errorf("got %d %s", status, page)
		}
	})
}

// The same, as the stand-in's own pages answer.
func TestDirectoryConsentByTheWrongPeople(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	const hanako, chief = "hanako@kitano.example", "chief@fabrikam.example"
	id := w.staff(boss, hanako)
	w.staff(chief)
	c := w.bare(hanako)
	w.must(200, hanako, "PUT", c.tenant+"/directories/microsoft", map[string]any{"directory_id": id})
	yes, no := true, false
	for _, f := range []struct {
		name, user string
		before     graph.DirectoryChange
		code       string
	}{
		{"an ordinary user", hanako, graph.DirectoryChange{Directory: id, UserConsent: &no}, "not_admin"},
		{"another directory's administrator", chief, graph.DirectoryChange{Directory: id, UserConsent: &yes}, "wrong_directory"},
		{"an administrator behind a rule about addresses", boss, graph.DirectoryChange{Directory: id, BlockIP: &yes}, "blocked"},
		{"an administrator, where Meibo's own addresses are blocked", boss, graph.DirectoryChange{Directory: id, BlockIP: &no, BlockService: &yes}, "blocked"},
		{"an administrator at last", boss, graph.DirectoryChange{Directory: id, BlockService: &no}, ""},
	} {
		t.Run(f.name, func(t *testing.T) {
			w.inDirectory(f.before)
			at, err := w.browser.Consent(t.Context(), w.ask(c, "contacts"), f.user)
			if err != nil {
				t.Fatalf("%v: %s", err, at.Page)
			}
			got := w.capability(c, "contacts")
			if got["code"] != f.code || (at.Status == 200) != (f.code == "") || (got["state"] == "connected") != (f.code == "") {
				t.Errorf("got %d, %v\n%s", at.Status, got, at.Page)
			}
		})
	}
}

// The callback has no sign-in: it is worth nothing without a state that Meibo gave out for this, once.
func TestDirectoryCallbackThatIsNotGenuine(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	const hanako, jiro, third = "hanako@kitano.example", "jiro@example.com", "saburo@kitano.example"
	id := w.staff(boss, hanako)
	a, b := w.bare(hanako), w.bare(jiro)
	w.instead = w.consented(id)
	for _, c := range []company{a, b} { // a group of companies may share a directory
		w.must(200, c.admin, "PUT", c.tenant+"/directories/microsoft", map[string]any{"directory_id": id})
	}
	state := func(c company) string {
		t.Helper()
		to, err := url.Parse(w.ask(c, "contacts"))
		if err != nil {
			t.Fatal(err)
		}
		return to.Query().Get("state")
	}
	arrive := func(path, state string) (int, string) {
		t.Helper()
		return get(t, w.consent.URL+path+"?admin_consent=True&tenant="+id+"&state="+url.QueryEscape(state))
	}
	const path = "/consent/microsoft/admin"
	account, err := url.Parse(w.must(201, jiro, "POST", b.tenant+"/accounts", `{"system":"microsoft"}`).str("authorize_url"))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{"none": "", "made up": "canary", "long": strings.Repeat("canary", 1000), "of an account's consent": account.Query().Get("state")} {
		t.Run("a state that is "+name, func(t *testing.T) {
			if status, page := arrive(path, s); status != 400 || strings.Contains(page, "canary") || !strings.Contains(page, "not started from Meibo") {
				t.Errorf("got %d %s", status, page)
			}
		})
	}
	t.Run("one's state connects nobody else's directory", func(t *testing.T) {
		if status, page := arrive(path, state(b)); status != 200 || strings.Contains(page, hanako) {
			t.Errorf("got %d %s", status, page)
		}
		if w.capability(b, "contacts")["state"] != "connected" || w.capability(a, "contacts")["state"] != "not_asked" {
			t.Errorf("got %v and %v", w.capability(b, "contacts"), w.capability(a, "contacts"))
		}
	})
	t.Run("a state works once", func(t *testing.T) {
		s := state(a)
		if status, _ := arrive(path, s); status != 200 {
			t.Fatalf("got %d", status)
		}
		w.must(204, hanako, "DELETE", a.tenant+"/directories/microsoft", nil)
		if status, _ := arrive(path, s); status != 400 || w.capability(a, "contacts")["state"] != "not_asked" {
			t.Errorf("got %d", status)
		}
	})
	t.Run("a state is good for a day", func(t *testing.T) {
		w.must(200, hanako, "PUT", a.tenant+"/directories/microsoft", map[string]any{"directory_id": id})
		s := state(a)
		w.clock.Advance(25 * time.Hour)
		if w.capability(a, "contacts")["state"] != "not_asked" {
			t.Errorf("got %v", w.capability(a, "contacts"))
		}
		if status, _ := arrive(path, s); status != 400 {
			t.Errorf("got %d", status)
		}
	})
	t.Run("a state of before the directory was taken away leads nowhere", func(t *testing.T) {
		s := state(a)
		w.must(204, hanako, "DELETE", a.tenant+"/directories/microsoft", nil)
		w.must(200, hanako, "PUT", a.tenant+"/directories/microsoft", map[string]any{"directory_id": id})
		if status, _ := arrive(path, s); status != 400 || w.capability(a, "contacts")["state"] != "not_asked" {
			t.Errorf("got %d %v", status, w.capability(a, "contacts"))
		}
	})
	t.Run("a state is good at its own system's address only", func(t *testing.T) {
		for _, p := range []string{"/consent/google/admin", "/consent/lotus/admin"} {
			if status, _ := arrive(p, state(a)); status != 404 {
				t.Errorf("%s: got %d, want 404", p, status)
			}
		}
	})
	t.Run("only administrators of the company set it up", func(t *testing.T) {
		w.must(201, hanako, "POST", a.tenant+"/members", map[string]any{"email": third})
		w.must(200, third, "GET", a.tenant, nil)
		at := a.tenant + "/directories/microsoft"
		for method, body := range map[string]any{"GET": nil, "PUT": map[string]any{"directory_id": id}, "DELETE": nil} {
			got := w.must(403, third, method, at, body, "Accept-Language", "ja")
			if !strings.Contains(got.str("detail"), "権限") || strings.Contains(string(got.raw), id) {
				t.Errorf("got %s", got.raw)
			}
		}
		w.must(403, third, "POST", at+"/consents", `{"capability":"contacts"}`)
		w.must(404, jiro, "GET", at, nil)
		w.must(404, hanako, "GET", a.tenant+"/directories/google", nil)
	})
}
