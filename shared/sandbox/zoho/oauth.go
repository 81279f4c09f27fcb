package zoho

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

const (
	authPath   = "/oauth/v2/auth"
	tokenPath  = "/oauth/v2/token"
	revokePath = "/oauth/v2/token/revoke"

	codeLife  = 2 * time.Minute
	tokenSpan = 10 * time.Minute // window of the limit on access tokens
)

var scopeForm = regexp.MustCompile(`^(ZohoCRM|ZohoSearch|ZohoFiles|AaaServer)(\.[A-Za-z_]+)+$`)

// authParams are the parameters that the authorisation page knows. login_hint is not in Zoho's documents, and harmless.
var authParams = []string{"scope", "client_id", "response_type", "access_type", "redirect_uri", "state", "prompt", "login_hint",
	"code_challenge", "code_challenge_method"}

// dcKey carries the data centre of a request to the hooks.
type dcKey struct{}

// oauth hands a request to the common server under the path that it knows.
func (s *Sandbox) oauth(w http.ResponseWriter, r *http.Request, dc DC, path string) {
	if !s.auth.Handles(path) {
		fail(w, badURL())
		return
	}
	inner := r.WithContext(context.WithValue(r.Context(), dcKey{}, dc.Location))
	u := *r.URL
	u.Path = path
	inner.URL = &u
	s.auth.ServeHTTP(w, inner)
}

// newAuth is the common authorisation server with Zoho's differences: scopes separated by commas, the user's data centre in the
// redirect and in the answer, errors with status 200, a refresh token only for offline access and only at the first consent
// or with prompt=consent, and the limits of section 2.2.
func (s *Sandbox) newAuth() (*sandbox.AuthServer, error) {
	refreshes := limit(s.cfg.Limits.RefreshTokens, 20)
	if refreshes == unlimited {
		refreshes = 0
	}
	return sandbox.NewAuthServer(sandbox.AuthConfig{
		Name: "zoho", System: "Zoho CRM (sandbox)", Clock: s.cfg.Clock, Rand: s.random, Keep: s.cfg.Keep,
		Clients: []sandbox.Client{s.cfg.Client}, RedirectURIs: s.cfg.RedirectURIs,
		AuthorizePath: authPath, TokenPath: tokenPath, RevokePath: revokePath,
		ScopeSeparator: ",", CodeLife: codeLife, MaxRefresh: refreshes, ParamsInQuery: true,
		Users: s.activeUsers,
		Hooks: sandbox.AuthHooks{
			Authorize:    checkAuthorize,
			Scope:        scopeForm.MatchString,
			Redirect:     s.redirectMembers,
			IssueRefresh: issueRefresh,
			Token:        s.tokenMembers,
			Spell:        func(_ sandbox.TokenKind, random string) string { return "1000." + random[:20] + "." + random[20:] },
			WriteError:   writeTokenError,
		},
	})
}

func checkAuthorize(r *http.Request) *sandbox.AuthError {
	q := r.URL.Query()
	bad := func(what string) *sandbox.AuthError {
		return &sandbox.AuthError{Cause: sandbox.CauseRequest, Code: "invalid_request", Description: what, Status: http.StatusBadRequest}
	}
	for k, v := range q {
		if !slices.Contains(authParams, k) || len(v) != 1 {
			return bad("the parameter " + k + " is not known, or given twice")
		}
	}
	if q.Has("access_type") && q.Get("access_type") != "offline" && q.Get("access_type") != "online" {
		return bad("access_type must be offline or online")
	}
	if q.Has("prompt") && q.Get("prompt") != "consent" {
		return bad("prompt must be consent")
	}
	return nil
}

func issueRefresh(g sandbox.Grant, again bool) bool {
	return g.Query.Get("access_type") == "offline" && (!again || g.Query.Get("prompt") == "consent")
}

// redirectMembers tells the client where the user's organisation lives.
func (s *Sandbox) redirectMembers(r *http.Request, u sandbox.User) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.userByEmail(u.Email)
	if m == nil {
		return nil
	}
	accounts, _ := s.origins(r, m.org.DC)
	return url.Values{"location": {m.org.DC}, "accounts-server": {accounts}}
}

// tokenMembers refuses codes and refresh tokens of another data centre, and more access tokens than the limit allows; it adds what
// Zoho's answer has besides RFC 6749.
func (s *Sandbox) tokenMembers(r *http.Request, g sandbox.Grant, refresh bool) (map[string]any, *sandbox.AuthError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.userByEmail(g.User)
	if m == nil || m.Status != "active" || m.org.DC != r.Context().Value(dcKey{}) {
		return nil, &sandbox.AuthError{Cause: sandbox.CauseCode, Code: "invalid_code", Status: http.StatusOK}
	}
	if refresh && !s.window(g) {
		return nil, &sandbox.AuthError{Cause: sandbox.CauseVendor, Code: "Access Denied", Status: http.StatusOK,
			Description: "You have made too many requests continuously. Please try again after some time."}
	}
	_, api := s.origins(r, m.org.DC)
	return map[string]any{"api_domain": api, "scope": strings.Join(g.Scopes, " ")}, nil
}

// window counts one more access token of a refresh token; false means that its ten minutes are used up. The token that came with
// the code counts while the consent is that young.
func (s *Sandbox) window(g sandbox.Grant) bool {
	now := s.cfg.Clock.Now()
	issued := slices.DeleteFunc(s.issued[g.Refresh], func(t time.Time) bool { return now.Sub(t) >= tokenSpan })
	n := len(issued)
	if now.Sub(g.At) < tokenSpan {
		n++
	}
	if n >= limit(s.cfg.Limits.AccessTokens, 10) {
		s.issued[g.Refresh] = issued
		return false
	}
	s.issued[g.Refresh] = append(issued, now)
	s.draft.PutJSON("window/"+g.Refresh, s.issued[g.Refresh])
	return s.save() == nil
}

// tokenErrors are Zoho's words for what is wrong.
var tokenErrors = map[sandbox.AuthCause]string{
	sandbox.CauseRequest: "invalid_request", sandbox.CauseMethod: "invalid_request", sandbox.CauseClient: "invalid_client",
	sandbox.CauseSecret: "invalid_client_secret", sandbox.CauseRedirect: "invalid_redirect_uri", sandbox.CauseCode: "invalid_code",
	sandbox.CauseVerifier: "invalid_code", sandbox.CauseRefresh: "invalid_code", sandbox.CauseGrant: "unsupported_grant_type",
	sandbox.CauseScope: "invalid_scope", sandbox.CauseRevoke: "invalid_token",
}

// writeTokenError answers as Zoho's token endpoint does: the error is a JSON member, and the status is 200.
func writeTokenError(w http.ResponseWriter, _ *http.Request, e *sandbox.AuthError) {
	body := object{"error": e.Code}
	if word, ok := tokenErrors[e.Cause]; ok {
		body["error"] = word
	}
	if e.Cause == sandbox.CauseVendor {
		body["error_description"], body["status"] = e.Description, "failure"
	}
	answer(w, http.StatusOK, body)
}

// activeUsers are the users of the consent page.
func (s *Sandbox) activeUsers() []sandbox.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []sandbox.User
	for _, o := range s.orgs {
		for _, m := range o.members {
			if m.Status == "active" {
				out = append(out, sandbox.User{Email: m.Email, Name: m.fullName()})
			}
		}
	}
	return out
}
