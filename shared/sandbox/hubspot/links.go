package hubspot

import (
	"net/http"
	"slices"
	"strconv"
)

// The types of associations between contacts and companies.
const (
	typePrimary        = 1 // contact to its primary company
	typePrimaryReverse = 2
	typeCompany        = 279 // contact to company
	typeContact        = 280 // company to contact
	categoryHubSpot    = "HUBSPOT_DEFINED"
	linkPageMost       = 500
	linkReadMost       = 1000
	linkBatchMost      = 2000
)

// linkType names a type of association in a request.
type linkType struct {
	Category string `json:"associationCategory"`
	Type     int    `json:"associationTypeId"`
}

// other is the table at the far end of associations.
func (t *table) other() *kind {
	if t.kind == &companyKind {
		return &contactKind
	}
	return &companyKind
}

func (p *portal) employ(company, contact int64) {
	if p.employees[company] == nil {
		p.employees[company] = map[int64]bool{}
	}
	p.employees[company][contact] = true
}

func (p *portal) dismiss(company, contact int64) {
	delete(p.employees[company], contact)
	if len(p.employees[company]) == 0 {
		delete(p.employees, company)
	}
}

// pair is one associated record, and whether the company is the contact's primary one.
type pair struct {
	id      int64
	primary bool
}

// pairs are the associations of a record, by id of the other.
func (t *table) pairs(r *row) []pair {
	var out []pair
	if t.kind == &contactKind {
		for _, l := range r.Links {
			out = append(out, pair{l.Company, l.Primary})
		}
	} else {
		for id := range t.p.employees[r.ID] {
			i := slices.IndexFunc(t.p.contacts.rows[id].Links, func(l link) bool { return l.Company == r.ID })
			out = append(out, pair{id, t.p.contacts.rows[id].Links[i].Primary})
		}
	}
	slices.SortFunc(out, func(a, b pair) int { return int(a.id - b.id) })
	return out
}

// associations are a record's associations as a read of the record has them: each pair once per type.
func (t *table) associations(r *row) []object {
	var out []object
	name := t.kind.name + "_to_" + t.other().name
	for _, p := range t.pairs(r) {
		if p.primary {
			out = append(out, object{"id": num(p.id), "type": name})
		}
		out = append(out, object{"id": num(p.id), "type": name + "_unlabeled"})
	}
	return out
}

// typeIDs are the numbers of the plain and of the primary type seen from a kind.
func (k *kind) typeIDs() (plain, primary int) {
	if k == &companyKind {
		return typeContact, typePrimaryReverse
	}
	return typeCompany, typePrimary
}

// labelled is one associated record with its types. Of the id, the older version has a number, as recorded, and the dated ones the text
// of their documents.
func (c *call) labelled(p pair) object {
	plain, primary := c.kind.typeIDs()
	types := []object{{"category": categoryHubSpot, "typeId": plain}}
	if p.primary {
		types = append(types, object{"category": categoryHubSpot, "typeId": primary, "label": "Primary"})
	}
	var id any = num(p.id)
	if c.v == "v4" {
		id = p.id
	}
	return object{"toObjectId": id, "associationTypes": types}
}

// linked finds the two ends that a path or an input names.
func (c *call) linked(from, to string) (contact, company *row, err error) {
	a, b := c.p.table(c.kind).rows[parseID(from)], c.p.table(c.p.table(c.kind).other()).rows[parseID(to)]
	if a == nil || b == nil || a.Archived != 0 || b.Archived != 0 {
		return nil, nil, missing("one of the objects")
	}
	if c.kind == &companyKind {
		a, b = b, a
	}
	return a, b, nil
}

// opposite checks the other type of a path.
func (c *call) opposite() error {
	if k := kindNamed(c.path["to"]); k == nil || k == c.kind {
		return bad("The sandbox has associations between contacts and companies only")
	}
	return nil
}

