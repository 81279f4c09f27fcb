package zoho

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

const writeMost = 100

var triggers = []string{"approval", "workflow", "blueprint", "pathfinder", "orchestration"}

// batch is a checked write body.
type batch struct {
	records   []map[string]json.RawMessage
	automates bool     // trigger is absent, or names something: automation runs
	check     []string // duplicate_check_fields
}

// parseBatch reads the body of a write.
func (c *call) parseBatch(upsert bool) (*batch, error) {
	allowed := []string{"data", "trigger", "lar_id"}
	if upsert {
		allowed = append(allowed, "duplicate_check_fields")
	} else {
		allowed = append(allowed, "skip_feature_execution", "apply_feature_execution")
	}
	m, err := c.decode(allowed...)
	if err != nil {
		return nil, err
	}
	b := &batch{automates: true}
	bad := func(name, kind string) error {
		return refuse(http.StatusBadRequest, "INVALID_DATA", "invalid data", object{"api_name": name, "json_path": "$." + name, "expected_data_type": kind})
	}
	if m["data"] == nil {
		return nil, refuse(http.StatusBadRequest, "MANDATORY_NOT_FOUND", "required field not found", object{"api_name": "data", "json_path": "$.data"})
	}
	if json.Unmarshal(m["data"], &b.records) != nil || len(b.records) == 0 || slices.ContainsFunc(b.records, func(r map[string]json.RawMessage) bool { return r == nil }) {
		return nil, bad("data", "jsonarray")
	}
	if len(b.records) > writeMost {
		return nil, refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "the number of records exceeds the limit", object{"api_name": "data", "json_path": "$.data", "maximum_length": writeMost})
	}
	if m["trigger"] != nil {
		var ts []string
		if json.Unmarshal(m["trigger"], &ts) != nil || ts == nil || slices.ContainsFunc(ts, func(t string) bool { return !slices.Contains(triggers, t) }) {
			return nil, bad("trigger", "jsonarray")
		}
		b.automates = len(ts) > 0
	}
	for _, n := range []string{"skip_feature_execution", "apply_feature_execution"} {
		var fs []struct {
			Name string `json:"name"`
		}
		if m[n] != nil && (json.Unmarshal(m[n], &fs) != nil || slices.ContainsFunc(fs, func(f struct {
			Name string `json:"name"`
		}) bool {
			return f.Name == ""
		})) {
			return nil, bad(n, "jsonarray")
		}
	}
	if m["lar_id"] != nil && string(m["lar_id"]) != "null" {
		return nil, bad("lar_id", "bigint") // no assignment rule exists here
	}
	if raw := m["duplicate_check_fields"]; raw != nil {
		if json.Unmarshal(raw, &b.check) != nil || len(b.check) == 0 || len(b.check) > 10 {
			return nil, bad("duplicate_check_fields", "jsonarray")
		}
		for _, n := range b.check {
			if f := c.m.field(c.path[0], n); f == nil || !(f.Unique || n == systemDuplicate[c.path[0]]) {
				return nil, bad("duplicate_check_fields", "jsonarray")
			}
		}
	}
	return b, nil
}

// systemDuplicate is the field by which a module's duplicates are found without being told.
var systemDuplicate = map[string]string{"Contacts": "Email", "Accounts": "Account_Name"}

// batchCost is one credit per ten records.
func batchCost(c *call) int { return max(1, (c.batchSize()+9)/10) }

// batchSize counts the records of a body; a body that does not parse costs one credit.
func (c *call) batchSize() int {
	var b struct {
		Data []json.RawMessage `json:"data"`
	}
	if json.Unmarshal(c.body, &b) != nil {
		return 1
	}
	return len(b.Data)
}

func heavyBatch(c *call) bool { return c.batchSize() > 10 }

// outcome is the answer for one record.
type outcome struct {
	fault  *fault
	row    *row
	action string // insert or update
	field  any    // what an upsert matched by
	upsert bool
}

func (c *call) outcomeBody(o outcome) object {
	if o.fault != nil {
		return o.fault.body()
	}
	b := object{"code": "SUCCESS", "status": "success", "message": map[string]string{"insert": "record added", "update": "record updated"}[o.action],
		"details": c.stamps(o.row)}
	b["details"].(object)["$approval_state"] = "approved"
	if o.upsert {
		b["action"], b["duplicate_field"] = o.action, o.field
	}
	return b
}

