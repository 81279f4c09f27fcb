package zoho_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox/zoho"
)

func TestListRules(t *testing.T) {
	w := newWorld(t)
	t.Run("no records is 204", func(t *testing.T) { w.call("GET", "/Contacts?fields=Last_Name", nil).want(204) })
	w.fill(aiko, 3)
	fifty := make([]string, 51)
	for i := range fifty {
		fifty[i] = "id"
	}
	view := w.views()["All Contacts"]
	for name, c := range map[string]struct{ path, code string }{
		"fields are mandatory":       {"/Contacts", "REQUIRED_PARAM_MISSING"},
		"fields are at most fifty":   {"/Contacts?fields=" + strings.Join(fifty, ","), "LIMIT_EXCEEDED"},
		"unknown field":              {"/Contacts?fields=Website", "INVALID_DATA"},
		"field named twice":          {"/Contacts?fields=id,id", "INVALID_DATA"},
		"unknown parameter":          {"/Contacts?fields=id&limit=3", "INVALID_DATA"},
		"parameter twice":            {"/Contacts?fields=id&page=1&page=2", "INVALID_DATA"},
		"page beyond 200":            {"/Contacts?fields=id&per_page=201", "INVALID_DATA"},
		"sorted by another field":    {"/Contacts?fields=id&sort_by=Last_Name", "INVALID_DATA"},
		"sort order":                 {"/Contacts?fields=id&sort_order=up", "INVALID_DATA"},
		"view with sort_by":          {"/Contacts?fields=id&cvid=" + view + "&sort_by=id", "AMBIGUITY_DURING_PROCESSING"},
		"unknown view":               {"/Contacts?fields=id&cvid=1", "INVALID_DATA"},
		"page with page token":       {"/Contacts?fields=id&page=2&page_token=x", "AMBIGUITY_DURING_PROCESSING"},
		"forged page token":          {"/Contacts?fields=id&page_token=x", "INVALID_DATA"},
		"beyond 2000 by page number": {"/Contacts?fields=id&page=11", "DISCRETE_PAGINATION_LIMIT_EXCEEDED"},
		"unknown module":             {"/Kontakte?fields=id", "INVALID_MODULE"},
		"too many ids":               {"/Contacts?fields=id&ids=" + strings.Repeat("5843201000000300000,", 52) + "1", "LIMIT_EXCEEDED"},
		"wrong id":                   {"/Contacts?fields=id&ids=abc", "INVALID_DATA"},
	} {
		t.Run(name, func(t *testing.T) { w.call("GET", c.path, nil).refused(400, c.code) })
	}
	t.Run("unknown path", func(t *testing.T) { w.call("GET", "/Contacts/x/y/z", nil).refused(404, "INVALID_URL_PATTERN") })
	t.Run("wrong method", func(t *testing.T) { w.call("PATCH", "/Contacts", nil).refused(400, "INVALID_REQUEST_METHOD") })
	t.Run("other version", func(t *testing.T) {
		a := w.call("GET", "/../v2/Contacts?fields=id", nil)
		if a.status == 200 {
			t.Fatal("v2 is not this sandbox")
		}
	})
	t.Run("a time without an offset", func(t *testing.T) {
		w.call("GET", "/Contacts?fields=id", nil, header("If-Modified-Since", "2026-10-02T18:00:00")).refused(400, "INVALID_DATA")
	})
}

func (w *world) views() map[string]string {
	w.Helper()
	out := map[string]string{}
	for _, v := range w.call("GET", "/settings/custom_views?module=Contacts", nil).want(200).list("custom_views") {
		out[str(v["name"])] = str(v["id"])
	}
	return out
}

// scan follows page tokens and returns all ids.
func (w *world) scan(query string, opts ...option) []string {
	w.Helper()
	var ids []string
	token := ""
	for range 10_000 {
		path := "/Contacts?" + query
		if token != "" {
			path += "&page_token=" + url.QueryEscape(token)
		}
		a := w.call("GET", path, nil, opts...)
		if a.status == 204 || a.status == 304 {
			return ids
		}
		a.want(200)
		ids = append(ids, a.ids()...)
		if a.info()["more_records"] != true {
			return ids
		}
		token = str(a.info()["next_page_token"])
		if len(token) == 0 || len(token) > 100 {
			w.Fatalf("page token: got %q, want 1 to 100 characters", token)
		}
	}
	w.Fatal("the listing does not end")
	return nil
}

