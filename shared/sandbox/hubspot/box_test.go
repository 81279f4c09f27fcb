package hubspot_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/contract"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/hubspot"
)

func TestLimits(t *testing.T) {
	w := newWorld(t, func(c *hubspot.Config) { c.Limits = hubspot.Limits{} })
	w.addUser(hubspot.User{Email: tarmo})
	for range 110 {
		w.call("GET", contacts, nil).want(200)
	}
	a := w.call("GET", contacts, nil, as(w, tarmo)).want(429)
	want := sample[map[string]any](t, "rate-limit-429")
	contract.SameShape(t, "$", any(a.body), any(want))
	equal(t, "policy", str(a.body["policyName"])+str(a.body["message"]), str(want["policyName"])+str(want["message"]))
	equal(t, "remaining", a.header.Get("X-HubSpot-RateLimit-Max")+" "+a.header.Get("X-HubSpot-RateLimit-Remaining"), "110 0")
	equal(t, "no Retry-After", a.header.Get("Retry-After"), "")
	for range 5 {
		search := w.search(fields{}).want(200)
		equal(t, "no headers on searches", search.header.Get("X-HubSpot-RateLimit-Max"), "")
	}
	must(t, w.box.SetQuirks(hubspot.Quirks{RetryAfter: true}))
	a = w.search(fields{}).want(429)
	equal(t, "search", str(a.body["message"])+a.header.Get("Retry-After"), "You have reached your secondly limit.1")
	w.clock.Advance(time.Second)
	w.search(fields{}).want(200)
	w.call("GET", contacts, nil).want(429)
	w.clock.Advance(9 * time.Second)
	w.call("GET", contacts, nil).want(200)
	w.box.SetLimits(hubspot.Unlimited())
	for range 120 {
		w.call("GET", contacts+"?limit=1", nil).want(200)
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t)
	w.box.Faults().Add(sandbox.Fault{Path: "/crm/v3/objects", Status: 423})
	w.call("GET", contacts, nil).want(423)
	w.box.Faults().Add(sandbox.Fault{Path: "/crm/v3/objects", Status: 477, Header: map[string]string{"Retry-After": "3600"}})
	equal(t, "moving", w.call("GET", contacts, nil).want(477).header.Get("Retry-After"), "3600")
	w.box.Faults().Add(sandbox.Fault{Method: "POST", Status: 524, AfterWrite: true})
	w.call("POST", contacts, properties("firstname", "A")).want(524)
	if got := w.call("GET", contacts, nil).want(200); len(got.list("results")) != 1 {
		t.Fatalf("got %s, want the contact that was written", got.raw)
	}
	calls := w.box.Faults().Calls()
	equal(t, "counted", fmt.Sprint(calls["GET /crm/v3/objects/contacts"], calls["POST /crm/v3/objects/contacts"]), "3 1")
	w.call("GET", contacts+"/1", nil).want(404)
	equal(t, "by template", w.box.Faults().Calls()["GET /crm/v3/objects/contacts/{id}"], 1)
}

func TestEverythingIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hubspot.db")
	v := clock.NewVirtual(time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), true)
	open := func() (*hubspot.Sandbox, func()) {
		f, err := sandbox.OpenFile(path)
		must(t, err)
		cfg := config(v)
		cfg.Keep = f
		box, err := hubspot.New(cfg)
		must(t, err)
		return box, func() {
			box.Close()
			must(t, f.Close())
		}
	}
	box, done := open()
	must(t, box.AddUser(hubspot.User{Email: mira, Name: "Mira Holt"}))
	must(t, box.AddUser(hubspot.User{Email: aiko}))
	name, err := box.AddProperty(mira, "Shade", "enumeration", "red")
	must(t, err)
	seed := named("Jon", "Berg")
	seed.Fields.Set(record.Custom(name), "red")
	seed.Fields[record.Email] = []record.Value{{Text: "jon@nordkai.example"}, {Text: "j@nordkai.example"}}
	put, err := box.Put(mira, []sandbox.Seed{{Record: seed, Groups: []string{"Key accounts"}}, {Record: named("Ines", "Kask")}, {Record: named("Old", "One")}})
	must(t, err)
	must(t, box.Remove(mira, put[2]))
	merged, err := box.Merge(mira, put[0], put[1])
	must(t, err)
	must(t, box.SetHook("https://meibo.example/hook", "phone"))
	must(t, box.SetQuirks(hubspot.Quirks{SilentMissing: true, KeepLifecycle: true}))
	access, refresh, err := box.Issue(mira)
	must(t, err)
	before, err := box.Contact(mira, merged)
	must(t, err)
	done()

	box, done = open()
	defer done()
	after, err := box.Contact(mira, put[1])
	must(t, err)
	equal(t, "contact", fmt.Sprint(after), fmt.Sprint(before))
	equal(t, "groups", strings.Join(after.Groups, ","), "Key accounts")
	again, same, err := box.Issue(mira)
	must(t, err)
	if again == access || same != refresh {
		t.Fatal("the installation was not kept")
	}
	taken, err := box.Fill(mira, []sandbox.Seed{{Record: seed}})
	must(t, err)
	equal(t, "the address is taken", fmt.Sprint(taken.Dropped[taken.IDs[0]]), "[email]")
	must(t, box.Restore(mira, put[2]))
	equal(t, "users", len(box.Users()), 2)
	must(t, box.AddUser(hubspot.User{Email: tarmo}))
	_, one, _, err := box.Portal(tarmo)
	must(t, err)
	_, two, _, err := box.Portal(mira)
	must(t, err)
	if one == two {
		t.Fatal("a new user got the number of another")
	}
}

func TestNeutralReading(t *testing.T) {
	w := newWorld(t)
	w.addUser(hubspot.User{Email: tarmo})
	f := named("Jon", "Berg").Fields
	f[record.Email] = []record.Value{{Text: "second@nordkai.example"}, {Text: "first@nordkai.example", Primary: true}, {Text: "no address"}}
	f[record.Phone] = []record.Value{{Text: "1", Label: "home"}, {Text: "2", Label: "mobile"}, {Text: "3", Label: "work_fax"}, {Text: "4", Label: "pager"}}
	f[record.Address] = []record.Value{{Parts: map[record.Part]string{record.PartStreet: "Pikk 1", record.PartCity: "Tallinn", record.PartPOBox: "7"}}}
	f.Set(record.OrgName, "Nordkai AS")
	f.Set(record.Birthday, "1980-01-02")
	f.Set(record.Note, "x")
	done, err := w.box.Fill(mira, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: f}, Groups: []string{"Key", "owner:" + tarmo}}})
	must(t, err)
	id := done.IDs[0]
	equal(t, "dropped", fmt.Sprint(done.Dropped[id]), "[address birthday email note phone]")
	got, err := w.box.Contact(mira, id)
	must(t, err)
	r := got.Record.Fields
	equal(t, "addresses", fmt.Sprint(r[record.Email]), fmt.Sprint([]record.Value{{Text: "first@nordkai.example", Primary: true}, {Text: "second@nordkai.example"}}))
	equal(t, "numbers", fmt.Sprint(r[record.Phone]), fmt.Sprint([]record.Value{{Text: "1", Label: "work"}, {Text: "2", Label: "mobile"}, {Text: "3", Label: "work_fax"}}))
	equal(t, "company", r.First(record.OrgName), "Nordkai AS")
	equal(t, "no note", len(r[record.Note]), 0)
	_, _, owner, err := w.box.Portal(tarmo)
	must(t, err)
	equal(t, "owner", w.call("GET", contacts+"/"+id+"?properties=hubspot_owner_id", nil).prop("hubspot_owner_id"), any(fmt.Sprint(owner)))
	must(t, w.box.SetOwner(mira, id, ""))
	must(t, w.box.SetGroups(mira, id, []string{"Other"}))
	edit := record.Fields{record.Email: {{Text: "first@nordkai.example"}}, record.Phone: {}}
	must(t, w.box.Edit(mira, id, edit))
	got, err = w.box.Contact(tarmo, id)
	must(t, err)
	equal(t, "after the edit", fmt.Sprint(len(got.Record.Fields[record.Email]), len(got.Record.Fields[record.Phone]), got.Groups), "1 0 [Other]")
	if err := w.box.Edit(mira, id, record.Fields{record.Email: {{Text: "no address"}}}); err == nil {
		t.Fatal("a person cannot enter what is no address")
	}
	if _, err := w.box.Fields(mira); err != nil {
		t.Fatal(err)
	}
	page, next, err := w.box.Contacts(mira, "", 1)
	must(t, err)
	equal(t, "page", fmt.Sprintf("%d%s", len(page), next), "1")
}

