package sansan

import "meibo/shared/connector"

// Counts is what a run had to do on one Sansan account.
type Counts struct {
	connector.Work
	// Windows are those that the listings went through, and Empty those of them in which there was no card.
	Windows, Empty int
}

// Floor is the least number of vendor calls for the work of n:
//
//	listings   the larger of Windows, a call each, and Empty + ⌈records / 300⌉ over all listings: at least one a listing
//	reads      Read: the vendor shows persons singly
//
// A full listing has a window of 30 days for each month since June 2007, or more of them where the vendor takes only narrower ones; a listing of
// changes has one. The scan of ids (as many calls as a full listing, every six hours), the look for whose key it is and the look for the
// owner's own card beside a colleague's are not part of it.
func Floor(n Counts) int {
	pages, least := 0, 0
	for _, listings := range [][]int{n.Listed, n.Changed} {
		for _, records := range listings {
			p := (records + perPage - 1) / perPage
			pages += p
			least += max(1, p)
		}
	}
	return max(n.Windows, n.Empty+pages, least) + n.Read
}

// Floor is the floor of w on this account. Windows are those that this connector went through; see Reuse.
func (c *Connector) Floor(w connector.Work) int {
	return Floor(Counts{Work: w, Windows: c.walked.windows, Empty: c.walked.empty})
}

// Reuse forgets what was counted, for the floor of what comes, and the scope of what went before.
func (c *Connector) Reuse() { c.walked, c.scoped = walked{}, scoped{} }
