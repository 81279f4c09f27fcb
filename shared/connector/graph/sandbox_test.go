package graph_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/connectortest"
	"meibo/shared/connector/graph"
	"meibo/shared/oauth"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	graphbox "meibo/shared/sandbox/graph"
)

const (
	user     = "aiko@contoso.example"
	redirect = "https://meibo.example/callback"
)

func app() oauth.Client { return oauth.Client{ID: "meibo", Secret: "s3cret"} }

// bearer authorises as the engine's transport does.
type bearer struct {
	token string
	base  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	graph.Provider{}.Authorize(r, oauth.Token{Access: b.token})
	return b.base.RoundTrip(r)
}

// box is a sandbox with one user, and a client that is signed in as that user, though not by way of the consent page.
type box struct {
	t      *testing.T
	sb     *graphbox.Sandbox
	url    string
	clock  *clock.Virtual
	token  oauth.Token
	client *http.Client
}

func newBox(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper, who graphbox.User) *box {
	t.Helper()
	b := &box{t: t, clock: clock.NewVirtual(start, true)}
	var err error
	b.sb, err = graphbox.New(graphbox.Config{
		Clock: b.clock, Client: sandbox.Client{ID: app().ID, Secret: app().Secret}, RedirectURIs: []string{redirect},
		Lag: 20 * time.Second, Seed: 1,
	})
	b.must(err)
	t.Cleanup(b.sb.Close)
	if who.Email == "" {
		who = graphbox.User{Email: user, Name: "Aiko Tanaka"}
	}
	b.must(b.sb.AddUser(who))
	srv := httptest.NewServer(b.sb)
	t.Cleanup(srv.Close)
	b.url = srv.URL
	b.token.Access, b.token.Refresh, err = b.sb.Authorize(who.Email, "openid", "profile", "email", "offline_access", graph.ScopeContacts, "https://graph.microsoft.com/User.Read")
	b.must(err)
	base := srv.Client().Transport
	if wrap != nil {
		base = wrap(base)
	}
	b.client = &http.Client{Transport: bearer{b.token.Access, base}}
	return b
}

func (b *box) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) provider() graph.Provider {
	return graph.Provider{Clock: b.clock, Endpoints: graph.Endpoints{Authority: b.url}}
}

// consent does what a browser does on the consent page, and returns the callback's query.
func (b *box) consent(address, email, decision string, scopes ...string) url.Values {
	b.t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"user": {email}, "scope": scopes, "decision": {decision}}
	resp, err := browser.PostForm(address, form)
	b.must(err)
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		b.t.Fatalf("the consent page answered %s: %v", resp.Status, err)
	}
	return to.Query()
}

// ask returns the consent page's address, the verifier that goes with it and the scopes that it asks for.
func (b *box) ask() (address, verifier string, scopes []string) {
	verifier = oauth2.GenerateVerifier()
	address = b.provider().AuthCodeURL(app(), oauth.AuthRequest{RedirectURI: redirect, State: "st", Challenge: oauth2.S256ChallengeFromVerifier(verifier), LoginHint: user})
	u, err := url.Parse(address)
	b.must(err)
	return address, verifier, strings.Fields(u.Query().Get("scope"))
}

// signIn gets a token by the whole code flow.
func (b *box) signIn(email string) oauth.Token {
	b.t.Helper()
	address, verifier, scopes := b.ask()
	back := b.consent(address, email, "allow", scopes...)
	tok, err := b.provider().Exchange(ctx, http.DefaultClient, app(), oauth.Return{Query: back, RedirectURI: redirect, Verifier: verifier})
	b.must(err)
	return tok
}

func (b *box) connector(change ...func(*graph.Config)) *graph.Connector {
	b.t.Helper()
	cfg := graph.Config{Client: b.client, BaseURL: b.url + "/v1.0", Clock: b.clock, Limits: graph.DefaultLimits(),
		Patience: 24 * time.Hour, Visibility: time.Minute, Extra: b.token.Extra}
	for _, f := range change {
		f(&cfg)
	}
	c, err := graph.New(cfg)
	b.must(err)
	return c
}

func (b *box) put(group string, recs ...record.Record) []string {
	b.t.Helper()
	seeds := make([]sandbox.Seed, len(recs))
	for i, r := range recs {
		seeds[i].Record = r
		if group != "" {
			seeds[i].Groups = []string{group}
		}
	}
	ids, err := b.sb.Put(b.sb.Users()[0].Email, seeds)
	b.must(err)
	return ids
}

func named(given string) record.Record {
	return record.Record{Kind: record.Contact, Fields: record.Fields{record.NameGiven: text(given)}}
}

// native is the contact as the API answers it, without what every write changes.
func (b *box) native(id string) map[string]string {
	b.t.Helper()
	c, err := b.sb.Contact(user, id)
	if err != nil {
		return nil
	}
	var members map[string]json.RawMessage
	b.must(json.Unmarshal(c.Native, &members))
	out := map[string]string{}
	for k, v := range members {
		if k != "@odata.etag" && k != "changeKey" && k != "lastModifiedDateTime" {
			out[k] = string(v)
		}
	}
	return out
}

