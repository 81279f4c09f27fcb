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

// For returns the profile of the pair of systems.
func For(crm, book string) Profile {
	if crm == "zoho" && book == "google" {
		return ZohoGoogle()
	}
	return Default(crm, book)
}
