package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/graph"
)

const (
	aiko     = "aiko@contoso.example"
	callback = "http://127.0.0.1:9/callback"
	full     = "Contacts.ReadWrite"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// fields is a JSON object.
type fields = map[string]any

// world is a sandbox with one user, served on loopback, on a clock that only moves when told.
type world struct {
	t     *testing.T
	box   *graph.Sandbox
	clock *clock.Virtual
	srv   *httptest.Server
	token string
}

func newWorld(t *testing.T, change ...func(*graph.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewVirtual(start, true)}
	cfg := graph.Config{Clock: w.clock, Client: sandbox.Client{ID: "client", Secret: "secret"}, RedirectURIs: []string{callback}, Seed: 1}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if w.box, err = graph.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.box.Close)
	must(t, w.box.AddUser(graph.User{Email: aiko, Name: "Aiko Tanaka"}))
	w.srv = httptest.NewServer(w.box)
	t.Cleanup(w.srv.Close)
	w.signIn(aiko, full, "User.Read", "MailboxSettings.ReadWrite")
	return w
}

func (w *world) signIn(user string, scopes ...string) string {
	w.t.Helper()
	access, refresh, err := w.box.Authorize(user, scopes...)
	must(w.t, err)
	w.token = access
	return refresh
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// answer is a response.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
	body   fields
}

func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got %d %.400s, want %d", a.status, a.raw, status)
	}
	return a
}

// refused fails unless the answer is that error.
func (a *answer) refused(status int, code string) *answer {
	a.t.Helper()
	if got := a.want(status).code(); got != code {
		a.t.Fatalf("got the code %s (%.300s), want %s", got, a.raw, code)
	}
	return a
}

func (a *answer) code() string { return str(sub(a.body, "error"), "code") }

func (a *answer) values() []fields {
	list, _ := a.body["value"].([]any)
	out := make([]fields, len(list))
	for i := range list {
		out[i], _ = list[i].(fields)
	}
	return out
}

func (a *answer) str(name string) string { return str(a.body, name) }

func str(m fields, name string) string { s, _ := m[name].(string); return s }

func sub(m fields, name string) fields { s, _ := m[name].(fields); return s }

// header is a pair for do.
type header [2]string

var immutable = header{"Prefer", `IdType="ImmutableId"`}

// do sends a request with the world's token. A body that is no text becomes JSON.
func (w *world) do(method, path string, body any, headers ...header) *answer {
	w.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = w.srv.URL + "/v1.0" + path
	}
	var sent []byte
	switch b := body.(type) {
	case nil:
	case string:
		sent = []byte(b)
	case []byte:
		sent = b
	default:
		var err error
		sent, err = json.Marshal(b)
		must(w.t, err)
	}
	r, err := http.NewRequest(method, path, bytes.NewReader(sent))
	must(w.t, err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		if h[0] == "Prefer" {
			r.Header.Add(h[0], h[1])
		} else {
			r.Header.Set(h[0], h[1])
		}
	}
	res, err := noRedirects().Do(r)
	must(w.t, err)
	defer res.Body.Close()
	a := &answer{t: w.t, status: res.StatusCode, header: res.Header}
	a.raw, err = io.ReadAll(res.Body)
	must(w.t, err)
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		must(w.t, json.Unmarshal(a.raw, &a.body))
	}
	checkContract(w.t, r, sent, a)
	return a
}

func noRedirects() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// create adds a contact through the API and returns its immutable id.
func (w *world) create(path string, body fields) string {
	w.t.Helper()
	return w.do("POST", path, body, immutable).want(201).str("id")
}

// round follows a delta to its end: what came, in order, and the deltaLink.
func (w *world) round(link string, headers ...header) (items []fields, delta string) {
	w.t.Helper()
	for range 1000 {
		a := w.do("GET", link, nil, append([]header{immutable}, headers...)...).want(200)
		items = append(items, a.values()...)
		if delta = a.str("@odata.deltaLink"); delta != "" {
			return items, delta
		}
		if link = a.str("@odata.nextLink"); link == "" {
			w.t.Fatalf("a page without a link: %s", a.raw)
		}
	}
	w.t.Fatal("the delta has no end")
	return nil, ""
}

// put fills the user's mailbox.
func (w *world) put(seeds ...sandbox.Seed) []string {
	w.t.Helper()
	ids, err := w.box.Put(aiko, seeds)
	must(w.t, err)
	return ids
}

func seed(given string, groups ...string) sandbox.Seed {
	return sandbox.Seed{Record: record.Record{Kind: record.Contact, Fields: record.Fields{record.NameGiven: {{Text: given}}}}, Groups: groups}
}

func seeds(n int) []sandbox.Seed {
	out := make([]sandbox.Seed, n)
	for i := range out {
		out[i] = seed(fmt.Sprintf("P%05d", i))
	}
	return out
}

// names are the given names of contacts, in order; a removed one is its reason in brackets.
func names(items []fields) string {
	var out []string
	for _, it := range items {
		if r := sub(it, "@removed"); r != nil {
			out = append(out, "["+str(r, "reason")+"]")
			continue
		}
		out = append(out, str(it, "givenName"))
	}
	return strings.Join(out, " ")
}
