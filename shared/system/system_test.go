package system_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

func TestAll(t *testing.T) {
	all := system.All(system.Config{Clock: clock.Real{}})
	t.Run("one of each side, each once", func(t *testing.T) {
		var ids []string
		sides := map[profile.Side]int{}
		for _, s := range all {
			ids = append(ids, s.ID)
			sides[s.Side]++
		}
		if want := []string{"zoho", "google"}; !slices.Equal(ids, want) || sides[profile.CRM] != 1 || sides[profile.Book] != 1 {
			t.Errorf("got %v %v, want %v", ids, sides, want)
		}
	})
	t.Run("each is found by its id", func(t *testing.T) {
		for id, s := range system.ByID(all) {
			got, ok := system.Find(all, id)
			if !ok || got.Name != s.Name || s.Provider == nil || s.Identify == nil || got.New == nil {
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
	all := system.All(system.Config{Clock: clock.Real{}, Endpoints: system.Sandboxes(vendor.URL, vendor.URL)})
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
	all := system.All(system.Config{Clock: clock.Real{}, Endpoints: system.Sandboxes("http://127.0.0.1:1", "http://127.0.0.1:2")})
	for id, want := range map[string]string{"google": "http://127.0.0.1:1/", "zoho": "http://127.0.0.1:2/"} {
		s, _ := system.Find(all, id)
		got := s.Provider.AuthCodeURL(oauth.Client{ID: "c"}, oauth.AuthRequest{})
		if len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%s: got %s, want an address under %s", id, got, want)
		}
	}
}