func TestPaging(t *testing.T) {
	w := newWorld(t)
	ids := w.fill(aiko, 2450)
	t.Run("page tokens reach everything once, in either order", func(t *testing.T) {
		asc := w.scan("fields=id&sort_by=id&sort_order=asc")
		if !slices.Equal(asc, ids) {
			t.Fatalf("got %d ids, want %d in order", len(asc), len(ids))
		}
		desc := w.scan("fields=id")
		slices.Reverse(desc)
		if !slices.Equal(desc, ids) {
			t.Fatalf("descending: got %d ids, want %d", len(desc), len(ids))
		}
		if byTime := w.scan("fields=id&sort_by=Modified_Time&sort_order=asc"); !slices.Equal(byTime, ids) {
			t.Fatalf("by time: got %d ids, want %d", len(byTime), len(ids))
		}
	})
	first := w.call("GET", "/Contacts?fields=id,Email&sort_by=id&sort_order=asc", nil).want(200)
	token := url.QueryEscape(str(first.info()["next_page_token"]))
	t.Run("page numbers reach the same", func(t *testing.T) {
		got := w.call("GET", "/Contacts?fields=id&sort_by=id&sort_order=asc&page=10", nil).want(200).ids()
		if !slices.Equal(got, ids[1800:2000]) {
			t.Fatal("page 10 is not the tenth page")
		}
	})
	for name, query := range map[string]string{"other fields": "fields=id&sort_by=id&sort_order=asc", "other order": "fields=id,Email&sort_by=id&sort_order=desc", "other size": "fields=id,Email&sort_by=id&sort_order=asc&per_page=10"} {
		t.Run("a token is bound to its query: "+name, func(t *testing.T) {
			w.call("GET", "/Contacts?"+query+"&page_token="+token, nil).refused(400, "TOKEN_BOUND_DATA_MISMATCH")
		})
	}
	same := "/Contacts?fields=id,Email&sort_by=id&sort_order=asc&page_token=" + token
	t.Run("a token is bound to its header", func(t *testing.T) {
		w.call("GET", same, nil, header("If-Modified-Since", "2020-01-01T00:00:00Z")).refused(400, "TOKEN_BOUND_DATA_MISMATCH")
	})
	t.Run("a token is bound to its user", func(t *testing.T) {
		w.addUser(zoho.User{Email: ren, Name: "Ren Ishida"})
		w.call("GET", same, nil, as(w, ren)).refused(400, "TOKEN_BOUND_DATA_MISMATCH")
	})
	t.Run("a deleted place does not lose anything", func(t *testing.T) {
		must(t, w.box.Remove(aiko, ids[199]))
		got := w.call("GET", same, nil).want(200).ids()
		equal(t, "first of page 2", got[0], ids[200])
	})
	t.Run("a token lives for a day", func(t *testing.T) {
		w.clock.Advance(24*time.Hour - time.Second)
		w.tokens = map[string]string{}
		w.call("GET", same, nil).want(200)
		w.clock.Advance(time.Second)
		w.call("GET", same, nil).refused(400, "EXPIRED_VALUE")
	})
	t.Run("tokens expire on request", func(t *testing.T) {
		a := w.call("GET", "/Contacts?fields=id", nil).want(200)
		must(t, w.box.ExpireCursors(aiko))
		w.call("GET", "/Contacts?fields=id&page_token="+url.QueryEscape(str(a.info()["next_page_token"])), nil).refused(400, "EXPIRED_VALUE")
	})
}

func TestListCeiling(t *testing.T) {
	w := newWorld(t, func(c *zoho.Config) { c.Limits.ListCeiling = 400 })
	w.fill(aiko, 500)
	a := w.call("GET", "/Contacts?fields=id", nil).want(200)
	a = w.call("GET", "/Contacts?fields=id&page_token="+url.QueryEscape(str(a.info()["next_page_token"])), nil).want(200)
	w.call("GET", "/Contacts?fields=id&page_token="+url.QueryEscape(str(a.info()["next_page_token"])), nil).refused(400, "PAGINATION_LIMIT_EXCEEDED")
}

