package google

import (
	"context"
	"errors"
	"fmt"

	people "google.golang.org/api/people/v1"

	"meibo/shared/connector"
	"meibo/shared/connector/pace"
)

// remove deletes contacts. Deletes take no etag. What a call does when one of its contacts is gone already is not documented, so
// after a "not found" the gone ones are looked for and the others are sent again, and if that does not help, singly.
func (a *applying) remove(ctx context.Context, jobs []*job) error {
	var ready []*job
	for _, j := range jobs {
		if !isName(j.ID) {
			a.fail(fmt.Errorf("%s: %w", System, connector.ErrNotFound), j)
			continue
		}
		ready = append(ready, j)
	}
	err := a.sendDeletes(ctx, ready)
	if !aboutARecord(err) {
		a.fail(err, ready...)
		return err
	}
	if ready, err = a.dropGone(ctx, ready); err != nil {
		a.fail(notSent(err), ready...)
		return err
	}
	if err = a.sendDeletes(ctx, ready); !aboutARecord(err) {
		a.fail(err, ready...)
		return err
	}
	for i, j := range ready {
		err := a.deleteOne(ctx, j)
		a.fail(err, j)
		if err != nil && !aboutARecord(err) {
			a.fail(notSent(err), ready[i+1:]...)
			return err
		}
	}
	return nil
}

// dropGone settles the jobs whose contact is gone, and returns the others.
func (a *applying) dropGone(ctx context.Context, jobs []*job) ([]*job, error) {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	found, err := a.read(ctx, ids)
	if err != nil {
		return jobs, err
	}
	var left []*job
	for _, j := range jobs {
		if answer(j.ID, found[j.ID], nil).Status == connector.StatusGone {
			a.fail(fmt.Errorf("%s: %w", System, connector.ErrNotFound), j)
		} else {
			left = append(left, j)
		}
	}
	return left, nil
}

func (a *applying) sendDeletes(ctx context.Context, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	return a.deleting(ctx, costBatchDelete, func() error {
		req := &people.BatchDeleteContactsRequest{}
		for _, j := range jobs {
			req.ResourceNames = append(req.ResourceNames, j.ID)
		}
		_, err := a.people.People.BatchDeleteContacts(req).Context(ctx).Do()
		return err
	})
}

func (a *applying) deleteOne(ctx context.Context, j *job) error {
	return a.deleting(ctx, costDelete, func() error {
		_, err := a.people.People.DeleteContact(j.ID).Context(ctx).Do()
		return err
	})
}

// deleting makes one call and maps what it returned.
func (a *applying) deleting(ctx context.Context, cost []pace.Cost, send func() error) error {
	err, _ := a.call(ctx, cost, send)
	if errors.Is(err, connector.ErrVersionConflict) { // deletes have no version
		return fmt.Errorf("%w: %s could not delete the contacts", connector.ErrTransient, System)
	}
	return err
}
