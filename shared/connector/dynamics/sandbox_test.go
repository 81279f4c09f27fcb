package dynamics_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
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
	"meibo/shared/connector/dynamics"
	"meibo/shared/oauth"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	box "meibo/shared/sandbox/dynamics"
)

const (
	aiko     = "aiko@kitano.example"
	ben      = "ben@kitano.example"
	redirect = "https://meibo.example/consent"
	verifier = "0123456789012345678901234567890123456789012345678901234567890123"
)

func app() oauth.Client { return oauth.Client{ID: "client", Secret: "s3cret"} }

// world is one user's account at a sandbox of its own.
type world struct {
	t      *testing.T
	box    *box.Sandbox
	clock  *clock.Virtual
	url    string
	base   http.RoundTripper
	object string
	token  oauth.Token
}

// authorised sets the account's token on each request.
type authorised struct{ w *world }

func (x authorised) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	x.w.provider().Authorize(r, x.w.token)
	return x.w.base.RoundTrip(r)
}

func newWorld(t *testing.T, object string, change ...func(*box.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewVirtual(start, true), object: object}
	cfg := box.Config{Clock: w.clock, Client: sandbox.Client{ID: app().ID, Secret: app().Secret}, RedirectURIs: []string{redirect}, Limits: box.Unlimited(), Seed: 7}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	w.box, err = box.New(cfg)
	w.must(err)
	w.must(w.box.AddUser(box.User{Email: aiko, Name: "Aiko Tanaka", Object: object}))
	srv := httptest.NewServer(w.box)
	t.Cleanup(srv.Close)
	w.url, w.base = srv.URL, srv.Client().Transport
	access, refresh, err := w.box.Authorize(aiko)
	w.must(err)
	w.token = oauth.Token{Access: access, Refresh: refresh, Extra: map[string]string{dynamics.ExtraSite: site}}
	w.box.Faults().ResetCalls()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) provider() dynamics.Provider {
	return dynamics.Provider{Endpoints: dynamics.Endpoints{Authority: w.url}, Clock: w.clock}
}

func (w *world) open(change ...func(*dynamics.Config)) connector.Connector {
	w.t.Helper()
	cfg := dynamics.Config{Client: &http.Client{Transport: authorised{w}}, Site: w.token.Extra[dynamics.ExtraSite], BaseURL: w.url, Clock: w.clock,
		Patience: time.Minute, Visibility: time.Minute, Limits: dynamics.DefaultLimits()}
	for _, f := range change {
		f(&cfg)
	}
	c, err := dynamics.New(cfg)
	w.must(err)
	view, err := c.Choose(map[string]string{dynamics.OptionObject: w.object})
	w.must(err)
	return view
}

func (w *world) put(list string, recs ...record.Record) []string {
	w.t.Helper()
	return connectortest.PutIn(w.t, w.box, aiko, list, recs...)
}

// native is what the sandbox holds of a row, by column, without what every write changes and what is made from other columns.
func (w *world) native(id string) map[string]string {
	w.t.Helper()
	m, ok := connectortest.Native[map[string]json.RawMessage](w.t, w.box, aiko, id)
	if !ok {
		return nil
	}
	out := map[string]string{}
	for k, v := range m {
		switch k {
		case "@odata.etag", "versionnumber", "modifiedon", "modifiedon@OData.Community.Display.V1.FormattedValue", "fullname", "yomifullname":
			continue
		}
		if strings.Contains(k, "_composite") || strings.HasPrefix(k, "_modifiedby") || strings.HasPrefix(k, "versionnumber") {
			continue
		}
		out[k] = string(v)
	}
	return out
}

