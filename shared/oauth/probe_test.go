package oauth_test

import (
	"errors"
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
