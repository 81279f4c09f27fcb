package zoho_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/zoho"
)

const (
	aiko  = "aiko.morita@example.jp"
	ren   = "ren.ishida@example.jp"
	back  = "https://meibo.example/callback"
	start = "2026-10-02T09:00:00Z"
)

var allScopes = []string{"ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ", "ZohoCRM.coql.READ", "ZohoSearch.securesearch.READ"}

// world is a sandbox behind a loopback server, on a clock that stands still.
type world struct {
	*testing.T
	box    *zoho.Sandbox
	srv    *httptest.Server
	clock  *clock.Virtual
	tokens map[string]string
}

func config(c clock.Clock) zoho.Config {
	return zoho.Config{Clock: c, Client: sandbox.Client{ID: "1000.CLIENT", Secret: "secret"}, RedirectURIs: []string{back}, Seed: 7}
}

func newWorld(t *testing.T, change ...func(*zoho.Config)) *world {
	t.Helper()
	at, err := time.Parse(time.RFC3339, start)
	if err != nil {
		t.Fatal(err)
	}
	v := clock.NewVirtual(at, true)
	cfg := config(v)
	for _, c := range change {
		c(&cfg)
	}
	box, err := zoho.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, box: box, clock: v, tokens: map[string]string{}}
	w.srv = httptest.NewServer(box)
	t.Cleanup(w.srv.Close)
	w.addUser(zoho.User{Email: aiko, Name: "Aiko Morita"})
	return w
}

func (w *world) addUser(u zoho.User) {
	w.Helper()
	if err := w.box.AddUser(u); err != nil {
		w.Fatal(err)
	}
}

// token is an access token with all scopes.
func (w *world) token(user string) string {
	w.Helper()
	if w.tokens[user] == "" {
		tok, _, err := w.box.Issue(user, allScopes...)
		if err != nil {
			w.Fatal(err)
		}
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
func as(w *world, user string) option {
	return header("Authorization", "Zoho-oauthtoken "+w.token(user))
}

// call makes an API call as Aiko and checks request and answer against the vendor's document. A request that is refused may be
// wrong by it.
func (w *world) call(method, path string, body any, opts ...option) *answer {
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
		if sent, err = json.Marshal(b); err != nil {
			w.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, w.srv.URL+"/crm/v8"+path, bytes.NewReader(sent))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Zoho-oauthtoken "+w.token(aiko))
	if sent != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, o := range opts {
		o(r)
	}
	a := w.send(r)
	checkContract(w.T, r, sent, a)
	return a
}

func (w *world) send(r *http.Request) *answer {
	w.Helper()
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
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

// refused checks a whole-call error.
func (a *answer) refused(status int, code string) *answer {
	a.Helper()
	a.want(status)
	if a.body["code"] != code || a.body["status"] != "error" || a.body["message"] == nil || a.body["details"] == nil {
		a.Fatalf("error: got %s, want the envelope with code %s", a.raw, code)
	}
	return a
}

// list is a member of the answer that is an array of objects.
func (a *answer) list(name string) []map[string]any {
	a.Helper()
	xs, ok := a.body[name].([]any)
	if !ok {
		a.Fatalf("got %s, want an array %q", a.raw, name)
	}
	out := make([]map[string]any, len(xs))
	for i, x := range xs {
		out[i], _ = x.(map[string]any)
	}
	return out
}

func (a *answer) data() []map[string]any { a.Helper(); return a.list("data") }

func (a *answer) info() map[string]any {
	m, _ := a.body["info"].(map[string]any)
	return m
}

// codes are the codes of a per-record answer.
func (a *answer) codes() string {
	a.Helper()
	var cs []string
	for _, d := range a.data() {
		s, _ := d["code"].(string)
		cs = append(cs, s)
	}
	return strings.Join(cs, " ")
}

func detail(d map[string]any, name string) any {
	m, _ := d["details"].(map[string]any)
	return m[name]
}

func str(v any) string { s, _ := v.(string); return s }

// ids of the answer's data.
func (a *answer) ids() []string {
	a.Helper()
	var out []string
	for _, d := range a.data() {
		out = append(out, str(d["id"]))
	}
	return out
}

type fields = map[string]any

// insert creates contacts and returns their ids.
func (w *world) insert(recs ...fields) []string {
	w.Helper()
	var ids []string
	for _, d := range w.call("POST", "/Contacts", fields{"data": recs, "trigger": []string{}}).want(201).data() {
		ids = append(ids, str(detail(d, "id")))
	}
	return ids
}

// fill adds n contacts quickly.
func (w *world) fill(user string, n int, groups ...string) []string {
	w.Helper()
	seeds := make([]sandbox.Seed, n)
	for i := range seeds {
		f := record.Fields{}
		f.Set(record.NameFamily, "Oda")
		f.Set(record.NameGiven, "M"+strings.Repeat("x", i%7))
		seeds[i] = sandbox.Seed{Record: record.Record{Kind: record.Contact, Fields: f}, Groups: groups}
	}
	done, err := w.box.Fill(user, seeds)
	if err != nil {
		w.Fatal(err)
	}
	return done.IDs
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
