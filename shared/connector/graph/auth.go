package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/oauth"
)

// ScopeContacts is the scope with which contacts can be read and written (sheet 4).
const ScopeContacts = "https://graph.microsoft.com/Contacts.ReadWrite"

// What Token.Extra holds: the directory and the user, which together never change, and the address that was used to sign in, for
// display only.
const (
	ExtraTenant = "tid"
	ExtraObject = "oid"
	ExtraSignIn = "preferred_username"
)

// personalTenant is the directory of all personal Microsoft accounts (sheet 2.3).
const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Endpoints are the addresses of the Microsoft identity platform. The zero value means Microsoft's own, for all kinds of accounts.
type Endpoints struct {
	Authority string // origin; "" means https://login.microsoftonline.com
	Tenant    string // who can sign in (sheet 1); "" means common
}

// Provider is Microsoft's side of the OAuth flow (sheet 2), over golang.org/x/oauth2.
type Provider struct {
	Endpoints Endpoints
	Clock     clock.Clock
}

var _ oauth.Provider = Provider{}

func (p Provider) config(c oauth.Client, redirectURI string) *oauth2.Config {
	authority, tenant := strings.TrimSuffix(p.Endpoints.Authority, "/"), p.Endpoints.Tenant
	if authority == "" {
		authority = "https://login.microsoftonline.com"
	}
	if tenant == "" {
		tenant = "common"
	}
	at := authority + "/" + tenant + "/oauth2/v2.0/"
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, RedirectURL: redirectURI,
		Scopes:   []string{"openid", "profile", "email", "offline_access", ScopeContacts, "https://graph.microsoft.com/User.Read"},
		Endpoint: oauth2.Endpoint{AuthURL: at + "authorize", TokenURL: at + "token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

// AuthCodeURL implements oauth.Provider. People with several accounts are asked which one; the hint puts it first.
func (p Provider) AuthCodeURL(c oauth.Client, r oauth.AuthRequest) string {
	opts := []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("response_mode", "query"),
		oauth2.SetAuthURLParam("prompt", "select_account"),
		oauth2.SetAuthURLParam("code_challenge", r.Challenge),
		oauth2.SetAuthURLParam("code_challenge_method", "S256"),
	}
	if r.LoginHint != "" {
		opts = append(opts, oauth2.SetAuthURLParam("login_hint", r.LoginHint))
	}
	return p.config(c, r.RedirectURI).AuthCodeURL(r.State, opts...)
}

// Exchange implements oauth.Provider. Whose account it is comes with the identity token, which is read from the token endpoint's own
// answer over TLS and so needs no signature to be believed.
func (p Provider) Exchange(ctx context.Context, hc *http.Client, c oauth.Client, r oauth.Return) (oauth.Token, error) {
	if r.Query.Get("error") != "" {
		return oauth.Token{}, p.Declined(r.Query)
	}
	code := r.Query.Get("code")
	if code == "" {
		return oauth.Token{}, &oauth.RefusedError{Code: "code", Reason: "Microsoft sent no authorisation code", Cure: "connect again"}
	}
	conf := p.config(c, r.RedirectURI)
	got, err := conf.Exchange(context.WithValue(ctx, oauth2.HTTPClient, hc), code,
		oauth2.VerifierOption(r.Verifier), oauth2.SetAuthURLParam("scope", strings.Join(conf.Scopes, " ")))
	if err != nil {
		return oauth.Token{}, tokenError(ctx, err, true)
	}
	t := p.token(got, oauth.Token{Scopes: conf.Scopes})
	who, ok := claims(got)
	switch {
	case !allows(t.Scopes, ScopeContacts):
		return oauth.Token{}, &oauth.RefusedError{Code: "scope", Reason: "contacts were not allowed",
			Cure: "connect again and allow everything that is asked for"}
	case t.Refresh == "":
		return oauth.Token{}, &oauth.RefusedError{Code: "offline", Reason: "Microsoft gave an authorisation that lasts for an hour only",
			Cure: "connect again and allow Meibo to keep access to what you have given it access to"}
	case !ok:
		return oauth.Token{}, fmt.Errorf("%w: Microsoft did not say whose account it is", connector.ErrTransient)
	}
	t.Extra = who
	return t, nil
}

// Refresh implements oauth.Provider. A refresh token that comes along replaces the old one, which goes on working for a while
// (sheet 2.4).
func (p Provider) Refresh(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) (oauth.Token, error) {
	if t.Refresh == "" {
		return oauth.Token{}, oauth.ErrRevoked
	}
	src := p.config(c, "").TokenSource(context.WithValue(ctx, oauth2.HTTPClient, hc), &oauth2.Token{RefreshToken: t.Refresh})
	got, err := src.Token()
	if err != nil {
		return oauth.Token{}, tokenError(ctx, err, false)
	}
	return p.token(got, t), nil
}

// token returns old with what Microsoft returned. The expiry is counted on our clock.
func (p Provider) token(got *oauth2.Token, old oauth.Token) oauth.Token {
	t := old
	t.Extra = maps.Clone(old.Extra)
	t.Access = got.AccessToken
	if got.RefreshToken != "" {
		t.Refresh = got.RefreshToken
	}
	t.Expiry = p.Clock.Now().Add(time.Duration(got.ExpiresIn) * time.Second)
	if s, ok := got.Extra("scope").(string); ok && s != "" {
		t.Scopes = strings.Fields(s)
	}
	return t
}

// allows reports whether scope was given. Microsoft may answer with the short form of its own scopes.
func allows(given []string, scope string) bool {
	short := scope[strings.LastIndexByte(scope, '/')+1:]
	return slices.ContainsFunc(given, func(s string) bool { return strings.EqualFold(s, scope) || strings.EqualFold(s, short) })
}

// claims reads who signed in from the identity token; false if it does not say.
func claims(got *oauth2.Token) (map[string]string, bool) {
	raw, _ := got.Extra("id_token").(string)
	segments := strings.Split(raw, ".")
	if len(segments) != 3 {
		return nil, false
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(segments[1], "="))
	var c struct {
		Tenant string `json:"tid"`
		Object string `json:"oid"`
		Name   string `json:"preferred_username"`
	}
	if err != nil || json.Unmarshal(text, &c) != nil || c.Tenant == "" || c.Object == "" {
		return nil, false
	}
	who := map[string]string{ExtraTenant: c.Tenant, ExtraObject: c.Object}
	if c.Name != "" {
		who[ExtraSignIn] = c.Name
	}
	return who, true
}

// Revoke implements oauth.Provider. It does nothing: Microsoft has no way to give one authorisation back, only one that ends every
// session of the person everywhere (sheet 1). Forgetting the token is what is left; a person removes Meibo under "Apps and services" of
// the Microsoft account, or an administrator does.
func (p Provider) Revoke(context.Context, *http.Client, oauth.Client, oauth.Token) error { return nil }

// Authorize implements oauth.Provider.
func (p Provider) Authorize(r *http.Request, t oauth.Token) {
	r.Header.Set("Authorization", "Bearer "+t.Access)
}

// Declined says why Microsoft sent the browser back without a code (sheet 2.5). That it is an administrator who has to approve is told
// only by a number in the description; nothing else of the description is used, since anybody can write an address with any text in it.
func (p Provider) Declined(callback url.Values) error {
	switch code := callback.Get("error"); code {
	case "temporarily_unavailable", "server_error":
		return fmt.Errorf("%w: Microsoft could not take the consent: connect again in a few minutes", connector.ErrTransient)
	case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_resource", "invalid_scope", "invalid_client":
		if r := refusedFor(numbers(callback.Get("error_description"))); r != nil {
			return r
		}
		return oauth.ErrClient
	}
	if r := refusedFor(numbers(callback.Get("error_description"))); r != nil {
		return r
	}
	return &oauth.RefusedError{Code: "denied", Reason: "the consent at Microsoft was not given", Cure: "connect again and allow all that is asked for"}
}

// tokenError maps what the token endpoint answered (sheet 2.5). It branches on error; the numbers only make the message better. Nothing
// else of the answer is kept: it may hold a token.
func tokenError(ctx context.Context, err error, consenting bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) {
		return fmt.Errorf("%w: Microsoft's authorisation server gave no complete answer", connector.ErrTransient)
	}
	switch r.ErrorCode {
	case "invalid_grant", "interaction_required", "consent_required":
		if refused := refusedFor(numbers(r.ErrorDescription)); consenting && refused != nil {
			return refused
		}
		return oauth.ErrRevoked
	case "invalid_client", "unauthorized_client":
		return oauth.ErrClient
	}
	status := 0
	if r.Response != nil {
		status = r.Response.StatusCode
	}
	return fmt.Errorf("%w: Microsoft's authorisation server answered with HTTP status %d", connector.ErrTransient, status)
}

