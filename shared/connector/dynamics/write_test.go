package dynamics_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/dynamics"
	"meibo/shared/record"
)

// stored answers a write with the row as it is then.
func stored(c call, version int) reply {
	at := c.path[len(c.path)-37 : len(c.path)-1]
	m := map[string]any{}
	for k, v := range c.body {
		m[k] = v
	}
	var r map[string]any
	_ = json.Unmarshal([]byte(row(1, version, m)), &r)
	r["contactid"] = at
	b, _ := json.Marshal(r)
	status := 200
	if c.header.Get("If-None-Match") == "*" {
		status = 201
	}
	return reply{status: status, body: string(b)}
}

func person(n int) record.Fields {
	return record.Fields{record.NameGiven: text(fmt.Sprint("Given", n)), record.NameFamily: text("Family")}
}

func update(it connector.Item, f record.Fields) connector.Write {
	return connector.Write{Op: connector.Update, ID: it.ID, Fields: f, Current: &it}
}

func TestCreate(t *testing.T) {
	t.Run("has an id that follows from the mark, and can only create", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply { return stored(c, 7) })
		w := create(person(1))
		w.Mark = "mark-1"
		r := only(t, c, w)
		first := s.took()[0]
		if r.Err != nil || r.Version != "7" || r.Item == nil || first.op() != "PATCH contacts("+r.ID+")" || first.header.Get("If-None-Match") != "*" || first.header.Get("If-Match") != "" {
			t.Fatalf("%+v by %+v", r, first)
		}
		if !strings.Contains(first.header.Get("Prefer"), "return=representation") || first.body["subject"] != nil {
			t.Errorf("%v %v", first.header, first.body)
		}
		if again := only(t, s.open(dynamics.Config{}), w); again.ID != r.ID {
			t.Errorf("made again as %s, before %s", again.ID, r.ID)
		}
		w.Mark = "mark-2"
		if other := only(t, c, w); other.ID == r.ID {
			t.Error("two marks have one id")
		}
		w.Mark = ""
		if a, b := only(t, c, w), only(t, c, w); a.ID == b.ID || a.Err != nil {
			t.Error("two records without a mark have one id")
		}
	})
	t.Run("one that is there already is ours if it says the same", func(t *testing.T) {
		for name, at := range map[string]struct {
			have     map[string]any
			answer   reply
			ours     bool
			resultID bool
		}{
			"the same":        {map[string]any{"firstname": "Given1", "lastname": "Family", "emailaddress1": "a@x.jp", "description": "theirs"}, refusal(412, "0x80060882", "exists"), true, true},
			"in other words":  {map[string]any{"firstname": "Given1", "lastname": "Family", "emailaddress1": "a@x.jp"}, refusal(412, "0x80040237", "A record with matching key values already exists"), true, true},
			"another name":    {map[string]any{"firstname": "Other", "lastname": "Family", "emailaddress1": "a@x.jp"}, refusal(412, "", ""), false, true},
			"another address": {map[string]any{"firstname": "Given1", "lastname": "Family", "emailaddress1": "b@x.jp"}, refusal(412, "0x80060882", "exists"), false, true},
			"no longer open":  {map[string]any{"firstname": "Given1", "lastname": "Family", "emailaddress1": "a@x.jp", "statecode": 1}, refusal(412, "0x80060882", "exists"), false, true},
			"duplicate rule":  {nil, refusal(412, "0x80040333", "A record was not created because a duplicate exists"), false, false},
			"rule with a 500": {nil, refusal(500, "0x80040333", "A record was not created because a duplicate exists"), false, false},
			"key taken":       {nil, refusal(412, "0x80060892", "alternate key"), false, false},
		} {
			c, _ := scripted(t, func(c call) reply {
				switch {
				case c.method == "PATCH":
					return at.answer
				case at.have == nil && c.query.Has("$filter"):
					return list()
				case at.have == nil:
					return absent()
				}
				var r map[string]any
				_ = json.Unmarshal([]byte(row(1, 9, at.have)), &r)
				r["contactid"] = strings.TrimPrefix(c.query.Get("$filter"), "contactid eq ")
				b, _ := json.Marshal(r)
				return list(string(b))
			})
			w := create(person(1))
			w.Fields[record.Email], w.Mark = []record.Value{{Text: "a@x.jp", Label: "work"}}, "m"
			r := only(t, c, w)
			var dup *connector.DuplicateError
			switch {
			case at.ours && (r.Err != nil || r.ID == "" || r.Version != "9"):
				t.Errorf("%s: %+v", name, r)
			case !at.ours && (!errors.As(r.Err, &dup) || (dup.ID != "") != at.resultID):
				t.Errorf("%s: %+v", name, r)
			}
		}
	})
	t.Run("a lead has a topic", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			return reply{status: 201, body: strings.Replace(rowOf("lead", 1, 7, nil), id(1), c.path[len(c.path)-37:len(c.path)-1], 1)}
		})
		leads, err := c.Choose(map[string]string{"object": "leads"})
		if err != nil {
			t.Fatal(err)
		}
		f := person(1)
		f[record.OrgName] = text("Kitano")
		r := only(t, leads, create(f))
		if made := s.took(); r.Err != nil || len(made) != 1 || made[0].body["subject"] != "Given1 Family" || made[0].body["companyname"] != "Kitano" || !strings.HasPrefix(made[0].path, "leads(") {
			t.Errorf("%+v by %+v", r, made)
		}
	})
	t.Run("in a static list it is put after it was made, in one call", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			switch {
			case c.method == "GET":
				return reply{status: 200, body: fmt.Sprintf(`{"listid":%q,"type":false,"createdfromcode":2}`, id(61))}
			case c.method == "POST":
				return reply{status: 200, body: `{}`}
			}
			return stored(c, 7)
		})
		w, v := create(person(1)), create(person(2))
		w.Groups, v.Groups = []string{"list:" + id(61)}, []string{"list:" + id(61), "view:" + id(63), "all"}
		rs, err := c.Apply(t.Context(), []connector.Write{w, v})
		calls := s.took()
		if err != nil || rs[0].Err != nil || rs[1].Err != nil || len(calls) != 5 || calls[2].op() != "POST lists("+id(61)+")/Microsoft.Dynamics.CRM.AddMemberList" || calls[2].body["EntityId"] != rs[0].ID || calls[4].body["EntityId"] != rs[1].ID {
			t.Errorf("%+v, %v by %s", rs, err, ops(calls))
		}
	})
	t.Run("what is no choice is refused", func(t *testing.T) {
		c, _ := scripted(t, nothing)
		if _, err := c.Choose(map[string]string{"object": "accounts"}); !isInvalid(err) {
			t.Errorf("got error %v", err)
		}
		same, err := c.Choose(nil)
		if again, _ := c.Choose(map[string]string{"object": "contacts"}); err != nil || same != again || same != connector.Connector(c) {
			t.Error("the default is not contacts, or a view is not shared")
		}
	})
}

