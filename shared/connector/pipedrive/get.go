package pipedrive

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// Get reads persons by id, 100 a call. A list leaves out in silence what is deleted and what this user may not see, so each id that it
// does not name is asked for by itself: only "not found" and the mark of deletion are StatusGone. What Get says of membership is that
// of the scope listed last.
func (c *Connector) Get(ctx context.Context, fields []record.Key, ids []string) ([]connector.Got, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found := map[string]person{}
	asked := valid(ids)
	if len(asked) > 1 { // one by itself costs a tenth of a list
		for some := range slices.Chunk(asked, maxIDs) {
			got, _, err := c.page(ctx, url.Values{"ids": {strings.Join(some, ",")}, "limit": {strconv.Itoa(perPage)}})
			if invalid(err) || errors.Is(err, connector.ErrNotFound) {
				continue // one of the ids spoils the list; each is asked for by itself
			}
			if err != nil {
				return nil, err
			}
			for _, p := range got.persons {
				found[p.ID.String()] = p
			}
		}
	}
	gone, failed := map[string]bool{}, map[string]error{}
	for _, id := range asked {
		if _, ok := found[id]; ok {
			continue
		}
		p, err := c.one(ctx, id)
		switch {
		case errors.Is(err, connector.ErrNotFound):
			gone[id] = true
		case forbidden(err):
		case invalid(err):
			failed[id] = err
		case err != nil:
			return nil, err
		default:
			found[id] = p
		}
	}
	list := make([]person, 0, len(found))
	for _, p := range found {
		list = append(list, p)
	}
	r, err := c.reader(ctx, fields, list)
	if err != nil {
		return nil, err
	}
	out := make([]connector.Got, len(ids))
	for i, id := range ids {
		out[i] = connector.Got{ID: id, Status: connector.StatusInvisible}
		switch p, ok := found[id]; {
		case gone[id], ok && p.Deleted:
			out[i].Status = connector.StatusGone
		case ok:
			out[i].Status, out[i].Item = connector.StatusFound, r.item(&p, c.scoped.member(&p))
		case failed[id] != nil:
			out[i].Status, out[i].Err = connector.StatusFailed, failed[id]
		}
	}
	return out, nil
}

func invalid(err error) bool {
	var bad *connector.InvalidError
	return errors.As(err, &bad)
}

// one reads one person: a token, where a list is ten. A person that was merged into another may come as that one.
func (c *Connector) one(ctx context.Context, id string) (person, error) {
	var p person
	if _, _, err := c.ask(ctx, request{path: v2 + "/persons/" + id, right: "read people"}, &p); err != nil {
		return person{}, err
	}
	if p.ID == 0 {
		return person{}, unsure(false, "it sent a person without an id")
	}
	p.tidy()
	return p, nil
}

// reader returns what turns the persons of list into items with fields; nil means all.
func (c *Connector) reader(ctx context.Context, fields []record.Key, list []person) (reader, error) {
	if len(list) == 0 {
		return reader{}, nil
	}
	cat, err := c.catalogue(ctx)
	if err != nil {
		return reader{}, err
	}
	r := reader{cat: cat, fields: fields}
	if r.wants(record.OrgName) {
		r.orgs, err = c.employers(ctx, list)
	}
	return r, err
}

// valid leaves out what cannot be an id of Pipedrive's, a number, and what is there twice: it would spoil the call for all.
func valid(ids []string) []string {
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if isID(id) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func isID(s string) bool {
	return s != "" && len(s) <= 18 && strings.Trim(s, "0123456789") == "" && s[0] != '0'
}
