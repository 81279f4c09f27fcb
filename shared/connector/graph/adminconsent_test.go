package graph_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/oauth"
)

const directoryID = "1b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"

func TestAdminConsentAddress(t *testing.T) {
	p := graph.Provider{}
	scopes := map[string][]string{}
	for _, c := range p.Capabilities() {
		scopes[c.ID] = c.Scopes
	}
	if !slices.Contains(scopes["contacts"], graph.ScopeContacts) || slices.Contains(scopes["contacts"], graph.ScopeMail) ||
		!slices.Contains(scopes["mail"], graph.ScopeMail) || slices.Contains(scopes["mail"], graph.ScopeContacts) {
		t.Errorf("each capability asks for its own: got %v", scopes)
	}
	u, err := url.Parse(p.AdminConsentURL(app(), oauth.AdminRequest{Directory: directoryID, Scopes: scopes["contacts"], RedirectURI: redirect, State: "st"}))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Host != "login.microsoftonline.com" || u.Path != "/"+directoryID+"/v2.0/adminconsent" || q.Get("state") != "st" || q.Get("redirect_uri") != redirect ||
		q.Get("client_id") != app().ID || q.Get("scope") != strings.Join(scopes["contacts"], " ") || strings.Contains(u.String(), app().Secret) {
		t.Errorf("got %s", u)
	}
	if hostile := p.AdminConsentURL(app(), oauth.AdminRequest{Directory: "../x?y#z"}); !strings.HasPrefix(hostile, "https://login.microsoftonline.com/..%2Fx%3Fy%23z/v2.0/") {
		t.Errorf("got %s", hostile)
	}
}

