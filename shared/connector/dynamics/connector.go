// Package dynamics connects Meibo to the contacts or the leads of a Dynamics 365 organisation, by the Dataverse Web API v9.2 over
// net/http. It implements ../../../../shared/vendors/dynamics365.md; "sheet" in comments means that document. It imports record, clock,
// oauth, connector and its packages entra, exchange and pace.
//
// What shapes the package: a record is a row of the table that the connection chose (Chooser); change tracking takes no filter, so that
// owners, states, lists and views are looked at here; a row has a version, so that every write names the one it was planned on and a row
// that was deleted is never made again by an update; the client may choose the id of a new row, which makes a repeated create harmless;
// a contact's employer is a row of another table; what a user does not see looks like what is deleted, so that "not found" counts as
// deleted only while the user may read the whole table.
//
// Rows that cannot be edited (inactive contacts, leads that were qualified or disqualified) are listed, outside every scope: so they are
// found when somebody looks for a double, and are neither written nor deleted. Pictures are not synced: Dataverse keeps a thumbnail of
// 144 pixels.
package dynamics

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
	"meibo/shared/connector/pace"
)

// System is how the vendor's users call it.
const System = "Microsoft Dynamics 365"

// apiPath is the API below the organisation's origin.
const apiPath = "/api/data/v9.2/"

// The sizes of one call (sheet 5, 6). A batch may have 1,000 operations; small ones are advised, since all of a batch is lost sight of
// when its answer is.
const (
	maxPage    = 5000
	batchSize  = 100
	readSize   = 100
	namesACall = 40
)

// DefaultVisibility is how long a write may stay invisible to change tracking. Microsoft names no such time.
const DefaultVisibility = 30 * time.Second

const limitRequests = "requests"

// DefaultLimits are the service protection limits of one user that can be counted from here (sheet 10).
func DefaultLimits() []pace.Limit {
	return []pace.Limit{{Name: limitRequests, Units: 6000, Per: 300 * time.Second}}
}

// Config is what a Connector needs.
type Config struct {
	// Client authorises every request (see Provider.Authorize). Its transport may return the errors of package oauth.
	Client *http.Client
	// Site is the host of the organisation, which came with the token: Token.Extra[ExtraSite].
	Site string
	// BaseURL is the origin of the API; "" means https://<Site>. Stand-ins give their own.
	BaseURL string
	Clock   clock.Clock // clock.Real{} if nil
	// Rand gives ids to records that come without a mark; crypto/rand if nil.
	Rand io.Reader
	// Limits are kept before the vendor has to say so: DefaultLimits, or none.
	Limits []pace.Limit
	// Patience is how long a call may wait for a limit before it fails with a *connector.ThrottledError instead.
	Patience time.Duration
	// Visibility is how long a write may stay invisible to a listing; 0 means DefaultVisibility. Less is for stand-ins.
	Visibility time.Duration
	// PageSize is how many records a page of a listing has; 0 means 5,000, which is the most that Dataverse sends.
	PageSize int
}

// Connector is the contacts, or the leads, that one user sees.
type Connector struct {
	*account
	table
	cat  *catalogue
	seen *members // in the groups of the listing that is under way
	// barred are the rows that are out of the scope of the scan that is under way, whatever group they are in.
	barred *members
	// scope is that of the listing asked for last; what Get says of membership is about it.
	scope cursor
}

// account is what the views of one connector share.
type account struct {
	cfg    Config
	base   *url.URL
	client *http.Client
	pace   *pace.Pacer
	views  map[string]*Connector
	me     *whoAmI

	companies companies
	lists     map[string]list
	extra     int // calls for accounts and groups since Reuse
}

var (
	_ connector.Connector     = (*Connector)(nil)
	_ connector.Chooser       = (*Connector)(nil)
	_ connector.Identifier    = (*Connector)(nil)
	_ connector.Grouper       = (*Connector)(nil)
	_ connector.MemberScanner = (*Connector)(nil)
	_ connector.Coster        = (*Connector)(nil)
	_ connector.Pacer         = (*Connector)(nil)
	_ connector.Reuser        = (*Connector)(nil)
)

// New returns the connector for contacts; see Choose. It makes no call; the error is about the configuration.
func New(cfg Config) (*Connector, error) {
	if cfg.Client == nil {
		return nil, fmt.Errorf("%w: %s: no HTTP client", connector.ErrMisconfigured, System)
	}
	site, err := canonical(cfg.Site)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: the account has no usable address of its organisation; connect the account again", connector.ErrMisconfigured, System)
	}
	cfg.Site = site
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://" + site
	}
	base, err := url.Parse(strings.TrimRight(cfg.BaseURL, "/") + apiPath)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("%w: %s: the base address is not usable", connector.ErrMisconfigured, System)
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Visibility == 0 {
		cfg.Visibility = DefaultVisibility
	}
	if cfg.PageSize <= 0 || cfg.PageSize > maxPage {
		cfg.PageSize = maxPage
	}
	client := *cfg.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the token is for one host
	a := &account{cfg: cfg, base: base, client: &client, pace: pace.New(System, cfg.Clock, cfg.Patience, cfg.Limits...), views: map[string]*Connector{}}
	return a.view(contacts()), nil
}

// view returns the one connector for a table.
func (a *account) view(t table) *Connector {
	c := a.views[t.set]
	if c == nil {
		c = &Connector{account: a, table: t}
		a.views[t.set] = c
	}
	return c
}

// OptionObject is the choice of the table (HD2).
const OptionObject = "object"

// The values of the choice.
const (
	ObjectContacts = "contacts"
	ObjectLeads    = "leads"
)

func objectOption() connector.Option {
	return connector.Option{Key: OptionObject, Name: "What to sync", Default: ObjectContacts, Fixed: true, Choices: []connector.Choice{
		{Value: ObjectContacts, Name: "Contacts"}, {Value: ObjectLeads, Name: "Leads"},
	}}
}

// Choose implements connector.Chooser.
func (c *Connector) Choose(options map[string]string) (connector.Connector, error) {
	switch options[OptionObject] {
	case "", ObjectContacts:
		return c.view(contacts()), nil
	case ObjectLeads:
		return c.view(leads()), nil
	}
	return nil, &connector.InvalidError{System: System, Field: OptionObject, Reason: "there is no such choice; choose contacts or leads"}
}

// Reuse starts what is counted for the floor anew.
func (c *Connector) Reuse() { c.extra = 0 }

// Ready implements connector.Pacer: writes and reads go in batches of one call.
func (c *Connector) Ready(_ connector.Op, n int) time.Duration {
	return c.pace.Peek(pace.Cost{Name: limitRequests, Units: ceil(n, batchSize)})
}
