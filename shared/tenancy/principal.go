package tenancy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"meibo/shared/store"
)

// Principal is a person as a sign-in proves them.
type Principal struct {
	Issuer        string `json:"issuer"`
	Subject       string `json:"subject"` // stable at the issuer
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name"`
}

// Authenticate returns the member of the tenant that p is, or ErrNotFound. A person who was added by e-mail is recognised at
// their first sign-in by that address, if the issuer has verified it; from then on only by issuer and subject.
func (s *Service) Authenticate(ctx context.Context, tenant string, p Principal) (Member, error) {
	if p.Issuer == "" || p.Subject == "" || !validID(tenant) {
		return Member{}, ErrNotFound
	}
	m, err := s.bound(ctx, tenant, p)
	if !errors.Is(err, ErrNotFound) {
		return m, err
	}
	if m, err = s.bind(ctx, tenant, p); err == nil {
		return m, nil
	}
	var conflict *Conflict
	if errors.As(err, &conflict) { // as above
		return s.bound(ctx, tenant, p)
	}
	return Member{}, err
}

func (s *Service) bound(ctx context.Context, tenant string, p Principal) (Member, error) {
	at, err := load[pointer](ctx, s.cfg.Table, store.Key{PK: principalPK(p), SK: tenant})
	if err != nil {
		return Member{}, err
	}
	return load[Member](ctx, s.cfg.Table, memberKey(tenant, at.ID))
}

// bind makes p the member that was added with p's address.
func (s *Service) bind(ctx context.Context, tenant string, p Principal) (Member, error) {
	if p.Email == "" || !p.EmailVerified {
		return Member{}, ErrNotFound
	}
	at, err := load[pointer](ctx, s.cfg.Table, store.Key{PK: mailPK(p.Email), SK: tenant})
	if err != nil {
		return Member{}, err
	}
	m, err := load[Member](ctx, s.cfg.Table, memberKey(tenant, at.ID))
	if err != nil {
		return Member{}, err
	}
	if m.Issuer == p.Issuer && m.Subject == p.Subject {
		return m, nil // another request of the same person has just done it
	}
	if m.Subject != "" {
		return Member{}, ErrNotFound // somebody else's sign-in has it
	}
	m.Issuer, m.Subject = p.Issuer, p.Subject
	if m.Name == "" {
		m.Name = p.Name
	}
	changed := &Conflict{"the member"}
	var b batch
	b.replace(memberKey(tenant, m.ID), m.V, m, changed)
	b.create(store.Key{PK: principalPK(p), SK: tenant}, pointer{m.ID}, changed)
	if m.Role == Admin {
		if err := s.changeAdmins(ctx, &b, tenant, func(ids []string) ([]string, error) { return append(ids, m.ID), nil }); err != nil {
			return Member{}, err
		}
	}
	if err := b.commit(ctx, s.cfg.Table); err != nil {
		return Member{}, err
	}
	m.V++
	return m, nil
}

// changeAdmins adds to b the change of the list of admins who have signed in. Two changes at once conflict.
func (s *Service) changeAdmins(ctx context.Context, b *batch, tenant string, change func([]string) ([]string, error)) error {
	a, err := load[admins](ctx, s.cfg.Table, adminsKey(tenant))
	if err != nil {
		return err
	}
	if a.IDs, err = change(a.IDs); err != nil {
		return err
	}
	b.replace(adminsKey(tenant), a.V, a, &Conflict{"the list of administrators"})
	return nil
}

// withoutAdmin returns the change that takes id off the list, unless it is the last.
func withoutAdmin(id string) func([]string) ([]string, error) {
	return func(ids []string) ([]string, error) {
		rest := slices.DeleteFunc(slices.Clone(ids), func(x string) bool { return x == id })
		if len(rest) == 0 {
			return nil, &Refusal{"last_admin", "this is the last administrator who has signed in",
				"make another member administrator, and let them sign in once"}
		}
		return rest, nil
	}
}

