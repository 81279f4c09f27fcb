package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"meibo/shared/connector"
)

// Apply implements connector.Connector: writes go in batches of 20, each with an outcome of its own. A contact cannot be given a mark
// that listings tell, so Write.Mark is not sent.
func (c *Connector) Apply(ctx context.Context, writes []connector.Write) ([]connector.Result, error) {
	results := make([]connector.Result, len(writes))
	var ready []int
	parts := make([]request, len(writes))
	for i, w := range writes {
		results[i].ID = w.ID
		if parts[i], results[i].Err = c.part(ctx, w); results[i].Err == nil {
			ready = append(ready, i)
		}
	}
	var stop error
	begun := false
	for len(ready) > 0 {
		chunk := fitting(parts, ready)
		ready = ready[len(chunk):]
		if stop != nil {
			for _, i := range chunk {
				results[i].Err = notSent(stop)
			}
			continue
		}
		sent, err := c.applyBatch(ctx, writes, parts, chunk, results)
		begun = begun || sent
		stop = err
	}
	if stop != nil && !begun {
		return nil, stop
	}
	return results, nil
}

// fitting returns how many of ready, from the first on, go into one batch.
func fitting(parts []request, ready []int) []int {
	size := 0
	for n, i := range ready {
		if size += len(parts[i].body) + len(parts[i].path) + partOverhead; n == batchSize || n > 0 && size > maxBatch {
			return ready[:n]
		}
	}
	return ready
}

// applyBatch sends up to 20 writes. The error is one after which nothing more need be sent.
func (c *Connector) applyBatch(ctx context.Context, writes []connector.Write, parts []request, chunk []int, results []connector.Result) (sent bool, stop error) {
	batch := make([]request, len(chunk))
	for n, i := range chunk {
		batch[n] = parts[i]
	}
	answers, sent, err := c.batch(ctx, batch, writing)
	switch _, tooLarge := asInvalid(err); {
	case tooLarge && len(chunk) > 1: // nothing of it was done
		half := len(chunk) / 2
		if _, stop = c.applyBatch(ctx, writes, parts, chunk[:half], results); stop == nil {
			_, stop = c.applyBatch(ctx, writes, parts, chunk[half:], results)
			return true, stop
		}
		for _, i := range chunk[half:] {
			results[i].Err = notSent(stop)
		}
		return true, stop
	case tooLarge:
		results[chunk[0]].Err = err
		return true, nil
	case err != nil:
		for _, i := range chunk {
			results[i].Err = err
		}
		return sent, err
	}
	for n, i := range chunk {
		results[i] = c.result(writes[i], answers[n])
		if err := results[i].Err; errors.As(err, new(*connector.AuthLostError)) || errors.As(err, new(*connector.ThrottledError)) {
			stop = err
		}
	}
	return sent, stop
}

// notSent is the outcome of a write that was still to be sent when another failed with err.
func notSent(err error) error {
	if errors.Is(err, connector.ErrOutcomeUnknown) {
		return fmt.Errorf("%w: not sent, because %s broke off before it", connector.ErrTransient, System)
	}
	return err
}

// part builds the request of one write.
func (c *Connector) part(ctx context.Context, w connector.Write) (request, error) {
	switch w.Op {
	case connector.Create:
		body, err := encode(w.Fields, nil)
		if err != nil {
			return request{}, err
		}
		return c.create(ctx, w.Groups, body)
	case connector.Update:
		if !isID(w.ID) {
			return request{}, fmt.Errorf("%s: %w", System, connector.ErrNotFound)
		}
		held, err := c.held(ctx, w)
		if err != nil {
			return request{}, err
		}
		body, err := encode(w.Fields, held)
		if err != nil {
			return request{}, err
		}
		r, err := c.built(c.me.Contacts().ByContactId(w.ID).ToPatchRequestInformation(ctx, body, nil))
		return matching(r, held), err
	case connector.Delete:
		if !isID(w.ID) {
			return request{}, fmt.Errorf("%s: %w", System, connector.ErrNotFound)
		}
		r, err := c.built(c.me.Contacts().ByContactId(w.ID).ToDeleteRequestInformation(ctx, nil))
		if err != nil {
			return request{}, err
		}
		if w.Current != nil {
			held, _ := w.Current.Raw.(contact)
			r = matching(r, held)
		}
		return r, nil
	}
	return request{}, fmt.Errorf("%s: there is no such write", System)
}

// matching asks for the version that was read.
func matching(r request, held contact) request {
	if held.version() != "" && r.header != nil {
		r.header["If-Match"] = held.etag()
	}
	return r
}

// held returns what the target holds: as it was read for this write, or as it is now.
func (c *Connector) held(ctx context.Context, w connector.Write) (contact, error) {
	if w.Current != nil {
		if held, ok := w.Current.Raw.(contact); ok {
			return held, nil
		}
	}
	found, err := c.read(ctx, []string{w.ID})
	if err != nil {
		return nil, err
	}
	r := found[w.ID]
	if r.err == nil && w.Current != nil && w.Current.Version != r.contact.version() {
		return nil, fmt.Errorf("%s: %w", System, connector.ErrVersionConflict)
	}
	return r.contact, r.err
}

// create builds the request of a new contact, in the first of the folders of groups and with its categories.
func (c *Connector) create(ctx context.Context, groups []string, body models.Contactable) (request, error) {
	in := defaultFolder
	var categories []string
	for _, g := range groups {
		if name, ok := strings.CutPrefix(g, categoryPrefix); ok {
			categories = append(categories, name)
		} else if id := strings.TrimPrefix(g, folderPrefix); in == defaultFolder && isID(id) {
			in = id
		}
	}
	if categories != nil {
		body.SetCategories(categories)
	}
	if in == defaultFolder {
		return c.built(c.me.Contacts().ToPostRequestInformation(ctx, body, &users.ItemContactsRequestBuilderPostRequestConfiguration{}))
	}
	return c.built(c.me.ContactFolders().ByContactFolderId(in).Contacts().ToPostRequestInformation(ctx, body, nil))
}

// result reads the answer to one write.
func (c *Connector) result(w connector.Write, a answer) connector.Result {
	err := c.outcome(a, writing)
	switch {
	case isNotFound(err) && w.Op == connector.Create:
		err = vanished{}
	case isNotFound(err) && w.Op == connector.Delete && c.personal:
		// There it is no proof that the contact is gone (sheet 5.4).
		err = unsure(writing, System+" does not find the contact at this moment")
	}
	if err != nil || w.Op == connector.Delete {
		return connector.Result{ID: w.ID, Err: err}
	}
	var made contact
	if json.Unmarshal(a.body, &made) != nil {
		made = nil
	}
	it, ok := made.item(connector.ScopeUnknown)
	switch {
	case w.Op == connector.Update && ok && it.ID != w.ID, w.Op == connector.Create && otherIDs(a):
		return connector.Result{ID: w.ID, Err: unsure(writing, System+" answered with another id")}
	case !ok && w.Op == connector.Create:
		return connector.Result{Err: unsure(writing, System+" did not return the new contact")}
	case !ok:
		return connector.Result{ID: w.ID, Err: unsure(writing, System+" did not return the changed contact")}
	case !made.isWhole():
		return connector.Result{ID: it.ID, Version: it.Version} // to be read back
	}
	return connector.Result{ID: it.ID, Version: it.Version, Item: &it}
}
