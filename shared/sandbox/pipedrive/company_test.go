package pipedrive_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/contract"
	"meibo/shared/sandbox/pipedrive"
)

func TestUsersOfACompany(t *testing.T) {
	w := newWorld(t)
	w.addUser(pipedrive.User{Email: tarmo, Name: "Tarmo Kask", Denied: []string{"can_see_other_users"}})
	w.addUser(pipedrive.User{Email: "x@other.example"})
	me := w.call("GET", "/api/v1/users/me", nil).want(200)
	contract.SameShape(t, "$", me.body, sample(t, "users-me"))
	equal(t, "company", str(me.one()["company_name"])+" "+str(me.one()["company_domain"]), "Ecospin ecospin-sandbox")
	equal(t, "users", len(w.call("GET", "/api/v1/users", nil).want(200).data()), 2)
	equal(t, "users for one who sees no others", len(w.call("GET", "/api/v1/users", nil, as(w, tarmo)).want(200).data()), 1)
	w.call("GET", "/api/v1/users/"+num(w.me()), nil, as(w, tarmo)).refused(404, "User not found")
	perms := w.call("GET", "/api/v1/users/"+num(w.me())+"/permissions", nil).want(200).one()
	equal(t, "can_merge_people", perms["can_merge_people"], any(true))
	for name := range perms {
		if strings.Contains(name, "add_people") {
			t.Fatal("the API must not show whether a user may add people")
		}
	}
	equal(t, "default visibility", whole(w.call("GET", "/api/v1/users/"+num(w.me())+"/roleSettings", nil).want(200).one()["person_default_visibility"]), 3)
	w.call("GET", "/api/v1/userSettings", nil).want(200)
	for _, u := range []pipedrive.User{{Email: "nobody"}, {Email: "a@b.example", Plan: "gold"}, {Email: "a@b.example", Visibility: 2}, {Email: "a@b.example", TimeZone: "Mars"},
		{Email: "a@b.example", Denied: []string{"fly"}}, {Email: mira, Company: "Other"}} {
		if err := w.box.AddUser(u); err == nil {
			t.Errorf("AddUser(%+v): got no error", u)
		}
	}
	off := false
	w.addUser(pipedrive.User{Email: tarmo, Active: &off})
	w.call("GET", "/api/v1/users/me", nil, as(w, tarmo)).want(401)
}

func TestVisibility(t *testing.T) {
	w := newWorld(t)
	w.addUser(pipedrive.User{Email: tarmo, Group: "Sales/North"})
	w.addUser(pipedrive.User{Email: mira, Group: "Sales"})
	peer := "peer@ecospin.example"
	w.addUser(pipedrive.User{Email: peer, Group: "Sales"})
	seen := func(id string) string {
		var out []string
		for _, u := range []string{mira, peer, tarmo} {
			if w.call("GET", "/persons?ids="+id, nil, as(w, u)).want(200).ids() != "" {
				out = append(out, u[:1])
			}
		}
		return strings.Join(out, "")
	}
	for _, row := range []struct {
		plan    string
		visible int
		follow  bool
		want    string
	}{
		{"growth", 1, false, "m"}, {"growth", 1, true, "mt"}, {"growth", 3, false, "mpt"}, {"premium", 1, true, "m"}, {"premium", 3, false, "mp"},
		{"ultimate", 5, false, "mpt"}, {"premium", 7, false, "mpt"},
	} {
		must(t, w.box.SetPlan(mira, row.plan))
		id := num(w.person(fields{"name": "A", "visible_to": row.visible}))
		if row.follow {
			me := w.call("GET", "/api/v1/users/me", nil, as(w, tarmo)).want(200).id()
			w.call("POST", "/persons/"+id+"/followers", fields{"user_id": me}).want(201)
			w.call("POST", "/persons/"+id+"/followers", fields{"user_id": me}).refused(400, "already")
			equal(t, "followers", len(w.call("GET", "/persons/"+id+"/followers", nil).want(200).data()), 1)
			w.call("DELETE", "/persons/"+id+"/followers/"+num(w.me()), nil).refused(404, "Follower")
		}
		if got := seen(id); got != row.want {
			t.Errorf("%+v: got %s", row, got)
		}
		equal(t, "permitted users", len(w.call("GET", "/api/v1/persons/"+id+"/permittedUsers", nil).want(200).body["data"].([]any)), len(row.want))
		if !strings.Contains(row.want, "t") {
			w.call("GET", "/persons/"+id, nil, as(w, tarmo)).refused(403, "permission")
			w.call("PATCH", "/persons/"+id, fields{"name": "B"}, as(w, tarmo)).refused(403, "permission")
		}
	}
	t.Run("other companies see nothing", func(t *testing.T) {
		other := "x@other.example"
		w.addUser(pipedrive.User{Email: other})
		equal(t, "ids", w.call("GET", "/persons", nil, as(w, other)).want(200).ids(), "")
		w.call("GET", "/persons/1", nil, as(w, other)).refused(404, "Person not found")
	})
}

