package engine

import (
	"context"
	"maps"
	"slices"

	"meibo/shared/plan"
	"meibo/shared/state"
)

// matchNews finds partners for new records among the other side's, old and new.
func (s *slice) matchNews(ctx context.Context) error {
	var lists [2][]state.Entry
	fresh := 0
	for i, sd := range s.sides {
		n := s.news[i]
		links, err := s.linksOf(ctx, sd, ids(n.items))
		if err != nil {
			return err
		}
		for j := range n.items {
			it := &n.items[j]
			l, has := links[it.ID]
			if has && (full(l) || l.State == state.LinkDetached || l.Code == state.CodeReview && !s.forced[i][it.ID]) {
				continue
			}
			var old *state.Link
			if has {
				old = &l
			}
			if !s.inScope(sd, it, old) {
				continue
			}
			lists[i] = append(lists[i], state.Entry{Keys: s.identity(sd, it)})
			fresh++
		}
	}
	if fresh == 0 && len(s.intents) == 0 && len(s.overrides[0])+len(s.overrides[1]) == 0 {
		s.matches = newMatches()
		return nil
	}
	full := lists
	for i := range s.sides {
		if len(lists[i]) == 0 {
			continue
		}
		more, err := s.related(ctx, s.sides[1-i], lists[i], lists[1-i])
		if err != nil {
			return err
		}
		full[1-i] = append(full[1-i], more...)
	}
	s.matches = s.matchLists(full)
	s.ownDoubts(lists)
	if err := s.takeOver(ctx); err != nil {
		return err
	}
	for i := range s.overrides {
		for id, v := range s.overrides[i] {
			s.matches.of[i][id] = v
		}
	}
	for i, sd := range s.sides {
		for _, e := range lists[i] {
			s.rememberKeys(sd, e.Keys)
		}
		var want []string
		for id := range s.forced[i] {
			if s.matches.of[i][id].kind != unseen && s.held(sd, id) == nil {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		if err := s.fetch(ctx, sd, want); err != nil {
			return err
		}
	}
	return nil
}

// ownDoubts puts doubts to records that this run handles: a new record that may be one which stood alone before is itself in doubt.
func (s *slice) ownDoubts(lists [2][]state.Entry) {
	var fresh [2]map[string]bool
	for i := range lists {
		fresh[i] = map[string]bool{}
		for j := range lists[i] {
			fresh[i][lists[i][j].ID] = true
		}
	}
	for i := range lists {
		of, theirs := s.matches.of[i], s.matches.of[1-i]
		for _, id := range slices.Sorted(maps.Keys(of)) {
			v := of[id]
			if v.kind != doubted || fresh[i][id] {
				continue
			}
			for _, c := range v.candidates {
				if fresh[1-i][c] && theirs[c].kind == candidate {
					theirs[c] = verdict{kind: doubted, candidates: []string{id}, code: v.code}
				}
			}
		}
	}
}

func (s *slice) rememberKeys(sd *side, k plan.Keys) {
	if sd.index != nil {
		k.Linked = false
		sd.index.Add(state.Entry{Keys: k})
	}
}

// related returns the records of side t in the match index that share a key with any of fresh and are not new themselves.
func (s *slice) related(ctx context.Context, t *side, fresh, own []state.Entry) ([]state.Entry, error) {
	entries, err := s.sess.Index(ctx, t.s, s.rec.Generation, s.rec.Chunks[t.i])
	if err != nil {
		return nil, err
	}
	keys := map[uint64]bool{}
	for i := range fresh {
		for _, d := range allKeys(&fresh[i].Keys) {
			keys[d] = true
		}
	}
	skip := map[string]bool{}
	for i := range own {
		skip[own[i].ID] = true
	}
	for _, d := range s.news[t.i].deleted {
		skip[d.ID] = true
	}
	var out []state.Entry
	var list []string
	for _, e := range entries {
		if e.Gone || skip[e.ID] || !slices.ContainsFunc(allKeys(&e.Keys), func(d uint64) bool { return keys[d] }) {
			continue
		}
		out = append(out, e)
		list = append(list, e.ID)
	}
	links, err := s.linksOf(ctx, t, list)
	if err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(e state.Entry) bool {
		l, has := links[e.ID]
		return has && s.spoken(t, &l)
	})
	for i := range out {
		l, has := links[out[i].ID]
		out[i].Linked = has && (full(l) || l.State == state.LinkDetached || l.Code == state.CodeReview || l.Code == state.CodeIgnored)
	}
	return out, nil
}

func allKeys(k *plan.Keys) []uint64 {
	out := append([]uint64{}, k.Emails...)
	out = append(out, k.Phones...)
	for _, d := range []uint64{k.Name, k.NameOrg, k.Mark, k.Own} {
		if d != 0 {
			out = append(out, d)
		}
	}
	return out
}
