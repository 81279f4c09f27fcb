package hubspot

import (
	"maps"
	"slices"
	"strings"

	"meibo/shared/record"
)

// single are the neutral fields with one property.
var single = []struct {
	key  record.Key
	name string
	typ  record.Type
}{
	{record.NamePrefix, "salutation", record.TypeText}, {record.NameGiven, "firstname", record.TypeText}, {record.NameFamily, "lastname", record.TypeText},
	{record.OrgName, "company", record.TypeText}, {record.OrgTitle, "jobtitle", record.TypeText}, {record.URL, "website", record.TypeURL},
}

// phones are the places for telephone numbers, with the labels that belong there.
var phones = []struct {
	name   string
	labels []string
}{
	{"phone", []string{record.LabelWork, record.LabelMain}}, {"mobilephone", []string{record.LabelMobile}},
	{"fax", []string{record.LabelWorkFax, record.LabelHomeFax, record.LabelOtherFax}},
}

var addressParts = []struct {
	part record.Part
	name string
}{
	{record.PartStreet, "address"}, {record.PartCity, "city"}, {record.PartRegion, "state"}, {record.PartPostal, "zip"}, {record.PartCountry, "country"},
}

const birthProperty = "date_of_birth"

// read is the neutral reading of a contact. The text of date_of_birth has no fixed form, so that it is a birthday only where the
// property is a date.
func (p *portal) read(r *row) record.Record {
	f := record.Fields{}
	for _, s := range single {
		f.Set(s.key, r.Props.get(s.name))
	}
	f[record.Email], f[record.Phone], f[record.Address] = []record.Value{}, []record.Value{}, []record.Value{}
	if first := r.Props.get("email"); first != "" {
		f[record.Email] = append(f[record.Email], record.Value{Text: first, Primary: true})
	}
	for _, a := range strings.Split(r.Props.get("hs_additional_emails"), ";") {
		if a != "" {
			f[record.Email] = append(f[record.Email], record.Value{Text: a})
		}
	}
	for _, place := range phones {
		if text := r.Props.get(place.name); text != "" {
			f[record.Phone] = append(f[record.Phone], record.Value{Text: text, Label: place.labels[0]})
		}
	}
	parts := map[record.Part]string{}
	for _, a := range addressParts {
		if text := r.Props.get(a.name); text != "" {
			parts[a.part] = text
		}
	}
	if len(parts) > 0 {
		f[record.Address] = append(f[record.Address], record.Value{Parts: parts})
	}
	if p.BirthDates {
		f.Set(record.Birthday, r.Props.get(birthProperty))
	}
	for _, d := range p.Properties[contactKind.key] {
		if d.Archived == 0 {
			f[record.Custom(d.Name)] = d.read(r.Props.get(d.Name))
		}
	}
	return record.Record{Kind: record.Contact, Fields: f}
}

func (d *property) read(text string) []record.Value {
	out := []record.Value{}
	if text == "" {
		return out
	}
	if d.FieldType != "checkbox" {
		return append(out, record.Value{Text: d.shown(text)})
	}
	for _, v := range strings.Split(text, ";") {
		out = append(out, record.Value{Text: d.shown(v)})
	}
	return out
}

// shown is the label of a choice, which people see in place of the value; other values are shown as they are.
func (d *property) shown(value string) string {
	for _, o := range d.Options {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}

// chosen is the value of a choice by its label.
func (d *property) chosen(label string) string {
	for _, o := range d.Options {
		if o.Label == label {
			return o.Value
		}
	}
	return label
}

// writer enters neutral values as someone types them into HubSpot's page, and notes what has no place.
type writer struct {
	c       *call
	r       *row
	dropped []record.Key
}

func (w *writer) drop(k record.Key) {
	if !slices.Contains(w.dropped, k) {
		w.dropped = append(w.dropped, k)
	}
}

// enter changes r and returns the fields of which something has no place.
func (c *call) enter(r *row, fields record.Fields) []record.Key {
	w := &writer{c: c, r: r}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		w.field(k, fields[k])
	}
	return w.dropped
}

// set writes a property if HubSpot takes the value.
func (w *writer) set(k record.Key, name, text string) {
	d := w.c.p.property(&contactKind, name)
	kept, f := w.c.accept(w.c.p.contacts, d, w.r.Props.get(name), text)
	if f != nil {
		w.drop(k)
		return
	}
	w.r.Props = w.r.Props.with(name, kept)
}

func (w *writer) field(k record.Key, vs []record.Value) {
	for _, s := range single {
		if s.key == k {
			w.one(k, s.name, vs)
			return
		}
	}
	switch k {
	case record.Email:
		w.emails(vs)
	case record.Phone:
		w.phones(vs)
	case record.Address:
		w.address(vs)
	case record.Birthday:
		if w.c.p.BirthDates {
			w.one(k, birthProperty, vs)
		} else if len(vs) > 0 {
			w.drop(k)
		}
	default:
		w.custom(k, vs)
	}
}

