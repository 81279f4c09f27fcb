package sansan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"meibo/shared/connector"
	"meibo/shared/connector/sansan"
	"meibo/shared/record"
	box "meibo/shared/sandbox/sansan"
)

// checkOrigin is the origin under which addresses are checked, whatever the sandbox's is.
const checkOrigin = "https://checked.example"

// specs is the folder of the API's description, beside the repository.
var specs = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared", "vendors", "specs"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", os.ErrNotExist
		}
		dir = parent
	}
})

// specFile returns a file of the description, or skips the test where there is none.
func specFile(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := specs()
	var b []byte
	if err == nil {
		b, err = os.ReadFile(filepath.Join(dir, name))
	}
	if err != nil && os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
		t.Fatalf("the description of the API is required here: %v", err)
	}
	if os.IsNotExist(err) {
		t.Skip("the description of Sansan's API is not beside this repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func router(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(specFile(t, "sansan-openapi-v6.handwritten.openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: checkOrigin + "/v6.0"}}
	r, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// described checks every request and answer that pass through it.
type described struct {
	t      *testing.T
	router routers.Router
	base   http.RoundTripper
	ops    map[string]map[int]int // how often each operation was answered with each status
}

func (d *described) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	if err := d.check(r, resp, answer); err != nil {
		d.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	return resp, nil
}

func (d *described) check(r *http.Request, resp *http.Response, answer []byte) error {
	check, err := http.NewRequest(r.Method, checkOrigin+r.URL.RequestURI(), nil)
	if err != nil {
		return err
	}
	check.Header = r.Header
	if len(r.Header.Get("X-Sansan-Api-Key")) != 32 {
		return fmt.Errorf("the request has no key")
	}
	route, params, err := d.router.FindRoute(check)
	if err != nil {
		return err
	}
	in := &openapi3filter.RequestValidationInput{Request: check, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		return err
	}
	for q := range check.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", q) == nil {
			return fmt.Errorf("the description has no parameter %q", q)
		}
	}
	op := route.Operation.OperationID
	if d.ops[op] == nil {
		d.ops[op] = map[int]int{}
	}
	d.ops[op][resp.StatusCode]++
	return openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode,
		Header: resp.Header, Body: io.NopCloser(bytes.NewReader(answer)), Options: in.Options})
}

func TestEverythingFollowsTheDescription(t *testing.T) {
	for name, q := range map[string]box.Quirks{"strict": {}, "lenient": {NullText: true, BarePerson: true, NoOwnerEmail: true, FollowMerged: true}} {
		t.Run(name, func(t *testing.T) {
			seen := &described{t: t, router: router(t), ops: map[string]map[int]int{}}
			a := at(t, start, box.Config{Quirks: q, Limits: box.Limits{Span: 20}}, func(base http.RoundTripper) http.RoundTripper { seen.base = base; return seen })
			ids := a.putIn("展示会", append(make400(), full())...)
			_, err := a.Identify(t.Context())
			a.must(err)
			gs, err := a.Groups(t.Context())
			a.must(err)
			scope := connector.Scope{Groups: []string{gs[1].ID}}
			items, cursor := listing(t, a.Connector, scope, "")
			if len(items) != len(ids) {
				t.Errorf("%d persons, want %d", len(items), len(ids))
			}
			a.clock.Advance(time.Hour)
			listing(t, a.Connector, scope, cursor)
			a.scanned(scope)
			for _, id := range []string{ids[0], ids[400], "99999901"} {
				a.get(id)
			}
			a.must(a.box.SetOwner(aiko, ids[1], ren))
			a.get(ids[1])
			a.must(a.box.RevokeKey(aiko))
			if _, err := a.Changes(t.Context(), scope, cursor); err == nil {
				t.Error("a revoked key was taken")
			}
			for op, statuses := range map[string][]int{"listBizCards": {200, 400, 401}, "searchBizCards": {200}, "getPerson": {200, 404}, "listTags": {200}} {
				for _, status := range statuses {
					if seen.ops[op][status] == 0 {
						t.Errorf("%s was never answered with %d: %v", op, status, seen.ops)
					}
				}
			}
		})
	}
}

func TestTheSamplesAreRead(t *testing.T) {
	var samples []struct {
		Name, Kind, Path string
		Status           int
		Body             json.RawMessage
	}
	if err := json.Unmarshal(specFile(t, "samples-sansan.json"), &samples); err != nil {
		t.Fatal(err)
	}
	read := map[string]int{}
	for _, s := range samples {
		if s.Kind != "response" {
			continue
		}
		c, v := over(t, sansan.Config{Owner: "5001"})
		v.before = func(k call) *reply {
			if k.query.Get("nextPageToken") != "" {
				return ok(map[string]any{"hasMore": false, "data": []any{}})
			}
			return &reply{status: s.Status, body: string(s.Body)}
		}
		switch {
		case s.Path == "/bizCards" && s.Status == 200:
			p, err := c.Changes(t.Context(), connector.Scope{}, "")
			if err != nil || len(p.Changed) != 1 || p.Changed[0].ID != "700200" || p.Changed[0].Record.Fields.First(record.NamePhoneticFamily) != "カンザキ" {
				t.Errorf("%s: got %+v, %v", s.Name, p, err)
			}
		case s.Path == "/bizCards" && s.Status == 401:
			if _, err := c.Changes(t.Context(), connector.Scope{}, ""); err == nil {
				t.Errorf("%s: no error", s.Name)
			}
		case s.Path == "/persons/{id}":
			if got := getOne(t, c, "700200"); got.Item.Record.Fields.First(record.NameGiven) != "陽翔" {
				t.Errorf("%s: got %+v", s.Name, got)
			}
		case s.Path == "/tags":
			if gs, err := c.Groups(t.Context()); err != nil || len(gs) != 2 || gs[1].ID != "3301" {
				t.Errorf("%s: got %+v, %v", s.Name, gs, err)
			}
		}
		read[s.Path]++
	}
	for _, p := range []string{"/bizCards", "/persons/{id}", "/tags"} {
		if read[p] == 0 {
			t.Errorf("there is no sample of %s", p)
		}
	}
}
