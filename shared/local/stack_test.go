package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/local"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/google"
	"meibo/shared/state"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

const (
	admin     = "hanako@example.jp"
	publicURL = "http://meibo.test"
)

var who = tenancy.Principal{Issuer: "https://issuer.example", Subject: "s", Email: admin, EmailVerified: true}

// place is a data folder with stand-ins beside it.
type place struct {
	t     *testing.T
	clock *clock.Virtual
	boxes *local.Sandboxes
	opts  local.Options
	log   *bytes.Buffer
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, clock: clock.NewVirtual(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), true), log: &bytes.Buffer{}}
	var err error
	p.boxes, err = local.OpenSandboxes(local.SandboxOptions{Clock: p.clock, RedirectURIs: local.RedirectURIs(publicURL), NoLimits: true, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	g, z := httptest.NewServer(p.boxes.Google), httptest.NewServer(p.boxes.Zoho)
	t.Cleanup(g.Close)
	t.Cleanup(z.Close)
	if err := p.boxes.Google.AddUser(google.User{Email: admin, Name: "Hanako"}); err != nil {
		t.Fatal(err)
	}
	if err := p.boxes.Zoho.AddUserJSON([]byte(`{"email":"` + admin + `","name":"Hanako Yamada"}`)); err != nil {
		t.Fatal(err)
	}
	p.opts = local.Options{
		Folder: filepath.Join(t.TempDir(), "data"), Clock: p.clock, NoSync: true, Clients: local.SandboxClients(), PublicURL: publicURL,
		Systems: system.Config{Endpoints: system.Sandboxes(map[string]string{system.Google: g.URL, system.Zoho: z.URL})}, Log: slog.New(slog.NewJSONHandler(p.log, nil)),
		Authenticate: func(*http.Request) (tenancy.Principal, error) { return who, nil },
	}
	return p
}

func (p *place) open() *local.Stack {
	p.t.Helper()
	s, err := local.Open(p.opts)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *place) close(s *local.Stack) {
	p.t.Helper()
	if err := s.Close(); err != nil {
		p.t.Fatal(err)
	}
}

// connection makes a tenant with a connection that is ready, through the API and the consent flow.
func (p *place) connection(s *local.Stack) (tenancy.Member, tenancy.Connection) {
	p.t.Helper()
	ctx := p.t.Context()
	_, m, err := s.Tenancy.CreateTenant(ctx, who, "Kitano", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := s.Tenancy.CreateConnection(ctx, m, tenancy.NewConnection{CRMSystem: system.Zoho, BookSystem: system.Google})
	if err != nil {
		p.t.Fatal(err)
	}
	browser := local.NewBrowser(site{s.Consent()})
	for _, id := range []string{system.Zoho, system.Google} {
		w := httptest.NewRecorder()
		s.API().ServeHTTP(w, httptest.NewRequest("POST", "/v1/tenants/"+m.Tenant+"/accounts",
			strings.NewReader(`{"system":"`+id+`","connection":"`+c.ID+`"}`)))
		var to struct {
			URL string `json:"authorize_url"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &to); err != nil || w.Code != 201 {
			p.t.Fatalf("got %d %s", w.Code, w.Body)
		}
		if at, err := browser.Allow(ctx, to.URL, admin); err != nil || at.Status != 200 {
			p.t.Fatalf("got %d %s, %v", at.Status, at.Page, err)
		}
	}
	if c, err = s.Tenancy.Connection(ctx, m, c.ID); err != nil || c.State != tenancy.Ready {
		p.t.Fatalf("got %s, %v", c.State, err)
	}
	return m, c
}

// site answers at publicURL, and leaves everything else to the network.
type site struct{ h http.Handler }

func (s site) RoundTrip(r *http.Request) (*http.Response, error) {
	if "http://"+r.URL.Host != publicURL {
		return http.DefaultTransport.RoundTrip(r)
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

func (p *place) fill(n int) {
	p.t.Helper()
	var seeds []sandbox.Seed
	for i := range n {
		f := record.Fields{}
		f.Set(record.NameFamily, "F"+string(rune('A'+i%26)))
		f[record.Email] = []record.Value{{Text: string(rune('a'+i%26)) + string(rune('a'+i/26)) + "@example.jp", Label: record.LabelWork}}
		seeds = append(seeds, sandbox.Seed{Record: record.Record{Kind: record.Contact, Fields: f}})
	}
	if _, err := p.boxes.Zoho.Fill(admin, seeds); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) inBook() int {
	p.t.Helper()
	cs, _, err := p.boxes.Google.Contacts(admin, "", 1000)
	if err != nil {
		p.t.Fatal(err)
	}
	return len(cs)
}

func TestStack(t *testing.T) {
	p := newPlace(t)
	ctx := t.Context()
	s := p.open()
	m, c := p.connection(s)
	p.fill(30)
	if _, err := s.Tenancy.Start(ctx, m, c.ID); err != nil {
		t.Fatal(err)
	}
	t.Run("a folder is one process's", func(t *testing.T) {
		if other, err := local.Open(p.opts); err == nil {
			t.Error("opened twice")
			_ = other.Close()
		}
	})
	t.Run("what was asked for before a restart is done after it", func(t *testing.T) {
		if err := s.Ask(ctx, state.Ask{Tenant: m.Tenant, Connection: c.ID, Reason: state.ReasonStart, Asked: p.clock.Now()}); err != nil {
			t.Fatal(err)
		}
		p.close(s)
		s = p.open()
		if err := s.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		if got := p.inBook(); got != 30 {
			t.Errorf("the book has %d contacts, want 30\n%s", got, p.log)
		}
	})
	t.Run("a lease that a dead process left is free after a restart", func(t *testing.T) {
		ctl, err := s.State.Control(ctx, m.Tenant, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.State.Acquire(ctx, m.Tenant, c.ID, ctl, "01DEAD"); err != nil {
			t.Fatal(err)
		}
		p.close(s)
		s = p.open()
		now := p.clock.Now()
		if err := s.Ask(ctx, state.Ask{Tenant: m.Tenant, Connection: c.ID, Reason: state.ReasonUpdate, Asked: now, Run: "01RUN"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		if waited := p.clock.Now().Sub(now); waited >= state.LeaseTime {
			t.Errorf("it took %s, as long as the lease", waited)
		}
		if after, err := s.State.Control(ctx, m.Tenant, c.ID); err != nil || after.Run != "" || after.Epoch <= ctl.Epoch+1 {
			t.Errorf("got %+v, %v", after, err)
		}
	})
	t.Run("recurring schedules outlive a restart and fire as time passes", func(t *testing.T) {
		before, err := s.State.Control(ctx, m.Tenant, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		p.close(s)
		s = p.open()
		if err := s.RunUntil(ctx, p.clock.Now().Add(25*time.Minute)); err != nil {
			t.Fatal(err)
		}
		after, err := s.State.Control(ctx, m.Tenant, c.ID)
		if err != nil || !after.Began.After(before.Began) {
			t.Errorf("the last run began at %s, as before; %v", after.Began, err)
		}
	})
	t.Run("draining leaves nothing that waits", func(t *testing.T) {
		if err := s.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		now := p.clock.Now()
		if err := s.Drain(ctx); err != nil || !p.clock.Now().Equal(now) {
			t.Errorf("the clock moved by %s, %v", p.clock.Now().Sub(now), err)
		}
	})
	t.Run("a canceled drain stops", func(t *testing.T) {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err := s.Drain(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	p.close(s)
}
