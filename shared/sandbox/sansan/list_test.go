package sansan_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/sansan"
)

func TestListRefuses(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		query []string
		text  string
	}{
		"no updatedFrom":          {[]string{"updatedTo", start}, "updatedFrom is required"},
		"no updatedTo":            {[]string{"updatedFrom", start}, "updatedTo is required"},
		"no offset":               {[]string{"updatedFrom", "2026-11-20T00:00:00", "updatedTo", start}, "with an offset"},
		"a day alone":             {[]string{"updatedFrom", "2026-11-20", "updatedTo", start}, "with an offset"},
		"fractions":               {[]string{"updatedFrom", "2026-11-19T00:00:00.5+09:00", "updatedTo", start}, "with an offset"},
		"from after to":           {[]string{"updatedFrom", "2026-11-21T00:00:00+09:00", "updatedTo", start}, "later than updatedFrom"},
		"from equal to to":        {[]string{"updatedFrom", start, "updatedTo", start}, "later than updatedFrom"},
		"more than 31 days":       {[]string{"updatedFrom", "2026-10-20T09:59:59+09:00", "updatedTo", start}, "31 days"},
		"limit 0":                 {day("limit", "0"), "from 1 to 300"},
		"limit 301":               {day("limit", "301"), "from 1 to 300"},
		"a range that is none":    {day("range", "you"), "range"},
		"a status that is none":   {day("entryStatus", "done"), "entryStatus"},
		"statuses between commas": {day("entryStatus", "completed,processing"), "entryStatus"},
		"an order that is none":   {day("orderBy", "name"), "orderBy"},
		"a direction":             {day("orderDirection", "up"), "orderDirection"},
		"a flag":                  {day("includeTags", "1"), "includeTags"},
		"an unknown parameter":    {day("registeredFrom", "20260101"), "not known"},
		"an empty parameter":      {day("orderBy", ""), "empty"},
		"twice the same":          {day("limit", "1", "limit", "2"), "once only"},
		"a token that is none":    {day("nextPageToken", "x"), "nextPageToken"},
	} {
		t.Run(name, func(t *testing.T) { w.T = t; w.get("/bizCards", c.query...).refused(400, c.text) })
	}
	w.T = t
	equal(t, "31 days sharp", w.get("/bizCards", "updatedFrom", "2026-10-20T10:00:00+09:00", "updatedTo", start).status, 200)
	w.control("POST", "limits", sansan.Limits{Requests: -1, Span: 366})
	equal(t, "a wider span", w.get("/bizCards", "updatedFrom", "2025-11-20T10:00:00+09:00", "updatedTo", start).status, 200)
	w.control("POST", "limits", sansan.Unlimited())
	equal(t, "any span", w.get("/bizCards", "updatedFrom", "2007-06-01T00:00:00Z", "updatedTo", start).status, 200)
}

func TestWindowIncludesBothEnds(t *testing.T) {
	w := newWorld(t)
	w.fill(aiko, "一", "二", "三") // at 10:00:00, :01 and :02
	at := func(s int) string { return fmt.Sprintf("2026-11-20T10:00:%02d+09:00", s) }
	equal(t, "0 to 1", w.get("/bizCards", "updatedFrom", at(0), "updatedTo", at(1)).names(), "一,二")
	equal(t, "1 to 2", w.get("/bizCards", "updatedFrom", at(1), "updatedTo", at(2)).names(), "二,三")
	equal(t, "in UTC", w.get("/bizCards", "updatedFrom", "2026-11-20T01:00:02Z", "updatedTo", "2026-11-20T01:00:09Z").names(), "三")
	w.clock.Advance(24 * time.Hour)
	must(t, w.box.Edit(aiko, w.personOf("二"), family("弐")))
	equal(t, "an edit leaves the old window", w.get("/bizCards", "updatedFrom", at(0), "updatedTo", at(9)).names(), "一,三")
	equal(t, "and is in the new one", w.get("/bizCards", "updatedFrom", "2026-11-21T09:00:00+09:00", "updatedTo", "2026-11-21T11:00:00+09:00").names(), "弐")
}

// personOf finds Aiko's person of a last name.
func (w *world) personOf(name string) string {
	w.Helper()
	page, _, err := w.box.Contacts(aiko, "", 1000)
	must(w.T, err)
	for _, c := range page {
		if c.Record.Fields.First("name.family") == name {
			return c.ID
		}
	}
	w.Fatalf("nobody is called %s", name)
	return ""
}

