package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"meibo/shared/store"
)

func batchGet(t *testing.T, open Open) {
	tab, _ := open(t)
	var its []store.Item
	var want []store.Key
	for i := range store.MaxBatchGet {
		it := item(fmt.Sprintf("p%d", i%3), fmt.Sprintf("%03d", i), "")
		it.Body = bytes.Repeat([]byte{byte(i)}, 200<<10) // 20 MB in all: more than DynamoDB answers at once
		want = append(want, it.Key)
		if i%4 != 0 {
			its = append(its, it)
		}
	}
	fill(t, tab, its)
	t.Run("returns every item that is there, however much that is", func(t *testing.T) {
		got, err := tab.BatchGet(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, byKey)
		slices.SortFunc(its, byKey)
		if !slices.EqualFunc(got, its, same) {
			t.Errorf("got %d items, want the %d that were put", len(got), len(its))
		}
	})
	t.Run("of nothing is empty", func(t *testing.T) {
		if got, err := tab.BatchGet(t.Context(), nil); err != nil || len(got) != 0 {
			t.Errorf("got %d items, %v", len(got), err)
		}
	})
}

func query(t *testing.T, open Open) {
	tab, _ := open(t)
	put(t, tab, item("other", "a2", "x"), item("q\x00", "a2", "x"), item("qq", "a2", "x"))
	for _, sk := range []string{"b", "a1", "a", "a3", "a2", "c", "B", "あ"} {
		put(t, tab, item("q", sk, sk))
	}
	for _, c := range []struct {
		name string
		q    store.Query
		want []string
	}{
		{"a whole partition in byte order", store.Query{}, []string{"B", "a", "a1", "a2", "a3", "b", "c", "あ"}},
		{"backwards", store.Query{Reverse: true}, []string{"あ", "c", "b", "a3", "a2", "a1", "a", "B"}},
		{"a prefix, the key that equals it too", store.Query{Prefix: "a"}, []string{"a", "a1", "a2", "a3"}},
		{"a prefix backwards", store.Query{Prefix: "a", Reverse: true}, []string{"a3", "a2", "a1", "a"}},
		{"a prefix that nothing has", store.Query{Prefix: "ab"}, nil},
		{"a prefix of the last key backwards", store.Query{Prefix: "あ", Reverse: true}, []string{"あ"}},
		{"a range with both ends", store.Query{From: "a1", To: "b"}, []string{"a1", "a2", "a3", "b"}},
		{"a range backwards", store.Query{From: "a1", To: "b", Reverse: true}, []string{"b", "a3", "a2", "a1"}},
		{"a range whose ends are not there", store.Query{From: "a0", To: "b0", Reverse: true}, []string{"b", "a3", "a2", "a1"}},
		{"a range open above", store.Query{From: "b"}, []string{"b", "c", "あ"}},
		{"a range open above backwards", store.Query{From: "b", Reverse: true}, []string{"あ", "c", "b"}},
		{"a range open below", store.Query{To: "a1"}, []string{"B", "a", "a1"}},
		{"a range open below backwards", store.Query{To: "a1", Reverse: true}, []string{"a1", "a", "B"}},
		{"a range of one key", store.Query{From: "b", To: "b"}, []string{"b"}},
		{"a range upside down", store.Query{From: "c", To: "a"}, nil},
		{"what follows a position", store.Query{After: "a2"}, []string{"a3", "b", "c", "あ"}},
		{"what follows a position backwards", store.Query{After: "a2", Reverse: true}, []string{"a1", "a", "B"}},
		{"what follows a position that is gone", store.Query{After: "a25"}, []string{"a3", "b", "c", "あ"}},
		{"what follows a position that is gone, backwards", store.Query{After: "a25", Reverse: true}, []string{"a2", "a1", "a", "B"}},
		{"what follows in a prefix", store.Query{Prefix: "a", After: "a1"}, []string{"a2", "a3"}},
		{"what follows in a range backwards", store.Query{From: "a1", To: "b", After: "b", Reverse: true}, []string{"a3", "a2", "a1"}},
	} {
		t.Run("reads "+c.name, func(t *testing.T) {
			c.q.PK = "q"
			for _, limit := range []int{0, 1, 2, 3, 100} {
				c.q.Limit = limit
				got, pages := all(t, tab, c.q)
				wantKeys(t, got, c.want...)
				if limit > 0 && pages < (len(c.want)+limit-1)/limit {
					t.Errorf("limit %d: got %d pages for %d items", limit, pages, len(c.want))
				}
			}
		})
	}
	t.Run("reads nothing of an absent partition", func(t *testing.T) {
		p, err := tab.Query(t.Context(), store.Query{PK: "absent"})
		if err != nil || len(p.Items) != 0 || p.Next != "" {
			t.Errorf("got %d items, next %q, %v", len(p.Items), p.Next, err)
		}
	})
	t.Run("stops where the caller says", func(t *testing.T) {
		var got []string
		err := store.QueryAll(t.Context(), tab, store.Query{PK: "q", Limit: 2}, func(it store.Item) error {
			if got = append(got, it.SK); it.SK == "a1" {
				return store.ErrStop
			}
			return nil
		})
		if want := []string{"B", "a", "a1"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	})
}

func pages(t *testing.T, open Open) {
	tab, _ := open(t)
	var its []store.Item
	var want []string
	for i := range 40 {
		it := item("big", fmt.Sprintf("%02d", i), "")
		it.Body = bytes.Repeat([]byte{'x'}, 100<<10)
		its, want = append(its, it), append(want, it.SK)
	}
	fill(t, tab, its)
	t.Run("hold a megabyte at most and lose nothing between them", func(t *testing.T) {
		got, n := all(t, tab, store.Query{PK: "big"})
		wantKeys(t, got, want...)
		if n < 4 || n > 6 {
			t.Errorf("got %d pages for 4 MB", n)
		}
	})
	t.Run("end at a megabyte before a larger limit", func(t *testing.T) {
		p, err := tab.Query(t.Context(), store.Query{PK: "big", Limit: 30})
		if err != nil || len(p.Items) < 9 || len(p.Items) > 11 || p.Next != p.Items[len(p.Items)-1].SK {
			t.Errorf("got %d items, next %q, %v, want about ten", len(p.Items), p.Next, err)
		}
	})
	t.Run("that a limit ends say how to go on, even when nothing follows", func(t *testing.T) {
		p, err := tab.Query(t.Context(), store.Query{PK: "big", From: "38", Limit: 2})
		if err != nil || p.Next != "39" {
			t.Fatalf("got next %q, %v, want 39", p.Next, err)
		}
		p, err = tab.Query(t.Context(), store.Query{PK: "big", From: "38", Limit: 2, After: p.Next})
		if err != nil || len(p.Items) != 0 || p.Next != "" {
			t.Errorf("got %q, next %q, %v, want the end", sks(p.Items), p.Next, err)
		}
	})
	t.Run("survive a delete of the position between them", func(t *testing.T) {
		p, err := tab.Query(t.Context(), store.Query{PK: "big", Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		if err := write(t, tab, store.Delete(key("big", p.Next), store.Cond{})); err != nil {
			t.Fatal(err)
		}
		p, err = tab.Query(t.Context(), store.Query{PK: "big", Limit: 1, After: p.Next})
		if err != nil {
			t.Fatal(err)
		}
		wantKeys(t, p.Items, "03")
	})
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func wantSorted(t *testing.T, got []store.Item, pk string, want []string) {
	t.Helper()
	wantKeys(t, got, sorted(want)...)
	for _, it := range got {
		if it.PK != pk || string(it.Body) != pk+"|"+it.SK {
			t.Errorf("got %s in partition %q", show(it), pk)
		}
	}
}
