package graph

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	cfg        Config
	properties [kinds]property
	kindOf     map[string]kind
	routes     []route
	faults     sandbox.Faults
	parts      sandbox.Faults
	auth       *sandbox.AuthServer
	signing    sandbox.IDTokens
	pusher     *sandbox.Pusher
	control    http.Handler
	vendor     http.Handler
	requests   atomic.Uint64

	// mu guards what follows. It is never held while the authorisation server is called, which calls back.
	mu        sync.Mutex
	secret    []byte // seals cursors
	limits    Limits
	quirks    Quirks
	lag       time.Duration
	tenants   map[string]*tenant
	users     []string
	boxes     map[string]*mailbox // by e-mail address
	subs      map[string]*subscription
	subSeq    uint64
	noticeSeq uint64
	outbox    []notice
	dirty     dirty
}

// New returns a sandbox with what cfg.Keep holds.
func New(cfg Config) (*Sandbox, error) {
	if cfg.Client.ID == "" || cfg.Client.Secret == "" {
		return nil, errors.New("graph sandbox: Config.Client needs an id and a secret")
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
		if cfg.Seed != 0 && cfg.Keep == nil {
			cfg.Rand = sandbox.Seeded("graph", cfg.Seed)
		}
	}
	s := &Sandbox{
		cfg: cfg, properties: properties(), kindOf: map[string]kind{}, routes: routeTable(),
		limits: cfg.Limits.resolved(), quirks: cfg.Quirks, lag: cfg.Lag,
		tenants: map[string]*tenant{}, boxes: map[string]*mailbox{}, subs: map[string]*subscription{},
		pusher: sandbox.NewPusher(sandbox.PusherConfig{Clock: cfg.Clock, HTTP: cfg.HTTP}),
	}
	for k, p := range s.properties {
		s.kindOf[p.name] = kind(k)
	}
	s.faults.Clock, s.parts.Clock = cfg.Clock, cfg.Clock
	s.faults.Op, s.parts.Op = s.operation, s.operation
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

// PartFaults returns what goes around the parts of batches. A fault that cuts the connection cuts that of the whole batch.
func (s *Sandbox) PartFaults() *sandbox.Faults { return &s.parts }

// Pusher returns what delivers the notifications.
func (s *Sandbox) Pusher() *sandbox.Pusher { return s.pusher }

// Close gives up the notifications that are not delivered.
func (s *Sandbox) Close() { s.pusher.Close() }

// ServeHTTP answers Microsoft's paths and the control routes.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if sandbox.IsControl(r) {
		s.control.ServeHTTP(w, r)
		return
	}
	s.vendor.ServeHTTP(w, r)
}

func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v1.0/") {
		s.api(w, r)
		return
	}
	s.identity(w, r)
}

// operation names a request for the call counts: those to the API and the token path.
func (s *Sandbox) operation(r *http.Request) string {
	path, ok := strings.CutPrefix(r.URL.Path, "/v1.0")
	if !ok {
		if _, rest, ok := entra.TenantPath(r.URL.Path); ok && rest == entra.TokenPath {
			return r.Method + " /{tenant}" + entra.TokenPath
		}
		return ""
	}
	if owner, rest, ok := below(path); ok {
		at := "/v1.0/users/{id}"
		if owner == "me" {
			at = "/v1.0/me"
		}
		if rt, _, _ := s.findRoute(r.Method, rest); rt != nil {
			return r.Method + " " + at + rt.pattern
		}
	}
	if id, ok := strings.CutPrefix(path, "/subscriptions/"); ok {
		_, action, found := strings.Cut(id, "/")
		if found {
			return r.Method + " /v1.0/subscriptions/{id}/" + action
		}
		return r.Method + " /v1.0/subscriptions/{id}"
	}
	return r.Method + " " + r.URL.Path
}

// origin is the address under which r reached the sandbox.
func (s *Sandbox) origin(r *http.Request) string {
	if s.cfg.Origin != "" {
		return s.cfg.Origin
	}
	return sandbox.Origin(r)
}

func (s *Sandbox) requestID() string {
	return guid("request", itoa(int(s.requests.Add(1))))
}

// locked does something with the state, keeps what it changed and sends what it has to tell. The pusher gets it after the lock is free.
func (s *Sandbox) locked(do func() error) error {
	s.mu.Lock()
	err := do()
	if err == nil {
		err = s.flush()
	}
	out := s.outbox
	s.outbox = nil
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.post(out)
}

// withBox is locked for one mailbox.
func (s *Sandbox) withBox(user string, do func(*mailbox) error) error {
	return s.locked(func() error {
		m := s.boxes[user]
		if m == nil {
			return fmt.Errorf("%w: %s", sandbox.ErrNoUser, user)
		}
		return do(m)
	})
}

// AddUser adds an account with an empty mailbox, or changes the name and the switches of one.
func (s *Sandbox) AddUser(u User) error {
	if !strings.Contains(u.Email, "@") || u.Name == "" {
		return errors.New("a user needs an e-mail address and a name")
	}
	if err := u.Admin.check(); err != nil {
		return err
	}
	return s.locked(func() error {
		t, err := s.tenantFor(u)
		if err != nil {
			return err
		}
		m := s.boxes[u.Email]
		if m == nil {
			m = newMailbox(u, t.ID, guid("user", strings.ToLower(u.Email)))
			m.ids, m.seq = defaultFolder, 1
			m.folders[defaultFolder] = &folder{id: defaultFolder, name: "Contacts", seq: 1}
			s.boxes[u.Email] = m
			s.users = append(s.users, u.Email)
			slices.Sort(s.users)
			s.dirty.folder(m, m.folders[defaultFolder])
		}
		if m.tid != t.ID {
			return errors.New("a user cannot move to another directory")
		}
		m.User = u
		s.dirty.mailbox(m)
		return nil
	})
}

// Users lists the accounts by address.
func (s *Sandbox) Users() []sandbox.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]sandbox.User, 0, len(s.users))
	for _, email := range s.users {
		out = append(out, sandbox.User{Email: email, Name: s.boxes[email].Name})
	}
	return out
}
