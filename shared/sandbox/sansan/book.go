package sansan

import (
	"fmt"
	"slices"
	"strings"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// A Sandbox is a sandbox.Book: what a person does in Sansan's own pages. A contact is a person of whom the user holds a completed card;
// its content is the newest of these.
var _ sandbox.Book = (*Sandbox)(nil)

// Title is the page's heading.
func (s *Sandbox) Title() string { return "Sansan" }

// on does one thing as a user under the lock, and keeps it.
func (s *Sandbox) on(email string, do func(*call) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[email]
	if u == nil {
		return fmt.Errorf("%q: %w", email, sandbox.ErrNoUser)
	}
	if err := do(&call{s: s, u: u}); err != nil {
		return err
	}
	return s.save()
}

// Fields are the fields that the page offers.
func (s *Sandbox) Fields(email string) ([]record.Field, error) {
	return fieldList(), s.on(email, func(*call) error { return nil })
}

// own is the newest completed card of a person among those that the user holds, or nil.
func (c *call) own(p *person) *card { return p.head(func(x *card) bool { return x.owner == c.u }) }

// contactOf is a person of whom the user holds a card, and that card.
func (c *call) contactOf(id string) (*person, *card, error) {
	if p := c.s.people[parseID(id)]; p != nil {
		if x := c.own(p); x != nil {
			return p, x, nil
		}
	}
	return nil, nil, fmt.Errorf("%q: %w", id, sandbox.ErrNoContact)
}

// ownerGroup gives a seed to another user of the organization, who is named after it.
const ownerGroup = "owner:"

// Fill adds persons with one completed card each, which the user holds and which was exchanged today. A group is a tag that everybody
// sees, made when it is missing; "owner:<e-mail>" names another holder.
func (s *Sandbox) Fill(email string, seeds []sandbox.Seed) (sandbox.Filled, error) {
	out := sandbox.Filled{IDs: make([]string, 0, len(seeds)), Dropped: map[string][]record.Key{}}
	err := s.on(email, func(c *call) error {
		owners, err := c.owners(seeds)
		if err != nil {
			return err
		}
		for i, seed := range seeds {
			x := &card{owner: owners[i], Status: completed}
			var dropped []record.Key
			x.Texts, dropped = x.Texts.write(seed.Record.Fields)
			for _, g := range seed.Groups {
				if !strings.HasPrefix(g, ownerGroup) {
					x.Tags = append(x.Tags, c.tagOf(g).ID)
				}
			}
			s.add(x, 0)
			out.IDs = append(out.IDs, num(x.Person))
			if len(dropped) > 0 {
				out.Dropped[num(x.Person)] = dropped
			}
		}
		return nil
	})
	return out, err
}

// owners are the users who hold what the seeds are to become.
func (c *call) owners(seeds []sandbox.Seed) ([]*user, error) {
	out := make([]*user, len(seeds))
	for i, seed := range seeds {
		out[i] = c.u
		for _, g := range seed.Groups {
			email, named := strings.CutPrefix(g, ownerGroup)
			if !named {
				continue
			}
			var err error
			if out[i], err = c.s.colleague(c.u, email); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Put adds persons as Fill does and returns their ids.
func (s *Sandbox) Put(email string, seeds []sandbox.Seed) ([]string, error) {
	done, err := s.Fill(email, seeds)
	return done.IDs, err
}

// tagOf finds or makes the tag that stands for a group.
func (c *call) tagOf(name string) *tag {
	if t := c.u.org.tagNamed(c.u, name); t != nil {
		return t
	}
	c.s.count.Tag++
	t := &tag{ID: c.s.count.Tag, Name: name, Type: sharedTag, Owner: c.u.ID, owner: c.u}
	c.u.org.tags = append(c.u.org.tags, t)
	c.s.keepTag(t)
	return t
}

// Contacts lists the persons of whom the user holds cards, by id.
func (s *Sandbox) Contacts(email, after string, limit int) (page []sandbox.Contact, next string, err error) {
	err = s.on(email, func(c *call) error {
		people := c.u.org.people
		i, _ := slices.BinarySearchFunc(people, parseID(after)+1, comparePerson)
		for _, p := range people[i:] {
			x := c.own(p)
			if x == nil {
				continue
			}
			if len(page) == limit {
				next = page[len(page)-1].ID
				return nil
			}
			page = append(page, c.contact(p, x))
		}
		return nil
	})
	return page, next, err
}

// Contact returns one person of whom the user holds a card.
func (s *Sandbox) Contact(email, id string) (out sandbox.Contact, err error) {
	err = s.on(email, func(c *call) error {
		p, x, err := c.contactOf(id)
		if err == nil {
			out = c.contact(p, x)
		}
		return err
	})
	return out, err
}

func (c *call) contact(p *person, x *card) sandbox.Contact {
	out := sandbox.Contact{ID: num(p.id), Version: fmt.Sprintf("%d.%d", x.ID, x.Seq), Record: x.Texts.read(), Native: marshal(c.render(x, true))}
	for _, t := range c.tagsOf(x) {
		out.Groups = append(out.Groups, t.Name)
	}
	return out
}

// Edit gives each named field of the newest card that the user holds a complete new list of values.
func (s *Sandbox) Edit(email, id string, fields record.Fields) error {
	return s.on(email, func(c *call) error {
		_, x, err := c.contactOf(id)
		if err != nil {
			return err
		}
		after, dropped := x.Texts.write(fields)
		if len(dropped) > 0 {
			return fmt.Errorf("the sandbox cannot hold what was entered for %v", dropped)
		}
		x.Texts = after
		s.touch(x)
		return nil
	})
}

// Remove deletes all cards of a person that the user holds. Those of colleagues stay.
func (s *Sandbox) Remove(email, id string) error {
	return s.on(email, func(c *call) error {
		p, _, err := c.contactOf(id)
		if err != nil {
			return err
		}
		for _, x := range slices.Clone(p.cards) {
			if x.owner == c.u {
				s.remove(x)
			}
		}
		return nil
	})
}
