package pipedrive

import (
	"cmp"
	"encoding/json"
	"iter"
	"slices"
	"sort"
	"strings"
)

// kind is what a table holds.
type kind struct {
	key    string // in Keep
	entity string // in webhooks and search
	title  string // in errors
}

var (
	personKind = kind{"p", "person", "Person"}
	orgKind    = kind{"o", "organization", "Organization"}
)

// entry is one e-mail address, phone number or messenger.
type entry struct {
	Value   string `json:"value"`
	Primary bool   `json:"primary"`
	Label   string `json:"label"`
}

// address is a postal address. Members that are nil are null at the vendor.
type address struct {
	Value       string  `json:"value"`
	Country     *string `json:"country"`
	Area1       *string `json:"admin_area_level_1"`
	Area2       *string `json:"admin_area_level_2"`
	Locality    *string `json:"locality"`
	Sublocality *string `json:"sublocality"`
	Route       *string `json:"route"`
	Number      *string `json:"street_number"`
	Subpremise  *string `json:"subpremise"`
	Postal      *string `json:"postal_code"`
}

// follower is a user who follows a record.
type follower struct {
	User  int64 `json:"u"`
	Added int64 `json:"t"`
}

// row is one person or organization. Times are in seconds.
type row struct {
	ID       int64  `json:"id"`
	Name     string `json:"n"`
	First    string `json:"f,omitempty"`
	Last     string `json:"l,omitempty"`
	Owner    int64  `json:"o"`
	Org      int64  `json:"org,omitempty"`
	Added    int64  `json:"add"`
	Updated  int64  `json:"upd"`
	Seq      uint64 `json:"seq"` // order of modification across the company
	Deleted  bool   `json:"del,omitempty"`
	MergedTo int64  `json:"into,omitempty"`
	Visible  int    `json:"vis"`
	Indexed  int64  `json:"idx,omitempty"` // when search sees it, in nanoseconds

	Emails    []entry                    `json:"em,omitempty"`
	Phones    []entry                    `json:"ph,omitempty"`
	IM        []entry                    `json:"im,omitempty"`
	Labels    []int64                    `json:"lab,omitempty"`
	Picture   int64                      `json:"pic,omitempty"`
	Address   *address                   `json:"adr,omitempty"`
	Notes     string                     `json:"note,omitempty"`
	Birthday  string                     `json:"bday,omitempty"`
	JobTitle  string                     `json:"job,omitempty"`
	Followers []follower                 `json:"fol,omitempty"`
	Custom    map[string]json.RawMessage `json:"cus,omitempty"` // values as a v2 answer has them, by field code
	Business  map[string]json.RawMessage `json:"biz,omitempty"` // website, linkedin, industry, annual_revenue, employee_count
}

// clone is a copy whose slices and maps may be replaced, not written into.
func (r *row) clone() *row {
	c := *r
	return &c
}

// deadFor is how long a deleted record can still be read.
const deadFor = 30 * 24 * 3600

// logged is one entry of the order of changes; it is stale once its row has moved on.
type logged struct {
	seq uint64
	at  int64
	row *row
}

// table is the records of one kind of one company, with the orders and indexes that keep listings proportional to a page.
type table struct {
	kind    *kind
	rows    map[int64]*row
	byID    []*row   // ascending, deleted ones too
	changes []logged // ascending by seq, hence by update_time; stale entries are swept now and then
	live    int
	// index finds live rows by a folded value with a letter for its field before it: n name, e e-mail, p phone.
	index map[string][]int64
}

func newTable(k *kind) *table {
	return &table{kind: k, rows: map[int64]*row{}, index: map[string][]int64{}}
}

// fold is the form in which text is compared for equality: without case.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// add puts a new or loaded row into the table. New rows come in ascending order of id; loads are sorted afterwards.
func (t *table) add(r *row) {
	t.rows[r.ID] = r
	t.byID = append(t.byID, r)
	if !r.Deleted {
		t.live++
		t.reindex(nil, r)
	}
}

// touched records that r was modified just now.
func (t *table) touched(r *row) {
	if len(t.changes) > 64 && len(t.changes) > 2*(t.live+1) {
		t.changes = slices.DeleteFunc(t.changes, logged.stale)
	}
	t.changes = append(t.changes, logged{seq: r.Seq, at: r.Updated, row: r})
}

func (l logged) stale() bool { return l.row.Seq != l.seq || l.row.Deleted }

