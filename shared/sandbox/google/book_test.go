package google_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/google"
)

func rich() record.Fields {
	return record.Fields{
		record.NamePrefix: {{Text: "Dr."}}, record.NameGiven: {{Text: "愛子"}}, record.NameMiddle: {{Text: "M"}}, record.NameFamily: {{Text: "田中"}}, record.NameSuffix: {{Text: "Jr."}},
		record.NamePhoneticGiven: {{Text: "ｱｲｺ"}}, record.NamePhoneticMiddle: {{Text: "エム"}}, record.NamePhoneticFamily: {{Text: "タナカ"}},
		record.Nickname: {{Text: "Ai"}},
		record.Email:    {{Text: "a@example.com", Label: "work"}, {Text: "b@example.com", Label: "home", Primary: true}},
		record.Phone:    {{Text: "03-1234-5678", Label: "home_fax"}, {Text: "090", Label: "Boat"}},
		record.Address: {
			{Parts: map[record.Part]string{record.PartStreet: "1-2-3", record.PartCity: "Minato", record.PartCountryCode: "JP"}, Label: "work"},
			{Text: "somewhere\nin Tokyo", Label: "home"},
		},
		record.IM:      {{Text: "aiko", Label: "work", Parts: map[record.Part]string{record.PartService: "skype"}}},
		record.URL:     {{Text: "https://example.com", Label: "blog"}},
		record.OrgName: {{Text: "Example KK"}}, record.OrgDepartment: {{Text: "Sales"}}, record.OrgTitle: {{Text: "Manager"}},
		record.Birthday: {{Text: "--02-29"}}, record.Event: {{Text: "2001-03-04", Label: "anniversary"}},
		record.Relation: {{Text: "Ken", Label: "brother"}}, record.Note: {{Text: "line\nline"}},
		record.Custom("Rank"): {{Text: "Gold"}},
	}
}

