package hubspot_test

import (
	"fmt"
	"strings"
	"testing"

	"meibo/shared/contract"
	"meibo/shared/sandbox/hubspot"
)

func TestPropertiesAreDescribed(t *testing.T) {
	for _, base := range []string{"/crm/v3/properties/contacts", "/crm/properties/2026-09/contacts"} {
		w := newWorld(t)
		all := w.call("GET", base, nil).want(200)
		byName := map[string]map[string]any{}
		for _, p := range all.list("results") {
			byName[str(p["name"])] = p
		}
		readOnly := func(name string) any {
			return byName[name]["modificationMetadata"].(map[string]any)["readOnlyValue"]
		}
		equal(t, "email is written", readOnly("email"), any(false))
		equal(t, "additional addresses are read", readOnly("hs_additional_emails"), any(true))
		equal(t, "calculated", byName["hs_email_domain"]["calculated"], any(true))
		equal(t, "birthday", str(byName["date_of_birth"]["type"]), "string")
		equal(t, "first stage", str(byName["lifecyclestage"]["options"].([]any)[0].(map[string]any)["value"]), "subscriber")
		w.call("POST", base+"/groups", sample[fields](t, "property-group-create")).want(201)
		w.call("POST", base+"/groups", sample[fields](t, "property-group-create")).refused(409, "OBJECT_ALREADY_EXISTS", "already exists")
		equal(t, "groups", len(w.call("GET", base+"/groups", nil).want(200).list("results")), 3)
		w.call("GET", base+"/groups/contact_sync", nil).want(200)
		w.call("GET", base+"/groups/nosuchgroup", nil).want(404)

		create := sample[fields](t, "property-create")
		made := w.call("POST", base, create).want(201)
		equal(t, "unique", made.body["hasUniqueValue"], any(true))
		w.call("POST", base, create).refused(409, "OBJECT_ALREADY_EXISTS", "already exists")
		w.call("GET", base+"/sync_uid", nil).want(200)
		w.call("PATCH", base+"/sync_uid", fields{"label": "Other"}).want(200)
		w.call("PATCH", base+"/email", fields{"label": "Other"}).refused(400, "VALIDATION_ERROR", "HubSpot defines it")
		w.call("DELETE", base+"/sync_uid", nil).want(204)
		w.call("GET", base+"/sync_uid", nil).want(404)
		w.call("GET", base+"/sync_uid?archived=true", nil).want(200)
		equal(t, "archived list", len(w.call("GET", base+"?archived=true", nil).list("results")), 1)
		w.call("POST", contacts, properties("firstname", "A", "sync_uid", "x")).invalid("PROPERTY_DOESNT_EXIST", "sync_uid")
		w.call("GET", base+"?dataSensitivity=sensitive", nil).want(403)
		valid := fields{"name": "shade", "label": "Shade", "type": "enumeration", "fieldType": "select", "groupName": "contactinformation",
			"options": []fields{{"label": "Red", "value": "red", "displayOrder": 0, "hidden": false}}}
		for k, v := range (fields{"name": "Shade", "label": "", "type": "colour", "fieldType": "text", "groupName": "nosuchgroup", "options": []fields{}, "unknown": 1}) {
			broken := fields{}
			for a, b := range valid {
				broken[a] = b
			}
			broken[k] = v
			w.call("POST", base, broken).refused(400, "VALIDATION_ERROR", "")
		}
		w.call("POST", base, valid).want(201)
	}
	t.Run("the birthday may be a date", func(t *testing.T) {
		w := newWorld(t, func(c *hubspot.Config) { c.Quirks.BirthDates = true })
		equal(t, "type", str(w.call("GET", "/crm/v3/properties/contacts/date_of_birth", nil).body["type"]), "date")
		w.call("POST", contacts, properties("firstname", "A", "date_of_birth", "spring")).invalid("INVALID_DATE", "date_of_birth")
	})
	t.Run("ten unique ones at most", func(t *testing.T) {
		w := newWorld(t)
		one := func(i int) *answer {
			return w.call("POST", "/crm/v3/properties/contacts", fields{"name": fmt.Sprint("u", i), "label": "U", "type": "string", "fieldType": "text", "groupName": "contactinformation", "hasUniqueValue": true})
		}
		for i := range 10 {
			one(i).want(201)
		}
		one(10).refused(400, "VALIDATION_ERROR", "10 properties")
	})
}

