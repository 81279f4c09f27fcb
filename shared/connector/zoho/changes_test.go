package zoho_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

var ctx = context.Background()

func page(t *testing.T, c connector.Connector, s connector.Scope, cur string) connector.Page {
	t.Helper()
	p, err := c.Changes(ctx, s, cur)
	if err != nil {
		t.Fatalf("Changes: %v", err)
	}
	return p
}

func TestFullListing(t *testing.T) {
	t.Run("goes by modified time with page tokens and starts the next from the vendor's clock", func(t *testing.T) {
		old := start.Add(-time.Hour)
		c, s := scripted(t, func(c call) reply {
			switch {
			case c.path == "/Contacts/deleted":
				return nothing
			case c.header.Get("If-Modified-Since") != "":
				return unchanged
			case c.query.Get("page_token") == "":
				return rows(true, "tok", old, 1, 2)
			}
			return rows(false, "", old, 3)
		})
		p := page(t, c, connector.Scope{Fields: []record.Key{record.NameGiven, record.Email}}, "")
		if ids(p) != "1,2" || !p.More || !p.Full || !p.Since.Equal(start) {
			t.Errorf("first page: %s, more %v, full %v, since %s", ids(p), p.More, p.Full, p.Since)
		}
		p = page(t, c, connector.Scope{}, p.Next)
		if ids(p) != "3" || p.More || !p.Full {
			t.Errorf("second page: %s, more %v, full %v", ids(p), p.More, p.Full)
		}
		q := s.calls[0].query
		if q.Get("fields") != "Created_Time,Modified_Time,First_Name,Email,Secondary_Email" || q.Get("sort_by") != "Modified_Time" || q.Get("sort_order") != "asc" {
			t.Errorf("query %v", q)
		}
		if s.calls[1].query.Has("page") {
			t.Error("a page token goes without a page")
		}
		s.calls = nil
		p = page(t, c, connector.Scope{}, p.Next)
		if p.More || p.Full || len(p.Changed)+len(p.Deleted) != 0 || len(s.calls) != 2 {
			t.Errorf("quiet: %+v in %d calls", p, len(s.calls))
		}
		want := start.Add(-time.Minute).Format("2006-01-02T15:04:05-07:00")
		for _, c := range s.calls {
			if got := c.header.Get("If-Modified-Since"); got != want {
				t.Errorf("%s since %q, want %q", c.path, got, want)
			}
		}
	})
	t.Run("goes on past the ceiling from the newest time met", func(t *testing.T) {
		second := start.Add(-time.Hour)
		c, s := scripted(t, func(c call) reply {
			switch {
			case c.header.Get("If-Modified-Since") != "":
				return rows(false, "", second, 2, 3)
			case c.query.Get("page_token") != "":
				return refusal(400, "PAGINATION_LIMIT_EXCEEDED", "{}")
			}
			return rows(true, "tok", second, 1, 2)
		})
		p := page(t, c, connector.Scope{}, "")
		p = page(t, c, connector.Scope{}, p.Next)
		if ids(p) != "2,3" || p.More || !p.Full {
			t.Errorf("after the ceiling: %s, more %v, full %v", ids(p), p.More, p.Full)
		}
		last := s.calls[len(s.calls)-1]
		if got, want := last.header.Get("If-Modified-Since"), second.Add(-time.Second).Format("2006-01-02T15:04:05-07:00"); got != want || last.query.Has("page_token") {
			t.Errorf("went on from %q with %v, want %q without a token", got, last.query, want)
		}
	})
	t.Run("says so when one second holds more than a listing", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			if c.query.Get("page_token") != "" {
				return refusal(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "{}")
			}
			return rows(true, "tok", start.Add(-time.Hour), 1, 2)
		})
		p := page(t, c, connector.Scope{}, "")
		p = page(t, c, connector.Scope{}, p.Next) // taken up once
		_, err := c.Changes(ctx, connector.Scope{}, p.Next)
		var bad *connector.InvalidError
		if !errors.As(err, &bad) {
			t.Errorf("got %v, want an InvalidError", err)
		}
	})
	t.Run("begins again when a page token has expired", func(t *testing.T) {
		for _, code := range []string{"EXPIRED_VALUE", "TOKEN_BOUND_DATA_MISMATCH"} {
			c, _ := scripted(t, func(c call) reply {
				if c.query.Get("page_token") != "" {
					return refusal(400, code, "{}")
				}
				return rows(true, "tok", start, 1)
			})
			p := page(t, c, connector.Scope{}, "")
			if _, err := c.Changes(ctx, connector.Scope{}, p.Next); !errors.Is(err, connector.ErrCursorExpired) {
				t.Errorf("%s: got %v, want ErrCursorExpired", code, err)
			}
		}
	})
	t.Run("takes the listing up again when an announced page does not come", func(t *testing.T) {
		n := 0
		c, _ := scripted(t, func(c call) reply {
			switch n++; n {
			case 1:
				return rows(true, "tok", start.Add(-time.Hour), 1)
			case 2:
				return nothing
			}
			return rows(false, "", start.Add(-time.Hour), 1, 2)
		})
		p := page(t, c, connector.Scope{}, "")
		p = page(t, c, connector.Scope{}, p.Next)
		if ids(p) != "1,2" || p.More {
			t.Errorf("got %s, more %v; want the rest", ids(p), p.More)
		}
	})
	t.Run("refuses the same records under another page token", func(t *testing.T) {
		n := 0
		c, _ := scripted(t, func(call) reply {
			n++
			return rows(true, fmt.Sprint("tok", n), start.Add(-time.Hour), 1, 2)
		})
		p := page(t, c, connector.Scope{}, "")
		if _, err := c.Changes(ctx, connector.Scope{}, p.Next); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("got %v, want ErrTransient", err)
		}
	})
	t.Run("pages by number where no token comes, and begins again where numbers end", func(t *testing.T) {
		n := 0
		c, s := scripted(t, func(call) reply {
			n++
			return rows(n < 12, "", start.Add(time.Duration(n-60)*time.Minute), n)
		})
		var cur, got string
		for more := true; more; {
			p := page(t, c, connector.Scope{}, cur)
			cur, more, got = p.Next, p.More, got+ids(p)+" "
		}
		if got != "1 2 3 4 5 6 7 8 9 10 11 12 " {
			t.Errorf("listed %s", got)
		}
		if p := s.calls[9].query.Get("page"); p != "10" {
			t.Errorf("the tenth page was asked for as %q", p)
		}
		again := s.calls[10]
		if since := again.header.Get("If-Modified-Since"); again.query.Has("page") || since != "2026-10-02T08:09:59+00:00" {
			t.Errorf("went on with %v since %q", again.query, since)
		}
	})
	t.Run("refuses a page that cannot be one", func(t *testing.T) {
		for name, body := range map[string]string{
			"empty data":       `{"data":[],"info":{"count":0,"more_records":false}}`,
			"no data":          `{"info":{"more_records":true}}`,
			"short of a count": `{"data":[{"id":"1","Modified_Time":"2026-10-02T18:00:00+09:00"}],"info":{"count":2,"more_records":false}}`,
			"without ids":      `{"data":[{"Modified_Time":"2026-10-02T18:00:00+09:00"}],"info":{"count":1,"more_records":false}}`,
			"an error inside":  `{"code":"INTERNAL_ERROR","details":{},"message":"x","status":"error"}`,
			"data of no list":  `{"data":{"id":"1"},"info":{}}`,
		} {
			c, _ := scripted(t, func(call) reply { return reply{status: 200, body: body} })
			if _, err := c.Changes(ctx, connector.Scope{}, ""); !errors.Is(err, connector.ErrTransient) {
				t.Errorf("%s: got %v, want ErrTransient", name, err)
			}
		}
	})
	t.Run("refuses more fields than a listing holds, by name", func(t *testing.T) {
		c, s := scripted(t, func(call) reply { return nothing })
		var extra []string
		for i := range 60 {
			extra = append(extra, fmt.Sprintf(`{"api_name":"C%d","display_label":"c","data_type":"text","custom_field":true}`, i))
		}
		s.fields = `{"fields":[` + strings.Join(extra, ",") + `]}`
		_, err := c.Changes(ctx, connector.Scope{}, "")
		var bad *connector.InvalidError
		if !errors.As(err, &bad) || bad.Field != "custom:C48" {
			t.Errorf("got %v, want an InvalidError of custom:C48", err)
		}
		if len(s.calls) != 0 {
			t.Errorf("%d calls were made all the same", len(s.calls))
		}
	})
}

