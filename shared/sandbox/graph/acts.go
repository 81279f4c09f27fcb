package graph

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"meibo/shared/sandbox/entra"
)

// What a person, an administrator or the service does besides the API.

// AddFolder makes a folder below Contacts and returns its id. A hidden one holds its name and is in no list.
func (s *Sandbox) AddFolder(user, name string, hidden bool) (id string, err error) {
	err = s.withBox(user, func(m *mailbox) error {
		if name == "" || m.sibling(defaultFolder, name) != nil {
			return errors.New("the folder has no name, or one that another folder has")
		}
		f := s.addFolder(m, defaultFolder, name)
		f.hidden = hidden
		id = m.folderID(f.id)
		return nil
	})
	return id, err
}

// withFolder is withBox for a folder other than the default one.
func (s *Sandbox) withFolder(user, id string, do func(*mailbox, *folder) error) error {
	return s.withBox(user, func(m *mailbox) error {
		f, e := m.findFolder(id)
		if e != nil {
			return e
		}
		if f.id == defaultFolder {
			return errors.New("the default folder stays as it is")
		}
		return do(m, f)
	})
}

// RenameFolder renames a folder.
func (s *Sandbox) RenameFolder(user, id, name string) error {
	return s.withFolder(user, id, func(m *mailbox, f *folder) error {
		if other := m.sibling(f.parent, name); name == "" || other != nil && other != f {
			return errors.New("the folder has no name, or one that another folder has")
		}
		s.changeFolder(m, f, name, f.ext)
		return nil
	})
}

// RemoveFolder deletes a folder with its contacts.
func (s *Sandbox) RemoveFolder(user, id string) error {
	return s.withFolder(user, id, func(m *mailbox, f *folder) error {
		s.removeFolder(m, f)
		return nil
	})
}

// SetPhoto gives a contact a JPEG picture, or with nil takes its picture away, as Outlook can and the API cannot.
func (s *Sandbox) SetPhoto(user, id string, jpeg []byte) error {
	return s.withItem(user, id, func(m *mailbox, it *item) error {
		if len(jpeg) == 0 {
			it.photo = nil
			s.dropPhoto(m, it)
			return nil
		}
		p, e := jpegOf(jpeg)
		if e != nil {
			return e
		}
		s.setPhoto(m, it, p)
		return nil
	})
}

// Photo returns a contact's picture, or nil.
func (s *Sandbox) Photo(user, id string) (jpeg []byte, err error) {
	err = s.withItem(user, id, func(_ *mailbox, it *item) error {
		if it.photo != nil {
			jpeg = slices.Clone(it.photo.data)
		}
		return nil
	})
	return jpeg, err
}

// Merge lets winner take over what loser has and it has not, and deletes loser, as Outlook's clean-up does.
func (s *Sandbox) Merge(user, winner, loser string) error {
	return s.withBox(user, func(m *mailbox) error {
		w, e := m.findItem(winner)
		if e != nil {
			return e
		}
		l, e := m.findItem(loser)
		if e != nil {
			return e
		}
		if w == l {
			return errors.New("a contact cannot be merged with itself")
		}
		for _, p := range l.props {
			if w.raw(p.kind) == "" {
				w.props = with(w.props, p.kind, p.raw)
			}
		}
		s.touch(m, w)
		s.remove(m, l)
		return nil
	})
}

// ExpireCursors makes the service forget the state behind all delta tokens of the user.
func (s *Sandbox) ExpireCursors(user string) error {
	return s.withBox(user, func(m *mailbox) error {
		m.generation++
		s.dirty.mailbox(m)
		return nil
	})
}

// RevokeUser ends the user's sessions, as "revoke sessions" does: refresh tokens answer 50173, access tokens 401, and the user's
// subscriptions fall silent until they are reauthorized.
func (s *Sandbox) RevokeUser(user string) error {
	err := s.withBox(user, func(*mailbox) error {
		for _, sub := range s.subs {
			if sub.Owner == user {
				sub.Paused = true
				s.dirty.subscription(sub)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.auth.RevokeUser(user)
}

// ExpireAccess ends the user's access tokens; refresh tokens live on.
func (s *Sandbox) ExpireAccess(user string) error { return s.auth.ExpireAccess(user) }

// SetScopes replaces the scopes of everything that the user granted. Scopes may be in the short form.
func (s *Sandbox) SetScopes(user string, scopes []string) error {
	return s.auth.SetScopes(user, longScopes(scopes))
}

// Authorize grants scopes (in the short or long form) to the sandbox's client without the sign-in page.
func (s *Sandbox) Authorize(user string, scopes ...string) (access, refresh string, err error) {
	return s.auth.Issue(user, s.cfg.Client.ID, longScopes(scopes)...)
}

func longScopes(scopes []string) []string {
	out := make([]string, len(scopes))
	for i, sc := range scopes {
		out[i] = longScope(sc)
	}
	return out
}

// SetTokenError makes the user's refreshes fail with an AADSTS number, such as 50076, until it is set to 0.
func (s *Sandbox) SetTokenError(user string, number int) error {
	if number != 0 && !entra.Known(number) {
		return fmt.Errorf("the sandbox has no refusal AADSTS%d", number)
	}
	return s.withBox(user, func(m *mailbox) error {
		m.tokenError = number
		s.dirty.mailbox(m)
		return nil
	})
}

// SetLag sets how long later writes stay invisible to delta.
func (s *Sandbox) SetLag(lag time.Duration) error {
	return s.locked(func() error {
		s.lag = lag
		return s.keepSettings()
	})
}

// SetLimits replaces the limits.
func (s *Sandbox) SetLimits(l Limits) error {
	return s.locked(func() error {
		s.cfg.Limits, s.limits = l, l.resolved()
		return s.keepSettings()
	})
}

// SetQuirks replaces the quirks.
func (s *Sandbox) SetQuirks(q Quirks) error {
	return s.locked(func() error {
		s.quirks = q
		return s.keepSettings()
	})
}
