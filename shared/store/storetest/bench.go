package storetest

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"

	"meibo/shared/clock"
	"meibo/shared/store"
)

// benchItems is the size of the table that Bench works on; benchBody is about what a link needs.
const (
	benchItems = 10000
	benchBody  = 600
)

// Bench measures the requests that a run makes, on a table of 10,000 items of about 600 bytes.
func Bench(b *testing.B, open Open) {
	tab, _ := open(b)
	body := bytes.Repeat([]byte("0123456789ab"), benchBody/12)
	k := func(i int) store.Key { return key("bench", fmt.Sprintf("link/%08d", i*7919%benchItems)) }
	its := make([]store.Item, benchItems)
	for i := range its {
		its[i] = store.Item{Key: k(i), V: 1, Body: body}
	}
	if err := store.PutAll(b.Context(), clock.Real{}, tab, its); err != nil {
		b.Fatal(err)
	}
	var fresh atomic.Int64
	next := func() store.Item {
		return store.Item{Key: key("fresh", fmt.Sprintf("%012d", fresh.Add(1))), V: 1, Body: body}
	}
	run := func(name string, per int, do func(i int) error) {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := do(i); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*per)/b.Elapsed().Seconds(), "items/s")
		})
	}
	run("get", 1, func(i int) error { _, err := tab.Get(b.Context(), k(i%benchItems)); return err })
	run("batch get of 100", 100, func(i int) error {
		ks := make([]store.Key, 100)
		for j := range ks {
			ks[j] = k((i*100 + j) % benchItems)
		}
		_, err := tab.BatchGet(b.Context(), ks)
		return err
	})
	run("query of 100", 100, func(i int) error {
		_, err := tab.Query(b.Context(), store.Query{PK: "bench", From: fmt.Sprintf("link/%08d", i*100%(benchItems-100)), Limit: 100})
		return err
	})
	run("put if absent", 1, func(int) error { return tab.Write(b.Context(), store.Put(next(), store.Cond{Absent: true})) })
	run("transaction of 4", 4, func(int) error {
		ops := make([]store.Op, 4)
		for j := range ops {
			ops[j] = store.Put(next(), store.Cond{Absent: true})
		}
		return tab.Write(b.Context(), ops...)
	})
	run("transaction of 100", 100, func(int) error {
		ops := make([]store.Op, 100)
		for j := range ops {
			ops[j] = store.Put(next(), store.Cond{})
		}
		return tab.Write(b.Context(), ops...)
	})
	run("bulk of 25", 25, func(int) error {
		puts := make([]store.Item, 25)
		for j := range puts {
			puts[j] = next()
		}
		return tab.Bulk(b.Context(), puts, nil)
	})
	b.Run("put if absent, 16 at once", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := tab.Write(b.Context(), store.Put(next(), store.Cond{Absent: true})); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
	})
}
