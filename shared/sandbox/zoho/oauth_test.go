package zoho_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox/zoho"
)

func twoCentres(c *zoho.Config) { c.DCs = []zoho.DC{{Location: "us"}, {Location: "jp"}} }

func authQuery(change ...string) url.Values {
	q := url.Values{"scope": {"ZohoCRM.modules.contacts.ALL,ZohoCRM.users.READ"}, "client_id": {"1000.CLIENT"}, "response_type": {"code"},
		"access_type": {"offline"}, "prompt": {"consent"}, "redirect_uri": {back}, "state": {"s1"}}
	for i := 0; i+1 < len(change); i += 2 {
		if change[i+1] == "" {
			q.Del(change[i])
		} else {
			q.Set(change[i], change[i+1])
		}
	}
	return q
}

// consent decides on the page and returns where the browser is sent.
func (w *world) consent(q url.Values, form url.Values) *answer {
	w.Helper()
	r, err := http.NewRequest("POST", w.srv.URL+"/oauth/v2/auth?"+q.Encode(), strings.NewReader(form.Encode()))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.send(r)
}

func allow(user string) url.Values {
	return url.Values{"user": {user}, "decision": {"allow"}, "scope": {"ZohoCRM.modules.contacts.ALL", "ZohoCRM.users.READ"}}
}

func (a *answer) callback() url.Values {
	a.Helper()
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusFound || !strings.HasPrefix(u.String(), back) {
		a.Fatalf("got %d to %q, want a redirect to the client", a.status, a.header.Get("Location"))
	}
	return u.Query()
}

// post sends a form to an address and returns the JSON answer.
func (w *world) post(address string, form url.Values) *answer {
	w.Helper()
	r, err := http.NewRequest("POST", address, strings.NewReader(form.Encode()))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.send(r)
}

