// Package oauth obtains, keeps and renews the authorisations of external accounts: RFC 6749 code flow with PKCE (RFC 7636) and
// a one-time state, one refresher at a time, tokens sealed at rest.
//
// What differs by vendor is a Provider, which lives beside the vendor's connector.
package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Client is our registration at one vendor.
type Client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// Token is an account's authorisation. It is only ever stored sealed.
type Token struct {
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token"`
	Expiry  time.Time `json:"expiry"`
	Scopes  []string  `json:"scopes,omitempty"`
	// Extra is what a vendor returned that later calls need, such as Zoho's api_domain and accounts-server.
	Extra map[string]string `json:"extra,omitempty"`
}

// AuthRequest is what the browser is sent to the vendor with.
type AuthRequest struct {
	RedirectURI string
	State       string
	Challenge   string // S256 code challenge
	LoginHint   string // e-mail address, or ""
	Site        string // the organisation's own address at the vendor (Sited), or ""
}

// Return is the browser's return from the vendor, with what was remembered of the request.
type Return struct {
	Query       url.Values
	RedirectURI string
	Verifier    string // of the S256 code challenge
	Site        string // as in the AuthRequest
}

// Credential is how calls carry an account's authorisation, and how it is renewed and given back. Errors: ErrRevoked, ErrClient,
// *RefusedError, or anything else, which is transient.
type Credential interface {
	// Refresh returns t with a new access token, and with whatever else the vendor renewed.
	Refresh(ctx context.Context, hc *http.Client, c Client, t Token) (Token, error)
	// Revoke gives the authorisation back. An authorisation that is already gone is no error.
	Revoke(ctx context.Context, hc *http.Client, c Client, t Token) error
	// Authorize sets the header that API calls need.
	Authorize(r *http.Request, t Token)
}

// Provider is a vendor's side of the code flow. Its errors are those of Credential.
type Provider interface {
	Credential
	// AuthCodeURL returns the address to send the browser to.
	AuthCodeURL(c Client, r AuthRequest) string
	// Exchange turns the browser's return into a token. It refuses (*RefusedError) one that lacks a scope Meibo needs, and a
	// callback whose hosts are not the vendor's.
	Exchange(ctx context.Context, hc *http.Client, c Client, r Return) (Token, error)
}

// Sited is a Provider of a vendor where each organisation has an address of its own, which a person types before the consent.
type Sited interface {
	// Site returns the address, as a host in its one form, that a person typed in whatever form; a *RefusedError with Code "site"
	// says what is wrong with it. Only hosts of the vendor's own are ever returned.
	Site(typed string) (string, error)
}

// Decliner is a Provider whose vendor says more than RFC 6749 about why it sent the browser back without a code.
type Decliner interface {
	// Declined returns the error for a callback that has an "error": *RefusedError, ErrClient, or one that is transient.
	Declined(callback url.Values) error
}

// Errors of the flow.
var (
	// ErrRevoked: the refresh token is dead; only the person can renew it.
	ErrRevoked = errors.New("oauth: the authorisation was withdrawn or has ended")
	// ErrClient: the vendor does not accept our client; no connection's state changes because of it.
	ErrClient = errors.New("oauth: the vendor does not accept this installation's client registration")
)

// RefusedError says why consent did not lead to an authorisation, in words for the person who gave it. Code is stable, for
// messages in other languages.
type RefusedError struct{ Code, Reason, Cure string }

func (e *RefusedError) Error() string { return e.Reason + ": " + e.Cure }
