package httpapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// document is the API's own description, read once from a running API.
var document struct {
	once   sync.Once
	doc    *openapi3.T
	router routers.Router
	err    error
}

func describe(t *testing.T, w *world) *openapi3.T {
	t.Helper()
	document.once.Do(func() {
		resp, err := http.Get(w.api.URL + "/openapi.json")
		if err != nil {
			document.err = err
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			document.err = err
			return
		}
		if document.doc, document.err = openapi3.NewLoader().LoadFromData(b); document.err == nil {
			document.router, document.err = legacy.NewRouter(document.doc)
		}
	})
	if document.err != nil {
		t.Fatal(document.err)
	}
	return document.doc
}

// conforms checks an answer against the API's description of itself.
func conforms(t *testing.T, method, path string, a answer) {
	t.Helper()
	if document.router == nil || !strings.HasPrefix(path, "/v1/") {
		return
	}
	r, err := http.NewRequest(method, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	route, params, err := document.router.FindRoute(r)
	if err != nil {
		return // an address that the API does not have
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.raw)),
	})
	if err != nil {
		t.Errorf("%s %s: the answer %d is not what the document describes: %v", method, path, a.status, err)
	}
}

func TestDocument(t *testing.T) {
	w := newWorld(t)
	doc := describe(t, w)
	t.Run("is valid OpenAPI 3.1", func(t *testing.T) {
		if got, want := doc.OpenAPI, "3.1.0"; got != want {
			t.Errorf("version: got %s, want %s", got, want)
		}
		if err := doc.Validate(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			t.Run(o.OperationID, func(t *testing.T) {
				params := []string{}
				for _, p := range o.Parameters {
					params = append(params, p.Value.In+" "+p.Value.Name)
				}
				if method == http.MethodGet {
					_, single := o.Responses.Value("200").Value.Content["application/json"].Schema.Value.Properties["items"]
					if single != slices.Contains(params, "query page") || single != slices.Contains(params, "query limit") {
						t.Errorf("%s: a list pages, and nothing else does: got %v", path, params)
					}
				} else if !slices.Contains(params, "header Idempotency-Key") {
					t.Errorf("%s %s: a write takes Idempotency-Key: got %v", method, path, params)
				}
				problem := o.Responses.Value("default")
				if problem == nil || problem.Value.Content["application/problem+json"] == nil {
					t.Errorf("%s %s: describes no problem", method, path)
				}
				if o.Security == nil || len(*o.Security) != 1 {
					t.Errorf("%s %s: needs no token", method, path)
				}
			})
		}
	}
}
