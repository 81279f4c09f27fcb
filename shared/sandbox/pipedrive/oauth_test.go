package pipedrive_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/contract"
	"meibo/shared/sandbox/pipedrive"
)

// authorize sends the consent form to the authorize address, or opens it without a form, and returns the answer.
func (w *world) authorize(q, form url.Values) *answer {
	w.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r, err := http.NewRequest(method, w.srv.URL+"/oauth/authorize?"+q.Encode(), strings.NewReader(body))
	must(w.T, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return w.send(r)
}

func authQuery() url.Values {
	return url.Values{"client_id": {"client"}, "redirect_uri": {back}, "state": {"st"}}
}

func allow(user string) url.Values { return url.Values{"user": {user}, "decision": {"allow"}} }

func (a *answer) location() url.Values {
	a.Helper()
	u, err := url.Parse(a.want(http.StatusFound).header.Get("Location"))
	must(a.T, err)
	return u.Query()
}

func (w *world) code(user string) string {
	w.Helper()
	return w.authorize(authQuery(), allow(user)).location().Get("code")
}

// form sends a form to a path with Basic credentials, which change may replace.
func (w *world) form(path string, form url.Values, opts ...option) *answer {
	w.Helper()
	sent := form.Encode()
	r, err := http.NewRequest(http.MethodPost, w.srv.URL+path, strings.NewReader(sent))
	must(w.T, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("client", "secret")
	for _, o := range opts {
		o(r)
	}
	a := w.send(r)
	checkContract(w.T, r, []byte(sent), a)
	return a
}

func exchange(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back}}
}

func refresh(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

func TestAuthorize(t *testing.T) {
	w := newWorld(t)
	t.Run("page lists users and scopes, and its form goes through", func(t *testing.T) {
		page := w.authorize(authQuery(), nil).want(200)
		for _, s := range []string{mira, "contacts:full"} {
			if !strings.Contains(string(page.raw), s) {
				t.Fatalf("the page lacks %s", s)
			}
		}
		_, rest, _ := strings.Cut(string(page.raw), `action="?`)
		action, _, _ := strings.Cut(rest, `"`)
		q, err := url.ParseQuery(strings.ReplaceAll(action, "&amp;", "&"))
		must(t, err)
		got := w.authorize(q, allow(mira)).location()
		equal(t, "state", got.Get("state"), "st")
		if got.Get("code") == "" {
			t.Fatal("got no code")
		}
	})
	t.Run("scope and other parameters are refused", func(t *testing.T) {
		for _, name := range []string{"scope", "response_type", "login_hint", "code_challenge"} {
			q := authQuery()
			q.Set(name, "base")
			w.authorize(q, nil).want(400)
		}
	})
	t.Run("unregistered client and callback are not redirected to", func(t *testing.T) {
		for name, status := range map[string]int{"client_id": 401, "redirect_uri": 400} {
			q := authQuery()
			q.Set(name, "https://evil.example/")
			w.authorize(q, allow(mira)).want(status)
		}
	})
	t.Run("denial comes back as user_denied", func(t *testing.T) {
		got := w.authorize(authQuery(), url.Values{"user": {mira}, "decision": {"deny"}}).location()
		equal(t, "error", got.Get("error"), "user_denied")
		equal(t, "state", got.Get("state"), "st")
		equal(t, "description", got.Has("error_description"), false)
	})
	t.Run("marketplace install brings no state", func(t *testing.T) {
		to, err := w.box.InstallURL(mira)
		must(t, err)
		u, err := url.Parse(to)
		must(t, err)
		equal(t, "state", u.Query().Has("state"), false)
		w.form("/oauth/token", exchange(u.Query().Get("code"))).want(200)
	})
}

func TestToken(t *testing.T) {
	w := newWorld(t)
	t.Run("answer has the sample's shape and this origin", func(t *testing.T) {
		got := w.form("/oauth/token", exchange(w.code(mira))).want(200)
		contract.SameShape(t, "$", got.body, sample(t, "token-response"))
		equal(t, "api_domain", str(got.body["api_domain"]), w.srv.URL)
		equal(t, "scope", str(got.body["scope"]), strings.Join(pipedrive.AppScopes(), ","))
		w.call("GET", "/api/v1/users/me", nil, header("Authorization", "Bearer "+str(got.body["access_token"]))).want(200)
	})
	t.Run("code works once, for five minutes", func(t *testing.T) {
		code := w.code(mira)
		w.form("/oauth/token", exchange(code)).want(200)
		equal(t, "error", str(w.form("/oauth/token", exchange(code)).want(400).body["error"]), "invalid_grant")
		code = w.code(mira)
		w.clock.Advance(5 * time.Minute)
		w.form("/oauth/token", exchange(code)).want(400)
	})
	t.Run("refresh token does not rotate and dies after 60 days without use", func(t *testing.T) {
		first := str(w.form("/oauth/token", exchange(w.code(mira))).want(200).body["refresh_token"])
		for range 3 {
			w.clock.Advance(59 * 24 * time.Hour)
			equal(t, "refresh token", str(w.form("/oauth/token", refresh(first)).want(200).body["refresh_token"]), first)
		}
		w.clock.Advance(60 * 24 * time.Hour)
		got := w.form("/oauth/token", refresh(first)).want(400)
		equal(t, "error", str(got.body["error"]), "invalid_grant")
		if !strings.Contains(str(got.body["error_description"]), "`refresh_token` is invalid") {
			t.Fatalf("got %s", got.raw)
		}
	})
	t.Run("credentials belong in the Basic header", func(t *testing.T) {
		form := exchange(w.code(mira))
		equal(t, "wrong secret", str(w.form("/oauth/token", form, func(r *http.Request) { r.SetBasicAuth("client", "wrong") }).want(400).body["error"]), "invalid_client")
		w.form("/oauth/token", form, func(r *http.Request) { r.Header.Del("Authorization") }).want(400)
		form.Set("client_id", "client")
		w.form("/oauth/token", form).want(400)
		equal(t, "PKCE", str(w.form("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code_verifier": {"x"}}).want(400).body["error"]), "invalid_request")
	})
	t.Run("callback address must be the code's", func(t *testing.T) {
		form := exchange(w.code(mira))
		form.Set("redirect_uri", back+"/other")
		equal(t, "error", str(w.form("/oauth/token", form).want(400).body["error"]), "invalid_request")
	})
	t.Run("errors have the API's envelope by quirk", func(t *testing.T) {
		must(t, w.box.SetQuirks(pipedrive.Quirks{OAuthEnvelope: true}))
		w.form("/oauth/token", exchange("x")).refused(400, "Invalid grant: `authorization_code` is invalid")
	})
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	got := w.form("/oauth/token", exchange(w.code(mira))).want(200)
	access, long := str(got.body["access_token"]), str(got.body["refresh_token"])
	bearer := header("Authorization", "Bearer "+access)
	revoke := func(tok string) { w.form("/oauth/revoke", url.Values{"token": {tok}}).want(200) }

	revoke("nobody's")
	w.call("GET", "/api/v1/users/me", nil, bearer).want(200)
	revoke(access)
	contract.SameShape(t, "$", w.call("GET", "/api/v1/users/me", nil, bearer).want(401).body, map[string]any{"success": false, "error": "", "errorCode": 0.0, "error_info": ""})
	again := str(w.form("/oauth/token", refresh(long)).want(200).body["access_token"])
	revoke(long)
	w.call("GET", "/api/v1/users/me", nil, header("Authorization", "Bearer "+again)).want(401)
	w.form("/oauth/token", refresh(long)).want(400)
}

