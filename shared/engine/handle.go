package engine

import (
	"context"
	"maps"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// handle plans what to do about records of side sd as they are now, and queues it.
func (s *slice) handle(ctx context.Context, sd *side, items []connector.Item) error {
	links, err := s.linksOf(ctx, sd, ids(items))
	if err != nil {
		return err
	}
	seen := make(map[string]bool, len(items))
	for i := range items {
		it := &items[i]
		if seen[it.ID] {
			continue // a page may name a record twice
		}
		seen[it.ID] = true
		l, linked := links[it.ID]
		switch {
		case linked && full(l):
			err = s.handleSeen(ctx, sd, l, it)
		case linked:
			err = s.handleAlone(ctx, sd, &l, it)
		default:
			err = s.handleNew(ctx, sd, nil, it)
		}
		if err != nil {
			return err
		}
	}
	return s.givePhotos(ctx, false)
}

// handleSeen is for a record that has a partner and that its vendor has just shown.
func (s *slice) handleSeen(ctx context.Context, sd *side, l state.Link, it *connector.Item) error {
	if s.linked[l.CRM] {
		return nil
	}
	if err := s.seen(ctx, sd, &l); err != nil {
		return err
	}
	return s.handleLinked(ctx, sd, l, it)
}

// handleLinked is for a record that has a partner.
func (s *slice) handleLinked(ctx context.Context, sd *side, l state.Link, it *connector.Item) error {
	if s.linked[l.CRM] || l.State == state.LinkDetached {
		return nil
	}
	if s.waiting(sd, it.ID) {
		s.rec.Skipped[state.CodeWaiting]++
		return nil // its record on the other side may have been made again unseen
	}
	if left := s.left(sd, &l, it); left != [2]bool{} {
		return s.leave(ctx, l, left)
	}
	if l.State == state.LinkActive && !s.touched[l.CRM] {
		if s.duePhoto(sd, &l, it) {
			return nil
		}
		if changed, _ := s.changed(sd, &l, it); !changed && (sd.i == 1 || !l.PhotoDue || sd.photos == nil) {
			if ownWrite(&l, sd, it) {
				err := s.adopt(ctx, sd, l, it)
				if err == nil && sd.i == 1 {
					s.lookAtPhoto(&l, it)
				}
				return err
			}
			s.unchanged++
			if sd.i == 1 {
				s.lookAtPhoto(&l, it)
			}
			return nil
		}
	}
	return s.pair(ctx, sd, &l, it, idOf(&l, s.other(sd)))
}

// left returns the sides on which a link's record is outside the scope, now that it was seen on side sd. A record that Meibo made
// stays in scope on its side, whatever a group or view says; where the other side stands was decided when it was last seen.
func (s *slice) left(sd *side, l *state.Link, it *connector.Item) [2]bool {
	if s.leaving != nil {
		return s.leaving[l.CRM]
	}
	left := outside(l)
	switch {
	case it.Scope == connector.InScope || s.entered[sd.i][it.ID] || sd.keeps(l):
		left[sd.i] = false
	case it.Scope == connector.OutOfScope:
		left[sd.i] = true
	}
	return left
}

func isOutside(l *state.Link) bool {
	return l.State == state.LinkParked && l.Code == state.CodeLeftScope
}

// outside returns the sides on which a link is known to be outside the scope.
func outside(l *state.Link) (left [2]bool) {
	if !isOutside(l) {
		return left
	}
	for _, side := range l.Left {
		left[plan.Index(side)] = true
	}
	return left
}

// leave parks a link of which a record left the scope. Nothing is deleted, and both ids stay claimed.
func (s *slice) leave(ctx context.Context, l state.Link, left [2]bool) error {
	s.linked[l.CRM] = true
	was := outside(&l)
	if isOutside(&l) && was == left {
		return nil
	}
	n := l
	n.State, n.Code, n.Field, n.Detail, n.Since, n.Left = state.LinkParked, state.CodeLeftScope, "", "", s.e.c.Clock.Now(), nil
	for i, sd := range s.sides {
		if !left[i] {
			continue
		}
		n.Left = append(n.Left, sd.s)
		if !was[i] {
			if err := s.scopeStands(ctx, sd); err != nil {
				return err
			}
		}
	}
	s.rec.Skipped[state.CodeLeftScope]++
	return s.out.link(ctx, state.LinkChange{Old: &l, New: &n})
}

// handleAlone is for a record that has an item of its own and no partner: why it was left alone decides whether it is looked at
// again now.
func (s *slice) handleAlone(ctx context.Context, sd *side, l *state.Link, it *connector.Item) error {
	if l.State == state.LinkDetached {
		return nil
	}
	if s.forced[sd.i][it.ID] {
		return s.handleNew(ctx, sd, l, it)
	}
	switch l.Code {
	case state.CodeReview:
		return nil
	case state.CodeIgnored, state.CodeDiscarded:
		if s.rec.Kind != state.Incremental {
			return nil
		}
	}
	return s.handleNew(ctx, sd, l, it)
}

// handleNew is for a record without a partner. old is its item, if it has one.
func (s *slice) handleNew(ctx context.Context, sd *side, old *state.Link, it *connector.Item) error {
	if !s.inScope(sd, it, old) {
		if old != nil && it.Scope == connector.OutOfScope {
			return s.release(ctx, sd, old, it.ID)
		}
		return nil
	}
	if s.waiting(sd, it.ID) {
		s.rec.Skipped[state.CodeWaiting]++
		return nil // it may have been created; see intents.go
	}
	if s.begun[sd.i][it.ID] {
		return nil // a listing may name a record twice
	}
	s.begun[sd.i][it.ID] = true
	m := s.match(sd, it.ID)
	switch m.kind {
	case unseen:
		return nil // made since the survey: the next run's change listing has it
	case matched:
		if sd.i == 1 && s.rec.Kind != state.Incremental {
			return nil // handled with its partner
		}
		return s.pair(ctx, sd, old, it, m.partner)
	case doubted:
		return s.doubt(ctx, sd, it.ID, m.candidates, m.code, old)
	case candidate:
		return s.alone(ctx, sd, old, it.ID, state.CodeReview)
	}
	return s.create(ctx, sd, old, it)
}

// inScope reports whether a record without a partner is to be synced. One that has an item of its own was in scope before, and is
// until a listing or a scan says otherwise.
func (s *slice) inScope(sd *side, it *connector.Item, old *state.Link) bool {
	return it.Scope == connector.InScope || s.forced[sd.i][it.ID] || old != nil && it.Scope == connector.ScopeUnknown
}

// release forgets a record without a partner, and takes it off the review list.
func (s *slice) release(ctx context.Context, sd *side, old *state.Link, id string) error {
	s.forget(sd, id)
	if err := s.unreview(ctx, sd, old); err != nil {
		return err
	}
	return s.out.link(ctx, state.LinkChange{Old: old})
}

// create plans a new record on the other side.
func (s *slice) create(ctx context.Context, sd *side, old *state.Link, it *connector.Item) error {
	t := s.other(sd)
	if !s.rules.Direction.Writes(t.s) {
		s.rec.Skipped[state.CodeOneWay]++
		if old != nil { // why it was parked no longer matters
			return s.out.link(ctx, state.LinkChange{Old: old})
		}
		return nil
	}
	code, err := s.excluded(ctx, sd, it)
	if err != nil {
		return err
	}
	if code != "" {
		return s.alone(ctx, sd, old, it.ID, code)
	}
	if s.capped() {
		s.sess.Control.Held, s.heldNow = true, true
		return s.alone(ctx, sd, old, it.ID, state.CodeCap)
	}
	p := &pairing{old: old, made: -1, mark: s.dig.Mark(sd.account(), it.ID)}
	p.now[sd.i] = it
	s.rec.Taken++
	return s.planPair(ctx, p)
}

// excluded returns why the rules leave a new record out, or "".
func (s *slice) excluded(ctx context.Context, sd *side, it *connector.Item) (string, error) {
	if s.lacksEmail(it) {
		return state.CodeNoEmail, nil
	}
	if !s.rules.SkipImported || sd.i != 0 {
		return "", nil
	}
	r, ok := sd.open.Connector.(connector.ProvenanceReader)
	if !ok {
		return "", nil
	}
	sd.work.Provenance++
	how, err := r.Provenance(ctx, it.ID)
	if err != nil {
		return "", sd.wrap(err)
	}
	if how == connector.ProvenanceImported {
		return state.CodeImported, nil
	}
	return "", nil
}

// capped reports whether the tenant's cap on this run is used up (ZG9).
func (s *slice) capped() bool {
	most := s.rules.Caps.Later
	if s.rec.Kind == state.Initial {
		most = s.rules.Caps.First
	}
	return most > 0 && s.rec.Taken >= most
}

// alone gives a record without a partner an item that says why it stays alone.
func (s *slice) alone(ctx context.Context, sd *side, old *state.Link, id, code string) error {
	s.rec.Skipped[code]++
	if old != nil && old.Code == code {
		return nil
	}
	l := state.Link{State: state.LinkParked, Code: code, Since: s.e.c.Clock.Now()}
	setID(&l, sd, id)
	return s.out.link(ctx, state.LinkChange{Old: old, New: &l})
}

// remember puts a record into the match index as it is now; forget takes it out, once what follows from its absence is durable:
// until then a killed run needs to know who it was.
func (s *slice) remember(sd *side, it *connector.Item) {
	if sd.index != nil {
		sd.index.Add(state.Entry{Keys: s.identity(sd, it), Out: it.Scope == connector.OutOfScope})
	}
}

func (s *slice) forget(sd *side, id string) {
	if s.forgotten[sd.i] == nil {
		s.forgotten[sd.i] = map[string]bool{}
	}
	s.forgotten[sd.i][id] = true
}

// forgetAll carries out what forget was told, for the review list too.
func (s *slice) forgetAll(ctx context.Context) error {
	for i, sd := range s.sides {
		list := s.forgotten[i]
		if s.forgotten[i] = nil; len(list) == 0 {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(list)) {
			if sd.index != nil {
				sd.index.Add(state.Entry{Keys: plan.Keys{ID: id}, Gone: true})
			}
		}
		if s.sess.Control.Totals.Review > 0 {
			if err := s.dropCandidates(ctx, sd, list); err != nil {
				return err
			}
		}
	}
	return nil
}
