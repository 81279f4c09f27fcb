package pipedrive

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"time"

	"meibo/shared/connector"
)

// errPage says that Pipedrive does not take its own cursor any more, or never did take what was asked for.
var errPage = errors.New("the page cannot be asked for")

// noFilter is the error of a filter that cannot be listed.
func noFilter() error {
	return &connector.InvalidError{System: System, Reason: "a saved filter that was chosen cannot be listed; it may have been deleted: choose the filters again"}
}

// listed is one page of GET /persons.
type listed struct {
	persons      []person
	vendor, date time.Time
	more         bool
}

// list reads the page of q after pos and moves pos there. It does not believe (connector.ErrTransient) a page that repeats the one
// before, nor one that is empty where there should be records and that says something else when it is asked for again.
func (c *Connector) list(ctx context.Context, q url.Values, pos *position, full bool) (listed, error) {
	q.Set("limit", strconv.Itoa(perPage))
	if pos.Next != "" {
		q.Set("cursor", pos.Next)
	}
	got, next, err := c.page(ctx, q)
	if err != nil {
		if invalid(err) || errors.Is(err, connector.ErrNotFound) {
			err = errPage
		}
		return listed{}, err
	}
	if len(got.persons) == 0 && (full || pos.Next != "") {
		again, _, err := c.page(ctx, q)
		if err != nil {
			return listed{}, err
		}
		if len(again.persons) > 0 {
			return listed{}, unsure(false, "it sent an empty list page, and then another one")
		}
	}
	if next != "" && pos.Lap.closes(next) {
		return listed{}, unsure(false, "it sent list pages that go round in a circle")
	}
	mark := pageDigest(got.persons)
	if len(got.persons) > 0 && mark == pos.Last || next != "" && next == pos.Next {
		return listed{}, unsure(false, "it sent the same list page twice")
	}
	pos.Next, pos.Last, got.more = next, mark, next != ""
	return got, nil
}

// page reads one page of persons.
func (c *Connector) page(ctx context.Context, q url.Values) (listed, string, error) {
	var list []person
	a, next, err := c.ask(ctx, request{path: v2 + "/persons", query: q, right: "read people"}, &list)
	if err != nil {
		return listed{}, "", err
	}
	for i := range list {
		if list[i].ID == 0 {
			return listed{}, "", unsure(false, "it sent a person without an id")
		}
		list[i].tidy()
	}
	return listed{persons: list, vendor: a.vendor, date: a.date}, next, nil
}

func pageDigest(persons []person) string {
	ids := make([]string, len(persons))
	for i, p := range persons {
		ids[i] = p.ID.String()
	}
	d := digest(ids...)
	return base64.RawURLEncoding.EncodeToString(d[:])
}

// scoped is what is known of a scope without looking a record up.
type scoped struct {
	known   bool
	filters bool
	me      num // 0 for everybody's
}

// member says whether p is in the scope, as far as its owner tells.
func (s scoped) member(p *person) connector.Membership {
	switch {
	case !s.known:
		return connector.ScopeUnknown
	case s.me != 0 && p.Owner != s.me:
		return connector.OutOfScope
	case s.filters:
		return connector.ScopeUnknown
	}
	return connector.InScope
}

// owner is whom an owned scope is about: one call in the connector's life, none for other scopes.
func (c *Connector) owner(ctx context.Context, owned bool) (num, error) {
	if !owned {
		return 0, nil
	}
	if c.me == 0 {
		u, err := c.user(ctx)
		if err != nil {
			return 0, err
		}
		c.me = u.ID
	}
	return c.me, nil
}
