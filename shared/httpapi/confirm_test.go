package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/httpapi"
	"meibo/shared/local"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

func TestConfirmation(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	const victim = "victim@example.com"
	w.people(victim)
	c := w.company("mallory@example.jp")
	ctx := context.Background()
	arrived := func(t *testing.T) (page, address string) {
		t.Helper()
		to := w.must(201, c.admin, "POST", c.tenant+"/accounts", map[string]any{"system": "google"}).str("authorize_url")
		at, err := w.browser.Consent(ctx, to, victim)
		if err != nil || at.Status != 200 || !at.Asks() {
			t.Fatalf("got %d %s, %v, want a page that asks", at.Status, at.Page, err)
		}
		if p := at.Header.Get("Content-Security-Policy"); !strings.Contains(p, "frame-ancestors 'none'") || !strings.Contains(p, "form-action 'self'") || strings.Contains(p, "unsafe") {
			t.Errorf("policy: got %q", p)
		}
		if got, want := at.Header.Get("Referrer-Policy"), "same-origin"; got != want {
			t.Errorf("referrer policy: got %q, want %q", got, want)
		}
		return at.Page, at.Address
	}
	accounts := func(t *testing.T) int {
		t.Helper()
		return len(w.must(200, c.admin, "GET", c.tenant+"/accounts", nil).items())
	}
	before := accounts(t)
	code := func(page string) string {
		_, rest, _ := strings.Cut(page, `name="code" value="`)
		v, _, _ := strings.Cut(rest, `"`)
		return v
	}
	post := func(t *testing.T, address, code, decision string, header ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequest("POST", address, strings.NewReader(url.Values{"code": {code}, "decision": {decision}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}

	t.Run("a person sees whose account goes to whom, and nothing is connected yet", func(t *testing.T) {
		page, _ := arrived(t)
		for _, want := range []string{victim, c.admin, "会社 " + c.admin, "Google Contacts", "cancel"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not name %q: %s", want, page)
			}
		}
		if got := accounts(t); got != before {
			t.Errorf("got %d accounts, want %d", got, before)
		}
	})
	t.Run("in Japanese too", func(t *testing.T) {
		w.browser.Language = "ja"
		defer func() { w.browser.Language = "" }()
		if page, _ := arrived(t); !strings.Contains(page, "このアカウントを接続しますか") || !strings.Contains(page, "中止する") {
			t.Errorf("got %s", page)
		}
	})
	t.Run("what another site sends is refused, and leaves the person's own answer possible", func(t *testing.T) {
		page, address := arrived(t)
		for _, header := range [][]string{
			{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", w.consent.URL + ".evil.example"},
		} {
			if status, got := post(t, address, code(page), "connect", header...); status != 403 || !strings.Contains(got, "own page") {
				t.Errorf("%v: got %d %s", header, status, got)
			}
		}
		if status, _ := post(t, address, code(page), "connect", "Origin", w.consent.URL, "Sec-Fetch-Site", "same-origin"); status != 200 {
			t.Errorf("got %d, want 200", status)
		}
		if got := accounts(t); got != before+1 {
			t.Errorf("got %d accounts, want %d", got, before+1)
		}
		before++
		if status, got := post(t, address, code(page), "connect"); status != 400 || !strings.Contains(got, "finished already") {
			t.Errorf("a second time: got %d %s", status, got)
		}
		for _, secret := range []string{code(page), victim} {
			if strings.Contains(w.logs.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
	})
	t.Run("cancelling connects nothing and says where to take Meibo away", func(t *testing.T) {
		page, address := arrived(t)
		if status, got := post(t, address, code(page), "cancel"); status != 200 || !strings.Contains(got, "kept nothing") || !strings.Contains(got, "Google Contacts") {
			t.Errorf("got %d %s", status, got)
		}
		if status, _ := post(t, address, code(page), "connect"); status != 400 {
			t.Errorf("after that: got %d, want 400", status)
		}
	})
	t.Run("made-up codes, no code and too much are refused", func(t *testing.T) {
		_, address := arrived(t)
		for _, made := range []string{"", "made-up", strings.Repeat("x", 100)} {
			if status, _ := post(t, address, made, "connect"); status != 400 {
				t.Errorf("%q: got %d, want 400", made, status)
			}
		}
		if status, _ := post(t, address, strings.Repeat("x", 10_000), "connect"); status != 403 {
			t.Errorf("too much: got %d, want 403", status)
		}
	})
	t.Run("a code is good at its own system's address only", func(t *testing.T) {
		page, _ := arrived(t)
		if status, _ := post(t, w.consent.URL+"/consent/zoho/callback", code(page), "connect"); status != 400 {
			t.Errorf("got %d, want 400", status)
		}
	})
	t.Run("whoever installs it at the vendor first is told how to begin", func(t *testing.T) {
		status, page := get(t, w.consent.URL+"/consent/google/callback?code=abc")
		if status != 200 || !strings.Contains(page, "One more step") || !strings.Contains(page, w.consent.URL+"/") || strings.Contains(page, "abc") {
			t.Errorf("got %d %s", status, page)
		}
	})
	if got := accounts(t); got != before {
		t.Errorf("got %d accounts in the end, want %d", got, before)
	}
}

// noFlow is a system whose consent nobody can finish.
type noFlow struct{}

func (noFlow) Arrive(context.Context, url.Values) (oauth.Outcome, string, error) {
	return oauth.Outcome{}, "", connector.ErrTransient
}

func (noFlow) Confirm(context.Context, string) (oauth.Outcome, error) {
	return oauth.Outcome{}, connector.ErrTransient
}

func (noFlow) Drop(context.Context, string) (oauth.Outcome, error) {
	return oauth.Outcome{}, connector.ErrTransient
}

func TestUninstall(t *testing.T) {
	var log bytes.Buffer
	var told []string
	answer := error(nil)
	h := httpapi.NewConsent(httpapi.ConsentConfig{
		Flows: map[string]httpapi.Flow{"crm": noFlow{}, "book": noFlow{}}, SystemName: func(s string) string { return s },
		PublicURL: "https://meibo.example", Log: slog.New(slog.NewJSONHandler(&log, nil)), NewID: func() string { return "1" },
		Uninstall: map[string]func(*http.Request) (string, error){"crm": func(r *http.Request) (string, error) {
			if _, secret, _ := r.BasicAuth(); secret != "right" {
				return "", httpapi.ErrNotGenuine
			}
			b, err := io.ReadAll(r.Body)
			return string(b), err
		}},
		Uninstalled: func(_ context.Context, system, account string) error {
			told = append(told, system+" "+account)
			return answer
		},
	})
	call := func(system, secret, body string) int {
		r := httptest.NewRequest("DELETE", "/consent/"+system+"/callback", strings.NewReader(body))
		r.SetBasicAuth("id", secret)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec.Code
	}
	for _, c := range []struct {
		name, system, secret, body string
		err                        error
		status                     int
		told                       string
	}{
		{"a genuine call marks the account", "crm", "right", "acme:mira", nil, 204, "crm acme:mira"},
		{"an account that nobody connected is gone as well", "crm", "right", "acme:tarmo", tenancy.ErrNotFound, 204, "crm acme:tarmo"},
		{"one that cannot be carried out says so", "crm", "right", "acme:mira", errors.New("table down"), 503, "crm acme:mira"},
		{"a forged call changes nothing", "crm", "wrong", "acme:mira", nil, 401, ""},
		{"a body without an end is not read", "crm", "right", strings.Repeat("x", 1<<20), nil, 400, ""},
		{"a system that sends none has none", "book", "right", "acme:mira", nil, 404, ""},
		{"nor has one that does not exist", "lotus", "right", "acme:mira", nil, 404, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			told, answer = nil, c.err
			if got := call(c.system, c.secret, c.body); got != c.status || strings.Join(told, ",") != c.told {
				t.Errorf("got %d with %v, want %d with %q", got, told, c.status, c.told)
			}
		})
	}
	if strings.Contains(log.String(), "right") || strings.Contains(log.String(), "acme:mira") {
		t.Errorf("the log repeats the call: %s", log.String())
	}
}

// The vendor's word reaches the account, which waits for the person then.
func TestUninstalledAccount(t *testing.T) {
	w := newWorld(t)
	const admin = "hanako@example.jp"
	tenant := w.must(201, admin, "POST", "/v1/tenants", map[string]any{"name": "Kitano"}).str("id")
	me := w.must(200, admin, "GET", "/v1/tenants/"+tenant+"/members/me", nil).str("id")
	a, err := w.stack.Tenancy.Connect(t.Context(), tenancy.Authorised{Tenant: tenant, Member: me, System: system.Pipedrive, Side: profile.CRM,
		Identity: connector.Identity{AccountID: "7:1", Email: admin, CompanyID: "7"}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := local.SandboxClients().Client(t.Context(), system.Pipedrive)
	if err != nil {
		t.Fatal(err)
	}
	call := func(secret, body string) int {
		t.Helper()
		r, err := http.NewRequest("DELETE", w.consent.URL+"/consent/pipedrive/callback", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(client.ID, secret)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	is := func(want string) {
		t.Helper()
		if got := w.must(200, admin, "GET", "/v1/tenants/"+tenant+"/accounts/"+a.ID, nil).str("state"); got != want {
			t.Errorf("the account is %s, want %s", got, want)
		}
	}
	const body = `{"client_id":%q,"company_id":7,"user_id":%d}`
	for _, c := range []struct {
		secret, body string
		status       int
	}{
		{"wrong", fmt.Sprintf(body, client.ID, 1), 401}, {client.Secret, "{", 400}, {client.Secret, fmt.Sprintf(body, client.ID, 2), 204},
	} {
		if got := call(c.secret, c.body); got != c.status {
			t.Errorf("%q: got %d, want %d", c.body, got, c.status)
		}
		is("active")
	}
	if got := call(client.Secret, fmt.Sprintf(body, client.ID, 1)); got != 204 {
		t.Errorf("got %d, want 204", got)
	}
	is("needs_reauth")
}