// stamps are the details of a record that writes answer with.
func (c *call) stamps(r *row) object {
	return object{"id": num(r.ID), "Created_Time": c.m.stamp(r.Created), "Modified_Time": c.m.stamp(r.Modified),
		"Created_By": c.o.refOf(r.CreatedBy), "Modified_By": c.o.refOf(r.ModifiedBy)}
}

// batchReply has one element per record: the good status if all went well, 400 if none, 207 otherwise.
func (c *call) batchReply(good int, outs []outcome) *reply {
	data := make([]object, len(outs))
	failed := 0
	for i, o := range outs {
		data[i] = c.outcomeBody(o)
		if o.fault != nil {
			failed++
		}
	}
	status := http.StatusMultiStatus
	switch failed {
	case 0:
		status = good
	case len(outs):
		status = http.StatusBadRequest
	}
	return &reply{status: status, body: object{"data": data}}
}

// insertRecords is POST /{module}.
func insertRecords(c *call) (*reply, error) {
	module := c.path[0]
	if err := c.may("Create", module); err != nil {
		return nil, err
	}
	b, err := c.parseBatch(false)
	if err != nil {
		return nil, err
	}
	var outs []outcome
	for i, rec := range b.records {
		outs = append(outs, c.insert(c.o.tables[module], rec, i, b.automates))
	}
	return c.batchReply(http.StatusCreated, outs), nil
}

func (c *call) insert(t *table, rec map[string]json.RawMessage, index int, automates bool) outcome {
	if rec["id"] != nil {
		return outcome{fault: spot{index, "id"}.badValue(nil)}
	}
	set, owner, bad := c.checkRecord(t.module, rec, index)
	if bad == nil {
		bad = c.checkMandatory(t.module, set, index, true)
	}
	if bad == nil {
		bad = c.checkUnique(t, set, 0, index)
	}
	if bad != nil {
		return outcome{fault: bad}
	}
	if owner == 0 {
		owner = c.m.ID
	}
	if automates {
		c.o.Fired++
	}
	return outcome{row: c.s.create(c.m, t, set, owner, "crm_api"), action: "insert"}
}

// create makes a row; it needs the lock, as store, bury and bump do.
func (s *Sandbox) create(m *member, t *table, set map[string]json.RawMessage, owner int64, source string) *row {
	now := s.now()
	r := &row{ID: m.org.newID(), Owner: owner, CreatedBy: m.ID, Created: now}
	r.Data = packed(nil, set)
	r.Events = []event{{Action: "added", Source: source, At: now, By: m.ID}}
	t.add(r)
	s.bump(m, t, r)
	s.happened(m.org, t, r, "insert", set)
	return r
}

// store changes a row's values.
func (s *Sandbox) store(m *member, t *table, r *row, set map[string]json.RawMessage, source string) {
	before := r.Data
	r.Data = packed(r.values(), set)
	t.reindex(r, before, r.Data)
	r.note(event{Action: "updated", Source: source, At: s.now(), By: m.ID})
	s.bump(m, t, r)
	s.happened(m.org, t, r, "update", set)
}

// eventMost is how many lines a timeline keeps after its first.
const eventMost = 20

func (r *row) note(e event) {
	if len(r.Events) > eventMost {
		r.Events = append(r.Events[:1], r.Events[2:]...) // the first says how the record came in
	}
	r.Events = append(r.Events, e)
}

// bump makes the row the most recently modified one. Every write does, whether or not it changed a value.
func (s *Sandbox) bump(m *member, t *table, r *row) {
	m.org.Seq++
	r.Seq, r.ModifiedBy, r.Modified = m.org.Seq, m.ID, s.now()
	if n := len(t.changes); n > 0 {
		r.Modified = max(r.Modified, t.changes[n-1].at) // a clock that went back does not disturb the order
	}
	r.Indexed = s.cfg.Clock.Now().Add(s.lag).UnixNano()
	t.touched(r)
	s.keepRow(m.org, t, r)
}

