package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/oauth"
)

// What Token.Extra has of an account: the portal, the user's id in it and e-mail address, the portal's domain, and the scopes that were
// granted, with spaces between.
const (
	ExtraHub    = "hub_id"
	ExtraUser   = "user_id"
	ExtraEmail  = "user"
	ExtraDomain = "hub_domain"
	ExtraScopes = "scopes"
)

// DefaultApp is the origin of HubSpot's consent page, in whichever region an account is.
const DefaultApp = "https://app.hubspot.com"

// The scopes that Meibo knows.
const (
	ScopeOAuth          = "oauth"
	ScopeContactsRead   = "crm.objects.contacts.read"
	ScopeContactsWrite  = "crm.objects.contacts.write"
	ScopeSchemasRead    = "crm.schemas.contacts.read"
	ScopeSchemasWrite   = "crm.schemas.contacts.write"
	ScopeListsRead      = "crm.lists.read"
	ScopeListsWrite     = "crm.lists.write"
	ScopeOwnersRead     = "crm.objects.owners.read"
	ScopeCompaniesRead  = "crm.objects.companies.read"
	ScopeCompaniesWrite = "crm.objects.companies.write"
)

// Scopes returns the scopes without which nothing can be synced. An account that cannot give one of them refuses Meibo.
func Scopes() []string {
	return []string{ScopeOAuth, ScopeContactsRead, ScopeContactsWrite, ScopeSchemasRead}
}

// OptionalScopes returns the scopes that a connection goes on without: it then has no segments, owned contacts, new properties or companies.
func OptionalScopes() []string {
	return []string{ScopeSchemasWrite, ScopeListsRead, ScopeListsWrite, ScopeOwnersRead, ScopeCompaniesRead, ScopeCompaniesWrite}
}

// Endpoints are the origins of HubSpot's consent page and of its API. The zero value means HubSpot's own.
type Endpoints struct{ App, API string }

// Provider is HubSpot's side of the code flow (see package oauth). The client's credentials go into the body.
type Provider struct {
	Endpoints Endpoints
	// Clock is clock.Real{} if nil.
	Clock clock.Clock
}

var _ oauth.Provider = Provider{}

func origin(configured, own string) string {
	if configured != "" {
		return strings.TrimRight(configured, "/")
	}
	return own
}

// AuthCodeURL names the scopes that are needed, and those that are dropped in silence where an account cannot give them. That the
// consent takes a code challenge is what the member code_verifier of the token request implies.
func (p Provider) AuthCodeURL(c oauth.Client, r oauth.AuthRequest) string {
	q := url.Values{
		"client_id": {c.ID}, "redirect_uri": {r.RedirectURI}, "state": {r.State},
		"scope": {strings.Join(Scopes(), " ")}, "optional_scope": {strings.Join(OptionalScopes(), " ")},
	}
	if r.Challenge != "" {
		q.Set("code_challenge", r.Challenge)
		q.Set("code_challenge_method", "S256")
	}
	return origin(p.Endpoints.App, DefaultApp) + "/oauth/authorize?" + q.Encode()
}

// Exchange turns the code into a token, and asks once whose it is.
func (p Provider) Exchange(ctx context.Context, hc *http.Client, c oauth.Client, r oauth.Return) (oauth.Token, error) {
	if e := r.Query.Get("error"); e != "" {
		return oauth.Token{}, refused(word(e), "HubSpot was not allowed to give Meibo access", "connect again, choose the account, and allow what is asked for")
	}
	code := r.Query.Get("code")
	if code == "" {
		return oauth.Token{}, refused("no_code", "HubSpot's answer carries no code", "connect again")
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {r.RedirectURI}}
	if r.Verifier != "" {
		form.Set("code_verifier", r.Verifier)
	}
	a, f, err := p.ask(ctx, hc, c, form)
	switch {
	case err != nil:
		return oauth.Token{}, err
	case f == faultClient, f == faultRequest:
		return oauth.Token{}, oauth.ErrClient
	case f == faultGrant:
		return oauth.Token{}, refused("invalid_grant", "HubSpot no longer accepts this sign-in, which works once and for a short time", "connect again")
	case a.Refresh == "":
		return oauth.Token{}, refused("no_refresh_token", "HubSpot gave access for half an hour only", "connect again")
	}
	t, err := p.fill(oauth.Token{}, a)
	if err != nil {
		return oauth.Token{}, err
	}
	if err := p.introspect(ctx, hc, c, &t); err != nil && t.Extra[ExtraUser] == "" {
		return oauth.Token{}, err
	}
	var lacks []string
	for _, s := range Scopes() {
		if len(t.Scopes) > 0 && !slices.Contains(t.Scopes, s) {
			lacks = append(lacks, s)
		}
	}
	if len(lacks) > 0 {
		return oauth.Token{}, refused("scope_missing", "these permissions were not given: "+strings.Join(lacks, ", "), "ask a HubSpot super admin to connect, and to allow everything that is asked for")
	}
	if t.Extra[ExtraHub] == "" || t.Extra[ExtraUser] == "" {
		return oauth.Token{}, fmt.Errorf("%s: the token answer does not say whose account it is", System)
	}
	return t, nil
}

