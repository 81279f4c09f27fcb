package store

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Checked returns t behind the limits that table.go names, so that every engine refuses the same requests with the same
// ErrLimit before any of them is carried out. Engines return themselves checked.
//
// It also settles the requests that ask for nothing: no keys, no ops, no items, and a range whose From is after its To.
func Checked(t Table) Table { return checked{t} }

type checked struct{ t Table }

func limit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrLimit, fmt.Sprintf(format, args...))
}

func (c checked) Get(ctx context.Context, k Key) (Item, error) {
	if err := checkKey(k); err != nil {
		return Item{}, err
	}
	return c.t.Get(ctx, k)
}

func (c checked) BatchGet(ctx context.Context, keys []Key) ([]Item, error) {
	if len(keys) > MaxBatchGet {
		return nil, limit("%d keys in one batch get, at most %d", len(keys), MaxBatchGet)
	}
	if err := checkDistinct(keys); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, ctx.Err()
	}
	return c.t.BatchGet(ctx, keys)
}

func (c checked) Query(ctx context.Context, q Query) (Page, error) {
	if err := checkQuery(q); err != nil {
		return Page{}, err
	}
	if q.To != "" && q.From > q.To {
		return Page{}, ctx.Err()
	}
	return c.t.Query(ctx, q)
}

func (c checked) Write(ctx context.Context, ops ...Op) error {
	if len(ops) > MaxTransact {
		return limit("%d ops in one transaction, at most %d", len(ops), MaxTransact)
	}
	keys, total := make([]Key, len(ops)), 0
	for i, op := range ops {
		keys[i] = op.Item.Key
		switch op.Kind {
		case OpPut:
			if err := checkItem(op.Item); err != nil {
				return err
			}
			total += Size(op.Item)
		case OpDelete, OpCheck:
			total += keySize(op.Item.Key)
		default:
			return limit("op %d is of the unknown kind %d", i, op.Kind)
		}
	}
	if total > MaxTransBytes {
		return limit("%d bytes in one transaction, at most %d", total, MaxTransBytes)
	}
	if err := checkDistinct(keys); err != nil {
		return err
	}
	if len(ops) == 0 {
		return ctx.Err()
	}
	return c.t.Write(ctx, ops...)
}

func (c checked) Bulk(ctx context.Context, puts []Item, deletes []Key) error {
	if n := len(puts) + len(deletes); n > MaxBulk {
		return limit("%d items in one bulk write, at most %d", n, MaxBulk)
	}
	keys := make([]Key, 0, MaxBulk)
	for _, it := range puts {
		if err := checkItem(it); err != nil {
			return err
		}
		keys = append(keys, it.Key)
	}
	keys = append(keys, deletes...)
	if err := checkDistinct(keys); err != nil {
		return err
	}
	if len(keys) == 0 {
		return ctx.Err()
	}
	return c.t.Bulk(ctx, puts, deletes)
}

func checkDistinct(keys []Key) error {
	seen := make(map[Key]bool, len(keys))
	for i, k := range keys {
		if err := checkKey(k); err != nil {
			return err
		}
		if seen[k] {
			return limit("key %d of the request is there twice", i)
		}
		seen[k] = true
	}
	return nil
}

// Errors name no key: a key may hold an id that a log must not see.
func checkKey(k Key) error {
	if err := checkPart("partition", k.PK, MaxPKBytes); err != nil {
		return err
	}
	return checkPart("sort", k.SK, MaxSKBytes)
}

func checkPart(which, s string, most int) error {
	switch {
	case s == "":
		return limit("an empty %s key", which)
	case len(s) > most:
		return limit("a %s key of %d bytes, at most %d", which, len(s), most)
	case !utf8.ValidString(s):
		return limit("a %s key that is not UTF-8", which)
	}
	return nil
}

func checkItem(it Item) error {
	if err := checkKey(it.Key); err != nil {
		return err
	}
	if !it.Expires.IsZero() && (it.Expires.Before(minExpires) || it.Expires.After(maxExpires)) {
		return limit("an expiry in the year %d", it.Expires.Year())
	}
	if n := Size(it); n > MaxItemBytes {
		return limit("an item of %d bytes, at most %d", n, MaxItemBytes)
	}
	return nil
}

func checkQuery(q Query) error {
	if err := checkPart("partition", q.PK, MaxPKBytes); err != nil {
		return err
	}
	if q.Limit < 0 {
		return limit("a query for %d items", q.Limit)
	}
	if q.Prefix != "" && (q.From != "" || q.To != "") {
		return limit("a query by prefix and by range at once")
	}
	for _, s := range []string{q.Prefix, q.From, q.To, q.After} {
		if s == "" {
			continue
		}
		if err := checkPart("sort", s, MaxSKBytes); err != nil {
			return err
		}
	}
	// A position outside the query's range belongs to another query: carrying on from it would skip or repeat items.
	if a := q.After; a != "" && (!strings.HasPrefix(a, q.Prefix) || a < q.From || q.To != "" && a > q.To) {
		return limit("a query that goes on from outside its own range")
	}
	return nil
}
