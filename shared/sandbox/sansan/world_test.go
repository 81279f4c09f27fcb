package sansan_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/sansan"
)

const (
	aiko  = "aiko.morita@kitano.example"
	ren   = "ren.ota@kitano.example"
	mio   = "mio.hara@elsewhere.example"
	start = "2026-11-20T10:00:00+09:00"
)

// world is a sandbox behind a loopback server, on a clock that stands still. Aiko has a key.
type world struct {
	*testing.T
	box   *sansan.Sandbox
	srv   *httptest.Server
	clock *clock.Virtual
}

func newWorld(t *testing.T, change ...func(*sansan.Config)) *world {
	t.Helper()
	at, err := time.Parse(time.RFC3339, start)
	must(t, err)
	v := clock.NewVirtual(at, true)
	cfg := sansan.Config{Clock: v, Seed: 7, Limits: sansan.Limits{Requests: -1}}
	for _, c := range change {
		c(&cfg)
	}
	box, err := sansan.New(cfg)
	must(t, err)
	w := &world{T: t, box: box, clock: v}
	w.srv = httptest.NewServer(box)
	t.Cleanup(w.srv.Close)
	if box.Key(aiko) == "" {
		w.user(aiko, "森田 愛子")
	}
	return w
}

func (w *world) user(email, name string) {
	w.Helper()
	must(w.T, w.box.AddUser(sansan.User{Email: email, Name: name}))
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

// as calls with another user's key.
func as(w *world, user string) option { return header("X-Sansan-Api-Key", w.box.Key(user)) }

// get makes a call as Aiko and checks it against the contract. The query is pairs.
func (w *world) get(path string, query ...string) *answer {
	w.Helper()
	return w.getAs(aiko, path, query...)
}

func (w *world) getAs(user, path string, query ...string) *answer {
	w.Helper()
	if len(query) > 0 {
		path += "?" + spelled(query)
	}
	return w.call("GET", path, nil, as(w, user))
}

func (w *world) call(method, path string, body any, opts ...option) *answer {
	w.Helper()
	var sent []byte
	switch b := body.(type) {
	case nil:
	case string:
		sent = []byte(b)
	default:
		var err error
		sent, err = json.Marshal(b)
		must(w.T, err)
	}
	r, err := http.NewRequest(method, w.srv.URL+"/v6.0"+path, bytes.NewReader(sent))
	must(w.T, err)
	r.Header.Set("X-Sansan-Api-Key", w.box.Key(aiko))
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

// control sends a control request and returns its answer, which must be a success.
func (w *world) control(method, path string, body any) map[string]any {
	w.Helper()
	return w.controlAny(method, path, body).want(200).body
}

func (w *world) controlAny(method, path string, body any) *answer {
	w.Helper()
	b, err := json.Marshal(body)
	must(w.T, err)
	r, err := http.NewRequest(method, w.srv.URL+"/sandbox/"+path, bytes.NewReader(b))
	must(w.T, err)
	return w.send(r)
}

// want checks the status; an error must be in its form.
func (a *answer) want(status int) *answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("status: got %d %s, want %d", a.status, a.raw, status)
	}
	return a
}

// refused checks an error and its body.
func (a *answer) refused(status int, text string) {
	a.Helper()
	a.want(status)
	list, _ := a.body["error"].([]any)
	if a.body["statusCode"] != float64(status) || !strings.Contains(str(a.body["message"]), text) || len(list) != 1 ||
		list[0].(map[string]any)["code"] != "E"+strconv.Itoa(status) || len(a.body) != 3 {
		a.Fatalf("error: got %s, want %q in it", a.raw, text)
	}
}

// data is the answer's rows.
func (a *answer) data() []map[string]any {
	a.Helper()
	a.want(200)
	xs, ok := a.body["data"].([]any)
	if !ok {
		a.Fatalf("got %s, want data", a.raw)
	}
	out := make([]map[string]any, len(xs))
	for i, x := range xs {
		out[i], _ = x.(map[string]any)
	}
	return out
}

// names are the last names of the answer's cards between commas.
func (a *answer) names() string {
	a.Helper()
	var out []string
	for _, d := range a.data() {
		out = append(out, str(d["lastName"]))
	}
	return strings.Join(out, ",")
}

func (a *answer) token() string { return str(a.body["nextPageToken"]) }

func str(v any) string { s, _ := v.(string); return s }

// day is the window of the day around the world's start.
func day(more ...string) []string {
	return append([]string{"updatedFrom", "2026-11-20T00:00:00+09:00", "updatedTo", "2026-11-21T00:00:00+09:00"}, more...)
}

func (w *world) list(more ...string) *answer { w.Helper(); return w.get("/bizCards", day(more...)...) }

func named(family, given string) record.Record {
	f := record.Fields{}
	f.Set(record.NameFamily, family)
	f.Set(record.NameGiven, given)
	return record.Record{Kind: record.Contact, Fields: f}
}

// fill adds persons of those family names to a user, a second apart, and returns their ids.
func (w *world) fill(user string, families ...string) []string {
	w.Helper()
	var ids []string
	for _, f := range families {
		done, err := w.box.Put(user, []sandbox.Seed{{Record: named(f, "太郎")}})
		must(w.T, err)
		ids = append(ids, done...)
		w.clock.Advance(time.Second)
	}
	return ids
}

// card adds a card of a person and returns its id.
func (w *world) card(user string, in sansan.NewCard) string {
	w.Helper()
	id, _, err := w.box.AddCard(user, in)
	must(w.T, err)
	w.clock.Advance(time.Second)
	return id
}

// head is the id of the user's newest card of a person.
func (w *world) head(user, person string) string {
	w.Helper()
	cards, err := w.box.Cards(user, person)
	must(w.T, err)
	return str(cards[0]["id"])
}

func family(text string) record.Fields { return named(text, "太郎").Fields }

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

// spelled spells pairs as a query.
func spelled(pairs []string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return q.Encode()
}
