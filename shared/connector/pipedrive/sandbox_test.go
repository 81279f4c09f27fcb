package pipedrive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/connectortest"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/oauth"
	"meibo/shared/people"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	box "meibo/shared/sandbox/pipedrive"
)

const (
	mira       = "mira.holt@ecospin.example"
	tarmo      = "tarmo.kask@ecospin.example"
	consentURL = "https://meibo.example/consent/pipedrive"
)

// account is one user's account at a sandbox of its own.
type account struct {
	t        *testing.T
	box      *box.Sandbox
	clock    *clock.Virtual
	url      string
	provider pipedrive.Provider
	token    oauth.Token
	client   *http.Client
	*pipedrive.Connector
}

// authorised sets the account's token on each request.
type authorised struct {
	a    *account
	base http.RoundTripper
}

func (x authorised) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	x.a.provider.Authorize(r, x.a.token)
	return x.base.RoundTrip(r)
}

// over opens an account of user; requests pass through wrap on their way.
func over(t *testing.T, cfg box.Config, user box.User, wrap func(http.RoundTripper) http.RoundTripper) *account {
	t.Helper()
	a := &account{t: t, clock: clock.NewVirtual(start, true)}
	cfg.Clock, cfg.Client, cfg.RedirectURIs, cfg.Seed = a.clock, sandbox.Client{ID: "client", Secret: "s3cret"}, []string{consentURL}, 7
	var err error
	a.box, err = box.New(cfg)
	a.must(err)
	user.Email, user.Name = mira, "Mira Holt"
	a.must(a.box.AddUser(user))
	srv := httptest.NewServer(a.box)
	t.Cleanup(func() {
		a.box.Close()
		srv.Close()
	})
	a.url = srv.URL
	a.provider = pipedrive.Provider{Endpoints: pipedrive.Endpoints{Auth: srv.URL}, Clock: a.clock}
	base := srv.Client().Transport
	if wrap != nil {
		base = wrap(base)
	}
	a.token = a.consent(&http.Client{Transport: base})
	a.client = &http.Client{Transport: authorised{a, base}}
	a.Connector = a.open()
	a.box.Faults().ResetCalls()
	return a
}

// consent goes through the consent page as a person does.
func (a *account) consent(hc *http.Client) oauth.Token {
	a.t.Helper()
	page := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	to := a.provider.AuthCodeURL(client, oauth.AuthRequest{RedirectURI: consentURL, State: "st"})
	resp, err := page.PostForm(to, url.Values{"user": {mira}, "scope": box.AppScopes(), "decision": {"allow"}})
	a.must(err)
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		a.t.Fatalf("consent: status %d: %v", resp.StatusCode, err)
	}
	tok, err := a.provider.Exchange(context.Background(), hc, client, oauth.Return{Query: back.Query(), RedirectURI: consentURL, Verifier: ""})
	if err != nil {
		a.t.Fatalf("Exchange: %v", err)
	}
	return tok
}

func (a *account) open() *pipedrive.Connector {
	c, err := pipedrive.New(pipedrive.Config{Client: a.client, APIDomain: a.token.Extra[pipedrive.ExtraAPIDomain], Clock: a.clock, Patience: time.Minute, Limits: pipedrive.DefaultLimits()})
	a.must(err)
	return c
}

func (a *account) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *account) putIn(group string, recs ...record.Record) []string {
	a.t.Helper()
	return connectortest.PutIn(a.t, a.box, mira, group, recs...)
}

// native is what the sandbox holds of a person, member by member, without what every write changes.
func (a *account) native(id string) map[string]string {
	a.t.Helper()
	m, ok := connectortest.Native[map[string]json.RawMessage](a.t, a.box, mira, id)
	if !ok {
		return nil
	}
	var custom map[string]json.RawMessage
	a.must(json.Unmarshal(m["custom_fields"], &custom))
	delete(m, "custom_fields")
	delete(m, "update_time")
	for k, v := range custom {
		m[k] = v
	}
	out := map[string]string{}
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}

