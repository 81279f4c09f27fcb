package graph_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"meibo/shared/contract"
)

const document = "graph-v1.0-subset.openapi.json"

var documents = contract.Shelf{Amend: func(d *openapi3.T) {
	// The sheet's sample of a batch answer has a null body.
	d.Components.Schemas["BatchResponse"].Value.Properties["responses"].Value.Items.Value.Properties["body"].Value.Nullable = true
	// A removed item fits the open type of a contact too, so that the document's "one of" can never be met.
	for name, s := range d.Components.Schemas {
		if value := s.Value.Properties["value"]; strings.HasPrefix(name, "delta.") && value != nil {
			items := value.Value.Items.Value
			items.AnyOf, items.OneOf = items.OneOf, nil
		}
	}
}}

// segments is a path with its keys as segments of their own.
func segments(path string) string { return strings.NewReplacer("('", "/", "')", "").Replace(path) }

// undocumented are calls that the sheet has and the document has not.
func undocumented(method, path string) bool {
	return strings.Contains(path, "/outlook/masterCategories") || method == http.MethodPatch && strings.HasSuffix(path, "/photo/$value")
}

// checkContract validates a call against the document, when that is there. A refused request may break it, its answer not.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	d := documents.Get(t, document)
	local, ok := strings.CutPrefix(r.URL.Path, "/v1.0")
	if d == nil || !ok || undocumented(r.Method, local) {
		return
	}
	c := contract.Find(d, segments(local), r, sent)
	switch {
	case c == nil && a.status < 300:
		t.Fatalf("%s %s succeeded and is not in the document", r.Method, local)
	case c == nil:
		return
	case a.status < 300 && r.Header.Get("Content-Type") != "image/jpeg":
		if err := c.Request(); err != nil {
			t.Fatalf("%s %s: the request breaks the document: %v", r.Method, local, err)
		}
	}
	if len(a.raw) == 0 || strings.HasPrefix(a.header.Get("Content-Type"), "image/") {
		if !c.Has(a.status) {
			t.Fatalf("%s %s: the status %d is not in the document", r.Method, local, a.status)
		}
		return
	}
	if err := c.Answer(a.status, a.header, a.raw); err != nil {
		t.Fatalf("%s %s: the answer breaks the document: %.600s\n%.300s", r.Method, local, err, a.raw)
	}
}

func TestTheDocumentSeesWhatIsWrong(t *testing.T) {
	d := documents.Need(t, document)
	path, params := contract.Operation(d, "GET", segments("/me/contactFolders('x')/contacts/delta"))
	equal(t, "path", path, "/me/contactFolders/{contactFolder-id}/contacts/delta")
	equal(t, "folder", params["contactFolder-id"], "x")
	schema := d.Components.Schemas["microsoft.graph.contact"].Value
	for _, bad := range []fields{{"givenName": 1.0}, {"emailAddresses": "x"}, {"businessPhones": []any{1.0}}, {"homeAddress": "x"}} {
		if schema.VisitJSON(bad) == nil {
			t.Errorf("%v fits the document's contact", bad)
		}
	}
}
