package zoho_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/zoho"
	"meibo/shared/record"
)

// wrote answers a write with success for each of its records; ids of new ones count from 900.
func wrote(c call) reply {
	var out []string
	data, _ := c.body["data"].([]any)
	for i, d := range data {
		id, _ := d.(map[string]any)["id"].(string)
		if id == "" {
			id = strconv.Itoa(900 + i)
		}
		out = append(out, success(id))
	}
	return reply{status: 200, body: `{"data":[` + strings.Join(out, ",") + `]}`}
}

func success(id string) string {
	return fmt.Sprintf(`{"code":"SUCCESS","details":{"id":%q,"Modified_Time":%q},"message":"m","status":"success"}`, id, stamp(start))
}

func failure(code, details string) string {
	return fmt.Sprintf(`{"code":%q,"details":%s,"message":"m","status":"error"}`, code, details)
}

func answers(status int, elements ...string) reply {
	return reply{status: status, body: `{"data":[` + strings.Join(elements, ",") + `]}`}
}

func given(name string) record.Fields { return record.Fields{record.NameGiven: {{Text: name}}} }

func apply(t *testing.T, c connector.Connector, ws ...connector.Write) []connector.Result {
	t.Helper()
	rs, err := c.Apply(ctx, ws)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	if len(rs) != len(ws) {
		t.Fatalf("%d results, want %d", len(rs), len(ws))
	}
	return rs
}

// sent is the data of the i-th call.
func (s *script) sent(i int) []map[string]any {
	var out []map[string]any
	for _, d := range s.calls[i].body["data"].([]any) {
		out = append(out, d.(map[string]any))
	}
	return out
}

