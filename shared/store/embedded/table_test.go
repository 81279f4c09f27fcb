package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
	"meibo/shared/store/storetest"
)

func open(t testing.TB) (store.Table, *clock.Virtual) {
	clk := clock.NewVirtual(storetest.Start, true)
	return openAt(t, filepath.Join(t.TempDir(), "table"), clk), clk
}

func openAt(t testing.TB, path string, clk clock.Clock) *embedded.Table {
	t.Helper()
	tab, err := embedded.Open(path, embedded.Options{Clock: clk, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tab.Close() })
	return tab
}

func TestTable(t *testing.T) { storetest.Run(t, open) }

func BenchmarkTable(b *testing.B) {
	b.Run("without waiting for the disk", func(b *testing.B) { storetest.Bench(b, open) })
	b.Run("waiting for the disk", func(b *testing.B) {
		storetest.Bench(b, func(t testing.TB) (store.Table, *clock.Virtual) {
			clk := clock.NewVirtual(storetest.Start, true)
			tab, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{Clock: clk})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { tab.Close() })
			return tab, clk
		})
	})
}

func TestFile(t *testing.T) {
	t.Run("keeps its items over a restart", func(t *testing.T) {
		path, clk := filepath.Join(t.TempDir(), "table"), clock.NewVirtual(storetest.Start, true)
		want := store.Item{Key: store.Key{PK: "p", SK: "s"}, V: 3, Fence: 4, Expires: clk.Now().Add(time.Hour), Body: []byte("x")}
		tab := openAt(t, path, clk)
		if err := tab.Write(t.Context(), store.Put(want, store.Cond{})); err != nil {
			t.Fatal(err)
		}
		if err := tab.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := openAt(t, path, clk).Get(t.Context(), want.Key)
		if err != nil || got.V != want.V || got.Fence != want.Fence || !got.Expires.Equal(want.Expires) || string(got.Body) != "x" {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	})
	t.Run("is readable by its owner only", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "table")
		openAt(t, path, clock.Real{})
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Mode().Perm(); got != 0o600 {
			t.Errorf("got mode %o, want 600", got)
		}
	})
	t.Run("needs a clock", func(t *testing.T) {
		if _, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{}); err == nil {
			t.Error("got no error")
		}
	})
	t.Run("in a folder that is not there is named in the error", func(t *testing.T) {
		_, err := embedded.Open(filepath.Join(t.TempDir(), "missing", "table"), embedded.Options{Clock: clock.Real{}})
		if err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSweep(t *testing.T) {
	clk := clock.NewVirtual(storetest.Start, true)
	tab := openAt(t, filepath.Join(t.TempDir(), "table"), clk)
	var its []store.Item
	for i := range 1000 {
		it := store.Item{Key: store.Key{PK: "p", SK: fmt.Sprintf("%04d", i)}, Body: []byte("x")}
		if i%2 == 0 {
			it.Expires = clk.Now().Add(time.Duration(i) * time.Second)
		}
		its = append(its, it)
	}
	if err := store.PutAll(t.Context(), clk, tab, its); err != nil {
		t.Fatal(err)
	}
	// Replaced and deleted items leave nothing to sweep behind.
	kept := its[0]
	kept.Expires = time.Time{}
	if err := tab.Bulk(t.Context(), []store.Item{kept}, []store.Key{its[2].Key}); err != nil {
		t.Fatal(err)
	}
	clk.Advance(900 * time.Second)
	want := 0
	for i := 4; i <= 900; i += 2 {
		want++
	}
	if got, err := tab.Sweep(t.Context()); err != nil || got != want {
		t.Errorf("got %d swept, %v, want %d", got, err, want)
	}
	if got, err := tab.Sweep(t.Context()); err != nil || got != 0 {
		t.Errorf("again: got %d swept, %v, want none", got, err)
	}
	clk.Advance(24 * time.Hour)
	left := 0
	err := store.QueryAll(t.Context(), tab, store.Query{PK: "p"}, func(store.Item) error { left++; return nil })
	if err != nil || left != 501 {
		t.Errorf("got %d left, %v, want the 500 that never expire and the one made so", left, err)
	}
}
