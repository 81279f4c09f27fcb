package store

import (
	"context"
	"sync/atomic"
)

// Counts are the requests and units that passed through a Counted table.
type Counts struct {
	Requests int64
	// Reads are the items read, at least one per request: a key that has no item was read too.
	Reads int64
	// Writes are the items put, deleted or checked, whether or not their conditions held.
	Writes int64
	// ReadUnits and WriteUnits are DynamoDB's: 4 KB of a strongly consistent read, 1 KB of a write, twice that in a
	// transaction of several items. A deleted, checked or replaced item's old size is not known here and not counted.
	ReadUnits, WriteUnits int64
}

// Sub returns what was counted since before.
func (c Counts) Sub(before Counts) Counts {
	return Counts{
		Requests: c.Requests - before.Requests, Reads: c.Reads - before.Reads, Writes: c.Writes - before.Writes,
		ReadUnits: c.ReadUnits - before.ReadUnits, WriteUnits: c.WriteUnits - before.WriteUnits,
	}
}

// Counted counts what passes through it. Requests that were refused by a limit or throttled are not counted. It is safe for
// concurrent use.
type Counted struct {
	t                                                Table
	requests, reads, writes, readUnits, writtenUnits atomic.Int64
}

// NewCounted returns t with a counter at zero.
func NewCounted(t Table) *Counted { return &Counted{t: t} }

// Snapshot returns the counts so far.
func (c *Counted) Snapshot() Counts {
	return Counts{
		Requests: c.requests.Load(), Reads: c.reads.Load(), Writes: c.writes.Load(),
		ReadUnits: c.readUnits.Load(), WriteUnits: c.writtenUnits.Load(),
	}
}

// Reset sets the counts to zero and returns what they were.
func (c *Counted) Reset() Counts {
	return Counts{
		Requests: c.requests.Swap(0), Reads: c.reads.Swap(0), Writes: c.writes.Swap(0),
		ReadUnits: c.readUnits.Swap(0), WriteUnits: c.writtenUnits.Swap(0),
	}
}

func (c *Counted) read(items int, units int64) {
	c.requests.Add(1)
	c.reads.Add(max(int64(items), 1))
	c.readUnits.Add(max(units, 1))
}

func (c *Counted) wrote(items int, units int64) {
	c.requests.Add(1)
	c.writes.Add(int64(items))
	c.writtenUnits.Add(units)
}

// Get implements Table.
func (c *Counted) Get(ctx context.Context, k Key) (Item, error) {
	it, err := c.t.Get(ctx, k)
	if served(err) {
		c.read(1, readUnits(Size(it)))
	}
	return it, err
}

// BatchGet implements Table.
func (c *Counted) BatchGet(ctx context.Context, keys []Key) ([]Item, error) {
	its, err := c.t.BatchGet(ctx, keys)
	if served(err) && len(keys) > 0 {
		units := int64(len(keys) - len(its))
		for _, it := range its {
			units += readUnits(Size(it))
		}
		c.read(len(keys), units)
	}
	return its, err
}

// Query implements Table.
func (c *Counted) Query(ctx context.Context, q Query) (Page, error) {
	p, err := c.t.Query(ctx, q)
	if served(err) {
		size := 0
		for _, it := range p.Items {
			size += Size(it)
		}
		c.read(len(p.Items), readUnits(size))
	}
	return p, err
}

// Write implements Table.
func (c *Counted) Write(ctx context.Context, ops ...Op) error {
	err := c.t.Write(ctx, ops...)
	if served(err) && len(ops) > 0 {
		var units int64
		for _, op := range ops {
			u := int64(1)
			if op.Kind == OpPut {
				u = writeUnits(Size(op.Item))
			}
			units += u
		}
		if len(ops) > 1 {
			units *= 2
		}
		c.wrote(len(ops), units)
	}
	return err
}

// Bulk implements Table.
func (c *Counted) Bulk(ctx context.Context, puts []Item, deletes []Key) error {
	err := c.t.Bulk(ctx, puts, deletes)
	if served(err) && len(puts)+len(deletes) > 0 {
		units := int64(len(deletes))
		for _, it := range puts {
			units += writeUnits(Size(it))
		}
		c.wrote(len(puts)+len(deletes), units)
	}
	return err
}

func readUnits(size int) int64  { return max(int64(size+4095)/4096, 1) }
func writeUnits(size int) int64 { return max(int64(size+1023)/1024, 1) }
