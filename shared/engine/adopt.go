package engine

import (
	"context"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// ownWrite reports whether the record is still at the version that our own write left, and the link's base is what was sent.
func ownWrite(l *state.Link, sd *side, it *connector.Item) bool {
	return unsettled(l, sd) && version(l, sd) == it.Version && it.Version != ""
}

// adopt takes what the vendor stored of our own write as the base.
func (s *slice) adopt(ctx context.Context, sd *side, l state.Link, it *connector.Item) error {
	n := l
	setBase(&n, sd, it.Version, s.settledBase(sd, &l, it).Encode(), true)
	s.adopted++
	return s.out.link(ctx, state.LinkChange{Old: &l, New: &n})
}

// settledBase returns the base of side sd of link l, now that the record was seen: what the vendor stored of our own write takes
// the place of what was sent.
func (s *slice) settledBase(sd *side, l *state.Link, it *connector.Item) plan.Base {
	base, err := plan.DecodeBase(baseOf(l, sd))
	if err != nil {
		s.log.Warn("a link's base cannot be read; it is merged anew", "side", string(sd.s))
		return nil
	}
	if ownWrite(l, sd, it) {
		return s.planner.Settle(sd.s, base, it.Record.Fields)
	}
	return base
}
