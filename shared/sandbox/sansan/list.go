package sansan

import (
	"math"
	"slices"
	"strings"
)

// listing is what the parameters of the two listings of cards ask for.
type listing struct {
	order    string
	desc     bool
	statuses []string
	tags     bool // show them
	past     bool // all cards of a person
	all      bool // of everybody whose cards the key's user sees
	limit    int
	after    *place
}

// listing reads the parameters; orders are those that the listing knows, the usual one first.
func (c *call) listing(orders ...string) (l listing, err error) {
	var direction, whose string
	read := func(to *string, name string, words ...string) {
		if err == nil {
			*to, err = c.choice(name, words...)
		}
	}
	read(&l.order, "orderBy", orders...)
	read(&direction, "orderDirection", "asc", "desc")
	read(&whose, "range", "me", "all")
	if err != nil {
		return l, err
	}
	l.desc, l.all = direction == "desc", whose == "all"
	if l.statuses, err = c.choices("entryStatus", processing, completed, unreadable); err != nil {
		return l, err
	}
	if len(l.statuses) == 0 {
		l.statuses = []string{completed}
	}
	if l.tags, err = c.flag("includeTags"); err != nil {
		return l, err
	}
	if l.past, err = c.flag("includePastBizCards"); err != nil {
		return l, err
	}
	if l.limit, err = c.limit(cardsMost); err != nil {
		return l, err
	}
	l.after, err = c.after()
	return l, err
}

// covers reports whether a card is among those whose owners the range names, and to be seen by listings.
func (c *call) covers(l listing, x *card) bool {
	return (x.owner == c.u || l.all && c.u.sees(x)) && c.s.listed(x)
}

// shows reports whether a listing has a card: the newest of its person, unless past ones are asked for too. Only completed cards are of
// a person.
func (c *call) shows(l listing, x *card) bool {
	if !slices.Contains(l.statuses, x.Status) || !c.covers(l, x) {
		return false
	}
	if l.past || x.Status != completed {
		return true
	}
	return c.s.people[x.Person].head(func(y *card) bool { return c.covers(l, y) }) == x
}

// page answers the cards in a span that pass.
func (c *call) page(l listing, in span, pass func(*card) bool) (*reply, error) {
	data := make([]object, 0, min(l.limit, defaultLimit))
	var last place
	for x := range c.u.org.walk(l.order, l.desc, l.after, in) {
		if !c.shows(l, x) || !pass(x) {
			continue
		}
		if len(data) == l.limit {
			return pageOf(data, c.next(last))
		}
		data = append(data, c.render(x, l.tags))
		last = placeOf(x, l.order)
	}
	return pageOf(data, "")
}

// list answers GET /bizCards.
func (c *call) list() (*reply, error) {
	in, err := c.window()
	if err != nil {
		return nil, err
	}
	l, err := c.listing(byUpdated, byRegistered, byCompleted)
	if err != nil {
		return nil, err
	}
	return c.page(l, in, func(*card) bool { return true })
}

// condition is a parameter of the search that looks at one text.
type condition struct {
	param string
	text  func(texts) string
	match func(have, want string) bool
}

func textOf(k kind) func(texts) string { return func(ts texts) string { return ts.get(k) } }

var conditions = []condition{
	{"companyName", textOf(companyName), strings.Contains},
	{"name", func(ts texts) string { return ts.get(lastName) + ts.get(firstName) }, strings.HasPrefix},
	{"email", textOf(email), func(have, want string) bool { return have == want }},
	{"tel", textOf(tel), strings.Contains},
	{"mobile", textOf(mobile), strings.Contains},
}

// search answers GET /bizCards/search. All conditions must hold, and one of the tags; without any it is refused. What the condition looks
// at is the newest card of a person, as everywhere.
func (c *call) search() (*reply, error) {
	var asked []condition
	for _, k := range conditions {
		if c.q.Has(k.param) {
			asked = append(asked, k)
		}
	}
	var ids []int64
	for _, text := range c.q["tagId"] {
		id := parseID(text)
		if id == 0 {
			return nil, bad("The parameter tagId must be the id of a tag.")
		}
		ids = append(ids, id)
	}
	if len(asked)+len(ids) == 0 {
		return nil, bad("A search needs a condition.")
	}
	l, err := c.listing(byRegistered, byUpdated)
	if err != nil {
		return nil, err
	}
	return c.page(l, span{math.MinInt64, math.MaxInt64}, func(x *card) bool {
		for _, k := range asked {
			if x.Status != completed || !k.match(k.text(x.Texts), c.q.Get(k.param)) {
				return false
			}
		}
		return len(ids) == 0 || slices.ContainsFunc(ids, func(id int64) bool { return c.tagged(x, id) })
	})
}

// tagged reports whether a card has a tag that the key's user sees.
func (c *call) tagged(x *card, id int64) bool {
	if !slices.Contains(x.Tags, id) {
		return false
	}
	t := c.u.org.tag(id)
	return t != nil && c.u.mayUse(t)
}
