package hubspot_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
	"meibo/shared/oauth"
	"meibo/shared/record"
)

// settled lists everything of an account without contacts, and returns the cursor after it.
func settled(t *testing.T, c *hubspot.Connector) string {
	t.Helper()
	p := page(t, c, connector.Scope{}, "")
	if p.More {
		t.Fatal("the listing goes on")
	}
	return p.Next
}

func TestAChangeListingDoesNotEndByMistake(t *testing.T) {
	many := make([]string, 200)
	for i := range many {
		many[i] = row(strings.Repeat("1", 4)+string(rune('1'+i/40))+string(rune('1'+i/8%5))+string(rune('1'+i%8)), "lastmodifieddate", "2026-11-20T10:00:00Z")
	}
	slices.Sort(many)
	for what, answer := range map[string]reply{
		"an error with a good status":     {status: 200, body: `{"status":"error","message":"Internal error","correlationId":"x"}`},
		"an answer with nothing in it":    {status: 200, body: `{}`},
		"null everywhere":                 {status: 200, body: `{"total":null,"results":null,"paging":null}`},
		"a full page that does not count": rows("", many...),
		"a count that is too small":       rows(`,"total":3`, many...),
	} {
		t.Run(what, func(t *testing.T) {
			c, _ := scripted(t, func(k call) reply {
				switch k.op() {
				case "POST " + contactsPath + "/search":
					return answer
				case "POST " + contactsPath + "/batch/read":
					return batched(200, nil)
				}
				return rows("")
			})
			if p, err := c.Changes(t.Context(), connector.Scope{}, settled(t, c)); !errors.Is(err, connector.ErrTransient) {
				t.Errorf("the listing ended with more=%v and %v; want an error, since nobody said that there is nothing more", p.More, err)
			}
		})
	}
}

func TestAChangedContactThatCannotBeReadNowIsNotPassedOver(t *testing.T) {
	for what, answer := range map[string]reply{
		"an error with a good status": {status: 200, body: `{"status":"error","message":"Internal error"}`},
		"an error of one contact":     batched(207, []string{row("101", "firstname", "Jon")}, `{"status":"error","category":"INTERNAL_ERROR","message":"try again","context":{"ids":["102"]}}`),
		"results of null":             {status: 200, body: `{"status":"COMPLETE","results":null}`},
	} {
		t.Run(what, func(t *testing.T) {
			c, _ := scripted(t, func(k call) reply {
				switch k.op() {
				case "POST " + contactsPath + "/search":
					return rows(`,"total":2`, row("101", "lastmodifieddate", "2026-11-20T10:00:00Z"), row("102", "lastmodifieddate", "2026-11-20T10:00:00Z"))
				case "POST " + contactsPath + "/batch/read":
					return answer
				}
				return rows("")
			})
			if p, err := c.Changes(t.Context(), connector.Scope{}, settled(t, c)); !errors.Is(err, connector.ErrTransient) {
				t.Errorf("listed %q with %v; want an error, since 102 was not read", ids(p), err)
			}
		})
	}
	t.Run("one that is gone is", func(t *testing.T) {
		c, _ := scripted(t, func(k call) reply {
			switch k.op() {
			case "POST " + contactsPath + "/search":
				return rows(`,"total":2`, row("101", "lastmodifieddate", "2026-11-20T10:00:00Z"), row("102", "lastmodifieddate", "2026-11-20T10:00:00Z"))
			case "POST " + contactsPath + "/batch/read":
				return batched(207, []string{row("101", "firstname", "Jon")}, `{"status":"error","category":"OBJECT_NOT_FOUND","message":"not found","context":{"ids":["102"]}}`)
			}
			return rows("")
		})
		if p := page(t, c, connector.Scope{}, settled(t, c)); ids(p) != "101" {
			t.Errorf("got %q, want 101", ids(p))
		}
	})
}

func TestAClockAheadOfTheVendorsLosesNoChange(t *testing.T) {
	var since []string
	c, s := scripted(t, nil)
	s.answer = func(k call) reply {
		a := rows(`,"total":0`)
		a.header = map[string]string{"Date": s.clock.Now().Add(-15 * time.Minute).Format(http.TimeFormat)}
		if k.op() == "POST "+contactsPath+"/search" {
			f := k.body["filterGroups"].([]any)[0].(map[string]any)["filters"].([]any)[0].(map[string]any)
			since = append(since, f["value"].(string))
		}
		return a
	}
	cur := settled(t, c)
	for range 3 {
		cur = page(t, c, connector.Scope{}, cur).Next
		s.clock.Advance(10 * time.Minute)
	}
	// The third search began at 10:20 by our clock and 10:05 by HubSpot's; the second at 09:55 by HubSpot's. What was modified between must be found.
	if latest := time.Date(2026, 11, 20, 9, 55, 0, 0, time.UTC).UnixMilli(); since[2] > "1" && parse(t, since[2]) > latest {
		t.Errorf("the search covers what was modified since %s, want %s at the latest", time.UnixMilli(parse(t, since[2])).UTC(), time.UnixMilli(latest).UTC())
	}
}

