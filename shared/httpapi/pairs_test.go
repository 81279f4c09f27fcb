package httpapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"meibo/shared/sandbox"
)

// other makes a company with accounts at two systems, whichever, and a connection that is ready.
func (w *world) other(admin, crm, book string) (c company, accounts map[string]string) {
	w.t.Helper()
	c = company{admin: admin}
	c.id = w.must(201, admin, "POST", "/v1/tenants", map[string]any{"name": "会社 " + admin}).str("id")
	c.tenant = "/v1/tenants/" + c.id
	c.connection = w.must(201, admin, "POST", c.tenant+"/connections", map[string]any{}).str("id")
	c.path = c.tenant + "/connections/" + c.connection
	accounts = map[string]string{}
	for _, id := range []string{crm, book} {
		box, there := w.boxes.Box(id)
		if !there {
			w.t.Fatalf("no stand-in for %s", id)
		}
		b, err := json.Marshal(map[string]string{"email": admin, "name": admin})
		if err != nil {
			w.t.Fatal(err)
		}
		if err := box.AddUserJSON(b); err != nil {
			w.t.Fatal(err)
		}
		accounts[id] = w.connect(c, id)
	}
	return c, accounts
}

// Every pair goes from its consent to a started connection, with what its profile has the start make.
func TestEveryPairStarts(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	for _, p := range []struct{ crm, book, profile string }{
		{"zoho", "google", "zoho-google"}, {"zoho", "microsoft", "zoho-microsoft"}, {"pipedrive", "google", "pipedrive-google"}, {"pipedrive", "microsoft", "pipedrive-microsoft"},
	} {
		t.Run(p.profile, func(t *testing.T) {
			c, accounts := w.other(p.profile+"@example.jp", p.crm, p.book)
			a := w.must(200, c.admin, "GET", c.tenant+"/mapping?crm="+accounts[p.crm]+"&book="+accounts[p.book], nil)
			if a.str("profile") != p.profile {
				t.Fatalf("profile: got %s, want %s", a.str("profile"), p.profile)
			}
			least, _ := a.at("choices", "every_least").(float64)
			if least < 1 || least > 60 {
				t.Errorf("every_least: got %v, want 1 to 60 minutes", least)
			}
			makes, _ := a.at("choices", "makes").([]any)
			if got := w.must(200, c.admin, "POST", c.path+"/validate", nil); got.at("valid") != true {
				t.Fatalf("validate: got %s", got.raw)
			}
			started := w.must(200, c.admin, "POST", c.path+"/start", nil)
			if started.str("state") != "active" || (started.str("folder") != "") != (p.profile == "zoho-microsoft") {
				t.Errorf("got %s", started.raw)
			}
			fields := w.fieldsOf(c, accounts[p.crm])
			for _, k := range makes {
				if !slices.Contains(fields, k.(string)) {
					t.Errorf("%v was not made: the CRM has %v", k, fields)
				}
			}
			if p.profile == "pipedrive-google" && len(makes) == 0 { // the next one finds them made in the same company
				t.Error("the start has nothing to make: the stand-in's company lacks no field")
			}
			mapping, _ := started.at("settings", "rules", "mapping").([]any)
			preset, _ := a.at("settings", "rules", "mapping").([]any)
			if len(mapping) != len(preset) {
				t.Errorf("mapped %v, want what was shown before: %v", mapping, preset)
			}
			w.drain()
			if got, want := w.must(200, c.admin, "GET", c.path+"/totals", nil).at("every_effective"), max(10, least); got != want {
				t.Errorf("every_effective: got %v, want %v", got, want)
			}
			if got := w.must(200, c.admin, "GET", c.path+"/runs", nil).items(); len(got) != 1 || got[0]["state"] != "done" {
				t.Errorf("the first run: got %v\n%s", got, tail(w.logs.String()))
			}
		})
	}
}

func (w *world) fieldsOf(c company, account string) []string {
	w.t.Helper()
	var out []string
	for _, f := range w.must(200, c.admin, "GET", c.tenant+"/accounts/"+account+"/fields?limit=100", nil).items() {
		out = append(out, f["key"].(string))
	}
	return out
}

