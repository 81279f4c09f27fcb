// Package zoho connects Meibo to the Contacts of Zoho CRM: REST API v8, over net/http. There is no maintained Go client of that
// API, so the few calls that a sync needs are made here.
//
// It implements the contract of package connector, its optional interfaces Grouper (custom views), Identifier, MemberScanner,
// FieldMaker, ProvenanceReader, Watcher and Coster, and the vendor's side of package oauth. It follows Zoho's OpenAPI documents for v8, and
// where those are silent it is built so that being wrong is harmless.
//
// A connector lives as long as one slice of a run. What it remembers in that time is bounded and only saves calls: the field
// catalogue, the companies it has looked up, and the deleted-records feed of the last minute.
package zoho

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
)

// System is how the vendor's users call it.
const System = "Zoho CRM"

// The published limits that shape calls. maxURLList is what the ids and fields parameters may hold, in characters.
const (
	perPage    = 200
	pageReach  = 2_000 // records that page numbers reach; beyond that only page tokens do
	maxFields  = 50
	maxURLList = 1024
	maxWrite   = 100
	maxIDs     = 50 // ids of 19 digits in maxURLList
	maxIn      = 50 // values of one COQL "in"
)

// overlap is how far a change listing reaches back before the start of the one before it. Modified_Time has a precision of one
// second, and a write may carry a time a little before it becomes visible.
const overlap = 60 * time.Second

// Config is what a Connector needs.
type Config struct {
	// Client authorises every request (see Provider.Authorize). Its transport may return the errors of package oauth.
	Client *http.Client
	// APIDomain is the origin that came with the token: Token.Extra[ExtraAPIDomain].
	APIDomain string
	// Clock is clock.Real{} if nil.
	Clock clock.Clock
	// Rand spreads back-offs; crypto/rand if nil.
	Rand io.Reader
	// RunTriggers lets the organisation's workflows, approvals and blueprints run on what Meibo writes. They are skipped
	// unless it is set: an address-book sync that fires workflows can send mail to thousands of people.
	RunTriggers bool
	// Patience is how long one call may wait out throttling by itself; beyond it the call returns *ThrottledError.
	Patience time.Duration
}

// Connector is one Zoho CRM user's Contacts.
type Connector struct {
	client   *http.Client
	base     string // .../crm/v8
	clock    clock.Clock
	rand     io.Reader
	trigger  bool
	patience time.Duration

	parked    time.Time // no call before this: the day's credits are spent
	fields    *catalogue
	companies companies
	// sought and made count the company names that were looked up and those that were not found.
	sought, made int
	graves       graves
}

var (
	_ connector.Connector        = (*Connector)(nil)
	_ connector.Grouper          = (*Connector)(nil)
	_ connector.Identifier       = (*Connector)(nil)
	_ connector.MemberScanner    = (*Connector)(nil)
	_ connector.FieldMaker       = (*Connector)(nil)
	_ connector.ProvenanceReader = (*Connector)(nil)
	_ connector.Coster           = (*Connector)(nil)
)

// New returns a connector. It makes no call; the error is about the configuration.
func New(cfg Config) (*Connector, error) {
	u, err := url.Parse(cfg.APIDomain)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%w: %s: the account has no usable api_domain; connect the account again", connector.ErrMisconfigured, System)
	}
	if cfg.Client == nil {
		return nil, fmt.Errorf("%w: %s: no HTTP client", connector.ErrMisconfigured, System)
	}
	c := &Connector{
		client:   cfg.Client,
		base:     strings.TrimRight(cfg.APIDomain, "/") + "/crm/v8",
		clock:    cfg.Clock,
		rand:     cfg.Rand,
		trigger:  cfg.RunTriggers,
		patience: cfg.Patience,
	}
	if c.clock == nil {
		c.clock = clock.Real{}
	}
	if c.rand == nil {
		c.rand = rand.Reader
	}
	return c, nil
}
