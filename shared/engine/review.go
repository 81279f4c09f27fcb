package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"meibo/shared/plan"
	"meibo/shared/state"
	"meibo/shared/store"
)

// decideKeys takes what a person decided about out of the matching: those that are the same are linked, those that are not stand
// for themselves.
func (s *slice) decideKeys(lists [2][]state.Entry, keys [2][]plan.Keys) {
	for i := range lists {
		for j := range lists[i] {
			switch s.overrides[i][lists[i][j].ID].kind {
			case matched:
				lists[i][j].Linked, keys[i][j].Linked = true, true
			case single:
				keys[i][j] = plan.Keys{ID: lists[i][j].ID}
			}
		}
	}
}

// doubt puts a record on the review list, with those that it may be.
func (s *slice) doubt(ctx context.Context, sd *side, id string, candidates []string, code string, old *state.Link) error {
	if waits, err := s.inReview(ctx, old); waits || err != nil {
		return err
	}
	s.changes = true
	r := state.Review{ID: s.reviewID(sd, id), Side: sd.s, Record: id, Candidates: candidates, Code: code, Since: s.e.c.Clock.Now()}
	switch _, err := s.repo.Review(ctx, s.ask.Tenant, s.ask.Connection, r.ID); {
	case errors.Is(err, store.ErrNotFound):
		s.rec.Review++
		s.sess.Control.Totals.Review++
	case err != nil:
		return err
	} // else an earlier slice of this run ended between the entry and the link
	if err := s.sess.SaveReview(ctx, r); err != nil {
		return err
	}
	l := state.Link{State: state.LinkParked, Code: state.CodeReview, Detail: r.ID, Since: r.Since}
	setID(&l, sd, id)
	return s.out.link(ctx, state.LinkChange{Old: old, New: &l})
}

// inReview reports whether a record has its entry on the review list.
func (s *slice) inReview(ctx context.Context, l *state.Link) (bool, error) {
	if l == nil || l.Code != state.CodeReview || l.Detail == "" {
		return false, nil
	}
	_, err := s.repo.Review(ctx, s.ask.Tenant, s.ask.Connection, l.Detail)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// reviewID sorts by time, and is the same for a record however often a run comes to it.
func (s *slice) reviewID(sd *side, id string) string {
	d := s.keys.Digest("review", []byte(sd.s), []byte(id))
	return fmt.Sprintf("%s-%x", s.rec.ID, d[:6])
}

// unreview takes a record that is no longer there off the review list, and has those that waited for it looked at again.
func (s *slice) unreview(ctx context.Context, sd *side, l *state.Link) error {
	if l.Code != state.CodeReview {
		return nil
	}
	if l.Detail == "" { // a candidate: see dropCandidates
		return nil
	}
	r, err := s.repo.Review(ctx, s.ask.Tenant, s.ask.Connection, l.Detail)
	if err != nil {
		return ignoreAbsent(err)
	}
	for _, c := range r.Candidates {
		s.again(s.other(sd).s, c, retrySoon)
	}
	s.sess.Control.Totals.Review--
	s.changes = true
	return s.sess.RemoveReview(ctx, r.ID)
}

// dropCandidates takes records of side sd off every entry of the review list that offers them. An entry that offers nobody any more
// goes, and its record is looked at again.
func (s *slice) dropCandidates(ctx context.Context, sd *side, ids map[string]bool) error {
	for after := ""; ; {
		list, next, err := s.repo.Reviews(ctx, s.ask.Tenant, s.ask.Connection, 100, after)
		if err != nil {
			return err
		}
		for _, r := range list {
			offered := len(r.Candidates)
			r.Candidates = slices.DeleteFunc(r.Candidates, func(c string) bool { return ids[c] })
			if r.Side == sd.s || len(r.Candidates) == offered {
				continue
			}
			s.changes = true
			if len(r.Candidates) > 0 {
				err = s.sess.SaveReview(ctx, r)
			} else {
				s.again(r.Side, r.Record, retrySoon)
				s.sess.Control.Totals.Review--
				err = s.sess.RemoveReview(ctx, r.ID)
			}
			if err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
}
