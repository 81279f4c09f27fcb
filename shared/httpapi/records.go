package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// RecordView says how it stands with one record. It has ids and reasons, never a contact's values.
type RecordView struct {
	CRM    string          `json:"crm" doc:"The record's id in the CRM; empty if it has no partner there"`
	Book   string          `json:"book" doc:"The record's id in the address book; empty if it has no partner there"`
	State  state.LinkState `json:"state" enum:"active,detached,parked,missing"`
	Code   string          `json:"code" doc:"Why it is not in sync; empty for one that is"`
	Reason string          `json:"reason" doc:"The same in words, with the cure"`
	Field  string          `json:"field" doc:"The field that it is about"`
	Detail string          `json:"detail" doc:"The system's own word for it"`
	Since  time.Time       `json:"since"`
	Made   string          `json:"made" doc:"The side on which Meibo created it; empty if both were there"`
	Held   []HeldView      `json:"held" nullable:"false" doc:"What stays on one side because the other cannot hold it (BX11)"`
}

// HeldView names a field of which one side keeps values that the other cannot hold.
type HeldView struct {
	Side  profile.Side `json:"side" enum:"crm,book"`
	Field string       `json:"field"`
	Count int          `json:"count"`
}

func recordView(lang string) func(state.Link) RecordView {
	return func(l state.Link) RecordView {
		v := RecordView{CRM: l.CRM, Book: l.Book, State: l.State, Code: l.Code, Field: l.Field, Detail: l.Detail, Since: l.Since,
			Made: string(l.Made), Held: []HeldView{}}
		if l.Code != "" {
			v.Reason = state.Text(l.Code, lang)
		}
		for _, h := range l.Held {
			v.Held = append(v.Held, HeldView(h))
		}
		return v
	}
}

// ReviewView is a record that may be the same person as one on the other side.
type ReviewView struct {
	ID         string       `json:"id"`
	Side       profile.Side `json:"side" enum:"crm,book"`
	Record     string       `json:"record" doc:"The record's id on that side"`
	Candidates []string     `json:"candidates" nullable:"false" doc:"Ids on the other side"`
	Code       string       `json:"code"`
	Reason     string       `json:"reason"`
	Since      time.Time    `json:"since"`
}

func reviewView(lang string) func(state.Review) ReviewView {
	return func(r state.Review) ReviewView {
		return ReviewView{r.ID, r.Side, r.Record, append([]string{}, r.Candidates...), r.Code, state.Text(r.Code, lang), r.Since}
	}
}

// DecidedView says that a decision was taken down.
type DecidedView struct {
	Review string `json:"review" doc:"It leaves the list once a run has carried it out"`
}

// InReview is the part of a request that says which entry of the review list it is about.
type InReview struct {
	InConnection
	Review string `path:"review" minLength:"1" maxLength:"512"`
}

type decide struct {
	InReview
	Once
	Body struct {
		Action string `json:"action" enum:"link,separate,ignore" doc:"link: the same person; separate: two people, each travels by itself; ignore: leave it alone until it changes"`
		Other  string `json:"other,omitempty" maxLength:"512" doc:"For link: which candidate; not needed if there is one only"`
	}
}

func (s *Server) recordOps() {
	const one = "/tenants/{tenant}/connections/{connection}"
	const tag = "Records"
	inTenant(s, op{id: "list-records", method: http.MethodGet, path: one + "/records", tag: tag, summary: "List records with their status"},
		func(ctx context.Context, c caller, in *struct {
			InConnection
			Paging
			State string `query:"state" enum:"active,detached,parked,missing" doc:"Only those in this state"`
			Code  string `query:"code" maxLength:"64" doc:"Only those with this reason code"`
		}) (*Answer[List[RecordView]], error) {
			n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
			if err != nil {
				return nil, err
			}
			filter := state.LinkFilter{State: state.LinkState(in.State), Code: in.Code}
			return statePage(ctx, in.Paging, recordView(langOf(ctx)), func(limit int, after string) ([]state.Link, string, error) {
				return ahead(limit, after, func(limit int, after string) ([]state.Link, string, error) {
					return s.State.Links(ctx, c.Tenant, n.ID, filter, limit, after)
				})
			})
		})
	inTenant(s, op{id: "list-reviews", method: http.MethodGet, path: one + "/reviews", tag: tag, summary: "List what waits for a decision", about: "Weak matches (BX9)."},
		func(ctx context.Context, c caller, in *struct {
			InConnection
			Paging
		}) (*Answer[List[ReviewView]], error) {
			n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
			if err != nil {
				return nil, err
			}
			return statePage(ctx, in.Paging, reviewView(langOf(ctx)), func(limit int, after string) ([]state.Review, string, error) {
				return s.State.Reviews(ctx, c.Tenant, n.ID, limit, after)
			})
		})
	inTenant(s, op{id: "get-review", method: http.MethodGet, path: one + "/reviews/{review}", tag: tag, summary: "Read one entry of the review list"},
		func(ctx context.Context, c caller, in *InReview) (*Answer[ReviewView], error) {
			n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
			if err != nil {
				return nil, err
			}
			r, err := s.State.Review(ctx, c.Tenant, n.ID, in.Review)
			return ok(reviewView(langOf(ctx))(r)), err
		})
	inTenant(s, op{id: "decide-review", method: http.MethodPost, path: one + "/reviews/{review}/decision", tag: tag, summary: "Decide on a weak match", status: http.StatusAccepted}, s.decide)
}

func (s *Server) decide(ctx context.Context, c caller, in *decide) (*Answer[DecidedView], error) {
	n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
	if err != nil {
		return nil, err
	}
	r, err := s.State.Review(ctx, c.Tenant, n.ID, in.Review)
	if err != nil {
		return nil, err
	}
	if n.State != tenancy.Active {
		return nil, wrongState(ctx, n.State, text{"Start or resume the connection, then decide.", "接続を開始または再開してから選択してください。"})
	}
	d := state.Decision{ID: r.ID, Action: state.Action(in.Body.Action), Other: in.Body.Other}
	switch {
	case d.Action != state.ActionLink && d.Other != "":
		return nil, field(ctx, "body.other", text{"it goes with the action link only: leave it out", "action が link のときだけ指定できます。指定を外してください"})
	case d.Action != state.ActionLink:
	case d.Other == "" && len(r.Candidates) == 1:
		d.Other = r.Candidates[0]
	case !slices.Contains(r.Candidates, d.Other):
		return nil, field(ctx, "body.other", text{"it is not one of the candidates: choose one of them", "候補に含まれていません。候補から選んでください"})
	}
	err = s.Ask(ctx, state.Ask{Tenant: c.Tenant, Connection: n.ID, Reason: state.ReasonReview, Review: &d, Asked: s.Clock.Now()})
	return accepted(DecidedView{r.ID}), err
}
