package engine

import (
	"context"
	"errors"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/store"
)

// photoGather is how many records' pictures are looked at together: a multiple of what vendors read at once. photosHeld bounds how many
// wait until the records themselves are dealt with.
const (
	photoGather = 200
	photosHeld  = 10_000
)

// photoJob is one picture of the book to look at, for a CRM record that may have none (PD12).
type photoJob struct {
	crm, book string
	// tag changes with the book's picture; it says nothing if tagged is false.
	tag    string
	tagged bool
	// version of the book's record at which the picture is looked at.
	version string
	has     knowledge // of the CRM's own picture
}

// knowledge is whether something is known to be there.
type knowledge int8

const (
	unknown knowledge = iota
	lacks
	holds
)

// setPhotos finds out whether pictures travel: only to the CRM, and only between systems that can show and take them.
func (s *slice) setPhotos() {
	if !s.rules.Photos || !s.rules.Direction.Writes(profile.CRM) {
		return
	}
	var both [2]connector.Photographer
	for i, sd := range s.sides {
		var ok bool
		if both[i], ok = sd.open.Connector.(connector.Photographer); !ok {
			return
		}
	}
	s.sides[0].photos, s.sides[1].photos = both[0], both[1]
}

// photoDigest is what a link remembers of a picture: of its tag, of its bytes, or of its lack ("").
func (s *slice) photoDigest(of string) uint64 { return s.dig.Key("photo", of) | 1 }

// tagOf returns what changes with a record's picture, "" if it has none, and whether the vendor tells.
func tagOf(it *connector.Item) (string, bool) {
	vs, known := it.Record.Fields[record.Photo]
	if len(vs) == 0 {
		return "", known
	}
	return vs[0].Text, known
}

// photoOpen reports whether a record of the book, seen at version, may have a picture that was never dealt with. Where the vendor has
// no tags, any version but the one that was last synced may have one.
func (s *slice) photoOpen(l *state.Link, it *connector.Item, version string) bool {
	if s.sides[1].photos == nil || l.State != state.LinkActive {
		return false
	}
	tag, tagged := tagOf(it)
	if tagged {
		return l.PhotoDue || tag != "" && l.Photo != s.photoDigest(tag)
	}
	return l.PhotoDue || l.Photo == 0 || l.BookVersion != version
}

// lookAtPhoto has the picture of a linked record of the book looked at, if it may be new.
func (s *slice) lookAtPhoto(l *state.Link, it *connector.Item) {
	if s.photoOpen(l, it, it.Version) {
		s.photos = append(s.photos, newPhotoJob(l, it))
	}
}

// duePhoto has the picture of an unchanged record of the CRM looked at that an earlier slice did not come to, and reports whether that is
// all there is to do: the book's record need not be read for it. If its tag says something new later, the picture is looked at once more.
func (s *slice) duePhoto(sd *side, l *state.Link, it *connector.Item) bool {
	if sd.i == 1 || sd.photos == nil || !l.PhotoDue || l.CRMUnsettled {
		return false
	}
	if changed, _ := s.changed(sd, l, it); changed {
		return false
	}
	s.linked[l.CRM] = true
	s.unchanged++
	s.photos = append(s.photos, photoJob{crm: l.CRM, book: l.Book, version: l.BookVersion, has: holding(it)})
	return true
}

func newPhotoJob(l *state.Link, it *connector.Item) photoJob {
	j := photoJob{crm: l.CRM, book: l.Book, version: it.Version}
	j.tag, j.tagged = tagOf(it)
	return j
}

func holding(crm *connector.Item) knowledge {
	switch tag, known := tagOf(crm); {
	case !known:
		return unknown
	case tag == "":
		return lacks
	}
	return holds
}

// photoOf has the picture of a pairing looked at once its records are written. The link says so until it is done. A record that was
// made from the CRM's has none.
func (s *slice) photoOf(l *state.Link, p *pairing) {
	if s.sides[1].photos == nil {
		return
	}
	known := p.old != nil && full(*p.old) && !p.anew && p.old.State == state.LinkActive
	if tag, tagged := tagOf(p.now[1]); p.made == 1 || tagged && tag == "" || known && !s.photoOpen(p.old, p.now[1], p.seen) {
		if l.PhotoDue = false; l.Photo == 0 {
			l.Photo = s.photoDigest("")
		}
		return
	}
	j := newPhotoJob(l, p.now[1])
	if j.has = holding(p.now[0]); p.made == 0 {
		j.has = lacks
	}
	if j.has == holds { // it stays, whatever the book has
		if l.PhotoDue = false; j.tagged || l.Photo == 0 {
			l.Photo = s.photoDigest(j.tag)
		}
		return
	}
	l.PhotoDue = true
	s.photos = append(s.photos, j)
}

// keepPhoto carries over what the link knew of pictures, unless one of its records is made again.
func keepPhoto(l *state.Link, p *pairing) {
	if !full(*p.old) || p.anew {
		return
	}
	l.Photo, l.PhotoDue = p.old.Photo, p.old.PhotoDue
	if p.old.Code == state.CodePhoto {
		l.Code, l.Field, l.Detail = p.old.Code, p.old.Field, p.old.Detail
	}
}

