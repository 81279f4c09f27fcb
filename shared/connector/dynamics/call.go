package dynamics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
	"meibo/shared/connector/pace"
)

// maxAnswer bounds what is read of one answer: a page of 5,000 rows with all their columns has some 20 MB. A page that is larger is asked
// for with fewer rows.
const maxAnswer = 48 << 20

var errTooMuch = errors.New("the answer is too large")

// annotations are what is wanted beside the columns: the name of what a lookup leads to, and of which table that is.
const annotations = `odata.include-annotations="OData.Community.Display.V1.FormattedValue,Microsoft.Dynamics.CRM.lookuplogicalname"`

// request is one request, alone or as a part of a batch. right is what the user needs to be allowed, in the words of
// ForbiddenError.What, and privilege the vendor's name for it.
type request struct {
	method, path     string // path is below the base URL, with the query
	header           map[string]string
	body             []byte
	right, privilege string
	reading          bool // whatever the method, it changes nothing
}

func (r request) writes() bool { return r.method != http.MethodGet && !r.reading }

func get(path string, prefer ...string) request {
	r := request{method: http.MethodGet, path: path, header: map[string]string{"If-None-Match": "null"}}
	if len(prefer) > 0 {
		r.header["Prefer"] = strings.Join(prefer, ",")
	}
	return r
}

// answer is what came back. err says that nothing usable did.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// query writes pairs of names and values as a query: names of OData's own begin with "$", which stays as it is.
func query(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		sep := "&"
		if i == 0 {
			sep = "?"
		}
		b.WriteString(sep + pairs[i] + "=" + strings.ReplaceAll(url.QueryEscape(pairs[i+1]), "+", "%20"))
	}
	return b.String()
}

// do makes one request within the limits and returns its answer, if it is a success. What was throttled is repeated as far as the
// patience goes.
func (a *account) do(ctx context.Context, r request) (answer, error) {
	write := r.writes()
	var waited time.Duration
	for {
		if err := a.pace.Take(ctx, pace.Cost{Name: limitRequests, Units: 1}); err != nil {
			return answer{}, unsent(ctx, err, write)
		}
		got := a.send(ctx, r, write)
		err := got.outcome(r, write)
		wait := throttledFor(err)
		if waited += wait; wait == 0 || waited > a.cfg.Patience {
			return got, err
		}
		if err := a.cfg.Clock.Sleep(ctx, wait); err != nil {
			return answer{}, unsent(ctx, err, write)
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

func (a *account) send(ctx context.Context, r request, write bool) answer {
	req, err := http.NewRequestWithContext(ctx, r.method, a.base.String()+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{err: fmt.Errorf("%s: building a request failed", System)} // the error's text may hold an address with values
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("OData-MaxVersion", "4.0")
	req.Header.Set("OData-Version", "4.0")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, v := range r.header {
		req.Header.Set(name, v)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return answer{err: exchange.Broken(ctx, System, err, write)}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return answer{err: exchange.Broken(ctx, System, err, write)}
	}
	if len(text) > maxAnswer {
		return answer{err: fmt.Errorf("%w: %w", unsure(write, "it sent more than can be taken"), errTooMuch)}
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: text}
}

// read makes a request and decodes the answer into out.
func (a *account) read(ctx context.Context, r request, out any) (answer, error) {
	got, err := a.do(ctx, r)
	if err != nil {
		return got, err
	}
	if json.Unmarshal(got.body, out) != nil {
		return got, unsure(false, "it sent an answer that is not what its documents describe")
	}
	return got, nil
}

// date is when the vendor answered by its own clock, or now if that is earlier or nothing was said: a time that is too early only repeats
// work.
func (a *account) date(got answer) time.Time {
	now := a.cfg.Clock.Now().UTC()
	if t, err := http.ParseTime(got.header.Get("Date")); err == nil && t.Before(now) {
		return t.UTC()
	}
	return now
}

func unsure(write bool, what string) error { return exchange.Unsure(System, write, what) }
