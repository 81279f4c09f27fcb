package graph_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/connector/pace"
	"meibo/shared/record"
)

// sent applies one write to a server that takes everything, and returns what it was sent.
func sent(t *testing.T, w connector.Write) (part, map[string]any) {
	t.Helper()
	s := newServer(t, map[string]func(part) reply{
		"POST /me/contact":    func(part) reply { return reply{status: 201, body: whole("N", "k", nil)} },
		"PATCH /me/contacts/": ok(whole("A", "k2", nil)), "DELETE /me/contacts/": func(part) reply { return reply{status: 204} },
	})
	rs, err := s.connector().Apply(ctx, []connector.Write{w})
	if err != nil || rs[0].Err != nil {
		t.Fatalf("%v, %v", err, rs)
	}
	if len(s.parts) != 1 {
		t.Fatalf("%d parts were sent, want 1", len(s.parts))
	}
	body := map[string]any{}
	if b := s.parts[0].Body; b != nil {
		if err := json.Unmarshal(b, &body); err != nil {
			t.Fatal(err)
		}
	}
	return s.parts[0], body
}

func create(f record.Fields, groups ...string) connector.Write {
	return connector.Write{Op: connector.Create, Fields: f, Groups: groups}
}

func update(it connector.Item, f record.Fields) connector.Write {
	return connector.Write{Op: connector.Update, ID: it.ID, Current: &it, Fields: f}
}

func wantBody(t *testing.T, got map[string]any, want string) {
	t.Helper()
	var w map[string]any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, w) {
		b, _ := json.Marshal(got)
		t.Errorf("sent %s\nwant %s", b, want)
	}
}

func TestWhereACreateGoes(t *testing.T) {
	for want, groups := range map[string][]string{
		"/me/contacts":                        nil,
		"/me/contactFolders/F=/contacts":      {"folder:F=", "folder:G"},
		"/me/contacts ":                       {"folder:contacts"},
		"/me/contactFolders/F/contacts [vip]": {"category:vip", "folder:F"},
		"/me/contacts [vip]":                  {"category:vip"},
	} {
		p, body := sent(t, create(record.Fields{record.NameGiven: text("A")}, groups...))
		got := p.URL
		if c := body["categories"]; c != nil {
			got += " " + fmt.Sprint(c)
		}
		if got != strings.TrimSpace(want) || p.Method != "POST" || p.Headers["Prefer"] != `IdType="ImmutableId"` || !strings.HasPrefix(p.Headers["Content-Type"], "application/json") {
			t.Errorf("%q: sent %s %s with %v", groups, p.Method, got, p.Headers)
		}
	}
}

