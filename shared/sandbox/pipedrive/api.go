package pipedrive

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// bodyLimit is the largest request body; Pipedrive states none, so this only protects the sandbox.
const bodyLimit = 16 << 20

// call is one authorised request.
type call struct {
	s    *Sandbox
	r    *http.Request
	m    *member
	o    *company
	v    int      // version of the API
	path []string // path segments that the route's pattern left open, in order
	q    url.Values
	body []byte
	ui   bool // a person at Pipedrive's own pages, not an app
	bulk bool // part of a bulk edit there
}

// id is the open path segment i as a number.
func (c *call) id(i int) int64 { return parseID(c.path[i]) }

// reply is a successful answer.
type reply struct {
	status int
	body   any
}

func ok(data any) (*reply, error) { return &reply{http.StatusOK, success(data)}, nil }

// page is the answer of a v2 list.
func page(data any, next string) (*reply, error) {
	out := success(data)
	out["additional_data"] = object{"next_cursor": orNull(next)}
	return &reply{http.StatusOK, out}, nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// route is one operation. Pattern segments in braces match anything; {id} matches numbers.
type route struct {
	v               int
	method, pattern string
	params          []string // query parameters; any other is refused
	scope           []string // any of these
	cost            int      // tokens, by the vendor's document
	search          bool     // counts against the limit of searches too
	do              func(*call) (*reply, error)
	// before does what must not happen under the lock, such as calling somebody.
	before func(*call) error
}

func (s *Sandbox) api(w http.ResponseWriter, r *http.Request, v int, path string) {
	c, ro, err := s.admit(w.Header(), r, v, path)
	if err != nil {
		failWith(w, err)
		return
	}
	if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit)); err != nil {
		fail(w, bad("The request body is too large or incomplete"))
		return
	}
	if ro.before != nil {
		if err := ro.before(c); err != nil {
			failWith(w, err)
			return
		}
	}
	s.mu.Lock()
	out, err := ro.do(c)
	if kept := s.save(); kept != nil {
		err = kept
	}
	s.mu.Unlock()
	if err != nil {
		failWith(w, err)
		return
	}
	answer(w, out.status, out.body)
}

// admit authenticates, finds the operation, checks scope and payment, charges the call and checks its parameters.
func (s *Sandbox) admit(h http.Header, r *http.Request, v int, path string) (*call, *route, error) {
	header := r.Header.Get("Authorization")
	tok, bearer := strings.CutPrefix(header, "Bearer ")
	if header != "" && (!bearer || tok == "") {
		return nil, nil, bad("The Authorization header is malformed")
	}
	g, known := s.check(tok)
	if !known {
		return nil, nil, unauthorized()
	}
	ro, open, err := find(v, r.Method, strings.Split(path, "/"))
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.userByEmail(g.User)
	switch {
	case m == nil || m.Off:
		return nil, nil, unauthorized()
	case !ro.granted(g.Scopes, s.cfg.Quirks):
		f := forbidden("Scope and URL mismatch")
		f.body = object{"success": false, "error": "Scope and URL mismatch"}
		return nil, nil, f
	case m.o.Closed:
		return nil, nil, refuse(http.StatusPaymentRequired, "Company account is not open")
	}
	if f := s.charge(h, tok, m.o, ro.cost, ro.search); f != nil {
		return nil, nil, f
	}
	if err := s.save(); err != nil {
		return nil, nil, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, nil, bad("The query does not parse")
	}
	for k, vs := range query {
		if !slices.Contains(ro.params, k) {
			return nil, nil, bad("The parameter " + k + " is not known")
		}
		if len(vs) != 1 || vs[0] == "" {
			return nil, nil, bad("The parameter " + k + " needs one value")
		}
	}
	return &call{s: s, r: r, m: m, o: m.o, v: v, path: open, q: query}, ro, nil
}

// granted reports whether the token's scopes include one of the route's.
func (ro *route) granted(have []string, q Quirks) bool {
	return slices.ContainsFunc(ro.scope, func(want string) bool {
		if q.WebhooksNeedAdmin && strings.HasPrefix(want, "webhooks:") {
			return false
		}
		return slices.Contains(have, want)
	})
}

// object reads a JSON object body strictly: of the right content type, with none but the allowed members.
func (c *call) object(allowed ...string) (map[string]json.RawMessage, error) {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	var m map[string]json.RawMessage
	if kind != "application/json" || json.Unmarshal(c.body, &m) != nil || m == nil {
		return nil, bad("The body is not a JSON object")
	}
	for k := range m {
		if !slices.Contains(allowed, k) {
			return nil, bad("Validation failed: " + k + ": this property is not allowed")
		}
	}
	return m, nil
}

// strict decodes JSON into v: unknown members, and values of another type, are errors.
func strict(raw []byte, v any) bool {
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(v) == nil
}

// number is a query parameter that is a positive whole number, or 0 without it.
func (c *call) number(name string) (int64, error) {
	if !c.q.Has(name) {
		return 0, nil
	}
	n := parseID(c.q.Get(name))
	if n == 0 {
		return 0, bad("Validation failed: " + name + ": must be a positive integer")
	}
	return n, nil
}

// flag is a query parameter that is true or false.
func (c *call) flag(name string) (bool, error) {
	switch c.q.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, bad("Validation failed: " + name + ": must be true or false")
}

const (
	limitDefault = 100
	limitMost    = 500
)

func (c *call) limit() (int, error) {
	if !c.q.Has("limit") {
		return limitDefault, nil
	}
	n, err := strconv.Atoi(c.q.Get("limit"))
	if err != nil || n < 1 || n > limitMost {
		return 0, bad("Validation failed: limit: must be a number from 1 to 500")
	}
	return n, nil
}

// list is a query parameter that is a list between commas, of allowed words if there are any.
func (c *call) list(name string, allowed ...string) ([]string, error) {
	if !c.q.Has(name) {
		return nil, nil
	}
	out := strings.Split(c.q.Get(name), ",")
	for _, w := range out {
		if w == "" || len(allowed) > 0 && !slices.Contains(allowed, w) {
			return nil, bad("Validation failed: " + name + ": does not take " + strconv.Quote(w))
		}
	}
	return out, nil
}

// find matches a path. A path that exists with another method has an error of its own.
func find(v int, method string, segments []string) (*route, []string, error) {
	known := false
	for i := range routes {
		ro := &routes[i]
		if ro.v != v {
			continue
		}
		open, ok := matches(ro.pattern, segments)
		if !ok {
			continue
		}
		if ro.method == method {
			return ro, open, nil
		}
		known = true
	}
	if known {
		return nil, nil, refuse(http.StatusMethodNotAllowed, "Method not allowed")
	}
	return nil, nil, unknownMethod()
}

func matches(pattern string, segments []string) (open []string, ok bool) {
	want := strings.Split(pattern, "/")
	if len(want) != len(segments) {
		return nil, false
	}
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{"):
			if segments[i] == "" || w == "{id}" && parseID(segments[i]) == 0 {
				return nil, false
			}
			open = append(open, segments[i])
		case w != segments[i]:
			return nil, false
		}
	}
	return open, true
}
