package oauth

import (
	"context"
	"time"
)

// fresh is how long after its access token's end an authorisation counts as used.
const fresh = 20 * time.Hour

// Probe makes sure that an account's authorisation still stands, and keeps one alive that nobody has used for a day: some vendors
// end what is not renewed for weeks. It asks the vendor for a new access token, unless one was got within the last day. Errors are
// those of Client; of a loss, OnLost is told.
func (k *Keeper) Probe(ctx context.Context, tenant, account string) error {
	h := k.hold(tenant, account)
	if err := h.enter(ctx); err != nil {
		return err
	}
	defer h.leave()
	if err := k.reread(ctx, h); err != nil {
		return err
	}
	if h.lost {
		return k.lostError(h, nil)
	}
	if h.token.Expiry.After(k.Clock.Now().Add(-fresh)) {
		return nil
	}
	_, err := k.renew(ctx, h, h.gen)
	return err
}
