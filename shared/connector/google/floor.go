package google

import "meibo/shared/connector"

// Floor is the fewest vendor calls that w can take:
//
//	for each complete listing, ceil(records/1000), at least 1
//	+ for each incremental listing, ceil(changed/1000), at least 1
//	+ ceil(read/200) + ceil(created/200) + ceil(updated/200) + ceil(deleted/500)
//
// Nothing that Meibo maps costs a call beyond these: groups travel with the contact.
func Floor(w connector.Work) int {
	n := calls(w.Read, getSize) + calls(w.Created, createSize) + calls(w.Updated, updateSize) + calls(w.Deleted, deleteSize)
	for _, listings := range [][]int{w.Listed, w.Changed} {
		for _, records := range listings {
			n += max(1, calls(records, pageSize))
		}
	}
	return n
}

// Floor implements connector.Coster.
func (*Connector) Floor(w connector.Work) int { return Floor(w) }

func calls(n, size int) int { return (n + size - 1) / size }
