package dynamics

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cell is one value of a row that is not null: JSON as it is answered or, for a lookup, a ref.
type cell struct {
	col uint16
	raw string
}

// row is one row of a table, or the trace of a deleted one.
type row struct {
	id       guid
	seq      uint64 // order of creation
	ver      uint64 // versionnumber
	shown    uint64 // the newest version that change tracking may show
	created  int64  // Unix seconds
	modified int64  // Unix milliseconds
	owner    guid
	creator  guid
	modifier guid
	gone     bool
	cells    []cell // by col
}

// raw is the stored value of a column, "" for null.
func (r *row) raw(col int) string {
	i, ok := slices.BinarySearchFunc(r.cells, uint16(col), func(c cell, col uint16) int { return cmp.Compare(c.col, col) })
	if !ok {
		return ""
	}
	return r.cells[i].raw
}

// withCell returns cells with the value of col replaced; "" takes it out. cells itself is not changed.
func withCell(cells []cell, col int, raw string) []cell {
	i, ok := slices.BinarySearchFunc(cells, uint16(col), func(c cell, col uint16) int { return cmp.Compare(c.col, col) })
	switch {
	case ok && cells[i].raw == raw, !ok && raw == "":
		return cells
	case ok && raw == "":
		return slices.Delete(slices.Clone(cells), i, i+1)
	case ok:
		out := slices.Clone(cells)
		out[i].raw = raw
		return out
	}
	return slices.Insert(slices.Clone(cells), i, cell{uint16(col), raw})
}

// ref is a lookup's value as it is stored.
func ref(table string, id guid) string { return table + ":" + id.String() }

func splitRef(raw string) (table string, id guid) {
	table, text, _ := strings.Cut(raw, ":")
	id, _ = parseGUID(text)
	return table, id
}

// quote is s as JSON, without HTML's escapes.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// textOf decodes a stored text.
func textOf(raw string) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if !strings.ContainsRune(raw, '\\') {
		return raw[1 : len(raw)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(raw), &s) // the sandbox wrote it
	return s
}

// maker says how the value of a column comes about.
type maker uint8

const (
	stored maker = iota
	makeKey
	makeVersion
	makeCreated
	makeModified
	makeCreator
	makeModifier
	makeOwner
	makeUnit
	makeFullName
	makeYomiName
	makeComposite1
	makeComposite2
	makeComposite3
	makeMembers
	makeImageURL
	makeImageTime
	makeImageID
)

// makerOf tells the maker of a table's column.
func makerOf(d *tableDef, name string) maker {
	people := map[string]maker{"fullname": makeFullName, "yomifullname": makeYomiName, "address1_composite": makeComposite1,
		"address2_composite": makeComposite2, "address3_composite": makeComposite3, "entityimage_url": makeImageURL,
		"entityimage_timestamp": makeImageTime, "entityimageid": makeImageID}
	all := map[string]maker{"versionnumber": makeVersion, "createdon": makeCreated, "modifiedon": makeModified, "createdby": makeCreator,
		"modifiedby": makeModifier, "ownerid": makeOwner, "owninguser": makeOwner, "owningbusinessunit": makeUnit, "membercount": makeMembers}
	switch {
	case name == d.key:
		return makeKey
	case d.people && people[name] != stored:
		return people[name]
	}
	return all[name]
}

// wireTime is a time as it is answered: whole seconds.
func wireTime(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02T15:04:05Z") }

// value is a column of a row as JSON or, for a lookup, a ref; "" is null.
func (o *org) value(t *table, r *row, col int) string {
	c := &t.cols[col]
	user := func(id guid) string {
		if id.none() {
			return ""
		}
		return ref(tUser, id)
	}
	switch c.made {
	case stored:
		return r.raw(col)
	case makeKey:
		return `"` + r.id.String() + `"`
	case makeVersion:
		return strconv.FormatUint(r.ver, 10)
	case makeCreated:
		return `"` + wireTime(r.created) + `"`
	case makeModified:
		return `"` + wireTime(r.modified/1000) + `"`
	case makeCreator:
		return user(r.creator)
	case makeModifier:
		return user(r.modifier)
	case makeOwner:
		return user(r.owner)
	case makeUnit:
		return ref("businessunit", o.unit)
	case makeFullName:
		return t.joined(r, " ", "firstname", "middlename", "lastname")
	case makeYomiName:
		return t.joined(r, " ", "yomifirstname", "yomimiddlename", "yomilastname")
	case makeComposite1, makeComposite2, makeComposite3:
		return t.composite(r, 1+int(c.made-makeComposite1))
	case makeMembers:
		return strconv.Itoa(o.memberCount(r.id))
	}
	if r.raw(t.col("entityimage")) == "" {
		return ""
	}
	switch c.made {
	case makeImageURL:
		return quote("/Image/download.aspx?Entity=" + t.logical + "&Attribute=entityimage&Id=" + r.id.String() + "&Timestamp=" + strconv.FormatUint(r.ver, 10))
	case makeImageTime:
		return strconv.FormatUint(r.ver, 10)
	default:
		return `"` + derive("image", r.id.String()).String() + `"`
	}
}

// joined is the texts of columns with something between them, "" if there are none.
func (t *table) joined(r *row, between string, names ...string) string {
	var parts []string
	for _, n := range names {
		if s := textOf(r.raw(t.col(n))); s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return quote(strings.Join(parts, between))
}

// composite is an address as one text.
func (t *table) composite(r *row, n int) string {
	at := "address" + strconv.Itoa(n) + "_"
	return t.joined(r, "\r\n", at+"line1", at+"line2", at+"line3", at+"city", at+"stateorprovince", at+"postalcode", at+"country")
}

// title is the primary name of a row, for the labels of lookups.
func (o *org) title(t *table, r *row) string {
	if t.title == "" {
		return ""
	}
	return textOf(o.value(t, r, t.col(t.title)))
}
