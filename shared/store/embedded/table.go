// Package embedded is the store in one file, for a laptop or a single server, on go.etcd.io/bbolt. Its ordered byte keys are
// DynamoDB's sort keys and its single writer gives all-or-nothing writes; what DynamoDB's limits and pages mean is kept as
// package store says. It imports store and clock only. One process has the file open at a time.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"meibo/shared/clock"
	"meibo/shared/store"
)

// Options of a table.
type Options struct {
	// Clock tells which items have expired. Required.
	Clock clock.Clock
	// NoSync leaves out the wait for the disk after each write: faster, and the last writes may be gone after a power cut
	// or a crash of the machine (never after one of the process). For tests and demonstrations.
	NoSync bool
}

// Table is a store.Table on a file.
type Table struct {
	store.Table
	e *engine
}

type engine struct {
	db     *bolt.DB
	clk    clock.Clock
	writes group
	mapped resident
}

// The file's buckets.
var (
	itemsBucket  = []byte("items")  // key of the item -> value
	expiryBucket = []byte("expiry") // time, key of the item -> nothing
)

// openTimeout is how long to wait for another process to let go of the file.
const openTimeout = 2 * time.Second

// Open opens the table in the file at path, which it makes with mode 0600 if it is not there.
func Open(path string, o Options) (*Table, error) {
	if o.Clock == nil {
		return nil, errors.New("embedded store: Options.Clock is not set")
	}
	// The free list is rebuilt at opening instead of being written with each commit, which costs more the more is deleted.
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout: openTimeout, NoSync: o.NoSync, NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("embedded store: another process has %s open: stop it first", path)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded store: open %s: %w", path, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{itemsBucket, expiryBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedded store: prepare %s: %w", path, err), db.Close())
	}
	e := &engine{db: db, clk: o.Clock, writes: group{db: db}, mapped: resident{db: db}}
	return &Table{Table: store.Checked(e), e: e}, nil
}

// Close closes the file. Requests in progress end first.
func (t *Table) Close() error { return t.e.db.Close() }

// Bytes returns the size of the file.
func (t *Table) Bytes() (n int64, err error) {
	err = t.e.db.View(func(tx *bolt.Tx) error { n = tx.Size(); return nil })
	return n, err
}

func (e *engine) Get(ctx context.Context, k store.Key) (store.Item, error) {
	items, err := e.BatchGet(ctx, []store.Key{k})
	if err != nil {
		return store.Item{}, err
	}
	if len(items) == 0 {
		return store.Item{}, store.ErrNotFound
	}
	return items[0], nil
}

func (e *engine) BatchGet(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := e.clk.Now()
	items, size := make([]store.Item, 0, len(keys)), 0
	err := e.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(itemsBucket)
		for _, k := range keys {
			it, found, err := load(b, k)
			if err != nil {
				return err
			}
			size += len(it.Body)
			if found && it.Live(now) {
				items = append(items, own(it))
			}
		}
		return nil
	})
	e.mapped.touch(len(keys), size)
	return items, err
}

func (e *engine) Write(ctx context.Context, ops ...store.Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer e.mapped.touch(len(ops), 0)
	now := e.clk.Now()
	return e.writes.do(change{
		check: func(tx *bolt.Tx) error { return conditions(tx, ops, now) },
		apply: func(tx *bolt.Tx) error {
			for _, op := range ops {
				var err error
				switch op.Kind {
				case store.OpPut:
					err = put(tx, op.Item)
				case store.OpDelete:
					err = remove(tx, op.Item.Key)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (e *engine) Bulk(ctx context.Context, puts []store.Item, deletes []store.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer e.mapped.touch(len(puts)+len(deletes), 0)
	return e.writes.do(change{apply: func(tx *bolt.Tx) error {
		for _, it := range puts {
			if err := put(tx, it); err != nil {
				return err
			}
		}
		for _, k := range deletes {
			if err := remove(tx, k); err != nil {
				return err
			}
		}
		return nil
	}})
}

// conditions returns a *store.ConditionError with every op whose condition does not hold.
func conditions(tx *bolt.Tx, ops []store.Op, now time.Time) error {
	b := tx.Bucket(itemsBucket)
	var failed []int
	for i, op := range ops {
		it, found, err := load(b, op.Item.Key)
		if err != nil {
			return err
		}
		if !op.If.Holds(it, found && it.Live(now)) {
			failed = append(failed, i)
		}
	}
	if failed != nil {
		return &store.ConditionError{Failed: failed}
	}
	return nil
}
