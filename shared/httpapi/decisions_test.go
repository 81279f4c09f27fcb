package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
)

func phoneOnly(family, phone string) record.Record {
	f := record.Fields{}
	f.Set(record.NameFamily, family)
	f[record.Phone] = []record.Value{{Text: phone, Label: record.LabelWork}}
	return record.Record{Kind: record.Contact, Fields: f}
}

func TestReviews(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	// The same telephone number under two names is no proof: a person decides (BX9).
	w.fill(c,
		[]record.Record{phoneOnly("Ogawa", "03-1234-5678"), phoneOnly("Sato", "03-8765-4321"), phoneOnly("Mori", "03-1111-2222")},
		[]record.Record{phoneOnly("Kitano KK", "+81 3 1234 5678"), phoneOnly("Minami KK", "+81 3 8765 4321"), phoneOnly("Higashi KK", "+81 3 1111 2222")})
	w.must(200, c.admin, "POST", c.path+"/start", nil)
	w.drain()

	list := func() []map[string]any {
		t.Helper()
		return w.must(200, c.admin, "GET", c.path+"/reviews", nil, "Accept-Language", "ja").items()
	}
	entries := list()
	if len(entries) < 3 {
		t.Fatalf("got %v, want three decisions", entries)
	}
	one := entries[0]
	path := c.path + "/reviews/" + one["id"].(string)
	t.Run("an entry has ids and words, and no value", func(t *testing.T) {
		a := w.must(200, c.admin, "GET", path, nil, "Accept-Language", "ja")
		if !strings.Contains(a.str("reason"), "確認リスト") {
			t.Errorf("got %s", a.raw)
		}
		for _, v := range []string{"1234", "Ogawa", "Kitano"} {
			if strings.Contains(string(a.raw), v+"\"") {
				t.Errorf("the entry holds %q: %s", v, a.raw)
			}
		}
	})
	t.Run("records show what waits", func(t *testing.T) {
		parked := w.must(200, c.admin, "GET", c.path+"/records?state=parked&code=review&limit=100", nil)
		n := len(parked.items())
		for next := parked.str("next"); next != ""; {
			a := w.must(200, c.admin, "GET", c.path+"/records?state=parked&code=review&limit=100&page="+next, nil)
			n, next = n+len(a.items()), a.str("next")
		}
		if n == 0 {
			t.Error("no record waits for review")
		}
	})
	t.Run("a decision must be one", func(t *testing.T) {
		for body, field := range map[string]string{
			`{"action":"perhaps"}`:               "body.action",
			`{"action":"link","other":"no-one"}`: "body.other",
			`{"action":"separate","other":"x"}`:  "body.other",
			`{}`:                                 "body.action",
		} {
			if a := w.must(422, c.admin, "POST", path+"/decision", body); !slices.Contains(a.fields(), field) {
				t.Errorf("%s: got %s, want the field %s", body, a.raw, field)
			}
		}
		w.must(404, c.admin, "POST", c.path+"/reviews/none/decision", `{"action":"link"}`)
	})
	t.Run("linking makes one record of two", func(t *testing.T) {
		before := len(w.book(c))
		if got := w.must(202, c.admin, "POST", path+"/decision", `{"action":"link"}`).str("review"); got != one["id"] {
			t.Errorf("got %s", got)
		}
		w.drain()
		w.must(404, c.admin, "GET", path, nil)
		if after := len(w.book(c)); after != before {
			t.Errorf("the book has %d contacts, want %d", after, before)
		}
		active := w.must(200, c.admin, "GET", c.path+"/records?state=active&limit=100", nil).items()
		if !slices.ContainsFunc(active, func(r map[string]any) bool { return r["crm"] == one["record"] || r["book"] == one["record"] }) {
			t.Errorf("got %v, want %v linked", active, one["record"])
		}
	})
	t.Run("a paused connection takes no decision", func(t *testing.T) {
		rest := list()
		w.must(200, c.admin, "POST", c.path+"/pause", nil)
		w.must(409, c.admin, "POST", c.path+"/reviews/"+rest[0]["id"].(string)+"/decision", `{"action":"ignore"}`)
		w.must(200, c.admin, "POST", c.path+"/resume", nil)
	})
}

func TestApproval(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	var people []record.Record
	for i := range 40 {
		people = append(people, person(fmt.Sprintf("Family%d", i), "Given", fmt.Sprintf("p%d@example.jp", i)))
	}
	w.fill(c, people, nil)
	w.must(200, c.admin, "POST", c.path+"/start", nil)
	w.drain()
	if n := len(w.book(c)); n != 40 {
		t.Fatalf("the book has %d contacts, want 40", n)
	}
	w.must(409, c.admin, "POST", c.path+"/approval", `{"answer":"once"}`)

	cs, _, err := w.boxes.Zoho.Contacts(c.admin, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range cs[:30] {
		if err := w.boxes.Zoho.Remove(c.admin, x.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(time.Hour)
	w.must(202, c.admin, "POST", c.path+"/runs", nil)
	w.drain()
	a := w.must(200, c.admin, "GET", c.path, nil)
	if a.str("state") != "needs_approval" {
		t.Fatalf("got %s, want needs_approval\n%s", a.raw, tail(w.logs.String()))
	}
	if n := len(w.book(c)); n != 40 {
		t.Fatalf("the book has %d contacts, want all 40 while a person is asked", n)
	}
	t.Run("the run says what it would do", func(t *testing.T) {
		run := w.must(200, c.admin, "GET", c.path+"/runs", nil).items()[0]
		asks, _ := run["approval"].(map[string]any)
		if run["state"] != "needs_approval" || asks["deletes"] != 30.0 {
			t.Errorf("got %v", run)
		}
	})
	t.Run("nothing else moves it on", func(t *testing.T) {
		w.must(409, c.admin, "POST", c.path+"/runs", nil)
		w.must(409, c.admin, "POST", c.path+"/start", nil)
		w.must(422, c.admin, "POST", c.path+"/approval", `{"answer":"maybe"}`)
	})
	t.Run("the answer does", func(t *testing.T) {
		run := w.must(202, c.admin, "POST", c.path+"/approval", `{"answer":"once"}`).str("run")
		w.drain()
		if got := w.must(200, c.admin, "GET", c.path+"/runs/"+run, nil); got.str("state") != "done" || got.at("book", "deleted") != 30.0 {
			t.Errorf("got %s", got.raw)
		}
		if n := len(w.book(c)); n != 10 {
			t.Errorf("the book has %d contacts, want 10", n)
		}
		if got := w.must(200, c.admin, "GET", c.path, nil).str("state"); got != "active" {
			t.Errorf("got %s, want active", got)
		}
	})
}
