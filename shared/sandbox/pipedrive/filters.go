package pipedrive

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// filter is a saved filter.
type filter struct {
	ID      int64
	Name    string
	Type    string // people or org
	User    int64
	Shared  bool
	Rules   rules
	Added   int64
	Changed int64
}

// rules is the body of a filter: two groups of conditions, all of the first and any of the second (empty groups pass).
type rules struct {
	Glue       string      `json:"glue"`
	Conditions []ruleGroup `json:"conditions"`
}

type ruleGroup struct {
	Glue       string      `json:"glue"`
	Conditions []condition `json:"conditions"`
}

type condition struct {
	Object   string  `json:"object"`
	FieldID  string  `json:"field_id"`
	Operator string  `json:"operator"`
	Value    *string `json:"value"`
	Extra    *string `json:"extra_value"`
	Code     *string `json:"field_code,omitempty"` // in answers, on request
}

const conditionsMost = 16

var (
	filterTypes = map[string]string{personKind.entity: "people", orgKind.entity: "org"}
	operators   = []string{"=", "!=", "LIKE '%$%'", "LIKE '$%'", "IS NULL", "IS NOT NULL", ">", "<", ">=", "<="}
)

func (o *company) filter(id int64) *filter {
	for _, f := range o.Filters {
		if f.ID == id {
			return f
		}
	}
	return nil
}

func (f *filter) visible(m *member) bool { return f.Shared || f.User == m.ID }

func (f *filter) kind() *kind {
	if f.Type == filterTypes[orgKind.entity] {
		return &orgKind
	}
	return &personKind
}

// matches applies the filter to a row.
func (f *filter) matches(o *company, t *table, r *row) bool {
	for _, g := range f.Rules.Conditions {
		pass := g.Glue == "and" || len(g.Conditions) == 0
		for _, c := range g.Conditions {
			if c.holds(o, t, r) != (g.Glue == "and") {
				pass = !pass
				break
			}
		}
		if !pass {
			return false
		}
	}
	return true
}

func (x *condition) holds(o *company, t *table, r *row) bool {
	f := o.fieldByNum(t.kind, x.FieldID)
	if f == nil {
		return false // the field was deleted
	}
	have, want := o.textsOf(t, r, f), ""
	if x.Value != nil {
		want = fold(*x.Value)
	}
	some := func(is func(string) bool) bool {
		return slices.ContainsFunc(have, func(v string) bool { return is(fold(v)) })
	}
	switch x.Operator {
	case "=":
		return some(func(v string) bool { return v == want })
	case "!=":
		return !some(func(v string) bool { return v == want })
	case "LIKE '%$%'":
		return some(func(v string) bool { return strings.Contains(v, want) })
	case "LIKE '$%'":
		return some(func(v string) bool { return strings.HasPrefix(v, want) })
	case "IS NULL":
		return len(have) == 0
	case "IS NOT NULL":
		return len(have) > 0
	}
	return some(func(v string) bool {
		d := order(v, want)
		return x.Operator == ">" && d > 0 || x.Operator == "<" && d < 0 || x.Operator == ">=" && d >= 0 || x.Operator == "<=" && d <= 0
	})
}

