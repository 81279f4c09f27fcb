package sansan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/sansan"
)

func TestAWaitOfNonsenseDoesNotMakeACallEndless(t *testing.T) {
	for _, wait := range []string{"9223372037", "99999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		c, v := over(t, sansan.Config{Patience: time.Minute})
		v.before = func(call) *reply {
			if len(v.calls) > 100 {
				t.Fatal("it goes on asking")
			}
			return &reply{status: 429, header: map[string]string{"Retry-After": wait}}
		}
		var th *connector.ThrottledError
		if _, err := c.Changes(t.Context(), connector.Scope{}, ""); !errors.As(err, &th) || th.After <= 0 || th.After > 24*time.Hour {
			t.Errorf("%s: got %v, want to be told to wait a day at most", wait, err)
		}
	}
}

func TestAFullPageThatDoesNotSayHowItGoesOnIsNotTheLast(t *testing.T) {
	for what, ends := range map[string]map[string]any{
		"a token of null":    {"hasMore": true, "nextPageToken": nil},
		"no token":           {"hasMore": true},
		"a token of nothing": {"hasMore": true, "nextPageToken": ""},
		"nothing at all":     {},
	} {
		t.Run(what, func(t *testing.T) {
			c, v := over(t, sansan.Config{})
			for n := range 1000 {
				v.add(n, start.Add(-time.Duration(n)*30*time.Minute))
			}
			v.before = func(k call) *reply {
				a := v.answer(k)
				var in map[string]any
				if json.Unmarshal([]byte(a.body), &in) != nil || in["hasMore"] != true {
					return a
				}
				delete(in, "hasMore")
				delete(in, "nextPageToken")
				maps.Copy(in, ends)
				return ok(in)
			}
			if items, _ := listing(t, c, connector.Scope{}, ""); len(named(items)) != 1000 {
				t.Errorf("%d people were listed, want 1000", len(named(items)))
			}
		})
	}
	t.Run("and where a day has more than a page, that is said", func(t *testing.T) {
		c, v := over(t, sansan.Config{})
		for n := range 400 {
			v.add(n, start.Add(-time.Duration(n)*time.Second))
		}
		v.before = func(k call) *reply {
			a := v.answer(k)
			return &reply{status: a.status, body: strings.Replace(a.body, `"nextPageToken":"300"`, `"nextPageToken":null`, 1)}
		}
		var p connector.Page
		var err error
		for cursor, pages := "", 0; err == nil && (pages == 0 || p.More); pages++ {
			p, err = c.Changes(t.Context(), connector.Scope{}, cursor)
			cursor = p.Next
		}
		if !errors.Is(err, connector.ErrTransient) {
			t.Errorf("the listing ended with %v, want an error: there is more", err)
		}
	})
}

func TestTokensThatGoRoundInACircleAreNotFollowedForEver(t *testing.T) {
	for _, around := range []int{2, 3, 7} {
		t.Run(fmt.Sprint(around, " pages"), func(t *testing.T) {
			c, v := over(t, sansan.Config{})
			for n := range around {
				v.add(n, start.Add(-time.Hour))
			}
			v.before = func(k call) *reply {
				if k.path != "/bizCards" || !k.to(t).Equal(start) {
					return nil
				}
				if len(v.calls) > 2000 {
					t.Fatal("it goes on asking")
				}
				n := 0
				_, _ = fmt.Sscan(k.query.Get("nextPageToken"), &n)
				return ok(map[string]any{"hasMore": true, "nextPageToken": fmt.Sprint((n + 1) % around), "data": []any{v.cards[n].members}})
			}
			var err error
			for cursor := ""; err == nil; {
				var p connector.Page
				p, err = c.Changes(t.Context(), connector.Scope{}, cursor)
				cursor = p.Next
			}
			if !errors.Is(err, connector.ErrTransient) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAThrottledFullListingGoesOnWhereItStopped(t *testing.T) {
	c, v := over(t, sansan.Config{})
	for n := range 2000 {
		v.add(n, start.Add(-time.Duration(n)*24*time.Hour))
	}
	want := len(v.cards)
	good, throttled := 0, 0
	v.before = func(call) *reply {
		if good++; good%4 == 0 {
			throttled++
			return &reply{status: 429}
		}
		return nil
	}
	seen, cursor := map[string]bool{}, ""
	for tries := 0; tries < 400; tries++ {
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
	if len(seen) != want || throttled == 0 || len(v.calls) > 500 {
		t.Errorf("%d of %d people in %d calls, %d of them throttled", len(seen), want, len(v.calls), throttled)
	}
}

func TestNothingOfACardGetsIntoAnError(t *testing.T) {
	const secret = "hanako@secret.example"
	for what, a := range map[string]reply{
		"a refusal":       {status: 400, body: `{"message":"` + secret + `"}`},
		"a failure":       {status: 500, body: secret},
		"a web page":      {status: 200, body: "<html>" + secret},
		"half an answer":  {status: 200, body: `{"data":[{"email":"` + secret},
		"another answer":  {status: 200, body: `{"error":"` + secret + `"}`},
		"a redirect":      {status: 302, header: map[string]string{"Location": "https://" + "elsewhere.example/" + secret}},
		"a lost key":      {status: 401, body: secret},
		"not allowed":     {status: 403, body: secret},
		"a cut exchange":  {},
		"data of no kind": {status: 200, body: `{"data":["` + secret + `"]}`},
	} {
		t.Run(what, func(t *testing.T) {
			c, v := over(t, sansan.Config{Owner: "5001"})
			v.before = func(call) *reply { return &a }
			_, err := c.Changes(t.Context(), connector.Scope{}, "")
			got, other := c.Get(t.Context(), nil, []string{"700001"})
			_, third := c.Groups(t.Context())
			said := fmt.Sprint(err, other, third)
			for _, g := range got {
				said += fmt.Sprint(g.Err)
			}
			if err == nil || strings.Contains(said, "secret") {
				t.Errorf("got %s", said)
			}
		})
	}
}