// packed merges values into a row's data; nil removes.
func packed(have, set map[string]json.RawMessage) json.RawMessage {
	if have == nil {
		have = map[string]json.RawMessage{}
	}
	for k, v := range set {
		if v == nil {
			delete(have, k)
		} else {
			have[k] = v
		}
	}
	return marshal(have)
}

// updateRecords is PUT /{module} and PUT /{module}/{id}.
func updateRecords(c *call) (*reply, error) {
	module := c.path[0]
	if err := c.may("Edit", module); err != nil {
		return nil, err
	}
	b, err := c.parseBatch(false)
	if err != nil {
		return nil, err
	}
	if len(c.path) == 2 {
		if len(b.records) != 1 || (b.records[0]["id"] != nil && textOf(b.records[0]["id"]) != c.path[1]) {
			return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "one record belongs to this address", object{"api_name": "data", "json_path": "$.data"})
		}
		b.records[0]["id"] = marshal(c.path[1])
	}
	t := c.o.tables[module]
	if refused, err := c.unmodified(t, b, func(i int, rec map[string]json.RawMessage) *row { return t.rows[parseID(textOf(rec["id"]))] }); refused != nil || err != nil {
		return refused, err
	}
	var outs []outcome
	for i, rec := range b.records {
		outs = append(outs, c.update(t, rec, t.rows[parseID(textOf(rec["id"]))], i, b.automates))
	}
	return c.batchReply(http.StatusOK, outs), nil
}

// unmodified checks If-Unmodified-Since against every record that the call would change. One that was modified later (times have
// one second) refuses the whole call, and the answer names it.
func (c *call) unmodified(t *table, b *batch, target func(int, map[string]json.RawMessage) *row) (*reply, error) {
	since, err := c.stampHeader("If-Unmodified-Since")
	if since == 0 || err != nil {
		return nil, err
	}
	for i, rec := range b.records {
		r := target(i, rec)
		if r == nil || r.State != live || r.Modified <= since || !c.m.sees(t, r) {
			continue
		}
		f := refuse(http.StatusPreconditionFailed, "ALREADY_MODIFIED", "record has been modified after the given time", c.stamps(r))
		return &reply{status: f.status, body: object{"data": []object{f.body()}}}, nil
	}
	return nil, nil
}

func (c *call) update(t *table, rec map[string]json.RawMessage, r *row, index int, automates bool) outcome {
	if rec["id"] == nil && r == nil {
		at := spot{index, "id"}
		return outcome{fault: refuse(http.StatusBadRequest, "MANDATORY_NOT_FOUND", "required field not found", object{"api_name": "id", "json_path": at.path()})}
	}
	if r == nil || r.State != live || !c.m.sees(t, r) {
		at := spot{index, "id"}
		return outcome{fault: refuse(http.StatusBadRequest, "INVALID_DATA", "the id given seems to be invalid", object{"id": textOf(rec["id"]), "api_name": "id", "json_path": at.path()})}
	}
	if r.Locked {
		return outcome{fault: refuse(http.StatusBadRequest, "RECORD_LOCKED", "the record is locked", object{"id": num(r.ID)})}
	}
	set, owner, bad := c.checkRecord(t.module, rec, index)
	if bad == nil {
		bad = c.checkMandatory(t.module, set, index, false)
	}
	if bad == nil {
		bad = c.checkUnique(t, set, r.ID, index)
	}
	if bad != nil {
		return outcome{fault: bad}
	}
	if owner != 0 {
		r.Owner = owner
	}
	if automates {
		c.o.Fired++
	}
	c.s.store(c.m, t, r, set, "crm_api")
	return outcome{row: r, action: "update"}
}

