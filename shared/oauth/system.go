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
	Provider Provider
	// Identify asks the vendor whose account it is. The client already authorises, with t.
	Identify func(ctx context.Context, hc *http.Client, t Token) (connector.Identity, error)
}

// ClientSource returns Meibo's registration at a system. A system that has none gives an error that names it and the cure.
type ClientSource interface {
	Client(ctx context.Context, system string) (Client, error)
}
