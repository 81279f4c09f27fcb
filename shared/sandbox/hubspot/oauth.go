package hubspot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

const (
	authorizePath = "/oauth/authorize"
	innerToken    = "/oauth/v3/token" // of the common server; all versions of the path lead there
	accessPrefix  = "CLi"
	codeLife      = 5 * time.Minute
	accessLife    = 30 * time.Minute
)

// install is a user's authorisation of the app. It is known by one refresh token, which every consent of the same user shares.
type install struct {
	User  string `json:"user"`
	Inner string `json:"inner"` // the common server's refresh token
}

// newAuth is the common authorisation server. It speaks RFC 6749 with one list of scopes; what HubSpot does otherwise is done around
// it. It is never called by something that it calls, so that it may be used under the sandbox's lock.
func (s *Sandbox) newAuth() (*sandbox.AuthServer, error) {
	return sandbox.NewAuthServer(sandbox.AuthConfig{
		Name: "hubspot", System: "HubSpot (sandbox)", Clock: s.cfg.Clock, Rand: s.random, Keep: s.cfg.Keep,
		Clients: []sandbox.Client{s.cfg.Client}, RedirectURIs: s.cfg.RedirectURIs,
		AuthorizePath: authorizePath, TokenPath: innerToken, CodeLife: codeLife, AccessLife: accessLife,
		Users: s.activeUsers,
		Hooks: sandbox.AuthHooks{
			Spell: func(k sandbox.TokenKind, random string) string {
				if k == sandbox.KindAccess {
					return accessPrefix + random
				}
				return random
			},
			WriteError: s.writeTokenError,
		},
	})
}

// activeUsers are the users of the consent page.
func (s *Sandbox) activeUsers() []sandbox.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.userList(func(m *member) bool { return !m.Off })
}

// tokenVersion is the version of a token path and what is done there: token, introspect or revoke.
func tokenVersion(path string) (version, verb string) {
	parts := strings.Split(strings.TrimPrefix(path, "/oauth/"), "/")
	if len(parts) < 2 || len(parts) > 3 || parts[1] != "token" || !slices.Contains([]string{"v1", "v3", "2026-03", "2026-09"}, parts[0]) {
		return "", ""
	}
	if len(parts) == 2 {
		return parts[0], "token"
	}
	if parts[0] == "v1" || parts[2] != "introspect" && parts[2] != "revoke" {
		return "", ""
	}
	return parts[0], parts[2]
}

func (s *Sandbox) oauth(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == authorizePath {
		s.authorize(w, r)
		return
	}
	switch version, verb := tokenVersion(r.URL.Path); verb {
	case "token":
		s.token(w, r, version)
	case "introspect":
		s.introspect(w, r)
	case "revoke":
		s.revoke(w, r)
	default:
		s.fail(w, noRoute())
	}
}

// asked are the scopes of an authorize request. The form of the consent page comes back with both lists in scope.
func asked(q url.Values) (required, optional []string) {
	optional = strings.Fields(q.Get("optional_scope"))
	for _, sc := range strings.Fields(q.Get("scope")) {
		if !slices.Contains(optional, sc) {
			required = append(required, sc)
		}
	}
	return required, optional
}

