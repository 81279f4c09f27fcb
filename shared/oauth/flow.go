package oauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/secret"
	"meibo/shared/store"
)

// StartRequest says who connects what.
type StartRequest struct {
	Tenant     string       `json:"tenant"`
	Member     string       `json:"member"`
	Connection string       `json:"connection,omitempty"` // the connection that the account is meant for, or ""
	Account    string       `json:"account,omitempty"`    // the account to renew, or "" for a new one
	System     string       `json:"system"`
	Side       profile.Side `json:"side"`                 // "" takes the system's
	LoginHint  string       `json:"login_hint,omitempty"` // e-mail address
	Site       string       `json:"site,omitempty"`       // the organisation's address at the vendor, as typed; for a Sited provider
	Return     string       `json:"return,omitempty"`     // path of Meibo's own to go to afterwards, beginning with "/"
}

// Outcome is what a consent led to. When Arrive or Confirm returns an error, it has what was known by then: enough to send the
// person back where they came from.
//
// Account is the account that is authorised now; before Confirm, the account to renew.
type Outcome struct {
	StartRequest
	Identity connector.Identity
}

// FlowConfig is what a Flow works with.
type FlowConfig struct {
	Table   store.Table
	Keys    *secret.Keys
	Clock   clock.Clock
	Systems map[string]System
	Clients ClientSource
	Keeper  *Keeper
	// RedirectURI is the address of the callback, as registered at every vendor.
	RedirectURI string
	// HTTP makes the calls to token endpoints and for identification. It should have a timeout.
	HTTP *http.Client
	// Accept decides on the identity that the vendor gave: it claims the account, calls keep with its id to have the token
	// stored, and then lets go on what waited for it; or it returns an error for the person. A token that is not kept is
	// forgotten, not revoked: at some vendors revoking would end the authorisation of whoever holds the account already.
	Accept func(ctx context.Context, o Outcome, keep func(ctx context.Context, account string) error) error
	// Rand gives states and verifiers; nil means crypto/rand.
	Rand io.Reader
}

// Flow leads people through consent. It is safe for concurrent use.
type Flow struct {
	FlowConfig
	states states
}

// NewFlow returns a flow.
func NewFlow(c FlowConfig) *Flow {
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return &Flow{c, states{c.Table, c.Keys, c.Clock, c.Rand}}
}

// Start returns the vendor's address to send the browser to. What is wrong with the request is a *RefusedError.
func (f *Flow) Start(ctx context.Context, r StartRequest) (string, error) {
	sys, err := f.system(&r)
	if err != nil {
		return "", err
	}
	if sys.Key != nil {
		return "", &RefusedError{"system", sys.Name + " has no consent page", "enter the account's API key instead"}
	}
	if !ownPath(r.Return) {
		return "", &RefusedError{"return", "return: the address to go back to is not one of Meibo's own", `give a path that begins with a single "/"`}
	}
	if r.Site, err = site(sys, r.Site); err != nil {
		return "", err
	}
	client, err := f.Clients.Client(ctx, r.System)
	if err != nil {
		return "", err
	}
	verifier, err := f.states.token()
	if err != nil {
		return "", err
	}
	state, err := put(ctx, f.states, stateItem, r.Tenant, pending{r, verifier})
	if err != nil {
		return "", err
	}
	return sys.Provider.AuthCodeURL(client, AuthRequest{
		RedirectURI: f.RedirectURI,
		State:       state,
		Challenge:   oauth2.S256ChallengeFromVerifier(verifier),
		LoginHint:   r.LoginHint,
		Site:        r.Site,
	}), nil
}

// system returns the system of a request, and fills in the request's side.
func (f *Flow) system(r *StartRequest) (System, error) {
	sys, ok := f.Systems[r.System]
	if !ok {
		return sys, &RefusedError{"system", fmt.Sprintf("system: Meibo does not know %q", r.System), "choose one of the listed systems"}
	}
	if r.Side == "" {
		r.Side = sys.Side
	}
	if r.Side != sys.Side {
		return sys, &RefusedError{"side", fmt.Sprintf("side: %s is not a %s system", sys.Name, r.Side), "choose a system of the other side"}
	}
	return sys, nil
}

// site returns the organisation's address in its one form.
func site(sys System, typed string) (string, error) {
	sited, ok := sys.Provider.(Sited)
	switch {
	case ok:
		return sited.Site(typed)
	case typed != "":
		return "", &RefusedError{"site", "site: organisations have no address of their own at " + sys.Name, "leave it out"}
	}
	return "", nil
}

// Enter takes the key of an account at a system that has no consent, asks the vendor whose it is, and stores it, if Accept agrees. The
// person is signed in at Meibo, so that nothing needs to be confirmed. A key that is none, or that the vendor does not take, is a
// *RefusedError; an error of Accept is returned as it is.
func (f *Flow) Enter(ctx context.Context, r StartRequest, key string) (Outcome, error) {
	o := Outcome{StartRequest: r}
	sys, err := f.system(&o.StartRequest)
	if err != nil {
		return o, err
	}
	if sys.Key == nil {
		return o, &RefusedError{"system", sys.Name + " has no API keys for this", "connect the account by its consent page instead"}
	}
	t, err := sys.Key.token(sys.Name, key)
	if err != nil {
		return o, err
	}
	if o.Identity, err = f.identify(ctx, sys, t); err != nil {
		var lost *connector.AuthLostError
		if errors.As(err, &lost) {
			err = &RefusedError{"key", sys.Name + " does not accept this key", "copy it again, or make a new one: " + sys.Key.Where}
		}
		return o, err
	}
	return f.accept(ctx, o, t)
}

