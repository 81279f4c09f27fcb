package tenancy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"meibo/shared/profile"
	"meibo/shared/store"
)

// deletedLife is how long a deleted connection stays in the table, for what has to be cleaned up after it.
const deletedLife = 90 * 24 * time.Hour

// attempts is how often a change that does not rest on what somebody read before is tried.
const attempts = 8

// again tries f again while another change comes in between.
func again[T any](f func() (T, error)) (T, error) {
	for n := 1; ; n++ {
		x, err := f()
		var conflict *Conflict
		if n == attempts || !errors.As(err, &conflict) {
			return x, err
		}
	}
}

// NewConnection describes a draft. Accounts may be chosen later (Attach). Nil Settings are those of the profile of the two
// systems, which are taken from the accounts, or named while there are none.
type NewConnection struct {
	CRM, Book             string // account ids, or ""
	CRMSystem, BookSystem string
	Settings              *Settings
}

// CreateConnection makes a draft of the actor's own.
func (s *Service) CreateConnection(ctx context.Context, actor Member, n NewConnection) (Connection, error) {
	t, err := s.Tenant(ctx, actor.Tenant)
	if err != nil {
		return Connection{}, err
	}
	now := s.cfg.Clock.Now()
	c := Connection{ID: s.cfg.IDs(), Tenant: actor.Tenant, Member: actor.ID, State: Draft, Created: now, Updated: now, V: 1}
	var b batch
	for _, id := range []string{n.CRM, n.Book} {
		if id == "" {
			continue
		}
		a, err := s.attach(ctx, actor, &c, id, &b)
		if err != nil {
			return Connection{}, err
		}
		if a.Side == profile.CRM {
			n.CRMSystem = a.System
		} else {
			n.BookSystem = a.System
		}
	}
	if n.CRM != "" && c.CRM != n.CRM || n.Book != "" && c.Book != n.Book {
		return Connection{}, &FieldError{"crm, book", "the accounts are on the wrong sides", "give the CRM account as crm and the address book account as book"}
	}
	p := s.cfg.Profile(n.CRMSystem, n.BookSystem)
	if err := s.admitBook(ctx, c, p, &b); err != nil {
		return Connection{}, err
	}
	c.Settings = DefaultSettings(t, p)
	if n.Settings != nil {
		c.Settings = *n.Settings
	}
	if err := CheckSettings(p, c.Settings); err != nil {
		return Connection{}, err
	}
	c.Settings = normal(c.Settings)
	b.create(connKey(c.Tenant, c.ID), c, &Conflict{"the connection"})
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return Connection{}, err
	}
	return c, nil
}

// Attach chooses an account for its side of a connection that was not started yet. With the first account the connection is
// authorizing, with both it is ready. Settings follow the profile of the systems (Rebase).
func (s *Service) Attach(ctx context.Context, actor Member, id, account string) (Connection, error) {
	return again(func() (Connection, error) {
		c, err := s.Connection(ctx, actor, id)
		if err != nil {
			return Connection{}, err
		}
		var b batch
		before, err := s.profileOf(ctx, c)
		if err != nil {
			return Connection{}, err
		}
		if _, err := s.attach(ctx, actor, &c, account, &b); err != nil {
			return Connection{}, err
		}
		now, err := s.profileOf(ctx, c)
		if err != nil {
			return Connection{}, err
		}
		if err := s.admitBook(ctx, c, now, &b); err != nil {
			return Connection{}, err
		}
		if before.CRM != now.CRM || before.Book != now.Book {
			t, err := s.Tenant(ctx, c.Tenant)
			if err != nil {
				return Connection{}, err
			}
			c.Settings = Rebase(t, c.Settings, before, now)
		}
		return s.saveConnection(ctx, c, &b)
	})
}

// attach puts the account into c, and into b what holds the account still.
func (s *Service) attach(ctx context.Context, actor Member, c *Connection, account string, b *batch) (Account, error) {
	if c.State != Draft && c.State != Authorizing && c.State != Ready {
		return Account{}, &Refusal{CodeState, fmt.Sprintf("the accounts of a connection that is %s cannot be changed", c.State),
			"stop it and make a new connection with the other account"}
	}
	a, err := s.accountOf(ctx, actor, account)
	if err == nil && a.Member != c.Member {
		err = ErrNotFound // an administrator sees it, but it syncs for its own member only
	}
	if err != nil {
		return Account{}, err
	}
	if a.Side == profile.CRM {
		c.CRM = a.ID
	} else {
		c.Book = a.ID
	}
	if c.State == Draft {
		c.State = Authorizing
	}
	if c.State == Authorizing && c.CRM != "" && c.Book != "" {
		c.State = Ready
	}
	b.replace(accountKey(a.Tenant, a.ID), a.V, a, &Conflict{"the account"})
	return a, nil
}

