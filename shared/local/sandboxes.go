package local

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/httpapi"
	"meibo/shared/oauth"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/dynamics"
	"meibo/shared/sandbox/google"
	"meibo/shared/sandbox/graph"
	"meibo/shared/sandbox/hubspot"
	"meibo/shared/sandbox/pipedrive"
	"meibo/shared/sandbox/sansan"
	"meibo/shared/sandbox/zoho"
	"meibo/shared/system"
)

// SandboxClient is Meibo's registration at the stand-ins. It is no secret: they answer this machine only, and hold nothing real.
var SandboxClient = oauth.Client{ID: "meibo-local", Secret: "not-a-secret"}

// SandboxClients are the registrations at all stand-ins.
func SandboxClients() oauth.Clients {
	c := oauth.Clients{}
	for _, id := range system.IDs() {
		c[id] = SandboxClient
	}
	return c
}

// RedirectURIs are the callbacks of an installation, as they must be registered at the vendors: those of the named systems, or of all. A
// system whose accounts have keys has none, and one whose administrators consent for a company has two.
func RedirectURIs(publicURL string, systems ...string) []string {
	if systems == nil {
		systems = system.IDs()
	}
	var out []string
	for _, s := range system.All(system.Config{Offer: systems}) {
		if s.Key == nil {
			out = append(out, publicURL+httpapi.CallbackPath(s.ID))
		}
		if _, ok := s.Provider.(oauth.AdminConsenter); ok {
			out = append(out, publicURL+httpapi.AdminPath(s.ID))
		}
	}
	return out
}

// Box is a stand-in: everything of one vendor at one origin, and what people do at the vendor besides.
type Box interface {
	http.Handler
	sandbox.Book
	Faults() *sandbox.Faults
}

// SandboxOptions says how the stand-ins are made.
type SandboxOptions struct {
	// Systems are the ids of the vendors to stand in for; nil means all.
	Systems []string
	// Folder keeps what is in them; "" means memory only.
	Folder string
	Clock  clock.Clock
	// HookURL is the address under which those that tell of all accounts at one address reach Meibo's hooks; "" means that they tell
	// nobody.
	HookURL string
	// RedirectURIs are where they may send browsers back to.
	RedirectURIs []string
	// Lag is how long a write stays invisible to the change listings of those vendors that lag.
	Lag time.Duration
	// NoLimits lifts every limit on calls and sizes.
	NoLimits bool
	// Seed makes ids the same in every process; 0 means random.
	Seed int64
	// Signing signs the stand-ins' ID tokens; nil means that each makes a key of its own.
	Signing *rsa.PrivateKey
}

// Sandboxes are the stand-ins for the vendors. Those that were not asked for are nil. Each is an http.Handler that needs an origin of
// its own.
type Sandboxes struct {
	Dynamics  *dynamics.Sandbox
	Google    *google.Sandbox
	HubSpot   *hubspot.Sandbox
	Microsoft *graph.Sandbox
	Pipedrive *pipedrive.Sandbox
	Sansan    *sansan.Sandbox
	Zoho      *zoho.Sandbox

	boxes map[string]Box
	files []*sandbox.File
}

// maker makes one stand-in and notes it among the others.
type maker func(s *Sandboxes, o SandboxOptions, c sandbox.Client, keep sandbox.Keep) (Box, error)

// own returns the callbacks of one system, for a vendor that makes more of the first than to send browsers there.
func (o SandboxOptions) own(id string) []string {
	return slices.DeleteFunc(slices.Clone(o.RedirectURIs), func(u string) bool { return !strings.HasSuffix(u, httpapi.CallbackPath(id)) })
}

