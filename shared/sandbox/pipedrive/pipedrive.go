package pipedrive

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
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

	puts    map[string][]byte
	deletes map[string]bool
	changed map[*company]bool
	events  []event // to be sent when the state is kept
}

// New makes a sandbox, with what cfg.Keep holds from an earlier one.
func New(cfg Config) (*Sandbox, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Sandbox{cfg: cfg, random: cfg.Random, installs: map[string]*install{}, dead: map[string]int64{}, windows: map[string]*window{},
		puts: map[string][]byte{}, deletes: map[string]bool{}, changed: map[*company]bool{}}
	if s.random == nil {
		s.random = rand.Reader
		if cfg.Seed != 0 {
			var seed [32]byte
			for i := range 8 {
				seed[i] = byte(cfg.Seed >> (8 * i))
			}
			s.random = mathrand.NewChaCha8(seed)
		}
	}
	s.random = &locked{r: s.random}
	if err := s.load(); err != nil {
		return nil, err
	}
	if s.key == nil {
		s.key = make([]byte, 32)
		if _, err := io.ReadFull(s.random, s.key); err != nil {
			return nil, fmt.Errorf("pipedrive sandbox: make the key of cursors: %w", err)
		}
		s.put("key", s.key)
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

// origin is the sandbox's address as the caller of r reaches it.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// locked lets two servers draw from one source.
type locked struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *locked) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(b)
}

// hexText is n random bytes in hexadecimal digits.
func (s *Sandbox) hexText(n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.random, b); err != nil {
		panic("pipedrive sandbox: no randomness: " + err.Error()) // crypto/rand never fails, and a test's reader must not
	}
	return hex.EncodeToString(b)
}

// uuid is a random identifier in UUID's look.
func (s *Sandbox) uuid() string {
	h := s.hexText(16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// put notes that key is to be kept; save writes what was noted. Both need the lock.
func (s *Sandbox) put(key string, value []byte) {
	if s.cfg.Keep != nil {
		s.puts[key] = value
		delete(s.deletes, key)
	}
}

func (s *Sandbox) putJSON(key string, v any) {
	if s.cfg.Keep == nil {
		return
	}
	b, err := json.Marshal(v)
	if err == nil { // plain structs of ours: they marshal
		s.put(key, b)
	}
}

func (s *Sandbox) drop(key string) {
	if s.cfg.Keep != nil {
		delete(s.puts, key)
		s.deletes[key] = true
	}
}

// save keeps what changed and then lets the webhooks of it out.
func (s *Sandbox) save() error {
	for o := range s.changed {
		s.putJSON(companyKey(o), o)
	}
	clear(s.changed)
	if len(s.puts)+len(s.deletes) > 0 {
		gone := make([]string, 0, len(s.deletes))
		for k := range s.deletes {
			gone = append(gone, k)
		}
		if err := sandbox.Save(s.cfg.Keep, s.puts, gone); err != nil {
			s.events = nil
			return fmt.Errorf("pipedrive sandbox: keep the state: %w", err)
		}
		clear(s.puts)
		clear(s.deletes)
	}
	events := s.events
	s.events = nil
	for _, e := range events {
		s.notify(e)
	}
	return nil
}
