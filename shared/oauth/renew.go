package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meibo/shared/connector"
	"meibo/shared/secret"
	"meibo/shared/store"
)

// How a renewal is shared between processes.
const (
	// renewalLife is how long one process may take to renew before another tries.
	renewalLife = 30 * time.Second
	renewalPoll = 250 * time.Millisecond
	// renewalTurns bounds the waiting: several renewers may die one after another, but not for ever.
	renewalTurns = 3 * int(renewalLife/renewalPoll)
)

// current returns the account's token, renewed if it is about to end.
func (k *Keeper) current(ctx context.Context, h *held) (stored, error) {
	if err := h.enter(ctx); err != nil {
		return stored{}, err
	}
	defer h.leave()
	if h.v == 0 {
		if err := k.reread(ctx, h); err != nil {
			return stored{}, err
		}
	}
	if h.lost {
		return stored{}, k.lostError(h, nil)
	}
	if !k.ending(h.token) {
		return h.stored, nil
	}
	_, err := k.renew(ctx, h, h.gen)
	return h.stored, err
}

// renewed returns a token that is newer than generation stale, and whether this call asked the vendor for it.
func (k *Keeper) renewed(ctx context.Context, h *held, stale int64) (stored, bool, error) {
	if err := h.enter(ctx); err != nil {
		return stored{}, false, err
	}
	defer h.leave()
	asked, err := k.renew(ctx, h, stale)
	return h.stored, asked, err
}

// renew makes h hold a token newer than generation stale that is not about to end: another process's if there is one, else
// one that it asks the vendor for. A conditional write that announces the renewal lets one process through; the vendor is never
// asked by two at once, because some vendors take a refresh token once only and others count renewals.
func (k *Keeper) renew(ctx context.Context, h *held, stale int64) (asked bool, err error) {
	for range renewalTurns {
		if h.lost {
			return asked, k.lostError(h, nil)
		}
		if h.gen != stale && !k.ending(h.token) {
			return asked, nil
		}
		now := k.Clock.Now()
		if h.renewer.After(now) {
			if err := k.Clock.Sleep(ctx, min(renewalPoll, h.renewer.Sub(now))); err != nil {
				return asked, err
			}
		} else {
			announced := h.stored
			announced.renewer = now.Add(renewalLife)
			err := k.write(ctx, h, announced, store.At(h.v))
			if err == nil {
				asked = true
				done, err := k.ask(context.WithoutCancel(ctx), h) // a token that the vendor has given out must be stored
				if done || err != nil {
					return asked, err
				}
			} else if !busy(err) {
				return asked, unavailable(err)
			}
		}
		if err := k.reread(ctx, h); err != nil {
			return asked, err
		}
	}
	return asked, fmt.Errorf("%w: the account's authorisation is being renewed elsewhere", connector.ErrTransient)
}

// ask renews at the vendor and stores the outcome. It is not done, with no error, if another process has changed the item in a
// way that must be looked at again.
func (k *Keeper) ask(ctx context.Context, h *held) (done bool, err error) {
	sys, ok := k.Systems[h.system]
	if !ok {
		return true, k.withdraw(ctx, h, fmt.Errorf("%w: the system %q is not configured here", connector.ErrMisconfigured, h.system))
	}
	client, err := sys.registration(ctx, k.Clients)
	if err != nil {
		return true, k.withdraw(ctx, h, err)
	}
	t, err := sys.credential().Refresh(ctx, k.HTTP, client, h.token)
	var refused *RefusedError
	switch {
	case err == nil:
		return k.keep(ctx, h, t)
	case errors.Is(err, ErrRevoked), errors.As(err, &refused):
		return k.lose(ctx, h, err)
	case errors.Is(err, ErrClient):
		return true, k.withdraw(ctx, h, fmt.Errorf("%w: %w", connector.ErrMisconfigured, err))
	default:
		return true, k.withdraw(ctx, h, fmt.Errorf("%w: %s did not renew the authorisation: %w", connector.ErrTransient, sys.Name, err))
	}
}

// keep stores the token that the vendor gave. Where another process has meanwhile taken the renewal over, ours still counts: the
// other may be asking with a refresh token that ours has used up.
func (k *Keeper) keep(ctx context.Context, h *held, t Token) (done bool, err error) {
	if t.Refresh == "" {
		t.Refresh = h.token.Refresh
	}
	next := h.stored
	next.token, next.gen, next.renewer = t, next.gen+1, time.Time{}
	for range 5 {
		err := k.write(ctx, h, next, store.At(next.v))
		if err == nil {
			return true, nil
		}
		if !busy(err) {
			// This process can go on with the token; the next renewal stores what it gets.
			next.v = h.v
			h.stored = next
			return true, nil
		}
		before := h.gen
		if err := k.reread(ctx, h); err != nil {
			return true, err
		}
		if h.gen != before {
			return false, nil // a newer token, by a person's consent or another's renewal
		}
		next.v = h.v
	}
	return false, nil
}

// lose marks the token as dead, unless another process has changed the item since the renewal was announced.
func (k *Keeper) lose(ctx context.Context, h *held, cause error) (done bool, err error) {
	dead := h.stored
	dead.lost, dead.renewer = true, time.Time{}
	if err := k.write(ctx, h, dead, store.At(dead.v)); err != nil {
		if busy(err) {
			return false, nil
		}
		return true, unavailable(err)
	}
	lost := k.lostError(h, cause)
	if k.OnLost != nil {
		told := lost
		var refused *RefusedError
		if errors.As(cause, &refused) {
			told = fmt.Errorf("%w (%w)", lost, refused)
		}
		k.OnLost(ctx, h.tenant, h.account, told)
	}
	return true, lost
}

// withdraw takes the announcement back, so that nobody waits for it, and returns cause. If that fails the announcement ends by
// itself.
func (k *Keeper) withdraw(ctx context.Context, h *held, cause error) error {
	free := h.stored
	free.renewer = time.Time{}
	if err := k.write(ctx, h, free, store.At(free.v)); err != nil && !busy(err) {
		return fmt.Errorf("%w (and %w)", cause, err)
	}
	return cause
}

// reread fills h from the table, in the words of a client's errors.
func (k *Keeper) reread(ctx context.Context, h *held) error {
	err := k.read(ctx, h)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, secret.ErrOpen) {
		h.lost = true
		return k.lostError(h, nil)
	}
	return unavailable(err)
}

// lostError is what requests fail with from now on. The entry leaves the cache, so that a person's new consent is seen.
func (k *Keeper) lostError(h *held, cause error) error {
	k.mu.Lock()
	if now, ok := k.cache.Get(tokenKey(h.tenant, h.account)); ok && now == h {
		k.cache.Delete(tokenKey(h.tenant, h.account))
	}
	k.mu.Unlock()
	e := &connector.AuthLostError{System: "The system", Cure: "connect the account again"}
	if sys, ok := k.Systems[h.system]; ok {
		e.System = sys.Name
	}
	var refused *RefusedError
	if errors.As(cause, &refused) && refused.Cure != "" {
		e.Cure = refused.Cure
	}
	return e
}

func (k *Keeper) ending(t Token) bool {
	return !t.Expiry.IsZero() && t.Expiry.Sub(k.Clock.Now()) < margin
}

func (h *held) enter(ctx context.Context) error {
	select {
	case <-h.lock:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *held) leave() { h.lock <- struct{}{} }
