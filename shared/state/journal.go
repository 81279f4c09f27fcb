package state

import (
	"context"
	"encoding/json"
	"fmt"

	"meibo/shared/record"
	"meibo/shared/store"
)

// Sealer seals what may not be read at rest, under the tenant's key.
type Sealer interface {
	Seal(purpose, owner string, plaintext []byte) ([]byte, error)
	Open(purpose, owner string, sealed []byte) ([]byte, error)
}

// purposeJournal binds before-images to their place.
const purposeJournal = "journal"

// Before is the before-image of one write: what the target held in the fields that the write changes, or the whole record for a
// deletion. A create has none.
type Before struct {
	Record string        `json:"record,omitempty"`
	Fields record.Fields `json:"fields,omitempty"`
}

// journalItem is one batch of writes.
type journalItem struct {
	Changes []Change `json:"changes"`
	Sealed  []byte   `json:"sealed,omitempty"`
}

// Batch is one batch of writes in the journal.
type Batch struct {
	ID      string // sorts by time
	Changes []Change
	Before  []Before // as many as Changes
}

// JournalOp stores a batch's before-images; it must be durable before the batch is sent.
func (s *Session) JournalOp(seal Sealer, b Batch) (store.Op, error) {
	plain, err := json.Marshal(b.Before)
	if err != nil {
		return store.Op{}, fmt.Errorf("state: journal: %w", err)
	}
	sealed, err := seal.Seal(purposeJournal, s.jpk+"#"+b.ID, plain)
	if err != nil {
		return store.Op{}, fmt.Errorf("state: journal: %w", err)
	}
	return s.journalOp(b, sealed)
}

func (s *Session) journalOp(b Batch, sealed []byte) (store.Op, error) {
	it, err := item(store.Key{PK: s.jpk, SK: b.ID}, 1, journalItem{Changes: b.Changes, Sealed: sealed})
	it.Expires = s.repo.clock.Now().Add(JournalRetention)
	return store.Put(it, store.Cond{}), err
}

// Journal returns one batch with its before-images.
func (r *Repo) Journal(ctx context.Context, tenant, conn string, open Sealer, id string) (Batch, error) {
	jpk := JournalPartition(tenant, conn)
	it, err := r.table.Get(ctx, store.Key{PK: jpk, SK: id})
	if err != nil {
		return Batch{}, err
	}
	e, err := decode[journalItem](it)
	if err != nil {
		return Batch{}, err
	}
	plain, err := open.Open(purposeJournal, jpk+"#"+id, e.Sealed)
	if err != nil {
		return Batch{}, fmt.Errorf("state: journal: %w", err)
	}
	b := Batch{ID: id, Changes: e.Changes}
	if err := json.Unmarshal(plain, &b.Before); err != nil {
		return Batch{}, fmt.Errorf("state: journal: %w", err)
	}
	return b, nil
}
