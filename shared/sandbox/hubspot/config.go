package hubspot

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
	// AppID is the app's number in webhooks; 0 means 18221010.
	AppID int64
	// RedirectURIs are the callback addresses of the app; any other is refused. Empty refuses every authorisation.
	RedirectURIs []string
	// Scopes are those that the app declared at the vendor and may ask for; empty means all that exist here.
	Scopes []string
	// Limits are the vendor's published limits unless changed.
	Limits Limits
	Quirks Quirks
	// Lag is how long search sees a record as it was before its last change; 0 means 5 seconds, a negative time none.
	Lag time.Duration
	// Recompute is how many contacts of each portal HubSpot recomputes in a minute, which moves lastmodifieddate without anybody's
	// doing. Which ones follows from Seed.
	Recompute int
	// HookURL is where the app's webhooks of all portals go; "" sends none.
	HookURL string
	// HookProperties are those whose changes are told; empty means DefaultHookProperties().
	HookProperties []string
	// Keep makes the state survive a restart; nil keeps it in memory only.
	Keep sandbox.Keep
	// Seed makes ids, codes and tokens repeatable when Random is nil and Seed is not 0.
	Seed int64
	// Random is where tokens come from; nil means crypto/rand (or a generator seeded with Seed).
	Random io.Reader
	HTTP   *http.Client // sends webhooks; nil means a plain one
	Log    *slog.Logger // nil means none
}

// Limits are caps that HubSpot publishes. For each, 0 means the documented value and a negative number lifts it.
type Limits struct {
	Burst  int `json:"burst,omitempty"`  // calls per portal in 10 seconds, searches aside (110)
	Search int `json:"search,omitempty"` // searches per portal in a second (5)
	// Results is how many results of one search can be paged through (10,000).
	Results int `json:"results,omitempty"`
	Merges  int `json:"merges,omitempty"` // ids that one record may have taken in (250)
}

// Unlimited has the limits on calls lifted. What bounds single searches and merges stays, because no plan of the vendor's lifts it.
func Unlimited() Limits { return Limits{Burst: -1, Search: -1} }

// Quirks choose between answers of which the documents do not say which one is right.
type Quirks struct {
	// KeepLifecycle answers a lifecycle stage that would go backwards with 200 and the old stage; without it the write is refused.
	KeepLifecycle bool `json:"keep_lifecycle,omitempty"`
	// MergedWrites lets a write to an id that was merged away reach the surviving record; without it the answer is 404.
	MergedWrites bool `json:"merged_writes,omitempty"`
	// SilentMissing leaves ids that do not exist out of a batch read's answer without naming them.
	SilentMissing bool `json:"silent_missing,omitempty"`
	// ArchivedKeepsEmail keeps the address of an archived contact taken.
	ArchivedKeepsEmail bool `json:"archived_keeps_email,omitempty"`
	// RevokeKeepsAccess lets access tokens live on when their refresh token is revoked.
	RevokeKeepsAccess bool `json:"revoke_keeps_access,omitempty"`
	// RotateRefresh answers every refresh with a new refresh token and forgets the old one.
	RotateRefresh bool `json:"rotate_refresh,omitempty"`
	// PlainToken leaves token_use and user_id out of token answers, as the documentation's sample does.
	PlainToken bool `json:"plain_token,omitempty"`
	// IntrospectToken is the only member in which introspection takes the token: "token" (specification) or "access_token"
	// (documentation). "" takes both.
	IntrospectToken string `json:"introspect_token,omitempty"`
	// RetryAfter adds Retry-After to 429 answers.
	RetryAfter bool `json:"retry_after,omitempty"`
	// EventType calls the member subscriptionType of webhooks eventType, as older texts do.
	EventType bool `json:"event_type,omitempty"`
	// BirthDates makes date_of_birth a date in portals that are made from now on; it is a text otherwise.
	BirthDates bool `json:"birth_dates,omitempty"`
}

