package pipedrive

import (
	"slices"
	"strconv"
	"time"
)

// recents lists what changed, in the shapes of v1. Deleted records are not in it: whether the vendor has them is not known.
func recents(c *call) (*reply, error) {
	since, err := time.Parse(time.DateTime, c.q.Get("since_timestamp"))
	if err != nil {
		return nil, invalid("since_timestamp", "must be YYYY-MM-DD HH:MM:SS in UTC")
	}
	items, err := c.list("items", personKind.entity, orgKind.entity)
	if err != nil {
		return nil, err
	}
	n, err := c.limit()
	if err != nil {
		return nil, err
	}
	start := 0
	if c.q.Has("start") {
		if start, err = strconv.Atoi(c.q.Get("start")); err != nil || start < 0 {
			return nil, invalid("start", "must be a number")
		}
	}
	type hit struct {
		t *table
		r *row
	}
	var all []hit
	for _, t := range []*table{c.o.persons, c.o.orgs} {
		if items != nil && !slices.Contains(items, t.kind.entity) {
			continue
		}
		for r := range t.walk(byUpdate, false, nil, since.Unix()) {
			if c.m.sees(r) {
				all = append(all, hit{t, r})
			}
		}
	}
	slices.SortFunc(all, func(a, b hit) int { return placeOf(a.r, byUpdate).compare(placeOf(b.r, byUpdate)) })
	from := min(start, len(all))
	to := min(from+n, len(all))
	data, last := []object{}, since.Unix()
	for _, h := range all[from:to] {
		shape := c.o.renderV1
		if h.t.kind == &orgKind {
			shape = c.o.renderV1Org
		}
		data = append(data, object{"item": h.t.kind.entity, "id": h.r.ID, "data": shape(h.r)})
		last = h.r.Updated
	}
	out := success(data)
	pages := object{"start": start, "limit": n, "more_items_in_collection": to < len(all)}
	out["additional_data"] = object{"since_timestamp": c.q.Get("since_timestamp"), "last_timestamp_on_page": stampV1(last), "pagination": pages}
	return &reply{200, out}, nil
}
