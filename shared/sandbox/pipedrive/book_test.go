package pipedrive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/pipedrive"
)

// rich holds something in every field that a person has.
func rich() record.Record {
	r := named("Anna Maria", "Berg")
	r.Fields[record.Email] = []record.Value{{Text: "a@b.example", Label: "work", Primary: true}, {Text: "c@d.example", Label: "home"}}
	r.Fields[record.Phone] = []record.Value{{Text: "+372 1", Label: "mobile", Primary: true}}
	r.Fields.Set(record.OrgName, "Nordkai AS")
	r.Fields[record.IM] = []record.Value{{Text: "anna", Label: "skype", Primary: true, Parts: map[record.Part]string{record.PartService: "skype"}}}
	r.Fields[record.Address] = []record.Value{{Parts: map[record.Part]string{record.PartStreet: "Pikk 12", record.PartCity: "Tallinn", record.PartCountry: "Estonia"}}}
	r.Fields.Set(record.Note, "one\ntwo")
	r.Fields.Set(record.Birthday, "1984-06-02")
	r.Fields.Set(record.OrgTitle, "Lead")
	return r
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return string(b)
}

func TestNeutralSide(t *testing.T) {
	w := newWorld(t)
	must(t, w.box.SetContactSync(mira, true))
	ids, err := w.box.Put(mira, []sandbox.Seed{{Record: rich(), Groups: []string{"vip"}}})
	must(t, err)
	got, err := w.box.Contact(mira, ids[0])
	must(t, err)
	equal(t, "record", asJSON(t, got.Record), asJSON(t, rich()))
	equal(t, "groups", strings.Join(got.Groups, ","), "vip")

	t.Run("fields of contact sync are dropped and unknown without it", func(t *testing.T) {
		other := "x@other.example"
		w.addUser(pipedrive.User{Email: other})
		done, err := w.box.Fill(other, []sandbox.Seed{{Record: rich()}})
		must(t, err)
		equal(t, "dropped", fmt.Sprint(done.Dropped[done.IDs[0]]), "[address birthday im note org.title]")
		got, err := w.box.Contact(other, done.IDs[0])
		must(t, err)
		if _, known := got.Record.Fields[record.Note]; known {
			t.Error("the note is known")
		}
	})
	t.Run("no name reads as none", func(t *testing.T) {
		f := record.Fields{}
		f.Set(record.NameGiven, "")
		f.Set(record.NameFamily, "")
		must(t, w.box.Edit(mira, ids[0], f))
		got, err := w.box.Contact(mira, ids[0])
		must(t, err)
		equal(t, "given", got.Record.Fields.First(record.NameGiven), "")
		equal(t, "native", str(w.call("GET", "/persons/"+ids[0], nil).want(200).one()["name"]), "-")
		f.Set(record.NameFamily, "Berg")
		must(t, w.box.Edit(mira, ids[0], f))
		equal(t, "native", str(w.call("GET", "/persons/"+ids[0], nil).want(200).one()["name"]), "Berg")
	})
	t.Run("custom fields by type", func(t *testing.T) {
		for kind, texts := range map[string][]string{"varchar": {"x"}, "text": {"a\nb"}, "double": {"12.5"}, "date": {"2026-01-02"}, "enum": {"a"}, "set": {"a", "b"}, "phone": {"+1"}} {
			code, err := w.box.AddField(mira, kind, kind, "a", "b")
			must(t, err)
			f := record.Fields{record.Custom(code): {}}
			for _, text := range texts {
				f[record.Custom(code)] = append(f[record.Custom(code)], record.Value{Text: text})
			}
			must(t, w.box.Edit(mira, ids[0], f))
			got, err := w.box.Contact(mira, ids[0])
			must(t, err)
			equal(t, kind, asJSON(t, got.Record.Fields[record.Custom(code)]), asJSON(t, f[record.Custom(code)]))
			must(t, w.box.RemoveField(mira, code))
		}
	})
	t.Run("what does not fit is refused in an edit", func(t *testing.T) {
		f := record.Fields{}
		f.Set(record.Birthday, "--06-02")
		if w.box.Edit(mira, ids[0], f) == nil {
			t.Error("a birthday without its year was taken")
		}
		f = record.Fields{}
		f.Set(record.Nickname, "A")
		if w.box.Edit(mira, ids[0], f) == nil {
			t.Error("a nickname was taken")
		}
	})
	t.Run("owners", func(t *testing.T) {
		w.addUser(pipedrive.User{Email: tarmo})
		id := w.fill(mira, 1, "owner:"+tarmo)[0]
		his := num(w.call("GET", "/api/v1/users/me", nil, as(w, tarmo)).want(200).id())
		equal(t, "list", w.call("GET", "/persons?owner_id="+his, nil).want(200).ids(), id)
		must(t, w.box.SetOwner(mira, id, mira))
		equal(t, "list", w.call("GET", "/persons?owner_id="+his, nil).want(200).ids(), "")
		if _, err := w.box.Fill(mira, []sandbox.Seed{{Record: named("A", "B"), Groups: []string{"owner:nobody@x.example"}}}); err == nil {
			t.Error("a seed of an unknown owner was taken")
		}
	})
	t.Run("fields of the page", func(t *testing.T) {
		fs, err := w.box.Fields(mira)
		must(t, err)
		if len(fs) < 10 {
			t.Errorf("got %d fields", len(fs))
		}
	})
	must(t, w.box.Remove(mira, ids[0]))
	if _, err := w.box.Contact(mira, ids[0]); err == nil {
		t.Error("a removed person is there")
	}
}

func TestStateSurvivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "box")
	keep, err := sandbox.OpenFile(file)
	must(t, err)
	w := newWorld(t, func(c *pipedrive.Config) { c.Keep = keep })
	w.addUser(pipedrive.User{Email: tarmo, Denied: []string{"add_people"}, Plan: "premium", ContactSync: true})
	code, err := w.box.AddField(mira, "Kind", "enum", "a")
	must(t, err)
	ids := w.fill(mira, 5, "vip")
	f := record.Fields{}
	f.Set(record.Custom(code), "a")
	must(t, w.box.Edit(mira, ids[1], f))
	must(t, w.box.Remove(mira, ids[4]))
	must(t, w.box.SetPicture(mira, ids[0], pngOf(t, 20, 20)))
	must(t, w.box.SetQuirks(pipedrive.Quirks{NoBurstHeaders: true}))
	l := listen(t)
	w.hook(l)
	page := w.call("GET", "/persons?limit=2", nil).want(200)
	access, long, err := w.box.Issue(tarmo)
	must(t, err)
	dead, _, err := w.box.Issue(mira)
	must(t, err)
	w.form("/oauth/revoke", map[string][]string{"token": {dead}}).want(200)
	_, left, err := w.box.Budget(mira)
	must(t, err)
	must(t, keep.Close()) // as after a kill: nothing is written on the way out

	keep, err = sandbox.OpenFile(file)
	must(t, err)
	t.Cleanup(func() { must(t, keep.Close()) })
	again := newWorld(t, func(c *pipedrive.Config) { c.Keep = keep })
	again.tokens = w.tokens
	// A cursor belongs to a path, not to an address.
	rest := again.call("GET", "/persons?limit=2&cursor="+page.next(), nil).want(200)
	equal(t, "rest of the list", rest.ids(), strings.Join(ids[2:4], ","))
	got := again.call("GET", "/persons/"+ids[1], nil).want(200)
	if got.header.Get("x-ratelimit-limit") != "" {
		t.Error("the quirk is forgotten")
	}
	if got.one()["custom_fields"].(map[string]any)[code] == nil {
		t.Error("the custom value is forgotten")
	}
	equal(t, "is_deleted", again.call("GET", "/persons/"+ids[4], nil).want(200).one()["is_deleted"], any(true))
	equal(t, "filter", again.call("GET", "/persons?filter_id="+again.filterOf("vip"), nil).want(200).ids(), strings.Join(ids[:4], ","))
	again.call("GET", "/persons/"+ids[0]+"/picture", nil).want(200)
	equal(t, "webhooks", len(again.call("GET", "/api/v1/webhooks", nil).want(200).data()), 1)
	bearer := header("Authorization", "Bearer "+access)
	again.call("POST", "/persons", fields{"name": "A"}, bearer).refused(403, "permission")
	again.call("GET", "/api/v1/users/me", nil, header("Authorization", "Bearer "+dead)).want(401)
	again.form("/oauth/token", refresh(long)).want(200)
	_, now, err := again.box.Budget(mira)
	must(t, err)
	if now >= left {
		t.Errorf("budget: got %d left, want less than %d", now, left)
	}
	equal(t, "next id", num(again.person(fields{"name": "B"})), "6")
	again.addUser(pipedrive.User{Email: "third@ecospin.example"})
	third := again.call("GET", "/api/v1/users/me", nil, as(again, "third@ecospin.example")).want(200).id()
	if third == again.me() || third == again.call("GET", "/api/v1/users/me", nil, bearer).want(200).id() {
		t.Error("a new user has another's id")
	}
}

