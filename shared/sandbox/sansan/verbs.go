package sansan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"meibo/shared/sandbox"
)

// RevokeKey takes a user's key away: calls with it answer 401 from now on.
func (s *Sandbox) RevokeKey(email string) error {
	return s.on(email, func(c *call) error { s.setKey(c.u, ""); return nil })
}

// ReplaceKey gives a user another key and returns it; the old one is dead.
func (s *Sandbox) ReplaceKey(email string) (key string, err error) {
	err = s.on(email, func(c *call) error {
		if c.u.Resigned {
			return errors.New("a user who left gets no key")
		}
		key = s.newKey()
		s.setKey(c.u, key)
		return nil
	})
	return key, err
}

// SetPrivate keeps a user's cards from all others of the organization, or shows them again.
func (s *Sandbox) SetPrivate(email string, private bool) error {
	return s.on(email, func(c *call) error { c.u.Private = private; s.keepUser(c.u); return nil })
}

// SetForbidden takes a user's right to use the API away, or gives it back.
func (s *Sandbox) SetForbidden(email string, forbidden bool) error {
	return s.on(email, func(c *call) error { c.u.Forbidden = forbidden; s.keepUser(c.u); return nil })
}

// Merge makes one person of two (名寄せ) and returns its id: winner's, or a new one if fresh.
func (s *Sandbox) Merge(email, winner, loser string, fresh bool) (id string, err error) {
	err = s.on(email, func(c *call) error {
		w, _, err := c.contactOf(winner)
		if err != nil {
			return fmt.Errorf("winner: %w", err)
		}
		l, _, err := c.contactOf(loser)
		if err != nil {
			return fmt.Errorf("loser: %w", err)
		}
		if l == w {
			return errors.New("a person cannot be merged with itself")
		}
		id = num(s.merge(w, l, fresh))
		return nil
	})
	return id, err
}

// Split takes a card out of its person, as a new person, whose id it returns.
func (s *Sandbox) Split(email, cardID string) (id string, err error) {
	err = s.onCard(email, cardID, func(c *call, x *card) error {
		if len(s.people[x.Person].cards) == 1 {
			return errors.New("the person has no other card")
		}
		s.move(x, s.newPerson())
		s.keepOrTouch(x, s.cfg.Quirks.MergeTouches)
		id = num(x.Person)
		return nil
	})
	return id, err
}

// onCard does one thing to a card that the user holds.
func (s *Sandbox) onCard(email, id string, do func(*call, *card) error) error {
	return s.on(email, func(c *call) error {
		x := s.cards[parseID(id)]
		if x == nil || x.owner != c.u {
			return fmt.Errorf("card %q: %w", id, sandbox.ErrNoContact)
		}
		return do(c, x)
	})
}

// cardsOf are the user's cards that an id names: one card, or all of a person.
func (c *call) cardsOf(id string) ([]*card, error) {
	n := parseID(id)
	if x := c.s.cards[n]; x != nil && x.owner == c.u {
		return []*card{x}, nil
	}
	var out []*card
	if p := c.s.people[n]; p != nil {
		for _, x := range p.cards {
			if x.owner == c.u {
				out = append(out, x)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%q: %w", id, sandbox.ErrNoContact)
	}
	return out, nil
}

func (s *Sandbox) onCards(email, id string, do func(*call, *card)) error {
	return s.on(email, func(c *call) error {
		cards, err := c.cardsOf(id)
		for _, x := range cards {
			do(c, x)
		}
		return err
	})
}

// SetOwner hands a card, or all of the user's cards of a person, over to somebody of the same organization, who is made when there is
// nobody of that address.
func (s *Sandbox) SetOwner(email, id, owner string) error {
	return s.on(email, func(c *call) error {
		cards, err := c.cardsOf(id)
		if err != nil {
			return err
		}
		to, err := s.colleague(c.u, owner)
		if err != nil {
			return err
		}
		for _, x := range cards {
			s.handOver(x, to)
		}
		return nil
	})
}

// Resign ends a user's time in the organization: the key is dead. The cards stay with the name, or go to somebody else.
func (s *Sandbox) Resign(email, to string) error {
	return s.on(email, func(c *call) error {
		var heir *user
		if to != "" {
			var err error
			if heir, err = s.colleague(c.u, to); err != nil {
				return err
			}
			if heir == c.u {
				return errors.New("to: a user cannot hand cards over to himself")
			}
		}
		s.resign(c.u, heir)
		return nil
	})
}

// Touch moves a card, or all of the user's cards of a person, into the window of updates without a change that an app can see.
func (s *Sandbox) Touch(email, id string) error {
	return s.onCards(email, id, func(_ *call, x *card) { s.touch(x) })
}

// SetGroups gives a card, or all of the user's cards of a person, these tags and no others.
func (s *Sandbox) SetGroups(email, id string, names []string) error {
	return s.onCards(email, id, func(c *call, x *card) {
		x.Tags = nil
		for _, n := range names {
			x.Tags = append(x.Tags, c.tagOf(n).ID)
		}
		s.keepOrTouch(x, s.cfg.Quirks.TagTouches)
	})
}

// AddGroup makes a tag of the user's, private, public or shared ("" is shared), and returns its id.
func (s *Sandbox) AddGroup(email, name, kind string) (id string, err error) {
	err = s.on(email, func(c *call) error {
		if kind == "" {
			kind = sharedTag
		}
		if name == "" || !slices.Contains([]string{privateTag, publicTag, sharedTag}, kind) {
			return fmt.Errorf("a tag needs a name and a type that there is, not %q", kind)
		}
		t := c.tagOf(name)
		t.Type = kind
		s.keepTag(t)
		id = num(t.ID)
		return nil
	})
	return id, err
}

// RemoveGroup deletes a tag; the cards stay.
func (s *Sandbox) RemoveGroup(email, id string) error {
	return s.on(email, func(c *call) error {
		t := c.u.org.tag(parseID(id))
		if t == nil || !c.u.mayUse(t) {
			return fmt.Errorf("there is no tag %q", id)
		}
		c.u.org.tags = slices.DeleteFunc(c.u.org.tags, func(x *tag) bool { return x == t })
		s.draft.Drop(itemKey("tag", t.ID))
		for _, x := range c.u.org.byID {
			if n := len(x.Tags); n > 0 {
				x.Tags = slices.DeleteFunc(slices.Clone(x.Tags), func(id int64) bool { return id == t.ID })
				if len(x.Tags) < n {
					s.keepOrTouch(x, s.cfg.Quirks.TagTouches)
				}
			}
		}
		return nil
	})
}

// ExpireCursors makes every page token of the user's organization expire.
func (s *Sandbox) ExpireCursors(email string) error {
	return s.on(email, func(c *call) error { c.u.org.Epoch++; s.keepOrg(c.u.org); return nil })
}

// SetQuirks replaces the quirks, for good.
func (s *Sandbox) SetQuirks(q Quirks) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Quirks = q
	s.draft.PutJSON("quirks", q)
	return s.save()
}

// SetLimits replaces the limits from the next call on.
func (s *Sandbox) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Limits = l
}

// SetLag changes how long changes stay out of the listings, from the next change on.
func (s *Sandbox) SetLag(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Lag = d
}
