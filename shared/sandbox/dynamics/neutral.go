package dynamics

import (
	"slices"
	"strings"

	"meibo/shared/record"
)

// place is where a value of a neutral field stands: a column, and the label of what is there.
type place struct {
	column string
	label  string
	accept []string // labels that may stand here too
}

// plain are the neutral fields that are one text.
func plain() []struct {
	key    record.Key
	column string
	typ    record.Type
	name   string
} {
	return []struct {
		key    record.Key
		column string
		typ    record.Type
		name   string
	}{
		{record.NamePrefix, "salutation", record.TypeText, "Salutation"},
		{record.NameGiven, "firstname", record.TypeText, "First name"},
		{record.NameMiddle, "middlename", record.TypeText, "Middle name"},
		{record.NameFamily, "lastname", record.TypeText, "Last name"},
		{record.NameSuffix, "suffix", record.TypeText, "Suffix"},
		{record.NamePhoneticGiven, "yomifirstname", record.TypeText, "Yomi first name"},
		{record.NamePhoneticMiddle, "yomimiddlename", record.TypeText, "Yomi middle name"},
		{record.NamePhoneticFamily, "yomilastname", record.TypeText, "Yomi last name"},
		{record.Nickname, "nickname", record.TypeText, "Nickname"},
		{record.OrgDepartment, "department", record.TypeText, "Department"},
		{record.OrgTitle, "jobtitle", record.TypeText, "Job title"},
		{record.URL, "websiteurl", record.TypeURL, "Website"},
		{record.Note, "description", record.TypeLongText, "Description"},
		{record.Birthday, "birthdate", record.TypeDate, "Birthday"},
	}
}

func mailPlaces() []place {
	return []place{{column: "emailaddress1"}, {column: "emailaddress2"}, {column: "emailaddress3"}}
}

// phonePlaces are the numbers of people. company is the company's telephone.
func phonePlaces() []place {
	return []place{
		{"telephone1", record.LabelWork, []string{""}}, {"mobilephone", record.LabelMobile, nil}, {"telephone2", record.LabelHome, nil},
		{"business2", record.LabelWork, nil}, {"home2", record.LabelHome, nil}, {"company", record.LabelMain, nil},
		{"fax", record.LabelWorkFax, []string{record.LabelHomeFax, record.LabelOtherFax}}, {"pager", record.LabelPager, nil},
		{"assistantphone", record.LabelAssistant, nil}, {"telephone3", record.LabelOther, []string{"*"}},
	}
}

func addressPlaces() []place {
	return []place{{"address1_", record.LabelWork, []string{""}}, {"address2_", record.LabelHome, nil}, {"address3_", record.LabelOther, []string{"*"}}}
}

// relationPlaces are the people around a contact.
func relationPlaces() []place {
	return []place{{"spousesname", "spouse", nil}, {"managername", "manager", nil}, {"assistantname", "assistant", nil}}
}

// parts are an address's parts and the ends of their columns. The street is up to three lines.
func parts() []struct {
	part record.Part
	end  string
} {
	return []struct {
		part record.Part
		end  string
	}{{record.PartCity, "city"}, {record.PartRegion, "stateorprovince"}, {record.PartPostal, "postalcode"}, {record.PartCountry, "country"}, {record.PartPOBox, "postofficebox"}}
}

// present keeps the places that a table has; an address is there with its first line.
func (t *table) present(places []place) []place {
	return slices.DeleteFunc(places, func(p place) bool {
		name := p.column
		if strings.HasSuffix(name, "_") {
			name += "line1"
		}
		_, ok := t.index[name]
		return !ok
	})
}

func slots(places []place) []record.Slot {
	out := make([]record.Slot, len(places))
	for i, p := range places {
		out[i] = record.Slot{Label: p.label, Accepts: p.accept}
	}
	return out
}

