package zoho

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	apiPrefix = "/crm/v8/"
	// bodyLimit is the largest request body; Zoho states none, so this only protects the sandbox.
	bodyLimit = 16 << 20
)

// call is one authorised request.
type call struct {
	s      *Sandbox
	r      *http.Request
	m      *member
	o      *org
	scopes []string
	path   []string // path segments that the route's pattern left open, in order
	query  url.Values
	body   []byte
}

// reply is a successful answer. body is marshalled unless raw is set; kind is raw's content type, JSON by default.
type reply struct {
	status int
	body   any
	raw    []byte
	kind   string
	cost   int // credits beyond the route's, known only afterwards
}

// route is one operation. Pattern segments in braces match anything; {module} is Contacts or Accounts.
type route struct {
	method, pattern string
	params          []string   // query parameters; any other is refused
	scope           [][]string // all of these, each by any of its alternatives; {m} stands for the module
	do              func(*call) (*reply, error)
	cost            func(*call) int
	heavy           func(*call) bool
}

// api answers one call of the REST API. The request counts as in flight from its header to its answer.
func (s *Sandbox) api(w http.ResponseWriter, r *http.Request, dc DC, path string) {
	c, ro, err := s.admit(r, dc, path)
	if err != nil {
		failWith(w, err)
		return
	}
	leave, ok := c.o.meter.enter(s.cfg.Limits.concurrency())
	if !ok {
		fail(w, tooMany())
		return
	}
	defer leave()
	if c.body, err = readBody(w, r); err != nil {
		failWith(w, err)
		return
	}
	if ro.heavy != nil && ro.heavy(c) {
		done, ok := c.o.meter.enterHeavy(limit(s.cfg.Limits.HeavyConcurrency, 10))
		if !ok {
			fail(w, tooMany())
			return
		}
		defer done()
	}
	s.mu.Lock()
	out, remaining, err := s.run(c, ro)
	s.mu.Unlock()
	if remaining >= 0 {
		w.Header().Set("X-API-CREDITS-REMAINING", num(int64(remaining)))
	}
	switch {
	case err != nil:
		failWith(w, err)
	case out.raw != nil:
		kind := out.kind
		if kind == "" {
			kind = "application/json;charset=UTF-8"
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(out.status)
		_, _ = w.Write(out.raw)
	case out.body == nil:
		w.WriteHeader(out.status)
	default:
		answer(w, out.status, out.body)
	}
}

// run does the operation under the lock, charges it, and keeps what it changed. remaining is -1 while the header is not shown.
func (s *Sandbox) run(c *call, ro *route) (out *reply, remaining int, err error) {
	now, credits := s.now(), s.cfg.Limits.credits(len(c.o.members))
	cost := 1
	if ro.cost != nil {
		cost = ro.cost(c)
	}
	if !c.o.meter.charge(now, cost, credits) {
		return nil, c.o.meter.remaining(now, credits), tooMany()
	}
	out, err = ro.do(c)
	if err == nil && out.cost > 0 {
		c.o.meter.charge(now, out.cost, unlimited)
	}
	if kept := s.save(); kept != nil {
		err = kept
	}
	return out, c.o.meter.remaining(now, credits), err
}

// admit authenticates, finds the operation and checks scopes and parameters, in Zoho's order.
func (s *Sandbox) admit(r *http.Request, dc DC, path string) (*call, *route, error) {
	header := r.Header.Get("Authorization")
	tok, ok := strings.CutPrefix(header, "Zoho-oauthtoken ")
	if !ok || tok == "" {
		return nil, nil, refuse(http.StatusUnauthorized, "AUTHENTICATION_FAILURE", "Authentication failed", nil)
	}
	invalid := refuse(http.StatusUnauthorized, "INVALID_TOKEN", "invalid oauth token", nil)
	g, ok := s.auth.Check(tok)
	if !ok {
		return nil, nil, invalid
	}
	s.mu.Lock()
	m := s.userByEmail(g.User)
	known := m != nil && m.Status == "active" && m.org.DC == dc.Location
	s.mu.Unlock()
	if !known {
		return nil, nil, invalid
	}
	segments := strings.Split(path, "/")
	ro, open, err := find(r.Method, segments)
	if err != nil {
		return nil, nil, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, nil, badURL()
	}
	c := &call{s: s, r: r, m: m, o: m.org, scopes: g.Scopes, path: open, query: query}
	module := "contacts"
	if len(open) > 0 && moduleNames[open[0]] {
		module = strings.ToLower(open[0])
	}
	for _, any := range ro.scope {
		if !c.hasScope(module, any) {
			return nil, nil, refuse(http.StatusUnauthorized, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL", nil)
		}
	}
	for k, v := range query {
		if !slices.Contains(ro.params, k) {
			return nil, nil, refuse(http.StatusBadRequest, "INVALID_DATA", "the parameter is not known", object{"param_name": k})
		}
		if len(v) != 1 {
			return nil, nil, badParam(k)
		}
	}
	return c, ro, nil
}

// hasScope reports whether the token has one of the alternatives, or ALL of the same group.
func (c *call) hasScope(module string, alternatives []string) bool {
	for _, want := range alternatives {
		want = strings.ToLower(strings.ReplaceAll(want, "{m}", module))
		group := want[:strings.LastIndexByte(want, '.')]
		for _, have := range c.scopes {
			have = strings.ToLower(have)
			if have == want || have == group+".all" {
				return true
			}
			for g := group; strings.Count(g, ".") > 0; g = g[:strings.LastIndexByte(g, '.')] {
				if have == g+".all" {
					return true
				}
			}
		}
	}
	return false
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		return nil, refuse(http.StatusRequestEntityTooLarge, "REQUEST_ENTITY_TOO_LARGE", "the request body is too large or incomplete", nil)
	}
	return b, nil
}

// decode reads a JSON object body strictly: one value, of the right content type, with none but the allowed members.
func (c *call) decode(allowed ...string) (map[string]json.RawMessage, error) {
	kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(kind) != "application/json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "the content type must be application/json", nil)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &m); err != nil || m == nil {
		return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "body is not a JSON object", object{"expected_data_type": "jsonobject"})
	}
	for k := range m {
		if !slices.Contains(allowed, k) {
			return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "the member is not known", object{"api_name": k, "json_path": "$." + k})
		}
	}
	return m, nil
}

