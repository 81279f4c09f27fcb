package zoho_test

import (
	"bytes"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox/zoho"
)

func TestDeletedFeed(t *testing.T) {
	w := newWorld(t)
	w.call("GET", "/Contacts/deleted", nil).want(204)
	ids := w.fill(aiko, 3)
	w.call("DELETE", "/Contacts/"+ids[0], nil).want(200)
	w.clock.Advance(time.Second)
	must(t, w.box.Remove(aiko, ids[1]))
	t.Run("newest first", func(t *testing.T) {
		if got := w.call("GET", "/Contacts/deleted?type=all", nil).want(200).ids(); !slices.Equal(got, []string{ids[1], ids[0]}) {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("since", func(t *testing.T) {
		since := header("If-Modified-Since", "2026-10-02T18:00:00+09:00")
		if got := w.call("GET", "/Contacts/deleted", nil, since).want(200).ids(); !slices.Equal(got, ids[1:2]) {
			t.Fatalf("got %v", got)
		}
		w.call("GET", "/Contacts/deleted", nil, header("If-Modified-Since", "2026-10-02T18:00:01+09:00")).want(204)
	})
	t.Run("pages", func(t *testing.T) {
		a := w.call("GET", "/Contacts/deleted?per_page=1", nil).want(200)
		equal(t, "more", a.info()["more_records"], any(true))
		a = w.call("GET", "/Contacts/deleted?per_page=1&page=2", nil).want(200)
		equal(t, "more", a.info()["more_records"], any(false))
		w.call("GET", "/Contacts/deleted?per_page=1&page=3", nil).want(204)
	})
	t.Run("for good", func(t *testing.T) {
		must(t, w.box.Purge(aiko, ids[0]))
		got := w.call("GET", "/Contacts/deleted?type=permanent", nil).want(200).data()
		if len(got) != 1 || got[0]["id"] != ids[0] || got[0]["display_name"] != nil || got[0]["deleted_by"] != nil {
			t.Fatalf("got %v", got)
		}
		w.call("GET", "/Contacts/"+ids[0], nil).want(204)
	})
	t.Run("restored shows up as modified", func(t *testing.T) {
		equal(t, "bin", len(w.call("GET", "/settings/recycle_bin", nil).want(200).list("recycle_bin")), 1)
		w.clock.Advance(time.Second)
		w.call("POST", "/settings/recycle_bin/"+ids[1]+"/actions/restore", nil).want(200)
		got := w.scan("fields=id&sort_by=Modified_Time&sort_order=asc", header("If-Modified-Since", "2026-10-02T18:00:01+09:00"))
		if !slices.Equal(got, ids[1:2]) {
			t.Fatalf("got %v", got)
		}
		w.call("GET", "/Contacts/deleted?type=recycle", nil).want(204)
		w.call("POST", "/settings/recycle_bin/"+ids[1]+"/actions/restore", nil).refused(400, "INVALID_DATA")
	})
	t.Run("wrong type", func(t *testing.T) { w.call("GET", "/Contacts/deleted?type=x", nil).refused(400, "INVALID_DATA") })
}

func TestMerge(t *testing.T) {
	w := newWorld(t)
	ids := w.insert(fields{"Last_Name": "Oda", "Title": "A"}, fields{"Last_Name": "Oda", "Title": "B", "Email": "o@example.jp"}, fields{"Last_Name": "Oda", "Mobile": "090"})
	w.clock.Advance(time.Second)
	body := fields{"merge": []fields{{"data": []fields{{"id": ids[1], "_fields": []fields{{"api_name": "Title"}}}}}}}
	w.call("POST", "/Contacts/"+ids[0]+"/actions/merge", body).want(200)
	got := w.call("GET", "/Contacts/"+ids[0], nil).want(200).data()[0]
	equal(t, "taken", str(got["Title"]), "B")
	equal(t, "filled", str(got["Email"]), "o@example.jp")
	equal(t, "modified", str(got["Modified_Time"]), "2026-10-02T18:00:01+09:00")
	equal(t, "deleted", w.call("GET", "/Contacts/deleted", nil).want(200).ids()[0], ids[1])
	must(t, w.box.Merge(aiko, ids[0], ids[2]))
	equal(t, "merged by hand", len(w.scan("fields=id")), 1)
	if err := w.box.Merge(aiko, ids[0], ids[0]); err == nil {
		t.Fatal("a contact was merged with itself")
	}
	for name, b := range map[string]fields{
		"gone loser": body, "no losers": {"merge": []fields{{"data": []fields{}}}}, "unknown member": {"merge": []fields{}, "x": 1},
	} {
		t.Run(name, func(t *testing.T) {
			w.call("POST", "/Contacts/"+ids[0]+"/actions/merge", b).refused(400, "INVALID_DATA")
		})
	}
	w.call("GET", "/Contacts/"+ids[0]+"/actions/merge", nil).want(204)
}

func TestTimelineTellsHowARecordCameIn(t *testing.T) {
	w := newWorld(t)
	api, typed := w.insert(fields{"Last_Name": "Api"})[0], w.fill(aiko, 1)[0]
	imported := w.fill(aiko, 1)[0]
	must(t, w.box.MarkImported(aiko, "import", imported))
	first := func(id string) map[string]any {
		t.Helper()
		return w.call("GET", "/Contacts/"+id+"/__timeline?sort_by=audited_time&sort_order=asc", nil).want(200).list("__timeline")[0]
	}
	for id, source := range map[string]string{api: "crm_api", typed: "crm_ui", imported: "import"} {
		equal(t, "action", str(first(id)["action"]), "added")
		equal(t, "source", str(first(id)["source"]), source)
	}
	t.Run("mass update", func(t *testing.T) {
		must(t, w.box.MassUpdate(aiko, []string{imported}, neutral("org.title", "Boss")))
		lines := w.call("GET", "/Contacts/"+imported+"/__timeline", nil).want(200).list("__timeline")
		equal(t, "newest", str(lines[0]["source"]), "mass_update")
		equal(t, "lines", len(lines), 2)
	})
	t.Run("many changes keep the first line", func(t *testing.T) {
		for range 40 {
			must(t, w.box.Edit(aiko, typed, neutral("org.title", "x")))
		}
		equal(t, "source", str(first(typed)["action"]), "added")
	})
	w.call("GET", "/Contacts/5843201000000000001/__timeline", nil).refused(400, "INVALID_DATA")
}

func TestSearchLagsBehind(t *testing.T) {
	w := newWorld(t, func(c *zoho.Config) { c.Lag = time.Minute })
	id := w.insert(fields{"Last_Name": "Oda (Mei)", "Email": "m.oda@example.jp", "Mobile": "090-1"})[0]
	w.call("GET", "/Contacts/search?email=M.Oda@example.jp", nil).want(204)
	equal(t, "the list does not lag", len(w.scan("fields=id")), 1)
	w.clock.Advance(time.Minute)
	for _, q := range []string{"email=M.Oda@example.jp", "phone=090-1", "word=oda", "criteria=" + url.QueryEscape(`(Last_Name:equals:Oda \(Mei\))`),
		"criteria=" + url.QueryEscape("((Email:starts_with:m.)and((Mobile:equals:1)or(Mobile:equals:090-1)))"), "criteria=" + url.QueryEscape("(Email:in:a@b.jp,m.oda@example.jp)")} {
		t.Run(q, func(t *testing.T) {
			equal(t, "found", w.call("GET", "/Contacts/search?fields=Last_Name&"+q, nil).want(200).ids()[0], id)
		})
	}
	for name, c := range map[string]struct{ query, code string }{
		"nothing asked": {"fields=id", "EXPECTED_PARAM_MISSING"},
		"two questions": {"email=a@b.jp&word=ab", "AMBIGUITY_DURING_PROCESSING"},
		"unknown field": {"criteria=(Nope:equals:1)", "INVALID_QUERY"},
		"comparator":    {"criteria=(Last_Name:contains:1)", "INVALID_QUERY"},
		"broken":        {"criteria=((Last_Name:equals:1)and", "INVALID_QUERY"},
		"mixed":         {"criteria=((Last_Name:equals:1)and(Last_Name:equals:2)or(Last_Name:equals:3))", "INVALID_QUERY"},
		"multi-line":    {"criteria=(Description:equals:1)", "INVALID_QUERY"},
		"too many":      {"criteria=(" + strings.Repeat("(Last_Name:equals:1)or", 10) + "(Last_Name:equals:1))", "CRITERIA_LIMIT_EXCEEDED"},
		"too far":       {"word=oda&page=11", "LIMIT_REACHED"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.call("GET", "/Contacts/search?"+strings.ReplaceAll(c.query, " ", "%20"), nil)
			a.refused(400, c.code)
		})
	}
}

func TestCount(t *testing.T) {
	w := newWorld(t)
	w.fill(aiko, 3)
	w.fill(aiko, 2, "VIP")
	for query, want := range map[string]float64{"": 5, "?cvid=" + w.views()["VIP"]: 2, "?criteria=(Last_Name:equals:Oda)": 5} {
		equal(t, "count"+query, w.call("GET", "/Contacts/actions/count"+query, nil).want(200).body["count"], any(want))
	}
	w.call("GET", "/Contacts/actions/count?word=ab&cvid=1", nil).refused(400, "AMBIGUITY_DURING_PROCESSING")
}

func TestCOQL(t *testing.T) {
	w := newWorld(t)
	company := str(detail(w.call("POST", "/Accounts", fields{"data": []fields{{"Account_Name": "O'Hara K.K."}}}).want(201).data()[0], "id"))
	ids := w.insert(fields{"Last_Name": "Abe", "Email": "abe@example.jp", "Account_Name": fields{"id": company}}, fields{"Last_Name": "Oda", "Title": "Boss"}, fields{"Last_Name": "Odagiri"})
	w.clock.Advance(time.Minute)
	w.call("PUT", "/Contacts/"+ids[0], fields{"data": []fields{{"Title": "x"}}}).want(200)
	run := func(q string) *answer { return w.call("POST", "/coql", fields{"select_query": q}) }
	for q, want := range map[string][]string{
		"select id from Contacts where id is not null":                                                                  ids,
		"select Last_Name from Contacts where Last_Name = 'ODA'":                                                        ids[1:2],
		"select Last_Name from Contacts where Last_Name like 'oda%' order by Last_Name desc":                            {ids[2], ids[1]},
		"select id from Contacts where Email is null and Title is null":                                                 ids[2:],
		"select id from Contacts where (Email is null and Title = 'Boss') or Email = 'abe@example.jp'":                  ids[:2],
		"select id from Contacts where Email in ('x@y.jp', 'ABE@example.jp')":                                           ids[:1],
		"select id from Contacts where Last_Name not in ('Abe') limit 1, 1":                                             ids[2:],
		"select id from Contacts where Modified_Time >= '2026-10-02T09:01:00+00:00'":                                    ids[:1],
		"select id from Contacts where Modified_Time <= '2026-10-02T18:00:00+09:00' order by Modified_Time asc limit 5": ids[1:],
		"select id from Contacts where id in (" + ids[2] + ", " + ids[0] + ") order by id":                              {ids[0], ids[2]},
		"select Account_Name from Contacts where Account_Name = '" + company + "'":                                      ids[:1],
		"select id, Account_Name from Accounts where Account_Name in ('o\\'hara k.k.')":                                 {company},
	} {
		t.Run(q, func(t *testing.T) {
			if got := run(q).want(200).ids(); !slices.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
		})
	}
	t.Run("nothing is 204", func(t *testing.T) { run("select id from Contacts where Last_Name = 'Nobody'").want(204) })
	quoted := strings.TrimSuffix(strings.Repeat("'a',", 51), ",")
	for q, code := range map[string]string{
		"select id from Contacts":                                                     "SYNTAX_ERROR",
		"select id Contacts where id is not null":                                     "SYNTAX_ERROR",
		"select id from Contacts where id":                                            "SYNTAX_ERROR",
		"select id from Contacts where id = 'a":                                       "SYNTAX_ERROR",
		"select id from Contacts where id is not null; drop":                          "SYNTAX_ERROR",
		"select * from Contacts where id is not null":                                 "SYNTAX_ERROR",
		"select Nope from Contacts where id is not null":                              "INVALID_QUERY",
		"select id from Nope where id is not null":                                    "INVALID_QUERY",
		"select id from Contacts where Nope = '1'":                                    "INVALID_QUERY",
		"select id from Contacts where Description = '1'":                             "INVALID_QUERY",
		"select id from Contacts where Modified_Time > 'monday'":                      "INVALID_QUERY",
		"select id from Contacts where id is not null order by Nope":                  "INVALID_QUERY",
		"select id, id from Contacts where id is not null":                            "DUPLICATE_DATA",
		"select id from Contacts where id is not null limit 2001":                     "LIMIT_EXCEEDED",
		"select id from Contacts where id is not null limit 100000, 1":                "LIMIT_EXCEEDED",
		"select id from Contacts where Email in (" + quoted + ")":                     "LIMIT_EXCEEDED",
		"select id from Contacts where id = '1'" + strings.Repeat(" or id = '1'", 25): "LIMIT_EXCEEDED",
	} {
		t.Run(q, func(t *testing.T) { run(q).refused(400, code) })
	}
}

func TestPhotos(t *testing.T) {
	w := newWorld(t)
	id := w.insert(fields{"Last_Name": "Oda"})[0]
	path := "/Contacts/" + id + "/photo"
	w.call("GET", path, nil).want(204)
	png := []byte("\x89PNG\r\n\x1a\n0000")
	form := func(name string, b []byte) ([]byte, option) {
		var buf bytes.Buffer
		m := multipart.NewWriter(&buf)
		p, err := m.CreateFormFile(name, "a.png")
		must(t, err)
		_, err = p.Write(b)
		must(t, err)
		must(t, m.Close())
		return buf.Bytes(), header("Content-Type", m.FormDataContentType())
	}
	body, kind := form("file", png)
	w.clock.Advance(time.Second)
	w.call("POST", path, body, kind).want(200)
	a := w.call("GET", path, nil).want(200)
	equal(t, "type", a.header.Get("Content-Type"), "image/png")
	equal(t, "bytes", string(a.raw), string(png))
	got := w.call("GET", "/Contacts/"+id, nil).want(200).data()[0]
	equal(t, "modified", str(got["Modified_Time"]), "2026-10-02T18:00:01+09:00")
	if got["Record_Image"] == nil {
		t.Fatal("Record_Image is empty")
	}
	t.Run("not an image", func(t *testing.T) {
		b, k := form("file", []byte("hello"))
		w.call("POST", path, b, k).refused(400, "INVALID_DATA")
	})
	t.Run("other part name", func(t *testing.T) {
		b, k := form("photo", png)
		w.call("POST", path, b, k).refused(400, "INVALID_DATA")
	})
	t.Run("removed", func(t *testing.T) {
		w.call("DELETE", path, nil).want(200)
		w.call("GET", path, nil).want(204)
	})
}

func TestSettings(t *testing.T) {
	w := newWorld(t)
	w.addUser(zoho.User{Email: ren, Name: "Ren Ishida", Profile: "Standard", Status: "disabled"})
	t.Run("users by type", func(t *testing.T) {
		for kind, n := range map[string]int{"AllUsers": 2, "ActiveUsers": 1, "AdminUsers": 1, "DeactiveUsers": 1, "CurrentUser": 1} {
			equal(t, kind, len(w.call("GET", "/users?type="+kind, nil).want(200).list("users")), n)
		}
		w.call("GET", "/users?type=DeletedUsers", nil).want(204)
		w.call("GET", "/users?type=Nobody", nil).refused(400, "INVALID_DATA")
		me := w.call("GET", "/users?type=CurrentUser", nil).want(200).list("users")[0]
		w.call("GET", "/users/"+str(me["id"]), nil).want(200)
		w.call("GET", "/users/1", nil).want(204)
	})
	t.Run("org", func(t *testing.T) {
		o := w.call("GET", "/org", nil).want(200).list("org")[0]
		equal(t, "zone", str(o["time_zone"]), "Asia/Tokyo")
	})
	t.Run("modules", func(t *testing.T) {
		equal(t, "modules", len(w.call("GET", "/settings/modules", nil).want(200).list("modules")), 2)
		w.call("GET", "/settings/modules/Nope", nil).refused(400, "NOT_SUPPORTED")
	})
	t.Run("profiles", func(t *testing.T) {
		must(t, w.box.SetPermission(aiko, "No Google", "Crm_Implied_Google_Contacts_Sync", false))
		for _, p := range w.call("GET", "/settings/profiles", nil).want(200).list("profiles") {
			a := w.call("GET", "/settings/profiles/"+str(p["id"]), nil).want(200)
			ds, _ := a.list("profiles")[0]["permissions_details"].([]any)
			found := false
			for _, d := range ds {
				m, _ := d.(map[string]any)
				if m["name"] == "Crm_Implied_Google_Contacts_Sync" {
					found = true
					equal(t, str(p["name"]), m["enabled"], any(p["name"] != "No Google"))
				}
			}
			if !found {
				t.Fatal("the permission for Google contacts sync is missing")
			}
		}
		w.call("GET", "/settings/profiles/1", nil).refused(400, "INVALID_DATA")
	})
	t.Run("layouts and fields", func(t *testing.T) {
		w.call("GET", "/settings/layouts?module=Contacts", nil).want(200)
		fs := w.call("GET", "/settings/fields?module=Contacts&type=all", nil).want(200).list("fields")
		byName := map[string]map[string]any{}
		for _, f := range fs {
			byName[str(f["api_name"])] = f
		}
		equal(t, "length", byName["Last_Name"]["length"], any(80.0))
		equal(t, "mandatory", byName["Last_Name"]["system_mandatory"], any(true))
		equal(t, "read only", byName["Full_Name"]["field_read_only"], any(true))
		w.call("GET", "/settings/fields/"+str(byName["Email"]["id"])+"?module=Contacts", nil).want(200)
		w.call("GET", "/settings/fields?module=Accounts&include=allowed_permissions_to_update", nil).want(200)
		w.call("GET", "/settings/fields", nil).refused(400, "REQUIRED_PARAM_MISSING")
		w.call("GET", "/settings/fields?module=Nope", nil).refused(400, "INVALID_MODULE")
		w.call("GET", "/settings/fields?module=Contacts&type=unused", nil).want(204)
	})
}

func TestCustomFieldsCanBeMade(t *testing.T) {
	w := newWorld(t)
	make := func(specs ...fields) *answer {
		return w.call("POST", "/settings/fields?module=Contacts", fields{"fields": specs})
	}
	a := make(fields{"field_label": "Nick name", "data_type": "text", "length": 20}, fields{"field_label": "フリガナ", "data_type": "text"}, fields{"field_label": "Rank", "data_type": "picklist", "pick_list_values": []fields{{"display_value": "A", "actual_value": "A"}}}).want(201)
	equal(t, "made", len(a.list("fields")), 3)
	var names []string
	for _, f := range w.call("GET", "/settings/fields?module=Contacts", nil).want(200).list("fields") {
		if f["custom_field"] == true {
			names = append(names, str(f["api_name"]))
		}
	}
	if len(names) != 3 || names[0] != "Nick_name" || names[2] != "Rank" {
		t.Fatalf("got %v", names)
	}
	id := w.insert(fields{"Last_Name": "Oda", "Nick_name": "Mei", names[1]: "オダ", "Rank": "A"})[0]
	equal(t, "stored", str(w.call("GET", "/Contacts/"+id, nil).want(200).data()[0][names[1]]), "オダ")
	for name, c := range map[string]struct {
		spec fields
		code string
	}{
		"no label":             {fields{"data_type": "text"}, "MANDATORY_NOT_FOUND"},
		"no type":              {fields{"field_label": "X"}, "MANDATORY_NOT_FOUND"},
		"unknown type":         {fields{"field_label": "X", "data_type": "photo"}, "INVALID_DATA"},
		"label in use":         {fields{"field_label": "nick NAME", "data_type": "text"}, "DUPLICATE_DATA"},
		"too long":             {fields{"field_label": "X", "data_type": "text", "length": 300}, "INVALID_DATA"},
		"list without choices": {fields{"field_label": "X", "data_type": "picklist"}, "INVALID_DATA"},
		"unknown member":       {fields{"field_label": "X", "data_type": "text", "api_name": "X"}, "INVALID_DATA"},
	} {
		t.Run(name, func(t *testing.T) {
			equal(t, "code", str(make(c.spec).want(400).list("fields")[0]["code"]), c.code)
		})
	}
	t.Run("six at once", func(t *testing.T) {
		six := slices.Repeat([]fields{{"field_label": "X", "data_type": "text"}}, 6)
		make(six...).refused(400, "LIMIT_EXCEEDED")
	})
	t.Run("only who may customise", func(t *testing.T) {
		w.addUser(zoho.User{Email: ren, Name: "Ren Ishida", Profile: "Standard"})
		w.call("POST", "/settings/fields?module=Contacts", fields{"fields": []fields{{"field_label": "Y", "data_type": "text"}}}, as(w, ren)).refused(403, "NO_PERMISSION")
	})
}

func TestViews(t *testing.T) {
	w := newWorld(t)
	w.addUser(zoho.User{Email: ren, Name: "Ren Ishida"})
	ids := w.insert(fields{"Last_Name": "Oda", "Mailing_City": "Kyoto"}, fields{"Last_Name": "Abe", "Mailing_City": "Tokyo"}, fields{"Last_Name": "Odagiri", "Mailing_City": "Tokyo"})
	both := &zoho.Criteria{Operator: "AND", Group: []*zoho.Criteria{{Field: "Mailing_City", Comparator: "equal", Value: "Tokyo"}, {Field: "Last_Name", Comparator: "starts_with", Value: "oda"}}}
	private, err := w.box.AddView(aiko, "Tokyo Oda", both, false)
	must(t, err)
	shared, err := w.box.AddView(aiko, "Kyo", &zoho.Criteria{Field: "Mailing_City", Comparator: "contains", Value: "kyo"}, true)
	must(t, err)
	if got := w.scan("fields=id&cvid=" + private); !slices.Equal(got, ids[2:]) {
		t.Fatalf("got %v", got)
	}
	equal(t, "shared", len(w.scan("fields=id&cvid="+shared, as(w, ren))), 3)
	t.Run("another's private view is not there", func(t *testing.T) {
		w.call("GET", "/Contacts?fields=id&cvid="+private, nil, as(w, ren)).refused(400, "INVALID_DATA")
		w.call("GET", "/settings/custom_views/"+private+"?module=Contacts", nil, as(w, ren)).want(204)
		w.call("GET", "/settings/custom_views/"+private+"?module=Contacts", nil).want(200)
	})
	t.Run("membership is live", func(t *testing.T) {
		w.call("PUT", "/Contacts/"+ids[2], fields{"data": []fields{{"Mailing_City": "Nara"}}}).want(200)
		w.call("GET", "/Contacts?fields=id&cvid="+private, nil).want(204)
	})
	t.Run("the system's view of all", func(t *testing.T) {
		v := w.call("GET", "/settings/custom_views?module=Contacts", nil).want(200).list("custom_views")[0]
		equal(t, "system name", str(v["system_name"]), "ALLVIEWS")
		if v["system_defined"] != true {
			t.Fatal("All Contacts is not the system's")
		}
	})
	t.Run("a removed view is gone", func(t *testing.T) {
		must(t, w.box.RemoveView(aiko, private))
		w.call("GET", "/Contacts?fields=id&cvid="+private, nil).refused(400, "INVALID_DATA")
	})
	t.Run("unknown fields and comparators", func(t *testing.T) {
		for _, k := range []*zoho.Criteria{{Field: "Nope", Comparator: "equal"}, {Field: "Email", Comparator: "sounds_like"}} {
			if _, err := w.box.AddView(aiko, "x", k, true); err == nil {
				t.Fatalf("the view %v was made", k)
			}
		}
	})
}