// makers has one for each system.
func makers() map[string]maker {
	return map[string]maker{
		system.Dynamics: func(s *Sandboxes, o SandboxOptions, c sandbox.Client, keep sandbox.Keep) (_ Box, err error) {
			cfg := dynamics.Config{Clock: o.Clock, Client: c, RedirectURIs: o.RedirectURIs, Lag: o.Lag, Seed: o.Seed, Keep: keep, Signing: o.Signing}
			if o.NoLimits {
				cfg.Limits = dynamics.Unlimited()
			}
			s.Dynamics, err = dynamics.New(cfg)
			return s.Dynamics, err
		},
		system.HubSpot: func(s *Sandboxes, o SandboxOptions, c sandbox.Client, keep sandbox.Keep) (_ Box, err error) {
			cfg := hubspot.Config{Clock: o.Clock, Client: c, RedirectURIs: o.RedirectURIs, Lag: o.Lag, Seed: o.Seed, Keep: keep}
			if o.HookURL != "" {
				cfg.HookURL = o.HookURL + "/" + system.HubSpot
			}
			if o.NoLimits {
				cfg.Limits = hubspot.Unlimited()
			}
			s.HubSpot, err = hubspot.New(cfg)
			return s.HubSpot, err
		},
		system.Sansan: func(s *Sandboxes, o SandboxOptions, _ sandbox.Client, keep sandbox.Keep) (_ Box, err error) {
			cfg := sansan.Config{Clock: o.Clock, Lag: o.Lag, Seed: o.Seed, Keep: keep}
			if o.NoLimits {
				cfg.Limits = sansan.Unlimited()
			}
			s.Sansan, err = sansan.New(cfg)
			return s.Sansan, err
		},
		system.Google: func(s *Sandboxes, o SandboxOptions, c sandbox.Client, keep sandbox.Keep) (_ Box, err error) {
			cfg := google.Config{Clock: o.Clock, Client: c, RedirectURIs: o.RedirectURIs, Lag: o.Lag, Seed: o.Seed, Keep: keep, Signing: o.Signing}
			if o.NoLimits {
				cfg.Limits = google.Unlimited()
			}
			s.Google, err = google.New(cfg)
			return s.Google, err
		},
		system.Microsoft: func(s *Sandboxes, o SandboxOptions, c sandbox.Client, keep sandbox.Keep) (_ Box, err error) {
			cfg := graph.Config{Clock: o.Clock, Client: c, RedirectURIs: o.RedirectURIs, Lag: o.Lag, Seed: o.Seed, Keep: keep, Signing: o.Signing}
			if o.NoLimits {
				cfg.Limits = graph.Unlimited()
			}
			s.Microsoft, err = graph.New(cfg)
			return s.Microsoft, err
		},
		system.Pipedrive: func(s *Sandboxes, o SandboxOptions, c sandbox.Client, keep sandbox.Keep) (_ Box, err error) {
			cfg := pipedrive.Config{Clock: o.Clock, Client: c, RedirectURIs: o.own(system.Pipedrive), Seed: o.Seed, Keep: keep}
			if o.NoLimits {
				cfg.Limits = pipedrive.Unlimited()
			}
			s.Pipedrive, err = pipedrive.New(cfg)
			return s.Pipedrive, err
		},
		system.Zoho: func(s *Sandboxes, o SandboxOptions, c sandbox.Client, keep sandbox.Keep) (_ Box, err error) {
			cfg := zoho.Config{Clock: o.Clock, Client: c, RedirectURIs: o.RedirectURIs, Seed: o.Seed, Keep: keep}
			if o.NoLimits {
				cfg.Limits = zoho.Limits{
					Credits: -1, Concurrency: -1, HeavyConcurrency: -1, AccessTokens: -1, LiveAccess: -1, RefreshTokens: -1, ListCeiling: -1,
				}
			}
			s.Zoho, err = zoho.New(cfg)
			return s.Zoho, err
		},
	}
}

// OpenSandboxes returns the stand-ins with what their folder holds.
func OpenSandboxes(o SandboxOptions) (_ *Sandboxes, err error) {
	s := &Sandboxes{boxes: map[string]Box{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if o.Systems == nil {
		o.Systems = system.IDs()
	}
	if o.Folder != "" {
		if err := os.MkdirAll(o.Folder, 0o700); err != nil {
			return nil, err
		}
	}
	client := sandbox.Client{ID: SandboxClient.ID, Secret: SandboxClient.Secret}
	all := makers()
	for _, id := range o.Systems {
		mk, ok := all[id]
		if !ok {
			return nil, fmt.Errorf("local: there is no stand-in for the system %q: choose among %v", id, system.IDs())
		}
		var keep sandbox.Keep
		if o.Folder != "" {
			f, err := sandbox.OpenFile(filepath.Join(o.Folder, id+".db"))
			if err != nil {
				return nil, err
			}
			s.files = append(s.files, f)
			keep = f
		}
		if s.boxes[id], err = mk(s, o, client, keep); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Close gives up what is not delivered and closes the files.
func (s *Sandboxes) Close() error {
	var errs []error
	for _, b := range s.boxes {
		if c, ok := b.(interface{ Close() }); ok {
			c.Close()
		}
	}
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Box returns the stand-in of a system, and whether there is one.
func (s *Sandboxes) Box(id string) (Box, bool) {
	b, ok := s.boxes[id]
	return b, ok
}

// IDs returns the systems that there is a stand-in for, in the order in which people are offered them.
func (s *Sandboxes) IDs() []string {
	return slices.DeleteFunc(system.IDs(), func(id string) bool { return s.boxes[id] == nil })
}
