package pipedrive_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/record"
	box "meibo/shared/sandbox/pipedrive"
)

func TestOddAnswersToEveryCall(t *testing.T) {
	calls := map[string]func(*pipedrive.Connector) error{
		"Changes": func(c *pipedrive.Connector) error {
			_, err := c.Changes(t.Context(), connector.Scope{Fields: []record.Key{record.NameGiven}}, "")
			return err
		},
		"Get": func(c *pipedrive.Connector) error {
			got, err := c.Get(t.Context(), nil, []string{"1"})
			if err == nil {
				err = got[0].Err
			}
			return err
		},
		"Members": func(c *pipedrive.Connector) error {
			_, _, err := c.Members(t.Context(), connector.Scope{}, "")
			return err
		},
		"Groups":   func(c *pipedrive.Connector) error { _, err := c.Groups(t.Context()); return err },
		"Identify": func(c *pipedrive.Connector) error { _, err := c.Identify(t.Context()); return err },
		"Create": func(c *pipedrive.Connector) error {
			rs, err := c.Apply(t.Context(), []connector.Write{create(record.Fields{record.NameGiven: text("A")})})
			if err == nil {
				err = rs[0].Err
			}
			return err
		},
	}
	for name, a := range map[string]reply{
		"HTML with 200": {200, "<html>Sign in</html>", nil}, "nothing with 200": {200, "", nil}, "an empty object": {200, "{}", nil}, "null": {200, "null", nil},
		"a list": {200, "[]", nil}, "no success": {200, `{"success":false,"data":[]}`, nil}, "cut off": {200, `{"success":true,"data":[{"id":1,"na`, nil},
		"data that is none": {200, `{"success":true,"data":"x"}`, nil}, "success without data": {200, `{"success":true}`, nil},
		"records that are none": {200, `{"success":true,"data":[7]}`, nil}, "HTML with 502": {502, "<html>no</html>", nil}, "HTML with 400": {400, "<html>no</html>", nil}, "no connection": {},
	} {
		for what, do := range calls {
			c, _ := scripted(t, func(call) reply { return a })
			err := do(c)
			if !errors.Is(err, connector.ErrTransient) && !(what == "Create" && errors.Is(err, connector.ErrOutcomeUnknown)) {
				t.Errorf("%s, %s: got error %v, want it taken for a broken exchange", what, name, err)
			}
		}
	}
	t.Run("a block in HTML with 403 is a wait", func(t *testing.T) {
		for what, do := range calls {
			c, s := scripted(t, func(call) reply { return reply{403, "<html>Attention Required!</html>", nil} })
			for range 3 {
				var th *connector.ThrottledError
				if err := do(c); !errors.As(err, &th) || th.After <= 0 {
					t.Errorf("%s: got error %v, want to wait", what, err)
				}
			}
			if len(s.calls) != 1 {
				t.Errorf("%s: %d calls against a block, want 1", what, len(s.calls))
			}
		}
	})
}

// withOdd is a person of a listing, one member of which is something else.
func withOdd(member, as string) string {
	r := row(1, 5, "Jon Berg", start)
	for _, change := range [][2]string{{"emails", `"emails":[]`}, {"phones", `"phones":[]`}, {"name", `"name":"Jon Berg"`}, {"custom_fields", `"custom_fields":{}`}, {"org_id", `"org_id":null`}} {
		if change[0] == member {
			return strings.Replace(r, change[1], as, 1)
		}
	}
	return strings.Replace(r, `"is_deleted":false`, `"is_deleted":false`+as, 1)
}

