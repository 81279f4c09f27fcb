package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"meibo/shared/cache"
	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/secret"
	"meibo/shared/store"
)

// KeeperConfig is what a Keeper works with.
type KeeperConfig struct {
	Table   store.Table
	Keys    *secret.Keys
	Clock   clock.Clock
	Systems map[string]System
	Clients ClientSource
	// HTTP makes the calls to token endpoints and, through its transport, the API calls of the clients that the keeper hands
	// out. It should have a timeout, and one shorter than the 30 seconds after which another process takes a renewal over.
	HTTP *http.Client
	// OnLost, if set, is told once that an account's authorisation is gone. It is not told of ErrClient, which is ours. The error is a
	// *connector.AuthLostError, and the vendor's *RefusedError as well where there is one.
	OnLost func(ctx context.Context, tenant, account string, err error)
}

// Keeper stores the tokens of accounts, sealed, and keeps them fresh: of all processes that need a new access token at once, one
// asks the vendor and the others use what it got. It is safe for concurrent use.
type Keeper struct {
	KeeperConfig
	mu    sync.Mutex // guards the making of cache entries
	cache *cache.Cache[store.Key, *held]
}

const (
	tokenPurpose = "token"
	heldAccounts = 2000
	// margin is how long before its end an access token is renewed.
	margin = 2 * time.Minute
)

// NewKeeper returns a keeper.
func NewKeeper(c KeeperConfig) *Keeper {
	return &Keeper{KeeperConfig: c, cache: cache.New[store.Key, *held](c.Clock, heldAccounts, 0)}
}

// held is what this process knows of one account's token.
type held struct {
	tenant, account string
	lock            chan struct{} // holds one element while nobody reads or renews; a channel, so that waiting ends with a context
	stored                        // guarded by lock; v is 0 until it was read
}

// stored is the token item.
type stored struct {
	v       int64
	system  string
	token   Token
	gen     int64     // grows by one with each token
	renewer time.Time // until when somebody renews it; zero if nobody does
	lost    bool      // the refresh token is dead
}

type tokenBody struct {
	System  string    `json:"system"`
	Gen     int64     `json:"gen"`
	Renewer time.Time `json:"renewer,omitzero"`
	Lost    bool      `json:"lost,omitempty"`
	Sealed  []byte    `json:"sealed"`
}

func tokenKey(tenant, account string) store.Key {
	return store.Key{PK: "T#" + tenant, SK: "token#" + account}
}

// Save stores the token of an account that a person has just authorised, in place of an older one.
func (k *Keeper) Save(ctx context.Context, tenant, account, system string, t Token) error {
	h := &held{tenant: tenant, account: account}
	for range 3 {
		err := k.read(ctx, h)
		cond := store.At(h.v)
		switch {
		case errors.Is(err, store.ErrNotFound):
			cond = store.Cond{Absent: true}
		case errors.Is(err, secret.ErrOpen):
			h.lost = true // sealed under keys that are gone; there is nothing to keep of it
		case err != nil:
			return unavailable(err)
		}
		if t.Refresh == "" && !h.lost {
			t.Refresh = h.token.Refresh // some vendors send it with the first consent only
		}
		next := stored{v: h.v, system: system, token: t, gen: h.gen + 1}
		err = k.write(ctx, h, next, cond)
		if !busy(err) {
			k.cache.Delete(tokenKey(tenant, account))
			return unavailable(err)
		}
	}
	return fmt.Errorf("%w: the account's authorisation is being changed elsewhere: connect it again", connector.ErrTransient)
}

// Client returns a client whose requests carry the account's authorisation. It renews the access token shortly before its end,
// and once when the vendor answers 401, and then sends the request again; it follows no redirects. Requests, like Client itself,
// fail with *connector.AuthLostError when only a person can renew the authorisation, with connector.ErrMisconfigured when the
// vendor does not accept our registration, and with connector.ErrTransient when the vendor or the table cannot answer now.
//
// It costs one read of the table, or none if this process holds the token already and it is not about to end.
func (k *Keeper) Client(ctx context.Context, tenant, account string) (*http.Client, error) {
	h := k.hold(tenant, account)
	if _, err := k.current(ctx, h); err != nil {
		return nil, err
	}
	hc := *k.HTTP
	hc.Transport = &transport{k, h, base(k.HTTP)}
	hc.CheckRedirect = noRedirect
	return &hc, nil
}

