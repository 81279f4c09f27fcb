package pipedrive

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"meibo/shared/sandbox"
)

// Sandbox is the stand-in. It is an http.Handler; its exported methods are what a person or an administrator does at Pipedrive, and
// what goes wrong there. All may be called at the same time.
type Sandbox struct {
	cfg     Config
	faults  *sandbox.Faults
	control http.Handler
	served  http.Handler
	pusher  *sandbox.Pusher
	auth    *sandbox.AuthServer

	mu        sync.Mutex
	random    io.Reader
	key       []byte // seals cursors
	companies []*company
	installs  map[string]*install // by refresh token
	dead      map[string]int64    // access tokens that were revoked one by one, and when they would end
	windows   map[string]*window  // by access token
	users     int64               // given ids of users

	draft   sandbox.Draft
	changed map[*company]bool
	events  []event // to be sent when the state is kept
}

// New makes a sandbox, with what cfg.Keep holds from an earlier one.
func New(cfg Config) (*Sandbox, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Sandbox{cfg: cfg, random: sandbox.Random(cfg.Random, cfg.Seed), installs: map[string]*install{}, dead: map[string]int64{}, windows: map[string]*window{}, draft: sandbox.Draft{Keep: cfg.Keep}, changed: map[*company]bool{}}
	if err := s.load(); err != nil {
		return nil, err
	}
	if s.key == nil {
		s.key = make([]byte, 32)
		if _, err := io.ReadFull(s.random, s.key); err != nil {
			return nil, fmt.Errorf("pipedrive sandbox: make the key of cursors: %w", err)
		}
		s.draft.Put("key", s.key)
		if err := s.save(); err != nil {
			return nil, err
		}
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

// Faults are the sandbox's faults and its count of calls.
func (s *Sandbox) Faults() *sandbox.Faults { return s.faults }

// Pusher delivers webhooks and uninstalls, and loses, doubles, holds back or reorders them on request.
func (s *Sandbox) Pusher() *sandbox.Pusher { return s.pusher }

// Close gives up what is not delivered.
func (s *Sandbox) Close() { s.pusher.Close() }

// ServeHTTP answers the vendor's paths and the control routes. Every answer carries the sandbox clock's Date.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.cfg.Clock.Now().UTC().Format(http.TimeFormat))
	s.served.ServeHTTP(w, r)
}

// now is the current second: Pipedrive's times have no fraction.
func (s *Sandbox) now() int64 { return s.cfg.Clock.Now().Unix() }

const (
	v2Prefix    = "/api/v2/"
	v1Prefix    = "/api/v1/"
	bareV1      = "/v1/" // v1 answers without /api too
	picturePath = "/pictures/"
)

// version splits a path of the API into its version and the rest; version is 0 for any other path.
func version(path string) (int, string) {
	if rest, ok := strings.CutPrefix(path, v2Prefix); ok {
		return 2, rest
	}
	for _, prefix := range []string{v1Prefix, bareV1} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return 1, rest
		}
	}
	return 0, path
}

// operation names a vendor call for the count; pages for people and pictures have no name.
func operation(r *http.Request) string {
	v, rest := version(r.URL.Path)
	if v == 0 {
		if r.URL.Path == tokenPath || r.URL.Path == revokePath {
			return r.Method + " " + r.URL.Path
		}
		return ""
	}
	parts := strings.Split(rest, "/")
	for i, p := range parts {
		if parseID(p) != 0 || i > 0 && len(p) == 40 {
			parts[i] = "{id}"
		}
	}
	return fmt.Sprintf("%s /api/v%d/%s", r.Method, v, strings.Join(parts, "/"))
}

func (s *Sandbox) route(w http.ResponseWriter, r *http.Request) {
	switch v, rest := version(r.URL.Path); {
	case sandbox.IsControl(r):
		s.control.ServeHTTP(w, r)
	case v != 0:
		s.api(w, r, v, rest)
	case strings.HasPrefix(r.URL.Path, "/oauth/"):
		s.oauth(w, r)
	case strings.HasPrefix(r.URL.Path, picturePath):
		s.servePicture(w, r)
	default:
		fail(w, unknownMethod())
	}
}

// save keeps what changed and then lets the webhooks of it out.
func (s *Sandbox) save() error {
	for o := range s.changed {
		s.draft.PutJSON(companyKey(o), o)
	}
	clear(s.changed)
	if err := s.draft.Save(); err != nil {
		s.events = nil
		return fmt.Errorf("pipedrive sandbox: keep the state: %w", err)
	}
	events := s.events
	s.events = nil
	for _, e := range events {
		s.notify(e)
	}
	return nil
}
