package hubspot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"meibo/shared/contract"
	"meibo/shared/sandbox/hubspot"
)

func TestContactsAreWrittenAndRead(t *testing.T) {
	for _, base := range []string{contacts, "/crm/objects/2026-03/contacts", "/crm/objects/2026-09/contacts", "/crm/objects/2026-09/0-1"} {
		t.Run(strings.Trim(strings.ReplaceAll(base, "/", " "), " "), func(t *testing.T) {
			w := newWorld(t)
			made := w.call("POST", base, properties("email", "jon.berg@nordkai.example", "firstname", "Jon", "lastname", "Berg")).want(201)
			id := made.id()
			equal(t, "stage that nobody sent", made.prop("lifecyclestage"), any("lead"))
			equal(t, "source", made.prop("hs_object_source"), any("INTEGRATION"))
			got := w.call("GET", base+"/"+id+"?properties=email,jobtitle,nosuchthing", nil).want(200)
			equal(t, "value", got.prop("email"), any("jon.berg@nordkai.example"))
			equal(t, "empty value", got.prop("jobtitle"), any(nil))
			equal(t, "unknown property", got.prop("nosuchthing"), any("(absent)"))
			equal(t, "id as text", got.prop("hs_object_id"), any(id))
			equal(t, "url", str(got.body["url"]), "https://app-eu1.hubspot.com/contacts/6213544/record/0-1/"+id)
			got = w.call("GET", base+"/"+id, nil).want(200)
			equal(t, "standard properties", len(got.body["properties"].(map[string]any)), 6)
			equal(t, "by address", w.call("GET", base+"/JON.berg@nordkai.example?idProperty=email", nil).want(200).id(), id)

			w.clock.Advance(time.Second)
			changed := w.call("PATCH", base+"/"+id, properties("jobtitle", "Buyer")).want(200)
			equal(t, "changed", changed.prop("jobtitle"), any("Buyer"))
			equal(t, "time", changed.prop("lastmodifieddate"), any("2026-11-20T10:00:01.000Z"))
			w.call("PATCH", base+"/"+id, properties("jobtitle", "")).want(200)
			equal(t, "cleared", w.call("GET", base+"/"+id+"?properties=jobtitle", nil).prop("jobtitle"), any(nil))

			w.call("DELETE", base+"/"+id, nil).want(204)
			w.call("GET", base+"/"+id, nil).refused(404, "OBJECT_NOT_FOUND", "not found")
			gone := w.call("GET", base+"/"+id+"?archived=true", nil).want(200)
			equal(t, "archived", gone.body["archived"], any(true))
			equal(t, "list", w.call("GET", base, nil).ids(), "")
			equal(t, "archived list", w.call("GET", base+"?archived=true", nil).ids(), id)
			w.call("PATCH", base+"/"+id, properties("jobtitle", "Buyer")).refused(404, "OBJECT_NOT_FOUND", "")
			w.clock.Advance(90 * 24 * time.Hour)
			w.tokens = map[string]string{}
			w.call("GET", base+"/"+id+"?archived=true", nil).refused(404, "OBJECT_NOT_FOUND", "")
		})
	}
}

