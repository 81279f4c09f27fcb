package zoho

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// Get reads contacts by id. An id that Zoho does not list may be deleted or hidden from this user; it is StatusGone only if the
// deleted-records feed names it.
func (c *Connector) Get(ctx context.Context, fields []record.Key, ids []string) ([]connector.Got, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	names, err := c.apiNames(ctx, fields)
	if err != nil {
		return nil, err
	}
	found := map[string]connector.Item{}
	for _, batch := range idBatches(valid(ids)) {
		list, date, err := c.byID(ctx, names, batch)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			it := r.item(names, date, connector.ScopeUnknown)
			found[it.ID] = it
		}
	}
	var absent []string
	for _, id := range valid(ids) {
		if _, ok := found[id]; !ok {
			absent = append(absent, id)
		}
	}
	var gone map[string]bool
	if len(absent) > 0 {
		if gone, err = c.gone(ctx, absent); err != nil {
			return nil, err
		}
	}
	out := make([]connector.Got, len(ids))
	for i, id := range ids {
		out[i] = connector.Got{ID: id, Status: connector.StatusInvisible}
		if it, ok := found[id]; ok {
			out[i].Status, out[i].Item = connector.StatusFound, it
		} else if gone[id] {
			out[i].Status = connector.StatusGone
		}
	}
	return out, nil
}

// byID lists the records of one batch of ids that can be read.
func (c *Connector) byID(ctx context.Context, names, ids []string) ([]contact, time.Time, error) {
	q := url.Values{"fields": {strings.Join(names, ",")}, "ids": {strings.Join(ids, ",")}}
	var body struct {
		Data json.RawMessage `json:"data"`
	}
	a, found, err := c.read(ctx, request{path: "/Contacts", query: q}, &body)
	var bad *connector.InvalidError
	switch {
	case errors.As(err, &bad) && len(ids) > 1:
		// One of the ids spoils the call: look at the halves.
		first, date, err := c.byID(ctx, names, ids[:len(ids)/2])
		if err != nil {
			return nil, date, err
		}
		second, later, err := c.byID(ctx, names, ids[len(ids)/2:])
		if date.IsZero() {
			date = later
		}
		return append(first, second...), date, err
	case errors.As(err, &bad):
		return nil, time.Time{}, nil
	case err != nil || !found:
		return nil, time.Time{}, err
	}
	list, err := decodeContacts(body.Data)
	if err == nil && len(list) == 0 {
		err = unsure(false, "it sent an empty answer where it sends none for nothing found")
	}
	return list, a.date, err
}

// valid leaves out what cannot be an id of Zoho's, a number, and what is there twice: it would spoil the call for all.
func valid(ids []string) []string {
	out := make([]string, 0, len(ids))
	had := make(map[string]bool, len(ids))
	for _, id := range ids {
		if isID(id) && !had[id] {
			had[id] = true
			out = append(out, id)
		}
	}
	return out
}

func isID(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

// idBatches splits ids into lists that one parameter can hold.
func idBatches(ids []string) [][]string {
	var out [][]string
	length := maxURLList + 1
	for _, id := range ids {
		if length += 1 + len(id); length > maxURLList || len(out[len(out)-1]) == maxIDs {
			out, length = append(out, nil), len(id)
		}
		out[len(out)-1] = append(out[len(out)-1], id)
	}
	return out
}
