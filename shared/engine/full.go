package engine

import (
	"context"
	"errors"
	"fmt"

	"meibo/shared/connector"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// recordsPerCheckpoint bounds what a killed apply reads again. Batches are sent before a checkpoint even if they are not full, so
// it is also what keeps the calls near the floor.
const recordsPerCheckpoint = 4000

// decide matches what the survey found, counts what the run would do, and stops before the first write if a person must be asked.
func (s *slice) decide(ctx context.Context) error {
	if err := s.need(ctx, false); err != nil {
		return err
	}
	s.rec.Progress = state.Progress{Phase: state.PhaseMatching, Done: s.rec.Progress.Done}
	if err := s.fullMatches(ctx); err != nil {
		return err
	}
	gone, err := s.readAbsent(ctx)
	if err != nil {
		return err
	}
	todo := [2]int{len(s.todo(s.sides[0])), len(s.todo(s.sides[1]))}
	if s.rec.Kind == state.Preview {
		s.count()
		return s.finishPreview(ctx)
	}
	if err := s.budget(gone); err != nil {
		return err
	}
	if s.rec.Kind == state.Initial && s.rules.ApproveFirst && !s.rec.Approved {
		s.count()
		req := state.ApprovalRequest{Why: fmt.Sprintf("the first run would create %d records in %s and %d in %s: approve it to go on",
			s.rec.CRM.Created, s.sides[0].desc.Name, s.rec.Book.Created, s.sides[1].desc.Name)}
		s.rec.CRM.Created, s.rec.CRM.Updated, s.rec.Book.Created, s.rec.Book.Updated, s.rec.Review = 0, 0, 0, 0, 0
		return &approvalError{req}
	}
	s.rec.Progress = state.Progress{Phase: state.PhaseWriting, Total: todo[0] + todo[1]}
	s.rec.Step = state.StepApplyCRM
	s.rec.Cursors = [2]string{}
	return s.checkpoint(ctx)
}

// budget refuses to go on over what a side may lose in a day without being asked (BX4). deletes are by the side that loses.
func (s *slice) budget(deletes [2]int) error {
	if s.rec.Approved || s.rec.Discard {
		return nil
	}
	c, now := &s.sess.Control, s.e.c.Clock.Now()
	for i, sd := range s.sides {
		n := deletes[i] + s.rec.Emptied[i]
		if n == 0 || !s.rules.Budget.Over(c.Lost(sd.s, now)+n, c.Totals.Links) {
			continue
		}
		return &approvalError{state.ApprovalRequest{Side: sd.s, Deletes: deletes[i], Emptied: s.rec.Emptied[i], Links: c.Totals.Links,
			Why: fmt.Sprintf("this run would delete %d and empty fields of %d of %d records in %s: nothing was written; go on once, raise the limit, or discard the deletions",
				deletes[i], s.rec.Emptied[i], c.Totals.Links, sd.desc.Name)}}
	}
	return nil
}

// readAbsent reads by id the records of links that a complete listing did not name, and counts the deletions that would travel,
// by the side that loses.
func (s *slice) readAbsent(ctx context.Context) ([2]int, error) {
	var lose [2]int
	if len(s.absent) == 0 {
		return lose, nil
	}
	for _, sd := range s.sides {
		var want []string
		for _, l := range s.absent {
			want = append(want, idOf(&l, sd))
		}
		got, err := s.read(ctx, sd, want)
		if err != nil {
			return lose, err
		}
		s.gots[sd.i] = got
		o := s.other(sd)
		for _, g := range got {
			if g.Status == connector.StatusGone && s.rules.Direction.Writes(o.s) && s.rules.Deletes.To(o.s) {
				lose[o.i]++
			}
		}
	}
	return lose, nil
}

// applyAbsent deals with links of which a listing did not name a record.
func (s *slice) applyAbsent(ctx context.Context) error {
	if len(s.absent) > 0 && s.gots[0] == nil {
		if _, err := s.readAbsent(ctx); err != nil {
			return err
		}
	}
	for i := range s.absent {
		l := s.absent[i]
		if s.linked[l.CRM] {
			continue
		}
		s.linked[l.CRM] = true
		got := [2]connector.Got{s.gots[0][l.CRM], s.gots[1][l.Book]}
		if err := s.decideAbsent(ctx, l, got); err != nil {
			return err
		}
	}
	s.absent = nil
	return nil
}

// decideAbsent deals with one link of which both records were read by id.
func (s *slice) decideAbsent(ctx context.Context, l state.Link, got [2]connector.Got) error {
	gone := func(i int) bool { return got[i].Status == connector.StatusGone }
	found := func(i int) bool { return got[i].Status == connector.StatusFound }
	switch {
	case gone(0) && gone(1):
		return s.out.link(ctx, state.LinkChange{Old: &l})
	case gone(0) && found(1):
		it := got[1].Item
		return s.departed(ctx, s.sides[0], l, &it)
	case gone(1) && found(0):
		it := got[0].Item
		return s.departed(ctx, s.sides[1], l, &it)
	case found(0) && found(1):
		p := &pairing{old: &l, made: -1}
		for i := range got {
			it := got[i].Item
			p.now[i] = &it
			if it.Scope != connector.InScope && l.Made == "" && len(s.sides[i].scope.Groups) > 0 {
				if l.State == state.LinkParked && l.Code == state.CodeLeftScope {
					return nil
				}
				s.rec.Skipped[state.CodeLeftScope]++
				n := l
				n.State, n.Code, n.Since = state.LinkParked, state.CodeLeftScope, s.e.c.Clock.Now()
				return s.out.link(ctx, state.LinkChange{Old: &l, New: &n})
			}
		}
		return s.planPair(ctx, p)
	}
	return s.miss(ctx, l)
}

// todo lists the records of a side that the apply must look at, by the survey's verdicts.
func (s *slice) todo(sd *side) []string {
	var out []string
	for id, v := range s.matches.of[sd.i] {
		switch v.kind {
		case matched:
			if sd.i == 0 {
				out = append(out, id)
			}
		case single:
			if s.rules.Direction.Writes(s.other(sd).s) {
				out = append(out, id)
			}
		case doubted, candidate:
			out = append(out, id)
		}
	}
	if sd.i == 0 {
		for crm := range s.touched {
			out = append(out, crm)
		}
	}
	return out
}

// count says what the run would do, for a preview or an approval.
func (s *slice) count() {
	for i, sd := range s.sides {
		t := s.counts(s.other(sd))
		for _, v := range s.matches.of[i] {
			switch v.kind {
			case single:
				if s.rules.Direction.Writes(s.other(sd).s) {
					t.Created++
				} else {
					s.rec.Skipped[state.CodeOneWay]++
				}
			case matched:
				if s.rules.Direction.Writes(s.other(sd).s) {
					t.Updated++
				}
			case doubted:
				s.rec.Review++
			}
		}
	}
}

// applyFull writes what the survey found about the records of side sd: it reads them again, page by page or, where only a few
// matter, by id.
func (s *slice) applyFull(ctx context.Context, sd *side, next state.Step) error {
	if err := s.need(ctx, false); err != nil {
		return err
	}
	if err := s.fullMatches(ctx); err != nil {
		return err
	}
	for _, o := range s.sides {
		o.index = s.sess.IndexWriter(o.s, s.rec.Generation, &s.rec.Chunks[o.i])
	}
	if sd.i == 0 {
		if err := s.applyAbsent(ctx); err != nil {
			return err
		}
	}
	todo := s.todo(sd)
	if len(todo) == 0 {
		return s.applied(ctx, next)
	}
	if s.rec.Cursors[sd.i] == "" && s.fewer(sd, len(todo)) {
		return s.applyByID(ctx, sd, todo, next)
	}
	cursor := s.rec.Cursors[sd.i]
	if cursor == "" {
		sd.work.Listed = append(sd.work.Listed, s.rec.Seen[sd.i])
	}
	for since := 0; ; {
		page, err := s.page(ctx, sd, &cursor)
		if errors.Is(err, connector.ErrCursorExpired) {
			s.rec.Cursors[sd.i] = ""
			continue
		}
		if err != nil {
			return err
		}
		if err := s.handle(ctx, sd, page.Changed); err != nil {
			return err
		}
		since += len(page.Changed)
		s.rec.Progress.Done = min(s.rec.Progress.Done+len(page.Changed), s.rec.Progress.Total)
		if !page.More {
			return s.applied(ctx, next)
		}
		if since >= recordsPerCheckpoint || s.timeUp() {
			since = 0
			if err := s.drain(ctx); err != nil {
				return err
			}
			s.rec.Cursors[sd.i] = cursor
			if err := s.checkpoint(ctx); err != nil {
				return err
			}
			if s.timeUp() {
				return errPause
			}
		}
	}
}

// fewer reports whether reading n records by id costs fewer calls than listing the side again.
func (s *slice) fewer(sd *side, n int) bool {
	b := sd.desc.Batch
	return (n+b.Get-1)/b.Get < (s.rec.Seen[sd.i]+b.List-1)/b.List
}

func (s *slice) applyByID(ctx context.Context, sd *side, todo []string, next state.Step) error {
	for len(todo) > 0 {
		n := min(len(todo), sd.desc.Batch.Get)
		if err := s.handleIDs(ctx, sd, todo[:n]); err != nil {
			return err
		}
		todo = todo[n:]
		if s.timeUp() && len(todo) > 0 {
			if err := s.drain(ctx); err != nil {
				return err
			}
			return errPause
		}
	}
	return s.applied(ctx, next)
}

// handleIDs reads records by id and handles those that are there.
func (s *slice) handleIDs(ctx context.Context, sd *side, list []string) error {
	got, err := s.read(ctx, sd, list)
	if err != nil {
		return err
	}
	var items []connector.Item
	for _, id := range list {
		if g := got[id]; g.Status == connector.StatusFound {
			s.forced[sd.i][id] = true
			items = append(items, g.Item)
		}
	}
	return s.handle(ctx, sd, items)
}

// applied ends one side's part of the apply.
func (s *slice) applied(ctx context.Context, next state.Step) error {
	if err := s.drain(ctx); err != nil {
		return err
	}
	s.rec.Step = next
	return s.checkpoint(ctx)
}

// drain brings everything that is in the works to its end.
func (s *slice) drain(ctx context.Context) error {
	for s.busy() {
		for _, t := range s.sides {
			if err := s.readWanted(ctx, t); err != nil {
				return err
			}
		}
		if err := s.out.flush(ctx, true); err != nil {
			return err
		}
	}
	for _, sd := range s.sides {
		if sd.index != nil {
			if err := sd.index.Flush(ctx, true); err != nil {
				return err
			}
		}
	}
	return s.storeIntents(ctx)
}

func (s *slice) busy() bool {
	if len(s.wanted[0]) > 0 || len(s.wanted[1]) > 0 || len(s.out.links) > 0 {
		return true
	}
	for _, q := range s.out.queue {
		for _, jobs := range q {
			if len(jobs) > 0 {
				return true
			}
		}
	}
	return false
}

// scopeStands makes sure, once a run and before anything is deleted, that the groups through which deletions were seen are still
// there: what a vanished group takes with it was not deleted by anybody.
func (s *slice) scopeStands(ctx context.Context, sd *side) error {
	g, ok := sd.open.Connector.(connector.Grouper)
	if s.stands[sd.i] || !ok || len(sd.scope.Groups) == 0 {
		return nil
	}
	groups, err := g.Groups(ctx)
	if err != nil {
		return sd.wrap(err)
	}
	for _, want := range sd.scope.Groups {
		found := false
		for _, have := range groups {
			found = found || have.ID == want
		}
		if !found {
			return &haltError{to: tenancy.Paused, reason: fmt.Sprintf("a chosen group or list is no longer in %s; nothing was deleted. Choose the groups again, then resume", sd.desc.Name)}
		}
	}
	s.stands[sd.i] = true
	return nil
}
