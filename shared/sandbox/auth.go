package sandbox

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"meibo/shared/clock"
)

// Client is an application that is registered at a sandbox.
type Client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// AuthConfig is what an AuthServer needs to know. Fields without a default are required.
type AuthConfig struct {
	Name   string // in Keep's keys; two servers on one Keep need two names
	System string // on the consent page: "Google Contacts (sandbox)"
	Clock  clock.Clock
	Rand   io.Reader // nil means crypto/rand
	Keep   Keep      // nil means memory only

	Clients      []Client
	RedirectURIs []string
	// The paths that the server answers. RevokePath may be "".
	AuthorizePath, TokenPath, RevokePath string

	ScopeSeparator string        // between scopes in a parameter; "" means a space
	CodeLife       time.Duration // 0 means 10 minutes
	AccessLife     time.Duration // 0 means 1 hour
	// MaxRefresh is how many refresh tokens one user and client have alive; the oldest dies silently. 0 means no limit.
	MaxRefresh int
	// ParamsInQuery lets the token and revoke paths take their parameters from the query as well as from the form.
	ParamsInQuery bool

	Users func() []User
	Hooks AuthHooks
}

// AuthHooks are what differs by vendor. Nil hooks mean plain RFC 6749.
type AuthHooks struct {
	// Authorize checks an authorize request beyond client, redirect URI, response type and PKCE.
	Authorize func(r *http.Request) *AuthError
	// Scope says whether a scope exists.
	Scope func(scope string) bool
	// Redirect adds parameters to the redirect that carries a code.
	Redirect func(r *http.Request, u User) url.Values
	// Granted returns the scopes of a new grant, given what the person ticked and what was granted to the client before.
	Granted func(g Grant, earlier []string) []string
	// IssueRefresh says whether the code exchange answers with a refresh token; again tells that the user consented to this
	// client before. Nil means always.
	IssueRefresh func(g Grant, again bool) bool
	// Token may refuse an access token, and returns members to add to the answer.
	Token func(r *http.Request, g Grant, refresh bool) (map[string]any, *AuthError)
	// Spell turns random text into a token of the vendor's look.
	Spell func(kind TokenKind, random string) string
	// WriteError writes an error of the token or revoke path.
	WriteError func(w http.ResponseWriter, r *http.Request, e *AuthError)
}

// TokenKind is what a token is for.
type TokenKind string

// The kinds of token.
const (
	KindCode    TokenKind = "code"
	KindAccess  TokenKind = "access"
	KindRefresh TokenKind = "refresh"
)

// AuthCause says what is wrong, finer than RFC 6749's codes, for vendors that tell it.
type AuthCause string

// The causes.
const (
	CauseRequest  AuthCause = "request"   // a parameter is missing or malformed
	CauseMethod   AuthCause = "method"    // not a POST
	CauseClient   AuthCause = "client"    // no such client, or credentials in the wrong place
	CauseSecret   AuthCause = "secret"    // wrong secret
	CauseRedirect AuthCause = "redirect"  // wrong redirect URI
	CauseCode     AuthCause = "code"      // unknown, used or expired code, or another client's
	CauseVerifier AuthCause = "verifier"  // wrong, missing or unasked-for PKCE verifier
	CauseRefresh  AuthCause = "refresh"   // dead or unknown refresh token
	CauseGrant    AuthCause = "granttype" // unsupported grant type
	CauseScope    AuthCause = "scope"     // unknown scope
	CauseRevoke   AuthCause = "revoke"    // revoking an unknown token
	CauseVendor   AuthCause = "vendor"    // a hook's own
)

// AuthError is a refusal by the authorisation server. Code and Description are RFC 6749's; Status is the HTTP status.
type AuthError struct {
	Cause       AuthCause
	Code        string
	Description string
	Status      int
}

func (e *AuthError) Error() string { return e.Code + ": " + e.Description }

