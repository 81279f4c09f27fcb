package google_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/google"
	"meibo/shared/connector/pace"
	"meibo/shared/record"
)

// rich is a contact with much that Meibo does not map, beside what it does.
const rich = `,
"names":[{"metadata":{"primary":true,"source":{"type":"CONTACT","id":"1"}},"displayName":"Dr. Aiko Tanaka","displayNameLastFirst":"Tanaka, Aiko","unstructuredName":"Dr. Aiko Tanaka","familyName":"Tanaka","givenName":"Aiko","honorificPrefix":"Dr.","phoneticHonorificPrefix":"doc"}],
"emailAddresses":[{"metadata":{"primary":true},"value":"a@example.com","type":"work","formattedType":"Work","displayName":"Aiko at work"},{"metadata":{"sourcePrimary":true},"value":"b@example.com","type":"Boat","formattedType":"Boat"},{"metadata":{"source":{"type":"DOMAIN_PROFILE"}},"value":"profile@example.com"}],
"phoneNumbers":[{"value":"03 1234","canonicalForm":"+8131234","type":"homeFax","formattedType":"Home Fax"}],
"addresses":[{"formattedValue":"1 Main St\nTown","streetAddress":"1 Main St","city":"Town","type":"home","formattedType":"Home"},{"formattedValue":"somewhere"}],
"organizations":[{"name":"Old Ltd","title":"Clerk","type":"work"},{"name":"New Inc","title":"Boss","department":"X","jobDescription":"bosses","current":true,"type":"work"}],
"birthdays":[{"date":{"month":2,"day":29},"text":"2/29"}],
"events":[{"date":{"year":2010,"month":5,"day":1},"type":"anniversary"},{"date":{"year":2011,"month":5},"type":"Half"}],
"imClients":[{"username":"aiko","protocol":"skype","type":"home","formattedProtocol":"Skype"}],
"nicknames":[{"value":"Maiden","type":"MAIDEN_NAME"},{"value":"Ai"}],
"biographies":[{"value":"<b>note</b>","contentType":"TEXT_HTML"}],
"userDefined":[{"key":"Shoe","value":"42"},{"key":"Blood type","value":"A"},{"key":"Shoe","value":"43"}],
"memberships":[{"contactGroupMembership":{"contactGroupId":"myContacts","contactGroupResourceName":"contactGroups/myContacts"}}],
"clientData":[{"key":"other","value":"x"},{"key":"meibo","value":"mark-1"}]`

func TestReadsWhatIsTheContactsOwn(t *testing.T) {
	it := read(t, contact("1", rich))
	if it.ID != "people/c1" || it.Version != "#s1" || it.Mark != "mark-1" {
		t.Errorf("id %q, version %q, mark %q", it.ID, it.Version, it.Mark)
	}
	want := record.Fields{
		"name.prefix": text("Dr."), "name.given": text("Aiko"), "name.middle": {}, "name.family": text("Tanaka"), "name.suffix": {},
		"name.phonetic_given": {}, "name.phonetic_middle": {}, "name.phonetic_family": {}, "nickname": text("Ai"),
		"email":   {{Text: "a@example.com", Label: "work"}, {Text: "b@example.com", Label: "Boat"}},
		"phone":   {{Text: "03 1234", Label: "home_fax"}},
		"address": {{Label: "home", Parts: map[record.Part]string{"street": "1 Main St", "city": "Town"}}, {Text: "somewhere"}},
		"im":      {{Text: "aiko", Label: "home", Parts: map[record.Part]string{"service": "skype"}}},
		"url":     {}, "org.name": text("New Inc"), "org.department": text("X"), "org.title": text("Boss"), "birthday": text("--02-29"),
		"event": {{Text: "2010-05-01", Label: "anniversary"}}, "relation": {}, "note": text("<b>note</b>"),
		"custom:Shoe": text("42"), "custom:Blood type": text("A"),
	}
	if !reflect.DeepEqual(it.Record.Fields, want) {
		for k := range want {
			if !reflect.DeepEqual(it.Record.Fields[k], want[k]) {
				t.Errorf("%s: got %+v, want %+v", k, it.Record.Fields[k], want[k])
			}
		}
		for k := range it.Record.Fields {
			if _, ok := want[k]; !ok {
				t.Errorf("%s: got %+v, want it unknown", k, it.Record.Fields[k])
			}
		}
	}
}

