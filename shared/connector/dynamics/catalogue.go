package dynamics

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"meibo/shared/record"
)

// attribute is what Meibo knows of one column.
type attribute struct {
	name            string // as people call it; "" if it has none
	kind            string // the vendor's type
	format          string // of texts and dates
	length          int    // UTF-16 units
	custom, secured bool
	read, write     bool
	choices         []choice
}

type choice struct {
	value int
	label string
}

// catalogue is the columns of a table in this organisation.
type catalogue struct {
	columns map[string]attribute
	order   []string // of custom columns
	tracked bool     // changes of the table are tracked
}

// managed is a setting that Dataverse wraps, or a plain one.
type managed bool

func (m *managed) UnmarshalJSON(b []byte) error {
	var wrapped struct{ Value bool }
	if json.Unmarshal(b, &wrapped) == nil {
		*m = managed(wrapped.Value)
		return nil
	}
	return json.Unmarshal(b, (*bool)(m))
}

// label is a text in the user's language.
type label struct {
	User *struct{ Label string } `json:"UserLocalizedLabel"`
}

func (l label) text() string {
	if l.User == nil {
		return ""
	}
	return strings.TrimSpace(l.User.Label)
}

// metadata is one attribute in an answer; each question asks for some of its members.
type metadata struct {
	LogicalName      string
	AttributeType    string
	AttributeOf      string
	DisplayName      label
	IsCustom         managed `json:"IsCustomAttribute"`
	IsValidForRead   managed
	IsValidForCreate managed
	IsValidForUpdate managed
	IsSecured        managed
	MaxLength        int
	Format           string
	OptionSet        *struct {
		Options []struct {
			Value int
			Label label
		}
	}
}

const metadataType = "/Microsoft.Dynamics.CRM."

// catalogue returns the columns of the table, read once in the connector's life, in one call.
func (c *Connector) catalogue(ctx context.Context) (*catalogue, error) {
	if c.cat != nil {
		return c.cat, nil
	}
	table := "EntityDefinitions(LogicalName='" + c.logical + "')"
	of := func(kind, members string) string {
		return table + "/Attributes" + metadataType + kind + "AttributeMetadata" + query("$select", "LogicalName,"+members)
	}
	paths := []string{
		table + query("$select", "LogicalName,ChangeTrackingEnabled"),
		table + "/Attributes" + query("$select", "LogicalName,AttributeType,AttributeOf,DisplayName,IsCustomAttribute,IsValidForRead,IsValidForCreate,IsValidForUpdate,IsSecured"),
		of("String", "MaxLength,Format"),
		of("Memo", "MaxLength"),
		of("DateTime", "Format"),
		table + "/Attributes" + metadataType + "PicklistAttributeMetadata" + query("$select", "LogicalName", "$expand", "OptionSet"),
	}
	parts := make([]request, len(paths))
	for i, p := range paths {
		parts[i] = get(p)
		parts[i].right = "read the columns of " + c.people
	}
	answers, _, err := c.batch(ctx, parts)
	if err != nil {
		return nil, err
	}
	for i, a := range answers {
		if err := a.outcome(parts[i], false); err != nil {
			return nil, err
		}
	}
	var whole struct{ ChangeTrackingEnabled managed }
	if json.Unmarshal(answers[0].body, &whole) != nil {
		return nil, unsure(false, "it did not tell about its tables")
	}
	cat := &catalogue{columns: map[string]attribute{}, tracked: bool(whole.ChangeTrackingEnabled)}
	for i, a := range answers[1:] {
		var page struct {
			Value []metadata `json:"value"`
		}
		if json.Unmarshal(a.body, &page) != nil || i == 0 && len(page.Value) == 0 {
			return nil, unsure(false, "it did not tell the columns of its tables")
		}
		for _, m := range page.Value {
			cat.add(m, i == 0)
		}
	}
	slices.Sort(cat.order)
	c.cat = cat
	return cat, nil
}

