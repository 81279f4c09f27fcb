package state

import "context"

// Posted reports whether something was posted to the connection's inbox that no run has taken yet, or that the run which took it has
// not dealt with.
func (r *Repo) Posted(ctx context.Context, tenant, conn string) (bool, error) {
	in, err := r.inbox(ctx, Partition(tenant, conn))
	return !in.Asked.IsZero() || in.Count > 0 || len(in.Hints) > 0 || in.Lost, err
}
