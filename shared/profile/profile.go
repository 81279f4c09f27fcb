// Package profile holds the preset rules of each pair of systems, as data that a person can read next to SPEC. A profile gives
// a new connection its settings and bounds what can be chosen; the engine only ever sees Rules.
//
// It imports nothing but the neutral record.
package profile

import "meibo/shared/record"

// Side is one end of a connection.
type Side string

// The sides.
const (
	CRM  Side = "crm"
	Book Side = "book"
)

// Other returns the opposite side.
func (s Side) Other() Side {
	if s == CRM {
		return Book
	}
	return CRM
}

// Direction says which way records travel.
type Direction string

// The directions.
const (
	CRMToBook Direction = "crm_to_book"
	BookToCRM Direction = "book_to_crm"
	TwoWay    Direction = "two_way"
)

// Writes reports whether records may be written to side s.
func (d Direction) Writes(s Side) bool {
	return d == TwoWay || (d == CRMToBook && s == Book) || (d == BookToCRM && s == CRM)
}

// Pair maps one field of the CRM to one field of the book.
type Pair struct {
	CRM  record.Key `json:"crm"`
	Book record.Key `json:"book"`
}

// Caps bound how many records one run takes; 0 means no cap.
type Caps struct {
	First int `json:"first,omitempty"` // the first run
	Later int `json:"later,omitempty"` // each later one
}

// Deletes says to which sides a deletion on the other travels.
type Deletes struct {
	ToCRM  bool `json:"to_crm"`
	ToBook bool `json:"to_book"`
}

// To reports whether a deletion travels to side s.
func (d Deletes) To(s Side) bool {
	if s == CRM {
		return d.ToCRM
	}
	return d.ToBook
}

// Budget bounds what one side may lose over a rolling day before a run asks a person (BX4). A run is over budget if it would
// delete more than Count records and more than Share of the links, or more than SmallCount and more than SmallShare. Records that
// a run would empty of all values of a field count as well.
type Budget struct {
	Count      int     `json:"count"`
	Share      float64 `json:"share"`
	SmallCount int     `json:"small_count"`
	SmallShare float64 `json:"small_share"`
}

// DefaultBudget is what SPEC BX4 states.
var DefaultBudget = Budget{Count: 20, Share: 0.10, SmallCount: 3, SmallShare: 0.5}

// Over reports whether n losses among links exceed the budget.
func (b Budget) Over(n, links int) bool {
	share := float64(n)
	return n > b.Count && share > b.Share*float64(links) || n > b.SmallCount && share > b.SmallShare*float64(links)
}

// Rules are what the engine and the planner follow for one connection.
type Rules struct {
	Direction Direction `json:"direction"`
	// Winner's value stands when both sides changed one value differently.
	Winner Side `json:"winner"`
	// EmptyRemoves says that emptying a field on one side empties it on the other.
	EmptyRemoves bool `json:"empty_removes"`
	// Overwrite says that a change of a CRM record rewrites all its mapped fields in the book, whatever was edited there since; what
	// was only edited in the book stays until then (SM7). It is for the direction crm_to_book.
	Overwrite bool    `json:"overwrite,omitempty"`
	Deletes   Deletes `json:"deletes"`
	Mapping   []Pair  `json:"mapping"`
	// MatchFirst are pairs of labels whose e-mail addresses are compared before any others (ZG10).
	MatchFirst []LabelPair `json:"match_first,omitempty"`
	// SkipImported leaves out CRM records that came in by import or migration until they are changed by themselves (ZO7).
	SkipImported bool `json:"skip_imported"`
	// Owned takes only CRM records that belong to the account's own user (PD6, ZO1).
	Owned bool `json:"owned,omitempty"`
	// Photos gives the book's photo to a CRM record that has none (PD12).
	Photos bool `json:"photos,omitempty"`
	// RequireEmail leaves out records without a valid e-mail address (HD7).
	RequireEmail bool   `json:"require_email"`
	Caps         Caps   `json:"caps"`
	Budget       Budget `json:"budget"`
	// ApproveFirst makes the first run wait for a person's approval of its counts.
	ApproveFirst bool `json:"approve_first"`
}

// LabelPair names a label on each side.
type LabelPair struct {
	CRM  string `json:"crm"`
	Book string `json:"book"`
}

// Profile is the preset of one pair of systems.
type Profile struct {
	Name string `json:"name"`
	CRM  string `json:"crm"`  // system id
	Book string `json:"book"` // system id
	// Directions that a person may choose; the first is the default.
	Directions []Direction `json:"directions"`
	// Rules are the defaults. Mapping is made from both catalogues: see DefaultMapping.
	Rules Rules `json:"rules"`
	// SuggestedCaps are the vendor's own limits, which a tenant can switch on (ZG9).
	SuggestedCaps Caps `json:"suggested_caps"`
	// Every bounds and presets the frequency, in minutes.
	EveryMin, EveryDefault, EveryMax int
	// Leave are fields of the default mapping that this pair does not sync.
	Leave []record.Key `json:"leave,omitempty"`
	// Folder is the name of the group in the book that Meibo makes, keeps all records of the connection in and removes in the end;
	// "" if a person chooses among the groups that are there (ZO4 to ZO6).
	Folder string `json:"folder,omitempty"`
	// Make are CRM fields that are made at the start of a connection where the company has none (PD13).
	Make []record.Key `json:"make,omitempty"`
	// MakeMapped are CRM fields that are made at the start where the company has none and a person has mapped them.
	MakeMapped []record.Key `json:"make_mapped,omitempty"`
	// Companies says that a member needs the right to add companies as well as people (PD2).
	Companies bool `json:"companies,omitempty"`
	// Sole says that an address book account syncs with one account of the CRM at a time: neither with a second company there, nor
	// with a second user of the same company (PD9).
	Sole bool `json:"sole,omitempty"`
	// Directory says that an administrator of the tenant must have connected the book's directory first, and that members connect with
	// accounts of that directory only (SM1 to SM3).
	Directory bool `json:"directory,omitempty"`
}