func TestChangeListing(t *testing.T) {
	// begin returns a cursor between listings, for the given views.
	begin := func(t *testing.T, answer func(c call) reply, views ...string) (connector.Connector, *script, string) {
		first := true
		c, s := scripted(t, func(c call) reply {
			if first {
				return nothing
			}
			return answer(c)
		})
		p := page(t, c, connector.Scope{Groups: views, Fields: []record.Key{record.NameGiven}}, "")
		first = false
		s.calls = nil
		s.clock.Advance(10 * time.Minute)
		return c, s, p.Next
	}
	recent := start.Add(9 * time.Minute)

	t.Run("does not repeat what the overlap shows again", func(t *testing.T) {
		edge := start.Add(10*time.Minute - 5*time.Second)
		c, s, cur := begin(t, func(c call) reply {
			if c.path == "/Contacts/deleted" {
				return nothing
			}
			return rows(false, "", edge, 7)
		})
		p := page(t, c, connector.Scope{}, cur)
		if ids(p) != "7" {
			t.Fatalf("first: %s, want 7", ids(p))
		}
		for p.More {
			p = page(t, c, connector.Scope{}, p.Next)
		}
		s.clock.Advance(10 * time.Second)
		if p = page(t, c, connector.Scope{}, p.Next); len(p.Changed) != 0 || p.More {
			t.Errorf("again: %s, more %v; want nothing", ids(p), p.More)
		}
	})
	t.Run("repeats what was read within its own second", func(t *testing.T) {
		c, _, cur := begin(t, func(c call) reply {
			if c.path == "/Contacts/deleted" {
				return nothing
			}
			return rows(false, "", start.Add(10*time.Minute), 7)
		})
		p := page(t, c, connector.Scope{}, cur)
		for p.More {
			p = page(t, c, connector.Scope{}, p.Next)
		}
		if p = page(t, c, connector.Scope{}, p.Next); ids(p) != "7" {
			t.Errorf("got %s, want 7 once more: it may have changed again within that second", ids(p))
		}
	})
	t.Run("asks the views what changed in them, and only then", func(t *testing.T) {
		quiet := true
		c, s, cur := begin(t, func(c call) reply {
			switch {
			case c.path == "/Contacts/deleted":
				return nothing
			case c.query.Get("cvid") == "55":
				return rows(false, "", recent, 8)
			case c.query.Get("cvid") == "56", quiet:
				return unchanged
			}
			return rows(false, "", recent, 7, 8)
		}, "55", "56")
		p := page(t, c, connector.Scope{}, cur)
		if len(p.Changed) != 0 || len(s.calls) != 2 {
			t.Fatalf("quiet: %s in %d calls", ids(p), len(s.calls))
		}
		quiet = false
		s.calls = nil
		marks := map[string][]connector.Membership{}
		for more := true; more; more = p.More {
			p = page(t, c, connector.Scope{}, p.Next)
			for _, it := range p.Changed {
				marks[it.ID] = append(marks[it.ID], it.Scope)
			}
		}
		if got, want := fmt.Sprint(marks), fmt.Sprint(map[string][]connector.Membership{"7": {connector.ScopeUnknown}, "8": {connector.InScope}}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if len(s.calls) != 4 {
			t.Errorf("%d calls, want 4", len(s.calls))
		}
		for _, c := range s.calls[1:3] {
			if c.query.Has("sort_by") || c.header.Get("If-Modified-Since") == "" {
				t.Errorf("a view was asked with %v", c.query)
			}
		}
	})
	t.Run("begins the scan again when a page token has expired", func(t *testing.T) {
		n := 0
		c, s, cur := begin(t, func(c call) reply {
			if c.path == "/Contacts/deleted" {
				return nothing
			}
			switch n++; n {
			case 1:
				return rows(true, "tok", recent, 7)
			case 2:
				return refusal(400, "EXPIRED_VALUE", "{}")
			}
			return rows(false, "", recent.Add(time.Second), 9)
		})
		p := page(t, c, connector.Scope{}, cur)
		p = page(t, c, connector.Scope{}, p.Next)
		if ids(p) != "9" {
			t.Errorf("got %s, want 9", ids(p))
		}
		last := s.calls[len(s.calls)-1]
		if last.query.Has("page_token") || last.header.Get("If-Modified-Since") == "" {
			t.Errorf("the scan began again with %v", last.query)
		}
	})
	t.Run("tells deletions once, and not of what can be read again", func(t *testing.T) {
		feed := fmt.Sprintf(`{"data":[{"id":"3","type":"recycle","deleted_time":%q},{"id":"4","type":"permanent","deleted_time":%q},{"id":"5","type":"recycle","deleted_time":%q}],"info":{"count":3,"more_records":false}}`,
			stamp(recent), stamp(recent), stamp(start.Add(-time.Hour)))
		c, s, cur := begin(t, func(c call) reply {
			switch {
			case c.path == "/Contacts/deleted":
				return reply{status: 200, body: feed}
			case c.query.Has("ids"):
				return rows(false, "", recent, 4) // restored
			}
			return unchanged
		})
		p := page(t, c, connector.Scope{}, cur)
		if dead(p) != "3" || p.Deleted[0].Evidence != connector.EvidenceAccount {
			t.Errorf("deleted %s, want 3 (4 can be read, 5 is from before)", dead(p))
		}
		if q := s.calls[1].query; q.Get("type") != "all" || q.Get("page") != "1" {
			t.Errorf("the feed was asked with %v", q)
		}
		if p = page(t, c, connector.Scope{}, p.Next); len(p.Deleted) != 0 {
			t.Errorf("told again: %s", dead(p))
		}
	})
	t.Run("refuses a feed page that repeats", func(t *testing.T) {
		c, _, cur := begin(t, func(c call) reply {
			switch {
			case c.path == "/Contacts/deleted":
				return reply{status: 200, body: fmt.Sprintf(`{"data":[{"id":"3","deleted_time":%q}],"info":{"more_records":true}}`, stamp(recent))}
			case c.query.Has("ids"):
				return nothing
			}
			return unchanged
		})
		p := page(t, c, connector.Scope{}, cur)
		if _, err := c.Changes(ctx, connector.Scope{}, p.Next); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("got %v, want ErrTransient", err)
		}
	})
	t.Run("trusts the earlier of the vendor's clock and ours", func(t *testing.T) {
		c, s, cur := begin(t, func(c call) reply {
			if c.path == "/Contacts/deleted" {
				return nothing
			}
			return reply{status: 304, header: map[string]string{"Date": start.Add(24 * time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT")}}
		})
		p := page(t, c, connector.Scope{}, cur)
		s.calls = nil
		page(t, c, connector.Scope{}, p.Next)
		if got, want := s.calls[0].header.Get("If-Modified-Since"), "2026-10-02T09:09:00+00:00"; got != want {
			t.Errorf("since %q, want %q", got, want)
		}
	})
}

func TestMembersPageThroughEveryView(t *testing.T) {
	c, s := scripted(t, func(c call) reply {
		switch {
		case c.query.Get("cvid") == "55" && !c.query.Has("page_token"):
			return rows(true, "tok", start, 1, 2)
		case c.query.Get("cvid") == "55":
			return rows(false, "", start, 3)
		case c.query.Get("cvid") == "56":
			return nothing
		}
		return rows(false, "", start, 4)
	})
	var got []string
	for cur, n := "", 0; ; n++ {
		some, next, err := c.Members(ctx, connector.Scope{Groups: []string{"55", "56", "57"}}, cur)
		if err != nil || n > 9 {
			t.Fatal(err)
		}
		got = append(got, some...)
		if cur = next; cur == "" {
			break
		}
	}
	if strings.Join(got, ",") != "1,2,3,4" || len(s.calls) != 4 {
		t.Errorf("got %v in %d calls", got, len(s.calls))
	}
	if f := s.calls[0].query.Get("fields"); f != "id" {
		t.Errorf("fields %q, want id", f)
	}
}
