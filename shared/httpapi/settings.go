package httpapi

import (
	"maps"

	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/tenancy"
)

// SettingsPatch changes what it names and leaves the rest. Lists are replaced whole.
type SettingsPatch struct {
	CRMGroups  *[]string `json:"crm_groups,omitempty" nullable:"false" maxItems:"50" uniqueItems:"true" doc:"Ids of the CRM's lists in scope; empty means everything (ZG1)"`
	BookGroups *[]string `json:"book_groups,omitempty" nullable:"false" maxItems:"50" uniqueItems:"true" doc:"Ids of the address book's groups in scope; empty means everything. New records in the book go into the first (ZG1, ZG11)"`
	// The maps replace what is there, as lists do.
	CRMOptions  *map[string]string `json:"crm_options,omitempty" maxProperties:"20" doc:"Choices of the CRM's own, by the keys of the account's options: who may see the people that are added (PD10), the lifecycle stage that is set on contacts that the sync creates or updates, and never moved back (HD6). Those that are fixed cannot change after the start"`
	BookOptions *map[string]string `json:"book_options,omitempty" maxProperties:"20" doc:"Choices of the address book's own, by the keys of the account's options, such as contacts or leads (HD2). Those that are fixed cannot change after the start"`
	Every       *int               `json:"every,omitempty" minimum:"1" maximum:"1440" doc:"Frequency in minutes, within the profile's bounds (ZG4)"`
	Rules       *RulesPatch        `json:"rules,omitempty" doc:"Rules of the sync"`
}

// RulesPatch changes the rules that it names.
type RulesPatch struct {
	Direction    *profile.Direction `json:"direction,omitempty" enum:"crm_to_book,book_to_crm,two_way" doc:"Which way records travel (ZG2)"`
	Winner       *profile.Side      `json:"winner,omitempty" enum:"crm,book" doc:"Whose value stands when both sides changed it (ZG3)"`
	EmptyRemoves *bool              `json:"empty_removes,omitempty" doc:"Whether emptying a field on one side empties it on the other"`
	Deletes      *DeletesPatch      `json:"deletes,omitempty" doc:"To which sides a deletion on the other travels"`
	Mapping      *[]Pair            `json:"mapping,omitempty" nullable:"false" minItems:"1" maxItems:"200" doc:"Pairs of fields, replaced whole (ZG5)"`
	Owned        *bool              `json:"owned,omitempty" doc:"Only CRM records that belong to the account's own user (PD6, ZO1)"`
	Photos       *bool              `json:"photos,omitempty" doc:"Give the address book's photo to a CRM record that has none (PD12)"`
	SkipImported *bool              `json:"skip_imported,omitempty" doc:"Leave out CRM records that came in by import until they are changed by themselves (ZO7)"`
	RequireEmail *bool              `json:"require_email,omitempty" doc:"Leave out records without a valid e-mail address"`
	Caps         *CapsPatch         `json:"caps,omitempty" doc:"How many records one run takes; 0 means no cap (ZG9)"`
	Budget       *BudgetPatch       `json:"budget,omitempty" doc:"How much one side may lose in a day before a run asks (BX4)"`
	ApproveFirst *bool              `json:"approve_first,omitempty" doc:"Whether the first run waits for approval of its counts"`
}

// DeletesPatch changes where deletions travel.
type DeletesPatch struct {
	ToCRM  *bool `json:"to_crm,omitempty" doc:"Whether deleting in the address book deletes in the CRM (ZO3)"`
	ToBook *bool `json:"to_book,omitempty"`
}

// Pair maps one field of the CRM to one field of the book.
type Pair struct {
	CRM  string `json:"crm" minLength:"1" maxLength:"200" doc:"Field key of the CRM account"`
	Book string `json:"book" minLength:"1" maxLength:"200" doc:"Field key of the address book account"`
}

// CapsPatch changes caps.
type CapsPatch struct {
	First *int `json:"first,omitempty" minimum:"0" maximum:"10000000"`
	Later *int `json:"later,omitempty" minimum:"0" maximum:"10000000"`
}

// BudgetPatch changes a budget.
type BudgetPatch struct {
	Count      *int     `json:"count,omitempty" minimum:"0" maximum:"10000000"`
	Share      *float64 `json:"share,omitempty" minimum:"0" maximum:"1"`
	SmallCount *int     `json:"small_count,omitempty" minimum:"0" maximum:"10000000"`
	SmallShare *float64 `json:"small_share,omitempty" minimum:"0" maximum:"1"`
}

// set stores *from in to if it is given.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (p *CapsPatch) apply(c *profile.Caps) {
	if p != nil {
		set(&c.First, p.First)
		set(&c.Later, p.Later)
	}
}

func (p *BudgetPatch) apply(b *profile.Budget) {
	if p != nil {
		set(&b.Count, p.Count)
		set(&b.Share, p.Share)
		set(&b.SmallCount, p.SmallCount)
		set(&b.SmallShare, p.SmallShare)
	}
}

func (p *SettingsPatch) apply(s *tenancy.Settings) {
	if p == nil {
		return
	}
	set(&s.CRMGroups, p.CRMGroups)
	set(&s.BookGroups, p.BookGroups)
	set(&s.CRMOptions, p.CRMOptions)
	set(&s.BookOptions, p.BookOptions)
	set(&s.Every, p.Every)
	p.Rules.apply(&s.Rules)
}

