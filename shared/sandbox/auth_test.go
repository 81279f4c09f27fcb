package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/sandbox"
)

const back = "https://app.example/callback?keep=1"

type authDesk struct {
	t   *testing.T
	srv *sandbox.AuthServer
	url string
	at  *clock.Virtual
}

func newAuth(t *testing.T, change func(*sandbox.AuthConfig)) *authDesk {
	t.Helper()
	at := clock.NewVirtual(time.Unix(1000, 0), true)
	cfg := sandbox.AuthConfig{
		Name: "test", System: "Test & Co", Clock: at, Clients: []sandbox.Client{{ID: "app", Secret: "s"}}, RedirectURIs: []string{back},
		AuthorizePath: "/auth", TokenPath: "/token", RevokePath: "/revoke", ScopeSeparator: ",",
		Users: func() []sandbox.User { return []sandbox.User{{Email: who, Name: "Ann <script>"}} },
	}
	if change != nil {
		change(&cfg)
	}
	srv, err := sandbox.NewAuthServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(srv)
	t.Cleanup(h.Close)
	return &authDesk{t, srv, h.URL, at}
}

func (d *authDesk) authorizeURL() string {
	return d.url + "/auth?" + url.Values{
		"client_id": {"app"}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {"read,write"}, "state": {"s&t"}, "login_hint": {who},
	}.Encode()
}

func (d *authDesk) decide(form url.Values, header ...string) (*http.Response, url.Values) {
	d.t.Helper()
	r, err := http.NewRequest("POST", d.authorizeURL(), strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(header) == 2 {
		r.Header.Set(header[0], header[1])
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	res.Body.Close()
	u, err := res.Location()
	if err != nil {
		return res, nil
	}
	return res, u.Query()
}

func (d *authDesk) post(path string, form url.Values) (int, map[string]any) {
	d.t.Helper()
	res, err := http.PostForm(d.url+path, form)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, out
}

func allow(scopes ...string) url.Values {
	return url.Values{"user": {who}, "scope": scopes, "decision": {"allow"}}
}

func TestConsentPageEscapesAndPreselects(t *testing.T) {
	d := newAuth(t, nil)
	res, err := http.Get(d.authorizeURL())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, want := range []string{"Test &amp; Co", "Ann &lt;script&gt;", `value="ann@example.com" required checked`, `value="read" checked`, `value="write" checked`, "state=s%26t"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestConsentAnswers(t *testing.T) {
	d := newAuth(t, nil)
	for name, c := range map[string]struct {
		form   url.Values
		header []string
		status int
		err    string
	}{
		"allow":               {allow("read"), nil, 302, ""},
		"deny":                {url.Values{"user": {who}, "decision": {"deny"}}, nil, 302, "access_denied"},
		"nothing ticked":      {allow(), nil, 302, "access_denied"},
		"a scope not asked":   {allow("admin"), nil, 302, "access_denied"},
		"nobody chosen":       {url.Values{"scope": {"read"}, "decision": {"allow"}}, nil, 400, ""},
		"another site's form": {allow("read"), []string{"Origin", "https://evil.example"}, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			res, q := d.decide(c.form, c.header...)
			if res.StatusCode != c.status || q.Get("error") != c.err {
				t.Errorf("got %d %v, want %d %q", res.StatusCode, q, c.status, c.err)
			}
			if c.status == 302 && (q.Get("state") != "s&t" || q.Get("keep") != "1" || (q.Get("code") == "") != (c.err != "")) {
				t.Errorf("got redirect %v", q)
			}
		})
	}
}

func TestTokensSurviveARestart(t *testing.T) {
	keep, err := sandbox.OpenFile(t.TempDir() + "/auth.db")
	if err != nil {
		t.Fatal(err)
	}
	defer keep.Close()
	with := func(c *sandbox.AuthConfig) { c.Keep = keep; c.MaxRefresh = 2 }
	d := newAuth(t, with)
	_, q := d.decide(allow("read"))
	status, tok := d.post("/token", url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {back}, "client_id": {"app"}, "client_secret": {"s"}})
	if status != 200 || tok["scope"] != "read" || tok["expires_in"] != 3600.0 {
		t.Fatalf("got %d %v", status, tok)
	}
	_, pending := d.decide(allow("read", "write"))
	d = newAuth(t, with)
	if g, ok := d.srv.Check(tok["access_token"].(string)); !ok || g.User != who || g.Scopes[0] != "read" {
		t.Errorf("got %+v, %v", g, ok)
	}
	if status, _ := d.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok["refresh_token"].(string)}, "client_id": {"app"}, "client_secret": {"s"}}); status != 200 {
		t.Errorf("the refresh token answers %d", status)
	}
	if status, _ := d.post("/token", url.Values{"grant_type": {"authorization_code"}, "code": {pending.Get("code")}, "redirect_uri": {back}, "client_id": {"app"}, "client_secret": {"s"}}); status != 200 {
		t.Errorf("the pending code answers %d", status)
	}
	if status, _ := d.post("/token", url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {back}, "client_id": {"app"}, "client_secret": {"s"}}); status != 400 {
		t.Errorf("the used code answers %d", status)
	}
	d.at.Advance(time.Hour)
	if _, ok := d.srv.Check(tok["access_token"].(string)); ok {
		t.Error("the access token outlives its hour")
	}
}

