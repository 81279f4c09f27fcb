package tenancy

import (
	"context"
	"errors"
	"fmt"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/store"
)

// maxVendorID is how many bytes a vendor's account id may have, as part of a key.
const maxVendorID = 1024

// Authorised is an external account that a member has just authorised.
type Authorised struct {
	Tenant   string
	Member   string
	Account  string // the account that was to be renewed, or "" for a new one
	System   string
	Side     profile.Side
	Identity connector.Identity
	// Keep, if set, stores the authorisation under the account's id: once it is sure that the member may have it, and before
	// anything goes on with it. It may be called again.
	Keep func(ctx context.Context, account string) error
}

// keep stores the authorisation.
func (in Authorised) keep(ctx context.Context, account string) error {
	if in.Keep == nil {
		return nil
	}
	return in.Keep(ctx, account)
}

// Connect records an authorised account, and returns it active. An external account belongs to one member of one tenant (PD9):
// the claim is written with the account or not at all. Authorising one's own account again renews it; a renewal as a different
// person is refused. Connections that waited for the renewal go on.
func (s *Service) Connect(ctx context.Context, in Authorised) (Account, error) {
	if id := in.Identity.AccountID; id == "" || len(id) > maxVendorID {
		return Account{}, fmt.Errorf("tenancy: %s did not say whose account it is", s.cfg.SystemName(in.System))
	}
	if !validID(in.Member) || !validID(in.Tenant) || in.Account != "" && !validID(in.Account) {
		return Account{}, ErrNotFound
	}
	// A person has just been through a vendor's consent; another change at the same time must not make them repeat it.
	return again(func() (Account, error) { return s.connect(ctx, in) })
}

func (s *Service) connect(ctx context.Context, in Authorised) (Account, error) {
	m, err := load[Member](ctx, s.cfg.Table, memberKey(in.Tenant, in.Member))
	if err != nil {
		return Account{}, err
	}
	if in.Account != "" {
		a, err := s.accountOf(ctx, m, in.Account)
		if err != nil {
			return Account{}, err
		}
		if a.System != in.System || a.Identity.AccountID != in.Identity.AccountID {
			return Account{}, &Refusal{"different_account",
				fmt.Sprintf("this is the %s account %s, but %s was to be connected again", s.cfg.SystemName(in.System), in.Identity.Email, a.Identity.Email),
				fmt.Sprintf("sign in at %s as %s; to sync another account, make a new connection", s.cfg.SystemName(a.System), a.Identity.Email)}
		}
		return s.renewAccount(ctx, a, in)
	}
	held, err := load[claim](ctx, s.cfg.Table, claimKey(in.System, in.Identity.AccountID))
	if errors.Is(err, ErrNotFound) {
		return s.newAccount(ctx, m, in)
	}
	if err != nil {
		return Account{}, err
	}
	if held.Tenant == m.Tenant && held.Member == m.ID {
		a, err := s.accountOf(ctx, m, held.Account)
		if err != nil {
			return Account{}, err
		}
		return s.renewAccount(ctx, a, in)
	}
	return Account{}, s.claimed(ctx, m.Tenant, in, held)
}

func (s *Service) newAccount(ctx context.Context, m Member, in Authorised) (Account, error) {
	a := Account{ID: s.cfg.IDs(), Tenant: m.Tenant, Member: m.ID, System: in.System, Side: in.Side, Identity: in.Identity,
		State: AccountActive, Created: s.cfg.Clock.Now(), V: 1}
	var b batch
	b.create(claimKey(in.System, in.Identity.AccountID), claim{a.Tenant, a.Member, a.ID}, &Conflict{"the account"})
	b.create(accountKey(a.Tenant, a.ID), a, &Conflict{"the account"})
	b.replace(memberKey(m.Tenant, m.ID), m.V, m, &Conflict{"the member"}) // so that the member cannot be removed at the same time
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return Account{}, err
	}
	return a, in.keep(ctx, a.ID)
}

