package tenancy

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"meibo/shared/store"
)

// The keys of the package's items. What a tenant owns lies in its partition; the three kinds of pointers lie outside, because
// they are looked up before the tenant is known or must be unique across tenants.
//
//	T#<tenant>                    tenant           the tenant and its settings
//	T#<tenant>                    admins           ids of the admins who have signed in, so that the last one can be guarded
//	T#<tenant>                    member#<id>      a member
//	T#<tenant>                    account#<id>     an external account
//	T#<tenant>                    conn#<id>        a connection
//	T#<tenant>                    pair#<crm>#<book> the one connection that syncs these two accounts
//	T#<tenant>                    sole#<book>#<crm system> the one connection of this book account with that system (PD9)
//	P#<sha256 of issuer, subject> <tenant>         the member that a sign-in is
//	M#<sha256 of e-mail>          <tenant>         the member with this address: unique in the tenant, and how an invited
//	                                               person finds the tenant
//	X#<system>#<vendor account>   claim            who syncs this external account (PD9)
const (
	memberPrefix  = "member#"
	accountPrefix = "account#"
	connPrefix    = "conn#"
)

func tenantPK(tenant string) string { return "T#" + tenant }

func tenantKey(tenant string) store.Key { return store.Key{PK: tenantPK(tenant), SK: "tenant"} }
func adminsKey(tenant string) store.Key { return store.Key{PK: tenantPK(tenant), SK: "admins"} }
func memberKey(tenant, id string) store.Key {
	return store.Key{PK: tenantPK(tenant), SK: memberPrefix + id}
}
func accountKey(tenant, id string) store.Key {
	return store.Key{PK: tenantPK(tenant), SK: accountPrefix + id}
}
func connKey(tenant, id string) store.Key {
	return store.Key{PK: tenantPK(tenant), SK: connPrefix + id}
}

func pairKey(c Connection) store.Key {
	return store.Key{PK: tenantPK(c.Tenant), SK: "pair#" + c.CRM + "#" + c.Book}
}

func soleKey(tenant, book, crmSystem string) store.Key {
	return store.Key{PK: tenantPK(tenant), SK: "sole#" + book + "#" + crmSystem}
}

func principalPK(p Principal) string {
	// The length keeps two different pairs from joining to one text.
	return "P#" + hash(fmt.Sprintf("%d|%s|%s", len(p.Issuer), p.Issuer, p.Subject))
}

func mailPK(email string) string { return "M#" + hash(foldMail(email)) }

func claimKey(system, vendorAccount string) store.Key {
	return store.Key{PK: "X#" + system + "#" + vendorAccount, SK: "claim"}
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// pointer is the body of the items that lead to a member, and of the pair items.
type pointer struct {
	ID string `json:"id"`
}

// claim is the body of a claim item.
type claim struct {
	Tenant  string `json:"tenant"`
	Member  string `json:"member"`
	Account string `json:"account"`
}

// admins is the body of the admins item.
type admins struct {
	IDs []string `json:"ids"`
	V   int64    `json:"-"`
}

// versioned is a stored thing that knows the version of its item.
type versioned[T any] interface {
	*T
	setVersion(v int64)
}

func (t *Tenant) setVersion(v int64)     { t.V = v }
func (m *Member) setVersion(v int64)     { m.V = v }
func (a *Account) setVersion(v int64)    { a.V = v }
func (c *Connection) setVersion(v int64) { c.V = v }
func (a *admins) setVersion(v int64)     { a.V = v }
func (p *pointer) setVersion(int64)      {}
func (c *claim) setVersion(int64)        {}

func decode[T any, P versioned[T]](it store.Item) (T, error) {
	var x T
	if err := json.Unmarshal(it.Body, &x); err != nil {
		return x, fmt.Errorf("tenancy: the stored item %s is damaged: %w", it.Key, err)
	}
	P(&x).setVersion(it.V)
	return x, nil
}

// load returns the thing at k, or ErrNotFound.
func load[T any, P versioned[T]](ctx context.Context, t store.Table, k store.Key) (T, error) {
	it, err := t.Get(ctx, k)
	if err != nil {
		var none T
		if errors.Is(err, store.ErrNotFound) {
			return none, ErrNotFound
		}
		return none, fmt.Errorf("tenancy: %w", err)
	}
	return decode[T, P](it)
}

// validID keeps what a person typed into an address from being part of a key that means something else.
func validID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
	})
}

