package zoho_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox/zoho"
)

func TestWholeCallRefusals(t *testing.T) {
	w := newWorld(t)
	many := make([]fields, 101)
	for i := range many {
		many[i] = fields{"Last_Name": "Oda"}
	}
	one := []fields{{"Last_Name": "Oda"}}
	for name, c := range map[string]struct {
		body any
		code string
	}{
		"no data":             {fields{"trigger": []string{}}, "MANDATORY_NOT_FOUND"},
		"empty data":          {fields{"data": []fields{}}, "INVALID_DATA"},
		"data of other kind":  {fields{"data": "x"}, "INVALID_DATA"},
		"not an object":       {"[]", "INVALID_DATA"},
		"two values":          {`{"data":[]}{}`, "INVALID_DATA"},
		"unknown member":      {fields{"data": one, "wf_trigger": "x"}, "INVALID_DATA"},
		"unknown trigger":     {fields{"data": one, "trigger": []string{"email"}}, "INVALID_DATA"},
		"trigger null":        {fields{"data": one, "trigger": nil}, "INVALID_DATA"},
		"more than a hundred": {fields{"data": many}, "LIMIT_EXCEEDED"},
		"nameless feature":    {fields{"data": one, "skip_feature_execution": []fields{{}}}, "INVALID_DATA"},
	} {
		t.Run(name, func(t *testing.T) { w.call("POST", "/Contacts", c.body).refused(400, c.code) })
	}
	t.Run("other content type", func(t *testing.T) {
		w.call("POST", "/Contacts", fields{"data": one}, header("Content-Type", "text/plain")).want(415)
	})
	t.Run("nothing was written", func(t *testing.T) { w.call("GET", "/Contacts?fields=id", nil).want(204) })
}