func TestUpdate(t *testing.T) {
	open := func(t *testing.T, set map[string]any, answer func(c call) reply) (*dynamics.Connector, *script, connector.Item) {
		c, s := scripted(t, func(c call) reply {
			if c.method == "GET" {
				return list(row(1, 5, set))
			}
			return answer(c)
		})
		it := item(t, c, 1)
		s.took()
		return c, s, it
	}
	t.Run("names the version and sends what changes", func(t *testing.T) {
		c, s, it := open(t, map[string]any{"emailaddress1": "a@x.jp", "emailaddress3": "c@x.jp", "address1_line1": "1 Main St", "address1_county": "kept"},
			func(c call) reply { return stored(c, 6) })
		r := only(t, c, update(it, record.Fields{record.NameGiven: text("New"), record.NameFamily: {},
			record.Email:   {{Text: "a@x.jp"}, {Text: "new@x.jp"}, {Text: "c@x.jp"}},
			record.Address: {{Label: "work", Parts: map[record.Part]string{record.PartStreet: "1 Main St\nBuilding B", record.PartCity: "Springfield"}}}}))
		sent := s.took()[0]
		want := `{"address1_city":"Springfield","address1_line2":"Building B","emailaddress2":"new@x.jp","firstname":"New","lastname":null}`
		if b, _ := json.Marshal(sent.body); r.Err != nil || r.Version != "6" || sent.header.Get("If-Match") != `W/"5"` || string(b) != want {
			t.Errorf("%+v sent %s with %v", r, b, sent.header)
		}
	})
	t.Run("one whose record was deleted between read and write never makes it again", func(t *testing.T) {
		for name, w := range map[string]func(connector.Item) connector.Write{
			"update":                 func(it connector.Item) connector.Write { return update(it, person(1)) },
			"update without current": func(it connector.Item) connector.Write { w := update(it, person(1)); w.Current = nil; return w },
			"delete": func(it connector.Item) connector.Write {
				return connector.Write{Op: connector.Delete, ID: it.ID, Current: &it}
			},
		} {
			c, s, it := open(t, nil, func(c call) reply {
				if c.header.Get("If-Match") == "" {
					return stored(c, 9) // Dataverse would make the row
				}
				return absent()
			})
			r := only(t, c, w(it))
			calls := s.took()
			if !errors.Is(r.Err, connector.ErrNotFound) || len(calls) != 1 || name == "update without current" && calls[0].header.Get("If-Match") != "*" {
				t.Errorf("%s: %+v by %s", name, r, ops(calls))
			}
		}
	})
	t.Run("refusals", func(t *testing.T) {
		for name, at := range map[string]struct {
			answer reply
			want   error
		}{
			"stale":         {refusal(412, "0x80060882", "The version"), connector.ErrVersionConflict},
			"stale, signed": {refusal(412, "-2147088254", "The version"), connector.ErrVersionConflict},
			"duplicate":     {refusal(500, "0x80040333", "dup"), &connector.DuplicateError{}},
			"too long":      {refusal(400, "0x80044331", "The length of the 'mobilephone' attribute of the 'contact' entity exceeded the maximum allowed length of '50'."), &connector.InvalidError{Field: "phone"}},
			"plug-in":       {refusal(400, "0x80040265", "Secret: 03-1234 is bad"), &connector.InvalidError{}},
			"forbidden":     {refusal(403, "0x80040220", "missing prvWriteContact"), &connector.ForbiddenError{}},
			"not a member":  {refusal(403, "0x80072560", "The user is not a member of the organization."), &connector.ForbiddenError{}},
			"500":           {refusal(500, "0x80040216", "?"), connector.ErrOutcomeUnknown},
			"HTML":          {reply{status: 400, body: "<html>"}, connector.ErrOutcomeUnknown},
			"no row":        {reply{status: 200, body: `{}`}, connector.ErrOutcomeUnknown},
			"another row":   {reply{status: 200, body: row(2, 6, nil)}, connector.ErrOutcomeUnknown},
			"nothing":       {reply{status: 204}, connector.ErrOutcomeUnknown},
			"token":         {refusal(401, "0x80040204", "expired"), &connector.AuthLostError{}},
		} {
			c, _, it := open(t, nil, func(call) reply { return at.answer })
			rs, err := c.Apply(t.Context(), []connector.Write{update(it, person(1))})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got := rs[0].Err
			ok := false
			switch want := at.want.(type) {
			case *connector.InvalidError:
				var bad *connector.InvalidError
				ok = errors.As(got, &bad) && bad.Field == want.Field && bad.Reason != "" && !strings.Contains(got.Error(), "03-1234")
			case *connector.ForbiddenError:
				var no *connector.ForbiddenError
				ok = errors.As(got, &no) && no.Cure != ""
			case *connector.DuplicateError:
				var dup *connector.DuplicateError
				ok = errors.As(got, &dup)
			case *connector.AuthLostError:
				var lost *connector.AuthLostError
				ok = errors.As(got, &lost)
			default:
				ok = errors.Is(got, want)
			}
			if !ok {
				t.Errorf("%s: got error %v, want %T %v", name, got, at.want, at.want)
			}
		}
	})
	t.Run("a record that cannot be edited is neither changed nor deleted", func(t *testing.T) {
		for _, set := range []map[string]any{{"statecode": 1}, {"merged": true}} {
			c, s, it := open(t, set, func(c call) reply { return stored(c, 6) })
			rs, err := c.Apply(t.Context(), []connector.Write{update(it, person(1)), {Op: connector.Delete, ID: it.ID, Current: &it}})
			if err != nil || !isInvalid(rs[0].Err) || !isInvalid(rs[1].Err) || len(s.took()) != 0 || it.Scope != connector.OutOfScope {
				t.Errorf("%+v, %v, scope %d", rs, err, it.Scope)
			}
		}
	})
	t.Run("what does not fit is said before anything is sent", func(t *testing.T) {
		c, s, it := open(t, nil, func(c call) reply { return stored(c, 6) })
		for k, vs := range map[record.Key][]record.Value{
			record.NameGiven:  text(strings.Repeat("𠮷", 26)), // two units each
			record.Birthday:   text("--02-29"),
			record.Email:      {{Text: "a"}, {Text: "b"}, {Text: "c"}, {Text: "d"}},
			record.Address:    {{Label: "work", Parts: map[record.Part]string{record.PartStreet: "1\n2\n3\n4"}}},
			record.IM:         text("x"),
			record.Phone:      {{Text: "1", Label: "mobile"}, {Text: "2", Label: "mobile"}},
			record.NameFamily: {{Text: "a"}, {Text: "b"}},
		} {
			r := only(t, c, update(it, record.Fields{k: vs}))
			var bad *connector.InvalidError
			if !errors.As(r.Err, &bad) || bad.Field != string(k) || len(s.took()) != 0 {
				t.Errorf("%s: %v", k, r.Err)
			}
		}
	})
}

