package sansan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/routers"

	"meibo/shared/connector"
	"meibo/shared/connector/sansan"
	"meibo/shared/contract"
	"meibo/shared/record"
	box "meibo/shared/sandbox/sansan"
)

// checkOrigin is the origin under which addresses are checked, whatever the sandbox's is.
const checkOrigin = "https://checked.example"

var descriptions contract.Shelf

// described checks every request and answer that pass through it.
type described struct {
	t      *testing.T
	router routers.Router
	base   http.RoundTripper
	ops    map[string]map[int]int // how often each operation was answered with each status
}

func (d *described) RoundTrip(r *http.Request) (*http.Response, error) {
	return contract.Transport{Base: d.base, See: func(r *http.Request, sent []byte, resp *http.Response, answer []byte) {
		if err := d.check(r, sent, resp, answer); err != nil {
			d.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	}}.RoundTrip(r)
}

func (d *described) check(r *http.Request, sent []byte, resp *http.Response, answer []byte) error {
	if len(r.Header.Get("X-Sansan-Api-Key")) != 32 {
		return fmt.Errorf("the request has no key")
	}
	c, err := contract.Routed(r, sent, checkOrigin+r.URL.RequestURI(), d.router)
	if err != nil {
		return err
	}
	if err := errors.Join(c.Request(), c.Parameters()); err != nil {
		return err
	}
	op := c.Route.Operation.OperationID
	if d.ops[op] == nil {
		d.ops[op] = map[int]int{}
	}
	d.ops[op][resp.StatusCode]++
	return c.Answer(resp.StatusCode, resp.Header, answer)
}

func TestEverythingFollowsTheDescription(t *testing.T) {
	for name, q := range map[string]box.Quirks{"strict": {}, "lenient": {NullText: true, BarePerson: true, NoOwnerEmail: true, FollowMerged: true}} {
		t.Run(name, func(t *testing.T) {
			seen := &described{t: t, router: descriptions.Router(t, "sansan-openapi-v6.handwritten.openapi.json", checkOrigin+"/v6.0"), ops: map[string]map[int]int{}}
			a := at(t, start, box.Config{Quirks: q, Limits: box.Limits{Span: 20}}, func(base http.RoundTripper) http.RoundTripper { seen.base = base; return seen })
			ids := a.putIn("展示会", append(make400(), full())...)
			_, err := a.Identify(t.Context())
			a.must(err)
			gs, err := a.Groups(t.Context())
			a.must(err)
			scope := connector.Scope{Groups: []string{gs[1].ID}}
			items, cursor := listing(t, a.Connector, scope, "")
			if len(items) != len(ids) {
				t.Errorf("%d persons, want %d", len(items), len(ids))
			}
			a.clock.Advance(time.Hour)
			listing(t, a.Connector, scope, cursor)
			a.scanned(scope)
			for _, id := range []string{ids[0], ids[400], "99999901"} {
				a.get(id)
			}
			a.must(a.box.SetOwner(aiko, ids[1], ren))
			a.get(ids[1])
			a.must(a.box.RevokeKey(aiko))
			if _, err := a.Changes(t.Context(), scope, cursor); err == nil {
				t.Error("a revoked key was taken")
			}
			for op, statuses := range map[string][]int{"listBizCards": {200, 400, 401}, "searchBizCards": {200}, "getPerson": {200, 404}, "listTags": {200}} {
				for _, status := range statuses {
					if seen.ops[op][status] == 0 {
						t.Errorf("%s was never answered with %d: %v", op, status, seen.ops)
					}
				}
			}
		})
	}
}

func TestTheSamplesAreRead(t *testing.T) {
	type sample struct {
		Name, Kind, Path string
		Status           int
		Body             json.RawMessage
	}
	read := map[string]int{}
	for _, s := range contract.Decode[[]sample](t, "samples-sansan.json") {
		if s.Kind != "response" {
			continue
		}
		c, v := over(t, sansan.Config{Owner: "5001"})
		v.before = func(k call) *reply {
			if k.query.Get("nextPageToken") != "" {
				return ok(map[string]any{"hasMore": false, "data": []any{}})
			}
			return &reply{status: s.Status, body: string(s.Body)}
		}
		switch {
		case s.Path == "/bizCards" && s.Status == 200:
			p, err := c.Changes(t.Context(), connector.Scope{}, "")
			if err != nil || len(p.Changed) != 1 || p.Changed[0].ID != "700200" || p.Changed[0].Record.Fields.First(record.NamePhoneticFamily) != "カンザキ" {
				t.Errorf("%s: got %+v, %v", s.Name, p, err)
			}
		case s.Path == "/bizCards" && s.Status == 401:
			if _, err := c.Changes(t.Context(), connector.Scope{}, ""); err == nil {
				t.Errorf("%s: no error", s.Name)
			}
		case s.Path == "/persons/{id}":
			if got := getOne(t, c, "700200"); got.Item.Record.Fields.First(record.NameGiven) != "陽翔" {
				t.Errorf("%s: got %+v", s.Name, got)
			}
		case s.Path == "/tags":
			if gs, err := c.Groups(t.Context()); err != nil || len(gs) != 2 || gs[1].ID != "3301" {
				t.Errorf("%s: got %+v, %v", s.Name, gs, err)
			}
		}
		read[s.Path]++
	}
	for _, p := range []string{"/bizCards", "/persons/{id}", "/tags"} {
		if read[p] == 0 {
			t.Errorf("there is no sample of %s", p)
		}
	}
}
