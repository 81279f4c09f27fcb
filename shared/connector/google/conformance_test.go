package google_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/connectortest"
	"meibo/shared/connector/google"
	"meibo/shared/oauth"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	googlebox "meibo/shared/sandbox/google"
)

const user = "aiko@example.com"

// bearer authorises as the engine's transport does.
type bearer struct {
	token string
	base  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	google.Provider{}.Authorize(r, oauth.Token{Access: b.token})
	return b.base.RoundTrip(r)
}

// box is a sandbox with one user, and a client that is signed in as that user.
type box struct {
	t      *testing.T
	sb     *googlebox.Sandbox
	url    string
	clock  *clock.Virtual
	client *http.Client
}

func newBox(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper) *box {
	t.Helper()
	clk := clock.NewVirtual(start, true)
	sb, err := googlebox.New(googlebox.Config{
		Clock: clk, Client: sandbox.Client{ID: app.ID, Secret: app.Secret}, RedirectURIs: []string{redirect},
		Lag: 3 * time.Minute, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := sb.AddUser(googlebox.User{Email: user, Name: "Aiko Tanaka", Region: "JP"}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sb)
	t.Cleanup(srv.Close)
	b := &box{t: t, sb: sb, url: srv.URL, clock: clk}
	base := srv.Client().Transport
	if wrap != nil {
		base = wrap(base)
	}
	b.client = &http.Client{Transport: bearer{signIn(t, srv.URL, clk).Access, base}}
	return b
}

func (b *box) connector() *google.Connector {
	b.t.Helper()
	c, err := google.New(context.Background(), google.Config{
		Client: b.client, BaseURL: b.url, UserinfoURL: b.url + "/oauth2/v3/userinfo", Clock: b.clock,
		Limits: google.DefaultLimits(), Patience: 24 * time.Hour, CustomKeys: []string{"Blood type"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// call makes a request of a person's other application.
func (b *box) call(method, path string, body, into any) {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequest(method, b.url+path, bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, got, err)
	}
	if into != nil {
		if err := json.Unmarshal(got, into); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *box) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) put(group string, recs []record.Record) []string {
	b.t.Helper()
	seeds := make([]sandbox.Seed, len(recs))
	for i, r := range recs {
		seeds[i].Record = r
		if group != "" {
			seeds[i].Groups = []string{group}
		}
	}
	filled, err := b.sb.Fill(user, seeds)
	b.must(err)
	return filled.IDs
}

// native is the contact as the API answers it, without what every write changes.
func (b *box) native(id string) map[string]string {
	b.t.Helper()
	c, err := b.sb.Contact(user, id)
	if err != nil {
		return nil
	}
	var members map[string]json.RawMessage
	b.must(json.Unmarshal(c.Native, &members))
	out := map[string]string{}
	for k, v := range members {
		if k != "etag" && k != "metadata" {
			out[k] = string(v)
		}
	}
	return out
}

var nativeOf = map[record.Key]string{
	record.Nickname: "nicknames", record.Email: "emailAddresses", record.Phone: "phoneNumbers", record.Address: "addresses",
	record.IM: "imClients", record.URL: "urls", record.OrgName: "organizations", record.OrgDepartment: "organizations",
	record.OrgTitle: "organizations", record.Birthday: "birthdays", record.Event: "events", record.Relation: "relations", record.Note: "biographies",
}

// rich adds a contact with something in every field that the API can write.
func (b *box) rich() string {
	b.t.Helper()
	person := map[string]any{}
	b.must(json.Unmarshal([]byte(`{
		"names":[{"givenName":"Rich","familyName":"Contact","honorificPrefix":"Dr.","phoneticHonorificPrefix":"doc","phoneticFullName":"rich"}],
		"nicknames":[{"value":"Née","type":"MAIDEN_NAME"},{"value":"Ri"}],
		"emailAddresses":[{"value":"r@example.com","type":"work","displayName":"Rich C."},{"value":"s@example.com","type":"My label","metadata":{"sourcePrimary":true}}],
		"phoneNumbers":[{"value":"03-1234-5678","type":"workMobile"},{"value":"+81 90 1234 5678","type":"googleVoice"}],
		"addresses":[{"streetAddress":"1 Main St","city":"Town","countryCode":"US","type":"home"},{"formattedValue":"just\nlines","type":"Boat"}],
		"organizations":[{"name":"Old Ltd","title":"Clerk","endDate":{"year":2010}},{"name":"New Inc","title":"Boss","current":true,"jobDescription":"d","domain":"new.example","phoneticName":"nyu"}],
		"birthdays":[{"date":{"month":2,"day":29}}],
		"events":[{"date":{"year":2010,"month":5,"day":1},"type":"anniversary"}],
		"biographies":[{"value":"a <b>note</b>","contentType":"TEXT_HTML"}],
		"imClients":[{"username":"rich","protocol":"googleTalk","type":"home"}],
		"urls":[{"value":"https://example.com","type":"homePage"}],
		"relations":[{"person":"Ben","type":"spouse"}],
		"userDefined":[{"key":"Shoe","value":"42"},{"key":"Shoe","value":"43"},{"key":"Blood type","value":"A"}],
		"clientData":[{"key":"other.app","value":"7"}],
		"externalIds":[{"value":"9","type":"customer"}],
		"genders":[{"value":"female","addressMeAs":"she"}],
		"interests":[{"value":"go"}],"locales":[{"value":"ja"}],"locations":[{"value":"desk 4","type":"desk"}],
		"miscKeywords":[{"value":"k","type":"OUTLOOK_USER"}],"occupations":[{"value":"smith"}],
		"sipAddresses":[{"value":"sip:r@example.com","type":"work"}],"calendarUrls":[{"url":"https://example.com/cal","type":"home"}]
	}`), &person))
	var made struct{ ResourceName string }
	b.call("POST", "/v1/people:createContact?personFields=metadata", person, &made)
	b.clock.Advance(time.Minute) // the other application's call counts against the user's quota, of which the connector cannot know
	return made.ResourceName
}

func TestConformance(t *testing.T) {
	throttled := sandbox.Fault{Status: 429, Body: `{"error":{"code":429,"message":"Quota exceeded for quota metric 'Critical read requests' and limit 'Critical read requests per minute per user' of service 'people.googleapis.com' for consumer 'project_number:1'.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com","metadata":{"quota_limit":"CriticalReadsPerMinutePerProjectPerUser"}}]}}`}
	connectortest.Run(t, connectortest.Harness{Open: func(t *testing.T) *connectortest.Account {
		b := newBox(t, nil)
		var group struct{ ResourceName string }
		b.call("POST", "/v1/contactGroups", map[string]any{"contactGroup": map[string]any{"name": "Suite"}}, &group)
		return &connectortest.Account{
			Connector: b.connector(),
			Reopen:    func() connector.Connector { return b.connector() },
			Clock:     b.clock,
			Put:       func(recs ...record.Record) []string { b.t.Helper(); return b.put("", recs) },
			PutIn:     func(_ string, recs ...record.Record) []string { return b.put("Suite", recs) },
			Edit:      func(id string, fields record.Fields) { b.must(b.sb.Edit(user, id, fields)) },
			Remove:    func(id string) { b.must(b.sb.Remove(user, id)) },
			Native:    b.native,
			NativeOf: func(k record.Key) []string {
				if m, ok := nativeOf[k]; ok {
					return []string{m}
				}
				if _, ok := k.CustomName(); ok {
					return []string{"userDefined"}
				}
				return []string{"names"}
			},
			Rich:          b.rich,
			Fault:         b.sb.Faults().Add,
			ClearFaults:   b.sb.Faults().Clear,
			ExpireCursors: func() { b.must(b.sb.ExpireCursors(user)) },
			RevokeAccess:  func() { b.must(b.sb.RevokeUser(user)) },
			ResetCalls:    b.sb.Faults().ResetCalls,
			Calls:         b.sb.Faults().Total,
			Requests: connectortest.Requests{
				List:   sandbox.Fault{Method: "GET", Path: "/connections"},
				Get:    sandbox.Fault{Method: "GET", Path: "people:batchGet"},
				Create: sandbox.Fault{Method: "POST", Path: "people:batchCreateContacts"},
				Update: sandbox.Fault{Method: "POST", Path: "people:batchUpdateContacts"},
				Delete: sandbox.Fault{Method: "POST", Path: "people:batchDeleteContacts"},
			},
			Throttled: throttled,
			EmptyList: sandbox.Fault{Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: `{"nextSyncToken":"x"}`},
			Refused:   record.Fields{record.Note: {{Text: string(bytes.Repeat([]byte("too large "), 20_000))}}},
			Missing:   []string{"people/c9000000000000000001", "people/c9000000000000000002"},
			Group:     group.ResourceName,
		}
	}})
}

// TestEveryRequestIsAsTheDiscoveryDocumentSays makes every call that the connector knows, and holds each request against Google's
// document.
func TestEveryRequestIsAsTheDiscoveryDocumentSays(t *testing.T) {
	var check *checker
	b := newBox(t, func(base http.RoundTripper) http.RoundTripper {
		check = newChecker(t, base)
		return check
	})
	ctx, c := context.Background(), b.connector()
	rich := b.rich()
	ids := append(b.put("", []record.Record{{Kind: record.Contact, Fields: record.Fields{record.NameGiven: text("A")}}, {Kind: record.Contact, Fields: record.Fields{record.NameGiven: text("B")}}}), rich)
	b.must(b.clock.Sleep(ctx, 10*time.Minute))
	p, err := c.Changes(ctx, connector.Scope{}, "")
	b.must(err)
	_, err = c.Changes(ctx, connector.Scope{}, p.Next)
	b.must(err)
	_, err = c.Groups(ctx)
	b.must(err)
	_, err = c.Identify(ctx)
	b.must(err)
	got, err := c.Get(ctx, nil, ids)
	b.must(err)
	everything := record.Fields{}
	d, _ := c.Describe(ctx)
	for _, f := range d.Fields {
		if !f.ReadOnly {
			everything[f.Key] = []record.Value{{Text: "x"}}
		}
	}
	for _, k := range []record.Key{record.Birthday, record.Event} {
		everything[k] = text("2000-01-02")
	}
	everything[record.Address] = []record.Value{{Parts: map[record.Part]string{record.PartCity: "c"}}}
	ws := []connector.Write{{Op: connector.Create, Fields: everything, Mark: "m"}, {Op: connector.Delete, ID: ids[0]}, {Op: connector.Delete, ID: "people/c9000000000000000001"}}
	for i := 1; i < len(ids); i++ {
		fields := everything
		if ids[i] == rich {
			fields = record.Fields{record.NameMiddle: text("only")}
		}
		ws = append(ws, connector.Write{Op: connector.Update, ID: ids[i], Current: &got[i].Item, Fields: fields})
	}
	rs, err := c.Apply(ctx, ws)
	b.must(err)
	for i, r := range rs {
		if r.Err != nil && ws[i].ID != "people/c9000000000000000001" {
			t.Errorf("%s %d: %v", ws[i].Op, i, r.Err)
		}
	}
	for _, path := range []string{"v1/people/{peopleId}/connections", "v1/people:batchGet", "v1/contactGroups", "v1/people:batchCreateContacts", "v1/people:batchUpdateContacts", "v1/people:batchDeleteContacts"} {
		if check.checked[path] == 0 {
			t.Errorf("%s was not called: %v", path, fmt.Sprint(check.checked))
		}
	}
}

func TestARekeyedContactIsFollowed(t *testing.T) {
	for name, forget := range map[string]bool{"while its former name still works": false, "when its former name is forgotten": true} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, nil)
			ctx, c := context.Background(), b.connector()
			id := b.put("", []record.Record{{Kind: record.Contact, Fields: record.Fields{record.NameGiven: text("A")}}})[0]
			b.must(b.clock.Sleep(ctx, 10*time.Minute))
			p, err := c.Changes(ctx, connector.Scope{}, "")
			b.must(err)
			now, err := b.sb.Rekey(user, id, forget)
			b.must(err)
			b.must(b.clock.Sleep(ctx, 10*time.Minute))
			want := connector.Rekey{Old: id, New: now}
			for listing, cursor := range map[string]string{"incremental": p.Next, "full": ""} {
				p, err := c.Changes(ctx, connector.Scope{}, cursor)
				b.must(err)
				if len(p.Rekeyed) != 1 || p.Rekeyed[0] != want || len(p.Deleted) != 0 || len(p.Changed) != 1 || p.Changed[0].ID != now {
					t.Errorf("%s: re-keyed %v, deleted %v, %d changed; want %v", listing, p.Rekeyed, p.Deleted, len(p.Changed), want)
				}
			}
			got, err := c.Get(ctx, nil, []string{now, id})
			b.must(err)
			if got[0].Status != connector.StatusFound {
				t.Fatalf("the new name has status %d", got[0].Status)
			}
			if !forget && (got[1].Status != connector.StatusFound || got[1].Item.ID != now) {
				t.Errorf("the former name has status %d and leads to %q", got[1].Status, got[1].Item.ID)
			}
			rs, err := c.Apply(ctx, []connector.Write{{Op: connector.Update, ID: now, Current: &got[0].Item, Fields: record.Fields{record.NameGiven: text("B")}}})
			if err != nil || rs[0].Err != nil || rs[0].ID != now {
				t.Errorf("the update: %+v, %v", rs, err)
			}
		})
	}
}

func TestPacingKeepsBelowTheSandboxesLimits(t *testing.T) {
	b := newBox(t, nil)
	ctx, c := context.Background(), b.connector()
	began := b.clock.Now()
	const batches = 12
	for i := range batches {
		var ws []connector.Write
		for n := range 200 {
			ws = append(ws, connector.Write{Op: connector.Create, Fields: record.Fields{record.NameGiven: text(fmt.Sprint(i, " ", n))}})
		}
		rs, err := c.Apply(ctx, ws)
		b.must(err)
		for _, r := range rs {
			b.must(r.Err)
		}
	}
	// 30 critical writes a minute are 5 batches.
	if got := b.clock.Now().Sub(began); got < 2*time.Minute || got > 3*time.Minute {
		t.Errorf("%d batches took %s of the clock, want two minutes", batches, got)
	}
}

func TestAFullAddressBookSaysSo(t *testing.T) {
	b := newBox(t, nil)
	b.must(b.sb.SetLimits(googlebox.Limits{Contacts: 1}))
	ctx, c := context.Background(), b.connector()
	w := connector.Write{Op: connector.Create, Fields: record.Fields{record.NameGiven: text("A")}}
	rs, err := c.Apply(ctx, []connector.Write{w})
	b.must(err)
	b.must(rs[0].Err)
	rs, err = c.Apply(ctx, []connector.Write{w})
	b.must(err)
	var full *connector.FullError
	if !errors.As(rs[0].Err, &full) || full.Cure == "" {
		t.Errorf("got %v, want a FullError with a cure", rs[0].Err)
	}
}