// givePhotos gives the book's pictures to the CRM's records that have none, each picture once. They come last, since they draw on limits
// that the records need: with all every one, else only while the book's limits leave room for reading and not for writing. The links
// that come first are durable, so that a slice that is killed, or has used its time, finds the records again and the pictures with them.
func (s *slice) givePhotos(ctx context.Context, all bool) error {
	for first := true; all && len(s.photos) > 0 || len(s.photos) >= photosHeld || len(s.photos) >= photoGather && s.out.readsOnly(s.sides[1]); first = false {
		if all && !first && s.timeUp() {
			return errPause
		}
		if err := s.out.saveLinks(ctx); err != nil {
			return err
		}
		if err := s.out.meanwhile(ctx, s.sides[1], len(s.photos)); err != nil {
			return err
		}
		n := min(len(s.photos), photoGather)
		jobs := s.photos[:n]
		s.photos = slices.Clone(s.photos[n:])
		if err := s.givePhotoBatch(ctx, jobs); err != nil {
			return err
		}
		if err := s.out.saveLinks(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *slice) givePhotoBatch(ctx context.Context, jobs []photoJob) error {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.crm
	}
	links, err := s.linksOf(ctx, s.sides[0], ids)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(j photoJob) bool {
		l, ok := links[j.crm]
		twice := seen[j.crm]
		seen[j.crm] = true
		return twice || !ok || l.Book != j.book || l.State != state.LinkActive
	})
	if jobs, err = s.lookAtCRM(ctx, jobs, links); err != nil {
		return err
	}
	var ask []photoJob
	for _, j := range jobs {
		switch {
		case j.has == holds: // which picture the book has does not matter
			s.photoDone(ctx, links[j.crm], j, j.tag, nil)
		case j.tagged && (j.tag == "" || links[j.crm].Photo == s.photoDigest(j.tag)):
			s.photoDone(ctx, links[j.crm], j, j.tag, nil)
		default: // without a tag, only the bytes say which picture it is
			ask = append(ask, j)
		}
	}
	for some := range slices.Chunk(ask, max(s.sides[1].desc.Batch.Get, 1)) {
		more, err := s.givePictures(ctx, some, links)
		if err != nil {
			return err
		}
		for _, j := range more {
			if _, err := s.givePictures(ctx, []photoJob{j}, links); err != nil {
				return err
			}
		}
	}
	return nil
}

// givePictures asks the book for pictures and gives them to the CRM. It returns the jobs whose pictures were too much beside the
// others.
func (s *slice) givePictures(ctx context.Context, jobs []photoJob, links map[string]state.Link) (more []photoJob, err error) {
	pictures, err := s.pictures(ctx, s.sides[1], jobs, func(j photoJob) string { return j.book })
	if err != nil {
		return nil, err
	}
	if pictures == nil {
		s.photosLater(ctx, jobs, links)
		return nil, nil
	}
	var give []photoJob
	var bytes []*connector.Photo
	for i, j := range jobs {
		p := pictures[i]
		if p != nil && len(p.Data) == 0 {
			if len(jobs) > 1 {
				more = append(more, j)
				continue
			}
			p = nil // it cannot be had
		}
		if !j.tagged && p != nil {
			j.tag = string(p.Data)
		}
		if p == nil || links[j.crm].Photo == s.photoDigest(j.tag) {
			s.photoDone(ctx, links[j.crm], j, j.tag, nil)
			continue
		}
		give, bytes = append(give, j), append(bytes, p)
	}
	return more, s.setPictures(ctx, give, bytes, links)
}

// lookAtCRM finds out which of the CRM's records have a picture, and settles their bases: setting a picture moves a record's version
// on, after which nothing would tell what the vendor stored of our own write from a person's edit.
// It returns the jobs that can go on.
func (s *slice) lookAtCRM(ctx context.Context, jobs []photoJob, links map[string]state.Link) ([]photoJob, error) {
	sd := s.sides[0]
	_, tells := sd.desc.Field(record.Photo)
	var want []string
	for _, j := range jobs {
		if l := links[j.crm]; l.CRMUnsettled || tells && j.has == unknown {
			want = append(want, j.crm)
		}
	}
	got, err := s.read(ctx, sd, want)
	if err != nil {
		return nil, err
	}
	var ready, ask []photoJob
	for _, j := range jobs {
		if g, ok := got[j.crm]; ok && g.Status == connector.StatusFound && g.Item.ID == j.crm {
			j.has = holding(&g.Item)
			l := links[j.crm]
			if changed, _ := s.changed(sd, &l, &g.Item); !changed && ownWrite(&l, sd, &g.Item) {
				setBase(&l, sd, l.CRMVersion, s.settledBase(sd, &l, &g.Item).Encode(), true)
				links[j.crm] = l
			}
		}
		if j.has == unknown {
			ask = append(ask, j)
		} else {
			ready = append(ready, j)
		}
	}
	if len(ask) == 0 {
		return ready, nil
	}
	pictures, err := s.pictures(ctx, sd, ask, func(j photoJob) string { return j.crm })
	if err != nil {
		return nil, err
	}
	if pictures == nil { // what cannot be seen is not replaced
		s.photosLater(ctx, ask, links)
		return ready, nil
	}
	for i, j := range ask {
		if j.has = lacks; pictures[i] != nil {
			j.has = holds
		}
		ready = append(ready, j)
	}
	return ready, nil
}

