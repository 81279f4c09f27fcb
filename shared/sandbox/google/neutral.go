package google

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"meibo/shared/record"
)

// list says where a neutral field with values of its own is in a person: which field, and which member holds the text.
type list struct {
	key    record.Key
	name   string
	typ    record.Type
	kind   kind
	member string
	single bool
	labels bool
}

var lists = []list{
	{record.Nickname, "Nickname", record.TypeText, kNicknames, "value", false, false},
	{record.Email, "E-mail", record.TypeEmail, kEmailAddresses, "value", false, true},
	{record.Phone, "Phone", record.TypePhone, kPhoneNumbers, "value", false, true},
	{record.Address, "Address", record.TypeAddress, kAddresses, "formattedValue", false, true},
	{record.IM, "Chat", record.TypeIM, kIMClients, "username", false, true},
	{record.URL, "Website", record.TypeURL, kURLs, "value", false, true},
	{record.Birthday, "Birthday", record.TypeDate, kBirthdays, "date", true, false},
	{record.Event, "Significant date", record.TypeDate, kEvents, "date", false, true},
	{record.Relation, "Related person", record.TypeText, kRelations, "person", false, true},
	{record.Note, "Notes", record.TypeLongText, kBiographies, "value", true, false},
}

// parts are the neutral fields that are a member of the one name, or of the current organization.
var parts = []struct {
	key    record.Key
	name   string
	kind   kind
	member string
}{
	{record.NamePrefix, "Prefix", kNames, "honorificPrefix"},
	{record.NameGiven, "First name", kNames, "givenName"},
	{record.NameMiddle, "Middle name", kNames, "middleName"},
	{record.NameFamily, "Last name", kNames, "familyName"},
	{record.NameSuffix, "Suffix", kNames, "honorificSuffix"},
	{record.NamePhoneticGiven, "Phonetic first name", kNames, "phoneticGivenName"},
	{record.NamePhoneticMiddle, "Phonetic middle name", kNames, "phoneticMiddleName"},
	{record.NamePhoneticFamily, "Phonetic last name", kNames, "phoneticFamilyName"},
	{record.OrgName, "Company", kOrganizations, "name"},
	{record.OrgDepartment, "Department", kOrganizations, "department"},
	{record.OrgTitle, "Job title", kOrganizations, "title"},
}

var addressMembers = map[record.Part]string{
	record.PartPOBox: "poBox", record.PartExtended: "extendedAddress", record.PartStreet: "streetAddress", record.PartCity: "city",
	record.PartRegion: "region", record.PartPostal: "postalCode", record.PartCountry: "country", record.PartCountryCode: "countryCode",
}

// spellings are the labels that Google spells in its own way.
var spellings = map[string]string{record.LabelHomeFax: "homeFax", record.LabelWorkFax: "workFax", record.LabelOtherFax: "otherFax"}

func toType(label string) string {
	if t, ok := spellings[label]; ok {
		return t
	}
	return label
}

func toLabel(typ string) string {
	for l, t := range spellings {
		if t == typ {
			return l
		}
	}
	return typ
}

