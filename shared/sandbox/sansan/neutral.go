package sansan

import (
	"maps"
	"slices"
	"unicode/utf8"

	"meibo/shared/record"
)

// single are the neutral fields that are one text of a card, without a label.
var single = []struct {
	key  record.Key
	kind kind
	typ  record.Type
	name string
}{
	{record.NameFamily, lastName, record.TypeText, "姓"},
	{record.NameGiven, firstName, record.TypeText, "名"},
	{record.NamePhoneticFamily, lastNameReading, record.TypeText, "姓（読み）"},
	{record.NamePhoneticGiven, firstNameReading, record.TypeText, "名（読み）"},
	{record.OrgName, companyName, record.TypeText, "会社名"},
	{record.OrgDepartment, departmentName, record.TypeText, "部署"},
	{record.OrgTitle, title, record.TypeText, "役職"},
	{record.URL, siteURL, record.TypeURL, "URL"},
	{record.Note, memo, record.TypeLongText, "メモ"},
}

// phones are the places of numbers.
var phones = []struct {
	kind kind
	slot record.Slot
}{
	{tel, record.Slot{Label: record.LabelWork, Accepts: []string{record.LabelMain, "*"}}},
	{secondTel, record.Slot{Label: record.LabelWork, Accepts: []string{"*"}}},
	{mobile, record.Slot{Label: record.LabelMobile}},
	{fax, record.Slot{Label: record.LabelWorkFax, Accepts: []string{record.LabelHomeFax, record.LabelOtherFax}}},
}

// addressParts are the parts of a Japanese address, from the large to the small.
var addressParts = []struct {
	part record.Part
	kind kind
}{
	{record.PartCountryCode, countryCode}, {record.PartPostal, postalCode}, {record.PartRegion, prefecture},
	{record.PartCity, city}, {record.PartStreet, street}, {record.PartExtended, building},
}

// fieldList are the fields of a card as the page offers them.
func fieldList() []record.Field {
	var out []record.Field
	for _, f := range single {
		out = append(out, record.Field{Key: f.key, Type: f.typ, Name: f.name, Max: 1, Length: textFields[f.kind].most})
	}
	work := []record.Slot{{Label: record.LabelWork, Accepts: []string{"*"}}}
	numbers := record.Field{Key: record.Phone, Type: record.TypePhone, Name: "電話番号", Length: textMost}
	for _, p := range phones {
		numbers.Slots = append(numbers.Slots, p.slot)
	}
	place := record.Field{Key: record.Address, Type: record.TypeAddress, Name: "住所", Slots: work, Length: textMost}
	for _, p := range addressParts {
		place.Parts = append(place.Parts, p.part)
	}
	return append(out, record.Field{Key: record.Email, Type: record.TypeEmail, Name: "Eメール", Slots: work, Length: textMost}, numbers, place)
}

// read is the neutral reading of a card.
func (ts texts) read() record.Record {
	f := record.Fields{}
	for _, s := range single {
		f.Set(s.key, ts.get(s.kind))
	}
	f[record.Email], f[record.Phone], f[record.Address] = []record.Value{}, []record.Value{}, []record.Value{}
	if v := ts.get(email); v != "" {
		f[record.Email] = append(f[record.Email], record.Value{Text: v, Label: record.LabelWork})
	}
	for _, p := range phones {
		if v := ts.get(p.kind); v != "" {
			f[record.Phone] = append(f[record.Phone], record.Value{Text: v, Label: p.slot.Label})
		}
	}
	parts := map[record.Part]string{}
	for _, p := range addressParts {
		if v := ts.get(p.kind); v != "" {
			parts[p.part] = v
		}
	}
	if len(parts) > 0 {
		f[record.Address] = append(f[record.Address], record.Value{Parts: parts, Label: record.LabelWork})
	}
	return record.Record{Kind: record.Contact, Fields: f}
}

// write returns the texts after fields were entered, each a complete new list of values, and the fields of which something has no place.
func (ts texts) write(fields record.Fields) (texts, []record.Key) {
	var dropped []record.Key
	known := fieldList()
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		values := fields[k]
		i := slices.IndexFunc(known, func(f record.Field) bool { return f.Key == k })
		if i < 0 {
			if len(values) > 0 {
				dropped = append(dropped, k)
			}
			continue
		}
		if k == record.Address {
			values = withoutCountryNames(values)
		}
		placed, held, partly := record.Fit(known[i], nil, values)
		var whole bool
		if ts, whole = ts.place(k, placed); !whole || len(held)+len(partly) > 0 {
			dropped = append(dropped, k)
		}
	}
	return ts, dropped
}

// withoutCountryNames leaves out the name of a country whose code says the same.
func withoutCountryNames(vs []record.Value) []record.Value {
	vs = record.CloneValues(vs)
	for _, v := range vs {
		if v.Parts[record.PartCountryCode] != "" {
			delete(v.Parts, record.PartCountry)
		}
	}
	return vs
}

// place puts values that fit into the texts of a field; whole says whether all of them found a place after all.
func (ts texts) place(k record.Key, vs []record.Value) (_ texts, whole bool) {
	first := record.Value{}
	if len(vs) > 0 {
		first = vs[0]
	}
	switch k {
	case record.Email:
		return ts.with(email, first.Text), true
	case record.Phone:
		return ts.placePhones(vs), true
	case record.Address:
		whole = true
		for _, p := range addressParts {
			v := first.Parts[p.part]
			if utf8.RuneCountInString(v) > textFields[p.kind].most || p.kind == countryCode && v != "" && !countryForm.MatchString(v) {
				v, whole = "", false
			}
			ts = ts.with(p.kind, v)
		}
		return ts, whole
	}
	for _, s := range single {
		if s.key == k {
			ts = ts.with(s.kind, first.Text)
		}
	}
	return ts, true
}

func (ts texts) placePhones(vs []record.Value) texts {
	rest := slices.Clone(vs)
	for _, p := range phones {
		value := ""
		if i := slices.IndexFunc(rest, func(v record.Value) bool { return v.Label == p.slot.Label }); i >= 0 {
			value = rest[i].Text
			rest = slices.Delete(rest, i, i+1)
		}
		ts = ts.with(p.kind, value)
	}
	return ts
}