func TestWhatIsNotToldOrCannotBeReadIsUnknownAndNotEmpty(t *testing.T) {
	for name, c := range map[string]struct {
		odd, as string
		unknown []record.Key
	}{
		"no e-mails":                  {"emails", `"x":1`, []record.Key{record.Email}},
		"e-mails that are none":       {"emails", `"emails":[{"value":7}]`, []record.Key{record.Email}},
		"no phones":                   {"phones", `"x":1`, []record.Key{record.Phone}},
		"no name":                     {"name", `"x":1`, []record.Key{record.NameGiven, record.NameFamily}},
		"a name that is none":         {"name", `"name":{"first":"Jon"}`, []record.Key{record.NameGiven, record.NameFamily}},
		"no organization":             {"org_id", `"x":1`, []record.Key{record.OrgName}},
		"no custom fields":            {"custom_fields", `"x":1`, []record.Key{record.Custom(codeYomi), record.Custom(codeRank), record.Custom(codeSize)}},
		"a choice made meanwhile":     {"custom_fields", `"custom_fields":{"` + codeRank + `":11}`, []record.Key{record.Custom(codeRank)}},
		"a choice as an object":       {"custom_fields", `"custom_fields":{"` + codeRank + `":{"type":"enum","id":11}}`, []record.Key{record.Custom(codeRank)}},
		"a text that is an object":    {"custom_fields", `"custom_fields":{"` + codeYomi + `":{"a":1}}`, []record.Key{record.Custom(codeYomi)}},
		"a number that is an object":  {"custom_fields", `"custom_fields":{"` + codeSize + `":{"a":1}}`, []record.Key{record.Custom(codeSize)}},
		"no members of contact sync":  {"", ``, []record.Key{record.Note, record.Birthday, record.OrgTitle, record.Address, record.IM}},
		"a note that is a list":       {"", `,"notes":["a"]`, []record.Key{record.Note}},
		"an address that is only one": {"", `,"postal_address":"Pikk 12"`, []record.Key{record.Address}},
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := scripted(t, func(call) reply { return data(rows(withOdd(c.odd, c.as), row(2, 5, "Fine Person", start)), "") })
			p := page(t, v, connector.Scope{}, "")
			if ids(p) != "1,2" {
				t.Fatalf("got %s, want both", ids(p))
			}
			f := p.Changed[0].Record.Fields
			for _, k := range c.unknown {
				if vs, told := f[k]; told {
					t.Errorf("%s reads %v, want it unknown", k, vs)
				}
			}
			if f[record.Email] == nil && !slices.Contains(c.unknown, record.Email) || f[record.NameGiven] == nil && !slices.Contains(c.unknown, record.NameGiven) {
				t.Errorf("more is unknown than that: %v", f)
			}
		})
	}
	t.Run("a part of a name that was not told is read before the other is written", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.op() == "GET /api/v2/persons" {
				return data(rows(withOdd("name", `"x":1`)), "")
			}
			if c.method == "GET" {
				return data(row(1, 5, "Jon Berg", start), "")
			}
			return echo(c)
		})
		it := page(t, c, connector.Scope{}, "").Changed[0]
		one(t, c, connector.Write{Op: connector.Update, ID: "1", Current: &it, Fields: record.Fields{record.NameFamily: text("Holt")}})
		if got := s.last("PATCH /api/v2/persons/1").body["name"]; got != "Jon Holt" {
			t.Errorf("wrote %q, want the given name kept", got)
		}
	})
}

func TestPagesThatGoRoundInACircleEnd(t *testing.T) {
	circle := func(empty bool) func(call) reply {
		n := 0
		return func(c call) reply {
			n++
			next := map[string]string{"": "a", "a": "b", "b": "c", "c": "a"}[c.query.Get("cursor")]
			if empty {
				return data("[]", next)
			}
			return data(rows(row(n, 5, "A B", start)), next)
		}
	}
	for name, list := range map[string]func(c *pipedrive.Connector, at string) (string, error){
		"Changes": func(c *pipedrive.Connector, at string) (string, error) {
			p, err := c.Changes(t.Context(), connector.Scope{}, at)
			return p.Next, err
		},
		"a filter": func(c *pipedrive.Connector, at string) (string, error) {
			p, err := c.Changes(t.Context(), connector.Scope{Groups: []string{"3"}}, at)
			return p.Next, err
		},
		"Members": func(c *pipedrive.Connector, at string) (string, error) {
			_, next, err := c.Members(t.Context(), connector.Scope{}, at)
			return next, err
		},
	} {
		for _, empty := range []bool{false, true} {
			c, s := scripted(t, circle(empty))
			var err error
			for at := ""; err == nil && len(s.calls) < 50; {
				at, err = list(c, at)
			}
			if !errors.Is(err, connector.ErrTransient) || len(s.calls) >= 50 {
				t.Errorf("%s, empty %v: got error %v after %d calls, want ErrTransient soon", name, empty, err, len(s.calls))
			}
		}
	}
}