// Refresh renews the access token, which lives half an hour. Whether the refresh token changes is not documented: whatever comes is kept.
func (p Provider) Refresh(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) (oauth.Token, error) {
	a, f, err := p.ask(ctx, hc, c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.Refresh}})
	switch {
	case err != nil:
		return oauth.Token{}, err
	case f == faultGrant:
		return oauth.Token{}, oauth.ErrRevoked
	case f == faultClient:
		return oauth.Token{}, oauth.ErrClient
	case f == faultRequest:
		return oauth.Token{}, fmt.Errorf("%s: the access token was not renewed", System)
	}
	return p.fill(t, a)
}

// Revoke gives the refresh token back. HubSpot has one for an app, an account and a user together; as Meibo keeps one account for these,
// however many connections are on it, nobody else's ends with it. Other users of the same HubSpot account, and the app itself, stay: see
// Uninstall.
func (p Provider) Revoke(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) error {
	status, body, err := p.post(ctx, hc, c, tokenPath("/revoke"), url.Values{"token": {t.Refresh}, "token_type_hint": {"refresh_token"}})
	switch f := faultOf(status, body); {
	case err != nil:
		return err
	case status >= 200 && status < 300, status == http.StatusNotFound, f == faultGrant:
		return nil
	case f == faultClient:
		return oauth.ErrClient
	}
	return fmt.Errorf("%s: the authorisation was not given back: HTTP status %d", System, status)
}

// Uninstall removes Meibo's app from the whole HubSpot account, which ends the authorisations of all its users. It is never part of giving
// back one user's. An app that is gone already is no error.
func (p Provider) Uninstall(ctx context.Context, hc *http.Client, t oauth.Token) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, origin(p.Endpoints.API, DefaultAPI)+uninstallPath(), nil)
	if err != nil {
		return fmt.Errorf("%s: building a request failed", System)
	}
	p.Authorize(req, t)
	status, _, err := send(ctx, hc, req)
	if err != nil {
		return err
	}
	if status >= 200 && status < 300 || status == http.StatusUnauthorized || status == http.StatusNotFound {
		return nil
	}
	return fmt.Errorf("%s: the app was not removed: HTTP status %d", System, status)
}

// Authorize sets the access token.
func (Provider) Authorize(r *http.Request, t oauth.Token) {
	r.Header.Set("Authorization", "Bearer "+t.Access)
}

// usualLife is how long an access token lives; an answer may not say so, and a call that is refused renews it as well. longestLife, in
// seconds, is what is believed of one.
const (
	usualLife   = 30 * time.Minute
	longestLife = 24 * 60 * 60
)

// fill takes what every token answer has.
func (p Provider) fill(t oauth.Token, a tokenAnswer) (oauth.Token, error) {
	if a.Access == "" {
		return oauth.Token{}, fmt.Errorf("%s: the token answer has no token", System)
	}
	if a.Refresh != "" {
		t.Refresh = a.Refresh
	}
	extra := maps.Clone(t.Extra)
	if extra == nil {
		extra = map[string]string{}
	}
	t.Extra = extra
	take(&t, a)
	var ck clock.Clock = clock.Real{}
	if p.Clock != nil {
		ck = p.Clock
	}
	life := usualLife
	if a.ExpiresIn > 0 {
		life = time.Duration(min(a.ExpiresIn, longestLife)) * time.Second
	}
	t.Access, t.Expiry = a.Access, ck.Now().Add(life)
	return t, nil
}

