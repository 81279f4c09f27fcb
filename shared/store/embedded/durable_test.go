package embedded_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"meibo/shared/clock"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
)

// TestWriter is no test of its own: TestKill runs it as the process to kill.
func TestWriter(t *testing.T) {
	path := os.Getenv("MEIBO_TEST_WRITER")
	if path == "" {
		t.Skip("runs only as the child of TestKill")
	}
	tab, err := embedded.Open(path, embedded.Options{Clock: clock.Real{}})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		var ops []store.Op
		for j := range 5 {
			ops = append(ops, store.Put(store.Item{Key: store.Key{PK: fmt.Sprint("p", j), SK: fmt.Sprintf("%06d", i)}, V: int64(i)}, store.Cond{Absent: true}))
		}
		if err := tab.Write(t.Context(), ops...); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("wrote %d\n", i)
	}
}

func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	acknowledged := -1
	for round := range 5 {
		os.Remove(path)
		acknowledged = -1
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriter$")
		child.Env = append(os.Environ(), "MEIBO_TEST_WRITER="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if n, ok := strings.CutPrefix(lines.Text(), "wrote "); ok {
				fmt.Sscan(n, &acknowledged)
			}
			if acknowledged == 7+round*11 {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed

		tab := openAt(t, path, clock.Real{})
		counts := map[int]bool{}
		for j := range 5 {
			n := 0
			err := store.QueryAll(t.Context(), tab, store.Query{PK: fmt.Sprint("p", j)}, func(store.Item) error { n++; return nil })
			if err != nil {
				t.Fatal(err)
			}
			counts[n] = true
			if n <= acknowledged {
				t.Errorf("got %d items of p%d, want the %d that were acknowledged", n, j, acknowledged+1)
			}
		}
		if len(counts) != 1 {
			t.Errorf("a transaction was written in part: partitions have %v items", counts)
		}
		tab.Close()
	}
}

func TestDamage(t *testing.T) {
	for name, c := range map[string]struct {
		value []byte
		want  string
	}{
		"of a newer version's form": {[]byte{9, 0, 0, 0}, "newer"},
		"cut short":                 {[]byte{1, 1, 2}, "damaged"},
		"empty":                     {[]byte{}, "damaged"},
	} {
		t.Run("an item "+name+" is an error that says what to do", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "table")
			openAt(t, path, clock.Real{}).Close()
			db, err := bolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte("items")).Put([]byte("\x00\x01ps"), c.value) })
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
			tab := openAt(t, path, clock.Real{})
			_, err = tab.Get(t.Context(), store.Key{PK: "p", SK: "s"})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("get: got %v", err)
			}
			if _, err := tab.Query(t.Context(), store.Query{PK: "p"}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("query: got %v", err)
			}
			// It is not written over either: what it held is not known.
			if err := tab.Write(t.Context(), store.Put(store.Item{Key: store.Key{PK: "p", SK: "s"}}, store.Cond{})); err == nil {
				t.Error("write: got no error")
			}
		})
	}
	t.Run("a closed table answers with errors", func(t *testing.T) {
		tab := openAt(t, filepath.Join(t.TempDir(), "table"), clock.Real{})
		tab.Close()
		if err := tab.Write(t.Context(), store.Put(store.Item{Key: store.Key{PK: "p", SK: "s"}}, store.Cond{})); err == nil {
			t.Error("write: got no error")
		}
		if _, err := tab.Query(t.Context(), store.Query{PK: "p"}); err == nil {
			t.Error("query: got no error")
		}
	})
}
