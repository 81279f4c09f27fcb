// Package google is the connector for Google Contacts over the People API v1, through Google's generated client, and the OAuth
// provider for Google accounts. It implements ../../../../shared/vendors/google.md, sections 1 to 9 and 12; "sheet" in
// comments means that document. It imports record, clock, oauth, connector and connector/pace.
//
// What shapes it: the API has one etag per source and one per answer, and only the first is a version; an update replaces whole
// fields, so what Meibo does not map is carried along from the person as it was read; a batch of updates has one mask, so every
// person of it sends every masked field; a sync token and a stale etag both fail with 400; and contacts can change their name.
//
// A record's id is the contact's resource name, the only thing that every call takes. Normally that is people/c followed by the
// decimal form of the CONTACT source's id, which never changes. Where Google has given a contact another name, listings say
// that the stable form was re-keyed to it, so that a link is found again even by a full listing, which tells no former names.
package google

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/option"
	people "google.golang.org/api/people/v1"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/pace"
)

// System is what users call the system.
const System = "Google Contacts"

// Google's own addresses; Config replaces them for a sandbox.
const (
	apiURL      = "https://people.googleapis.com"
	userinfoURL = "https://openidconnect.googleapis.com/v1/userinfo"
)

// The sizes of one call (sheet 2.1).
const (
	pageSize    = 1000
	getSize     = 200
	createSize  = 200
	updateSize  = 200
	deleteSize  = 500
	listedMax   = 100 // e-mails and phones that a listing tells of one person
	groupsSize  = 1000
	contactOnly = "READ_SOURCE_TYPE_CONTACT"
)

// markKey is the clientData key that holds a record's mark. Users do not see it.
const markKey = "meibo"

// Config is what a Connector works with.
type Config struct {
	Client      *http.Client // authorises every request
	BaseURL     string       // "" means Google's own
	UserinfoURL string       // "" means Google's own
	Clock       clock.Clock
	// Limits are the project's quotas, named as in DefaultLimits; none means that Meibo does not pace itself.
	Limits []pace.Limit
	// Patience is how long a call may wait for a quota before it fails with a ThrottledError instead.
	Patience time.Duration
	// Visibility is how long a write may stay invisible to a listing; 0 means DefaultVisibility. Less is for stand-ins.
	Visibility time.Duration
	// Pictures fetches pictures, from addresses that need no authorisation; it must not send any, and should have a timeout. Nil: Photos
	// tells of none.
	Pictures *http.Client
	// CustomKeys are the keys of the person's own fields that the catalogue shows. The API has no list of them.
	CustomKeys []string
}

// DefaultVisibility is generous towards Google's "several minutes" (sheet 3.3).
const DefaultVisibility = 10 * time.Minute

// Connector reads and writes the contacts of one Google account.
type Connector struct {
	cfg    Config
	people *people.Service
	pace   *pace.Pacer
}

var (
	_ connector.Connector  = (*Connector)(nil)
	_ connector.Grouper    = (*Connector)(nil)
	_ connector.Identifier = (*Connector)(nil)
	_ connector.Coster     = (*Connector)(nil)
	_ connector.Pacer      = (*Connector)(nil)
)

// New returns a connector. It makes no call.
func New(ctx context.Context, cfg Config) (*Connector, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = apiURL
	}
	if cfg.UserinfoURL == "" {
		cfg.UserinfoURL = userinfoURL
	}
	if cfg.Visibility == 0 {
		cfg.Visibility = DefaultVisibility
	}
	svc, err := people.NewService(ctx,
		option.WithHTTPClient(cfg.Client),
		option.WithEndpoint(strings.TrimSuffix(cfg.BaseURL, "/")+"/"),
		// The library can be told by an environment variable to log contacts; a connector logs nothing.
		option.WithLogger(slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.Level(100)}))),
	)
	if err != nil {
		return nil, err
	}
	return &Connector{cfg, svc, pace.New(System, cfg.Clock, cfg.Patience, cfg.Limits...)}, nil
}
