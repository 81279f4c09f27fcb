package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
)

// ErrLost is what a Faulty table answers when it throws an answer away: the write may have happened.
var ErrLost = errors.New("store: the answer was lost")

// Faults are the chances, each from 0 to 1, that a request goes wrong.
type Faults struct {
	Throttle  float64 // any request: ErrThrottled, nothing done
	Contend   float64 // Write: ErrContention, nothing done
	Unprocess float64 // Bulk: a part is done, then ErrThrottled
	Lose      float64 // Write and Bulk: done, then ErrLost
}

// Faulty makes a table fail as DynamoDB may, by a seed: for tests of what stands on the table. The same seed and the same
// sequence of requests fail in the same places. It is safe for concurrent use, where the sequence is the scheduler's.
type Faulty struct {
	t      Table
	mu     sync.Mutex
	rng    *rand.Rand
	faults Faults
}

// NewFaulty returns t with faults drawn from seed.
func NewFaulty(t Table, seed uint64, f Faults) *Faulty {
	return &Faulty{t: t, rng: rand.New(rand.NewPCG(seed, 0)), faults: f}
}

// Set replaces the chances from now on.
func (f *Faulty) Set(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

func (f *Faulty) hit(chance func(Faults) float64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.Float64() < chance(f.faults)
}

func (f *Faulty) below(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.IntN(n)
}

func (f *Faulty) throttled() error {
	if f.hit(func(c Faults) float64 { return c.Throttle }) {
		return fmt.Errorf("%w (injected)", ErrThrottled)
	}
	return nil
}

func (f *Faulty) lost(err error) error {
	if err == nil && f.hit(func(c Faults) float64 { return c.Lose }) {
		return ErrLost
	}
	return err
}

// Get implements Table.
func (f *Faulty) Get(ctx context.Context, k Key) (Item, error) {
	if err := f.throttled(); err != nil {
		return Item{}, err
	}
	return f.t.Get(ctx, k)
}

// BatchGet implements Table.
func (f *Faulty) BatchGet(ctx context.Context, keys []Key) ([]Item, error) {
	if err := f.throttled(); err != nil {
		return nil, err
	}
	return f.t.BatchGet(ctx, keys)
}

// Query implements Table.
func (f *Faulty) Query(ctx context.Context, q Query) (Page, error) {
	if err := f.throttled(); err != nil {
		return Page{}, err
	}
	return f.t.Query(ctx, q)
}

// Write implements Table.
func (f *Faulty) Write(ctx context.Context, ops ...Op) error {
	if err := f.throttled(); err != nil {
		return err
	}
	if f.hit(func(c Faults) float64 { return c.Contend }) {
		return fmt.Errorf("%w (injected)", ErrContention)
	}
	return f.lost(f.t.Write(ctx, ops...))
}

// Bulk implements Table.
func (f *Faulty) Bulk(ctx context.Context, puts []Item, deletes []Key) error {
	if err := f.throttled(); err != nil {
		return err
	}
	if len(puts)+len(deletes) > 1 && f.hit(func(c Faults) float64 { return c.Unprocess }) {
		np, nd := f.below(len(puts)+1), f.below(len(deletes)+1)
		if err := f.t.Bulk(ctx, puts[:np], deletes[:nd]); err != nil {
			return err
		}
		return fmt.Errorf("%w: some items were left unprocessed (injected)", ErrThrottled)
	}
	return f.lost(f.t.Bulk(ctx, puts, deletes))
}
