package zoho

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

const (
	searchMost   = 2000 // records that a search reaches
	criteriaMost = 10   // comparisons; the specification says 15, the help pages 10
)

// emailFields and phoneFields are what the parameters email and phone look into.
var (
	emailFields = []string{"Email", "Secondary_Email"}
	phoneFields = []string{"Phone", "Mobile", "Home_Phone", "Other_Phone", "Asst_Phone", "Fax"}
	wordFields  = []string{"Full_Name", "Account_Name", "Email", "Secondary_Email", "Phone", "Mobile", "Title", "Department", "Description"}
)

func anyField(fields []string, comparator, value string) *Criteria {
	c := &Criteria{Operator: "OR"}
	for _, f := range fields {
		c.Group = append(c.Group, &Criteria{Field: f, Comparator: comparator, Value: value})
	}
	return c
}

// searchCriteria reads the one of criteria, email, phone and word that a call has; ok is false when it has none.
func (c *call) searchCriteria(module string) (crit *Criteria, ok bool, err error) {
	var given []string
	for _, p := range []string{"criteria", "email", "phone", "word"} {
		if c.query.Has(p) {
			given = append(given, p)
		}
	}
	if len(given) == 0 {
		return nil, false, nil
	}
	if len(given) > 1 {
		return nil, false, ambiguous(given[0], given[1])
	}
	v := c.query.Get(given[0])
	if v == "" || given[0] == "word" && len([]rune(v)) < 2 {
		return nil, false, refuse(http.StatusBadRequest, "INVALID_QUERY", "Invalid query formed", object{"api_name": given[0], "param_name": given[0]})
	}
	switch given[0] {
	case "email":
		return anyField(emailFields, "equal", v), true, nil
	case "phone":
		return anyField(phoneFields, "equal", v), true, nil
	case "word":
		return anyField(wordFields, "contains", v), true, nil
	}
	crit, bad := c.parseCriteria(module, v)
	if bad != nil {
		return nil, false, bad
	}
	return crit, true, nil
}

// searchRecords is GET /{module}/search. Records appear some time after they were written (Config.Lag).
func searchRecords(c *call) (*reply, error) {
	module := c.path[0]
	if err := c.may("View", module); err != nil {
		return nil, err
	}
	crit, ok, err := c.searchCriteria(module)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, refuse(http.StatusBadRequest, "EXPECTED_PARAM_MISSING", "One of the expected parameter is missing", object{"param_names": []string{"criteria", "email", "phone", "word"}})
	}
	names := c.allFields(module)
	if c.query.Has("fields") {
		if names, err = c.fieldsParam(module); err != nil {
			return nil, err
		}
	}
	page, perPage, err := c.pageParams()
	if err != nil {
		return nil, err
	}
	if page*perPage > searchMost {
		return nil, refuse(http.StatusBadRequest, "LIMIT_REACHED", "a search reaches 2000 records", object{"limit": "2000"})
	}
	t := c.o.tables[module]
	now := c.s.cfg.Clock.Now().UnixNano()
	skip, more := (page-1)*perPage, false
	var b bytes.Buffer
	b.WriteString(`{"data":[`)
	n := 0
	for i := len(t.byID) - 1; i >= 0; i-- {
		r := t.byID[i]
		if r.State != live || r.Indexed > now || !c.m.sees(t, r) || !crit.match(&subject{who: c.m, t: t, r: r}) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if n == perPage {
			more = true
			break
		}
		if n > 0 {
			b.WriteByte(',')
		}
		c.render(&b, t, r, names)
		n++
	}
	if n == 0 {
		return &reply{status: http.StatusNoContent}, nil
	}
	b.WriteString(`],"info":`)
	b.Write(marshal(object{"per_page": perPage, "count": n, "page": page, "more_records": more}))
	b.WriteByte('}')
	return &reply{status: http.StatusOK, raw: b.Bytes()}, nil
}

