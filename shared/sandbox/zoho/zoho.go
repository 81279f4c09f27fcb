package zoho

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"meibo/shared/sandbox"
)

// Sandbox is the stand-in. It is an http.Handler; its exported methods are what a person or an administrator does at Zoho, and
// what goes wrong there. All may be called at the same time.
type Sandbox struct {
	cfg     Config
	faults  *sandbox.Faults
	control http.Handler
	served  http.Handler

	mu     sync.Mutex
	random io.Reader
	key    []byte // seals page tokens
	lag    time.Duration
	orgs   []*org // by Index
	auth   *sandbox.AuthServer
	issued map[string][]time.Time // access tokens by refresh token, within the window

	draft   sandbox.Draft
	changed map[*org]bool

	pusher *sandbox.Pusher
	news   []happening // not yet told
}

// New makes a sandbox, with what cfg.Keep holds from an earlier one.
func New(cfg Config) (*Sandbox, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Sandbox{cfg: cfg, random: sandbox.Random(cfg.Random, cfg.Seed), lag: cfg.Lag, draft: sandbox.Draft{Keep: cfg.Keep}, changed: map[*org]bool{}, issued: map[string][]time.Time{}}
	if err := s.load(); err != nil {
		return nil, err
	}
	if s.key == nil {
		s.key = make([]byte, 32)
		if _, err := io.ReadFull(s.random, s.key); err != nil {
			return nil, fmt.Errorf("zoho sandbox: make the key of page tokens: %w", err)
		}
		s.draft.Put("key", s.key)
		if err := s.save(); err != nil {
			return nil, err
		}
	}
	s.pusher = sandbox.NewPusher(sandbox.PusherConfig{Clock: cfg.Clock, HTTP: cfg.HTTP})
	var err error
	if s.auth, err = s.newAuth(); err != nil {
		return nil, err
	}
	s.faults = &sandbox.Faults{Op: operation, Clock: cfg.Clock}
	s.served = s.faults.Wrap(http.HandlerFunc(s.route))
	s.control = s.controlHandler()
	return s, nil
}

// Faults are the sandbox's faults and its count of calls.
func (s *Sandbox) Faults() *sandbox.Faults { return s.faults }

// ServeHTTP answers the vendor's paths and the control routes. Every answer carries the sandbox clock's Date.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.cfg.Clock.Now().UTC().Format(http.TimeFormat))
	s.served.ServeHTTP(w, r)
}

// now is the current second.
func (s *Sandbox) now() int64 { return s.cfg.Clock.Now().Unix() }

const dcPrefix = "/dc/"

// split takes the prefix of a data centre off a path; location is "" without one.
func split(path string) (location, rest string) {
	after, ok := strings.CutPrefix(path, dcPrefix)
	if !ok {
		return "", path
	}
	location, rest, _ = strings.Cut(after, "/")
	return location, "/" + rest
}

// operation names a vendor call for the count; pages for people have no name.
func operation(r *http.Request) string {
	_, path := split(r.URL.Path)
	if strings.HasPrefix(path, "/oauth/v2/token") {
		return r.Method + " " + path
	}
	rest, ok := strings.CutPrefix(path, apiPrefix)
	if !ok {
		return ""
	}
	parts := strings.Split(rest, "/")
	for i, p := range parts {
		if parseID(p) != 0 {
			parts[i] = "{id}"
		}
	}
	return r.Method + " " + apiPrefix + strings.Join(parts, "/")
}

func (s *Sandbox) route(w http.ResponseWriter, r *http.Request) {
	if sandbox.IsControl(r) {
		s.control.ServeHTTP(w, r)
		return
	}
	dc, path, ok := s.dcOf(r)
	if !ok {
		fail(w, badURL())
		return
	}
	switch {
	case strings.HasPrefix(path, "/oauth/v2/"):
		s.oauth(w, r, dc, path)
	case strings.HasPrefix(path, apiPrefix):
		s.api(w, r, dc, strings.TrimPrefix(path, apiPrefix))
	default:
		fail(w, badURL())
	}
}

// dcOf says which data centre a request is for: by prefix, else by the origins that Config names, else the first.
func (s *Sandbox) dcOf(r *http.Request) (DC, string, bool) {
	location, path := split(r.URL.Path)
	if location != "" {
		for _, d := range s.cfg.DCs {
			if d.Location == location {
				return d, path, true
			}
		}
		return DC{}, "", false
	}
	for _, d := range s.cfg.DCs {
		if hostOf(d.Accounts) == r.Host || hostOf(d.API) == r.Host {
			return d, path, true
		}
	}
	return s.cfg.DCs[0], path, true
}

func hostOf(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

// origins are the accounts server and the API domain of a data centre, as the caller of r reaches them.
func (s *Sandbox) origins(r *http.Request, location string) (accounts, api string) {
	for i, d := range s.cfg.DCs {
		if d.Location != location {
			continue
		}
		base := sandbox.Origin(r)
		if i > 0 {
			base += dcPrefix + d.Location
		}
		accounts, api = d.Accounts, d.API
		if accounts == "" {
			accounts = base
		}
		if api == "" {
			api = base
		}
	}
	return accounts, api
}

// save keeps what was noted and then tells of it.
func (s *Sandbox) save() error {
	err := s.keep()
	if err == nil {
		s.tell()
	}
	s.news = nil
	return err
}

func (s *Sandbox) keep() error {
	for o := range s.changed {
		s.draft.PutJSON(orgKey(o), o)
	}
	clear(s.changed)
	if err := s.draft.Save(); err != nil {
		return fmt.Errorf("zoho sandbox: keep the state: %w", err)
	}
	return nil
}
