package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/record"
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
)

const personal = "9188040d-6c67-4c5b-b112-36a304b66dad"

// server answers requests by hand; what it was asked is in the log as "METHOD path?query".
type server struct {
	t      *testing.T
	url    string
	clock  *clock.Virtual
	client *http.Client
	log    []string
	parts  []part // of all batches so far
	// on answers a request, alone or as a part of a batch, by what begins its log line; the longest that fits counts.
	on map[string]func(part) reply
}

type part struct {
	ID      string
	Method  string
	URL     string
	Headers map[string]string
	Body    json.RawMessage
}

type reply struct {
	status int
	header map[string]string
	body   string
}

func ok(body string) func(part) reply {
	return func(part) reply { return reply{status: 200, body: body} }
}

func refuse(status int, code string) func(part) reply {
	return func(part) reply {
		return reply{status: status, body: `{"error":{"code":"` + code + `","message":"The value Aiko@example.com is not good."}}`}
	}
}

// then gives one answer after the other, the last one for ever.
func then(fs ...func(part) reply) func(part) reply {
	n := 0
	return func(p part) reply {
		f := fs[min(n, len(fs)-1)]
		n++
		return f(p)
	}
}

func newServer(t *testing.T, on map[string]func(part) reply) *server {
	t.Helper()
	s := &server{t: t, clock: clock.NewVirtual(start, true), on: on}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.url, s.client = srv.URL, srv.Client()
	return s
}

func (s *server) connector(change ...func(*graph.Config)) *graph.Connector {
	s.t.Helper()
	cfg := graph.Config{Client: s.client, BaseURL: s.url + "/v1.0", Clock: s.clock, Patience: time.Minute}
	for _, f := range change {
		f(&cfg)
	}
	c, err := graph.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func asPersonal(c *graph.Config) {
	c.Extra = map[string]string{graph.ExtraTenant: personal, graph.ExtraObject: "o"}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	p := part{Method: r.Method, URL: strings.TrimPrefix(r.URL.RequestURI(), "/v1.0"), Headers: map[string]string{}, Body: body}
	for k := range r.Header {
		p.Headers[k] = r.Header.Get(k)
	}
	var a reply
	if f, own := s.on["POST /$batch"]; own || p.URL != "/$batch" {
		if own && p.URL == "/$batch" {
			a = f(p)
		} else {
			a = s.answer(p)
		}
	} else {
		a = s.batch(p)
	}
	if a.status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	io.WriteString(w, strings.ReplaceAll(a.body, "BASE", s.url+"/v1.0"))
}

func (s *server) batch(p part) reply {
	s.log = append(s.log, "POST /$batch")
	var in struct{ Requests []part }
	if err := json.Unmarshal(p.Body, &in); err != nil {
		s.t.Error(err)
	}
	s.parts = append(s.parts, in.Requests...)
	var out []string
	for _, q := range slices.Backward(in.Requests) { // answers come in any order
		a := s.answer(q)
		if a.status == 0 {
			continue
		}
		h, err := json.Marshal(a.header)
		if err != nil {
			s.t.Error(err)
		}
		if a.body == "" {
			a.body = "null"
		}
		out = append(out, fmt.Sprintf(`{"id":%q,"status":%d,"headers":%s,"body":%s}`, q.ID, a.status, h, a.body))
	}
	return reply{status: 200, body: `{"responses":[` + strings.Join(out, ",") + `]}`}
}

func (s *server) answer(p part) reply {
	line := p.Method + " " + p.URL
	s.log = append(s.log, line)
	best := ""
	for k := range s.on {
		if strings.HasPrefix(line, k) && len(k) > len(best) {
			best = k
		}
	}
	if best == "" {
		s.t.Errorf("nobody expected %s", line)
		return reply{status: 404, body: `{"error":{"code":"ErrorItemNotFound","message":""}}`}
	}
	return s.on[best](p)
}

// whole is the JSON of a contact with every member; extra replaces members.
func whole(id, key string, extra map[string]any) string {
	m := map[string]any{"id": id, "changeKey": key, "@odata.etag": `W/"` + key + `"`, "createdDateTime": "2026-11-02T08:12:44Z", "parentFolderId": "F",
		"categories": []string{}, "emailAddresses": []any{}, "businessPhones": []string{}, "homePhones": []string{}, "imAddresses": []string{}, "children": []string{},
		"homeAddress": map[string]any{}, "businessAddress": map[string]any{}, "otherAddress": map[string]any{}}
	for _, name := range []string{"birthday", "fileAs", "displayName", "givenName", "initials", "middleName", "nickName", "surname", "title", "yomiGivenName", "yomiSurname",
		"yomiCompanyName", "generation", "jobTitle", "companyName", "department", "officeLocation", "profession", "businessHomePage", "assistantName", "manager",
		"mobilePhone", "spouseName", "personalNotes"} {
		m[name] = nil
	}
	for k, v := range extra {
		m[k] = v
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// page is the JSON of a page of change tracking.
func page(next, delta string, entries ...string) string {
	links := ""
	if next != "" {
		links += `,"@odata.nextLink":"BASE` + next + `"`
	}
	if delta != "" {
		links += `,"@odata.deltaLink":"BASE` + delta + `"`
	}
	return `{"value":[` + strings.Join(entries, ",") + `]` + links + `}`
}

func removed(id, reason string) string {
	return `{"id":"` + id + `","@removed":{"reason":"` + reason + `"}}`
}

func text(s string) []record.Value { return []record.Value{{Text: s}} }

// read returns a contact as a listing would.
func read(t *testing.T, extra map[string]any) connector.Item {
	t.Helper()
	s := newServer(t, map[string]func(part) reply{"GET /me/contactFolders/F/contacts/delta": ok(page("", "/d?$deltatoken=1", whole("A", "k1", extra)))})
	p, err := s.connector().Changes(ctx, connector.Scope{Groups: []string{"folder:F"}}, "")
	if err != nil || len(p.Changed) != 1 {
		t.Fatalf("%d items, %v", len(p.Changed), err)
	}
	return p.Changed[0]
}
