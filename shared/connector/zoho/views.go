package zoho

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

// systemAll is the system name of the view that has every record.
const systemAll = "ALLVIEWS"

// Groups lists the custom views of Contacts that this user can see. Zoho does not say how many records one has, and nothing can
// be put into one: its criteria decide.
func (c *Connector) Groups(ctx context.Context) ([]connector.Group, error) {
	var body struct {
		Views []struct {
			ID     string `json:"id"`
			Name   string `json:"name"`
			Shown  string `json:"display_value"`
			System string `json:"system_name"`
		} `json:"custom_views"`
	}
	_, found, err := c.read(ctx, request{path: "/settings/custom_views", query: url.Values{"module": {"Contacts"}}}, &body)
	if err != nil {
		return nil, err
	}
	if !found || len(body.Views) == 0 {
		return nil, unsure(false, "it sent no lists, although every organisation has some")
	}
	out := make([]connector.Group, len(body.Views))
	for i, v := range body.Views {
		out[i] = connector.Group{ID: v.ID, Name: v.Shown, Everything: v.System == systemAll, Members: -1}
		if v.Shown == "" {
			out[i].Name = v.Name
		}
	}
	return out, nil
}

// memberCursor is where a membership scan stands.
type memberCursor struct {
	Views []string `json:"v"`
	position
}

// Members lists the ids that are in the views of scope now, one page of one view a call. An id that is in two views comes
// twice. A page token that has died makes the scan start again: connector.ErrCursorExpired.
func (c *Connector) Members(ctx context.Context, scope connector.Scope, cur string) (ids []string, next string, err error) {
	m := memberCursor{Views: slices.Clone(scope.Groups)}
	if cur != "" {
		b, err := base64.RawURLEncoding.DecodeString(cur)
		if err != nil || json.Unmarshal(b, &m) != nil {
			return nil, "", connector.ErrCursorExpired
		}
	}
	for m.View < len(m.Views) {
		got, err := c.list(ctx, url.Values{"fields": {"id"}, "cvid": {m.Views[m.View]}}, "", &m.position)
		switch {
		case errors.Is(err, errPageToken):
			return nil, "", connector.ErrCursorExpired
		case errors.Is(err, errCeiling) || got.stuck:
			return nil, "", tooMany()
		case err != nil:
			return nil, "", err
		case got.cut:
			return nil, "", unsure(false, "a list ended before its last page")
		}
		for _, r := range got.records {
			ids = append(ids, r.text("id"))
		}
		if !got.more {
			m.position = position{View: m.View + 1}
		}
		if m.View == len(m.Views) {
			break
		}
		if len(ids) > 0 {
			b, err := json.Marshal(m)
			if err != nil {
				return nil, "", fmt.Errorf("%s: encoding a cursor: %w", System, err)
			}
			return ids, base64.RawURLEncoding.EncodeToString(b), nil
		}
	}
	return ids, "", nil
}
