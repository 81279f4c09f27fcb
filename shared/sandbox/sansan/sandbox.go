package sansan

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"meibo/shared/sandbox"
)

// Sandbox is the stand-in. It is an http.Handler; its exported methods are what people and administrators do at Sansan. All may be
// called at the same time.
type Sandbox struct {
	cfg     Config
	faults  *sandbox.Faults
	control http.Handler
	served  http.Handler
	routes  []route

	mu     sync.Mutex
	random io.Reader
	seal   []byte // authenticates page tokens
	count  counters
	orgs   []*org
	users  map[string]*user // by e-mail address
	keys   map[string]*user
	cards  map[int64]*card
	people map[int64]*person
	merged map[int64]int64        // absorbed persons and their survivors
	calls  map[string][]time.Time // of the last second, by key

	draft sandbox.Draft
}

// counters are the last ids that were given, and the last time and number of a change.
type counters struct {
	Org     int64  `json:"org"`
	User    int64  `json:"user"`
	Tag     int64  `json:"tag"`
	Person  int64  `json:"person"`
	Card    int64  `json:"card"`
	Seq     uint64 `json:"seq"`
	Changed int64  `json:"changed"`
}

// New makes a sandbox, with what cfg.Keep holds from an earlier one.
func New(cfg Config) (*Sandbox, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Sandbox{
		cfg: cfg, random: sandbox.Random(cfg.Random, cfg.Seed), routes: routeTable(), count: counters{User: 5000, Tag: 3300, Person: 700199, Card: 900100200299},
		users: map[string]*user{}, keys: map[string]*user{}, cards: map[int64]*card{}, people: map[int64]*person{}, merged: map[int64]int64{},
		calls: map[string][]time.Time{}, draft: sandbox.Draft{Keep: cfg.Keep},
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	if s.seal == nil {
		s.seal = make([]byte, 32)
		if _, err := io.ReadFull(s.random, s.seal); err != nil {
			return nil, fmt.Errorf("sansan sandbox: make the key of page tokens: %w", err)
		}
		s.draft.Put("seal", s.seal)
		if err := s.save(); err != nil {
			return nil, err
		}
	}
	s.faults = &sandbox.Faults{Op: s.operation, Clock: cfg.Clock}
	s.served = s.faults.Wrap(http.HandlerFunc(s.serve))
	s.control = s.controlHandler()
	return s, nil
}

// Faults are the sandbox's faults and its count of calls.
func (s *Sandbox) Faults() *sandbox.Faults { return s.faults }

// ServeHTTP answers Sansan's paths, the page with the keys and the control routes.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.cfg.Clock.Now().UTC().Format(http.TimeFormat))
	s.served.ServeHTTP(w, r)
}

func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request) {
	path, api := strings.CutPrefix(r.URL.Path, "/"+s.cfg.Version+"/")
	switch {
	case sandbox.IsControl(r):
		s.control.ServeHTTP(w, r)
	case api:
		s.api(w, r, path)
	case r.URL.Path == "/":
		http.Redirect(w, r, keysPath, http.StatusFound)
	case r.URL.Path == keysPath:
		s.keysPage(w, r)
	default:
		writeError(w, notFound())
	}
}

// operation names a call of the API for the count; pages for people have no name.
func (s *Sandbox) operation(r *http.Request) string {
	path, api := strings.CutPrefix(r.URL.Path, "/"+s.cfg.Version+"/")
	if !api {
		return ""
	}
	for i := range s.routes {
		if _, ok := s.routes[i].match(path); ok {
			return r.Method + " /" + s.cfg.Version + "/" + s.routes[i].pattern
		}
	}
	return r.Method + " " + r.URL.Path
}
