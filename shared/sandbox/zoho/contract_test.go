package zoho_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"meibo/shared/contract"
)

const document = "zoho-crm-v8.openapi.json"

var documents contract.Shelf

func TestVendorDocumentIsChecked(t *testing.T) {
	d := documents.Need(t, document)
	if d.Paths.Find("/{module}/upsert") == nil {
		t.Fatal("the document has no upsert")
	}
	path, params := contract.Operation(d, "GET", "/Contacts/deleted")
	equal(t, "path", path, "/{module}/deleted")
	equal(t, "module", params["module"], "Contacts")
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
	d := documents.Get(t, document)
	if d == nil {
		return
	}
	local := strings.TrimPrefix(r.URL.Path, "/crm/v8")
	c := contract.Find(d, local, r, sent)
	if c == nil && a.status < 300 && (local != "/settings/fields" || r.Method != http.MethodPost) {
		t.Fatalf("%s %s succeeded and is not in the document", r.Method, local)
	}
	if c == nil || undocumented(r.Method, c.Route.Path, a) {
		return
	}
	// The validator reads an absent object parameter as an empty object, which the document then refuses; and a module's name
	// meets both of two forms of which the document allows one.
	c.Except("moduleIdentifier")
	if !r.URL.Query().Has("filters") {
		c.Except("filters")
	}
	if a.status < 300 {
		if err := c.Request(); err != nil {
			t.Fatalf("%s %s: the request breaks the vendor's document: %v", r.Method, local, err)
		}
	}
	if len(a.raw) == 0 || strings.HasPrefix(a.header.Get("Content-Type"), "image/") {
		if !c.Has(a.status) {
			t.Fatalf("%s %s: the status %d is not in the vendor's document", r.Method, local, a.status)
		}
		return
	}
	if err := c.Answer(a.status, a.header, a.raw); err != nil {
		t.Fatalf("%s %s: the answer breaks the vendor's document: %.600s\n%.300s", r.Method, local, err, a.raw)
	}
}

// sameShape checks that got has every member that the sample has, of the same kind; null fits anything.
func sameShape(t *testing.T, at string, got, want any) {
	t.Helper()
	contract.SameShape(t, at, got, want, contract.Any)
}

func TestSamplesHaveTheSandboxesShape(t *testing.T) {
	all := contract.Samples(t, "samples-zoho.json")
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
