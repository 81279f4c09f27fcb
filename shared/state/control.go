package state

import (
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
)

// Control is the thin item of a connection: its lease, cursors and figures. Its Fence in the store is the lease's epoch, which
// every state write of a run checks.
type Control struct {
	// Lease holder: the run under way and until when its slice may write. LeaseUntil in the past frees the lease.
	Run        string    `json:"run,omitempty"`
	LeaseUntil time.Time `json:"lease_until,omitzero"`
	// Began is when the last completed run began: asks from before it are covered.
	Began time.Time `json:"began,omitzero"`

	Sides [2]SideState `json:"sides"` // the CRM, the book

	// Plan is the digest of scope, mapping, direction and catalogue under which the cursors grew: another one needs a relist.
	Plan string `json:"plan,omitempty"`
	// Generation of the match index, and the number of its last chunk on each side.
	Generation int64    `json:"generation,omitempty"`
	Chunks     [2]int64 `json:"chunks,omitempty"`
	// Intents is how many batches of creates have an outcome that is not settled.
	Intents int `json:"intents,omitempty"`

	Totals Totals `json:"totals"`
	// Losses are deletions and emptied fields by side and hour, over a rolling day (BX4).
	Losses []Loss `json:"losses,omitempty"`
	// Quiet are the last runs that found nothing to do; they have no item of their own.
	Quiet []QuietRun `json:"quiet,omitempty"`
	// Wait is until when a vendor asked to be left alone, and why, in a sentence.
	Wait    time.Time `json:"wait,omitzero"`
	WaitFor string    `json:"wait_for,omitempty"`
	// Retry are records that a later run must look at again, whether or not they change.
	Retry []Retry `json:"retry,omitempty"`
	// Again is when records that are parked for a reason that may pass, and are not in Retry, are looked at again.
	Again time.Time `json:"again,omitzero"`
	// Packed are the chunks of the match index when it was last written anew.
	Packed [2]int64 `json:"packed,omitempty"`
	// Follow is when the unfinished run last asked for its next slice.
	Follow time.Time `json:"follow,omitzero"`
	// Recount says that a slice was killed: the totals may be off.
	Recount bool `json:"recount,omitempty"`
	// Held says that a cap held records back: they are parked with CodeCap.
	Held bool `json:"held,omitempty"`
	// Failures are runs that failed one after another.
	Failures int `json:"failures,omitempty"`
	// Lacking is when the folder that the connection keeps its records in was first not found; zero while it is there.
	Lacking time.Time `json:"lacking,omitzero"`

	Epoch int64 `json:"-"` // the stored item's Fence
	V     int64 `json:"-"`
}

// SideState is what a connection knows of one side.
type SideState struct {
	Cursor string `json:"cursor,omitempty"`
	// Listed is when the chain of cursors began with a full listing.
	Listed time.Time `json:"listed,omitzero"`
	// Members is when the membership scan last ran.
	Members time.Time `json:"members,omitzero"`
	// FullEvery and MembersEvery are the connector's word, kept so that a quiet run need not load the catalogue.
	FullEvery    time.Duration `json:"full_every,omitempty"`
	MembersEvery time.Duration `json:"members_every,omitempty"`
	// Scanned is when the ids of the whole side were last compared with the links, because its changes tell no deletions; a scan
	// that the vendor had no room for is put off until ScanFrom. ScanEvery and PollEvery are the connector's word.
	Scanned   time.Time     `json:"scanned,omitzero"`
	ScanFrom  time.Time     `json:"scan_from,omitzero"`
	ScanEvery time.Duration `json:"scan_every,omitempty"`
	PollEvery time.Duration `json:"poll_every,omitempty"`
	// Chosen are the choices under which the connection was started, in words, where they decide which records its ids name; see
	// connector.Chooser.
	Chosen string `json:"chosen,omitempty"`
	// Budget is what the vendor last said of the budget that all integrations of the company share; nil if it has none.
	Budget *connector.Budget `json:"budget,omitempty"`
}

// pollMost bounds what a vendor can make of the polling interval: every known limit is one of a day at most.
const pollMost = 24 * time.Hour

