package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"meibo/shared/profile"
	"meibo/shared/store"
)

// The keys of the package's items. Those of a watch are written together.
//
//	W#<id>                  watch                       the watch, found by the id in the URL that a vendor calls
//	WC#<tenant>#<conn>      <side>#<digest of target>   its id: one for each thing that a connection watches, so that none is
//	                                                    watched twice
//	WD#<last digit of id>   <time to renew>#<id>        its id, in the order of time. The ten shards are read one after another;
//	                                                    ids are random, so that each holds a tenth
//	WS#<system>#<digest of subscription>   <id>         its id, where the vendor tells of all its accounts at one address
const (
	sk     = "watch"
	shards = 10
	// stamp sorts as text as the times do.
	stamp = "20060102T150405Z"
)

func watchKey(id string) store.Key { return store.Key{PK: "W#" + id, SK: sk} }

func connPK(tenant, conn string) string { return "WC#" + tenant + "#" + conn }

func slotKey(w Watch) store.Key {
	return store.Key{PK: connPK(w.Tenant, w.Connection), SK: slot(w.Side, w.Target)}
}

func slot(side profile.Side, target string) string {
	sum := sha256.Sum256([]byte(target))
	return string(side) + "#" + hex.EncodeToString(sum[:16])
}

func dueKey(w Watch) store.Key {
	return store.Key{PK: "WD#" + w.ID[len(w.ID)-1:], SK: w.Renew.UTC().Format(stamp) + "#" + w.ID}
}

// sharedKey is where a watch is found by what the vendor's notices for everybody name; false if its vendor sends none.
func sharedKey(w Watch) (store.Key, bool) {
	return store.Key{PK: sharedPK(w.System, w.Subscription.ID), SK: w.ID}, w.Subscription.Shared
}

func sharedPK(system, subscription string) string {
	sum := sha256.Sum256([]byte(subscription))
	return "WS#" + system + "#" + hex.EncodeToString(sum[:16])
}

// resharing returns the ops that have a watch found where its subscription is by now.
func resharing(before, w Watch) []store.Op {
	was, did := sharedKey(before)
	is, does := sharedKey(w)
	var ops []store.Op
	if did && (!does || was != is) {
		ops = append(ops, store.Delete(was, store.Cond{}))
	}
	if does && (!did || was != is || !w.Gone.Equal(before.Gone)) {
		ops = append(ops, point(is, w, store.Cond{}))
	}
	return ops
}

// pointer is the body of the items that lead to a watch.
type pointer struct {
	ID string `json:"id"`
}

// idDigits is how long an id is: a number that fits in 63 bits, because a vendor may read it as one.
const idDigits = 18

// ValidID reports whether id has the shape of a watch's id. One that has not needs no look-up.
func ValidID(id string) bool {
	if len(id) != idDigits || id[0] == '0' {
		return false
	}
	for _, c := range []byte(id) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

const (
	digits     = "0123456789"
	alphabet   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + digits
	secretSize = 32
)

// mint returns a fresh id and secret.
func (s *Service) mint() (id, secret string, err error) {
	for id == "" || id[0] == '0' {
		if id, err = s.letters(digits, idDigits); err != nil {
			return "", "", err
		}
	}
	secret, err = s.letters(alphabet, secretSize)
	return id, secret, err
}

// letters returns n letters of from, each as likely as the other.
func (s *Service) letters(from string, n int) (string, error) {
	out := make([]byte, 0, n)
	limit := 256 - 256%len(from)
	for b := make([]byte, n); len(out) < n; {
		if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
			return "", fmt.Errorf("watch: no randomness: %w", err)
		}
		for _, x := range b {
			if int(x) < limit && len(out) < n {
				out = append(out, from[int(x)%len(from)])
			}
		}
	}
	return string(out), nil
}

// errRace: somebody else changed the watch meanwhile.
var errRace = errors.New("watch: the watch changed meanwhile")

func (s *Service) write(ctx context.Context, ops ...store.Op) error {
	err := s.cfg.Table.Write(ctx, ops...)
	var refused *store.ConditionError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused), errors.Is(err, store.ErrContention):
		return errRace
	}
	return fmt.Errorf("watch: %w", err)
}

// put is the op that stores w as version v.
func put(w Watch, v int64, c store.Cond) (store.Op, error) {
	b, err := json.Marshal(w)
	if err != nil {
		return store.Op{}, fmt.Errorf("watch: encoding: %w", err)
	}
	return store.Put(store.Item{Key: watchKey(w.ID), V: v, Expires: w.Gone, Body: b}, c), nil
}

// point is the op that stores a pointer to w at k.
func point(k store.Key, w Watch, c store.Cond) store.Op {
	return store.Put(store.Item{Key: k, V: 1, Expires: w.Gone, Body: []byte(`{"id":"` + w.ID + `"}`)}, c)
}

// add stores a watch whose place is free, or held by old. It sets w.V.
func (s *Service) add(ctx context.Context, w *Watch, old *Watch) error {
	free := store.Cond{Absent: true}
	op, err := put(*w, 1, free)
	if err != nil {
		return err
	}
	ops := []store.Op{op, point(dueKey(*w), *w, store.Cond{}), point(slotKey(*w), *w, free)}
	if old != nil {
		ops[2].If = store.Cond{Exists: true}
		ops = append(ops, store.Delete(watchKey(old.ID), store.At(old.V)), store.Delete(dueKey(*old), store.Cond{}))
		ops = append(ops, resharing(*old, *w)...)
	}
	if err := s.write(ctx, ops...); err != nil {
		return err
	}
	w.V = 1
	return nil
}

