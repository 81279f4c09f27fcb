package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// budget refuses to go on over what a side may lose in a day without being asked (BX4). deletes are by the side that loses. What a
// person allowed goes for as much as they were asked about, and no more.
func (s *slice) budget(deletes [2]int) error {
	s.weighed, s.removed, s.lost = deletes, [2]int{}, [2]int{}
	for i, sd := range s.sides {
		if err := s.allow(sd, deletes[i], s.rec.Emptied[i], s.sess.Control.Lost(sd.s, s.e.c.Clock.Now())); err != nil {
			return err
		}
	}
	return nil
}

// allow asks a person if a side that lost before in a day would lose too much.
func (s *slice) allow(sd *side, deletes, emptied, before int) error {
	n, links := deletes+emptied, s.sess.Control.Totals.Links
	// What was deleted over the day was among the links when the day began.
	then := links + s.sess.Control.Deleted(sd.s, s.e.c.Clock.Now())
	if n == 0 || s.rec.Discard || n <= s.rec.Allowed[sd.i] || !s.rules.Budget.Over(before+n, then) {
		return nil
	}
	return &approvalError{state.ApprovalRequest{Side: sd.s, Deletes: deletes, Emptied: emptied, Links: links,
		Why: fmt.Sprintf("this run would delete %d and empty fields of %d of %d records in %s: none of that was written; go on once, raise the limit, or discard the deletions",
			deletes, emptied, links, sd.desc.Name)}}
}

// mayRemove counts a deletion that is about to be queued. The budget has weighed those that the survey found; one that only showed
// when its record was read has to fit into what is left.
func (s *slice) mayRemove(sd *side) error {
	s.removed[sd.i]++
	n := s.removed[sd.i]
	if n <= s.weighed[sd.i] {
		return nil
	}
	return s.allow(sd, n, 0, s.sess.Control.Lost(sd.s, s.e.c.Clock.Now())-s.lost[sd.i])
}

// absentLink is a link that a full survey found out of place: a record of it was not named, or left the scope.
type absentLink struct {
	link   state.Link
	unseen [2]bool
	left   bool
}

// absent is what reading a record by id says of one that its listing did not name.
type absent struct {
	status connector.Status
	scope  connector.Membership
	moved  string // its id by now, if that is another
}

// readAbsent reads by id the records that a complete listing did not name, and counts the deletions that would travel, by the side
// that loses. Values are not kept.
func (s *slice) readAbsent(ctx context.Context) ([2]int, error) {
	var lose [2]int
	for i, sd := range s.sides {
		if s.absences[i] == nil {
			s.absences[i] = map[string]absent{}
		}
		var want []string
		for _, a := range s.absent {
			if _, read := s.absences[i][idOf(&a.link, sd)]; a.unseen[i] && !read {
				want = append(want, idOf(&a.link, sd))
			}
		}
		for len(want) > 0 {
			n := min(len(want), max(sd.desc.Batch.Get, 1))
			got, err := s.read(ctx, sd, want[:n])
			if err != nil {
				return lose, err
			}
			for id, g := range got {
				is := absent{status: g.Status, scope: g.Item.Scope}
				if g.Status == connector.StatusFound && g.Item.ID != id {
					is.moved = g.Item.ID
				}
				s.absences[i][id] = is
			}
			want = want[n:]
		}
	}
	for _, a := range s.absent {
		gone := [2]bool{s.gone(&a, 0), s.gone(&a, 1)}
		for i := range gone {
			o := s.sides[1-i]
			if gone[i] && !gone[1-i] && s.rules.Direction.Writes(o.s) && s.rules.Deletes.To(o.s) {
				lose[o.i]++
			}
		}
	}
	return lose, nil
}

func (s *slice) gone(a *absentLink, i int) bool {
	return a.unseen[i] && s.absences[i][idOf(&a.link, s.sides[i])].status == connector.StatusGone
}

// applyAbsent deals with links that the survey found out of place, a batch at a time.
func (s *slice) applyAbsent(ctx context.Context) error {
	if len(s.absent) > 0 && s.absences[0] == nil {
		if _, err := s.readAbsent(ctx); err != nil {
			return err
		}
	}
	size := max(min(s.sides[0].desc.Batch.Get, s.sides[1].desc.Batch.Get), 1)
	list := s.absent
	s.absent = nil
	for len(list) > 0 {
		n := min(len(list), size)
		if err := s.applyAbsentBatch(ctx, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (s *slice) applyAbsentBatch(ctx context.Context, list []absentLink) error {
	var want [2][]string
	var read []absentLink
	for _, a := range list {
		if s.linked[a.link.CRM] {
			continue
		}
		switch left := s.outOfListing(&a); {
		case a.left:
			if err := s.leave(ctx, a.link, s.leaving[a.link.CRM]); err != nil {
				return err
			}
		case left != [2]bool{}:
			if err := s.leave(ctx, a.link, left); err != nil {
				return err
			}
		default:
			read = append(read, a)
			for i, sd := range s.sides {
				if !s.gone(&a, i) {
					want[i] = append(want[i], idOf(&a.link, sd))
				}
			}
		}
	}
	var got [2]map[string]connector.Got
	for i, sd := range s.sides {
		var err error
		if got[i], err = s.read(ctx, sd, want[i]); err != nil {
			return err
		}
	}
	for _, a := range read {
		var is [2]connector.Got
		for i, sd := range s.sides {
			id := idOf(&a.link, sd)
			if is[i] = got[i][id]; s.gone(&a, i) {
				is[i] = connector.Got{ID: id, Status: connector.StatusGone}
			}
		}
		s.linked[a.link.CRM] = true
		if err := s.decideAbsent(ctx, a.link, is); err != nil {
			return err
		}
	}
	return nil
}

// outOfListing returns the sides on which a record is there and was not named by the listing of its groups, if that is all that is
// wrong with the link.
func (s *slice) outOfListing(a *absentLink) (left [2]bool) {
	for i, sd := range s.sides {
		if !a.unseen[i] {
			continue
		}
		is := s.absences[i][idOf(&a.link, sd)]
		if is.status != connector.StatusFound {
			return [2]bool{}
		}
		left[i] = is.scope != connector.InScope && a.link.Made != sd.s && len(sd.scope.Groups) > 0
	}
	return left
}

// decideAbsent deals with one link of which both records were read by id.
func (s *slice) decideAbsent(ctx context.Context, l state.Link, got [2]connector.Got) error {
	gone := func(i int) bool { return got[i].Status == connector.StatusGone }
	found := func(i int) bool { return got[i].Status == connector.StatusFound }
	switch {
	case gone(0) && gone(1):
		s.forget(s.sides[0], l.CRM)
		s.forget(s.sides[1], l.Book)
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
			if err := s.checkpoint(ctx); err != nil {
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
		if g := got[id]; g.Status == connector.StatusFound && g.Item.ID == id { // what was re-keyed meanwhile is the next run's
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
