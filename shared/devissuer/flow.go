package devissuer

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeLife is how long a code can be turned into tokens.
const codeLife = time.Minute

// grant is what a code stands for.
type grant struct {
	person      Person
	redirectURI string
	challenge   string
	nonce       string
	expires     time.Time
}

// request is an authorization request (RFC 6749 section 4.1.1) that may be answered.
type request struct {
	redirectURI, state, nonce, challenge string
}

// authRequest reads the request, or answers it. Nothing is sent to an address that is not registered.
func (i *Issuer) authRequest(w http.ResponseWriter, r *http.Request) (request, bool) {
	q := r.URL.Query()
	req := request{q.Get("redirect_uri"), q.Get("state"), q.Get("nonce"), q.Get("code_challenge")}
	if q.Get("client_id") != i.cfg.ClientID {
		http.Error(w, "client_id: this issuer does not know the client", http.StatusBadRequest)
		return req, false
	}
	if !slices.Contains(i.cfg.RedirectURIs, req.redirectURI) {
		http.Error(w, "redirect_uri: the address is not registered for the client", http.StatusBadRequest)
		return req, false
	}
	code, why := "", ""
	switch {
	case q.Get("response_type") != "code":
		code, why = "unsupported_response_type", "response_type must be code"
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		code, why = "invalid_scope", "scope must have openid"
	case q.Get("code_challenge_method") != "S256" || len(req.challenge) != base64.RawURLEncoding.EncodedLen(sha256.Size):
		code, why = "invalid_request", "a code_challenge with the method S256 is needed"
	}
	if code != "" {
		sendBack(w, r, req, url.Values{"error": {code}, "error_description": {why}})
		return req, false
	}
	return req, true
}

func sendBack(w http.ResponseWriter, r *http.Request, req request, answer url.Values) {
	u, err := url.Parse(req.redirectURI)
	if err != nil {
		http.Error(w, "redirect_uri: it is not a URL", http.StatusBadRequest)
		return
	}
	q := u.Query()
	for k, v := range answer {
		q[k] = v
	}
	if req.state != "" {
		q.Set("state", req.state)
	}
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

func (i *Issuer) page(w http.ResponseWriter, r *http.Request) {
	if _, ok := i.authRequest(w, r); !ok {
		return
	}
	i.mu.Lock()
	people := slices.Clone(i.people)
	i.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	// The answer has begun; a browser that went away is nothing to tell anybody.
	_ = signIn.Execute(w, map[string]any{"People": people, "Query": template.URL("?" + r.URL.RawQuery)})
}

var signIn = template.Must(template.New("signin").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in to Meibo</title>
</head>
<body>
<main>
<h1>Sign in to Meibo</h1>
<p>This is the sign-in of the local edition. It asks for no password.</p>
{{if .People}}<form method="post" action="{{.Query}}">
<ul>
{{range .People}}<li><button type="submit" name="person" value="{{.Subject}}">{{.Name}} &lt;{{.Email}}&gt;</button></li>
{{end}}</ul>
</form>{{else}}<p>There is nobody who could sign in yet.</p>{{end}}
</main>
</body>
</html>
`))

func (i *Issuer) choose(w http.ResponseWriter, r *http.Request) {
	req, ok := i.authRequest(w, r)
	if !ok {
		return
	}
	p, ok := i.person(r.PostFormValue("person"))
	if !ok {
		sendBack(w, r, req, url.Values{"error": {"access_denied"}})
		return
	}
	var b [32]byte
	if _, err := io.ReadFull(i.cfg.Rand, b[:]); err != nil {
		sendBack(w, r, req, url.Values{"error": {"server_error"}})
		return
	}
	code := base64.RawURLEncoding.EncodeToString(b[:])
	now := i.cfg.Clock.Now()
	i.mu.Lock()
	for c, g := range i.codes {
		if !g.expires.After(now) {
			delete(i.codes, c)
		}
	}
	i.codes[code] = grant{p, req.redirectURI, req.challenge, req.nonce, now.Add(codeLife)}
	i.mu.Unlock()
	sendBack(w, r, req, url.Values{"code": {code}})
}

// take returns what a code stands for, once.
func (i *Issuer) take(code string) (grant, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	g, ok := i.codes[code]
	delete(i.codes, code)
	return g, ok && g.expires.After(i.cfg.Clock.Now())
}

func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	refuse := func(code, why string) {
		reply(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": why})
	}
	if r.PostFormValue("grant_type") != "authorization_code" {
		refuse("unsupported_grant_type", "grant_type must be authorization_code")
		return
	}
	if r.PostFormValue("client_id") != i.cfg.ClientID {
		refuse("invalid_client", "this issuer does not know the client")
		return
	}
	g, ok := i.take(r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	proof := base64.RawURLEncoding.EncodeToString(sum[:])
	if !ok || g.redirectURI != r.PostFormValue("redirect_uri") || subtle.ConstantTimeCompare([]byte(proof), []byte(g.challenge)) != 1 {
		refuse("invalid_grant", "the code was used, has expired, or belongs to another request")
		return
	}
	id, err := i.sign(g.person, g.nonce)
	if err == nil {
		var access string
		if access, err = i.sign(g.person, ""); err == nil {
			reply(w, http.StatusOK, map[string]any{"access_token": access, "id_token": id, "token_type": "Bearer",
				"expires_in": int(i.cfg.Life / time.Second), "scope": "openid email profile"})
			return
		}
	}
	reply(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
}
