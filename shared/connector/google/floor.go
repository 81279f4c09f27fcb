package google

import "meibo/shared/connector"

// Floor is the fewest vendor calls that w can take:
//
//	for each complete listing, ceil(records/1000), at least 1
//	+ for each incremental listing, ceil(changed/1000), at least 1
//	+ ceil(read/200) + ceil(created/200) + ceil(updated/200) + ceil(deleted/500)
//	+ ceil(pictures asked for/200) + 1 for each picture set
//
// Nothing that Meibo maps costs a call beyond these: groups travel with the contact, and the bytes of a picture come from a host that is
// not the API's.
func Floor(w connector.Work) int {
	n := calls(w.Read, getSize) + calls(w.Created, createSize) + calls(w.Updated, updateSize) + calls(w.Deleted, deleteSize) +
		calls(w.PhotosRead, getSize) + w.PhotosSet
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
