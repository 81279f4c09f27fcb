package pipedrive

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"meibo/shared/connector"
)

// Changes lists persons. A full listing goes by id; in an owned scope the vendor leaves out what belongs to others. A full listing of
// filters takes them one by one; a person in two of them comes twice.
//
// An incremental listing is by update_time, oldest first, from a little before the start of the one before it, of everybody's people: so
// one that changed hands shows as out of scope. It ends with what had changed when it began. It does not tell which filter a person
// is in (connector.ScopeUnknown); if it met anything, the filters are asked for what changed in them. Deletions are in none of it: they
// come as hints, or by the scan of ids (Members).
func (c *Connector) Changes(ctx context.Context, scope connector.Scope, cur string) (connector.Page, error) {
	state, err := c.open(ctx, scope, cur)
	if err != nil {
		return connector.Page{}, err
	}
	for retried := false; ; {
		page, err := c.step(ctx, &state)
		if errors.Is(err, errPage) {
			if err := state.reopen(retried); err != nil {
				return connector.Page{}, err
			}
			retried = true
			continue
		}
		if err != nil {
			return connector.Page{}, err
		}
		if state.Phase == phaseMarks && !page.Full {
			if err := c.mark(ctx, &state, &page); err != nil {
				return connector.Page{}, err
			}
		}
		if page.More = state.Phase != phaseDone; page.More && len(page.Changed) == 0 && len(page.Deleted) == 0 {
			continue // an empty page would cost the engine a checkpoint
		}
		if t, err := time.Parse(time.RFC3339, state.Start); err == nil {
			page.Since = t
		}
		if !page.More {
			state.finish()
		}
		page.Next = state.encode()
		return page, nil
	}
}

// mark asks the filters right after the last page of the change listing, as long as each answers in one page, so that most records
// come once and with their scope. What it does not finish goes on as pages of their own.
func (c *Connector) mark(ctx context.Context, s *cursor, page *connector.Page) error {
	for s.Phase == phaseMarks && s.Next == "" {
		marks, err := c.step(ctx, s)
		if errors.Is(err, errPage) {
			return noFilter()
		}
		if err != nil {
			return err
		}
		for _, it := range marks.Changed {
			i := slices.IndexFunc(page.Changed, func(have connector.Item) bool { return have.ID == it.ID })
			if i < 0 {
				page.Changed = append(page.Changed, it)
			} else {
				page.Changed[i] = it
			}
		}
	}
	return nil
}

// open returns the state to go on from: the first page of a listing, or where the cursor stands.
func (c *Connector) open(ctx context.Context, scope connector.Scope, cur string) (cursor, error) {
	var s cursor
	if cur == "" {
		me, err := c.owner(ctx, scope.Owned)
		if err != nil {
			return cursor{}, err
		}
		s = cursor{Phase: phaseAll, Fields: scope.Fields, Filters: scope.Groups, Me: me}
		if len(s.Filters) > 0 {
			s.Phase = phaseFilters
		}
	} else {
		var err error
		if s, err = decodeCursor(cur); err != nil {
			return cursor{}, err
		}
		if s.Phase == phaseDone {
			s.Phase = phaseChanges
		}
	}
	c.scoped = s.scoped()
	return s, nil
}

func (c *cursor) scoped() scoped { return scoped{known: true, filters: len(c.Filters) > 0, me: c.Me} }

// reopen prepares to go on after Pipedrive refused a page. Where the listing goes by time it is taken up at the newest time met; one by
// id has to start again. A second refusal, or one of a first page, is about more than a cursor.
func (c *cursor) reopen(again bool) error {
	switch {
	case c.Next == "" && (c.Phase == phaseFilters || c.Phase == phaseMarks):
		return noFilter()
	case again || c.Next == "":
		return unsure(false, "it refuses to list people")
	case c.Phase == phaseAll || c.Phase == phaseFilters:
		return connector.ErrCursorExpired
	case c.Phase == phaseMarks:
		c.position = position{Filter: c.Filter}
	case !c.takeUp():
		return connector.ErrCursorExpired
	}
	return nil
}

// step reads one page and moves the state on; at the end of the chain the phase is phaseDone.
func (c *Connector) step(ctx context.Context, s *cursor) (connector.Page, error) {
	switch s.Phase {
	case phaseAll, phaseChanges:
		return c.stepAll(ctx, s)
	case phaseFilters, phaseMarks:
		return c.stepFilter(ctx, s)
	}
	return connector.Page{}, connector.ErrCursorExpired
}

