package storetest

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"meibo/shared/store"
)

func concurrency(t *testing.T, open Open) {
	tab, _ := open(t)
	const writers, rounds = 8, 12

	t.Run("no increment is lost", func(t *testing.T) {
		k := key("n", "counter")
		put(t, tab, store.Item{Key: k, V: 0})
		each(writers, func(int) {
			for done := 0; done < rounds; {
				it, ok := get(t, tab, k)
				if !ok {
					t.Error("the counter is gone")
					return
				}
				at := it.V
				it.V++
				err := write(t, tab, store.Put(it, store.At(at)))
				if err == nil {
					done++
				} else if _, refused := store.Refused(err); !refused {
					t.Errorf("write: %v", err)
					return
				}
			}
		})
		if it, _ := get(t, tab, k); it.V != writers*rounds {
			t.Errorf("got %d, want %d", it.V, writers*rounds)
		}
	})

	t.Run("one creator wins", func(t *testing.T) {
		for r := range rounds {
			var won atomic.Int32
			each(writers, func(w int) {
				it := store.Item{Key: key("n", fmt.Sprint("claim", r)), V: int64(w)}
				err := write(t, tab, store.Put(it, store.Cond{Absent: true}))
				if err == nil {
					won.Add(1)
				} else if _, refused := store.Refused(err); !refused {
					t.Errorf("write: %v", err)
				}
			})
			if got := won.Load(); got != 1 {
				t.Errorf("got %d winners, want 1", got)
			}
		}
	})

	t.Run("transfers between items keep the sum", func(t *testing.T) {
		const accounts, start = 4, 100
		acc := func(i int) store.Key { return key("n", fmt.Sprint("account", i)) }
		for i := range accounts {
			put(t, tab, store.Item{Key: acc(i), V: 1, Body: amount(start)})
		}
		each(writers, func(w int) {
			for r := range rounds {
				a, b := (w+r)%accounts, (w+r+1+r%2)%accounts
				from, _ := get(t, tab, acc(a))
				to, _ := get(t, tab, acc(b))
				err := write(t, tab,
					store.Put(store.Item{Key: acc(a), V: from.V + 1, Body: amount(value(from.Body) - 1)}, store.At(from.V)),
					store.Put(store.Item{Key: acc(b), V: to.V + 1, Body: amount(value(to.Body) + 1)}, store.At(to.V)))
				if _, refused := store.Refused(err); err != nil && !refused {
					t.Errorf("write: %v", err)
				}
			}
		})
		sum, changes := 0, int64(0)
		for i := range accounts {
			it, _ := get(t, tab, acc(i))
			sum += value(it.Body)
			changes += it.V - 1
		}
		if sum != accounts*start || changes == 0 {
			t.Errorf("got the sum %d after %d changes, want %d", sum, changes, accounts*start)
		}
	})
}

func amount(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
func value(b []byte) int  { return int(binary.BigEndian.Uint64(b)) }

// each runs n goroutines and waits for them.
func each(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}
