package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meibo/shared/profile"
	"meibo/shared/store"
)

// LeaseTime is how long a slice may write after it took or renewed the lease. It is longer than a slice and its last vendor
// call, so that a live worker never loses it, and short enough that a dead one's connection goes on soon.
const LeaseTime = 4 * time.Minute

// BusyError says that another worker holds the connection's lease.
type BusyError struct{ Until time.Time }

func (e *BusyError) Error() string {
	return fmt.Sprintf("state: another run holds the connection until %s", e.Until.Format(time.RFC3339))
}

// ErrLeaseLost says that another worker has taken the lease: nothing was written, and this one must stop.
var ErrLeaseLost = errors.New("state: the lease has passed to another worker")

// Session is a connection's state in the hands of the worker that holds its lease. Every write checks the lease's epoch.
type Session struct {
	repo    *Repo
	pk, jpk string
	// Control is the control item; changes to it are stored by Checkpoint and Release.
	Control Control
}

// Acquire takes the lease of a connection whose control item the caller has just read. The run id stays that of an unfinished
// run, or becomes run.
func (r *Repo) Acquire(ctx context.Context, tenant, conn string, c Control, run string) (*Session, error) {
	now := r.clock.Now()
	if c.LeaseUntil.After(now) {
		return nil, &BusyError{Until: c.LeaseUntil}
	}
	s := &Session{repo: r, pk: Partition(tenant, conn), jpk: JournalPartition(tenant, conn), Control: c}
	if s.Control.Run == "" {
		s.Control.Run = run
	}
	s.Control.LeaseUntil = now.Add(LeaseTime)
	s.Control.Epoch++
	s.Control.V++
	it, err := s.controlItem()
	if err != nil {
		return nil, err
	}
	cond := store.At(c.V)
	if c.V == 0 {
		cond = store.Cond{Absent: true}
	}
	var refused *store.ConditionError
	if err := r.table.Write(ctx, store.Put(it, cond)); errors.As(err, &refused) {
		return nil, &BusyError{Until: now.Add(time.Second)}
	} else if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Session) controlItem() (store.Item, error) {
	it, err := item(controlKey(s.pk), s.Control.V, s.Control)
	it.Fence = s.Control.Epoch
	return it, err
}

// Commit writes ops together with a check of the lease. At most store.MaxTransact-1 ops.
func (s *Session) Commit(ctx context.Context, ops ...store.Op) error {
	if len(ops) == 0 {
		return nil
	}
	return s.write(ctx, append(ops, store.Check(controlKey(s.pk), store.Fenced(s.Control.Epoch))))
}

// Checkpoint writes ops and the control item, and renews the lease.
func (s *Session) Checkpoint(ctx context.Context, ops ...store.Op) error {
	s.Control.LeaseUntil = s.repo.clock.Now().Add(LeaseTime)
	return s.putControl(ctx, ops)
}

// Pause ends the slice but not the run: the lease is free, and the next slice goes on.
func (s *Session) Pause(ctx context.Context, ops ...store.Op) error {
	s.Control.LeaseUntil = time.Time{}
	return s.putControl(ctx, ops)
}

// Release ends the run.
func (s *Session) Release(ctx context.Context, ops ...store.Op) error {
	s.Control.Run = ""
	s.Control.LeaseUntil = time.Time{}
	return s.putControl(ctx, ops)
}

func (s *Session) putControl(ctx context.Context, ops []store.Op) error {
	s.Control.V++
	it, err := s.controlItem()
	if err != nil {
		return err
	}
	return s.write(ctx, append(ops, store.Put(it, store.Fenced(s.Control.Epoch))))
}

// write sends a transaction whose last op concerns the control item, again while the table is busy.
func (s *Session) write(ctx context.Context, ops []store.Op) error {
	pause := 20 * time.Millisecond
	for try := 0; ; try++ {
		err := s.repo.table.Write(ctx, ops...)
		if err == nil {
			return nil
		}
		var refused *store.ConditionError
		if errors.As(err, &refused) {
			for _, i := range refused.Failed {
				if i == len(ops)-1 {
					return ErrLeaseLost
				}
			}
			return err
		}
		if !store.Retry(err) || try == 6 {
			return err
		}
		if err := s.repo.clock.Sleep(ctx, pause); err != nil {
			return err
		}
		pause *= 2
	}
}

// RunOp stores r.
func (s *Session) RunOp(r Run) (store.Op, error) {
	it, err := item(runKey(s.pk, r.ID), 1, r)
	it.Expires = s.repo.clock.Now().Add(RunRetention)
	return store.Put(it, store.Cond{}), err
}

// SaveCatalogue stores what a side's account can do.
func (s *Session) SaveCatalogue(ctx context.Context, side profile.Side, body []byte) error {
	return s.Commit(ctx, store.Put(store.Item{Key: catKey(s.pk, side), V: 1, Body: body}, store.Cond{}))
}

// LoadRun returns the unfinished run, or store.ErrNotFound.
func (s *Session) LoadRun(ctx context.Context) (RunRecord, error) {
	it, err := s.repo.table.Get(ctx, store.Key{PK: s.pk, SK: skRun + s.Control.Run})
	if err != nil {
		return RunRecord{}, err
	}
	return decode[RunRecord](it)
}

// SaveRunOp stores the run with what its next slice needs.
func (s *Session) SaveRunOp(r RunRecord) (store.Op, error) {
	it, err := item(runKey(s.pk, r.ID), 1, r)
	it.Expires = s.repo.clock.Now().Add(RunRetention)
	return store.Put(it, store.Cond{}), err
}
