package graph_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/record"
	graphbox "meibo/shared/sandbox/graph"
)

// responses is the answer to a batch with these parts.
func responses(parts ...string) func(part) reply {
	return ok(`{"responses":[` + strings.Join(parts, ",") + `]}`)
}

func made(id, contact string) string {
	return `{"id":"` + id + `","status":201,"headers":{},"body":` + whole(contact, "k", nil) + `}`
}

func slowed(id string) string {
	return `{"id":"` + id + `","status":429,"headers":{"Retry-After":"1"},"body":{"error":{"code":"ApplicationThrottled","message":""}}}`
}

func TestOddAnswersToABatchOfCreates(t *testing.T) {
	const done, unknown = "done", "unknown"
	for name, c := range map[string]struct {
		answer  func(part) reply
		want    [2]string
		batches int
	}{
		"a part is missing":                       {responses(made("1", "B")), [2]string{unknown, done}, 1},
		"a part is there twice":                   {responses(made("0", "A"), made("1", "B"), made("0", "A2")), [2]string{unknown, done}, 1},
		"a part is done and throttled":            {responses(made("0", "A"), slowed("0"), made("1", "B")), [2]string{unknown, done}, 1},
		"parts that nobody asked for":             {responses(made("7", "C"), made("x", "D"), made("-1", "E"), made("0", "A"), made("1", "B")), [2]string{done, done}, 1},
		"nothing at all":                          {ok(``), [2]string{unknown, unknown}, 1},
		"a page of HTML":                          {ok(`<html>Sign in</html>`), [2]string{unknown, unknown}, 1},
		"cut off in the middle":                   {ok(`{"responses":[` + made("0", "A")[:40]), [2]string{unknown, unknown}, 1},
		"the second answer is about a part again": {then(responses(made("0", "A"), slowed("1")), responses(`{"id":"0","status":500,"body":{}}`, made("1", "B"))), [2]string{done, done}, 2},
		"ids of another form": {responses(made("1", "B"), `{"id":"0","status":201,"headers":{"Preference-Applied":"IdType=\"Default\""},"body":`+whole("A", "k", nil)+`}`),
			[2]string{unknown, done}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			s := newServer(t, map[string]func(part) reply{"POST /$batch": func(p part) reply { n++; return c.answer(p) }})
			rs, err := s.connector().Apply(ctx, []connector.Write{create(named("A").Fields), create(named("B").Fields)})
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range rs {
				got := fmt.Sprint(r.Err)
				switch {
				case errors.Is(r.Err, connector.ErrOutcomeUnknown):
					got = unknown
				case r.Err == nil && r.ID == []string{"A", "B"}[i]:
					got = done
				}
				if got != c.want[i] {
					t.Errorf("write %d: %s (id %q), want %s", i, got, r.ID, c.want[i])
				}
			}
			if n != c.batches {
				t.Errorf("%d batches, want %d", n, c.batches)
			}
		})
	}
}

func TestAnUpdateAnsweredWithAnotherIDIsNotBelieved(t *testing.T) {
	s := newServer(t, map[string]func(part) reply{"PATCH /me/contacts/A": ok(whole("AAMkOther", "k2", nil))})
	rs, err := s.connector().Apply(ctx, []connector.Write{update(read(t, nil), record.Fields{record.OrgTitle: text("x")})})
	if err != nil || !errors.Is(rs[0].Err, connector.ErrOutcomeUnknown) || rs[0].ID != "A" {
		t.Errorf("got %+v, %v; want an unknown outcome for A", rs, err)
	}
}

