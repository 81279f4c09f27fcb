package hubspot

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"meibo/shared/connector"
)

// perGroups is how many segments one search tells; groupPages bounds the searches.
const (
	perGroups  = 500
	groupPages = 40
)

// The processing types of segments. Nothing can be put into a dynamic one: its conditions decide.
const dynamic = "DYNAMIC"

// Groups lists the account's segments of contacts, which HubSpot's API calls lists. Without the right to read them there are none to
// choose.
func (c *Connector) Groups(ctx context.Context) ([]connector.Group, error) {
	out := []connector.Group{}
	if !c.granted(ScopeListsRead) {
		return out, nil
	}
	writable := c.granted(ScopeListsWrite)
	for offset, n := 0, 0; n < groupPages; n++ {
		var got struct {
			Lists []struct {
				ID      string            `json:"listId"`
				Name    string            `json:"name"`
				Type    string            `json:"objectTypeId"`
				Process string            `json:"processingType"`
				Deleted string            `json:"deletedAt"`
				More    map[string]string `json:"additionalProperties"`
			} `json:"lists"`
			HasMore bool `json:"hasMore"`
			Offset  int  `json:"offset"`
		}
		body := map[string]any{"objectTypeId": contactTypeID, "processingTypes": []string{"MANUAL", dynamic, "SNAPSHOT"}, "additionalProperties": []string{"hs_list_size"}, "offset": offset, "count": perGroups}
		if _, err := c.ask(ctx, request{method: http.MethodPost, path: listsPath("/search"), body: body, right: "read segments", scope: ScopeListsRead}, &got); err != nil {
			return nil, err
		}
		if got.Lists == nil {
			return nil, unsure(false, "it sent a list without segments")
		}
		for _, l := range got.Lists {
			if l.ID == "" || l.Name == "" || l.Deleted != "" || l.Type != "" && l.Type != contactTypeID || slices.ContainsFunc(out, func(g connector.Group) bool { return g.ID == l.ID }) {
				continue
			}
			members, err := strconv.Atoi(l.More["hs_list_size"])
			if err != nil {
				members = -1
			}
			out = append(out, connector.Group{ID: l.ID, Name: l.Name, Writable: writable && l.Process != "" && l.Process != dynamic, Members: members})
		}
		if !got.HasMore || got.Offset <= offset {
			break
		}
		offset = got.Offset
	}
	return out, nil
}

// noSegment is the error of a segment that cannot be listed.
func noSegment() error {
	return &connector.InvalidError{System: System, Reason: "a segment that was chosen cannot be listed; it may have been deleted: choose the segments again"}
}

// members reads one page of the ids of a segment's members, and moves pos on.
func (c *Connector) members(ctx context.Context, segment string, pos *position) (ids []string, more bool, began time.Time, err error) {
	q := url.Values{"limit": {strconv.Itoa(perSegment)}}
	first := pos.After == ""
	err = c.page(pos, q, func() ([]string, string, error) {
		var got struct {
			Results []struct {
				ID string `json:"recordId"`
			} `json:"results"`
			Total *int `json:"total"`
			pages
		}
		a, err := c.ask(ctx, request{path: listPath(segment, "/memberships"), query: q, right: "read the members of segments", scope: ScopeListsRead}, &got)
		switch {
		case first && (errors.Is(err, connector.ErrNotFound) || invalid(err)):
			return nil, "", noSegment()
		case errors.Is(err, connector.ErrNotFound) || invalid(err):
			return nil, "", connector.ErrCursorExpired
		case err != nil:
			return nil, "", err
		case got.Results == nil:
			return nil, "", unsure(false, "it sent a segment without members")
		}
		ids, began = nil, a.began
		for _, m := range got.Results {
			if !isID(m.ID) {
				return nil, "", unsure(false, "it sent a member of a segment without an id")
			}
			ids = append(ids, m.ID)
		}
		return ids, got.Paging.Next.After, nil
	})
	return ids, pos.After != "", began, err
}

// locate says of the items of a change listing in a scope with segments whether they are in one of them.
func (c *Connector) locate(ctx context.Context, s *cursor, page *connector.Page) error {
	if len(s.Segments) == 0 {
		return nil
	}
	var ids []string
	for _, it := range page.Changed {
		if it.Scope == connector.ScopeUnknown {
			ids = append(ids, it.ID)
		}
	}
	in, err := c.segmentsOf(ctx, ids)
	if err != nil {
		return err
	}
	for i := range page.Changed {
		it := &page.Changed[i]
		list, known := in[it.ID]
		if it.Scope != connector.ScopeUnknown || !known {
			continue
		}
		it.Scope = connector.OutOfScope
		if slices.ContainsFunc(list, func(l string) bool { return slices.Contains(s.Segments, l) }) {
			it.Scope = connector.InScope
		}
	}
	return nil
}

