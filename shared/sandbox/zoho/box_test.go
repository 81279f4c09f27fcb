package zoho_test

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/zoho"
)

func neutral(key record.Key, text string) record.Fields {
	f := record.Fields{}
	f.Set(key, text)
	return f
}

func TestCredits(t *testing.T) {
	w := newWorld(t, func(c *zoho.Config) { c.Limits.Credits = 20 })
	path := "/users?type=CurrentUser"
	for range 9 {
		if h := w.call("GET", path, nil).want(200).header.Get("X-API-CREDITS-REMAINING"); h != "" {
			t.Fatalf("the header shows %s below half", h)
		}
	}
	equal(t, "remaining", w.call("GET", path, nil).want(200).header.Get("X-API-CREDITS-REMAINING"), "10")
	recs := make([]fields, 21)
	for i := range recs {
		recs[i] = fields{"Last_Name": "Oda"}
	}
	equal(t, "21 records cost 3", w.call("POST", "/Contacts", fields{"data": recs}).want(201).header.Get("X-API-CREDITS-REMAINING"), "7")
	equal(t, "coql costs 1", w.call("POST", "/coql", fields{"select_query": "select id from Contacts where id is not null"}).want(200).header.Get("X-API-CREDITS-REMAINING"), "6")
	for range 6 {
		w.call("GET", path, nil).want(200)
	}
	a := w.call("GET", path, nil).refused(429, "TOO_MANY_REQUESTS")
	equal(t, "Retry-After", a.header.Get("Retry-After"), "")
	equal(t, "remaining", a.header.Get("X-API-CREDITS-REMAINING"), "0")
	w.clock.Advance(24 * time.Hour)
	w.tokens = map[string]string{}
	w.call("GET", path, nil).want(200)
}

func TestCreditsCanBeLifted(t *testing.T) {
	w := newWorld(t, func(c *zoho.Config) { c.Limits = zoho.Limits{Edition: "free", Credits: -1} })
	for range 20 {
		w.call("GET", "/org", nil).want(200)
	}
}

func TestLargeQueriesCostMore(t *testing.T) {
	w := newWorld(t, func(c *zoho.Config) { c.Limits.Credits = 10 })
	w.fill(aiko, 1100)
	query := func(n int) *answer {
		return w.call("POST", "/coql", fields{"select_query": "select id from Contacts where id is not null limit " + strconv.Itoa(n)}).want(200)
	}
	query(200)
	query(201)
	equal(t, "remaining after 1+2+3", query(1100).header.Get("X-API-CREDITS-REMAINING"), "4")
}

func TestConcurrency(t *testing.T) {
	w := newWorld(t, func(c *zoho.Config) { c.Limits.Concurrency = 2 })
	tok := w.token(aiko)
	var ends []*io.PipeWriter
	done := make(chan int, 2)
	for range 2 { // two requests whose bodies do not end
		r, wr := io.Pipe()
		ends = append(ends, wr)
		req, err := http.NewRequest("POST", w.srv.URL+"/crm/v8/Contacts", r)
		must(t, err)
		req.Header.Set("Authorization", "Zoho-oauthtoken "+tok)
		req.Header.Set("Content-Type", "application/json")
		go func() {
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				done <- 0
				return
			}
			_ = res.Body.Close()
			done <- res.StatusCode
		}()
		if _, err := wr.Write([]byte(" ")); err != nil { // returns once the server reads
			t.Fatal(err)
		}
	}
	refused := false
	for range 10_000 { // until the server has read both heads
		if a := w.call("GET", "/org", nil); a.status == 429 {
			equal(t, "Retry-After", a.header.Get("Retry-After"), "")
			refused = true
			break
		}
	}
	equal(t, "a third request was refused", refused, true)
	for _, e := range ends {
		_, _ = e.Write([]byte(`{"data":[{"Last_Name":"Oda"}]}`))
		must(t, e.Close())
	}
	equal(t, "both", <-done+<-done, 402)
	w.call("GET", "/org", nil).want(200)
}

func TestStateSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zoho.db")
	file, err := sandbox.OpenFile(path)
	must(t, err)
	w := newWorld(t, func(c *zoho.Config) { c.Keep = file })
	code, err := w.box.AddField(aiko, "Code", "text", nil, true)
	must(t, err)
	ids := w.insert(fields{"Last_Name": "Oda", code: "1", "Email": "o@example.jp"}, fields{"Last_Name": "Abe"}, fields{"Last_Name": "Gone"})
	ids = append(ids, w.fill(aiko, 250, "VIP")...)
	must(t, w.box.Remove(aiko, ids[2]))
	page := w.call("GET", "/Contacts?fields=id&sort_order=asc", nil).want(200)
	_, refresh, err := w.box.Issue(aiko, allScopes...)
	must(t, err)
	before, _, err := w.box.Contacts(aiko, "", 1000)
	must(t, err)
	must(t, file.Close())

	file, err = sandbox.OpenFile(path)
	must(t, err)
	defer func() { _ = file.Close() }()
	cfg := config(w.clock)
	cfg.Keep = file
	w.box, err = zoho.New(cfg)
	must(t, err)
	w.srv.Config.Handler = w.box
	after, _, err := w.box.Contacts(aiko, "", 1000)
	must(t, err)
	if !reflect.DeepEqual(before, after) {
		t.Fatal("the contacts are not the same after a restart")
	}
	next := w.call("GET", "/Contacts?fields=id&sort_order=asc&page_token="+str(page.info()["next_page_token"]), nil).want(200)
	equal(t, "the page token goes on", len(page.ids())+len(next.ids()), 252)
	equal(t, "the feed", w.call("GET", "/Contacts/deleted", nil).want(200).ids()[0], ids[2])
	equal(t, "the view", len(w.scan("fields=id&cvid="+w.views()["VIP"])), 250)
	equal(t, "the unique field", w.call("POST", "/Contacts", fields{"data": []fields{{"Last_Name": "X", code: "1"}}}).want(400).codes(), "DUPLICATE_DATA")
	if a := w.post(w.srv.URL+"/oauth/v2/token", tokenForm("refresh_token", "refresh_token", refresh)); a.body["access_token"] == nil {
		t.Fatalf("the refresh token died: %s", a.raw)
	}
	if id := w.insert(fields{"Last_Name": "New"})[0]; id <= ids[len(ids)-1] {
		t.Fatalf("the id %s was given out before", id)
	}
}

func TestFillKeepsWhatZohoHolds(t *testing.T) {
	w := newWorld(t)
	f := record.Fields{
		record.NameGiven: {{Text: "Mei"}}, record.NameFamily: {{Text: "Oda"}}, record.NameMiddle: {{Text: "K."}}, record.NamePrefix: {{Text: "Dr."}},
		record.Email:   {{Text: "h@example.jp", Label: "home"}, {Text: "w@example.jp", Label: "work"}, {Text: "x@example.jp", Label: "x"}},
		record.Phone:   {{Text: "090-1", Label: "mobile"}, {Text: "03-1", Label: "work"}, {Text: "03-9", Label: "home_fax"}, {Text: "内線", Label: "home"}, {Text: "03-2", Label: "club"}},
		record.Address: {{Label: "home", Parts: map[record.Part]string{record.PartStreet: "1-1", record.PartCity: "Kyoto", record.PartPOBox: "7"}}},
		record.OrgName: {{Text: "北野精機"}}, record.OrgTitle: {{Text: "Boss"}}, record.Birthday: {{Text: "1980-02-29"}}, record.Note: {{Text: "a\nb"}}, record.URL: {{Text: "https://x.jp"}},
	}
	done, err := w.box.Fill(aiko, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: f}, Groups: []string{"VIP"}}})
	must(t, err)
	id := done.IDs[0]
	if want := []record.Key{record.Address, record.Email, record.NameMiddle, record.Phone, record.URL}; !reflect.DeepEqual(done.Dropped[id], want) {
		t.Fatalf("dropped: got %v, want %v", done.Dropped[id], want)
	}
	got := w.call("GET", "/Contacts/"+id, nil).want(200).data()[0]
	for k, v := range map[string]string{"Email": "w@example.jp", "Secondary_Email": "h@example.jp", "Mobile": "090-1", "Phone": "03-1", "Fax": "03-9", "Other_Phone": "03-2", "Other_City": "Kyoto", "Salutation": "Dr.", "Title": "Boss"} {
		equal(t, k, str(got[k]), v)
	}
	c, err := w.box.Contact(aiko, id)
	must(t, err)
	equal(t, "company", c.Record.Fields.First(record.OrgName), "北野精機")
	equal(t, "e-mails", len(c.Record.Fields[record.Email]), 2)
	equal(t, "groups", strings.Join(c.Groups, ","), "VIP")
	equal(t, "version", c.Version, str(got["Modified_Time"]))
	t.Run("a nameless contact gets a stand-in that reads as none", func(t *testing.T) {
		done, err := w.box.Fill(aiko, []sandbox.Seed{{Record: record.Record{Fields: neutral(record.Email, "n@example.jp")}}})
		must(t, err)
		equal(t, "stored", str(w.call("GET", "/Contacts/"+done.IDs[0], nil).want(200).data()[0]["Last_Name"]), "-")
		c, err := w.box.Contact(aiko, done.IDs[0])
		must(t, err)
		equal(t, "read", c.Record.Fields.First(record.NameFamily), "")
	})
	t.Run("what was read can be written and reads the same", func(t *testing.T) {
		must(t, w.box.Edit(aiko, id, c.Record.Fields))
		again, err := w.box.Contact(aiko, id)
		must(t, err)
		if !reflect.DeepEqual(again.Record, c.Record) {
			t.Fatalf("got %v, want %v", again.Record, c.Record)
		}
	})
	t.Run("an edit that does not fit is refused", func(t *testing.T) {
		if err := w.box.Edit(aiko, id, neutral(record.Nickname, "x")); err == nil {
			t.Fatal("it was taken")
		}
	})
}

