// Package storetest proves a store.Table: one suite for every engine, so that they mean the same by it. It knows only the
// interface. A test file of the engine calls Run, and Bench for figures.
package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/store"
)

// Open returns an empty table that goes by the clock, and closes it when the test ends.
type Open func(t testing.TB) (store.Table, *clock.Virtual)

// Start is where an Open should start its frozen clock: late enough that no engine that also looks at the machine's clock drops
// an item by itself.
var Start = time.Date(2040, 2, 3, 4, 5, 6, 789, time.UTC)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, part := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"items", items},
		{"expiry", expiry},
		{"conditions", conditions},
		{"transactions", transactions},
		{"bulk", bulk},
		{"batch get", batchGet},
		{"query", query},
		{"pages", pages},
		{"keys", keys},
		{"limits", limits},
		{"concurrency", concurrency},
		{"model", model},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, open) })
	}
}

func key(pk, sk string) store.Key { return store.Key{PK: pk, SK: sk} }

func item(pk, sk, body string) store.Item {
	return store.Item{Key: key(pk, sk), V: 1, Body: []byte(body)}
}

// write does ops, and again when the table is busy.
func write(t testing.TB, tab store.Table, ops ...store.Op) error {
	for range 50 {
		if err := tab.Write(t.Context(), ops...); !store.Retry(err) {
			return err
		}
	}
	return errors.New("the table stayed busy")
}

func put(t testing.TB, tab store.Table, its ...store.Item) {
	t.Helper()
	for _, it := range its {
		if err := write(t, tab, store.Put(it, store.Cond{})); err != nil {
			t.Fatalf("put: %v", err)
		}
	}
}

// fill puts many items.
func fill(t testing.TB, tab store.Table, its []store.Item) {
	t.Helper()
	if err := store.PutAll(t.Context(), clock.NewVirtual(Start, true), tab, its); err != nil {
		t.Fatalf("bulk: %v", err)
	}
}

func get(t testing.TB, tab store.Table, k store.Key) (store.Item, bool) {
	t.Helper()
	it, err := tab.Get(t.Context(), k)
	if errors.Is(err, store.ErrNotFound) {
		return it, false
	}
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	return it, true
}

// all reads a query to its end and returns the items and the number of pages.
func all(t testing.TB, tab store.Table, q store.Query) (its []store.Item, pages int) {
	t.Helper()
	for {
		p, err := tab.Query(t.Context(), q)
		if err != nil {
			t.Fatalf("query: %v", err)
		}
		its, pages = append(its, p.Items...), pages+1
		if p.Next == "" {
			return its, pages
		}
		if pages > 100000 {
			t.Fatal("the query does not end")
		}
		q.After = p.Next
	}
}

func sks(its []store.Item) []string {
	out := make([]string, len(its))
	for i, it := range its {
		out[i] = it.SK
	}
	return out
}

// same compares items with the body's and expiry's meaning, not their representation.
func same(a, b store.Item) bool {
	return a.Key == b.Key && a.V == b.V && a.Fence == b.Fence && bytes.Equal(a.Body, b.Body) && a.Expires.Equal(b.Expires)
}

func show(it store.Item) string {
	return fmt.Sprintf("{%q %q v%d f%d %v %d bytes}", it.PK, it.SK, it.V, it.Fence, it.Expires, len(it.Body))
}

func wantItem(t testing.TB, tab store.Table, want store.Item) {
	t.Helper()
	if got, ok := get(t, tab, want.Key); !ok || !same(got, want) {
		t.Errorf("got %s (there: %v), want %s", show(got), ok, show(want))
	}
}

func wantAbsent(t testing.TB, tab store.Table, k store.Key) {
	t.Helper()
	if got, ok := get(t, tab, k); ok {
		t.Errorf("got %s, want no item", show(got))
	}
}

func wantKeys(t testing.TB, got []store.Item, want ...string) {
	t.Helper()
	if g := sks(got); !slices.Equal(g, want) {
		t.Errorf("got sort keys %q, want %q", g, want)
	}
}

func byKey(a, b store.Item) int { return cmp.Or(cmp.Compare(a.PK, b.PK), cmp.Compare(a.SK, b.SK)) }