func TestOrders(t *testing.T) {
	w := newWorld(t)
	w.fill(aiko, "一", "二", "三")
	must(t, w.box.Touch(aiko, w.personOf("一")))
	w.clock.Advance(time.Second)
	late := w.head(aiko, w.personOf("二"))
	must(t, w.box.SetStatus(aiko, late, "processing"))
	must(t, w.box.SetStatus(aiko, late, "completed"))
	for _, c := range []struct{ order, asc, desc string }{
		{"updatedAt", "三,一,二", "二,一,三"}, {"registeredAt", "一,二,三", "三,二,一"}, {"completedAt", "一,三,二", "二,三,一"},
	} {
		for direction, want := range map[string]string{"asc": c.asc, "desc": c.desc} {
			equal(t, c.order+" "+direction, w.list("orderBy", c.order, "orderDirection", direction).names(), want)
			var got []string
			token := ""
			for range 4 {
				more := []string{"orderBy", c.order, "orderDirection", direction, "limit", "1"}
				if token != "" {
					more = append(more, "nextPageToken", token)
				}
				a := w.list(more...)
				got = append(got, a.names())
				if token = a.token(); token == "" {
					break
				}
			}
			equal(t, c.order+" by ones", strings.Join(got, ","), want)
		}
	}
	equal(t, "the usual order", w.list().names(), "三,一,二")
}

func TestPageTokens(t *testing.T) {
	w := newWorld(t)
	w.user(ren, "太田 蓮")
	w.fill(aiko, "一", "二", "三")
	w.fill(ren, "四", "五")
	first := w.list("limit", "2")
	equal(t, "more", first.body["hasMore"], any(true))
	token := first.token()
	last := w.list("limit", "2", "nextPageToken", token)
	equal(t, "the rest", last.names(), "三")
	equal(t, "no more", last.body["hasMore"], any(false))
	equal(t, "no token", last.body["nextPageToken"], nil)
	equal(t, "again", w.list("limit", "2", "nextPageToken", token).names(), "三")
	const gone = "expired or belongs to another query"
	w.list("limit", "3", "nextPageToken", token).refused(400, gone)
	w.list("limit", "2", "range", "all", "nextPageToken", token).refused(400, gone)
	w.get("/bizCards/search", "name", "三", "limit", "2", "nextPageToken", token).refused(400, gone)
	w.getAs(ren, "/bizCards", day("limit", "2", "nextPageToken", token)...).refused(400, gone)
	w.list("limit", "2", "nextPageToken", token[:len(token)-2]+"AA").refused(400, "not valid")
	t.Run("what comes and goes between pages moves nothing else", func(t *testing.T) {
		must(t, w.box.Remove(aiko, w.personOf("一")))
		w.fill(aiko, "六")
		equal(t, "the rest", w.list("limit", "2", "nextPageToken", token).names(), "三,六")
	})
	t.Run("ten minutes are its life", func(t *testing.T) {
		token := w.list("limit", "2").token()
		w.clock.Advance(9*time.Minute + 59*time.Second)
		equal(t, "just so", w.list("limit", "2", "nextPageToken", token).status, 200)
		w.clock.Advance(time.Second)
		w.list("limit", "2", "nextPageToken", token).refused(400, gone)
	})
	t.Run("the vendor may end it", func(t *testing.T) {
		token := w.list("limit", "2").token()
		w.control("POST", "cursors/expire", map[string]any{"user": aiko})
		w.list("limit", "2", "nextPageToken", token).refused(400, gone)
	})
}

func TestRangeAndPastCards(t *testing.T) {
	w := newWorld(t)
	w.user(ren, "太田 蓮")
	w.user(mio, "原 澪")
	p := w.fill(aiko, "旧")[0]
	w.card(aiko, sansan.NewCard{Person: p, Fields: family("新"), ExchangeDate: "2026-11-21"})
	w.card(aiko, sansan.NewCard{Person: p, Fields: family("昔"), ExchangeDate: "2001-01-01"})
	w.fill(ren, "蓮")
	w.fill(mio, "澪")
	equal(t, "the newest by exchange", w.list().names(), "新")
	equal(t, "past ones too", w.list("includePastBizCards", "true").names(), "旧,新,昔")
	equal(t, "all", w.list("range", "all").names(), "新,蓮")
	equal(t, "Ren's", w.getAs(ren, "/bizCards", day()...).names(), "蓮")
	t.Run("a colleague's newer card hides the own one only where both are asked for", func(t *testing.T) {
		w.card(aiko, sansan.NewCard{Person: p, Owner: ren, Fields: family("共"), ExchangeDate: "2026-11-22"})
		equal(t, "mine", w.list().names(), "新")
		equal(t, "all", w.list("range", "all").names(), "蓮,共")
		equal(t, "the person's head", str(w.get("/persons/" + p).body["item"].(map[string]any)["headBizCard"].(map[string]any)["lastName"]), "共")
		must(t, w.box.SetQuirks(sansan.Quirks{OwnHead: true}))
		equal(t, "by the quirk", str(w.get("/persons/" + p).body["item"].(map[string]any)["headBizCard"].(map[string]any)["lastName"]), "新")
		must(t, w.box.SetQuirks(sansan.Quirks{}))
	})
	t.Run("private cards are nobody else's business", func(t *testing.T) {
		id := w.head(ren, w.getAs(ren, "/bizCards", day()...).data()[0]["personId"].(string))
		equal(t, "seen", w.get("/bizCards/"+id).status, 200)
		w.control("POST", "private", map[string]any{"user": ren, "enabled": true})
		w.get("/bizCards/"+id).refused(404, "")
		equal(t, "all", w.list("range", "all").names(), "新")
		equal(t, "his own", w.getAs(ren, "/bizCards/"+id).status, 200)
	})
}

