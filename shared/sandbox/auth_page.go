package sandbox

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authorize shows the consent page (GET) and takes its answer (POST to the same path and query, with the fields user, scope
// (repeated) and decision, which is allow or deny).
func (s *AuthServer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	scopes, e := s.checkAuthorize(r, q)
	if e != nil {
		// Until client and redirect URI are proven, nobody is redirected anywhere.
		if e.Cause == CauseClient || e.Cause == CauseRedirect || e.Cause == CauseMethod {
			s.errorPage(w, e)
			return
		}
		s.back(w, r, q, url.Values{"error": {e.Code}, "error_description": {e.Description}})
		return
	}
	if r.Method != http.MethodPost {
		s.consentPage(w, q, scopes)
		return
	}
	if !SameOrigin(r) {
		http.Error(w, "This form must be sent from its own page.", http.StatusForbidden)
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form does not parse.", http.StatusBadRequest)
		return
	}
	s.decide(w, r, q, scopes)
}

func (s *AuthServer) checkAuthorize(r *http.Request, q url.Values) ([]string, *AuthError) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return nil, &AuthError{Cause: CauseMethod, Code: "invalid_request", Description: "Use GET.", Status: http.StatusMethodNotAllowed}
	}
	if _, ok := s.client(q.Get("client_id")); !ok {
		return nil, &AuthError{Cause: CauseClient, Code: "invalid_client", Description: "The OAuth client was not found.", Status: http.StatusUnauthorized}
	}
	if !slices.Contains(s.cfg.RedirectURIs, q.Get("redirect_uri")) {
		return nil, &AuthError{Cause: CauseRedirect, Code: "redirect_uri_mismatch", Description: "The redirect_uri in the request is not registered for this client.", Status: http.StatusBadRequest}
	}
	bad := func(what string) *AuthError {
		return &AuthError{Cause: CauseRequest, Code: "invalid_request", Description: what, Status: http.StatusBadRequest}
	}
	if q.Get("response_type") != "code" {
		return nil, &AuthError{Cause: CauseRequest, Code: "unsupported_response_type", Description: "response_type must be code", Status: http.StatusBadRequest}
	}
	if q.Has("code_challenge") && (q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43) {
		return nil, bad("code_challenge must be an S256 challenge, with code_challenge_method=S256")
	}
	var scopes []string
	for _, scope := range strings.Split(q.Get("scope"), s.cfg.ScopeSeparator) {
		if scope = strings.TrimSpace(scope); scope == "" || slices.Contains(scopes, scope) {
			continue
		}
		if s.cfg.Hooks.Scope != nil && !s.cfg.Hooks.Scope(scope) {
			return nil, &AuthError{Cause: CauseScope, Code: "invalid_scope", Description: "Some requested scopes were invalid: " + scope, Status: http.StatusBadRequest}
		}
		scopes = append(scopes, scope)
	}
	if len(scopes) == 0 {
		return nil, bad("Missing required parameter: scope")
	}
	if s.cfg.Hooks.Authorize != nil {
		if e := s.cfg.Hooks.Authorize(r); e != nil {
			return nil, e
		}
	}
	return scopes, nil
}