var nativeOf = map[record.Key][]string{
	record.Nickname: {"nickName"}, record.Email: {"emailAddresses"}, record.Phone: {"mobilePhone", "businessPhones", "homePhones"},
	record.Address: {"businessAddress", "homeAddress", "otherAddress"}, record.IM: {"imAddresses"}, record.URL: {"businessHomePage"},
	record.OrgName: {"companyName"}, record.OrgDepartment: {"department"}, record.OrgTitle: {"jobTitle"}, record.Birthday: {"birthday"},
	record.Relation: {"spouseName", "manager", "assistantName"}, record.Note: {"personalNotes"},
	record.NamePhoneticGiven: {"yomiGivenName"}, record.NamePhoneticFamily: {"yomiSurname"},
	record.NamePrefix: {"title", "displayName", "fileAs"}, record.NameGiven: {"givenName", "displayName", "fileAs"},
	record.NameMiddle: {"middleName", "displayName", "fileAs"}, record.NameFamily: {"surname", "displayName", "fileAs"},
	record.NameSuffix: {"generation", "displayName", "fileAs"},
}

// rich adds a contact with something in every member that the API can write.
func (b *box) rich() string {
	b.t.Helper()
	body := `{"givenName":"Rich","surname":"Contact","middleName":"M.","title":"Dr.","generation":"II","initials":"RC","nickName":"Ri","displayName":"Richie","fileAs":"Rich!",
		"yomiGivenName":"リチ","yomiSurname":"コン","yomiCompanyName":"ニュー","companyName":"New Inc","department":"D","jobTitle":"Boss","profession":"smith","officeLocation":"4",
		"assistantName":"Ben","manager":"Cleo","spouseName":"Dai","children":["Eri","Fu"],"businessHomePage":"https://example.com","mobilePhone":"+81 90 1234 5678",
		"businessPhones":["03-1234-5678","03-1234-5679"],"homePhones":["045-123-4567"],"imAddresses":["sip:rich"],"birthday":"1980-02-29T00:00:00Z","personalNotes":"a\nnote",
		"categories":["Kunde"],"emailAddresses":[{"name":"Rich C.","address":"r@example.com"},{"name":"S","address":"s@example.com"}],
		"businessAddress":{"street":"1 Main St","city":"Town","state":"ST","countryOrRegion":"US","postalCode":"1"},"homeAddress":{"city":"京都市"}}`
	req, err := http.NewRequest("POST", b.url+"/v1.0/me/contacts", strings.NewReader(body))
	b.must(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", `IdType="ImmutableId"`)
	resp, err := b.client.Do(req)
	b.must(err)
	defer resp.Body.Close()
	var made struct{ ID string }
	if json.NewDecoder(resp.Body).Decode(&made) != nil || made.ID == "" {
		b.t.Fatalf("the rich contact was answered %s", resp.Status)
	}
	return made.ID
}

func TestConformance(t *testing.T) {
	connectortest.Run(t, connectortest.Harness{Open: func(t *testing.T) *connectortest.Account {
		b := newBox(t, nil, graphbox.User{})
		suite, err := b.sb.AddFolder(user, "Suite", false)
		b.must(err)
		batch := sandbox.Fault{Method: "POST", Path: "/$batch"}
		return &connectortest.Account{
			Connector: b.connector(),
			Reopen:    func() connector.Connector { return b.connector() },
			Clock:     b.clock,
			Put:       func(recs ...record.Record) []string { b.t.Helper(); return b.put("", recs...) },
			PutIn:     func(_ string, recs ...record.Record) []string { return b.put("Suite", recs...) },
			Edit:      func(id string, fields record.Fields) { b.must(b.sb.Edit(user, id, fields)) },
			Remove:    func(id string) { b.must(b.sb.Remove(user, id)) },
			Native:    b.native,
			NativeOf:  func(k record.Key) []string { return nativeOf[k] },
			Rich:      b.rich,
			Fault:     b.sb.Faults().Add, ClearFaults: b.sb.Faults().Clear,
			ExpireCursors: func() { b.must(b.sb.ExpireCursors(user)) },
			RevokeAccess:  func() { b.must(b.sb.RevokeUser(user)) },
			ResetCalls:    b.sb.Faults().ResetCalls,
			Calls:         b.sb.Faults().Total,
			Requests: connectortest.Requests{
				List: sandbox.Fault{Method: "GET", Path: "/contacts/delta"}, Get: batch, Create: batch, Update: batch, Delete: batch,
			},
			Throttled: sandbox.Fault{Status: 429, Body: `{"error":{"code":"TooManyRequests","message":"Please retry again later."}}`},
			EmptyList: sandbox.Fault{Status: 200, Header: map[string]string{"Content-Type": "application/json"},
				Body: `{"@odata.context":"x","value":[],"@odata.deltaLink":"` + b.url + `/v1.0/me/contactFolders/x/contacts/delta?$deltatoken=x"}`},
			Refused: record.Fields{record.Note: text(strings.Repeat("too large ", 20_000))},
			Missing: []string{"AAkALgAAneverThereContactId1=", "AAkALgAAneverThereContactId2="},
			Group:   "folder:" + suite,
		}
	}})
}