// Grant is what a person allowed a client.
type Grant struct {
	User   string     `json:"user"` // e-mail address
	Client string     `json:"client"`
	Scopes []string   `json:"scopes"`
	Query  url.Values `json:"query,omitempty"` // of the authorize request, without state and challenge
	At     time.Time  `json:"at"`
	// Refresh is the refresh token that the grant lives by, or "".
	Refresh string `json:"refresh,omitempty"`
}

// token is a stored code, access token or refresh token.
type token struct {
	Kind      TokenKind `json:"kind"`
	Grant     Grant     `json:"grant"`
	Issued    time.Time `json:"issued"`
	Expires   time.Time `json:"expires,omitzero"`
	Redirect  string    `json:"redirect,omitempty"`  // code
	Challenge string    `json:"challenge,omitempty"` // code
	Seq       uint64    `json:"seq"`                 // order of issue
}

// AuthServer is an OAuth 2.0 authorisation server (RFC 6749 code flow, RFC 7636 S256, RFC 7009) for a sandbox. Its consent page
// lists the sandbox's users instead of asking for a password.
type AuthServer struct {
	cfg AuthConfig

	mu       sync.Mutex
	seq      uint64
	tokens   map[string]*token
	consents map[string][]string // user + "\n" + client: scopes allowed so far
}

// NewAuthServer returns a server with the tokens that cfg.Keep holds.
func NewAuthServer(cfg AuthConfig) (*AuthServer, error) {
	if cfg.Clock == nil || cfg.Users == nil || cfg.AuthorizePath == "" || cfg.TokenPath == "" {
		return nil, fmt.Errorf("sandbox: the authorisation server %q needs a clock, users and paths", cfg.Name)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.ScopeSeparator == "" {
		cfg.ScopeSeparator = " "
	}
	if cfg.CodeLife == 0 {
		cfg.CodeLife = 10 * time.Minute
	}
	if cfg.AccessLife == 0 {
		cfg.AccessLife = time.Hour
	}
	s := &AuthServer{cfg: cfg, tokens: map[string]*token{}, consents: map[string][]string{}}
	return s, s.load()
}

// Handles reports whether path is one of the server's.
func (s *AuthServer) Handles(path string) bool {
	return path == s.cfg.AuthorizePath || path == s.cfg.TokenPath || (path == s.cfg.RevokePath && path != "")
}

// ServeHTTP answers the authorize, token and revoke paths.
func (s *AuthServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case s.cfg.AuthorizePath:
		s.authorize(w, r)
	case s.cfg.TokenPath:
		s.token(w, r)
	case s.cfg.RevokePath:
		s.revoke(w, r)
	default:
		http.NotFound(w, r)
	}
}

// Check returns the grant of an access token, and false when it is unknown, expired or revoked.
func (s *AuthServer) Check(access string) (Grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[access]
	if t == nil || t.Kind != KindAccess || !s.cfg.Clock.Now().Before(t.Expires) {
		return Grant{}, false
	}
	return t.Grant, true
}

// RevokeUser takes the user's authorisations away, as the vendor's "remove access" page does: refresh and access tokens die.
func (s *AuthServer) RevokeUser(user string) error {
	return s.drop(func(t *token) bool { return t.Grant.User == user })
}

// ExpireAccess ends the user's access tokens; refresh tokens live on.
func (s *AuthServer) ExpireAccess(user string) error {
	return s.drop(func(t *token) bool { return t.Grant.User == user && t.Kind == KindAccess })
}

// SetScopes replaces the scopes of everything that the user granted, as an administrator's restriction does.
func (s *AuthServer) SetScopes(user string, scopes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	puts := map[string][]byte{}
	for name, t := range s.tokens {
		if t.Grant.User == user {
			t.Grant.Scopes = slices.Clone(scopes)
			if err := s.put(puts, name, t); err != nil {
				return err
			}
		}
	}
	return Save(s.cfg.Keep, puts, nil)
}

// Issue grants scopes to client for user without the consent page, for tests of what comes after it. It returns an access token
// and a refresh token.
func (s *AuthServer) Issue(user, client string, scopes ...string) (access, refresh string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := Grant{User: user, Client: client, Scopes: scopes, At: s.cfg.Clock.Now()}
	puts := map[string][]byte{}
	refresh, dead, err := s.newRefresh(puts, &g)
	if err != nil {
		return "", "", err
	}
	if access, err = s.newAccess(puts, g); err != nil {
		return "", "", err
	}
	return access, refresh, Save(s.cfg.Keep, puts, dead)
}

