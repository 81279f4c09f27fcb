package system

import (
	"net/http"
	"sync/atomic"
)

// counter counts the requests that pass through it. What the authorisation beneath it adds, such as a token refresh or a
// request repeated after one, is not a call of the API and is not counted.
type counter struct {
	base atomic.Pointer[http.RoundTripper]
	n    atomic.Int64
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return (*c.base.Load()).RoundTrip(r)
}

func (c *counter) calls() int { return int(c.n.Load()) }

// over sends what passes through from now on over base; nil means http.DefaultTransport.
func (c *counter) over(base http.RoundTripper) {
	if base == nil {
		base = http.DefaultTransport
	}
	c.base.Store(&base)
}

// counted returns a copy of hc whose requests are counted.
func counted(hc *http.Client) (*http.Client, *counter) {
	c := &counter{}
	c.over(hc.Transport)
	copied := *hc
	copied.Transport = c
	return &copied, c
}