func TestABatchIsNoLargerThanARequestMayBe(t *testing.T) {
	largest, parts := 0, 0
	refuseFrom := 4 << 20
	s := newServer(t, nil)
	s.on = map[string]func(part) reply{
		"POST /$batch": func(p part) reply {
			if len(p.Body) > refuseFrom {
				return reply{status: 413, body: `<html>Request Entity Too Large</html>`}
			}
			largest = max(largest, len(p.Body))
			a := s.batch(p)
			parts = len(s.parts)
			return a
		},
		"POST /me/contacts": func() func(part) reply {
			n := 0
			return func(part) reply { n++; return reply{status: 201, body: whole(fmt.Sprint("N", n), "k", nil)} }
		}(),
	}
	var ws []connector.Write
	for range 20 {
		ws = append(ws, create(record.Fields{record.NameGiven: text("A"), record.Note: text(strings.Repeat("<b>長い</b> & ", 15_000))}))
	}
	all := func(t *testing.T) {
		t.Helper()
		rs, err := s.connector().Apply(ctx, ws)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rs {
			if r.Err != nil || r.ID == "" {
				t.Fatalf("write %d: %+v", i, r)
			}
		}
	}
	t.Run("large records go in several batches", func(t *testing.T) {
		all(t)
		if largest > 4_000_000 || parts != 20 {
			t.Errorf("the largest batch has %d bytes, %d parts were sent", largest, parts)
		}
	})
	t.Run("what is refused for its size goes in smaller ones", func(t *testing.T) {
		refuseFrom = 1 << 20
		all(t)
	})
	t.Run("a record that is too large by itself is refused alone", func(t *testing.T) {
		refuseFrom = 100_000
		ws[1].Fields = named("B").Fields
		rs, err := s.connector().Apply(ctx, ws[:3])
		var bad *connector.InvalidError
		if err != nil || rs[1].Err != nil || !errors.As(rs[0].Err, &bad) || !errors.As(rs[2].Err, &bad) {
			t.Errorf("got %+v, %v", rs, err)
		}
	})
}

func TestPagesThatGoRoundInACircleEnd(t *testing.T) {
	empty := func(next string) func(part) reply { return ok(page(next, "")) }
	round := func(on map[string]func(part) reply) map[string]func(part) reply {
		on["GET /d?$skiptoken=1"] = empty("/d?$skiptoken=2")
		on["GET /d?$skiptoken=2"] = empty("/d?$skiptoken=3")
		on["GET /d?$skiptoken=3"] = empty("/d?$skiptoken=1")
		return on
	}
	t.Run("of a first listing", func(t *testing.T) {
		s := newServer(t, round(map[string]func(part) reply{deltaF: empty("/d?$skiptoken=1")}))
		if _, err := s.connector().Changes(ctx, scopeF, ""); !errors.Is(err, connector.ErrTransient) || len(s.log) > 20 {
			t.Errorf("got error %v after %d requests, want ErrTransient soon", err, len(s.log))
		}
	})
	t.Run("of a first listing with contacts, from cursor to cursor", func(t *testing.T) {
		n := 0
		with := func(next string) func(part) reply {
			return func(part) reply {
				n++
				return reply{status: 200, body: page(next, "", whole(fmt.Sprint("A", n), "k", nil))}
			}
		}
		s := newServer(t, map[string]func(part) reply{deltaF: with("/d?$skiptoken=1"), "GET /d?$skiptoken=1": with("/d?$skiptoken=2"), "GET /d?$skiptoken=2": with("/d?$skiptoken=1")})
		c, at := s.connector(), ""
		for {
			p, err := c.Changes(ctx, scopeF, at)
			if err != nil {
				if !errors.Is(err, connector.ErrTransient) {
					t.Errorf("got error %v, want ErrTransient", err)
				}
				return
			}
			if at = p.Next; n > 20 {
				t.Fatal("it goes on")
			}
		}
	})
	t.Run("of later listings", func(t *testing.T) {
		s := newServer(t, round(map[string]func(part) reply{deltaF: ok(page("", "/d?$deltatoken=0", whole("A", "k", nil))), "GET /d?$deltatoken=0": empty("/d?$skiptoken=1")}))
		c := s.connector()
		if _, err := c.Changes(ctx, scopeF, changes(t, c, scopeF, "").Next); !errors.Is(err, connector.ErrCursorExpired) || len(s.log) > 20 {
			t.Errorf("got error %v after %d requests, want ErrCursorExpired soon", err, len(s.log))
		}
	})
	t.Run("of folders", func(t *testing.T) {
		folders := func(next string) func(part) reply {
			return ok(`{"value":[{"id":"F","displayName":"F"}],"@odata.nextLink":"BASE` + next + `"}`)
		}
		s := newServer(t, map[string]func(part) reply{"GET /me/contactFolders": folders("/me/contactFolders?$skip=1"),
			"GET /me/contactFolders?$skip=1": folders("/me/contactFolders?$skip=2"), "GET /me/contactFolders?$skip=2": folders("/me/contactFolders?$skip=1")})
		if _, err := s.connector().Describe(ctx); !errors.Is(err, connector.ErrTransient) || len(s.log) > 20 {
			t.Errorf("got error %v after %d requests, want ErrTransient soon", err, len(s.log))
		}
	})
}

