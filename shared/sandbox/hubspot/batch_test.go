package hubspot_test

import (
	"fmt"
	"strings"
	"testing"

	"meibo/shared/contract"
	"meibo/shared/sandbox/hubspot"
)

func batchOf(inputs ...fields) fields { return fields{"inputs": inputs} }

func ids(of ...string) []fields {
	out := []fields{}
	for _, id := range of {
		out = append(out, fields{"id": id})
	}
	return out
}

func with(f fields, more fields) fields {
	for k, v := range more {
		f[k] = v
	}
	return f
}

func TestBatchRead(t *testing.T) {
	w := newWorld(t)
	one, two := w.person("email", "a@nordkai.example"), w.person("email", "b@nordkai.example", "firstname", "B")
	a := w.call("POST", contacts+"/batch/read", fields{"properties": []string{"firstname"}, "inputs": ids(two, one)}).want(200)
	equal(t, "by id, not by input", a.ids(), one+","+two)
	equal(t, "null", a.list("results")[0]["properties"].(map[string]any)["firstname"], any(nil))
	body := fields{"properties": []string{"email"}, "inputs": ids(one, "99", "x")}
	a = w.call("POST", contacts+"/batch/read", body).want(207)
	equal(t, "missing", fmt.Sprint(a.list("errors")[0]["context"]), "map[ids:[99 x]]")
	a = w.call("POST", "/crm/objects/2026-09/contacts/batch/read", body).want(200)
	equal(t, "missing without 207", whole(a.body["numErrors"]), 1)
	a = w.call("POST", contacts+"/batch/read", fields{"properties": []string{}, "idProperty": "email", "inputs": ids("b@nordkai.example")}).want(200)
	equal(t, "by address", a.ids(), two)
	merged, err := w.box.Merge(mira, one, two)
	must(t, err)
	equal(t, "merged away, once", w.call("POST", contacts+"/batch/read", batchOf(ids(one, two)...)).want(200).ids(), merged)
	w.call("DELETE", contacts+"/"+merged, nil).want(204)
	w.call("POST", contacts+"/batch/read", batchOf(ids(one)...)).want(207)
	equal(t, "archived", w.call("POST", contacts+"/batch/read?archived=true", batchOf(ids(one)...)).want(200).ids(), merged)

	must(t, w.box.SetQuirks(hubspot.Quirks{SilentMissing: true}))
	w.call("POST", contacts+"/batch/read", batchOf(ids("99")...)).want(200)
	many := []string{}
	for i := range 101 {
		many = append(many, fmt.Sprint(i+1))
	}
	for _, body := range []fields{batchOf(), batchOf(ids(many...)...), batchOf(fields{}), with(batchOf(ids("1")...), fields{"propertiesWithHistory": []string{"email"}}),
		with(batchOf(ids("1")...), fields{"idProperty": "phone"}), with(batchOf(ids("1")...), fields{"limit": 1})} {
		w.call("POST", contacts+"/batch/read", body).refused(400, "VALIDATION_ERROR", "")
	}
}

func TestBatchCreate(t *testing.T) {
	w := newWorld(t)
	body := sample[fields](t, "batch-create-request")
	a := w.call("POST", contacts+"/batch/create", body).want(207)
	want := sample[map[string]any](t, "batch-create-207")
	made := a.list("results")[0]["properties"].(map[string]any)
	for _, computed := range []string{"createdate", "lastmodifieddate", "lifecyclestage", "hs_object_source", "hs_object_source_id", "hs_object_source_label", "hs_email_domain"} {
		delete(made, computed)
	}
	contract.SameShape(t, "$", any(a.body), any(want), "url")
	a = w.call("POST", contacts+"/batch/create", body).want(207)
	equal(t, "both fail now", whole(a.body["numErrors"]), 2)
	equal(t, "category", str(a.list("errors")[0]["category"]), "CONFLICT")

	t.Run("2026-09 has no 207", func(t *testing.T) {
		a := w.call("POST", "/crm/objects/2026-09/contacts/batch/create", body).want(201)
		equal(t, "errors", whole(a.body["numErrors"]), 2)
	})
	t.Run("without a trace id for each, one bad input fails all", func(t *testing.T) {
		before := w.call("GET", contacts, nil).ids()
		good, bad := properties("firstname", "Good"), properties("email", "not-an-email")
		w.call("POST", contacts+"/batch/create", batchOf(good, bad)).invalid("INVALID_EMAIL", "email")
		w.call("POST", contacts+"/batch/create", batchOf(with(good, fields{"objectWriteTraceId": "w-1"}), with(bad, fields{"objectWriteTraceId": "w-1"}))).invalid("INVALID_EMAIL", "email")
		taken := properties("email", "ines.kask@nordkai.example")
		w.call("POST", contacts+"/batch/create", batchOf(properties("firstname", "Good"), taken)).refused(409, "CONFLICT", "Existing ID: ")
		equal(t, "nothing was written", w.call("GET", contacts, nil).ids(), before)
	})
	t.Run("two inputs cannot share an address", func(t *testing.T) {
		twin := func(id string) fields {
			return with(properties("email", "twin@nordkai.example"), fields{"objectWriteTraceId": id})
		}
		a := w.call("POST", contacts+"/batch/create", batchOf(twin("1"), twin("2"))).want(207)
		equal(t, "made", len(a.list("results")), 1)
		if !strings.HasSuffix(str(a.list("errors")[0]["message"]), str(a.list("results")[0]["id"])) {
			t.Fatalf("got %s", a.raw)
		}
	})
	all := batchOf(properties("firstname", "A"), properties("firstname", "B"))
	equal(t, "made", len(w.call("POST", contacts+"/batch/create", all).want(201).list("results")), 2)
}

