package engine

import (
	"context"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// prove reads by id the records that were said to be gone without proof: those of a folder's or view's tombstone, and those that
// the same listing also names as changed.
func (s *slice) prove(ctx context.Context, sd *side) error { return s.proveOf(ctx, sd, s.news[sd.i]) }

func (s *slice) proveOf(ctx context.Context, sd *side, n *news) error {
	var proven []connector.Deletion
	var ask []string
	seen := map[string]bool{}
	for _, d := range n.deleted {
		_, here := n.at[d.ID]
		switch {
		case seen[d.ID]:
			continue
		case d.Evidence == connector.EvidenceAccount && !here:
			proven = append(proven, d)
		default:
			ask = append(ask, d.ID)
		}
		seen[d.ID] = true
	}
	n.deleted = proven
	links, err := s.linksOf(ctx, sd, ask)
	if err != nil {
		return err
	}
	ask = slices.DeleteFunc(ask, func(id string) bool {
		_, linked := links[id]
		_, here := n.at[id]
		if !linked && !here {
			s.forget(sd, id)
		}
		return !linked // nobody's partner: there is nothing to prove
	})
	got, err := s.read(ctx, sd, ask)
	if err != nil {
		return err
	}
	for _, id := range ask {
		at, here := n.at[id]
		switch g := got[id]; {
		case g.Status == connector.StatusGone:
			n.deleted = append(n.deleted, connector.Deletion{ID: id})
			if here {
				n.drop(at)
			}
		case g.Status == connector.StatusFound && g.Item.ID != id:
			n.rekeyed = append(n.rekeyed, connector.Rekey{Old: id, New: g.Item.ID})
		case !here:
			n.unproven = append(n.unproven, g)
		}
	}
	if sd.managed && len(n.deleted)+len(n.unproven) > 0 { // what goes with its folder was not deleted by itself
		return s.folderStands(ctx)
	}
	return nil
}

// drop takes the item at place i out of the news.
func (n *news) drop(i int) {
	delete(n.at, n.items[i].ID)
	n.items = slices.Delete(n.items, i, i+1)
	for id, at := range n.at {
		if at > i {
			n.at[id] = at - 1
		}
	}
}

// rekey moves links to the new ids of their records: first those that the vendor names, then a new record that says who a
// vanished one said it was.
func (s *slice) rekey(ctx context.Context) error {
	for _, sd := range s.sides {
		n := s.news[sd.i]
		moves := n.rekeyed
		more, err := s.vanished(ctx, sd)
		if err != nil {
			return err
		}
		moves = append(moves, more...)
		if more, err = s.movedAway(ctx, sd, moves); err != nil {
			return err
		}
		moves = append(moves, more...)
		if len(moves) == 0 {
			continue
		}
		var old []string
		for _, m := range moves {
			old = append(old, m.Old)
		}
		links, err := s.linksOf(ctx, sd, old)
		if err != nil {
			return err
		}
		var taken []string
		for _, m := range moves {
			taken = append(taken, m.New)
		}
		theirs, err := s.linksOf(ctx, sd, taken)
		if err != nil {
			return err
		}
		var want []string
		given := map[string]bool{} // the new ids that a link has got here
		for _, m := range moves {
			l, ok := links[m.Old]
			if m.Old == m.New {
				continue
			}
			s.forget(sd, m.Old)
			if !ok {
				continue // done already, by a slice that was killed
			}
			if t, has := theirs[m.New]; has && full(t) || given[m.New] {
				// Merged into one that has its own partner, and that may say something else by now: the absorbed record is gone.
				if !s.goneToo(sd, m.Old) {
					n.deleted = append(n.deleted, connector.Deletion{ID: m.Old, Evidence: connector.EvidenceAccount})
				}
				want = append(want, m.New)
				continue
			} else if has {
				if err := s.release(ctx, sd, &t, m.New); err != nil {
					return err
				}
				if err := s.out.saveLinks(ctx); err != nil {
					return err
				}
			}
			want, given[m.New] = append(want, m.New), true
			moved := l
			setID(&moved, sd, m.New)
			if err := s.out.link(ctx, state.LinkChange{Old: &l, New: &moved}); err != nil {
				return err
			}
			n.deleted = slices.DeleteFunc(n.deleted, func(d connector.Deletion) bool { return d.ID == m.Old })
			s.forced[sd.i][m.New] = true
		}
		if err := s.out.saveLinks(ctx); err != nil {
			return err
		}
		if err := s.fetch(ctx, sd, want); err != nil {
			return err
		}
	}
	return nil
}

// freshKeys returns who the new records of side sd in the news are, but for those that a move of moves is about.
func (s *slice) freshKeys(ctx context.Context, sd *side, moves []connector.Rekey) ([]plan.Keys, error) {
	n := s.news[sd.i]
	links, err := s.linksOf(ctx, sd, ids(n.items))
	if err != nil {
		return nil, err
	}
	var fresh []plan.Keys
	for i := range n.items {
		it := &n.items[i]
		if _, linked := links[it.ID]; linked || it.Scope == connector.OutOfScope || slices.ContainsFunc(moves, func(m connector.Rekey) bool { return m.New == it.ID }) {
			continue
		}
		k := s.identity(sd, it)
		k.Mark, k.Own = 0, 0
		fresh = append(fresh, k)
	}
	return fresh, nil
}

// vanished pairs records that were deleted with new ones of the same side that say the same, one to one: somebody deleted a
// person and made them again.
func (s *slice) vanished(ctx context.Context, sd *side) ([]connector.Rekey, error) {
	n := s.news[sd.i]
	if len(n.deleted) == 0 || len(n.items) == 0 {
		return nil, nil
	}
	fresh, err := s.freshKeys(ctx, sd, nil)
	if err != nil || len(fresh) == 0 {
		return nil, err
	}
	entries, err := s.sess.Index(ctx, sd.s, s.rec.Generation, s.rec.Chunks[sd.i])
	if err != nil {
		return nil, err
	}
	o := s.other(sd)
	var list []string
	for _, d := range n.deleted {
		list = append(list, d.ID)
	}
	was, err := s.linksOf(ctx, sd, list)
	if err != nil {
		return nil, err
	}
	var gone []plan.Keys
	for _, e := range entries {
		// Where the partner is gone too, by somebody's hand or by our own before a kill, the new record stands for itself.
		if l, linked := was[e.ID]; linked && full(l) && !e.Gone && !s.goneToo(o, idOf(&l, o)) {
			e.Keys.Mark, e.Keys.Own = 0, 0
			gone = append(gone, e.Keys)
		}
	}
	pairs := s.successors(sd, gone, fresh)
	var partners []string
	for _, p := range pairs {
		l := was[gone[p.CRM].ID]
		partners = append(partners, idOf(&l, o))
	}
	theirs, err := s.read(ctx, o, partners) // their listing may be late
	if err != nil {
		return nil, err
	}
	var out []connector.Rekey
	for i, p := range pairs {
		if theirs[partners[i]].Status != connector.StatusFound {
			continue
		}
		out = append(out, connector.Rekey{Old: gone[p.CRM].ID, New: fresh[p.Book].ID})
	}
	return out, nil
}