// nativeOf says which members a write of a field may change.
func nativeOf(k record.Key) []string {
	if code, ok := k.CustomName(); ok {
		return []string{code}
	}
	name := []string{"name", "first_name", "last_name"}
	return map[record.Key][]string{
		record.NameGiven: name, record.NameFamily: name, record.Email: {"emails"}, record.Phone: {"phones"}, record.OrgName: {"org_id"},
		record.Address: {"postal_address"}, record.IM: {"im"}, record.Note: {"notes"}, record.Birthday: {"birthday"}, record.OrgTitle: {"job_title"},
	}[k]
}

// rich adds a person who has all that the vendor can hold.
func (a *account) rich() string {
	a.t.Helper()
	id := a.putIn("重要顧客", record.Record{Kind: record.Contact, Fields: record.Fields{
		record.NameGiven: text("Mary Ann"), record.NameFamily: text("van der Berg"), record.OrgName: text("北野精機"), record.OrgTitle: text("部長"),
		record.Email: {{Text: "h@example.co.jp", Label: "work", Primary: true}, {Text: "h2@example.co.jp", Label: "自宅"}},
		record.Phone: {{Text: "03-5555-0142", Label: "work"}, {Text: "090-5555-0187", Label: "mobile"}, {Text: "03-1", Label: "other"}},
		record.IM:    {{Text: "haruto.k", Parts: map[record.Part]string{record.PartService: "skype"}}},
		record.Address: {{Parts: map[record.Part]string{record.PartStreet: "丸の内2-4-1", record.PartExtended: "3F", record.PartCity: "千代田区", record.PartRegion: "東京都",
			record.PartPostal: "100-0005", record.PartCountry: "日本"}}},
		record.Note: text("一行目\n二行目"), record.Birthday: text("1980-02-29"),
	}})[0]
	a.must(a.box.SetVisible(mira, id, 1))
	return id
}

// customFields are made for every account of the suite, one of each type that is synced.
var customFields = []struct {
	name, kind string
	options    []string
}{
	{"Yomi", "varchar", nil}, {"Memo", "text", nil}, {"Extra phone", "phone", nil}, {"Since", "date", nil}, {"Rank", "enum", []string{"A", "B"}},
	{"Score", "double", nil}, {"Shop", "address", nil}, {"Word", "varchar_auto", nil},
}

func harness() connectortest.Harness {
	persons := func(method string) sandbox.Fault { return sandbox.Fault{Method: method, Path: "/api/v2/persons"} }
	return connectortest.Harness{
		Open: func(t *testing.T) *connectortest.Account {
			a := over(t, box.Config{Limits: box.Unlimited()}, box.User{ContactSync: true}, nil)
			for _, f := range customFields {
				_, err := a.box.AddField(mira, f.name, f.kind, f.options...)
				a.must(err)
			}
			group, err := a.box.AddGroup(mira, "重要顧客")
			a.must(err)
			return &connectortest.Account{
				Connector:     a.Connector,
				Reopen:        func() connector.Connector { return a.open() },
				Clock:         a.clock,
				Put:           func(recs ...record.Record) []string { return a.putIn("", recs...) },
				Edit:          func(id string, f record.Fields) { a.must(a.box.Edit(mira, id, f)) },
				Remove:        func(id string) { a.must(a.box.Remove(mira, id)) },
				Native:        a.native,
				NativeOf:      nativeOf,
				Rich:          a.rich,
				Fault:         func(f sandbox.Fault) { a.box.Faults().Add(f) },
				ClearFaults:   func() { a.box.Faults().Clear() },
				ExpireCursors: func() { a.must(a.box.ExpireCursors(mira)) },
				RevokeAccess: func() {
					a.must(a.box.RevokeUser(mira))
					a.must(a.box.ExpireAccess(mira))
				},
				ResetCalls: func() { a.box.Faults().ResetCalls() },
				Calls:      func() int { return a.box.Faults().Total() },
				Requests: connectortest.Requests{List: persons(http.MethodGet), Get: persons(http.MethodGet),
					Create: persons(http.MethodPost), Update: persons(http.MethodPatch), Delete: persons(http.MethodDelete)},
				Throttled: sandbox.Fault{Status: 429, Body: `{"success":false,"error":"Request over limit","errorCode":429}`},
				EmptyList: sandbox.Fault{Status: 200, Body: `{"success":true,"data":[],"additional_data":{"next_cursor":null}}`},
				Refused:   record.Fields{record.Birthday: text("2001-02-30")},
				Missing:   []string{"99999901", "99999902"},
				Group:     group,
				PutIn:     func(_ string, recs ...record.Record) []string { return a.putIn("重要顧客", recs...) },
			}
		},
		Exceptions: map[string]string{
			"listing/a person's create, edit and delete each appear once":         "no listing of Pipedrive's tells deletions; see TestOnTheSandbox for what does",
			"faults/an expired cursor says so and a full listing follows":         "a cursor between two listings holds a time, which does not expire; for those between pages see TestChangeListing",
			"write/a full batch costs no more than three calls":                   "Pipedrive takes each write in a call of its own",
			"faults/after an unknown outcome nothing of the batch is called done": "each write is a call of its own, so what is known of one does not depend on the others",
		},
	}
}