// save stores a change of before, over the version that was read, and sets w.V.
func (s *Service) save(ctx context.Context, before Watch, w *Watch) error {
	op, err := put(*w, before.V+1, store.At(before.V))
	if err != nil {
		return err
	}
	ops := []store.Op{op}
	if dueKey(before) != dueKey(*w) || !w.Gone.Equal(before.Gone) {
		if dueKey(before) != dueKey(*w) {
			ops = append(ops, store.Delete(dueKey(before), store.Cond{}))
		}
		ops = append(ops, point(dueKey(*w), *w, store.Cond{}))
	}
	if !w.Gone.Equal(before.Gone) {
		ops = append(ops, point(slotKey(*w), *w, store.Cond{}))
	}
	ops = append(ops, resharing(before, *w)...)
	if err := s.write(ctx, ops...); err != nil {
		return err
	}
	w.V = before.V + 1
	return nil
}

// forget removes a watch.
func (s *Service) forget(ctx context.Context, w Watch) error {
	ops := []store.Op{store.Delete(watchKey(w.ID), store.At(w.V)), store.Delete(slotKey(w), store.Cond{}), store.Delete(dueKey(w), store.Cond{})}
	err := s.write(ctx, append(ops, resharing(w, Watch{})...)...)
	if errors.Is(err, errRace) {
		return nil // whoever changed it sees to it
	}
	return err
}

// Find returns the watch with an id, or ErrNotFound. An id of the wrong shape costs no read.
func (s *Service) Find(ctx context.Context, id string) (Watch, error) {
	if !ValidID(id) {
		return Watch{}, ErrNotFound
	}
	it, err := s.cfg.Table.Get(ctx, watchKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return Watch{}, ErrNotFound
	}
	if err != nil {
		return Watch{}, fmt.Errorf("watch: %w", err)
	}
	return decode(it)
}

func decode(it store.Item) (Watch, error) {
	var w Watch
	if err := json.Unmarshal(it.Body, &w); err != nil || !ValidID(w.ID) {
		return Watch{}, fmt.Errorf("watch: a stored watch is damaged")
	}
	w.V = it.V
	return w, nil
}

// List returns the watches of a connection, those that are being removed too, in a stable order.
func (s *Service) List(ctx context.Context, tenant, conn string) ([]Watch, error) {
	var ids []string
	err := store.QueryAll(ctx, s.cfg.Table, store.Query{PK: connPK(tenant, conn)}, func(it store.Item) error {
		id, err := pointed(it)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	byID, err := s.read(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Watch, 0, len(ids))
	for _, id := range ids {
		if w, ok := byID[id]; ok {
			out = append(out, w)
		}
	}
	return out, nil
}

func pointed(it store.Item) (string, error) {
	var p pointer
	if err := json.Unmarshal(it.Body, &p); err != nil || !ValidID(p.ID) {
		return "", errors.New("a stored pointer is damaged")
	}
	return p.ID, nil
}

// Shared hands each the active watches, a hundred at a time, to which the notices of a system belong that name subscription, until it
// returns an error. They are those of all tenants: what the vendor tells, it tells each of them.
func (s *Service) Shared(ctx context.Context, system, subscription string, each func([]Watch) error) error {
	var ids []string
	flush := func() error {
		byID, err := s.read(ctx, ids)
		if err != nil {
			return err
		}
		var found []Watch
		for _, id := range ids {
			w, ok := byID[id]
			if ok && w.State == Active && w.System == system && w.Subscription.Shared && w.Subscription.ID == subscription {
				found = append(found, w)
			}
		}
		ids = nil
		if len(found) == 0 {
			return nil
		}
		return each(found)
	}
	err := store.QueryAll(ctx, s.cfg.Table, store.Query{PK: sharedPK(system, subscription)}, func(it store.Item) error {
		id, err := pointed(it)
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		if ids = append(ids, id); len(ids) == store.MaxBatchGet {
			return flush()
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	return flush()
}

func (s *Service) read(ctx context.Context, ids []string) (map[string]Watch, error) {
	out := make(map[string]Watch, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), store.MaxBatchGet)
		keys := make([]store.Key, n)
		for i, id := range ids[:n] {
			keys[i] = watchKey(id)
		}
		ids = ids[n:]
		items, err := s.cfg.Table.BatchGet(ctx, keys)
		if err != nil {
			return nil, fmt.Errorf("watch: %w", err)
		}
		for _, it := range items {
			w, err := decode(it)
			if err != nil {
				return nil, err
			}
			out[w.ID] = w
		}
	}
	return out, nil
}

// Due returns watches that are to be looked at by now (see Renew), the longest overdue of each shard first, at most limit.
func (s *Service) Due(ctx context.Context, now time.Time, limit int) ([]Watch, error) {
	var ids []string
	var at []store.Key
	for shard := range shards {
		// "$" comes after "#", so that the whole second is in.
		q := store.Query{PK: fmt.Sprintf("WD#%d", shard), To: now.UTC().Format(stamp) + "$", Limit: limit}
		n := 0
		err := store.QueryAll(ctx, s.cfg.Table, q, func(it store.Item) error {
			if n == limit {
				return store.ErrStop
			}
			n++
			id, err := pointed(it)
			ids, at = append(ids, id), append(at, it.Key)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("watch: %w", err)
		}
	}
	byID, err := s.read(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out []Watch
	for i, id := range ids {
		w, ok := byID[id]
		if !ok || dueKey(w) != at[i] {
			// Its watch has expired and the table has dropped only that: nothing will ever remove it otherwise.
			if err := s.write(ctx, store.Delete(at[i], store.Cond{})); err != nil {
				return nil, err
			}
			continue
		}
		out = append(out, w)
	}
	sortByRenew(out)
	return out[:min(len(out), limit)], nil
}
