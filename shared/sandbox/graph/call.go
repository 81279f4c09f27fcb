package graph

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// call is one request to a mailbox, by itself or as a part of a batch. The handlers run with Sandbox.mu held.
type call struct {
	s      *Sandbox
	m      *mailbox
	who    caller
	header http.Header
	query  url.Values
	body   []byte
	ids    []string // of the path, in order
	origin string
	path   string // of the request, without host and version
	inPart bool
}

// caller is who an access token speaks for.
type caller struct {
	user   string // e-mail address; "" for the application itself
	tenant string // of the application's own token
	client string
	scopes []string
}

func (w caller) may(any ...string) bool {
	return slices.ContainsFunc(any, func(sc string) bool { return slices.Contains(w.scopes, sc) })
}

// reply is the answer of a handler.
type reply struct {
	status int
	header map[string]string
	json   []byte // nil means that there is no JSON
	binary []byte
}

func jsonReply(status int, v any) (*reply, *apiError) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, internal(err)
	}
	return &reply{status: status, json: b}, nil
}

func noContent() *reply { return &reply{status: http.StatusNoContent} }

// prefer returns the value of a preference, without quotes. Names are compared without case.
func (c *call) prefer(name string) string {
	for _, line := range c.header.Values("Prefer") {
		for _, p := range strings.Split(line, ",") {
			k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.EqualFold(strings.TrimSpace(k), name) {
				return strings.Trim(strings.TrimSpace(v), `"`)
			}
		}
	}
	return ""
}

func (c *call) immutable() bool {
	return !c.s.quirks.IgnorePrefer && strings.EqualFold(c.prefer("IdType"), "ImmutableId")
}

// pageSize is what the client prefers, at most most.
func (c *call) pageSize(most int) int {
	n, err := strconv.Atoi(c.prefer("odata.maxpagesize"))
	if err != nil || n < 1 {
		return 10
	}
	return min(n, most)
}

// allow refuses query parameters besides known.
func (c *call) allow(known ...string) *apiError {
	for name, vs := range c.query {
		if !slices.Contains(known, name) {
			return badQuery("The query parameter '%s' is not supported here.", name)
		}
		if len(vs) > 1 {
			return badQuery("The query parameter '%s' comes twice.", name)
		}
	}
	return nil
}

// number reads a query parameter that is a number from least to most.
func (c *call) number(name string, otherwise, least, most int) (int, *apiError) {
	if !c.query.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil || n < least || n > most {
		return 0, badQuery("The value of the query parameter '%s' is not a number from %d to %d.", name, least, most)
	}
	return n, nil
}

// selected reads $select, whose names must be known.
func (c *call) selected(known func(name string) bool) (map[string]bool, *apiError) {
	if !c.query.Has("$select") {
		return nil, nil
	}
	out := map[string]bool{}
	for _, name := range strings.Split(c.query.Get("$select"), ",") {
		if name = strings.TrimSpace(name); !known(name) {
			return nil, badQuery("Could not find a property named '%s'.", name)
		}
		out[name] = true
	}
	return out, nil
}

// contextURL is the @odata.context of something in the mailbox.
func (c *call) contextURL(what string) string {
	return c.origin + "/v1.0/$metadata#users('" + url.PathEscape(c.m.oid) + "')/" + what
}

// here is the address of the request with other query parameters, for nextLink and deltaLink.
func (c *call) here(query ...string) string {
	var parts []string
	for i := 0; i < len(query); i += 2 {
		parts = append(parts, query[i]+"="+url.QueryEscape(query[i+1]))
	}
	return c.origin + "/v1.0" + c.path + "?" + strings.Join(parts, "&")
}

// unchanged checks If-Match against an etag.
func (c *call) unchanged(etag string) *apiError {
	want := c.header.Get("If-Match")
	if want == "" || want == "*" || want == etag || c.s.quirks.IgnoreIfMatch {
		return nil
	}
	return stale()
}
