package engine

import (
	"context"
	"maps"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/state"
)

// absentLink is a link that a full survey found out of place: a record of it was not named, or left the scope.
type absentLink struct {
	link   state.Link
	unseen [2]bool
	left   bool
}

// absent is what reading a record by id says of one that its listing did not name.
type absent struct {
	status connector.Status
	scope  connector.Membership
	moved  string // its id by now, if that is another
}

// readAbsent reads by id the records that a complete listing did not name, and counts the deletions that would travel, by the side
// that loses. Values are not kept. Where the slice's time is up before all are read, what was told is kept and a later slice goes on.
func (s *slice) readAbsent(ctx context.Context) ([2]int, error) {
	var lose [2]int
	for i, sd := range s.sides {
		if err := s.recallAbsences(ctx, i); err != nil {
			return lose, err
		}
		var want []string
		for _, a := range s.absent {
			if _, read := s.absences[i][idOf(&a.link, sd)]; a.unseen[i] && !read {
				want = append(want, idOf(&a.link, sd))
			}
		}
		for len(want) > 0 {
			n := min(len(want), max(sd.desc.Batch.Get, 1))
			got, err := s.read(ctx, sd, want[:n])
			if err != nil {
				return lose, err
			}
			for id, g := range got {
				is := absent{status: g.Status, scope: g.Item.Scope}
				if g.Status == connector.StatusFound && g.Item.ID != id {
					is.moved = g.Item.ID
				}
				s.absences[i][id], s.told[i][id] = is, is
			}
			if want = want[n:]; len(want) > 0 && s.timeUp() {
				return lose, s.pauseAbsences(ctx)
			}
		}
	}
	for _, a := range s.absent {
		gone := [2]bool{s.gone(&a, 0), s.gone(&a, 1)}
		for i := range gone {
			o := s.sides[1-i]
			if gone[i] && !gone[1-i] && !isWithoutEmail(&a.link) && s.rules.Direction.Writes(o.s) && s.rules.Deletes.To(o.s) {
				lose[o.i]++
			}
		}
	}
	return lose, nil
}

// applyAbsent deals with links that the survey found out of place, a batch at a time.
func (s *slice) applyAbsent(ctx context.Context) error {
	if len(s.absent) > 0 && s.absences[0] == nil {
		if _, err := s.readAbsent(ctx); err != nil {
			return err
		}
	}
	if err := s.keepUnlisted(ctx); err != nil {
		return err
	}
	size := max(min(s.sides[0].desc.Batch.Get, s.sides[1].desc.Batch.Get), 1)
	list := s.absent
	s.absent = nil
	for len(list) > 0 {
		n := min(len(list), size)
		if err := s.applyAbsentBatch(ctx, list[:n]); err != nil {
			return err
		}
		if list = list[n:]; len(list) > 0 && s.timeUp() {
			if err := s.drain(ctx); err != nil {
				return err
			}
			return s.pauseAbsences(ctx)
		}
	}
	return nil
}

// recallAbsences begins with what an earlier slice of the run was told of a side.
func (s *slice) recallAbsences(ctx context.Context, i int) error {
	if s.absences[i] != nil {
		return nil
	}
	all, told := map[string]absent{}, map[string]absent{}
	if s.rec.Absences[i] > 0 {
		kept, err := s.sess.Absences(ctx, s.rec.ID, s.sides[i].s)
		if err != nil {
			return err
		}
		for id, a := range kept {
			all[id] = absent{connector.Status(a.Status), connector.Membership(a.Scope), a.Moved}
		}
	}
	s.absences[i], s.told[i] = all, told
	return nil
}

// pauseAbsences keeps what was told in this slice, and ends it.
func (s *slice) pauseAbsences(ctx context.Context) error {
	for i, sd := range s.sides {
		for ids := range slices.Chunk(slices.Sorted(maps.Keys(s.told[i])), state.MaxAbsences) {
			part := make(map[string]state.Absence, len(ids))
			for _, id := range ids {
				a := s.told[i][id]
				part[id] = state.Absence{Status: int8(a.status), Scope: int8(a.scope), Moved: a.moved}
			}
			if err := s.sess.SaveAbsences(ctx, s.rec.ID, sd.s, s.rec.Absences[i], part); err != nil {
				return err
			}
			s.rec.Absences[i]++
		}
		s.told[i] = nil
	}
	if err := s.checkpoint(ctx); err != nil {
		return err
	}
	return errPause
}

