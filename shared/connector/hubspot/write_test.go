package hubspot_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
	"meibo/shared/record"
)

func name(i int) string { return fmt.Sprint("Given", i) }

// person is a contact to write.
func person(i int) record.Fields {
	return record.Fields{record.NameGiven: text(name(i)), record.Email: text(fmt.Sprintf("p%d@nordkai.example", i))}
}

// hundred are updates of contacts 1001 to 1100.
func hundred() []connector.Write {
	ws := make([]connector.Write, 100)
	for i := range ws {
		id := fmt.Sprint(1001 + i)
		ws[i] = connector.Write{Op: connector.Update, ID: id, Fields: record.Fields{record.NameGiven: text(name(i))}, Current: &connector.Item{ID: id}}
	}
	return ws
}

// echo answers a batch with what was sent.
func echo(c call) []string {
	var list []string
	for i, in := range c.inputs() {
		id, _ := in["id"].(string)
		if id == "" {
			id = fmt.Sprint(5001 + i)
		}
		pairs := []string{}
		props, _ := in["properties"].(map[string]any)
		for k, v := range props {
			pairs = append(pairs, k, v.(string))
		}
		r := row(id, pairs...)
		if t, ok := in["objectWriteTraceId"].(string); ok {
			r = strings.Replace(r, `"archived":false`, fmt.Sprintf(`"archived":false,"objectWriteTraceId":%q`, t), 1)
		}
		list = append(list, r)
	}
	slices.Reverse(list) // the order is not promised
	return list
}

func TestOneBadOfAHundred(t *testing.T) {
	bad := "1042"
	has := func(c call) bool {
		return slices.ContainsFunc(c.inputs(), func(in map[string]any) bool { return in["id"] == bad })
	}
	vendor := func(c call) reply {
		switch {
		case strings.HasSuffix(c.path, "/batch/read"):
			return batched(200, echo(c))
		case has(c) && strings.HasSuffix(c.path, "/batch/update"):
			return refusal(400, "VALIDATION_ERROR", faulty("firstname", "INVALID_TEXT"))
		case has(c) && strings.HasSuffix(c.path, "/batch/archive"):
			return refusal(400, "VALIDATION_ERROR", "something is wrong")
		case strings.HasSuffix(c.path, "/batch/archive"):
			return reply{status: 204}
		}
		return batched(200, echo(c))
	}
	t.Run("an update is refused alone", func(t *testing.T) {
		c, s := scripted(t, vendor)
		for i, r := range apply(t, c, hundred()...) {
			var inv *connector.InvalidError
			switch {
			case r.ID == bad && (!errors.As(r.Err, &inv) || inv.Field != string(record.NameGiven)):
				t.Errorf("%s: %v", r.ID, r.Err)
			case r.ID == bad && strings.Contains(r.Err.Error(), "secret"):
				t.Errorf("the error repeats the vendor's words: %v", r.Err)
			case r.ID != bad && (r.Err != nil || r.Item.Record.Fields.First(record.NameGiven) != name(i)):
				t.Errorf("%s: %v", r.ID, r.Err)
			}
		}
		if n := s.count("POST " + contactsPath + "/batch/update"); n > 15 {
			t.Errorf("%d calls", n)
		}
		if n := s.count("POST " + contactsPath + "/batch/read"); n != 1 {
			t.Errorf("%d reads for what was held before", n)
		}
	})
	t.Run("a delete is refused alone", func(t *testing.T) {
		c, _ := scripted(t, vendor)
		ws := hundred()
		for i := range ws {
			ws[i].Op = connector.Delete
		}
		for _, r := range apply(t, c, ws...) {
			if (r.Err != nil) != (r.ID == bad) {
				t.Errorf("%s: %v", r.ID, r.Err)
			}
		}
	})
}

