package engine_test

import (
	"testing"
	"time"

	"meibo/shared/profile"
	"meibo/shared/state"
)

// Records that are missing from a complete listing by the hundred, at a vendor that shows them singly: reading them takes longer than a
// slice may last.
func TestManyAreMissingAtOnce(t *testing.T) {
	const people, lost = 400, 300
	start := func(t *testing.T) (*world, []string) {
		w, ids := vague(t, people)
		w.conn.Settings.Rules.Budget = profile.Budget{Count: 100000, Share: 1, SmallCount: 100000, SmallShare: 1}
		w.crm.hidden = map[string]bool{}
		w.crm.batch.Get, w.crm.slow, w.sliceTime = 1, time.Second, time.Minute
		w.restart(w.table)
		w.longest = 0
		return w, ids
	}
	soon := func(w *world) {
		w.t.Helper()
		if w.longest > 2*time.Minute { // the slice's minute, and what it has to do anyway
			w.t.Errorf("a slice of a minute took %s", w.longest)
		}
	}
	t.Run("the run gets past them, and each is read once", func(t *testing.T) {
		w, ids := start(t)
		for _, id := range ids[:lost] {
			w.crm.hidden[id] = true
		}
		before := w.crm.gets
		w.relist(24 * time.Hour)
		if r := w.lastRun(); r.State != state.RunDone {
			t.Fatalf("got %+v", r)
		}
		if got := w.crm.gets - before; got < lost || got > lost+20 {
			t.Errorf("%d records were read to find out about %d", got, lost)
		}
		w.want(people, ids[0], state.LinkMissing)
		w.want(people, ids[lost], state.LinkActive)
		w.crm.hidden = map[string]bool{} // they were only out of sight
		w.relist(24 * time.Hour)
		w.want(people, ids[0], state.LinkActive)
		soon(w)
		w.rest()
	})
	t.Run("two such listings prove that they are gone", func(t *testing.T) {
		w, ids := start(t)
		for _, id := range ids[:lost] {
			w.crm.remove(id)
		}
		w.relist(24 * time.Hour)
		w.want(people, ids[7], state.LinkMissing)
		w.relist(24 * time.Hour)
		w.want(people-lost, ids[7], "")
		w.want(people-lost, ids[lost], state.LinkActive)
		soon(w)
		w.rest()
	})
	t.Run("and a person is asked before as many go", func(t *testing.T) {
		w, ids := start(t)
		w.conn.Settings.Rules.Budget = profile.DefaultBudget
		for _, id := range ids[:lost] {
			w.crm.remove(id)
		}
		w.relist(24 * time.Hour)
		w.relist(24 * time.Hour)
		if r := w.lastRun(); r.Approval == nil {
			t.Errorf("got %+v, want a question", r)
		}
		w.want(people, ids[7], state.LinkMissing)
	})
}
