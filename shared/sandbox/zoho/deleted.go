package zoho

import (
	"net/http"
	"sort"
)

// deletedRecords is GET /{module}/deleted, newest first. If-Modified-Since filters by deleted_time.
func deletedRecords(c *call) (*reply, error) {
	module := c.path[0]
	if err := c.may("View", module); err != nil {
		return nil, err
	}
	kind := c.query.Get("type")
	if c.query.Has("type") && kind != "all" && kind != "recycle" && kind != "permanent" {
		return nil, badParam("type")
	}
	page, perPage, err := c.pageParams()
	if err != nil {
		return nil, err
	}
	since, err := c.stampHeader("If-Modified-Since")
	if err != nil {
		return nil, err
	}
	t := c.o.tables[module]
	first := sort.Search(len(t.deaths), func(i int) bool { return since == 0 || t.deaths[i].at > since })
	skip, more := (page-1)*perPage, false
	data := []object{}
	for i := len(t.deaths) - 1; i >= first; i-- {
		l := t.deaths[i]
		r := l.row
		if r.DeletedSeq != l.seq || r.State == live || !c.m.sees(t, r) || (kind == "recycle" && r.State != recycled) || (kind == "permanent" && r.State != purged) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if len(data) == perPage {
			more = true
			break
		}
		data = append(data, c.tombstone(t, r))
	}
	if len(data) == 0 {
		return &reply{status: http.StatusNoContent}, nil
	}
	return &reply{status: http.StatusOK, body: object{"data": data, "info": object{"per_page": perPage, "count": len(data), "page": page, "more_records": more}}}, nil
}

func (c *call) tombstone(t *table, r *row) object {
	if r.State == purged {
		return object{"id": num(r.ID), "type": "permanent", "deleted_time": c.m.stamp(r.DeletedAt), "deleted_by": nil, "display_name": nil, "created_by": nil}
	}
	return object{"id": num(r.ID), "type": "recycle", "deleted_time": c.m.stamp(r.DeletedAt), "deleted_by": c.o.refOf(r.DeletedBy),
		"display_name": displayName(t, r), "created_by": c.o.refOf(r.CreatedBy)}
}

func displayName(t *table, r *row) string {
	if t.module == "Accounts" {
		return textOf(r.values()["Account_Name"])
	}
	return fullName(r.values())
}

// revive takes a row out of the bin; it shows up as modified.
func (s *Sandbox) revive(m *member, t *table, r *row) {
	r.State, r.DeletedAt, r.DeletedBy, r.DeletedSeq = live, 0, 0, 0
	t.live++
	t.reindex(r, nil, r.Data)
	r.note(event{Action: "restored", Source: "crm_ui", At: s.now(), By: m.ID})
	s.bump(m, t, r)
}

// restoreRecord is POST /settings/recycle_bin/{id}/actions/restore.
func restoreRecord(c *call) (*reply, error) {
	id := parseID(c.path[0])
	for _, module := range []string{"Contacts", "Accounts"} {
		t := c.o.tables[module]
		if r := t.rows[id]; r != nil && r.State == recycled && c.m.sees(t, r) {
			c.s.revive(c.m, t, r)
			return &reply{status: http.StatusOK, body: object{"recycle_bin": []object{{"code": "SUCCESS", "details": object{"id": num(id)}, "message": "record restored", "status": "success"}}}}, nil
		}
	}
	return nil, badID(num(id))
}

// mergeRecords is POST /{module}/{id}/actions/merge: the losers go to the bin, the master takes the fields that the request
// says come from them, and shows up as modified.
func mergeRecords(c *call) (*reply, error) {
	module, id := c.path[0], parseID(c.path[1])
	for _, verb := range []string{"Edit", "Delete"} {
		if err := c.may(verb, module); err != nil {
			return nil, err
		}
	}
	losers, fields, err := c.parseMerge(module)
	if err != nil {
		return nil, err
	}
	t := c.o.tables[module]
	master := t.rows[id]
	if master == nil || master.State != live || !c.m.sees(t, master) {
		return nil, badID(num(id))
	}
	rows := make([]*row, len(losers))
	for i, l := range losers {
		rows[i] = t.rows[l]
		if r := rows[i]; r == nil || r == master || r.State != live || !c.m.sees(t, r) {
			return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "the id given seems to be invalid", object{"api_name": "id", "json_path": "$.merge[0].data[" + num(int64(i)) + "].id"})
		}
	}
	c.s.merge(c.m, t, master, rows, fields)
	return &reply{status: http.StatusOK, body: object{"merge": []object{{"code": "SUCCESS", "details": object{"id": num(id)}, "message": "records merged", "status": "success"}}}}, nil
}

// mergeStatus is GET /{module}/{id}/actions/merge: merges of this sandbox are done at once, so no job is ever left.
func mergeStatus(*call) (*reply, error) { return &reply{status: http.StatusNoContent}, nil }

// listBin is GET /settings/recycle_bin.
func listBin(c *call) (*reply, error) {
	page, perPage, err := c.pageParams()
	if err != nil {
		return nil, err
	}
	type entry struct {
		t *table
		r *row
	}
	var all []entry
	for _, module := range []string{"Contacts", "Accounts"} {
		t := c.o.tables[module]
		for _, l := range t.deaths {
			if l.row.State == recycled && l.row.DeletedSeq == l.seq && c.m.sees(t, l.row) {
				all = append(all, entry{t, l.row})
			}
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].r.DeletedSeq > all[j].r.DeletedSeq })
	from := min((page-1)*perPage, len(all))
	to := min(from+perPage, len(all))
	if from == to {
		return &reply{status: http.StatusNoContent}, nil
	}
	out := []object{}
	for _, e := range all[from:to] {
		out = append(out, object{"id": num(e.r.ID), "display_name": displayName(e.t, e.r), "deleted_time": c.m.stamp(e.r.DeletedAt), "module": e.t.module,
			"owner": c.o.refOf(e.r.Owner), "deleted_by": c.o.refOf(e.r.DeletedBy)})
	}
	return &reply{status: http.StatusOK, body: object{"recycle_bin": out, "info": object{"per_page": perPage, "count": len(out), "page": page, "more_records": to < len(all)}}}, nil
}
