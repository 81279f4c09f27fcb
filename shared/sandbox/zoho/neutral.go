package zoho

import (
	"encoding/json"
	"slices"
	"strings"

	"meibo/shared/record"
)

// fieldSlot is one Zoho field as a place for a value of a neutral field with several values.
type fieldSlot struct {
	api   string
	label string
	also  []string // other labels whose values belong here first
}

// slots are the places of the neutral fields that have several, in Zoho's order.
var slots = map[record.Key][]fieldSlot{
	record.Email: {{"Email", record.LabelWork, nil}, {"Secondary_Email", record.LabelOther, []string{record.LabelHome}}},
	record.Phone: {{"Phone", record.LabelWork, []string{record.LabelMain}}, {"Mobile", record.LabelMobile, nil}, {"Home_Phone", record.LabelHome, nil},
		{"Other_Phone", record.LabelOther, []string{record.LabelPager}}, {"Asst_Phone", record.LabelAssistant, nil}, {"Fax", record.LabelWorkFax, []string{record.LabelHomeFax, record.LabelOtherFax}}},
	record.Address: {{"Mailing", record.LabelWork, nil}, {"Other", record.LabelOther, []string{record.LabelHome}}},
}

// spare are the slots that take a value whose label has no place of its own, in order.
var spare = map[record.Key][]int{record.Email: {0, 1}, record.Phone: {3, 0, 2}, record.Address: {0, 1}}

// singleField is a neutral field with one Zoho field.
type singleField struct {
	key record.Key
	api string
	typ record.Type
}

// single are the neutral fields of that kind.
var single = []singleField{
	{record.NamePrefix, "Salutation", record.TypeChoice}, {record.NameGiven, "First_Name", record.TypeText}, {record.NameFamily, "Last_Name", record.TypeText},
	{record.OrgDepartment, "Department", record.TypeText}, {record.OrgTitle, "Title", record.TypeText}, {record.Birthday, "Date_of_Birth", record.TypeDate},
	{record.Note, "Description", record.TypeLongText}, {record.IM, "Skype_ID", record.TypeIM},
}

var addressParts = []struct {
	part   record.Part
	suffix string
}{{record.PartStreet, "_Street"}, {record.PartCity, "_City"}, {record.PartRegion, "_State"}, {record.PartPostal, "_Zip"}, {record.PartCountry, "_Country"}}

// noFamily is what a person types into Zoho's mandatory last name when there is none. It reads as none.
const noFamily = "-"

const skype = "skype"

// read is the neutral reading of a contact.
func (o *org) read(r *row) record.Record {
	v := r.values()
	f := record.Fields{}
	for _, s := range single {
		text := textOf(v[s.api])
		if s.key == record.NameFamily && text == noFamily || s.key == record.NamePrefix && text == "-None-" {
			text = ""
		}
		f.Set(s.key, text)
		if s.key == record.IM && text != "" {
			f[s.key] = []record.Value{{Text: text, Label: skype, Parts: map[record.Part]string{record.PartService: skype}}}
		}
	}
	for key, places := range slots {
		f[key] = []record.Value{}
		for _, p := range places {
			val := record.Value{Label: p.label}
			if key == record.Address {
				val.Parts = map[record.Part]string{}
				for _, a := range addressParts {
					if t := textOf(v[p.api+a.suffix]); t != "" {
						val.Parts[a.part] = t
					}
				}
			} else {
				val.Text = textOf(v[p.api])
			}
			if !val.IsEmpty() {
				f[key] = append(f[key], val)
			}
		}
	}
	f.Set(record.OrgName, "")
	if raw := v["Account_Name"]; raw != nil {
		var ref struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(raw, &ref) // the sandbox wrote it
		f.Set(record.OrgName, o.nameOf(o.fields["Contacts"]["Account_Name"], ref.ID))
	}
	for _, d := range o.Fields["Contacts"] {
		if d.Custom {
			f[record.Custom(d.API)] = customValues(d, v[d.API])
		}
	}
	return record.Record{Kind: record.Contact, Fields: f}
}

func customValues(d *fieldDef, raw json.RawMessage) []record.Value {
	out := []record.Value{}
	switch {
	case len(raw) == 0:
	case raw[0] == '"':
		out = append(out, record.Value{Text: textOf(raw)})
	case raw[0] == '[':
		var many []string
		_ = json.Unmarshal(raw, &many) // the sandbox wrote it
		for _, m := range many {
			out = append(out, record.Value{Text: m})
		}
	default:
		out = append(out, record.Value{Text: string(raw)})
	}
	return out
}

// written turns neutral fields into Zoho values: nil empties. dropped names the fields of which something has no place.
type written struct {
	set     map[string]json.RawMessage
	company *string // the company's name to look up or make; "" empties
	dropped []record.Key
}

func (w *written) drop(k record.Key) {
	if !slices.Contains(w.dropped, k) {
		w.dropped = append(w.dropped, k)
	}
}

// write turns fields into values as a person would enter them: into the place of their label, else into a free one.
func (c *call) write(fields record.Fields) *written {
	w := &written{set: map[string]json.RawMessage{}}
	keys := make([]record.Key, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		vs := fields[k]
		switch {
		case slots[k] != nil:
			c.writeSlots(w, k, vs)
		case k == record.OrgName:
			name := fields.First(k)
			if len(vs) > 1 || len([]rune(name)) > 200 {
				w.drop(k)
			}
			if len([]rune(name)) <= 200 {
				w.company = &name
			}
		default:
			c.writeSingle(w, k, vs)
		}
	}
	return w
}

