package engine

import (
	"context"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// extra adds what is to be looked at although it did not change: retries that are due, what a cap held back, what a membership
// scan or a decision brings.
func (s *slice) extra(ctx context.Context) error {
	c := &s.sess.Control
	var want [2][]string
	for _, r := range c.Retry { // they stay there until what comes of them is durable
		if !r.At.After(s.due) {
			want[plan.Index(r.Side)] = append(want[plan.Index(r.Side)], r.ID)
		}
	}
	if c.Held {
		if err := s.heldBack(ctx, &want); err != nil {
			return err
		}
	}
	if err := s.lookAgain(ctx, &want); err != nil {
		return err
	}
	for i, sd := range s.sides {
		if s.membersDue(i) || s.scanDue(i) {
			entered, err := s.scan(ctx, sd)
			if err != nil {
				return err
			}
			want[i] = append(want[i], entered...)
		}
	}
	if err := s.decided(ctx, &want); err != nil {
		return err
	}
	for i, sd := range s.sides {
		if err := s.fetch(ctx, sd, want[i]); err != nil {
			return err
		}
	}
	return s.hinted(ctx)
}

// fetch reads records by id and adds them to the news, as in scope.
func (s *slice) fetch(ctx context.Context, sd *side, want []string) error {
	want = slices.DeleteFunc(want, func(id string) bool {
		s.forced[sd.i][id] = true
		return s.held(sd, id) != nil
	})
	got, err := s.read(ctx, sd, want)
	if err != nil {
		return err
	}
	var missing []string
	for _, id := range want {
		switch g := got[id]; g.Status {
		case connector.StatusFound:
			if g.Item.ID != id { // it has another id by now
				s.news[sd.i].rekeyed = append(s.news[sd.i].rekeyed, connector.Rekey{Old: id, New: g.Item.ID})
			}
			s.news[sd.i].add(g.Item)
		case connector.StatusGone:
			s.news[sd.i].deleted = append(s.news[sd.i].deleted, connector.Deletion{ID: id, Evidence: connector.EvidenceAccount})
		default:
			missing = append(missing, id)
		}
	}
	links, err := s.linksOf(ctx, sd, want)
	if err != nil {
		return err
	}
	for id, l := range links {
		if full(l) {
			s.touched[l.CRM] = true
		}
		if full(l) && slices.Contains(missing, id) {
			if err := s.miss(ctx, l, [2]bool{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// heldBack adds records that a cap held back, as many as this run may take.
func (s *slice) heldBack(ctx context.Context, want *[2][]string) error {
	most := heldRecords
	if n := s.rules.Caps.Later; n > 0 {
		most = min(n, most)
	}
	s.moreHeld = false
	return s.sess.AllLinks(ctx, func(l state.Link) error {
		if l.Code != state.CodeCap {
			return nil
		}
		if len(want[0])+len(want[1]) >= most {
			s.moreHeld = true
			return nil
		}
		if l.CRM != "" {
			want[0] = append(want[0], l.CRM)
		} else {
			want[1] = append(want[1], l.Book)
		}
		return nil
	})
}

// lookAgain adds parked records whose reason may have passed, as many as one run holds.
func (s *slice) lookAgain(ctx context.Context, want *[2][]string) error {
	c := &s.sess.Control
	if c.Again.IsZero() || c.Again.After(s.due) {
		return nil
	}
	named := map[string]bool{}
	for _, r := range c.Retry {
		named[string(r.Side)+r.ID] = true
	}
	s.looked, s.nextLook = true, time.Time{}
	n := 0
	return s.sess.AllLinks(ctx, func(l state.Link) error {
		after, passes := parkedRetry[l.Code]
		i, id := 0, l.CRM
		if id == "" {
			i, id = 1, l.Book
		}
		if !passes || l.State == state.LinkDetached || named[string(bothSides[i])+id] {
			return nil
		}
		at := l.Since.Add(after)
		if at.After(s.due) || n >= heldRecords {
			s.nextLook = earlier(s.nextLook, at)
			return nil
		}
		n++
		want[i] = append(want[i], id)
		return nil
	})
}

// dealtWith forgets what this run looked at again: whatever failed once more has a later time by now.
func (s *slice) dealtWith() {
	c := &s.sess.Control
	c.Retry = slices.DeleteFunc(c.Retry, func(r state.Retry) bool { return !r.At.After(s.due) })
	if s.looked {
		c.Again = earlier(s.nextLook, s.lookAt)
	}
	c.Held = s.moreHeld || s.heldNow
	for i := range s.membered {
		if s.membered[i] {
			c.Sides[i].Members = s.scanned[i]
			s.moreMembers = s.moreMembers || s.scanned[i].IsZero()
		}
		if s.swept[i] {
			c.Sides[i].Scanned, c.Sides[i].ScanFrom = s.e.c.Clock.Now(), time.Time{}
		}
	}
	s.looked, s.moreHeld, s.heldNow, s.membered, s.swept = false, false, false, [2]bool{}, [2]bool{}
}
