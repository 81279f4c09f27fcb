package google_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"meibo/shared/contract"
)

// The discovery document, as far as requests need it.
type (
	discovery struct {
		Parameters map[string]any    `json:"parameters"`
		Schemas    map[string]schema `json:"schemas"`
		Resources  map[string]resource
	}
	resource struct {
		Methods   map[string]method
		Resources map[string]resource
	}
	method struct {
		HTTPMethod, FlatPath string
		Parameters           map[string]struct {
			Location string
			Repeated bool
		}
		Request *struct {
			Ref string `json:"$ref"`
		}
	}
	schema struct {
		Ref                  string `json:"$ref"`
		Type                 string
		Format               string
		ReadOnly             bool
		Properties           map[string]schema
		Items                *schema
		AdditionalProperties *schema
	}
)

func (r resource) methods(into *[]method) {
	for _, m := range r.Methods {
		*into = append(*into, m)
	}
	for _, sub := range r.Resources {
		sub.methods(into)
	}
}

// checker is a transport that holds every request against the discovery document.
type checker struct {
	t       *testing.T
	base    http.RoundTripper
	doc     discovery
	methods []method
	checked map[string]int
}

func newChecker(t *testing.T, base http.RoundTripper) *checker {
	c := &checker{t: t, base: base, checked: map[string]int{}}
	if err := json.Unmarshal(contract.Need(t, "google-people.discovery.json"), &c.doc); err != nil {
		t.Fatal(err)
	}
	resource{Resources: c.doc.Resources}.methods(&c.methods)
	return c
}

func (c *checker) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		if err := c.check(r); err != nil {
			c.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	}
	return c.base.RoundTrip(r)
}

func (c *checker) check(r *http.Request) error {
	i := slices.IndexFunc(c.methods, func(m method) bool { return m.HTTPMethod == r.Method && matches(m.FlatPath, r.URL.Path) })
	if i < 0 {
		return fmt.Errorf("no such method")
	}
	m := c.methods[i]
	c.checked[m.FlatPath]++
	if err := c.query(m, r.URL.Query()); err != nil {
		return err
	}
	if m.Request == nil {
		if r.Body != nil && r.ContentLength != 0 {
			return fmt.Errorf("a body, where none belongs")
		}
		return nil
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	return c.value(schema{Ref: m.Request.Ref}, v, m.Request.Ref)
}

func matches(flat, path string) bool {
	want, got := strings.Split("/"+flat, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		name, verb, _ := strings.Cut(want[i], ":")
		gotName, gotVerb, _ := strings.Cut(got[i], ":")
		if verb != gotVerb || name != gotName && !strings.HasPrefix(name, "{") {
			return false
		}
	}
	return true
}

func (c *checker) query(m method, q url.Values) error {
	for k, vs := range q {
		p, ok := m.Parameters[k]
		if _, standard := c.doc.Parameters[k]; !standard && (!ok || p.Location != "query") {
			return fmt.Errorf("no parameter %s", k)
		}
		if len(vs) > 1 && !p.Repeated {
			return fmt.Errorf("parameter %s twice", k)
		}
	}
	return nil
}

// value checks that every member is known, of its type, and not for output only. The sources that an update must name are inside
// Person.metadata, which the document calls output only as a whole: the sheet has the exception.
func (c *checker) value(s schema, v any, at string) error {
	if s.Ref != "" {
		s = c.doc.Schemas[s.Ref]
	}
	fits := true
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			p, ok := s.Properties[k]
			if s.AdditionalProperties != nil {
				p, ok = *s.AdditionalProperties, true
			}
			if !ok || p.ReadOnly && k != "metadata" {
				return fmt.Errorf("%s.%s is unknown or for output only", at, k)
			}
			if err := c.value(p, x, at+"."+k); err != nil {
				return err
			}
		}
		fits = s.Type == "object"
	case []any:
		if fits = s.Type == "array"; fits {
			for _, x := range v {
				if err := c.value(*s.Items, x, at+"[]"); err != nil {
					return err
				}
			}
		}
	case string:
		fits = s.Type == "string"
	case bool:
		fits = s.Type == "boolean"
	case float64:
		fits = s.Type == "integer" || s.Type == "number"
	}
	if !fits {
		return fmt.Errorf("%s is %T, want %s", at, v, s.Type)
	}
	return nil
}
