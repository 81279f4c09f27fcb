// Package graph is the connector for the contacts of Microsoft 365 and Outlook.com over Microsoft Graph v1.0, the reader of Graph's
// notifications, and the OAuth provider for Microsoft accounts. It implements ../../../../shared/vendors/microsoft-graph.md, sections
// 1 to 13; "sheet" in comments means that document. It imports record, clock, oauth, connector and connector/pace.
//
// Requests are built by Microsoft's generated client: the request builders of packages users and subscriptions, and the types of
// package models for what is sent. They go out over the client that Config gives and nothing else: the client library's own
// transport would repeat requests by itself, which must be counted, paced and, for writes, never be done. Answers are read here and
// not into the library's types, because a member that is missing must be told from one that is null, and one odd value must not make
// a page of two hundred contacts unreadable.
//
// What shapes the package: change tracking is by folder, and a tombstone of a folder is no deletion; a contact holds at most three
// e-mail addresses and two business phones, and one too many fails the whole write; a batch answers 200 around parts that were
// throttled; the default folder is in no list of folders; on personal mailboxes a single "not found" proves nothing.
//
// Groups are folders ("folder:" and the folder's id, or "folder:contacts" for the default one) and categories ("category:" and the
// name). An empty scope is every folder. Ids are immutable ids, which survive a move between folders.
package graph

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	auth "github.com/microsoft/kiota-abstractions-go/authentication"
	kiota "github.com/microsoft/kiota-http-go"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/subscriptions"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/pace"
)

// System is what users call the system.
const System = "Microsoft 365"

const apiURL = "https://graph.microsoft.com/v1.0"

// The sizes of one call. Graph takes 20 parts in a batch (sheet 11); the page size is asked for, and a smaller page does no harm.
const (
	pageSize  = 200
	batchSize = 20
	fewPhotos = 8 // parts of a batch of pictures that are as large as they may be, 4 MB each
	listSize  = 1000
	// maxBatch is what the body of a batch may have. Graph refuses requests of more than 4 MB; a part's headers and what JSON adds to it
	// come to less than partOverhead.
	maxBatch     = 3_500_000
	partOverhead = 600
)

// The capacities of a contact (sheet 5.3). Those of home phones and instant messengers are unconfirmed.
const (
	maxEmails     = 3
	maxBusiness   = 2
	maxHome       = 2
	maxMessengers = 3
)

// DefaultVisibility is generous: Microsoft says only that changes can be late (sheet 8).
const DefaultVisibility = 5 * time.Minute

// Config is what a Connector works with.
type Config struct {
	Client  *http.Client // authorises every request
	BaseURL string       // with the version; "" means Microsoft's own
	Clock   clock.Clock
	// Limits are the limits of one mailbox, named as in DefaultLimits; none means that Meibo does not pace itself.
	Limits []pace.Limit
	// Patience is how long a call may wait for a limit before it fails with a ThrottledError instead.
	Patience time.Duration
	// Visibility is how long a write may stay invisible to a listing; 0 means DefaultVisibility. Less is for stand-ins.
	Visibility time.Duration
	// Extra is what came with the account's token (Token.Extra): whose account it is. Without it the account counts as one of
	// work or school, and Identify has only Graph's word for who it is.
	Extra map[string]string
}

// Connector reads and writes the contacts of one mailbox.
type Connector struct {
	cfg      Config
	base     *url.URL
	client   *http.Client
	me       *users.UserItemRequestBuilder
	watches  *subscriptions.SubscriptionsRequestBuilder
	watch    func(id string) *subscriptions.SubscriptionItemRequestBuilder
	pace     *pace.Pacer
	personal bool
	walked   int    // calls for looking at folders, and into further ones that had nothing to tell, since Reuse
	scope    cursor // of the listing last asked for; what Get says of membership is about it
}

var (
	_ connector.Connector    = (*Connector)(nil)
	_ connector.Grouper      = (*Connector)(nil)
	_ connector.GroupMaker   = (*Connector)(nil)
	_ connector.Photographer = (*Connector)(nil)
	_ connector.Identifier   = (*Connector)(nil)
	_ connector.Watcher      = (*Connector)(nil)
	_ connector.Coster       = (*Connector)(nil)
	_ connector.Reuser       = (*Connector)(nil)
)

// New returns a connector. It makes no call.
func New(cfg Config) (*Connector, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = apiURL
	}
	if cfg.Visibility == 0 {
		cfg.Visibility = DefaultVisibility
	}
	base, err := url.Parse(strings.TrimSuffix(cfg.BaseURL, "/"))
	if err != nil {
		return nil, err
	}
	client := *cfg.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the token is for one host
	// The builders need an adapter for its serialisation only; nothing is ever sent through it.
	adapter, err := kiota.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&auth.AnonymousAuthenticationProvider{}, kiotajson.NewJsonParseNodeFactory(), kiotajson.NewJsonSerializationWriterFactory(), &client)
	if err != nil {
		return nil, err
	}
	params := func(more ...string) map[string]string {
		m := map[string]string{"baseurl": base.String()}
		for i := 0; i+1 < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	return &Connector{
		cfg: cfg, base: base, client: &client,
		me:      users.NewUserItemRequestBuilderInternal(params("user%2Did", meID), adapter),
		watches: subscriptions.NewSubscriptionsRequestBuilderInternal(params(), adapter),
		watch: func(id string) *subscriptions.SubscriptionItemRequestBuilder {
			return subscriptions.NewSubscriptionItemRequestBuilderInternal(params("subscription%2Did", id), adapter)
		},
		pace:     pace.New(System, cfg.Clock, cfg.Patience, cfg.Limits...),
		personal: cfg.Extra[ExtraTenant] == personalTenant,
	}, nil
}

// Reuse starts what is counted for the floor anew.
func (c *Connector) Reuse() { c.walked = 0 }
