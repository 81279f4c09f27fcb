package hubspot

import "meibo/shared/connector"

// Counts is what a run had to do on one HubSpot account.
type Counts struct {
	connector.Work
	// Sought are the searches for companies, five names each, Made the batches of companies that did not exist, and Linked the batches of
	// contacts that were put to another company.
	Sought, Made, Linked int
}

// Floor is the least number of vendor calls for the work of n:
//
//	full listings     for each, max(1, ⌈records / 100⌉); of segments the members are listed by 250 besides
//	change listings   for each, max(1, ⌈changed / 200⌉), and ⌈changed / 100⌉ reads
//	reads             ⌈Read / 100⌉
//	writes            ⌈Created / 100⌉ + ⌈Updated / 100⌉ + ⌈Deleted / 100⌉
//	companies         Sought + Made + Linked, where contacts are put to company records
//
// The property catalogue (a call in a connector's life, unless a run needs none) is not part of it, nor the scan of ids
// (⌈records / 100⌉ a day), nor the single reads of an id that is missing. Batches are taken as full, and records as written the first time:
// what HubSpot refuses without saying which record it means is found by halves.
func Floor(n Counts) int {
	calls := ceil(n.Read, perBatch) + ceil(n.Created, perBatch) + ceil(n.Updated, perBatch) + ceil(n.Deleted, perBatch)
	for _, records := range n.Listed {
		calls += max(1, ceil(records, perPage))
	}
	for _, records := range n.Changed {
		calls += max(1, ceil(records, perSearch)) + ceil(records, perBatch)
	}
	return calls + n.Sought + n.Made + n.Linked
}

// Floor is the floor of w on this account. What companies cost is taken from what this connector had to do for them; see Reuse.
func (c *Connector) Floor(w connector.Work) int {
	return Floor(Counts{Work: w, Sought: c.companies.sought, Made: c.companies.made, Linked: c.companies.linked})
}

// Reuse forgets what companies cost, for the floor of what comes.
func (c *Connector) Reuse() { c.companies.sought, c.companies.made, c.companies.linked = 0, 0, 0 }

func ceil(n, by int) int { return (n + by - 1) / by }
