package engine

import (
	"context"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
	"meibo/shared/store"
)

// loadIntents reads the creates whose outcome is open. A run without any does not ask.
func (s *slice) loadIntents(ctx context.Context) error {
	if s.sess.Control.Intents == 0 || s.intents != nil {
		return nil
	}
	var err error
	s.intents, err = s.sess.Intents(ctx)
	return err
}

// waiting reports whether a create for the record may have been carried out unseen.
func (s *slice) waiting(sd *side, id string) bool {
	for _, in := range s.intents {
		if in.Side == sd.s {
			continue
		}
		for _, e := range in.Entries {
			if e.Source == id {
				return true
			}
		}
	}
	return false
}

// settleIntents looks for the records that open creates made: by their mark, or where the vendor stores none, by all that they
// say. What is found is paired with its source; what was not there although the listing is younger than the vendor's visibility
// window was never made.
func (s *slice) settleIntents(lists [2][]state.Entry, keys [2][]plan.Keys, m *matches) {
	if len(s.intents) == 0 {
		return
	}
	var open []state.Intent
	for _, in := range s.intents {
		t := plan.Index(in.Side)
		sd := s.sides[t]
		var left []state.IntentEntry
		for _, e := range in.Entries {
			if j := madeBy(lists[t], sd.desc, e); j >= 0 {
				made := lists[t][j].ID
				m.of[t][made] = verdict{kind: matched, partner: e.Source}
				m.of[1-t][e.Source] = verdict{kind: matched, partner: made}
				s.recovered[t][made] = true
				keys[t][j] = plan.Keys{ID: made} // it has its partner
				for k := range lists[1-t] {
					if lists[1-t][k].ID == e.Source {
						keys[1-t][k] = plan.Keys{ID: e.Source}
					}
				}
				s.forced[1-t][e.Source] = true
				continue
			}
			if !s.listedAt(sd).After(in.At.Add(sd.desc.Visibility + s.e.c.LongestCall)) {
				left = append(left, e)
				continue
			}
			s.forced[1-t][e.Source] = true // it was never made: send it again
			if _, known := m.of[1-t][e.Source]; !known {
				m.of[1-t][e.Source] = verdict{kind: single}
			}
		}
		if in.Entries = left; len(left) > 0 {
			open = append(open, in)
		}
	}
	s.settled = append(s.settled, s.intents...)
	s.intents = open
}

// listedAt is when the side's listing of this run began.
func (s *slice) listedAt(sd *side) time.Time {
	if s.rec.Kind == state.Incremental {
		return s.rec.Started
	}
	return s.rec.Listed[sd.i]
}

func madeBy(list []state.Entry, d connector.Description, e state.IntentEntry) int {
	for j := range list {
		c := &list[j]
		if c.Linked {
			continue
		}
		if d.StoresMark && c.Mark == e.Mark || !d.StoresMark && c.Content == e.Content {
			return j
		}
	}
	return -1
}

// storeIntents writes back what is left of the intents. It comes after the links that took their place are durable.
func (s *slice) storeIntents(ctx context.Context) error {
	if len(s.settled) == 0 {
		return nil
	}
	left := map[string]state.Intent{}
	for _, in := range s.intents {
		left[in.ID] = in
	}
	var ops []store.Op
	for _, in := range s.settled {
		now, open := left[in.ID]
		switch {
		case !open:
			s.sess.Control.Intents--
			ops = append(ops, s.sess.RemoveIntentOp(in.ID))
		case len(now.Entries) < len(in.Entries):
			o, err := s.sess.IntentOp(now)
			if err != nil {
				return err
			}
			ops = append(ops, o)
		}
	}
	s.settled = nil
	for len(ops) > 0 {
		n := min(len(ops), 50)
		if err := s.sess.Checkpoint(ctx, ops[:n]...); err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}

// nextIntent is when the oldest open create can be settled; zero if there is none.
func (s *slice) nextIntent() time.Time {
	var at time.Time
	for _, in := range s.intents {
		t := in.At.Add(s.sides[plan.Index(in.Side)].desc.Visibility + s.e.c.LongestCall + time.Second)
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at
}
