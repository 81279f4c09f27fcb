package google

import (
	"maps"
	"slices"

	people "google.golang.org/api/people/v1"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// encode changes p, which carry made, so that the named fields hold the given values. What else the members of p hold stays:
// items that are not Meibo's, and attributes of items whose value stays.
func encode(p *people.Person, fields record.Fields) error {
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		vs := fields[k]
		switch k {
		case record.Email:
			p.EmailAddresses = keep(p.EmailAddresses, vs, readEmail, func(e *people.EmailAddress, t string) { e.Type = t }, newEmail)
		case record.Phone:
			p.PhoneNumbers = keep(p.PhoneNumbers, vs, readPhone, func(n *people.PhoneNumber, t string) { n.Type = t }, newPhone)
		case record.Address:
			p.Addresses = keep(p.Addresses, vs, readAddress, func(a *people.Address, t string) { a.Type = t }, newAddress)
		case record.IM:
			p.ImClients = keep(p.ImClients, vs, readIM, func(i *people.ImClient, t string) { i.Type = t }, newIM)
		case record.URL:
			p.Urls = keep(p.Urls, vs, readURL, func(u *people.Url, t string) { u.Type = t }, newURL)
		case record.Relation:
			p.Relations = keep(p.Relations, vs, readRelation, func(r *people.Relation, t string) { r.Type = t }, newRelation)
		case record.Event:
			for _, v := range vs {
				if _, ok := dateOf(v.Text); !ok {
					return noDate(k)
				}
			}
			p.Events = keep(p.Events, vs, readEvent, func(e *people.Event, t string) { e.Type = t }, newEvent)
		case record.Birthday:
			if err := setBirthday(p, fields.First(k)); err != nil {
				return err
			}
		case record.Note:
			setNote(p, fields.First(k))
		case record.Nickname:
			p.Nicknames = keep(p.Nicknames, vs, readNickname, func(*people.Nickname, string) {}, newNickname)
		default:
			if custom, ok := k.CustomName(); ok {
				setCustom(p, custom, fields.First(k))
			} else if !setName(p, k, fields.First(k)) && !setOrganization(p, k, fields.First(k)) {
				return &connector.InvalidError{System: System, Field: string(k), Reason: "Meibo cannot write this field: take it out of the mapping"}
			}
		}
	}
	return nil
}

func noDate(k record.Key) error {
	return &connector.InvalidError{System: System, Field: string(k), Reason: "the value is not a date"}
}

// keep returns items for the values: the item that says the same, else the one that says it under another label, else a new one.
// Items that hold no value of Meibo's follow at the end.
func keep[T any](items []*T, vs []record.Value, read func(*T) (record.Value, bool), setType func(*T, string), fresh func(record.Value) *T) []*T {
	had := make([]record.Value, len(items))
	free := make([]bool, len(items))
	for i, it := range items {
		had[i], free[i] = read(it)
	}
	var others []*T
	for i, it := range items {
		if !free[i] {
			others = append(others, it)
		}
	}
	kept := make([]*T, len(vs))
	for _, sameLabel := range []bool{true, false} {
		for n, v := range vs {
			for i := range items {
				if kept[n] == nil && free[i] && equal(had[i], v, sameLabel) {
					kept[n], free[i] = items[i], false
					if !sameLabel {
						setType(items[i], typeOf(v.Label))
					}
				}
			}
		}
	}
	for n, v := range vs {
		if kept[n] == nil {
			kept[n] = fresh(v)
		}
	}
	return append(kept, others...)
}

func equal(a, b record.Value, label bool) bool {
	if a.Text != b.Text || label && a.Label != b.Label {
		return false
	}
	for _, p := range [][2]record.Value{{a, b}, {b, a}} {
		for k, s := range p[0].Parts {
			if s != p[1].Parts[k] {
				return false
			}
		}
	}
	return true
}

// setName sets one part of the name, and reports whether k is one. The name in one piece goes, because it would contradict the
// part; so does the phonetic one.
func setName(p *people.Person, k record.Key, text string) bool {
	n := wholeName(p)
	n.ForceSendFields, n.NullFields = nil, nil
	switch k {
	case record.NamePrefix:
		n.HonorificPrefix = text
	case record.NameGiven:
		n.GivenName = text
	case record.NameMiddle:
		n.MiddleName = text
	case record.NameFamily:
		n.FamilyName = text
	case record.NameSuffix:
		n.HonorificSuffix = text
	case record.NamePhoneticGiven:
		n.PhoneticGivenName = text
	case record.NamePhoneticMiddle:
		n.PhoneticMiddleName = text
	case record.NamePhoneticFamily:
		n.PhoneticFamilyName = text
	default:
		return false
	}
	switch k {
	case record.NamePhoneticGiven, record.NamePhoneticMiddle, record.NamePhoneticFamily:
		n.PhoneticFullName = ""
	}
	n.UnstructuredName = ""
	p.Names = nil
	if n.HonorificPrefix+n.GivenName+n.MiddleName+n.FamilyName+n.HonorificSuffix+n.PhoneticGivenName+n.PhoneticMiddleName+n.PhoneticFamilyName+
		n.PhoneticFullName+n.PhoneticHonorificPrefix+n.PhoneticHonorificSuffix != "" {
		p.Names = []*people.Name{&n}
	}
	return true
}

// setOrganization sets one field of the main organization, and reports whether k is one. An organization that says nothing any more
// goes; all others stay.
func setOrganization(p *people.Person, k record.Key, text string) bool {
	i, o := mainOrganization(p.Organizations), people.Organization{}
	if i >= 0 {
		o = *p.Organizations[i]
	}
	switch k {
	case record.OrgName:
		o.Name = text
	case record.OrgDepartment:
		o.Department = text
	case record.OrgTitle:
		o.Title = text
	default:
		return false
	}
	empty := o.Name+o.Department+o.Title+o.JobDescription+o.Location+o.Domain+o.Symbol+o.CostCenter+o.PhoneticName == "" &&
		o.StartDate == nil && o.EndDate == nil && o.FullTimeEquivalentMillipercent == 0
	switch {
	case i >= 0 && empty:
		p.Organizations = slices.Delete(slices.Clone(p.Organizations), i, i+1)
	case i >= 0:
		p.Organizations[i] = &o
	case !empty:
		p.Organizations = []*people.Organization{&o}
	}
	return true
}

func setBirthday(p *people.Person, text string) error {
	p.Birthdays = nil
	if text == "" {
		return nil
	}
	d, ok := dateOf(text)
	if !ok {
		return noDate(record.Birthday)
	}
	p.Birthdays = []*people.Birthday{{Date: d}}
	return nil
}

func setNote(p *people.Person, text string) {
	p.Biographies = nil
	if text != "" {
		p.Biographies = []*people.Biography{{Value: text, ContentType: "TEXT_PLAIN"}}
	}
}

// setCustom changes the first of several entries with one key, the one that is read.
func setCustom(p *people.Person, key, text string) {
	i := slices.IndexFunc(p.UserDefined, func(u *people.UserDefined) bool { return u.Key == key })
	switch {
	case i >= 0 && text == "":
		p.UserDefined = slices.Delete(slices.Clone(p.UserDefined), i, i+1)
	case i >= 0:
		p.UserDefined[i].Value = text
	case text != "":
		p.UserDefined = append(p.UserDefined, &people.UserDefined{Key: key, Value: text})
	}
}
