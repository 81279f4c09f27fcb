package hubspot_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
	"meibo/shared/oauth"
)

var client = oauth.Client{ID: "client", Secret: "s3cret"}

// oauthServer answers token requests as a test says, by path; the forms that came are kept.
type oauthServer struct {
	answers map[string]reply
	forms   map[string]url.Values
}

func (o *oauthServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	o.forms[r.Method+" "+r.URL.Path] = r.PostForm
	a := o.answers[r.URL.Path]
	if a.status == 0 {
		a.status = 404
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func served(t *testing.T, answers map[string]reply) (*oauthServer, hubspot.Provider) {
	t.Helper()
	o := &oauthServer{answers: answers, forms: map[string]url.Values{}}
	srv := httptest.NewServer(o)
	t.Cleanup(srv.Close)
	return o, hubspot.Provider{Endpoints: hubspot.Endpoints{App: srv.URL, API: srv.URL}, Clock: clock.NewVirtual(start, true)}
}

const (
	tokenPath      = "/oauth/v3/token"
	introspectPath = "/oauth/v3/token/introspect"
	allScopes      = `"oauth","crm.objects.contacts.read","crm.objects.contacts.write","crm.schemas.contacts.read"`
	plainToken     = `{"token_type":"bearer","access_token":"at","refresh_token":"rt","expires_in":1800,"hub_id":6213544,"scopes":[` + allScopes + `]}`
	introspection  = `{"active":true,"hub_id":6213544,"user_id":9586504,"user":"mira.holt@ecospin.example","hub_domain":"ecospin.example","scopes":[` + allScopes + `]}`
)

func TestConsent(t *testing.T) {
	back := oauth.Return{Query: url.Values{"code": {"c0de"}, "state": {"s"}}, RedirectURI: "https://meibo.example/consent/hubspot", Verifier: "ver"}
	t.Run("asks for scopes, and for others only if they can be had", func(t *testing.T) {
		u, err := url.Parse(hubspot.Provider{}.AuthCodeURL(client, oauth.AuthRequest{RedirectURI: back.RedirectURI, State: "s", Challenge: "ch"}))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Host != "app.hubspot.com" || u.Path != "/oauth/authorize" || !strings.Contains(q.Get("scope"), "crm.objects.contacts.write") || strings.Contains(q.Get("scope"), "lists") ||
			!strings.Contains(q.Get("optional_scope"), "crm.lists.read") || q.Get("state") != "s" || q.Get("code_challenge") != "ch" || q.Get("client_secret") != "" {
			t.Errorf("got %s", u)
		}
	})
	t.Run("learns whose account it is", func(t *testing.T) {
		o, p := served(t, map[string]reply{tokenPath: {status: 200, body: plainToken}, introspectPath: {status: 200, body: introspection}})
		tok, err := p.Exchange(t.Context(), http.DefaultClient, client, back)
		if err != nil {
			t.Fatal(err)
		}
		form := o.forms["POST "+tokenPath]
		if form.Get("client_id") != "client" || form.Get("client_secret") != "s3cret" || form.Get("code") != "c0de" || form.Get("code_verifier") != "ver" || form.Get("redirect_uri") != back.RedirectURI {
			t.Errorf("sent %v", form)
		}
		if f := o.forms["POST "+introspectPath]; f.Get("token") != "at" || f.Get("access_token") != "at" {
			t.Errorf("introspection sent %v", f)
		}
		if tok.Access != "at" || tok.Refresh != "rt" || !tok.Expiry.Equal(start.Add(30*time.Minute)) || len(tok.Scopes) != 4 || tok.Extra[hubspot.ExtraHub] != "6213544" ||
			tok.Extra[hubspot.ExtraUser] != "9586504" || tok.Extra[hubspot.ExtraEmail] != "mira.holt@ecospin.example" || !strings.Contains(tok.Extra[hubspot.ExtraScopes], "oauth crm.") {
			t.Errorf("got %+v", tok)
		}
	})
	refusedBy := func(answers map[string]reply, r oauth.Return) string {
		_, p := served(t, answers)
		_, err := p.Exchange(t.Context(), http.DefaultClient, client, r)
		var no *oauth.RefusedError
		if errors.As(err, &no) {
			return no.Code
		}
		return "not refused: " + errorText(err)
	}
	few := strings.Replace(plainToken, `,"crm.schemas.contacts.read"`, "", 1)
	for name, x := range map[string]struct {
		answers map[string]reply
		back    oauth.Return
		want    string
	}{
		"was declined":            {nil, oauth.Return{Query: url.Values{"error": {"access_denied"}}}, "access_denied"},
		"carries no code":         {nil, oauth.Return{Query: url.Values{}}, "no_code"},
		"came too late":           {map[string]reply{tokenPath: {status: 400, body: `{"status":"BAD_AUTH_CODE"}`}}, back, "invalid_grant"},
		"lacks a scope":           {map[string]reply{tokenPath: {status: 200, body: few}, introspectPath: {status: 200, body: strings.Replace(introspection, `,"crm.schemas.contacts.read"`, "", 1)}}, back, "scope_missing"},
		"gives no refresh token":  {map[string]reply{tokenPath: {status: 200, body: strings.Replace(plainToken, `"refresh_token":"rt",`, "", 1)}}, back, "no_refresh_token"},
		"does not tell the user":  {map[string]reply{tokenPath: {status: 200, body: plainToken}}, back, "not refused: HubSpot: the OAuth server does not say whose account it is: HTTP status 404"},
		"rejects Meibo's own key": {map[string]reply{tokenPath: {status: 401, body: `{"error":"invalid_client"}`}}, back, "not refused: " + oauth.ErrClient.Error()},
	} {
		if got := refusedBy(x.answers, x.back); got != x.want {
			t.Errorf("an answer that %s: %s, want %s", name, got, x.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRefreshAndRevoke(t *testing.T) {
	tok := oauth.Token{Access: "old", Refresh: "rt", Scopes: []string{"oauth"}, Extra: map[string]string{hubspot.ExtraUser: "9586504", hubspot.ExtraScopes: "oauth"}}
	refresh := func(a reply) (oauth.Token, error) {
		_, p := served(t, map[string]reply{tokenPath: a})
		return p.Refresh(t.Context(), http.DefaultClient, client, tok)
	}
	got, err := refresh(reply{status: 200, body: plainToken})
	if err != nil || got.Access != "at" || got.Extra[hubspot.ExtraUser] != "9586504" || len(got.Scopes) != 4 || tok.Extra[hubspot.ExtraScopes] != "oauth" {
		t.Errorf("got %+v, %v; the token before %+v", got, err, tok)
	}
	for body, want := range map[string]error{`{"error":"invalid_grant"}`: oauth.ErrRevoked, `{"status":"BAD_REFRESH_TOKEN","message":"x"}`: oauth.ErrRevoked, `{"status":"BAD_CLIENT_SECRET"}`: oauth.ErrClient} {
		if _, err := refresh(reply{status: 400, body: body}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", body, err, want)
		}
	}
	for _, a := range []reply{{status: 500}, {status: 400, body: "<html>"}, {status: 200, body: "{}"}, {status: 429}} {
		if _, err := refresh(a); err == nil || errors.Is(err, oauth.ErrRevoked) || errors.Is(err, oauth.ErrClient) {
			t.Errorf("%+v: %v, want one that is transient", a, err)
		}
	}
	for _, a := range []reply{{status: 200, body: "{}"}, {status: 204}, {status: 404}, {status: 400, body: `{"status":"BAD_REFRESH_TOKEN"}`}} {
		o, p := served(t, map[string]reply{tokenPath + "/revoke": a})
		if err := p.Revoke(t.Context(), http.DefaultClient, client, tok); err != nil || o.forms["POST "+tokenPath+"/revoke"].Get("token") != "rt" || len(o.forms) != 1 {
			t.Errorf("%+v: %v, sent %v", a, err, o.forms)
		}
	}
	_, p := served(t, map[string]reply{"/appinstalls/2026-09/external-install": {status: 204}})
	if err := p.Uninstall(t.Context(), http.DefaultClient, tok); err != nil {
		t.Errorf("Uninstall: %v", err)
	}
}

func TestIdentify(t *testing.T) {
	details := reply{status: 200, body: `{"portalId":6213544,"accountType":"STANDARD","timeZone":"Asia/Tokyo","utcOffsetMilliseconds":32400000,"uiDomain":"app.hubspot.com"}`}
	vendor := func(c call) reply {
		if strings.HasPrefix(c.path, "/account-info/") {
			return details
		}
		if c.query.Has("email") { // the owner has another address
			return rows("")
		}
		return rows("", `{"id":"1","email":"x@y.example","userId":null}`, `{"id":"41629779","email":"mira@ecospin.example","firstName":"Mira","lastName":"Holt","userId":9586504}`)
	}
	c, s := scripted(t, vendor)
	who, err := c.Identify(t.Context())
	if err != nil || who.AccountID != "6213544:9586504" || who.CompanyID != "6213544" || who.Region != "JP" || who.Email != "mira.holt@ecospin.example" || who.Name != "Mira Holt" || who.Company != "ecospin.example" {
		t.Errorf("got %+v, %v", who, err)
	}
	if !who.Permissions[connector.PermView] || !who.Permissions[connector.PermDelete] || !who.Permissions[connector.PermCompanies] {
		t.Errorf("permissions %v", who.Permissions)
	}
	c = open(t, s, hubspot.Config{Extra: extra(hubspot.ScopeOwnersRead, hubspot.ScopeCompaniesWrite)})
	who, err = c.Identify(t.Context())
	if err != nil || who.Email != "mira.holt@ecospin.example" || who.Permissions[connector.PermCompanies] {
		t.Errorf("without owners and companies: %+v, %v", who, err)
	}
	c = open(t, s, hubspot.Config{})
	if _, err := c.Identify(t.Context()); !errors.Is(err, connector.ErrTransient) {
		t.Errorf("without knowing the user: %v", err)
	}
	t.Run("a spent day ends at the account's midnight", func(t *testing.T) {
		c, s := scripted(t, vendor)
		if _, err := c.Identify(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(3*time.Hour + 30*time.Minute) // 22:30 there
		s.answer = func(call) reply { return reply{status: 429, body: `{"policyName":"DAILY"}`} }
		_, err := c.Changes(t.Context(), connector.Scope{}, "")
		var th *connector.ThrottledError
		if !errors.As(err, &th) || th.After != 90*time.Minute {
			t.Errorf("got %v", err)
		}
	})
}
