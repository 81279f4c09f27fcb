package state

import (
	"encoding/json"
	"fmt"
	"time"

	"meibo/shared/profile"
	"meibo/shared/store"
)

// Partition returns the partition key of a connection's items; JournalPartition that of its journal.
func Partition(tenant, conn string) string { return "C#" + tenant + "#" + conn }

// JournalPartition returns the partition key of a connection's journal.
func JournalPartition(tenant, conn string) string { return "J#" + tenant + "#" + conn }

// Sort-key prefixes within a connection's partition.
const (
	skControl   = "control"
	skCatalogue = "catalogue#" // + side
	skRun       = "run#"       // + run id, which sorts by time
	skLink      = "link#"      // + CRM record id: the link
	skBook      = "book#"      // + book record id: the pointer, or the record itself while it has no partner
	skIntent    = "intent#"    // + batch id
	skIndex     = "index#"     // + side + # + generation + # + number
	skReview    = "review#"    // + id
	skAbsent    = "absent#"    // + run id + # + side + # + number
)

func linkKey(pk, crm string) store.Key  { return store.Key{PK: pk, SK: skLink + crm} }
func bookKey(pk, book string) store.Key { return store.Key{PK: pk, SK: skBook + book} }
func runKey(pk, id string) store.Key    { return store.Key{PK: pk, SK: skRun + id} }
func reviewKey(pk, id string) store.Key { return store.Key{PK: pk, SK: skReview + id} }
func controlKey(pk string) store.Key    { return store.Key{PK: pk, SK: skControl} }
func catKey(pk string, s profile.Side) store.Key {
	return store.Key{PK: pk, SK: skCatalogue + string(s)}
}

// RunRetention is how long runs stay listed; JournalRetention how long before-images are kept (DESIGN section 4).
const (
	RunRetention     = 90 * 24 * time.Hour
	JournalRetention = 30 * 24 * time.Hour
)

func item(k store.Key, v int64, body any) (store.Item, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return store.Item{}, fmt.Errorf("state: encoding %s: %w", k.SK, err)
	}
	return store.Item{Key: k, V: v, Body: b}, nil
}

func decode[T any](it store.Item) (T, error) {
	var v T
	if err := json.Unmarshal(it.Body, &v); err != nil {
		return v, fmt.Errorf("state: item %s is damaged: %w", it.SK, err)
	}
	return v, nil
}
