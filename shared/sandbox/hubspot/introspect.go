package hubspot

import (
	"net/http"
	"net/url"
	"strings"

	"meibo/shared/sandbox"
)

const notesMost = 4096

// note remembers when an access token ends. It needs the lock.
func (s *Sandbox) note(access string) {
	now := s.now()
	if len(s.ends) >= notesMost {
		for t, end := range s.ends {
			if end <= now {
				delete(s.ends, t)
			}
		}
	}
	s.ends[access] = now + accessLife.Milliseconds()
}

// named is the token of a request to introspect or revoke. The specification calls the member token, the documentation access_token or
// refresh_token; who sends several must mean the same.
func (s *Sandbox) named(form url.Values) (string, bool) {
	only, out := s.cfg.Quirks.IntrospectToken, ""
	for _, name := range []string{"token", "access_token", "refresh_token"} {
		v := form.Get(name)
		if v == "" || only == "token" && name != "token" || only == "access_token" && name == "token" {
			continue
		}
		if out != "" && out != v {
			return "", false
		}
		out = v
	}
	return out, out != ""
}

// tokenForm reads a request to introspect or revoke, and proves the client.
func (s *Sandbox) tokenForm(w http.ResponseWriter, r *http.Request) (token string, ok bool) {
	form, ok := s.form(w, r, "client_id", "client_secret", "token_type_hint", "token", "access_token", "refresh_token")
	if !ok {
		return "", false
	}
	s.mu.Lock()
	token, named := s.named(form)
	s.mu.Unlock()
	hint := form.Get("token_type_hint")
	cause := sandbox.AuthCause("")
	switch {
	case form.Get("client_id") != s.cfg.Client.ID:
		cause = sandbox.CauseClient
	case form.Get("client_secret") != s.cfg.Client.Secret:
		cause = sandbox.CauseSecret
	case !named, hint != "" && hint != "access_token" && hint != "refresh_token":
		cause = sandbox.CauseRequest
	default:
		return token, true
	}
	s.writeTokenError(w, r, &sandbox.AuthError{Cause: cause})
	return "", false
}

// introspect tells whom a token is for.
func (s *Sandbox) introspect(w http.ResponseWriter, r *http.Request) {
	token, ok := s.tokenForm(w, r)
	if !ok {
		return
	}
	g, access := s.auth.Check(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.installs[token]
	m := s.userByEmail(g.User)
	if in != nil {
		m = s.userByEmail(in.User)
	}
	if !access && in == nil || m == nil {
		answer(w, http.StatusOK, object{"active": false})
		return
	}
	scopes := g.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	out := object{"active": true, "app_id": s.cfg.AppID, "client_id": s.cfg.Client.ID, "hub_domain": m.p.Name, "hub_id": m.p.ID, "scopes": scopes,
		"token": token, "token_type": "bearer", "token_use": "refresh_token", "user": m.Email, "user_id": m.UserID}
	if access {
		left := accessLife.Milliseconds()
		if end, noted := s.ends[token]; noted {
			left = end - s.now()
		}
		out["token_use"], out["expires_in"], out["is_private_distribution"] = "access_token", left/1000, false
		out["signed_access_token"] = object{"appId": s.cfg.AppID, "appInstallId": num(m.p.ID), "audience": "PUBLIC", "expiresAt": s.now() + left,
			"hubId": m.p.ID, "hublet": m.p.Region, "installingUserId": m.UserID, "isPrivateDistribution": false, "isServiceAccount": false, "isUserLevel": false,
			"newSignature": "", "scopeToScopeGroupPks": "", "scopes": strings.Join(g.Scopes, " "), "signature": "", "trialScopeToScopeGroupPks": "", "trialScopes": "", "userId": m.UserID}
	}
	answer(w, http.StatusOK, out)
}

// revoke ends an authorisation by its refresh token, for all who share it.
func (s *Sandbox) revoke(w http.ResponseWriter, r *http.Request) {
	token, ok := s.tokenForm(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.installs[token]
	if in == nil {
		s.writeTokenError(w, r, &sandbox.AuthError{Cause: sandbox.CauseRefresh})
		return
	}
	err := s.forget(in.User, !s.cfg.Quirks.RevokeKeepsAccess)
	if kept := s.save(); err == nil {
		err = kept
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, http.StatusNoContent, nil)
}

// Issue installs the app for a user without the consent page, with all scopes of the app unless some are named.
func (s *Sandbox) Issue(user string, scopes ...string) (access, refresh string, err error) {
	s.mu.Lock()
	m := s.userByEmail(user)
	s.mu.Unlock()
	if m == nil {
		return "", "", noUser(user)
	}
	if len(scopes) == 0 {
		scopes = s.cfg.Scopes
	}
	access, inner, err := s.auth.Issue(m.Email, s.cfg.Client.ID, scopes...)
	if err != nil {
		return "", "", err
	}
	s.mu.Lock()
	s.note(access)
	s.mu.Unlock()
	refresh, err = s.installed(m.Email, "", inner)
	return access, refresh, err
}
