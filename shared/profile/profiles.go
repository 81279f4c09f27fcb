package profile

import "meibo/shared/record"

// Default is the profile of every pair that has none of its own.
func Default(crm, book string) Profile {
	return Profile{
		Name:       "default",
		CRM:        crm,
		Book:       book,
		Directions: []Direction{TwoWay, CRMToBook, BookToCRM},
		Rules: Rules{
			Direction:    TwoWay,
			Winner:       CRM,
			EmptyRemoves: true,
			Deletes:      Deletes{ToCRM: true, ToBook: true},
			MatchFirst:   []LabelPair{{CRM: record.LabelWork, Book: record.LabelWork}},
			Budget:       DefaultBudget,
		},
		EveryMin: 1, EveryDefault: 10, EveryMax: 60,
		Leave: []record.Key{record.Photo},
	}
}

// ZohoGoogle is Zoho CRM with Google Workspace: SPEC section 4, rows ZG1 to ZG12.
func ZohoGoogle() Profile {
	p := Default("zoho", "google")
	p.Name = "zoho-google"
	p.SuggestedCaps = Caps{First: 10_000, Later: 500} // ZG9, off unless a tenant switches them on
	return p
}

// ZohoMicrosoft is Zoho CRM with Office 365: SPEC section 5, rows ZO1 to ZO8.
func ZohoMicrosoft() Profile {
	p := Default("zoho", "microsoft")
	p.Name = "zoho-microsoft"
	p.Folder = "Zoho CRM Contacts" // ZO4
	p.Rules.Owned = true           // ZO1
	p.Rules.SkipImported = true    // ZO7
	p.Rules.Deletes.ToCRM = false  // ZO3: a checkbox, off until somebody ticks it
	return p
}

// pipedriveMakes are the fields that a Pipedrive company may lack (PD13).
var pipedriveMakes = []record.Key{record.IM, record.Address, record.Note, record.Birthday, record.OrgTitle}

// PipedriveGoogle is Pipedrive with Google Contacts: SPEC section 3.
func PipedriveGoogle() Profile {
	p := Default("pipedrive", "google")
	p.Name = "pipedrive-google"
	p.Directions = []Direction{TwoWay, BookToCRM} // PD4, PD5
	p.Rules.Owned = true                          // PD6
	p.Rules.Photos = true                         // PD12
	p.Make = pipedriveMakes
	p.Companies = true // PD2
	p.Sole = true      // PD9
	return p
}

// PipedriveMicrosoft is Pipedrive with Microsoft 365 or Outlook.com: SPEC section 3.
func PipedriveMicrosoft() Profile {
	p := PipedriveGoogle()
	p.Name, p.Book = "pipedrive-microsoft", "microsoft"
	p.Leave = append(p.Leave, record.Note) // PD14
	return p
}

// Sansan is Sansan with any address book: its cards can only be read.
func Sansan(book string) Profile {
	p := Default("sansan", book)
	p.Directions = []Direction{CRMToBook}
	p.Rules.Direction = CRMToBook
	p.EveryDefault = 30
	return p
}

// SansanMicrosoft is Sansan with Microsoft 365: SPEC section 6, rows SM1 to SM9.
func SansanMicrosoft() Profile {
	p := Sansan("microsoft")
	p.Name = "sansan-microsoft"
	p.Directory = true       // SM1 to SM3
	p.Folder = "Sansan"      // SM5
	p.Rules.Overwrite = true // SM7
	return p
}

// HubSpot is HubSpot with any address book: properties for what it has none for are made when somebody maps them.
func HubSpot(book string) Profile {
	p := Default("hubspot", book)
	p.MakeMapped = []record.Key{record.NameMiddle, record.NameSuffix, record.NamePhoneticGiven, record.NamePhoneticMiddle, record.NamePhoneticFamily,
		record.Nickname, record.OrgDepartment, record.Birthday, record.Note}
	return p
}

// HubSpotDynamics is HubSpot with Microsoft Dynamics 365: SPEC section 7, rows HD1 to HD11.
func HubSpotDynamics() Profile {
	p := HubSpot("dynamics")
	p.Name = "hubspot-dynamics"
	p.Rules.RequireEmail = true       // HD7
	p.Rules.Deletes = Deletes{}       // HD8
	p.Rules.EmptyRemoves = false      // HD9
	p.EveryDefault, p.EveryMax = 5, 8 // HD10: within 10 minutes, of which HubSpot's search may be behind by one
	return p
}

// Own returns the profiles of the pairs that have one of their own.
func Own() []Profile {
	return []Profile{ZohoGoogle(), ZohoMicrosoft(), PipedriveGoogle(), PipedriveMicrosoft(), SansanMicrosoft(), HubSpotDynamics()}
}

// For returns the profile of the pair of systems.
func For(crm, book string) Profile {
	for _, p := range Own() {
		if p.CRM == crm && p.Book == book {
			return p
		}
	}
	switch crm {
	case "sansan":
		return Sansan(book)
	case "hubspot":
		return HubSpot(book)
	}
	return Default(crm, book)
}
