// Package agenda keeps what is to be looked at at a time: one entry an id, found in the order of time. It is what upkeep works
// through: probes of authorisations, mails that are to be sent again.
//
// An agenda of many entries is spread over shards, so that no partition of the table becomes hot.
package agenda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"meibo/shared/store"
)

// Agenda is one list. Name is part of the keys. It is safe for concurrent use.
type Agenda struct {
	Table  store.Table
	Name   string
	Shards int // 0 means 1; it must not change while there are entries
}

// Entry is what Due finds.
type Entry struct {
	ID string
	At time.Time
}

// The keys, in partition AG#<name>#<shard>: "id#<id>" says when, and "at#<time>#<id>" stands in the order of time.
const (
	idPrefix = "id#"
	atPrefix = "at#"
	// stamp sorts as text as the times do.
	stamp = "20060102T150405Z"
	tries = 5
)

type body struct {
	At time.Time `json:"at"`
}

func (a Agenda) shards() int { return max(a.Shards, 1) }

func (a Agenda) pk(shard int) string { return fmt.Sprintf("AG#%s#%d", a.Name, shard) }

func (a Agenda) home(id string) string {
	h := fnv.New32a()
	h.Write([]byte(id)) // never fails
	return a.pk(int(h.Sum32() % uint32(a.shards())))
}

// Set enters id for a time, to the second, in place of the time that it had.
func (a Agenda) Set(ctx context.Context, id string, at time.Time) error {
	at = at.UTC().Truncate(time.Second)
	return a.change(ctx, id, func(pk string) ([]store.Op, error) {
		b, err := json.Marshal(body{at})
		if err != nil {
			return nil, err
		}
		return []store.Op{
			store.Put(store.Item{Key: store.Key{PK: pk, SK: idPrefix + id}, Body: b}, store.Cond{}),
			store.Put(store.Item{Key: store.Key{PK: pk, SK: atPrefix + at.Format(stamp) + "#" + id}, Body: []byte("{}")}, store.Cond{}),
		}, nil
	})
}

// Remove takes id off. One that is not there is no error.
func (a Agenda) Remove(ctx context.Context, id string) error {
	return a.change(ctx, id, func(pk string) ([]store.Op, error) {
		return []store.Op{store.Delete(store.Key{PK: pk, SK: idPrefix + id}, store.Cond{})}, nil
	})
}

// change replaces what there is of id, all or nothing.
func (a Agenda) change(ctx context.Context, id string, ops func(pk string) ([]store.Op, error)) error {
	pk := a.home(id)
	for range tries {
		it, err := a.Table.Get(ctx, store.Key{PK: pk, SK: idPrefix + id})
		found := err == nil
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		list, err := ops(pk)
		if err != nil {
			return err
		}
		// The first op is about the entry itself: it holds only if nobody changed it meanwhile.
		list[0].If = store.Cond{Absent: true}
		if list[0].Kind == store.OpPut {
			list[0].Item.V = 1
		}
		if found {
			var old body
			if err := json.Unmarshal(it.Body, &old); err != nil {
				return fmt.Errorf("agenda: the entry %s is damaged: %w", id, err)
			}
			list[0].If = store.At(it.V)
			if list[0].Kind == store.OpPut {
				list[0].Item.V = it.V + 1
			}
			gone := store.Key{PK: pk, SK: atPrefix + old.At.Format(stamp) + "#" + id}
			if len(list) < 2 || list[1].Item.Key != gone {
				list = append(list, store.Delete(gone, store.Cond{}))
			}
		} else if list[0].Kind == store.OpDelete {
			return nil
		}
		err = a.Table.Write(ctx, list...)
		var lost *store.ConditionError
		if errors.As(err, &lost) || errors.Is(err, store.ErrContention) {
			continue
		}
		return err
	}
	return fmt.Errorf("agenda: %s: %w", a.Name, store.ErrContention)
}

// Due returns up to limit entries whose time has come, the earliest of each shard first. Whoever deals with one sets its next time or
// removes it; until then it is found again.
func (a Agenda) Due(ctx context.Context, now time.Time, limit int) ([]Entry, error) {
	var out []Entry
	to := atPrefix + now.UTC().Format(stamp) + "#\x7f"
	for shard := range a.shards() {
		q := store.Query{PK: a.pk(shard), From: atPrefix, To: to, Limit: limit - len(out)}
		p, err := a.Table.Query(ctx, q)
		if err != nil {
			return out, err
		}
		for _, it := range p.Items {
			when, id, ok := strings.Cut(strings.TrimPrefix(it.SK, atPrefix), "#")
			at, err := time.Parse(stamp, when)
			if !ok || err != nil {
				return out, fmt.Errorf("agenda: the entry %s is damaged", it.Key)
			}
			out = append(out, Entry{ID: id, At: at})
		}
		if len(out) >= limit {
			break
		}
	}
	return out, nil
}
