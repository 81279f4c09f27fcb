package zoho

import "meibo/shared/connector"

// Counts is what a run had to do on one Zoho CRM account.
type Counts struct {
	// Listings are the full listings made (a first run makes two), each of Records contacts. In a scope with views, Records
	// counts a contact once for each view that it is in, and Views is how many views there are.
	Listings, Records, Views int
	// Changes are the incremental listings made; Changed and Tombstones are how many records and deletions they told in all.
	Changes, Changed, Tombstones int
	// Reads are the contacts read by id.
	Reads int
	// Created, Updated and Deleted are the writes.
	Created, Updated, Deleted int
	// Companies are the distinct company names that writes needed and the connector had not met yet; NewCompanies are those
	// of them that did not exist.
	Companies, NewCompanies int
	// Provenance are the contacts of which was asked how they came in.
	Provenance int
}

// Floor is the least number of vendor calls for the work of n:
//
//	full listings     Listings × max(1 a view or 1, ⌈Records / 200⌉)
//	change listings   max(Changes, ⌈Changed / 200⌉), the same again for the views where there are any,
//	                  and max(Changes, ⌈Tombstones / 200⌉) of the deleted-records feed
//	                  and ⌈Tombstones / 50⌉ that make sure that a deleted record was not restored
//	reads             ⌈Reads / 50⌉
//	how they came in  Provenance: a timeline is read by itself
//	writes            ⌈Created / 100⌉ + ⌈Updated / 100⌉ + ⌈Deleted / 50⌉
//	company names     a look-up for each batch of creates, at most Companies of them, and an upsert for each, at most
//	                  NewCompanies of them: what a contact says is not held beyond its batch
//
// The field catalogue (one call in a connector's life, unless a run needs none) is not part of it. Batches are taken as full:
// what a run sends in several steps costs more.
func Floor(n Counts) int {
	calls := n.Listings * max(1, n.Views, ceil(n.Records, perPage))
	calls += max(n.Changes, ceil(n.Changed, perPage))
	if n.Changed > 0 && n.Views > 0 {
		calls += max(n.Views, ceil(n.Changed, perPage))
	}
	calls += max(n.Changes, ceil(n.Tombstones, perPage)) + ceil(n.Tombstones, maxIDs)
	calls += ceil(n.Reads, maxIDs) + n.Provenance
	creates := ceil(n.Created, maxWrite)
	calls += creates + ceil(n.Updated, maxWrite) + ceil(n.Deleted, maxIDs)
	return calls + min(creates, n.Companies) + min(creates, n.NewCompanies)
}

// Floor is the floor of w on this account. What companies cost beyond it is taken from what this connector had to look up and
// make, from the work that they were needed for; see Reuse.
func (c *Connector) Floor(w connector.Work) int {
	calls := 0
	for _, n := range w.Listed {
		calls += Floor(Counts{Listings: 1, Records: n})
	}
	for _, n := range w.Changed {
		calls += Floor(Counts{Changes: 1, Changed: n})
	}
	return calls + Floor(Counts{
		Reads: w.Read, Created: w.Created, Updated: w.Updated, Deleted: w.Deleted,
		Companies: c.sought, NewCompanies: c.made, Provenance: w.Provenance,
	})
}

// Reuse forgets how many companies were looked up, for the floor of what comes.
func (c *Connector) Reuse() { c.sought, c.made = 0, 0 }

func ceil(n, by int) int { return (n + by - 1) / by }
