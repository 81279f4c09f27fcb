package graph

import (
	"net/http"
	"strings"
)

// round reads the token of a delta call. Without one a full round begins.
func (c *call) round(of string, id uint64) (cursor, *apiError) {
	if e := c.allow("$skiptoken", "$deltatoken"); e != nil {
		return cursor{}, e
	}
	page, round := c.query.Get("$skiptoken"), c.query.Get("$deltatoken")
	if page != "" && round != "" {
		return cursor{}, badQuery("$skiptoken and $deltatoken cannot be together.")
	}
	// An empty $deltatoken is what the Location of a lost token has: the round begins anew.
	if page == "" && round == "" {
		return cursor{Full: true}, nil
	}
	cur, ok := c.s.open(page + round)
	kind := of + "/page"
	if round != "" {
		kind = of + "/round"
	}
	if !ok || cur.Kind != kind || cur.User != c.m.oid || cur.Of != id {
		return cursor{}, fail(http.StatusBadRequest, "SyncStateInvalid", "The sync state is not valid.")
	}
	if cur.Gen != c.m.generation {
		return cursor{}, c.lostState()
	}
	return cur, nil
}

// lostState is the answer to a token that the service no longer knows.
func (c *call) lostState() *apiError {
	const message = "The sync state generation is not found; the changes since then are not known."
	if c.s.quirks.NoLocation {
		return fail(http.StatusBadRequest, "syncStateNotFound", message)
	}
	e := fail(http.StatusGone, "SyncStateNotFound", message)
	e.header = map[string]string{"Location": c.origin + "/v1.0" + c.path + "?$deltatoken="}
	return e
}

// link is the nextLink for cur, or with last the deltaLink.
func (c *call) link(of string, cur cursor, last bool) (name, at string) {
	cur.User, cur.Gen = c.m.oid, c.m.generation
	if last {
		cur.Kind, cur.Full, cur.Blank, cur.Again = of+"/round", false, false, 0
		return "@odata.deltaLink", c.here("$deltatoken", c.s.seal(cur))
	}
	cur.Kind = of + "/page"
	return "@odata.nextLink", c.here("$skiptoken", c.s.seal(cur))
}

func (c *call) contactDelta() (*reply, *apiError) {
	f, e := c.place()
	if e != nil {
		return nil, e
	}
	cur, e := c.round("delta", f.id)
	if e != nil {
		return nil, e
	}
	c.m.advance(f, c.s.cfg.Clock.Now())
	cur.Of = f.id
	page, until, more := f.changes(cur.Pos, cur.Full, c.pageSize(pageMost))
	var repeat []entry
	if cur.Again != 0 {
		repeat, _, _ = f.changes(cur.Again-1, cur.Full, 1)
	}
	if c.s.quirks.EmptyPages && len(page) > 0 && !cur.Blank {
		page, until, more, repeat = nil, cur.Pos, true, nil
		cur.Blank = true
	} else {
		cur.Blank, cur.Again = false, 0
		if c.s.quirks.RepeatItems && more && len(page) > 0 {
			cur.Again = page[len(page)-1].seq
		}
	}
	cur.Pos = until
	v := view{immutable: c.immutable(), typed: true}
	name, at := c.link("delta", cur, !more)
	var b strings.Builder
	b.WriteString(`{"@odata.context":` + encode(c.origin+"/v1.0/$metadata#Collection(contact)") + `,"` + name + `":` + encode(at) + `,"value":[`)
	for i, e := range append(repeat, page...) {
		if i > 0 {
			b.WriteByte(',')
		}
		if e.gone != "" {
			b.WriteString(`{"id":` + encode(c.m.placeID(e.it, e.place, v.immutable)) + `,"@removed":{"reason":"` + e.gone + `"}}`)
			continue
		}
		c.delivered(&b, f, e, v)
	}
	b.WriteString("]}")
	return &reply{status: http.StatusOK, json: []byte(b.String())}, nil
}

// delivered writes a present item of a delta page. One that has left since, which delta may not show yet, is written as it was in the
// folder.
func (c *call) delivered(b *strings.Builder, f *folder, e entry, v view) {
	it := e.it
	if it.folder != f.id {
		was := *it
		was.folder, was.pos = f.id, e.place.pos
		it = &was
	}
	c.s.contact(b, c.m, it, v)
}

func (c *call) folderDelta() (*reply, *apiError) {
	cur, e := c.round("folders", 0)
	if e != nil {
		return nil, e
	}
	limit := c.pageSize(pageMost)
	var value []map[string]any
	more := false
	for _, f := range c.m.foldersBySeq() {
		if f.seq <= cur.Pos || f.hidden || f.id == defaultFolder || cur.Full && f.deleted {
			continue
		}
		if more = len(value) == limit; more {
			break
		}
		cur.Pos = f.seq
		if f.deleted {
			value = append(value, map[string]any{"id": c.m.folderID(f.id), "@removed": map[string]string{"reason": reasonDeleted}})
			continue
		}
		value = append(value, c.m.folderJSON(f, view{}))
	}
	if !more {
		cur.Pos = c.m.seq
	}
	name, at := c.link("folders", cur, !more)
	if value == nil {
		value = []map[string]any{}
	}
	return jsonReply(http.StatusOK, map[string]any{"@odata.context": c.origin + "/v1.0/$metadata#Collection(contactFolder)", name: at, "value": value})
}
