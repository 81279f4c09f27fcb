package zoho

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// currentUser in a criterion's value stands for the user who asks.
const currentUser = "${CURRENTUSER}"

// Criteria is a condition over the fields of a record: either a comparison (Field, Comparator, Value or Values) or a Group joined
// by Operator. Views, search and COQL all come down to it.
type Criteria struct {
	Field      string `json:"field,omitempty"`
	Comparator string `json:"comparator,omitempty"` // see compare
	Value      string `json:"value,omitempty"`
	// Values are the values of in, not_in and between.
	Values []string `json:"values,omitempty"`

	Group    []*Criteria `json:"group,omitempty"`
	Operator string      `json:"operator,omitempty"` // AND or OR
}

// subject is a record that criteria are asked of.
type subject struct {
	who  *member
	t    *table
	r    *row
	vals map[string]json.RawMessage
}

func (s *subject) values() map[string]json.RawMessage {
	if s.vals == nil {
		s.vals = s.r.values()
	}
	return s.vals
}

// texts returns the comparable texts of a field: usually one; for a look-up its name and its id; for tags all names.
func (s *subject) texts(field string) []string {
	o := s.who.org
	switch field {
	case "id":
		return []string{num(s.r.ID)}
	case "Owner", "Created_By", "Modified_By":
		id := map[string]int64{"Owner": s.r.Owner, "Created_By": s.r.CreatedBy, "Modified_By": s.r.ModifiedBy}[field]
		out := []string{num(id)}
		if m := o.member(id); m != nil {
			out = append(out, m.fullName(), m.Email)
		}
		return out
	case "Created_Time":
		return []string{s.who.stamp(s.r.Created)}
	case "Modified_Time":
		return []string{s.who.stamp(s.r.Modified)}
	case "Full_Name":
		return []string{fullName(s.values())}
	case "Tag":
		var out []string
		for _, id := range s.r.Tags {
			if t := o.tag(id); t != nil {
				out = append(out, t.Name, num(t.ID))
			}
		}
		return out
	case "Locked__s":
		return []string{strconv.FormatBool(s.r.Locked)}
	case "Record_Status__s":
		return []string{"Available"}
	}
	raw := s.values()[field]
	if len(raw) == 0 {
		if f := o.fields[s.t.module][field]; f != nil && f.Type == "boolean" {
			return []string{"false"}
		}
		return nil
	}
	switch raw[0] {
	case '"':
		return []string{textOf(raw)}
	case '{':
		var ref struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(raw, &ref) // the sandbox wrote it
		out := []string{ref.ID}
		if name := o.nameOf(o.fields[s.t.module][field], ref.ID); name != "" {
			out = append(out, name)
		}
		return out
	}
	return []string{string(raw)}
}

// nameOf is the name of what a look-up points to, or "" when that is gone.
func (o *org) nameOf(f *fieldDef, id string) string {
	if f == nil || o.tables[f.Lookup] == nil {
		return ""
	}
	r := o.tables[f.Lookup].rows[parseID(id)]
	if r == nil || r.State != live {
		return ""
	}
	if f.Lookup == "Accounts" {
		return textOf(r.values()["Account_Name"])
	}
	return fullName(r.values())
}

// fullName is Zoho's display name of a contact.
func fullName(v map[string]json.RawMessage) string {
	first, last := textOf(v["First_Name"]), textOf(v["Last_Name"])
	return strings.TrimSpace(first + " " + last)
}

// match reports whether the record meets c. A nil c is met by all.
func (c *Criteria) match(s *subject) bool {
	if c == nil {
		return true
	}
	if len(c.Group) > 0 {
		for _, g := range c.Group {
			if g.match(s) != (c.Operator == "AND") {
				return c.Operator != "AND"
			}
		}
		return c.Operator == "AND"
	}
	have := s.texts(c.Field)
	want := c.Values
	if len(want) == 0 {
		want = []string{c.Value}
	}
	empty := true
	for _, h := range have {
		empty = empty && h == ""
	}
	switch c.Comparator {
	case "is_null":
		return empty
	case "not_null":
		return !empty
	case "not_equal", "not_in":
		return !anyMatch(s, "equal", have, want)
	case "not_contains", "not_like":
		return !anyMatch(s, strings.TrimPrefix(c.Comparator, "not_"), have, want)
	case "between":
		return len(want) == 2 && anyMatch(s, "greater_equal", have, want[:1]) && anyMatch(s, "less_equal", have, want[1:])
	case "in", "include_any":
		return anyMatch(s, "equal", have, want)
	}
	return anyMatch(s, c.Comparator, have, want)
}

func anyMatch(s *subject, comparator string, have, want []string) bool {
	for _, w := range want {
		if w == currentUser {
			w = num(s.who.ID)
		}
		for _, h := range have {
			if h != "" && compare(comparator, h, w) {
				return true
			}
		}
	}
	return false
}

// compare holds Zoho's comparators over one value.
func compare(comparator, have, want string) bool {
	h, w := fold(have), fold(want)
	switch comparator {
	case "equal", "equals":
		if h == w {
			return true
		}
		a, b, ok := instants(have, want)
		return ok && a.Equal(b)
	case "starts_with":
		return strings.HasPrefix(h, w)
	case "ends_with":
		return strings.HasSuffix(h, w)
	case "contains":
		return strings.Contains(h, w)
	case "like":
		return like(h, w)
	}
	order := orderOf(have, want)
	switch comparator {
	case "greater_than":
		return order > 0
	case "greater_equal":
		return order >= 0
	case "less_than":
		return order < 0
	case "less_equal":
		return order <= 0
	}
	return false
}

func instants(a, b string) (x, y time.Time, ok bool) {
	x, err1 := time.Parse(time.RFC3339, a)
	y, err2 := time.Parse(time.RFC3339, b)
	return x, y, err1 == nil && err2 == nil
}

// orderOf compares as times, then as numbers, then as text.
func orderOf(a, b string) int {
	if x, y, ok := instants(a, b); ok {
		return x.Compare(y)
	}
	if x, err := strconv.ParseFloat(a, 64); err == nil {
		if y, err := strconv.ParseFloat(b, 64); err == nil && len(a) < 16 {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	if x, y := parseID(a), parseID(b); x != 0 && y != 0 {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return strings.Compare(fold(a), fold(b))
}

// like is SQL's, with % only at the ends, as COQL has it.
func like(have, pattern string) bool {
	head, tail := strings.HasPrefix(pattern, "%"), strings.HasSuffix(pattern, "%")
	p := strings.TrimSuffix(strings.TrimPrefix(pattern, "%"), "%")
	switch {
	case head && tail:
		return strings.Contains(have, p)
	case head:
		return strings.HasSuffix(have, p)
	case tail:
		return strings.HasPrefix(have, p)
	}
	return have == p
}

// leaves calls f with each comparison of c.
func (c *Criteria) leaves(f func(*Criteria)) {
	if c == nil {
		return
	}
	if len(c.Group) == 0 {
		f(c)
	}
	for _, g := range c.Group {
		g.leaves(f)
	}
}