func TestListsHaveTheSheetsShape(t *testing.T) {
	w := newWorld(t)
	id := w.person("email", "jon.berg@nordkai.example", "firstname", "Jon")
	second := w.person("firstname", "Ines")
	want := sample[map[string]any](t, "contacts-list")
	names := []string{}
	for n := range want["results"].([]any)[0].(map[string]any)["properties"].(map[string]any) {
		names = append(names, n)
	}
	a := w.call("GET", contacts+"?limit=1&properties="+strings.Join(names, ","), nil).want(200)
	contract.SameShape(t, "$", any(a.body), any(want))
	equal(t, "after is the next record", a.after(), second)
	twice := w.call("GET", contacts+"/"+id+"?properties=email&properties=phone,fax", nil).want(200)
	equal(t, "repeated and between commas", fmt.Sprint(twice.prop("email"), twice.prop("phone"), twice.prop("fax")), "jon.berg@nordkai.example<nil> <nil>")
	equal(t, "second page", w.call("GET", contacts+"?after="+a.after(), nil).ids(), second)
	w.call("DELETE", contacts+"/"+id, nil).want(204)
	a = w.call("GET", contacts+"?archived=true", nil).want(200)
	archived := sample[map[string]any](t, "contacts-list-archived")
	p := archived["results"].([]any)[0].(map[string]any)["properties"].(map[string]any)
	p["firstname"], p["lastname"] = nil, nil
	contract.SameShape(t, "$", any(a.body), any(archived))

	for _, q := range []string{"?limit=101", "?limit=0", "?after=x", "?archived=yes", "?sort=email", "?properties=", "?propertiesWithHistory=email", "?associations=deals"} {
		w.call("GET", contacts+q, nil).refused(400, "VALIDATION_ERROR", "")
	}
}

func TestValuesAreChecked(t *testing.T) {
	w := newWorld(t)
	_, err := w.box.AddProperty(mira, "Kind", "enumeration", "red", "blue")
	must(t, err)
	_, err = w.box.AddProperty(mira, "Since", "date")
	must(t, err)
	_, err = w.box.AddProperty(mira, "Size", "number")
	must(t, err)
	_, err = w.box.AddProperty(mira, "Vip", "bool")
	must(t, err)
	id := w.person("firstname", "Jon", "kind", "red", "since", "2026-02-03", "size", "1.5", "vip", "true")
	got := w.call("GET", contacts+"/"+id+"?properties=since,size", nil)
	equal(t, "date", got.prop("since"), any("2026-02-03"))
	w.call("PATCH", contacts+"/"+id, properties("since", "1770076800000")).want(200)
	_, user, owner, err := w.box.Portal(mira)
	must(t, err)
	if user == owner {
		t.Fatal("the owner's number must differ from the user's")
	}
	w.call("PATCH", contacts+"/"+id, properties("hubspot_owner_id", fmt.Sprint(owner))).want(200)
	for _, c := range []struct{ name, value, code string }{
		{"favourite_food", "x", "PROPERTY_DOESNT_EXIST"}, {"hs_object_id", "1", "READ_ONLY_VALUE"}, {"lastmodifieddate", "1", "READ_ONLY_VALUE"},
		{"hs_additional_emails", "a@b.example", "READ_ONLY_VALUE"}, {"email", "not-an-email", "INVALID_EMAIL"}, {"email", "a..b@c.example", "INVALID_EMAIL"},
		{"kind", "green", "INVALID_OPTION"}, {"kind", "red;blue", "INVALID_OPTION"}, {"since", "3.2.2026", "INVALID_DATE"}, {"since", "1770076800001", "INVALID_DATE"},
		{"size", "many", "INVALID_NUMBER"}, {"vip", "yes", "INVALID_OPTION"}, {"hubspot_owner_id", fmt.Sprint(user), "INVALID_OWNER_ID"},
		{"lifecyclestage", "friend", "INVALID_OPTION"}, {"jobtitle", strings.Repeat("x", 65537), "PROPERTY_VALUE_TOO_LONG"},
	} {
		w.call("PATCH", contacts+"/"+id, properties(c.name, c.value)).invalid(c.code, c.name)
	}
	error400 := sample[map[string]any](t, "error-400")
	contract.SameShape(t, "$", any(w.call("POST", contacts, properties("favourite_food", "x")).body), any(error400))
	w.call("POST", contacts, properties("jobtitle", "Buyer")).refused(400, "VALIDATION_ERROR", "at least one of")
	for _, body := range []string{`{}`, `{"properties":null}`, `{"properties":{"firstname":null}}`, `{"properties":{"firstname":1}}`, `{"properties":{"firstname":"A"},"x":1}`, `[]`, ``} {
		w.call("POST", contacts, body).refused(400, "VALIDATION_ERROR", "")
	}
	w.call("POST", contacts, properties("firstname", "A"), header("Content-Type", "text/plain")).want(415)
	w.call("PUT", contacts, nil).want(405)
	w.call("GET", "/crm/v3/objects/deals", nil).want(404)
	w.call("GET", contacts, "{}").refused(400, "VALIDATION_ERROR", "no body")

	t.Run("rules of the account hold from 2026-09 on", func(t *testing.T) {
		must(t, w.box.SetRule(mira, "phone", `^\+`))
		w.call("PATCH", contacts+"/"+id, properties("phone", "123")).want(200)
		w.call("PATCH", "/crm/objects/2026-03/contacts/"+id, properties("phone", "124")).want(200)
		w.call("PATCH", "/crm/objects/2026-09/contacts/"+id, properties("phone", "125")).invalid("PROPERTY_VALIDATION_RULE", "phone")
	})
}

