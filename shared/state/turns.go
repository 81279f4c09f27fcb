package state

import (
	"context"
	"hash/fnv"
)

// turns lets the posts of one process to one connection go one after another, so that a burst does not turn itself away. Posts of
// other processes are settled by the table.
type turns [32]chan struct{}

func newTurns() (t turns) {
	for i := range t {
		t[i] = make(chan struct{}, 1)
	}
	return t
}

// enter waits for its turn; done ends it.
func (t *turns) enter(ctx context.Context, key string) (done func(), err error) {
	h := fnv.New32a()
	h.Write([]byte(key)) // never fails
	turn := t[h.Sum32()%uint32(len(t))]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
