package dynamics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// settle looks at rows that are there already under the ids of new ones: what says the same is the create's own, made by an attempt of
// which the outcome was not learnt.
func (s *sending) settle(ctx context.Context, some []outgoing) {
	if len(some) == 0 {
		return
	}
	ids := make([]string, len(some))
	for i, o := range some {
		ids[i] = o.id
	}
	got, err := s.c.Get(ctx, nil, ids)
	if err != nil {
		for _, o := range some {
			s.results[o.index].Err = unsure(true, "it has the record, and did not show it")
		}
		return
	}
	for i, o := range some {
		res := &s.results[o.index]
		switch g := got[i]; {
		case g.Status != connector.StatusFound:
			// Somebody else's clash, or ours with a row that this user does not see any more.
			res.Err = &connector.DuplicateError{System: System, Field: reasonDuplicate}
		case g.Item.ID == o.id && s.same(o.w.Fields, g.Item):
			it := g.Item
			res.ID, res.Version, res.Item, res.Err = it.ID, it.Version, &it, nil
		default:
			res.Err = &connector.DuplicateError{System: System, ID: g.Item.ID, Field: reasonDuplicate}
		}
	}
}

// same reports whether a row says all that a create was to say.
func (s *sending) same(fields record.Fields, it connector.Item) bool {
	k, _ := it.Raw.(raw)
	if k.closed {
		return false
	}
	w := connector.Write{Op: connector.Update, Fields: maps.Clone(fields), Current: &it}
	delete(w.Fields, record.OrgName)
	for key, vs := range fields {
		have, known := it.Record.Fields[key]
		if len(have) != len(vs) && known {
			return false
		}
		if len(vs) == 1 && known && vs[0].Text != have[0].Text && key != record.OrgName {
			return false
		}
	}
	changes, err := s.d.encode(w)
	if err != nil {
		return false
	}
	for column := range changes {
		if !slices.ContainsFunc(s.d.fields, func(f field) bool { return f.column == column }) {
			return false
		}
	}
	return strings.EqualFold(employerOf(connector.Write{Fields: fields}), strings.TrimSpace(it.Record.Fields.First(record.OrgName)))
}

// releases reports whether the write takes its employer from a contact.
func (o outgoing) releases() bool {
	v, binds := o.body[bindAccount]
	return binds && v == nil && o.w.Op == connector.Update
}

// release takes the employer from a contact in an organisation that does not do so within an update: first the rest is written, on the
// version that was planned on, and then the reference is deleted.
func (s *sending) release(ctx context.Context, o outgoing) {
	c, res := s.c, &s.results[o.index]
	rest := maps.Clone(o.body)
	delete(rest, bindAccount)
	fail := func(err error) { res.Err = c.named(err) }
	patch := o.parts[0]
	b, err := json.Marshal(rest)
	if err != nil {
		fail(err)
		return
	}
	patch.body = b
	switch {
	case len(rest) > 0:
		if _, err := c.do(ctx, patch); err != nil {
			fail(err)
			return
		}
	case o.w.Current != nil:
		now, err := c.Get(ctx, nil, []string{o.id})
		if err == nil && (now[0].Status != connector.StatusFound || now[0].Item.Version != o.w.Current.Version) {
			err = fmt.Errorf("%s: %w", System, connector.ErrVersionConflict)
		}
		if err != nil {
			fail(err)
			return
		}
	}
	off := request{method: http.MethodDelete, path: c.row(o.id) + "/parentcustomerid_account/$ref", right: patch.right, privilege: patch.privilege}
	if _, err := c.do(ctx, off); err != nil && !errors.Is(err, connector.ErrNotFound) {
		fail(err)
		return
	}
	got, err := c.Get(ctx, nil, []string{o.id})
	if err != nil || got[0].Status != connector.StatusFound {
		res.Err = unsure(true, "it did not show the record that it wrote")
		return
	}
	it := got[0].Item
	res.ID, res.Version, res.Item, res.Err = it.ID, it.Version, &it, nil
}