// hidden reports whether a record that a complete listing did not name could not be read by id either.
func (s *slice) hidden(a *absentLink, i int) bool {
	return a.unseen[i] && s.absences[i][idOf(&a.link, s.sides[i])].status == connector.StatusInvisible
}

func (s *slice) applyAbsentBatch(ctx context.Context, list []absentLink) error {
	var want [2][]string
	var read []absentLink
	for _, a := range list {
		if s.linked[a.link.CRM] {
			continue
		}
		switch left := s.outOfListing(&a); {
		case a.left:
			if err := s.leave(ctx, a.link, s.leaving[a.link.CRM]); err != nil {
				return err
			}
		case left != [2]bool{}:
			for i, sd := range s.sides { // it is there
				if left[i] {
					if err := s.seen(ctx, sd, &a.link); err != nil {
						return err
					}
				}
			}
			if err := s.leave(ctx, a.link, left); err != nil {
				return err
			}
		default:
			read = append(read, a)
			for i, sd := range s.sides {
				if !s.gone(&a, i) && !s.hidden(&a, i) {
					want[i] = append(want[i], idOf(&a.link, sd))
				}
			}
		}
	}
	var got [2]map[string]connector.Got
	for i, sd := range s.sides {
		var err error
		if got[i], err = s.read(ctx, sd, want[i]); err != nil {
			return err
		}
	}
	for _, a := range read {
		var is [2]connector.Got
		for i, sd := range s.sides {
			id := idOf(&a.link, sd)
			switch {
			case s.gone(&a, i):
				is[i] = connector.Got{ID: id, Status: connector.StatusGone}
			case s.hidden(&a, i): // it was asked for in this run: once is enough where each costs a call
				is[i] = connector.Got{ID: id, Status: connector.StatusInvisible}
			default:
				is[i] = got[i][id]
			}
		}
		s.linked[a.link.CRM] = true
		if err := s.decideAbsent(ctx, a.link, is, a.unseen); err != nil {
			return err
		}
	}
	return nil
}

// outOfListing returns the sides on which a record is there and was not named by the listing of its groups, if that is all that is
// wrong with the link.
func (s *slice) outOfListing(a *absentLink) (left [2]bool) {
	for i, sd := range s.sides {
		if !a.unseen[i] {
			continue
		}
		is := s.absences[i][idOf(&a.link, sd)]
		if is.status != connector.StatusFound {
			return [2]bool{}
		}
		left[i] = sd.excludes(is.scope) && !sd.keeps(&a.link)
	}
	return left
}

// decideAbsent deals with one link of which both records were read by id. unnamed are the sides whose complete listing did not name them.
func (s *slice) decideAbsent(ctx context.Context, l state.Link, got [2]connector.Got, unnamed [2]bool) error {
	gone := func(i int) bool { return got[i].Status == connector.StatusGone }
	found := func(i int) bool { return got[i].Status == connector.StatusFound }
	switch {
	case gone(0) && gone(1):
		s.forget(s.sides[0], l.CRM)
		s.forget(s.sides[1], l.Book)
		return s.out.link(ctx, state.LinkChange{Old: &l})
	case gone(0) && found(1):
		it := got[1].Item
		return s.departed(ctx, s.sides[0], l, &it)
	case gone(1) && found(0):
		it := got[0].Item
		return s.departed(ctx, s.sides[1], l, &it)
	case found(0) && found(1):
		p := &pairing{old: &l, made: -1}
		for i := range got {
			it := got[i].Item
			p.now[i] = &it
		}
		return s.planPair(ctx, p)
	}
	var unshown [2]bool
	for i, sd := range s.sides {
		if unshown[i] = unnamed[i] && got[i].Status == connector.StatusInvisible; !found(i) {
			continue
		}
		if err := s.seen(ctx, sd, &l); err != nil {
			return err
		}
	}
	return s.miss(ctx, l, unshown)
}
