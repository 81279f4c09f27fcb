package zoho_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector/zoho"
	"meibo/shared/oauth"
)

var ourClient = oauth.Client{ID: "1000.CLIENT", Secret: "the-client-secret"}

// accounts is a scripted accounts server.
type accounts struct {
	status int
	body   string
	err    error
	to     string
	form   url.Values
	asked  int
}

func (a *accounts) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked++
	a.to = r.URL.String()
	b, _ := io.ReadAll(r.Body)
	a.form, _ = url.ParseQuery(string(b))
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

const issued = `{"access_token":"acc","refresh_token":"ref","api_domain":"https://www.zohoapis.jp","token_type":"Bearer","expires_in":3600}`

func provider() zoho.Provider { return zoho.Provider{Clock: clock.NewVirtual(start, true)} }

func callback(kv ...string) url.Values {
	v := url.Values{"code": {"the-code"}, "location": {"jp"}, "accounts-server": {"https://accounts.zoho.jp"}}
	for i := 0; i < len(kv); i += 2 {
		v.Set(kv[i], kv[i+1])
	}
	return v
}

func exchange(a *accounts, p zoho.Provider, cb url.Values) (oauth.Token, error) {
	return p.Exchange(ctx, &http.Client{Transport: a}, ourClient, oauth.Return{Query: cb, RedirectURI: "https://meibo.example/cb", Verifier: "the-verifier"})
}

// secretless fails if err tells anything that belongs to nobody.
func secretless(t *testing.T, err error) {
	t.Helper()
	for _, s := range []string{"the-client-secret", "the-code", "the-verifier", "ref", "acc "} {
		if err != nil && s != "ref" && strings.Contains(err.Error(), s) {
			t.Errorf("the error tells %q: %v", s, err)
		}
	}
}

