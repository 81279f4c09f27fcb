package hubspot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// specs finds the folder of vendor documents beside the module, or "".
func specs() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			s := filepath.Join(filepath.Dir(dir), "shared", "vendors", "specs")
			if _, e := os.Stat(s); e == nil {
				return s
			}
			return ""
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
	return ""
}

// shelf holds the documents that were needed so far, with their overlays.
type shelf struct {
	mu   sync.Mutex
	docs map[string]*openapi3.T
}

var documents shelf

// get loads one document; nil means that there are none.
func (s *shelf) get(name string) (*openapi3.T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir := specs()
	if d := s.docs[name]; d != nil || dir == "" {
		return d, nil
	}
	b, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err != nil {
		return nil, err
	}
	patch, err := os.ReadFile(filepath.Join(dir, "overlays", name+".patch.json"))
	if err != nil {
		return nil, err
	}
	if b, err = patched(b, patch); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if s.docs == nil {
		s.docs = map[string]*openapi3.T{}
	}
	s.docs[name] = d
	return d, nil
}

// patched applies an RFC 6902 patch whose paths lead through objects, as the overlays here do.
func patched(doc, patch []byte) ([]byte, error) {
	var root any
	var ops []struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	if err := json.Unmarshal(doc, &root); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(patch, &ops); err != nil {
		return nil, err
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, op := range ops {
		at, steps := root, strings.Split(op.Path, "/")[1:]
		for _, s := range steps[:len(steps)-1] {
			m, _ := at.(map[string]any)
			at = m[unescape.Replace(s)]
		}
		m, ok := at.(map[string]any)
		last := unescape.Replace(steps[len(steps)-1])
		switch {
		case !ok:
			return nil, fmt.Errorf("patch: cannot %s at %s", op.Op, op.Path)
		case op.Op == "remove":
			delete(m, last)
		default:
			m[last] = op.Value
		}
	}
	return json.Marshal(root)
}

// needDocuments skips without the vendor's documents, and fails where they must be there.
func needDocuments(t *testing.T) {
	t.Helper()
	if specs() != "" {
		return
	}
	if os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
		t.Fatal("the vendor documents are missing beside the repository")
	}
	t.Skip("the vendor documents are not beside the repository")
}

// operationOf finds the document's path for a call: the one with the most fixed segments.
func operationOf(d *openapi3.T, method, path string) (string, map[string]string) {
	have := strings.Split(path, "/")
	best, most, found := "", -1, map[string]string{}
	for p, item := range d.Paths.Map() {
		want := strings.Split(p, "/")
		if len(want) != len(have) || item.GetOperation(method) == nil {
			continue
		}
		fixed, params, ok := 0, map[string]string{}, true
		for i, s := range want {
			switch {
			case strings.HasPrefix(s, "{"):
				params[strings.Trim(s, "{}")] = have[i]
			case s == have[i]:
				fixed++
			default:
				ok = false
			}
		}
		if ok && fixed > most {
			best, most, found = p, fixed, params
		}
	}
	return best, found
}

var versionForm = regexp.MustCompile(`/(v[134]|2026-0[39])(/|$)`)

// documentOf names the document that a path belongs to.
func documentOf(path string) string {
	version := "v3"
	if m := versionForm.FindStringSubmatch(path); m != nil {
		version = m[1]
	}
	for part, name := range map[string]string{"/associations/": "associations", "/properties/": "properties", "/lists": "lists", "/owners": "owners",
		"/account-info/": "account-info", "/appinstalls/": "app-uninstalls", "/oauth/": "oauth"} {
		if strings.Contains(path, part) {
			return "hubspot-" + name + "-" + version
		}
	}
	if strings.Contains(path, "/companies") || strings.Contains(path, "/0-2") {
		return "hubspot-companies-" + version
	}
	return "hubspot-contacts-" + version
}

// numericID is the one place where the older version of associations sends a number for the document's text, as recorded.
var numericID = regexp.MustCompile(`"toObjectId":(\d+)`)