func TestWhatWritesSend(t *testing.T) {
	v := func(text, label string) record.Value { return record.Value{Text: text, Label: label} }
	held := map[string]any{"givenName": "Mila", "surname": "Brandt", "displayName": "Mila Brandt", "fileAs": "Brandt, Mila", "mobilePhone": "1",
		"businessPhones": []string{"2", "3"}, "homePhones": []string{"4"}, "spouseName": "Jo", "manager": "Cleo",
		"emailAddresses":  []map[string]any{{"name": "Mila at work", "address": "m@x.example"}, {"name": "No address"}},
		"businessAddress": map[string]any{"street": "Hafenstr. 7", "city": "Hamburg", "postalCode": "20457"}, "homeAddress": map[string]any{"city": "Kiel"}}
	for name, c := range map[string]struct {
		w    func(connector.Item) connector.Write
		want string
	}{
		"a new contact": {func(connector.Item) connector.Write {
			return create(record.Fields{record.NameGiven: text("Mila"), record.NameFamily: text("Brandt"), record.Email: text("m@x.example"), record.NameMiddle: nil,
				record.Phone: {v("1", "mobile"), v("2", "work"), v("3", "work"), v("4", "home")}, record.Birthday: text("1984-03-09")})
		}, `{"givenName":"Mila","surname":"Brandt","middleName":null,"displayName":"Mila Brandt","emailAddresses":[{"address":"m@x.example"}],
			"mobilePhone":"1","businessPhones":["2","3"],"homePhones":["4"],"birthday":"1984-03-09T00:00:00Z"}`},
		"a Japanese name": {func(connector.Item) connector.Write {
			return create(record.Fields{record.NameGiven: text("太郎"), record.NameFamily: text("田中")})
		}, `{"givenName":"太郎","surname":"田中","displayName":"田中 太郎"}`},
		"a company": {func(connector.Item) connector.Write { return create(record.Fields{record.OrgName: text("Nordlicht")}) },
			`{"companyName":"Nordlicht","displayName":"Nordlicht"}`},
		"one part of a name": {func(it connector.Item) connector.Write {
			return update(it, record.Fields{record.NameFamily: text("Okafor")})
		},
			`{"surname":"Okafor","displayName":"Mila Okafor","fileAs":"Okafor, Mila"}`},
		"a company beside a name": {func(it connector.Item) connector.Write {
			return update(it, record.Fields{record.OrgName: text("Nordlicht")})
		},
			`{"companyName":"Nordlicht"}`},
		"an address kept keeps its name, and so does what Meibo does not see": {func(it connector.Item) connector.Write {
			return update(it, record.Fields{record.Email: {v("n@x.example", ""), v("m@x.example", "")}})
		}, `{"emailAddresses":[{"address":"n@x.example"},{"name":"Mila at work","address":"m@x.example"},{"name":"No address"}]}`},
		"no addresses": {func(it connector.Item) connector.Write { return update(it, record.Fields{record.Phone: {}}) },
			`{"mobilePhone":null,"businessPhones":[],"homePhones":[]}`},
		"one phone of several": {func(it connector.Item) connector.Write {
			return update(it, record.Fields{record.Phone: {v("1", "mobile"), v("2", "work"), v("9", "work"), v("4", "home")}})
		}, `{"businessPhones":["2","9"]}`},
		"a postal address is sent whole, the others not at all": {func(it connector.Item) connector.Write {
			return update(it, record.Fields{record.Address: {{Label: "work", Parts: map[record.Part]string{record.PartStreet: "Hafenstr. 8", record.PartCity: "Hamburg"}},
				{Label: "home", Parts: map[record.Part]string{record.PartCity: "Kiel"}}}})
		}, `{"businessAddress":{"street":"Hafenstr. 8","city":"Hamburg","state":null,"postalCode":null,"countryOrRegion":null}}`},
		"an emptied address": {func(it connector.Item) connector.Write {
			return update(it, record.Fields{record.Address: {{Label: "work", Parts: map[record.Part]string{record.PartStreet: "Hafenstr. 7", record.PartCity: "Hamburg", record.PartPostal: "20457"}}}})
		}, `{"homeAddress":{"street":null,"city":null,"state":null,"postalCode":null,"countryOrRegion":null}}`},
		"one relation of two": {func(it connector.Item) connector.Write {
			return update(it, record.Fields{record.Relation: {v("Jo", "spouse"), v("Dai", "assistant")}})
		}, `{"manager":null,"assistantName":"Dai"}`},
		"an emptied birthday and note": {func(it connector.Item) connector.Write {
			return update(it, record.Fields{record.Birthday: {}, record.Note: {}})
		}, `{"birthday":null,"personalNotes":null}`},
		"a birthday without its year": {func(it connector.Item) connector.Write {
			return update(it, record.Fields{record.Birthday: text("--02-29")})
		},
			`{"birthday":"1604-02-29T00:00:00Z"}`},
	} {
		t.Run(name, func(t *testing.T) {
			it := read(t, held)
			p, body := sent(t, c.w(it))
			wantBody(t, body, c.want)
			if got, want := p.Headers["If-Match"], `W/"k1"`; p.Method == "PATCH" && got != want {
				t.Errorf("If-Match is %q, want %q", got, want)
			}
		})
	}
}

