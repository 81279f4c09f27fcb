package system_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/pace"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

func TestAll(t *testing.T) {
	all := system.All(system.Config{Clock: clock.Real{}})
	t.Run("every system once, CRMs first", func(t *testing.T) {
		var ids []string
		sides := map[profile.Side]int{}
		for _, s := range all {
			ids = append(ids, s.ID)
			sides[s.Side]++
		}
		if want := []string{"pipedrive", "zoho", "sansan", "hubspot", "google", "microsoft", "dynamics"}; !slices.Equal(ids, want) || !slices.Equal(system.IDs(), want) {
			t.Errorf("got %v and %v, want %v", ids, system.IDs(), want)
		}
		if sides[profile.CRM] != 4 || sides[profile.Book] != 3 {
			t.Errorf("got %v, want four CRMs and three address books", sides)
		}
	})
	t.Run("an installation offers what it names", func(t *testing.T) {
		some := system.All(system.Config{Clock: clock.Real{}, Offer: []string{"microsoft", "zoho"}})
		if len(some) != 2 || some[0].ID != "zoho" || some[1].ID != "microsoft" {
			t.Errorf("got %d systems, want Zoho and Microsoft", len(some))
		}
	})
	t.Run("every profile of its own is about systems that there are", func(t *testing.T) {
		for _, p := range profile.Own() {
			crm, okC := system.Find(all, p.CRM)
			book, okB := system.Find(all, p.Book)
			if !okC || !okB || crm.Side != profile.CRM || book.Side != profile.Book {
				t.Errorf("%s pairs %s with %s", p.Name, p.CRM, p.Book)
			}
		}
	})
	t.Run("what the vendors send has a reader", func(t *testing.T) {
		readers, shared := system.Hooks(all), system.SharedHooks(all)
		nonsense := connector.Delivery{Header: http.Header{}, Body: []byte("\x00")}
		for _, id := range []string{"pipedrive", "zoho", "google", "microsoft"} {
			if readers[id] == nil {
				t.Errorf("%s has none", id)
				continue
			}
			if _, err := readers[id](nonsense); !errors.Is(err, connector.ErrMalformed) {
				t.Errorf("%s: got %v of nonsense, want ErrMalformed", id, err)
			}
		}
		if len(readers) != 4 || len(shared) != 1 || shared["hubspot"] == nil {
			t.Fatalf("got %d and %d readers", len(readers), len(shared))
		}
		if _, err := shared["hubspot"](nonsense, "secret", time.Unix(0, 0)); !errors.Is(err, connector.ErrForged) {
			t.Errorf("got %v of nonsense at the address for all accounts, want ErrForged", err)
		}
	})
	t.Run("each is found by its id", func(t *testing.T) {
		for id, s := range system.ByID(all) {
			got, ok := system.Find(all, id)
			if !ok || got.Name != s.Name || (s.Provider == nil) == (s.Key == nil) || s.Identify == nil || got.New == nil {
				t.Errorf("%s: got %+v", id, got)
			}
		}
		if _, ok := system.Find(all, "lotus"); ok {
			t.Error("found a system that does not exist")
		}
	})
}

// accounts has one account of each system, "a-<system>".
type accounts struct{}

func (accounts) AccountByID(_ context.Context, tenant, id string) (tenancy.Account, error) {
	if len(id) < 3 {
		return tenancy.Account{}, tenancy.ErrNotFound
	}
	return tenancy.Account{ID: id, Tenant: tenant, System: id[2:], State: tenancy.AccountActive}, nil
}

// keeper hands out a plain client.
type keeper struct {
	extra map[string]string
	err   error
}

func (k keeper) Client(context.Context, string, string) (*http.Client, error) {
	return &http.Client{}, k.err
}
func (k keeper) Extra(context.Context, string, string) (map[string]string, error) {
	return k.extra, nil
}

