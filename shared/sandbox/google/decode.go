package google

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// item is one value of a field, decoded: strings, bools, int64s and dates by member name. Empty members are absent.
type item map[string]any

// dateValue is google.type.Date as the People API spells it.
type dateValue struct {
	Year  int `json:"year,omitempty"`
	Month int `json:"month,omitempty"`
	Day   int `json:"day,omitempty"`
}

// values are the items of one field. primary is the index of the one that the client marked sourcePrimary, or -1.
type values struct {
	items   []item
	primary int
}

// personBody is a Person that a client sent, with what the service ignores left out.
type personBody struct {
	resourceName, etag string
	// hasContact tells that metadata.sources has a CONTACT entry; sourceID and sourceEtag are of it.
	hasContact           bool
	sourceID, sourceEtag string

	fields map[kind]values
	groups []string // resource names from memberships
	// groupless tells that memberships held an item without a contact group's name.
	groupless bool
}

// parseJSON reads one JSON value; numbers stay json.Number.
func parseJSON(b []byte) (any, *apiError) {
	if !utf8.Valid(b) {
		return nil, badPayload("The text is not UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, badPayload("Unexpected token. %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, badPayload("Unexpected data after the value.")
	}
	return v, nil
}

func at(path string) string {
	if path == "" {
		return ""
	}
	return " at '" + path + "'"
}

func unknown(path, name string) *apiError {
	return badPayload("Unknown name %q%s: Cannot find field.", name, at(path))
}

func wrongType(path, want string) *apiError {
	return badPayload("Invalid value%s (%s)", at(path), want)
}

func sub(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// object reads v as an object whose members are all in allowed (nil allows any).
func object(v any, path string, allowed ...string) (map[string]any, *apiError) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, wrongType(path, "an object")
	}
	if allowed != nil {
		for k := range m {
			if !slices.Contains(allowed, k) {
				return nil, unknown(path, k)
			}
		}
	}
	return m, nil
}

func str(m map[string]any, name, path string) (string, *apiError) {
	v, ok := m[name]
	if !ok || v == nil {
		return "", nil
	}
	s, ok := v.(string)
	if !ok {
		return "", wrongType(sub(path, name), "TYPE_STRING")
	}
	return s, nil
}

func boolOf(m map[string]any, name, path string) (bool, *apiError) {
	v, ok := m[name]
	if !ok || v == nil {
		return false, nil
	}
	b, ok := v.(bool)
	if !ok {
		return false, wrongType(sub(path, name), "TYPE_BOOL")
	}
	return b, nil
}

func intOf(m map[string]any, name, path string) (int, *apiError) {
	v, ok := m[name]
	if !ok || v == nil {
		return 0, nil
	}
	n, ok := v.(json.Number)
	if !ok {
		return 0, wrongType(sub(path, name), "TYPE_INT32")
	}
	i, err := n.Int64()
	if err != nil || i != int64(int32(i)) {
		return 0, wrongType(sub(path, name), "TYPE_INT32")
	}
	return int(i), nil
}

func array(m map[string]any, name, path string) ([]any, *apiError) {
	v, ok := m[name]
	if !ok || v == nil {
		return nil, nil
	}
	a, ok := v.([]any)
	if !ok {
		return nil, wrongType(sub(path, name), "an array")
	}
	return a, nil
}

func strs(m map[string]any, name, path string) ([]string, *apiError) {
	a, e := array(m, name, path)
	if e != nil {
		return nil, e
	}
	out := make([]string, len(a))
	for i, v := range a {
		s, ok := v.(string)
		if !ok {
			return nil, wrongType(fmt.Sprintf("%s[%d]", sub(path, name), i), "TYPE_STRING")
		}
		out[i] = s
	}
	return out, nil
}

func dateOf(v any, path string) (dateValue, *apiError) {
	m, e := object(v, path, "year", "month", "day")
	if e != nil {
		return dateValue{}, e
	}
	var d dateValue
	for name, p := range map[string]*int{"year": &d.Year, "month": &d.Month, "day": &d.Day} {
		if *p, e = intOf(m, name, path); e != nil {
			return d, e
		}
	}
	return d, nil
}

// person reads a Person. It refuses what does not fit the message; what the message allows and the service does not is for check.
func (s *schema) person(v any, path string) (personBody, *apiError) {
	p := personBody{fields: map[kind]values{}}
	m, e := object(v, path)
	if e != nil {
		return p, e
	}
	for name, v := range m {
		at := sub(path, name)
		switch k, field := s.byName[name]; {
		case field && k == kMemberships:
			e = p.memberships(m, path)
		case field:
			e = p.field(s.fields[k], k, m, path)
		case name == "resourceName":
			p.resourceName, e = str(m, name, path)
		case name == "etag":
			p.etag, e = str(m, name, path)
		case name == "metadata":
			e = p.metadata(v, at)
		case name == "ageRange":
			_, e = str(m, name, path)
		default:
			e = unknown(path, name)
		}
		if e != nil {
			return p, e
		}
	}
	return p, nil
}

func (p *personBody) metadata(v any, path string) *apiError {
	m, e := object(v, path, "sources", "previousResourceNames", "linkedPeopleResourceNames", "deleted", "objectType")
	if e != nil {
		return e
	}
	sources, e := array(m, "sources", path)
	if e != nil {
		return e
	}
	for i, v := range sources {
		at := fmt.Sprintf("%s[%d]", sub(path, "sources"), i)
		src, e := sourceOf(v, at)
		if e != nil {
			return e
		}
		if src.typ == "CONTACT" {
			if p.hasContact {
				return invalid("person.metadata.sources has more than one CONTACT source.")
			}
			p.hasContact, p.sourceID, p.sourceEtag = true, src.id, src.etag
		}
	}
	return nil
}

