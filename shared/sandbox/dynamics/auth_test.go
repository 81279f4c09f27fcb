package dynamics_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox/dynamics"
)

const scopes = "https://kitano.crm7.dynamics.com/user_impersonation offline_access openid profile email"

const verifier = "a-verifier-of-at-least-forty-three-characters-0123456789"

// authorizeQuery is a good authorize request; pairs change it.
func authorizeQuery(pairs ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"client_id": {"client"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {scopes}, "state": {"s1"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "nonce": {"n1"}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

// consent answers the sign-in page as the user, and returns the parameters of the redirect.
func (w *world) consent(tenant, user, decision string, q url.Values) url.Values {
	w.t.Helper()
	form := url.Values{"user": {user}, "decision": {decision}, "scope": strings.Fields(q.Get("scope"))}
	res, err := noRedirects().PostForm(w.srv.URL+"/"+tenant+"/oauth2/v2.0/authorize?"+q.Encode(), form)
	must(w.t, err)
	defer res.Body.Close()
	equal(w.t, "status", res.StatusCode, http.StatusFound)
	to, err := url.Parse(res.Header.Get("Location"))
	must(w.t, err)
	return to.Query()
}

// tokens posts to the token path.
func (w *world) tokens(form url.Values) (int, fields) {
	w.t.Helper()
	if !form.Has("client_id") {
		form.Set("client_id", "client")
		form.Set("client_secret", "secret")
	}
	res, err := http.PostForm(w.srv.URL+"/common/oauth2/v2.0/token", form)
	must(w.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(w.t, err)
	var m fields
	must(w.t, json.Unmarshal(b, &m))
	return res.StatusCode, m
}

func claims(t *testing.T, token string) fields {
	t.Helper()
	parts := strings.Split(token, ".")
	equal(t, "parts of the ID token", len(parts), 3)
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	var m fields
	must(t, json.Unmarshal(b, &m))
	return m
}

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	back := w.consent("organizations", haruto, "allow", authorizeQuery())
	equal(t, "state", back.Get("state"), "s1")
	status, got := w.tokens(url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}})
	equal(t, "status", status, 200)
	equal(t, "scope", str(got, "scope"), strings.Replace(scopes, " offline_access", "", 1))
	id := claims(t, str(got, "id_token"))
	equal(t, "address", str(id, "preferred_username"), haruto)
	equal(t, "nonce", str(id, "nonce"), "n1")
	w.token = str(got, "access_token")
	me := w.do("GET", "/WhoAmI", nil).want(200)
	row := w.get("systemusers", me.str("UserId"), "azureactivedirectoryobjectid,internalemailaddress,fullname").want(200)
	equal(t, "object id", row.str("azureactivedirectoryobjectid"), str(id, "oid"))
	t.Run("a refresh rotates, and the old token works on", func(t *testing.T) {
		first := str(got, "refresh_token")
		for range 2 {
			status, again := w.tokens(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first}})
			equal(t, "status", status, 200)
			if str(again, "refresh_token") == first || str(again, "refresh_token") == "" {
				t.Error("the refresh token is not a new one")
			}
			w.token = str(again, "access_token")
			w.do("GET", "/WhoAmI", nil).want(200)
		}
		status, m := w.tokens(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first}, "scope": {"https://other.crm.dynamics.com/user_impersonation"}})
		equal(t, "another organisation's status", status, 400)
		equal(t, "error", str(m, "error"), "invalid_grant")
	})
	t.Run("an access token ends after an hour", func(t *testing.T) {
		w.clock.AdvanceTo(start.Add(time.Hour))
		a := w.do("GET", "/WhoAmI", nil).want(401)
		if !strings.Contains(a.header.Get("WWW-Authenticate"), "authorization_uri=") {
			t.Error("no WWW-Authenticate")
		}
	})
	t.Run("a token without the scope of an organisation opens nothing", func(t *testing.T) {
		back := w.consent("common", haruto, "allow", authorizeQuery("scope", "openid"))
		_, got := w.tokens(url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}})
		w.token = str(got, "access_token")
		w.do("GET", "/WhoAmI", nil).want(401)
	})
}

