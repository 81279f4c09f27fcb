package engine

import (
	"context"
	"errors"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
	"meibo/shared/store"
)

// weigh counts what the run would take from each side, and stops before the first write if that is over the budget.
func (s *slice) weigh(ctx context.Context) error {
	s.rec.Emptied = [2]int{}
	lose := s.beyond
	for i, sd := range s.sides {
		n := s.news[i]
		var list []string
		for _, d := range n.deleted {
			list = append(list, d.ID)
		}
		links, err := s.linksOf(ctx, sd, append(list, ids(n.items)...))
		if err != nil {
			return err
		}
		o := s.other(sd)
		for _, d := range n.deleted {
			l, ok := links[d.ID]
			if ok && full(l) && l.State != state.LinkDetached && !isOutside(&l) && !isWithoutEmail(&l) && s.rules.Direction.Writes(o.s) && s.rules.Deletes.To(o.s) && !s.goneToo(o, idOf(&l, o)) {
				lose[o.i]++
			}
		}
		for j := range n.items {
			l, ok := links[n.items[j].ID]
			if !ok || !full(l) || l.State != state.LinkActive {
				continue
			}
			if _, emptied := s.changed(sd, &l, &n.items[j]); emptied > 0 {
				s.loseEmptied(o)
			}
		}
	}
	return s.budget(lose)
}

// goneToo reports whether a record of side sd was deleted in this run's news as well.
func (s *slice) goneToo(sd *side, id string) bool {
	for _, d := range s.news[sd.i].deleted {
		if d.ID == id {
			return true
		}
	}
	return false
}

