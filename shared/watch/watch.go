// Package watch keeps the subscriptions by which vendors tell Meibo of changes (SPEC BX8): it makes what a connection lacks,
// renews it before it ends, makes lost ones anew, and removes them with their connection.
//
// A subscription is never the reason why a sync is right: a connection that has none, or hears nothing, is polled all the same.
// So whatever goes wrong here costs time and never a change.
//
// Every watch is stored before its vendor is called. A crash between any two steps leaves at most one subscription behind at the
// vendor, whose notifications are refused because its watch is gone, and which then expires.
//
// The package imports the contract of connectors, the table, the clock and the plain types of a connection; it knows no vendor.
package watch

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// ErrNotFound: there is no such watch.
var ErrNotFound = errors.New("watch: no such watch")

// State says how far a watch has come.
type State string

// The states. Making: the vendor was asked, or is about to be, and its answer is not stored. Active: the vendor tells of changes.
// Refused: the vendor does not let this user watch; the connection is polled, and the vendor asked again now and then. Removing:
// the vendor has yet to be told that the watch is over; its notifications are refused already.
const (
	Making   State = "making"
	Active   State = "active"
	Refused  State = "refused"
	Removing State = "removing"
)

// Watch is one subscription of a connection: what is watched on one side, and what the vendor said to it.
type Watch struct {
	ID         string       `json:"id"` // 18 decimal digits; it is in the URL that the vendor calls, and no secret
	Tenant     string       `json:"tenant"`
	Connection string       `json:"connection"`
	Account    string       `json:"account"`
	System     string       `json:"system"`
	Side       profile.Side `json:"side"`
	Target     string       `json:"target,omitempty"`

	Subscription connector.Subscription `json:"subscription"`
	// Sum is the SHA-256 of the secret, which itself is kept by nobody but the vendor.
	Sum []byte `json:"sum"`

	State State `json:"state"`
	// Reason is, in a sentence for people, why the watch is not active; "" when there is nothing to say.
	Reason string    `json:"reason,omitempty"`
	Made   time.Time `json:"made"`
	// Renew is when it is to be looked at next.
	Renew time.Time `json:"renew"`
	// Gone is when a watch that is being removed is forgotten, whatever its vendor says.
	Gone time.Time `json:"gone,omitzero"`
	// Missed says that notifications were lost before this watch was made, and that nobody has been told yet.
	Missed bool `json:"missed,omitempty"`
	// Tries is how often in a row the vendor could not be asked.
	Tries int `json:"tries,omitempty"`

	V int64 `json:"-"`
}

// Expires is when the vendor ends the subscription by itself; zero if it does not, or there is none.
func (w Watch) Expires() time.Time { return w.Subscription.Expires }

// Proves reports, in constant time, whether proof is the watch's secret.
func (w Watch) Proves(proof string) bool {
	sum := sha256.Sum256([]byte(proof))
	return subtle.ConstantTimeCompare(sum[:], w.Sum) == 1
}

// Opened is an account that is ready to be called.
type Opened struct {
	System    string // id, as it stands in the URL of a hook
	Connector connector.Connector
	Close     func() // nil, or to be called when done
}

// Config is what a Service works with. All but Rand are needed.
type Config struct {
	Table store.Table
	Clock clock.Clock
	Rand  io.Reader // of ids and secrets; nil means crypto/rand
	// Open opens an account for calls.
	Open func(ctx context.Context, tenant, account string) (Opened, error)
	// Connection returns a connection; one that does not exist is tenancy.ErrNotFound.
	Connection func(ctx context.Context, tenant, id string) (tenancy.Connection, error)
	// Missed is told that notifications of a side were lost, so that a run repairs by a delta. It is repeated until it succeeds.
	Missed func(ctx context.Context, tenant, conn string, side profile.Side) error
	// HookURL is the address under which vendors reach package webhook, without a trailing slash, such as
	// "https://sync.example.com/hooks". A watch's own address is HookURL/<system>/<id>. "" means that vendors cannot reach this
	// installation: nothing is made, and what is there ends.
	HookURL string
}

// Service keeps watches. It is safe for concurrent use, in many processes at once.
type Service struct{ cfg Config }

// New returns a service.
func New(c Config) *Service {
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	c.HookURL = strings.TrimRight(c.HookURL, "/")
	return &Service{cfg: c}
}

func (s *Service) now() time.Time { return s.cfg.Clock.Now() }

func (s *Service) url(w Watch) string { return s.cfg.HookURL + "/" + w.System + "/" + w.ID }

// The times. wanted is how long a subscription is asked for; every vendor makes it shorter. makingFor is how long the maker of a
// watch is left alone; it is longer than a call to a vendor lasts.
const (
	wanted     = 30 * 24 * time.Hour
	makingFor  = 2 * time.Minute
	checkEvery = 24 * time.Hour // for subscriptions that do not expire, and refusals
	soonest    = time.Minute
	retryMost  = time.Hour
	reauthWait = time.Hour
	// A subscription without an end of its own is given up by every known vendor after days without a good answer.
	forgetAfter = 14 * 24 * time.Hour
)

// believable returns what a vendor said of a subscription with an end that can be: not before now, and not after what was asked for.
func believable(sub connector.Subscription, now time.Time) connector.Subscription {
	switch most := now.Add(wanted); {
	case sub.Expires.IsZero():
	case sub.Expires.Before(now):
		sub.Expires = now
	case sub.Expires.After(most):
		sub.Expires = most
	}
	return sub
}

// next is when a subscription that was made or renewed at now is looked at again: at half of its life.
func next(id string, sub connector.Subscription, now time.Time) time.Time {
	if sub.Expires.IsZero() {
		// Spread, so that those that were made together do not come back together.
		return now.Add(checkEvery - time.Duration(id[len(id)-1]-'0')*20*time.Minute)
	}
	return now.Add(max(sub.Expires.Sub(now)/2, soonest))
}

// later is when a call that failed for the n-th time in a row is tried again.
func later(now time.Time, n int) time.Time {
	return now.Add(min(soonest<<min(n-1, 10), retryMost))
}
