package google

// A kind numbers a field of a person; it is the index into personFields.
type kind uint8

// memberType is the JSON type of a member of a field's item.
type memberType uint8

const (
	text memberType = iota
	boolean
	int32s
	date
	choice
)

// member is one member of a field's item, in the order in which it is answered.
type member struct {
	name string
	typ  memberType
	// output says that the service derives it: what a client sends is ignored.
	output  bool
	choices []string
}

// fieldDef is one repeated field of Person.
type fieldDef struct {
	name    string
	members []member
	// need names members of which an item must have at least one; all says that it must have every one.
	need []string
	all  bool

	singleton bool // for the CONTACT source
	update    bool // may stand in an update mask
	read      bool // may stand in a read mask
	output    bool // what a client sends is ignored
}

func texts(names ...string) []member {
	ms := make([]member, len(names))
	for i, n := range names {
		ms[i] = member{name: n}
	}
	return ms
}

func derived(names ...string) []member {
	ms := texts(names...)
	for i := range ms {
		ms[i].output = true
	}
	return ms
}

func join(lists ...[]member) []member {
	var all []member
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func labelled(names ...string) []member {
	return join(texts(names...), texts("type"), derived("formattedType"))
}

func contactField(name string, need []string, members []member) fieldDef {
	return fieldDef{name: name, members: members, need: need, update: true, read: true}
}

func single(f fieldDef) fieldDef { f.singleton = true; return f }

func every(f fieldDef) fieldDef { f.all = true; return f }

// schema is the People API's Person: its repeated fields in alphabetic order, and the other members by name.
type schema struct {
	fields []fieldDef
	byName map[string]kind
}

var value = []string{"value"}

// The kinds that code here names.
const (
	kAddresses kind = iota
	kAgeRanges
	kBiographies
	kBirthdays
	kBraggingRights
	kCalendarURLs
	kClientData
	kCoverPhotos
	kEmailAddresses
	kEvents
	kExternalIDs
	kFileAses
	kGenders
	kIMClients
	kInterests
	kLocales
	kLocations
	kMemberships
	kMiscKeywords
	kNames
	kNicknames
	kOccupations
	kOrganizations
	kPhoneNumbers
	kPhotos
	kRelations
	kRelationshipInterests
	kRelationshipStatuses
	kResidences
	kSIPAddresses
	kSkills
	kTaglines
	kURLs
	kUserDefined
)

func newSchema() *schema {
	ro := func(name string, read bool, members ...member) fieldDef {
		return fieldDef{name: name, members: members, output: true, read: read}
	}
	s := &schema{byName: map[string]kind{}, fields: []fieldDef{
		kAddresses: contactField("addresses",
			[]string{"formattedValue", "poBox", "streetAddress", "extendedAddress", "city", "region", "postalCode", "country", "countryCode"},
			labelled("formattedValue", "poBox", "streetAddress", "extendedAddress", "city", "region", "postalCode", "country", "countryCode")),
		kAgeRanges:      ro("ageRanges", true, texts("ageRange")...),
		kBiographies:    single(contactField("biographies", value, join(texts("value"), []member{{name: "contentType", typ: choice, choices: []string{"CONTENT_TYPE_UNSPECIFIED", "TEXT_PLAIN", "TEXT_HTML"}}}))),
		kBirthdays:      single(contactField("birthdays", []string{"date", "text"}, []member{{name: "date", typ: date}, {name: "text"}})),
		kBraggingRights: {name: "braggingRights", members: texts("value")},
		kCalendarURLs:   contactField("calendarUrls", []string{"url"}, labelled("url")),
		kClientData:     every(contactField("clientData", []string{"key", "value"}, texts("key", "value"))),
		kCoverPhotos:    ro("coverPhotos", true, member{name: "url"}, member{name: "default", typ: boolean}),
		kEmailAddresses: contactField("emailAddresses", value, labelled("value", "displayName")),
		kEvents:         contactField("events", []string{"date"}, join([]member{{name: "date", typ: date}}, labelled())),
		kExternalIDs:    contactField("externalIds", value, labelled("value")),
		kFileAses:       {name: "fileAses", members: texts("value")},
		kGenders:        single(contactField("genders", value, join(texts("value", "addressMeAs"), derived("formattedValue")))),
		kIMClients:      contactField("imClients", []string{"username"}, join(texts("username", "protocol"), derived("formattedProtocol"), labelled())),
		kInterests:      contactField("interests", value, texts("value")),
		kLocales:        contactField("locales", value, texts("value")),
		kLocations:      contactField("locations", value, join(texts("value", "type", "buildingId", "floor", "floorSection", "deskCode"), []member{{name: "current", typ: boolean}})),
		// Members of memberships are objects and have code of their own.
		kMemberships:   contactField("memberships", nil, nil),
		kMiscKeywords:  contactField("miscKeywords", value, join(texts("value"), []member{{name: "type", typ: choice, choices: []string{"TYPE_UNSPECIFIED", "OUTLOOK_BILLING_INFORMATION", "OUTLOOK_DIRECTORY_SERVER", "OUTLOOK_KEYWORD", "OUTLOOK_MILEAGE", "OUTLOOK_PRIORITY", "OUTLOOK_SENSITIVITY", "OUTLOOK_SUBJECT", "OUTLOOK_USER", "HOME", "WORK", "OTHER"}}}, derived("formattedType"))),
		kNames:         single(contactField("names", nameParts, join(derived("displayName", "displayNameLastFirst"), texts(nameParts...)))),
		kNicknames:     contactField("nicknames", value, join(texts("value"), []member{{name: "type", typ: choice, choices: []string{"DEFAULT", "MAIDEN_NAME", "INITIALS", "GPLUS", "OTHER_NAME", "ALTERNATE_NAME", "SHORT_NAME"}}})),
		kOccupations:   contactField("occupations", value, texts("value")),
		kOrganizations: contactField("organizations", orgTexts, join(texts(orgTexts...), labelled(), []member{{name: "current", typ: boolean}, {name: "startDate", typ: date}, {name: "endDate", typ: date}, {name: "fullTimeEquivalentMillipercent", typ: int32s}})),
		kPhoneNumbers:  contactField("phoneNumbers", value, join(texts("value"), derived("canonicalForm"), labelled())),
		kPhotos:        ro("photos", true, member{name: "url"}, member{name: "default", typ: boolean}),
		kRelations:     contactField("relations", []string{"person"}, labelled("person")),

		kRelationshipInterests: ro("relationshipInterests", false, texts("value", "formattedValue")...),
		kRelationshipStatuses:  ro("relationshipStatuses", false, texts("value", "formattedValue")...),
		kResidences:            {name: "residences", members: join(texts("value"), []member{{name: "current", typ: boolean}})},

		kSIPAddresses: contactField("sipAddresses", value, labelled("value")),
		kSkills:       {name: "skills", members: texts("value"), read: true},
		kTaglines:     ro("taglines", false, texts("value")...),
		kURLs:         contactField("urls", value, labelled("value")),
		kUserDefined:  every(contactField("userDefined", []string{"key", "value"}, texts("key", "value"))),
	}}
	for k, f := range s.fields {
		s.byName[f.name] = kind(k)
	}
	return s
}

var nameParts = []string{
	"unstructuredName", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix", "phoneticFullName",
	"phoneticFamilyName", "phoneticGivenName", "phoneticMiddleName", "phoneticHonorificPrefix", "phoneticHonorificSuffix",
}

var orgTexts = []string{
	"name", "phoneticName", "department", "title", "jobDescription", "location", "domain", "symbol", "costCenter",
}
