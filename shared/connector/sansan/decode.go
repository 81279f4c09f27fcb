package sansan

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// item is the person of a card with the fields asked for; nil means all. id is the person's.
func (c *Connector) item(id string, k *card, fields []record.Key, m connector.Membership) connector.Item {
	all := record.Fields{}
	if k.completed() { // else nothing of it is known yet
		all = c.fields(id, k)
	}
	it := connector.Item{ID: id, Version: version(all), Scope: m, Record: record.Record{Kind: record.Contact, Fields: all}}
	if fields != nil {
		maps.DeleteFunc(all, func(f record.Key, _ []record.Value) bool { return !slices.Contains(fields, f) })
	}
	return it
}

// fields are the neutral values of a card. A field of which the answer has no member is unknown, one that is null is empty.
func (c *Connector) fields(person string, k *card) record.Fields {
	f := record.Fields{}
	for key, t := range map[record.Key]text{
		record.NameFamily: k.LastName, record.NameGiven: k.FirstName,
		record.NamePhoneticFamily: k.LastNameReading, record.NamePhoneticGiven: k.FirstNameReading,
		record.OrgName: k.Company, record.OrgDepartment: k.Department, record.OrgTitle: k.Title, record.URL: k.URL,
	} {
		if t.told {
			f.Set(key, t.value)
		}
	}
	if k.Email.told {
		f[record.Email] = labelled(nil, k.Email, record.LabelWork)
	}
	if k.Tel.told || k.SecondTel.told || k.Mobile.told || k.Fax.told {
		vs := labelled([]record.Value{}, k.Tel, record.LabelWork)
		if k.SecondTel.value != k.Tel.value {
			vs = labelled(vs, k.SecondTel, record.LabelWork)
		}
		vs = labelled(vs, k.Mobile, record.LabelMobile)
		f[record.Phone] = labelled(vs, k.Fax, record.LabelWorkFax)
	}
	if k.Postal.told || k.Prefecture.told || k.City.told || k.Street.told || k.Building.told || k.Address.told {
		f[record.Address] = address(k)
	}
	f.Set(record.Note, c.page.line(person, k))
	return f
}

// labelled adds a value to vs, if there is one; it never returns nil.
func labelled(vs []record.Value, t text, label string) []record.Value {
	if t.value != "" {
		return append(vs, record.Value{Text: t.value, Label: label})
	}
	if vs == nil {
		return []record.Value{}
	}
	return vs
}

// address is the one on a card. A country alone is none: Sansan knows it of cards without an address too.
func address(k *card) []record.Value {
	parts := map[record.Part]string{}
	for p, s := range map[record.Part]string{
		record.PartPostal: k.Postal.value, record.PartRegion: k.Prefecture.value, record.PartCity: k.City.value, record.PartStreet: named(k.Street, k.Building),
	} {
		if s != "" {
			parts[p] = s
		}
	}
	if len(parts) == 0 && k.Address.value != "" {
		parts[record.PartStreet] = k.Address.value
	}
	if len(parts) == 0 {
		return []record.Value{}
	}
	if k.CountryCode.value != "" {
		parts[record.PartCountryCode] = k.CountryCode.value
	}
	return []record.Value{{Parts: parts, Label: record.LabelWork}}
}

// version is a digest of the content: answers hold no time of the last update.
func version(f record.Fields) string {
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(f)) {
		put(h, string(k), strconv.Itoa(len(f[k])))
		for _, v := range f[k] {
			put(h, v.Label, v.Text, strconv.Itoa(len(v.Parts)))
			for _, p := range slices.Sorted(maps.Keys(v.Parts)) {
				put(h, string(p), v.Parts[p])
			}
		}
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// put adds texts to a digest so that no other texts add the same.
func put(h io.Writer, texts ...string) {
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s", len(t), t)
	}
}