func TestOpen(t *testing.T) {
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"contactGroups":[]}`))
	}))
	defer vendor.Close()
	all := system.All(system.Config{Clock: clock.Real{}, Endpoints: system.Sandboxes(map[string]string{"zoho": vendor.URL, "google": vendor.URL})})
	open := func(k keeper, account string) (any, error) {
		o := system.NewOpener(all, accounts{}, k, clock.Real{})
		opened, err := o.Open(t.Context(), "t", account)
		return opened, err
	}
	t.Run("every call of the vendor is counted, and only that", func(t *testing.T) {
		o := system.NewOpener(all, accounts{}, keeper{}, clock.Real{})
		opened, err := o.Open(t.Context(), "t", "a-google")
		if err != nil {
			t.Fatal(err)
		}
		if got := opened.Calls(); got != 0 {
			t.Errorf("opening made %d calls, want none", got)
		}
		for range 2 {
			if _, err := opened.Connector.(connector.Grouper).Groups(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := opened.Calls(); got != 2 {
			t.Errorf("got %d calls, want 2", got)
		}
	})
	t.Run("what came with the token reaches the connector", func(t *testing.T) {
		if _, err := open(keeper{extra: map[string]string{"api_domain": vendor.URL}}, "a-zoho"); err != nil {
			t.Error(err)
		}
		if _, err := open(keeper{}, "a-zoho"); !errors.Is(err, connector.ErrMisconfigured) {
			t.Errorf("without it: got %v, want ErrMisconfigured", err)
		}
	})
	t.Run("an account that is not there is not found", func(t *testing.T) {
		if _, err := open(keeper{}, "x"); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an account of a system that is not offered is our own fault", func(t *testing.T) {
		if _, err := open(keeper{}, "a-lotus"); !errors.Is(err, connector.ErrMisconfigured) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a lost authorisation is told", func(t *testing.T) {
		var lost *connector.AuthLostError
		if _, err := open(keeper{err: &connector.AuthLostError{System: "Google", Cure: "connect again"}}, "a-google"); !errors.As(err, &lost) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSandboxes(t *testing.T) {
	at := map[string]string{}
	for i, id := range system.IDs() {
		at[id] = "http://127.0.0.1:" + strconv.Itoa(i+1)
	}
	all := system.All(system.Config{Clock: clock.Real{}, Endpoints: system.Sandboxes(at)})
	for id, origin := range at {
		if id == system.Sansan {
			continue // people enter a key instead
		}
		t.Run(id+" signs people in at its stand-in", func(t *testing.T) {
			s, _ := system.Find(all, id)
			if got := s.Provider.AuthCodeURL(oauth.Client{ID: "c"}, oauth.AuthRequest{}); !strings.HasPrefix(got, origin+"/") {
				t.Errorf("got %s, want an address under %s", got, origin)
			}
		})
	}
	t.Run("a system without a stand-in keeps its vendor's addresses", func(t *testing.T) {
		own := system.All(system.Config{Clock: clock.Real{}, Endpoints: system.Sandboxes(map[string]string{"zoho": at["zoho"]})})
		for id, want := range map[string]string{"google": "https://accounts.google.com/", "microsoft": "https://login.microsoftonline.com/", "pipedrive": "https://oauth.pipedrive.com/", "hubspot": "https://app.hubspot.com/", "dynamics": "https://login.microsoftonline.com/"} {
			s, _ := system.Find(own, id)
			if got := s.Provider.AuthCodeURL(oauth.Client{ID: "c"}, oauth.AuthRequest{}); !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %s, want an address under %s", id, got, want)
			}
		}
	})
}

// SPEC section 12: what a vendor throttles is waited for before the vendor has to say so, unless an installation says otherwise.
func TestLimits(t *testing.T) {
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"contactGroups":[]}`))
	}))
	defer vendor.Close()
	read := func(limits map[string][]pace.Limit, calls int) time.Duration {
		clk := clock.NewVirtual(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), true)
		began := clk.Now()
		all := system.All(system.Config{Clock: clk, Endpoints: system.Sandboxes(map[string]string{"google": vendor.URL}), Limits: limits})
		opened, err := system.NewOpener(all, accounts{}, keeper{}, clk).Open(t.Context(), "t", "a-google")
		if err != nil {
			t.Fatal(err)
		}
		for range calls {
			if _, err := opened.Connector.(connector.Grouper).Groups(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return clk.Now().Sub(began)
	}
	t.Run("the vendor's published ones hold", func(t *testing.T) {
		if got := read(nil, 91); got < time.Minute {
			t.Errorf("91 calls took %s, want the minute that 90 a minute make of them", got)
		}
	})
	t.Run("an installation's own take their place", func(t *testing.T) {
		own := map[string][]pace.Limit{"google": {{Name: "group_read", Units: 1, Per: 10 * time.Second}}}
		if got := read(own, 3); got != 20*time.Second {
			t.Errorf("got %s, want 20s", got)
		}
	})
	t.Run("none are none", func(t *testing.T) {
		if got := read(map[string][]pace.Limit{"google": {}}, 200); got != 0 {
			t.Errorf("got %s, want no wait", got)
		}
	})
}
