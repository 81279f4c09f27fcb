package sansan

import (
	"fmt"
	"slices"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// NewCard is a card that somebody scanned.
type NewCard struct {
	// Person is whose card it is; "" is somebody new. Then the card begins as a copy of the user's newest one of that person.
	Person string
	Fields record.Fields // what is different on it
	Owner  string        // e-mail address; "" is the user
	// ExchangeDate is YYYY-MM-DD; "" is today.
	ExchangeDate string
	Status       string // of its digitisation; "" is completed
	Groups       []string
}

// AddCard adds a card and returns its id and its person's.
func (s *Sandbox) AddCard(email string, in NewCard) (id, who string, err error) {
	err = s.on(email, func(c *call) error {
		x := &card{owner: c.u, Status: in.Status, Exchange: in.ExchangeDate}
		if x.Status == "" {
			x.Status = completed
		}
		if !slices.Contains([]string{processing, completed, unreadable}, x.Status) {
			return fmt.Errorf("status: there is no %q", x.Status)
		}
		if x.Exchange != "" && !isDate(x.Exchange) {
			return fmt.Errorf("exchange_date: %q is not like 2026-09-11", x.Exchange)
		}
		person := int64(0)
		if in.Person != "" {
			p, old, err := c.contactOf(in.Person)
			if err != nil {
				return err
			}
			person, x.Texts = p.id, old.Texts
		}
		var dropped []record.Key
		if x.Texts, dropped = x.Texts.write(in.Fields); len(dropped) > 0 {
			return fmt.Errorf("the sandbox cannot hold what was entered for %v", dropped)
		}
		if in.Owner != "" {
			var err error
			if x.owner, err = s.colleague(c.u, in.Owner); err != nil {
				return err
			}
		}
		for _, g := range in.Groups {
			x.Tags = append(x.Tags, c.tagOf(g).ID)
		}
		s.add(x, person)
		id, who = num(x.ID), num(x.Person)
		return nil
	})
	return id, who, err
}

// SetStatus moves a card's digitisation on: processing, completed or unreadable.
func (s *Sandbox) SetStatus(email, id, status string) error {
	return s.onCard(email, id, func(_ *call, x *card) error {
		if !slices.Contains([]string{processing, completed, unreadable}, status) {
			return fmt.Errorf("status: there is no %q", status)
		}
		x.Status = status
		s.touch(x)
		if x.Completed = 0; status != processing {
			x.Completed = x.Updated
		}
		s.keepCard(x)
		return nil
	})
}

// RemoveCard deletes one card.
func (s *Sandbox) RemoveCard(email, id string) error {
	return s.onCard(email, id, func(_ *call, x *card) error { s.remove(x); return nil })
}

// Cards are the cards of a person that the user sees, of anybody, newest first, as the API answers them with their tags.
func (s *Sandbox) Cards(email, id string) (out []map[string]any, err error) {
	err = s.on(email, func(c *call) error {
		p := s.people[parseID(id)]
		if p == nil || !slices.ContainsFunc(p.cards, c.u.sees) {
			return fmt.Errorf("%q: %w", id, sandbox.ErrNoContact)
		}
		cards := slices.DeleteFunc(slices.Clone(p.cards), func(x *card) bool { return !c.u.sees(x) })
		slices.SortFunc(cards, func(a, b *card) int { return newer(b, a) })
		for _, x := range cards {
			out = append(out, c.render(x, true))
		}
		return nil
	})
	return out, err
}
