package dynamics

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// Get reads rows by id, 100 a call, and asks for each that is not named by itself, in one more. Only what the vendor says does not exist,
// while the user may read the whole table, is StatusGone: a row that the user may not see looks the same, and a right that was lost is no
// deletion. A row that was merged comes as the one that it was merged into. What Get says of membership is that of the scope listed last,
// as far as a row tells it by itself.
func (c *Connector) Get(ctx context.Context, _ []record.Key, ids []string) ([]connector.Got, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	d, err := c.reader(ctx)
	if err != nil {
		return nil, err
	}
	var asked []string
	for _, id := range ids {
		if isID(id) && !slices.Contains(asked, id) {
			asked = append(asked, id)
		}
	}
	f := &found{items: map[string]connector.Item{}, masters: map[string]string{}, status: map[string]connector.Got{}}
	for turn := 0; turn < 4 && len(asked) > 0; turn++ { // a row may have been merged into one that was merged
		if err := c.fetch(ctx, d, asked, f); err != nil {
			return nil, err
		}
		asked = f.unread()
	}
	out := make([]connector.Got, len(ids))
	for i, id := range ids {
		out[i] = f.got(id)
	}
	return out, nil
}

// found is what reading by id has come to, by id.
type found struct {
	items   map[string]connector.Item
	masters map[string]string
	status  map[string]connector.Got // of what was not found
}

// unread are the rows that others were merged into and that are not known yet.
func (f *found) unread() []string {
	var out []string
	for _, id := range f.masters {
		_, read := f.items[id]
		_, failed := f.status[id]
		if !read && !failed && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// got is the answer for an id, at the end of the chain of merges if that can be seen.
func (f *found) got(id string) connector.Got {
	it, ok := f.items[id]
	if !ok {
		g := f.status[id]
		if g.Status == connector.StatusFound { // it was no id
			g.Status = connector.StatusInvisible
		}
		g.ID = id
		return g
	}
	for range len(f.masters) {
		to, merged := f.masters[it.ID]
		next, seen := f.items[to]
		if !merged || !seen {
			break
		}
		it = next
	}
	return connector.Got{ID: id, Status: connector.StatusFound, Item: it}
}

// fetch reads rows.
func (c *Connector) fetch(ctx context.Context, d *reader, ids []string, f *found) error {
	for some := range slices.Chunk(ids, readSize) {
		r := c.listing(false)
		q := query("$select", c.selection(d.cat), "$filter", anyOf(c.key, some, plain))[1:]
		if _, err := c.page(ctx, c.set, q, r, func(r row) { c.keep(d, r, f) }); err != nil {
			return err
		}
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, ok := f.items[id]; return ok })
	for some := range slices.Chunk(missing, readSize) {
		if err := c.fetchEach(ctx, d, some, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *Connector) keep(d *reader, r row, f *found) {
	it, ok := d.item(r, c.member(&c.scope, r))
	if !ok {
		return
	}
	f.items[it.ID] = it
	if to := r.master(); isID(to) && to != it.ID {
		f.masters[it.ID] = to
	}
}

// fetchEach reads rows that a list did not name, each by itself.
func (c *Connector) fetchEach(ctx context.Context, d *reader, ids []string, f *found) error {
	parts := make([]request, len(ids))
	for i, id := range ids {
		parts[i] = get(c.row(id)+query("$select", c.selection(d.cat)), annotations)
		parts[i].right, parts[i].privilege = "read "+c.people, c.privilege("Read")
	}
	answers, _, err := c.batch(ctx, parts)
	if err != nil {
		return err
	}
	var absent []string
	for i, a := range answers {
		id := ids[i]
		err := a.outcome(parts[i], false)
		refusal, told := refused(err)
		var r row
		switch {
		case err == nil && json.Unmarshal(a.body, &r) == nil:
			c.keep(d, r, f)
			if _, ok := f.items[id]; !ok {
				f.status[id] = connector.Got{Status: connector.StatusFailed, Err: unsure(false, "it sent another row than the one that was asked for")}
			}
		case err == nil:
			return unsure(false, "it sent a row that is not what its documents describe")
		case told && refusal.code == codeNotFound && errors.Is(err, connector.ErrNotFound):
			absent = append(absent, id)
			f.status[id] = connector.Got{Status: connector.StatusInvisible}
		case errors.Is(err, connector.ErrNotFound), isForbidden(err):
			f.status[id] = connector.Got{Status: connector.StatusInvisible}
		case isInvalid(err):
			f.status[id] = connector.Got{Status: connector.StatusFailed, Err: err}
		default:
			return err
		}
	}
	return c.prove(ctx, absent, f)
}

// prove makes "not found" the vendor's word for a deletion if the user may read the whole table at this moment.
func (c *Connector) prove(ctx context.Context, absent []string, f *found) error {
	if len(absent) == 0 {
		return nil
	}
	may, err := c.access(ctx)
	if err != nil || !may.everything(c.table) {
		return err
	}
	for _, id := range absent {
		f.status[id] = connector.Got{Status: connector.StatusGone}
	}
	return nil
}
