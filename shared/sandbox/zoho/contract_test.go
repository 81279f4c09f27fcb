package zoho_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
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

// document loads Zoho's OpenAPI file once; nil means that it is not there.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	dir := specs()
	if dir == "" {
		return nil, nil
	}
	return openapi3.NewLoader().LoadFromFile(filepath.Join(dir, "zoho-crm-v8.openapi.json"))
})

// needDocument skips without the vendor's document, and fails where it must be there.
func needDocument(t *testing.T) *openapi3.T {
	t.Helper()
	d, err := document()
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

func TestVendorDocumentIsChecked(t *testing.T) {
	d := needDocument(t)
	if d.Paths.Find("/{module}/upsert") == nil {
		t.Fatal("the document has no upsert")
	}
	path, params := operationOf(d, "GET", "/Contacts/deleted")
	equal(t, "path", path, "/{module}/deleted")
	equal(t, "module", params["module"], "Contacts")
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

// undocumented are answers that the document leaves out or types too narrowly, each with the reason.
func undocumented(method, path string, a *answer) bool {
	switch {
	case a.status == http.StatusUnsupportedMediaType, a.status == http.StatusRequestEntityTooLarge:
		return true // the fact sheet has them, the document not
	case a.status == http.StatusUnauthorized:
		return true // the document lists OAUTH_SCOPE_MISMATCH only
	case path == "/settings/fields" && method == http.MethodPost:
		return true // the operation is on Zoho's page only
	case a.status == http.StatusBadGateway:
		return true // a planted fault
	case a.status == http.StatusBadRequest && path == "/users":
		return true // the document has no refusal of a wrong parameter
	case a.status == http.StatusForbidden && strings.Contains("/{module}/{recordId}/__timeline /{module}/deleted /{module}/search /{moduleApiName}/actions/count /{module}/{masterRecordId}/actions/merge /coql", path):
		return true // NO_PERMISSION there is the general rule of the fact sheet
	}
	return false
}

// checkContract validates a call against the vendor's document, when that is there. A refused request may break it.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	d, err := document()
	if err != nil {
		t.Fatal(err)
	}
	if d == nil {
		return
	}
	local := strings.TrimPrefix(r.URL.Path, "/crm/v8")
	path, params := operationOf(d, r.Method, local)
	if path == "" || undocumented(r.Method, path, a) {
		if path == "" && a.status < 300 && (local != "/settings/fields" || r.Method != http.MethodPost) {
			t.Fatalf("%s %s succeeded and is not in the document", r.Method, local)
		}
		return
	}
	item := d.Paths.Find(path)
	op := *item.GetOperation(r.Method)
	// The validator reads an absent object parameter as an empty object, which the document then refuses; and a module's name
	// meets both of two forms of which the document allows one.
	op.Parameters = slices.DeleteFunc(slices.Clone(op.Parameters), func(p *openapi3.ParameterRef) bool {
		return p.Value.Name == "filters" && !r.URL.Query().Has("filters") || p.Value.Name == "moduleIdentifier"
	})
	again := r.Clone(context.Background())
	again.Body = io.NopCloser(bytes.NewReader(sent))
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, QueryParams: r.URL.Query(),
		Route:   &routers.Route{Spec: d, Path: path, PathItem: item, Method: r.Method, Operation: &op},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}}
	if a.status < 300 {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Fatalf("%s %s: the request breaks the vendor's document: %v", r.Method, local, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: in.Options}
	if len(a.raw) == 0 || strings.HasPrefix(a.header.Get("Content-Type"), "image/") {
		if op.Responses.Status(a.status) == nil {
			t.Fatalf("%s %s: the status %d is not in the vendor's document", r.Method, local, a.status)
		}
		return
	}
	out.SetBodyBytes(a.raw)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Fatalf("%s %s: the answer breaks the vendor's document: %.600s\n%.300s", r.Method, local, err, a.raw)
	}
}

// sample is one entry of samples-zoho.json.
type sample struct {
	Name   string
	Method string
	Path   string
	Status int
	Kind   string
	Body   map[string]any
}

func samples(t *testing.T) map[string]sample {
	t.Helper()
	needDocument(t)
	raw, err := os.ReadFile(filepath.Join(specs(), "samples-zoho.json"))
	must(t, err)
	var all []sample
	must(t, json.Unmarshal(raw, &all))
	out := map[string]sample{}
	for _, s := range all {
		out[s.Name] = s
	}
	return out
}

