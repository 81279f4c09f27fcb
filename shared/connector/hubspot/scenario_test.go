package hubspot_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
	"meibo/shared/people"
	"meibo/shared/record"
	box "meibo/shared/sandbox/hubspot"
)

func TestLifecycleOnTheSandbox(t *testing.T) {
	for _, mode := range []string{"refuse", "keep"} {
		a := over(t, box.Config{}, box.User{}, nil)
		a.must(a.box.SetLifecycle(mira, mode, nil))
		id := a.putIn("", ownPerson(1))[0]
		it := got(t, a.Connector, id).Item
		a.must(a.box.SetProperty(mira, id, "lifecyclestage", "customer")) // after it was read
		w := connector.Write{Op: connector.Update, ID: id, Fields: record.Fields{record.OrgTitle: text("Lead buyer")}, Current: &it, Options: map[string]string{hubspot.OptionStage: "opportunity"}}
		if r := apply(t, a.Connector, w)[0]; r.Err != nil {
			t.Errorf("%s: %v", mode, r.Err)
		}
		if n := a.native(id); n["jobtitle"] != `"Lead buyer"` || n["lifecyclestage"] != `"customer"` {
			t.Errorf("%s: %v", mode, n)
		}
		c := create(ownPerson(2).Fields)
		c.Options = map[string]string{hubspot.OptionStage: "opportunity"}
		r := apply(t, a.Connector, c)[0]
		if r.Err != nil || a.native(r.ID)["lifecyclestage"] != `"opportunity"` {
			t.Errorf("%s: %v, %v", mode, r.Err, a.native(r.ID))
		}
	}
}