func (s *AuthServer) decide(w http.ResponseWriter, r *http.Request, q url.Values, asked []string) {
	if r.PostForm.Get("decision") != "allow" {
		s.back(w, r, q, url.Values{"error": {"access_denied"}})
		return
	}
	users := s.cfg.Users()
	i := slices.IndexFunc(users, func(u User) bool { return u.Email == r.PostForm.Get("user") })
	if i < 0 {
		http.Error(w, "Choose one of the users on the page.", http.StatusBadRequest)
		return
	}
	g := Grant{User: users[i].Email, Client: q.Get("client_id"), Query: url.Values{}, At: s.cfg.Clock.Now()}
	for _, scope := range asked {
		if slices.Contains(r.PostForm["scope"], scope) {
			g.Scopes = append(g.Scopes, scope)
		}
	}
	if len(g.Scopes) == 0 {
		s.back(w, r, q, url.Values{"error": {"access_denied"}})
		return
	}
	for k, v := range q {
		if k != "state" && k != "code_challenge" {
			g.Query[k] = v
		}
	}
	s.mu.Lock()
	if s.cfg.Hooks.Granted != nil {
		g.Scopes = s.cfg.Hooks.Granted(g, slices.Clone(s.consents[g.User+"\n"+g.Client]))
	}
	puts := map[string][]byte{}
	code, err := s.mint(puts, &token{
		Kind: KindCode, Grant: g, Redirect: q.Get("redirect_uri"), Challenge: q.Get("code_challenge"),
		Expires: s.cfg.Clock.Now().Add(s.cfg.CodeLife),
	})
	if err == nil {
		err = Save(s.cfg.Keep, puts, nil)
	}
	s.mu.Unlock()
	if err != nil {
		s.errorPage(w, broken(err))
		return
	}
	extra := url.Values{"code": {code}}
	if s.cfg.Hooks.Redirect != nil {
		for k, v := range s.cfg.Hooks.Redirect(r, users[i]) {
			extra[k] = v
		}
	}
	s.back(w, r, q, extra)
}

// back redirects to the client with its state.
func (s *AuthServer) back(w http.ResponseWriter, r *http.Request, q, extra url.Values) {
	u, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		s.errorPage(w, broken(err))
		return
	}
	params := u.Query()
	for k, v := range extra {
		params[k] = v
	}
	if q.Has("state") {
		params.Set("state", q.Get("state"))
	}
	u.RawQuery = params.Encode()
	http.Redirect(w, r, u.String(), http.StatusFound)
}

var consentHTML = template.Must(template.New("consent").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign in to {{.System}}</title>
<style>body{font:16px system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem}fieldset{margin:1rem 0}label{display:block;margin:.3rem 0}</style></head>
<body><main><h1>{{.System}}</h1><p>The application <strong>{{.Client}}</strong> asks for access. This is a stand-in: no password is needed.</p>
<form method="post" action="?{{.Query}}">
<fieldset><legend>Who are you?</legend>{{range .Users}}
<label><input type="radio" name="user" value="{{.Email}}" required{{if eq .Email $.Hint}} checked{{end}}> {{.Name}} ({{.Email}})</label>{{else}}<p>The sandbox has no users yet.</p>{{end}}</fieldset>
<fieldset><legend>What may it do?</legend>{{range .Scopes}}
<label><input type="checkbox" name="scope" value="{{.}}" checked> {{.}}</label>{{end}}</fieldset>
<button name="decision" value="allow">Allow</button> <button name="decision" value="deny" formnovalidate>Deny</button>
</form></main></body></html>
`))

var authErrorHTML = template.Must(template.New("error").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Access blocked</title></head>
<body><main><h1>Access blocked</h1><p>Error {{.Status}}: {{.Code}}</p><p>{{.Description}}</p></main></body></html>
`))

func (s *AuthServer) consentPage(w http.ResponseWriter, q url.Values, scopes []string) {
	pageHeaders(w)
	_ = consentHTML.Execute(w, map[string]any{
		"System": s.cfg.System, "Client": q.Get("client_id"), "Query": template.URL(q.Encode()), "Users": s.cfg.Users(), "Hint": q.Get("login_hint"), "Scopes": scopes,
	})
}

func (s *AuthServer) errorPage(w http.ResponseWriter, e *AuthError) {
	pageHeaders(w)
	w.WriteHeader(e.Status)
	_ = authErrorHTML.Execute(w, e)
}

func pageHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'")
}

// SameOrigin reports whether a browser's request comes from the page's own origin. A request without a browser's headers is
// from a program, which no other site can make send it.
func SameOrigin(r *http.Request) bool {
	return http.NewCrossOriginProtection().Check(r) == nil
}
