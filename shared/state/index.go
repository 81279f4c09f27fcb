package state

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/store"
)

// Entry is one record in the match index: its match keys, and what a listing said of it. No values.
type Entry struct {
	plan.Keys
	// Out says that the record is outside the scope; Gone that it is no longer there.
	Out, Gone bool
	// Changed says that a survey found it to differ from its link's base.
	Changed bool
	// NoEmail says that it has no valid e-mail address, in a connection that leaves out such records.
	NoEmail bool
}

// maxChunk keeps a chunk of the index well below the size of an item.
const maxChunk = 256 << 10

const (
	flagOut = 1 << iota
	flagGone
	flagChanged
	flagNoEmail
)

// EncodeEntry appends e to b: about a hundred bytes.
func EncodeEntry(b []byte, e Entry) []byte {
	b = binary.AppendUvarint(b, uint64(len(e.ID)))
	b = append(b, e.ID...)
	var flags byte
	if e.Out {
		flags |= flagOut
	}
	if e.Gone {
		flags |= flagGone
	}
	if e.Changed {
		flags |= flagChanged
	}
	if e.NoEmail {
		flags |= flagNoEmail
	}
	b = append(b, flags)
	for _, d := range []uint64{e.Mark, e.Own, e.Name, e.NameOrg, e.Content} {
		b = binary.BigEndian.AppendUint64(b, d)
	}
	for _, list := range [][]uint64{e.First, e.Emails, e.Phones, e.Words} {
		list = list[:min(len(list), 255)]
		b = append(b, byte(len(list)))
		for _, d := range list {
			b = binary.BigEndian.AppendUint64(b, d)
		}
	}
	return b
}

var errIndex = errors.New("state: the match index is damaged")

// decodeEntry reads one entry and returns the rest. The entry's lists share one array, since a first run holds hundreds of
// thousands of entries.
func decodeEntry(b []byte) (Entry, []byte, error) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)) || len(b)-w < int(n)+1+5*8 {
		return Entry{}, nil, errIndex
	}
	var e Entry
	e.ID = string(b[w : w+int(n)])
	b = b[w+int(n):]
	e.Out, e.Gone, e.Changed, e.NoEmail = b[0]&flagOut != 0, b[0]&flagGone != 0, b[0]&flagChanged != 0, b[0]&flagNoEmail != 0
	b = b[1:]
	for _, p := range []*uint64{&e.Mark, &e.Own, &e.Name, &e.NameOrg, &e.Content} {
		*p = binary.BigEndian.Uint64(b)
		b = b[8:]
	}
	total, rest := 0, b
	for i := 0; i < 4; i++ {
		if len(rest) == 0 || len(rest) < 1+8*int(rest[0]) {
			return Entry{}, nil, errIndex
		}
		total += int(rest[0])
		rest = rest[1+8*int(rest[0]):]
	}
	all := make([]uint64, 0, total)
	for _, p := range []*[]uint64{&e.First, &e.Emails, &e.Phones, &e.Words} {
		from := len(all)
		for n := int(b[0]); n > 0; n-- {
			all = append(all, binary.BigEndian.Uint64(b[1+8*(len(all)-from):]))
		}
		b = b[1+8*(len(all)-from):]
		*p = all[from:len(all):len(all)]
	}
	return e, b, nil
}

func indexKey(pk string, s profile.Side, generation, n int64) store.Key {
	return store.Key{PK: pk, SK: fmt.Sprintf("%s%s#%012d#%08d", skIndex, s, generation, n)}
}

// IndexWriter gathers entries of one side into chunks. Later entries of a record take the place of earlier ones.
type IndexWriter struct {
	s    *Session
	side profile.Side
	gen  int64
	next *int64
	buf  []byte
	full [][]byte // chunks that are yet to be written
}

// IndexWriter returns a writer that goes on after chunk *last of a generation and keeps *last up to date.
func (s *Session) IndexWriter(side profile.Side, generation int64, last *int64) *IndexWriter {
	return &IndexWriter{s: s, side: side, gen: generation, next: last}
}

// Add appends an entry.
func (w *IndexWriter) Add(e Entry) {
	w.buf = EncodeEntry(w.buf, e)
	if len(w.buf) >= maxChunk {
		w.cut()
	}
}

func (w *IndexWriter) cut() {
	w.full = append(w.full, w.buf)
	w.buf = nil
}

// Flush writes what is full, and with all the rest too. *last counts a chunk only once it is durable, so that no checkpoint can
// count one that is not there.
func (w *IndexWriter) Flush(ctx context.Context, all bool) error {
	if all && len(w.buf) > 0 {
		w.cut()
	}
	for len(w.full) > 0 {
		it := store.Item{Key: indexKey(w.s.pk, w.side, w.gen, *w.next+1), V: 1, Body: w.full[0]}
		if err := w.s.Commit(ctx, store.Put(it, store.Cond{})); err != nil {
			return err
		}
		*w.next++
		w.full = w.full[1:]
	}
	return nil
}

// Index reads the entries of one side as the last ones stand, in the order in which records first came.
func (s *Session) Index(ctx context.Context, side profile.Side, generation, last int64) ([]Entry, error) {
	var out []Entry
	at := map[string]int{}
	q := store.Query{PK: s.pk, From: indexKey(s.pk, side, generation, 0).SK, To: indexKey(s.pk, side, generation, last).SK}
	err := store.QueryAll(ctx, s.repo.table, q, func(it store.Item) error {
		for b := it.Body; len(b) > 0; {
			var e Entry
			var err error
			if e, b, err = decodeEntry(b); err != nil {
				return err
			}
			if i, seen := at[e.ID]; seen {
				out[i] = e
				continue
			}
			at[e.ID] = len(out)
			out = append(out, e)
		}
		return nil
	})
	return out, err
}

// DropIndex removes every chunk of generations before keep.
func (s *Session) DropIndex(ctx context.Context, keep int64) error {
	for _, side := range []profile.Side{profile.CRM, profile.Book} {
		var keys []store.Key
		q := store.Query{PK: s.pk, From: skIndex + string(side) + "#", To: indexKey(s.pk, side, keep, 0).SK}
		err := store.QueryAll(ctx, s.repo.table, q, func(it store.Item) error {
			keys = append(keys, it.Key)
			return nil
		})
		if err != nil {
			return err
		}
		if err := store.DeleteAll(ctx, s.repo.clock, s.repo.table, keys); err != nil {
			return err
		}
	}
	return nil
}