// sameShape checks that got has every member that the sample has, of the same kind; null fits anything.
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
	case string:
		if _, ok := got.(string); !ok {
			t.Fatalf("%s: got %T, want text", at, got)
		}
	case float64:
		if _, ok := got.(float64); !ok {
			t.Fatalf("%s: got %T, want a number", at, got)
		}
	case bool:
		if _, ok := got.(bool); !ok {
			t.Fatalf("%s: got %T, want true or false", at, got)
		}
	}
}

func TestSamplesHaveTheSandboxesShape(t *testing.T) {
	all := samples(t)
	w := newWorld(t)
	c := w.call("POST", "/Accounts", fields{"data": []fields{{"Account_Name": "Kitano Seiki K.K."}}}).want(201)
	company := str(detail(c.data()[0], "id"))
	must(t, w.box.SetUnique(aiko, "Email", true))

	t.Run("upsert", func(t *testing.T) {
		body := all["upsert request"].Body
		recs, _ := body["data"].([]any)
		first, _ := recs[0].(map[string]any)
		first["Account_Name"] = fields{"id": company}
		got := w.call("POST", "/Contacts/upsert", body).want(200)
		sameShape(t, "$", got.body, all["upsert answer"].Body)
		equal(t, "action", str(got.data()[0]["action"]), "insert")
		again := w.call("POST", "/Contacts/upsert", body).want(200)
		equal(t, "action", str(again.data()[0]["action"]), "update")
		equal(t, "field", str(again.data()[0]["duplicate_field"]), "Email")
	})
	t.Run("mixed", func(t *testing.T) {
		got := w.call("POST", "/Contacts/upsert", fields{"data": []fields{{"Last_Name": "Kanzaki", "Email": "h.kanzaki@example.co.jp"}, {"Last_Name": "X", "Email": "nobody"}}}).want(207)
		want, _ := all["mixed write answer"].Body["data"].([]any)
		items, _ := got.body["data"].([]any)
		for i := range want {
			sameShape(t, "$", items[i], want[i])
		}
	})
	t.Run("list", func(t *testing.T) {
		wanted := all["get contacts page"].Body
		rec, _ := wanted["data"].([]any)
		first, _ := rec[0].(map[string]any)
		var names []string
		for k := range first {
			names = append(names, k)
		}
		must(t, w.box.SetGroups(aiko, w.call("GET", "/Contacts?fields=id", nil).want(200).ids()[0], []string{"vip"}))
		got := w.call("GET", "/Contacts?per_page=1&sort_by=Modified_Time&sort_order=asc&fields="+strings.Join(names, ","), nil).want(200)
		sameShape(t, "$", got.body["info"], wanted["info"])
		delete(first, "Tag")
		sameShape(t, "$", got.body["data"], wanted["data"])
	})
	t.Run("duplicate", func(t *testing.T) {
		got := w.call("POST", "/Contacts", fields{"data": []fields{{"Last_Name": "Kanzaki", "Email": "h.kanzaki@example.co.jp"}}}).want(400)
		sameShape(t, "$", got.body, all["duplicate on insert"].Body)
	})
	t.Run("mandatory", func(t *testing.T) {
		got := w.call("POST", "/Contacts", fields{"data": []fields{{"First_Name": "Haruto"}}}).want(400)
		sameShape(t, "$", got.body, all["missing mandatory field"].Body)
	})
	t.Run("lost update", func(t *testing.T) {
		got := w.call("POST", "/Contacts/upsert", all["upsert request"].Body, header("If-Unmodified-Since", "2026-10-02T17:00:00+09:00")).want(412)
		sameShape(t, "$", got.body, all["lost update"].Body)
	})
	t.Run("current user", func(t *testing.T) {
		sameShape(t, "$", w.call("GET", "/users?type=CurrentUser", nil).want(200).body, all["current user"].Body)
	})
	t.Run("coql", func(t *testing.T) {
		got := w.call("POST", "/coql", all["coql request"].Body).want(200)
		sameShape(t, "$", got.body, all["coql answer"].Body)
	})
	t.Run("deleted", func(t *testing.T) {
		ids := w.call("GET", "/Contacts?fields=id", nil).want(200).ids()
		w.call("DELETE", "/Contacts?ids="+url.QueryEscape(strings.Join(ids, ",")), nil).want(200)
		must(t, w.box.Purge(aiko, ids[1]))
		sameShape(t, "$", w.call("GET", "/Contacts/deleted", nil).want(200).body, all["deleted contacts"].Body)
	})
}
