package tenancy

import (
	"fmt"
	"slices"
)

// States lists all connection states, in the order of a connection's life.
func States() []State {
	return []State{Draft, Authorizing, Ready, Active, Paused, NeedsReauth, NeedsApproval, Stopped, Deleted}
}

// next is SPEC section 9 rule 1 as data: where a connection can go from each state, and what a person can do there. A draft
// has nothing to stop, so it is deleted at once.
var next = map[State]struct {
	To   []State
	Cure string
}{
	Draft:         {[]State{Authorizing, Deleted}, "choose and authorise both accounts, or delete the draft"},
	Authorizing:   {[]State{Ready, Stopped}, "authorise the accounts that are missing, or stop the connection"},
	Ready:         {[]State{Active, Stopped}, "start the connection, or stop it"},
	Active:        {[]State{Paused, NeedsReauth, NeedsApproval, Stopped}, "pause or stop the connection"},
	Paused:        {[]State{Active, Stopped}, "resume the connection, or stop it"},
	NeedsReauth:   {[]State{Active, Stopped}, "connect the account again, or stop the connection"},
	NeedsApproval: {[]State{Active, Stopped}, "answer the pending approval, or stop the connection"},
	Stopped:       {[]State{Deleted}, "make a new connection of the same accounts, which recognises what is synced already, or delete this one"},
	Deleted:       {nil, "make a new connection"},
}

// CanMove returns nil if a connection can go from one state to the other in one step, and else a *Refusal that names both and
// says what can be done: its code is CodeAlready for from itself, and CodeState for any other.
func CanMove(from, to State) error {
	n := next[from]
	if slices.Contains(n.To, to) {
		return nil
	}
	if !slices.Contains(States(), to) {
		return &FieldError{"state", fmt.Sprintf("there is no state %q", to), fmt.Sprintf("give one of %v", States())}
	}
	if from == to {
		return &Refusal{CodeAlready, fmt.Sprintf("the connection is %s already", to), "nothing needs to be done; to change it, " + n.Cure}
	}
	return &Refusal{CodeState, fmt.Sprintf("a connection that is %s cannot become %s", from, to), n.Cure}
}

// Live reports whether a connection in state s has been started and not stopped: its links are in use.
func (s State) Live() bool {
	return s == Active || s == Paused || s == NeedsReauth || s == NeedsApproval
}

// Ended reports whether a connection in state s holds its accounts no longer.
func (s State) Ended() bool { return s == Stopped || s == Deleted }
