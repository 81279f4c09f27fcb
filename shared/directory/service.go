package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/oauth"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// Config is what a Service works with. All are needed, except where they say otherwise.
type Config struct {
	Table store.Table
	Clock clock.Clock
	// Vendors are the systems whose administrators can consent for a directory, by system id.
	Vendors map[string]oauth.AdminConsenter
	Clients oauth.ClientSource
	// HTTP makes the calls to the vendors. It should have a timeout.
	HTTP *http.Client
	// RedirectURI returns the address to which a system sends the administrator's browser back, as registered there.
	RedirectURI func(system string) string
	// SystemName returns what users call a system.
	SystemName func(system string) string
	// Stop stops the connections of the tenant that need the directory. It can be repeated.
	Stop func(ctx context.Context, tenant, system string) error
	// Resume lets those go on that waited for the directory.
	Resume func(ctx context.Context, tenant, system string) error
	// NewID gives ids.
	NewID func() string
	// Rand gives states; nil means crypto/rand.
	Rand io.Reader
}

// Service holds the rules. It is safe for concurrent use. What people do takes the acting member, whose tenant is the only one it
// touches.
type Service struct{ cfg Config }

// New returns a service.
func New(c Config) *Service {
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return &Service{c}
}

// has returns the vendor of a system, or tenancy.ErrNotFound for a system that has no directories.
func (s *Service) has(system string) (oauth.AdminConsenter, error) {
	if v, ok := s.cfg.Vendors[system]; ok {
		return v, nil
	}
	return nil, tenancy.ErrNotFound
}

// admin is the answer to everybody but administrators of the tenant.
func admin(actor tenancy.Member) error {
	if actor.Role == tenancy.Admin {
		return nil
	}
	return &tenancy.Refusal{Code: tenancy.CodeForbidden, Reason: "you may not set up a directory for the company",
		Cure: "ask an administrator of your company: it needs an administrator"}
}

// Offers reports whether a system has directories that an administrator can connect.
func (s *Service) Offers(system string) bool {
	_, err := s.has(system)
	return err == nil
}

// Capabilities lists what can be consented to at a system, in order.
func (s *Service) Capabilities(system string) []string {
	v, err := s.has(system)
	if err != nil {
		return nil
	}
	var ids []string
	for _, c := range v.Capabilities() {
		ids = append(ids, c.ID)
	}
	return ids
}

// Get returns the set-up of the actor's tenant; one with an empty ID where none is allowed.
func (s *Service) Get(ctx context.Context, actor tenancy.Member, system string) (Directory, error) {
	if _, err := s.has(system); err != nil {
		return Directory{}, err
	}
	if err := admin(actor); err != nil {
		return Directory{}, err
	}
	return s.load(ctx, actor.Tenant, system)
}

// Allow enters the directory that members' accounts must belong to (SM1). The same one again changes nothing; another one is refused
// while a consent of the first stands.
func (s *Service) Allow(ctx context.Context, actor tenancy.Member, system, id string) (Directory, error) {
	if _, err := s.has(system); err != nil {
		return Directory{}, err
	}
	if err := admin(actor); err != nil {
		return Directory{}, err
	}
	id, err := CheckID(id)
	if err != nil {
		return Directory{}, err
	}
	return s.change(ctx, actor.Tenant, system, func(d *Directory) (bool, error) {
		if d.Ending {
			return false, ending()
		}
		if d.ID == id {
			return false, nil
		}
		if d.holds() {
			return false, &tenancy.Refusal{Code: "directory_connected",
				Reason: "another directory is connected, and members sync with accounts of it",
				Cure:   "disconnect that directory first, which stops the sync of all members, and enter the other one then"}
		}
		d.ID, d.Pass, d.By, d.Allowed, d.Capabilities, d.Held = id, s.cfg.NewID(), actor.ID, s.cfg.Clock.Now(), map[string]Capability{}, false
		return true, nil
	})
}

// ending is the answer while a directory is being disconnected.
func ending() error {
	return &tenancy.Refusal{Code: "directory_ending", Reason: "the directory is being disconnected, and the sync of some members may not have stopped yet",
		Cure: "disconnect it once more, which goes on where it was"}
}

