package graph

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	kiota "github.com/microsoft/kiota-abstractions-go"

	"meibo/shared/connector"
)

// meID stands for the signed-in user in the paths of the generated builders, which have no /me of their own.
const meID = "signed-in-user"

// The Prefer headers (sheet 8). Without the first one every contact would have another id.
const (
	preferIDs   = `IdType="ImmutableId"`
	preferPages = `odata.maxpagesize=200, ` + preferIDs
)

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// request is one request, alone or as a part of a batch.
type request struct {
	method string
	path   string // below the base URL, with the query
	header map[string]string
	body   []byte
}

// answer is what came back. err says that nothing usable did.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// built turns what a generated builder made into a request. Ids stay as they are in paths, because an encoded "=" has been seen to
// fail (sheet 5.4), and the function call delta() is written as it is documented.
func (c *Connector) built(ri *kiota.RequestInformation, err error) (request, error) {
	if err != nil {
		return request{}, fmt.Errorf("%s: building a request: %w", System, err)
	}
	uri, err := ri.GetUri()
	if err != nil {
		return request{}, fmt.Errorf("%s: building a request: %w", System, err)
	}
	path, query, asks := strings.Cut(strings.TrimPrefix(uri.String(), c.base.String()), "?")
	path = strings.NewReplacer("/users/"+meID, "/me", "%3D", "=", "/delta()", "/delta").Replace(path)
	if asks {
		path += "?" + query
	}
	r := request{method: ri.Method.String(), path: path, header: map[string]string{"Prefer": preferIDs}, body: ri.Content}
	for _, k := range ri.Headers.ListKeys() {
		if vs := ri.Headers.Get(k); len(vs) > 0 && !strings.EqualFold(k, "Accept") {
			r.header[http.CanonicalHeaderKey(k)] = vs[0]
		}
	}
	return r, nil
}

// call makes one request within the limits and returns its answer, if it is a success.
func (c *Connector) call(ctx context.Context, r request, k kind) (answer, error) {
	if err := c.pace.Take(ctx, cost(1, len(r.body))...); err != nil {
		return answer{}, err
	}
	a := c.send(ctx, r, k)
	return a, c.outcome(a, k)
}

// send makes one request. A request that got no whole answer has an answer with an error.
func (c *Connector) send(ctx context.Context, r request, k kind) answer {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body) // http sets GetBody for it, so that a renewed authorisation can repeat it
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base.String()+r.path, body)
	if err != nil {
		return answer{err: fmt.Errorf("%s: building a request failed", System)} // the error's text may hold an address with ids
	}
	req.Header.Set("Accept", "application/json")
	for name, v := range r.header {
		req.Header.Set(name, v)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return answer{err: broken(ctx, err, k)}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil || len(text) > maxAnswer {
		if err == nil {
			err = io.ErrShortBuffer
		}
		return answer{err: broken(ctx, err, k)}
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: text}
}

// outcome maps an answer to an error, nil for a success. An answer that says to have used another form of ids is not believed:
// every contact would look new.
func (c *Connector) outcome(a answer, k kind) error {
	switch {
	case a.err != nil:
		return a.err
	case a.status < 200 || a.status > 299:
		return c.refusal(a, k)
	case k != writing && otherIDs(a):
		return fmt.Errorf("%w: %s answered with ids of another form", connector.ErrTransient, System)
	}
	return nil
}

// otherIDs reports whether Graph says that it did not use immutable ids.
func otherIDs(a answer) bool {
	applied := strings.ToLower(a.header.Get("Preference-Applied"))
	return strings.Contains(applied, "idtype") && !strings.Contains(applied, "immutableid")
}