func TestCustomFieldsShowLabels(t *testing.T) {
	w := newWorld(t, func(c *hubspot.Config) { c.Quirks.BirthDates = true })
	w.call("POST", "/crm/v3/properties/contacts", fields{"name": "shades", "label": "Shades", "type": "enumeration", "fieldType": "checkbox", "groupName": "contactinformation",
		"options": []fields{{"label": "Red", "value": "r", "displayOrder": 0, "hidden": false}, {"label": "Blue", "value": "b", "displayOrder": 1, "hidden": false}}}).want(201)
	_, err := w.box.AddProperty(mira, "Seen", "datetime")
	must(t, err)
	f := named("Jon", "Berg").Fields
	f[record.Custom("shades")] = []record.Value{{Text: "Red"}, {Text: "Blue"}}
	f.Set(record.Custom("seen"), "2026-11-20T10:00:00+02:00")
	f.Set(record.Birthday, "1980-01-02")
	done, err := w.box.Fill(mira, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: f}}})
	must(t, err)
	got := w.call("GET", contacts+"/"+done.IDs[0]+"?properties=shades,seen,date_of_birth", nil).want(200)
	equal(t, "values", fmt.Sprintf("%v %v %v", got.prop("shades"), got.prop("seen"), got.prop("date_of_birth")), "r;b 2026-11-20T08:00:00.000Z 1980-01-02")
	read, err := w.box.Contact(mira, done.IDs[0])
	must(t, err)
	equal(t, "labels", fmt.Sprint(read.Record.Fields[record.Custom("shades")]), fmt.Sprint([]record.Value{{Text: "Red"}, {Text: "Blue"}}))
	equal(t, "birthday", read.Record.Fields.First(record.Birthday), "1980-01-02")
	before := where(is("seen", "LT", fmt.Sprint(w.clock.Now().UnixMilli())), is("date_of_birth", "LT", "500000000000"))
	equal(t, "found by time", w.search(before).want(200).ids(), done.IDs[0])
	w.call("PATCH", contacts+"/"+done.IDs[0], properties("shades", "b")).want(200)
	w.call("PATCH", contacts+"/"+done.IDs[0], properties("shades", ";r")).want(200)
	equal(t, "appended", w.call("GET", contacts+"/"+done.IDs[0]+"?properties=shades", nil).prop("shades"), any("b;r"))
	w.call("PATCH", contacts+"/"+done.IDs[0], properties("seen", "yesterday")).invalid("INVALID_DATE", "seen")
	offered, err := w.box.Fields(mira)
	must(t, err)
	last := offered[len(offered)-2]
	equal(t, "choices", fmt.Sprint(last.Name, last.Choices, last.Max), "Shades[Red Blue] 2")
	odd := record.Fields{record.Custom("shades"): {{Text: "Green"}}}
	if err := w.box.Edit(mira, done.IDs[0], odd); err == nil {
		t.Fatal("a choice that does not exist was taken")
	}
	if err := w.box.Edit(mira, done.IDs[0], record.Fields{record.Custom("nosuch"): {{Text: "x"}}}); err == nil {
		t.Fatal("a field that does not exist was taken")
	}
}

