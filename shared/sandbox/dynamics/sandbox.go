package dynamics

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"meibo/shared/clock"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/entra"
)

// Sandbox is the stand-in. It is safe for concurrent use.
type Sandbox struct {
	cfg      Config
	defs     []tableDef
	faults   sandbox.Faults
	parts    sandbox.Faults
	auth     *sandbox.AuthServer
	signing  sandbox.IDTokens
	control  http.Handler
	vendor   http.Handler
	requests atomic.Uint64

	// mu guards what follows. It is never held while the authorisation server is called, which calls back.
	mu      sync.Mutex
	secret  []byte // seals cursors
	limits  Limits
	quirks  Quirks
	lag     time.Duration
	tenants map[string]*tenant
	users   map[string]*member // by e-mail address
	orgs    map[string]*org    // by host
	dirty   dirty
}

// New returns a sandbox with what cfg.Keep holds.
func New(cfg Config) (*Sandbox, error) {
	if cfg.Client.ID == "" || cfg.Client.Secret == "" {
		return nil, errors.New("dynamics sandbox: Config.Client needs an id and a secret")
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
		if cfg.Seed != 0 && cfg.Keep == nil {
			cfg.Rand = sandbox.Seeded("dynamics", cfg.Seed)
		}
	}
	s := &Sandbox{
		cfg: cfg, defs: tableDefs(), limits: cfg.Limits.resolved(), quirks: cfg.Quirks, lag: cfg.Lag,
		tenants: map[string]*tenant{}, users: map[string]*member{}, orgs: map[string]*org{},
	}
	s.faults.Clock, s.parts.Clock = cfg.Clock, cfg.Clock
	s.faults.Op, s.parts.Op = operation, operation
	s.signing.Keep, s.signing.Name, s.signing.First = cfg.Keep, signingKey, cfg.Signing
	if err := s.load(); err != nil {
		return nil, err
	}
	if err := s.newAuth(); err != nil {
		return nil, err
	}
	s.vendor = s.faults.Wrap(http.HandlerFunc(s.serve))
	s.control = sandbox.Control(sandbox.ControlConfig{Book: s, Faults: &s.faults, Clock: cfg.Clock, Verbs: s.verbs()})
	return s, nil
}

// Faults returns what goes around the vendor's routes. A batch is one call there.
func (s *Sandbox) Faults() *sandbox.Faults { return &s.faults }

// PartFaults returns what goes around the operations of batches. A fault that cuts the connection cuts that of the whole batch.
func (s *Sandbox) PartFaults() *sandbox.Faults { return &s.parts }

// ServeHTTP answers Microsoft's paths and the control routes.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if sandbox.IsControl(r) {
		s.control.ServeHTTP(w, r)
		return
	}
	s.vendor.ServeHTTP(w, r)
}

// apiPath is where the Web API is.
const apiPath = "/api/data/v9.2/"

func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, apiPath) {
		s.api(w, r)
		return
	}
	s.identity(w, r)
}

// operation names a request for the call counts: those to the API, with keys left out, and the token path.
func operation(r *http.Request) string {
	path, ok := strings.CutPrefix(r.URL.Path, apiPath)
	if !ok {
		if _, rest, ok := entra.TenantPath(r.URL.Path); ok && rest == entra.TokenPath {
			return r.Method + " /{tenant}" + entra.TokenPath
		}
		return ""
	}
	var b strings.Builder
	depth := 0
	for _, c := range path {
		switch {
		case c == '(':
			if depth++; depth == 1 {
				b.WriteString("({key})")
			}
		case c == ')':
			depth--
		case depth == 0:
			b.WriteRune(c)
		}
	}
	return r.Method + " " + apiPath + strings.ReplaceAll(b.String(), "RetrieveUserPrivileges({key})", "RetrieveUserPrivileges()")
}

// origin is the address under which r reached the sandbox.
func (s *Sandbox) origin(r *http.Request) string {
	if s.cfg.Origin != "" {
		return s.cfg.Origin
	}
	return sandbox.Origin(r)
}

func (s *Sandbox) requestID() string {
	return derive("request", itoa(int(s.requests.Add(1)))).String()
}

// locked does something with the state and keeps what it changed.
func (s *Sandbox) locked(do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	return s.flush()
}

// withUser is locked for one user and the user's organisation.
func (s *Sandbox) withUser(email string, do func(*org, *member) error) error {
	return s.locked(func() error {
		m := s.users[email]
		if m == nil {
			return fmt.Errorf("%w: %s", sandbox.ErrNoUser, email)
		}
		return do(s.orgs[m.Organization], m)
	})
}
