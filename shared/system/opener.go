package system

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"meibo/shared/cache"
	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/engine"
	"meibo/shared/tenancy"
)

// Accounts finds an account; *tenancy.Service is one. What does not exist is tenancy.ErrNotFound.
type Accounts interface {
	AccountByID(ctx context.Context, tenant, id string) (tenancy.Account, error)
}

// Authoriser gives clients that carry an account's authorisation; *oauth.Keeper is one.
type Authoriser interface {
	Client(ctx context.Context, tenant, account string) (*http.Client, error)
	Extra(ctx context.Context, tenant, account string) (map[string]string, error)
}

// Opener opens accounts at whatever system they belong to. It is safe for concurrent use.
type Opener struct {
	systems  []System
	accounts Accounts
	keeper   Authoriser
	idle     *cache.Cache[string, *used]
}

// A connector that was handed back is kept for the next slice of a run: it knows the account's catalogue, the companies that it
// looked up and how much of the vendor's limits is used up.
const (
	idleConnectors = 64
	idleLife       = 15 * time.Minute
)

// used is a connector with the counter beneath it.
type used struct {
	connector connector.Connector
	counter   *counter
}

// NewOpener returns an opener.
func NewOpener(systems []System, a Accounts, k Authoriser, c clock.Clock) *Opener {
	return &Opener{systems: systems, accounts: a, keeper: k, idle: cache.New[string, *used](c, idleConnectors, idleLife)}
}

var _ engine.Opener = (*Opener)(nil)

// Open returns the account with a connector, and the count of the calls that the connector makes. It costs one read of the
// table, and one more when this process does not hold the account's token. A connector is in one pair of hands at a time: it is
// offered again once it is closed.
//
// Errors: tenancy.ErrNotFound, *connector.AuthLostError for an account that a person must connect again, and whatever the
// keeper says.
func (o *Opener) Open(ctx context.Context, tenant, account string) (engine.Opened, error) {
	a, err := o.accounts.AccountByID(ctx, tenant, account)
	if err != nil {
		return engine.Opened{}, err
	}
	sys, ok := Find(o.systems, a.System)
	if !ok {
		return engine.Opened{}, fmt.Errorf("%w: the system %q is not offered by this installation", connector.ErrMisconfigured, a.System)
	}
	hc, err := o.keeper.Client(ctx, tenant, account)
	if err != nil {
		return engine.Opened{}, err
	}
	key := tenant + "/" + account
	u, ok := o.idle.Take(key)
	if ok {
		u.counter.over(hc.Transport)
		if r, ok := u.connector.(connector.Reuser); ok {
			r.Reuse()
		}
	} else if u, err = o.connect(ctx, sys, hc, a, tenant); err != nil {
		return engine.Opened{}, err
	}
	before := u.counter.calls()
	return engine.Opened{Account: a, Connector: u.connector,
		Calls: func() int { return u.counter.calls() - before },
		Close: sync.OnceFunc(func() { o.idle.Put(key, u) })}, nil
}

func (o *Opener) connect(ctx context.Context, sys System, hc *http.Client, a tenancy.Account, tenant string) (*used, error) {
	extra, err := o.keeper.Extra(ctx, tenant, a.ID)
	if err != nil {
		return nil, err
	}
	hc, counter := counted(hc)
	c, err := sys.New(ctx, hc, a, extra)
	if err != nil {
		return nil, err
	}
	return &used{c, counter}, nil
}
