// Package pace keeps a connector below its vendor's published limits before the vendor has to say so: named limits of units per
// window, counted on a clock that is passed in.
//
// A vendor that counts in fixed windows does not say where they begin. The pacer therefore lets no span of a window's length, wherever it
// begins, hold more than the limit; that is right for fixed and for sliding windows alike, at worst slower by one window.
//
// It imports clock and connector.
package pace

import (
	"context"
	"sync"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
)

// Limit is how many units of one kind a vendor allows in any span of Per.
type Limit struct {
	Name  string        `json:"name"`
	Units int           `json:"units"` // 0 means unlimited
	Per   time.Duration `json:"per"`
}

// Cost is what one call takes of a limit. A name that no limit has costs nothing.
type Cost struct {
	Name  string
	Units int
}

// Pacer counts the calls of one account. It is safe for concurrent use.
type Pacer struct {
	system   string
	clock    clock.Clock
	patience time.Duration

	mu     sync.Mutex
	limits map[string]*window
}

type window struct {
	Limit
	spent []spending // oldest first, none older than Per
	sum   int
}

type spending struct {
	at    time.Time
	units int
}

// New returns a pacer for an account of system, which is named in errors. Waits longer than patience are refused instead of
// waited for; with a patience of zero every wait is.
func New(system string, c clock.Clock, patience time.Duration, limits ...Limit) *Pacer {
	p := &Pacer{system: system, clock: c, patience: patience, limits: map[string]*window{}}
	for _, l := range limits {
		if l.Units > 0 && l.Per > 0 {
			p.limits[l.Name] = &window{Limit: l}
		}
	}
	return p
}

// Wait is Take for a call that costs units of one limit only.
func (p *Pacer) Wait(ctx context.Context, name string, units int) error {
	return p.Take(ctx, Cost{Name: name, Units: units})
}

// Take waits until one call with all of costs fits, and counts it. It returns *connector.ThrottledError, having counted nothing,
// if that would take longer than the pacer's patience, and ctx's error if ctx ends first. A cost above the limit itself is
// counted as the whole limit.
func (p *Pacer) Take(ctx context.Context, costs ...Cost) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var waited time.Duration
	for {
		d := p.reserve(costs)
		if d <= 0 {
			return nil
		}
		if waited += d; waited > p.patience {
			return &connector.ThrottledError{System: p.system, After: d}
		}
		if err := p.clock.Sleep(ctx, d); err != nil {
			return err
		}
	}
}

// Peek returns how long Take would wait now. It counts nothing.
func (p *Pacer) Peek(costs ...Cost) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wait(costs)
}

// wait returns after how long a call with all of costs may fit.
func (p *Pacer) wait(costs []Cost) time.Duration {
	now := p.clock.Now()
	var wait time.Duration
	for _, c := range costs {
		if w := p.limits[c.Name]; w != nil {
			wait = max(wait, w.wait(now, c.Units))
		}
	}
	return wait
}

// reserve counts costs and returns 0, or counts nothing and returns how long to wait before it is worth trying again.
func (p *Pacer) reserve(costs []Cost) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait := p.wait(costs); wait > 0 {
		return wait
	}
	now := p.clock.Now()
	for _, c := range costs {
		if w := p.limits[c.Name]; w != nil && c.Units > 0 {
			u := min(c.Units, w.Units)
			w.spent = append(w.spent, spending{now, u})
			w.sum += u
		}
	}
	return 0
}

// wait forgets what has left the window and returns when units more will fit.
func (w *window) wait(now time.Time, units int) time.Duration {
	units = min(units, w.Units)
	gone := 0
	for gone < len(w.spent) && !now.Before(w.spent[gone].at.Add(w.Per)) {
		w.sum -= w.spent[gone].units
		gone++
	}
	w.spent = w.spent[gone:]
	over := w.sum + units - w.Units
	for _, s := range w.spent {
		if over <= 0 {
			break
		}
		if over -= s.units; over <= 0 {
			return s.at.Add(w.Per).Sub(now)
		}
	}
	return 0
}
