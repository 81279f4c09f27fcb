package pipedrive_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

const me = `{"id":5,"name":"Mira Holt","email":"mira@ecospin.example","company_id":"15043420","company_name":"Ecospin","company_country":"ee"}`

func TestOwnedScope(t *testing.T) {
	now := rows(row(1, 5, "A B", start.Add(-time.Hour)))
	c, s := scripted(t, func(c call) reply {
		if c.path == "/api/v1/users/me" {
			return data(me, "")
		}
		return data(now, "")
	})
	scope := connector.Scope{Owned: true}
	first := page(t, c, scope, "")
	if q := s.last("GET /api/v2/persons").query; q.Get("owner_id") != "5" || q.Get("sort_by") != "id" || q.Get("limit") != "500" {
		t.Errorf("the full listing asks %v", q)
	}
	if got := ids(first); got != "1" || !first.Full || first.More {
		t.Errorf("full listing: %s, full %v, more %v", got, first.Full, first.More)
	}
	t.Run("a person who changed hands shows as out of scope", func(t *testing.T) {
		s.clock.Advance(time.Hour)
		now = rows(row(1, 6, "A B", start.Add(30*time.Minute)), row(2, 5, "C D", start.Add(31*time.Minute)))
		p := page(t, c, scope, first.Next)
		if got := ids(p); got != "1-,2" || p.Full {
			t.Errorf("got %s, full %v; want 1-,2", got, p.Full)
		}
		q := s.last("GET /api/v2/persons").query
		if q.Has("owner_id") || q.Get("updated_since") != "2026-11-20T09:59:00Z" || q.Get("sort_by") != "update_time" {
			t.Errorf("the change listing asks %v", q)
		}
	})
	t.Run("who the user is is asked once", func(t *testing.T) {
		if n := s.count("GET /api/v1/users/me"); n != 1 {
			t.Errorf("%d times", n)
		}
	})
	t.Run("a read by id says whose it is", func(t *testing.T) {
		got, err := c.Get(t.Context(), nil, []string{"1", "2"})
		if err != nil || got[0].Item.Scope != connector.OutOfScope || got[1].Item.Scope != connector.InScope {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestChangeListing(t *testing.T) {
	var answers []reply
	c, s := scripted(t, func(call) reply {
		a := answers[0]
		answers = answers[1:]
		return a
	})
	answers = []reply{data(rows(row(1, 5, "A B", start.Add(-10*time.Second))), "")}
	p := page(t, c, connector.Scope{}, "")

	t.Run("what the overlap repeats is not told again, but an edit in the same second is", func(t *testing.T) {
		s.clock.Advance(time.Minute)
		answers = []reply{data(rows(row(1, 5, "A B", start.Add(-10*time.Second))), "")}
		same := page(t, c, connector.Scope{}, p.Next)
		if len(same.Changed) != 0 {
			t.Errorf("got %s, want nothing", ids(same))
		}
		answers = []reply{data(rows(row(1, 5, "A Z", start.Add(-10*time.Second))), "")}
		if got := ids(page(t, c, connector.Scope{}, p.Next)); got != "1" {
			t.Errorf("got %q, want 1", got)
		}
	})
	t.Run("it ends with what had changed when it began", func(t *testing.T) {
		answers = []reply{data(rows(row(2, 5, "C D", s.clock.Now().Add(5*time.Second))), "next")}
		got := page(t, c, connector.Scope{}, p.Next)
		if got.More || ids(got) != "2" {
			t.Errorf("more %v, %s", got.More, ids(got))
		}
	})
	t.Run("a deleted person that shows is a deletion", func(t *testing.T) {
		gone := strings.Replace(row(3, 5, "E F", s.clock.Now()), `"is_deleted":false`, `"is_deleted":true`, 1)
		answers = []reply{data(rows(gone), "")}
		got := page(t, c, connector.Scope{}, p.Next)
		if len(got.Deleted) != 1 || got.Deleted[0] != (connector.Deletion{ID: "3", Evidence: connector.EvidenceAccount}) || len(got.Changed) != 0 {
			t.Errorf("got %+v", got)
		}
		answers = []reply{data(rows(gone), "")}
		if again := page(t, c, connector.Scope{}, got.Next); len(again.Deleted) != 0 {
			t.Errorf("told again: %+v", again.Deleted)
		}
	})
	t.Run("a cursor that died is taken up at the newest time met", func(t *testing.T) {
		first := s.clock.Now().Add(-time.Second)
		answers = []reply{data(rows(row(4, 5, "G H", first)), "n1")}
		got := page(t, c, connector.Scope{}, p.Next)
		if !got.More {
			t.Fatal("the listing ended early")
		}
		answers = []reply{refusal(400, "Invalid cursor"), data(rows(row(4, 5, "G H", first), row(5, 5, "I J", first)), "")}
		rest := page(t, c, connector.Scope{}, got.Next)
		if ids(rest) != "5" {
			t.Errorf("got %s, want 5", ids(rest))
		}
		if q := s.last("GET /api/v2/persons").query; q.Has("cursor") || q.Get("updated_since") != first.Format(time.RFC3339) {
			t.Errorf("asked %v", q)
		}
	})
}

func TestFullListing(t *testing.T) {
	var answers []reply
	c, _ := scripted(t, func(call) reply {
		a := answers[0]
		answers = answers[1:]
		return a
	})
	t.Run("a cursor that died starts it again", func(t *testing.T) {
		answers = []reply{data(rows(row(1, 5, "A B", start)), "n1"), refusal(400, "Invalid cursor")}
		p := page(t, c, connector.Scope{}, "")
		if _, err := c.Changes(t.Context(), connector.Scope{}, p.Next); !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an empty account is asked twice and believed", func(t *testing.T) {
		answers = []reply{data("[]", ""), data("[]", "")}
		if p := page(t, c, connector.Scope{}, ""); p.More || len(p.Changed) != 0 || len(answers) != 0 {
			t.Errorf("%+v, %d answers left", p, len(answers))
		}
	})
	t.Run("an empty last page is asked twice and believed", func(t *testing.T) {
		answers = []reply{data(rows(row(1, 5, "A B", start)), "n1"), data("[]", ""), data("[]", "")}
		p := page(t, c, connector.Scope{}, "")
		if p = page(t, c, connector.Scope{}, p.Next); p.More || len(p.Changed) != 0 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("a foreign cursor is refused", func(t *testing.T) {
		for _, cur := range []string{"x", "p1.", "p1.e30", "z1.e30"} {
			if _, err := c.Changes(t.Context(), connector.Scope{}, cur); !errors.Is(err, connector.ErrCursorExpired) {
				t.Errorf("%q: got %v", cur, err)
			}
		}
	})
}

func TestFilterScope(t *testing.T) {
	recent, old := start.Add(time.Hour), start.Add(-time.Hour)
	inFilter := []string{row(1, 5, "A B", old)}
	var all []string
	c, s := scripted(t, func(c call) reply {
		if c.path == "/api/v1/users/me" {
			return data(me, "")
		}
		if c.query.Get("filter_id") == "9" {
			return refusal(404, "Filter not found")
		}
		if c.query.Has("filter_id") {
			if c.query.Has("updated_since") || c.query.Has("owner_id") {
				t.Errorf("a filter is listed with %v", c.query)
			}
			return data(rows(inFilter...), "")
		}
		return data(rows(all...), "")
	})
	scope := connector.Scope{Groups: []string{"8"}, Owned: true}
	p := page(t, c, scope, "")
	if ids(p) != "1" {
		t.Errorf("full listing: %s", ids(p))
	}
	s.clock.Advance(2 * time.Hour)
	t.Run("a quiet listing does not ask the filter", func(t *testing.T) {
		before := s.count("GET /api/v2/persons")
		if q := page(t, c, scope, p.Next); len(q.Changed) != 0 || s.count("GET /api/v2/persons") != before+1 {
			t.Errorf("%s, %d calls", ids(q), s.count("GET /api/v2/persons")-before)
		}
	})
	t.Run("what changed is asked of the filter, owner by owner", func(t *testing.T) {
		all = []string{row(2, 5, "C D", recent), row(3, 5, "E F", recent), row(4, 6, "G H", recent)}
		inFilter = []string{row(4, 6, "G H", recent), row(2, 5, "C D", recent), row(1, 5, "A B", old)}
		if got := ids(page(t, c, scope, p.Next)); got != "2,3?,4-" {
			t.Errorf("got %s, want 2 in scope, 3 unknown, 4 out", got)
		}
	})
	t.Run("a filter that is gone is named", func(t *testing.T) {
		_, err := c.Changes(t.Context(), connector.Scope{Groups: []string{"9"}}, "")
		var bad *connector.InvalidError
		if !errors.As(err, &bad) || !strings.Contains(bad.Reason, "filter") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a scan names the user's own members", func(t *testing.T) {
		got, next, err := c.Members(t.Context(), scope, "")
		if err != nil || next != "" || !slices.Equal(got, []string{"2", "1"}) {
			t.Errorf("%v %q %v", got, next, err)
		}
	})
}

func TestScan(t *testing.T) {
	header := map[string]string{"x-daily-ratelimit-token-limit": "60000", "x-daily-ratelimit-token-remaining": "30000"}
	c, s := scripted(t, func(c call) reply {
		r := data(rows(row(1, 5, "A B", start)), "n1")
		if c.query.Get("cursor") == "n1" {
			r = data(rows(row(2, 5, "A B", start)), "")
		}
		r.header = header
		return r
	})
	t.Run("the whole scope is scanned without groups", func(t *testing.T) {
		one, next, err := c.Members(t.Context(), connector.Scope{}, "")
		if err != nil || next == "" {
			t.Fatal(next, err)
		}
		two, next, err := c.Members(t.Context(), connector.Scope{}, next)
		if err != nil || next != "" || one[0] != "1" || two[0] != "2" {
			t.Errorf("%v %v %q %v", one, two, next, err)
		}
	})
	t.Run("the vendor's word of its budget is kept", func(t *testing.T) {
		b, ok := c.Budget()
		if want := (connector.Budget{Limit: 60000, Remaining: 30000, Resets: start.Add(14 * time.Hour), At: start}); !ok || b != want {
			t.Errorf("got %+v %v, want %+v", b, ok, want)
		}
	})
	t.Run("with less than a fifth of it left a scan waits and a listing goes on", func(t *testing.T) {
		header["x-daily-ratelimit-token-remaining"] = "11999"
		page(t, c, connector.Scope{}, "")
		before := len(s.calls)
		_, _, err := c.Members(t.Context(), connector.Scope{}, "")
		var th *connector.ThrottledError
		if !errors.As(err, &th) || th.After <= 0 || len(s.calls) != before {
			t.Errorf("got %v, %d calls", err, len(s.calls)-before)
		}
		page(t, c, connector.Scope{}, "")
		s.clock.Advance(15 * time.Hour)
		if _, _, err := c.Members(t.Context(), connector.Scope{}, ""); err != nil {
			t.Errorf("after the renewal: %v", err)
		}
	})
}

func TestGet(t *testing.T) {
	c, s := scripted(t, func(c call) reply {
		switch c.path {
		case "/api/v2/persons":
			return data(rows(row(1, 5, "A B", start)), "")
		case "/api/v2/persons/2":
			return refusal(404, "Person not found")
		case "/api/v2/persons/3":
			return refusal(403, "Forbidden")
		case "/api/v2/persons/4":
			return data(strings.Replace(row(4, 5, "A B", start), `"is_deleted":false`, `"is_deleted":true`, 1), "")
		case "/api/v2/persons/5":
			return data(row(50, 5, "A B", start), "")
		}
		return refusal(404, "Person not found")
	})
	got, err := c.Get(t.Context(), []record.Key{record.NameGiven}, []string{"5", "1", "2", "3", "4", "not-an-id", "1"})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, g := range got {
		said = append(said, fmt.Sprint(g.ID, g.Status, g.Item.ID))
	}
	want := []string{fmt.Sprint("5", connector.StatusFound, "50"), fmt.Sprint("1", connector.StatusFound, "1"), fmt.Sprint("2", connector.StatusGone, ""),
		fmt.Sprint("3", connector.StatusInvisible, ""), fmt.Sprint("4", connector.StatusGone, ""), fmt.Sprint("not-an-id", connector.StatusInvisible, ""), fmt.Sprint("1", connector.StatusFound, "1")}
	if !slices.Equal(said, want) {
		t.Errorf("got %v, want %v", said, want)
	}
	if q := s.calls[0].query.Get("ids"); q != "5,1,2,3,4" {
		t.Errorf("asked for %q", q)
	}
	if f := got[1].Item.Record.Fields; len(f) != 1 || f.First(record.NameGiven) != "A" {
		t.Errorf("fields %v, want the given name only", f)
	}
}

func TestVersion(t *testing.T) {
	var body string
	c, _ := scripted(t, func(call) reply { return data(body, "") })
	version := func(r string, fields ...record.Key) string {
		t.Helper()
		body = r
		got, err := c.Get(t.Context(), fields, []string{"1"})
		if err != nil || got[0].Status != connector.StatusFound {
			t.Fatal(got, err)
		}
		return got[0].Item.Version
	}
	base := row(1, 5, "A B", start)
	v := version(base)
	for name, change := range map[string][2]string{
		"name": {`"name":"A B"`, `"name":"A C"`}, "owner": {`"owner_id":5`, `"owner_id":6`}, "organization": {`"org_id":null`, `"org_id":77`},
		"picture": {`"picture_id":null`, `"picture_id":9`}, "custom": {`"custom_fields":{}`, `"custom_fields":{"` + codeYomi + `":"x"}`},
		"e-mail": {`"emails":[]`, `"emails":[{"value":"a@b.example","primary":true,"label":"work"}]`},
	} {
		if version(strings.Replace(base, change[0], change[1], 1), record.NameGiven) == v {
			t.Errorf("a change of %s does not change the version", name)
		}
	}
	for name, change := range map[string][2]string{
		"the time alone": {start.Format(time.RFC3339), start.Add(time.Hour).Format(time.RFC3339)}, "an unset custom field": {`"custom_fields":{}`, `"custom_fields":{"` + codeYomi + `":null}`},
		"a phantom phone": {`"phones":[]`, `"phones":[{"value":"","primary":true}]`}, "labels": {`"label_ids":[]`, `"label_ids":[3]`},
	} {
		if version(strings.Replace(base, change[0], change[1], 1)) != v {
			t.Errorf("%s changes the version", name)
		}
	}
	if version(base, record.Email) != v {
		t.Error("the version depends on the fields asked for")
	}
}
