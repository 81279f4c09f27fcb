// Package clock passes time in, so that tests and benchmarks can own it. Nothing in Meibo calls time.Now or time.Sleep
// directly; it takes a Clock.
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock tells the time and waits.
type Clock interface {
	// Now is the current time in UTC.
	Now() time.Time
	// Sleep waits for d, or until ctx ends, and returns ctx's error in that case. A d of zero or less returns at once.
	Sleep(ctx context.Context, d time.Duration) error
}

// Real is the machine's clock.
type Real struct{}

// Now returns the machine's time in UTC.
func (Real) Now() time.Time { return time.Now().UTC() }

// Sleep waits on a timer.
func (Real) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Virtual is a clock that runs with the machine's and, instead of waiting, jumps ahead. The zero value is not usable: see
// NewVirtual.
type Virtual struct {
	mu     sync.Mutex
	offset time.Duration
	frozen time.Time // zero: time also passes by itself
	// OnAdvance, if set, is told the new time after each jump, outside the lock. A benchmark uses it to move the
	// sandboxes' clock in another process.
	OnAdvance func(now time.Time)
}

// NewVirtual returns a clock that shows start now. A frozen one moves only by Sleep and Advance.
func NewVirtual(start time.Time, frozen bool) *Virtual {
	v := &Virtual{offset: time.Until(start)}
	if frozen {
		v.frozen = start.UTC()
	}
	return v
}

// Now returns the virtual time in UTC.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now()
}

func (v *Virtual) now() time.Time {
	if !v.frozen.IsZero() {
		return v.frozen
	}
	return time.Now().Add(v.offset).UTC()
}

// Sleep advances the clock by d and returns at once.
func (v *Virtual) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v.Advance(d)
	return nil
}

// Advance moves the clock ahead by d; a negative d does nothing.
func (v *Virtual) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	v.mu.Lock()
	v.offset += d
	if !v.frozen.IsZero() {
		v.frozen = v.frozen.Add(d)
	}
	now, tell := v.now(), v.OnAdvance
	v.mu.Unlock()
	if tell != nil {
		tell(now)
	}
}

// AdvanceTo moves the clock ahead to t; a t in the past does nothing.
func (v *Virtual) AdvanceTo(t time.Time) { v.Advance(t.Sub(v.Now())) }
