package graph

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
	consentPath   = "/v2.0/adminconsent"

	// graphScope is the beginning of Graph's scopes in their long form, in which they are granted.
	graphScope = "https://graph.microsoft.com/"
	// appUser is the beginning of the name under which the application's own tokens are kept.
	appUser = "app:"

	accessLife  = 3599 * time.Second
	refreshLife = 90 * 24 * time.Hour
)

// openScopes are those of OpenID Connect, which have no long form.
func openScopes() []string { return []string{"openid", "profile", "email", "offline_access"} }

// permissions are the delegated permissions that exist here.
func permissions() []string {
	return []string{
		readContacts, writeContacts, "Contacts.Read.Shared", "Contacts.ReadWrite.Shared", readUser, "User.ReadBasic.All", "User.Read.All", "User.Invite.All",
		readSettings, writeSettings, "Calendars.Read", "Calendars.ReadWrite", "Tasks.Read", "Tasks.ReadWrite", "Mail.Read", "Mail.Send", ".default",
	}
}

func knownScope(scope string) bool {
	return slices.Contains(openScopes(), scope) || slices.Contains(permissions(), strings.TrimPrefix(scope, graphScope))
}

// longScope is a scope in the form in which it is granted.
func longScope(scope string) string {
	if slices.Contains(openScopes(), scope) || strings.HasPrefix(scope, graphScope) {
		return scope
	}
	return graphScope + scope
}

