package hubspot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
	"meibo/shared/contract"
	"meibo/shared/record"
	box "meibo/shared/sandbox/hubspot"
)

// checkOrigin is the origin under which the descriptions' addresses are checked, whatever the sandbox's is.
const checkOrigin = "https://checked.example"

// descriptions are HubSpot's own, kept beside the repository, in the versions that the connector calls.
var descriptions = []string{"contacts-2026-03", "companies-2026-03", "properties-2026-09", "lists-2026-09", "owners-2026-09", "associations-2026-09",
	"account-info-2026-09", "app-uninstalls-2026-09", "oauth-v3"}

var shelf contract.Shelf

// specRouters finds operations in all of the descriptions, or skips the test where they are not there.
func specRouters(t *testing.T) (out []routers.Router) {
	t.Helper()
	for _, name := range descriptions {
		out = append(out, shelf.Router(t, "hubspot-"+name+".json", checkOrigin))
	}
	return out
}

// described checks every request and answer that pass through it.
type described struct {
	t       *testing.T
	routers []routers.Router
	base    http.RoundTripper

	mu  sync.Mutex
	ops map[string]int
}

func (d *described) RoundTrip(r *http.Request) (*http.Response, error) {
	return contract.Transport{Base: d.base, See: func(r *http.Request, sent []byte, resp *http.Response, answer []byte) {
		if err := d.check(r, sent, resp, answer); err != nil {
			d.t.Errorf("%s %s: %v\n%s", r.Method, r.URL.Path, err, sent)
		}
	}}.RoundTrip(r)
}

func (d *described) check(r *http.Request, sent []byte, resp *http.Response, answer []byte) error {
	c, err := contract.Routed(r, sent, checkOrigin+r.URL.RequestURI(), d.routers...)
	if err != nil {
		return err
	}
	if err := errors.Join(c.Request(), c.Parameters()); err != nil {
		return err
	}
	if strings.Contains(r.Header.Get("Content-Type"), "json") {
		if err := unknownMembers(c.Route.Operation.RequestBody.Value.Content.Get("application/json").Schema.Value, sent); err != nil {
			return err
		}
	}
	d.mu.Lock()
	d.ops[r.Method+" "+c.Route.Path]++
	d.mu.Unlock()
	if resp.StatusCode >= 300 { // the documents describe success
		return nil
	}
	return c.Answer(resp.StatusCode, resp.Header, answer)
}

// unknownMembers reports a member of a request that its description does not have.
func unknownMembers(s *openapi3.Schema, body []byte) error {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	return unknown(s, v)
}

