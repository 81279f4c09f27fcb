package hubspot

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// searchInput is the body of a search.
type searchInput struct {
	FilterGroups []filterGroup `json:"filterGroups"`
	Sorts        []sorting     `json:"sorts"`
	Properties   []string      `json:"properties"`
	Query        string        `json:"query"`
	Limit        *int          `json:"limit"`
	After        *string       `json:"after"`
}

type filterGroup struct {
	Filters []filter `json:"filters"`
}

type sorting struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

const (
	groupsMost  = 5
	filtersMost = 6
	filtersAll  = 18
)

// searchRecords finds records as the index has them: late, and never archived ones.
func searchRecords(c *call) (*reply, error) {
	if runes(c.body) > bodyMost {
		return nil, bad("The request body must not be longer than 3000 characters")
	}
	var in searchInput
	if err := c.json(&in, "filterGroups", "sorts", "properties", "query", "limit", "after"); err != nil {
		return nil, err
	}
	limitTo, offset, err := c.window(in)
	if err != nil {
		return nil, err
	}
	t := c.table()
	match, floor, err := c.compile(t, in)
	if err != nil {
		return nil, err
	}
	order, err := c.order(t, in.Sorts)
	if err != nil {
		return nil, err
	}
	now := c.s.now()
	var found []*row
	for _, r := range t.byID[t.at(floor):] {
		if r.Archived != 0 {
			continue
		}
		if seen := r.seen(now); seen != nil && match(seen) {
			found = append(found, seen)
		}
	}
	if order != nil {
		slices.SortStableFunc(found, order)
	}
	results := []object{}
	for _, r := range found[min(offset, len(found)):min(offset+limitTo, len(found))] {
		results = append(results, t.render(r, view{names: in.Properties}))
	}
	out := object{"total": len(found), "results": results}
	if next := offset + limitTo; next < len(found) {
		out["paging"] = object{"next": object{"after": strconv.Itoa(next)}}
	}
	return ok(out)
}

// window is the page of a search. What lies past the ceiling cannot be asked for.
func (c *call) window(in searchInput) (limitTo, offset int, err error) {
	limitTo = 10
	if in.Limit != nil {
		limitTo = *in.Limit
	}
	if limitTo < 1 || limitTo > searchPageMost {
		return 0, 0, bad("The limit must be 1 to 200")
	}
	if in.After != nil {
		if offset, err = strconv.Atoi(*in.After); err != nil || offset < 0 || strconv.Itoa(offset) != *in.After {
			return 0, 0, bad("The member after is not a cursor")
		}
	}
	if offset+limitTo > limit(c.s.cfg.Limits.Results, resultsMost) {
		return 0, 0, bad("The search cannot go past 10000 results: after and limit together are above it")
	}
	return limitTo, offset, nil
}

// order makes the comparison of a sort; nil keeps the order of ids.
func (c *call) order(t *table, sorts []sorting) (func(a, b *row) int, error) {
	if len(sorts) == 0 {
		return nil, nil
	}
	s := sorts[0]
	d := t.p.property(t.kind, s.Property)
	if len(sorts) > 1 || d == nil || s.Direction != "" && s.Direction != "ASCENDING" && s.Direction != "DESCENDING" {
		return nil, bad("There can be one sort, of a property that exists, ASCENDING or DESCENDING")
	}
	sign := 1
	if s.Direction == "DESCENDING" {
		sign = -1
	}
	if s.Property == "hs_object_id" && sign > 0 {
		return nil, nil
	}
	if numeric(d) {
		return func(a, b *row) int { return sign * cmp.Compare(t.number(a, d), t.number(b, d)) }, nil
	}
	return func(a, b *row) int {
		return sign * strings.Compare(fold(t.value(a, d.Name)), fold(t.value(b, d.Name)))
	}, nil
}

// filter is one condition.
type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    *string  `json:"value"`
	High     *string  `json:"highValue"`
	Values   []string `json:"values"`
}

// matcher says whether a record fits.
type matcher func(*row) bool

