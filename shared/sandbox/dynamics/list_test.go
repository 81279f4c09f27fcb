package dynamics_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/dynamics"
)

func TestPagesOfAListing(t *testing.T) {
	w := newWorld(t)
	w.put(seeds(7)...)
	two := prefer("odata.maxpagesize=2")
	for name, query := range map[string]string{"in the order of creation": "", "ordered": "&$orderby=firstname%20desc", "ordered by a shared value": "&$orderby=modifiedon%20asc,firstname"} {
		t.Run(name, func(t *testing.T) {
			items, _ := w.pages("/contacts?$select=firstname"+query, two)
			seen := map[string]bool{}
			for _, it := range items {
				seen[str(it, "firstname")] = true
			}
			equal(t, "rows", len(items), 7)
			equal(t, "different ones", len(seen), 7)
			if strings.Contains(query, "desc") && str(items[0], "firstname") != "P00006" {
				t.Errorf("got %s", names(items))
			}
		})
	}
	first := w.do("GET", "/contacts?$select=firstname&$count=true", nil, two).want(200)
	equal(t, "count", first.body["@odata.count"], any(7.0))
	t.Run("a row that is deleted meanwhile shifts nothing", func(t *testing.T) {
		must(t, w.box.Remove(haruto, str(first.values()[0], "contactid")))
		items, _ := w.pages(first.str("@odata.nextLink"), two)
		equal(t, "rest", names(items), "P00002 P00003 P00004 P00005 P00006")
	})
	t.Run("a token belongs to its query and its user", func(t *testing.T) {
		next := first.str("@odata.nextLink")
		w.do("GET", strings.Replace(next, "select=firstname", "select=lastname", 1), nil).refused(400, "0x80060888")
		w.addUser(dynamics.User{Email: yui, Name: "Yui Oda"})
		w.signIn(yui)
		w.do("GET", next, nil).refused(400, "0x80060888")
		w.signIn(haruto)
	})
	t.Run("$top ends the listing", func(t *testing.T) {
		a := w.do("GET", "/contacts?$select=firstname&$top=3", nil).want(200)
		equal(t, "rows", len(a.values()), 3)
		equal(t, "link", a.str("@odata.nextLink"), "")
		w.do("GET", "/contacts?$select=firstname&$top=3", nil, two).want(400)
	})
	t.Run("what is not supported is refused", func(t *testing.T) {
		for _, q := range []string{"$skip=1", "$expand=ownerid", "$apply=x", "$search=x", "$orderby=nosuch", "$orderby=firstname%20up", "$count=maybe", "$top=0", "$select=nosuch", "$select=parentcustomerid"} {
			if !strings.HasPrefix(q, "$select") {
				q += "&$select=firstname"
			}
			w.do("GET", "/contacts?"+q, nil).refused(400, "0x80060888")
		}
		w.do("GET", "/contacts", nil).refused(400, "0x80060888")
		must(t, w.box.SetQuirks(dynamics.Quirks{AllColumns: true}))
		equal(t, "company's phone", w.do("GET", "/contacts", nil).want(200).values()[0]["company"], nil)
	})
}

func TestPageSizeIsAtMost5000(t *testing.T) {
	w := newWorld(t)
	w.bulk = true
	w.put(seeds(5001)...)
	for _, size := range []string{"odata.maxpagesize=9000", "odata.maxpagesize=5000", `odata.include-annotations="x"`} {
		a := w.do("GET", "/contacts?$select=contactid", nil, prefer(size)).want(200)
		equal(t, "rows with "+size, len(a.values()), 5000)
	}
	equal(t, "count", w.do("GET", "/contacts?$select=contactid&$count=true", nil, prefer("odata.maxpagesize=1")).body["@odata.count"], any(5000.0))
}

