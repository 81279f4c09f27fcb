package google

import (
	"slices"
	"strings"

	people "google.golang.org/api/people/v1"

	"meibo/shared/record"
)

// member is one field of a Person as the API's masks name it.
type member struct {
	name string
	keys []record.Key // what Meibo keeps there; custom keys are in userDefined
	// carry puts what src holds into dst as it may be sent: items of the contact itself only, without what is output only.
	carry func(dst, src *people.Person)
}

// members are the fields that Meibo writes, in the order of the API's masks.
func members() []member {
	return []member{
		{"addresses", []record.Key{record.Address}, func(d, s *people.Person) {
			d.Addresses = own(s.Addresses, addressMeta, func(a *people.Address) { a.FormattedType = "" })
		}},
		{"biographies", []record.Key{record.Note}, func(d, s *people.Person) { d.Biographies = own(s.Biographies, bioMeta, nil) }},
		{"birthdays", []record.Key{record.Birthday}, func(d, s *people.Person) { d.Birthdays = own(s.Birthdays, birthdayMeta, nil) }},
		{"emailAddresses", []record.Key{record.Email}, func(d, s *people.Person) {
			d.EmailAddresses = own(s.EmailAddresses, emailMeta, func(e *people.EmailAddress) { e.FormattedType = "" })
		}},
		{"events", []record.Key{record.Event}, func(d, s *people.Person) {
			d.Events = own(s.Events, eventMeta, func(e *people.Event) { e.FormattedType = "" })
		}},
		{"imClients", []record.Key{record.IM}, func(d, s *people.Person) {
			d.ImClients = own(s.ImClients, imMeta, func(i *people.ImClient) { i.FormattedType, i.FormattedProtocol = "", "" })
		}},
		{"names", []record.Key{record.NamePrefix, record.NameGiven, record.NameMiddle, record.NameFamily, record.NameSuffix,
			record.NamePhoneticGiven, record.NamePhoneticMiddle, record.NamePhoneticFamily}, func(d, s *people.Person) {
			d.Names = own(s.Names, nameMeta, func(n *people.Name) { n.DisplayName, n.DisplayNameLastFirst = "", "" })
		}},
		{"nicknames", []record.Key{record.Nickname}, func(d, s *people.Person) { d.Nicknames = own(s.Nicknames, nicknameMeta, nil) }},
		{"organizations", []record.Key{record.OrgName, record.OrgDepartment, record.OrgTitle}, func(d, s *people.Person) {
			d.Organizations = own(s.Organizations, orgMeta, func(o *people.Organization) { o.FormattedType = "" })
		}},
		{"phoneNumbers", []record.Key{record.Phone}, func(d, s *people.Person) {
			d.PhoneNumbers = own(s.PhoneNumbers, phoneMeta, func(p *people.PhoneNumber) { p.FormattedType, p.CanonicalForm = "", "" })
		}},
		{"relations", []record.Key{record.Relation}, func(d, s *people.Person) {
			d.Relations = own(s.Relations, relationMeta, func(r *people.Relation) { r.FormattedType = "" })
		}},
		{"urls", []record.Key{record.URL}, func(d, s *people.Person) {
			d.Urls = own(s.Urls, urlMeta, func(u *people.Url) { u.FormattedType = "" })
		}},
		{"userDefined", nil, func(d, s *people.Person) { d.UserDefined = own(s.UserDefined, customMeta, nil) }},
	}
}

// readMask is the mask of every read and of every answer to a write: what Meibo writes, and what it needs to know. It is always the
// same, because the person's etag depends on it and a sync token is bound to it.
func readMask() string {
	names := []string{"clientData", "memberships", "metadata"}
	for _, m := range members() {
		names = append(names, m.name)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// memberOf returns the name of the member that holds k, or "" for a field that Meibo does not write at Google.
func memberOf(k record.Key) string {
	if _, ok := k.CustomName(); ok {
		return "userDefined"
	}
	for _, m := range members() {
		if slices.Contains(m.keys, k) {
			return m.name
		}
	}
	return ""
}

// carry returns a person with the named members of p only.
func carry(p *people.Person, names []string) *people.Person {
	q := &people.Person{}
	for _, m := range members() {
		if slices.Contains(names, m.name) {
			m.carry(q, p)
		}
	}
	return q
}

// own returns copies of the items that are the contact's own, without metadata and without what strip clears. Of the metadata only
// a choice of the primary item that differs from Google's own, the first one, is worth sending.
func own[T any](items []*T, meta func(*T) **people.FieldMetadata, strip func(*T)) []*T {
	var kept []*T
	for _, it := range items {
		if it == nil || !contactItem(*meta(it)) {
			continue
		}
		c := *it
		m := meta(&c)
		if chosen := len(kept) > 0 && *m != nil && (*m).SourcePrimary; chosen {
			*m = &people.FieldMetadata{SourcePrimary: true}
		} else {
			*m = nil
		}
		if strip != nil {
			strip(&c)
		}
		kept = append(kept, &c)
	}
	return kept
}

// contactItem reports whether an item is the contact's own and not a Google profile's.
func contactItem(m *people.FieldMetadata) bool {
	return m == nil || m.Source == nil || m.Source.Type == "" || m.Source.Type == contactSource
}

const contactSource = "CONTACT"

func addressMeta(a *people.Address) **people.FieldMetadata    { return &a.Metadata }
func bioMeta(b *people.Biography) **people.FieldMetadata      { return &b.Metadata }
func birthdayMeta(b *people.Birthday) **people.FieldMetadata  { return &b.Metadata }
func emailMeta(e *people.EmailAddress) **people.FieldMetadata { return &e.Metadata }
func eventMeta(e *people.Event) **people.FieldMetadata        { return &e.Metadata }
func imMeta(i *people.ImClient) **people.FieldMetadata        { return &i.Metadata }
func nameMeta(n *people.Name) **people.FieldMetadata          { return &n.Metadata }
func nicknameMeta(n *people.Nickname) **people.FieldMetadata  { return &n.Metadata }
func orgMeta(o *people.Organization) **people.FieldMetadata   { return &o.Metadata }
func phoneMeta(p *people.PhoneNumber) **people.FieldMetadata  { return &p.Metadata }
func relationMeta(r *people.Relation) **people.FieldMetadata  { return &r.Metadata }
func urlMeta(u *people.Url) **people.FieldMetadata            { return &u.Metadata }
func customMeta(u *people.UserDefined) **people.FieldMetadata { return &u.Metadata }
