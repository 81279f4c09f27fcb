package google

import (
	"context"
	"slices"

	people "google.golang.org/api/people/v1"
)

// create makes new contacts.
func (a *applying) create(ctx context.Context, jobs []*job) error {
	var ready []*job
	for _, j := range jobs {
		j.person = &people.Person{Memberships: memberships(j.Groups)}
		if j.Mark != "" {
			j.person.ClientData = []*people.ClientData{{Key: markKey, Value: j.Mark}}
		}
		if err := encode(j.person, j.Fields); err != nil {
			a.fail(err, j)
			continue
		}
		ready = append(ready, j)
	}
	return a.inCompany(ctx, ready, a.sendCreates, byIndex, func(*job, error, bool) bool { return false })
}

// memberships puts a new contact into My Contacts, where Google's own pages put one, and into the chosen groups. Naming groups
// without it would leave the contact out of it.
func memberships(groups []string) []*people.Membership {
	all := []string{myContacts}
	for _, g := range groups {
		if !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	ms := make([]*people.Membership, len(all))
	for i, g := range all {
		ms[i] = &people.Membership{ContactGroupMembership: &people.ContactGroupMembership{ContactGroupResourceName: g}}
	}
	return ms
}

func (a *applying) sendCreates(ctx context.Context, batch []*job) error {
	req := &people.BatchCreateContactsRequest{ReadMask: readMask(), Sources: []string{contactOnly}}
	for _, j := range batch {
		req.Contacts = append(req.Contacts, &people.ContactToCreate{ContactPerson: j.person})
	}
	resp, err := a.people.People.BatchCreateContacts(req).Context(ctx).Do()
	if err != nil {
		return err
	}
	for i, r := range inOrder(batch, resp.CreatedPeople) {
		a.outcome(batch[i], r)
	}
	return nil
}

// inOrder returns one answer per job: the one that carries the job's mark, or where a job has none, the one in its place.
func inOrder(batch []*job, made []*people.PersonResponse) []*people.PersonResponse {
	byMark := map[string]*people.PersonResponse{}
	for _, r := range made {
		if r == nil || r.Person == nil {
			continue
		}
		if it, ok := item(r.Person, nil, nil); ok && it.Mark != "" {
			byMark[it.Mark] = r
		}
	}
	out := make([]*people.PersonResponse, len(batch))
	for i, j := range batch {
		if r := byMark[j.Mark]; r != nil {
			out[i] = r
		} else if i < len(made) && (j.Mark == "" || made[i] != nil && made[i].Person == nil) {
			out[i] = made[i]
		}
	}
	return out
}

// outcome records one entry of a batch's answer; one that is missing says nothing about what was done.
func (a *applying) outcome(j *job, r *people.PersonResponse) {
	if r != nil && r.Status != nil && r.Status.Code != 0 {
		a.fail(entryError(rpcStatus{int(r.Status.Code), r.Status.Message}), j)
		return
	}
	var p *people.Person
	if r != nil {
		p = r.Person
	}
	a.stored(j, p)
}