func dateText(d dateValue) string {
	if d.Year == 0 {
		return fmt.Sprintf("--%02d-%02d", d.Month, d.Day)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

func parseDate(s string) (dateValue, bool) {
	year, rest := 0, ""
	if strings.HasPrefix(s, "--") && len(s) == 7 {
		rest = s[2:]
	} else if len(s) == 10 && s[4] == '-' {
		y, err := strconv.Atoi(s[:4])
		if err != nil || y == 0 {
			return dateValue{}, false
		}
		year, rest = y, s[5:]
	} else {
		return dateValue{}, false
	}
	m, err1 := strconv.Atoi(rest[:2])
	d, err2 := strconv.Atoi(rest[3:])
	v := dateValue{year, m, d}
	return v, err1 == nil && err2 == nil && rest[2] == '-' && v.day()
}

// decoded returns the items of one field; stored text that does not parse would be a defect of store.
func (s *schema) decoded(v *version, k kind) (values, error) {
	f, _ := v.field(k)
	vs := values{primary: f.primary}
	for _, text := range f.items {
		it, err := s.fields[k].decode(text)
		if err != nil {
			return vs, err
		}
		vs.items = append(vs.items, it)
	}
	return vs, nil
}

// current is the index of the organization that counts: the first that says current, else the first.
func current(items []item) int {
	return max(slices.IndexFunc(items, func(it item) bool { return it["current"] == true }), 0)
}

// neutral reads v. Every field that Google has is present, and of custom ones those that the contact has.
func (s *schema) neutral(v *version) (record.Fields, error) {
	out := record.Fields{}
	for _, p := range parts {
		vs, err := s.decoded(v, p.kind)
		if err != nil {
			return nil, err
		}
		out[p.key] = []record.Value{}
		i := 0
		if p.kind == kOrganizations {
			i = current(vs.items)
		}
		if i < len(vs.items) {
			out.Set(p.key, vs.items[i].text(p.member))
		}
	}
	for _, l := range lists {
		vs, err := s.decoded(v, l.kind)
		if err != nil {
			return nil, err
		}
		out[l.key] = []record.Value{}
		for i, it := range vs.items {
			if val := l.value(it); !val.IsEmpty() {
				val.Primary = i == vs.primary
				out[l.key] = append(out[l.key], val)
			}
		}
	}
	vs, err := s.decoded(v, kUserDefined)
	if err != nil {
		return nil, err
	}
	for _, it := range vs.items {
		k := record.Custom(it.text("key"))
		out[k] = append(out[k], record.Value{Text: it.text("value")})
	}
	return out, nil
}

func (l list) value(it item) record.Value {
	v := record.Value{Text: it.text(l.member)}
	if l.labels {
		v.Label = toLabel(it.text("type"))
	}
	if d, ok := it[l.member].(dateValue); ok {
		v.Text = dateText(d)
	}
	switch l.kind {
	case kIMClients:
		if p := it.text("protocol"); p != "" {
			v.Parts = map[record.Part]string{record.PartService: p}
		}
	case kAddresses:
		for part, m := range addressMembers {
			if s := it.text(m); s != "" {
				if v.Parts == nil {
					v.Parts = map[record.Part]string{}
				}
				v.Parts[part] = s
			}
		}
		if v.Parts != nil {
			v.Text = ""
		}
	}
	return v
}

// item makes val an item, starting from the one that the contact has for it. ok is false when Google cannot hold it.
func (l list) item(val record.Value, have []item) (it item, ok bool) {
	it = item{}
	for _, h := range have {
		if old := l.value(h); old.Text == val.Text && samePartsBut(old, val) {
			for k, v := range h {
				it[k] = v
			}
			break
		}
	}
	if l.labels {
		it.set("type", toType(val.Label))
	}
	switch l.kind {
	case kBirthdays, kEvents:
		d, ok := parseDate(val.Text)
		it[l.member] = d
		return it, ok
	case kIMClients:
		it.set("protocol", val.Parts[record.PartService])
	case kAddresses:
		return l.address(it, val)
	}
	it.set(l.member, val.Text)
	return it, val.Text != ""
}

func samePartsBut(a, b record.Value) bool {
	for p := range addressMembers {
		if a.Parts[p] != b.Parts[p] {
			return false
		}
	}
	return true
}

func (l list) address(it item, val record.Value) (item, bool) {
	parts := false
	for part, m := range addressMembers {
		it.set(m, val.Parts[part])
		parts = parts || val.Parts[part] != ""
	}
	// The formatted form is made anew from the parts, or is all there is.
	it.set("formattedValue", "")
	if !parts {
		it.set("formattedValue", val.Text)
	}
	return it, parts || val.Text != ""
}

// draft is a version that is being edited: the decoded fields that were looked at so far.
type draft struct {
	s      *schema
	v      *version
	fields map[kind]*values
}

func (d *draft) load(k kind) (*values, error) {
	if vs, ok := d.fields[k]; ok {
		return vs, nil
	}
	vs, err := d.s.decoded(d.v, k)
	d.fields[k] = &vs
	return &vs, err
}

// edited returns v with fields replaced as a person would through Google's pages, and the keys of which something was left out.
func (s *schema) edited(v version, fields record.Fields, region string) (version, []record.Key, error) {
	d := &draft{s: s, v: &v, fields: map[kind]*values{}}
	var dropped []record.Key
	keys := make([]record.Key, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		left, err := d.change(key, fields[key])
		if err != nil {
			return v, nil, err
		}
		if left {
			dropped = append(dropped, key)
		}
	}
	for k, vs := range d.fields {
		// A name or an organization that lost its last member is gone.
		if n := len(vs.items); n > 0 && (k == kNames || k == kOrganizations) {
			need := s.fields[k].need
			vs.items = slices.DeleteFunc(vs.items, func(it item) bool {
				return !slices.ContainsFunc(need, func(n string) bool { return it.text(n) != "" })
			})
			if len(vs.items) < n {
				vs.primary = -1
			}
		}
		f, e := s.store(k, *vs, region)
		if e != nil {
			return v, nil, e
		}
		v.fields = withField(v.fields, f)
	}
	return v, dropped, nil
}

// change puts vals into the field that key is in. left tells that something was left out.
func (d *draft) change(key record.Key, vals []record.Value) (left bool, err error) {
	for _, p := range parts {
		if p.key == key {
			have, err := d.load(p.kind)
			text := ""
			if len(vals) > 0 {
				text = vals[0].Text
			}
			d.fields[p.kind] = withPart(*have, p.kind, p.member, text)
			return len(vals) > 1, err
		}
	}
	for _, l := range lists {
		if l.key == key {
			have, err := d.load(l.kind)
			d.fields[l.kind], left = l.values(vals, have.items)
			return left, err
		}
	}
	if name, ok := key.CustomName(); ok && name != "" {
		have, err := d.load(kUserDefined)
		d.fields[kUserDefined], left = customValues(name, vals, have.items)
		return left, err
	}
	return len(vals) > 0, nil
}

func withPart(have values, k kind, member, text string) *values {
	i := 0
	if k == kOrganizations {
		i = current(have.items)
	}
	if i == len(have.items) {
		have.items = append(have.items, item{})
	}
	it := have.items[i]
	it.set(member, text)
	if k == kNames {
		it.set("unstructuredName", "") // made anew
	}
	return &have
}

func (l list) values(vals []record.Value, have []item) (*values, bool) {
	vs, left := &values{primary: -1}, false
	for _, val := range vals {
		it, ok := l.item(val, have)
		if !ok || (l.single && len(vs.items) == 1) {
			left = true
			continue
		}
		if val.Primary && vs.primary < 0 {
			vs.primary = len(vs.items)
		}
		vs.items = append(vs.items, it)
	}
	return vs, left
}

func customValues(name string, vals []record.Value, have []item) (*values, bool) {
	vs, left := &values{primary: -1}, false
	for _, it := range have {
		if it.text("key") != name {
			vs.items = append(vs.items, it)
		}
	}
	for _, val := range vals {
		if val.Text == "" {
			left = true
			continue
		}
		vs.items = append(vs.items, item{"key": name, "value": val.Text})
	}
	return vs, left
}
