package dynamics

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"meibo/shared/sandbox/entra"
)

// maxBody is the published limit of a message.
const maxBody = 122_000_000

// api answers everything under the API's path.
func (s *Sandbox) api(w http.ResponseWriter, r *http.Request) {
	o, m, e := s.authenticate(r)
	if e != nil {
		s.write(w, r.Header, m, nil, e)
		return
	}
	s.mu.Lock()
	e = s.enter(m)
	s.mu.Unlock()
	if e != nil {
		s.write(w, r.Header, m, nil, e)
		return
	}
	// The request has its place before the body is read: one whose body is still on its way is under way.
	defer func() {
		s.mu.Lock()
		m.inFlight--
		s.mu.Unlock()
	}()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		s.write(w, r.Header, m, nil, fail(http.StatusRequestEntityTooLarge, codeArgument, "The request message is too large."))
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		s.write(w, r.Header, m, nil, badURL("The query does not parse."))
		return
	}
	c := &call{s: s, o: o, m: m, method: r.Method, path: strings.TrimPrefix(r.URL.Path, apiPath), query: query, header: r.Header, body: body, origin: s.origin(r)}
	s.mu.Lock()
	if e = c.checkHeaders(len(r.URL.RequestURI())); e == nil {
		e = s.admit(m)
	}
	s.mu.Unlock()
	var a *reply
	switch {
	case e != nil:
	case c.path == "$batch":
		a, e = s.batch(r, c)
	default:
		a, e = c.locked()
	}
	s.write(w, r.Header, m, a, e)
}

// locked handles one operation and keeps what it changed.
func (c *call) locked() (a *reply, e *apiError) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	e = c.o.atomically(func() *apiError {
		var e *apiError
		a, e = c.handle()
		return e
	})
	c.m.work.spend(c.s.cfg.Clock.Now(), c.cost)
	if err := c.s.flush(); err != nil {
		return nil, internal(err)
	}
	return a, e
}

// authenticate reads the access token, and finds the organisation that it is for. A host of the published form must be that one.
func (s *Sandbox) authenticate(r *http.Request) (*org, *member, *apiError) {
	unauthorized := &apiError{status: http.StatusUnauthorized, header: map[string]string{
		"WWW-Authenticate": "Bearer authorization_uri=" + s.origin(r) + "/common" + entra.AuthorizePath + ", resource_id=https://" + DefaultOrganization + "/"}}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, nil, unauthorized
	}
	g, ok := s.auth.Check(token)
	if !ok {
		return nil, nil, unauthorized
	}
	host := grantHost(g)
	if asked, ok := canonicalHost(r.Host); ok && asked != host {
		return nil, nil, unauthorized
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, m := s.orgs[host], s.users[g.User]
	switch {
	case o == nil || m == nil:
		return nil, nil, unauthorized
	case m.Organization != host:
		return nil, nil, fail(http.StatusForbidden, codeNotMember, "The user is not a member of the organization.")
	case m.Disabled:
		return nil, nil, fail(http.StatusForbidden, codeDisabled, "The user with SystemUserId=%s in OrganizationContext=%s is disabled.", m.id, o.id)
	}
	return o, m, nil
}

// checkHeaders refuses requests without the documented headers, and what the sandbox does not do. The operations of a batch need no
// headers of their own but those of their body.
func (c *call) checkHeaders(urlBytes int) *apiError {
	most := c.s.limits.URLBytes
	if c.inPart {
		most *= 2
	}
	if most > 0 && urlBytes > most {
		return fail(http.StatusRequestURITooLong, codeURL, "The address of the request is longer than %d.", most)
	}
	if !c.inPart {
		for _, name := range []string{"OData-MaxVersion", "OData-Version"} {
			if c.header.Get(name) != "4.0" {
				return fail(http.StatusBadRequest, codeURL, "This sandbox wants the header %s: 4.0 on every request.", name)
			}
		}
		if !strings.Contains(c.header.Get("Accept"), "application/json") {
			return fail(http.StatusBadRequest, codeURL, "This sandbox wants the header Accept: application/json on every request.")
		}
	}
	if c.header.Get("CallerObjectId")+c.header.Get("MSCRMCallerID") != "" {
		return fail(http.StatusForbidden, codePrivilege, "Principal user (Id=%s) is missing prvActOnBehalfOfAnotherUser privilege.", c.m.id)
	}
	if c.path == "$batch" {
		return nil
	}
	if len(c.body) > 0 && !strings.HasPrefix(c.header.Get("Content-Type"), "application/json") {
		return fail(http.StatusUnsupportedMediaType, codeURL, "The Content-Type must be application/json.")
	}
	if len(c.body) > 0 && (c.method == http.MethodGet || c.method == http.MethodDelete) {
		return badBody("The request must not have a body.")
	}
	return nil
}

// write writes an answer with the headers that every one has.
func (s *Sandbox) write(w http.ResponseWriter, asked http.Header, m *member, a *reply, e *apiError) {
	h := w.Header()
	h.Set("OData-Version", "4.0")
	h.Set("REQ_ID", s.requestID())
	if m != nil {
		s.mu.Lock()
		s.limitHeaders(h, m)
		s.mu.Unlock()
	}
	if e != nil {
		a = &reply{status: e.status, header: e.header}
		if e.status != http.StatusUnauthorized {
			a.json = e.body((&call{header: asked}).annotated("Microsoft.PowerApps.CDS.HelpLink"))
		}
	}
	for k, v := range a.header {
		h.Set(k, v)
	}
	body := a.binary
	if a.json != nil {
		h.Set("Content-Type", "application/json; odata.metadata=minimal")
		body = a.json
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}
