package hubspot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	"meibo/shared/sandbox/hubspot"
)

const (
	mira  = "mira.holt@ecospin.example"
	tarmo = "tarmo.kask@ecospin.example"
	aiko  = "aiko.mori@hoshi.example"
	back  = "https://meibo.example/callback"
	start = "2026-11-20T10:00:00Z"

	contacts = "/crm/v3/objects/contacts"
)

// world is a sandbox behind a loopback server, on a clock that stands still.
type world struct {
	*testing.T
	box    *hubspot.Sandbox
	srv    *httptest.Server
	clock  *clock.Virtual
	tokens map[string]string
}

func config(c clock.Clock) hubspot.Config {
	return hubspot.Config{Clock: c, Client: sandbox.Client{ID: "client", Secret: "secret"}, RedirectURIs: []string{back}, Seed: 7, Lag: -1, Limits: hubspot.Unlimited()}
}

func newWorld(t *testing.T, change ...func(*hubspot.Config)) *world {
	t.Helper()
	at, err := time.Parse(time.RFC3339, start)
	must(t, err)
	v := clock.NewVirtual(at, true)
	cfg := config(v)
	for _, c := range change {
		c(&cfg)
	}
	box, err := hubspot.New(cfg)
	must(t, err)
	w := &world{T: t, box: box, clock: v, tokens: map[string]string{}}
	w.srv = httptest.NewServer(box)
	t.Cleanup(func() {
		box.Close()
		w.srv.Close()
	})
	w.addUser(hubspot.User{Email: mira, Name: "Mira Holt"})
	return w
}

func (w *world) addUser(u hubspot.User) {
	w.Helper()
	must(w.T, w.box.AddUser(u))
}

// token is an access token with all scopes.
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

// call makes an API call as Mira and checks request and answer against the vendor's documents.
func (w *world) call(method, path string, body any, opts ...option) *answer {
	w.Helper()
	r, sent := w.request(method, path, body, opts...)
	a := w.send(r)
	checkContract(w.T, r, sent, a)
	return a
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
	r, err := http.NewRequest(method, w.srv.URL+path, bytes.NewReader(sent))
	must(w.T, err)
	if sent != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if !strings.HasPrefix(path, "/oauth/") && !strings.HasPrefix(path, "/sandbox/") {
		r.Header.Set("Authorization", "Bearer "+w.token(mira))
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
func (a *answer) refused(status int, category, text string) *answer {
	a.Helper()
	a.want(status)
	if a.body["status"] != "error" || str(a.body["category"]) != category || !strings.Contains(str(a.body["message"]), text) || str(a.body["correlationId"]) == "" {
		a.Fatalf("error: got %s, want the envelope with %s and %q", a.raw, category, text)
	}
	return a
}

// invalid checks an error of property values, in both places.
func (a *answer) invalid(code, property string) *answer {
	a.Helper()
	a.refused(400, "VALIDATION_ERROR", "Property values were not valid: [{")
	if !strings.Contains(str(a.body["message"]), `"error":"`+code+`","name":"`+property+`"`) {
		a.Fatalf("got %s, want %s of %s in the text", a.raw, code, property)
	}
	one := a.list("errors")[0]
	if str(one["code"]) != code || fmt.Sprint(one["context"]) != "map[propertyName:["+property+"]]" {
		a.Fatalf("got %v, want %s of %s", one, code, property)
	}
	return a
}

func (a *answer) list(member string) []map[string]any {
	a.Helper()
	xs, ok := a.body[member].([]any)
	if !ok {
		a.Fatalf("got %s, want an array in %s", a.raw, member)
	}
	out := make([]map[string]any, len(xs))
	for i, x := range xs {
		out[i], _ = x.(map[string]any)
	}
	return out
}

// ids of the results, between commas.
func (a *answer) ids() string {
	a.Helper()
	var out []string
	for _, d := range a.list("results") {
		out = append(out, str(d["id"]))
	}
	return strings.Join(out, ",")
}

func (a *answer) id() string { return str(a.body["id"]) }

func (a *answer) after() string {
	p, _ := a.body["paging"].(map[string]any)
	n, _ := p["next"].(map[string]any)
	return str(n["after"])
}

// prop is a property of a record; ok is false for one that is absent, and null is nil.
func (a *answer) prop(name string) any {
	a.Helper()
	m, _ := a.body["properties"].(map[string]any)
	v, ok := m[name]
	if !ok {
		return "(absent)"
	}
	return v
}

func str(v any) string  { s, _ := v.(string); return s }
func whole(v any) int64 { f, _ := v.(float64); return int64(f) }

type fields = map[string]any

func properties(pairs ...string) fields {
	p := fields{}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = pairs[i+1]
	}
	return fields{"properties": p}
}

// person makes a contact through the API.
func (w *world) person(pairs ...string) string {
	w.Helper()
	return w.call("POST", contacts, properties(pairs...)).want(201).id()
}

// fill adds n contacts quickly.
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
