package pipedrive

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"meibo/shared/connector"
)

// Groups lists the saved filters of people that this user can see. Pipedrive does not say how many people one has, and nothing can be
// put into one: its conditions decide.
func (c *Connector) Groups(ctx context.Context) ([]connector.Group, error) {
	var filters []struct {
		ID        num    `json:"id"`
		Name      string `json:"name"`
		Active    *bool  `json:"active_flag"`
		Temporary *bool  `json:"temporary_flag"`
		Type      string `json:"type"`
	}
	if _, _, err := c.ask(ctx, request{path: v1 + "/filters", query: url.Values{"type": {"people"}}, right: "read saved filters"}, &filters); err != nil {
		return nil, err
	}
	out := []connector.Group{}
	for _, f := range filters {
		usable := (f.Active == nil || *f.Active) && (f.Temporary == nil || !*f.Temporary) && (f.Type == "" || f.Type == "people")
		if usable && f.ID != 0 && f.Name != "" {
			out = append(out, connector.Group{ID: f.ID.String(), Name: f.Name, Members: -1})
		}
	}
	return out, nil
}

// scan is where a scan of ids stands.
type scan struct {
	Filters []string `json:"v,omitempty"`
	Me      num      `json:"o,omitempty"`
	position
}

// Members lists the ids that are in scope now, one page a call: those of its filters, or without filters of all people, or of the
// user's own. An id that is in two filters comes twice. It can wait: while the company has less than a fifth of its budget of the day left it
// is refused with *connector.ThrottledError. A cursor of Pipedrive's that has died makes the scan start again: connector.ErrCursorExpired.
func (c *Connector) Members(ctx context.Context, scope connector.Scope, cur string) (ids []string, next string, err error) {
	if err := c.spare(); err != nil {
		return nil, "", err
	}
	m := scan{Filters: slices.Clone(scope.Groups)}
	if cur == "" {
		if m.Me, err = c.owner(ctx, scope.Owned); err != nil {
			return nil, "", err
		}
	} else if b, err := base64.RawURLEncoding.DecodeString(cur); err != nil || json.Unmarshal(b, &m) != nil {
		return nil, "", connector.ErrCursorExpired
	}
	c.scoped = scoped{known: true, filters: len(m.Filters) > 0, me: m.Me}
	for {
		more, err := c.scanPage(ctx, &m, &ids)
		if err != nil || !more {
			return ids, "", err
		}
		if len(ids) == 0 {
			continue
		}
		b, err := json.Marshal(m)
		if err != nil {
			return nil, "", fmt.Errorf("%s: encoding a cursor: %w", System, err)
		}
		return ids, base64.RawURLEncoding.EncodeToString(b), nil
	}
}

// scanPage reads one page of ids, and reports whether there is another.
func (c *Connector) scanPage(ctx context.Context, m *scan, ids *[]string) (more bool, err error) {
	q := url.Values{"sort_by": {"id"}, "sort_direction": {"asc"}}
	switch {
	case len(m.Filters) > 0:
		q.Set("filter_id", m.Filters[m.Filter])
	case m.Me != 0:
		q.Set("owner_id", m.Me.String())
	}
	resumed := m.Next != ""
	got, err := c.list(ctx, q, &m.position, true)
	switch {
	case errors.Is(err, errPage) && resumed:
		return false, connector.ErrCursorExpired
	case errors.Is(err, errPage):
		return false, noFilter()
	case err != nil:
		return false, err
	}
	for i := range got.persons {
		if p := &got.persons[i]; !p.Deleted && (m.Me == 0 || p.Owner == m.Me) {
			*ids = append(*ids, p.ID.String())
		}
	}
	if !got.more && m.Filter+1 < len(m.Filters) {
		m.position = position{Filter: m.Filter + 1}
		return true, nil
	}
	return got.more, nil
}
