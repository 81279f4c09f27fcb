package dynamics

import (
	"strings"
	"time"
)

// The annotations of columns.
const (
	formatted  = "OData.Community.Display.V1.FormattedValue"
	lookupName = "Microsoft.Dynamics.CRM.lookuplogicalname"
	lookupNav  = "Microsoft.Dynamics.CRM.associatednavigationproperty"
)

// view is how rows are answered.
type view struct {
	cols                         []int
	formatted, lookupName, assoc bool
	skipNull                     bool
	context                      string // of a single row; "" in a list
}

func (c *call) view(cols []int) view {
	return view{cols: cols, formatted: c.annotated(formatted), lookupName: c.annotated(lookupName), assoc: c.annotated(lookupNav)}
}

// etag is the version of a row as it stands in JSON's texts and in headers.
func etag(r *row) string { return `W/"` + utoa(r.ver) + `"` }

// render writes a row: its etag, the columns of the view, and the key.
func (c *call) render(b *strings.Builder, t *table, r *row, v view) {
	b.WriteByte('{')
	if v.context != "" {
		b.WriteString(`"@odata.context":` + quote(v.context) + ",")
	}
	b.WriteString(`"@odata.etag":"W/\"` + utoa(r.ver) + `\""`)
	keyed := false
	for _, i := range v.cols {
		col := &t.cols[i]
		keyed = keyed || col.kind == kindKey
		raw := ""
		if !t.secured[col.name] {
			raw = c.o.value(t, r, i)
		}
		if raw == "" {
			if !v.skipNull {
				b.WriteString(`,"` + col.read() + `":` + null(col))
			}
			continue
		}
		c.annotations(b, t, r, i, raw, v)
		if col.kind == kindLookup {
			_, id := splitRef(raw)
			raw = `"` + id.String() + `"`
		}
		b.WriteString(`,"` + col.read() + `":` + raw)
	}
	if !keyed {
		b.WriteString(`,"` + t.key + `":"` + r.id.String() + `"`)
	}
	b.WriteByte('}')
}

// null is how a column without a value is answered: truth values are false.
func null(c *column) string {
	if c.kind == kindBool {
		return "false"
	}
	return "null"
}

func (c *call) annotations(b *strings.Builder, t *table, r *row, i int, raw string, v view) {
	col := &t.cols[i]
	add := func(name, text string) {
		if text != "" {
			b.WriteString(`,"` + col.read() + "@" + name + `":` + quote(text))
		}
	}
	if col.kind == kindLookup {
		table, id := splitRef(raw)
		if v.lookupName {
			add(lookupName, table)
		}
		if v.assoc && !col.readOnly {
			add(lookupNav, col.navigation(table))
		}
		if target := c.o.tables[table]; v.formatted && target != nil {
			if to := target.get(id); to != nil {
				add(formatted, c.o.title(target, to))
			}
		}
		return
	}
	if v.formatted {
		add(formatted, display(col, raw))
	}
}

// display is a value as people see it; "" where that is no more than the value.
func display(col *column, raw string) string {
	switch col.kind {
	case kindChoice:
		for _, o := range col.options {
			if raw == itoa(o.Value) {
				return o.Label
			}
		}
		return raw
	case kindBool:
		if raw == "true" {
			return "Yes"
		}
		return "No"
	case kindDate, kindDateTime:
		t, err := parseTime(textOf(raw))
		if err != nil {
			return ""
		}
		if col.kind == kindDate {
			return t.Format("1/2/2006")
		}
		return t.In(time.UTC).Format("1/2/2006 3:04 PM")
	case kindInt, kindLong, kindDecimal, kindDouble:
		return raw
	}
	return ""
}

// selection reads a $select. Without one every column is read, where that is allowed.
func (c *call) selection(t *table) ([]int, *apiError) {
	if !c.query.Has("$select") {
		return c.allColumns(t)
	}
	var out []int
	for name := range strings.SplitSeq(c.query.Get("$select"), ",") {
		name = strings.TrimSpace(name)
		i, ok := t.reads[name]
		if !ok {
			if j, lookup := t.index[name]; lookup && t.cols[j].kind == kindLookup {
				// Dataverse takes a lookup's own name too; the sandbox insists on the name that is answered.
				return nil, badURL("Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'. Select '%s'.", name, t.logical, t.cols[j].read())
			}
			return nil, badURL("Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", name, t.logical)
		}
		out = append(out, i)
	}
	return out, nil
}

func (c *call) allColumns(t *table) ([]int, *apiError) {
	if !c.s.quirks.AllColumns {
		return nil, badURL("This sandbox wants $select on every read: without it Dataverse reads every column.")
	}
	return t.every(), nil
}

// every is all columns but the picture, which is large.
func (t *table) every() []int {
	var out []int
	for i := range t.cols {
		if t.cols[i].kind != kindBinary {
			out = append(out, i)
		}
	}
	return out
}

// selectText is the selection as @odata.context has it.
func (t *table) selectText(cols []int) string {
	names := make([]string, len(cols))
	for i, col := range cols {
		names[i] = t.cols[col].read()
	}
	return strings.Join(names, ",")
}
