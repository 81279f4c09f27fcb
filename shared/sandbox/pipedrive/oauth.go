package pipedrive

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
	tokenPath     = "/oauth/token"
	revokePath    = "/oauth/revoke"

	codeLife    = 5 * time.Minute
	accessLife  = time.Hour
	refreshLife = 60 * 24 * 3600 // seconds without use
	expiresIn   = 3599
)

// install is one use of the app by one user.
type install struct {
	User string `json:"user"`
	Used int64  `json:"used"` // when the refresh token last worked
}

// newAuth is the common authorisation server. It speaks RFC 6749 with scopes in the request and credentials in the form; what
// Pipedrive does otherwise is done around it, in oauth.
func (s *Sandbox) newAuth() (*sandbox.AuthServer, error) {
	return sandbox.NewAuthServer(sandbox.AuthConfig{
		Name: "pipedrive", System: "Pipedrive (sandbox)", Clock: s.cfg.Clock, Rand: s.random, Keep: s.cfg.Keep,
		Clients: []sandbox.Client{s.cfg.Client}, RedirectURIs: s.cfg.RedirectURIs,
		AuthorizePath: authorizePath, TokenPath: tokenPath, RevokePath: revokePath,
		ScopeSeparator: ",", CodeLife: codeLife, AccessLife: accessLife,
		Users: s.activeUsers,
		Hooks: sandbox.AuthHooks{
			Spell: func(k sandbox.TokenKind, random string) string {
				if k == sandbox.KindAccess {
					return "v1u:" + random + ":0:1"
				}
				return random
			},
			Token: func(_ *http.Request, g sandbox.Grant, _ bool) (map[string]any, *sandbox.AuthError) {
				s.mu.Lock()
				defer s.mu.Unlock()
				if m := s.userByEmail(g.User); m == nil || m.Off {
					return nil, &sandbox.AuthError{Cause: sandbox.CauseRefresh, Code: "invalid_grant", Status: http.StatusBadRequest}
				}
				return nil, nil
			},
			WriteError: s.writeTokenError,
		},
	})
}

// activeUsers are the users of the consent page.
func (s *Sandbox) activeUsers() []sandbox.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []sandbox.User
	for _, o := range s.companies {
		for _, m := range o.members {
			if !m.Off {
				out = append(out, sandbox.User{Email: m.Email, Name: m.Name})
			}
		}
	}
	return out
}

func (s *Sandbox) oauth(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case authorizePath:
		s.authorize(w, r)
	case tokenPath:
		s.token(w, r)
	case revokePath:
		s.revoke(w, r)
	default:
		fail(w, unknownMethod())
	}
}

// authorize hands the request on with the app's scopes, which Pipedrive takes from the app and not from the request. The user
// takes all of them or none.
func (s *Sandbox) authorize(w http.ResponseWriter, r *http.Request) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		http.Error(w, "The query does not parse.", http.StatusBadRequest)
		return
	}
	scope := strings.Join(s.cfg.Scopes, ",")
	if r.Method == http.MethodPost && q.Get("scope") == scope && q.Get("response_type") == "code" {
		// The consent page sends its form to the query that it was made for.
		q.Del("scope")
		q.Del("response_type")
	}
	for k, v := range q {
		if !slices.Contains([]string{"client_id", "redirect_uri", "state"}, k) || len(v) != 1 {
			http.Error(w, "The parameter "+k+" is not known, or given twice. The scopes are those of the app.", http.StatusBadRequest)
			return
		}
	}
	q.Set("response_type", "code")
	q.Set("scope", scope)
	inner, err := again(r, q, r.Body)
	if err != nil {
		http.Error(w, "The form does not parse.", http.StatusBadRequest)
		return
	}
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			http.Error(w, "The form does not parse.", http.StatusBadRequest)
			return
		}
		form := url.Values{"user": r.PostForm["user"], "decision": r.PostForm["decision"], "scope": s.cfg.Scopes}
		if inner, err = again(r, q, strings.NewReader(form.Encode())); err != nil {
			http.Error(w, "The form does not parse.", http.StatusBadRequest)
			return
		}
		inner.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	s.auth.ServeHTTP(&denial{w}, inner)
}