func TestPermissionSwitches(t *testing.T) {
	w := newWorld(t)
	id := num(w.person(fields{"name": "A"}))
	other := num(w.person(fields{"name": "B"}))
	for _, row := range []struct {
		permission, method, path string
		body                     any
	}{
		{"add_people", "POST", "/persons", fields{"name": "C"}},
		{"add_organizations", "POST", "/organizations", fields{"name": "C"}},
		{"delete_people", "DELETE", "/persons/" + id, nil},
		{"can_merge_people", "PUT", "/api/v1/persons/" + id + "/merge", fields{"merge_with_id": whole(float64(2))}},
		{"can_add_custom_fields", "POST", "/personFields", fields{"field_name": "F", "field_type": "text"}},
		{"can_change_visibility_of_items", "PATCH", "/persons/" + other, fields{"visible_to": 1}},
	} {
		t.Run(row.permission, func(t *testing.T) {
			must(t, w.box.SetPermission(mira, row.permission, false))
			w.call(row.method, row.path, row.body).refused(403, "permission")
			must(t, w.box.SetPermission(mira, row.permission, true))
			w.call(row.method, row.path, row.body)
		})
	}
	if w.box.SetPermission(mira, "fly", false) == nil {
		t.Error("an unknown permission was set")
	}
	must(t, w.box.SetClosed(mira, true))
	w.call("GET", "/persons", nil).refused(402, "not open")
}

func TestOrganizations(t *testing.T) {
	w := newWorld(t)
	id := w.call("POST", "/organizations", sampleOrg(t, w)).want(200).id()
	person := num(w.person(fields{"name": "A", "org_id": id}))
	got := w.call("PATCH", "/organizations/"+num(id), fields{"industry": 3, "website": nil}).want(200).one()
	equal(t, "industry", whole(got["industry"]), 3)
	equal(t, "website", got["website"], nil)
	w.call("POST", "/organizations", fields{"name": "B", "employee_count": "3"}).refused(400, "employee_count")
	w.call("POST", "/organizations", fields{"website": "x"}).refused(400, "name")
	equal(t, "list", w.call("GET", "/organizations?include_fields=people_count", nil).want(200).ids(), "1")
	equal(t, "persons of it", w.call("GET", "/persons?org_id="+num(id), nil).want(200).ids(), person)
	hits := w.call("GET", "/organizations/search?fields=name&exact_match=true&term="+url.QueryEscape("nordkai as"), nil).want(200).one()["items"].([]any)
	equal(t, "hits", len(hits), 1)
	w.call("DELETE", "/organizations/"+num(id), nil).want(200)
	equal(t, "org_id", w.call("GET", "/persons/"+person, nil).want(200).one()["org_id"], nil)
	w.call("GET", "/organizationFields", nil).want(200)
}

func TestSearch(t *testing.T) {
	w := newWorld(t, func(c *pipedrive.Config) { c.Lag, c.Limits = time.Minute, pipedrive.Unlimited() })
	org := w.call("POST", "/organizations", fields{"name": "Nordkai AS"}).want(200).id()
	text, err := w.box.AddField(mira, "Nickname", "varchar")
	must(t, err)
	w.person(fields{"name": "Jon Berg", "org_id": org, "emails": []fields{{"value": "Jon@Berg.example"}, {"value": "j@b.example"}}, "phones": []fields{{"value": "+372 5555"}},
		"custom_fields": fields{text: "Jonny"}})
	w.person(fields{"name": "Jon Oja", "emails": []fields{{"value": "jon@berg.example"}}})
	hits := func(query string) int {
		t.Helper()
		return len(w.call("GET", "/persons/search?"+query, nil).want(200).one()["items"].([]any))
	}
	equal(t, "hits before the lag is over", hits("term=Jon"), 0)
	w.clock.Advance(time.Minute)
	wanted := sample(t, "person-search")
	contract.SameShape(t, "$", w.call("GET", "/persons/search?term=j@b.example&fields=email", nil).want(200).body, wanted)
	for query, want := range map[string]int{
		"term=jon@berg.example&exact_match=true&fields=email": 2, "term=jon@berg&exact_match=true&fields=email": 0, "term=on@berg&fields=email": 2,
		"term=jon&fields=name": 2, "term=jon+berg&fields=name&exact_match=true": 1, "term=jonny": 1, "term=jonny&fields=name,email": 0, "term=5555&fields=phone": 1,
		"term=jon&organization_id=" + num(org): 1, "term=j&exact_match=true": 0,
	} {
		if got := hits(query); got != want {
			t.Errorf("%s: got %d, want %d", query, got, want)
		}
	}
	a := w.call("GET", "/persons/search?term=jon&limit=1", nil).want(200)
	second := w.call("GET", "/persons/search?term=jon&limit=1&cursor="+a.next(), nil).want(200)
	equal(t, "end", second.next(), "")
	w.call("GET", "/persons/search?term=j", nil).refused(400, "term")
	w.call("GET", "/persons/search?term=jon&fields=title", nil).refused(400, "fields")
}

