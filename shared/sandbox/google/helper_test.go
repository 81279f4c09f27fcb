package google_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/people/v1"

	"meibo/shared/clock"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/google"
)

const (
	aiko     = "aiko@example.com"
	contacts = "https://www.googleapis.com/auth/contacts"
	readonly = "https://www.googleapis.com/auth/contacts.readonly"
	other    = "https://www.googleapis.com/auth/contacts.other.readonly"
	callback = "http://127.0.0.1:9/callback"

	fullMask   = "addresses,biographies,birthdays,clientData,emailAddresses,events,imClients,memberships,metadata,names,nicknames,organizations,phoneNumbers,photos,relations,urls,userDefined"
	contactSrc = "READ_SOURCE_TYPE_CONTACT"
)

// world is a sandbox with one user, served on loopback, on a clock that only moves when told.
type world struct {
	t     *testing.T
	box   *google.Sandbox
	clock *clock.Virtual
	srv   *httptest.Server
	token string
	api   *people.Service
	check *checker // of every exchange with the API
}

func newWorld(t *testing.T, change ...func(*google.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewVirtual(time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), true), check: newChecker(t)}
	cfg := google.Config{
		Clock: w.clock, Client: sandbox.Client{ID: "client", Secret: "secret"}, RedirectURIs: []string{callback}, Seed: 1,
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if w.box, err = google.New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := w.box.AddUser(google.User{Email: aiko, Name: "Aiko Tanaka", Region: "JP"}); err != nil {
		t.Fatal(err)
	}
	w.srv = httptest.NewServer(w.check.wrap(w.box))
	t.Cleanup(w.srv.Close)
	w.signIn(contacts, other)
	return w
}

func lifted(c *google.Config) { c.Limits = google.Unlimited() }

// signIn makes the world's client act with scopes.
func (w *world) signIn(scopes ...string) {
	w.t.Helper()
	access, _, err := w.box.Authorize(aiko, scopes...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.token = access
	w.api, err = people.NewService(context.Background(), option.WithHTTPClient(w.client()), option.WithEndpoint(w.srv.URL))
	if err != nil {
		w.t.Fatal(err)
	}
}

type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(r)
}

func (w *world) client() *http.Client { return &http.Client{Transport: bearer{w.token}} }

// put fills the user's account.
func (w *world) put(seeds ...record.Fields) []string {
	w.t.Helper()
	list := make([]sandbox.Seed, len(seeds))
	for i, f := range seeds {
		list[i] = sandbox.Seed{Record: record.Record{Kind: record.Contact, Fields: f}}
	}
	ids, err := w.box.Put(aiko, list)
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

func named(given, family string) record.Fields {
	return record.Fields{record.NameGiven: {{Text: given}}, record.NameFamily: {{Text: family}}}
}

// raw sends one request with the world's token and returns status and body.
func (w *world) raw(method, path, body string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.srv.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := w.client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// list is one page of connections with the full mask.
func (w *world) list() *people.PeopleConnectionsListCall {
	return w.api.People.Connections.List("people/me").PersonFields(fullMask).Sources(contactSrc).RequestSyncToken(true).PageSize(1000)
}

func (w *world) get(name string) *people.Person {
	w.t.Helper()
	p, err := w.api.People.Get(name).PersonFields(fullMask).Sources(contactSrc).Do()
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// sync lists everything and returns the sync token.
func (w *world) sync() string {
	w.t.Helper()
	res, err := w.list().Do()
	if err != nil {
		w.t.Fatal(err)
	}
	if res.NextSyncToken == "" {
		w.t.Fatal("the last page has no sync token")
	}
	return res.NextSyncToken
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// problem is what an API error says.
type problem struct {
	code            int
	status, message string
	reason          string
	detail          map[string]any // the first detail
}

// refused fails the test unless err is an API error.
func refused(t *testing.T, err error) problem {
	t.Helper()
	var ge *googleapi.Error
	if !errors.As(err, &ge) {
		t.Fatalf("got %v, want an API error", err)
	}
	return parseProblem(t, []byte(ge.Body))
}

func parseProblem(t *testing.T, body []byte) problem {
	t.Helper()
	var e struct {
		Error struct {
			Code    int
			Message string
			Status  string
			Details []map[string]any
		}
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&e); err != nil {
		t.Fatalf("the error body %s does not parse: %v", body, err)
	}
	p := problem{code: e.Error.Code, status: e.Error.Status, message: e.Error.Message}
	if len(e.Error.Details) > 0 {
		p.detail = e.Error.Details[0]
		p.reason, _ = p.detail["reason"].(string)
	}
	return p
}
