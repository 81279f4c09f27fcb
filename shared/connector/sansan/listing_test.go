package sansan_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/sansan"
)

const month = 30 * 24 * time.Hour

func TestAFullListingGoesThroughAllWindowsWithoutAHole(t *testing.T) {
	c, v := over(t, sansan.Config{})
	times := []time.Time{time.Date(2007, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2012, 1, 2, 3, 4, 5, 0, time.UTC), start.Add(-month), start.Add(-time.Minute), start}
	for i, at := range times {
		v.add(i, at)
	}
	items, _ := listing(t, c, connector.Scope{}, "")
	if got := named(items); len(got) != len(times) {
		t.Errorf("%d persons, want %d", len(got), len(times))
	}
	var until time.Time
	for i, call := range v.calls {
		from, to := call.from(t), call.to(t)
		if i > 0 && !from.Equal(until) {
			t.Errorf("window %d begins at %s, the one before ended at %s", i, from, until)
		}
		if to.Sub(from) > month || !to.After(from) {
			t.Errorf("window %d is from %s to %s", i, from, to)
		}
		for k, want := range map[string]string{"range": "me", "entryStatus": "completed", "limit": "300", "includeTags": ""} {
			if got := call.query.Get(k); got != want {
				t.Errorf("%s is %q, want %q", k, got, want)
			}
		}
		if !strings.HasSuffix(call.query.Get("updatedFrom"), "+00:00") {
			t.Errorf("updatedFrom %q has no offset", call.query.Get("updatedFrom"))
		}
		until = to
	}
	if first := v.calls[0].from(t); first.Year() != 2007 || !until.Equal(start) {
		t.Errorf("from %s to %s", first, until)
	}
}

func TestAListingOfChangesReachesBackALittle(t *testing.T) {
	c, v := over(t, sansan.Config{})
	for i := range 3 {
		v.add(i, start.Add(-time.Duration(i)*24*time.Hour))
	}
	_, cursor := listing(t, c, connector.Scope{}, "")
	v.clock.Advance(30 * time.Minute)
	v.reset()
	t.Run("what the overlap shows again is not named", func(t *testing.T) {
		items, next := listing(t, v.open(sansan.Config{}), connector.Scope{}, cursor)
		if len(items) != 0 || len(v.calls) != 1 {
			t.Errorf("%d items in %d calls", len(items), len(v.calls))
		}
		if from, to := v.calls[0].from(t), v.calls[0].to(t); !from.Equal(start.Add(-time.Hour)) || !to.Equal(v.clock.Now()) {
			t.Errorf("from %s to %s", from, to)
		}
		cursor = next
	})
	t.Run("what changed is named once, though its time comes late", func(t *testing.T) {
		v.cards[1].updated = v.clock.Now().Add(-50 * time.Minute) // before the last listing, which did not show it
		v.cards[1].members["title"] = "部長"
		v.clock.Advance(5 * time.Minute)
		items, next := listing(t, c, connector.Scope{}, cursor)
		if len(items) != 1 || items[0].ID != "700001" || items[0].Record.Fields.First("org.title") != "部長" {
			t.Fatalf("got %+v", items)
		}
		if items, next = listing(t, c, connector.Scope{}, next); len(items) != 0 {
			t.Errorf("named again: %+v", items)
		}
		cursor = next
	})
	t.Run("what is edited and edited back is named both times", func(t *testing.T) {
		for _, title := range []string{"課長", "部長"} {
			v.clock.Advance(time.Minute)
			v.cards[1].updated, v.cards[1].members["title"] = v.clock.Now(), title
			var items []connector.Item
			if items, cursor = listing(t, c, connector.Scope{}, cursor); len(items) != 1 {
				t.Errorf("%s: %d items, want 1", title, len(items))
			}
		}
	})
	t.Run("after a long pause it goes in windows too", func(t *testing.T) {
		v.clock.Advance(100 * 24 * time.Hour)
		v.reset()
		listing(t, c, connector.Scope{}, cursor)
		if len(v.calls) != 4 {
			t.Errorf("%d calls, want 4", len(v.calls))
		}
	})
	t.Run("a clock that was set back loses nothing", func(t *testing.T) {
		_, late := listing(t, c, connector.Scope{}, cursor)
		v.clock = clock.NewVirtual(start, true)
		v.reset()
		_, next := listing(t, v.open(sansan.Config{}), connector.Scope{}, late)
		if len(v.calls) != 1 || !v.calls[0].to(t).Equal(start) {
			t.Errorf("%d calls, the first until %s", len(v.calls), v.calls[0].to(t))
		}
		v.clock.Advance(101 * 24 * time.Hour)
		v.reset()
		if listing(t, v.open(sansan.Config{}), connector.Scope{}, next); v.calls[0].from(t).After(start) {
			t.Errorf("then from %s", v.calls[0].from(t))
		}
	})
}