func failWith(w http.ResponseWriter, err error) {
	if f, ok := err.(*fault); ok {
		fail(w, f)
		return
	}
	fail(w, refuse(http.StatusInternalServerError, "INTERNAL_ERROR", "Internal Server Error", nil))
}

var moduleNames = map[string]bool{"Contacts": true, "Accounts": true}

// find matches a path. A path that exists with another method, and a module that does not exist, have errors of their own.
func find(method string, segments []string) (*route, []string, error) {
	known := false
	for i := range routes {
		ro := &routes[i]
		open, ok := matches(ro.pattern, segments)
		if !ok {
			continue
		}
		if ro.method == method {
			if strings.HasPrefix(ro.pattern, "{module}") && !moduleNames[open[0]] {
				return nil, nil, badModule(0)
			}
			return ro, open, nil
		}
		known = true
	}
	if known {
		return nil, nil, badMethod()
	}
	return nil, nil, badURL()
}

func matches(pattern string, segments []string) (open []string, ok bool) {
	want := strings.Split(pattern, "/")
	if len(want) != len(segments) {
		return nil, false
	}
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{"):
			// Fixed names are never ids or modules, so that a missing route is not mistaken for a record.
			if w == "{id}" && parseID(segments[i]) == 0 || segments[i] == "" {
				return nil, false
			}
			if w == "{module}" && (segments[i] == "settings" || segments[i] == "users" || segments[i] == "org" || segments[i] == "coql" || segments[i] == "actions") {
				return nil, false
			}
			open = append(open, segments[i])
		case w != segments[i]:
			return nil, false
		}
	}
	return open, true
}
