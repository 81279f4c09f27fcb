package trial

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"meibo/shared/profile"
	"meibo/shared/system"
)

// Pushed is what Push found.
type Pushed struct {
	// Changes were made at vendors that push; Arrived are those that were seen on the other side.
	Changes int `json:"changes"`
	Arrived int `json:"arrived"`
	// The time from the vendor's edit until the other side had it, over all changes.
	P50Seconds float64            `json:"push_p50_seconds"`
	P95Seconds float64            `json:"push_p95_seconds"`
	MaxSeconds float64            `json:"push_max_seconds"`
	Vendors    map[string]Latency `json:"vendors"` // by system id
	Burst      Burst              `json:"burst"`
	Forged     Forged             `json:"forged"`
	// Problems say what did not go as it must; none is good.
	Problems []string `json:"problems"`
}

// Latency is how soon the changes at one vendor were on the other side.
type Latency struct {
	Changes    int     `json:"changes"`
	P50Seconds float64 `json:"p50_seconds"`
	P95Seconds float64 `json:"p95_seconds"`
	MaxSeconds float64 `json:"max_seconds"`
}

// Burst is what many notifications for one connection in a short time led to.
type Burst struct {
	Notifications int     `json:"notifications"`
	Runs          int     `json:"runs"`
	Seconds       float64 `json:"seconds"` // from the first edit until the other side had all
	Arrived       bool    `json:"arrived"` // the last change of every record did
}

// Forged is what notifications led to that no vendor sent.
type Forged struct {
	Sent       int            `json:"sent"`
	QueueEmpty bool           `json:"queue_empty"`
	Runs       int            `json:"runs"`
	SlowestMS  float64        `json:"slowest_ms"`
	P99MS      float64        `json:"p99_ms"`
	Statuses   map[string]int `json:"statuses"` // how many were answered with each
}

// PushOptions choose how much Push does; 0 means the number that the result's promises are stated for.
type PushOptions struct {
	Changes int // 200, over all vendors
	Burst   int // 1000
	Forged  int // 10,000
	// Pace is the mean time between two edits of one person; 0 means a second and a half.
	Pace time.Duration
	// People are in each address book; 0 means 120.
	People int
}

// The bounds of a measurement. A change that has not arrived after lostAfter is counted as lost.
const (
	lostAfter  = time.Minute
	lookEvery  = 25 * time.Millisecond
	settleTime = 2 * time.Minute
)

// Push measures, in the machine's time, how soon changes at the vendors that push are on the other side: people edit contacts at
// Pipedrive, Zoho and Microsoft 365 at a human pace. Then it has a burst of notifications for one connection, and sends forged ones.
// Of the options Seed, Folder, Sandbox, Log and Report count.
func Push(ctx context.Context, o Options, p PushOptions) (res Pushed, err error) {
	if o.Report == nil {
		o.Report = silent{}
	}
	for _, d := range []struct {
		n    *int
		want int
	}{{&p.Changes, 200}, {&p.Burst, 1000}, {&p.Forged, 10_000}, {&p.People, 120}} {
		if *d.n == 0 {
			*d.n = d.want
		}
	}
	if p.Pace == 0 {
		p.Pace = 1500 * time.Millisecond
	}
	res = Pushed{Vendors: map[string]Latency{}, Problems: []string{}}
	var live []*pusher
	defer func() {
		for _, t := range live {
			err = errors.Join(err, t.stop())
		}
	}()
	for _, pair := range []string{system.Pipedrive + ":" + system.Microsoft, system.Zoho + ":" + system.Microsoft} {
		t, err := beginPush(ctx, o, pair, p)
		if t != nil {
			live = append(live, t)
		}
		if err != nil {
			return res, fmt.Errorf("%s: %w", pair, err)
		}
	}
	o.Report.Say("people edit %d contacts at Pipedrive, Microsoft 365 and Zoho CRM", p.Changes)
	third := p.Changes / 3
	persons := []*editor{
		{pusher: live[0], side: profile.CRM, n: third},
		{pusher: live[0], side: profile.Book, n: third},
		{pusher: live[1], side: profile.CRM, n: p.Changes - 2*third},
	}
	g, gctx := errgroup.WithContext(ctx)
	for i, e := range persons {
		rnd := rand.New(rand.NewPCG(uint64(o.Seed), uint64(i)))
		g.Go(func() error { return e.work(gctx, rnd, p.Pace) })
	}
	if err := g.Wait(); err != nil {
		return res, err
	}
	res.measure(persons)
	o.Report.Say("a burst of %d notifications for one connection", p.Burst)
	if res.Burst, err = live[0].burst(ctx, p.Burst); err != nil {
		return res, err
	}
	if !res.Burst.Arrived {
		res.Problems = append(res.Problems, "a last change of the burst did not arrive")
	}
	for _, t := range live {
		if err := t.halt(); err != nil {
			return res, err
		}
	}
	o.Report.Say("%d forged notifications", p.Forged)
	if res.Forged, err = forge(ctx, live, p.Forged); err != nil {
		return res, err
	}
	if !res.Forged.QueueEmpty {
		res.Problems = append(res.Problems, "a forged notification put something on the queue")
	}
	return res, nil
}