// introspect learns the user's e-mail address, and what the token answer left out. The documents do not agree on what the token is called
// there, so it is given by both names.
func (p Provider) introspect(ctx context.Context, hc *http.Client, c oauth.Client, t *oauth.Token) error {
	status, body, err := p.post(ctx, hc, c, tokenPath("/introspect"), url.Values{"token": {t.Access}, "access_token": {t.Access}, "token_type_hint": {"access_token"}})
	if err != nil {
		return err
	}
	var a tokenAnswer
	if status < 200 || status >= 300 || json.Unmarshal(body, &a) != nil {
		return fmt.Errorf("%s: the OAuth server does not say whose account it is: HTTP status %d", System, status)
	}
	take(t, a)
	return nil
}

// take keeps in t what an answer says of the account.
func take(t *oauth.Token, a tokenAnswer) {
	for k, v := range map[string]string{ExtraHub: id(a.Hub), ExtraUser: id(a.User), ExtraEmail: a.Email, ExtraDomain: a.Domain, ExtraScopes: strings.Join(a.Scopes, " ")} {
		if v != "" {
			t.Extra[k] = v
		}
	}
	if len(a.Scopes) > 0 {
		t.Scopes = a.Scopes
	}
}

func id(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// tokenAnswer is an answer of the token endpoint, or of introspection.
type tokenAnswer struct {
	Access    string   `json:"access_token"`
	Refresh   string   `json:"refresh_token"`
	ExpiresIn int      `json:"expires_in"`
	Hub       int64    `json:"hub_id"`
	User      int64    `json:"user_id"`
	Email     string   `json:"user"`
	Domain    string   `json:"hub_domain"`
	Scopes    []string `json:"scopes"`
}

// refusedFor is what a token request was refused for.
type refusedFor int

const (
	faultNone refusedFor = iota
	faultGrant
	faultClient
	faultRequest
)

// faultOf reads a refusal: by RFC 6749's word, or by HubSpot's own.
func faultOf(status int, body []byte) refusedFor {
	if status != http.StatusBadRequest && status != http.StatusUnauthorized {
		return faultNone
	}
	var e struct {
		Error  string `json:"error"`
		Status string `json:"status"`
	}
	_ = json.Unmarshal(body, &e) // what cannot be read says nothing
	switch {
	case e.Error == "invalid_grant", e.Status == "BAD_REFRESH_TOKEN", e.Status == "BAD_AUTH_CODE", e.Status == "EXPIRED_AUTH_CODE":
		return faultGrant
	case e.Error == "invalid_client", e.Error == "unauthorized_client", e.Status == "BAD_CLIENT_ID", e.Status == "BAD_CLIENT_SECRET":
		return faultClient
	}
	return faultRequest
}

// ask makes a token request. The fault is what it was refused for; the errors are transient.
func (p Provider) ask(ctx context.Context, hc *http.Client, c oauth.Client, form url.Values) (tokenAnswer, refusedFor, error) {
	status, body, err := p.post(ctx, hc, c, tokenPath(""), form)
	if err != nil {
		return tokenAnswer{}, faultNone, err
	}
	if f := faultOf(status, body); f != faultNone {
		return tokenAnswer{}, f, nil
	}
	var a tokenAnswer
	if status < 200 || status >= 300 || json.Unmarshal(body, &a) != nil {
		return tokenAnswer{}, faultNone, fmt.Errorf("%s: the OAuth server answered with HTTP status %d", System, status)
	}
	return a, faultNone, nil
}

// post sends form with the client's credentials. Its errors hold neither the form nor the address.
func (p Provider) post(ctx context.Context, hc *http.Client, c oauth.Client, path string, form url.Values) (status int, body []byte, err error) {
	form.Set("client_id", c.ID)
	form.Set("client_secret", c.Secret)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, origin(p.Endpoints.API, DefaultAPI)+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, fmt.Errorf("%s: building a token request failed", System)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(ctx, hc, req)
}

func send(ctx context.Context, hc *http.Client, req *http.Request) (status int, body []byte, err error) {
	resp, err := hc.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return 0, nil, ctx.Err()
		}
		return 0, nil, fmt.Errorf("%s: the OAuth server cannot be reached", System)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err != nil {
		return 0, nil, fmt.Errorf("%s: the OAuth server broke off its answer", System)
	}
	return resp.StatusCode, body, nil
}

// word returns s if it is an error's name, so that nothing else of an answer gets into a message.
func word(s string) string {
	if len(s) > 40 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "unknown"
	}
	return s
}

func refused(code, reason, cure string) error {
	return &oauth.RefusedError{Code: code, Reason: reason, Cure: cure}
}
