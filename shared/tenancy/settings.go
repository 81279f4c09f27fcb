package tenancy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// Bounds of a connection's settings.
const (
	maxGroups  = 100
	maxMapping = 300
	maxOptions = 20
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
		at := fmt.Sprintf("settings.rules.mapping[%d]", i)
		if m.CRM == "" || m.Book == "" {
			return &FieldError{at, "a field is missing", "give the key of a field of each side"}
		}
		for _, k := range []record.Key{m.CRM, m.Book} {
			if k != record.Photo && slices.Contains(p.Leave, k) { // photos have words of their own in profile.CheckMapping
				return &FieldError{at, fmt.Sprintf("this pair does not sync the field %q", k), "take that pair out"}
			}
		}
	}
	if err := checkBounds(p, set); err != nil {
		return err
	}
	if err := checkOptionKeys("settings.crm_options", set.CRMOptions); err != nil {
		return err
	}
	if err := checkOptionKeys("settings.book_options", set.BookOptions); err != nil {
		return err
	}
	if err := checkCaps("settings.rules.caps", r.Caps); err != nil {
		return err
	}
	return checkBudget("settings.rules.budget", r.Budget)
}

// checkBounds refuses what the profile does not leave to a person.
func checkBounds(p profile.Profile, set Settings) error {
	switch {
	case p.Rules.Owned && !set.Rules.Owned:
		return &FieldError{"settings.rules.owned", "this pair syncs only records that belong to the account's own user", "leave it true"}
	case set.Rules.Photos && !p.Rules.Photos:
		return &FieldError{"settings.rules.photos", "this pair does not sync photos", "leave it false"}
	case set.Rules.Overwrite != p.Rules.Overwrite:
		return &FieldError{"settings.rules.overwrite", "the pair decides whether a change in the CRM rewrites what was edited in the address book", "leave it as the pair has it"}
	case p.Folder != "" && len(set.BookGroups) > 0:
		return &FieldError{"settings.book_groups", fmt.Sprintf("this pair keeps its contacts in the folder %q, which Meibo makes", p.Folder), "leave it empty"}
	}
	return nil
}

// CheckWritable returns a *FieldError if a direction writes to a side that can only be read.
func CheckWritable(d profile.Direction, crm, book connector.Description) error {
	for _, side := range []struct {
		is   profile.Side
		has  connector.Description
		cure profile.Direction
	}{{profile.CRM, crm, profile.CRMToBook}, {profile.Book, book, profile.BookToCRM}} {
		if side.has.ReadOnly && d.Writes(side.is) {
			return &FieldError{"settings.rules.direction", fmt.Sprintf("%s can only be read, and the direction %s writes to it", side.has.Name, d),
				fmt.Sprintf("choose the direction %s", side.cure)}
		}
	}
	return nil
}

// checkFixed returns a *FieldError for the first option that differs from what a connection was started with although it holds for the
// connection's life. Field is where they stand.
func checkFixed(field string, was, now map[string]string, have []connector.Option) error {
	chosen := func(o connector.Option, in map[string]string) string {
		if v, ok := in[o.Key]; ok {
			return v
		}
		return o.Default
	}
	for _, o := range have {
		if o.Fixed && chosen(o, was) != chosen(o, now) {
			return &FieldError{field + "." + o.Key, fmt.Sprintf("%q cannot be changed once the connection was started", o.Name),
				"stop this connection, and make a new one with the other choice"}
		}
	}
	return nil
}

// BadChoice makes a connector's word that an option has no such choice (connector.Chooser) a *FieldError, and leaves every other error
// as it is. Field is where the options stand.
func BadChoice(field string, err error) error {
	var bad *connector.InvalidError
	if !errors.As(err, &bad) {
		return err
	}
	if bad.Field != "" {
		field += "." + bad.Field
	}
	return &FieldError{field, "the option has no such choice", "choose one of the account's options"}
}

func checkOptionKeys(field string, options map[string]string) error {
	if len(options) > maxOptions {
		return &FieldError{field, "these are too many options", fmt.Sprintf("give at most %d", maxOptions)}
	}
	for _, k := range slices.Sorted(maps.Keys(options)) {
		if v := options[k]; k == "" || len(k) > 100 || len(v) > 500 {
			return &FieldError{field, "an option's key is empty, or a choice too long", "choose from the account's options, and leave out what stays as it is"}
		}
	}
	return nil
}

// CheckOptions returns a *FieldError for the first choice that the account's options do not have. Field is where they stand.
func CheckOptions(field string, chosen map[string]string, have []connector.Option) error {
	for _, k := range slices.Sorted(maps.Keys(chosen)) {
		i := slices.IndexFunc(have, func(o connector.Option) bool { return o.Key == k })
		if i < 0 {
			return &FieldError{field + "." + k, "the account has no such option", "choose from the account's options"}
		}
		if !slices.ContainsFunc(have[i].Choices, func(c connector.Choice) bool { return c.Value == chosen[k] }) {
			return &FieldError{field + "." + k, fmt.Sprintf("%q is no choice of this option", chosen[k]), "choose one of the account's options"}
		}
	}
	return nil
}

// Effective returns how often a connection runs, in minutes: as often as its settings say, and no more often than the vendors'
// limits leave room for (connector.Description.PollEvery of both sides).
func (s Settings) Effective(poll ...time.Duration) int {
	every := max(s.Every, 1)
	for _, d := range poll {
		every = max(every, int((d+time.Minute-1)/time.Minute))
	}
	return every
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
