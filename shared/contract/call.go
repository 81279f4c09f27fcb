package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Call is a request that was found to be one of a description's operations.
type Call struct {
	Route *routers.Route
	// Params are the parameters in the path.
	Params map[string]string

	request *http.Request
	sent    []byte
	except  []string
}

// Find returns the call that a request with the body sent is, at path in d: of the operation that fits with the most fixed segments. It
// returns nil if there is none.
func Find(d *openapi3.T, path string, r *http.Request, sent []byte) *Call {
	template, params := Operation(d, r.Method, path)
	if template == "" {
		return nil
	}
	return At(d, template, params, r, sent)
}

// At returns the call of the operation at one of d's own paths, or nil if there is none.
func At(d *openapi3.T, template string, params map[string]string, r *http.Request, sent []byte) *Call {
	item := d.Paths.Find(template)
	if item == nil || item.GetOperation(r.Method) == nil {
		return nil
	}
	route := &routers.Route{Spec: d, Path: template, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)}
	return &Call{Route: route, Params: params, request: r, sent: sent}
}

// Operation returns d's own path for a path, and the parameters in it: the one that fits with the most fixed segments, or "".
func Operation(d *openapi3.T, method, path string) (template string, params map[string]string) {
	have := strings.Split(path, "/")
	most := -1
	for p, item := range d.Paths.Map() {
		want := strings.Split(p, "/")
		if len(want) != len(have) || item.GetOperation(method) == nil {
			continue
		}
		fixed, found, ok := 0, map[string]string{}, true
		for i, s := range want {
			switch {
			case strings.HasPrefix(s, "{"):
				found[strings.Trim(s, "{}")] = have[i]
			case s == have[i]:
				fixed++
			default:
				ok = false
			}
		}
		if ok && fixed > most {
			template, most, params = p, fixed, found
		}
	}
	return template, params
}

// Routed returns the call that a request with the body sent is, asked at url in place of its own address, by the first of among that
// knows it.
func Routed(r *http.Request, sent []byte, url string, among ...routers.Router) (*Call, error) {
	asked, err := http.NewRequest(r.Method, url, nil)
	if err != nil {
		return nil, err
	}
	asked.Header = r.Header
	for _, one := range among {
		var c Call
		if c.Route, c.Params, err = one.FindRoute(asked); err == nil {
			c.request, c.sent = asked, sent
			return &c, nil
		}
	}
	return nil, err
}

// Except leaves parameters out of the checks.
func (c *Call) Except(names ...string) {
	c.except = append(c.except, names...)
	route, op := *c.Route, *c.Route.Operation
	op.Parameters = slices.DeleteFunc(slices.Clone(op.Parameters), func(p *openapi3.ParameterRef) bool { return slices.Contains(names, p.Value.Name) })
	route.Operation = &op
	c.Route = &route
}

// Request says what of the request is not as the description says.
func (c *Call) Request() error {
	return openapi3filter.ValidateRequest(context.Background(), c.input())
}

// Parameters names a parameter in the query that the operation does not have.
func (c *Call) Parameters() error {
	for name := range c.request.URL.Query() {
		if c.Route.Operation.Parameters.GetByInAndName("query", name) == nil && c.Route.PathItem.Parameters.GetByInAndName("query", name) == nil &&
			!slices.Contains(c.except, name) {
			return fmt.Errorf("the description has no parameter %q", name)
		}
	}
	return nil
}

// Has says whether the operation may answer with status.
func (c *Call) Has(status int) bool { return c.Route.Operation.Responses.Status(status) != nil }

// Answer says what of an answer is not as the description says.
func (c *Call) Answer(status int, header http.Header, body []byte) error {
	in := c.input()
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: status, Header: header, Options: in.Options}
	out.SetBodyBytes(body)
	return openapi3filter.ValidateResponse(context.Background(), out)
}

// input is made anew for every check, because one reads the body.
func (c *Call) input() *openapi3filter.RequestValidationInput {
	again := c.request.Clone(context.Background())
	again.Body = io.NopCloser(bytes.NewReader(c.sent))
	return &openapi3filter.RequestValidationInput{Request: again, PathParams: c.Params, QueryParams: again.URL.Query(), Route: c.Route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}}
}
