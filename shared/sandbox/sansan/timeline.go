package sansan

import (
	"cmp"
	"iter"
	"slices"
	"sort"
)

// logged is one entry of the order of changes; it is stale once its card has moved on.
type logged struct {
	seq  uint64
	at   int64
	card *card
}

func (l logged) stale() bool { return l.card.Seq != l.seq || l.card.gone }

// The orders of a listing.
const (
	byRegistered = "registeredAt"
	byCompleted  = "completedAt"
	byUpdated    = "updatedAt"
)

// place is a card's place in an order. Keys of cards are unique with the second number.
type place struct{ A, B int64 }

func (p place) compare(o place) int { return cmp.Or(cmp.Compare(p.A, o.A), cmp.Compare(p.B, o.B)) }

func placeOf(c *card, order string) place {
	switch order {
	case byUpdated: // Seq goes the same way
		return place{int64(c.Seq), 0}
	case byCompleted:
		return place{c.Completed, c.ID}
	}
	return place{c.ID, 0} // ids are given at registration
}

// span is a stretch of update times in seconds, both ends in it.
type span struct{ from, to int64 }

func (s span) holds(c *card) bool { return s.from <= c.Updated && c.Updated <= s.to }

// touched notes that c was modified just now.
func (o *org) touched(c *card) {
	if len(o.changes) > 64 && len(o.changes) > 2*(len(o.byID)+1) {
		o.changes = slices.DeleteFunc(o.changes, logged.stale)
	}
	o.changes = append(o.changes, logged{c.Seq, c.Updated, c})
}

// rebuild makes the orders anew after a load.
func (o *org) rebuild() {
	slices.SortFunc(o.byID, func(a, b *card) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(o.people, func(a, b *person) int { return cmp.Compare(a.id, b.id) })
	slices.SortFunc(o.tags, func(a, b *tag) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(o.users, func(a, b *user) int { return cmp.Compare(a.ID, b.ID) })
	for _, c := range o.byID {
		o.changes = append(o.changes, logged{c.Seq, c.Updated, c})
	}
	slices.SortFunc(o.changes, func(a, b logged) int { return cmp.Compare(a.seq, b.seq) })
}

// window is the part of the changes that lies in a span.
func (o *org) window(s span) []logged {
	from := sort.Search(len(o.changes), func(i int) bool { return o.changes[i].at >= s.from })
	to := sort.Search(len(o.changes), func(i int) bool { return o.changes[i].at > s.to })
	return o.changes[from:max(from, to)]
}

// walk goes through the cards whose last change lies in a span, in an order, beginning after a place (nil is the beginning).
func (o *org) walk(order string, desc bool, after *place, in span) iter.Seq[*card] {
	win := o.window(in)
	if order == byUpdated {
		return walkList(win, desc, after, func(l logged) place { return place{int64(l.seq), 0} }, func(l logged) *card {
			if l.stale() {
				return nil
			}
			return l.card
		})
	}
	passing := func(c *card) *card {
		if !in.holds(c) {
			return nil
		}
		return c
	}
	at := func(c *card) place { return placeOf(c, order) }
	if order == byRegistered && len(win) > len(o.byID)/8 { // cheaper to pass by some than to sort most
		return walkList(o.byID, desc, after, at, passing)
	}
	var cards []*card
	for _, l := range win {
		if !l.stale() {
			cards = append(cards, l.card)
		}
	}
	slices.SortFunc(cards, func(a, b *card) int { return at(a).compare(at(b)) })
	return walkList(cards, desc, after, at, passing)
}

// walkList goes through a sorted list. take returns nil for what is left out.
func walkList[T any](list []T, desc bool, after *place, at func(T) place, take func(T) *card) iter.Seq[*card] {
	return func(yield func(*card) bool) {
		from, step := 0, 1
		if after != nil {
			from = sort.Search(len(list), func(i int) bool { return at(list[i]).compare(*after) > 0 })
		}
		if desc {
			from, step = len(list)-1, -1
			if after != nil {
				from = sort.Search(len(list), func(i int) bool { return at(list[i]).compare(*after) >= 0 }) - 1
			}
		}
		for i := from; i >= 0 && i < len(list); i += step {
			if c := take(list[i]); c != nil && !yield(c) {
				return
			}
		}
	}
}
