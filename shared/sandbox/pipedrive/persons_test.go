package pipedrive_test

import (
	"strings"
	"testing"
	"time"

	"meibo/shared/contract"
	"meibo/shared/sandbox/pipedrive"
)

func TestPersonWritesFollowTheSamples(t *testing.T) {
	w := newWorld(t)
	must(t, w.box.SetContactSync(mira, true))
	text, err := w.box.AddField(mira, "Kind", "varchar")
	must(t, err)
	money, err := w.box.AddField(mira, "Value", "monetary")
	must(t, err)
	label, err := w.box.AddGroup(mira, "vip")
	must(t, err)
	if label == "" {
		t.Fatal("AddGroup returned no filter")
	}
	org := w.call("POST", "/organizations", sampleOrg(t, w)).want(200).id()

	body := sample(t, "person-create")
	body["org_id"], body["owner_id"] = org, w.me()
	body["label_ids"] = w.labels()
	body["custom_fields"] = fields{text: "Partner", money: fields{"value": 2300, "currency": "EUR"}}
	made := w.call("POST", "/persons", body).want(200)
	list := w.call("GET", "/persons", nil).want(200)
	wanted := sample(t, "persons-list")
	people, _ := wanted["data"].([]any)
	full, _ := people[0].(map[string]any)
	delete(full, "custom_fields")
	got := list.data()[0]
	customs, _ := got["custom_fields"].(map[string]any)
	equal(t, "custom text", str(customs[text]), "Partner")
	delete(got, "custom_fields")
	contract.SameShape(t, "$", got, full)
	equal(t, "next_cursor", list.next(), "")
	equal(t, "name", str(made.one()["first_name"])+"|"+str(made.one()["last_name"]), "Jon|Berg")
	equal(t, "address parts left out are null", got["postal_address"].(map[string]any)["locality"], nil)
}

func sampleOrg(t *testing.T, w *world) fields {
	f := sample(t, "organization-create")
	f["owner_id"] = w.me()
	return f
}

func (w *world) me() int64 { w.Helper(); return w.call("GET", "/api/v1/users/me", nil).want(200).id() }

// labels are the ids of all person labels.
func (w *world) labels() []int64 {
	w.Helper()
	var out []int64
	for _, f := range w.call("GET", "/personFields?limit=500", nil).want(200).data() {
		if f["field_code"] == "label_ids" {
			for _, o := range f["options"].([]any) {
				out = append(out, whole(o.(map[string]any)["id"]))
			}
		}
	}
	return out
}

