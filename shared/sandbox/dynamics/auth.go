package dynamics

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/entra"
)

// impersonation is the one delegated permission of Dataverse.
const impersonation = "/user_impersonation"

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
	return ok || slices.Contains(entra.OpenScopes(), scope)
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
		AuthorizePath: entra.AuthorizePath, TokenPath: entra.TokenPath, AccessLife: entra.AccessLife, Users: s.Users,
		Hooks: sandbox.AuthHooks{
			Authorize:    s.checkAuthorize,
			Scope:        knownScope,
			IssueRefresh: entra.Offline,
			Token:        s.tokenHook,
			Spell:        entra.Spell,
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
	if e := entra.CheckPage(q); e != nil {
		return e
	}
	host := ""
	for _, sc := range strings.Fields(q.Get("scope")) {
		h, ok := scopeHost(sc)
		switch {
		case !ok:
		case host != "" && h != host:
			return entra.Refuse(70011).Auth()
		default:
			host = h
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if host != "" && s.orgs[host] == nil {
		return entra.Refuse(500011).Auth()
	}
	return nil
}

// numbered is the refusal for what the authorisation server, or a hook, found wrong.
func (s *Sandbox) numbered(r *http.Request, e *sandbox.AuthError) *entra.Refusal {
	s.mu.Lock()
	expired := s.quirks.SecretExpired
	s.mu.Unlock()
	return entra.Numbered(r, e, expired)
}

// writeTokenError answers a token request.
func (s *Sandbox) writeTokenError(w http.ResponseWriter, e *entra.Refusal) {
	e.Write(w, s.cfg.Clock.Now(), s.requestID)
}

// authorize shows the sign-in page and takes its answer.
func (s *Sandbox) authorize(w http.ResponseWriter, r *http.Request, tenant string) {
	q := r.URL.Query()
	ours := q.Get("client_id") == s.cfg.Client.ID && slices.Contains(s.cfg.RedirectURIs, q.Get("redirect_uri"))
	if r.Method == http.MethodPost && ours && sandbox.SameOrigin(r) && r.ParseForm() == nil {
		if e := s.signIn(r, tenant); e != nil {
			entra.Back(w, r, url.Values{"error": {e.Code}, "error_description": {e.Text()}})
			return
		}
	}
	s.auth.ServeHTTP(w, entra.At(r, entra.AuthorizePath))
}

// signIn checks what the person did on the page, where Microsoft says more than the authorisation server does.
func (s *Sandbox) signIn(r *http.Request, name string) *entra.Refusal {
	if r.PostForm.Get("decision") != "allow" {
		return entra.Refuse(65004)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.users[r.PostForm.Get("user")]
	if m == nil {
		return entra.Refuse(50034)
	}
	if !admits(name, m) {
		return entra.Refuse(50020)
	}
	if t := s.tenants[m.tid]; t != nil && t.AdminConsent && !m.Admin {
		return entra.Refuse(90094)
	}
	return nil
}

// tokenHook refuses what Microsoft refuses, and adds the ID token. It is called with the authorisation server's lock held.
func (s *Sandbox) tokenHook(r *http.Request, g sandbox.Grant, refresh bool) (map[string]any, *sandbox.AuthError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.users[g.User]
	switch {
	case m == nil:
		return nil, entra.Refuse(50034).Auth()
	case s.quirks.SecretExpired:
		return nil, entra.Refuse(7000222).Auth()
	case refresh && m.tokenError != 0:
		return nil, entra.Refuse(m.tokenError).Auth()
	case refresh && s.cfg.Clock.Now().Sub(g.At) >= entra.RefreshLife:
		return nil, entra.Refuse(700082).Auth()
	case !admits(r.Header.Get(tenantHeader), m):
		return nil, entra.Refuse(70000).Auth()
	}
	for _, sc := range strings.Fields(r.PostForm.Get("scope")) {
		if !slices.Contains(g.Scopes, sc) {
			return nil, entra.Refuse(65001).Auth()
		}
	}
	shown := slices.DeleteFunc(slices.Clone(g.Scopes), func(sc string) bool { return sc == "offline_access" })
	extra := map[string]any{"scope": strings.Join(shown, " "), "ext_expires_in": int(entra.AccessLife.Seconds())}
	if slices.Contains(g.Scopes, "openid") {
		token, err := s.signing.Sign(entra.Claims(entra.Person{Tenant: m.tid, Object: m.oid, Name: m.Name, Email: m.Email}, g, s.origin(r), s.cfg.Clock.Now(), refresh))
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
	inner := entra.At(r, entra.TokenPath)
	inner.Header.Set(tenantHeader, tenant)
	if r.Method != http.MethodPost || inner.ParseForm() != nil || inner.PostForm.Get("grant_type") != "refresh_token" {
		s.auth.ServeHTTP(w, inner)
		return
	}
	if entra.Rotate(w, inner, s.auth) != nil {
		s.writeTokenError(w, entra.Refuse(90033))
	}
}
