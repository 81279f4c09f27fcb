package hubspot

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// Who changed something, in HubSpot's words.
const (
	sourceAPI    = "INTEGRATION"
	sourceUI     = "CRM_UI"
	sourceImport = "IMPORT"
)

// values are the properties of a request; a nil value was null.
type values map[string]*string

// linkInput is an association in the body of a create.
type linkInput struct {
	To struct {
		ID string `json:"id"`
	} `json:"to"`
	Types []linkType `json:"types"`
}

// claims are unique values that earlier inputs of a batch take, by place in the index.
type claims map[string]int64

// apply puts values into after, a copy of the record, or says what is wrong. Values that another record holds are a conflict: 409 for
// the e-mail address of a new contact, 400 otherwise.
func (c *call) apply(t *table, after *row, in values, taken claims, fresh bool) error {
	var faults []fault
	var clash int64
	for _, name := range slices.Sorted(maps.Keys(in)) {
		d := t.p.property(t.kind, name)
		if d == nil {
			faults = append(faults, fault{Message: "Property " + quote(name) + " does not exist", Code: "PROPERTY_DOESNT_EXIST", Name: name})
			continue
		}
		if in[name] == nil {
			return bad("Invalid input JSON: the value of " + name + " is null; empty it with an empty text")
		}
		text, f := c.accept(t, d, after.Props.get(name), *in[name])
		if f != nil {
			faults = append(faults, *f)
			continue
		}
		if text != "" && t.unique(name) {
			holder := taken[name+"\n"+fold(text)]
			if holder == 0 {
				holder = t.holder(name, text)
			}
			switch {
			case holder == 0 || holder == after.ID:
			case fresh && name == "email":
				clash = holder
			default:
				faults = append(faults, fault{Message: "A " + t.kind.name + " with the " + name + " '" + text + "' already exists: " + num(holder),
					Code: "CONFLICTING_UNIQUE_VALUE", Name: name})
			}
		}
		after.Props = after.Props.with(name, text)
		if name == "email" {
			after.Props = after.Props.with("hs_additional_emails", without(after.Props.get("hs_additional_emails"), text))
		}
	}
	switch {
	case len(faults) > 0:
		return invalid(faults)
	case clash != 0:
		return conflict(clash)
	case fresh && t.kind == &contactKind && after.Props.get("email")+after.Props.get("firstname")+after.Props.get("lastname") == "":
		return bad("A contact needs at least one of email, firstname and lastname")
	case fresh && t.kind == &companyKind && after.Props.get("name")+after.Props.get("domain") == "":
		return bad("A company needs at least one of name and domain")
	}
	for _, key := range t.uniqueKeys(after) {
		if taken != nil {
			taken[key] = after.ID
		}
	}
	return nil
}

// without takes a value out of a list between semicolons.
func without(list, value string) string {
	var out []string
	for _, v := range strings.Split(list, ";") {
		if v != "" && fold(v) != fold(value) {
			out = append(out, v)
		}
	}
	return strings.Join(out, ";")
}

// fresh is a new record that is not in the table yet.
func (c *call) fresh(t *table) *row {
	now := c.s.now()
	t.p.NextID[t.kind.key]++
	return &row{ID: t.p.NextID[t.kind.key], Created: now, Source: c.source}
}

// draft makes a new record of values and associations.
func (c *call) draft(t *table, in values, links []linkInput, taken claims) (*row, error) {
	if in == nil {
		return nil, bad("Invalid input JSON: properties are required")
	}
	r := c.fresh(t)
	if t.kind == &contactKind && t.p.Stage != "" && in["lifecyclestage"] == nil {
		r.Props = r.Props.with("lifecyclestage", t.p.Stage)
	}
	if err := c.checkLinks(t, links); err != nil {
		return nil, err
	}
	if err := c.apply(t, r, in, taken, true); err != nil {
		return nil, err
	}
	return r, nil
}

func createRecord(c *call) (*reply, error) {
	var in struct {
		Properties   values      `json:"properties"`
		Associations []linkInput `json:"associations"`
	}
	if err := c.json(&in, "properties", "associations"); err != nil {
		return nil, err
	}
	t := c.table()
	r, err := c.draft(t, in.Properties, in.Associations, nil)
	if err != nil {
		return nil, err
	}
	c.create(t, r)
	c.makeLinks(t, r, in.Associations)
	return &reply{http.StatusCreated, t.written(r, nil)}, nil
}

// writable finds a live record for a change.
func (c *call) writable(id, idProperty string) (*row, error) {
	r, err := c.identified(id, idProperty, false)
	if err == nil && idProperty == "" && r.ID != parseID(id) && !c.s.cfg.Quirks.MergedWrites {
		return nil, missing(c.kind.upper())
	}
	return r, err
}

