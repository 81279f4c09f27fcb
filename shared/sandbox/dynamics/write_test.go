package dynamics_test

import (
	"net/http"
	"strings"
	"testing"

	"meibo/shared/sandbox/dynamics"
)

const (
	ghost = "3f6c1a52-9b1d-ee11-8f6d-000d3a1b2c3d"
	star  = "*"
)

func ifMatch(v string) header { return header{"If-Match", v} }

func TestPatch(t *testing.T) {
	w := newWorld(t)
	at := "/contacts(" + ghost + ")"
	t.Run("of a row that is not there makes it, unless If-Match is sent", func(t *testing.T) {
		w.do("PATCH", at, fields{"lastname": "Oda"}, ifMatch(star)).refused(404, "0x80040217")
		w.do("PATCH", at, fields{"lastname": "Oda"}, ifMatch(`W/"1"`)).refused(404, "0x80040217")
		w.do("PATCH", at, fields{"lastname": "Oda"}, represent).want(201)
	})
	t.Run("of a row that is there is refused with If-None-Match", func(t *testing.T) {
		w.do("PATCH", at, fields{"lastname": "Ota"}, header{"If-None-Match", star}).refused(412, "0x80040237")
		equal(t, "name", w.get("contacts", ghost, "lastname").str("lastname"), "Oda")
		w.do("POST", "/contacts", fields{"contactid": ghost}).refused(412, "0x80040237")
	})
	t.Run("wants the version that is there", func(t *testing.T) {
		old := w.etag("contacts", ghost)
		w.do("PATCH", at, fields{"firstname": "Nobu"}, ifMatch(old)).want(204)
		w.do("PATCH", at, fields{"firstname": "Nobuo"}, ifMatch(old)).refused(412, "0x80060882")
		a := w.do("PATCH", at+"?$select=fullname,versionnumber", fields{"firstname": "Nobuko"}, ifMatch(star), represent).want(200)
		equal(t, "full name", a.str("fullname"), "Nobuko Oda")
		equal(t, "preference", a.header.Get("Preference-Applied"), `return="representation"`)
		if a.str("@odata.etag") == old {
			t.Error("the etag did not change")
		}
	})
	t.Run("leaves what is not named, and null clears", func(t *testing.T) {
		w.do("PATCH", at, fields{"firstname": nil, "jobtitle": ""}, ifMatch(star)).want(204)
		got := w.get("contacts", ghost, "firstname,lastname,jobtitle,fullname").want(200)
		equal(t, "first name", got.body["firstname"], nil)
		equal(t, "job title", got.body["jobtitle"], nil)
		equal(t, "full name", got.str("fullname"), "Oda")
	})
	t.Run("of a deleted row makes it again", func(t *testing.T) {
		w.do("DELETE", at, nil, ifMatch(`W/"1"`)).refused(412, "0x80060882")
		w.do("DELETE", at, nil, ifMatch(w.etag("contacts", ghost))).want(204)
		w.do("GET", at+"?$select=lastname", nil).refused(404, "0x80040217")
		w.do("DELETE", at, nil).refused(404, "0x80040217")
		w.do("PATCH", at, fields{"lastname": "Again"}).want(204)
		equal(t, "name", w.get("contacts", ghost, "lastname").str("lastname"), "Again")
	})
}

func TestGetAnswers304WhenUnchanged(t *testing.T) {
	w := newWorld(t)
	id := w.create("contacts", fields{"lastname": "Oda"})
	tag := w.etag("contacts", id)
	w.get("contacts", id, "lastname", header{"If-None-Match", tag}).want(304)
	w.get("contacts", id, "lastname", header{"If-None-Match", tag}, prefer(`odata.include-annotations="*"`)).want(200)
	w.do("PATCH", "/contacts("+id+")", fields{"lastname": "Ota"}).want(204)
	w.get("contacts", id, "lastname", header{"If-None-Match", tag}).want(200)
}

