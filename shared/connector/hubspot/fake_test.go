package hubspot_test

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
	"meibo/shared/connector/hubspot"
	"meibo/shared/record"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

const (
	contactsPath   = "/crm/objects/2026-03/contacts"
	propertiesPath = "/crm/properties/2026-09/contacts"
)

// call is one request that a connector made of a scripted vendor.
type call struct {
	method, path string
	query        url.Values
	body         map[string]any
	raw          []byte
}

func (c call) op() string { return c.method + " " + c.path }

// inputs are the inputs of a batch.
func (c call) inputs() []map[string]any {
	var out []map[string]any
	list, _ := c.body["inputs"].([]any)
	for _, in := range list {
		m, _ := in.(map[string]any)
		out = append(out, m)
	}
	return out
}

// reply is one scripted answer; header is optional, and a status of 0 cuts the connection.
type reply struct {
	status int
	body   string
	header map[string]string
}

// script is a vendor that answers as a test says. Calls for the property catalogue are answered from properties.
type script struct {
	t          *testing.T
	clock      *clock.Virtual
	properties string
	answer     func(c call) reply

	mu    sync.Mutex
	calls []call // but those for the catalogue
}

// prop is a property of the catalogue: HubSpot's own where the name is not that of a custom one.
func prop(name, typ, field, more string) string {
	own := !strings.HasPrefix(name, "my_") && !strings.HasPrefix(name, "meibo_")
	return fmt.Sprintf(`{"name":%q,"label":"The %s","type":%q,"fieldType":%q,"groupName":"g","description":"","options":[],"hubspotDefined":%v%s}`, name, name, typ, field, own, more)
}

const stages = `,"options":[{"label":"Customer","value":"customer","displayOrder":2,"hidden":false},{"label":"Subscriber","value":"subscriber","displayOrder":0,"hidden":false},
 {"label":"Lead","value":"lead","displayOrder":1,"hidden":false}]`

func catalogue(more ...string) string {
	list := []string{prop("email", "string", "text", ""), prop("hs_additional_emails", "enumeration", "checkbox", `,"modificationMetadata":{"readOnlyValue":true}`),
		prop("hubspot_owner_id", "enumeration", "select", `,"externalOptions":true`), prop("hs_merged_object_ids", "enumeration", "checkbox", ""),
		strings.Replace(prop("lifecyclestage", "enumeration", "radio", stages), `"options":[],`, "", 1), prop("date_of_birth", "string", "text", ""),
		prop("lastmodifieddate", "datetime", "date", ""), prop("createdate", "datetime", "date", "")}
	for _, n := range []string{"firstname", "lastname", "salutation", "jobtitle", "company", "website", "phone", "mobilephone", "fax", "address", "city", "state", "zip", "country"} {
		list = append(list, prop(n, "string", "text", ""))
	}
	return `{"results":[` + strings.Join(append(list, more...), ",") + `]}`
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	c := call{method: r.Method, path: r.URL.Path, query: r.URL.Query()}
	if r.Body != nil {
		c.raw, _ = io.ReadAll(r.Body)
		if len(c.raw) > 0 && c.raw[0] == '{' && json.Unmarshal(c.raw, &c.body) != nil {
			s.t.Errorf("%s %s: the body is no JSON object", c.method, c.path)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var a reply
	if c.op() == "GET "+propertiesPath && s.properties != "" {
		a = reply{status: 200, body: s.properties}
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

// extra is what a token with all scopes comes with.
func extra(without ...string) map[string]string {
	var scopes []string
	for _, s := range append(hubspot.Scopes(), hubspot.OptionalScopes()...) {
		if !strings.Contains(strings.Join(without, " ")+" ", s+" ") {
			scopes = append(scopes, s)
		}
	}
	return map[string]string{hubspot.ExtraHub: "6213544", hubspot.ExtraUser: "9586504", hubspot.ExtraEmail: "mira.holt@ecospin.example",
		hubspot.ExtraDomain: "ecospin.example", hubspot.ExtraScopes: strings.Join(scopes, " ")}
}

// scripted returns a connector on a vendor that answers as answer says.
func scripted(t *testing.T, answer func(c call) reply) (*hubspot.Connector, *script) {
	t.Helper()
	s := &script{t: t, clock: clock.NewVirtual(start, true), properties: catalogue(), answer: answer}
	return open(t, s, hubspot.Config{Extra: extra()}), s
}

func open(t *testing.T, s *script, cfg hubspot.Config) *hubspot.Connector {
	t.Helper()
	cfg.Client, cfg.Clock = &http.Client{Transport: s}, s.clock
	c, err := hubspot.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

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

// row is a contact of an answer; props are names and values by turns.
func row(id string, props ...string) string {
	m := map[string]string{"hs_object_id": id}
	for i := 0; i+1 < len(props); i += 2 {
		m[props[i]] = props[i+1]
	}
	b, _ := json.Marshal(map[string]any{"id": id, "properties": m, "createdAt": "2026-02-25T16:23:49.023Z", "updatedAt": "2026-11-20T10:04:17.969Z", "archived": false})
	return string(b)
}

// rows is an answer with contacts; more are further members.
func rows(more string, list ...string) reply {
	return reply{status: 200, body: `{"results":[` + strings.Join(list, ",") + `]` + more + `}`}
}

// batched is the answer of a batch.
func batched(status int, list []string, errs ...string) reply {
	body := `{"status":"COMPLETE","results":[` + strings.Join(list, ",") + `],"startedAt":"2026-11-20T10:20:45.200Z","completedAt":"2026-11-20T10:20:45.610Z"`
	if len(errs) > 0 {
		body += fmt.Sprintf(`,"numErrors":%d,"errors":[%s]`, len(errs), strings.Join(errs, ","))
	}
	return reply{status: status, body: body + "}"}
}

// refusal is an error as HubSpot words it.
func refusal(status int, category, message string) reply {
	b, _ := json.Marshal(map[string]string{"status": "error", "message": message, "correlationId": "a43683b0-5717-4ceb-80b4-104d02915d8c", "category": category})
	return reply{status: status, body: string(b)}
}

// faulty is the message about one property.
func faulty(name, code string) string {
	return fmt.Sprintf(`Property values were not valid: [{"isValid":false,"message":"jon@secret is wrong","error":%q,"name":%q}]`, code, name)
}

func page(t *testing.T, c *hubspot.Connector, scope connector.Scope, cursor string) connector.Page {
	t.Helper()
	p, err := c.Changes(t.Context(), scope, cursor)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ids(p connector.Page) string {
	var out []string
	for _, it := range p.Changed {
		mark := map[connector.Membership]string{connector.InScope: "", connector.OutOfScope: "-", connector.ScopeUnknown: "?"}[it.Scope]
		out = append(out, it.ID+mark)
	}
	return strings.Join(out, ",")
}

func text(s string) []record.Value { return []record.Value{{Text: s}} }

func create(f record.Fields) connector.Write {
	return connector.Write{Op: connector.Create, Fields: f}
}

// apply applies writes.
func apply(t *testing.T, c *hubspot.Connector, ws ...connector.Write) []connector.Result {
	t.Helper()
	rs, err := c.Apply(t.Context(), ws)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// got reads one contact.
func got(t *testing.T, c *hubspot.Connector, id string) connector.Got {
	t.Helper()
	list, err := c.Get(t.Context(), nil, []string{id})
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}