func TestPersonFields(t *testing.T) {
	w := newWorld(t)
	codes := func() string {
		var out []string
		for _, f := range w.call("GET", "/personFields?limit=500", nil).want(200).data() {
			out = append(out, str(f["field_code"]))
		}
		return strings.Join(out, " ")
	}
	if strings.Contains(codes(), "job_title") || !strings.Contains(codes(), "email phone") {
		t.Fatalf("got %s", codes())
	}
	must(t, w.box.SetContactSync(mira, true))
	if !strings.Contains(codes(), "postal_address notes im birthday job_title") {
		t.Fatalf("got %s", codes())
	}
	made := w.call("POST", "/personFields", sample(t, "person-field-create")).want(200).one()
	code := str(made["field_code"])
	equal(t, "length of the code", len(code), 40)
	options := made["options"].([]any)
	equal(t, "options", len(options), 2)
	first := whole(options[0].(map[string]any)["id"])
	w.person(fields{"name": "A", "custom_fields": fields{code: first}})
	w.call("POST", "/persons", fields{"name": "A", "custom_fields": fields{code: "Address book"}}).refused(400, code)
	got := w.call("GET", "/persons?include_option_labels=true&custom_fields="+code, nil).want(200).data()[0]
	equal(t, "label", str(got["custom_fields"].(map[string]any)[code].(map[string]any)["label"]), "Address book")
	equal(t, "added", len(w.call("POST", "/personFields/"+code+"/options", []fields{{"label": "C"}}).want(200).data()), 1)
	w.call("POST", "/personFields/"+code+"/options", []fields{{"label": "C"}}).refused(400, "exists")
	w.call("GET", "/personFields/"+code+"?include_fields=ui_visibility", nil).want(200)
	page := w.call("GET", "/personFields?limit=3", nil).want(200)
	equal(t, "page", len(page.data()), 3)
	w.call("GET", "/personFields?limit=3&cursor="+page.next(), nil).want(200)
	for name, body := range map[string]fields{
		"no options":       {"field_name": "F", "field_type": "enum"},
		"options of text":  {"field_name": "F", "field_type": "text", "options": []fields{{"label": "a"}}},
		"unknown type":     {"field_name": "F", "field_type": "blob"},
		"no name":          {"field_type": "text"},
		"unknown member":   {"field_name": "F", "field_type": "text", "description": "x"},
		"unknown settings": {"field_name": "F", "field_type": "text", "ui_visibility": fields{"x": 1}},
	} {
		t.Run(name, func(t *testing.T) { w.call("POST", "/personFields", body).want(400) })
	}
	w.box.SetLimits(pipedrive.Limits{CustomFields: 1})
	capped := w.call("POST", "/personFields", fields{"field_name": "F", "field_type": "text"}).refused(403, "limit")
	equal(t, "code", str(capped.body["code"]), "feature_capping_custom_fields_limit")
	w.call("DELETE", "/personFields/"+code, nil).want(200)
	w.call("DELETE", "/personFields/name", nil).refused(403, "built-in")
	w.call("GET", "/personFields/"+code, nil).refused(404, "Field not found")
}

func TestCustomFieldTypesAreStrict(t *testing.T) {
	w := newWorld(t)
	org := w.call("POST", "/organizations", fields{"name": "N"}).want(200).id()
	for kind, values := range map[string][2]any{
		"varchar": {"x", 1}, "text": {"x", true}, "double": {12.5, "12.5"}, "phone": {"+1", 1}, "date": {"2026-11-20", "20.11.2026"},
		"daterange": {fields{"value": "2026-01-01", "until": "2026-01-31"}, "2026-01-01"}, "time": {fields{"value": "09:30:00", "timezone_name": "Europe/Tallinn"}, "09:30"},
		"timerange": {fields{"value": "09:30:00", "until": "10:00:00"}, fields{"value": "25:00"}}, "monetary": {fields{"value": 1, "currency": "EUR"}, 1},
		"address": {fields{"value": "Pikk 1"}, "Pikk 1"}, "org": {org, 99}, "user": {w.me(), 1}, "people": {nil, 99},
	} {
		t.Run(kind, func(t *testing.T) {
			code, err := w.box.AddField(mira, kind, kind)
			must(t, err)
			w.call("POST", "/persons", fields{"name": "A", "custom_fields": fields{code: values[0]}}).want(200)
			w.call("POST", "/persons", fields{"name": "A", "custom_fields": fields{code: values[1]}}).refused(400, code)
		})
	}
}

