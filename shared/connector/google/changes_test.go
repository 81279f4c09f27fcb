package google_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

func list(body string, want map[string]string) step {
	return func(t *testing.T, w http.ResponseWriter, r *http.Request, _ map[string]any) {
		t.Helper()
		q := r.URL.Query()
		if r.URL.Path != "/v1/people/me/connections" {
			t.Errorf("path %s", r.URL.Path)
		}
		for k, v := range map[string]string{"sources": "READ_SOURCE_TYPE_CONTACT", "pageSize": "1000", "requestSyncToken": "true"} {
			if q.Get(k) != v {
				t.Errorf("%s is %q, want %q", k, q.Get(k), v)
			}
		}
		if !strings.Contains(q.Get("personFields"), "metadata") || strings.Contains(q.Get("personFields"), " ") {
			t.Errorf("personFields is %q", q.Get("personFields"))
		}
		for _, k := range []string{"pageToken", "syncToken"} {
			if q.Get(k) != want[k] {
				t.Errorf("%s is %q, want %q", k, q.Get(k), want[k])
			}
		}
		w.Header().Set("Date", start.Format(http.TimeFormat))
		answer(200, body)(t, w, r, nil)
	}
}

func TestListingPagesThenFollowsTheSyncToken(t *testing.T) {
	c := script(t,
		list(`{"connections":[`+contact("1", "")+`],"nextPageToken":"P2","totalItems":2}`, nil),
		list(`{"connections":[`+contact("2", "")+`],"nextSyncToken":"S1","totalItems":2}`, map[string]string{"pageToken": "P2"}),
		list(`{"nextSyncToken":"S2"}`, map[string]string{"syncToken": "S1"}),
		list(`{"connections":[{"resourceName":"people/c1","metadata":{"deleted":true}}],"nextPageToken":"P3"}`, map[string]string{"syncToken": "S2"}),
		list(`{"connections":[`+contact("2", "")+`],"nextSyncToken":"S3"}`, map[string]string{"syncToken": "S2", "pageToken": "P3"}),
	)
	ctx := context.Background()
	cursor := ""
	for i, want := range []struct {
		changed, deleted int
		more, full       bool
	}{{1, 0, true, true}, {1, 0, false, true}, {0, 0, false, false}, {0, 1, true, false}, {1, 0, false, false}} {
		p, err := c.Changes(ctx, connector.Scope{}, cursor)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Changed) != want.changed || len(p.Deleted) != want.deleted || p.More != want.more || p.Full != want.full {
			t.Errorf("page %d: %d changed, %d deleted, more %v, full %v; want %+v", i, len(p.Changed), len(p.Deleted), p.More, p.Full, want)
		}
		if !p.Since.Equal(start) {
			t.Errorf("page %d: since %s, want %s", i, p.Since, start)
		}
		if p.Next == cursor {
			t.Errorf("page %d: the cursor did not move", i)
		}
		cursor = p.Next
	}
	if len(cursor) > 200 {
		t.Errorf("the cursor has %d bytes", len(cursor))
	}
}

func TestDeletedIsAnAccountTombstone(t *testing.T) {
	c := script(t,
		answer(200, `{"nextSyncToken":"S","connections":[`+contact("5", "")+`]}`),
		answer(200, `{"nextSyncToken":"S2","connections":[{"resourceName":"people/c5","etag":"%x","metadata":{"sources":[{"type":"CONTACT","id":"5"}],"deleted":true,"objectType":"PERSON"}}]}`))
	p, _ := c.Changes(context.Background(), connector.Scope{}, "")
	p, err := c.Changes(context.Background(), connector.Scope{}, p.Next)
	want := []connector.Deletion{{ID: "people/c5", Evidence: connector.EvidenceAccount}}
	if err != nil || !reflect.DeepEqual(p.Deleted, want) || len(p.Rekeyed) != 0 {
		t.Errorf("got %v %v, %v; want %v", p.Deleted, p.Rekeyed, err, want)
	}
}

func TestARenamedContactIsRekeyedNotDeleted(t *testing.T) {
	renamed := `{"resourceName":"people/777","etag":"%x","metadata":{"sources":[{"type":"CONTACT","id":"5","etag":"#e"}],"previousResourceNames":["people/c99"]}}`
	c := script(t,
		answer(200, `{"nextSyncToken":"S","connections":[`+contact("5", "")+`]}`),
		answer(200, `{"nextSyncToken":"S2","connections":[`+renamed+`,{"resourceName":"people/c5","metadata":{"deleted":true}}]}`))
	p, _ := c.Changes(context.Background(), connector.Scope{}, "")
	p, err := c.Changes(context.Background(), connector.Scope{}, p.Next)
	if err != nil {
		t.Fatal(err)
	}
	want := []connector.Rekey{{Old: "people/c99", New: "people/777"}, {Old: "people/c5", New: "people/777"}}
	if !reflect.DeepEqual(p.Rekeyed, want) || len(p.Deleted) != 0 || len(p.Changed) != 1 || p.Changed[0].ID != "people/777" {
		t.Errorf("re-keyed %v, deleted %v, changed %d", p.Rekeyed, p.Deleted, len(p.Changed))
	}
}