// claimed says why the external account cannot be had. Across tenants it tells nothing about the holder.
func (s *Service) claimed(ctx context.Context, tenant string, in Authorised, held claim) error {
	system := s.cfg.SystemName(in.System)
	if held.Tenant != tenant {
		return &Refusal{"account_used_elsewhere",
			fmt.Sprintf("this %s account already syncs with another company, and an account syncs with one company only", system),
			"stop its sync and remove the account there first, or connect another account"}
	}
	who := "another member"
	if m, err := load[Member](ctx, s.cfg.Table, memberKey(tenant, held.Member)); err == nil {
		if who = m.Name; who == "" {
			who = m.Email
		}
	}
	return &Refusal{"account_used_in_company",
		fmt.Sprintf("this %s account is already connected by %s, and an account syncs for one member only", system, who),
		fmt.Sprintf("ask %s to stop its sync and remove the account, or connect another account", who)}
}

func (s *Service) renewAccount(ctx context.Context, a Account, in Authorised) (Account, error) {
	if err := in.keep(ctx, a.ID); err != nil {
		return Account{}, err
	}
	a.Identity, a.State = in.Identity, AccountActive
	if err := s.saveAccount(ctx, &a); err != nil {
		return Account{}, err
	}
	return a, s.resumeAfter(ctx, a)
}

// resumeAfter lets connections go on that waited for the renewal of a, if their other account works too.
func (s *Service) resumeAfter(ctx context.Context, a Account) error {
	return s.moveEach(ctx, a, NeedsReauth, Active, "", func(c Connection) (bool, error) {
		other := c.CRM
		if other == a.ID {
			other = c.Book
		}
		o, err := load[Account](ctx, s.cfg.Table, accountKey(a.Tenant, other))
		if err != nil || o.State != AccountActive {
			return false, err
		}
		return s.stillAdmitted(ctx, c)
	})
}

// moveEach moves the account's connections that are in state from and that also accepts. One that has left that state meanwhile
// is left alone, and one whose schedule failed keeps no other back.
func (s *Service) moveEach(ctx context.Context, a Account, from, to State, reason string, also func(Connection) (bool, error)) error {
	var schedule *ScheduleError
	err := s.EachConnection(ctx, a.Tenant, func(c Connection) error {
		if c.State != from || c.CRM != a.ID && c.Book != a.ID {
			return nil
		}
		if ok, err := also(c); err != nil || !ok {
			return err
		}
		_, err := s.Move(ctx, a.Tenant, c.ID, to, reason)
		var refused *Refusal
		if errors.As(err, &refused) || errors.As(err, &schedule) {
			return nil
		}
		return err
	})
	if err == nil && schedule != nil {
		return schedule
	}
	return err
}

// MarkLost records that an account's authorisation is gone: the account and its active connections need a person to connect it
// again. Reason is a sentence for people. Doing it again changes nothing.
func (s *Service) MarkLost(ctx context.Context, tenant, account, reason string) error {
	if !validID(tenant) || !validID(account) {
		return ErrNotFound
	}
	a, err := again(func() (Account, error) {
		a, err := load[Account](ctx, s.cfg.Table, accountKey(tenant, account))
		if err != nil || a.State == AccountNeedsReauth {
			return a, err
		}
		a.State = AccountNeedsReauth
		err = s.saveAccount(ctx, &a)
		return a, err
	})
	if err != nil {
		return err
	}
	return s.moveEach(ctx, a, Active, NeedsReauth, reason, func(Connection) (bool, error) { return true, nil })
}

func (s *Service) saveAccount(ctx context.Context, a *Account) error {
	var b batch
	b.replace(accountKey(a.Tenant, a.ID), a.V, *a, &Conflict{"the account"})
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return err
	}
	a.V++
	return nil
}

// Account returns an account of the actor, or of anybody in the tenant for an administrator.
func (s *Service) Account(ctx context.Context, actor Member, id string) (Account, error) {
	return s.accountOf(ctx, actor, id)
}

func (s *Service) accountOf(ctx context.Context, actor Member, id string) (Account, error) {
	if !validID(id) {
		return Account{}, ErrNotFound
	}
	a, err := load[Account](ctx, s.cfg.Table, accountKey(actor.Tenant, id))
	if err == nil && a.Member != actor.ID && actor.Role != Admin {
		return Account{}, ErrNotFound
	}
	return a, err
}

