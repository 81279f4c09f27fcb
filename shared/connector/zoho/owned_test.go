package zoho_test

import (
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
	box "meibo/shared/sandbox/zoho"
)

// SPEC ZO1: only the member's own contacts.
func TestOwnedScope(t *testing.T) {
	const ben = "ben.ito@example.jp"
	a := over(t, box.Config{}, nil)
	a.must(a.box.AddUser(box.User{Email: ben, Name: "Ben Ito"}))
	person := func(family string) record.Record {
		f := record.Fields{}
		f.Set(record.NameFamily, family)
		return record.Record{Kind: record.Contact, Fields: f}
	}
	ids := a.put(person("Mine"), person("Theirs"))
	mine, theirs := ids[0], ids[1]
	a.must(a.box.SetOwner(aiko, theirs, ben))
	list := func(cursor string) (map[string]connector.Membership, string) {
		t.Helper()
		out := map[string]connector.Membership{}
		for more := true; more; {
			page, err := a.Changes(ctx, connector.Scope{Owned: true}, cursor)
			a.must(err)
			for _, it := range page.Changed {
				out[it.ID] = it.Scope
			}
			cursor, more = page.Next, page.More
		}
		return out, cursor
	}
	got, cursor := list("")
	if got[mine] != connector.InScope || got[theirs] != connector.OutOfScope {
		t.Fatalf("got %v, want %s in scope and %s out of it", got, mine, theirs)
	}
	t.Run("a contact that changed hands is told", func(t *testing.T) {
		a.clock.Advance(5 * time.Minute)
		a.must(a.box.SetOwner(aiko, mine, ben))
		a.must(a.box.SetOwner(aiko, theirs, aiko))
		a.clock.Advance(5 * time.Minute)
		got, _ := list(cursor)
		if got[mine] != connector.OutOfScope || got[theirs] != connector.InScope {
			t.Errorf("got %v, want %s out of scope and %s in it", got, mine, theirs)
		}
	})
}
