package graph_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// document loads the subset of Graph's metadata beside the module once; nil means that it is not there.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			return nil, nil
		}
		dir = filepath.Dir(dir)
	}
	file := filepath.Join(dir, "..", "shared", "vendors", "specs", "graph-v1.0-subset.openapi.json")
	if _, err := os.Stat(file); err != nil {
		return nil, nil
	}
	d, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return nil, err
	}
	// The sheet's sample of a batch answer has a null body.
	d.Components.Schemas["BatchResponse"].Value.Properties["responses"].Value.Items.Value.Properties["body"].Value.Nullable = true
	// A removed item fits the open type of a contact too, so that the document's "one of" can never be met.
	for name, s := range d.Components.Schemas {
		if value := s.Value.Properties["value"]; strings.HasPrefix(name, "delta.") && value != nil {
			items := value.Value.Items.Value
			items.AnyOf, items.OneOf = items.OneOf, nil
		}
	}
	return d, nil
})

// operationOf finds the document's path for a call: the one with the most fixed segments.
func operationOf(d *openapi3.T, method, path string) (string, map[string]string) {
	have := strings.Split(strings.NewReplacer("('", "/", "')", "").Replace(path), "/")
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

// undocumented are calls that the sheet has and the document has not.
func undocumented(method, path string) bool {
	return strings.Contains(path, "/outlook/masterCategories") || method == http.MethodPatch && strings.HasSuffix(path, "/photo/$value")
}

// checkContract validates a call against the document, when that is there. A refused request may break it, its answer not.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	d, err := document()
	must(t, err)
	local, ok := strings.CutPrefix(r.URL.Path, "/v1.0")
	if d == nil {
		if os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
			t.Fatal("the vendor documents are missing beside the repository")
		}
		return
	}
	if !ok || undocumented(r.Method, local) {
		return
	}
	path, params := operationOf(d, r.Method, local)
	if path == "" {
		if a.status < 300 {
			t.Fatalf("%s %s succeeded and is not in the document", r.Method, local)
		}
		return
	}
	item := d.Paths.Find(path)
	again := r.Clone(context.Background())
	again.Body = io.NopCloser(bytes.NewReader(sent))
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, QueryParams: r.URL.Query(),
		Route:   &routers.Route{Spec: d, Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}}
	if a.status < 300 && r.Header.Get("Content-Type") != "image/jpeg" {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Fatalf("%s %s: the request breaks the document: %v", r.Method, local, err)
		}
	}
	if len(a.raw) == 0 || strings.HasPrefix(a.header.Get("Content-Type"), "image/") {
		if item.GetOperation(r.Method).Responses.Status(a.status) == nil {
			t.Fatalf("%s %s: the status %d is not in the document", r.Method, local, a.status)
		}
		return
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: in.Options}
	out.SetBodyBytes(a.raw)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Fatalf("%s %s: the answer breaks the document: %.600s\n%.300s", r.Method, local, err, a.raw)
	}
}

func TestTheDocumentSeesWhatIsWrong(t *testing.T) {
	d, err := document()
	must(t, err)
	if d == nil {
		if os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
			t.Fatal("the vendor documents are missing beside the repository")
		}
		t.Skip("the vendor documents are not beside the repository")
	}
	path, params := operationOf(d, "GET", "/me/contactFolders('x')/contacts/delta")
	equal(t, "path", path, "/me/contactFolders/{contactFolder-id}/contacts/delta")
	equal(t, "folder", params["contactFolder-id"], "x")
	schema := d.Components.Schemas["microsoft.graph.contact"].Value
	for _, bad := range []fields{{"givenName": 1.0}, {"emailAddresses": "x"}, {"businessPhones": []any{1.0}}, {"homeAddress": "x"}} {
		if schema.VisitJSON(bad) == nil {
			t.Errorf("%v fits the document's contact", bad)
		}
	}
}
