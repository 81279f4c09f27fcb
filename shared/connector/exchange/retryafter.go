package exchange

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// LongestWait is the longest that a vendor is believed when it asks to wait. Beyond it, asking again is better than a wait that nobody meant.
const LongestWait = 24 * time.Hour

// RetryAfter is how long an answer asks to wait, in either form of RFC 9110 section 10.2.3, or in seconds with decimals, which some vendors
// send: at most LongestWait, and 0 if it does not ask, or not in a way that can be read. It never says less than asked for.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		if !(s > 0) { // none, less than none, or not a number
			return 0
		}
		return time.Duration(math.Ceil(min(s, LongestWait.Seconds()))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(0, t.Sub(now)), LongestWait)
	}
	return 0
}
