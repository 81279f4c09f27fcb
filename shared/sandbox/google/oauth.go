package google

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

const (
	authorizePath = "/o/oauth2/v2/auth"
	tokenPath     = "/token"
	revokePath    = "/revoke"

	accessLife = 3599 * time.Second
)

// longScopes are the names under which Google grants the short OpenID scopes.
var longScopes = map[string]string{"email": scopeEmail, "profile": scopeProfile}

var knownScopes = []string{
	"openid", "email", "profile", scopeEmail, scopeProfile, scopeContacts, scopeReadonly, scopeOther,
	"https://www.googleapis.com/auth/directory.readonly", "https://www.googleapis.com/auth/calendar.events",
	"https://www.googleapis.com/auth/calendar.events.owned", "https://www.googleapis.com/auth/calendar.app.created",
	"https://www.googleapis.com/auth/calendar.calendarlist.readonly", "https://www.googleapis.com/auth/tasks",
	"https://www.googleapis.com/auth/tasks.readonly",
}

func (s *Sandbox) newAuth() error {
	var err error
	s.auth, err = sandbox.NewAuthServer(sandbox.AuthConfig{
		Name: "google", System: "Google Contacts (sandbox)", Clock: s.cfg.Clock, Rand: s.cfg.Rand, Keep: s.cfg.Keep,
		Clients: []sandbox.Client{s.cfg.Client}, RedirectURIs: s.cfg.RedirectURIs,
		AuthorizePath: authorizePath, TokenPath: tokenPath, RevokePath: revokePath,
		AccessLife: accessLife, MaxRefresh: 100, Users: s.Users,
		Hooks: sandbox.AuthHooks{
			Authorize:    checkAuthorize,
			Scope:        func(scope string) bool { return slices.Contains(knownScopes, scope) },
			Granted:      granted,
			IssueRefresh: issueRefresh,
			Token:        s.tokenExtra,
			Redirect:     func(r *http.Request, _ sandbox.User) url.Values { return url.Values{"authuser": {"0"}} },
			Spell: func(kind sandbox.TokenKind, random string) string {
				return map[sandbox.TokenKind]string{sandbox.KindCode: "4/0", sandbox.KindAccess: "ya29.", sandbox.KindRefresh: "1//0"}[kind] + random
			},
		},
	})
	return err
}

// checkAuthorize refuses values that Google's page does not know.
func checkAuthorize(r *http.Request) *sandbox.AuthError {
	allowed := map[string][]string{
		"access_type":            {"online", "offline"},
		"include_granted_scopes": {"true", "false"},
	}
	q := r.URL.Query()
	bad := func(name string) *sandbox.AuthError {
		return &sandbox.AuthError{Cause: sandbox.CauseRequest, Code: "invalid_request", Description: "Invalid parameter value for " + name, Status: http.StatusBadRequest}
	}
	for name, vs := range allowed {
		if q.Has(name) && !slices.Contains(vs, q.Get(name)) {
			return bad(name)
		}
	}
	for _, p := range strings.Fields(q.Get("prompt")) {
		if p != "none" && p != "consent" && p != "select_account" {
			return bad("prompt")
		}
	}
	return nil
}

// granted spells the scopes out, and adds earlier ones for incremental authorisation.
func granted(g sandbox.Grant, earlier []string) []string {
	var out []string
	add := func(scope string) {
		if long, ok := longScopes[scope]; ok {
			scope = long
		}
		if !slices.Contains(out, scope) {
			out = append(out, scope)
		}
	}
	for _, scope := range g.Scopes {
		add(scope)
	}
	if g.Query.Get("include_granted_scopes") == "true" {
		for _, scope := range earlier {
			add(scope)
		}
	}
	return out
}

// issueRefresh: offline access only, and only at the first consent unless consent is forced.
func issueRefresh(g sandbox.Grant, again bool) bool {
	return g.Query.Get("access_type") == "offline" && (!again || slices.Contains(strings.Fields(g.Query.Get("prompt")), "consent"))
}

// tokenExtra adds the ID token where openid was granted.
func (s *Sandbox) tokenExtra(r *http.Request, g sandbox.Grant, refresh bool) (map[string]any, *sandbox.AuthError) {
	if !slices.Contains(g.Scopes, "openid") {
		return nil, nil
	}
	broken := func(err error) *sandbox.AuthError {
		return &sandbox.AuthError{Cause: sandbox.CauseVendor, Code: "server_error", Description: err.Error(), Status: http.StatusInternalServerError}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[g.User]
	if a == nil {
		return nil, broken(errors.New("no ID token without an account"))
	}
	now := s.cfg.Clock.Now()
	claims := s.claims(a, g)
	claims["iss"], claims["aud"], claims["azp"] = s.origin(r), g.Client, g.Client
	claims["iat"], claims["exp"] = now.Unix(), now.Add(time.Hour).Unix()
	if nonce := g.Query.Get("nonce"); nonce != "" && !refresh {
		claims["nonce"] = nonce
	}
	token, err := s.signing.Sign(claims)
	if err != nil {
		return nil, broken(err)
	}
	return map[string]any{"id_token": token}, nil
}

// claims are what the granted scopes let an application know of the account.
func (s *Sandbox) claims(a *account, g sandbox.Grant) map[string]any {
	c := map[string]any{"sub": a.sub}
	if slices.Contains(g.Scopes, scopeEmail) {
		c["email"], c["email_verified"] = a.Email, true
	}
	if slices.Contains(g.Scopes, scopeProfile) {
		c["name"] = a.Name
	}
	return c
}

func (s *Sandbox) certs(w http.ResponseWriter, _ *http.Request) {
	keys, err := s.signing.Keys()
	if err != nil {
		writeError(w, internal(err))
		return
	}
	sandbox.WriteJSON(w, http.StatusOK, keys)
}

func (s *Sandbox) discovery(w http.ResponseWriter, r *http.Request) {
	at := s.origin(r)
	sandbox.WriteJSON(w, http.StatusOK, map[string]any{
		"issuer": at, "authorization_endpoint": at + authorizePath, "token_endpoint": at + tokenPath, "revocation_endpoint": at + revokePath,
		"userinfo_endpoint": at + "/oauth2/v3/userinfo", "jwks_uri": at + "/oauth2/v3/certs",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post"}, "code_challenge_methods_supported": []string{"S256"},
	})
}

// userinfo answers the OpenID Connect userinfo endpoint.
func (s *Sandbox) userinfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, ok := s.auth.Check(token)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_request"`)
		sandbox.WriteJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_request", "error_description": "Invalid Credentials"})
		return
	}
	if !slices.Contains(g.Scopes, "openid") && !slices.Contains(g.Scopes, scopeEmail) && !slices.Contains(g.Scopes, scopeProfile) {
		writeError(w, missingScope("UserInfo"))
		return
	}
	s.mu.Lock()
	a := s.accounts[g.User]
	var claims map[string]any
	if a != nil {
		claims = s.claims(a, g)
	}
	s.mu.Unlock()
	sandbox.WriteJSON(w, http.StatusOK, claims)
}
