package dynamics_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"meibo/shared/connector"
	"meibo/shared/connector/dynamics"
	"meibo/shared/contract"
	"meibo/shared/record"
)

// checkOrigin is the origin under which the document's addresses are checked, whatever the sandbox's is.
const checkOrigin = "https://checked.example/api/data/v9.2"

// descriptions has every key as a segment of its own: a router knows parameters only as whole segments.
var descriptions = contract.Shelf{Amend: func(d *openapi3.T) {
	for path, item := range d.Paths.Map() {
		d.Paths.Delete(path)
		d.Paths.Set(strings.ReplaceAll(path, "({key})", "/{key}"), item)
	}
}}

// undescribed are the calls that the sheet has and the document has not.
func undescribed() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`^GET /EntityDefinitions\(LogicalName='[a-z]+'\)`), // the document has the list only
		regexp.MustCompile(`^GET /systemusers\([0-9a-f-]{36}\)/Microsoft\.Dynamics\.CRM\.RetrieveUserPrivileges\(\)$`),
		regexp.MustCompile(`^GET /privileges$`),
		regexp.MustCompile(`^GET /lists\([0-9a-f-]{36}\)$`),
		regexp.MustCompile(`^(GET|PATCH) /accounts\([0-9a-f-]{36}\)$`),
		regexp.MustCompile(`^DELETE /contacts\([0-9a-f-]{36}\)/parentcustomerid_account/\$ref$`),
	}
}

// described checks every request and answer that pass through it, and those inside of batches.
type described struct {
	t      *testing.T
	router routers.Router
	base   http.RoundTripper

	mu  sync.Mutex
	ops map[string]int
}

func (d *described) RoundTrip(r *http.Request) (*http.Response, error) {
	return contract.Transport{Base: d.base, See: d.see}.RoundTrip(r)
}

func (d *described) see(r *http.Request, body []byte, resp *http.Response, answer []byte) {
	if !strings.HasSuffix(r.URL.Path, "/$batch") {
		d.check(r, body, resp, answer)
		return
	}
	d.mu.Lock()
	d.ops["POST /$batch"]++
	d.mu.Unlock()
	asked, answered := pieces(d.t, r.Header, body), pieces(d.t, resp.Header, answer)
	if len(asked) != len(answered) {
		d.t.Errorf("%d operations have %d answers", len(asked), len(answered))
		return
	}
	for i := range asked {
		head, body, _ := bytes.Cut(asked[i], []byte("\r\n\r\n"))
		in, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(bytes.Clone(head), "\r\n\r\n"...))))
		if err != nil {
			d.t.Errorf("operation %d: %v", i, err)
			continue
		}
		out, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answered[i])), in)
		if err != nil {
			d.t.Errorf("answer %d: %v", i, err)
			continue
		}
		text, _ := io.ReadAll(out.Body)
		d.check(in, body, out, text)
	}
}

func pieces(t *testing.T, h http.Header, body []byte) (out [][]byte) {
	_, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Errorf("a batch of type %q: %v", h.Get("Content-Type"), err)
		return nil
	}
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err != nil {
			return out
		}
		b, _ := io.ReadAll(p)
		out = append(out, b)
	}
}

func (d *described) check(r *http.Request, body []byte, resp *http.Response, answer []byte) {
	_, rest, _ := strings.Cut(r.URL.EscapedPath(), "/api/data/v9.2")
	op := r.Method + " " + strings.ReplaceAll(strings.ReplaceAll(rest, "%28", "("), "%29", ")")
	for _, known := range undescribed() {
		if known.MatchString(op) {
			d.mu.Lock()
			d.ops[known.String()]++
			d.mu.Unlock()
			return
		}
	}
	if err := d.compare(r, rest, body, resp, answer); err != nil {
		d.t.Errorf("%s: %v", op, err)
	}
}

var keyed = regexp.MustCompile(`\(([0-9a-f-]{36})\)`)

func (d *described) compare(r *http.Request, rest string, body []byte, resp *http.Response, answer []byte) error {
	rest = keyed.ReplaceAllString(rest, "/$1")
	// Microsoft's page on associating rows takes a reference away with null, which the document does not have.
	body = bytes.ReplaceAll(body, []byte(`"parentcustomerid_account@odata.bind":null`), []byte(`"@odata.type":"#Microsoft.Dynamics.CRM.contact"`))
	c, err := contract.Routed(r, body, checkOrigin+rest+"?"+r.URL.RawQuery, d.router)
	if err != nil {
		return err
	}
	if r.Method == http.MethodPatch {
		c.Except("$select") // what is returned; the document has the header for it and not this
	}
	if err := errors.Join(c.Request(), c.Parameters()); err != nil {
		return err
	}
	d.mu.Lock()
	d.ops[r.Method+" "+c.Route.Path]++
	d.mu.Unlock()
	header := resp.Header
	if header.Get("Content-Type") == "" {
		header = http.Header{"Content-Type": {"application/json"}}
	}
	return c.Answer(resp.StatusCode, header, answer)
}

