package entra

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// The paths below /{tenant}, and how long tokens live.
const (
	AuthorizePath = "/oauth2/v2.0/authorize"
	TokenPath     = "/oauth2/v2.0/token"

	AccessLife  = 3599 * time.Second
	RefreshLife = 90 * 24 * time.Hour
)

// The tenants that a path may name besides directories.
const (
	Common        = "common"
	Organizations = "organizations"
	Consumers     = "consumers"
)

// OpenScopes are those of OpenID Connect.
func OpenScopes() []string { return []string{"openid", "profile", "email", "offline_access"} }

// TenantPath splits /{tenant}/rest.
func TenantPath(path string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return name, "/" + rest, ok && name != ""
}

// CheckPage refuses values that Microsoft's page does not know, and what the stand-ins' page cannot do.
func CheckPage(q url.Values) *sandbox.AuthError {
	bad := func(name string) *sandbox.AuthError {
		e := Refuse(900144).Auth()
		e.Description += " The value of '" + name + "' is not supported."
		return e
	}
	if m := q.Get("response_mode"); m != "" && m != "query" {
		return bad("response_mode")
	}
	for _, p := range strings.Fields(q.Get("prompt")) {
		switch p {
		case "none":
			return Refuse(16000).Auth()
		case "login", "consent", "select_account":
		default:
			return bad("prompt")
		}
	}
	return nil
}

// At is r for the path that the authorisation server knows.
func At(r *http.Request, path string) *http.Request {
	c := r.Clone(r.Context())
	c.URL.Path, c.URL.RawPath = path, ""
	c.Form, c.PostForm = r.Form, r.PostForm
	return c
}

// Back redirects to the application with its state.
func Back(w http.ResponseWriter, r *http.Request, params url.Values) {
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
