package httpapi_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/schedule"
	"meibo/shared/state"
	"meibo/shared/store"
)

func TestConnectionFlow(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	w.fill(c,
		[]record.Record{person("山田", "太郎", "taro@example.jp"), person("佐藤", "次郎", "jiro@example.jp")},
		[]record.Record{person("山田", "太郎", "taro@example.jp"), person("Smith", "Ann", "ann@example.com")})

	is := func(want string) {
		t.Helper()
		if got := w.must(200, c.admin, "GET", c.path, nil).str("state"); got != want {
			t.Fatalf("state: got %s, want %s", got, want)
		}
	}
	is("ready")

	t.Run("groups and fields of both accounts are listed and page", func(t *testing.T) {
		for _, account := range []string{c.zoho, c.google} {
			for _, what := range []string{"groups", "fields"} {
				path := c.tenant + "/accounts/" + account + "/" + what
				all := w.must(200, c.admin, "GET", path+"?limit=100", nil).items()
				var paged []map[string]any
				for next := "first"; next != ""; {
					q := path + "?limit=1"
					if next != "first" {
						q += "&page=" + next
					}
					a := w.must(200, c.admin, "GET", q, nil)
					paged = append(paged, a.items()...)
					next = a.str("next")
				}
				if len(all) == 0 || len(paged) != len(all) {
					t.Errorf("%s: got %d in pages of one, want the %d of one page", what, len(paged), len(all))
				}
			}
		}
	})
	t.Run("the default mapping pairs the fields of both accounts", func(t *testing.T) {
		a := w.must(200, c.admin, "GET", c.tenant+"/mapping?crm="+c.zoho+"&book="+c.google, nil)
		if got, want := a.str("profile"), "zoho-google"; got != want {
			t.Errorf("profile: got %s, want %s", got, want)
		}
		pairs, _ := a.at("settings", "rules", "mapping").([]any)
		if !slices.ContainsFunc(pairs, func(p any) bool { return p.(map[string]any)["crm"] == "email" }) {
			t.Errorf("got %v, want a pair for e-mail", pairs)
		}
	})
	t.Run("validate finds nothing wrong", func(t *testing.T) {
		a := w.must(200, c.admin, "POST", c.path+"/validate", nil)
		if a.at("valid") != true {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("a preview counts and writes nothing", func(t *testing.T) {
		run := w.must(202, c.admin, "POST", c.path+"/preview", nil).str("run")
		w.must(404, c.admin, "GET", c.path+"/runs/"+run, nil)
		w.drain()
		a := w.must(200, c.admin, "GET", c.path+"/runs/"+run, nil)
		if a.str("kind") != "preview" || a.str("state") != "done" || a.at("book", "created") != 1.0 || a.at("crm", "created") != 1.0 {
			t.Errorf("got %s", a.raw)
		}
		if got := len(w.book(c)); got != 2 {
			t.Errorf("the book has %d contacts, want the 2 that were there", got)
		}
		is("ready")
	})
	t.Run("nothing runs before the start", func(t *testing.T) {
		a := w.must(409, c.admin, "POST", c.path+"/runs", nil)
		if got, want := a.str("type"), "urn:meibo:problem:state"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		w.must(409, c.admin, "POST", c.path+"/pause", nil)
		w.must(409, c.admin, "POST", c.path+"/resume", nil)
		w.must(409, c.admin, "DELETE", c.path, nil)
	})
	t.Run("the start syncs both books", func(t *testing.T) {
		w.clock.Advance(time.Second)
		w.must(200, c.admin, "POST", c.path+"/start", nil)
		is("active")
		w.drain()
		if got := len(w.book(c)); got != 3 {
			t.Fatalf("the book has %d contacts, want 3\n%s", got, tail(w.logs.String()))
		}
		runs := w.must(200, c.admin, "GET", c.path+"/runs", nil).items()
		if len(runs) != 2 || runs[0]["kind"] != "initial" || runs[0]["state"] != "done" {
			t.Fatalf("got %v", runs)
		}
		a := w.must(200, c.admin, "GET", c.path+"/totals", nil)
		if a.at("links") != 3.0 || a.str("last_run") == "" || a.str("last_sync") == "" {
			t.Errorf("totals: got %s", a.raw)
		}
		changes := w.must(200, c.admin, "GET", c.path+"/changes", nil).items()
		if len(changes) != 2 || changes[0]["op"] != "create" {
			t.Errorf("changes: got %v", changes)
		}
		records := w.must(200, c.admin, "GET", c.path+"/records?state=active", nil).items()
		if len(records) != 3 {
			t.Errorf("records: got %v", records)
		}
	})
	t.Run("made-up pages are refused", func(t *testing.T) {
		for _, path := range []string{c.path + "/records", c.path + "/runs", c.path + "/changes", c.path + "/reviews", c.tenant + "/accounts/" + c.zoho + "/fields"} {
			for _, page := range []string{"***", "eHh4"} { // the second is base64 of something else
				if page != "***" && path == c.path+"/changes" {
					continue // any text is a place in that list
				}
				if a := w.must(422, c.admin, "GET", path+"?page="+page, nil); !slices.Equal(a.fields(), []string{"query.page"}) {
					t.Errorf("%s: got %s", path, a.raw)
				}
			}
		}
	})
	t.Run("starting again changes nothing", func(t *testing.T) {
		w.must(200, c.admin, "POST", c.path+"/start", nil)
		w.drain()
	})
	t.Run("an update run has the id that was promised", func(t *testing.T) {
		w.clock.Advance(time.Minute)
		run := w.must(202, c.admin, "POST", c.path+"/runs", nil).str("run")
		w.drain()
		a := w.must(200, c.admin, "GET", c.path+"/runs/"+run, nil)
		if a.str("state") != "done" || a.str("reason") != "update" {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("the schedule runs it every ten minutes", func(t *testing.T) {
		before := w.must(200, c.admin, "GET", c.path+"/totals", nil).str("last_run")
		if err := w.stack.RunUntil(context.Background(), w.clock.Now().Add(30*time.Minute)); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range w.must(200, c.admin, "GET", c.path+"/runs?limit=100", nil).items() {
			if r["reason"] == "schedule" {
				n++
			}
		}
		if n != 3 {
			t.Errorf("got %d scheduled runs in 30 minutes, want 3", n)
		}
		if after := w.must(200, c.admin, "GET", c.path+"/totals", nil).str("last_run"); after == before {
			t.Error("the last run is still the one before")
		}
	})
	t.Run("a paused connection rests and resumes", func(t *testing.T) {
		w.must(200, c.admin, "POST", c.path+"/pause", nil)
		is("paused")
		w.must(409, c.admin, "POST", c.path+"/runs", nil)
		w.clock.Advance(20 * time.Minute) // well past the next turn
		if err := w.stack.TenantSync(context.Background(), schedule.TenantEvent{Tenant: c.id}); err != nil {
			t.Fatal(err)
		}
		if st, err := w.stack.Queue.Stats(context.Background()); err != nil || st.Waiting != 0 {
			t.Errorf("got %+v, %v, want no message for a paused connection", st, err)
		}
		w.must(200, c.admin, "POST", c.path+"/resume", nil)
		is("active")
		w.drain()
	})
	t.Run("a lost authorisation shows, and reconnecting resumes", func(t *testing.T) {
		if err := w.boxes.Google.RevokeUser(c.admin); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(2 * time.Hour)
		w.must(202, c.admin, "POST", c.path+"/runs", nil)
		w.drain()
		a := w.must(200, c.admin, "GET", c.path, nil)
		if a.str("state") != "needs_reauth" || !strings.Contains(a.str("reason"), "再接続") {
			t.Fatalf("got %s: %s", a.str("state"), a.str("reason"))
		}
		if got := w.must(409, c.admin, "GET", c.tenant+"/accounts/"+c.google+"/groups", nil).str("type"); got != "urn:meibo:problem:account_needs_reauth" {
			t.Errorf("groups of a lost account: got %s", got)
		}
		to := w.must(201, c.admin, "POST", c.tenant+"/accounts", map[string]any{"reconnect": c.google, "return": "/"}).str("authorize_url")
		if at, err := w.browser.Allow(context.Background(), to, c.admin); err != nil || at.Location == "" {
			t.Fatalf("got %v, %v", at, err)
		}
		is("active")
		before := w.must(200, c.admin, "GET", c.path+"/totals", nil).str("last_run")
		w.drain()
		if after := w.must(200, c.admin, "GET", c.path+"/totals", nil).str("last_run"); after == before {
			t.Error("it did not run at once")
		}
	})
	t.Run("stopped, it keeps both books and can be deleted", func(t *testing.T) {
		w.must(409, c.admin, "DELETE", c.tenant+"/accounts/"+c.google, nil)
		w.must(200, c.admin, "POST", c.path+"/stop", nil)
		w.must(204, c.admin, "DELETE", c.path, nil)
		w.must(404, c.admin, "GET", c.path, nil)
		w.must(404, c.admin, "GET", c.path+"/records", nil)
		for _, pk := range []string{state.Partition(c.id, c.connection), state.JournalPartition(c.id, c.connection)} {
			if page, err := w.stack.Table.Query(context.Background(), store.Query{PK: pk}); err != nil || len(page.Items) != 0 {
				t.Errorf("%s: %d items are left, %v", pk, len(page.Items), err)
			}
		}
		if got := len(w.book(c)); got != 3 {
			t.Errorf("the book has %d contacts, want 3", got)
		}
		w.must(204, c.admin, "DELETE", c.tenant+"/accounts/"+c.google, nil)
		w.must(404, c.admin, "GET", c.tenant+"/accounts/"+c.google, nil)
	})
	t.Run("the log has no contact and no token", func(t *testing.T) {
		for _, secret := range []string{"taro@example.jp", "ann@example.com", "Smith", "山田", "Bearer", clientSecret, "authorize_url", "code="} {
			if strings.Contains(w.logs.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
	})
}

const clientSecret = "not-a-secret"

// book returns what is in the company's address book.
func (w *world) book(c company) []string {
	w.t.Helper()
	cs, _, err := w.boxes.Google.Contacts(c.admin, "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	out := []string{}
	for _, x := range cs {
		out = append(out, x.ID)
	}
	return out
}
