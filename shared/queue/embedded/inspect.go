package embedded

import (
	"context"
	"encoding/binary"
	"time"
)

// Stats is what an operator watches.
type Stats struct {
	Waiting  int           // messages that nobody has received, or that are due again
	InFlight int           // messages that are locked
	Dead     int           // dead letters
	Oldest   time.Duration // age of the oldest message that is not dead; 0 if there is none
}

// Entry is a message as an operator sees it.
type Entry struct {
	ID       string
	Group    string
	Dedup    string
	Body     []byte
	Sent     time.Time
	Receives int
	InFlight bool
	Died     time.Time // when it went to the dead letters; zero if it did not
}

func entry(m message, now time.Time) Entry {
	return Entry{
		ID: id(m.seq), Group: m.Group, Dedup: m.Dedup, Body: m.Body, Sent: m.Sent, Receives: m.Receives,
		InFlight: m.Receives > 0 && now.Before(m.Due),
	}
}

// Stats reads the whole queue: it is for a page or an alarm, not for a loop.
func (q *Queue) Stats(ctx context.Context) (s Stats, err error) {
	now := q.o.Clock.Now()
	err = q.walk(ctx, now, func(e Entry) bool {
		if e.InFlight {
			s.InFlight++
		} else {
			s.Waiting++
		}
		s.Oldest = max(s.Oldest, now.Sub(e.Sent))
		return true
	})
	if err != nil {
		return s, err
	}
	return s, q.walkDead(ctx, now, func(Entry) bool { s.Dead++; return true })
}

// Peek returns the oldest messages, at most n, and changes nothing.
func (q *Queue) Peek(ctx context.Context, n int) (out []Entry, err error) {
	err = q.walk(ctx, q.o.Clock.Now(), func(e Entry) bool {
		if len(out) < n {
			out = append(out, e)
		}
		return len(out) < n
	})
	return out, err
}

// Dead returns the dead letters, the longest dead first, at most n.
func (q *Queue) Dead(ctx context.Context, n int) (out []Entry, err error) {
	err = q.walkDead(ctx, q.o.Clock.Now(), func(e Entry) bool {
		if len(out) < n {
			out = append(out, e)
		}
		return len(out) < n
	})
	return out, err
}

// Redrive sends at most n dead letters again, the longest dead first, each at the end of its group with its receives forgotten,
// and returns how many.
func (q *Queue) Redrive(ctx context.Context, n int) (moved int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	now := q.o.Clock.Now()
	err = q.update(func(l ledger) error {
		moved = 0
		c := l.b(bDead).Cursor()
		for k, v := c.First(); k != nil && moved < n; k, v = c.First() {
			m, err := decode(v)
			if err != nil {
				return err
			}
			expired := now.Sub(timeOf(k)) >= DeadRetention
			if err := c.Delete(); err != nil {
				return err
			}
			if expired {
				continue
			}
			if err := l.add(message{Group: m.Group, Dedup: m.Dedup, Body: m.Body, Sent: now}, now); err != nil {
				return err
			}
			moved++
		}
		return nil
	})
	if err == nil && moved > 0 {
		q.bell.ring()
	}
	return moved, err
}

func (q *Queue) walk(ctx context.Context, now time.Time, each func(Entry) bool) error {
	return q.view(func(l ledger) error {
		c := l.b(bMessages).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := decode(v)
			if err != nil {
				return err
			}
			m.seq = binary.BigEndian.Uint64(k)
			if !each(entry(m, now)) {
				return nil
			}
		}
		return nil
	})
}

func (q *Queue) walkDead(ctx context.Context, now time.Time, each func(Entry) bool) error {
	return q.view(func(l ledger) error {
		c := l.b(bDead).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			died := timeOf(k)
			if now.Sub(died) >= DeadRetention {
				continue
			}
			m, err := decode(v)
			if err != nil {
				return err
			}
			m.seq = binary.BigEndian.Uint64(k[8:])
			e := entry(m, now)
			e.Died = died
			if !each(e) {
				return nil
			}
		}
		return nil
	})
}