func TestFilters(t *testing.T) {
	w := newWorld(t)
	a := w.create("contacts", fields{"firstname": "Aoi", "lastname": "O'Hara", "emailaddress1": "aoi@example.jp", "donotemail": true, "birthdate": "1990-05-01"})
	w.clock.AdvanceTo(start.Add(10 * time.Second))
	b := w.create("contacts", fields{"firstname": "Botan", "gendercode": 2})
	cases := map[string]string{
		"firstname eq 'aoi'":                          "Aoi",
		"lastname eq 'O''Hara'":                       "Aoi",
		"firstname ne 'Aoi'":                          "Botan",
		"emailaddress1 eq null":                       "Botan",
		"emailaddress1 ne null":                       "Aoi",
		"startswith(firstname,'bo')":                  "Botan",
		"contains(firstname,'o') and gendercode eq 2": "Botan",
		"endswith(emailaddress1,'.jp')":               "Aoi",
		"donotemail eq true or gendercode eq 2":       "Aoi Botan",
		"donotemail eq false":                         "Botan",
		"not (donotemail eq true)":                    "Botan",
		"birthdate ge 1990-05-01":                     "Aoi",
		"birthdate lt 1990-05-01":                     "",
		"modifiedon ge 2026-11-20T10:00:10Z":          "Botan",
		"modifiedon gt 2026-11-20T10:00:10Z":          "",
		"modifiedon le 2026-11-20T10:00:00Z":          "Aoi",
		"contactid eq " + a + " or contactid eq " + b: "Aoi Botan",
		"contactid eq " + ghost:                       "",
		"(statecode eq 0) and (firstname gt 'b')":     "Botan",
		"versionnumber gt 0":                          "Aoi Botan",
		"_parentcustomerid_value eq null":             "Aoi Botan",
		"Microsoft.Dynamics.CRM.In(PropertyName='contactid',PropertyValues=['" + b + "','" + a + "'])": "Aoi Botan",
		"Microsoft.Dynamics.CRM.In(PropertyName='firstname',PropertyValues=['AOI','x'])":               "Aoi",
	}
	for filter, want := range cases {
		t.Run(filter, func(t *testing.T) {
			equal(t, "rows", names(w.do("GET", filtered("contacts", "firstname", filter), nil).want(200).values()), want)
		})
	}
	for _, bad := range []string{"firstname", "firstname eq", "firstname eq Aoi", "nosuch eq 1", "firstname in ('Aoi')", "firstname eq 'a' and", "(firstname eq 'a'", "gendercode eq '2'",
		"contactid eq 'x'", "length(firstname) gt 1", "firstname eq 'a' xor firstname eq 'b'", "ownerid eq " + a, "startswith(gendercode,'a')", "firstname eq 'a", "donotemail eq 1"} {
		t.Run(bad, func(t *testing.T) {
			w.do("GET", filtered("contacts", "firstname", bad), nil).refused(400, "0x80060888")
		})
	}
	many := strings.TrimSuffix(strings.Repeat("gendercode eq 2 or ", 501), " or ")
	w.do("GET", filtered("contacts", "firstname", many), nil).refused(400, "0x80040203")
}

