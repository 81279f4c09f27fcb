package zoho

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
)

// Zoho answers 429 without saying how long to wait, nor whether concurrency or the day's credits are used up. The header
// appears once half of the credits are spent.
const (
	creditsHeader = "X-API-CREDITS-REMAINING"
	backoffMin    = 20 * time.Second
	backoffMax    = 45 * time.Second
	creditsPause  = time.Hour
	maxAnswer     = 64 << 20
)

// request is one call. A write is one that must not be repeated blindly.
type request struct {
	method, path string
	query        url.Values
	body         any
	header       map[string]string
	write        bool
}

// answer is what came back. Its envelope is decoded only when the body was JSON.
type answer struct {
	status int
	vendor time.Time // by the vendor's clock; ours if the vendor did not say
	date   time.Time // the earlier of the vendor's clock and ours
	body   []byte
}

// pageInfo is the "info" of a listing.
type pageInfo struct {
	Count     *int   `json:"count"`
	More      bool   `json:"more_records"`
	NextToken string `json:"next_page_token"`
}

// call sends r. It returns an answer for 2xx, 304, 400, 412 and 413, whose meaning depends on the call, and an error for all
// others (see errors.go).
func (c *Connector) call(ctx context.Context, r request) (*answer, error) {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return nil, fmt.Errorf("%s: encoding a request: %w", System, err)
		}
	}
	var waited time.Duration
	for {
		if wait := c.parked.Sub(c.clock.Now()); wait > 0 {
			return nil, &connector.ThrottledError{System: System, After: wait}
		}
		if err := ctx.Err(); err != nil {
			if r.write {
				return nil, fmt.Errorf("%w: %s: the request was not sent: %w", connector.ErrTransient, System, err)
			}
			return nil, err
		}
		a, err := c.once(ctx, r, body)
		if t := (*connector.ThrottledError)(nil); asThrottled(err, &t) && waited+t.After <= c.patience {
			waited += t.After
			if err := c.clock.Sleep(ctx, t.After); err != nil {
				return nil, err
			}
			continue
		}
		return a, err
	}
}

func (c *Connector) once(ctx context.Context, r request, body []byte) (*answer, error) {
	u := c.base + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: building a request: %w", System, err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	asked := c.clock.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, exchange.Broken(ctx, System, err, r.write)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, exchange.Broken(ctx, System, err, r.write)
	}
	// The earlier of the two clocks: a time that is too early only repeats work, one that is too late would lose changes.
	a := &answer{status: resp.StatusCode, vendor: asked, date: asked, body: raw}
	if d, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		a.vendor = d.UTC()
		if d.Before(asked) {
			a.date = a.vendor
		}
	}
	if resp.Header.Get(creditsHeader) == "0" {
		c.parked = c.clock.Now().Add(creditsPause)
	}
	switch s := resp.StatusCode; {
	case s >= 200 && s < 300, s == http.StatusNotModified, s == http.StatusPreconditionFailed, s == http.StatusRequestEntityTooLarge:
		return a, nil
	case s == http.StatusBadRequest && json.Valid(raw):
		return a, nil
	case s == http.StatusTooManyRequests:
		return nil, &connector.ThrottledError{System: System, After: c.backoff(resp.Header)}
	}
	return nil, statusError(resp.StatusCode, raw, r.write)
}

// backoff is how long to stay away after a 429.
func (c *Connector) backoff(h http.Header) time.Duration {
	if h.Get(creditsHeader) == "0" {
		return creditsPause
	}
	if d := exchange.RetryAfter(h, c.clock.Now()); d > 0 {
		return d
	}
	var b [8]byte
	if _, err := io.ReadFull(c.rand, b[:]); err != nil {
		return backoffMax
	}
	return backoffMin + time.Duration(binary.BigEndian.Uint64(b[:])%uint64(backoffMax-backoffMin))
}

// read sends a GET and decodes a 200 into out. found is false for 204 and 304, which mean "nothing".
func (c *Connector) read(ctx context.Context, r request, out any) (a *answer, found bool, err error) {
	r.method = http.MethodGet
	if a, err = c.call(ctx, r); err != nil {
		return nil, false, err
	}
	switch a.status {
	case http.StatusNoContent, http.StatusNotModified:
		return a, false, nil
	case http.StatusOK:
		if err := json.Unmarshal(a.body, out); err != nil {
			return nil, false, fmt.Errorf("%w: %s sent an answer that is not what its documents describe", connector.ErrTransient, System)
		}
		return a, true, nil
	}
	return nil, false, statusError(a.status, a.body, r.write)
}