func TestHowAContactIsShown(t *testing.T) {
	for name, c := range map[string]struct{ display, file, wantDisplay, wantFile string }{
		"given first":    {"Mila Brandt", "Brandt, Mila", "Mia Brandt", "Brandt, Mia"},
		"family first":   {"Brandt Mila", "Mila Brandt", "Brandt Mia", "Mia Brandt"},
		"with a title":   {"Dr. Mila Brandt", "BrandtMila", "Dr. Mia Brandt", "BrandtMia"},
		"a person's own": {"Mila (Kunde)", "Kunde Brandt", "Mila (Kunde)", "Kunde Brandt"},
		"nothing so far": {"", "", "Mia Brandt", ""},
	} {
		t.Run(name, func(t *testing.T) {
			it := read(t, map[string]any{"givenName": "Mila", "surname": "Brandt", "title": "Dr.", "displayName": c.display, "fileAs": c.file})
			_, body := sent(t, update(it, record.Fields{record.NameGiven: text("Mia")}))
			file, _ := body["fileAs"].(string)
			if body["displayName"] != c.wantDisplay || file != c.wantFile {
				t.Errorf("sent %v and %q, want %q and %q", body["displayName"], file, c.wantDisplay, c.wantFile)
			}
		})
	}
	t.Run("without a name left it is the company", func(t *testing.T) {
		it := read(t, map[string]any{"givenName": "Mila", "displayName": "Mila", "companyName": "Nordlicht"})
		if _, body := sent(t, update(it, record.Fields{record.NameGiven: {}})); body["displayName"] != "Nordlicht" {
			t.Errorf("sent %v, want the company", body["displayName"])
		}
	})
}

func TestWhatDoesNotFitIsRefusedBeforeItIsSent(t *testing.T) {
	four := []record.Value{{Text: "a@x"}, {Text: "b@x"}, {Text: "c@x"}, {Text: "d@x"}}
	phones := func(label string, n int) (vs []record.Value) {
		for i := range n {
			vs = append(vs, record.Value{Text: fmt.Sprint(i), Label: label})
		}
		return vs
	}
	for name, f := range map[string]record.Fields{
		"email":    {record.Email: four},
		"phone":    {record.Phone: phones("work", 3)},
		"phone 2":  {record.Phone: phones("mobile", 2)},
		"phone 3":  {record.Phone: phones("work_fax", 1)},
		"im":       {record.IM: four},
		"birthday": {record.Birthday: text("soon")},
		"event":    {record.Event: text("2001-01-01")},
	} {
		c := newServer(t, nil).connector() // takes no request
		rs, err := c.Apply(ctx, []connector.Write{create(f)})
		var invalid *connector.InvalidError
		if err != nil || !errors.As(rs[0].Err, &invalid) || invalid.Field != strings.Fields(name)[0] {
			t.Errorf("%s: got %v, %v; want it refused by field", name, err, rs)
		}
	}
}

