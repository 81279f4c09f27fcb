package hubspot

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
	"unicode/utf8"

	"meibo/shared/sandbox"
)

// bodyLimit is the largest request body; HubSpot states none, so this only protects the sandbox.
const bodyLimit = 16 << 20

// call is one authorised request, or a person at HubSpot's own pages.
type call struct {
	s      *Sandbox
	r      *http.Request
	m      *member
	p      *portal
	v      string // version of the API: v3, v4, 2026-03 or 2026-09
	kind   *kind  // of the path, if it names one
	path   map[string]string
	q      url.Values
	body   []byte
	source string // INTEGRATION, CRM_UI or IMPORT
}

// reply is a successful answer.
type reply struct {
	status int
	body   any
}

func ok(body any) (*reply, error) { return &reply{http.StatusOK, body}, nil }

func nothing() (*reply, error) { return &reply{status: http.StatusNoContent}, nil }

func (c *call) table() *table { return c.p.table(c.kind) }

func (s *Sandbox) api(w http.ResponseWriter, r *http.Request) {
	c, ro, err := s.admit(w.Header(), r)
	if err != nil {
		s.fail(w, err)
		return
	}
	if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit)); err != nil {
		s.fail(w, bad("The request body is too large or incomplete"))
		return
	}
	if !ro.hasBody && len(c.body) > 0 {
		s.fail(w, bad("This call takes no body"))
		return
	}
	s.mu.Lock()
	s.recompute(c.p)
	out, err := ro.do(c)
	if kept := s.save(); kept != nil {
		err = kept
	}
	s.mu.Unlock()
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, out.status, out.body)
}

// admit authenticates, finds the operation, checks scope, charges the call and checks its parameters.
func (s *Sandbox) admit(h http.Header, r *http.Request) (*call, *route, error) {
	h.Set("X-HubSpot-Correlation-Id", sandbox.UUID(s.random))
	tok, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || tok == "" {
		return nil, nil, unauthorized("INVALID_AUTHENTICATION", "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview")
	}
	g, known := s.auth.Check(tok)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.userByEmail(g.User)
	if !known || m == nil {
		if strings.HasPrefix(tok, accessPrefix) {
			return nil, nil, unauthorized("EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.")
		}
		return nil, nil, unauthorized("INVALID_AUTHENTICATION", "Authentication credentials not found.")
	}
	ro, at, exists := find(r.Method, r.URL.Path)
	switch {
	case ro == nil && exists:
		return nil, nil, &refusal{status: http.StatusMethodNotAllowed, body: object{"status": "error", "message": "Method Not Allowed"}}
	case ro == nil:
		return nil, nil, noRoute()
	}
	if f := ro.denied(g.Scopes, at.kind); f != nil {
		return nil, nil, f
	}
	if f := s.charge(h, m.p, ro.search); f != nil {
		return nil, nil, f
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, nil, bad("The query does not parse")
	}
	for k, vs := range query {
		if !slices.Contains(ro.params, k) {
			return nil, nil, bad("The parameter " + k + " is not known")
		}
		if slices.Contains(vs, "") || len(vs) > 1 && !slices.Contains(repeated, k) {
			return nil, nil, bad("The parameter " + k + " needs one value")
		}
	}
	return &call{s: s, r: r, m: m, p: m.p, v: at.version, kind: at.kind, path: at.open, q: query, source: sourceAPI}, ro, nil
}

// json reads a JSON object body strictly: of the right content type, with none but the allowed members and no null among them.
func (c *call) json(v any, allowed ...string) error {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if kind != "application/json" {
		return &refusal{status: http.StatusUnsupportedMediaType, body: object{"status": "error", "message": "The content type must be application/json"}}
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(c.body, &m) != nil || m == nil {
		return bad("Invalid input JSON: the body is not an object")
	}
	for k, raw := range m {
		if !slices.Contains(allowed, k) {
			return bad("Invalid input JSON: unknown member " + quote(k))
		}
		if isNull(raw) {
			return bad("Invalid input JSON: the member " + quote(k) + " is null")
		}
	}
	if !strict(c.body, v) {
		return bad("Invalid input JSON: a member is unknown or of a wrong type")
	}
	return nil
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

// strict decodes JSON into v: unknown members, and values of another type, are errors.
func strict(raw []byte, v any) bool {
	if isNull(raw) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(v) == nil
}

// flag is a query parameter that is true or false.
func (c *call) flag(name string) (bool, error) {
	switch c.q.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, bad("The parameter " + name + " must be true or false")
}

// limit is the size of a page.
func (c *call) limit(standard, most int) (int, error) {
	if !c.q.Has("limit") {
		return standard, nil
	}
	n, err := strconv.Atoi(c.q.Get("limit"))
	if err != nil || n < 1 || n > most {
		return 0, bad("The limit must be a number from 1 to " + strconv.Itoa(most))
	}
	return n, nil
}

// repeated are the parameters that may come several times, as the vendor's documents and its own client have them. The guide has commas.
var repeated = []string{"listIds", "properties", "associations"}

// words is a query parameter that is a list, between commas or by repetition.
func (c *call) words(name string) ([]string, error) {
	if !c.q.Has(name) {
		return nil, nil
	}
	out := strings.Split(strings.Join(c.q[name], ","), ",")
	if slices.Contains(out, "") {
		return nil, bad("The parameter " + name + " has an empty entry")
	}
	return out, nil
}

func runes(b []byte) int { return utf8.RuneCount(b) }

// nextLink is the paging member for the page after a cursor.
func (c *call) nextLink(after string) object {
	q := url.Values{}
	for k, v := range c.q {
		q[k] = v
	}
	q.Set("after", after)
	return object{"next": object{"after": after, "link": sandbox.Origin(c.r) + c.r.URL.Path + "?" + q.Encode()}}
}
