package engine

import (
	"context"
	"errors"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// takeInbox takes in what notifications said, before the listings that may show it: what comes later asks for another run. Hints
// stay in the inbox until the run is over, so that a slice that is killed loses none.
func (s *slice) takeInbox(ctx context.Context) error {
	if s.inboxTaken || s.rec.Kind == state.Preview {
		return nil
	}
	in, err := s.sess.TakeInbox(ctx)
	if errors.Is(err, state.ErrInboxBusy) {
		return &waitError{until: s.e.c.Clock.Now().Add(time.Second), why: "notifications arrive faster than they can be taken in"}
	}
	if err != nil {
		return err
	}
	s.inboxTaken, s.hints, s.rec.Inbox = true, in.Hints, nil
	if len(in.Hints) > 0 || in.Lost {
		s.rec.Inbox = &state.Taken{Seq: in.Seq, Hints: len(in.Hints), Lost: in.Lost}
	}
	if in.Lost { // where listings tell no deletions, those that nobody told of are looked for
		for i := range s.sess.Control.Sides {
			side := &s.sess.Control.Sides[i]
			side.Scanned, side.ScanFrom = time.Time{}, time.Time{}
		}
	}
	return nil
}

// emptyInbox forgets what the run took, now that all that follows from it is durable. What it cannot forget is looked at once more.
func (s *slice) emptyInbox(ctx context.Context) {
	t := s.rec.Inbox
	if t == nil {
		return
	}
	taken := state.Inbox{Seq: t.Seq, Lost: t.Lost, Hints: make([]state.Hint, t.Hints)}
	if err := s.sess.EmptyInbox(ctx, taken); err != nil {
		s.log.WarnContext(ctx, "the inbox was not emptied; the next run takes it once more", "error", err.Error())
	}
}

// hinted looks at the records that notifications named and the listings did not. What a notification says of them counts for
// nothing: what they are now is read at the vendor.
func (s *slice) hinted(ctx context.Context) error {
	if len(s.hints) == 0 || s.news[0].more || s.news[1].more { // the rest of the listing may name them
		return nil
	}
	var want [2][]string
	for _, h := range s.hints {
		i := plan.Index(h.Side)
		if h.ID != "" && s.held(s.sides[i], h.ID) == nil && !s.goneToo(s.sides[i], h.ID) && !s.news[i].moves(h.ID) {
			want[i] = append(want[i], h.ID)
		}
	}
	s.hints = nil
	for i, sd := range s.sides {
		got, err := s.read(ctx, sd, want[i])
		if err != nil {
			return err
		}
		links, err := s.linksOf(ctx, sd, want[i])
		if err != nil {
			return err
		}
		for _, id := range want[i] {
			l, linked := links[id]
			s.takeHint(sd, got[id], &l, linked)
		}
	}
	return nil
}

// takeHint adds to the news what reading a hinted record brought. A new one whose scope cannot be told is left
// to its listing.
func (s *slice) takeHint(sd *side, g connector.Got, l *state.Link, linked bool) {
	n, it := s.news[sd.i], g.Item
	switch g.Status {
	case connector.StatusFound:
		if it.ID != g.ID && linked {
			n.rekeyed = append(n.rekeyed, connector.Rekey{Old: g.ID, New: it.ID})
			return
		}
		if it.Scope == connector.ScopeUnknown && !sd.narrow() {
			it.Scope = connector.InScope
		}
		n.add(it)
	case connector.StatusGone:
		if linked {
			n.deleted = append(n.deleted, connector.Deletion{ID: g.ID, Evidence: connector.EvidenceAccount})
		}
	case connector.StatusInvisible:
		if linked && full(*l) {
			n.unproven = append(n.unproven, g)
		}
	default:
		if linked {
			s.again(sd.s, g.ID, retrySoon)
		}
	}
}

// moves reports whether the news give the record another id.
func (n *news) moves(id string) bool {
	for _, r := range n.rekeyed {
		if r.Old == id {
			return true
		}
	}
	return false
}
