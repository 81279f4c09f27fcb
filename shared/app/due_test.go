package app

import (
	"fmt"
	"testing"
	"time"

	"meibo/shared/state"
	"meibo/shared/tenancy"
)

func connectionEvery(id string, minutes int) tenancy.Connection {
	return tenancy.Connection{ID: id, State: tenancy.Active, Settings: tenancy.Settings{Every: minutes}}
}

func TestDue(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	c := connectionEvery("c1", 10)
	t.Run("a connection that never ran is due", func(t *testing.T) {
		if !due(c, state.Control{}, start) {
			t.Error("it is not")
		}
	})
	t.Run("it is due once in each interval, without drift", func(t *testing.T) {
		ctl := state.Control{Began: start}
		var at []time.Time
		for now := start; now.Before(start.Add(10 * time.Hour)); now = now.Add(time.Minute) {
			if due(c, ctl, now) {
				at = append(at, now)
				ctl.Began = now.Add(7 * time.Second)
			}
		}
		if got := len(at); got < 59 || got > 60 { // by where the intervals begin
			t.Fatalf("got %d runs in ten hours, want 59 or 60", got)
		}
		for i := 1; i < len(at); i++ {
			if got := at[i].Sub(at[i-1]); got != 10*time.Minute {
				t.Errorf("run %d came %s after the one before", i, got)
			}
		}
	})
	t.Run("after an outage it is due once", func(t *testing.T) {
		ctl := state.Control{Began: start.Add(-48 * time.Hour)}
		if !due(c, ctl, start) {
			t.Fatal("it is not")
		}
		ctl.Began = start
		if due(c, ctl, start) {
			t.Error("it is due twice")
		}
	})
	t.Run("it is not due while it waits for a vendor", func(t *testing.T) {
		if due(c, state.Control{Wait: start.Add(time.Minute)}, start) {
			t.Error("it is")
		}
	})
	t.Run("a run under way is asked for once in each interval", func(t *testing.T) {
		ctl := state.Control{Run: "r", Began: start.Add(-time.Hour)}
		n := 0
		for i := range 60 {
			if due(c, ctl, start.Add(time.Duration(i)*time.Minute)) {
				n++
			}
		}
		if n != 6 {
			t.Errorf("got %d asks in an hour, want 6", n)
		}
	})
	t.Run("a vendor with little room is polled no more often than it allows", func(t *testing.T) {
		ctl := state.Control{Began: start}
		ctl.Sides[0].PollEvery = 30 * time.Minute
		n := 0
		for now := start; now.Before(start.Add(10 * time.Hour)); now = now.Add(time.Minute) {
			if due(connectionEvery("c1", 1), ctl, now) {
				ctl.Began, n = now, n+1
			}
		}
		if n < 19 || n > 20 {
			t.Errorf("got %d runs in ten hours, want 19 or 20", n)
		}
	})
	t.Run("the next run is announced for when it is due", func(t *testing.T) {
		for i := range 50 {
			c := connectionEvery(fmt.Sprintf("01K%d", i), 7)
			ctl := state.Control{Began: start.Add(time.Duration(i) * time.Second)}
			now := start.Add(time.Minute)
			next := Next(c, ctl, now)
			for at := now; at.Before(next); at = at.Add(time.Minute) {
				if at.After(now) && due(c, ctl, at) {
					t.Fatalf("%s: due at %s, announced for %s", c.ID, at, next)
				}
			}
			if !due(c, ctl, next) {
				t.Fatalf("%s: not due at %s as announced", c.ID, next)
			}
		}
	})
	t.Run("connections are spread over the interval", func(t *testing.T) {
		perMinute := map[int]int{}
		for i := range 1000 {
			id := fmt.Sprintf("01K%d", i)
			for m := range 10 {
				now := start.Add(time.Duration(m) * time.Minute)
				if due(connectionEvery(id, 10), state.Control{Began: now.Add(-time.Minute)}, now) {
					perMinute[m]++
				}
			}
		}
		for m := range 10 {
			if perMinute[m] < 50 || perMinute[m] > 200 {
				t.Errorf("minute %d: %d of 1000 connections, want about 100", m, perMinute[m])
			}
		}
	})
}
