package dynamics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"meibo/shared/connector"
)

// Changes implements connector.Connector. Where the organisation tracks the table's changes and the user may read all of it, it follows
// change tracking, which tells deletions (as entries that still have to be proven by a read, since a row that the user may no longer see is
// not distinguished). Else it goes by the time of change and tells none: the scan of ids does (Members).
//
// Neither takes a filter that a scope could be asked for with. Every row comes, and says whether it is in scope: by its owner, its state
// and, where the scope has lists or views, by asking those who is in them once something came. Rows that cannot be edited are never in
// scope; one that was merged comes as connector.Rekey. Scope.Fields is not used: a chain of delta links is for one choice of columns.
func (c *Connector) Changes(ctx context.Context, scope connector.Scope, at string) (connector.Page, error) {
	var cur cursor
	var err error
	if at == "" {
		cur, err = c.begin(ctx, scope)
	} else {
		cur, err = parseCursor(at, c.set)
	}
	if err != nil {
		return connector.Page{}, err
	}
	if at == "" || cur.Rest {
		cur.Rest, c.seen = false, nil
	}
	c.scope = cur
	page := connector.Page{Full: cur.Full}
	for !page.More {
		more, err := c.step(ctx, &cur, &page)
		if err != nil {
			return connector.Page{}, err
		}
		if !more {
			break
		}
		page.More = len(page.Changed)+len(page.Deleted)+len(page.Rekeyed) > 0 // an empty page would cost the engine a checkpoint
	}
	page.Since = time.Unix(cur.Began, 0).UTC()
	if !page.More {
		cur.finish()
	}
	page.Next = cur.String()
	return page, nil
}

// begin returns the cursor of a new full listing.
func (c *Connector) begin(ctx context.Context, scope connector.Scope) (cursor, error) {
	cur := cursor{Version: cursorVersion, Object: c.set, Groups: chosen(scope.Groups), Full: true}
	cat, err := c.catalogue(ctx)
	if err != nil {
		return cur, err
	}
	if cur.Me, err = c.owner(ctx, scope.Owned); err != nil {
		return cur, err
	}
	if cat.tracked {
		may, err := c.access(ctx)
		if err != nil {
			return cur, err
		}
		cur.Tracks = may.tracks(c.table)
	}
	return cur, nil
}

// owner is whom an owned scope is about, "" for other scopes.
func (c *Connector) owner(ctx context.Context, owned bool) (string, error) {
	if !owned {
		return "", nil
	}
	w, err := c.who(ctx)
	return w.UserID, err
}

// question is the query of the next page.
func (c *Connector) question(ctx context.Context, cur *cursor) (string, error) {
	if cur.Link != "" {
		return cur.Link, nil
	}
	cat, err := c.catalogue(ctx)
	if err != nil {
		return "", err
	}
	if cur.Tracks || cur.Full {
		return query("$select", c.selection(cat))[1:], nil
	}
	since := time.Unix(cur.Since, 0).UTC().Format(time.RFC3339)
	return query("$select", c.selection(cat), "$filter", columnModified+" ge "+since, "$orderby", columnModified+" asc,"+c.key+" asc")[1:], nil
}

func (c *Connector) listing(tracks bool) request {
	prefer := []string{pageSize(c.cfg.PageSize), annotations}
	if tracks {
		prefer = append([]string{"odata.track-changes"}, prefer...)
	}
	r := get("", prefer...)
	r.right, r.privilege = "read "+c.people, c.privilege("Read")
	return r
}

// step reads one page, adds it to page and moves the cursor on. It returns false after the last page.
func (c *Connector) step(ctx context.Context, cur *cursor, page *connector.Page) (bool, error) {
	q, err := c.question(ctx, cur)
	if err != nil {
		return false, err
	}
	var got sorted
	p, err := c.page(ctx, c.set, q, c.listing(cur.Tracks), func(r row) { got.take(ctx, c, cur, r) })
	if err != nil {
		return c.stepFailed(ctx, cur, err)
	}
	if got.err != nil {
		return false, got.err
	}
	link, ends := p.next, p.next == ""
	if ends && cur.Tracks {
		link = p.delta
	}
	// An empty page where there should be something, and the end of tracking without a way on, are only believed when they come again.
	if p.rows == 0 && (cur.Full || cur.Link != "" && !cur.Tracks) || ends && cur.Tracks && link == "" {
		again, err := c.page(ctx, c.set, q, c.listing(cur.Tracks), func(row) {})
		if err != nil {
			return false, err
		}
		if again.rows != p.rows || (again.next == "") != ends || (again.delta == "") != (p.delta == "") {
			return false, unsure(false, "it answered one question in two ways")
		}
	}
	switch {
	case ends && cur.Tracks && link == "" && !cur.Full:
		return false, unsure(false, "it sent a list of changes that neither goes on nor ends")
	case p.rows > 0 && p.mark == cur.Last, p.next != "" && p.next == cur.Link:
		return false, unsure(false, "it sent the same list page twice")
	case p.next != "" && cur.Lap.closes(p.next):
		return false, unsure(false, "it sent list pages that go round in a circle")
	case ends && cur.Tracks && link == "":
		cur.Tracks = false // changes are not tracked after all
	}
	if cur.Began == 0 {
		cur.Began = p.date.Unix()
	}
	if err := c.place(ctx, cur, &got); err != nil {
		return false, err
	}
	page.Changed, page.Rekeyed = append(page.Changed, got.items...), append(page.Rekeyed, got.rekeyed...)
	if !page.Full {
		page.Deleted = append(page.Deleted, got.deleted...)
	}
	cur.Link, cur.Last = link, p.mark
	return !ends, nil
}

