package pipedrive

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"meibo/shared/record"
)

// noName is what a person types where Pipedrive wants a name and there is none. It reads as none.
const noName = "-"

// read is the neutral reading of a person. The fields of contact sync are unknown where it was not set up.
func (o *company) read(r *row) record.Record {
	f := record.Fields{}
	given, family := r.neutralName()
	f.Set(record.NameGiven, given)
	f.Set(record.NameFamily, family)
	f[record.Email], f[record.Phone] = readEntries(r.Emails), readEntries(r.Phones)
	f.Set(record.OrgName, "")
	if org := o.orgs.rows[r.Org]; org != nil {
		f.Set(record.OrgName, org.Name)
	}
	if o.ContactSync {
		f.Set(record.Note, r.Notes)
		f.Set(record.Birthday, r.Birthday)
		f.Set(record.OrgTitle, r.JobTitle)
		f[record.Address] = r.Address.read()
		f[record.IM] = readEntries(r.IM)
		for i, v := range f[record.IM] {
			f[record.IM][i].Parts = map[record.Part]string{record.PartService: v.Label}
		}
	}
	for _, d := range o.Fields {
		f[record.Custom(d.Code)] = d.read(r.Custom[d.Code])
	}
	return record.Record{Kind: record.Contact, Fields: f}
}

func readEntries(es []entry) []record.Value {
	out := []record.Value{}
	for _, e := range es {
		out = append(out, record.Value{Text: e.Value, Label: e.Label, Primary: e.Primary})
	}
	return out
}

// addressPart is one part of an address and its place.
type addressPart struct {
	part record.Part
	at   func(*address) **string
}

// addressParts are the places that hold a whole part. The street has two places: see street.
var addressParts = []addressPart{
	{record.PartExtended, func(a *address) **string { return &a.Subpremise }},
	{record.PartCity, func(a *address) **string { return &a.Locality }},
	{record.PartRegion, func(a *address) **string { return &a.Area1 }},
	{record.PartPostal, func(a *address) **string { return &a.Postal }},
	{record.PartCountry, func(a *address) **string { return &a.Country }},
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// read is an address in parts, or as text when the vendor has no parts of it.
func (a *address) read() []record.Value {
	if a == nil {
		return []record.Value{}
	}
	parts := map[record.Part]string{}
	if street := joined(orEmpty(a.Route), orEmpty(a.Number)); street != "" {
		parts[record.PartStreet] = street
	}
	for _, p := range addressParts {
		if v := orEmpty(*p.at(a)); v != "" {
			parts[p.part] = v
		}
	}
	if len(parts) == 0 {
		return []record.Value{{Text: a.Value}}
	}
	return []record.Value{{Parts: parts}}
}

func (f *field) read(raw json.RawMessage) []record.Value {
	out := []record.Value{}
	var text string
	switch {
	case raw == nil:
	case f.Type == "enum" || f.Type == "set":
		for _, id := range optionIDs(raw) {
			out = append(out, record.Value{Text: labelOf(f.Options, id)})
		}
	case json.Unmarshal(raw, &text) == nil:
		out = append(out, record.Value{Text: text})
	default:
		out = append(out, record.Value{Text: string(raw)})
	}
	return out
}

// writer puts neutral values into a person as someone would enter them in Pipedrive's page, and notes what has no place.
type writer struct {
	c       *call
	r       *row
	dropped []record.Key
	given   string
	family  string
}

func (w *writer) drop(k record.Key) {
	if !slices.Contains(w.dropped, k) {
		w.dropped = append(w.dropped, k)
	}
}

// write changes r and returns the fields of which something has no place.
func (c *call) write(r *row, fields record.Fields) []record.Key {
	w := &writer{c: c, r: r}
	w.given, w.family = r.neutralName()
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		w.field(k, fields[k])
	}
	r.typeName(w.given, w.family)
	return w.dropped
}

// neutralName is how a person reads the two parts: family name first where the name is written in Chinese characters, kana or hangul. A part
// that is noName is none.
func (r *row) neutralName() (given, family string) {
	first, last := r.First, r.Last
	if first == noName {
		first = ""
	}
	if eastern(r.Name) {
		return last, first
	}
	return first, last
}

