package graph_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"meibo/shared/sandbox/graph"
)

const verifier = "a-verifier-of-at-least-43-characters-for-the-code-flow"

// challenge is verifier's S256 challenge.
const challenge = "kqFeIrwWA-ObpCZBCl5jjBC46Ir-S_k7ErteCz8pVQ8"

// page sends the sign-in form and returns where it redirects to.
func (w *world) page(tenant, path string, q, form url.Values) url.Values {
	w.t.Helper()
	res, err := noRedirects().PostForm(w.srv.URL+"/"+tenant+path+"?"+q.Encode(), form)
	must(w.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(w.t, err)
	at, err := res.Location()
	if err != nil {
		w.t.Fatalf("got %d %s, want a redirect", res.StatusCode, body)
	}
	return at.Query()
}

func ask(scopes string) url.Values {
	return url.Values{"client_id": {"client"}, "redirect_uri": {callback}, "response_type": {"code"}, "response_mode": {"query"}, "scope": {scopes}, "state": {"s1"},
		"nonce": {"n1"}, "prompt": {"select_account"}}
}

const usual = "openid profile email offline_access https://graph.microsoft.com/Contacts.ReadWrite User.Read"

func allow(user, scopes string) url.Values {
	return url.Values{"user": {user}, "decision": {"allow"}, "scope": strings.Fields(scopes)}
}

func (w *world) connect(tenant, user string) url.Values {
	w.t.Helper()
	return w.page(tenant, "/oauth2/v2.0/authorize", ask(usual), allow(user, usual))
}

// tokens posts to the token path.
func (w *world) tokens(tenant string, form url.Values) (int, fields) {
	w.t.Helper()
	for k, v := range map[string]string{"client_id": "client", "client_secret": "secret"} {
		if !form.Has(k) {
			form.Set(k, v)
		}
	}
	res, err := http.PostForm(w.srv.URL+"/"+tenant+"/oauth2/v2.0/token", form)
	must(w.t, err)
	defer res.Body.Close()
	var body fields
	must(w.t, json.NewDecoder(res.Body).Decode(&body))
	return res.StatusCode, body
}

func (w *world) redeem(tenant, code string) fields {
	w.t.Helper()
	status, body := w.tokens(tenant, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}})
	if status != 200 {
		w.t.Fatalf("got %d %v", status, body)
	}
	return body
}

func (w *world) refresh(token string) (int, fields) {
	w.t.Helper()
	return w.tokens("common", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "scope": {usual}})
}

// number is the AADSTS number of a token error, whose body must be as documented.
func number(t *testing.T, body fields) int {
	t.Helper()
	codes, _ := body["error_codes"].([]any)
	if len(codes) != 1 || str(body, "trace_id") == "" || str(body, "correlation_id") == "" || str(body, "timestamp") == "" || str(body, "error_uri") == "" {
		t.Fatalf("got %v", body)
	}
	n, _ := codes[0].(float64)
	return int(n)
}

func TestSignInGivesTokensThatProveWhoItIs(t *testing.T) {
	w := newWorld(t)
	back := w.connect("common", aiko)
	equal(t, "state", back.Get("state"), "s1")
	got := w.redeem("common", back.Get("code"))
	equal(t, "scope", str(got, "scope"), "openid profile email https://graph.microsoft.com/Contacts.ReadWrite https://graph.microsoft.com/User.Read")
	w.token = str(got, "access_token")
	me := w.do("GET", "/me", nil).want(200)

	var config fields
	get := func(at string, into any) {
		res, err := http.Get(at)
		must(t, err)
		defer res.Body.Close()
		must(t, json.NewDecoder(res.Body).Decode(into))
	}
	get(w.srv.URL+"/common/v2.0/.well-known/openid-configuration", &config)
	equal(t, "issuer", str(config, "issuer"), w.srv.URL+"/{tenantid}/v2.0")
	var keys jose.JSONWebKeySet
	get(str(config, "jwks_uri"), &keys)
	signed, err := jose.ParseSignedCompact(str(got, "id_token"), []jose.SignatureAlgorithm{jose.RS256})
	must(t, err)
	payload, err := signed.Verify(keys.Keys[0])
	must(t, err)
	var claims fields
	must(t, json.Unmarshal(payload, &claims))
	equal(t, "oid", str(claims, "oid"), me.str("id"))
	equal(t, "nonce", str(claims, "nonce"), "n1")
	equal(t, "preferred_username", str(claims, "preferred_username"), aiko)
	equal(t, "iss", str(claims, "iss"), w.srv.URL+"/"+str(claims, "tid")+"/v2.0")
	if str(claims, "sub") == str(claims, "oid") || str(claims, "sub") == "" {
		t.Error("sub is not pairwise")
	}

	t.Run("a code is good once", func(t *testing.T) {
		status, body := w.tokens("common", url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {callback}})
		equal(t, "status", status, 400)
		equal(t, "number", number(t, body), 70008)
	})
	t.Run("refreshing rotates, and the old token goes on", func(t *testing.T) {
		old := str(got, "refresh_token")
		status, first := w.refresh(old)
		equal(t, "status", status, 200)
		if str(first, "refresh_token") == old || str(first, "id_token") == "" {
			t.Fatalf("got %v", first)
		}
		status, second := w.refresh(old)
		equal(t, "old token", status, 200)
		w.token = str(second, "access_token")
		w.do("GET", "/me/contacts", nil).want(200)
		status, _ = w.refresh(str(first, "refresh_token"))
		equal(t, "new token", status, 200)
	})
}

