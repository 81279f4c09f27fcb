package dynamics

import (
	"strconv"

	"meibo/shared/record"
)

// table is one of the two tables that can be synced (sheet 3).
type table struct {
	set, logical, key string
	title             string // as in privileges: prvReadContact
	people            string // in words
	code              int    // of lists that are made from it
	members           string // the way from a list to its rows
	fields            []field
}

// field is where a neutral field is kept: in a column, or in a column or an address for each slot.
type field struct {
	key       record.Key
	kind      record.Type
	name      string // where the catalogue has none
	column    string
	slots     []slot
	loose     bool // the slots have no meaning of their own: any value may be in any
	addresses bool // a slot's column is what the names of its columns begin with
	employer  bool // the column is a lookup
}

type slot struct {
	column, label string
	accepts       []string
}

// What every listing reads besides the fields.
const (
	columnState    = "statecode"
	columnMerged   = "merged"
	columnMaster   = "_masterid_value"
	columnOwner    = "_ownerid_value"
	columnEmployer = "_parentcustomerid_value"
	columnCreated  = "createdon"
	columnModified = "modifiedon"
	columnTopic    = "subject"
	columnTag      = "@odata.etag"

	suffixTable = "@Microsoft.Dynamics.CRM.lookuplogicalname"
	suffixLabel = "@OData.Community.Display.V1.FormattedValue"

	bindAccount = "parentcustomerid_account@odata.bind"
)

// open is the state of rows that can be edited: active contacts, open leads.
const open = 0

// The labels of people and phones that Dynamics has a column for, and other systems no common word.
const (
	labelSpouse   = "spouse"
	labelManager  = "manager"
	labelCallback = "callback"
)

// anything is what a slot accepts that takes any value.
func anything() []string { return []string{"*"} }

func one(k record.Key, t record.Type, name, column string) field {
	return field{key: k, kind: t, name: name, column: column}
}

// common are the fields that both tables have.
func common() []field {
	return []field{
		one(record.NamePrefix, record.TypeText, "Salutation", "salutation"),
		one(record.NameGiven, record.TypeText, "First Name", "firstname"),
		one(record.NameMiddle, record.TypeText, "Middle Name", "middlename"),
		one(record.NameFamily, record.TypeText, "Last Name", "lastname"),
		one(record.NamePhoneticGiven, record.TypeText, "Yomi First Name", "yomifirstname"),
		one(record.NamePhoneticMiddle, record.TypeText, "Yomi Middle Name", "yomimiddlename"),
		one(record.NamePhoneticFamily, record.TypeText, "Yomi Last Name", "yomilastname"),
		{key: record.Email, kind: record.TypeEmail, name: "Email", loose: true, slots: []slot{
			{"emailaddress1", "", nil}, {"emailaddress2", "", nil}, {"emailaddress3", "", nil},
		}},
		one(record.URL, record.TypeURL, "Website", "websiteurl"),
		one(record.OrgTitle, record.TypeText, "Job Title", "jobtitle"),
		one(record.Note, record.TypeLongText, "Description", "description"),
	}
}

func addresses(n int) field {
	all := []slot{
		{"address1_", record.LabelWork, anything()},
		{"address2_", record.LabelHome, anything()},
		{"address3_", record.LabelOther, anything()},
	}
	return field{key: record.Address, kind: record.TypeAddress, name: "Address", slots: all[:n], addresses: true}
}

func contacts() table {
	t := table{set: "contacts", logical: "contact", key: "contactid", title: "Contact", people: "contacts", code: 2, members: "listcontact_association"}
	t.fields = append(common(),
		one(record.NameSuffix, record.TypeText, "Suffix", "suffix"),
		one(record.Nickname, record.TypeText, "Nickname", "nickname"),
		one(record.OrgDepartment, record.TypeText, "Department", "department"),
		field{key: record.OrgName, kind: record.TypeText, name: "Company Name", column: "parentcustomerid", employer: true},
		field{key: record.Phone, kind: record.TypePhone, name: "Phone", slots: []slot{
			{"telephone1", record.LabelWork, []string{""}},
			{"mobilephone", record.LabelMobile, nil},
			{"telephone2", record.LabelHome, nil},
			{"fax", record.LabelWorkFax, []string{record.LabelHomeFax, record.LabelOtherFax}},
			{"pager", record.LabelPager, nil},
			{"company", record.LabelMain, nil}, // it is a phone number: the company's
			{"business2", record.LabelWork, []string{""}},
			{"home2", record.LabelHome, nil},
			{"assistantphone", record.LabelAssistant, nil},
			{"managerphone", labelManager, nil},
			{"callback", labelCallback, nil},
			{"telephone3", record.LabelOther, anything()},
		}},
		addresses(3),
		one(record.Birthday, record.TypeDate, "Birthday", "birthdate"),
		field{key: record.Event, kind: record.TypeDate, name: "Anniversary", slots: []slot{{"anniversary", record.LabelJubilee, nil}}},
		field{key: record.Relation, kind: record.TypeText, name: "Related person", slots: []slot{
			{"spousesname", labelSpouse, nil},
			{"assistantname", record.LabelAssistant, nil},
			{"managername", labelManager, nil},
		}},
	)
	return t
}

func leads() table {
	t := table{set: "leads", logical: "lead", key: "leadid", title: "Lead", people: "leads", code: 4, members: "listlead_association"}
	t.fields = append(common(),
		one(record.OrgName, record.TypeText, "Company Name", "companyname"),
		field{key: record.Phone, kind: record.TypePhone, name: "Phone", slots: []slot{
			{"telephone1", record.LabelWork, []string{record.LabelMain, ""}},
			{"mobilephone", record.LabelMobile, nil},
			{"telephone2", record.LabelHome, nil},
			{"fax", record.LabelWorkFax, []string{record.LabelHomeFax, record.LabelOtherFax}},
			{"pager", record.LabelPager, nil},
			{"telephone3", record.LabelOther, anything()},
		}},
		addresses(2),
	)
	return t
}

// addressColumns are the columns of an address by part. The street has up to three lines.
func addressColumns() []struct {
	part    record.Part
	columns []string
} {
	return []struct {
		part    record.Part
		columns []string
	}{
		{record.PartStreet, []string{"line1", "line2", "line3"}},
		{record.PartPOBox, []string{"postofficebox"}},
		{record.PartCity, []string{"city"}},
		{record.PartRegion, []string{"stateorprovince"}},
		{record.PartPostal, []string{"postalcode"}},
		{record.PartCountry, []string{"country"}},
	}
}

// columns are all the columns that f is kept in.
func (f field) columns() []string {
	switch {
	case f.column != "":
		return []string{f.column}
	case !f.addresses:
		out := make([]string, len(f.slots))
		for i, s := range f.slots {
			out[i] = s.column
		}
		return out
	}
	var out []string
	for _, s := range f.slots {
		for _, p := range addressColumns() {
			for _, c := range p.columns {
				out = append(out, s.column+c)
			}
		}
	}
	return out
}

func (t table) privilege(verb string) string { return "prv" + verb + t.title }

// row is the path of a row.
func (t table) row(id string) string { return t.set + "(" + id + ")" }

// columnKey is the field that a column belongs to.
func (t table) columnKey(column string) (record.Key, bool) {
	for _, f := range t.fields {
		for _, c := range f.columns() {
			if c == column {
				return f.key, true
			}
		}
	}
	return "", false
}

// isID reports whether s can be the id of a row, as Dataverse writes them.
func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

func itoa(n int) string { return strconv.Itoa(n) }
