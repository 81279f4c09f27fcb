package google

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

const maxPage = 1000

// pinned digests the parameters that must stay the same through a listing and its incremental ones.
func pinned(m mask, pageSize int, q url.Values) string {
	src := slices.Clone(q["sources"])
	slices.Sort(src)
	order := cmp.Or(q.Get("sortOrder"), "LAST_MODIFIED_ASCENDING")
	return fmt.Sprintf("%x", hash(fmt.Sprint(uint64(m), pageSize, q.Get("requestSyncToken") == "true"), order, strings.Join(slices.Compact(src), ",")))
}

// pageSize reads the page size of a listing.
func (c *call) pageSize(otherwise int) (int, *apiError) {
	n := c.number("pageSize", otherwise)
	if n < 1 || n > maxPage {
		return 0, invalid("Page size must be between 1 and %d, inclusive.", maxPage)
	}
	return n, nil
}

// connections answers people.connections.list.
func (c *call) connections() (any, *apiError) {
	m, e := c.s.schema.requiredMask("personFields", c.query.Get("personFields"))
	if e != nil {
		return nil, e
	}
	src, e := parseSources(c.query["sources"])
	if e != nil {
		return nil, e
	}
	size, e := c.pageSize(100)
	if e != nil {
		return nil, e
	}
	order, wantSync := c.query.Get("sortOrder"), c.flag("requestSyncToken")
	if !slices.Contains([]string{"", "LAST_MODIFIED_ASCENDING", "LAST_MODIFIED_DESCENDING", "FIRST_NAME_ASCENDING", "LAST_NAME_ASCENDING"}, order) {
		return nil, wrongType("'sortOrder'", "TYPE_ENUM")
	}
	sorted := order != "" && order != "LAST_MODIFIED_ASCENDING"
	if sorted && (wantSync || c.query.Get("syncToken") != "") {
		return nil, invalid("sortOrder must be LAST_MODIFIED_ASCENDING when syncing.")
	}
	now, query := c.s.cfg.Clock.Now(), pinned(m, size, c.query)
	cur, resumed, e := c.s.resume("connections", c.a, query, c.query.Get("pageToken"), c.query.Get("syncToken"), now)
	if e != nil {
		return nil, e
	}
	if c.query.Get("pageToken") == "" {
		cur.Until = c.a.shown
	}
	if !resumed {
		if e := c.s.charge(c.a, cost{fullListings: 1}); e != nil {
			return nil, e
		}
		cur.Full = now.Unix()
	}
	var page []*contact
	var more bool
	if sorted {
		page, more = c.a.sortedPage(order, cur.Offset, size)
		cur.Offset += len(page)
	} else {
		page, more = c.a.page(&cur, size)
	}
	w := c.view(m, src)
	w.list, w.sync = true, cur.Sync
	return c.listing("connections", page, w, cur, query, more, wantSync || cur.Sync, now)
}

// page walks on from cur in the order of writes. A full listing leaves out deleted contacts. A contact that changes while it is
// being listed comes (again) at the end; what Until says makes the next incremental listing show it in any case.
func (a *account) page(cur *cursor, size int) (page []*contact, more bool) {
	for _, e := range a.after(cur.Pos) {
		if !e.shows() || (!cur.Sync && e.c.versions[0].deleted) {
			continue
		}
		if len(page) == size {
			return page, true
		}
		page = append(page, e.c)
		cur.Pos = e.seq
	}
	return page, false
}

// sortedPage is a page of a listing in another order. It sorts the whole account for every page.
func (a *account) sortedPage(order string, offset, size int) ([]*contact, bool) {
	type row struct {
		c   *contact
		key string
	}
	var rows []row
	for _, e := range a.log[:a.horizon] {
		if e.shows() && !e.c.versions[0].deleted {
			rows = append(rows, row{e.c, sortKey(order, &e.c.versions[0])})
		}
	}
	slices.SortStableFunc(rows, func(x, y row) int { return strings.Compare(x.key, y.key) })
	if order == "LAST_MODIFIED_DESCENDING" {
		slices.Reverse(rows)
	}
	rows = rows[min(offset, len(rows)):]
	n := min(size, len(rows))
	page := make([]*contact, n)
	for i, r := range rows[:n] {
		page[i] = r.c
	}
	return page, len(rows) > n
}

func sortKey(order string, v *version) string {
	if order == "LAST_MODIFIED_DESCENDING" {
		return ""
	}
	f, ok := v.field(kNames)
	if !ok {
		return ""
	}
	var name struct{ GivenName, FamilyName string }
	if err := json.Unmarshal([]byte(f.items[0]), &name); err != nil {
		return ""
	}
	if order == "LAST_NAME_ASCENDING" {
		return strings.ToLower(name.FamilyName + " " + name.GivenName)
	}
	return strings.ToLower(name.GivenName + " " + name.FamilyName)
}

func (c *call) listing(name string, page []*contact, w view, cur cursor, query string, more, sync bool, now time.Time) (any, *apiError) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, ct := range page {
		if i == 0 {
			fmt.Fprintf(&b, `"%s":[`, name)
		} else {
			b.WriteByte(',')
		}
		c.s.person(&b, ct, &ct.versions[0], w)
	}
	if len(page) > 0 {
		b.WriteString("],")
	}
	if more || sync {
		token, err := c.s.tokens(name, c.a, query, cur, !more, now)
		if err != nil {
			return nil, internal(err)
		}
		key := "nextSyncToken"
		if more {
			key = "nextPageToken"
		}
		fmt.Fprintf(&b, `"%s":%q,`, key, token)
	}
	if !cur.Sync && name == "connections" && c.a.shownLive > 0 {
		fmt.Fprintf(&b, `"totalPeople":%d,"totalItems":%d,`, c.a.shownLive, c.a.shownLive)
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte(","))
	return raw(append(out, '}')), nil
}

// otherContacts answers otherContacts.list. The sandbox keeps no auto-saved people, so the listing is empty; its parameters and
// tokens are checked as for connections.
func (c *call) otherContacts() (any, *apiError) {
	src := c.query["sources"]
	profile := slices.Contains(src, "READ_SOURCE_TYPE_PROFILE")
	if len(src) > 0 {
		if _, e := parseSources(src); e != nil {
			return nil, e
		}
	}
	only := []string{"emailAddresses", "metadata", "names", "phoneNumbers", "photos"}
	if profile {
		only = nil
	}
	text := c.query.Get("readMask")
	m, e := c.s.schema.requiredMask("readMask", text)
	if e == nil {
		m, e = c.s.schema.readMask("readMask", text, only)
	}
	if e != nil {
		return nil, e
	}
	size, e := c.pageSize(100)
	if e != nil {
		return nil, e
	}
	now, query := c.s.cfg.Clock.Now(), pinned(m, size, c.query)
	cur, resumed, e := c.s.resume("otherContacts", c.a, query, c.query.Get("pageToken"), c.query.Get("syncToken"), now)
	if e != nil {
		return nil, e
	}
	if !resumed {
		if e := c.s.charge(c.a, cost{fullListings: 1}); e != nil {
			return nil, e
		}
		cur.Full = now.Unix()
	}
	return c.listing("otherContacts", nil, view{}, cur, query, false, c.flag("requestSyncToken") || cur.Sync, now)
}