// one writes the one value of a field; more are dropped.
func (w *writer) one(k record.Key, name string, vs []record.Value) {
	text := ""
	if len(vs) > 0 {
		text = vs[0].Text
	}
	if len(vs) > 1 {
		w.drop(k)
	}
	w.set(k, name, text)
}

// emails writes the first or the primary address and the additional ones. An address of another contact is dropped.
func (w *writer) emails(vs []record.Value) {
	first := max(slices.IndexFunc(vs, func(v record.Value) bool { return v.Primary }), 0)
	var good []string
	for i := range vs {
		if i == 0 {
			i = first
		} else if i <= first {
			i--
		}
		text := strings.TrimSpace(vs[i].Text)
		holder := w.c.p.contacts.holder("email", text)
		if !isEmail(text) || holder != 0 && holder != w.r.ID || slices.ContainsFunc(good, func(g string) bool { return fold(g) == fold(text) }) {
			w.drop(record.Email)
			continue
		}
		good = append(good, text)
	}
	email, others := "", ""
	if len(good) > 0 {
		email, others = good[0], strings.Join(good[1:], ";")
	}
	w.set(record.Email, "email", email)
	w.r.Props = w.r.Props.with("hs_additional_emails", others)
}

// phones writes numbers to the places of their labels, and others where there is room, in order.
func (w *writer) phones(vs []record.Value) {
	got := make([]string, len(phones))
	var rest []record.Value
	for _, v := range vs {
		i := slices.IndexFunc(phones, func(p struct {
			name   string
			labels []string
		}) bool {
			return slices.Contains(p.labels, v.Label)
		})
		if i < 0 || got[i] != "" {
			rest = append(rest, v)
			continue
		}
		got[i] = v.Text
	}
	for _, v := range rest {
		i := slices.Index(got[:2], "")
		if i < 0 {
			w.drop(record.Phone)
			continue
		}
		got[i] = v.Text
	}
	for i, p := range phones {
		w.set(record.Phone, p.name, got[i])
	}
}

func (w *writer) address(vs []record.Value) {
	var v record.Value
	if len(vs) > 0 {
		v = vs[0]
	}
	known := map[record.Part]bool{}
	for _, a := range addressParts {
		known[a.part] = true
		text := v.Parts[a.part]
		if a.part == record.PartStreet && len(v.Parts) == 0 {
			text = v.Text
		}
		w.set(record.Address, a.name, text)
	}
	for part, text := range v.Parts {
		if text != "" && !known[part] {
			w.drop(record.Address)
		}
	}
	if len(vs) > 1 {
		w.drop(record.Address)
	}
}

func (w *writer) custom(k record.Key, vs []record.Value) {
	name, custom := k.CustomName()
	d := w.c.p.custom[&contactKind][name]
	if !custom || d == nil || d.Archived != 0 {
		if len(vs) > 0 {
			w.drop(k)
		}
		return
	}
	if len(vs) > 1 && d.FieldType != "checkbox" {
		w.drop(k)
		vs = vs[:1]
	}
	var texts []string
	for _, v := range vs {
		texts = append(texts, d.chosen(v.Text))
	}
	w.set(k, name, strings.Join(texts, ";"))
}

// fieldList are the fields that the page offers.
func (p *portal) fieldList() []record.Field {
	var out []record.Field
	for _, s := range single {
		out = append(out, record.Field{Key: s.key, Type: s.typ, Name: builtins[&contactKind][s.name].Label, Max: 1, Length: textMost})
	}
	out = append(out,
		record.Field{Key: record.Email, Type: record.TypeEmail, Name: "Email"},
		record.Field{Key: record.Phone, Type: record.TypePhone, Name: "Phone number", Max: len(phones), Labelled: true},
		record.Field{Key: record.Address, Type: record.TypeAddress, Name: "Address", Max: 1})
	if p.BirthDates {
		out = append(out, record.Field{Key: record.Birthday, Type: record.TypeDate, Name: "Date of birth", Max: 1})
	}
	types := map[string]record.Type{"bool": record.TypeBool, "date": record.TypeDate, "number": record.TypeNumber, "enumeration": record.TypeChoice}
	for _, d := range p.Properties[contactKind.key] {
		if d.Archived != 0 {
			continue
		}
		f := record.Field{Key: record.Custom(d.Name), Type: record.TypeText, Name: d.Label, Custom: true, Max: 1}
		if t := types[d.Type]; t != "" {
			f.Type = t
		}
		if d.FieldType == "textarea" {
			f.Type = record.TypeLongText
		}
		if d.FieldType == "checkbox" {
			f.Max = len(d.Options)
		}
		for _, o := range d.Options {
			f.Choices = append(f.Choices, o.Label)
		}
		out = append(out, f)
	}
	return out
}
