package entra_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/connector/entra"
	"meibo/shared/oauth"
)

func TestExchangeAndRefresh(t *testing.T) {
	status, answer := 200, map[string]any{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/organizations/oauth2/v2.0/token" {
			t.Errorf("asked at %s", r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer srv.Close()
	p := entra.Platform{Authority: srv.URL + "/", Tenant: entra.Organizations, Scopes: []string{"openid", "https://x.example/go"}, Needed: "https://x.example/go", What: "the things"}
	c := oauth.Client{ID: "id", Secret: "s"}
	claims := func(s string) string { return "h." + base64.RawURLEncoding.EncodeToString([]byte(s)) + ".s" }
	whole := func(change func(map[string]any)) map[string]any {
		m := map[string]any{"access_token": "a", "refresh_token": "r2", "expires_in": 3600, "token_type": "Bearer", "scope": "openid go", "id_token": claims(`{"tid":"t","oid":"o"}`)}
		if change != nil {
			change(m)
		}
		return m
	}
	exchange := func() (oauth.Token, error) {
		return p.Exchange(t.Context(), srv.Client(), c, oauth.Return{Query: url.Values{"code": {"x"}}, RedirectURI: "https://m.example", Verifier: "v"})
	}
	t.Run("says who signed in", func(t *testing.T) {
		answer = whole(nil)
		got, err := exchange()
		if err != nil || got.Access != "a" || got.Refresh != "r2" || got.Extra[entra.ExtraTenant] != "t" || got.Extra[entra.ExtraObject] != "o" || got.Expiry.IsZero() {
			t.Errorf("%v, %v", got.Extra, err)
		}
	})
	t.Run("refuses what is not enough", func(t *testing.T) {
		for name, change := range map[string]func(map[string]any){
			"scope":   func(m map[string]any) { m["scope"] = "openid" },
			"offline": func(m map[string]any) { delete(m, "refresh_token") },
		} {
			answer = whole(change)
			_, err := exchange()
			var refused *oauth.RefusedError
			if !errors.As(err, &refused) || refused.Code != name {
				t.Errorf("%s: got error %v", name, err)
			}
		}
		for _, id := range []any{nil, "", "x.y", "a.!.c", claims(`{"tid":"t"}`), claims(`[]`)} {
			answer = whole(func(m map[string]any) { m["id_token"] = id })
			if _, err := exchange(); !errors.Is(err, connector.ErrTransient) {
				t.Errorf("identity %v: got error %v", id, err)
			}
		}
	})
	t.Run("a loss is told apart", func(t *testing.T) {
		status = 400
		defer func() { status = 200 }()
		for description, want := range map[string]string{
			"AADSTS50173: revoked": "", "AADSTS65001: not consented": oauth.AdminWithdrawn, "AADSTS53003: blocked": oauth.AdminBlocked,
		} {
			answer = map[string]any{"error": "invalid_grant", "error_description": description}
			_, err := p.Refresh(t.Context(), srv.Client(), c, oauth.Token{Refresh: "r"})
			var refused *oauth.RefusedError
			if want == "" && !errors.Is(err, oauth.ErrRevoked) || want != "" && (!errors.As(err, &refused) || refused.Code != want) {
				t.Errorf("%s: got error %v", description, err)
			}
		}
		answer = map[string]any{"error": "invalid_client"}
		if _, err := p.Refresh(t.Context(), srv.Client(), c, oauth.Token{Refresh: "r"}); !errors.Is(err, oauth.ErrClient) {
			t.Errorf("got error %v", err)
		}
		answer = map[string]any{"error": "temporarily_unavailable"}
		if _, err := p.Refresh(t.Context(), srv.Client(), c, oauth.Token{Refresh: "r"}); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("without a refresh token there is nothing to renew", func(t *testing.T) {
		if _, err := p.Refresh(t.Context(), nil, c, oauth.Token{}); !errors.Is(err, oauth.ErrRevoked) {
			t.Errorf("got error %v", err)
		}
	})
}
