package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/oauth"
)

func TestProbe(t *testing.T) {
	t.Run("an authorisation that was used within a day is left alone", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		if err := k.Probe(t.Context(), "t", "a"); err != nil {
			t.Fatal(err)
		}
		if got := w.vendor.refreshes; got != 0 {
			t.Errorf("the vendor was asked %d times, want none", got)
		}
	})
	t.Run("an idle one is renewed, whatever this process remembers", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		w.wantOK(w.client(k))
		w.clock.Advance(48 * time.Hour)
		for range 2 {
			if err := k.Probe(t.Context(), "t", "a"); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.vendor.refreshes; got != 1 {
			t.Errorf("the vendor was asked %d times, want once", got)
		}
	})
	t.Run("one that was withdrawn is noticed", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		w.clock.Advance(48 * time.Hour)
		w.vendor.fail(oauth.ErrRevoked)
		var lost *connector.AuthLostError
		if err := k.Probe(t.Context(), "t", "a"); !errors.As(err, &lost) {
			t.Errorf("got %v, want *AuthLostError", err)
		}
	})
	t.Run("an account without a token is lost", func(t *testing.T) {
		w := newWorld(t)
		var lost *connector.AuthLostError
		if err := w.keeper().Probe(t.Context(), "t", "nobody"); !errors.As(err, &lost) {
			t.Errorf("got %v, want *AuthLostError", err)
		}
	})
}

// keyed is a keeper of accounts that have keys, and of one whose key it is.
func (w *world) keyed(says error) *oauth.Keeper {
	w.t.Helper()
	systems := w.systems()
	sys := systems["zoho"]
	ask := sys.Identify
	sys.Provider, sys.Key = nil, &oauth.Key{Header: "Authorization", Shape: func(string) bool { return true }}
	sys.Identify = func(ctx context.Context, hc *http.Client, t oauth.Token) (connector.Identity, error) {
		who, err := ask(ctx, hc, t)
		if err == nil {
			err = says
		}
		return who, err
	}
	systems["zoho"] = sys
	k := oauth.NewKeeper(oauth.KeeperConfig{Table: w.table, Keys: w.keys, Clock: w.waits, Systems: systems, HTTP: w.api.Client(),
		OnLost: func(_ context.Context, tenant, account string, err error) {
			w.lost = append(w.lost, tenant+"/"+account)
		}})
	t := w.vendor.next()
	if err := k.Save(w.t.Context(), "t", "a", "zoho", oauth.Token{Access: t.Access}); err != nil {
		w.t.Fatal(err)
	}
	return k
}

// A key does not end and cannot be renewed: it is good as long as the vendor takes it.
func TestProbeOfAKey(t *testing.T) {
	for name, says := range map[string]error{
		"one that works stays": nil,
		"so does one whose user has nothing that tells whose it is": &oauth.RefusedError{Code: "no_card", Reason: "none", Cure: "make one"},
		"and one whose user may not do what was asked":              &connector.ForbiddenError{System: "Zoho CRM", What: "read"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			k := w.keyed(says)
			for range 3 {
				w.clock.Advance(48 * time.Hour)
				if err := k.Probe(t.Context(), "t", "a"); err != nil || len(w.lost) > 0 {
					t.Fatalf("got %v, and lost %v", err, w.lost)
				}
			}
			w.wantOK(w.client(k))
		})
	}
	t.Run("one that was revoked is noticed, and told once", func(t *testing.T) {
		w := newWorld(t)
		k := w.keyed(nil)
		w.vendor.killAccess()
		for range 2 {
			var lost *connector.AuthLostError
			if err := k.Probe(t.Context(), "t", "a"); !errors.As(err, &lost) {
				t.Fatalf("got %v, want *AuthLostError", err)
			}
		}
		if len(w.lost) != 1 {
			t.Errorf("got %v told, want it once", w.lost)
		}
	})
	t.Run("a vendor that does not answer says nothing about it", func(t *testing.T) {
		w := newWorld(t)
		k := w.keyed(errors.New("odd"))
		if err := k.Probe(t.Context(), "t", "a"); !errors.Is(err, connector.ErrTransient) || len(w.lost) > 0 {
			t.Errorf("got %v, and lost %v", err, w.lost)
		}
	})
}
