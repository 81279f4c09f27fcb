package pipedrive

import "meibo/shared/connector"

// Counts is what a run had to do on one Pipedrive account.
type Counts struct {
	connector.Work
	// OrganizationReads are the pages and lists of organizations that people's employers needed, Sought the names that were searched for,
	// and Made the organizations that did not exist.
	OrganizationReads, Sought, Made int
}

// Floor is the least number of vendor calls for the work of n:
//
//	full listings     for each, max(1, ⌈records / 500⌉)
//	change listings   for each, max(1, ⌈changed / 500⌉)
//	reads             ⌈Read / 100⌉
//	writes            Created + Updated + Deleted: the vendor takes them singly
//	pictures          ⌈PhotosRead / 100⌉, to see who has one, + PhotosSet
//	organizations     OrganizationReads + Sought + Made: an employer is a record of its own, and every name is looked up before
//	                  one is made
//
// The field catalogue and the user's id (a call each in a connector's life, unless a run needs none) are not part of it, nor are the scan of
// ids (⌈records / 500⌉ a day) and the single read of each id that it misses.
func Floor(n Counts) int {
	calls := ceil(n.Read, maxIDs) + n.Created + n.Updated + n.Deleted + ceil(n.PhotosRead, maxIDs) + n.PhotosSet
	for _, listings := range [][]int{n.Listed, n.Changed} {
		for _, records := range listings {
			calls += max(1, ceil(records, perPage))
		}
	}
	return calls + n.OrganizationReads + n.Sought + n.Made
}

// Floor is the floor of w on this account. What organizations cost is taken from what this connector had to look up and make; see
// Reuse.
func (c *Connector) Floor(w connector.Work) int {
	return Floor(Counts{Work: w, OrganizationReads: c.orgs.read, Sought: c.orgs.sought, Made: c.orgs.made})
}

// Reuse forgets what organizations cost, for the floor of what comes.
func (c *Connector) Reuse() { c.orgs.read, c.orgs.sought, c.orgs.made = 0, 0, 0 }

func ceil(n, by int) int { return (n + by - 1) / by }
