package graph

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxBody bounds a request; the largest is a picture, which is refused well before.
const maxBody = 32 << 20

// api answers everything under /v1.0.
func (s *Sandbox) api(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1.0")
	who, e := s.authenticate(r)
	if e != nil {
		s.write(w, r, nil, e)
		return
	}
	var answer *reply
	switch {
	case r.Header.Get("Content-Encoding") != "":
		e = fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The Content-Encoding of the request is not supported.")
	case path == "/$batch":
		answer, e = s.batch(r, who)
	case path == "/subscriptions" || strings.HasPrefix(path, "/subscriptions/"):
		answer, e = s.subscriptionAPI(r, who, path)
	default:
		answer, e = s.single(r, who, path)
	}
	s.write(w, r, answer, e)
}

// authenticate reads the access token.
func (s *Sandbox) authenticate(r *http.Request) (caller, *apiError) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return caller{}, unauthenticated()
	}
	g, ok := s.auth.Check(token)
	if !ok {
		return caller{}, unauthenticated()
	}
	who := caller{user: g.User, client: g.Client}
	if tenant, app := strings.CutPrefix(g.User, appUser); app {
		who.user, who.tenant = "", tenant
	}
	for _, sc := range g.Scopes {
		who.scopes = append(who.scopes, strings.TrimPrefix(sc, graphScope))
	}
	return who, nil
}

// resolve finds the mailbox that a path is about, and whether who may come near it. The caller holds s.mu.
func (s *Sandbox) resolve(who caller, owner string) (*mailbox, *apiError) {
	if owner == "me" {
		m := s.boxes[who.user]
		if who.user == "" {
			return nil, fail(http.StatusBadRequest, "BadRequest", "/me request is only valid with delegated authentication flow.")
		}
		if m == nil {
			return nil, unauthenticated()
		}
		return m, nil
	}
	for _, m := range s.boxes {
		if m.oid != strings.ToLower(owner) && !strings.EqualFold(m.Email, owner) {
			continue
		}
		if who.user == m.Email || who.user == "" && who.tenant == m.tid {
			return m, nil
		}
		if who.user != "" {
			return nil, accessDenied()
		}
	}
	return nil, fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource '%s' does not exist or one of its queried reference-property objects are not present.", owner)
}

// single answers a request about one mailbox.
func (s *Sandbox) single(r *http.Request, who caller, path string) (*reply, *apiError) {
	owner, rest, ok := below(path)
	if !ok {
		return nil, badSegment(path)
	}
	s.mu.Lock()
	m, e := s.resolve(who, owner)
	if e == nil && rest != "" && s.enter(m, 1) == 0 {
		e = s.crowded()
	}
	s.mu.Unlock()
	if e != nil {
		return nil, e
	}
	if rest != "" {
		// The request has its place before the body is read: one whose body is still on its way is in flight.
		defer func() {
			s.mu.Lock()
			m.inFlight--
			s.mu.Unlock()
		}()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return nil, fail(http.StatusRequestEntityTooLarge, "RequestBodyRead", "The request body could not be read.")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badQuery("The query does not parse.")
	}
	c := &call{s: s, m: m, who: who, header: r.Header, query: query, body: body, origin: s.origin(r), path: path}
	var answer *reply
	if problem := s.locked(func() error {
		if answer, e = c.run(rest, r.Method); e != nil {
			return e
		}
		return nil
	}); problem != nil && e == nil {
		return nil, internal(problem)
	}
	return answer, e
}

func badSegment(path string) *apiError {
	last := path[strings.LastIndex(path, "/")+1:]
	return fail(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '%s'.", last)
}

// run checks and handles the request. The caller holds s.mu, and has entered the mailbox.
func (c *call) run(rest, method string) (*reply, *apiError) {
	rt, ids, known := c.s.findRoute(method, rest)
	switch {
	case rt == nil && (known || method != http.MethodGet && strings.HasSuffix(rest, "/")):
		return nil, methodNotAllowed(method)
	case rt == nil:
		return nil, badSegment(rest)
	case !slices.ContainsFunc(rt.need, func(sc string) bool { return c.who.may(sc) }) && !(rest == "" && c.who.may(readUser)):
		if rest == "" {
			return nil, fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
		}
		return nil, accessDenied()
	}
	if rest != "" {
		if c.m.NoMailbox {
			return nil, noMailbox()
		}
		if e := c.s.charge(c.m); e != nil {
			return nil, e
		}
		if e := c.s.upload(c.m, len(c.body)); e != nil {
			return nil, e
		}
	}
	switch {
	case rt.body && !strings.HasPrefix(c.header.Get("Content-Type"), "application/json"):
		return nil, fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The Content-Type must be application/json.")
	case !rt.body && !rt.raw && len(c.body) > 0:
		return nil, badBody("The request must not have a body.")
	case rt.raw && c.inPart:
		return nil, fail(http.StatusBadRequest, "BadRequest", "A picture cannot be written in a batch.")
	}
	c.ids = ids
	return rt.handle(c)
}

// write writes an answer with the headers that every one has.
func (s *Sandbox) write(w http.ResponseWriter, r *http.Request, a *reply, e *apiError) {
	requestID := s.requestID()
	clientID := r.Header.Get("client-request-id")
	if clientID == "" {
		clientID = requestID
	}
	h := w.Header()
	h.Set("request-id", requestID)
	h.Set("client-request-id", clientID)
	if e != nil {
		a = s.errorReply(e, requestID, clientID)
	}
	for k, v := range a.header {
		h.Set(k, v)
	}
	body := a.binary
	if a.json != nil {
		h.Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
		body = a.json
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

// errorReply is an error as an answer.
func (s *Sandbox) errorReply(e *apiError, requestID, clientID string) *reply {
	date := s.cfg.Clock.Now().UTC().Format("2006-01-02T15:04:05")
	a, bad := jsonReply(e.status, e.body(date, requestID, clientID))
	if bad != nil {
		a = &reply{status: e.status}
	}
	a.header = e.header
	return a
}
