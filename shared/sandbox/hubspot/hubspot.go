package hubspot

import (
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"

	"meibo/shared/sandbox"
)

// Sandbox is the stand-in. It is an http.Handler; its exported methods are what a person or an administrator does at HubSpot, and what
// goes wrong there. All may be called at the same time.
type Sandbox struct {
	cfg     Config
	faults  *sandbox.Faults
	control http.Handler
	served  http.Handler
	pusher  *sandbox.Pusher
	auth    *sandbox.AuthServer

	mu       sync.Mutex
	random   io.Reader
	chance   *mathrand.Rand // chooses what HubSpot recomputes
	portals  []*portal
	installs map[string]*install // by refresh token
	ends     map[string]int64    // of access tokens, in milliseconds; for introspection only
	users    int64               // given ids of users
	starts   int64               // how often the kept state was opened before
	hook     hook

	draft   sandbox.Draft
	changed map[*portal]bool
	events  []event // to be sent when the state is kept
	sent    int64   // events so far
}

// New makes a sandbox, with what cfg.Keep holds from an earlier one.
func New(cfg Config) (*Sandbox, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Sandbox{cfg: cfg, random: cfg.Random, installs: map[string]*install{}, ends: map[string]int64{}, draft: sandbox.Draft{Keep: cfg.Keep},
		changed: map[*portal]bool{}, hook: hook{URL: cfg.HookURL, Properties: cfg.HookProperties}}
	if err := s.load(); err != nil {
		return nil, err
	}
	s.sow()
	if err := s.save(); err != nil {
		return nil, err
	}
	var err error
	if s.auth, err = s.newAuth(); err != nil {
		return nil, err
	}
	s.pusher = sandbox.NewPusher(sandbox.PusherConfig{Clock: cfg.Clock, HTTP: cfg.HTTP, Log: cfg.Log})
	s.faults = &sandbox.Faults{Op: operation, Clock: cfg.Clock}
	s.served = s.faults.Wrap(http.HandlerFunc(s.route))
	s.control = s.controlHandler()
	return s, nil
}

// sow prepares randomness. What Seed makes repeats from the first start on, but never after a restart: a token must not come twice.
func (s *Sandbox) sow() {
	var seed [32]byte
	for i := range 8 {
		seed[i], seed[8+i] = byte(s.cfg.Seed>>(8*i)), byte(s.starts>>(8*i))
	}
	s.chance = mathrand.New(mathrand.NewChaCha8(seed))
	if s.random == nil {
		s.random = rand.Reader
		if s.cfg.Seed != 0 {
			s.random = mathrand.NewChaCha8(seed)
		}
	}
	s.random = sandbox.Locked(s.random)
	s.starts++
	s.draft.PutJSON("starts", s.starts)
}

// Faults are the sandbox's faults and its count of calls.
func (s *Sandbox) Faults() *sandbox.Faults { return s.faults }

// Pusher delivers webhooks, and loses, doubles, holds back or reorders them on request.
func (s *Sandbox) Pusher() *sandbox.Pusher { return s.pusher }

// Close gives up what is not delivered.
func (s *Sandbox) Close() { s.pusher.Close() }

// ServeHTTP answers the vendor's paths and the control routes. Every answer carries the sandbox clock's Date.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.cfg.Clock.Now().UTC().Format(http.TimeFormat))
	s.served.ServeHTTP(w, r)
}

// now is the current time in milliseconds.
func (s *Sandbox) now() int64 { return s.cfg.Clock.Now().UnixMilli() }

// operation names a vendor call for the count; pages for people have no name.
func operation(r *http.Request) string {
	if sandbox.IsControl(r) || r.URL.Path == authorizePath {
		return ""
	}
	ro, _, known := find(r.Method, r.URL.Path)
	switch {
	case ro != nil:
		return r.Method + " " + ro.template(r.URL.Path)
	case known:
		return r.Method + " " + r.URL.Path
	}
	return sandbox.Template(r)
}

func (s *Sandbox) route(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case sandbox.IsControl(r):
		s.control.ServeHTTP(w, r)
	case strings.HasPrefix(path, "/oauth/"):
		s.oauth(w, r)
	default:
		s.api(w, r)
	}
}

// save keeps what changed and then lets the webhooks of it out.
func (s *Sandbox) save() error {
	for p := range s.changed {
		s.draft.PutJSON(portalKey(p), p)
	}
	clear(s.changed)
	if err := s.draft.Save(); err != nil {
		s.events = nil
		return fmt.Errorf("hubspot sandbox: keep the state: %w", err)
	}
	if !s.hook.Collect {
		s.flush()
	}
	return nil
}
