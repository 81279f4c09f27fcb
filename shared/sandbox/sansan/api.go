package sansan

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// keyHeader carries the key. X-Sansan-App-Id, which partner applications send besides, is not looked at.
const keyHeader = "X-Sansan-Api-Key"

// bodyLimit is the largest request body; Sansan states none, so this only protects the sandbox.
const bodyLimit = 4 << 20

// object is a JSON object of an answer.
type object = map[string]any

// call is one authorised request.
type call struct {
	s    *Sandbox
	u    *user
	path string   // as the request names it
	open []string // the path segments that the route's pattern left open
	q    url.Values
	kind string // the body's content type
	body []byte
}

// id is the one open path segment as a number.
func (c *call) id() int64 { return parseID(c.open[0]) }

// reply is a successful answer: JSON, or bytes of a content type.
type reply struct {
	json        any
	contentType string
	raw         []byte
}

func ok(v any) (*reply, error) { return &reply{json: v}, nil }

// route is one operation. Pattern segments in braces match anything.
type route struct {
	method, pattern string
	params          []string // query parameters; any other is refused
	repeat          []string // those that may come more than once
	do              func(*call) (*reply, error)
}

// routeTable returns the operations, the more special patterns before the general ones.
func routeTable() []route {
	paging := []string{"nextPageToken", "limit"}
	cards := append([]string{"range", "entryStatus", "includeTags", "includePastBizCards", "orderBy", "orderDirection"}, paging...)
	return []route{
		{method: "GET", pattern: "bizCards", params: append([]string{"updatedFrom", "updatedTo"}, cards...), repeat: []string{"entryStatus"}, do: (*call).list},
		{method: "POST", pattern: "bizCards", do: (*call).create},
		{method: "GET", pattern: "bizCards/search", params: append([]string{"companyName", "name", "email", "tel", "mobile", "tagId"}, cards...),
			repeat: []string{"entryStatus", "tagId"}, do: (*call).search},
		{method: "GET", pattern: "bizCards/{id}", params: []string{"includeTags"}, do: (*call).card},
		{method: "GET", pattern: "bizCards/{id}/image", params: []string{"side"}, do: (*call).image},
		{method: "GET", pattern: "bizCards/{id}/tags", params: paging, do: (*call).cardTags},
		{method: "GET", pattern: "persons/{id}", do: (*call).person},
		{method: "GET", pattern: "tags", params: append([]string{"range", "type", "ownerUserId", "tagName"}, paging...), repeat: []string{"type"}, do: (*call).tags},
		{method: "GET", pattern: "users/{userId}", do: (*call).user},
		{method: "GET", pattern: "organization/users", params: []string{"delimiter"}, do: (*call).usersCSV},
		{method: "GET", pattern: "organization/departments", params: []string{"delimiter"}, do: (*call).departmentsCSV},
		{method: "GET", pattern: "departments", params: paging, do: (*call).departments},
	}
}

// match returns the open segments of a path.
func (ro *route) match(path string) (open []string, ok bool) {
	want, have := strings.Split(ro.pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	for i, w := range want {
		switch {
		case w[0] == '{' && have[i] != "":
			open = append(open, have[i])
		case w != have[i]:
			return nil, false
		}
	}
	return open, true
}

// find finds the operation. A path that exists with another method has an error of its own.
func (s *Sandbox) find(method, path string) (*route, []string, error) {
	known := false
	for i := range s.routes {
		open, ok := s.routes[i].match(path)
		if !ok {
			continue
		}
		if s.routes[i].method == method {
			return &s.routes[i], open, nil
		}
		known = true
	}
	if known {
		return nil, nil, refuse(http.StatusMethodNotAllowed)
	}
	return nil, nil, notFound()
}

func (s *Sandbox) api(w http.ResponseWriter, r *http.Request, path string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		writeError(w, bad("The request body is too large or incomplete."))
		return
	}
	s.mu.Lock()
	out, err := s.answer(r, path, body)
	s.mu.Unlock()
	switch {
	case err != nil:
		writeError(w, err)
	case out.raw != nil:
		w.Header().Set("Content-Type", out.contentType)
		_, _ = w.Write(out.raw)
	default:
		sandbox.WriteJSON(w, http.StatusOK, out.json)
	}
}

// answer authenticates, checks and does a call. It needs the lock.
func (s *Sandbox) answer(r *http.Request, path string, body []byte) (*reply, error) {
	key := r.Header.Get(keyHeader)
	u := s.keys[key]
	switch {
	case u == nil || u.Resigned:
		return nil, refuse(http.StatusUnauthorized)
	case !s.admit(key):
		return nil, refuse(http.StatusTooManyRequests)
	case u.Forbidden:
		return nil, refuse(http.StatusForbidden)
	}
	ro, open, err := s.find(r.Method, path)
	if err != nil {
		return nil, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, bad("The query does not parse.")
	}
	for name, values := range query {
		switch {
		case !slices.Contains(ro.params, name):
			return nil, bad("The parameter %s is not known.", name)
		case slices.Contains(values, ""):
			return nil, bad("The parameter %s is empty.", name)
		case len(values) > 1 && !slices.Contains(ro.repeat, name):
			return nil, bad("The parameter %s may come once only.", name)
		}
	}
	out, err := ro.do(&call{s: s, u: u, path: path, open: open, q: query, kind: r.Header.Get("Content-Type"), body: body})
	if kept := s.save(); kept != nil {
		return nil, kept
	}
	return out, err
}

// admit counts a call of a key, unless it is one too many in a second.
func (s *Sandbox) admit(key string) bool {
	most := limit(int64(s.cfg.Limits.Requests), defaultRequests)
	if most == unlimited {
		return true
	}
	now := s.cfg.Clock.Now()
	lately := slices.DeleteFunc(s.calls[key], func(t time.Time) bool { return now.Sub(t) >= time.Second })
	admitted := int64(len(lately)) < most
	if admitted {
		lately = append(lately, now)
	}
	s.calls[key] = lately
	return admitted
}
