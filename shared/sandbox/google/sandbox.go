package google

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"meibo/shared/clock"
	"meibo/shared/sandbox"
)

// projectNumber is the Google Cloud project that error bodies name.
const projectNumber = "100000000000"

// Sandbox is the stand-in. It is safe for concurrent use.
type Sandbox struct {
	cfg     Config
	schema  *schema
	faults  sandbox.Faults
	auth    *sandbox.AuthServer
	signing sandbox.IDTokens
	control http.Handler
	vendor  http.Handler
	routes  []route

	mu       sync.Mutex
	secret   []byte // seals cursors
	limits   Limits
	lag      time.Duration
	disabled bool // the API is switched off in the project
	users    []string
	accounts map[string]*account // by e-mail address
	photos   map[photoKey][]byte
	dirty    dirty
}

type photoKey struct {
	sub string
	id  uint64
	set uint64
}

// New returns a sandbox with what cfg.Keep holds.
func New(cfg Config) (*Sandbox, error) {
	if cfg.Client.ID == "" || cfg.Client.Secret == "" {
		return nil, errors.New("google sandbox: Config.Client needs an id and a secret")
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
		if cfg.Seed != 0 && cfg.Keep == nil {
			cfg.Rand = sandbox.Seeded("google", cfg.Seed)
		}
	}
	s := &Sandbox{
		cfg: cfg, schema: newSchema(), limits: cfg.Limits.resolved(), lag: cfg.Lag,
		accounts: map[string]*account{}, photos: map[photoKey][]byte{},
	}
	s.faults.Clock = cfg.Clock
	s.faults.Op = s.operation
	s.signing.Keep, s.signing.Name, s.signing.First = cfg.Keep, signingKey, cfg.Signing
	if err := s.load(); err != nil {
		return nil, err
	}
	if err := s.newAuth(); err != nil {
		return nil, err
	}
	s.routes = s.routeTable()
	s.vendor = s.faults.Wrap(http.HandlerFunc(s.serve))
	s.control = sandbox.Control(sandbox.ControlConfig{Book: s, Faults: &s.faults, Clock: cfg.Clock, Verbs: s.verbs()})
	return s, nil
}

// Faults returns what goes around the vendor's routes.
func (s *Sandbox) Faults() *sandbox.Faults { return &s.faults }

// ServeHTTP answers Google's paths and the control routes.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if sandbox.IsControl(r) {
		s.control.ServeHTTP(w, r)
		return
	}
	s.vendor.ServeHTTP(w, r)
}

func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case s.auth.Handles(path):
		s.auth.ServeHTTP(w, r)
	case path == "/.well-known/openid-configuration":
		s.discovery(w, r)
	case path == "/oauth2/v3/certs":
		s.certs(w, r)
	case path == "/oauth2/v3/userinfo", path == "/v1/userinfo":
		s.userinfo(w, r)
	case strings.HasPrefix(path, "/photos/"):
		s.servePhoto(w, r)
	default:
		s.api(w, r)
	}
}

// operation names a request for the call counts: those to the API, the token and revoke paths, userinfo and picture downloads.
func (s *Sandbox) operation(r *http.Request) string {
	path := r.URL.Path
	switch {
	case path == authorizePath, path == "/oauth2/v3/certs", path == "/.well-known/openid-configuration":
		return ""
	case strings.HasPrefix(path, "/photos/"):
		return r.Method + " /photos/{id}"
	}
	for _, rt := range s.routes {
		if _, ok := rt.match(r.Method, path); ok {
			return rt.method + " " + rt.pattern
		}
	}
	return r.Method + " " + path
}

// origin is the address under which r reached the sandbox.
func (s *Sandbox) origin(r *http.Request) string {
	if s.cfg.Origin != "" {
		return s.cfg.Origin
	}
	return sandbox.Origin(r)
}

// AddUser adds an account, or changes the name and region of one.
func (s *Sandbox) AddUser(u User) error {
	if !strings.Contains(u.Email, "@") || u.Name == "" {
		return errors.New("a user needs an e-mail address and a name")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[u.Email]
	if a == nil {
		// A Google account id has 21 digits.
		a = newAccount(u, fmt.Sprintf("1%020d", hash("sub", u.Email)))
		s.accounts[u.Email] = a
		s.users = append(s.users, u.Email)
		slices.Sort(s.users)
		s.systemGroups(a)
	}
	a.User = u
	s.dirty.user(a)
	return s.flush()
}

// Users lists the accounts by address.
func (s *Sandbox) Users() []sandbox.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]sandbox.User, 0, len(s.users))
	for _, email := range s.users {
		out = append(out, sandbox.User{Email: email, Name: s.accounts[email].Name})
	}
	return out
}

// account returns the state of a user, with everything that is visible by now shown. The caller holds s.mu.
func (s *Sandbox) account(email string) (*account, error) {
	a := s.accounts[email]
	if a == nil {
		return nil, fmt.Errorf("%w: %s", sandbox.ErrNoUser, email)
	}
	a.advance(s.cfg.Clock.Now())
	return a, nil
}

// push writes a new version of c through.
func (s *Sandbox) push(a *account, c *contact, v version) {
	a.push(c, v, s.cfg.Clock.Now(), s.lag)
	s.dirty.contact(a, c)
}

func (s *Sandbox) remove(a *account, c *contact) {
	v := c.now()
	if v.photo != 0 {
		s.dropPhoto(photoKey{a.sub, c.id, v.photo})
	}
	a.remove(c, s.cfg.Clock.Now(), s.lag)
	s.dirty.contact(a, c)
}