// compile makes a matcher of a search. No record below floor fits.
func (c *call) compile(t *table, in searchInput) (match matcher, floor int64, err error) {
	all := 0
	var groups [][]matcher
	if len(in.FilterGroups) > groupsMost {
		return nil, 0, bad("A search has 5 filter groups at most")
	}
	for _, g := range in.FilterGroups {
		if len(g.Filters) == 0 || len(g.Filters) > filtersMost {
			return nil, 0, bad("A filter group has 1 to 6 filters")
		}
		all += len(g.Filters)
		var ms []matcher
		for _, f := range g.Filters {
			m, err := t.condition(f)
			if err != nil {
				return nil, 0, err
			}
			ms = append(ms, m)
			if len(in.FilterGroups) == 1 && f.Property == "hs_object_id" && f.Operator == "GT" {
				floor = max(floor, parseID(*f.Value)+1)
			}
		}
		groups = append(groups, ms)
	}
	if all > filtersAll {
		return nil, 0, bad("A search has 18 filters at most")
	}
	query := fold(in.Query)
	return func(r *row) bool {
		if query != "" && !t.mentions(r, query) {
			return false
		}
		return len(groups) == 0 || slices.ContainsFunc(groups, func(ms []matcher) bool {
			return !slices.ContainsFunc(ms, func(m matcher) bool { return !m(r) })
		})
	}, floor, nil
}

// mentions reports whether one of the standard properties has the text of a query.
func (t *table) mentions(r *row, query string) bool {
	for _, n := range []string{"firstname", "lastname", "email", "phone", "company", "name", "domain", "hs_additional_emails"} {
		if strings.Contains(fold(t.value(r, n)), query) {
			return true
		}
	}
	return false
}

// numeric reports whether a property is compared as a number; times are in milliseconds.
func numeric(d *property) bool {
	return d.Type == "number" || d.Type == "datetime" || d.Type == "date"
}

// number is a property as a number.
func (t *table) number(r *row, d *property) float64 {
	switch d.Name {
	case "hs_object_id":
		return float64(r.ID)
	case "createdate":
		return float64(r.Created)
	case t.kind.modified:
		return float64(r.Updated)
	}
	return toNumber(d, t.value(r, d.Name))
}