// upsertRecords is POST /{module}/upsert.
func upsertRecords(c *call) (*reply, error) {
	module := c.path[0]
	b, err := c.parseBatch(true)
	if err != nil {
		return nil, err
	}
	t := c.o.tables[module]
	match := func(i int, rec map[string]json.RawMessage) *row {
		r, _ := c.matchUpsert(t, b, rec)
		return r
	}
	if err := c.may("Create", module); err != nil {
		return nil, err
	}
	if err := c.may("Edit", module); err != nil {
		return nil, err
	}
	if refused, err := c.unmodified(t, b, match); refused != nil || err != nil {
		return refused, err
	}
	var outs []outcome
	for i, rec := range b.records {
		r, by := c.matchUpsert(t, b, rec)
		var o outcome
		if r != nil || rec["id"] != nil {
			o = c.update(t, rec, r, i, b.automates)
		} else {
			o = c.insert(t, rec, i, b.automates)
		}
		o.upsert, o.field = true, by
		outs = append(outs, o)
	}
	return c.batchReply(http.StatusOK, outs), nil
}

// matchUpsert finds the record that an upsert means, and the field that told: the id, else the named fields in order, else the
// module's own field and then the unique ones.
func (c *call) matchUpsert(t *table, b *batch, rec map[string]json.RawMessage) (*row, any) {
	if rec["id"] != nil {
		return t.rows[parseID(textOf(rec["id"]))], nil
	}
	check := b.check
	if check == nil {
		check = []string{systemDuplicate[t.module]}
		for _, f := range c.o.Fields[t.module] {
			if f.Unique && f.API != check[0] {
				check = append(check, f.API)
			}
		}
	}
	for _, n := range check {
		if v := textOf(rec[n]); strings.TrimSpace(v) != "" {
			for _, r := range t.find(n, v) {
				if c.m.sees(t, r) {
					return r, n
				}
			}
		}
	}
	return nil, nil
}

// deleteRecords is DELETE /{module}?ids=.
func deleteRecords(c *call) (*reply, error) {
	module := c.path[0]
	if !c.query.Has("ids") {
		return nil, missingParam("ids")
	}
	ids, err := idsParam(c.query.Get("ids"))
	if err != nil {
		return nil, err
	}
	if len(ids) > writeMost {
		return nil, refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "the number of records exceeds the limit", object{"param_name": "ids", "limit": writeMost})
	}
	if err := c.may("Delete", module); err != nil {
		return nil, err
	}
	status := http.StatusOK
	var data []object
	for _, id := range ids {
		b, bad := c.delete(module, id)
		if bad != nil {
			status, b = http.StatusMultiStatus, bad.body()
		}
		data = append(data, b)
	}
	return &reply{status: status, body: object{"data": data}}, nil
}

// deleteRecord is DELETE /{module}/{id}.
func deleteRecord(c *call) (*reply, error) {
	if err := c.may("Delete", c.path[0]); err != nil {
		return nil, err
	}
	b, bad := c.delete(c.path[0], parseID(c.path[1]))
	if bad != nil {
		return nil, bad
	}
	return &reply{status: http.StatusOK, body: object{"data": []object{b}}}, nil
}

func (c *call) delete(module string, id int64) (object, *fault) {
	t := c.o.tables[module]
	r := t.rows[id]
	if r == nil || r.State != live || !c.m.sees(t, r) {
		return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "the id given seems to be invalid", object{"id": num(id)})
	}
	if r.Locked {
		return nil, refuse(http.StatusBadRequest, "RECORD_LOCKED", "the record is locked", object{"id": num(id)})
	}
	c.s.bury(c.m, t, r, recycled)
	return object{"code": "SUCCESS", "details": object{"id": num(id)}, "message": "record deleted", "status": "success"}, nil
}

// bury puts a live row into the bin or away for good, or a binned one away for good.
func (s *Sandbox) bury(m *member, t *table, r *row, to state) {
	if r.State == live {
		s.happened(m.org, t, r, "delete", nil)
		t.live--
		t.reindex(r, r.Data, nil)
	}
	m.org.Seq++
	r.State, r.DeletedBy, r.DeletedAt, r.DeletedSeq = to, m.ID, s.now(), m.org.Seq
	if n := len(t.deaths); n > 0 {
		r.DeletedAt = max(r.DeletedAt, t.deaths[n-1].at)
	}
	if to == purged {
		r.Data, r.Events, r.Tags, r.Photo = nil, nil, nil, false
		delete(m.org.photos, r.ID)
		s.draft.Drop(photoKey(m.org, r.ID))
	}
	t.died(r)
	s.keepRow(m.org, t, r)
}