// ownPath reports whether a browser that is redirected to p stays at Meibo: "//host", "/\host" and control characters, which
// browsers drop, lead elsewhere.
func ownPath(p string) bool {
	if p == "" {
		return true
	}
	return p[0] == '/' && !strings.HasPrefix(p, "//") && !strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == '\\' })
}

// Arrive takes the query of the vendor's callback. It returns whose account was authorised, and a code with which Confirm goes on
// once the person at the browser has seen whom it is for: the state proves that the consent was started at Meibo, and not by whom.
// Every state works once. A *RefusedError says why consent led to nothing, and connector.ErrTransient means to start again later.
func (f *Flow) Arrive(ctx context.Context, callback url.Values) (o Outcome, code string, err error) {
	p, err := take[pending](ctx, f.states, stateItem, callback.Get("state"))
	if err != nil {
		return o, "", err
	}
	o.StartRequest = p.StartRequest
	sys, ok := f.Systems[p.System]
	if !ok {
		return o, "", gone(p.System)
	}
	if code := callback.Get("error"); code != "" {
		if d, ok := sys.Provider.(Decliner); ok {
			return o, "", exchangeError(sys, d.Declined(callback))
		}
		return o, "", declined(sys, code)
	}
	client, err := f.Clients.Client(ctx, p.System)
	if err != nil {
		return o, "", err
	}
	t, err := sys.Provider.Exchange(ctx, f.HTTP, client, Return{callback, f.RedirectURI, p.Verifier, p.Site})
	if err != nil {
		return o, "", exchangeError(sys, err)
	}
	if o.Identity, err = f.identify(ctx, sys, t); err != nil {
		return o, "", err
	}
	code, err = put(ctx, f.states, arrivedItem, p.Tenant, arrived{o, t})
	return o, code, err
}

// identify asks the vendor whose account it is, with the account's first token.
func (f *Flow) identify(ctx context.Context, sys System, t Token) (connector.Identity, error) {
	hc := *f.HTTP
	hc.Transport = fixed{base(f.HTTP), sys.credential(), t}
	hc.CheckRedirect = noRedirect
	who, err := sys.Identify(ctx, &hc, t)
	if err != nil {
		return who, fmt.Errorf("asking %s whose account it is: %w", sys.Name, err)
	}
	return who, nil
}

// Confirm takes a code of Arrive and stores the authorisation, if Accept agrees. Every code works once, for StateLife. An error of
// Accept is returned as it is.
func (f *Flow) Confirm(ctx context.Context, code string) (Outcome, error) {
	a, err := take[arrived](ctx, f.states, arrivedItem, code)
	if err != nil {
		return Outcome{}, err
	}
	if _, ok := f.Systems[a.Outcome.System]; !ok {
		return a.Outcome, gone(a.Outcome.System)
	}
	return f.accept(ctx, a.Outcome, a.Token)
}

// accept stores the authorisation, if Accept agrees.
func (f *Flow) accept(ctx context.Context, o Outcome, t Token) (Outcome, error) {
	account := ""
	err := f.Accept(ctx, o, func(ctx context.Context, id string) error {
		account = id
		return f.Keeper.Save(ctx, o.Tenant, id, o.System, t)
	})
	if err == nil && account == "" {
		err = fmt.Errorf("oauth: the authorisation for %s was accepted but not kept", f.Systems[o.System].Name)
	}
	if err == nil {
		o.Account = account
	}
	return o, err
}

// Drop forgets what a code of Arrive stands for. The authorisation is not given back to the vendor: that could end the one of
// somebody who has the account already.
func (f *Flow) Drop(ctx context.Context, code string) (Outcome, error) {
	a, err := take[arrived](ctx, f.states, arrivedItem, code)
	return a.Outcome, err
}

func gone(system string) error {
	return &RefusedError{"system", fmt.Sprintf("Meibo no longer offers the system %q", system), "choose another system"}
}

// declined says why the vendor sent the browser back without a code (RFC 6749 section 4.1.2.1). Its description is not repeated:
// anybody can write an address with any text in it.
func declined(sys System, code string) error {
	switch code {
	case "access_denied", "consent_required", "interaction_required", "login_required":
		return &RefusedError{"denied", "the consent at " + sys.Name + " was not given", "connect again and allow all that is asked for"}
	case "server_error", "temporarily_unavailable":
		return fmt.Errorf("%w: %s could not take the consent: connect again in a few minutes", connector.ErrTransient, sys.Name)
	case "invalid_client", "unauthorized_client", "invalid_scope", "redirect_uri_mismatch", "invalid_redirect_uri":
		return fmt.Errorf("%w: %w", connector.ErrMisconfigured, ErrClient)
	default:
		return &RefusedError{"consent", sys.Name + " did not take the consent", "connect again; if it fails again, ask the administrator of " + sys.Name + " whether Meibo is allowed"}
	}
}

func exchangeError(sys System, err error) error {
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return err
	case errors.Is(err, ErrClient):
		return fmt.Errorf("%w: %w", connector.ErrMisconfigured, err)
	case errors.Is(err, ErrRevoked):
		return &RefusedError{"code", sys.Name + " no longer accepts this consent", "connect again"}
	default:
		return fmt.Errorf("%w: %s did not answer the consent: connect again in a few minutes: %w", connector.ErrTransient, sys.Name, err)
	}
}

// fixed authorises every request with one token, for the first call after consent.
type fixed struct {
	base       http.RoundTripper
	credential Credential
	token      Token
}

func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	f.credential.Authorize(r, f.token)
	return f.base.RoundTrip(r)
}

func base(hc *http.Client) http.RoundTripper {
	if hc.Transport != nil {
		return hc.Transport
	}
	return http.DefaultTransport
}

// noRedirect keeps the authorisation from following an API's redirect to another host.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
