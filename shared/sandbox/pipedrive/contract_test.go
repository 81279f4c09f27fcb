package pipedrive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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

// documents loads Pipedrive's three OpenAPI files once, by name; nil means that they are not there.
var documents = sync.OnceValues(func() (map[string]*openapi3.T, error) {
	dir := specs()
	if dir == "" {
		return nil, nil
	}
	out := map[string]*openapi3.T{}
	for _, name := range []string{"pipedrive-v1.json", "pipedrive-v2.json", "pipedrive-oauth.json"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if patch, err := os.ReadFile(filepath.Join(dir, "overlays", strings.TrimSuffix(name, ".json")+".patch.json")); err == nil {
			if b, err = patched(b, patch); err != nil {
				return nil, err
			}
		}
		if out[name], err = openapi3.NewLoader().LoadFromData(b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
})

// patched applies an RFC 6902 patch that only adds members, as the overlays here do.
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
			switch x := at.(type) {
			case map[string]any:
				at = x[unescape.Replace(s)]
			case []any:
				i := int(s[0] - '0')
				if len(s) != 1 || i < 0 || i >= len(x) {
					return nil, fmt.Errorf("patch: %s: no element %s", op.Path, s)
				}
				at = x[i]
			}
		}
		m, ok := at.(map[string]any)
		if !ok || op.Op != "add" {
			return nil, fmt.Errorf("patch: cannot %s at %s", op.Op, op.Path)
		}
		m[unescape.Replace(steps[len(steps)-1])] = op.Value
	}
	return json.Marshal(root)
}

// needDocuments skips without the vendor's documents, and fails where they must be there.
func needDocuments(t *testing.T) map[string]*openapi3.T {
	t.Helper()
	d, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	if d == nil {
		if os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
			t.Fatal("the vendor documents are missing beside the repository")
		}
		t.Skip("the vendor documents are not beside the repository")
	}
	return d
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

// documentOf is the document that a path belongs to, and the path in it.
func documentOf(path string) (name, local string) {
	for prefix, doc := range map[string]string{"/api/v2": "pipedrive-v2.json", "/api/v1": "pipedrive-v1.json", "/v1": "pipedrive-v1.json"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return doc, rest
		}
	}
	return "pipedrive-oauth.json", path
}

// unlisted are query parameters whose lists the documents type as one word, so that a list of two breaks them.
var unlisted = []string{"include_fields", "fields", "items"}

// checkContract validates a successful call against the vendor's document, when that is there. Answers that are no success are
// outside the documents, but for their status and JSON form.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	docs, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	name, local := documentOf(r.URL.Path)
	if docs == nil || a.status >= 300 {
		return
	}
	d := docs[name]
	path, params := operationOf(d, r.Method, local)
	if path == "" {
		t.Fatalf("%s %s succeeded and is not in %s", r.Method, local, name)
	}
	if r.URL.Query().Get("include_labels")+r.URL.Query().Get("include_option_labels") != "" {
		return // objects in place of ids: not described
	}
	item := d.Paths.Find(path)
	op := *item.GetOperation(r.Method)
	op.Parameters = slices.DeleteFunc(slices.Clone(op.Parameters), func(p *openapi3.ParameterRef) bool { return slices.Contains(unlisted, p.Value.Name) })
	for k := range r.URL.Query() {
		if op.Parameters.GetByInAndName("query", k) == nil && !slices.Contains(unlisted, k) {
			t.Fatalf("%s %s: the parameter %s is not in %s", r.Method, local, k, name)
		}
	}
	again := r.Clone(context.Background())
	again.Body = io.NopCloser(bytes.NewReader(sent))
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, QueryParams: r.URL.Query(),
		Route:   &routers.Route{Spec: d, Path: path, PathItem: item, Method: r.Method, Operation: &op},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}}
	// Nulls that clear a member are not in the documents' bodies, and are the natural guess of the fact sheet.
	if !bytes.Contains(sent, []byte(":null")) && !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Fatalf("%s %s: the request breaks %s: %v", r.Method, local, name, err)
		}
	}
	if op.Responses.Status(a.status) == nil {
		t.Fatalf("%s %s: the status %d is not in %s", r.Method, local, a.status, name)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: in.Options}
	out.SetBodyBytes(a.raw)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Fatalf("%s %s: the answer breaks %s: %.600s\n%.300s", r.Method, local, name, err, a.raw)
	}
}

// sample reads one of the fact sheet's samples.
func sample(t *testing.T, name string) map[string]any {
	t.Helper()
	needDocuments(t)
	b, err := os.ReadFile(filepath.Join(specs(), "samples", "pipedrive", name+".json"))
	must(t, err)
	var out map[string]any
	must(t, json.Unmarshal(b, &out))
	return out
}

// sameShape checks that got has every member that the sample has, of the same kind, and no other; null fits anything.
func sameShape(t *testing.T, at string, got, want any) {
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
				sameShape(t, at+"."+k, have, v)
			}
		}
		for k := range g {
			if _, ok := w[k]; !ok {
				t.Fatalf("%s: the member %q is not in the sample", at, k)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(w) > 0 && len(g) == 0 {
			t.Fatalf("%s: got %v, want a filled array", at, got)
		}
		for _, x := range g {
			if len(w) > 0 {
				sameShape(t, at+"[]", x, w[0])
			}
		}
	default:
		if g, w := fmt.Sprintf("%T", got), fmt.Sprintf("%T", want); g != w {
			t.Fatalf("%s: got %s, want %s", at, g, w)
		}
	}
}

func TestVendorDocumentsAreChecked(t *testing.T) {
	docs := needDocuments(t)
	path, params := operationOf(docs["pipedrive-v2.json"], "GET", "/persons/12/picture")
	equal(t, "path", path, "/persons/{id}/picture")
	equal(t, "id", params["id"], "12")
	path, _ = operationOf(docs["pipedrive-v2.json"], "GET", "/persons/search")
	equal(t, "path", path, "/persons/search")
	list := docs["pipedrive-v2.json"].Paths.Find("/persons").Get.Responses.Status(200).Value.Content.Get("application/json").Schema.Value
	org := list.AllOf[1].Value.Properties["data"].Value.Items.Value.Properties["org_id"].Value
	equal(t, "nullable org_id by the overlay", org.Nullable, true)
}