// again is r with another query and body.
func again(r *http.Request, q url.Values, body io.Reader) (*http.Request, error) {
	inner, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.Path, body)
	if err != nil {
		return nil, fmt.Errorf("pipedrive sandbox: %w", err)
	}
	inner.Header, inner.Host, inner.RemoteAddr, inner.TLS = r.Header.Clone(), r.Host, r.RemoteAddr, r.TLS
	inner.URL.RawQuery = q.Encode()
	return inner, nil
}

// denial words the redirect after a "no" as Pipedrive does.
type denial struct{ http.ResponseWriter }

func (d *denial) WriteHeader(status int) {
	if u, err := url.Parse(d.Header().Get("Location")); err == nil && status == http.StatusFound {
		q := u.Query()
		if q.Get("error") == "access_denied" {
			q.Set("error", "user_denied")
		}
		q.Del("error_description")
		u.RawQuery = q.Encode()
		d.Header().Set("Location", u.String())
	}
	d.ResponseWriter.WriteHeader(status)
}

// credentials reads the form of a token or revoke request, whose client is in the Basic header: credentials in the body work at
// the vendor and are discouraged, so they are refused here.
func (s *Sandbox) credentials(w http.ResponseWriter, r *http.Request, members ...string) (url.Values, bool) {
	no := func(cause sandbox.AuthCause, code string) (url.Values, bool) {
		s.writeTokenError(w, r, &sandbox.AuthError{Cause: cause, Code: code, Status: http.StatusBadRequest})
		return nil, false
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || err != nil || kind != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		return no(sandbox.CauseRequest, "invalid_request")
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return no(sandbox.CauseRequest, "invalid_request")
	}
	id, secret, ok := r.BasicAuth()
	if !ok || r.PostForm.Has("client_id") || r.PostForm.Has("client_secret") {
		return no(sandbox.CauseClient, "invalid_client")
	}
	for k, v := range r.PostForm {
		if !slices.Contains(members, k) || len(v) != 1 {
			return no(sandbox.CauseRequest, "invalid_request")
		}
	}
	form := url.Values{"client_id": {id}, "client_secret": {secret}}
	for k, v := range r.PostForm {
		form[k] = v
	}
	return form, true
}