func TestCreatesAreToldApart(t *testing.T) {
	shapes := map[string]func(ok []string, errs ...string) reply{
		"with status 207, as 2026-03 has it": func(ok []string, errs ...string) reply { return batched(207, ok, errs...) },
		"with status 201, as 2026-09 has it": func(ok []string, errs ...string) reply { return batched(201, ok, errs...) },
	}
	for shape, answer := range shapes {
		t.Run(shape, func(t *testing.T) {
			c, s := scripted(t, func(c call) reply {
				var ok []string
				for _, r := range echo(c) {
					if !strings.Contains(r, "Given1\"") && !strings.Contains(r, "Given2\"") {
						ok = append(ok, r)
					}
				}
				entry := func(trace, category, message string) string {
					b := refusal(0, category, message).body
					return strings.TrimSuffix(b, "}") + fmt.Sprintf(`,"context":{"objectWriteTraceId":[%q]}}`, trace)
				}
				return answer(ok, entry("w-1", "VALIDATION_ERROR", faulty("email", "INVALID_EMAIL")), entry("w-2", "CONFLICT", "Contact already exists. Existing ID: 713492963559"))
			})
			rs := apply(t, c, create(person(0)), create(person(1)), create(person(2)), create(person(3)))
			var inv *connector.InvalidError
			var dup *connector.DuplicateError
			if !errors.As(rs[1].Err, &inv) || inv.Field != string(record.Email) {
				t.Errorf("the address that is not valid: %v", rs[1].Err)
			}
			if !errors.As(rs[2].Err, &dup) || dup.ID != "713492963559" || dup.Field != string(record.Email) {
				t.Errorf("the address that is taken: %v", rs[2].Err)
			}
			for _, i := range []int{0, 3} {
				if rs[i].Err != nil || rs[i].ID == "" || rs[i].Version != rs[i].Item.Version || rs[i].Item.Record.Fields.First(record.NameGiven) != name(i) {
					t.Errorf("create %d: %+v", i, rs[i])
				}
			}
			seen := map[any]bool{}
			for _, in := range s.last("POST " + contactsPath + "/batch/create").inputs() {
				seen[in["objectWriteTraceId"]] = true
			}
			if len(seen) != 4 || len(s.calls) != 1 {
				t.Errorf("%d trace ids, %d calls", len(seen), len(s.calls))
			}
		})
	}
	t.Run("without trace ids in the answer, by what they hold", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			list := echo(c)
			for i := range list {
				list[i] = strings.ReplaceAll(list[i], "objectWriteTraceId", "other")
			}
			return batched(201, list)
		})
		twin := record.Fields{record.NameGiven: text("Twin")}
		rs := apply(t, c, create(person(0)), create(person(1)), create(twin), create(twin))
		for i, r := range rs {
			if (r.Err == nil) != (i < 2) || i >= 2 && !errors.Is(r.Err, connector.ErrOutcomeUnknown) {
				t.Errorf("create %d: %v", i, r.Err)
			}
		}
	})
	t.Run("errors that name no write are asked for one by one", func(t *testing.T) {
		for _, broken := range []int{1, 2} {
			c, s := scripted(t, func(c call) reply {
				var ok, errs []string
				for _, r := range echo(c) {
					if strings.Contains(r, "Given1\"") || broken == 2 && strings.Contains(r, "Given2\"") {
						errs = append(errs, refusal(0, "VALIDATION_ERROR", faulty("email", "INVALID_EMAIL")).body)
					} else {
						ok = append(ok, r)
					}
				}
				return batched(207, ok, errs...)
			})
			for i, r := range apply(t, c, create(person(0)), create(person(1)), create(person(2)), create(person(3))) {
				if refused := i == 1 || i == broken; refused != errors.As(r.Err, new(*connector.InvalidError)) || !refused && r.Err != nil {
					t.Errorf("%d broken, create %d: %v", broken, i, r.Err)
				}
			}
			if want := map[int]int{1: 1, 2: 3}[broken]; len(s.calls) != want {
				t.Errorf("%d broken: %d calls, want %d", broken, len(s.calls), want)
			}
		}
	})
	t.Run("refused as a whole they are sent by halves", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if strings.Contains(string(c.raw), `"Given5"`) {
				return refusal(409, "CONFLICT", "Contact already exists.")
			}
			return batched(201, echo(c))
		})
		s.answer = func(inner func(call) reply) func(call) reply {
			return func(c call) reply {
				if c.query.Get("idProperty") == "email" {
					return reply{status: 200, body: row("713492963559")}
				}
				return inner(c)
			}
		}(s.answer)
		var ws []connector.Write
		for i := range 8 {
			ws = append(ws, create(person(i)))
		}
		for i, r := range apply(t, c, ws...) {
			var dup *connector.DuplicateError
			if i == 5 && (!errors.As(r.Err, &dup) || dup.ID != "713492963559") || i != 5 && r.Err != nil {
				t.Errorf("create %d: %v", i, r.Err)
			}
		}
	})
	t.Run("a contact without any name or address is not sent", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply { return batched(201, echo(c)) })
		if r := apply(t, c, create(record.Fields{record.OrgTitle: text("Lead")}))[0]; !errors.As(r.Err, new(*connector.InvalidError)) || len(s.calls) != 0 {
			t.Errorf("%v after %d calls", r.Err, len(s.calls))
		}
	})
}

