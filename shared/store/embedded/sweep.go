package embedded

import (
	"bytes"
	"context"
	"encoding/binary"

	bolt "go.etcd.io/bbolt"
)

// sweepBatch keeps each commit of a sweep short, so that writers do not wait behind it.
const sweepBatch = 200

// Sweep drops the items that have expired and returns how many. Reads never saw them: it only gives back their space.
func (t *Table) Sweep(ctx context.Context) (int, error) {
	total := 0
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n := 0
		err := t.e.writes.do(change{apply: func(tx *bolt.Tx) (err error) {
			n, err = t.e.sweep(tx)
			return err
		}})
		if err != nil {
			return total, err
		}
		total += n
		if n < sweepBatch {
			return total, nil
		}
	}
}

func (e *engine) sweep(tx *bolt.Tx) (int, error) {
	now := e.clk.Now().UnixNano()
	var due [][]byte
	c := tx.Bucket(expiryBucket).Cursor()
	for k, _ := c.First(); k != nil && len(due) < sweepBatch; k, _ = c.Next() {
		if len(k) < 8 {
			return 0, errDamaged
		}
		if int64(binary.BigEndian.Uint64(k)) > now {
			break
		}
		due = append(due, bytes.Clone(k[8:])) // removing moves what k points into
	}
	for _, raw := range due {
		k, err := decodeKey(raw)
		if err != nil {
			return 0, err
		}
		if err := remove(tx, k); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}
