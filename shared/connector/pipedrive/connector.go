// Package pipedrive connects Meibo to the people of Pipedrive, over net/http. There is no maintained Go client of that API, so
// the few calls that a sync needs are made here: persons, organizations and fields by API v2; pictures, users, filters and
// webhooks, which have no v2, by API v1.
//
// It implements the contract of package connector, its optional interfaces Identifier, Grouper (saved filters), FieldMaker,
// Photographer, MemberScanner, Watcher, Budgeter, Coster and Reuser, and the vendor's side of package oauth. It follows Pipedrive's
// OpenAPI documents, and where those are silent it is built so that being wrong is harmless.
//
// What is special about this vendor: no listing tells deletions, so a scan of ids does (Members) and reads by id prove them; there is
// no version and no idempotency key; a company's calls share a daily budget of tokens; an employer is a record of its own.
//
// A connector lives as long as one slice of a run. What it remembers in that time is bounded and only saves calls: the field
// catalogue, the organizations it has met, the user's id, and what the vendor last said of its limits.
package pipedrive

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/pace"
)

// System is how the vendor's users call it.
const System = "Pipedrive"

// The published limits that shape calls, and how many records of one kind the engine hands over at a time. Pipedrive takes
// writes singly; a batch here is what is journaled together.
const (
	perPage     = 500
	maxIDs      = 100
	createBatch = 20
	updateBatch = 50
	deleteBatch = 50
	// abreast is how many writes of a batch are under way at a time.
	abreast = 4
)

// overlap is how far a change listing reaches back before the start of the one before it: update_time has a precision of one second,
// and a write may carry a time a little before it becomes visible. visibility is how long that may take.
const (
	overlap    = 60 * time.Second
	visibility = 10 * time.Second
)

// Config is what a Connector needs.
type Config struct {
	// Client authorises every request (see Provider.Authorize). Its transport may return the errors of package oauth.
	Client *http.Client
	// APIDomain is the origin of the company's API, which came with the token: Token.Extra[ExtraAPIDomain].
	APIDomain string
	// Pictures fetches pictures from the other hosts that the vendor names. It must not authorise: those hosts are not the API's. If
	// it is nil, Photos tells that such a picture is there, without its data.
	Pictures *http.Client
	// Clock is clock.Real{} if nil.
	Clock clock.Clock
	// Rand spreads back-offs; crypto/rand if nil.
	Rand io.Reader
	// Limits are kept before the vendor has to say so: DefaultLimits, or none.
	Limits []pace.Limit
	// Connections is how many connections are taken to share the company's daily budget; 20 if 0. See PollEvery.
	Connections int
	// Patience is how long one call may wait out throttling by itself; beyond it the call returns *ThrottledError.
	Patience time.Duration
}

// Connector is one Pipedrive user's people.
type Connector struct {
	client      *http.Client
	pictures    *http.Client
	origin      *url.URL
	clock       clock.Clock
	rand        io.Reader
	patience    time.Duration
	connections int

	fields *catalogue
	orgs   organizations
	me     num
	// scoped says which scope the last listing or scan was of, for what Get says of membership.
	scoped scoped

	gate  sync.Mutex // guards the pacing: whose turn it is
	pace  *pace.Pacer
	paced []pace.Limit
	sent  int

	mu sync.Mutex // guards what follows: writes go out several at a time
	limits
}

var (
	_ connector.Connector     = (*Connector)(nil)
	_ connector.Identifier    = (*Connector)(nil)
	_ connector.Grouper       = (*Connector)(nil)
	_ connector.FieldMaker    = (*Connector)(nil)
	_ connector.Photographer  = (*Connector)(nil)
	_ connector.MemberScanner = (*Connector)(nil)
	_ connector.Watcher       = (*Connector)(nil)
	_ connector.Budgeter      = (*Connector)(nil)
	_ connector.Coster        = (*Connector)(nil)
	_ connector.Pacer         = (*Connector)(nil)
	_ connector.Reuser        = (*Connector)(nil)
)

// New returns a connector. It makes no call; the error is about the configuration.
func New(cfg Config) (*Connector, error) {
	u, err := url.Parse(strings.TrimRight(cfg.APIDomain, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%w: %s: the account has no usable api_domain; connect the account again", connector.ErrMisconfigured, System)
	}
	if cfg.Client == nil {
		return nil, fmt.Errorf("%w: %s: no HTTP client", connector.ErrMisconfigured, System)
	}
	client := *cfg.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the token is for one host
	c := &Connector{
		client: &client, pictures: cfg.Pictures, origin: u,
		clock: cfg.Clock, rand: cfg.Rand, patience: cfg.Patience, connections: cfg.Connections,
	}
	if c.clock == nil {
		c.clock = clock.Real{}
	}
	if c.rand == nil {
		c.rand = rand.Reader
	}
	if c.connections <= 0 {
		c.connections = assumedConnections
	}
	c.paced = slices.Clone(cfg.Limits)
	c.pace = c.pacer()
	return c, nil
}