// columnsFor are the columns that a write of a field may change.
func columnsFor(k record.Key) []string {
	if column, ok := k.CustomName(); ok {
		return []string{column, column + "@OData.Community.Display.V1.FormattedValue"}
	}
	one := map[record.Key]string{record.NamePrefix: "salutation", record.NameGiven: "firstname", record.NameMiddle: "middlename", record.NameFamily: "lastname",
		record.NameSuffix: "suffix", record.Nickname: "nickname", record.NamePhoneticGiven: "yomifirstname", record.NamePhoneticMiddle: "yomimiddlename",
		record.NamePhoneticFamily: "yomilastname", record.OrgDepartment: "department", record.OrgTitle: "jobtitle", record.URL: "websiteurl", record.Note: "description",
		record.Birthday: "birthdate", record.Event: "anniversary"}
	switch k {
	case record.Email:
		return []string{"emailaddress1", "emailaddress2", "emailaddress3"}
	case record.Phone:
		return []string{"telephone1", "telephone2", "telephone3", "mobilephone", "fax", "pager", "company", "business2", "home2", "assistantphone", "managerphone", "callback"}
	case record.Relation:
		return []string{"spousesname", "assistantname", "managername"}
	case record.OrgName:
		v := "_parentcustomerid_value"
		return []string{"companyname", v, v + "@Microsoft.Dynamics.CRM.lookuplogicalname", v + "@OData.Community.Display.V1.FormattedValue",
			v + "@Microsoft.Dynamics.CRM.associatednavigationproperty", "_accountid_value", "_parentcontactid_value"}
	case record.Address:
		var out []string
		for n := 1; n <= 3; n++ {
			for _, c := range []string{"line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country", "postofficebox"} {
				out = append(out, fmt.Sprintf("address%d_%s", n, c))
			}
		}
		return out
	}
	c := one[k]
	return []string{c, c + "@OData.Community.Display.V1.FormattedValue"}
}

// custom are the columns that the organisation of every account of the suite has added, one of each type that is synced, and some besides.
func custom(table string) []box.Column {
	return []box.Column{
		{Table: table, Name: "new_motto", Type: "text", Length: 60}, {Table: table, Name: "new_memo", Type: "memo"}, {Table: table, Name: "new_count", Type: "int"},
		{Table: table, Name: "new_size", Type: "decimal"}, {Table: table, Name: "new_ok", Type: "bool"}, {Table: table, Name: "new_since", Type: "date"},
		{Table: table, Name: "new_at", Type: "datetime"}, {Table: table, Name: "new_rank", Type: "choice", Options: []string{"Gold", "Tin"}},
	}
}

// rich adds a row that has all that the neutral form can hold, and owns more than that.
func (w *world) rich() string {
	w.t.Helper()
	parts := map[record.Part]string{record.PartStreet: "丸の内2-4-1\n3F", record.PartCity: "千代田区", record.PartRegion: "東京都", record.PartPostal: "100-0005", record.PartCountry: "日本", record.PartPOBox: "5"}
	f := record.Fields{
		record.NamePrefix: text("Dr."), record.NameGiven: text("Haruto"), record.NameMiddle: text("M."), record.NameFamily: text("Kanzaki"),
		record.NamePhoneticGiven: text("ハルト"), record.NamePhoneticFamily: text("カンザキ"), record.OrgName: text("北野精機"), record.OrgTitle: text("部長"),
		record.Email:   {{Text: "h@example.co.jp"}, {Text: "h2@example.co.jp"}, {Text: "h3@example.co.jp"}},
		record.Phone:   {{Text: "03-5555-0142", Label: "work"}, {Text: "090-5555-0187", Label: "mobile"}, {Text: "03-1", Label: "other"}},
		record.Address: {{Label: "work", Parts: parts}, {Label: "home", Parts: parts}},
		record.Note:    text("一行目\n二行目"), record.URL: text("https://example.co.jp"),
	}
	if w.object == dynamics.ObjectContacts {
		f[record.NameSuffix], f[record.Nickname], f[record.OrgDepartment], f[record.Birthday] = text("Jr."), text("Haru"), text("営業"), text("1980-02-29")
	}
	return w.put("重要顧客", record.Record{Kind: record.Contact, Fields: f})[0]
}

