package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meibo/shared/clock"
	"meibo/shared/store"
)

// model holds an engine against a map: any sequence of requests gets the same answers from both.
func model(t *testing.T, open Open) {
	tab, clk := open(t)
	world := 0
	rapid.Check(t, func(rt *rapid.T) {
		world++ // a fresh corner of the table for each sequence
		m := &mirror{t: rt, tab: tab, clk: clk, corner: fmt.Sprintf("w%d/", world), items: map[store.Key]store.Item{}}
		rt.Repeat(map[string]func(*rapid.T){
			"write":     m.write,
			"bulk":      m.bulk,
			"get":       m.get,
			"batch get": m.batchGet,
			"query":     m.query,
			"time":      func(rt *rapid.T) { clk.Advance(time.Duration(rapid.IntRange(1, 90).Draw(rt, "seconds")) * time.Second) },
		})
	})
}

type mirror struct {
	t      *rapid.T
	tab    store.Table
	clk    *clock.Virtual
	corner string
	items  map[store.Key]store.Item
}

func (m *mirror) now(k store.Key) (store.Item, bool) {
	it, ok := m.items[k]
	return it, ok && it.Live(m.clk.Now())
}

func (m *mirror) key(rt *rapid.T) store.Key {
	return key(m.corner+rapid.SampledFrom([]string{"p", "q", "p\x00"}).Draw(rt, "pk"), drawSK(rt, "sk"))
}

func drawSK(rt *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"a", "a\x00", "aa", "ab", "b", "名", "名簿", "\U0010ffff"}).Draw(rt, label)
}

func (m *mirror) item(rt *rapid.T) store.Item {
	it := store.Item{
		Key: m.key(rt), V: rapid.Int64Range(-1, 3).Draw(rt, "v"), Fence: rapid.Int64Range(0, 2).Draw(rt, "fence"),
		Body: rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(rt, "body"),
	}
	if rapid.Bool().Draw(rt, "expires") {
		it.Expires = m.clk.Now().Add(time.Duration(rapid.Int64Range(-1, 3).Draw(rt, "minutes")) * time.Minute)
	}
	return it
}

func (m *mirror) cond(rt *rapid.T) (c store.Cond) {
	switch rapid.IntRange(0, 5).Draw(rt, "cond") {
	case 0:
		c.Absent = true
	case 1:
		c.Exists = true
	case 2, 3:
		c = store.At(rapid.Int64Range(-1, 3).Draw(rt, "if v"))
	case 4:
		c = store.Fenced(rapid.Int64Range(0, 2).Draw(rt, "if fence"))
	}
	return c
}

func (m *mirror) write(rt *rapid.T) {
	n := rapid.SampledFrom([]int{1, 1, 2, 3, 5}).Draw(rt, "ops")
	var ops []store.Op
	seen := map[store.Key]bool{}
	for range n {
		op := store.Op{Kind: store.OpKind(rapid.IntRange(0, 2).Draw(rt, "kind")), Item: m.item(rt), If: m.cond(rt)}
		if !seen[op.Item.Key] {
			seen[op.Item.Key] = true
			ops = append(ops, op)
		}
	}
	var want []int
	for i, op := range ops {
		it, there := m.now(op.Item.Key)
		if !met(op.If, it, there) {
			want = append(want, i)
		}
	}
	err := m.tab.Write(rt.Context(), ops...)
	got, refused := store.Refused(err)
	if err != nil && !refused || !slices.Equal(got, want) {
		rt.Fatalf("got %v, want the refused ops %v", err, want)
	}
	if refused {
		return
	}
	for _, op := range ops {
		switch op.Kind {
		case store.OpPut:
			m.items[op.Item.Key] = op.Item
		case store.OpDelete:
			delete(m.items, op.Item.Key)
		}
	}
}

// met is the suite's own reading of what Cond says.
func met(c store.Cond, it store.Item, there bool) bool {
	if c.Absent && there || c.Exists && !there {
		return false
	}
	if c.V != nil && (!there || *c.V != it.V) {
		return false
	}
	return c.Fence == nil || there && *c.Fence == it.Fence
}

func (m *mirror) bulk(rt *rapid.T) {
	puts, deletes := map[store.Key]store.Item{}, map[store.Key]bool{}
	for range rapid.IntRange(0, 4).Draw(rt, "puts") {
		it := m.item(rt)
		puts[it.Key] = it
	}
	for range rapid.IntRange(0, 3).Draw(rt, "deletes") {
		if k := m.key(rt); puts[k].PK == "" {
			deletes[k] = true
		}
	}
	var its []store.Item
	var ks []store.Key
	for _, it := range puts {
		its = append(its, it)
		m.items[it.Key] = it
	}
	for k := range deletes {
		ks = append(ks, k)
		delete(m.items, k)
	}
	if err := m.tab.Bulk(rt.Context(), its, ks); err != nil {
		rt.Fatalf("bulk: %v", err)
	}
}

func (m *mirror) get(rt *rapid.T) {
	k := m.key(rt)
	want, there := m.now(k)
	got, err := m.tab.Get(rt.Context(), k)
	if there != (err == nil) || err != nil && !errors.Is(err, store.ErrNotFound) || there && !same(got, want) {
		rt.Fatalf("got %s, %v, want %s (there: %v)", show(got), err, show(want), there)
	}
}

func (m *mirror) batchGet(rt *rapid.T) {
	var ks []store.Key
	var want []store.Item
	for range rapid.IntRange(1, 6).Draw(rt, "keys") {
		k := m.key(rt)
		if slices.Contains(ks, k) {
			continue
		}
		ks = append(ks, k)
		if it, there := m.now(k); there {
			want = append(want, it)
		}
	}
	got, err := m.tab.BatchGet(rt.Context(), ks)
	slices.SortFunc(got, byKey)
	slices.SortFunc(want, byKey)
	if err != nil || !slices.EqualFunc(got, want, same) {
		rt.Fatalf("got %d items, %v, want %d", len(got), err, len(want))
	}
}

func (m *mirror) query(rt *rapid.T) {
	q := store.Query{PK: m.key(rt).PK, Limit: rapid.IntRange(0, 4).Draw(rt, "limit"), Reverse: rapid.Bool().Draw(rt, "reverse")}
	switch rapid.IntRange(0, 3).Draw(rt, "bounds") {
	case 0:
		q.Prefix = drawSK(rt, "prefix")
	case 1:
		q.From = drawSK(rt, "from")
	case 2:
		q.To = drawSK(rt, "to")
	case 3:
		q.From, q.To = drawSK(rt, "from"), drawSK(rt, "to")
	}
	var want []store.Item
	for k, it := range m.items {
		if k.PK == q.PK && it.Live(m.clk.Now()) && strings.HasPrefix(k.SK, q.Prefix) && k.SK >= q.From && (q.To == "" || k.SK <= q.To) {
			want = append(want, it)
		}
	}
	slices.SortFunc(want, byKey)
	if q.Reverse {
		slices.Reverse(want)
	}
	var got []store.Item
	for {
		p, err := m.tab.Query(rt.Context(), q)
		if err != nil {
			rt.Fatalf("query: %v", err)
		}
		if q.Limit > 0 && len(p.Items) > q.Limit {
			rt.Fatalf("got %d items of a page of %d", len(p.Items), q.Limit)
		}
		got = append(got, p.Items...)
		if q.After = p.Next; q.After == "" {
			break
		}
	}
	if !slices.EqualFunc(got, want, same) {
		rt.Fatalf("got %q, want %q of %+v", sks(got), sks(want), q)
	}
}
