package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
	"meibo/shared/connector/pace"
)

const maxAnswer = 64 << 20

// request is one call. A write is one that must not be repeated blindly. right is what the user needs to be allowed, in the words of
// ForbiddenError.What, and scope what the authorisation has to cover.
type request struct {
	method, path string
	query        url.Values
	body         any
	write        bool
	search       bool
	right, scope string
}

// answer is a 2xx answer. began is when the vendor began to answer: the earlier of its clock and ours, since a time that is too early only
// repeats work, and one that is too late would lose changes.
type answer struct {
	status int
	began  time.Time
	body   []byte
}

// call sends r, and waits out throttling as long as the connector's patience lasts. An answer that is not 2xx is an error (errors.go).
func (c *Connector) call(ctx context.Context, r request) (*answer, error) {
	if r.method == "" {
		r.method = http.MethodGet
	}
	if r.scope != "" && !c.granted(r.scope) {
		return nil, missingScope(r, r.scope)
	}
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return nil, fmt.Errorf("%s: encoding a request: %w", System, err)
		}
	}
	cost := pace.Cost{Name: limitCalls, Units: 1}
	if r.search {
		cost.Name = limitSearch
	}
	var waited time.Duration
	for {
		if err := c.pace.Take(ctx, cost); err != nil {
			return nil, unsent(ctx, err, r.write)
		}
		a, err := c.once(ctx, r, body)
		var slow *connector.ThrottledError
		if !errors.As(err, &slow) || waited+slow.After > c.patience {
			return a, err
		}
		waited += slow.After
		if err := c.clock.Sleep(ctx, slow.After); err != nil {
			return nil, unsent(ctx, err, r.write)
		}
	}
}

// unsent is the error of a request that was never sent.
func unsent(ctx context.Context, err error, write bool) error {
	if ctx.Err() != nil && write {
		return fmt.Errorf("%w: %s: the request was not sent: %w", connector.ErrTransient, System, err)
	}
	return err
}

func (c *Connector) once(ctx context.Context, r request, body []byte) (*answer, error) {
	u := c.origin + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: building a request failed", System)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	began := c.clock.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, exchange.Broken(ctx, System, err, r.write)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, exchange.Broken(ctx, System, err, r.write)
	}
	if d, err := http.ParseTime(resp.Header.Get("Date")); err == nil && d.Before(began) {
		began = d.UTC()
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return &answer{resp.StatusCode, began, raw}, nil
	}
	return nil, c.statusError(r, resp.StatusCode, resp.Header, raw)
}

// ask sends r and decodes the answer into out, which may be nil for an answer without a body. What is no such answer is an exchange that
// broke.
func (c *Connector) ask(ctx context.Context, r request, out any) (*answer, error) {
	a, err := c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	if out == nil {
		if len(bytes.TrimSpace(a.body)) > 0 && !json.Valid(a.body) {
			return nil, strange(r)
		}
		return a, nil
	}
	if json.Unmarshal(a.body, out) != nil {
		return nil, strange(r)
	}
	return a, nil
}

// strange is the error of an answer with a good status that does not say what it should.
func strange(r request) error {
	return unsure(r.write, "it sent an answer that is not what its documents describe")
}