func listLinks(c *call) (*reply, error) {
	if err := c.opposite(); err != nil {
		return nil, err
	}
	n, err := c.limit(linkPageMost, linkPageMost)
	if err != nil {
		return nil, err
	}
	r := c.table().rows[parseID(c.path["id"])]
	if r == nil || r.Archived != 0 {
		return nil, missing(c.kind.upper())
	}
	from := int64(0)
	if c.q.Has("after") {
		if from = parseID(c.q.Get("after")); from == 0 {
			return nil, bad("The parameter after is not a cursor")
		}
	}
	results, out := []object{}, object{}
	for _, p := range c.table().pairs(r) {
		if p.id < from {
			continue
		}
		if len(results) == n {
			out["paging"] = c.nextLink(num(p.id))
			break
		}
		results = append(results, c.labelled(p))
	}
	out["results"] = results
	return ok(out)
}

// addLink associates; the first company of a contact becomes its primary one.
func (c *call) addLink(contact *row, company int64, primary bool) {
	after := contact.clone()
	after.Links = slices.Clone(contact.Links)
	i := slices.IndexFunc(after.Links, func(l link) bool { return l.Company == company })
	if i < 0 {
		after.Links = append(after.Links, link{Company: company, Primary: len(after.Links) == 0})
		i = len(after.Links) - 1
	}
	if primary {
		for j := range after.Links {
			after.Links[j].Primary = j == i
		}
	}
	c.p.employ(company, contact.ID)
	c.replace(c.p.contacts, contact, after)
}

func (c *call) removeLink(contact *row, company int64) {
	after := contact.clone()
	after.Links = slices.DeleteFunc(slices.Clone(contact.Links), func(l link) bool { return l.Company == company })
	c.p.dismiss(company, contact.ID)
	c.replace(c.p.contacts, contact, after)
}

// wantsPrimary checks the types of a request.
func (k *kind) wantsPrimary(types []linkType) (bool, error) {
	plain, first := k.typeIDs()
	primary := false
	for _, t := range types {
		if t.Category != categoryHubSpot || t.Type != plain && t.Type != first {
			return false, bad("The association type " + strconv.Itoa(t.Type) + " does not exist between these objects")
		}
		primary = primary || t.Type == first
	}
	if len(types) == 0 {
		return false, bad("An association needs a type")
	}
	return primary, nil
}

// checkLinks checks the associations of a create.
func (c *call) checkLinks(t *table, links []linkInput) error {
	for _, l := range links {
		if _, err := t.kind.wantsPrimary(l.Types); err != nil {
			return err
		}
		if r := t.p.table(t.other()).rows[parseID(l.To.ID)]; r == nil || r.Archived != 0 {
			return bad("The object " + quote(l.To.ID) + " to associate does not exist")
		}
	}
	return nil
}

// makeLinks makes the associations of a create, which checkLinks has seen.
func (c *call) makeLinks(t *table, r *row, links []linkInput) {
	for _, l := range links {
		primary, err := t.kind.wantsPrimary(l.Types)
		if err != nil { // checked before
			continue
		}
		contact, company := r, parseID(l.To.ID)
		if t.kind == &companyKind {
			contact, company = t.p.contacts.rows[company], r.ID
		}
		c.addLink(contact, company, primary)
	}
}

func linkDefault(c *call) (*reply, error) {
	if err := c.opposite(); err != nil {
		return nil, err
	}
	contact, company, err := c.linked(c.path["id"], c.path["toId"])
	if err != nil {
		return nil, err
	}
	c.addLink(contact, company.ID, false)
	plain, _ := c.kind.typeIDs()
	there, _ := c.table().other().typeIDs()
	spec := func(from, to string, id int) object {
		return object{"from": object{"id": from}, "to": object{"id": to}, "associationSpec": object{"associationCategory": categoryHubSpot, "associationTypeId": id}}
	}
	return c.batch(http.StatusOK, []object{spec(c.path["id"], c.path["toId"], plain), spec(c.path["toId"], c.path["id"], there)}, nil)
}