func harness(object string) connectortest.Harness {
	table := strings.TrimSuffix(object, "s")
	set := "/api/data/v9.2/" + object
	batch := sandbox.Fault{Method: http.MethodPost, Path: "/api/data/v9.2/$batch"}
	list := sandbox.Fault{Method: http.MethodGet, Path: set}
	return connectortest.Harness{
		Open: func(t *testing.T) *connectortest.Account {
			w := newWorld(t, object)
			for _, c := range custom(table) {
				w.must(w.box.AddColumn(aiko, c))
			}
			group, err := w.box.AddList(aiko, "重要顧客", "")
			w.must(err)
			small := func(c *dynamics.Config) { c.PageSize = 100 }
			c := w.open(small)
			_, err = c.Describe(t.Context()) // what it knows of the organisation costs no call later, and does not meet the faults
			w.must(err)
			return &connectortest.Account{
				Connector:     c,
				Reopen:        func() connector.Connector { return w.open(small) },
				Clock:         w.clock,
				Put:           func(recs ...record.Record) []string { return w.put("", recs...) },
				Edit:          func(id string, f record.Fields) { w.must(w.box.Edit(aiko, id, f)) },
				Remove:        func(id string) { w.must(w.box.Remove(aiko, id)) },
				Native:        w.native,
				NativeOf:      columnsFor,
				Rich:          w.rich,
				Fault:         func(f sandbox.Fault) { w.box.Faults().Add(f) },
				ClearFaults:   func() { w.box.Faults().Clear() },
				ExpireCursors: func() { w.must(w.box.ExpireCursors(aiko)) },
				RevokeAccess: func() {
					w.must(w.box.RevokeUser(aiko))
					w.must(w.box.ExpireAccess(aiko))
				},
				ResetCalls: func() { w.box.Faults().ResetCalls() },
				Calls:      func() int { return w.box.Faults().Total() },
				Requests:   connectortest.Requests{List: list, Get: list, Create: batch, Update: batch, Delete: batch},
				Throttled:  sandbox.Fault{Status: 429, Body: `{"error":{"code":"0x80072322","message":"Number of requests exceeded the limit of 6000 over time window of 300 seconds."}}`},
				EmptyList:  sandbox.Fault{Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: `{"value":[]}`},
				Refused:    record.Fields{"custom:new_count": text("99999999999999999999")},
				Missing:    []string{"0c2f7a10-5d11-4e11-8f6d-000d3a1b2c3d", "0c2f7a11-5d11-4e11-8f6d-000d3a1b2c3d"},
				Group:      "list:" + group,
				PutIn:      func(_ string, recs ...record.Record) []string { return w.put("重要顧客", recs...) },
				Samples: func(f record.Field) map[string][]record.Value {
					if f.Key == record.Event {
						return map[string][]record.Value{"full": {{Text: "1980-02-29", Label: record.LabelJubilee}}, "old": {{Text: "1901-01-01", Label: record.LabelJubilee}}}
					}
					return nil
				},
			}
		},
		Exceptions: map[string]string{
			"round trip/custom:new_ok": "Dataverse gives a yes-or-no column that is emptied its default; for what is read and written see TestFields",
		},
	}
}

func TestConformanceOfContacts(t *testing.T) {
	connectortest.Run(t, harness(dynamics.ObjectContacts))
}

func TestConformanceOfLeads(t *testing.T) {
	connectortest.Run(t, harness(dynamics.ObjectLeads))
}