func TestRecordRefusals(t *testing.T) {
	w := newWorld(t)
	picks, err := w.box.AddField(aiko, "Tier", "picklist", []string{"gold", "silver"}, false)
	must(t, err)
	number, err := w.box.AddField(aiko, "Badges", "integer", nil, false)
	must(t, err)
	for name, c := range map[string]struct {
		rec            fields
		code, api, typ string
	}{
		"mandatory field":       {fields{"First_Name": "Mei"}, "MANDATORY_NOT_FOUND", "Last_Name", ""},
		"empty mandatory field": {fields{"Last_Name": ""}, "MANDATORY_NOT_FOUND", "Last_Name", ""},
		"null mandatory field":  {fields{"Last_Name": nil}, "MANDATORY_NOT_FOUND", "Last_Name", ""},
		"unknown field":         {fields{"Last_Name": "Oda", "Website": "x"}, "INVALID_DATA", "Website", ""},
		"read-only field":       {fields{"Last_Name": "Oda", "Full_Name": "Mei Oda"}, "INVALID_DATA", "Full_Name", ""},
		"system field":          {fields{"Last_Name": "Oda", "Modified_Time": start}, "INVALID_DATA", "Modified_Time", ""},
		"id on insert":          {fields{"Last_Name": "Oda", "id": "1"}, "INVALID_DATA", "id", ""},
		"text too long":         {fields{"Last_Name": strings.Repeat("小", 81)}, "INVALID_DATA", "Last_Name", ""},
		"number for text":       {fields{"Last_Name": 3}, "INVALID_DATA", "Last_Name", "text"},
		"line break in a line":  {fields{"Last_Name": "O\nda"}, "INVALID_DATA", "Last_Name", "text"},
		"control character":     {fields{"Last_Name": "Oda", "Description": "a\x01b"}, "INVALID_DATA", "Description", "textarea"},
		"e-mail":                {fields{"Last_Name": "Oda", "Email": "m.oda@"}, "INVALID_DATA", "Email", "email"},
		"e-mail with name":      {fields{"Last_Name": "Oda", "Email": "Oda <m@oda.jp>"}, "INVALID_DATA", "Email", "email"},
		"phone in Japanese":     {fields{"Last_Name": "Oda", "Phone": "03-1234-5678 内線12"}, "INVALID_DATA", "Phone", "phone"},
		"phone full width":      {fields{"Last_Name": "Oda", "Mobile": "０９０"}, "INVALID_DATA", "Mobile", "phone"},
		"date":                  {fields{"Last_Name": "Oda", "Date_of_Birth": "1980-02-30"}, "INVALID_DATA", "Date_of_Birth", "date"},
		"date without year":     {fields{"Last_Name": "Oda", "Date_of_Birth": "--02-03"}, "INVALID_DATA", "Date_of_Birth", "date"},
		"choice":                {fields{"Last_Name": "Oda", "Salutation": "様"}, "INVALID_DATA", "Salutation", "picklist"},
		"custom choice":         {fields{"Last_Name": "Oda", picks: "bronze"}, "INVALID_DATA", picks, "picklist"},
		"text for number":       {fields{"Last_Name": "Oda", number: "3"}, "INVALID_DATA", number, "integer"},
		"fraction for integer":  {fields{"Last_Name": "Oda", number: 1.5}, "INVALID_DATA", number, "integer"},
		"text for boolean":      {fields{"Last_Name": "Oda", "Email_Opt_Out": "true"}, "INVALID_DATA", "Email_Opt_Out", "boolean"},
		"company as text":       {fields{"Last_Name": "Oda", "Account_Name": "Kitano"}, "INVALID_DATA", "Account_Name", "jsonobject"},
		"company by name":       {fields{"Last_Name": "Oda", "Account_Name": fields{"name": "Kitano"}}, "INVALID_DATA", "Account_Name.id", ""},
		"unknown company":       {fields{"Last_Name": "Oda", "Account_Name": fields{"id": "5843201000000000001"}}, "INVALID_DATA", "Account_Name.id", ""},
		"unknown owner":         {fields{"Last_Name": "Oda", "Owner": fields{"id": "5843201000000000001"}}, "INVALID_DATA", "Owner.id", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := w.call("POST", "/Contacts", fields{"data": []fields{c.rec}}).want(400).data()[0]
			equal(t, "code", str(d["code"]), c.code)
			equal(t, "api_name", str(detail(d, "api_name")), c.api)
			equal(t, "json_path", str(detail(d, "json_path")), "$.data[0]."+c.api)
			equal(t, "expected_data_type", str(detail(d, "expected_data_type")), c.typ)
		})
	}
	t.Run("nothing was written", func(t *testing.T) { w.call("GET", "/Contacts?fields=id", nil).want(204) })
}

func TestInsertStoresWhatWasSent(t *testing.T) {
	w := newWorld(t)
	company := str(detail(w.call("POST", "/Accounts", fields{"data": []fields{{"Account_Name": "北野精機"}}}).want(201).data()[0], "id"))
	rec := fields{"Last_Name": "神崎", "First_Name": "陽斗", "Email": "H.Kanzaki@Example.co.jp", "Phone": "+81 (3) 5555-0142", "Mailing_Street": "2-4-1\nMarunouchi", "Date_of_Birth": "1980-02-29",
		"Email_Opt_Out": true, "Salutation": "Mr.", "Account_Name": fields{"id": company}, "Description": "one\ntwo 😀"}
	id := w.insert(rec)[0]
	got := w.call("GET", "/Contacts/"+id, nil).want(200).data()[0]
	for k, v := range rec {
		if k != "Account_Name" && got[k] != v {
			t.Fatalf("%s: got %v, want %v", k, got[k], v)
		}
	}
	c, _ := got["Account_Name"].(map[string]any)
	equal(t, "company", str(c["name"]), "北野精機")
	equal(t, "company id", str(c["id"]), company)
	t.Run("null and empty text clear", func(t *testing.T) {
		w.call("PUT", "/Contacts/"+id, fields{"data": []fields{{"Email": nil, "Title": "", "Account_Name": nil}}}).want(200)
		got := w.call("GET", "/Contacts/"+id, nil).want(200).data()[0]
		if got["Email"] != nil || got["Title"] != nil || got["Account_Name"] != nil || got["Last_Name"] != "神崎" {
			t.Fatalf("got %v", got)
		}
	})
}