// searchComparators are the ones that criteria of a search may use.
var searchComparators = []string{"equals", "not_equal", "starts_with", "in", "between", "greater_than", "greater_equal", "less_than", "less_equal"}

// criteriaParser reads "((Last_Name:equals:Oda)and(Email:starts_with:o))".
type criteriaParser struct {
	c      *call
	module string
	in     string
	leaves int
}

func (c *call) parseCriteria(module, in string) (*Criteria, *fault) {
	p := &criteriaParser{c: c, module: module, in: in}
	if !strings.HasPrefix(in, "(") {
		in = "(" + in + ")" // Zoho takes a single comparison without its parentheses
		p.in = in
	}
	k, bad := p.group()
	if bad == nil && p.in != "" {
		return nil, p.bad("criteria", "text after the last parenthesis")
	}
	return k, bad
}

func (p *criteriaParser) bad(api, reason string) *fault {
	return refuse(http.StatusBadRequest, "INVALID_QUERY", "Invalid query formed", object{"api_name": api, "reason": reason, "operator": "", "expected_data_type": ""})
}

// group reads from an opening parenthesis to its closing one.
func (p *criteriaParser) group() (*Criteria, *fault) {
	p.in = strings.TrimPrefix(p.in, "(")
	if !strings.HasPrefix(p.in, "(") {
		return p.leaf()
	}
	k := &Criteria{}
	for {
		if !strings.HasPrefix(p.in, "(") {
			return nil, p.bad("criteria", "a parenthesis is missing")
		}
		g, bad := p.group()
		if bad != nil {
			return nil, bad
		}
		k.Group = append(k.Group, g)
		low := strings.ToLower(p.in)
		op := ""
		switch {
		case strings.HasPrefix(low, ")"):
			p.in = p.in[1:]
			if len(k.Group) == 1 {
				return k.Group[0], nil
			}
			return k, nil
		case strings.HasPrefix(low, "and"):
			op, p.in = "AND", p.in[3:]
		case strings.HasPrefix(low, "or"):
			op, p.in = "OR", p.in[2:]
		}
		if op == "" || (k.Operator != "" && k.Operator != op) {
			return nil, p.bad("criteria", "groups are joined by one of and, or")
		}
		k.Operator = op
	}
}

// leaf reads "Field:comparator:value)"; parentheses, commas and backslashes inside the value are escaped with a backslash.
func (p *criteriaParser) leaf() (*Criteria, *fault) {
	var text strings.Builder
	end := -1
	for i := 0; i < len(p.in) && end < 0; i++ {
		switch {
		case p.in[i] == '\\' && i+1 < len(p.in):
			i++
			text.WriteByte(p.in[i])
		case p.in[i] == ')':
			end = i
		case p.in[i] == '(':
			return nil, p.bad("criteria", "a parenthesis inside a value must be escaped")
		default:
			text.WriteByte(p.in[i])
		}
	}
	parts := strings.SplitN(text.String(), ":", 3)
	if end < 0 || len(parts) != 3 {
		return nil, p.bad("criteria", "a comparison is field:comparator:value")
	}
	p.in = p.in[end+1:]
	if p.leaves++; p.leaves > criteriaMost {
		return nil, refuse(http.StatusBadRequest, "CRITERIA_LIMIT_EXCEEDED", "too many criteria", nil)
	}
	f := p.c.m.field(p.module, parts[0])
	if f == nil || f.Type == "textarea" {
		return nil, p.bad(parts[0], "the field cannot be searched")
	}
	if !slices.Contains(searchComparators, parts[1]) {
		return nil, p.bad(parts[0], "the comparator is not known")
	}
	k := &Criteria{Field: parts[0], Comparator: strings.TrimSuffix(parts[1], "s"), Value: parts[2]}
	if parts[1] != "equals" {
		k.Comparator = parts[1]
	}
	if parts[1] == "in" || parts[1] == "between" {
		k.Values, k.Value = strings.Split(parts[2], ","), ""
	}
	return k, nil
}