type source struct{ typ, id, etag string }

func sourceOf(v any, path string) (source, *apiError) {
	var s source
	m, e := object(v, path, "type", "id", "etag", "updateTime", "profileMetadata")
	if e != nil {
		return s, e
	}
	for name, p := range map[string]*string{"type": &s.typ, "id": &s.id, "etag": &s.etag} {
		if *p, e = str(m, name, path); e != nil {
			return s, e
		}
	}
	if !slices.Contains([]string{"", "SOURCE_TYPE_UNSPECIFIED", "ACCOUNT", "PROFILE", "DOMAIN_PROFILE", "CONTACT", "OTHER_CONTACT", "DOMAIN_CONTACT"}, s.typ) {
		return s, wrongType(sub(path, "type"), "TYPE_ENUM")
	}
	return s, nil
}

// itemMetadata reads a FieldMetadata. foreign tells that the item is not of the CONTACT source.
func itemMetadata(m map[string]any, path string) (primary, foreign bool, e *apiError) {
	v, ok := m["metadata"]
	if !ok || v == nil {
		return false, false, nil
	}
	path = sub(path, "metadata")
	meta, e := object(v, path, "primary", "sourcePrimary", "verified", "source")
	if e != nil {
		return false, false, e
	}
	for _, name := range []string{"primary", "verified"} {
		if _, e = boolOf(meta, name, path); e != nil {
			return false, false, e
		}
	}
	if primary, e = boolOf(meta, "sourcePrimary", path); e != nil {
		return false, false, e
	}
	if src, ok := meta["source"]; ok && src != nil {
		s, e := sourceOf(src, sub(path, "source"))
		if e != nil {
			return false, false, e
		}
		foreign = s.typ != "" && s.typ != "CONTACT"
	}
	return primary, foreign, nil
}

func (p *personBody) field(def fieldDef, k kind, m map[string]any, path string) *apiError {
	list, e := array(m, def.name, path)
	if e != nil {
		return e
	}
	got := values{primary: -1}
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", sub(path, def.name), i)
		raw, e := object(v, at)
		if e != nil {
			return e
		}
		primary, foreign, e := itemMetadata(raw, at)
		if e != nil {
			return e
		}
		it, e := def.item(raw, at)
		if e != nil {
			return e
		}
		// What comes from a profile is not the contact's, and the service ignores it.
		if foreign {
			continue
		}
		if primary {
			if got.primary >= 0 {
				return invalid("%s: more than one item is sourcePrimary.", def.name)
			}
			got.primary = len(got.items)
		}
		got.items = append(got.items, it)
	}
	if !def.output {
		p.fields[k] = got
	}
	return nil
}

func (d fieldDef) member(name string) (member, bool) {
	for _, m := range d.members {
		if m.name == name {
			return m, true
		}
	}
	return member{}, false
}

// item reads one item, leaves out what is empty or output only, and checks types.
func (d fieldDef) item(raw map[string]any, path string) (item, *apiError) {
	it := item{}
	for name, v := range raw {
		if name == "metadata" {
			continue
		}
		m, ok := d.member(name)
		if !ok {
			return nil, unknown(path, name)
		}
		got, empty, e := m.value(raw, v, path)
		if e != nil {
			return nil, e
		}
		if !empty && !m.output {
			it[name] = got
		}
	}
	return it, nil
}

func (m member) value(raw map[string]any, v any, path string) (got any, empty bool, e *apiError) {
	switch m.typ {
	case boolean:
		b, e := boolOf(raw, m.name, path)
		return b, !b, e
	case int32s:
		n, e := intOf(raw, m.name, path)
		return n, n == 0, e
	case date:
		if v == nil {
			return nil, true, nil
		}
		d, e := dateOf(v, sub(path, m.name))
		return d, d == dateValue{}, e
	case choice:
		s, e := str(raw, m.name, path)
		if e == nil && s != "" && !slices.Contains(m.choices, s) {
			e = wrongType(sub(path, m.name), "TYPE_ENUM")
		}
		return s, s == "", e
	default:
		s, e := str(raw, m.name, path)
		return s, s == "", e
	}
}

func (p *personBody) memberships(m map[string]any, path string) *apiError {
	list, e := array(m, "memberships", path)
	if e != nil {
		return e
	}
	p.fields[kMemberships] = values{primary: -1}
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", sub(path, "memberships"), i)
		raw, e := object(v, at, "metadata", "contactGroupMembership", "domainMembership")
		if e != nil {
			return e
		}
		_, foreign, e := itemMetadata(raw, at)
		if e != nil {
			return e
		}
		if dm, ok := raw["domainMembership"]; ok {
			if _, e := object(dm, sub(at, "domainMembership"), "inViewerDomain"); e != nil {
				return e
			}
		}
		gm, ok := raw["contactGroupMembership"]
		if !ok || foreign {
			continue
		}
		group, e := object(gm, sub(at, "contactGroupMembership"), "contactGroupId", "contactGroupResourceName")
		if e != nil {
			return e
		}
		if _, e := str(group, "contactGroupId", at); e != nil {
			return e
		}
		name, e := str(group, "contactGroupResourceName", at)
		if e != nil {
			return e
		}
		if name == "" {
			p.groupless = true
			continue
		}
		if !slices.Contains(p.groups, name) {
			p.groups = append(p.groups, name)
		}
	}
	return nil
}