func TestSegments(t *testing.T) {
	for _, base := range []string{"/crm/v3/lists", "/crm/lists/2026-09"} {
		t.Run(strings.ReplaceAll(base[1:], "/", " "), func(t *testing.T) {
			w := newWorld(t)
			made := w.call("POST", base, fields{"name": "Key accounts", "objectTypeId": "0-1", "processingType": "MANUAL"}).want(200)
			id := str(made.body["list"].(map[string]any)["listId"])
			people := w.fill(mira, 5)
			change := fields{"recordIdsToAdd": people[:2], "recordIdsToRemove": []string{"99"}}
			a := w.call("PUT", base+"/"+id+"/memberships/add-and-remove", change).want(200)
			equal(t, "missing", fmt.Sprint(a.body["recordIdsMissing"]), "[99]")
			a = w.call("PUT", base+"/"+id+"/memberships/add-and-remove", fields{"recordIdsToAdd": people[2:3], "recordIdsToRemove": people[:1]}).want(200)
			want := sample[map[string]any](t, "list-memberships-change-response")
			equal(t, "added and removed", fmt.Sprint(a.body["recordsIdsAdded"], a.body["recordIdsRemoved"]), fmt.Sprint(people[2:3], people[:1]))
			contract.SameShape(t, "$", any(a.body), any(want))
			w.call("PUT", base+"/"+id+"/memberships/add", people[3:]).want(200)
			w.call("PUT", base+"/"+id+"/memberships/remove", people[4:]).want(200)
			w.call("PUT", base+"/"+id+"/memberships/add", fields{"ids": people}).want(400)
			a = w.call("GET", base+"/"+id+"/memberships", nil).want(200)
			contract.SameShape(t, "$", any(a.body), any(sample[map[string]any](t, "list-memberships")))
			equal(t, "total", whole(a.body["total"]), 3)
			first := w.call("GET", base+"/"+id+"/memberships?limit=2", nil).want(200)
			rest := w.call("GET", base+"/"+id+"/memberships?limit=2&after="+first.after(), nil).want(200)
			equal(t, "second page", str(rest.list("results")[0]["recordId"]), people[3])
			back := w.call("GET", base+"/"+id+"/memberships?before="+first.after(), nil).want(200)
			equal(t, "backwards", str(back.list("results")[0]["recordId"]), people[1])
			w.call("GET", base+"/"+id+"/memberships/join-order", nil).want(200)
			w.call("GET", base+"/"+id+"/memberships?limit=251", nil).want(400)
			w.call("GET", base+"/"+id+"/memberships?after="+people[0], nil).want(400)
			w.call("GET", base+"/"+id, nil).want(200)
			w.call("GET", base+"/object-type-id/0-1/name/key%20accounts", nil).want(200)
			w.call("GET", base+"?listIds="+id+"&listIds=99", nil).want(200)
			equal(t, "lists of a contact", len(w.call("GET", base+"/records/0-1/"+people[1]+"/memberships", nil).want(200).list("results")), 1)

			dyn, err := w.box.AddGroup(mira, "Buyers", "jobtitle", "Buyer")
			must(t, err)
			must(t, w.box.SetProperty(mira, people[4], "jobtitle", "Buyer"))
			a = w.call("GET", base+"/"+dyn+"/memberships", nil).want(200)
			equal(t, "dynamic member", str(a.list("results")[0]["recordId"]), people[4])
			w.call("PUT", base+"/"+dyn+"/memberships/add", people[:1]).refused(400, "VALIDATION_ERROR", "DYNAMIC")
			w.call("GET", base+"/"+dyn+"?includeFilters=true", nil).want(200)
			found := w.call("POST", base+"/search", fields{"query": "buy", "offset": 0, "count": 500, "processingTypes": []string{"DYNAMIC"}, "additionalProperties": []string{"hs_list_size"}}).want(200)
			equal(t, "found", str(found.list("lists")[0]["listId"]), dyn)
			equal(t, "size", str(found.list("lists")[0]["additionalProperties"].(map[string]any)["hs_list_size"]), "1")
			page := w.call("POST", base+"/search", fields{"offset": 0, "count": 1}).want(200)
			equal(t, "more", page.body["hasMore"], any(true))
			equal(t, "offset", whole(page.body["offset"]), 1)
			w.call("POST", base+"/search", fields{"count": 501}).want(400)

			must(t, w.box.Remove(mira, people[1]))
			equal(t, "archived contacts leave", whole(w.call("GET", base+"/"+id+"/memberships", nil).body["total"]), 2)
			merged, err := w.box.Merge(mira, people[2], people[4])
			must(t, err)
			a = w.call("GET", base+"/"+id+"/memberships", nil)
			equal(t, "a merged record stays", str(a.list("results")[1]["recordId"]), merged)
			w.call("DELETE", base+"/"+id+"/memberships", nil).want(204)
			w.call("DELETE", base+"/"+id, nil).want(204)
			w.call("GET", base+"/"+id, nil).want(404)
			w.call("PUT", base+"/"+id+"/restore", nil).want(204)
			w.call("POST", base, fields{"name": "key accounts", "objectTypeId": "0-1", "processingType": "MANUAL"}).refused(400, "VALIDATION_ERROR", "already exists")
			w.call("POST", base, fields{"name": "X", "objectTypeId": "0-1", "processingType": "DYNAMIC"}).want(400)
		})
	}
}

