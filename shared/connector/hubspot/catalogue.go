package hubspot

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"meibo/shared/record"
)

// property is what Meibo reads of one property of contacts.
type property struct {
	Name       string   `json:"name"`
	Label      string   `json:"label"`
	Type       string   `json:"type"`
	FieldType  string   `json:"fieldType"`
	Options    []option `json:"options"`
	Defined    bool     `json:"hubspotDefined"`
	Calculated bool     `json:"calculated"`
	Hidden     bool     `json:"hidden"`
	Archived   bool     `json:"archived"`
	External   bool     `json:"externalOptions"`
	Order      int      `json:"displayOrder"`
	Metadata   struct {
		ReadOnly bool `json:"readOnlyValue"`
	} `json:"modificationMetadata"`
}

// option is a choice: people see the label, and a record holds the value.
type option struct {
	Label  string `json:"label"`
	Value  string `json:"value"`
	Hidden bool   `json:"hidden"`
	Order  int    `json:"displayOrder"`
}

func (p property) readOnly() bool { return p.Calculated || p.Metadata.ReadOnly }

// The properties that the code treats by name.
const (
	propEmail      = "email"
	propMoreEmails = "hs_additional_emails"
	propCompany    = "company"
	propBirthday   = "date_of_birth"
	propStage      = "lifecyclestage"
	propOwner      = "hubspot_owner_id"
	propMerged     = "hs_merged_object_ids"
	propID         = "hs_object_id"
	propModified   = "lastmodifieddate"
	propCreated    = "createdate"
)

// builtin are the properties of every account behind neutral fields of one text.
var builtin = []struct {
	key  record.Key
	name string
	kind record.Type
}{
	{record.NamePrefix, "salutation", record.TypeText},
	{record.NameGiven, "firstname", record.TypeText},
	{record.NameFamily, "lastname", record.TypeText},
	{record.OrgName, propCompany, record.TypeText},
	{record.OrgTitle, "jobtitle", record.TypeText},
	{record.URL, "website", record.TypeURL},
}

// phones are the places of phone numbers, in order of preference.
var phones = []struct {
	name    string
	label   string
	accepts []string
}{
	{"phone", record.LabelWork, []string{"", record.LabelMain, record.LabelOther, record.LabelHome, "*"}},
	{"mobilephone", record.LabelMobile, []string{"*"}},
	{"fax", record.LabelWorkFax, []string{record.LabelHomeFax, record.LabelOtherFax}},
}

// places are the parts of the one address.
var places = []struct {
	name string
	part record.Part
}{
	{"address", record.PartStreet}, {"city", record.PartCity}, {"state", record.PartRegion}, {"zip", record.PartPostal}, {"country", record.PartCountry},
}

// standIns are the fields that HubSpot has no property for, and which Meibo makes one for when they are mapped; each is known by its name.
var standIns = []struct {
	key   record.Key
	name  string
	kind  record.Type
	label string
}{
	{record.NameMiddle, "meibo_middle_name", record.TypeText, "Middle name (Meibo)"},
	{record.NameSuffix, "meibo_name_suffix", record.TypeText, "Name suffix (Meibo)"},
	{record.NamePhoneticGiven, "meibo_phonetic_first_name", record.TypeText, "Phonetic first name (Meibo)"},
	{record.NamePhoneticMiddle, "meibo_phonetic_middle_name", record.TypeText, "Phonetic middle name (Meibo)"},
	{record.NamePhoneticFamily, "meibo_phonetic_last_name", record.TypeText, "Phonetic last name (Meibo)"},
	{record.Nickname, "meibo_nickname", record.TypeText, "Nickname (Meibo)"},
	{record.OrgDepartment, "meibo_department", record.TypeText, "Department (Meibo)"},
	{record.Birthday, "meibo_birthday", record.TypeDate, "Birthday (Meibo)"},
	{record.Note, "meibo_notes", record.TypeLongText, "Notes (Meibo)"},
}

// catalogue is the properties of contacts in this account.
type catalogue struct {
	list   []property
	byName map[string]property
	fields []record.Field
	// holder is the property of a key with one text; owner is the key of a property.
	holder map[record.Key]string
	owner  map[string]record.Key
	// content are the names of all properties that a field is read from, in order; asked are these and what the code needs besides.
	content, asked []string
}

// catalogue returns the properties of contacts, read once in the connector's life.
func (c *Connector) catalogue(ctx context.Context) (*catalogue, error) {
	if c.props != nil {
		return c.props, nil
	}
	var got struct {
		Results []property `json:"results"`
	}
	if _, err := c.ask(ctx, request{path: propertiesPath(""), right: "read the properties of contacts", scope: ScopeSchemasRead}, &got); err != nil {
		return nil, err
	}
	cat := newCatalogue(got.Results)
	if _, ok := cat.byName[propEmail]; !ok {
		return nil, unsure(false, "it sent a property catalogue without the e-mail address")
	}
	c.props = cat
	return cat, nil
}

func newCatalogue(list []property) *catalogue {
	cat := &catalogue{byName: map[string]property{}, holder: map[record.Key]string{}, owner: map[string]record.Key{}}
	for _, p := range list {
		if _, double := cat.byName[p.Name]; double || p.Archived || p.Name == "" {
			continue
		}
		slices.SortStableFunc(p.Options, func(a, b option) int { return cmp.Compare(a.Order, b.Order) })
		cat.list = append(cat.list, p)
		cat.byName[p.Name] = p
	}
	slices.SortFunc(cat.list, func(a, b property) int { return strings.Compare(a.Name, b.Name) })
	cat.describe()
	cat.content = make([]string, 0, len(cat.owner))
	for name := range cat.owner {
		cat.content = append(cat.content, name)
	}
	slices.Sort(cat.content)
	cat.asked = slices.Clone(cat.content)
	for _, name := range []string{propStage, propOwner, propMerged, propModified, propCreated} {
		if _, ok := cat.byName[name]; ok || name != propOwner && name != propStage {
			cat.asked = append(cat.asked, name)
		}
	}
	return cat
}

// key is our key for a property's name, and that name for what is none of ours.
func (c *Connector) key(name string) string {
	if c.props != nil {
		if k, ok := c.props.owner[name]; ok {
			return string(k)
		}
	}
	for _, b := range builtin {
		if b.name == name {
			return string(b.key)
		}
	}
	if name == propEmail {
		return string(record.Email)
	}
	if len(name) > 100 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return "" // no name of HubSpot's: it may be anything
	}
	return name
}

// label is the choice that people see for a value.
func (p property) label(value string) string {
	for _, o := range p.Options {
		if o.Value == value {
			return o.Label
		}
	}
	return ""
}

// value is what a record holds for a choice.
func (p property) value(label string) (string, bool) {
	for _, o := range p.Options {
		if o.Label == label {
			return o.Value, true
		}
	}
	return "", false
}