// AccountByID returns an account to machinery.
func (s *Service) AccountByID(ctx context.Context, tenant, id string) (Account, error) {
	if !validID(tenant) || !validID(id) {
		return Account{}, ErrNotFound
	}
	return load[Account](ctx, s.cfg.Table, accountKey(tenant, id))
}

// Holder returns the tenant and the account that an external account syncs for, to machinery, or ErrNotFound.
func (s *Service) Holder(ctx context.Context, system, vendorAccount string) (tenant, account string, err error) {
	if system == "" || vendorAccount == "" || len(vendorAccount) > maxVendorID {
		return "", "", ErrNotFound
	}
	c, err := load[claim](ctx, s.cfg.Table, claimKey(system, vendorAccount))
	return c.Tenant, c.Account, err
}

// OwnAccount returns m's account of a system that works and has m's own e-mail address there, or ErrNotFound. A person who has
// authorised it once need not do so again for another connection (ZO8).
func (s *Service) OwnAccount(ctx context.Context, m Member, system string) (Account, error) {
	found := Account{}
	err := store.QueryAll(ctx, s.cfg.Table, store.Query{PK: tenantPK(m.Tenant), Prefix: accountPrefix}, func(it store.Item) error {
		a, err := decode[Account](it)
		if err != nil {
			return err
		}
		if a.Member == m.ID && a.System == system && a.State == AccountActive && foldMail(a.Identity.Email) == foldMail(m.Email) {
			found = a
			return store.ErrStop
		}
		return nil
	})
	if err == nil && found.ID == "" {
		err = ErrNotFound
	}
	return found, err
}

// Accounts lists the actor's accounts, oldest first; for an administrator, those of member, or all if member is "".
func (s *Service) Accounts(ctx context.Context, actor Member, member string, r PageRequest) (Page[Account], error) {
	if actor.Role != Admin {
		member = actor.ID
	}
	return list[Account](ctx, s.cfg.Table, tenantPK(actor.Tenant), accountPrefix, r, func(a Account) bool {
		return member == "" || a.Member == member
	})
}

// RemoveAccount gives an account's authorisation back, removes it, and frees its claim. It is refused while a connection that is
// neither stopped nor deleted uses it.
func (s *Service) RemoveAccount(ctx context.Context, actor Member, id string) error {
	a, err := s.accountOf(ctx, actor, id)
	if err != nil {
		return err
	}
	return s.removeAccount(ctx, a)
}

func (s *Service) removeAccount(ctx context.Context, a Account) error {
	using, err := s.liveConnection(ctx, a.Tenant, func(c Connection) bool { return c.CRM == a.ID || c.Book == a.ID })
	if err != nil {
		return err
	}
	if using != nil {
		return &Refusal{"account_in_use", fmt.Sprintf("a connection that is %s uses the account", using.State),
			"stop or delete that connection first"}
	}
	// The authorisation goes first: if the rest fails, the account shows that it must be connected again and can be removed
	// once more, whereas a token without an account would stay for ever.
	if s.cfg.Revoke != nil {
		if err := s.cfg.Revoke(ctx, a.Tenant, a.ID); err != nil {
			return fmt.Errorf("giving the authorisation back to %s: %w", s.cfg.SystemName(a.System), err)
		}
	}
	var b batch
	b.remove(accountKey(a.Tenant, a.ID), a.V, &Conflict{"the account"})
	b.add(store.Delete(claimKey(a.System, a.Identity.AccountID), store.Cond{}), nil)
	return b.commit(ctx, s.cfg.Table)
}

func (s *Service) removeAccountsOf(ctx context.Context, m Member) error {
	r := PageRequest{Limit: 100}
	for {
		p, err := list[Account](ctx, s.cfg.Table, tenantPK(m.Tenant), accountPrefix, r, func(a Account) bool { return a.Member == m.ID })
		if err != nil {
			return err
		}
		for _, a := range p.Items {
			if err := s.removeAccount(ctx, a); err != nil {
				return err
			}
		}
		if p.Next == "" {
			return nil
		}
		r.Token = p.Next
	}
}
