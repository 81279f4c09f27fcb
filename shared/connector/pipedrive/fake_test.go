package pipedrive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/record"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

const domain = "https://ecospin-4f21.pipedrive.com"

// call is one request that a connector made of a scripted vendor.
type call struct {
	method, path string
	query        url.Values
	body         map[string]any
	raw          []byte
	contentType  string
}

func (c call) op() string { return c.method + " " + c.path }

// reply is one scripted answer; header is optional.
type reply struct {
	status int
	body   string
	header map[string]string
}

// script is a vendor that answers as a test says. Calls for the field catalogue are answered from fields.
type script struct {
	t      *testing.T
	clock  *clock.Virtual
	fields string
	answer func(c call) reply

	mu    sync.Mutex
	calls []call // but those for the catalogue
}

const (
	codeRank = "9dc80c50d78a15643bfc4ca79d76156a73a1ca0e"
	codeYomi = "53c2f18db6a1655d6af8bba77d9679565f975fd8"
	codeSize = "0b6a1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7081"
)

const builtin = `
 {"field_name":"Name","field_code":"name","field_type":"varchar","is_custom_field":false},
 {"field_name":"Email","field_code":"email","field_type":"varchar","is_custom_field":false},
 {"field_name":"Organization","field_code":"org_id","field_type":"org","is_custom_field":false},
 {"field_name":"Yomi","field_code":"` + codeYomi + `","field_type":"varchar","is_custom_field":true},
 {"field_name":"Rank","field_code":"` + codeRank + `","field_type":"enum","is_custom_field":true,"options":[{"id":7,"label":"Gold"},{"id":9,"label":"Tin"}]},
 {"field_name":"Size","field_code":"` + codeSize + `","field_type":"double","is_custom_field":true},
 {"field_name":"Deal","field_code":"d4de1c1518b4531717c676029a45911c340390a6","field_type":"monetary","is_custom_field":true}`

const contactSync = `,
 {"field_name":"IM","field_code":"im","field_type":"varchar","is_custom_field":false},
 {"field_name":"Postal address","field_code":"postal_address","field_type":"address","is_custom_field":false},
 {"field_name":"Notes","field_code":"notes","field_type":"text","is_custom_field":false},
 {"field_name":"Birthday","field_code":"birthday","field_type":"date","is_custom_field":false},
 {"field_name":"Job title","field_code":"job_title","field_type":"varchar","is_custom_field":false}`

func visibleTo(ids ...int) string {
	var o []string
	for _, id := range ids {
		o = append(o, fmt.Sprintf(`{"id":"%d","label":"L%d"}`, id, id))
	}
	return `,{"field_name":"Visible to","field_code":"visible_to","field_type":"visible_to","is_custom_field":false,"options":[` + strings.Join(o, ",") + `]}`
}

func catalogue(entries ...string) string {
	return `{"success":true,"data":[` + strings.Join(entries, "") + `],"additional_data":{"next_cursor":null}}`
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	c := call{method: r.Method, path: r.URL.Path, query: r.URL.Query(), contentType: r.Header.Get("Content-Type")}
	if r.Body != nil {
		c.raw, _ = io.ReadAll(r.Body)
		if len(c.raw) > 0 && c.contentType == "application/json" && json.Unmarshal(c.raw, &c.body) != nil {
			s.t.Errorf("%s %s: the body is no JSON object", c.method, c.path)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var a reply
	if c.op() == "GET /api/v2/personFields" && s.fields != "" {
		a = reply{status: 200, body: s.fields}
	} else {
		s.calls = append(s.calls, c)
		a = s.answer(c)
	}
	if a.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	h := http.Header{"Date": {s.clock.Now().Format(http.TimeFormat)}}
	for k, v := range a.header {
		h.Set(k, v)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(bytes.NewReader([]byte(a.body))), Request: r}, nil
}

// scripted returns a connector on a vendor that answers as answer says.
func scripted(t *testing.T, answer func(c call) reply) (*pipedrive.Connector, *script) {
	t.Helper()
	s := &script{t: t, clock: clock.NewVirtual(start, true), fields: catalogue(builtin, contactSync, visibleTo(1, 3)), answer: answer}
	return open(t, s, pipedrive.Config{}), s
}

func open(t *testing.T, s *script, cfg pipedrive.Config) *pipedrive.Connector {
	t.Helper()
	cfg.Client, cfg.APIDomain, cfg.Clock, cfg.Rand = &http.Client{Transport: s}, domain, s.clock, zeros{}
	c, err := pipedrive.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// zeros makes jitter nothing.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func (s *script) count(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c.op() == op {
			n++
		}
	}
	return n
}

// last returns the latest call of op.
func (s *script) last(op string) call {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.calls) - 1; i >= 0; i-- {
		if s.calls[i].op() == op {
			return s.calls[i]
		}
	}
	s.t.Fatalf("no call %s was made", op)
	return call{}
}

// data is an answer with data and the cursor of the next page.
func data(v string, next string) reply {
	n := "null"
	if next != "" {
		n = fmt.Sprintf("%q", next)
	}
	return reply{status: 200, body: `{"success":true,"data":` + v + `,"additional_data":{"next_cursor":` + n + `}}`}
}

func refusal(status int, text string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"success":false,"error":%q,"data":null}`, text)}
}

// row is a person of a listing.
func row(id, owner int, name string, updated time.Time) string {
	first, last, _ := strings.Cut(name, " ")
	return fmt.Sprintf(`{"id":%d,"name":%q,"first_name":%q,"last_name":%q,"owner_id":%d,"org_id":null,"add_time":"2026-02-25T16:14:58Z","update_time":%q,
		"emails":[],"phones":[],"is_deleted":false,"visible_to":3,"label_ids":[],"picture_id":null,"custom_fields":{}}`, id, name, first, last, owner, updated.Format(time.RFC3339))
}

func rows(r ...string) string { return "[" + strings.Join(r, ",") + "]" }

func ids(p connector.Page) string {
	var out []string
	for _, it := range p.Changed {
		mark := map[connector.Membership]string{connector.InScope: "", connector.OutOfScope: "-", connector.ScopeUnknown: "?"}[it.Scope]
		out = append(out, it.ID+mark)
	}
	return strings.Join(out, ",")
}

func page(t *testing.T, c *pipedrive.Connector, scope connector.Scope, cursor string) connector.Page {
	t.Helper()
	p, err := c.Changes(t.Context(), scope, cursor)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func text(s string) []record.Value { return []record.Value{{Text: s}} }

func create(f record.Fields) connector.Write {
	return connector.Write{Op: connector.Create, Fields: f}
}

// one applies one write.
func one(t *testing.T, c *pipedrive.Connector, w connector.Write) connector.Result {
	t.Helper()
	rs, err := c.Apply(t.Context(), []connector.Write{w})
	if err != nil {
		t.Fatal(err)
	}
	return rs[0]
}
