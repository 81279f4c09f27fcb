package zoho_test

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"meibo/shared/contract"
)

// apiOrigin is the origin under which the description's addresses are checked, whatever the sandbox's is.
const apiOrigin = "https://www.zohoapis.jp"

// descriptions sets two things right that Zoho's own description cannot mean as it says them: a module's name matches both its forms of
// an identifier, of which only one may match; and a filter that is not sent is checked as an empty one.
var descriptions = contract.Shelf{Amend: func(d *openapi3.T) {
	module := d.Paths.Value("/settings/modules/{moduleIdentifier}")
	for _, params := range []openapi3.Parameters{module.Parameters, module.Get.Parameters} {
		if p := params.GetByInAndName("path", "moduleIdentifier"); p != nil {
			p.Schema.Value.AnyOf, p.Schema.Value.OneOf = p.Schema.Value.OneOf, nil
		}
	}
	views := d.Paths.Value("/settings/custom_views").Get
	views.Parameters = slices.DeleteFunc(views.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.Name == "filters" })
}}

// newDescribed returns a check of requests against Zoho's description, or skips the test where the description is not there.
func newDescribed(t *testing.T) *described {
	t.Helper()
	return &described{t: t, router: descriptions.Router(t, "zoho-crm-v8.openapi.json", apiOrigin+"/crm/v8"), ops: map[string]int{}}
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
	return contract.Transport{Base: d.base, See: d.check}.RoundTrip(r)
}

func (d *described) check(r *http.Request, sent []byte, _ *http.Response, _ []byte) {
	op := r.Method + " " + r.URL.Path
	if undescribed[op] {
		return
	}
	c, err := contract.Routed(r, sent, apiOrigin+r.URL.RequestURI(), d.router)
	if err != nil {
		d.t.Errorf("%s is not an operation of the description: %v", op, err)
		return
	}
	if err := errors.Join(c.Request(), c.Parameters()); err != nil {
		d.t.Errorf("%s does not follow the description: %v", op, err)
	}
	d.mu.Lock()
	d.ops[r.Method+" "+c.Route.Path]++
	d.mu.Unlock()
}
