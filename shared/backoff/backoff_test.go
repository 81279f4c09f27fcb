package backoff_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"meibo/shared/backoff"
	"meibo/shared/clock"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func paused(t *testing.T, p backoff.Policy, n int) time.Duration {
	t.Helper()
	clk := clock.NewVirtual(start, true)
	p.Clock = clk
	if err := p.Wait(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return clk.Now().Sub(start)
}

func TestWait(t *testing.T) {
	t.Run("the first attempt does not wait", func(t *testing.T) {
		if got := paused(t, backoff.Policy{}, 0); got != 0 {
			t.Errorf("got a pause of %v, want none", got)
		}
	})
	t.Run("pauses double up to the most, and are at least half of it", func(t *testing.T) {
		p := backoff.Policy{First: 100 * time.Millisecond, Max: time.Second}
		for n, top := range map[int]time.Duration{1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 3: 400 * time.Millisecond, 4: 800 * time.Millisecond, 5: time.Second, 31: time.Second, 500: time.Second} {
			if got := paused(t, p, n); got < top/2 || got > top {
				t.Errorf("attempt %d: got %v, want %v to %v", n, got, top/2, top)
			}
		}
	})
	t.Run("the same source gives the same pauses", func(t *testing.T) {
		a := paused(t, backoff.Policy{Rand: bytes.NewReader([]byte("12345678"))}, 3)
		b := paused(t, backoff.Policy{Rand: bytes.NewReader([]byte("12345678"))}, 3)
		if a != b {
			t.Errorf("got %v and %v", a, b)
		}
	})
	t.Run("an exhausted source means the whole pause", func(t *testing.T) {
		if got := paused(t, backoff.Policy{Rand: bytes.NewReader(nil)}, 1); got != 50*time.Millisecond {
			t.Errorf("got %v, want 50ms", got)
		}
	})
	t.Run("an ended context ends the wait", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for n := range 3 {
			if err := (backoff.Policy{Clock: clock.Real{}}).Wait(ctx, n); !errors.Is(err, context.Canceled) {
				t.Errorf("attempt %d: got %v, want context.Canceled", n, err)
			}
		}
	})
}
