package pipedrive

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
)

// setter puts one member of a body into a record.
type setter func(c *call, t *table, r *row, raw json.RawMessage) error

// personSetters and orgSetters are the members that a body may have.
var (
	personSetters = map[string]setter{
		"name": setName, "owner_id": setOwner, "org_id": setOrg, "visible_to": setVisible, "label_ids": setLabels,
		"emails":         entriesOf(func(r *row) *[]entry { return &r.Emails }),
		"phones":         entriesOf(func(r *row) *[]entry { return &r.Phones }),
		"im":             synced("im", entriesOf(func(r *row) *[]entry { return &r.IM })),
		"postal_address": synced("postal_address", setAddress), "birthday": synced("birthday", setBirthday),
		"notes":         synced("notes", setText("notes", func(r *row) *string { return &r.Notes }, notesMost)),
		"job_title":     synced("job_title", setText("job_title", func(r *row) *string { return &r.JobTitle }, textMost)),
		"custom_fields": setCustoms, "marketing_status": refuseMarketing,
	}
	orgSetters = map[string]setter{
		"name": setName, "owner_id": setOwner, "visible_to": setVisible, "label_ids": setLabels, "address": setAddress, "website": setBusiness("website"),
		"linkedin": setBusiness("linkedin"), "industry": setBusiness("industry"), "annual_revenue": setBusiness("annual_revenue"),
		"employee_count": setBusiness("employee_count"), "custom_fields": setCustoms,
	}
	businessMembers = []string{"website", "linkedin", "industry", "annual_revenue", "employee_count"}
)

// setters are those for a table.
func (c *call) setters(t *table) map[string]setter {
	if t.kind == &orgKind {
		return orgSetters
	}
	if !c.s.cfg.Quirks.NameParts {
		return personSetters
	}
	all := maps.Clone(personSetters)
	all["first_name"], all["last_name"] = setFirst, setLast
	return all
}

// apply puts a body into r. The name comes first, because its parts may follow.
func (c *call) apply(t *table, r *row, in map[string]json.RawMessage) error {
	setters := c.setters(t)
	names := slices.Sorted(maps.Keys(in))
	if i := slices.Index(names, "name"); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, "name")
	}
	for _, name := range names {
		if err := setters[name](c, t, r, in[name]); err != nil {
			return err
		}
	}
	if _, whole := in["name"]; !whole && (in["first_name"] != nil || in["last_name"] != nil) {
		r.Name = joined(r.First, r.Last)
	}
	if r.Name == "" {
		return bad("Validation failed: name: is required")
	}
	return nil
}

func createRecord(c *call, t *table) (*reply, error) {
	if t.kind == &personKind && !c.m.may(addPeople) || t.kind == &orgKind && !c.m.may(addOrganizations) {
		return nil, forbidden("You do not have permission to add this item")
	}
	in, err := c.object(append(slices.Collect(maps.Keys(c.setters(t))), "add_time")...)
	if err != nil {
		return nil, err
	}
	r := &row{Owner: c.m.ID, Visible: c.m.visibility(), Added: c.s.now()}
	if raw, given := in["add_time"]; given {
		if r.Added, err = addTime(raw); err != nil {
			return nil, err
		}
		delete(in, "add_time")
	}
	if err := c.apply(t, r, in); err != nil {
		return nil, err
	}
	c.create(t, r)
	status := http.StatusOK
	if c.s.cfg.Quirks.Created {
		status = http.StatusCreated
	}
	return &reply{status, success(c.o.render(t, r, view{}))}, nil
}

func updateRecord(c *call, t *table) (*reply, error) {
	r, err := c.live(t, c.id(0))
	if err != nil {
		return nil, err
	}
	in, err := c.object(slices.Collect(maps.Keys(c.setters(t)))...)
	if err != nil {
		return nil, err
	}
	if len(in) == 0 {
		return nil, bad("Validation failed: the body has no member to change")
	}
	after := r.clone()
	if err := c.apply(t, after, in); err != nil {
		return nil, err
	}
	c.replace(t, r, after)
	return ok(c.o.render(t, r, view{}))
}

func deleteRecord(c *call, t *table) (*reply, error) {
	r, err := c.live(t, c.id(0))
	if err != nil {
		return nil, err
	}
	if t.kind == &personKind && !c.m.may(deletePeople) || t.kind == &orgKind && !c.m.may(deleteOrganizations) {
		return nil, forbidden("You do not have permission to delete this item")
	}
	c.remove(t, r, 0)
	status := http.StatusOK
	if c.s.cfg.Quirks.DeleteGone {
		status = http.StatusGone
	}
	return &reply{status, success(object{"id": r.ID})}, nil
}

// create gives a new record its number and puts it into the table.
func (c *call) create(t *table, r *row) {
	if n := len(t.byID); n > 0 {
		r.ID = t.byID[n-1].ID
	}
	r.ID++
	c.stamp(r)
	t.add(r)
	t.touched(r)
	c.s.keepRow(c.o, t, r)
	c.emit(t, event{action: "create", after: r.clone(), seers: c.o.watchers(r)})
}

// stamp records that r was written just now.
func (c *call) stamp(r *row) {
	c.o.Seq++
	r.Seq, r.Updated = c.o.Seq, c.s.now()
	r.Indexed = c.s.cfg.Clock.Now().Add(c.s.cfg.Lag).UnixNano()
}

// replace makes r what after is. A write that changes nothing leaves no trace.
func (c *call) replace(t *table, r *row, after *row) {
	if reflect.DeepEqual(r, after) {
		return
	}
	c.rewrite(t, r, after, 0)
}

// rewrite makes r what after is, as a merge of mergedFrom into it if that is not 0.
func (c *call) rewrite(t *table, r *row, after *row, mergedFrom int64) {
	before := r.clone()
	c.stamp(after)
	t.reindex(before, after)
	*r = *after
	t.touched(r)
	c.s.keepRow(c.o, t, r)
	c.emit(t, event{action: "change", before: before, after: r.clone(), seers: c.o.watchers(r), mergedFrom: mergedFrom})
}

// remove deletes r softly; mergedTo is what it became part of, if anything.
func (c *call) remove(t *table, r *row, mergedTo int64) {
	before, seers := r.clone(), c.o.watchers(r)
	c.stamp(r)
	r.Deleted, r.MergedTo = true, mergedTo
	t.live--
	t.reindex(before, nil)
	c.s.keepRow(c.o, t, r)
	c.emit(t, event{action: "delete", before: before, seers: seers, mergedTo: mergedTo})
	if t.kind == &orgKind {
		for _, p := range c.o.persons.byID {
			if p.Org == r.ID && !p.Deleted {
				after := p.clone()
				after.Org = mergedTo
				c.replace(c.o.persons, p, after)
			}
		}
	}
}