func TestDoubtfulListingsAreTransient(t *testing.T) {
	one := contact("1", "")
	first := answer(200, `{"connections":[`+one+`],"nextPageToken":"P2"}`)
	for name, tc := range map[string]struct {
		before bool // a good first page comes before
		steps  []step
	}{
		"no token at all":                   {false, []step{answer(200, `{}`)}},
		"none listed but some in total":     {false, []step{answer(200, `{"nextSyncToken":"S","totalItems":3}`)}},
		"none listed, but asked once more":  {false, []step{answer(200, `{"nextSyncToken":"S"}`), answer(200, `{"connections":[`+one+`]}`)}},
		"far fewer than in total":           {false, []step{answer(200, `{"connections":[`+one+`],"nextSyncToken":"S","totalItems":300}`)}},
		"a page that points to itself":      {true, []step{answer(200, `{"connections":[`+contact("2", "")+`],"nextPageToken":"P2"}`)}},
		"the same people again":             {true, []step{answer(200, `{"connections":[`+one+`],"nextPageToken":"P3"}`)}},
		"an empty page that ends nowhere":   {true, []step{answer(200, `{"connections":[]}`)}},
		"an empty page that ends too early": {true, []step{answer(200, `{"nextSyncToken":"S"}`), answer(200, `{"connections":[`+one+`],"totalItems":300}`)}},
		"HTML":                              {false, []step{answer(200, `<html>`)}},
		"cut off":                           {false, []step{answer(200, `{"connections":[{"resourceName":`)}},
		"no answer":                         {false, []step{cut}},
		"503":                               {false, []step{answer(503, ``)}},
		"400 that is not Google's":          {false, []step{answer(400, `<html>`)}},
	} {
		t.Run(name, func(t *testing.T) {
			steps, cursor := tc.steps, ""
			if tc.before {
				steps = append([]step{first}, steps...)
			}
			c := script(t, steps...)
			if tc.before {
				p, err := c.Changes(context.Background(), connector.Scope{}, "")
				if err != nil {
					t.Fatal(err)
				}
				cursor = p.Next
			}
			if _, err := c.Changes(context.Background(), connector.Scope{}, cursor); !errors.Is(err, connector.ErrTransient) {
				t.Errorf("got %v, want ErrTransient", err)
			}
		})
	}
}

