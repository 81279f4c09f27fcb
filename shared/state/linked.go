package state

import (
	"context"
	"slices"

	"meibo/shared/store"
)

// LinkedBooks returns which of the given book records have a partner in the CRM.
func (r *Repo) LinkedBooks(ctx context.Context, tenant, conn string, book []string) (map[string]bool, error) {
	out := make(map[string]bool, len(book))
	pk := Partition(tenant, conn)
	for ids := range slices.Chunk(book, store.MaxBatchGet) {
		keys := make([]store.Key, 0, len(ids))
		for _, id := range ids {
			if k := bookKey(pk, id); id != "" && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
		items, err := r.table.BatchGet(ctx, keys)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			l, err := decode[Link](it)
			if err != nil {
				return nil, err
			}
			out[l.Book] = l.CRM != ""
		}
	}
	return out, nil
}