func TestAuthCodeURL(t *testing.T) {
	u, err := url.Parse(provider().AuthCodeURL(ourClient, oauth.AuthRequest{RedirectURI: "https://meibo.example/cb", State: "st", Challenge: "ch", LoginHint: "a@example.jp"}))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme+"://"+u.Host+u.Path != "https://accounts.zoho.com/oauth/v2/auth" {
		t.Errorf("address %s", u)
	}
	for k, want := range map[string]string{"response_type": "code", "access_type": "offline", "prompt": "consent", "client_id": ourClient.ID, "state": "st",
		"code_challenge": "ch", "code_challenge_method": "S256", "login_hint": "a@example.jp", "redirect_uri": "https://meibo.example/cb",
		"scope": strings.Join(zoho.Scopes(), ",")} {
		if got := q.Get(k); got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
}

func TestExchange(t *testing.T) {
	t.Run("asks the accounts server of the callback and keeps where to call", func(t *testing.T) {
		a := &accounts{status: 200, body: issued}
		tok, err := exchange(a, provider(), callback())
		if err != nil {
			t.Fatal(err)
		}
		if a.to != "https://accounts.zoho.jp/oauth/v2/token" {
			t.Errorf("asked %s", a.to)
		}
		for k, want := range map[string]string{"grant_type": "authorization_code", "code": "the-code", "code_verifier": "the-verifier", "client_secret": ourClient.Secret, "redirect_uri": "https://meibo.example/cb"} {
			if a.form.Get(k) != want {
				t.Errorf("%s is %q, want %q", k, a.form.Get(k), want)
			}
		}
		if tok.Access != "acc" || tok.Refresh != "ref" || !tok.Expiry.Equal(start.Add(time.Hour)) ||
			tok.Extra[zoho.ExtraAPIDomain] != "https://www.zohoapis.jp" || tok.Extra[zoho.ExtraAccountsServer] != "https://accounts.zoho.jp" {
			t.Errorf("token %+v", tok)
		}
	})
	t.Run("calls no host that is not Zoho's", func(t *testing.T) {
		for _, host := range []string{"https://accounts.zoho.jp.evil.example", "http://accounts.zoho.jp", "https://evil.example", "https://accounts.zoho.jp@evil.example", "https://www.zohoapis.jp", "https://accounts.zoho.jp/x"} {
			a := &accounts{status: 200, body: issued}
			_, err := exchange(a, provider(), callback("accounts-server", host))
			var no *oauth.RefusedError
			if !errors.As(err, &no) || no.Code != "unknown_accounts_server" || a.asked != 0 {
				t.Errorf("%s: got %v after %d requests", host, err, a.asked)
			}
		}
	})
	t.Run("refuses an API that is not Zoho's", func(t *testing.T) {
		for _, host := range []string{"https://www.zohoapis.jp.evil.example", "http://www.zohoapis.jp", "https://accounts.zoho.jp", ""} {
			_, err := exchange(&accounts{status: 200, body: strings.Replace(issued, "https://www.zohoapis.jp", host, 1)}, provider(), callback())
			var no *oauth.RefusedError
			if !errors.As(err, &no) || no.Code != "unknown_api_domain" {
				t.Errorf("%s: got %v", host, err)
			}
		}
	})
	t.Run("accepts every data centre, developer organisations, and configured origins", func(t *testing.T) {
		for server, api := range map[string]string{
			"https://accounts.zoho.com": "https://www.zohoapis.com", "https://accounts.zoho.eu": "https://sandbox.zohoapis.eu",
			"https://accounts.zoho.com.au": "https://developer.zohoapis.com.au", "https://accounts.zohocloud.ca": "https://www.zohoapis.ca",
			"http://127.0.0.1:9/dc/jp": "http://127.0.0.1:9/dc/jp",
		} {
			p := provider()
			p.Origins = []string{"http://127.0.0.1:9/dc/jp/"}
			if _, err := exchange(&accounts{status: 200, body: strings.Replace(issued, "https://www.zohoapis.jp", api, 1)}, p, callback("accounts-server", server)); err != nil {
				t.Errorf("%s with %s: %v", server, api, err)
			}
		}
	})
	t.Run("checks the scopes that were given, by commas or by spaces", func(t *testing.T) {
		most := slices.DeleteFunc(zoho.Scopes(), func(s string) bool { return s == "ZohoCRM.coql.READ" })
		for _, sep := range []string{",", " "} {
			with := func(scopes []string) string {
				return strings.Replace(issued, `{`, `{"scope":"`+strings.Join(scopes, sep)+`",`, 1)
			}
			_, err := exchange(&accounts{status: 200, body: with(most)}, provider(), callback())
			var no *oauth.RefusedError
			if !errors.As(err, &no) || no.Code != "scope_missing" || !strings.Contains(no.Reason, "ZohoCRM.coql.READ") {
				t.Errorf("one missing: got %v", err)
			}
			tok, err := exchange(&accounts{status: 200, body: with(append(most, "ZohoCRM.coql.ALL"))}, provider(), callback())
			if err != nil || !slices.Contains(tok.Scopes, "ZohoCRM.coql.ALL") {
				t.Errorf("ALL for READ: %v, %v", tok.Scopes, err)
			}
		}
	})
	t.Run("tells whose fault a refusal is, whatever the status", func(t *testing.T) {
		for word, want := range map[string]func(error) bool{
			"invalid_client":        func(err error) bool { return errors.Is(err, oauth.ErrClient) },
			"invalid_client_secret": func(err error) bool { return errors.Is(err, oauth.ErrClient) },
			"invalid_code":          func(err error) bool { var e *oauth.RefusedError; return errors.As(err, &e) && e.Cure != "" },
			"general_error": func(err error) bool {
				var e *oauth.RefusedError
				return err != nil && !errors.As(err, &e) && !errors.Is(err, oauth.ErrClient) && !errors.Is(err, oauth.ErrRevoked)
			},
		} {
			for _, status := range []int{200, 400} {
				_, err := exchange(&accounts{status: status, body: `{"error":"` + word + `"}`}, provider(), callback())
				if !want(err) {
					t.Errorf("%s with %d: got %v", word, status, err)
				}
				secretless(t, err)
			}
		}
	})
	t.Run("refuses a consent that was not given", func(t *testing.T) {
		for name, row := range map[string]struct {
			cb   url.Values
			body string
			code string
		}{
			"denied":             {url.Values{"error": {"access_denied"}}, issued, "access_denied"},
			"no code":            {url.Values{}, issued, "no_code"},
			"no refresh token":   {callback(), strings.Replace(issued, `"refresh_token":"ref",`, "", 1), "no_refresh_token"},
			"a name of anything": {url.Values{"error": {"<script>"}}, issued, "unknown"},
		} {
			_, err := exchange(&accounts{status: 200, body: row.body}, provider(), row.cb)
			var no *oauth.RefusedError
			if !errors.As(err, &no) || no.Code != row.code || no.Cure == "" {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
	t.Run("a server in trouble is no refusal", func(t *testing.T) {
		for name, a := range map[string]*accounts{
			"HTML": {status: 200, body: "<html>"}, "503": {status: 503, body: "{}"}, "a cut": {err: errors.New("the-code was cut")},
		} {
			_, err := exchange(a, provider(), callback())
			var no *oauth.RefusedError
			if err == nil || errors.As(err, &no) || errors.Is(err, oauth.ErrClient) || errors.Is(err, oauth.ErrRevoked) {
				t.Errorf("%s: got %v", name, err)
			}
			secretless(t, err)
		}
	})
}

func TestRefresh(t *testing.T) {
	old := oauth.Token{Access: "old", Refresh: "ref", Scopes: []string{"x"}, Extra: map[string]string{zoho.ExtraAPIDomain: "https://www.zohoapis.eu", zoho.ExtraAccountsServer: "https://accounts.zoho.eu"}}
	refresh := func(a *accounts, t oauth.Token) (oauth.Token, error) {
		return provider().Refresh(ctx, &http.Client{Transport: a}, ourClient, t)
	}
	t.Run("asks the server that issued the token and keeps the rest", func(t *testing.T) {
		a := &accounts{status: 200, body: `{"access_token":"new","api_domain":"https://www.zohoapis.eu","expires_in":3600}`}
		tok, err := refresh(a, old)
		if err != nil {
			t.Fatal(err)
		}
		if a.to != "https://accounts.zoho.eu/oauth/v2/token" || a.form.Get("refresh_token") != "ref" || a.form.Get("grant_type") != "refresh_token" {
			t.Errorf("asked %s with %v", a.to, a.form)
		}
		if tok.Access != "new" || tok.Refresh != "ref" || !slices.Equal(tok.Scopes, old.Scopes) || !tok.Expiry.Equal(start.Add(time.Hour)) {
			t.Errorf("token %+v", tok)
		}
		if old.Access != "old" {
			t.Error("the old token was changed")
		}
	})
	t.Run("tells revoked, ours and transient apart", func(t *testing.T) {
		for body, want := range map[string]error{
			`{"error":"invalid_code"}`:   oauth.ErrRevoked,
			`{"error":"invalid_client"}`: oauth.ErrClient,
			`{"error":"Access Denied","error_description":"You have made too many requests continuously.","status":"failure"}`: nil,
			`<html>`: nil,
		} {
			_, err := refresh(&accounts{status: 200, body: body}, old)
			if err == nil || errors.Is(err, oauth.ErrRevoked) != (want == oauth.ErrRevoked) || errors.Is(err, oauth.ErrClient) != (want == oauth.ErrClient) {
				t.Errorf("%s: got %v, want %v", body, err, want)
			}
		}
	})
	t.Run("sends nothing to a host that is not Zoho's", func(t *testing.T) {
		a := &accounts{status: 200, body: issued}
		bad := old
		bad.Extra = map[string]string{zoho.ExtraAccountsServer: "https://evil.example"}
		if _, err := refresh(a, bad); err == nil || a.asked != 0 {
			t.Errorf("got %v after %d requests", err, a.asked)
		}
	})
}

func TestRevoke(t *testing.T) {
	tok := oauth.Token{Refresh: "ref", Extra: map[string]string{zoho.ExtraAccountsServer: "https://accounts.zoho.in"}}
	for body, ok := range map[string]bool{`{"status":"success"}`: true, `{"error":"invalid_token"}`: true, `{"error":"invalid_code"}`: true, `{"error":"general_error"}`: false} {
		a := &accounts{status: 200, body: body}
		err := provider().Revoke(ctx, &http.Client{Transport: a}, ourClient, tok)
		if (err == nil) != ok {
			t.Errorf("%s: got %v", body, err)
		}
		if a.to != "https://accounts.zoho.in/oauth/v2/token/revoke" || a.form.Get("token") != "ref" {
			t.Errorf("asked %s with %v", a.to, a.form)
		}
	}
}

func TestAuthorizeUsesZohosScheme(t *testing.T) {
	r, _ := http.NewRequest(http.MethodGet, "https://www.zohoapis.jp", nil)
	provider().Authorize(r, oauth.Token{Access: "acc"})
	if got := r.Header.Get("Authorization"); got != "Zoho-oauthtoken acc" {
		t.Errorf("got %q", got)
	}
}
