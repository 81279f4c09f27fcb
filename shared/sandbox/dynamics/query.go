package dynamics

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"slices"
	"strings"
)

// ordering is one key of an $orderby.
type ordering struct {
	col  int
	desc bool
}

// query is what a listing asks for.
type query struct {
	t      *table
	cols   []int
	filter *node // nil means everything
	order  []ordering
	top    int // 0 means that there is none
	count  bool
}

// source gives rows in a stable order, each with its place in it, beginning after a place.
type source func(after uint64) iter.Seq2[uint64, *row]

// everything is the rows of a table in the order of creation.
func (t *table) everything(after uint64) iter.Seq2[uint64, *row] {
	return func(yield func(uint64, *row) bool) {
		for _, b := range t.made[t.after(after):] {
			if b.current() && !yield(b.seq, b.r) {
				return
			}
		}
	}
}

// these is a source of a few rows, which it sorts.
func these(rows []*row) source {
	slices.SortFunc(rows, func(a, b *row) int { return int(int64(a.seq) - int64(b.seq)) })
	rows = slices.Compact(rows)
	return func(after uint64) iter.Seq2[uint64, *row] {
		return func(yield func(uint64, *row) bool) {
			for _, r := range rows {
				if r.seq > after && !yield(r.seq, r) {
					return
				}
			}
		}
	}
}

// narrow finds the few rows that a filter can be true for: those that it names by key, or that changed since a time. ok is false if
// the filter says no such thing.
func (t *table) narrow(n *node) (rows []*row, ok bool) {
	if n == nil {
		return nil, false
	}
	switch {
	case n.op == "and":
		for _, k := range n.kids {
			if rows, ok := t.narrow(k); ok {
				return rows, true
			}
		}
		return nil, false
	case n.op == "or":
		for _, k := range n.kids {
			some, ok := t.narrow(k)
			if !ok {
				return nil, false
			}
			rows = append(rows, some...)
		}
		return rows, true
	case (n.op == "eq" || n.op == "in") && n.kind == kindKey:
		for _, a := range n.args {
			if id, ok := parseGUID(a.s); ok && t.get(id) != nil {
				rows = append(rows, t.get(id))
			}
		}
		return rows, true
	case (n.op == "eq" || n.op == "in") && t.logical == tAccount && t.cols[n.slot].name == t.title:
		for _, a := range n.args {
			for _, id := range t.names[a.s] {
				rows = append(rows, t.get(id))
			}
		}
		return slices.DeleteFunc(rows, func(r *row) bool { return r == nil }), true
	case (n.op == "ge" || n.op == "gt") && t.cols[n.slot].made == makeModified && n.args[0].kind == 't':
		return t.since(int64(n.args[0].n * 1000)), true
	}
	return nil, false
}

// schema tells filters about the table's columns.
func (t *table) schema(name string) (int, kind, bool) {
	i, ok := t.reads[name]
	if !ok {
		return 0, "", false
	}
	return i, t.cols[i].kind, true
}

// matching is the filter as a condition on rows that the user may see.
func (c *call) matching(q *query) func(*row) bool {
	o, t := c.o, q.t
	return func(r *row) bool {
		if !c.m.reaches("read", t, r) {
			return false
		}
		return q.filter == nil || q.filter.match(func(slot int) val { return c.seen(t, o, r, slot) })
	}
}

// seen is a value as the user may compare it: secured columns are null.
func (c *call) seen(t *table, o *org, r *row, slot int) val {
	if t.secured[t.cols[slot].name] {
		return val{}
	}
	return valueOf(t.cols[slot].kind, o.value(t, r, slot))
}

// source gives the rows among which those of a query are.
func (o *org) source(q *query) source {
	if n := q.filter; n != nil && n.op == "eq" && q.t.logical == tMember && q.t.cols[n.slot].name == "listid" {
		if list, ok := parseGUID(n.args[0].s); ok {
			return these(slices.Clone(o.membership(list).rows))
		}
	}
	if rows, ok := q.t.narrow(q.filter); ok {
		return these(rows)
	}
	return q.t.everything
}

// page is a part of a listing.
type page struct {
	rows  []*row
	more  bool
	pos   uint64   // of the last row
	keys  []string // of the last row, in an ordered listing
	count int
}

// run reads a page of a listing after the place that cur tells. Only a count reads further.
func (c *call) run(q *query, src source, cur cursor, size int) page {
	match := c.matching(q)
	if src == nil {
		src = c.o.source(q)
	}
	var p page
	if q.count {
		for _, r := range src(0) {
			if p.count < maxPage && match(r) {
				p.count++
			}
		}
	}
	if len(q.order) > 0 {
		c.runOrdered(q, src, cur, size, match, &p)
		return p
	}
	for pos, r := range src(cur.Pos) {
		if !match(r) {
			continue
		}
		if len(p.rows) == size {
			p.more = true
			break
		}
		p.rows, p.pos = append(p.rows, r), pos
	}
	return p
}

// keyed is a row with the values that it is ordered by.
type keyed struct {
	r    *row
	vals []val
	seq  uint64
}

func (c *call) runOrdered(q *query, src source, cur cursor, size int, match func(*row) bool, p *page) {
	compare := func(a, b keyed) int {
		for i, k := range q.order {
			n := a.vals[i].compare(b.vals[i])
			if k.desc {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return int(int64(a.seq) - int64(b.seq))
	}
	var last *keyed
	if cur.Keys != nil {
		last = &keyed{seq: cur.Pos}
		for i, raw := range cur.Keys {
			last.vals = append(last.vals, valueOf(q.t.cols[q.order[i].col].kind, raw))
		}
	}
	var all []keyed
	for pos, r := range src(0) {
		if !match(r) {
			continue
		}
		k := keyed{r: r, seq: pos, vals: make([]val, len(q.order))}
		for i, o := range q.order {
			k.vals[i] = c.seen(q.t, c.o, r, o.col)
		}
		if last == nil || compare(k, *last) > 0 {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, compare)
	if p.more = len(all) > size; p.more {
		all = all[:size]
	}
	for _, k := range all {
		p.rows = append(p.rows, k.r)
	}
	if len(all) > 0 {
		end := all[len(all)-1]
		p.pos = end.seq
		for _, o := range q.order {
			p.keys = append(p.keys, c.o.value(q.t, end.r, o.col))
		}
	}
}

// parseOrder reads an $orderby.
func (t *table) parseOrder(text string) ([]ordering, *apiError) {
	var out []ordering
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
			return nil, badURL("The $orderby does not parse at '%s'.", part)
		}
		col, ok := t.reads[words[0]]
		if !ok {
			return nil, badURL("Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", words[0], t.logical)
		}
		out = append(out, ordering{col, len(words) == 2 && words[1] == "desc"})
	}
	return out, nil
}

// digest is a short form of texts that tells one query from another.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:8])
}
