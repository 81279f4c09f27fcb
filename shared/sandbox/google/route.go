package google

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxBody bounds a request; 200 contacts of the largest size fit.
const maxBody = 40 << 20

const (
	scopeContacts = "https://www.googleapis.com/auth/contacts"
	scopeReadonly = "https://www.googleapis.com/auth/contacts.readonly"
	scopeOther    = "https://www.googleapis.com/auth/contacts.other.readonly"
	scopeEmail    = "https://www.googleapis.com/auth/userinfo.email"
	scopeProfile  = "https://www.googleapis.com/auth/userinfo.profile"
)

// paramType is the type of a query parameter.
type paramType uint8

const (
	paramText paramType = iota
	paramBool
	paramInt
	paramList // may be repeated
)

// systemParams are accepted on every method.
var systemParams = map[string]paramType{"alt": paramText, "prettyPrint": paramBool, "key": paramText, "quotaUser": paramText}

// route is one method of the API.
type route struct {
	method  string // HTTP
	pattern string // a path in which {id} stands for one segment without ":"
	name    string // Google's own: service and method
	scopes  []string
	params  map[string]paramType
	mutate  bool
	body    bool
	cost    cost
	handle  func(*call) (any, *apiError)
}

// call is one request to a route, past authorisation and parameter checks. Handlers run with Sandbox.mu held.
type call struct {
	s     *Sandbox
	r     *http.Request
	a     *account
	id    string // what {id} stood for
	query url.Values
	body  []byte
}

func (c *call) flag(name string) bool { return c.query.Get(name) == "true" }

// number is an integer parameter, or otherwise when it is absent or 0.
func (c *call) number(name string, otherwise int) int {
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil || n == 0 {
		return otherwise
	}
	return n
}

func (rt route) match(method, path string) (id string, ok bool) {
	if method != rt.method {
		return "", false
	}
	before, after, found := strings.Cut(rt.pattern, "{id}")
	if !found {
		return "", path == rt.pattern
	}
	id, ok = strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	id, ok = strings.CutSuffix(id, after)
	return id, ok && id != "" && !strings.ContainsAny(id, "/:")
}

func (s *Sandbox) routeTable() []route {
	write, read := []string{scopeContacts}, []string{scopeContacts, scopeReadonly}
	listing := map[string]paramType{"pageSize": paramInt, "pageToken": paramText, "syncToken": paramText, "requestSyncToken": paramBool, "sources": paramList}
	with := func(more map[string]paramType, names ...string) map[string]paramType {
		m := map[string]paramType{}
		for k, v := range more {
			m[k] = v
		}
		for _, n := range names {
			m[n] = paramText
		}
		return m
	}
	sources := map[string]paramType{"sources": paramList}
	single, batch := cost{criticalReads: 1, criticalWrites: 1, dailyWrites: 1}, cost{criticalReads: 6, criticalWrites: 6, dailyWrites: 200}
	oneRead, oneWrite := cost{criticalReads: 1}, cost{otherWrites: 1}
	const people, groups = "PeopleService.", "ContactGroupsService."
	return []route{
		{method: "GET", pattern: "/v1/people/me/connections", name: people + "ListConnections", scopes: read, params: with(listing, "personFields", "sortOrder"), cost: oneRead, handle: (*call).connections},
		{method: "GET", pattern: "/v1/people:batchGet", name: people + "BatchGetPeople", scopes: read, params: with(map[string]paramType{"sources": paramList, "resourceNames": paramList}, "personFields"), cost: oneRead, handle: (*call).batchGet},
		{method: "GET", pattern: "/v1/people:searchContacts", name: people + "SearchContacts", scopes: read, params: with(map[string]paramType{"sources": paramList, "pageSize": paramInt}, "query", "readMask"), cost: oneRead, handle: (*call).search},
		{method: "GET", pattern: "/v1/people/{id}", name: people + "GetPerson", scopes: append(read, scopeEmail, scopeProfile), params: with(sources, "personFields"), cost: oneRead, handle: (*call).get},
		{method: "POST", pattern: "/v1/people:createContact", name: people + "CreateContact", scopes: write, params: with(sources, "personFields"), mutate: true, body: true, cost: single, handle: (*call).create},
		{method: "PATCH", pattern: "/v1/people/{id}:updateContact", name: people + "UpdateContact", scopes: write, params: with(sources, "personFields", "updatePersonFields"), mutate: true, body: true, cost: single, handle: (*call).update},
		{method: "DELETE", pattern: "/v1/people/{id}:deleteContact", name: people + "DeleteContact", scopes: write, mutate: true, cost: oneWrite, handle: (*call).delete},
		{method: "POST", pattern: "/v1/people:batchCreateContacts", name: people + "BatchCreateContacts", scopes: write, mutate: true, body: true, cost: batch, handle: (*call).batchCreate},
		{method: "POST", pattern: "/v1/people:batchUpdateContacts", name: people + "BatchUpdateContacts", scopes: write, mutate: true, body: true, cost: batch, handle: (*call).batchUpdate},
		{method: "POST", pattern: "/v1/people:batchDeleteContacts", name: people + "BatchDeleteContacts", scopes: write, mutate: true, body: true, cost: cost{otherWrites: 10}, handle: (*call).batchDelete},
		{method: "PATCH", pattern: "/v1/people/{id}:updateContactPhoto", name: people + "UpdateContactPhoto", scopes: write, mutate: true, body: true, cost: cost{photoWrites: 1}, handle: (*call).updatePhoto},
		{method: "DELETE", pattern: "/v1/people/{id}:deleteContactPhoto", name: people + "DeleteContactPhoto", scopes: write, params: with(sources, "personFields"), mutate: true, cost: cost{photoWrites: 1}, handle: (*call).deletePhoto},

		{method: "GET", pattern: "/v1/otherContacts", name: people + "ListOtherContacts", scopes: []string{scopeOther}, params: with(listing, "readMask"), cost: oneRead, handle: (*call).otherContacts},

		{method: "GET", pattern: "/v1/contactGroups", name: groups + "ListContactGroups", scopes: read, params: with(map[string]paramType{"pageSize": paramInt}, "groupFields", "pageToken", "syncToken"), cost: cost{groupReads: 1}, handle: (*call).listGroups},
		{method: "GET", pattern: "/v1/contactGroups:batchGet", name: groups + "BatchGetContactGroups", scopes: read, params: with(map[string]paramType{"maxMembers": paramInt, "resourceNames": paramList}, "groupFields"), cost: cost{groupReads: 1}, handle: (*call).batchGetGroups},
		{method: "GET", pattern: "/v1/contactGroups/{id}", name: groups + "GetContactGroup", scopes: read, params: with(map[string]paramType{"maxMembers": paramInt}, "groupFields"), cost: cost{groupReads: 1}, handle: (*call).getGroup},
		{method: "POST", pattern: "/v1/contactGroups", name: groups + "CreateContactGroup", scopes: write, mutate: true, body: true, cost: oneWrite, handle: (*call).createGroup},
		{method: "PUT", pattern: "/v1/contactGroups/{id}", name: groups + "UpdateContactGroup", scopes: write, mutate: true, body: true, cost: oneWrite, handle: (*call).updateGroup},
		{method: "DELETE", pattern: "/v1/contactGroups/{id}", name: groups + "DeleteContactGroup", scopes: write, params: map[string]paramType{"deleteContacts": paramBool}, mutate: true, cost: oneWrite, handle: (*call).deleteGroup},
		{method: "POST", pattern: "/v1/contactGroups/{id}/members:modify", name: groups + "ModifyContactGroupMembers", scopes: write, mutate: true, body: true, cost: oneWrite, handle: (*call).modifyMembers},
	}
}

