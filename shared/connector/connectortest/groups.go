package connectortest

import (
	"context"
	"testing"

	"meibo/shared/connector"
)

func (s *suite) groups(t *testing.T) {
	s.run(t, "groups/the account's groups are listed", func(t *testing.T, a *Account) {
		gs := s.grouper(t, a)
		seen := map[string]bool{}
		for _, g := range gs {
			if g.ID == "" || g.Name == "" || seen[g.ID] {
				t.Errorf("group %q (%q) has no id or name, or is there twice", g.ID, g.Name)
			}
			seen[g.ID] = true
		}
		if !seen[a.Group] {
			t.Errorf("group %s is not listed", a.Group)
		}
	})
	s.run(t, "groups/a listing tells who is in scope", func(t *testing.T, a *Account) {
		s.grouper(t, a)
		d := describe(t, a)
		out := a.Put(people(0, 2)...)
		in := a.PutIn(a.Group, people(10, 2)...)
		settle(t, a, d)
		scope := connector.Scope{Groups: []string{a.Group}}
		l := list(t, a, scope, "")
		for _, id := range in {
			if it, ok := l.item(id); !ok || it.Scope != connector.InScope {
				t.Errorf("%s, which is in the group: listed %v, scope %d", id, ok, it.Scope)
			}
		}
		for _, id := range out {
			if it, ok := l.item(id); ok && it.Scope == connector.InScope {
				t.Errorf("%s, which is not in the group, is in scope", id)
			}
		}
		// The scope is the cursor's, not the caller's.
		late := a.PutIn(a.Group, person(20))[0]
		stranger := a.Put(person(21))[0]
		settle(t, a, d)
		l = list(t, a, connector.Scope{}, l.cursor)
		if it, ok := l.item(late); !ok || it.Scope != connector.InScope {
			t.Errorf("a new member: listed %v, scope %d", ok, it.Scope)
		}
		if it, ok := l.item(stranger); ok && it.Scope == connector.InScope {
			t.Error("a new record outside the group is in scope")
		}
	})
	s.run(t, "groups/without groups everything is in scope", func(t *testing.T, a *Account) {
		d := describe(t, a)
		a.Put(people(0, 2)...)
		settle(t, a, d)
		for _, it := range list(t, a, connector.Scope{}, "").items {
			if it.Scope != connector.InScope {
				t.Errorf("%s has scope %d, want in scope", it.ID, it.Scope)
			}
		}
	})
	s.run(t, "groups/a create lands in the chosen group", func(t *testing.T, a *Account) {
		writable := false
		for _, g := range s.grouper(t, a) {
			writable = writable || g.ID == a.Group && g.Writable
		}
		if !writable {
			t.Skip("no record can be put into a group of this vendor")
		}
		w := create(person(1).Fields)
		w.Groups = []string{a.Group}
		id := done(t, a, w)[0]
		settle(t, a, describe(t, a))
		it, ok := list(t, a, connector.Scope{Groups: []string{a.Group}}, "").item(id)
		if !ok || it.Scope != connector.InScope {
			t.Errorf("listed %v, scope %d; want in scope", ok, it.Scope)
		}
	})
	s.run(t, "groups/a membership scan names the members", func(t *testing.T, a *Account) {
		m, ok := a.Connector.(connector.MemberScanner)
		if !ok {
			t.Skip("the change listing tells scope")
		}
		a.Put(people(0, 2)...)
		want := a.PutIn(a.Group, people(10, 3)...)
		settle(t, a, describe(t, a))
		got := map[string]int{}
		for cursor, pages := "", 0; ; pages++ {
			ids, next, err := m.Members(context.Background(), connector.Scope{Groups: []string{a.Group}}, cursor)
			if err != nil || pages > 1000 {
				t.Fatalf("page %d: %v", pages, err)
			}
			for _, id := range ids {
				got[id]++
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		for _, id := range want {
			if got[id] != 1 {
				t.Errorf("%s was named %d times, want once", id, got[id])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d members, want %d", len(got), len(want))
		}
	})
}

func (s *suite) grouper(t *testing.T, a *Account) []connector.Group {
	t.Helper()
	g, ok := a.Connector.(connector.Grouper)
	if !ok {
		t.Skip("the connector is no Grouper")
	}
	gs, err := g.Groups(context.Background())
	if err != nil {
		t.Fatalf("Groups: %v", err)
	}
	return gs
}
