package graph

import (
	"context"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// textOnly is the only part of a value that has no others. Graph keeps no service with an instant-messaging address.
const textOnly record.Part = "text"

// Describe states the catalogue, which is the same for every account. The calls it makes count the folders, because a quiet listing
// of everything costs one call for each; a chosen folder costs one, and once an hour a listing of everything looks for new folders.
// Microsoft states no lengths.
//
// Updates carry If-Match, but since that is not documented for contacts no promise is built on it (VersionChecked).
func (c *Connector) Describe(ctx context.Context) (connector.Description, error) {
	folders, err := c.folders(ctx, "")
	if err != nil {
		return connector.Description{}, err
	}
	return connector.Description{
		Name:   System,
		Kind:   record.Contact,
		Fields: catalogue(),
		Batch:  connector.Batch{List: pageSize, Get: batchSize, Create: batchSize, Update: batchSize, Delete: batchSize},

		QuietCalls: len(folders),
		Visibility: c.cfg.Visibility,
	}, nil
}

// The labels of the people that Outlook has a place for.
const (
	labelSpouse  = "spouse"
	labelManager = "manager"
)

func catalogue() []record.Field {
	one := func(k record.Key, t record.Type, name string) record.Field {
		return record.Field{Key: k, Type: t, Name: name, Max: 1}
	}
	birthday, photo := one(record.Birthday, record.TypeDate, "Birthday"), one(record.Photo, record.TypePhoto, "Photo")
	birthday.WholeDate, photo.ReadOnly = true, true
	anyPhone := []string{record.LabelMain, record.LabelOther, record.LabelAssistant, ""}
	return []record.Field{
		one(record.NamePrefix, record.TypeText, "Title"),
		one(record.NameGiven, record.TypeText, "First name"),
		one(record.NameMiddle, record.TypeText, "Middle name"),
		one(record.NameFamily, record.TypeText, "Last name"),
		one(record.NameSuffix, record.TypeText, "Suffix"),
		one(record.NamePhoneticGiven, record.TypeText, "Yomi first name"),
		one(record.NamePhoneticFamily, record.TypeText, "Yomi last name"),
		one(record.Nickname, record.TypeText, "Nickname"),
		{Key: record.Email, Type: record.TypeEmail, Name: "Email", Max: maxEmails},
		// Faxes, pagers and a second mobile have no place in the API; they stay on the other side.
		{Key: record.Phone, Type: record.TypePhone, Name: "Phone", Slots: []record.Slot{
			{Label: record.LabelMobile},
			{Label: record.LabelWork, Accepts: anyPhone},
			{Label: record.LabelWork, Accepts: anyPhone},
			{Label: record.LabelHome, Accepts: anyPhone},
			{Label: record.LabelHome, Accepts: anyPhone},
		}},
		{Key: record.Address, Type: record.TypeAddress, Name: "Address",
			Parts: []record.Part{record.PartStreet, record.PartCity, record.PartRegion, record.PartPostal, record.PartCountry},
			Slots: []record.Slot{
				{Label: record.LabelWork, Accepts: []string{record.LabelMain, ""}},
				{Label: record.LabelHome},
				{Label: record.LabelOther, Accepts: []string{"*"}},
			}},
		{Key: record.IM, Type: record.TypeText, Name: "IM address", Max: maxMessengers, Parts: []record.Part{textOnly}},
		one(record.URL, record.TypeURL, "Web page"),
		one(record.OrgName, record.TypeText, "Company"),
		one(record.OrgDepartment, record.TypeText, "Department"),
		one(record.OrgTitle, record.TypeText, "Job title"),
		birthday,
		{Key: record.Relation, Type: record.TypeText, Name: "Related person",
			Slots: []record.Slot{{Label: labelSpouse}, {Label: labelManager}, {Label: record.LabelAssistant}}},
		one(record.Note, record.TypeLongText, "Notes"),
		photo,
	}
}
