package zoho

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/oauth"
)

// What Token.Extra holds: the origin of the API calls, and the accounts server that issued the token and alone can renew it.
const (
	ExtraAPIDomain      = "api_domain"
	ExtraAccountsServer = "accounts-server"
)

// DefaultAccountsServer begins a sign-in for users of any data centre, if the client is registered there with Multi-DC.
const DefaultAccountsServer = "https://accounts.zoho.com"

// scopes are what Meibo asks for.
var scopes = []string{
	"ZohoCRM.modules.contacts.ALL",
	"ZohoCRM.modules.accounts.READ", "ZohoCRM.modules.accounts.CREATE", "ZohoCRM.modules.accounts.UPDATE", // company names
	"ZohoCRM.coql.READ", // looking companies up
	"ZohoCRM.settings.fields.READ", "ZohoCRM.settings.fields.CREATE",
	"ZohoCRM.settings.modules.READ", "ZohoCRM.settings.custom_views.READ", "ZohoCRM.settings.profiles.READ",
	"ZohoCRM.users.READ", "ZohoCRM.org.READ",
	"ZohoCRM.notifications.ALL", // being told of changes
}

// Scopes returns the permissions that the consent page asks for.
func Scopes() []string { return slices.Clone(scopes) }

// dataCentres are the hosts of each: accounts server and API.
var dataCentres = []struct{ accounts, api string }{
	{"accounts.zoho.com", "zohoapis.com"},
	{"accounts.zoho.eu", "zohoapis.eu"},
	{"accounts.zoho.in", "zohoapis.in"},
	{"accounts.zoho.com.au", "zohoapis.com.au"},
	{"accounts.zoho.com.cn", "zohoapis.com.cn"},
	{"accounts.zoho.jp", "zohoapis.jp"},
	{"accounts.zohocloud.ca", "zohoapis.ca"},
	{"accounts.zoho.sa", "zohoapis.sa"},
}

// apiHosts are the kinds of organisation that an API host can serve.
var apiHosts = []string{"www.", "sandbox.", "developer."}

// Provider is Zoho's side of the code flow (see package oauth). A user's data centre is known only from the callback and the
// token answer; both are checked against Zoho's hosts before anything is sent there.
type Provider struct {
	// AccountsServer is where the browser is sent; DefaultAccountsServer if "".
	AccountsServer string
	// Origins are further origins to accept as accounts server or API domain, such as a sandbox's.
	Origins []string
	// Clock is clock.Real{} if nil.
	Clock clock.Clock
}

var _ oauth.Provider = Provider{}

func (p Provider) accountsServer() string {
	if p.AccountsServer != "" {
		return strings.TrimRight(p.AccountsServer, "/")
	}
	return DefaultAccountsServer
}

// AuthCodeURL asks for offline access, and for consent even where it was given before: only then does Zoho issue a refresh
// token again.
func (p Provider) AuthCodeURL(c oauth.Client, r oauth.AuthRequest) string {
	q := url.Values{
		"response_type": {"code"}, "access_type": {"offline"}, "prompt": {"consent"},
		"client_id": {c.ID}, "redirect_uri": {r.RedirectURI}, "state": {r.State},
		"scope": {strings.Join(scopes, ",")},
	}
	if r.Challenge != "" {
		q.Set("code_challenge", r.Challenge)
		q.Set("code_challenge_method", "S256")
	}
	if r.LoginHint != "" {
		q.Set("login_hint", r.LoginHint)
	}
	return p.accountsServer() + "/oauth/v2/auth?" + q.Encode()
}

