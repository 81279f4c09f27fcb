package state

import (
	"context"
	"time"

	"meibo/shared/profile"
	"meibo/shared/store"
)

// Intent is a batch of creates that is about to be sent. It is stored before the request and removed when every entry has its
// link, or is known not to have been created, so that no create is ever sent twice in effect.
type Intent struct {
	ID      string        `json:"id"`
	Side    profile.Side  `json:"side"` // where the records are created
	At      time.Time     `json:"at"`
	Entries []IntentEntry `json:"entries"`
}

// IntentEntry is one create.
type IntentEntry struct {
	Source string `json:"s"` // record id on the other side
	// Mark is the digest of the mark that the new record carries, Content that of its mapped values.
	Mark    uint64 `json:"m,omitempty"`
	Content uint64 `json:"c"`
}

// IntentOp stores an intent.
func (s *Session) IntentOp(in Intent) (store.Op, error) {
	it, err := item(store.Key{PK: s.pk, SK: skIntent + in.ID}, 1, in)
	return store.Put(it, store.Cond{}), err
}

// RemoveIntentOp removes an intent.
func (s *Session) RemoveIntentOp(id string) store.Op {
	return store.Delete(store.Key{PK: s.pk, SK: skIntent + id}, store.Cond{})
}

// Intents returns all intents.
func (s *Session) Intents(ctx context.Context) ([]Intent, error) {
	var out []Intent
	err := store.QueryAll(ctx, s.repo.table, store.Query{PK: s.pk, Prefix: skIntent}, func(it store.Item) error {
		in, err := decode[Intent](it)
		out = append(out, in)
		return err
	})
	return out, err
}
