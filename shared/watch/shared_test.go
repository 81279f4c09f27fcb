package watch_test

import (
	"errors"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/tenancy"
	"meibo/shared/watch"
)

// heard returns how many watches the notices about an organisation find.
func (w *world) heard(org string) int {
	w.Helper()
	n := 0
	err := w.svc.Shared(ctx, "syscrm", org, func(ws []watch.Watch) error {
		n += len(ws)
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) wantHeard(org string, want int) {
	w.Helper()
	if got := w.heard(org); got != want {
		w.Errorf("notices about %s find %d watches, want %d", org, got, want)
	}
}

// broad is a world whose CRM tells of all accounts at one address.
func broad(t *testing.T) *world {
	w := newWorld(t)
	w.vendor("crm1").org, w.vendor("crm1").life = "77", 0
	w.ensure()
	return w
}

func TestSharedNoticesFindTheirWatches(t *testing.T) {
	t.Run("those of the organisation, and no others", func(t *testing.T) {
		w := broad(t)
		w.wantStates(bothActive)
		w.wantHeard("77", 1)
		w.wantHeard("78", 0)
		w.wantHeard("book1-sub1", 0) // it has an address of its own
	})
	t.Run("as long as they are watched", func(t *testing.T) {
		w := broad(t)
		w.pass(60 * time.Hour)
		w.wantHeard("77", 1)
		w.vendor("crm1").err = &connector.ForbiddenError{System: "CRM"}
		w.pass(30 * time.Hour)
		w.wantHeard("77", 0)
		w.vendor("crm1").err = nil
		w.pass(30 * time.Hour)
		w.wantHeard("77", 1)
	})
	t.Run("not once the connection has ended", func(t *testing.T) {
		w := broad(t)
		w.conn.State = tenancy.Stopped
		w.ensure()
		w.wantStates("")
		w.wantHeard("77", 0)
	})
	t.Run("under the organisation that the account is of now", func(t *testing.T) {
		w := broad(t)
		v := w.vendor("crm1")
		delete(v.subs, "77") // the account was connected again elsewhere
		v.org = "78"
		w.pass(60 * time.Hour)
		w.wantHeard("77", 0)
		w.wantHeard("78", 1)
	})
	t.Run("a crash at any write leaves nothing that is found without standing", func(t *testing.T) {
		for n := 1; n < 12; n++ {
			w := newWorld(t)
			w.vendor("crm1").org, w.vendor("crm1").life = "77", 0
			w.table.before = n
			_ = w.svc.Ensure(ctx, w.conn) // it may have died
			w.restart()
			w.clk.Advance(10 * time.Minute)
			w.ensure()
			w.wantHeard("77", 1)
			w.conn.State = tenancy.Stopped
			w.table.before = w.table.writes + 1 + n%3
			_ = w.svc.Ensure(ctx, w.conn)
			w.restart()
			w.ensure()
			w.wantHeard("77", 0)
		}
	})
	t.Run("an error of the one who is told ends it", func(t *testing.T) {
		w := broad(t)
		no := errors.New("no")
		if err := w.svc.Shared(ctx, "syscrm", "77", func([]watch.Watch) error { return no }); !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
	})
}
