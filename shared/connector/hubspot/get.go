package hubspot

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// readBatch reads up to 100 contacts by id, with the properties called names. It leaves out what is not there.
func (c *Connector) readBatch(ctx context.Context, ids, names []string, archived bool) ([]contact, error) {
	inputs := make([]map[string]string, len(ids))
	for i, id := range ids {
		inputs[i] = map[string]string{"id": id}
	}
	r := request{method: http.MethodPost, path: contactsPath("/batch/read"), body: map[string]any{"inputs": inputs, "properties": names}, right: "read contacts", scope: ScopeContactsRead}
	if archived {
		r.query = url.Values{"archived": {"true"}}
	}
	var got answers
	if _, err := c.ask(ctx, r, &got); err != nil {
		return nil, err
	}
	if got.Results == nil && len(got.Errors) == 0 {
		return nil, strange(r)
	}
	for _, e := range got.Errors { // what fails for another reason is there, and must not count as missing
		if e.Category != categoryGone && e.Category != "VALIDATION_ERROR" {
			return nil, unsure(false, "it did not show each contact that was asked for")
		}
	}
	return got.Results, nil
}

// readAll reads contacts by id, with the properties called names, nil for all of the catalogue. What is not there is left out, and so is
// what has another id by now.
func (c *Connector) readAll(ctx context.Context, ids, names []string) ([]contact, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if names == nil {
		cat, err := c.catalogue(ctx)
		if err != nil {
			return nil, err
		}
		names = cat.asked
	}
	at := map[string]contact{}
	for some := range slices.Chunk(ids, perBatch) {
		got, err := c.readBatch(ctx, some, names, false)
		if errors.Is(err, connector.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, p := range got {
			if !p.Archived {
				at[p.ID] = p
			}
		}
	}
	var out []contact
	for _, id := range ids { // in the order of ids: that of the answer is not promised
		if p, ok := at[id]; ok {
			out = append(out, p)
			delete(at, id)
		}
	}
	return out, nil
}

// Get reads contacts by id, 100 a call. Each id that such a call does not name is asked for by itself: it may have been merged into
// another contact, which then comes with its own id. What is found in the recycling bin is StatusGone; what is not even there is
// StatusInvisible, of which two scans make a deletion (Description.GoneAfter). What Get says of membership is that of the scope listed last.
func (c *Connector) Get(ctx context.Context, fields []record.Key, ids []string) ([]connector.Got, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cat, err := c.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	r := reading{c: c, names: cat.asked, found: map[string]contact{}, status: map[string]connector.Status{}, failed: map[string]error{}}
	if err := r.read(ctx, asked(ids)); err != nil {
		return nil, err
	}
	out := make([]connector.Got, len(ids))
	for i, id := range ids {
		out[i] = connector.Got{ID: id, Status: connector.StatusInvisible}
		if p, ok := r.found[id]; ok {
			out[i].Status, out[i].Item = connector.StatusFound, cat.item(&p, fields, c.scoped.member(&p))
		} else if st, ok := r.status[id]; ok {
			out[i].Status, out[i].Err = st, r.failed[id]
		}
	}
	return out, nil
}

// asked leaves out what cannot be an id, which would spoil the call for all, and what is there twice.
func asked(ids []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, id := range ids {
		if isID(id) && !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// reading is what is known of ids so far.
type reading struct {
	c      *Connector
	names  []string
	found  map[string]contact
	status map[string]connector.Status
	failed map[string]error
}

func (r *reading) read(ctx context.Context, ids []string) error {
	for some := range slices.Chunk(ids, perBatch) {
		got, err := r.c.readBatch(ctx, some, r.names, false)
		switch {
		case errors.Is(err, connector.ErrNotFound), invalid(err):
			continue // one of the ids spoils the call; each is asked for by itself
		case denied(err) && len(ids) == 1:
			r.status[ids[0]] = connector.StatusInvisible
			continue
		case err != nil:
			return err
		}
		r.file(some, got)
	}
	if open := r.open(ids); len(open) > fewMissing {
		if err := r.bin(ctx, open); err != nil {
			return err
		}
	}
	var missing []string
	for _, id := range r.open(ids) {
		gone, err := r.one(ctx, id)
		if err != nil {
			return err
		}
		if gone {
			missing = append(missing, id)
		}
	}
	return r.bin(ctx, missing)
}

// fewMissing is up to how many missing contacts are asked for one by one before the recycling bin is looked into, which is surest. Where more
// are missing somebody has deleted many, and a call for each of thousands would never be done.
const fewMissing = 10

// open are the ids of which nothing is known yet.
func (r *reading) open(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		_, found := r.found[id]
		_, told := r.status[id]
		return found || told
	})
}

// file takes the contacts of an answer: those asked for, and those that ids asked for were merged into.
func (r *reading) file(ids []string, got []contact) {
	for _, p := range got {
		if p.Archived {
			continue
		}
		if slices.Contains(ids, p.ID) {
			r.found[p.ID] = p
		}
		for _, old := range p.merged() {
			if slices.Contains(ids, old) {
				r.found[old] = p
			}
		}
	}
}

// one reads one contact, and reports whether it is not there.
func (r *reading) one(ctx context.Context, id string) (gone bool, err error) {
	var p contact
	q := url.Values{"archived": {"false"}}
	if list := strings.Join(r.names, ","); len(list) <= listMost {
		q.Set("properties", list)
	} else {
		q.Set("properties", propMerged)
	}
	_, err = r.c.ask(ctx, request{path: contactPath(id), query: q, right: "read contacts", scope: ScopeContactsRead}, &p)
	switch {
	case errors.Is(err, connector.ErrNotFound):
		return true, nil
	case denied(err):
		r.status[id] = connector.StatusInvisible
		return false, nil
	case invalid(err):
		r.status[id], r.failed[id] = connector.StatusFailed, err
		return false, nil
	case err != nil:
		return false, err
	case !isID(p.ID):
		return false, unsure(false, "it sent a contact without an id")
	case p.Archived:
		r.status[id] = connector.StatusGone
		return false, nil
	}
	if q.Get("properties") == propMerged {
		got, err := r.c.readAll(ctx, []string{p.ID}, r.names)
		if err != nil {
			return false, err
		}
		if len(got) == 0 {
			return false, unsure(false, "a contact that it shows by itself cannot be read")
		}
		p = got[0]
	}
	r.found[id] = p
	return false, nil
}

// bin looks for contacts in the recycling bin.
func (r *reading) bin(ctx context.Context, ids []string) error {
	for some := range slices.Chunk(ids, perBatch) {
		got, err := r.c.readBatch(ctx, some, []string{propMerged}, true)
		if err != nil && !errors.Is(err, connector.ErrNotFound) && !invalid(err) {
			return err
		}
		for _, p := range got {
			for _, id := range append(p.merged(), p.ID) {
				if p.Archived && slices.Contains(some, id) {
					r.status[id] = connector.StatusGone
				}
			}
		}
	}
	return nil
}
