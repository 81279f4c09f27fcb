package httpapi_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/httpapi"
	"meibo/shared/oauth"
)

// arrived is a consent of somebody whose names are whatever they chose.
type arrived struct {
	noFlow
	oauth.Outcome
}

func (a arrived) Arrive(context.Context, url.Values) (oauth.Outcome, string, error) {
	return a.Outcome, "c0de", nil
}

// Whoever sent a person to the confirmation has chosen their own name, and the person's name is the vendor's word: neither may change
// what the page says.
func TestNamesOnTheConfirmation(t *testing.T) {
	for name, hostile := range map[string]string{
		"markup":            `</dd><script>alert(1)</script><form action="https://evil.example">`,
		"an attribute":      `" onmouseover="alert(1)`,
		"another direction": "\u202egro.live@nimda\u2066",
		"lines":             "x\r\n\r\nIs yours",
		"bytes":             "\xff\xfe\x00",
		"length":            strings.Repeat("long ", 50_000),
		"no width":          strings.Repeat("\u200b", 1000) + "x",
	} {
		t.Run(name, func(t *testing.T) {
			who := connector.Identity{AccountID: "1", Email: hostile, Name: hostile, Company: hostile}
			h := httpapi.NewConsent(httpapi.ConsentConfig{
				Flows:      map[string]httpapi.Flow{"crm": arrived{Outcome: oauth.Outcome{Identity: who}}},
				SystemName: func(s string) string { return s },
				Asker: func(context.Context, oauth.Outcome) (httpapi.Asker, error) {
					return httpapi.Asker{Company: hostile, Name: hostile, Email: "eve@example.jp"}, nil
				},
				PublicURL: "https://meibo.example", Log: slog.New(slog.DiscardHandler), NewID: func() string { return "1" },
			})
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest("GET", "/consent/crm/callback?state=s&code=c", nil))
			page := rec.Body.String()
			if rec.Code != 200 || !strings.Contains(page, "eve@example.jp") || !strings.Contains(page, "c0de") {
				t.Fatalf("got %d", rec.Code)
			}
			if strings.Contains(page, "<script") || strings.Count(page, "<form") != 1 || strings.Contains(page, `" onmouse`) {
				t.Errorf("the name is part of the page's own text")
			}
			if strings.ContainsAny(page, "\u202e\u2066\u200b\r\x00") || strings.Contains(page, "\nIs yours") {
				t.Error("the name has characters that change how others are read")
			}
			if len(page) > 8<<10 {
				t.Errorf("the names push the warning out of sight: the page has %d bytes", len(page))
			}
		})
	}
}
