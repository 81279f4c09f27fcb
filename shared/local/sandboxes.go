package local

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"meibo/shared/clock"
	"meibo/shared/httpapi"
	"meibo/shared/oauth"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/google"
	"meibo/shared/sandbox/zoho"
	"meibo/shared/system"
)

// SandboxClient is Meibo's registration at the stand-ins. It is no secret: they answer this machine only, and hold nothing real.
var SandboxClient = oauth.Client{ID: "meibo-local", Secret: "not-a-secret"}

// SandboxClients are the registrations at all stand-ins.
func SandboxClients() oauth.Clients {
	return oauth.Clients{system.Google: SandboxClient, system.Zoho: SandboxClient}
}

// RedirectURIs are the callbacks of an installation, as they must be registered at the vendors.
func RedirectURIs(publicURL string) []string {
	return []string{publicURL + httpapi.CallbackPath(system.Google), publicURL + httpapi.CallbackPath(system.Zoho)}
}

// SandboxOptions says how the stand-ins are made.
type SandboxOptions struct {
	// Folder keeps what is in them; "" means memory only.
	Folder string
	Clock  clock.Clock
	// RedirectURIs are where they may send browsers back to.
	RedirectURIs []string
	// Lag is how long a write stays invisible to Google's change listing.
	Lag time.Duration
	// NoLimits lifts every limit on calls and sizes.
	NoLimits bool
	// Seed makes ids the same in every process; 0 means random.
	Seed int64
}

// unlimitedZoho lifts every limit of Zoho's.
var unlimitedZoho = zoho.Limits{
	Credits: -1, Concurrency: -1, HeavyConcurrency: -1, AccessTokens: -1, LiveAccess: -1, RefreshTokens: -1, ListCeiling: -1,
}

// Sandboxes are the stand-ins for both vendors. Each is an http.Handler that needs an origin of its own.
type Sandboxes struct {
	Google *google.Sandbox
	Zoho   *zoho.Sandbox
	files  []*sandbox.File
}

// OpenSandboxes returns the stand-ins with what their folder holds.
func OpenSandboxes(o SandboxOptions) (_ *Sandboxes, err error) {
	s := &Sandboxes{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	keep := func(name string) (sandbox.Keep, error) {
		if o.Folder == "" {
			return nil, nil
		}
		if err := os.MkdirAll(o.Folder, 0o700); err != nil {
			return nil, err
		}
		f, err := sandbox.OpenFile(filepath.Join(o.Folder, name))
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, f)
		return f, nil
	}
	client := sandbox.Client{ID: SandboxClient.ID, Secret: SandboxClient.Secret}
	gc := google.Config{Clock: o.Clock, Client: client, RedirectURIs: o.RedirectURIs, Lag: o.Lag, Seed: o.Seed}
	zc := zoho.Config{Clock: o.Clock, Client: client, RedirectURIs: o.RedirectURIs, Seed: o.Seed}
	if o.NoLimits {
		gc.Limits, zc.Limits = google.Unlimited(), unlimitedZoho
	}
	if gc.Keep, err = keep("google.db"); err != nil {
		return nil, err
	}
	if zc.Keep, err = keep("zoho.db"); err != nil {
		return nil, err
	}
	if s.Google, err = google.New(gc); err != nil {
		return nil, err
	}
	s.Zoho, err = zoho.New(zc)
	return s, err
}

// Close closes the files.
func (s *Sandboxes) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Handlers returns the stand-ins by system.
func (s *Sandboxes) Handlers() map[string]http.Handler {
	return map[string]http.Handler{system.Google: s.Google, system.Zoho: s.Zoho}
}
