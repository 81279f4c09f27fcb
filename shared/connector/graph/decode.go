package graph

import (
	"encoding/json"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// contact is a contact as the API answered it, by member. It is what Item.Raw holds.
type contact map[string]json.RawMessage

// text returns a member's text; "" for one that is null, absent or no text.
func (c contact) text(name string) string {
	var s string
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

// texts returns the texts of an array.
func (c contact) texts(name string) []string {
	var all []string
	if json.Unmarshal(c[name], &all) != nil {
		return nil
	}
	return all
}

// email is an e-mail address of the API. Its name is Outlook's own and is kept.
type email struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
}

func (c contact) emails() []email {
	var all []email
	if json.Unmarshal(c["emailAddresses"], &all) != nil {
		return nil
	}
	return all
}

// address is a postal address of the API.
type address struct {
	Street  string `json:"street"`
	City    string `json:"city"`
	State   string `json:"state"`
	Country string `json:"countryOrRegion"`
	Postal  string `json:"postalCode"`
}

func (c contact) address(name string) address {
	var a address
	if json.Unmarshal(c[name], &a) != nil {
		return address{}
	}
	return a
}

// version is the change key, without which an answer is no contact.
func (c contact) version() string {
	if k := c.text("changeKey"); k != "" {
		return k
	}
	return strings.TrimSuffix(strings.TrimPrefix(c.text("@odata.etag"), `W/"`), `"`)
}

// etag is what If-Match takes.
func (c contact) etag() string {
	if e := c.text("@odata.etag"); e != "" {
		return e
	}
	return `W/"` + c.version() + `"`
}

// isWhole reports whether the API told every member that Meibo reads. A listing may leave some out (sheet 8); what is not told is not
// empty.
func (c contact) isWhole() bool {
	for _, m := range members() {
		if _, told := c[m.name]; !told {
			return false
		}
	}
	return c.version() != ""
}

// item returns the contact as the engine sees it; false if it is none.
func (c contact) item(scope connector.Membership) (connector.Item, bool) {
	it := connector.Item{
		ID: c.text("id"), Version: c.version(), Scope: scope, Raw: c,
		Record: record.Record{Kind: record.Contact, Fields: c.fields()},
	}
	if t, err := time.Parse(time.RFC3339, c.text("createdDateTime")); err == nil {
		it.Created = t.UTC()
	}
	return it, it.ID != "" && it.Version != ""
}

// fields reads the members. A field of which no member was told stays unknown.
func (c contact) fields() record.Fields {
	f := record.Fields{}
	for _, m := range members() {
		if _, told := c[m.name]; !told {
			continue
		}
		switch {
		case m.key == record.Birthday:
			c.birthday(f)
			continue
		case f[m.key] == nil:
			f[m.key] = []record.Value{}
		}
		f[m.key] = append(f[m.key], c.values(m)...)
	}
	return f
}

func (c contact) values(m member) []record.Value {
	var vs []record.Value
	text := func(s string) {
		if s != "" {
			vs = append(vs, record.Value{Text: s, Label: m.label})
		}
	}
	switch {
	case m.key == record.Email:
		for _, e := range c.emails() {
			text(e.Address)
		}
	case m.key == record.Address:
		if v := c.address(m.name).value(m.label); !v.IsEmpty() {
			vs = append(vs, v)
		}
	case m.isList():
		for _, s := range c.texts(m.name) {
			text(s)
		}
	default:
		text(c.text(m.name))
	}
	return vs
}

func (a address) value(label string) record.Value {
	v := record.Value{Label: label, Parts: map[record.Part]string{}}
	for p, s := range map[record.Part]string{record.PartStreet: a.Street, record.PartCity: a.City, record.PartRegion: a.State,
		record.PartCountry: a.Country, record.PartPostal: a.Postal} {
		if s != "" {
			v.Parts[p] = s
		}
	}
	return v
}

// The years that stand for something else (sheet 5.3).
const (
	noDate = "0001-01-01" // no birthday
	noYear = "1604-"      // a birthday without its year
)

// birthday takes the date as it is written, whatever the time of day and the zone beside it (sheet 5.3). What is no date stays
// unknown, so that it is neither told to others nor overwritten.
func (c contact) birthday(f record.Fields) {
	day, _, _ := strings.Cut(c.text("birthday"), "T")
	_, err := time.Parse(time.DateOnly, day)
	switch {
	case day == "", day == noDate:
		f.Set(record.Birthday, "")
	case err != nil:
	case strings.HasPrefix(day, noYear):
		f.Set(record.Birthday, "-"+strings.TrimPrefix(day, "1604"))
	default:
		f.Set(record.Birthday, day)
	}
}
