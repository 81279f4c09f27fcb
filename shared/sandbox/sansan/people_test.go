package sansan_test

import (
	"testing"
	"time"

	"meibo/shared/sandbox/sansan"
)

// merge merges two of Aiko's persons through the control route.
func (w *world) merge(winner, loser string, fresh bool) string {
	w.Helper()
	return str(w.control("POST", "merge", map[string]any{"user": aiko, "winner": winner, "loser": loser, "fresh": fresh})["person"])
}

func TestMerge(t *testing.T) {
	w := newWorld(t)
	ids := w.fill(aiko, "一", "二", "三")
	old := w.head(aiko, ids[1])
	w.clock.Advance(time.Hour)
	at := w.clock.Now()
	equal(t, "the survivor", w.merge(ids[0], ids[1], false), ids[0])
	equal(t, "the newer card is the head", w.list().names(), "二,三")
	equal(t, "the absorbed card's person", w.get("/bizCards/" + old).body["personId"], any(ids[0]))
	w.get("/persons/"+ids[1]).refused(404, "")
	later := w.get("/bizCards", "updatedFrom", at.Format(time.RFC3339), "updatedTo", at.Add(time.Hour).Format(time.RFC3339))
	equal(t, "nothing moved into the window", later.names(), "")
	if _, err := w.box.Contact(aiko, ids[1]); err == nil {
		t.Error("the absorbed person is still there")
	}
	must(t, w.box.SetQuirks(sansan.Quirks{FollowMerged: true, MergeTouches: true}))
	equal(t, "followed", w.get("/persons/" + ids[1]).body["item"].(map[string]any)["id"], any(ids[0]))
	fresh := w.merge(ids[0], ids[2], true)
	if fresh == ids[0] || fresh == ids[2] {
		t.Fatalf("got %s, want a new id", fresh)
	}
	equal(t, "followed through two merges", w.get("/persons/" + ids[1]).body["item"].(map[string]any)["id"], any(fresh))
	later = w.get("/bizCards", "updatedFrom", at.Format(time.RFC3339), "updatedTo", at.Add(time.Hour).Format(time.RFC3339), "includePastBizCards", "true")
	equal(t, "by the quirk all moved", len(later.data()), 3)

	split := str(w.control("POST", "split", map[string]any{"user": aiko, "card": old})["person"])
	equal(t, "un-merged", w.get("/bizCards/" + old).body["personId"], any(split))
	equal(t, "two people", len(w.list().data()), 2)
	w.controlAny("POST", "split", map[string]any{"user": aiko, "card": old}).want(400)
	w.controlAny("POST", "merge", map[string]any{"user": aiko, "winner": split, "loser": split}).want(400)
	w.controlAny("POST", "merge", map[string]any{"user": aiko, "winner": split, "loser": "1"}).want(404)
}

func TestHandover(t *testing.T) {
	w := newWorld(t)
	ids := w.fill(aiko, "一", "二")
	card := w.head(aiko, ids[0])
	w.control("POST", "owner", map[string]any{"user": aiko, "id": ids[0], "owner": "new@another.example"})
	equal(t, "no longer hers", w.list().names(), "二")
	equal(t, "still seen", w.get("/bizCards/" + card).body["owner"].(map[string]any)["email"], any("new@another.example"))
	equal(t, "the new owner is a colleague with a key", w.getAs("new@another.example", "/bizCards", day()...).names(), "一")
	w.user(mio, "原 澪")
	w.controlAny("POST", "owner", map[string]any{"user": aiko, "id": ids[1], "owner": mio}).want(404)
	w.controlAny("POST", "owner", map[string]any{"user": aiko, "id": ids[0], "owner": aiko}).want(404)
	w.control("POST", "resign", map[string]any{"user": "new@another.example", "to": aiko})
	equal(t, "who leaves hands over", w.list().names(), "一,二")
	one := w.card(aiko, sansan.NewCard{Person: ids[1], Fields: family("新")})
	w.control("POST", "owner", map[string]any{"user": aiko, "id": one, "owner": ren})
	equal(t, "one card alone", w.list().names(), "一,二")
}

func TestDeletions(t *testing.T) {
	w := newWorld(t)
	p := w.fill(aiko, "旧")[0]
	old := w.head(aiko, p)
	w.card(aiko, sansan.NewCard{Person: p, Fields: family("新")})
	w.control("DELETE", "cards", map[string]any{"user": aiko, "card": w.head(aiko, p)})
	equal(t, "the older is the head again", w.list().names(), "旧")
	theirs := w.card(aiko, sansan.NewCard{Person: p, Owner: ren})
	w.control("DELETE", "contacts/"+p+"?user="+aiko, nil)
	w.get("/bizCards/"+old).refused(404, "")
	equal(t, "a colleague's card stays", w.get("/bizCards/"+theirs).status, 200)
	equal(t, "and with it the person", w.get("/persons/"+p).status, 200)
	must(t, w.box.Remove(ren, p))
	w.get("/persons/"+p).refused(404, "")
	w.controlAny("DELETE", "contacts/"+p+"?user="+aiko, nil).want(404)
}

