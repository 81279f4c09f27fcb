package sansan

import (
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

const maxAnswer = 32 << 20

// tooFarBack is from when on a difference between the vendor's clock and ours is not believed.
const tooFarBack = 24 * time.Hour

// get asks for path and decodes the answer into out. It returns when the vendor answered: the earlier of its clock and ours, since a time
// that is too early only repeats work, and one that is too late would lose changes. Errors are those of statusError.
func (c *Connector) get(ctx context.Context, path string, q url.Values, out any) (time.Time, error) {
	var waited time.Duration
	for {
		if err := c.pace.Take(ctx, pace.Cost{Name: limitCalls, Units: 1}); err != nil {
			return time.Time{}, err
		}
		at, err := c.once(ctx, path, q, out)
		var t *connector.ThrottledError
		if !errors.As(err, &t) || waited+t.After > c.patience {
			return at, err
		}
		waited += t.After
		if err := c.clock.Sleep(ctx, t.After); err != nil {
			return time.Time{}, err
		}
	}
}

func (c *Connector) once(ctx context.Context, path string, q url.Values, out any) (time.Time, error) {
	at := c.base + path
	if len(q) > 0 {
		at += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: building a request: %w", System, err)
	}
	req.Header.Set("Accept", "application/json")
	asked := c.clock.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		return time.Time{}, exchange.Broken(ctx, System, err, false)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return time.Time{}, exchange.Broken(ctx, System, err, false)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return time.Time{}, statusError(resp.StatusCode, resp.Header, body, asked)
	}
	if json.Unmarshal(body, out) != nil {
		return time.Time{}, unsure("it sent an answer that is not what its documents describe")
	}
	if d, err := http.ParseTime(resp.Header.Get("Date")); err == nil && d.Before(asked) && asked.Sub(d) < tooFarBack {
		asked = d.UTC()
	}
	return asked, nil
}

// list is one page of whatever is listed.
type list[T any] struct {
	More *bool `json:"hasMore"`
	Next text  `json:"nextPageToken"`
	Data []T   `json:"data"`
}

// next is the token of the page after, "" if this is the last: Sansan says so in two ways.
func (l list[T]) next() string {
	if l.More != nil && !*l.More {
		return ""
	}
	return l.Next.value
}

// stops reports whether a page that is full says neither that it is the last nor where the next one is. Of one that is not full the
// documents take a missing token for the end.
func (l list[T]) stops() bool {
	return (l.More == nil || *l.More) && l.Next.value == "" && len(l.Data) >= perPage
}

// cards reads one page of a listing of cards.
func (c *Connector) cards(ctx context.Context, path string, q url.Values) (page list[card], at time.Time, err error) {
	if at, err = c.get(ctx, path, q, &page); err == nil && page.Data == nil {
		err = unsure("it sent a list without its records")
	}
	return page, at, err
}
