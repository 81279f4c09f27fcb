package tenancy

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/oklog/ulid/v2"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/schedule"
	"meibo/shared/store"
)

// Config is what a Service works with. Table, Clock and Scheduler are needed.
type Config struct {
	Table     store.Table
	Clock     clock.Clock
	Scheduler schedule.Scheduler
	// IDs makes ids that sort by time; nil means NewIDs(Clock, nil).
	IDs func() string
	// Profile returns the profile of a pair of systems; nil means profile.For.
	Profile func(crm, book string) profile.Profile
	// SystemName returns what users call a system; nil means its id.
	SystemName func(system string) string
	// Describe returns what an account can do under the options that a connection chose, against which mapping and options are
	// checked at the start of a connection and when one that runs is changed. nil means that they are checked by the engine only.
	Describe func(ctx context.Context, tenant, account string, options map[string]string) (connector.Description, error)
	// Admit says whether an administrator of the tenant has connected the directory of a system (profile.Profile.Directory), and whether
	// an account belongs to it; who is nil while nobody knows whose account it will be. It is a *Refusal, or what the answer rests on.
	// nil refuses connections whose profile needs it.
	Admit func(ctx context.Context, tenant, system string, who *connector.Identity) (Held, error)
	// Prepare makes what a connection needs at the systems before it starts (PD13, ZO4). It can be repeated: what is there already
	// is found again. A *connector.DuplicateError says that somebody else's folder has the name; nothing was made then. nil means
	// that only connections that need nothing can be started.
	Prepare func(ctx context.Context, p Preparation) (Prepared, error)
	// Revoke gives a removed account's authorisation back to the vendor.
	Revoke func(ctx context.Context, tenant, account string) error
	// Stopped is told of a connection that has just been stopped, whoever stopped it; nil tells nobody.
	Stopped func(ctx context.Context, c Connection)
	// TenantEvery is how often a tenant's schedule looks for connections that are due; 0 means every minute.
	TenantEvery time.Duration
}

// Service holds the rules of tenants, members, accounts and connections. It is safe for concurrent use.
//
// What people do takes the acting Member, whose tenant is the only one it touches; what machinery does takes a tenant's id.
type Service struct{ cfg Config }

// New returns a service.
func New(c Config) *Service {
	if c.IDs == nil {
		c.IDs = NewIDs(c.Clock, nil)
	}
	if c.Profile == nil {
		c.Profile = profile.For
	}
	if c.SystemName == nil {
		c.SystemName = func(system string) string { return system }
	}
	if c.TenantEvery == 0 {
		c.TenantEvery = time.Minute
	}
	return &Service{c}
}

// NewIDs returns a source of ULIDs that is safe for concurrent use. Random bytes come from random; nil means crypto/rand.
func NewIDs(c clock.Clock, random io.Reader) func() string {
	if random == nil {
		random = rand.Reader
	}
	entropy := &ulid.LockedMonotonicReader{MonotonicReader: ulid.Monotonic(random, 0)}
	return func() string {
		ms := ulid.Timestamp(c.Now())
		id, err := ulid.New(ms, entropy)
		if err != nil { // the entropy of one millisecond is used up
			id = ulid.MustNew(ms+1, entropy)
		}
		return id.String()
	}
}
