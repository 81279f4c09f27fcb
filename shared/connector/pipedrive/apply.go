package pipedrive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// outgoing is one write on its way: where its result goes, and what is sent.
type outgoing struct {
	index int // in writes and results
	op    connector.Op
	id    string
	body  map[string]any
}

// batch is the writes of one Apply and their results.
type batch struct {
	c       *Connector
	cat     *catalogue
	results []connector.Result

	mu   sync.Mutex
	stop error // what made it pointless to send anything more
	// orphaned are the writes that Pipedrive refused for their organization.
	orphaned []int
}

// Apply sends writes one by one, a few at a time: Pipedrive has no call for several. Organizations are resolved first. Creates and
// updates answer with the record as stored. Nothing is repeated here but what was refused without effect: a request that was cut
// off is ErrOutcomeUnknown.
func (c *Connector) Apply(ctx context.Context, writes []connector.Write) ([]connector.Result, error) {
	if len(writes) == 0 {
		return nil, nil
	}
	cat, err := c.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	b := &batch{c: c, cat: cat, results: make([]connector.Result, len(writes))}
	all := make([]int, len(writes))
	for i := range all {
		all[i] = i
	}
	if err := b.round(ctx, writes, all); err != nil {
		return nil, err
	}
	// An organization that was remembered may have been deleted since. It is forgotten by now, and looked for once more.
	if again := b.orphaned; len(again) > 0 {
		if err := b.round(ctx, writes, again); err != nil {
			for _, i := range again {
				b.results[i].Err = err
			}
		}
	}
	return b.results, nil
}

// round resolves the organizations of some of the writes and sends these. The error means that none of them was sent.
func (b *batch) round(ctx context.Context, writes []connector.Write, some []int) error {
	these := make([]connector.Write, len(some))
	for n, i := range some {
		these[n] = writes[i]
	}
	refused, err := b.c.resolve(ctx, employersOf(these), b.c.visibleTo(b.cat, writes[0].Options[OptionVisibility]))
	if err != nil {
		return err
	}
	var list []outgoing
	for _, i := range some {
		b.results[i] = connector.Result{ID: writes[i].ID}
		o, err := b.c.prepare(ctx, b.cat, i, writes[i], refused)
		if err != nil {
			b.results[i].Err = err
			continue
		}
		list = append(list, o)
	}
	b.send(ctx, list)
	return nil
}

// employerOf is the organization that a write asks for; "" for none.
func employerOf(w connector.Write) string { return strings.TrimSpace(w.Fields.First(record.OrgName)) }

// planned is what the record held when the write was planned.
func planned(w connector.Write) raw {
	if w.Current != nil {
		if k, ok := w.Current.Raw.(raw); ok {
			return k
		}
	}
	return raw{}
}

