package pipedrive

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	notesMost = 10_000
	textMost  = 255
)

func invalid(member, what string) error { return bad("Validation failed: " + member + ": " + what) }

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func addTime(raw json.RawMessage) (int64, error) {
	var text string
	at, err := time.Time{}, error(nil)
	if strict(raw, &text) {
		at, err = time.Parse(time.RFC3339, text)
	}
	if text == "" || err != nil {
		return 0, invalid("add_time", "must be in RFC3339 format")
	}
	return at.Unix(), nil
}

// splitName is Pipedrive's own splitting: the first word is the first name.
func splitName(name string) (first, last string) {
	first, last, _ = strings.Cut(strings.TrimSpace(name), " ")
	return first, strings.TrimSpace(last)
}

func joined(first, last string) string { return strings.TrimSpace(first + " " + last) }

func setName(_ *call, t *table, r *row, raw json.RawMessage) error {
	var name string
	if !strict(raw, &name) || strings.TrimSpace(name) == "" {
		return invalid("name", "must be a text that is not empty")
	}
	if r.Name == name {
		return nil // the same name keeps the parts that it was typed as
	}
	r.Name = name
	if t.kind == &personKind {
		r.First, r.Last = splitName(name)
	}
	return nil
}

func setFirst(_ *call, _ *table, r *row, raw json.RawMessage) error {
	return optional("first_name", &r.First, raw)
}

func setLast(_ *call, _ *table, r *row, raw json.RawMessage) error {
	return optional("last_name", &r.Last, raw)
}

func optional(name string, to *string, raw json.RawMessage) error {
	*to = ""
	if !isNull(raw) && !strict(raw, to) {
		return invalid(name, "must be a text")
	}
	return nil
}

func setOwner(c *call, _ *table, r *row, raw json.RawMessage) error {
	var id int64
	if !strict(raw, &id) {
		return invalid("owner_id", "must be an integer")
	}
	if m := c.o.member(id); m == nil || m.Off {
		return invalid("owner_id", "there is no such active user")
	}
	r.Owner = id
	return nil
}

func setOrg(c *call, _ *table, r *row, raw json.RawMessage) error {
	if isNull(raw) {
		r.Org = 0
		return nil
	}
	var id int64
	if !strict(raw, &id) {
		return invalid("org_id", "must be an integer")
	}
	if id == r.Org {
		return nil
	}
	if o := c.o.orgs.rows[id]; o == nil || o.Deleted || !c.m.sees(o) {
		return invalid("org_id", "Organization not found")
	}
	r.Org = id
	return nil
}

func setVisible(c *call, _ *table, r *row, raw json.RawMessage) error {
	var v int
	if !strict(raw, &v) || !slices.Contains(plans[c.o.Plan].visible, v) {
		return invalid("visible_to", "is not a visibility of the company's plan")
	}
	if v != r.Visible && !c.m.may("can_change_visibility_of_items") {
		return forbidden("You do not have permission to change the visibility of this item")
	}
	r.Visible = v
	return nil
}

func setLabels(c *call, t *table, r *row, raw json.RawMessage) error {
	var ids []int64
	if !strict(raw, &ids) {
		return invalid("label_ids", "must be an array of integers")
	}
	for i, id := range ids {
		if labelOf(c.o.labels(t.kind), id) == "" || slices.Contains(ids[:i], id) {
			return invalid("label_ids", "there is no such label, or it is given twice")
		}
	}
	r.Labels = ids
	return nil
}

// entriesOf makes the setter of a list of values with labels. The list is replaced as a whole.
func entriesOf(of func(*row) *[]entry) setter {
	return func(_ *call, _ *table, r *row, raw json.RawMessage) error {
		es, err := entries(raw)
		*of(r) = es
		return err
	}
}

// entries reads a list: the label is work unless it says otherwise, and the first is primary unless one is marked.
func entries(raw json.RawMessage) ([]entry, error) {
	var in []struct {
		Value   *string `json:"value"`
		Primary bool    `json:"primary"`
		Label   *string `json:"label"`
	}
	if !strict(raw, &in) {
		return nil, bad("Validation failed: emails, phones and im are arrays of {value, primary, label}")
	}
	var out []entry
	primary := 0
	for _, e := range in {
		if e.Value == nil || *e.Value == "" {
			return nil, bad("Validation failed: a value of emails, phones or im is missing or empty")
		}
		label := "work"
		if e.Label != nil && *e.Label != "" {
			label = *e.Label
		}
		if e.Primary {
			primary++
		}
		out = append(out, entry{*e.Value, e.Primary, label})
	}
	if primary > 1 {
		return nil, bad("Validation failed: only one value may be primary")
	}
	if primary == 0 && len(out) > 0 {
		out[0].Primary = true
	}
	return out, nil
}

// synced guards a member that exists only where contact sync was set up.
func synced(name string, set setter) setter {
	return func(c *call, t *table, r *row, raw json.RawMessage) error {
		if !c.o.ContactSync {
			return forbidden("The field " + name + " is not available: contact sync is not set up in this company")
		}
		return set(c, t, r, raw)
	}
}

func setText(name string, to func(*row) *string, most int) setter {
	return func(_ *call, _ *table, r *row, raw json.RawMessage) error {
		if err := optional(name, to(r), raw); err != nil {
			return err
		}
		if utf8.RuneCountInString(*to(r)) > most {
			return invalid(name, "is too long")
		}
		return nil
	}
}

func setBirthday(_ *call, _ *table, r *row, raw json.RawMessage) error {
	r.Birthday = ""
	if isNull(raw) {
		return nil
	}
	if !strict(raw, &r.Birthday) || !isDate(r.Birthday) {
		return invalid("birthday", "must be a date, YYYY-MM-DD")
	}
	return nil
}

func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

func setAddress(_ *call, _ *table, r *row, raw json.RawMessage) error {
	r.Address = nil
	if isNull(raw) {
		return nil
	}
	var a address
	if !strict(raw, &a) || a.Value == "" {
		return invalid("address", "must be an object with a value")
	}
	r.Address = &a
	return nil
}

// business are the kinds of the business members of organizations.
var business = map[string]string{"website": "text", "linkedin": "text", "industry": "integer", "annual_revenue": "integer", "employee_count": "integer"}

func setBusiness(name string) setter {
	return func(_ *call, _ *table, r *row, raw json.RawMessage) error {
		m := maps.Clone(r.Business)
		if m == nil {
			m = map[string]json.RawMessage{}
		}
		var text string
		var whole int64
		switch {
		case isNull(raw):
			delete(m, name)
		case business[name] == "text" && strict(raw, &text), business[name] == "integer" && strict(raw, &whole):
			m[name] = raw
		default:
			return invalid(name, "must be "+business[name]+" or null")
		}
		r.Business = m
		return nil
	}
}

// refuseMarketing stands for a company without the campaigns app.
func refuseMarketing(*call, *table, *row, json.RawMessage) error {
	return forbidden("marketing_status is not available: the company has no campaigns app")
}
