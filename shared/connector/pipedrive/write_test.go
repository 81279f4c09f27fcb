package pipedrive_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/record"
)

// echo answers writes of people with what they wrote, as a vendor does that cuts names at the first space.
func echo(c call) reply {
	name, _ := c.body["name"].(string)
	return data(row(9, 5, name, start), "")
}

func TestNames(t *testing.T) {
	for _, n := range []struct{ given, family, whole string }{
		{"Jon", "Berg", "Jon Berg"},
		{"Ines", "", "Ines"},
		{"", "Berg", "- Berg"},
		{"", "", "-"},
		{"Mary Ann", "van der Berg", "Mary\u00a0Ann van der Berg"},
		{"Mary Ann", "", "Mary\u00a0Ann"},
		{"太郎", "田中", "田中 太郎"},
		{"", "田中", "田中"},
		{"太郎", "", "- 太郎"},
		{"タロー", "ﾀﾅｶ", "ﾀﾅｶ タロー"},
		{"Taro", "田中", "Taro 田中"},
		{"François　Ｊ", "Smith", "François　Ｊ Smith"},
		{"隆　Ｊ", "", "隆　Ｊ"},
		{"O'Brien \"Bob\" \\ back", "x", "O'Brien\u00a0\"Bob\"\u00a0\\\u00a0back x"},
	} {
		t.Run(fmt.Sprintf("%q %q comes back as it was", n.given, n.family), func(t *testing.T) {
			c, s := scripted(t, echo)
			f := record.Fields{}
			f.Set(record.NameGiven, n.given)
			f.Set(record.NameFamily, n.family)
			r := one(t, c, create(f))
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			if got := s.last("POST /api/v2/persons").body["name"]; got != n.whole {
				t.Errorf("wrote %q, want %q", got, n.whole)
			}
			back := r.Item.Record.Fields
			if back.First(record.NameGiven) != n.given || back.First(record.NameFamily) != n.family {
				t.Errorf("read %q %q", back.First(record.NameGiven), back.First(record.NameFamily))
			}
		})
	}
}