// Exchange asks the accounts server that the callback names for the token.
func (p Provider) Exchange(ctx context.Context, hc *http.Client, c oauth.Client, r oauth.Return) (oauth.Token, error) {
	if e := r.Query.Get("error"); e != "" {
		return oauth.Token{}, refused(word(e), "Zoho did not give Meibo access", "connect again and choose Accept")
	}
	if r.Query.Get("code") == "" {
		return oauth.Token{}, refused("no_code", "Zoho's answer carries no code", "connect again")
	}
	server := p.accountsServer()
	if s := r.Query.Get(ExtraAccountsServer); s != "" {
		server = strings.TrimRight(s, "/")
	}
	if !p.trusted(server, true) {
		return oauth.Token{}, refused("unknown_accounts_server", "the answer names an accounts server that is not one of Zoho's", "connect again, starting from Meibo")
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {c.ID}, "client_secret": {c.Secret},
		"redirect_uri": {r.RedirectURI}, "code": {r.Query.Get("code")},
	}
	if r.Verifier != "" {
		form.Set("code_verifier", r.Verifier)
	}
	a, err := p.ask(ctx, hc, server, form)
	if err != nil {
		return oauth.Token{}, err
	}
	switch {
	case a.Error == "":
	case a.clientFault():
		return oauth.Token{}, fmt.Errorf("%w: %s", oauth.ErrClient, a.word())
	case a.Error == "invalid_code", a.Error == "invalid_grant", a.Error == "access_denied":
		return oauth.Token{}, refused(a.Error, "Zoho no longer accepts this sign-in; it is valid for a minute or two, and once", "connect again")
	default:
		return oauth.Token{}, fmt.Errorf("%s: the token was not issued: %s", System, a.word())
	}
	if a.Refresh == "" {
		return oauth.Token{}, refused("no_refresh_token", "Zoho gave access for an hour only", "connect again and accept offline access")
	}
	t := oauth.Token{Refresh: a.Refresh, Scopes: slices.Clone(scopes), Extra: map[string]string{ExtraAccountsServer: server}}
	if a.Scope != "" {
		t.Scopes = splitScopes(a.Scope)
	}
	if missing := lacking(t.Scopes); len(missing) > 0 {
		return oauth.Token{}, refused("scope_missing", "these permissions were not given: "+strings.Join(missing, ", "), "connect again and allow everything that is asked for")
	}
	return p.fill(t, a)
}

// Refresh renews the access token. Zoho keeps the refresh token.
func (p Provider) Refresh(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) (oauth.Token, error) {
	server := t.Extra[ExtraAccountsServer]
	if server == "" {
		server = p.accountsServer()
	}
	if !p.trusted(server, true) {
		return oauth.Token{}, fmt.Errorf("%w: the account's accounts server is not one of Zoho's", oauth.ErrRevoked)
	}
	a, err := p.ask(ctx, hc, server, url.Values{
		"grant_type": {"refresh_token"}, "client_id": {c.ID}, "client_secret": {c.Secret}, "refresh_token": {t.Refresh},
	})
	if err != nil {
		return oauth.Token{}, err
	}
	switch {
	case a.Error == "":
	case a.Error == "invalid_code", a.Error == "invalid_grant", a.Error == "invalid_token":
		return oauth.Token{}, oauth.ErrRevoked
	case a.clientFault():
		return oauth.Token{}, fmt.Errorf("%w: %s", oauth.ErrClient, a.word())
	default: // "Access Denied": ten access tokens in ten minutes were too many
		return oauth.Token{}, fmt.Errorf("%s: the access token was not renewed: %s", System, a.word())
	}
	if a.Refresh != "" {
		t.Refresh = a.Refresh
	}
	if a.Scope != "" {
		t.Scopes = splitScopes(a.Scope)
	}
	extra := map[string]string{}
	for k, v := range t.Extra {
		extra[k] = v
	}
	t.Extra = extra
	return p.fill(t, a)
}

// Revoke gives the refresh token back, and with it its access tokens.
func (p Provider) Revoke(ctx context.Context, hc *http.Client, _ oauth.Client, t oauth.Token) error {
	server := t.Extra[ExtraAccountsServer]
	if server == "" {
		server = p.accountsServer()
	}
	if !p.trusted(server, true) {
		return fmt.Errorf("%s: the account's accounts server is not one of Zoho's", System)
	}
	a, err := p.post(ctx, hc, server+"/oauth/v2/token/revoke", url.Values{"token": {t.Refresh}})
	if err != nil {
		return err
	}
	switch a.Error {
	case "", "invalid_code", "invalid_token", "invalid_grant":
		return nil
	}
	return fmt.Errorf("%s: the authorisation was not given back: %s", System, a.word())
}

// Authorize sets Zoho's own scheme; it is not Bearer, whatever the token answer says.
func (p Provider) Authorize(r *http.Request, t oauth.Token) {
	r.Header.Set("Authorization", "Zoho-oauthtoken "+t.Access)
}