// Membership is a tenant that a principal belongs to, or is invited to.
type Membership struct {
	Tenant Tenant `json:"tenant"`
	Member Member `json:"member"`
}

// Tenants lists the tenants that p is a member of and, if p's address is verified, those that p was invited to and has not
// opened yet.
func (s *Service) Tenants(ctx context.Context, p Principal, r PageRequest) (Page[Membership], error) {
	out := Page[Membership]{Items: []Membership{}}
	if p.Issuer == "" || p.Subject == "" {
		return out, nil
	}
	// One list over two partitions: a token begins with the letter of the one it belongs to.
	r.Limit = min(r.limit(), store.MaxBatchGet/2)
	pk, part := principalPK(p), "P"
	if rest, ok := strings.CutPrefix(r.Token, "M"); ok {
		pk, part, r.Token = mailPK(p.Email), "M", rest
	} else {
		r.Token = strings.TrimPrefix(r.Token, "P")
	}
	invited := p.Email != "" && p.EmailVerified
	if part == "M" && !invited {
		return out, nil
	}
	at, next, err := s.pointers(ctx, pk, r)
	if err != nil {
		return out, err
	}
	if out.Items, err = s.memberships(ctx, at); err != nil {
		return out, err
	}
	out.Items = slices.DeleteFunc(out.Items, func(m Membership) bool {
		mine := m.Member.Issuer == p.Issuer && m.Member.Subject == p.Subject
		return part == "P" && !mine || part == "M" && m.Member.Subject != ""
	})
	switch {
	case next != "":
		out.Next = part + next
	case part == "P" && invited:
		out.Next = "M"
	}
	if out.Next == "M" && len(out.Items) < r.Limit { // spare the caller a page for what mostly is nothing
		more, err := s.Tenants(ctx, p, PageRequest{Limit: r.Limit - len(out.Items), Token: "M"})
		if err != nil {
			return out, err
		}
		out.Items, out.Next = append(out.Items, more.Items...), more.Next
	}
	return out, nil
}

// pointers returns one page of a partition of pointers: members' keys, and the token of the next page.
func (s *Service) pointers(ctx context.Context, pk string, r PageRequest) ([]store.Key, string, error) {
	q := store.Query{PK: pk, Limit: r.limit()}
	if r.Token != "" {
		if !validID(r.Token) {
			return nil, "", &FieldError{"page token", "it is not one that Meibo gave", "leave it out to begin at the first page"}
		}
		q.From = r.Token + "\x00"
	}
	p, err := s.cfg.Table.Query(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("tenancy: %w", err)
	}
	var keys []store.Key
	next := ""
	for _, it := range p.Items {
		at, err := decode[pointer](it)
		if err != nil {
			return nil, "", err
		}
		keys = append(keys, memberKey(it.SK, at.ID))
		next = it.SK
	}
	if p.Next == "" {
		next = ""
	}
	return keys, next, nil
}

// memberships loads members and their tenants, in the order of the keys. What is gone by now is left out.
func (s *Service) memberships(ctx context.Context, keys []store.Key) ([]Membership, error) {
	out := []Membership{}
	if len(keys) == 0 {
		return out, nil
	}
	all := slices.Clone(keys)
	for _, k := range keys {
		all = append(all, store.Key{PK: k.PK, SK: "tenant"})
	}
	items, err := s.cfg.Table.BatchGet(ctx, all)
	if err != nil {
		return out, fmt.Errorf("tenancy: %w", err)
	}
	found := map[store.Key]store.Item{}
	for _, it := range items {
		found[it.Key] = it
	}
	for _, k := range keys {
		mi, okM := found[k]
		ti, okT := found[store.Key{PK: k.PK, SK: "tenant"}]
		if !okM || !okT {
			continue
		}
		m, err := decode[Member](mi)
		if err != nil {
			return out, err
		}
		t, err := decode[Tenant](ti)
		if err != nil {
			return out, err
		}
		out = append(out, Membership{t, m})
	}
	return out, nil
}