// StartConsent returns the address at which an administrator of the directory consents to a capability (SM2). It works once, within
// ConsentLife, in whichever browser. What is connected stays so while it is consented to again.
func (s *Service) StartConsent(ctx context.Context, actor tenancy.Member, system, capability string) (address string, d Directory, err error) {
	v, err := s.has(system)
	if err != nil {
		return "", d, err
	}
	if err := admin(actor); err != nil {
		return "", d, err
	}
	all := v.Capabilities()
	i := slices.IndexFunc(all, func(c oauth.Capability) bool { return c.ID == capability })
	if i < 0 {
		return "", d, &tenancy.FieldError{Field: "capability", Reason: fmt.Sprintf("there is no capability %q", capability),
			Cure: fmt.Sprintf("give one of %v", s.Capabilities(system))}
	}
	client, err := s.cfg.Clients.Client(ctx, system)
	if err != nil {
		return "", d, err
	}
	now := s.cfg.Clock.Now()
	until := now.Add(ConsentLife)
	d, err = s.change(ctx, actor.Tenant, system, func(d *Directory) (bool, error) {
		if d.ID == "" {
			return false, &tenancy.Refusal{Code: "directory_missing", Reason: "no directory has been entered", Cure: "enter the id of the company's directory first"}
		}
		if d.Ending {
			return false, ending()
		}
		if d.Capabilities[capability].State == Connected {
			return false, nil
		}
		d.Capabilities[capability] = Capability{State: Waiting, At: now, Until: until}
		return true, nil
	})
	if err != nil {
		return "", d, err
	}
	state, err := s.put(ctx, pending{d.Tenant, system, d.ID, d.Pass, capability}, until)
	if err != nil {
		return "", d, err
	}
	return v.AdminConsentURL(client, oauth.AdminRequest{
		Directory: d.ID, Scopes: all[i].Scopes, RedirectURI: s.cfg.RedirectURI(system), State: state,
	}), d, nil
}

// Disconnect stops the connections of all members that need the directory, and takes it away (SM8). It can be repeated, and has to be
// after an error: until then the directory stays to be seen, and nothing can be done with it.
func (s *Service) Disconnect(ctx context.Context, actor tenancy.Member, system string) error {
	if _, err := s.has(system); err != nil {
		return err
	}
	if err := admin(actor); err != nil {
		return err
	}
	// First nothing can be started any more, and no consent that is under way leads anywhere. The item itself stays for ever, so that
	// its versions never come again: a start rests on one of them.
	d, err := s.change(ctx, actor.Tenant, system, func(d *Directory) (bool, error) {
		if d.V == 0 || d.Ending || d.ID == "" {
			return false, nil
		}
		d.Ending, d.Pass, d.Capabilities = true, s.cfg.NewID(), map[string]Capability{}
		return true, nil
	})
	if err != nil {
		return err
	}
	if err := s.cfg.Stop(ctx, actor.Tenant, system); err != nil {
		return err
	}
	_, err = s.change(ctx, actor.Tenant, system, func(now *Directory) (bool, error) {
		if !now.Ending || now.Pass != d.Pass { // somebody else was faster
			return false, nil
		}
		*now = Directory{Tenant: now.Tenant, System: now.System, Capabilities: map[string]Capability{}, V: now.V}
		return true, nil
	})
	return err
}

// Withdraw records that the vendor no longer honours the consent for members' contacts, as the loss of the account of one has shown. It
// changes nothing unless that directory is connected.
func (s *Service) Withdraw(ctx context.Context, tenant, system, id string) error {
	_, err := s.change(ctx, tenant, system, func(d *Directory) (bool, error) {
		if d.ID == "" || !strings.EqualFold(d.ID, id) || d.Capabilities[Contacts].State != Connected {
			return false, nil
		}
		d.Capabilities[Contacts] = Capability{State: Withdrawn, At: s.cfg.Clock.Now()}
		return true, nil
	})
	return err
}

