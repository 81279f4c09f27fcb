package store

import (
	"context"
	"errors"
	"fmt"

	"meibo/shared/backoff"
	"meibo/shared/clock"
)

// ErrStop ends QueryAll early; QueryAll then returns nil.
var ErrStop = errors.New("store: stop")

// QueryAll hands every item that q asks for to each, page after page, in order. q.Limit bounds a page, not the whole.
func QueryAll(ctx context.Context, t Table, q Query, each func(Item) error) error {
	for {
		p, err := t.Query(ctx, q)
		if err != nil {
			return err
		}
		for _, it := range p.Items {
			if err := each(it); errors.Is(err, ErrStop) {
				return nil
			} else if err != nil {
				return err
			}
		}
		if p.Next == "" {
			return nil
		}
		q.After = p.Next
	}
}

// Bulker writes any number of items with no condition, MaxBulk at a time.
type Bulker struct {
	Table Table
	Clock clock.Clock
	// Attempts is how often each request is sent while the table is throttled; 0 means 8.
	Attempts int
}

// PutAll puts the items. See Bulker.Do.
func PutAll(ctx context.Context, clk clock.Clock, t Table, items []Item) error {
	return Bulker{Table: t, Clock: clk}.Do(ctx, items, nil)
}

// DeleteAll deletes the items at keys. See Bulker.Do.
func DeleteAll(ctx context.Context, clk clock.Clock, t Table, keys []Key) error {
	return Bulker{Table: t, Clock: clk}.Do(ctx, nil, keys)
}

// Do does the puts in order and then the deletes in order. A key may be there more than once: the last word stays. After an
// error some of them are done; doing all of them again is harmless.
func (b Bulker) Do(ctx context.Context, puts []Item, deletes []Key) error {
	seen := make(map[Key]bool, MaxBulk)
	for len(puts)+len(deletes) > 0 {
		clear(seen)
		np, nd := 0, 0
		for np < len(puts) && np < MaxBulk && !seen[puts[np].Key] {
			seen[puts[np].Key] = true
			np++
		}
		if np == len(puts) {
			for nd < len(deletes) && np+nd < MaxBulk && !seen[deletes[nd]] {
				seen[deletes[nd]] = true
				nd++
			}
		}
		if err := b.send(ctx, puts[:np], deletes[:nd]); err != nil {
			return err
		}
		puts, deletes = puts[np:], deletes[nd:]
	}
	return nil
}

func (b Bulker) send(ctx context.Context, puts []Item, deletes []Key) error {
	attempts := b.Attempts
	if attempts <= 0 {
		attempts = 8
	}
	pause := backoff.Policy{Clock: b.Clock}
	var err error
	for n := range attempts {
		if wait := pause.Wait(ctx, n); wait != nil {
			return wait
		}
		if err = b.Table.Bulk(ctx, puts, deletes); !Retry(err) {
			return err
		}
	}
	return fmt.Errorf("bulk write, %d attempts: %w", attempts, err)
}
