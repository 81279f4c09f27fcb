package dynamics

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// row is one row of an answer, by column.
type row map[string]json.RawMessage

// text is the text of a column; "" for null and for what is no text.
func (r row) text(column string) string {
	var s string
	if json.Unmarshal(r[column], &s) != nil {
		return ""
	}
	return s
}

func (r row) is(column string) bool { return string(r[column]) == "true" }

// tells reports whether the answer has the column, be it null.
func (r row) tells(column string) bool { return len(r[column]) > 0 }

func (r row) null(column string) bool { return string(r[column]) == "null" }

// version is the number in the row's tag, W/"4512345".
func (r row) version() string {
	return strings.Trim(strings.TrimPrefix(r.text(columnTag), "W/"), `"`)
}

func tag(version string) string { return `W/"` + version + `"` }

// removed reports whether the row is an entry of change tracking for a row that was deleted, and which.
func (r row) removed() (string, bool) {
	return strings.ToLower(r.text("id")), strings.HasSuffix(r.text("@odata.context"), "/$deletedEntity")
}

// master is the row that this one was merged into, or "".
func (r row) master() string {
	if !r.is(columnMerged) {
		return ""
	}
	return strings.ToLower(r.text(columnMaster))
}

// raw is what Item.Raw holds: what a write needs beyond the neutral record.
type raw struct {
	closed   bool              // the row cannot be edited
	employer string            // the account's name, as it is shown
	held     map[string]string // of fields with slots: what each column holds, without the empty ones
}

// reader turns rows into items.
type reader struct {
	c      *Connector
	cat    *catalogue
	fields []field
}

func (c *Connector) reader(ctx context.Context) (*reader, error) {
	cat, err := c.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	return &reader{c: c, cat: cat, fields: c.known(cat)}, nil
}

// item is the neutral form of a row; false for one without an id or a version.
func (d *reader) item(r row, m connector.Membership) (connector.Item, bool) {
	it := connector.Item{ID: strings.ToLower(r.text(d.c.key)), Version: r.version(), Scope: m, Record: record.Record{Kind: record.Contact, Fields: record.Fields{}}}
	if !isID(it.ID) || it.Version == "" {
		return it, false
	}
	if t, err := time.Parse(time.RFC3339, r.text(columnCreated)); err == nil {
		it.Created = t.UTC()
	}
	k := raw{closed: d.c.closed(r), held: map[string]string{}}
	for _, f := range d.fields {
		if vs, known := d.values(f, r, &k); known {
			it.Record.Fields[f.key] = vs
		}
	}
	it.Raw = k
	return it, true
}

// closed reports whether a row cannot be edited any more.
func (c *Connector) closed(r row) bool {
	n, ok := number(r[columnState])
	return ok && n != open || r.is(columnMerged)
}

// values reads one field. known is false for what was not told, may not be seen, or cannot be read: it is not empty.
func (d *reader) values(f field, r row, k *raw) (vs []record.Value, known bool) {
	if f.employer {
		return d.employer(r, k)
	}
	hidden := d.cat.secured(f)
	tells := func(column string) bool { return r.tells(column) && (!hidden || !r.null(column)) }
	if f.column != "" {
		if !tells(f.column) {
			return nil, false
		}
		text, ok := d.cat.columns[f.column].text(f.kind, r[f.column])
		return texts(text), ok
	}
	vs = []record.Value{}
	for _, s := range f.slots {
		v := record.Value{Label: s.label}
		if !f.addresses {
			if !tells(s.column) {
				return nil, false
			}
			v.Text, _ = d.cat.columns[s.column].text(f.kind, r[s.column])
			k.hold(s.column, v.Text)
		} else {
			v.Parts = map[record.Part]string{}
			for _, p := range addressColumns() {
				var lines []string
				for _, c := range p.columns {
					if !tells(s.column + c) {
						return nil, false
					}
					text := r.text(s.column + c)
					if k.hold(s.column+c, text); text != "" {
						lines = append(lines, text)
					}
				}
				if len(lines) > 0 {
					v.Parts[p.part] = strings.Join(lines, "\n")
				}
			}
		}
		if !v.IsEmpty() {
			vs = append(vs, v)
		}
	}
	return vs, true
}

func (k *raw) hold(column, text string) {
	if text != "" {
		k.held[column] = text
	}
}

// employer reads the account that a contact belongs to. One whose name is not told, and a contact that stands in its place, are unknown.
func (d *reader) employer(r row, k *raw) ([]record.Value, bool) {
	switch {
	case !r.tells(columnEmployer):
		return nil, false
	case r.null(columnEmployer):
		return []record.Value{}, !d.cat.columns["parentcustomerid"].secured
	case r.text(columnEmployer+suffixTable) != "account" || r.text(columnEmployer+suffixLabel) == "":
		return nil, false
	}
	k.employer = r.text(columnEmployer + suffixLabel)
	return texts(k.employer), true
}

func texts(s string) []record.Value {
	if s == "" {
		return []record.Value{}
	}
	return []record.Value{{Text: s}}
}

// text is a column's value in neutral form; false for one that cannot be read, such as a choice that was added after the catalogue was
// read: it must not empty anything.
func (a attribute) text(t record.Type, b json.RawMessage) (string, bool) {
	if string(b) == "null" {
		return "", true
	}
	switch t {
	case record.TypeNumber:
		var n json.Number
		if json.Unmarshal(b, &n) != nil {
			return "", false
		}
		return n.String(), true
	case record.TypeBool:
		return string(b), string(b) == "true" || string(b) == "false"
	case record.TypeChoice:
		n, ok := number(b)
		for _, c := range a.choices {
			if ok && c.value == n {
				return c.label, true
			}
		}
		return "", false
	}
	var s string
	if json.Unmarshal(b, &s) != nil {
		return "", false
	}
	if t == record.TypeDate && len(s) > len(time.DateOnly) {
		s = s[:len(time.DateOnly)]
	}
	return s, true
}