func TestTenThousandOfOneSecond(t *testing.T) {
	const people, per = 10_000, 500
	when := start.Add(30 * time.Second)
	dies := 0 // from which page on a cursor is refused; 0 for never
	c, s := scripted(t, func(c call) reply {
		if c.query.Get("updated_since") == "" {
			return data("[]", "")
		}
		at, _ := strconv.Atoi(c.query.Get("cursor"))
		if dies > 0 && at >= dies {
			return refusal(400, "Invalid cursor")
		}
		var out []string
		for i := at * per; i < (at+1)*per; i++ {
			out = append(out, row(i+1, 5, "A B", when))
		}
		if at++; at*per == people {
			return data(rows(out...), "")
		}
		return data(rows(out...), strconv.Itoa(at))
	})
	_, _, first := listing(t, c, connector.Scope{}, "")
	s.clock.Advance(time.Minute)
	t.Run("all are named", func(t *testing.T) {
		items, _, _ := listing(t, c, connector.Scope{}, first)
		if len(items) != people {
			t.Errorf("%d of %d", len(items), people)
		}
	})
	t.Run("a cursor that always dies in that second ends in a full listing", func(t *testing.T) {
		dies = 3
		before := len(s.calls)
		at, err := first, error(nil)
		for err == nil && len(s.calls) < before+50 {
			var p connector.Page
			if p, err = c.Changes(t.Context(), connector.Scope{}, at); err == nil {
				at = p.Next
			}
		}
		if !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("got error %v after %d calls, want ErrCursorExpired", err, len(s.calls)-before)
		}
	})
}

func TestTheSameSecondAcrossTheWatermark(t *testing.T) {
	var all []string
	c, s := scripted(t, func(c call) reply {
		var out []string
		for _, r := range all { // as the vendor does it: at or after
			if since := c.query.Get("updated_since"); since == "" || r[strings.Index(r, `"update_time":"`)+15:][:20] >= since {
				out = append(out, r)
			}
		}
		return data(rows(out...), "")
	})
	all = []string{row(1, 5, "A B", start)}
	_, _, at := listing(t, c, connector.Scope{}, "")
	all = append(all, row(2, 5, "A B", start)) // in the second of the listing, after it
	all[0] = row(1, 5, "A C", start)           // and a change of what it named
	s.clock.Advance(10 * time.Second)
	items, _, at := listing(t, c, connector.Scope{}, at)
	if len(items) != 2 {
		t.Errorf("got %v, want both", items)
	}
	if items, _, _ = listing(t, c, connector.Scope{}, at); len(items) != 0 {
		t.Errorf("once more: %v", items)
	}
}

func TestOneBadIDDoesNotSpoilARead(t *testing.T) {
	c, _ := scripted(t, func(c call) reply {
		switch {
		case c.path == "/api/v2/persons":
			return refusal(400, "ids: value is out of range")
		case strings.HasSuffix(c.path, "/999999999999999999"):
			return refusal(400, "id: value is out of range")
		}
		return data(row(1, 5, "A B", start), "")
	})
	got, err := c.Get(t.Context(), nil, []string{"999999999999999999", "1"})
	if err != nil || got[0].Status == connector.StatusGone || got[1].Status != connector.StatusFound {
		t.Errorf("got %+v, %v; want 1 found", got, err)
	}
}

func TestAMergeChainIsFollowed(t *testing.T) {
	a := over(t, box.Config{}, box.User{}, nil)
	p := a.putIn("", ownPerson(1), ownPerson(2), ownPerson(3))
	a.must(a.box.Merge(mira, p[1], p[0]))
	a.must(a.box.Merge(mira, p[2], p[1]))
	got, err := a.Get(t.Context(), nil, p)
	a.must(err)
	for i, g := range got[:2] {
		if g.Status == connector.StatusInvisible || g.Status == connector.StatusFailed || g.Status == connector.StatusFound && g.Item.ID == p[i] {
			t.Errorf("%s, which was merged: %+v", p[i], g)
		}
	}
	if got[2].Status != connector.StatusFound || got[2].Item.ID != p[2] {
		t.Errorf("the last one: %+v", got[2])
	}
}

