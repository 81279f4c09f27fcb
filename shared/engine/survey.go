package engine

import (
	"context"
	"errors"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// maxRestarts is how often a run begins a listing again before it waits.
const maxRestarts = 3

// pagesPerCheckpoint bounds what a killed survey reads again.
const pagesPerCheckpoint = 20

// survey reads the whole of one side and keeps, of each record, match keys and whether it changed. It writes nothing at the
// vendor.
func (s *slice) survey(ctx context.Context, sd *side, next state.Step) (err error) {
	cursor := &s.rec.Cursors[sd.i]
	// However the slice ends, the run is stored: with no cursor past what is durable.
	durable := s.reached(sd)
	defer func() {
		if err != nil && !errors.Is(err, errPause) {
			s.goBack(sd, durable)
		}
	}()
	if err := s.need(ctx, *cursor == "" && sd.i == 0); err != nil {
		return err
	}
	if s.rec.Kind == state.Preview && sd.unmade {
		s.rec.Listed[sd.i], s.rec.Step = s.e.c.Clock.Now(), next
		return s.checkpoint(ctx)
	}
	if *cursor == "" {
		if err := s.beginSurvey(ctx, sd); err != nil {
			return err
		}
	}
	sd.index = s.sess.IndexWriter(sd.s, s.rec.Generation, &s.rec.Chunks[sd.i])
	if *cursor == "" {
		s.rec.Listed[sd.i], s.rec.Seen[sd.i], s.rec.Emptied[1-sd.i] = s.e.c.Clock.Now(), 0, 0
	}
	for pages := 1; ; pages++ {
		page, err := s.page(ctx, sd, cursor)
		if errors.Is(err, connector.ErrCursorExpired) {
			// What the broken listing named may be gone by now: the new one starts a new index.
			s.rec.Chunks[sd.i], s.rec.Seen[sd.i], s.rec.Emptied[1-sd.i] = 0, 0, 0
			sd.index = s.sess.IndexWriter(sd.s, s.rec.Generation, &s.rec.Chunks[sd.i])
			durable = s.reached(sd)
			continue
		}
		if err != nil {
			if sd.index.Flush(ctx, true) == nil {
				durable = s.reached(sd)
			}
			return err
		}
		if err := s.surveyPage(ctx, sd, page); err != nil {
			return err
		}
		s.rec.Seen[sd.i] += len(page.Changed)
		s.rec.Progress.Done += len(page.Changed)
		done := !page.More
		if done || pages%pagesPerCheckpoint == 0 || s.timeUp() {
			if err := sd.index.Flush(ctx, true); err != nil {
				return err
			}
			if done {
				s.rec.Next[sd.i], s.rec.Surveyed[sd.i] = page.Next, s.rec.Chunks[sd.i]
				*cursor, s.rec.Step = "", next
				sd.work.Listed = append(sd.work.Listed, s.rec.Seen[sd.i])
			}
			if err := s.checkpoint(ctx); err != nil {
				return err
			}
			durable = s.reached(sd)
			if !done && s.timeUp() {
				return errPause
			}
		} else if err := sd.index.Flush(ctx, false); err != nil {
			return err
		}
		if done {
			return nil
		}
	}
}

// surveyed is how far the survey of a side is.
type surveyed struct {
	step                state.Step
	cursor, next        string
	seen, done, emptied int
}

func (s *slice) reached(sd *side) surveyed {
	return surveyed{s.rec.Step, s.rec.Cursors[sd.i], s.rec.Next[sd.i], s.rec.Seen[sd.i], s.rec.Progress.Done, s.rec.Emptied[1-sd.i]}
}

func (s *slice) goBack(sd *side, to surveyed) {
	s.rec.Step, s.rec.Cursors[sd.i], s.rec.Next[sd.i] = to.step, to.cursor, to.next
	s.rec.Seen[sd.i], s.rec.Progress.Done, s.rec.Emptied[1-sd.i] = to.seen, to.done, to.emptied
}

// page reads the next page of a full listing and moves cursor past it. A listing whose cursor the vendor dropped begins again.
func (s *slice) page(ctx context.Context, sd *side, cursor *string) (connector.Page, error) {
	page, err := sd.open.Connector.Changes(ctx, sd.scope, *cursor)
	if errors.Is(err, connector.ErrCursorExpired) && *cursor != "" {
		if s.rec.Restarts++; s.rec.Restarts > maxRestarts {
			s.rec.Restarts = 0
			return page, &waitError{until: s.e.c.Clock.Now().Add(10 * time.Minute), why: sd.desc.Name + " keeps dropping its listing midway"}
		}
		*cursor = ""
		return page, err
	}
	if errors.Is(err, connector.ErrCursorExpired) {
		err = connector.ErrTransient // a first page has no cursor to lose
	}
	if err != nil {
		return page, sd.wrap(err)
	}
	if *cursor == "" {
		sd.pages = repeats{}
	}
	if page.More && sd.pages.page(*cursor, page.Next) {
		return page, sd.wrap(connector.ErrTransient) // the vendor repeats itself
	}
	*cursor = page.Next
	return page, nil
}

func (s *slice) surveyPage(ctx context.Context, sd *side, page connector.Page) error {
	var links map[string]state.Link
	if !s.rec.Fresh {
		var err error
		if links, err = s.linksOf(ctx, sd, ids(page.Changed)); err != nil {
			return err
		}
	}
	for i := range page.Changed {
		it := &page.Changed[i]
		e := state.Entry{Keys: s.identity(sd, it), Out: it.Scope == connector.OutOfScope, NoEmail: s.lacksEmail(it)}
		if l, ok := links[it.ID]; ok && full(l) {
			if err := s.seen(ctx, sd, &l); err != nil {
				return err
			}
			changed, emptied := s.changed(sd, &l, it)
			e.Changed = changed || outdated(l, sd, it) || sd.i == 1 && s.photoOpen(&l, it, it.Version)
			if emptied > 0 && l.State == state.LinkActive {
				s.loseEmptied(s.other(sd))
			}
		}
		sd.index.Add(e)
	}
	return s.out.saveLinks(ctx)
}

// loseEmptied counts a record of side t that fields emptied on the other side would empty too.
func (s *slice) loseEmptied(t *side) {
	if s.rules.EmptyRemoves && s.rules.Direction.Writes(t.s) {
		s.rec.Emptied[t.i]++
	}
}

func (s *slice) identity(sd *side, it *connector.Item) plan.Keys {
	return s.planner.Identity(sd.s, sd.account(), it.ID, it.Mark, it.Record.Fields)
}

// changed compares a record with the base of its link: first by version, then by digests.
func (s *slice) changed(sd *side, l *state.Link, it *connector.Item) (bool, int) {
	// A version alone never says that nothing changed: some vendors' versions are times in whole seconds, and a person may edit within
	// the second in which we read or write.
	base, err := plan.DecodeBase(baseOf(l, sd))
	if err != nil {
		return true, 0 // unreadable: merge anew, which loses nothing
	}
	if ownWrite(l, sd, it) {
		base = s.planner.Settle(sd.s, base, it.Record.Fields)
	}
	return s.planner.Changed(sd.s, base, it.Record.Fields)
}

// outdated reports whether a link's state no longer fits where its record is.
func outdated(l state.Link, sd *side, it *connector.Item) bool {
	out := it.Scope == connector.OutOfScope && (l.Made == "" || sd.managed && l.Made == sd.s)
	parked := l.State == state.LinkParked && l.Code == state.CodeLeftScope
	return l.State == state.LinkMissing || out != parked || unsettled(&l, sd) || l.State == state.LinkParked && !parked
}

// maxCached bounds the links that a slice keeps between reading and writing them.
const maxCached = 5000

// linksOf returns the links of records of side sd, by their id there. What was read stays known until a link is saved, since a run
// looks at the same records several times before it writes.
func (s *slice) linksOf(ctx context.Context, sd *side, ids []string) (map[string]state.Link, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if s.out != nil { // what is read must show what was decided before
		if err := s.out.saveLinks(ctx); err != nil {
			return nil, err
		}
	}
	known := s.known[sd.i]
	if known == nil || len(known) > maxCached {
		known = map[string]*state.Link{}
		s.known[sd.i] = known
	}
	var ask []string
	for _, id := range ids {
		if _, ok := known[id]; !ok {
			ask = append(ask, id)
		}
	}
	read, err := s.readLinks(ctx, sd, ask)
	if err != nil {
		return nil, err
	}
	for _, id := range ask {
		known[id] = nil
		if l, ok := read[id]; ok {
			known[id] = &l
		}
	}
	out := make(map[string]state.Link, len(ids))
	for _, id := range ids {
		if l := known[id]; l != nil {
			out[id] = *l
		}
	}
	return out, nil
}

func (s *slice) readLinks(ctx context.Context, sd *side, ids []string) (map[string]state.Link, error) {
	if sd.i == 0 {
		return s.sess.Links(ctx, ids)
	}
	pointers, err := s.sess.ByBook(ctx, ids)
	if err != nil {
		return nil, err
	}
	var crm []string
	for _, p := range pointers {
		if p.CRM != "" {
			crm = append(crm, p.CRM)
		}
	}
	links, err := s.sess.Links(ctx, crm)
	if err != nil {
		return nil, err
	}
	for id, p := range pointers {
		if l, ok := links[p.CRM]; ok && p.CRM != "" {
			pointers[id] = l
		}
	}
	return pointers, nil
}

func ids(items []connector.Item) []string {
	out := make([]string, len(items))
	for i := range items {
		out[i] = items[i].ID
	}
	return out
}

// full reports whether a link has both ids.
func full(l state.Link) bool { return l.CRM != "" && l.Book != "" }

func version(l *state.Link, sd *side) string {
	if sd.i == 0 {
		return l.CRMVersion
	}
	return l.BookVersion
}

func baseOf(l *state.Link, sd *side) []byte {
	if sd.i == 0 {
		return l.CRMBase
	}
	return l.BookBase
}

func unsettled(l *state.Link, sd *side) bool {
	if sd.i == 0 {
		return l.CRMUnsettled
	}
	return l.BookUnsettled
}

func idOf(l *state.Link, sd *side) string {
	if sd.i == 0 {
		return l.CRM
	}
	return l.Book
}

// setID makes another record, or the first, that of side sd.
func setID(l *state.Link, sd *side, id string) {
	l.Unshown[sd.i] = time.Time{}
	if sd.i == 0 {
		l.CRM = id
	} else {
		l.Book = id
	}
}

// setBase notes what side sd holds now. settled says that the vendor returned it, rather than only taken it.
func setBase(l *state.Link, sd *side, version string, base []byte, settled bool) {
	if sd.i == 0 {
		l.CRMVersion, l.CRMBase, l.CRMUnsettled = version, base, !settled
	} else {
		l.BookVersion, l.BookBase, l.BookUnsettled = version, base, !settled
	}
}