func tokenForm(grant string, more ...string) url.Values {
	f := url.Values{"grant_type": {grant}, "client_id": {"1000.CLIENT"}, "client_secret": {"secret"}}
	for i := 0; i+1 < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

func (w *world) exchange(accounts, code string, more ...string) *answer {
	w.Helper()
	return w.post(accounts+"/oauth/v2/token", tokenForm("authorization_code", append([]string{"code", code, "redirect_uri", back}, more...)...))
}

func (a *answer) tokenError(want string) {
	a.Helper()
	a.want(200)
	if a.body["error"] != want || a.body["access_token"] != nil {
		a.Fatalf("got %s, want the error %s with status 200", a.raw, want)
	}
}

func TestConsentLeadsToTheUsersDataCentre(t *testing.T) {
	w := newWorld(t, twoCentres)
	w.addUser(zoho.User{Email: ren, Name: "Ren Ishida", Org: "Nihon", DC: "jp"})
	cb := w.consent(authQuery(), allow(ren)).callback()
	equal(t, "location", cb.Get("location"), "jp")
	equal(t, "accounts-server", cb.Get("accounts-server"), w.srv.URL+"/dc/jp")
	equal(t, "state", cb.Get("state"), "s1")

	w.exchange(w.srv.URL, cb.Get("code")).tokenError("invalid_code") // another centre's server
	got := w.exchange(cb.Get("accounts-server"), cb.Get("code")).want(200)
	equal(t, "api_domain", str(got.body["api_domain"]), w.srv.URL+"/dc/jp")
	equal(t, "token_type", str(got.body["token_type"]), "Bearer")
	if got.body["refresh_token"] == nil || got.body["expires_in"] != 3600.0 {
		t.Fatalf("got %s, want a refresh token and an hour", got.raw)
	}
	access := header("Authorization", "Zoho-oauthtoken "+str(got.body["access_token"]))
	w.call("GET", "/users?type=CurrentUser", nil, access).refused(401, "INVALID_TOKEN")
	r, err := http.NewRequest("GET", w.srv.URL+"/dc/jp/crm/v8/users?type=CurrentUser", nil)
	must(t, err)
	access(r)
	users := w.send(r).want(200).list("users")
	equal(t, "user", str(users[0]["email"]), ren)

	t.Run("a code works once", func(t *testing.T) {
		w.exchange(cb.Get("accounts-server"), cb.Get("code")).tokenError("invalid_code")
	})
	t.Run("refresh gives no new refresh token", func(t *testing.T) {
		re := w.post(w.srv.URL+"/dc/jp/oauth/v2/token", tokenForm("refresh_token", "refresh_token", str(got.body["refresh_token"]))).want(200)
		if re.body["refresh_token"] != nil || re.body["access_token"] == nil || re.body["api_domain"] == nil {
			t.Fatalf("got %s", re.raw)
		}
	})
	t.Run("refresh at another centre is refused", func(t *testing.T) {
		w.post(w.srv.URL+"/oauth/v2/token", tokenForm("refresh_token", "refresh_token", str(got.body["refresh_token"]))).tokenError("invalid_code")
	})
	t.Run("revoked tokens are dead", func(t *testing.T) {
		w.post(w.srv.URL+"/dc/jp/oauth/v2/token/revoke?token="+url.QueryEscape(str(got.body["refresh_token"])), nil).want(200)
		w.post(w.srv.URL+"/dc/jp/oauth/v2/token", tokenForm("refresh_token", "refresh_token", str(got.body["refresh_token"]))).tokenError("invalid_code")
		w.send(r).refused(401, "INVALID_TOKEN")
	})
}

func TestAuthorizeRefusals(t *testing.T) {
	w := newWorld(t)
	get := func(q url.Values) *answer {
		r, err := http.NewRequest("GET", w.srv.URL+"/oauth/v2/auth?"+q.Encode(), nil)
		must(t, err)
		return w.send(r)
	}
	for name, q := range map[string]url.Values{"wrong client": authQuery("client_id", "x"), "wrong redirect": authQuery("redirect_uri", "https://evil.example/")} {
		t.Run(name+" is never redirected", func(t *testing.T) {
			if a := get(q); a.status < 400 || a.header.Get("Location") != "" {
				t.Fatalf("got %d to %q, want an error page", a.status, a.header.Get("Location"))
			}
		})
	}
	for name, c := range map[string]struct {
		q    url.Values
		want string
	}{
		"scopes with blanks": {authQuery("scope", "ZohoCRM.users.READ ZohoCRM.org.READ"), "invalid_scope"},
		"foreign scope":      {authQuery("scope", "openid"), "invalid_scope"},
		"unknown parameter":  {authQuery("nonce", "1"), "invalid_request"},
		"access type":        {authQuery("access_type", "forever"), "invalid_request"},
		"prompt":             {authQuery("prompt", "login"), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) { equal(t, "error", get(c.q).callback().Get("error"), c.want) })
	}
	t.Run("the page names users and scopes", func(t *testing.T) {
		page := string(get(authQuery("login_hint", aiko)).want(200).raw)
		for _, part := range []string{aiko, "ZohoCRM.users.READ", `lang="en"`, "checked"} {
			if !strings.Contains(page, part) {
				t.Fatalf("the page lacks %q", part)
			}
		}
	})
	t.Run("denied", func(t *testing.T) {
		equal(t, "error", w.consent(authQuery(), url.Values{"decision": {"deny"}}).callback().Get("error"), "access_denied")
	})
}

func TestTokenRefusals(t *testing.T) {
	w := newWorld(t)
	code := func(change ...string) string {
		return w.consent(authQuery(change...), allow(aiko)).callback().Get("code")
	}
	t.Run("client", func(t *testing.T) { w.exchange(w.srv.URL, code(), "client_id", "x").tokenError("invalid_client") })
	t.Run("secret", func(t *testing.T) {
		w.exchange(w.srv.URL, code(), "client_secret", "x").tokenError("invalid_client_secret")
	})
	t.Run("redirect", func(t *testing.T) {
		w.exchange(w.srv.URL, code(), "redirect_uri", back+"/x").tokenError("invalid_redirect_uri")
	})
	t.Run("late code", func(t *testing.T) {
		c := code()
		w.clock.Advance(2*time.Minute + time.Second)
		w.exchange(w.srv.URL, c).tokenError("invalid_code")
	})
	t.Run("verifier", func(t *testing.T) {
		verifier := strings.Repeat("v", 43)
		sum := sha256.Sum256([]byte(verifier))
		pkce := []string{"code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256"}
		w.exchange(w.srv.URL, code(pkce...), "code_verifier", strings.Repeat("w", 43)).tokenError("invalid_code")
		if got := w.exchange(w.srv.URL, code(pkce...), "code_verifier", verifier); got.body["access_token"] == nil {
			t.Fatalf("got %s, want a token", got.raw)
		}
	})
	t.Run("online access has no refresh token", func(t *testing.T) {
		if got := w.exchange(w.srv.URL, code("access_type", "")); got.body["refresh_token"] != nil || got.body["access_token"] == nil {
			t.Fatalf("got %s", got.raw)
		}
	})
	t.Run("a second consent without prompt has no refresh token", func(t *testing.T) {
		if got := w.exchange(w.srv.URL, code("prompt", "")); got.body["refresh_token"] != nil || got.body["access_token"] == nil {
			t.Fatalf("got %s", got.raw)
		}
	})
}

