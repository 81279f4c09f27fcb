package connector

import (
	"context"
	"time"

	"meibo/shared/record"
)

// Group is a label, folder, list or view of records.
type Group struct {
	ID   string `json:"id"`
	Name string `json:"name"` // in the account's language
	// Everything says that the group is all that the account can see; a scope with it needs no groups at all.
	Everything bool `json:"everything,omitempty"`
	// Writable says that a create may put a record into it.
	Writable bool `json:"writable"`
	// Members is how many records it has; -1 if the vendor does not say.
	Members int `json:"members"`
}

// Chooser is a connector whose catalogue and records depend on a choice of the connection: which of the vendor's objects is meant.
type Chooser interface {
	// Choose returns the connector for the options of a connection, by Option.Key. What is not chosen has the option's default. It
	// makes no call. *InvalidError for a value that is no choice. Views of one connector share what it knows, and are never used at
	// the same time.
	Choose(options map[string]string) (Connector, error)
}

// Grouper lists the groups that a person can choose as scope.
type Grouper interface {
	Groups(ctx context.Context) ([]Group, error)
}

// Permission is something that the vendor lets, or does not let, the account's user do with records.
type Permission string

// The permissions that a connection may need. PermSync is the vendor's own permission to sync with the other system, where
// its administrators can grant one.
const (
	PermView   Permission = "view"
	PermCreate Permission = "create"
	PermEdit   Permission = "edit"
	PermDelete Permission = "delete"
	PermSync   Permission = "sync"
	// PermCompanies is the right to add the companies that people work for, where the vendor keeps them as records of their own.
	PermCompanies Permission = "companies"
)

// Identity says who an account is.
type Identity struct {
	AccountID string `json:"account_id"` // stable at the vendor, never an e-mail address
	Email     string `json:"email"`
	Name      string `json:"name"`
	CompanyID string `json:"company_id,omitempty"` // the vendor's organisation, where it has one
	Company   string `json:"company,omitempty"`
	Region    string `json:"region,omitempty"` // ISO 3166-1 alpha-2, where the vendor tells
	// Site is the address of the vendor's that belongs to the organisation, where each has its own; the account is connected again there.
	Site string `json:"site,omitempty"`
	// Permissions has an entry for each permission that the vendor tells; one that is absent is not known.
	Permissions map[Permission]bool `json:"permissions,omitempty"`
}

// Identifier tells whose account it is and what it may do.
type Identifier interface {
	Identify(ctx context.Context) (Identity, error)
}

// GroupMaker makes and removes the group or folder that a connection keeps its records in.
type GroupMaker interface {
	// MakeGroup returns the group with the name that carries mark, and makes it if there is none, so that it can be repeated. A
	// group of that name without the mark is somebody else's: *DuplicateError.
	MakeGroup(ctx context.Context, name, mark string) (Group, error)
	// RemoveGroup removes the group with the records that are in nothing else. One that is gone is no error.
	RemoveGroup(ctx context.Context, id string) error
}

// Photo is a record's picture.
type Photo struct {
	Data []byte
	Type string // media type, such as "image/jpeg"
}

// Photographer reads and sets the pictures of records. A record's Photo field, where the vendor lists one, holds a text that changes
// with the picture; where it does not, only Photos tells whether there is one.
type Photographer interface {
	// Photos returns one entry per id, in order; nil for a record without a picture. One without Data is there and could not be handed
	// out, or was too much beside the others: ask for it alone.
	Photos(ctx context.Context, ids []string) ([]*Photo, error)
	// SetPhoto stores a record's picture. *InvalidError if the vendor does not take it.
	SetPhoto(ctx context.Context, id string, p Photo) error
}

// Watch asks a vendor to tell of changes.
type Watch struct {
	ID     string // Meibo's own: 18 decimal digits, none of them secret
	Target string // what to watch, as Targets named it
	// URL is where notifications go. It is the watch's own.
	URL string
	// Secret proves notifications where the vendor sends one back: 32 letters and digits.
	Secret string
	// Until is how long it is wanted; the vendor may make it shorter.
	Until time.Time
}

