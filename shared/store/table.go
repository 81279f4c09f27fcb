// Package store is the one table that holds all of Meibo's state, as an interface small enough for DynamoDB and for one file on
// a laptop to mean the same by it.
//
// Items have a partition key, a sort key, an opaque body and three numbers that conditions can see. Reads by key are strongly
// consistent. Writes of several items are all-or-nothing. Limits are DynamoDB's, on every engine (see Limits), so that the
// local edition cannot do what the cloud cannot. Package storetest proves an engine; Counted counts the units of a run.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Key addresses an item. Neither part may be empty.
type Key struct{ PK, SK string }

func (k Key) String() string { return k.PK + " / " + k.SK }

// Item is one item. Body is opaque to the table.
type Item struct {
	Key
	// V is the item's version. A put stores it as given; conditions compare it. Callers raise it by one at each change.
	V int64
	// Fence is a second number that conditions can see: the epoch of a lease.
	Fence int64
	// Expires is when the item may be dropped; zero means never. An expired item is absent for every read and condition,
	// whether or not the engine has dropped it yet.
	Expires time.Time
	Body    []byte
}

// Limits that every engine enforces, from DynamoDB's documentation.
const (
	MaxItemBytes  = 400 << 10 // keys, numbers and body together
	MaxBulk       = 25
	MaxBatchGet   = 100
	MaxTransact   = 100
	MaxPageBytes  = 1 << 20 // of one query page, counted before Limit ends it
	MaxTransBytes = 4 << 20
	MaxPKBytes    = 2048
	MaxSKBytes    = 1024
)

// Errors of a table; test with errors.Is.
var (
	ErrNotFound = errors.New("store: no such item")
	// ErrThrottled: nothing was written; try again after a pause.
	ErrThrottled = errors.New("store: too many requests")
	// ErrContention: another transaction had the items; nothing was written; try again.
	ErrContention = errors.New("store: the items are busy")
	// ErrLimit: the request breaks one of the limits; nothing was written.
	ErrLimit = errors.New("store: over a limit of the table")
)

// ConditionError says that a write was refused because conditions did not hold. Nothing was written.
type ConditionError struct {
	Failed []int // indexes into the ops of Write
}

func (e *ConditionError) Error() string {
	return fmt.Sprintf("store: condition not met for op %v", e.Failed)
}

// OpKind is what an Op does.
type OpKind int8

// OpCheck writes nothing: it only holds the transaction to its condition.
const (
	OpPut OpKind = iota
	OpDelete
	OpCheck
)

// Cond is what must hold of the item that is there before. All that is set must hold; the zero Cond always holds.
type Cond struct {
	Absent bool   // no item
	Exists bool   // an item
	V      *int64 // an item with this version
	Fence  *int64 // an item with this fence
}

// At returns the condition that the item is there with version v.
func At(v int64) Cond { return Cond{V: &v} }

// Fenced returns the condition that the item is there with fence f.
func Fenced(f int64) Cond { return Cond{Fence: &f} }

// Op is one write of a transaction.
type Op struct {
	Kind OpKind
	Item Item // for OpDelete and OpCheck only its Key matters
	If   Cond
}

// Put returns an op that stores it if c holds.
func Put(it Item, c Cond) Op { return Op{Kind: OpPut, Item: it, If: c} }

// Delete returns an op that removes the item at k if c holds. Removing an absent item is no error.
func Delete(k Key, c Cond) Op { return Op{Kind: OpDelete, Item: Item{Key: k}, If: c} }

// Check returns an op that only holds the transaction to c.
func Check(k Key, c Cond) Op { return Op{Kind: OpCheck, Item: Item{Key: k}, If: c} }

// Query asks for the items of one partition in sort-key order.
type Query struct {
	PK string
	// Prefix bounds the sort keys by a common beginning; From and To (both inclusive, "" means open) by a range. Only one
	// of the two may be set.
	Prefix   string
	From, To string
	// Limit is how many items to read at most; 0 means as many as a page holds.
	Limit int
	// Reverse reads from the highest sort key down.
	Reverse bool
	// After is Page.Next of the page before.
	After string
}

// Page is one page of a query. An empty page may still have a Next.
type Page struct {
	Items []Item
	Next  string // "" when there is no more
}

// Table is the store.
type Table interface {
	// Get returns the item at k, or ErrNotFound.
	Get(ctx context.Context, k Key) (Item, error)
	// BatchGet returns those of at most MaxBatchGet distinct keys that exist, in no particular order. It asks again for
	// what the engine leaves unprocessed.
	BatchGet(ctx context.Context, keys []Key) ([]Item, error)
	// Query returns one page.
	Query(ctx context.Context, q Query) (Page, error)
	// Write does all ops or none; at most MaxTransact, on distinct keys. It returns a *ConditionError if conditions
	// failed.
	Write(ctx context.Context, ops ...Op) error
	// Bulk puts and deletes at most MaxBulk items with no condition, each by itself: after an error some may be done.
	Bulk(ctx context.Context, puts []Item, deletes []Key) error
}