func parse(t *testing.T, s string) (n int64) {
	t.Helper()
	for _, r := range s {
		n = n*10 + int64(r-'0')
	}
	return n
}

func TestADeletionThatWasRefusedIsNotTakenForDone(t *testing.T) {
	for what, x := range map[string]struct {
		answer reply
		want   error
	}{
		"an error with a good status":      {reply{status: 200, body: `{"status":"error","message":"Internal error"}`}, connector.ErrOutcomeUnknown},
		"an error of one contact, unnamed": {batched(207, nil, `{"status":"error","category":"INTERNAL_ERROR","message":"try again"}`), connector.ErrOutcomeUnknown},
		"errors that are only counted":     {reply{status: 207, body: `{"status":"COMPLETE","numErrors":1}`}, connector.ErrOutcomeUnknown},
	} {
		t.Run(what, func(t *testing.T) {
			c, _ := scripted(t, func(call) reply { return x.answer })
			rs := apply(t, c, connector.Write{Op: connector.Delete, ID: "101"}, connector.Write{Op: connector.Delete, ID: "102"})
			for _, r := range rs {
				if !errors.Is(r.Err, x.want) {
					t.Errorf("%s: got %v, want %v", r.ID, r.Err, x.want)
				}
			}
		})
	}
	t.Run("one that is named, among others", func(t *testing.T) {
		c, _ := scripted(t, func(call) reply {
			return batched(207, nil, `{"status":"error","category":"VALIDATION_ERROR","message":"locked","context":{"ids":["102"]}}`)
		})
		rs := apply(t, c, connector.Write{Op: connector.Delete, ID: "101"}, connector.Write{Op: connector.Delete, ID: "102"})
		if rs[0].Err != nil || rs[1].Err == nil {
			t.Errorf("got %v and %v, want the second refused", rs[0].Err, rs[1].Err)
		}
	})
	t.Run("nor one that was done for a failure", func(t *testing.T) {
		c, _ := scripted(t, func(call) reply { return reply{status: 204} })
		if r := apply(t, c, connector.Write{Op: connector.Delete, ID: "101"})[0]; r.Err != nil {
			t.Error(r.Err)
		}
	})
}

func TestAWaitOfNonsenseDoesNotMakeACallEndless(t *testing.T) {
	for _, status := range []int{429, 423, 477} {
		n := 0
		_, s := scripted(t, nil)
		s.answer = func(call) reply {
			if n++; n > 100 {
				t.Fatal("it goes on asking")
			}
			return reply{status, `{"policyName":"DAILY"}`, map[string]string{"Retry-After": "9223372037"}}
		}
		c := open(t, s, hubspot.Config{Extra: extra(), Patience: time.Minute})
		var th *connector.ThrottledError
		if _, err := c.Changes(t.Context(), connector.Scope{}, ""); !errors.As(err, &th) || th.After <= 0 || th.After > 24*time.Hour {
			t.Errorf("%d: got %v, want to be told to wait a day at most", status, err)
		}
	}
}

func TestAContactThatWasMadeIsNotMadeAgain(t *testing.T) {
	// HubSpot echoes no trace ids, has tidied the name of the one that it made, and has two complaints about the other.
	made := 0
	c, _ := scripted(t, func(k call) reply {
		if len(k.inputs()) == 1 {
			made++
			return batched(201, []string{row("901", "firstname", "Again")})
		}
		return batched(207, []string{row("900", "firstname", "Tidied", "email", "jon1@nordkai.example")},
			`{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"error\":\"INVALID_OPTION\",\"name\":\"jobtitle\"}]"}`,
			`{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"error\":\"INVALID_OPTION\",\"name\":\"website\"}]"}`)
	})
	rs := apply(t, c, create(person(1)), create(person(2)))
	if made != 0 {
		t.Errorf("%d contacts were sent again, and one of them exists", made)
	}
	for i, r := range rs {
		if !errors.Is(r.Err, connector.ErrOutcomeUnknown) {
			t.Errorf("%d: got %v, want an open outcome", i, r.Err)
		}
	}
}