// control makes a control call and returns its JSON.
func (w *world) control(method, path, body string, status int) map[string]any {
	w.Helper()
	r, err := http.NewRequest(method, w.srv.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	return w.send(r).want(status).body
}

func TestControlRoutes(t *testing.T) {
	w := newWorld(t)
	w.control("POST", "/sandbox/users", `{"email":"`+ren+`","name":"Ren Ishida","profile":"Standard"}`, 200)
	w.control("POST", "/sandbox/users", `{"email":"`+ren+`","colour":"red"}`, 400)
	out := w.control("POST", "/sandbox/contacts?user="+aiko, `{"contacts":[{"record":{"kind":"contact","fields":{"name.family":[{"text":"Oda"}],"nickname":[{"text":"M"}]}}},{"record":{"fields":{"name.family":[{"text":"Abe"}]}}}]}`, 200)
	list, _ := out["ids"].([]any)
	a, b := str(list[0]), str(list[1])
	if d, _ := json.Marshal(out["dropped"]); string(d) != `{"`+a+`":["nickname"]}` {
		t.Fatalf("dropped: got %s", d)
	}
	user := `"user":"` + aiko + `"`
	field := str(w.control("POST", "/sandbox/fields", `{`+user+`,"label":"Rank","data_type":"text"}`, 200)["api_name"])
	equal(t, "field", field, "Rank")
	view := str(w.control("POST", "/sandbox/views", `{`+user+`,"name":"O","criteria":{"field":"Last_Name","comparator":"starts_with","value":"O"},"shared":true}`, 200)["id"])
	equal(t, "view", len(w.scan("fields=id&cvid="+view)), 1)
	w.control("DELETE", "/sandbox/views", `{`+user+`,"id":"`+view+`"}`, 200)
	for path, body := range map[string]string{
		"import": `"ids":["` + a + `"]`, "massupdate": `"ids":["` + a + `"],"fields":{"org.title":[{"text":"Boss"}]}`, "lock": `"id":"` + a + `"`, "unlock": `"id":"` + a + `"`,
		"owner": `"id":"` + a + `","owner":"` + ren + `"`, "groups": `"id":"` + a + `","groups":["VIP"]`, "unique": `"field":"Email","unique":true`,
		"permissions": `"profile":"Standard","permission":"Crm_Implied_Edit_Contacts","enabled":false`, "private": `"private":true`, "cursors/expire": `"lag":""`, "lag": `"lag":"2m"`, "automated": `"lag":""`,
	} {
		t.Run(path, func(t *testing.T) { w.control("POST", "/sandbox/"+path, `{`+user+`,`+body+`}`, 200) })
	}
	w.control("POST", "/sandbox/permissions", `{`+user+`,"profile":"Standard","field":"Title","permission_type":"hidden"}`, 200)
	w.control("POST", "/sandbox/lag", `{"lag":"soon"}`, 400)
	w.control("POST", "/sandbox/owner", `{`+user+`,"id":"`+a+`","owner":"nobody@x.jp"}`, 404)
	c := w.control("GET", "/sandbox/contacts/"+a+"?user="+aiko, "", 200)
	equal(t, "id", str(c["id"]), a)
	w.control("POST", "/sandbox/merge", `{`+user+`,"master":"`+a+`","losers":["`+b+`"]}`, 200)
	w.control("GET", "/sandbox/contacts/"+b+"?user="+aiko, "", 404)
	w.control("POST", "/sandbox/restore", `{`+user+`,"id":"`+b+`"}`, 200)
	w.control("DELETE", "/sandbox/contacts/"+b+"?user="+aiko, "", 200)
	w.control("POST", "/sandbox/purge", `{`+user+`,"id":"`+b+`"}`, 200)
	w.control("POST", "/sandbox/purge", `{`+user+`,"id":"`+b+`"}`, 404)
	w.control("POST", "/sandbox/access/expire", `{`+user+`}`, 200)
	w.call("GET", "/org", nil).refused(401, "INVALID_TOKEN")
	w.control("POST", "/sandbox/revoke", `{`+user+`}`, 200)
	w.control("POST", "/sandbox/revoke", `{"user":"x","nope":1}`, 400)
}

func TestCallsAreCountedByOperation(t *testing.T) {
	w := newWorld(t)
	id := w.insert(fields{"Last_Name": "Oda"})[0]
	w.box.Faults().ResetCalls()
	w.call("GET", "/Contacts/"+id, nil).want(200)
	w.call("GET", "/Contacts?fields=id", nil).want(200)
	w.consent(authQuery(), allow(aiko))
	w.post(w.srv.URL+"/oauth/v2/token", tokenForm("refresh_token", "refresh_token", "x"))
	ops := w.box.Faults().Calls()
	want := map[string]int{"GET /crm/v8/Contacts/{id}": 1, "GET /crm/v8/Contacts": 1, "POST /oauth/v2/token": 1}
	if !reflect.DeepEqual(ops, want) {
		t.Fatalf("got %v, want %v", ops, want)
	}
	t.Run("a fault hits a call", func(t *testing.T) {
		w.box.Faults().Add(sandbox.Fault{Path: "/Contacts", Status: 500, Body: `{"code":"INTERNAL_ERROR","details":{},"message":"x","status":"error"}`})
		w.call("GET", "/Contacts?fields=id", nil).refused(500, "INTERNAL_ERROR")
		w.call("GET", "/Contacts?fields=id", nil).want(200)
	})
	t.Run("a write happens although its answer is lost", func(t *testing.T) {
		w.box.Faults().Add(sandbox.Fault{Method: "POST", Path: "/Contacts", AfterWrite: true, Status: 502})
		w.call("POST", "/Contacts", fields{"data": []fields{{"Last_Name": "Twice"}}}).want(502)
		equal(t, "records", len(w.scan("fields=id")), 2)
	})
}

func TestThePageShowsContacts(t *testing.T) {
	w := newWorld(t)
	id := w.insert(fields{"Last_Name": "<b>Oda</b>"})[0]
	r, err := http.NewRequest("GET", w.srv.URL+"/sandbox/page/edit?user="+aiko+"&id="+id, nil)
	must(t, err)
	page := string(w.send(r).want(200).raw)
	if !strings.Contains(page, "&lt;b&gt;Oda") || strings.Contains(page, "<b>Oda") {
		t.Fatal("the page does not show the name escaped")
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := config(clock.Real{})
	for name, change := range map[string]func(*zoho.Config){
		"no client":        func(c *zoho.Config) { c.Client = sandbox.Client{} },
		"unknown edition":  func(c *zoho.Config) { c.Limits.Edition = "gold" },
		"centres alike":    func(c *zoho.Config) { c.DCs = []zoho.DC{{Location: "us"}, {Location: "us"}} },
		"relative address": func(c *zoho.Config) { c.RedirectURIs = []string{"/callback"} },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			change(&cfg)
			if _, err := zoho.New(cfg); err == nil {
				t.Fatal("it was taken")
			}
		})
	}
	box, err := zoho.New(good)
	must(t, err)
	for name, u := range map[string]zoho.User{"address": {Email: "x"}, "zone": {Email: "a@b.jp", TimeZone: "Mars/Base"}, "profile": {Email: "c@b.jp", Profile: "King"}, "centre": {Email: "d@b.jp", Org: "X", DC: "eu"}, "status": {Email: "e@b.jp", Status: "asleep"}} {
		if err := box.AddUser(u); err == nil {
			t.Fatalf("%s: it was taken", name)
		}
	}
}
