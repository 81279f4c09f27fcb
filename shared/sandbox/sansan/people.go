package sansan

import (
	"cmp"
	"slices"
	"time"
)

// tokyo is the zone of Sansan's dates.
var tokyo = time.FixedZone("JST", 9*3600)

// today is the date in Japan.
func (s *Sandbox) today() string { return s.cfg.Clock.Now().In(tokyo).Format(time.DateOnly) }

func comparePerson(p *person, id int64) int { return cmp.Compare(p.id, id) }

// join puts a card into a person, who is made when there is none of that id.
func (s *Sandbox) join(c *card, id int64) {
	p := s.people[id]
	if p == nil {
		p = &person{id: id}
		s.people[id] = p
		o := c.owner.org
		i, _ := slices.BinarySearchFunc(o.people, id, comparePerson)
		o.people = slices.Insert(o.people, i, p)
	}
	p.cards = append(p.cards, c)
	c.Person = id
}

// leave takes a card out of its person, who ends with the last one.
func (s *Sandbox) leave(c *card) {
	p := s.people[c.Person]
	p.cards = slices.DeleteFunc(p.cards, func(x *card) bool { return x == c })
	if len(p.cards) > 0 {
		return
	}
	delete(s.people, p.id)
	o := c.owner.org
	if i, found := slices.BinarySearchFunc(o.people, p.id, comparePerson); found {
		o.people = slices.Delete(o.people, i, i+1)
	}
}

func (s *Sandbox) newPerson() int64 {
	s.count.Person++
	return s.count.Person
}

// add registers a card of a person; 0 is a new one.
func (s *Sandbox) add(c *card, who int64) {
	s.count.Card++
	c.ID, c.Owner = s.count.Card, c.owner.ID
	if c.Exchange == "" {
		c.Exchange = s.today()
	}
	if who == 0 {
		who = s.newPerson()
	}
	s.cards[c.ID] = c
	c.owner.org.byID = append(c.owner.org.byID, c)
	s.join(c, who)
	s.touch(c)
	c.Registered = c.Updated
	if c.Status != processing {
		c.Completed = c.Updated
	}
	s.keepCard(c)
}

// touch moves a card to the end of the order of changes, and keeps it. Times of changes never go back.
func (s *Sandbox) touch(c *card) {
	now := s.cfg.Clock.Now()
	s.count.Changed = max(s.count.Changed, now.Unix())
	s.count.Seq++
	c.Updated, c.Seq, c.Shown = s.count.Changed, s.count.Seq, 0
	if s.cfg.Lag > 0 {
		c.Shown = now.Add(s.cfg.Lag).UnixNano()
	}
	c.owner.org.touched(c)
	s.keepCard(c)
}

// keepOrTouch keeps a card whose change may or may not count as an update.
func (s *Sandbox) keepOrTouch(c *card, touches bool) {
	if touches {
		s.touch(c)
		return
	}
	s.keepCard(c)
}

// listed reports whether listings see a card already.
func (s *Sandbox) listed(c *card) bool {
	return c.Shown == 0 || s.cfg.Clock.Now().UnixNano() >= c.Shown
}

// remove deletes a card for good.
func (s *Sandbox) remove(c *card) {
	c.gone = true
	s.leave(c)
	delete(s.cards, c.ID)
	o := c.owner.org
	if i, found := slices.BinarySearchFunc(o.byID, c.ID, func(x *card, id int64) int { return cmp.Compare(x.ID, id) }); found {
		o.byID = slices.Delete(o.byID, i, i+1)
	}
	s.draft.Drop(itemKey("card", c.ID))
}

// merge makes one person of two: the winner keeps its id, or both get a new one. It returns the id of the one that is left.
func (s *Sandbox) merge(winner, loser *person, fresh bool) int64 {
	into := winner.id
	moving := slices.Clone(loser.cards)
	if fresh {
		into = s.newPerson()
		moving = append(moving, winner.cards...)
	}
	for _, c := range moving {
		s.move(c, into)
		s.keepOrTouch(c, s.cfg.Quirks.MergeTouches)
	}
	for _, id := range []int64{winner.id, loser.id} {
		if id != into {
			s.merged[id] = into
			s.draft.PutJSON(itemKey("merged", id), into)
		}
	}
	return into
}

func (s *Sandbox) move(c *card, to int64) {
	s.leave(c)
	s.join(c, to)
}

// survivor is the person that an id stands for, or nil.
func (s *Sandbox) survivor(id int64) *person {
	for s.cfg.Quirks.FollowMerged && s.people[id] == nil && s.merged[id] != 0 {
		id = s.merged[id]
	}
	return s.people[id]
}

// handOver gives a card to another user of the same organization.
func (s *Sandbox) handOver(c *card, to *user) {
	c.owner, c.Owner = to, to.ID
	s.keepOrTouch(c, s.cfg.Quirks.OwnerTouches)
}
