package graph

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/entra"
)

var adminHTML = template.Must(template.New("adminconsent").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Permissions requested</title></head>
<body><main><h1>Microsoft 365 (sandbox)</h1><p>The application <strong>{{.Client}}</strong> asks for these permissions for the whole organization: {{.Scope}}. This is a stand-in: no password is needed.</p>
<form method="post" action="?{{.Query}}">
<fieldset><legend>Who are you?</legend>{{range .Users}}
<label><input type="radio" name="user" value="{{.Email}}" required> {{.Name}} ({{.Email}})</label>{{else}}<p>The sandbox has no users yet.</p>{{end}}</fieldset>
<button name="decision" value="allow">Accept</button> <button name="decision" value="deny" formnovalidate>Cancel</button>
</form></main></body></html>
`))

// adminConsent shows the page on which an administrator consents for a directory, and takes its answer. Both outcomes go back with
// admin_consent=True; only a success has no error.
func (s *Sandbox) adminConsent(w http.ResponseWriter, r *http.Request, tenant string) {
	q := r.URL.Query()
	if q.Get("client_id") != s.cfg.Client.ID || !slices.Contains(s.cfg.RedirectURIs, q.Get("redirect_uri")) {
		http.Error(w, entra.Refuse(50011).Text(), http.StatusBadRequest)
		return
	}
	scopes := strings.Fields(q.Get("scope"))
	switch {
	case tenant == entra.Common || tenant == entra.Consumers:
		http.Error(w, entra.Refuse(9001023).Text(), http.StatusBadRequest)
		return
	case len(scopes) == 0:
		http.Error(w, entra.Refuse(900144).Text(), http.StatusBadRequest)
		return
	case slices.ContainsFunc(scopes, func(sc string) bool { return !knownScope(sc) }):
		http.Error(w, entra.Refuse(70011).Text(), http.StatusBadRequest)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_ = adminHTML.Execute(w, map[string]any{"Client": q.Get("client_id"), "Scope": q.Get("scope"), "Query": template.URL(q.Encode()), "Users": s.Users()})
		return
	}
	if !sandbox.SameOrigin(r) || r.ParseForm() != nil {
		http.Error(w, "This form must be sent from its own page.", http.StatusForbidden)
		return
	}
	id, e := s.consent(r, tenant, scopes)
	if e != nil {
		entra.Back(w, r, url.Values{"admin_consent": {"True"}, "error": {consentCode(e)}, "error_description": {e.Text()}})
		return
	}
	entra.Back(w, r, url.Values{"admin_consent": {"True"}, "tenant": {id}, "scope": {q.Get("scope")}})
}

// consent grants what an administrator accepted, and returns the directory.
func (s *Sandbox) consent(r *http.Request, tenant string, scopes []string) (id string, e *entra.Refusal) {
	if r.PostForm.Get("decision") != "allow" {
		return "", entra.Refuse(65004)
	}
	var ended []string
	err := s.locked(func() error {
		m := s.boxes[r.PostForm.Get("user")]
		switch {
		case m == nil:
			e = entra.Refuse(50034)
		case m.personal():
			e = entra.Refuse(500208)
		case m.Disabled:
			e = entra.Refuse(50057)
		case s.tenants[m.tid].BlockIP:
			e = entra.Refuse(53003)
		default:
			e = s.admits(tenant, m)
		}
		if e == nil && m.Admin == "" {
			e = entra.Refuse(90094)
		}
		if e != nil {
			return nil
		}
		t := s.tenants[m.tid]
		for _, sc := range scopes {
			t.grant(strings.TrimPrefix(sc, graphScope))
		}
		id, ended = t.ID, s.readmit(t)
		return nil
	})
	if err = errors.Join(err, s.end(ended)); err != nil && e == nil {
		e = entra.Refuse(90002)
	}
	return id, e
}

// grant adds a permission. ".default" is everything on the application's registration, which is also the only way to its own ones.
func (t *tenant) grant(scope string) {
	if scope == ".default" {
		t.Granted = []string{readContacts, writeContacts, readUser, readSettings}
		t.Roles = []string{writeContacts, "User.Read.All"}
		return
	}
	if !slices.Contains(t.Granted, scope) && !slices.Contains(entra.OpenScopes(), scope) {
		t.Granted = append(t.Granted, scope)
	}
}

// consentCode is what the page of admin consent answers.
func consentCode(e *entra.Refusal) string {
	if e.Number == 65004 {
		return "consent_required"
	}
	return pageCode(e)
}
