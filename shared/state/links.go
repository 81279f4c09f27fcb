package state

import (
	"context"
	"errors"
	"slices"

	"meibo/shared/store"
)

// Links returns the links of the given CRM records, by id.
func (s *Session) Links(ctx context.Context, crm []string) (map[string]Link, error) {
	out := make(map[string]Link, len(crm))
	err := s.batchGet(ctx, crm, func(id string) store.Key { return linkKey(s.pk, id) }, func(l Link) { out[l.CRM] = l })
	return out, err
}

// ByBook returns the pointers of the given book records, by id: a Link with its CRM id alone, or the whole record where it has
// no partner.
func (s *Session) ByBook(ctx context.Context, book []string) (map[string]Link, error) {
	out := make(map[string]Link, len(book))
	err := s.batchGet(ctx, book, func(id string) store.Key { return bookKey(s.pk, id) }, func(l Link) { out[l.Book] = l })
	return out, err
}

func (s *Session) batchGet(ctx context.Context, ids []string, key func(string) store.Key, each func(Link)) error {
	seen := make(map[string]bool, len(ids))
	keys := make([]store.Key, 0, min(len(ids), store.MaxBatchGet))
	flush := func() error {
		if len(keys) == 0 {
			return nil
		}
		items, err := s.repo.table.BatchGet(ctx, keys)
		if err != nil {
			return err
		}
		for _, it := range items {
			l, err := decode[Link](it)
			if err != nil {
				return err
			}
			l.V = it.V
			each(l)
		}
		keys = keys[:0]
		return nil
	}
	for _, id := range ids {
		if id == "" || seen[id] {
			continue
		}
		seen[id] = true
		if keys = append(keys, key(id)); len(keys) == store.MaxBatchGet {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// AllLinks calls each for every link and every record without a partner.
func (s *Session) AllLinks(ctx context.Context, each func(Link) error) error {
	for _, prefix := range []string{skLink, skBook} {
		err := store.QueryAll(ctx, s.repo.table, store.Query{PK: s.pk, Prefix: prefix}, func(it store.Item) error {
			l, err := decode[Link](it)
			if err != nil {
				return err
			}
			l.V = it.V
			if prefix == skBook && l.CRM != "" {
				return nil
			}
			return each(l)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// LinkChange puts New in the place of Old, and of Also where two records that each stood alone become one link. A nil Old is a new
// link, a nil New removes Old. Old and Also are as they were read; New.V is set.
type LinkChange struct {
	Old, Also, New *Link
}

// place is where a link stands: its own item, and for a full link the pointer of its book record.
type place struct {
	key     store.Key
	pointer bool
	to      string // pointer: the CRM id
	v       int64
}

func (s *Session) places(l *Link) []place {
	switch {
	case l == nil:
		return nil
	case l.CRM == "":
		return []place{{key: bookKey(s.pk, l.Book), v: l.V}}
	case l.Book == "":
		return []place{{key: linkKey(s.pk, l.CRM), v: l.V}}
	}
	return []place{{key: linkKey(s.pk, l.CRM), v: l.V}, {key: bookKey(s.pk, l.Book), pointer: true, to: l.CRM}}
}

// ops returns the writes of c. A link's item and its pointer change together, and no id ever comes to stand in two links: a new
// key is only ever put where there is none.
func (s *Session) ops(c LinkChange) ([]store.Op, error) {
	old := append(s.places(c.Old), s.places(c.Also)...)
	if c.New != nil {
		c.New.V = 1
		if c.Old != nil {
			c.New.V = c.Old.V + 1
		}
	}
	kept := map[store.Key]bool{}
	var ops []store.Op
	for _, f := range s.places(c.New) {
		cond := store.Cond{Absent: true}
		same := false
		for _, o := range old {
			if o.key != f.key {
				continue
			}
			kept[f.key] = true
			if o.pointer {
				cond, same = store.Cond{Exists: true}, f.pointer && f.to == o.to
			} else {
				cond = store.At(o.v)
			}
		}
		if same {
			continue // the pointer would say nothing new
		}
		body := *c.New
		if f.pointer {
			body = Link{CRM: c.New.CRM, Book: c.New.Book, State: c.New.State, Since: c.New.Since}
		}
		it, err := item(f.key, c.New.V, body)
		if err != nil {
			return nil, err
		}
		ops = append(ops, store.Put(it, cond))
	}
	for _, o := range old {
		switch {
		case kept[o.key]:
		case o.pointer:
			ops = append(ops, store.Delete(o.key, store.Cond{}))
		default:
			ops = append(ops, store.Delete(o.key, store.At(o.v)))
		}
	}
	return ops, nil
}

// SaveLinks stores changes, as many to a transaction as fit, each link whole. It returns the places of those that were refused
// because an id of theirs is in another link, or because the link has changed since it was read.
func (s *Session) SaveLinks(ctx context.Context, changes []LinkChange) (refused []int, err error) {
	var batch []store.Op
	var from []int
	touched := map[store.Key]bool{} // a transaction takes each key once
	flush := func() error {
		err := s.Commit(ctx, batch...)
		var cond *store.ConditionError
		if errors.As(err, &cond) {
			err = nil
			for _, i := range from { // one by one, so that only those that really clash are left out
				ops, e := s.ops(changes[i])
				if e == nil {
					e = s.Commit(ctx, ops...)
				}
				if errors.As(e, &cond) {
					refused = append(refused, i)
				} else if e != nil {
					return e
				}
			}
		}
		batch, from = nil, nil
		clear(touched)
		return err
	}
	for i, c := range changes {
		ops, err := s.ops(c)
		if err != nil {
			return refused, err
		}
		again := slices.ContainsFunc(ops, func(o store.Op) bool { return touched[o.Item.Key] })
		if again || len(batch)+len(ops) > store.MaxTransact-1 {
			if err := flush(); err != nil {
				return refused, err
			}
		}
		for _, o := range ops {
			touched[o.Item.Key] = true
		}
		batch = append(batch, ops...)
		from = append(from, i)
	}
	if len(batch) > 0 {
		err = flush()
	}
	return refused, err
}

// SaveReview puts an entry on the review list, and stores the control item with it.
func (s *Session) SaveReview(ctx context.Context, r Review) error {
	it, err := item(reviewKey(s.pk, r.ID), 1, r)
	if err != nil {
		return err
	}
	return s.Checkpoint(ctx, store.Put(it, store.Cond{}))
}

// RemoveReview takes an entry off the review list, and stores the control item with it.
func (s *Session) RemoveReview(ctx context.Context, id string) error {
	return s.Checkpoint(ctx, store.Delete(reviewKey(s.pk, id), store.Cond{}))
}
