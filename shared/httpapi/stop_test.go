package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/store"
)

// folder makes a group of the company's address book the connection's own, as the start of a pair with a folder does.
func (w *world) folder(c company, name string) {
	w.t.Helper()
	id := ""
	for _, g := range w.must(200, c.admin, "GET", c.tenant+"/accounts/"+c.google+"/groups?limit=100", nil).items() {
		if g["name"] == name {
			id = g["id"].(string)
		}
	}
	k := store.Key{PK: "T#" + c.id, SK: "conn#" + c.connection}
	it, err := w.stack.Table.Get(w.t.Context(), k)
	if err != nil || id == "" {
		w.t.Fatalf("group %q, %v", id, err)
	}
	var body map[string]any
	if err := json.Unmarshal(it.Body, &body); err != nil {
		w.t.Fatal(err)
	}
	body["folder"] = id
	if it.Body, err = json.Marshal(body); err != nil {
		w.t.Fatal(err)
	}
	if err := w.stack.Table.Write(w.t.Context(), store.Put(it, store.Cond{})); err != nil {
		w.t.Fatal(err)
	}
}

func TestStop(t *testing.T) {
	w := newWorld(t)
	describe(t, w)

	t.Run("keeps what is on both sides, unless asked otherwise (PD8)", func(t *testing.T) {
		c := w.company("a@example.jp")
		w.must(200, c.admin, "POST", c.path+"/start", nil)
		w.drain()
		a := w.must(200, c.admin, "POST", c.path+"/stop", nil)
		if a.str("state") != "stopped" || a.at("removing") != false || a.at("goes") != 0.0 {
			t.Errorf("got %s", a.raw)
		}
		w.must(409, c.admin, "POST", c.path+"/stop", nil)
		w.must(409, c.admin, "POST", c.path+"/stop", `{"remove":"remove"}`)
	})
	t.Run("a bad body is named", func(t *testing.T) {
		c := w.company("b@example.jp")
		for body, field := range map[string]string{`{"remove":"perhaps"}`: "body.remove", `{"force":true}`: "body.force", `{"remove":"keep","force":true}`: "body.force"} {
			if a := w.must(422, c.admin, "POST", c.path+"/stop", body); !slices.Equal(a.fields(), []string{field}) {
				t.Errorf("%s: got %s", body, a.raw)
			}
		}
		if got := w.must(200, c.admin, "GET", c.path, nil).str("state"); got != "ready" {
			t.Errorf("got %s, want ready", got)
		}
	})
	t.Run("one that never started is just stopped", func(t *testing.T) {
		c := w.company("c@example.jp")
		if a := w.must(200, c.admin, "POST", c.path+"/stop", `{"remove":"remove"}`); a.str("state") != "stopped" || a.at("removing") != false {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("removal counts what Meibo made, and asks for the last run (BX16)", func(t *testing.T) {
		c := w.company("d@example.jp")
		w.fill(c, []record.Record{person("山田", "太郎", "taro@example.jp"), person("佐藤", "次郎", "jiro@example.jp")}, []record.Record{person("山田", "太郎", "taro@example.jp"), person("Smith", "Ann", "ann@example.com")})
		w.must(200, c.admin, "POST", c.path+"/start", nil)
		w.drain()
		a := w.must(200, c.admin, "POST", c.path+"/stop", `{"remove":"remove"}`)
		if a.at("removing") != true || a.at("goes") != 1.0 || a.str("run") == "" || a.at("loose_more") != false {
			t.Errorf("got %s, want the one record that Meibo made in the book", a.raw)
		}
		if n := len(w.must(200, c.admin, "GET", c.path+"/disable-check", nil).items()); n != 0 {
			t.Errorf("got %d loose records of a connection without a folder", n)
		}
		w.drain()
		if got := w.must(200, c.admin, "GET", c.path, nil).str("state"); got != "stopped" {
			t.Errorf("got %s, want stopped\n%s", got, tail(w.logs.String()))
		}
		if got := len(w.book(c)); got != 2 {
			t.Errorf("the book has %d contacts, want the 2 that were there before", got)
		}
	})
	t.Run("one that needs a person cannot remove, and says what to do", func(t *testing.T) {
		c := w.company("e@example.jp")
		w.must(200, c.admin, "POST", c.path+"/start", nil)
		w.drain()
		if err := w.stack.Tenancy.MarkLost(t.Context(), c.id, c.google, "x"); err != nil {
			t.Fatal(err)
		}
		a := w.must(409, c.admin, "POST", c.path+"/stop", `{"remove":"remove"}`, "Accept-Language", "ja")
		if !strings.Contains(a.str("cure"), "再接続") {
			t.Errorf("got %s", a.raw)
		}
		if got := w.must(200, c.admin, "POST", c.path+"/stop", `{"remove":"keep"}`).str("state"); got != "stopped" {
			t.Errorf("got %s, want stopped", got)
		}
	})
}

func TestDisableCheck(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	in := func(r record.Record) sandbox.Seed { return sandbox.Seed{Record: r, Groups: []string{"台帳"}} }
	if _, err := w.boxes.Google.Put(c.admin, []sandbox.Seed{in(person("山田", "太郎", "taro@example.jp"))}); err != nil {
		t.Fatal(err)
	}
	w.must(200, c.admin, "POST", c.path+"/start", nil)
	w.drain()
	w.folder(c, "台帳")
	loose := func(limit int) (names []string, pages int) {
		t.Helper()
		for next := ""; ; {
			path := fmt.Sprintf("%s/disable-check?limit=%d", c.path, limit)
			if next != "" {
				path += "&page=" + next
			}
			a := w.must(200, c.admin, "GET", path, nil)
			pages++
			for _, it := range a.items() {
				names = append(names, it["name"].(string))
			}
			if next = a.str("next"); next == "" || pages > 50 {
				return names, pages
			}
		}
	}
	t.Run("what is in sync is not in it", func(t *testing.T) {
		if names, _ := loose(50); len(names) != 0 {
			t.Errorf("got %v", names)
		}
	})
	mailOnly := record.Record{Kind: record.Contact, Fields: record.Fields{record.Email: {{Text: "info@example.com", Label: record.LabelWork}}}}
	seeds := []sandbox.Seed{in(mailOnly), {Record: person("Elsewhere", "Ed", "ed@example.com")}}
	for i := range 5 {
		seeds = append(seeds, in(person(fmt.Sprintf("Hand%d", i), "Made", fmt.Sprintf("h%d@example.com", i))))
	}
	if _, err := w.boxes.Google.Put(c.admin, seeds); err != nil {
		t.Fatal(err)
	}
	want := []string{"Hand0 Made", "Hand1 Made", "Hand2 Made", "Hand3 Made", "Hand4 Made", "info@example.com"}
	t.Run("what was added by hand is, by the name that the book shows now, in pages of any size", func(t *testing.T) {
		for _, limit := range []int{1, 2, 3, 50} {
			names, pages := loose(limit)
			slices.Sort(names)
			if !slices.Equal(names, want) || pages < (len(want)+limit-1)/limit {
				t.Errorf("limit %d: got %v in %d pages, want %v", limit, names, pages, want)
			}
		}
	})
	t.Run("a place that Meibo did not give is refused", func(t *testing.T) {
		for _, page := range []string{"***", "eHh4", "e30"} {
			if a := w.must(422, c.admin, "GET", c.path+"/disable-check?page="+page, nil); !slices.Equal(a.fields(), []string{"query.page"}) {
				t.Errorf("got %s", a.raw)
			}
		}
	})
	t.Run("another connection's place is refused", func(t *testing.T) {
		next := w.must(200, c.admin, "GET", c.path+"/disable-check?limit=1", nil).str("next")
		d := c.tenant + "/connections/" + w.must(201, c.admin, "POST", c.tenant+"/connections", `{}`).str("id")
		w.must(422, c.admin, "GET", d+"/disable-check?page="+next, nil)
	})
	t.Run("the answer to a stop names them, and removal is what a folder's connection does (ZO5)", func(t *testing.T) {
		a := w.must(200, c.admin, "POST", c.path+"/stop", nil)
		names, _ := a.at("loose").([]any)
		if a.at("removing") != true || a.at("goes") != 1.0 || len(names) != len(want) || a.at("loose_more") != false || a.str("state") != "active" {
			t.Errorf("got %s", a.raw)
		}
	})
}

func TestNoNextAfterTheLast(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	var people []record.Record
	for i := range 7 {
		people = append(people, person(fmt.Sprintf("F%d", i), "G", fmt.Sprintf("p%d@example.jp", i)))
	}
	w.fill(c, people, nil)
	w.must(200, c.admin, "POST", c.path+"/start", nil)
	w.drain()
	for _, q := range []string{"limit=7", "limit=100", "limit=3&state=active", "state=parked"} {
		n, want := 0, 7
		if strings.Contains(q, "parked") {
			want = 0
		}
		for next := ""; ; {
			a := w.must(200, c.admin, "GET", c.path+"/records?"+q+"&page="+next, nil)
			got := len(a.items())
			n += got
			if next = a.str("next"); next == "" {
				break
			}
			if n == want {
				t.Errorf("%s: a next page after all %d records", q, want)
			}
		}
		if n != want {
			t.Errorf("%s: got %d records, want %d", q, n, want)
		}
	}
}
