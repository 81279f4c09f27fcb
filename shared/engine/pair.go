package engine

import (
	"context"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/record"
	"meibo/shared/state"
)

// wanted is a pairing whose partner is still to be read.
type wanted struct {
	from    *side
	old     *state.Link
	item    *connector.Item
	partner string
}

// pair plans a record together with its partner, which is read first. Reads are gathered into batches.
func (s *slice) pair(ctx context.Context, sd *side, old *state.Link, it *connector.Item, partner string) error {
	t := s.other(sd)
	crm := it.ID
	if sd.i == 1 {
		crm = partner
	}
	if s.linked[crm] {
		return nil
	}
	s.linked[crm] = true
	s.wanted[t.i] = append(s.wanted[t.i], wanted{from: sd, old: old, item: it, partner: partner})
	if len(s.wanted[t.i]) >= t.desc.Batch.Get {
		return s.readWanted(ctx, t)
	}
	return nil
}

// readWanted reads the partners on side t that pairings wait for, and plans them.
func (s *slice) readWanted(ctx context.Context, t *side) error {
	if err := s.out.meanwhile(ctx, t, len(s.wanted[t.i])); err != nil {
		return err
	}
	list := s.wanted[t.i]
	s.wanted[t.i] = nil
	var want []string
	for _, w := range list {
		if s.held(t, w.partner) == nil {
			want = append(want, w.partner)
		}
	}
	got, err := s.read(ctx, t, want)
	if err != nil {
		return err
	}
	items, err := s.partnerItems(ctx, t, list)
	if err != nil {
		return err
	}
	for _, w := range list {
		p := &pairing{old: w.old, made: -1}
		if l, has := items[w.partner]; has && full(l) {
			if err := s.alone(ctx, w.from, w.old, w.item.ID, state.CodeClaimed); err != nil {
				return err
			}
			continue
		} else if has {
			p.also = &l
		}
		p.now[w.from.i] = w.item
		if it := s.held(t, w.partner); it != nil {
			p.now[t.i] = it
		} else if g := got[w.partner]; g.Status == connector.StatusFound {
			it := g.Item
			p.now[t.i] = &it
		} else if err := s.partnerless(ctx, t, w, g); err != nil {
			return err
		} else {
			continue
		}
		if err := s.planPair(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// partnerItems returns the items of partners that stand alone so far, or are claimed by another link.
func (s *slice) partnerItems(ctx context.Context, t *side, list []wanted) (map[string]state.Link, error) {
	var ask []string
	for _, w := range list {
		if w.old == nil || !full(*w.old) {
			ask = append(ask, w.partner)
		}
	}
	return s.linksOf(ctx, t, ask)
}

// partnerless deals with a record whose partner could not be read.
func (s *slice) partnerless(ctx context.Context, t *side, w wanted, g connector.Got) error {
	switch {
	case g.Status == connector.StatusFailed:
		p := &pairing{old: w.old, failed: &failure{code: state.CodeWaiting, retry: retrySoon}, made: -1}
		p.now[w.from.i] = w.item
		return s.out.park(ctx, p)
	case w.old == nil || !full(*w.old): // matched, and gone before it was linked: the next run sees it alone
		if g.Status == connector.StatusGone {
			s.forget(t, w.partner)
		}
		s.again(w.from.s, w.item.ID, retrySoon)
		return nil
	case g.Status == connector.StatusGone:
		return s.departed(ctx, t, *w.old, w.item)
	}
	return s.miss(ctx, *w.old, [2]bool{})
}

// planPair merges both sides of a pairing and queues what comes of it.
func (s *slice) planPair(ctx context.Context, p *pairing) error {
	in := plan.Input{Refused: p.refused}
	for i, sd := range s.sides {
		if p.now[i] != nil {
			in.Now[i] = p.now[i].Record.Fields
		}
		if p.old != nil && full(*p.old) && !p.anew && !p.based {
			p.base[i] = s.settledBase(sd, p.old, p.now[i])
		}
		in.Base[i] = p.base[i]
	}
	if !p.based && p.now[1] != nil {
		p.seen = p.now[1].Version
	}
	p.based = true
	p.out = s.planner.Merge(in)
	if s.withoutEmail(p) {
		p.failed = &failure{code: state.CodeNoEmail, field: string(record.Email)}
		return s.out.park(ctx, p)
	}
	for i, sd := range s.sides {
		if p.now[i] == nil && p.out.Write[i] == nil {
			p.failed = &failure{code: state.CodeEmpty}
			if p.last != nil { // there was something, and all of it was refused
				p.failed = p.last
			}
			return s.out.park(ctx, p)
		}
		if s.rules.Overwrite && p.out.Emptied[i] > 0 && !p.weighed {
			p.weighed = true
			if err := s.mayEmpty(sd); err != nil {
				return err
			}
		}
	}
	return s.out.add(ctx, p)
}