func (s *Sandbox) newAuth() error {
	var err error
	s.auth, err = sandbox.NewAuthServer(sandbox.AuthConfig{
		Name: "graph", System: "Microsoft 365 (sandbox)", Clock: s.cfg.Clock, Rand: s.cfg.Rand, Keep: s.cfg.Keep,
		Clients: []sandbox.Client{s.cfg.Client}, RedirectURIs: s.cfg.RedirectURIs,
		AuthorizePath: authorizePath, TokenPath: tokenPath, AccessLife: accessLife, Users: s.Users,
		Hooks: sandbox.AuthHooks{
			Authorize: checkAuthorize,
			Scope:     knownScope,
			Granted: func(g sandbox.Grant, _ []string) []string {
				var out []string
				for _, sc := range g.Scopes {
					out = append(out, longScope(sc))
				}
				return out
			},
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

// checkAuthorize refuses values that Microsoft's page does not know, and what this one cannot do.
func checkAuthorize(r *http.Request) *sandbox.AuthError {
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
	if n, ok := causes[e.Cause]; ok {
		return refusal(n)
	}
	for n := range refusals {
		if x := refusal(n); x.text() == e.Description {
			return x
		}
	}
	return &aadsts{number: 90033, code: "temporarily_unavailable", status: http.StatusServiceUnavailable, what: "A transient error has occurred. " + e.Description}
}

// authorize shows the sign-in page and takes its answer.
func (s *Sandbox) authorize(w http.ResponseWriter, r *http.Request, tenant string) {
	q := r.URL.Query()
	ours := q.Get("client_id") == s.cfg.Client.ID && slices.Contains(s.cfg.RedirectURIs, q.Get("redirect_uri"))
	if r.Method == http.MethodPost && ours && sandbox.SameOrigin(r) && r.ParseForm() == nil {
		if e := s.signIn(r, tenant, q); e != nil {
			s.back(w, r, url.Values{"error": {e.pageCode()}, "error_description": {e.text()}})
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
func (s *Sandbox) signIn(r *http.Request, tenant string, q url.Values) *aadsts {
	if r.PostForm.Get("decision") != "allow" {
		return refusal(65004)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.boxes[r.PostForm.Get("user")]
	if m == nil {
		return refusal(50034)
	}
	if e := s.admits(tenant, m); e != nil {
		return e
	}
	if m.Disabled {
		return refusal(50057)
	}
	t := s.tenants[m.tid]
	if t.BlockIP {
		return refusal(53003)
	}
	adminOnly := t.AdminConsent || t.Withdrawn
	for _, sc := range strings.Fields(q.Get("scope")) {
		sc = strings.TrimPrefix(sc, graphScope)
		if m.personal() && (strings.HasSuffix(sc, ".Shared") || strings.HasSuffix(sc, ".All")) {
			return refusal(70011)
		}
		adminOnly = adminOnly || sc == "User.Read.All" || sc == "User.Invite.All"
	}
	if adminOnly && m.Admin == "" && !m.personal() && !t.covers(strings.Fields(q.Get("scope"))) {
		return refusal(90094)
	}
	t.Known = t.Known || m.Admin != ""
	s.dirty.tenant(t)
	if err := s.flush(); err != nil {
		return refusal(90002)
	}
	return nil
}

// covers says whether the administrator consented to all of scopes.
func (t *tenant) covers(scopes []string) bool {
	for _, sc := range scopes {
		if !slices.Contains(openScopes(), sc) && !slices.Contains(t.Granted, strings.TrimPrefix(sc, graphScope)) {
			return false
		}
	}
	return true
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
	m := s.boxes[g.User]
	switch {
	case m == nil:
		return nil, refusal(50034).auth()
	case s.quirks.SecretExpired:
		return nil, refusal(7000222).auth()
	case m.Disabled:
		return nil, refusal(50057).auth()
	case s.tenants[m.tid].shut():
		return nil, refusal(53003).auth()
	case s.tenants[m.tid].Withdrawn:
		return nil, refusal(65001).auth()
	case refresh && m.tokenError != 0:
		return nil, refusal(m.tokenError).auth()
	case refresh && s.cfg.Clock.Now().Sub(g.At) >= refreshLife:
		return nil, refusal(700082).auth()
	}
	if name, _, _ := tenantPath(r.Header.Get(tenantHeader)); s.admits(name, m) != nil {
		return nil, refusal(70000).auth()
	}
	var shown []string
	for _, sc := range g.Scopes {
		if sc != "offline_access" {
			shown = append(shown, sc)
		}
	}
	extra := map[string]any{"scope": strings.Join(shown, " "), "ext_expires_in": int(accessLife.Seconds())}
	if slices.Contains(g.Scopes, "openid") {
		token, err := s.idToken(m, g, s.origin(r), refresh)
		if err != nil {
			return nil, refusal(90002).auth()
		}
		extra["id_token"] = token
	}
	return extra, nil
}

// tenantHeader carries the tenant of a token request's path to tokenHook.
const tenantHeader = "X-Sandbox-Tenant"

// token answers the token path: code exchange and refresh by the authorisation server, and the application's own tokens.
func (s *Sandbox) token(w http.ResponseWriter, r *http.Request, tenant string) {
	inner := at(r, tokenPath)
	inner.Header.Set(tenantHeader, "/"+tenant+"/")
	if r.Method != http.MethodPost || inner.ParseForm() != nil {
		s.auth.ServeHTTP(w, inner)
		return
	}
	switch inner.PostForm.Get("grant_type") {
	case "client_credentials":
		s.appToken(w, inner, tenant)
	case "refresh_token":
		s.rotate(w, inner)
	default:
		s.auth.ServeHTTP(w, inner)
	}
}

// rotate refreshes: every refresh answers with a new refresh token too, and the old one goes on working.
func (s *Sandbox) rotate(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{header: http.Header{}}
	s.auth.ServeHTTP(rec, r)
	var answer map[string]any
	if rec.status == http.StatusOK && json.Unmarshal(rec.body, &answer) == nil {
		name, _ := answer["access_token"].(string)
		if g, ok := s.auth.Check(name); ok {
			access, refresh, err := s.auth.Issue(g.User, g.Client, g.Scopes...)
			if err != nil {
				s.writeTokenError(w, refusal(90002))
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
		s.writeTokenError(w, refusal(90002))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	sandbox.WriteJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": int(accessLife.Seconds()), "ext_expires_in": int(accessLife.Seconds()), "access_token": access})
}

func (s *Sandbox) checkApp(r *http.Request, tenant string) (e *aadsts, roles []string, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.directory(tenant)
	switch {
	case r.PostForm.Get("client_id") != s.cfg.Client.ID:
		return refusal(700016), nil, ""
	case s.quirks.SecretExpired:
		return refusal(7000222), nil, ""
	case r.PostForm.Get("client_secret") == "":
		return refusal(7000218), nil, ""
	case r.PostForm.Get("client_secret") != s.cfg.Client.Secret:
		return refusal(7000215), nil, ""
	case t == nil || t.ID == PersonalTenant:
		return refusal(9001023), nil, ""
	case r.PostForm.Get("scope") != graphScope+".default":
		return refusal(1002012), nil, ""
	case t.shut():
		return refusal(53003), nil, ""
	case !t.Known:
		return refusal(700016), nil, ""
	}
	return nil, slices.Clone(t.Roles), t.ID
}