func TestPersonBodiesAreStrict(t *testing.T) {
	w := newWorld(t)
	refusals := map[string]struct {
		body fields
		text string
	}{
		"no name":               {fields{"emails": []fields{}}, "name: is required"},
		"blank name":            {fields{"name": " "}, "name"},
		"number as text":        {fields{"name": "A", "owner_id": "1"}, "owner_id"},
		"unknown member":        {fields{"name": "A", "nickname": "B"}, "nickname"},
		"update_time":           {fields{"name": "A", "update_time": start}, "update_time"},
		"first_name":            {fields{"name": "A", "first_name": "A"}, "first_name"},
		"two primaries":         {fields{"name": "A", "emails": []fields{{"value": "a@b.example", "primary": true}, {"value": "c@d.example", "primary": true}}}, "primary"},
		"empty value":           {fields{"name": "A", "phones": []fields{{"value": ""}}}, "empty"},
		"primary as number":     {fields{"name": "A", "phones": []fields{{"value": "1", "primary": 1}}}, "arrays"},
		"other plan's 7":        {fields{"name": "A", "visible_to": 7}, "visible_to"},
		"no such organization":  {fields{"name": "A", "org_id": 99}, "Organization not found"},
		"no such label":         {fields{"name": "A", "label_ids": []int{5}}, "label_ids"},
		"no such user":          {fields{"name": "A", "owner_id": 5}, "owner_id"},
		"no such custom field":  {fields{"name": "A", "custom_fields": fields{strings.Repeat("a", 40): "x"}}, "custom_fields"},
		"add_time as date only": {fields{"name": "A", "add_time": "2026-01-01"}, "add_time"},
	}
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) { w.call("POST", "/persons", c.body).refused(400, c.text) })
	}
	t.Run("members of contact sync are forbidden until it is set up", func(t *testing.T) {
		w.call("POST", "/persons", fields{"name": "A", "job_title": "B"}).refused(403, "contact sync")
		id := num(w.person(fields{"name": "A"}))
		if _, there := w.call("GET", "/persons/"+id, nil).want(200).one()["job_title"]; there {
			t.Fatal("job_title is in the answer")
		}
		must(t, w.box.SetContactSync(mira, true))
		equal(t, "job_title", str(w.call("PATCH", "/persons/"+id, fields{"job_title": "B"}).want(200).one()["job_title"]), "B")
	})
	t.Run("first and last name by quirk", func(t *testing.T) {
		must(t, w.box.SetQuirks(pipedrive.Quirks{NameParts: true, Created: true}))
		defer func() { must(t, w.box.SetQuirks(pipedrive.Quirks{})) }()
		got := w.unchecked("POST", "/persons", fields{"first_name": "Anna Maria", "last_name": "Berg"}).want(201).one()
		equal(t, "name", str(got["name"]), "Anna Maria Berg")
		equal(t, "first", str(got["first_name"]), "Anna Maria")
	})
	t.Run("content type is JSON", func(t *testing.T) {
		w.call("POST", "/persons", fields{"name": "A"}, header("Content-Type", "text/plain")).refused(400, "JSON")
	})
}

func TestPatchChangesOnlyWhatIsSent(t *testing.T) {
	w := newWorld(t)
	must(t, w.box.SetContactSync(mira, true))
	set, err := w.box.AddField(mira, "Topics", "set", "a", "b")
	must(t, err)
	org := w.call("POST", "/organizations", fields{"name": "Nordkai AS"}).want(200).id()
	id := num(w.person(fields{"name": "Jon Berg", "org_id": org, "job_title": "Lead", "birthday": "1984-06-02",
		"emails": []fields{{"value": "a@b.example"}, {"value": "c@d.example", "label": "home"}}, "postal_address": fields{"value": "Pikk 12", "country": "Estonia"}}))
	w.clock.Advance(time.Second)
	got := w.call("PATCH", "/persons/"+id, fields{"emails": []fields{{"value": "e@f.example", "label": "home"}}, "postal_address": fields{"value": "Pikk 13"}}).want(200).one()
	equal(t, "name", str(got["name"]), "Jon Berg")
	equal(t, "job_title", str(got["job_title"]), "Lead")
	emails := got["emails"].([]any)
	equal(t, "emails", len(emails), 1)
	equal(t, "first becomes primary", emails[0].(map[string]any)["primary"], any(true))
	equal(t, "country is reset", got["postal_address"].(map[string]any)["country"], nil)
	equal(t, "update_time", str(got["update_time"]), "2026-11-20T10:00:01Z")

	t.Run("null clears", func(t *testing.T) {
		got := w.call("PATCH", "/persons/"+id, fields{"org_id": nil, "birthday": nil, "job_title": nil, "postal_address": nil, "emails": []fields{}}).want(200).one()
		for _, k := range []string{"org_id", "birthday", "job_title", "postal_address"} {
			equal(t, k, got[k], nil)
		}
		equal(t, "emails", len(got["emails"].([]any)), 0)
	})
	t.Run("a set takes null, not an empty array", func(t *testing.T) {
		w.call("PATCH", "/persons/"+id, fields{"custom_fields": fields{set: []int{}}}).refused(400, set)
		w.call("PATCH", "/persons/"+id, fields{"custom_fields": fields{set: nil}}).want(200)
	})
	t.Run("a name that is only one word has no last name", func(t *testing.T) {
		got := w.call("PATCH", "/persons/"+id, fields{"name": "森田愛子"}).want(200).one()
		equal(t, "first", str(got["first_name"]), "森田愛子")
		equal(t, "last", got["last_name"], nil)
	})
	t.Run("writing what is there leaves no trace", func(t *testing.T) {
		before := str(w.call("GET", "/persons/"+id, nil).want(200).one()["update_time"])
		w.clock.Advance(time.Minute)
		equal(t, "update_time", str(w.call("PATCH", "/persons/"+id, fields{"name": "森田愛子"}).want(200).one()["update_time"]), before)
	})
	t.Run("an empty body is refused", func(t *testing.T) { w.call("PATCH", "/persons/"+id, fields{}).refused(400, "no member") })
	t.Run("touching moves only update_time", func(t *testing.T) {
		before, err := w.box.Contact(mira, id)
		must(t, err)
		w.clock.Advance(time.Minute)
		must(t, w.box.Touch(mira, id))
		after, err := w.box.Contact(mira, id)
		must(t, err)
		if string(before.Native) == string(after.Native) || before.Version == after.Version {
			t.Fatal("update_time did not move")
		}
	})
}

