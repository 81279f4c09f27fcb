package dynamics_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/dynamics"
	"meibo/shared/record"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

const (
	site = "kitano.crm7.dynamics.com"
	api  = "/api/data/v9.2/"
	me   = "b07c2d60-11aa-4d11-aad1-000d3a4f5e6d"
	org  = "99ab2233-bbbb-4d11-aad1-000d3a4f5e6d"
)

// id is the n-th id of a row.
func id(n int) string { return fmt.Sprintf("%08d-9b1d-4e11-8f6d-000d3a1b2c3d", n) }

// call is one operation that a connector made of a scripted vendor, alone or as a part of a batch.
type call struct {
	method, path string // path is below the API
	query        url.Values
	header       http.Header
	body         map[string]any
	batched      bool
}

func (c call) op() string { return c.method + " " + c.path }

// reply is one scripted answer; status 0 cuts the connection.
type reply struct {
	status int
	body   string
	header map[string]string
}

// script is a vendor that answers as a test says. What it says of itself (columns, the user, privileges) it answers by itself.
type script struct {
	t        *testing.T
	clock    *clock.Virtual
	depth    map[string]string // of prvReadContact and so on; nil means that it does not tell
	untraced bool              // changes are not tracked
	custom   string            // attributes besides the usual ones
	secured  string            // a column
	// privileges is what it says of them instead, if it is not "".
	privileges string
	answer     func(c call) reply
	whole      func(parts []call) *reply // answers a batch as a whole, if it returns one

	mu    sync.Mutex
	calls []call
	https int // requests, but those for what it says of itself
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Host != site {
		s.t.Errorf("a request went to %s", r.URL.Host)
	}
	for name, want := range map[string]string{"OData-Version": "4.0", "OData-MaxVersion": "4.0", "Accept": "application/json"} {
		if r.Header.Get(name) != want {
			s.t.Errorf("%s: header %s is %q", r.URL.Path, name, r.Header.Get(name))
		}
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	var a reply
	if r.URL.Path == api+"$batch" {
		a = s.batch(r, body)
	} else {
		c := s.read(r, body)
		if !s.own(c) {
			s.https++
		}
		a = s.one(c)
	}
	if a.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	h := http.Header{"Date": {s.clock.Now().Format(http.TimeFormat)}, "Content-Type": {"application/json"}}
	for k, v := range a.header {
		h.Set(k, v)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func (s *script) read(r *http.Request, body []byte) call {
	c := call{method: r.Method, path: strings.TrimPrefix(r.URL.Path, api), query: r.URL.Query(), header: r.Header}
	if len(body) > 0 && (json.Unmarshal(body, &c.body) != nil || r.Header.Get("Content-Type") != "application/json") {
		s.t.Errorf("%s: the body is no JSON object, or not said to be", c.op())
	}
	return c
}

// batch takes a batch apart, answers each of its operations, and puts the answers together.
func (s *script) batch(r *http.Request, body []byte) reply {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || bytes.Count(body, []byte("\n")) != bytes.Count(body, []byte("\r\n")) || r.Header.Get("Prefer") != "odata.continue-on-error" {
		s.t.Errorf("the batch is not in order: %v", err)
	}
	var list []call
	in := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		p, err := in.NextRawPart()
		if err != nil {
			break
		}
		text, _ := io.ReadAll(p)
		// ReadRequest wants to know how long the body is, which a part does not say.
		head, rest, _ := bytes.Cut(text, []byte("\r\n\r\n"))
		inner, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("\r\n\r\n"))))
		if err != nil || p.Header.Get("Content-Type") != "application/http" {
			s.t.Errorf("a part is not in order: %v", err)
			continue
		}
		c := s.read(inner, rest)
		c.batched = true
		list = append(list, c)
	}
	if len(list) > 1000 {
		s.t.Errorf("a batch has %d operations", len(list))
	}
	if len(list) == 0 || !s.own(list[0]) {
		s.https++
	}
	if s.whole != nil && !s.own(list[0]) {
		if a := s.whole(list); a != nil {
			return *a
		}
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, c := range list {
		a := s.one(c)
		if a.status == 0 {
			return a
		}
		p, _ := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}})
		fmt.Fprintf(p, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n", a.status, http.StatusText(a.status))
		for k, v := range a.header {
			fmt.Fprintf(p, "%s: %s\r\n", k, v)
		}
		fmt.Fprintf(p, "\r\n%s", a.body)
	}
	w.Close()
	return reply{status: 200, body: out.String(), header: map[string]string{"Content-Type": "multipart/mixed; boundary=" + w.Boundary()}}
}

