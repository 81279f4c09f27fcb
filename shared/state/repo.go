package state

import (
	"context"
	"errors"
	"slices"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/store"
)

// Repo reads the state of connections. What does not exist is store.ErrNotFound.
type Repo struct {
	table store.Table
	clock clock.Clock
	posts turns
}

// NewRepo returns a repository over t.
func NewRepo(t store.Table, c clock.Clock) *Repo {
	return &Repo{table: t, clock: c, posts: newTurns()}
}

// Control returns the connection's control item, or an empty one if it has none yet.
func (r *Repo) Control(ctx context.Context, tenant, conn string) (Control, error) {
	it, err := r.table.Get(ctx, controlKey(Partition(tenant, conn)))
	if errors.Is(err, store.ErrNotFound) {
		return Control{}, nil
	}
	if err != nil {
		return Control{}, err
	}
	c, err := decode[Control](it)
	c.Epoch, c.V = it.Fence, it.V
	return c, err
}

// Totals returns the connection's figures (PD16).
func (r *Repo) Totals(ctx context.Context, tenant, conn string) (Totals, error) {
	c, err := r.Control(ctx, tenant, conn)
	return c.Totals, err
}

// Run returns one run. Runs that found nothing to do are kept only for a while.
func (r *Repo) Run(ctx context.Context, tenant, conn, id string) (Run, error) {
	pk := Partition(tenant, conn)
	it, err := r.table.Get(ctx, runKey(pk, id))
	if err == nil {
		return decode[Run](it)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return Run{}, err
	}
	c, cerr := r.Control(ctx, tenant, conn)
	if cerr != nil {
		return Run{}, cerr
	}
	for _, q := range c.Quiet {
		if q.ID == id {
			return q.run(c.Totals.Links), nil
		}
	}
	return Run{}, err
}

// Work returns what a run had to do at each side, as far as it is stored; nothing for one that found nothing to do.
func (r *Repo) Work(ctx context.Context, tenant, conn, id string) (work [2]connector.Work, err error) {
	it, err := r.table.Get(ctx, runKey(Partition(tenant, conn), id))
	if errors.Is(err, store.ErrNotFound) {
		return work, nil
	}
	if err != nil {
		return work, err
	}
	rec, err := decode[RunRecord](it)
	return rec.Work, err
}

// Runs lists runs, newest first. Those that found nothing to do, as many as are kept, stand in their place and make a page longer
// than limit.
func (r *Repo) Runs(ctx context.Context, tenant, conn string, limit int, after string) ([]Run, string, error) {
	page, err := r.table.Query(ctx, store.Query{PK: Partition(tenant, conn), Prefix: skRun, Limit: limit, Reverse: true, After: after})
	if err != nil {
		return nil, "", err
	}
	runs, err := decodeAll[Run](page.Items)
	if err != nil {
		return nil, "", err
	}
	var before time.Time // where the page before ended
	if after != "" {
		it, err := r.table.Get(ctx, store.Key{PK: Partition(tenant, conn), SK: after})
		if errors.Is(err, store.ErrNotFound) {
			return runs, page.Next, nil // it expired meanwhile: the quiet ones were on that page at the latest
		}
		if err != nil {
			return nil, "", err
		}
		last, err := decode[Run](it)
		if err != nil {
			return nil, "", err
		}
		before = last.Started
	}
	c, err := r.Control(ctx, tenant, conn)
	if err != nil {
		return nil, "", err
	}
	stored := len(runs)
	for _, q := range c.Quiet {
		above := after == "" || !q.Started.After(before)
		below := page.Next == "" || stored > 0 && q.Started.After(runs[stored-1].Started)
		if above && below {
			runs = append(runs, q.run(c.Totals.Links))
		}
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return b.Started.Compare(a.Started) })
	return runs, page.Next, nil
}

