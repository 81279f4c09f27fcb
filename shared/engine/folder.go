package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meibo/shared/connector"
	"meibo/shared/tenancy"
)

// A folder that a vendor does not list may be there all the same for a moment: it is gone once it is missing in two looks, so far
// apart. Failures for which it is not the reason are waited out as often as that before they count.
const (
	secondLook     = time.Minute
	folderFailures = 5
)

// folderStands makes sure that the folder which the connection keeps its records in is still there (ZO6). A person who deletes it
// ends the connection, and nothing is deleted in the CRM.
func (s *slice) folderStands(ctx context.Context) error {
	sd := s.sides[1]
	if !sd.managed || s.stands[1] {
		return nil
	}
	there, err := s.folderThere(ctx, sd)
	if err != nil {
		return err
	}
	c, now := &s.sess.Control, s.e.c.Clock.Now()
	if there {
		c.Lacking, s.stands[1], s.doubtful = time.Time{}, true, false
		return nil
	}
	name := s.sideName(sd)
	if c.Lacking.IsZero() {
		c.Lacking = now
	}
	if again := c.Lacking.Add(secondLook); again.After(now) {
		return &waitError{until: again, why: fmt.Sprintf("the connection's folder is not in %s; Meibo looks once more before it stops", name)}
	}
	return &haltError{to: tenancy.Stopped, reason: fmt.Sprintf("the connection's folder was deleted in %s, which ends the connection. Nothing was deleted "+
		"in the CRM; make a new connection to sync again", name)}
}

// folderThere asks the vendor for its folders. One that cannot list any is believed.
func (s *slice) folderThere(ctx context.Context, sd *side) (bool, error) {
	g, ok := sd.open.Connector.(connector.Grouper)
	if !ok {
		return true, nil
	}
	groups, err := g.Groups(ctx)
	if err != nil {
		return false, sd.wrap(err)
	}
	for _, have := range groups {
		if have.ID == sd.scope.Groups[0] {
			return true, nil
		}
	}
	return false, nil
}

// sideName is what people call the side's system, as far as it is known by now.
func (s *slice) sideName(sd *side) string {
	if sd.desc.Name != "" {
		return sd.desc.Name
	}
	return "the address book"
}

// beginSurvey makes sure, before a side is read as a whole, that what it is read through is there, and takes the inbox that the
// listing answers.
func (s *slice) beginSurvey(ctx context.Context, sd *side) error {
	if sd.i == 1 {
		s.stands[1] = false
		return s.folderStands(ctx)
	}
	if err := s.takeInbox(ctx); err != nil {
		return err
	}
	s.hints = nil // the listing names every record
	return nil
}

// absentFolder looks for the folder again if records of it were not listed: it may have gone while they were.
func (s *slice) absentFolder(ctx context.Context) error {
	for i := range s.absent {
		if s.absent[i].unseen[1] {
			s.stands[1] = false
			return s.folderStands(ctx)
		}
	}
	return nil
}

// folderError says what an error of a book with a folder of its own is about: the folder is gone, or, while it is listed, something
// that passes.
func (s *slice) folderError(ctx context.Context, err error) error {
	var (
		at      *sideError
		forbid  *connector.ForbiddenError
		invalid *connector.InvalidError
	)
	if !errors.As(err, &at) || !at.sd.managed {
		return err
	}
	missing := errors.Is(err, connector.ErrNotFound)
	if !missing && !errors.As(err, &forbid) && !errors.As(err, &invalid) {
		return err
	}
	s.stands[1] = false
	if e := s.folderStands(ctx); e != nil {
		return e
	}
	if missing || s.sess.Control.Failures < folderFailures {
		return at.sd.wrap(connector.ErrTransient)
	}
	return err
}
