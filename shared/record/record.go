package record

import "strings"

// Kind is what a record is about.
type Kind string

// Contact is a person or an organisation in an address book.
const Contact Kind = "contact"

// Key names a field of a record. A vendor's custom field is "custom:" followed by the vendor's own key.
type Key string

// The field keys of a contact.
const (
	NamePrefix         Key = "name.prefix"
	NameGiven          Key = "name.given"
	NameMiddle         Key = "name.middle"
	NameFamily         Key = "name.family"
	NameSuffix         Key = "name.suffix"
	NamePhoneticGiven  Key = "name.phonetic_given"
	NamePhoneticMiddle Key = "name.phonetic_middle"
	NamePhoneticFamily Key = "name.phonetic_family"
	Nickname           Key = "nickname"
	Email              Key = "email"
	Phone              Key = "phone"
	Address            Key = "address"
	IM                 Key = "im"
	URL                Key = "url"
	OrgName            Key = "org.name"
	OrgDepartment      Key = "org.department"
	OrgTitle           Key = "org.title"
	Birthday           Key = "birthday"
	Event              Key = "event" // dated days other than the birthday; the label says which (anniversary, ...)
	Relation           Key = "relation"
	Note               Key = "note"
	Photo              Key = "photo"
)

const customPrefix = "custom:"

// Custom returns the key of a vendor's custom field.
func Custom(vendorKey string) Key { return Key(customPrefix + vendorKey) }

// CustomName returns the vendor's own key of a custom field, and whether k is one.
func (k Key) CustomName() (string, bool) { return strings.CutPrefix(string(k), customPrefix) }

// Type says how values of a field are compared and which parts of Value they use.
type Type string

// The field types. Text types keep their value in Value.Text.
const (
	TypeText     Type = "text"      // one line
	TypeLongText Type = "long_text" // line breaks allowed
	TypeEmail    Type = "email"     // RFC 5321 mailbox in Text
	TypePhone    Type = "phone"     // as typed, in Text
	TypeAddress  Type = "address"   // in Parts; Text only when the side has no parts for it
	TypeDate     Type = "date"      // "2006-01-02", or "--01-02" when the year is not known, in Text
	TypeIM       Type = "im"        // handle in Text, service in Parts[PartService]
	TypeURL      Type = "url"
	TypeChoice   Type = "choice" // one of Field.Choices
	TypeBool     Type = "bool"   // "true" or "false"
	TypeNumber   Type = "number" // decimal, "." as the point
	TypePhoto    Type = "photo"  // never held as text: see Photographer of package connector
)

// Part names a component of an address, or of another value that has components.
type Part string

// Address parts follow the ADR components of RFC 6350 section 6.3.1, with the country's ISO 3166-1 alpha-2 code beside its
// name. PartService belongs to TypeIM.
const (
	PartPOBox       Part = "po_box"
	PartExtended    Part = "extended"
	PartStreet      Part = "street"
	PartCity        Part = "city"
	PartRegion      Part = "region"
	PartPostal      Part = "postal"
	PartCountry     Part = "country"
	PartCountryCode Part = "country_code"
	PartService     Part = "service"
)

// The labels that sides share. Any other text is a label that a person made up, and is kept as it is.
const (
	LabelHome      = "home"
	LabelWork      = "work"
	LabelMobile    = "mobile"
	LabelMain      = "main"
	LabelHomeFax   = "home_fax"
	LabelWorkFax   = "work_fax"
	LabelOtherFax  = "other_fax"
	LabelPager     = "pager"
	LabelAssistant = "assistant"
	LabelOther     = "other"
	LabelBirthday  = "birthday"
	LabelJubilee   = "anniversary"
)

// Value is one value of a field, exactly as a side holds it.
type Value struct {
	Text    string          `json:"text,omitempty"`
	Parts   map[Part]string `json:"parts,omitempty"`
	Label   string          `json:"label,omitempty"`
	Primary bool            `json:"primary,omitempty"`
}

// IsEmpty reports whether v holds nothing but perhaps a label.
func (v Value) IsEmpty() bool {
	if v.Text != "" {
		return false
	}
	for p, s := range v.Parts {
		if s != "" && p != PartService {
			return false
		}
	}
	return true
}

// Fields maps a field key to its values in the side's order. A key that is absent is unknown (hidden, not asked for, not set
// up at the vendor) and never travels; a key that is present with no values is empty.
type Fields map[Key][]Value

// First returns the text of the first value of k, or "".
func (f Fields) First(k Key) string {
	if vs := f[k]; len(vs) > 0 {
		return vs[0].Text
	}
	return ""
}

// Set makes text the single value of k; an empty text makes k empty.
func (f Fields) Set(k Key, text string) {
	if text == "" {
		f[k] = []Value{}
		return
	}
	f[k] = []Value{{Text: text}}
}

// Clone returns a deep copy of f.
func (f Fields) Clone() Fields {
	if f == nil {
		return nil
	}
	c := make(Fields, len(f))
	for k, vs := range f {
		c[k] = CloneValues(vs)
	}
	return c
}

// CloneValues returns a deep copy of vs; it never returns nil.
func CloneValues(vs []Value) []Value {
	c := make([]Value, len(vs))
	for i, v := range vs {
		c[i] = v
		if v.Parts != nil {
			c[i].Parts = make(map[Part]string, len(v.Parts))
			for p, s := range v.Parts {
				c[i].Parts[p] = s
			}
		}
	}
	return c
}

// Record is a record as one side holds it.
type Record struct {
	Kind   Kind   `json:"kind"`
	Fields Fields `json:"fields"`
}