func decodeAll[T any](items []store.Item) ([]T, error) {
	out := make([]T, 0, len(items))
	for _, it := range items {
		v, err := decode[T](it)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// LinkFilter chooses links; the zero filter chooses all.
type LinkFilter struct {
	State LinkState
	Code  string
}

func (f LinkFilter) takes(l Link) bool {
	return (f.State == "" || f.State == l.State) && (f.Code == "" || f.Code == l.Code)
}

// Links lists links and records without a partner, by CRM id and then those of the book. A page may be short or empty while
// there is a next one.
func (r *Repo) Links(ctx context.Context, tenant, conn string, f LinkFilter, limit int, after string) ([]Link, string, error) {
	pk := Partition(tenant, conn)
	prefix := skLink
	if len(after) > 0 && after[0] == 'b' {
		prefix = skBook
	}
	if len(after) > 0 {
		after = after[1:]
	}
	page, err := r.table.Query(ctx, store.Query{PK: pk, Prefix: prefix, Limit: limit, After: after})
	if err != nil {
		return nil, "", err
	}
	var out []Link
	for _, it := range page.Items {
		l, err := decode[Link](it)
		if err != nil {
			return nil, "", err
		}
		l.V = it.V
		if prefix == skBook && l.CRM != "" || !f.takes(l) {
			continue // the pointer of a link that the other list has
		}
		out = append(out, l)
	}
	switch {
	case page.Next != "" && prefix == skLink:
		return out, "l" + page.Next, nil
	case page.Next != "":
		return out, "b" + page.Next, nil
	case prefix == skLink:
		return out, "b", nil
	}
	return out, "", nil
}

// Reviews lists the review list in order of age.
func (r *Repo) Reviews(ctx context.Context, tenant, conn string, limit int, after string) ([]Review, string, error) {
	page, err := r.table.Query(ctx, store.Query{PK: Partition(tenant, conn), Prefix: skReview, Limit: limit, After: after})
	if err != nil {
		return nil, "", err
	}
	out, err := decodeAll[Review](page.Items)
	return out, page.Next, err
}

// Review returns one entry of the review list.
func (r *Repo) Review(ctx context.Context, tenant, conn, id string) (Review, error) {
	it, err := r.table.Get(ctx, reviewKey(Partition(tenant, conn), id))
	if err != nil {
		return Review{}, err
	}
	v, err := decode[Review](it)
	v.V = it.V
	return v, err
}

// Changes lists what was written to either side, newest first: a page is the writes of up to limit batches.
func (r *Repo) Changes(ctx context.Context, tenant, conn string, limit int, after string) ([]Change, string, error) {
	page, err := r.table.Query(ctx, store.Query{PK: JournalPartition(tenant, conn), Limit: limit, Reverse: true, After: after})
	if err != nil {
		return nil, "", err
	}
	var out []Change
	for _, it := range page.Items {
		e, err := decode[journalItem](it)
		if err != nil {
			return nil, "", err
		}
		for i := len(e.Changes) - 1; i >= 0; i-- {
			out = append(out, e.Changes[i])
		}
	}
	return out, page.Next, nil
}

// Catalogue returns what an account could do when it was last described, as the connector's JSON.
func (r *Repo) Catalogue(ctx context.Context, tenant, conn string, s profile.Side) ([]byte, error) {
	it, err := r.table.Get(ctx, catKey(Partition(tenant, conn), s))
	return it.Body, err
}

// Purge removes all that a connection remembers, its journal too.
func (r *Repo) Purge(ctx context.Context, tenant, conn string) error {
	for _, pk := range []string{Partition(tenant, conn), JournalPartition(tenant, conn)} {
		var keys []store.Key
		err := store.QueryAll(ctx, r.table, store.Query{PK: pk}, func(it store.Item) error {
			keys = append(keys, it.Key)
			return nil
		})
		if err != nil {
			return err
		}
		if err := store.DeleteAll(ctx, r.clock, r.table, keys); err != nil {
			return err
		}
	}
	return nil
}
