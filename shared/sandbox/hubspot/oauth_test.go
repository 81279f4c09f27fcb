package hubspot_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/contract"
	"meibo/shared/sandbox/hubspot"
)

// authorize answers the consent page and returns the callback's parameters.
func (w *world) authorize(user string, q, form url.Values) url.Values {
	w.Helper()
	all := url.Values{"client_id": {"client"}, "redirect_uri": {back}, "scope": {"oauth crm.objects.contacts.read"}, "state": {"s1"}}
	for k, v := range q {
		all[k] = v
	}
	full := url.Values{"user": {user}, "decision": {"allow"}}
	for k, v := range form {
		full[k] = v
	}
	page, _ := w.request("GET", "/oauth/authorize?"+all.Encode(), nil)
	w.send(page).want(200)
	r, _ := w.request("POST", "/oauth/authorize?"+all.Encode(), full.Encode(), header("Content-Type", "application/x-www-form-urlencoded"))
	a := w.send(r).want(302)
	u, err := url.Parse(a.header.Get("Location"))
	must(w.T, err)
	equal(w.T, "state", u.Query().Get("state"), "s1")
	return u.Query()
}

// form posts a form and checks it against the documents.
func (w *world) form(path string, pairs ...string) *answer {
	w.Helper()
	f := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return w.call("POST", path, f.Encode(), header("Content-Type", "application/x-www-form-urlencoded"))
}

func (w *world) exchange(code string, more ...string) *answer {
	w.Helper()
	return w.form("/oauth/v3/token", append([]string{"grant_type", "authorization_code", "client_id", "client", "client_secret", "secret", "code", code, "redirect_uri", back}, more...)...)
}

func (w *world) refresh(token string) *answer {
	w.Helper()
	return w.form("/oauth/2026-09/token", "grant_type", "refresh_token", "client_id", "client", "client_secret", "secret", "refresh_token", token)
}

func (w *world) get(path, token string) *answer {
	w.Helper()
	return w.call("GET", path, nil, header("Authorization", "Bearer "+token))
}

func TestSigningIn(t *testing.T) {
	w := newWorld(t)
	code := w.authorize(mira, nil, nil).Get("code")
	a := w.exchange(code).want(200)
	contract.SameShape(t, "$", any(a.body), any(sample[map[string]any](t, "token-response")))
	equal(t, "life", whole(a.body["expires_in"]), 1800)
	equal(t, "scopes", fmt.Sprint(a.body["scopes"]), "[oauth crm.objects.contacts.read]")
	w.exchange(code).want(400)
	access, token := str(a.body["access_token"]), str(a.body["refresh_token"])
	w.get(contacts, access).want(200)
	denied := w.get("/crm/v3/lists?listIds=1", access).refused(403, "MISSING_SCOPES", "scopes")
	equal(t, "wanted", fmt.Sprint(denied.list("errors")[0]["context"]), "map[requiredGranularScopes:[crm.lists.read]]")
	equal(t, "a denial", w.authorize(mira, nil, url.Values{"decision": {"deny"}}).Get("error"), "access_denied")

	w.clock.Advance(30 * time.Minute)
	w.get(contacts, access).refused(401, "EXPIRED_AUTHENTICATION", "expired")
	w.get(contacts, "pat-eu1-x").refused(401, "INVALID_AUTHENTICATION", "")
	again := w.refresh(token).want(200)
	equal(t, "the refresh token stays", str(again.body["refresh_token"]), token)
	w.get(contacts, str(again.body["access_token"])).want(200)

	t.Run("a second consent shares the refresh token, and revoking ends both", func(t *testing.T) {
		second := w.exchange(w.authorize(mira, url.Values{"scope": {"oauth"}}, nil).Get("code")).want(200)
		equal(t, "refresh token", str(second.body["refresh_token"]), token)
		w.get(contacts, str(again.body["access_token"])).want(200)
		w.form("/oauth/v3/token/revoke", "client_id", "client", "client_secret", "secret", "token", token).want(204)
		e := w.refresh(token).want(400)
		equal(t, "error", fmt.Sprint(e.body), fmt.Sprint(sample[map[string]any](t, "token-error")))
		w.get(contacts, str(again.body["access_token"])).want(401)
		w.get("/account-info/v3/details", str(second.body["access_token"])).want(401)
	})
	t.Run("access tokens may outlive it", func(t *testing.T) {
		must(t, w.box.SetQuirks(hubspot.Quirks{RevokeKeepsAccess: true, PlainToken: true, RotateRefresh: true}))
		a := w.exchange(w.authorize(mira, nil, nil).Get("code")).want(200)
		equal(t, "no user", a.body["user_id"], any(nil))
		fresh := str(w.refresh(str(a.body["refresh_token"])).want(200).body["refresh_token"])
		w.refresh(str(a.body["refresh_token"])).want(400)
		w.form("/oauth/v3/token/revoke", "client_id", "client", "client_secret", "secret", "token", fresh).want(204)
		w.refresh(fresh).want(400)
		w.get(contacts, str(a.body["access_token"])).want(200)
	})
}