func TestBatchUpdateAndArchive(t *testing.T) {
	w := newWorld(t)
	one, two := w.person("email", "a@nordkai.example"), w.person("email", "b@nordkai.example")
	change := func(id string, pairs ...string) fields { return with(properties(pairs...), fields{"id": id}) }
	a := w.call("POST", contacts+"/batch/update", batchOf(change(two, "jobtitle", "X"), change(one, "jobtitle", "Y"))).want(200)
	equal(t, "changed", len(a.list("results")), 2)
	for _, c := range []struct {
		body   fields
		status int
	}{
		{batchOf(change(one, "jobtitle", "Z"), change(two, "email", "not-an-email")), 400}, {batchOf(change(one, "jobtitle", "Z"), change("99", "jobtitle", "Z")), 404},
		{batchOf(change(one, "jobtitle", "Z"), change(one, "jobtitle", "Z")), 400}, {batchOf(change(one, "jobtitle", "Z"), change(two, "email", "a@nordkai.example")), 400},
		{batchOf(change(one, "email", "c@nordkai.example"), change(two, "email", "c@nordkai.example")), 400}, {batchOf(fields{"id": one}), 400},
		{batchOf(with(change(one, "jobtitle", "Z"), fields{"idProperty": "email"})), 400},
	} {
		w.call("POST", contacts+"/batch/update", c.body).want(c.status)
	}
	equal(t, "all or nothing", w.call("GET", contacts+"/"+one+"?properties=jobtitle", nil).prop("jobtitle"), any("Y"))
	w.call("POST", contacts+"/batch/archive", batchOf(ids(one, "99")...)).want(404)
	w.call("POST", contacts+"/batch/archive", batchOf(ids(one, one)...)).want(400)
	w.call("GET", contacts+"/"+one, nil).want(200)
	w.call("POST", contacts+"/batch/archive", batchOf(ids(one, two)...)).want(204)
	equal(t, "left", w.call("GET", contacts, nil).ids(), "")
}

func TestBatchUpsert(t *testing.T) {
	w := newWorld(t)
	w.call("POST", "/crm/v3/properties/contacts/groups", sample[fields](t, "property-group-create")).want(201)
	w.call("POST", "/crm/v3/properties/contacts", sample[fields](t, "property-create")).want(201)
	up := func(by, id string, pairs ...string) fields {
		return batchOf(with(properties(pairs...), fields{"id": id, "idProperty": by}))
	}
	a := w.call("POST", contacts+"/batch/upsert", up("sync_uid", "u-7781", "firstname", "Ines", "email", "ines@nordkai.example")).want(200)
	equal(t, "new", a.list("results")[0]["new"], any(true))
	a = w.call("POST", contacts+"/batch/upsert", up("sync_uid", "u-7781", "sync_uid", "u-7781", "jobtitle", "Buyer")).want(200)
	want := sample[map[string]any](t, "batch-upsert-200")
	p := want["results"].([]any)[0].(map[string]any)
	p["properties"] = fields{"sync_uid": "", "jobtitle": "", "hs_object_id": "", "createdate": "", "lastmodifieddate": ""}
	contract.SameShape(t, "$", any(a.body), any(want), "url")
	id := str(a.list("results")[0]["id"])
	get := func(name string) any { return w.call("GET", contacts+"/"+id+"?properties="+name, nil).prop(name) }
	equal(t, "partial by a unique property", get("firstname"), any("Ines"))
	w.call("POST", contacts+"/batch/upsert", up("email", "ines@nordkai.example", "jobtitle", "Seller")).want(200)
	equal(t, "not partial by address", get("firstname"), any(nil))
	equal(t, "the address stays", get("email"), any("ines@nordkai.example"))
	w.call("POST", contacts+"/batch/upsert", up("phone", "1", "jobtitle", "X")).want(400)
	other := w.person("firstname", "A", "sync_uid", "u-1")
	w.person("firstname", "B", "sync_uid", "u-2")
	w.call("PATCH", contacts+"/"+other, properties("sync_uid", "U-2")).invalid("CONFLICTING_UNIQUE_VALUE", "sync_uid")
}
