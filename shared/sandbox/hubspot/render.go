package hubspot

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// value is what a property holds, "" if it is empty. Some follow from the rest of the record.
func (t *table) value(r *row, name string) string {
	switch name {
	case "hs_object_id":
		return num(r.ID)
	case "createdate":
		return stamp(r.Created)
	case t.kind.modified:
		return stamp(r.Updated)
	case "hs_merged_object_ids":
		return joinIDs(r.Merged)
	case "hs_object_source", "hs_object_source_label":
		return r.Source
	case "hs_object_source_id":
		if r.Source == sourceAPI {
			return num(t.p.app)
		}
		return ""
	case "hs_email_domain":
		_, domain, _ := strings.Cut(r.Props.get("email"), "@")
		return domain
	case "hs_searchable_calculated_phone_number":
		return searchablePhone(r.Props.get("phone"))
	case "hs_predictivecontactscore_v2":
		return strconv.FormatFloat(float64(r.Score%1000)/10, 'f', -1, 64)
	case "associatedcompanyid":
		for _, l := range r.Links {
			if l.Primary {
				return num(l.Company)
			}
		}
		return ""
	case "num_associated_contacts":
		return strconv.Itoa(len(t.p.employees[r.ID]))
	}
	return r.Props.get(name)
}

func joinIDs(ids []int64) string {
	var out []string
	for _, id := range ids {
		out = append(out, num(id))
	}
	return strings.Join(out, ";")
}

// searchablePhone is a number without what people write around it and without the country code.
func searchablePhone(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	if strings.HasPrefix(strings.TrimSpace(phone), "+") && len(digits) > 10 {
		return digits[3:]
	}
	return digits
}

// always are the properties of every answer to a read.
func (k *kind) always() []string { return []string{"createdate", "hs_object_id", k.modified} }

// view is what of a record an answer shows.
type view struct {
	names []string // properties asked for; nil is the standard ones
	links bool
}

// render is a record as reads answer it: an asked-for property that is empty is null, and one that does not exist is left out.
func (t *table) render(r *row, v view) object {
	names := v.names
	if names == nil {
		names = t.kind.defaults
	}
	values := object{}
	for _, n := range slices.Concat(names, t.kind.always()) {
		if t.p.property(t.kind, n) == nil {
			continue
		}
		if text := t.value(r, n); text != "" {
			values[n] = text
		} else {
			values[n] = nil
		}
	}
	return t.frame(r, values, v)
}

// frame puts what every record has around its properties.
func (t *table) frame(r *row, values object, v view) object {
	out := object{"id": num(r.ID), "properties": values, "createdAt": stamp(r.Created), "updatedAt": stamp(r.Updated), "archived": r.Archived != 0}
	if r.Archived != 0 {
		out["archivedAt"] = stamp(r.Archived)
	} else {
		out["url"] = "https://" + t.p.domain() + "/contacts/" + num(t.p.ID) + "/record/" + t.kind.typeID + "/" + num(r.ID)
	}
	if v.links {
		if links := t.associations(r); len(links) > 0 {
			out["associations"] = object{t.other().plural: object{"results": links}}
		}
	}
	return out
}

// written is a record as a write answers it: what was sent, and what HubSpot keeps itself. A create shows all that is set.
func (t *table) written(r *row, sent []string) object {
	values := object{}
	for _, n := range slices.Concat(sent, t.kind.always()) {
		values[n] = t.value(r, n)
	}
	if sent == nil {
		for _, e := range r.Props {
			values[e.Name] = e.Value
		}
		for _, n := range []string{"hs_object_source", "hs_object_source_id", "hs_object_source_label", "hs_email_domain"} {
			if text := t.value(r, n); text != "" && t.kind == &contactKind {
				values[n] = text
			}
		}
	}
	return t.frame(r, values, view{})
}

// view reads what a request asks to be shown.
func (c *call) view() (view, error) {
	names, err := c.words("properties")
	if err != nil {
		return view{}, err
	}
	links, err := c.words("associations")
	if err != nil {
		return view{}, err
	}
	for _, l := range links {
		if kindNamed(l) == nil || kindNamed(l) == c.kind {
			return view{}, bad("The association to " + quote(l) + " is not known")
		}
	}
	return view{names: names, links: len(links) > 0}, nil
}

func listRecords(c *call) (*reply, error) {
	n, err := c.limit(10, listPageMost)
	if err != nil {
		return nil, err
	}
	v, err := c.view()
	if err != nil {
		return nil, err
	}
	archived, err := c.flag("archived")
	if err != nil {
		return nil, err
	}
	t, now, from := c.table(), c.s.now(), int64(0)
	if c.q.Has("after") {
		if from = parseID(c.q.Get("after")); from == 0 {
			return nil, bad("The parameter after is not a cursor")
		}
	}
	results, out := []object{}, object{}
	for i := t.at(from); i < len(t.byID); i++ {
		r := t.byID[i]
		if (r.Archived != 0) != archived || r.dead(now) {
			continue
		}
		if len(results) == n {
			out["paging"] = c.nextLink(num(r.ID))
			break
		}
		results = append(results, t.render(r, v))
	}
	out["results"] = results
	return ok(out)
}

// identified finds a record by what the path or an input names. Archived ones are found only when they are asked for.
func (c *call) identified(id, idProperty string, archived bool) (*row, error) {
	t := c.table()
	var r *row
	switch {
	case idProperty == "" || idProperty == "hs_object_id":
		n := parseID(id)
		if n == 0 {
			return nil, missing(c.kind.upper())
		}
		r = t.resolve(n)
	case !t.unique(idProperty):
		return nil, bad("The property " + quote(idProperty) + " does not identify a record")
	default:
		if r = t.rows[t.holder(idProperty, id)]; r != nil && fold(r.Props.get(idProperty)) != fold(id) {
			r = nil // an additional address
		}
	}
	if r == nil || (r.Archived != 0) != archived || r.dead(c.s.now()) {
		return nil, missing(c.kind.upper())
	}
	return r, nil
}

func getRecord(c *call) (*reply, error) {
	v, err := c.view()
	if err != nil {
		return nil, err
	}
	archived, err := c.flag("archived")
	if err != nil {
		return nil, err
	}
	r, err := c.identified(c.path["id"], c.q.Get("idProperty"), archived)
	if err != nil {
		return nil, err
	}
	return &reply{http.StatusOK, c.table().render(r, v)}, nil
}
