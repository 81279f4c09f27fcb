package directory_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/directory"
	"meibo/shared/oauth"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
	"meibo/shared/tenancy"
)

// vendor is a system whose administrators consent at once.
type vendor struct {
	arrived error
	proofs  []error // one for each time that it is asked; then nil
	asked   []string
	inProof func()
}

func (v *vendor) Capabilities() []oauth.Capability {
	return []oauth.Capability{{ID: "contacts", Scopes: []string{"c"}}, {ID: "mail", Scopes: []string{"m"}}}
}

func (v *vendor) AdminConsentURL(c oauth.Client, r oauth.AdminRequest) string {
	return "https://vendor.example/" + r.Directory + "?" + url.Values{"state": {r.State}, "scope": r.Scopes, "redirect_uri": {r.RedirectURI}, "client_id": {c.ID}}.Encode()
}

func (v *vendor) AdminArrived(q url.Values) (string, error) { return q.Get("tenant"), v.arrived }

func (v *vendor) AdminProof(_ context.Context, _ *http.Client, _ oauth.Client, id string) error {
	v.asked = append(v.asked, id)
	if v.inProof != nil {
		v.inProof()
	}
	if len(v.proofs) == 0 {
		return nil
	}
	err := v.proofs[0]
	v.proofs = v.proofs[1:]
	return err
}

type world struct {
	*directory.Service
	t       *testing.T
	clock   *clock.Virtual
	table   store.Table
	vendor  *vendor
	clients oauth.Clients
	mu      sync.Mutex
	stopped []string
	resumed []string
	stopErr error
	onStop  func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := clock.NewVirtual(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), true)
	table, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{Clock: c, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	w := &world{t: t, clock: c, table: table, vendor: &vendor{}, clients: oauth.Clients{"book": {ID: "id", Secret: "s"}}}
	n := 0
	w.Service = directory.New(directory.Config{
		Table: table, Clock: c, Vendors: map[string]oauth.AdminConsenter{"book": w.vendor, "other": &vendor{}}, Clients: w.clients, HTTP: http.DefaultClient,
		RedirectURI: func(s string) string { return "https://meibo.example/consent/" + s + "/admin" },
		SystemName:  func(s string) string { return "The " + s },
		Stop: func(_ context.Context, tenant, system string) error {
			w.stopped = append(w.stopped, tenant+"/"+system)
			if w.onStop != nil {
				w.onStop()
			}
			return w.stopErr
		},
		Resume: func(_ context.Context, tenant, system string) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.resumed = append(w.resumed, tenant+"/"+system)
			return nil
		},
		NewID: func() string { n++; return fmt.Sprint(n) },
	})
	return w
}

func boss(tenant string) tenancy.Member {
	return tenancy.Member{ID: "boss", Tenant: tenant, Role: tenancy.Admin}
}

func (w *world) allowed(tenant string) {
	w.t.Helper()
	if _, err := w.Allow(w.t.Context(), boss(tenant), "book", id); err != nil {
		w.t.Fatal(err)
	}
}

// begin returns the state of a consent that was begun.
func (w *world) begin(tenant, capability string) string {
	w.t.Helper()
	to, _, err := w.StartConsent(w.t.Context(), boss(tenant), "book", capability)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.Query().Get("state")
}

func (w *world) arrive(state string) error {
	w.t.Helper()
	_, err := w.Arrive(w.t.Context(), "book", url.Values{"state": {state}, "tenant": {id}})
	return err
}

func (w *world) state(tenant, capability string) directory.Capability {
	w.t.Helper()
	d, err := w.Get(w.t.Context(), boss(tenant), "book")
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Capability(capability, w.clock.Now())
}