func TestAnEndpointThatIsNotThereDeletesNothing(t *testing.T) {
	c, _ := scripted(t, func(call) reply {
		return reply{status: 404, body: `{"status":"error","message":"The requested resource was not found","correlationId":"x"}`}
	})
	for _, r := range apply(t, c, connector.Write{Op: connector.Delete, ID: "101"}, connector.Write{Op: connector.Delete, ID: "102"}) {
		if r.Err == nil || errors.Is(r.Err, connector.ErrNotFound) {
			t.Errorf("%s: got %v, which takes it for deleted", r.ID, r.Err)
		}
	}
}

func TestCompaniesThatDifferInCaseOnlyAreMadeOnce(t *testing.T) {
	made := 0
	c, _ := scripted(t, func(k call) reply {
		switch {
		case strings.HasSuffix(k.path, "/companies/batch/create"):
			var list []string
			for i, in := range k.inputs() {
				made++
				list = append(list, row(fmt.Sprint(5000+i), "name", in["properties"].(map[string]any)["name"].(string)))
			}
			return batched(201, list)
		case k.op() == "POST "+contactsPath+"/batch/create":
			return batched(201, echo(k))
		}
		return rows(`,"total":0`)
	})
	one, two := create(person(1)), create(person(2))
	one.Fields[record.OrgName], two.Fields[record.OrgName] = text("Nordkai AS"), text("NORDKAI AS")
	one.Options = map[string]string{hubspot.OptionCompanies: hubspot.CompaniesAssociate}
	two.Options = one.Options
	for _, r := range apply(t, c, one, two) {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	if made != 1 {
		t.Errorf("%d companies were made, want one", made)
	}
}

func TestAThrottledFullListingGoesOnWhereItStopped(t *testing.T) {
	n := 0
	c, _ := scripted(t, func(k call) reply {
		if n++; n%3 == 0 {
			return reply{429, `{"policyName":"TEN_SECONDLY_ROLLING"}`, nil}
		}
		at := 101
		_, _ = fmt.Sscan(k.query.Get("after"), &at)
		if at == 141 {
			return rows("", row("141"))
		}
		return rows(fmt.Sprintf(`,"paging":{"next":{"after":"%d"}}`, at+1), row(fmt.Sprint(at)))
	})
	seen, cursor := map[string]bool{}, ""
	for range 200 {
		p, err := c.Changes(t.Context(), connector.Scope{}, cursor)
		if err != nil {
			continue
		}
		for _, it := range p.Changed {
			seen[it.ID] = true
		}
		if cursor = p.Next; !p.More {
			break
		}
	}
	if len(seen) != 41 || n > 80 {
		t.Errorf("%d of 41 contacts in %d calls", len(seen), n)
	}
}

func TestNothingOfAContactGetsIntoAnError(t *testing.T) {
	const secret = "hanako@secret.example"
	for what, a := range map[string]reply{
		"a refusal":         refusal(400, "VALIDATION_ERROR", "Property values were not valid: [{\"message\":\""+secret+"\",\"error\":\""+secret+"\",\"name\":\""+secret+"\"}]"),
		"a clash":           refusal(409, "CONFLICT", secret+" exists"),
		"a scope":           {status: 403, body: `{"category":"MISSING_SCOPES","message":"x","errors":[{"context":{"requiredGranularScopes":["` + secret + `"]}}]}`},
		"a failure":         {status: 500, body: secret},
		"a lost token":      {status: 401, body: `{"message":"` + secret + `"}`},
		"a policy":          {status: 429, body: `{"policyName":"` + secret + `","message":"` + secret + `"}`},
		"a web page":        {status: 200, body: "<html>" + secret},
		"half an answer":    {status: 200, body: `{"results":[{"id":"` + secret},
		"an id of no kind":  {status: 200, body: `{"results":[{"id":"` + secret + `"}]}`},
		"a cut exchange":    {},
		"a redirect":        {status: 307, header: map[string]string{"Location": "https://elsewhere.example/hanako-secret"}},
		"errors of a batch": batched(207, nil, `{"category":"`+secret+`","message":"`+secret+`","context":{"propertyName":["`+secret+`"]}}`),
	} {
		t.Run(what, func(t *testing.T) {
			c, _ := scripted(t, func(call) reply { return a })
			_, err := c.Changes(t.Context(), connector.Scope{}, "")
			got, second := c.Get(t.Context(), nil, []string{"101"})
			_, third := c.Groups(t.Context())
			_, fifth := c.Identify(t.Context())
			f := person(1)
			f[record.Email] = text(secret)
			rs, fourth := c.Apply(t.Context(), []connector.Write{create(f), {Op: connector.Delete, ID: "101"}})
			said := fmt.Sprint(err, second, third, fourth, fifth)
			for _, r := range rs {
				said += fmt.Sprint(r.Err)
			}
			for _, g := range got {
				said += fmt.Sprint(g.Err)
			}
			if strings.Contains(said, "secret") {
				t.Errorf("got %s", said)
			}
		})
	}
}

func TestThousandsInTheRecyclingBinAreNotReadOneByOne(t *testing.T) {
	c, s := scripted(t, func(k call) reply {
		if !strings.HasSuffix(k.path, "/batch/read") {
			return refusal(404, "OBJECT_NOT_FOUND", "no")
		}
		var list []string
		for _, in := range k.inputs() {
			if k.query.Get("archived") == "true" {
				list = append(list, strings.Replace(row(in["id"].(string)), `"archived":false`, `"archived":true`, 1))
			}
		}
		return batched(200, list)
	})
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprint(101 + i)
	}
	list, err := c.Get(t.Context(), nil, ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range list {
		if g.Status != connector.StatusGone {
			t.Errorf("%s: got status %d, want gone", g.ID, g.Status)
		}
	}
	if len(s.calls) > 5 {
		t.Errorf("it took %d calls: at 11 a second, no run comes to the end of a few thousand", len(s.calls))
	}
}

func TestATokenOfUnknownLifeIsNotRenewedForEachCall(t *testing.T) {
	for _, life := range []string{`null`, `0`, `-5`, `9223372037`} {
		hc := &http.Client{Transport: answering(`{"access_token":"a","refresh_token":"r","token_type":"bearer","expires_in":` + life + `}`)}
		got, err := hubspot.Provider{Clock: clock.NewVirtual(start, true)}.Refresh(t.Context(), hc, oauth.Client{ID: "id", Secret: "s"}, oauth.Token{Refresh: "r"})
		if err != nil {
			t.Fatal(err)
		}
		if left := got.Expiry.Sub(start); left < 10*time.Minute {
			t.Errorf("expires_in %s: it expires after %s, so that every call renews it", life, left)
		}
	}
}

// answering is a server that gives the same answer to everything.
type answering string

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(a))), Request: r}, nil
}

