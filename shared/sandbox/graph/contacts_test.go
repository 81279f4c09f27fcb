package graph_test

import (
	"net/url"
	"strings"
	"testing"

	"meibo/shared/sandbox/graph"
)

func TestAContactComesBackAsTheServiceKeepsIt(t *testing.T) {
	w := newWorld(t)
	made := w.do("POST", "/me/contacts", fields{
		"@odata.type": "#microsoft.graph.contact", "givenName": "Mila", "surname": "Brandt", "title": "Dr.", "birthday": "1984-03-09T00:00:00Z",
		"emailAddresses": []fields{{"address": "mila@nordlicht.example"}}, "businessPhones": []string{"+49 40 5550100"}, "businessAddress": fields{"city": "Hamburg"},
	}, immutable).want(201)
	for name, want := range map[string]string{"displayName": "Mila Brandt", "fileAs": "Brandt, Mila", "birthday": "1984-03-09T11:59:00Z"} {
		equal(t, name, made.str(name), want)
	}
	mails, _ := made.body["emailAddresses"].([]any)
	equal(t, "the name of an address", str(mails[0].(fields), "name"), "mila@nordlicht.example")
	if got := sub(made.body, "businessAddress"); len(got) != 5 || got["city"] != "Hamburg" || got["street"] != nil {
		t.Errorf("got the address %v, want five parts", got)
	}
	if got := sub(made.body, "homeAddress"); got == nil || len(got) != 0 {
		t.Errorf("got the empty address %v, want {}", made.body["homeAddress"])
	}
	if made.header.Get("Preference-Applied") == "" || !strings.HasPrefix(made.str("@odata.etag"), `W/"`) || made.str("@odata.etag") != `W/"`+made.str("changeKey")+`"` {
		t.Errorf("got %v and %v", made.header, made.body)
	}
	id := made.str("id")

	t.Run("name parts without displayName rewrite it", func(t *testing.T) {
		got := w.do("PATCH", "/me/contacts/"+id, fields{"surname": "Okafor"}).want(200)
		equal(t, "displayName", got.str("displayName"), "Mila Okafor")
		equal(t, "fileAs", got.str("fileAs"), "Okafor, Mila")
		w.do("PATCH", "/me/contacts/"+id, fields{"fileAs": "Chosen"}).want(200)
		got = w.do("PATCH", "/me/contacts/"+id, fields{"surname": "Brandt", "displayName": "ブラント ミラ"}).want(200)
		equal(t, "displayName", got.str("displayName"), "ブラント ミラ")
		got = w.do("PATCH", "/me/contacts/"+id, fields{"jobTitle": "x"}).want(200)
		equal(t, "displayName", got.str("displayName"), "ブラント ミラ")
		equal(t, "fileAs", got.str("fileAs"), "Chosen")
	})
	t.Run("an address is replaced as a whole and cleared", func(t *testing.T) {
		got := w.do("PATCH", "/me/contacts/"+id, fields{"businessAddress": fields{"street": "Hafenstr. 7"}}).want(200)
		if a := sub(got.body, "businessAddress"); a["city"] != nil || a["street"] != "Hafenstr. 7" {
			t.Errorf("got %v", a)
		}
		got = w.do("PATCH", "/me/contacts/"+id, fields{"businessAddress": fields{}, "mobilePhone": nil, "businessPhones": []string{}}).want(200)
		if a := sub(got.body, "businessAddress"); len(a) != 0 {
			t.Errorf("got %v", a)
		}
	})
	t.Run("the etag changes and is checked", func(t *testing.T) {
		old := made.str("@odata.etag")
		w.do("PATCH", "/me/contacts/"+id, fields{"jobTitle": "y"}, header{"If-Match", old}).refused(412, "ErrorIrresolvableConflict")
		w.do("DELETE", "/me/contacts/"+id, nil, header{"If-Match", old}).refused(412, "ErrorIrresolvableConflict")
		now := w.do("GET", "/me/contacts/"+id, nil).want(200).str("@odata.etag")
		w.do("PATCH", "/me/contacts/"+id, fields{"jobTitle": "y"}, header{"If-Match", now}).want(200)
		must(t, w.box.SetQuirks(graph.Quirks{IgnoreIfMatch: true}))
		w.do("PATCH", "/me/contacts/"+id, fields{"jobTitle": "z"}, header{"If-Match", old}).want(200)
		must(t, w.box.SetQuirks(graph.Quirks{}))
	})
	t.Run("a deleted contact is gone", func(t *testing.T) {
		w.do("DELETE", "/me/contacts/"+id, nil).want(204)
		w.do("GET", "/me/contacts/"+id, nil).refused(404, "ErrorItemNotFound")
		w.do("DELETE", "/me/contacts/"+id, nil).refused(404, "ErrorItemNotFound")
	})
}