// order compares two values as numbers, or as text where one is none.
func order(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

func (o *company) fieldByNum(k *kind, n string) *field {
	for _, f := range o.catalogue(k) {
		if num(f.Num) == n {
			return f
		}
	}
	return nil
}

// textsOf are a field's values as filters compare them.
func (o *company) textsOf(t *table, r *row, f *field) []string {
	one := func(s string) []string {
		if s == "" {
			return nil
		}
		return []string{s}
	}
	if !f.Builtin {
		raw := r.Custom[f.Code]
		switch {
		case raw == nil:
			return nil
		case raw[0] == '[':
			var out []string
			for _, id := range optionIDs(raw) {
				out = append(out, num(id))
			}
			return out
		}
		var text string
		if json.Unmarshal(raw, &text) == nil {
			return one(text)
		}
		return one(string(raw))
	}
	var out []string
	switch f.Code {
	case "email", "phone", "im":
		for _, e := range map[string][]entry{"email": r.Emails, "phone": r.Phones, "im": r.IM}[f.Code] {
			out = append(out, e.Value)
		}
	case "label_ids":
		for _, id := range r.Labels {
			out = append(out, num(id))
		}
	case "org_id", "picture_id":
		if id := map[string]int64{"org_id": r.Org, "picture_id": r.Picture}[f.Code]; id != 0 {
			out = append(out, num(id))
		}
	case "postal_address", "address":
		if r.Address != nil {
			out = append(out, r.Address.Value)
		}
	default:
		return one(map[string]string{"id": num(r.ID), "name": r.Name, "first_name": r.First, "last_name": r.Last, "owner_id": num(r.Owner),
			"visible_to": num(int64(r.Visible)), "add_time": stampV1(r.Added), "update_time": stampV1(r.Updated), "notes": r.Notes, "birthday": r.Birthday,
			"job_title": r.JobTitle}[f.Code])
	}
	return out
}

func (f *filter) render(c *call, whole bool) object {
	out := object{"id": f.ID, "name": f.Name, "filter_code": nil, "is_editable": f.User == c.m.ID, "active_flag": true, "type": f.Type, "temporary_flag": nil,
		"user_id": f.User, "add_time": stampV1(f.Added), "update_time": stampV1(f.Changed), "visible_to": "1", "last_used_time": nil, "custom_view_id": nil}
	if f.Shared {
		out["visible_to"] = num(int64(plans[c.o.Plan].visible[len(plans[c.o.Plan].visible)-1]))
	}
	if !whole {
		return out
	}
	rs := rules{Glue: f.Rules.Glue}
	for _, g := range f.Rules.Conditions {
		g.Conditions = slices.Clone(list(g.Conditions))
		for i := range g.Conditions {
			if fd := c.o.fieldByNum(f.kind(), g.Conditions[i].FieldID); fd != nil && c.q.Get("include_field_code") == "true" {
				g.Conditions[i].Code = &fd.Code
			}
		}
		rs.Conditions = append(rs.Conditions, g)
	}
	out["conditions"] = rs
	return out
}

func listFilters(c *call) (*reply, error) {
	types, err := c.list("type", "deals", "leads", "org", "people", "products", "activity", "projects")
	if err != nil {
		return nil, err
	}
	out := []object{}
	for _, f := range c.o.Filters {
		if f.visible(c.m) && (len(types) == 0 || f.Type == types[0]) {
			out = append(out, f.render(c, false))
		}
	}
	return ok(out)
}

func (c *call) filterOf(own bool) (*filter, error) {
	if _, err := c.flag("include_field_code"); err != nil {
		return nil, err
	}
	f := c.o.filter(c.id(0))
	if f == nil || !f.visible(c.m) {
		return nil, refuse(http.StatusNotFound, "Filter not found")
	}
	if own && f.User != c.m.ID && !(c.m.Admin && c.m.may("can_edit_shared_filters")) {
		return nil, forbidden("You do not have permission to change this filter")
	}
	return f, nil
}

func getFilter(c *call) (*reply, error) {
	f, err := c.filterOf(false)
	if err != nil {
		return nil, err
	}
	return ok(f.render(c, true))
}

// readRules checks the conditions of a body.
func (c *call) readRules(k *kind, raw json.RawMessage) (rules, error) {
	var rs rules
	if !strict(raw, &rs) || rs.Glue != "and" || len(rs.Conditions) != 2 || rs.Conditions[0].Glue != "and" || rs.Conditions[1].Glue != "or" {
		return rs, invalid("conditions", "must be two groups, the first with the glue and, the second with or")
	}
	n := 0
	for _, g := range rs.Conditions {
		for _, x := range g.Conditions {
			n++
			if x.Object != k.entity || c.o.fieldByNum(k, x.FieldID) == nil || !slices.Contains(operators, x.Operator) || x.Code != nil {
				return rs, invalid("conditions", "a condition has an unknown object, field_id or operator")
			}
			if strings.HasPrefix(x.Operator, "IS ") != (x.Value == nil) {
				return rs, invalid("conditions", "a condition has no value, or one that its operator does not take")
			}
		}
	}
	if n == 0 || n > conditionsMost {
		return rs, invalid("conditions", "must be 1 to 16")
	}
	return rs, nil
}

func createFilter(c *call) (*reply, error) {
	in, err := c.object("name", "conditions", "type")
	if err != nil {
		return nil, err
	}
	f := &filter{User: c.m.ID, Added: c.s.now(), Changed: c.s.now()}
	if !strict(in["name"], &f.Name) || f.Name == "" {
		return nil, invalid("name", "is required")
	}
	if !strict(in["type"], &f.Type) || f.Type != "people" && f.Type != "org" {
		return nil, invalid("type", "must be people or org in this sandbox")
	}
	if f.Rules, err = c.readRules(f.kind(), in["conditions"]); err != nil {
		return nil, err
	}
	f.ID = c.o.newID()
	c.o.Filters = append(c.o.Filters, f)
	c.s.keepCompany(c.o)
	return ok(f.render(c, true))
}

func updateFilter(c *call) (*reply, error) {
	f, err := c.filterOf(true)
	if err != nil {
		return nil, err
	}
	in, err := c.object("name", "conditions")
	if err != nil {
		return nil, err
	}
	rs, err := c.readRules(f.kind(), in["conditions"])
	if err != nil {
		return nil, err
	}
	name := f.Name
	if raw, given := in["name"]; given && (!strict(raw, &name) || name == "") {
		return nil, invalid("name", "must not be empty")
	}
	f.Name, f.Rules, f.Changed = name, rs, c.s.now()
	c.s.keepCompany(c.o)
	return ok(f.render(c, true))
}

func deleteFilter(c *call) (*reply, error) {
	f, err := c.filterOf(true)
	if err != nil {
		return nil, err
	}
	c.o.Filters = slices.DeleteFunc(c.o.Filters, func(x *filter) bool { return x == f })
	c.s.keepCompany(c.o)
	return ok(object{"id": f.ID})
}