func TestCreate(t *testing.T) {
	w := newWorld(t)
	ok := map[string]any{"companyName": "北野精機株式会社"}
	with := func(name string, value any) map[string]any {
		return map[string]any{"companyName": "北野精機株式会社", name: value}
	}
	id := str(w.call("POST", "/bizCards", ok).want(200).body["id"])
	row := w.get("/bizCards/" + id).want(200).body
	equal(t, "exchanged today", row["exchangeDate"], any("2026-11-20"))
	equal(t, "registered", row["registeredTime"], any(start))
	equal(t, "no country", row["countryCode"], nil)
	if other := str(w.call("POST", "/bizCards", ok).want(200).body["id"]); other == id || w.get("/bizCards/" + other).body["personId"] == row["personId"] {
		t.Error("a second create is the same card or person")
	}
	equal(t, "one company", w.list().data()[1]["companyId"], row["companyId"])
	auto := with("countryCode", "AUTO")
	auto["prefecture"] = "北海道"
	equal(t, "country by the address", w.get("/bizCards/" + str(w.call("POST", "/bizCards", auto).want(200).body["id"])).body["countryCode"], any("JP"))
	w.get("/bizCards/"+id+"/image").refused(404, "")

	long := make([]rune, 2001)
	for i := range long {
		long[i] = '字'
	}
	for name, body := range map[string]any{
		"nobody's name": map[string]any{"email": "a@b.example"}, "empty names": map[string]any{"companyName": ""}, "no object": "[]", "no JSON": "{",
		"an unknown member": with("personId", "1"), "null": with("title", nil), "a number": with("tel", 3), "a long name": with("lastName", string(long[:251])),
		"a long memo": with("memo", string(long)), "a long postal code": with("postalCode", "12345678901"), "a country": with("countryCode", "jp"),
		"a day": with("exchangeDate", "2026/09/11"), "an unknown tag": with("tagIds", []string{"1"}), "16 tags": with("tagIds", make([]string, 16)),
	} {
		t.Run(name, func(t *testing.T) { w.T = t; w.call("POST", "/bizCards", body).want(400) })
	}
	w.T = t
	w.call("POST", "/bizCards", ok, header("Content-Type", "text/plain")).refused(400, "Content-Type")
}

func TestPictureTagsAndPeople(t *testing.T) {
	w := newWorld(t, func(c *sansan.Config) { c.Quirks.TagTouches = true })
	must(t, w.box.AddUser(sansan.User{Email: ren, Name: "太田, 蓮", Department: "営業部"}))
	id := w.head(aiko, w.fill(aiko, "一")[0])
	pic := w.get("/bizCards/"+id+"/image", "side", "front").want(200)
	equal(t, "type", pic.header.Get("Content-Type"), "image/jpeg")
	w.get("/bizCards/"+id+"/image", "side", "back").refused(404, "")
	w.get("/bizCards/"+id+"/image", "side", "top").refused(400, "side")

	for _, n := range []string{"甲", "乙", "丙"} {
		w.control("POST", "groups", map[string]any{"user": ren, "name": n, "type": map[string]string{"甲": "private", "乙": "public", "丙": "shared"}[n]})
	}
	w.control("POST", "groups", map[string]any{"user": aiko, "id": id, "groups": []string{"自", "他"}})
	names := func(a *answer) (out string) {
		for _, d := range a.data() {
			out += str(d["name"])
		}
		return out
	}
	equal(t, "own", names(w.get("/tags")), "自他")
	equal(t, "all that one sees", names(w.get("/tags", "range", "all")), "乙丙自他")
	equal(t, "types", names(w.get("/tags", "range", "all", "type", "public", "type", "private")), "乙")
	equal(t, "of one owner", names(w.get("/tags", "range", "all", "ownerUserId", str(w.box.Views()[1].ID))), "乙丙")
	equal(t, "by name", names(w.get("/tags", "tagName", "他")), "他")
	first := w.get("/tags", "limit", "1")
	equal(t, "the second page", names(w.get("/tags", "limit", "1", "nextPageToken", first.token())), "他")
	w.get("/tags", "limit", "101").refused(400, "100")
	equal(t, "of the card", names(w.get("/bizCards/"+id+"/tags")), "自他")
	equal(t, "in the listing", len(w.list("includeTags", "true").data()[0]["tags"].([]any)), 2)
	if _, there := w.list().data()[0]["tags"]; there {
		t.Error("tags came without being asked for")
	}

	equal(t, "users", string(w.get("/organization/users").want(200).raw), "userId,name,email,departmentName\n5001,森田 愛子,"+aiko+",\n5002,\"太田, 蓮\","+ren+",営業部\n")
	equal(t, "departments", string(w.get("/organization/departments", "delimiter", "tab").want(200).raw), "departmentId\tdepartmentName\n1\t営業部\n")
	equal(t, "as JSON", names(w.get("/departments")), "営業部")
	equal(t, "one user", w.get("/users/5002").want(200).body["email"], any(ren))
}