func TestABirthdayWithoutADayStaysUnknown(t *testing.T) {
	for _, b := range []string{`{"text":"in spring"}`, `{"date":{"year":1980}}`} {
		it := read(t, contact("1", `,"birthdays":[`+b+`]`))
		if vs, known := it.Record.Fields[record.Birthday]; known {
			t.Errorf("%s: got %v, want unknown", b, vs)
		}
	}
}

// members returns the JSON of the only person of an update, member by member, and checks its etags.
func sent(t *testing.T, body map[string]any, name string) map[string]string {
	t.Helper()
	p, ok := body["contacts"].(map[string]any)[name].(map[string]any)
	if !ok {
		t.Fatalf("%s is not in the call", name)
	}
	n := strings.TrimPrefix(name, "people/c")
	src := p["metadata"].(map[string]any)["sources"].([]any)[0].(map[string]any)
	if p["etag"] != "%p"+n || src["etag"] != "#s"+n || src["type"] != "CONTACT" || src["id"] != hex(n) {
		t.Errorf("etags of %s: %v, %v", name, p["etag"], src)
	}
	out := map[string]string{}
	for k, v := range p {
		if k != "metadata" && k != "etag" && k != "resourceName" {
			b, _ := json.Marshal(v)
			out[k] = string(b)
		}
	}
	return out
}

func updated(people ...string) step {
	var b strings.Builder
	b.WriteString(`{"updateResult":{`)
	for i, p := range people {
		var x struct{ ResourceName string }
		json.Unmarshal([]byte(p), &x)
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(`"` + x.ResourceName + `":{"person":` + p + `,"requestedResourceName":"` + x.ResourceName + `","status":{}}`)
	}
	b.WriteString(`}}`)
	return answer(200, b.String())
}

func TestUpdatesKeepWhatMeiboDoesNotMap(t *testing.T) {
	for name, tc := range map[string]struct {
		fields record.Fields
		want   map[string]string
	}{
		"an e-mail added": {record.Fields{record.Email: {{Text: "a@example.com", Label: "work"}, {Text: "b@example.com", Label: "Boat"}, {Text: "c@example.com"}}},
			map[string]string{"emailAddresses": `[{"displayName":"Aiko at work","type":"work","value":"a@example.com"},{"metadata":{"sourcePrimary":true},"type":"Boat","value":"b@example.com"},{"value":"c@example.com"}]`}},
		"an e-mail relabelled": {record.Fields{record.Email: {{Text: "a@example.com", Label: "home"}}},
			map[string]string{"emailAddresses": `[{"displayName":"Aiko at work","type":"home","value":"a@example.com"}]`}},
		"e-mails in another order, beside a name": {record.Fields{record.NamePrefix: text("Dr."), record.Email: {{Text: "b@example.com", Label: "Boat"}, {Text: "a@example.com", Label: "work"}}},
			map[string]string{"names": `[{"familyName":"Tanaka","givenName":"Aiko","honorificPrefix":"Dr.","phoneticHonorificPrefix":"doc"}]`,
				"emailAddresses": `[{"type":"Boat","value":"b@example.com"},{"displayName":"Aiko at work","type":"work","value":"a@example.com"}]`}},
		"a phone changed": {record.Fields{record.Phone: {{Text: "03 9999", Label: "work_fax"}}},
			map[string]string{"phoneNumbers": `[{"type":"workFax","value":"03 9999"}]`}},
		"a given name": {record.Fields{record.NameGiven: text("Ai")},
			map[string]string{"names": `[{"familyName":"Tanaka","givenName":"Ai","honorificPrefix":"Dr.","phoneticHonorificPrefix":"doc"}]`}},
		"a title": {record.Fields{record.OrgTitle: text("Chief")},
			map[string]string{"organizations": `[{"name":"Old Ltd","title":"Clerk","type":"work"},{"current":true,"department":"X","jobDescription":"bosses","name":"New Inc","title":"Chief","type":"work"}]`}},
		"an address removed": {record.Fields{record.Address: {{Text: "somewhere"}}},
			map[string]string{"addresses": `[{"formattedValue":"somewhere"}]`}},
		"events emptied": {record.Fields{record.Event: {}},
			map[string]string{"events": `[{"date":{"month":5,"year":2011},"type":"Half"}]`}},
		"the nickname emptied": {record.Fields{record.Nickname: {}},
			map[string]string{"nicknames": `[{"type":"MAIDEN_NAME","value":"Maiden"}]`}},
		"a custom field": {record.Fields{record.Custom("Shoe"): text("44"), record.Custom("Blood type"): {}},
			map[string]string{"userDefined": `[{"key":"Shoe","value":"44"},{"key":"Shoe","value":"43"}]`}},
		"birthday and note": {record.Fields{record.Birthday: text("1980-02-29"), record.Note: {}},
			map[string]string{"birthdays": `[{"date":{"day":29,"month":2,"year":1980}}]`}},
	} {
		t.Run(name, func(t *testing.T) {
			it := read(t, contact("1", rich))
			c := script(t, func(t *testing.T, w http.ResponseWriter, r *http.Request, body map[string]any) {
				if r.URL.Path != "/v1/people:batchUpdateContacts" {
					t.Errorf("path %s", r.URL.Path)
				}
				if got := sent(t, body, "people/c1"); !reflect.DeepEqual(got, tc.want) {
					t.Errorf("got  %v\nwant %v", got, tc.want)
				}
				updated(contact("1", ""))(t, w, r, body)
			})
			rs, err := c.Apply(context.Background(), []connector.Write{{Op: connector.Update, ID: it.ID, Current: &it, Fields: tc.fields}})
			if err != nil || rs[0].Err != nil {
				t.Errorf("%v, %v", err, rs)
			}
		})
	}
}

