package sansan_test

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/sansan"
)

// full is a record of which a card holds everything.
func full() record.Fields {
	f := record.Fields{
		record.Email: {{Text: "h@kitano.example", Label: record.LabelWork}},
		record.Phone: {{Text: "03-5555-0142", Label: record.LabelWork}, {Text: "03-5555-0143", Label: record.LabelWork},
			{Text: "090-5555-0187", Label: record.LabelMobile}, {Text: "03-5555-0199", Label: record.LabelWorkFax}},
		record.Address: {{Label: record.LabelWork, Parts: map[record.Part]string{record.PartPostal: "100-0005", record.PartRegion: "東京都", record.PartCity: "千代田区",
			record.PartStreet: "丸の内2-4-1", record.PartExtended: "丸の内テストビル 12F", record.PartCountryCode: "JP"}}},
	}
	for k, v := range map[record.Key]string{record.NameFamily: "神崎", record.NameGiven: "陽翔", record.NamePhoneticFamily: "カンザキ", record.NamePhoneticGiven: "ハルト",
		record.OrgName: "北野精機株式会社", record.OrgDepartment: "購買部", record.OrgTitle: "課長", record.URL: "https://kitano.example", record.Note: "一行\n二行"} {
		f.Set(k, v)
	}
	return f
}

func contact(f record.Fields) []sandbox.Seed {
	return []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: f}}}
}

func TestACardHoldsWhatWasEntered(t *testing.T) {
	w := newWorld(t)
	done, err := w.box.Fill(aiko, contact(full()))
	must(t, err)
	if len(done.Dropped) > 0 {
		t.Errorf("dropped %v", done.Dropped)
	}
	got, err := w.box.Contact(aiko, done.IDs[0])
	must(t, err)
	if !reflect.DeepEqual(got.Record.Fields, full()) {
		t.Errorf("got %v\nwant %v", got.Record.Fields, full())
	}
	row := w.list().data()[0]
	for k, v := range map[string]string{"lastName": "神崎", "firstNameReading": "ハルト", "tel": "03-5555-0142", "secondTel": "03-5555-0143", "mobile": "090-5555-0187",
		"fax": "03-5555-0199", "prefecture": "東京都", "building": "丸の内テストビル 12F", "countryCode": "JP", "url": "https://kitano.example", "memo": "一行\n二行"} {
		equal(t, k, row[k], any(v))
	}
}

func TestWhatACardCannotHoldIsNamed(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("字", 251)
	for name, c := range map[string]struct {
		fields record.Fields
		key    record.Key
	}{
		"a second address":     {record.Fields{record.Email: {{Text: "a@b.example"}, {Text: "c@d.example"}}}, record.Email},
		"a fourth number":      {record.Fields{record.Phone: {{Text: "1"}, {Text: "2"}, {Text: "3"}}}, record.Phone},
		"a long name":          {record.Fields{record.NameFamily: {{Text: long}}}, record.NameFamily},
		"a long postal code":   {record.Fields{record.Address: {{Parts: map[record.Part]string{record.PartPostal: "12345678901", record.PartCity: "x"}}}}, record.Address},
		"a country's name":     {record.Fields{record.Address: {{Parts: map[record.Part]string{record.PartCountry: "日本", record.PartCity: "x"}}}}, record.Address},
		"an address in a line": {record.Fields{record.Address: {{Text: "東京都千代田区"}}}, record.Address},
		"a birthday":           {record.Fields{record.Birthday: {{Text: "2000-01-01"}}}, record.Birthday},
		"a nickname":           {record.Fields{record.Nickname: {{Text: "ハル"}}}, record.Nickname},
	} {
		t.Run(name, func(t *testing.T) {
			done, err := w.box.Fill(aiko, contact(c.fields))
			must(t, err)
			if got := done.Dropped[done.IDs[0]]; !slices.Equal(got, []record.Key{c.key}) {
				t.Errorf("got %v, want %s", got, c.key)
			}
			if err := w.box.Edit(aiko, done.IDs[0], c.fields); err == nil || !strings.Contains(err.Error(), string(c.key)) {
				t.Errorf("the edit got %v", err)
			}
		})
	}
	t.Run("a code says what the country's name says", func(t *testing.T) {
		done, err := w.box.Fill(aiko, contact(record.Fields{record.Address: {{Parts: map[record.Part]string{record.PartCountry: "日本", record.PartCountryCode: "JP"}}}}))
		must(t, err)
		equal(t, "dropped", len(done.Dropped), 0)
	})
}

