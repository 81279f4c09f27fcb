package graph_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/oauth"
	graphbox "meibo/shared/sandbox/graph"
)

func TestSigningIn(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	p := b.provider()
	b.token = b.signIn(user)
	t.Run("the request asks for what is needed", func(t *testing.T) {
		address, _, scopes := b.ask()
		u, err := url.Parse(address)
		b.must(err)
		q := u.Query()
		for k, want := range map[string]string{"response_type": "code", "response_mode": "query", "prompt": "select_account", "login_hint": user,
			"code_challenge_method": "S256", "state": "st", "redirect_uri": redirect, "client_id": app().ID} {
			if q.Get(k) != want {
				t.Errorf("%s is %q, want %q", k, q.Get(k), want)
			}
		}
		if got := strings.Join(scopes, " "); u.Path != "/common/oauth2/v2.0/authorize" || got != "openid profile email offline_access https://graph.microsoft.com/Contacts.ReadWrite https://graph.microsoft.com/User.Read" {
			t.Errorf("at %s for %s", u.Path, got)
		}
		if q.Get("code_challenge") == "" || strings.Contains(address, app().Secret) {
			t.Error("no challenge, or the secret is in the address")
		}
	})
	t.Run("who it is", func(t *testing.T) {
		who, err := b.connector().Identify(ctx)
		tenant := b.token.Extra[graph.ExtraTenant]
		if err != nil || who.Email != user || who.Name != "Aiko Tanaka" || tenant == "" || who.AccountID != tenant+"/"+b.token.Extra[graph.ExtraObject] || who.CompanyID != tenant {
			t.Errorf("got %+v, %v", who, err)
		}
	})
	t.Run("who it is without an identity token", func(t *testing.T) {
		who, err := b.connector(func(c *graph.Config) { c.Extra = nil }).Identify(ctx)
		if err != nil || who.AccountID != b.token.Extra[graph.ExtraObject] {
			t.Errorf("got %+v, %v; want Graph's own id", who, err)
		}
	})
	t.Run("a refreshed token works and replaces the refresh token, and the old one goes on", func(t *testing.T) {
		again, err := p.Refresh(ctx, http.DefaultClient, app(), b.token)
		b.must(err)
		if again.Access == b.token.Access || again.Refresh == b.token.Refresh || again.Extra[graph.ExtraObject] == "" || !again.Expiry.After(b.clock.Now()) {
			t.Errorf("other access %v, other refresh %v, extra %v, until %s", again.Access != b.token.Access, again.Refresh != b.token.Refresh, again.Extra, again.Expiry)
		}
		if _, err := p.Refresh(ctx, http.DefaultClient, app(), b.token); err != nil {
			t.Errorf("the old one: %v", err)
		}
	})
	t.Run("withdrawn consent", func(t *testing.T) {
		for _, code := range []int{50173, 700082} {
			b.must(b.sb.SetTokenError(user, code))
			if _, err := p.Refresh(ctx, http.DefaultClient, app(), b.token); !errors.Is(err, oauth.ErrRevoked) {
				t.Errorf("%d: got error %v, want ErrRevoked", code, err)
			}
		}
		b.must(b.sb.SetTokenError(user, 0))
	})
	t.Run("our own secret has ended", func(t *testing.T) {
		b.must(b.sb.SetQuirks(graphbox.Quirks{SecretExpired: true}))
		if _, err := p.Refresh(ctx, http.DefaultClient, app(), b.token); !errors.Is(err, oauth.ErrClient) {
			t.Errorf("got error %v, want ErrClient", err)
		}
		b.must(b.sb.SetQuirks(graphbox.Quirks{}))
	})
	t.Run("nothing is given back, since that would end every session of the person", func(t *testing.T) {
		b.must(p.Revoke(ctx, nil, app(), b.token))
		if _, err := p.Refresh(ctx, http.DefaultClient, app(), b.token); err != nil {
			t.Errorf("the authorisation is gone: %v", err)
		}
	})
	t.Run("no refresh token", func(t *testing.T) {
		if _, err := p.Refresh(ctx, nil, app(), oauth.Token{}); !errors.Is(err, oauth.ErrRevoked) {
			t.Errorf("got error %v, want ErrRevoked", err)
		}
	})
}

// wantRefused checks that consent was refused with a code, in words that repeat nothing of the callback's.
func wantRefused(t *testing.T, err error, code string) {
	t.Helper()
	var r *oauth.RefusedError
	if !errors.As(err, &r) || r.Code != code || r.Reason == "" || r.Cure == "" || strings.Contains(r.Error(), "AADSTS") {
		t.Errorf("got error %v, want it refused for %q", err, code)
	}
}