func TestConformance(t *testing.T) { connectortest.Run(t, harness()) }

func ownPerson(n int) record.Record {
	return record.Record{Kind: record.Contact, Fields: record.Fields{record.NameGiven: text(fmt.Sprint("Given", n)), record.NameFamily: text(fmt.Sprint("Family", n))}}
}

func listing(t *testing.T, c *pipedrive.Connector, scope connector.Scope, cursor string) (items map[string]connector.Membership, deleted []string, next string) {
	t.Helper()
	items = map[string]connector.Membership{}
	for {
		p := page(t, c, scope, cursor)
		for _, it := range p.Changed {
			items[it.ID] = it.Scope
		}
		for _, d := range p.Deleted {
			deleted = append(deleted, d.ID)
		}
		if cursor = p.Next; !p.More {
			return items, deleted, cursor
		}
	}
}

func TestOnTheSandbox(t *testing.T) {
	a := over(t, box.Config{}, box.User{ContactSync: true, Plan: "premium"}, nil)
	a.must(a.box.AddUser(box.User{Email: tarmo, Name: "Tarmo Kask"}))
	ids := a.putIn("", ownPerson(1), ownPerson(2), ownPerson(3))
	scope := connector.Scope{Owned: true}
	_, _, cursor := listing(t, a.Connector, scope, "")
	a.clock.Advance(time.Minute)
	t.Run("a deletion is told by the scan of ids, and proven by a read", func(t *testing.T) {
		a.must(a.box.Remove(mira, ids[0]))
		if _, deleted, _ := listing(t, a.Connector, scope, cursor); len(deleted) != 0 {
			t.Errorf("the listing tells %v", deleted)
		}
		got, next, err := a.Members(t.Context(), scope, "")
		if err != nil || next != "" || !slices.Equal(got, ids[1:]) {
			t.Errorf("the scan names %v %q %v", got, next, err)
		}
		for _, hidden := range []bool{false, true} {
			a.must(a.box.SetQuirks(box.Quirks{HideDeleted: hidden}))
			read, err := a.Get(t.Context(), nil, ids[:2])
			if err != nil || read[0].Status != connector.StatusGone || read[1].Status != connector.StatusFound {
				t.Errorf("hidden %v: %+v, %v", hidden, read, err)
			}
		}
	})
	t.Run("a person given away leaves the scope", func(t *testing.T) {
		a.must(a.box.SetOwner(mira, ids[1], tarmo))
		items, _, next := listing(t, a.Connector, scope, cursor)
		if items[ids[1]] != connector.OutOfScope {
			t.Errorf("got %v", items)
		}
		cursor = next
	})
	t.Run("the plan's visibilities are offered, and kept", func(t *testing.T) {
		d, err := a.Describe(t.Context())
		a.must(err)
		if len(d.Options[0].Choices) != 5 {
			t.Errorf("offered %+v", d.Options[0].Choices)
		}
		w := create(record.Fields{record.NameGiven: text("New"), record.OrgName: text("New firm")})
		w.Options = map[string]string{pipedrive.OptionVisibility: "everyone"}
		r := one(t, a.Connector, w)
		a.must(r.Err)
		if v := a.native(r.ID)["visible_to"]; v != "7" {
			t.Errorf("visible_to %s", v)
		}
	})
	t.Run("an organization made a moment ago is found although the search lags", func(t *testing.T) {
		a.box.SetLag(time.Hour)
		for range 2 {
			fresh := a.open() // as after a crash
			r := one(t, fresh, create(record.Fields{record.NameGiven: text("A"), record.OrgName: text("Lagging Ltd")}))
			a.must(r.Err)
		}
		if n := a.box.Faults().Calls()["POST /api/v2/organizations"]; n != 2 { // New firm and Lagging Ltd
			t.Errorf("%d organizations were made, want 2", n)
		}
	})
	t.Run("a picture is stored and its tag changes", func(t *testing.T) {
		before, err := a.Get(t.Context(), nil, ids[2:])
		a.must(err)
		a.must(a.SetPhoto(t.Context(), ids[2], connector.Photo{Data: square(t), Type: "image/png"}))
		after, err := a.Get(t.Context(), nil, ids[2:])
		a.must(err)
		if tag := after[0].Item.Record.Fields.First(record.Photo); tag == "" || before[0].Item.Version == after[0].Item.Version {
			t.Errorf("tag %q, version %s", tag, after[0].Item.Version)
		}
		got, err := a.Photos(t.Context(), ids[1:])
		if err != nil || got[0] != nil || got[1] == nil || len(got[1].Data) == 0 {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("who may not add people is told which right it takes", func(t *testing.T) {
		a.must(a.box.SetPermission(mira, "add_people", false))
		var no *connector.ForbiddenError
		if r := one(t, a.Connector, create(record.Fields{record.NameGiven: text("B")})); !errors.As(r.Err, &no) || no.What != "add people" {
			t.Errorf("got %v", r.Err)
		}
	})
	t.Run("a spent budget waits and is shown", func(t *testing.T) {
		_, left, err := a.box.Budget(mira)
		a.must(err)
		a.must(a.box.Spend(mira, left))
		_, err = a.Changes(t.Context(), scope, cursor)
		var th *connector.ThrottledError
		if !errors.As(err, &th) || th.After < time.Hour {
			t.Errorf("got %v", err)
		}
		if b, ok := a.Budget(); !ok || b.Remaining != 0 || b.Limit == 0 {
			t.Errorf("budget %+v %v", b, ok)
		}
		a.clock.Advance(15 * time.Hour)
		a.token, err = a.provider.Refresh(t.Context(), http.DefaultClient, client, a.token)
		a.must(err)
		if _, err := a.Changes(t.Context(), scope, cursor); err != nil {
			t.Errorf("the next day: %v", err)
		}
	})
}

func TestNamesAndEmployersOfManyComeBack(t *testing.T) {
	a := over(t, box.Config{Limits: box.Unlimited()}, box.User{}, nil)
	keys := []record.Key{record.NameGiven, record.NameFamily, record.OrgName, record.Email}
	var ws []connector.Write
	for _, p := range people.Generate(3, 400) {
		f := record.Fields{}
		for _, k := range keys {
			f[k] = p.Fields[k]
		}
		ws = append(ws, create(f))
	}
	for some := range slices.Chunk(ws, 20) {
		rs, err := a.Apply(t.Context(), some)
		a.must(err)
		ids := make([]string, len(rs))
		for i, r := range rs {
			a.must(r.Err)
			ids[i] = r.ID
		}
		got, err := a.Get(t.Context(), nil, ids)
		a.must(err)
		for i, g := range got {
			for _, k := range keys {
				if !slices.EqualFunc(g.Item.Record.Fields[k], some[i].Fields[k], sameValue) {
					t.Errorf("%s: got %+v, want %+v", k, g.Item.Record.Fields[k], some[i].Fields[k])
				}
			}
		}
	}
}

func TestSetUpWithoutContactSync(t *testing.T) {
	a := over(t, box.Config{}, box.User{}, nil)
	keys := []record.Key{record.IM, record.Address, record.Note, record.Birthday, record.OrgTitle}
	for _, k := range keys {
		if f, err := a.MakeField(t.Context(), record.Field{Key: k}); err != nil || f.Key != k {
			t.Fatalf("%s: %+v, %v", k, f, err)
		}
	}
	fields := record.Fields{
		record.NameGiven: text("Jon"), record.OrgTitle: text("Lead"), record.Birthday: text("1984-06-02"), record.Note: text("one\ntwo"),
		record.IM:      {{Text: "jon", Parts: map[record.Part]string{record.PartService: "skype"}}, {Text: "jon2"}},
		record.Address: {{Parts: map[record.Part]string{record.PartStreet: "Pikk 12", record.PartCity: "Tallinn"}}},
	}
	r := one(t, a.Connector, create(fields))
	a.must(r.Err)
	got, err := a.open().Get(t.Context(), nil, []string{r.ID}) // another process finds the fields by their names
	a.must(err)
	for _, k := range keys {
		if !slices.EqualFunc(got[0].Item.Record.Fields[k], fields[k], sameValue) {
			t.Errorf("%s: got %+v, want %+v", k, got[0].Item.Record.Fields[k], fields[k])
		}
	}
}

func sameValue(a, b record.Value) bool {
	return a.Text == b.Text && fmt.Sprint(a.Parts) == fmt.Sprint(b.Parts)
}

func TestWebhookOnTheSandbox(t *testing.T) {
	deliveries := make(chan connector.Delivery, 16)
	hooks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 64<<10)
		n := 0
		for {
			k, err := r.Body.Read(b[n:])
			if n += k; err != nil {
				break
			}
		}
		if n > 0 {
			deliveries <- connector.Delivery{Header: r.Header, Query: r.URL.Query(), Body: b[:n]}
		}
	}))
	defer hooks.Close()
	a := over(t, box.Config{}, box.User{}, nil)
	w := connector.Watch{ID: "123456789012345678", URL: hooks.URL + "/hooks/pipedrive/123456789012345678", Secret: strings.Repeat("aB3d", 8)}
	sub, err := a.Watch(t.Context(), w)
	a.must(err)
	ids := a.putIn("", ownPerson(1))
	next := func(kind connector.NoticeKind, id string) {
		t.Helper()
		select {
		case d := <-deliveries:
			r, err := pipedrive.ReadHook(d)
			if err != nil || len(r.Notices) != 1 {
				t.Fatalf("%+v, %v: %s", r, err, d.Body)
			}
			n := r.Notices[0]
			if n.Kind != kind || n.Proof != w.Secret || n.Subscription != sub.ID || n.Event == "" || n.At.IsZero() || !slices.Equal(n.IDs, []string{id}) {
				t.Errorf("got %+v, want %s of %s", n, kind, id)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("nothing was delivered")
		}
	}
	next(connector.NoticeChanged, ids[0])
	a.must(a.box.Remove(mira, ids[0]))
	next(connector.NoticeDeleted, ids[0])
	if again, err := a.Watch(t.Context(), w); err != nil || again.ID != sub.ID {
		t.Errorf("watched twice: %+v, %v", again, err)
	}
	if _, err := a.Renew(t.Context(), sub, w); err != nil {
		t.Errorf("Renew: %v", err)
	}
	a.must(a.Unwatch(t.Context(), sub))
	if _, err := a.Renew(t.Context(), sub, w); !errors.Is(err, connector.ErrNotFound) {
		t.Errorf("after Unwatch: %v", err)
	}
	t.Run("without the right it is refused, and polling goes on", func(t *testing.T) {
		a.must(a.box.SetQuirks(box.Quirks{WebhooksNeedAdmin: true}))
		var no *connector.ForbiddenError
		if _, err := a.Watch(t.Context(), w); !errors.As(err, &no) {
			t.Errorf("got %v", err)
		}
		page(t, a.Connector, connector.Scope{}, "")
	})
}

// square is a small picture.
func square(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 160, 160))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