func TestAnswersArePerRecord(t *testing.T) {
	w := newWorld(t)
	t.Run("insert, some failed", func(t *testing.T) {
		a := w.call("POST", "/Contacts", fields{"data": []fields{{"Last_Name": "A"}, {"Email": "x@y.jp"}, {"Last_Name": "B"}}}).want(207)
		equal(t, "codes", a.codes(), "SUCCESS MANDATORY_NOT_FOUND SUCCESS")
		equal(t, "path", str(detail(a.data()[1], "json_path")), "$.data[1].Last_Name")
	})
	ids := w.scan("fields=id&sort_order=asc")
	t.Run("update, some failed", func(t *testing.T) {
		a := w.call("PUT", "/Contacts", fields{"data": []fields{{"id": ids[0], "Title": "x"}, {"id": "5843201000000000001", "Title": "x"}, {"Title": "x"}, {"id": ids[1], "Last_Name": nil}}}).want(207)
		equal(t, "codes", a.codes(), "SUCCESS INVALID_DATA MANDATORY_NOT_FOUND MANDATORY_NOT_FOUND")
	})
	t.Run("locked", func(t *testing.T) {
		must(t, w.box.Lock(aiko, ids[0], true))
		a := w.call("PUT", "/Contacts", fields{"data": []fields{{"id": ids[0], "Title": "y"}}}).want(400)
		equal(t, "codes", a.codes(), "RECORD_LOCKED")
		w.call("DELETE", "/Contacts/"+ids[0], nil).refused(400, "RECORD_LOCKED")
		must(t, w.box.Lock(aiko, ids[0], false))
	})
	t.Run("an address for one record takes one", func(t *testing.T) {
		w.call("PUT", "/Contacts/"+ids[0], fields{"data": []fields{{"Title": "x"}, {"Title": "y"}}}).refused(400, "INVALID_DATA")
		w.call("PUT", "/Contacts/"+ids[0], fields{"data": []fields{{"id": ids[1], "Title": "x"}}}).refused(400, "INVALID_DATA")
	})
	t.Run("delete, some failed", func(t *testing.T) {
		a := w.call("DELETE", "/Contacts?ids="+ids[0]+",5843201000000000001", nil).want(207)
		equal(t, "codes", a.codes(), "SUCCESS INVALID_DATA")
		w.call("DELETE", "/Contacts?ids="+ids[1], nil).want(200)
		w.call("DELETE", "/Contacts/"+ids[1], nil).refused(400, "INVALID_DATA")
		w.call("DELETE", "/Contacts", nil).refused(400, "REQUIRED_PARAM_MISSING")
		w.call("DELETE", "/Contacts?ids="+strings.Repeat("1,", 512)+"2", nil).refused(400, "LIMIT_EXCEEDED")
	})
}

