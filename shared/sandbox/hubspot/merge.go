package hubspot

import (
	"net/http"
	"slices"
	"strings"
)

// mergeRecords makes a new record of two. Both old ids go on resolving to it.
func mergeRecords(c *call) (*reply, error) {
	var in struct {
		Primary string `json:"primaryObjectId"`
		Other   string `json:"objectIdToMerge"`
	}
	if err := c.json(&in, "primaryObjectId", "objectIdToMerge"); err != nil {
		return nil, err
	}
	primary, err := c.writable(in.Primary, "")
	if err != nil {
		return nil, err
	}
	other, err := c.writable(in.Other, "")
	if err != nil {
		return nil, err
	}
	if primary == other {
		return nil, bad("A record cannot be merged with itself")
	}
	r, err := c.merge(c.table(), primary, other)
	if err != nil {
		return nil, err
	}
	return ok(c.table().written(r, nil))
}

// merge joins two records: the first one's values win, and the other's e-mail addresses become additional ones.
func (c *call) merge(t *table, primary, other *row) (*row, error) {
	r := c.fresh(t)
	r.Created, r.Source = primary.Created, primary.Source
	r.Merged = slices.Concat(primary.Merged, []int64{primary.ID}, other.Merged, []int64{other.ID})
	if len(r.Merged) > limit(c.s.cfg.Limits.Merges, mergesMost) {
		return nil, &refusal{status: http.StatusRequestURITooLong, body: object{"status": "error", "message": "Cannot have more than 250 identities on a profile", "category": "VALIDATION_ERROR"}}
	}
	r.Props = primary.Props
	moved := 0
	for _, e := range other.Props {
		if r.Props.get(e.Name) == "" && e.Name != "hs_additional_emails" {
			r.Props = r.Props.with(e.Name, e.Value)
			moved++
		}
	}
	if t.kind == &contactKind {
		r.Props = r.Props.with("hs_additional_emails", additional(r.Props.get("email"), primary, other))
	}
	r.Links = slices.Clone(primary.Links)
	for _, l := range other.Links {
		if !slices.ContainsFunc(r.Links, func(x link) bool { return x.Company == l.Company }) {
			r.Links = append(r.Links, link{l.Company, l.Primary && len(r.Links) == 0})
		}
	}
	workers := []int64{}
	for id := range t.p.employees[primary.ID] {
		workers = append(workers, id)
	}
	for id := range t.p.employees[other.ID] {
		workers = append(workers, id)
	}
	in := t.p.listsOf(primary.ID)
	for _, l := range t.p.listsOf(other.ID) {
		if !slices.Contains(in, l) {
			in = append(in, l)
		}
	}
	for _, old := range []*row{primary, other} {
		c.detach(t, old)
		c.erase(t, old)
	}
	c.stamp(t, nil, r)
	t.add(r)
	for _, l := range r.Links {
		t.p.employ(l.Company, r.ID)
	}
	for _, l := range in {
		if l.Type != dynamicList {
			l.add(r.ID, c.s.now())
			c.s.keepList(t.p, l)
		}
	}
	slices.Sort(workers)
	for _, id := range slices.Compact(workers) {
		if t.kind == &companyKind {
			c.addLink(t.p.contacts.rows[id], r.ID, false)
		}
	}
	c.s.keepRow(t, r)
	c.emit(t, event{Kind: "merge", Object: primary.ID, Merged: []int64{primary.ID, other.ID}, New: r.ID, Moved: moved})
	return r, nil
}

// additional are all addresses of two contacts but one.
func additional(first string, rows ...*row) string {
	var out []string
	for _, r := range rows {
		for _, a := range append([]string{r.Props.get("email")}, strings.Split(r.Props.get("hs_additional_emails"), ";")...) {
			if a != "" && fold(a) != fold(first) && !slices.ContainsFunc(out, func(x string) bool { return fold(x) == fold(a) }) {
				out = append(out, a)
			}
		}
	}
	return strings.Join(out, ";")
}
