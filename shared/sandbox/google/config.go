package google

import (
	"crypto/rsa"
	"io"
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
	// Lag is how long a write stays invisible to connections.list.
	Lag  time.Duration
	Keep sandbox.Keep // nil means memory only
	// Seed makes ids, and without Keep tokens too, the same in every process.
	Seed int64
	// Rand is where tokens come from; nil means crypto/rand, or Seed's own sequence when there is a Seed and no Keep.
	Rand io.Reader
	// Origin is the sandbox's address, such as "http://127.0.0.1:4000"; "" means that of each request.
	Origin string
	// Signing signs ID tokens; nil means a key of the sandbox's own, made at its first use, which takes a while.
	Signing *rsa.PrivateKey
}

// User is a Google account.
type User struct {
	Email string `json:"email"`
	Name  string `json:"name"`
	// Region (ISO 3166-1 alpha-2) is where phone numbers without a country code belong; "" leaves those without canonicalForm.
	Region string `json:"region,omitempty"`
}

// Limits are Google's limits. 0 means the default, a negative number lifts the limit. Google publishes no numbers for the quotas;
// the defaults are what one project reported (sheet, 8.2), and FullListings is ours.
type Limits struct {
	CriticalReads  int `json:"critical_reads,omitempty"`  // per minute and user; 60
	CriticalWrites int `json:"critical_writes,omitempty"` // per minute and user; 30
	PhotoWrites    int `json:"photo_writes,omitempty"`    // per minute and user; 50
	GroupReads     int `json:"group_reads,omitempty"`     // per minute and user; 90
	Writes         int `json:"writes,omitempty"`          // deletes and group writes per minute and user; 30
	FullListings   int `json:"full_listings,omitempty"`   // first pages of full listings per minute and user; 10
	DailyWrites    int `json:"daily_writes,omitempty"`    // contact writes per day and user; 100,000

	Contacts     int `json:"contacts,omitempty"`      // in the account, those deleted in the last 30 days included; 25,000
	ContactBytes int `json:"contact_bytes,omitempty"` // 128 KiB
	ContactItems int `json:"contact_items,omitempty"` // field values of one contact; 500
	PhotoBytes   int `json:"photo_bytes,omitempty"`   // 10 MiB
}

// Unlimited has every limit lifted.
func Unlimited() Limits {
	return Limits{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}
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

func (l Limits) resolved() Limits {
	return Limits{
		CriticalReads:  orDefault(l.CriticalReads, 60),
		CriticalWrites: orDefault(l.CriticalWrites, 30),
		PhotoWrites:    orDefault(l.PhotoWrites, 50),
		GroupReads:     orDefault(l.GroupReads, 90),
		Writes:         orDefault(l.Writes, 30),
		FullListings:   orDefault(l.FullListings, 10),
		DailyWrites:    orDefault(l.DailyWrites, 100_000),
		Contacts:       orDefault(l.Contacts, 25_000),
		ContactBytes:   orDefault(l.ContactBytes, 128<<10),
		ContactItems:   orDefault(l.ContactItems, 500),
		PhotoBytes:     orDefault(l.PhotoBytes, 10<<20),
	}
}
