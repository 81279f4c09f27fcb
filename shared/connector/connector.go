package connector

import (
	"context"
	"time"

	"meibo/shared/record"
)

// Connector reads and writes the records of one account at one vendor. Its methods may be called one after another from
// different goroutines, never at the same time.
type Connector interface {
	// Describe reads the account's field catalogue and states what the vendor can do. It costs vendor calls; the engine
	// keeps the answer.
	Describe(ctx context.Context) (Description, error)

	// Changes returns one page of what changed since cursor. The empty cursor starts a full listing. A cursor is opaque
	// and self-sufficient: it pins the scope it began with, so scope is only read when cursor is empty.
	// ErrCursorExpired means that the listing must start again from the empty cursor.
	Changes(ctx context.Context, scope Scope, cursor string) (Page, error)

	// Get reads records by id, whatever scope they are in. The answer has one entry per id, in order. The error is for the
	// whole call only; what concerns one id is in its entry.
	Get(ctx context.Context, fields []record.Key, ids []string) ([]Got, error)

	// Apply sends writes and returns exactly one result per write, in order. The returned error is non-nil only if nothing
	// was sent; from the first request on, each write's outcome is its result's Err. Writes that a vendor takes only
	// singly, or refuses together, are split inside. At most Description.Batch of one Op come in one call.
	Apply(ctx context.Context, writes []Write) ([]Result, error)
}

// Description is what an account at a vendor can do. The engine stores it as JSON.
type Description struct {
	Name   string         `json:"name"` // of the system, as its users call it: "Google Contacts"
	Kind   record.Kind    `json:"kind"`
	Fields []record.Field `json:"fields"`

	Batch Batch `json:"batch"`

	// QuietCalls is what Changes from a finished cursor costs when nothing changed, in vendor calls.
	QuietCalls int `json:"quiet_calls"`
	// VersionChecked says that the vendor refuses an update whose version is stale (ErrVersionConflict).
	VersionChecked bool `json:"version_checked"`
	// WritesInSeries says that the vendor wants writes of one account one after another, across connections.
	WritesInSeries bool `json:"writes_in_series"`
	// StoresMark says that a create stores Write.Mark and that Item.Mark comes back in listings.
	StoresMark bool `json:"stores_mark"`
	// ReadOnly says that Apply refuses everything.
	ReadOnly bool `json:"read_only"`

	// Visibility is how long a write may stay invisible to Changes.
	Visibility time.Duration `json:"visibility"`
	// FullListingEvery is how old a chain of cursors may grow before it must start from a full listing; 0 means never.
	FullListingEvery time.Duration `json:"full_listing_every"`
	// GoneAfter is for a vendor whose "not found" does not tell a deletion from what the user may no longer see (StatusInvisible): a
	// record counts as gone once it was missing from two complete listings or scans that are at least this far apart, and each time
	// could not be read by id. 0 means that such a record never counts as gone.
	GoneAfter time.Duration `json:"gone_after,omitempty"`
	// IDsMove says that a record may come to have another id, when the vendor merges or splits people, without any listing saying so.
	// Before a new record is taken for a new person, linked ones that say the same are read by id.
	IDsMove bool `json:"ids_move,omitempty"`
	// ScanEvery is how often the ids of the whole scope must be scanned (MemberScanner) because no listing of changes tells
	// deletions; 0 means that Changes tells them.
	ScanEvery time.Duration `json:"scan_every,omitempty"`
	// PollEvery is the shortest interval between two runs that the vendor's limits leave room for, when many connections share
	// them; 0 means that a minute is fine.
	PollEvery time.Duration `json:"poll_every,omitempty"`
	// Options are choices of this vendor's own that a person makes for a connection.
	Options []Option `json:"options,omitempty"`
	// MembersEvery is how often a scope with groups needs a membership scan, for a vendor whose change listing does not
	// tell scope (MemberScanner); 0 means that Changes tells.
	MembersEvery time.Duration `json:"members_every"`
}

// Option is a choice of a vendor's own, such as who may see the people that are added.
type Option struct {
	Key     string   `json:"key"` // such as "visibility"
	Name    string   `json:"name"`
	Choices []Choice `json:"choices"`
	Default string   `json:"default"` // one of the choices' values, or "" for the vendor's own default
	// Fixed says that what was chosen holds for the life of a connection: its links are to the records of that choice (Chooser).
	Fixed bool `json:"fixed,omitempty"`
}

// Choice is one value of an Option.
type Choice struct {
	Value string `json:"value"`
	Name  string `json:"name"`
}