// update is an update of a contact that held some properties.
func update(t *testing.T, c *hubspot.Connector, s *script, held []string, f record.Fields, options map[string]string) connector.Write {
	t.Helper()
	before := s.answer
	s.answer = func(call) reply { return batched(200, []string{row("101", held...)}) }
	it := got(t, c, "101").Item
	s.answer = before
	return connector.Write{Op: connector.Update, ID: "101", Fields: f, Current: &it, Options: options}
}

// sent are the properties of the last update.
func (s *script) sent() map[string]any {
	s.t.Helper()
	m, _ := s.last("POST " + contactsPath + "/batch/update").inputs()[0]["properties"].(map[string]any)
	return m
}

func TestLifecycleStage(t *testing.T) {
	lead := map[string]string{hubspot.OptionStage: "lead"}
	title := record.Fields{record.OrgTitle: text("Lead buyer")}
	cases := map[string]struct {
		held []string
		want any // nil: not sent
	}{
		"an earlier stage moves forward":      {[]string{"lifecyclestage", "subscriber"}, "lead"},
		"an empty one is set":                 {nil, "lead"},
		"the same one is not sent":            {[]string{"lifecyclestage", "lead"}, nil},
		"a later one is never moved back":     {[]string{"lifecyclestage", "customer"}, nil},
		"one that nobody knows is left alone": {[]string{"lifecyclestage", "partner"}, nil},
	}
	for what, x := range cases {
		t.Run(what, func(t *testing.T) {
			c, s := scripted(t, func(c call) reply { return batched(200, echo(c)) })
			if r := apply(t, c, update(t, c, s, x.held, title, lead))[0]; r.Err != nil {
				t.Fatal(r.Err)
			}
			if got := s.sent(); got["lifecyclestage"] != x.want || got["jobtitle"] != "Lead buyer" {
				t.Errorf("sent %v, want stage %v", got, x.want)
			}
		})
	}
	t.Run("a create has it, and nothing by default", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply { return batched(201, echo(c)) })
		for _, options := range []map[string]string{lead, nil} {
			w := create(person(1))
			w.Options = options
			apply(t, c, w)
			props := s.last("POST " + contactsPath + "/batch/create").inputs()[0]["properties"].(map[string]any)
			if got, _ := props["lifecyclestage"].(string); got != options[hubspot.OptionStage] {
				t.Errorf("sent %v", props)
			}
		}
	})
	t.Run("a refusal does not stop the rest, nor other contacts", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if strings.HasSuffix(c.path, "/batch/update") && strings.Contains(string(c.raw), "lifecyclestage") {
				return refusal(400, "VALIDATION_ERROR", faulty("lifecyclestage", "INVALID_LIFECYCLE_STAGE"))
			}
			return batched(200, echo(c))
		})
		if r := apply(t, c, update(t, c, s, nil, title, lead))[0]; r.Err != nil || r.Item.Record.Fields.First(record.OrgTitle) != "Lead buyer" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("one that is kept in silence is no error", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			return batched(200, []string{row("101", "jobtitle", "Lead buyer", "lifecyclestage", "subscriber")})
		})
		if r := apply(t, c, update(t, c, s, nil, title, lead))[0]; r.Err != nil {
			t.Error(r.Err)
		}
	})
	t.Run("alone it is no reason to write", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply { return batched(200, echo(c)) })
		before := update(t, c, s, nil, record.Fields{}, lead)
		calls := len(s.calls)
		if r := apply(t, c, before)[0]; r.Err != nil || len(s.calls) != calls {
			t.Errorf("%v, %d calls", r.Err, len(s.calls)-calls)
		}
	})
	t.Run("the choices are those of the account in its order", func(t *testing.T) {
		c, _ := scripted(t, func(call) reply { return reply{} })
		d, err := c.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, ch := range d.Options[0].Choices {
			got = append(got, ch.Value)
		}
		if d.Options[0].Key != hubspot.OptionStage || strings.Join(got, ",") != ",subscriber,lead,customer" || d.Options[0].Default != "" {
			t.Errorf("got %+v", d.Options[0])
		}
	})
}