func TestAnOrganizationThatWasDeletedMeanwhile(t *testing.T) {
	gone, f := false, &firm{indexed: `{"item":{"id":77,"name":"Nordkai AS"}}`}
	c, s := scripted(t, func(c call) reply {
		if c.op() == "POST /api/v2/persons" && gone && c.body["org_id"] == 77.0 {
			return refusal(400, "Validation failed: org_id: Organization not found")
		}
		return f.answer(c)
	})
	w := create(record.Fields{record.NameGiven: text("Jon"), record.OrgName: text("Nordkai AS")})
	if r := one(t, c, w); r.Err != nil {
		t.Fatal(r.Err)
	}
	gone, f.indexed = true, ""
	rs, err := c.Apply(t.Context(), []connector.Write{w, create(record.Fields{record.NameGiven: text("Ann")}), w})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rs {
		if r.Err != nil {
			t.Errorf("write %d: %v", i, r.Err)
		}
	}
	if f.made != 1 || s.last("POST /api/v2/persons").body["org_id"] != 88.0 {
		t.Errorf("%d made, the last person is of %v; want one, 88", f.made, s.last("POST /api/v2/persons").body["org_id"])
	}
	t.Run("one that is refused again is the person's trouble alone", func(t *testing.T) {
		f.indexed = `{"item":{"id":77,"name":"Nordkai AS"}}`
		c := open(t, s, pipedrive.Config{})
		before := s.count("POST /api/v2/persons")
		var bad *connector.InvalidError
		if r := one(t, c, w); !errors.As(r.Err, &bad) || bad.Field != string(record.OrgName) || s.count("POST /api/v2/persons") != before+2 {
			t.Errorf("got %v after %d requests", r.Err, s.count("POST /api/v2/persons")-before)
		}
	})
}

func TestTheAuthorisationGoesToOneHost(t *testing.T) {
	var strangers atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		strangers.Add(1)
		fmt.Fprint(w, `{"success":true,"data":[],"additional_data":{"next_cursor":null}}`)
	}))
	t.Cleanup(evil.Close)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, evil.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(api.Close)
	c, err := pipedrive.New(pipedrive.Config{Client: api.Client(), APIDomain: api.URL, Clock: clock.NewVirtual(start, true)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Changes(t.Context(), connector.Scope{}, ""); !errors.Is(err, connector.ErrTransient) {
		t.Errorf("a redirected listing: %v, want ErrTransient", err)
	}
	if _, err := c.Apply(t.Context(), []connector.Write{create(record.Fields{record.NameGiven: text("A")})}); !errors.Is(err, connector.ErrTransient) {
		t.Errorf("a redirected write: %v, want ErrTransient", err)
	}
	if n := strangers.Load(); n != 0 {
		t.Errorf("%d requests went to another host", n)
	}
}

func TestAPictureBehindARedirectIsFetchedWithoutTheAuthorisation(t *testing.T) {
	var seen atomic.Int32
	elsewhere := roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the authorisation went along")
		}
		seen.Add(1)
		return pictureAnswer(r, 200, nil), nil
	})
	s := &script{t: t, clock: clock.NewVirtual(start, true), fields: catalogue(builtin)}
	s.answer = func(c call) reply {
		switch {
		case strings.HasSuffix(c.path, "/picture"):
			return data(`{"id":9,"pictures":{"512":"`+domain+`/pic/1.png"}}`, "")
		case strings.HasPrefix(c.path, "/pic/"):
			return reply{status: 302, header: map[string]string{"Location": "https://pictures.example/1.png"}}
		}
		return data(strings.Replace(row(1, 5, "A B", start), `"picture_id":null`, `"picture_id":9`, 1), "")
	}
	c := open(t, s, pipedrive.Config{Pictures: &http.Client{Transport: elsewhere}})
	got, err := c.Photos(t.Context(), []string{"1"})
	if err != nil || got[0] == nil || len(got[0].Data) == 0 || seen.Load() != 1 {
		t.Errorf("got %+v, %v after %d requests elsewhere", got, err, seen.Load())
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func pictureAnswer(r *http.Request, status int, h http.Header) *http.Response {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "image/png")
	w.WriteHeader(status)
	fmt.Fprint(w, "\x89PNG\r\n\x1a\n")
	resp := w.Result()
	resp.Request = r
	return resp
}

