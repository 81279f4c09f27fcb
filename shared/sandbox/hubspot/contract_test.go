package hubspot_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"meibo/shared/contract"
)

var documents contract.Shelf

var versionForm = regexp.MustCompile(`/(v[134]|2026-0[39])(/|$)`)

// documentOf names the document that a path belongs to, without its ending.
func documentOf(path string) string {
	version := "v3"
	if m := versionForm.FindStringSubmatch(path); m != nil {
		version = m[1]
	}
	for part, name := range map[string]string{"/associations/": "associations", "/properties/": "properties", "/lists": "lists", "/owners": "owners",
		"/account-info/": "account-info", "/appinstalls/": "app-uninstalls", "/oauth/": "oauth"} {
		if strings.Contains(path, part) {
			return "hubspot-" + name + "-" + version
		}
	}
	if strings.Contains(path, "/companies") || strings.Contains(path, "/0-2") {
		return "hubspot-companies-" + version
	}
	return "hubspot-contacts-" + version
}

// numericID is the one place where the older version of associations sends a number for the document's text, as recorded.
var numericID = regexp.MustCompile(`"toObjectId":(\d+)`)

// checkContract validates a successful call against the vendor's document, when that is there. Answers that are no success are
// outside the documents, but for their JSON form.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	name := documentOf(r.URL.Path)
	d := documents.Get(t, name+".json")
	if d == nil || a.status >= 300 || strings.HasSuffix(r.URL.Path, "/revoke") {
		return
	}
	c := contract.Find(d, r.URL.Path, r, sent)
	if c == nil {
		t.Fatalf("%s %s succeeded and is not in %s", r.Method, r.URL.Path, name)
	}
	err := c.Parameters()
	// A list of properties is one parameter between commas, which the documents type as an array.
	if err == nil && r.URL.RawQuery == "" {
		err = c.Request()
	}
	if err != nil {
		t.Fatalf("%s %s: the request breaks %s: %v", r.Method, c.Route.Path, name, err)
	}
	if !c.Has(a.status) {
		t.Fatalf("%s %s: the status %d is not in %s", r.Method, c.Route.Path, a.status, name)
	}
	raw := a.raw
	if strings.HasSuffix(name, "-v4") {
		raw = numericID.ReplaceAll(raw, []byte(`"toObjectId":"$1"`))
	}
	if err := c.Answer(a.status, a.header, raw); err != nil {
		t.Fatalf("%s %s: the answer breaks %s: %.900s\n%.300s", r.Method, c.Route.Path, name, err, a.raw)
	}
}

// sample reads one of the fact sheet's samples.
func sample[T any](t *testing.T, name string) T {
	t.Helper()
	return contract.Decode[T](t, "samples/hubspot/"+name+".json")
}

func TestVendorDocumentsAreChecked(t *testing.T) {
	for _, version := range []string{"v3", "2026-03", "2026-09"} {
		d := documents.Need(t, "hubspot-contacts-"+version+".json")
		values := d.Components.Schemas["SimplePublicObject"].Value.Properties["properties"].Value.AdditionalProperties.Schema.Value
		equal(t, "nulls by the overlay of "+version, values.Nullable, true)
	}
	equal(t, "document", documentOf("/crm/objects/2026-09/contacts/12/associations/companies"), "hubspot-associations-2026-09")
	equal(t, "document", documentOf("/crm/v3/objects/0-2/search"), "hubspot-companies-v3")
	path, params := contract.Operation(documents.Need(t, "hubspot-lists-v3.json"), "GET", "/crm/v3/lists/12/memberships")
	equal(t, "path", path, "/crm/v3/lists/{listId}/memberships")
	equal(t, "id", params["listId"], "12")
}