func TestTokenLimits(t *testing.T) {
	w := newWorld(t)
	refresh := func(token string) *answer {
		return w.post(w.srv.URL+"/oauth/v2/token", tokenForm("refresh_token", "refresh_token", token))
	}
	t.Run("ten access tokens in ten minutes", func(t *testing.T) {
		got := w.exchange(w.srv.URL, w.consent(authQuery(), allow(aiko)).callback().Get("code")).want(200)
		tok := str(got.body["refresh_token"])
		for i := range 9 { // the first came with the code
			if a := refresh(tok); a.body["access_token"] == nil {
				t.Fatalf("refresh %d: got %s", i, a.raw)
			}
		}
		refresh(tok).tokenError("Access Denied")
		w.clock.Advance(10 * time.Minute)
		if a := refresh(tok); a.body["access_token"] == nil {
			t.Fatalf("after the window: got %s", a.raw)
		}
	})
	t.Run("the twenty-first refresh token deletes the oldest", func(t *testing.T) {
		_, first, err := w.box.Issue(aiko, allScopes...)
		must(t, err)
		for range 20 {
			_, _, err := w.box.Issue(aiko, allScopes...)
			must(t, err)
		}
		refresh(first).tokenError("invalid_code")
	})
}

func TestAuthorizationHeader(t *testing.T) {
	w := newWorld(t)
	path := "/users?type=CurrentUser"
	t.Run("bearer is refused", func(t *testing.T) {
		w.call("GET", path, nil, header("Authorization", "Bearer "+w.token(aiko))).refused(401, "AUTHENTICATION_FAILURE")
	})
	t.Run("unknown token", func(t *testing.T) {
		w.call("GET", path, nil, header("Authorization", "Zoho-oauthtoken x")).refused(401, "INVALID_TOKEN")
	})
	t.Run("missing scope", func(t *testing.T) {
		tok, _, err := w.box.Issue(aiko, "ZohoCRM.modules.contacts.READ")
		must(t, err)
		as := header("Authorization", "Zoho-oauthtoken "+tok)
		w.call("GET", path, nil, as).refused(401, "OAUTH_SCOPE_MISMATCH")
		w.call("POST", "/Contacts", fields{"data": []fields{{"Last_Name": "Oda"}}}, as).refused(401, "OAUTH_SCOPE_MISMATCH")
		w.call("GET", "/Accounts?fields=id", nil, as).refused(401, "OAUTH_SCOPE_MISMATCH")
		w.call("GET", "/Contacts?fields=id", nil, as).want(204)
	})
	t.Run("an hour later the token is dead", func(t *testing.T) {
		w.clock.Advance(time.Hour)
		w.call("GET", path, nil).refused(401, "INVALID_TOKEN")
	})
	t.Run("expired by hand, the refresh token lives", func(t *testing.T) {
		tok, refresh, err := w.box.Issue(aiko, allScopes...)
		must(t, err)
		must(t, w.box.ExpireAccess(aiko))
		w.call("GET", path, nil, header("Authorization", "Zoho-oauthtoken "+tok)).refused(401, "INVALID_TOKEN")
		form := tokenForm("refresh_token", "refresh_token", refresh)
		if a := w.post(w.srv.URL+"/oauth/v2/token", form); a.body["access_token"] == nil {
			t.Fatalf("got %s", a.raw)
		}
		must(t, w.box.RevokeUser(aiko))
		w.post(w.srv.URL+"/oauth/v2/token", form).tokenError("invalid_code")
	})
}
