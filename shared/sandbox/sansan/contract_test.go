package sansan_test

import (
	"bytes"
	"context"
	"encoding/json"
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

	"meibo/shared/sandbox/sansan"
)

const document = "sansan-openapi-v6.handwritten.openapi.json"

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

// contract loads the OpenAPI document once; nil means that it is not there.
var contract = sync.OnceValues(func() (*openapi3.T, error) {
	dir := specs()
	if dir == "" {
		return nil, nil
	}
	return openapi3.NewLoader().LoadFromFile(filepath.Join(dir, document))
})

// needContract skips without the document, and fails where it must be there.
func needContract(t *testing.T) *openapi3.T {
	t.Helper()
	d, err := contract()
	must(t, err)
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

// checkContract validates a call against the document, when that is there: the answer always, and the request when it succeeded.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	d, err := contract()
	must(t, err)
	if d == nil || a.status == http.StatusMethodNotAllowed {
		return
	}
	local := strings.TrimPrefix(r.URL.Path, "/v6.0")
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
	if a.status < 300 {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Fatalf("%s %s: the request breaks the document: %v", r.Method, local, err)
		}
		for k := range r.URL.Query() {
			if in.Route.Operation.Parameters.GetByInAndName("query", k) == nil {
				t.Fatalf("%s %s: the parameter %s is not in the document", r.Method, local, k)
			}
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: in.Options}
	out.SetBodyBytes(a.raw)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Fatalf("%s %s: the answer %d breaks the document: %.600s\n%.300s", r.Method, local, a.status, err, a.raw)
	}
}

type sample struct {
	Name   string         `json:"name"`
	Method string         `json:"method"`
	Path   string         `json:"path"`
	Status int            `json:"status"`
	Kind   string         `json:"kind"`
	Body   map[string]any `json:"body"`
}

func samples(t *testing.T) map[string]sample {
	t.Helper()
	needContract(t)
	b, err := os.ReadFile(filepath.Join(specs(), "samples-sansan.json"))
	must(t, err)
	var all []sample
	must(t, json.Unmarshal(b, &all))
	out := map[string]sample{}
	for _, s := range all {
		out[s.Name] = s
	}
	return out
}

// extra are members that the sandbox answers beyond the samples: the sheet's table has them.
var extra = []string{"countryCode", "secondTel"}

// sameShape checks that got has every member that the sample has, of the same kind, and none but extra ones besides; null fits anything.
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
			if _, ok := w[k]; !ok && k != extra[0] && k != extra[1] {
				t.Fatalf("%s: the member %q is not in the sample", at, k)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) == 0 {
			t.Fatalf("%s: got %v, want a filled array", at, got)
		}
		for _, x := range g {
			sameShape(t, at+"[]", x, w[0])
		}
	case string:
		if _, ok := got.(string); !ok {
			t.Fatalf("%s: got %T, want text", at, got)
		}
	default:
		if got != want {
			t.Fatalf("%s: got %v, want %v", at, got, want)
		}
	}
}

func TestAnswersHaveTheShapeOfTheSamples(t *testing.T) {
	all := samples(t)
	w := newWorld(t)
	tag := str(w.control("POST", "groups", map[string]any{"user": aiko, "name": "展示会2026"})["id"])
	body := all["create card request"].Body
	body["tagIds"] = []any{tag}
	for range 2 {
		body["lastName"] = str(body["lastName"]) + "一"
		w.call("POST", "/bizCards", body).want(200)
	}
	page := w.list("includeTags", "true", "limit", "1")
	sameShape(t, "card page", page.body, all["card page"].Body)
	row := page.data()[0]
	sameShape(t, "one card", w.get("/bizCards/"+str(row["id"]), "includeTags", "true").body, all["one card"].Body)
	person := w.get("/persons/" + str(row["personId"])).body
	item := all["person"].Body["item"].(map[string]any)
	delete(item["headBizCard"].(map[string]any), "tags") // they are asked for, and there is nothing to ask with
	sameShape(t, "person", person, all["person"].Body)
	sameShape(t, "tags", w.get("/tags").body, all["tags"].Body)
	bad := w.call("GET", "/bizCards?"+"updatedFrom=x", nil, header("X-Sansan-Api-Key", "wrong")).want(401)
	got, err := json.Marshal(bad.body)
	must(t, err)
	want, err := json.Marshal(all["bad key"].Body)
	must(t, err)
	equal(t, "bad key", string(got), string(want))
}

func TestEveryDocumentedOperationIsThere(t *testing.T) {
	d := needContract(t)
	w := newWorld(t)
	for path, item := range d.Paths.Map() {
		for method := range item.Operations() {
			if method+" "+path == "POST /bizCards/images" {
				continue // not offered
			}
			r, err := http.NewRequest(method, w.srv.URL+"/v6.0"+strings.NewReplacer("{id}", "7", "{userId}", "7").Replace(path), nil)
			must(t, err)
			r.Header.Set("X-Sansan-Api-Key", w.box.Key(aiko))
			if a := w.send(r); a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotFound && !strings.Contains(path, "{") {
				t.Errorf("%s %s: got %d", method, path, a.status)
			}
		}
	}
}

func TestQuirksKeepTheContract(t *testing.T) {
	w := newWorld(t)
	id := w.fill(aiko, "神崎")[0]
	must(t, w.box.SetQuirks(sansan.Quirks{NullText: true, BarePerson: true, NoOwnerEmail: true, BOM: true}))
	row := w.list().data()[0]
	equal(t, "empty text", row["fax"], any("null"))
	equal(t, "the owner's address", row["owner"].(map[string]any)["email"], nil)
	equal(t, "a bare person", w.get("/persons/" + id).want(200).body["id"], any(id))
	if csv := w.get("/organization/users").want(200).raw; !bytes.HasPrefix(csv, []byte("\ufeffuserId")) {
		t.Errorf("got %q", csv)
	}
}