func TestDeleteIsSoft(t *testing.T) {
	w := newWorld(t)
	id := num(w.person(fields{"name": "Jon Berg", "emails": []fields{{"value": "jon@berg.example"}}}))
	w.clock.Advance(time.Minute)
	equal(t, "id", num(w.call("DELETE", "/persons/"+id, nil).want(200).id()), id)
	for _, path := range []string{"/persons", "/persons?ids=" + id, "/persons?updated_since=2026-01-01T00:00:00Z"} {
		equal(t, path, w.call("GET", path, nil).want(200).ids(), "")
	}
	equal(t, "hits", len(w.call("GET", "/persons/search?term=jon@berg.example&fields=email&exact_match=true", nil).want(200).one()["items"].([]any)), 0)
	got := w.call("GET", "/persons/"+id, nil).want(200).one()
	equal(t, "is_deleted", got["is_deleted"], any(true))
	equal(t, "update_time is the deletion time", str(got["update_time"]), "2026-11-20T10:01:00Z")
	contract.SameShape(t, "$", w.call("PATCH", "/persons/"+id, fields{"name": "B"}).refused(404, "Person not found").body, sample(t, "error"))
	w.call("DELETE", "/persons/"+id, nil).refused(404, "Person not found")

	must(t, w.box.SetQuirks(pipedrive.Quirks{HideDeleted: true}))
	w.call("GET", "/persons/"+id, nil).refused(404, "Person not found")
	must(t, w.box.SetQuirks(pipedrive.Quirks{DeleteGone: true}))
	w.call("GET", "/persons/"+id, nil).want(200)
	other := num(w.person(fields{"name": "B"}))
	w.call("DELETE", "/persons/"+other, nil).want(410)
	w.clock.Advance(30 * 24 * time.Hour)
	w.tokens = map[string]string{}
	w.call("GET", "/persons/"+id, nil).refused(404, "Person not found")
	must(t, w.box.Remove(mira, num(w.person(fields{"name": "C"}))))
}

