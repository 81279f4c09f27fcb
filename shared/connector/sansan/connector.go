// Package sansan connects Meibo to the business cards of a Sansan user, over net/http: Sansan publishes its Open API as web pages only,
// and no client for Go.
//
// It implements the contract of package connector, its optional interfaces Identifier, Grouper (tags), MemberScanner, Coster, Pacer and
// Reuser, and says for package oauth what an API key looks like (Key). Where Sansan's pages are silent it is built so that being wrong is
// harmless.
//
// What is special about this vendor: cards can only be read, so every write is refused; a record is not a card but the person (名寄せ
// group) whose newest card the listing names, and merging or splitting people moves ids; cards are listed by the time of their update, in
// windows, and answers hold no such time, so a version is a digest of the content; no listing tells deletions, and what was deleted and what
// the user may no longer see look alike.
//
// A connector lives as long as one slice of a run. What it remembers in that time is bounded and only saves calls: whose key it is, the
// scope listed last, and how many windows it went through.
package sansan

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
const System = "Sansan"

// What a Config leaves out.
const (
	defaultBase    = "https://api.sansan.com"
	defaultVersion = "v6.0"
)

// perPage is how many cards the vendor lists in one call, tagsPerPage how many tags.
const (
	perPage     = 300
	tagsPerPage = 100
)

// Config is what a Connector needs.
type Config struct {
	// Client authorises every request with the header of Key. Its transport may return the errors of package oauth.
	Client *http.Client
	// BaseURL is the origin of the API; "" means the vendor's own.
	BaseURL string
	// Version is the API's, as it stands in its addresses; "" means "v6.0".
	Version string
	// CardURL is the address of a card's page in Sansan, which every contact's note links: {card} and {person} stand for the ids, {query}
	// for what finds the card in a search. "" means Sansan's search page, since the address of a card's own page is not published; an
	// operator who knows it sets it.
	CardURL string
	// Owner is the user whose key it is, as Identify told it (AccountID). "" means that it is learnt from the cards, which may cost
	// Get a call.
	Owner string
	// Clock is clock.Real{} if nil.
	Clock clock.Clock
	// Limits are kept before the vendor has to say so: DefaultLimits, or none.
	Limits []pace.Limit
	// Patience is how long one call may wait out throttling by itself; beyond it the call returns *ThrottledError.
	Patience time.Duration
}

// limitCalls is the name of the limit that every call counts against.
const limitCalls = "calls"

// DefaultLimits returns the pace that is known to be accepted: 8 calls a second of a key. Sansan publishes none; it is taken to refuse more
// than 10, and on their way calls come closer together.
func DefaultLimits() []pace.Limit {
	return []pace.Limit{{Name: limitCalls, Units: 8, Per: time.Second}}
}

// Connector is one Sansan user's cards.
type Connector struct {
	client   *http.Client
	base     string // with the version, without a slash at the end
	page     pageAddress
	owner    string // as configured
	clock    clock.Clock
	pace     *pace.Pacer
	patience time.Duration

	// me is whose key it is, and asked that the cards were searched for it.
	me    string
	asked bool
	// scoped is the scope of the last listing or scan, for what Get says of membership.
	scoped scoped
	walked walked
}

var (
	_ connector.Connector     = (*Connector)(nil)
	_ connector.Identifier    = (*Connector)(nil)
	_ connector.Grouper       = (*Connector)(nil)
	_ connector.MemberScanner = (*Connector)(nil)
	_ connector.Coster        = (*Connector)(nil)
	_ connector.Pacer         = (*Connector)(nil)
	_ connector.Reuser        = (*Connector)(nil)
)

// New returns a connector. It makes no call; the error is about the configuration.
func New(cfg Config) (*Connector, error) {
	if cfg.Client == nil {
		return nil, fmt.Errorf("%w: %s: no HTTP client", connector.ErrMisconfigured, System)
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = defaultBase
	}
	u, err := url.Parse(strings.TrimRight(cfg.BaseURL, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%w: %s: the origin of the API is no web address", connector.ErrMisconfigured, System)
	}
	if cfg.Version == "" {
		cfg.Version = defaultVersion
	}
	page, err := parsePageAddress(cfg.CardURL)
	if err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	client := *cfg.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the key is for one host
	return &Connector{
		client: &client, base: u.String() + "/" + url.PathEscape(cfg.Version), page: page, owner: cfg.Owner, me: cfg.Owner,
		clock: cfg.Clock, pace: pace.New(System, cfg.Clock, cfg.Patience, cfg.Limits...), patience: cfg.Patience,
	}, nil
}

// Ready implements connector.Pacer: every person that is read by id is a call. Nothing is ever written.
func (c *Connector) Ready(op connector.Op, n int) time.Duration {
	if op != connector.Read {
		return 0
	}
	return c.pace.Peek(pace.Cost{Name: limitCalls, Units: n})
}
