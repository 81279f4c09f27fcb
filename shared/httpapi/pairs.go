package httpapi

import (
	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

// PairView is what a pair of accounts starts with.
type PairView struct {
	Profile  string       `json:"profile"`
	Settings SettingsView `json:"settings" doc:"The default settings with the default mapping of the two accounts"`
	Choices  ChoicesView  `json:"choices"`
}

// ChoicesView bounds what can be chosen for a pair.
type ChoicesView struct {
	Directions    []profile.Direction `json:"directions" nullable:"false"`
	EveryMin      int                 `json:"every_min"`
	EveryMax      int                 `json:"every_max"`
	EveryLeast    int                 `json:"every_least" doc:"Minutes that the vendors' limits leave between two runs at the least: a shorter frequency becomes this one"`
	SuggestedCaps CapsView            `json:"suggested_caps" doc:"The limits of the product that the profile follows; off unless chosen (ZG9)"`
	OwnedFixed    bool                `json:"owned_fixed" doc:"Only records of the account's own user sync, and that cannot be changed (PD6, ZO1)"`
	Photos        bool                `json:"photos" doc:"The pair can give the address book's photos to the CRM (PD12)"`
	Leaves        []string            `json:"leaves" nullable:"false" doc:"Fields that the pair does not sync (PD14)"`
	Makes         []string            `json:"makes" nullable:"false" doc:"Fields that the start will make in the CRM (PD13)"`
	Folder        string              `json:"folder" doc:"Name of the folder that the start will make in the address book and keep all contacts in (ZO4, SM5); empty if groups can be chosen"`
	Directory     bool                `json:"directory" doc:"An administrator of the company must have connected the address book's directory first, and the account must be of that directory (SM3)"`
}

func choicesView(p profile.Profile, b both) ChoicesView {
	v := ChoicesView{Directions: append([]profile.Direction{}, p.Directions...), EveryMin: p.EveryMin, EveryMax: p.EveryMax,
		EveryLeast:    tenancy.Settings{}.Effective(b.crm.PollEvery, b.book.PollEvery),
		SuggestedCaps: CapsView(p.SuggestedCaps), OwnedFixed: p.Rules.Owned, Photos: p.Rules.Photos, Leaves: []string{}, Makes: []string{}, Folder: p.Folder, Directory: p.Directory}
	for _, k := range p.Leave {
		v.Leaves = append(v.Leaves, string(k))
	}
	for _, f := range b.makes {
		v.Makes = append(v.Makes, string(f.Key))
	}
	return v
}