// ZO4, SM5: a folder of that name which is somebody else's is refused, by name, and nothing is changed.
func TestFolderThatIsTaken(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	first, _ := w.other("hanako@example.jp", "zoho", "microsoft")
	w.must(200, first.admin, "POST", first.path+"/start", nil)
	w.drain()
	folder := w.must(200, first.admin, "GET", first.path, nil).str("folder")
	t.Run("the same accounts find their folder again after a stop that keeps it", func(t *testing.T) {
		w.must(200, first.admin, "POST", first.path+"/stop", `{"remove":"keep"}`)
		again := w.must(201, first.admin, "POST", first.tenant+"/connections", map[string]any{}).str("id")
		for _, id := range []string{"zoho", "microsoft"} { // no second sign-in (ZO8)
			if a := w.must(201, first.admin, "POST", first.tenant+"/accounts", map[string]any{"system": id, "connection": again}); a.str("account") == "" {
				t.Fatalf("got %s", a.raw)
			}
		}
		a := w.must(200, first.admin, "POST", first.tenant+"/connections/"+again+"/start", nil)
		if a.str("folder") != folder {
			t.Errorf("got the folder %q, want %q", a.str("folder"), folder)
		}
		w.drain()
		w.must(200, first.admin, "POST", first.tenant+"/connections/"+again+"/stop", `{"remove":"keep"}`)
		w.must(204, first.admin, "DELETE", first.tenant+"/connections/"+again, nil)
	})
	t.Run("another company's is refused", func(t *testing.T) {
		// The Office 365 account goes from one company to another, with the folder that the first left in it.
		w.must(204, first.admin, "DELETE", first.path, nil)
		for _, a := range w.must(200, first.admin, "GET", first.tenant+"/accounts", nil).items() {
			w.must(204, first.admin, "DELETE", first.tenant+"/accounts/"+a["id"].(string), nil)
		}
		second := company{admin: first.admin}
		second.id = w.must(201, first.admin, "POST", "/v1/tenants", map[string]any{"name": "Second"}).str("id")
		second.tenant = "/v1/tenants/" + second.id
		second.connection = w.must(201, first.admin, "POST", second.tenant+"/connections", map[string]any{}).str("id")
		second.path = second.tenant + "/connections/" + second.connection
		w.connect(second, "zoho")
		w.connect(second, "microsoft")
		a := w.must(409, second.admin, "POST", second.path+"/start", nil, "Accept-Language", "ja")
		// SM5: the help page's own message.
		const says = "Outlookの連絡先に「Zoho CRM Contacts」とのフォルダーが既に存在しているため、連携が完了できません。フォルダー名を変更するか、削除してください。"
		if a.str("type") != "urn:meibo:problem:folder_exists" || a.str("detail")+a.str("cure") != says {
			t.Errorf("got %s", a.raw)
		}
		if en := w.must(409, second.admin, "POST", second.path+"/start", nil); !strings.Contains(en.str("detail"), `a folder "Zoho CRM Contacts" already`) || en.str("cure") == "" {
			t.Errorf("got %s", en.raw)
		}
		if got := w.must(200, second.admin, "GET", second.path, nil); got.str("state") != "ready" || got.str("folder") != "" {
			t.Errorf("got %s, want it unchanged", got.raw)
		}
	})
}

// PD10: who may see what is added is a choice of the CRM's own.
func TestVisibilityOption(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c, accounts := w.other("hanako@example.jp", "pipedrive", "google")
	options := w.must(200, c.admin, "GET", c.tenant+"/accounts/"+accounts["pipedrive"]+"/options", nil).items()
	if len(options) == 0 || options[0]["key"] != "visibility" {
		t.Fatalf("got %v, want the visibility", options)
	}
	choices, _ := options[0]["choices"].([]any)
	value := choices[len(choices)-1].(map[string]any)["value"].(string)
	w.must(422, c.admin, "PATCH", c.path, `{"settings":{"crm_options":{"visibility":"nobody at all"}}}`)
	a := w.must(200, c.admin, "PATCH", c.path, map[string]any{"settings": map[string]any{"crm_options": map[string]string{"visibility": value}}})
	if a.str("settings", "crm_options", "visibility") != value {
		t.Errorf("got %s", a.raw)
	}
	w.must(422, c.admin, "PATCH", c.path, `{"settings":{"rules":{"owned":false}}}`)
	w.must(200, c.admin, "POST", c.path+"/start", nil)
	w.must(422, c.admin, "PATCH", c.path, `{"settings":{"crm_options":{"visibility":"nobody at all"}}}`)
}

// ZO5: disabling takes the folder from the address book and keeps every contact of the CRM.
func TestStopTakesTheFolder(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c, accounts := w.other("hanako@example.jp", "zoho", "microsoft")
	if _, err := w.boxes.Zoho.Fill(c.admin, []sandbox.Seed{{Record: person("山田", "太郎", "taro@example.jp")}, {Record: person("佐藤", "次郎", "jiro@example.jp")}}); err != nil {
		t.Fatal(err)
	}
	w.must(200, c.admin, "PATCH", c.path, `{"settings":{"rules":{"skip_imported":false}}}`)
	folder := w.must(200, c.admin, "POST", c.path+"/start", nil).str("folder")
	w.drain()
	groups := func() bool {
		t.Helper()
		return slices.ContainsFunc(w.must(200, c.admin, "GET", c.tenant+"/accounts/"+accounts["microsoft"]+"/groups?limit=100", nil).items(),
			func(g map[string]any) bool { return g["id"] == folder })
	}
	if n := w.must(200, c.admin, "GET", c.path+"/totals", nil).at("links"); n != 2.0 || !groups() {
		t.Fatalf("got %v links, folder there: %t, want 2 and the folder\n%s", n, groups(), tail(w.logs.String()))
	}
	a := w.must(200, c.admin, "POST", c.path+"/stop", nil)
	if a.at("removing") != true || a.at("goes") != 2.0 || len(a.at("loose").([]any)) != 0 {
		t.Errorf("got %s", a.raw)
	}
	w.drain()
	if got := w.must(200, c.admin, "GET", c.path, nil); got.str("state") != "stopped" || groups() {
		t.Errorf("got %s, folder there: %t, want stopped without it\n%s", got.raw, groups(), tail(w.logs.String()))
	}
	if cs, _, err := w.boxes.Zoho.Contacts(c.admin, "", 100); err != nil || len(cs) != 2 {
		t.Errorf("the CRM has %d contacts, %v, want both", len(cs), err)
	}
}
