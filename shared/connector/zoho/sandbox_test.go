package zoho_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/connectortest"
	"meibo/shared/connector/zoho"
	"meibo/shared/oauth"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	box "meibo/shared/sandbox/zoho"
)

const aiko = "aiko.morita@example.jp"

// account is one user's account at a sandbox of its own, reached through the real code flow.
type account struct {
	t        *testing.T
	box      *box.Sandbox
	clock    *clock.Virtual
	url      string
	provider zoho.Provider
	token    oauth.Token
	client   *http.Client
	*zoho.Connector
}

// authorised sets the account's token on each request.
type authorised struct {
	a    *account
	base http.RoundTripper
}

func (x authorised) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	x.a.provider.Authorize(r, x.a.token)
	return x.base.RoundTrip(r)
}

// over opens an account; requests pass through wrap on their way.
func over(t *testing.T, cfg box.Config, wrap func(http.RoundTripper) http.RoundTripper) *account {
	t.Helper()
	a := &account{t: t, clock: clock.NewVirtual(start, true)}
	cfg.Clock, cfg.Client, cfg.RedirectURIs, cfg.Seed = a.clock, sandbox.Client{ID: "1000.MEIBO", Secret: "box-secret"}, []string{consentURL}, 7
	var err error
	if a.box, err = box.New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := a.box.AddUser(box.User{Email: aiko, Name: "Aiko Morita"}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(a.box)
	t.Cleanup(srv.Close)
	a.url = srv.URL
	a.provider = zoho.Provider{AccountsServer: srv.URL, Clock: a.clock}
	a.token = a.consent(zoho.Scopes())
	base := srv.Client().Transport
	if wrap != nil {
		base = wrap(base)
	}
	a.client = &http.Client{Transport: authorised{a, base}}
	a.Connector = a.open()
	a.box.Faults().ResetCalls()
	return a
}

const consentURL = "https://meibo.example/consent/zoho"

// consent goes through the consent page as a person does, ticking scopes.
func (a *account) consent(scopes []string) oauth.Token { return a.consentOf(aiko, scopes) }

func (a *account) consentOf(user string, scopes []string) oauth.Token {
	a.t.Helper()
	c := oauth.Client{ID: "1000.MEIBO", Secret: "box-secret"}
	// RFC 7636, appendix B.
	verifier, challenge := "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	to := a.provider.AuthCodeURL(c, oauth.AuthRequest{RedirectURI: consentURL, State: "st", Challenge: challenge, LoginHint: user})
	hc := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := hc.PostForm(to, url.Values{"user": {user}, "scope": scopes, "decision": {"allow"}})
	if err != nil {
		a.t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		a.t.Fatalf("consent: status %d: %v", resp.StatusCode, err)
	}
	tok, err := a.provider.Exchange(ctx, http.DefaultClient, c, oauth.Return{Query: back.Query(), RedirectURI: consentURL, Verifier: verifier})
	if err != nil {
		a.t.Fatalf("Exchange: %v", err)
	}
	return tok
}

func (a *account) open() *zoho.Connector {
	c, err := zoho.New(zoho.Config{Client: a.client, APIDomain: a.token.Extra[zoho.ExtraAPIDomain], Clock: a.clock})
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

func (a *account) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *account) put(recs ...record.Record) []string {
	a.t.Helper()
	return connectortest.PutIn(a.t, a.box, aiko, "", recs...)
}

// native is what the sandbox holds of a contact, member by member, without what every write changes.
func (a *account) native(id string) map[string]string {
	a.t.Helper()
	m, ok := connectortest.Native[map[string]json.RawMessage](a.t, a.box, aiko, id)
	if !ok {
		return nil
	}
	out := map[string]string{}
	for k, v := range m {
		if !slices.Contains([]string{"Modified_Time", "Modified_By", "Last_Activity_Time", "Change_Log_Time__s"}, k) {
			out[k] = string(v)
		}
	}
	return out
}

// nativeOf says which members a write of a field may change.
func nativeOf(k record.Key) []string {
	if api, ok := k.CustomName(); ok {
		return []string{api}
	}
	return map[record.Key][]string{
		record.NamePrefix: {"Salutation", "Full_Name"}, record.NameGiven: {"First_Name", "Full_Name"}, record.NameFamily: {"Last_Name", "Full_Name"},
		record.Email: {"Email", "Secondary_Email"}, record.Phone: {"Phone", "Mobile", "Home_Phone", "Other_Phone", "Asst_Phone", "Fax"},
		record.Address: {"Mailing_Street", "Mailing_City", "Mailing_State", "Mailing_Zip", "Mailing_Country", "Other_Street", "Other_City", "Other_State", "Other_Zip", "Other_Country"},
		record.IM:      {"Skype_ID"}, record.OrgName: {"Account_Name"}, record.OrgDepartment: {"Department"}, record.OrgTitle: {"Title"},
		record.Birthday: {"Date_of_Birth"}, record.Note: {"Description"},
	}[k]
}

// post sends a body to the API as another program would, and returns the id of the one record that it wrote.
func (a *account) post(path, body string) string {
	a.t.Helper()
	resp, err := a.client.Post(a.url+"/crm/v8"+path, "application/json", strings.NewReader(body))
	a.must(err)
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	a.must(err)
	var out struct {
		Data []struct {
			Details struct {
				ID string `json:"id"`
			} `json:"details"`
		} `json:"data"`
	}
	if json.Unmarshal(b.Bytes(), &out) != nil || len(out.Data) != 1 || out.Data[0].Details.ID == "" {
		a.t.Fatalf("POST %s: %s", path, b.String())
	}
	return out.Data[0].Details.ID
}

// rich adds a contact that also has what the connector does not map.
func (a *account) rich() string {
	boss := a.put(record.Record{Kind: record.Contact, Fields: record.Fields{record.NameFamily: {{Text: "Boss"}}}})[0]
	firm := a.post("/Accounts", `{"data":[{"Account_Name":"北野精機"}],"trigger":[]}`)
	return a.post("/Contacts", fmt.Sprintf(`{"data":[{"Salutation":"Dr.","First_Name":"春人","Last_Name":"神崎","Email":"h@example.co.jp","Secondary_Email":"h2@example.co.jp",
		"Title":"部長","Department":"購買","Phone":"03-5555-0142","Mobile":"090-5555-0187","Home_Phone":"03-1","Other_Phone":"03-2","Asst_Phone":"03-3","Fax":"03-4",
		"Account_Name":{"id":%q},"Reporting_To":{"id":%q},"Assistant":"Sato","Lead_Source":"Web Research","Twitter":"haruto","Skype_ID":"haruto.k","Email_Opt_Out":true,
		"Mailing_Street":"丸の内2-4-1\n3F","Mailing_City":"千代田区","Mailing_State":"東京都","Mailing_Zip":"100-0005","Mailing_Country":"日本",
		"Other_Street":"1 Main St","Other_City":"Springfield","Other_State":"IL","Other_Zip":"62701","Other_Country":"USA",
		"Description":"一行目\n二行目","Date_of_Birth":"1980-02-29"}],"trigger":[]}`, firm, boss))
}

// customFields are made for every account of the suite, one of each type that is synced.
var customFields = []struct {
	label, kind string
	choices     []string
}{
	{"Yomi", "text", nil}, {"Memo", "textarea", nil}, {"Other mail", "email", nil}, {"Extra phone", "phone", nil}, {"Homepage", "website", nil},
	{"Since", "date", nil}, {"Rank", "picklist", []string{"A", "B"}}, {"Score", "double", nil}, {"VIP", "boolean", nil},
}

func harness(t *testing.T, wrap func(*testing.T) func(http.RoundTripper) http.RoundTripper) connectortest.Harness {
	contacts := func(method string) sandbox.Fault { return sandbox.Fault{Method: method, Path: "/crm/v8/Contacts"} }
	return connectortest.Harness{
		Open: func(t *testing.T) *connectortest.Account {
			a := over(t, box.Config{}, wrap(t))
			for _, f := range customFields {
				_, err := a.box.AddField(aiko, f.label, f.kind, f.choices, false)
				a.must(err)
			}
			group, err := a.box.AddView(aiko, "重要顧客", &box.Criteria{Field: "Department", Comparator: "equal", Value: "VIP"}, true)
			a.must(err)
			return &connectortest.Account{
				Connector: a.Connector,
				Reopen:    func() connector.Connector { return a.open() },
				Clock:     a.clock,
				Put:       a.put,
				Edit:      func(id string, f record.Fields) { a.must(a.box.Edit(aiko, id, f)) },
				Remove:    func(id string) { a.must(a.box.Remove(aiko, id)) },
				Native:    a.native,
				NativeOf:  nativeOf,
				Rich:      a.rich,
				Fault:     func(f sandbox.Fault) { a.box.Faults().Add(f) },
				ClearFaults: func() {
					a.box.Faults().Clear()
				},
				ExpireCursors: func() { a.must(a.box.ExpireCursors(aiko)) },
				RevokeAccess: func() {
					a.must(a.box.RevokeUser(aiko))
					a.must(a.box.ExpireAccess(aiko))
				},
				ResetCalls: func() { a.box.Faults().ResetCalls() },
				Calls:      func() int { return a.box.Faults().Total() },
				Requests: connectortest.Requests{List: contacts(http.MethodGet), Get: contacts(http.MethodGet),
					Create: contacts(http.MethodPost), Update: contacts(http.MethodPut), Delete: contacts(http.MethodDelete)},
				Throttled: sandbox.Fault{Status: 429, Body: `{"code":"TOO_MANY_REQUESTS","details":{},"message":"Too many requests","status":"error"}`},
				EmptyList: sandbox.Fault{Status: 200, Body: `{"data":[],"info":{"per_page":200,"count":0,"page":1,"more_records":false}}`},
				Refused:   record.Fields{record.Email: {{Text: "not an address", Label: record.LabelWork}}},
				Missing:   []string{"5843201009999999901", "5843201009999999902"},
				Group:     group,
				PutIn: func(_ string, recs ...record.Record) []string {
					for i := range recs {
						recs[i].Fields[record.OrgDepartment] = []record.Value{{Text: "VIP"}}
					}
					return a.put(recs...)
				},
			}
		},
		Exceptions: map[string]string{
			"faults/an expired cursor says so and a full listing follows": "a cursor between two listings holds a time, which does not expire; page tokens do, see TestExpiredPageTokens",
			"round trip/custom:VIP": "a checkbox of Zoho's has no empty state",
		},
	}
}

func TestConformance(t *testing.T) {
	connectortest.Run(t, harness(t, func(*testing.T) func(http.RoundTripper) http.RoundTripper { return nil }))
}

func TestRequestsFollowTheDescription(t *testing.T) {
	seen := newDescribed(t)
	a := over(t, box.Config{}, func(base http.RoundTripper) http.RoundTripper { seen.base = base; return seen })
	view, err := a.box.AddView(aiko, "VIP", &box.Criteria{Field: "Department", Comparator: "equal", Value: "VIP"}, true)
	a.must(err)
	exercise(t, a, view)
	for _, op := range []string{"GET /users", "GET /org", "GET /settings/modules/{moduleIdentifier}", "GET /settings/profiles/{id}", "GET /settings/fields", "GET /settings/custom_views",
		"GET /{module}", "GET /{module}/deleted", "GET /{module}/{recordId}/__timeline", "POST /{module}", "PUT /{module}", "DELETE /{module}", "POST /{module}/upsert", "POST /coql"} {
		if seen.ops[op] == 0 {
			t.Errorf("%s was not called: %v", op, seen.ops)
		}
	}
}

// exercise makes the connector send every kind of request.
func exercise(t *testing.T, a *account, view string) {
	t.Helper()
	// A limited field makes the connector ask whose profile it is.
	a.must(a.box.SetFieldPermission(aiko, "Standard", "Fax", "hidden"))
	if _, err := a.Identify(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Groups(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := a.MakeField(ctx, record.Field{Key: record.Custom("Yomi"), Name: "Yomi", Type: record.TypeText}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Describe(ctx); err != nil {
		t.Fatal(err)
	}
	var ws []connector.Write
	for i := range 210 {
		ws = append(ws, connector.Write{Op: connector.Create, Fields: record.Fields{record.NameFamily: {{Text: fmt.Sprint("F", i)}},
			record.OrgName: {{Text: fmt.Sprint("Firm ", i%3)}}, record.OrgDepartment: {{Text: "VIP"}}, record.Custom("Yomi"): {{Text: "ヨミ"}}}})
	}
	var ids []string
	for chunk := range slices.Chunk(ws, 100) {
		for _, r := range apply(t, a, chunk...) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			ids = append(ids, r.ID)
		}
	}
	a.clock.Advance(time.Minute)
	for _, scope := range []connector.Scope{{}, {Groups: []string{view}}} {
		var cur string
		for range 2 {
			for more := true; more; {
				p := page(t, a, scope, cur)
				cur, more = p.Next, p.More
			}
			it := read(t, a, ids[0])[0]
			rs := apply(t, a, connector.Write{Op: connector.Update, ID: ids[0], Current: &it, Fields: record.Fields{record.NameGiven: {{Text: "G" + it.Version}}}})
			if rs[0].Err != nil {
				t.Fatal(rs[0].Err)
			}
			a.clock.Advance(time.Minute)
		}
	}
	for cur := "x"; cur != ""; {
		var err error
		if cur == "x" {
			cur = ""
		}
		if _, cur, err = a.Members(ctx, connector.Scope{Groups: []string{view}}, cur); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Provenance(ctx, ids[0]); err != nil {
		t.Fatal(err)
	}
	apply(t, a, connector.Write{Op: connector.Delete, ID: ids[1]})
}
