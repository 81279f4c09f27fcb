package connector

import (
	"context"

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
)

// Identity says who an account is.
type Identity struct {
	AccountID string `json:"account_id"` // stable at the vendor, never an e-mail address
	Email     string `json:"email"`
	Name      string `json:"name"`
	CompanyID string `json:"company_id,omitempty"` // the vendor's organisation, where it has one
	Company   string `json:"company,omitempty"`
	Region    string `json:"region,omitempty"` // ISO 3166-1 alpha-2, where the vendor tells
	// Permissions has an entry for each permission that the vendor tells; one that is absent is not known.
	Permissions map[Permission]bool `json:"permissions,omitempty"`
}

// Identifier tells whose account it is and what it may do.
type Identifier interface {
	Identify(ctx context.Context) (Identity, error)
}

// MemberScanner lists the ids that are in a scope now, for vendors whose change listing does not tell.
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