func TestBatches(t *testing.T) {
	hundred := make([]connector.Write, 100)
	for i := range hundred {
		hundred[i] = create(person(i))
	}
	t.Run("one bad row in a hundred fails alone, in one call", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.body["firstname"] == "Given42" {
				return refusal(400, "0x80040203", "An error about firstname")
			}
			return stored(c, 7)
		})
		rs, err := c.Apply(t.Context(), hundred)
		if err != nil || s.https != 1 {
			t.Fatalf("%d calls, %v", s.https, err)
		}
		for i, r := range rs {
			if (r.Err != nil) != (i == 42) || i == 42 && !isInvalid(r.Err) {
				t.Errorf("row %d: %v", i, r.Err)
			}
		}
	})
	t.Run("a batch that is refused as a whole is taken apart", func(t *testing.T) {
		for _, status := range []int{400, 413} {
			c, s := scripted(t, func(c call) reply { return stored(c, 7) })
			s.whole = func(parts []call) *reply {
				for _, p := range parts {
					if p.body["firstname"] == "Given42" {
						a := refusal(status, "0x80048d19", "Error identified in Payload")
						return &a
					}
				}
				return nil
			}
			rs, err := c.Apply(t.Context(), hundred)
			if err != nil || s.https > 15 {
				t.Fatalf("%d: %d calls, %v", status, s.https, err)
			}
			for i, r := range rs {
				if (r.Err != nil) != (i == 42) || i == 42 && !isInvalid(r.Err) {
					t.Errorf("%d: row %d: %v", status, i, r.Err)
				}
			}
		}
	})
	t.Run("a part that lost a deadlock is sent again by itself", func(t *testing.T) {
		for _, code := range []string{"0x80044150", "-2147204784"} {
			tries := map[any]int{}
			_, s := scripted(t, func(c call) reply {
				tries[c.body["firstname"]]++
				if c.body["firstname"] == "Given3" && tries["Given3"] < 3 {
					return refusal(500, code, "SQL 1205")
				}
				return stored(c, 7)
			})
			c := s.open(dynamics.Config{Patience: time.Minute})
			rs, err := c.Apply(t.Context(), hundred[:5])
			if err != nil || rs[3].Err != nil || tries["Given3"] != 3 || tries["Given1"] != 1 {
				t.Errorf("%s: %+v, %v after %v", code, rs[3], err, tries)
			}
		}
	})
	t.Run("one that goes on losing is for later", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply { return refusal(500, "0x80044150", "SQL 1205") })
		if r := only(t, c, hundred[0]); !errors.Is(r.Err, connector.ErrTransient) {
			t.Errorf("got error %v", r.Err)
		}
	})
	t.Run("an answer with parts missing says nothing of them", func(t *testing.T) {
		short := func(keep int) func([]call) *reply {
			return func(parts []call) *reply {
				body := ""
				for _, p := range parts[:keep] {
					a := stored(p, 7)
					body += "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 201 Created\r\n\r\n" + a.body + "\r\n"
				}
				return &reply{status: 200, body: body + "--b--\r\n", header: map[string]string{"Content-Type": "multipart/mixed; boundary=b"}}
			}
		}
		c, s := scripted(t, nothing)
		s.whole = short(1)
		rs, err := c.Apply(t.Context(), hundred[:2])
		if err != nil || rs[0].Err != nil || !errors.Is(rs[1].Err, connector.ErrOutcomeUnknown) {
			t.Errorf("%+v, %v", rs, err)
		}
		s.whole = func([]call) *reply {
			return &reply{status: 200, body: "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 201 Cre", header: map[string]string{"Content-Type": "multipart/mixed; boundary=b"}}
		}
		rs, err = c.Apply(t.Context(), hundred[:2])
		if err != nil || !errors.Is(rs[0].Err, connector.ErrOutcomeUnknown) || !errors.Is(rs[1].Err, connector.ErrOutcomeUnknown) {
			t.Errorf("%+v, %v", rs, err)
		}
	})
}