func TestEmailAddresses(t *testing.T) {
	held := []string{"email", "a@x.example", "hs_additional_emails", "b@x.example;c@x.example"}
	mails := func(list ...string) record.Fields {
		vs := []record.Value{}
		for _, s := range list {
			vs = append(vs, record.Value{Text: s})
		}
		return record.Fields{record.Email: vs}
	}
	cases := map[string]struct {
		write record.Fields
		want  any // nil: refused
	}{
		"the primary one is changed":                      {mails("new@x.example", "b@x.example", "c@x.example"), "new@x.example"},
		"an additional one takes its place":               {mails("b@x.example", "c@x.example"), "b@x.example"},
		"all are emptied, which empties the primary one":  {mails(), ""},
		"an additional one cannot be removed":             {mails("a@x.example", "c@x.example"), nil},
		"an additional one cannot be changed":             {mails("a@x.example", "d@x.example", "c@x.example"), nil},
		"what goes and comes at once changes the primary": {mails("new@x.example"), "new@x.example"},
	}
	for what, x := range cases {
		t.Run(what, func(t *testing.T) {
			c, s := scripted(t, func(c call) reply { return batched(200, echo(c)) })
			w := update(t, c, s, held, x.write, nil)
			calls := len(s.calls)
			r := apply(t, c, w)[0]
			var inv *connector.InvalidError
			switch {
			case x.want == nil && (!errors.As(r.Err, &inv) || inv.Field != string(record.Email) || len(s.calls) != calls):
				t.Errorf("got %v, %d calls", r.Err, len(s.calls)-calls)
			case x.want != nil && (r.Err != nil || s.sent()["email"] != x.want):
				t.Errorf("sent %v: %v", s.sent(), r.Err)
			}
			if x.want != nil {
				if _, touched := s.sent()["hs_additional_emails"]; touched {
					t.Error("the additional addresses are written")
				}
			}
		})
	}
	t.Run("a taken one names the other contact", func(t *testing.T) {
		c, s := scripted(t, func(call) reply {
			return refusal(400, "VALIDATION_ERROR", `Property values were not valid: [{"isValid":false,"message":"A contact with the email 'q@x.example' already exists. Existing ID: 777","error":"CONFLICTING_UNIQUE_VALUE","name":"email"}]`)
		})
		r := apply(t, c, update(t, c, s, held, mails("q@x.example"), nil))[0]
		var dup *connector.DuplicateError
		if !errors.As(r.Err, &dup) || dup.ID != "777" || dup.Field != string(record.Email) || strings.Contains(r.Err.Error(), "q@x") {
			t.Errorf("got %v", r.Err)
		}
	})
}

func TestValuesTravel(t *testing.T) {
	c, s := scripted(t, func(c call) reply { return batched(200, echo(c)) })
	s.properties = catalogue(prop("my_day", "date", "date", ""), prop("my_calc", "number", "calculation_equation", `,"calculated":true`), prop("my_several", "enumeration", "checkbox", ""))
	w := update(t, c, s, []string{"phone", "1", "fax", "9", "city", "Tallinn", "zip", "10111"}, record.Fields{
		record.Phone:               {{Text: "2", Label: record.LabelMobile}},
		record.Address:             {{Parts: map[record.Part]string{record.PartStreet: "Pikk 12", record.PartCity: "Tartu"}}},
		record.Custom("my_day"):    text("2026-02-28"),
		record.NamePrefix:          {},
		record.Custom("my_calc"):   text("1"),
		record.Custom("my_nobody"): text("1"),
	}, nil)
	for _, k := range []record.Key{record.Custom("my_calc"), record.Custom("my_nobody")} {
		if r := apply(t, c, w)[0]; !errors.As(r.Err, new(*connector.InvalidError)) {
			t.Errorf("%s: %v", k, r.Err)
		}
		delete(w.Fields, k)
	}
	r := apply(t, c, w)[0]
	want := map[string]any{"phone": "", "mobilephone": "2", "fax": "", "address": "Pikk 12", "city": "Tartu", "state": "", "zip": "", "country": "", "my_day": "2026-02-28", "salutation": ""}
	if got := s.sent(); r.Err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("sent %v, want %v: %v", got, want, r.Err)
	}
	d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := d.Field(record.Custom("my_calc")); !ok || !f.ReadOnly {
		t.Errorf("a calculated property: %+v", f)
	}
	for _, k := range []record.Key{record.Custom("my_several"), record.Birthday, record.Note} {
		if _, ok := d.Field(k); ok {
			t.Errorf("%s is described", k)
		}
	}
}
