package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"meibo/shared/queue"
	"meibo/shared/store"
)

// The schedules are the items of one partition: "name/<id>" holds a schedule, and "due/<time>/<id>" says when it is due, so that
// the due ones are the first of a range. Both change in one transaction.
const (
	partition  = "schedule"
	namePrefix = "name/"
	duePrefix  = "due/"
	timeForm   = "20060102T150405.000000000Z" // its order is time's
)

// entry is a schedule as it is stored. Recurring ones have Tenant and Every, one-time ones Name and Message.
type entry struct {
	Tenant  string         `json:"tenant,omitempty"`
	Every   time.Duration  `json:"every,omitempty"`
	Name    string         `json:"name,omitempty"`
	Message *queue.Message `json:"message,omitempty"`
	Due     time.Time      `json:"due"`

	v int64 // of the item
}

func (e entry) id() string {
	if e.Message == nil {
		return "tenant/" + e.Tenant
	}
	return "once/" + e.Name
}

func nameKey(id string) store.Key { return store.Key{PK: partition, SK: namePrefix + id} }

func (e entry) dueKey() store.Key {
	return store.Key{PK: partition, SK: duePrefix + e.Due.UTC().Format(timeForm) + "/" + e.id()}
}

// after returns the entry at its first turn after now.
func (e entry) after(now time.Time) entry {
	missed := max(now.Sub(e.Due)/e.Every, 0)
	e.Due = e.Due.Add((missed + 1) * e.Every)
	return e
}

func decode(it store.Item) (entry, error) {
	var e entry
	if err := json.Unmarshal(it.Body, &e); err != nil {
		return e, fmt.Errorf("embedded schedule: a stored schedule is damaged: %w", err)
	}
	e.v = it.V
	return e, nil
}

func (s *Scheduler) load(ctx context.Context, id string) (e entry, found bool, err error) {
	it, err := s.o.Table.Get(ctx, nameKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return e, false, nil
	}
	if err != nil {
		return e, false, err
	}
	e, err = decode(it)
	return e, err == nil, err
}

// attempts is how often a change starts over because the schedule changed under it.
const attempts = 10

// set stores next, in place of the schedule of the same id unless keep says to leave that one.
func (s *Scheduler) set(ctx context.Context, next entry, keep func(old entry) bool) error {
	return s.change(ctx, next.id(), func(old entry, found bool) ([]store.Op, error) {
		if found && keep(old) {
			return nil, nil
		}
		return swap(old, found, next)
	})
}

func (s *Scheduler) remove(ctx context.Context, id string) error {
	return s.change(ctx, id, func(old entry, found bool) ([]store.Op, error) {
		if !found {
			return nil, nil
		}
		return strike(old), nil
	})
}

func (s *Scheduler) change(ctx context.Context, id string, decide func(old entry, found bool) ([]store.Op, error)) error {
	for range attempts {
		old, found, err := s.load(ctx, id)
		if err != nil {
			return err
		}
		ops, err := decide(old, found)
		if err != nil || len(ops) == 0 {
			return err
		}
		err = s.o.Table.Write(ctx, ops...)
		if _, refused := store.Refused(err); refused {
			continue
		}
		if err == nil {
			s.poke()
		}
		return err
	}
	return fmt.Errorf("embedded schedule: a schedule kept changing: %w", store.ErrContention)
}

// swap returns the ops that put next in the place of old, if old is still what is there.
func swap(old entry, found bool, next entry) ([]store.Op, error) {
	body, err := json.Marshal(next)
	if err != nil {
		return nil, err
	}
	it := store.Item{Key: nameKey(next.id()), V: 1, Body: body}
	point := store.Put(store.Item{Key: next.dueKey(), V: 1}, store.Cond{})
	if !found {
		return []store.Op{store.Put(it, store.Cond{Absent: true}), point}, nil
	}
	it.V = old.v + 1
	ops := []store.Op{store.Put(it, store.At(old.v)), point}
	if old.dueKey() != next.dueKey() {
		ops = append(ops, store.Delete(old.dueKey(), store.Cond{}))
	}
	return ops, nil
}

// strike returns the ops that remove old, if it is still what is there.
func strike(old entry) []store.Op {
	return []store.Op{store.Delete(nameKey(old.id()), store.At(old.v)), store.Delete(old.dueKey(), store.Cond{})}
}
