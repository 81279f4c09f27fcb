package connectortest

import (
	"context"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/record"
)

func (s *suite) listing(t *testing.T) {
	s.run(t, "listing/an empty account completes", func(t *testing.T, a *Account) {
		l := list(t, a, a.Scope, "")
		if len(l.items) != 0 {
			t.Errorf("%d items, want none", len(l.items))
		}
		if q := list(t, a, a.Scope, l.cursor); len(q.items)+len(q.deleted) != 0 {
			t.Errorf("the next listing has %d items and %d deletions, want none", len(q.items), len(q.deleted))
		}
	})
	s.run(t, "listing/pages and names every record once", func(t *testing.T, a *Account) {
		d := describe(t, a)
		want := a.Put(people(0, d.Batch.List*2+5)...)
		settle(t, a, d)
		l := list(t, a, a.Scope, "")
		if l.pages < 3 {
			t.Errorf("%d pages, want at least 3", l.pages)
		}
		times := map[string]int{}
		for _, it := range l.items {
			times[it.ID]++
		}
		for _, id := range want {
			if times[id] != 1 {
				t.Fatalf("%s was listed %d times, want once", id, times[id])
			}
		}
		if len(l.items) != len(want) {
			t.Errorf("%d items, want %d", len(l.items), len(want))
		}
	})
	s.run(t, "listing/a quiet one names nothing and costs what is stated", func(t *testing.T, a *Account) {
		d := describe(t, a)
		a.Put(people(0, 3)...)
		settle(t, a, d)
		l := list(t, a, a.Scope, "")
		settle(t, a, d)
		l = list(t, a, a.Scope, l.cursor) // whatever an overlap repeats is repeated here
		for range 2 {
			tick(t, a)
			a.ResetCalls()
			l = list(t, a, a.Scope, l.cursor)
			if len(l.items)+len(l.deleted)+len(l.rekeyed) != 0 {
				t.Errorf("%d items, %d deletions, %d re-keyed; want none", len(l.items), len(l.deleted), len(l.rekeyed))
			}
			if got := a.Calls(); got != d.QuietCalls {
				t.Errorf("%d calls, want %d", got, d.QuietCalls)
			}
		}
	})
	s.run(t, "listing/a person's create, edit and delete each appear once", func(t *testing.T, a *Account) {
		d := describe(t, a)
		ids := a.Put(people(0, 4)...)
		settle(t, a, d)
		l := list(t, a, a.Scope, "")
		cursor := l.cursor
		before, _ := l.item(ids[0])
		tick(t, a)
		made := a.Put(person(100))[0]
		a.Edit(ids[0], record.Fields{record.NameGiven: {{Text: "Edited"}}})
		a.Remove(ids[1])
		settle(t, a, d)

		l = list(t, a, a.Scope, cursor)
		for _, id := range []string{made, ids[0]} {
			if n := l.count(id); n != 1 {
				t.Errorf("%s appeared %d times, want once", id, n)
			}
		}
		if n := l.gone(ids[1]); n != 1 {
			t.Errorf("the deleted record appeared %d times, want once", n)
		}
		if n := l.count(ids[1]); n != 0 {
			t.Errorf("the deleted record is also listed as changed")
		}
		after, _ := l.item(ids[0])
		if got := after.Record.Fields.First(record.NameGiven); got != "Edited" {
			t.Errorf("the edit reads %q, want %q", got, "Edited")
		}
		if after.Version == before.Version {
			t.Error("the version did not change with the edit")
		}
		if l.count(ids[2])+l.count(ids[3])+l.gone(ids[2])+l.gone(ids[3]) != 0 {
			t.Error("records that nobody touched appeared")
		}
		tick(t, a)
		l = list(t, a, a.Scope, l.cursor)
		if len(l.items)+len(l.deleted) != 0 {
			t.Errorf("the next listing repeats %d items and %d deletions", len(l.items), len(l.deleted))
		}
	})
	s.run(t, "listing/an item equals what Get returns", func(t *testing.T, a *Account) {
		d := describe(t, a)
		id := a.Put(person(1))[0]
		if a.Rich != nil {
			id = a.Rich()
		}
		settle(t, a, d)
		it, ok := list(t, a, a.Scope, "").item(id)
		if !ok {
			t.Fatalf("%s is not listed", id)
		}
		got := get(t, a, id)
		if got.Version != it.Version {
			t.Errorf("version %q by Get, %q in the listing", got.Version, it.Version)
		}
		sameRecord(t, d, got.Record, it.Record)
	})
	s.run(t, "listing/a cursor works in another process and keeps its scope", func(t *testing.T, a *Account) {
		if a.Reopen == nil {
			t.Skip("the harness has no Reopen")
		}
		d := describe(t, a)
		want := a.Put(people(0, d.Batch.List+3)...)
		settle(t, a, d)
		p, err := a.Connector.Changes(context.Background(), a.Scope, "")
		if err != nil || !p.More {
			t.Fatalf("first page: more %v, %v", p.More, err)
		}
		l := listed{full: true}
		l.take(t, p)
		a.Connector = a.Reopen()
		rest := listed{full: true}
		for cursor := p.Next; ; {
			p, err = a.Connector.Changes(context.Background(), connector.Scope{}, cursor)
			if err != nil {
				t.Fatal(err)
			}
			rest.take(t, p)
			if cursor = p.Next; !p.More {
				break
			}
		}
		if got := len(l.items) + len(rest.items); got != len(want) {
			t.Errorf("%d items over both, want %d", got, len(want))
		}
	})
	s.run(t, "listing/a cursor that is not ours is refused", func(t *testing.T, a *Account) {
		_, err := a.Connector.Changes(context.Background(), a.Scope, "not a cursor")
		wantIs(t, err, connector.ErrCursorExpired)
	})
}
