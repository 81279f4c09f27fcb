package graph

import (
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"meibo/shared/record"
)

// member is one member of the API's contact that Meibo reads and writes, by its field. label is its place in a field with slots.
type member struct {
	key   record.Key
	name  string
	label string
	// set is for members that hold one text.
	set func(models.Contactable, *string)
}

// members are in the order in which values are read, which is the order of the slots.
func members() []member {
	return []member{
		{record.NamePrefix, "title", "", models.Contactable.SetTitle},
		{record.NameGiven, "givenName", "", models.Contactable.SetGivenName},
		{record.NameMiddle, "middleName", "", models.Contactable.SetMiddleName},
		{record.NameFamily, "surname", "", models.Contactable.SetSurname},
		{record.NameSuffix, "generation", "", models.Contactable.SetGeneration},
		{record.NamePhoneticGiven, "yomiGivenName", "", models.Contactable.SetYomiGivenName},
		{record.NamePhoneticFamily, "yomiSurname", "", models.Contactable.SetYomiSurname},
		{record.Nickname, "nickName", "", models.Contactable.SetNickName},
		{record.OrgName, "companyName", "", models.Contactable.SetCompanyName},
		{record.OrgDepartment, "department", "", models.Contactable.SetDepartment},
		{record.OrgTitle, "jobTitle", "", models.Contactable.SetJobTitle},
		{record.URL, "businessHomePage", "", models.Contactable.SetBusinessHomePage},
		{record.Note, "personalNotes", "", models.Contactable.SetPersonalNotes},
		{record.Relation, "spouseName", labelSpouse, models.Contactable.SetSpouseName},
		{record.Relation, "manager", labelManager, models.Contactable.SetManager},
		{record.Relation, "assistantName", record.LabelAssistant, models.Contactable.SetAssistantName},
		{record.Email, "emailAddresses", "", nil},
		{record.Phone, "mobilePhone", record.LabelMobile, models.Contactable.SetMobilePhone},
		{record.Phone, "businessPhones", record.LabelWork, nil},
		{record.Phone, "homePhones", record.LabelHome, nil},
		{record.Address, "businessAddress", record.LabelWork, nil},
		{record.Address, "homeAddress", record.LabelHome, nil},
		{record.Address, "otherAddress", record.LabelOther, nil},
		{record.IM, "imAddresses", "", nil},
		{record.Birthday, "birthday", "", nil},
	}
}

// isList reports whether a member is an array of texts.
func (m member) isList() bool {
	return m.name == "businessPhones" || m.name == "homePhones" || m.name == "imAddresses"
}

// capacity is how many texts an array takes.
func (m member) capacity() int {
	switch m.name {
	case "businessPhones":
		return maxBusiness
	case "homePhones":
		return maxHome
	}
	return maxMessengers
}