func TestThrottling(t *testing.T) {
	for name, code := range map[string]string{"requests": "0x80072322", "time": "0x80072321", "concurrent": "0x80072326", "signed": "-2147015902", "another": "0x8005F103"} {
		t.Run(name, func(t *testing.T) {
			limited := refusal(429, code, "limit")
			limited.header = map[string]string{"Retry-After": "37"}
			c, s := scripted(t, func(call) reply { return limited })
			_, err := c.Changes(t.Context(), connector.Scope{}, "")
			var th *connector.ThrottledError
			if !errors.As(err, &th) || th.After != 37*time.Second {
				t.Errorf("got error %v", err)
			}
			if r := only(t, c, create(person(1))); !errors.As(r.Err, &th) || th.After != 37*time.Second {
				t.Errorf("in a batch: got error %v", r.Err)
			}
			s.whole = func([]call) *reply { return &limited }
			if _, err := c.Apply(t.Context(), []connector.Write{create(person(1))}); !errors.As(err, &th) && err != nil {
				t.Errorf("a batch as a whole: got error %v", err)
			}
		})
	}
	t.Run("is said in words", func(t *testing.T) {
		seen := map[string]bool{}
		for _, code := range []string{"0x80072322", "0x80072321", "0x80072326"} {
			c, _ := scripted(t, func(call) reply { return refusal(429, code, "limit") })
			_, err := c.Changes(t.Context(), connector.Scope{}, "")
			seen[fmt.Sprint(err)] = true
		}
		if len(seen) != 3 {
			t.Errorf("three limits are told in %d ways", len(seen))
		}
	})
	t.Run("is waited out as far as patience goes", func(t *testing.T) {
		n := 0
		_, s := scripted(t, func(c call) reply {
			if n++; n%2 == 1 {
				a := refusal(429, "0x80072326", "limit")
				a.header = map[string]string{"Retry-After": "5"}
				return a
			}
			if c.method == "GET" {
				return more("", link("contacts?$deltatoken=1"), named(1, "A"))
			}
			return stored(c, 7)
		})
		c := s.open(dynamics.Config{Patience: time.Minute})
		began := s.clock.Now()
		p := page(t, c, connector.Scope{}, "")
		r := only(t, c, create(person(1)))
		if names(p) != "A" || r.Err != nil || s.clock.Now().Sub(began) != 10*time.Second {
			t.Errorf("%s, %+v after %s", names(p), r, s.clock.Now().Sub(began))
		}
	})
	t.Run("our own count comes first", func(t *testing.T) {
		_, s := scripted(t, func(c call) reply { return more("", link("contacts?$deltatoken=1"), named(1, "A")) })
		limits := dynamics.DefaultLimits()
		if limits[0].Units != 6000 || limits[0].Per != 300*time.Second {
			t.Errorf("%+v", limits)
		}
		limits[0].Units = 4
		c := s.open(dynamics.Config{Limits: limits})
		p := page(t, c, connector.Scope{}, "") // columns, user, privileges and a page
		if wait := c.Ready(connector.Create, 100); wait != 300*time.Second {
			t.Errorf("ready after %s", wait)
		}
		var th *connector.ThrottledError
		if _, err := c.Changes(t.Context(), connector.Scope{}, p.Next); !errors.As(err, &th) {
			t.Errorf("got error %v", err)
		}
	})
}

