package httpapi

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"meibo/shared/directory"
	"meibo/shared/oauth"
)

// Every reason has its words in both languages, and somebody who can do something.
func TestAdminWords(t *testing.T) {
	for _, code := range []string{oauth.AdminNot, oauth.AdminDenied, oauth.AdminElsewhere, oauth.AdminBlocked, oauth.AdminStep, oauth.AdminDisabled, oauth.AdminWithdrawn,
		directory.CodeRegistration, directory.CodeUnavailable} {
		w, ok := adminWords[code]
		if !ok || w.what.en == "" || w.what.ja == "" || w.cure.en == "" || w.cure.ja == "" || w.who == "" {
			t.Errorf("%s: got %+v", code, w)
		}
	}
	if w := adminWordsFor("unheard of", nil); w.what.en == "" {
		t.Error("a code that nobody knows has no words")
	}
}

// refusing is a flow whose directory has a rule about addresses.
type refusing struct{}

func (refusing) Arrive(context.Context, string, url.Values) (directory.Arrival, error) {
	return directory.Arrival{}, &oauth.RefusedError{Code: oauth.AdminBlocked, Reason: "r", Cure: "c"}
}

// SM9: who has to admit Meibo's addresses is told them.
func TestEgressAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		addresses []string
		want      string
	}{
		"known": {[]string{"203.0.113.7", "203.0.113.8"}, "203.0.113.7, 203.0.113.8"},
		"none":  {nil, "ask its operator"},
	} {
		t.Run(name, func(t *testing.T) {
			h := NewConsent(ConsentConfig{Directories: refusing{}, EgressAddresses: c.addresses, SystemName: func(s string) string { return s },
				PublicURL: "https://meibo.example", Log: slog.New(slog.DiscardHandler), NewID: func() string { return "1" }})
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest("GET", AdminPath("x")+"?state=s", nil))
			if rec.Code != 400 || !strings.Contains(rec.Body.String(), c.want) {
				t.Errorf("got %d %s", rec.Code, rec.Body)
			}
		})
	}
}