// Extra returns what the vendor told with the account's token (Token.Extra), at the cost of Client. The map must not be changed.
func (k *Keeper) Extra(ctx context.Context, tenant, account string) (map[string]string, error) {
	s, err := k.current(ctx, k.hold(tenant, account))
	return s.token.Extra, err
}

// Revoke gives the account's authorisation back to the vendor and forgets it. When the vendor cannot be asked now, nothing is
// forgotten and the error is connector.ErrTransient; when it has ended already, or the vendor does not know us, it is forgotten
// all the same.
func (k *Keeper) Revoke(ctx context.Context, tenant, account string) error {
	h := &held{tenant: tenant, account: account}
	err := k.read(ctx, h)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil && !h.lost {
		err = k.giveBack(ctx, h.stored)
	}
	if err != nil && !errors.Is(err, secret.ErrOpen) {
		return unavailable(err)
	}
	k.cache.Delete(tokenKey(tenant, account))
	return unavailable(k.Table.Write(ctx, store.Delete(tokenKey(tenant, account), store.Cond{})))
}

func (k *Keeper) giveBack(ctx context.Context, s stored) error {
	sys, ok := k.Systems[s.system]
	if !ok {
		return nil
	}
	c, err := sys.registration(ctx, k.Clients)
	if err == nil {
		err = sys.credential().Revoke(ctx, k.HTTP, c, s.token)
	}
	if errors.Is(err, ErrRevoked) || errors.Is(err, ErrClient) || errors.Is(err, connector.ErrMisconfigured) {
		return nil
	}
	return err
}

// hold returns this process's one entry for the account.
func (k *Keeper) hold(tenant, account string) *held {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := tokenKey(tenant, account)
	h, ok := k.cache.Get(key)
	if !ok {
		h = &held{tenant: tenant, account: account, lock: make(chan struct{}, 1)}
		h.lock <- struct{}{}
		k.cache.Put(key, h)
	}
	return h
}

// read fills h from the table. Its errors are the table's, and secret.ErrOpen for an item that cannot be used.
func (k *Keeper) read(ctx context.Context, h *held) error {
	it, err := k.Table.Get(ctx, tokenKey(h.tenant, h.account))
	if err != nil {
		return err
	}
	var b tokenBody
	h.stored = stored{v: it.V}
	if err := json.Unmarshal(it.Body, &b); err != nil {
		return secret.ErrOpen
	}
	h.stored = stored{v: it.V, system: b.System, gen: b.Gen, renewer: b.Renewer, lost: b.Lost}
	keys, err := k.Keys.For(ctx, h.tenant)
	if err != nil {
		return err
	}
	plain, err := keys.Open(tokenPurpose, h.account, b.Sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, &h.token); err != nil {
		return secret.ErrOpen
	}
	return nil
}

// write stores s with the next version if c holds, and then makes it what h knows.
func (k *Keeper) write(ctx context.Context, h *held, s stored, c store.Cond) error {
	keys, err := k.Keys.For(ctx, h.tenant)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(s.token)
	if err != nil {
		return err
	}
	sealed, err := keys.Seal(tokenPurpose, h.account, plain)
	if err != nil {
		return err
	}
	body, err := json.Marshal(tokenBody{s.system, s.gen, s.renewer, s.lost, sealed})
	if err != nil {
		return err
	}
	s.v++
	if err := k.Table.Write(ctx, store.Put(store.Item{Key: tokenKey(h.tenant, h.account), V: s.v, Body: body}, c)); err != nil {
		return err
	}
	h.stored = s
	return nil
}

// busy reports whether a write lost to another.
func busy(err error) bool {
	var lost *store.ConditionError
	return errors.As(err, &lost) || errors.Is(err, store.ErrContention)
}

// unavailable makes an error of the table or of a vendor one that connectors' callers understand.
func unavailable(err error) error {
	if err == nil || errors.Is(err, connector.ErrTransient) || errors.Is(err, connector.ErrMisconfigured) {
		return err
	}
	return fmt.Errorf("%w: the account's authorisation cannot be reached: %w", connector.ErrTransient, err)
}
