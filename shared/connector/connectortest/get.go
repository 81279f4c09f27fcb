package connectortest

import (
	"context"
	"slices"
	"testing"

	"meibo/shared/connector"
)

func (s *suite) get(t *testing.T) {
	s.run(t, "get/found, deleted and missing come back in order", func(t *testing.T, a *Account) {
		ids := a.Put(people(0, 4)...)
		a.Remove(ids[1])
		ask := []string{ids[2], a.Missing[0], ids[0], ids[1], ids[3]}
		got, err := a.Connector.Get(context.Background(), nil, ask)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(ask) {
			t.Fatalf("%d entries, want %d", len(got), len(ask))
		}
		for i, g := range got {
			if g.ID != ask[i] {
				t.Errorf("entry %d is %q, want %q", i, g.ID, ask[i])
			}
			there := !slices.Contains([]string{ids[1], a.Missing[0]}, ask[i])
			switch {
			case there && (g.Status != connector.StatusFound || g.Item.ID != ask[i]):
				t.Errorf("%s: status %d, item %q; want it found", g.ID, g.Status, g.Item.ID)
			case !there && g.Status != connector.StatusGone && g.Status != connector.StatusInvisible:
				t.Errorf("%s: status %d, want gone or invisible", g.ID, g.Status)
			}
		}
		if name := got[0].Item.Record.Fields.First("name.given"); name != "Given2" {
			t.Errorf("the first entry is of %q, want Given2", name)
		}
	})
	s.run(t, "get/all missing is no error", func(t *testing.T, a *Account) {
		got, err := a.Connector.Get(context.Background(), nil, a.Missing)
		if err != nil || len(got) != len(a.Missing) {
			t.Fatalf("%d entries, %v; want %d", len(got), err, len(a.Missing))
		}
		for _, g := range got {
			if g.Status != connector.StatusGone && g.Status != connector.StatusInvisible {
				t.Errorf("%s: status %d, want gone or invisible", g.ID, g.Status)
			}
		}
	})
	s.run(t, "get/a whole batch costs one call", func(t *testing.T, a *Account) {
		d := describe(t, a)
		ids := a.Put(people(0, d.Batch.Get)...)
		a.ResetCalls()
		got, err := a.Connector.Get(context.Background(), nil, ids)
		if err != nil || len(got) != len(ids) {
			t.Fatalf("%d entries, %v; want %d", len(got), err, len(ids))
		}
		if n := a.Calls(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
	s.run(t, "get/no ids cost no call", func(t *testing.T, a *Account) {
		a.ResetCalls()
		got, err := a.Connector.Get(context.Background(), nil, nil)
		if err != nil || len(got) != 0 || a.Calls() != 0 {
			t.Errorf("%d entries, %v, %d calls; want nothing", len(got), err, a.Calls())
		}
	})
}
