package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// token answers the token path: code exchange and refresh.
func (s *AuthServer) token(w http.ResponseWriter, r *http.Request) {
	form, e := s.form(r)
	if e == nil {
		e = s.checkClient(r, form)
	}
	if e != nil {
		s.refuse(w, r, e)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer map[string]any
	switch form.Get("grant_type") {
	case "authorization_code":
		answer, e = s.exchange(r, form)
	case "refresh_token":
		answer, e = s.refresh(r, form)
	default:
		e = &AuthError{Cause: CauseGrant, Code: "unsupported_grant_type", Description: "Invalid grant_type: " + form.Get("grant_type"), Status: http.StatusBadRequest}
	}
	if e != nil {
		s.refuse(w, r, e)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	WriteJSON(w, http.StatusOK, answer)
}

// form reads the parameters of a token or revoke request.
func (s *AuthServer) form(r *http.Request) (url.Values, *AuthError) {
	if r.Method != http.MethodPost {
		return nil, &AuthError{Cause: CauseMethod, Code: "invalid_request", Description: "Use POST.", Status: http.StatusMethodNotAllowed}
	}
	if err := r.ParseForm(); err != nil {
		return nil, &AuthError{Cause: CauseRequest, Code: "invalid_request", Description: "The form does not parse.", Status: http.StatusBadRequest}
	}
	if s.cfg.ParamsInQuery {
		return r.Form, nil
	}
	return r.PostForm, nil
}

func (s *AuthServer) checkClient(r *http.Request, form url.Values) *AuthError {
	if _, _, basic := r.BasicAuth(); basic {
		return &AuthError{Cause: CauseClient, Code: "invalid_client", Description: "Send client_id and client_secret in the form.", Status: http.StatusUnauthorized}
	}
	c, ok := s.client(form.Get("client_id"))
	if !ok {
		return &AuthError{Cause: CauseClient, Code: "invalid_client", Description: "The OAuth client was not found.", Status: http.StatusUnauthorized}
	}
	if subtle.ConstantTimeCompare([]byte(c.Secret), []byte(form.Get("client_secret"))) != 1 {
		return &AuthError{Cause: CauseSecret, Code: "invalid_client", Description: "Unauthorized", Status: http.StatusUnauthorized}
	}
	return nil
}

func (s *AuthServer) exchange(r *http.Request, form url.Values) (map[string]any, *AuthError) {
	name := form.Get("code")
	if name == "" {
		return nil, &AuthError{Cause: CauseRequest, Code: "invalid_request", Description: "Missing required parameter: code", Status: http.StatusBadRequest}
	}
	t := s.tokens[name]
	bad := &AuthError{Cause: CauseCode, Code: "invalid_grant", Description: "Bad Request", Status: http.StatusBadRequest}
	if t == nil || t.Kind != KindCode || t.Grant.Client != form.Get("client_id") || !s.cfg.Clock.Now().Before(t.Expires) {
		return nil, bad
	}
	if t.Redirect != form.Get("redirect_uri") {
		return nil, &AuthError{Cause: CauseRedirect, Code: "redirect_uri_mismatch", Description: "Bad Request", Status: http.StatusBadRequest}
	}
	if !verifies(t.Challenge, form.Get("code_verifier")) {
		return nil, &AuthError{Cause: CauseVerifier, Code: "invalid_grant", Description: "Invalid code verifier.", Status: http.StatusBadRequest}
	}
	g := t.Grant
	extra, e := s.extra(r, g, false)
	if e != nil {
		return nil, e
	}
	puts, dead := map[string][]byte{}, []string{s.forget(name)}
	consent := g.User + "\n" + g.Client
	_, again := s.consents[consent]
	answer := map[string]any{}
	if s.cfg.Hooks.IssueRefresh == nil || s.cfg.Hooks.IssueRefresh(g, again) {
		refresh, out, err := s.newRefresh(puts, &g)
		if err != nil {
			return nil, broken(err)
		}
		dead = append(dead, out...)
		answer["refresh_token"] = refresh
	}
	s.consents[consent] = g.Scopes
	b, err := json.Marshal(g.Scopes)
	if err != nil {
		return nil, broken(err)
	}
	puts[s.key("consent", consent)] = b
	return s.answer(answer, extra, g, puts, dead)
}

func (s *AuthServer) refresh(r *http.Request, form url.Values) (map[string]any, *AuthError) {
	name := form.Get("refresh_token")
	if name == "" {
		return nil, &AuthError{Cause: CauseRequest, Code: "invalid_request", Description: "Missing required parameter: refresh_token", Status: http.StatusBadRequest}
	}
	t := s.tokens[name]
	if t == nil || t.Kind != KindRefresh || t.Grant.Client != form.Get("client_id") {
		return nil, &AuthError{Cause: CauseRefresh, Code: "invalid_grant", Description: "Token has been expired or revoked.", Status: http.StatusBadRequest}
	}
	extra, e := s.extra(r, t.Grant, true)
	if e != nil {
		return nil, e
	}
	return s.answer(map[string]any{}, extra, t.Grant, map[string][]byte{}, s.expired())
}

// expired forgets access tokens and codes whose time is over, so that they do not pile up.
func (s *AuthServer) expired() (dead []string) {
	now := s.cfg.Clock.Now()
	for name, t := range s.tokens {
		if !t.Expires.IsZero() && !now.Before(t.Expires) {
			dead = append(dead, s.forget(name))
		}
	}
	return dead
}

func (s *AuthServer) extra(r *http.Request, g Grant, refresh bool) (map[string]any, *AuthError) {
	if s.cfg.Hooks.Token == nil {
		return nil, nil
	}
	return s.cfg.Hooks.Token(r, g, refresh)
}

func (s *AuthServer) answer(answer, extra map[string]any, g Grant, puts map[string][]byte, dead []string) (map[string]any, *AuthError) {
	access, err := s.newAccess(puts, g)
	if err == nil {
		err = Save(s.cfg.Keep, puts, dead)
	}
	if err != nil {
		return nil, broken(err)
	}
	answer["access_token"] = access
	answer["token_type"] = "Bearer"
	answer["expires_in"] = int(s.cfg.AccessLife.Seconds())
	answer["scope"] = strings.Join(g.Scopes, s.cfg.ScopeSeparator)
	for k, v := range extra {
		answer[k] = v
	}
	return answer, nil
}

// revoke ends a refresh token with everything it made, or an access token with the refresh token that it came from.
func (s *AuthServer) revoke(w http.ResponseWriter, r *http.Request) {
	form, e := s.form(r)
	if e != nil {
		s.refuse(w, r, e)
		return
	}
	name := form.Get("token")
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[name]
	if t == nil || t.Kind == KindCode {
		s.refuse(w, r, &AuthError{Cause: CauseRevoke, Code: "invalid_token", Description: "Token expired or revoked", Status: http.StatusBadRequest})
		return
	}
	root := t.Grant.Refresh
	dead := []string{s.forget(name)}
	if root != "" {
		for n, o := range s.tokens {
			if n == root || o.Grant.Refresh == root {
				dead = append(dead, s.forget(n))
			}
		}
	}
	consent := t.Grant.User + "\n" + t.Grant.Client
	delete(s.consents, consent)
	dead = append(dead, s.key("consent", consent))
	if err := Save(s.cfg.Keep, nil, dead); err != nil {
		s.refuse(w, r, broken(err))
		return
	}
	WriteJSON(w, http.StatusOK, map[string]any{})
}

// verifies checks PKCE: a challenge needs its verifier, and a verifier without a challenge is a mix-up.
func verifies(challenge, verifier string) bool {
	if challenge == "" || verifier == "" {
		return challenge == verifier
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

func broken(err error) *AuthError {
	return &AuthError{Cause: CauseVendor, Code: "server_error", Description: err.Error(), Status: http.StatusInternalServerError}
}

func (s *AuthServer) refuse(w http.ResponseWriter, r *http.Request, e *AuthError) {
	if s.cfg.Hooks.WriteError != nil {
		s.cfg.Hooks.WriteError(w, r, e)
		return
	}
	WriteJSON(w, e.Status, map[string]string{"error": e.Code, "error_description": e.Description})
}

// WriteJSON writes v with status.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
