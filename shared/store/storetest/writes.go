package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"meibo/shared/store"
)

func conditions(t *testing.T, open Open) {
	tab, clk := open(t)
	there := store.Item{Key: key("c", "there"), V: 5, Fence: 7, Body: []byte("old")}
	gone := store.Item{Key: key("c", "gone"), V: 5, Fence: 7, Expires: clk.Now(), Body: []byte("old")}
	never := store.Item{Key: key("c", "never")}
	five, six, seven := int64(5), int64(6), int64(7)
	for _, c := range []struct {
		name          string
		cond          store.Cond
		there, absent bool // whether it holds of an item with V 5 and Fence 7, and of none
	}{
		{"none", store.Cond{}, true, true},
		{"absent", store.Cond{Absent: true}, false, true},
		{"exists", store.Cond{Exists: true}, true, false},
		{"its version", store.At(5), true, false},
		{"another version", store.At(6), false, false},
		{"version zero", store.At(0), false, false},
		{"its fence", store.Fenced(7), true, false},
		{"another fence", store.Fenced(5), false, false},
		{"both", store.Cond{V: &five, Fence: &seven}, true, false},
		{"version but not fence", store.Cond{V: &five, Fence: &six}, false, false},
		{"fence but not version", store.Cond{V: &six, Fence: &seven}, false, false},
		{"all at once", store.Cond{Exists: true, V: &five, Fence: &seven}, true, false},
		{"a contradiction", store.Cond{Absent: true, Exists: true}, false, false},
		{"absent with a version", store.Cond{Absent: true, V: &five}, false, false},
	} {
		for _, before := range []struct {
			name  string
			it    store.Item
			holds bool
		}{{"an item", there, c.there}, {"an expired item", gone, c.absent}, {"no item", never, c.absent}} {
			for _, kind := range []store.OpKind{store.OpPut, store.OpDelete, store.OpCheck} {
				for _, company := range []bool{false, true} { // alone and in a transaction take different ways in DynamoDB
					name := fmt.Sprintf("%s/%s/kind %d/company %v", c.name, before.name, kind, company)
					t.Run(name, func(t *testing.T) {
						reset(t, tab, there, gone, never)
						next := store.Item{Key: before.it.Key, V: 6, Body: []byte("new")}
						ops := []store.Op{{Kind: kind, Item: next, If: c.cond}}
						if company {
							ops = append(ops, store.Put(item("c", "company", "x"), store.Cond{}))
						}
						err := write(t, tab, ops...)
						failed, refused := store.Refused(err)
						if err != nil && !refused {
							t.Fatalf("got %v", err)
						}
						if refused == before.holds || refused && !slices.Equal(failed, []int{0}) {
							t.Errorf("got refused %v for %v, want refused %v for [0]", refused, failed, !before.holds)
						}
						after, now := get(t, tab, before.it.Key)
						switch {
						case refused || kind == store.OpCheck:
							if was := before.it.Key == there.Key; now != was || was && !same(after, before.it) {
								t.Errorf("the item changed: %s (there: %v)", show(after), now)
							}
						case kind == store.OpPut && (!now || !same(after, next)), kind == store.OpDelete && now:
							t.Errorf("the op was not done: %s (there: %v)", show(after), now)
						}
						if _, ok := get(t, tab, key("c", "company")); ok != (company && !refused) {
							t.Errorf("got company %v", ok)
						}
					})
				}
			}
		}
	}
}

func reset(t *testing.T, tab store.Table, there, gone, never store.Item) {
	t.Helper()
	if err := tab.Bulk(t.Context(), []store.Item{there, gone}, []store.Key{never.Key, key("c", "company")}); err != nil {
		t.Fatal(err)
	}
}