// rebuild makes the orders anew after a load.
func (t *table) rebuild() {
	slices.SortFunc(t.byID, func(a, b *row) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range t.byID {
		if !r.Deleted {
			t.changes = append(t.changes, logged{r.Seq, r.Updated, r})
		}
	}
	slices.SortFunc(t.changes, func(a, b logged) int { return cmp.Compare(a.seq, b.seq) })
}

func (r *row) indexKeys() []string {
	if r == nil || r.Deleted {
		return nil
	}
	keys := make([]string, 0, 1+len(r.Emails)+len(r.Phones))
	add := func(letter, v string) {
		if k := letter + fold(v); v != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	add("n", r.Name)
	for _, e := range r.Emails {
		add("e", e.Value)
	}
	for _, e := range r.Phones {
		add("p", e.Value)
	}
	return keys
}

// reindex moves a row in the index from what it was to what it is; nil is nothing.
func (t *table) reindex(before, after *row) {
	was, is := before.indexKeys(), after.indexKeys()
	for _, k := range was {
		if slices.Contains(is, k) {
			continue
		}
		ids := slices.DeleteFunc(slices.Clone(t.index[k]), func(id int64) bool { return id == before.ID })
		if len(ids) == 0 {
			delete(t.index, k)
		} else {
			t.index[k] = ids
		}
	}
	for _, k := range is {
		if !slices.Contains(was, k) {
			t.index[k] = append(t.index[k], after.ID)
		}
	}
}

// find returns the live rows with that value, oldest first.
func (t *table) find(letter, value string) []*row {
	var out []*row
	for _, id := range t.index[letter+fold(value)] {
		out = append(out, t.rows[id])
	}
	slices.SortFunc(out, func(a, b *row) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// The orders of a listing.
const (
	byID     = "id"
	byUpdate = "update_time"
	byAdd    = "add_time"
)

// place is a row's place in an order. Keys of rows are unique with the second number.
type place struct{ A, B int64 }

func placeOf(r *row, order string) place {
	switch order {
	case byUpdate:
		return place{int64(r.Seq), 0}
	case byAdd:
		return place{r.Added, r.ID}
	}
	return place{r.ID, 0}
}

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.A, o.A), cmp.Compare(p.B, o.B))
}

// walk goes through the live rows in an order, beginning after a place (nil is the beginning), and leaves rows out that were last
// changed before the second since where that saves work.
func (t *table) walk(order string, desc bool, after *place, since int64) iter.Seq[*row] {
	if order == byUpdate {
		return t.walkChanges(desc, after, since)
	}
	rows := t.byID
	first := sort.Search(len(t.changes), func(i int) bool { return t.changes[i].at >= since })
	switch {
	case len(t.changes)-first < len(t.byID)/8: // few changed: cheaper to sort these than to pass by all others
		rows = nil
		for _, l := range t.changes[first:] {
			if !l.stale() {
				rows = append(rows, l.row)
			}
		}
		slices.SortFunc(rows, func(a, b *row) int { return placeOf(a, order).compare(placeOf(b, order)) })
	case order == byAdd:
		rows = slices.Clone(rows)
		slices.SortFunc(rows, func(a, b *row) int { return placeOf(a, order).compare(placeOf(b, order)) })
	}
	return func(yield func(*row) bool) {
		from, step := 0, 1
		if after != nil {
			from = sort.Search(len(rows), func(i int) bool { return placeOf(rows[i], order).compare(*after) > 0 })
		}
		if desc {
			from, step = len(rows)-1, -1
			if after != nil {
				from = sort.Search(len(rows), func(i int) bool { return placeOf(rows[i], order).compare(*after) >= 0 }) - 1
			}
		}
		for i := from; i >= 0 && i < len(rows); i += step {
			if !rows[i].Deleted && !yield(rows[i]) {
				return
			}
		}
	}
}

func (t *table) walkChanges(desc bool, after *place, since int64) iter.Seq[*row] {
	return func(yield func(*row) bool) {
		from, step := sort.Search(len(t.changes), func(i int) bool {
			return t.changes[i].at >= since && (after == nil || int64(t.changes[i].seq) > after.A)
		}), 1
		if desc {
			from, step = len(t.changes)-1, -1
			if after != nil {
				from = sort.Search(len(t.changes), func(i int) bool { return int64(t.changes[i].seq) >= after.A }) - 1
			}
		}
		for i := from; i >= 0 && i < len(t.changes); i += step {
			if l := t.changes[i]; !l.stale() && !yield(l.row) {
				return
			}
		}
	}
}