func TestConsentThatComesToNothing(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	p := b.provider()
	exchange := func(q url.Values) error {
		_, err := p.Exchange(ctx, http.DefaultClient, app(), oauth.Return{Query: q, RedirectURI: redirect, Verifier: "v"})
		return err
	}
	address, _, scopes := b.ask()
	t.Run("cancelled", func(t *testing.T) {
		q := b.consent(address, user, "deny", scopes...)
		wantRefused(t, p.Declined(q), "denied")
		wantRefused(t, exchange(q), "denied")
	})
	t.Run("an administrator has to approve", func(t *testing.T) {
		c := newBox(t, nil, graphbox.User{})
		c.must(c.sb.SetAdminConsentRequired(user, true))
		at, _, scopes := c.ask()
		q := c.consent(at, user, "allow", scopes...)
		wantRefused(t, c.provider().Declined(q), "admin_consent")
	})
	t.Run("another directory", func(t *testing.T) {
		only := b.provider()
		only.Endpoints.Tenant = "consumers"
		at := only.AuthCodeURL(app(), oauth.AuthRequest{RedirectURI: redirect, State: "st", Challenge: "c"})
		q := b.consent(at, user, "allow", scopes...)
		if q.Get("error") == "" {
			t.Fatal("the sandbox let the account in")
		}
		wantRefused(t, p.Declined(q), "wrong_account")
	})
	t.Run("a code that was used", func(t *testing.T) {
		at, verifier, scopes := b.ask()
		q := b.consent(at, user, "allow", scopes...)
		if _, err := p.Exchange(ctx, http.DefaultClient, app(), oauth.Return{Query: q, RedirectURI: redirect, Verifier: verifier}); err != nil {
			t.Fatal(err)
		}
		_, err := p.Exchange(ctx, http.DefaultClient, app(), oauth.Return{Query: q, RedirectURI: redirect, Verifier: verifier})
		var r *oauth.RefusedError
		if !errors.As(err, &r) && !errors.Is(err, oauth.ErrRevoked) {
			t.Errorf("got error %v, want it refused", err)
		}
	})
	t.Run("no code", func(t *testing.T) { wantRefused(t, exchange(url.Values{}), "code") })
	for description, want := range map[string]string{
		"AADSTS65004: User declined to consent.": "denied", "AADSTS90095: Admin consent is required": "admin_consent", "AADSTS700016": "not_in_company",
		"AADSTS50105 not assigned": "wrong_account", "AADSTS7000112": "switched_off", "AADSTS50057": "disabled_user", "AADSTS53003": "extra_step",
		"AADSTS99999999": "denied", "anything <b>at all</b>": "denied", "": "denied",
	} {
		wantRefused(t, p.Declined(url.Values{"error": {"access_denied"}, "error_description": {description}}), want)
	}
	if err := p.Declined(url.Values{"error": {"server_error"}}); !errors.Is(err, connector.ErrTransient) {
		t.Errorf("server_error: got error %v, want ErrTransient", err)
	}
	if err := p.Declined(url.Values{"error": {"unauthorized_client"}}); !errors.Is(err, oauth.ErrClient) {
		t.Errorf("unauthorized_client: got error %v, want ErrClient", err)
	}
}

func TestTokenAnswers(t *testing.T) {
	const idToken = `h.eyJ0aWQiOiJUIiwib2lkIjoiTyIsInByZWZlcnJlZF91c2VybmFtZSI6ImFAeCJ9.s` // {"tid":"T","oid":"O","preferred_username":"a@x"}
	good := `"access_token":"a","refresh_token":"r","expires_in":3599,"token_type":"Bearer"`
	for name, c := range map[string]struct {
		status int
		body   string
		code   string // of a RefusedError
		is     error
	}{
		"less than was asked for": {200, `{` + good + `,"scope":"openid User.Read","id_token":"` + idToken + `"}`, "scope", nil},
		"no refresh token":        {200, `{"access_token":"a","expires_in":3599,"token_type":"Bearer","scope":"Contacts.ReadWrite","id_token":"` + idToken + `"}`, "offline", nil},
		"no identity":             {200, `{` + good + `,"scope":"Contacts.ReadWrite"}`, "", connector.ErrTransient},
		"an odd identity":         {200, `{` + good + `,"scope":"Contacts.ReadWrite","id_token":"h.!!.s"}`, "", connector.ErrTransient},
		"an administrator needed": {400, `{"error":"invalid_grant","error_description":"AADSTS90094: secret-word"}`, "admin_consent", nil},
		"a grant that is over":    {400, `{"error":"invalid_grant","error_description":"AADSTS70008: secret-word"}`, "", oauth.ErrRevoked},
		"an extra step":           {400, `{"error":"interaction_required","error_description":"AADSTS50076: secret-word"}`, "extra_step", nil},
		"our secret":              {401, `{"error":"invalid_client","error_description":"AADSTS7000215: secret-word"}`, "", oauth.ErrClient},
		"not available":           {503, `{"error":"temporarily_unavailable","error_description":"secret-word"}`, "", connector.ErrTransient},
		"no JSON":                 {200, `<html>secret-word</html>`, "", connector.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer srv.Close()
			p := graph.Provider{Clock: newServer(t, nil).clock, Endpoints: graph.Endpoints{Authority: srv.URL}}
			_, err := p.Exchange(ctx, srv.Client(), app(), oauth.Return{Query: url.Values{"code": {"c"}}, RedirectURI: redirect, Verifier: "v"})
			if c.code != "" {
				wantRefused(t, err, c.code)
			} else if !errors.Is(err, c.is) {
				t.Errorf("got error %v, want %v", err, c.is)
			}
			if strings.Contains(fmt.Sprint(err), "secret-word") {
				t.Errorf("the error repeats what was answered: %v", err)
			}
		})
	}
}
