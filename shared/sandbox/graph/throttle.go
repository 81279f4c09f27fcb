package graph

import (
	"fmt"
	"math"
	"net/http"
	"time"
)

const (
	requestSpan = 10 * time.Minute
	uploadSpan  = 5 * time.Minute
)

// window counts units in a sliding span of time.
type window struct {
	spent []spending // oldest first
	sum   int
}

type spending struct {
	at    time.Time
	units int
}

// take counts units, or counts nothing and returns how long to wait.
func (w *window) take(now time.Time, units, limit int, span time.Duration) time.Duration {
	if limit == 0 {
		return 0
	}
	gone := 0
	for gone < len(w.spent) && !now.Before(w.spent[gone].at.Add(span)) {
		w.sum -= w.spent[gone].units
		gone++
	}
	w.spent = w.spent[gone:]
	if w.sum > 0 && w.sum+units > limit {
		return w.spent[0].at.Add(span).Sub(now)
	}
	w.sum += units
	if n := len(w.spent); n > 0 && w.spent[n-1].at.Equal(now) {
		w.spent[n-1].units += units
	} else {
		w.spent = append(w.spent, spending{now, units})
	}
	return 0
}

// charge counts one request against the mailbox's 10 minutes.
func (s *Sandbox) charge(m *mailbox) *apiError {
	if wait := m.requests.take(s.cfg.Clock.Now(), 1, s.limits.Requests, requestSpan); wait > 0 {
		return s.throttled(wait)
	}
	return nil
}

// upload counts the bytes of a body against the mailbox's 5 minutes.
func (s *Sandbox) upload(m *mailbox, n int) *apiError {
	if n == 0 {
		return nil
	}
	if wait := m.uploads.take(s.cfg.Clock.Now(), n, s.limits.UploadBytes, uploadSpan); wait > 0 {
		return s.throttled(wait)
	}
	return nil
}

// enter takes up to want of the mailbox's places for requests at a time.
func (s *Sandbox) enter(m *mailbox, want int) int {
	got := want
	if l := s.limits.Concurrent; l > 0 {
		got = min(want, max(l-m.inFlight, 0))
	}
	m.inFlight += got
	return got
}

func (s *Sandbox) throttled(wait time.Duration) *apiError {
	e := fail(http.StatusTooManyRequests, "TooManyRequests", "Please retry again later.")
	e.inner = map[string]any{"code": "429", "message": "Please retry after", "status": "429"}
	return s.retryAfter(e, fmt.Sprintf("%.3f", math.Ceil(wait.Seconds()*1000)/1000))
}

func (s *Sandbox) crowded() *apiError {
	return s.retryAfter(fail(http.StatusTooManyRequests, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."), "2.128")
}

func (s *Sandbox) retryAfter(e *apiError, seconds string) *apiError {
	if !s.quirks.NoRetryAfter {
		e.header = map[string]string{"Retry-After": seconds}
	}
	return e
}