// fill takes what every token answer has.
func (p Provider) fill(t oauth.Token, a tokenAnswer) (oauth.Token, error) {
	if a.Access == "" {
		return oauth.Token{}, fmt.Errorf("%s: the token answer has no token", System)
	}
	if a.APIDomain != "" {
		t.Extra[ExtraAPIDomain] = strings.TrimRight(a.APIDomain, "/")
	}
	if !p.trusted(t.Extra[ExtraAPIDomain], false) {
		return oauth.Token{}, refused("unknown_api_domain", "the token answer names an API that is not one of Zoho's", "connect again")
	}
	var now time.Time
	if p.Clock != nil {
		now = p.Clock.Now()
	} else {
		now = clock.Real{}.Now()
	}
	t.Access, t.Expiry = a.Access, now.Add(time.Duration(a.ExpiresIn)*time.Second)
	return t, nil
}

// trusted reports whether origin is one of Zoho's accounts servers or API hosts, or was configured.
func (p Provider) trusted(origin string, accounts bool) bool {
	own := append([]string{p.AccountsServer}, p.Origins...)
	for _, o := range own {
		if o != "" && strings.TrimRight(o, "/") == origin {
			return true
		}
	}
	host, ok := strings.CutPrefix(origin, "https://")
	if !ok {
		return false
	}
	for _, dc := range dataCentres {
		if accounts && host == dc.accounts {
			return true
		}
		for _, kind := range apiHosts {
			if !accounts && host == kind+dc.api {
				return true
			}
		}
	}
	return false
}

// tokenAnswer is an answer of the token endpoint. Zoho sends errors with status 200 too, so Error decides.
type tokenAnswer struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	APIDomain string `json:"api_domain"`
	ExpiresIn int    `json:"expires_in"`
	Scope     string `json:"scope"`
	Error     string `json:"error"`
}

func (a tokenAnswer) clientFault() bool {
	return slices.Contains([]string{"invalid_client", "invalid_client_secret", "invalid_redirect_uri", "redirect_uri_mismatch", "unauthorized_client"}, a.Error)
}

func (a tokenAnswer) word() string { return word(a.Error) }

// word returns s if it is an error's name, so that nothing else of an answer gets into a message.
func word(s string) string {
	ok := func(r rune) bool { return r == '_' || r == ' ' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
	if s == "" || len(s) > 40 || strings.ContainsFunc(s, func(r rune) bool { return !ok(r) }) {
		return "unknown"
	}
	return s
}

func (p Provider) ask(ctx context.Context, hc *http.Client, server string, form url.Values) (tokenAnswer, error) {
	return p.post(ctx, hc, server+"/oauth/v2/token", form)
}

// post sends form and reads the answer. Its errors are transient, and hold neither the form nor the address.
func (p Provider) post(ctx context.Context, hc *http.Client, to string, form url.Values) (tokenAnswer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return tokenAnswer{}, fmt.Errorf("%s: building a token request failed", System)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := hc.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return tokenAnswer{}, ctx.Err()
		}
		return tokenAnswer{}, fmt.Errorf("%s: the accounts server cannot be reached", System)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return tokenAnswer{}, fmt.Errorf("%s: the accounts server broke off its answer", System)
	}
	var a tokenAnswer
	switch bad := json.Unmarshal(body, &a) != nil; {
	case bad, a.Error == "" && resp.StatusCode != http.StatusOK:
		return tokenAnswer{}, fmt.Errorf("%s: the accounts server answered with HTTP status %d", System, resp.StatusCode)
	}
	return a, nil
}

// splitScopes reads scopes as Zoho sends them: separated by commas or by spaces.
func splitScopes(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// lacking returns the scopes that Meibo needs and granted does not cover. ALL covers the rest of its name.
func lacking(granted []string) []string {
	var out []string
	for _, need := range scopes {
		stem := need[:strings.LastIndex(need, ".")]
		if !slices.ContainsFunc(granted, func(g string) bool {
			return strings.EqualFold(g, need) || strings.EqualFold(g, stem+".ALL")
		}) {
			out = append(out, need)
		}
	}
	return out
}

func refused(code, reason, cure string) error {
	return &oauth.RefusedError{Code: code, Reason: reason, Cure: cure}
}