// fields lists the neutral fields of a table's rows.
func (t *table) fields() []record.Field {
	var out []record.Field
	for _, f := range plain() {
		if i, ok := t.index[f.column]; ok {
			out = append(out, record.Field{Key: f.key, Type: f.typ, Name: f.name, Max: 1, Length: t.cols[i].length, WholeDate: f.typ == record.TypeDate})
		}
	}
	company := record.Field{Key: record.OrgName, Type: record.TypeText, Name: "Company", Max: 1, Length: 160}
	if t.logical == tLead {
		company.Length = 100
	}
	out = append(out, company, record.Field{Key: record.Email, Type: record.TypeEmail, Name: "E-mail", Max: 3, Length: 100},
		record.Field{Key: record.Phone, Type: record.TypePhone, Name: "Phone", Slots: slots(t.present(phonePlaces()))})
	address := record.Field{Key: record.Address, Type: record.TypeAddress, Name: "Address", Slots: slots(t.present(addressPlaces())), Parts: []record.Part{record.PartStreet}}
	for _, p := range parts() {
		address.Parts = append(address.Parts, p.part)
	}
	out = append(out, address)
	if t.logical == tContact {
		out = append(out, record.Field{Key: record.Event, Type: record.TypeDate, Name: "Anniversary", Slots: []record.Slot{{Label: record.LabelJubilee}}, WholeDate: true},
			record.Field{Key: record.Relation, Type: record.TypeText, Name: "Related person", Slots: slots(relationPlaces()), Length: 100})
	}
	return out
}

// neutral reads a row. Every field is present.
func (o *org) neutral(t *table, r *row) record.Fields {
	text := func(column string) string {
		if i, ok := t.index[column]; ok {
			return textOf(r.raw(i))
		}
		return ""
	}
	out := record.Fields{}
	for _, f := range t.fields() {
		out[f.Key] = []record.Value{}
	}
	add := func(k record.Key, v record.Value) {
		if !v.IsEmpty() {
			out[k] = append(out[k], v)
		}
	}
	for _, f := range plain() {
		add(f.key, record.Value{Text: text(f.column)})
	}
	add(record.OrgName, record.Value{Text: o.company(t, r)})
	for _, p := range mailPlaces() {
		add(record.Email, record.Value{Text: text(p.column)})
	}
	for _, p := range t.present(phonePlaces()) {
		add(record.Phone, record.Value{Text: text(p.column), Label: p.label})
	}
	for _, p := range t.present(addressPlaces()) {
		v := record.Value{Label: p.label, Parts: map[record.Part]string{}}
		var lines []string
		for _, n := range []string{"line1", "line2", "line3"} {
			if line := text(p.column + n); line != "" {
				lines = append(lines, line)
			}
		}
		if len(lines) > 0 {
			v.Parts[record.PartStreet] = strings.Join(lines, "\n")
		}
		for _, part := range parts() {
			if s := text(p.column + part.end); s != "" {
				v.Parts[part.part] = s
			}
		}
		if len(v.Parts) > 0 {
			add(record.Address, v)
		}
	}
	if t.logical == tContact {
		add(record.Event, record.Value{Text: text("anniversary"), Label: record.LabelJubilee})
		for _, p := range relationPlaces() {
			add(record.Relation, record.Value{Text: text(p.column), Label: p.label})
		}
	}
	return out
}

// company is the name of a row's company: a lead has it as a text, a contact by its account.
func (o *org) company(t *table, r *row) string {
	if t.logical == tLead {
		return textOf(r.raw(t.col("companyname")))
	}
	table, id := splitRef(r.raw(t.col("parentcustomerid")))
	accounts := o.tables[tAccount]
	if a := accounts.get(id); table == tAccount && a != nil {
		return o.title(accounts, a)
	}
	return ""
}

// known is the table's neutral fields by key.
func (t *table) known() map[record.Key]record.Field {
	out := map[record.Key]record.Field{}
	for _, f := range t.fields() {
		out[f.Key] = f
	}
	return out
}

