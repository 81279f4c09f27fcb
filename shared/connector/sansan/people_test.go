package sansan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/sansan"
	"meibo/shared/oauth"
	"meibo/shared/record"
)

func owner(id string) map[string]any { return map[string]any{"id": id, "name": "別の 人"} }

func TestGet(t *testing.T) {
	c, v := over(t, sansan.Config{Owner: "5001"})
	v.add(1, start)
	t.Run("reads with and without the wrapper of old versions", func(t *testing.T) {
		wrapped := getOne(t, c, "700001")
		v.before = func(call) *reply { return ok(map[string]any{"id": "700001", "headBizCard": v.cards[0].members}) }
		bare := getOne(t, c, "700001")
		if wrapped.Status != connector.StatusFound || bare.Status != connector.StatusFound || wrapped.Item.Version != bare.Item.Version {
			t.Errorf("got %+v and %+v", wrapped, bare)
		}
	})
	t.Run("follows a merge", func(t *testing.T) {
		v.before = func(call) *reply {
			return ok(map[string]any{"item": map[string]any{"id": "700001", "headBizCard": v.cards[0].members}})
		}
		if got := getOne(t, c, "700099"); got.Status != connector.StatusFound || got.Item.ID != "700001" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("goes by the card where the person disagrees", func(t *testing.T) {
		v.before = func(call) *reply {
			return ok(map[string]any{"item": map[string]any{"id": "700099", "headBizCard": v.cards[0].members}})
		}
		if got := getOne(t, c, "700099"); got.Item.ID != "700001" {
			t.Errorf("got %+v", got)
		}
	})
	for name, x := range map[string]struct {
		a    reply
		want connector.Status
	}{
		"404 is no evidence of a deletion":           {reply{status: 404}, connector.StatusInvisible},
		"410 is none either":                         {reply{status: 410}, connector.StatusInvisible},
		"403 fails by itself":                        {reply{status: 403}, connector.StatusFailed},
		"400 fails by itself":                        {reply{status: 400}, connector.StatusFailed},
		"a person without a card fails by itself":    {*ok(map[string]any{"item": map[string]any{"id": "700001", "headBizCard": nil}}), connector.StatusFailed},
		"a person without an id at all fails itself": {*ok(map[string]any{"headBizCard": map[string]any{"id": "1"}}), connector.StatusFailed},
	} {
		t.Run(name, func(t *testing.T) {
			v.before = func(k call) *reply {
				if k.path == "/persons/700002" {
					return &x.a
				}
				return nil
			}
			got, err := c.Get(t.Context(), nil, []string{"700002", "700001"})
			if err != nil || got[0].Status != x.want || got[1].Status != connector.StatusFound {
				t.Fatalf("got %+v, %v", got, err)
			}
			if (x.want == connector.StatusFailed) != (got[0].Err != nil) {
				t.Errorf("got error %v", got[0].Err)
			}
		})
	}
	t.Run("an id that is none is not asked for", func(t *testing.T) {
		v.before = nil
		v.reset()
		for _, id := range []string{"", "..", "a/b", "1?x=y", "名刺", strings.Repeat("7", 100)} {
			if got := getOne(t, c, id); got.Status != connector.StatusInvisible {
				t.Errorf("%q: got %+v", id, got)
			}
		}
		if len(v.calls) != 0 {
			t.Errorf("%d calls", len(v.calls))
		}
	})
	t.Run("a card that is not read in yet says nothing", func(t *testing.T) {
		v.cards[0].members["entryStatus"] = "processing"
		defer func() { v.cards[0].members["entryStatus"] = "completed" }()
		if got := getOne(t, c, "700001"); got.Status != connector.StatusFound || len(got.Item.Record.Fields) != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestWhoseAPersonIs(t *testing.T) {
	for name, cfg := range map[string]sansan.Config{"as configured": {Owner: "5001"}, "as learnt": {}} {
		t.Run(name, func(t *testing.T) {
			c, v := over(t, cfg)
			mine, theirs := v.add(1, start), v.add(2, start)
			theirs.members["owner"] = owner("6001")
			v.before = func(k call) *reply { // listings are of the key's own
				if k.path == "/bizCards" {
					return ok(map[string]any{"hasMore": false, "data": []any{mine.members}})
				}
				return nil
			}
			if _, err := c.Changes(t.Context(), connector.Scope{}, ""); err != nil {
				t.Fatal(err)
			}
			if got := getOne(t, c, "700001"); got.Item.Scope != connector.InScope {
				t.Errorf("the owner's own: %+v", got)
			}
			if got := getOne(t, c, "700002"); got.Status != connector.StatusFound || got.Item.Scope != connector.OutOfScope {
				t.Errorf("handed over: %+v", got)
			}
			own := v.add(2, start)
			own.members["title"] = "わたしの名刺"
			v.cards = append(v.cards[:1], theirs, own)
			if got := getOne(t, c, "700002"); got.Item.Scope != connector.InScope || got.Item.Record.Fields.First(record.OrgTitle) != "わたしの名刺" {
				t.Errorf("of whom both have a card: %+v", got)
			}
			v.before = func(k call) *reply {
				if k.path == "/bizCards/search" {
					return &reply{status: 404}
				}
				return nil
			}
			if got := getOne(t, c, "700002"); got.Item.Scope != connector.OutOfScope {
				t.Errorf("with an API that does not search: %+v", got)
			}
			v.before = func(k call) *reply {
				if k.path == "/bizCards/search" {
					return &reply{status: 401}
				}
				return nil
			}
			var lost *connector.AuthLostError
			if _, err := c.Get(t.Context(), nil, []string{"700002"}); !errors.As(err, &lost) {
				t.Errorf("a key that ends here: got error %v", err)
			}
		})
	}
	t.Run("is learnt by one look where nothing was listed", func(t *testing.T) {
		c, v := over(t, sansan.Config{})
		v.add(1, start)
		for range 3 {
			getOne(t, c, "700001")
		}
		if len(v.calls) != 4 {
			t.Errorf("%d calls, want 4", len(v.calls))
		}
	})
	t.Run("cards of others in a listing are out of scope", func(t *testing.T) {
		c, v := over(t, sansan.Config{Owner: "6001"})
		v.add(1, start)
		items, _ := listing(t, c, connector.Scope{}, "")
		if len(items) != 1 || items[0].Scope != connector.OutOfScope {
			t.Errorf("got %+v", items)
		}
		if ids, _, err := c.Members(t.Context(), connector.Scope{}, ""); err != nil || len(ids) != 0 {
			t.Errorf("the scan names %v, %v", ids, err)
		}
	})
}

func TestIdentify(t *testing.T) {
	c, v := over(t, sansan.Config{})
	t.Run("tells the owner of the latest card", func(t *testing.T) {
		v.add(1, start.Add(-100*24*time.Hour))
		who, err := c.Identify(t.Context())
		want := connector.Identity{AccountID: "5001", Email: "aiko.morita@example.jp", Name: "森田 愛子"}
		if err != nil || fmt.Sprint(who) != fmt.Sprint(want) || len(v.calls) != 4 {
			t.Errorf("got %+v, %v in %d calls", who, err, len(v.calls))
		}
		for _, k := range v.calls {
			if k.query.Get("range") != "me" || k.query.Get("limit") != "1" || k.to(t).Sub(k.from(t)) > month {
				t.Errorf("asked for %v", k.query)
			}
		}
	})
	t.Run("takes the name where there is no address", func(t *testing.T) {
		v.cards[0].members["owner"] = map[string]any{"id": "5001", "name": "森田 愛子", "email": "null"}
		if who, err := c.Identify(t.Context()); err != nil || who.Email != "森田 愛子" || who.AccountID != "5001" {
			t.Errorf("got %+v, %v", who, err)
		}
	})
	t.Run("shrinks what is refused", func(t *testing.T) {
		v.span = 8 * 24 * time.Hour
		defer func() { v.span = 0 }()
		if who, err := c.Identify(t.Context()); err != nil || who.AccountID != "5001" {
			t.Errorf("got %+v, %v", who, err)
		}
	})
	t.Run("says to scan a card where there is none within a year", func(t *testing.T) {
		v.cards[0].updated = start.Add(-366 * 24 * time.Hour)
		v.reset()
		var no *oauth.RefusedError
		if _, err := c.Identify(t.Context()); !errors.As(err, &no) || no.Code != "no_card" || !strings.Contains(no.Cure, "scan") {
			t.Errorf("got error %v", err)
		}
		if n := len(v.calls); n != 13 {
			t.Errorf("%d calls", n)
		}
	})
	t.Run("a key that is refused is told as lost", func(t *testing.T) {
		v.before = func(call) *reply { return &reply{status: 401} }
		var lost *connector.AuthLostError
		if _, err := c.Identify(t.Context()); !errors.As(err, &lost) {
			t.Errorf("got error %v", err)
		}
	})
}

func TestTags(t *testing.T) {
	c, v := over(t, sansan.Config{})
	tag := func(id, name any) map[string]any { return map[string]any{"id": id, "name": name, "type": "private"} }
	pages := map[string]*reply{
		"":  ok(map[string]any{"hasMore": true, "nextPageToken": "2", "data": []any{tag("1", "展示会"), tag("2", "null"), tag("a b", "x"), tag("everything", "x")}}),
		"2": ok(map[string]any{"hasMore": false, "nextPageToken": nil, "data": []any{tag("1", "展示会"), tag("3", "重要")}}),
	}
	v.before = func(k call) *reply {
		if k.path == "/tags" {
			return pages[k.query.Get("nextPageToken")]
		}
		return nil
	}
	t.Run("are listed after everything", func(t *testing.T) {
		gs, err := c.Groups(t.Context())
		if err != nil || len(gs) != 3 || !gs[0].Everything || gs[1].ID != "1" || gs[2].Name != "重要" || gs[2].Writable {
			t.Errorf("got %+v, %v", gs, err)
		}
	})
	t.Run("that do not end are not believed", func(t *testing.T) {
		pages["2"] = ok(map[string]any{"nextPageToken": "2", "data": []any{}})
		v.reset()
		if _, err := c.Groups(t.Context()); !errors.Is(err, connector.ErrTransient) || len(v.calls) > 2 {
			t.Errorf("got error %v after %d calls", err, len(v.calls))
		}
		v.before = func(k call) *reply {
			return ok(map[string]any{"nextPageToken": fmt.Sprint(len(v.calls)), "data": []any{}})
		}
		if _, err := c.Groups(t.Context()); !errors.Is(err, connector.ErrTransient) || len(v.calls) > 1000 {
			t.Errorf("with another token each time: got error %v after %d calls", err, len(v.calls))
		}
		v.before = nil
	})
	in, out := v.add(1, start), v.add(2, start)
	v.add(3, start) // whose tags are not told
	in.members["tags"], out.members["tags"] = []any{tag(1, "展示会"), tag("9", "x")}, []any{tag("9", "x")}
	want := map[string]connector.Membership{"700001": connector.InScope, "700002": connector.OutOfScope, "700003": connector.ScopeUnknown}
	t.Run("decide who is in scope", func(t *testing.T) {
		items, cursor := listing(t, c, connector.Scope{Groups: []string{"1", "4"}}, "")
		for _, it := range items {
			if it.Scope != want[it.ID] {
				t.Errorf("%s: got %d, want %d", it.ID, it.Scope, want[it.ID])
			}
		}
		for id, scope := range want {
			if got := getOne(t, c, id).Item.Scope; got != scope {
				t.Errorf("Get %s: got %d, want %d", id, got, scope)
			}
		}
		var ids []string
		for next, first := "", true; first || next != ""; first = false {
			some, to, err := c.Members(t.Context(), connector.Scope{Groups: []string{"1"}}, next)
			if err != nil {
				t.Fatal(err)
			}
			ids, next = append(ids, some...), to
		}
		if strings.Join(ids, ",") != "700001" {
			t.Errorf("the scan names %v", ids)
		}
		v.clock.Advance(time.Minute)
		out.members["tags"] = in.members["tags"]
		items, _ = listing(t, v.open(sansan.Config{}), connector.Scope{}, cursor)
		if len(items) != 1 || items[0].ID != "700002" || items[0].Scope != connector.InScope {
			t.Errorf("one that came in: got %+v", items)
		}
	})
	t.Run("do not matter in a scope of everything", func(t *testing.T) {
		v.reset()
		items, _ := listing(t, c, connector.Scope{Groups: []string{"1", "everything"}}, "")
		for _, it := range items {
			if it.Scope != connector.InScope {
				t.Errorf("%s: got %d", it.ID, it.Scope)
			}
		}
		if v.calls[0].query.Has("includeTags") || len(items) != 3 {
			t.Errorf("asked for %v", v.calls[0].query)
		}
	})
}

func TestPace(t *testing.T) {
	c, v := over(t, sansan.Config{Limits: sansan.DefaultLimits(), Patience: time.Minute})
	listing(t, c, connector.Scope{}, "")
	if took, n := v.clock.Now().Sub(start), len(v.calls); took < time.Duration(n/8-1)*time.Second || took > time.Duration(n/8+2)*time.Second {
		t.Errorf("%d calls took %s, want 8 a second", n, took)
	}
	if c.Ready(connector.Read, 8) == 0 || c.Ready(connector.Create, 8) != 0 {
		t.Errorf("8 reads are ready in %s, 8 creates in %s", c.Ready(connector.Read, 8), c.Ready(connector.Create, 8))
	}
}