// Admit implements tenancy.Config.Admit (SM3).
func (s *Service) Admit(ctx context.Context, tenant, system string, who *connector.Identity) (tenancy.Held, error) {
	d, err := s.load(ctx, tenant, system)
	if err != nil {
		return tenancy.Held{}, err
	}
	name := s.cfg.SystemName(system)
	switch state := d.Capabilities[Contacts].State; {
	case state == Withdrawn:
		return tenancy.Held{}, &tenancy.Refusal{Code: "directory_withdrawn", Reason: fmt.Sprintf("the consent that the administrator of %s gave for your company no longer holds", name),
			Cure: "ask an administrator of your company at Meibo to have that consent given again"}
	case state != Connected:
		return tenancy.Held{}, &tenancy.Refusal{Code: "directory_needed", Reason: fmt.Sprintf("%s has not been connected for your company yet", name),
			Cure: "ask an administrator of your company at Meibo to connect its directory first"}
	case who != nil && !strings.EqualFold(who.CompanyID, d.ID):
		return tenancy.Held{}, &tenancy.Refusal{Code: "other_directory", Reason: fmt.Sprintf("this %s account does not belong to your company's directory", name),
			Cure: "connect the account that your company has given you"}
	}
	return tenancy.Held{Key: key(tenant, system), V: d.V}, nil
}

// Arrival is what an administrator's consent led to, as far as it is known: nothing of it if the state was not good.
type Arrival struct {
	Tenant, System, Directory, Capability string
}

// How often, and how far apart, the vendor is asked whether Meibo is admitted: just after the consent it may not know yet.
const (
	proofs   = 4
	proofGap = 2 * time.Second
)

// Arrive takes the query of the vendor's callback. The state says which tenant began it for which directory and capability, and works
// once; that the consent is there for that directory is proven by the vendor itself. Errors: *oauth.RefusedError, which is also kept as
// the capability's failure, connector.ErrTransient, oauth.ErrClient, or the table's.
func (s *Service) Arrive(ctx context.Context, system string, callback url.Values) (Arrival, error) {
	v, err := s.has(system)
	if err != nil {
		return Arrival{}, err
	}
	p, err := s.take(ctx, callback.Get("state"))
	if err != nil {
		return Arrival{}, err
	}
	if p.System != system {
		return Arrival{}, errState
	}
	at := Arrival{p.Tenant, p.System, p.Directory, p.Capability}
	// From here on the code is used up: what the browser does must not decide whether the outcome is kept.
	ctx = context.WithoutCancel(ctx)
	err = s.prove(ctx, v, p, callback)
	if kept := s.keep(ctx, p, err); kept != nil {
		return at, kept
	}
	if err != nil {
		return at, err
	}
	if p.Capability == Contacts {
		return at, s.cfg.Resume(ctx, p.Tenant, p.System)
	}
	return at, nil
}

// prove returns nil if the consent was given, for the directory that was entered.
func (s *Service) prove(ctx context.Context, v oauth.AdminConsenter, p pending, callback url.Values) error {
	named, err := v.AdminArrived(callback)
	if err != nil {
		return err
	}
	if !strings.EqualFold(named, p.Directory) {
		return &oauth.RefusedError{Code: oauth.AdminElsewhere, Reason: "the consent was given for another directory than the one that was entered",
			Cure: "consent again with an administrator of the directory that was entered, or correct its id"}
	}
	client, err := s.cfg.Clients.Client(ctx, p.System)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		err := v.AdminProof(ctx, s.cfg.HTTP, client, p.Directory)
		var refused *oauth.RefusedError
		soon := errors.As(err, &refused) && refused.Code == oauth.AdminDenied || errors.Is(err, connector.ErrTransient)
		if !soon || n == proofs {
			return err
		}
		if err := s.cfg.Clock.Sleep(ctx, proofGap); err != nil {
			return err
		}
	}
}

// keep records the outcome. One that belongs to a directory which is no longer entered is kept nowhere, and neither is a failure of what
// is connected already.
func (s *Service) keep(ctx context.Context, p pending, outcome error) error {
	_, err := s.change(ctx, p.Tenant, p.System, func(d *Directory) (bool, error) {
		if d.ID != p.Directory || d.Pass != p.Pass {
			return false, errState
		}
		now := s.cfg.Clock.Now()
		switch {
		case outcome == nil:
			d.Capabilities[p.Capability], d.Held = Capability{State: Connected, At: now}, true
		case d.Capabilities[p.Capability].State == Connected:
			return false, nil
		default:
			d.Capabilities[p.Capability] = Capability{State: Failed, Code: failure(outcome), At: now}
		}
		return true, nil
	})
	return err
}

// failure returns why a consent came to nothing.
func failure(err error) string {
	var refused *oauth.RefusedError
	switch {
	case errors.As(err, &refused):
		return refused.Code
	case errors.Is(err, oauth.ErrClient), errors.Is(err, connector.ErrMisconfigured):
		return CodeRegistration
	}
	return CodeUnavailable
}
