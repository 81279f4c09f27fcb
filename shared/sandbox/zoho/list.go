package zoho

import (
	"bytes"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	pageMost     = 200
	discreteMost = 2000 // records that page numbers reach
	listCeiling  = 100_000
	idsMost      = 1024 // characters of the parameter ids
)

var listParams = []string{"fields", "ids", "cvid", "per_page", "page", "page_token", "sort_by", "sort_order", "converted", "include_child", "territory_id"}

// listing is a checked GET /{module}.
type listing struct {
	fields  []string
	perPage int
	page    int
	sortBy  string
	desc    bool
	view    *view
	ids     []int64
	since   int64 // 0: no If-Modified-Since
	ceiling int
	at      *place
	digest  [8]byte
}

// intParam reads a positive number, or def when the parameter is absent.
func (c *call) intParam(name string, def, most int) (int, error) {
	if !c.query.Has(name) {
		return def, nil
	}
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil || n < 1 || n > most {
		return 0, badParam(name)
	}
	return n, nil
}

// pageParams reads page and per_page.
func (c *call) pageParams() (page, perPage int, err error) {
	if perPage, err = c.intParam("per_page", pageMost, pageMost); err != nil {
		return 0, 0, err
	}
	page, err = c.intParam("page", 1, 1<<30)
	return page, perPage, err
}

// stampHeader reads a header that holds an ISO 8601 time with an offset; 0 means absent. A fraction is refused: Zoho's times
// have none.
func (c *call) stampHeader(name string) (int64, error) {
	v := c.r.Header.Get(name)
	if v == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil || strings.Contains(v, ".") {
		return 0, refuse(http.StatusBadRequest, "INVALID_DATA", "the header is not an ISO 8601 time with an offset", object{"header": name})
	}
	return t.Unix(), nil
}

func (c *call) may(verb, module string) error {
	p := "Crm_Implied_" + verb + "_" + module
	if !c.m.may(p) {
		return notPermitted(p)
	}
	return nil
}

func (c *call) parseListing(module string) (*listing, error) {
	l := &listing{sortBy: "id", desc: true, ceiling: limit(c.s.cfg.Limits.ListCeiling, listCeiling)}
	var err error
	if l.fields, err = c.fieldsParam(module); err != nil {
		return nil, err
	}
	if l.page, l.perPage, err = c.pageParams(); err != nil {
		return nil, err
	}
	q := c.query
	switch {
	case q.Has("page") && q.Has("page_token"):
		return nil, ambiguous("page", "page_token")
	case q.Has("cvid") && q.Has("sort_by"):
		return nil, ambiguous("cvid", "sort_by")
	case q.Has("sort_by") && !slices.Contains([]string{"id", "Created_Time", "Modified_Time"}, q.Get("sort_by")):
		return nil, badParam("sort_by")
	case q.Has("sort_order") && q.Get("sort_order") != "asc" && q.Get("sort_order") != "desc":
		return nil, badParam("sort_order")
	case q.Has("converted"), q.Has("include_child"), q.Has("territory_id"):
		for _, p := range []string{"converted", "include_child", "territory_id"} {
			if q.Has(p) { // leads and territories: nothing that this organisation has
				return nil, badParam(p)
			}
		}
	}
	if q.Has("sort_by") {
		l.sortBy = q.Get("sort_by")
	}
	l.desc = q.Get("sort_order") != "asc"
	if q.Has("cvid") {
		if module != "Contacts" {
			return nil, badParam("cvid")
		}
		if l.view = c.visibleView(parseID(q.Get("cvid"))); l.view == nil {
			return nil, badParam("cvid")
		}
	}
	if q.Has("ids") {
		if l.ids, err = idsParam(q.Get("ids")); err != nil {
			return nil, err
		}
	}
	if l.since, err = c.stampHeader("If-Modified-Since"); err != nil {
		return nil, err
	}
	l.digest = queryDigest(module, q.Get("fields"), q.Get("ids"), q.Get("cvid"), strconv.Itoa(l.perPage), l.sortBy, strconv.FormatBool(l.desc), strconv.FormatInt(l.since, 10))
	if q.Has("page_token") {
		p, err := c.openPlace(q.Get("page_token"), l.digest)
		if err != nil {
			return nil, err
		}
		l.at = &p
		if int(p.listed) >= l.ceiling {
			return nil, refuse(http.StatusBadRequest, "PAGINATION_LIMIT_EXCEEDED", "the records beyond the limit cannot be listed", object{"param_name": "page_token", "limit": l.ceiling})
		}
		l.page = int(p.page) + 1
	} else if l.page*l.perPage > discreteMost {
		return nil, refuse(http.StatusBadRequest, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "use the page token beyond 2000 records", object{"param_name": "page", "limit": discreteMost})
	}
	return l, nil
}

