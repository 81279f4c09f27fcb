// Package entra is what the products that sign people in with Microsoft Entra ID have in common: the code flow of the Microsoft identity
// platform v2, who signed in, and what the platform's error numbers mean for a person. It implements sections 1 to 3 of
// ../../../../shared/vendors/microsoft-graph.md; "sheet" in comments means that document. It imports connector, clock and oauth.
package entra

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/oauth"
)

// What Token.Extra holds of who signed in: the directory and the user, which together never change, and the address that was used, for
// display only.
const (
	ExtraTenant = "tid"
	ExtraObject = "oid"
	ExtraSignIn = "preferred_username"
)

// Authority is the origin of the identity platform of the worldwide cloud.
const Authority = "https://login.microsoftonline.com"

// Common lets accounts of every directory, and personal ones, sign in. Organizations leaves the personal ones out.
const (
	Common        = "common"
	Organizations = "organizations"
)

// Platform is one product's registration with the identity platform.
type Platform struct {
	Authority string   // origin; "" means Microsoft's own
	Tenant    string   // who can sign in (sheet 1); "" means Common
	Scopes    []string // everything that is asked for
	Needed    string   // the scope without which nothing can be synced
	What      string   // what Needed allows, as in "contacts were not allowed"
	Clock     clock.Clock
}

func (p Platform) config(c oauth.Client, redirectURI string) *oauth2.Config {
	authority, tenant := strings.TrimSuffix(p.Authority, "/"), p.Tenant
	if authority == "" {
		authority = Authority
	}
	if tenant == "" {
		tenant = Common
	}
	at := authority + "/" + tenant + "/oauth2/v2.0/"
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, RedirectURL: redirectURI, Scopes: p.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: at + "authorize", TokenURL: at + "token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

// AuthCodeURL is where the browser is sent. People with several accounts are asked which one; the hint puts it first.
func (p Platform) AuthCodeURL(c oauth.Client, r oauth.AuthRequest) string {
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

// Exchange turns the browser's return into a token, whose Extra says who signed in. That comes with the identity token, which is read from
// the token endpoint's own answer over TLS and so needs no signature to be believed.
func (p Platform) Exchange(ctx context.Context, hc *http.Client, c oauth.Client, r oauth.Return) (oauth.Token, error) {
	if r.Query.Get("error") != "" {
		return oauth.Token{}, Declined(r.Query)
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
	case !allows(t.Scopes, p.Needed):
		return oauth.Token{}, &oauth.RefusedError{Code: "scope", Reason: p.What + " were not allowed",
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

// Refresh renews an authorisation. A refresh token that comes along replaces the old one, which goes on working for a while (sheet 2.4).
func (p Platform) Refresh(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) (oauth.Token, error) {
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

// usualLife is about how long an access token lives.
const usualLife = time.Hour

// token returns old with what Microsoft returned. The expiry is counted on our clock.
func (p Platform) token(got *oauth2.Token, old oauth.Token) oauth.Token {
	ck := p.Clock
	if ck == nil {
		ck = clock.Real{}
	}
	t := old
	t.Extra = maps.Clone(old.Extra)
	t.Access = got.AccessToken
	if got.RefreshToken != "" {
		t.Refresh = got.RefreshToken
	}
	life := time.Duration(got.ExpiresIn) * time.Second
	if life <= 0 { // it did not say: a call that is refused renews it as well
		life = usualLife
	}
	t.Expiry = ck.Now().Add(life)
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

// Authorize sets the header that API calls need.
func Authorize(r *http.Request, t oauth.Token) { r.Header.Set("Authorization", "Bearer "+t.Access) }

// Declined says why Microsoft sent the browser back without a code (sheet 2.5). That it is an administrator who has to approve is told
// only by a number in the description; nothing else of the description is used, since anybody can write an address with any text in it.
func Declined(callback url.Values) error {
	told := Numbers(callback.Get("error_description"))
	switch callback.Get("error") {
	case "temporarily_unavailable", "server_error":
		return fmt.Errorf("%w: Microsoft could not take the consent: connect again in a few minutes", connector.ErrTransient)
	case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_resource", "invalid_scope", "invalid_client":
		if r := RefusedFor(told); r != nil {
			return r
		}
		return oauth.ErrClient
	}
	if r := RefusedFor(told); r != nil {
		return r
	}
	return &oauth.RefusedError{Code: "denied", Reason: "the consent at Microsoft was not given", Cure: "connect again and allow all that is asked for"}
}