// inner hands a form to the common server and returns its answer.
func (s *Sandbox) inner(r *http.Request, path string, form url.Values) (*memo, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("pipedrive sandbox: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	m := &memo{header: http.Header{}}
	s.auth.ServeHTTP(m, req)
	return m, nil
}

// token exchanges codes and refreshes. The refresh token does not rotate: the same one comes back, good for another 60 days.
func (s *Sandbox) token(w http.ResponseWriter, r *http.Request) {
	form, ok := s.credentials(w, r, "grant_type", "code", "redirect_uri", "refresh_token")
	if !ok {
		return
	}
	now, refresh := s.now(), form.Get("refresh_token")
	if form.Get("grant_type") == "refresh_token" {
		s.mu.Lock()
		in := s.installs[refresh]
		dead := in == nil || now-in.Used >= refreshLife
		s.mu.Unlock()
		if dead {
			form.Set("refresh_token", "-") // the common server, which checks the client first, does not know it either
		}
	}
	m, err := s.inner(r, tokenPath, form)
	if err != nil {
		failWith(w, err)
		return
	}
	var out map[string]any
	if m.status != http.StatusOK || json.Unmarshal(m.body.Bytes(), &out) != nil {
		m.send(w)
		return
	}
	if _, fresh := out["refresh_token"]; !fresh {
		out["refresh_token"] = refresh
	}
	access, _ := out["access_token"].(string)
	refresh, _ = out["refresh_token"].(string)
	out["expires_in"], out["api_domain"] = expiresIn, sandbox.Origin(r)
	if err := s.installed(access, refresh); err != nil {
		failWith(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, out)
}

// installed notes that a refresh token worked just now.
func (s *Sandbox) installed(access, refresh string) error {
	g, _ := s.auth.Check(access)
	s.mu.Lock()
	defer s.mu.Unlock()
	in := &install{User: g.User, Used: s.now()}
	s.installs[refresh] = in
	s.draft.PutJSON("install/"+refresh, in)
	return s.save()
}

// revoke ends one access token, or with a refresh token the whole installation. An unknown token is no error.
func (s *Sandbox) revoke(w http.ResponseWriter, r *http.Request) {
	form, ok := s.credentials(w, r, "token", "token_type_hint")
	if !ok {
		return
	}
	if form.Get("client_id") != s.cfg.Client.ID || form.Get("client_secret") != s.cfg.Client.Secret {
		s.writeTokenError(w, r, &sandbox.AuthError{Cause: sandbox.CauseSecret, Code: "invalid_client", Status: http.StatusBadRequest})
		return
	}
	tok := form.Get("token")
	_, access := s.auth.Check(tok)
	s.mu.Lock()
	in := s.installs[tok]
	if access {
		s.dead[tok] = s.now() + int64(accessLife.Seconds())
		s.draft.PutJSON("dead/"+tok, s.dead[tok])
	}
	err := s.save()
	s.mu.Unlock()
	if err == nil && in != nil {
		err = s.forget(in.User)
	}
	if err != nil {
		failWith(w, err)
		return
	}
	answer(w, http.StatusOK, success(nil))
}

// forget takes a user's installation of the app away: tokens, and the webhooks that the app made for the user.
func (s *Sandbox) forget(user string) error {
	if err := s.auth.RevokeUser(user); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for tok, in := range s.installs {
		if strings.EqualFold(in.User, user) {
			delete(s.installs, tok)
			s.draft.Drop("install/" + tok)
		}
	}
	if m := s.userByEmail(user); m != nil {
		for _, h := range slices.Clone(m.o.hooks) {
			if h.Maker == m.ID {
				s.removeHook(m.o, h)
			}
		}
	}
	return s.save()
}

// check is who an access token is for.
func (s *Sandbox) check(access string) (sandbox.Grant, bool) {
	g, ok := s.auth.Check(access)
	if !ok {
		return g, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, dead := s.dead[access]
	return g, !dead
}

// tokenTexts are Pipedrive's words for what is wrong.
var tokenTexts = map[sandbox.AuthCause]string{
	sandbox.CauseRequest:  "Invalid request: the request is missing a required parameter or is malformed",
	sandbox.CauseMethod:   "Invalid request: method must be POST",
	sandbox.CauseRedirect: "Invalid request: `redirect_uri` is not the registered one",
	sandbox.CauseGrant:    "Invalid request: `grant_type` is not supported",
	sandbox.CauseClient:   "Invalid client: `client_id` is invalid",
	sandbox.CauseSecret:   "Invalid client: client is invalid",
	sandbox.CauseCode:     "Invalid grant: `authorization_code` is invalid",
	sandbox.CauseRefresh:  "Invalid grant: `refresh_token` is invalid",
}

// tokenCodes are RFC 6749's codes where the common server has others.
var tokenCodes = map[sandbox.AuthCause]string{sandbox.CauseRedirect: "invalid_request", sandbox.CauseMethod: "invalid_request"}

// writeTokenError answers 400 to all. The form of the body is not documented: Quirks.OAuthEnvelope chooses.
func (s *Sandbox) writeTokenError(w http.ResponseWriter, _ *http.Request, e *sandbox.AuthError) {
	text, code := tokenTexts[e.Cause], e.Code
	if c := tokenCodes[e.Cause]; c != "" {
		code = c
	}
	if text == "" {
		text = "Invalid request"
	}
	if s.quirks().OAuthEnvelope {
		answer(w, http.StatusBadRequest, object{"success": false, "error": text})
		return
	}
	answer(w, http.StatusBadRequest, object{"error": code, "error_description": text})
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
