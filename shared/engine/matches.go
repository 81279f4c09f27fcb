package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
	"meibo/shared/store"
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
			keys[i][j] = e.Keys
			if !e.Linked && !e.Out {
				m.of[i][e.ID] = verdict{kind: single}
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

// decideKeys takes what a person decided about out of the matching: those that are the same are linked, those that are not stand
// for themselves.
func (s *slice) decideKeys(lists [2][]state.Entry, keys [2][]plan.Keys) {
	for i := range lists {
		for j := range lists[i] {
			switch s.overrides[i][lists[i][j].ID].kind {
			case matched:
				lists[i][j].Linked, keys[i][j].Linked = true, true
			case single:
				keys[i][j] = plan.Keys{ID: lists[i][j].ID}
			}
		}
	}
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
		made := !l.Since.Before(s.rec.Started) // by this run: matching must not depend on how far it got
		was := outside(&l)
		var left, unseen [2]bool
		for i, sd := range s.sides {
			j, seen := at[i][idOf(&l, sd)]
			unseen[i] = !seen
			if !seen {
				left[i] = was[i] && len(sd.scope.Groups) > 0 // it was not there before either
				continue
			}
			e := &lists[i][j]
			left[i] = e.Out && l.Made != sd.s
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
		case isOutside(&l):
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
			if s.gone(&s.absent[j], i) && !s.gone(&s.absent[j], 1-i) {
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
		for _, e := range before {
			if _, is := was[e.ID]; is && !e.Gone {
				e.Keys.Mark, e.Keys.Own = 0, 0
				gone = append(gone, e.Keys)
			}
		}
		for j := range lists[i] {
			if e := &lists[i][j]; !e.Linked && !e.Out {
				k := e.Keys
				k.Mark, k.Own = 0, 0
				fresh, at = append(fresh, k), append(at, j)
			}
		}
		pairs, _ := plan.Match(gone, fresh)
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
			if _, has := linked[fresh[p.Book].ID]; has || theirs[partners[n]].Status != connector.StatusFound {
				continue // where the partner is gone too, the new record stands for itself
			}
			old := s.absent[was[gone[p.CRM].ID]].link
			moved := old
			setID(&moved, sd, fresh[p.Book].ID)
			if err := s.out.link(ctx, state.LinkChange{Old: &old, New: &moved}); err != nil {
				return err
			}
			lists[i][at[p.Book]].Linked = true
			s.touched[moved.CRM] = true
			done[old.CRM] = true
		}
		s.absent = slices.DeleteFunc(s.absent, func(a absentLink) bool { return done[a.link.CRM] })
	}
	return s.out.saveLinks(ctx)
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

// doubt puts a record on the review list, with those that it may be.
func (s *slice) doubt(ctx context.Context, sd *side, id string, candidates []string, code string, old *state.Link) error {
	if waits, err := s.inReview(ctx, old); waits || err != nil {
		return err
	}
	s.rec.Review++
	s.sess.Control.Totals.Review++
	s.changes = true
	r := state.Review{ID: s.reviewID(sd, id), Side: sd.s, Record: id, Candidates: candidates, Code: code, Since: s.e.c.Clock.Now()}
	if err := s.sess.SaveReview(ctx, r); err != nil {
		return err
	}
	l := state.Link{State: state.LinkParked, Code: state.CodeReview, Detail: r.ID, Since: r.Since}
	setID(&l, sd, id)
	return s.out.link(ctx, state.LinkChange{Old: old, New: &l})
}

// inReview reports whether a record has its entry on the review list.
func (s *slice) inReview(ctx context.Context, l *state.Link) (bool, error) {
	if l == nil || l.Code != state.CodeReview || l.Detail == "" {
		return false, nil
	}
	_, err := s.repo.Review(ctx, s.ask.Tenant, s.ask.Connection, l.Detail)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// reviewID sorts by time, and is the same for a record however often a run comes to it.
func (s *slice) reviewID(sd *side, id string) string {
	d := s.keys.Digest("review", []byte(sd.s), []byte(id))
	return fmt.Sprintf("%s-%x", s.rec.ID, d[:6])
}

// unreview takes a record that is no longer there off the review list, and has those that waited for it looked at again.
func (s *slice) unreview(ctx context.Context, sd *side, l *state.Link) error {
	if l.Code != state.CodeReview {
		return nil
	}
	if l.Detail == "" { // a candidate: see dropCandidates
		return nil
	}
	r, err := s.repo.Review(ctx, s.ask.Tenant, s.ask.Connection, l.Detail)
	if err != nil {
		return ignoreAbsent(err)
	}
	for _, c := range r.Candidates {
		s.again(s.other(sd).s, c, retrySoon)
	}
	s.sess.Control.Totals.Review--
	s.changes = true
	return s.sess.RemoveReview(ctx, r.ID)
}

// dropCandidates takes records of side sd off every entry of the review list that offers them. An entry that offers nobody any more
// goes, and its record is looked at again.
func (s *slice) dropCandidates(ctx context.Context, sd *side, ids map[string]bool) error {
	for after := ""; ; {
		list, next, err := s.repo.Reviews(ctx, s.ask.Tenant, s.ask.Connection, 100, after)
		if err != nil {
			return err
		}
		for _, r := range list {
			offered := len(r.Candidates)
			r.Candidates = slices.DeleteFunc(r.Candidates, func(c string) bool { return ids[c] })
			if r.Side == sd.s || len(r.Candidates) == offered {
				continue
			}
			s.changes = true
			if len(r.Candidates) > 0 {
				err = s.sess.SaveReview(ctx, r)
			} else {
				s.again(r.Side, r.Record, retrySoon)
				s.sess.Control.Totals.Review--
				err = s.sess.RemoveReview(ctx, r.ID)
			}
			if err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
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
	if isOutside(&l) || it.Scope == connector.OutOfScope && l.Made != o.s {
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
