package engine

import (
	"context"
	"fmt"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// disable ends the connection after its last sync: what Meibo put into the book is removed (ZO5, BX16), and every record of the CRM
// stays. Each step is durable before the next, and can be repeated.
func (s *slice) disable(ctx context.Context) error {
	if err := s.need(ctx, false); err != nil {
		return err
	}
	folder := s.sides[1].managed
	for {
		var err error
		switch s.rec.Disable.Step {
		case state.DisableLook:
			if folder {
				err = s.readFolder(ctx, false, state.DisableJournal)
			} else {
				err = s.lookAtMade(ctx)
			}
		case state.DisableJournal:
			err = s.readFolder(ctx, true, state.DisableRemove)
		case state.DisableRemove:
			if folder {
				err = s.removeFolder(ctx)
			} else {
				err = s.removeMade(ctx)
			}
		case state.DisableLinks:
			err = s.removeLinks(ctx)
		default:
			return s.stopped(ctx)
		}
		if err != nil {
			return err
		}
		if s.rec.Approval != nil {
			return s.finish(ctx)
		}
	}
}

// disableStep makes a step durable.
func (s *slice) disableStep(ctx context.Context, next state.DisableStep) error {
	d := s.rec.Disable
	d.Step, d.Cursor = next, ""
	s.changes = true
	return s.checkpoint(ctx)
}

// askFirst ends the run without removing anything: a person must say more. The connection goes on as it was.
func (s *slice) askFirst(req state.ApprovalRequest) {
	req.Side, req.Links = profile.Book, s.sess.Control.Totals.Links
	s.rec.Approval = &req
}

// readFolder lists the connection's folder page by page: first to find records that the CRM has no equal of, then, with journal, to
// keep before-images of all. Without force either stops at records of a person's own.
func (s *slice) readFolder(ctx context.Context, journal bool, next state.DisableStep) error {
	sd, d := s.sides[1], s.rec.Disable
	scope := sd.scope
	scope.Fields = nil // a before-image is the whole record
	if d.Cursor == "" {
		s.stands[1] = false
		if err := s.folderStands(ctx); err != nil {
			return err
		}
		d.Total, d.Unsynced, d.Records, d.Batches = 0, 0, nil, 0
	}
	for pages := 1; ; pages++ {
		page, err := sd.open.Connector.Changes(ctx, scope, d.Cursor)
		if err != nil {
			return s.folderCursor(sd, err)
		}
		if page.More && page.Next == d.Cursor {
			return sd.wrap(connector.ErrTransient)
		}
		var in []connector.Item
		for _, it := range page.Changed {
			if it.Scope == connector.InScope {
				in = append(in, it)
			}
		}
		if err := s.unsynced(ctx, in); err != nil {
			return err
		}
		if journal {
			if err := s.keepImages(ctx, in); err != nil {
				return err
			}
		}
		d.Total += len(in)
		if !page.More {
			break
		}
		d.Cursor = page.Next
		if pages%pagesPerCheckpoint == 0 || journal || s.timeUp() {
			if err := s.checkpoint(ctx); err != nil {
				return err
			}
		}
		if s.timeUp() {
			return errPause
		}
	}
	if d.Total == 0 {
		if err := s.emptyFolder(ctx, sd); err != nil {
			return err
		}
	}
	if d.Unsynced > 0 && !d.Force {
		s.askFirst(state.ApprovalRequest{Deletes: d.Total, Unsynced: d.Unsynced, Records: d.Records,
			Why: fmt.Sprintf("%d of the %d records in the folder in %s are not in the CRM and would go with it: nothing was removed. Let them sync first, move them, or stop again and give them up",
				d.Unsynced, d.Total, sd.desc.Name)})
		return s.imagesOutcome(ctx, "failed")
	}
	return s.disableStep(ctx, next)
}

// emptyFolder makes sure that a folder which was listed as empty is so: records that go with it must have been looked at.
func (s *slice) emptyFolder(ctx context.Context, sd *side) error {
	var some []string
	err := s.sess.AllLinks(ctx, func(l state.Link) error {
		if full(l) && l.State != state.LinkDetached && len(some) < max(sd.desc.Batch.Get, 1) {
			some = append(some, l.Book)
		}
		return nil
	})
	if err != nil {
		return err
	}
	got, err := s.read(ctx, sd, some)
	if err != nil {
		return err
	}
	for _, g := range got {
		if g.Status == connector.StatusFound && g.Item.Scope == connector.InScope {
			return sd.wrap(connector.ErrTransient)
		}
	}
	return nil
}

// folderCursor has a listing whose cursor the vendor dropped begin again.
func (s *slice) folderCursor(sd *side, err error) error {
	if isExpired(err) && s.rec.Disable.Cursor != "" {
		s.rec.Disable.Cursor = ""
		if s.rec.Restarts++; s.rec.Restarts <= maxRestarts {
			return nil // the step begins anew
		}
		s.rec.Restarts = 0
		return &waitError{until: s.e.c.Clock.Now().Add(10 * time.Minute), why: sd.desc.Name + " keeps dropping its listing midway"}
	}
	if isExpired(err) {
		err = connector.ErrTransient
	}
	return sd.wrap(err)
}

// unsynced notes the records of the book that the CRM has no equal of, or whose last edit did not get there.
func (s *slice) unsynced(ctx context.Context, items []connector.Item) error {
	links, err := s.linksOf(ctx, s.sides[1], ids(items))
	if err != nil {
		return err
	}
	d := s.rec.Disable
	for i := range items {
		l, has := links[items[i].ID]
		if has && full(l) && (l.State == state.LinkActive || isOutside(&l)) {
			continue
		}
		if d.Unsynced++; len(d.Records) < state.MaxUnsynced {
			d.Records = append(d.Records, items[i].ID)
		}
	}
	return nil
}

func (s *slice) imagesID(n int) string {
	return fmt.Sprintf("%s#%s#remove%08d", s.rec.ID, profile.Book, n)
}

// keepImages puts before-images of records that go with their folder into the journal.
func (s *slice) keepImages(ctx context.Context, items []connector.Item) error {
	d := s.rec.Disable
	var b state.Batch
	size := 0
	flush := func() error {
		if len(b.Changes) == 0 {
			return nil
		}
		b.ID = s.imagesID(d.Batches)
		op, err := s.sess.JournalOp(s.keys, b)
		if err != nil {
			return err
		}
		d.Batches++
		b, size = state.Batch{}, 0
		return s.sess.Commit(ctx, op)
	}
	for i := range items {
		it := &items[i]
		n := sizeOf(it.Record.Fields) + 200
		if size > 0 && size+n > maxJournal {
			if err := flush(); err != nil {
				return err
			}
		}
		size += n
		b.Changes = append(b.Changes, state.Change{At: s.e.c.Clock.Now(), Run: s.rec.ID, Side: profile.Book, Op: string(connector.Delete), Record: it.ID})
		b.Before = append(b.Before, state.Before{Record: it.ID, Fields: it.Record.Fields})
	}
	return flush()
}

// imagesOutcome says in the journal what became of the records that it keeps images of.
func (s *slice) imagesOutcome(ctx context.Context, outcome string) error {
	for n := range s.rec.Disable.Batches {
		b, err := s.repo.Journal(ctx, s.ask.Tenant, s.ask.Connection, s.keys, s.imagesID(n))
		if err != nil {
			return ignoreAbsent(err)
		}
		for i := range b.Changes {
			b.Changes[i].Outcome = outcome
		}
		op, err := s.sess.JournalOp(s.keys, b)
		if err != nil {
			return err
		}
		if err := s.sess.Commit(ctx, op); err != nil {
			return err
		}
		if err := s.renew(ctx); err != nil {
			return err
		}
	}
	return nil
}

// removeFolder removes the connection's folder from the book.
func (s *slice) removeFolder(ctx context.Context) error {
	sd := s.sides[1]
	maker, ok := sd.open.Connector.(connector.GroupMaker)
	if !ok {
		return &haltError{to: tenancy.Paused, reason: fmt.Sprintf("%s has no way to remove the folder; delete it there, which ends the connection", sd.desc.Name)}
	}
	if err := s.out.takeAccount(ctx, sd); err != nil {
		return err
	}
	if err := maker.RemoveGroup(ctx, sd.scope.Groups[0]); err != nil {
		return sd.wrap(err)
	}
	if err := s.imagesOutcome(ctx, "done"); err != nil {
		return err
	}
	s.rec.Book.Deleted += s.rec.Disable.Total
	return s.disableStep(ctx, state.DisableLinks)
}

// lookAtMade counts the records that Meibo made in a book that is not its own.
func (s *slice) lookAtMade(ctx context.Context) error {
	n := 0
	err := s.sess.AllLinks(ctx, func(l state.Link) error {
		if removable(&l) {
			n++
		}
		return nil
	})
	if err != nil {
		return err
	}
	sd, d := s.sides[1], s.rec.Disable
	if !s.rules.Direction.Writes(profile.Book) {
		n = 0 // this direction only reads there
	}
	links := s.sess.Control.Totals.Links
	if !d.Force && s.rules.Budget.Over(s.sess.Control.Lost(sd.s, s.e.c.Clock.Now())+n, links+s.sess.Control.Deleted(sd.s, s.e.c.Clock.Now())) {
		s.askFirst(state.ApprovalRequest{Deletes: n,
			Why: fmt.Sprintf("stopping would delete %d of %d records in %s that Meibo made there: nothing was removed. Stop again and confirm it, or keep them", n, links, sd.desc.Name)})
		return nil
	}
	if n == 0 {
		return s.disableStep(ctx, state.DisableStop)
	}
	return s.disableStep(ctx, state.DisableRemove)
}

// removable reports whether the book's record of a link is there because Meibo made it.
func removable(l *state.Link) bool {
	return full(*l) && l.Made == profile.Book && l.State != state.LinkDetached
}

// removeMade deletes from the book the records that Meibo made there and nobody has edited since the last sync. What was edited
// stays, detached.
func (s *slice) removeMade(ctx context.Context) error {
	sd := s.sides[1]
	var all []string
	err := s.sess.AllLinks(ctx, func(l state.Link) error {
		if removable(&l) {
			all = append(all, l.Book)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.weighed[1], s.removed[1] = len(all), 0 // the look has weighed them
	for len(all) > 0 {
		n := min(len(all), max(sd.desc.Batch.Delete, 1))
		if err := s.removeBatch(ctx, sd, all[:n]); err != nil {
			return err
		}
		all = all[n:]
		if err := s.drain(ctx); err != nil {
			return err
		}
		if err := s.checkpoint(ctx); err != nil {
			return err
		}
		if len(all) > 0 && s.timeUp() {
			return errPause
		}
	}
	return s.disableStep(ctx, state.DisableStop)
}

func (s *slice) removeBatch(ctx context.Context, sd *side, list []string) error {
	got, err := s.read(ctx, sd, list)
	if err != nil {
		return err
	}
	links, err := s.linksOf(ctx, sd, list)
	if err != nil {
		return err
	}
	for _, id := range list {
		l, g := links[id], got[id]
		if g.Status == connector.StatusFailed {
			return sd.wrap(connector.ErrTransient)
		}
		edited := true
		if g.Status == connector.StatusFound && g.Item.ID == id {
			edited, _ = s.changed(sd, &l, &g.Item)
		}
		if edited {
			err = s.unlink(ctx, l, state.CodeDeletedKept)
		} else {
			err = s.out.remove(ctx, sd, l, g.Item)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unlink gives a link up for good, with the reason.
func (s *slice) unlink(ctx context.Context, l state.Link, code string) error {
	n := l
	n.State, n.Code, n.Field, n.Detail, n.Left, n.Since = state.LinkDetached, code, "", "", nil, s.e.c.Clock.Now()
	return s.out.link(ctx, state.LinkChange{Old: &l, New: &n})
}

// removeLinks gives up the links of records that went with their folder.
func (s *slice) removeLinks(ctx context.Context) error {
	err := s.sess.AllLinks(ctx, func(l state.Link) error {
		if !full(l) || l.State == state.LinkDetached {
			return nil
		}
		if err := s.renew(ctx); err != nil {
			return err
		}
		return s.unlink(ctx, l, state.CodeRemoved)
	})
	if err != nil {
		return err
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	return s.disableStep(ctx, state.DisableStop)
}

// stopped ends the connection. The run is over first, the connection then, and the lease is given back last, so that a kill in
// between leaves something that goes on here.
func (s *slice) stopped(ctx context.Context) error {
	c, now := &s.sess.Control, s.e.c.Clock.Now()
	s.rec.State, s.rec.Ended, s.rec.Links = state.RunDone, now, c.Totals.Links
	s.rec.Progress = state.Progress{Phase: state.PhaseDone, Done: s.rec.Progress.Total, Total: s.rec.Progress.Total}
	s.rec.Cursors, s.rec.Next = [2]string{}, [2]string{}
	c.Totals.LastRun, c.Totals.LastSync, c.Totals.NextRun = s.rec.ID, now, time.Time{}
	if err := s.checkpoint(ctx); err != nil {
		return err
	}
	reason := fmt.Sprintf("stopped as asked; what Meibo had put into %s was removed, and the CRM keeps all of its records", s.sides[plan.Index(profile.Book)].desc.Name)
	if err := s.e.c.Directory.Move(ctx, s.ask.Tenant, s.ask.Connection, tenancy.Stopped, reason); err != nil {
		return err
	}
	s.conn.State = tenancy.Stopped
	if err := s.sess.Release(ctx); err != nil {
		return err
	}
	s.finished = true
	return nil
}
