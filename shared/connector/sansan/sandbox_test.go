package sansan_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/connectortest"
	"meibo/shared/connector/sansan"
	"meibo/shared/oauth"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	box "meibo/shared/sandbox/sansan"
)

const (
	aiko = "aiko.morita@kitano.example"
	ren  = "ren.ota@kitano.example"
)

// account is one user's account at a sandbox of its own.
type account struct {
	t     *testing.T
	box   *box.Sandbox
	clock *clock.Virtual
	url   string
	base  http.RoundTripper
	owner string
	*sansan.Connector
}

// keyed sets the account's key on each request.
type keyed struct {
	a   *account
	key string
}

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	sansan.Key().Authorize(r, oauth.Token{Access: k.key})
	return k.a.base.RoundTrip(r)
}

// at opens an account at a sandbox whose clock stands at a time; requests pass through wrap on their way.
func at(t *testing.T, now time.Time, cfg box.Config, wrap func(http.RoundTripper) http.RoundTripper) *account {
	t.Helper()
	a := &account{t: t, clock: clock.NewVirtual(now, true)}
	cfg.Clock, cfg.Seed = a.clock, 7
	var err error
	a.box, err = box.New(cfg)
	a.must(err)
	a.must(a.box.AddUser(box.User{Email: aiko, Name: "森田 愛子"}))
	v, err := a.box.View(aiko)
	a.must(err)
	a.owner = v.ID
	srv := httptest.NewServer(a.box)
	t.Cleanup(srv.Close)
	a.url, a.base = srv.URL, srv.Client().Transport
	if wrap != nil {
		a.base = wrap(a.base)
	}
	a.Connector = a.open()
	return a
}

func (a *account) open() *sansan.Connector {
	a.t.Helper()
	key := a.box.Key(aiko)
	if !sansan.Key().Shape(key) {
		a.t.Fatalf("the sandbox's key is not what keys look like")
	}
	c, err := sansan.New(sansan.Config{Client: &http.Client{Transport: keyed{a, key}}, BaseURL: a.url, Owner: a.owner, Clock: a.clock,
		Limits: sansan.DefaultLimits(), Patience: time.Minute})
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
	return connectortest.PutIn(a.t, a.box, aiko, group, recs...)
}

// native is what the sandbox holds of a person's card, member by member.
func (a *account) native(id string) map[string]string {
	a.t.Helper()
	m, ok := connectortest.Native[map[string]json.RawMessage](a.t, a.box, aiko, id)
	if !ok {
		return nil
	}
	out := map[string]string{}
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}

// full is a card that holds all that there is a place for.
func full() record.Record {
	return record.Record{Kind: record.Contact, Fields: record.Fields{
		record.NameFamily: text("神崎"), record.NameGiven: text("陽翔"), record.NamePhoneticFamily: text("カンザキ"), record.NamePhoneticGiven: text("ハルト"),
		record.OrgName: text("北野精機株式会社"), record.OrgDepartment: text("調達本部 購買部"), record.OrgTitle: text("課長"),
		record.Email: {{Text: "h.kanzaki@example.co.jp", Label: record.LabelWork}}, record.URL: text("https://kitano-seiki.example.co.jp"),
		record.Phone: {{Text: "03-5555-0142", Label: record.LabelWork}, {Text: "03-5555-0143", Label: record.LabelWork}, {Text: "090-5555-0187", Label: record.LabelMobile},
			{Text: "03-5555-0199", Label: record.LabelWorkFax}},
		record.Address: {{Label: record.LabelWork, Parts: map[record.Part]string{record.PartPostal: "100-0005", record.PartRegion: "東京都", record.PartCity: "千代田区",
			record.PartStreet: "丸の内2-4-1", record.PartExtended: "丸の内テストビル 12F", record.PartCountryCode: "JP"}}},
		record.Note: text("展示会で会った"),
	}}
}

func text(s string) []record.Value { return []record.Value{{Text: s}} }