func TestCreate(t *testing.T) {
	t.Run("writes each field in its place and skips automation", func(t *testing.T) {
		c, s := scripted(t, wrote)
		rs := apply(t, c, connector.Write{Op: connector.Create, Fields: record.Fields{
			record.NameGiven:          {{Text: "Haruto"}},
			record.Email:              {{Text: "b@example.jp", Label: record.LabelOther}, {Text: "a@example.jp", Label: record.LabelWork}},
			record.Phone:              {{Text: "090-5555-0187", Label: record.LabelMobile}},
			record.Address:            {{Label: record.LabelWork, Parts: map[record.Part]string{record.PartStreet: "丸の内2-4-1", record.PartPostal: "100-0005"}}},
			record.IM:                 {{Text: "haruto.k", Label: "skype", Parts: map[record.Part]string{record.PartService: "skype"}}},
			record.Birthday:           {},
			record.Custom("Score"):    {{Text: "12.50"}},
			record.Custom("Vip"):      {{Text: "true"}},
			record.Custom("Furigana"): {{Text: "ハルト"}},
		}})
		if rs[0].Err != nil || rs[0].ID != "900" || rs[0].Version != stamp(start) || rs[0].Item != nil {
			t.Fatalf("result %+v", rs[0])
		}
		if trigger, ok := s.calls[0].body["trigger"].([]any); !ok || len(trigger) != 0 {
			t.Errorf("trigger %v, want an empty list", s.calls[0].body["trigger"])
		}
		want := map[string]any{"First_Name": "Haruto", "Last_Name": "-", "Email": "a@example.jp", "Secondary_Email": "b@example.jp",
			"Mobile": "090-5555-0187", "Mailing_Street": "丸の内2-4-1", "Mailing_Zip": "100-0005", "Skype_ID": "haruto.k",
			"Score": 12.5, "Vip": true, "Furigana": "ハルト"}
		if got := s.sent(0)[0]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("sent %v\nwant %v", got, want)
		}
	})
	t.Run("lets automation run where it is asked for", func(t *testing.T) {
		_, s := scripted(t, wrote)
		c := open(t, s, zoho.Config{RunTriggers: true})
		apply(t, c, connector.Write{Op: connector.Create, Fields: given("A")})
		if _, ok := s.calls[0].body["trigger"]; ok {
			t.Error("trigger was sent")
		}
	})
	t.Run("refuses what does not fit before anything is sent", func(t *testing.T) {
		c, s := scripted(t, wrote)
		for name, f := range map[string]record.Fields{
			"no such slot":      {record.Phone: {{Text: "1", Label: "pager"}}},
			"one slot twice":    {record.Email: {{Text: "a@example.jp", Label: record.LabelWork}, {Text: "b@example.jp", Label: record.LabelWork}}},
			"two given names":   {record.NameGiven: {{Text: "a"}, {Text: "b"}}},
			"no such field":     {record.Nickname: {{Text: "a"}}},
			"no number":         {record.Custom("Score"): {{Text: "many"}}},
			"unknown custom":    {record.Custom("Nope"): {{Text: "a"}}},
			"an unsynced type":  {record.Custom("Sum"): {{Text: "1"}}},
			"an invisible one":  {record.Custom("Old"): {{Text: "1"}}},
			"two custom values": {record.Custom("Rank"): {{Text: "A"}, {Text: "B"}}},
		} {
			rs := apply(t, c, connector.Write{Op: connector.Create, Fields: f})
			var bad *connector.InvalidError
			if !errors.As(rs[0].Err, &bad) || bad.Field == "" {
				t.Errorf("%s: got %v, want an InvalidError with a field", name, rs[0].Err)
			}
		}
		if len(s.calls) != 0 {
			t.Errorf("%d calls", len(s.calls))
		}
	})
	t.Run("maps each record's refusal", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			return answers(207,
				success("900"),
				failure("INVALID_DATA", `{"api_name":"Secondary_Email","expected_data_type":"email","json_path":"$.data[1].Secondary_Email"}`),
				failure("DUPLICATE_DATA", `{"api_name":"Email","duplicate_record":{"id":"77"}}`),
				failure("MANDATORY_NOT_FOUND", `{"api_name":"Furigana"}`),
				failure("NO_PERMISSION", `{}`),
				failure("RECORD_LOCKED", `{}`),
				failure("INTERNAL_ERROR", `"odd"`),
				failure("DEPENDENT_SERVICE_ERROR", `{}`))
		})
		ws := make([]connector.Write, 8)
		for i := range ws {
			ws[i] = connector.Write{Op: connector.Create, Fields: given("A")}
		}
		rs := apply(t, c, ws...)
		if rs[0].Err != nil {
			t.Errorf("the good one: %v", rs[0].Err)
		}
		var bad *connector.InvalidError
		if !errors.As(rs[1].Err, &bad) || bad.Field != "email" || !strings.Contains(bad.Reason, "expected: email") {
			t.Errorf("INVALID_DATA: %v", rs[1].Err)
		}
		var dup *connector.DuplicateError
		if !errors.As(rs[2].Err, &dup) || dup.ID != "77" || dup.Field != "email" {
			t.Errorf("DUPLICATE_DATA: %v", rs[2].Err)
		}
		if !errors.As(rs[3].Err, &bad) || bad.Field != "custom:Furigana" {
			t.Errorf("MANDATORY_NOT_FOUND: %v", rs[3].Err)
		}
		var no *connector.ForbiddenError
		if !errors.As(rs[4].Err, &no) || no.Cure == "" {
			t.Errorf("NO_PERMISSION: %v", rs[4].Err)
		}
		if !errors.As(rs[5].Err, &bad) || !strings.Contains(bad.Reason, "locked") {
			t.Errorf("RECORD_LOCKED: %v", rs[5].Err)
		}
		if !errors.Is(rs[6].Err, connector.ErrOutcomeUnknown) {
			t.Errorf("INTERNAL_ERROR: %v", rs[6].Err)
		}
		if !errors.Is(rs[7].Err, connector.ErrTransient) {
			t.Errorf("DEPENDENT_SERVICE_ERROR: %v", rs[7].Err)
		}
	})
	t.Run("sends the others again when one spoils the call", func(t *testing.T) {
		for name, details := range map[string]string{"named": `{"json_path":"$.data[1].First_Name","api_name":"First_Name"}`, "not named": `{}`} {
			c, s := scripted(t, func(c call) reply {
				for _, d := range c.body["data"].([]any) {
					if d.(map[string]any)["First_Name"] == "bad" {
						return answers(400, failure("INVALID_DATA", details))
					}
				}
				return wrote(c)
			})
			rs := apply(t, c,
				connector.Write{Op: connector.Create, Fields: given("A")}, connector.Write{Op: connector.Create, Fields: given("bad")},
				connector.Write{Op: connector.Create, Fields: given("B")}, connector.Write{Op: connector.Create, Fields: given("C")})
			var bad *connector.InvalidError
			if !errors.As(rs[1].Err, &bad) || rs[0].Err != nil || rs[2].Err != nil || rs[3].Err != nil {
				t.Errorf("%s: %v, %v, %v, %v", name, rs[0].Err, rs[1].Err, rs[2].Err, rs[3].Err)
			}
			if len(s.calls) > 5 {
				t.Errorf("%s: %d calls", name, len(s.calls))
			}
		}
	})
	t.Run("calls no outcome known that was not told", func(t *testing.T) {
		for name, a := range map[string]reply{
			"too few":             answers(200, success("900")),
			"no id":               answers(200, `{"code":"SUCCESS","status":"success","details":{}}`, success("901")),
			"HTML":                {status: 200, body: "<html>"},
			"an error inside 200": refusal(200, "INTERNAL_ERROR", "{}"),
			"500":                 refusal(500, "INTERNAL_ERROR", "{}"),
			"malformed 400":       {status: 400, body: "{"},
		} {
			c, _ := scripted(t, func(call) reply { return a })
			rs := apply(t, c, connector.Write{Op: connector.Create, Fields: given("A")}, connector.Write{Op: connector.Create, Fields: given("B")})
			if !errors.Is(rs[0].Err, connector.ErrOutcomeUnknown) {
				t.Errorf("%s: got %v, want ErrOutcomeUnknown", name, rs[0].Err)
			}
		}
	})
	t.Run("stops sending once throttled", func(t *testing.T) {
		c, s := scripted(t, func(call) reply { return refusal(429, "TOO_MANY_REQUESTS", "{}") })
		ws := make([]connector.Write, 250)
		for i := range ws {
			ws[i] = connector.Write{Op: connector.Create, Fields: given("A")}
		}
		for i, r := range apply(t, c, ws...) {
			var th *connector.ThrottledError
			if !errors.As(r.Err, &th) {
				t.Fatalf("create %d: got %v, want a ThrottledError", i, r.Err)
			}
		}
		if len(s.calls) != 1 {
			t.Errorf("%d calls, want 1", len(s.calls))
		}
	})
}

