package engine

import (
	"context"
	"errors"

	"meibo/shared/connector"
	"meibo/shared/state"
)

// heldRecords bounds what an incremental run keeps in memory of one side. What comes after is only counted, and read again once
// the first part is done.
const heldRecords = 2000

// news is what changed on one side.
type news struct {
	items   []connector.Item
	at      map[string]int // place in items, by id
	deleted []connector.Deletion
	rekeyed []connector.Rekey
	// unproven are records said to be gone that reading by id did not prove to be.
	unproven []connector.Got
	listed   int
	// next is where the next listing starts: after all that is held here.
	next string
	more bool // there is more than is held
}

func (n *news) add(it connector.Item) {
	if n.at == nil {
		n.at = map[string]int{}
	}
	if i, seen := n.at[it.ID]; seen {
		if it.Scope == connector.ScopeUnknown {
			it.Scope = n.items[i].Scope
		}
		n.items[i] = it
		return
	}
	n.at[it.ID] = len(n.items)
	n.items = append(n.items, it)
}

func (n *news) empty() bool { return len(n.items)+len(n.deleted)+len(n.rekeyed) == 0 }

// held returns a record of side sd that this run already holds as it is now.
func (s *slice) held(sd *side, id string) *connector.Item {
	n := s.news[sd.i]
	if i, ok := n.at[id]; ok {
		return &n.items[i]
	}
	return nil
}

// incremental does a whole incremental run: what changed on both sides, and what an earlier run left to do.
func (s *slice) incremental(ctx context.Context) error {
	if s.rec.Step == state.StepFinish {
		return s.over(ctx)
	}
	if err := s.takeInbox(ctx); err != nil {
		return err
	}
	for i, sd := range s.sides {
		s.news[i] = &news{}
		err := s.delta(ctx, sd)
		if errors.Is(err, connector.ErrCursorExpired) {
			s.relist()
			return nil
		}
		if err != nil {
			return err
		}
	}
	if s.quiet() {
		s.rec.Step = state.StepFinish
		s.rec.Next = [2]string{s.news[0].next, s.news[1].next}
		return nil
	}
	if err := s.need(ctx, false); err != nil {
		return err
	}
	for _, sd := range s.sides {
		sd.index = s.sess.IndexWriter(sd.s, s.rec.Generation, &s.rec.Chunks[sd.i])
	}
	if err := s.loadIntents(ctx); err != nil {
		return err
	}
	if err := s.extra(ctx); errors.Is(err, errSurvey) {
		s.relist()
		return s.out.saveLinks(ctx)
	} else if err != nil {
		return err
	}
	for _, sd := range s.sides {
		if err := s.prove(ctx, sd); err != nil {
			return err
		}
	}
	if err := s.rekey(ctx); err != nil {
		return err
	}
	if err := s.matchNews(ctx); err != nil {
		return err
	}
	if err := s.weigh(ctx); err != nil {
		return err
	}
	return s.applyNews(ctx)
}

// relist turns the run into one with full listings, because a vendor dropped its cursor.
func (s *slice) relist() {
	s.unlisted = [2][]state.Entry{}
	s.rec.Kind, s.rec.Step = state.Relist, state.StepSurveyCRM
	s.rec.Generation, s.rec.Chunks = s.sess.Control.Generation+1, [2]int64{}
	s.rec.Cursors, s.rec.Emptied = [2]string{}, [2]int{}
	s.matches, s.hints = nil, nil
	s.news = [2]*news{{}, {}}
	s.linked, s.touched = map[string]bool{}, map[string]bool{}
	for i := range s.sides {
		s.forced[i], s.begun[i], s.overrides[i] = map[string]bool{}, map[string]bool{}, map[string]verdict{}
	}
}

// delta reads what changed on one side since its cursor.
func (s *slice) delta(ctx context.Context, sd *side) error {
	n := s.news[sd.i]
	n.next = s.rec.Cursors[sd.i]
	cursor := n.next
	var again repeats
	for {
		page, err := sd.open.Connector.Changes(ctx, sd.scope, cursor)
		if err != nil {
			return sd.wrap(err)
		}
		if page.More && again.page(cursor, page.Next) {
			return sd.wrap(connector.ErrTransient) // the vendor repeats itself
		}
		cursor = page.Next
		n.listed += len(page.Changed)
		if !n.more {
			for _, it := range page.Changed {
				n.add(it)
			}
			n.deleted = append(n.deleted, page.Deleted...)
			n.rekeyed = append(n.rekeyed, page.Rekeyed...)
			n.next = cursor
			n.more = page.More && len(n.items) >= heldRecords
		} else if err := s.countBeyond(ctx, sd, page); err != nil {
			return err
		}
		if !page.More || n.more && s.rec.Counted {
			break
		}
		if err := s.renew(ctx); err != nil {
			return err
		}
	}
	sd.work.Changed = append(sd.work.Changed, n.listed)
	return nil
}

// countBeyond counts the losses in a page that is not held, so that the budget is checked against the whole before the first
// write.
func (s *slice) countBeyond(ctx context.Context, sd *side, page connector.Page) error {
	if len(page.Deleted) == 0 {
		return nil
	}
	if err := s.need(ctx, false); err != nil {
		return err
	}
	far := &news{deleted: page.Deleted}
	if err := s.proveOf(ctx, sd, far); err != nil {
		return err
	}
	var gone []string
	for _, d := range far.deleted {
		gone = append(gone, d.ID)
	}
	links, err := s.linksOf(ctx, sd, gone)
	if err != nil {
		return err
	}
	o := s.other(sd)
	for _, l := range links {
		if full(l) && l.State == state.LinkActive && s.rules.Direction.Writes(o.s) && s.rules.Deletes.To(o.s) {
			s.beyond[o.i]++
		}
	}
	return nil
}

// quiet reports whether there is nothing to do.
func (s *slice) quiet() bool {
	c, now := &s.sess.Control, s.e.c.Clock.Now()
	if !s.news[0].empty() || !s.news[1].empty() || len(s.hints) > 0 || c.Intents > 0 || c.Held || s.rec.Decision != nil || !c.Again.IsZero() && !c.Again.After(now) {
		return false
	}
	for _, r := range c.Retry {
		if !r.At.After(now) {
			return false
		}
	}
	for i := range c.Sides {
		if s.membersDue(i) || s.scanDue(i) {
			return false
		}
	}
	return true
}

func (s *slice) membersDue(i int) bool {
	c, now := &s.sess.Control.Sides[i], s.e.c.Clock.Now()
	return c.MembersEvery > 0 && len(s.sides[i].scope.Groups) > 0 && now.Sub(c.Members) >= c.MembersEvery && !c.ScanFrom.After(now)
}

func (s *slice) scanDue(i int) bool {
	c, now := &s.sess.Control.Sides[i], s.e.c.Clock.Now()
	return c.ScanEvery > 0 && now.Sub(c.Scanned) >= c.ScanEvery && !c.ScanFrom.After(now)
}
