package httpapi

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// RunView is one execution.
type RunView struct {
	ID        string         `json:"id"`
	Kind      state.RunKind  `json:"kind" enum:"preview,initial,incremental,relist"`
	Reason    state.Reason   `json:"reason" doc:"Why it was asked for"`
	State     state.RunState `json:"state" enum:"running,waiting,needs_approval,done,failed,stopped"`
	Message   string         `json:"message" doc:"What a run that failed, waits or stopped met, and the cure; else empty"`
	Started   time.Time      `json:"started"`
	Ended     *time.Time     `json:"ended,omitempty"`
	Progress  ProgressView   `json:"progress"`
	CRM       CountsView     `json:"crm" doc:"What it did, or in a preview would do, to the CRM"`
	Book      CountsView     `json:"book" doc:"What it did, or in a preview would do, to the address book"`
	Conflicts int            `json:"conflicts" doc:"Values that both sides changed and the conflict rule decided"`
	Skipped   []SkippedView  `json:"skipped" nullable:"false" doc:"Records left as they are, by reason"`
	Review    int            `json:"review" doc:"Records held for review"`
	Photos    int            `json:"photos" doc:"Pictures of the address book that were given to the CRM (PD12)"`
	Links     int            `json:"links" doc:"Records in sync when it ended"`
	Approval  *ApprovalView  `json:"approval,omitempty" doc:"What a run that waits for approval would do"`
}

// ProgressView is how far a run is.
type ProgressView struct {
	Phase string `json:"phase" doc:"reading, matching, writing or done"`
	Done  int    `json:"done"`
	Total int    `json:"total" doc:"0 while it is not known"`
}

// CountsView is what a run did to one side.
type CountsView struct {
	Created    int `json:"created"`
	Updated    int `json:"updated"`
	Deleted    int `json:"deleted"`
	Failed     int `json:"failed"`
	Calls      int `json:"calls" doc:"Calls of the system's API"`
	FloorCalls int `json:"floor_calls" doc:"The fewest calls that the system's batch sizes allow for the same work"`
}

// SkippedView counts records left as they are for one reason.
type SkippedView struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// ApprovalView is what a run asks a person to approve (BX4).
type ApprovalView struct {
	Side    profile.Side `json:"side,omitempty" enum:"crm,book"`
	Deletes int          `json:"deletes"`
	Emptied int          `json:"emptied"`
	Links   int          `json:"links"`
	Why     string       `json:"why"`
	Loose   int          `json:"loose" doc:"Records of the folder that would go although the CRM does not have them: stop again with force, or let them sync first (ZO5)"`
	Records []string     `json:"records" nullable:"false" doc:"The ids of the first of them"`
}

func runView(lang string) func(state.Run) RunView {
	return func(r state.Run) RunView {
		v := RunView{
			ID: r.ID, Kind: r.Kind, Reason: r.Reason, State: r.State, Message: r.Message, Started: r.Started,
			Progress: ProgressView(r.Progress), CRM: CountsView(r.CRM), Book: CountsView(r.Book),
			Conflicts: r.Conflicts, Skipped: []SkippedView{}, Review: r.Review, Photos: r.Photos, Links: r.Links,
		}
		if !r.Ended.IsZero() {
			v.Ended = &r.Ended
		}
		for _, code := range slices.Sorted(maps.Keys(r.Skipped)) {
			v.Skipped = append(v.Skipped, SkippedView{code, state.Text(code, lang), r.Skipped[code]})
		}
		if a := r.Approval; a != nil {
			v.Approval = &ApprovalView{a.Side, a.Deletes, a.Emptied, a.Links, a.Why, a.Unsynced, append([]string{}, a.Records...)}
		}
		return v
	}
}

// ChangeView is one write to one side.
type ChangeView struct {
	At      time.Time    `json:"at"`
	Run     string       `json:"run"`
	Side    profile.Side `json:"side" enum:"crm,book"`
	Op      string       `json:"op" doc:"create, update or delete"`
	Record  string       `json:"record" doc:"The record's id on that side"`
	Fields  []string     `json:"fields" nullable:"false"`
	Outcome string       `json:"outcome" doc:"done, failed or unknown; empty while it is under way"`
}

func changeView(c state.Change) ChangeView {
	return ChangeView{c.At, c.Run, c.Side, c.Op, c.Record, append([]string{}, c.Fields...), c.Outcome}
}

// AskedView is a run that was asked for.
type AskedView struct {
	Run string `json:"run" doc:"The id that the run has once it begins. Until then reading it answers 404."`
}

type answerApproval struct {
	ActConnection
	Body struct {
		Answer string `json:"answer" enum:"once,raise,discard" doc:"once: this run goes on; raise: it goes on and the budget is doubled; discard: its deletions are dropped and both sides keep what they have"`
	}
}

