package dynamics

import (
	"math"
	"net/http"
	"time"
)

// protectSpan is the sliding window of the service protection limits.
const protectSpan = 300 * time.Second

// What requests cost of the execution time, in milliseconds. The numbers are the sandbox's own.
const (
	costRead  = 20
	costWrite = 60
	costRows  = 100 // rows read in one millisecond
)

// window counts units in the sliding span.
type window struct {
	spent []spending // oldest first
	sum   int
}

type spending struct {
	at    time.Time
	units int
}

// used is how much was spent in the span that ends now.
func (w *window) used(now time.Time) int {
	gone := 0
	for gone < len(w.spent) && !now.Before(w.spent[gone].at.Add(protectSpan)) {
		w.sum -= w.spent[gone].units
		gone++
	}
	w.spent = w.spent[gone:]
	return w.sum
}

func (w *window) spend(now time.Time, units int) {
	w.sum += units
	if n := len(w.spent); n > 0 && w.spent[n-1].at.Equal(now) {
		w.spent[n-1].units += units
		return
	}
	w.spent = append(w.spent, spending{now, units})
}

// wait is how long it takes until the oldest spending is forgotten, in whole seconds.
func (w *window) wait(now time.Time) string {
	if len(w.spent) == 0 {
		return "1"
	}
	return itoa(int(math.Ceil(w.spent[0].at.Add(protectSpan).Sub(now).Seconds())))
}

func tooMany(code, after, format string, args ...any) *apiError {
	e := fail(http.StatusTooManyRequests, code, format, args...)
	e.header = map[string]string{"Retry-After": after}
	return e
}

// enter counts a request of the user's as being under way, unless there are too many.
func (s *Sandbox) enter(m *member) *apiError {
	if l := s.limits.Concurrent; l > 0 && m.inFlight >= l {
		return tooMany(codeConcurrent, "2", "Number of concurrent requests exceeded the limit of %d.", l)
	}
	m.inFlight++
	return nil
}

// admit counts one request, or says why it is not served.
func (s *Sandbox) admit(m *member) *apiError {
	now := s.cfg.Clock.Now()
	if l := s.limits.Requests; l > 0 && m.requests.used(now) >= l {
		return tooMany(codeRequests, m.requests.wait(now), "Number of requests exceeded the limit of %d over time window of 300 seconds.", l)
	}
	if l := s.limits.WorkMillis; l > 0 && m.work.used(now) >= l {
		return tooMany(codeTime, m.work.wait(now), "Combined execution time of incoming requests exceeded limit of %d milliseconds over time window of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.", l)
	}
	m.requests.spend(now, 1)
	return nil
}

// limitHeaders says what is left of the limits.
func (s *Sandbox) limitHeaders(h http.Header, m *member) {
	if s.quirks.NoRatelimits || m == nil {
		return
	}
	now := s.cfg.Clock.Now()
	if l := s.limits.Requests; l > 0 {
		h.Set("x-ms-ratelimit-burst-remaining-xrm-requests", itoa(max(l-m.requests.used(now), 0)))
	}
	if l := s.limits.WorkMillis; l > 0 {
		left := float64(max(l-m.work.used(now), 0)) / 1000
		h.Set("x-ms-ratelimit-time-remaining-xrm-requests", time.Duration(left*float64(time.Second)).String())
	}
}
