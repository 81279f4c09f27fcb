package engine

import (
	"context"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
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
			if ok && full(l) && l.State != state.LinkDetached && s.rules.Direction.Writes(o.s) && s.rules.Deletes.To(o.s) && !s.goneToo(o, idOf(&l, o)) {
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
	}
	for i, sd := range s.sides {
		if err := s.handle(ctx, sd, s.news[i].items); err != nil {
			return err
		}
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	if s.changes {
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
	s.linked = map[string]bool{}
	for i := range s.news {
		s.news[i] = &news{}
	}
	s.ask.Review = nil
	if err := s.checkpoint(ctx); err != nil {
		return err
	}
	if s.timeUp() {
		return errPause
	}
	return nil
}

// handleDeleted deals with records of side sd that the vendor says are gone.
func (s *slice) handleDeleted(ctx context.Context, sd *side, deleted []connector.Deletion) error {
	var list, unproven []string
	proven := map[string]bool{}
	for _, d := range deleted {
		if proven[d.ID] {
			continue
		}
		list = append(list, d.ID)
		if d.Evidence == connector.EvidenceAccount {
			proven[d.ID] = true
		} else {
			unproven = append(unproven, d.ID)
		}
	}
	links, err := s.linksOf(ctx, sd, list)
	if err != nil {
		return err
	}
	for i := 0; i < len(unproven); i++ {
		if _, linked := links[unproven[i]]; !linked {
			unproven = append(unproven[:i], unproven[i+1:]...)
			i--
		}
	}
	got, err := s.read(ctx, sd, unproven)
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
		l, linked := links[id]
		if !linked {
			s.forget(sd, id)
			continue
		}
		own := connector.Got{ID: id, Status: connector.StatusGone}
		if !proven[id] {
			own = got[id]
		}
		if err := s.handleGone(ctx, sd, l, own, theirs); err != nil {
			return err
		}
	}
	return nil
}

// handleGone deals with one record that was said to be gone; own is what is known of it, theirs what its partners are now.
func (s *slice) handleGone(ctx context.Context, sd *side, l state.Link, own connector.Got, theirs map[string]connector.Got) error {
	if own.Status == connector.StatusGone {
		s.forget(sd, own.ID)
	}
	if !full(l) {
		if own.Status != connector.StatusGone {
			return nil
		}
		if l.Code == state.CodeReview && l.Detail != "" {
			s.sess.Control.Totals.Review--
			if err := s.sess.RemoveReview(ctx, l.Detail); err != nil {
				return err
			}
		}
		return s.out.link(ctx, state.LinkChange{Old: &l})
	}
	if s.linked[l.CRM] {
		return nil
	}
	o := s.other(sd)
	partner := idOf(&l, o)
	both := [2]connector.Got{}
	both[sd.i] = own
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
	return s.decideAbsent(ctx, l, both)
}

// decided takes in what a person decided about an entry of the review list.
func (s *slice) decided(ctx context.Context, want *[2][]string) error {
	if s.ask.Review == nil {
		return nil
	}
	d := s.ask.Review
	r, err := s.repo.Review(ctx, s.ask.Tenant, s.ask.Connection, d.ID)
	if err != nil {
		return ignoreAbsent(err) // decided already
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
		if other == "" {
			other = r.Candidates[0]
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
	s.sess.Control.Totals.Review--
	s.changes = true
	return s.sess.RemoveReview(ctx, r.ID)
}
