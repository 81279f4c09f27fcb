package dynamics

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
)

// fetchXML is the subset of FetchXML that is understood: columns, filters with simple operators, and orders. Elements and attributes
// besides are refused.
type fetchXML struct {
	XMLName xml.Name    `xml:"fetch"`
	Attrs   []xml.Attr  `xml:",any,attr"`
	Other   []otherXML  `xml:",any"`
	Entity  fetchEntity `xml:"entity"`
}

type fetchEntity struct {
	Name    string        `xml:"name,attr"`
	All     *struct{}     `xml:"all-attributes"`
	Columns []fetchColumn `xml:"attribute"`
	Orders  []fetchOrder  `xml:"order"`
	Filters []fetchFilter `xml:"filter"`
	Other   []otherXML    `xml:",any"`
}

type fetchColumn struct {
	Name string `xml:"name,attr"`
}

type fetchOrder struct {
	Column     string `xml:"attribute,attr"`
	Descending string `xml:"descending,attr"`
}

type fetchFilter struct {
	Type       string           `xml:"type,attr"`
	Conditions []fetchCondition `xml:"condition"`
	Filters    []fetchFilter    `xml:"filter"`
	Other      []otherXML       `xml:",any"`
}

type fetchCondition struct {
	Column   string   `xml:"attribute,attr"`
	Operator string   `xml:"operator,attr"`
	Value    string   `xml:"value,attr"`
	Values   []string `xml:"value"`
}

type otherXML struct {
	XMLName xml.Name
}

func badFetch(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "0x8004111c", "Invalid FetchXML: "+format, args...)
}

// parseFetch reads FetchXML.
func parseFetch(text string) (*fetchXML, *apiError) {
	f := &fetchXML{}
	if err := xml.Unmarshal([]byte(text), f); err != nil {
		return nil, badFetch("it does not parse: %v.", err)
	}
	for _, a := range f.Attrs {
		if !slices.Contains([]string{"version", "mapping", "output-format", "distinct", "no-lock", "count", "page", "paging-cookie", "returntotalrecordcount"}, a.Name.Local) {
			return nil, badFetch("the attribute %s is not supported.", a.Name.Local)
		}
	}
	if len(f.Other) > 0 || len(f.Entity.Other) > 0 || f.Entity.Name == "" {
		return nil, badFetch("only one entity with attributes, filters and orders is supported.")
	}
	return f, nil
}

