package oauth

import (
	"context"
	"errors"
	"time"

	"meibo/shared/connector"
)

// fresh is how long after its access token's end an authorisation counts as used.
const fresh = 20 * time.Hour

// Probe makes sure that an account's authorisation still stands, and keeps one alive that nobody has used for a day: some vendors
// end what is not renewed for weeks. It asks the vendor for a new access token, unless one was got within the last day. A key, which
// nobody can renew, is tried instead. Errors are those of Client; of a loss, OnLost is told.
func (k *Keeper) Probe(ctx context.Context, tenant, account string) error {
	key, err := k.probe(ctx, k.hold(tenant, account))
	if err != nil || key.system == "" {
		return err
	}
	return k.try(ctx, tenant, account, key)
}

// probe does that with an authorisation that can be renewed, and returns one that is a key.
func (k *Keeper) probe(ctx context.Context, h *held) (key stored, err error) {
	if err := h.enter(ctx); err != nil {
		return stored{}, err
	}
	defer h.leave()
	if err := k.reread(ctx, h); err != nil {
		return stored{}, err
	}
	if h.lost {
		return stored{}, k.lostError(h, nil)
	}
	if k.Systems[h.system].Key != nil {
		return h.stored, nil
	}
	if h.token.Expiry.After(k.Clock.Now().Add(-fresh)) {
		return stored{}, nil
	}
	_, err = k.renew(ctx, h, h.gen)
	return stored{}, err
}

// try asks the vendor whose key it is. A key whose user has nothing that tells, or may not do what was asked, is still a key.
func (k *Keeper) try(ctx context.Context, tenant, account string, key stored) error {
	hc, err := k.Client(ctx, tenant, account)
	if err != nil {
		return err
	}
	_, err = k.Systems[key.system].Identify(ctx, hc, key.token)
	var lost *connector.AuthLostError
	var refused *RefusedError
	var forbidden *connector.ForbiddenError
	switch {
	case errors.As(err, &lost):
		return err
	case errors.As(err, &refused), errors.As(err, &forbidden):
		return nil
	}
	return unavailable(err)
}