// entered gives a row the values of neutral fields as a person would, and says of which fields something has no place.
func (o *org) entered(t *table, known map[record.Key]record.Field, cells []cell, fields record.Fields, by guid) ([]cell, []record.Key, *apiError) {
	var dropped []record.Key
	for k, given := range fields {
		given = slices.DeleteFunc(slices.Clone(given), record.Value.IsEmpty)
		f, ok := known[k]
		if !ok {
			if len(given) > 0 {
				dropped = append(dropped, k)
			}
			continue
		}
		placed, held, partly := record.Fit(f, nil, given)
		whole := len(held)+len(partly) == 0
		values, fit := o.columnsOf(t, k, placed, by)
		for column, text := range values {
			i := t.col(column)
			raw := text
			if t.cols[i].kind != kindLookup {
				var e *apiError
				if raw, e = t.decode(&t.cols[i], []byte(quote(text))); text != "" && e != nil {
					if e.code != codeTooLong {
						return nil, nil, e
					}
					raw, fit = "", false
				}
				if text == "" {
					raw = ""
				}
			}
			cells = withCell(cells, i, raw)
		}
		if !whole || !fit {
			dropped = append(dropped, k)
		}
	}
	slices.Sort(dropped)
	return cells, dropped, nil
}

// columnsOf says which columns become what when a field has these values, and whether all of them have a place.
func (o *org) columnsOf(t *table, k record.Key, placed []record.Value, by guid) (map[string]string, bool) {
	first := ""
	if len(placed) > 0 {
		first = placed[0].Text
	}
	switch k {
	case record.OrgName:
		return o.companyColumns(t, first, by), true
	case record.Email:
		return inOrder(mailPlaces(), placed), true
	case record.Phone:
		return byLabel(t.present(phonePlaces()), placed), true
	case record.Relation:
		return byLabel(relationPlaces(), placed), true
	case record.Event:
		return map[string]string{"anniversary": first}, true
	case record.Address:
		return t.addressColumns(placed)
	}
	for _, f := range plain() {
		if f.key == k {
			return map[string]string{f.column: first}, true
		}
	}
	return nil, false
}

// companyColumns binds a contact to the account of a name, which is made if there is none.
func (o *org) companyColumns(t *table, name string, by guid) map[string]string {
	if t.logical == tLead {
		return map[string]string{"companyname": name}
	}
	if name == "" {
		return map[string]string{"parentcustomerid": ""}
	}
	accounts := o.tables[tAccount]
	a := accounts.named(name)
	if a == nil {
		a = o.put(accounts, row{id: derive("row", o.host, tAccount, utoa(o.seq+1)), owner: by,
			cells: accounts.cells(map[string]string{"name": quote(name), "statecode": "0", "statuscode": "1"})}, by)
	}
	return map[string]string{"parentcustomerid": ref(tAccount, a.id)}
}

func inOrder(places []place, placed []record.Value) map[string]string {
	out := map[string]string{}
	for i, p := range places {
		out[p.column] = ""
		if i < len(placed) {
			out[p.column] = placed[i].Text
		}
	}
	return out
}

// byLabel puts values that have the labels of places there, the first of a label first.
func byLabel(places []place, placed []record.Value) map[string]string {
	out, used := map[string]string{}, map[int]bool{}
	for _, p := range places {
		out[p.column] = ""
		for i, v := range placed {
			if v.Label == p.label && !used[i] {
				out[p.column], used[i] = v.Text, true
				break
			}
		}
	}
	return out
}

// addressColumns takes addresses apart. A street of more than three lines has no place.
func (t *table) addressColumns(placed []record.Value) (map[string]string, bool) {
	out, whole := map[string]string{}, true
	for _, p := range t.present(addressPlaces()) {
		var v record.Value
		if i := slices.IndexFunc(placed, func(v record.Value) bool { return v.Label == p.label }); i >= 0 {
			v = placed[i]
		}
		lines := strings.Split(v.Parts[record.PartStreet], "\n")
		if len(lines) > 3 {
			lines, whole = []string{strings.Join(lines, " ")}, false
		}
		for i, n := range []string{"line1", "line2", "line3"} {
			out[p.column+n] = ""
			if i < len(lines) {
				out[p.column+n] = strings.TrimSpace(lines[i])
			}
		}
		for _, part := range parts() {
			out[p.column+part.end] = v.Parts[part.part]
		}
	}
	return out, whole
}