func (s *AuthServer) load() error {
	if s.cfg.Keep == nil {
		return nil
	}
	tokens, consents := s.key("token", ""), s.key("consent", "")
	return s.cfg.Keep.Each(func(key string, value []byte) error {
		if name, ok := strings.CutPrefix(key, tokens); ok {
			t := &token{}
			if err := json.Unmarshal(value, t); err != nil {
				return fmt.Errorf("sandbox: a kept token of %s does not parse: %w", s.cfg.Name, err)
			}
			s.tokens[name] = t
			s.seq = max(s.seq, t.Seq)
		} else if name, ok := strings.CutPrefix(key, consents); ok {
			var scopes []string
			if err := json.Unmarshal(value, &scopes); err != nil {
				return fmt.Errorf("sandbox: a kept consent of %s does not parse: %w", s.cfg.Name, err)
			}
			s.consents[name] = scopes
		}
		return nil
	})
}

func (s *AuthServer) key(kind, name string) string {
	return "auth/" + s.cfg.Name + "/" + kind + "/" + name
}

func (s *AuthServer) put(puts map[string][]byte, name string, t *token) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	s.tokens[name] = t
	puts[s.key("token", name)] = b
	return nil
}

// forget removes a token and returns its key in Keep.
func (s *AuthServer) forget(name string) string {
	delete(s.tokens, name)
	return s.key("token", name)
}

func (s *AuthServer) drop(match func(*token) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropLocked(match)
}

func (s *AuthServer) dropLocked(match func(*token) bool) error {
	var dead []string
	for name, t := range s.tokens {
		if match(t) {
			dead = append(dead, s.forget(name))
		}
	}
	return Save(s.cfg.Keep, nil, dead)
}

func (s *AuthServer) mint(puts map[string][]byte, t *token) (string, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
		return "", fmt.Errorf("sandbox: no randomness for a token: %w", err)
	}
	name := base64.RawURLEncoding.EncodeToString(b)
	if s.cfg.Hooks.Spell != nil {
		name = s.cfg.Hooks.Spell(t.Kind, name)
	}
	s.seq++
	t.Seq, t.Issued = s.seq, s.cfg.Clock.Now()
	return name, s.put(puts, name, t)
}

func (s *AuthServer) newAccess(puts map[string][]byte, g Grant) (string, error) {
	return s.mint(puts, &token{Kind: KindAccess, Grant: g, Expires: s.cfg.Clock.Now().Add(s.cfg.AccessLife)})
}

// newRefresh mints a refresh token, notes it in g, and returns the keys of what it pushed out.
func (s *AuthServer) newRefresh(puts map[string][]byte, g *Grant) (name string, dead []string, err error) {
	t := &token{Kind: KindRefresh}
	if name, err = s.mint(puts, t); err != nil {
		return "", nil, err
	}
	g.Refresh = name
	t.Grant = *g
	if err = s.put(puts, name, t); err != nil {
		return "", nil, err
	}
	var live []string
	for n, o := range s.tokens {
		if o.Kind == KindRefresh && o.Grant.User == g.User && o.Grant.Client == g.Client {
			live = append(live, n)
		}
	}
	if s.cfg.MaxRefresh == 0 || len(live) <= s.cfg.MaxRefresh {
		return name, nil, nil
	}
	slices.SortFunc(live, func(a, b string) int { return cmp.Compare(s.tokens[a].Seq, s.tokens[b].Seq) })
	for _, n := range live[:len(live)-s.cfg.MaxRefresh] {
		dead = append(dead, s.forget(n))
	}
	return name, dead, nil
}

func (s *AuthServer) client(id string) (Client, bool) {
	for _, c := range s.cfg.Clients {
		if c.ID == id {
			return c, true
		}
	}
	return Client{}, false
}