// measure sums up what the persons saw.
func (r *Pushed) measure(persons []*editor) {
	by := map[string][]time.Duration{}
	var all []time.Duration
	for _, e := range persons {
		id := e.mine().id
		by[id] = append(by[id], e.took...)
		all = append(all, e.took...)
		r.Changes += e.n
		r.Arrived += len(e.took) - len(e.lost)
		r.Problems = append(r.Problems, e.lost...)
	}
	for id, ds := range by {
		r.Vendors[id] = Latency{len(ds), quantile(ds, 0.5), quantile(ds, 0.95), quantile(ds, 1)}
	}
	r.P50Seconds, r.P95Seconds, r.MaxSeconds = quantile(all, 0.5), quantile(all, 0.95), quantile(all, 1)
}

// quantile returns the value, in seconds, that the share q of ds is not above.
func quantile(ds []time.Duration, q float64) float64 {
	if len(ds) == 0 {
		return 0
	}
	ds = slices.Sorted(slices.Values(ds))
	return ds[min(int(q*float64(len(ds))), len(ds)-1)].Seconds()
}

// editor is a person who edits contacts on one side of a connection.
type editor struct {
	*pusher
	side profile.Side
	n    int // edits to make

	mu   sync.Mutex
	took []time.Duration
	lost []string
}

// mine is where the person edits, theirs where the edit must arrive.
func (e *editor) mine() standIn   { return e.on(e.side) }
func (e *editor) theirs() standIn { return e.on(e.side.Other()) }

// work makes the edits, pace apart on average, and returns when each has arrived or is lost.
func (e *editor) work(ctx context.Context, rnd *rand.Rand, pace time.Duration) error {
	// Each side has its own half of the records, so that no two people edit one.
	half := e.links[:len(e.links)/2]
	if e.side == profile.Book {
		half = e.links[len(e.links)/2:]
	}
	var g errgroup.Group
	for i := range e.n {
		s := half[i%len(half)]
		text := fmt.Sprintf("%s %d", e.side, i)
		began := e.now.Now()
		if err := e.mine().edit(ctx, s.on(e.side), e.plain(0, text)); err != nil {
			return errors.Join(err, g.Wait())
		}
		g.Go(func() error { return e.await(ctx, s.on(e.side.Other()), text, began) })
		if err := e.now.Sleep(ctx, pace/2+time.Duration(rnd.Int64N(int64(pace)+1))); err != nil {
			return errors.Join(err, g.Wait())
		}
	}
	return g.Wait()
}

func (e *editor) await(ctx context.Context, id, text string, began time.Time) error {
	there, err := e.arrives(ctx, e.theirs(), id, text)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.took = append(e.took, e.now.Now().Sub(began))
	if !there {
		e.lost = append(e.lost, fmt.Sprintf("a change at %s was not at %s after %s", e.mine().name, e.theirs().name, lostAfter))
	}
	return nil
}

// folderOf names the data folder of a pair.
func folderOf(o Options, pair string) string {
	return filepath.Join(o.Folder, strings.ReplaceAll(pair, ":", "-"))
}
