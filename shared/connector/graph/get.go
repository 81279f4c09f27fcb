package graph

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// Get implements connector.Connector. On a mailbox of work or school Graph's "not found" is its word for a deleted contact. On a
// personal one it has been seen for contacts that were there (sheet 5.4), so that there it only means that the contact is not visible.
// What Get says of membership is about the scope that was listed last, and only that a contact is in it.
func (c *Connector) Get(ctx context.Context, _ []record.Key, ids []string) ([]connector.Got, error) {
	found, err := c.read(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]connector.Got, len(ids))
	for i, id := range ids {
		out[i] = connector.Got{ID: id, Status: connector.StatusInvisible}
		r, asked := found[id]
		switch {
		case !asked:
		case isNotFound(r.err) && !c.personal:
			out[i].Status = connector.StatusGone
		case isNotFound(r.err), isUnreadable(r.err):
		case r.err != nil:
			out[i].Status, out[i].Err = connector.StatusFailed, r.err
		default:
			switch it, ok := r.contact.item(c.scope.holds(r.contact)); {
			case !ok:
				out[i].Status, out[i].Err = connector.StatusFailed, unsure(reading, System+" answered with something else than a contact")
			case it.ID != id: // an immutable id stays; this is the other form, or another contact
				out[i].Status, out[i].Err = connector.StatusFailed, unsure(reading, System+" answered with another id")
			default:
				out[i].Status, out[i].Item = connector.StatusFound, it
			}
		}
	}
	return out, nil
}

// isUnreadable reports whether Graph could not read the id.
func isUnreadable(err error) bool {
	invalid, ok := asInvalid(err)
	return ok && invalid.Field == fieldID
}

// one is what reading one contact gave.
type one struct {
	contact contact
	err     error
}

// read reads contacts by id, in batches. Ids that no contact can have are not asked for. The error is for what concerns all of them.
func (c *Connector) read(ctx context.Context, ids []string) (map[string]one, error) {
	ask := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !isID(id) })
	slices.Sort(ask)
	out := map[string]one{}
	for chunk := range slices.Chunk(slices.Compact(ask), batchSize) {
		parts := make([]request, len(chunk))
		for i, id := range chunk {
			var err error
			if parts[i], err = c.built(c.me.Contacts().ByContactId(id).ToGetRequestInformation(ctx, nil)); err != nil {
				return nil, err
			}
		}
		answers, _, err := c.batch(ctx, parts, reading)
		if err != nil {
			return nil, err
		}
		for i, a := range answers {
			err := c.outcome(a, reading)
			if aboutAll(err) {
				return nil, err
			}
			r := one{err: err}
			if err == nil && json.Unmarshal(a.body, &r.contact) != nil {
				return nil, unsure(reading, System+" answered with something else than a contact")
			}
			out[chunk[i]] = r
		}
	}
	return out, nil
}

// aboutAll reports whether an error of one part is about the whole mailbox, or about now.
func aboutAll(err error) bool {
	return errors.As(err, new(*connector.AuthLostError)) || errors.As(err, new(*connector.ThrottledError)) ||
		errors.As(err, new(*connector.ForbiddenError)) || errors.Is(err, connector.ErrTransient) || errors.Is(err, connector.ErrMisconfigured)
}