func TestAnEmptyAddressBookIsBelievedWhenAskedTwice(t *testing.T) {
	c := script(t, answer(200, `{"nextSyncToken":"S"}`), answer(200, `{}`))
	p, err := c.Changes(context.Background(), connector.Scope{}, "")
	if err != nil || p.More || len(p.Changed) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAny400OnAContinuedListingExpiresTheCursor(t *testing.T) {
	for name, body := range map[string]string{
		"by reason":  `{"error":{"code":400,"message":"Sync token is expired. Clear local cache and retry call without the sync token.","status":"FAILED_PRECONDITION","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"EXPIRED_SYNC_TOKEN","domain":"people.googleapis.com"}]}}`,
		"corrupt":    `{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}`,
		"no details": `{"error":{"code":400,"message":"Sync token is expired."}}`,
	} {
		for page, first := range map[string]string{"sync": `{"connections":[` + contact("1", "") + `],"nextSyncToken":"S"}`, "page": `{"connections":[` + contact("1", "") + `],"nextPageToken":"S"}`} {
			t.Run(name+" on a "+page+" token", func(t *testing.T) {
				c := script(t, answer(200, first), answer(400, body))
				p, err := c.Changes(context.Background(), connector.Scope{}, "")
				if err != nil {
					t.Fatal(err)
				}
				if _, err = c.Changes(context.Background(), connector.Scope{}, p.Next); !errors.Is(err, connector.ErrCursorExpired) {
					t.Errorf("got %v, want ErrCursorExpired", err)
				}
			})
		}
	}
	t.Run("but not on a first page", func(t *testing.T) {
		c := script(t, answer(400, `{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}`))
		var inv *connector.InvalidError
		if _, err := c.Changes(context.Background(), connector.Scope{}, ""); !errors.As(err, &inv) {
			t.Errorf("got %v, want an InvalidError", err)
		}
	})
}

func TestScopeComesFromTheCursor(t *testing.T) {
	in := contact("1", `,"memberships":[{"contactGroupMembership":{"contactGroupId":"g1","contactGroupResourceName":"contactGroups/g1"}}]`)
	out := contact("2", `,"memberships":[{"contactGroupMembership":{"contactGroupId":"myContacts","contactGroupResourceName":"contactGroups/myContacts"}}]`)
	c := script(t, answer(200, `{"connections":[`+in+`,`+out+`],"nextSyncToken":"S"}`), answer(200, `{"connections":[`+out+`,`+in+`],"nextSyncToken":"S"}`))
	p, err := c.Changes(context.Background(), connector.Scope{Groups: []string{"contactGroups/g1"}}, "")
	if err != nil || p.Changed[0].Scope != connector.InScope || p.Changed[1].Scope != connector.OutOfScope {
		t.Fatalf("%+v, %v", p.Changed, err)
	}
	p, err = c.Changes(context.Background(), connector.Scope{}, p.Next)
	if err != nil || p.Changed[0].Scope != connector.OutOfScope || p.Changed[1].Scope != connector.InScope {
		t.Errorf("%+v, %v", p.Changed, err)
	}
}

func TestPeopleWithoutAContactAreLeftOut(t *testing.T) {
	profile := `{"resourceName":"people/9","metadata":{"sources":[{"type":"PROFILE","id":"9","etag":"#x"}]},"names":[{"givenName":"P"}]}`
	c := script(t, answer(200, `{"connections":[`+profile+`,`+contact("1", "")+`],"nextSyncToken":"S"}`))
	p, err := c.Changes(context.Background(), connector.Scope{}, "")
	if err != nil || len(p.Changed) != 1 || p.Changed[0].ID != "people/c1" {
		t.Errorf("%+v, %v", p.Changed, err)
	}
}

func TestAPersonWithManyEmailsIsReadWhole(t *testing.T) {
	emails := func(n int) string {
		return `,"emailAddresses":[` + strings.TrimSuffix(strings.Repeat(`{"value":"a@example.com"},`, n), ",") + `]`
	}
	c := script(t, answer(200, `{"connections":[`+contact("1", emails(100))+`],"nextSyncToken":"S"}`),
		func(t *testing.T, w http.ResponseWriter, r *http.Request, _ map[string]any) {
			if r.URL.Path != "/v1/people/c1" {
				t.Errorf("path %s", r.URL.Path)
			}
			answer(200, contact("1", emails(130)))(t, w, r, nil)
		})
	p, err := c.Changes(context.Background(), connector.Scope{}, "")
	if err != nil || len(p.Changed[0].Record.Fields[record.Email]) != 130 {
		t.Errorf("%d e-mails, %v; want 130", len(p.Changed[0].Record.Fields[record.Email]), err)
	}
}

func TestThrottlingSaysHowLong(t *testing.T) {
	quota := func(limit, message string) string {
		return `{"error":{"code":429,"message":"` + message + `","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","metadata":{"quota_limit":"` + limit + `"}}]}}`
	}
	header := func(v string, s step) step {
		return func(t *testing.T, w http.ResponseWriter, r *http.Request, b map[string]any) {
			w.Header().Set("Retry-After", v)
			s(t, w, r, b)
		}
	}
	for name, tc := range map[string]struct {
		step  step
		least time.Duration
	}{
		"per minute":       {answer(429, quota("CriticalReadsPerMinutePerProjectPerUser", "Quota exceeded")), time.Minute},
		"per day":          {answer(429, quota("ContactWritesPerDayPerProjectPerUser", "Quota exceeded")), time.Hour},
		"longer-lived":     {answer(429, quota("", "FBS quota limit exceeded")), 5 * time.Minute},
		"no body":          {answer(429, ``), time.Minute},
		"Retry-After":      {header("600", answer(429, quota("CriticalReadsPerMinutePerProjectPerUser", "x"))), 10 * time.Minute},
		"Retry-After date": {header(start.Add(20*time.Minute).Format(http.TimeFormat), answer(429, ``)), 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			var th *connector.ThrottledError
			if _, err := script(t, tc.step).Changes(context.Background(), connector.Scope{}, ""); !errors.As(err, &th) || th.After < tc.least {
				t.Errorf("got %v, want to wait at least %s", err, tc.least)
			}
		})
	}
}

func TestRefusalsSayWhoCanCureThem(t *testing.T) {
	forbidden := func(reason string) step {
		return answer(403, `{"error":{"code":403,"message":"m","status":"PERMISSION_DENIED","details":[{"reason":"`+reason+`"}]}}`)
	}
	get := func(s step) error {
		_, err := script(t, s).Get(context.Background(), nil, []string{"people/c1"})
		return err
	}
	var lost *connector.AuthLostError
	if err := get(forbidden("ACCESS_TOKEN_SCOPE_INSUFFICIENT")); !errors.As(err, &lost) || !strings.Contains(lost.Cure, "tick") {
		t.Errorf("scope: got %v", err)
	}
	if err := get(answer(401, ``)); !errors.As(err, &lost) {
		t.Errorf("401: got %v", err)
	}
	if err := get(forbidden("SERVICE_DISABLED")); !errors.Is(err, connector.ErrMisconfigured) {
		t.Errorf("disabled: got %v", err)
	}
	var no *connector.ForbiddenError
	if err := get(forbidden("ORG_POLICY")); !errors.As(err, &no) || no.Cure == "" {
		t.Errorf("policy: got %v", err)
	}
}
