package dynamics_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/dynamics"
)

// whole is a person with everything that a contact holds.
func whole() record.Fields {
	one := func(s string) []record.Value { return []record.Value{{Text: s}} }
	return record.Fields{
		record.NamePrefix: one("Dr."), record.NameGiven: one("春斗"), record.NameMiddle: one("M"), record.NameFamily: one("神崎"), record.NameSuffix: one("Jr."),
		record.NamePhoneticGiven: one("ハルト"), record.NamePhoneticMiddle: one("エム"), record.NamePhoneticFamily: one("カンザキ"), record.Nickname: one("Haru"),
		record.OrgName: one("北野精機株式会社"), record.OrgDepartment: one("購買部"), record.OrgTitle: one("課長"), record.URL: one("https://kitano.example"),
		record.Note: one("a\nb"), record.Birthday: one("1990-05-01"),
		record.Event:    {{Text: "2015-06-01", Label: record.LabelJubilee}},
		record.Relation: {{Text: "Aoi", Label: "spouse"}, {Text: "Botan", Label: "assistant"}},
		record.Email:    {{Text: "a@kitano.example"}, {Text: "b@kitano.example"}, {Text: "c@kitano.example"}},
		record.Phone: {{Text: "1", Label: record.LabelWork}, {Text: "2", Label: record.LabelMobile}, {Text: "3", Label: record.LabelHome}, {Text: "4", Label: record.LabelWork},
			{Text: "5", Label: record.LabelMain}, {Text: "6", Label: record.LabelWorkFax}, {Text: "7", Label: record.LabelOther}},
		record.Address: {{Label: record.LabelWork, Parts: map[record.Part]string{record.PartStreet: "丸の内2-4-1\n丸ビル", record.PartCity: "千代田区", record.PartRegion: "東京都",
			record.PartPostal: "100-0005", record.PartCountry: "日本", record.PartPOBox: "12"}}},
	}
}

func TestANeutralContactComesBack(t *testing.T) {
	w := newWorld(t)
	done, err := w.box.Fill(haruto, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: whole()}, Groups: []string{"展示会"}}})
	must(t, err)
	equal(t, "dropped", len(done.Dropped), 0)
	got, err := w.box.Contact(haruto, done.IDs[0])
	must(t, err)
	for k, want := range whole() {
		if !reflect.DeepEqual(got.Record.Fields[k], want) {
			t.Errorf("%s: got %v, want %v", k, got.Record.Fields[k], want)
		}
	}
	equal(t, "groups", strings.Join(got.Groups, " "), "展示会")
	row := w.get("contacts", got.ID, "fullname,yomifullname,address1_composite,address1_line2,company,telephone1,_parentcustomerid_value").want(200)
	equal(t, "full name", row.str("fullname"), "春斗 M 神崎")
	equal(t, "reading", row.str("yomifullname"), "ハルト エム カンザキ")
	equal(t, "second line", row.str("address1_line2"), "丸ビル")
	equal(t, "company's phone", row.str("company"), "5")
	accounts := w.do("GET", filtered("accounts", "accountid,name", "name eq '北野精機株式会社'"), nil).want(200).values()
	equal(t, "accounts", len(accounts), 1)
	equal(t, "account", row.str("_parentcustomerid_value"), str(accounts[0], "accountid"))
	var native fields
	must(t, json.Unmarshal(got.Native, &native))
	equal(t, "native", str(native, "_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"), "北野精機株式会社")
}

func TestWhatALeadDoesNotHoldIsSaid(t *testing.T) {
	w := newWorld(t)
	must(t, w.box.AddUserJSON([]byte(`{"email":"`+yui+`","name":"Yui Oda","object":"leads"}`)))
	done, err := w.box.Fill(yui, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: whole()}}})
	must(t, err)
	want := []record.Key{record.Birthday, record.Event, record.Nickname, record.NameSuffix, record.OrgDepartment, record.Relation}
	for _, k := range want {
		if !slices.Contains(done.Dropped[done.IDs[0]], k) {
			t.Errorf("%s is not among what was dropped: %v", k, done.Dropped[done.IDs[0]])
		}
	}
	equal(t, "company", w.get("leads", done.IDs[0], "companyname").want(200).str("companyname"), "北野精機株式会社")
	t.Run("a qualified lead makes a contact", func(t *testing.T) {
		id, err := w.box.Qualify(yui, done.IDs[0])
		must(t, err)
		equal(t, "lead", w.get("contacts", id, "_originatingleadid_value").want(200).str("_originatingleadid_value"), done.IDs[0])
		equal(t, "status", w.get("leads", done.IDs[0], "statuscode").body["statuscode"], any(3.0))
		page, _, err := w.box.Contacts(yui, "", 10)
		must(t, err)
		equal(t, "open leads", len(page), 0)
	})
}