// PollEvery is the shortest interval between two runs that both vendors' limits leave room for; 0 means that a minute is fine.
func (c Control) PollEvery() time.Duration {
	return min(max(c.Sides[0].PollEvery, c.Sides[1].PollEvery, 0), pollMost)
}

// Retry is a record to look at again.
type Retry struct {
	Side profile.Side `json:"side"`
	ID   string       `json:"id"`
	At   time.Time    `json:"at"`
	N    int          `json:"n,omitempty"` // tries so far
}

// Loss counts what a side lost in one hour.
type Loss struct {
	Hour time.Time    `json:"hour"`
	Side profile.Side `json:"side"`
	N    int          `json:"n"`
	// Gone are those of N that were deletions.
	Gone int `json:"g,omitempty"`
}

// QuietRun is a run that found nothing to do.
type QuietRun struct {
	ID        string    `json:"id"`
	Reason    Reason    `json:"reason"`
	Started   time.Time `json:"started"`
	Ended     time.Time `json:"ended"`
	Calls     [2]int    `json:"calls"`
	Floor     [2]int    `json:"floor"`
	Reads     int       `json:"reads"`
	Writes    int       `json:"writes"`
	Kind      RunKind   `json:"kind"`
	Unchanged int       `json:"unchanged"` // echoes and changes of nothing that is mapped
}

const keptQuiet = 16

// AddQuiet remembers q and forgets the oldest.
func (c *Control) AddQuiet(q QuietRun) {
	c.Quiet = append(c.Quiet, q)
	if n := len(c.Quiet) - keptQuiet; n > 0 {
		c.Quiet = c.Quiet[n:]
	}
}

// run returns q as a Run, for the list of runs.
func (q QuietRun) run(links int) Run {
	return Run{
		ID: q.ID, Kind: q.Kind, Reason: q.Reason, State: RunDone, Started: q.Started, Ended: q.Ended,
		Progress: Progress{Phase: PhaseDone}, CRM: Counts{Calls: q.Calls[0], FloorCalls: q.Floor[0]}, Book: Counts{Calls: q.Calls[1], FloorCalls: q.Floor[1]},
		Skipped: map[string]int{}, Links: links, Store: StoreUse{Reads: q.Reads, Writes: q.Writes},
	}
}

// counts reports whether any of l may lie within the day before now: the last moment of its hour decides.
func (l Loss) counts(now time.Time) bool { return now.Sub(l.Hour.Add(time.Hour)) < 24*time.Hour }

// AddLoss counts n losses of side s at time now, and forgets those older than a day.
func (c *Control) AddLoss(s profile.Side, n int, now time.Time) {
	if n == 0 {
		return
	}
	hour := now.Truncate(time.Hour)
	kept := c.Losses[:0]
	found := false
	for _, l := range c.Losses {
		if !l.counts(now) {
			continue
		}
		if l.Side == s && l.Hour.Equal(hour) {
			l.N += n
			found = true
		}
		kept = append(kept, l)
	}
	if !found {
		kept = append(kept, Loss{Hour: hour, Side: s, N: n})
	}
	c.Losses = kept
}

// AddDeletion counts one deletion of side s.
func (c *Control) AddDeletion(s profile.Side, now time.Time) {
	c.AddLoss(s, 1, now)
	for i := range c.Losses {
		if l := &c.Losses[i]; l.Side == s && l.Hour.Equal(now.Truncate(time.Hour)) {
			l.Gone++
		}
	}
}

// Deleted returns how many records of side s were deleted over the day before now.
func (c *Control) Deleted(s profile.Side, now time.Time) int {
	n := 0
	for _, l := range c.Losses {
		if l.Side == s && l.counts(now) {
			n += l.Gone
		}
	}
	return n
}

// Lost returns how much side s lost over the day before now.
func (c *Control) Lost(s profile.Side, now time.Time) int {
	n := 0
	for _, l := range c.Losses {
		if l.Side == s && l.counts(now) {
			n += l.N
		}
	}
	return n
}

// Phases of a run, as Progress shows them.
const (
	PhaseReading  = "reading"
	PhaseMatching = "matching"
	PhaseWriting  = "writing"
	PhaseDone     = "done"
)