func TestFilters(t *testing.T) {
	w := newWorld(t)
	w.addUser(pipedrive.User{Email: tarmo})
	w.person(fields{"name": "Jon Berg", "emails": []fields{{"value": "jon@nordkai.example"}}})
	w.person(fields{"name": "Ines Berg"})
	vip := w.filterOf("vip")
	label := w.call("GET", "/api/v1/filters/"+vip+"?include_field_code=true", nil).want(200).one()
	cond := label["conditions"].(map[string]any)["conditions"].([]any)[0].(map[string]any)["conditions"].([]any)[0].(map[string]any)
	equal(t, "field code", str(cond["field_code"]), "label_ids")
	filter := func(operator string, value any) fields {
		one := fields{"object": "person", "field_id": "9004", "operator": operator, "value": value, "extra_value": nil}
		return fields{"name": "F", "type": "people", "conditions": fields{"glue": "and", "conditions": []fields{{"glue": "and", "conditions": []fields{one}}, {"glue": "or", "conditions": []fields{}}}}}
	}
	id := ""
	for _, row := range []struct {
		operator string
		value    any
		want     string
	}{{"LIKE '%$%'", "nordkai", "1"}, {"IS NULL", nil, "2"}, {"IS NOT NULL", nil, "1"}, {"=", "JON@nordkai.example", "1"}, {"!=", "jon@nordkai.example", "2"}} {
		id = num(w.call("POST", "/api/v1/filters", filter(row.operator, row.value)).want(200).id())
		equal(t, row.operator, w.call("GET", "/persons?filter_id="+id, nil).want(200).ids(), row.want)
	}
	w.call("POST", "/api/v1/filters", filter("SOUNDS LIKE", "x")).refused(400, "operator")
	w.call("POST", "/api/v1/filters", filter("=", nil)).refused(400, "value")
	equal(t, "own and shared", len(w.call("GET", "/api/v1/filters?type=people", nil).want(200).data()), 6)
	equal(t, "shared", len(w.call("GET", "/api/v1/filters", nil, as(w, tarmo)).want(200).data()), 1)
	w.call("GET", "/persons?filter_id="+id, nil, as(w, tarmo)).refused(404, "Filter")
	w.call("DELETE", "/api/v1/filters/"+vip, nil, as(w, tarmo)).refused(403, "permission")
	put := filter("IS NULL", nil)
	delete(put, "type")
	w.call("PUT", "/api/v1/filters/"+id, put).want(200)
	w.call("DELETE", "/api/v1/filters/"+id, nil).want(200)
	w.call("GET", "/api/v1/filters/"+id, nil).refused(404, "Filter")
}

func TestMergeAndRecents(t *testing.T) {
	w := newWorld(t)
	keep := w.person(fields{"name": "Jon Berg", "emails": []fields{{"value": "jon@a.example"}}})
	lose := w.person(fields{"name": "J. Berg", "emails": []fields{{"value": "jon@b.example"}, {"value": "JON@a.example"}}})
	got := w.call("PUT", "/api/v1/persons/"+num(lose)+"/merge", fields{"merge_with_id": keep}).want(200).one()
	equal(t, "merge_what_id", whole(got["merge_what_id"]), lose)
	equal(t, "winner", whole(got["id"]), keep)
	equal(t, "name", str(got["name"]), "Jon Berg")
	equal(t, "emails", len(got["email"].([]any)), 2)
	equal(t, "list", w.call("GET", "/persons", nil).want(200).ids(), num(keep))
	w.call("PUT", "/api/v1/persons/"+num(keep)+"/merge", fields{"merge_with_id": keep}).refused(400, "itself")
	w.call("PUT", "/api/v1/persons/"+num(keep)+"/merge", fields{"merge_with_id": lose}).refused(404, "Person")

	w.clock.Advance(time.Hour)
	w.tokens = map[string]string{}
	w.person(fields{"name": "New"})
	a := w.call("GET", "/api/v1/recents?items=person&since_timestamp="+url.QueryEscape("2026-11-20 10:30:00"), nil).want(200)
	equal(t, "recents", len(a.data()), 1)
	extra := a.body["additional_data"].(map[string]any)
	equal(t, "last", str(extra["last_timestamp_on_page"]), "2026-11-20 11:00:00")
	w.call("GET", "/api/v1/recents?items=person&since_timestamp=2026-11-20T10:30:00Z", nil).refused(400, "since_timestamp")
}