// typeName is how a person types a name: in that order, and with noName where there is no first part for an eastern one.
func (r *row) typeName(given, family string) {
	r.First, r.Last = given, family
	if eastern(given + family) {
		r.First, r.Last = family, given
	}
	if r.First == "" && (r.Last == "" || eastern(r.Last)) {
		r.First = noName
	}
	r.Name = joined(r.First, r.Last)
}

// eastern reports whether all letters of a name are Chinese characters, kana or hangul.
func eastern(name string) bool {
	letters := false
	for _, c := range name {
		switch {
		case unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul), c == 'ー', c == 'ｰ':
			letters = true
		case unicode.IsLetter(c):
			return false
		}
	}
	return letters
}

func (w *writer) field(k record.Key, vs []record.Value) {
	r := w.r
	switch k {
	case record.NameGiven:
		w.text(k, vs, &w.given, textMost)
	case record.NameFamily:
		w.text(k, vs, &w.family, textMost)
	case record.Email:
		r.Emails = w.entries(k, vs)
	case record.Phone:
		r.Phones = w.entries(k, vs)
	case record.OrgName:
		name := ""
		w.text(k, vs, &name, textMost)
		r.Org = w.c.orgNamed(name)
	case record.IM, record.Address, record.Note, record.Birthday, record.OrgTitle:
		w.synced(k, vs)
	default:
		w.custom(k, vs)
	}
}

// synced writes the fields of contact sync, where there are any.
func (w *writer) synced(k record.Key, vs []record.Value) {
	r := w.r
	if !w.c.o.ContactSync {
		if len(vs) > 0 {
			w.drop(k)
		}
		return
	}
	switch k {
	case record.IM:
		r.IM = w.entries(k, vs)
	case record.Address:
		w.address(vs)
	case record.Note:
		w.text(k, vs, &r.Notes, notesMost)
	case record.OrgTitle:
		w.text(k, vs, &r.JobTitle, textMost)
	case record.Birthday:
		w.text(k, vs, &r.Birthday, textMost)
		if r.Birthday != "" && !isDate(r.Birthday) {
			r.Birthday = ""
			w.drop(k)
		}
	}
}

// text writes the one value of a field; what is too long or too many is dropped.
func (w *writer) text(k record.Key, vs []record.Value, to *string, most int) {
	*to = ""
	if len(vs) > 1 {
		w.drop(k)
	}
	if len(vs) == 0 {
		return
	}
	if utf8.RuneCountInString(vs[0].Text) > most {
		w.drop(k)
		return
	}
	*to = vs[0].Text
}

func (w *writer) entries(k record.Key, vs []record.Value) []entry {
	var out []entry
	for _, v := range vs {
		if v.Text == "" {
			w.drop(k)
			continue
		}
		label := v.Label
		if service := v.Parts[record.PartService]; service != "" {
			label = service
		}
		if label == "" {
			label = "work"
		}
		primary := v.Primary && !slices.ContainsFunc(out, func(e entry) bool { return e.Primary })
		out = append(out, entry{v.Text, primary, label})
	}
	if len(out) > 0 && !slices.ContainsFunc(out, func(e entry) bool { return e.Primary }) {
		out[0].Primary = true
	}
	return out
}

func (w *writer) address(vs []record.Value) {
	w.r.Address = nil
	if len(vs) > 1 {
		w.drop(record.Address)
	}
	if len(vs) == 0 {
		return
	}
	v, a := vs[0], &address{Value: vs[0].Text}
	var line []string
	if street := v.Parts[record.PartStreet]; street != "" {
		a.Route, line = &street, append(line, street)
	}
	for _, p := range addressParts {
		if text := v.Parts[p.part]; text != "" {
			*p.at(a), line = &text, append(line, text)
		}
	}
	if a.Value == "" {
		a.Value = strings.Join(line, ", ")
	}
	if v.Parts[record.PartPOBox] != "" || a.Value == "" {
		w.drop(record.Address)
	}
	if a.Value != "" {
		w.r.Address = a
	}
}

