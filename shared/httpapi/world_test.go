package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/local"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/google"
	"meibo/shared/sandbox/sansan"
	"meibo/shared/sandbox/zoho"
	"meibo/shared/store"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

const issuer = "https://issuer.example"

// world is the whole local edition behind real HTTP servers, with a person's browser.
type world struct {
	t       *testing.T
	clock   *clock.Virtual
	stack   *local.Stack
	boxes   *local.Sandboxes
	sansan  *sansan.Sandbox
	vendors map[string]string // origins, by system
	api     *httptest.Server
	consent *httptest.Server
	browser *local.Browser
	logs    *logs
	instead func(*http.Request) *http.Response // what a vendor answers, if not nil
}

// logs keeps what was logged, to look for what must not be there.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewVirtual(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), true), logs: &logs{}, browser: local.NewBrowser(nil)}
	log := slog.New(slog.NewJSONHandler(w.logs, nil))

	consent := &late{}
	w.consent = httptest.NewServer(consent)
	t.Cleanup(w.consent.Close)
	var err error
	w.boxes, err = local.OpenSandboxes(local.SandboxOptions{
		Systems: []string{system.Pipedrive, system.Zoho, system.Google, system.Microsoft}, Clock: w.clock, NoLimits: true, Seed: 1,
		RedirectURIs: local.RedirectURIs(w.consent.URL),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.sansan, err = sansan.New(sansan.Config{Clock: w.clock, Seed: 1, Limits: sansan.Unlimited()})
	if err != nil {
		t.Fatal(err)
	}
	origins := map[string]string{}
	w.vendors = origins
	for id, box := range map[string]http.Handler{system.Sansan: w.sansan, system.Google: w.boxes.Google, system.Zoho: w.boxes.Zoho, system.Microsoft: w.boxes.Microsoft, system.Pipedrive: w.boxes.Pipedrive} {
		s := httptest.NewServer(box)
		t.Cleanup(s.Close)
		origins[id] = s.URL
	}
	w.stack, err = local.Open(local.Options{
		Folder: t.TempDir(), Clock: w.clock, NoSync: true, Clients: local.SandboxClients(), PublicURL: w.consent.URL, Log: log,
		Systems: system.Config{Endpoints: system.Sandboxes(origins)}, Authenticate: signIn, HTTP: w.transport(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.stack.Close(); err != nil {
			t.Error(err)
		}
	})
	consent.h = w.stack.Consent()
	w.api = httptest.NewServer(w.stack.API())
	t.Cleanup(w.api.Close)
	return w
}

// transport is the client for vendors; a test may change what one answers.
func (w *world) transport() *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if w.instead != nil {
			if resp := w.instead(r); resp != nil {
				return resp, nil
			}
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
}

// late is a handler that is set after its server has an address.
type late struct{ h http.Handler }

func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.h.ServeHTTP(w, r) }

// signIn takes a bearer token that is the person's e-mail address.
func signIn(r *http.Request) (tenancy.Principal, error) {
	mail, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return tenancy.Principal{}, errors.New("no token")
	}
	return tenancy.Principal{Issuer: issuer, Subject: "s-" + mail, Email: mail, EmailVerified: true, Name: mail}, nil
}

// answer is an answer of the API.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (a answer) str(path ...string) string {
	s, _ := a.at(path...).(string)
	return s
}

func (a answer) at(path ...string) any {
	var v any = a.body
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func (a answer) items() []map[string]any {
	list, _ := a.body["items"].([]any)
	out := []map[string]any{}
	for _, it := range list {
		m, _ := it.(map[string]any)
		out = append(out, m)
	}
	return out
}

// fields returns the locations of a problem's field errors.
func (a answer) fields() []string {
	list, _ := a.body["errors"].([]any)
	out := []string{}
	for _, it := range list {
		m, _ := it.(map[string]any)
		s, _ := m["location"].(string)
		out = append(out, s)
	}
	return out
}

// call sends a request as person; body is nil, a string as it is, or anything that becomes JSON. More are header pairs.
func (w *world) call(person, method, path string, body any, more ...string) answer {
	w.t.Helper()
	var rd io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		rd = strings.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		rd = bytes.NewReader(j)
	}
	r, err := http.NewRequest(method, w.api.URL+path, rd)
	if err != nil {
		w.t.Fatal(err)
	}
	if person != "" {
		r.Header.Set("Authorization", "Bearer "+person)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		w.t.Fatal(err)
	}
	if len(a.raw) > 0 {
		if err := json.Unmarshal(a.raw, &a.body); err != nil {
			w.t.Fatalf("%s %s: got %d with a body that is not JSON: %q", method, path, a.status, a.raw)
		}
	}
	conforms(w.t, method, path, a)
	return a
}

