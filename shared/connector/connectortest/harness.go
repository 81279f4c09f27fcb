// Package connectortest is the conformance suite of package connector: every connector proves in one call of Run, over its
// vendor's sandbox, that it keeps the contract and that each error is the behaviour that it should be. A vendor that cannot
// keep a part of it names the subtest and the reason in Harness.Exceptions. Of a connector that says it is read-only the suite wants
// that it refuses every write and sends nothing, and skips only what needs a write to have been carried out.
//
// The suite knows no vendor. It never waits for real: what must become visible is waited for on the account's clock.
package connectortest

import (
	"context"
	"flag"
	"strings"
	"testing"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// Harness is what a connector's test hands to Run.
type Harness struct {
	// Open returns a fresh, empty account. It is called once a subtest; what it starts, it ends with t.Cleanup.
	Open func(t *testing.T) *Account
	// Exceptions are subtests that the vendor cannot pass, by their name below Run's ("round trip/name.given/emoji"), each
	// with the reason. An exception that names no subtest fails.
	Exceptions map[string]string
}

// Account is one account at a sandbox, with a connector on it and the hands of a person. Functions fail the test
// themselves when they cannot do what they say.
type Account struct {
	Connector connector.Connector
	// Reopen returns another connector on the same account, as the next process would have it. Optional.
	Reopen func() connector.Connector
	// Clock is the clock of connector and sandbox; Sleep on it must let the sandbox's writes become visible.
	Clock clock.Clock
	// Scope is what listings are asked for; the zero value means everything.
	Scope connector.Scope

	// Put adds records as a person would, and returns their ids in order. Edit gives each named field its complete new
	// values. Remove deletes.
	Put    func(recs ...record.Record) []string
	Edit   func(id string, fields record.Fields)
	Remove func(id string)
	// Native is everything that the vendor holds of a record, by the vendor's own member, without what every write
	// changes (times, versions). It returns nil if the record is gone.
	Native func(id string) map[string]string
	// NativeOf returns the members of Native that a write of field k may change.
	NativeOf func(k record.Key) []string
	// Rich adds one record that holds as much as the vendor can, also in members that the connector does not map, and
	// returns its id. Optional.
	Rich func() string

	Fault       func(sandbox.Fault)
	ClearFaults func()
	// ExpireCursors makes every cursor handed out so far invalid at the vendor. RevokeAccess withdraws the account's
	// authorisation.
	ExpireCursors func()
	RevokeAccess  func()
	// ResetCalls and Calls count the requests that the sandbox answered.
	ResetCalls func()
	Calls      func() int

	// Requests tell faults where to strike.
	Requests Requests
	// Throttled is the vendor's answer to too many calls, without a Retry-After header; EmptyList an empty listing as the
	// vendor would word it, with status 200.
	Throttled sandbox.Fault
	EmptyList sandbox.Fault

	// Refused are values that the vendor does not accept, in a create and in an update, though they have the right shape. Neither they
	// nor the requests for writes are needed if the connector is read-only.
	Refused record.Fields
	// Missing are well-formed ids that no record ever had.
	Missing []string
	// Group is the id of a group, list or view of this account, and PutIn adds records to it as a person would. Empty if
	// the connector is no Grouper.
	Group string
	PutIn func(group string, recs ...record.Record) []string
	// Samples replaces the suite's values for a field where the vendor takes only certain ones; nil, or a nil answer,
	// means the suite's own. The key is the last part of the subtest's name.
	Samples func(f record.Field) map[string][]record.Value
}

// Requests say which HTTP requests the connector sends for what; only Method and Path of each are used.
type Requests struct{ List, Get, Create, Update, Delete sandbox.Fault }

// Run runs the suite. Subtests are named by outcome.
func Run(t *testing.T, h Harness) {
	t.Helper()
	s := &suite{h: h, seen: map[string]bool{}}
	s.describe(t)
	s.listing(t)
	s.get(t)
	s.write(t)
	s.roundTrip(t)
	s.faults(t)
	s.groups(t)
	if f := flag.Lookup("test.run"); f != nil && strings.Contains(f.Value.String(), "/") {
		return // only some subtests ran
	}
	for name := range h.Exceptions {
		if !s.seen[name] {
			t.Errorf("Exceptions names %q, which is no subtest", name)
		}
	}
}

type suite struct {
	h    Harness
	seen map[string]bool
}

// run runs one subtest on a fresh account.
func (s *suite) run(t *testing.T, name string, f func(t *testing.T, a *Account)) {
	t.Helper()
	s.seen[name] = true
	t.Run(name, func(t *testing.T) {
		if why, ok := s.h.Exceptions[name]; ok {
			t.Skip(why)
		}
		f(t, s.h.Open(t))
	})
}

// runWrites is run for a subtest that needs the connector to write.
func (s *suite) runWrites(t *testing.T, name string, f func(t *testing.T, a *Account)) {
	t.Helper()
	s.run(t, name, func(t *testing.T, a *Account) {
		if describe(t, a).ReadOnly {
			t.Skip("the connector is read-only")
		}
		f(t, a)
	})
}

// excepted reports whether the part of a subtest called name is to be left out.
func (s *suite) excepted(name string) bool {
	s.seen[name] = true
	_, ok := s.h.Exceptions[name]
	return ok
}

// only returns fault f aimed at the requests that r describes.
func only(r, f sandbox.Fault) sandbox.Fault {
	f.Method, f.Path = r.Method, r.Path
	return f
}

func describe(t *testing.T, a *Account) connector.Description {
	t.Helper()
	d, err := a.Connector.Describe(context.Background())
	if err != nil {
		t.Fatalf("Describe: %v", err)
	}
	return d
}