func TestNobodyLeavesASegmentByAnOddAnswer(t *testing.T) {
	for what, answer := range map[string]string{
		"an error with a good status": `{"status":"error","message":"Internal error"}`,
		"nothing":                     `{}`,
		"null":                        `{"results":null}`,
		"null for the contact":        `{"results":[{"objectTypeId":"0-1","recordId":"101","recordListMemberships":null}]}`,
	} {
		t.Run(what, func(t *testing.T) {
			c, _ := scripted(t, func(k call) reply {
				switch {
				case k.op() == "POST "+contactsPath+"/search":
					return rows(`,"total":1`, row("101", "lastmodifieddate", "2026-11-20T10:00:00Z"))
				case k.op() == "POST "+contactsPath+"/batch/read":
					return batched(200, []string{row("101", "firstname", "Jon")})
				case strings.Contains(k.path, "/lists/") && strings.HasSuffix(k.path, "/7/memberships"):
					return rows("")
				case strings.Contains(k.path, "memberships/batch/read"):
					return reply{status: 200, body: answer}
				case strings.Contains(k.path, "/lists/"):
					return reply{status: 200, body: `{"status":"error","message":"Internal error"}`}
				}
				return rows("")
			})
			cursor := page(t, c, connector.Scope{Groups: []string{"7"}}, "").Next
			if p, err := c.Changes(t.Context(), connector.Scope{}, cursor); err == nil && ids(p) != "101?" {
				t.Errorf("got %q, want that it is not known whether the contact is in the segment, or an error", ids(p))
			}
		})
	}
	t.Run("nor do all of them", func(t *testing.T) {
		c, _ := scripted(t, func(call) reply { return reply{status: 200, body: `{"results":[{"recordId":null},{"recordId":""}]}`} })
		if list, _, err := c.Members(t.Context(), connector.Scope{Groups: []string{"7"}}, ""); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("got %v, %v", list, err)
		}
	})
	t.Run("and no segments are not none", func(t *testing.T) {
		c, _ := scripted(t, func(call) reply { return reply{status: 200, body: `{"status":"error","message":"Internal error"}`} })
		if list, err := c.Groups(t.Context()); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("got %v, %v", list, err)
		}
	})
}