func TestNeutralRecordComesBackWhole(t *testing.T) {
	w := newWorld(t)
	done, err := w.box.Fill(aiko, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: rich()}, Groups: []string{"Customers"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(done.Dropped) != 0 {
		t.Errorf("dropped %v", done.Dropped)
	}
	got := must(w.box.Contact(aiko, done.IDs[0]))(t)
	for k, want := range rich() {
		if !reflect.DeepEqual(got.Record.Fields[k], want) {
			t.Errorf("%s: got %+v, want %+v", k, got.Record.Fields[k], want)
		}
	}
	if !slices.Equal(got.Groups, []string{"myContacts", "Customers"}) {
		t.Errorf("got groups %v", got.Groups)
	}
	if p := w.get(got.ID); got.Version != p.Metadata.Sources[0].Etag {
		t.Errorf("got version %s, want the source etag %s", got.Version, p.Metadata.Sources[0].Etag)
	}
	if !json.Valid(got.Native) {
		t.Errorf("the wire form %s is not JSON", got.Native)
	}
}

func TestWhatGoogleCannotHoldIsNamed(t *testing.T) {
	w := newWorld(t)
	done := must(w.box.Fill(aiko, []sandbox.Seed{{Record: record.Record{Fields: record.Fields{
		record.NameGiven: {{Text: "A"}}, record.Birthday: {{Text: "soon"}}, record.Note: {{Text: "1"}, {Text: "2"}}, "org.unknown": {{Text: "x"}}, record.Email: {{Label: "home"}},
	}}}}))(t)
	if got, want := fmt.Sprint(done.Dropped[done.IDs[0]]), "[birthday email note org.unknown]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEditKeepsWhatItDoesNotName(t *testing.T) {
	w := newWorld(t)
	body := `{"names":[{"givenName":"A"}],"organizations":[{"name":"Old","symbol":"O"},{"name":"Now","title":"Boss","location":"Tokyo","current":true}],` +
		`"emailAddresses":[{"value":"a@example.com","displayName":"Aiko","type":"work"}],"userDefined":[{"key":"K","value":"1"},{"key":"L","value":"2"}]}`
	status, answer := w.raw("POST", "/v1/people:createContact?personFields=names", body)
	var p struct{ ResourceName string }
	if err := json.Unmarshal([]byte(answer), &p); status != 200 || err != nil {
		t.Fatalf("got %d %s", status, answer)
	}
	err := w.box.Edit(aiko, p.ResourceName, record.Fields{
		record.OrgTitle: {{Text: "Chief"}}, record.NameGiven: {{Text: "B"}}, record.NameFamily: {{Text: "C"}},
		record.Email: {{Text: "new@example.com"}, {Text: "a@example.com", Label: "home"}}, record.Custom("K"): {}, record.Phone: {},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := w.get(p.ResourceName)
	if o := got.Organizations; len(o) != 2 || o[0].Symbol != "O" || o[1].Title != "Chief" || o[1].Location != "Tokyo" {
		t.Errorf("got organizations %+v", o)
	}
	if got.Names[0].DisplayName != "B C" || got.Names[0].UnstructuredName != "B C" {
		t.Errorf("got name %+v", got.Names[0])
	}
	if e := got.EmailAddresses; len(e) != 2 || e[1].DisplayName != "Aiko" || e[1].Type != "home" {
		t.Errorf("got addresses %+v", e)
	}
	if u := got.UserDefined; len(u) != 1 || u[0].Key != "L" {
		t.Errorf("got custom fields %+v", u)
	}
	if err := w.box.Edit(aiko, p.ResourceName, record.Fields{record.Birthday: {{Text: "soon"}}}); err == nil {
		t.Error("an impossible birthday was accepted")
	}
	if err := w.box.Edit(aiko, "people/c1", nil); !errors.Is(err, sandbox.ErrNoContact) {
		t.Errorf("got %v, want ErrNoContact", err)
	}
	if err := w.box.Edit("nobody@example.com", p.ResourceName, nil); !errors.Is(err, sandbox.ErrNoUser) {
		t.Errorf("got %v, want ErrNoUser", err)
	}
}

func TestMergeUnitesAndDeletes(t *testing.T) {
	w := newWorld(t)
	a, b := named("A", "x"), named("B", "y")
	a[record.Email] = []record.Value{{Text: "a@example.com"}, {Text: "both@example.com"}}
	b[record.Email] = []record.Value{{Text: "both@example.com"}, {Text: "b@example.com"}}
	b[record.Note] = []record.Value{{Text: "from b"}}
	ids := w.put(a, b)
	token := w.sync()
	if err := w.box.Merge(aiko, ids[0], ids[1]); err != nil {
		t.Fatal(err)
	}
	got := w.get(ids[0])
	if len(got.EmailAddresses) != 3 || got.Names[0].GivenName != "A" || got.Biographies[0].Value != "from b" {
		t.Errorf("got %+v", got)
	}
	res := must(w.list().SyncToken(token).Do())(t)
	if len(res.Connections) != 2 || !res.Connections[1].Metadata.Deleted || res.Connections[1].ResourceName != ids[1] {
		t.Errorf("got %d changes, want the winner and the loser's tombstone", len(res.Connections))
	}
	if err := w.box.Merge(aiko, ids[0], ids[0]); err == nil {
		t.Error("a contact was merged with itself")
	}
}

func TestContactsPage(t *testing.T) {
	w := newWorld(t)
	var seeds []record.Fields
	for i := range 7 {
		seeds = append(seeds, named(fmt.Sprint(i), "x"))
	}
	ids := w.put(seeds...)
	if err := w.box.Remove(aiko, ids[3]); err != nil {
		t.Fatal(err)
	}
	var got []string
	for after, pages := "", 0; ; pages++ {
		page, next, err := w.box.Contacts(aiko, after, 2)
		if err != nil || pages > 5 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, c := range page {
			got = append(got, c.ID)
		}
		if after = next; after == "" {
			break
		}
	}
	if want := slices.Delete(slices.Clone(ids), 3, 4); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestControlRoutes(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("A", "x"), named("B", "x"))
	call := func(method, path, body string, want int) map[string]any {
		t.Helper()
		status, text := w.raw(method, path, body)
		out := map[string]any{}
		if err := json.Unmarshal([]byte(text), &out); err != nil || status != want {
			t.Fatalf("%s %s: got %d %s, want %d", method, path, status, text, want)
		}
		return out
	}
	user := "?user=" + aiko
	call("POST", "/sandbox/users", `{"email":"ben@example.com","name":"Ben","region":"DE"}`, 200)
	call("POST", "/sandbox/users", `{"email":"ben@example.com","name":"Ben","shoe":1}`, 400)
	if n := len(call("GET", "/sandbox/users", "", 200)["users"].([]any)); n != 2 {
		t.Errorf("got %d users", n)
	}
	group := call("POST", "/sandbox/groups"+user, `{"name":"VIP"}`, 200)["id"].(string)
	call("POST", "/sandbox/members"+user, `{"id":"`+ids[0]+`","groups":["VIP"]}`, 200)
	if n := len(call("GET", "/sandbox/groups"+user, "", 200)["groups"].([]any)); n != 9 {
		t.Errorf("got %d groups, want 9", n)
	}
	call("DELETE", "/sandbox/groups/"+group+user, "", 200)
	call("DELETE", "/sandbox/groups/contactGroups/starred"+user, "", 400)
	call("PATCH", "/sandbox/contacts/"+ids[0]+user, `{"fields":{"name.given":[{"text":"A2"}]}}`, 200)
	if got := call("GET", "/sandbox/contacts/"+ids[0]+user, "", 200)["record"].(map[string]any)["fields"].(map[string]any)["name.given"]; fmt.Sprint(got) != "[map[text:A2]]" {
		t.Errorf("got %v", got)
	}
	fresh := call("POST", "/sandbox/rekey"+user, `{"id":"`+ids[0]+`"}`, 200)["id"].(string)
	call("POST", "/sandbox/merge"+user, `{"winner":"`+fresh+`","loser":"`+ids[1]+`"}`, 200)
	call("GET", "/sandbox/contacts/"+ids[1]+user, "", 404)
	call("POST", "/sandbox/expire-cursors"+user, "", 200)
	call("POST", "/sandbox/lag", `{"seconds":60}`, 200)
	filled := call("POST", "/sandbox/contacts"+user, `{"contacts":[{"record":{"kind":"contact","fields":{"name.given":[{"text":"C"}]}},"groups":["VIP"]}]}`, 200)
	if len(filled["ids"].([]any)) != 1 {
		t.Errorf("got %v", filled)
	}
	if n := len(must(w.list().Do())(t).Connections); n != 1 {
		t.Errorf("got %d contacts, want one, and the new one hidden by the lag", n)
	}
	page := call("GET", "/sandbox/contacts"+user+"&limit=1", "", 200)
	if len(page["contacts"].([]any)) != 1 || page["next"] == "" {
		t.Errorf("got page %v", page)
	}
	call("POST", "/sandbox/limits", `{"critical_reads":-1}`, 200)
	call("POST", "/sandbox/service", `{"disabled":true}`, 200)
	if status, _ := w.raw("GET", "/v1/contactGroups", ""); status != 403 {
		t.Errorf("got %d, want 403", status)
	}
	call("POST", "/sandbox/service", `{"disabled":false}`, 200)
	call("POST", "/sandbox/scopes"+user, `{"scopes":["openid"]}`, 200)
	call("POST", "/sandbox/expire-access"+user, "", 200)
	call("POST", "/sandbox/revoke"+user, "", 200)
	call("DELETE", "/sandbox/contacts/"+fresh+user, "", 200)
	call("DELETE", "/sandbox/contacts/"+fresh+user, "", 404)
	if got := call("GET", "/sandbox/calls", "", 200); got["total"] == 0.0 || got["ops"].(map[string]any)["GET /v1/people/me/connections"] != 1.0 {
		t.Errorf("got calls %v", got)
	}
	call("POST", "/sandbox/clock", `{"now":"2027-01-01T00:00:00Z"}`, 200)
	if got := w.clock.Now().Year(); got != 2027 {
		t.Errorf("the clock shows %d", got)
	}
}

func TestCallsAreCountedByOperation(t *testing.T) {
	w := newWorld(t)
	id := w.put(named("A", "x"))[0]
	w.get(id)
	must(w.api.People.UpdateContact(id, forUpdate(w.get(id))).UpdatePersonFields("urls").PersonFields("metadata").Do())(t)
	must(w.api.ContactGroups.Get("contactGroups/starred").Do())(t)
	must(http.Get(w.srv.URL + "/oauth2/v3/certs"))(t).Body.Close()
	want := map[string]int{"GET /v1/people/{id}": 2, "PATCH /v1/people/{id}:updateContact": 1, "GET /v1/contactGroups/{id}": 1}
	if got := w.box.Faults().Calls(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRestartedSandboxHasEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "google.db")
	at := clock.NewVirtual(time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), true)
	var file *sandbox.File
	open := func() *world {
		t.Helper()
		if file != nil {
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
		}
		file = must(sandbox.OpenFile(path))(t)
		w := newWorld(t, func(c *google.Config) { c.Keep, c.Clock = file, at; c.Limits = google.Unlimited() })
		w.clock = at
		return w
	}
	w := open()
	ids := w.put(rich(), named("B", "x"), named("C", "x"))
	g := newGroup(w, "Kept")
	if err := w.box.SetGroups(aiko, ids[1], []string{"Kept"}); err != nil {
		t.Fatal(err)
	}
	early := w.sync()
	rekeyed := must(w.box.Rekey(aiko, ids[1], false))(t)
	sync, token := w.sync(), w.token
	page := must(w.api.People.Connections.List("people/me").PersonFields("names").PageSize(1).Do())(t).NextPageToken
	refresh := w.consentAndExchange(w.app(), w.app().Scopes)
	if err := w.box.SetLag(time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := w.box.Remove(aiko, ids[2]); err != nil {
		t.Fatal(err)
	}
	before, _, err := w.box.Contacts(aiko, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	groups := must(w.box.Groups(aiko))(t)

	w = open()
	after, _, err := w.box.Contacts(aiko, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(after, before) {
		t.Errorf("got %+v, want %+v", after, before)
	}
	if got := must(w.box.Groups(aiko))(t); !reflect.DeepEqual(got, groups) {
		t.Errorf("got groups %v, want %v", got, groups)
	}
	w.token = token
	if status, body := w.raw("GET", "/v1/people/me/connections?personFields=names&pageSize=1&pageToken="+page, ""); status != 200 {
		t.Errorf("the page token answers %d %s", status, body)
	}
	if status, _ := w.form("/token", map[string][]string{"grant_type": {"refresh_token"}, "refresh_token": {refresh.RefreshToken}, "client_id": {"client"}, "client_secret": {"secret"}}); status != 200 {
		t.Errorf("the refresh token answers %d", status)
	}
	if p := must(w.list().SyncToken(early).Do())(t).Connections; len(p) != 1 || !slices.Equal(p[0].Metadata.PreviousResourceNames, ids[1:2]) || w.get(ids[1]).ResourceName != rekeyed {
		t.Error("the former name was forgotten")
	}
	if n := len(must(w.list().SyncToken(sync).Do())(t).Connections); n != 0 {
		t.Errorf("the lag was forgotten: %d changes show", n)
	}
	at.Advance(time.Hour)
	w.signIn(contacts)
	res := must(w.list().SyncToken(sync).Do())(t)
	if len(res.Connections) != 1 || !res.Connections[0].Metadata.Deleted {
		t.Errorf("got %d changes, want the tombstone", len(res.Connections))
	}
	if got := must(w.api.ContactGroups.Get(g.ResourceName).MaxMembers(9).Do())(t); got.MemberCount != 1 {
		t.Errorf("got %d members", got.MemberCount)
	}
}

func TestPageShowsAndEditsContacts(t *testing.T) {
	w := newWorld(t)
	id := w.put(rich())[0]
	status, body := w.raw("GET", "/sandbox/page/list?user="+aiko+"&q=%E7%94%B0%E4%B8%AD", "")
	if status != 200 || !strings.Contains(body, "愛子") || !strings.Contains(body, `lang="en"`) {
		t.Errorf("got %d %s", status, body)
	}
	if status, body = w.raw("GET", "/sandbox/page/edit?user="+aiko+"&id="+id, ""); status != 200 || !strings.Contains(body, "Gold") {
		t.Errorf("got %d without the custom field", status)
	}
}
