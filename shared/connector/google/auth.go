package google

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// ScopeContacts is the one scope with which contacts can be written (sheet 1.3).
const ScopeContacts = "https://www.googleapis.com/auth/contacts"

// Endpoints are the addresses of Google's authorisation server. The zero value means Google's own.
type Endpoints struct{ AuthURL, TokenURL, RevokeURL string }

// Provider is Google's side of the OAuth flow (sheet 1), over golang.org/x/oauth2.
type Provider struct {
	Endpoints Endpoints
	Clock     clock.Clock
}

var _ oauth.Provider = Provider{}

func (p Provider) config(c oauth.Client, redirectURI string) *oauth2.Config {
	or := func(s, def string) string {
		if s == "" {
			return def
		}
		return s
	}
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, RedirectURL: redirectURI,
		Scopes: []string{"openid", "email", "profile", ScopeContacts},
		Endpoint: oauth2.Endpoint{
			AuthURL:   or(p.Endpoints.AuthURL, "https://accounts.google.com/o/oauth2/v2/auth"),
			TokenURL:  or(p.Endpoints.TokenURL, "https://oauth2.googleapis.com/token"),
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// AuthCodeURL implements oauth.Provider. Consent is always asked for, because Google gives a refresh token with it only.
func (p Provider) AuthCodeURL(c oauth.Client, r oauth.AuthRequest) string {
	opts := []oauth2.AuthCodeOption{
		oauth2.AccessTypeOffline,
		oauth2.SetAuthURLParam("prompt", "consent"),
		oauth2.SetAuthURLParam("include_granted_scopes", "true"),
		oauth2.SetAuthURLParam("code_challenge", r.Challenge),
		oauth2.SetAuthURLParam("code_challenge_method", "S256"),
	}
	if r.LoginHint != "" {
		opts = append(opts, oauth2.SetAuthURLParam("login_hint", r.LoginHint))
	}
	return p.config(c, r.RedirectURI).AuthCodeURL(r.State, opts...)
}

// Exchange implements oauth.Provider. People can untick scopes; without contacts there is nothing to connect.
func (p Provider) Exchange(ctx context.Context, hc *http.Client, c oauth.Client, r oauth.Return) (oauth.Token, error) {
	code := r.Query.Get("code")
	if code == "" {
		return oauth.Token{}, &oauth.RefusedError{Code: "code", Reason: "Google sent no authorisation code", Cure: "connect again"}
	}
	conf := p.config(c, r.RedirectURI)
	got, err := conf.Exchange(context.WithValue(ctx, oauth2.HTTPClient, hc), code, oauth2.VerifierOption(r.Verifier))
	if err != nil {
		return oauth.Token{}, tokenError(ctx, err)
	}
	t := p.token(got, oauth.Token{Scopes: conf.Scopes})
	switch {
	case !slices.Contains(t.Scopes, ScopeContacts):
		return oauth.Token{}, &oauth.RefusedError{Code: "scope", Reason: "Google Contacts was not allowed",
			Cure: "connect again and leave the box for contacts ticked"}
	case t.Refresh == "":
		return oauth.Token{}, &oauth.RefusedError{Code: "offline", Reason: "Google gave an authorisation that lasts for an hour only",
			Cure: "remove Meibo at https://myaccount.google.com/connections and connect again"}
	}
	return t, nil
}

// Refresh implements oauth.Provider. A refresh token that comes along replaces the old one.
func (p Provider) Refresh(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) (oauth.Token, error) {
	if t.Refresh == "" {
		return oauth.Token{}, oauth.ErrRevoked
	}
	src := p.config(c, "").TokenSource(context.WithValue(ctx, oauth2.HTTPClient, hc), &oauth2.Token{RefreshToken: t.Refresh})
	got, err := src.Token()
	if err != nil {
		return oauth.Token{}, tokenError(ctx, err)
	}
	return p.token(got, t), nil
}

// token returns old with what Google returned. The expiry is counted on our clock.
func (p Provider) token(got *oauth2.Token, old oauth.Token) oauth.Token {
	t := old
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

// tokenError maps what the token endpoint answered (sheet 1.5). Only the error's code is kept: the rest may hold a token.
func tokenError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) {
		return fmt.Errorf("%w: Google's authorisation server gave no complete answer", connector.ErrTransient)
	}
	switch r.ErrorCode {
	case "invalid_grant", "admin_policy_enforced":
		return oauth.ErrRevoked
	case "invalid_client", "unauthorized_client", "deleted_client", "redirect_uri_mismatch":
		return oauth.ErrClient
	}
	status := 0
	if r.Response != nil {
		status = r.Response.StatusCode
	}
	return fmt.Errorf("%w: Google's authorisation server answered with HTTP status %d", connector.ErrTransient, status)
}

// Revoke implements oauth.Provider.
func (p Provider) Revoke(ctx context.Context, hc *http.Client, _ oauth.Client, t oauth.Token) error {
	address := p.Endpoints.RevokeURL
	if address == "" {
		address = "https://oauth2.googleapis.com/revoke"
	}
	token := t.Refresh
	if token == "" {
		token = t.Access
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := hc.Do(req)
	if err != nil {
		return tokenError(ctx, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusBadRequest && strings.Contains(string(body), "invalid_token") {
		return nil
	}
	return fmt.Errorf("%w: Google's authorisation server answered with HTTP status %d", connector.ErrTransient, resp.StatusCode)
}

// Authorize implements oauth.Provider.
func (p Provider) Authorize(r *http.Request, t oauth.Token) {
	r.Header.Set("Authorization", "Bearer "+t.Access)
}
