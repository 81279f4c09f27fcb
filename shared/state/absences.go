package state

import (
	"context"
	"fmt"
	"maps"
	"time"

	"meibo/shared/profile"
	"meibo/shared/store"
)

// Absence is what reading by id told of a record that a complete listing did not name. It holds no value.
type Absence struct {
	Status int8   `json:"s,omitempty"` // connector.Status
	Scope  int8   `json:"c,omitempty"` // connector.Membership
	Moved  string `json:"m,omitempty"` // its id by now, if that is another
}

// MaxAbsences is how many of them one item holds.
const MaxAbsences = 2000

// absenceLife is longer than any run goes on.
const absenceLife = 7 * 24 * time.Hour

func (s *Session) absencePrefix(run string, side profile.Side) string {
	return skAbsent + run + "#" + string(side) + "#"
}

// SaveAbsences keeps what a run's reading by id told so far, at most MaxAbsences, for its later slices. part counts from 0.
func (s *Session) SaveAbsences(ctx context.Context, run string, side profile.Side, part int, found map[string]Absence) error {
	it, err := item(store.Key{PK: s.pk, SK: fmt.Sprintf("%s%06d", s.absencePrefix(run, side), part)}, 1, found)
	if err != nil {
		return err
	}
	it.Expires = s.repo.clock.Now().Add(absenceLife)
	return s.Commit(ctx, store.Put(it, store.Cond{}))
}

// Absences returns what SaveAbsences kept, by id.
func (s *Session) Absences(ctx context.Context, run string, side profile.Side) (map[string]Absence, error) {
	out := map[string]Absence{}
	err := store.QueryAll(ctx, s.repo.table, store.Query{PK: s.pk, Prefix: s.absencePrefix(run, side)}, func(it store.Item) error {
		found, err := decode[map[string]Absence](it)
		maps.Copy(out, found)
		return err
	})
	return out, err
}