// authorize hands the request on with both lists of scopes as one. Who consents grants the required ones as a whole.
func (s *Sandbox) authorize(w http.ResponseWriter, r *http.Request) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		http.Error(w, "The query does not parse.", http.StatusBadRequest)
		return
	}
	known := []string{"client_id", "redirect_uri", "scope", "optional_scope", "state", "code_challenge", "code_challenge_method"}
	if r.Method == http.MethodPost {
		known = append(known, "response_type") // the consent page sends its form to the query that it was made for
	}
	for k, v := range q {
		if !slices.Contains(known, k) || len(v) != 1 {
			http.Error(w, "The parameter "+k+" is not known, or given twice.", http.StatusBadRequest)
			return
		}
	}
	required, optional := asked(q)
	for _, sc := range slices.Concat(required, optional) {
		if !slices.Contains(s.cfg.Scopes, sc) {
			http.Error(w, "Authorization failed because there is a scope mismatch: "+sc+" is not among the scopes that the app declared.", http.StatusBadRequest)
			return
		}
	}
	q.Set("response_type", "code")
	q.Set("scope", strings.Join(slices.Concat(required, optional), " "))
	body := io.Reader(r.Body)
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			http.Error(w, "The form does not parse.", http.StatusBadRequest)
			return
		}
		granted, refused := s.granted(r.PostForm, required, optional)
		if refused != "" && r.PostForm.Get("decision") == "allow" {
			http.Error(w, "The app cannot be installed: this account cannot grant the required scope "+refused+".", http.StatusForbidden)
			return
		}
		body = strings.NewReader(url.Values{"user": r.PostForm["user"], "decision": r.PostForm["decision"], "scope": granted}.Encode())
	}
	inner, err := http.NewRequestWithContext(r.Context(), r.Method, authorizePath, body)
	if err != nil {
		http.Error(w, "The request does not parse.", http.StatusBadRequest)
		return
	}
	inner.Header, inner.Host, inner.RemoteAddr, inner.TLS = r.Header.Clone(), r.Host, r.RemoteAddr, r.TLS
	inner.Header.Del("Content-Length")
	if r.Method == http.MethodPost {
		inner.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	inner.URL.RawQuery = q.Encode()
	s.auth.ServeHTTP(w, inner)
}

// granted are the scopes that an installation gets: the required ones, and of the optional ones those that are ticked (all, if the
// form does not say) and that the account can grant. refused is a required scope that it cannot.
func (s *Sandbox) granted(form url.Values, required, optional []string) (granted []string, refused string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.userByEmail(form.Get("user"))
	if m == nil {
		return required, ""
	}
	for _, sc := range required {
		if !m.grantable(sc) {
			return nil, sc
		}
	}
	granted = slices.Clone(required)
	for _, sc := range optional {
		if m.grantable(sc) && (!form.Has("scope") || slices.Contains(form["scope"], sc)) {
			granted = append(granted, sc)
		}
	}
	return granted, ""
}

// form reads a form with none but the allowed members, each once.
func (s *Sandbox) form(w http.ResponseWriter, r *http.Request, members ...string) (url.Values, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	good := err == nil && r.Method == http.MethodPost && kind == "application/x-www-form-urlencoded" && r.URL.RawQuery == ""
	if good {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		good = r.ParseForm() == nil
	}
	for k, v := range r.PostForm {
		good = good && slices.Contains(members, k) && len(v) == 1
	}
	if !good {
		s.writeTokenError(w, r, &sandbox.AuthError{Cause: sandbox.CauseRequest})
	}
	return r.PostForm, good
}

// inner hands a form to the common server and returns its answer.
func (s *Sandbox) inner(r *http.Request, form url.Values) (*memo, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, innerToken, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("hubspot sandbox: %w", err)
	}
	req.Header = r.Header.Clone() // a Basic header is refused there
	req.Header.Del("Content-Length")
	m := &memo{header: http.Header{}}
	s.auth.ServeHTTP(m, req)
	return m, nil
}

// token exchanges codes and refreshes.
func (s *Sandbox) token(w http.ResponseWriter, r *http.Request, version string) {
	form, ok := s.form(w, r, "grant_type", "client_id", "client_secret", "code", "redirect_uri", "refresh_token", "code_verifier")
	if !ok {
		return
	}
	outer := form.Get("refresh_token")
	if form.Get("grant_type") == "refresh_token" && outer != "" {
		form.Set("refresh_token", s.innerOf(outer))
	}
	m, err := s.inner(r, form)
	if err != nil {
		s.fail(w, err)
		return
	}
	var got struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if m.status != http.StatusOK || json.Unmarshal(m.body.Bytes(), &got) != nil {
		m.send(w)
		return
	}
	g, _ := s.auth.Check(got.Access)
	if outer, err = s.installed(g.User, outer, got.Refresh); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, s.tokenAnswer(version, got.Access, outer, g))
}

func (s *Sandbox) tokenAnswer(version, access, refresh string, g sandbox.Grant) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(access)
	out := object{"token_type": "bearer", "access_token": access, "refresh_token": refresh, "expires_in": int(accessLife.Seconds())}
	if version == "v1" {
		return out
	}
	m := s.userByEmail(g.User)
	out["hub_id"], out["scopes"] = m.p.ID, g.Scopes
	if !s.cfg.Quirks.PlainToken {
		out["token_use"], out["user_id"] = "access_token", m.UserID
	}
	return out
}

