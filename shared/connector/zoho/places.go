package zoho

import "meibo/shared/record"

// place is where an API field of the standard Contacts module stands in the neutral record. With a label, it is one slot of a
// field with several; with a part too, one part of an address.
type place struct {
	api     string
	key     record.Key
	label   string
	accepts []string
	part    record.Part
}

// labelSkype is the slot of Skype_ID among the instant messengers.
const labelSkype = "skype"

var anything = []string{"*"}

// places is the whole standard mapping, in the order of the catalogue and of preference within a field. The primary e-mail is
// "work", since that is what it is paired with on the address-book side (SPEC ZG10).
var places = []place{
	{api: "Salutation", key: record.NamePrefix},
	{api: apiFirstName, key: record.NameGiven},
	{api: apiLastName, key: record.NameFamily},
	{api: "Email", key: record.Email, label: record.LabelWork, accepts: anything},
	{api: "Secondary_Email", key: record.Email, label: record.LabelOther, accepts: anything},
	{api: "Phone", key: record.Phone, label: record.LabelWork, accepts: []string{record.LabelMain}},
	{api: "Mobile", key: record.Phone, label: record.LabelMobile},
	{api: "Home_Phone", key: record.Phone, label: record.LabelHome},
	{api: "Other_Phone", key: record.Phone, label: record.LabelOther, accepts: anything},
	{api: "Asst_Phone", key: record.Phone, label: record.LabelAssistant},
	{api: "Fax", key: record.Phone, label: record.LabelWorkFax, accepts: []string{record.LabelHomeFax, record.LabelOtherFax}},
	{api: "Mailing_Street", key: record.Address, label: record.LabelWork, accepts: anything, part: record.PartStreet},
	{api: "Mailing_City", key: record.Address, label: record.LabelWork, accepts: anything, part: record.PartCity},
	{api: "Mailing_State", key: record.Address, label: record.LabelWork, accepts: anything, part: record.PartRegion},
	{api: "Mailing_Zip", key: record.Address, label: record.LabelWork, accepts: anything, part: record.PartPostal},
	{api: "Mailing_Country", key: record.Address, label: record.LabelWork, accepts: anything, part: record.PartCountry},
	{api: "Other_Street", key: record.Address, label: record.LabelOther, accepts: anything, part: record.PartStreet},
	{api: "Other_City", key: record.Address, label: record.LabelOther, accepts: anything, part: record.PartCity},
	{api: "Other_State", key: record.Address, label: record.LabelOther, accepts: anything, part: record.PartRegion},
	{api: "Other_Zip", key: record.Address, label: record.LabelOther, accepts: anything, part: record.PartPostal},
	{api: "Other_Country", key: record.Address, label: record.LabelOther, accepts: anything, part: record.PartCountry},
	{api: "Skype_ID", key: record.IM, label: labelSkype},
	{api: apiAccount, key: record.OrgName},
	{api: "Department", key: record.OrgDepartment},
	{api: "Title", key: record.OrgTitle},
	{api: "Date_of_Birth", key: record.Birthday},
	{api: "Description", key: record.Note},
}

// The API names that the code treats by name.
const (
	apiFirstName = "First_Name"
	apiLastName  = "Last_Name"
	apiAccount   = "Account_Name"
	apiCreated   = "Created_Time"
	apiModified  = "Modified_Time"
	apiOwner     = "Owner"
)

// noFamily stands in for a family name that a person does not have: Zoho requires one. It reads back as an empty family name,
// so it never travels.
const noFamily = "-"

// types are the neutral types of the standard fields that are not plain text.
var types = map[record.Key]record.Type{
	record.NamePrefix: record.TypeChoice,
	record.Email:      record.TypeEmail,
	record.Phone:      record.TypePhone,
	record.Address:    record.TypeAddress,
	record.IM:         record.TypeIM,
	record.Birthday:   record.TypeDate,
	record.Note:       record.TypeLongText,
}

// customTypes are the vendor's data types that a custom field may have to be synced. All others (lookups, formulas,
// numbering, files, several choices, points in time) stay out of the catalogue.
var customTypes = map[string]record.Type{
	"text":     record.TypeText,
	"textarea": record.TypeLongText,
	"email":    record.TypeEmail,
	"phone":    record.TypePhone,
	"picklist": record.TypeChoice,
	"date":     record.TypeDate,
	"boolean":  record.TypeBool,
	"website":  record.TypeURL,
	"integer":  record.TypeNumber,
	"bigint":   record.TypeNumber,
	"double":   record.TypeNumber,
	"currency": record.TypeNumber,
	"percent":  record.TypeNumber,
}

func placeOf(api string) (place, bool) {
	for _, p := range places {
		if p.api == api {
			return p, true
		}
	}
	return place{}, false
}
