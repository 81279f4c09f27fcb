package graph

import (
	"crypto/rsa"
	"io"
	"net/http"
	"time"

	"meibo/shared/clock"
	"meibo/shared/sandbox"
)

// Config is what a sandbox is made from.
type Config struct {
	Clock clock.Clock // nil means the machine's
	// Client is the application that may sign users in, and RedirectURIs are where it may send them back to.
	Client       sandbox.Client
	RedirectURIs []string
	Limits       Limits
	Quirks       Quirks
	// Lag is how long a write stays invisible to delta.
	Lag  time.Duration
	Keep sandbox.Keep // nil means memory only
	// Seed makes tokens, without Keep, the same in every process. Ids come from the users' addresses and are the same anyway.
	Seed int64
	// Rand is where tokens come from; nil means crypto/rand, or Seed's own sequence when there is a Seed and no Keep.
	Rand io.Reader
	// Origin is the sandbox's address, such as "http://127.0.0.1:4000"; "" means that of each request.
	Origin string
	// HTTP sends notifications; nil means a plain client.
	HTTP *http.Client
	// Signing signs ID tokens; nil means a key of the sandbox's own, made at its first use, which takes a while.
	Signing *rsa.PrivateKey
}

// PersonalTenant is the directory that all personal Microsoft accounts are in.
const PersonalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// User is a Microsoft account.
type User struct {
	Email string `json:"email"` // the user principal name too
	Name  string `json:"name"`
	// Tenant is the id of the account's directory: "" means the directory of the address's domain, which is made; "personal"
	// and PersonalTenant mean a personal account.
	Tenant string `json:"directory,omitempty"`
	// Admin is the role in which the user may consent for the whole directory; "" may not.
	Admin Role `json:"admin,omitempty"`
	// NoMailbox is an account without an Exchange Online mailbox.
	NoMailbox bool `json:"no_mailbox,omitempty"`
	// Disabled cannot sign in, and its refresh tokens do not work.
	Disabled bool `json:"disabled,omitempty"`
}

// Limits are Microsoft's limits. 0 means the default, a negative number lifts the limit. Text is ours: Microsoft publishes none.
type Limits struct {
	Requests      int `json:"requests,omitempty"`      // per mailbox in any 10 minutes; 10,000
	Concurrent    int `json:"concurrent,omitempty"`    // per mailbox at a time; 4
	UploadBytes   int `json:"upload_bytes,omitempty"`  // per mailbox in any 5 minutes; 150 MB
	Subscriptions int `json:"subscriptions,omitempty"` // per mailbox; 1,000
	PhotoBytes    int `json:"photo_bytes,omitempty"`   // of one picture; 4 MB
	TextBytes     int `json:"text_bytes,omitempty"`    // of one text; 128 KiB
}

// Unlimited has every limit lifted.
func Unlimited() Limits { return Limits{-1, -1, -1, -1, -1, -1} }

func (l Limits) resolved() Limits {
	return Limits{
		Requests:      orDefault(l.Requests, 10_000),
		Concurrent:    orDefault(l.Concurrent, 4),
		UploadBytes:   orDefault(l.UploadBytes, 150_000_000),
		Subscriptions: orDefault(l.Subscriptions, 1000),
		PhotoBytes:    orDefault(l.PhotoBytes, 4<<20),
		TextBytes:     orDefault(l.TextBytes, 128<<10),
	}
}

// orDefault resolves a limit: its default for 0, and 0 (no limit) for a negative one.
func orDefault(n, otherwise int) int {
	switch {
	case n < 0:
		return 0
	case n == 0:
		return otherwise
	}
	return n
}

// Quirks are ways in which the service has been seen to behave besides its usual one.
type Quirks struct {
	FolderExists400 bool `json:"folder_exists_400,omitempty"` // ErrorFolderExists as 400, not 409
	IgnoreIfMatch   bool `json:"ignore_if_match,omitempty"`   // writes go through whatever If-Match says
	IgnorePrefer    bool `json:"ignore_prefer,omitempty"`     // ids come in the ordinary form whatever Prefer says
	EmptyPages      bool `json:"empty_pages,omitempty"`       // delta answers an empty page with a nextLink before each page with items
	RepeatItems     bool `json:"repeat_items,omitempty"`      // delta repeats the last item of a page on the next
	NoLocation      bool `json:"no_location,omitempty"`       // a lost delta token is 400 syncStateNotFound, not 410 with Location
	NoRetryAfter    bool `json:"no_retry_after,omitempty"`    // 429 without Retry-After
	SecretExpired   bool `json:"secret_expired,omitempty"`    // the application's secret is past its date (AADSTS7000222)
	// ShortExpiry is the longest life, in minutes, that a subscription is given without an error; 0 means what was asked.
	ShortExpiry int `json:"short_expiry,omitempty"`
}