func TestLifecycleStagesGoForward(t *testing.T) {
	w := newWorld(t)
	id := w.person("firstname", "Jon", "lifecyclestage", "customer")
	w.call("PATCH", contacts+"/"+id, properties("lifecyclestage", "lead", "jobtitle", "X")).invalid("INVALID_LIFECYCLE_STAGE", "lifecyclestage")
	equal(t, "nothing was written", w.call("GET", contacts+"/"+id+"?properties=jobtitle", nil).prop("jobtitle"), any(nil))
	w.call("PATCH", contacts+"/"+id, properties("lifecyclestage", "")).want(200)
	w.call("PATCH", contacts+"/"+id, properties("lifecyclestage", "lead")).want(200)
	w.call("PATCH", contacts+"/"+id, properties("lifecyclestage", "evangelist")).want(200)

	t.Run("or the old one is kept silently", func(t *testing.T) {
		must(t, w.box.SetLifecycle(mira, "keep", nil))
		a := w.call("PATCH", contacts+"/"+id, properties("lifecyclestage", "lead", "jobtitle", "X")).want(200)
		equal(t, "stage of the answer", a.prop("lifecyclestage"), any("evangelist"))
		equal(t, "the rest is written", a.prop("jobtitle"), any("X"))
	})
	t.Run("stages and their standard are the account's", func(t *testing.T) {
		none := ""
		must(t, w.box.SetLifecycle(mira, "", &none))
		a := w.call("POST", contacts, properties("firstname", "A")).want(201)
		equal(t, "no standard", a.prop("lifecyclestage"), any("(absent)"))
		must(t, w.box.SetStages(mira, "cold", "warm"))
		w.person("firstname", "B", "lifecyclestage", "warm")
		if err := w.box.SetLifecycle(mira, "sometimes", nil); err == nil {
			t.Fatal("an unknown mode was taken")
		}
	})
	t.Run("a person may set it back", func(t *testing.T) {
		must(t, w.box.SetProperty(mira, id, "lifecyclestage", "cold"))
		must(t, w.box.SetProperty(mira, id, "lifecyclestage", ""))
	})
}

