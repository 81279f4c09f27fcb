// Package system is the list of the vendors' systems that Meibo connects to, as data, and opens accounts at them. It is the one
// place that imports every connector: adding a system means adding a line to All.
package system

import (
	"context"
	"net/http"
	"slices"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/google"
	"meibo/shared/connector/pace"
	"meibo/shared/connector/zoho"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

// The ids of the systems, as profiles and stored accounts use them.
const (
	Google = "google"
	Zoho   = "zoho"
)

// Connect makes the connector of one account. The client authorises; extra is what the vendor told with the account's token.
// It makes no call of the API.
type Connect func(ctx context.Context, hc *http.Client, a tenancy.Account, extra map[string]string) (connector.Connector, error)

// System is one system: what the consent flow needs of it, and how to connect to an account.
type System struct {
	oauth.System
	New Connect
}

// Endpoints are the addresses of the systems. The zero value means the vendors' own.
type Endpoints struct {
	Google GoogleEndpoints
	Zoho   ZohoEndpoints
}

// GoogleEndpoints replace Google's addresses. Empty ones are Google's own.
type GoogleEndpoints struct {
	google.Endpoints
	API      string // origin of the People API
	Userinfo string // full address
}

// ZohoEndpoints replace Zoho's addresses. Empty ones are Zoho's own.
type ZohoEndpoints struct {
	Accounts string   // origin of the accounts server
	Origins  []string // further origins that a sign-in may name as accounts server or API domain
}

// Sandboxes returns the endpoints of the stand-ins that serve at these origins. Each serves everything of its vendor from one.
func Sandboxes(googleOrigin, zohoOrigin string) Endpoints {
	return Endpoints{
		Google: GoogleEndpoints{
			Endpoints: google.Endpoints{
				AuthURL:   googleOrigin + "/o/oauth2/v2/auth",
				TokenURL:  googleOrigin + "/token",
				RevokeURL: googleOrigin + "/revoke",
			},
			API:      googleOrigin,
			Userinfo: googleOrigin + "/oauth2/v3/userinfo",
		},
		Zoho: ZohoEndpoints{Accounts: zohoOrigin, Origins: []string{zohoOrigin}},
	}
}

// DefaultPatience is how long one call may wait out a vendor's limit by itself: just over a minute, since the vendors' limits are
// by the minute and a slice that ends costs more calls than a wait. Longer waits end the slice, and a later one goes on.
const DefaultPatience = 62 * time.Second

// Config is what the systems are made with.
type Config struct {
	Clock     clock.Clock
	Endpoints Endpoints
	// GoogleLimits are the quotas of the installation's Google project; nil means google.DefaultLimits, and an empty list
	// that Meibo does not pace itself.
	GoogleLimits []pace.Limit
	// GoogleVisibility is how long a write may stay invisible to Google's listings; 0 means google.DefaultVisibility. A create
	// whose outcome is unknown waits for it, so stand-ins, which can promise less, are given less.
	GoogleVisibility time.Duration
	// Patience is how long a call may wait; 0 means DefaultPatience.
	Patience time.Duration
}

// All returns every system, in the order in which people are offered them.
func All(c Config) []System {
	if c.GoogleLimits == nil {
		c.GoogleLimits = google.DefaultLimits()
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	return []System{
		build(Zoho, zoho.System, profile.CRM,
			zoho.Provider{AccountsServer: c.Endpoints.Zoho.Accounts, Origins: c.Endpoints.Zoho.Origins, Clock: c.Clock},
			func(_ context.Context, hc *http.Client, _ tenancy.Account, extra map[string]string) (connector.Connector, error) {
				return zoho.New(zoho.Config{Client: hc, APIDomain: extra[zoho.ExtraAPIDomain], Clock: c.Clock, Patience: c.Patience})
			}),
		build(Google, google.System, profile.Book,
			google.Provider{Endpoints: c.Endpoints.Google.Endpoints, Clock: c.Clock},
			func(ctx context.Context, hc *http.Client, _ tenancy.Account, _ map[string]string) (connector.Connector, error) {
				return google.New(ctx, google.Config{
					Client: hc, BaseURL: c.Endpoints.Google.API, UserinfoURL: c.Endpoints.Google.Userinfo,
					Clock: c.Clock, Limits: slices.Clone(c.GoogleLimits), Patience: c.Patience, Visibility: c.GoogleVisibility,
				})
			}),
	}
}

// build builds one system. Whose account it is, is asked through a connector made with the account's first token.
func build(id, name string, side profile.Side, p oauth.Provider, connect Connect) System {
	return System{
		System: oauth.System{
			ID: id, Name: name, Side: side, Provider: p,
			Identify: func(ctx context.Context, hc *http.Client, t oauth.Token) (connector.Identity, error) {
				c, err := connect(ctx, hc, tenancy.Account{System: id, Side: side}, t.Extra)
				if err != nil {
					return connector.Identity{}, err
				}
				who, ok := c.(connector.Identifier)
				if !ok {
					return connector.Identity{}, connector.ErrMisconfigured
				}
				return who.Identify(ctx)
			},
		},
		New: connect,
	}
}

// ByID returns the OAuth part of systems by id, as package oauth takes them.
func ByID(systems []System) map[string]oauth.System {
	m := make(map[string]oauth.System, len(systems))
	for _, s := range systems {
		m[s.ID] = s.System
	}
	return m
}

// Find returns the system with the id, and whether there is one.
func Find(systems []System, id string) (System, bool) {
	i := slices.IndexFunc(systems, func(s System) bool { return s.ID == id })
	if i < 0 {
		return System{}, false
	}
	return systems[i], true
}
