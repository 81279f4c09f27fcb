package dynamics

import (
	"net/http"
	"strings"
)

// tenant is what is set for a directory. A directory without settings is not kept.
type tenant struct {
	ID string `json:"id"`
	// AdminConsent is a directory whose users may not consent by themselves.
	AdminConsent bool `json:"admin_consent,omitempty"`
}

// The tenants that a path may name besides directories.
const (
	anyTenant      = "common"
	workTenants    = "organizations"
	personalTenant = "consumers"
)

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
	return name == anyTenant || name == workTenants || strings.EqualFold(name, m.tid) || strings.EqualFold(name, domain)
}

// tenantPath splits /{tenant}/rest.
func tenantPath(path string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return name, "/" + rest, ok && name != ""
}

// identity answers everything below /{tenant}.
func (s *Sandbox) identity(w http.ResponseWriter, r *http.Request) {
	name, rest, ok := tenantPath(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	known := name == anyTenant || name == workTenants || s.directory(name) != ""
	s.mu.Unlock()
	if !known {
		e := refusal(90002)
		if name == personalTenant {
			e = refusal(9002332) // Dataverse has no personal accounts
		}
		if rest == tokenPath {
			s.writeTokenError(w, e)
			return
		}
		http.Error(w, e.text(), http.StatusBadRequest)
		return
	}
	switch rest {
	case authorizePath:
		s.authorize(w, r, name)
	case tokenPath:
		s.token(w, r, name)
	case "/v2.0/.well-known/openid-configuration":
		s.discovery(w, r, name)
	case "/discovery/v2.0/keys":
		s.keys(w)
	default:
		http.NotFound(w, r)
	}
}
