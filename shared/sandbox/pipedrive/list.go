package pipedrive

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	idsMost    = 100
	customMost = 15
)

// listing is what a list request asks for.
type listing struct {
	order        string
	desc         bool
	since, until int64
	ids          []int64 // nil means all
	owner, org   int64
	deal         int64
	filter       *filter
	view         view
}

// wholeSeconds is the only form of time that a list takes: RFC 3339 without a fraction.
var wholeSeconds = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$`)

func (c *call) moment(name string) (int64, error) {
	if !c.q.Has(name) {
		return 0, nil
	}
	text := c.q.Get(name)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !wholeSeconds.MatchString(text) {
		return 0, bad("Validation failed: " + name + ": must be in RFC3339 format without fractions of a second")
	}
	return at.Unix(), nil
}

func (c *call) view(t *table) (v view, err error) {
	extras := personExtras
	if t.kind == &orgKind {
		extras = orgExtras
	}
	if v.include, err = c.list("include_fields", extras...); err != nil {
		return v, err
	}
	if v.custom, err = c.list("custom_fields"); err != nil {
		return v, err
	}
	if len(v.custom) > customMost {
		return v, bad("Validation failed: custom_fields: at most 15 keys are allowed")
	}
	for _, code := range v.custom {
		if !slices.ContainsFunc(c.o.fields(t.kind), func(f *field) bool { return f.Code == code }) {
			return v, bad("Validation failed: custom_fields: there is no field " + code)
		}
	}
	if v.optionLabels, err = c.flag("include_option_labels"); err != nil {
		return v, err
	}
	v.labels, err = c.flag("include_labels")
	return v, err
}

func (c *call) listing(t *table) (l listing, err error) {
	if l.view, err = c.view(t); err != nil {
		return l, err
	}
	for name, to := range map[string]*int64{"owner_id": &l.owner, "org_id": &l.org, "deal_id": &l.deal} {
		if *to, err = c.number(name); err != nil {
			return l, err
		}
	}
	if l.since, err = c.moment("updated_since"); err != nil {
		return l, err
	}
	if l.until, err = c.moment("updated_until"); err != nil {
		return l, err
	}
	l.order = cmp.Or(c.q.Get("sort_by"), byID)
	if !slices.Contains([]string{byID, byUpdate, byAdd}, l.order) {
		return l, bad("Validation failed: sort_by: must be one of id, update_time, add_time")
	}
	switch cmp.Or(c.q.Get("sort_direction"), "asc") {
	case "asc":
	case "desc":
		l.desc = true
	default:
		return l, bad("Validation failed: sort_direction: must be asc or desc")
	}
	if l.ids, err = c.ids(); err != nil {
		return l, err
	}
	return l, c.useFilter(t, &l)
}

func (c *call) ids() ([]int64, error) {
	words, err := c.list("ids")
	if err != nil || words == nil {
		return nil, err
	}
	if len(words) > idsMost {
		return nil, bad("Validation failed: ids: at most 100 are allowed")
	}
	var out []int64
	for _, w := range words {
		id := parseID(w)
		if id == 0 {
			return nil, bad("Validation failed: ids: must be a list of ids")
		}
		out = append(out, id)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// useFilter applies filter_id, which makes the vendor ignore ids, owner_id, org_id and deal_id. Whether the times still count is
// not documented, so they are refused with it.
func (c *call) useFilter(t *table, l *listing) error {
	id, err := c.number("filter_id")
	if err != nil || id == 0 {
		return err
	}
	f := c.o.filter(id)
	if f == nil || !f.visible(c.m) || f.Type != filterTypes[t.kind.entity] {
		return refuse(http.StatusNotFound, "Filter not found")
	}
	if l.since != 0 || l.until != 0 {
		return bad("Validation failed: updated_since and updated_until do not go with filter_id in this sandbox")
	}
	l.filter, l.ids, l.owner, l.org, l.deal = f, nil, 0, 0, 0
	return nil
}

// wants reports whether the listing includes a live row.
func (c *call) wants(t *table, l *listing, r *row) bool {
	return r.Updated >= l.since && (l.until == 0 || r.Updated < l.until) && (l.owner == 0 || r.Owner == l.owner) && (l.org == 0 || r.Org == l.org) &&
		l.deal == 0 && (l.filter == nil || l.filter.matches(c.o, t, r)) && c.m.sees(r)
}

func listRecords(c *call, t *table) (*reply, error) {
	l, err := c.listing(t)
	if err != nil {
		return nil, err
	}
	n, err := c.limit()
	if err != nil {
		return nil, err
	}
	after, err := c.after()
	if err != nil {
		return nil, err
	}
	rows, next := []*row{}, ""
	for r := range c.source(t, &l, after) {
		if !c.wants(t, &l, r) {
			continue
		}
		if len(rows) == n {
			next = c.next(placeOf(rows[n-1], l.order))
			break
		}
		rows = append(rows, r)
	}
	data := make([]object, len(rows))
	for i, r := range rows {
		data[i] = c.o.render(t, r, l.view)
	}
	return page(data, next)
}

// source is the rows that a listing may include, in its order.
func (c *call) source(t *table, l *listing, after *place) func(func(*row) bool) {
	if l.ids == nil {
		return t.walk(l.order, l.desc, after, l.since)
	}
	var rows []*row
	for _, id := range l.ids {
		if r := t.rows[id]; r != nil && !r.Deleted {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int {
		d := placeOf(a, l.order).compare(placeOf(b, l.order))
		if l.desc {
			return -d
		}
		return d
	})
	return func(yield func(*row) bool) {
		for _, r := range rows {
			d := 1
			if after != nil {
				d = placeOf(r, l.order).compare(*after)
			}
			if l.desc && after != nil {
				d = -d
			}
			if d > 0 && !yield(r) {
				return
			}
		}
	}
}

func missing(t *table) *refusal { return refuse(http.StatusNotFound, t.kind.title+" not found") }

// readable is a record that the user sees, live or deleted not long ago.
func (c *call) readable(t *table, id int64) (*row, error) {
	r := t.rows[id]
	if r == nil || r.Deleted && (c.s.cfg.Quirks.HideDeleted || c.s.now()-r.Updated >= deadFor) {
		return nil, missing(t)
	}
	if !c.m.sees(r) {
		return nil, forbidden("You do not have permission to access this " + strings.ToLower(t.kind.title))
	}
	return r, nil
}

// live is a record that the user sees and may change.
func (c *call) live(t *table, id int64) (*row, error) {
	r := t.rows[id]
	if r == nil || r.Deleted {
		return nil, missing(t)
	}
	if !c.m.sees(r) {
		return nil, forbidden("You do not have permission to access this " + strings.ToLower(t.kind.title))
	}
	return r, nil
}

func getRecord(c *call, t *table) (*reply, error) {
	v, err := c.view(t)
	if err != nil {
		return nil, err
	}
	r, err := c.readable(t, c.id(0))
	if err != nil {
		return nil, err
	}
	return ok(c.o.render(t, r, v))
}

func permittedUsers(c *call, t *table) (*reply, error) {
	r, err := c.live(t, c.id(0))
	if err != nil {
		return nil, err
	}
	return ok(c.o.watchers(r))
}
