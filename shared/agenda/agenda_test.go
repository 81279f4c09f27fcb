package agenda_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meibo/shared/agenda"
	"meibo/shared/clock"
	"meibo/shared/store/embedded"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func open(t *testing.T) agenda.Agenda {
	t.Helper()
	table, err := embedded.Open(filepath.Join(t.TempDir(), "t.db"), embedded.Options{Clock: clock.NewVirtual(start, true), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	return agenda.Agenda{Table: table, Name: "test", Shards: 3}
}

func TestDueFindsWhatATableOfTimesSays(t *testing.T) {
	a := open(t)
	ctx := context.Background()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		a := a
		a.Name = fmt.Sprintf("test%d", n)
		want := map[string]time.Time{}
		for range rapid.IntRange(0, 30).Draw(r, "steps") {
			id := fmt.Sprintf("t1/a#%d", rapid.IntRange(0, 6).Draw(r, "id"))
			if rapid.IntRange(0, 3).Draw(r, "act") == 0 {
				delete(want, id)
				if err := a.Remove(ctx, id); err != nil {
					r.Fatal(err)
				}
				continue
			}
			at := start.Add(time.Duration(rapid.IntRange(0, 100).Draw(r, "at")) * time.Second)
			want[id] = at
			if err := a.Set(ctx, id, at); err != nil {
				r.Fatal(err)
			}
		}
		now := start.Add(time.Duration(rapid.IntRange(0, 100).Draw(r, "now")) * time.Second)
		got, err := a.Due(ctx, now, 100)
		if err != nil {
			r.Fatal(err)
		}
		due := 0
		for _, at := range want {
			if !at.After(now) {
				due++
			}
		}
		if len(got) != due {
			r.Fatalf("got %v at %s, want the due ones of %v", got, now, want)
		}
		for _, e := range got {
			if !want[e.ID].Equal(e.At) || e.At.After(now) {
				r.Fatalf("got %v, want it at %v", e, want[e.ID])
			}
		}
	})
}

func TestLimitBoundsAnAnswer(t *testing.T) {
	a := open(t)
	ctx := context.Background()
	for i := range 40 {
		if err := a.Set(ctx, fmt.Sprint(i), start); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.Due(ctx, start, 7)
	if err != nil || len(got) != 7 {
		t.Errorf("got %d entries, %v, want 7", len(got), err)
	}
}
