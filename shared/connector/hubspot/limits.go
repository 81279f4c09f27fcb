package hubspot

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
	"meibo/shared/connector/pace"
)

// The names of the limits. The search has one of its own and does not count for the other.
const (
	limitCalls  = "calls"
	limitSearch = "search"
)

// DefaultLimits returns what HubSpot allows an app in one account, and all apps together in its search.
func DefaultLimits() []pace.Limit {
	return []pace.Limit{
		{Name: limitCalls, Units: 110, Per: 10 * time.Second},
		{Name: limitSearch, Units: 5, Per: time.Second},
	}
}

// How long to stay away. What a 429 asks for by itself is honoured up to windowMost where the window is known to be short: its unit is
// not documented. A wait for the next day is cut to pieces of renewalLook, since the account's time zone may not be known.
const (
	lockedBackoff = 2 * time.Second
	searchBackoff = time.Second
	windowBackoff = 10 * time.Second
	windowMost    = time.Minute
	renewalLook   = 4 * time.Hour
	movingBackoff = 10 * time.Minute
)

// throttled is the error of a status that asks to wait: 429, 423 (the records are locked by another request), 477 (the account is on its
// way to another data centre).
func (c *Connector) throttled(status int, h http.Header, body []byte) error {
	after := exchange.RetryAfter(h, c.clock.Now())
	var e struct {
		Policy  string `json:"policyName"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &e) // nothing of it is sure to be there
	message := strings.ToLower(e.Message)
	switch {
	case status == http.StatusLocked:
		after = max(after, lockedBackoff)
	case status == statusMoving:
		if after == 0 {
			after = movingBackoff
		}
	case e.Policy == "DAILY", strings.Contains(message, "daily"):
		if after == 0 {
			after = min(c.untilMidnight(), renewalLook)
		}
	case e.Policy == "SECONDLY", strings.Contains(message, " secondly"):
		after = min(max(after, searchBackoff), windowMost)
	default:
		if after == 0 {
			after = windowBackoff
		}
		after = min(after, windowMost)
	}
	return &connector.ThrottledError{System: System, After: after}
}

// untilMidnight is how long it is to the next day in the account's time zone, as far as it is known.
func (c *Connector) untilMidnight() time.Duration {
	there := c.clock.Now().UTC().Add(c.offset)
	return there.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(there)
}

// Ready implements connector.Pacer: all is read and written by the hundred.
func (c *Connector) Ready(_ connector.Op, n int) time.Duration {
	return c.pace.Peek(pace.Cost{Name: limitCalls, Units: ceil(n, perBatch)})
}
