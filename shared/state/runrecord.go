package state

import (
	"time"

	"meibo/shared/connector"
)

// RunRecord is a run with what its next slice needs to go on.
type RunRecord struct {
	Run
	Step Step `json:"step"`
	// Cursors are where each side's listing of the present step stands; Next is the cursor that each side's next incremental
	// run starts from, once this run is done.
	Cursors [2]string `json:"cursors"`
	Next    [2]string `json:"next"`
	// Listed is when each side's listing began.
	Listed [2]time.Time `json:"listed,omitzero"`
	// Generation of the index that this run wrote, and its chunks.
	Generation int64    `json:"generation,omitempty"`
	Chunks     [2]int64 `json:"chunks,omitempty"`
	// Absences are the items of each side that hold what reading by id told so far of records that the survey did not name.
	Absences [2]int `json:"absences,omitempty"`
	// Surveyed are the chunks of that generation that the survey wrote; later ones describe what the run made.
	Surveyed [2]int64 `json:"surveyed,omitempty"`
	// Seen are the records that each listing has named so far.
	Seen [2]int `json:"seen,omitempty"`
	// Emptied are the records that the survey found each side would lose fields of.
	Emptied [2]int `json:"emptied,omitempty"`
	// Asked is when the ask that began the run was made, Plan the digest of the settings that it began under.
	Asked time.Time `json:"asked,omitzero"`
	Plan  string    `json:"plan,omitempty"`
	// Decision is what a person decided about an entry of the review list, as long as the run has not carried it out.
	Decision *Decision `json:"decision,omitempty"`
	// Through is the last record by id that an apply which reads by id is through with, Counted says that the losses of
	// a large incremental run were counted to its end.
	Through [2]string `json:"through,omitempty"`
	Counted bool      `json:"counted,omitempty"`
	// Approved says that a person approved the first run; Allowed is how much each side may lose in this run because a person
	// said so; Discard that its deletions are to be detached instead.
	Approved bool   `json:"approved,omitempty"`
	Allowed  [2]int `json:"allowed,omitempty"`
	Discard  bool   `json:"discard,omitempty"`
	// Taken counts what a cap let through.
	Taken int `json:"taken,omitempty"`
	// Fresh says that the connection had no link before this run: whatever is linked now, the run linked.
	Fresh bool `json:"fresh,omitempty"`
	// Restarts counts listings that were begun again because the vendor dropped their cursor midway.
	Restarts int `json:"restarts,omitempty"`
	// Refused says which sides have kept something from the account in this run: who is not shown then may be there.
	Refused [2]bool `json:"refused,omitzero"`
	// Inbox is how much of what notifications said the run has taken in; nil if it has taken nothing.
	Inbox *Taken `json:"inbox,omitempty"`
	// Disable says that the run is the connection's last one; nil for any other.
	Disable *Disable `json:"disable,omitempty"`
	// Work is what each side had to do, for the floor; StoreBefore what earlier slices used of the store.
	Work        [2]connector.Work `json:"work"`
	StoreBefore StoreUse          `json:"store_before"`
}

// Step is where a run stands.
type Step string

// The steps. A survey reads and writes nothing at either vendor; an apply reads again and writes.
const (
	StepSurveyCRM  Step = "survey_crm"
	StepSurveyBook Step = "survey_book"
	StepDecide     Step = "decide"
	StepApplyCRM   Step = "apply_crm"
	StepApplyBook  Step = "apply_book"
	StepFinish     Step = "finish"
)

// Taken says up to which hint a run took the inbox, and whether more notices came than were kept.
type Taken struct {
	Seq   int64 `json:"seq"`
	Hints int   `json:"hints,omitempty"`
	Lost  bool  `json:"lost,omitempty"`
}

// Disable is where the end of a connection stands.
type Disable struct {
	Force bool        `json:"force,omitempty"`
	Step  DisableStep `json:"step,omitempty"`
	// Cursor is where the step's listing of the folder stands, Total what it has named so far.
	Cursor string `json:"cursor,omitempty"`
	Total  int    `json:"total,omitempty"`
	// Unsynced and Records are those of ApprovalRequest.
	Unsynced int      `json:"unsynced,omitempty"`
	Records  []string `json:"records,omitempty"`
	// Batches are the batches of before-images in the journal.
	Batches int `json:"batches,omitempty"`
}

// DisableStep is a step of the end of a connection. They come in this order, and each can be repeated.
type DisableStep string

// The steps: the last sync and the look at what would go; before-images; the removal; the links; the connection's own state.
const (
	DisableLook    DisableStep = ""
	DisableJournal DisableStep = "journal"
	DisableRemove  DisableStep = "remove"
	DisableLinks   DisableStep = "links"
	DisableStop    DisableStep = "stop"
)
