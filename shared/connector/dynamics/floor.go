package dynamics

import "meibo/shared/connector"

// Floor is the fewest vendor calls that w can take:
//
//	for each complete listing, ⌈records / 5,000⌉, at least 1
//	+ for each incremental listing, ⌈changed / 5,000⌉, at least 1
//	+ ⌈read / 100⌉ + ⌈created / 100⌉ + ⌈updated / 100⌉ + ⌈deleted / 100⌉
//
// The catalogue and the user's id and privileges (a call each in a connector's life, and the privileges again where a record was not
// found) are not part of it, nor is the scan of ids where changes are not tracked (⌈records / 5,000⌉ a day).
func Floor(w connector.Work) int {
	n := 0
	for _, records := range []int{w.Read, w.Created, w.Updated, w.Deleted} {
		n += ceil(records, batchSize)
	}
	for _, listings := range [][]int{w.Listed, w.Changed} {
		for _, records := range listings {
			n += max(1, ceil(records, maxPage))
		}
	}
	return n
}

// Floor is the floor of w on this account, with the calls that finding and adding accounts, which are the employers of contacts, and
// asking lists and views who is in them took since Reuse.
func (c *Connector) Floor(w connector.Work) int { return Floor(w) + c.extra }

func ceil(n, by int) int { return (n + by - 1) / by }
