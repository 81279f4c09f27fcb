package engine

import (
	"context"
	"maps"
	"slices"
	"time"

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
			err = s.handleLinked(ctx, sd, l, it)
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
	if s.rules.RequireEmail && len(s.identity(sd, it).Emails) == 0 {
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
	return s.miss(ctx, *w.old)
}

// miss marks a link of which one side was not seen and nothing is proven.
func (s *slice) miss(ctx context.Context, l state.Link) error {
	s.rec.Skipped[state.CodeMissing]++
	s.again(bothSides[0], l.CRM, time.Hour)
	if l.State == state.LinkMissing {
		return nil
	}
	n := l
	n.State, n.Code, n.Since = state.LinkMissing, state.CodeMissing, s.e.c.Clock.Now()
	return s.out.link(ctx, state.LinkChange{Old: &l, New: &n})
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
	for i := range p.now {
		if p.now[i] == nil && p.out.Write[i] == nil {
			p.failed = &failure{code: state.CodeEmpty}
			return s.out.park(ctx, p)
		}
	}
	return s.out.add(ctx, p)
}

// read reads records by id, in batches.
func (s *slice) read(ctx context.Context, sd *side, want []string) (map[string]connector.Got, error) {
	out := make(map[string]connector.Got, len(want))
	for len(want) > 0 {
		n := min(len(want), max(sd.desc.Batch.Get, 1))
		got, err := sd.open.Connector.Get(ctx, sd.scope.Fields, want[:n])
		if err != nil {
			return nil, sd.wrap(err)
		}
		sd.work.Read += n
		answered(out, want[:n], got)
		want = want[n:]
		if err := s.renew(ctx); err != nil {
			return nil, err
		}
	}
	return out, s.absorbed(ctx, sd, out)
}

// answered adds to out what a vendor said of the records that it was asked for. Of one that it says nothing of, nothing is known.
func answered(out map[string]connector.Got, asked []string, got []connector.Got) {
	said := make(map[string]connector.Got, len(got))
	for _, g := range got {
		said[g.ID] = g
	}
	for _, id := range asked {
		g, ok := said[id]
		if !ok || g.Status == connector.StatusFound && g.Item.ID == "" {
			g = connector.Got{ID: id, Status: connector.StatusFailed, Err: connector.ErrTransient}
		}
		out[id] = g
	}
}

// absorbed takes records for gone that the vendor has merged into one that is linked already: nobody can be in two links.
func (s *slice) absorbed(ctx context.Context, sd *side, got map[string]connector.Got) error {
	var into []string
	for _, g := range got {
		if g.Status == connector.StatusFound && g.Item.ID != g.ID {
			into = append(into, g.Item.ID)
		}
	}
	links, err := s.linksOf(ctx, sd, into)
	if err != nil {
		return err
	}
	for id, g := range got {
		if l, has := links[g.Item.ID]; has && g.Status == connector.StatusFound && g.Item.ID != id && full(l) {
			got[id] = connector.Got{ID: id, Status: connector.StatusGone}
		}
	}
	return nil
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