// between describes an association after a write.
func (c *call) between(from, to string, primary bool) object {
	labels := []string{}
	if primary {
		labels = append(labels, "Primary")
	}
	return object{"fromObjectTypeId": c.kind.typeID, "fromObjectId": from, "toObjectTypeId": c.table().other().typeID, "toObjectId": to, "labels": labels}
}

func linkLabelled(c *call) (*reply, error) {
	if err := c.opposite(); err != nil {
		return nil, err
	}
	var types []linkType
	if !strict(c.body, &types) {
		return nil, bad("Invalid input JSON: the body is an array of association types")
	}
	primary, err := c.kind.wantsPrimary(types)
	if err != nil {
		return nil, err
	}
	contact, company, err := c.linked(c.path["id"], c.path["toId"])
	if err != nil {
		return nil, err
	}
	c.addLink(contact, company.ID, primary)
	return &reply{http.StatusCreated, c.between(c.path["id"], c.path["toId"], primary)}, nil
}

func unlink(c *call) (*reply, error) {
	if err := c.opposite(); err != nil {
		return nil, err
	}
	contact, company, err := c.linked(c.path["id"], c.path["toId"])
	if err != nil {
		return nil, err
	}
	c.removeLink(contact, company.ID)
	return nothing()
}

// batchReadLinks leaves records without associations out of the answer and names them in errors.
func batchReadLinks(c *call) (*reply, error) {
	if err := c.opposite(); err != nil {
		return nil, err
	}
	var in struct {
		Inputs []struct {
			ID    string `json:"id"`
			After string `json:"after"`
		} `json:"inputs"`
	}
	if err := c.json(&in, "inputs"); err != nil {
		return nil, err
	}
	if len(in.Inputs) == 0 || len(in.Inputs) > linkReadMost {
		return nil, bad("The batch must have 1 to 1000 inputs")
	}
	results, errors := []object{}, []object{}
	for _, i := range in.Inputs {
		r := c.table().rows[parseID(i.ID)]
		var to []object
		if r != nil && r.Archived == 0 {
			for _, p := range c.table().pairs(r) {
				to = append(to, c.labelled(p))
			}
		}
		if len(to) == 0 {
			errors = append(errors, object{"status": "error", "category": "OBJECT_NOT_FOUND", "subCategory": object{},
				"message": "No " + c.table().other().name + " is associated with " + c.kind.name + " " + i.ID + ".", "context": object{"fromObjectId": []string{i.ID}}})
			continue
		}
		results = append(results, object{"from": object{"id": i.ID}, "to": to})
	}
	return c.batch(http.StatusOK, results, errors)
}

func batchLink(c *call) (*reply, error) {
	if err := c.opposite(); err != nil {
		return nil, err
	}
	var in struct {
		Inputs []struct {
			From  idInput    `json:"from"`
			To    idInput    `json:"to"`
			Types []linkType `json:"types"`
		} `json:"inputs"`
	}
	if err := c.json(&in, "inputs"); err != nil {
		return nil, err
	}
	if len(in.Inputs) == 0 || len(in.Inputs) > linkBatchMost {
		return nil, bad("The batch must have 1 to 2000 inputs")
	}
	primaries := make([]bool, len(in.Inputs))
	for n, i := range in.Inputs {
		var err error
		if primaries[n], err = c.kind.wantsPrimary(i.Types); err != nil {
			return nil, err
		}
		if _, _, err = c.linked(i.From.ID, i.To.ID); err != nil {
			return nil, err
		}
	}
	results := []object{}
	for n, i := range in.Inputs {
		contact, company, err := c.linked(i.From.ID, i.To.ID)
		if err != nil {
			return nil, err
		}
		c.addLink(contact, company.ID, primaries[n])
		results = append(results, c.between(i.From.ID, i.To.ID, primaries[n]))
	}
	status := http.StatusCreated
	if c.modern() {
		status = http.StatusOK
	}
	return c.batch(status, results, nil)
}