func TestOptimisticLock(t *testing.T) {
	w := newWorld(t)
	ids := w.insert(fields{"Last_Name": "A", "Email": "a@example.jp"}, fields{"Last_Name": "B", "Email": "b@example.jp"})
	seen := header("If-Unmodified-Since", "2026-10-02T18:00:00+09:00")
	w.clock.Advance(time.Second)
	w.call("PUT", "/Contacts", fields{"data": []fields{{"id": ids[1], "Title": "Boss"}}}, seen).want(200)
	t.Run("the whole call is refused and the offender named", func(t *testing.T) {
		a := w.call("PUT", "/Contacts", fields{"data": []fields{{"id": ids[0], "Title": "x"}, {"id": ids[1], "Title": "x"}}}, seen).want(412)
		equal(t, "codes", a.codes(), "ALREADY_MODIFIED")
		equal(t, "id", str(detail(a.data()[0], "id")), ids[1])
		equal(t, "time", str(detail(a.data()[0], "Modified_Time")), "2026-10-02T18:00:01+09:00")
		if got := w.call("GET", "/Contacts/"+ids[0], nil).want(200).data()[0]["Title"]; got != nil {
			t.Fatalf("the other record was written: %v", got)
		}
	})
	t.Run("upsert is refused too", func(t *testing.T) {
		w.call("POST", "/Contacts/upsert", fields{"data": []fields{{"Last_Name": "B", "Email": "B@example.jp"}}}, seen).want(412)
	})
	t.Run("the current time passes", func(t *testing.T) {
		w.call("PUT", "/Contacts/"+ids[1], fields{"data": []fields{{"Title": "y"}}}, header("If-Unmodified-Since", "2026-10-02T18:00:01+09:00")).want(200)
	})
}

func TestUpsert(t *testing.T) {
	w := newWorld(t)
	code, err := w.box.AddField(aiko, "Employee Code", "text", nil, true)
	must(t, err)
	equal(t, "api name", code, "Employee_Code")
	up := func(body fields) *answer { return w.call("POST", "/Contacts/upsert", body) }
	a := up(fields{"data": []fields{{"Last_Name": "Oda", "Email": "m.oda@example.jp", code: "E1"}}}).want(200).data()[0]
	equal(t, "action", str(a["action"]), "insert")
	id := str(detail(a, "id"))
	t.Run("by the named field", func(t *testing.T) {
		a := up(fields{"data": []fields{{"Last_Name": "Oda", code: "e1"}}, "duplicate_check_fields": []string{code}}).want(200).data()[0]
		equal(t, "id", str(detail(a, "id")), id)
		equal(t, "field", str(a["duplicate_field"]), code)
	})
	t.Run("by id", func(t *testing.T) {
		a := up(fields{"data": []fields{{"id": id, "Title": "x"}}}).want(200).data()[0]
		equal(t, "action", str(a["action"]), "update")
	})
	t.Run("fields that prove nothing are refused", func(t *testing.T) {
		up(fields{"data": []fields{{"Last_Name": "Oda"}}, "duplicate_check_fields": []string{"Last_Name"}}).refused(400, "INVALID_DATA")
	})
	t.Run("a unique value that another has is a duplicate", func(t *testing.T) {
		a := w.call("POST", "/Contacts", fields{"data": []fields{{"Last_Name": "New", code: "E1"}}}).want(400).data()[0]
		equal(t, "code", str(a["code"]), "DUPLICATE_DATA")
		dup, _ := detail(a, "duplicate_record").(map[string]any)
		equal(t, "id", str(dup["id"]), id)
		b := w.call("PUT", "/Contacts/"+w.insert(fields{"Last_Name": "Z"})[0], fields{"data": []fields{{code: "E1"}}}).want(400)
		equal(t, "code", b.codes(), "DUPLICATE_DATA")
	})
	t.Run("two of one call", func(t *testing.T) {
		a := w.call("POST", "/Contacts", fields{"data": []fields{{"Last_Name": "P", code: "E2"}, {"Last_Name": "Q", code: "E2"}}}).want(207)
		equal(t, "codes", a.codes(), "SUCCESS DUPLICATE_DATA")
	})
	t.Run("companies by name", func(t *testing.T) {
		body := fields{"data": []fields{{"Account_Name": "北野精機"}}, "duplicate_check_fields": []string{"Account_Name"}}
		first := w.call("POST", "/Accounts/upsert", body).want(200).data()[0]
		again := w.call("POST", "/Accounts/upsert", body).want(200).data()[0]
		equal(t, "action", str(first["action"])+" "+str(again["action"]), "insert update")
		equal(t, "id", str(detail(again, "id")), str(detail(first, "id")))
	})
}

