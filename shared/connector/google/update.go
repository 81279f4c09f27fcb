package google

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	people "google.golang.org/api/people/v1"

	"meibo/shared/connector"
)

// update changes contacts. All persons of a call share one mask, the union of what each changes, and send every member of it whole:
// a masked member that is left out would be cleared (sheet 4.2).
func (a *applying) update(ctx context.Context, jobs []*job) error {
	ready, err := a.prepare(ctx, jobs)
	if err != nil {
		return err
	}
	for len(ready) > 0 {
		var alone, outdated []*job
		again := func(j *job, err error, single bool) bool {
			var invalid *connector.InvalidError
			switch {
			case errors.Is(err, connector.ErrVersionConflict) && !j.retried:
				outdated = append(outdated, j)
				a.fail(err, j) // unless its etag turns out to be the only thing that is old
				return true
			case errors.As(err, &invalid) && !single && !j.alone:
				// What is wrong may be a member that only the others' mask made it send.
				j.alone = true
				alone = append(alone, j)
				return true
			}
			return false
		}
		if err := a.inCompany(ctx, ready, a.sendUpdates, byName, again); err != nil {
			a.fail(notSent(err), alone...)
			return err
		}
		for _, j := range alone {
			if err := a.inCompany(ctx, []*job{j}, a.sendUpdates, byName, again); err != nil {
				a.fail(notSent(err), alone[slices.Index(alone, j)+1:]...)
				return err
			}
		}
		if ready, err = a.renew(ctx, outdated); err != nil {
			return err
		}
	}
	return nil
}

// prepare reads what a job has not been given, and drops the jobs that cannot be sent.
func (a *applying) prepare(ctx context.Context, jobs []*job) ([]*job, error) {
	var missing []string
	for _, j := range jobs {
		if _, ok := raw(j); !ok && j.Current != nil {
			missing = append(missing, j.ID)
		}
	}
	found, err := a.reread(ctx, missing)
	if err != nil {
		a.fail(err, jobs...)
		return nil, err
	}
	names := map[string]bool{}
	var ready []*job
	for _, j := range jobs {
		p, ok := raw(j)
		if !ok {
			got := answer(j.ID, found[j.ID], nil)
			if err := usable(j, got); err != nil {
				a.fail(err, j)
				continue
			}
			p = got.Item.Raw.(*people.Person)
		}
		if names[p.ResourceName] { // a call takes each contact once, and the first changes the version
			a.fail(fmt.Errorf("%s: %w", System, connector.ErrVersionConflict), j)
			continue
		}
		for k := range j.Fields {
			if m := memberOf(k); m != "" && !slices.Contains(j.mask, m) {
				j.mask = append(j.mask, m)
			}
		}
		if err := a.build(j, p); err != nil {
			a.fail(err, j)
			continue
		}
		if len(j.mask) == 0 {
			a.stored(j, p)
			continue
		}
		names[p.ResourceName] = true
		ready = append(ready, j)
	}
	return ready, nil
}

// raw returns the person that a job was planned on.
func raw(j *job) (*people.Person, bool) {
	if j.Current == nil {
		return nil, false
	}
	p, ok := j.Current.Raw.(*people.Person)
	return p, ok && source(p) != nil
}

// reread reads contacts by id again, if there are any.
func (a *applying) reread(ctx context.Context, ids []string) (map[string]*people.PersonResponse, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := a.read(ctx, ids)
	if _, throttled := errors.AsType[*connector.ThrottledError](err); !throttled {
		a.sent = true
	}
	return found, err
}

// usable returns why j cannot be carried out on what was read, or nil if that is still what j was planned on.
func usable(j *job, got connector.Got) error {
	switch {
	case j.Current == nil:
		return fmt.Errorf("%s: an update needs the record that it was planned on", System)
	case got.Status == connector.StatusGone:
		return fmt.Errorf("%s: %w", System, connector.ErrNotFound)
	case got.Status == connector.StatusFailed:
		return got.Err
	case got.Status != connector.StatusFound || got.Item.Version != j.Current.Version:
		return fmt.Errorf("%s: %w", System, connector.ErrVersionConflict)
	}
	return nil
}

// build makes the person that j sends from p, the one it was planned on: every member that any mask can name, the named fields changed,
// and both etags, because reports differ on which of them Google looks at (sheet 4.1).
func (a *applying) build(j *job, p *people.Person) error {
	var all []string
	for _, m := range members() {
		all = append(all, m.name)
	}
	q := carry(p, all)
	if err := encode(q, j.Fields); err != nil {
		return err
	}
	src := source(p)
	q.ResourceName, q.Etag = p.ResourceName, p.Etag
	q.Metadata = &people.PersonMetadata{Sources: []*people.Source{{Type: src.Type, Id: src.Id, Etag: src.Etag}}}
	j.person = q
	return nil
}

func (a *applying) sendUpdates(ctx context.Context, batch []*job) error {
	var mask []string
	for _, j := range batch {
		mask = append(mask, j.mask...)
	}
	slices.Sort(mask)
	mask = slices.Compact(mask)
	req := &people.BatchUpdateContactsRequest{
		Contacts: map[string]people.Person{}, UpdateMask: strings.Join(mask, ","), ReadMask: readMask(), Sources: []string{contactOnly},
	}
	for _, j := range batch {
		p := carry(j.person, mask)
		p.ResourceName, p.Etag, p.Metadata = j.person.ResourceName, j.person.Etag, j.person.Metadata
		req.Contacts[p.ResourceName] = *p
	}
	resp, err := a.people.People.BatchUpdateContacts(req).Context(ctx).Do()
	if err != nil {
		return err
	}
	for _, j := range batch {
		if r, ok := resp.UpdateResult[j.person.ResourceName]; ok {
			a.outcome(j, &r)
		} else {
			a.outcome(j, nil)
		}
	}
	return nil
}

// renew reads contacts whose etag Google called stale, and returns those that in truth are still what they were: Google has been
// seen to refuse the etags of listings. They are sent once more; the others have changed.
func (a *applying) renew(ctx context.Context, jobs []*job) ([]*job, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.person.ResourceName
	}
	found, err := a.reread(ctx, ids)
	if err != nil {
		return nil, nil // they stay conflicts, which are read and planned again anyway
	}
	var ready []*job
	for _, j := range jobs {
		got := answer(j.person.ResourceName, found[j.person.ResourceName], nil)
		if err := usable(j, got); err != nil {
			a.fail(err, j)
			continue
		}
		if err := a.build(j, got.Item.Raw.(*people.Person)); err != nil {
			a.fail(err, j)
			continue
		}
		j.retried = true
		ready = append(ready, j)
	}
	return ready, nil
}
