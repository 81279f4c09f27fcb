package google

import (
	"slices"
	"strconv"
	"strings"

	people "google.golang.org/api/people/v1"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// source returns the CONTACT source of p, or nil if p is no contact.
func source(p *people.Person) *people.Source {
	if p == nil || p.Metadata == nil {
		return nil
	}
	for _, s := range p.Metadata.Sources {
		if s != nil && s.Type == contactSource {
			return s
		}
	}
	return nil
}

// stableName is the resource name that follows from the CONTACT source's id, "" if it does not (sheet 3.3).
func stableName(s *people.Source) string {
	if s == nil {
		return ""
	}
	n, err := strconv.ParseUint(s.Id, 16, 64)
	if err != nil {
		return ""
	}
	return "people/c" + strconv.FormatUint(n, 10)
}

// item returns p as the engine sees it; false if p is no contact. customs are the custom fields that were asked for: one that p
// lacks is empty, not unknown.
func item(p *people.Person, groups []string, customs []string) (connector.Item, bool) {
	src := source(p)
	if src == nil || p.ResourceName == "" {
		return connector.Item{}, false
	}
	it := connector.Item{
		ID:      p.ResourceName,
		Version: src.Etag,
		Record:  record.Record{Kind: record.Contact, Fields: fields(p, customs)},
		Scope:   membership(p, groups),
		Raw:     p,
	}
	for _, d := range p.ClientData {
		if d != nil && d.Key == markKey && contactItem(d.Metadata) {
			it.Mark = d.Value
			break
		}
	}
	return it, true
}

func membership(p *people.Person, groups []string) connector.Membership {
	if len(groups) == 0 {
		return connector.InScope
	}
	for _, m := range p.Memberships {
		if m == nil || m.ContactGroupMembership == nil {
			continue
		}
		g := m.ContactGroupMembership
		if slices.Contains(groups, g.ContactGroupResourceName) || g.ContactGroupId != "" && slices.Contains(groups, groupPrefix+g.ContactGroupId) {
			return connector.InScope
		}
	}
	return connector.OutOfScope
}

// fields reads p. Google keeps one primary item per field on its own account, the first; nobody chooses it, so it is not told.
func fields(p *people.Person, customs []string) record.Fields {
	f := record.Fields{}
	n := wholeName(p)
	f.Set(record.NamePrefix, n.HonorificPrefix)
	f.Set(record.NameGiven, n.GivenName)
	f.Set(record.NameMiddle, n.MiddleName)
	f.Set(record.NameFamily, n.FamilyName)
	f.Set(record.NameSuffix, n.HonorificSuffix)
	f.Set(record.NamePhoneticGiven, n.PhoneticGivenName)
	f.Set(record.NamePhoneticMiddle, n.PhoneticMiddleName)
	f.Set(record.NamePhoneticFamily, n.PhoneticFamilyName)
	f[record.Nickname] = values(p.Nicknames, nicknameMeta, readNickname)
	f[record.Email] = values(p.EmailAddresses, emailMeta, readEmail)
	f[record.Phone] = values(p.PhoneNumbers, phoneMeta, readPhone)
	f[record.Address] = values(p.Addresses, addressMeta, readAddress)
	f[record.IM] = values(p.ImClients, imMeta, readIM)
	f[record.URL] = values(p.Urls, urlMeta, readURL)
	f[record.Event] = values(p.Events, eventMeta, readEvent)
	f[record.Relation] = values(p.Relations, relationMeta, readRelation)
	var o people.Organization
	if i := mainOrganization(p.Organizations); i >= 0 {
		o = *p.Organizations[i]
	}
	f.Set(record.OrgName, o.Name)
	f.Set(record.OrgDepartment, o.Department)
	f.Set(record.OrgTitle, o.Title)
	f.Set(record.Note, "")
	if b := first(p.Biographies, bioMeta); b != nil {
		f.Set(record.Note, b.Value)
	}
	readBirthday(f, p)
	for _, k := range customs {
		f.Set(record.Custom(k), "")
	}
	for i := len(p.UserDefined) - 1; i >= 0; i-- { // the first of several with one key wins
		if u := p.UserDefined[i]; u != nil && u.Key != "" && contactItem(u.Metadata) {
			f.Set(record.Custom(u.Key), u.Value)
		}
	}
	return f
}

// readBirthday leaves a birthday that is only free text, or has no day, unknown: it must not travel, nor be overwritten.
func readBirthday(f record.Fields, p *people.Person) {
	b := first(p.Birthdays, birthdayMeta)
	if b == nil || b.Date == nil && b.Text == "" {
		f.Set(record.Birthday, "")
	} else if text, ok := dateText(b.Date); ok {
		f.Set(record.Birthday, text)
	}
}

// wholeName returns the contact's name. One that was only ever stored in one piece counts as a given name, as Google shows it.
func wholeName(p *people.Person) people.Name {
	n := first(p.Names, nameMeta)
	if n == nil {
		return people.Name{}
	}
	w := *n
	if w.HonorificPrefix+w.GivenName+w.MiddleName+w.FamilyName+w.HonorificSuffix == "" {
		w.GivenName = strings.TrimSpace(w.UnstructuredName)
	}
	return w
}

// mainOrganization is the index of the current organization, else of the first; -1 if there is none.
func mainOrganization(os []*people.Organization) int {
	mine := func(o *people.Organization) bool { return o != nil && contactItem(o.Metadata) }
	if i := slices.IndexFunc(os, func(o *people.Organization) bool { return mine(o) && o.Current }); i >= 0 {
		return i
	}
	return slices.IndexFunc(os, mine)
}

func first[T any](items []*T, meta func(*T) **people.FieldMetadata) *T {
	for _, it := range items {
		if it != nil && contactItem(*meta(it)) {
			return it
		}
	}
	return nil
}

func values[T any](items []*T, meta func(*T) **people.FieldMetadata, read func(*T) (record.Value, bool)) []record.Value {
	vs := []record.Value{}
	for _, it := range items {
		if it == nil || !contactItem(*meta(it)) {
			continue
		}
		if v, ok := read(it); ok {
			vs = append(vs, v)
		}
	}
	return vs
}
