package dynamics_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/dynamics"
	"meibo/shared/record"
)

// tracked answers a tracked listing of rows, and what changes says after it.
func tracked(rows []string, changes func(c call) reply) func(c call) reply {
	return func(c call) reply {
		if c.query.Get("$deltatoken") != "" {
			return changes(c)
		}
		return more("", link("contacts?$select=contactid&$deltatoken=1%2108"), rows...)
	}
}

func nothing(call) reply {
	return more("", link("contacts?$select=contactid&$deltatoken=2"), []string{}...)
}

func TestTrackedListing(t *testing.T) {
	t.Run("asks for columns and nothing else, and goes on with the link it was given", func(t *testing.T) {
		c, s := scripted(t, tracked([]string{named(1, "A")}, nothing))
		p := page(t, c, connector.Scope{}, "")
		if names(p) != "A" || !p.Full || p.More || p.Since.IsZero() {
			t.Errorf("got %+v", p)
		}
		first := s.took()[0]
		prefer := first.header.Get("Prefer")
		for _, want := range []string{"odata.track-changes", "odata.maxpagesize=5000", "odata.include-annotations"} {
			if !strings.Contains(prefer, want) {
				t.Errorf("Prefer is %q", prefer)
			}
		}
		if len(first.query) != 1 || !strings.Contains(first.query.Get("$select"), "_parentcustomerid_value") {
			t.Errorf("query %v", first.query)
		}
		s.untraced = true // a quiet run reads neither columns nor privileges
		p = page(t, c, connector.Scope{Owned: true}, p.Next)
		calls := s.took()
		if p.Full || p.More || len(p.Changed) > 0 || len(calls) != 1 || calls[0].query.Get("$deltatoken") != "1!08" {
			t.Errorf("got %+v after %v", p, calls)
		}
	})
	t.Run("deletions have to be proven, and come once the first listing is over", func(t *testing.T) {
		gone := fmt.Sprintf(`{"@odata.context":"%s","id":%q,"reason":"deleted"}`, link("$metadata#contacts/$deletedEntity"), strings.ToUpper(id(7)))
		c, _ := scripted(t, tracked([]string{named(1, "A"), gone}, func(call) reply {
			return more("", link("contacts?$deltatoken=2"), gone, named(2, "B"))
		}))
		p := page(t, c, connector.Scope{}, "")
		if len(p.Deleted) != 0 || names(p) != "A" {
			t.Errorf("the full listing: %+v", p)
		}
		p = page(t, c, connector.Scope{}, p.Next)
		want := []connector.Deletion{{ID: id(7), Evidence: connector.EvidenceScoped}}
		if !reflect.DeepEqual(p.Deleted, want) || names(p) != "B" {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("rows that cannot be edited, and those of others, are out of scope", func(t *testing.T) {
		c, _ := scripted(t, tracked([]string{named(1, "A"), row(2, 5, map[string]any{"firstname": "B", "statecode": 1}),
			row(3, 6, map[string]any{"firstname": "C", "_ownerid_value": id(9)})}, nothing))
		if p := page(t, c, connector.Scope{Owned: true}, ""); names(p) != "A,B-,C-" {
			t.Errorf("got %s", names(p))
		}
	})
	t.Run("a merged row leads to the one that is left", func(t *testing.T) {
		c, _ := scripted(t, tracked([]string{named(1, "A"), row(2, 5, map[string]any{"statecode": 1, "merged": true, "_masterid_value": id(1)})}, nothing))
		p := page(t, c, connector.Scope{}, "")
		if names(p) != "A" || !reflect.DeepEqual(p.Rekeyed, []connector.Rekey{{Old: id(2), New: id(1)}}) {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("a token that has expired, and one that is not taken", func(t *testing.T) {
		for _, answer := range []reply{refusal(400, "0x80044352", "Version stamp"), refusal(400, "-2147204270", ""), refusal(400, "0x80060888", "bad token"), absent()} {
			c, _ := scripted(t, tracked([]string{named(1, "A")}, func(call) reply { return answer }))
			p := page(t, c, connector.Scope{}, "")
			if _, err := c.Changes(t.Context(), connector.Scope{}, p.Next); !errors.Is(err, connector.ErrCursorExpired) {
				t.Errorf("%s: got error %v", answer.body, err)
			}
		}
	})
	t.Run("links to elsewhere are not followed", func(t *testing.T) {
		for _, to := range []string{
			"https://evil.example" + api + "contacts?$skiptoken=1", "http://169.254.169.254/latest?x=1", "https://" + site + ".evil.example" + api + "contacts?x=1",
			"https://user@" + site + api + "contacts?x=1", "https://" + site + ":444" + api + "contacts?x=1", link("systemusers?x=1"), "https://" + site + "/other/contacts?x=1", "::", link("contacts"),
		} {
			c, s := scripted(t, func(c call) reply { return more(to, "", named(1, "A")) })
			_, err := c.Changes(t.Context(), connector.Scope{}, "")
			if !errors.Is(err, connector.ErrTransient) || len(s.took()) != 1 {
				t.Errorf("%s: got error %v", to, err)
			}
		}
	})
	t.Run("links in the other form of the host are", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.query.Get("$skiptoken") == "" {
				return more("https://kitano.api.crm7.dynamics.com"+api+"contacts?$select=a&$skiptoken=%3Ccookie%20page%3D%222%22%3E", "", named(1, "A"))
			}
			return more("", link("contacts?$deltatoken=1"), named(2, "B"))
		})
		p := page(t, c, connector.Scope{}, "")
		if !p.More || names(p) != "A" {
			t.Fatalf("got %+v", p)
		}
		p = page(t, c, connector.Scope{}, p.Next)
		if calls := s.took(); names(p) != "B" || p.More || calls[1].query.Get("$skiptoken") != `<cookie page="2">` {
			t.Errorf("got %+v after %v", p, calls)
		}
	})
	t.Run("pages in a circle, or twice, are not believed", func(t *testing.T) {
		n := 0
		c, _ := scripted(t, func(c call) reply {
			n++
			return more(link(fmt.Sprintf("contacts?$skiptoken=%d", n%3)), "", named(n, "A"))
		})
		cursor, err := "", error(nil)
		for range 20 {
			var p connector.Page
			if p, err = c.Changes(t.Context(), connector.Scope{}, cursor); err != nil {
				break
			}
			cursor = p.Next
		}
		if !errors.Is(err, connector.ErrTransient) {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("a cursor of another object is none", func(t *testing.T) {
		c, _ := scripted(t, tracked([]string{named(1, "A")}, nothing))
		p := page(t, c, connector.Scope{}, "")
		leads, err := c.Choose(map[string]string{dynamics.OptionObject: dynamics.ObjectLeads})
		if err != nil {
			t.Fatal(err)
		}
		forged := base64.RawURLEncoding.EncodeToString([]byte(`{"v":1,"o":"contacts","c":true,"z":true}`))
		for c, cursor := range map[connector.Connector]string{leads: p.Next, c: forged} {
			if _, err := c.Changes(t.Context(), connector.Scope{}, cursor); !errors.Is(err, connector.ErrCursorExpired) {
				t.Errorf("got error %v", err)
			}
		}
	})
}

func TestListingByTime(t *testing.T) {
	timed := func(s *script) { s.untraced = true }
	less := func(s *script) { s.depth["prvReadContact"] = "Basic" }
	for name, how := range map[string]func(*script){"without change tracking": timed, "without the right to read everything": less} {
		t.Run(name, func(t *testing.T) {
			changed := []string{}
			c, s := scripted(t, func(c call) reply {
				if c.query.Get("$filter") == "" {
					return list(named(1, "A"), named(2, "B"))
				}
				return list(changed...)
			})
			how(s)
			d, err := c.Describe(t.Context())
			if err != nil || d.ScanEvery != 24*time.Hour || d.QuietCalls != 1 {
				t.Fatalf("ScanEvery %s, %v", d.ScanEvery, err)
			}
			p := page(t, c, connector.Scope{}, "")
			if names(p) != "A,B" || p.More {
				t.Fatalf("got %+v", p)
			}
			for _, made := range s.took() {
				if strings.Contains(made.header.Get("Prefer"), "track") {
					t.Error("changes were to be tracked")
				}
			}
			s.clock.Advance(10 * time.Minute)
			changed = []string{named(1, "A"), row(2, 777, map[string]any{"firstname": "B2", "modifiedon": start.Add(9 * time.Minute).Format(time.RFC3339)})}
			p = page(t, c, connector.Scope{}, p.Next)
			call := s.took()[0]
			since := start.Add(-time.Minute).Format(time.RFC3339)
			if names(p) != "B2" || call.query.Get("$filter") != "modifiedon ge "+since || call.query.Get("$orderby") != "modifiedon asc,contactid asc" {
				t.Errorf("got %s, asked %v", names(p), call.query)
			}
			p = page(t, c, connector.Scope{}, p.Next)
			if names(p) != "" {
				t.Errorf("again: %s", names(p))
			}
		})
	}
	t.Run("tracking that is refused, or not heeded, is gone without", func(t *testing.T) {
		for name, answer := range map[string]reply{"400": refusal(400, "0x80040800", "not enabled"), "403": refusal(403, "0x80040220", "missing prvRead"), "no link": list(named(1, "A"))} {
			c, s := scripted(t, func(c call) reply {
				if strings.Contains(c.header.Get("Prefer"), "track-changes") {
					return answer
				}
				if c.query.Has("$filter") {
					return list()
				}
				return list(named(1, "A"))
			})
			s.depth = nil
			p := page(t, c, connector.Scope{}, "")
			s.took()
			next := page(t, c, connector.Scope{}, p.Next)
			if calls := s.took(); names(p) != "A" || p.More || names(next) != "" || len(calls) != 1 || !calls[0].query.Has("$filter") {
				t.Errorf("%s: got %s, then %s by %v", name, names(p), names(next), calls)
			}
		}
	})
}

// A right that is lost looks like rows that are gone. Nothing may be deleted, and it must be said.
func TestLostPrivileges(t *testing.T) {
	denied := refusal(403, "0x80040220", "Principal user is missing prvReadContact privilege")
	t.Run("the listing says which one, and whom to ask", func(t *testing.T) {
		lost := false
		c, s := scripted(t, func(c call) reply {
			if lost {
				return denied
			}
			return tracked([]string{named(1, "A")}, nothing)(c)
		})
		p := page(t, c, connector.Scope{}, "")
		lost = true
		delete(s.depth, "prvReadContact")
		for _, cursor := range []string{p.Next, ""} {
			_, err := c.Changes(t.Context(), connector.Scope{}, cursor)
			var no *connector.ForbiddenError
			if !errors.As(err, &no) || !strings.Contains(err.Error(), "prvReadContact") || !strings.Contains(err.Error(), "administrator") {
				t.Errorf("got error %v", err)
			}
		}
		if _, err := c.Get(t.Context(), nil, []string{id(1)}); err == nil || errors.Is(err, connector.ErrNotFound) {
			t.Errorf("Get: got error %v, want that it is forbidden", err)
		}
	})
	t.Run("a right that covers less begins a listing by time", func(t *testing.T) {
		c, s := scripted(t, tracked([]string{named(1, "A")}, func(call) reply { return denied }))
		p := page(t, c, connector.Scope{}, "")
		s.depth["prvReadContact"] = "Basic"
		if _, err := c.Changes(t.Context(), connector.Scope{}, p.Next); !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("what is not found is gone only for who may read everything at that moment", func(t *testing.T) {
		for depth, want := range map[string]connector.Status{"Global": connector.StatusGone, "3": connector.StatusGone, "Deep": connector.StatusInvisible, "Basic": connector.StatusInvisible, "": connector.StatusInvisible} {
			c, s := scripted(t, func(c call) reply {
				if c.query.Has("$filter") {
					return list()
				}
				return absent()
			})
			if s.depth["prvReadContact"] = depth; depth == "" {
				s.depth = nil
			}
			got, err := c.Get(t.Context(), nil, []string{id(1), "not an id", id(1)})
			if err != nil || got[0].Status != want || got[2].Status != want || got[1].Status != connector.StatusInvisible {
				t.Errorf("%q: %+v, %v; want %d", depth, got, err, want)
			}
		}
	})
	t.Run("what may not be read, or is not found in other words, is invisible", func(t *testing.T) {
		for _, answer := range []reply{denied, refusal(404, "0x80060888", "no such segment"), refusal(404, "", "?")} {
			c, _ := scripted(t, func(c call) reply {
				if c.query.Has("$filter") {
					return list()
				}
				return answer
			})
			got, err := c.Get(t.Context(), nil, []string{id(1)})
			if err != nil || got[0].Status != connector.StatusInvisible {
				t.Errorf("%s: %+v, %v", answer.body, got, err)
			}
		}
	})
}

func TestGet(t *testing.T) {
	t.Run("a merged row comes as the one that is left, over several merges", func(t *testing.T) {
		rows := map[string]string{
			id(1): row(1, 5, map[string]any{"merged": true, "statecode": 1, "_masterid_value": id(2)}),
			id(2): row(2, 6, map[string]any{"merged": true, "statecode": 1, "_masterid_value": id(3)}),
			id(3): named(3, "C"),
		}
		c, _ := scripted(t, func(c call) reply {
			var out []string
			for k, r := range rows {
				if strings.Contains(c.query.Get("$filter"), k) {
					out = append(out, r)
				}
			}
			return list(out...)
		})
		got, err := c.Get(t.Context(), nil, []string{id(1)})
		if err != nil || got[0].ID != id(1) || got[0].Item.ID != id(3) {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("a hundred cost one call, and those that are missing one more", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			var out []string
			for n := 1; n < 100; n++ {
				out = append(out, named(n, "A"))
			}
			if c.query.Has("$filter") {
				return list(out...)
			}
			return reply{status: 200, body: named(100, "Z")}
		})
		if _, err := c.Describe(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.took()
		var ids []string
		for n := 1; n <= 100; n++ {
			ids = append(ids, id(n))
		}
		got, err := c.Get(t.Context(), nil, ids)
		if err != nil || got[99].Item.Record.Fields.First(record.NameGiven) != "Z" || s.https != 2 {
			t.Errorf("%d calls, %v", s.https, err)
		}
	})
}

func TestFields(t *testing.T) {
	full := map[string]any{"firstname": "Haruto", "lastname": "Kanzaki", "yomifirstname": "ハルト", "emailaddress1": "a@x.jp", "emailaddress3": "c@x.jp",
		"telephone1": "03-1", "company": "03-0", "address1_line1": "1 Main St", "address1_line2": "Building B", "address2_city": "京都市",
		"birthdate": "1980-02-29", "anniversary": "2001-12-31T00:00:00Z", "_parentcustomerid_value": id(50),
		"_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account", "_parentcustomerid_value@OData.Community.Display.V1.FormattedValue": "Kitano Seiki K.K.",
		"new_rank": 2, "new_since": "2020-01-02", "new_ok": false, "new_size": 1.5}
	open := func(t *testing.T, set map[string]any) (*dynamics.Connector, *script) {
		c, s := scripted(t, func(call) reply { return list(row(1, 5, set)) })
		s.custom = strings.Join([]string{attribute("new_rank", "Picklist"), attribute("new_since", "DateTime"), attribute("new_at", "DateTime"),
			attribute("new_ok", "Boolean"), attribute("new_size", "Decimal"), attribute("new_price", "Money"), attribute("new_who", "Lookup")}, ",")
		return c, s
	}
	t.Run("each is where it belongs", func(t *testing.T) {
		c, _ := open(t, full)
		f := item(t, c, 1).Record.Fields
		v := func(text, label string) record.Value { return record.Value{Text: text, Label: label} }
		for k, want := range map[record.Key][]record.Value{
			record.NameGiven: text("Haruto"), record.NameFamily: text("Kanzaki"), record.NamePhoneticGiven: text("ハルト"), record.NameMiddle: {},
			record.Email: {v("a@x.jp", ""), v("c@x.jp", "")}, record.Phone: {v("03-1", "work"), v("03-0", "main")},
			record.Address:  {{Label: "work", Parts: map[record.Part]string{"street": "1 Main St\nBuilding B"}}, {Label: "home", Parts: map[record.Part]string{"city": "京都市"}}},
			record.Birthday: text("1980-02-29"), record.Event: {v("2001-12-31", "anniversary")}, record.OrgName: text("Kitano Seiki K.K."),
			"custom:new_rank": text("Tin"), "custom:new_since": text("2020-01-02"), "custom:new_ok": text("false"), "custom:new_size": text("1.5"),
		} {
			if !reflect.DeepEqual(f[k], want) {
				t.Errorf("%s: got %+v, want %+v", k, f[k], want)
			}
		}
		for _, k := range []record.Key{"custom:new_at", "custom:new_price", "custom:new_who"} {
			if _, known := f[k]; known {
				t.Errorf("%s is synced", k)
			}
		}
	})
	t.Run("the catalogue has them with names, lengths and choices", func(t *testing.T) {
		c, _ := open(t, full)
		d, err := c.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		given, _ := d.Field(record.NameGiven)
		phone, _ := d.Field(record.Phone)
		rank, _ := d.Field("custom:new_rank")
		if given.Length != 50 || given.Name != "The firstname" || phone.Length != 50 || len(phone.Slots) != 12 || !slices.Equal(rank.Choices, []string{"Gold", "Tin"}) || !rank.Custom || d.StoresMark || !d.VersionChecked {
			t.Errorf("%+v %+v %+v", given, phone, rank)
		}
		if o := d.Options[0]; o.Key != dynamics.OptionObject || o.Default != dynamics.ObjectContacts || len(o.Choices) != 2 || !o.Fixed {
			t.Errorf("options %+v", d.Options)
		}
	})
	t.Run("what cannot be read is unknown and not empty", func(t *testing.T) {
		set := map[string]any{"new_rank": 99, "_parentcustomerid_value": id(3), "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "contact",
			"_parentcustomerid_value@OData.Community.Display.V1.FormattedValue": "A person"}
		c, s := open(t, set)
		s.secured = "emailaddress2"
		f := item(t, c, 1).Record.Fields
		for _, k := range []record.Key{"custom:new_rank", record.OrgName, record.Email} {
			if vs, known := f[k]; known {
				t.Errorf("%s: %+v", k, vs)
			}
		}
		d, err := c.Describe(t.Context())
		if mail, _ := d.Field(record.Email); err != nil || !mail.ReadOnly {
			t.Errorf("a field with a secured column can be written: %v", err)
		}
	})
}

func TestGroups(t *testing.T) {
	static, dynamic, main, mine := id(61), id(62), id(63), id(64)
	fetch := `<fetch version="1.0" mapping="logical" top="5"><entity name="contact"><attribute name="fullname"/><filter><condition attribute="firstname" operator="like" value="K%"/></filter></entity></fetch>`
	vendor := func(c call) reply {
		switch {
		case c.path == "lists":
			return list(fmt.Sprintf(`{"listid":%q,"listname":"VIP","type":false,"createdfromcode":2}`, static), fmt.Sprintf(`{"listid":%q,"listname":"K","type":true,"createdfromcode":2}`, dynamic))
		case c.path == "savedqueries":
			return list(fmt.Sprintf(`{"savedqueryid":%q,"name":"Active Contacts"}`, main))
		case c.path == "userqueries":
			return list(fmt.Sprintf(`{"userqueryid":%q,"name":"Mine"}`, mine))
		case c.path == "lists("+static+")":
			return reply{status: 200, body: fmt.Sprintf(`{"listid":%q,"type":false,"createdfromcode":2,"query":null}`, static)}
		case c.path == "lists("+dynamic+")":
			return reply{status: 200, body: fmt.Sprintf(`{"listid":%q,"type":true,"createdfromcode":2,"query":%q}`, dynamic, fetch)}
		case strings.HasPrefix(c.path, "lists("):
			return absent()
		case c.path == "listmembers":
			return list(fmt.Sprintf(`{"_entityid_value":%q}`, id(1)), fmt.Sprintf(`{"_entityid_value":%q}`, id(3)))
		case c.query.Has("fetchXml"):
			if strings.Contains(c.query.Get("fetchXml"), `page="1"`) {
				return reply{status: 200, body: `{"@Microsoft.Dynamics.CRM.morerecords":true,"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie":"<cookie pagenumber=\"2\" pagingcookie=\"%253cc%2520page%253d%25221%2522%2f%253e\" />","value":[` + named(1, "A") + `]}`}
			}
			return list(named(2, "B"))
		case c.query.Has("savedQuery"), c.query.Has("userQuery"):
			return list(named(2, "B"), named(3, "C"))
		case strings.HasPrefix(c.query.Get("$filter"), "statecode ne"):
			return list(named(3, "C"))
		}
		return more("", link("contacts?$deltatoken=1"), named(1, "A"), named(2, "B"), row(3, 5, map[string]any{"firstname": "C", "statecode": 1}))
	}
	t.Run("everything first, then lists and views", func(t *testing.T) {
		c, s := scripted(t, vendor)
		gs, err := c.Groups(t.Context())
		var got []string
		for _, g := range gs {
			got = append(got, fmt.Sprintf("%s %s %v", g.ID, g.Name, g.Writable))
		}
		want := []string{"all All contacts true", "list:" + static + " VIP true", "list:" + dynamic + " K false", "view:" + main + " Active Contacts false", "userview:" + mine + " Mine false"}
		if err != nil || !slices.Equal(got, want) || !gs[0].Everything || s.https != 1 {
			t.Errorf("got %q, %v, by %d calls", got, err, s.https)
		}
	})
	t.Run("an organisation without lists has views", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			if c.path == "lists" {
				return refusal(404, "0x80060888", "Resource not found for the segment 'lists'.")
			}
			return vendor(c)
		})
		gs, err := c.Groups(t.Context())
		if err != nil || len(gs) != 3 {
			t.Errorf("got %v, %v", gs, err)
		}
	})
	for _, g := range []struct{ name, group, listed, ids string }{
		{"a static list", "list:" + static, "A,B-,C-", id(1)},
		{"a dynamic list", "list:" + dynamic, "A,B,C-", id(1) + " " + id(2)},
		{"a system view", "view:" + main, "A-,B,C-", id(2)},
		{"a personal view", "userview:" + mine, "A-,B,C-", id(2)},
		{"everything", "all", "A,B,C-", ""},
	} {
		t.Run("who is in "+g.name, func(t *testing.T) {
			c, s := scripted(t, vendor)
			scope := connector.Scope{Groups: []string{g.group}}
			if p := page(t, c, scope, ""); names(p) != g.listed {
				t.Errorf("listed %s, want %s", names(p), g.listed)
			}
			if g.ids == "" {
				return
			}
			var ids []string
			for cursor := ""; ; {
				some, next, err := c.Members(t.Context(), scope, cursor)
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, some...)
				if cursor = next; cursor == "" {
					break
				}
			}
			if got := strings.Join(ids, " "); got != g.ids {
				t.Errorf("members %s, want %s", got, g.ids)
			}
			for _, made := range s.took() {
				if f := made.query.Get("fetchXml"); strings.Contains(f, `page="2"`) && !strings.Contains(f, `paging-cookie="&lt;c page=`) || strings.Contains(f, "top=") {
					t.Errorf("asked with %s", f)
				}
			}
		})
	}
	t.Run("one that is gone, of something else, or none at all is said to be", func(t *testing.T) {
		c, _ := scripted(t, vendor)
		for _, g := range []string{"list:" + id(70), "list:x", "view:../" + main, "nonsense", "other:" + static} {
			_, err := c.Changes(t.Context(), connector.Scope{Groups: []string{g}}, "")
			var bad *connector.InvalidError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), "choose the groups again") {
				t.Errorf("%s: got error %v", g, err)
			}
		}
	})
	t.Run("a list's query of another table, or that is none, is not asked", func(t *testing.T) {
		whole := fetch
		defer func() { fetch = whole }()
		for _, bad := range []string{"", "<fetch", "<x/>", `<fetch><entity name="account"/></fetch>`, `<a><fetch><entity name="contact"/></fetch></a>`, "<fetch/>"} {
			fetch = bad
			c, s := scripted(t, vendor)
			_, err := c.Changes(t.Context(), connector.Scope{Groups: []string{"list:" + dynamic}}, "")
			if !isInvalid(err) || slices.ContainsFunc(s.took(), func(c call) bool { return c.query.Has("fetchXml") }) {
				t.Errorf("%s: got error %v", bad, err)
			}
		}
	})
	t.Run("a scan of everything leaves out what cannot be edited", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply { return list(named(1, "A")) })
		ids, next, err := c.Members(t.Context(), connector.Scope{}, "")
		if calls := s.took(); err != nil || next != "" || !slices.Equal(ids, []string{id(1)}) || len(calls) != 1 || calls[0].query.Get("$filter") != "statecode eq 0" || calls[0].query.Get("$select") != "contactid" {
			t.Errorf("got %v %q %v by %v", ids, next, err, calls)
		}
	})
}

func isInvalid(err error) bool {
	var bad *connector.InvalidError
	return errors.As(err, &bad)
}

func TestIdentify(t *testing.T) {
	vendor := func(c call) reply {
		return list(`{"fullname":"Aiko Tanaka","internalemailaddress":"aiko@kitano.example"}`)
	}
	t.Run("who it is and what it may do", func(t *testing.T) {
		c, s := scripted(t, vendor)
		delete(s.depth, "prvDeleteContact")
		who, err := c.Identify(t.Context())
		want := connector.Identity{AccountID: org + ":" + me, Email: "aiko@kitano.example", Name: "Aiko Tanaka", CompanyID: org, Company: "kitano", Site: site,
			Permissions: map[connector.Permission]bool{connector.PermView: true, connector.PermCreate: true, connector.PermEdit: true, connector.PermDelete: false, connector.PermCompanies: true}}
		if err != nil || !reflect.DeepEqual(who, want) {
			t.Errorf("got %+v, %v", who, err)
		}
	})
	t.Run("an organisation that does not tell privileges", func(t *testing.T) {
		c, s := scripted(t, vendor)
		s.depth = nil
		who, err := c.Identify(t.Context())
		if err != nil || who.Permissions != nil || who.AccountID == "" {
			t.Errorf("got %+v, %v", who, err)
		}
	})
}

func TestFloor(t *testing.T) {
	w := connector.Work{Listed: []int{0, 5001}, Changed: []int{5000, 0}, Read: 101, Created: 100, Updated: 1, Deleted: 0}
	if got := dynamics.Floor(w); got != 1+2+1+1+2+1+1 {
		t.Errorf("the floor is %d", got)
	}
}