func TestExpiredToken(t *testing.T) {
	c, _ := scripted(t, func(call) reply { return refusal(401, "", "expired") })
	_, errList := c.Changes(t.Context(), connector.Scope{}, "")
	_, errGet := c.Get(t.Context(), nil, []string{id(1)})
	for _, err := range []error{errList, errGet, only(t, c, create(person(1))).Err} {
		var lost *connector.AuthLostError
		if !errors.As(err, &lost) || lost.Cure == "" {
			t.Errorf("got error %v", err)
		}
	}
}

func TestEmployers(t *testing.T) {
	write := func(n int, company string) connector.Write {
		w := create(person(n))
		w.Fields[record.OrgName] = text(company)
		return w
	}
	t.Run("are found by name, and added where there is none", func(t *testing.T) {
		made := 0
		c, s := scripted(t, func(c call) reply {
			switch {
			case c.path == "accounts":
				if c.query.Get("$filter") != "statecode eq 0 and (name eq 'O''Brien & Co' or name eq 'ACME' or name eq 'New')" {
					t.Errorf("asked %s", c.query.Get("$filter"))
				}
				return list(fmt.Sprintf(`{"accountid":%q,"name":"O'Brien & Co","statecode":0}`, id(50)), fmt.Sprintf(`{"accountid":%q,"name":"O'Brien & Co","statecode":0}`, id(51)), fmt.Sprintf(`{"accountid":%q,"name":"Acme","statecode":0}`, id(52)))
			case strings.HasPrefix(c.path, "accounts("):
				if made++; c.header.Get("If-None-Match") != "*" || c.body["name"] != "New" {
					t.Errorf("made %v with %v", c.body, c.header)
				}
				return reply{status: 204}
			}
			return stored(c, 7)
		})
		rs, err := c.Apply(t.Context(), []connector.Write{write(1, "O'Brien & Co"), write(2, "ACME"), write(3, "New"), write(4, " New ")})
		if err != nil || made != 1 {
			t.Fatalf("%d made, %v", made, err)
		}
		var binds []string
		for _, c := range s.took()[2:] {
			binds = append(binds, fmt.Sprint(c.body["parentcustomerid_account@odata.bind"]))
		}
		if binds[0] != "/accounts("+id(50)+")" || binds[1] != "/accounts("+id(52)+")" || binds[2] != binds[3] || !strings.HasPrefix(binds[2], "/accounts(") {
			t.Errorf("bound to %q", binds)
		}
		for _, r := range rs {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
		if got := c.Floor(connector.Work{Created: 4}); got != 3 {
			t.Errorf("the floor is %d, want the batch and two calls for accounts", got)
		}
		c.Reuse()
		if got := c.Floor(connector.Work{Created: 4}); got != 1 {
			t.Errorf("after Reuse the floor is %d", got)
		}
	})
	t.Run("one that an earlier attempt added is found by its id, unless it became something else", func(t *testing.T) {
		name := "New"
		c, s := scripted(t, func(c call) reply {
			switch {
			case c.path == "accounts":
				return list()
			case strings.HasPrefix(c.path, "accounts(") && c.method == "GET":
				return reply{status: 200, body: fmt.Sprintf(`{"accountid":%q,"name":%q,"statecode":0}`, c.path[9:45], name)}
			case strings.HasPrefix(c.path, "accounts("):
				return refusal(412, "0x80060882", "exists")
			}
			return stored(c, 7)
		})
		if r := only(t, c, write(1, "New")); r.Err != nil {
			t.Error(r.Err)
		}
		first := s.took()[1].path
		name = "Renamed since"
		r := only(t, s.open(dynamics.Config{}), write(1, "New"))
		var bad *connector.InvalidError
		calls := s.took()
		if !errors.As(r.Err, &bad) || bad.Field != string(record.OrgName) || calls[1].path != first || calls[3].path == first {
			t.Errorf("%v by %s", r.Err, ops(calls))
		}
	})
	t.Run("a user who may not add accounts loses the company and not the contact", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			switch {
			case c.path == "accounts":
				return list()
			case strings.HasPrefix(c.path, "accounts("):
				return refusal(403, "0x80040220", "missing prvCreateAccount")
			}
			return stored(c, 7)
		})
		r := only(t, c, write(1, "New"))
		var bad *connector.InvalidError
		if !errors.As(r.Err, &bad) || bad.Field != string(record.OrgName) {
			t.Errorf("got error %v", r.Err)
		}
	})
	t.Run("is taken away, in one call or, where that is refused, in two", func(t *testing.T) {
		held := map[string]any{"_parentcustomerid_value": id(50), "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account", "_parentcustomerid_value@OData.Community.Display.V1.FormattedValue": "Old"}
		for _, null := range []bool{true, false} {
			for _, besides := range []bool{true, false} {
				now := held
				c, s := scripted(t, func(c call) reply {
					v, bound := c.body["parentcustomerid_account@odata.bind"]
					switch {
					case c.method == "GET":
						return list(row(1, 5, now))
					case c.method == "DELETE":
						now = nil
						return reply{status: 204}
					case bound && v == nil && !null:
						return refusal(400, "0x80048d19", "cannot be set to null")
					}
					return stored(c, 6)
				})
				it := item(t, c, 1)
				s.took()
				f := record.Fields{record.OrgName: {}}
				if besides {
					f[record.NameGiven] = text("New")
				}
				r := only(t, c, update(it, f))
				vs, known := record.Fields(nil)[record.OrgName], false
				if r.Item != nil {
					vs, known = r.Item.Record.Fields[record.OrgName]
				}
				if r.Err != nil || !known || len(vs) != 0 {
					t.Errorf("null %v, besides %v: %+v by %s", null, besides, r, ops(s.took()))
				}
			}
		}
	})
	t.Run("a row and an account that are gone are told apart by reading again", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			switch {
			case c.path == "accounts":
				return list(fmt.Sprintf(`{"accountid":%q,"name":"New","statecode":0}`, id(50)))
			case c.method == "GET":
				return list(row(1, 5, nil))
			}
			return refusal(404, "0x80040217", "account With Id = x Does Not Exist")
		})
		if r := only(t, c, update(item(t, c, 1), record.Fields{record.OrgName: text("New")})); !errors.Is(r.Err, connector.ErrVersionConflict) {
			t.Errorf("got error %v", r.Err)
		}
	})
}
