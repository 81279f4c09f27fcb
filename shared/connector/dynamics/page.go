package dynamics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// listed is what a page said besides its rows.
type listed struct {
	rows        int
	next, delta string // queries
	mark        string // digest of the rows
	more        bool   // of a page that FetchXML made
	pass        string // and what its next page is asked with
	date        time.Time
}

// leastPage is how few rows a page is asked for with where rows are large.
const leastPage = 20

func pageSize(n int) string { return "odata.maxpagesize=" + itoa(n) }

// page reads a page of path with a query and hands its rows to each, one at a time: a page is too much to hold twice. A row is only valid
// until each returns.
func (a *account) page(ctx context.Context, path, query string, r request, each func(row)) (listed, error) {
	r.path = path + "?" + query
	got, err := a.do(ctx, r)
	for errors.Is(err, errTooMuch) && a.cfg.PageSize > leastPage { // rows may hold texts of a million characters
		size := pageSize(a.cfg.PageSize)
		a.cfg.PageSize = max(a.cfg.PageSize/8, leastPage)
		r.header["Prefer"] = strings.Replace(r.header["Prefer"], size, pageSize(a.cfg.PageSize), 1)
		got, err = a.do(ctx, r)
	}
	if err != nil {
		return listed{}, err
	}
	p := listed{date: a.date(got)}
	var ids strings.Builder
	dec := json.NewDecoder(bytes.NewReader(got.body))
	fail := unsure(false, "it sent a list that is not what its documents describe")
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return p, fail
	}
	told := false
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return p, fail
		}
		switch name {
		case "value":
			told = true
			if p.rows, err = rowsOf(dec, &ids, each); err != nil {
				return p, fail
			}
		case "@odata.nextLink":
			err = dec.Decode(&p.next)
		case "@odata.deltaLink":
			err = dec.Decode(&p.delta)
		case moreRecords:
			err = dec.Decode(&p.more)
		case pagingCookie:
			var cookie string
			err = dec.Decode(&cookie)
			p.pass = cookieIn(cookie)
		default:
			var skip json.RawMessage
			err = dec.Decode(&skip)
		}
		if err != nil {
			return p, fail
		}
	}
	if _, err := dec.Token(); err != nil || !told || p.next != "" && p.delta != "" {
		return p, fail
	}
	p.mark = digest(ids.String())
	if p.next, err = a.inside(p.next, path); err != nil {
		return p, err
	}
	p.delta, err = a.inside(p.delta, path)
	return p, err
}

var errNoList = errors.New("the value is no list")

func rowsOf(dec *json.Decoder, ids *strings.Builder, each func(row)) (n int, err error) {
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return 0, errors.Join(err, errNoList)
	}
	r := row{}
	for ; dec.More(); n++ {
		clear(r)
		if err = dec.Decode(&r); err != nil {
			return n, err
		}
		ids.Write(r[columnTag])
		ids.Write(r["id"])
		each(r)
	}
	_, err = dec.Token()
	return n, err
}
