package tenancy

import (
	"fmt"
	"slices"

	"meibo/shared/profile"
)

// Bounds of a connection's settings.
const (
	maxGroups  = 100
	maxMapping = 300
)

// DefaultSettings are those of a new connection of the tenant under profile p. The mapping is empty: at the start it becomes the
// default mapping of both accounts' fields, unless a person chose one.
func DefaultSettings(t Tenant, p profile.Profile) Settings {
	r := p.Rules
	r.Caps = t.Settings.Caps
	r.ApproveFirst = r.ApproveFirst || t.Settings.ApproveFirst
	if t.Settings.Budget != (profile.Budget{}) {
		r.Budget = t.Settings.Budget
	}
	return normal(Settings{Rules: r, Every: p.EveryDefault})
}

// CheckSettings returns a *FieldError that names what cannot be under profile p. Mappings are only looked at for what can be said
// without the accounts' fields.
func CheckSettings(p profile.Profile, set Settings) error {
	r := set.Rules
	if !slices.Contains(p.Directions, r.Direction) {
		return &FieldError{"settings.rules.direction", fmt.Sprintf("%q is not possible for this pair", r.Direction), fmt.Sprintf("give one of %v", p.Directions)}
	}
	if r.Winner != profile.CRM && r.Winner != profile.Book {
		return &FieldError{"settings.rules.winner", fmt.Sprintf("%q is no side", r.Winner), `give "crm" or "book": the side whose value stands when both changed it`}
	}
	if set.Every < p.EveryMin || set.Every > p.EveryMax {
		return &FieldError{"settings.every", fmt.Sprintf("%d minutes are not possible for this pair", set.Every), fmt.Sprintf("give %d to %d minutes", p.EveryMin, p.EveryMax)}
	}
	if err := checkGroups("settings.crm_groups", set.CRMGroups); err != nil {
		return err
	}
	if err := checkGroups("settings.book_groups", set.BookGroups); err != nil {
		return err
	}
	if len(r.Mapping) > maxMapping {
		return &FieldError{"settings.rules.mapping", "it has too many pairs", fmt.Sprintf("give at most %d", maxMapping)}
	}
	for i, m := range r.Mapping {
		if m.CRM == "" || m.Book == "" {
			return &FieldError{fmt.Sprintf("settings.rules.mapping[%d]", i), "a field is missing", "give the key of a field of each side"}
		}
	}
	if err := checkCaps("settings.rules.caps", r.Caps); err != nil {
		return err
	}
	return checkBudget("settings.rules.budget", r.Budget)
}

func checkGroups(field string, ids []string) error {
	if len(ids) > maxGroups {
		return &FieldError{field, "these are too many groups", fmt.Sprintf("choose at most %d, or none for everything", maxGroups)}
	}
	for i, id := range ids {
		if id == "" || len(id) > 500 {
			return &FieldError{fmt.Sprintf("%s[%d]", field, i), "it is not a group's id", "choose from the account's groups"}
		}
		if slices.Contains(ids[:i], id) {
			return &FieldError{fmt.Sprintf("%s[%d]", field, i), "the group is chosen twice", "leave it out once"}
		}
	}
	return nil
}