func TestWrongContactsAreRefusedWhole(t *testing.T) {
	w := newWorld(t)
	id := w.create("/me/contacts", fields{"givenName": "A"})
	mails := func(n int) (out []fields) {
		for range n {
			out = append(out, fields{"address": "a@example.com"})
		}
		return out
	}
	for name, c := range map[string]struct {
		body any
		code string
	}{
		"a fourth e-mail":         {fields{"emailAddresses": mails(4), "jobTitle": "x"}, "ErrorInvalidProperty"},
		"a third business phone":  {fields{"businessPhones": []string{"1", "2", "3"}}, "ErrorInvalidProperty"},
		"a third home phone":      {fields{"homePhones": []string{"1", "2", "3"}}, "ErrorInvalidProperty"},
		"a fourth chat address":   {fields{"imAddresses": []string{"1", "2", "3", "4"}}, "ErrorInvalidProperty"},
		"a long note":             {fields{"personalNotes": strings.Repeat("x", 200_000)}, "ErrorInvalidProperty"},
		"an e-mail without one":   {fields{"emailAddresses": []fields{{"name": "x"}}}, "ErrorInvalidProperty"},
		"an unknown member":       {fields{"faxNumber": "1"}, "RequestBodyRead"},
		"a read-only member":      {fields{"changeKey": "x"}, "RequestBodyRead"},
		"a move":                  {fields{"parentFolderId": "x"}, "RequestBodyRead"},
		"primaryEmailAddress":     {fields{"primaryEmailAddress": fields{"address": "a@example.com"}}, "RequestBodyRead"},
		"a number for a text":     {fields{"givenName": 1}, "RequestBodyRead"},
		"null for a list":         {fields{"businessPhones": nil}, "RequestBodyRead"},
		"null in a list":          {fields{"businessPhones": []any{nil}}, "RequestBodyRead"},
		"an unknown address part": {fields{"homeAddress": fields{"poBox": "1"}}, "RequestBodyRead"},
		"a date that is none":     {fields{"birthday": "--03-09"}, "RequestBodyRead"},
		"a member twice":          {`{"givenName":"a","givenName":"b"}`, "RequestBodyRead"},
		"no JSON":                 {`{"givenName"`, "UnableToDeserializePostBody"},
		"a wrong property id":     {fields{"singleValueExtendedProperties": []fields{{"id": "CrmSyncId", "value": "1"}}}, "ErrorInvalidExtendedProperty"},
	} {
		t.Run(name, func(t *testing.T) {
			w.do("PATCH", "/me/contacts/"+id, c.body).refused(400, c.code)
			if got := w.do("GET", "/me/contacts/"+id, nil).want(200); got.str("givenName") != "A" || got.body["jobTitle"] != nil {
				t.Errorf("something was written: %s", got.raw)
			}
		})
	}
	got := w.do("PATCH", "/me/contacts/"+id, fields{"businessPhones": []string{"1", "2", "3"}}).want(400)
	equal(t, "message", str(sub(got.body, "error"), "message"), "The multi value property BusinessPhones has 3 entries, that exceeds the max allowed value of 2.")
	w.do("PATCH", "/me/contacts/", fields{}).want(405)
	w.do("GET", "/me/contacts/nonsense", nil).refused(400, "ErrorInvalidIdMalformed")
	w.do("PATCH", "/me/contacts/"+id, `{}`, header{"Content-Type", "text/plain"}).want(415)
	w.do("POST", "/me/contacts", fields{}).refused(400, "ErrorInvalidProperty")
}

