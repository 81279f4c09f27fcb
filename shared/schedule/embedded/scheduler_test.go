package embedded_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meibo/shared/clock"
	"meibo/shared/queue"
	"meibo/shared/schedule"
	"meibo/shared/schedule/embedded"
	"meibo/shared/schedule/scheduletest"
	"meibo/shared/store"
	storefile "meibo/shared/store/embedded"
)

func table(t *testing.T, clk clock.Clock) store.Table {
	t.Helper()
	tab, err := storefile.Open(filepath.Join(t.TempDir(), "table"), storefile.Options{Clock: clk, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tab.Close() })
	return tab
}

func newScheduler(t *testing.T, o embedded.Options) *embedded.Scheduler {
	t.Helper()
	s, err := embedded.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScheduler(t *testing.T) {
	scheduletest.Run(t, func(t *testing.T, clk *clock.Virtual, sink *scheduletest.Sink) scheduletest.Fixture {
		tab := table(t, clk)
		open := func() *embedded.Scheduler {
			return newScheduler(t, embedded.Options{Table: tab, Clock: clk, Queue: sink, Tenant: sink.Tenant})
		}
		return scheduletest.Fixture{Scheduler: open(), Restart: func() scheduletest.Scheduler { return open() }}
	})
}

func msg() queue.Message { return queue.Message{Group: "g", Dedup: "d", Body: []byte("x")} }

func TestTick(t *testing.T) {
	clk := clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), true)
	t.Run("fires again after a crash between firing and striking off", func(t *testing.T) {
		sink := &scheduletest.Sink{}
		tab := store.NewFaulty(table(t, clk), 1, store.Faults{})
		s := newScheduler(t, embedded.Options{Table: tab, Clock: clk, Tenant: sink.Tenant, Queue: sender(func(ms ...queue.Message) error {
			tab.Set(store.Faults{Contend: 1}) // the next write fails
			return sink.Send(t.Context(), ms...)
		})})
		if err := s.Once(t.Context(), "n", clk.Now(), msg()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Tick(t.Context()); err == nil {
			t.Error("got no error for the failed write")
		}
		tab.Set(store.Faults{})
		if _, err := s.Tick(t.Context()); err == nil {
			t.Error("got no error for the failed write")
		}
		if got := sink.Taken(); !slices.Equal(got, []string{"g|d|x", "g|d|x"}) {
			t.Errorf("got %q, want the message twice", got)
		}
	})
	t.Run("keeps a schedule that was replaced while it fired", func(t *testing.T) {
		sink := &scheduletest.Sink{}
		var s *embedded.Scheduler
		s = newScheduler(t, embedded.Options{Table: table(t, clk), Clock: clk, Tenant: sink.Tenant, Queue: sender(func(ms ...queue.Message) error {
			if got := sink.Taken(); len(got) == 0 {
				if err := s.Once(t.Context(), "n", clk.Now().Add(time.Hour), msg()); err != nil {
					t.Error(err)
				}
			}
			return sink.Send(t.Context(), ms...)
		})})
		if err := s.Once(t.Context(), "n", clk.Now(), msg()); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Tick(t.Context()); n != 1 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
		at, ok, err := s.Next(t.Context())
		if err != nil || !ok || !at.Equal(clk.Now().Add(time.Hour)) {
			t.Errorf("next: got %v, %v, %v, want in an hour", at, ok, err)
		}
	})
	t.Run("leaves alone what was put off while another fired", func(t *testing.T) {
		sink := &scheduletest.Sink{}
		var s *embedded.Scheduler
		s = newScheduler(t, embedded.Options{Table: table(t, clk), Clock: clk, Tenant: sink.Tenant, Queue: sender(func(ms ...queue.Message) error {
			if err := s.Once(t.Context(), "second", clk.Now().Add(time.Hour), msg()); err != nil {
				t.Error(err)
			}
			return sink.Send(t.Context(), ms...)
		})})
		for _, name := range []string{"first", "second"} {
			if err := s.Once(t.Context(), name, clk.Now(), msg()); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := s.Tick(t.Context()); n != 1 || err != nil {
			t.Errorf("got %d fired, %v, want the first alone", n, err)
		}
	})
	t.Run("costs one read when nothing is due", func(t *testing.T) {
		sink := &scheduletest.Sink{}
		tab := store.NewCounted(table(t, clk))
		s := newScheduler(t, embedded.Options{Table: tab, Clock: clk, Queue: sink, Tenant: sink.Tenant})
		if err := s.EnsureTenant(t.Context(), "t", time.Hour); err != nil {
			t.Fatal(err)
		}
		tab.Reset()
		if _, err := s.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := tab.Snapshot(); got.Reads != 1 || got.Writes != 0 {
			t.Errorf("got %+v, want one read", got)
		}
	})
	t.Run("has no next when there is none", func(t *testing.T) {
		sink := &scheduletest.Sink{}
		s := newScheduler(t, embedded.Options{Table: table(t, clk), Clock: clk, Queue: sink, Tenant: sink.Tenant})
		if at, ok, err := s.Next(t.Context()); ok || err != nil {
			t.Errorf("got %v, %v, %v", at, ok, err)
		}
	})
	t.Run("needs all its parts", func(t *testing.T) {
		if _, err := embedded.New(embedded.Options{Clock: clk}); err == nil {
			t.Error("got no error")
		}
	})
}

type sender func(ms ...queue.Message) error

func (s sender) Send(_ context.Context, ms ...queue.Message) error { return s(ms...) }

func TestLoop(t *testing.T) {
	t.Run("wakes up when something is due or made, tries again what failed, and ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // clock.Real runs on the bubble's time
			began, clk := time.Now(), clock.Real{}
			ctx, cancel := context.WithCancel(t.Context())
			var got []string
			s := newScheduler(t, embedded.Options{
				Table: table(t, clk), Clock: clk,
				Tenant: func(_ context.Context, e schedule.TenantEvent) error {
					got = append(got, fmt.Sprint(e.Tenant, " after ", time.Since(began)))
					if len(got) == 2 {
						return scheduletest.ErrRefused
					}
					return nil
				},
				Queue: sender(func(ms ...queue.Message) error {
					got = append(got, fmt.Sprint(string(ms[0].Body), " after ", time.Since(began)))
					if len(got) == 5 {
						cancel()
					}
					return nil
				}),
			})
			if err := s.EnsureTenant(t.Context(), "t", 5*time.Minute); err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- s.Loop(ctx) }()
			time.Sleep(10 * time.Second)
			for _, in := range []time.Duration{0, 10 * time.Minute} {
				if err := s.Once(t.Context(), fmt.Sprint(in), clk.Now().Add(in), msg()); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(got, ", "); all != "x after 10s, t after 5m0s, t after 5m30s, t after 10m0s, x after 10m10s" {
				t.Errorf("got %s", all)
			}
		})
	})
}
