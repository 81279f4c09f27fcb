package hubspot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
	"meibo/shared/record"
)

// index is a search over contacts that keeps the vendor's rules.
type index struct {
	t        *testing.T
	ids      []string          // ascending
	modified map[string]string // milliseconds
	searches int
}

func (x *index) answer(c call) reply {
	x.searches++
	if len(c.raw) > 3000 {
		x.t.Errorf("a search of %d characters", len(c.raw))
	}
	if _, ok := c.body["after"]; ok {
		x.t.Error("the search goes by its pages")
	}
	var body struct {
		FilterGroups []struct {
			Filters []struct{ PropertyName, Operator, Value string }
		}
		Sorts []struct{ PropertyName, Direction string }
		Limit int
	}
	if json.Unmarshal(c.raw, &body) != nil || body.Limit != 200 || body.Sorts[0].PropertyName != "hs_object_id" || body.Sorts[0].Direction != "ASCENDING" {
		x.t.Fatalf("the search is %s", c.raw)
	}
	var hit []string
	for _, id := range x.ids {
		ok := true
		for _, f := range body.FilterGroups[0].Filters {
			have := id
			if f.PropertyName == "lastmodifieddate" {
				have = x.modified[id]
			}
			a, _ := strconv.Atoi(have)
			b, _ := strconv.Atoi(f.Value)
			ok = ok && map[string]bool{"GTE": a >= b, "LT": a < b, "GT": a > b}[f.Operator]
		}
		if ok {
			hit = append(hit, id)
		}
	}
	var list []string
	for _, id := range hit[:min(len(hit), 200)] {
		list = append(list, x.row(id))
	}
	return rows(fmt.Sprintf(`,"total":%d`, len(hit)), list...)
}

func (x *index) row(id string) string {
	ms, _ := strconv.ParseInt(x.modified[id], 10, 64)
	return row(id, "email", "p"+id+"@nordkai.example", "lastmodifieddate", time.UnixMilli(ms).UTC().Format(time.RFC3339Nano))
}

// serve answers searches and reads; there are no contacts to list.
func (x *index) serve(c call) reply {
	switch {
	case strings.HasSuffix(c.path, "/search"):
		return x.answer(c)
	case strings.HasSuffix(c.path, "/batch/read"):
		var list []string
		for _, in := range c.inputs() {
			list = append(list, x.row(fmt.Sprint(in["id"])))
		}
		return batched(200, list)
	}
	return rows("")
}

// quiet is the cursor after a full listing of an empty account.
func quiet(t *testing.T, c *hubspot.Connector, scope connector.Scope) string {
	t.Helper()
	p := page(t, c, scope, "")
	if p.More || !p.Full {
		t.Fatalf("%+v", p)
	}
	return p.Next
}

func TestTensOfThousandsModifiedAtOneMomentAllCome(t *testing.T) {
	x := &index{t: t, modified: map[string]string{}}
	c, s := scripted(t, x.serve)
	cursor := quiet(t, c, connector.Scope{})
	s.clock.Advance(time.Hour)
	moment := strconv.FormatInt(s.clock.Now().Add(-30*time.Minute).UnixMilli(), 10)
	const n = 25_000
	for i := range n {
		id := strconv.Itoa(713_492_000_000 + i)
		x.ids, x.modified[id] = append(x.ids, id), moment
	}
	seen := map[string]int{}
	pages := 0
	for more := true; more; pages++ {
		p := page(t, c, connector.Scope{}, cursor)
		for _, it := range p.Changed {
			seen[it.ID]++
		}
		cursor, more = p.Next, p.More
		if pages == 60 { // another process goes on
			c = open(t, s, hubspot.Config{Extra: extra()})
		}
	}
	if len(seen) != n || x.searches != n/200 {
		t.Errorf("%d of %d contacts in %d searches", len(seen), n, x.searches)
	}
	for id, times := range seen {
		if times != 1 {
			t.Fatalf("%s came %d times", id, times)
		}
	}
	if len(cursor) > 20_000 {
		t.Errorf("the cursor has %d bytes", len(cursor))
	}
}

