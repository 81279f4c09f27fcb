package tenancy_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/queue"
	"meibo/shared/record"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
	"meibo/shared/tenancy"
)

// world is a service over a table of its own, with what it calls.
type world struct {
	*tenancy.Service
	t         *testing.T
	table     store.Table
	clock     *clock.Virtual
	scheduler *scheduler
	revoked   []string
	revokeErr error
	fields    map[string][]record.Field     // by account, in place of the usual two
	options   map[string][]connector.Option // by account
	readOnly  map[string]bool               // by account
	admit     func(system string, who *connector.Identity) (tenancy.Held, error)
	prepared  []tenancy.Preparation
	prepare   func(tenancy.Preparation) (tenancy.Prepared, error)

	onCatalogue, onRevoke func() // what happens in the middle of things
}

type scheduler struct {
	mu    sync.Mutex
	there map[string]bool
	calls int
	err   error

	onRemove func() // what happens just before a removal
}

func (s *scheduler) EnsureTenant(_ context.Context, tenant string, every time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err == nil && every > 0 {
		s.there[tenant] = true
	}
	return s.err
}

func (s *scheduler) RemoveTenant(_ context.Context, tenant string) error {
	if s.onRemove != nil {
		s.onRemove()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err == nil {
		delete(s.there, tenant)
	}
	return s.err
}

func (s *scheduler) Once(context.Context, string, time.Time, queue.Message) error {
	return errors.New("not expected")
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true)
	tb, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{Clock: c, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tb.Close() })
	w := &world{t: t, table: tb, clock: c, scheduler: &scheduler{there: map[string]bool{}}}
	w.Service = tenancy.New(tenancy.Config{
		Table: tb, Clock: c, Scheduler: w.scheduler,
		SystemName: func(s string) string {
			return map[string]string{"zoho": "Zoho CRM", "google": "Google Contacts", "microsoft": "Microsoft 365", "pipedrive": "Pipedrive", "sansan": "Sansan"}[s]
		},
		Describe: func(_ context.Context, _, account string, options map[string]string) (connector.Description, error) {
			if w.onCatalogue != nil {
				w.onCatalogue()
			}
			d := connector.Description{Name: account, Options: w.options[account], ReadOnly: w.readOnly[account]}
			if options["object"] == "nothing" { // as a connector.Chooser refuses what is no choice
				return d, &connector.InvalidError{System: "X", Field: "object", Reason: "no such object"}
			}
			if f, ok := w.fields[account]; ok {
				d.Fields = f
			} else {
				d.Fields = []record.Field{{Key: record.NameFamily, Type: record.TypeText, Name: "Last name"}, {Key: record.Email, Type: record.TypeEmail, Name: "E-mail"}}
			}
			return d, nil
		},
		Admit: func(_ context.Context, _, system string, who *connector.Identity) (tenancy.Held, error) {
			return w.admit(system, who)
		},
		Prepare: func(_ context.Context, p tenancy.Preparation) (tenancy.Prepared, error) {
			w.prepared = append(w.prepared, p)
			return w.prepare(p)
		},
		Revoke: func(_ context.Context, _, account string) error {
			if w.onRevoke != nil {
				w.onRevoke()
			}
			if w.revokeErr == nil {
				w.revoked = append(w.revoked, account)
			}
			return w.revokeErr
		},
	})
	return w
}

func who(name string) tenancy.Principal {
	return tenancy.Principal{Issuer: "https://id.example", Subject: name, Email: name + "@example.jp", EmailVerified: true, Name: name}
}

// company makes a tenant whose administrator is name.
func (w *world) company(name string) tenancy.Member {
	w.t.Helper()
	_, m, err := w.CreateTenant(w.t.Context(), who(name), name+" Ltd.", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// member adds a person to the actor's tenant and signs them in.
func (w *world) member(actor tenancy.Member, name string, role tenancy.Role, ps ...tenancy.Permission) tenancy.Member {
	w.t.Helper()
	if _, err := w.AddMember(w.t.Context(), actor, tenancy.NewMember{Email: name + "@example.jp", Name: name, Role: role, Permissions: ps}); err != nil {
		w.t.Fatal(err)
	}
	m, err := w.Authenticate(w.t.Context(), actor.Tenant, who(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func authorised(m tenancy.Member, system, vendorID string) tenancy.Authorised {
	side := profile.CRM
	if system == "google" || system == "microsoft" {
		side = profile.Book
	}
	return tenancy.Authorised{Tenant: m.Tenant, Member: m.ID, System: system, Side: side,
		Identity: connector.Identity{AccountID: vendorID, Email: vendorID + "@vendor.example"}}
}

func (w *world) account(m tenancy.Member, system, vendorID string) tenancy.Account {
	w.t.Helper()
	a, err := w.Connect(w.t.Context(), authorised(m, system, vendorID))
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// ready makes a connection of m with accounts of its own, up to ready.
func (w *world) ready(m tenancy.Member, vendorID string) tenancy.Connection {
	w.t.Helper()
	crm, book := w.account(m, "zoho", vendorID), w.account(m, "google", vendorID)
	c, err := w.CreateConnection(w.t.Context(), m, tenancy.NewConnection{CRM: crm.ID, Book: book.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	if c.State != tenancy.Ready {
		w.t.Fatalf("state = %s, want ready", c.State)
	}
	return c
}

func (w *world) active(m tenancy.Member, vendorID string) tenancy.Connection {
	w.t.Helper()
	c, err := w.Start(w.t.Context(), m, w.ready(m, vendorID).ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) state(c tenancy.Connection) tenancy.State {
	w.t.Helper()
	got, err := w.ConnectionByID(w.t.Context(), c.Tenant, c.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return got.State
}

func wantRefusal(t *testing.T, err error, code string) *tenancy.Refusal {
	t.Helper()
	var r *tenancy.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error = %v, want a refusal %q", err, code)
	}
	if r.Code != code || r.Reason == "" || r.Cure == "" {
		t.Errorf("refusal = %+v, want code %q with reason and cure", r, code)
	}
	return r
}

func wantField(t *testing.T, err error, field string) {
	t.Helper()
	var f *tenancy.FieldError
	if !errors.As(err, &f) {
		t.Fatalf("error = %v, want one that names the field %s", err, field)
	}
	if f.Field != field || f.Reason == "" || f.Cure == "" {
		t.Errorf("error = %+v, want field %s with reason and cure", f, field)
	}
}

func wantNotFound(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, tenancy.ErrNotFound) {
		t.Errorf("error = %v, want ErrNotFound", err)
	}
}

func wantConflict(t *testing.T, err error) {
	t.Helper()
	var c *tenancy.Conflict
	if !errors.As(err, &c) {
		t.Errorf("error = %v, want a conflict", err)
	}
}

func ptr[T any](v T) *T { return &v }
