package pipedrive_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/oauth"
)

// tokenServer answers the token paths; form and credentials of the last request are kept.
type tokenServer struct {
	*httptest.Server
	status     int
	body       string
	path       string
	form       url.Values
	user, pass string
}

func newTokenServer(t *testing.T) (*tokenServer, pipedrive.Provider) {
	s := &tokenServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.form, _ = url.ParseQuery(string(b))
		s.path = r.URL.Path
		s.user, s.pass, _ = r.BasicAuth()
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
	}))
	t.Cleanup(s.Close)
	return s, pipedrive.Provider{Endpoints: pipedrive.Endpoints{Auth: s.URL}, Clock: clock.NewVirtual(start, true)}
}

var client = oauth.Client{ID: "client", Secret: "s3cret"}

func tokenBody(apiDomain, scope string) string {
	return fmt.Sprintf(`{"access_token":"a1","token_type":"Bearer","refresh_token":"r1","scope":%q,"expires_in":3599,"api_domain":%q}`, scope, apiDomain)
}

func TestAuthCodeURL(t *testing.T) {
	got := pipedrive.Provider{}.AuthCodeURL(client, oauth.AuthRequest{RedirectURI: "https://m.example/cb", State: "st", Challenge: "c", LoginHint: "x@y.example"})
	if want := "https://oauth.pipedrive.com/oauth/authorize?client_id=client&redirect_uri=https%3A%2F%2Fm.example%2Fcb&state=st"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestExchange(t *testing.T) {
	s, p := newTokenServer(t)
	code := url.Values{"code": {"c0de"}, "state": {"st"}}
	s.status, s.body = 200, tokenBody(domain, "base,contacts:full,webhooks:full")
	got, err := p.Exchange(t.Context(), s.Client(), client, oauth.Return{Query: code, RedirectURI: "https://m.example/cb", Verifier: "verifier"})
	want := oauth.Token{Access: "a1", Refresh: "r1", Expiry: start.Add(3599 * time.Second), Scopes: []string{"base", "contacts:full", "webhooks:full"}, Extra: map[string]string{pipedrive.ExtraAPIDomain: domain}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if want := (url.Values{"grant_type": {"authorization_code"}, "code": {"c0de"}, "redirect_uri": {"https://m.example/cb"}}); s.path != "/oauth/token" || s.user != "client" || s.pass != "s3cret" || !reflect.DeepEqual(s.form, want) {
		t.Errorf("asked %s as %s with %v", s.path, s.user, s.form)
	}
	for name, c := range map[string]struct {
		query  url.Values
		status int
		body   string
		code   string // of the refusal; "" for another error
		is     error
	}{
		"the user said no":               {url.Values{"error": {"user_denied"}}, 200, "", "user_denied", nil},
		"an error that nobody knows":     {url.Values{"error": {"<b>secret</b>"}}, 200, "", "unknown", nil},
		"no code":                        {url.Values{}, 200, "", "no_code", nil},
		"a code that is too old":         {code, 400, `{"success":false,"error":"Invalid grant: authorization_code is invalid"}`, "invalid_grant", nil},
		"the same by the standard":       {code, 400, `{"error":"invalid_grant"}`, "invalid_grant", nil},
		"a client that is not known":     {code, 400, `{"error":"Invalid client: client is invalid"}`, "", oauth.ErrClient},
		"an address that is not ours":    {code, 400, `Invalid request: redirect_uri does not match`, "", oauth.ErrClient},
		"a right that was not given":     {code, 200, tokenBody(domain, "base"), "scope_missing", nil},
		"a host that is not Pipedrive's": {code, 200, tokenBody("https://pipedrive.com.evil.example", ""), "unknown_api_domain", nil},
		"a host that only looks like it": {code, 200, tokenBody("https://evil.example/.pipedrive.com", ""), "unknown_api_domain", nil},
		"a host without encryption":      {code, 200, tokenBody("http://x.pipedrive.com", ""), "unknown_api_domain", nil},
		"a host with somebody's name":    {code, 200, tokenBody("https://u@x.pipedrive.com", ""), "unknown_api_domain", nil},
		"no host":                        {code, 200, tokenBody("", ""), "unknown_api_domain", nil},
		"no refresh token":               {code, 200, `{"access_token":"a1","api_domain":"` + domain + `"}`, "no_refresh_token", nil},
		"a server that is not well":      {code, 503, "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s.status, s.body = c.status, c.body
			_, err := p.Exchange(t.Context(), s.Client(), client, oauth.Return{Query: c.query, RedirectURI: "https://m.example/cb", Verifier: ""})
			var no *oauth.RefusedError
			switch {
			case err == nil:
				t.Error("no error")
			case c.code != "" && (!errors.As(err, &no) || no.Code != c.code || no.Cure == ""):
				t.Errorf("got %v, want refused with %s", err, c.code)
			case c.code == "" && errors.As(err, &no), c.is != nil && !errors.Is(err, c.is):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRefresh(t *testing.T) {
	s, p := newTokenServer(t)
	old := oauth.Token{Access: "a0", Refresh: "r0", Scopes: []string{"base"}, Extra: map[string]string{pipedrive.ExtraAPIDomain: "https://old.pipedrive.com", "x": "y"}}
	t.Run("the company's host is learnt anew, and what the answer lacks stays", func(t *testing.T) {
		s.status, s.body = 200, `{"access_token":"a1","expires_in":3600,"api_domain":"https://new.pipedrive.com/"}`
		got, err := p.Refresh(t.Context(), s.Client(), client, old)
		want := oauth.Token{Access: "a1", Refresh: "r0", Expiry: start.Add(time.Hour), Scopes: []string{"base"}, Extra: map[string]string{pipedrive.ExtraAPIDomain: "https://new.pipedrive.com", "x": "y"}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
		if old.Extra[pipedrive.ExtraAPIDomain] != "https://old.pipedrive.com" {
			t.Error("the old token was changed")
		}
		if want := (url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"r0"}}); !reflect.DeepEqual(s.form, want) || s.pass != "s3cret" {
			t.Errorf("asked with %v", s.form)
		}
	})
	for name, c := range map[string]struct {
		status int
		body   string
		want   error // nil: neither of the two
	}{
		"a dead token":               {400, `{"error":"Invalid grant: refresh_token is invalid"}`, oauth.ErrRevoked},
		"a dead token, by standard":  {400, `{"error":"invalid_grant","error_description":"x"}`, oauth.ErrRevoked},
		"a client that is not known": {401, `{"error":"invalid_client"}`, oauth.ErrClient},
		"a 400 that does not say":    {400, `{"error":"Bad request"}`, nil},
		"a 500":                      {500, `invalid_grant`, nil},
		"no JSON":                    {200, `x`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s.status, s.body = c.status, c.body
			_, err := p.Refresh(t.Context(), s.Client(), client, old)
			if err == nil || errors.Is(err, oauth.ErrRevoked) != (c.want == oauth.ErrRevoked) || errors.Is(err, oauth.ErrClient) != (c.want == oauth.ErrClient) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	s, p := newTokenServer(t)
	for status, ok := range map[int]bool{200: true, 500: false} {
		s.status, s.body = status, ""
		if err := p.Revoke(t.Context(), s.Client(), client, oauth.Token{Refresh: "r0", Access: "a0"}); (err == nil) != ok {
			t.Errorf("%d: %v", status, err)
		}
	}
	if s.path != "/oauth/revoke" || s.form.Get("token") != "r0" || s.user != "client" {
		t.Errorf("asked %s with %v", s.path, s.form)
	}
}

func TestAuthorize(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	pipedrive.Provider{}.Authorize(r, oauth.Token{Access: "a1"})
	if got := r.Header.Get("Authorization"); got != "Bearer a1" {
		t.Errorf("got %q", got)
	}
}
