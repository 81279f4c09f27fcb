package hubspot_test

import (
	"fmt"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
	"meibo/shared/record"
)

func TestCompanies(t *testing.T) {
	options := map[string]string{hubspot.OptionCompanies: hubspot.CompaniesAssociate}
	var made []string
	vendor := func(c call) reply {
		switch {
		case strings.HasSuffix(c.path, "companies/search") && strings.Contains(string(c.raw), "DESCENDING"):
			return rows(`,"total":1`, `{"id":"50","properties":{"name":"Newest indexed"}}`)
		case strings.HasSuffix(c.path, "companies/search"):
			return rows(`,"total":1`, `{"id":"41","properties":{"name":"nordkai as"}}`, `{"id":"42","properties":{"name":"Nordkai AS"}}`)
		case strings.HasSuffix(c.path, "/companies"):
			if c.query.Get("after") != "50" {
				return refusal(400, "VALIDATION_ERROR", "no cursor")
			}
			return rows("", `{"id":"50","properties":{"name":"Newest indexed"}}`, `{"id":"51","properties":{"name":"Lagging Ltd"}}`)
		case strings.HasSuffix(c.path, "companies/batch/create"):
			for _, in := range c.inputs() {
				made = append(made, in["properties"].(map[string]any)["name"].(string))
			}
			return batched(201, []string{`{"id":"52","properties":{"name":"北野精機"}}`})
		case strings.Contains(c.path, "/crm/associations/"):
			return batched(201, nil)
		}
		return batched(201, echo(c))
	}
	c, s := scripted(t, vendor)
	employed := func(i int, company string) connector.Write {
		w := create(person(i))
		w.Fields[record.OrgName], w.Options = text(company), options
		return w
	}
	for i, r := range apply(t, c, employed(0, "Nordkai AS"), employed(1, "Lagging Ltd"), employed(2, "北野精機"), employed(3, "Nordkai AS"), create(person(4))) {
		if r.Err != nil {
			t.Fatalf("create %d: %v", i, r.Err)
		}
	}
	var to []string
	for _, in := range s.last("POST " + contactsPath + "/batch/create").inputs() {
		if in["associations"] == nil {
			to = append(to, "none")
			continue
		}
		one := in["associations"].([]any)[0].(map[string]any)
		to = append(to, one["to"].(map[string]any)["id"].(string))
	}
	if strings.Join(to, ",") != "42,51,52,42,none" || strings.Join(made, ",") != "北野精機" {
		t.Errorf("associated with %v, made %v", to, made)
	}
	if n := c.Floor(connector.Work{Created: 5}); n != len(s.calls)-1 { // the list of the newest is no part of the floor
		t.Errorf("the floor is %d, and %d calls were made", n, len(s.calls))
	}
	t.Run("an update puts the contact to its new company as the primary one", func(t *testing.T) {
		w := update(t, c, s, []string{"company", "Old"}, record.Fields{record.OrgName: text("Lagging Ltd")}, options)
		if r := apply(t, c, w)[0]; r.Err != nil || s.sent()["company"] != "Lagging Ltd" {
			t.Fatal(r.Err)
		}
		in := s.last("POST /crm/associations/2026-09/contact/company/batch/create").inputs()[0]
		if fmt.Sprint(in["from"], in["to"], in["types"]) != "map[id:101] map[id:51] [map[associationCategory:HUBSPOT_DEFINED associationTypeId:1]]" {
			t.Errorf("associated %v", in)
		}
	})
	t.Run("an outcome nobody knows leaves the name, and makes nothing twice", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if strings.HasSuffix(c.path, "companies/batch/create") {
				return reply{}
			}
			return vendor(c)
		})
		if r := apply(t, c, employed(0, "Gone GmbH"))[0]; r.Err != nil {
			t.Error(r.Err)
		}
		if in := s.last("POST " + contactsPath + "/batch/create").inputs()[0]; in["associations"] != nil || in["properties"].(map[string]any)["company"] != "Gone GmbH" {
			t.Errorf("sent %v", in)
		}
	})
	t.Run("by default it is a name", func(t *testing.T) {
		c, s := scripted(t, vendor)
		w := employed(0, "Nordkai AS")
		w.Options = nil
		apply(t, c, w)
		if len(s.calls) != 1 {
			t.Errorf("%d calls", len(s.calls))
		}
	})
	t.Run("without the right to companies it is a name", func(t *testing.T) {
		_, s := scripted(t, vendor)
		c := open(t, s, hubspot.Config{Extra: extra(hubspot.ScopeCompaniesRead)})
		if r := apply(t, c, employed(0, "Nordkai AS"))[0]; r.Err != nil || len(s.calls) != 1 {
			t.Errorf("%v, %d calls", r.Err, len(s.calls))
		}
	})
}

func TestMakeField(t *testing.T) {
	var s *script
	made := ""
	status := 201
	_, s = scripted(t, func(c call) reply {
		switch c.op() {
		case "POST " + propertiesPath + "/groups":
			return refusal(409, "OBJECT_ALREADY_EXISTS", "there is one")
		case "POST " + propertiesPath:
			made = c.body["name"].(string)
			if c.body["groupName"] != "meibo" {
				t.Errorf("in group %v", c.body["groupName"])
			}
			s.properties = catalogue(prop(made, c.body["type"].(string), c.body["fieldType"].(string), ""))
			if status == 409 {
				return refusal(409, "OBJECT_ALREADY_EXISTS", "there is one")
			}
			return reply{status: 201, body: "{}"}
		}
		return reply{}
	})
	for _, status = range []int{201, 409} {
		s.properties = catalogue()
		c := open(t, s, hubspot.Config{Extra: extra()})
		f, err := c.MakeField(t.Context(), record.Field{Key: record.NamePhoneticFamily, Type: record.TypeText, Name: "フリガナ"})
		if err != nil || f.Key != record.NamePhoneticFamily || made != "meibo_phonetic_last_name" {
			t.Errorf("status %d: %+v as %s, %v", status, f, made, err)
		}
		s.properties = catalogue()
		c = open(t, s, hubspot.Config{Extra: extra()})
		f, err = c.MakeField(t.Context(), record.Field{Key: record.Custom("x1"), Type: record.TypeText, Name: "Größe (cm)"})
		first := made
		if err != nil || f.Key != record.Custom(made) || !strings.HasPrefix(made, "meibo_gr_e_cm_") {
			t.Errorf("status %d: %+v as %s, %v", status, f, made, err)
		}
		calls := len(s.calls)
		again, err := open(t, s, hubspot.Config{Extra: extra()}).MakeField(t.Context(), record.Field{Key: record.Custom("x1"), Type: record.TypeText, Name: "Größe (cm)"})
		if err != nil || again.Key != f.Key || made != first || len(s.calls) != calls {
			t.Errorf("again: %+v, %v, %d calls", again, err, len(s.calls)-calls)
		}
	}
}

func TestFloor(t *testing.T) {
	got := hubspot.Floor(hubspot.Counts{Work: connector.Work{Listed: []int{250, 0}, Changed: []int{201}, Read: 101, Created: 100, Updated: 1, Deleted: 1}, Sought: 2, Made: 1, Linked: 1})
	if want := 3 + 1 + (2 + 3) + 2 + 1 + 1 + 1 + 4; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}
