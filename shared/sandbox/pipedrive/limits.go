package pipedrive

import (
	"net/http"
	"strconv"
	"time"

	"meibo/shared/sandbox"
)

const (
	tokensPerSeat = 30_000
	burstSpan     = 2 * time.Second
	hammerSpan    = time.Minute
	searchBurst   = 10
	hammerMost    = 50
	windowsMost   = 4096
	day           = 24 * 3600
)

// budget is what a company spent of a day's tokens.
type budget struct {
	Day  int64 `json:"day"` // since 1970, UTC
	Used int   `json:"used"`
}

// window is what one access token did lately.
type window struct {
	calls, searches []time.Time // within the burst span
	refused         []time.Time // within the hammer span
	blocked         time.Time   // until when a page in HTML answers
}

func since(times []time.Time, from time.Time) []time.Time {
	i := 0
	for i < len(times) && !times[i].After(from) {
		i++
	}
	return times[i:]
}

// dailyTokens is the company's budget: all users and all apps share it.
func (s *Sandbox) dailyTokens(o *company) int {
	seats := 0
	for _, m := range o.members {
		if !m.Off {
			seats++
		}
	}
	return limit(s.cfg.Limits.DailyTokens, tokensPerSeat*plans[o.Plan].multiplier*seats+o.TopUp)
}

// left is what remains of the day's tokens.
func (s *Sandbox) left(o *company) int {
	if today := s.now() / day; o.budget.Day != today {
		o.budget = budget{Day: today}
	}
	return max(s.dailyTokens(o)-o.budget.Used, 0)
}

// charge takes the cost of a call, or says why it is not served. It sets the headers about limits. It needs the lock.
func (s *Sandbox) charge(h http.Header, token string, o *company, cost int, search bool) *refusal {
	now := s.cfg.Clock.Now()
	win := s.windowOf(token, now)
	if now.Before(win.blocked) {
		return blocked()
	}
	burst := limit(s.cfg.Limits.Burst, plans[o.Plan].burst)
	searches := limit(s.cfg.Limits.SearchBurst, searchBurst)
	win.calls, win.searches = since(win.calls, now.Add(-burstSpan)), since(win.searches, now.Add(-burstSpan))
	over := len(win.calls) >= burst || search && len(win.searches) >= searches
	spent := s.left(o) < cost
	if !over && !spent {
		win.calls = append(win.calls, now)
		if search {
			win.searches = append(win.searches, now)
		}
		if s.dailyTokens(o) < unlimited {
			o.budget.Used += cost
			s.draft.PutJSON(budgetKey(o), o.budget)
		}
	}
	s.limitHeaders(h, o, win, burst, now)
	if !over && !spent {
		return nil
	}
	win.refused = append(since(win.refused, now.Add(-hammerSpan)), now)
	if len(win.refused) > limit(s.cfg.Limits.Hammer, hammerMost) {
		win.blocked, win.refused = now.Add(hammerSpan), nil
		return blocked()
	}
	return overLimit()
}

func (s *Sandbox) limitHeaders(h http.Header, o *company, win *window, burst int, now time.Time) {
	q := s.cfg.Quirks
	h.Set("X-Correlation-Id", sandbox.UUID(s.random))
	if !q.NoBurstHeaders && burst < unlimited {
		reset := burstSpan
		if len(win.calls) > 0 {
			reset = win.calls[0].Add(burstSpan).Sub(now)
		}
		h.Set("X-Ratelimit-Limit", strconv.Itoa(burst))
		h.Set("X-Ratelimit-Remaining", strconv.Itoa(max(burst-len(win.calls), 0)))
		h.Set("X-Ratelimit-Reset", strconv.Itoa(int((reset+time.Second-1)/time.Second)))
	}
	if most := s.dailyTokens(o); !q.NoDailyHeaders && most < unlimited {
		h.Set("X-Daily-Ratelimit-Token-Limit", strconv.Itoa(most))
		h.Set("X-Daily-Ratelimit-Token-Remaining", strconv.Itoa(s.left(o)))
	}
}

// windowOf finds or makes a token's window; windows of tokens that fell silent are thrown away now and then.
func (s *Sandbox) windowOf(token string, now time.Time) *window {
	win := s.windows[token]
	if win == nil {
		if len(s.windows) >= windowsMost {
			for t, w := range s.windows {
				if !now.Before(w.blocked) && (len(w.calls) == 0 || now.Sub(w.calls[len(w.calls)-1]) > hammerSpan) {
					delete(s.windows, t)
				}
			}
		}
		win = &window{}
		s.windows[token] = win
	}
	return win
}

// Budget returns the daily budget of the user's company and what is left of it; a lifted budget is 0 of 0.
func (s *Sandbox) Budget(user string) (total, left int, err error) {
	err = s.onCompany(user, func(c *call) error {
		if total = s.dailyTokens(c.o); total >= unlimited {
			total = 0
			return nil
		}
		left = s.left(c.o)
		return nil
	})
	return total, left, err
}

// Spend takes tokens from the budget of the user's company, as another app does; a negative number gives some back.
func (s *Sandbox) Spend(user string, tokens int) error {
	return s.onCompany(user, func(c *call) error {
		s.left(c.o)
		c.o.budget.Used = max(c.o.budget.Used+tokens, 0)
		s.draft.PutJSON(budgetKey(c.o), c.o.budget)
		return nil
	})
}

// SetLimits replaces the limits from the next call on.
func (s *Sandbox) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Limits = l
}