func TestSearchWindows(t *testing.T) {
	x := &index{t: t, modified: map[string]string{}}
	c, s := scripted(t, x.serve)
	touch := func(id string, at time.Time) {
		x.modified[id] = strconv.FormatInt(at.UnixMilli(), 10)
		if i := sort.SearchStrings(x.ids, id); i == len(x.ids) || x.ids[i] != id {
			x.ids = append(x.ids, id)
			sort.Strings(x.ids)
		}
	}
	cursor := quiet(t, c, connector.Scope{})
	next := func() string {
		p := page(t, c, connector.Scope{}, cursor)
		cursor = p.Next
		return ids(p)
	}
	t.Run("what was modified a moment ago comes too, and once", func(t *testing.T) {
		s.clock.Advance(10 * time.Minute)
		touch("101", s.clock.Now().Add(-2*time.Minute))
		touch("102", s.clock.Now().Add(-10*time.Second))
		if got := next(); got != "101,102" {
			t.Errorf("got %q", got)
		}
		s.clock.Advance(time.Minute)
		if got := next(); got != "" {
			t.Errorf("a minute later: %q", got)
		}
	})
	t.Run("one whose time moves all the time is not put off for ever", func(t *testing.T) {
		for range 5 {
			s.clock.Advance(10 * time.Minute)
			touch("102", s.clock.Now().Add(-5*time.Second))
			if got := next(); got != "102" {
				t.Errorf("got %q", got)
			}
		}
	})
	t.Run("what the index showed late is caught by the overlap", func(t *testing.T) {
		touch("103", s.clock.Now().Add(-3*time.Minute))
		if got := next(); got != "103" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a quiet search is one call, also in a new process", func(t *testing.T) {
		fresh := open(t, s, hubspot.Config{Extra: extra()})
		s.properties = "" // so that a call for the catalogue counts
		before := len(s.calls)
		s.clock.Advance(time.Minute)
		p := page(t, fresh, connector.Scope{}, cursor)
		if len(p.Changed) != 0 || p.More || len(s.calls)-before != 1 {
			t.Errorf("%s in %d calls", ids(p), len(s.calls)-before)
		}
		s.properties = catalogue()
	})
	t.Run("what a contact is now is read, whatever the index still shows", func(t *testing.T) {
		read := 0
		c, s := scripted(t, func(c call) reply {
			switch {
			case strings.HasSuffix(c.path, "/search"):
				return rows(`,"total":1`, row("7", "jobtitle", "Buyer"))
			case strings.HasSuffix(c.path, "/batch/read"):
				read++
				return batched(200, []string{row("7", "jobtitle", "Head buyer")})
			}
			return rows("")
		})
		at := quiet(t, c, connector.Scope{})
		s.clock.Advance(time.Hour)
		p := page(t, c, connector.Scope{}, at)
		if len(p.Changed) != 1 || p.Changed[0].Record.Fields.First(record.OrgTitle) != "Head buyer" || read != 1 {
			t.Errorf("got %+v in %d reads", p.Changed, read)
		}
	})
	t.Run("a time that moves by itself changes no version", func(t *testing.T) {
		a := page(t, c, connector.Scope{}, cursor)
		s.clock.Advance(time.Hour)
		touch("101", s.clock.Now().Add(-20*time.Minute))
		b := page(t, c, connector.Scope{}, a.Next)
		s.clock.Advance(time.Hour)
		touch("101", s.clock.Now().Add(-20*time.Minute))
		d := page(t, c, connector.Scope{Fields: []record.Key{record.NameGiven}}, b.Next)
		if len(b.Changed) != 1 || len(d.Changed) != 1 || b.Changed[0].Version != d.Changed[0].Version {
			t.Errorf("%+v, then %+v", b.Changed, d.Changed)
		}
	})
}

