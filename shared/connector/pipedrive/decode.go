package pipedrive

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// raw is what Item.Raw holds: what an update needs beyond the neutral record.
type raw struct {
	given, family string
	org           num
	orgName       string
	// addresses are the postal address and those of custom fields, by the vendor's name.
	addresses map[string]*address
}

// reader turns persons into items.
type reader struct {
	cat    *catalogue
	fields []record.Key // nil: all
	orgs   map[num]string
}

func (r reader) wants(k record.Key) bool { return r.fields == nil || slices.Contains(r.fields, k) }

// item is the neutral form of p.
func (r reader) item(p *person, m connector.Membership) connector.Item {
	it := connector.Item{ID: p.ID.String(), Version: p.version(), Scope: m, Record: record.Record{Kind: record.Contact, Fields: record.Fields{}}}
	if t, err := time.Parse(time.RFC3339, p.Added); err == nil {
		it.Created = t.UTC()
	}
	k := raw{org: p.Org, orgName: r.orgs[p.Org], addresses: map[string]*address{}}
	k.given, k.family = name{p.Name, p.First, p.Last}.split()
	put := func(key record.Key, vs ...record.Value) {
		if r.wants(key) {
			it.Record.Fields[key] = vs
		}
	}
	text := func(key record.Key, s string) { put(key, values(s)...) }
	if p.tells("name") {
		text(record.NameGiven, k.given)
		text(record.NameFamily, k.family)
	}
	if p.tells("emails") {
		put(record.Email, labelled(p.Emails)...)
	}
	if p.tells("phones") {
		put(record.Phone, labelled(p.Phones)...)
	}
	if p.tells("org_id") && (p.Org == 0 || k.orgName != "") { // an organization that this user may not see has no name for us: it stays unknown
		text(record.OrgName, k.orgName)
	}
	if p.tells("picture_id") {
		text(record.Photo, pictureTag(p))
	}
	for _, o := range optional {
		f, custom, ok := r.cat.holder(o.key)
		if !ok {
			continue
		}
		if vs, known := r.optional(p, o.key, f, custom, k.addresses); known {
			put(o.key, vs...)
		}
	}
	for _, f := range r.cat.list {
		field, ok := r.cat.custom(f)
		if !ok || !p.tells("custom_fields") {
			continue
		}
		if vs, known := customValues(f, p.Custom[f.Code], k.addresses); known {
			put(field.Key, vs...)
		}
	}
	if !p.tells("name") {
		k.addresses = nil // an update has to read it first
	}
	it.Raw = k
	return it
}

func pictureTag(p *person) string {
	if p.Picture == 0 {
		return ""
	}
	return p.Picture.String()
}

// optional reads a field that not every company has, from its own member or from what Meibo made in its place. known is false for what
// was not told or cannot be read.
func (r reader) optional(p *person, key record.Key, f apiField, custom bool, kept map[string]*address) (vs []record.Value, known bool) {
	if custom {
		raw := p.Custom[f.Code]
		if key == record.IM {
			text, ok := customText(raw)
			return messengerLines(text), ok && p.tells("custom_fields")
		}
		vs, known = customValues(f, raw, kept)
		return vs, known && p.tells("custom_fields")
	}
	if !p.tells(f.Code) && !(key == record.IM && p.tells("ims")) {
		return nil, false
	}
	switch key {
	case record.IM:
		out := make([]record.Value, len(p.IM))
		for i, e := range p.IM {
			out[i] = messenger(e)
		}
		return out, true
	case record.Address:
		if p.Address == nil {
			return []record.Value{}, true
		}
		kept[f.Code] = p.Address
		return addressValues(*p.Address), true
	case record.Note:
		return values(p.Notes), true
	case record.Birthday:
		return values(p.Birthday), true
	}
	return values(p.Job), true
}

func values(s string) []record.Value {
	if s == "" {
		return []record.Value{}
	}
	return []record.Value{{Text: s}}
}

func addressValues(a address) []record.Value {
	if v := a.value(); !v.IsEmpty() {
		return []record.Value{v}
	}
	return []record.Value{}
}

func labelled(list []entry) []record.Value {
	out := make([]record.Value, len(list))
	for i, e := range list {
		out[i] = record.Value{Text: e.Value, Label: e.Label, Primary: e.Primary}
	}
	return out
}

// places are the labels of a messenger that say where it is used and not which one it is.
var places = []string{"", record.LabelWork, record.LabelHome, record.LabelOther}

// messenger reads a messenger: what Pipedrive calls its label is the service.
func messenger(e entry) record.Value {
	v := record.Value{Text: e.Value, Primary: e.Primary}
	if !slices.Contains(places, e.Label) {
		v.Parts = map[record.Part]string{record.PartService: e.Label}
	}
	return v
}

// messengerLines reads what messengerText wrote.
func messengerLines(text string) []record.Value {
	out := []record.Value{}
	for line := range strings.Lines(text) {
		service, handle, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if !ok {
			service, handle = "", service
		}
		if handle = strings.TrimSpace(handle); handle == "" {
			continue
		}
		v := record.Value{Text: handle}
		if service = strings.TrimSpace(service); service != "" {
			v.Parts = map[record.Part]string{record.PartService: service}
		}
		out = append(out, v)
	}
	return out
}

// messengerText is the text of a field that holds messengers, one a line: "service: handle".
func messengerText(vs []record.Value) string {
	lines := make([]string, len(vs))
	for i, v := range vs {
		switch service := v.Parts[record.PartService]; {
		case service != "":
			lines[i] = service + ": " + v.Text
		case strings.Contains(v.Text, ":"):
			lines[i] = ": " + v.Text
		default:
			lines[i] = v.Text
		}
	}
	return strings.Join(lines, "\n")
}

// customText reads a text; false for what is none.
func customText(b json.RawMessage) (string, bool) {
	var s string
	if len(b) > 0 && json.Unmarshal(b, &s) != nil {
		return "", false
	}
	return s, true
}

// customValues reads the value of a custom field; addresses are kept for a later write. known is false for a value that cannot be read,
// such as a choice that was added after the catalogue was read: it is not empty, and must not empty anything.
func customValues(f apiField, b json.RawMessage, kept map[string]*address) (vs []record.Value, known bool) {
	if len(b) == 0 {
		return []record.Value{}, true
	}
	switch customTypes[f.Type] {
	case record.TypeAddress:
		var a address
		if json.Unmarshal(b, &a) != nil {
			text, ok := customText(b)
			if !ok {
				return nil, false
			}
			a = address{Value: text}
		}
		kept[f.Code] = &a
		return addressValues(a), true
	case record.TypeChoice:
		label := f.label(b)
		return values(label), label != ""
	case record.TypeNumber:
		var n json.Number
		if json.Unmarshal(b, &n) != nil {
			return nil, false
		}
		return values(n.String()), true
	}
	text, ok := customText(b)
	return values(text), ok
}
