package graph_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	jpeglib "image/jpeg"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"meibo/shared/connector"
	"meibo/shared/contract"
	"meibo/shared/record"
	graphbox "meibo/shared/sandbox/graph"
)

// apiOrigin is the address under which the description is checked, whatever the sandbox's is.
const apiOrigin = "https://graph.microsoft.com/v1.0"

var descriptions contract.Shelf

// described checks every API request that passes through it, and every part of every batch.
type described struct {
	t      *testing.T
	router routers.Router
	base   http.RoundTripper
	ops    map[string]int
}

func (d *described) RoundTrip(r *http.Request) (*http.Response, error) {
	return contract.Transport{Base: d.base, See: d.see}.RoundTrip(r)
}

func (d *described) see(r *http.Request, body []byte, _ *http.Response, _ []byte) {
	d.check(r.Method, strings.TrimPrefix(r.URL.RequestURI(), "/v1.0"), r.Header, body)
	if strings.HasSuffix(r.URL.Path, "/$batch") {
		var in struct{ Requests []part }
		if err := json.Unmarshal(body, &in); err != nil {
			d.t.Error(err)
		}
		for _, p := range in.Requests {
			h := http.Header{}
			for k, v := range p.Headers {
				h.Set(k, v)
			}
			d.check(p.Method, p.URL, h, p.Body)
		}
	}
}

func (d *described) check(method, path string, header http.Header, body []byte) {
	d.t.Helper()
	c, err := contract.Routed(&http.Request{Method: method, Header: header}, body, apiOrigin+path, d.router)
	if err != nil {
		d.t.Errorf("%s %s is not an operation of the description: %v", method, path, err)
		return
	}
	c.Except("$skiptoken", "$deltatoken") // links are the vendor's
	if err := errors.Join(c.Request(), c.Parameters()); err != nil {
		d.t.Errorf("%s %s does not follow the description: %v", method, path, err)
	}
	d.unknown(c.Route, body)
	d.ops[method+" "+c.Route.Path]++
}

// unknown reports members of a body that the description does not have.
func (d *described) unknown(route *routers.Route, body []byte) {
	d.t.Helper()
	var sent map[string]any
	if route.Operation.RequestBody == nil || json.Unmarshal(body, &sent) != nil {
		return
	}
	media := route.Operation.RequestBody.Value.Content.Get("application/json")
	if media == nil {
		return
	}
	known := map[string]bool{}
	var collect func(*openapi3.SchemaRef)
	collect = func(s *openapi3.SchemaRef) {
		for name := range s.Value.Properties {
			known[name] = true
		}
		for _, sub := range s.Value.AllOf {
			collect(sub)
		}
	}
	collect(media.Schema)
	for name := range sent {
		if !known[name] {
			d.t.Errorf("%s: the description has no member %q", route.Path, name)
		}
	}
}

// TestEveryRequestIsAsTheDescriptionSays makes every call that the connector knows, and holds each request against the description.
func TestEveryRequestIsAsTheDescriptionSays(t *testing.T) {
	seen := &described{t: t, router: descriptions.Router(t, "graph-v1.0-subset.openapi.json", apiOrigin), ops: map[string]int{}}
	b := newBox(t, func(base http.RoundTripper) http.RoundTripper { seen.base = base; return seen }, graphbox.User{})
	c := b.connector()
	_, err := c.Identify(ctx)
	b.must(err)
	made, err := c.MakeGroup(ctx, "CRM", "mark")
	b.must(err)
	d, err := c.Describe(ctx)
	b.must(err)
	everything := record.Fields{}
	for _, f := range d.Fields {
		switch {
		case f.ReadOnly:
		case f.Key == record.Address:
			everything[f.Key] = []record.Value{{Label: record.LabelWork, Parts: map[record.Part]string{record.PartCity: "c"}}}
		case f.Key == record.Birthday:
			everything[f.Key] = text("2000-01-02")
		case len(f.Slots) > 0:
			for _, s := range f.Slots {
				everything[f.Key] = append(everything[f.Key], record.Value{Text: "x", Label: s.Label})
			}
		default:
			everything[f.Key] = text("x")
		}
	}
	rs, err := c.Apply(ctx, []connector.Write{create(everything), create(everything, made.ID, "category:VIP"), create(everything)})
	b.must(err)
	var ids []string
	for _, r := range rs {
		b.must(r.Err)
		ids = append(ids, r.ID)
	}
	b.put("", make([]record.Record, 450)...)
	b.clock.Advance(5 * time.Minute)
	_, err = c.Groups(ctx)
	b.must(err)
	for _, scope := range []connector.Scope{{}, {Groups: []string{made.ID}}, {Groups: []string{"category:VIP", "folder:contacts"}}} {
		_, cursor := whole3(t, c, scope)
		b.clock.Advance(5 * time.Minute)
		changes(t, c, scope, cursor)
	}
	got, err := c.Get(ctx, nil, ids)
	b.must(err)
	emptied := record.Fields{}
	for k := range everything {
		emptied[k] = []record.Value{}
	}
	rs, err = c.Apply(ctx, []connector.Write{update(got[0].Item, emptied), update(got[1].Item, record.Fields{record.NameMiddle: text("y")}), {Op: connector.Delete, ID: ids[2], Current: &got[2].Item}})
	b.must(err)
	for _, r := range rs {
		b.must(r.Err)
	}
	var drawn bytes.Buffer
	b.must(jpeglib.Encode(&drawn, image.NewGray(image.Rect(0, 0, 2, 2)), nil))
	b.must(c.SetPhoto(ctx, ids[0], connector.Photo{Data: drawn.Bytes(), Type: "image/jpeg"}))
	_, err = c.Photos(ctx, ids[:2])
	b.must(err)
	h := newHook(t)
	w := watch(strings.TrimPrefix(made.ID, "folder:"), h.url)
	_, err = c.Watch(ctx, w)
	b.must(err)
	sub, err := c.Watch(ctx, w) // the first stands in its way
	b.must(err)
	_, err = c.Renew(ctx, sub, w)
	b.must(err)
	b.must(c.Unwatch(ctx, sub))
	b.must(c.RemoveGroup(ctx, made.ID))
	for _, op := range []string{"GET /me", "POST /$batch", "GET /me/contactFolders", "POST /me/contactFolders", "DELETE /me/contactFolders/{contactFolder-id}", "GET /me/contactFolders/{contactFolder-id}",
		"GET /me/contactFolders/{contactFolder-id}/childFolders", "GET /me/contactFolders/{contactFolder-id}/contacts", "POST /me/contactFolders/{contactFolder-id}/contacts",
		"GET /me/contactFolders/{contactFolder-id}/contacts/delta", "GET /me/contacts", "POST /me/contacts", "GET /me/contacts/{contact-id}", "PATCH /me/contacts/{contact-id}",
		"DELETE /me/contacts/{contact-id}", "GET /me/contacts/{contact-id}/photo/$value", "PUT /me/contacts/{contact-id}/photo/$value",
		"GET /subscriptions", "POST /subscriptions", "PATCH /subscriptions/{subscription-id}", "DELETE /subscriptions/{subscription-id}"} {
		if seen.ops[op] == 0 {
			t.Errorf("%s was not called", op)
		}
	}
}
