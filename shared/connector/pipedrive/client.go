package pipedrive

import (
	"bytes"
	"context"
	"encoding/json"
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

// The two versions of the API.
const (
	v1 = "/api/v1"
	v2 = "/api/v2"
)

// request is one call. A write is one that must not be repeated blindly. right is what the user needs to be allowed, in the words
// of ForbiddenError.What.
type request struct {
	method, path string
	query        url.Values
	body         any
	form         *upload
	write        bool
	search       bool
	right        string
}

// upload is a body that is not JSON.
type upload struct {
	contentType string
	data        []byte
}

// answer is a 2xx answer.
type answer struct {
	vendor time.Time // by the vendor's clock; ours if the vendor did not say
	date   time.Time // the earlier of the vendor's clock and ours
	body   []byte
}

// call sends r. An answer that is not 2xx is an error (see errors.go).
func (c *Connector) call(ctx context.Context, r request) (*answer, error) {
	body := upload{contentType: "application/json"}
	switch {
	case r.form != nil:
		body = *r.form
	case r.body != nil:
		var err error
		if body.data, err = json.Marshal(r.body); err != nil {
			return nil, fmt.Errorf("%s: encoding a request: %w", System, err)
		}
	}
	costs := []pace.Cost{{Name: limitBurst, Units: 1}}
	if r.search {
		costs = append(costs, pace.Cost{Name: limitSearch, Units: 1})
	}
	var waited time.Duration
	for {
		if wait := c.wait(); wait > 0 {
			return nil, &connector.ThrottledError{System: System, After: wait}
		}
		if err := c.turn(ctx, costs); err != nil {
			return nil, unsent(ctx, err, r.write)
		}
		a, err := c.once(ctx, r, body)
		if t := asThrottled(err); t != nil && waited+t.After <= c.patience {
			waited += t.After
			c.hold(t.After)
			continue
		}
		return a, err
	}
}

// unsent is the error of a request that was never sent.
func unsent(ctx context.Context, err error, write bool) error {
	if ctx.Err() != nil && write {
		return fmt.Errorf("%w: %s: the request was not sent: %w", connector.ErrTransient, System, err)
	}
	return err
}

func (c *Connector) once(ctx context.Context, r request, body upload) (*answer, error) {
	u := c.origin.String() + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, bytes.NewReader(body.data))
	if err != nil {
		return nil, fmt.Errorf("%s: building a request: %w", System, err)
	}
	req.Header.Set("Accept", "application/json")
	if body.data != nil {
		req.Header.Set("Content-Type", body.contentType)
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
	c.notice(resp.Header, resp.StatusCode)
	// The earlier of the two clocks: a time that is too early only repeats work, one that is too late would lose changes.
	a := &answer{vendor: asked, date: asked, body: raw}
	if d, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		a.vendor = d.UTC()
		if d.Before(asked) {
			a.date = a.vendor
		}
	}
	switch s := resp.StatusCode; {
	case s >= 200 && s < 300:
		return a, nil
	case s == http.StatusTooManyRequests:
		return nil, c.throttled(resp.Header)
	case s == http.StatusForbidden && !json.Valid(raw):
		return nil, c.blocked()
	default:
		return nil, statusError(r, s, raw)
	}
}

// envelope is what every answer of the API is wrapped in.
type envelope struct {
	Success    *bool           `json:"success"`
	Data       json.RawMessage `json:"data"`
	Additional struct {
		Next *string `json:"next_cursor"`
	} `json:"additional_data"`
}

// ask sends r and decodes the data of the answer into out, which may be nil. What is no such answer is an exchange that broke.
func (c *Connector) ask(ctx context.Context, r request, out any) (a *answer, next string, err error) {
	if r.method == "" {
		r.method = http.MethodGet
	}
	if a, err = c.call(ctx, r); err != nil {
		return nil, "", err
	}
	var e envelope
	if json.Unmarshal(a.body, &e) != nil || e.Success == nil || !*e.Success {
		return nil, "", unsure(r.write, "it sent an answer that is not what its documents describe")
	}
	if e.Additional.Next != nil {
		next = *e.Additional.Next
	}
	if out == nil {
		return a, next, nil
	}
	if len(e.Data) == 0 || json.Unmarshal(e.Data, out) != nil {
		return nil, "", unsure(r.write, "it sent an answer that is not what its documents describe")
	}
	return a, next, nil
}
