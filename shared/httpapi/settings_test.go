package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"meibo/shared/sandbox"
)

func TestSettings(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	if _, err := w.boxes.Google.Put(c.admin, []sandbox.Seed{{Record: person("山田", "太郎", "taro@example.jp"), Groups: []string{"取引先"}}}); err != nil {
		t.Fatal(err)
	}
	group := func(account, name string) string {
		t.Helper()
		for _, g := range w.must(200, c.admin, "GET", c.tenant+"/accounts/"+account+"/groups?limit=100", nil).items() {
			if g["name"] == name {
				return g["id"].(string)
			}
		}
		t.Fatalf("no group %s", name)
		return ""
	}
	label := group(c.google, "取引先")

	t.Run("a field is changed by itself, and the rest stays", func(t *testing.T) {
		before := w.must(200, c.admin, "GET", c.path, nil)
		after := w.must(200, c.admin, "PATCH", c.path, `{"settings":{"rules":{"winner":"book","deletes":{"to_crm":false}}}}`)
		if after.str("settings", "rules", "winner") != "book" || after.at("settings", "rules", "deletes", "to_crm") != false {
			t.Errorf("got %s", after.raw)
		}
		for _, same := range [][]string{{"settings", "rules", "direction"}, {"settings", "rules", "deletes", "to_book"}, {"settings", "every"}, {"settings", "rules", "budget", "count"}} {
			if before.at(same...) != after.at(same...) {
				t.Errorf("%v: got %v, want %v", same, after.at(same...), before.at(same...))
			}
		}
	})
	t.Run("groups of the account are taken", func(t *testing.T) {
		a := w.must(200, c.admin, "PATCH", c.path, map[string]any{"settings": map[string]any{"book_groups": []string{label}}})
		if got, _ := a.at("settings", "book_groups").([]any); len(got) != 1 || got[0] != label {
			t.Errorf("got %s", a.raw)
		}
	})
	for _, bad := range []struct{ name, body, field, words string }{
		{"a group that is not there", `{"settings":{"book_groups":["` + label + `","contactGroups/none"]}}`, "body.settings.book_groups[1]", "groups list"},
		{"a list that is not there", `{"settings":{"crm_groups":["1"]}}`, "body.settings.crm_groups[0]", "groups list"},
		{"an unknown field", `{"settings":{"rules":{"mapping":[{"crm":"email","book":"email"},{"crm":"shoe_size","book":"note"}]}}}`, "body.settings.rules.mapping[1]", "shoe_size"},
		{"fields of other types", `{"settings":{"rules":{"mapping":[{"crm":"email","book":"birthday"}]}}}`, "body.settings.rules.mapping[0]", "same type"},
		{"a field mapped twice", `{"settings":{"rules":{"mapping":[{"crm":"email","book":"email"},{"crm":"email","book":"phone"}]}}}`, "body.settings.rules.mapping[1]", "twice"},
		{"an empty mapping", `{"settings":{"rules":{"mapping":[]}}}`, "body.settings.rules.mapping", "at least 1"},
		{"a frequency out of bounds", `{"settings":{"every":90}}`, "body.settings.every", "1 to 60"},
		{"a direction that does not exist", `{"settings":{"rules":{"direction":"sideways"}}}`, "body.settings.rules.direction", "two_way"},
		{"a negative cap", `{"settings":{"rules":{"caps":{"first":-1}}}}`, "body.settings.rules.caps.first", "at least 0"},
		{"a share over one", `{"settings":{"rules":{"budget":{"share":1.5}}}}`, "body.settings.rules.budget.share", "at most 1"},
		{"an account of the other side", `{"crm":"` + c.google + `"}`, "body.crm", "other side"},
		{"an account that is not there", `{"book":"none"}`, "body.book", "accounts list"},
	} {
		t.Run(bad.name+" is refused by name and changes nothing", func(t *testing.T) {
			before := w.must(200, c.admin, "GET", c.path, nil)
			a := w.must(422, c.admin, "PATCH", c.path, bad.body)
			if !slices.Contains(a.fields(), bad.field) || !strings.Contains(string(a.raw), bad.words) {
				t.Errorf("got %s, want the field %s and %q", a.raw, bad.field, bad.words)
			}
			if after := w.must(200, c.admin, "GET", c.path, nil); string(after.raw) != string(before.raw) {
				t.Errorf("got %s\nwant %s", after.raw, before.raw)
			}
			w.must(422, c.admin, "POST", c.tenant+"/connections", mergeAccounts(bad.body, c))
		})
	}
	t.Run("a member who may only view can sync from the CRM alone", func(t *testing.T) {
		const viewer = "viewer@example.jp"
		w.must(201, c.admin, "POST", c.tenant+"/members", map[string]any{"email": viewer, "permissions": []string{"contacts.sync", "contacts.view"}})
		v := c
		v.admin = viewer
		w.people(viewer)
		v.connection = w.must(201, viewer, "POST", c.tenant+"/connections", `{}`).str("id")
		v.path = c.tenant + "/connections/" + v.connection
		w.connect(v, "zoho")
		w.connect(v, "google")
		if a := w.must(200, viewer, "POST", v.path+"/validate", nil); a.at("valid") != false || !slices.Contains(a.fields(), "settings.rules.direction") {
			t.Errorf("validate: got %s", a.raw)
		}
		a := w.must(403, viewer, "POST", v.path+"/start", nil)
		if a.str("type") != "urn:meibo:problem:member_permission" || !strings.Contains(a.str("cure"), "crm_to_book") {
			t.Errorf("got %s", a.raw)
		}
		w.must(200, viewer, "PATCH", v.path, `{"settings":{"rules":{"direction":"crm_to_book"}}}`)
		w.must(200, viewer, "POST", v.path+"/start", nil)
	})
	t.Run("a draft without accounts says what is missing", func(t *testing.T) {
		d := c.tenant + "/connections/" + w.must(201, c.admin, "POST", c.tenant+"/connections", `{}`).str("id")
		a := w.must(200, c.admin, "POST", d+"/validate", nil, "Accept-Language", "ja")
		if a.at("valid") != false || !slices.Equal(a.fields(), []string{"crm", "book"}) || !strings.Contains(string(a.raw), "アカウント") {
			t.Errorf("got %s", a.raw)
		}
		w.must(409, c.admin, "POST", d+"/start", nil)
		w.must(422, c.admin, "PATCH", d, `{"settings":{"book_groups":["x"]}}`)
		w.must(200, c.admin, "PATCH", d, map[string]any{"crm": c.zoho})
		if got := w.must(200, c.admin, "PATCH", d, map[string]any{"book": c.google}).str("state"); got != "ready" {
			t.Errorf("got %s, want ready", got)
		}
		w.must(200, c.admin, "POST", c.path+"/start", nil)
		if got := w.must(409, c.admin, "POST", d+"/start", nil).str("type"); got != "urn:meibo:problem:pair_in_use" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("settings of a running connection can be changed", func(t *testing.T) {
		w.drain()
		a := w.must(200, c.admin, "PATCH", c.path, `{"settings":{"rules":{"direction":"crm_to_book"},"every":5}}`)
		if a.str("settings", "rules", "direction") != "crm_to_book" || a.at("settings", "every") != 5.0 || a.str("state") != "active" {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("the company's presets hold for new connections", func(t *testing.T) {
		w.must(200, c.admin, "PATCH", c.tenant, `{"settings":{"caps":{"first":10000,"later":500},"budget":{"count":5},"approve_first":true}}`)
		a := w.must(201, c.admin, "POST", c.tenant+"/connections", `{}`)
		if a.at("settings", "rules", "caps", "later") != 500.0 || a.at("settings", "rules", "budget", "count") != 5.0 || a.at("settings", "rules", "approve_first") != true {
			t.Errorf("got %s", a.raw)
		}
	})
}

// mergeAccounts makes a change of a connection a new connection with the company's accounts.
func mergeAccounts(body string, c company) string {
	if strings.Contains(body, `"crm":"`+c.google) || strings.HasPrefix(body, `{"book"`) {
		return body
	}
	return `{"crm":"` + c.zoho + `","book":"` + c.google + `",` + body[1:]
}