func TestABatchSendsTheUnionOfItsMasksWhole(t *testing.T) {
	a, b := read(t, contact("1", strings.Replace(rich, `"phoneNumbers":[`, `"phoneNumbers":[{"metadata":{"source":{"type":"PROFILE"}},"value":"profile's"},`, 1))), read(t, contact("2", `,"names":[{"givenName":"Ben"}],"phoneNumbers":[{"value":"1"}]`))
	c := script(t, func(t *testing.T, w http.ResponseWriter, r *http.Request, body map[string]any) {
		if body["updateMask"] != "names,phoneNumbers" {
			t.Errorf("mask %v", body["updateMask"])
		}
		if got := sent(t, body, "people/c1"); got["phoneNumbers"] != `[{"type":"homeFax","value":"03 1234"}]` || !strings.Contains(got["names"], `"Ai"`) {
			t.Errorf("the first sends %v", got)
		}
		if got := sent(t, body, "people/c2"); got["names"] != `[{"givenName":"Ben"}]` || got["phoneNumbers"] != "" {
			t.Errorf("the second sends %v", got)
		}
		updated(contact("1", ""), contact("2", ""))(t, w, r, body)
	})
	rs, err := c.Apply(context.Background(), []connector.Write{
		{Op: connector.Update, ID: a.ID, Current: &a, Fields: record.Fields{record.NameGiven: text("Ai")}},
		{Op: connector.Update, ID: b.ID, Current: &b, Fields: record.Fields{record.Phone: {}}},
	})
	if err != nil || rs[0].Err != nil || rs[1].Err != nil || rs[1].Version != "#s2" || rs[1].Item == nil {
		t.Errorf("%+v, %v", rs, err)
	}
}

const staleText = `Request person.etag is different than the current person.etag. Clear local cache and get the latest person.`

func refusedBatch(entries string) step {
	return answer(400, `{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.people.v1.BatchUpdateContactsErrorDetails","contactErrors":{`+entries+`}}]}}`)
}

func ids(body map[string]any) []string {
	var ns []string
	for _, n := range []string{"people/c1", "people/c2", "people/c3", "people/c4"} {
		if _, ok := body["contacts"].(map[string]any)[n]; ok {
			ns = append(ns, strings.TrimPrefix(n, "people/c"))
		}
	}
	return ns
}

// expect answers an update of exactly these contacts.
func expect(want string, s step) step {
	return func(t *testing.T, w http.ResponseWriter, r *http.Request, body map[string]any) {
		if got := strings.Join(ids(body), ""); got != want {
			t.Errorf("the call updates %s, want %s", got, want)
		}
		s(t, w, r, body)
	}
}

func updates(t *testing.T, fields record.Fields, ns ...string) []connector.Write {
	var ws []connector.Write
	for _, n := range ns {
		it := read(t, contact(n, rich))
		ws = append(ws, connector.Write{Op: connector.Update, ID: it.ID, Current: &it, Fields: fields})
	}
	return ws
}

func okPeople(ns ...string) step {
	var ps []string
	for _, n := range ns {
		ps = append(ps, contact(n, ""))
	}
	return updated(ps...)
}

