package secret

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"meibo/shared/cache"
	"meibo/shared/clock"
	"meibo/shared/store"
)

// How many tenants' keys are held unwrapped, and for how long.
const (
	cachedTenants = 1000
	cacheLife     = 15 * time.Minute
)

// Keys hands out tenants' keys. It is safe for concurrent use.
type Keys struct {
	table   store.Table
	wrapper Wrapper
	rand    io.Reader
	cache   *cache.Cache[string, *TenantKeys]
}

// New returns the keys that lie in table under wrapper. Random bytes come from random; nil means crypto/rand.
func New(table store.Table, wrapper Wrapper, c clock.Clock, random io.Reader) *Keys {
	if random == nil {
		random = rand.Reader
	}
	return &Keys{table, wrapper, random, cache.New[string, *TenantKeys](c, cachedTenants, cacheLife)}
}

func itemKey(tenant string) store.Key { return store.Key{PK: "T#" + tenant, SK: "keys"} }

// For returns the tenant's keys, and makes them at first use. Of two that make them at once, one wins and both get its keys.
// It costs one read of the table and one unwrapping, and nothing while they are cached.
func (k *Keys) For(ctx context.Context, tenant string) (*TenantKeys, error) {
	if tenant == "" {
		return nil, errors.New("secret: keys asked for without a tenant")
	}
	if tk, ok := k.cache.Get(tenant); ok {
		return tk, nil
	}
	it, err := k.table.Get(ctx, itemKey(tenant))
	if errors.Is(err, store.ErrNotFound) {
		it, err = k.create(ctx, tenant)
	}
	if err != nil {
		return nil, fmt.Errorf("secret: reading a tenant's keys: %w", err)
	}
	plain, err := k.wrapper.Unwrap(ctx, tenant, it.Body)
	if err != nil {
		return nil, err
	}
	tk, err := parseMaterial(tenant, plain)
	if err != nil {
		return nil, err
	}
	k.cache.Put(tenant, tk)
	return tk, nil
}

// create writes new keys unless another has, and returns the item that is there then.
func (k *Keys) create(ctx context.Context, tenant string) (store.Item, error) {
	plain, err := newMaterial(k.rand)
	if err != nil {
		return store.Item{}, err
	}
	wrapped, err := k.wrapper.Wrap(ctx, tenant, plain)
	if err != nil {
		return store.Item{}, err
	}
	it := store.Item{Key: itemKey(tenant), V: 1, Body: wrapped}
	err = k.table.Write(ctx, store.Put(it, store.Cond{Absent: true}))
	var lost *store.ConditionError
	// A transaction that was in the way is the other creator's; its keys are there, or will be asked for again.
	if errors.As(err, &lost) || errors.Is(err, store.ErrContention) {
		return k.table.Get(ctx, it.Key)
	}
	return it, err
}

// Erase drops the tenant's keys for good: nothing that was sealed under them can be opened again, here at once and in other
// processes when their cache ends. For makes new ones if it is asked again.
func (k *Keys) Erase(ctx context.Context, tenant string) error {
	if err := k.table.Write(ctx, store.Delete(itemKey(tenant), store.Cond{})); err != nil {
		return fmt.Errorf("secret: erasing a tenant's keys: %w", err)
	}
	k.cache.Delete(tenant)
	return nil
}
