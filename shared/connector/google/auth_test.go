package google_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/google"
	"meibo/shared/oauth"
)

var app = oauth.Client{ID: "app", Secret: "hush"}

// tokens returns a provider whose token and revoke endpoints answer with status and body, and the forms that it was sent.
func tokens(t *testing.T, status int, body string) (google.Provider, *http.Client, *[]url.Values) {
	t.Helper()
	var forms []url.Values
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.Header.Get("Authorization") != "" {
			t.Errorf("%s with authorization %q, %v", r.Method, r.Header.Get("Authorization"), err)
		}
		forms = append(forms, r.PostForm)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return google.Provider{
		Endpoints: google.Endpoints{AuthURL: srv.URL + "/auth", TokenURL: srv.URL + "/token", RevokeURL: srv.URL + "/revoke"},
		Clock:     clock.NewVirtual(start, true),
	}, srv.Client(), &forms
}

func TestTheBrowserIsSentForLastingConsent(t *testing.T) {
	got, err := url.Parse(google.Provider{}.AuthCodeURL(app, oauth.AuthRequest{RedirectURI: "https://m.example/cb", State: "st", Challenge: "ch", LoginHint: "a@example.com"}))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"client_id": {"app"}, "redirect_uri": {"https://m.example/cb"}, "response_type": {"code"}, "state": {"st"},
		"scope": {"openid email profile " + google.ScopeContacts}, "access_type": {"offline"}, "prompt": {"consent"},
		"include_granted_scopes": {"true"}, "code_challenge": {"ch"}, "code_challenge_method": {"S256"}, "login_hint": {"a@example.com"},
	}
	if !reflect.DeepEqual(got.Query(), want) || got.Host != "accounts.google.com" {
		t.Errorf("got %s\nwant %s", got, want.Encode())
	}
}

func TestExchange(t *testing.T) {
	const all = `"scope":"openid https://www.googleapis.com/auth/contacts"`
	for name, tc := range map[string]struct {
		status int
		body   string
		check  func(oauth.Token, error) bool
	}{
		"gives a token that lasts": {200, `{"access_token":"a","refresh_token":"r","expires_in":3599,"token_type":"Bearer",` + all + `}`, func(k oauth.Token, err error) bool {
			return err == nil && k.Access == "a" && k.Refresh == "r" && k.Expiry.Equal(start.Add(3599*time.Second)) && len(k.Scopes) == 2
		}},
		"refuses an unticked scope":           {200, `{"access_token":"a","refresh_token":"r","expires_in":3599,"token_type":"Bearer","scope":"openid https://www.googleapis.com/auth/contacts.readonly"}`, refusedWith("scope")},
		"refuses one without a refresh token": {200, `{"access_token":"a","expires_in":3599,"token_type":"Bearer",` + all + `}`, refusedWith("offline")},
		"a used code is revoked":              {400, `{"error":"invalid_grant","error_description":"Bad Request"}`, is(oauth.ErrRevoked)},
		"a wrong secret is ours":              {401, `{"error":"invalid_client","error_description":"Unauthorized"}`, is(oauth.ErrClient)},
		"a 503 is transient":                  {503, `<html>`, is(connector.ErrTransient)},
	} {
		t.Run(name, func(t *testing.T) {
			p, hc, forms := tokens(t, tc.status, tc.body)
			tok, err := p.Exchange(context.Background(), hc, app, oauth.Return{Query: url.Values{"code": {"c"}, "state": {"s"}}, RedirectURI: "https://m.example/cb", Verifier: "verifier"})
			if !tc.check(tok, err) {
				t.Errorf("got %+v, %v", tok, err)
			}
			want := url.Values{"grant_type": {"authorization_code"}, "code": {"c"}, "redirect_uri": {"https://m.example/cb"}, "code_verifier": {"verifier"}, "client_id": {"app"}, "client_secret": {"hush"}}
			if len(*forms) != 1 || !reflect.DeepEqual((*forms)[0], want) {
				t.Errorf("sent %v, want %v", *forms, want)
			}
		})
	}
}

func is(want error) func(oauth.Token, error) bool {
	return func(_ oauth.Token, err error) bool { return errors.Is(err, want) }
}

func refusedWith(code string) func(oauth.Token, error) bool {
	return func(_ oauth.Token, err error) bool {
		var r *oauth.RefusedError
		return errors.As(err, &r) && r.Code == code && r.Cure != ""
	}
}

func TestRefresh(t *testing.T) {
	old := oauth.Token{Access: "old", Refresh: "r", Scopes: []string{"x"}, Extra: map[string]string{"k": "v"}}
	for name, tc := range map[string]struct {
		status int
		body   string
		check  func(oauth.Token, error) bool
	}{
		"keeps the refresh token": {200, `{"access_token":"new","expires_in":100,"token_type":"Bearer"}`, func(k oauth.Token, err error) bool {
			return err == nil && k.Access == "new" && k.Refresh == "r" && k.Extra["k"] == "v" && k.Scopes[0] == "x" && k.Expiry.Equal(start.Add(100*time.Second))
		}},
		"takes a new refresh token":   {200, `{"access_token":"new","refresh_token":"r2","expires_in":100,"token_type":"Bearer"}`, func(k oauth.Token, err error) bool { return err == nil && k.Refresh == "r2" }},
		"invalid_grant is the end":    {400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`, is(oauth.ErrRevoked)},
		"so is a time-limited grant":  {400, `{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)","error_subtype":"invalid_rapt"}`, is(oauth.ErrRevoked)},
		"invalid_client is ours":      {401, `{"error":"invalid_client"}`, is(oauth.ErrClient)},
		"a 429 is transient":          {429, `{"error":"rate_limit_exceeded"}`, is(connector.ErrTransient)},
		"an unreadable 200 transient": {200, `<html>`, is(connector.ErrTransient)},
	} {
		t.Run(name, func(t *testing.T) {
			p, hc, _ := tokens(t, tc.status, tc.body)
			tok, err := p.Refresh(context.Background(), hc, app, old)
			if !tc.check(tok, err) {
				t.Errorf("got %+v, %v", tok, err)
			}
			if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), `"r"`)) {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	t.Run("nothing to refresh with is the end", func(t *testing.T) {
		if _, err := (google.Provider{}).Refresh(context.Background(), http.DefaultClient, app, oauth.Token{}); !errors.Is(err, oauth.ErrRevoked) {
			t.Errorf("got %v, want ErrRevoked", err)
		}
	})
}

func TestRevoke(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"gives back":               {200, `{}`, nil},
		"what is gone is no error": {400, `{"error":"invalid_token","error_description":"Token expired or revoked"}`, nil},
		"a 503 is transient":       {503, ``, connector.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			p, hc, forms := tokens(t, tc.status, tc.body)
			err := p.Revoke(context.Background(), hc, app, oauth.Token{Access: "a", Refresh: "r"})
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if got := (*forms)[0].Get("token"); got != "r" {
				t.Errorf("gave back %q, want the refresh token", got)
			}
		})
	}
}