func TestSignInsThatFail(t *testing.T) {
	w := newWorld(t)
	const sato = "sato@sato.example"
	w.addUser(dynamics.User{Email: sato, Name: "Sato", Organization: "sato.crm4.dynamics.com"})
	cases := []struct{ name, tenant, user, decision, scope, code, number string }{
		{"the user declines", "common", haruto, "deny", scopes, "access_denied", "65004"},
		{"an organisation that is not there", "common", haruto, "allow", "https://nobody.crm7.dynamics.com/user_impersonation", "invalid_resource", "500011"},
		{"a host of another form", "common", haruto, "allow", "https://kitano.example/user_impersonation", "invalid_scope", ""},
		{"a host without a region", "common", haruto, "allow", "https://kitano.dynamics.com/user_impersonation", "invalid_scope", ""},
		{"two organisations", "common", haruto, "allow", scopes + " https://sato.crm4.dynamics.com/user_impersonation", "invalid_scope", "70011"},
		{"a user of another directory", "sato.example", haruto, "allow", scopes, "access_denied", "50020"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := w.consent(c.tenant, c.user, c.decision, authorizeQuery("scope", c.scope))
			equal(t, "error", got.Get("error"), c.code)
			if !strings.Contains(got.Get("error_description"), c.number) {
				t.Errorf("got %s", got.Get("error_description"))
			}
		})
	}
	t.Run("an administrator must consent", func(t *testing.T) {
		must(t, w.box.SetAdminConsentRequired(haruto, true))
		got := w.consent("common", haruto, "allow", authorizeQuery())
		equal(t, "error", got.Get("error"), "access_denied")
		if !strings.Contains(got.Get("error_description"), "AADSTS90094") {
			t.Errorf("got %s", got.Get("error_description"))
		}
	})
	t.Run("a user of another organisation gets a token and is refused by Dataverse", func(t *testing.T) {
		back := w.consent("common", sato, "allow", authorizeQuery())
		_, got := w.tokens(url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}})
		w.token = str(got, "access_token")
		w.do("GET", "/WhoAmI", nil).refused(403, "0x80072560")
	})
	t.Run("personal accounts and unknown directories", func(t *testing.T) {
		for tenant, number := range map[string]string{"consumers": "9002332", "nobody.example": "90002"} {
			res, err := http.PostForm(w.srv.URL+"/"+tenant+"/oauth2/v2.0/token", url.Values{})
			must(t, err)
			b, err := io.ReadAll(res.Body)
			must(t, err)
			res.Body.Close()
			if !strings.Contains(string(b), number) {
				t.Errorf("%s: got %s", tenant, b)
			}
		}
	})
}

func TestTokensThatFail(t *testing.T) {
	w := newWorld(t)
	refresh := w.signIn(haruto)
	again := func() url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	}
	fails := func(form url.Values, want int, code string, number float64) {
		t.Helper()
		status, m := w.tokens(form)
		numbers, _ := m["error_codes"].([]any)
		if status != want || str(m, "error") != code || len(numbers) != 1 || numbers[0] != number {
			t.Fatalf("got %d %v, want %d %s %v", status, m, want, code, number)
		}
	}
	wrong := again()
	wrong.Set("client_id", "client")
	wrong.Set("client_secret", "x")
	fails(wrong, 401, "invalid_client", 7000215)
	fails(url.Values{"grant_type": {"client_credentials"}}, 400, "unsupported_grant_type", 70003)
	must(t, w.box.SetTokenError(haruto, 50076))
	fails(again(), 400, "interaction_required", 50076)
	must(t, w.box.SetTokenError(haruto, 0))
	must(t, w.box.SetQuirks(dynamics.Quirks{SecretExpired: true}))
	fails(again(), 401, "invalid_client", 7000222)
	must(t, w.box.SetQuirks(dynamics.Quirks{}))
	must(t, w.box.ExpireAccess(haruto))
	w.do("GET", "/WhoAmI", nil).want(401)
	if status, _ := w.tokens(again()); status != 200 {
		t.Fatal("the refresh token died with the access token")
	}
	must(t, w.box.RevokeUser(haruto))
	fails(again(), 400, "invalid_grant", 50173)
	if w.box.SetTokenError(haruto, 1) == nil {
		t.Error("an unknown number was taken")
	}
}