func (c *call) writeSingle(w *written, k record.Key, vs []record.Value) {
	api, custom := k.CustomName()
	if !custom {
		i := slices.IndexFunc(single, func(s singleField) bool { return s.key == k })
		if i < 0 {
			if len(vs) > 0 {
				w.drop(k)
			}
			return
		}
		api = single[i].api
	}
	f := c.o.fields["Contacts"][api]
	if f == nil || custom && !f.Custom {
		w.drop(k)
		return
	}
	kept := vs
	if k == record.IM {
		kept = slices.DeleteFunc(slices.Clone(vs), func(v record.Value) bool { s := v.Parts[record.PartService]; return s != "" && s != skype })
	}
	if f.Type == "multiselectpicklist" {
		var many []string
		for _, v := range kept {
			many = append(many, v.Text)
		}
		c.place(w, k, f, marshal(many))
		return
	}
	if len(kept) < len(vs) || len(kept) > 1 {
		w.drop(k)
	}
	if len(kept) == 0 {
		w.set[api] = nil
		return
	}
	c.place(w, k, f, rawOf(f, kept[0].Text))
}

// rawOf is a text as JSON of the field's type.
func rawOf(f *fieldDef, text string) json.RawMessage {
	switch jsonTypes[f.Type] {
	case "boolean", "integer", "double":
		if json.Valid([]byte(text)) {
			return json.RawMessage(text)
		}
	}
	return marshal(text)
}

// place sets a value that the field can hold, and drops another.
func (c *call) place(w *written, k record.Key, f *fieldDef, raw json.RawMessage) {
	v, bad := c.checkValue(f, raw, spot{0, f.API})
	if bad != nil {
		w.drop(k)
		return
	}
	w.set[f.API] = v
}

func (c *call) writeSlots(w *written, k record.Key, vs []record.Value) {
	places := slots[k]
	taken := make([]*record.Value, len(places))
	var rest []*record.Value
	for i := range vs {
		at := slices.IndexFunc(places, func(p fieldSlot) bool { return p.label == vs[i].Label })
		if at >= 0 && taken[at] == nil {
			taken[at] = &vs[i]
		} else {
			rest = append(rest, &vs[i])
		}
	}
	for _, v := range rest {
		at := slices.IndexFunc(places, func(p fieldSlot) bool { return slices.Contains(p.also, v.Label) })
		if at < 0 || taken[at] != nil {
			at = -1
			// A fax number in a telephone's place would be dialled.
			if free := slices.IndexFunc(spare[k], func(s int) bool { return taken[s] == nil }); free >= 0 && !strings.HasSuffix(v.Label, "fax") {
				at = spare[k][free]
			}
		}
		if at < 0 {
			w.drop(k)
			continue
		}
		taken[at] = v
	}
	for i, p := range places {
		if k == record.Address {
			c.writeAddress(w, p, taken[i])
			continue
		}
		w.set[p.api] = nil
		if taken[i] != nil {
			c.place(w, k, c.o.fields["Contacts"][p.api], marshal(taken[i].Text))
		}
	}
}

func (c *call) writeAddress(w *written, p fieldSlot, v *record.Value) {
	for _, a := range addressParts {
		api := p.api + a.suffix
		w.set[api] = nil
		if v != nil {
			text := v.Parts[a.part]
			if a.part == record.PartStreet && text == "" {
				text = v.Text // an address without parts is typed where the street goes
			}
			c.place(w, record.Address, c.o.fields["Contacts"][api], marshal(text))
		}
	}
	if v == nil {
		return
	}
	for part, text := range v.Parts {
		// The country's code has no field, and says nothing that the country's name does not.
		if text != "" && (part == record.PartPOBox || part == record.PartExtended) {
			w.drop(record.Address)
		}
	}
}

// fieldList are the fields of the page.
func (o *org) fieldList() []record.Field {
	var out []record.Field
	for _, s := range single {
		d := o.fields["Contacts"][s.api]
		f := record.Field{Key: s.key, Type: s.typ, Name: d.Label, Max: 1, Length: d.Length, Choices: d.Choices}
		if s.typ == record.TypeIM {
			f.Slots = []record.Slot{{Label: skype}}
		}
		out = append(out, f)
	}
	out = append(out, record.Field{Key: record.OrgName, Type: record.TypeText, Name: "Account Name", Max: 1, Length: 200})
	for _, k := range []record.Key{record.Email, record.Phone, record.Address} {
		f := record.Field{Key: k, Type: record.Type(k), Name: strings.ToUpper(string(k[:1])) + string(k[1:])}
		for _, p := range slots[k] {
			f.Slots = append(f.Slots, record.Slot{Label: p.label})
		}
		if k == record.Address {
			for _, a := range addressParts {
				f.Parts = append(f.Parts, a.part)
			}
		}
		out = append(out, f)
	}
	for _, d := range o.Fields["Contacts"] {
		if d.Custom {
			out = append(out, record.Field{Key: record.Custom(d.API), Type: customType(d), Name: d.Label, Length: d.Length, Choices: d.Choices, Custom: true, Max: 1})
		}
	}
	return out
}

func customType(d *fieldDef) record.Type {
	switch d.Type {
	case "textarea":
		return record.TypeLongText
	case "email":
		return record.TypeEmail
	case "phone":
		return record.TypePhone
	case "picklist", "multiselectpicklist":
		return record.TypeChoice
	case "date":
		return record.TypeDate
	case "boolean":
		return record.TypeBool
	case "integer", "bigint", "double", "currency", "percent":
		return record.TypeNumber
	case "website":
		return record.TypeURL
	}
	return record.TypeText
}