// orgNamed finds the user's organization of that name, or makes it; "" is none.
func (c *call) orgNamed(name string) int64 {
	if name == "" {
		return 0
	}
	for _, o := range c.o.orgs.find("n", name) {
		if c.m.sees(o) {
			return o.ID
		}
	}
	o := &row{Name: name, Owner: c.m.ID, Visible: c.m.visibility(), Added: c.s.now()}
	c.create(c.o.orgs, o)
	return o.ID
}

func (w *writer) custom(k record.Key, vs []record.Value) {
	code, custom := k.CustomName()
	f := w.c.o.field(&personKind, code)
	if !custom || f == nil || f.Builtin {
		if len(vs) > 0 {
			w.drop(k)
		}
		return
	}
	next := maps.Clone(w.r.Custom)
	if next == nil {
		next = map[string]json.RawMessage{}
	}
	delete(next, code)
	if len(vs) > 0 {
		v, ok := w.c.customValue(f, f.entered(vs))
		if !ok || len(vs) > 1 && f.Type != "set" {
			w.drop(k)
		}
		if ok {
			next[code] = v
		}
	}
	w.r.Custom = next
	if len(next) == 0 {
		w.r.Custom = nil
	}
}

// entered is what a person typed as JSON of the field's type.
func (f *field) entered(vs []record.Value) json.RawMessage {
	switch f.Type {
	case "enum":
		return raw(optionNamed(f.Options, vs[0].Text))
	case "set":
		var ids []int64
		for _, v := range vs {
			ids = append(ids, optionNamed(f.Options, v.Text))
		}
		return raw(ids)
	case "varchar", "varchar_auto", "text", "phone", "date":
		return raw(vs[0].Text)
	}
	if json.Valid([]byte(vs[0].Text)) {
		return json.RawMessage(vs[0].Text)
	}
	return raw(vs[0].Text)
}

// fieldList are the fields of the page.
func (o *company) fieldList() []record.Field {
	out := []record.Field{
		{Key: record.NameGiven, Type: record.TypeText, Name: "First name", Max: 1, Length: textMost},
		{Key: record.NameFamily, Type: record.TypeText, Name: "Last name", Max: 1, Length: textMost},
		{Key: record.Email, Type: record.TypeEmail, Name: "Email", Labelled: true},
		{Key: record.Phone, Type: record.TypePhone, Name: "Phone", Labelled: true},
		{Key: record.OrgName, Type: record.TypeText, Name: "Organization", Max: 1, Length: textMost},
	}
	if o.ContactSync {
		parts := []record.Part{record.PartStreet}
		for _, p := range addressParts {
			parts = append(parts, p.part)
		}
		out = append(out,
			record.Field{Key: record.Address, Type: record.TypeAddress, Name: "Postal address", Max: 1, Parts: parts},
			record.Field{Key: record.IM, Type: record.TypeIM, Name: "Instant messenger", Labelled: true},
			record.Field{Key: record.Note, Type: record.TypeLongText, Name: "Notes", Max: 1, Length: notesMost},
			record.Field{Key: record.Birthday, Type: record.TypeDate, Name: "Birthday", Max: 1, WholeDate: true},
			record.Field{Key: record.OrgTitle, Type: record.TypeText, Name: "Job title", Max: 1, Length: textMost})
	}
	for _, f := range o.Fields {
		d := record.Field{Key: record.Custom(f.Code), Type: neutralTypes[f.Type], Name: f.Name, Max: 1, Custom: true}
		if d.Type == "" {
			d.Type = record.TypeText
		}
		if f.Type == "set" {
			d.Max = 0
		}
		for _, opt := range f.Options {
			d.Choices = append(d.Choices, opt.Label)
		}
		out = append(out, d)
	}
	return out
}

var neutralTypes = map[string]record.Type{"text": record.TypeLongText, "double": record.TypeNumber, "phone": record.TypePhone, "date": record.TypeDate,
	"enum": record.TypeChoice, "set": record.TypeChoice}
