// Package scheduletest proves a scheduler that fires by itself: one suite for every implementation whose clock a test can own. It
// knows package schedule only. A test file of the implementation calls Run.
package scheduletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/queue"
	"meibo/shared/schedule"
)

// Scheduler fires what is due when it is told to look.
type Scheduler interface {
	schedule.Scheduler
	Tick(ctx context.Context) (fired int, err error)
}

// Open returns an empty scheduler that goes by clk and reports to the sink.
type Open func(t *testing.T, clk *clock.Virtual, sink *Sink) Fixture

// Fixture is what Open returns.
type Fixture struct {
	Scheduler Scheduler
	// Restart returns a scheduler on the same state, as after the end of the process.
	Restart func() Scheduler
}

// Sink takes what fires. It fails for what Fail names.
type Sink struct {
	mu   sync.Mutex
	got  []string
	fail map[string]bool
}

// ErrRefused is how a Sink fails.
var ErrRefused = errors.New("refused")

// Send implements queue.Sender.
func (s *Sink) Send(_ context.Context, ms ...queue.Message) error {
	for _, m := range ms {
		if err := s.take(m.Group + "|" + m.Dedup + "|" + string(m.Body)); err != nil {
			return err
		}
	}
	return nil
}

// Tenant is the callback of recurring schedules.
func (s *Sink) Tenant(_ context.Context, e schedule.TenantEvent) error { return s.take(e.Tenant) }

func (s *Sink) take(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail[what] {
		return ErrRefused
	}
	s.got = append(s.got, what)
	return nil
}

// Fail makes the sink refuse exactly these from now on.
func (s *Sink) Fail(what ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = map[string]bool{}
	for _, w := range what {
		s.fail[w] = true
	}
}

// Taken returns what the sink got since the last call.
func (s *Sink) Taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.got
	s.got = nil
	return out
}

type world struct {
	t    *testing.T
	clk  *clock.Virtual
	sink *Sink
	s    Scheduler
	f    Fixture
}

