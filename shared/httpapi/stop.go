package httpapi

import (
	"context"

	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// The answers to what becomes of what a connection synced (BX16).
const (
	keepSynced   = "keep"
	removeSynced = "remove"
)

type stopBody struct {
	Remove string `json:"remove,omitempty" enum:"keep,remove" doc:"keep: all data stays on both sides (PD8); remove: what Meibo put into the address book is removed there, after a last sync. Left out: remove for a connection with a folder of its own (ZO5), else keep"`
	Force  bool   `json:"force,omitempty" doc:"With remove: also when records go that the CRM does not have, or more than the budget allows (ZO5)"`
}

type stopConnection struct {
	ActConnection
	Body *stopBody
}

// StopView is a connection that was stopped, or that will stop once what is to be removed is gone.
type StopView struct {
	ConnectionView
	Removing  bool        `json:"removing" doc:"A last sync and the removal were asked for; the connection stops when they are done"`
	Run       string      `json:"run" doc:"The id of the run that does it; empty if there is none"`
	Goes      int         `json:"goes" doc:"Records that will leave the address book; -1 if there are too many to count here"`
	Loose     []LooseView `json:"loose" nullable:"false" doc:"Of the folder's records, those that the CRM does not have now, up to 50. Unless they sync in the last run, the removal waits for force"`
	LooseMore bool        `json:"loose_more" doc:"There are, or may be, more of them: see disable-check"`
}

// maxLooseShown is how many loose records the answer to a stop names.
const maxLooseShown = 50

func (s *Server) stop(ctx context.Context, c caller, in *stopConnection) (*Answer[StopView], error) {
	n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
	if err != nil {
		return nil, err
	}
	var body stopBody
	if in.Body != nil {
		body = *in.Body
	}
	if body.Remove == "" {
		body.Remove = keepSynced
		if n.Folder != "" {
			body.Remove = removeSynced
		}
	}
	if body.Remove == keepSynced && body.Force {
		return nil, field(ctx, "body.force", text{"it goes with remove only: leave it out", "remove が remove のときだけ指定できます。指定を外してください"})
	}
	if body.Remove == removeSynced && n.State.Live() {
		return s.stopAndRemove(ctx, c, n, body.Force)
	}
	a, err := s.act(s.Tenancy.Stop)(ctx, c, &in.ActConnection)
	if err != nil {
		return nil, err
	}
	return ok(StopView{ConnectionView: a.Body, Loose: []LooseView{}}), nil
}

// stopAndRemove asks for a last sync and the removal, and says what will go.
func (s *Server) stopAndRemove(ctx context.Context, c caller, n tenancy.Connection, force bool) (*Answer[StopView], error) {
	if n.State != tenancy.Active && n.State != tenancy.Paused {
		return nil, wrongState(ctx, n.State, text{"To remove what was synced, both accounts must work and nothing may wait for an answer: connect the account again or answer first, or stop with remove set to keep.",
			"同期した連絡先を削除するには、両方のアカウントが有効で、保留中の確認がない必要があります。先に再接続または回答するか、remove に keep を指定して停止してください。"})
	}
	v := StopView{ConnectionView: connectionView(n), Removing: true, Run: s.NewID(), Loose: []LooseView{}}
	var err error
	if v.Goes, err = s.goes(ctx, n); err != nil {
		return nil, err
	}
	if n.Folder != "" && !force {
		loose, next, err := s.loose(ctx, n, maxLooseShown, loosePlace{})
		if err != nil {
			return nil, err
		}
		v.Loose, v.LooseMore = append(v.Loose, loose...), next != nil
	}
	a := state.Ask{Tenant: c.Tenant, Connection: n.ID, Reason: state.ReasonDisable, Force: force, Asked: s.Clock.Now(), Run: v.Run}
	return ok(v), s.Ask(ctx, a)
}

// maxCounted bounds how many links a request counts.
const maxCounted = 20_000

// goes counts the records that Meibo would take from the address book: all that are in sync in a folder of its own, else those that
// it made. It returns -1 if there are too many to count.
func (s *Server) goes(ctx context.Context, n tenancy.Connection) (int, error) {
	t, err := s.State.Totals(ctx, n.Tenant, n.ID)
	if err != nil || n.Folder != "" {
		return t.Links, err
	}
	if t.Links > maxCounted {
		return -1, nil
	}
	count, after := 0, ""
	for {
		links, next, err := s.State.Links(ctx, n.Tenant, n.ID, state.LinkFilter{}, 1000, after)
		if err != nil {
			return 0, err
		}
		for _, l := range links {
			if l.Made == profile.Book && l.Book != "" {
				count++
			}
		}
		if next == "" || next[0] == 'b' { // what stands alone in the book was not made by Meibo
			return count, nil
		}
		after = next
	}
}
