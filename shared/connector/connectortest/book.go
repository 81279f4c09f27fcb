package connectortest

import (
	"encoding/json"
	"errors"
	"testing"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// PutIn adds records to a user's book as a person would, and to a group unless that is empty. The book must take every field.
func PutIn(t *testing.T, b sandbox.Book, user, group string, recs ...record.Record) []string {
	t.Helper()
	seeds := make([]sandbox.Seed, len(recs))
	for i, r := range recs {
		seeds[i].Record = r
		if group != "" {
			seeds[i].Groups = []string{group}
		}
	}
	f, err := b.Fill(user, seeds)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Dropped) > 0 {
		t.Fatalf("the sandbox dropped %v", f.Dropped)
	}
	return f.IDs
}

// Native parses what the vendor holds of a contact; ok is false if the contact is gone.
func Native[T any](t *testing.T, b sandbox.Book, user, id string) (v T, ok bool) {
	t.Helper()
	c, err := b.Contact(user, id)
	if errors.Is(err, sandbox.ErrNoContact) {
		return v, false
	}
	if err == nil {
		err = json.Unmarshal(c.Native, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v, true
}
