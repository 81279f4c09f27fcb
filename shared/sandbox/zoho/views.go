package zoho

import "net/http"

// visibleView returns a view that the caller may use, or nil.
func (c *call) visibleView(id int64) *view {
	if v := c.o.view(id); v != nil && (v.Access == "public" || v.By == c.m.ID) {
		return v
	}
	return nil
}

// criteriaBody is a condition as the API shows it.
func (c *call) criteriaBody(module string, k *Criteria) object {
	if len(k.Group) > 0 {
		var g []object
		for _, e := range k.Group {
			g = append(g, c.criteriaBody(module, e))
		}
		return object{"group": g, "group_operator": k.Operator}
	}
	field := object{"api_name": k.Field}
	if f := c.o.fields[module][k.Field]; f != nil {
		field["id"] = num(f.ID)
	}
	var value any = k.Value
	if len(k.Values) > 0 {
		value = k.Values
	}
	kind := "value"
	if k.Value == currentUser {
		kind = "merge_field"
	}
	return object{"field": field, "comparator": k.Comparator, "value": value, "type": kind}
}

func (c *call) viewBody(v *view) object {
	by := c.o.refOf(v.By)
	if by == nil {
		by = c.o.members[0].ref()
	}
	category := "public_views"
	if v.By == c.m.ID {
		category = "created_by_me"
	}
	b := object{"id": num(v.ID), "name": v.Name, "display_value": v.Name, "system_name": nil, "system_defined": v.System != "", "default": v.System == "ALLVIEWS",
		"category": category, "access_type": v.Access, "favorite": nil, "locked": false, "shared_to": nil, "sort_by": nil, "sort_order": nil,
		"module": object{"api_name": "Contacts", "id": num(c.o.contactsID())}, "created_by": by, "modified_by": by,
		"created_time": c.m.stamp(v.Created), "modified_time": c.m.stamp(v.Created),
		"fields": []object{{"api_name": "Full_Name", "_pin": false}, {"api_name": "Email", "_pin": false}}}
	if v.System != "" {
		b["system_name"] = v.System
	}
	if v.Criteria != nil {
		b["criteria"] = c.criteriaBody("Contacts", v.Criteria)
	}
	return b
}

// viewCategories are the headings under which Zoho's pages list views.
func viewCategories() object {
	return object{"public_views": "Public Views", "other_users_views": "Other Users Views", "shared_with_me": "Shared With Me", "created_by_me": "Created By Me"}
}

func (o *org) contactsID() int64 { return o.moduleID("Contacts") }

// listViews is GET /settings/custom_views. Views of Accounts are not kept.
func listViews(c *call) (*reply, error) {
	module, err := c.moduleParam()
	if err != nil {
		return nil, err
	}
	if module != "Contacts" {
		return nil, badParam("module")
	}
	page, perPage, err := c.pageParams()
	if err != nil {
		return nil, err
	}
	var all []object
	for _, v := range c.o.Views {
		if c.visibleView(v.ID) != nil {
			all = append(all, c.viewBody(v))
		}
	}
	from := min((page-1)*perPage, len(all))
	to := min(from+perPage, len(all))
	if from == to {
		return &reply{status: http.StatusNoContent}, nil
	}
	return &reply{status: http.StatusOK, body: object{"custom_views": all[from:to], "info": object{"per_page": perPage, "count": to - from, "page": page,
		"more_records": to < len(all), "default": num(c.o.Views[0].ID),
		"translation": viewCategories()}}}, nil
}

// getView is GET /settings/custom_views/{id}.
func getView(c *call) (*reply, error) {
	if _, err := c.moduleParam(); err != nil {
		return nil, err
	}
	v := c.visibleView(parseID(c.path[0]))
	if v == nil {
		return &reply{status: http.StatusNoContent}, nil
	}
	return &reply{status: http.StatusOK, body: object{"custom_views": []object{c.viewBody(v)}, "info": object{"translation": viewCategories()}}}, nil
}

// countRecords is GET /{module}/actions/count: of a view, of a search, or of all.
func countRecords(c *call) (*reply, error) {
	module := c.path[0]
	if err := c.may("View", module); err != nil {
		return nil, err
	}
	crit, byView, err := c.searchCriteria(module)
	if err != nil {
		return nil, err
	}
	if c.query.Has("cvid") {
		if byView {
			return nil, ambiguous("cvid", "criteria")
		}
		v := c.visibleView(parseID(c.query.Get("cvid")))
		if v == nil || module != "Contacts" {
			return nil, badParam("cvid")
		}
		crit = v.Criteria
	}
	t := c.o.tables[module]
	n := 0
	for _, r := range t.byID {
		if r.State == live && c.m.sees(t, r) && crit.match(&subject{who: c.m, t: t, r: r}) {
			n++
		}
	}
	return &reply{status: http.StatusOK, body: object{"count": n}}, nil
}
