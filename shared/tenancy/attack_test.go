package tenancy_test

import (
	"fmt"
	"testing"

	"meibo/shared/tenancy"
)

// Many who are stopped at once do not each have all of the tenant's connections looked at for the schedule.
func TestStopDirectedLooksAtTheScheduleOnce(t *testing.T) {
	w := newWorld(t)
	boss := w.company("boss")
	key := w.admits(boss, "ours")
	w.prepare = func(tenancy.Preparation) (tenancy.Prepared, error) { return tenancy.Prepared{Folder: "f"}, nil }
	for i := range 12 {
		m := w.member(boss, fmt.Sprintf("m%d", i), tenancy.Regular, tenancy.Permissions()...)
		c, err := w.CreateConnection(t.Context(), m, tenancy.NewConnection{CRM: w.account(m, "sansan", m.ID).ID, Book: w.at(m, "ours").ID})
		if err == nil {
			_, err = w.Start(t.Context(), m, c.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.takeAway(key)
	before := w.scheduler.calls
	if err := w.StopDirected(t.Context(), boss.Tenant, "microsoft", "r"); err != nil {
		t.Fatal(err)
	}
	if err := w.Reschedule(t.Context(), boss.Tenant); err != nil {
		t.Fatal(err)
	}
	if n := w.scheduler.calls - before; n > 1 {
		t.Errorf("the schedule was looked at %d times", n)
	}
	if w.scheduler.there[boss.Tenant] {
		t.Error("the tenant has a schedule, and nothing to run")
	}
}
