package graph

import "meibo/shared/connector"

// Floor is the fewest vendor calls that w can take:
//
//	for each complete listing, ceil(records/200), at least 1
//	+ for each incremental listing, ceil(changed/200), at least 1
//	+ ceil(read/20) + ceil(created/20) + ceil(updated/20) + ceil(deleted/20)
//	+ ceil(pictures asked for/20) + 1 for each picture set
//
// It counts one folder a listing: what further folders cost is for Connector.Floor.
func Floor(w connector.Work) int {
	n := w.PhotosSet
	for _, records := range []int{w.Read, w.Created, w.Updated, w.Deleted, w.PhotosRead} {
		n += calls(records, batchSize)
	}
	for _, listings := range [][]int{w.Listed, w.Changed} {
		for _, records := range listings {
			n += max(1, calls(records, pageSize))
		}
	}
	return n
}

// Floor is the floor of w on this account, with the calls that looking for folders, and into further ones that had nothing to tell, took
// since Reuse.
func (c *Connector) Floor(w connector.Work) int { return Floor(w) + c.walked }

func calls(n, size int) int { return (n + size - 1) / size }