func TestModifiedSince(t *testing.T) {
	w := newWorld(t)
	ids := w.fill(aiko, 5)
	at := header("If-Modified-Since", "2026-10-02T18:00:00+09:00") // the second of the fill
	query := "/Contacts?fields=id,Modified_Time&sort_by=Modified_Time&sort_order=asc"
	w.call("GET", query, nil, at).want(304)
	t.Run("earlier shows them, in the user's offset", func(t *testing.T) {
		got := w.call("GET", query, nil, header("If-Modified-Since", "2026-10-02T08:59:59Z")).want(200)
		equal(t, "count", len(got.data()), 5)
		equal(t, "time", str(got.data()[0]["Modified_Time"]), "2026-10-02T18:00:00+09:00")
	})
	w.clock.Advance(1500 * time.Millisecond)
	w.call("PUT", "/Contacts", fields{"data": []fields{{"id": ids[3], "Title": "Boss"}, {"id": ids[1], "Title": "Boss"}}, "trigger": []string{}}).want(200)
	t.Run("changes come in order of change", func(t *testing.T) {
		if got := w.scan(strings.TrimPrefix(query, "/Contacts?"), at); !slices.Equal(got, []string{ids[3], ids[1]}) {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("pages of changes", func(t *testing.T) {
		if got := w.scan("per_page=1&fields=id&sort_by=Modified_Time&sort_order=asc", at); !slices.Equal(got, []string{ids[3], ids[1]}) {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("a view with the header sorts by id", func(t *testing.T) {
		if got := w.scan("fields=id&cvid="+w.views()["All Contacts"], at); !slices.Equal(got, []string{ids[3], ids[1]}) {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("one record", func(t *testing.T) {
		w.call("GET", "/Contacts/"+ids[0], nil, at).want(304)
		w.call("GET", "/Contacts/"+ids[1], nil, at).want(200)
	})
	t.Run("the date is the sandbox's", func(t *testing.T) {
		equal(t, "Date", w.call("GET", query, nil, at).header.Get("Date"), "Fri, 02 Oct 2026 09:00:01 GMT")
	})
}

func TestSingleRecord(t *testing.T) {
	w := newWorld(t)
	ids := w.insert(fields{"Last_Name": "Oda", "First_Name": "Mei", "Email": "m.oda@example.co.jp"}, fields{"Last_Name": "Abe"})
	t.Run("all fields", func(t *testing.T) {
		got := w.call("GET", "/Contacts/"+ids[0], nil).want(200).data()[0]
		equal(t, "name", str(got["Full_Name"]), "Mei Oda")
		for _, f := range []string{"Owner", "Mailing_City", "Tag", "Email_Opt_Out", "Locked__s"} {
			if _, ok := got[f]; !ok {
				t.Fatalf("the field %s is missing", f)
			}
		}
	})
	t.Run("by ids, unknown ones are left out", func(t *testing.T) {
		got := w.call("GET", "/Contacts?fields=Last_Name&ids="+ids[0]+",5843201000000000001", nil).want(200).ids()
		if !slices.Equal(got, ids[:1]) {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("an id that never was", func(t *testing.T) {
		w.call("GET", "/Contacts/5843201000000000001", nil).refused(400, "INVALID_DATA")
	})
	t.Run("deleted is 204", func(t *testing.T) {
		w.call("DELETE", "/Contacts/"+ids[1], nil).want(200)
		w.call("GET", "/Contacts/"+ids[1], nil).want(204)
	})
}

func TestSharing(t *testing.T) {
	w := newWorld(t)
	w.addUser(zoho.User{Email: ren, Name: "Ren Ishida", Profile: "Standard", Role: "Sales", ReportsTo: "Manager"})
	boss, peer := "boss@example.jp", "peer@example.jp"
	w.addUser(zoho.User{Email: boss, Name: "The Boss", Profile: "Standard", Role: "Manager"})
	w.addUser(zoho.User{Email: peer, Name: "A Peer", Profile: "Standard", Role: "Support"})
	mine := w.fill(ren, 1)[0]
	must(t, w.box.SetPrivate(aiko, true))
	for user, sees := range map[string]bool{ren: true, boss: true, aiko: true, peer: false} {
		t.Run(fmt.Sprintf("%s sees %v", user, sees), func(t *testing.T) {
			equal(t, "listed", len(w.scan("fields=id", as(w, user))), map[bool]int{true: 1}[sees])
			want := 204
			if sees {
				want = 200
			}
			w.call("GET", "/Contacts/"+mine, nil, as(w, user)).want(want)
		})
	}
	t.Run("what is not seen is not written", func(t *testing.T) {
		a := w.call("PUT", "/Contacts", fields{"data": []fields{{"id": mine, "Title": "x"}}}, as(w, peer)).want(400)
		equal(t, "code", a.codes(), "INVALID_DATA")
		w.call("DELETE", "/Contacts/"+mine, nil, as(w, peer)).refused(400, "INVALID_DATA")
	})
	t.Run("my contacts", func(t *testing.T) {
		view := w.views()["My Contacts"]
		equal(t, "Ren's", len(w.scan("fields=id&cvid="+view, as(w, ren))), 1)
		equal(t, "Aiko's", len(w.scan("fields=id&cvid="+view)), 0)
	})
	t.Run("organisations do not see each other", func(t *testing.T) {
		w.addUser(zoho.User{Email: "other@example.com", Name: "Other", Org: "Elsewhere"})
		equal(t, "listed", len(w.scan("fields=id", as(w, "other@example.com"))), 0)
		w.call("GET", "/Contacts/"+mine, nil, as(w, "other@example.com")).refused(400, "INVALID_DATA")
	})
}
