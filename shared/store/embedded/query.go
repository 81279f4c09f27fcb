package embedded

import (
	"bytes"
	"context"
	"os"

	bolt "go.etcd.io/bbolt"

	"meibo/shared/store"
)

// Query reads a page as DynamoDB does: items count towards the page and the limit before the expired ones are left out, and a
// page that its limit ended says how to go on even when nothing follows.
func (e *engine) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := ctx.Err(); err != nil {
		return store.Page{}, err
	}
	var (
		now        = e.clk.Now()
		s          = newSpan(q)
		page       store.Page
		read, size int
		last       string // sort key that was read last
	)
	err := e.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(itemsBucket).Cursor()
		for k, v := s.first(c); k != nil && s.has(k); k, v = s.next(c) {
			sk := string(k[len(s.prefix):])
			it, err := decodeValue(store.Key{PK: q.PK, SK: sk}, v)
			if err != nil {
				return err
			}
			n := store.Size(it)
			if read > 0 && size+n > store.MaxPageBytes {
				page.Next = last
				return nil
			}
			read, size, last = read+1, size+n, sk
			if it.Live(now) {
				page.Items = append(page.Items, own(it))
			}
			if read == q.Limit {
				page.Next = sk
				return nil
			}
		}
		return nil
	})
	// Neighbours share a page of the file, but the next page can be anywhere in it.
	e.mapped.touch(1+size/os.Getpagesize(), 0)
	return page, err
}

// span is the stretch of keys that a query reads, both ends inclusive, and the direction.
type span struct {
	prefix   []byte // of the partition
	low      []byte // lowest key
	high     []byte // highest key; nil: to the end of the partition
	begins   []byte // what every key begins with
	after    []byte // key to go on after; nil: from the start
	backward bool
}

func newSpan(q store.Query) *span {
	p := partition(q.PK)
	join := func(sk string) []byte { return append(bytes.Clone(p), sk...) }
	s := &span{prefix: p, low: join(q.From), begins: join(q.Prefix), backward: q.Reverse}
	if q.Prefix != "" {
		s.low = s.begins
	}
	if q.To != "" {
		s.high = join(q.To)
	}
	if q.After != "" {
		s.after = join(q.After)
	}
	return s
}

func (s *span) has(k []byte) bool {
	return bytes.HasPrefix(k, s.begins) && bytes.Compare(k, s.low) >= 0 && (s.high == nil || bytes.Compare(k, s.high) <= 0)
}

func (s *span) first(c *bolt.Cursor) (k, v []byte) {
	if !s.backward {
		if s.after == nil {
			return c.Seek(s.low)
		}
		k, v = c.Seek(s.after)
		if bytes.Equal(k, s.after) {
			return c.Next()
		}
		return k, v
	}
	// Backward, the first is the one before the lowest key that is too high.
	switch {
	case s.after != nil:
		k, _ = c.Seek(s.after)
	case s.high != nil:
		if k, v = c.Seek(s.high); bytes.Equal(k, s.high) {
			return k, v
		}
	default:
		k, _ = c.Seek(successor(s.begins))
	}
	if k == nil {
		return c.Last()
	}
	return c.Prev()
}

func (s *span) next(c *bolt.Cursor) (k, v []byte) {
	if s.backward {
		return c.Prev()
	}
	return c.Next()
}

// successor returns the lowest key that is higher than every key that begins with p. A partition's length comes first and is
// below 0xff00, so there always is one.
func successor(p []byte) []byte {
	n := bytes.Clone(p)
	for n[len(n)-1] == 0xff {
		n = n[:len(n)-1]
	}
	n[len(n)-1]++
	return n
}
