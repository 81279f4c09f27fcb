// Package embedded is the sync queue in one file, for a laptop or a single server, on go.etcd.io/bbolt. It has the meaning of an
// SQS FIFO queue that package queue describes, with its dead-letter queue beside it, and is durable: what Send accepted is
// delivered after a crash or a restart. It imports queue, clock and no other part of Meibo. One process has the file open at a
// time.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"meibo/shared/clock"
	"meibo/shared/queue"
)

// Options of a queue.
type Options struct {
	// Clock is required.
	Clock clock.Clock
	// NoSync leaves out the wait for the disk: see the option of the same name in store/embedded.
	NoSync bool
	// Visibility is how long a delivery stays locked; 0 means queue.Visibility.
	Visibility time.Duration
	// MaxReceives is after how many deliveries a message goes to the dead letters; 0 means queue.MaxReceives.
	MaxReceives int
	// Log is told of handlers that failed and of messages that went to the dead letters; nil means nobody is.
	Log *slog.Logger
}

// DeadRetention is how long dead letters are kept: the longest that SQS does.
const DeadRetention = 14 * 24 * time.Hour

// openTimeout is how long to wait for another process to let go of the file.
const openTimeout = 2 * time.Second

// Queue is the queue. It is safe for concurrent use.
type Queue struct {
	o    Options
	db   *bolt.DB
	bell bell
}

// Open opens the queue in the file at path, which it makes with mode 0600 if it is not there.
//
// Deliveries that were in progress when the file was last open can be made again at once: the file is locked, so nobody works on
// them any more. They do not count as received, a good number of times, since no handler failed.
func Open(path string, o Options) (*Queue, error) {
	if o.Clock == nil {
		return nil, errors.New("embedded queue: Options.Clock is not set")
	}
	if o.Visibility <= 0 {
		o.Visibility = queue.Visibility
	}
	if o.MaxReceives <= 0 {
		o.MaxReceives = queue.MaxReceives
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout: openTimeout, NoSync: o.NoSync, NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("embedded queue: another process has %s open: stop it first", path)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded queue: open %s: %w", path, err)
	}
	q := &Queue{o: o, db: db}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return ledger{tx}.release(o.Clock.Now())
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedded queue: prepare %s: %w", path, err), db.Close())
	}
	return q, nil
}

// Close closes the file. End Run first.
func (q *Queue) Close() error { return q.db.Close() }

// Send implements queue.Sender: all of ms or none.
func (q *Queue) Send(ctx context.Context, ms ...queue.Message) error {
	if err := queue.CheckAll(ms); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil || len(ms) == 0 {
		return err
	}
	now := q.o.Clock.Now()
	err := q.update(func(l ledger) error {
		if err := l.forgetDedups(now); err != nil {
			return err
		}
		for _, m := range ms {
			known, err := l.dedup(m.Dedup, now)
			if err != nil {
				return err
			}
			if known {
				continue
			}
			if err := l.add(message{Group: m.Group, Dedup: m.Dedup, Body: m.Body, Sent: now}, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		q.bell.ring()
	}
	return err
}

func (q *Queue) update(fn func(ledger) error) error {
	return wrap(q.db.Update(func(tx *bolt.Tx) error { return fn(ledger{tx}) }))
}

func (q *Queue) view(fn func(ledger) error) error {
	return wrap(q.db.View(func(tx *bolt.Tx) error { return fn(ledger{tx}) }))
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("embedded queue: %w", err)
	}
	return nil
}