func TestChangeTracking(t *testing.T) {
	w := newWorld(t)
	ids := w.put(seeds(5)...)
	must(t, w.box.Remove(haruto, ids[4]))
	all, delta := w.round("/contacts?$select=firstname", prefer("odata.maxpagesize=2"))
	equal(t, "first round", names(all), "P00000 P00001 P00002 P00003")
	t.Run("a later round has changes and then deletions", func(t *testing.T) {
		must(t, w.box.Remove(haruto, ids[0]))
		w.do("PATCH", "/contacts("+ids[2]+")", fields{"firstname": "Q"}).want(204)
		id := w.create("contacts", fields{"firstname": "R"})
		passing := w.create("contacts", fields{"firstname": "S"})
		w.do("DELETE", "/contacts("+passing+")", nil).want(204)
		items, next := w.round(delta, prefer("odata.maxpagesize=1"))
		equal(t, "changes", names(items), fmt.Sprintf("Q R [%s] [%s]", ids[0], passing))
		if !strings.HasSuffix(str(items[2], "@odata.context"), "$metadata#contacts/$deletedEntity") {
			t.Errorf("got the context %s", str(items[2], "@odata.context"))
		}
		items, _ = w.round(next)
		equal(t, "nothing new", len(items), 0)
		w.do("DELETE", "/contacts("+id+")", nil).want(204)
		w.do("PATCH", "/contacts("+id+")", fields{"firstname": "T"}).want(204)
		items, _ = w.round(next)
		equal(t, "made again", names(items), "T")
	})
	t.Run("a page needs no preference once the round has begun", func(t *testing.T) {
		a := w.do("GET", delta, nil).want(200)
		if a.str("@odata.deltaLink") == "" {
			t.Error("no deltaLink")
		}
	})
	t.Run("what changes while a first round is read comes at its end", func(t *testing.T) {
		first := w.do("GET", "/contacts?$select=firstname", nil, track, prefer("odata.maxpagesize=1")).want(200)
		w.do("PATCH", "/contacts("+ids[1]+")", fields{"firstname": "U"}).want(204)
		items, last := w.pages(first.str("@odata.nextLink"))
		if got := names(items); !strings.HasSuffix(got, " U") {
			t.Errorf("got %s", got)
		}
		later, _ := w.round(last.str("@odata.deltaLink"))
		equal(t, "later", len(later), 0)
	})
	t.Run("only $select is allowed", func(t *testing.T) {
		for _, q := range []string{"$filter=statecode%20eq%200", "$orderby=firstname", "$top=1", "$expand=x", "$count=true"} {
			w.do("GET", "/contacts?$select=firstname&"+q, nil, track).refused(400, "0x80060888")
		}
	})
	t.Run("a token lives 7 days", func(t *testing.T) {
		w.clock.AdvanceTo(start.Add(7*24*time.Hour - time.Second))
		w.signIn(haruto)
		w.do("GET", delta, nil).want(200)
		w.clock.AdvanceTo(start.Add(7 * 24 * time.Hour))
		w.do("GET", delta, nil).refused(400, "0x80044352")
	})
	t.Run("a token dies when the service says so, or the table's definition changes", func(t *testing.T) {
		_, d := w.round("/contacts?$select=firstname")
		must(t, w.box.ExpireCursors(haruto))
		w.do("GET", d, nil).refused(400, "0x80044352")
		_, d = w.round("/contacts?$select=firstname")
		must(t, w.box.AddColumn(haruto, dynamics.Column{Table: "contact", Name: "new_x", Type: "bool"}))
		w.do("GET", d, nil).refused(400, "0x80044352")
	})
	t.Run("a token is of one table", func(t *testing.T) {
		_, d := w.round("/contacts?$select=firstname")
		w.do("GET", strings.Replace(d, "/contacts?", "/leads?", 1), nil).refused(400, "0x80060888")
		w.do("GET", "/contacts?$select=firstname&$deltatoken=x", nil).refused(400, "0x80060888")
	})
	t.Run("it needs a right to read everything, and a table that tracks", func(t *testing.T) {
		must(t, w.box.SetPrivilege(haruto, "read", "contact", dynamics.DepthBusiness))
		w.do("GET", "/contacts?$select=firstname", nil, track).refused(403, "0x80040220")
		must(t, w.box.SetPrivilege(haruto, "read", "contact", dynamics.DepthOrganization))
		must(t, w.box.SetTracking(haruto, "contact", false))
		w.do("GET", "/contacts?$select=firstname", nil, track).refused(400, "0x80040800")
	})
}

func TestLagHidesChangesFromTrackingOnly(t *testing.T) {
	w := newWorld(t, func(c *dynamics.Config) { c.Lag = time.Minute })
	id := w.create("contacts", fields{"firstname": "Aoi"})
	items, delta := w.round("/contacts?$select=firstname")
	equal(t, "at once", len(items), 0)
	equal(t, "listing", names(w.do("GET", "/contacts?$select=firstname", nil).want(200).values()), "Aoi")
	w.clock.AdvanceTo(start.Add(50 * time.Second))
	w.do("DELETE", "/contacts("+id+")", nil).want(204)
	w.clock.AdvanceTo(start.Add(time.Minute))
	items, delta = w.round(delta)
	equal(t, "a minute later", names(items), "Aoi")
	w.clock.AdvanceTo(start.Add(110 * time.Second))
	items, _ = w.round(delta)
	equal(t, "later still", names(items), "["+id+"]")
}

