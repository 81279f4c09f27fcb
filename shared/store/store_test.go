package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
	"meibo/shared/store/storetest"
)

func open(t testing.TB) (store.Table, *clock.Virtual) {
	clk := clock.NewVirtual(storetest.Start, true)
	tab, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{Clock: clk, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tab.Close() })
	return tab, clk
}

func key(sk string) store.Key { return store.Key{PK: "p", SK: sk} }

func sized(sk string, n int) store.Item {
	it := store.Item{Key: key(sk), V: 1}
	it.Body = bytes.Repeat([]byte("x"), n-store.Size(it)-len(store.AttrBody))
	return it
}

func TestSize(t *testing.T) {
	at := time.Unix(1_900_000_000, 5)
	for _, c := range []struct {
		name string
		it   store.Item
		want int
	}{
		// pk+1, sk+1, v and its number, f and its number.
		{"of an empty item", store.Item{Key: key("s")}, 3 + 3 + 2 + 2},
		{"with numbers of two digits a byte", store.Item{Key: key("s"), V: 123, Fence: -45}, 3 + 3 + 1 + 3 + 1 + 3},
		{"with zeros at the end for nothing", store.Item{Key: key("s"), V: 1_000_000}, 3 + 3 + 1 + 2 + 2},
		{"with a body", store.Item{Key: key("s"), Body: []byte("12345")}, 10 + 6},
		{"with an expiry", store.Item{Key: key("s"), Expires: at}, 10 + 3 + 1 + 5 + 1 + 1 + 10},
		{"in bytes, not letters", store.Item{Key: key("名")}, 3 + 5 + 2 + 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := store.Size(c.it); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	t.Run("time to live is rounded up", func(t *testing.T) {
		if got := store.TTL(at); got != 1_900_000_001 {
			t.Errorf("got %d", got)
		}
		if got := store.TTL(at.Truncate(time.Second)); got != 1_900_000_000 {
			t.Errorf("got %d for a whole second", got)
		}
	})
}

func TestCounted(t *testing.T) {
	tab, _ := open(t)
	c := store.NewCounted(tab)
	ctx := t.Context()
	for _, step := range []struct {
		name string
		do   func() error
		want store.Counts
	}{
		{"a put", func() error { return c.Write(ctx, store.Put(sized("a", 1024), store.Cond{})) }, store.Counts{Requests: 1, Writes: 1, WriteUnits: 1}},
		{"a put over a kilobyte", func() error { return c.Write(ctx, store.Put(sized("b", 1025), store.Cond{})) }, store.Counts{Requests: 1, Writes: 1, WriteUnits: 2}},
		{"a transaction costs twice", func() error {
			return c.Write(ctx, store.Put(sized("c", 5000), store.Cond{}), store.Delete(key("x"), store.Cond{}), store.Check(key("a"), store.Cond{Exists: true}))
		}, store.Counts{Requests: 1, Writes: 3, WriteUnits: 2 * (5 + 1 + 1)}},
		{"a refused put", func() error { return refusedOnly(c.Write(ctx, store.Put(sized("a", 1024), store.At(9)))) }, store.Counts{Requests: 1, Writes: 1, WriteUnits: 1}},
		{"a bulk write", func() error { return c.Bulk(ctx, []store.Item{sized("d", 2000)}, []store.Key{key("x")}) }, store.Counts{Requests: 1, Writes: 2, WriteUnits: 3}},
		{"a get", func() error { _, err := c.Get(ctx, key("c")); return err }, store.Counts{Requests: 1, Reads: 1, ReadUnits: 2}},
		{"a get of nothing", func() error { _, err := c.Get(ctx, key("x")); return missingOnly(err) }, store.Counts{Requests: 1, Reads: 1, ReadUnits: 1}},
		{"a batch get, with one missing", func() error { _, err := c.BatchGet(ctx, []store.Key{key("a"), key("c"), key("x")}); return err }, store.Counts{Requests: 1, Reads: 3, ReadUnits: 1 + 2 + 1}},
		{"a query adds up before it rounds", func() error { _, err := c.Query(ctx, store.Query{PK: "p"}); return err }, store.Counts{Requests: 1, Reads: 4, ReadUnits: 3}},
		{"a query of nothing", func() error { _, err := c.Query(ctx, store.Query{PK: "q"}); return err }, store.Counts{Requests: 1, Reads: 1, ReadUnits: 1}},
		{"a request over a limit", func() error { _, err := c.Get(ctx, key("")); return limitOnly(err) }, store.Counts{}},
		{"a request for nothing", func() error { return errors.Join(c.Write(ctx), c.Bulk(ctx, nil, nil)) }, store.Counts{}},
	} {
		t.Run(step.name, func(t *testing.T) {
			before := c.Snapshot()
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if got := c.Snapshot().Sub(before); got != step.want {
				t.Errorf("got %+v, want %+v", got, step.want)
			}
		})
	}
	t.Run("starts again after Reset", func(t *testing.T) {
		was := c.Snapshot()
		if got := c.Reset(); got != was || c.Snapshot() != (store.Counts{}) {
			t.Errorf("got %+v and then %+v, want %+v and then nothing", got, c.Snapshot(), was)
		}
	})
}

func refusedOnly(err error) error {
	if _, ok := store.Refused(err); ok {
		return nil
	}
	return fmt.Errorf("got %v, want a refused condition", err)
}

func missingOnly(err error) error { return only(err, store.ErrNotFound) }
func limitOnly(err error) error   { return only(err, store.ErrLimit) }

func only(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return fmt.Errorf("got %v, want %v", err, want)
}

func TestCheckedNamesNoKey(t *testing.T) {
	tab, _ := open(t)
	secret := "taro@example.com"
	for name, err := range map[string]error{
		"twice": tab.Write(t.Context(), store.Put(store.Item{Key: key(secret)}, store.Cond{}), store.Check(key(secret), store.Cond{})),
		"large": tab.Write(t.Context(), store.Put(sized(secret, store.MaxItemBytes+1), store.Cond{})),
		"bytes": tab.Write(t.Context(), store.Put(store.Item{Key: key(secret + "\xff")}, store.Cond{})),
	} {
		if !errors.Is(err, store.ErrLimit) || bytes.Contains([]byte(err.Error()), []byte(secret)) {
			t.Errorf("%s: got %v, want ErrLimit without the key", name, err)
		}
	}
}

func TestBulker(t *testing.T) {
	items := func(n int) (its []store.Item) {
		for i := range n {
			its = append(its, store.Item{Key: key(fmt.Sprintf("%04d", i)), V: int64(i)})
		}
		return its
	}
	count := func(t *testing.T, tab store.Table) (n int) {
		t.Helper()
		if err := store.QueryAll(t.Context(), tab, store.Query{PK: "p"}, func(store.Item) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	t.Run("puts any number and deletes them in as few requests", func(t *testing.T) {
		tab, clk := open(t)
		c := store.NewCounted(tab)
		its := items(1003)
		if err := store.PutAll(t.Context(), clk, c, its); err != nil {
			t.Fatal(err)
		}
		if n, reqs := count(t, tab), c.Reset().Requests; n != 1003 || reqs != 41 {
			t.Errorf("got %d items by %d requests, want 1003 by 41", n, reqs)
		}
		var keys []store.Key
		for _, it := range its {
			keys = append(keys, it.Key)
		}
		if err := store.DeleteAll(t.Context(), clk, tab, keys); err != nil {
			t.Fatal(err)
		}
		if n := count(t, tab); n != 0 {
			t.Errorf("got %d items left", n)
		}
	})
	t.Run("goes through throttling and half-done requests, waiting in between", func(t *testing.T) {
		tab, clk := open(t)
		before := clk.Now()
		faulty := store.NewFaulty(tab, 7, store.Faults{Throttle: 0.3, Unprocess: 0.3})
		if err := store.PutAll(t.Context(), clk, faulty, items(500)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, tab); n != 500 {
			t.Errorf("got %d items, want 500", n)
		}
		if !clk.Now().After(before) {
			t.Error("it did not wait")
		}
	})
	t.Run("gives up when the table stays throttled", func(t *testing.T) {
		tab, clk := open(t)
		faulty := store.NewFaulty(tab, 7, store.Faults{Throttle: 1})
		if err := store.PutAll(t.Context(), clk, faulty, items(1)); !errors.Is(err, store.ErrThrottled) {
			t.Errorf("got %v, want ErrThrottled", err)
		}
	})
	t.Run("lets the last word stay when a key comes twice", func(t *testing.T) {
		tab, clk := open(t)
		b := store.Bulker{Table: tab, Clock: clk}
		err := b.Do(t.Context(), []store.Item{{Key: key("a"), V: 1}, {Key: key("a"), V: 2}, {Key: key("b"), V: 1}}, []store.Key{key("b"), key("c"), key("c")})
		if err != nil {
			t.Fatal(err)
		}
		if it, err := tab.Get(t.Context(), key("a")); err != nil || it.V != 2 {
			t.Errorf("got %+v, %v, want version 2", it, err)
		}
		if _, err := tab.Get(t.Context(), key("b")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
	t.Run("stops when the context ends", func(t *testing.T) {
		tab, clk := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := store.PutAll(ctx, clk, tab, items(30)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

func TestFaulty(t *testing.T) {
	outcomes := func(seed uint64) (out []string) {
		tab, _ := open(t)
		f := store.NewFaulty(tab, seed, store.Faults{Throttle: 0.2, Contend: 0.2, Lose: 0.2, Unprocess: 0.5})
		for i := range 60 {
			it := store.Item{Key: key(fmt.Sprint(i)), V: 1}
			err := f.Write(t.Context(), store.Put(it, store.Cond{Absent: true}))
			_, missing := tab.Get(t.Context(), it.Key)
			if written := missing == nil; written != (err == nil || errors.Is(err, store.ErrLost)) {
				t.Errorf("got %v, but written is %v", err, written)
			}
			out = append(out, fmt.Sprint(err))
		}
		return out
	}
	t.Run("fails in all its ways and truthfully", func(t *testing.T) {
		seen := map[string]bool{}
		for _, o := range outcomes(1) {
			seen[o] = true
		}
		if len(seen) != 4 { // nil, throttled, contended, lost
			t.Errorf("got %d kinds of outcome: %v", len(seen), seen)
		}
	})
	t.Run("replays by its seed", func(t *testing.T) {
		a, b, c := fmt.Sprint(outcomes(5)), fmt.Sprint(outcomes(5)), fmt.Sprint(outcomes(6))
		if a != b || a == c {
			t.Errorf("got the same for the same seed: %v, for another: %v", a == b, a == c)
		}
	})
	t.Run("without faults is the table itself", func(t *testing.T) {
		storetest.Run(t, func(t testing.TB) (store.Table, *clock.Virtual) {
			tab, clk := open(t)
			return store.NewFaulty(store.NewCounted(tab), 1, store.Faults{}), clk
		})
	})
	t.Run("can be told to stop failing", func(t *testing.T) {
		tab, _ := open(t)
		f := store.NewFaulty(tab, 1, store.Faults{Throttle: 1})
		if _, err := f.Query(t.Context(), store.Query{PK: "p"}); !errors.Is(err, store.ErrThrottled) {
			t.Errorf("got %v, want ErrThrottled", err)
		}
		f.Set(store.Faults{})
		if _, err := f.Query(t.Context(), store.Query{PK: "p"}); err != nil {
			t.Errorf("got %v", err)
		}
	})
}
