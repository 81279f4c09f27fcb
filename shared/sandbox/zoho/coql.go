package zoho

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"time"
)

// runCOQL is POST /coql. It costs one credit up to 200 rows, two up to 1,000 and three beyond.
func runCOQL(c *call) (*reply, error) {
	m, err := c.decode("select_query", "include_meta")
	if err != nil {
		return nil, err
	}
	if m["select_query"] == nil {
		return nil, refuse(http.StatusBadRequest, "MANDATORY_NOT_FOUND", "required field not found", object{"api_name": "select_query"})
	}
	if m["include_meta"] != nil {
		return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "the sandbox does not answer metadata here", object{"api_name": "include_meta"})
	}
	q, bad := parseCOQL(textOf(m["select_query"]))
	if bad != nil {
		return nil, bad
	}
	if bad := c.checkCOQL(q); bad != nil {
		return nil, bad
	}
	if err := c.may("View", q.module); err != nil {
		return nil, err
	}
	if !c.hasScope(map[string]string{"Contacts": "contacts", "Accounts": "accounts"}[q.module], []string{"ZohoCRM.modules.{m}.READ"}) {
		return nil, refuse(http.StatusUnauthorized, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL", nil)
	}
	t := c.o.tables[q.module]
	rows := c.coqlRows(t, q)
	from := min(q.offset, len(rows))
	to := min(from+q.count, len(rows))
	if from == to {
		return &reply{status: http.StatusNoContent}, nil
	}
	var b bytes.Buffer
	b.WriteString(`{"data":[`)
	for i, r := range rows[from:to] {
		if i > 0 {
			b.WriteByte(',')
		}
		c.coqlRow(&b, t, r, q.columns)
	}
	b.WriteString(`],"info":`)
	b.Write(marshal(object{"count": to - from, "more_records": to < len(rows)}))
	b.WriteByte('}')
	extra := 0
	if to-from > 200 {
		extra++
	}
	if to-from > 1000 {
		extra++
	}
	return &reply{status: http.StatusOK, raw: b.Bytes(), cost: extra}, nil
}

// coqlRow writes the columns; the id is always there, and look-ups are ids only.
func (c *call) coqlRow(b *bytes.Buffer, t *table, r *row, columns []string) {
	s := &subject{who: c.m, t: t, r: r}
	b.WriteString(`{"id":"` + num(r.ID) + `"`)
	for _, n := range columns {
		if n == "id" {
			continue
		}
		v := c.cell(s, n)
		if len(v) > 0 && v[0] == '{' {
			var ref map[string]json.RawMessage
			if json.Unmarshal(v, &ref) == nil {
				v = marshal(object{"id": textOf(ref["id"])})
			}
		}
		b.WriteString(`,"` + n + `":`)
		b.Write(v)
	}
	b.WriteByte('}')
}

// checkCOQL checks names and what may be filtered: multi-line text may not, and times must be times.
func (c *call) checkCOQL(q *coql) *fault {
	if !moduleNames[q.module] {
		return coqlInvalid(object{"module": q.module})
	}
	for _, n := range q.columns {
		if c.m.field(q.module, n) == nil {
			return coqlInvalid(object{"column_name": n})
		}
	}
	var bad *fault
	q.where.leaves(func(k *Criteria) {
		f := c.m.field(q.module, k.Field)
		switch {
		case bad != nil:
		case f == nil:
			bad = coqlInvalid(object{"column_name": k.Field, "clause": "where"})
		case f.Type == "textarea" || f.API == "Tag" || f.API == "Record_Image":
			bad = coqlInvalid(object{"column_name": k.Field, "reason": "the field cannot be filtered", "operator": "="})
		case f.Type == "datetime":
			for _, v := range append(slices.Clone(k.Values), k.Value) {
				if _, err := time.Parse(time.RFC3339, v); v != "" && err != nil {
					bad = coqlInvalid(object{"column_name": k.Field, "clause": "where"})
				}
			}
		}
	})
	if bad == nil && q.orderBy != "" && c.m.field(q.module, q.orderBy) == nil {
		bad = coqlInvalid(object{"column_name": q.orderBy, "clause": "order by"})
	}
	return bad
}

// coqlRows finds the rows: through an index or the log of modifications where the condition allows it, else one by one.
func (c *call) coqlRows(t *table, q *coql) []*row {
	rows, found := t.narrow(q.where)
	if !found {
		rows = t.byID
	}
	var out []*row
	for _, r := range rows {
		if r.State == live && c.m.sees(t, r) && q.where.match(&subject{who: c.m, t: t, r: r}) {
			out = append(out, r)
		}
	}
	c.sortRows(t, out, q)
	return out
}

func (c *call) sortRows(t *table, rows []*row, q *coql) {
	less := func(a, b *row) bool { return a.ID < b.ID }
	switch q.orderBy {
	case "", "id":
	case "Modified_Time":
		less = func(a, b *row) bool { return a.Seq < b.Seq }
	case "Created_Time":
	default:
		keys := map[*row]string{}
		for _, r := range rows {
			if ts := (&subject{who: c.m, t: t, r: r}).texts(q.orderBy); len(ts) > 0 {
				keys[r] = ts[len(ts)-1]
			}
		}
		less = func(a, b *row) bool {
			if o := orderOf(keys[a], keys[b]); o != 0 {
				return o < 0
			}
			return a.ID < b.ID
		}
	}
	sort.Slice(rows, func(i, j int) bool {
		if q.desc {
			i, j = j, i
		}
		return less(rows[i], rows[j])
	})
}

// narrow returns the only rows that can meet k, when an index, an id or a lower bound of Modified_Time says so.
func (t *table) narrow(k *Criteria) ([]*row, bool) {
	if len(k.Group) > 0 {
		if k.Operator == "AND" {
			for _, g := range k.Group {
				if rows, ok := t.narrow(g); ok {
					return rows, true
				}
			}
		}
		return nil, false
	}
	values := k.Values
	if k.Comparator == "equal" {
		values = []string{k.Value}
	} else if k.Comparator != "in" {
		values = nil
	}
	var rows []*row
	add := func(r *row) {
		if r != nil && !slices.Contains(rows, r) {
			rows = append(rows, r)
		}
	}
	switch {
	case k.Field == "id" && values != nil:
		for _, v := range values {
			add(t.rows[parseID(v)])
		}
		return rows, true
	case t.index[k.Field] != nil && values != nil:
		for _, v := range values {
			for _, r := range t.find(k.Field, v) {
				add(r)
			}
		}
		return rows, true
	case k.Field == "Modified_Time" && (k.Comparator == "greater_equal" || k.Comparator == "greater_than"):
		at, err := time.Parse(time.RFC3339, k.Value)
		if err != nil {
			return nil, false
		}
		return t.since(at.Unix() - 1), true
	}
	return nil, false
}