// read returns the items of ids as Get reads them.
func read(t *testing.T, c connector.Connector, ids ...string) []connector.Item {
	t.Helper()
	got, err := c.Get(ctx, nil, ids)
	if err != nil {
		t.Fatal(err)
	}
	var out []connector.Item
	for _, g := range got {
		if g.Status != connector.StatusFound {
			t.Fatalf("%s: status %d", g.ID, g.Status)
		}
		out = append(out, g.Item)
	}
	return out
}

func TestUpdateGuard(t *testing.T) {
	const header = "If-Unmodified-Since"
	row := func(id int, modified time.Time) string {
		return fmt.Sprintf(`{"id":"%d","First_Name":"G","Last_Name":"F","Modified_Time":%q}`, id, stamp(modified))
	}
	update := func(it connector.Item) connector.Write {
		return connector.Write{Op: connector.Update, ID: it.ID, Fields: given("New"), Current: &it}
	}
	list := func(c call, rows ...string) reply {
		if c.method == http.MethodGet {
			return reply{status: 200, body: `{"data":[` + strings.Join(rows, ",") + `]}`}
		}
		return wrote(c)
	}
	t.Run("records that were read together travel in one call", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			return list(c, row(1, start.Add(-time.Hour)), row(2, start.Add(-time.Minute)), row(3, start.Add(-24*time.Hour)))
		})
		var ws []connector.Write
		for _, it := range read(t, c, "1", "2", "3") {
			ws = append(ws, update(it))
		}
		s.calls = nil
		apply(t, c, ws...)
		if len(s.calls) != 1 {
			t.Fatalf("%d calls, want 1", len(s.calls))
		}
		if got, want := s.calls[0].header.Get(header), start.Add(-time.Minute).Format("2006-01-02T15:04:05-07:00"); got != want {
			t.Errorf("guard %q, want the newest version %q", got, want)
		}
	})
	t.Run("a record that was read before another one changed travels apart", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.query.Get("ids") == "1" {
				return list(c, row(1, start.Add(-time.Hour)))
			}
			return list(c, row(2, start.Add(time.Minute)))
		})
		one := read(t, c, "1")[0]
		s.clock.Advance(2 * time.Minute)
		two := read(t, c, "2")[0]
		s.calls = nil
		apply(t, c, update(two), update(one))
		if len(s.calls) != 2 {
			t.Fatalf("%d calls, want 2: record 1 may have changed before record 2 did", len(s.calls))
		}
		guards := map[string]string{}
		for i, c := range s.calls {
			guards[s.sent(i)[0]["id"].(string)] = c.header.Get(header)
		}
		if guards["1"] != "2026-10-02T08:00:00+00:00" || guards["2"] != "2026-10-02T09:01:00+00:00" {
			t.Errorf("guards %v", guards)
		}
	})
	t.Run("without knowledge of the reading each version stands for itself", func(t *testing.T) {
		c, s := scripted(t, wrote)
		w := func(id string, at time.Time) connector.Write {
			return update(connector.Item{ID: id, Version: stamp(at)})
		}
		apply(t, c, w("1", start), w("2", start.Add(time.Hour)), w("3", start))
		if len(s.calls) != 2 {
			t.Errorf("%d calls, want 2", len(s.calls))
		}
	})
	t.Run("a conflict that names its record leaves the others", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			for _, d := range c.body["data"].([]any) {
				if d.(map[string]any)["id"] == "2" {
					return answers(412, failure("ALREADY_MODIFIED", `{"id":"2"}`))
				}
			}
			return wrote(c)
		})
		at := func(id string) connector.Write { return update(connector.Item{ID: id, Version: stamp(start)}) }
		rs := apply(t, c, at("1"), at("2"), at("3"))
		if !errors.Is(rs[1].Err, connector.ErrVersionConflict) || rs[0].Err != nil || rs[2].Err != nil {
			t.Errorf("%v, %v, %v", rs[0].Err, rs[1].Err, rs[2].Err)
		}
		if len(s.calls) != 2 {
			t.Errorf("%d calls, want 2", len(s.calls))
		}
	})
	t.Run("a conflict that names none is looked for", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			for _, d := range c.body["data"].([]any) {
				if d.(map[string]any)["id"] == "3" {
					return reply{status: 412}
				}
			}
			return wrote(c)
		})
		var ws []connector.Write
		for i := 1; i <= 5; i++ {
			ws = append(ws, update(connector.Item{ID: strconv.Itoa(i), Version: stamp(start)}))
		}
		for i, r := range apply(t, c, ws...) {
			if got := errors.Is(r.Err, connector.ErrVersionConflict); got != (i == 2) {
				t.Errorf("update %d: %v", i+1, r.Err)
			}
		}
	})
	t.Run("an id that is not there is not found", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			return answers(207, failure("INVALID_DATA", `{"api_name":"id","json_path":"$.data[0].id"}`), success("2"),
				failure("INVALID_DATA", `{"api_name":"Account_Name.id","json_path":"$.data[2].Account_Name.id"}`))
		})
		at := func(id string) connector.Write { return update(connector.Item{ID: id, Version: stamp(start)}) }
		rs := apply(t, c, at("1"), at("2"), at("3"), at("not-an-id"))
		var bad *connector.InvalidError
		if !errors.Is(rs[0].Err, connector.ErrNotFound) || rs[1].Err != nil || !errors.As(rs[2].Err, &bad) || bad.Field != "org.name" || !errors.Is(rs[3].Err, connector.ErrNotFound) {
			t.Errorf("%v, %v, %v, %v", rs[0].Err, rs[1].Err, rs[2].Err, rs[3].Err)
		}
	})
	t.Run("an emptied field is cleared, a family name kept mandatory", func(t *testing.T) {
		c, s := scripted(t, wrote)
		apply(t, c, connector.Write{Op: connector.Update, ID: "1", Fields: record.Fields{record.NameFamily: {}, record.Email: {}, record.OrgName: {}}})
		want := map[string]any{"id": "1", "Last_Name": "-", "Email": nil, "Secondary_Email": nil, "Account_Name": nil}
		if got := s.sent(0)[0]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("sent %v, want %v", got, want)
		}
	})
}