func transactions(t *testing.T, open Open) {
	tab, clk := open(t)
	t.Run("of the most ops, over several partitions, are done", func(t *testing.T) {
		var ops []store.Op
		for i := range store.MaxTransact {
			ops = append(ops, store.Put(item(fmt.Sprintf("t%d", i%7), fmt.Sprintf("%03d", i), "x"), store.Cond{Absent: true}))
		}
		if err := write(t, tab, ops...); err != nil {
			t.Fatal(err)
		}
		for _, op := range ops {
			wantItem(t, tab, op.Item)
		}
	})
	t.Run("do all kinds of ops at once", func(t *testing.T) {
		put(t, tab, item("a", "old", "x"), item("a", "guard", "x"))
		err := write(t, tab,
			store.Check(key("a", "guard"), store.At(1)),
			store.Delete(key("a", "old"), store.Cond{Exists: true}),
			store.Put(item("a", "new", "y"), store.Cond{Absent: true}),
			store.Check(key("a", "none"), store.Cond{Absent: true}),
			store.Check(key("a", "whatever"), store.Cond{}),
		)
		if err != nil {
			t.Fatal(err)
		}
		its, _ := all(t, tab, store.Query{PK: "a"})
		wantKeys(t, its, "guard", "new")
	})
	t.Run("whose conditions fail write nothing and name every op that failed", func(t *testing.T) {
		put(t, tab, item("b", "1", "x"), item("b", "2", "x"), store.Item{Key: key("b", "3"), V: 1, Expires: clk.Now()})
		err := write(t, tab,
			store.Check(key("b", "other"), store.Cond{}),
			store.Put(item("b", "1", "changed"), store.At(1)),
			store.Put(item("b", "2", "changed"), store.At(9)),
			store.Delete(key("b", "3"), store.Cond{Exists: true}),
			store.Put(item("b", "4", "new"), store.Cond{Absent: true}),
			store.Check(key("b", "5"), store.Cond{Exists: true}),
		)
		if failed, ok := store.Refused(err); !ok || !slices.Equal(failed, []int{2, 3, 5}) {
			t.Errorf("got %v, want the ops 2, 3 and 5 refused", err)
		}
		wantItem(t, tab, item("b", "1", "x"))
		wantItem(t, tab, item("b", "2", "x"))
		wantAbsent(t, tab, key("b", "4"))
	})
	t.Run("of checks alone change nothing", func(t *testing.T) {
		put(t, tab, item("d", "1", "x"))
		if err := write(t, tab, store.Check(key("d", "1"), store.At(1))); err != nil {
			t.Errorf("got %v", err)
		}
		if err := write(t, tab, store.Check(key("d", "2"), store.Cond{}), store.Check(key("d", "3"), store.Cond{})); err != nil {
			t.Errorf("without conditions: got %v", err)
		}
		if err := write(t, tab, store.Check(key("d", "2"), store.Cond{})); err != nil {
			t.Errorf("a single one without a condition: got %v", err)
		}
		its, _ := all(t, tab, store.Query{PK: "d"})
		wantKeys(t, its, "1")
	})
	t.Run("of nothing are no error", func(t *testing.T) {
		if err := tab.Write(t.Context()); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("repeated word for word are judged anew each time", func(t *testing.T) {
		op := store.Put(store.Item{Key: key("f", "1"), V: 1}, store.Cond{Absent: true})
		other := store.Put(store.Item{Key: key("f", "2"), V: 1}, store.Cond{})
		if err := write(t, tab, op, other); err != nil {
			t.Fatal(err)
		}
		if failed, ok := store.Refused(write(t, tab, op, other)); !ok || !slices.Equal(failed, []int{0}) {
			t.Errorf("got refused %v for %v, want [0]", ok, failed)
		}
	})
}

func bulk(t *testing.T, open Open) {
	tab, clk := open(t)
	put(t, tab, item("b", "replaced", "old"), item("b", "deleted", "old"))
	t.Run("puts and deletes without conditions", func(t *testing.T) {
		puts := []store.Item{
			{Key: key("b", "replaced"), V: 8, Fence: 2, Expires: clk.Now().Add(time.Hour), Body: []byte("new")},
			item("b", "fresh", "x"),
		}
		if err := tab.Bulk(t.Context(), puts, []store.Key{key("b", "deleted"), key("b", "never")}); err != nil {
			t.Fatal(err)
		}
		for _, want := range puts {
			wantItem(t, tab, want)
		}
		its, _ := all(t, tab, store.Query{PK: "b"})
		wantKeys(t, its, "fresh", "replaced")
	})
	t.Run("takes as many items as the limit says", func(t *testing.T) {
		var puts []store.Item
		var deletes []store.Key
		for i := range store.MaxBulk {
			puts = append(puts, item("many", fmt.Sprint(i), "x"))
			deletes = append(deletes, key("many", fmt.Sprint(i)))
		}
		if err := tab.Bulk(t.Context(), puts, nil); err != nil {
			t.Fatal(err)
		}
		if its, _ := all(t, tab, store.Query{PK: "many"}); len(its) != store.MaxBulk {
			t.Errorf("got %d items", len(its))
		}
		if err := tab.Bulk(t.Context(), nil, deletes); err != nil {
			t.Fatal(err)
		}
		if its, _ := all(t, tab, store.Query{PK: "many"}); len(its) != 0 {
			t.Errorf("got %d items left", len(its))
		}
	})
	t.Run("of nothing is no error", func(t *testing.T) {
		if err := tab.Bulk(t.Context(), nil, nil); err != nil {
			t.Errorf("got %v", err)
		}
	})
}
