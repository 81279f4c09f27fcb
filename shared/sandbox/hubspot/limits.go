package hubspot

import (
	"net/http"
	"strconv"
	"time"
)

const (
	policyBurst  = "TEN_SECONDLY_ROLLING"
	policySearch = "SECONDLY"
)

func since(times []time.Time, from time.Time) []time.Time {
	i := 0
	for i < len(times) && !times[i].After(from) {
		i++
	}
	return times[i:]
}

// charge counts a call, or says why it is not served. Searches have a limit of their own, and no headers. It needs the lock.
func (s *Sandbox) charge(h http.Header, p *portal, search bool) *refusal {
	now := s.cfg.Clock.Now()
	if search {
		if limit(s.cfg.Limits.Search, searchMost) >= unlimited {
			return nil
		}
		p.searches = since(p.searches, now.Add(-searchSpan))
		if len(p.searches) >= limit(s.cfg.Limits.Search, searchMost) {
			return s.throttled(policySearch, p.searches[0].Add(searchSpan).Sub(now))
		}
		p.searches = append(p.searches, now)
		return nil
	}
	most := limit(s.cfg.Limits.Burst, burstMost)
	if most >= unlimited {
		return nil
	}
	p.calls = since(p.calls, now.Add(-burstSpan))
	over := len(p.calls) >= most
	if !over {
		p.calls = append(p.calls, now)
	}
	h.Set("X-HubSpot-RateLimit-Max", strconv.Itoa(most))
	h.Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(most-len(p.calls)))
	h.Set("X-HubSpot-RateLimit-Interval-Milliseconds", strconv.FormatInt(burstSpan.Milliseconds(), 10))
	h.Set("X-HubSpot-RateLimit-Secondly", strconv.Itoa(most/10))
	h.Set("X-HubSpot-RateLimit-Secondly-Remaining", strconv.Itoa(max(most/10-1, 0)))
	if over {
		return s.throttled(policyBurst, p.calls[0].Add(burstSpan).Sub(now))
	}
	return nil
}

func (s *Sandbox) throttled(policy string, wait time.Duration) *refusal {
	f := overLimit(policy)
	if s.cfg.Quirks.RetryAfter {
		f.header = map[string]string{"Retry-After": strconv.Itoa(int((wait + time.Second - 1) / time.Second))}
	}
	return f
}

// SetLimits replaces the limits from the next call on.
func (s *Sandbox) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Limits = l
}
