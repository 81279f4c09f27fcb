// Package backoff spaces the attempts of a request that was refused for a moment: pauses that double, with full jitter, on the
// clock that is passed in. It imports only clock.
package backoff

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"time"

	"meibo/shared/clock"
)

// Policy says how long to wait before each new attempt. The zero value of every field but Clock is useful.
type Policy struct {
	Clock clock.Clock
	// First is the longest pause before the second attempt (default 50 ms); each further one is twice as long, up to Max
	// (default 5 s).
	First, Max time.Duration
	// Rand is where the jitter comes from; nil means crypto/rand. Half of each pause is fixed and half is drawn.
	Rand io.Reader
}

// Wait pauses before attempt n, where the first attempt is 0 and needs no pause. It returns ctx's error if ctx ends first.
func (p Policy) Wait(ctx context.Context, n int) error {
	if n <= 0 {
		return ctx.Err()
	}
	return p.Clock.Sleep(ctx, p.pause(n))
}

func (p Policy) pause(n int) time.Duration {
	first, most := p.First, p.Max
	if first <= 0 {
		first = 50 * time.Millisecond
	}
	if most <= 0 {
		most = 5 * time.Second
	}
	d := most
	if n < 32 && first<<(n-1)>>(n-1) == first { // no overflow
		d = min(first<<(n-1), most)
	}
	half := d / 2
	return half + p.draw(d-half)
}

// draw returns a duration in [0, most]. When the source fails the whole pause is used: too long is safe.
func (p Policy) draw(most time.Duration) time.Duration {
	src := p.Rand
	if src == nil {
		src = rand.Reader
	}
	var b [8]byte
	if _, err := io.ReadFull(src, b[:]); err != nil {
		return most
	}
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(most+1))
}
