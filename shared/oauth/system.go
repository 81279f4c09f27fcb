package oauth

import (
	"context"
	"net/http"

	"meibo/shared/connector"
	"meibo/shared/profile"
)

// System is what the flow and the keeper know of one vendor's system. The wiring gives them as a map by id.
type System struct {
	ID       string // as in profiles: "zoho"
	Name     string // as its users call it
	Side     profile.Side
	Provider Provider // nil where people enter a key instead
	Key      *Key     // nil where people consent at the vendor
	// Identify asks the vendor whose account it is. The client already authorises, with t.
	Identify func(ctx context.Context, hc *http.Client, t Token) (connector.Identity, error)
}

// credential is how calls of the system carry an account's authorisation.
func (s System) credential() Credential {
	if s.Key != nil {
		return *s.Key
	}
	return s.Provider
}

// registration is Meibo's own at the system; the zero value where accounts have keys and Meibo needs none.
func (s System) registration(ctx context.Context, from ClientSource) (Client, error) {
	if s.Key != nil {
		return Client{}, nil
	}
	return from.Client(ctx, s.ID)
}

// ClientSource returns Meibo's registration at a system. A system that has none gives an error that names it and the cure.
type ClientSource interface {
	Client(ctx context.Context, system string) (Client, error)
}