// segmentsOf are the segments of each contact, by the hundred; where HubSpot does not answer that, each contact is asked for by itself.
func (c *Connector) segmentsOf(ctx context.Context, ids []string) (map[string][]string, error) {
	out := map[string][]string{}
	type membership struct {
		List string `json:"listId"`
	}
	for some := range slices.Chunk(ids, perBatch) {
		if c.single {
			break
		}
		inputs := make([]map[string]string, len(some))
		for i, id := range some {
			inputs[i] = map[string]string{"objectTypeId": contactTypeID, "recordId": id}
		}
		var got struct {
			Results []struct {
				ID    string       `json:"recordId"`
				Lists []membership `json:"recordListMemberships"`
			} `json:"results"`
		}
		_, err := c.ask(ctx, request{method: http.MethodPost, path: listsPath("/records/memberships/batch/read"), body: map[string]any{"inputs": inputs}, right: "read the members of segments", scope: ScopeListsRead}, &got)
		if errors.Is(err, connector.ErrNotFound) || errors.Is(err, connector.ErrMisconfigured) || invalid(err) {
			c.single = true
			break
		}
		if err != nil {
			return nil, err
		}
		for _, r := range got.Results {
			if r.Lists == nil { // that is not none
				continue
			}
			out[r.ID] = []string{}
			for _, l := range r.Lists {
				out[r.ID] = append(out[r.ID], l.List)
			}
		}
	}
	for _, id := range ids {
		if _, have := out[id]; have {
			continue
		}
		var got struct {
			Results []membership `json:"results"`
		}
		_, err := c.ask(ctx, request{path: listsPath("/records/" + contactTypeID + "/" + url.PathEscape(id) + "/memberships"), right: "read the members of segments", scope: ScopeListsRead}, &got)
		if errors.Is(err, connector.ErrNotFound) || invalid(err) {
			continue // it is gone meanwhile
		}
		if err == nil && got.Results == nil {
			err = unsure(false, "it did not say which segments a contact is in")
		}
		if err != nil {
			return nil, err
		}
		out[id] = []string{}
		for _, l := range got.Results {
			out[id] = append(out[id], l.List)
		}
	}
	return out, nil
}

// enter puts new contacts into segments. What HubSpot does not take is left out of the segment: the contacts are there, and stay in
// the connection's scope because Meibo made them.
func (c *Connector) enter(ctx context.Context, segment string, ids []string) {
	_, _ = c.ask(ctx, request{method: http.MethodPut, path: listPath(segment, "/memberships/add"), body: ids, write: true, right: "put contacts into segments", scope: ScopeListsWrite}, nil)
}

// scan is where a scan of ids stands.
type scan struct {
	Segments []string `json:"v,omitempty"`
	Owner    string   `json:"o,omitempty"`
	position
}

// Members lists the ids that are in scope now, one page a call: the members of its segments, or without segments all contacts, or the
// user's own. An id that is in two segments comes twice.
func (c *Connector) Members(ctx context.Context, scope connector.Scope, cur string) (ids []string, next string, err error) {
	m := scan{Segments: slices.Clone(scope.Groups)}
	if cur == "" {
		if m.Owner, err = c.owner(ctx, scope.Owned); err != nil {
			return nil, "", err
		}
	} else if !unpack(cur, &m) {
		return nil, "", connector.ErrCursorExpired
	}
	c.scoped = scoped{known: true, segments: len(m.Segments) > 0, owner: m.Owner}
	for {
		some, more, err := c.scanPage(ctx, &m)
		if err != nil {
			return nil, "", err
		}
		if ids = append(ids, some...); !more {
			return ids, "", nil
		}
		if len(ids) > 0 {
			return ids, pack(m), nil
		}
	}
}

// scanPage reads one page of ids, and reports whether there is another.
func (c *Connector) scanPage(ctx context.Context, m *scan) (ids []string, more bool, err error) {
	var list []contact
	if len(m.Segments) == 0 {
		got, err := c.list(ctx, &m.position, []string{propOwner})
		if err != nil {
			return nil, false, err
		}
		list, more = got.contacts, got.more
	} else {
		if ids, more, _, err = c.members(ctx, m.Segments[m.Segment], &m.position); err != nil {
			return nil, false, err
		}
		if !more && m.Segment+1 < len(m.Segments) {
			m.position, more = position{Segment: m.Segment + 1}, true
		}
		if m.Owner == "" {
			return ids, more, nil
		}
		if list, err = c.readAll(ctx, ids, []string{propOwner}); err != nil {
			return nil, false, err
		}
		ids = nil
	}
	for i := range list {
		if m.Owner == "" || list[i].text(propOwner) == m.Owner {
			ids = append(ids, list[i].ID)
		}
	}
	return ids, more, nil
}
