package profile

import (
	"slices"

	"meibo/shared/record"
)

// Missing returns the fields that are to be made in the CRM before a connection of profile p starts (PD13): those of p.Make and
// p.MakeMapped that the CRM account lacks, that the address book has under the same key, and that are to be synced. Chosen is the mapping
// that a person chose; while it is empty, all of p.Make that the pair syncs is taken, and nothing of p.MakeMapped. A direction that writes
// nothing to the CRM needs none.
//
// A field comes with the address book's type and name, for the system that makes it to go by.
func Missing(p Profile, crm, book []record.Field, chosen []Pair, d Direction) []record.Field {
	out := []record.Field{}
	if !d.Writes(CRM) {
		return out
	}
	keys := p.Make
	if len(chosen) > 0 {
		keys = slices.Concat(p.Make, p.MakeMapped)
	}
	for _, k := range keys {
		if _, has := find(crm, k); has || slices.Contains(p.Leave, k) {
			continue
		}
		if len(chosen) > 0 && !slices.ContainsFunc(chosen, func(c Pair) bool { return c.CRM == k }) {
			continue
		}
		if b, has := find(book, k); has {
			out = append(out, record.Field{Key: k, Type: b.Type, Name: b.Name})
		}
	}
	return out
}