func person(family string) record.Record {
	return record.Record{Kind: record.Contact, Fields: record.Fields{record.NameFamily: text(family), record.Email: {{Text: family + "@example.co.jp", Label: record.LabelWork}}}}
}

func harness() connectortest.Harness {
	// In Sansan's first month: all listings are of one window, so that what goes wrong strikes pages that have cards.
	month := time.Date(2007, 6, 20, 9, 0, 0, 0, time.UTC)
	return connectortest.Harness{
		Open: func(t *testing.T) *connectortest.Account {
			a := at(t, month, box.Config{Limits: box.Unlimited()}, nil)
			group, err := a.box.AddGroup(aiko, "重要顧客", "")
			a.must(err)
			a.must(a.box.AddUser(box.User{Email: ren, Name: "太田 蓮"}))
			a.box.Faults().ResetCalls()
			return &connectortest.Account{
				Connector:     a.Connector,
				Reopen:        func() connector.Connector { return a.open() },
				Clock:         a.clock,
				Put:           func(recs ...record.Record) []string { return a.putIn("", recs...) },
				Edit:          func(id string, f record.Fields) { a.must(a.box.Edit(aiko, id, f)) },
				Remove:        func(id string) { a.must(a.box.Remove(aiko, id)) },
				Native:        a.native,
				NativeOf:      func(record.Key) []string { return nil },
				Rich:          func() string { return a.putIn("重要顧客", full())[0] },
				Fault:         func(f sandbox.Fault) { a.box.Faults().Add(f) },
				ClearFaults:   func() { a.box.Faults().Clear() },
				ExpireCursors: func() { a.must(a.box.ExpireCursors(aiko)) },
				RevokeAccess:  func() { a.must(a.box.RevokeKey(aiko)) },
				ResetCalls:    func() { a.box.Faults().ResetCalls() },
				Calls:         func() int { return a.box.Faults().Total() },
				Requests:      connectortest.Requests{List: sandbox.Fault{Method: http.MethodGet, Path: "/bizCards"}, Get: sandbox.Fault{Method: http.MethodGet, Path: "/persons/"}},
				Throttled:     sandbox.Fault{Status: 429, Body: `{"statusCode":429,"message":"Too Many Requests","error":[{"code":"E429"}]}`},
				EmptyList:     sandbox.Fault{Status: 200, Body: `{"hasMore":false,"nextPageToken":null,"data":[]}`},
				Missing:       []string{"99999901", "99999902"},
				Group:         group,
				PutIn:         func(_ string, recs ...record.Record) []string { return a.putIn("重要顧客", recs...) },
			}
		},
		Exceptions: map[string]string{
			"listing/a person's create, edit and delete each appear once": "no listing of Sansan's tells deletions; see TestMergesAndDepartures for what does",
			"faults/an expired cursor says so and a full listing follows": "a cursor between two listings holds a time, which does not expire; for page tokens see TestATokenThatEnds",
			"describe/identity is stable and no address":                  "Sansan tells whose key it is only by a card, and the account is empty; see TestIdentifyOnTheSandbox",
		},
	}
}

func TestConformance(t *testing.T) { connectortest.Run(t, harness()) }

func TestIdentifyOnTheSandbox(t *testing.T) {
	a := at(t, start, box.Config{}, nil)
	var no *oauth.RefusedError
	if _, err := a.Identify(t.Context()); !errors.As(err, &no) {
		t.Errorf("without a card: got error %v", err)
	}
	a.putIn("", person("神崎"))
	for range 2 {
		who, err := a.Identify(t.Context())
		if err != nil || who.AccountID != a.owner || who.Email != aiko || who.Name != "森田 愛子" {
			t.Errorf("got %+v, %v", who, err)
		}
	}
	a.must(a.box.SetForbidden(aiko, true))
	var forbidden *connector.ForbiddenError
	if _, err := a.Identify(t.Context()); !errors.As(err, &forbidden) {
		t.Errorf("where the API is not allowed: got error %v", err)
	}
}