// add takes what an answer says of a column; first says that it is the answer that has all of them.
func (cat *catalogue) add(m metadata, first bool) {
	a, known := cat.columns[m.LogicalName]
	switch {
	case m.LogicalName == "" || !first && !known:
		return
	case first:
		a = attribute{name: m.DisplayName.text(), kind: m.AttributeType, custom: bool(m.IsCustom), secured: bool(m.IsSecured),
			read: bool(m.IsValidForRead), write: bool(m.IsValidForCreate) && bool(m.IsValidForUpdate)}
		if a.custom && m.AttributeOf == "" {
			cat.order = append(cat.order, m.LogicalName)
		}
	case m.OptionSet != nil:
		for _, o := range m.OptionSet.Options {
			if text := o.Label.text(); text != "" && !slices.ContainsFunc(a.choices, func(c choice) bool { return c.label == text }) {
				a.choices = append(a.choices, choice{o.Value, text})
			}
		}
	default:
		if m.MaxLength > 0 {
			a.length = m.MaxLength
		}
		a.format = m.Format
	}
	cat.columns[m.LogicalName] = a
}

// has returns the column if it can be read.
func (cat *catalogue) has(column string) (attribute, bool) {
	a, ok := cat.columns[column]
	return a, ok && a.read
}

// of returns f with the slots that this organisation has; false if there is nothing left of it. Where a column is missing that could be
// written before, the others go on.
func (cat *catalogue) of(f field) (field, bool) {
	switch {
	case f.column != "":
		_, ok := cat.has(f.column)
		return f, ok
	case f.addresses:
		f.slots = slices.DeleteFunc(slices.Clone(f.slots), func(s slot) bool {
			for _, p := range addressColumns() {
				for _, c := range p.columns {
					if _, ok := cat.has(s.column + c); !ok {
						return true
					}
				}
			}
			return false
		})
	default:
		f.slots = slices.DeleteFunc(slices.Clone(f.slots), func(s slot) bool {
			_, ok := cat.has(s.column)
			return !ok
		})
	}
	return f, len(f.slots) > 0
}

// secured reports whether a column of f may be hidden from this user: then it is null for whoever may not see it, which is no emptiness.
func (cat *catalogue) secured(f field) bool {
	return slices.ContainsFunc(f.columns(), func(c string) bool { return cat.columns[c].secured })
}

// readOnly reports whether f cannot be written as a whole.
func (cat *catalogue) readOnly(f field) bool {
	return slices.ContainsFunc(f.columns(), func(c string) bool { return cat.columns[c].secured || !cat.columns[c].write })
}

// known are the fields of the table in this organisation: its own, then the custom ones.
func (c *Connector) known(cat *catalogue) []field {
	var out []field
	for _, f := range c.fields {
		if f, ok := cat.of(f); ok {
			out = append(out, f)
		}
	}
	for _, name := range cat.order {
		a, ok := cat.has(name)
		if kind, typed := a.neutral(); ok && typed {
			out = append(out, field{key: record.Custom(name), kind: kind, name: name, column: name})
		}
	}
	return out
}

// neutral is the neutral type of a custom column; false for those that are not synced: money, times of day, lookups, choices of several,
// files and pictures.
func (a attribute) neutral() (record.Type, bool) {
	switch a.kind {
	case "String":
		switch a.format {
		case "Email":
			return record.TypeEmail, true
		case "Phone":
			return record.TypePhone, true
		case "Url":
			return record.TypeURL, true
		}
		return record.TypeText, true
	case "Memo":
		return record.TypeLongText, true
	case "Integer", "BigInt", "Decimal", "Double":
		return record.TypeNumber, true
	case "Boolean":
		return record.TypeBool, true
	case "Picklist":
		return record.TypeChoice, len(a.choices) > 0
	case "DateTime":
		return record.TypeDate, a.format == "DateOnly"
	}
	return "", false
}

// keyOf is our key for a column that the vendor names.
func (c *Connector) keyOf(column string) (record.Key, bool) {
	if k, ok := c.columnKey(column); ok {
		return k, true
	}
	if c.cat != nil && slices.Contains(c.cat.order, column) {
		return record.Custom(column), true
	}
	return "", false
}

// selection is what a listing asks for.
func (c *Connector) selection(cat *catalogue) string {
	list := []string{c.key, columnState, columnMerged, columnMaster, columnOwner, columnCreated, columnModified}
	for _, f := range c.known(cat) {
		for _, col := range f.columns() {
			if f.employer {
				col = columnEmployer
			}
			if !f.addresses && f.column == "" && !c.offers(f, col) {
				continue
			}
			list = append(list, col)
		}
	}
	return strings.Join(list, ",")
}

func (c *Connector) offers(f field, column string) bool {
	return slices.ContainsFunc(f.slots, func(s slot) bool { return s.column == column })
}

// number reads a whole number of an answer.
func number(b json.RawMessage) (int, bool) {
	n, err := strconv.Atoi(string(b))
	return n, err == nil
}
