package graph

import (
	"encoding/json"
	"slices"
	"strings"

	"meibo/shared/record"
)

// single are the neutral fields that are one text of a contact.
var single = []struct {
	key  record.Key
	kind kind
	name string
	typ  record.Type
}{
	{record.NamePrefix, kTitle, "Title", record.TypeText}, {record.NameGiven, kGivenName, "First name", record.TypeText},
	{record.NameMiddle, kMiddleName, "Middle name", record.TypeText}, {record.NameFamily, kSurname, "Last name", record.TypeText},
	{record.NameSuffix, kGeneration, "Suffix", record.TypeText}, {record.NamePhoneticGiven, kYomiGivenName, "Phonetic first name", record.TypeText},
	{record.NamePhoneticFamily, kYomiSurname, "Phonetic last name", record.TypeText}, {record.Nickname, kNickName, "Nickname", record.TypeText},
	{record.OrgName, kCompanyName, "Company", record.TypeText}, {record.OrgDepartment, kDepartment, "Department", record.TypeText},
	{record.OrgTitle, kJobTitle, "Job title", record.TypeText}, {record.URL, kBusinessHomePage, "Web page", record.TypeURL},
	{record.Note, kPersonalNotes, "Notes", record.TypeLongText},
}

// relations are the people around a contact, by label.
var relations = []struct {
	label string
	kind  kind
}{{"spouse", kSpouseName}, {"manager", kManager}, {"assistant", kAssistantName}}

// phones are the places of phone numbers, and which labels belong there.
var phones = []struct {
	kind   kind
	label  string
	accept []string
}{
	{kMobilePhone, record.LabelMobile, nil},
	{kBusinessPhones, record.LabelWork, []string{record.LabelMain, ""}},
	{kHomePhones, record.LabelHome, nil},
}

// addressPlace is where an address with a label is.
type addressPlace struct {
	kind  kind
	label string
}

// addresses are the places of addresses.
var addresses = []addressPlace{{kBusinessAddress, record.LabelWork}, {kHomeAddress, record.LabelHome}, {kOtherAddress, record.LabelOther}}

// partNames are the neutral parts of an address and their members, in the order of addressParts.
var partNames = [5]record.Part{record.PartStreet, record.PartCity, record.PartRegion, record.PartCountry, record.PartPostal}

// catalogue lists the fields of every contact, for the page.
func catalogue() []record.Field {
	var out []record.Field
	for _, f := range single {
		out = append(out, record.Field{Key: f.key, Type: f.typ, Name: f.name, Max: 1})
	}
	slot := func(label string, n int) (out []record.Slot) {
		for range n {
			out = append(out, record.Slot{Label: label})
		}
		return out
	}
	return append(out,
		record.Field{Key: record.Email, Type: record.TypeEmail, Name: "E-mail", Max: 3},
		record.Field{Key: record.Phone, Type: record.TypePhone, Name: "Phone", Slots: slices.Concat(slot(record.LabelMobile, 1), slot(record.LabelWork, 2), slot(record.LabelHome, 2))},
		record.Field{Key: record.Address, Type: record.TypeAddress, Name: "Address", Parts: partNames[:], Slots: slices.Concat(slot(record.LabelWork, 1), slot(record.LabelHome, 1), slot(record.LabelOther, 1))},
		record.Field{Key: record.IM, Type: record.TypeIM, Name: "Chat", Max: 3},
		record.Field{Key: record.Birthday, Type: record.TypeDate, Name: "Birthday", Max: 1, WholeDate: true},
		record.Field{Key: record.Relation, Type: record.TypeText, Name: "Related person", Labelled: true},
	)
}

// textOf decodes one text; "" where there is none.
func textOf(raw string) string {
	var s string
	if raw != "" {
		_ = json.Unmarshal([]byte(raw), &s) // the sandbox wrote it
	}
	return s
}

func textsOf(raw string) []string {
	var out []string
	if raw != "" {
		_ = json.Unmarshal([]byte(raw), &out) // the sandbox wrote it
	}
	return out
}

// neutral reads a contact. Every field is present.
func neutral(it *item) record.Fields {
	out := record.Fields{}
	for _, f := range catalogue() {
		out[f.Key] = []record.Value{}
	}
	for _, f := range single {
		out.Set(f.key, textOf(it.raw(f.kind)))
	}
	add := func(k record.Key, v record.Value) {
		if !v.IsEmpty() {
			out[k] = append(out[k], v)
		}
	}
	for _, m := range it.mails() {
		add(record.Email, record.Value{Text: m.Address})
	}
	for _, p := range phones {
		if p.kind == kMobilePhone {
			add(record.Phone, record.Value{Text: textOf(it.raw(p.kind)), Label: p.label})
			continue
		}
		for _, t := range textsOf(it.raw(p.kind)) {
			add(record.Phone, record.Value{Text: t, Label: p.label})
		}
	}
	for _, a := range addresses {
		var m map[string]*string
		if raw := it.raw(a.kind); raw != "" {
			_ = json.Unmarshal([]byte(raw), &m) // the sandbox wrote it
		}
		v := record.Value{Label: a.label, Parts: map[record.Part]string{}}
		for i, name := range addressParts() {
			if t := m[name]; t != nil && *t != "" {
				v.Parts[partNames[i]] = *t
			}
		}
		add(record.Address, v)
	}
	for _, t := range textsOf(it.raw(kIMAddresses)) {
		add(record.IM, record.Value{Text: t})
	}
	if t := textOf(it.raw(kBirthday)); t != "" {
		out.Set(record.Birthday, t[:10])
	}
	for _, r := range relations {
		add(record.Relation, record.Value{Text: textOf(it.raw(r.kind)), Label: r.label})
	}
	for _, t := range textsOf(it.raw(kChildren)) {
		add(record.Relation, record.Value{Text: t, Label: "child"})
	}
	return out
}

