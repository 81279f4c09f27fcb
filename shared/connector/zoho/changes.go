package zoho

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
)

// Changes lists contacts. A full listing of everything is the listing by Modified_Time, oldest first, without a lower bound, up
// to the moment when it began: a contact that changes meanwhile moves beyond that and is named by the next listing, at the
// latest. Where Zoho ends a listing (100,000 records) it goes on from the newest time met. A full listing of views takes the
// views one by one; a contact in two of them comes twice.
//
// An incremental listing is the same one with If-Modified-Since, then the deleted-records feed. It does not tell which view a
// contact is in (connector.ScopeUnknown); if it met anything, the views are asked for what changed in them.
//
// In a scope of the user's own contacts all are listed, and those of others come as connector.OutOfScope, so that a contact that changed
// hands is told (ZO1). Who the user is costs a call at the beginning of a full listing.
func (c *Connector) Changes(ctx context.Context, scope connector.Scope, cur string) (connector.Page, error) {
	state, err := c.open(ctx, scope, cur)
	if err != nil {
		return connector.Page{}, err
	}
	for retried := false; ; {
		page, err := c.step(ctx, &state)
		if lostPlace := errors.Is(err, errPageToken) || errors.Is(err, errCeiling); lostPlace && !retried {
			if err := state.reopen(err); err != nil {
				return connector.Page{}, err
			}
			retried = true
			continue
		} else if lostPlace {
			return connector.Page{}, unsure(false, "it keeps refusing its own page tokens")
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
			retried = false
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

// mark asks the views right after the last page of the change listing, as long as each answers in one page, so that most records
// come once and with their scope. What it does not finish goes on as pages of their own.
func (c *Connector) mark(ctx context.Context, s *cursor, page *connector.Page) error {
	for s.Phase == phaseMarks && s.Page == 0 {
		marks, err := c.step(ctx, s)
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
	if cur == "" {
		names, err := c.apiNames(ctx, scope.Fields)
		if err != nil {
			return cursor{}, err
		}
		s := cursor{Phase: phaseAll, Names: names, Views: scope.Groups}
		if scope.Owned {
			if len(names) == maxFields {
				return cursor{}, &connector.InvalidError{System: System, Reason: "a listing of the user's own contacts can hold one field less than others; map one field less"}
			}
			me, err := c.currentUser(ctx)
			if err != nil {
				return cursor{}, err
			}
			s.Me = me.ID
		}
		if len(s.Views) > 0 {
			s.Phase = phaseViews
		}
		return s, nil
	}
	s, err := decodeCursor(cur)
	if err == nil && s.Phase == phaseDone {
		s.Phase = phaseChanges
	}
	return s, err
}

// fields are the names to ask for.
func (c *cursor) fields() string {
	if c.Me == "" {
		return strings.Join(c.Names, ",")
	}
	return strings.Join(c.Names, ",") + "," + apiOwner
}

// member is m for a record that counts, and OutOfScope for one that belongs to somebody else than the one whose records alone do.
func (c *cursor) member(r contact, m connector.Membership) connector.Membership {
	if c.Me == "" {
		return m
	}
	if owner, _ := r[apiOwner].(map[string]any); owner["id"] != c.Me {
		return connector.OutOfScope
	}
	return m
}

// byTime says that the scan goes by Modified_Time, oldest first, and can be taken up at any time.
func (c *cursor) byTime() bool { return c.Phase == phaseAll || c.Phase == phaseChanges }

// reopen prepares to go on after Zoho would not page any further. Nothing of a chain counts as covered before its end, so to
// begin a scan again loses nothing.
func (c *cursor) reopen(why error) error {
	switch ceiling := errors.Is(why, errCeiling); {
	case !ceiling && (c.Phase == phaseAll || c.Phase == phaseViews):
		return connector.ErrCursorExpired
	case c.byTime() && (c.takeUp() || !ceiling):
		return nil
	case ceiling:
		return tooMany() // a view, or one second that holds more than a listing: there is no way on
	}
	c.position = position{View: c.View}
	return nil
}

func tooMany() error {
	return &connector.InvalidError{System: System, Reason: "the list has more records than Zoho CRM lets a program read in one go (100,000); choose smaller lists, or all contacts"}
}

// step reads one page and moves the state on; at the end of the chain the phase is phaseDone.
func (c *Connector) step(ctx context.Context, s *cursor) (connector.Page, error) {
	switch s.Phase {
	case phaseAll, phaseChanges:
		return c.stepByTime(ctx, s)
	case phaseViews, phaseMarks:
		return c.stepView(ctx, s)
	case phaseDeleted:
		return c.stepDeleted(ctx, s)
	}
	return connector.Page{}, connector.ErrCursorExpired
}

// stepByTime reads one page of the listing by Modified_Time.
func (c *Connector) stepByTime(ctx context.Context, s *cursor) (connector.Page, error) {
	page := connector.Page{Full: s.Phase == phaseAll}
	q := url.Values{"fields": {s.fields()}, "sort_by": {apiModified}, "sort_order": {"asc"}}
	since := s.Since
	if s.From != "" {
		since = s.From
	}
	got, err := c.list(ctx, q, since, &s.position)
	if err != nil {
		return page, err
	}
	if s.Start == "" {
		s.Start, s.Until = stamp(got.date), stamp(got.vendor)
	}
	next := back(s.Start, overlap)
	member := connector.InScope
	if len(s.Views) > 0 {
		member = connector.ScopeUnknown
	}
	for _, r := range got.records {
		id, version := r.text("id"), r.text(apiModified)
		s.Newest = later(s.Newest, version)
		again := s.Seen.has(id, version) || s.Fresh.has(id, version)
		if notBefore(version, next) && settled(version, got.date) {
			s.Fresh.add(id, version)
		}
		if !again {
			page.Changed = append(page.Changed, r.item(s.Names, got.date, s.member(r, member)))
		}
	}
	s.Hit = s.Hit || len(page.Changed) > 0
	// What changed since the listing began is the next listing's: without this end, what a run writes while it lists would come
	// round again at the end of the same listing.
	if s.Newest != "" && !notBefore(s.Until, s.Newest) {
		got.more, got.cut, got.stuck = false, false, false
	}
	switch {
	case got.cut:
		s.takeUp()
	case got.stuck && !s.takeUp():
		return page, tooMany()
	case got.stuck:
	case got.more:
	case s.Phase == phaseAll:
		s.Phase = phaseDone
	case s.Hit && len(s.Views) > 0:
		s.Phase, s.position = phaseMarks, position{}
	default:
		s.Phase, s.position = phaseDeleted, position{}
	}
	return page, nil
}

// stepView reads one page of one view: all of it in a full listing, what changed since in an incremental one.
func (c *Connector) stepView(ctx context.Context, s *cursor) (connector.Page, error) {
	page := connector.Page{Full: s.Phase == phaseViews}
	q := url.Values{"fields": {s.fields()}, "cvid": {s.Views[s.View]}}
	got, err := c.list(ctx, q, s.Since, &s.position)
	if err != nil {
		return page, err
	}
	if s.Start == "" {
		s.Start = stamp(got.date)
	}
	next := back(s.Start, overlap)
	for _, r := range got.records {
		id, version := r.text("id"), r.text(apiModified)
		if s.Phase == phaseMarks && s.Seen.has(id, version) {
			continue
		}
		if s.Phase == phaseViews && notBefore(version, next) && settled(version, got.date) {
			s.Fresh.add(id, version)
		}
		page.Changed = append(page.Changed, r.item(s.Names, got.date, s.member(r, connector.InScope)))
	}
	switch {
	case got.cut:
		return page, unsure(false, "a list ended before its last page")
	case got.stuck:
		return page, tooMany()
	case got.more:
	case s.View+1 < len(s.Views):
		s.position = position{View: s.View + 1}
	case s.Phase == phaseViews:
		s.Phase = phaseDone
	default:
		s.Phase, s.position = phaseDeleted, position{}
	}
	return page, nil
}

// listed is one page of GET /Contacts.
type listed struct {
	records      []contact
	vendor, date time.Time
	more         bool
	// cut says that a page that was announced did not come (204 or 304); stuck, that the next one cannot be asked for.
	cut, stuck bool
}

// list reads the page after pos and moves pos there. It refuses (connector.ErrTransient) an answer that cannot be the page: empty,
// short of its own count, or the page before once more.
func (c *Connector) list(ctx context.Context, q url.Values, since string, pos *position) (listed, error) {
	q.Set("per_page", strconv.Itoa(perPage))
	switch {
	case pos.Token != "":
		q.Set("page_token", pos.Token)
	case pos.Page > 0:
		q.Set("page", strconv.Itoa(pos.Page+1))
	}
	r := request{path: "/Contacts", query: q}
	if since != "" {
		r.header = map[string]string{"If-Modified-Since": since}
	}
	var body struct {
		Data json.RawMessage `json:"data"`
		Info pageInfo        `json:"info"`
	}
	a, found, err := c.read(ctx, r, &body)
	if err != nil {
		return listed{}, err
	}
	out := listed{vendor: a.vendor, date: a.date}
	if !found {
		out.cut = pos.Page > 0
		return out, nil
	}
	if out.records, err = decodeContacts(body.Data); err != nil {
		return listed{}, err
	}
	if len(out.records) == 0 || body.Info.Count != nil && *body.Info.Count != len(out.records) {
		return listed{}, unsure(false, "it sent a list page that is empty or not whole")
	}
	mark := pageDigest(out.records)
	if mark == pos.Last || body.Info.More && body.Info.NextToken != "" && body.Info.NextToken == pos.Token {
		return listed{}, unsure(false, "it sent the same list page twice")
	}
	pos.Page, pos.Token, pos.Last, out.more = pos.Page+1, "", mark, body.Info.More
	if body.Info.More {
		if pos.Token = body.Info.NextToken; pos.Token == "" && pos.Page*perPage >= pageReach {
			out.more, out.stuck = false, true
		}
	}
	return out, nil
}

func pageDigest(records []contact) string {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.text("id")
	}
	d := digest(ids...)
	return base64.RawURLEncoding.EncodeToString(d[:])
}