func TestNastyPeopleComeBackAsTheyWere(t *testing.T) {
	a := over(t, box.Config{Limits: box.Unlimited()}, box.User{ContactSync: true}, nil)
	v := func(text, label string) record.Value { return record.Value{Text: text, Label: label} }
	people := []record.Fields{
		{record.NameGiven: text("Cher")}, {record.NameFamily: text("佐藤")}, {record.NameGiven: text("太郎"), record.NameFamily: text("田中")}, {record.NameGiven: text("金 秀"), record.NameFamily: text("김")},
		{record.NameGiven: text("👩‍👩‍👧‍👦"), record.NameFamily: text("🏴‍☠️ x")}, {record.NameGiven: text("יעל"), record.NameFamily: text("בן־דוד")}, {record.NameGiven: text("محمد"), record.NameFamily: text("\u200fالأحمد")},
		{record.NameGiven: text("Mary Ann"), record.NameFamily: text("van der Berg")}, {record.NameGiven: text("Zoë"), record.NameFamily: text("O'Brien–Müller")},
		{record.NameGiven: text("Leap"), record.Birthday: text("2000-02-29")}, {record.NameGiven: text("Old"), record.Birthday: text("1899-12-31")},
		{record.NameGiven: text("Ext"), record.Phone: {v("+1 555 0100 ext. 42", "work"), v("03-1234-5678 内線9", "home")}, record.Email: {v("Aiko Tanaka <aiko@x.example>", "work"), v("b@x.example", "私用")}},
		{record.NameGiven: text("Long"), record.Note: text(strings.Repeat("行\n\"<&>\\\u2028", 1200))},
		{record.NameGiven: text("Org"), record.OrgName: text("北野精機（株）")}, {record.NameGiven: text("Org2"), record.OrgName: text(" Ümlaut & Söhne ")},
		{record.NameGiven: text("Land"), record.Address: {{Parts: map[record.Part]string{record.PartCountry: "日本", record.PartRegion: "東京都", record.PartStreet: "a\nb"}}}},
	}
	var ws []connector.Write
	for _, f := range people {
		ws = append(ws, create(f))
	}
	rs, err := a.Apply(t.Context(), ws)
	a.must(err)
	for round := range 2 { // as created, and after an update of something else
		var all []string
		for i, r := range rs {
			if r.Err != nil {
				t.Fatalf("%d: %v", i, r.Err)
			}
			all = append(all, r.ID)
		}
		got, err := a.open().Get(t.Context(), nil, all)
		a.must(err)
		ws = nil
		for i, g := range got {
			for k, want := range people[i] {
				if vs := g.Item.Record.Fields[k]; !slices.EqualFunc(vs, want, func(a, b record.Value) bool {
					return (a.Text == b.Text || k == record.OrgName && a.Text == strings.TrimSpace(b.Text)) && a.Label == b.Label && fmt.Sprint(a.Parts) == fmt.Sprint(b.Parts)
				}) {
					t.Errorf("round %d, %d, %s: got %.90q, want %.90q", round, i, k, fmt.Sprint(vs), fmt.Sprint(want))
				}
			}
			it := g.Item
			ws = append(ws, connector.Write{Op: connector.Update, ID: it.ID, Current: &it, Fields: record.Fields{record.OrgTitle: text("x")}})
		}
		rs, err = a.Apply(t.Context(), ws)
		a.must(err)
	}
}

