package pipedrive

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
	"meibo/shared/connector/pace"
)

// The names of the limits that Pipedrive counts by the two seconds.
const (
	limitBurst  = "burst"
	limitSearch = "search"
)

// DefaultLimits returns the burst limits of an OAuth client on the smallest plan; a larger plan's is learnt from the answers. The daily budget is the whole company's, with
// all its apps, so it is not counted here but read from the answers.
func DefaultLimits() []pace.Limit {
	return []pace.Limit{
		{Name: limitBurst, Units: 80, Per: 2 * time.Second},
		{Name: limitSearch, Units: 10, Per: 2 * time.Second},
	}
}

// The headers of limits. Those of the day are not documented and may be absent.
const (
	headerBurstLimit     = "X-Ratelimit-Limit"
	headerBurstRemaining = "X-Ratelimit-Remaining"
	headerBurstReset     = "X-Ratelimit-Reset"
	headerDailyLimit     = "X-Daily-Ratelimit-Token-Limit"
	headerDailyRemaining = "X-Daily-Ratelimit-Token-Remaining"
)

// How long to stay away. Nothing says at which midnight the budget renews: a wait for it is cut to pieces of renewalLook, so that a
// wrong guess costs a call now and then and not a day. A burst that lasts longer than burstDoubt is taken for a spent day, and a
// page of HTML with 403 for the block that follows on too many calls.
const (
	burstBackoff = 2 * time.Second
	burstDoubt   = 5 * time.Minute
	spentBackoff = 15 * time.Minute
	renewalLook  = 4 * time.Hour
	blockBackoff = 10 * time.Minute
)

// dearestCall is what the dearest call that Meibo makes costs, in tokens: with less than that left, a refusal may well be the day's.
const dearestCall = 20

// scarce is the share of the budget below which scans in the background wait for the next day.
const scarce = 0.20

// limits is what the vendor last said.
type limits struct {
	budget   connector.Budget
	told     bool      // of the budget
	burst    int       // calls in two seconds, 0 if not told
	parked   time.Time // no call before this
	held     time.Time // calls wait until this
	refusals int       // throttled calls in a row, and since when
	since    time.Time
}

// notice takes what the headers of an answer say.
func (c *Connector) notice(h http.Header, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if n, err := strconv.Atoi(h.Get(headerBurstLimit)); err == nil && n > 0 {
		c.burst = n
	}
	limit, err1 := strconv.Atoi(h.Get(headerDailyLimit))
	left, err2 := strconv.Atoi(h.Get(headerDailyRemaining))
	if err1 == nil && err2 == nil && limit > 0 {
		c.budget, c.told = connector.Budget{Limit: limit, Remaining: max(left, 0), Resets: nextDay(now), At: now}, true
	}
	if status != http.StatusTooManyRequests {
		c.refusals = 0
	}
}

// throttled is the error of a 429. Which limit was hit is told by what is left of the day, where the vendor says it; else by how
// long it lasts.
func (c *Connector) throttled(h http.Header) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if c.refusals == 0 {
		c.since = now
	}
	if c.refusals == 0 || !now.Before(c.held) { // else it was under way with one that was refused before
		c.refusals++
	}
	var after time.Duration
	asked := exchange.RetryAfter(h, now)
	reset, _ := strconv.Atoi(h.Get(headerBurstReset))
	switch left, err := strconv.Atoi(h.Get(headerDailyRemaining)); {
	case asked > 0:
		after = asked
	case err == nil && (left <= 0 || left < dearestCall && h.Get(headerBurstRemaining) != "0"):
		after = c.untilRenewal(now)
		c.parked = now.Add(after)
	case now.Sub(c.since) >= burstDoubt:
		after = c.jitter(spentBackoff, spentBackoff)
	default:
		after = burstBackoff << min(c.refusals-1, 5)
		if d := time.Duration(reset) * time.Second; d > 0 && d <= time.Minute {
			after = max(after, d)
		}
		after = c.jitter(after, after/4)
	}
	return &connector.ThrottledError{System: System, After: after}
}

// blocked is the error of the block that answers HTML.
func (c *Connector) blocked() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	after := c.jitter(blockBackoff, blockBackoff/2)
	c.parked = c.clock.Now().Add(after)
	return &connector.ThrottledError{System: System, After: after}
}

// wait is how long no call may be made.
func (c *Connector) wait() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parked.Sub(c.clock.Now())
}