// User is a person with access to a portal. Members left empty stay as they are when the user exists.
type User struct {
	Email string `json:"email"`
	Name  string `json:"name"`
	// Portal is the account's name; "" means one named after the e-mail domain.
	Portal string `json:"portal,omitempty"`
	// Scopes are those that an installation by this user can be granted; empty means all.
	Scopes []string `json:"scopes,omitempty"`
	// Active is whether the user still has a seat: the owner of one who has none is archived.
	Active *bool `json:"active,omitempty"`
	// TimeZone (Europe/Tallinn) and Region (eu1) are the portal's, so that the last word counts for all its users.
	TimeZone string `json:"time_zone,omitempty"`
	Region   string `json:"region,omitempty"`
}

// The scopes that exist here.
const (
	scopeOAuth          = "oauth"
	scopeContactsRead   = "crm.objects.contacts.read"
	scopeContactsWrite  = "crm.objects.contacts.write"
	scopeCompaniesRead  = "crm.objects.companies.read"
	scopeCompaniesWrite = "crm.objects.companies.write"
	scopeOwnersRead     = "crm.objects.owners.read"
	scopeSchemasRead    = "crm.schemas.contacts.read"
	scopeSchemasWrite   = "crm.schemas.contacts.write"
	scopeCoSchemasRead  = "crm.schemas.companies.read"
	scopeCoSchemasWrite = "crm.schemas.companies.write"
	scopeListsRead      = "crm.lists.read"
	scopeListsWrite     = "crm.lists.write"
)

// AllScopes are the scopes that exist here.
func AllScopes() []string {
	return []string{scopeOAuth, scopeContactsRead, scopeContactsWrite, scopeCompaniesRead, scopeCompaniesWrite, scopeOwnersRead,
		scopeSchemasRead, scopeSchemasWrite, scopeCoSchemasRead, scopeCoSchemasWrite, scopeListsRead, scopeListsWrite}
}

// DefaultHookProperties are the properties whose changes an app that syncs contacts subscribes to.
func DefaultHookProperties() []string {
	return []string{"email", "hs_additional_emails", "firstname", "lastname", "salutation", "jobtitle", "phone", "mobilephone", "fax", "company", "address",
		"city", "state", "zip", "country", "website", "date_of_birth", "lifecyclestage", "hubspot_owner_id"}
}

const (
	defaultAppID   = 18221010
	defaultLag     = 5 * time.Second
	burstMost      = 110
	burstSpan      = 10 * time.Second
	searchMost     = 5
	searchSpan     = time.Second
	resultsMost    = 10_000
	mergesMost     = 250
	listPageMost   = 100
	searchPageMost = 200
	memberPageMost = 250
	listSearchMost = 500
	batchMost      = 100
	bodyMost       = 3000 // characters of a search
	textMost       = 65_536
	// unlimited stands for a lifted limit.
	unlimited = 1 << 40
)

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
		return fmt.Errorf("hubspot sandbox: Config.Client needs an id and a secret")
	}
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.AppID == 0 {
		c.AppID = defaultAppID
	}
	if c.Lag == 0 {
		c.Lag = defaultLag
	}
	if len(c.Scopes) == 0 {
		c.Scopes = AllScopes()
	}
	if len(c.HookProperties) == 0 {
		c.HookProperties = DefaultHookProperties()
	}
	if err := knownScopes(c.Scopes); err != nil {
		return err
	}
	for _, u := range c.RedirectURIs {
		if p, err := url.Parse(u); err != nil || !p.IsAbs() || p.Host == "" {
			return fmt.Errorf("hubspot sandbox: redirect address %q is not absolute", u)
		}
	}
	if c.HookURL != "" {
		if err := sandbox.CheckPushURL(c.HookURL); err != nil {
			return fmt.Errorf("hubspot sandbox: HookURL: %w", err)
		}
	}
	return nil
}

func knownScopes(scopes []string) error {
	for _, sc := range scopes {
		if !slices.Contains(AllScopes(), sc) {
			return fmt.Errorf("hubspot sandbox: no scope %q", sc)
		}
	}
	return nil
}