// must is call with the status that it must have.
func (w *world) must(status int, person, method, path string, body any, more ...string) answer {
	w.t.Helper()
	a := w.call(person, method, path, body, more...)
	if a.status != status {
		w.t.Fatalf("%s %s as %s: got %d %s, want %d\n%s", method, path, person, a.status, a.raw, status, tail(w.logs.String()))
	}
	return a
}

func tail(s string) string { return s[max(0, len(s)-2000):] }

// company is a tenant with both accounts of its admin, and a connection that is ready.
type company struct {
	admin            string
	tenant           string // path: /v1/tenants/...
	id               string
	zoho, google     string // account ids
	connection, path string
}

// company signs up, connects both accounts through the real consent flow, and drafts a connection.
func (w *world) company(admin string) company {
	w.t.Helper()
	c := company{admin: admin}
	c.id = w.must(201, admin, "POST", "/v1/tenants", map[string]any{"name": "会社 " + admin}).str("id")
	c.tenant = "/v1/tenants/" + c.id
	w.people(admin)
	c.connection = w.must(201, admin, "POST", c.tenant+"/connections", map[string]any{}).str("id")
	c.path = c.tenant + "/connections/" + c.connection
	c.zoho = w.connect(c, "zoho")
	c.google = w.connect(c, "google")
	return c
}

// people gives a person an account at both vendors.
func (w *world) people(mail string) {
	w.t.Helper()
	if err := w.boxes.Google.AddUser(google.User{Email: mail, Name: mail, Region: "JP"}); err != nil {
		w.t.Fatal(err)
	}
	b, err := json.Marshal(zoho.User{Email: mail, Name: mail, Org: "org of " + mail})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.boxes.Zoho.AddUserJSON(b); err != nil {
		w.t.Fatal(err)
	}
}

// connect takes one account through consent and returns its id.
func (w *world) connect(c company, sys string) string {
	w.t.Helper()
	a := w.must(201, c.admin, "POST", c.tenant+"/accounts", map[string]any{"system": sys, "login_hint": c.admin, "connection": c.connection, "return": "/done"})
	at, err := w.browser.Allow(context.Background(), a.str("authorize_url"), c.admin)
	if err != nil {
		w.t.Fatalf("%v: %s", err, at.Page)
	}
	if want := w.consent.URL + "/done"; at.Location != want {
		w.t.Fatalf("after consent: got %d to %q, want %q\n%s\n%s", at.Status, at.Location, want, at.Page, tail(w.logs.String()))
	}
	for _, it := range w.must(200, c.admin, "GET", c.tenant+"/accounts", nil).items() {
		if it["system"] == sys {
			return it["id"].(string)
		}
	}
	w.t.Fatalf("no account of %s", sys)
	return ""
}

// person returns a contact with a name and an e-mail address.
func person(family, given, mail string) record.Record {
	f := record.Fields{}
	f.Set(record.NameFamily, family)
	f.Set(record.NameGiven, given)
	f[record.Email] = []record.Value{{Text: mail, Label: record.LabelWork}}
	return record.Record{Kind: record.Contact, Fields: f}
}

// fill puts contacts into both books of the company.
func (w *world) fill(c company, crm, book []record.Record) {
	w.t.Helper()
	seeds := func(rs []record.Record) []sandbox.Seed {
		out := []sandbox.Seed{}
		for _, r := range rs {
			out = append(out, sandbox.Seed{Record: r})
		}
		return out
	}
	if _, err := w.boxes.Zoho.Fill(c.admin, seeds(crm)); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.boxes.Google.Fill(c.admin, seeds(book)); err != nil {
		w.t.Fatal(err)
	}
}

// drain lets the worker do all that waits.
func (w *world) drain() {
	w.t.Helper()
	if err := w.stack.Drain(context.Background()); err != nil {
		w.t.Fatalf("%v\n%s", err, tail(w.logs.String()))
	}
}

// holds reports whether any item of the tenant has the text in it.
func (w *world) holds(tenant, text string) bool {
	w.t.Helper()
	found := false
	err := store.QueryAll(context.Background(), w.stack.Table, store.Query{PK: "T#" + tenant}, func(it store.Item) error {
		found = found || bytes.Contains(it.Body, []byte(text)) || strings.Contains(it.SK, text)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}