func got(ns ...string) step {
	var rs []string
	for _, n := range ns {
		rs = append(rs, `{"requestedResourceName":"people/c`+n+`","person":`+contact(n, rich)+`}`)
	}
	return answer(200, `{"responses":[`+strings.Join(rs, ",")+`]}`)
}

func TestNamedEntriesAreTakenOutAndTheRestGoes(t *testing.T) {
	c := script(t,
		expect("123", refusedBatch(`"people/c2":{"code":3,"message":"Invalid phone_numbers value: \"secret 123\""}`)),
		expect("13", okPeople("1", "3")),
		expect("2", answer(400, `{"error":{"code":400,"message":"Invalid phone_numbers value: secret 123","status":"INVALID_ARGUMENT"}}`)))
	rs, err := c.Apply(context.Background(), updates(t, record.Fields{record.Phone: {{Text: "secret 123"}}}, "1", "2", "3"))
	if err != nil || rs[0].Err != nil || rs[2].Err != nil {
		t.Fatalf("%+v, %v", rs, err)
	}
	var inv *connector.InvalidError
	if !errors.As(rs[1].Err, &inv) || inv.Field != "phone" || strings.Contains(rs[1].Err.Error(), "secret") {
		t.Errorf("got %v, want an InvalidError of phone without the value", rs[1].Err)
	}
}

func TestARefusalNeverTellsAValue(t *testing.T) {
	for name, tc := range map[string]struct{ message, want string }{
		"quoted":         {`Bad mailbox \"secretbox\"`, "Bad mailbox"},
		"after a colon":  {`Bad mailbox: secretbox`, "Bad mailbox"},
		"in the open":    {`Bad mailbox SecretBox`, ""},
		"another value":  {`The town Tokyo is not there`, ""},
		"harmless words": {`Request contains an invalid argument.`, "Request contains an invalid argument."},
	} {
		t.Run(name, func(t *testing.T) {
			c := script(t, answer(400, `{"error":{"code":400,"message":"`+tc.message+`","status":"INVALID_ARGUMENT"}}`))
			rs, err := c.Apply(context.Background(), []connector.Write{{Op: connector.Create, Fields: record.Fields{
				record.Email: {{Text: "secretbox"}}, record.Address: {{Parts: map[record.Part]string{record.PartCity: "Tokyo"}}},
			}}})
			var inv *connector.InvalidError
			if err != nil || !errors.As(rs[0].Err, &inv) {
				t.Fatalf("got %v %v, want an InvalidError", rs, err)
			}
			text := strings.ToLower(inv.Error())
			if strings.Contains(text, "secretbox") || strings.Contains(text, "tokyo") {
				t.Errorf("the error tells a value: %v", inv)
			}
			if tc.want != "" && inv.Reason != tc.want {
				t.Errorf("got reason %q, want %q", inv.Reason, tc.want)
			}
		})
	}
}

func TestABatchThatIsRefusedWithoutNamesIsSplit(t *testing.T) {
	refuse := answer(400, `{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}`)
	c := script(t, expect("1234", refuse), expect("12", okPeople("1", "2")), expect("34", refuse), expect("3", refuse), expect("4", okPeople("4")))
	rs, err := c.Apply(context.Background(), updates(t, record.Fields{record.NameGiven: text("x")}, "1", "2", "3", "4"))
	var inv *connector.InvalidError
	if err != nil || rs[0].Err != nil || rs[1].Err != nil || !errors.As(rs[2].Err, &inv) || rs[3].Err != nil {
		t.Errorf("%+v, %v", rs, err)
	}
}

func TestAStaleEtagIsRenewedOnceWhenTheContactIsUnchanged(t *testing.T) {
	fields := record.Fields{record.NameGiven: text("x")}
	stale := refusedBatch(`"people/c1":{"code":9,"message":"` + staleText + `"}`)
	t.Run("and then goes through", func(t *testing.T) {
		c := script(t, expect("12", stale), expect("2", okPeople("2")), got("1"), expect("1", okPeople("1")))
		rs, err := c.Apply(context.Background(), updates(t, fields, "1", "2"))
		if err != nil || rs[0].Err != nil || rs[1].Err != nil {
			t.Errorf("%+v, %v", rs, err)
		}
	})
	t.Run("but not twice", func(t *testing.T) {
		c := script(t, stale, got("1"), stale)
		rs, _ := c.Apply(context.Background(), updates(t, fields, "1"))
		if !errors.Is(rs[0].Err, connector.ErrVersionConflict) {
			t.Errorf("got %v, want ErrVersionConflict", rs[0].Err)
		}
	})
	t.Run("and not when it changed", func(t *testing.T) {
		changed := strings.ReplaceAll(contact("1", rich), `"#s1"`, `"#new"`)
		c := script(t, stale, answer(200, `{"responses":[{"requestedResourceName":"people/c1","person":`+changed+`}]}`))
		rs, _ := c.Apply(context.Background(), updates(t, fields, "1"))
		if !errors.Is(rs[0].Err, connector.ErrVersionConflict) {
			t.Errorf("got %v, want ErrVersionConflict", rs[0].Err)
		}
	})
	t.Run("nor when it is gone", func(t *testing.T) {
		c := script(t, answer(400, `{"error":{"code":400,"message":"`+staleText+`","status":"FAILED_PRECONDITION"}}`),
			answer(200, `{"responses":[{"requestedResourceName":"people/c1","status":{"code":5,"message":"Requested entity was not found."}}]}`))
		rs, _ := c.Apply(context.Background(), updates(t, fields, "1"))
		if !errors.Is(rs[0].Err, connector.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", rs[0].Err)
		}
	})
}