// numbers returns the AADSTS numbers in a description.
func numbers(description string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`AADSTS(\d{4,8})\b`).FindAllStringSubmatch(description, 5) {
		all = append(all, m[1])
	}
	return all
}

// reason is what a group of AADSTS numbers means for the person who connects (sheet 2.6).
type reason struct {
	code, why, cure string
	numbers         []string
}

func reasons() []reason {
	return []reason{
		{"denied", "the consent at Microsoft was not given", "connect again and allow all that is asked for",
			[]string{"65001", "65004"}},
		{"admin_consent", "this company lets only its administrators approve applications",
			"ask the Microsoft 365 administrator to approve Meibo for the company, then connect again",
			[]string{"90094", "90095", "90008"}},
		{"wrong_account", "this Microsoft account cannot be used here: it belongs to another directory, or is of a kind that is not allowed",
			"choose another account when you connect, or ask the Microsoft 365 administrator to let this user use Meibo",
			[]string{"50020", "500208", "16000", "50034", "51004", "90072", "50105", "700005"}},
		{"not_in_company", "Meibo is not available in this company's directory", "ask the Microsoft 365 administrator to approve Meibo for the company, then connect again",
			[]string{"700016", "500011", "650051", "650052", "650056", "650057"}},
		{"switched_off", "the administrator has switched Meibo off for this company", "ask the Microsoft 365 administrator to enable Meibo",
			[]string{"70001", "7000112"}},
		{"disabled_user", "this Microsoft account is disabled", "ask the Microsoft 365 administrator to enable it, or choose another account",
			[]string{"50057"}},
		{"extra_step", "the company asks for an additional step to sign in", "connect again and complete the step; if that is not offered, ask the Microsoft 365 administrator whether Meibo is allowed on this device",
			[]string{"50074", "50076", "50078", "50079", "53000", "53001", "53003", "530032"}},
		{"code", "Microsoft no longer accepts this consent", "connect again", []string{"54005"}},
	}
}

// refusedFor returns what the numbers mean, nil if none of them is known.
func refusedFor(numbers []string) error {
	for _, r := range reasons() {
		if slices.ContainsFunc(numbers, func(n string) bool { return slices.Contains(r.numbers, n) }) {
			return &oauth.RefusedError{Code: r.code, Reason: r.why, Cure: r.cure}
		}
	}
	return nil
}
