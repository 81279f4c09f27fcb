package sansan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"meibo/shared/contract"
	"meibo/shared/sandbox/sansan"
)

const document = "sansan-openapi-v6.handwritten.openapi.json"

var documents contract.Shelf

// checkContract validates a call against the document, when that is there: the answer always, and the request when it succeeded.
func checkContract(t *testing.T, r *http.Request, sent []byte, a *answer) {
	t.Helper()
	d := documents.Get(t, document)
	if d == nil || a.status == http.StatusMethodNotAllowed {
		return
	}
	local := strings.TrimPrefix(r.URL.Path, "/v6.0")
	c := contract.Find(d, local, r, sent)
	switch {
	case c == nil && a.status < 300:
		t.Fatalf("%s %s succeeded and is not in the document", r.Method, local)
	case c == nil:
		return
	case a.status < 300:
		if err := errors.Join(c.Request(), c.Parameters()); err != nil {
			t.Fatalf("%s %s: the request breaks the document: %v", r.Method, local, err)
		}
	}
	if err := c.Answer(a.status, a.header, a.raw); err != nil {
		t.Fatalf("%s %s: the answer %d breaks the document: %.600s\n%.300s", r.Method, local, a.status, err, a.raw)
	}
}

// sameShape allows the members that the sandbox answers beyond the samples: the sheet's table has them.
func sameShape(t *testing.T, at string, got, want any) {
	t.Helper()
	contract.SameShape(t, at, got, want, "countryCode", "secondTel")
}

func TestAnswersHaveTheShapeOfTheSamples(t *testing.T) {
	all := contract.Samples(t, "samples-sansan.json")
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
	equal(t, "more cards", page.body["hasMore"], any(true))
	row := page.data()[0]
	sameShape(t, "one card", w.get("/bizCards/"+str(row["id"]), "includeTags", "true").body, all["one card"].Body)
	person := w.get("/persons/" + str(row["personId"])).body
	item := all["person"].Body["item"].(map[string]any)
	delete(item["headBizCard"].(map[string]any), "tags") // they are asked for, and there is nothing to ask with
	sameShape(t, "person", person, all["person"].Body)
	tags := w.get("/tags").body
	sameShape(t, "tags", tags, all["tags"].Body)
	equal(t, "more tags", tags["hasMore"], any(false))
	bad := w.call("GET", "/bizCards?"+"updatedFrom=x", nil, header("X-Sansan-Api-Key", "wrong")).want(401)
	got, err := json.Marshal(bad.body)
	must(t, err)
	want, err := json.Marshal(all["bad key"].Body)
	must(t, err)
	equal(t, "bad key", string(got), string(want))
}

func TestEveryDocumentedOperationIsThere(t *testing.T) {
	d := documents.Need(t, document)
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