func toNumber(d *property, text string) float64 {
	switch d.Type {
	case "datetime":
		ms, _ := readTime(text)
		return float64(ms)
	case "date":
		if day, ok := readDate(text); ok {
			ms, _ := readTime(day + "T00:00:00Z")
			return float64(ms)
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return n
}

// operand checks a value of a filter: times are milliseconds, in digits.
func operand(d *property, text *string) (string, error) {
	switch {
	case text == nil || *text == "":
		return "", bad("The filter of " + d.Name + " needs a value")
	case d.Type == "datetime" || d.Type == "date":
		if _, err := strconv.ParseInt(*text, 10, 64); err != nil {
			return "", bad("The filter of " + d.Name + " needs milliseconds since 1970")
		}
	case d.Type == "number":
		if _, err := strconv.ParseFloat(*text, 64); err != nil {
			return "", bad("The filter of " + d.Name + " needs a number")
		}
	}
	return *text, nil
}

// operators are those with one value, by what the comparison must give.
var operators = map[string]func(int) bool{
	"EQ": func(c int) bool { return c == 0 }, "NEQ": func(c int) bool { return c != 0 }, "LT": func(c int) bool { return c < 0 },
	"LTE": func(c int) bool { return c <= 0 }, "GT": func(c int) bool { return c > 0 }, "GTE": func(c int) bool { return c >= 0 },
}

// condition makes a matcher of one filter.
func (t *table) condition(f filter) (matcher, error) {
	d := t.p.property(t.kind, f.Property)
	if d == nil {
		return nil, bad("There was a problem with the request: the property " + quote(f.Property) + " does not exist")
	}
	has := func(r *row) bool { return t.value(r, d.Name) != "" }
	if d.Name == t.kind.modified || d.Name == "hs_object_id" || d.Name == "createdate" {
		has = func(*row) bool { return true }
	}
	if f.Values != nil && f.Operator != "IN" && f.Operator != "NOT_IN" || f.High != nil && f.Operator != "BETWEEN" {
		return nil, bad("The operator " + f.Operator + " takes one value")
	}
	switch f.Operator {
	case "HAS_PROPERTY", "NOT_HAS_PROPERTY":
		if f.Value != nil {
			return nil, bad("The operator " + f.Operator + " takes no value")
		}
		want := f.Operator == "HAS_PROPERTY"
		return func(r *row) bool { return has(r) == want }, nil
	case "IN", "NOT_IN":
		return t.oneOf(d, f, has)
	case "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN":
		return t.token(d, f)
	}
	text, err := operand(d, f.Value)
	if err != nil {
		return nil, err
	}
	compare := t.comparison(d, text)
	if f.Operator == "BETWEEN" {
		high, err := operand(d, f.High)
		if err != nil {
			return nil, err
		}
		upper := t.comparison(d, high)
		return func(r *row) bool { return has(r) && compare(r) >= 0 && upper(r) <= 0 }, nil
	}
	holds := operators[f.Operator]
	if holds == nil {
		return nil, bad("There is no operator " + quote(f.Operator))
	}
	if f.Operator == "NEQ" {
		return func(r *row) bool { return !has(r) || holds(compare(r)) }, nil
	}
	return func(r *row) bool { return has(r) && holds(compare(r)) }, nil
}

// comparison compares records with a value.
func (t *table) comparison(d *property, text string) func(*row) int {
	if d.Name == "hs_object_id" { // exact, beyond what a fraction holds
		id := parseID(text)
		return func(r *row) int { return cmp.Compare(r.ID, id) }
	}
	if numeric(d) {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil { // checked by operand
			n = 0
		}
		return func(r *row) int { return cmp.Compare(t.number(r, d), n) }
	}
	text = fold(text)
	return func(r *row) int { return strings.Compare(fold(t.value(r, d.Name)), text) }
}

// oneOf matches any of several values, which must be in lower case.
func (t *table) oneOf(d *property, f filter, has matcher) (matcher, error) {
	if len(f.Values) == 0 || f.Value != nil {
		return nil, bad("The operator " + f.Operator + " needs values")
	}
	wanted := map[string]bool{}
	for _, v := range f.Values {
		if !numeric(d) && v != strings.ToLower(v) {
			return nil, bad("The values of " + f.Operator + " must be in lower case")
		}
		wanted[v] = true
	}
	in := f.Operator == "IN"
	return func(r *row) bool {
		return in && has(r) && wanted[fold(t.value(r, d.Name))] || !in && !wanted[fold(t.value(r, d.Name))]
	}, nil
}

// token matches a whole word, or with * the beginning or end of one.
func (t *table) token(d *property, f filter) (matcher, error) {
	text, err := operand(d, f.Value)
	if err != nil {
		return nil, err
	}
	word := strings.Trim(fold(text), "*")
	before, after := strings.HasPrefix(text, "*"), strings.HasSuffix(text, "*")
	want := f.Operator == "CONTAINS_TOKEN"
	return func(r *row) bool {
		all := strings.FieldsFunc(fold(t.value(r, d.Name)), func(c rune) bool { return strings.ContainsRune(" ,;@.-/", c) })
		hit := slices.ContainsFunc(all, func(w string) bool {
			return w == word || before && strings.HasSuffix(w, word) || after && strings.HasPrefix(w, word) || before && after && strings.Contains(w, word)
		}) || fold(t.value(r, d.Name)) == word
		return hit == want
	}, nil
}

// UnmarshalJSON takes objects only: texts, which the vendor's document has, are not what its service takes.
func (s *sorting) UnmarshalJSON(b []byte) error {
	type plain sorting
	var p plain
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return err
	}
	*s = sorting(p)
	return nil
}
