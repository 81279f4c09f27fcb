package google_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/connector/google"
	"meibo/shared/oauth"
	"meibo/shared/record"
)

func TestGetTellsEachIdApart(t *testing.T) {
	c := script(t, func(t *testing.T, w http.ResponseWriter, r *http.Request, _ map[string]any) {
		if got, want := r.URL.Query()["resourceNames"], []string{"people/1", "people/c1", "people/c2", "people/c3", "people/c4"}; !reflect.DeepEqual(got, want) {
			t.Errorf("asked for %v, want %v", got, want)
		}
		answer(200, `{"responses":[
			{"requestedResourceName":"people/c4","status":{"code":14,"message":"unavailable"}},
			{"requestedResourceName":"people/c2","status":{"code":5,"message":"Requested entity was not found."}},
			{"requestedResourceName":"people/c1","person":`+contact("1", `,"names":[{"givenName":"A"}]`)+`,"status":{}},
			{"requestedResourceName":"people/1","person":{"resourceName":"people/1","metadata":{"sources":[{"type":"PROFILE","id":"1"}]}}},
			{"requestedResourceName":"people/c3","person":`+contact("33", "")+`}]}`)(t, w, r, nil)
	})
	got, err := c.Get(context.Background(), []record.Key{record.Custom("Shoe")}, []string{"people/c3", "elsewhere/7", "people/c2", "people/c1", "people/1", "people/c4", "people/c1"})
	if err != nil {
		t.Fatal(err)
	}
	want := []connector.Status{connector.StatusFound, connector.StatusInvisible, connector.StatusGone, connector.StatusFound, connector.StatusInvisible, connector.StatusFailed, connector.StatusFound}
	for i, g := range got {
		if g.Status != want[i] {
			t.Errorf("%s: status %d, want %d", g.ID, g.Status, want[i])
		}
	}
	if got[0].Item.ID != "people/c33" {
		t.Errorf("the re-keyed contact is %q, want people/c33", got[0].Item.ID)
	}
	if vs, known := got[3].Item.Record.Fields[record.Custom("Shoe")]; !known || len(vs) != 0 {
		t.Errorf("a custom field that was asked for: %v, known %v; want it empty", vs, known)
	}
	if !errors.Is(got[5].Err, connector.ErrTransient) {
		t.Errorf("the failed one says %v, want ErrTransient", got[5].Err)
	}
}

func TestAnAnswerThatLeavesAnIdOutIsTransient(t *testing.T) {
	c := script(t, answer(200, `{"responses":[]}`))
	if _, err := c.Get(context.Background(), nil, []string{"people/c1"}); !errors.Is(err, connector.ErrTransient) {
		t.Errorf("got %v, want ErrTransient", err)
	}
}

func TestGroupsAreLabelsAndMyContacts(t *testing.T) {
	c := script(t,
		answer(200, `{"contactGroups":[
			{"resourceName":"contactGroups/myContacts","groupType":"SYSTEM_CONTACT_GROUP","name":"myContacts","formattedName":"連絡先","memberCount":812},
			{"resourceName":"contactGroups/starred","groupType":"SYSTEM_CONTACT_GROUP","name":"starred","formattedName":"Starred"}],"nextPageToken":"2"}`),
		answer(200, `{"contactGroups":[
			{"resourceName":"contactGroups/7d","groupType":"USER_CONTACT_GROUP","name":"CRM customers","formattedName":"CRM customers","memberCount":37},
			{"resourceName":"contactGroups/8d","groupType":"USER_CONTACT_GROUP","name":"old","metadata":{"deleted":true}}],"nextSyncToken":"x"}`))
	got, err := c.Groups(context.Background())
	want := []connector.Group{
		{ID: "contactGroups/myContacts", Name: "連絡先", Writable: true, Members: 812},
		{ID: "contactGroups/7d", Name: "CRM customers", Writable: true, Members: 37},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestIdentify(t *testing.T) {
	got, err := script(t, answer(200, `{"sub":"1134","email":"a@example.com","email_verified":true,"name":"Aiko"}`)).Identify(context.Background())
	if want := (connector.Identity{AccountID: "1134", Email: "a@example.com", Name: "Aiko"}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := script(t, answer(200, `{"error":"x"}`)).Identify(context.Background()); !errors.Is(err, connector.ErrTransient) {
		t.Errorf("got %v, want ErrTransient", err)
	}
	var lost *connector.AuthLostError
	if _, err := script(t, answer(401, `{"error":"invalid_token"}`)).Identify(context.Background()); !errors.As(err, &lost) {
		t.Errorf("got %v, want an AuthLostError", err)
	}
}

// broken stands for an authorising transport that could not get an access token.
type broken struct{ err error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

func TestFailuresToAuthoriseKeepTheirMeaning(t *testing.T) {
	apply := func(err error) error {
		c, e := google.New(context.Background(), google.Config{Client: &http.Client{Transport: broken{err}}, Clock: stopped()})
		if e != nil {
			t.Fatal(e)
		}
		rs, e := c.Apply(context.Background(), []connector.Write{{Op: connector.Create, Fields: record.Fields{record.NameGiven: text("A")}}})
		if e != nil {
			return e
		}
		return rs[0].Err
	}
	var lost *connector.AuthLostError
	if err := apply(oauth.ErrRevoked); !errors.As(err, &lost) {
		t.Errorf("revoked: got %v, want an AuthLostError", err)
	}
	if err := apply(oauth.ErrClient); !errors.Is(err, connector.ErrMisconfigured) {
		t.Errorf("client: got %v, want ErrMisconfigured", err)
	}
	if err := apply(connector.ErrTransient); !errors.Is(err, connector.ErrTransient) || errors.Is(err, connector.ErrOutcomeUnknown) {
		t.Errorf("transient: got %v, want ErrTransient", err)
	}
}

func TestFloor(t *testing.T) {
	for name, tc := range map[string]struct {
		work connector.Work
		want int
	}{
		"a quiet run":                       {connector.Work{Changed: []int{0}}, 1},
		"an empty first run":                {connector.Work{Listed: []int{0, 0}}, 2},
		"a first run of 10,000, all made":   {connector.Work{Listed: []int{0, 0}, Created: 10_000}, 2 + 50},
		"a first run of 10,001, all listed": {connector.Work{Listed: []int{10_001, 10_001}}, 22},
		"100 changes":                       {connector.Work{Changed: []int{50}, Read: 50, Updated: 40, Deleted: 10}, 1 + 1 + 1 + 1},
		"pictures":                          {connector.Work{PhotosRead: 201, PhotosSet: 3}, 2 + 3},
		"a large incremental run":           {connector.Work{Changed: []int{1001}, Read: 201, Created: 201, Updated: 200, Deleted: 501}, 2 + 2 + 2 + 1 + 2},
	} {
		if got := google.Floor(tc.work); got != tc.want {
			t.Errorf("%s: got %d, want %d", name, got, tc.want)
		}
	}
}
