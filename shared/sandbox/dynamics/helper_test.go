package dynamics_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/dynamics"
)

const (
	haruto   = "haruto@kitano.example"
	yui      = "yui@kitano.example"
	callback = "http://127.0.0.1:9/callback"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// fields is a JSON object.
type fields = map[string]any

// world is a sandbox with one user, served on loopback, on a clock that only moves when told.
type world struct {
	t     *testing.T
	box   *dynamics.Sandbox
	clock *clock.Virtual
	srv   *httptest.Server
	token string
	bulk  bool // answers are too large to be checked against the document one by one
}

func newWorld(t *testing.T, change ...func(*dynamics.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewVirtual(start, true)}
	cfg := dynamics.Config{Clock: w.clock, Client: sandbox.Client{ID: "client", Secret: "secret"}, RedirectURIs: []string{callback}, Seed: 1}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	w.box, err = dynamics.New(cfg)
	must(t, err)
	must(t, w.box.AddUser(dynamics.User{Email: haruto, Name: "Haruto Kanzaki"}))
	w.srv = httptest.NewServer(w.box)
	t.Cleanup(w.srv.Close)
	w.signIn(haruto)
	return w
}

// addUser adds a second user to the organisation.
func (w *world) addUser(u dynamics.User) {
	w.t.Helper()
	must(w.t, w.box.AddUser(u))
}

func (w *world) signIn(user string) (refresh string) {
	w.t.Helper()
	access, refresh, err := w.box.Authorize(user)
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
	if got := str(sub(a.want(status).body, "error"), "code"); got != code {
		a.t.Fatalf("got the code %s (%.300s), want %s", got, a.raw, code)
	}
	return a
}

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

// header is a pair for do; an empty value takes the header away.
type header [2]string

func prefer(v string) header { return header{"Prefer", v} }

var represent = prefer("return=representation")

// do sends a request with the world's token and the headers that every one has. A body that is no text becomes JSON.
func (w *world) do(method, path string, body any, headers ...header) *answer {
	w.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = w.srv.URL + "/api/data/v9.2" + strings.ReplaceAll(path, " ", "%20")
	}
	var sent []byte
	switch b := body.(type) {
	case nil:
	case string:
		sent = []byte(b)
	default:
		var err error
		sent, err = json.Marshal(b)
		must(w.t, err)
	}
	r, err := http.NewRequest(method, path, bytes.NewReader(sent))
	must(w.t, err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("OData-Version", "4.0")
	r.Header.Set("OData-MaxVersion", "4.0")
	if body != nil {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for _, h := range headers {
		switch {
		case h[1] == "":
			r.Header.Del(h[0])
		case h[0] == "Prefer":
			r.Header.Add(h[0], h[1])
		default:
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
	if !w.bulk {
		checkContract(w.t, r, sent, a)
	}
	return a
}

func noRedirects() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// filtered is a path with a $select and a $filter.
func filtered(set, sel, filter string) string {
	return "/" + set + "?$select=" + sel + "&$filter=" + url.QueryEscape(filter)
}

// create makes a row through the API and returns its id.
func (w *world) create(set string, body fields) string {
	w.t.Helper()
	at := w.do("POST", "/"+set, body).want(204).header.Get("OData-EntityId")
	prefix := w.srv.URL + "/api/data/v9.2/" + set + "("
	if !strings.HasPrefix(at, prefix) {
		w.t.Fatalf("got the OData-EntityId %q", at)
	}
	return strings.TrimSuffix(strings.TrimPrefix(at, prefix), ")")
}

// get reads columns of a row.
func (w *world) get(set, id, sel string, headers ...header) *answer {
	w.t.Helper()
	return w.do("GET", "/"+set+"("+id+")?$select="+sel, nil, headers...)
}

// etag is the row's.
func (w *world) etag(set, id string) string {
	w.t.Helper()
	return w.get(set, id, "versionnumber").want(200).str("@odata.etag")
}

// pages follows nextLinks to the end.
func (w *world) pages(link string, headers ...header) (items []fields, last *answer) {
	w.t.Helper()
	for range 1000 {
		a := w.do("GET", link, nil, headers...).want(200)
		items = append(items, a.values()...)
		if link = a.str("@odata.nextLink"); link == "" {
			return items, a
		}
	}
	w.t.Fatal("the listing has no end")
	return nil, nil
}

var track = prefer("odata.track-changes")

// round follows a tracked listing to its end: what came, in order, and the deltaLink.
func (w *world) round(link string, headers ...header) (items []fields, delta string) {
	w.t.Helper()
	items, last := w.pages(link, append(headers, track)...)
	if delta = last.str("@odata.deltaLink"); delta == "" {
		w.t.Fatalf("the last page has no deltaLink: %.300s", last.raw)
	}
	return items, delta
}

// put fills the user's table.
func (w *world) put(seeds ...sandbox.Seed) []string {
	w.t.Helper()
	ids, err := w.box.Put(haruto, seeds)
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

// names are the first names of rows, in order; a deletion is its id in brackets.
func names(items []fields) string {
	var out []string
	for _, it := range items {
		if str(it, "reason") == "deleted" {
			out = append(out, "["+str(it, "id")+"]")
			continue
		}
		out = append(out, str(it, "firstname"))
	}
	return strings.Join(out, " ")
}
