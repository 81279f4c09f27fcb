package oauth_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/oauth"
	"meibo/shared/store"
)

func TestConfirmation(t *testing.T) {
	arrive := func(t *testing.T, w *world, f *oauth.Flow) string {
		t.Helper()
		o, code, err := f.Arrive(t.Context(), begun(t, f, request))
		if err != nil || o.StartRequest != request || o.Identity.Email != "u1@vendor.example" || len(code) != 43 {
			t.Fatalf("Arrive = %+v, %q, %v, want the request with whose account it is, and a code", o, code, err)
		}
		return code
	}
	stored := func(t *testing.T, w *world, k *oauth.Keeper) bool {
		t.Helper()
		_, err := k.Client(t.Context(), "t", "a")
		return err == nil
	}
	t.Run("nothing is stored or accepted before a person confirms", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		f := w.flow(k, errors.New("accepted too early"))
		arrive(t, w, f)
		if stored(t, w, k) {
			t.Error("the account has a token")
		}
	})
	t.Run("every code works once, also at the same time", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		f := w.flow(k, nil)
		code := arrive(t, w, f)
		var all sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range 6 {
			all.Go(func() {
				o, err := f.Confirm(t.Context(), code)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					wantRefused(t, err, "state")
				} else if done++; o.Account != "a" {
					t.Errorf("account = %q, want a", o.Account)
				}
			})
		}
		all.Wait()
		if done != 1 || !stored(t, w, k) {
			t.Errorf("confirmed %d times, want once, with a token", done)
		}
	})
	t.Run("a code ends after ten minutes", func(t *testing.T) {
		w := newWorld(t)
		f := w.flow(w.keeper(), nil)
		late, inTime := arrive(t, w, f), arrive(t, w, f)
		w.clock.Advance(oauth.StateLife - time.Second)
		if _, err := f.Confirm(t.Context(), inTime); err != nil {
			t.Errorf("a second before: %v", err)
		}
		w.clock.Advance(time.Second)
		_, err := f.Confirm(t.Context(), late)
		wantRefused(t, err, "state")
	})
	t.Run("a state is no code, and a code no state", func(t *testing.T) {
		w := newWorld(t)
		f := w.flow(w.keeper(), nil)
		back := begun(t, f, request)
		_, err := f.Confirm(t.Context(), back.Get("state"))
		wantRefused(t, err, "state")
		code := arrive(t, w, f)
		back.Set("state", code)
		_, _, err = f.Arrive(t.Context(), back)
		wantRefused(t, err, "state")
		if _, err := f.Confirm(t.Context(), code); err != nil {
			t.Errorf("the code is used up: %v", err)
		}
	})
	t.Run("what is dropped cannot be confirmed, and is not revoked", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		f := w.flow(k, nil)
		code := arrive(t, w, f)
		if o, err := f.Drop(t.Context(), code); err != nil || o.Return != request.Return {
			t.Errorf("Drop = %+v, %v, want where to go back to", o, err)
		}
		_, err := f.Confirm(t.Context(), code)
		wantRefused(t, err, "state")
		if stored(t, w, k) || len(w.vendor.revoked) != 0 {
			t.Errorf("stored %t, revoked %v, want neither", stored(t, w, k), w.vendor.revoked)
		}
	})
	t.Run("the table has neither the code nor the token", func(t *testing.T) {
		w := newWorld(t)
		f := w.flow(w.keeper(), nil)
		code := arrive(t, w, f)
		if _, err := w.table.Get(t.Context(), store.Key{PK: "O#" + code, SK: "arrived"}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the code itself is a key: %v", err)
		}
		sum := sha256.Sum256([]byte(code))
		it, err := w.table.Get(t.Context(), store.Key{PK: "O#" + hex.EncodeToString(sum[:]), SK: "arrived"})
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{w.vendor.access, w.vendor.refresh, "u1@vendor.example"} {
			if bytes.Contains(it.Body, []byte(secret)) {
				t.Errorf("the item holds %q", secret)
			}
		}
	})
	t.Run("an account that is not asked about stays unknown when the vendor does not say", func(t *testing.T) {
		w := newWorld(t)
		f := w.flow(w.keeper(), nil)
		back := begun(t, f, request)
		w.vendor.fail(errors.New("502"))
		_, code, err := f.Arrive(t.Context(), back)
		if wantIs(t, err, connector.ErrTransient); code != "" {
			t.Error("a code without an identity")
		}
	})
}
