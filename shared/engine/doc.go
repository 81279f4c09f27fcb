// Package engine runs syncs: list, match, plan, apply, checkpoint (DESIGN section 5).
//
// A run is a chain of slices. Each slice takes the connection's lease, does what it can in a few minutes, and leaves a state from
// which the next goes on; a slice that is killed anywhere loses and doubles nothing. A run first surveys (it reads both sides and
// writes to neither), then decides whether it may go on, then applies. Values are never held beyond a page or a batch.
//
// The engine knows no vendor and no storage engine: it works on connector.Connector, store.Table and profile.Rules.
package engine