// checkContract validates a successful call against the vendor's document, when that is there. Answers that are no success are
// outside the documents, but for their JSON form.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	name := documentOf(r.URL.Path)
	d, err := documents.get(name)
	if err != nil {
		t.Fatal(err)
	}
	if d == nil || a.status >= 300 || strings.HasSuffix(r.URL.Path, "/revoke") {
		return
	}
	path, params := operationOf(d, r.Method, r.URL.Path)
	if path == "" {
		t.Fatalf("%s %s succeeded and is not in %s", r.Method, r.URL.Path, name)
	}
	item := d.Paths.Find(path)
	op := item.GetOperation(r.Method)
	for k := range r.URL.Query() {
		if op.Parameters.GetByInAndName("query", k) == nil {
			t.Fatalf("%s %s: the parameter %s is not in %s", r.Method, path, k, name)
		}
	}
	again := r.Clone(context.Background())
	again.Body = io.NopCloser(bytes.NewReader(sent))
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, QueryParams: r.URL.Query(),
		Route:   &routers.Route{Spec: d, Path: path, PathItem: item, Method: r.Method, Operation: op},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}}
	// A list of properties is one parameter between commas, which the documents type as an array.
	if r.URL.RawQuery == "" {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Fatalf("%s %s: the request breaks %s: %v", r.Method, path, name, err)
		}
	}
	if op.Responses.Status(a.status) == nil {
		t.Fatalf("%s %s: the status %d is not in %s", r.Method, path, a.status, name)
	}
	raw := a.raw
	if strings.HasSuffix(name, "-v4") {
		raw = numericID.ReplaceAll(raw, []byte(`"toObjectId":"$1"`))
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: in.Options}
	out.SetBodyBytes(raw)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Fatalf("%s %s: the answer breaks %s: %.900s\n%.300s", r.Method, path, name, err, a.raw)
	}
}

// sample reads one of the fact sheet's samples.
func sample[T any](t *testing.T, name string) T {
	t.Helper()
	needDocuments(t)
	b, err := os.ReadFile(filepath.Join(specs(), "samples", "hubspot", name+".json"))
	must(t, err)
	var out T
	must(t, json.Unmarshal(b, &out))
	return out
}

// sameShape checks that got has every member that the sample has, of the same kind, and no other; null fits anything.
func sameShape(t *testing.T, at string, got, want any, extra ...string) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			t.Fatalf("%s: got %T, want an object", at, got)
		}
		for k, v := range w {
			have, ok := g[k]
			if !ok {
				t.Fatalf("%s: the member %q is missing", at, k)
			}
			if have != nil && v != nil {
				sameShape(t, at+"."+k, have, v, extra...)
			}
		}
		for k := range g {
			if _, ok := w[k]; !ok && !strings.Contains(" "+strings.Join(extra, " ")+" ", " "+k+" ") {
				t.Fatalf("%s: the member %q is not in the sample", at, k)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(w) > 0 && len(g) == 0 {
			t.Fatalf("%s: got %v, want a filled array", at, got)
		}
		for i, x := range g {
			if len(w) > 0 {
				sameShape(t, at+"[]", x, w[min(i, len(w)-1)], extra...)
			}
		}
	default:
		if g, w := fmt.Sprintf("%T", got), fmt.Sprintf("%T", want); g != w {
			t.Fatalf("%s: got %s, want %s", at, g, w)
		}
	}
}

func TestVendorDocumentsAreChecked(t *testing.T) {
	needDocuments(t)
	for _, version := range []string{"v3", "2026-03", "2026-09"} {
		d, err := documents.get("hubspot-contacts-" + version)
		must(t, err)
		values := d.Components.Schemas["SimplePublicObject"].Value.Properties["properties"].Value.AdditionalProperties.Schema.Value
		equal(t, "nulls by the overlay of "+version, values.Nullable, true)
	}
	equal(t, "document", documentOf("/crm/objects/2026-09/contacts/12/associations/companies"), "hubspot-associations-2026-09")
	equal(t, "document", documentOf("/crm/v3/objects/0-2/search"), "hubspot-companies-v3")
	d, err := documents.get("hubspot-lists-v3")
	must(t, err)
	path, params := operationOf(d, "GET", "/crm/v3/lists/12/memberships")
	equal(t, "path", path, "/crm/v3/lists/{listId}/memberships")
	equal(t, "id", params["listId"], "12")
}
