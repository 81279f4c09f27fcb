package contactfile

import (
	"regexp"
	"strings"

	"meibo/shared/record"
)

// multiple separates the values that Google writes into one cell.
const multiple = " ::: "

// googleTexts are columns of one text, in the older export and in today's.
var googleTexts = map[string]record.Key{
	"givenname": record.NameGiven, "firstname": record.NameGiven,
	"additionalname": record.NameMiddle, "middlename": record.NameMiddle,
	"familyname": record.NameFamily, "lastname": record.NameFamily,
	"givennameyomi": record.NamePhoneticGiven, "phoneticfirstname": record.NamePhoneticGiven,
	"additionalnameyomi": record.NamePhoneticMiddle, "phoneticmiddlename": record.NamePhoneticMiddle,
	"familynameyomi": record.NamePhoneticFamily, "phoneticlastname": record.NamePhoneticFamily,
	"nameprefix": record.NamePrefix, "namesuffix": record.NameSuffix, "nickname": record.Nickname, "notes": record.Note,
	"organizationname": record.OrgName, "organizationtitle": record.OrgTitle, "organizationdepartment": record.OrgDepartment,
}

// googleIgnored are columns that say again what others say.
var googleIgnored = map[string]bool{"yominame": true, "fileas": true}

// googleNumbered is a column of a numbered value: "E-mail 1 - Value", "Phone 2 - Label".
var googleNumbered = regexp.MustCompile(`^(e-mail|phone|address|organization|relation|website|event|im|customfield)(\d+)-(.+)$`)

// googleParts are the columns of a numbered address.
var googleParts = map[string]record.Part{
	"street": record.PartStreet, "city": record.PartCity, "pobox": record.PartPOBox, "region": record.PartRegion,
	"postalcode": record.PartPostal, "country": record.PartCountry, "extendedaddress": record.PartExtended,
}

// googleKeys are the fields of numbered values that are one text with a label.
var googleKeys = map[string]record.Key{
	"e-mail": record.Email, "phone": record.Phone, "relation": record.Relation, "website": record.URL,
}

// googleNumber is one numbered value of a row: its cells by column.
type googleNumber struct {
	what  string
	cells map[string]string
}

// googleRow is a row while it is read.
type googleRow struct {
	e       Entry
	numbers []googleNumber // in the order of the columns
	at      map[string]int // position in numbers by "what number"
	name    string         // "Name": only used where its parts are missing
}

// readGoogle reads a row of Google's export.
func readGoogle(headings, names, row []string) Entry {
	r := &googleRow{e: newEntry(), at: map[string]int{}}
	for i, cell := range row {
		if cell = strings.TrimSpace(unixLines(cell)); cell != "" {
			r.cell(names[i], headings[i], cell)
		}
	}
	for _, n := range r.numbers {
		r.number(n)
	}
	if r.name != "" && !hasName(r.e.Record.Fields) && r.name != r.e.Record.Fields.First(record.OrgName) {
		for k, vs := range SplitName(r.name) {
			r.e.Record.Fields[k] = vs
		}
	}
	return r.e
}

func (r *googleRow) cell(name, title, cell string) {
	f := r.e.Record.Fields
	if key, ok := googleTexts[name]; ok {
		f.Set(key, cell)
		return
	}
	if m := googleNumbered.FindStringSubmatch(name); m != nil {
		id := m[1] + m[2]
		at, ok := r.at[id]
		if !ok {
			at = len(r.numbers)
			r.at[id] = at
			r.numbers = append(r.numbers, googleNumber{what: m[1], cells: map[string]string{}})
		}
		r.numbers[at].cells[m[3]] = cell
		return
	}
	switch {
	case name == "name":
		r.name = cell
	case googleIgnored[name]:
	case name == "birthday":
		if date := googleDate(cell); date != "" {
			f.Set(record.Birthday, date)
		} else {
			r.e.Unheld = append(r.e.Unheld, title+" that is not a day of a year")
		}
	case name == "groupmembership", name == "labels":
		for _, g := range strings.Split(cell, multiple) {
			// A star marks Google's own groups; everybody is in this one.
			if g = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(g), "* ")); g != "" && heading(g) != "mycontacts" {
				r.e.Groups = appendOnce(r.e.Groups, g)
			}
		}
	case name == "photo":
		r.e.Unheld = appendOnce(r.e.Unheld, "Photo (a link)")
	default:
		r.e.Unheld = appendOnce(r.e.Unheld, title)
	}
}