// Subscription is the vendor's word for a Watch.
type Subscription struct {
	ID      string    `json:"id"` // the vendor's
	Target  string    `json:"target"`
	Expires time.Time `json:"expires,omitzero"` // zero if it does not expire
	// Shared says that the vendor tells of all its accounts at one address of Meibo's, and proves it with the secret of Meibo's own
	// registration: ID then names the account's organisation, and the notices of it are for each watch with that ID.
	Shared bool `json:"shared,omitempty"`
	// Extra is what the vendor wants to hear again when it is renewed or removed.
	Extra map[string]string `json:"extra,omitempty"`
}

// Watcher subscribes to a vendor's notifications of changes.
type Watcher interface {
	// Targets returns what has to be watched for a scope: the ids of folders where the vendor watches those, else one "".
	Targets(ctx context.Context, scope Scope) ([]string, error)
	// Watch subscribes. *ForbiddenError where the account's user may not; the connection then polls.
	Watch(ctx context.Context, w Watch) (Subscription, error)
	// Renew has a subscription go on until w.Until, and makes sure that the vendor still has it. ErrNotFound: it has not; subscribe
	// anew, and list what changed meanwhile.
	Renew(ctx context.Context, s Subscription, w Watch) (Subscription, error)
	// Unwatch ends a subscription. One that is gone is no error.
	Unwatch(ctx context.Context, s Subscription) error
}

// Budget is what a vendor lets a whole company's integrations use, and what is left of it.
type Budget struct {
	Limit     int       `json:"limit"`
	Remaining int       `json:"remaining"`
	Resets    time.Time `json:"resets,omitzero"`
	At        time.Time `json:"at"` // when the vendor said so
}

// Budgeter tells what the vendor last said of the budget; false if it said nothing yet. It makes no call.
type Budgeter interface {
	Budget() (Budget, bool)
}

// MemberScanner lists the ids that are in a scope now, for vendors whose change listing does not tell scope or deletions.
type MemberScanner interface {
	// Members returns one page of ids, and the cursor of the next page or "" after the last.
	Members(ctx context.Context, scope Scope, cursor string) (ids []string, next string, err error)
}

// FieldMaker makes a custom field at the vendor and returns it as Describe will list it. Making one that exists returns it.
type FieldMaker interface {
	MakeField(ctx context.Context, f record.Field) (record.Field, error)
}

// Provenance is how a record came to be at the vendor.
type Provenance string

// ProvenanceImported means an import or migration, with no later change made to the record itself.
const (
	ProvenanceMade     Provenance = "made"
	ProvenanceImported Provenance = "imported"
	ProvenanceUnknown  Provenance = "unknown"
)

// ProvenanceReader tells how records came in. It costs one vendor call a record.
type ProvenanceReader interface {
	Provenance(ctx context.Context, id string) (Provenance, error)
}

// Work is what a run had to do at one side.
type Work struct {
	// Listed are the records of each complete listing that the run needed, one number a listing.
	Listed []int
	// Changed are the records of each incremental listing, one number a listing.
	Changed []int
	// Read are records read by id.
	Read                      int
	Created, Updated, Deleted int
	// PhotosRead are records whose pictures were asked for, PhotosSet pictures that were stored.
	PhotosRead, PhotosSet int
	// Provenance are records of which was asked how they came in.
	Provenance int
}

// Read is what Pacer calls the reading of records by id, or of their pictures, beside the writes.
const Read Op = "read"

// Pacer tells how long a batch of n writes, or of reads, would have to wait for the vendor's limits if it were sent now, so that other
// work can be done first. It makes no call and counts nothing.
type Pacer interface {
	Ready(op Op, n int) time.Duration
}

// Reuser is a connector that may serve another slice after it was handed back. Reuse starts what it counts for its floor anew; what
// it knows of the account stays.
type Reuser interface {
	Reuse()
}

// Coster states the floor: the least calls that the vendor's published batch sizes allow for a piece of work. It makes no calls.
type Coster interface {
	Floor(w Work) int
}
