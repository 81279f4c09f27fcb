package dynamics

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

const (
	authorizePath = "/oauth2/v2.0/authorize"
	tokenPath     = "/oauth2/v2.0/token"

	accessLife  = 3599 * time.Second
	refreshLife = 90 * 24 * time.Hour

	// impersonation is the one delegated permission of Dataverse.
	impersonation = "/user_impersonation"
)

// openScopes are those of OpenID Connect.
func openScopes() []string { return []string{"openid", "profile", "email", "offline_access"} }

// ImpersonationScope is the scope that a token for an organisation needs.
func ImpersonationScope(host string) string { return "https://" + host + impersonation }

// scopeHost is the organisation that a scope names, in the canonical spelling.
func scopeHost(scope string) (string, bool) {
	rest, ok := strings.CutPrefix(scope, "https://")
	if !ok {
		return "", false
	}
	host, ok := strings.CutSuffix(rest, impersonation)
	if !ok || host != strings.ToLower(host) {
		return "", false
	}
	return canonicalHost(host)
}

func knownScope(scope string) bool {
	_, ok := scopeHost(scope)
	return ok || slices.Contains(openScopes(), scope)
}

// grantHost is the organisation that a grant is for.
func grantHost(g sandbox.Grant) string {
	for _, sc := range g.Scopes {
		if host, ok := scopeHost(sc); ok {
			return host
		}
	}
	return ""
}

func (s *Sandbox) newAuth() error {
	var err error
	s.auth, err = sandbox.NewAuthServer(sandbox.AuthConfig{
		Name: "dynamics", System: "Microsoft Dynamics 365 (sandbox)", Clock: s.cfg.Clock, Rand: s.cfg.Rand, Keep: s.cfg.Keep,
		Clients: []sandbox.Client{s.cfg.Client}, RedirectURIs: s.cfg.RedirectURIs,
		AuthorizePath: authorizePath, TokenPath: tokenPath, AccessLife: accessLife, Users: s.Users,
		Hooks: sandbox.AuthHooks{
			Authorize:    s.checkAuthorize,
			Scope:        knownScope,
			IssueRefresh: func(g sandbox.Grant, _ bool) bool { return slices.Contains(g.Scopes, "offline_access") },
			Token:        s.tokenHook,
			Spell: func(kind sandbox.TokenKind, random string) string {
				return map[sandbox.TokenKind]string{sandbox.KindCode: "0.AXcode.", sandbox.KindAccess: "eyJ0eXAi.", sandbox.KindRefresh: "0.AXYA."}[kind] + random
			},
			WriteError: func(w http.ResponseWriter, r *http.Request, e *sandbox.AuthError) {
				s.writeTokenError(w, s.numbered(r, e))
			},
		},
	})
	return err
}