// employersOf are the distinct organizations that writes need, in order.
func employersOf(writes []connector.Write) []string {
	var names []string
	for _, w := range writes {
		if n := employerOf(w); w.Op != connector.Delete && n != "" && n != planned(w).orgName && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// prepare encodes one write.
func (c *Connector) prepare(ctx context.Context, cat *catalogue, i int, w connector.Write, refused map[string]error) (outgoing, error) {
	o := outgoing{index: i, op: w.Op, id: w.ID}
	if w.Op != connector.Create && !isID(w.ID) {
		return o, connector.ErrNotFound
	}
	if w.Op == connector.Delete {
		return o, nil
	}
	now := planned(w)
	if w.Op == connector.Update && now.addresses == nil && needsCurrent(cat, w) {
		it, err := c.current(ctx, cat, w.ID)
		if err != nil {
			return o, err
		}
		now = it
	}
	var err error
	if o.body, err = encode(cat, w, now); err != nil {
		return o, err
	}
	if _, given := w.Fields[record.OrgName]; given {
		n := employerOf(w)
		id := c.orgs.find(n)
		if n == now.orgName {
			id = now.org
		}
		switch {
		case n != "" && refused[n] != nil:
			return o, refused[n]
		case n != "" && id == 0:
			return o, unsure(false, "it neither found nor made the organization")
		case n != "":
			o.body["org_id"] = id
		case w.Op == connector.Update:
			o.body["org_id"] = nil
		}
	}
	if v := c.visibleTo(cat, w.Options[OptionVisibility]); w.Op == connector.Create && v != 0 {
		o.body["visible_to"] = v
	}
	return o, nil
}

// needsCurrent says that w changes something of which a part stays.
func needsCurrent(cat *catalogue, w connector.Write) bool {
	for k := range w.Fields {
		code, _ := k.CustomName()
		if f := cat.byCode[code]; k == record.NameGiven || k == record.NameFamily || k == record.Address || code != "" && f.Type == "address" {
			return true
		}
	}
	return false
}

// current reads what an update needs of a record that came without it.
func (c *Connector) current(ctx context.Context, cat *catalogue, id string) (raw, error) {
	p, err := c.one(ctx, id)
	if err != nil {
		return raw{}, err
	}
	if !p.tells("name") {
		return raw{}, unsure(false, "it did not tell a person's name")
	}
	return reader{cat: cat}.item(&p, connector.ScopeUnknown).Raw.(raw), nil
}

// send carries the writes out, a few at a time.
func (b *batch) send(ctx context.Context, list []outgoing) {
	var g errgroup.Group
	g.SetLimit(abreast)
	for _, o := range list {
		g.Go(func() error {
			b.one(ctx, o)
			return nil
		})
	}
	_ = g.Wait() // every outcome is in its result
}

// stopped is why nothing more is sent; nil while there is no reason.
func (b *batch) stopped() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stop
}

// one carries one write out and files its result, unless an earlier one was answered in a way that holds for the rest too.
func (b *batch) one(ctx context.Context, o outgoing) {
	res := &b.results[o.index]
	if res.Err = b.stopped(); res.Err != nil {
		return
	}
	p, err := b.write(ctx, o)
	var lost *connector.AuthLostError
	if asThrottled(err) != nil || errors.As(err, &lost) {
		b.mu.Lock()
		b.stop = err
		b.mu.Unlock()
	}
	switch {
	case o.op == connector.Delete && errors.Is(err, connector.ErrNotFound):
		return // it is gone
	case err != nil:
		res.Err = b.name(err, o)
		return
	case o.op == connector.Delete:
		return
	case p.ID == 0 || o.id != "" && p.ID.String() != o.id:
		res.Err = unsure(true, "it did not say which record it wrote")
		return
	case p.Deleted:
		res.Err = connector.ErrNotFound
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	it := reader{cat: b.cat, orgs: b.c.orgs.names}.item(&p, connector.ScopeUnknown)
	res.ID, res.Version, res.Item = it.ID, it.Version, &it
}

// write sends one write.
func (b *batch) write(ctx context.Context, o outgoing) (person, error) {
	r := request{path: v2 + "/persons/" + o.id, write: true, body: o.body}
	switch o.op {
	case connector.Create:
		r.method, r.path, r.right = http.MethodPost, v2+"/persons", "add people"
	case connector.Update:
		r.method, r.right = http.MethodPatch, "change people"
	case connector.Delete:
		r.method, r.right, r.body = http.MethodDelete, "delete people", nil
		_, _, err := b.c.ask(ctx, r, nil)
		return person{}, err
	default:
		return person{}, fmt.Errorf("%s: there is no write %q", System, o.op)
	}
	var p person
	_, _, err := b.c.ask(ctx, r, &p)
	p.tidy()
	return p, err
}

// members are our keys for the vendor's members.
var members = map[string]record.Key{
	"name": record.NameGiven, "first_name": record.NameGiven, "last_name": record.NameFamily,
	"email": record.Email, "emails": record.Email, "phone": record.Phone, "phones": record.Phone, "org_id": record.OrgName,
	"postal_address": record.Address, "notes": record.Note, "im": record.IM, "ims": record.IM, "birthday": record.Birthday, "job_title": record.OrgTitle,
}

// name puts our key for the vendor's member into an error. What is remembered of organizations is given up when one is refused.
func (b *batch) name(err error, o outgoing) error {
	var bad *connector.InvalidError
	if !errors.As(err, &bad) {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if bad.Field == "org_id" {
		if o.body["org_id"] != nil {
			b.orphaned = append(b.orphaned, o.index)
		}
		b.c.orgs = organizations{read: b.c.orgs.read, sought: b.c.orgs.sought, made: b.c.orgs.made}
	}
	if k, ok := members[bad.Field]; ok {
		bad.Field = string(k)
	} else if f, ok := b.cat.byCode[bad.Field]; ok && f.Custom {
		bad.Field = string(record.Custom(f.Code))
		if k, ok := standIn(f); ok {
			bad.Field = string(k)
		}
	}
	return bad
}
