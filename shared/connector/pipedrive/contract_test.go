package pipedrive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/routers"

	"meibo/shared/connector"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/contract"
	"meibo/shared/oauth"
	"meibo/shared/record"
	box "meibo/shared/sandbox/pipedrive"
)

// checkOrigin is the origin under which the descriptions' addresses are checked, whatever the sandbox's is.
const checkOrigin = "https://checked.example"

// descriptions are Pipedrive's own, kept beside the repository, with the prefix of their addresses.
var descriptions = map[string]string{"pipedrive-v2.json": "/api/v2", "pipedrive-v1.json": "/api/v1", "pipedrive-oauth.json": ""}

var shelf contract.Shelf

// specRouters finds operations in the descriptions, by prefix, or skips the test where they are not there.
func specRouters(t *testing.T) map[string]routers.Router {
	t.Helper()
	out := map[string]routers.Router{}
	for name, prefix := range descriptions {
		out[prefix] = shelf.Router(t, name, checkOrigin+prefix)
	}
	return out
}

// described checks every request and answer that pass through it.
type described struct {
	t       *testing.T
	routers map[string]routers.Router
	base    http.RoundTripper

	mu  sync.Mutex
	ops map[string]int
}

func (d *described) RoundTrip(r *http.Request) (*http.Response, error) {
	return contract.Transport{Base: d.base, See: func(r *http.Request, sent []byte, resp *http.Response, answer []byte) {
		if strings.HasPrefix(r.URL.Path, "/pictures/") {
			return
		}
		if err := d.check(r, sent, resp, answer); err != nil {
			d.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	}}.RoundTrip(r)
}

func (d *described) check(r *http.Request, body []byte, resp *http.Response, answer []byte) error {
	prefix := ""
	for _, p := range descriptions {
		if p != "" && strings.HasPrefix(r.URL.Path, p+"/") {
			prefix = p
		}
	}
	if len(body) > 0 && r.Header.Get("Content-Type") == "application/json" {
		body = withoutNulls(body)
	}
	c, err := contract.Routed(r, body, checkOrigin+r.URL.RequestURI(), d.routers[prefix])
	if err != nil {
		return err
	}
	if err := errors.Join(c.Request(), c.Parameters()); err != nil {
		return err
	}
	d.mu.Lock()
	d.ops[r.Method+" "+prefix+c.Route.Path]++
	d.mu.Unlock()
	if resp.StatusCode >= 300 { // the documents describe success
		return nil
	}
	return c.Answer(resp.StatusCode, resp.Header, answer)
}

// withoutNulls is a body without its nulls: that null empties a member is the natural guess, and not in the documents.
func withoutNulls(body []byte) []byte {
	var m map[string]any
	if json.Unmarshal(body, &m) != nil {
		return body
	}
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
	b, _ := json.Marshal(m)
	return b
}

func TestEverythingFollowsTheDescriptions(t *testing.T) {
	seen := &described{t: t, routers: specRouters(t), ops: map[string]int{}}
	a := over(t, box.Config{}, box.User{ContactSync: true}, func(base http.RoundTripper) http.RoundTripper { seen.base = base; return seen })
	exercise(t, a)
	token, err := a.provider.Refresh(t.Context(), &http.Client{Transport: seen}, client, a.token)
	a.must(err)
	a.must(a.provider.Revoke(t.Context(), &http.Client{Transport: seen}, client, oauth.Token{Refresh: token.Refresh}))
	for _, op := range []string{"GET /api/v1/users/me", "GET /api/v1/filters", "GET /api/v1/webhooks", "POST /api/v1/webhooks", "DELETE /api/v1/webhooks/{id}", "POST /api/v1/persons/{id}/picture",
		"GET /api/v2/persons", "GET /api/v2/persons/{id}", "POST /api/v2/persons", "PATCH /api/v2/persons/{id}", "DELETE /api/v2/persons/{id}", "GET /api/v2/persons/{id}/picture",
		"GET /api/v2/organizations", "GET /api/v2/organizations/search", "POST /api/v2/organizations", "GET /api/v2/personFields", "POST /api/v2/personFields", "POST /oauth/token", "POST /oauth/revoke"} {
		if seen.ops[op] == 0 {
			t.Errorf("%s was not called: %v", op, seen.ops)
		}
	}
}

// exercise makes the connector send every kind of request.
func exercise(t *testing.T, a *account) {
	t.Helper()
	_, err := a.Identify(t.Context())
	a.must(err)
	group, err := a.box.AddGroup(mira, "重要顧客")
	a.must(err)
	_, err = a.Groups(t.Context())
	a.must(err)
	yomi, err := a.MakeField(t.Context(), record.Field{Key: record.Custom("Yomi"), Name: "Yomi", Type: record.TypeText})
	a.must(err)
	rank, err := a.MakeField(t.Context(), record.Field{Key: record.Custom("Rank"), Name: "Rank", Type: record.TypeChoice, Choices: []string{"A", "B"}})
	a.must(err)
	d, err := a.Describe(t.Context())
	a.must(err)
	if _, ok := d.Field(yomi.Key); !ok || rank.Type != record.TypeChoice {
		t.Fatalf("%+v", d.Fields)
	}
	full := record.Fields{
		record.NameGiven: text("Jon"), record.NameFamily: text("Berg"), record.OrgName: text("Nordkai AS"), record.OrgTitle: text("Lead"), record.Birthday: text("1984-06-02"),
		record.Note: text("one\ntwo"), record.IM: {{Text: "jon", Parts: map[record.Part]string{record.PartService: "skype"}}}, yomi.Key: text("ヨミ"), rank.Key: text("B"),
		record.Address: {{Parts: map[record.Part]string{record.PartStreet: "Pikk 12", record.PartCity: "Tallinn"}}},
		record.Email:   {{Text: "jon@nordkai.example", Label: "work"}}, record.Phone: {{Text: "+372 5555 0172", Label: "mobile"}},
	}
	w := create(full)
	w.Options = map[string]string{pipedrive.OptionVisibility: "everyone"}
	r := one(t, a.Connector, w)
	a.must(r.Err)
	empty := record.Fields{}
	for k := range full {
		if k != record.NameGiven {
			empty[k] = []record.Value{}
		}
	}
	a.clock.Advance(time.Minute)
	u := one(t, a.Connector, connector.Write{Op: connector.Update, ID: r.ID, Fields: empty, Current: r.Item})
	a.must(u.Err)
	a.must(one(t, a.Connector, connector.Write{Op: connector.Update, ID: r.ID, Fields: record.Fields{record.OrgName: text("北野精機")}, Current: u.Item}).Err)
	a.must(a.SetPhoto(t.Context(), r.ID, connector.Photo{Data: square(t), Type: "image/png"}))
	_, err = a.Photos(t.Context(), []string{r.ID})
	a.must(err)
	many := make([]record.Record, 510)
	for i := range many {
		many[i] = ownPerson(i)
	}
	a.putIn("", many...)
	in := a.rich()
	for _, scope := range []connector.Scope{{}, {Owned: true}, {Groups: []string{group}, Owned: true}} {
		_, _, cursor := listing(t, a.Connector, scope, "")
		a.clock.Advance(time.Minute)
		a.must(a.box.Edit(mira, in, record.Fields{record.Note: text(fmt.Sprint("note ", a.clock.Now().Unix()))}))
		if items, _, _ := listing(t, a.Connector, scope, cursor); items[in] != connector.InScope {
			t.Errorf("%+v: the edit shows as %v", scope, items)
		}
		if _, _, err := a.Members(t.Context(), scope, ""); err != nil {
			t.Error(err)
		}
	}
	if _, err := a.open().Get(t.Context(), nil, []string{in, r.ID, "99999901"}); err != nil {
		t.Error(err)
	}
	hooks := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer hooks.Close()
	sub, err := a.Watch(t.Context(), connector.Watch{ID: "123456789012345678", URL: hooks.URL + "/x", Secret: strings.Repeat("a", 32)})
	a.must(err)
	a.must(a.Unwatch(t.Context(), sub))
	a.must(one(t, a.Connector, connector.Write{Op: connector.Delete, ID: r.ID}).Err)
}