func TestListing(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for range 5 {
		ids = append(ids, w.fill(mira, 1)...)
		w.clock.Advance(10 * time.Second)
	}
	must(t, w.box.Touch(mira, ids[1])) // 10:00:50
	all := func(path string) string {
		t.Helper()
		var out []string
		for next := ""; ; {
			p := path
			if next != "" {
				p += "&cursor=" + next
			}
			a := w.call("GET", p, nil).want(200)
			if got := a.ids(); got != "" {
				out = append(out, got)
			}
			if next = a.next(); next == "" {
				return strings.Join(out, " ")
			}
		}
	}
	for path, want := range map[string]string{
		"/persons?limit=2":                                                        "1,2 3,4 5",
		"/persons?limit=2&sort_direction=desc":                                    "5,4 3,2 1",
		"/persons?limit=2&sort_by=update_time":                                    "1,3 4,5 2",
		"/persons?limit=2&sort_by=update_time&sort_direction=desc":                "2,5 4,3 1",
		"/persons?limit=2&sort_by=add_time&sort_direction=desc":                   "5,4 3,2 1",
		"/persons?limit=9&updated_since=2026-11-20T10:00:40Z":                     "2,5",
		"/persons?limit=1&updated_since=2026-11-20T10:00:40Z":                     "2 5",
		"/persons?limit=9&updated_since=2026-11-20T12:00:40%2B02:00":              "2,5",
		"/persons?limit=9&updated_until=2026-11-20T10:00:40Z":                     "1,3,4",
		"/persons?limit=9&updated_since=2026-11-20T10:00:41Z":                     "2",
		"/persons?limit=1&ids=4,2,77":                                             "2 4",
		"/persons?limit=1&ids=4,2&sort_by=update_time":                            "4 2",
		"/persons?limit=9&sort_by=update_time&updated_since=2027-01-01T00:00:00Z": "",
	} {
		if got := all(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	for path, text := range map[string]string{
		"/persons?updated_since=2026-11-20T10:00:40.5Z":   "without fractions",
		"/persons?updated_since=2026-11-20":               "RFC3339",
		"/persons?limit=501":                              "limit",
		"/persons?limit=0":                                "limit",
		"/persons?sort_by=name":                           "sort_by",
		"/persons?sort_direction=ASC":                     "sort_direction",
		"/persons?updatd_since=2026-11-20T10:00:00Z":      "not known",
		"/persons?ids=1,x":                                "ids",
		"/persons?ids=" + strings.Repeat("1,", 100) + "2": "100",
		"/persons?cursor=xx":                              "cursor",
		"/persons?include_fields=photos":                  "include_fields",
		"/persons?owner_id=a":                             "owner_id",
		"/persons?filter_id=" + w.filterOf("vip") + "&updated_since=2026-11-20T10:00:00Z": "filter_id",
	} {
		w.call("GET", path, nil).refused(400, text)
	}
	t.Run("cursors are bound to their listing, user and time", func(t *testing.T) {
		next := w.call("GET", "/persons?limit=2", nil).want(200).next()
		w.call("GET", "/persons?limit=3&cursor="+next, nil).want(200)
		w.call("GET", "/persons?limit=2&sort_by=add_time&cursor="+next, nil).refused(400, "another listing")
		w.addUser(pipedrive.User{Email: tarmo})
		w.call("GET", "/persons?limit=2&cursor="+next, nil, as(w, tarmo)).refused(400, "another listing")
		must(t, w.box.ExpireCursors(mira))
		w.call("GET", "/persons?limit=2&cursor="+next, nil).refused(400, "expired")
	})
	t.Run("a filter wins over ids and owner", func(t *testing.T) {
		must(t, w.box.SetGroups(mira, ids[3], []string{"vip"}))
		equal(t, "ids", w.call("GET", "/persons?filter_id="+w.filterOf("vip")+"&ids=1&owner_id=1", nil).want(200).ids(), "4")
		w.call("GET", "/persons?filter_id=999", nil).refused(404, "Filter not found")
	})
	t.Run("labels and counters on request", func(t *testing.T) {
		got := w.call("GET", "/persons?ids=4&include_labels=true&include_fields=followers_count,next_activity_id", nil).want(200).data()[0]
		equal(t, "label", str(got["labels"].([]any)[0].(map[string]any)["label"]), "vip")
		equal(t, "followers", whole(got["followers_count"]), 0)
	})
}

// filterOf finds or makes the filter of a group.
func (w *world) filterOf(group string) string {
	w.Helper()
	id, err := w.box.AddGroup(mira, group)
	must(w.T, err)
	return id
}

func TestUnknownPathsAndMethods(t *testing.T) {
	w := newWorld(t)
	w.call("GET", "/people", nil).refused(404, "Unknown method")
	w.call("GET", "/persons/abc", nil).refused(404, "Unknown method")
	w.call("PUT", "/persons/1", nil).refused(405, "Method not allowed")
	w.call("GET", "/api/v1/persons", nil).refused(404, "Unknown method")
	w.call("GET", "/v1/users/me", nil).want(200)
}
