package google

import (
	"context"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// Describe states the catalogue, which is the same for every account but for the custom fields. It makes no call. Google states no
// lengths. Every key of a person's own fields is possible, whether the catalogue lists it or not: listings return what they see.
func (c *Connector) Describe(context.Context) (connector.Description, error) {
	return connector.Description{
		Name:   System,
		Kind:   record.Contact,
		Fields: append(catalogue(), customFields(c.cfg.CustomKeys)...),
		Batch:  connector.Batch{List: pageSize, Get: getSize, Create: createSize, Update: updateSize, Delete: deleteSize},

		QuietCalls:     1,
		VersionChecked: true,
		WritesInSeries: true,
		StoresMark:     true,

		Visibility: c.cfg.Visibility,
		// A token dies 7 days after the full listing that began its chain (sheet 3.3).
		FullListingEvery: 6 * 24 * time.Hour,
	}, nil
}

func catalogue() []record.Field {
	one := func(k record.Key, t record.Type, name string) record.Field {
		return record.Field{Key: k, Type: t, Name: name, Max: 1}
	}
	many := func(k record.Key, t record.Type, name string) record.Field {
		return record.Field{Key: k, Type: t, Name: name, Labelled: true}
	}
	im, address := many(record.IM, record.TypeIM, "Chat"), many(record.Address, record.TypeAddress, "Address")
	im.Parts = []record.Part{record.PartService}
	address.Parts = []record.Part{record.PartPOBox, record.PartExtended, record.PartStreet, record.PartCity, record.PartRegion,
		record.PartPostal, record.PartCountry, record.PartCountryCode}
	photo := one(record.Photo, record.TypePhoto, "Photo")
	photo.ReadOnly = true
	return []record.Field{
		one(record.NamePrefix, record.TypeText, "Name prefix"),
		one(record.NameGiven, record.TypeText, "First name"),
		one(record.NameMiddle, record.TypeText, "Middle name"),
		one(record.NameFamily, record.TypeText, "Last name"),
		one(record.NameSuffix, record.TypeText, "Name suffix"),
		one(record.NamePhoneticGiven, record.TypeText, "Phonetic first name"),
		one(record.NamePhoneticMiddle, record.TypeText, "Phonetic middle name"),
		one(record.NamePhoneticFamily, record.TypeText, "Phonetic last name"),
		{Key: record.Nickname, Type: record.TypeText, Name: "Nickname"},
		many(record.Email, record.TypeEmail, "Email"),
		many(record.Phone, record.TypePhone, "Phone"),
		address,
		im,
		many(record.URL, record.TypeURL, "Website"),
		one(record.OrgName, record.TypeText, "Company"),
		one(record.OrgDepartment, record.TypeText, "Department"),
		one(record.OrgTitle, record.TypeText, "Job title"),
		one(record.Birthday, record.TypeDate, "Birthday"),
		many(record.Event, record.TypeDate, "Significant date"),
		many(record.Relation, record.TypeText, "Related person"),
		one(record.Note, record.TypeLongText, "Notes"),
		photo,
	}
}

func customFields(keys []string) []record.Field {
	fs := make([]record.Field, len(keys))
	for i, k := range keys {
		fs[i] = record.Field{Key: record.Custom(k), Type: record.TypeText, Name: k, Max: 1, Custom: true}
	}
	return fs
}