func TestSearchIsNotBelieved(t *testing.T) {
	answers := map[string]reply{
		"empty although there is something": rows(`,"total":3`),
		"out of order":                      rows(`,"total":2`, row("12"), row("11")),
		"before the id asked for":           rows(`,"total":1`, row("5")),
	}
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			first := true
			c, s := scripted(t, func(c call) reply {
				switch {
				case strings.HasSuffix(c.path, "/batch/read"):
					return batched(200, []string{row("7")})
				case !strings.HasSuffix(c.path, "/search"):
					return rows("")
				case first:
					first = false
					return rows(`,"total":9`, row("7"))
				}
				return a
			})
			cursor := quiet(t, c, connector.Scope{})
			s.clock.Advance(time.Hour)
			p := page(t, c, connector.Scope{}, cursor)
			if _, err := c.Changes(t.Context(), connector.Scope{}, p.Next); !errors.Is(err, connector.ErrTransient) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestManyPropertiesAreReadByTheHundred(t *testing.T) {
	var many []string
	for i := range 300 {
		many = append(many, prop(fmt.Sprintf("my_property_%03d", i), "string", "text", ""))
	}
	x := &index{t: t, ids: []string{"101", "102"}, modified: map[string]string{}}
	read := 0
	c, s := scripted(t, func(c call) reply {
		switch {
		case strings.HasSuffix(c.path, "/search"):
			return x.answer(c)
		case strings.HasSuffix(c.path, "/batch/read"):
			read++
			if n := len(c.body["properties"].([]any)); n < 300 {
				t.Errorf("%d properties are read", n)
			}
			return batched(200, []string{row("102", "my_property_299", "there"), row("101", "my_property_299", "here")})
		}
		if u := c.query.Encode(); len(u) > 4096 {
			t.Errorf("an address of %d characters", len(u))
		}
		return rows("", row("101"), row("102"))
	})
	s.properties = catalogue(many...)
	p := page(t, c, connector.Scope{}, "")
	if ids(p) != "101,102" || p.Changed[0].Record.Fields.First(record.Custom("my_property_299")) != "here" || read != 1 {
		t.Errorf("listed %s, %d reads: %+v", ids(p), read, p.Changed[0].Record.Fields)
	}
	s.clock.Advance(time.Hour)
	for _, id := range x.ids {
		x.modified[id] = strconv.FormatInt(s.clock.Now().Add(-time.Minute*30).UnixMilli(), 10)
	}
	p2 := page(t, c, connector.Scope{}, p.Next)
	if ids(p2) != "101,102" || read != 2 {
		t.Errorf("changed %s, %d reads", ids(p2), read)
	}
	t.Run("and so is one that was merged", func(t *testing.T) {
		_, s2 := scripted(t, func(c call) reply {
			switch {
			case strings.HasSuffix(c.path, "/batch/read") && len(c.inputs()) == 1 && c.inputs()[0]["id"] == "900":
				return batched(200, []string{row("900", "my_property_299", "whole")})
			case strings.HasSuffix(c.path, "/batch/read"):
				return batched(200, nil)
			}
			return reply{status: 200, body: row("900")}
		})
		s2.properties = catalogue(many...)
		if g := got(t, open(t, s2, hubspot.Config{Extra: extra()}), "104"); g.Item.ID != "900" || g.Item.Record.Fields.First(record.Custom("my_property_299")) != "whole" {
			t.Errorf("got %+v", g)
		}
	})
}

func TestListing(t *testing.T) {
	t.Run("goes by pages and asks for what the catalogue has", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.query.Get("after") == "" {
				return rows(`,"paging":{"next":{"after":"103"}}`, row("101", "firstname", "Jon", "email", "jon@nordkai.example", "hs_additional_emails", "a@x.example;b@x.example"), row("102"))
			}
			return rows("", row("103", "my_size", "7", "my_day", "1732060800000", "my_rank", "g"))
		})
		s.properties = catalogue(prop("my_size", "number", "number", ""), prop("my_day", "date", "date", ""),
			strings.Replace(prop("my_rank", "enumeration", "select", `,"options":[{"label":"Gold","value":"g","displayOrder":0,"hidden":false}]`), `"options":[],`, "", 1))
		p := page(t, c, connector.Scope{}, "")
		if ids(p) != "101,102" || !p.More || !p.Full {
			t.Fatalf("%s, more %v", ids(p), p.More)
		}
		var mails []string
		for _, v := range p.Changed[0].Record.Fields[record.Email] {
			mails = append(mails, v.Text)
		}
		if strings.Join(mails, " ") != "jon@nordkai.example a@x.example b@x.example" {
			t.Errorf("e-mail addresses %v", mails)
		}
		p = page(t, c, connector.Scope{}, p.Next)
		f := p.Changed[0].Record.Fields
		if ids(p) != "103" || p.More || f.First(record.Custom("my_size")) != "7" || f.First(record.Custom("my_day")) != "2024-11-20" || f.First(record.Custom("my_rank")) != "Gold" {
			t.Errorf("%s %+v", ids(p), f)
		}
		q := s.last("GET " + contactsPath).query
		if q.Get("limit") != "100" || q.Get("archived") != "false" || !strings.Contains(q.Get("properties"), "my_rank") || !strings.Contains(q.Get("properties"), "hs_merged_object_ids") {
			t.Errorf("asked %v", q)
		}
	})
	t.Run("starts again when its page is no longer known", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			if c.query.Get("after") == "" {
				return rows(`,"paging":{"next":{"after":"103"}}`, row("101"))
			}
			return refusal(400, "VALIDATION_ERROR", "after is not a cursor")
		})
		if _, err := c.Changes(t.Context(), connector.Scope{}, page(t, c, connector.Scope{}, "").Next); !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("is not believed when it goes round in a circle", func(t *testing.T) {
		n := 0
		c, _ := scripted(t, func(c call) reply {
			n++
			return rows(fmt.Sprintf(`,"paging":{"next":{"after":"%d"}}`, 100+n%3), row(fmt.Sprint(100+n)))
		})
		cursor := ""
		for range 20 {
			p, err := c.Changes(t.Context(), connector.Scope{}, cursor)
			if errors.Is(err, connector.ErrTransient) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			cursor = p.Next
		}
		t.Error("it goes on")
	})
	t.Run("is not believed when a page repeats", func(t *testing.T) {
		n := 0
		c, _ := scripted(t, func(c call) reply {
			n++
			return rows(fmt.Sprintf(`,"paging":{"next":{"after":"%d"}}`, 100+n), row("101"), row("102"))
		})
		if _, err := c.Changes(t.Context(), connector.Scope{}, page(t, c, connector.Scope{}, "").Next); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("names what was merged", func(t *testing.T) {
		c, _ := scripted(t, func(call) reply { return rows("", row("105", "hs_merged_object_ids", "101;102")) })
		p := page(t, c, connector.Scope{}, "")
		if fmt.Sprint(p.Rekeyed) != "[{101 105} {102 105}]" {
			t.Errorf("got %v", p.Rekeyed)
		}
	})
	t.Run("a choice that the catalogue does not know is not empty", func(t *testing.T) {
		c, s := scripted(t, func(call) reply { return rows("", row("101", "my_rank", "new")) })
		s.properties = catalogue(strings.Replace(prop("my_rank", "enumeration", "select", `,"options":[{"label":"Gold","value":"g","displayOrder":0,"hidden":false}]`), `"options":[],`, "", 1))
		if _, known := page(t, c, connector.Scope{}, "").Changed[0].Record.Fields[record.Custom("my_rank")]; known {
			t.Error("it is told")
		}
	})
	t.Run("owned contacts are told by the owner's id, which is not the user's", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if strings.HasPrefix(c.path, "/crm/owners/") {
				return rows("", `{"id":"41629779","email":"mira.holt@ecospin.example","userId":9586504}`)
			}
			return rows("", row("101", "hubspot_owner_id", "41629779"), row("102", "hubspot_owner_id", "9586504"), row("103"))
		})
		if got := ids(page(t, c, connector.Scope{Owned: true}, "")); got != "101,102-,103-" {
			t.Errorf("got %s", got)
		}
		if q := s.last("GET /crm/owners/2026-09").query; q.Get("email") == "" {
			t.Errorf("asked %v", q)
		}
		members, _, err := c.Members(t.Context(), connector.Scope{Owned: true}, "")
		if err != nil || strings.Join(members, ",") != "101" {
			t.Errorf("the scan names %v, %v", members, err)
		}
	})
	t.Run("owned without the right to owners says which permission is missing", func(t *testing.T) {
		_, s := scripted(t, func(call) reply { return rows("") })
		c := open(t, s, hubspot.Config{Extra: extra(hubspot.ScopeOwnersRead)})
		_, err := c.Changes(t.Context(), connector.Scope{Owned: true}, "")
		var no *connector.ForbiddenError
		if !errors.As(err, &no) || !strings.Contains(no.Cure, hubspot.ScopeOwnersRead) || !strings.Contains(no.Cure, "super admin") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSegments(t *testing.T) {
	x := &index{t: t, modified: map[string]string{}}
	oneByOne := false
	c, s := scripted(t, func(c call) reply {
		switch {
		case strings.HasSuffix(c.path, "contacts/search"):
			return x.answer(c)
		case strings.HasSuffix(c.path, "/records/memberships/batch/read"):
			if oneByOne {
				return refusal(404, "OBJECT_NOT_FOUND", "no such thing")
			}
			return rows("", `{"objectTypeId":"0-1","recordId":"101","recordListMemberships":[{"listId":"8"}]}`, `{"objectTypeId":"0-1","recordId":"104","recordListMemberships":[{"listId":"9"}]}`)
		case strings.HasSuffix(c.path, "/records/0-1/101/memberships"):
			return rows("", `{"listId":"8"}`)
		case strings.HasSuffix(c.path, "/records/0-1/104/memberships"):
			return rows("")
		case c.path == "/crm/lists/2026-09/7/memberships" && c.query.Get("after") == "":
			return rows(`,"paging":{"next":{"after":"x"}}`, `{"recordId":"101"}`, `{"recordId":"102"}`)
		case c.path == "/crm/lists/2026-09/7/memberships":
			return rows("", `{"recordId":"103"}`)
		case c.path == "/crm/lists/2026-09/8/memberships":
			return rows("", `{"recordId":"101"}`)
		case c.path == "/crm/lists/2026-09/404/memberships":
			return refusal(404, "OBJECT_NOT_FOUND", "no such list")
		case strings.HasSuffix(c.path, "/batch/read"):
			var list []string
			for _, in := range c.inputs() {
				if in["id"] != "102" { // deleted meanwhile
					list = append(list, row(in["id"].(string), "lastmodifieddate", "2026-11-01T00:00:00Z"))
				}
			}
			return batched(207, list)
		}
		return reply{status: 500}
	})
	scope := connector.Scope{Groups: []string{"7", "8"}}
	var all []string
	cursor := ""
	for more := true; more; {
		p := page(t, c, scope, cursor)
		all = append(all, ids(p))
		cursor, more = p.Next, p.More
	}
	if strings.Join(all, "|") != "101|103|101" {
		t.Errorf("listed %v", all)
	}
	t.Run("what changed is looked up in the segments", func(t *testing.T) {
		for _, single := range []bool{false, true} {
			oneByOne = single
			s.clock.Advance(time.Hour)
			x.ids = []string{"101", "104"}
			for _, id := range x.ids {
				x.modified[id] = strconv.FormatInt(s.clock.Now().Add(-10*time.Minute).UnixMilli(), 10)
			}
			p := page(t, c, connector.Scope{}, cursor)
			if ids(p) != "101,104-" {
				t.Errorf("one by one %v: %s", single, ids(p))
			}
			cursor = p.Next
		}
	})
	t.Run("the scan names all members", func(t *testing.T) {
		var members []string
		for cur, n := "", 0; n == 0 || cur != ""; n++ {
			some, next, err := c.Members(t.Context(), scope, cur)
			if err != nil {
				t.Fatal(err)
			}
			members, cur = append(members, some...), next
		}
		if strings.Join(members, ",") != "101,102,103,101" {
			t.Errorf("got %v", members)
		}
	})
	t.Run("a segment that is gone says so", func(t *testing.T) {
		_, err := c.Changes(t.Context(), connector.Scope{Groups: []string{"404"}}, "")
		var bad *connector.InvalidError
		if !errors.As(err, &bad) || !strings.Contains(bad.Reason, "segment") {
			t.Errorf("got %v", err)
		}
	})
}