// edited returns props with fields replaced as a person would in Outlook, and the keys of which something has no place there.
func (s *Sandbox) edited(props []prop, fields record.Fields) ([]prop, []record.Key, *apiError) {
	var dropped []record.Key
	before, names := props, nameText(props)
	keys := make([]record.Key, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		sets, whole := placeValues(k, fields[k], props)
		if !whole {
			dropped = append(dropped, k)
		}
		for kind, v := range sets {
			raw, e := s.value(s.properties[kind], json.RawMessage(v))
			if e != nil {
				return nil, nil, e
			}
			props = with(props, kind, raw)
		}
	}
	if nameText(props) != names {
		props = refile(before, with(props, kDisplayName, displayName(props)))
	}
	return props, dropped, nil
}

func nameText(props []prop) string { return strings.Join(partsOf(props, nameParts()...), "\x00") }

// placeValues says which properties become what (as JSON) when a field gets these values, and whether all of them found a place.
func placeValues(k record.Key, vals []record.Value, have []prop) (sets map[kind]string, whole bool) {
	vals = slices.DeleteFunc(slices.Clone(vals), record.Value.IsEmpty)
	for _, f := range single {
		if f.key == k {
			return map[kind]string{f.kind: firstText(vals)}, len(vals) < 2
		}
	}
	switch k {
	case record.Email:
		return placeMails(vals, have)
	case record.Phone:
		return placePhones(vals)
	case record.Address:
		return placeAddresses(vals)
	case record.IM:
		list := textList(vals)
		n := min(len(list), 3)
		return map[kind]string{kIMAddresses: encode(list[:n])}, n == len(list)
	case record.Birthday:
		if len(vals) == 0 {
			return map[kind]string{kBirthday: "null"}, true
		}
		if t := vals[0].Text; len(t) == 10 {
			return map[kind]string{kBirthday: encode(t)}, len(vals) == 1
		}
		return nil, false
	case record.Relation:
		return placeRelations(vals)
	}
	return nil, len(vals) == 0
}

func firstText(vals []record.Value) string {
	if len(vals) == 0 {
		return "null"
	}
	return encode(vals[0].Text)
}

func textList(vals []record.Value) []string {
	out := []string{}
	for _, v := range vals {
		out = append(out, v.Text)
	}
	return out
}

// placeMails keeps the display names of addresses that stay.
func placeMails(vals []record.Value, have []prop) (map[kind]string, bool) {
	old, list := (&item{props: have}).mails(), []mail{}
	for _, v := range vals[:min(len(vals), 3)] {
		m := mail{Address: v.Text, Name: v.Text}
		if i := slices.IndexFunc(old, func(o mail) bool { return o.Address == v.Text }); i >= 0 {
			m.Name = old[i].Name
		}
		list = append(list, m)
	}
	return map[kind]string{kEmailAddresses: encode(list)}, len(vals) <= 3
}

func placePhones(vals []record.Value) (map[kind]string, bool) {
	taken, whole := map[kind][]string{}, true
	room := map[kind]int{kMobilePhone: 1, kBusinessPhones: 2, kHomePhones: 2}
	put := func(k kind, t string) bool {
		if len(taken[k]) == room[k] {
			return false
		}
		taken[k] = append(taken[k], t)
		return true
	}
	for _, v := range vals {
		done := false
		for _, p := range phones {
			if !done && (p.label == v.Label || slices.Contains(p.accept, v.Label)) {
				done = put(p.kind, v.Text)
			}
		}
		// Outlook has fields for fax and pager too, but Graph does not show them.
		if !done && v.Label == record.LabelOther {
			done = put(kHomePhones, v.Text)
		}
		whole = whole && done
	}
	sets := map[kind]string{kMobilePhone: "null", kBusinessPhones: encode(append([]string{}, taken[kBusinessPhones]...)), kHomePhones: encode(append([]string{}, taken[kHomePhones]...))}
	if m := taken[kMobilePhone]; len(m) > 0 {
		sets[kMobilePhone] = encode(m[0])
	}
	return sets, whole
}

func placeAddresses(vals []record.Value) (map[kind]string, bool) {
	sets, whole, used := map[kind]string{}, true, map[kind]bool{}
	for _, a := range addresses {
		sets[a.kind] = "null"
	}
	for _, v := range vals {
		i := slices.IndexFunc(addresses, func(a addressPlace) bool { return a.label == v.Label && !used[a.kind] })
		if i < 0 && v.Label != record.LabelWork && v.Label != record.LabelHome && !used[kOtherAddress] {
			i = 2
		}
		if i < 0 || len(v.Parts) == 0 {
			whole = false
			continue
		}
		m := map[string]string{}
		for j, name := range addressParts() {
			if t := v.Parts[partNames[j]]; t != "" {
				m[name] = t
			}
		}
		for p, t := range v.Parts {
			known := slices.Contains(partNames[:], p) || p == record.PartCountryCode && v.Parts[record.PartCountry] != ""
			whole = whole && (known || t == "")
		}
		used[addresses[i].kind] = true
		sets[addresses[i].kind] = encode(m)
	}
	return sets, whole
}

func placeRelations(vals []record.Value) (map[kind]string, bool) {
	sets, children, whole := map[kind]string{}, []string{}, true
	for _, r := range relations {
		sets[r.kind] = "null"
	}
	for _, v := range vals {
		done := false
		for _, r := range relations {
			if r.label == v.Label && sets[r.kind] == "null" {
				sets[r.kind], done = encode(v.Text), true
			}
		}
		if v.Label == "child" {
			children, done = append(children, v.Text), true
		}
		whole = whole && done
	}
	sets[kChildren] = encode(children)
	return sets, whole
}