// applyNews writes what the news ask for, and moves the cursors past them.
func (s *slice) applyNews(ctx context.Context) error {
	s.rec.Progress = state.Progress{Phase: state.PhaseWriting}
	for _, n := range s.news {
		s.rec.Progress.Total += len(n.items) + len(n.deleted)
	}
	for i, sd := range s.sides {
		if err := s.handleDeleted(ctx, sd, s.news[i].deleted); err != nil {
			return err
		}
		if err := s.handleUnproven(ctx, sd, s.news[i].unproven); err != nil {
			return err
		}
	}
	for i, sd := range s.sides {
		if err := s.handle(ctx, sd, s.news[i].items); err != nil {
			return err
		}
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	if s.changes || s.stored || s.sess.Control.Recount { // a killed slice may have saved a link and not who it is
		for i, sd := range s.sides {
			for j := range s.news[i].items {
				if it := &s.news[i].items[j]; it.Scope == connector.InScope && s.matches.of[i][it.ID].kind == unseen {
					s.remember(sd, it) // an edit may have changed who it could be
				}
			}
		}
		if err := s.drain(ctx); err != nil {
			return err
		}
	}
	if err := s.decisionDone(ctx); err != nil {
		return err
	}
	s.dealtWith()
	s.rec.Next = [2]string{s.news[0].next, s.news[1].next}
	if s.news[0].more || s.news[1].more {
		return s.installment(ctx)
	}
	s.rec.Step = state.StepFinish
	return nil
}

// installment makes a part of a large run durable, cursors too, and goes on with the rest.
func (s *slice) installment(ctx context.Context) error {
	c := &s.sess.Control
	for i := range s.sides {
		c.Sides[i].Cursor, s.rec.Cursors[i] = s.rec.Next[i], s.rec.Next[i]
	}
	c.Chunks = s.rec.Chunks
	s.matches, s.beyond = nil, [2]int{}
	s.linked, s.touched, s.rec.Counted = map[string]bool{}, map[string]bool{}, true
	for i := range s.news {
		s.news[i], s.begun[i], s.overrides[i] = &news{}, map[string]bool{}, map[string]verdict{}
		s.forced[i], s.entered[i] = map[string]bool{}, map[string]bool{}
	}
	if err := s.checkpoint(ctx); err != nil {
		return err
	}
	if s.timeUp() {
		return errPause
	}
	return nil
}

// deletedAtOnce bounds how many partners of deleted records are held.
const deletedAtOnce = 500

// handleDeleted deals with records of side sd that are proven gone.
func (s *slice) handleDeleted(ctx context.Context, sd *side, deleted []connector.Deletion) error {
	list := make([]string, len(deleted))
	for i, d := range deleted {
		list[i] = d.ID
	}
	for part := range slices.Chunk(list, deletedAtOnce) {
		if err := s.handleDeletedPart(ctx, sd, part); err != nil {
			return err
		}
	}
	return nil
}

func (s *slice) handleDeletedPart(ctx context.Context, sd *side, list []string) error {
	links, err := s.linksOf(ctx, sd, list)
	if err != nil {
		return err
	}
	o := s.other(sd)
	var partners []string
	for _, id := range list {
		if l, ok := links[id]; ok && full(l) && s.held(o, idOf(&l, o)) == nil && !s.goneToo(o, idOf(&l, o)) {
			partners = append(partners, idOf(&l, o))
		}
	}
	theirs, err := s.read(ctx, o, partners)
	if err != nil {
		return err
	}
	for _, id := range list {
		s.forget(sd, id)
		if l, linked := links[id]; linked {
			if err := s.handleGone(ctx, sd, l, theirs); err != nil {
				return err
			}
		}
	}
	return nil
}

// handleUnproven deals with records that were said to be gone and are not, as far as can be seen: they left the scope, or were not
// visible for a moment.
func (s *slice) handleUnproven(ctx context.Context, sd *side, list []connector.Got) error {
	var asked []string
	for _, g := range list {
		asked = append(asked, g.ID)
	}
	links, err := s.linksOf(ctx, sd, asked)
	if err != nil {
		return err
	}
	for _, g := range list {
		l, linked := links[g.ID]
		switch {
		case !linked || l.State == state.LinkDetached || s.linked[l.CRM]:
			continue
		case !full(l) && g.Status == connector.StatusFound && g.Item.Scope != connector.InScope:
			err = s.release(ctx, sd, &l, g.ID)
		case !full(l):
			continue
		case g.Status != connector.StatusFound:
			s.linked[l.CRM] = true
			err = s.miss(ctx, l, [2]bool{})
		default:
			it := g.Item
			if it.Scope == connector.ScopeUnknown && len(sd.scope.Groups) > 0 {
				it.Scope = connector.OutOfScope // that is what the tombstone of a group says
			}
			err = s.handleSeen(ctx, sd, l, &it)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// handleGone deals with one record that is gone; theirs is what its partners are now.
func (s *slice) handleGone(ctx context.Context, sd *side, l state.Link, theirs map[string]connector.Got) error {
	if !full(l) {
		if err := s.unreview(ctx, sd, &l); err != nil {
			return err
		}
		return s.out.link(ctx, state.LinkChange{Old: &l})
	}
	if s.linked[l.CRM] {
		return nil
	}
	o := s.other(sd)
	partner := idOf(&l, o)
	both := [2]connector.Got{}
	both[sd.i] = connector.Got{ID: idOf(&l, sd), Status: connector.StatusGone}
	switch it := s.held(o, partner); {
	case s.goneToo(o, partner):
		both[o.i] = connector.Got{ID: partner, Status: connector.StatusGone}
	case it != nil:
		both[o.i] = connector.Got{ID: partner, Status: connector.StatusFound, Item: *it}
	default:
		both[o.i] = theirs[partner]
	}
	s.linked[l.CRM] = true
	if l.State == state.LinkDetached {
		if both[o.i].Status == connector.StatusGone {
			return s.out.link(ctx, state.LinkChange{Old: &l})
		}
		return nil
	}
	return s.decideAbsent(ctx, l, both, [2]bool{})
}

// decided takes in what a person decided about an entry of the review list.
func (s *slice) decided(ctx context.Context, want *[2][]string) error {
	d := s.rec.Decision
	if d == nil {
		return nil
	}
	r, err := s.repo.Review(ctx, s.ask.Tenant, s.ask.Connection, d.ID)
	if errors.Is(err, store.ErrNotFound) {
		s.rec.Decision = nil // decided already
		return nil
	}
	if err != nil {
		return err
	}
	i := plan.Index(r.Side)
	sd, o := s.sides[i], s.sides[1-i]
	theirs, err := s.linksOf(ctx, o, r.Candidates)
	if err != nil {
		return err
	}
	own, err := s.linksOf(ctx, sd, []string{r.Record})
	if err != nil {
		return err
	}
	switch d.Action {
	case state.ActionLink:
		other := d.Other
		if other == "" && len(r.Candidates) == 1 {
			other = r.Candidates[0]
		}
		if !slices.Contains(r.Candidates, other) {
			s.rec.Decision = nil // the list has changed since: the entry stays
			return nil
		}
		s.overrides[i][r.Record] = verdict{kind: matched, partner: other}
		s.overrides[1-i][other] = verdict{kind: matched, partner: r.Record}
		want[i] = append(want[i], r.Record)
		for _, c := range r.Candidates {
			if l, has := theirs[c]; has && !full(l) {
				want[1-i] = append(want[1-i], c)
			}
		}
	case state.ActionSeparate:
		s.overrides[i][r.Record] = verdict{kind: single}
		want[i] = append(want[i], r.Record)
		for _, c := range r.Candidates {
			if l, has := theirs[c]; has && !full(l) && l.Code == state.CodeReview {
				s.overrides[1-i][c] = verdict{kind: single}
				want[1-i] = append(want[1-i], c)
			}
		}
	case state.ActionIgnore:
		for id, l := range own {
			if err := s.alone(ctx, sd, &l, id, state.CodeIgnored); err != nil {
				return err
			}
		}
		for id, l := range theirs {
			if !full(l) && l.Code == state.CodeReview {
				if err := s.alone(ctx, o, &l, id, state.CodeIgnored); err != nil {
					return err
				}
			}
		}
	}
	s.reviewed = r.ID
	return nil
}

// decisionDone takes the entry that a person decided about off the review list, once all that follows from it is durable.
func (s *slice) decisionDone(ctx context.Context) error {
	if s.reviewed == "" {
		return nil
	}
	id := s.reviewed
	s.reviewed, s.rec.Decision, s.changes = "", nil, true
	s.sess.Control.Totals.Review--
	return s.sess.RemoveReview(ctx, id)
}
