package sansan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/sansan"
	"meibo/shared/record"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// call is one request that a connector made.
type call struct {
	path  string
	query url.Values
}

func (c call) from(t *testing.T) time.Time { return c.at(t, "updatedFrom") }
func (c call) to(t *testing.T) time.Time   { return c.at(t, "updatedTo") }

func (c call) at(t *testing.T, param string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, c.query.Get(param))
	if err != nil {
		t.Fatalf("%s: %v", param, err)
	}
	return at
}

// reply is an answer in place of the vendor's; a status of 0 breaks the connection.
type reply struct {
	status int
	body   string
	header map[string]string
}

// row is a card as a test has it: its JSON members, and when it was updated.
type row struct {
	updated time.Time
	members map[string]any
}

// vendor is a small Sansan: it lists cards by update time, shows persons, and does otherwise what a test says.
type vendor struct {
	t     *testing.T
	clock *clock.Virtual
	cards []row
	// span is the widest window that it takes, pageSize how many cards it lists at most; 0 means any, and what was asked for.
	span     time.Duration
	pageSize int
	// before is asked first; an answer of its goes out in place of the vendor's.
	before func(c call) *reply
	calls  []call
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	c := call{strings.TrimPrefix(r.URL.Path, "/v6.0"), r.URL.Query()}
	if r.Method != http.MethodGet {
		v.t.Errorf("%s %s: want nothing but GET", r.Method, r.URL.Path)
	}
	v.calls = append(v.calls, c)
	var a *reply
	if v.before != nil {
		a = v.before(c)
	}
	if a == nil {
		a = v.answer(c)
	}
	if a.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	h := http.Header{"Date": {v.clock.Now().Format(http.TimeFormat)}}
	for k, s := range a.header {
		h.Set(k, s)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(bytes.NewReader([]byte(a.body))), Request: r}, nil
}

func (v *vendor) answer(c call) *reply {
	switch id, person := strings.CutPrefix(c.path, "/persons/"); {
	case c.path == "/bizCards":
		from, to := c.from(v.t), c.to(v.t)
		if !to.After(from) || v.span > 0 && to.Sub(from) > v.span {
			return &reply{status: 400}
		}
		return v.page(c, func(r row) bool { return !r.updated.Before(from) && !r.updated.After(to) })
	case c.path == "/bizCards/search":
		return v.page(c, func(r row) bool {
			return strings.HasPrefix(fmt.Sprint(r.members["lastName"], r.members["firstName"]), c.query.Get("name")) && r.members["owner"].(map[string]any)["id"] == "5001"
		})
	case person:
		for _, r := range v.cards {
			if r.members["personId"] == id {
				return ok(map[string]any{"item": map[string]any{"id": id, "headBizCard": r.members}})
			}
		}
	}
	return &reply{status: 404}
}

// page lists what passes, from the place that the token names.
func (v *vendor) page(c call, pass func(row) bool) *reply {
	var list []row
	for _, r := range v.cards {
		if pass(r) {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b row) int { return a.updated.Compare(b.updated) })
	limit, _ := strconv.Atoi(c.query.Get("limit"))
	if v.pageSize > 0 {
		limit = min(limit, v.pageSize)
	}
	from, _ := strconv.Atoi(c.query.Get("nextPageToken"))
	data := []any{}
	for _, r := range list[min(from, len(list)):min(from+limit, len(list))] {
		data = append(data, r.members)
	}
	if from+limit < len(list) {
		return ok(map[string]any{"hasMore": true, "nextPageToken": strconv.Itoa(from + limit), "data": data})
	}
	return ok(map[string]any{"hasMore": false, "nextPageToken": nil, "data": data})
}

func ok(v any) *reply {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return &reply{status: 200, body: string(b)}
}

// over returns a vendor and a connector on it.
func over(t *testing.T, cfg sansan.Config) (*sansan.Connector, *vendor) {
	t.Helper()
	v := &vendor{t: t, clock: clock.NewVirtual(start, true)}
	return v.open(cfg), v
}

func (v *vendor) open(cfg sansan.Config) *sansan.Connector {
	v.t.Helper()
	cfg.Client, cfg.Clock = &http.Client{Transport: v}, v.clock
	c, err := sansan.New(cfg)
	if err != nil {
		v.t.Fatal(err)
	}
	return c
}

// add puts a card of person n there, updated at a time.
func (v *vendor) add(n int, updated time.Time) row {
	r := row{updated, map[string]any{
		"id": fmt.Sprint(900000 + n), "personId": fmt.Sprint(700000 + n), "companyId": nil, "exchangeDate": "2026-09-11", "registeredTime": "2026-09-11T18:40:12+09:00",
		"owner":    map[string]any{"id": "5001", "name": "森田 愛子", "email": "aiko.morita@example.jp"},
		"lastName": fmt.Sprint("姓", n), "firstName": "陽翔", "lastNameReading": "カンザキ", "firstNameReading": nil, "departmentName": nil, "title": nil,
		"email": fmt.Sprintf("p%d@example.co.jp", n), "mobile": nil, "companyName": "北野精機株式会社", "postalCode": nil, "prefecture": nil, "city": nil, "street": nil,
		"building": nil, "tel": nil, "fax": nil, "url": nil, "memo": nil, "entryStatus": "completed",
	}}
	v.cards = append(v.cards, r)
	return r
}

func (v *vendor) reset() { v.calls = nil }

// listing reads a listing to its end.
func listing(t *testing.T, c *sansan.Connector, scope connector.Scope, cursor string) (items []connector.Item, next string) {
	t.Helper()
	full := cursor == ""
	for pages := 0; ; pages++ {
		p, err := c.Changes(t.Context(), scope, cursor)
		if err != nil {
			t.Fatalf("page %d: %v", pages+1, err)
		}
		if p.Full != full || pages > 1000 {
			t.Fatalf("page %d: full is %v", pages+1, p.Full)
		}
		items = append(items, p.Changed...)
		if cursor = p.Next; !p.More {
			return items, cursor
		}
	}
}

// named returns how often each id was named.
func named(items []connector.Item) map[string]int {
	m := map[string]int{}
	for _, it := range items {
		m[it.ID]++
	}
	return m
}

func getOne(t *testing.T, c *sansan.Connector, id string) connector.Got {
	t.Helper()
	got, err := c.Get(t.Context(), nil, []string{id})
	if err != nil || len(got) != 1 || got[0].ID != id {
		t.Fatalf("Get %s: %+v, %v", id, got, err)
	}
	return got[0]
}

func texts(vs []record.Value) string {
	var out []string
	for _, v := range vs {
		out = append(out, v.Label+"="+v.Text)
	}
	return strings.Join(out, ",")
}
