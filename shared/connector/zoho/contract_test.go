package zoho_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// specFile is Zoho's own description of the API, kept beside the repository.
const specFile = "shared/vendors/specs/zoho-crm-v8.openapi.json"

// apiOrigin is the origin under which the description's addresses are checked, whatever the sandbox's is.
const apiOrigin = "https://www.zohoapis.jp"

var specRouter = sync.OnceValues(func() (routers.Router, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return nil, os.ErrNotExist
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, "..", specFile))
	if err != nil {
		return nil, err
	}
	// Two things that the description cannot mean as it says them: a module's name matches both its forms of an identifier, of
	// which only one may match; and a filter that is not sent is checked as an empty one.
	module := doc.Paths.Value("/settings/modules/{moduleIdentifier}")
	for _, params := range []openapi3.Parameters{module.Parameters, module.Get.Parameters} {
		if p := params.GetByInAndName("path", "moduleIdentifier"); p != nil {
			p.Schema.Value.AnyOf, p.Schema.Value.OneOf = p.Schema.Value.OneOf, nil
		}
	}
	views := doc.Paths.Value("/settings/custom_views").Get
	views.Parameters = slices.DeleteFunc(views.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.Name == "filters" })
	doc.Servers = openapi3.Servers{{URL: apiOrigin + "/crm/v8"}}
	return legacy.NewRouter(doc)
})

// contract returns a check of requests against Zoho's description, or skips the test where the description is not there.
func contract(t *testing.T) routers.Router {
	t.Helper()
	r, err := specRouter()
	if err != nil && os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
		t.Fatalf("the description of the API is required here: %v", err)
	}
	if os.IsNotExist(err) {
		t.Skip("Zoho's API description is not beside this repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// undescribed are the operations that Zoho documents in prose only.
var undescribed = map[string]bool{"POST /crm/v8/settings/fields": true}

// described checks every API request that passes through it.
type described struct {
	t      *testing.T
	router routers.Router
	base   http.RoundTripper

	mu  sync.Mutex
	ops map[string]int
}

func (d *described) RoundTrip(r *http.Request) (*http.Response, error) {
	op := r.Method + " " + r.URL.Path
	if undescribed[op] {
		return d.base.RoundTrip(r)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	check, err := http.NewRequest(r.Method, apiOrigin+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	check.Header = r.Header
	route, params, err := d.router.FindRoute(check)
	if err != nil {
		d.t.Errorf("%s is not an operation of the description: %v", op, err)
		return d.base.RoundTrip(r)
	}
	in := &openapi3filter.RequestValidationInput{Request: check, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		d.t.Errorf("%s does not follow the description: %v", op, err)
	}
	for q := range check.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", q) == nil && route.PathItem.Parameters.GetByInAndName("query", q) == nil {
			d.t.Errorf("%s: the description has no parameter %q", op, q)
		}
	}
	d.mu.Lock()
	d.ops[r.Method+" "+route.Path]++
	d.mu.Unlock()
	return d.base.RoundTrip(r)
}
