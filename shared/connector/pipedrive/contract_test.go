package pipedrive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"meibo/shared/connector"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/oauth"
	"meibo/shared/record"
	box "meibo/shared/sandbox/pipedrive"
)

// checkOrigin is the origin under which the descriptions' addresses are checked, whatever the sandbox's is.
const checkOrigin = "https://checked.example"

// descriptions are Pipedrive's own, kept beside the repository, with the prefix of their addresses.
var descriptions = map[string]string{"pipedrive-v2.json": "/api/v2", "pipedrive-v1.json": "/api/v1", "pipedrive-oauth.json": ""}

// specRouters loads the descriptions, with what is known to be missing in them.
var specRouters = sync.OnceValues(func() (map[string]routers.Router, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil, os.ErrNotExist
		}
		dir = parent
	}
	folder := filepath.Join(dir, "..", "shared", "vendors", "specs")
	out := map[string]routers.Router{}
	for name, prefix := range descriptions {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		if patch, err := os.ReadFile(filepath.Join(folder, "overlays", strings.TrimSuffix(name, ".json")+".patch.json")); err == nil {
			if b, err = overlaid(b, patch); err != nil {
				return nil, err
			}
		}
		doc, err := openapi3.NewLoader().LoadFromData(b)
		if err != nil {
			return nil, err
		}
		doc.Servers = openapi3.Servers{{URL: checkOrigin + prefix}}
		for _, item := range doc.Paths.Map() {
			item.Servers = nil
			for _, op := range item.Operations() {
				op.Servers = nil
			}
		}
		if out[prefix], err = legacy.NewRouter(doc); err != nil {
			return nil, err
		}
	}
	return out, nil
})

// overlaid applies the additions of an RFC 6902 patch.
func overlaid(doc, patch []byte) ([]byte, error) {
	var root any
	var ops []struct {
		Op, Path string
		Value    any
	}
	if err := json.Unmarshal(doc, &root); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(patch, &ops); err != nil {
		return nil, err
	}
	plain := strings.NewReplacer("~1", "/", "~0", "~")
	for _, op := range ops {
		steps := strings.Split(op.Path, "/")[1:]
		at := root
		for i, s := range steps {
			s = plain.Replace(s)
			switch x := at.(type) {
			case map[string]any:
				if i == len(steps)-1 {
					x[s] = op.Value
				}
				at = x[s]
			case []any:
				n := 0
				if _, err := fmt.Sscan(s, &n); err != nil || n >= len(x) {
					return nil, fmt.Errorf("overlay: no %s", op.Path)
				}
				at = x[n]
			default:
				return nil, fmt.Errorf("overlay: no %s", op.Path)
			}
		}
	}
	return json.Marshal(root)
}

// contract returns the descriptions, or skips the test where they are not there.
func contract(t *testing.T) map[string]routers.Router {
	t.Helper()
	r, err := specRouters()
	if err != nil && os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
		t.Fatalf("the descriptions of the API are required here: %v", err)
	}
	if os.IsNotExist(err) {
		t.Skip("Pipedrive's API descriptions are not beside this repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
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
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := d.base.RoundTrip(r)
	if err != nil || strings.HasPrefix(r.URL.Path, "/pictures/") {
		return resp, err
	}
	answer, _ := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	if err := d.check(r, body, resp, answer); err != nil {
		d.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	return resp, nil
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
	check, err := http.NewRequest(r.Method, checkOrigin+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	check.Header = r.Header
	route, params, err := d.routers[prefix].FindRoute(check)
	if err != nil {
		return err
	}
	in := &openapi3filter.RequestValidationInput{Request: check, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		return err
	}
	for q := range check.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", q) == nil && route.PathItem.Parameters.GetByInAndName("query", q) == nil {
			return fmt.Errorf("the description has no parameter %q", q)
		}
	}
	d.mu.Lock()
	d.ops[r.Method+" "+prefix+route.Path]++
	d.mu.Unlock()
	if resp.StatusCode >= 300 { // the documents describe success
		return nil
	}
	return openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode,
		Header: resp.Header, Body: io.NopCloser(bytes.NewReader(answer)), Options: in.Options})
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
	seen := &described{t: t, routers: contract(t), ops: map[string]int{}}
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
