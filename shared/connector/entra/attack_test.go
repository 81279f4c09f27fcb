package entra_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector/entra"
	"meibo/shared/oauth"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// server is a token endpoint that answers with a body.
func server(t *testing.T, status int, body string) (entra.Platform, *http.Client) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return entra.Platform{Authority: srv.URL, Tenant: entra.Organizations, Scopes: []string{"https://x.example/go"}, Needed: "https://x.example/go", What: "the things",
		Clock: clock.NewVirtual(start, true)}, srv.Client()
}

func TestNothingOfAnAnswerGetsIntoAnError(t *testing.T) {
	const secret = "hanako-secret"
	id := "h." + base64.RawURLEncoding.EncodeToString([]byte(`{"tid":"`+secret+`"}`)) + ".s"
	for what, a := range map[string]struct {
		status int
		body   string
	}{
		"a refusal with the token in it": {400, `{"error":"invalid_grant","error_description":"AADSTS70000: ` + secret + `"}`},
		"a word of its own":              {400, `{"error":"` + secret + `","error_description":"` + secret + `","error_uri":"https://x/` + secret + `"}`},
		"a web page":                     {200, "<html>" + secret},
		"half an answer":                 {200, `{"access_token":"` + secret},
		"no token":                       {200, `{"refresh_token":"` + secret + `"}`},
		"nobody":                         {200, `{"access_token":"` + secret + `","refresh_token":"` + secret + `","id_token":"` + id + `"}`},
		"no way to go on":                {200, `{"access_token":"` + secret + `","expires_in":3600}`},
		"a failure":                      {500, secret},
	} {
		t.Run(what, func(t *testing.T) {
			p, hc := server(t, a.status, a.body)
			c := oauth.Client{ID: "id", Secret: "client-secret"}
			_, err := p.Exchange(t.Context(), hc, c, oauth.Return{Query: url.Values{"code": {"code-secret"}}, RedirectURI: "https://m.example", Verifier: "verifier-secret"})
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("exchange: got %v", err)
			}
			if _, err := p.Refresh(t.Context(), hc, c, oauth.Token{Refresh: "refresh-secret"}); err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("refresh: got %v", err)
			}
		})
	}
}

func TestATokenOfUnknownLifeIsNotRenewedForEachCall(t *testing.T) {
	for _, life := range []string{`null`, `0`, `-5`, `99999999999`, `"3600"`} {
		p, hc := server(t, 200, `{"access_token":"a","refresh_token":"r","token_type":"Bearer","expires_in":`+life+`}`)
		got, err := p.Refresh(t.Context(), hc, oauth.Client{ID: "id", Secret: "s"}, oauth.Token{Refresh: "r"})
		if err != nil {
			continue // such an answer is not taken at all
		}
		if left := got.Expiry.Sub(start); !got.Expiry.IsZero() && left < 10*time.Minute {
			t.Errorf("expires_in %s: it expires after %s, so that every call renews it", life, left)
		}
	}
}