// scanned are the ids that a scan names.
func (a *account) scanned(scope connector.Scope) []string {
	a.t.Helper()
	var all []string
	for next := ""; ; {
		ids, to, err := a.Members(a.t.Context(), scope, next)
		a.must(err)
		all = append(all, ids...)
		if next = to; next == "" {
			slices.Sort(all)
			return all
		}
	}
}

func (a *account) get(id string) connector.Got {
	a.t.Helper()
	return getOne(a.t, a.Connector, id)
}

func TestMergesAndDepartures(t *testing.T) {
	for name, q := range map[string]box.Quirks{
		"strict": {}, "lenient": {NullText: true, BarePerson: true, NoOwnerEmail: true, OwnHead: true, FollowMerged: true, MergeTouches: true, OwnerTouches: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := at(t, start, box.Config{Quirks: q}, nil)
			ids := a.putIn("", person("神崎"), person("遠藤"), person("柴田"), person("大西"), full())
			items, cursor := listing(t, a.Connector, connector.Scope{}, "")
			if len(items) != 5 {
				t.Fatalf("%d persons, want 5", len(items))
			}
			a.clock.Advance(2 * time.Hour)
			gone := func(what string, id string) {
				t.Helper()
				if slices.Contains(a.scanned(connector.Scope{}), id) {
					t.Errorf("%s: the scan still names it", what)
				}
			}
			t.Run("a newer card of the same person is that person", func(t *testing.T) {
				_, who, err := a.box.AddCard(aiko, box.NewCard{Person: ids[4], Fields: record.Fields{record.OrgTitle: text("部長")}})
				a.must(err)
				a.clock.Advance(time.Minute)
				var items []connector.Item
				items, cursor = listing(t, a.Connector, connector.Scope{}, cursor)
				if who != ids[4] || len(items) != 1 || items[0].ID != who || items[0].Record.Fields.First(record.OrgTitle) != "部長" {
					t.Errorf("got %+v", items)
				}
			})
			t.Run("one that was merged leaves, and is not gone", func(t *testing.T) {
				_, err := a.box.Merge(aiko, ids[0], ids[1], false)
				a.must(err)
				gone("absorbed", ids[1])
				switch got := a.get(ids[1]); {
				case q.FollowMerged && (got.Status != connector.StatusFound || got.Item.ID != ids[0]):
					t.Errorf("got %+v, want the survivor", got)
				case !q.FollowMerged && got.Status != connector.StatusInvisible:
					t.Errorf("got %+v, want it invisible", got)
				}
				if got := a.get(ids[0]); got.Status != connector.StatusFound || got.Item.Scope != connector.InScope {
					t.Errorf("the survivor: got %+v", got)
				}
			})
			t.Run("one that was split off is a new person", func(t *testing.T) {
				cards, err := a.box.Cards(aiko, ids[0])
				a.must(err)
				fresh, err := a.box.Split(aiko, cards[0]["id"].(string))
				a.must(err)
				if got := a.scanned(connector.Scope{}); !slices.Contains(got, fresh) || !slices.Contains(got, ids[0]) {
					t.Errorf("the scan names %v", got)
				}
				if got := a.get(fresh); got.Status != connector.StatusFound {
					t.Errorf("got %+v", got)
				}
			})
			t.Run("one that was handed over is out of scope", func(t *testing.T) {
				a.must(a.box.SetOwner(aiko, ids[2], ren))
				gone("handed over", ids[2])
				if got := a.get(ids[2]); got.Status != connector.StatusFound || got.Item.ID != ids[2] || got.Item.Scope != connector.OutOfScope {
					t.Errorf("got %+v", got)
				}
			})
			t.Run("one of whom a colleague has a newer card reads as the owner's own", func(t *testing.T) {
				_, _, err := a.box.AddCard(aiko, box.NewCard{Person: ids[3], Owner: ren, ExchangeDate: "2026-12-01", Fields: record.Fields{record.OrgTitle: text("社長")}})
				a.must(err)
				got := a.get(ids[3])
				if got.Item.Scope != connector.InScope || got.Item.Record.Fields.First(record.OrgTitle) != "" {
					t.Errorf("got %+v", got)
				}
				if items, _ := listing(t, a.Connector, connector.Scope{}, ""); !slices.ContainsFunc(items, func(it connector.Item) bool {
					return it.ID == ids[3] && it.Version == got.Item.Version
				}) {
					t.Error("the listing says something else")
				}
			})
			t.Run("one that was deleted is invisible", func(t *testing.T) {
				a.must(a.box.Remove(aiko, ids[4]))
				gone("deleted", ids[4])
				if got := a.get(ids[4]); got.Status != connector.StatusInvisible {
					t.Errorf("got %+v", got)
				}
			})
			t.Run("a key that was replaced is lost", func(t *testing.T) {
				_, err := a.box.ReplaceKey(aiko)
				a.must(err)
				var lost *connector.AuthLostError
				if _, err := a.Changes(t.Context(), connector.Scope{}, cursor); !errors.As(err, &lost) {
					t.Errorf("got error %v", err)
				}
				if _, err := a.open().Changes(t.Context(), connector.Scope{}, cursor); err != nil {
					t.Errorf("with the new one: %v", err)
				}
			})
		})
	}
}

