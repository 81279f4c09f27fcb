package pipedrive

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"meibo/shared/clock"
	"meibo/shared/sandbox"
)

// Config is what a sandbox is made from. The zero value of each field is usable, but Client must be set.
type Config struct {
	Clock  clock.Clock // nil means the machine's
	Client sandbox.Client
	// RedirectURIs are the callback addresses of the app; any other is refused. Empty refuses every authorisation. The first is
	// where uninstalls are announced.
	RedirectURIs []string
	// Scopes are those of the app, set at the vendor and not asked for in a request; empty means AppScopes().
	Scopes []string
	// Limits are the vendor's published limits unless changed.
	Limits Limits
	Quirks Quirks
	// Lag is how long a new or changed record stays invisible to search (lists are read-after-write).
	Lag time.Duration
	// Keep makes the state survive a restart; nil keeps it in memory only.
	Keep sandbox.Keep
	// Seed makes ids, codes and tokens repeatable when Random is nil and Seed is not 0.
	Seed int64
	// Random is where tokens come from; nil means crypto/rand (or a generator seeded with Seed).
	Random io.Reader
	HTTP   *http.Client // sends webhooks and uninstalls; nil means a plain one
	Log    *slog.Logger // nil means none
}

// Limits are caps that Pipedrive publishes. For each, 0 means the documented value and a negative number lifts it.
type Limits struct {
	DailyTokens int `json:"daily_tokens,omitempty"` // per company and day (UTC): 30,000 × the plan's multiplier × seats
	Burst       int `json:"burst,omitempty"`        // calls per token in 2 seconds; by plan
	SearchBurst int `json:"search_burst,omitempty"` // searches per token in 2 seconds (10)
	// Hammer is how many refusals for too many calls one token gets in a minute before a page in HTML with 403 answers it for a
	// minute (50; the vendor publishes none).
	Hammer       int `json:"hammer,omitempty"`
	CustomFields int `json:"custom_fields,omitempty"` // person fields that a company makes; no number is published, so 0 is no limit
	Webhooks     int `json:"webhooks,omitempty"`      // per user (40)
}

// Unlimited has every limit lifted.
func Unlimited() Limits { return Limits{-1, -1, -1, -1, -1, -1} }

// Quirks choose between answers of which the documents do not say which one is right.
type Quirks struct {
	// HideDeleted answers 404 to a read of a deleted record at once; without it the record comes with is_deleted true.
	HideDeleted bool `json:"hide_deleted,omitempty"`
	// NameParts takes first_name and last_name in bodies, as the migration guide has them; the OpenAPI document does not, and
	// without the quirk they are refused.
	NameParts bool `json:"name_parts,omitempty"`
	// NoDailyHeaders and NoBurstHeaders leave the headers about limits out.
	NoDailyHeaders bool `json:"no_daily_headers,omitempty"`
	NoBurstHeaders bool `json:"no_burst_headers,omitempty"`
	// WebhooksNeedAdmin refuses the scope webhooks:full: only admin will do.
	WebhooksNeedAdmin bool `json:"webhooks_need_admin,omitempty"`
	// OAuthEnvelope words errors of the token path in the API's envelope instead of RFC 6749's members.
	OAuthEnvelope bool `json:"oauth_envelope,omitempty"`
	// TextIDs sends the ids of an uninstall as strings.
	TextIDs bool `json:"text_ids,omitempty"`
	// Created answers creates with 201 instead of the documented 200.
	Created bool `json:"created,omitempty"`
	// DeleteGone answers deletes of persons with 410 instead of 200, as recorded of v1.
	DeleteGone bool `json:"delete_gone,omitempty"`
}

// User is a person with a seat in a company. Members left empty stay as they are when the user exists.
type User struct {
	Email string `json:"email"`
	Name  string `json:"name"`
	// Company is the company's name; "" means one named after the e-mail domain.
	Company string `json:"company,omitempty"`
	// Plan is lite, growth (default), premium or ultimate. It is the company's, so that the last word counts for all users.
	Plan    string `json:"plan,omitempty"`
	Country string `json:"country,omitempty"` // the company's, ISO 3166-1 alpha-2 (EE)
	// ContactSync says whether somebody set Pipedrive's own Contact Sync up in the company: only then im, postal_address, notes,
	// birthday and job_title exist. It cannot be undone.
	ContactSync bool  `json:"contact_sync,omitempty"`
	Admin       *bool `json:"admin,omitempty"`
	// Group is the visibility group as a path, such as "Sales/North", a sub-group of "Sales". "" is the group of all that have none.
	Group string `json:"group,omitempty"`
	// Visibility is visible_to of what the user makes without saying; 0 means 3.
	Visibility int    `json:"visibility,omitempty"`
	TimeZone   string `json:"time_zone,omitempty"` // IANA (Europe/Tallinn)
	// Denied are permissions to take away: see SetPermission.
	Denied []string `json:"denied,omitempty"`
	Active *bool    `json:"active,omitempty"`
}

// AppScopes are the scopes of an app that syncs contacts.
func AppScopes() []string {
	return []string{"base", "contacts:full", "contact-fields:full", "users:read", "recents:read", "search:read", "webhooks:full"}
}

// scopeNames are the scopes that exist here.
var scopeNames = []string{"base", "contacts:read", "contacts:full", "contact-fields:full", "users:read", "recents:read", "search:read",
	"webhooks:read", "webhooks:full", "admin"}

// plan is one row of the tables of budgets, bursts and visibility.
type plan struct {
	multiplier, burst int
	visible           []int
}

var plans = map[string]plan{
	"lite":     {1, 80, []int{1, 3}},
	"growth":   {2, 160, []int{1, 3}},
	"premium":  {5, 400, []int{1, 3, 5, 7}},
	"ultimate": {7, 480, []int{1, 3, 5, 7}},
}

// unlimited stands for a lifted limit.
const unlimited = 1 << 40

// limit resolves one entry of Limits.
func limit(configured, documented int) int {
	switch {
	case configured < 0:
		return unlimited
	case configured == 0:
		return documented
	}
	return configured
}

// check reports what is wrong with c, and fills in defaults.
func (c *Config) check() error {
	if c.Client.ID == "" || c.Client.Secret == "" {
		return fmt.Errorf("pipedrive sandbox: Config.Client needs an id and a secret")
	}
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if len(c.Scopes) == 0 {
		c.Scopes = AppScopes()
	}
	for _, sc := range c.Scopes {
		if !slices.Contains(scopeNames, sc) {
			return fmt.Errorf("pipedrive sandbox: no scope %q", sc)
		}
	}
	for _, u := range c.RedirectURIs {
		if p, err := url.Parse(u); err != nil || !p.IsAbs() || p.Host == "" {
			return fmt.Errorf("pipedrive sandbox: redirect address %q is not absolute", u)
		}
	}
	return nil
}
