package sansan_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/sansan"
)

func TestOddAnswers(t *testing.T) {
	calls := map[string]func(*sansan.Connector) error{
		"Changes": func(c *sansan.Connector) error { _, err := c.Changes(t.Context(), connector.Scope{}, ""); return err },
		"Members": func(c *sansan.Connector) error {
			_, _, err := c.Members(t.Context(), connector.Scope{}, "")
			return err
		},
		"Groups":   func(c *sansan.Connector) error { _, err := c.Groups(t.Context()); return err },
		"Identify": func(c *sansan.Connector) error { _, err := c.Identify(t.Context()); return err },
		"Get": func(c *sansan.Connector) error {
			got, err := c.Get(t.Context(), nil, []string{"700001"})
			if err == nil {
				err = got[0].Err
			}
			return err
		},
	}
	for name, a := range map[string]reply{
		"HTML with 200": {200, "<html>Sign in</html>", nil}, "nothing with 200": {200, "", nil}, "an empty object": {200, "{}", nil}, "null": {200, "null", nil},
		"a list": {200, "[]", nil}, "cut off": {200, `{"hasMore":true,"data":[{"id":"1","pers`, nil}, "data that is none": {200, `{"data":"x"}`, nil},
		"records that are none": {200, `{"data":[7]}`, nil}, "HTML with 502": {502, "<html>no</html>", nil}, "HTML with 400": {400, " <html>no</html>", nil},
		"a redirect": {302, "", map[string]string{"Location": "https://elsewhere.example/"}}, "no connection": {},
	} {
		for what, do := range calls {
			c, v := over(t, sansan.Config{})
			v.before = func(call) *reply { return &a }
			if err := do(c); !errors.Is(err, connector.ErrTransient) {
				t.Errorf("%s, %s: got error %v, want it taken for a broken exchange", what, name, err)
			}
		}
	}
	t.Run("what forbids the API says who can allow it", func(t *testing.T) {
		for what, do := range calls {
			c, v := over(t, sansan.Config{})
			v.before = func(call) *reply { return &reply{status: 403} }
			var no *connector.ForbiddenError
			if err := do(c); !errors.As(err, &no) || no.Cure == "" {
				t.Errorf("%s: got error %v", what, err)
			}
		}
	})
	t.Run("a version of the API that is over is not the user's fault", func(t *testing.T) {
		for what, do := range calls {
			c, v := over(t, sansan.Config{})
			v.before = func(call) *reply { return &reply{status: 404} }
			if err := do(c); what != "Get" && !errors.Is(err, connector.ErrMisconfigured) {
				t.Errorf("%s: got error %v", what, err)
			}
		}
	})
	t.Run("too many calls wait for five minutes unless told otherwise", func(t *testing.T) {
		for what, do := range calls {
			for after, want := range map[string]time.Duration{"": 5 * time.Minute, "soon": 5 * time.Minute, "0": 5 * time.Minute, "90": 90 * time.Second,
				start.Add(10 * time.Minute).Format("Mon, 02 Jan 2006 15:04:05 GMT"): 10 * time.Minute} {
				c, v := over(t, sansan.Config{Patience: time.Minute})
				v.before = func(call) *reply { return &reply{status: 429, header: map[string]string{"Retry-After": after}} }
				var th *connector.ThrottledError
				if err := do(c); !errors.As(err, &th) || th.After != want {
					t.Errorf("%s, Retry-After %q: got error %v", what, after, err)
				}
			}
		}
	})
	t.Run("a short wait is waited out", func(t *testing.T) {
		c, v := over(t, sansan.Config{Patience: time.Minute})
		v.add(1, start)
		v.before = func(call) *reply {
			if len(v.calls) < 3 {
				return &reply{status: 429, header: map[string]string{"Retry-After": "20"}}
			}
			return nil
		}
		if items, _ := listing(t, c, connector.Scope{}, ""); len(items) != 1 || v.clock.Now().Sub(start) < 40*time.Second {
			t.Errorf("%d items after %s", len(items), v.clock.Now().Sub(start))
		}
	})
}

func TestPagesThatCannotBeTrue(t *testing.T) {
	for name, before := range map[string]func(v *vendor) func(call) *reply{
		"the same page again": func(v *vendor) func(call) *reply {
			return func(c call) *reply {
				if tok := c.query.Get("nextPageToken"); tok != "" {
					c.query.Set("nextPageToken", "0")
					return v.answer(c)
				}
				return nil
			}
		},
		"a token that leads nowhere": func(v *vendor) func(call) *reply {
			return func(c call) *reply {
				if c.query.Get("nextPageToken") != "" {
					return ok(map[string]any{"hasMore": true, "nextPageToken": "300", "data": []any{v.cards[0].members}})
				}
				return nil
			}
		},
		"an empty page in the middle, for a moment": func(v *vendor) func(call) *reply {
			struck := false
			return func(c call) *reply {
				if c.query.Get("nextPageToken") != "" && !struck {
					struck = true
					return ok(map[string]any{"hasMore": false, "data": []any{}})
				}
				return nil
			}
		},
		"nobody at all, for a moment": func(v *vendor) func(call) *reply {
			struck := false
			return func(c call) *reply {
				if c.to(t).Equal(start) && !struck {
					struck = true
					return ok(map[string]any{"hasMore": false, "data": []any{}})
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, v := over(t, sansan.Config{})
			for i := range 700 {
				v.add(i, start)
			}
			v.before = before(v)
			var err error
			seen := map[string]int{}
			for cursor, pages := "", 0; err == nil && pages < 50; pages++ {
				var p connector.Page
				p, err = c.Changes(t.Context(), connector.Scope{}, cursor)
				maps.Copy(seen, named(p.Changed))
				if err == nil && !p.More {
					break
				}
				cursor = p.Next
			}
			// What lasted for a moment only may have been read again meanwhile; then everybody is there.
			if !errors.Is(err, connector.ErrTransient) && (err != nil || len(seen) != 700) {
				t.Errorf("got error %v and %d of 700 people", err, len(seen))
			}
		})
	}
}
