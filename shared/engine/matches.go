package engine

import (
	"context"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// fate is what matching found out about a record without a partner.
type fate int8

const (
	unseen    fate = iota // it was not there when matching took place
	single                // it has no partner on the other side
	matched               // it has exactly one
	doubted               // a person must say
	candidate             // it may be the partner of a doubted one
)

// verdict is what matching says of one record.
type verdict struct {
	kind       fate
	partner    string
	candidates []string
	code       string
	excluded   bool // single: the rules leave it out
}

// matches has the verdicts on both sides' records, by id.
type matches struct{ of [2]map[string]verdict }

func newMatches() *matches {
	return &matches{of: [2]map[string]verdict{{}, {}}}
}

func (s *slice) match(sd *side, id string) verdict {
	if s.matches == nil {
		return verdict{}
	}
	return s.matches.of[sd.i][id]
}

// matchLists runs the matcher over both lists and notes its verdicts. Records that are linked, or outside the scope, are only ever
// candidates.
func (s *slice) matchLists(lists [2][]state.Entry) *matches {
	m := newMatches()
	keys := [2][]plan.Keys{make([]plan.Keys, len(lists[0])), make([]plan.Keys, len(lists[1]))}
	for i := range lists {
		for j := range lists[i] {
			e := &lists[i][j]
			if keys[i][j] = e.Keys; e.Out && s.sides[i].managed {
				keys[i][j] = plan.Keys{ID: e.ID} // what is outside the connection's own folder is nobody's partner
			}
			if !e.Linked && !e.Out {
				m.of[i][e.ID] = verdict{kind: single, excluded: e.NoEmail}
			}
		}
	}
	s.settleIntents(lists, keys, m)
	s.decideKeys(lists, keys)
	pairs, doubts := plan.Match(keys[0], keys[1])
	for _, p := range pairs {
		e := [2]*state.Entry{&lists[0][p.CRM], &lists[1][p.Book]}
		switch {
		case e[0].Out && e[1].Out:
		case e[0].Out || e[1].Out: // a match outside the chosen group is offered, never touched
			in := 0
			if e[0].Out {
				in = 1
			}
			m.of[in][e[in].ID] = verdict{kind: doubted, candidates: []string{e[1-in].ID}, code: state.CodeGroupElsewere}
		default:
			m.of[0][e[0].ID] = verdict{kind: matched, partner: e[1].ID}
			m.of[1][e[1].ID] = verdict{kind: matched, partner: e[0].ID}
		}
	}
	for _, d := range doubts {
		e, t := &lists[d.Side][d.Record], 1-d.Side
		v := verdict{kind: doubted, code: d.Code}
		for _, j := range d.Candidates {
			c := &lists[t][j]
			v.candidates = append(v.candidates, c.ID)
			if c.Linked || c.Out {
				continue
			}
			if e.Out {
				m.of[t][c.ID] = verdict{kind: doubted, candidates: []string{e.ID}, code: state.CodeGroupElsewere}
			} else if m.of[t][c.ID].kind == single {
				m.of[t][c.ID] = verdict{kind: candidate}
			}
		}
		if !e.Out {
			m.of[d.Side][e.ID] = v
		}
	}
	return m
}

// spoken reports whether a record of the connection's own folder is somebody's for good, so that nobody new can be meant by it: nothing
// is written to the other side, whose vendor tells people apart by itself, and the one whose record it is still stands there.
func (s *slice) spoken(t *side, l *state.Link) bool {
	o := s.other(t)
	return t.managed && o.desc.IDsMove && !s.rules.Direction.Writes(o.s) && full(*l) && l.State == state.LinkActive && !s.goneToo(o, idOf(l, o))
}

// fullMatches matches everything that a survey found.
func (s *slice) fullMatches(ctx context.Context) error {
	if s.matches != nil {
		return nil
	}
	if err := s.loadIntents(ctx); err != nil {
		return err
	}
	var lists [2][]state.Entry
	at := [2]map[string]int{}
	for i, sd := range s.sides {
		var err error
		if lists[i], err = s.sess.Index(ctx, sd.s, s.rec.Generation, s.rec.Surveyed[i]); err != nil {
			return err
		}
		at[i] = make(map[string]int, len(lists[i]))
		for j := range lists[i] {
			at[i][lists[i][j].ID] = j
		}
	}
	s.absent, s.leaving, s.edits = nil, map[string][2]bool{}, [2]int{}
	if s.rec.Fresh { // nothing was linked before, and this run's own links change no verdict
		s.matches = s.matchLists(lists)
		return s.takeOver(ctx)
	}
	totals := state.Totals{}
	err := s.sess.AllLinks(ctx, func(l state.Link) error {
		switch l.State {
		case state.LinkActive:
			totals.Links++
		case state.LinkParked:
			totals.Parked++
		}
		// By this run: matching must not depend on how far it got. What this run has only missed is as it was.
		made := !l.Since.Before(s.rec.Started) && l.State != state.LinkMissing
		was := outside(&l)
		var left, unseen [2]bool
		for i, sd := range s.sides {
			j, seen := at[i][idOf(&l, sd)]
			unseen[i] = !seen
			if !seen {
				left[i] = was[i] && sd.narrow() // it was not there before either; elsewhere it is read by id
				continue
			}
			e := &lists[i][j]
			left[i] = e.Out && !sd.keeps(&l)
			if !full(l) {
				e.Linked = !made && (l.State == state.LinkDetached || l.Code == state.CodeIgnored || l.Code == state.CodeReview)
				continue
			}
			e.Linked = !made || l.State == state.LinkDetached
			if e.Changed {
				s.touched[l.CRM] = true
				s.edits[i]++
			}
		}
		if !full(l) || l.State == state.LinkDetached {
			return nil
		}
		if o := s.sides[1]; unseen == [2]bool{} && s.spoken(o, &l) {
			e := &lists[1][at[1][l.Book]]
			e.Keys = plan.Keys{ID: e.ID, Linked: e.Linked}
		}
		switch {
		case left != [2]bool{}:
			s.leaving[l.CRM] = left
			delete(s.touched, l.CRM)
			if !isOutside(&l) || left != was {
				s.absent = append(s.absent, absentLink{link: l, left: true})
			}
		case made:
		case unseen[0] || unseen[1]:
			s.absent = append(s.absent, absentLink{link: l, unseen: unseen})
		case isOutside(&l), l.State == state.LinkMissing:
			s.touched[l.CRM] = true // it is back
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.sess.Control.Totals.Links, s.sess.Control.Totals.Parked = totals.Links, totals.Parked
	if s.rec.Kind != state.Preview {
		if err := s.reappeared(ctx, lists); err != nil {
			return err
		}
	}
	s.matches = s.matchLists(lists)
	return s.takeOver(ctx)
}

// departed deals with a link whose record on side t is proven gone; it is the other side's record as it is now.
func (s *slice) departed(ctx context.Context, t *side, l state.Link, it *connector.Item) error {
	o := s.other(t)
	if err := s.scopeStands(ctx, t); err != nil {
		return err
	}
	s.forget(t, idOf(&l, t))
	var now [2]plan.Presence
	var edited [2]bool
	now[t.i] = plan.Gone
	edited[o.i], _ = s.changed(o, &l, it)
	if isOutside(&l) || isWithoutEmail(&l) || it.Scope == connector.OutOfScope && !o.keeps(&l) {
		now[o.i] = plan.Left
	}
	s.linked[l.CRM] = true
	if s.waiting(o, it.ID) { // it may have been made again already: the answer to that comes first
		n := l
		n.State, n.Code, n.Since = state.LinkParked, state.CodeWaiting, s.e.c.Clock.Now()
		s.rec.Skipped[n.Code]++
		return s.out.link(ctx, state.LinkChange{Old: &l, New: &n})
	}
	switch action, _ := plan.Decide(s.rules, now, edited); action {
	case plan.DeleteOther:
		return s.out.remove(ctx, o, l, *it)
	case plan.Recreate:
		p := &pairing{old: &l, made: -1, anew: true, mark: s.dig.Mark(o.account(), it.ID)}
		p.now[o.i] = it
		return s.planPair(ctx, p)
	default:
		return s.detach(ctx, l)
	}
}

// detach keeps what is left of a link's records, claimed for good.
func (s *slice) detach(ctx context.Context, l state.Link) error {
	n := l
	n.State, n.Code, n.Since = state.LinkDetached, state.CodeDeletedKept, s.e.c.Clock.Now()
	if s.rec.Discard {
		n.Code = state.CodeDiscarded
	}
	s.rec.Skipped[n.Code]++
	return s.out.link(ctx, state.LinkChange{Old: &l, New: &n})
}