func (p *RulesPatch) apply(r *profile.Rules) {
	if p == nil {
		return
	}
	set(&r.Direction, p.Direction)
	set(&r.Winner, p.Winner)
	set(&r.EmptyRemoves, p.EmptyRemoves)
	set(&r.Owned, p.Owned)
	set(&r.Photos, p.Photos)
	set(&r.SkipImported, p.SkipImported)
	set(&r.RequireEmail, p.RequireEmail)
	set(&r.ApproveFirst, p.ApproveFirst)
	p.Caps.apply(&r.Caps)
	p.Budget.apply(&r.Budget)
	if p.Deletes != nil {
		set(&r.Deletes.ToCRM, p.Deletes.ToCRM)
		set(&r.Deletes.ToBook, p.Deletes.ToBook)
	}
	if p.Mapping != nil {
		r.Mapping = make([]profile.Pair, len(*p.Mapping))
		for i, m := range *p.Mapping {
			r.Mapping[i] = profile.Pair{CRM: record.Key(m.CRM), Book: record.Key(m.Book)}
		}
	}
}

// SettingsView is a connection's settings as the API shows them: every field, and lists that are never null.
type SettingsView struct {
	CRMGroups   []string          `json:"crm_groups" nullable:"false"`
	BookGroups  []string          `json:"book_groups" nullable:"false"`
	CRMOptions  map[string]string `json:"crm_options" nullable:"false"`
	BookOptions map[string]string `json:"book_options" nullable:"false"`
	Every       int               `json:"every" doc:"Minutes; the vendors' limits may make it longer (every_effective of the figures)"`
	Rules       RulesView         `json:"rules"`
}

// RulesView is the rules of a sync as the API shows them.
type RulesView struct {
	Direction    profile.Direction `json:"direction" enum:"crm_to_book,book_to_crm,two_way"`
	Winner       profile.Side      `json:"winner" enum:"crm,book"`
	EmptyRemoves bool              `json:"empty_removes"`
	Overwrite    bool              `json:"overwrite" doc:"A change of a CRM record rewrites all its mapped fields in the address book, edited there or not; the pair decides (SM7)"`
	Deletes      DeletesView       `json:"deletes"`
	Mapping      []Pair            `json:"mapping" nullable:"false"`
	MatchFirst   []LabelsView      `json:"match_first" nullable:"false" doc:"Labels whose e-mail addresses are compared before any others (ZG10)"`
	Owned        bool              `json:"owned"`
	Photos       bool              `json:"photos"`
	SkipImported bool              `json:"skip_imported"`
	RequireEmail bool              `json:"require_email"`
	Caps         CapsView          `json:"caps"`
	Budget       BudgetView        `json:"budget"`
	ApproveFirst bool              `json:"approve_first"`
}

// DeletesView says where deletions travel.
type DeletesView struct {
	ToCRM  bool `json:"to_crm"`
	ToBook bool `json:"to_book"`
}

// LabelsView names a label on each side.
type LabelsView struct {
	CRM  string `json:"crm"`
	Book string `json:"book"`
}

// CapsView bounds how many records one run takes.
type CapsView struct {
	First int `json:"first" doc:"0 means no cap"`
	Later int `json:"later" doc:"0 means no cap"`
}

// BudgetView is how much one side may lose in a day before a run asks.
type BudgetView struct {
	Count      int     `json:"count"`
	Share      float64 `json:"share"`
	SmallCount int     `json:"small_count"`
	SmallShare float64 `json:"small_share"`
}

func budgetView(b profile.Budget) BudgetView {
	return BudgetView{Count: b.Count, Share: b.Share, SmallCount: b.SmallCount, SmallShare: b.SmallShare}
}

func pairsView(ps []profile.Pair) []Pair {
	out := make([]Pair, 0, len(ps))
	for _, p := range ps {
		out = append(out, Pair{string(p.CRM), string(p.Book)})
	}
	return out
}

func rulesView(r profile.Rules) RulesView {
	v := RulesView{
		Direction: r.Direction, Winner: r.Winner, EmptyRemoves: r.EmptyRemoves, Overwrite: r.Overwrite,
		Deletes: DeletesView(r.Deletes), Mapping: pairsView(r.Mapping), MatchFirst: []LabelsView{},
		Owned: r.Owned, Photos: r.Photos, SkipImported: r.SkipImported, RequireEmail: r.RequireEmail,
		Caps: CapsView(r.Caps), Budget: budgetView(r.Budget), ApproveFirst: r.ApproveFirst,
	}
	for _, m := range r.MatchFirst {
		v.MatchFirst = append(v.MatchFirst, LabelsView(m))
	}
	return v
}

func settingsView(s tenancy.Settings) SettingsView {
	return SettingsView{
		CRMGroups: append([]string{}, s.CRMGroups...), BookGroups: append([]string{}, s.BookGroups...),
		CRMOptions: optionsView(s.CRMOptions), BookOptions: optionsView(s.BookOptions), Every: s.Every, Rules: rulesView(s.Rules),
	}
}

// optionsView returns a map that is never null.
func optionsView(m map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, m)
	return out
}
