package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// recordsPerCheckpoint bounds what a killed apply reads again. Batches are sent before a checkpoint even if they are not full, so
// it is also what keeps the calls near the floor.
const recordsPerCheckpoint = 10_000

// decide matches what the survey found, counts what the run would do, and stops before the first write if a person must be asked.
func (s *slice) decide(ctx context.Context) error {
	if err := s.need(ctx, false); err != nil {
		return err
	}
	s.rec.Progress = state.Progress{Phase: state.PhaseMatching, Done: s.rec.Progress.Done}
	if err := s.fullMatches(ctx); err != nil {
		return err
	}
	if err := s.absentFolder(ctx); err != nil {
		return err
	}
	gone, err := s.readAbsent(ctx)
	if err != nil {
		return err
	}
	todo := [2]int{len(s.todo(s.sides[0])), len(s.todo(s.sides[1]))}
	if s.rec.Kind == state.Preview {
		s.count()
		for i, sd := range s.sides {
			s.counts(sd).Deleted = gone[i]
			if s.rules.Direction.Writes(s.other(sd).s) {
				s.counts(s.other(sd)).Updated += s.edits[i]
			}
		}
		return s.finishPreview(ctx)
	}
	if err := s.budget(gone); err != nil {
		return err
	}
	if s.rec.Kind == state.Initial && s.rules.ApproveFirst && !s.rec.Approved {
		skipped := maps.Clone(s.rec.Skipped)
		s.count()
		req := state.ApprovalRequest{Why: fmt.Sprintf("the first run would create %d records in %s and %d in %s: approve it to go on",
			s.rec.CRM.Created, s.sides[0].desc.Name, s.rec.Book.Created, s.sides[1].desc.Name)}
		s.rec.CRM.Created, s.rec.CRM.Updated, s.rec.Book.Created, s.rec.Book.Updated, s.rec.Review = 0, 0, 0, 0, 0
		s.rec.Skipped = skipped
		return &approvalError{req}
	}
	s.rec.Progress = state.Progress{Phase: state.PhaseWriting, Total: todo[0] + todo[1]}
	s.rec.Step = state.StepApplyCRM
	s.rec.Cursors = [2]string{}
	return s.checkpoint(ctx)
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
				if v.excluded && s.rules.Direction.Writes(s.other(sd).s) {
					s.rec.Skipped[state.CodeNoEmail]++
				} else if s.rules.Direction.Writes(s.other(sd).s) {
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
		if !s.ahead {
			o.index = s.sess.IndexWriter(o.s, s.rec.Generation, &s.rec.Chunks[o.i])
		}
	}
	if sd.i == 0 {
		if err := s.applyAbsent(ctx); err != nil {
			return err
		}
	}
	todo := s.todo(sd)
	if len(todo) == 0 {
		return s.applied(ctx, sd, next)
	}
	if s.rec.Cursors[sd.i] == "" && (s.rec.Through[sd.i] != "" || s.fewer(sd, len(todo))) {
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
			return s.applied(ctx, sd, next)
		}
		if since >= recordsPerCheckpoint || s.timeUp() {
			since = 0
			if err := s.drain(ctx); err != nil {
				return err
			}
			s.rec.Cursors[sd.i] = cursor
			s.caughtUp()
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
	slices.Sort(todo) // so that the next slice goes on where this one ends
	through := &s.rec.Through[sd.i]
	i, _ := slices.BinarySearch(todo, *through+"\x00")
	for todo = todo[i:]; len(todo) > 0; {
		n := min(len(todo), max(sd.desc.Batch.Get, 1))
		if err := s.handleIDs(ctx, sd, todo[:n]); err != nil {
			return err
		}
		last := todo[n-1]
		if todo = todo[n:]; len(todo) > 0 && s.timeUp() {
			if err := s.drain(ctx); err != nil {
				return err
			}
			*through = last
			s.caughtUp()
			if err := s.checkpoint(ctx); err != nil {
				return err
			}
			return errPause
		}
	}
	return s.applied(ctx, sd, next)
}

// handleIDs reads records by id and handles those that are there.
func (s *slice) handleIDs(ctx context.Context, sd *side, list []string) error {
	got, err := s.read(ctx, sd, list)
	if err != nil {
		return err
	}
	var items []connector.Item
	for _, id := range list {
		if g := got[id]; g.Status == connector.StatusFound && g.Item.ID == id { // what was re-keyed meanwhile is the next run's
			s.forced[sd.i][id] = true
			items = append(items, g.Item)
		}
	}
	return s.handle(ctx, sd, items)
}

// applied ends one side's part of the apply. Where a vendor's limits hold writes back, or pictures are still to be looked at, the other
// side's part begins meanwhile; until all is drained, a slice that is killed begins again with this part.
func (s *slice) applied(ctx context.Context, sd *side, next state.Step) error {
	if sd.i == 0 && (len(s.photos) > 0 || s.out.holding()) && !s.timeUp() {
		s.ahead = true
		return s.applyFull(ctx, s.sides[1], state.StepFinish)
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	s.ahead = false
	s.rec.Step = next
	return s.checkpoint(ctx)
}

// caughtUp notes, once all is drained, that the CRM's part of the apply is done.
func (s *slice) caughtUp() {
	if s.ahead {
		s.ahead, s.rec.Step = false, state.StepApplyBook
	}
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
		if err := s.givePhotos(ctx, true); err != nil {
			return err
		}
	}
	if err := s.forgetAll(ctx); err != nil {
		return err
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
	if len(s.wanted[0]) > 0 || len(s.wanted[1]) > 0 || len(s.out.links) > 0 || len(s.photos) > 0 {
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
	if sd.managed {
		return s.folderStands(ctx)
	}
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