// batch collects the ops of one transaction, each with the error that it means if its condition fails.
type batch struct {
	ops  []store.Op
	fail []error
	err  error
}

func (b *batch) add(op store.Op, fail error) {
	b.ops, b.fail = append(b.ops, op), append(b.fail, fail)
}

// put stores x as version v.
func (b *batch) put(k store.Key, v int64, x any, c store.Cond, fail error) {
	body, err := json.Marshal(x)
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("tenancy: %w", err)
	}
	b.add(store.Put(store.Item{Key: k, V: v, Body: body}, c), fail)
}

// create stores x, which must not be there yet.
func (b *batch) create(k store.Key, x any, fail error) {
	b.put(k, 1, x, store.Cond{Absent: true}, fail)
}

// replace stores x over version v. An x that has not changed makes a new version all the same, so that whoever is about to remove
// it on the ground of v must look again.
func (b *batch) replace(k store.Key, v int64, x any, fail error) {
	b.put(k, v+1, x, store.At(v), fail)
}

// unchanged holds the transaction to version v, and writes nothing.
func (b *batch) unchanged(k store.Key, v int64, fail error) {
	b.add(store.Check(k, store.At(v)), fail)
}

// remove deletes version v.
func (b *batch) remove(k store.Key, v int64, fail error) {
	b.add(store.Delete(k, store.At(v)), fail)
}

// commit writes all or nothing. An op whose condition fails gives its error.
func (b *batch) commit(ctx context.Context, t store.Table) error {
	if b.err != nil {
		return b.err
	}
	err := t.Write(ctx, b.ops...)
	var cond *store.ConditionError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &cond) && len(cond.Failed) > 0 && cond.Failed[0] < len(b.fail):
		return b.fail[cond.Failed[0]]
	case errors.Is(err, store.ErrContention):
		return &Conflict{"what you change"}
	default:
		return fmt.Errorf("tenancy: %w", err)
	}
}

// PageRequest asks for one page of a list.
type PageRequest struct {
	Limit int    // how many at most; 0 means 50, and more than 100 means 100
	Token string // Page.Next of the page before
}

// Page is one page of a list. One with few or no items may still have a Next.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // "" when there is no more
}

func (r PageRequest) limit() int {
	if r.Limit <= 0 {
		return 50
	}
	return min(r.Limit, 100)
}

// scanned bounds how many items one page of a filtered list reads.
const scanned = 1000

// list returns a page of the things in the partition whose sort keys begin with prefix and that keep accepts. The token is the
// last sort key that was looked at: it says nothing about the partition, so another tenant's token leads nowhere.
func list[T any, P versioned[T]](ctx context.Context, t store.Table, pk, prefix string, r PageRequest, keep func(T) bool) (Page[T], error) {
	page := Page[T]{Items: []T{}}
	q := store.Query{PK: pk, From: prefix, To: prefix + "\x7f", Limit: r.limit()}
	if r.Token != "" {
		after, err := base64.RawURLEncoding.DecodeString(r.Token)
		if err != nil || !strings.HasPrefix(string(after), prefix) || len(after) > 256 {
			return page, &FieldError{"page token", "it is not one that Meibo gave", "leave it out to begin at the first page"}
		}
		q.From = string(after) + "\x00"
	}
	for seen := 0; seen < scanned; {
		p, err := t.Query(ctx, q)
		if err != nil {
			return page, fmt.Errorf("tenancy: %w", err)
		}
		for i, it := range p.Items {
			x, err := decode[T, P](it)
			if err != nil {
				return page, err
			}
			seen++
			q.From = it.SK + "\x00"
			if keep != nil && !keep(x) {
				continue
			}
			page.Items = append(page.Items, x)
			if len(page.Items) == r.limit() {
				if i+1 < len(p.Items) || p.Next != "" {
					page.Next = pageToken(it.SK)
				}
				return page, nil
			}
		}
		if p.Next == "" {
			return page, nil
		}
		if seen >= scanned || len(p.Items) == 0 {
			page.Next = pageToken(strings.TrimSuffix(q.From, "\x00"))
			return page, nil
		}
	}
	return page, nil
}

func pageToken(sk string) string { return base64.RawURLEncoding.EncodeToString([]byte(sk)) }