func TestAutomation(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		body fields
		want int
	}{
		{fields{"data": []fields{{"Last_Name": "A"}}, "trigger": []string{}}, 0},
		{fields{"data": []fields{{"Last_Name": "B"}}}, 1},
		{fields{"data": []fields{{"Last_Name": "C"}}, "trigger": []string{"workflow"}}, 2},
	} {
		w.call("POST", "/Contacts", c.body).want(201)
		n, err := w.box.Automated(aiko)
		must(t, err)
		equal(t, "automated", n, c.want)
	}
}

func TestPermissions(t *testing.T) {
	w := newWorld(t)
	w.addUser(zoho.User{Email: ren, Name: "Ren Ishida", Profile: "Viewer"})
	viewer := as(w, ren)
	ids := w.insert(fields{"Last_Name": "Oda"})
	one := fields{"data": []fields{{"id": ids[0], "Last_Name": "X"}}}
	refused := func(a *answer, permission string) {
		t.Helper()
		a.refused(403, "NO_PERMISSION")
		ps, _ := a.body["details"].(map[string]any)["permissions"].([]any)
		if !slices.Contains(ps, any(permission)) {
			t.Fatalf("got %s, want the permission %s", a.raw, permission)
		}
	}
	refused(w.call("POST", "/Contacts", fields{"data": []fields{{"Last_Name": "X"}}}, viewer), "Crm_Implied_Create_Contacts")
	refused(w.call("PUT", "/Contacts", one, viewer), "Crm_Implied_Edit_Contacts")
	refused(w.call("DELETE", "/Contacts/"+ids[0], nil, viewer), "Crm_Implied_Delete_Contacts")
	refused(w.call("POST", "/Accounts/upsert", fields{"data": []fields{{"Account_Name": "X"}}}, viewer), "Crm_Implied_Create_Accounts")
	w.call("GET", "/Contacts?fields=id", nil, viewer).want(200)
	t.Run("the module says so", func(t *testing.T) {
		m := w.call("GET", "/settings/modules/Contacts", nil, viewer).want(200).list("modules")[0]
		if m["viewable"] != true || m["creatable"] != false || m["editable"] != false || m["deletable"] != false {
			t.Fatalf("got %v", m)
		}
	})
	t.Run("viewing can be taken away", func(t *testing.T) {
		must(t, w.box.SetPermission(aiko, "Viewer", "Crm_Implied_View_Contacts", false))
		w.call("GET", "/Contacts?fields=id", nil, viewer).refused(403, "NO_PERMISSION")
		w.call("GET", "/Contacts/deleted", nil, viewer).refused(403, "NO_PERMISSION")
	})
	t.Run("a field that the profile may only read", func(t *testing.T) {
		w.addUser(zoho.User{Email: ren, Profile: "Standard"})
		must(t, w.box.SetFieldPermission(aiko, "Standard", "Title", "read_only"))
		a := w.call("PUT", "/Contacts/"+ids[0], fields{"data": []fields{{"Title": "x"}}}, viewer).want(400)
		equal(t, "api_name", str(detail(a.data()[0], "api_name")), "Title")
		w.call("GET", "/Contacts?fields=Title", nil, viewer).want(200)
	})
	t.Run("a hidden field is not there", func(t *testing.T) {
		must(t, w.box.SetFieldPermission(aiko, "Standard", "Title", "hidden"))
		w.call("GET", "/Contacts?fields=Title", nil, viewer).refused(400, "INVALID_DATA")
		if _, there := w.call("GET", "/Contacts/"+ids[0], nil, viewer).want(200).data()[0]["Title"]; there {
			t.Fatal("the hidden field was shown")
		}
		for _, f := range w.call("GET", "/settings/fields?module=Contacts", nil, viewer).want(200).list("fields") {
			if f["api_name"] == "Title" {
				t.Fatal("the hidden field is in the catalogue")
			}
		}
		w.call("GET", "/Contacts?fields=Title", nil).want(200)
	})
}
