package graph

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/entra"
)

const (
	consentPath = "/v2.0/adminconsent"

	// graphScope is the beginning of Graph's scopes in their long form, in which they are granted.
	graphScope = "https://graph.microsoft.com/"
	// appUser is the beginning of the name under which the application's own tokens are kept.
	appUser = "app:"
)

// permissions are the delegated permissions that exist here.
func permissions() []string {
	return []string{
		readContacts, writeContacts, "Contacts.Read.Shared", "Contacts.ReadWrite.Shared", readUser, "User.ReadBasic.All", "User.Read.All", "User.Invite.All",
		readSettings, writeSettings, "Calendars.Read", "Calendars.ReadWrite", "Tasks.Read", "Tasks.ReadWrite", "Mail.Read", "Mail.Send", ".default",
	}
}

func knownScope(scope string) bool {
	return slices.Contains(entra.OpenScopes(), scope) || slices.Contains(permissions(), strings.TrimPrefix(scope, graphScope))
}

// longScope is a scope in the form in which it is granted.
func longScope(scope string) string {
	if slices.Contains(entra.OpenScopes(), scope) || strings.HasPrefix(scope, graphScope) {
		return scope
	}
	return graphScope + scope
}

func (s *Sandbox) newAuth() error {
	var err error
	s.auth, err = sandbox.NewAuthServer(sandbox.AuthConfig{
		Name: "graph", System: "Microsoft 365 (sandbox)", Clock: s.cfg.Clock, Rand: s.cfg.Rand, Keep: s.cfg.Keep,
		Clients: []sandbox.Client{s.cfg.Client}, RedirectURIs: s.cfg.RedirectURIs,
		AuthorizePath: entra.AuthorizePath, TokenPath: entra.TokenPath, AccessLife: entra.AccessLife, Users: s.Users,
		Hooks: sandbox.AuthHooks{
			Authorize: func(r *http.Request) *sandbox.AuthError { return entra.CheckPage(r.URL.Query()) },
			Scope:     knownScope,
			Granted: func(g sandbox.Grant, _ []string) []string {
				var out []string
				for _, sc := range g.Scopes {
					out = append(out, longScope(sc))
				}
				return out
			},
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
		if e := s.signIn(r, tenant, q); e != nil {
			entra.Back(w, r, url.Values{"error": {pageCode(e)}, "error_description": {e.Text()}})
			return
		}
	}
	s.auth.ServeHTTP(w, entra.At(r, entra.AuthorizePath))
}

// signIn checks what the person did on the page, where Microsoft says more than the authorisation server does.
func (s *Sandbox) signIn(r *http.Request, tenant string, q url.Values) *entra.Refusal {
	if r.PostForm.Get("decision") != "allow" {
		return entra.Refuse(65004)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.boxes[r.PostForm.Get("user")]
	if m == nil {
		return entra.Refuse(50034)
	}
	if e := s.admits(tenant, m); e != nil {
		return e
	}
	if m.Disabled {
		return entra.Refuse(50057)
	}
	t := s.tenants[m.tid]
	if t.BlockIP {
		return entra.Refuse(53003)
	}
	adminOnly := t.AdminConsent || t.Withdrawn
	for _, sc := range strings.Fields(q.Get("scope")) {
		sc = strings.TrimPrefix(sc, graphScope)
		if m.personal() && (strings.HasSuffix(sc, ".Shared") || strings.HasSuffix(sc, ".All")) {
			return entra.Refuse(70011)
		}
		adminOnly = adminOnly || sc == "User.Read.All" || sc == "User.Invite.All"
	}
	if adminOnly && m.Admin == "" && !m.personal() && !t.covers(strings.Fields(q.Get("scope"))) {
		return entra.Refuse(90094)
	}
	t.Known = t.Known || m.Admin != ""
	s.dirty.tenant(t)
	if err := s.flush(); err != nil {
		return entra.Refuse(90002)
	}
	return nil
}

// covers says whether the administrator consented to all of scopes.
func (t *tenant) covers(scopes []string) bool {
	for _, sc := range scopes {
		if !slices.Contains(entra.OpenScopes(), sc) && !slices.Contains(t.Granted, strings.TrimPrefix(sc, graphScope)) {
			return false
		}
	}
	return true
}

// tokenHook refuses what Microsoft refuses, and adds the ID token. It is called with the authorisation server's lock held.
func (s *Sandbox) tokenHook(r *http.Request, g sandbox.Grant, refresh bool) (map[string]any, *sandbox.AuthError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.boxes[g.User]
	switch {
	case m == nil:
		return nil, entra.Refuse(50034).Auth()
	case s.quirks.SecretExpired:
		return nil, entra.Refuse(7000222).Auth()
	case m.Disabled:
		return nil, entra.Refuse(50057).Auth()
	case s.tenants[m.tid].shut():
		return nil, entra.Refuse(53003).Auth()
	case s.tenants[m.tid].Withdrawn:
		return nil, entra.Refuse(65001).Auth()
	case refresh && m.tokenError != 0:
		return nil, entra.Refuse(m.tokenError).Auth()
	case refresh && s.cfg.Clock.Now().Sub(g.At) >= entra.RefreshLife:
		return nil, entra.Refuse(700082).Auth()
	}
	if name, _, _ := entra.TenantPath(r.Header.Get(tenantHeader)); s.admits(name, m) != nil {
		return nil, entra.Refuse(70000).Auth()
	}
	var shown []string
	for _, sc := range g.Scopes {
		if sc != "offline_access" {
			shown = append(shown, sc)
		}
	}
	extra := map[string]any{"scope": strings.Join(shown, " "), "ext_expires_in": int(entra.AccessLife.Seconds())}
	if slices.Contains(g.Scopes, "openid") {
		token, err := s.signing.Sign(entra.Claims(entra.Person{Tenant: m.tid, Object: m.oid, Name: m.Name, Email: m.Email}, g, s.origin(r), s.cfg.Clock.Now(), refresh))
		if err != nil {
			return nil, entra.Refuse(90002).Auth()
		}
		extra["id_token"] = token
	}
	return extra, nil
}

// tenantHeader carries the tenant of a token request's path to tokenHook.
const tenantHeader = "X-Sandbox-Tenant"

// token answers the token path: code exchange and refresh by the authorisation server, and the application's own tokens.
func (s *Sandbox) token(w http.ResponseWriter, r *http.Request, tenant string) {
	inner := entra.At(r, entra.TokenPath)
	inner.Header.Set(tenantHeader, "/"+tenant+"/")
	if r.Method != http.MethodPost || inner.ParseForm() != nil {
		s.auth.ServeHTTP(w, inner)
		return
	}
	switch inner.PostForm.Get("grant_type") {
	case "client_credentials":
		s.appToken(w, inner, tenant)
	case "refresh_token":
		if entra.Rotate(w, inner, s.auth) != nil {
			s.writeTokenError(w, entra.Refuse(90002))
		}
	default:
		s.auth.ServeHTTP(w, inner)
	}
}

// appToken answers client_credentials.
func (s *Sandbox) appToken(w http.ResponseWriter, r *http.Request, tenant string) {
	e, roles, id := s.checkApp(r, tenant)
	if e != nil {
		s.writeTokenError(w, e)
		return
	}
	for i := range roles {
		roles[i] = longScope(roles[i])
	}
	access, _, err := s.auth.Issue(appUser+id, s.cfg.Client.ID, roles...)
	if err != nil {
		s.writeTokenError(w, entra.Refuse(90002))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	sandbox.WriteJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": int(entra.AccessLife.Seconds()), "ext_expires_in": int(entra.AccessLife.Seconds()), "access_token": access})
}

func (s *Sandbox) checkApp(r *http.Request, tenant string) (e *entra.Refusal, roles []string, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.directory(tenant)
	switch {
	case r.PostForm.Get("client_id") != s.cfg.Client.ID:
		return entra.Refuse(700016), nil, ""
	case s.quirks.SecretExpired:
		return entra.Refuse(7000222), nil, ""
	case r.PostForm.Get("client_secret") == "":
		return entra.Refuse(7000218), nil, ""
	case r.PostForm.Get("client_secret") != s.cfg.Client.Secret:
		return entra.Refuse(7000215), nil, ""
	case t == nil || t.ID == PersonalTenant:
		return entra.Refuse(9001023), nil, ""
	case r.PostForm.Get("scope") != graphScope+".default":
		return entra.Refuse(1002012), nil, ""
	case t.shut():
		return entra.Refuse(53003), nil, ""
	case !t.Known:
		return entra.Refuse(700016), nil, ""
	}
	return nil, slices.Clone(t.Roles), t.ID
}

// pageCode is what a page answers to the application: whatever a policy or a person refused there is access_denied, since the codes of
// the token path are for requests without a person.
func pageCode(e *entra.Refusal) string {
	if e.Code == "invalid_grant" || e.Code == "interaction_required" {
		return "access_denied"
	}
	return e.Code
}
