package dynamics

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
	Quirks       Quirks
	// Lag is how long a write stays invisible to change tracking. Other reads see it at once.
	Lag  time.Duration
	Keep sandbox.Keep // nil means memory only
	// Seed makes tokens, without Keep, the same in every process. Ids come from addresses and counts and are the same anyway.
	Seed int64
	// Rand is where tokens come from; nil means crypto/rand, or Seed's own sequence when there is a Seed and no Keep.
	Rand io.Reader
	// Origin is the sandbox's address, such as "http://127.0.0.1:4000"; "" means that of each request.
	Origin string
	// Signing signs ID tokens; nil means a key of the sandbox's own, made at its first use, which takes a while.
	Signing *rsa.PrivateKey
}

// DefaultOrganization is the organisation of users who name none.
const DefaultOrganization = "kitano.crm7.dynamics.com"

// What a user's page, and Sandbox's methods of the Book, are about.
const (
	ObjectContacts = "contacts"
	ObjectLeads    = "leads"
)

// User is a person with an account in an organisation.
type User struct {
	Email string `json:"email"`
	Name  string `json:"name"`
	// Organization is the host of the user's organisation; "" means DefaultOrganization.
	Organization string `json:"organization,omitempty"`
	// Read and Write are the depth of the user's privileges on contacts, leads, accounts and lists: organization (the default),
	// business, user or none. Write is all that is not reading. See SetPrivilege for single ones.
	Read  string `json:"read,omitempty"`
	Write string `json:"write,omitempty"`
	// Object is which table the page and the Book's methods are about: contacts (the default) or leads.
	Object string `json:"object,omitempty"`
	// Admin may consent where users may not: see SetAdminConsentRequired.
	Admin bool `json:"admin,omitempty"`
	// Disabled may sign in, and is refused by Dataverse.
	Disabled bool `json:"disabled,omitempty"`
}

// Limits are Dataverse's service protection limits and sizes. 0 means the default, a negative number lifts the limit.
type Limits struct {
	Requests   int `json:"requests,omitempty"`    // per user in any 5 minutes; 6,000
	WorkMillis int `json:"work_ms,omitempty"`     // execution time per user in any 5 minutes; 1,200,000
	Concurrent int `json:"concurrent,omitempty"`  // per user at a time; 52
	BatchParts int `json:"batch_parts,omitempty"` // operations of a batch; 1,000
	URLBytes   int `json:"url_bytes,omitempty"`   // of a request's address; 32,768, in a batch twice that
}

// Unlimited has every limit lifted.
func Unlimited() Limits { return Limits{-1, -1, -1, -1, -1} }

func (l Limits) resolved() Limits {
	return Limits{
		Requests:   orDefault(l.Requests, 6000),
		WorkMillis: orDefault(l.WorkMillis, 1_200_000),
		Concurrent: orDefault(l.Concurrent, 52),
		BatchParts: orDefault(l.BatchParts, 1000),
		URLBytes:   orDefault(l.URLBytes, 32_768),
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

// Quirks choose between behaviours of which the documents do not say which one is right, or lift what the sandbox is stricter about.
type Quirks struct {
	AllColumns       bool `json:"all_columns,omitempty"`        // reads without $select are answered with every column
	WriteInactive    bool `json:"write_inactive,omitempty"`     // rows that are not active take changes
	NoDuplicateRules bool `json:"no_duplicate_rules,omitempty"` // no duplicate rule is published
	Duplicate500     bool `json:"duplicate_500,omitempty"`      // a duplicate is 500, not 412
	NullLookups      bool `json:"null_lookups,omitempty"`       // null clears a lookup too, with or without @odata.bind
	NoPrivilegeNames bool `json:"no_privilege_names,omitempty"` // RetrieveUserPrivileges answers ids without names
	NoRatelimits     bool `json:"no_ratelimits,omitempty"`      // answers carry no x-ms-ratelimit headers
	SecretExpired    bool `json:"secret_expired,omitempty"`     // the application's secret is past its date (AADSTS7000222)
}
