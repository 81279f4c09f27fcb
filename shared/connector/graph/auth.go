package graph

import (
	"context"
	"net/http"
	"net/url"

	"meibo/shared/clock"
	"meibo/shared/connector/entra"
	"meibo/shared/oauth"
)

// ScopeContacts is the scope with which contacts can be read and written (sheet 4).
const ScopeContacts = "https://graph.microsoft.com/Contacts.ReadWrite"

// What Token.Extra holds: the directory and the user, which together never change, and the address that was used to sign in, for
// display only.
const (
	ExtraTenant = entra.ExtraTenant
	ExtraObject = entra.ExtraObject
	ExtraSignIn = entra.ExtraSignIn
)

// personalTenant is the directory of all personal Microsoft accounts (sheet 2.3).
const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Endpoints are the addresses of the Microsoft identity platform. The zero value means Microsoft's own, for all kinds of accounts.
type Endpoints struct {
	Authority string // origin; "" means https://login.microsoftonline.com
	Tenant    string // who can sign in (sheet 1); "" means common
}

// Provider is Microsoft's side of the OAuth flow (sheet 2), by package entra.
type Provider struct {
	Endpoints Endpoints
	Clock     clock.Clock
}

var _ oauth.Provider = Provider{}

func (p Provider) platform() entra.Platform {
	return entra.Platform{
		Authority: p.Endpoints.Authority, Tenant: p.Endpoints.Tenant, Clock: p.Clock,
		Scopes: []string{"openid", "profile", "email", "offline_access", ScopeContacts, "https://graph.microsoft.com/User.Read"},
		Needed: ScopeContacts, What: "contacts",
	}
}

// AuthCodeURL implements oauth.Provider.
func (p Provider) AuthCodeURL(c oauth.Client, r oauth.AuthRequest) string {
	return p.platform().AuthCodeURL(c, r)
}

// Exchange implements oauth.Provider.
func (p Provider) Exchange(ctx context.Context, hc *http.Client, c oauth.Client, r oauth.Return) (oauth.Token, error) {
	return p.platform().Exchange(ctx, hc, c, r)
}

// Refresh implements oauth.Provider.
func (p Provider) Refresh(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) (oauth.Token, error) {
	return p.platform().Refresh(ctx, hc, c, t)
}

// Revoke implements oauth.Provider. It does nothing: Microsoft has no way to give one authorisation back, only one that ends every
// session of the person everywhere (sheet 1). Forgetting the token is what is left; a person removes Meibo under "Apps and services" of
// the Microsoft account, or an administrator does.
func (p Provider) Revoke(context.Context, *http.Client, oauth.Client, oauth.Token) error { return nil }

// Authorize implements oauth.Provider.
func (p Provider) Authorize(r *http.Request, t oauth.Token) { entra.Authorize(r, t) }

// Declined says why Microsoft sent the browser back without a code (sheet 2.5).
func (p Provider) Declined(callback url.Values) error { return entra.Declined(callback) }