func TestDelete(t *testing.T) {
	c, s := scripted(t, func(c call) reply {
		var out []string
		for _, id := range strings.Split(c.query.Get("ids"), ",") {
			if strings.HasSuffix(id, "007") {
				out = append(out, failure("INVALID_DATA", `{"id":"`+id+`"}`))
				continue
			}
			out = append(out, success(id))
		}
		return answers(207, out...)
	})
	var ws []connector.Write
	for i := range 60 {
		ws = append(ws, connector.Write{Op: connector.Delete, ID: fmt.Sprintf("5843201000000462%03d", i)})
	}
	for i, r := range apply(t, c, ws...) {
		if got := errors.Is(r.Err, connector.ErrNotFound); got != (i == 7) || !got && r.Err != nil {
			t.Errorf("delete %d: %v", i, r.Err)
		}
	}
	if len(s.calls) != 2 {
		t.Errorf("%d calls, want 2", len(s.calls))
	}
	for _, c := range s.calls {
		if n := len(c.query.Get("ids")); n > 1024 {
			t.Errorf("%d characters of ids", n)
		}
	}
}

func TestCompanies(t *testing.T) {
	at := func(name string) connector.Write {
		return connector.Write{Op: connector.Create, Fields: record.Fields{record.NameFamily: {{Text: "F"}}, record.OrgName: {{Text: name}}}}
	}
	vendor := func(c call) reply {
		switch c.path {
		case "/coql":
			return reply{status: 200, body: `{"data":[{"id":"50","Account_Name":"ACME"},{"id":"51","Account_Name":"Kitano"},{"id":"52","Account_Name":"Kitano"}]}`}
		case "/Accounts/upsert":
			var out []string
			for i := range c.body["data"].([]any) {
				out = append(out, success(strconv.Itoa(60+i)))
			}
			return answers(200, out...)
		}
		return wrote(c)
	}
	t.Run("are looked up once, made when missing, and linked by id", func(t *testing.T) {
		c, s := scripted(t, vendor)
		apply(t, c, at("Kitano"), at("Acme"), at("New"), at("O'Brien & Co"), at("Kitano"))
		var got []string
		for _, d := range s.sent(2) {
			got = append(got, d["Account_Name"].(map[string]any)["id"].(string))
		}
		if want := "51,50,60,61,51"; strings.Join(got, ",") != want {
			t.Errorf("linked %v, want %s", got, want)
		}
		if q := s.calls[0].body["select_query"].(string); !strings.Contains(q, "in ('Kitano', 'Acme', 'New')") {
			t.Errorf("query %s", q)
		}
		if f := fmt.Sprint(s.calls[1].body["duplicate_check_fields"]); f != "[Account_Name]" {
			t.Errorf("upsert by %s", f)
		}
		s.calls = nil
		apply(t, c, at("New"), at("Acme"))
		if len(s.calls) != 1 {
			t.Errorf("%d calls for names that were met, want 1", len(s.calls))
		}
	})
	t.Run("that a contact has already cost nothing", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.method == http.MethodGet {
				return reply{status: 200, body: fmt.Sprintf(`{"data":[{"id":"1","Last_Name":"F","Account_Name":{"id":"52","name":"Kitano"},"Modified_Time":%q}]}`, stamp(start))}
			}
			return vendor(c)
		})
		it := read(t, c, "1")[0]
		if got := it.Record.Fields.First(record.OrgName); got != "Kitano" {
			t.Fatalf("read %q", got)
		}
		s.calls = nil
		apply(t, c, connector.Write{Op: connector.Update, ID: "1", Current: &it, Fields: record.Fields{record.OrgName: {{Text: "Kitano"}}}})
		if len(s.calls) != 1 || fmt.Sprint(s.sent(0)[0]["Account_Name"]) != "map[id:52]" {
			t.Errorf("%d calls, linked %v", len(s.calls), s.sent(0)[0]["Account_Name"])
		}
	})
	t.Run("that the user may not touch refuse only their records", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.path == "/coql" || c.path == "/Accounts/upsert" {
				return refusal(403, "NO_PERMISSION", "{}")
			}
			return wrote(c)
		})
		rs := apply(t, c, at("Kitano"), connector.Write{Op: connector.Create, Fields: given("A")})
		var bad *connector.InvalidError
		if !errors.As(rs[0].Err, &bad) || bad.Field != "org.name" || rs[1].Err != nil {
			t.Errorf("%v, %v", rs[0].Err, rs[1].Err)
		}
		if n := s.count(http.MethodPost, "/Accounts/upsert"); n != 0 {
			t.Errorf("%d upserts after the refusal", n)
		}
	})
	t.Run("one bad name refuses only its record", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			switch c.path {
			case "/coql":
				return nothing
			case "/Accounts/upsert":
				return answers(207, success("60"), failure("INVALID_DATA", `{"api_name":"Account_Name","maximum_length":200}`))
			}
			return wrote(c)
		})
		rs := apply(t, c, at("Good"), at("Bad"))
		var bad *connector.InvalidError
		if rs[0].Err != nil || !errors.As(rs[1].Err, &bad) || bad.Field != "org.name" || !strings.Contains(bad.Reason, "200") {
			t.Errorf("%v, %v", rs[0].Err, rs[1].Err)
		}
	})
	t.Run("whose outcome is unknown leave the contacts unsent", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.path == "/coql" {
				return nothing
			}
			return reply{status: 502}
		})
		_, err := c.Apply(ctx, []connector.Write{at("Kitano")})
		if !errors.Is(err, connector.ErrTransient) || s.count(http.MethodPost, "/Contacts") != 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("that COQL does not take are left to the upsert", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.path == "/coql" {
				return refusal(400, "SYNTAX_ERROR", "{}")
			}
			return vendor(c)
		})
		if rs := apply(t, c, at("Kitano")); rs[0].Err != nil || s.count(http.MethodPost, "/Accounts/upsert") != 1 {
			t.Errorf("%v", rs[0].Err)
		}
	})
}