func TestAThousandPagesAreNoCircle(t *testing.T) {
	const pages = 1000
	s := newServer(t, map[string]func(part) reply{deltaF: ok(page("/d?$skiptoken=1", ""))})
	for i := 1; i <= pages; i++ {
		s.on[fmt.Sprintf("GET /d?$skiptoken=%d", i)] = ok(page(fmt.Sprintf("/d?$skiptoken=%d", i+1), ""))
	}
	s.on[fmt.Sprintf("GET /d?$skiptoken=%d", pages)] = ok(page("", "/d?$deltatoken=1", whole("A", "k", nil)))
	if p := changes(t, s.connector(), scopeF, ""); ids(p) != "A:1" {
		t.Errorf("got %s", ids(p))
	}
}

// A contact that is deleted or moved while a full listing lasts is told as a tombstone in a later page of it, and never again.
func TestATombstoneDuringAFullListingIsToldByTheNext(t *testing.T) {
	s := newServer(t, map[string]func(part) reply{
		deltaF:                 ok(page("/d?$skiptoken=1", "", whole("A", "k", nil), whole("B", "k", nil))),
		"GET /d?$skiptoken=1":  ok(page("", "/d?$deltatoken=1", removed("A", "deleted"), removed("A", "deleted"), whole("C", "k", nil))),
		"GET /d?$deltatoken=1": then(refuse(503, "ServiceUnavailable"), ok(page("", "/d?$deltatoken=2"))), "GET /d?$deltatoken=2": ok(page("", "/d?$deltatoken=3")),
	})
	c := s.connector()
	p := changes(t, c, scopeF, "")
	p = changes(t, c, scopeF, p.Next)
	if ids(p) != "C:1" || !p.Full || p.More {
		t.Fatalf("second page: %s", ids(p))
	}
	if _, err := c.Changes(ctx, scopeF, p.Next); !errors.Is(err, connector.ErrTransient) {
		t.Fatalf("got error %v", err)
	}
	if p = changes(t, c, scopeF, p.Next); ids(p) != fmt.Sprint("-A:", connector.EvidenceScoped) || p.More || p.Full {
		t.Errorf("the next listing: %s", ids(p))
	}
	if p = changes(t, c, scopeF, p.Next); ids(p) != "" {
		t.Errorf("the one after it: %s", ids(p))
	}
}