// stepFailed says what to do where a page could not be read. A listing that cannot begin with change tracking begins without it. A link
// that is not taken any more has expired, unless the user has lost the right to read: then nothing that is missing was deleted, and a person
// has to know why.
func (c *Connector) stepFailed(ctx context.Context, cur *cursor, err error) (bool, error) {
	gone := isInvalid(err) || errors.Is(err, connector.ErrNotFound)
	switch {
	case cur.Tracks && cur.Link == "" && (gone || isForbidden(err)):
		cur.Tracks = false
		return true, nil
	case cur.Link != "" && gone:
		return false, fmt.Errorf("%w: %s does not take its own link any more", connector.ErrCursorExpired, System)
	case cur.Link != "" && cur.Tracks && isForbidden(err):
		may, failed := c.access(ctx)
		if failed == nil && may.known && may.depth[c.privilege("Read")] != "" && !may.everything(c.table) {
			return false, fmt.Errorf("%w: this user may no longer read all %s", connector.ErrCursorExpired, c.people)
		}
	}
	return false, err
}

// sorted is what the rows of a page come to.
type sorted struct {
	items   []connector.Item
	deleted []connector.Deletion
	rekeyed []connector.Rekey
	reader  *reader
	err     error
}

// take sorts one row. The catalogue is only needed once there is one.
func (s *sorted) take(ctx context.Context, c *Connector, cur *cursor, r row) {
	if id, gone := r.removed(); gone {
		if isID(id) {
			s.deleted = append(s.deleted, connector.Deletion{ID: id, Evidence: connector.EvidenceScoped})
		}
		return
	}
	if s.err == nil && s.reader == nil {
		s.reader, s.err = c.reader(ctx)
	}
	if s.err != nil {
		return
	}
	it, ok := s.reader.item(r, c.member(cur, r))
	if !ok {
		return
	}
	if !cur.Tracks {
		again := cur.Seen.has(it.ID, it.Version) || !cur.Full && cur.Fresh.has(it.ID, it.Version)
		if t, err := time.Parse(time.RFC3339, r.text(columnModified)); err != nil || cur.Began == 0 || t.Unix() >= cur.Began-int64(overlap/time.Second) {
			cur.Fresh.add(it.ID, it.Version)
		}
		if again {
			return
		}
	}
	if to := r.master(); isID(to) && to != it.ID {
		s.rekeyed = append(s.rekeyed, connector.Rekey{Old: it.ID, New: to})
		return
	}
	s.items = append(s.items, it)
}

// member says what a row tells of its scope by itself: groups are asked later.
func (c *Connector) member(cur *cursor, r row) connector.Membership {
	switch {
	case c.closed(r), cur.Me != "" && r.text(columnOwner) != cur.Me:
		return connector.OutOfScope
	case cur.Version == 0 || len(cur.Groups) > 0:
		return connector.ScopeUnknown
	}
	return connector.InScope
}

// place asks the groups of a scope about the items whose membership is open.
func (c *Connector) place(ctx context.Context, cur *cursor, got *sorted) error {
	open := func(it connector.Item) bool { return it.Scope == connector.ScopeUnknown }
	if len(cur.Groups) == 0 || !slices.ContainsFunc(got.items, open) {
		return nil
	}
	if err := c.gather(ctx, cur.Groups); err != nil {
		return err
	}
	for i := range got.items {
		if it := &got.items[i]; open(*it) {
			it.Scope = connector.OutOfScope
			if c.seen.has(it.ID) {
				it.Scope = connector.InScope
			}
		}
	}
	return nil
}