func TestOwnersAndAccount(t *testing.T) {
	w := newWorld(t)
	off := false
	w.addUser(hubspot.User{Email: tarmo, Name: "Tarmo Kask", Active: &off})
	_, user, owner, err := w.box.Portal(mira)
	must(t, err)
	for _, base := range []string{"/crm/v3/owners", "/crm/owners/2026-09"} {
		a := w.call("GET", base+"?email="+mira+"&limit=100", nil).want(200)
		want := sample[map[string]any](t, "owners")
		active := map[string]any{"results": want["results"].([]any)[:1]}
		contract.SameShape(t, "$", any(a.body), any(active))
		equal(t, "id", str(a.list("results")[0]["id"]), fmt.Sprint(owner))
		equal(t, "user", whole(a.list("results")[0]["userId"]), user)
		former := w.call("GET", base+"?archived=true", nil).want(200)
		contract.SameShape(t, "$", any(former.body), any(map[string]any{"results": want["results"].([]any)[1:]}))
		equal(t, "former users have no id", former.list("results")[0]["userId"], any(nil))
		w.call("GET", base+"/"+fmt.Sprint(owner), nil).want(200)
		w.call("GET", base+"/"+fmt.Sprint(user)+"?idProperty=userId", nil).want(200)
		w.call("GET", base+"/"+fmt.Sprint(user), nil).want(404)
	}
	for _, version := range []string{"v3", "2026-03", "2026-09"} {
		a := w.call("GET", "/account-info/"+version+"/details", nil).want(200)
		contract.SameShape(t, "$", any(a.body), any(sample[map[string]any](t, "account-details")))
		equal(t, "portal", whole(a.body["portalId"]), 6213544)
	}
	w.addUser(hubspot.User{Email: mira, TimeZone: "America/New_York", Region: "na1"})
	a := w.call("GET", "/account-info/v3/details", nil)
	equal(t, "offset", str(a.body["utcOffset"])+str(a.body["uiDomain"]), "-05:00app.hubspot.com")
}

