package sansan

import (
	"context"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// What one answer of Changes and Members holds: as many cards as half a page of the vendor's, so that the windows of quiet years do not each
// come as a page of their own, but after so many calls whatever there is.
const (
	enough   = perPage / 2
	maxCalls = 40
)

// Changes lists persons by their newest card, as far as it is the key owner's and was read in. A full listing goes through all windows from the
// first year on; a listing of changes through those since a little before the start of the one before. A card that changes while it is listed
// is named by the next listing at the latest; should its leaving a window make Sansan's pages skip another, the next full listing names that one.
// Deletions and merges are in none of it: the scan of ids (Members) and reads by id tell them.
//
// In a scope of tags, persons without any of them are out of scope. Whether a tag that is set or taken away counts as an update is not
// documented; the scan of ids finds it.
func (c *Connector) Changes(ctx context.Context, scope connector.Scope, cur string) (connector.Page, error) {
	s := cursor{Fields: scope.Fields, Groups: groupsOf(scope), Walk: walk{From: began, Whole: true}}
	if cur != "" {
		var err error
		if s, err = decodeCursor(cur); err != nil {
			return connector.Page{}, err
		}
	}
	c.scoped = scoped{known: true, groups: s.Groups}
	page := connector.Page{Full: s.Walk.Whole}
	for calls, done := 0, false; !done && calls < maxCalls && len(page.Changed) < enough; calls++ {
		cards, end, err := c.step(ctx, &s.Walk, len(s.Groups) > 0)
		if err != nil && calls > 0 { // what was read is not read again, and the next call meets the same
			break
		}
		if err != nil {
			return connector.Page{}, err
		}
		for _, it := range c.persons(cards, s.Fields) {
			again := s.Seen.has(&it)
			s.Fresh.add(&it)
			if page.Full || !again {
				page.Changed = replace(page.Changed, it)
			}
		}
		done, page.More = end, !end
	}
	page.Since = time.Unix(s.Walk.Start, 0).UTC()
	if !page.More {
		s.finish()
	}
	page.Next = s.encode()
	return page, nil
}

// replace puts an item in the place of what the page has of the same person, or at the end.
func replace(list []connector.Item, it connector.Item) []connector.Item {
	if i := slices.IndexFunc(list, func(have connector.Item) bool { return have.ID == it.ID }); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	return append(list, it)
}

// persons are the items of a page's cards: one a person, of the newest card. A card that is listed twice counts as it was listed last. What
// cannot be told from others, or was not read in, is left out.
func (c *Connector) persons(cards []card, fields []record.Key) []connector.Item {
	last, best := map[string]int{}, map[string]int{} // by card, and by person
	for i := range cards {
		last[cards[i].ID.value] = i
	}
	for i := range cards {
		k := &cards[i]
		if last[k.ID.value] != i || !isID(k.ID.value) || !isID(k.Person.value) || !k.completed() {
			continue
		}
		if c.me == "" { // the listing is of the key's own cards
			c.me = k.Owner.ID.value
		}
		if j, there := best[k.Person.value]; !there || k.after(&cards[j]) {
			best[k.Person.value] = i
		}
	}
	var out []connector.Item
	for i := range cards {
		k := &cards[i]
		if j, there := best[k.Person.value]; there && j == i {
			out = append(out, c.item(k.Person.value, k, fields, c.member(k, c.owner)))
		}
	}
	return out
}

// scoped is the scope of a listing.
type scoped struct {
	known  bool
	groups []string
}

// member says whether a card is in the scope, which is the user owner's; "" is whoever's key it is.
func (c *Connector) member(k *card, owner string) connector.Membership {
	switch {
	case owner != "" && k.Owner.ID.value != "" && k.Owner.ID.value != owner:
		return connector.OutOfScope
	case !c.scoped.known:
		return connector.ScopeUnknown
	case len(c.scoped.groups) == 0:
		return connector.InScope
	case !k.Tags.told:
		return connector.ScopeUnknown
	case slices.ContainsFunc(k.Tags.ids, func(id string) bool { return slices.Contains(c.scoped.groups, id) }):
		return connector.InScope
	}
	return connector.OutOfScope
}