func TestViewsAndFetchXML(t *testing.T) {
	w := newWorld(t)
	w.addUser(dynamics.User{Email: yui, Name: "Yui Oda"})
	w.put(seeds(3)...)
	other := w.create("contacts", fields{"firstname": "Hers"})
	must(t, w.box.SetOwner(haruto, other, yui))
	views := w.do("GET", filtered("savedqueries", "name,savedqueryid,returnedtypecode,querytype", "returnedtypecode eq 'contact' and querytype eq 0"), nil).want(200).values()
	byName := map[string]string{}
	for _, v := range views {
		byName[str(v, "name")] = str(v, "savedqueryid")
	}
	t.Run("a view of the system", func(t *testing.T) {
		items, _ := w.pages("/contacts?$select=firstname&savedQuery="+byName["Active Contacts"], prefer("odata.maxpagesize=3"))
		equal(t, "active", len(items), 4)
		items, _ = w.pages("/contacts?$select=firstname&savedQuery=" + byName["My Active Contacts"])
		equal(t, "mine", names(items), "P00000 P00001 P00002")
		w.do("GET", "/leads?$select=firstname&savedQuery="+byName["Active Contacts"], nil).want(400)
		w.do("GET", "/contacts?$select=firstname&savedQuery="+ghost, nil).want(404)
	})
	t.Run("a personal view is its owner's", func(t *testing.T) {
		fetch := `<fetch><entity name="contact"><attribute name="firstname"/><filter type="or"><condition attribute="firstname" operator="like" value="%2"/><condition attribute="firstname" operator="eq" value="hers"/></filter></entity></fetch>`
		id, err := w.box.AddView(haruto, "contact", "Two", fetch, true)
		must(t, err)
		equal(t, "views", len(w.do("GET", "/userqueries?$select=name", nil).want(200).values()), 1)
		items, _ := w.pages("/contacts?userQuery=" + id)
		equal(t, "rows", names(items), "P00002 Hers")
		w.signIn(yui)
		equal(t, "views of another", len(w.do("GET", "/userqueries?$select=name", nil).want(200).values()), 0)
		w.do("GET", "/contacts?$select=firstname&userQuery="+id, nil).want(403)
		w.signIn(haruto)
	})
	t.Run("FetchXML pages by its cookie and leaves nulls out", func(t *testing.T) {
		page := func(attrs string) *answer {
			return w.do("GET", "/contacts?fetchXml="+url.QueryEscape(`<fetch count="3" `+attrs+`><entity name="contact"><attribute name="firstname"/><attribute name="lastname"/><order attribute="firstname" descending="true"/></entity></fetch>`), nil)
		}
		first := page("").want(200)
		equal(t, "rows", names(first.values()), "P00002 P00001 P00000")
		if _, there := first.values()[0]["lastname"]; there {
			t.Error("a null is there")
		}
		quoted := strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;").Replace(first.str("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"))
		second := page(`page="2" paging-cookie="` + quoted + `"`).want(200)
		equal(t, "second page", names(second.values()), "Hers")
		page(`page="2"`).want(400)
		page(`aggregate="true"`).want(400)
	})
	for _, bad := range []string{"<fetch>", `<fetch><entity name="lead"/></fetch>`, `<fetch><entity name="contact"><link-entity name="account"/></entity></fetch>`,
		`<fetch><entity name="contact"><filter><condition attribute="firstname" operator="near" value="x"/></filter></entity></fetch>`,
		`<fetch><entity name="contact"><filter><condition attribute="nosuch" operator="eq" value="x"/></filter></entity></fetch>`} {
		w.do("GET", "/contacts?fetchXml="+url.QueryEscape(bad), nil).want(400)
	}
}

