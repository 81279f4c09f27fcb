package engine

import (
	"context"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// reappeared moves the links of records that are gone to new ones of the same side that say the same, one to one, as the match
// index of the runs before knows them: somebody deleted a person and made them again.
func (s *slice) reappeared(ctx context.Context, lists [2][]state.Entry) error {
	if len(s.absent) == 0 {
		return nil
	}
	if _, err := s.readAbsent(ctx); err != nil {
		return err
	}
	if err := s.moved(ctx, lists); err != nil {
		return err
	}
	if s.sess.Control.Generation == s.rec.Generation {
		return s.out.saveLinks(ctx)
	}
	for i, sd := range s.sides {
		was := map[string]int{} // place in s.absent
		for j := range s.absent {
			if s.vacant(&s.absent[j], i) && !s.gone(&s.absent[j], 1-i) {
				was[idOf(&s.absent[j].link, sd)] = j
			}
		}
		if len(was) == 0 {
			continue
		}
		before, err := s.sess.Index(ctx, sd.s, s.sess.Control.Generation, s.sess.Control.Chunks[i])
		if err != nil {
			return err
		}
		var gone, fresh []plan.Keys
		var at []int
		s.unlisted[i] = nil
		former := map[string]plan.Keys{} // who linked records were that have changed since
		for j := range lists[i] {
			if e := &lists[i][j]; s.turned(sd, e) {
				former[e.ID] = plan.Keys{}
			}
		}
		for _, e := range before {
			if _, has := former[e.ID]; has {
				former[e.ID] = e.Keys
			}
			if _, is := was[e.ID]; is && !e.Gone {
				if sd.desc.IDsMove {
					s.unlisted[i] = append(s.unlisted[i], e)
				}
				e.Keys.Mark, e.Keys.Own = 0, 0
				gone = append(gone, e.Keys)
			}
		}
		for j := range lists[i] {
			if e := &lists[i][j]; (!e.Linked || s.turned(sd, e)) && !e.Out {
				k := e.Keys
				k.Mark, k.Own = 0, 0
				fresh, at = append(fresh, k), append(at, j)
			}
		}
		pairs := unmerged(s.successors(sd, gone, fresh), gone, fresh, former)
		var news []string
		for _, p := range pairs {
			news = append(news, fresh[p.Book].ID)
		}
		linked, err := s.linksOf(ctx, sd, news)
		if err != nil {
			return err
		}
		o := s.other(sd)
		var partners []string
		for _, p := range pairs {
			partners = append(partners, idOf(&s.absent[was[gone[p.CRM].ID]].link, o))
		}
		theirs, err := s.read(ctx, o, partners)
		if err != nil {
			return err
		}
		done := map[string]bool{}
		for n, p := range pairs {
			if theirs[partners[n]].Status != connector.StatusFound {
				continue // where the partner is gone too, the new record stands for itself
			}
			if l, has := linked[fresh[p.Book].ID]; has {
				if lists[i][at[p.Book]].Linked && full(l) { // it was merged into that one
					s.absences[i][gone[p.CRM].ID] = absent{status: connector.StatusGone}
				}
				continue
			}
			old := s.absent[was[gone[p.CRM].ID]].link
			moved := old
			setID(&moved, sd, fresh[p.Book].ID)
			moved.State, moved.Code = state.LinkMissing, state.CodeMissing // until it is merged, whatever happens to this slice
			if err := s.out.link(ctx, state.LinkChange{Old: &old, New: &moved}); err != nil {
				return err
			}
			lists[i][at[p.Book]].Linked = true
			s.unlisted[i] = slices.DeleteFunc(s.unlisted[i], func(e state.Entry) bool { return e.ID == gone[p.CRM].ID })
			s.touched[moved.CRM] = true
			done[old.CRM] = true
		}
		s.absent = slices.DeleteFunc(s.absent, func(a absentLink) bool { return done[a.link.CRM] })
	}
	return s.out.saveLinks(ctx)
}

// turned reports whether a listed record is linked, and so changed that another may have been merged into it.
func (s *slice) turned(sd *side, e *state.Entry) bool {
	return e.Linked && e.Changed && sd.desc.IDsMove && s.believed(sd.i)
}

// moved gives links the new ids of records that reading by the old ones brought.
func (s *slice) moved(ctx context.Context, lists [2][]state.Entry) error {
	for i, sd := range s.sides {
		listed := map[string]*state.Entry{}
		for j := range s.absent {
			a := &s.absent[j]
			now := s.absences[i][idOf(&a.link, sd)].moved
			if now == "" {
				continue
			}
			if len(listed) == 0 {
				for k := range lists[i] {
					listed[lists[i][k].ID] = &lists[i][k]
				}
			}
			if e := listed[now]; e != nil && e.Linked { // it was merged into a record that has a partner of its own
				s.absences[i][idOf(&a.link, sd)] = absent{status: connector.StatusGone}
				continue
			}
			old, crm := a.link, a.link.CRM
			setID(&a.link, sd, now)
			next := a.link
			if err := s.out.link(ctx, state.LinkChange{Old: &old, New: &next}); err != nil {
				return err
			}
			a.link.V++
			delete(s.touched, crm)
			s.touched[a.link.CRM] = true
			if e := listed[now]; e != nil {
				e.Linked, a.unseen[i] = true, false
			}
			s.absences[i][now] = absent{status: connector.StatusFound, scope: s.absences[i][idOf(&old, sd)].scope}
		}
	}
	s.absent = slices.DeleteFunc(s.absent, func(a absentLink) bool { return !a.left && a.unseen == [2]bool{} })
	return s.out.saveLinks(ctx)
}

// takeOver moves links to the records that open creates turned out to have made again. Their bases no longer count.
func (s *slice) takeOver(ctx context.Context) error {
	for i, sd := range s.sides {
		made := map[string]string{} // by source
		var sources []string
		for id := range s.recovered[i] {
			source := s.matches.of[i][id].partner
			made[source] = id
			sources = append(sources, source)
		}
		links, err := s.linksOf(ctx, s.other(sd), sources)
		if err != nil {
			return err
		}
		for source, l := range links {
			if !full(l) || idOf(&l, sd) == made[source] {
				continue
			}
			n := l
			setID(&n, sd, made[source])
			n.Made, n.CRMBase, n.BookBase, n.CRMVersion, n.BookVersion = sd.s, nil, nil, "", ""
			n.State, n.Code, n.Since = state.LinkParked, state.CodeWaiting, s.e.c.Clock.Now()
			if err := s.out.link(ctx, state.LinkChange{Old: &l, New: &n}); err != nil {
				return err
			}
			s.absent = slices.DeleteFunc(s.absent, func(a absentLink) bool { return a.link.CRM == l.CRM })
			s.touched[n.CRM] = true
		}
	}
	return s.out.saveLinks(ctx)
}
