package storetest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"meibo/shared/store"
)

func items(t *testing.T, open Open) {
	tab, clk := open(t)
	t.Run("come back as they were put", func(t *testing.T) {
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		its := []store.Item{
			{Key: key("p", "zero")},
			{Key: key("p", "numbers"), V: math.MaxInt64, Fence: math.MinInt64},
			{Key: key("p", "negative"), V: -1, Fence: 1000},
			{Key: key("p", "bytes"), V: 1, Body: every},
			{Key: key("p", "expiring"), V: 1, Expires: clk.Now().Add(time.Hour + time.Nanosecond), Body: []byte("x")},
			{Key: key("p", "far"), Expires: time.Date(2200, 1, 1, 0, 0, 0, 0, time.FixedZone("JST", 9*3600))},
		}
		put(t, tab, its...)
		for _, want := range its {
			wantItem(t, tab, want)
		}
	})
	t.Run("of the largest size are kept", func(t *testing.T) {
		it := item("p", "large", "")
		it.Body = []byte{0}
		it.Body = bytes.Repeat([]byte("x"), store.MaxItemBytes-store.Size(it)+1)
		put(t, tab, it)
		wantItem(t, tab, it)
	})
	t.Run("are replaced whole", func(t *testing.T) {
		put(t, tab, store.Item{Key: key("p", "r"), V: 3, Fence: 4, Expires: clk.Now().Add(time.Hour), Body: []byte("before")})
		want := store.Item{Key: key("p", "r"), V: 2}
		put(t, tab, want)
		wantItem(t, tab, want)
	})
	t.Run("are gone after a delete, and a second delete is no error", func(t *testing.T) {
		put(t, tab, item("p", "d", "x"))
		for range 2 {
			if err := write(t, tab, store.Delete(key("p", "d"), store.Cond{})); err != nil {
				t.Fatalf("delete: %v", err)
			}
			wantAbsent(t, tab, key("p", "d"))
		}
	})
	t.Run("that never were are not found", func(t *testing.T) {
		if _, err := tab.Get(t.Context(), key("p", "never")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
	t.Run("share no memory with the caller", func(t *testing.T) {
		body := []byte("mine")
		put(t, tab, store.Item{Key: key("p", "m"), Body: body})
		copy(body, "yours")
		got, _ := get(t, tab, key("p", "m"))
		copy(got.Body, "theirs")
		wantItem(t, tab, store.Item{Key: key("p", "m"), Body: []byte("mine")})
	})
	t.Run("are not written when the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := tab.Write(ctx, store.Put(item("p", "late", "x"), store.Cond{})); !errors.Is(err, context.Canceled) {
			t.Errorf("write: got %v, want context.Canceled", err)
		}
		if err := tab.Bulk(ctx, []store.Item{item("p", "late", "x")}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("bulk: got %v, want context.Canceled", err)
		}
		if _, err := tab.Get(ctx, key("p", "late")); !errors.Is(err, context.Canceled) {
			t.Errorf("get: got %v, want context.Canceled", err)
		}
		wantAbsent(t, tab, key("p", "late"))
	})
}

func expiry(t *testing.T, open Open) {
	tab, clk := open(t)
	live := func(sk string, d time.Duration) store.Item {
		return store.Item{Key: key("e", sk), V: 1, Expires: clk.Now().Add(d), Body: []byte(sk)}
	}
	fast, slow := live("fast", time.Millisecond), live("slow", time.Hour)
	put(t, tab, fast, slow, item("e", "stays", "x"))
	wantItem(t, tab, fast)

	t.Run("an item is there until its very moment", func(t *testing.T) {
		clk.Advance(time.Millisecond - time.Nanosecond)
		wantItem(t, tab, fast)
		clk.Advance(time.Nanosecond)
		wantAbsent(t, tab, fast.Key)
	})
	t.Run("an expired item is in no listing", func(t *testing.T) {
		its, _ := all(t, tab, store.Query{PK: "e"})
		wantKeys(t, its, "slow", "stays")
		got, err := tab.BatchGet(t.Context(), []store.Key{fast.Key, slow.Key})
		if err != nil || len(got) != 1 || got[0].SK != "slow" {
			t.Errorf("batch get: got %q, %v, want only slow", sks(got), err)
		}
	})
	t.Run("an expired item counts towards a page's limit before it is left out", func(t *testing.T) {
		p, err := tab.Query(t.Context(), store.Query{PK: "e", Limit: 1})
		if err != nil || len(p.Items) != 0 || p.Next != "fast" {
			t.Errorf("got %q, next %q, %v; want an empty page that goes on", sks(p.Items), p.Next, err)
		}
	})
	t.Run("an expired item is absent for conditions and can be put anew", func(t *testing.T) {
		again := live("fast", time.Hour)
		again.V = 9
		if err := write(t, tab, store.Put(again, store.Cond{Absent: true})); err != nil {
			t.Fatalf("put: %v", err)
		}
		wantItem(t, tab, again)
		clk.Advance(30 * time.Minute)
		wantItem(t, tab, again)
		clk.Advance(31 * time.Minute)
		wantAbsent(t, tab, again.Key)
		wantAbsent(t, tab, slow.Key)
	})
	t.Run("an item put without expiry over one with it stays", func(t *testing.T) {
		it := live("kept", time.Minute)
		put(t, tab, it)
		it.Expires = time.Time{}
		put(t, tab, it)
		clk.Advance(time.Hour)
		wantItem(t, tab, it)
	})
	t.Run("an item put already expired is absent", func(t *testing.T) {
		put(t, tab, live("dead", -time.Hour))
		wantAbsent(t, tab, key("e", "dead"))
	})
}

func keys(t *testing.T, open Open) {
	tab, _ := open(t)
	nasty := []string{
		"a", "a\x00", "a\x00b", "\x01", "ab", "A", "a/b", "a#b", "%", "名簿", "名", "ｱ", "ア", "\u00e9", "e\u0301", "🧑‍🤝‍🧑", "\U0010ffff",
		"\u200f", "'; --", `{"a":1}`, "$(x)", ":v", "#v", "\r\n", "\ufffd", strings.Repeat("長", 300),
	}
	var its []store.Item
	for _, pk := range nasty {
		for _, sk := range nasty {
			its = append(its, item(pk, sk, pk+"|"+sk))
		}
	}
	fill(t, tab, its)
	t.Run("of any text name one item each", func(t *testing.T) {
		for _, want := range its {
			wantItem(t, tab, want)
		}
	})
	t.Run("of any text are listed in their partition only, in byte order", func(t *testing.T) {
		for _, pk := range nasty {
			got, _ := all(t, tab, store.Query{PK: pk})
			wantSorted(t, got, pk, nasty)
		}
	})
	t.Run("of any text can bound a query", func(t *testing.T) {
		for _, sk := range nasty {
			got, _ := all(t, tab, store.Query{PK: "a", From: sk, To: sk})
			wantKeys(t, got, sk)
			got, _ = all(t, tab, store.Query{PK: "a", Prefix: sk})
			var want []string
			for _, s := range sorted(nasty) {
				if strings.HasPrefix(s, sk) {
					want = append(want, s)
				}
			}
			wantKeys(t, got, want...)
		}
	})
	t.Run("of the largest size are kept", func(t *testing.T) {
		it := item(strings.Repeat("p", store.MaxPKBytes), strings.Repeat("s", store.MaxSKBytes), "x")
		put(t, tab, it)
		wantItem(t, tab, it)
		got, _ := all(t, tab, store.Query{PK: it.PK, Prefix: it.SK, Reverse: true})
		wantKeys(t, got, it.SK)
	})
}
