// Package state is what a connection remembers: the control item with its lease, links, runs, intents, the match index, the
// review list and the journal, each as items of one store.Table (DESIGN section 4). The engine writes it under a lease; the API
// reads it.
//
// No item holds a contact's value but the journal, which is sealed under the tenant's key and expires.
package state

import (
	"time"

	"meibo/shared/profile"
)

// Ask is the message that asks for a sync. It holds no contact data.
type Ask struct {
	Tenant     string    `json:"tenant"`
	Connection string    `json:"connection"`
	Reason     Reason    `json:"reason"`
	Asked      time.Time `json:"asked"`
	// Run is the id that the asker wants the run to have, or "".
	Run string `json:"run,omitempty"`
	// Answer goes with ReasonAnswer, Review with ReasonReview.
	Answer Answer    `json:"answer,omitempty"`
	Review *Decision `json:"review,omitempty"`
	// Force goes with ReasonDisable: records that the CRM does not have, and deletions over the budget, hold nothing up.
	Force bool `json:"force,omitempty"`
}

// Reason says why a run was asked for.
type Reason string

// The reasons. ReasonPreview counts what a run would do and writes nothing at either vendor.
const (
	ReasonStart    Reason = "start"
	ReasonSchedule Reason = "schedule"
	ReasonUpdate   Reason = "update" // a person pressed Update
	ReasonPreview  Reason = "preview"
	ReasonResume   Reason = "resume" // the next slice, or the end of a wait
	ReasonAnswer   Reason = "answer"
	ReasonReview   Reason = "review"
	ReasonHook     Reason = "hook"
	// ReasonDisable asks for a last sync, after which what Meibo put into the book is removed and the connection stops: the whole
	// folder where the connection has one of its own (ZO5), else the records that Meibo made (BX16). It is answered for a
	// connection that is active or paused.
	ReasonDisable Reason = "disable"
)

// Answer is a person's answer to a run that waits for approval.
type Answer string

// AnswerOnce lets this run go on over its budget; AnswerRaise also doubles the connection's budget; AnswerDiscard drops the
// deletions that the run asked about: their links are detached and both sides keep what they have.
const (
	AnswerOnce    Answer = "once"
	AnswerRaise   Answer = "raise"
	AnswerDiscard Answer = "discard"
)

// Decision is a person's decision about one entry of the review list.
type Decision struct {
	ID     string `json:"id"`
	Action Action `json:"action"`
	// Other chooses among several candidates (ActionLink): the other side's record id.
	Other string `json:"other,omitempty"`
}

// Action of a review decision.
type Action string

// ActionLink says that both records are the same person; ActionSeparate that they are not, and each travels by itself;
// ActionIgnore leaves the record alone until it changes.
const (
	ActionLink     Action = "link"
	ActionSeparate Action = "separate"
	ActionIgnore   Action = "ignore"
)

// RunKind is what a run does.
type RunKind string

// The kinds of run.
const (
	Preview     RunKind = "preview"
	Initial     RunKind = "initial"
	Incremental RunKind = "incremental"
	Relist      RunKind = "relist"
)

// RunState is where a run stands.
type RunState string

// The run states.
const (
	RunRunning  RunState = "running"
	RunWaiting  RunState = "waiting"        // for a vendor's limit or another run; goes on by itself
	RunApproval RunState = "needs_approval" // for a person
	RunDone     RunState = "done"
	RunFailed   RunState = "failed"
	RunStopped  RunState = "stopped" // the connection was stopped, paused or changed meanwhile
)

// Run is one execution.
type Run struct {
	ID       string    `json:"id"`
	Kind     RunKind   `json:"kind"`
	Reason   Reason    `json:"reason"`
	State    RunState  `json:"state"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended,omitzero"`
	Progress Progress  `json:"progress"`
	CRM      Counts    `json:"crm"`  // what the run did to the CRM
	Book     Counts    `json:"book"` // what the run did to the book
	// Conflicts are values that both sides changed differently and the conflict rule decided.
	Conflicts int `json:"conflicts"`
	// Skipped counts records left as they are, by reason code (see ReasonText).
	Skipped map[string]int `json:"skipped"`
	Review  int            `json:"review"`
	// Photos are pictures of the book that were given to records of the CRM.
	Photos int      `json:"photos,omitempty"`
	Links  int      `json:"links"` // links of the connection when the run ended
	Store  StoreUse `json:"store"`
	// Message says, in a sentence for people, what a failed, waiting or stopped run met and what cures it.
	Message string `json:"message,omitempty"`
	// Approval says what a run that needs approval would do.
	Approval *ApprovalRequest `json:"approval,omitempty"`
}

// Progress of a run. Total is 0 while it is not known.
type Progress struct {
	Phase string `json:"phase"` // reading, matching, writing, done
	Done  int    `json:"done"`
	Total int    `json:"total"`
}