func TestCompaniesAreAssociated(t *testing.T) {
	w := newWorld(t)
	company := func(name string) string {
		return w.call("POST", "/crm/v3/objects/companies", properties("name", name)).want(201).id()
	}
	nordkai, hoshi := company("Nordkai AS"), company("Hoshi KK")
	create := sample[map[string]any](t, "contact-create")
	p := create["properties"].(map[string]any)
	delete(p, "hubspot_owner_id")
	create["associations"].([]any)[0].(map[string]any)["to"].(map[string]any)["id"] = nordkai
	jon := w.call("POST", contacts, create).want(201).id()
	linksOf := func(path string) string {
		out := ""
		for _, r := range w.call("GET", path, nil).want(200).list("results") {
			out += fmt.Sprintf("%.0f:", r["toObjectId"])
			for _, x := range r["associationTypes"].([]any) {
				out += fmt.Sprintf("%v,", x.(map[string]any)["typeId"])
			}
		}
		return out
	}
	from := "/crm/v4/objects/contact/" + jon + "/associations/company"
	equal(t, "the first is primary", linksOf(from), nordkai+":279,1,")
	w.call("PUT", "/crm/v4/objects/contact/"+jon+"/associations/default/company/"+hoshi, nil).want(200)
	equal(t, "a second", linksOf(from), nordkai+":279,1,"+hoshi+":279,")
	primary := []fields{{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}}
	a := w.call("PUT", from+"/"+hoshi, primary).want(201)
	equal(t, "labels", fmt.Sprint(a.body["labels"]), "[Primary]")
	equal(t, "another primary", linksOf(from), nordkai+":279,"+hoshi+":279,1,")
	equal(t, "from the company", linksOf("/crm/v4/objects/companies/"+hoshi+"/associations/contacts"), jon+":280,2,")
	equal(t, "property", w.call("GET", contacts+"/"+jon+"?properties=associatedcompanyid", nil).prop("associatedcompanyid"), any(hoshi))
	read := w.call("GET", contacts+"/"+jon+"?associations=companies", nil).want(200)
	pairs := read.body["associations"].(map[string]any)["companies"].(map[string]any)["results"].([]any)
	equal(t, "each pair per type", len(pairs), 3)
	w.call("GET", contacts+"?associations=companies", nil).want(200)

	inputs := batchOf(ids(jon)...)
	w.call("POST", "/crm/v4/associations/contact/company/batch/read", inputs).want(200)
	dated := w.call("POST", "/crm/associations/2026-09/contact/company/batch/read", batchOf(ids(jon, "99")...)).want(200)
	equal(t, "missing", whole(dated.body["numErrors"]), 1)
	equal(t, "dated ids are text", str(dated.list("results")[0]["to"].([]any)[0].(map[string]any)["toObjectId"]), nordkai)
	w.call("GET", "/crm/objects/2026-03/contacts/"+jon+"/associations/companies", nil).want(200)
	w.call("GET", "/crm/objects/2026-09/contacts/"+jon+"/associations/companies", nil).want(404)
	ines := w.person("firstname", "Ines")
	pair := batchOf(fields{"from": fields{"id": ines}, "to": fields{"id": hoshi}, "types": primary})
	w.call("POST", "/crm/v4/associations/contact/company/batch/create", pair).want(201)
	w.call("POST", "/crm/associations/2026-09/contact/company/batch/create", pair).want(200)
	w.call("PUT", from+"/99", primary).want(404)
	w.call("PUT", from+"/"+hoshi, []fields{{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 280}}).want(400)
	w.call("DELETE", from+"/"+hoshi, nil).want(204)
	equal(t, "removed", linksOf(from), nordkai+":279,")

	found := w.call("POST", "/crm/v3/objects/companies/search", where(is("name", "EQ", "Hoshi KK"))).want(200)
	equal(t, "by name", found.ids(), hoshi)
	merged := w.call("POST", "/crm/objects/2026-09/companies/merge", fields{"primaryObjectId": hoshi, "objectIdToMerge": nordkai}).want(200).id()
	equal(t, "contacts follow", linksOf(from), merged+":279,1,")
	equal(t, "employees", w.call("GET", "/crm/v3/objects/companies/"+merged+"?properties=num_associated_contacts", nil).prop("num_associated_contacts"), any("2"))
	w.call("DELETE", "/crm/v3/objects/companies/"+merged, nil).want(204)
	equal(t, "archived companies let go", linksOf(from), "")
	w.call("POST", "/crm/v3/objects/companies", properties("city", "Tallinn")).want(400)
	w.call("GET", "/crm/v3/properties/companies", nil).want(200)
	create["properties"] = fields{"firstname": "A"}
	w.call("POST", contacts, create).refused(400, "VALIDATION_ERROR", "does not exist")
	equal(t, "nothing was written", w.search(where(is("firstname", "EQ", "A"))).ids(), "")
	w.call("PUT", "/crm/v4/objects/contact/"+jon+"/associations/contact/"+ines, primary).want(400)
	w.call("PUT", "/crm/v4/objects/contact/"+jon+"/associations/company/"+hoshi, []fields{}).want(400)
}
