package engine

import (
	"context"
	"time"

	"meibo/shared/connector"
	"meibo/shared/state"
)

// Some vendors answer alike for a record that is deleted and for one that the account may no longer see. Such a record counts as gone
// once it was neither listed nor shown twice, at least Description.GoneAfter apart, in runs in which the vendor kept nothing from the
// account. Until then its link is missing, and whatever shows the record makes all of that forgotten.

// believed reports whether it counts in this run that side i does not show a record.
func (s *slice) believed(i int) bool {
	return s.sides[i].desc.GoneAfter > 0 && !s.sides[i].refused && !s.rec.Refused[i]
}

// longUnshown reports whether the record of link l on side i counts as gone, now that the vendor could not show it and a complete listing
// or scan that began at a time did not name it.
func (s *slice) longUnshown(l *state.Link, i int, began time.Time) bool {
	since := l.Unshown[i]
	return s.believed(i) && !since.IsZero() && began.Sub(since) >= s.sides[i].desc.GoneAfter
}

// gone reports whether a record that a complete listing did not name is gone.
func (s *slice) gone(a *absentLink, i int) bool {
	if !a.unseen[i] {
		return false
	}
	switch s.absences[i][idOf(&a.link, s.sides[i])].status {
	case connector.StatusGone:
		return true
	case connector.StatusInvisible:
		return s.longUnshown(&a.link, i, s.rec.Listed[i])
	}
	return false
}

// miss marks a link of which one side was not seen and nothing is proven. unshown are the sides on which a complete listing or scan did
// not name the record, and the vendor could not show it.
func (s *slice) miss(ctx context.Context, l state.Link, unshown [2]bool) error {
	if l.State == state.LinkDetached { // one side is gone for good: nobody waits for it
		return nil
	}
	s.rec.Skipped[state.CodeMissing]++
	s.again(bothSides[0], l.CRM, time.Hour)
	n, since := l, s.e.c.Clock.Now()
	changed := l.State != state.LinkMissing
	if changed {
		n.State, n.Code, n.Since = state.LinkMissing, state.CodeMissing, since
	}
	for i := range unshown {
		if unshown[i] && n.Unshown[i].IsZero() && s.believed(i) {
			n.Unshown[i], changed = since, true
		}
	}
	if !changed {
		return nil
	}
	return s.out.link(ctx, state.LinkChange{Old: &l, New: &n})
}

// seen forgets that the record of a link on side sd was not shown. One that counted as gone, and whose partner was kept alone because
// people had edited it, was not gone: the two belong together again. l is then as it is stored.
func (s *slice) seen(ctx context.Context, sd *side, l *state.Link) error {
	if l.Unshown[sd.i].IsZero() {
		return nil
	}
	old, n := *l, *l
	n.Unshown[sd.i] = time.Time{}
	if l.State == state.LinkDetached && (l.Code == state.CodeDeletedKept || l.Code == state.CodeDiscarded) {
		n.State, n.Code, n.Since = state.LinkMissing, state.CodeMissing, s.e.c.Clock.Now()
		s.again(sd.s, idOf(l, sd), retrySoon)
	}
	*l = n
	l.V++
	return s.out.link(ctx, state.LinkChange{Old: &old, New: &n})
}
