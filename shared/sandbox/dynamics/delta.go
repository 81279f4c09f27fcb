package dynamics

import (
	"net/http"
	"sort"
	"strings"
	"time"
)

// deltaLife is how long a delta token works.
const deltaLife = 7 * 24 * time.Hour

// roundToken says whether the request's $skiptoken is of a tracked listing.
func (c *call) roundToken() bool {
	cur, ok := c.s.open(cookie(c.query.Get("$skiptoken")))
	return ok && cur.Kind == "round"
}

// trackChanges answers a listing with change tracking: the first one with every row, later ones with what changed. Rows come first, in
// the order of change, and then deletions.
func (c *call) trackChanges(t *table) (*reply, *apiError) {
	for _, name := range []string{"$filter", "$orderby", "$expand", "$top"} {
		if c.query.Has(name) {
			return nil, badURL(`The "%s" query parameter isn't supported when Change Tracking is enabled.`, name)
		}
	}
	if e := c.allow("$select", "$skiptoken", "$deltatoken"); e != nil {
		return nil, e
	}
	if t.idle {
		return nil, fail(http.StatusBadRequest, codeNotSupported, "Change tracking is not enabled for the entity %s.", t.logical)
	}
	if c.m.may("read", t) != DepthOrganization {
		return nil, c.m.lacks("read", t)
	}
	cols, e := c.selection(t)
	if e != nil {
		return nil, e
	}
	cur, e := c.round(t)
	if e != nil {
		return nil, e
	}
	now := c.s.cfg.Clock.Now()
	t.advance(now.Add(-c.s.lag).UnixMilli())
	first := cur.From == 0
	var b strings.Builder
	context := t.set + "(" + t.selectText(cols) + ")"
	if !first {
		context += "/$delta"
	}
	b.WriteString(`{"@odata.context":` + quote(c.contextURL(context)) + `,"value":[`)
	left, view, sep := c.pageSize(), c.view(cols), ""
	more := false
	// walk writes entries after cur.Pos and up to a version, of one of the two sorts.
	walk := func(until uint64, gone bool, write func(entry)) {
		from := sort.Search(t.horizon, func(i int) bool { return t.log[i].ver > cur.Pos })
		for _, e := range t.log[from:t.horizon] {
			if e.ver > until {
				return
			}
			if e.gone == gone && e.r.shown == e.ver {
				if left == 0 {
					more = true
					return
				}
				left--
				b.WriteString(sep)
				sep = ","
				write(e)
			}
			cur.Pos = e.ver
		}
	}
	if cur.Until == 0 {
		end := cur.From
		if t.horizon > 0 {
			end = max(end, t.log[t.horizon-1].ver)
		}
		walk(end, false, func(e entry) { c.render(&b, t, e.r, view) })
		if !more {
			cur.Until, cur.Pos = end, cur.From
		}
	}
	if !more && !first && cur.Until > 0 {
		walk(cur.Until, true, func(e entry) {
			b.WriteString(`{"@odata.context":` + quote(c.contextURL(t.set+"/$deletedEntity")) + `,"id":"` + e.r.id.String() + `","reason":"deleted"}`)
		})
	}
	b.WriteByte(']')
	c.cost += (c.pageSize() - left) / costRows
	if more {
		cur.Kind, cur.Page = "round", cur.Page+1
		b.WriteString(`,"@odata.nextLink":` + quote(c.here([]string{"$deltatoken"}, "$skiptoken", wrapped(cur.Page, c.s.seal(cur)))))
	} else {
		token := cursor{Kind: "delta", Org: c.o.host, Table: t.logical, From: max(cur.Until, 1), Gen: t.gen, At: now.Unix()}
		b.WriteString(`,"@odata.deltaLink":` + quote(c.here([]string{"$skiptoken"}, "$deltatoken", c.s.seal(token))))
	}
	b.WriteByte('}')
	a := jsonReply(http.StatusOK, b.String())
	c.applied(a, "odata.track-changes", "odata.maxpagesize", "odata.include-annotations")
	return a, nil
}

// round reads where a tracked listing is.
func (c *call) round(t *table) (cursor, *apiError) {
	fresh := cursor{Kind: "round", Org: c.o.host, Table: t.logical, User: c.m.Email, Page: 1, Gen: t.gen}
	kind, token := "delta", c.query.Get("$deltatoken")
	if c.query.Has("$skiptoken") {
		kind, token = "round", cookie(c.query.Get("$skiptoken"))
	} else if !c.query.Has("$deltatoken") {
		return fresh, nil
	}
	cur, ok := c.s.open(token)
	if !ok || cur.Kind != kind || cur.Org != c.o.host || cur.Table != t.logical {
		return cur, badURL("The token is not one of a tracked listing of %s.", t.set)
	}
	old := kind == "delta" && c.s.cfg.Clock.Now().Unix()-cur.At >= int64(deltaLife/time.Second)
	if cur.Gen != t.gen || old {
		return cur, fail(http.StatusBadRequest, codeExpired, "Version stamp associated with the client has expired. Please perform a full sync.")
	}
	if kind == "delta" {
		fresh.From, fresh.Pos = cur.From, cur.From
		return fresh, nil
	}
	return cur, nil
}
