package state

import (
	"context"
	"errors"
	"time"

	"meibo/shared/store"
)

// accountLease is the right to write to an account whose vendor wants writes one after another, whichever connection they are
// for.
type accountLease struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
}

func accountKey(tenant, account string) store.Key {
	return store.Key{PK: "A#" + tenant + "#" + account, SK: "writes"}
}

// TakeAccount gives holder the right to write to the account for the lease time, again if it has it already. It returns a
// *BusyError while another holder has it.
func (r *Repo) TakeAccount(ctx context.Context, tenant, account, holder string) error {
	k := accountKey(tenant, account)
	now := r.clock.Now()
	cond := store.Cond{Absent: true}
	var v int64
	it, err := r.table.Get(ctx, k)
	switch {
	case err == nil:
		l, err := decode[accountLease](it)
		if err != nil {
			return err
		}
		if l.Holder != holder && l.Until.After(now) {
			return &BusyError{Until: l.Until}
		}
		cond, v = store.At(it.V), it.V
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	put, err := item(k, v+1, accountLease{Holder: holder, Until: now.Add(LeaseTime)})
	if err != nil {
		return err
	}
	put.Expires = now.Add(24 * time.Hour)
	err = r.table.Write(ctx, store.Put(put, cond))
	var refused *store.ConditionError
	if errors.As(err, &refused) {
		return &BusyError{Until: now.Add(time.Second)}
	}
	return err
}

// GiveAccount ends holder's right to write to the account.
func (r *Repo) GiveAccount(ctx context.Context, tenant, account, holder string) error {
	k := accountKey(tenant, account)
	it, err := r.table.Get(ctx, k)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if l, err := decode[accountLease](it); err != nil || l.Holder != holder {
		return err
	}
	return r.table.Write(ctx, store.Delete(k, store.At(it.V)))
}
