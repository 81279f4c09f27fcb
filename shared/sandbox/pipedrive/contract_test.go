package pipedrive_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"meibo/shared/contract"
)

var documents contract.Shelf

// documentOf is the document that a path belongs to, and the path in it.
func documentOf(path string) (name, local string) {
	for prefix, doc := range map[string]string{"/api/v2": "pipedrive-v2.json", "/api/v1": "pipedrive-v1.json", "/v1": "pipedrive-v1.json"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return doc, rest
		}
	}
	return "pipedrive-oauth.json", path
}

// unlisted are query parameters whose lists the documents type as one word, so that a list of two breaks them.
var unlisted = []string{"include_fields", "fields", "items"}

// checkContract validates a successful call against the vendor's document, when that is there. Answers that are no success are
// outside the documents, but for their status and JSON form.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	name, local := documentOf(r.URL.Path)
	d := documents.Get(t, name)
	if d == nil || a.status >= 300 {
		return
	}
	c := contract.Find(d, local, r, sent)
	if c == nil {
		t.Fatalf("%s %s succeeded and is not in %s", r.Method, local, name)
	}
	if r.URL.Query().Get("include_labels")+r.URL.Query().Get("include_option_labels") != "" {
		return // objects in place of ids: not described
	}
	c.Except(unlisted...)
	err := c.Parameters()
	// Nulls that clear a member are not in the documents' bodies, and are the natural guess of the fact sheet.
	if err == nil && !bytes.Contains(sent, []byte(":null")) && !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		err = c.Request()
	}
	if err != nil {
		t.Fatalf("%s %s: the request breaks %s: %v", r.Method, local, name, err)
	}
	if !c.Has(a.status) {
		t.Fatalf("%s %s: the status %d is not in %s", r.Method, local, a.status, name)
	}
	if err := c.Answer(a.status, a.header, a.raw); err != nil {
		t.Fatalf("%s %s: the answer breaks %s: %.600s\n%.300s", r.Method, local, name, err, a.raw)
	}
}

// sample reads one of the fact sheet's samples.
func sample(t *testing.T, name string) map[string]any {
	t.Helper()
	return contract.Decode[map[string]any](t, "samples/pipedrive/"+name+".json")
}

func TestVendorDocumentsAreChecked(t *testing.T) {
	d := documents.Need(t, "pipedrive-v2.json")
	path, params := contract.Operation(d, "GET", "/persons/12/picture")
	equal(t, "path", path, "/persons/{id}/picture")
	equal(t, "id", params["id"], "12")
	path, _ = contract.Operation(d, "GET", "/persons/search")
	equal(t, "path", path, "/persons/search")
	list := d.Paths.Find("/persons").Get.Responses.Status(200).Value.Content.Get("application/json").Schema.Value
	org := list.AllOf[1].Value.Properties["data"].Value.Items.Value.Properties["org_id"].Value
	equal(t, "nullable org_id by the overlay", org.Nullable, true)
}