func TestCompaniesOnTheSandbox(t *testing.T) {
	a := over(t, box.Config{Lag: time.Hour}, box.User{}, nil)
	for i := range 3 { // each in a process of its own, and the search shows none of them
		w := create(ownPerson(i).Fields)
		w.Fields[record.OrgName], w.Options = text("Lagging Ltd"), map[string]string{hubspot.OptionCompanies: hubspot.CompaniesAssociate}
		if r := apply(t, a.open(), w)[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if n := a.box.Faults().Calls()["POST /crm/objects/2026-03/companies/batch/create"]; n != 1 {
		t.Errorf("the company was made %d times: %v", n, a.box.Faults().Calls())
	}
}

func TestTenThousandAtOneMomentOnTheSandbox(t *testing.T) {
	a := over(t, box.Config{}, box.User{}, nil)
	recs := make([]record.Record, 12_000)
	for i := range recs {
		recs[i] = ownPerson(i)
	}
	ids := a.putIn("", recs...)
	_, _, cursor := listing(t, a.Connector, connector.Scope{}, "")
	a.clock.Advance(time.Hour)
	a.must(a.box.Touch(mira, a.clock.Now().Add(-30*time.Minute), ids...))
	a.clock.Advance(time.Minute)
	var err error
	a.token, err = a.provider.Refresh(t.Context(), http.DefaultClient, client, a.token)
	a.must(err)
	items, _, _ := listing(t, a.Connector, connector.Scope{}, cursor)
	if len(items) != len(ids) {
		t.Errorf("%d of %d contacts came", len(items), len(ids))
	}
}

func TestManyContactsComeBackAsTheyWere(t *testing.T) {
	a := over(t, box.Config{Limits: box.Unlimited()}, box.User{}, nil)
	keys := []record.Key{record.NamePrefix, record.NameGiven, record.NameFamily, record.OrgName, record.OrgTitle}
	var ws []connector.Write
	for _, p := range people.Generate(3, 300) {
		f := record.Fields{}
		for _, k := range keys {
			f[k] = p.Fields[k]
		}
		if f.First(record.NameGiven)+f.First(record.NameFamily) != "" {
			ws = append(ws, create(f))
		}
	}
	for some := range slices.Chunk(ws, 100) {
		var ids []string
		for _, r := range apply(t, a.Connector, some...) {
			a.must(r.Err)
			ids = append(ids, r.ID)
		}
		got, err := a.Get(t.Context(), nil, ids)
		a.must(err)
		for i, g := range got {
			for _, k := range keys {
				if g.Item.Record.Fields.First(k) != some[i].Fields.First(k) {
					t.Errorf("%s: got %q, want %q", k, g.Item.Record.Fields.First(k), some[i].Fields.First(k))
				}
			}
		}
	}
}

func TestWhateverTheDocumentsLeaveOpen(t *testing.T) {
	quirks := map[string]box.Quirks{
		"introspection by specification": {IntrospectToken: "token", PlainToken: true},
		"introspection by documentation": {IntrospectToken: "access_token", PlainToken: true},
		"refresh tokens that change":     {RotateRefresh: true},
		"writes that reach the survivor": {MergedWrites: true},
		"reads that name nothing":        {SilentMissing: true, ArchivedKeepsEmail: true, RevokeKeepsAccess: true, RetryAfter: true},
	}
	for name, q := range quirks {
		t.Run(name, func(t *testing.T) {
			a := over(t, box.Config{Quirks: q}, box.User{}, nil)
			who, err := a.Identify(t.Context())
			if err != nil || who.Email != mira || who.AccountID == "" {
				t.Errorf("identified %+v, %v", who, err)
			}
			for range 2 {
				a.token, err = a.provider.Refresh(t.Context(), http.DefaultClient, client, a.token)
				a.must(err)
			}
			ids := a.putIn("", ownPerson(1), ownPerson(2))
			it := got(t, a.Connector, ids[1]).Item
			into, err := a.box.Merge(mira, ids[0], ids[1])
			a.must(err)
			r := apply(t, a.Connector, connector.Write{Op: connector.Update, ID: ids[1], Fields: record.Fields{record.OrgTitle: text("x")}, Current: &it})[0]
			if !errors.Is(r.Err, connector.ErrNotFound) && !errors.Is(r.Err, connector.ErrVersionConflict) {
				t.Errorf("a write to a contact that was merged: %v", r.Err)
			}
			if g := got(t, a.Connector, ids[1]); g.Item.ID != into {
				t.Errorf("read %+v, want %s", g, into)
			}
		})
	}
}

func TestScopesThatWereNotGranted(t *testing.T) {
	a := over(t, box.Config{}, box.User{Scopes: hubspot.Scopes()}, nil)
	if groups, err := a.Groups(t.Context()); err != nil || len(groups) != 0 {
		t.Errorf("groups %v, %v", groups, err)
	}
	who, err := a.Identify(t.Context())
	if err != nil || who.Email != mira || who.Permissions[connector.PermCompanies] || !who.Permissions[connector.PermEdit] {
		t.Errorf("identified %+v, %v", who, err)
	}
	w := create(ownPerson(1).Fields)
	w.Fields[record.OrgName], w.Options = text("Nordkai AS"), map[string]string{hubspot.OptionCompanies: hubspot.CompaniesAssociate}
	if r := apply(t, a.Connector, w)[0]; r.Err != nil || r.Item.Record.Fields.First(record.OrgName) != "Nordkai AS" {
		t.Errorf("got %+v", r)
	}
	listing(t, a.Connector, connector.Scope{}, "")
	t.Run("HubSpot has the last word where Meibo does not know them", func(t *testing.T) {
		c, err := hubspot.New(hubspot.Config{Client: a.client, BaseURL: a.provider.Endpoints.API, Clock: a.clock})
		a.must(err)
		var no *connector.ForbiddenError
		if _, err := c.Groups(t.Context()); !errors.As(err, &no) {
			t.Errorf("got %v", err)
		}
		if _, err := c.MakeField(t.Context(), record.Field{Key: record.Note}); !errors.As(err, &no) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWebhooksOfTheSandbox(t *testing.T) {
	deliveries := make(chan connector.Delivery, 64)
	hooks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		deliveries <- connector.Delivery{Method: r.Method, URL: "http://" + r.Host + r.URL.RequestURI(), Header: r.Header, Query: r.URL.Query(), Body: b}
	}))
	defer hooks.Close()
	a := over(t, box.Config{HookURL: hooks.URL + "/hooks/hubspot?from=a%2Fb"}, box.User{}, nil)
	sub, err := a.Watch(t.Context(), connector.Watch{})
	a.must(err)
	next := func(kind connector.NoticeKind, id string) {
		t.Helper()
		for {
			a.must(a.box.Pusher().Wait(t.Context()))
			select {
			case d := <-deliveries:
				r, err := hubspot.ReadSharedHook(d, client.Secret, a.clock.Now())
				if err != nil {
					t.Fatalf("%v: %s", err, d.Body)
				}
				for _, n := range r.Notices {
					if n.Subscription != sub.ID || n.Event == "" || n.At.IsZero() {
						t.Errorf("got %+v", n)
					}
					if n.Kind == kind && slices.Contains(n.IDs, id) {
						return
					}
				}
			default:
				t.Fatalf("nothing says %s of %s", kind, id)
			}
		}
	}
	ids := a.putIn("", ownPerson(1), ownPerson(2), ownPerson(3))
	next(connector.NoticeChanged, ids[0])
	a.must(a.box.Edit(mira, ids[0], record.Fields{record.OrgTitle: text("Lead")}))
	next(connector.NoticeChanged, ids[0])
	into, err := a.box.Merge(mira, ids[0], ids[1])
	a.must(err)
	next(connector.NoticeChanged, into)
	a.must(a.box.Remove(mira, ids[2]))
	next(connector.NoticeDeleted, ids[2])
}
