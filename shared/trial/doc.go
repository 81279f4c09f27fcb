// Package trial puts the whole of Meibo to the test on one machine: it fills two stand-ins with overlapping address books, connects
// them as a person would (sign-in, consent through the real code flow, choice of groups, preview, start), lets people edit, clash,
// merge and delete on both sides, and in the end reads both books back and compares them field by field.
//
// `functions/local demo` shows it to people and `functions/local bench` measures with it. Push measures, in the machine's time, how
// soon pushed changes are on the other side. It talks to Meibo through its HTTP API
// and to the stand-ins through their control routes, never past them.
package trial

import (
	"log/slog"
	"time"

	"meibo/shared/connector"
)

// Options of a trial. The zero value of each but Records has a meaning of its own.
type Options struct {
	// Pair is the CRM and the address book, as "zoho:google"; "" is DefaultPair.
	Pair    string
	Records int
	// Files are vCard or CSV files or folders, to use instead of generated people.
	Files []string
	Seed  int64
	// Folder keeps Meibo's state; it must be empty.
	Folder string
	// Sandbox is the command that runs the stand-ins in a process of their own; nil keeps them in this one.
	Sandbox []string
	// NoLimits lifts the stand-ins' limits on calls and sizes.
	NoLimits bool
	// Lag is how long Google's change listing does not show a write.
	Lag time.Duration
	// Changes is how many records each side edits in the step of that name; 0 means a share of all.
	Changes int
	// Steps chooses what is done; nil means all.
	Steps []string
	// Log takes Meibo's own log; nil for silence.
	Log *slog.Logger
	// Report is told what happens, for people; nil means nobody.
	Report Reporter
}

// Reporter follows a trial.
type Reporter interface {
	// Begin tells the names of the two systems, before anything is done with them.
	Begin(crm, book string)
	// Say tells a line.
	Say(format string, args ...any)
	// Progress tells how far a step is; total 0 means that nobody knows.
	Progress(step, phase string, done, total int)
	// Done tells what a step did.
	Done(Step)
}

// Result is what a trial found.
type Result struct {
	Pair    string `json:"pair"`
	Records int    `json:"records"`
	// Converged says that in the end both books said the same in every mapped field, but for what one side cannot hold, that
	// nothing was lost or doubled, and that the rules of the pair were followed. Where Meibo keeps a folder of its own, the folder is
	// the book, and what is outside it must be as it was.
	Converged    bool     `json:"converged"`
	PeakRSSBytes int64    `json:"peak_rss_bytes"`
	Steps        []Step   `json:"steps"`
	Differences  []string `json:"differences"` // why it did not converge
	Problems     []string `json:"problems"`    // lines of the given files that could not be read
	Held         Held     `json:"held"`
}

// Held counts what stays on one side because the other cannot hold it (BX11), by field.
type Held struct {
	Records int            `json:"records"`
	Fields  map[string]int `json:"fields"`
}

// Step is one step of a trial.
type Step struct {
	Name      string         `json:"name"`
	CRM       Side           `json:"crm"`
	Book      Side           `json:"book"`
	Conflicts int            `json:"conflicts"`
	Skipped   int            `json:"skipped"`
	Reasons   map[string]int `json:"skipped_reasons"`
	Review    int            `json:"review"`
	// FloorCalls is the least that both vendors' batch sizes allow for the work of this step.
	FloorCalls int     `json:"floor_calls"`
	Seconds    float64 `json:"seconds"`
	// ClockSeconds is what the vendors' limits made of it, on the clock that the stand-ins share with Meibo.
	ClockSeconds float64 `json:"clock_seconds"`
	// LimitSeconds is the least that the limits which the vendors publish allow for a first sync, and LimitRatio how many times as
	// long it took; 0 where they allow it at once, or are lifted.
	LimitSeconds float64 `json:"limit_seconds"`
	LimitRatio   float64 `json:"limit_ratio"`
	Store        Store   `json:"store"`
	Runs         int     `json:"runs"`

	work [2]connector.Work // what its runs had to do at the CRM and at the book
}

// Side is what a step did to one side.
type Side struct {
	Created int `json:"created"`
	Updated int `json:"updated"`
	Deleted int `json:"deleted"`
	Calls   int `json:"calls"`
	Floor   int `json:"floor_calls"`
	// LimitSeconds is what this vendor's limits allow at the least.
	LimitSeconds float64 `json:"limit_seconds"`
}

// Store counts items read and written.
type Store struct {
	Reads  int64 `json:"reads"`
	Writes int64 `json:"writes"`
}