func TestEntryStatus(t *testing.T) {
	w := newWorld(t)
	p := w.fill(aiko, "完")[0]
	id := w.card(aiko, sansan.NewCard{Person: p, Fields: family("途"), Status: "processing"})
	equal(t, "completed only", w.list().names(), "完")
	row := w.list("entryStatus", "processing").data()[0]
	if row["id"] != id || row["lastName"] != nil || row["personId"] != nil || row["companyId"] != nil || row["entryStatus"] != "processing" {
		t.Errorf("got %v", row)
	}
	equal(t, "both", len(w.list("entryStatus", "processing", "entryStatus", "completed").data()), 2)
	equal(t, "searched by what is not read yet", w.get("/bizCards/search", "name", "途", "entryStatus", "processing").names(), "")
	w.control("POST", "status", map[string]any{"user": aiko, "card": id, "status": "completed"})
	equal(t, "then it is the head", w.list().names(), "途")
	w.control("POST", "status", map[string]any{"user": aiko, "card": id, "status": "unreadable"})
	equal(t, "unreadable", w.list("entryStatus", "unreadable").data()[0]["id"], any(id))
	equal(t, "the head again", w.list().names(), "完")
}

func TestSearch(t *testing.T) {
	w := newWorld(t)
	for i, f := range []map[string]string{
		{"lastName": "神崎", "firstName": "陽翔", "companyName": "北野精機株式会社", "email": "h@kitano.example", "tel": "03-5555-0142"},
		{"lastName": "神田", "firstName": "陽", "companyName": "南野商事", "email": "y@minami.example", "mobile": "090-5555-0187"},
	} {
		w.clock.Advance(time.Second)
		equal(t, fmt.Sprint("card ", i), w.call("POST", "/bizCards", f).status, 200)
	}
	find := func(query ...string) string { t.Helper(); return w.get("/bizCards/search", query...).names() }
	equal(t, "name begins", find("name", "神崎陽"), "神崎")
	equal(t, "name does not contain", find("name", "陽"), "")
	equal(t, "company contains", find("companyName", "野"), "神崎,神田")
	equal(t, "address exactly", find("email", "h@kitano.example"), "神崎")
	equal(t, "not by part", find("email", "kitano.example"), "")
	equal(t, "tel", find("tel", "5555"), "神崎")
	equal(t, "mobile", find("mobile", "0187"), "神田")
	equal(t, "all must hold", find("companyName", "野", "mobile", "0187"), "神田")
	w.get("/bizCards/search").refused(400, "condition")
	w.get("/bizCards/search", "name", "神", "orderBy", "completedAt").refused(400, "orderBy")
	w.get("/bizCards/search", "name", "神", "updatedFrom", start).refused(400, "not known")

	vip, other := str(w.control("POST", "groups", map[string]any{"user": aiko, "name": "VIP"})["id"]), str(w.control("POST", "groups", map[string]any{"user": aiko, "name": "他"})["id"])
	before := w.list().names()
	w.control("POST", "groups", map[string]any{"user": aiko, "id": w.personOf("神崎"), "groups": []string{"VIP"}})
	equal(t, "tags move no card", w.list().names(), before)
	equal(t, "one of the tags", find("tagId", other, "tagId", vip), "神崎")
	equal(t, "nobody", find("tagId", other), "")
	w.get("/bizCards/search", "tagId", "x").refused(400, "tagId")
	w.user(ren, "太田 蓮")
	w.control("POST", "groups", map[string]any{"user": aiko, "name": "VIP", "type": "private"})
	equal(t, "a private tag of somebody else's", w.getAs(ren, "/bizCards/search", "tagId", vip, "range", "all").names(), "")
	w.control("DELETE", "groups", map[string]any{"user": aiko, "id": vip})
	equal(t, "gone with the tag", find("tagId", vip), "")
}