func TestGetProvesMembershipOfAChosenFolder(t *testing.T) {
	s := newServer(t, map[string]func(part) reply{
		deltaF: ok(page("", "/f?$deltatoken=1")), "GET /me/contactFolders/G/contacts/delta": ok(page("", "/g?$deltatoken=1")),
		"GET /me/contacts/A": ok(whole("A", "k", map[string]any{"parentFolderId": "G"})),
		"GET /me/contacts/B": ok(whole("B", "k", map[string]any{"parentFolderId": "H"})),
		"GET /me/contacts/C": ok(whole("AAMkC", "k", map[string]any{"parentFolderId": "G"})),
	})
	c := s.connector()
	get := func() []connector.Got {
		t.Helper()
		got, err := c.Get(ctx, nil, []string{"A", "B", "C"})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := get(); got[0].Item.Scope != connector.ScopeUnknown {
		t.Errorf("before any listing: %v", got[0].Item.Scope)
	}
	changes(t, c, connector.Scope{Groups: []string{"folder:F", "folder:G"}}, "")
	got := get()
	if got[0].Item.Scope != connector.InScope || got[1].Item.Scope != connector.ScopeUnknown {
		t.Errorf("A is %v and B %v, want A in scope and B unknown", got[0].Item.Scope, got[1].Item.Scope)
	}
	if got[2].Status != connector.StatusFailed || !errors.Is(got[2].Err, connector.ErrTransient) {
		t.Errorf("another id than asked for: %+v, want it not believed", got[2])
	}
}

func TestTheAuthorisationGoesToOneHost(t *testing.T) {
	var strangers atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		strangers.Add(1)
		fmt.Fprint(w, page("", "/d?$deltatoken=1"))
	}))
	t.Cleanup(evil.Close)
	host := strings.TrimPrefix(evil.URL, "http://")
	for name, link := range map[string]string{
		"another host": evil.URL + "/v1.0/d?$skiptoken=1", "no scheme": "//" + host + "/v1.0/d?$skiptoken=1", "our host as its user": "BASE@" + host + "/d?$skiptoken=1",
		"our host as a prefix": "BASE." + host + "/d", "a path only": "/v1.0/d?$skiptoken=1", "another scheme": "ftp://" + host + "/d", "nothing of sense": "http://%zz/",
	} {
		for _, kind := range []string{"nextLink", "deltaLink"} {
			s := newServer(t, map[string]func(part) reply{deltaF: ok(`{"value":[` + whole("A", "k", nil) + `],"@odata.` + kind + `":"` + link + `"}`)})
			if _, err := s.connector().Changes(ctx, scopeF, ""); !errors.Is(err, connector.ErrTransient) || strings.Contains(err.Error(), host) {
				t.Errorf("%s as %s: got error %v, want ErrTransient", name, kind, err)
			}
		}
	}
	s := newServer(t, map[string]func(part) reply{deltaF: func(part) reply { return reply{302, map[string]string{"Location": evil.URL + "/v1.0/d"}, ""} }})
	if _, err := s.connector().Changes(ctx, scopeF, ""); err == nil {
		t.Error("a redirect was followed")
	}
	if n := strangers.Load(); n != 0 {
		t.Errorf("%d requests went to another host", n)
	}
}

func TestOddAnswersToEveryRead(t *testing.T) {
	calls := map[string]func(*graph.Connector) error{
		"Changes":   func(c *graph.Connector) error { _, err := c.Changes(ctx, connector.Scope{}, ""); return err },
		"Get":       func(c *graph.Connector) error { _, err := c.Get(ctx, nil, []string{"A"}); return err },
		"Describe":  func(c *graph.Connector) error { _, err := c.Describe(ctx); return err },
		"Groups":    func(c *graph.Connector) error { _, err := c.Groups(ctx); return err },
		"MakeGroup": func(c *graph.Connector) error { _, err := c.MakeGroup(ctx, "CRM", "m"); return err },
		"Identify":  func(c *graph.Connector) error { _, err := c.Identify(ctx); return err },
	}
	for name, a := range map[string]reply{
		"HTML with 200": {200, nil, "<html>Sign in</html>"}, "nothing with 200": {200, nil, ""}, "an empty object": {200, nil, "{}"}, "null": {200, nil, "null"}, "a list": {200, nil, "[]"},
		"cut off": {200, nil, `{"value":[{"id":"A","chan`}, "a value that is none": {200, nil, `{"value":"A","id":7}`}, "HTML with 403": {403, nil, "<html>no</html>"},
		"HTML with 502": {502, nil, "<html>no</html>"}, "HTML with 404": {404, nil, "<html>no</html>"}, "no connection": {},
	} {
		for call, do := range calls {
			answer := func(part) reply { return a }
			s := newServer(t, map[string]func(part) reply{"GET ": answer, "POST ": answer, "POST /$batch": answer})
			if err := do(s.connector()); !errors.Is(err, connector.ErrTransient) && !errors.Is(err, connector.ErrOutcomeUnknown) {
				t.Errorf("%s, %s: got error %v, want ErrTransient", call, name, err)
			}
		}
	}
	t.Run("a refusal with 403 says whom to ask", func(t *testing.T) {
		s := newServer(t, map[string]func(part) reply{"GET ": refuse(403, "ErrorAccessDenied"), "POST ": refuse(403, "ErrorAccessDenied"), "POST /$batch": refuse(403, "ErrorAccessDenied")})
		for call, do := range calls {
			var no *connector.ForbiddenError
			if err := do(s.connector()); !errors.As(err, &no) || no.Cure == "" {
				t.Errorf("%s: got error %v", call, err)
			}
		}
	})
}

