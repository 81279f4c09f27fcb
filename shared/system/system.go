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
	"meibo/shared/connector/pace"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

// The ids of the systems, as profiles and stored accounts use them.
const (
	Dynamics  = "dynamics"
	Google    = "google"
	HubSpot   = "hubspot"
	Microsoft = "microsoft"
	Pipedrive = "pipedrive"
	Sansan    = "sansan"
	Zoho      = "zoho"
)

// IDs returns the ids of all systems, in the order in which people are offered them.
func IDs() []string { return []string{Pipedrive, Zoho, Sansan, HubSpot, Google, Microsoft, Dynamics} }

// Connect makes the connector of one account. The client authorises; extra is what the vendor told with the account's token.
// It makes no call of the API.
type Connect func(ctx context.Context, hc *http.Client, a tenancy.Account, extra map[string]string) (connector.Connector, error)

// System is one system: what the consent flow needs of it, how to connect to an account, and how to read what it sends.
type System struct {
	oauth.System
	New Connect
	// Hook reads the system's notifications; nil if it sends none.
	Hook connector.HookReader
	// SharedHook reads what the system sends to one address for all accounts; nil if it does not.
	SharedHook connector.SharedHookReader
	// HookLenient says that the system wants a good answer for notifications that are not proven as well: it takes any other for an
	// outage of ours, and then holds notifications back.
	HookLenient bool
}

// DefaultPatience is how long one call may wait out a vendor's limit by itself: just over a minute, since the vendors' limits are
// by the minute and a slice that ends costs more calls than a wait. Longer waits end the slice, and a later one goes on.
const DefaultPatience = 62 * time.Second

// Config is what the systems are made with.
type Config struct {
	Clock     clock.Clock
	Endpoints Endpoints
	// Offer has the ids of the systems that this installation offers; nil means all of them.
	Offer []string
	// Limits are the quotas of the installation at each system, by system id. A system that is not named has the limits that its
	// vendor publishes; with an empty list Meibo does not pace itself.
	Limits map[string][]pace.Limit
	// Visibility is how long a write may stay invisible to a system's listings, by system id; a system that is not named has what
	// its connector states. A create whose outcome is unknown waits for it, so stand-ins, which can promise less, are given less.
	Visibility map[string]time.Duration
	// Patience is how long a call may wait; 0 means DefaultPatience.
	Patience time.Duration
	// Pictures fetches pictures from the addresses that vendors name, without any authorisation; nil means a client with a timeout that
	// follows no redirects.
	Pictures *http.Client
}

// pictureTime bounds the fetching of one picture.
const pictureTime = 30 * time.Second

// limits returns the system's limits, or otherwise if none are given. Each account's pacer gets a list of its own.
func (c Config) limits(id string, otherwise func() []pace.Limit) []pace.Limit {
	if l, given := c.Limits[id]; given {
		return append([]pace.Limit{}, l...)
	}
	return otherwise()
}

// All returns every system that is offered, in the order in which people are offered them.
func All(c Config) []System {
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	if c.Pictures == nil {
		c.Pictures = &http.Client{Timeout: pictureTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	all := []System{pipedriveCRM(c), zohoCRM(c), sansanCards(c), hubSpotCRM(c), googleContacts(c), microsoft365(c), dynamics365(c)}
	if c.Offer == nil {
		return all
	}
	return slices.DeleteFunc(all, func(s System) bool { return !slices.Contains(c.Offer, s.ID) })
}

// build builds one system; how it authorises and what it sends is added to it. Whose account it is, is asked through a connector made
// with the account's first token.
func build(id, name string, side profile.Side, connect Connect) System {
	return System{
		System: oauth.System{
			ID: id, Name: name, Side: side,
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

// Hooks returns the readers of what the systems send, by system id.
func Hooks(systems []System) map[string]connector.HookReader {
	m := map[string]connector.HookReader{}
	for _, s := range systems {
		if s.Hook != nil {
			m[s.ID] = s.Hook
		}
	}
	return m
}

// SharedHooks returns the readers of what systems send to one address for all their accounts, by system id.
func SharedHooks(systems []System) map[string]connector.SharedHookReader {
	m := map[string]connector.SharedHookReader{}
	for _, s := range systems {
		if s.SharedHook != nil {
			m[s.ID] = s.SharedHook
		}
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
