package pipedrive

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/oauth"
)

// ExtraAPIDomain is where Token.Extra has the origin of the company's API.
const ExtraAPIDomain = "api_domain"

// DefaultAuth is the origin of Pipedrive's OAuth server.
const DefaultAuth = "https://oauth.pipedrive.com"

// The scopes that Meibo's app is registered with: an authorize request has none. Without the first nothing can be synced; the others
// are for fields made at set-up and for webhooks, and a connection goes on without them.
const (
	ScopeContacts = "contacts:full"
	ScopeFields   = "contact-fields:full"
	ScopeWebhooks = "webhooks:full"
)

// Scopes returns what to register Meibo's app with, besides the base that every app has.
func Scopes() []string { return []string{ScopeContacts, ScopeFields, ScopeWebhooks} }

// Endpoints are the addresses of Pipedrive's OAuth server. The zero value means Pipedrive's own.
type Endpoints struct{ Auth string } // origin

// Provider is Pipedrive's side of the code flow (see package oauth). The company's API is known only from the token answer, and is checked
// against Pipedrive's hosts before anything is sent there. There is no PKCE and no scope parameter.
type Provider struct {
	Endpoints Endpoints
	// Origins are further origins to accept as the API's, such as a sandbox's.
	Origins []string
	// Clock is clock.Real{} if nil.
	Clock clock.Clock
}

var _ oauth.Provider = Provider{}

func (p Provider) auth() string {
	if p.Endpoints.Auth != "" {
		return strings.TrimRight(p.Endpoints.Auth, "/")
	}
	return DefaultAuth
}

// AuthCodeURL names client, address and state: Pipedrive takes nothing else.
func (p Provider) AuthCodeURL(c oauth.Client, r oauth.AuthRequest) string {
	return p.auth() + "/oauth/authorize?" + url.Values{"client_id": {c.ID}, "redirect_uri": {r.RedirectURI}, "state": {r.State}}.Encode()
}

// Declined says why Pipedrive sent the browser back without a code.
func (p Provider) Declined(callback url.Values) error {
	if e := callback.Get("error"); e != "user_denied" && e != "access_denied" {
		return refused(word(e), "Pipedrive did not give Meibo access", "connect again and choose Allow and install")
	}
	return refused("user_denied", "Pipedrive was not allowed to give Meibo access", "connect again and choose Allow and install")
}

// Exchange turns the code, which lives five minutes and works once, into a token.
func (p Provider) Exchange(ctx context.Context, hc *http.Client, c oauth.Client, r oauth.Return) (oauth.Token, error) {
	if r.Query.Get("error") != "" {
		return oauth.Token{}, p.Declined(r.Query)
	}
	if r.Query.Get("code") == "" {
		return oauth.Token{}, refused("no_code", "Pipedrive's answer carries no code", "connect again")
	}
	a, fault, err := p.ask(ctx, hc, c, url.Values{
		"grant_type": {"authorization_code"}, "code": {r.Query.Get("code")}, "redirect_uri": {r.RedirectURI},
	})
	switch {
	case err != nil:
		return oauth.Token{}, err
	case fault == faultClient, fault == faultRequest:
		return oauth.Token{}, oauth.ErrClient
	case fault == faultGrant:
		return oauth.Token{}, refused("invalid_grant", "Pipedrive no longer accepts this sign-in; it is valid for five minutes, and once", "connect again")
	case a.Refresh == "":
		return oauth.Token{}, refused("no_refresh_token", "Pipedrive gave access for an hour only", "connect again")
	}
	t := oauth.Token{Refresh: a.Refresh, Scopes: splitScopes(a.Scope)}
	if len(t.Scopes) > 0 && !slices.Contains(t.Scopes, ScopeContacts) {
		return oauth.Token{}, refused("scope_missing", "these permissions were not given: "+ScopeContacts, "connect again and allow everything that is asked for")
	}
	return p.fill(t, a)
}

// Refresh renews the access token, and with it learns where the company's API is by now. Pipedrive keeps the refresh token, and moves its
// end forward.
func (p Provider) Refresh(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) (oauth.Token, error) {
	a, fault, err := p.ask(ctx, hc, c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.Refresh}})
	switch {
	case err != nil:
		return oauth.Token{}, err
	case fault == faultGrant:
		return oauth.Token{}, oauth.ErrRevoked
	case fault == faultClient:
		return oauth.Token{}, oauth.ErrClient
	case fault == faultRequest:
		return oauth.Token{}, fmt.Errorf("%s: the access token was not renewed", System)
	}
	if a.Refresh != "" {
		t.Refresh = a.Refresh
	}
	if a.Scope != "" {
		t.Scopes = splitScopes(a.Scope)
	}
	return p.fill(t, a)
}

