package pipedrive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/pipedrive"
)

const (
	mira  = "mira.holt@ecospin.example"
	tarmo = "tarmo.kask@ecospin.example"
	back  = "https://meibo.example/callback"
	start = "2026-11-20T10:00:00Z"
)

// world is a sandbox behind a loopback server, on a clock that stands still.
type world struct {
	*testing.T
	box    *pipedrive.Sandbox
	srv    *httptest.Server
	clock  *clock.Virtual
	tokens map[string]string
}

func config(c clock.Clock) pipedrive.Config {
	return pipedrive.Config{Clock: c, Client: sandbox.Client{ID: "client", Secret: "secret"}, RedirectURIs: []string{back}, Seed: 7}
}

func newWorld(t *testing.T, change ...func(*pipedrive.Config)) *world {
	t.Helper()
	at, err := time.Parse(time.RFC3339, start)
	must(t, err)
	v := clock.NewVirtual(at, true)
	cfg := config(v)
	for _, c := range change {
		c(&cfg)
	}
	box, err := pipedrive.New(cfg)
	must(t, err)
	w := &world{T: t, box: box, clock: v, tokens: map[string]string{}}
	w.srv = httptest.NewServer(box)
	t.Cleanup(func() {
		box.Close()
		w.srv.Close()
	})
	w.addUser(pipedrive.User{Email: mira, Name: "Mira Holt"})
	return w
}

func (w *world) addUser(u pipedrive.User) {
	w.Helper()
	must(w.T, w.box.AddUser(u))
}

// token is an access token with the app's scopes.
func (w *world) token(user string) string {
	w.Helper()
	if w.tokens[user] == "" {
		tok, _, err := w.box.Issue(user)
		must(w.T, err)
		w.tokens[user] = tok
	}
	return w.tokens[user]
}

// answer is what a call gave.
type answer struct {
	*testing.T
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

type option func(*http.Request)

func header(k, v string) option { return func(r *http.Request) { r.Header.Set(k, v) } }

// as calls on behalf of another user.
func as(w *world, user string) option { return header("Authorization", "Bearer "+w.token(user)) }

// call makes an API call as Mira and checks request and answer against the vendor's documents. Paths without /api are of v2.
func (w *world) call(method, path string, body any, opts ...option) *answer {
	w.Helper()
	r, sent := w.request(method, path, body, opts...)
	a := w.send(r)
	checkContract(w.T, r, sent, a)
	return a
}

// unchecked is call for what the documents do not describe.
func (w *world) unchecked(method, path string, body any, opts ...option) *answer {
	w.Helper()
	r, _ := w.request(method, path, body, opts...)
	return w.send(r)
}

func (w *world) request(method, path string, body any, opts ...option) (*http.Request, []byte) {
	w.Helper()
	var sent []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		sent = b
	case string:
		sent = []byte(b)
	default:
		var err error
		sent, err = json.Marshal(b)
		must(w.T, err)
	}
	if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/v1/") {
		path = "/api/v2" + path
	}
	r, err := http.NewRequest(method, w.srv.URL+path, bytes.NewReader(sent))
	must(w.T, err)
	r.Header.Set("Authorization", "Bearer "+w.token(mira))
	if sent != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, o := range opts {
		o(r)
	}
	return r, sent
}

func (w *world) send(r *http.Request) *answer {
	w.Helper()
	res, err := http.DefaultTransport.RoundTrip(r)
	must(w.T, err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	must(w.T, err)
	a := &answer{T: w.T, status: res.StatusCode, header: res.Header, raw: raw}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			w.Fatalf("%s %s answered %q: %v", r.Method, r.URL, raw, err)
		}
	}
	return a
}

// want checks the status.
func (a *answer) want(status int) *answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("status: got %d %s, want %d", a.status, a.raw, status)
	}
	return a
}

// refused checks an error in the usual envelope.
func (a *answer) refused(status int, text string) *answer {
	a.Helper()
	a.want(status)
	if a.body["success"] != false || !strings.Contains(str(a.body["error"]), text) {
		a.Fatalf("error: got %s, want the envelope with %q", a.raw, text)
	}
	return a
}

// one is the answer's data as an object, data as an array of objects.
func (a *answer) one() map[string]any {
	a.Helper()
	m, ok := a.body["data"].(map[string]any)
	if !ok {
		a.Fatalf("got %s, want an object in data", a.raw)
	}
	return m
}

func (a *answer) data() []map[string]any {
	a.Helper()
	xs, ok := a.body["data"].([]any)
	if !ok {
		a.Fatalf("got %s, want an array in data", a.raw)
	}
	out := make([]map[string]any, len(xs))
	for i, x := range xs {
		out[i], _ = x.(map[string]any)
	}
	return out
}

func (a *answer) next() string {
	m, _ := a.body["additional_data"].(map[string]any)
	return str(m["next_cursor"])
}

func (a *answer) id() int64 { a.Helper(); return whole(a.one()["id"]) }

// ids of the answer's data, between commas.
func (a *answer) ids() string {
	a.Helper()
	var out []string
	for _, d := range a.data() {
		out = append(out, num(whole(d["id"])))
	}
	return strings.Join(out, ",")
}

func str(v any) string   { s, _ := v.(string); return s }
func whole(v any) int64  { f, _ := v.(float64); return int64(f) }
func num(n int64) string { return strconv.FormatInt(n, 10) }

type fields = map[string]any

// person makes a person through the API.
func (w *world) person(f fields, opts ...option) int64 {
	w.Helper()
	return w.call("POST", "/persons", f, opts...).want(200).id()
}

// fill adds n persons quickly.
func (w *world) fill(user string, n int, groups ...string) []string {
	w.Helper()
	seeds := make([]sandbox.Seed, n)
	for i := range seeds {
		seeds[i] = sandbox.Seed{Record: named("Mari", "Oja"+strconv.Itoa(i)), Groups: groups}
	}
	done, err := w.box.Fill(user, seeds)
	must(w.T, err)
	return done.IDs
}

func named(given, family string) record.Record {
	f := record.Fields{}
	f.Set(record.NameGiven, given)
	f.Set(record.NameFamily, family)
	return record.Record{Kind: record.Contact, Fields: f}
}

// settled waits until all that can be delivered now is delivered.
func (w *world) settled() {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	must(w.T, w.box.Pusher().Wait(ctx))
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