// nasty are people whom somebody else's code did not expect.
func nasty() []record.Record {
	v := func(text, label string) record.Value { return record.Value{Text: text, Label: label} }
	var out []record.Record
	for _, f := range []record.Fields{
		{record.NameGiven: text("Cher")}, {record.NameFamily: text("佐藤")}, {record.NameGiven: text("太郎"), record.NameFamily: text("田中"), record.NamePhoneticGiven: text("たろう")},
		{record.NameGiven: text("👩‍👩‍👧‍👦"), record.NameFamily: text("🏴‍☠️")}, {record.NameGiven: text("יעל"), record.NameFamily: text("בן־דוד")}, {record.NameGiven: text("محمد"), record.NameFamily: text("\u200fالأحمد")},
		{record.NameGiven: text("Zoë"), record.NameFamily: text("O'Brien–Müller")}, {record.OrgName: text("北野精機（株）")}, {record.NameGiven: text("A  B"), record.NameFamily: text("C\u3000D")},
		{record.NameGiven: text("Leap"), record.Birthday: text("2000-02-29")}, {record.NameGiven: text("NoYear"), record.Birthday: text("--02-29")}, {record.NameGiven: text("Old"), record.Birthday: text("1899-12-31")},
		{record.NameGiven: text("Ext"), record.Phone: {v("+1 555 0100 ext. 42", "work"), v("03-1234-5678 内線9", "home")}},
		{record.NameGiven: text("Long"), record.Note: text(strings.Repeat("行\n\"<&>\\\u2028", 1500))},
		{record.NameGiven: text(strings.Repeat("長", 200)), record.NameFamily: text(strings.Repeat("名", 200))},
		{record.NameGiven: text("Land"), record.Address: {{Label: "work", Parts: map[record.Part]string{record.PartCountry: "DE", record.PartStreet: "a\nb"}}, {Label: "home", Parts: map[record.Part]string{record.PartCountry: "日本"}}}},
	} {
		out = append(out, record.Record{Kind: record.Contact, Fields: f})
	}
	return out
}

func TestNastyPeopleComeBackAsTheyWere(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	c := b.connector()
	people := nasty()
	var ws []connector.Write
	for _, p := range people {
		ws = append(ws, create(p.Fields))
	}
	rs, err := c.Apply(ctx, ws)
	b.must(err)
	for round := range 2 { // as created, and after an update that changes nothing else
		var all []string
		for i, r := range rs {
			if r.Err != nil {
				t.Fatalf("%d: %v", i, r.Err)
			}
			all = append(all, r.ID)
		}
		got, err := c.Get(ctx, nil, all)
		b.must(err)
		ws = nil
		for i, g := range got {
			for k, want := range people[i].Fields {
				if vs := g.Item.Record.Fields[k]; !slices.EqualFunc(vs, want, func(a, b record.Value) bool {
					return a.Text == b.Text && a.Label == b.Label && fmt.Sprint(a.Parts) == fmt.Sprint(b.Parts)
				}) {
					t.Errorf("round %d, %d, %s: got %.80q, want %.80q", round, i, k, fmt.Sprint(vs), fmt.Sprint(want))
				}
			}
			ws = append(ws, update(g.Item, record.Fields{record.Nickname: text("N")}))
		}
		rs, err = c.Apply(ctx, ws)
		b.must(err)
	}
}

