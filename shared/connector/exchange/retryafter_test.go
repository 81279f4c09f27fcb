package exchange_test

import (
	"net/http"
	"testing"
	"time"

	"meibo/shared/connector/exchange"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "soon": 0, "NaN": 0, "-Inf": 0,
		"7": 7 * time.Second, "1.2": 2 * time.Second, "0.001": time.Second,
		"86400": exchange.LongestWait, "99999999999999999999": exchange.LongestWait, "Inf": exchange.LongestWait,
		"Mon, 23 Nov 2026 09:01:30 GMT": 90 * time.Second,
		"Mon, 23 Nov 2026 08:00:00 GMT": 0,
		"Fri, 31 Dec 9999 23:59:59 GMT": exchange.LongestWait,
	} {
		if got := exchange.RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if got := exchange.RetryAfter(http.Header{}, now); got != 0 {
		t.Errorf("without a header: got %s", got)
	}
}