func TestControlRoutes(t *testing.T) {
	w := newWorld(t)
	do := func(method, path string, body any) *answer {
		t.Helper()
		r, _ := w.request(method, "/sandbox/"+path, body)
		return w.send(r)
	}
	do("POST", "users", fields{"email": tarmo, "name": "Tarmo Kask", "portal": "ecospin.example", "scopes": []string{"oauth"}}).want(200)
	do("POST", "users", fields{"email": "x"}).want(400)
	do("POST", "users", fields{"email": "x@y.example", "unknown": 1}).want(400)
	id := w.person("firstname", "Jon")
	other := w.person("firstname", "Ines")
	for _, c := range []struct {
		path string
		body fields
	}{
		{"owner", fields{"id": id, "owner": tarmo}}, {"touch", fields{"id": id, "at": "2026-11-20T12:00:00Z"}}, {"touch", fields{}}, {"property", fields{"id": id, "name": "phone", "value": "1"}},
		{"lifecycle", fields{"mode": "keep", "default": "subscriber"}}, {"recompute", fields{"count": 2}}, {"rules", fields{"name": "phone", "value": "^1"}},
		{"groups", fields{"name": "Key"}}, {"groups", fields{"name": "Dynamic", "property": "phone", "value": "1"}}, {"groups", fields{"id": id, "groups": []string{"Key"}}},
		{"properties", fields{"name": "Shade", "type": "string"}}, {"hook", fields{"url": "https://meibo.example/hook", "collect": true}}, {"hook", fields{"collect": false}},
		{"lag", fields{"lag": "2s"}}, {"limits", nil}, {"quirks", nil}, {"scopes", fields{"scopes": []string{"oauth"}}}, {"access/expire", fields{}},
		{"merge", fields{"winner": id, "loser": other}}, {"archive", fields{"id": id}},
		{"revoke", fields{}}, {"uninstall", fields{}},
	} {
		if c.body == nil {
			c.body = fields{}
		} else {
			c.body["user"] = mira
		}
		do("POST", c.path, c.body).want(200)
	}
	archived, err := w.box.Put(mira, []sandbox.Seed{{Record: named("A", "B")}})
	must(t, err)
	for _, verb := range []string{"archive", "restore", "gdpr"} {
		do("POST", verb, fields{"user": mira, "id": archived[0]}).want(200)
	}
	do("DELETE", "groups", fields{"user": mira, "id": "1"}).want(200)
	do("DELETE", "properties", fields{"user": mira, "name": "shade"}).want(200)
	do("GET", "hook", nil).want(200)
	equal(t, "portal", whole(do("GET", "portal?user="+mira, nil).want(200).body["hub_id"]), 6213544)
	do("POST", "owner", fields{"user": mira, "id": "1", "owner": tarmo}).want(404)
	do("POST", "lifecycle", fields{"user": mira, "mode": "x"}).want(400)
	do("GET", "", nil).want(200)
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []hubspot.Config{{}, {Client: sandbox.Client{ID: "a", Secret: "b"}, Scopes: []string{"tickets"}}, {Client: sandbox.Client{ID: "a", Secret: "b"}, RedirectURIs: []string{"/x"}},
		{Client: sandbox.Client{ID: "a", Secret: "b"}, HookURL: "http://elsewhere.example"}} {
		if _, err := hubspot.New(c); err == nil {
			t.Fatalf("%+v was taken", c)
		}
	}
}

// A big account stays quick: pages cost what they show.
func TestManyContacts(t *testing.T) {
	w := newWorld(t)
	w.fill(mira, 30_000, "All")
	began, seen, after := time.Now(), 0, "1"
	for after != "" {
		r, _ := w.request("GET", contacts+"?limit=100&after="+after, nil)
		a := w.send(r).want(200)
		seen += len(a.list("results"))
		after = a.after()
	}
	equal(t, "listed", seen, 30_000)
	if d := time.Since(began); d > 20*time.Second {
		t.Fatalf("it took %v", d)
	}
}