func TestLagKeepsChangesOutOfListings(t *testing.T) {
	w := newWorld(t, func(c *sansan.Config) { c.Lag = time.Minute })
	p := w.fill(aiko, "遅")[0]
	equal(t, "not yet", w.list().names(), "")
	equal(t, "but by id", w.get("/persons/"+p).status, 200)
	w.clock.Advance(time.Minute)
	equal(t, "now", w.list().names(), "遅")
	w.control("POST", "lag", map[string]any{"lag": "0s"})
	must(t, w.box.Edit(aiko, p, family("早")))
	equal(t, "at once", w.list().names(), "早")
}

func TestFiveThousandCardsShareOneSecond(t *testing.T) {
	w := newWorld(t)
	seeds := make([]sandbox.Seed, 5000)
	for i := range seeds {
		seeds[i] = sandbox.Seed{Record: named(fmt.Sprint("人", i), "太郎")}
	}
	_, err := w.box.Fill(aiko, seeds)
	must(t, err)
	seen, token := map[string]bool{}, ""
	for pages := 1; ; pages++ {
		more := []string{"limit", "300"}
		if token != "" {
			more = append(more, "nextPageToken", token)
		}
		a := w.list(more...)
		for _, row := range a.data() {
			seen[str(row["id"])] = true
		}
		if token = a.token(); token == "" {
			equal(t, "pages", pages, 17)
			break
		}
	}
	equal(t, "cards", len(seen), 5000)
}

func TestLimitsAndKeys(t *testing.T) {
	w := newWorld(t, func(c *sansan.Config) { c.Limits = sansan.Limits{} })
	w.user(ren, "太田 蓮")
	for range 10 {
		w.list().want(200)
	}
	eleventh := w.list()
	eleventh.refused(429, "Too Many Requests")
	for name := range eleventh.header {
		if strings.Contains(strings.ToLower(name), "limit") || name == "Retry-After" {
			t.Errorf("the header %s is there", name)
		}
	}
	w.getAs(ren, "/bizCards", day()...).want(200)
	w.clock.Advance(time.Second)
	w.list().want(200)

	old := w.box.Key(aiko)
	key := str(w.control("POST", "key", map[string]any{"user": aiko, "replace": true})["key"])
	if key == old || len(key) != 32 || key != w.box.Key(aiko) {
		t.Fatalf("got %q", key)
	}
	w.call("GET", "/tags", nil, header("X-Sansan-Api-Key", old)).refused(401, "Unauthorized")
	w.call("GET", "/tags", nil, header("X-Sansan-Api-Key", key), header("X-Sansan-App-Id", "whatever")).want(200)
	w.control("POST", "key", map[string]any{"user": aiko, "revoke": true})
	w.call("GET", "/tags", nil, header("X-Sansan-Api-Key", key)).refused(401, "Unauthorized")
	w.call("GET", "/tags", nil, header("X-Sansan-Api-Key", "")).refused(401, "Unauthorized")
	w.controlAny("POST", "key", map[string]any{"user": aiko}).want(400)
	w.control("POST", "forbidden", map[string]any{"user": ren, "enabled": true})
	w.getAs(ren, "/tags").refused(403, "Forbidden")
	w.control("POST", "forbidden", map[string]any{"user": ren, "enabled": false})
	w.getAs(ren, "/tags").want(200)
	gone := w.box.Key(ren)
	w.control("POST", "resign", map[string]any{"user": ren})
	w.call("GET", "/tags", nil, header("X-Sansan-Api-Key", gone)).refused(401, "Unauthorized")
	w.controlAny("POST", "key", map[string]any{"user": ren, "replace": true}).want(400)
}

func TestUnknownPaths(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/reports", "/bizCards/7/images", "/", "/bizCards/"} {
		w.call("GET", path, nil).refused(404, "Not Found")
	}
	for method, path := range map[string]string{"PUT": "/bizCards/7", "PATCH": "/bizCards/7", "DELETE": "/bizCards/7", "POST": "/persons/7"} {
		w.call(method, path, nil).refused(405, "")
	}
	for _, path := range []string{"/v5.0/tags", "/tags", "/v6.0"} {
		r, err := http.NewRequest("GET", w.srv.URL+path, nil)
		must(t, err)
		r.Header.Set("X-Sansan-Api-Key", w.box.Key(aiko))
		w.send(r).refused(404, "Not Found")
	}
	for _, id := range []string{"0", "07", "x", "999", "-1", "900100200300900100200300"} {
		w.get("/bizCards/"+id).refused(404, "")
		w.get("/persons/"+id).refused(404, "")
		w.get("/users/"+id).refused(404, "")
	}
}
