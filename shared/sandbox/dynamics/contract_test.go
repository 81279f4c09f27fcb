package dynamics_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"meibo/shared/contract"
)

const document = "dataverse-v9.2.handwritten.openapi.json"

var documents contract.Shelf

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
	d := documents.Get(t, document)
	local, ok := strings.CutPrefix(r.URL.Path, "/api/data/v9.2")
	if d == nil || !ok || undocumented(local) || local == "/lists" && r.Method == "POST" || local == "/accounts" && r.Method == "POST" || local == "/$batch" && a.status >= 400 {
		return
	}
	path, params := local, map[string]string{}
	if m := keyed.FindStringSubmatch(local); m != nil {
		path, params["key"] = "/"+m[1]+"({key})"+m[3], m[2]
	}
	c := contract.At(d, path, params, r, sent)
	switch {
	case c == nil && a.status < 300:
		t.Fatalf("%s %s succeeded and is not in the document", r.Method, local)
	case c == nil:
		return
	case a.status < 300 && local != "/$batch":
		if err := c.Request(); err != nil {
			t.Fatalf("%s %s: the request breaks the document: %.600v", r.Method, local, err)
		}
	}
	// 404 of a table that is not installed, 405 and the like are general and in no operation.
	if !c.Has(a.status) {
		if a.status < 400 {
			t.Fatalf("%s %s: the status %d is not in the document", r.Method, local, a.status)
		}
		checkError(t, d, a)
		return
	}
	if len(a.raw) == 0 || local == "/$batch" || strings.HasSuffix(local, "$value") {
		return
	}
	if err := c.Answer(a.status, a.header, a.raw); err != nil {
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
	schema := documents.Need(t, document).Components.Schemas["contact"].Value
	for _, bad := range []fields{{"firstname": 1.0}, {"merged": "x"}, {"statecode": "0"}, {"jobtitle": strings.Repeat("x", 101)}} {
		if schema.VisitJSON(bad) == nil {
			t.Errorf("%v fits the document's contact", bad)
		}
	}
}

// TestSamplesOfTheSheetWork sends the requests of the sheet's samples, and compares the members of answers with theirs.
func TestSamplesOfTheSheetWork(t *testing.T) {
	byName := map[string]fields{}
	for name, s := range contract.Samples(t, "samples-dataverse.json") {
		byName[name] = s.Body
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
