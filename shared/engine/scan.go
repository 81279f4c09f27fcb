package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/state"
)

// errSurvey says that an incremental run can only go on as one with full listings.
var errSurvey = errors.New("the run needs full listings")

// scanLater is how long a scan is put off for which the vendor has no room, at least. The rest of the run goes on without it.
const scanLater = 10 * time.Minute

// scan lists the ids in the scope of a side whose change listing does not tell who is in it, or who was deleted. It parks the links
// that left, adds proven deletions to the news, and returns the ids that came in.
func (s *slice) scan(ctx context.Context, sd *side) ([]string, error) {
	scanner, ok := sd.open.Connector.(connector.MemberScanner)
	if !ok {
		return nil, nil
	}
	members := s.membersDue(sd.i)
	deletions := s.sess.Control.Sides[sd.i].ScanEvery > 0
	began := s.e.c.Clock.Now()
	in, fresh, err := s.listIDs(ctx, sd, scanner, members)
	if err != nil {
		return nil, s.scanPutOff(sd, err)
	}
	var absent, known, back []string
	err = s.sess.AllLinks(ctx, func(l state.Link) error {
		id := idOf(&l, sd)
		if id == "" {
			return nil
		}
		left := outside(&l)
		now := s.held(sd, id)
		_, is := in[s.dig.Key("id", id)]
		delete(fresh, id)
		if is && full(l) {
			if err := s.seen(ctx, sd, &l); err != nil {
				return err
			}
		}
		switch {
		case is && left[sd.i] && members:
			back = append(back, id)
		case is || l.State == state.LinkDetached || now != nil && now.Scope == connector.InScope:
		case deletions && now == nil:
			switch {
			case s.goneToo(sd, id) || s.news[sd.i].moves(id):
			case l.State == state.LinkActive:
				absent = append(absent, id)
			default:
				known = append(known, id)
			}
		case !members: // it is there
		case !full(l):
			return s.release(ctx, sd, &l, id)
		case !sd.keeps(&l) && !left[sd.i]:
			left[sd.i] = true
			return s.leave(ctx, l, left)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.out.saveLinks(ctx); err != nil {
		return nil, err
	}
	s.swept[sd.i] = deletions
	if err := s.readUnnamed(ctx, sd, append(absent, s.rotated(known)...), began); err != nil {
		s.swept[sd.i] = false
		return nil, s.scanPutOff(sd, err)
	}
	if !members {
		return nil, nil
	}
	return s.enter(ctx, sd, fresh, back)
}

// listIDs returns digests of all ids that the scope has now, and with names the ids themselves.
func (s *slice) listIDs(ctx context.Context, sd *side, scanner connector.MemberScanner, names bool) (map[uint64]struct{}, map[string]bool, error) {
	in, fresh := map[uint64]struct{}{}, map[string]bool{}
	var again repeats
	for cursor := ""; ; {
		ids, next, err := scanner.Members(ctx, sd.scope, cursor)
		if err != nil {
			return nil, nil, sd.wrap(err)
		}
		before := len(in)
		for _, id := range ids {
			in[s.dig.Key("id", id)] = struct{}{}
			if names {
				fresh[id] = true
			}
		}
		if next == "" {
			return in, fresh, nil
		}
		if again.page(cursor, next) || again.nothingNew(len(in) > before) {
			return nil, nil, sd.wrap(connector.ErrTransient)
		}
		cursor = next
		if err := s.renew(ctx); err != nil {
			return nil, nil, err
		}
	}
}

// scanPutOff has a scan that the vendor had no room for come later, so that it does not hold up the changes. Other errors are
// returned.
func (s *slice) scanPutOff(sd *side, err error) error {
	var throttled *connector.ThrottledError
	after := scanLater
	switch {
	case errors.As(err, &throttled):
		after = max(after, min(throttled.After, longestThrottle))
	case !errors.Is(err, connector.ErrTransient):
		return err
	}
	s.sess.Control.Sides[sd.i].ScanFrom = s.e.c.Clock.Now().Add(after)
	s.changes = true
	return nil
}

// readUnnamed reads by id the linked records that a scan of deletions, begun at a time, did not name: what is gone joins the news, what
// is there left the scope, and what is neither is missing.
func (s *slice) readUnnamed(ctx context.Context, sd *side, list []string, began time.Time) error {
	for i, ids := range slices.Collect(slices.Chunk(list, max(sd.desc.Batch.Get, 1))) {
		if i > 0 && s.timeUp() { // the next scan goes on with those that are left
			return sd.wrap(connector.ErrTransient)
		}
		got, err := s.read(ctx, sd, ids)
		if err != nil {
			return err
		}
		links, err := s.linksOf(ctx, sd, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			l, has := links[id]
			if !has {
				continue
			}
			if err := s.unnamed(ctx, sd, &l, got[id], began); err != nil {
				return err
			}
		}
	}
	return nil
}

// rotated begins each time somewhere else in a list, so that scans for which there is never time enough get round to all of it.
func (s *slice) rotated(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	n := int(s.e.c.Clock.Now().Unix()) % len(list)
	return slices.Concat(list[n:], list[:n])
}

func (s *slice) unnamed(ctx context.Context, sd *side, l *state.Link, g connector.Got, began time.Time) error {
	n := s.news[sd.i]
	if g.Status == connector.StatusFound && full(*l) {
		if err := s.seen(ctx, sd, l); err != nil {
			return err
		}
	}
	switch {
	case g.Status == connector.StatusInvisible && full(*l) && sd.desc.IDsMove && s.longUnshown(l, sd.i, began):
		return errSurvey // who it may have been merged into, which changed without a word, is to change with it
	case g.Status == connector.StatusGone || g.Status == connector.StatusInvisible && full(*l) && s.longUnshown(l, sd.i, began):
		n.deleted = append(n.deleted, connector.Deletion{ID: g.ID, Evidence: connector.EvidenceAccount})
	case g.Status == connector.StatusFound && g.Item.ID != g.ID:
		n.rekeyed = append(n.rekeyed, connector.Rekey{Old: g.ID, New: g.Item.ID})
	case g.Status == connector.StatusFound:
		left := outside(l)
		if !sd.excludes(g.Item.Scope) || sd.keeps(l) || left[sd.i] {
			return nil
		}
		if !full(*l) {
			return s.release(ctx, sd, l, g.ID)
		}
		left[sd.i] = true
		return s.leave(ctx, *l, left)
	case g.Status == connector.StatusFailed:
		s.again(sd.s, g.ID, retrySoon)
	case full(*l):
		s.linked[l.CRM] = true
		var unshown [2]bool
		unshown[sd.i] = true
		return s.miss(ctx, *l, unshown)
	}
	return nil
}

// enter returns the ids that a membership scan found to have come in, or to have come back, as many as a run holds.
func (s *slice) enter(ctx context.Context, sd *side, in map[string]bool, back []string) ([]string, error) {
	if !s.rules.Direction.Writes(s.other(sd).s) && len(in) > 0 {
		// They are only here to be found: those that are in the match index are.
		known, err := s.sess.Index(ctx, sd.s, s.rec.Generation, s.rec.Chunks[sd.i])
		if err != nil {
			return nil, err
		}
		for i := range known {
			if !known[i].Gone && !known[i].Out {
				delete(in, known[i].ID)
			}
		}
	}
	entered := back
	for id := range in {
		entered = append(entered, id)
	}
	slices.Sort(entered)
	s.scanned[sd.i], s.membered[sd.i] = s.e.c.Clock.Now(), true
	if len(entered) > heldRecords { // the others are found by the next scan, which comes at once
		entered, s.scanned[sd.i] = entered[:heldRecords], time.Time{}
	}
	for _, id := range entered {
		s.entered[sd.i][id] = true
	}
	return entered, nil
}