func TestTagsOnTheSandbox(t *testing.T) {
	a := at(t, start, box.Config{Quirks: box.Quirks{TagTouches: true}}, nil)
	in, out := a.putIn("展示会", person("神崎"))[0], a.putIn("", person("遠藤"))[0]
	gs, err := a.Groups(t.Context())
	if err != nil || len(gs) != 2 || !gs[0].Everything || gs[1].Name != "展示会" {
		t.Fatalf("got %+v, %v", gs, err)
	}
	scope := connector.Scope{Groups: []string{gs[1].ID}}
	items, cursor := listing(t, a.Connector, scope, "")
	for _, it := range items {
		if want := map[string]connector.Membership{in: connector.InScope, out: connector.OutOfScope}[it.ID]; it.Scope != want {
			t.Errorf("%s: got %d, want %d", it.ID, it.Scope, want)
		}
	}
	a.clock.Advance(2 * time.Hour)
	a.must(a.box.SetGroups(aiko, out, []string{"展示会"}))
	a.must(a.box.SetGroups(aiko, in, nil))
	items, _ = listing(t, a.Connector, connector.Scope{}, cursor)
	if got := named(items); len(got) != 2 {
		t.Errorf("the listing names %v", got)
	}
	if got := a.scanned(scope); !slices.Equal(got, []string{out}) {
		t.Errorf("the scan names %v", got)
	}
}

func TestLimitsOfTheSandbox(t *testing.T) {
	t.Run("narrow windows and dying tokens are coped with", func(t *testing.T) {
		a := at(t, start, box.Config{Limits: box.Limits{Span: 10}}, nil)
		a.putIn("", make400()...)
		var items []connector.Item
		struck := false
		for cursor := ""; ; {
			p, err := a.Changes(t.Context(), connector.Scope{}, cursor)
			a.must(err)
			items = append(items, p.Changed...)
			if cursor = p.Next; !p.More {
				break
			}
			if len(items) > 0 && !struck { // between the two pages that have cards
				struck = true
				a.must(a.box.ExpireCursors(aiko))
			}
		}
		if got := len(named(items)); got != 400 || !struck {
			t.Errorf("%d persons, want 400; struck %v", got, struck)
		}
	})
	t.Run("its pace is kept", func(t *testing.T) {
		a := at(t, start, box.Config{}, nil)
		if items, _ := listing(t, a.Connector, connector.Scope{}, ""); len(items) != 0 {
			t.Errorf("%d items", len(items))
		}
	})
}

func make400() []record.Record {
	out := make([]record.Record, 400)
	for i := range out {
		out[i] = person("姓" + string(rune('一'+i)))
	}
	return out
}
