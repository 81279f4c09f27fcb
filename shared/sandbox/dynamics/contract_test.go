package dynamics_test

import (
	"bytes"
	"context"
	"encoding/json"
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

// specFile is a vendor document beside the module; "" if it is not there.
func specFile(name string) string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			return ""
		}
		dir = filepath.Dir(dir)
	}
	file := filepath.Join(dir, "..", "shared", "vendors", "specs", name)
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// needSpec is specFile for a test that is about the document.
func needSpec(t *testing.T, name string) string {
	t.Helper()
	file := specFile(name)
	if file == "" {
		if os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
			t.Fatal("the vendor documents are missing beside the repository")
		}
		t.Skip("the vendor documents are not beside the repository")
	}
	return file
}

// document loads the description of the API once; nil means that it is not there.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	file := specFile("dataverse-v9.2.handwritten.openapi.json")
	if file == "" {
		return nil, nil
	}
	return openapi3.NewLoader().LoadFromFile(file)
})

var keyed = regexp.MustCompile(`^/([a-z]+)\(([^/]*)\)(.*)$`)

// undocumented are calls that the sheet has and the document has not.
func undocumented(path string) bool {
	for _, part := range []string{"EntityDefinitions(", "RetrieveUserPrivileges", "RetrievePrincipalAccess", "/Merge", "ListMembersList", "RemoveMemberList", "_association", "$ref", "/privileges"} {
		if strings.Contains(path, part) {
			return true
		}
	}
	single := keyed.FindStringSubmatch(path)
	return single != nil && single[3] == "" && single[1] != "contacts" && single[1] != "leads"
}

// checkContract validates a call against the document, when that is there. A refused request may break it, its answer not.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	d, err := document()
	must(t, err)
	local, ok := strings.CutPrefix(r.URL.Path, "/api/data/v9.2")
	if d == nil {
		if os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
			t.Fatal("the vendor documents are missing beside the repository")
		}
		return
	}
	if !ok || undocumented(local) || local == "/lists" && r.Method == "POST" || local == "/accounts" && r.Method == "POST" || local == "/$batch" && a.status >= 400 {
		return
	}
	path, params := local, map[string]string{}
	if m := keyed.FindStringSubmatch(local); m != nil {
		path, params["key"] = "/"+m[1]+"({key})"+m[3], m[2]
	}
	item := d.Paths.Find(path)
	if item == nil || item.GetOperation(r.Method) == nil {
		if a.status < 300 {
			t.Fatalf("%s %s succeeded and is not in the document", r.Method, local)
		}
		return
	}
	again := r.Clone(context.Background())
	again.Body = io.NopCloser(bytes.NewReader(sent))
	in := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, QueryParams: r.URL.Query(),
		Route:   &routers.Route{Spec: d, Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true}}
	if a.status < 300 && local != "/$batch" {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Fatalf("%s %s: the request breaks the document: %.600v", r.Method, local, err)
		}
	}
	// 404 of a table that is not installed, 405 and the like are general and in no operation.
	if item.GetOperation(r.Method).Responses.Status(a.status) == nil {
		if a.status < 400 {
			t.Fatalf("%s %s: the status %d is not in the document", r.Method, local, a.status)
		}
		checkError(t, d, a)
		return
	}
	if len(a.raw) == 0 || local == "/$batch" || strings.HasSuffix(local, "$value") {
		return
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: in.Options}
	out.SetBodyBytes(a.raw)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Fatalf("%s %s: the answer breaks the document: %.600s\n%.300s", r.Method, local, err, a.raw)
	}
}

func checkError(t *testing.T, d *openapi3.T, a *answer) {
	t.Helper()
	var body any
	must(t, json.Unmarshal(a.raw, &body))
	must(t, d.Components.Schemas["ODataError"].Value.VisitJSON(body))
}

func TestTheDocumentSeesWhatIsWrong(t *testing.T) {
	needSpec(t, "dataverse-v9.2.handwritten.openapi.json")
	d, err := document()
	must(t, err)
	schema := d.Components.Schemas["contact"].Value
	for _, bad := range []fields{{"firstname": 1.0}, {"merged": "x"}, {"statecode": "0"}, {"jobtitle": strings.Repeat("x", 101)}} {
		if schema.VisitJSON(bad) == nil {
			t.Errorf("%v fits the document's contact", bad)
		}
	}
}

// TestSamplesOfTheSheetWork sends the requests of the sheet's samples, and compares the members of answers with theirs.
func TestSamplesOfTheSheetWork(t *testing.T) {
	b, err := os.ReadFile(needSpec(t, "samples-dataverse.json"))
	must(t, err)
	var samples []struct {
		Name, Method, Path, Kind string
		Body                     fields
	}
	must(t, json.Unmarshal(b, &samples))
	byName := map[string]fields{}
	for _, s := range samples {
		byName[s.Name] = s.Body
	}
	w := newWorld(t)
	w.do("PATCH", "/accounts(7a1f4c11-2f0c-ee11-8f6d-000d3a1b2c3d)", fields{"name": "Kitano Seiki K.K."}).want(204)
	me := w.do("GET", "/WhoAmI", nil).want(200)
	for name := range byName["who am i"] {
		if me.str(name) == "" {
			t.Errorf("WhoAmI has no %s", name)
		}
	}
	create := byName["create request"]
	create["ownerid@odata.bind"] = "/systemusers(" + me.str("UserId") + ")"
	id := w.create("contacts", create)
	var cols []string
	wanted := byName["contact page"]["value"].([]any)[0].(fields)
	for name := range wanted {
		if !strings.Contains(name, "@") {
			cols = append(cols, name)
		}
	}
	got := w.do("GET", "/contacts?$select="+strings.Join(cols, ","), nil, prefer(`odata.include-annotations="*"`)).want(200).values()[0]
	for name := range wanted {
		if _, ok := got[name]; !ok {
			t.Errorf("the contact page has no %s", name)
		}
	}
	w.do("PATCH", "/contacts("+id+")", byName["deactivate request"], header{"If-Match", "*"}).want(204)
}