func TestUninstallTellsTheCallback(t *testing.T) {
	got := make(chan *http.Request, 1)
	bodies := make(chan []byte, 1)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // a broken body fails the comparison
		got <- r
		bodies <- b
	}))
	defer app.Close()
	w := newWorld(t, func(c *pipedrive.Config) { c.RedirectURIs = []string{app.URL + "/callback"} })
	_, long, err := w.box.Issue(mira)
	must(t, err)
	must(t, w.box.Uninstall(mira))
	w.settled()
	r := <-got
	user, pass, _ := r.BasicAuth()
	equal(t, "request", r.Method+" "+r.URL.Path+" "+user+" "+pass, "DELETE /callback client secret")
	var body map[string]any
	must(t, json.Unmarshal(<-bodies, &body))
	contract.SameShape(t, "$", body, sample(t, "uninstall-callback"))
	w.form("/oauth/token", refresh(long)).want(400)

	must(t, w.box.SetQuirks(pipedrive.Quirks{TextIDs: true}))
	must(t, w.box.Uninstall(mira))
	w.settled()
	<-got
	must(t, json.Unmarshal(<-bodies, &body))
	equal(t, "company_id", str(body["company_id"]), "15043420")
}

func TestScopesDecide(t *testing.T) {
	w := newWorld(t)
	tok, _, err := w.box.Issue(mira, "base", "contacts:read")
	must(t, err)
	reader := header("Authorization", "Bearer "+tok)
	w.call("GET", "/persons", nil, reader).want(200)
	got := w.call("POST", "/persons", fields{"name": "A"}, reader).want(403)
	contract.SameShape(t, "$", got.body, map[string]any{"success": false, "error": "Scope and URL mismatch"})
	w.call("GET", "/api/v1/users", nil, reader).refused(403, "Scope and URL mismatch")
	w.call("GET", "/api/v1/webhooks", nil, reader).refused(403, "Scope and URL mismatch")
	must(t, w.box.SetQuirks(pipedrive.Quirks{WebhooksNeedAdmin: true}))
	w.call("GET", "/api/v1/webhooks", nil).refused(403, "Scope and URL mismatch")
	must(t, w.box.SetQuirks(pipedrive.Quirks{}))
	w.call("GET", "/api/v1/webhooks", nil).want(200)
	must(t, w.box.SetScopes(mira, []string{"base"}))
	w.call("GET", "/persons", nil).refused(403, "Scope")

	w.call("GET", "/persons", nil, header("Authorization", "Token x")).refused(400, "malformed")
	w.call("GET", "/persons", nil, func(r *http.Request) { r.Header.Del("Authorization") }).refused(401, "unauthorized")
}
