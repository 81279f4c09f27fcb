package graph

// kind is the index of a contact's property in properties.
type kind uint8

// shape is what values a property has.
type shape uint8

const (
	text shape = iota
	texts
	emails
	address
	date
)

// property is one writable property of a contact.
type property struct {
	name string
	is   shape
	most int // entries of a list; 0 means that no limit is known
	// wire is the name in the text of the error about too many entries.
	wire string
}

// The properties that the code names, in the order of properties.
const (
	kCategories kind = iota
	kBirthday
	kFileAs
	kDisplayName
	kGivenName
	kInitials
	kMiddleName
	kNickName
	kSurname
	kTitle
	kYomiGivenName
	kYomiSurname
	kYomiCompanyName
	kGeneration
	kIMAddresses
	kJobTitle
	kCompanyName
	kDepartment
	kOfficeLocation
	kProfession
	kBusinessHomePage
	kAssistantName
	kManager
	kHomePhones
	kMobilePhone
	kBusinessPhones
	kSpouseName
	kPersonalNotes
	kChildren
	kEmailAddresses
	kHomeAddress
	kBusinessAddress
	kOtherAddress
	kinds
)

// properties returns the properties in the order in which answers list them.
func properties() [kinds]property {
	return [kinds]property{
		kCategories: {name: "categories", is: texts}, kBirthday: {name: "birthday", is: date}, kFileAs: {name: "fileAs"},
		kDisplayName: {name: "displayName"}, kGivenName: {name: "givenName"}, kInitials: {name: "initials"}, kMiddleName: {name: "middleName"},
		kNickName: {name: "nickName"}, kSurname: {name: "surname"}, kTitle: {name: "title"}, kYomiGivenName: {name: "yomiGivenName"},
		kYomiSurname: {name: "yomiSurname"}, kYomiCompanyName: {name: "yomiCompanyName"}, kGeneration: {name: "generation"},
		kIMAddresses: {name: "imAddresses", is: texts, most: 3, wire: "ImAddresses"}, kJobTitle: {name: "jobTitle"},
		kCompanyName: {name: "companyName"}, kDepartment: {name: "department"}, kOfficeLocation: {name: "officeLocation"},
		kProfession: {name: "profession"}, kBusinessHomePage: {name: "businessHomePage"}, kAssistantName: {name: "assistantName"},
		kManager: {name: "manager"}, kHomePhones: {name: "homePhones", is: texts, most: 2, wire: "HomePhones"},
		kMobilePhone: {name: "mobilePhone"}, kBusinessPhones: {name: "businessPhones", is: texts, most: 2, wire: "BusinessPhones"},
		kSpouseName: {name: "spouseName"}, kPersonalNotes: {name: "personalNotes"}, kChildren: {name: "children", is: texts},
		kEmailAddresses: {name: "emailAddresses", is: emails, most: 3, wire: "EmailAddresses"},
		kHomeAddress:    {name: "homeAddress", is: address}, kBusinessAddress: {name: "businessAddress", is: address}, kOtherAddress: {name: "otherAddress", is: address},
	}
}

// empty is how a property without a value is answered.
func (p property) empty() string {
	switch p.is {
	case texts, emails:
		return "[]"
	case address:
		return "{}"
	}
	return "null"
}

// nameParts are the properties from which displayName is made.
func nameParts() []kind { return []kind{kGivenName, kMiddleName, kSurname, kTitle, kGeneration} }

// addressParts are the members of an address, in the order of answers.
func addressParts() [5]string {
	return [5]string{"street", "city", "state", "countryOrRegion", "postalCode"}
}