// stepAll reads one page of everything, or of what changed.
func (c *Connector) stepAll(ctx context.Context, s *cursor) (connector.Page, error) {
	page := connector.Page{Full: s.Phase == phaseAll}
	q := url.Values{"sort_by": {"id"}, "sort_direction": {"asc"}}
	switch {
	case !page.Full:
		q.Set("sort_by", "update_time")
		q.Set("updated_since", s.Since)
		if s.From != "" {
			q.Set("updated_since", s.From)
		}
	case s.Me != 0:
		q.Set("owner_id", s.Me.String())
	}
	got, err := c.list(ctx, q, &s.position, page.Full)
	if err != nil {
		return page, err
	}
	s.begin(got)
	var keep []person
	for _, p := range got.persons {
		again := s.note(&p)
		switch {
		case page.Full && p.Deleted, again:
		case p.Deleted:
			page.Deleted = append(page.Deleted, connector.Deletion{ID: p.ID.String(), Evidence: connector.EvidenceAccount})
		default:
			keep = append(keep, p)
		}
	}
	if page.Changed, err = c.items(ctx, s, keep, s.scoped().member); err != nil {
		return page, err
	}
	s.Hit = s.Hit || len(page.Changed) > 0
	// What changed since the listing began is the next listing's: without this end, what a run writes while it lists would come
	// round again at the end of the same listing.
	ended := !page.Full && before(s.Until, s.Newest)
	switch {
	case got.more && !ended:
	case !page.Full && s.Hit && len(s.Filters) > 0:
		s.Phase, s.position = phaseMarks, position{}
	default:
		s.Phase = phaseDone
	}
	return page, nil
}

// stepFilter reads one page of one filter: all of it in a full listing, what changed since in an incremental one. Whether the vendor looks
// at updated_since beside filter_id is not documented; so the newest are asked for first, and the filter is left at the first page that reaches what
// is older, if it is in that order.
func (c *Connector) stepFilter(ctx context.Context, s *cursor) (connector.Page, error) {
	page := connector.Page{Full: s.Phase == phaseFilters}
	q := url.Values{"filter_id": {s.Filters[s.Filter]}, "sort_by": {"id"}, "sort_direction": {"asc"}}
	if !page.Full {
		q.Set("sort_by", "update_time")
		q.Set("sort_direction", "desc")
	}
	got, err := c.list(ctx, q, &s.position, page.Full)
	if err != nil {
		return page, err
	}
	s.begin(got)
	var keep []person
	for _, p := range got.persons {
		old := !page.Full && (before(p.Updated, s.Since) || s.Seen.has(p.ID.String(), p.version()))
		if page.Full {
			s.note(&p)
		}
		if !old && !p.Deleted {
			keep = append(keep, p)
		}
	}
	// A filter takes no owner beside it.
	mine := scoped{known: true, me: s.Me}
	if page.Changed, err = c.items(ctx, s, keep, mine.member); err != nil {
		return page, err
	}
	switch {
	case got.more && (page.Full || !passed(got.persons, s.Since)):
	case s.Filter+1 < len(s.Filters):
		s.position = position{Filter: s.Filter + 1}
	default:
		s.Phase, s.position = phaseDone, position{}
	}
	return page, nil
}

// passed reports whether a list that goes from the newest on is past since. One that is in another order never is.
func passed(list []person, since string) bool {
	for i := 1; i < len(list); i++ {
		if before(list[i-1].Updated, list[i].Updated) {
			return false
		}
	}
	return len(list) > 0 && before(list[len(list)-1].Updated, since)
}

// begin notes when the vendor began to answer.
func (c *cursor) begin(got listed) {
	if c.Start == "" {
		c.Start, c.Until = stamp(got.date), stamp(got.vendor)
	}
}

// note takes down a person that was met, and reports whether the listing before, or this one, had it as it is.
func (c *cursor) note(p *person) (again bool) {
	id, version := p.ID.String(), p.version()
	if p.Deleted {
		version = "deleted"
	}
	c.Newest = later(c.Newest, p.Updated)
	again = c.Seen.has(id, version) || c.Fresh.has(id, version)
	if !before(p.Updated, back(c.Start, overlap)) {
		c.Fresh.add(id, version)
	}
	return again
}

// items are the neutral forms of persons.
func (c *Connector) items(ctx context.Context, s *cursor, list []person, member func(*person) connector.Membership) ([]connector.Item, error) {
	if len(list) == 0 {
		return nil, nil
	}
	r, err := c.reader(ctx, s.Fields, list)
	if err != nil {
		return nil, err
	}
	out := make([]connector.Item, len(list))
	for i := range list {
		out[i] = r.item(&list[i], member(&list[i]))
	}
	return out, nil
}
