package google

import (
	"context"
	"fmt"
	"slices"
	"strings"

	people "google.golang.org/api/people/v1"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// Get implements connector.Connector. Google's "not found" is its word for a deleted contact. What it still answers for, but not as a
// contact of this account, is invisible.
func (c *Connector) Get(ctx context.Context, fields []record.Key, ids []string) ([]connector.Got, error) {
	found, err := c.read(ctx, ids)
	if err != nil {
		return nil, err
	}
	customs := c.customs(fields)
	got := make([]connector.Got, len(ids))
	for i, id := range ids {
		got[i] = answer(id, found[id], customs)
	}
	return got, nil
}

// read returns the answers for ids by id. Ids that are no contact's are not asked for.
func (c *Connector) read(ctx context.Context, ids []string) (map[string]*people.PersonResponse, error) {
	ask := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !isName(id) })
	slices.Sort(ask)
	found := map[string]*people.PersonResponse{}
	for chunk := range slices.Chunk(slices.Compact(ask), getSize) {
		if err := c.pace.Take(ctx, costRead...); err != nil {
			return nil, err
		}
		resp, err := c.people.People.GetBatchGet().ResourceNames(chunk...).PersonFields(readMask()).Sources(contactOnly).Context(ctx).Do()
		if err != nil {
			return nil, c.failure(ctx, err, reading)
		}
		for _, r := range resp.Responses {
			if r != nil {
				found[r.RequestedResourceName] = r
			}
		}
		for _, id := range chunk {
			if found[id] == nil {
				return nil, fmt.Errorf("%w: %s did not answer for every contact", connector.ErrTransient, System)
			}
		}
	}
	return found, nil
}

// isName reports whether id can be a contact's resource name.
func isName(id string) bool {
	rest, ok := strings.CutPrefix(id, "people/")
	return ok && rest != "" && rest != "me" && !strings.ContainsAny(rest, "/?#:,& ")
}

func answer(id string, r *people.PersonResponse, customs []string) connector.Got {
	got := connector.Got{ID: id, Status: connector.StatusInvisible}
	if r == nil {
		return got
	}
	if s := r.Status; s != nil && s.Code != 0 {
		switch s.Code {
		case rpcNotFound:
			got.Status = connector.StatusGone
		case rpcForbidden:
		default:
			got.Status, got.Err = connector.StatusFailed, entryError(rpcStatus{int(s.Code), s.Message})
		}
		return got
	}
	if r.Person != nil && r.Person.Metadata != nil && r.Person.Metadata.Deleted {
		got.Status = connector.StatusGone
	} else if it, ok := item(r.Person, nil, customs); ok {
		it.Scope = connector.ScopeUnknown // Get is not asked about a scope
		got.Status, got.Item = connector.StatusFound, it
	}
	return got
}