func TestAdminArrived(t *testing.T) {
	p := graph.Provider{}
	callback := func(pairs ...string) url.Values {
		q := url.Values{"admin_consent": {"True"}, "state": {"st"}}
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return q
	}
	if got, err := p.AdminArrived(callback("tenant", directoryID, "scope", "x")); err != nil || got != directoryID {
		t.Errorf("got %s, %v", got, err)
	}
	for _, c := range []struct{ name, code, description, want string }{
		{"not an administrator", "access_denied", "AADSTS90094: An administrator has set a policy", oauth.AdminNot},
		{"asked an administrator for approval", "access_denied", "AADSTS90095", oauth.AdminNot},
		{"a disabled user", "access_denied", "AADSTS50057", oauth.AdminNot},
		{"declined", "consent_required", "AADSTS65004: User declined", oauth.AdminDenied},
		{"denied without a number", "access_denied", "", oauth.AdminDenied},
		{"something new", "access_denied", "AADSTS99999999", oauth.AdminDenied},
		{"an error of its own making", "<b>x</b>", "<script>", oauth.AdminDenied},
		{"an account of elsewhere", "access_denied", "AADSTS50020", oauth.AdminElsewhere},
		{"a personal account", "access_denied", "AADSTS500208", oauth.AdminElsewhere},
		{"no such directory", "invalid_request", "AADSTS90002: Tenant not found", oauth.AdminElsewhere},
		{"Conditional Access", "access_denied", "AADSTS53003: blocked by Conditional Access", oauth.AdminBlocked},
		{"a device rule", "interaction_required", "AADSTS53000", oauth.AdminBlocked},
		{"a second factor", "interaction_required", "AADSTS50076", oauth.AdminStep},
		{"switched off", "unauthorized_client", "AADSTS7000112", oauth.AdminDisabled},
	} {
		_, err := p.AdminArrived(callback("error", c.code, "error_description", c.description, "tenant", directoryID))
		var r *oauth.RefusedError
		if !errors.As(err, &r) || r.Code != c.want || r.Reason == "" || r.Cure == "" || strings.Contains(r.Error(), "AADSTS") || strings.Contains(r.Error(), "<") {
			t.Errorf("%s: got %v, want it refused for %q", c.name, err, c.want)
		}
	}
	if _, err := p.AdminArrived(callback("error", "server_error")); !errors.Is(err, connector.ErrTransient) {
		t.Errorf("server_error: got %v", err)
	}
	if _, err := p.AdminArrived(callback("error", "unauthorized_client")); !errors.Is(err, oauth.ErrClient) {
		t.Errorf("unauthorized_client: got %v", err)
	}
	for name, q := range map[string]url.Values{"nothing": {}, "no directory": callback(), "not a consent": {"tenant": {directoryID}}, "refused": {"admin_consent": {"False"}, "tenant": {directoryID}}} {
		_, err := p.AdminArrived(q)
		var r *oauth.RefusedError
		if !errors.As(err, &r) || r.Code != oauth.AdminDenied {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAdminProof(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		code   string // of a RefusedError
		is     error
	}{
		"admitted":           {200, `{"token_type":"Bearer","expires_in":3599,"access_token":"secret-word"}`, "", nil},
		"not admitted":       {400, `{"error":"unauthorized_client","error_description":"AADSTS700016: secret-word"}`, oauth.AdminDenied, nil},
		"no principal":       {400, `{"error":"invalid_client","error_description":"AADSTS7000229: secret-word"}`, oauth.AdminDenied, nil},
		"no such directory":  {400, `{"error":"invalid_request","error_description":"AADSTS90002: secret-word"}`, oauth.AdminElsewhere, nil},
		"blocked":            {400, `{"error":"invalid_grant","error_description":"AADSTS53003: secret-word"}`, oauth.AdminBlocked, nil},
		"a grant not given":  {400, `{"error":"invalid_grant","error_description":"AADSTS1: secret-word"}`, oauth.AdminDenied, nil},
		"our secret":         {401, `{"error":"invalid_client","error_description":"AADSTS7000215: secret-word"}`, "", oauth.ErrClient},
		"not available":      {503, `{"error":"temporarily_unavailable","error_description":"secret-word"}`, "", connector.ErrTransient},
		"an answer of HTML":  {502, `<html>secret-word</html>`, "", connector.ErrTransient},
		"a token that is no": {200, `{"secret-word":true}`, "", connector.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/"+directoryID+"/oauth2/v2.0/token" || r.FormValue("grant_type") != "client_credentials" ||
					r.FormValue("scope") != "https://graph.microsoft.com/.default" || r.FormValue("client_id") != app().ID || r.FormValue("client_secret") != app().Secret {
					t.Errorf("got %s %v", r.URL, r.Form)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer srv.Close()
			p := graph.Provider{Endpoints: graph.Endpoints{Authority: srv.URL}}
			err := p.AdminProof(ctx, srv.Client(), app(), directoryID)
			var r *oauth.RefusedError
			switch {
			case c.code != "" && (!errors.As(err, &r) || r.Code != c.code):
				t.Errorf("got %v, want it refused for %q", err, c.code)
			case c.code == "" && !errors.Is(err, c.is):
				t.Errorf("got %v, want %v", err, c.is)
			}
			if strings.Contains(fmt.Sprint(err), "secret-word") {
				t.Errorf("the error repeats what was answered: %v", err)
			}
		})
	}
}

// What an administrator takes away later is told from a person's own end of it.
func TestLosses(t *testing.T) {
	for description, want := range map[string]string{
		"AADSTS65001: not consented": oauth.AdminWithdrawn, "AADSTS90094": oauth.AdminWithdrawn, "AADSTS7000112": oauth.AdminWithdrawn, "AADSTS700016": oauth.AdminWithdrawn,
		"AADSTS53003": oauth.AdminBlocked, "AADSTS50173": "", "AADSTS700082": "", "AADSTS50057": "", "": "",
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":"invalid_grant","error_description":%q}`, description)
		}))
		p := graph.Provider{Clock: newServer(t, nil).clock, Endpoints: graph.Endpoints{Authority: srv.URL}}
		_, err := p.Refresh(ctx, srv.Client(), app(), oauth.Token{Refresh: "r"})
		srv.Close()
		var r *oauth.RefusedError
		if want == "" && !errors.Is(err, oauth.ErrRevoked) || want != "" && (!errors.As(err, &r) || r.Code != want) {
			t.Errorf("%q: got %v, want %q", description, err, want)
		}
	}
}
