package hubspot

import (
	"context"
	"slices"
	"strconv"
	"time"

	"meibo/shared/connector"
)

// Changes lists contacts. A full listing goes through all of them, or in a scope with segments through the members of one segment after the
// other; a contact in two of them comes twice.
//
// An incremental listing is a search for what was modified since a little before the end of the one before it, which counts as ended a
// minute ago: the index is late by a few moments. What was modified later than that is listed as well, where the search shows it already;
// left for the next listing, a contact whose time moves all the time would never be listed. It goes by id and not by the pages of the
// search, so that it is complete however many contacts were modified at the same moment. Contacts that were merged are told as re-keyed, by the contact that they were merged into. Deletions are in
// none of it: they come as hints, or by the scan of ids (Members).
func (c *Connector) Changes(ctx context.Context, scope connector.Scope, cur string) (connector.Page, error) {
	s, err := c.open(ctx, scope, cur)
	if err != nil {
		return connector.Page{}, err
	}
	for {
		page, err := c.step(ctx, &s)
		if err != nil {
			return connector.Page{}, err
		}
		if page.More = s.Phase != phaseDone; page.More && len(page.Changed)+len(page.Rekeyed) == 0 {
			continue // an empty page would cost the engine a checkpoint
		}
		if s.Until > 0 {
			page.Since = time.UnixMilli(s.Until).UTC()
		}
		if !page.More {
			s.finish()
		}
		page.Next = s.encode()
		return page, nil
	}
}

// open returns the state to go on from: the first page of a listing, or where the cursor stands.
func (c *Connector) open(ctx context.Context, scope connector.Scope, cur string) (cursor, error) {
	var s cursor
	var err error
	if cur == "" {
		s = cursor{Phase: phaseAll, Fields: scope.Fields, Segments: slices.Clone(scope.Groups)}
		if s.Owner, err = c.owner(ctx, scope.Owned); err != nil {
			return cursor{}, err
		}
		if len(s.Segments) > 0 {
			s.Phase = phaseSegments
		}
	} else {
		if s, err = decodeCursor(cur); err != nil {
			return cursor{}, err
		}
		if s.Phase == phaseDone {
			s.Phase = phaseSearch
		}
	}
	c.scoped = s.scoped()
	return s, nil
}

// step reads one page and moves the state on; at the end of the chain the phase is phaseDone.
func (c *Connector) step(ctx context.Context, s *cursor) (connector.Page, error) {
	switch s.Phase {
	case phaseAll:
		return c.stepAll(ctx, s)
	case phaseSegments:
		return c.stepSegment(ctx, s)
	case phaseSearch:
		return c.stepSearch(ctx, s)
	}
	return connector.Page{}, connector.ErrCursorExpired
}

// stepAll reads one page of everything.
func (c *Connector) stepAll(ctx context.Context, s *cursor) (connector.Page, error) {
	page := connector.Page{Full: true}
	cat, err := c.catalogue(ctx)
	if err != nil {
		return page, err
	}
	got, err := c.list(ctx, &s.position, cat.asked)
	if err != nil {
		return page, err
	}
	s.begin(got.began)
	takeListed(cat, s, &page, got.contacts, s.scoped().member)
	if !got.more {
		s.Phase = phaseDone
	}
	return page, nil
}

// stepSegment reads one page of the members of one segment.
func (c *Connector) stepSegment(ctx context.Context, s *cursor) (connector.Page, error) {
	page := connector.Page{Full: true}
	ids, more, began, err := c.members(ctx, s.Segments[s.Segment], &s.position)
	if err != nil {
		return page, err
	}
	s.begin(began)
	list, err := c.readAll(ctx, ids, nil)
	if err != nil {
		return page, err
	}
	if len(list) > 0 {
		cat, err := c.catalogue(ctx)
		if err != nil {
			return page, err
		}
		takeListed(cat, s, &page, list, scoped{known: true, owner: s.Owner}.member)
	}
	switch {
	case more:
	case s.Segment+1 < len(s.Segments):
		s.position = position{Segment: s.Segment + 1}
	default:
		s.Phase, s.position = phaseDone, position{}
	}
	return page, nil
}

// begin notes when the vendor began to answer a full listing.
func (c *cursor) begin(at time.Time) {
	if c.Until == 0 {
		c.Until = millis(at)
	}
}

// takeListed files contacts in a page.
func takeListed(cat *catalogue, s *cursor, page *connector.Page, list []contact, member func(*contact) connector.Membership) {
	for i := range list {
		p := &list[i]
		s.note(p)
		page.Changed = append(page.Changed, cat.item(p, s.Fields, member(p)))
		for _, old := range p.merged() {
			page.Rekeyed = append(page.Rekeyed, connector.Rekey{Old: old, New: p.ID})
		}
	}
}

// window fixes what a search covers that HubSpot began to answer at a time, by the earlier of its clock and ours.
func (c *cursor) window(began time.Time) {
	if c.Until == 0 {
		c.Until = max(millis(began.Add(-visibility)), c.Since+1)
	}
}

// searchBody is the search for what comes after the last id, with the properties called names.
func (c *cursor) searchBody(names []string) map[string]any {
	filters := []map[string]string{
		{"propertyName": propModified, "operator": "GTE", "value": strconv.FormatInt(c.Since, 10)},
	}
	if c.Key != "" {
		filters = append(filters, map[string]string{"propertyName": propID, "operator": "GT", "value": c.Key})
	}
	return map[string]any{
		"filterGroups": []any{map[string]any{"filters": filters}},
		"sorts":        []any{map[string]string{"propertyName": propID, "direction": "ASCENDING"}},
		"properties":   names,
		"limit":        perSearch,
	}
}
