package state

import (
	"context"

	"meibo/shared/store"
)

// MaxControls is how many control items one call of Controls reads.
const MaxControls = store.MaxBatchGet

// Controls reads the control items of at most MaxControls connections at once. A connection that never ran is not in the answer.
func (r *Repo) Controls(ctx context.Context, tenant string, conns []string) (map[string]Control, error) {
	keys := make([]store.Key, len(conns))
	of := make(map[string]string, len(conns))
	for i, id := range conns {
		keys[i] = controlKey(Partition(tenant, id))
		of[keys[i].PK] = id
	}
	its, err := r.table.BatchGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Control, len(its))
	for _, it := range its {
		c, err := decode[Control](it)
		if err != nil {
			return nil, err
		}
		c.Epoch, c.V = it.Fence, it.V
		out[of[it.PK]] = c
	}
	return out, nil
}