// after lets d pass, looks, and compares what fired.
func (w *world) after(d time.Duration, want ...string) {
	w.t.Helper()
	w.clk.Advance(d)
	fired, err := w.s.Tick(w.t.Context())
	got := w.sink.Taken()
	if err != nil || fired != len(want) || !slices.Equal(got, want) {
		w.t.Errorf("got %d fired: %q, %v; want %q", fired, got, err, want)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func msg(n string) queue.Message {
	return queue.Message{Group: "g", Dedup: "d" + n, Body: []byte("body " + n)}
}
func sent(n string) string { return "g|d" + n + "|body " + n }

// Run runs the suite.
func Run(t *testing.T, open Open) {
	start := time.Date(2026, 3, 4, 5, 6, 7, 891, time.UTC)
	for _, c := range []struct {
		name string
		run  func(w *world)
	}{
		{"a tenant's schedule fires each interval and not before", func(w *world) {
			w.must(w.s.EnsureTenant(w.t.Context(), "t", 5*time.Minute))
			w.after(0)
			w.after(5*time.Minute - time.Nanosecond)
			w.after(time.Nanosecond, "t")
			w.after(0)
			w.after(5*time.Minute, "t")
		}},
		{"an interval is whole minutes, rounded up", func(w *world) {
			w.must(w.s.EnsureTenant(w.t.Context(), "t", 61*time.Second))
			w.after(2*time.Minute - time.Second)
			w.after(time.Second, "t")
		}},
		{"asking for the same schedule again does not move it", func(w *world) {
			w.must(w.s.EnsureTenant(w.t.Context(), "t", 5*time.Minute))
			w.clk.Advance(4 * time.Minute)
			w.must(w.s.EnsureTenant(w.t.Context(), "t", 5*time.Minute))
			w.after(time.Minute, "t")
		}},
		{"another interval takes the place of the first", func(w *world) {
			w.must(w.s.EnsureTenant(w.t.Context(), "t", 60*time.Minute))
			w.must(w.s.EnsureTenant(w.t.Context(), "t", 10*time.Minute))
			w.after(10*time.Minute, "t")
			w.after(10*time.Minute, "t")
			w.must(w.s.EnsureTenant(w.t.Context(), "t", 60*time.Minute))
			w.after(59 * time.Minute)
			w.after(time.Minute, "t")
		}},
		{"a removed schedule is silent, and removing is never an error", func(w *world) {
			w.must(w.s.RemoveTenant(w.t.Context(), "t"))
			w.must(w.s.EnsureTenant(w.t.Context(), "t", time.Minute))
			w.must(w.s.EnsureTenant(w.t.Context(), "u", time.Minute))
			w.must(w.s.RemoveTenant(w.t.Context(), "t"))
			w.after(time.Minute, "u")
			w.must(w.s.EnsureTenant(w.t.Context(), "t", time.Minute))
			w.after(time.Minute, "t", "u")
		}},
		{"what was missed while nothing ran fires once", func(w *world) {
			w.must(w.s.EnsureTenant(w.t.Context(), "t", 5*time.Minute))
			w.after(24*time.Hour+2*time.Minute, "t")
			w.after(0)
			w.after(3*time.Minute, "t") // and keeps its beat
		}},
		{"a one-time schedule sends its message once, at its time", func(w *world) {
			w.must(w.s.Once(w.t.Context(), "n", w.clk.Now().Add(time.Hour), msg("1")))
			w.after(time.Hour - time.Nanosecond)
			w.after(time.Nanosecond, sent("1"))
			w.after(24 * time.Hour)
		}},
		{"a second one-time schedule of the name takes the place of the first, earlier or later", func(w *world) {
			ctx, now := w.t.Context(), w.clk.Now()
			w.must(w.s.Once(ctx, "n", now.Add(time.Hour), msg("1")))
			w.must(w.s.Once(ctx, "n", now.Add(time.Minute), msg("2")))
			w.must(w.s.Once(ctx, "m", now.Add(time.Hour), msg("3")))
			w.must(w.s.Once(ctx, "m", now.Add(time.Hour), msg("4")))
			w.must(w.s.Once(ctx, "m", now.Add(2*time.Hour), msg("5")))
			w.after(time.Minute, sent("2"))
			w.after(time.Hour)
			w.after(time.Hour, sent("5"))
			w.must(w.s.Once(ctx, "n", w.clk.Now().Add(time.Minute), msg("6")))
			w.after(time.Minute, sent("6"))
		}},
		{"a time in the past is now", func(w *world) {
			w.must(w.s.Once(w.t.Context(), "n", w.clk.Now().Add(-time.Hour), msg("1")))
			w.must(w.s.Once(w.t.Context(), "z", time.Time{}, msg("2")))
			w.after(0, sent("1"), sent("2"))
		}},
		{"a time zone does not matter", func(w *world) {
			at := w.clk.Now().Add(time.Minute).In(time.FixedZone("JST", 9*3600))
			w.must(w.s.Once(w.t.Context(), "n", at, msg("1")))
			w.after(59 * time.Second)
			w.after(time.Second, sent("1"))
		}},
		{"what fails is tried again, and holds up nothing else", func(w *world) {
			ctx := w.t.Context()
			w.must(w.s.EnsureTenant(ctx, "a", time.Minute))
			w.must(w.s.EnsureTenant(ctx, "b", time.Minute))
			w.must(w.s.Once(ctx, "n", w.clk.Now().Add(time.Minute), msg("1")))
			w.must(w.s.Once(ctx, "o", w.clk.Now().Add(time.Minute), msg("2")))
			w.sink.Fail("a", sent("1"))
			w.clk.Advance(time.Minute)
			fired, err := w.s.Tick(ctx)
			if got := w.sink.Taken(); !errors.Is(err, ErrRefused) || fired != 2 || !slices.Equal(got, []string{sent("2"), "b"}) {
				w.t.Errorf("got %d fired: %q, %v", fired, got, err)
			}
			w.sink.Fail()
			w.after(time.Second, sent("1"), "a")
			w.after(59*time.Second, "a", "b")
		}},
		{"schedules survive a restart", func(w *world) {
			w.must(w.s.EnsureTenant(w.t.Context(), "t", 5*time.Minute))
			w.must(w.s.Once(w.t.Context(), "n", w.clk.Now().Add(time.Minute), msg("1")))
			w.s = w.f.Restart()
			w.after(5*time.Minute, sent("1"), "t")
		}},
		{"any number fires, in the order in which it was due", func(w *world) {
			var want []string
			now := w.clk.Now()
			for i := range 250 {
				n := fmt.Sprintf("%03d", i)
				w.must(w.s.Once(w.t.Context(), "x"+fmt.Sprint(i*7919%250), now.Add(time.Duration(i)*time.Second), msg(n)))
				want = append(want, sent(n))
			}
			w.after(time.Hour, want...)
			w.after(time.Hour)
		}},
		{"names of any text are kept apart", func(w *world) {
			names := []string{"a", "a/b", "b", "名簿", "é", "\U0010ffff", "a b", "once/a", strings.Repeat("長", 170)}
			want := slices.Clone(names)
			for _, n := range names {
				w.must(w.s.EnsureTenant(w.t.Context(), n, time.Minute))
				w.must(w.s.Once(w.t.Context(), n, w.clk.Now().Add(time.Hour), msg("1")))
			}
			slices.Sort(want)
			w.after(time.Minute, want...)
		}},
		{"what cannot be kept is refused", func(w *world) {
			ctx, at := w.t.Context(), w.clk.Now()
			for name, err := range map[string]error{
				"an interval of nothing":    w.s.EnsureTenant(ctx, "t", 0),
				"an interval too short":     w.s.EnsureTenant(ctx, "t", 59*time.Second),
				"an interval too long":      w.s.EnsureTenant(ctx, "t", 366*24*time.Hour),
				"no tenant":                 w.s.EnsureTenant(ctx, "", time.Minute),
				"no tenant to remove":       w.s.RemoveTenant(ctx, ""),
				"a tenant too long":         w.s.EnsureTenant(ctx, strings.Repeat("t", 513), time.Minute),
				"a tenant that is not text": w.s.EnsureTenant(ctx, "\xff", time.Minute),
				"no name":                   w.s.Once(ctx, "", at, msg("1")),
				"a message without a group": w.s.Once(ctx, "n", at, queue.Message{Dedup: "d", Body: []byte("x")}),
				"a time out of all reach":   w.s.Once(ctx, "n", at.AddDate(9000, 0, 0), msg("1")),
			} {
				if !errors.Is(err, schedule.ErrInvalid) {
					w.t.Errorf("%s: got %v, want ErrInvalid", name, err)
				}
			}
			w.after(24 * time.Hour)
		}},
		{"changes from many sides leave one schedule", func(w *world) {
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					at := w.clk.Now().Add(time.Duration(i) * time.Second)
					if err := w.s.Once(w.t.Context(), "n", at, msg("1")); err != nil {
						w.t.Error(err)
					}
				})
			}
			wg.Wait()
			w.after(time.Hour, sent("1"))
			w.after(time.Hour)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t: t, clk: clock.NewVirtual(start, true), sink: &Sink{}}
			w.f = open(t, w.clk, w.sink)
			w.s = w.f.Scheduler
			c.run(w)
		})
	}
}