// checkAuthorize refuses values that Microsoft's page does not know, and what this one cannot do. One request is for one resource.
func (s *Sandbox) checkAuthorize(r *http.Request) *sandbox.AuthError {
	q := r.URL.Query()
	bad := func(name string) *sandbox.AuthError {
		e := refusal(900144).auth()
		e.Description += " The value of '" + name + "' is not supported."
		return e
	}
	if m := q.Get("response_mode"); m != "" && m != "query" {
		return bad("response_mode")
	}
	for _, p := range strings.Fields(q.Get("prompt")) {
		switch p {
		case "none":
			return refusal(16000).auth()
		case "login", "consent", "select_account":
		default:
			return bad("prompt")
		}
	}
	host := ""
	for _, sc := range strings.Fields(q.Get("scope")) {
		h, ok := scopeHost(sc)
		switch {
		case !ok:
		case host != "" && h != host:
			return refusal(70011).auth()
		default:
			host = h
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if host != "" && s.orgs[host] == nil {
		return refusal(500011).auth()
	}
	return nil
}

// numbered is the refusal for what the authorisation server, or a hook, found wrong.
func (s *Sandbox) numbered(r *http.Request, e *sandbox.AuthError) *aadsts {
	if e.Cause == sandbox.CauseSecret {
		s.mu.Lock()
		expired := s.quirks.SecretExpired
		s.mu.Unlock()
		switch {
		case expired:
			return refusal(7000222)
		case r.PostForm.Get("client_secret") == "":
			return refusal(7000218)
		}
	}
	if n := cause(e.Cause); n != 0 {
		return refusal(n)
	}
	found, _ := findRefusal(func(a aadsts) bool { return a.text() == e.Description })
	return &found
}

// authorize shows the sign-in page and takes its answer.
func (s *Sandbox) authorize(w http.ResponseWriter, r *http.Request, tenant string) {
	q := r.URL.Query()
	ours := q.Get("client_id") == s.cfg.Client.ID && slices.Contains(s.cfg.RedirectURIs, q.Get("redirect_uri"))
	if r.Method == http.MethodPost && ours && sandbox.SameOrigin(r) && r.ParseForm() == nil {
		if e := s.signIn(r, tenant); e != nil {
			s.back(w, r, url.Values{"error": {e.code}, "error_description": {e.text()}})
			return
		}
	}
	s.auth.ServeHTTP(w, at(r, authorizePath))
}

// at is r for the path that the authorisation server knows.
func at(r *http.Request, path string) *http.Request {
	c := r.Clone(r.Context())
	c.URL.Path, c.URL.RawPath = path, ""
	c.Form, c.PostForm = r.Form, r.PostForm
	return c
}

// signIn checks what the person did on the page, where Microsoft says more than the authorisation server does.
func (s *Sandbox) signIn(r *http.Request, name string) *aadsts {
	if r.PostForm.Get("decision") != "allow" {
		return refusal(65004)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.users[r.PostForm.Get("user")]
	if m == nil {
		return refusal(50034)
	}
	if !admits(name, m) {
		return refusal(50020)
	}
	if t := s.tenants[m.tid]; t != nil && t.AdminConsent && !m.Admin {
		return refusal(90094)
	}
	return nil
}

// back redirects to the application with its state.
func (s *Sandbox) back(w http.ResponseWriter, r *http.Request, params url.Values) {
	q := r.URL.Query()
	u, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "The redirect URI does not parse.", http.StatusBadRequest)
		return
	}
	all := u.Query()
	for k, v := range params {
		all[k] = v
	}
	if q.Has("state") {
		all.Set("state", q.Get("state"))
	}
	u.RawQuery = all.Encode()
	http.Redirect(w, r, u.String(), http.StatusFound)
}

// tokenHook refuses what Microsoft refuses, and adds the ID token. It is called with the authorisation server's lock held.
func (s *Sandbox) tokenHook(r *http.Request, g sandbox.Grant, refresh bool) (map[string]any, *sandbox.AuthError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.users[g.User]
	switch {
	case m == nil:
		return nil, refusal(50034).auth()
	case s.quirks.SecretExpired:
		return nil, refusal(7000222).auth()
	case refresh && m.tokenError != 0:
		return nil, refusal(m.tokenError).auth()
	case refresh && s.cfg.Clock.Now().Sub(g.At) >= refreshLife:
		return nil, refusal(700082).auth()
	case !admits(r.Header.Get(tenantHeader), m):
		return nil, refusal(70000).auth()
	}
	for _, sc := range strings.Fields(r.PostForm.Get("scope")) {
		if !slices.Contains(g.Scopes, sc) {
			return nil, refusal(65001).auth()
		}
	}
	shown := slices.DeleteFunc(slices.Clone(g.Scopes), func(sc string) bool { return sc == "offline_access" })
	extra := map[string]any{"scope": strings.Join(shown, " "), "ext_expires_in": int(accessLife.Seconds())}
	if slices.Contains(g.Scopes, "openid") {
		token, err := s.idToken(m, g, s.origin(r), refresh)
		if err != nil {
			return nil, &sandbox.AuthError{Cause: sandbox.CauseVendor, Code: "server_error", Description: "the ID token cannot be signed", Status: http.StatusInternalServerError}
		}
		extra["id_token"] = token
	}
	return extra, nil
}

// tenantHeader carries the tenant of a token request's path to tokenHook.
const tenantHeader = "X-Sandbox-Tenant"

// token answers the token path. Every refresh answers with a new refresh token, and the old one goes on working.
func (s *Sandbox) token(w http.ResponseWriter, r *http.Request, tenant string) {
	inner := at(r, tokenPath)
	inner.Header.Set(tenantHeader, tenant)
	if r.Method != http.MethodPost || inner.ParseForm() != nil || inner.PostForm.Get("grant_type") != "refresh_token" {
		s.auth.ServeHTTP(w, inner)
		return
	}
	rec := &recorder{header: http.Header{}}
	s.auth.ServeHTTP(rec, inner)
	var answer map[string]any
	if rec.status == http.StatusOK && json.Unmarshal(rec.body, &answer) == nil {
		name, _ := answer["access_token"].(string)
		if g, ok := s.auth.Check(name); ok {
			access, refresh, err := s.auth.Issue(g.User, g.Client, g.Scopes...)
			if err != nil {
				s.writeTokenError(w, refusal(90033))
				return
			}
			answer["access_token"], answer["refresh_token"] = access, refresh
		}
		w.Header().Set("Cache-Control", "no-store")
		sandbox.WriteJSON(w, http.StatusOK, answer)
		return
	}
	w.Header().Set("Content-Type", rec.header.Get("Content-Type"))
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body)
}
