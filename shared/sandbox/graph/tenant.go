package graph

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"meibo/shared/sandbox/entra"
)

// tenant is a directory.
type tenant struct {
	ID     string `json:"id"`
	Domain string `json:"domain,omitempty"`
	// AdminConsent is a directory whose users may not consent by themselves.
	AdminConsent bool `json:"admin_consent,omitempty"`
	// Granted are the scopes for which an administrator consented for everybody, and Roles the application's own permissions.
	Granted []string `json:"granted,omitempty"`
	Roles   []string `json:"roles,omitempty"`
	// Known is a directory in which an administrator consented to something, so that the application is one of its own.
	Known bool `json:"known,omitempty"`
	// Withdrawn is a directory that took the application out. Nobody but an administrator brings it back.
	Withdrawn bool `json:"withdrawn,omitempty"`
	// BlockIP and BlockService are rules of Conditional Access: see DirectoryChange.
	BlockIP      bool `json:"block_ip,omitempty"`
	BlockService bool `json:"block_service,omitempty"`
}

// tenantFor finds or makes the directory of a user.
func (s *Sandbox) tenantFor(u User) (*tenant, error) {
	_, domain, _ := strings.Cut(strings.ToLower(u.Email), "@")
	id := strings.ToLower(u.Tenant)
	switch {
	case id == "":
		if t := s.tenantNamed(domain); t != nil {
			return t, nil
		}
		id = guid("tenant", domain)
	case id == "personal" || id == PersonalTenant:
		id, domain = PersonalTenant, ""
	case !isGUID(id):
		return nil, errors.New(`directory must be a GUID, "personal" or empty`)
	default:
		// A directory may have people of several domains; only its first one is a name of it.
		if s.tenants[id] == nil && s.tenantNamed(domain) != nil {
			domain = ""
		}
	}
	if t := s.tenants[id]; t != nil {
		return t, nil
	}
	t := &tenant{ID: id, Domain: domain}
	s.tenants[id] = t
	s.dirty.tenant(t)
	return t, nil
}

func (s *Sandbox) tenantNamed(domain string) *tenant {
	for _, t := range s.tenants {
		if t.Domain == domain && domain != "" {
			return t
		}
	}
	return nil
}

// directory finds the directory that a path's tenant names, by id or domain; nil if there is none.
func (s *Sandbox) directory(name string) *tenant {
	name = strings.ToLower(name)
	if t := s.tenants[name]; t != nil {
		return t
	}
	return s.tenantNamed(name)
}

// knownTenant says whether a path's tenant exists.
func (s *Sandbox) knownTenant(name string) bool {
	if slices.Contains([]string{entra.Common, entra.Organizations, entra.Consumers}, name) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.directory(name) != nil
}

// admits checks whether an account may sign in at a path's tenant. The caller holds s.mu.
func (s *Sandbox) admits(name string, m *mailbox) *entra.Refusal {
	switch name {
	case entra.Common:
		return nil
	case entra.Organizations:
		if m.personal() {
			return entra.Refuse(500208)
		}
		return nil
	case entra.Consumers:
		if !m.personal() {
			return entra.Refuse(500208)
		}
		return nil
	}
	if t := s.directory(name); t == nil || t.ID != m.tid {
		return entra.Refuse(50020)
	}
	return nil
}

// identity answers everything below /{tenant}.
func (s *Sandbox) identity(w http.ResponseWriter, r *http.Request) {
	name, rest, ok := entra.TenantPath(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	if !s.knownTenant(name) {
		e := entra.Refuse(90002)
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
	case consentPath:
		s.adminConsent(w, r, name)
	case "/v2.0/.well-known/openid-configuration":
		s.discovery(w, r, name)
	case "/discovery/v2.0/keys":
		entra.Keys(w, &s.signing)
	default:
		http.NotFound(w, r)
	}
}

// SetAdminConsentRequired makes the directory of a user one whose users may not consent by themselves.
func (s *Sandbox) SetAdminConsentRequired(user string, required bool) error {
	return s.withTenant(user, func(t *tenant) error {
		t.AdminConsent = required
		return nil
	})
}

// GrantAdminConsent does what an administrator of the user's directory does on the consent page: roles are the application's own
// permissions, scopes the delegated ones for everybody. Both empty take everything back.
func (s *Sandbox) GrantAdminConsent(user string, scopes, roles []string) error {
	var ended []string
	err := s.withTenant(user, func(t *tenant) error {
		t.Granted, t.Roles = slices.Clone(scopes), slices.Clone(roles)
		if len(scopes)+len(roles) > 0 {
			ended = s.readmit(t)
		}
		return nil
	})
	return errors.Join(err, s.end(ended))
}

func (s *Sandbox) withTenant(user string, do func(*tenant) error) error {
	return s.withBox(user, func(m *mailbox) error {
		t := s.tenants[m.tid]
		if m.personal() {
			return fmt.Errorf("%s is a personal account, which has no directory", user)
		}
		s.dirty.tenant(t)
		return do(t)
	})
}

// discovery answers the OpenID configuration.
func (s *Sandbox) discovery(w http.ResponseWriter, r *http.Request, name string) {
	issuer := ""
	s.mu.Lock()
	if t := s.directory(name); t != nil {
		issuer = t.ID
	}
	s.mu.Unlock()
	if name == entra.Consumers {
		issuer = PersonalTenant
	}
	entra.Discovery(w, s.origin(r), name, issuer)
}