// idsParam reads a comma list of record ids.
func idsParam(v string) ([]int64, error) {
	if len(v) > idsMost {
		return nil, refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "the parameter is too long", object{"param_name": "ids", "limit": idsMost})
	}
	var ids []int64
	for _, s := range strings.Split(v, ",") {
		id := parseID(s)
		if id == 0 || slices.Contains(ids, id) {
			return nil, badParam("ids")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// listRecords is GET /{module}.
func listRecords(c *call) (*reply, error) {
	module := c.path[0]
	if err := c.may("View", module); err != nil {
		return nil, err
	}
	l, err := c.parseListing(module)
	if err != nil {
		return nil, err
	}
	t := c.o.tables[module]
	order := c.ordered(t, l)
	keep := func(r *row) bool {
		if r.State != live || !c.m.sees(t, r) || (l.since != 0 && r.Modified <= l.since) {
			return false
		}
		return l.view == nil || l.view.Criteria.match(&subject{who: c.m, t: t, r: r})
	}
	skip := 0
	if l.at == nil {
		skip = (l.page - 1) * l.perPage
	}
	var rows []*row
	more := false
	for i := l.start(order); i < order.len(); i++ {
		r, current := order.at(i)
		if !current || !keep(r) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if len(rows) == l.perPage {
			more = true
			break
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		if l.since != 0 && l.page == 1 {
			return &reply{status: http.StatusNotModified}, nil
		}
		return &reply{status: http.StatusNoContent}, nil
	}
	return &reply{status: http.StatusOK, raw: c.listBody(t, l, rows, more)}, nil
}

// order is a sequence of rows with ascending or descending keys.
type order struct {
	n    int
	desc bool
	get  func(i int) (r *row, key int64, current bool)
}

func (o order) len() int { return o.n }

func (o order) at(i int) (*row, bool) {
	r, _, current := o.entry(i)
	return r, current
}

func (o order) entry(i int) (*row, int64, bool) {
	if o.desc {
		i = o.n - 1 - i
	}
	return o.get(i)
}

// ordered picks the order that a listing walks, so that it costs what it lists: the log of modifications when it asks for
// changes, else the ids. Ids grow with Created_Time, so both sort alike.
func (c *call) ordered(t *table, l *listing) order {
	switch {
	case l.ids != nil:
		var rows []*row
		for _, id := range l.ids {
			if r := t.rows[id]; r != nil {
				rows = append(rows, r)
			}
		}
		return sorted(rows, l)
	case l.sortBy == "Modified_Time":
		from := 0
		if l.since != 0 {
			from = sort.Search(len(t.changes), func(i int) bool { return t.changes[i].at > l.since })
		}
		log := t.changes[from:]
		return order{len(log), l.desc, func(i int) (*row, int64, bool) { return log[i].row, int64(log[i].seq), log[i].row.Seq == log[i].seq }}
	case l.since != 0:
		return sorted(t.since(l.since), l)
	}
	return order{len(t.byID), l.desc, func(i int) (*row, int64, bool) { return t.byID[i], t.byID[i].ID, true }}
}

// sorted is the order of a few rows.
func sorted(rows []*row, l *listing) order {
	key := func(r *row) int64 {
		if l.sortBy == "Modified_Time" {
			return int64(r.Seq)
		}
		return r.ID
	}
	sort.Slice(rows, func(i, j int) bool { return key(rows[i]) < key(rows[j]) })
	return order{len(rows), l.desc, func(i int) (*row, int64, bool) { return rows[i], key(rows[i]), true }}
}

// start is the first index after the listing's place.
func (l *listing) start(o order) int {
	if l.at == nil {
		return 0
	}
	return sort.Search(o.len(), func(i int) bool {
		_, key, _ := o.entry(i)
		if l.desc {
			return key < l.at.key
		}
		return key > l.at.key
	})
}

func (c *call) listBody(t *table, l *listing, rows []*row, more bool) []byte {
	var b bytes.Buffer
	b.WriteString(`{"data":[`)
	for i, r := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		c.render(&b, t, r, l.fields)
	}
	info := object{"per_page": l.perPage, "count": len(rows), "page": l.page, "more_records": more, "sort_by": l.sortBy,
		"sort_order": map[bool]string{true: "desc", false: "asc"}[l.desc], "call": false, "email": false,
		"next_page_token": nil, "previous_page_token": nil, "page_token_expiry": nil}
	if more {
		last := rows[len(rows)-1]
		key := last.ID
		if l.sortBy == "Modified_Time" {
			key = int64(last.Seq)
		}
		listed := (l.page-1)*l.perPage + len(rows)
		if l.at != nil {
			listed = int(l.at.listed) + len(rows)
		}
		expires := c.s.now() + int64(pageTokenLife.Seconds())
		info["next_page_token"] = c.s.sealPlace(place{epoch: c.o.Epoch, expires: expires, user: c.m.ID, query: l.digest, key: key, listed: uint32(listed), page: uint32(l.page)})
		info["page_token_expiry"] = c.m.stamp(expires)
	}
	b.WriteString(`],"info":`)
	b.Write(marshal(info))
	b.WriteByte('}')
	return b.Bytes()
}

// getRecord is GET /{module}/{id}: all fields unless some are named. What the user cannot see, or what is deleted, is 204; an id
// that never was is INVALID_DATA.
func getRecord(c *call) (*reply, error) {
	module, id := c.path[0], parseID(c.path[1])
	if err := c.may("View", module); err != nil {
		return nil, err
	}
	names := c.allFields(module)
	if c.query.Has("fields") {
		var err error
		if names, err = c.fieldsParam(module); err != nil {
			return nil, err
		}
	}
	since, err := c.stampHeader("If-Modified-Since")
	if err != nil {
		return nil, err
	}
	t := c.o.tables[module]
	r := t.rows[id]
	switch {
	case r == nil:
		return nil, badID(num(id))
	case r.State != live || !c.m.sees(t, r):
		return &reply{status: http.StatusNoContent}, nil
	case since != 0 && r.Modified <= since:
		return &reply{status: http.StatusNotModified}, nil
	}
	var b bytes.Buffer
	b.WriteString(`{"data":[`)
	c.render(&b, t, r, names)
	b.WriteString(`]}`)
	return &reply{status: http.StatusOK, raw: b.Bytes()}, nil
}