func TestAddressesAreUnique(t *testing.T) {
	w := newWorld(t)
	id := w.person("email", "jon@nordkai.example")
	other := w.person("email", "ines@nordkai.example")
	a := w.call("POST", contacts, properties("email", "JON@nordkai.example")).refused(409, "CONFLICT", "Contact already exists. Existing ID: "+id)
	contract.SameShape(t, "$", any(a.body), any(sample[map[string]any](t, "conflict-409")))
	w.call("PATCH", contacts+"/"+other, properties("email", "jon@nordkai.example")).invalid("CONFLICTING_UNIQUE_VALUE", "email")

	merged, err := w.box.Merge(mira, id, other)
	must(t, err)
	w.call("POST", contacts, properties("email", "ines@nordkai.example")).refused(409, "CONFLICT", "Existing ID: "+merged)
	w.call("GET", contacts+"/ines@nordkai.example?idProperty=email", nil).want(404)
	w.call("GET", contacts+"/x?idProperty=jobtitle", nil).refused(400, "VALIDATION_ERROR", "does not identify")

	t.Run("archiving frees them, or not", func(t *testing.T) {
		w.call("DELETE", contacts+"/"+merged, nil).want(204)
		again := w.person("email", "jon@nordkai.example")
		must(t, w.box.SetQuirks(hubspot.Quirks{ArchivedKeepsEmail: true}))
		w.call("DELETE", contacts+"/"+again, nil).want(204)
		w.call("POST", contacts, properties("email", "jon@nordkai.example")).refused(409, "CONFLICT", again)
	})
	t.Run("a deleted one that was not found is blocked", func(t *testing.T) {
		w.call("POST", contacts+"/gdpr-delete", fields{"objectId": "never@nordkai.example", "idProperty": "email"}).want(204)
		w.call("POST", contacts, properties("email", "never@nordkai.example")).invalid("INVALID_EMAIL", "email")
		victim := w.person("email", "victim@nordkai.example")
		w.call("POST", contacts+"/gdpr-delete", fields{"objectId": victim}).want(204)
		w.call("GET", contacts+"/"+victim+"?archived=true", nil).want(404)
		w.call("POST", contacts+"/gdpr-delete", fields{"objectId": victim}).want(404)
		w.call("POST", contacts+"/gdpr-delete", fields{"objectId": victim, "idProperty": "phone"}).want(400)
	})
}

func TestMergesMakeNewRecords(t *testing.T) {
	w := newWorld(t)
	one := w.person("email", "a@nordkai.example", "firstname", "A", "phone", "1")
	two := w.person("email", "b@nordkai.example", "firstname", "B", "jobtitle", "Buyer")
	made := w.call("POST", contacts+"/merge", fields{"primaryObjectId": one, "objectIdToMerge": two}).want(200)
	id := made.id()
	if id == one || id == two {
		t.Fatalf("got %s, want a new id", id)
	}
	for _, old := range []string{one, two} {
		got := w.call("GET", contacts+"/"+old+"?properties=firstname,jobtitle,phone,email,hs_additional_emails,hs_merged_object_ids", nil).want(200)
		equal(t, "id", got.id(), id)
		equal(t, "primary wins", got.prop("firstname"), any("A"))
		equal(t, "other fills", got.prop("jobtitle"), any("Buyer"))
		equal(t, "additional", got.prop("hs_additional_emails"), any("b@nordkai.example"))
		equal(t, "merged", got.prop("hs_merged_object_ids"), any(one+";"+two))
		w.call("PATCH", contacts+"/"+old, properties("jobtitle", "X")).want(404)
	}
	equal(t, "list", w.call("GET", contacts, nil).ids(), id)
	equal(t, "archived list", w.call("GET", contacts+"?archived=true", nil).ids(), "")
	three := w.person("firstname", "C")
	last := w.call("POST", contacts+"/merge", fields{"primaryObjectId": three, "objectIdToMerge": id}).want(200).id()
	equal(t, "through two merges", w.call("GET", contacts+"/"+one, nil).id(), last)
	w.call("POST", contacts+"/merge", fields{"primaryObjectId": last, "objectIdToMerge": last}).want(400)
	w.call("POST", contacts+"/merge", fields{"primaryObjectId": last, "objectIdToMerge": one}).want(404)

	must(t, w.box.SetQuirks(hubspot.Quirks{MergedWrites: true}))
	equal(t, "a write reaches the survivor", w.call("PATCH", contacts+"/"+one, properties("jobtitle", "X")).want(200).id(), last)
	w.box.SetLimits(hubspot.Limits{Burst: -1, Merges: 5})
	other := w.person("firstname", "D")
	w.call("POST", contacts+"/merge", fields{"primaryObjectId": last, "objectIdToMerge": other}).refused(414, "VALIDATION_ERROR", "250 identities")
}