// pictures asks a side for pictures; nil if it cannot show them now, which holds nothing else up.
func (s *slice) pictures(ctx context.Context, sd *side, jobs []photoJob, id func(photoJob) string) ([]*connector.Photo, error) {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = id(j)
	}
	out, err := sd.photos.Photos(ctx, ids)
	sd.work.PhotosRead += len(ids)
	sd.heard(err)
	switch {
	case stops(ctx, err):
		return nil, sd.wrap(err)
	case err != nil || len(out) != len(ids):
		s.log.WarnContext(ctx, "pictures could not be read; they are looked at again", "side", string(sd.s))
		return nil, nil
	}
	return out, nil
}

// stops reports whether an error concerns all calls of the account and not a picture.
func stops(ctx context.Context, err error) bool {
	var throttled *connector.ThrottledError
	return err != nil && (ctx.Err() != nil || errors.As(err, &throttled) || isAuthLost(err))
}

// setPictures sends pictures, with the journal's lines before and after. What was done is remembered even if a later one stops the
// run.
func (s *slice) setPictures(ctx context.Context, jobs []photoJob, pictures []*connector.Photo, links map[string]state.Link) error {
	if len(jobs) == 0 {
		return nil
	}
	sd := s.sides[0]
	if err := s.out.takeAccount(ctx, sd); err != nil {
		return err
	}
	b := state.Batch{ID: s.e.c.NewID() + "#" + string(sd.s) + "p"}
	for _, j := range jobs {
		b.Changes = append(b.Changes, state.Change{At: s.e.c.Clock.Now(), Run: s.rec.ID, Side: sd.s, Op: "photo", Record: j.crm, Fields: []string{string(record.Photo)}})
		b.Before = append(b.Before, state.Before{Record: j.crm, Fields: record.Fields{record.Photo: {}}})
	}
	if err := s.journaled(ctx, b); err != nil {
		return err
	}
	var stop error
	for i, j := range jobs {
		err := sd.photos.SetPhoto(ctx, j.crm, *pictures[i])
		b.Changes[i].Outcome = outcome(err)
		sd.heard(err)
		if stops(ctx, err) {
			stop = sd.wrap(err)
			break
		}
		s.photoDone(ctx, links[j.crm], j, j.tag, err)
		if err == nil {
			s.rec.Photos++
			sd.work.PhotosSet++
			s.goesWell()
		}
	}
	if err := s.out.saveLinks(ctx); err != nil {
		return errors.Join(stop, err)
	}
	return errors.Join(stop, s.journaled(ctx, b))
}

func (s *slice) journaled(ctx context.Context, b state.Batch) error {
	op, err := s.sess.JournalOp(s.keys, b)
	if err != nil {
		return err
	}
	return s.progress(ctx, []store.Op{op})
}

// photoDone remembers on the link which picture was dealt with, and why the CRM did not take it. One whose fate is not known is
// looked at again soon.
func (s *slice) photoDone(ctx context.Context, l state.Link, j photoJob, tag string, err error) {
	var invalid *connector.InvalidError
	var forbid *connector.ForbiddenError
	n := l
	n.Photo, n.PhotoDue = s.photoDigest(tag), false
	if j.has == holds && !j.tagged && l.Photo != 0 {
		n.Photo = l.Photo // the book's picture was not looked at
	}
	if n.Code == state.CodePhoto && n.Photo != l.Photo {
		n.Code, n.Field, n.Detail = "", "", ""
	}
	if !n.BookUnsettled && !j.tagged { // the same version need not be looked at again
		n.BookVersion = j.version
	}
	switch {
	case err == nil:
	case errors.As(err, &invalid):
		n.Code, n.Field, n.Detail = state.CodePhoto, string(record.Photo), invalid.Reason
	case errors.As(err, &forbid):
		n.Code, n.Field, n.Detail = state.CodePhoto, string(record.Photo), forbid.What
	case errors.Is(err, connector.ErrNotFound): // its deletion is on its way
		return
	default:
		s.log.WarnContext(ctx, "a picture was not taken; it is sent again", "error", err.Error())
		n.Photo, n.PhotoDue = l.Photo, true
		s.again(profile.Book, j.book, retrySoon)
	}
	if n.Code == state.CodePhoto && n.Photo != l.Photo {
		s.rec.Skipped[state.CodePhoto]++
	}
	s.out.links = append(s.out.links, state.LinkChange{Old: &l, New: &n})
}

// photosLater has pictures that could not be read looked at again.
func (s *slice) photosLater(ctx context.Context, jobs []photoJob, links map[string]state.Link) {
	for _, j := range jobs {
		s.photoDone(ctx, links[j.crm], j, "", connector.ErrTransient)
	}
}