func unknown(s *openapi3.Schema, v any) error {
	switch x := v.(type) {
	case map[string]any:
		for k, inner := range x {
			p := s.Properties[k]
			if len(s.Properties) == 0 || p == nil && s.AdditionalProperties.Schema != nil {
				continue // values by free names
			}
			if p == nil {
				return fmt.Errorf("the description has no member %q", k)
			}
			if err := unknown(p.Value, inner); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range x {
			if s.Items != nil {
				if err := unknown(s.Items.Value, inner); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func TestEverythingFollowsTheDescriptions(t *testing.T) {
	seen := &described{t: t, routers: specRouters(t), ops: map[string]int{}}
	a := over(t, box.Config{Limits: box.Unlimited()}, box.User{}, func(base http.RoundTripper) http.RoundTripper { seen.base = base; return seen })
	exercise(t, a)
	token, err := a.provider.Refresh(t.Context(), &http.Client{Transport: seen}, client, a.token)
	a.must(err)
	a.must(a.provider.Uninstall(t.Context(), &http.Client{Transport: seen}, token))
	a.must(a.provider.Revoke(t.Context(), &http.Client{Transport: seen}, client, token))
	for _, op := range []string{"GET " + contactsPath, "GET " + contactsPath + "/{contactId}", "POST " + contactsPath + "/search", "POST " + contactsPath + "/batch/read", "POST " + contactsPath + "/batch/create",
		"POST " + contactsPath + "/batch/update", "POST " + contactsPath + "/batch/archive", "POST /crm/objects/2026-03/companies/search", "POST /crm/objects/2026-03/companies/batch/create", "GET /crm/objects/2026-03/companies",
		"POST /crm/associations/2026-09/{fromObjectType}/{toObjectType}/batch/create", "GET /crm/properties/2026-09/{objectType}", "POST /crm/properties/2026-09/{objectType}", "POST /crm/properties/2026-09/{objectType}/groups",
		"POST /crm/lists/2026-09/search", "GET /crm/lists/2026-09/{listId}/memberships", "PUT /crm/lists/2026-09/{listId}/memberships/add", "POST /crm/lists/2026-09/records/memberships/batch/read",
		"GET /crm/lists/2026-09/records/{objectTypeId}/{recordId}/memberships", "GET /crm/owners/2026-09", "GET /account-info/2026-09/details", "DELETE /appinstalls/2026-09/external-install",
		"POST /oauth/v3/token", "POST /oauth/v3/token/introspect", "POST /oauth/v3/token/revoke"} {
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
	group, err := a.box.AddGroup(mira, segment, "", "")
	a.must(err)
	groups, err := a.Groups(t.Context())
	a.must(err)
	if !slices.ContainsFunc(groups, func(g connector.Group) bool { return g.ID == group && g.Writable && g.Members == 0 }) {
		t.Errorf("groups %+v", groups)
	}
	var made []record.Field
	for _, f := range []record.Field{{Key: record.Note}, {Key: record.Birthday}, {Key: record.Custom("x1"), Name: "Rank", Type: record.TypeChoice, Choices: []string{"A", "B"}},
		{Key: record.Custom("x2"), Name: "ニュース", Type: record.TypeBool}, {Key: record.Custom("x3"), Name: "Phone of the house", Type: record.TypePhone}, {Key: record.Custom("x4"), Name: "Score", Type: record.TypeNumber}} {
		got, err := a.MakeField(t.Context(), f)
		a.must(err)
		again, err := a.open().MakeField(t.Context(), f)
		if err != nil || again.Key != got.Key || f.Type != "" && got.Type != f.Type {
			t.Errorf("made %+v, then %+v, %v", got, again, err)
		}
		made = append(made, got)
	}
	full := record.Fields{
		record.NameGiven: text("Jon"), record.NameFamily: text("Berg"), record.OrgName: text("Nordkai AS"), record.OrgTitle: text("Lead"), record.Birthday: text("1984-06-02"), record.Note: text("one\ntwo"),
		record.Address: {{Parts: map[record.Part]string{record.PartStreet: "Pikk 12", record.PartCity: "Tallinn"}}}, record.Email: text("jon@nordkai.example"),
		record.Phone: {{Text: "+372 5555 0172", Label: record.LabelMobile}}, made[2].Key: text("B"), made[3].Key: text("true"), made[4].Key: text("1"), made[5].Key: text("4.5"),
	}
	options := map[string]string{hubspot.OptionCompanies: hubspot.CompaniesAssociate, hubspot.OptionStage: "customer"}
	w := create(full)
	w.Options, w.Groups = options, []string{group}
	rs := apply(t, a.Connector, w, create(ownPerson(900).Fields), create(record.Fields{record.NameGiven: text("Broken"), record.Email: text("not-an-email")}))
	a.must(rs[0].Err)
	if stored := got(t, a.Connector, rs[0].ID).Item; stored.Version != rs[0].Version || stored.Record.Fields.First(made[2].Key) != "B" || rs[2].Err == nil {
		t.Errorf("stored %+v; %v", stored, rs[2].Err)
	}
	empty := record.Fields{}
	for k := range full {
		if k != record.NameGiven {
			empty[k] = []record.Value{}
		}
	}
	a.clock.Advance(time.Minute)
	u := apply(t, a.Connector, connector.Write{Op: connector.Update, ID: rs[0].ID, Fields: empty, Current: rs[0].Item})[0]
	a.must(u.Err)
	a.must(apply(t, a.Connector, connector.Write{Op: connector.Update, ID: rs[0].ID, Fields: record.Fields{record.OrgName: text("北野精機")}, Current: u.Item, Options: options})[0].Err)
	many := make([]record.Record, 110)
	for i := range many {
		many[i] = ownPerson(i)
	}
	a.putIn("", many...)
	in := a.putIn(segment, ownPerson(901))[0]
	for _, scope := range []connector.Scope{{}, {Owned: true}, {Groups: []string{group}, Owned: true}} {
		_, _, cursor := listing(t, a.Connector, scope, "")
		a.clock.Advance(2 * time.Minute)
		a.must(a.box.Edit(mira, in, record.Fields{record.OrgTitle: text(fmt.Sprint("title ", a.clock.Now().Unix()))}))
		a.clock.Advance(2 * time.Minute)
		if items, _, _ := listing(t, a.Connector, scope, cursor); items[in] != connector.InScope {
			t.Errorf("%+v: the edit shows as %v", scope, items)
		}
		if _, _, err := a.Members(t.Context(), scope, ""); err != nil {
			t.Error(err)
		}
	}
	if _, err := a.open().Get(t.Context(), nil, []string{in, rs[0].ID, "99999901"}); err != nil {
		t.Error(err)
	}
	a.must(apply(t, a.Connector, connector.Write{Op: connector.Delete, ID: rs[0].ID})[0].Err)
}