func TestSignInIsRefused(t *testing.T) {
	w := newWorld(t)
	must(t, w.box.AddUser(graph.User{Email: "boss@contoso.example", Name: "Boss", Admin: graph.GlobalAdministrator}))
	must(t, w.box.AddUser(graph.User{Email: "eve@fabrikam.example", Name: "Eve"}))
	must(t, w.box.AddUser(graph.User{Email: "me@outlook.example", Name: "Me", Tenant: graph.PersonalTenant}))
	must(t, w.box.AddUser(graph.User{Email: "off@contoso.example", Name: "Off", Disabled: true}))
	refused := func(name string, back url.Values, number string) {
		t.Helper()
		if back.Get("error") != "access_denied" && back.Get("error") != "invalid_grant" || !strings.HasPrefix(back.Get("error_description"), "AADSTS"+number+": ") || back.Has("code") || back.Get("state") != "s1" {
			t.Errorf("%s: got %v, want AADSTS%s", name, back, number)
		}
	}
	deny := allow(aiko, usual)
	deny.Set("decision", "deny")
	refused("cancelled", w.page("common", "/oauth2/v2.0/authorize", ask(usual), deny), "65004")
	refused("another directory", w.connect("contoso.example", "eve@fabrikam.example"), "50020")
	refused("a personal account", w.connect("organizations", "me@outlook.example"), "500208")
	refused("a work account", w.connect("consumers", aiko), "500208")
	refused("a disabled account", w.connect("common", "off@contoso.example"), "50057")
	must(t, w.box.SetAdminConsentRequired(aiko, true))
	refused("needs an administrator", w.connect("common", aiko), "90094")
	if back := w.connect("common", "boss@contoso.example"); back.Get("code") == "" {
		t.Errorf("the administrator got %v", back)
	}
	if back := w.connect("consumers", "me@outlook.example"); back.Get("code") == "" {
		t.Errorf("the personal account got %v", back)
	}
	must(t, w.box.GrantAdminConsent(aiko, []string{"Contacts.ReadWrite", "User.Read"}, nil))
	if back := w.connect("contoso.example", aiko); back.Get("code") == "" {
		t.Errorf("after consent: got %v", back)
	}
	q := ask(usual)
	q.Set("prompt", "none")
	if back := w.page("common", "/oauth2/v2.0/authorize", q, allow(aiko, usual)); back.Get("error") != "interaction_required" {
		t.Errorf("prompt=none: got %v", back)
	}
	res, err := http.Get(w.srv.URL + "/nowhere.example/oauth2/v2.0/authorize?" + ask(usual).Encode())
	must(t, err)
	res.Body.Close()
	equal(t, "an unknown tenant", res.StatusCode, 400)
}

