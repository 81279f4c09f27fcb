package engine

import (
	"context"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// Some vendors give a person another id without saying so, when they merge or split people (Description.IDsMove). A new record there may
// be a linked one that has moved: before it is taken for a new person, linked ones that say the same and were not listed are read by id.
// The link of one that is no longer there goes to the new record. One that still stands leaves everything as it is. And a linked record may
// have come to say exactly what another one said that is no longer there: then the two were merged, and the other was absorbed.

// suspectsMost is how many linked records may say the same as a new one before that says too little to read them all.
const suspectsMost = 20

// movedAway returns the moves that an incremental run's new records of side sd stand for, besides those that are known.
func (s *slice) movedAway(ctx context.Context, sd *side, known []connector.Rekey) ([]connector.Rekey, error) {
	n := s.news[sd.i]
	if !sd.desc.IDsMove || len(n.items) == 0 {
		return nil, nil
	}
	fresh, err := s.freshKeys(ctx, sd, known)
	if err != nil {
		return nil, err
	}
	turned, err := s.turnedKeys(ctx, sd)
	if err != nil || len(fresh)+len(turned) == 0 {
		return nil, err
	}
	former := map[string]plan.Keys{} // who the linked ones were
	for i := range turned {
		former[turned[i].ID] = plan.Keys{}
	}
	fresh = append(fresh, turned...)
	suspects, links, err := s.suspects(ctx, sd, fresh, known, former)
	if err != nil || len(suspects) == 0 {
		return nil, err
	}
	got, err := s.read(ctx, sd, keyIDs(suspects))
	if err != nil {
		return nil, err
	}
	var moves []connector.Rekey
	suspects = slices.DeleteFunc(suspects, func(k plan.Keys) bool {
		g := got[k.ID]
		if g.Status == connector.StatusFound && g.Item.ID != k.ID {
			moves = append(moves, connector.Rekey{Old: k.ID, New: g.Item.ID})
		} else if g.Status == connector.StatusFound {
			n.add(g.Item) // a new one that was split off it may have left it another
		}
		return g.Status != connector.StatusGone && g.Status != connector.StatusInvisible
	})
	fresh = slices.DeleteFunc(fresh, func(k plan.Keys) bool {
		_, linked := former[k.ID]
		kept := linked && !s.believed(sd.i) // what is kept from the account was not merged
		return kept || slices.ContainsFunc(moves, func(m connector.Rekey) bool { return m.New == k.ID })
	})
	pairs := unmerged(s.successors(sd, suspects, fresh), suspects, fresh, former)
	o := s.other(sd)
	var partners []string
	for _, p := range pairs {
		l := links[suspects[p.CRM].ID]
		partners = append(partners, idOf(&l, o))
	}
	theirs, err := s.read(ctx, o, partners)
	if err != nil {
		return nil, err
	}
	for i, p := range pairs {
		if theirs[partners[i]].Status == connector.StatusFound { // else the new record stands for itself
			moves = append(moves, connector.Rekey{Old: suspects[p.CRM].ID, New: fresh[p.Book].ID})
		}
	}
	for _, k := range suspects { // what is proven gone on the way need not be found by a scan
		if got[k.ID].Status == connector.StatusGone {
			n.deleted = append(n.deleted, connector.Deletion{ID: k.ID, Evidence: connector.EvidenceAccount})
		}
	}
	return moves, nil
}

// turnedKeys returns who the linked records of side sd in the news are that say something else than they did.
func (s *slice) turnedKeys(ctx context.Context, sd *side) ([]plan.Keys, error) {
	n := s.news[sd.i]
	links, err := s.linksOf(ctx, sd, ids(n.items))
	if err != nil {
		return nil, err
	}
	var turned []plan.Keys
	for i := range n.items {
		it := &n.items[i]
		l, linked := links[it.ID]
		if !linked || !full(l) || it.Scope == connector.OutOfScope {
			continue
		}
		if changed, _ := s.changed(sd, &l, it); changed {
			k := s.identity(sd, it)
			k.Mark, k.Own = 0, 0
			turned = append(turned, k)
		}
	}
	return turned, nil
}

// unmerged takes out of pairs those of a linked record, one of former, into which the one that is no longer there was not merged, as far as
// can be told: it does not say exactly what that one said, or the two said the same of a person before either changed.
func unmerged(pairs []plan.Pairing, gone, fresh []plan.Keys, former map[string]plan.Keys) []plan.Pairing {
	return slices.DeleteFunc(pairs, func(p plan.Pairing) bool {
		was, linked := former[fresh[p.Book].ID]
		return linked && (gone[p.CRM].Content != fresh[p.Book].Content || plan.Alike(&was, &gone[p.CRM]))
	})
}

// suspects returns the linked records of side sd that the news do not name and that say the same as one of fresh, as the match index knows
// them, with their links. It fills in who those in former were.
func (s *slice) suspects(ctx context.Context, sd *side, fresh []plan.Keys, known []connector.Rekey, former map[string]plan.Keys) ([]plan.Keys, map[string]state.Link, error) {
	entries, err := s.sess.Index(ctx, sd.s, s.rec.Generation, s.rec.Chunks[sd.i])
	if err != nil {
		return nil, nil, err
	}
	like := plan.NewLikeness(fresh)
	alike := map[int][]plan.Keys{} // by place in fresh
	for _, e := range entries {
		if _, is := former[e.ID]; is {
			former[e.ID] = e.Keys
		}
		if e.Gone || s.held(sd, e.ID) != nil || s.goneToo(sd, e.ID) || slices.ContainsFunc(known, func(m connector.Rekey) bool { return m.Old == e.ID }) {
			continue
		}
		e.Keys.Mark, e.Keys.Own = 0, 0
		for _, i := range like.To(&e.Keys) {
			alike[i] = append(alike[i], e.Keys)
		}
	}
	var list []plan.Keys
	named := map[string]bool{}
	for i := range fresh {
		if len(alike[i]) > suspectsMost {
			continue
		}
		for _, k := range alike[i] {
			if !named[k.ID] {
				named[k.ID] = true
				list = append(list, k)
			}
		}
	}
	links, err := s.linksOf(ctx, sd, keyIDs(list))
	if err != nil {
		return nil, nil, err
	}
	o := s.other(sd)
	list = slices.DeleteFunc(list, func(k plan.Keys) bool {
		l, has := links[k.ID]
		return !has || !full(l) || l.State == state.LinkDetached || s.goneToo(o, idOf(&l, o))
	})
	return list, links, nil
}

// keepUnlisted keeps in the match index who those are that a full listing did not name, so that a later one can still be told to be one of
// them.
func (s *slice) keepUnlisted(ctx context.Context) error {
	some := false
	for i, sd := range s.sides {
		for _, e := range s.unlisted[i] {
			some = true
			e.Changed = false
			sd.index.Add(e)
		}
		s.unlisted[i] = nil
		if err := sd.index.Flush(ctx, some); err != nil {
			return err
		}
	}
	if !some {
		return nil
	}
	return s.checkpoint(ctx)
}

// vacant reports whether the link of a record that a complete listing did not name may go to a new one that says the same.
func (s *slice) vacant(a *absentLink, i int) bool {
	sd := s.sides[i]
	return s.gone(a, i) || sd.desc.IDsMove && a.unseen[i] && s.absences[i][idOf(&a.link, sd)].status == connector.StatusInvisible
}

// successors pairs records of a side that are no longer there with new ones that say the same, one to one. Where ids move, people are
// merged: of several that became one, any may go on as that one, and the one that says exactly the same does first.
func (s *slice) successors(sd *side, gone, fresh []plan.Keys) []plan.Pairing {
	if !sd.desc.IDsMove {
		pairs, _ := plan.Match(gone, fresh)
		return pairs
	}
	return plan.Successors(gone, fresh)
}

func keyIDs(list []plan.Keys) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].ID
	}
	return out
}