// Counts are what a run did, or would do, to one side.
type Counts struct {
	Created int `json:"created"`
	Updated int `json:"updated"`
	Deleted int `json:"deleted"`
	Failed  int `json:"failed"`
	Calls   int `json:"calls"`
	// FloorCalls is the least that the vendor's batch sizes allow for the same work; see engine.Floor.
	FloorCalls int `json:"floor_calls"`
}

// StoreUse counts items read and written.
type StoreUse struct {
	Reads  int `json:"reads"`
	Writes int `json:"writes"`
}

// ApprovalRequest is what a person is asked to approve.
type ApprovalRequest struct {
	Side    profile.Side `json:"side,omitempty"`
	Deletes int          `json:"deletes"`
	Emptied int          `json:"emptied"`
	Links   int          `json:"links"`
	Why     string       `json:"why"`
	// Unsynced are the records of the book that would go although the CRM has no equal of them, and Records the ids of the first
	// of them (MaxUnsynced). A run that ended with them is over: ask again with Force, or let them sync first.
	Unsynced int      `json:"unsynced,omitempty"`
	Records  []string `json:"records,omitempty"`
}

// MaxUnsynced bounds ApprovalRequest.Records.
const MaxUnsynced = 200

// Totals are a connection's figures for its dashboard (PD16).
type Totals struct {
	Links    int       `json:"links"`  // records in sync
	Parked   int       `json:"parked"` // left out, failing or waiting
	Review   int       `json:"review"`
	LastRun  string    `json:"last_run,omitempty"`
	LastSync time.Time `json:"last_sync,omitzero"` // end of the last run that completed (ZG7)
	NextRun  time.Time `json:"next_run,omitzero"`
}

// LinkState is what a link is.
type LinkState string

// The link states of DESIGN section 4.
const (
	LinkActive   LinkState = "active"
	LinkDetached LinkState = "detached"
	LinkParked   LinkState = "parked"
	LinkMissing  LinkState = "missing"
)

// Link is the pairing of a record's two ids, or one record that has no partner yet and says why (Parked). It holds digests, no
// values.
type Link struct {
	CRM   string    `json:"c,omitempty"`
	Book  string    `json:"b,omitempty"`
	State LinkState `json:"s"`
	// Code is why the record is parked, detached or missing (see Text), or what an active one lacks (CodePhoto); Field names the
	// field it is about.
	Code   string    `json:"r,omitempty"`
	Field  string    `json:"f,omitempty"`
	Detail string    `json:"d,omitempty"`
	Since  time.Time `json:"t"`
	// Made is the side on which Meibo created the record; "" if both were there. Such a record stays in scope.
	Made profile.Side `json:"m,omitempty"`
	// Unshown is, for each side, since when complete listings and scans have not named the record and the vendor
	// could not show it (connector.Description.GoneAfter); zero if that is not so.
	Unshown [2]time.Time `json:"u,omitzero"`
	// Left are the sides on which the record left the scope (CodeLeftScope).
	Left []profile.Side `json:"l,omitempty"`
	// The version and base of each side when last synced. Unsettled says that the base is what was sent, not yet what the
	// vendor stored.
	CRMVersion    string `json:"cv,omitempty"`
	BookVersion   string `json:"bv,omitempty"`
	CRMUnsettled  bool   `json:"cu,omitempty"`
	BookUnsettled bool   `json:"bu,omitempty"`
	CRMBase       []byte `json:"cb,omitempty"`
	BookBase      []byte `json:"bb,omitempty"`
	// Held are fields of which one side holds something that the other cannot (BX11).
	Held []Held `json:"h,omitempty"`
	// Photo is the keyed digest of the book's picture, or of its lack, that was dealt with last; 0 before the first.
	Photo uint64 `json:"p,omitempty"`
	// PhotoDue says that the book's picture is still to be looked at.
	PhotoDue bool `json:"pd,omitempty"`
	// V is the stored item's version.
	V int64 `json:"-"`
}

// Held names a field of which Side keeps values that the other side cannot hold.
type Held struct {
	Side  profile.Side `json:"side"`
	Field string       `json:"field"`
	Count int          `json:"count"`
}

// Review is one entry of the review list: a record, and those on the other side that it may be.
type Review struct {
	ID         string       `json:"id"`
	Side       profile.Side `json:"side"`
	Record     string       `json:"record"`
	Candidates []string     `json:"candidates"` // ids on the other side
	Code       string       `json:"code"`
	Since      time.Time    `json:"since"`
	V          int64        `json:"-"`
}

// Change is one line of the journal's open part: what was written where. The before-images are sealed beside it.
type Change struct {
	At     time.Time    `json:"at"`
	Run    string       `json:"run"`
	Side   profile.Side `json:"side"`
	Op     string       `json:"op"`
	Record string       `json:"record"`
	Fields []string     `json:"fields,omitempty"`
	// Outcome is "" while the write is under way, then "done", "failed" or "unknown".
	Outcome string `json:"outcome,omitempty"`
}