func TestVendorsChangeWhatDiffers(t *testing.T) {
	var spelled []sandbox.TokenKind
	d := newAuth(t, func(c *sandbox.AuthConfig) {
		c.ParamsInQuery = true
		c.Hooks = sandbox.AuthHooks{
			Scope:        func(s string) bool { return s == "read" || s == "write" },
			Redirect:     func(_ *http.Request, u sandbox.User) url.Values { return url.Values{"location": {"us"}} },
			IssueRefresh: func(_ sandbox.Grant, again bool) bool { return !again },
			Token: func(_ *http.Request, g sandbox.Grant, refresh bool) (map[string]any, *sandbox.AuthError) {
				if refresh {
					return nil, &sandbox.AuthError{Cause: sandbox.CauseVendor, Code: "too_many", Status: 200}
				}
				return map[string]any{"api_domain": "https://api.example"}, nil
			},
			Spell: func(kind sandbox.TokenKind, random string) string {
				spelled = append(spelled, kind)
				return "1000." + random
			},
			WriteError: func(w http.ResponseWriter, _ *http.Request, e *sandbox.AuthError) {
				sandbox.WriteJSON(w, 200, map[string]any{"error": e.Code, "cause": e.Cause})
			},
		}
	})
	exchange := func() map[string]any {
		_, q := d.decide(allow("read"))
		if q.Get("location") != "us" {
			t.Errorf("got redirect %v", q)
		}
		form := url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {back}, "client_id": {"app"}, "client_secret": {"s"}}
		_, tok := d.post("/token?"+form.Encode(), nil)
		return tok
	}
	first, second := exchange(), exchange()
	if first["api_domain"] != "https://api.example" || first["refresh_token"] == nil || second["refresh_token"] != nil || second["access_token"] == nil {
		t.Errorf("got %v and %v", first, second)
	}
	if !strings.HasPrefix(first["access_token"].(string), "1000.") || len(spelled) != 5 {
		t.Errorf("got %d tokens, want 5 spelled by the vendor", len(spelled))
	}
	status, e := d.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"].(string)}, "client_id": {"app"}, "client_secret": {"s"}})
	if status != 200 || e["error"] != "too_many" {
		t.Errorf("got %d %v", status, e)
	}
	_, e = d.post("/token", url.Values{"client_id": {"nobody"}})
	if e["cause"] != "client" {
		t.Errorf("got %v", e)
	}
}
