package zoho

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // users have time zones, and the machine may have no zone files

	"meibo/shared/clock"
	"meibo/shared/sandbox"
)

// Config is what a sandbox is made from. The zero value of each field is usable, but Client must be set.
type Config struct {
	Clock  clock.Clock // nil means the machine's
	Client sandbox.Client
	// RedirectURIs are the addresses that the client registered; any other is refused. Empty refuses every authorisation.
	RedirectURIs []string
	// DCs are the data centres; empty means one, "us".
	DCs []DC
	// Limits are the vendor's published limits unless changed.
	Limits Limits
	// Lag is how long a new or changed record stays invisible to search (lists are read-after-write at Zoho).
	Lag time.Duration
	// HTTP delivers notifications; nil means a plain client.
	HTTP *http.Client
	// Keep makes the state survive a restart; nil keeps it in memory only.
	Keep sandbox.Keep
	// Seed makes ids of tokens and codes repeatable when Random is nil and Seed is not 0.
	Seed int64
	// Random is where tokens come from; nil means crypto/rand (or a generator seeded with Seed).
	Random io.Reader
}

// DC is one data centre. Accounts and API are origins such as "https://accounts.zoho.jp", without a trailing slash; left empty
// they are derived from the address of each request, so that one test server can serve them all: the first data centre at the
// root, each other under /dc/<location>.
type DC struct {
	Location string // us, eu, in, au, cn, jp, ca, sa
	Accounts string
	API      string
}

// Limits are caps that Zoho publishes. For each, 0 means the documented value and a negative number lifts it.
type Limits struct {
	Edition string // free, standard, professional, enterprise (default), ultimate: sets credits and concurrency

	Credits          int // per organisation in a rolling day
	Concurrency      int // requests of one organisation in flight
	HeavyConcurrency int // of these, writes of more than 10 records and COQL (10)

	AccessTokens  int // per refresh token in 10 minutes (10)
	LiveAccess    int // access tokens of one refresh token that live at once (30)
	RefreshTokens int // per user (20)

	ListCeiling int // records reachable by page tokens (100,000)
}

// edition is one row of the table of credits and concurrency.
type edition struct {
	base, perUser, most, concurrency int
}

var editions = map[string]edition{
	"free":         {5000, 0, 5000, 5},
	"standard":     {50000, 250, 100000, 10},
	"professional": {50000, 500, 3000000, 15},
	"enterprise":   {50000, 1000, 5000000, 20},
	"ultimate":     {50000, 2000, 1 << 40, 25},
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

func (l Limits) edition() edition {
	if e, ok := editions[l.Edition]; ok {
		return e
	}
	return editions["enterprise"]
}

func (l Limits) credits(users int) int {
	e := l.edition()
	return limit(l.Credits, min(e.base+e.perUser*users, e.most))
}

func (l Limits) concurrency() int { return limit(l.Concurrency, l.edition().concurrency) }

// check reports what is wrong with c, and fills in defaults.
func (c *Config) check() error {
	if c.Client.ID == "" || c.Client.Secret == "" {
		return fmt.Errorf("zoho sandbox: Config.Client needs an id and a secret")
	}
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Limits.Edition == "" {
		c.Limits.Edition = "enterprise"
	}
	if _, ok := editions[c.Limits.Edition]; !ok {
		return fmt.Errorf("zoho sandbox: no edition %q", c.Limits.Edition)
	}
	if len(c.DCs) == 0 {
		c.DCs = []DC{{Location: "us"}}
	}
	seen := map[string]bool{}
	for _, d := range c.DCs {
		if d.Location == "" || seen[d.Location] || strings.ContainsAny(d.Location, "/?# ") {
			return fmt.Errorf("zoho sandbox: data centres need distinct locations, got %q", d.Location)
		}
		seen[d.Location] = true
	}
	for _, u := range c.RedirectURIs {
		if p, err := url.Parse(u); err != nil || !p.IsAbs() || p.Host == "" {
			return fmt.Errorf("zoho sandbox: redirect address %q is not absolute", u)
		}
	}
	return nil
}