// own reports whether the vendor answers c by itself.
func (s *script) own(c call) bool {
	return c.path == "WhoAmI" || c.path == "privileges" || strings.HasPrefix(c.path, "EntityDefinitions") || strings.HasSuffix(c.path, "RetrieveUserPrivileges()")
}

func (s *script) one(c call) reply {
	switch {
	case c.path == "WhoAmI":
		return reply{status: 200, body: fmt.Sprintf(`{"BusinessUnitId":%q,"UserId":%q,"OrganizationId":%q}`, org, me, org)}
	case c.path == "privileges" && s.privileges != "":
		return list(`{"privilegeid":"` + org + `","name":"prvReadContact"}`)
	case c.path == "privileges":
		return list()
	case strings.HasSuffix(c.path, "RetrieveUserPrivileges()"):
		if s.privileges != "" {
			return reply{status: 200, body: s.privileges}
		}
		if s.depth == nil {
			return refusal(404, "0x80060888", "no such function")
		}
		var all []string
		for name, depth := range s.depth {
			all = append(all, fmt.Sprintf(`{"Depth":%q,"PrivilegeId":%q,"PrivilegeName":%q}`, depth, org, name))
		}
		return reply{status: 200, body: `{"RolePrivileges":[` + strings.Join(all, ",") + `]}`}
	case strings.HasPrefix(c.path, "EntityDefinitions"):
		return s.metadata(c)
	}
	s.calls = append(s.calls, c)
	return s.answer(c)
}

// columnsOf are the columns of a table in the scripted organisation, with their lengths; the others have none.
func columnsOf(table string) map[string]int {
	m := map[string]int{"salutation": 100, "firstname": 50, "middlename": 50, "lastname": 50, "yomifirstname": 150, "yomimiddlename": 150, "yomilastname": 150,
		"emailaddress1": 100, "emailaddress2": 100, "emailaddress3": 100, "websiteurl": 200, "jobtitle": 100, "description": 2000,
		"telephone1": 50, "telephone2": 50, "telephone3": 50, "mobilephone": 50, "fax": 50, "pager": 50, "statecode": 0}
	for n := 1; n <= 3; n++ {
		for c, length := range map[string]int{"line1": 250, "line2": 250, "line3": 250, "city": 80, "stateorprovince": 50, "postalcode": 20, "country": 80, "postofficebox": 20} {
			m[fmt.Sprintf("address%d_%s", n, c)] = length
		}
	}
	if table == "lead" {
		m["companyname"], m["mobilephone"] = 100, 20
		return m
	}
	for _, c := range []string{"business2", "home2", "company", "assistantphone", "managerphone", "callback"} {
		m[c] = 50
	}
	m["suffix"], m["nickname"], m["department"], m["parentcustomerid"], m["birthdate"], m["anniversary"] = 10, 100, 100, 0, 0, 0
	return m
}

func (s *script) metadata(c call) reply {
	table, _, _ := strings.Cut(strings.TrimPrefix(c.path, "EntityDefinitions(LogicalName='"), "'")
	var all []string
	switch _, cast, _ := strings.Cut(c.path, "Microsoft.Dynamics.CRM."); {
	case !strings.Contains(c.path, "Attributes"):
		return reply{status: 200, body: fmt.Sprintf(`{"LogicalName":%q,"ChangeTrackingEnabled":%v}`, table, !s.untraced)}
	case cast == "":
		for name := range columnsOf(table) {
			all = append(all, fmt.Sprintf(`{"LogicalName":%q,"AttributeType":"String","DisplayName":{"UserLocalizedLabel":{"Label":%q}},"IsCustomAttribute":false,
				"IsValidForRead":true,"IsValidForCreate":true,"IsValidForUpdate":true,"IsSecured":%v}`, name, "The "+name, name == s.secured))
		}
		if s.custom != "" {
			all = append(all, s.custom)
		}
	case cast == "StringAttributeMetadata":
		for name, length := range columnsOf(table) {
			all = append(all, fmt.Sprintf(`{"LogicalName":%q,"MaxLength":%d,"Format":"Text"}`, name, length))
		}
	case cast == "PicklistAttributeMetadata":
		all = append(all, `{"LogicalName":"new_rank","OptionSet":{"Options":[{"Value":1,"Label":{"UserLocalizedLabel":{"Label":"Gold"}}},{"Value":2,"Label":{"UserLocalizedLabel":{"Label":"Tin"}}}]}}`)
	case cast == "DateTimeAttributeMetadata":
		all = append(all, `{"LogicalName":"new_since","Format":"DateOnly"}`, `{"LogicalName":"new_at","Format":"DateAndTime"}`)
	}
	return list(all...)
}

