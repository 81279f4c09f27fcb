package google_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"meibo/shared/sandbox/google"
)

// app is the application under test, with Google's library for the flow.
func (w *world) app() oauth2.Config {
	return oauth2.Config{
		ClientID: "client", ClientSecret: "secret", RedirectURL: callback, Scopes: []string{"openid", "email", "profile", contacts},
		Endpoint: oauth2.Endpoint{AuthURL: w.srv.URL + "/o/oauth2/v2/auth", TokenURL: w.srv.URL + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

// consent answers the consent page and returns what the redirect carries.
func (w *world) consent(authURL string, scopes []string, decision string) url.Values {
	w.t.Helper()
	hc := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := hc.PostForm(authURL, url.Values{"user": {aiko}, "scope": scopes, "decision": {decision}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusFound {
		w.t.Fatalf("the consent form answers %d", res.StatusCode)
	}
	u, err := res.Location()
	if err != nil || !strings.HasPrefix(u.String(), callback) {
		w.t.Fatalf("got redirect %v, %v", u, err)
	}
	return u.Query()
}

var offline = []oauth2.AuthCodeOption{oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent")}

func TestCodeFlowWithPKCEAndIDToken(t *testing.T) {
	w := newWorld(t)
	ctx, app, verifier := context.Background(), w.app(), oauth2.GenerateVerifier()
	got := w.consent(app.AuthCodeURL("state 1", append(offline, oauth2.S256ChallengeOption(verifier), oidc.Nonce("n"))...), app.Scopes, "allow")
	if got.Get("state") != "state 1" || got.Get("code") == "" {
		t.Fatalf("got redirect %v", got)
	}
	tok := must(app.Exchange(ctx, got.Get("code"), oauth2.VerifierOption(verifier)))(t)
	if tok.RefreshToken == "" || tok.TokenType != "Bearer" {
		t.Errorf("got token type %s, refresh token %v", tok.TokenType, tok.RefreshToken != "")
	}
	scopes := strings.Fields(tok.Extra("scope").(string))
	for _, s := range []string{"openid", contacts, "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile"} {
		if !slices.Contains(scopes, s) {
			t.Errorf("the granted scopes %v lack %s", scopes, s)
		}
	}
	provider := must(oidc.NewProvider(ctx, w.srv.URL))(t)
	id := must(provider.VerifierContext(ctx, &oidc.Config{ClientID: "client", Now: w.clock.Now}).Verify(ctx, tok.Extra("id_token").(string)))(t)
	var claims struct{ Email, Name string }
	if err := id.Claims(&claims); err != nil || claims.Email != aiko || id.Nonce != "n" || claims.Name != "Aiko Tanaka" {
		t.Errorf("got %+v nonce %s, %v", claims, id.Nonce, err)
	}
	info := must(provider.UserInfo(ctx, oauth2.StaticTokenSource(tok)))(t)
	if info.Subject != id.Subject || info.Email != aiko {
		t.Errorf("got userinfo %+v, want the ID token's subject", info)
	}
	t.Run("the code works once", func(t *testing.T) {
		_, err := app.Exchange(ctx, got.Get("code"), oauth2.VerifierOption(verifier))
		wantTokenError(t, err, 400, "invalid_grant")
	})
	t.Run("the refresh token stays the same", func(t *testing.T) {
		w.clock.Advance(2 * time.Hour)
		status, body := w.form("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.RefreshToken}, "client_id": {"client"}, "client_secret": {"secret"}})
		if status != 200 || body["refresh_token"] != nil || body["access_token"] == nil || body["expires_in"] != 3599.0 || body["id_token"] == nil {
			t.Errorf("got %d %v", status, keys(body))
		}
	})
	t.Run("without consent forced there is no second refresh token", func(t *testing.T) {
		code := w.consent(app.AuthCodeURL("s", oauth2.AccessTypeOffline), app.Scopes, "allow").Get("code")
		if tok := must(app.Exchange(ctx, code))(t); tok.RefreshToken != "" {
			t.Error("got a refresh token")
		}
		code = w.consent(app.AuthCodeURL("s", oauth2.ApprovalForce), app.Scopes, "allow").Get("code")
		if tok := must(app.Exchange(ctx, code))(t); tok.RefreshToken != "" {
			t.Error("got a refresh token without offline access")
		}
	})
	t.Run("unticked scopes are not granted", func(t *testing.T) {
		code := w.consent(app.AuthCodeURL("s", offline...), []string{"openid"}, "allow").Get("code")
		if tok := must(app.Exchange(ctx, code))(t); tok.Extra("scope") != "openid" {
			t.Errorf("got scope %v, want openid", tok.Extra("scope"))
		}
	})
	t.Run("earlier grants are included if asked", func(t *testing.T) {
		w.consentAndExchange(app, []string{contacts})
		app.Scopes = []string{"openid"}
		code := w.consent(app.AuthCodeURL("s", append(offline, oauth2.SetAuthURLParam("include_granted_scopes", "true"))...), []string{"openid"}, "allow").Get("code")
		if got := must(app.Exchange(ctx, code))(t).Extra("scope").(string); !strings.Contains(got, contacts) {
			t.Errorf("got scope %q, want contacts too", got)
		}
	})
}

func (w *world) consentAndExchange(app oauth2.Config, scopes []string) *oauth2.Token {
	w.t.Helper()
	code := w.consent(app.AuthCodeURL("s", offline...), scopes, "allow").Get("code")
	tok, err := app.Exchange(context.Background(), code)
	if err != nil {
		w.t.Fatal(err)
	}
	return tok
}

func keys(m map[string]any) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

func (w *world) form(path string, form url.Values) (int, map[string]any) {
	w.t.Helper()
	res, err := http.PostForm(w.srv.URL+path, form)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body := map[string]any{}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, body
}

func wantTokenError(t *testing.T, err error, status int, code string) {
	t.Helper()
	re, ok := err.(*oauth2.RetrieveError)
	if !ok || re.Response.StatusCode != status || re.ErrorCode != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

func TestTokenPathRefuses(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	ctx := context.Background()
	fresh := func(opts ...oauth2.AuthCodeOption) string {
		return w.consent(app.AuthCodeURL("s", opts...), app.Scopes, "allow").Get("code")
	}
	exchange := func(change func(*oauth2.Config), code string, opts ...oauth2.AuthCodeOption) error {
		c := app
		if change != nil {
			change(&c)
		}
		_, err := c.Exchange(ctx, code, opts...)
		return err
	}
	verifier := oauth2.GenerateVerifier()
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"an unknown client":           {exchange(func(c *oauth2.Config) { c.ClientID = "x" }, fresh()), 401, "invalid_client"},
		"a wrong secret":              {exchange(func(c *oauth2.Config) { c.ClientSecret = "x" }, fresh()), 401, "invalid_client"},
		"credentials in the header":   {exchange(func(c *oauth2.Config) { c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader }, fresh()), 401, "invalid_client"},
		"another redirect address":    {exchange(func(c *oauth2.Config) { c.RedirectURL = callback + "/2" }, fresh()), 400, "redirect_uri_mismatch"},
		"an invented code":            {exchange(nil, "4/0x"), 400, "invalid_grant"},
		"a missing verifier":          {exchange(nil, fresh(oauth2.S256ChallengeOption(verifier))), 400, "invalid_grant"},
		"a wrong verifier":            {exchange(nil, fresh(oauth2.S256ChallengeOption(verifier)), oauth2.VerifierOption(oauth2.GenerateVerifier())), 400, "invalid_grant"},
		"a verifier nobody asked for": {exchange(nil, fresh(), oauth2.VerifierOption(verifier)), 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) { wantTokenError(t, c.err, c.status, c.code) })
	}
	t.Run("an old code", func(t *testing.T) {
		code := fresh()
		w.clock.Advance(11 * time.Minute)
		wantTokenError(t, exchange(nil, code), 400, "invalid_grant")
	})
	t.Run("another grant type", func(t *testing.T) {
		status, body := w.form("/token", url.Values{"grant_type": {"password"}, "client_id": {"client"}, "client_secret": {"secret"}})
		if status != 400 || body["error"] != "unsupported_grant_type" {
			t.Errorf("got %d %v", status, body)
		}
	})
}

func TestRevokedAuthorisationsAnswerInvalidGrant(t *testing.T) {
	for name, end := range map[string]func(*world, *oauth2.Token){
		"by the user": func(w *world, _ *oauth2.Token) { _ = w.box.RevokeUser(aiko) },
		"by the refresh token": func(w *world, tok *oauth2.Token) {
			if status, _ := w.form("/revoke", url.Values{"token": {tok.RefreshToken}}); status != 200 {
				w.t.Errorf("revoke answers %d", status)
			}
		},
		"by the access token": func(w *world, tok *oauth2.Token) { w.form("/revoke", url.Values{"token": {tok.AccessToken}}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tok := w.consentAndExchange(w.app(), w.app().Scopes)
			w.token = tok.AccessToken
			end(w, tok)
			status, body := w.form("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.RefreshToken}, "client_id": {"client"}, "client_secret": {"secret"}})
			if status != 400 || body["error"] != "invalid_grant" || body["error_description"] != "Token has been expired or revoked." {
				t.Errorf("got %d %v", status, body)
			}
			if status, text := w.raw("GET", "/v1/people/me?personFields=names", ""); status != 401 || parseProblem(t, []byte(text)).status != "UNAUTHENTICATED" {
				t.Errorf("the access token still gets %d %s", status, text)
			}
			if status, _ := w.form("/revoke", url.Values{"token": {tok.RefreshToken}}); status != 400 {
				t.Errorf("revoking again answers %d, want 400", status)
			}
		})
	}
}

func TestOnlyTheLastHundredRefreshTokensLive(t *testing.T) {
	w := newWorld(t)
	var tokens []string
	for range 101 {
		_, refresh, err := w.box.Authorize(aiko, contacts)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, refresh)
	}
	for i, want := range map[int]int{0: 400, 1: 200, 100: 200} {
		status, _ := w.form("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens[i]}, "client_id": {"client"}, "client_secret": {"secret"}})
		if status != want {
			t.Errorf("refresh token %d of 101 answers %d, want %d", i+1, status, want)
		}
	}
}

func TestAuthorizePageRefuses(t *testing.T) {
	w := newWorld(t)
	base := url.Values{"client_id": {"client"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}}
	with := func(k, v string) string {
		q := url.Values{}
		for k, v := range base {
			q[k] = v
		}
		q.Set(k, v)
		return w.srv.URL + "/o/oauth2/v2/auth?" + q.Encode()
	}
	hc := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for name, c := range map[string]struct {
		url    string
		status int
		code   string // on the redirect
	}{
		"an unknown client": {with("client_id", "x"), 401, ""},
		"another address":   {with("redirect_uri", "https://evil.example"), 400, ""},
		"an unknown scope":  {with("scope", "openid everything"), 302, "invalid_scope"},
		"no scope":          {with("scope", ""), 302, "invalid_request"},
		"the implicit flow": {with("response_type", "token"), 302, "unsupported_response_type"},
		"a plain challenge": {with("code_challenge", "x"), 302, "invalid_request"},
		"an access type":    {with("access_type", "forever"), 302, "invalid_request"},
		"an unknown prompt": {with("prompt", "please"), 302, "invalid_request"},
		"a good request":    {with("login_hint", aiko), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			res := must(hc.Get(c.url))(t)
			res.Body.Close()
			got := ""
			if u, err := res.Location(); err == nil {
				got = u.Query().Get("error")
			}
			if res.StatusCode != c.status || got != c.code {
				t.Errorf("got %d %q, want %d %q", res.StatusCode, got, c.status, c.code)
			}
		})
	}
	t.Run("a person who says no", func(t *testing.T) {
		if got := w.consent(with("state", "s"), []string{"openid"}, "deny"); got.Get("error") != "access_denied" || got.Get("state") != "s" {
			t.Errorf("got %v", got)
		}
	})
}

func TestAPIAnswersAuthorisationErrors(t *testing.T) {
	w := newWorld(t)
	id := w.put(named("A", "x"))[0]
	get := "/v1/" + id + "?personFields=names"
	t.Run("a read-only scope may read", func(t *testing.T) {
		w.signIn(readonly)
		if status, body := w.raw("GET", get, ""); status != 200 {
			t.Errorf("got %d %s", status, body)
		}
	})
	t.Run("and not write", func(t *testing.T) {
		_, err := w.api.People.DeleteContact(id).Do()
		if p := refused(t, err); p.code != 403 || p.status != "PERMISSION_DENIED" || p.reason != "ACCESS_TOKEN_SCOPE_INSUFFICIENT" || p.message != "Request had insufficient authentication scopes." {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("scopes can be taken away", func(t *testing.T) {
		if err := w.box.SetScopes(aiko, []string{"openid"}); err != nil {
			t.Fatal(err)
		}
		if status, _ := w.raw("GET", get, ""); status != 403 {
			t.Errorf("got %d, want 403", status)
		}
	})
	t.Run("an expired token", func(t *testing.T) {
		w.signIn(contacts)
		w.clock.Advance(time.Hour)
		status, body := w.raw("GET", get, "")
		if p := parseProblem(t, []byte(body)); status != 401 || p.status != "UNAUTHENTICATED" || p.code != 401 {
			t.Errorf("got %d %s", status, body)
		}
	})
	t.Run("access expired on request", func(t *testing.T) {
		w.signIn(contacts)
		if err := w.box.ExpireAccess(aiko); err != nil {
			t.Fatal(err)
		}
		if status, _ := w.raw("GET", get, ""); status != 401 {
			t.Errorf("got %d, want 401", status)
		}
	})
	t.Run("a refresh token is no access token", func(t *testing.T) {
		_, refresh, err := w.box.Authorize(aiko, contacts)
		if err != nil {
			t.Fatal(err)
		}
		w.token = refresh
		if status, _ := w.raw("GET", get, ""); status != 401 {
			t.Errorf("got %d, want 401", status)
		}
	})
	t.Run("the API switched off", func(t *testing.T) {
		w.signIn(contacts)
		if err := w.box.SetDisabled(true); err != nil {
			t.Fatal(err)
		}
		status, body := w.raw("GET", get, "")
		if p := parseProblem(t, []byte(body)); status != 403 || p.reason != "SERVICE_DISABLED" {
			t.Errorf("got %d %s", status, body)
		}
	})
}

func TestQuotasAnswerTheDocumentedBody(t *testing.T) {
	w := newWorld(t)
	var last problem
	n := 0
	for ; n < 100; n++ {
		status, body := w.raw("POST", "/v1/people:createContact?personFields=names", `{"names":[{"givenName":"A"}]}`)
		if status == 429 {
			last = parseProblem(t, []byte(body))
			break
		}
	}
	meta, _ := last.detail["metadata"].(map[string]any)
	if n != 30 || last.status != "RESOURCE_EXHAUSTED" || last.reason != "RATE_LIMIT_EXCEEDED" ||
		last.message != "Quota exceeded for quota metric 'Critical write requests' and limit 'Critical write requests per minute per user' of service 'people.googleapis.com' for consumer 'project_number:100000000000'." ||
		meta["quota_limit"] != "CriticalWritesPerMinutePerProjectPerUser" || meta["quota_metric"] != "people.googleapis.com/critical_write_requests" {
		t.Errorf("after %d writes got %+v", n, last)
	}
	w.clock.Advance(time.Minute)
	if status, body := w.raw("POST", "/v1/people:createContact?personFields=names", `{"names":[{"givenName":"A"}]}`); status != 200 {
		t.Errorf("in the next minute got %d %s", status, body)
	}
}

func TestEachQuotaEnds(t *testing.T) {
	batch := `{"contacts":[{"contactPerson":{"names":[{"givenName":"A"}]}}],"readMask":"metadata"}`
	for name, c := range map[string]struct {
		limits             google.Limits
		method, path, body string
		allowed            int
		quota              string
	}{
		"reads":         {google.Limits{}, "GET", "/v1/people/me?personFields=names", "", 60, "CriticalReads"},
		"batches":       {google.Limits{}, "POST", "/v1/people:batchCreateContacts", batch, 5, "CriticalWrites"},
		"daily writes":  {google.Limits{DailyWrites: 400}, "POST", "/v1/people:batchCreateContacts", batch, 2, "DailyContactWritesPerDay"},
		"group reads":   {google.Limits{GroupReads: 3}, "GET", "/v1/contactGroups", "", 3, "ContactGroupReads"},
		"deletes":       {google.Limits{}, "DELETE", "/v1/people/c1:deleteContact", "", 30, "WritesPerMinute"},
		"batch deletes": {google.Limits{}, "POST", "/v1/people:batchDeleteContacts", `{"resourceNames":["people/c1"]}`, 3, "WritesPerMinute"},
		"photos":        {google.Limits{PhotoWrites: 2}, "DELETE", "/v1/people/c1:deleteContactPhoto", "", 2, "PhotoWrites"},
		"full listings": {google.Limits{}, "GET", "/v1/people/me/connections?personFields=names", "", 10, "FullSync"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *google.Config) { cfg.Limits = c.limits })
			for n := range 100 {
				status, body := w.raw(c.method, c.path, c.body)
				if status != 429 {
					continue
				}
				if n != c.allowed || !strings.Contains(body, c.quota) {
					t.Errorf("got 429 after %d calls with %s, want %d and %s", n, body, c.allowed, c.quota)
				}
				return
			}
			t.Error("the quota never ends")
		})
	}
	t.Run("lifted", func(t *testing.T) {
		w := newWorld(t, lifted)
		for range 100 {
			if status, body := w.raw("GET", "/v1/people/me/connections?personFields=names", ""); status != 200 {
				t.Fatalf("got %d %s", status, body)
			}
		}
	})
}
