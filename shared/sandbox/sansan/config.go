package sansan

import (
	"fmt"
	"io"
	"regexp"
	"time"

	"meibo/shared/clock"
	"meibo/shared/sandbox"
)

// Config is what a sandbox is made from. The zero value is usable.
type Config struct {
	Clock clock.Clock // nil means the machine's
	// Version is the version of the API as it stands in paths; "" means "v6.0". Any other is 404.
	Version string
	Limits  Limits
	Quirks  Quirks
	// Lag is how long a new or changed card stays out of the listings.
	Lag time.Duration
	// Keep makes the state survive a restart; nil keeps it in memory only.
	Keep sandbox.Keep
	// Seed makes keys repeatable when Random is nil and Seed is not 0.
	Seed int64
	// Random is where keys come from; nil means crypto/rand (or a generator seeded with Seed).
	Random io.Reader
}

// Limits are caps. For each, 0 means the default and a negative number lifts it. Sansan publishes none of them: Requests is what public
// clients keep to, and the others are ours.
type Limits struct {
	Requests int `json:"requests,omitempty"` // per key in any second (10)
	Span     int `json:"span,omitempty"`     // days between updatedFrom and updatedTo (31)
	Token    int `json:"token,omitempty"`    // minutes for which a page token is good (10)
}

// Unlimited has every limit lifted.
func Unlimited() Limits { return Limits{-1, -1, -1} }

// Quirks choose between answers of which nobody knows which one is right.
type Quirks struct {
	// NullText answers the text "null" where a text field is empty, instead of null.
	NullText bool `json:"null_text,omitempty"`
	// BarePerson answers GET /persons/{id} without the wrapper "item".
	BarePerson bool `json:"bare_person,omitempty"`
	// NoOwnerEmail answers null for the address of a card's owner.
	NoOwnerEmail bool `json:"no_owner_email,omitempty"`
	// OwnHead answers the newest card that the key's user holds as a person's head, where there is one.
	OwnHead bool `json:"own_head,omitempty"`
	// FollowMerged answers the survivor for the id of a person that was absorbed.
	FollowMerged bool `json:"follow_merged,omitempty"`
	// MergeTouches, OwnerTouches and TagTouches move the cards of a merge or split, of a handover and of a change of tags into the window
	// of updates.
	MergeTouches bool `json:"merge_touches,omitempty"`
	OwnerTouches bool `json:"owner_touches,omitempty"`
	TagTouches   bool `json:"tag_touches,omitempty"`
	// BOM begins CSV answers with a byte order mark.
	BOM bool `json:"bom,omitempty"`
}

// User is a user of Sansan. Members left empty stay as they are when the user exists.
type User struct {
	Email string `json:"email"`
	Name  string `json:"name"`
	// Organization is the contract that the user belongs to; "" means that of the e-mail domain. It cannot be changed.
	Organization string `json:"organization,omitempty"`
	Department   string `json:"department,omitempty"`
	// Key is the user's API key, 32 letters and digits; "" means one of the sandbox's choosing.
	Key string `json:"key,omitempty"`
	// Private keeps the user's cards from all others of the organization.
	Private *bool `json:"private,omitempty"`
	// Forbidden takes the right to use the API away: every call answers 403.
	Forbidden *bool `json:"forbidden,omitempty"`
}

const (
	defaultVersion  = "v6.0"
	defaultRequests = 10
	defaultSpan     = 31
	defaultToken    = 10
	// unlimited stands for a lifted limit; in days, it is more than there are in any span, and in minutes no token gets that old.
	unlimited = 1 << 40
)

// limit resolves one entry of Limits.
func limit(configured, usual int64) int64 {
	switch {
	case configured < 0:
		return unlimited
	case configured == 0:
		return usual
	}
	return configured
}

var (
	keyForm     = regexp.MustCompile(`^[0-9A-Za-z]{32}$`)
	versionForm = regexp.MustCompile(`^v[0-9]+(\.[0-9]+)?$`)
)

// check reports what is wrong with c, and fills in defaults.
func (c *Config) check() error {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Version == "" {
		c.Version = defaultVersion
	}
	if !versionForm.MatchString(c.Version) {
		return fmt.Errorf("sansan sandbox: Config.Version %q is not like %q", c.Version, defaultVersion)
	}
	return nil
}