func TestScopesOfAnInstallation(t *testing.T) {
	w := newWorld(t)
	w.addUser(hubspot.User{Email: tarmo, Scopes: []string{"crm.objects.contacts.read", "crm.lists.read"}})
	q := url.Values{"optional_scope": {"crm.lists.read crm.schemas.contacts.write"}}
	scopes := func(user string, form url.Values) string {
		return fmt.Sprint(w.exchange(w.authorize(user, q, form).Get("code")).want(200).body["scopes"])
	}
	equal(t, "all", scopes(mira, nil), "[oauth crm.objects.contacts.read crm.lists.read crm.schemas.contacts.write]")
	equal(t, "what the account lacks is dropped", scopes(tarmo, nil), "[oauth crm.objects.contacts.read crm.lists.read]")
	equal(t, "unticked", scopes(mira, url.Values{"scope": {"oauth"}}), "[oauth crm.objects.contacts.read]")
	refuse := func(q url.Values, user string, status int) {
		t.Helper()
		all := url.Values{"client_id": {"client"}, "redirect_uri": {back}, "scope": {"oauth"}}
		for k, v := range q {
			all[k] = v
		}
		r, _ := w.request("POST", "/oauth/authorize?"+all.Encode(), url.Values{"user": {user}, "decision": {"allow"}}.Encode(), header("Content-Type", "application/x-www-form-urlencoded"))
		w.send(r).want(status)
	}
	refuse(url.Values{"scope": {"oauth crm.objects.contacts.write"}}, tarmo, 403)
	refuse(url.Values{"scope": {"oauth tickets"}}, mira, 400)
	refuse(url.Values{"prompt": {"consent"}}, mira, 400)
	refuse(url.Values{"redirect_uri": {"https://elsewhere.example/"}}, mira, 400)
	refuse(url.Values{"client_id": {"other"}}, mira, 401)
	must(t, w.box.SetScopes(mira, []string{"oauth"}))
	w.call("GET", contacts, nil, as(w, tarmo)).want(200)
	must(t, w.box.SetScopes(tarmo, []string{"oauth"}))
	w.call("GET", contacts, nil, as(w, tarmo)).want(403)
}