func TestValuesAreChecked(t *testing.T) {
	w := newWorld(t)
	cases := []struct {
		name, code string
		body       fields
	}{
		{"an unknown column", "0x80048d19", fields{"nosuch": "x"}},
		{"a column of the other table", "0x80048d19", fields{"companyname": "x"}},
		{"a lookup without bind", "0x80048d19", fields{"_parentcustomerid_value": ghost}},
		{"a lookup's own name", "0x80048d19", fields{"parentcustomerid@odata.bind": "/accounts(" + ghost + ")"}},
		{"a row inside a row", "0x80048d19", fields{"parentcustomerid_account": fields{"name": "Kitano"}}},
		{"a read-only column", "0x80040203", fields{"fullname": "Nobu Oda"}},
		{"a composite address", "0x80040203", fields{"address1_composite": "x"}},
		{"a time of the system's", "0x80040203", fields{"modifiedon": "2026-01-01T00:00:00Z"}},
		{"a text of 51 letters for 50", "0x80044331", fields{"lastname": strings.Repeat("織", 51)}},
		{"26 letters of two units each for 50", "0x80044331", fields{"lastname": strings.Repeat("𠮷", 26)}},
		{"a number for a text", "0x80048d19", fields{"lastname": 5}},
		{"a text for a number", "0x80048d19", fields{"numberofchildren": "5"}},
		{"a number out of range", "0x8004431a", fields{"numberofchildren": -1}},
		{"a choice that is not there", "0x8004431a", fields{"gendercode": 9}},
		{"a broken date", "0x80048d19", fields{"birthdate": "1990-02-30"}},
		{"a date before 1753", "0x80048d19", fields{"birthdate": "1752-12-31"}},
		{"a control character", "0x80040278", fields{"lastname": "a\x01b"}},
		{"a status of another state", "0x80040203", fields{"statecode": 1, "statuscode": 1}},
		{"another type", "0x80048d19", fields{"@odata.type": "Microsoft.Dynamics.CRM.lead"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { w.do("POST", "/contacts", c.body).refused(400, c.code) })
	}
	t.Run("what fits is taken", func(t *testing.T) {
		id := w.create("contacts", fields{"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": strings.Repeat("織", 50), "birthdate": "1990-02-28",
			"company": "+81 3 5555 0100", "gendercode": 2, "donotemail": true, "creditlimit": 12.5, "description": "a\nb"})
		got := w.get("contacts", id, "birthdate,company,gendercode,donotemail,creditlimit,description,statecode,statuscode,merged").want(200)
		equal(t, "birthday", got.str("birthdate"), "1990-02-28")
		equal(t, "limit", got.body["creditlimit"], any(12.5))
		equal(t, "merged", got.body["merged"], any(false))
		equal(t, "status", got.body["statuscode"], any(1.0))
	})
	t.Run("a topic and a short mobile number are a lead's", func(t *testing.T) {
		w.do("POST", "/leads", fields{"mobilephone": strings.Repeat("1", 21)}).refused(400, "0x80044331")
		id := w.create("leads", fields{"subject": "Fair", "companyname": "Kitano", "lastname": "Oda"})
		equal(t, "topic", w.get("leads", id, "subject").str("subject"), "Fair")
		w.do("POST", "/leads", fields{"department": "x"}).refused(400, "0x80048d19")
	})
}

func TestLookups(t *testing.T) {
	w := newWorld(t)
	account := w.create("accounts", fields{"name": "Kitano Seiki K.K."})
	id := w.create("contacts", fields{"lastname": "Oda", "parentcustomerid_account@odata.bind": "/accounts(" + account + ")"})
	annotated := prefer(`odata.include-annotations="*"`)
	t.Run("annotations name the table and the label", func(t *testing.T) {
		got := w.get("contacts", id, "_parentcustomerid_value,_ownerid_value", annotated).want(200)
		equal(t, "id", got.str("_parentcustomerid_value"), account)
		equal(t, "table", got.str("_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"), "account")
		equal(t, "label", got.str("_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"), "Kitano Seiki K.K.")
		equal(t, "owner", got.str("_ownerid_value@OData.Community.Display.V1.FormattedValue"), "Haruto Kanzaki")
		if _, there := w.get("contacts", id, "_parentcustomerid_value").body["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"]; there {
			t.Error("annotations come unasked")
		}
	})
	t.Run("a target that is not there is 404", func(t *testing.T) {
		w.do("PATCH", "/contacts("+id+")", fields{"parentcustomerid_account@odata.bind": "/accounts(" + ghost + ")"}).refused(404, "0x80040217")
		w.do("PATCH", "/contacts("+id+")", fields{"parentcustomerid_contact@odata.bind": "/accounts(" + account + ")"}).refused(400, "0x80048d19")
	})
	t.Run("DELETE of the $ref clears, and null where the service is so", func(t *testing.T) {
		w.do("PATCH", "/contacts("+id+")", fields{"parentcustomerid_account": nil}).refused(400, "0x80048d19")
		must(t, w.box.SetQuirks(dynamics.Quirks{NullLookups: true}))
		bind := fields{"parentcustomerid_account@odata.bind": "accounts(" + account + ")"}
		for _, clear := range []fields{{"parentcustomerid_account": nil}, nil} {
			w.do("PATCH", "/contacts("+id+")", bind).want(204)
			if clear == nil {
				w.do("DELETE", "/contacts("+id+")/parentcustomerid_account/$ref", nil).want(204)
			} else {
				w.do("PATCH", "/contacts("+id+")", clear).want(204)
			}
			equal(t, "account", w.get("contacts", id, "_parentcustomerid_value").body["_parentcustomerid_value"], nil)
		}
	})
	t.Run("an owner is assigned", func(t *testing.T) {
		w.addUser(dynamics.User{Email: yui, Name: "Yui Oda"})
		to := w.do("GET", filtered("systemusers", "systemuserid,fullname,isdisabled", "internalemailaddress eq '"+yui+"'"), nil).want(200).values()[0]
		w.do("PATCH", "/contacts("+id+")", fields{"ownerid@odata.bind": "/systemusers(" + str(to, "systemuserid") + ")"}).want(204)
		equal(t, "owner", w.get("contacts", id, "_ownerid_value").str("_ownerid_value"), str(to, "systemuserid"))
		must(t, w.box.SetPrivilege(haruto, "assign", "contact", dynamics.DepthNone))
		me := w.do("GET", "/WhoAmI", nil).str("UserId")
		w.do("PATCH", "/contacts("+id+")", fields{"ownerid@odata.bind": "/systemusers(" + me + ")"}).refused(403, "0x80040220")
	})
	t.Run("a deleted account leaves its contacts", func(t *testing.T) {
		other := w.create("contacts", fields{"lastname": "Ueda", "parentcustomerid_account@odata.bind": "/accounts(" + account + ")"})
		w.do("DELETE", "/accounts("+account+")", nil).want(204)
		equal(t, "account", w.get("contacts", other, "_parentcustomerid_value").body["_parentcustomerid_value"], nil)
	})
}

func TestRowsThatAreNotActive(t *testing.T) {
	w := newWorld(t)
	id := w.create("contacts", fields{"lastname": "Oda"})
	w.do("PATCH", "/contacts("+id+")", fields{"statecode": 1}).want(204)
	equal(t, "status follows", w.get("contacts", id, "statuscode").body["statuscode"], any(2.0))
	w.do("PATCH", "/contacts("+id+")", fields{"lastname": "Ota"}).refused(400, "0x80040203")
	w.do("PATCH", "/contacts("+id+")", fields{"statecode": 0}).want(204)
	w.do("PATCH", "/contacts("+id+")", fields{"lastname": "Ota"}).want(204)
	must(t, w.box.SetActive(haruto, id, false))
	must(t, w.box.SetQuirks(dynamics.Quirks{WriteInactive: true}))
	w.do("PATCH", "/contacts("+id+")", fields{"lastname": "Ueda"}).want(204)
}

func TestDuplicateRules(t *testing.T) {
	w := newWorld(t)
	w.create("contacts", fields{"emailaddress1": "oda@example.jp"})
	again := fields{"emailaddress1": "ODA@example.jp"}
	detect := header{"MSCRM.SuppressDuplicateDetection", "false"}
	w.do("POST", "/contacts", again, detect).refused(412, "0x80040333")
	must(t, w.box.SetQuirks(dynamics.Quirks{Duplicate500: true}))
	w.do("POST", "/contacts", again, detect).refused(500, "0x80040333")
	must(t, w.box.SetQuirks(dynamics.Quirks{NoDuplicateRules: true}))
	w.do("POST", "/contacts", again, detect).want(204)
	must(t, w.box.SetQuirks(dynamics.Quirks{}))
	w.do("POST", "/contacts", again).want(204)
}

func TestCustomAndSecuredColumns(t *testing.T) {
	w := newWorld(t)
	must(t, w.box.AddColumn(haruto, dynamics.Column{Table: "contact", Name: "new_syncid", Type: "text", Key: true}))
	must(t, w.box.AddColumn(haruto, dynamics.Column{Table: "contact", Name: "new_tier", Type: "choice", Label: "Tier", Options: []string{"Gold", "Silver"}}))
	t.Run("an alternate key names a row and is taken once", func(t *testing.T) {
		at := "/contacts(new_syncid='g-1')"
		w.do("PATCH", at+"?$select=lastname", fields{"lastname": "Oda"}, represent).want(201)
		w.do("PATCH", at+"?$select=lastname", fields{"lastname": "Ota"}, represent).want(200)
		equal(t, "name", w.do("GET", at+"?$select=lastname", nil).want(200).str("lastname"), "Ota")
		w.do("POST", "/contacts", fields{"new_syncid": "g-1"}).refused(412, "0x80060892")
		w.do("GET", "/contacts(emailaddress1='x')?$select=lastname", nil).refused(404, "0x80040217")
	})
	t.Run("a choice has values and labels", func(t *testing.T) {
		id := w.create("contacts", fields{"new_tier": 100000001})
		got := w.get("contacts", id, "new_tier", prefer(`odata.include-annotations="OData.Community.Display.V1.FormattedValue"`)).want(200)
		equal(t, "label", got.str("new_tier@OData.Community.Display.V1.FormattedValue"), "Silver")
		w.do("PATCH", "/contacts("+id+")", fields{"new_tier": 1}).refused(400, "0x8004431a")
	})
	t.Run("a secured column reads as null and is not written", func(t *testing.T) {
		id := w.create("contacts", fields{"governmentid": "123"})
		must(t, w.box.SecureColumn(haruto, "contact", "governmentid", true))
		equal(t, "value", w.get("contacts", id, "governmentid").want(200).body["governmentid"], nil)
		w.do("PATCH", "/contacts("+id+")", fields{"governmentid": "4"}).refused(403, "0x80040220")
		equal(t, "found", len(w.do("GET", filtered("contacts", "contactid", "governmentid eq '123'"), nil).want(200).values()), 0)
	})
}

func TestMultiple(t *testing.T) {
	w := newWorld(t)
	typed := func(f fields) fields { f["@odata.type"] = "Microsoft.Dynamics.CRM.contact"; return f }
	at := "/contacts/Microsoft.Dynamics.CRM."
	ids := w.do("POST", at+"CreateMultiple", fields{"Targets": []fields{typed(fields{"firstname": "A"}), typed(fields{"firstname": "B"})}}).want(200).body["Ids"].([]any)
	equal(t, "ids", len(ids), 2)
	t.Run("one bad row takes all back", func(t *testing.T) {
		before := w.do("GET", "/contacts?$select=contactid&$count=true", nil).body["@odata.count"]
		w.do("POST", at+"CreateMultiple", fields{"Targets": []fields{typed(fields{"firstname": "C"}), typed(fields{"suffix": "much too long"})}}).refused(400, "0x80044331")
		w.do("POST", at+"UpdateMultiple", fields{"Targets": []fields{typed(fields{"contactid": ids[0], "firstname": "A2"}), typed(fields{"contactid": ghost, "firstname": "X"})}}).refused(404, "0x80040217")
		equal(t, "rows", w.do("GET", "/contacts?$select=contactid&$count=true", nil).body["@odata.count"], before)
		equal(t, "name", w.get("contacts", ids[0].(string), "firstname").str("firstname"), "A")
	})
	w.do("POST", at+"UpdateMultiple", fields{"Targets": []fields{typed(fields{"contactid": ids[0], "firstname": "A2"})}}).want(204)
	w.do("POST", at+"UpsertMultiple", fields{"Targets": []fields{typed(fields{"@odata.id": "contacts(" + ghost + ")", "firstname": "New"})}}).want(204)
	equal(t, "made", w.get("contacts", ghost, "firstname").str("firstname"), "New")
	w.do("POST", at+"CreateMultiple", fields{"Targets": []fields{{"firstname": "no type"}}}).want(400)
	w.do("POST", at+"DeleteMultiple", fields{"Targets": []fields{typed(fields{"contactid": ghost})}}).want(501)
}

func TestMerge(t *testing.T) {
	w := newWorld(t)
	a, b := w.create("contacts", fields{"lastname": "A"}), w.create("contacts", fields{"lastname": "B", "jobtitle": "Buyer"})
	ref := func(id string) fields {
		return fields{"contactid": id, "@odata.type": "Microsoft.Dynamics.CRM.contact"}
	}
	content := ref("00000000-0000-0000-0000-000000000000")
	content["jobtitle"] = "Buyer"
	w.do("POST", "/Merge", fields{"Target": ref(a), "Subordinate": ref(a)}).want(400)
	w.do("POST", "/Merge", fields{"Target": ref(a), "Subordinate": ref(b), "UpdateContent": content, "PerformParentingChecks": false}).want(204)
	loser := w.get("contacts", b, "merged,statecode,_masterid_value").want(200)
	equal(t, "merged", loser.body["merged"], any(true))
	equal(t, "state", loser.body["statecode"], any(1.0))
	equal(t, "winner", loser.str("_masterid_value"), a)
	equal(t, "content", w.get("contacts", a, "jobtitle").str("jobtitle"), "Buyer")
	w.do("POST", "/Merge", fields{"Target": ref(a), "Subordinate": ref(b)}).want(400)
}

func TestRequestsThatLackWhatTheDocumentsAskFor(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"OData-Version", "OData-MaxVersion", "Accept"} {
		t.Run(name, func(t *testing.T) { w.do("GET", "/contacts?$select=lastname", nil, header{name, ""}).want(400) })
	}
	w.do("POST", "/contacts", fields{}, header{"Content-Type", "text/plain"}).want(415)
	w.do("GET", "/contacts?$select=lastname", nil, header{"CallerObjectId", ghost}).refused(403, "0x80040220")
	w.do("PUT", "/contacts("+ghost+")", fields{}).want(405)
	w.do("GET", "/nosuchtables?$select=x", nil).refused(404, "0x80060888")
	w.do("POST", "/contacts", `{"lastname":`).refused(400, "0x80048d19")
	w.do("POST", "/systemusers", fields{}).refused(403, "0x80040220")
	long := w.do("GET", filtered("contacts", "contactid", "lastname eq '"+strings.Repeat("x", 33_000)+"'"), nil)
	equal(t, "status of a long address", long.status, http.StatusRequestURITooLong)
}