func challenge() string {
	h := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

func TestSigningIn(t *testing.T) {
	w := newWorld(t, dynamics.ObjectContacts)
	p := w.provider()
	to := p.AuthCodeURL(app(), oauth.AuthRequest{RedirectURI: redirect, State: "st", Challenge: challenge(), LoginHint: aiko, Site: site})
	consent := func(decision string) url.Values {
		t.Helper()
		u, err := url.Parse(to)
		w.must(err)
		page := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := page.PostForm(to, url.Values{"user": {aiko}, "scope": strings.Fields(u.Query().Get("scope")), "decision": {decision}})
		w.must(err)
		resp.Body.Close()
		back, err := resp.Location()
		if err != nil {
			t.Fatalf("consent: status %d: %v", resp.StatusCode, err)
		}
		return back.Query()
	}
	t.Run("asks for one organisation", func(t *testing.T) {
		u, err := url.Parse(to)
		w.must(err)
		q := u.Query()
		for k, want := range map[string]string{"scope": "https://" + site + "/user_impersonation offline_access openid profile email", "code_challenge_method": "S256",
			"code_challenge": challenge(), "response_type": "code", "login_hint": aiko, "state": "st"} {
			if q.Get(k) != want {
				t.Errorf("%s is %q, want %q", k, q.Get(k), want)
			}
		}
		if u.Path != "/organizations/oauth2/v2.0/authorize" || strings.Contains(to, app().Secret) {
			t.Errorf("at %s", u.Path)
		}
	})
	t.Run("the token keeps the site, the directory and the user, and is renewed", func(t *testing.T) {
		tok, err := p.Exchange(t.Context(), http.DefaultClient, app(), oauth.Return{Query: consent("allow"), RedirectURI: redirect, Verifier: verifier, Site: site})
		w.must(err)
		if tok.Extra[dynamics.ExtraSite] != site || tok.Extra["tid"] == "" || tok.Extra["oid"] == "" || tok.Refresh == "" {
			t.Fatalf("extra %v", tok.Extra)
		}
		again, err := p.Refresh(t.Context(), http.DefaultClient, app(), tok)
		w.must(err)
		if again.Access == tok.Access || again.Refresh == tok.Refresh || again.Extra[dynamics.ExtraSite] != site || !again.Expiry.After(w.clock.Now()) {
			t.Error("nothing was renewed")
		}
		w.token = again
		who, err := w.open().(connector.Identifier).Identify(t.Context())
		if err != nil || who.Email != aiko || who.Name != "Aiko Tanaka" || who.Site != site || who.CompanyID == "" || who.AccountID != who.CompanyID+who.AccountID[36:] || !who.Permissions[connector.PermView] {
			t.Errorf("%+v, %v", who, err)
		}
		w.must(w.box.SetTokenError(aiko, 50173))
		if _, err := p.Refresh(t.Context(), http.DefaultClient, app(), again); !errors.Is(err, oauth.ErrRevoked) {
			t.Errorf("withdrawn: got error %v", err)
		}
		w.must(w.box.SetTokenError(aiko, 0))
		w.must(p.Revoke(t.Context(), nil, app(), again))
	})
	t.Run("what is declined, or needs an administrator, is said", func(t *testing.T) {
		var refused *oauth.RefusedError
		if _, err := p.Exchange(t.Context(), http.DefaultClient, app(), oauth.Return{Query: consent("deny"), RedirectURI: redirect, Verifier: verifier, Site: site}); !errors.As(err, &refused) {
			t.Errorf("got error %v", err)
		}
		err := p.Declined(url.Values{"error": {"access_denied"}, "error_description": {"AADSTS90094: The grant requires admin permission."}})
		if !errors.As(err, &refused) || refused.Code != "admin_consent" {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("a site that is none is never asked", func(t *testing.T) {
		_, err := p.Exchange(t.Context(), http.DefaultClient, app(), oauth.Return{Query: url.Values{"code": {"x"}}, Site: "evil.example"})
		var refused *oauth.RefusedError
		if !errors.As(err, &refused) || refused.Code != "site" {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("people of other clouds sign in there", func(t *testing.T) {
		for at, want := range map[string]string{site: "https://login.microsoftonline.com/", "gov.crm.microsoftdynamics.us": "https://login.microsoftonline.us/", "b.crm.dynamics.cn": "https://login.partner.microsoftonline.cn/"} {
			if got := (dynamics.Provider{}).AuthCodeURL(app(), oauth.AuthRequest{Site: at}); !strings.HasPrefix(got, want) {
				t.Errorf("%s at %s", at, got)
			}
		}
	})
}

func whole(t *testing.T, c connector.Connector, scope connector.Scope, cursor string) (all connector.Page) {
	t.Helper()
	for {
		p := page(t, c, scope, cursor)
		all.Changed, all.Deleted, all.Rekeyed = append(all.Changed, p.Changed...), append(all.Deleted, p.Deleted...), append(all.Rekeyed, p.Rekeyed...)
		all.Full = p.Full
		if all.Next, cursor = p.Next, p.Next; !p.More {
			return all
		}
	}
}

func given(n int) record.Record {
	return record.Record{Kind: record.Contact, Fields: record.Fields{record.NameGiven: text(fmt.Sprint("Given", n)), record.NameFamily: text("Family")}}
}

func TestOnTheSandbox(t *testing.T) {
	for _, object := range []string{dynamics.ObjectContacts, dynamics.ObjectLeads} {
		t.Run(object, func(t *testing.T) { onTheSandbox(t, object) })
	}
}

func onTheSandbox(t *testing.T, object string) {
	w := newWorld(t, object)
	c := w.open()
	ids := w.put("", given(1), given(2), given(3), given(4), given(5))
	l := whole(t, c, connector.Scope{}, "")
	next := func() connector.Page {
		t.Helper()
		w.clock.Advance(time.Minute)
		l = whole(t, c, connector.Scope{}, l.Next)
		return l
	}
	read := func(id string) connector.Got {
		t.Helper()
		got, err := c.Get(t.Context(), nil, []string{id})
		w.must(err)
		return got[0]
	}
	t.Run("a deletion is told, and proven by a read", func(t *testing.T) {
		w.must(w.box.Remove(aiko, ids[0]))
		p := next()
		if len(p.Deleted) != 1 || p.Deleted[0].ID != ids[0] || p.Deleted[0].Evidence != connector.EvidenceScoped || read(ids[0]).Status != connector.StatusGone {
			t.Errorf("%+v, status %d", p.Deleted, read(ids[0]).Status)
		}
	})
	t.Run("a merge leads to the winner", func(t *testing.T) {
		w.must(w.box.Merge(aiko, ids[1], ids[2]))
		p := next()
		if len(p.Rekeyed) != 1 || p.Rekeyed[0] != (connector.Rekey{Old: ids[2], New: ids[1]}) || read(ids[2]).Item.ID != ids[1] {
			t.Errorf("%+v, read %+v", p.Rekeyed, read(ids[2]))
		}
	})
	t.Run("a row that is deactivated leaves the scope, and cannot be written", func(t *testing.T) {
		w.must(w.box.SetActive(aiko, ids[3], false))
		p := next()
		if names(p) != "Given4-" {
			t.Fatalf("listed %s", names(p))
		}
		it := p.Changed[0]
		rs, err := c.Apply(t.Context(), []connector.Write{update(it, person(9)), {Op: connector.Delete, ID: it.ID, Current: &it}})
		if err != nil || !isInvalid(rs[0].Err) || !isInvalid(rs[1].Err) || w.native(ids[3]) == nil {
			t.Errorf("%+v, %v", rs, err)
		}
		members, _, err := c.(connector.MemberScanner).Members(t.Context(), connector.Scope{}, "")
		if err != nil || slices.Contains(members, ids[3]) || len(members) != 2 {
			t.Errorf("members %v, %v", members, err)
		}
	})
	t.Run("a create that was cut off and is repeated makes one row", func(t *testing.T) {
		for n, f := range []sandbox.Fault{{AfterWrite: true}, {AfterWrite: true, Status: 500}} {
			f.Method, f.Path = http.MethodPost, "/api/data/v9.2/$batch"
			wr := create(person(70 + n))
			wr.Fields[record.OrgName] = text("新しい会社 " + fmt.Sprint(n))
			wr.Mark = fmt.Sprint("mark", n)
			if object == dynamics.ObjectContacts {
				f.Skip = 1 // the account's
			}
			w.box.Faults().Add(f)
			rs, err := c.Apply(t.Context(), []connector.Write{wr})
			if err != nil || !errors.Is(rs[0].Err, connector.ErrOutcomeUnknown) {
				t.Fatalf("%+v, %v", rs, err)
			}
			w.box.Faults().Clear()
			fresh := w.open() // as after a crash
			r := only(t, fresh, wr)
			if r.Err != nil || w.native(r.ID) == nil || r.Item == nil || r.Item.Record.Fields.First(record.OrgName) != wr.Fields.First(record.OrgName) {
				t.Errorf("%+v", r)
			}
		}
		p := next()
		if len(p.Changed) != 2 {
			t.Errorf("%d rows were made, want 2", len(p.Changed))
		}
	})
	t.Run("a row that was deleted between read and write is not made again", func(t *testing.T) {
		it := read(ids[4]).Item
		w.must(w.box.Remove(aiko, ids[4]))
		for _, wr := range []connector.Write{update(it, person(9)), {Op: connector.Update, ID: it.ID, Fields: person(9)}, {Op: connector.Delete, ID: it.ID, Current: &it}} {
			if r := only(t, c, wr); !errors.Is(r.Err, connector.ErrNotFound) || w.native(ids[4]) != nil {
				t.Errorf("%s: %v", wr.Op, r.Err)
			}
		}
	})
	t.Run("lost privileges delete nothing and are named", func(t *testing.T) {
		table := strings.TrimSuffix(object, "s")
		w.must(w.box.SetPrivilege(aiko, "read", table, box.DepthNone))
		_, err := c.Changes(t.Context(), connector.Scope{}, l.Next)
		var no *connector.ForbiddenError
		if !errors.As(err, &no) || !strings.Contains(err.Error(), "prvRead") {
			t.Errorf("got error %v", err)
		}
		w.must(w.box.SetPrivilege(aiko, "read", table, box.DepthUser))
		if _, err := c.Changes(t.Context(), connector.Scope{}, l.Next); !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("got error %v", err)
		}
		w.must(w.box.AddUser(box.User{Email: ben, Name: "Ben Ito"}))
		w.must(w.box.SetPrivilege(aiko, "read", table, box.DepthOrganization))
		w.must(w.box.SetOwner(aiko, ids[1], ben))
		w.must(w.box.SetPrivilege(aiko, "read", table, box.DepthUser))
		l = whole(t, c, connector.Scope{}, "")
		if d, err := c.Describe(t.Context()); err != nil || d.ScanEvery == 0 {
			t.Errorf("ScanEvery %s, %v", d.ScanEvery, err)
		}
		if slices.ContainsFunc(l.Changed, func(it connector.Item) bool { return it.ID == ids[1] }) || len(l.Changed) == 0 {
			t.Errorf("listed %s", names(l))
		}
		if got := read(ids[1]); got.Status != connector.StatusInvisible {
			t.Errorf("a row of somebody else's has status %d", got.Status)
		}
		if got := read(ids[0]); got.Status != connector.StatusInvisible {
			t.Errorf("a row that is gone has status %d for who may not see everything", got.Status)
		}
		w.clock.Advance(5 * time.Minute)
		made := w.put("", given(40))
		if l = next(); len(l.Changed) != 1 || l.Changed[0].ID != made[0] {
			t.Errorf("listed %s", names(l))
		}
	})
}

func TestQuirks(t *testing.T) {
	w := newWorld(t, dynamics.ObjectContacts, func(c *box.Config) {
		c.Quirks = box.Quirks{NullLookups: true, NoPrivilegeNames: true, NoRatelimits: true, Duplicate500: true}
	})
	id := w.rich()
	c := w.open()
	t.Run("an employer is taken away where null is enough", func(t *testing.T) {
		got, err := c.Get(t.Context(), nil, []string{id})
		w.must(err)
		r := only(t, c, update(got[0].Item, record.Fields{record.OrgName: {}, record.Nickname: {}}))
		if r.Err != nil || len(r.Item.Record.Fields[record.OrgName]) != 0 || r.Item.Record.Fields.First(record.OrgTitle) != "部長" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("privileges are known by their ids", func(t *testing.T) {
		w.must(w.box.SetPrivilege(aiko, "delete", "contact", box.DepthNone))
		who, err := c.(connector.Identifier).Identify(t.Context())
		if err != nil || who.Permissions[connector.PermDelete] || !who.Permissions[connector.PermView] {
			t.Errorf("%+v, %v", who.Permissions, err)
		}
	})
	t.Run("a secured column is unknown and is not written", func(t *testing.T) {
		w.must(w.box.SecureColumn(aiko, "contact", "emailaddress2", true))
		fresh := w.open()
		got, err := fresh.Get(t.Context(), nil, []string{id})
		w.must(err)
		if vs, known := got[0].Item.Record.Fields[record.Email]; known {
			t.Errorf("read %v", vs)
		}
		if r := only(t, fresh, update(got[0].Item, record.Fields{record.Email: {{Text: "x@y.jp"}}})); !isInvalid(r.Err) {
			t.Errorf("got error %v", r.Err)
		}
	})
}

func TestScopesOnTheSandbox(t *testing.T) {
	w := newWorld(t, dynamics.ObjectContacts)
	w.put("VIP", given(1), given(2))
	w.put("", given(3))
	fetch := `<fetch version="1.0"><entity name="contact"><attribute name="fullname"/><filter><condition attribute="firstname" operator="eq" value="Given3"/></filter></entity></fetch>`
	dynamic, err := w.box.AddList(aiko, "Three", fetch)
	w.must(err)
	view, err := w.box.AddView(aiko, "contact", "Three too", fetch, true)
	w.must(err)
	c := w.open(func(c *dynamics.Config) { c.PageSize = 1 })
	gs, err := c.(connector.Grouper).Groups(t.Context())
	w.must(err)
	byName := map[string]connector.Group{}
	for _, g := range gs {
		byName[g.Name] = g
	}
	if byName["Three"].ID != "list:"+dynamic || byName["Three too"].ID != "userview:"+view || byName["Three"].Writable || !byName["VIP"].Writable || !gs[0].Everything {
		t.Fatalf("got %+v", gs)
	}
	for name, want := range map[string]string{"VIP": "Given1,Given2,Given3-", "Three": "Given1-,Given2-,Given3", "Three too": "Given1-,Given2-,Given3"} {
		if got := names(whole(t, c, connector.Scope{Groups: []string{byName[name].ID}}, "")); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
	for _, g := range gs {
		if strings.HasPrefix(g.ID, "view:") {
			if got := names(whole(t, c, connector.Scope{Groups: []string{g.ID}}, "")); !strings.Contains(got, "Given") {
				t.Errorf("%s has %s", g.Name, got)
			}
		}
	}
	t.Run("a list that is deleted is said to be", func(t *testing.T) {
		w.must(w.box.RemoveList(aiko, dynamic))
		fresh := w.open()
		if _, err := fresh.Changes(t.Context(), connector.Scope{Groups: []string{"list:" + dynamic}}, ""); !isInvalid(err) {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("an organisation without lists has views", func(t *testing.T) {
		w.must(w.box.SetAbsent(aiko, "list", true))
		gs, err := c.(connector.Grouper).Groups(t.Context())
		if err != nil || len(gs) < 2 || slices.ContainsFunc(gs, func(g connector.Group) bool { return strings.HasPrefix(g.ID, "list:") }) {
			t.Errorf("got %+v, %v", gs, err)
		}
	})
}
