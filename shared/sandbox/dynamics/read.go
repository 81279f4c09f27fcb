package dynamics

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

func (c *call) whoAmI() (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	return jsonReply(http.StatusOK, `{"@odata.context":`+quote(c.contextURL(namespace+"WhoAmIResponse"))+`,"BusinessUnitId":"`+c.o.unit.String()+
		`","UserId":"`+c.m.id.String()+`","OrganizationId":"`+c.o.id.String()+`"}`), nil
}

// get answers one row. An etag in If-None-Match makes it 304 when the row is that version; not with annotations.
func (c *call) get(t *table, key string) (*reply, *apiError) {
	if e := c.allow("$select"); e != nil {
		return nil, e
	}
	cols, e := c.selection(t)
	if e != nil {
		return nil, e
	}
	r, e := c.find(t, key, "read")
	if e != nil {
		return nil, e
	}
	_, annotated := c.prefer("odata.include-annotations")
	if c.header.Get("If-None-Match") == etag(r) && !annotated {
		return &reply{status: http.StatusNotModified, header: map[string]string{"ETag": etag(r)}}, nil
	}
	return c.one(http.StatusOK, t, r, cols), nil
}

// one answers a single row.
func (c *call) one(status int, t *table, r *row, cols []int) *reply {
	v := c.view(cols)
	v.context = c.contextURL(t.set + "(" + t.selectText(cols) + ")/$entity")
	var b strings.Builder
	c.render(&b, t, r, v)
	a := jsonReply(status, b.String())
	a.header = map[string]string{"ETag": etag(r)}
	return a
}

// image answers the picture of a row.
func (c *call) image(t *table, key string) (*reply, *apiError) {
	if e := c.allow("size"); e != nil {
		return nil, e
	}
	r, e := c.find(t, key, "read")
	if e != nil {
		return nil, e
	}
	picture, err := base64.StdEncoding.DecodeString(textOf(r.raw(t.col("entityimage"))))
	if err != nil || len(picture) == 0 {
		return noContent(), nil
	}
	return &reply{status: http.StatusOK, binary: picture, header: map[string]string{"Content-Type": "application/octet-stream"}}, nil
}

// list answers a listing of a table.
func (c *call) list(t *table) (*reply, *apiError) {
	if e := c.need("read", t); e != nil {
		return nil, e
	}
	_, track := c.prefer("odata.track-changes")
	switch {
	case c.query.Has("fetchXml"):
		return c.fetchList(t, c.query.Get("fetchXml"))
	case c.query.Has("savedQuery"), c.query.Has("userQuery"):
		return c.viewList(t)
	case c.query.Has("$deltatoken") || track || c.roundToken():
		return c.trackChanges(t)
	}
	if e := c.allow("$select", "$filter", "$orderby", "$top", "$count", "$skiptoken"); e != nil {
		return nil, e
	}
	cols, e := c.selection(t)
	if e != nil {
		return nil, e
	}
	q := &query{t: t, cols: cols}
	if e := c.options(q); e != nil {
		return nil, e
	}
	return c.listing(q, nil)
}

// options reads $filter, $orderby, $top and $count.
func (c *call) options(q *query) (e *apiError) {
	if c.query.Has("$filter") {
		if q.filter, e = parseFilter(c.query.Get("$filter"), q.t.schema); e != nil {
			return e
		}
	}
	if c.query.Has("$orderby") {
		if q.order, e = q.t.parseOrder(c.query.Get("$orderby")); e != nil {
			return e
		}
	}
	if v := c.query.Get("$top"); c.query.Has("$top") {
		q.top, _ = strconv.Atoi(v)
		if q.top < 1 || q.top > maxPage {
			return badURL("The value of $top must be a number from 1 to %d.", maxPage)
		}
		if _, sized := c.prefer("odata.maxpagesize"); sized {
			return badURL("$top must not be combined with odata.maxpagesize.")
		}
	}
	if v := c.query.Get("$count"); c.query.Has("$count") {
		if v != "true" && v != "false" {
			return badURL("The value of $count must be true or false.")
		}
		q.count = v == "true"
	}
	return nil
}

// skipToken reads the place in a $skiptoken, which must belong to the same query of the same user.
func (c *call) skipToken(t *table) (cursor, string, *apiError) {
	sum := digest(c.query.Get("$select"), c.query.Get("$filter"), c.query.Get("$orderby"), c.query.Get("savedQuery"), c.query.Get("userQuery"), c.path)
	if !c.query.Has("$skiptoken") {
		return cursor{Page: 1}, sum, nil
	}
	cur, ok := c.s.open(cookie(c.query.Get("$skiptoken")))
	if !ok || cur.Kind != "page" || cur.Org != c.o.host || cur.Table != t.logical || cur.User != c.m.Email || cur.Query != sum {
		return cur, sum, badURL("The $skiptoken is not one of this query.")
	}
	return cur, sum, nil
}

// cookie takes the sealed part out of a paging cookie, and wrapped puts it in.
func cookie(text string) string {
	_, rest, _ := strings.Cut(text, `pagingcookie="`)
	inner, _, _ := strings.Cut(rest, `"`)
	return inner
}

func wrapped(page int, sealed string) string {
	return `<cookie pagenumber="` + itoa(page) + `" pagingcookie="` + sealed + `" istracking="False" />`
}

// listing answers a page of a query.
func (c *call) listing(q *query, src source) (*reply, *apiError) {
	cur, sum, e := c.skipToken(q.t)
	if e != nil {
		return nil, e
	}
	size := c.pageSize()
	if q.top > 0 {
		size = q.top
	}
	p := c.run(q, src, cur, size)
	var b strings.Builder
	b.WriteString(`{"@odata.context":` + quote(c.contextURL(q.t.set+"("+q.t.selectText(q.cols)+")")))
	if q.count {
		b.WriteString(`,"@odata.count":` + itoa(p.count))
	}
	c.rows(&b, q.t, p.rows, c.view(q.cols))
	if p.more && q.top == 0 {
		sealed := c.s.seal(cursor{Kind: "page", Org: c.o.host, Table: q.t.logical, Query: sum, User: c.m.Email, Page: cur.Page + 1, Pos: p.pos, Keys: p.keys})
		b.WriteString(`,"@odata.nextLink":` + quote(c.here(nil, "$skiptoken", wrapped(cur.Page+1, sealed))))
	}
	b.WriteByte('}')
	a := jsonReply(http.StatusOK, b.String())
	c.applied(a, "odata.maxpagesize", "odata.include-annotations")
	return a, nil
}

// rows writes the member value.
func (c *call) rows(b *strings.Builder, t *table, rows []*row, v view) {
	c.cost += len(rows) / costRows
	b.WriteString(`,"value":[`)
	for i, r := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		c.render(b, t, r, v)
	}
	b.WriteByte(']')
}

// applied names the preferences that were heeded.
func (c *call) applied(a *reply, names ...string) {
	var all []string
	for _, name := range names {
		v, ok := c.prefer(name)
		switch {
		case !ok:
		case v == "":
			all = append(all, name)
		case name == "odata.maxpagesize":
			all = append(all, name+"="+itoa(c.pageSize()))
		default:
			all = append(all, name+`="`+v+`"`)
		}
	}
	if len(all) > 0 {
		if a.header == nil {
			a.header = map[string]string{}
		}
		a.header["Preference-Applied"] = strings.Join(all, ",")
	}
}
