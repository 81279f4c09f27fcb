package state

import (
	"context"

	"meibo/shared/store"
)

// FreeLease ends the lease of a connection whose worker is known to be dead: in the local edition, every worker of the process
// before this one. The epoch moves on, so that a worker that lives after all can write nothing. A free lease stays as it is.
func (r *Repo) FreeLease(ctx context.Context, tenant, conn string) error {
	c, err := r.Control(ctx, tenant, conn)
	if err != nil || !c.LeaseUntil.After(r.clock.Now()) {
		return err
	}
	was := c.V
	c.LeaseUntil = r.clock.Now() // past, and not zero: its worker left nothing in order
	c.Epoch++
	c.V++
	s := &Session{repo: r, pk: Partition(tenant, conn), Control: c}
	it, err := s.controlItem()
	if err != nil {
		return err
	}
	return r.table.Write(ctx, store.Put(it, store.At(was)))
}