func (s *Server) runOps() {
	const one = "/tenants/{tenant}/connections/{connection}"
	const tag = "Runs"
	inTenant(s, op{id: "run-now", method: http.MethodPost, path: one + "/runs", tag: tag, summary: "Run now", about: "The Update button (PD17).", status: http.StatusAccepted},
		s.ask(state.ReasonUpdate, []tenancy.State{tenancy.Active}, text{"Start or resume the connection first.", "先に接続を開始または再開してください。"}))
	inTenant(s, op{id: "preview", method: http.MethodPost, path: one + "/preview", tag: tag, summary: "Count what a run would do", about: "Nothing is written on either side.", status: http.StatusAccepted},
		s.ask(state.ReasonPreview, []tenancy.State{tenancy.Ready, tenancy.Active, tenancy.Paused}, text{"Choose and authorise both accounts first; answer what the connection waits for.", "先に両方のアカウントを選択・認可し、保留中の確認に回答してください。"}))
	inTenant(s, op{id: "list-runs", method: http.MethodGet, path: one + "/runs", tag: tag, summary: "List runs", about: "Newest first. Runs that found nothing to do are kept for a while only."},
		func(ctx context.Context, c caller, in *struct {
			InConnection
			Paging
		}) (*Answer[List[RunView]], error) {
			n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
			if err != nil {
				return nil, err
			}
			return statePage(ctx, in.Paging, runView(langOf(ctx)), func(limit int, after string) ([]state.Run, string, error) {
				return s.State.Runs(ctx, c.Tenant, n.ID, limit, after)
			})
		})
	inTenant(s, op{id: "get-run", method: http.MethodGet, path: one + "/runs/{run}", tag: tag, summary: "Read a run, with its progress"},
		func(ctx context.Context, c caller, in *struct {
			InConnection
			Run string `path:"run" minLength:"1" maxLength:"128"`
		}) (*Answer[RunView], error) {
			n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
			if err != nil {
				return nil, err
			}
			r, err := s.State.Run(ctx, c.Tenant, n.ID, in.Run)
			return ok(runView(langOf(ctx))(r)), err
		})
	inTenant(s, op{id: "get-totals", method: http.MethodGet, path: one + "/totals", tag: tag, summary: "Read a connection's figures"}, s.totals)
	inTenant(s, op{id: "list-changes", method: http.MethodGet, path: one + "/changes", tag: tag, summary: "List what was written on either side", about: "Newest first, without values. Writes go in batches, and limit counts those."},
		func(ctx context.Context, c caller, in *struct {
			InConnection
			Paging
		}) (*Answer[List[ChangeView]], error) {
			n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
			if err != nil {
				return nil, err
			}
			return statePage(ctx, in.Paging, changeView, func(limit int, after string) ([]state.Change, string, error) {
				return s.State.Changes(ctx, c.Tenant, n.ID, limit, after)
			})
		})
	inTenant(s, op{id: "answer-approval", method: http.MethodPost, path: one + "/approval", tag: tag, summary: "Answer a run that waits for approval", status: http.StatusAccepted}, s.answer)
}

// ask returns the operation that asks for a run of a connection in one of the states.
func (s *Server) ask(reason state.Reason, in []tenancy.State, cure text) func(context.Context, caller, *ActConnection) (*Answer[AskedView], error) {
	return func(ctx context.Context, c caller, r *ActConnection) (*Answer[AskedView], error) {
		n, err := s.Tenancy.Connection(ctx, c.Member, r.Connection)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(in, n.State) {
			return nil, wrongState(ctx, n.State, cure)
		}
		a := state.Ask{Tenant: c.Tenant, Connection: n.ID, Reason: reason, Asked: s.Clock.Now(), Run: s.NewID()}
		return accepted(AskedView{a.Run}), s.Ask(ctx, a)
	}
}

func (s *Server) answer(ctx context.Context, c caller, in *answerApproval) (*Answer[AskedView], error) {
	n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
	if err != nil {
		return nil, err
	}
	if n.State != tenancy.NeedsApproval {
		return nil, wrongState(ctx, n.State, text{"Nothing waits for approval.", "承認待ちの実行はありません。"})
	}
	ctl, err := s.State.Control(ctx, c.Tenant, n.ID)
	if err != nil {
		return nil, err
	}
	answer := state.Answer(in.Body.Answer)
	if answer == state.AnswerRaise {
		if err := s.raise(ctx, c, n); err != nil {
			return nil, err
		}
	}
	err = s.Ask(ctx, state.Ask{Tenant: c.Tenant, Connection: n.ID, Reason: state.ReasonAnswer, Answer: answer, Asked: s.Clock.Now()})
	return accepted(AskedView{ctl.Run}), err
}

// raise doubles the connection's budget. It comes before the answer: a run must not go on under a promise that was not kept.
func (s *Server) raise(ctx context.Context, c caller, n tenancy.Connection) error {
	t, err := s.Tenancy.Tenant(ctx, c.Tenant)
	if err != nil {
		return err
	}
	set := n.Settings
	set.Rules.Budget = raised(set.Rules.Budget, t)
	_, err = s.Tenancy.ChangeConnection(ctx, c.Member, n.ID, tenancy.ConnectionChange{Settings: &set, V: n.V})
	return err
}
