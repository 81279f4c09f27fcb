package sansan

import (
	"context"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// How the engine is to deal with what no listing tells. Whether a merge, a split or the deletion of somebody's newest card moves the card
// that takes its place into a window of updates is not documented: a full listing a day bounds how long such a person may be behind.
const (
	goneAfter    = time.Hour
	scanEvery    = 6 * time.Hour
	membersEvery = 6 * time.Hour
	fullEvery    = 24 * time.Hour
)

// Describe states the catalogue, which is the same for every account. It makes no call.
func (c *Connector) Describe(context.Context) (connector.Description, error) {
	return connector.Description{
		Name:   System,
		Kind:   record.Contact,
		Fields: catalogue(),
		// Persons are read one by one. What cannot be written is in batches of 1.
		Batch: connector.Batch{List: perPage, Get: 1, Create: 1, Update: 1, Delete: 1},
		// One window with one page.
		QuietCalls:       1,
		ReadOnly:         true,
		GoneAfter:        goneAfter,
		IDsMove:          true,
		ScanEvery:        scanEvery,
		MembersEvery:     membersEvery,
		FullListingEvery: fullEvery,
	}, nil
}

// addressParts are what an address on a card is made of. The street holds the building too, as it follows on the card.
var addressParts = [...]record.Part{record.PartPostal, record.PartRegion, record.PartCity, record.PartStreet, record.PartCountryCode}

// catalogue lists the fields under the names that Sansan's users see. Memo and tags are not part of it (SM7).
func catalogue() []record.Field {
	one := func(k record.Key, t record.Type, name string) record.Field {
		return record.Field{Key: k, Type: t, Name: name, Max: 1, ReadOnly: true}
	}
	email := one(record.Email, record.TypeEmail, "メールアドレス")
	email.Labelled = true
	address := one(record.Address, record.TypeAddress, "住所")
	address.Labelled, address.Parts = true, addressParts[:]
	return []record.Field{
		one(record.NameFamily, record.TypeText, "姓"),
		one(record.NameGiven, record.TypeText, "名"),
		one(record.NamePhoneticFamily, record.TypeText, "姓（フリガナ）"),
		one(record.NamePhoneticGiven, record.TypeText, "名（フリガナ）"),
		one(record.OrgName, record.TypeText, "会社名"),
		one(record.OrgDepartment, record.TypeText, "部署名"),
		one(record.OrgTitle, record.TypeText, "役職"),
		email,
		{Key: record.Phone, Type: record.TypePhone, Name: "電話番号", ReadOnly: true, Slots: []record.Slot{
			{Label: record.LabelWork}, {Label: record.LabelWork}, {Label: record.LabelMobile}, {Label: record.LabelWorkFax}}},
		address,
		one(record.URL, record.TypeURL, "URL"),
		one(record.Note, record.TypeLongText, "名刺のページ"),
	}
}