func TestTheBook(t *testing.T) {
	w := newWorld(t)
	ids := w.put(seeds(5)...)
	t.Run("lists in pages", func(t *testing.T) {
		var all []string
		for after := ""; ; {
			page, next, err := w.box.Contacts(haruto, after, 2)
			must(t, err)
			for _, c := range page {
				all = append(all, c.ID)
			}
			if after = next; next == "" {
				break
			}
		}
		equal(t, "ids", strings.Join(all, " "), strings.Join(ids, " "))
	})
	t.Run("an edit is refused as a whole where something has no place", func(t *testing.T) {
		four := []record.Value{{Text: "a@x"}, {Text: "b@x"}, {Text: "c@x"}, {Text: "d@x"}}
		if w.box.Edit(haruto, ids[0], record.Fields{record.Email: four}) == nil {
			t.Error("four addresses were taken")
		}
		if w.box.Edit(haruto, ids[0], record.Fields{record.NameGiven: {{Text: strings.Repeat("x", 51)}}}) == nil {
			t.Error("a long name was taken")
		}
		before := w.etag("contacts", ids[0])
		must(t, w.box.Edit(haruto, ids[0], record.Fields{record.Email: four[:2], record.NameGiven: {}}))
		got := w.get("contacts", ids[0], "firstname,emailaddress2").want(200)
		equal(t, "second address", got.str("emailaddress2"), "b@x")
		equal(t, "name", got.body["firstname"], nil)
		if got.str("@odata.etag") == before {
			t.Error("the version did not change")
		}
	})
	t.Run("a merge keeps the loser as an inactive row", func(t *testing.T) {
		must(t, w.box.Merge(haruto, ids[1], ids[2]))
		equal(t, "winner", w.get("contacts", ids[2], "_masterid_value,merged").str("_masterid_value"), ids[1])
		page, _, err := w.box.Contacts(haruto, "", 10)
		must(t, err)
		equal(t, "active", len(page), 4)
		if w.box.Merge(haruto, ids[1], ids[2]) == nil {
			t.Error("it was merged again")
		}
	})
	t.Run("strangers and missing rows", func(t *testing.T) {
		if err := w.box.Remove(haruto, ghost); err == nil || !strings.Contains(err.Error(), sandbox.ErrNoContact.Error()) {
			t.Errorf("got %v", err)
		}
		if _, err := w.box.Put("nobody@x.example", seeds(1)); err == nil {
			t.Error("a stranger was filled")
		}
	})
}

func TestControlRoutes(t *testing.T) {
	w := newWorld(t)
	control := func(method, path, body string, want int) fields {
		t.Helper()
		r, err := http.NewRequest(method, w.srv.URL+path, strings.NewReader(body))
		must(t, err)
		res, err := http.DefaultClient.Do(r)
		must(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(t, err)
		if res.StatusCode != want {
			t.Fatalf("%s %s: got %d %s, want %d", method, path, res.StatusCode, b, want)
		}
		var m fields
		must(t, json.Unmarshal(b, &m))
		return m
	}
	control("POST", "/sandbox/users", `{"email":"`+yui+`","name":"Yui Oda"}`, 200)
	control("POST", "/sandbox/users", `{"email":"`+yui+`","name":"Yui Oda","nosuch":1}`, 400)
	made := control("POST", "/sandbox/contacts?user="+yui, `{"contacts":[{"record":{"kind":"contact","fields":{"name.family":[{"text":"Oda"}]}},"groups":["Fair"]},{"record":{"kind":"contact","fields":{}}}]}`, 200)["ids"].([]any)
	user := func(rest string, args ...any) string {
		return `{"user":"` + yui + `",` + fmt.Sprintf(rest, args...) + `}`
	}
	a, b := made[0].(string), made[1].(string)
	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"/sandbox/owner", user(`"id":%q,"owner":%q`, a, haruto), 200},
		{"/sandbox/owner", user(`"id":%q,"owner":"nobody"`, a), 404},
		{"/sandbox/deactivate", user(`"id":%q`, a), 200},
		{"/sandbox/activate", user(`"id":%q`, a), 200},
		{"/sandbox/merge", user(`"winner":%q,"loser":%q`, a, b), 200},
		{"/sandbox/qualify", user(`"id":%q`, a), 404},
		{"/sandbox/privileges", user(`"verb":"read","table":"contact","depth":"user"`), 200},
		{"/sandbox/privileges", user(`"depth":"some"`), 400},
		{"/sandbox/groups", user(`"name":"News"`), 200},
		{"/sandbox/views", user(`"table":"contact","name":"V","query":"<fetch><entity name='contact'/></fetch>"`), 200},
		{"/sandbox/views", user(`"table":"contact","name":"V","query":"<fetch/>"`), 400},
		{"/sandbox/columns", user(`"column":{"table":"lead","name":"new_y","type":"int"}`), 200},
		{"/sandbox/columns", user(`"column":{"table":"lead","name":"y","type":"int"}`), 400},
		{"/sandbox/secure", user(`"table":"contact","name":"governmentid","enabled":true`), 200},
		{"/sandbox/tracking", user(`"table":"contact","enabled":false`), 200},
		{"/sandbox/tracking", user(`"table":"nosuch","enabled":false`), 400},
		{"/sandbox/absent", user(`"table":"list","enabled":true`), 200},
		{"/sandbox/cursors/expire", `{"user":"` + yui + `"}`, 200},
		{"/sandbox/access/expire", `{"user":"` + yui + `"}`, 200},
		{"/sandbox/revoke", `{"user":"` + yui + `"}`, 200},
		{"/sandbox/token-error", user(`"code":50076`), 200},
		{"/sandbox/tenant", user(`"admin_consent_required":true`), 200},
		{"/sandbox/lag", `{"lag":"2m"}`, 200},
		{"/sandbox/lag", `{"lag":"soon"}`, 400},
		{"/sandbox/limits", `{"requests":-1}`, 200},
		{"/sandbox/quirks", `{"all_columns":true}`, 200},
		{"/sandbox/part-faults", `{"status":500}`, 200},
	} {
		control("POST", c.path, c.body, c.want)
	}
	control("DELETE", "/sandbox/part-faults", "", 200)
	w.signIn(yui)
	w.do("GET", "/lists?$select=listname", nil).want(404)
	w.get("contacts", a, "lastname").want(403)
}

func TestEverythingSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	keep, err := sandbox.OpenFile(path)
	must(t, err)
	w := newWorld(t, func(c *dynamics.Config) { c.Keep = keep })
	ids := w.put(seed("A", "Fair"), seed("B"), seed("C"))
	must(t, w.box.AddColumn(haruto, dynamics.Column{Table: "contact", Name: "new_x", Type: "text", Key: true}))
	must(t, w.box.SecureColumn(haruto, "contact", "pager", true))
	must(t, w.box.SetTracking(haruto, "lead", false))
	must(t, w.box.SetPrivilege(haruto, "delete", "lead", dynamics.DepthNone))
	must(t, w.box.SetQuirks(dynamics.Quirks{WriteInactive: true}))
	_, delta := w.round("/contacts?$select=firstname")
	page := w.do("GET", "/contacts?$select=firstname", nil, prefer("odata.maxpagesize=1")).want(200).str("@odata.nextLink")
	w.do("PATCH", "/contacts("+ids[0]+")", fields{"new_x": "k", "lastname": "織田"}).want(204)
	must(t, w.box.Remove(haruto, ids[1]))
	w.batch(true, changes(op("POST", below+"contacts", `{"firstname":"never"}`), op("DELETE", below+"contacts("+ghost+")", "")))
	before, err := w.box.Contact(haruto, ids[0])
	must(t, err)
	must(t, keep.Close())

	keep, err = sandbox.OpenFile(path)
	must(t, err)
	defer keep.Close()
	token, old := w.token, w.srv.URL
	again := newWorld(t, func(c *dynamics.Config) { c.Keep = keep })
	again.token = token
	here := func(link string) string { return strings.Replace(link, old, again.srv.URL, 1) }
	items, _ := again.round(here(delta))
	equal(t, "changes", names(items), "A ["+ids[1]+"]")
	items, _ = again.pages(here(page))
	equal(t, "rest of the pages", names(items), "C")
	equal(t, "by key", again.do("GET", "/contacts(new_x='k')?$select=lastname", nil).want(200).str("lastname"), "織田")
	after, err := again.box.Contact(haruto, ids[0])
	must(t, err)
	if !bytes.Equal(before.Native, after.Native) || !reflect.DeepEqual(before.Groups, after.Groups) {
		t.Errorf("got %s in %v, want %s in %v", after.Native, after.Groups, before.Native, before.Groups)
	}
	again.do("GET", "/leads?$select=lastname", nil, track).refused(400, "0x80040800")
	again.do("PATCH", "/contacts("+ids[0]+")", fields{"pager": "1"}).refused(403, "0x80040220")
	lead := again.create("leads", fields{})
	again.do("DELETE", "/leads("+lead+")", nil).refused(403, "0x80040220")
	equal(t, "rows", len(again.do("GET", "/contacts?$select=firstname", nil).values()), 2)
}