func (w *world) connected(tenant string) {
	w.t.Helper()
	w.allowed(tenant)
	if err := w.arrive(w.begin(tenant, "contacts")); err != nil {
		w.t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var r *tenancy.Refusal
	var o *oauth.RefusedError
	switch {
	case errors.As(err, &r) && r.Code == code && r.Reason != "" && r.Cure != "":
	case errors.As(err, &o) && o.Code == code && o.Reason != "" && o.Cure != "":
	default:
		t.Errorf("got %v, want it refused for %q", err, code)
	}
}

func TestConsents(t *testing.T) {
	ctx := t.Context()
	t.Run("each capability has its own pass and state", func(t *testing.T) {
		w := newWorld(t)
		w.allowed("t")
		if err := w.arrive(w.begin("t", "mail")); err != nil {
			t.Fatal(err)
		}
		if w.state("t", "mail").State != directory.Connected || w.state("t", "contacts").State != directory.NotAsked || len(w.resumed) != 0 {
			t.Errorf("got %v and %v, resumed %v", w.state("t", "mail"), w.state("t", "contacts"), w.resumed)
		}
		if err := w.arrive(w.begin("t", "contacts")); err != nil {
			t.Fatal(err)
		}
		if w.state("t", "contacts").State != directory.Connected || !slices.Equal(w.resumed, []string{"t/book"}) || !slices.Equal(w.vendor.asked, []string{id, id}) {
			t.Errorf("got %v, resumed %v, asked %v", w.state("t", "contacts"), w.resumed, w.vendor.asked)
		}
	})
	t.Run("what arrives twice at once connects once", func(t *testing.T) {
		w := newWorld(t)
		w.allowed("t")
		state := w.begin("t", "contacts")
		var g sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			g.Go(func() { errs[i] = w.arrive(state) })
		}
		g.Wait()
		good := 0
		for _, err := range errs {
			if err == nil {
				good++
			} else {
				wantCode(t, err, "admin_state")
			}
		}
		if good != 1 {
			t.Errorf("%d arrivals were taken, want 1", good)
		}
	})
	t.Run("a directory that is taken away in the middle is not connected", func(t *testing.T) {
		w := newWorld(t)
		w.allowed("t")
		w.vendor.inProof = func() {
			if err := w.Disconnect(ctx, boss("t"), "book"); err != nil {
				t.Error(err)
			}
			w.allowed("t") // and entered again
		}
		wantCode(t, w.arrive(w.begin("t", "contacts")), "admin_state")
		if got := w.state("t", "contacts").State; got != directory.NotAsked || len(w.resumed) != 0 {
			t.Errorf("got %s, resumed %v", got, w.resumed)
		}
	})
	t.Run("a state is the system's own", func(t *testing.T) {
		w := newWorld(t)
		w.allowed("t")
		_, err := w.Arrive(ctx, "other", url.Values{"state": {w.begin("t", "contacts")}, "tenant": {id}})
		wantCode(t, err, "admin_state")
		if _, err := w.Arrive(ctx, "none", url.Values{}); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("it is asked again while the vendor may not know yet, and no longer", func(t *testing.T) {
		w := newWorld(t)
		w.allowed("t")
		no := &oauth.RefusedError{Code: oauth.AdminDenied, Reason: "r", Cure: "c"}
		w.vendor.proofs = []error{no, connector.ErrTransient, no}
		if err := w.arrive(w.begin("t", "contacts")); err != nil || len(w.vendor.asked) != 4 {
			t.Errorf("got %v after %d", err, len(w.vendor.asked))
		}
		w.vendor.asked, w.vendor.proofs = nil, []error{no, no, no, no, no, no}
		wantCode(t, w.arrive(w.begin("t", "mail")), oauth.AdminDenied)
		if len(w.vendor.asked) != 4 || w.state("t", "mail").Code != oauth.AdminDenied {
			t.Errorf("asked %d times, state %v", len(w.vendor.asked), w.state("t", "mail"))
		}
	})
	t.Run("a refusal that time does not change is not asked again", func(t *testing.T) {
		w := newWorld(t)
		w.allowed("t")
		w.vendor.proofs = []error{&oauth.RefusedError{Code: oauth.AdminBlocked, Reason: "r", Cure: "c"}}
		wantCode(t, w.arrive(w.begin("t", "contacts")), oauth.AdminBlocked)
		if len(w.vendor.asked) != 1 || w.state("t", "contacts").State != directory.Failed {
			t.Errorf("asked %d times, state %v", len(w.vendor.asked), w.state("t", "contacts"))
		}
	})
	t.Run("a missing registration is the operator's", func(t *testing.T) {
		w := newWorld(t)
		w.allowed("t")
		state := w.begin("t", "contacts")
		delete(w.clients, "book")
		if err := w.arrive(state); !errors.Is(err, connector.ErrMisconfigured) || w.state("t", "contacts").Code != directory.CodeRegistration {
			t.Errorf("got %v, state %v", err, w.state("t", "contacts"))
		}
	})
	t.Run("the code that travels is nowhere in the table", func(t *testing.T) {
		w := newWorld(t)
		w.allowed("t")
		state := w.begin("t", "contacts")
		if _, err := w.table.Get(ctx, store.Key{PK: "O#" + state, SK: "directory"}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAdmit(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	who := func(directory string) *connector.Identity { return &connector.Identity{CompanyID: directory} }
	_, err := w.Admit(ctx, "t", "book", nil)
	wantCode(t, err, "directory_needed")
	w.connected("t")
	held, err := w.Admit(ctx, "t", "book", who("1B2C3D4E-5F60-4718-9A2B-3C4D5E6F7081"))
	if err != nil || held.V == 0 {
		t.Fatalf("got %+v, %v", held, err)
	}
	if it, err := w.table.Get(ctx, held.Key); err != nil || it.V != held.V {
		t.Errorf("the item that it rests on: got %v, %v", it.V, err)
	}
	for _, other := range []string{"", "9b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"} {
		_, err := w.Admit(ctx, "t", "book", who(other))
		wantCode(t, err, "other_directory")
	}
	_, err = w.Admit(ctx, "u", "book", who(id))
	wantCode(t, err, "directory_needed") // another tenant's directory admits nobody
	t.Run("withdrawn", func(t *testing.T) {
		for _, other := range []string{"", "9b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"} {
			if err := w.Withdraw(ctx, "t", "book", other); err != nil || w.state("t", "contacts").State != directory.Connected {
				t.Errorf("another directory's loss: got %v, %v", err, w.state("t", "contacts"))
			}
		}
		for range 2 {
			if err := w.Withdraw(ctx, "t", "book", id); err != nil || w.state("t", "contacts").State != directory.Withdrawn {
				t.Errorf("got %v, %v", err, w.state("t", "contacts"))
			}
		}
		if err := w.Withdraw(ctx, "u", "book", id); err != nil || w.state("u", "contacts").State != directory.NotAsked {
			t.Errorf("a tenant without a directory: got %v", err)
		}
		_, err := w.Admit(ctx, "t", "book", who(id))
		wantCode(t, err, "directory_withdrawn")
		if err := w.arrive(w.begin("t", "contacts")); err != nil || w.state("t", "contacts").State != directory.Connected {
			t.Errorf("consented again: got %v, %v", err, w.state("t", "contacts"))
		}
	})
}

func TestSetUp(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	member := tenancy.Member{ID: "m", Tenant: "t", Role: tenancy.Regular, Permissions: tenancy.Permissions()}
	for name, do := range map[string]func(tenancy.Member, string) error{
		"get":        func(m tenancy.Member, s string) error { _, err := w.Get(ctx, m, s); return err },
		"allow":      func(m tenancy.Member, s string) error { _, err := w.Allow(ctx, m, s, id); return err },
		"consent":    func(m tenancy.Member, s string) error { _, _, err := w.StartConsent(ctx, m, s, "contacts"); return err },
		"disconnect": func(m tenancy.Member, s string) error { return w.Disconnect(ctx, m, s) },
	} {
		wantCode(t, do(member, "book"), tenancy.CodeForbidden)
		if err := do(boss("t"), "none"); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("%s at a system without directories: got %v", name, err)
		}
	}
	if len(w.stopped) != 0 {
		t.Errorf("stopped %v", w.stopped)
	}
	const other = "9b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"
	w.allowed("t")
	if d, err := w.Allow(ctx, boss("t"), "book", other); err != nil || d.ID != other {
		t.Errorf("corrected before any consent: got %v, %v", d, err)
	}
	w.connected("t")
	before, err := w.Get(ctx, boss("t"), "book")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Allow(ctx, boss("t"), "book", other)
	wantCode(t, err, "directory_connected")
	if d, err := w.Allow(ctx, boss("t"), "book", id); err != nil || d.V != before.V {
		t.Errorf("the same once more: got %v, %v", d, err)
	}
	w.stopErr = errors.New("cut off")
	if err := w.Disconnect(ctx, boss("t"), "book"); err == nil {
		t.Error("a stop that was cut off is not told")
	}
	_, err = w.Admit(ctx, "t", "book", nil)
	wantCode(t, err, "directory_needed") // nobody starts meanwhile
	w.stopErr = nil
	if err := w.Disconnect(ctx, boss("t"), "book"); err != nil || len(w.stopped) != 2 {
		t.Errorf("repeated: got %v, stopped %v", err, w.stopped)
	}
}