func TestTokenRequestsAreChecked(t *testing.T) {
	w := newWorld(t)
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	pkce := url.Values{"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	w.exchange(w.authorize(mira, pkce, nil).Get("code"), "code_verifier", "wrong").want(400)
	w.exchange(w.authorize(mira, pkce, nil).Get("code"), "code_verifier", verifier).want(200)
	w.form("/oauth/v1/token", "grant_type", "authorization_code", "client_id", "client", "client_secret", "secret", "redirect_uri", back, "code", w.authorize(mira, nil, nil).Get("code")).want(200)
	status := func(want string, pairs ...string) {
		t.Helper()
		equal(t, strings.Join(pairs, " "), str(w.form("/oauth/v3/token", pairs...).want(400).body["status"]), want)
	}
	status("BAD_CLIENT_ID", "grant_type", "refresh_token")
	status("BAD_CLIENT_SECRET", "grant_type", "refresh_token", "client_id", "client", "client_secret", "x", "refresh_token", "x")
	status("BAD_REFRESH_TOKEN", "grant_type", "refresh_token", "client_id", "client", "client_secret", "secret", "refresh_token", "x")
	status("BAD_GRANT_TYPE", "grant_type", "password", "client_id", "client", "client_secret", "secret")
	status("BAD_AUTH_CODE", "grant_type", "authorization_code", "client_id", "client", "client_secret", "secret", "redirect_uri", back, "code", "x")
	status("BAD_REQUEST", "grant_type", "refresh_token", "audience", "x")
	basic, _ := w.request("POST", "/oauth/v3/token", "grant_type=refresh_token&refresh_token=x&client_id=client&client_secret=secret", header("Content-Type", "application/x-www-form-urlencoded"))
	basic.SetBasicAuth("client", "secret")
	equal(t, "Basic", str(w.send(basic).want(400).body["status"]), "BAD_CLIENT_ID")
	r, _ := w.request("POST", "/oauth/v3/token", `{"grant_type":"refresh_token"}`)
	w.send(r).want(400)
	r, _ = w.request("GET", "/oauth/v2/token", nil)
	w.send(r).want(404)
}

func TestIntrospection(t *testing.T) {
	w := newWorld(t)
	access, refresh, err := w.box.Issue(mira, "oauth")
	must(t, err)
	hub, user, _, err := w.box.Portal(mira)
	must(t, err)
	ask := func(pairs ...string) *answer {
		t.Helper()
		return w.form("/oauth/v3/token/introspect", append([]string{"client_id", "client", "client_secret", "secret"}, pairs...)...)
	}
	for _, pairs := range [][]string{{"token", access}, {"access_token", access, "token_type_hint", "access_token"}, {"token", access, "access_token", access}, {"token", refresh}} {
		a := ask(pairs...).want(200)
		equal(t, "user", str(a.body["user"]), mira)
		equal(t, "ids", fmt.Sprint(whole(a.body["hub_id"]), whole(a.body["user_id"])), fmt.Sprint(hub, user))
	}
	w.clock.Advance(time.Minute)
	equal(t, "left", whole(ask("token", access).body["expires_in"]), 1740)
	ask("token", access, "access_token", "other").want(400)
	w.form("/oauth/v3/token/revoke", "client_id", "client", "client_secret", "secret", "token", access).want(400)
	w.form("/oauth/v3/token/revoke", "client_id", "client", "client_secret", "wrong", "token", refresh).want(400)
	w.form("/oauth/v3/token/revoke", "client_id", "other", "client_secret", "secret", "token", refresh).want(400)
	ask().want(400)
	must(t, w.box.SetQuirks(hubspot.Quirks{IntrospectToken: "token"}))
	ask("access_token", access).want(400)
	must(t, w.box.ExpireAccess(mira))
	r, _ := w.request("POST", "/oauth/v3/token/introspect", "client_id=client&client_secret=secret&token="+access, header("Content-Type", "application/x-www-form-urlencoded"))
	equal(t, "dead", w.send(r).want(200).body["active"], any(false))
}

func TestUninstalling(t *testing.T) {
	w := newWorld(t)
	w.addUser(hubspot.User{Email: tarmo})
	w.addUser(hubspot.User{Email: aiko})
	_, refresh, err := w.box.Issue(tarmo)
	must(t, err)
	other, _, err := w.box.Issue(aiko)
	must(t, err)
	w.call("DELETE", "/appinstalls/2026-09/external-install", nil).want(204)
	w.call("GET", contacts, nil).want(401)
	w.refresh(refresh).want(400)
	w.get(contacts, other).want(200)
	must(t, w.box.Uninstall(aiko))
	w.get(contacts, other).want(401)
	if err := w.box.RevokeUser("nobody@ecospin.example"); err == nil {
		t.Fatal("an unknown user was revoked")
	}
	must(t, w.box.RevokeUser(mira))
}

func TestAccountsAreApart(t *testing.T) {
	w := newWorld(t)
	w.addUser(hubspot.User{Email: tarmo})
	w.addUser(hubspot.User{Email: aiko})
	id := w.person("firstname", "Jon", "email", "jon@nordkai.example")
	w.call("GET", contacts+"/"+id, nil, as(w, tarmo)).want(200)
	w.call("GET", contacts+"/"+id, nil, as(w, aiko)).want(404)
	w.call("POST", contacts, properties("email", "jon@nordkai.example"), as(w, aiko)).want(201)
	if err := w.box.AddUser(hubspot.User{Email: mira, Portal: "hoshi.example"}); err == nil {
		t.Fatal("a user changed the portal")
	}
	var none *http.Request
	none, _ = w.request("GET", contacts, nil)
	none.Header.Del("Authorization")
	w.send(none).refused(401, "INVALID_AUTHENTICATION", "")
}
