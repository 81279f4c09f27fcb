package google_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"meibo/shared/contract"
)

const discoveryDocument = "google-people.discovery.json"

// checker holds every exchange with the API against Google's discovery document: parameters, request bodies and answers may only
// have members that the document knows, of the types that it says. Without the document it checks nothing.
type checker struct {
	t   *testing.T
	doc *discovery
}

type discovery struct {
	Schemas    map[string]schema `json:"schemas"`
	Parameters map[string]schema `json:"parameters"`
	Resources  map[string]resource
	methods    []method
}

type resource struct {
	Methods   map[string]method
	Resources map[string]resource
}

type method struct {
	ID         string
	HTTPMethod string
	FlatPath   string
	Parameters map[string]schema
	Request    struct {
		Ref string `json:"$ref"`
	}
	Response struct {
		Ref string `json:"$ref"`
	}
	pattern *regexp.Regexp
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Location   string
	Required   bool
	Repeated   bool
	Enum       []string
	Items      *schema
	Properties map[string]schema
	// AdditionalProperties are a map's values.
	AdditionalProperties *schema
}

// loadDiscovery parses the text of the document.
func loadDiscovery(t *testing.T, text []byte) *discovery {
	t.Helper()
	d := &discovery{}
	if err := json.Unmarshal(text, d); err != nil {
		t.Fatal(err)
	}
	d.collect(d.Resources)
	return d
}

func (d *discovery) collect(rs map[string]resource) {
	for _, r := range rs {
		for _, m := range r.Methods {
			path := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta("/"+m.FlatPath), `[^/:]+`)
			m.pattern = regexp.MustCompile("^" + path + "$")
			d.methods = append(d.methods, m)
		}
		d.collect(r.Resources)
	}
}

func newChecker(t *testing.T) *checker {
	t.Helper()
	c := &checker{t: t}
	if text := contract.File(t, discoveryDocument); text != nil {
		c.doc = loadDiscovery(t, text)
	}
	return c
}

// wrap checks what goes through h. A refused request may be as wrong as it likes.
func (c *checker) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.doc == nil || !strings.HasPrefix(r.URL.Path, "/v1/") || r.URL.Path == "/v1/userinfo" {
			h.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			c.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code == http.StatusOK {
			for _, p := range c.exchange(r, body, rec.Body.Bytes()) {
				c.t.Errorf("%s %s: %s", r.Method, r.URL.Path, p)
			}
		}
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

func (c *checker) exchange(r *http.Request, request, answer []byte) (problems []string) {
	for _, m := range c.doc.methods {
		if m.HTTPMethod != r.Method || !m.pattern.MatchString(r.URL.Path) {
			continue
		}
		for name, vs := range r.URL.Query() {
			p, ok := m.Parameters[name]
			if !ok {
				p, ok = c.doc.Parameters[name]
			}
			if !ok {
				problems = append(problems, "unknown parameter "+name)
			} else if len(vs) > 1 && !p.Repeated {
				problems = append(problems, "repeated parameter "+name)
			}
		}
		if m.Request.Ref != "" {
			problems = append(problems, c.doc.body(m.Request.Ref, request, "request")...)
		}
		return append(problems, c.doc.body(m.Response.Ref, answer, "answer")...)
	}
	return []string{"no such method in the document"}
}

func (d *discovery) body(ref string, b []byte, at string) []string {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return []string{at + ": " + err.Error()}
	}
	return d.walk(schema{Ref: ref}, v, at)
}

// walk says what of v does not fit s.
func (d *discovery) walk(s schema, v any, at string) (problems []string) {
	if s.Ref != "" {
		target, ok := d.Schemas[s.Ref]
		if !ok {
			return []string{at + ": the document has no schema " + s.Ref}
		}
		s = target
	}
	wrong := func() []string { return []string{fmt.Sprintf("%s: %T is not %s", at, v, s.Type)} }
	switch s.Type {
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			return wrong()
		}
		for k, v := range m {
			member, known := s.Properties[k]
			if !known && s.AdditionalProperties != nil {
				member, known = *s.AdditionalProperties, true
			}
			if !known {
				problems = append(problems, at+": unknown member "+k)
				continue
			}
			problems = append(problems, d.walk(member, v, at+"."+k)...)
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			return wrong()
		}
		for i, v := range list {
			problems = append(problems, d.walk(*s.Items, v, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case "string":
		text, ok := v.(string)
		if !ok {
			return wrong()
		}
		if len(s.Enum) > 0 && !contains(s.Enum, text) {
			problems = append(problems, at+": "+text+" is not in the enum")
		}
		if s.Format == "google-datetime" {
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				problems = append(problems, at+": "+err.Error())
			}
		}
	case "integer":
		n, ok := v.(json.Number)
		if !ok {
			return wrong()
		}
		if _, err := n.Int64(); err != nil {
			problems = append(problems, at+": "+err.Error())
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong()
		}
	case "any", "":
	default:
		problems = append(problems, at+": the checker does not know the type "+s.Type)
	}
	return problems
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func TestDiscoveryCheckerSeesWhatIsWrong(t *testing.T) {
	doc := loadDiscovery(t, contract.Need(t, discoveryDocument))
	for _, body := range []string{
		`{"resourceName":1}`, `{"nope":1}`, `{"names":[{"givenName":true}]}`, `{"names":{}}`,
		`{"metadata":{"sources":[{"type":"FRIEND"}]}}`, `{"metadata":{"sources":[{"updateTime":"yesterday"}]}}`,
		`{"birthdays":[{"date":{"year":"1970"}}]}`,
	} {
		if got := doc.body("Person", []byte(body), "answer"); len(got) != 1 {
			t.Errorf("%s: got problems %q, want one", body, got)
		}
	}
}