func TestPartsOfABatchHaveTheirOwnOutcome(t *testing.T) {
	var (
		invalid *connector.InvalidError
		full    *connector.FullError
		forbid  *connector.ForbiddenError
	)
	for name, c := range map[string]struct {
		answer func(part) reply
		good   func(error) bool
	}{
		"404":                      {refuse(404, "ErrorItemNotFound"), func(err error) bool { return errors.Is(err, connector.ErrNotFound) }},
		"412":                      {refuse(412, "ErrorIrresolvableConflict"), func(err error) bool { return errors.Is(err, connector.ErrVersionConflict) }},
		"409":                      {refuse(409, "ErrorIrresolvableConflict"), func(err error) bool { return errors.Is(err, connector.ErrVersionConflict) }},
		"400":                      {refuse(400, "ErrorInvalidProperty"), func(err error) bool { return errors.As(err, &invalid) && !strings.Contains(err.Error(), "Aiko") }},
		"400 without a known code": {refuse(400, "Odd-code <x>"), func(err error) bool { return errors.As(err, &invalid) && !strings.Contains(err.Error(), "<x>") }},
		"507":                      {refuse(507, "ErrorQuotaExceeded"), func(err error) bool { return errors.As(err, &full) && full.Cure != "" }},
		"403":                      {refuse(403, "ErrorAccessDenied"), func(err error) bool { return errors.As(err, &forbid) && forbid.Cure != "" }},
		"no mailbox":               {refuse(404, "MailboxNotEnabledForRESTAPI"), func(err error) bool { return errors.As(err, &forbid) && strings.Contains(err.Error(), "mailbox") }},
		"500":                      {refuse(500, "InternalServerError"), func(err error) bool { return errors.Is(err, connector.ErrOutcomeUnknown) }},
		"no answer":                {func(part) reply { return reply{} }, func(err error) bool { return errors.Is(err, connector.ErrOutcomeUnknown) }},
		"something else":           {ok(`{"a":1}`), func(err error) bool { return errors.Is(err, connector.ErrOutcomeUnknown) }},
		"a parent that failed":     {refuse(424, "FailedDependency"), func(err error) bool { return errors.Is(err, connector.ErrTransient) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, map[string]func(part) reply{"PATCH /me/contacts/A": c.answer, "PATCH /me/contacts/B": ok(whole("B", "k2", map[string]any{"jobTitle": "x"}))})
			a, b := read(t, nil), read(t, nil)
			b.ID = "B"
			rs, err := s.connector().Apply(ctx, []connector.Write{update(a, record.Fields{record.OrgTitle: text("x")}), update(b, record.Fields{record.OrgTitle: text("x")})})
			if err != nil {
				t.Fatal(err)
			}
			if !c.good(rs[0].Err) || rs[0].ID != "A" {
				t.Errorf("got %+v", rs[0])
			}
			if rs[1].Err != nil || rs[1].ID != "B" || rs[1].Version != "k2" || rs[1].Item == nil {
				t.Errorf("the part beside it: got %+v", rs[1])
			}
		})
	}
	t.Run("the field is named where Graph names it", func(t *testing.T) {
		s := newServer(t, map[string]func(part) reply{"POST /me/contacts": func(part) reply {
			return reply{status: 400, body: `{"error":{"code":"ErrorInvalidProperty","message":"The multi value property BusinessPhones has 3 entries, that exceeds the max allowed value of 2."}}`}
		}})
		rs, err := s.connector().Apply(ctx, []connector.Write{create(record.Fields{record.NameGiven: text("A")})})
		if err != nil || !errors.As(rs[0].Err, &invalid) || invalid.Field != string(record.Phone) {
			t.Errorf("got %v, %v; want the phone refused", err, rs)
		}
	})
}

func TestDeletes(t *testing.T) {
	it := read(t, nil)
	w := connector.Write{Op: connector.Delete, ID: "A", Current: &it}
	p, _ := sent(t, w)
	if p.Headers["If-Match"] != `W/"k1"` || p.URL != "/me/contacts/A" {
		t.Errorf("sent %s with %v", p.URL, p.Headers)
	}
	gone := map[string]func(part) reply{"DELETE /me/contacts/A": refuse(404, "ErrorItemNotFound")}
	for name, c := range map[string]struct {
		personal []func(*graph.Config)
		want     error
	}{"gone already": {nil, connector.ErrNotFound}, "on a personal mailbox that is no proof": {[]func(*graph.Config){asPersonal}, connector.ErrOutcomeUnknown}} {
		rs, err := newServer(t, gone).connector(c.personal...).Apply(ctx, []connector.Write{w})
		if err != nil || !errors.Is(rs[0].Err, c.want) {
			t.Errorf("%s: got %v, %v; want %v", name, err, rs, c.want)
		}
	}
	rs, err := newServer(t, nil).connector().Apply(ctx, []connector.Write{{Op: connector.Delete, ID: ""}, {Op: connector.Delete, ID: "../messages/1"}})
	if err != nil || !errors.Is(rs[0].Err, connector.ErrNotFound) || !errors.Is(rs[1].Err, connector.ErrNotFound) {
		t.Errorf("an id that cannot be: got %v, %v; want ErrNotFound and no request", err, rs)
	}
}

func throttledFor(after string) func(part) reply {
	return func(part) reply {
		a := refuse(429, "ApplicationThrottled")(part{})
		if after != "" {
			a.header = map[string]string{"Retry-After": after}
		}
		return a
	}
}