func TestCallsAndTimeOfManyAreWhatTheLimitsDictate(t *testing.T) {
	const people = 2000
	a := over(t, box.Config{Limits: box.Limits{DailyTokens: 1_000_000}}, box.User{Plan: "growth"}, nil)
	a.box.Faults().ResetCalls()
	began, total := a.clock.Now(), 0
	t.Logf("%-8s %6s %6s", "", "calls", "floor")
	measure := func(name string, w connector.Work, extra int, do func()) {
		t.Helper()
		a.Reuse()
		a.box.Faults().ResetCalls()
		do()
		calls, floor := a.box.Faults().Total(), a.Floor(w)+extra
		t.Logf("%-8s %6d %6d", name, calls, floor)
		if calls > floor {
			t.Errorf("%s: %d calls, the floor is %d", name, calls, floor)
		}
		total += calls
	}
	var items []connector.Item
	apply := func(n, size int, write func(int) connector.Write) {
		t.Helper()
		for from := 0; from < n; from += size {
			var ws []connector.Write
			for i := from; i < from+size; i++ {
				ws = append(ws, write(i))
			}
			rs, err := a.Apply(t.Context(), ws)
			a.must(err)
			for _, r := range rs {
				a.must(r.Err)
			}
		}
	}
	measure("create", connector.Work{Created: people}, 1, func() { // and the field catalogue
		apply(people, 100, func(i int) connector.Write {
			return create(record.Fields{record.NameGiven: text(fmt.Sprint("G", i)), record.OrgName: text(fmt.Sprint("Firm ", i%50))})
		})
	})
	measure("list", connector.Work{Listed: []int{people}}, 0, func() {
		for at, more := "", true; more; {
			p := page(t, a.Connector, connector.Scope{}, at)
			items = append(items, p.Changed...)
			at, more = p.Next, p.More
		}
	})
	if len(items) != people {
		t.Fatalf("%d people were listed, want %d", len(items), people)
	}
	measure("get", connector.Work{Read: people}, 0, func() {
		for from := 0; from < people; from += 100 {
			var some []string
			for _, it := range items[from : from+100] {
				some = append(some, it.ID)
			}
			_, err := a.Get(t.Context(), nil, some)
			a.must(err)
		}
	})
	measure("update", connector.Work{Updated: people}, 0, func() {
		apply(people, 50, func(i int) connector.Write {
			return connector.Write{Op: connector.Update, ID: items[i].ID, Current: &items[i], Fields: record.Fields{record.NameFamily: text("F")}}
		})
	})
	measure("delete", connector.Work{Deleted: people}, 0, func() {
		apply(people, 50, func(i int) connector.Write {
			return connector.Write{Op: connector.Delete, ID: items[i].ID, Current: &items[i]}
		})
	})
	dictated, took := time.Duration((total-1)/160)*2*time.Second, a.clock.Now().Sub(began)
	t.Logf("%d calls took %s, the limits dictate %s", total, took, dictated)
	if took > dictated*11/10 {
		t.Errorf("took %s, more than 1.1 times %s", took, dictated)
	}
}

func TestAListingOfManyHoldsOnePage(t *testing.T) {
	const pages, per = 40, 500
	c, _ := scripted(t, func(c call) reply {
		at, _ := strconv.Atoi(c.query.Get("cursor"))
		out := make([]string, per)
		for i := range out {
			out[i] = row(at*per+i+1, 5, "Given Family", start)
		}
		next := strconv.Itoa(at + 1)
		if at+1 == pages {
			next = ""
		}
		return data(rows(out...), next)
	})
	n, cursor, at := 0, 0, ""
	var peak uint64
	for more := true; more; {
		p := page(t, c, connector.Scope{}, at)
		n, cursor = n+len(p.Changed), max(cursor, len(p.Next))
		if at, more = p.Next, p.More; n%(10*per) == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}
	t.Logf("%d people; at most %d MB held, cursors of at most %d bytes", n, peak>>20, cursor)
	if n != pages*per || peak > 64<<20 || cursor > 10_000 {
		t.Errorf("%d people, %d bytes held, cursors of %d bytes", n, peak, cursor)
	}
}
