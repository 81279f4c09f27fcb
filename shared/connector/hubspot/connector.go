// Package hubspot connects Meibo to the contacts of HubSpot, over net/http. There is no maintained Go client of that API, so the few
// calls that a sync needs are made here: contacts, companies, properties, segments (lists), owners and the account.
//
// It implements the contract of package connector, its optional interfaces Identifier, Grouper (segments), FieldMaker, MemberScanner,
// Watcher, Coster, Pacer and Reuser, and the vendor's side of package oauth. It follows HubSpot's OpenAPI documents, and where those are
// silent it is built so that being wrong is harmless.
//
// What is special about this vendor: the only listing of changes is a search that is late, never shows deletions, and gives out ten
// thousand rows at most, so it is cut by id; a merge makes a record with a new id; the time of the last change moves without any change, so
// that a version is a digest of the content; notifications of all accounts go to one address of the app.
//
// A connector lives as long as one slice of a run. What it remembers in that time only saves calls: the property catalogue, the
// companies it has met and the owner's id.
package hubspot

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/pace"
)

// System is how the vendor's users call it.
const System = "HubSpot"

// DefaultAPI is the origin of HubSpot's API.
const DefaultAPI = "https://api.hubapi.com"

// The published sizes of pages and batches.
const (
	perPage    = 100 // contacts of a list
	perSearch  = 200
	perSegment = 250 // members of a segment
	perBatch   = 100 // inputs of a batch
)

// visibility is how long a write may stay invisible to the search: HubSpot speaks of "a few moments". A change listing is complete up to
// that long before now, and begins overlap before where the one before it was complete, for what took longer.
const (
	visibility = time.Minute
	overlap    = 3 * time.Minute
)

// Config is what a Connector needs.
type Config struct {
	// Client authorises every request (see Provider.Authorize). Its transport may return the errors of package oauth.
	Client *http.Client
	// BaseURL is the origin of the API; "" means DefaultAPI.
	BaseURL string
	// Clock is clock.Real{} if nil.
	Clock clock.Clock
	// Limits are kept before the vendor has to say so: DefaultLimits, or none.
	Limits []pace.Limit
	// Patience is how long one call may wait out throttling by itself; beyond it the call returns *ThrottledError.
	Patience time.Duration
	// Extra is what came with the account's token (Token.Extra): whose account it is, and what was granted. Without it everything
	// counts as granted, and Identify cannot say who the user is.
	Extra map[string]string
}

// Connector is one HubSpot account's contacts.
type Connector struct {
	client   *http.Client
	origin   string
	clock    clock.Clock
	patience time.Duration
	extra    map[string]string
	pace     *pace.Pacer

	props     *catalogue
	me        string // owner id of the user, once it was asked for
	scoped    scoped // of the last listing or scan, for what Get says of membership
	companies companies
	single    bool          // HubSpot does not tell the segments of many contacts at once
	offset    time.Duration // of the account's midnight from UTC's
}

var (
	_ connector.Connector     = (*Connector)(nil)
	_ connector.Identifier    = (*Connector)(nil)
	_ connector.Grouper       = (*Connector)(nil)
	_ connector.FieldMaker    = (*Connector)(nil)
	_ connector.MemberScanner = (*Connector)(nil)
	_ connector.Watcher       = (*Connector)(nil)
	_ connector.Coster        = (*Connector)(nil)
	_ connector.Pacer         = (*Connector)(nil)
	_ connector.Reuser        = (*Connector)(nil)
)

// New returns a connector. It makes no call; the error is about the configuration.
func New(cfg Config) (*Connector, error) {
	if cfg.Client == nil {
		return nil, fmt.Errorf("%w: %s: no HTTP client", connector.ErrMisconfigured, System)
	}
	origin := strings.TrimRight(cfg.BaseURL, "/")
	if origin == "" {
		origin = DefaultAPI
	}
	if u, err := url.Parse(origin); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%w: %s: the address of the API is not usable", connector.ErrMisconfigured, System)
	}
	client := *cfg.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the token is for one host
	c := &Connector{client: &client, origin: origin, clock: cfg.Clock, patience: cfg.Patience, extra: cfg.Extra}
	if c.clock == nil {
		c.clock = clock.Real{}
	}
	c.pace = pace.New(System, c.clock, c.patience, cfg.Limits...)
	return c, nil
}

// granted reports whether the account's token covers a scope. Where it is not known what it covers, the vendor has the last word.
func (c *Connector) granted(scope string) bool {
	list, known := c.extra[ExtraScopes]
	if !known {
		return true
	}
	for s := range strings.FieldsSeq(list) {
		if s == scope {
			return true
		}
	}
	return false
}
