package google_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/google"
	"meibo/shared/oauth"
)

const redirect = "https://meibo.example/callback"

func provider(origin string, clk clock.Clock) google.Provider {
	return google.Provider{Clock: clk, Endpoints: google.Endpoints{
		AuthURL: origin + "/o/oauth2/v2/auth", TokenURL: origin + "/token", RevokeURL: origin + "/revoke",
	}}
}

// consent does what a browser does on the sandbox's consent page, and returns the callback's query.
func consent(t *testing.T, address string, scopes ...string) url.Values {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"user": {user}, "scope": scopes, "decision": {"allow"}}
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		t.Fatalf("the consent page answered %s: %v", resp.Status, err)
	}
	return to.Query()
}

// signIn gets a token for the box's user by the whole code flow.
func signIn(t *testing.T, origin string, clk clock.Clock) oauth.Token {
	t.Helper()
	p, verifier := provider(origin, clk), oauth2.GenerateVerifier()
	address := p.AuthCodeURL(app, oauth.AuthRequest{RedirectURI: redirect, State: "st", Challenge: oauth2.S256ChallengeFromVerifier(verifier), LoginHint: user})
	back := consent(t, address, "openid", "email", "profile", google.ScopeContacts)
	if back.Get("state") != "st" {
		t.Fatalf("the callback has state %q", back.Get("state"))
	}
	tok, err := p.Exchange(context.Background(), http.DefaultClient, app, oauth.Return{Query: back, RedirectURI: redirect, Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestSignInOverTheSandbox(t *testing.T) {
	b := newBox(t, nil)
	p, ctx := provider(b.url, b.clock), context.Background()
	tok := signIn(t, b.url, b.clock)
	t.Run("who it is", func(t *testing.T) {
		who, err := b.connector().Identify(ctx)
		if err != nil || who.Email != user || who.AccountID == "" || who.Name != "Aiko Tanaka" {
			t.Errorf("got %+v, %v", who, err)
		}
	})
	t.Run("a refreshed token works", func(t *testing.T) {
		again, err := p.Refresh(ctx, http.DefaultClient, app, tok)
		if err != nil || again.Access == tok.Access || again.Refresh != tok.Refresh {
			t.Fatalf("refreshed: other access token %v, same refresh token %v, %v", again.Access != tok.Access, again.Refresh == tok.Refresh, err)
		}
	})
	t.Run("an unticked scope is refused", func(t *testing.T) {
		verifier := oauth2.GenerateVerifier()
		c := newBox(t, nil) // another sandbox, where contacts were never granted
		if err := c.sb.RevokeUser(user); err != nil {
			t.Fatal(err)
		}
		p := provider(c.url, c.clock)
		address := p.AuthCodeURL(app, oauth.AuthRequest{RedirectURI: redirect, State: "st", Challenge: oauth2.S256ChallengeFromVerifier(verifier)})
		address = strings.Replace(address, "include_granted_scopes=true", "include_granted_scopes=false", 1)
		_, err := p.Exchange(ctx, http.DefaultClient, app, oauth.Return{Query: consent(t, address, "openid", "email"), RedirectURI: redirect, Verifier: verifier})
		var refused *oauth.RefusedError
		if !errors.As(err, &refused) || refused.Code != "scope" {
			t.Errorf("got %v, want it refused for its scope", err)
		}
	})
	t.Run("a narrowed scope asks to reconnect", func(t *testing.T) {
		c := newBox(t, nil)
		if err := c.sb.SetScopes(user, []string{"openid"}); err != nil {
			t.Fatal(err)
		}
		var lost *connector.AuthLostError
		if _, err := c.connector().Changes(ctx, connector.Scope{}, ""); !errors.As(err, &lost) || !strings.Contains(lost.Cure, "tick") {
			t.Errorf("got %v, want an AuthLostError that says what to tick", err)
		}
	})
	t.Run("an API that is off is ours", func(t *testing.T) {
		c := newBox(t, nil)
		if err := c.sb.SetDisabled(true); err != nil {
			t.Fatal(err)
		}
		if _, err := c.connector().Changes(ctx, connector.Scope{}, ""); !errors.Is(err, connector.ErrMisconfigured) {
			t.Errorf("got %v, want ErrMisconfigured", err)
		}
	})
	t.Run("given back is revoked, and giving back twice is no error", func(t *testing.T) {
		for range 2 {
			if err := p.Revoke(ctx, http.DefaultClient, app, tok); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Refresh(ctx, http.DefaultClient, app, tok); !errors.Is(err, oauth.ErrRevoked) {
			t.Errorf("got %v, want ErrRevoked", err)
		}
	})
}