// api answers the People API.
func (s *Sandbox) api(w http.ResponseWriter, r *http.Request) {
	for _, rt := range s.routes {
		id, ok := rt.match(r.Method, r.URL.Path)
		if !ok {
			continue
		}
		answer, e := s.run(rt, id, r)
		if e != nil {
			writeError(w, e)
			return
		}
		writeAnswer(w, answer)
		return
	}
	writeError(w, &apiError{http: 404, status: "NOT_FOUND", message: "Method not found."})
}

func (s *Sandbox) run(rt route, id string, r *http.Request) (any, *apiError) {
	a, e := s.admit(rt, r)
	if e != nil {
		return nil, e
	}
	if rt.mutate {
		// The user's turn begins before the body is read: a request whose body is still on its way is in flight.
		defer func() {
			s.mu.Lock()
			a.busy = false
			s.mu.Unlock()
		}()
	}
	c := &call{s: s, r: r, a: a, id: id}
	if c.query, e = checkParams(rt, r.URL.RawQuery); e != nil {
		return nil, e
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, invalid("The request body could not be read.")
	case len(body) > maxBody:
		return nil, invalid("Request payload size exceeds the limit.")
	case !rt.body && len(body) > 0:
		return nil, badPayload("Unexpected request body.")
	case rt.body && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return nil, badPayload("Content-Type must be application/json.")
	}
	c.body = body
	s.mu.Lock()
	defer s.mu.Unlock()
	a.advance(s.cfg.Clock.Now())
	answer, e := rt.handle(c)
	if e != nil {
		return nil, e
	}
	if err := s.flush(); err != nil {
		return nil, internal(err)
	}
	return answer, nil
}

// admit checks the token, its scopes, the project, the user's turn to write and the quotas, in this order.
func (s *Sandbox) admit(rt route, r *http.Request) (*account, *apiError) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, unauthenticated()
	}
	grant, ok := s.auth.Check(token)
	if !ok {
		return nil, unauthenticated()
	}
	if !slices.ContainsFunc(rt.scopes, func(sc string) bool { return slices.Contains(grant.Scopes, sc) }) {
		return nil, missingScope(rt.name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[grant.User]
	if a == nil {
		return nil, unauthenticated()
	}
	if s.disabled {
		return nil, serviceDisabled()
	}
	if rt.mutate && a.busy {
		return nil, concurrentMutation()
	}
	if e := s.charge(a, rt.cost); e != nil {
		return nil, e
	}
	a.busy = a.busy || rt.mutate
	return a, nil
}

// checkParams refuses parameters that the method does not have, and values of the wrong type.
func checkParams(rt route, raw string) (url.Values, *apiError) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badPayload("The query does not parse.")
	}
	for name, vs := range q {
		t, ok := rt.params[name]
		if !ok {
			t, ok = systemParams[name]
		}
		if !ok {
			return nil, badPayload("Unknown name %q: Cannot bind query parameter. Field '%s' could not be found in request message.", name, name)
		}
		if len(vs) > 1 && t != paramList {
			return nil, badPayload("Proto field is not repeating, cannot start list: %q.", name)
		}
		for _, v := range vs {
			if t == paramBool && v != "true" && v != "false" {
				return nil, wrongType("'"+name+"'", "TYPE_BOOL")
			}
			if _, err := strconv.ParseInt(v, 10, 32); t == paramInt && err != nil {
				return nil, wrongType("'"+name+"'", "TYPE_INT32")
			}
		}
	}
	if alt := q.Get("alt"); alt != "" && alt != "json" {
		return nil, invalid("This sandbox answers only alt=json.")
	}
	return q, nil
}
