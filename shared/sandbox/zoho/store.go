package zoho

import (
	"encoding/json"
	"slices"
	"sort"
	"strings"
)

// state is where a record is in its life.
type state uint8

const (
	live state = iota
	recycled
	purged
)

// row is one record. Its values are kept as the JSON they arrive and leave as, because a listing only copies them.
type row struct {
	ID         int64           `json:"id"`
	Owner      int64           `json:"owner"`
	CreatedBy  int64           `json:"created_by"`
	ModifiedBy int64           `json:"modified_by"`
	Created    int64           `json:"created"` // seconds: Zoho's times have no fraction
	Modified   int64           `json:"modified"`
	Seq        uint64          `json:"seq"` // order of modification across the organisation
	State      state           `json:"state,omitempty"`
	DeletedBy  int64           `json:"deleted_by,omitempty"`
	DeletedAt  int64           `json:"deleted_at,omitempty"`
	DeletedSeq uint64          `json:"deleted_seq,omitempty"`
	Indexed    int64           `json:"indexed,omitempty"` // when search sees it, in nanoseconds
	Locked     bool            `json:"locked,omitempty"`
	Photo      bool            `json:"photo,omitempty"`
	Tags       []int64         `json:"tags,omitempty"`
	Events     []event         `json:"events,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"` // object of the fields that hold something
}

// event is one line of a record's timeline.
type event struct {
	Action string `json:"a"`
	Source string `json:"s"`
	At     int64  `json:"t"`
	By     int64  `json:"b"`
}

// values decodes the row's fields.
func (r *row) values() map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	if len(r.Data) > 0 {
		_ = json.Unmarshal(r.Data, &m) // the sandbox wrote it
	}
	return m
}

// logged is one entry of an order; it is stale once its row has moved on.
type logged struct {
	seq uint64
	at  int64
	row *row
}

// table is the records of one module of one organisation, with the orders and indexes that keep listings proportional to a page.
type table struct {
	module  string
	rows    map[int64]*row
	byID    []*row   // ascending
	changes []logged // ascending by seq, hence by Modified_Time; stale entries are swept now and then
	deaths  []logged // ascending by deletion
	live    int
	// index finds live rows by the folded value of a field, for the fields that look-ups need.
	index map[string]map[string][]int64
}

func newTable(module string, indexed ...string) *table {
	t := &table{module: module, rows: map[int64]*row{}, index: map[string]map[string][]int64{}}
	for _, f := range indexed {
		t.index[f] = map[string][]int64{}
	}
	return t
}

// fold is the form in which Zoho compares text for equality: without case.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func textOf(raw json.RawMessage) string {
	var s string
	if len(raw) > 0 && raw[0] == '"' {
		_ = json.Unmarshal(raw, &s) // the sandbox wrote it
	}
	return s
}

// add puts a new or loaded row into the table. Rows come in ascending order of id; loads are sorted first.
func (t *table) add(r *row) {
	t.rows[r.ID] = r
	t.byID = append(t.byID, r)
	if r.State == live {
		t.live++
		t.reindex(r, nil, r.Data)
	}
}

// touched records that r was modified just now.
func (t *table) touched(r *row) {
	if len(t.changes) > 64 && len(t.changes) > 2*(t.live+1) {
		t.changes = slices.DeleteFunc(t.changes, func(l logged) bool { return l.row.Seq != l.seq || l.row.State != live })
	}
	t.changes = append(t.changes, logged{seq: r.Seq, at: r.Modified, row: r})
}

// died records that r went to the bin or away just now.
func (t *table) died(r *row) {
	if len(t.deaths) > 64 && len(t.deaths) > 2*(len(t.rows)-t.live+1) {
		t.deaths = slices.DeleteFunc(t.deaths, func(l logged) bool { return l.row.DeletedSeq != l.seq || l.row.State == live })
	}
	t.deaths = append(t.deaths, logged{seq: r.DeletedSeq, at: r.DeletedAt, row: r})
}

// rebuild makes the orders anew after a load.
func (t *table) rebuild() {
	sort.Slice(t.byID, func(i, j int) bool { return t.byID[i].ID < t.byID[j].ID })
	for _, r := range t.byID {
		if r.State == live {
			t.changes = append(t.changes, logged{r.Seq, r.Modified, r})
		} else {
			t.deaths = append(t.deaths, logged{r.DeletedSeq, r.DeletedAt, r})
		}
	}
	sort.Slice(t.changes, func(i, j int) bool { return t.changes[i].seq < t.changes[j].seq })
	sort.Slice(t.deaths, func(i, j int) bool { return t.deaths[i].seq < t.deaths[j].seq })
}

// reindex moves r in the indexes from its old values to its new ones; nil means none.
func (t *table) reindex(r *row, before, after json.RawMessage) {
	if len(t.index) == 0 {
		return
	}
	old, now := (&row{Data: before}).values(), (&row{Data: after}).values()
	for field, idx := range t.index {
		was, is := fold(textOf(old[field])), fold(textOf(now[field]))
		if was == is {
			continue
		}
		if was != "" {
			ids := slices.DeleteFunc(slices.Clone(idx[was]), func(id int64) bool { return id == r.ID })
			if len(ids) == 0 {
				delete(idx, was)
			} else {
				idx[was] = ids
			}
		}
		if is != "" {
			idx[is] = append(idx[is], r.ID)
		}
	}
}

// indexField makes sure that field is indexed.
func (t *table) indexField(field string) {
	if t.index[field] != nil {
		return
	}
	idx := map[string][]int64{}
	t.index[field] = idx
	for _, r := range t.byID {
		if r.State != live {
			continue
		}
		if v := fold(textOf(r.values()[field])); v != "" {
			idx[v] = append(idx[v], r.ID)
		}
	}
}

// find returns the live rows whose indexed field holds value, oldest first.
func (t *table) find(field, value string) []*row {
	var out []*row
	for _, id := range t.index[field][fold(value)] {
		if r := t.rows[id]; r != nil && r.State == live {
			out = append(out, r)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// since returns the live rows modified after the second at, in order of modification.
func (t *table) since(at int64) []*row {
	i := sort.Search(len(t.changes), func(i int) bool { return t.changes[i].at > at })
	var out []*row
	for _, l := range t.changes[i:] {
		if l.row.Seq == l.seq && l.row.State == live {
			out = append(out, l.row)
		}
	}
	return out
}