func TestTokenErrors(t *testing.T) {
	w := newWorld(t)
	got := w.redeem("common", w.connect("common", aiko).Get("code"))
	token := str(got, "refresh_token")
	check := func(name string, status int, body fields, wantStatus int, code string, want int) {
		t.Helper()
		if n := number(t, body); status != wantStatus || str(body, "error") != code || n != want {
			t.Errorf("%s: got %d %s %d, want %d %s %d", name, status, str(body, "error"), n, wantStatus, code, want)
		}
	}
	form := func(more ...string) url.Values {
		v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	status, body := w.tokens("common", form("client_secret", "wrong"))
	check("wrong secret", status, body, 401, "invalid_client", 7000215)
	status, body = w.tokens("common", form("client_secret", ""))
	check("no secret", status, body, 401, "invalid_client", 7000218)
	status, body = w.tokens("common", form("client_id", "x"))
	check("unknown client", status, body, 400, "unauthorized_client", 700016)
	status, body = w.tokens("common", form("grant_type", "password"))
	check("grant type", status, body, 400, "unsupported_grant_type", 70003)
	status, body = w.tokens("nowhere.example", form())
	check("tenant", status, body, 400, "invalid_request", 90002)
	must(t, w.box.SetQuirks(graph.Quirks{SecretExpired: true}))
	status, body = w.refresh(token)
	check("expired secret", status, body, 401, "invalid_client", 7000222)
	must(t, w.box.SetQuirks(graph.Quirks{}))
	must(t, w.box.SetTokenError(aiko, 50076))
	status, body = w.refresh(token)
	check("more proof", status, body, 400, "interaction_required", 50076)
	must(t, w.box.SetTokenError(aiko, 0))
	w.clock.Advance(91 * 24 * time.Hour)
	status, body = w.refresh(token)
	check("90 days later", status, body, 400, "invalid_grant", 700082)
	must(t, w.box.RevokeUser(aiko))
	status, body = w.refresh(token)
	check("revoked", status, body, 400, "invalid_grant", 50173)
}

func TestPKCEIsChecked(t *testing.T) {
	w := newWorld(t)
	q := ask(usual)
	q.Set("code_challenge", challenge)
	q.Set("code_challenge_method", "S256")
	code := w.page("common", "/oauth2/v2.0/authorize", q, allow(aiko, usual)).Get("code")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {"another"}}
	status, body := w.tokens("common", form)
	equal(t, "status", status, 400)
	equal(t, "number", number(t, body), 501481)
	form.Set("code_verifier", verifier)
	if status, body := w.tokens("common", form); status != 200 {
		t.Errorf("got %d %v", status, body)
	}
}

func TestAdminConsent(t *testing.T) {
	w := newWorld(t)
	must(t, w.box.AddUser(graph.User{Email: "boss@contoso.example", Name: "Boss", Admin: graph.GlobalAdministrator}))
	must(t, w.box.AddUser(graph.User{Email: "eve@fabrikam.example", Name: "Eve", Admin: graph.GlobalAdministrator}))
	q := url.Values{"client_id": {"client"}, "redirect_uri": {callback}, "scope": {"https://graph.microsoft.com/.default"}, "state": {"s1"}}
	consent := func(tenant, user, decision string) url.Values {
		t.Helper()
		return w.page(tenant, "/v2.0/adminconsent", q, url.Values{"user": {user}, "decision": {decision}})
	}
	app := url.Values{"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"}}
	clone := func() url.Values { c, _ := url.ParseQuery(app.Encode()); return c }
	status, body := w.tokens("contoso.example", clone())
	equal(t, "before consent", number(t, body), 700016)
	equal(t, "status", status, 400)

	for name, c := range map[string]struct{ tenant, user, decision, err, number string }{
		"declined":          {"organizations", "boss@contoso.example", "deny", "consent_required", "65004"},
		"no administrator":  {"organizations", aiko, "allow", "access_denied", "90094"},
		"another directory": {"contoso.example", "eve@fabrikam.example", "allow", "access_denied", "50020"},
	} {
		got := consent(c.tenant, c.user, c.decision)
		if got.Get("admin_consent") != "True" || got.Get("error") != c.err || !strings.HasPrefix(got.Get("error_description"), "AADSTS"+c.number) || got.Get("state") != "s1" {
			t.Errorf("%s: got %v", name, got)
		}
	}
	got := consent("organizations", "boss@contoso.example", "allow")
	if got.Get("admin_consent") != "True" || got.Has("error") || got.Get("scope") == "" {
		t.Fatalf("got %v", got)
	}
	id := w.put(seed("A"))[0]
	status, body = w.tokens(got.Get("tenant"), clone())
	equal(t, "after consent", status, 200)
	w.token = str(body, "access_token")
	w.do("GET", "/users/"+aiko+"/contacts/"+id, nil).want(200)
	w.do("PATCH", "/users/"+aiko+"/contacts/"+id, fields{"jobTitle": "x"}).want(200)
	w.do("GET", "/me/contacts", nil).want(400)
	w.do("GET", "/users/eve@fabrikam.example/contacts", nil).want(404)
	status, body = w.tokens("common", clone())
	equal(t, "at common", status, 400)
	equal(t, "number", number(t, body), 9001023)
	res, err := http.Get(w.srv.URL + "/common/v2.0/adminconsent?" + q.Encode())
	must(t, err)
	res.Body.Close()
	equal(t, "the page at common", res.StatusCode, 400)
}
