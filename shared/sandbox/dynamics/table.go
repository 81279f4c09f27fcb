package dynamics

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// entry is one change in a table's log.
type entry struct {
	ver  uint64
	at   int64 // Unix milliseconds
	gone bool
	r    *row
}

// birth is a row's place in the order of creation. It is stale once the row was deleted.
type birth struct {
	seq uint64
	r   *row
}

// table is a table of one organisation, with the orders that keep listings proportional to a page.
type table struct {
	*tableDef
	cols    []column
	index   map[string]int // of cols, by logical name
	reads   map[string]int // of cols, by the name in answers
	secured map[string]bool
	absent  bool // the application that brings the table is not installed
	idle    bool // change tracking is off
	gen     uint64

	rows    map[guid]*row // deleted ones too
	made    []birth       // by seq
	live    int
	log     []entry // by ver
	horizon int     // entries of log that change tracking may show
	names   map[string][]guid
}

func newTable(d *tableDef) *table {
	t := &table{tableDef: d, secured: map[string]bool{}, idle: !d.tracked, rows: map[guid]*row{}, names: map[string][]guid{}}
	t.setColumns(d.columns)
	return t
}

func (t *table) setColumns(cols []column) {
	t.cols, t.index, t.reads = cols, map[string]int{}, map[string]int{}
	for i := range cols {
		t.index[cols[i].name], t.reads[cols[i].read()] = i, i
	}
}

// col is the place of a column that the table has.
func (t *table) col(name string) int {
	i, ok := t.index[name]
	if !ok {
		panic("dynamics sandbox: the table " + t.logical + " has no column " + name) // a slip in this package
	}
	return i
}

// get returns a row that exists.
func (t *table) get(id guid) *row {
	if r := t.rows[id]; r != nil && !r.gone {
		return r
	}
	return nil
}

// fold is the form in which texts are compared: without case.
func fold(s string) string { return strings.ToLower(s) }

// named returns the oldest row with a primary name.
func (t *table) named(name string) *row {
	for _, id := range t.names[fold(name)] {
		if r := t.get(id); r != nil && textOf(r.raw(t.col(t.title))) != "" {
			return r
		}
	}
	return nil
}

func (o *org) note(undo func()) {
	if o.undoing {
		o.undo = append(o.undo, undo)
	}
}

// put makes r, whose id, owner and cells are set, a row of t: a new one, or one that was deleted before.
func (o *org) put(t *table, r row, by guid) *row {
	o.seq++
	old := t.rows[r.id]
	kept := old
	if old == nil {
		kept = &row{}
		t.rows[r.id] = kept
		o.note(func() { delete(t.rows, r.id) })
	} else {
		was := *old
		o.note(func() { *old = was })
	}
	shown := kept.shown
	*kept = r
	kept.shown, kept.seq, kept.creator, kept.gone = shown, o.seq, by, false
	kept.created = o.now() / 1000
	t.made = append(t.made, birth{o.seq, kept})
	t.live++
	o.note(func() { t.made, t.live = t.made[:len(t.made)-1], t.live-1 })
	o.rename(t, kept, "")
	o.stamp(t, kept, by)
	return kept
}

// change gives a row other cells and another owner.
func (o *org) change(t *table, r *row, cells []cell, owner, by guid) {
	was := *r
	o.note(func() { *r = was })
	before := o.indexed(t, r)
	r.cells, r.owner = cells, owner
	o.rename(t, r, before)
	o.stamp(t, r, by)
}

// remove deletes a row. Its cells stay until change tracking shows that.
func (o *org) remove(t *table, r *row, by guid) {
	was := *r
	o.note(func() { *r = was })
	before := o.indexed(t, r)
	r.gone = true
	t.live--
	o.note(func() { t.live++ })
	o.rename(t, r, before)
	o.stamp(t, r, by)
}

// stamp gives a changed row its version and logs it.
func (o *org) stamp(t *table, r *row, by guid) {
	o.ver++
	r.ver, r.modified, r.modifier = o.ver, o.now(), by
	t.log = append(t.log, entry{r.ver, r.modified, r.gone, r})
	o.note(func() { t.log = t.log[:len(t.log)-1] })
	o.dirty(t, r.id)
}

// indexed is the name under which an account is found.
func (o *org) indexed(t *table, r *row) string {
	if t.logical != tAccount || r.gone {
		return ""
	}
	return fold(textOf(r.raw(t.col(t.title))))
}

func (o *org) rename(t *table, r *row, before string) {
	now := o.indexed(t, r)
	if now == before {
		return
	}
	was, is := t.names[before], t.names[now]
	if before != "" {
		t.names[before] = slices.DeleteFunc(slices.Clone(was), func(id guid) bool { return id == r.id })
		o.note(func() { t.names[before] = was })
	}
	if now != "" {
		t.names[now] = append(slices.Clone(is), r.id)
		o.note(func() { t.names[now] = is })
	}
}

// sweep throws what is stale out of the orders when that is most of them. No change may be under way.
func (t *table) sweep() {
	if len(t.made) > 64 && len(t.made) > 2*t.live {
		t.made = slices.DeleteFunc(t.made, func(b birth) bool { return !b.current() })
	}
	if len(t.log) > 64 && len(t.log) > 2*len(t.rows) {
		kept := t.log[:0]
		horizon := 0
		for i, e := range t.log {
			if i < t.horizon && e.r.shown != e.ver {
				continue
			}
			if i < t.horizon {
				horizon++
			}
			kept = append(kept, e)
		}
		clear(t.log[len(kept):])
		t.log, t.horizon = kept, horizon
	}
}

func (b birth) current() bool { return !b.r.gone && b.r.seq == b.seq }

// advance lets change tracking show what happened up to a time in Unix milliseconds.
func (t *table) advance(until int64) {
	for ; t.horizon < len(t.log) && t.log[t.horizon].at <= until; t.horizon++ {
		e := t.log[t.horizon]
		e.r.shown = e.ver
		if e.gone && e.r.gone && e.r.ver == e.ver {
			e.r.cells = nil
		}
	}
}

// after returns the index of the first row made after seq.
func (t *table) after(seq uint64) int {
	return sort.Search(len(t.made), func(i int) bool { return t.made[i].seq > seq })
}

// since returns the rows that were changed at or after a time in Unix milliseconds, in the order of change.
func (t *table) since(at int64) []*row {
	from := sort.Search(len(t.log), func(i int) bool { return t.log[i].at >= at })
	var out []*row
	for _, e := range t.log[from:] {
		if e.ver == e.r.ver && !e.r.gone {
			out = append(out, e.r)
		}
	}
	return out
}

// restore rebuilds the orders from the rows.
func (t *table) restore() {
	for _, r := range t.rows {
		t.log = append(t.log, entry{r.ver, r.modified, r.gone, r})
		if !r.gone {
			t.made = append(t.made, birth{r.seq, r})
			t.live++
		}
	}
	slices.SortFunc(t.made, func(a, b birth) int { return cmp.Compare(a.seq, b.seq) })
	slices.SortFunc(t.log, func(a, b entry) int { return cmp.Compare(a.ver, b.ver) })
	if t.logical == tAccount {
		for _, b := range t.made {
			name := fold(textOf(b.r.raw(t.col(t.title))))
			t.names[name] = append(t.names[name], b.r.id)
		}
	}
}