func TestThrottledPartsGoAgainAlone(t *testing.T) {
	s := newServer(t, map[string]func(part) reply{
		"GET /me/contacts/A": ok(whole("A", "k", nil)),
		"GET /me/contacts/B": then(throttledFor("2.128"), throttledFor(""), ok(whole("B", "k", nil))),
		"GET /me/contacts/C": then(throttledFor("1"), ok(whole("C", "k", nil))),
	})
	got, err := s.connector().Get(ctx, nil, []string{"A", "B", "C"})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range got {
		if g.Status != connector.StatusFound || g.Item.ID != g.ID {
			t.Errorf("%s: status %d", g.ID, g.Status)
		}
	}
	var asked []string
	for _, p := range s.parts {
		asked = append(asked, strings.TrimPrefix(p.URL, "/me/contacts/"))
	}
	if got := strings.Join(asked, ""); got != "ABCBCB" {
		t.Errorf("asked for %s, want ABC, then what was throttled, then what was throttled again", got)
	}
	if got := s.clock.Now().Sub(start); got != 5*time.Second { // 2.128 is more than 2; then a first pause of two seconds
		t.Errorf("waited %s, want 5s", got)
	}
}

func TestThrottlingBeyondPatience(t *testing.T) {
	var th *connector.ThrottledError
	s := newServer(t, map[string]func(part) reply{"PATCH /me/contacts/A": throttledFor("90.5"), "PATCH /me/contacts/B": ok(whole("B", "k2", nil))})
	a, b := read(t, nil), read(t, nil)
	b.ID = "B"
	rs, err := s.connector().Apply(ctx, []connector.Write{update(a, record.Fields{record.OrgTitle: text("x")}), update(b, record.Fields{record.OrgTitle: text("x")})})
	if err != nil || !errors.As(rs[0].Err, &th) || th.After != 91*time.Second || rs[1].Err != nil {
		t.Errorf("got %v, %+v; want the first to wait 91s and the second done", err, rs)
	}
	s = newServer(t, map[string]func(part) reply{"GET /me/contacts/A": throttledFor("90"), "GET /me/contacts/B": ok(whole("B", "k", nil))})
	if _, err := s.connector().Get(ctx, nil, []string{"A", "B"}); !errors.As(err, &th) {
		t.Errorf("a read: got error %v, want a ThrottledError", err)
	}
	s = newServer(t, map[string]func(part) reply{"GET /me/contacts/A": throttledFor("")})
	if _, err := s.connector().Get(ctx, nil, []string{"A"}); !errors.As(err, &th) || len(s.parts) > 6 {
		t.Errorf("for ever: got error %v after %d requests, want a ThrottledError after at most 6", err, len(s.parts))
	}
}

func TestRetryAfterForms(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"2.128": 3 * time.Second, "0.2": time.Second, "17": 17 * time.Second, "": 5 * time.Second, "soon": 5 * time.Second, "-4": 5 * time.Second,
		"NaN": 5 * time.Second, "1e99": 24 * time.Hour, start.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
	} {
		s := newServer(t, map[string]func(part) reply{deltaF: throttledFor(header)})
		_, err := s.connector().Changes(ctx, scopeF, "")
		var th *connector.ThrottledError
		if !errors.As(err, &th) || th.After != want {
			t.Errorf("Retry-After %q: got error %v, want to wait %s", header, err, want)
		}
	}
}

func TestEachPartCountsAgainstTheLimit(t *testing.T) {
	on := map[string]func(part) reply{}
	ids := []string{}
	for i := range 20 {
		id := fmt.Sprintf("A%02d", i)
		on["GET /me/contacts/"+id] = ok(whole(id, "k", nil))
		ids = append(ids, id)
	}
	s := newServer(t, on)
	c := s.connector(func(c *graph.Config) {
		c.Limits = []pace.Limit{{Name: graph.DefaultLimits()[0].Name, Units: 50, Per: 10 * time.Minute}}
	})
	var err error
	n := 0
	for ; err == nil && n < 10; n++ {
		_, err = c.Get(ctx, nil, ids)
	}
	var th *connector.ThrottledError
	if !errors.As(err, &th) || n != 3 || th.After != 10*time.Minute {
		t.Errorf("batch %d: got error %v, want the third of 20 parts to wait", n, err)
	}
}
