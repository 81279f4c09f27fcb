package graph

import (
	"slices"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// body builds what is sent of one contact. What has no value is sent as null, for which the library's types have no word but their
// additional data.
type body struct {
	models.Contactable
	nulls map[string]any
}

func newBody() body {
	b := body{models.NewContact(), map[string]any{}}
	b.SetOdataType(nil) // the path says what it is
	return b
}

// finish returns the contact to send.
func (b body) finish() models.Contactable {
	b.SetAdditionalData(b.nulls)
	return b.Contactable
}

// text sets a member that holds one text.
func (b body) text(m member, s string) {
	if s == "" {
		b.nulls[m.name] = nil
		return
	}
	m.set(b, &s)
}

// encode builds the contact of a write that gives fields to what the target held, which is nil for a new contact. Members of which
// nothing changes are left out, and what Outlook keeps beside Meibo's values stays.
func encode(fields record.Fields, held contact) (models.Contactable, error) {
	b := newBody()
	for k := range fields {
		if !slices.ContainsFunc(members(), func(m member) bool { return m.key == k }) {
			return nil, &connector.InvalidError{System: System, Field: string(k), Reason: "Meibo cannot write this field: take it out of the mapping"}
		}
	}
	for _, m := range members() {
		vs, given := fields[m.key]
		if !given {
			continue
		}
		if err := b.member(m, vs, held); err != nil {
			return nil, err
		}
	}
	b.names(fields, held)
	return b.finish(), nil
}

func (b body) member(m member, vs []record.Value, held contact) error {
	if m.label != "" {
		if err := placed(m.key, vs); err != nil {
			return err
		}
		vs = slices.DeleteFunc(slices.Clone(vs), func(v record.Value) bool { return v.Label != m.label })
	}
	switch {
	case m.key == record.Email:
		return b.emails(vs, held)
	case m.key == record.Address:
		if len(vs) > 1 {
			return tooMany(m.key)
		}
		b.address(m, vs, held)
	case m.key == record.Birthday:
		return b.birthday(vs)
	case m.isList():
		return b.list(m, vs, held)
	case len(vs) > 1:
		return tooMany(m.key)
	default:
		text := ""
		if len(vs) > 0 {
			text = vs[0].Text
		}
		if m.label != "" && text == held.text(m.name) {
			return nil // another place of the field is what changes
		}
		b.text(m, text)
	}
	return nil
}

// placed refuses values of a field with places that are in none of them.
func placed(k record.Key, vs []record.Value) error {
	for _, v := range vs {
		if !slices.ContainsFunc(members(), func(m member) bool { return m.key == k && m.label == v.Label }) {
			return &connector.InvalidError{System: System, Field: string(k), Reason: "Outlook has no place for a value of this kind"}
		}
	}
	return nil
}

func tooMany(k record.Key) error {
	return &connector.InvalidError{System: System, Field: string(k), Reason: "there are more values than a contact in Outlook holds"}
}

// emails sets the addresses. An address that stays keeps the name that Outlook has with it; entries without an address, which Meibo
// does not see, stay as long as there is room.
func (b body) emails(vs []record.Value, held contact) error {
	old := held.emails()
	var all []models.EmailAddressable
	add := func(e email) {
		one := models.NewEmailAddress()
		one.SetOdataType(nil)
		if e.Address != "" {
			one.SetAddress(&e.Address)
		}
		if e.Name != "" {
			one.SetName(&e.Name)
		}
		all = append(all, one)
	}
	for _, v := range vs {
		e := email{Address: v.Text}
		if i := slices.IndexFunc(old, func(o email) bool { return o.Address == v.Text }); i >= 0 {
			e = old[i]
			old = slices.Delete(old, i, i+1)
		}
		add(e)
	}
	for _, o := range old {
		if o.Address == "" && o.Name != "" {
			add(o)
		}
	}
	if len(all) > max(maxEmails, len(held.emails())) {
		return tooMany(record.Email)
	}
	if all == nil {
		all = []models.EmailAddressable{}
	}
	b.SetEmailAddresses(all)
	return nil
}

// list sets an array of texts, unless it is as it should be.
func (b body) list(m member, vs []record.Value, held contact) error {
	all, had := []string{}, slices.DeleteFunc(held.texts(m.name), func(s string) bool { return s == "" })
	for _, v := range vs {
		all = append(all, v.Text)
	}
	switch {
	case len(all) > max(m.capacity(), len(had)):
		return tooMany(m.key)
	case slices.Equal(all, had):
		return nil
	}
	switch m.name {
	case "businessPhones":
		b.SetBusinessPhones(all)
	case "homePhones":
		b.SetHomePhones(all)
	case "imAddresses":
		b.SetImAddresses(all)
	}
	return nil
}

// address sets a postal address with all of its parts, since it is replaced as a whole; unless it is as it should be.
func (b body) address(m member, vs []record.Value, held contact) {
	var want record.Value
	if len(vs) > 0 {
		want = vs[0]
	}
	if sameParts(want, held.address(m.name).value(m.label)) {
		return
	}
	a, nulls := models.NewPhysicalAddress(), map[string]any{}
	a.SetOdataType(nil)
	for _, p := range []struct {
		part record.Part
		name string
		set  func(*string)
	}{
		{record.PartStreet, "street", a.SetStreet},
		{record.PartCity, "city", a.SetCity},
		{record.PartRegion, "state", a.SetState},
		{record.PartPostal, "postalCode", a.SetPostalCode},
		{record.PartCountry, "countryOrRegion", a.SetCountryOrRegion},
	} {
		if s := want.Parts[p.part]; s != "" {
			p.set(&s)
		} else {
			nulls[p.name] = nil
		}
	}
	a.SetAdditionalData(nulls)
	switch m.name {
	case "businessAddress":
		b.SetBusinessAddress(a)
	case "homeAddress":
		b.SetHomeAddress(a)
	case "otherAddress":
		b.SetOtherAddress(a)
	}
}

func sameParts(a, b record.Value) bool {
	for _, p := range []record.Part{record.PartStreet, record.PartCity, record.PartRegion, record.PartPostal, record.PartCountry} {
		if a.Parts[p] != b.Parts[p] {
			return false
		}
	}
	return true
}

func (b body) birthday(vs []record.Value) error {
	if len(vs) == 0 {
		b.nulls["birthday"] = nil
		return nil
	}
	day := vs[0].Text
	if md, ok := strings.CutPrefix(day, "--"); ok { // what was read as a day without its year
		day = noYear + md
	}
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return &connector.InvalidError{System: System, Field: string(record.Birthday), Reason: "the value is not a date"}
	}
	b.SetBirthday(&t)
	return nil
}

// names sends displayName and fileAs along with parts of the name. A new contact gets its fileAs from Outlook.
func (b body) names(fields record.Fields, held contact) {
	named := slices.ContainsFunc(nameKeys(), func(k record.Key) bool { _, given := fields[k]; return given && k != record.OrgName })
	_, company := fields[record.OrgName]
	if !named && (!company || styles()[0](partsOf(held.fields())) != "") {
		return // the company is shown only where there is no name
	}
	before, after := parts{}, partsOf(fields)
	if held != nil {
		before = partsOf(held.fields())
		for _, k := range nameKeys() {
			if _, given := fields[k]; !given {
				after[k] = before[k]
			}
		}
	}
	display := restyled(held.text("displayName"), before, after)
	if display != "" {
		b.SetDisplayName(&display)
	} else if held != nil {
		b.nulls["displayName"] = nil
	}
	if file := held.text("fileAs"); file != "" {
		if now := restyled(file, before, after); now != "" {
			b.SetFileAs(&now)
		}
	}
}
