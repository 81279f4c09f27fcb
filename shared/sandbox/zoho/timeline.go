package zoho

import "net/http"

// timeline is GET /{module}/{id}/__timeline, newest first unless sorted otherwise. The event "added" says how the record came in:
// its source is crm_api, crm_ui, import, migration and the like.
func timeline(c *call) (*reply, error) {
	module, id := c.path[0], parseID(c.path[1])
	if err := c.may("View", module); err != nil {
		return nil, err
	}
	if c.query.Has("sort_by") && c.query.Get("sort_by") != "audited_time" {
		return nil, badParam("sort_by")
	}
	order := c.query.Get("sort_order")
	if c.query.Has("sort_order") && order != "asc" && order != "desc" {
		return nil, badParam("sort_order")
	}
	page, perPage, err := c.pageParams()
	if err != nil {
		return nil, err
	}
	t := c.o.tables[module]
	r := t.rows[id]
	if r == nil || r.State != live || !c.m.sees(t, r) {
		return nil, badID(num(id))
	}
	lines := make([]object, len(r.Events))
	for i, e := range r.Events {
		at := len(r.Events) - 1 - i
		if order == "asc" {
			at = i
		}
		lines[at] = c.timelineBody(t, r, e, i)
	}
	from := min((page-1)*perPage, len(lines))
	to := min(from+perPage, len(lines))
	if from == to {
		return &reply{status: http.StatusNoContent}, nil
	}
	return &reply{status: http.StatusOK, body: object{"__timeline": lines[from:to], "info": object{"count": to - from, "more_records": to < len(lines), "page": page, "per_page": perPage,
		"next_page_token": nil, "previous_page_token": nil}}}, nil
}

func (c *call) timelineBody(t *table, r *row, e event, i int) object {
	var by any
	if m := c.o.member(e.By); m != nil {
		by = object{"name": m.fullName(), "id": num(m.ID)}
	}
	return object{"id": num(r.ID) + "-" + num(int64(i)), "audited_time": c.m.stamp(e.At), "action": e.Action, "source": e.Source, "done_by": by, "type": "timeline",
		"record":         object{"name": displayName(t, r), "id": num(r.ID), "module": object{"api_name": t.module, "id": num(c.o.moduleID(t.module))}},
		"related_record": nil, "automation_details": nil, "extension": nil, "field_history": nil}
}