func TestCreatesCarryMarkAndGroupsAndAreToldApart(t *testing.T) {
	person := func(n, mark string) string {
		return `{"httpStatusCode":200,"status":{},"requestedResourceName":"people/c` + n + `","person":` + contact(n, `,"clientData":[{"key":"meibo","value":"`+mark+`"}]`) + `}`
	}
	c := script(t, func(t *testing.T, w http.ResponseWriter, r *http.Request, body map[string]any) {
		b, _ := json.Marshal(body["contacts"].([]any)[1])
		want := `{"contactPerson":{"clientData":[{"key":"meibo","value":"m2"}],"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/myContacts"}},{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/g"}}],"names":[{"givenName":"B"}]}}`
		if string(b) != want {
			t.Errorf("got  %s\nwant %s", b, want)
		}
		answer(200, `{"createdPeople":[`+person("12", "m2")+`,`+person("11", "m1")+`]}`)(t, w, r, body)
	})
	rs, err := c.Apply(context.Background(), []connector.Write{
		{Op: connector.Create, Fields: record.Fields{record.NameGiven: text("A")}, Mark: "m1"},
		{Op: connector.Create, Fields: record.Fields{record.NameGiven: text("B")}, Mark: "m2", Groups: []string{"contactGroups/g", "contactGroups/myContacts"}},
	})
	if err != nil || rs[0].ID != "people/c11" || rs[1].ID != "people/c12" || rs[1].Item.Mark != "m2" {
		t.Errorf("%+v, %v", rs, err)
	}
}

func TestAFullAccountStillUpdates(t *testing.T) {
	c := script(t, answer(400, `{"error":{"code":400,"message":"MY_CONTACTS_OVERFLOW_COUNT","status":"FAILED_PRECONDITION"}}`), expect("1", okPeople("1")))
	ws := append(updates(t, record.Fields{record.NameGiven: text("x")}, "1"), connector.Write{Op: connector.Create, Fields: record.Fields{record.NameGiven: text("A")}})
	rs, err := c.Apply(context.Background(), ws)
	var full *connector.FullError
	if err != nil || rs[0].Err != nil || !errors.As(rs[1].Err, &full) {
		t.Errorf("%+v, %v", rs, err)
	}
}

func TestWhatCutOffWritesLeaveBehind(t *testing.T) {
	w := connector.Write{Op: connector.Create, Fields: record.Fields{record.NameGiven: text("A")}}
	for name, s := range map[string]step{
		"cut": cut, "500": answer(500, ``), "503 with a body": answer(503, `{"error":{"code":503,"status":"UNAVAILABLE"}}`), "HTML": answer(200, `<html>`),
		"an HTML 400": answer(400, `<html>`), "an empty answer": answer(200, `{}`), "too few": answer(200, `{"createdPeople":[]}`),
	} {
		t.Run(name, func(t *testing.T) {
			rs, err := script(t, s).Apply(context.Background(), []connector.Write{w, {Op: connector.Delete, ID: "people/c9"}}[:1])
			if err != nil || !errors.Is(rs[0].Err, connector.ErrOutcomeUnknown) {
				t.Errorf("got %v %v, want ErrOutcomeUnknown", rs, err)
			}
		})
	}
	t.Run("later writes are not sent and known not to be", func(t *testing.T) {
		rs, err := script(t, cut).Apply(context.Background(), []connector.Write{w, {Op: connector.Delete, ID: "people/c9"}})
		if err != nil || !errors.Is(rs[0].Err, connector.ErrOutcomeUnknown) || !errors.Is(rs[1].Err, connector.ErrTransient) {
			t.Errorf("got %v %v", rs, err)
		}
	})
	t.Run("no connection is transient", func(t *testing.T) {
		c, err := google.New(context.Background(), google.Config{Client: http.DefaultClient, BaseURL: "http://127.0.0.1:1", Clock: clock.Real{}})
		if err != nil {
			t.Fatal(err)
		}
		rs, err := c.Apply(context.Background(), []connector.Write{w})
		if err != nil || !errors.Is(rs[0].Err, connector.ErrTransient) {
			t.Errorf("got %v %v, want ErrTransient", rs, err)
		}
	})
}