// number adds one numbered value.
func (r *googleRow) number(n googleNumber) {
	f := r.e.Record.Fields
	label, primary := googleLabel(n.cells["type"], n.cells["label"])
	switch n.what {
	case "address":
		r.address(n.cells, label, primary)
	case "organization":
		r.organisation(n.cells)
	case "im":
		for _, v := range strings.Split(n.cells["value"], multiple) {
			addValue(f, record.IM, record.Value{Text: v, Label: label, Primary: primary, Parts: service(n.cells["service"])})
		}
	case "event":
		if date := googleDate(n.cells["value"]); date != "" {
			addValue(f, record.Event, record.Value{Text: date, Label: label, Primary: primary})
		} else if n.cells["value"] != "" {
			r.e.Unheld = appendOnce(r.e.Unheld, "Event that is not a day of a year")
		}
	case "customfield":
		name := n.cells["type"] + n.cells["label"] // one or the other, by the export's age
		if name == "" {
			name = "custom"
		}
		addValue(f, record.Custom(name), record.Value{Text: n.cells["value"]})
	default:
		for _, v := range strings.Split(n.cells["value"], multiple) {
			addValue(f, googleKeys[n.what], record.Value{Text: strings.TrimSpace(v), Label: label, Primary: primary})
			primary = false
		}
	}
}

func (r *googleRow) address(cells map[string]string, label string, primary bool) {
	v := record.Value{Label: label, Primary: primary, Parts: map[record.Part]string{}}
	for name, part := range googleParts {
		if cells[name] != "" {
			v.Parts[part] = cells[name]
		}
	}
	if len(v.Parts) == 0 {
		v.Parts, v.Text = nil, cells["formatted"]
	}
	addValue(r.e.Record.Fields, record.Address, v)
}

// organisation takes the first organisation; the record has one.
func (r *googleRow) organisation(cells map[string]string) {
	f := r.e.Record.Fields
	if hasAny(f, record.OrgName, record.OrgTitle, record.OrgDepartment) {
		r.e.Unheld = appendOnce(r.e.Unheld, "another organization")
		return
	}
	for name, key := range map[string]record.Key{"name": record.OrgName, "title": record.OrgTitle, "department": record.OrgDepartment} {
		if cells[name] != "" {
			f.Set(key, cells[name])
		}
	}
	for _, c := range []struct{ name, says string }{
		{"yominame", "Organization 1 - Yomi Name"}, {"symbol", "Organization 1 - Symbol"}, {"location", "Organization 1 - Location"},
		{"jobdescription", "Organization 1 - Job Description"},
	} {
		if cells[c.name] != "" {
			r.e.Unheld = appendOnce(r.e.Unheld, c.says)
		}
	}
}

// googleLabels are types that say nothing of which value it is.
var googleLabels = map[string]string{
	"internet": "", "obsolete": "", "custom": "",
}

// googleLabel returns the canonical label of a Type (older) or Label cell. A leading star marks the primary value.
func googleLabel(kind, label string) (string, bool) {
	text := kind
	if text == "" {
		text = label
	}
	rest, primary := strings.CutPrefix(text, "*")
	rest = strings.TrimSpace(rest)
	if canonical, ok := googleLabels[snake(rest)]; ok {
		return canonical, primary
	}
	switch s := snake(rest); s {
	case "home", "work", "mobile", "main", "home_fax", "work_fax", "other_fax", "pager", "other", "work_mobile", "work_pager", "assistant",
		"google_voice", "anniversary", "spouse", "child", "mother", "father", "parent", "brother", "sister", "friend", "relative",
		"domestic_partner", "partner", "manager", "referred_by", "blog", "profile", "home_page", "ftp", "reservations":
		return s, primary
	}
	return rest, primary
}

// googleDate reads "1980-03-21" and " --03-21".
func googleDate(s string) string {
	date, _ := parseDate(strings.TrimSpace(s))
	return date
}

func service(name string) map[record.Part]string {
	if name == "" {
		return nil
	}
	return map[record.Part]string{record.PartService: snake(name)}
}