func TestAHundredThousandPersons(t *testing.T) {
	w := newWorld(t, func(c *pipedrive.Config) { c.Limits = pipedrive.Unlimited() })
	const n = 100_000
	w.fill(mira, n)
	w.clock.Advance(time.Minute)
	ids := w.fill(mira, 3)
	listed, pages := 0, 0
	for next := ""; ; pages++ {
		path := "/persons?limit=500"
		if next != "" {
			path += "&cursor=" + next
		}
		a := w.unchecked("GET", path, nil).want(200)
		listed += len(a.data())
		if next = a.next(); next == "" {
			break
		}
	}
	equal(t, "listed", listed, n+3)
	equal(t, "delta", w.call("GET", "/persons?updated_since=2026-11-20T10:00:30Z", nil).want(200).ids(), strings.Join(ids, ","))
}

func TestControlRoutes(t *testing.T) {
	w := newWorld(t)
	ids := w.fill(mira, 3)
	other := w.fill(mira, 1)[0]
	post := func(path string, in any) *answer {
		t.Helper()
		r, err := http.NewRequest("POST", w.srv.URL+"/sandbox/"+path, bytes.NewReader([]byte(asJSON(t, in))))
		must(t, err)
		return w.send(r)
	}
	post("users", fields{"email": tarmo, "name": "Tarmo", "company": "Ecospin", "plan": "premium", "admin": true}).want(200)
	user := func(f fields) fields { f["user"] = mira; return f }
	for path, in := range map[string]fields{
		"owner": {"id": ids[0], "owner": tarmo}, "visible": {"id": ids[0], "visible_to": 3}, "groups": {"id": ids[0], "groups": []string{"vip"}}, "touch": {"id": ids[0]},
		"merge": {"winner": ids[1], "loser": ids[2]}, "bulkedit": {"ids": []string{other}, "fields": fields{"name.family": []fields{{"text": "Z"}}}},
		"permissions": {"permission": "add_people", "enabled": false}, "contactsync": {"enabled": true}, "company": {"plan": "growth", "domain": "new", "closed": false},
		"budget": {"spend": 5}, "cursors/expire": {}, "access/expire": {}, "scopes": {"scopes": []string{"base"}}, "install": {}, "lag": {"lag": "1s"},
		"webhooks/ban": {"for": "5m"}, "webhooks/drop": {"gone": true}, "fields": {"name": "F", "type": "text"},
	} {
		t.Run(path, func(t *testing.T) { post(path, user(in)).want(200) })
	}
	post("quirks", fields{"hide_deleted": true}).want(200)
	post("limits", fields{"burst": -1}).want(200)
	post("push", fields{"lose": 1}).want(200)
	post("revoke", user(fields{})).want(200)
	post("uninstall", fields{"user": "nobody@x.example"}).want(404)
	post("owner", user(fields{"id": ids[0], "owner": "nobody@x.example"})).want(404)
	post("company", user(fields{"plan": "gold"})).want(400)
	got, err := w.box.Contact(mira, ids[0])
	must(t, err)
	equal(t, "groups", strings.Join(got.Groups, ","), "vip")
	res, err := http.Get(w.srv.URL + "/sandbox/webhooks?user=" + mira)
	must(t, err)
	must(t, res.Body.Close())
	equal(t, "webhooks", res.StatusCode, 200)
}