func TestNothingIsSentBeyondTheQuota(t *testing.T) {
	c, err := google.New(context.Background(), google.Config{
		Client: http.DefaultClient, BaseURL: "http://127.0.0.1:1", Clock: clock.NewVirtual(start, true),
		Limits: []pace.Limit{{Name: "critical_write", Units: 6, Per: time.Minute}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := []connector.Write{{Op: connector.Create, Fields: record.Fields{record.NameGiven: text("A")}}}
	c.Apply(context.Background(), w)
	var th *connector.ThrottledError
	if _, err := c.Apply(context.Background(), w); !errors.As(err, &th) || th.After != time.Minute {
		t.Errorf("got %v, want to be told to wait a minute", err)
	}
}

func TestDeletes(t *testing.T) {
	del := func(ns ...string) (ws []connector.Write) {
		for _, n := range ns {
			ws = append(ws, connector.Write{Op: connector.Delete, ID: "people/c" + n})
		}
		return ws
	}
	names := func(want string, s step) step {
		return func(t *testing.T, w http.ResponseWriter, r *http.Request, body map[string]any) {
			var got []string
			for _, n := range body["resourceNames"].([]any) {
				got = append(got, strings.TrimPrefix(n.(string), "people/c"))
			}
			if strings.Join(got, "") != want {
				t.Errorf("the call deletes %v, want %s", got, want)
			}
			s(t, w, r, body)
		}
	}
	missing := answer(404, `{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}`)
	found := answer(200, `{"responses":[{"requestedResourceName":"people/c1","person":`+contact("1", "")+`},{"requestedResourceName":"people/c2","status":{"code":5}},{"requestedResourceName":"people/c3","person":`+contact("3", "")+`}]}`)
	t.Run("go in one call", func(t *testing.T) {
		rs, err := script(t, names("12", answer(200, `{}`))).Apply(context.Background(), del("1", "2"))
		if err != nil || rs[0].Err != nil || rs[1].Err != nil {
			t.Errorf("%+v, %v", rs, err)
		}
	})
	t.Run("leave out what is gone", func(t *testing.T) {
		rs, err := script(t, names("123", missing), found, names("13", answer(200, `{}`))).Apply(context.Background(), del("1", "2", "3"))
		if err != nil || rs[0].Err != nil || !errors.Is(rs[1].Err, connector.ErrNotFound) || rs[2].Err != nil {
			t.Errorf("%+v, %v", rs, err)
		}
	})
	t.Run("go singly when that does not help", func(t *testing.T) {
		rs, err := script(t, missing, found, missing, answer(200, `{}`), missing).Apply(context.Background(), del("1", "2", "3"))
		if err != nil || rs[0].Err != nil || !errors.Is(rs[1].Err, connector.ErrNotFound) || !errors.Is(rs[2].Err, connector.ErrNotFound) {
			t.Errorf("%+v, %v", rs, err)
		}
	})
}

func TestLocallyRefusedWritesAreNotSent(t *testing.T) {
	it := read(t, contact("1", rich))
	rs, err := script(t).Apply(context.Background(), []connector.Write{
		{Op: connector.Create, Fields: record.Fields{record.Birthday: text("yesterday")}},
		{Op: connector.Update, ID: it.ID, Current: &it, Fields: record.Fields{record.Photo: text("x")}},
		{Op: connector.Update, ID: it.ID, Fields: record.Fields{record.NameGiven: text("x")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"birthday", "photo", ""} {
		var inv *connector.InvalidError
		if want == "" && rs[i].Err == nil || want != "" && (!errors.As(rs[i].Err, &inv) || inv.Field != want) {
			t.Errorf("write %d: got %v, want %q refused", i, rs[i].Err, want)
		}
	}
}