// turn waits until a call may go out. Only one of those that are under way waits at a time: what it waits for is the same for all.
func (c *Connector) turn(ctx context.Context, costs []pace.Cost) error {
	c.gate.Lock()
	defer c.gate.Unlock()
	c.mu.Lock()
	burst, held := c.burst, c.held
	c.mu.Unlock()
	if wait := held.Sub(c.clock.Now()); wait > 0 {
		if err := c.clock.Sleep(ctx, wait); err != nil {
			return err
		}
	}
	if err := c.repace(ctx, burst); err != nil {
		return err
	}
	c.sent++
	return c.pace.Take(ctx, costs...)
}

// Ready implements connector.Pacer: a write is a call, and so is a list of people.
func (c *Connector) Ready(op connector.Op, n int) time.Duration {
	if op == connector.Read {
		n = ceil(n, maxIDs)
	}
	c.gate.Lock()
	defer c.gate.Unlock()
	return c.pace.Peek(pace.Cost{Name: limitBurst, Units: n})
}

// repace keeps to the burst limit that the vendor tells, which depends on the company's plan. What went out by the limit before counts.
func (c *Connector) repace(ctx context.Context, burst int) error {
	i := slices.IndexFunc(c.paced, func(l pace.Limit) bool { return l.Name == limitBurst })
	if burst == 0 || i < 0 || c.paced[i].Units == burst {
		return nil
	}
	before := min(c.sent, c.paced[i].Units, burst)
	c.paced[i].Units = burst
	c.pace = c.pacer()
	return c.pace.Wait(ctx, limitBurst, before)
}

// pacer counts by the limits, from now on. Of the burst as many calls stay unused as may be under way at a time: those are counted when
// they leave and may arrive in the next span.
func (c *Connector) pacer() *pace.Pacer {
	counted := slices.Clone(c.paced)
	for i, l := range counted {
		if l.Name == limitBurst && l.Units > 2*abreast {
			counted[i].Units -= abreast
		}
	}
	return pace.New(System, c.clock, c.patience, counted...)
}

// hold makes all calls of the account wait for after.
func (c *Connector) hold(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := c.clock.Now().Add(after); until.After(c.held) {
		c.held = until
	}
}

// spare returns *connector.ThrottledError if too little of the day's budget is left for what can wait.
func (c *Connector) spare() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	if !c.told || !now.Before(c.budget.Resets) || float64(c.budget.Remaining) >= scarce*float64(c.budget.Limit) {
		return nil
	}
	return &connector.ThrottledError{System: System, After: c.untilRenewal(now)}
}

// untilRenewal is how long to wait for a new budget, a little spread so that not all connections come back at once.
func (c *Connector) untilRenewal(now time.Time) time.Duration {
	return c.jitter(min(nextDay(now).Sub(now), renewalLook), 10*time.Minute)
}

// nextDay is when the budget is taken to renew: the documents say midnight, and not of which time zone.
func nextDay(now time.Time) time.Time {
	return now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
}

// jitter returns least and up to spread more.
func (c *Connector) jitter(least, spread time.Duration) time.Duration {
	var b [8]byte
	if _, err := io.ReadFull(c.rand, b[:]); err != nil || spread <= 0 {
		return least
	}
	return least + time.Duration(binary.BigEndian.Uint64(b[:])%uint64(spread))
}

// Budget is what the vendor last said of the company's tokens of the day.
func (c *Connector) Budget() (connector.Budget, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.budget, c.told
}

// What the polling interval is derived from. Each seat of a company brings at least seatTokens a day, and each connection is the
// connection of one user, who has a seat; pollShare of the tokens may go into asking whether anything changed, and the rest is for
// reading and writing what did, for scans, and for the company's other apps.
const (
	seatTokens         = 30_000
	assumedConnections = 20
	pollShare          = 0.25
	quietTokens        = 10 // one page of the change listing
)

// PollEvery is the shortest interval between two runs of a connection that leaves room for connections of them on a budget of limit
// tokens a day (0 if that is not known), in whole minutes:
//
//	connections × 10 tokens × 24 h ÷ (¼ × limit)
//
// It is at least a minute. There can be no more connections than seats, and no more seats than limit ÷ 30,000; without a known
// limit, each connection's own seat is all that is counted on.
func PollEvery(limit, connections int) time.Duration {
	connections = max(connections, 1)
	if limit <= 0 {
		limit = connections * seatTokens
	}
	connections = max(min(connections, limit/seatTokens), 1)
	every := time.Duration(float64(connections*quietTokens) * float64(24*time.Hour) / (pollShare * float64(limit)))
	if rest := every % time.Minute; rest > 0 {
		every += time.Minute - rest
	}
	return max(every, time.Minute)
}
