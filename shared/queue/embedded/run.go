package embedded

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"meibo/shared/queue"
)

// Run delivers messages to h, at most workers at a time, until ctx ends and the handlers have returned; then it returns nil. It
// returns an error only when the queue itself fails.
//
// Idle workers sleep until something is sent, handled or due. A virtual clock does not wait but jumps ahead, also over the
// visibility timeout of another worker's message: give it one worker, or call Deliver.
func (q *Queue) Run(ctx context.Context, h queue.Handler, workers int) error {
	g, ctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error {
			for {
				changed := q.bell.listen() // before looking, so that no change is missed
				delivered, _, err := q.deliver(ctx, h)
				if ctx.Err() != nil {
					return nil
				}
				if err != nil {
					return err
				}
				if delivered {
					continue
				}
				next, ok, err := q.next()
				if err != nil {
					return err
				}
				q.sleep(ctx, changed, next, ok)
				if ctx.Err() != nil {
					return nil
				}
			}
		})
	}
	return g.Wait()
}

// sleep waits until something changed, until ctx ends or, if there is one, until the time next.
func (q *Queue) sleep(ctx context.Context, changed <-chan struct{}, next time.Time, timed bool) {
	if !timed {
		select {
		case <-changed:
		case <-ctx.Done():
		}
		return
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-changed:
			stop()
		case <-ctx.Done():
		}
	}()
	// An early end is as good as any: the worker looks again.
	_ = q.o.Clock.Sleep(ctx, next.Sub(q.o.Clock.Now()))
}

// Next returns when the next message may be delivered, which may be in the past. It is for drivers that own the clock.
func (q *Queue) Next(ctx context.Context) (at time.Time, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return at, false, err
	}
	return q.next()
}

func (q *Queue) next() (at time.Time, ok bool, err error) {
	err = q.view(func(l ledger) error {
		at, _, ok = l.next()
		return nil
	})
	return at, ok, err
}

// bell wakes all who listen.
type bell struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *bell) listen() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
