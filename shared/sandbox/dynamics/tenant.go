package dynamics

import (
	"net/http"
	"strings"

	"meibo/shared/sandbox/entra"
)

// tenant is what is set for a directory. A directory without settings is not kept.
type tenant struct {
	ID string `json:"id"`
	// AdminConsent is a directory whose users may not consent by themselves.
	AdminConsent bool `json:"admin_consent,omitempty"`
}

// directory finds the id of the directory that a path's tenant names, by id or domain; "" if there is none. The caller holds s.mu.
func (s *Sandbox) directory(name string) string {
	for _, m := range s.users {
		_, domain, _ := strings.Cut(m.Email, "@")
		if strings.EqualFold(name, m.tid) || strings.EqualFold(name, domain) {
			return m.tid
		}
	}
	return ""
}

// admits says whether a user may sign in at a path's tenant.
func admits(name string, m *member) bool {
	_, domain, _ := strings.Cut(m.Email, "@")
	return name == entra.Common || name == entra.Organizations || strings.EqualFold(name, m.tid) || strings.EqualFold(name, domain)
}

// identity answers everything below /{tenant}.
func (s *Sandbox) identity(w http.ResponseWriter, r *http.Request) {
	name, rest, ok := entra.TenantPath(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	known := name == entra.Common || name == entra.Organizations || s.directory(name) != ""
	s.mu.Unlock()
	if !known {
		e := entra.Refuse(90002)
		if name == entra.Consumers {
			e = entra.Refuse(9002332) // Dataverse has no personal accounts
		}
		if rest == entra.TokenPath {
			s.writeTokenError(w, e)
			return
		}
		http.Error(w, e.Text(), http.StatusBadRequest)
		return
	}
	switch rest {
	case entra.AuthorizePath:
		s.authorize(w, r, name)
	case entra.TokenPath:
		s.token(w, r, name)
	case "/v2.0/.well-known/openid-configuration":
		s.discovery(w, r, name)
	case "/discovery/v2.0/keys":
		entra.Keys(w, &s.signing)
	default:
		http.NotFound(w, r)
	}
}

// discovery answers the OpenID configuration.
func (s *Sandbox) discovery(w http.ResponseWriter, r *http.Request, name string) {
	s.mu.Lock()
	issuer := s.directory(name)
	s.mu.Unlock()
	entra.Discovery(w, s.origin(r), name, issuer)
}