// Revoke gives the refresh token back, which removes Meibo from what the user has installed.
func (p Provider) Revoke(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) error {
	status, body, err := p.post(ctx, hc, c, "/oauth/revoke", url.Values{"token": {t.Refresh}, "token_type_hint": {"refresh_token"}})
	switch fault := faultOf(status, body); {
	case err != nil:
		return err
	case status >= 200 && status < 300, fault == faultGrant:
		return nil
	case fault == faultClient:
		return oauth.ErrClient
	}
	return fmt.Errorf("%s: the authorisation was not given back: HTTP status %d", System, status)
}

// Authorize sets the access token.
func (Provider) Authorize(r *http.Request, t oauth.Token) {
	r.Header.Set("Authorization", "Bearer "+t.Access)
}

// fill takes what every token answer has.
func (p Provider) fill(t oauth.Token, a tokenAnswer) (oauth.Token, error) {
	if a.Access == "" {
		return oauth.Token{}, fmt.Errorf("%s: the token answer has no token", System)
	}
	extra := maps.Clone(t.Extra)
	if extra == nil {
		extra = map[string]string{}
	}
	if a.APIDomain != "" {
		extra[ExtraAPIDomain] = strings.TrimRight(a.APIDomain, "/")
	}
	t.Extra = extra
	if !p.trusted(extra[ExtraAPIDomain]) {
		return oauth.Token{}, refused("unknown_api_domain", "the token answer names an API that is not one of Pipedrive's", "connect again")
	}
	var ck clock.Clock = clock.Real{}
	if p.Clock != nil {
		ck = p.Clock
	}
	t.Access, t.Expiry = a.Access, ck.Now().Add(time.Duration(a.ExpiresIn)*time.Second)
	return t, nil
}

// trusted reports whether origin is a company's host at Pipedrive, or was configured.
func (p Provider) trusted(origin string) bool {
	for _, o := range append([]string{p.Endpoints.Auth}, p.Origins...) {
		if o != "" && strings.TrimRight(o, "/") == origin {
			return true
		}
	}
	host, https := strings.CutPrefix(origin, "https://")
	company, ours := strings.CutSuffix(host, ".pipedrive.com")
	return https && ours && company != "" && strings.Trim(company, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == ""
}

// tokenAnswer is an answer of the token endpoint.
type tokenAnswer struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	APIDomain string `json:"api_domain"`
	ExpiresIn int    `json:"expires_in"`
	Scope     string `json:"scope"`
}

// fault is what a refused token request was refused for.
type fault int

const (
	faultNone fault = iota
	faultGrant
	faultClient
	faultRequest
)

// faultOf reads a refusal. What the body of one looks like is not documented: only its words are, in one of two spellings, so all of it is
// searched for them.
func faultOf(status int, body []byte) fault {
	if status != http.StatusBadRequest && status != http.StatusUnauthorized {
		return faultNone
	}
	text := strings.ReplaceAll(strings.ToLower(string(body)), "_", " ")
	switch {
	case strings.Contains(text, "invalid client"), strings.Contains(text, "unauthorized client"):
		return faultClient
	case strings.Contains(text, "invalid grant"), strings.Contains(text, "invalid token"):
		return faultGrant
	}
	return faultRequest
}

// ask makes a token request. fault is what it was refused for; the errors are transient.
func (p Provider) ask(ctx context.Context, hc *http.Client, c oauth.Client, form url.Values) (tokenAnswer, fault, error) {
	status, body, err := p.post(ctx, hc, c, "/oauth/token", form)
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
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.auth()+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, fmt.Errorf("%s: building a token request failed", System)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(c.ID, c.Secret)
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

// splitScopes reads scopes: separated by commas, or by spaces as elsewhere.
func splitScopes(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// word returns s if it is an error's name, so that nothing else of an answer gets into a message.
func word(s string) string {
	if s == "" || len(s) > 40 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "unknown"
	}
	return s
}

func refused(code, reason, cure string) error {
	return &oauth.RefusedError{Code: code, Reason: reason, Cure: cure}
}