// Connection returns a connection of the actor, or of anybody in the tenant for an administrator. A deleted one is not found.
func (s *Service) Connection(ctx context.Context, actor Member, id string) (Connection, error) {
	c, err := s.ConnectionByID(ctx, actor.Tenant, id)
	if err != nil {
		return Connection{}, err
	}
	if c.State == Deleted || c.Member != actor.ID && actor.Role != Admin {
		return Connection{}, ErrNotFound
	}
	return c, nil
}

// ConnectionByID returns a connection to machinery, a deleted one too.
func (s *Service) ConnectionByID(ctx context.Context, tenant, id string) (Connection, error) {
	if !validID(tenant) || !validID(id) {
		return Connection{}, ErrNotFound
	}
	return load[Connection](ctx, s.cfg.Table, connKey(tenant, id))
}

// Connections lists the actor's connections, oldest first; for an administrator, those of member, or all if member is "".
func (s *Service) Connections(ctx context.Context, actor Member, member string, r PageRequest) (Page[Connection], error) {
	if actor.Role != Admin {
		member = actor.ID
	}
	return list[Connection](ctx, s.cfg.Table, tenantPK(actor.Tenant), connPrefix, r, func(c Connection) bool {
		return c.State != Deleted && (member == "" || c.Member == member)
	})
}

// EachConnection hands every connection of the tenant to each, deleted ones too, until it returns an error.
func (s *Service) EachConnection(ctx context.Context, tenant string, each func(Connection) error) error {
	q := store.Query{PK: tenantPK(tenant), Prefix: connPrefix}
	return store.QueryAll(ctx, s.cfg.Table, q, func(it store.Item) error {
		c, err := decode[Connection](it)
		if err != nil {
			return err
		}
		return each(c)
	})
}

// liveConnection returns a connection that is not ended and that match accepts, or nil.
func (s *Service) liveConnection(ctx context.Context, tenant string, match func(Connection) bool) (*Connection, error) {
	var found *Connection
	err := s.EachConnection(ctx, tenant, func(c Connection) error {
		if !c.State.Ended() && match(c) {
			found = &c
			return store.ErrStop
		}
		return nil
	})
	return found, err
}

// ConnectionChange says what to change; nil leaves it. V is the version that the change was made on; 0 means whatever is there.
type ConnectionChange struct {
	Settings *Settings
	V        int64
}

// ChangeConnection changes a connection's settings. Before the start they are a draft and may be incomplete (PD15); on a
// connection that runs they are checked as at the start, and hold from the next run (PD7).
func (s *Service) ChangeConnection(ctx context.Context, actor Member, id string, ch ConnectionChange) (Connection, error) {
	c, err := s.Connection(ctx, actor, id)
	if err != nil {
		return Connection{}, err
	}
	if ch.V != 0 && ch.V != c.V {
		return Connection{}, &Conflict{"the connection"}
	}
	if c.State.Ended() {
		return Connection{}, &Refusal{CodeState, fmt.Sprintf("the settings of a connection that is %s cannot be changed", c.State), next[c.State].Cure}
	}
	var b batch
	if ch.Settings != nil {
		was := c.Settings
		c.Settings = normal(*ch.Settings)
		if c.State.Live() {
			err = s.startable(ctx, &c, &b, &was)
		} else {
			err = s.checkDraft(ctx, c)
		}
		if err != nil {
			return Connection{}, err
		}
	}
	return s.saveConnection(ctx, c, &b)
}

// checkDraft checks settings as far as the accounts are known.
func (s *Service) checkDraft(ctx context.Context, c Connection) error {
	p, err := s.profileOf(ctx, c)
	if err != nil {
		return err
	}
	return CheckSettings(p, c.Settings)
}

// profileOf returns the profile of a connection's systems, as far as its accounts are known.
func (s *Service) profileOf(ctx context.Context, c Connection) (profile.Profile, error) {
	var system [2]string
	for i, id := range []string{c.CRM, c.Book} {
		if id == "" {
			continue
		}
		a, err := s.AccountByID(ctx, c.Tenant, id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return profile.Profile{}, err
		}
		system[i] = a.System
	}
	return s.cfg.Profile(system[0], system[1]), nil
}

// saveConnection writes c over the version that was read, together with what is in b.
func (s *Service) saveConnection(ctx context.Context, c Connection, b *batch) (Connection, error) {
	c.Updated = s.cfg.Clock.Now()
	b.replace(connKey(c.Tenant, c.ID), c.V, c, &Conflict{"the connection"})
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return Connection{}, err
	}
	c.V++
	return c, nil
}

// normal returns settings whose lists are never nil, so that they read back as they were written.
func normal(set Settings) Settings {
	set.CRMGroups = append([]string{}, set.CRMGroups...)
	set.BookGroups = append([]string{}, set.BookGroups...)
	set.CRMOptions, set.BookOptions = maps.Clone(set.CRMOptions), maps.Clone(set.BookOptions)
	set.Rules.Mapping = slices.Clone(set.Rules.Mapping)
	if set.Rules.Mapping == nil {
		set.Rules.Mapping = []profile.Pair{}
	}
	return set
}