func updateRecord(c *call) (*reply, error) {
	var in struct {
		Properties values `json:"properties"`
	}
	if err := c.json(&in, "properties"); err != nil {
		return nil, err
	}
	r, err := c.writable(c.path["id"], c.q.Get("idProperty"))
	if err != nil {
		return nil, err
	}
	if len(in.Properties) == 0 {
		return nil, bad("Invalid input JSON: properties are required")
	}
	after := r.clone()
	if err := c.apply(c.table(), after, in.Properties, nil, false); err != nil {
		return nil, err
	}
	c.replace(c.table(), r, after)
	return ok(c.table().written(r, slices.Sorted(maps.Keys(in.Properties))))
}

func archiveRecord(c *call) (*reply, error) {
	r, err := c.writable(c.path["id"], "")
	if err != nil {
		return nil, err
	}
	c.archive(c.table(), r)
	return nothing()
}

// gdprDelete deletes a contact for good; an address that no contact has is blocked for all time.
func gdprDelete(c *call) (*reply, error) {
	var in struct {
		ObjectID   string `json:"objectId"`
		IDProperty string `json:"idProperty"`
	}
	if c.kind != &contactKind {
		return nil, noRoute()
	}
	if err := c.json(&in, "objectId", "idProperty"); err != nil {
		return nil, err
	}
	if in.IDProperty != "" && in.IDProperty != "email" || in.ObjectID == "" {
		return nil, bad("Invalid input JSON: objectId is required, and idProperty is email or absent")
	}
	r, err := c.identified(in.ObjectID, in.IDProperty, false)
	switch {
	case err == nil:
		c.gdpr(r)
	case in.IDProperty == "email":
		c.p.Blocked = append(c.p.Blocked, fold(in.ObjectID))
		c.s.keepPortal(c.p)
	default:
		return nil, err
	}
	return nothing()
}

// create puts a new record into its table.
func (c *call) create(t *table, r *row) {
	c.stamp(t, nil, r)
	t.add(r)
	for _, l := range r.Links {
		t.p.employ(l.Company, r.ID)
	}
	c.s.keepRow(t, r)
	c.emit(t, event{Kind: "creation", Object: r.ID, Flag: "CREATED"})
	for _, e := range r.Props {
		c.emit(t, event{Kind: "propertyChange", Object: r.ID, Property: e.Name, Value: e.Value})
	}
}

// stamp records that a record was written just now; before is what it was.
func (c *call) stamp(t *table, before, r *row) {
	now := c.s.now()
	t.p.Seq++
	r.Seq, r.Updated, r.Indexed, r.Was = t.p.Seq, now, 0, nil
	if c.s.cfg.Lag > 0 {
		r.Indexed = now + c.s.cfg.Lag.Milliseconds()
		if before != nil {
			if r.Was = before.seen(now); r.Was == before {
				r.Was = before.clone()
				r.Was.Was = nil
			}
		}
	}
}

// replace makes r what after is. A write that changes nothing leaves no trace.
func (c *call) replace(t *table, r, after *row) {
	if reflect.DeepEqual(r.Props, after.Props) && reflect.DeepEqual(r.Links, after.Links) && r.Archived == after.Archived {
		return
	}
	before := r.clone()
	c.stamp(t, before, after)
	t.put(r, after)
	c.s.keepRow(t, r)
	for _, name := range changedNames(before.Props, r.Props) {
		c.emit(t, event{Kind: "propertyChange", Object: r.ID, Property: name, Value: r.Props.get(name)})
	}
}

// changedNames are the properties in which two records differ, in order.
func changedNames(a, b props) []string {
	var out []string
	for _, e := range slices.Concat(a, b) {
		if a.get(e.Name) != b.get(e.Name) && !slices.Contains(out, e.Name) {
			out = append(out, e.Name)
		}
	}
	slices.Sort(out)
	return out
}

// archive puts a record into the recycling bin. It leaves lists and associations.
func (c *call) archive(t *table, r *row) {
	c.detach(t, r)
	after := r.clone()
	after.Archived = c.s.now()
	c.stamp(t, r, after)
	t.put(r, after)
	c.s.keepRow(t, r)
	c.emit(t, event{Kind: "deletion", Object: r.ID, Flag: "DELETED"})
}

// detach takes a record out of lists and associations.
func (c *call) detach(t *table, r *row) {
	if t.kind == &companyKind {
		for id := range t.p.employees[r.ID] {
			c.removeLink(t.p.contacts.rows[id], r.ID)
		}
		return
	}
	for _, l := range t.p.lists {
		if l.remove(r.ID) {
			c.s.keepList(t.p, l)
		}
	}
	for _, l := range r.Links {
		t.p.dismiss(l.Company, r.ID)
	}
	r.Links = nil
}

// gdpr deletes a contact for good.
func (c *call) gdpr(r *row) {
	t := c.p.contacts
	c.detach(t, r)
	c.erase(t, r)
	c.emit(t, event{Kind: "deletion", Object: r.ID, Flag: "DELETED"})
	c.emit(t, event{Kind: "privacyDeletion", Object: r.ID})
}

// erase forgets a record.
func (c *call) erase(t *table, r *row) {
	t.forget(r)
	c.s.draft.Drop(rowKey(t, r))
	c.s.keepPortal(t.p)
}