func TestNamesOfOthers(t *testing.T) {
	for _, n := range []struct{ whole, first, last, given, family string }{
		{"Jon Berg", "Jon", "Berg", "Jon", "Berg"},
		{"Mary Ann Smith", "Mary Ann", "Smith", "Mary Ann", "Smith"}, // named one by one
		{"Mary Ann Smith", "Mary", "Ann Smith", "Mary", "Ann Smith"},
		{"田中 太郎", "田中", "太郎", "太郎", "田中"},
		{"田中 太郎", "太郎", "田中", "太郎", "田中"}, // named one by one
		{"田中　太郎", "田中　太郎", "", "太郎", "田中"},
		{"田中", "田中", "", "", "田中"},
		{"Berg", "", "Berg", "", "Berg"}, // named one by one
		{"Jon Berg", "", "", "Jon", "Berg"},
		{"", "Jon", "Berg", "Jon", "Berg"},
	} {
		t.Run(fmt.Sprintf("%s (%s/%s)", n.whole, n.first, n.last), func(t *testing.T) {
			c, _ := scripted(t, func(call) reply {
				return data(fmt.Sprintf(`{"id":1,"name":%q,"first_name":%q,"last_name":%q}`, n.whole, n.first, n.last), "")
			})
			got, err := c.Get(t.Context(), nil, []string{"1"})
			if err != nil {
				t.Fatal(err)
			}
			f := got[0].Item.Record.Fields
			if f.First(record.NameGiven) != n.given || f.First(record.NameFamily) != n.family {
				t.Errorf("read %q %q, want %q %q", f.First(record.NameGiven), f.First(record.NameFamily), n.given, n.family)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	body := `{"id":9,"name":"Jon Berg","first_name":"Jon","last_name":"Berg","owner_id":5,"org_id":77,"update_time":"2026-11-20T09:00:00Z","emails":[],"phones":[],
		"postal_address":{"value":"Pikk 12, Tallinn, Estonia","route":"Pikk","street_number":"12","locality":"Tallinn","sublocality":"Old Town","country":"Estonia"},
		"im":[],"notes":null,"birthday":null,"job_title":null,"custom_fields":{"` + codeRank + `":7}}`
	c, s := scripted(t, func(c call) reply {
		if c.path == "/api/v2/organizations" {
			return data(`[{"id":77,"name":"Nordkai AS"}]`, "")
		}
		return data(body, "")
	})
	got, err := c.Get(t.Context(), nil, []string{"9"})
	if err != nil {
		t.Fatal(err)
	}
	it := got[0].Item
	t.Run("what was read", func(t *testing.T) {
		f := it.Record.Fields
		if f.First(record.OrgName) != "Nordkai AS" || f.First(record.Custom(codeRank)) != "Gold" || f[record.Address][0].Parts[record.PartStreet] != "Pikk 12" {
			t.Errorf("%v", f)
		}
	})
	for name, w := range map[string]struct {
		fields record.Fields
		want   map[string]any
	}{
		"a part of the name takes the other along":              {record.Fields{record.NameFamily: text("Holt")}, map[string]any{"name": "Jon Holt"}},
		"the same employer needs no look-up":                    {record.Fields{record.OrgName: text("Nordkai AS")}, map[string]any{"org_id": 77.0}},
		"no employer":                                           {record.Fields{record.OrgName: {}}, map[string]any{"org_id": nil}},
		"emptied members are null and lists empty":              {record.Fields{record.Note: {}, record.Email: {}}, map[string]any{"notes": nil, "emails": []any{}}},
		"a choice goes by its number":                           {record.Fields{record.Custom(codeRank): text("Tin")}, map[string]any{"custom_fields": map[string]any{codeRank: 9.0}}},
		"a number is a number, and nothing is null":             {record.Fields{record.Custom(codeSize): text("12.50"), record.Custom(codeYomi): {}}, map[string]any{"custom_fields": map[string]any{codeSize: 12.5, codeYomi: nil}}},
		"a messenger's service is its label":                    {record.Fields{record.IM: {{Text: "jon", Parts: map[record.Part]string{record.PartService: "skype"}}}}, map[string]any{"im": []any{map[string]any{"value": "jon", "label": "skype", "primary": true}}}},
		"one primary, and a label that nobody gave is no work":  {record.Fields{record.Phone: {{Text: "1", Label: "mobile"}, {Text: "2", Primary: true}, {Text: "3", Label: "x", Primary: true}}}, map[string]any{"phones": []any{map[string]any{"value": "1", "label": "mobile", "primary": false}, map[string]any{"value": "2", "label": "other", "primary": true}, map[string]any{"value": "3", "label": "x", "primary": false}}}},
		"an address in the same place keeps what we do not map": {record.Fields{record.Address: {{Parts: map[record.Part]string{record.PartStreet: "Lai 1", record.PartCity: "Tallinn", record.PartCountry: "Estonia"}}}}, map[string]any{"postal_address": map[string]any{"value": "Lai 1, Tallinn, Estonia", "route": "Lai 1", "locality": "Tallinn", "sublocality": "Old Town", "country": "Estonia"}}},
		"an address elsewhere does not":                         {record.Fields{record.Address: {{Parts: map[record.Part]string{record.PartStreet: "丸の内1", record.PartCity: "千代田区", record.PartPostal: "100-0005"}}}}, map[string]any{"postal_address": map[string]any{"value": "100-0005 千代田区 丸の内1", "route": "丸の内1", "locality": "千代田区", "postal_code": "100-0005"}}},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.count("GET /api/v2/organizations") + s.count("GET /api/v2/organizations/search")
			r := one(t, c, connector.Write{Op: connector.Update, ID: "9", Fields: w.fields, Current: &it})
			if r.Err != nil || r.Version == "" || r.Item == nil {
				t.Fatalf("%+v", r)
			}
			if got := s.last("PATCH /api/v2/persons/9").body; !reflect.DeepEqual(got, w.want) {
				t.Errorf("wrote %v\n want %v", got, w.want)
			}
			if after := s.count("GET /api/v2/organizations") + s.count("GET /api/v2/organizations/search"); after != before {
				t.Errorf("%d look-ups", after-before)
			}
		})
	}
	t.Run("without the current record it is read first", func(t *testing.T) {
		before := s.count("GET /api/v2/persons/9")
		if r := one(t, c, connector.Write{Op: connector.Update, ID: "9", Fields: record.Fields{record.NameGiven: text("Ada")}}); r.Err != nil {
			t.Fatal(r.Err)
		}
		if s.last("PATCH /api/v2/persons/9").body["name"] != "Ada Berg" || s.count("GET /api/v2/persons/9") != before+1 {
			t.Errorf("wrote %v", s.last("PATCH /api/v2/persons/9").body)
		}
	})
	t.Run("what the field cannot hold is refused before it is sent", func(t *testing.T) {
		for k, vs := range map[record.Key][]record.Value{record.Custom(codeRank): text("Lead"), record.Custom(codeSize): text("big"), record.Custom("nope"): text("x"), record.Nickname: text("x"),
			record.Photo: text("1"), record.Note: {{Text: "a"}, {Text: "b"}}} {
			var bad *connector.InvalidError
			if r := one(t, c, connector.Write{Op: connector.Update, ID: "9", Fields: record.Fields{k: vs}, Current: &it}); !errors.As(r.Err, &bad) || bad.Field != string(k) {
				t.Errorf("%s: %v", k, r.Err)
			}
		}
	})
}

// firm is a vendor with organizations: those that search knows, and those made lately.
type firm struct {
	indexed, recent string
	refuse          *reply
	made            int
}

func (f *firm) answer(c call) reply {
	switch {
	case c.op() == "GET /api/v2/organizations/search":
		return data(`{"items":[`+f.indexed+`]}`, "")
	case c.op() == "GET /api/v2/organizations":
		return data("["+f.recent+"]", "")
	case c.op() == "POST /api/v2/organizations":
		if f.refuse != nil {
			return *f.refuse
		}
		f.made++
		return data(fmt.Sprintf(`{"id":%d,"name":%q}`, 87+f.made, c.body["name"]), "")
	}
	return echo(c)
}

func TestEmployer(t *testing.T) {
	w := create(record.Fields{record.NameGiven: text("Jon"), record.OrgName: text("Nordkai AS")})
	for name, f := range map[string]struct {
		firm
		want any
		made int
	}{
		"one that exists is found, of several the oldest":       {firm{indexed: `{"item":{"id":79,"name":"Nordkai AS"}},{"item":{"id":77,"name":"Nordkai AS"}},{"item":{"id":70,"name":"NORDKAI as"}}`}, 77.0, 0},
		"one that differs in case is no reason for another":     {firm{indexed: `{"item":{"id":70,"name":"NORDKAI as"}}`}, 70.0, 0},
		"one that the search does not know yet is found":        {firm{recent: `{"id":81,"name":"Nordkai AS"}`}, 81.0, 0},
		"one that is only alike is another":                     {firm{indexed: `{"item":{"id":70,"name":"Nordkai AS Oslo"}}`}, 88.0, 1},
		"one that does not exist is made before the person":     {firm{}, 88.0, 1},
		"one that was deleted is not taken":                     {firm{recent: `{"id":81,"name":"Nordkai AS","is_deleted":true}`}, 88.0, 1},
		"one found in the search and lately is the same oldest": {firm{indexed: `{"item":{"id":79,"name":"Nordkai AS"}}`, recent: `{"id":77,"name":"Nordkai AS"}`}, 79.0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := scripted(t, f.answer)
			for range 2 { // the second time from memory
				if r := one(t, c, w); r.Err != nil {
					t.Fatal(r.Err)
				}
			}
			if got := s.last("POST /api/v2/persons").body["org_id"]; got != f.want {
				t.Errorf("org_id %v, want %v", got, f.want)
			}
			if n := s.count("POST /api/v2/organizations"); n != f.made {
				t.Errorf("%d made, want %d", n, f.made)
			}
			if n := s.count("GET /api/v2/organizations/search"); n != 1 {
				t.Errorf("%d searches, want 1", n)
			}
		})
	}
	t.Run("who may not add organizations is told so, and no person is sent", func(t *testing.T) {
		no := refusal(403, "You do not have permission")
		c, s := scripted(t, (&firm{refuse: &no}).answer)
		var f *connector.ForbiddenError
		if r := one(t, c, w); !errors.As(r.Err, &f) || f.What != "add organizations" || !strings.Contains(f.Cure, "administrator") {
			t.Errorf("got %v", r.Err)
		}
		if s.count("POST /api/v2/persons") != 0 {
			t.Error("the person was sent")
		}
	})
	t.Run("an answer that was lost says nothing of the person", func(t *testing.T) {
		lost := reply{}
		c, s := scripted(t, (&firm{refuse: &lost}).answer)
		_, err := c.Apply(t.Context(), []connector.Write{w})
		if !errors.Is(err, connector.ErrTransient) || s.count("POST /api/v2/persons") != 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("many names are worth one list", func(t *testing.T) {
		c, s := scripted(t, (&firm{recent: `{"id":1,"name":"Firm 0"},{"id":2,"name":"firm 1"}`}).answer)
		var ws []connector.Write
		for i := range 6 {
			ws = append(ws, create(record.Fields{record.NameGiven: text("Jon"), record.OrgName: text(fmt.Sprint("Firm ", i%4))}))
		}
		rs, err := c.Apply(t.Context(), ws)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
		if s.count("GET /api/v2/organizations/search") != 0 || s.count("POST /api/v2/organizations") != 2 {
			t.Errorf("%d searches, %d made; want 0 and 2", s.count("GET /api/v2/organizations/search"), s.count("POST /api/v2/organizations"))
		}
		if got, want := c.Floor(connector.Work{Created: 6}), 6+s.count("GET /api/v2/organizations")+2; got != want {
			t.Errorf("floor %d, want %d", got, want)
		}
		c.Reuse()
		if got := c.Floor(connector.Work{Created: 6, PhotosRead: 101, PhotosSet: 4}); got != 6+2+4 {
			t.Errorf("floor after Reuse %d, want 12", got)
		}
	})
}

func TestVisibility(t *testing.T) {
	burst := func(n string) func(call) reply {
		return func(c call) reply {
			r := echo(c)
			r.header = map[string]string{"x-ratelimit-limit": n}
			return r
		}
	}
	for name, v := range map[string]struct {
		levels string
		burst  string
		choice map[string]any // what each choice writes; nil for what is left out
		offers int
	}{
		"small plan":              {visibleTo(1, 3), "", map[string]any{"": nil, "owner": 1.0, "everyone": 3.0, "group": 1.0}, 3},
		"large plan":              {visibleTo(1, 3, 5, 7), "", map[string]any{"": nil, "owner": 1.0, "group": 3.0, "subgroups": 5.0, "everyone": 7.0}, 5},
		"unknown plan":            {"", "", map[string]any{"": nil, "owner": 1.0, "everyone": 1.0}, 2},
		"small plan by its burst": {"", "160", map[string]any{"everyone": 3.0}, 3},
		"large plan by its burst": {"", "480", map[string]any{"everyone": 7.0}, 5},
		"a burst that is none":    {"", "10", map[string]any{"everyone": 1.0}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := scripted(t, burst(v.burst))
			s.fields = catalogue(builtin, v.levels)
			if v.burst != "" { // some call tells
				if _, err := c.Get(t.Context(), nil, []string{"1"}); err != nil {
					t.Fatal(err)
				}
			}
			d, err := c.Describe(t.Context())
			if err != nil || len(d.Options) != 1 || d.Options[0].Key != pipedrive.OptionVisibility || len(d.Options[0].Choices) != v.offers {
				t.Fatalf("options %+v, %v; want %d choices", d.Options, err, v.offers)
			}
			for choice, want := range v.choice {
				w := create(record.Fields{record.NameGiven: text("Jon")})
				w.Options = map[string]string{pipedrive.OptionVisibility: choice}
				if r := one(t, c, w); r.Err != nil {
					t.Fatal(r.Err)
				}
				if got := s.last("POST /api/v2/persons").body["visible_to"]; got != want {
					t.Errorf("%q writes %v, want %v", choice, got, want)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	html := reply{status: 403, body: "<html>blocked</html>", header: map[string]string{"Content-Type": "text/html"}}
	as := func(target any) func(error) bool { return func(err error) bool { return errors.As(err, target) } }
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	var (
		forbidden *connector.ForbiddenError
		invalid   *connector.InvalidError
		throttled *connector.ThrottledError
		lost      *connector.AuthLostError
		full      *connector.FullError
	)
	for name, c := range map[string]struct {
		reply
		want  func(error) bool
		check func() string
	}{
		"400 names the field":      {refusal(400, "Validation failed: birthday: 31.12. is no date"), as(&invalid), func() string { return invalid.Field }},
		"400 names a custom field": {refusal(400, codeYomi+" is wrong"), as(&invalid), func() string { return invalid.Field }},
		"400 without JSON":         {reply{status: 400, body: "<html>"}, is(connector.ErrOutcomeUnknown), nil},
		"401":                      {refusal(401, "unauthorized access"), as(&lost), nil},
		"402":                      {refusal(402, "Payment required"), as(&forbidden), nil},
		"403":                      {refusal(403, "no"), as(&forbidden), func() string { return forbidden.What }},
		"403 of a scope":           {refusal(403, "Scope and URL mismatch"), as(&forbidden), func() string { return forbidden.Cure[:15] }},
		"403 of a plan":            {reply{status: 403, body: `{"success":false,"error":"x","code":"feature_capping_people_limit"}`}, as(&full), nil},
		"403 in HTML":              {html, as(&throttled), func() string { return throttled.After.String() }},
		"302":                      {reply{status: 302}, is(connector.ErrTransient), nil},
		"404":                      {refusal(404, "no"), is(connector.ErrNotFound), nil},
		"415":                      {refusal(415, "Feature not enabled: job_title"), as(&invalid), func() string { return invalid.Field }},
		"422":                      {refusal(422, "no"), as(&invalid), nil},
		"500":                      {reply{status: 500}, is(connector.ErrOutcomeUnknown), nil},
		"no answer":                {reply{}, is(connector.ErrOutcomeUnknown), nil},
		"200 that is none":         {reply{status: 200, body: `{"success":false}`}, is(connector.ErrOutcomeUnknown), nil},
		"200 of another":           {data(`{"id":0}`, ""), is(connector.ErrOutcomeUnknown), nil},
	} {
		t.Run(name, func(t *testing.T) {
			conn, _ := scripted(t, func(call) reply { return c.reply })
			r := one(t, conn, create(record.Fields{record.NameGiven: text("Secretname")}))
			if !c.want(r.Err) {
				t.Fatalf("got %T %v", r.Err, r.Err)
			}
			if strings.Contains(r.Err.Error(), "31.12") || strings.Contains(r.Err.Error(), "Secretname") {
				t.Errorf("the error tells a value: %v", r.Err)
			}
			want := map[string]string{"400 names the field": "birthday", "400 names a custom field": "custom:" + codeYomi, "403": "add people",
				"403 of a scope": "the permissions", "403 in HTML": "10m0s", "415": "org.title"}[name]
			if want != "" && c.check() != want {
				t.Errorf("it says %q, want %q", c.check(), want)
			}
		})
	}
	t.Run("a delete of what is gone is done", func(t *testing.T) {
		for _, status := range []int{404, 410} {
			conn, _ := scripted(t, func(call) reply { return refusal(status, "gone") })
			if r := one(t, conn, connector.Write{Op: connector.Delete, ID: "9"}); r.Err != nil {
				t.Errorf("%d: %v", status, r.Err)
			}
		}
	})
	t.Run("after a lost authorisation nothing more is sent", func(t *testing.T) {
		conn, s := scripted(t, func(call) reply { return refusal(401, "unauthorized access") })
		ws := make([]connector.Write, 20)
		for i := range ws {
			ws[i] = create(record.Fields{record.NameGiven: text("A")})
		}
		rs, err := conn.Apply(t.Context(), ws)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rs {
			if !errors.As(r.Err, &lost) {
				t.Errorf("write %d: %v", i, r.Err)
			}
		}
		if n := s.count("POST /api/v2/persons"); n > 4 {
			t.Errorf("%d were sent", n)
		}
	})
}

func TestThrottling(t *testing.T) {
	var header map[string]string
	status := 429
	answer := func(call) reply {
		r := data("[]", "")
		if status == 429 {
			r = refusal(429, "Request over limit")
		}
		r.header = header
		return r
	}
	wait := func(t *testing.T, c *pipedrive.Connector) time.Duration {
		t.Helper()
		_, err := c.Changes(t.Context(), connector.Scope{}, "")
		var th *connector.ThrottledError
		if !errors.As(err, &th) {
			t.Fatalf("got %v", err)
		}
		return th.After
	}
	t.Run("a burst backs off, longer each time", func(t *testing.T) {
		c, s := scripted(t, answer)
		header = map[string]string{"x-daily-ratelimit-token-remaining": "100", "x-ratelimit-reset": "1"}
		for _, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second} {
			if got := wait(t, c); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		s.clock.Advance(6 * time.Minute)
		if got := wait(t, c); got != 15*time.Minute {
			t.Errorf("a burst that does not end: got %s, want 15m", got)
		}
	})
	t.Run("a spent day waits for the next, looking now and then, and makes no call meanwhile", func(t *testing.T) {
		c, s := scripted(t, answer)
		header = map[string]string{"x-daily-ratelimit-token-remaining": "0", "x-daily-ratelimit-token-limit": "30000"}
		if got := wait(t, c); got != 4*time.Hour {
			t.Errorf("at ten in the morning: got %s, want 4h", got)
		}
		s.clock.Advance(time.Hour)
		before := len(s.calls)
		if got := wait(t, c); got != 3*time.Hour || len(s.calls) != before {
			t.Errorf("an hour later: got %s, %d calls", got, len(s.calls)-before)
		}
		s.clock.Advance(11 * time.Hour)
		if got := wait(t, c); got != 2*time.Hour {
			t.Errorf("at ten in the evening: got %s, want 2h", got)
		}
		if b, ok := c.Budget(); !ok || b.Remaining != 0 || b.Limit != 30000 {
			t.Errorf("budget %+v %v", b, ok)
		}
	})
	t.Run("a day with less left than a call costs is spent, unless the burst is", func(t *testing.T) {
		c, _ := scripted(t, answer)
		header = map[string]string{"x-daily-ratelimit-token-remaining": "3", "x-daily-ratelimit-token-limit": "30000", "x-ratelimit-remaining": "79"}
		if got := wait(t, c); got != 4*time.Hour {
			t.Errorf("got %s, want 4h", got)
		}
		c, _ = scripted(t, answer)
		header["x-ratelimit-remaining"] = "0"
		if got := wait(t, c); got >= time.Minute {
			t.Errorf("got %s, want the wait of a burst", got)
		}
	})
	t.Run("a short wait is waited for", func(t *testing.T) {
		s := &script{t: t, clock: nil}
		c, other := scripted(t, nil)
		_, s.clock, s.fields = c, other.clock, other.fields
		n := 0
		s.answer = func(call) reply {
			if n++; n == 1 {
				return refusal(429, "Request over limit")
			}
			return data(rows(row(1, 5, "A B", start)), "")
		}
		patient := open(t, s, pipedrive.Config{Patience: 10 * time.Second, Limits: pipedrive.DefaultLimits()})
		if p := page(t, patient, connector.Scope{}, ""); ids(p) != "1" || !s.clock.Now().Equal(start.Add(2*time.Second)) {
			t.Errorf("%s at %s", ids(p), s.clock.Now())
		}
	})
}

func TestPollEvery(t *testing.T) {
	for _, p := range []struct {
		limit, connections int
		want               time.Duration
	}{
		{0, 20, 2 * time.Minute},         // nothing known: each connection has its own seat
		{30_000, 20, 2 * time.Minute},    // one seat, so one connection
		{600_000, 20, 2 * time.Minute},   // 20 seats of the smallest plan
		{600_000, 1, time.Minute},        // all of it for one
		{3_000_000, 20, time.Minute},     // larger plan
		{0, 0, 2 * time.Minute},          //
		{1_500_000, 50, 2 * time.Minute}, //
	} {
		if got := pipedrive.PollEvery(p.limit, p.connections); got != p.want {
			t.Errorf("%d tokens, %d connections: %s, want %s", p.limit, p.connections, got, p.want)
		}
	}
}
