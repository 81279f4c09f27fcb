package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"meibo/shared/store"
)

func limits(t *testing.T, open Open) {
	tab, clk := open(t)
	keysN := func(n int) (ks []store.Key) {
		for i := range n {
			ks = append(ks, key("l", fmt.Sprint(i)))
		}
		return ks
	}
	itemsN := func(n, body int) (its []store.Item) {
		for _, k := range keysN(n) {
			its = append(its, store.Item{Key: k, Body: make([]byte, body)})
		}
		return its
	}
	putsN := func(n, body int) (ops []store.Op) {
		for _, it := range itemsN(n, body) {
			ops = append(ops, store.Put(it, store.Cond{}))
		}
		return ops
	}
	fits := item("l", "0", "x")
	long := func(n int) string { return strings.Repeat("k", n) }
	withKey := func(pk, sk string) store.Item { return item(pk, sk, "x") }
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"a get without a partition key", func() error { _, err := tab.Get(t.Context(), key("", "s")); return err }},
		{"a get without a sort key", func() error { _, err := tab.Get(t.Context(), key("l", "")); return err }},
		{"a key that is not UTF-8", func() error { _, err := tab.Get(t.Context(), key("l", "\xff")); return err }},
		{"a partition key too long", func() error { return tab.Write(t.Context(), store.Put(withKey(long(2049), "s"), store.Cond{})) }},
		{"a sort key too long", func() error { return tab.Write(t.Context(), store.Put(withKey("l", long(1025)), store.Cond{})) }},
		{"an item too large", func() error { return tab.Write(t.Context(), putsN(1, store.MaxItemBytes)...) }},
		{"an item too large in bulk", func() error { return tab.Bulk(t.Context(), itemsN(2, store.MaxItemBytes), nil) }},
		{"an expiry beyond what can be stored", func() error {
			it := fits
			it.Expires = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)
			return tab.Write(t.Context(), store.Put(it, store.Cond{}))
		}},
		{"an expiry before 1970", func() error {
			it := fits
			it.Expires = time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)
			return tab.Bulk(t.Context(), []store.Item{it}, nil)
		}},
		{"too many ops", func() error { return tab.Write(t.Context(), putsN(store.MaxTransact+1, 1)...) }},
		{"too many bytes in a transaction", func() error { return tab.Write(t.Context(), putsN(11, 390<<10)...) }},
		{"a key twice in a transaction", func() error {
			return tab.Write(t.Context(), store.Put(fits, store.Cond{}), store.Check(fits.Key, store.Cond{Absent: true}))
		}},
		{"an op of an unknown kind", func() error { return tab.Write(t.Context(), store.Op{Kind: 9, Item: fits}) }},
		{"too many items in bulk", func() error { return tab.Bulk(t.Context(), itemsN(20, 1), keysN(26)[20:]) }},
		{"a key twice in bulk", func() error { return tab.Bulk(t.Context(), itemsN(2, 1), keysN(1)) }},
		{"too many keys in a batch get", func() error { _, err := tab.BatchGet(t.Context(), keysN(store.MaxBatchGet+1)); return err }},
		{"a key twice in a batch get", func() error { _, err := tab.BatchGet(t.Context(), append(keysN(2), keysN(1)...)); return err }},
		{"a query without a partition", func() error { _, err := tab.Query(t.Context(), store.Query{}); return err }},
		{"a query by prefix and range", func() error {
			_, err := tab.Query(t.Context(), store.Query{PK: "l", Prefix: "a", From: "a"})
			return err
		}},
		{"a query for a negative number", func() error { _, err := tab.Query(t.Context(), store.Query{PK: "l", Limit: -1}); return err }},
		{"a position outside the prefix", func() error {
			_, err := tab.Query(t.Context(), store.Query{PK: "l", Prefix: "a", After: "b"})
			return err
		}},
		{"a position outside the range", func() error {
			_, err := tab.Query(t.Context(), store.Query{PK: "l", From: "a", To: "c", After: "d"})
			return err
		}},
	} {
		t.Run(c.name+" is refused and nothing is written", func(t *testing.T) {
			if err := c.do(); !errors.Is(err, store.ErrLimit) {
				t.Errorf("got %v, want ErrLimit", err)
			}
			if its, _ := all(t, tab, store.Query{PK: "l"}); len(its) != 0 {
				t.Errorf("got items %q", sks(its))
			}
		})
	}
	t.Run("a transaction of just under the most bytes is done", func(t *testing.T) {
		if err := write(t, tab, putsN(10, 400<<10)[:0]...); err != nil {
			t.Fatal(err)
		}
		ops := putsN(10, 399<<10)
		if err := write(t, tab, ops...); err != nil {
			t.Fatal(err)
		}
		its, _ := all(t, tab, store.Query{PK: "l"})
		if len(its) != len(ops) {
			t.Errorf("got %d items, want %d", len(its), len(ops))
		}
		clk.Advance(time.Hour)
		if err := store.DeleteAll(t.Context(), clk, tab, keysN(10)); err != nil {
			t.Fatal(err)
		}
	})
}