// The whole of a first sync under the published limits: a part of a batch counts as a request.
func TestTenThousandTakeNoMoreCallsAndTimeThanTheLimitsDictate(t *testing.T) {
	const people = 10_000
	b := newBox(t, nil, graphbox.User{})
	c := b.connector(func(c *graph.Config) { c.Limits, c.Visibility = graph.DefaultLimits(), time.Second })
	total, units := 0, 0
	t.Logf("%-8s %6s %6s", "", "calls", "floor")
	measure := func(name string, w connector.Work, cost int, do func()) {
		t.Helper()
		c.Reuse()
		b.sb.Faults().ResetCalls()
		do()
		calls, floor := b.sb.Faults().Total(), c.Floor(w)
		t.Logf("%-8s %6d %6d", name, calls, floor)
		if calls > floor {
			t.Errorf("%s: %d calls, the floor is %d", name, calls, floor)
		}
		total, units = total+calls, units+cost
	}
	var made []string
	apply := func(n int, write func(int) connector.Write) {
		t.Helper()
		for from := 0; from < n; from += 20 {
			var ws []connector.Write
			for i := from; i < min(from+20, n); i++ {
				ws = append(ws, write(i))
			}
			rs, err := c.Apply(ctx, ws)
			b.must(err)
			for i, r := range rs {
				b.must(r.Err)
				if ws[i].Op == connector.Create {
					made = append(made, r.ID)
				}
			}
		}
	}
	measure("create", connector.Work{Created: people}, people, func() { apply(people, func(i int) connector.Write { return create(named(fmt.Sprint("P", i)).Fields) }) })
	b.clock.Advance(30 * time.Second) // the stand-in's lag
	var items []connector.Item
	measure("list", connector.Work{Listed: []int{people}}, people/200, func() {
		for at, more := "", true; more; {
			p := changes(t, c, connector.Scope{}, at)
			items = append(items, p.Changed...)
			at, more = p.Next, p.More
		}
	})
	if len(items) != people {
		t.Fatalf("%d contacts were listed, want %d", len(items), people)
	}
	measure("get", connector.Work{Read: 2000}, 2000, func() {
		for chunk := range slices.Chunk(made[:2000], 20) {
			_, err := c.Get(ctx, nil, chunk)
			b.must(err)
		}
	})
	measure("update", connector.Work{Updated: 2000}, 2000, func() {
		apply(2000, func(i int) connector.Write { return update(items[i], record.Fields{record.OrgTitle: text("x")}) })
	})
	measure("delete", connector.Work{Deleted: 2000}, 2000, func() {
		apply(2000, func(i int) connector.Write { return connector.Write{Op: connector.Delete, ID: items[people-1-i].ID} })
	})
	dictated := time.Duration((units-1)/10_000) * 10 * time.Minute
	took := b.clock.Now().Sub(start)
	t.Logf("%d requests in %d calls took %s, the limits dictate %s", units, total, took, dictated)
	if took > dictated*11/10 {
		t.Errorf("took %s, more than 1.1 times %s", took, dictated)
	}
}

func TestAListingOfManyHoldsOnePage(t *testing.T) {
	const pages, perPage = 100, 200
	entries := make([]string, perPage)
	one := whole("ID", "k", map[string]any{"givenName": "Given", "surname": "Family", "personalNotes": "A few words."})
	s := newServer(t, map[string]func(part) reply{"GET ": func(p part) reply {
		at, _ := url.Parse(p.URL)
		n := 0
		fmt.Sscan(at.Query().Get("$skiptoken"), &n)
		for i := range entries {
			entries[i] = strings.Replace(one, "ID", fmt.Sprint("C", n*perPage+i), 1)
		}
		if n++; n == pages {
			return reply{status: 200, body: page("", "/d?$deltatoken=1", entries...)}
		}
		return reply{status: 200, body: page(fmt.Sprint("/d?$skiptoken=", n), "", entries...)}
	}})
	c, at, n, cursor := s.connector(), "", 0, 0
	var peak uint64
	for more := true; more; {
		p := changes(t, c, scopeF, at)
		n, cursor = n+len(p.Changed), max(cursor, len(p.Next))
		at, more = p.Next, p.More
		if n%(20*perPage) == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}
	t.Logf("%d contacts; at most %d MB held, cursors of at most %d bytes", n, peak>>20, cursor)
	if n != pages*perPage || peak > 64<<20 || cursor > 2000 {
		t.Errorf("%d contacts, %d bytes held, cursors of %d bytes", n, peak, cursor)
	}
}