func TestRequestsAndAnswersAreDescribed(t *testing.T) {
	for _, object := range []string{dynamics.ObjectContacts, dynamics.ObjectLeads} {
		t.Run(object, func(t *testing.T) {
			w := newWorld(t, object)
			d := &described{t: t, router: descriptions.Router(t, "dataverse-v9.2.handwritten.openapi.json", checkOrigin), base: w.base, ops: map[string]int{}}
			w.base = d
			c := w.open(func(c *dynamics.Config) { c.PageSize = 2 })
			if _, err := c.(connector.Identifier).Identify(t.Context()); err != nil {
				t.Fatal(err)
			}
			id := w.rich()
			w.put("", given(1), given(2))
			gs, err := c.(connector.Grouper).Groups(t.Context())
			w.must(err)
			var list string
			for _, g := range gs {
				if strings.HasPrefix(g.ID, "list:") {
					list = g.ID
				}
				_, _, err := c.(connector.MemberScanner).Members(t.Context(), connector.Scope{Groups: []string{g.ID}, Owned: true}, "")
				w.must(err)
			}
			l := whole(t, c, connector.Scope{Groups: []string{list}}, "")
			f := record.Fields{record.NameGiven: text("A"), record.OrgName: text("Added here"), record.Note: text("x\ny")}
			f[record.Email] = []record.Value{{Text: "a@example.com"}}
			wr := create(f)
			wr.Groups, wr.Mark = []string{list}, "mark"
			made := only(t, c, wr)
			w.must(made.Err)
			w.must(only(t, c, wr).Err) // as after a crash
			w.must(only(t, c, update(*made.Item, record.Fields{record.NameGiven: {}, record.OrgName: {}})).Err)
			if r := only(t, c, update(*made.Item, record.Fields{record.NameGiven: text("stale")})); r.Err == nil {
				t.Error("a stale update succeeded")
			}
			got, err := c.Get(t.Context(), nil, []string{id, made.ID, "0c2f7a10-5d11-4e11-8f6d-000d3a1b2c3d"})
			w.must(err)
			it := got[1].Item
			w.must(only(t, c, connector.Write{Op: connector.Delete, ID: it.ID, Current: &it}).Err)
			w.must(w.box.Remove(aiko, id))
			if l = whole(t, c, connector.Scope{}, l.Next); len(l.Deleted) != 1 && len(l.Deleted) != 2 {
				t.Errorf("%d deletions", len(l.Deleted))
			}
			w.must(w.box.SetTracking(aiko, strings.TrimSuffix(object, "s"), false))
			fresh := w.open()
			l = whole(t, fresh, connector.Scope{Owned: true}, "")
			whole(t, fresh, connector.Scope{}, l.Next)
			want := []string{"GET /" + object, "GET /" + object + "/{key}", "PATCH /" + object + "/{key}", "DELETE /" + object + "/{key}", "GET /WhoAmI", "GET /systemusers", "GET /lists",
				"GET /savedqueries", "GET /userqueries", "GET /listmembers", "POST /lists/{key}/Microsoft.Dynamics.CRM.AddMemberList", "POST /$batch"}
			if object == dynamics.ObjectContacts {
				want = append(want, "GET /accounts")
			}
			for _, op := range want {
				if d.ops[op] == 0 {
					t.Errorf("%s was not called; called were %v", op, d.ops)
				}
			}
		})
	}
}

// The columns that are named here exist, and the lengths that are told are the published ones.
func TestColumnsAreThePublishedOnes(t *testing.T) {
	type columns struct {
		Tables map[string]struct {
			Attributes []struct {
				Name     string `json:"logicalName"`
				Length   int    `json:"maxLength"`
				ReadOnly bool   `json:"readOnly"`
			} `json:"attributes"`
		} `json:"tables"`
	}
	published := contract.Decode[columns](t, "dataverse-contact-lead-attributes.json")
	for table, object := range map[string]string{"contact": dynamics.ObjectContacts, "lead": dynamics.ObjectLeads} {
		length := map[string]int{}
		for _, a := range published.Tables[table].Attributes {
			if length[a.Name] = a.Length; a.ReadOnly {
				length[a.Name] = -1
			}
		}
		w := newWorld(t, object)
		c := w.open()
		d, err := c.Describe(t.Context())
		w.must(err)
		for _, f := range d.Fields {
			if f.ReadOnly {
				t.Errorf("%s: %s cannot be written", table, f.Key)
			}
			longest := 0
			for _, column := range columnsFor(f.Key) {
				n, known := length[column]
				if n < 0 {
					t.Errorf("%s: %s is read only", table, column)
				}
				if known {
					longest = max(longest, n)
				}
			}
			if f.Key != record.OrgName && f.Key != record.Address && f.Length != longest {
				t.Errorf("%s: %s has length %d, want %d", table, f.Key, f.Length, longest)
			}
		}
		var asked string
		w.base = spy{w.base, func(r *http.Request) {
			if r.URL.Path == api+object {
				asked = r.URL.Query().Get("$select")
			}
		}}
		whole(t, w.open(), connector.Scope{}, "")
		for _, column := range strings.Split(asked, ",") {
			name, _ := strings.CutPrefix(column, "_")
			name = strings.TrimSuffix(name, "_value")
			if _, ok := length[name]; !ok {
				t.Errorf("%s: no column %s is published", table, column)
			}
		}
	}
}

type spy struct {
	base http.RoundTripper
	see  func(*http.Request)
}

func (s spy) RoundTrip(r *http.Request) (*http.Response, error) {
	s.see(r)
	return s.base.RoundTrip(r)
}