// Batch says how many records one vendor call takes. All are at least 1.
type Batch struct {
	List   int `json:"list"`
	Get    int `json:"get"`
	Create int `json:"create"`
	Update int `json:"update"`
	Delete int `json:"delete"`
}

// Field returns the description of field k, and whether the account has it.
func (d Description) Field(k record.Key) (record.Field, bool) {
	for _, f := range d.Fields {
		if f.Key == k {
			return f, true
		}
	}
	return record.Field{}, false
}

// Scope says which records a connection is about.
type Scope struct {
	// Groups are ids of groups, folders, lists or views (see Grouper). Empty means every record that the account can see.
	Groups []string `json:"groups,omitempty"`
	// Owned leaves out records that belong to another user than the account's.
	Owned bool `json:"owned,omitempty"`
	// Options are the connection's choices, by Option.Key.
	Options map[string]string `json:"options,omitempty"`
	// Fields are the fields to read; nil means all of the catalogue.
	Fields []record.Key `json:"fields,omitempty"`
}

// Page is one page of a listing.
type Page struct {
	Changed []Item
	Deleted []Deletion
	Rekeyed []Rekey
	// Next is the cursor after this page. It is set on every page, the last one too: it then starts the next incremental
	// listing.
	Next string
	// More says that the listing goes on; false means that it is complete.
	More bool
	// Full says that the page belongs to a full listing: it has no Deleted, and what a complete one did not name is absent.
	Full bool
	// Since is when the vendor, by its own clock, began this listing; zero if it does not say.
	Since time.Time
}

// Membership says whether a record is in the scope asked for.
type Membership int8

// A listing that cannot tell membership says ScopeUnknown; the engine then treats linked records as in scope and creates
// nothing for the others until a later page or a membership scan says InScope.
const (
	ScopeUnknown Membership = iota
	InScope
	OutOfScope
)

// Item is a record as the vendor holds it now.
type Item struct {
	ID string
	// Version changes whenever the record's content does, and does not depend on which fields were asked for.
	Version string
	Record  record.Record
	Scope   Membership
	// Mark is what Write.Mark put there when the record was created by Meibo; "" if none or not stored.
	Mark string
	// Created is when the record was made at the vendor; zero if the vendor does not say.
	Created time.Time
	// Raw is the connector's own, needed to write the record back whole. The engine hands it back in Write.Current
	// within the same step, and never stores it.
	Raw any
}

// Evidence says how sure a deletion is.
type Evidence int8

// EvidenceAccount is a tombstone of the whole account: the record is gone. EvidenceScoped is a tombstone of a folder or view
// only: the record must be read by id before the deletion is believed.
const (
	EvidenceAccount Evidence = iota
	EvidenceScoped
)

// Deletion is a record that the vendor says is gone.
type Deletion struct {
	ID       string
	Evidence Evidence
}

// Rekey says that one record has a new id.
type Rekey struct{ Old, New string }

// Status is what Get found for one id.
type Status int8

// StatusGone is the vendor's word that the record is deleted. StatusInvisible covers "not found for us" where the vendor does
// not tell deletion from lost permission; it is no evidence of a delete. StatusFailed has the reason in Got.Err.
const (
	StatusFound Status = iota
	StatusGone
	StatusInvisible
	StatusFailed
)

// Got is the answer for one id.
type Got struct {
	ID     string // as asked
	Status Status
	Item   Item // when found; Item.ID differs from ID if the record was re-keyed or merged
	Err    error
}

// Op is a kind of write.
type Op string

// The writes.
const (
	Create Op = "create"
	Update Op = "update"
	Delete Op = "delete"
)

// Write is one write to send.
type Write struct {
	Op Op
	ID string // update, delete
	// Fields are, for a create, all values to store; for an update, only the fields that change, each with its complete
	// new list of values. A key with no values empties the field. Values were fitted to the field (record.Fit): with
	// Slots, each value's Label names its slot.
	Fields record.Fields
	// Current is what the target held when the write was planned (update, delete). The update must fail with
	// ErrVersionConflict if Description.VersionChecked and the record is no longer at Current.Version.
	Current *Item
	// Mark is stored with a create where Description.StoresMark.
	Mark string
	// Groups are the groups to put a new record into, besides where the vendor puts every new record.
	Groups []string
	// Options are the connection's choices, by Option.Key.
	Options map[string]string
}

// Result is the outcome of one write.
type Result struct {
	ID      string
	Version string
	// Item is the record as stored, if the vendor returned it; nil means that it must be read back before its values
	// count as a base.
	Item *Item
	// Err is nil when the write is done. ErrOutcomeUnknown means that it may be.
	Err error
}