func TestControlRoutesAndPages(t *testing.T) {
	w := newWorld(t)
	made := w.control("POST", "users", map[string]any{"email": ren, "name": "太田 蓮"})
	if len(str(made["key"])) != 32 || made["key"] != w.box.Key(ren) || made["email"] != ren || made["organization"] != "kitano.example" {
		t.Fatalf("got %v", made)
	}
	again := w.control("POST", "users", map[string]any{"email": ren, "name": "太田 蓮一", "key": strings.Repeat("k", 32)})
	equal(t, "renamed", again["name"], any("太田 蓮一"))
	equal(t, "the given key", w.box.Key(ren), strings.Repeat("k", 32))
	users, _ := w.control("GET", "users", nil)["users"].([]any)
	equal(t, "users", len(users), 2)
	equal(t, "keys", users[0].(map[string]any)["key"], any(w.box.Key(aiko)))
	for name, body := range map[string]any{
		"no address": map[string]any{"email": "x", "name": "X"}, "no name": map[string]any{"email": "x@y.example"}, "a short key": map[string]any{"email": ren, "key": "k"},
		"a taken key": map[string]any{"email": aiko, "key": strings.Repeat("k", 32)}, "another organization": map[string]any{"email": ren, "organization": "x"},
		"an unknown member": map[string]any{"email": ren, "admin": true},
	} {
		t.Run(name, func(t *testing.T) { w.T = t; w.controlAny("POST", "users", body).want(400) })
	}
	w.T = t
	r, err := http.NewRequest("POST", w.srv.URL+"/sandbox/users", strings.NewReader(`{"email":"`+aiko+`"}`))
	must(t, err)
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := w.send(r); a.status != 403 || strings.Contains(string(a.raw), w.box.Key(aiko)) {
		t.Errorf("another site got %d %s", a.status, a.raw)
	}

	must(t, w.box.AddUser(sansan.User{Email: mio, Name: "<b>澪</b>"}))
	res, err := http.Get(w.srv.URL + "/")
	must(t, err)
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	must(t, err)
	equal(t, "where / leads", res.Request.URL.Path, "/v/admin/integration/apikey/index/")
	if !strings.Contains(string(page), "<code>"+w.box.Key(aiko)+"</code>") || strings.Contains(string(page), "<b>澪") {
		t.Errorf("got %s", page)
	}

	ids, _ := w.control("POST", "contacts?user="+aiko, map[string]any{"contacts": []any{
		map[string]any{"record": named("一", "太郎"), "groups": []string{"展示会"}}, map[string]any{"record": named("二", "太郎"), "groups": []string{"owner:" + ren}},
	}})["ids"].([]any)
	equal(t, "hers", w.list().names(), "一")
	equal(t, "his", w.getAs(ren, "/bizCards", day()...).names(), "二")
	one := w.control("GET", "contacts/"+str(ids[0])+"?user="+aiko, nil)
	equal(t, "groups", fmt.Sprint(one["groups"]), "[展示会]")
	equal(t, "native", one["native"].(map[string]any)["personId"], ids[0])
	w.control("PATCH", "contacts/"+str(ids[0])+"?user="+aiko, map[string]any{"fields": map[string]any{"org.title": []any{map[string]any{"text": "部長"}}}})
	equal(t, "edited", w.list().data()[0]["title"], any("部長"))
	if after := w.control("GET", "contacts/"+str(ids[0])+"?user="+aiko, nil); after["version"] == one["version"] {
		t.Error("the version did not move")
	}
	made = w.control("POST", "cards", map[string]any{"user": aiko, "person": ids[0], "exchange_date": "2027-01-01", "groups": []string{"新"},
		"fields": map[string]any{"org.title": []any{map[string]any{"text": "社長"}}}})
	equal(t, "the same person", made["person"], ids[0])
	cards, _ := w.control("GET", "cards?user="+aiko+"&person="+str(ids[0]), nil)["cards"].([]any)
	equal(t, "cards", len(cards), 2)
	equal(t, "the newest first", cards[0].(map[string]any)["title"], any("社長"))
	equal(t, "the rest is copied", cards[0].(map[string]any)["lastName"], any("一"))
	w.control("POST", "touch", map[string]any{"user": aiko, "id": made["id"]})
	w.control("POST", "quirks", sansan.Quirks{NullText: true})
	equal(t, "quirks", w.list().data()[0]["fax"], any("null"))
	for path, body := range map[string]map[string]any{
		"cards": {"user": aiko, "status": "done"}, "status": {"user": aiko, "card": made["id"], "status": "done"}, "lag": {"lag": "soon"}, "groups": {"user": aiko, "name": ""},
		"resign": {"user": aiko, "to": aiko},
	} {
		w.controlAny("POST", path, body).want(400)
	}
	for path, body := range map[string]map[string]any{
		"cards": {"user": aiko, "person": "1"}, "key": {"user": "x@y.example", "revoke": true}, "private": {"user": "x@y.example"}, "touch": {"user": aiko, "id": "1"},
		"status": {"user": aiko, "card": "1", "status": "completed"},
	} {
		w.controlAny("POST", path, body).want(404)
	}
	calls := w.control("GET", "calls", nil)["ops"].(map[string]any)
	if calls["GET /v6.0/bizCards"] == nil {
		t.Errorf("got %v", calls)
	}
}

func TestEverythingSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sansan.db")
	file, err := sandbox.OpenFile(path)
	must(t, err)
	w := newWorld(t, func(c *sansan.Config) { c.Keep = file })
	w.user(ren, "太田 蓮")
	ids := w.fill(aiko, "一", "二", "三", "四")
	w.merge(ids[0], ids[1], false)
	w.control("POST", "groups", map[string]any{"user": aiko, "id": ids[2], "groups": []string{"VIP"}})
	must(t, w.box.Remove(aiko, ids[3]))
	must(t, w.box.SetOwner(aiko, ids[2], ren))
	must(t, w.box.SetQuirks(sansan.Quirks{FollowMerged: true}))
	must(t, w.box.RevokeKey(ren))
	key, list := w.box.Key(aiko), string(w.list("range", "all", "includeTags", "true").raw)
	token := w.list("range", "all", "limit", "1").token()
	must(t, file.Close())

	file, err = sandbox.OpenFile(path)
	must(t, err)
	defer file.Close()
	again := newWorld(t, func(c *sansan.Config) { c.Keep, c.Clock = file, w.clock })
	equal(t, "the key", again.box.Key(aiko), key)
	equal(t, "the revoked key", again.box.Key(ren), "")
	equal(t, "the cards", string(again.list("range", "all", "includeTags", "true").raw), list)
	equal(t, "the page token", again.list("range", "all", "limit", "1", "nextPageToken", token).names(), "三")
	equal(t, "the merge", again.get("/persons/" + ids[1]).body["item"].(map[string]any)["id"], any(ids[0]))
	if fresh := again.fill(aiko, "五")[0]; slices.Contains(ids, fresh) {
		t.Errorf("the id %s was given twice", fresh)
	}
}

func TestSeedMakesTheSameKeys(t *testing.T) {
	a, b := newWorld(t), newWorld(t)
	equal(t, "key", a.box.Key(aiko), b.box.Key(aiko))
	if c := newWorld(t, func(c *sansan.Config) { c.Seed = 8 }); c.box.Key(aiko) == a.box.Key(aiko) {
		t.Error("another seed gave the same key")
	}
	if _, err := sansan.New(sansan.Config{Version: "6"}); err == nil {
		t.Error("a version that is none was taken")
	}
}

func TestAHundredThousandCards(t *testing.T) {
	w := newWorld(t)
	seeds := make([]sandbox.Seed, 1000)
	for i := range seeds {
		seeds[i] = sandbox.Seed{Record: named("神崎", "陽翔")}
	}
	for range 100 {
		_, err := w.box.Fill(aiko, seeds)
		must(t, err)
		w.clock.Advance(time.Second)
	}
	for name, order := range map[string]string{"by update": "updatedAt", "by registration": "registeredAt"} {
		t.Run(name, func(t *testing.T) {
			w.T = t
			first := w.list("limit", "300", "orderBy", order)
			next := w.list("limit", "300", "orderBy", order, "nextPageToken", first.token())
			equal(t, "a page", len(next.data()), 300)
			equal(t, "goes on", next.data()[0]["id"], any("900100200600"))
			n, token := 0, ""
			for {
				more := []string{"updatedFrom", "2026-11-20T10:00:50+09:00", "updatedTo", "2026-11-20T10:00:51+09:00", "limit", "300", "orderBy", order}
				if token != "" {
					more = append(more, "nextPageToken", token)
				}
				a := w.get("/bizCards", more...)
				n += len(a.data())
				if token = a.token(); token == "" {
					break
				}
			}
			equal(t, "two seconds of them", n, 2000)
		})
	}
}
