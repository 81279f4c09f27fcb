package directory_test

import (
	"errors"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/directory"
	"meibo/shared/oauth"
)

const elsewhere = "9b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"

// While members may sync with accounts of a directory, no other takes its place, whatever its consent has come to since.
func TestWhatWasConnectedIsNotReplaced(t *testing.T) {
	for name, then := range map[string]func(w *world){
		"while it is consented to again": func(w *world) { w.begin("t", "contacts") },
		"after that has failed": func(w *world) {
			state := w.begin("t", "contacts")
			w.vendor.proofs = []error{&oauth.RefusedError{Code: oauth.AdminBlocked, Reason: "r", Cure: "c"}}
			wantCode(w.t, w.arrive(state), oauth.AdminBlocked)
		},
		"once the address of that is too old": func(w *world) {
			w.begin("t", "contacts")
			w.clock.Advance(2 * directory.ConsentLife)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.connected("t")
			if err := w.Withdraw(t.Context(), "t", "book", id); err != nil {
				t.Fatal(err)
			}
			then(w)
			_, err := w.Allow(t.Context(), boss("t"), "book", elsewhere)
			wantCode(t, err, "directory_connected")
			if err := w.Disconnect(t.Context(), boss("t"), "book"); err != nil {
				t.Fatal(err)
			}
			if d, err := w.Allow(t.Context(), boss("t"), "book", elsewhere); err != nil || d.ID != elsewhere {
				t.Errorf("after it was disconnected: got %v, %v", d, err)
			}
		})
	}
}

// A disconnect that was cut off can be seen and gone on with, and another directory cannot be entered over it.
func TestDisconnectCutOff(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	w.connected("t")
	state := w.begin("t", "mail")
	w.stopErr = errors.New("cut off")
	if err := w.Disconnect(ctx, boss("t"), "book"); err == nil {
		t.Fatal("a stop that was cut off is not told")
	}
	if d, err := w.Get(ctx, boss("t"), "book"); err != nil || d.ID != id {
		t.Errorf("members still sync with it, and it is not to be seen: %+v, %v", d, err)
	}
	for _, typed := range []string{id, elsewhere} {
		_, err := w.Allow(ctx, boss("t"), "book", typed)
		wantCode(t, err, "directory_ending")
	}
	_, _, err := w.StartConsent(ctx, boss("t"), "book", "contacts")
	wantCode(t, err, "directory_ending")
	wantCode(t, w.arrive(state), "admin_state")
	w.stopErr = nil
	if err := w.Disconnect(ctx, boss("t"), "book"); err != nil || len(w.stopped) != 2 {
		t.Errorf("repeated: got %v, stopped %v", err, w.stopped)
	}
	if d, err := w.Get(ctx, boss("t"), "book"); err != nil || d.ID != "" {
		t.Errorf("got %+v, %v", d, err)
	}
	w.connected("t")
}

// What a start rests on is never again what it was, not even after a directory was taken away and entered anew.
func TestVersionsNeverComeAgain(t *testing.T) {
	w := newWorld(t)
	seen := map[int64]bool{}
	for range 3 {
		w.connected("t")
		held, err := w.Admit(t.Context(), "t", "book", &connector.Identity{CompanyID: id})
		if err != nil || seen[held.V] {
			t.Fatalf("version %d, %v: it was seen before: %v", held.V, err, seen)
		}
		seen[held.V] = true
		if err := w.Disconnect(t.Context(), boss("t"), "book"); err != nil {
			t.Fatal(err)
		}
		if it, err := w.table.Get(t.Context(), held.Key); err == nil && it.V <= held.V {
			t.Errorf("version %d after %d", it.V, held.V)
		}
	}
}

// Whoever stops members for one directory does not take away the one that was entered meanwhile.
func TestDisconnectTwiceAtOnce(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	w.connected("t")
	again := true
	w.onStop = func() {
		if !again {
			return
		}
		again = false
		if err := w.Disconnect(ctx, boss("t"), "book"); err != nil {
			t.Error(err)
		}
		if _, err := w.Allow(ctx, boss("t"), "book", elsewhere); err != nil {
			t.Error(err)
		}
	}
	if err := w.Disconnect(ctx, boss("t"), "book"); err != nil {
		t.Error(err)
	}
	if d, err := w.Get(ctx, boss("t"), "book"); err != nil || d.ID != elsewhere {
		t.Errorf("got %+v, %v", d, err)
	}
}