func attribute(name, kind string) string {
	return fmt.Sprintf(`{"LogicalName":%q,"AttributeType":%q,"DisplayName":{"UserLocalizedLabel":{"Label":"My %s"}},"IsCustomAttribute":true,
		"IsValidForRead":true,"IsValidForCreate":true,"IsValidForUpdate":true,"IsSecured":{"Value":false}}`, name, kind, name)
}

// all are the depths of a user who may do everything.
func all() map[string]string {
	m := map[string]string{"prvCreateAccount": "Global"}
	for _, verb := range []string{"Read", "Create", "Write", "Delete"} {
		m["prv"+verb+"Contact"], m["prv"+verb+"Lead"] = "Global", "Global"
	}
	return m
}

// scripted returns a connector on a vendor that answers as answer says.
func scripted(t *testing.T, answer func(c call) reply) (*dynamics.Connector, *script) {
	t.Helper()
	s := &script{t: t, clock: clock.NewVirtual(start, true), depth: all(), answer: answer}
	return s.open(dynamics.Config{}), s
}

func (s *script) open(cfg dynamics.Config) *dynamics.Connector {
	s.t.Helper()
	cfg.Client, cfg.Site, cfg.Clock = &http.Client{Transport: s}, site, s.clock
	c, err := dynamics.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// took returns the calls since the last time.
func (s *script) took() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.calls
	s.calls, s.https = nil, 0
	return out
}

func ops(calls []call) string {
	var out []string
	for _, c := range calls {
		out = append(out, c.op())
	}
	return strings.Join(out, "; ")
}

// list is a page without a way on; more is one with links.
func list(rows ...string) reply { return more("", "", rows...) }

func more(next, delta string, rows ...string) reply {
	links := ""
	if next != "" {
		links += fmt.Sprintf(`,"@odata.nextLink":%q`, next)
	}
	if delta != "" {
		links += fmt.Sprintf(`,"@odata.deltaLink":%q`, delta)
	}
	return reply{status: 200, body: `{"@odata.context":"x","value":[` + strings.Join(rows, ",") + `]` + links + `}`}
}

func link(rest string) string { return "https://" + site + api + rest }

func refusal(status int, code, text string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, text)}
}

func absent() reply { return refusal(404, "0x80040217", "contact With Id = x Does Not Exist") }

// row is a contact of an answer, with all its columns; set replaces some.
func row(n, version int, set map[string]any) string { return rowOf("contact", n, version, set) }

func rowOf(table string, n, version int, set map[string]any) string {
	m := map[string]any{"@odata.etag": fmt.Sprintf(`W/"%d"`, version), table + "id": id(n), "statecode": 0, "merged": false, "_masterid_value": nil,
		"_ownerid_value": me, "createdon": "2026-09-14T01:21:07Z", "modifiedon": start.Format(time.RFC3339)}
	for c := range columnsOf(table) {
		if _, had := m[c]; !had && c != "parentcustomerid" {
			m[c] = nil
		}
	}
	if table == "contact" {
		m["_parentcustomerid_value"] = nil
	}
	for k, v := range set {
		m[k] = v
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func text(s string) []record.Value { return []record.Value{{Text: s}} }

func create(f record.Fields) connector.Write { return connector.Write{Op: connector.Create, Fields: f} }

// only applies one write.
func only(t *testing.T, c connector.Connector, w connector.Write) connector.Result {
	t.Helper()
	rs, err := c.Apply(t.Context(), []connector.Write{w})
	if err != nil {
		t.Fatal(err)
	}
	return rs[0]
}

// item reads one row that is there.
func item(t *testing.T, c connector.Connector, n int) connector.Item {
	t.Helper()
	got, err := c.Get(t.Context(), nil, []string{id(n)})
	if err != nil || got[0].Status != connector.StatusFound {
		t.Fatalf("%+v, %v", got, err)
	}
	return got[0].Item
}

func page(t *testing.T, c connector.Connector, scope connector.Scope, cursor string) connector.Page {
	t.Helper()
	p, err := c.Changes(t.Context(), scope, cursor)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// names is who a page has, with "-" for those out of scope and "?" where that is open.
func names(p connector.Page) string {
	var out []string
	for _, it := range p.Changed {
		mark := map[connector.Membership]string{connector.OutOfScope: "-", connector.ScopeUnknown: "?"}[it.Scope]
		out = append(out, it.Record.Fields.First(record.NameGiven)+mark)
	}
	return strings.Join(out, ",")
}

func named(n int, name string) string { return row(n, 100+n, map[string]any{"firstname": name}) }