func TestWindowsThatAreRefusedShrink(t *testing.T) {
	c, v := over(t, sansan.Config{})
	v.span = 7 * 24 * time.Hour
	for i := range 40 {
		v.add(i, start.AddDate(0, -6*i, 0))
	}
	items, cursor := listing(t, c, connector.Scope{}, "")
	if got := len(named(items)); got != 39 { // the oldest is from before Sansan was
		t.Errorf("%d persons, want 39", got)
	}
	t.Run("the widest that was accepted is remembered", func(t *testing.T) {
		v.clock.Advance(60 * 24 * time.Hour)
		v.reset()
		listing(t, v.open(sansan.Config{}), connector.Scope{}, cursor)
		for _, call := range v.calls {
			if span := call.to(t).Sub(call.from(t)); span > v.span {
				t.Errorf("asked for %s again", span)
			}
		}
		if n := len(v.calls); n < 9 || n > 17 {
			t.Errorf("%d calls for 60 days", n)
		}
	})
	t.Run("who takes not even a day is not asked for ever", func(t *testing.T) {
		v.span = time.Hour
		v.reset()
		_, err := v.open(sansan.Config{}).Changes(t.Context(), connector.Scope{}, "")
		if !errors.Is(err, connector.ErrMisconfigured) {
			t.Errorf("got error %v", err)
		}
		if n := len(v.calls); n > 7 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestThousandsOfCardsOfOneSecond(t *testing.T) {
	began := time.Date(2007, 6, 1, 0, 0, 0, 0, time.UTC)
	for name, x := range map[string]struct {
		at time.Time
		n  int
	}{"within a window": {start.Add(-24 * time.Hour), 5000}, "where two windows meet": {began.Add(10 * month), 1000}, "now": {start, 1000}} {
		t.Run(name, func(t *testing.T) {
			c, v := over(t, sansan.Config{})
			for i := range x.n {
				v.add(i, x.at)
			}
			items, cursor := listing(t, c, connector.Scope{}, "")
			if got := len(named(items)); got != x.n {
				t.Errorf("%d persons, want %d", got, x.n)
			}
			if n := len(cursor); n > 8000 {
				t.Errorf("the cursor has %d bytes", n)
			}
			ids := map[string]bool{}
			for next := ""; ; {
				some, to, err := c.Members(t.Context(), connector.Scope{}, next)
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range some {
					ids[id] = true
				}
				if next = to; next == "" {
					break
				}
				if len(next) > 500 {
					t.Errorf("the scan's cursor has %d bytes", len(next))
				}
			}
			if len(ids) != x.n {
				t.Errorf("the scan names %d, want %d", len(ids), x.n)
			}
			v.clock.Advance(10 * time.Minute)
			if items, _ = listing(t, c, connector.Scope{}, cursor); name != "now" && len(items) != 0 {
				t.Errorf("the next listing names %d", len(items))
			}
		})
	}
}

func TestATokenThatEnds(t *testing.T) {
	c, v := over(t, sansan.Config{})
	for i := range 1000 {
		v.add(i, start.Add(-time.Duration(i)*24*time.Minute))
	}
	t.Run("begins its window again", func(t *testing.T) {
		refused := 0
		v.before = func(c call) *reply {
			if c.query.Get("nextPageToken") == "600" && refused == 0 {
				refused++
				return &reply{status: 400, body: `{"statusCode":400}`}
			}
			return nil
		}
		items, _ := listing(t, c, connector.Scope{}, "")
		if got := len(named(items)); got != 1000 || refused != 1 {
			t.Errorf("%d persons, want 1000; refused %d times", got, refused)
		}
	})
	t.Run("again and again takes smaller windows", func(t *testing.T) {
		v.before = func(c call) *reply {
			if c.query.Get("nextPageToken") > "300" {
				return &reply{status: 400}
			}
			return nil
		}
		items, _ := listing(t, v.open(sansan.Config{}), connector.Scope{}, "")
		if got := len(named(items)); got != 1000 {
			t.Errorf("%d persons, want 1000", got)
		}
	})
	t.Run("always does not go on for ever", func(t *testing.T) {
		for i := range v.cards {
			v.cards[i].updated = start.Add(-time.Hour)
		}
		v.before = func(c call) *reply {
			if c.query.Get("nextPageToken") != "" {
				return &reply{status: 400}
			}
			return nil
		}
		var err error
		for cursor, pages := "", 0; err == nil && pages < 100; pages++ {
			var p connector.Page
			p, err = c.Changes(t.Context(), connector.Scope{}, cursor)
			cursor = p.Next
		}
		if !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("got error %v", err)
		}
		for next, pages := "", 0; pages < 100; pages++ {
			if _, next, err = c.Members(t.Context(), connector.Scope{}, next); err != nil {
				break
			}
		}
		if !errors.Is(err, connector.ErrTransient) {
			t.Errorf("Members: got error %v", err)
		}
	})
}

func TestCardsThatComeDuringPaging(t *testing.T) {
	c, v := over(t, sansan.Config{})
	for i := range 700 {
		v.add(i, start.Add(-time.Duration(i)*time.Minute))
	}
	pages := 0
	v.before = func(k call) *reply {
		if k.query.Get("nextPageToken") != "" {
			pages++
			v.clock.Advance(time.Minute)
			v.add(1000+pages, v.clock.Now())
			v.cards[50-pages].updated = v.clock.Now() // and one changes before it was listed
			v.cards[50-pages].members["title"] = "新任"
		}
		return nil
	}
	items, cursor := listing(t, c, connector.Scope{}, "")
	v.before = nil
	v.clock.Advance(time.Minute)
	more, _ := listing(t, c, connector.Scope{}, cursor)
	got := named(append(items, more...))
	if pages == 0 || len(got) != 700+pages {
		t.Errorf("%d persons after %d pages, want %d", len(got), pages, 700+pages)
	}
	last := map[string]string{}
	for _, it := range append(items, more...) {
		last[it.ID] = it.Record.Fields.First("org.title")
	}
	for i := range pages {
		if id := fmt.Sprint(700000 + 50 - i - 1); last[id] != "新任" {
			t.Errorf("%s: the last word is %q", id, last[id])
		}
	}
}

func TestOneItemAPerson(t *testing.T) {
	c, v := over(t, sansan.Config{})
	old, moved := v.add(1, start.Add(-time.Minute)), v.add(2, start.Add(-2*time.Minute))
	older := v.add(4, start.Add(-time.Minute)) // of the person that the card moves away from
	older.members["personId"], older.members["exchangeDate"] = moved.members["personId"], "2020-01-01"
	newer := v.add(3, start.Add(-3*time.Minute))
	newer.members["personId"], newer.members["exchangeDate"] = old.members["personId"], "2026-10-01"
	again := v.add(2, start)
	again.members["personId"] = "700009"
	for _, odd := range []any{nil, "", "null", "a/b", strings.Repeat("7", 99), map[string]any{}} {
		v.add(50, start).members["personId"] = odd
	}
	v.add(60, start).members["entryStatus"] = "processing"
	items, _ := listing(t, c, connector.Scope{}, "")
	got := named(items)
	if len(items) != 3 || got["700001"] != 1 || got["700002"] != 1 || got["700009"] != 1 {
		t.Errorf("got %v: want each person once, and the card that moved only where it was last", got)
	}
	for id, want := range map[string]string{"700001": "姓3", "700002": "姓4", "700009": "姓2"} {
		i := slices.IndexFunc(items, func(it connector.Item) bool { return it.ID == id })
		if name := items[i].Record.Fields.First("name.family"); name != want {
			t.Errorf("%s reads %q, want its newest card's, %q", id, name, want)
		}
	}
}

func TestAPersonInTwoWindowsHasOneVersion(t *testing.T) {
	c, v := over(t, sansan.Config{})
	v.add(1, start.Add(-300*24*time.Hour))
	v.add(1, start)
	items, _ := listing(t, c, connector.Scope{}, "")
	versions := map[string]bool{}
	for _, it := range items {
		versions[it.Version] = true
	}
	if len(items) == 0 || len(versions) != 1 {
		t.Errorf("%d items with %d versions", len(items), len(versions))
	}
}

func TestAPersonNamedTwiceIsKnownByTheLastWord(t *testing.T) {
	c, v := over(t, sansan.Config{})
	old, now := v.add(1, start.Add(-300*24*time.Hour)), v.add(1, start)
	old.members["id"], old.members["title"], now.members["title"] = "900777", "課長", "部長"
	_, cursor := listing(t, c, connector.Scope{}, "")
	v.clock.Advance(time.Minute)
	now.members["title"] = "課長" // as the old card said
	items, _ := listing(t, c, connector.Scope{}, cursor)
	if len(items) != 1 || items[0].Record.Fields.First("org.title") != "課長" {
		t.Errorf("got %+v", items)
	}
}

func TestNoMorePagesIsSaidInTwoWays(t *testing.T) {
	for name, end := range map[string]map[string]any{
		"no more, with a token": {"hasMore": false, "nextPageToken": "7"}, "more, without a token": {"hasMore": true}, "the text null": {"hasMore": true, "nextPageToken": "null"}, "nothing": {},
	} {
		c, v := over(t, sansan.Config{})
		r := v.add(1, start)
		v.before = func(k call) *reply {
			if k.query.Has("nextPageToken") {
				t.Errorf("%s: another page was asked for", name)
			}
			end["data"] = []any{r.members}
			return ok(end)
		}
		if _, err := c.Changes(t.Context(), connector.Scope{}, ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAKeyRevokedInTheMiddle(t *testing.T) {
	c, v := over(t, sansan.Config{})
	for i := range 700 {
		v.add(i, start)
	}
	p, err := c.Changes(t.Context(), connector.Scope{}, "")
	for err == nil && len(p.Changed) == 0 {
		p, err = c.Changes(t.Context(), connector.Scope{}, p.Next)
	}
	if err != nil || !p.More {
		t.Fatalf("more %v, %v", p.More, err)
	}
	v.before = func(call) *reply { return &reply{status: 401, body: `{"statusCode":401,"message":"Unauthorized"}`} }
	var lost *connector.AuthLostError
	if _, err := c.Changes(t.Context(), connector.Scope{}, p.Next); !errors.As(err, &lost) || lost.Cure == "" {
		t.Errorf("got error %v", err)
	}
	v.before = nil
	items, _ := listing(t, c, connector.Scope{}, "")
	if got := len(named(items)); got != 700 {
		t.Errorf("with a new key: %d persons, want 700", got)
	}
}

func TestCursorsOfOthersAreRefused(t *testing.T) {
	c, _ := over(t, sansan.Config{})
	for _, cur := range []string{"x", "p1.e30", "s1.", "s1.e30", "s1.!!", "s1.bnVsbA"} {
		if _, err := c.Changes(t.Context(), connector.Scope{}, cur); !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("Changes %q: got error %v", cur, err)
		}
	}
	for _, cur := range []string{"x", "e30", "!!"} {
		if _, _, err := c.Members(t.Context(), connector.Scope{}, cur); !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("Members %q: got error %v", cur, err)
		}
	}
}

func TestTheVendorsClockIsFollowedWithinReason(t *testing.T) {
	for name, x := range map[string]struct{ date, want time.Time }{
		"behind by minutes": {start.Add(-10 * time.Minute), start.Add(-10 * time.Minute)},
		"ahead":             {start.Add(time.Hour), start},
		"broken altogether": {time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), start},
	} {
		t.Run(name, func(t *testing.T) {
			c, v := over(t, sansan.Config{})
			v.before = func(k call) *reply {
				a := v.answer(k)
				a.header = map[string]string{"Date": x.date.Format("Mon, 02 Jan 2006 15:04:05 GMT")}
				return a
			}
			_, cursor := listing(t, c, connector.Scope{}, "")
			v.reset()
			v.clock.Advance(30 * time.Minute)
			listing(t, c, connector.Scope{}, cursor)
			if from := v.calls[0].from(t); !from.Equal(x.want.Add(-time.Hour)) {
				t.Errorf("the next listing begins at %s, want an hour before %s", from, x.want)
			}
		})
	}
}