// innerOf is the common server's refresh token for one of ours; one that it does not know either if there is none.
func (s *Sandbox) innerOf(outer string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.installs[outer]
	if in == nil {
		return "-"
	}
	if m := s.userByEmail(in.User); m == nil || m.Off {
		return "-"
	}
	return in.Inner
}

// installed notes an authorisation and returns its refresh token: the one that the user has already, after a consent too.
func (s *Sandbox) installed(user, outer, inner string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if outer == "" {
		for token, in := range s.installs {
			if in.User == user {
				outer = token
			}
		}
	}
	in := s.installs[outer]
	switch {
	case in == nil:
		in = &install{User: user}
		outer = "na1-" + sandbox.HexText(s.random, 2) + "-" + sandbox.HexText(s.random, 2) + "-" + sandbox.HexText(s.random, 12)
	case inner == "" && s.cfg.Quirks.RotateRefresh:
		delete(s.installs, outer)
		s.draft.Drop("install/" + outer)
		outer = "na1-" + sandbox.HexText(s.random, 2) + "-" + sandbox.HexText(s.random, 2) + "-" + sandbox.HexText(s.random, 12)
	}
	if inner != "" {
		in.Inner = inner
	}
	s.installs[outer] = in
	s.draft.PutJSON("install/"+outer, in)
	return outer, s.save()
}

// forget ends a user's authorisation; access tokens live on if they are kept. It needs the lock.
func (s *Sandbox) forget(user string, access bool) error {
	for token, in := range s.installs {
		if in.User == user {
			delete(s.installs, token)
			s.draft.Drop("install/" + token)
		}
	}
	if !access {
		return nil
	}
	return s.auth.RevokeUser(user)
}

// tokenError is HubSpot's wording of what is wrong with a request for a token.
type tokenError struct{ code, status, text string }

var tokenErrors = map[sandbox.AuthCause]tokenError{
	sandbox.CauseRequest:  {"invalid_request", "BAD_REQUEST", "the request is malformed, or has unknown members"},
	sandbox.CauseMethod:   {"invalid_request", "BAD_REQUEST", "the request must be a POST"},
	sandbox.CauseClient:   {"invalid_client", "BAD_CLIENT_ID", "missing or unknown client id"},
	sandbox.CauseSecret:   {"invalid_client", "BAD_CLIENT_SECRET", "the client secret is wrong"},
	sandbox.CauseRedirect: {"invalid_grant", "BAD_REDIRECT_URI", "missing or invalid redirect uri"},
	sandbox.CauseCode:     {"invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code"},
	sandbox.CauseVerifier: {"invalid_grant", "BAD_CODE_VERIFIER", "missing or wrong code verifier"},
	sandbox.CauseRefresh:  {"invalid_grant", "BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked"},
	sandbox.CauseGrant:    {"unsupported_grant_type", "BAD_GRANT_TYPE", "missing or unknown grant type"},
}

// writeTokenError answers 400 to all.
func (s *Sandbox) writeTokenError(w http.ResponseWriter, _ *http.Request, e *sandbox.AuthError) {
	x, known := tokenErrors[e.Cause]
	if !known {
		x = tokenErrors[sandbox.CauseRequest]
	}
	answer(w, http.StatusBadRequest, object{"error": x.code, "error_description": x.text, "status": x.status, "message": x.text})
}

// memo holds an answer back.
type memo struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (m *memo) Header() http.Header { return m.header }

func (m *memo) WriteHeader(status int) {
	if m.status == 0 {
		m.status = status
	}
}

func (m *memo) Write(b []byte) (int, error) {
	m.WriteHeader(http.StatusOK)
	return m.body.Write(b)
}

func (m *memo) send(w http.ResponseWriter) {
	for k, v := range m.header {
		w.Header()[k] = v
	}
	w.WriteHeader(m.status)
	_, _ = w.Write(m.body.Bytes()) // a caller that went away needs no answer
}