func TestListsOfMembers(t *testing.T) {
	w := newWorld(t)
	ids := w.put(seed("A", "Fair"), seed("B", "Fair", "News"), seed("C"))
	lists := w.do("GET", "/lists?$select=listid,listname,type,createdfromcode,membercount", nil).want(200).values()
	equal(t, "lists", len(lists), 2)
	fair := str(lists[0], "listid")
	equal(t, "members", lists[0]["membercount"], any(2.0))
	at := "/lists(" + fair + ")"
	members := func() string {
		items, _ := w.pages(at+"/listcontact_association?$select=firstname", prefer("odata.maxpagesize=1"))
		return names(items)
	}
	equal(t, "members", members(), "A B")
	t.Run("members are rows of listmembers too", func(t *testing.T) {
		got := w.do("GET", filtered("listmembers", "_entityid_value,entitytype", "_listid_value eq "+fair), nil).want(200).values()
		equal(t, "rows", len(got), 2)
		equal(t, "who", str(got[0], "_entityid_value"), ids[0])
		equal(t, "type", str(got[0], "entitytype"), "contact")
	})
	t.Run("adding and removing", func(t *testing.T) {
		etag := w.etag("contacts", ids[2])
		w.do("POST", at+"/Microsoft.Dynamics.CRM.AddMemberList", fields{"EntityId": ids[2]}).want(200)
		w.do("POST", at+"/Microsoft.Dynamics.CRM.AddMemberList", fields{"EntityId": ids[2]}).want(200)
		equal(t, "members", members(), "A B C")
		equal(t, "the contact's version", w.etag("contacts", ids[2]), etag)
		w.do("POST", at+"/Microsoft.Dynamics.CRM.RemoveMemberList", fields{"EntityId": ids[0]}).want(204)
		equal(t, "members", members(), "B C")
		list := fields{"listid": fair, "@odata.type": "Microsoft.Dynamics.CRM.list"}
		who := []fields{{"contactid": ids[0], "@odata.type": "Microsoft.Dynamics.CRM.contact"}}
		w.do("POST", "/AddListMembersList", fields{"List": list, "Members": who}).want(204)
		equal(t, "members", members(), "B C A")
		w.do("POST", at+"/Microsoft.Dynamics.CRM.AddListMembersList", fields{"Members": []fields{{"contactid": ghost, "@odata.type": "Microsoft.Dynamics.CRM.contact"}}}).refused(404, "0x80040217")
		lead := w.create("leads", fields{"lastname": "L"})
		w.do("POST", at+"/Microsoft.Dynamics.CRM.AddMemberList", fields{"EntityId": lead}).refused(404, "0x80040217")
	})
	t.Run("a dynamic list is a query", func(t *testing.T) {
		query := `<fetch><entity name="contact"><filter><condition attribute="firstname" operator="eq" value="A"/></filter></entity></fetch>`
		id, err := w.box.AddList(haruto, "Only A", query)
		must(t, err)
		got := w.get("lists", id, "type,query,createdfromcode").want(200)
		equal(t, "type", got.body["type"], any(true))
		equal(t, "query", got.str("query"), query)
		w.do("POST", "/lists("+id+")/Microsoft.Dynamics.CRM.AddMemberList", fields{"EntityId": ids[0]}).want(400)
	})
	t.Run("a list is made and deleted by the API", func(t *testing.T) {
		w.do("POST", "/lists", fields{"listname": "X"}).want(400)
		id := w.create("lists", fields{"listname": "X", "createdfromcode": 4, "type": false})
		w.do("PATCH", "/lists("+id+")", fields{"createdfromcode": 2}).want(400)
		w.do("DELETE", "/lists("+id+")", nil).want(204)
	})
	t.Run("a deleted contact is on no list", func(t *testing.T) {
		w.do("DELETE", "/contacts("+ids[1]+")", nil).want(204)
		equal(t, "members", members(), "C A")
	})
}

func TestAHundredThousandRows(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 rows take a while under the race detector")
	}
	w := newWorld(t)
	w.bulk = true
	all := make([]sandbox.Seed, 100_000)
	for i := range all {
		all[i] = seed(fmt.Sprintf("P%05d", i))
	}
	w.put(all...)
	link, rows, calls := "/contacts?$select=firstname", 0, 0
	for link != "" {
		a := w.do("GET", link, nil, track)
		link = a.str("@odata.nextLink")
		list, _ := a.body["value"].([]any)
		rows += len(list)
		calls++
	}
	equal(t, "rows", rows, 100_000)
	equal(t, "calls", calls, 20)
}