func TestListingPagesAndFilters(t *testing.T) {
	w := newWorld(t)
	w.put(seeds(25)...)
	w.put(seed("Inside", "CRM"))
	var all []fields
	link, pages := "/me/contacts?$select=givenName&$count=true", 0
	for ; link != ""; pages++ {
		a := w.do("GET", link, nil).want(200)
		if n := len(a.values()); n > 10 {
			t.Fatalf("a page of %d, want at most 10", n)
		}
		all = append(all, a.values()...)
		link = a.str("@odata.nextLink")
	}
	equal(t, "contacts", len(all), 25)
	equal(t, "pages", pages, 3)
	if len(all[0]) != 3 || all[0]["@odata.etag"] == nil {
		t.Errorf("$select gave %v", all[0])
	}
	equal(t, "with $top", len(w.do("GET", "/me/contacts?$top=1000", nil).want(200).values()), 25)
	equal(t, "with maxpagesize", len(w.do("GET", "/me/contacts", nil, header{"Prefer", "odata.maxpagesize=7"}).want(200).values()), 7)
	equal(t, "with $skip", names(w.do("GET", "/me/contacts?$skip=24", nil).want(200).values()), "P00024")
	w.do("POST", "/me/contacts", fields{"givenName": "Mail", "emailAddresses": []fields{{"address": "x@y.example"}},
		"singleValueExtendedProperties": []fields{{"id": "String {6F2C1D1E-0000-4000-8000-00000000c0de} Name Mark", "value": "c_1"}}}).want(201)

	t.Run("by address", func(t *testing.T) {
		got := w.do("GET", "/me/contacts?$filter="+url.QueryEscape("emailAddresses/any(a:a/address eq 'X@y.example')"), nil).want(200)
		equal(t, "found", names(got.values()), "Mail")
	})
	t.Run("by extended property, which comes only when asked for", func(t *testing.T) {
		const id = "String {6f2c1d1e-0000-4000-8000-00000000c0de} Name Mark"
		q := "$filter=" + url.QueryEscape("singleValueExtendedProperties/Any(ep: ep/id eq '"+id+"' and ep/value eq 'C_1')")
		got := w.do("GET", "/me/contacts?"+q, nil).want(200).values()
		equal(t, "found", names(got), "Mail")
		if got[0]["singleValueExtendedProperties"] != nil {
			t.Error("the property comes without $expand")
		}
		q += "&$expand=" + url.QueryEscape("singleValueExtendedProperties($filter=id eq '"+id+"')")
		got = w.do("GET", "/me/contacts?"+q, nil).want(200).values()
		list, _ := got[0]["singleValueExtendedProperties"].([]any)
		if len(list) != 1 || str(list[0].(fields), "value") != "c_1" || str(list[0].(fields), "id") != id {
			t.Errorf("got %v", got[0])
		}
		q = "$filter=" + url.QueryEscape("singleValueExtendedProperties/Any(ep: ep/id eq '"+strings.Replace(id, "Mark", "mark", 1)+"' and ep/value eq 'c_1')")
		equal(t, "with another case of the name", len(w.do("GET", "/me/contacts?"+q, nil).want(200).values()), 0)
	})
	t.Run("what is not known is refused", func(t *testing.T) {
		for _, q := range []string{"$search=x", "$orderby=givenName", "select=givenName", "$select=fax", "$top=0", "$top=2000", "$filter=" + url.QueryEscape("givenName eq 'x'"), "$expand=photo", "$count=true&$filter=x", "$top=1&$top=2", "$skiptoken=x"} {
			w.do("GET", "/me/contacts?"+q, nil).refused(400, "ErrorInvalidUrlQuery")
		}
	})
}

func TestIDsHaveTwoForms(t *testing.T) {
	w := newWorld(t)
	id := w.create("/me/contacts", fields{"givenName": "A"})
	ordinary := w.do("GET", "/me/contacts/"+id, nil).want(200).str("id")
	if ordinary == id {
		t.Fatal("the id is the same without the header")
	}
	equal(t, "with the header", w.do("GET", "/me/contacts/"+ordinary, nil, header{"Prefer", `odata.maxpagesize=5, IdType="ImmutableId"`}).want(200).str("id"), id)
	must(t, w.box.SetGroups(aiko, id, []string{"CRM"}))
	w.do("GET", "/me/contacts/"+ordinary, nil).refused(404, "ErrorItemNotFound")
	w.do("GET", "/me/contacts/"+id, nil).want(200)
	w.do("GET", "/me/contacts('"+url.PathEscape(id)+"')", nil).want(200)
	must(t, w.box.SetQuirks(graph.Quirks{IgnorePrefer: true}))
	if got := w.do("GET", "/me/contacts/"+id, nil, immutable).want(200).str("id"); got == id {
		t.Error("the quirk does not drop the header")
	}
}

func TestPermissions(t *testing.T) {
	w := newWorld(t)
	id := w.create("/me/contacts", fields{"givenName": "A"})
	must(t, w.box.AddUser(graph.User{Email: "ben@contoso.example", Name: "Ben"}))
	w.do("GET", "/users/ben@contoso.example/contacts", nil).refused(403, "ErrorAccessDenied")
	w.do("GET", "/users/"+aiko+"/contacts", nil).want(200)
	w.do("GET", "/users/nobody@contoso.example/contacts", nil).refused(404, "Request_ResourceNotFound")
	equal(t, "me", w.do("GET", "/me", nil).want(200).str("userPrincipalName"), aiko)

	w.signIn(aiko, "Contacts.Read")
	w.do("GET", "/me/contacts/"+id, nil).want(200)
	w.do("PATCH", "/me/contacts/"+id, fields{"givenName": "B"}).refused(403, "ErrorAccessDenied")
	w.do("GET", "/me", nil).refused(403, "Authorization_RequestDenied")
	w.do("GET", "/me/outlook/masterCategories", nil).refused(403, "ErrorAccessDenied")
	w.clock.Advance(2 * 3600e9)
	if got := w.do("GET", "/me/contacts", nil).refused(401, "InvalidAuthenticationToken"); got.header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 without WWW-Authenticate")
	}
	must(t, w.box.AddUser(graph.User{Email: "no@contoso.example", Name: "No Mailbox", NoMailbox: true}))
	w.signIn("no@contoso.example", full)
	w.do("GET", "/me/contacts", nil).refused(404, "MailboxNotEnabledForRESTAPI")
}
