package engine

import (
	"fmt"

	"meibo/shared/state"
)

// budget refuses to go on over what a side may lose in a day without being asked (BX4). deletes are by the side that loses. What a
// person allowed goes for as much as they were asked about, and no more.
func (s *slice) budget(deletes [2]int) error {
	s.weighed, s.removed, s.emptying, s.lost = deletes, [2]int{}, [2]int{}, [2]int{}
	for i, sd := range s.sides {
		if err := s.allow(sd, deletes[i], s.rec.Emptied[i], s.sess.Control.Lost(sd.s, s.e.c.Clock.Now())); err != nil {
			return err
		}
	}
	return nil
}

// allow asks a person if a side that lost before in a day would lose too much.
func (s *slice) allow(sd *side, deletes, emptied, before int) error {
	n, links := deletes+emptied, s.sess.Control.Totals.Links
	// What was deleted over the day was among the links when the day began.
	then := links + s.sess.Control.Deleted(sd.s, s.e.c.Clock.Now())
	if n == 0 || s.rec.Discard || n <= s.rec.Allowed[sd.i] || !s.rules.Budget.Over(before+n, then) {
		return nil
	}
	return &approvalError{state.ApprovalRequest{Side: sd.s, Deletes: deletes, Emptied: emptied, Links: links,
		Why: fmt.Sprintf("this run would delete %d and empty fields of %d of %d records in %s: none of that was written; go on once, raise the limit, or discard the deletions",
			deletes, emptied, links, sd.desc.Name)}}
}

// mayRemove counts a deletion that is about to be queued. The budget has weighed those that the survey found; one that only showed
// when its record was read has to fit into what is left.
func (s *slice) mayRemove(sd *side) error {
	s.removed[sd.i]++
	n := s.removed[sd.i]
	if n <= s.weighed[sd.i] {
		return nil
	}
	return s.allow(sd, n, 0, s.sess.Control.Lost(sd.s, s.e.c.Clock.Now())-s.lost[sd.i])
}

// mayEmpty counts a record of which fields are about to be emptied because the CRM's record overwrites it. The budget has weighed those
// that the CRM emptied since; what only a person had filled in the book shows when the record is read, and has to fit into
// what is left. Whoever is asked is asked for all that the run may come to.
func (s *slice) mayEmpty(sd *side) error {
	s.emptying[sd.i]++
	n := s.emptying[sd.i]
	if n <= s.rec.Emptied[sd.i] {
		return nil
	}
	before := s.sess.Control.Lost(sd.s, s.e.c.Clock.Now()) - s.lost[sd.i]
	if s.allow(sd, s.removed[sd.i], n, before) == nil {
		return nil
	}
	return s.allow(sd, s.removed[sd.i], max(n, s.edits[0], len(s.news[0].items)), before)
}