func (f *fetchXML) attr(name string) string {
	for _, a := range f.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// fetchQuery is FetchXML as a query. Columns have their logical names there.
func (o *org) fetchQuery(t *table, f *fetchXML, m *member) (*query, *apiError) {
	if f.Entity.Name != t.logical {
		return nil, badFetch("it is about %s, not %s.", f.Entity.Name, t.logical)
	}
	q := &query{t: t}
	column := func(name string) (int, *apiError) {
		i, ok := t.index[name]
		if !ok {
			return 0, fail(http.StatusBadRequest, "0x80041103", "'%s' entity doesn't contain attribute with Name = '%s'.", t.logical, name)
		}
		return i, nil
	}
	for _, a := range f.Entity.Columns {
		i, e := column(a.Name)
		if e != nil {
			return nil, e
		}
		q.cols = append(q.cols, i)
	}
	if f.Entity.All != nil || len(q.cols) == 0 {
		q.cols = t.every()
	}
	for _, ord := range f.Entity.Orders {
		i, e := column(ord.Column)
		if e != nil {
			return nil, e
		}
		q.order = append(q.order, ordering{i, ord.Descending == "true"})
	}
	all := &node{op: "and"}
	for _, flt := range f.Entity.Filters {
		n, e := t.fetchNode(flt, m, column)
		if e != nil {
			return nil, e
		}
		all.kids = append(all.kids, n)
	}
	if len(all.kids) > 0 {
		q.filter = all
	}
	return q, nil
}

func (t *table) fetchNode(f fetchFilter, m *member, column func(string) (int, *apiError)) (*node, *apiError) {
	n := &node{op: "and"}
	switch f.Type {
	case "or":
		n.op = "or"
	case "and", "":
	default:
		return nil, badFetch("a filter's type is and or or.")
	}
	if len(f.Other) > 0 {
		return nil, badFetch("a filter has conditions and filters only.")
	}
	for _, cond := range f.Conditions {
		i, e := column(cond.Column)
		if e != nil {
			return nil, e
		}
		k, e := t.fetchCondition(cond, i, m)
		if e != nil {
			return nil, e
		}
		n.kids = append(n.kids, k)
	}
	for _, sub := range f.Filters {
		k, e := t.fetchNode(sub, m, column)
		if e != nil {
			return nil, e
		}
		n.kids = append(n.kids, k)
	}
	return n, nil
}

func (t *table) fetchCondition(cond fetchCondition, i int, m *member) (*node, *apiError) {
	k := t.cols[i].kind
	n := &node{op: cond.Operator, slot: i, kind: k}
	texts := []string{cond.Value}
	switch cond.Operator {
	case "eq", "ne", "gt", "ge", "lt", "le":
	case "like":
		if k != kindText && k != kindMemo {
			return nil, badFetch("like is for texts.")
		}
	case "in":
		texts = cond.Values
	case "null", "not-null":
		n.op, n.args = map[string]string{"null": "eq", "not-null": "ne"}[cond.Operator], []val{{}}
		return n, nil
	case "eq-userid":
		n.op, n.args = "eq", []val{{kind: 'g', s: m.id.String()}}
		return n, nil
	default:
		return nil, badFetch("the operator %s is not supported.", cond.Operator)
	}
	for _, text := range texts {
		if k == kindBool {
			text = map[string]string{"1": "true", "0": "false"}[text]
		}
		v, ok := literalOf(k, strings.Trim(text, "{}"), true)
		if !ok {
			return nil, badFetch("the value of the condition on %s is not one of its type.", cond.Column)
		}
		n.args = append(n.args, v)
	}
	if len(n.args) == 0 {
		return nil, badFetch("the condition on %s has no value.", cond.Column)
	}
	return n, nil
}

// fetchList answers a listing by FetchXML. Its pages are told in the XML, and nulls are left out.
func (c *call) fetchList(t *table, text string) (*reply, *apiError) {
	if e := c.allow("fetchXml"); e != nil {
		return nil, e
	}
	f, e := parseFetch(text)
	if e != nil {
		return nil, e
	}
	q, e := c.o.fetchQuery(t, f, c.m)
	if e != nil {
		return nil, e
	}
	size, page := number(f.attr("count"), maxPage), number(f.attr("page"), 1)
	cur := cursor{}
	if page > 1 {
		var ok bool
		if cur, ok = c.s.open(cookie(f.attr("paging-cookie"))); !ok || cur.Kind != "fetch" || cur.Table != t.logical || cur.Page != page {
			return nil, badFetch("the paging-cookie is not the one of page %d.", page)
		}
	}
	p := c.run(q, nil, cur, min(size, maxPage))
	var b strings.Builder
	b.WriteString(`{"@odata.context":` + quote(c.contextURL(t.set+"("+t.selectText(q.cols)+")")))
	if p.more {
		sealed := c.s.seal(cursor{Kind: "fetch", Org: c.o.host, Table: t.logical, Page: page + 1, Pos: p.pos, Keys: p.keys})
		b.WriteString(`,"@Microsoft.Dynamics.CRM.fetchxmlpagingcookie":` + quote(wrapped(page+1, sealed)))
	}
	b.WriteString(`,"@Microsoft.Dynamics.CRM.morerecords":` + yes(p.more))
	v := c.view(q.cols)
	v.skipNull = true
	c.rows(&b, t, p.rows, v)
	b.WriteByte('}')
	return jsonReply(http.StatusOK, b.String()), nil
}

func number(text string, otherwise int) int {
	n := 0
	for _, d := range text {
		if d < '0' || d > '9' || n > 1_000_000 {
			return otherwise
		}
		n = n*10 + int(d-'0')
	}
	if n == 0 {
		return otherwise
	}
	return n
}
