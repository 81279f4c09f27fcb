package secret_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/secret"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
)

func virtual() *clock.Virtual {
	return clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true)
}

func table(t *testing.T, c clock.Clock) store.Table {
	t.Helper()
	tb, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{Clock: c, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tb.Close() })
	return tb
}

func local(t *testing.T) *secret.Local {
	t.Helper()
	w, err := secret.OpenLocal(filepath.Join(t.TempDir(), "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func keysFor(t *testing.T, k *secret.Keys, tenant string) *secret.TenantKeys {
	t.Helper()
	tk, err := k.For(t.Context(), tenant)
	if err != nil {
		t.Fatalf("For(%q): %v", tenant, err)
	}
	return tk
}

func TestSeal(t *testing.T) {
	now := virtual()
	k := secret.New(table(t, now), local(t), now, nil)
	a, b := keysFor(t, k, "a"), keysFor(t, k, "b")
	sealed, err := a.Seal("token", "account-1", []byte("hush"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("hush")) {
		t.Error("the sealed bytes hold the plaintext")
	}
	t.Run("opens under the same tenant, purpose and owner", func(t *testing.T) {
		got, err := a.Open("token", "account-1", sealed)
		if err != nil || string(got) != "hush" {
			t.Errorf("Open = %q, %v, want hush", got, err)
		}
	})
	for name, open := range map[string]func() ([]byte, error){
		"another tenant's":    func() ([]byte, error) { return b.Open("token", "account-1", sealed) },
		"another purpose":     func() ([]byte, error) { return a.Open("journal", "account-1", sealed) },
		"another owner":       func() ([]byte, error) { return a.Open("token", "account-2", sealed) },
		"purpose, owner slid": func() ([]byte, error) { return a.Open("tokenaccount", "-1", sealed) },
		"a changed byte": func() ([]byte, error) {
			bad := bytes.Clone(sealed)
			bad[len(bad)-1] ^= 1
			return a.Open("token", "account-1", bad)
		},
		"nothing": func() ([]byte, error) { return a.Open("token", "account-1", nil) },
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if got, err := open(); !errors.Is(err, secret.ErrOpen) {
				t.Errorf("Open = %q, %v, want ErrOpen", got, err)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	now := virtual()
	k := secret.New(table(t, now), local(t), now, nil)
	a := keysFor(t, k, "a")
	want := a.Digest("record", []byte("ab"), []byte("c"))
	t.Run("is the same each time", func(t *testing.T) {
		if a.Digest("record", []byte("ab"), []byte("c")) != want {
			t.Error("two digests of the same parts differ")
		}
	})
	t.Run("can be computed with the MAC again and again", func(t *testing.T) {
		m := a.MAC("x")
		m.Write([]byte("v"))
		first := m.Sum(nil)
		m.Reset()
		m.Write([]byte("v"))
		if !bytes.Equal(first, m.Sum(nil)) {
			t.Error("the MAC differs after Reset")
		}
	})
	for name, got := range map[string][32]byte{
		"another tenant":    keysFor(t, k, "b").Digest("record", []byte("ab"), []byte("c")),
		"another purpose":   a.Digest("match", []byte("ab"), []byte("c")),
		"parts split apart": a.Digest("record", []byte("a"), []byte("bc")),
		"parts joined":      a.Digest("record", []byte("abc")),
	} {
		t.Run(name+" gives another", func(t *testing.T) {
			if got == want {
				t.Error("the digests are equal")
			}
		})
	}
}

func TestKeys(t *testing.T) {
	now := virtual()

	t.Run("creators who race agree", func(t *testing.T) {
		tb, w := table(t, now), local(t)
		const n = 8
		sealed, all := make([][]byte, n), make([]*secret.TenantKeys, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				tk, err := secret.New(tb, w, now, nil).For(context.Background(), "a") // as n processes
				if err != nil {
					t.Error(err)
					return
				}
				all[i] = tk
				if sealed[i], err = tk.Seal("p", "o", []byte("x")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		for i := range n {
			if _, err := all[(i+1)%n].Open("p", "o", sealed[i]); err != nil {
				t.Errorf("creator %d cannot open what creator %d sealed: %v", (i+1)%n, i, err)
			}
			if all[i].Digest("p") != all[0].Digest("p") {
				t.Errorf("creator %d has another digest key", i)
			}
		}
	})

	t.Run("cached keys cost no read until their life ends", func(t *testing.T) {
		now := virtual()
		tb := store.NewCounted(table(t, now))
		k := secret.New(tb, local(t), now, nil)
		keysFor(t, k, "a")
		before := tb.Snapshot()
		keysFor(t, k, "a")
		if got := tb.Snapshot().Sub(before).Reads; got != 0 {
			t.Errorf("reads = %d, want 0", got)
		}
		now.Advance(time.Hour)
		keysFor(t, k, "a")
		if got := tb.Snapshot().Sub(before).Reads; got != 1 {
			t.Errorf("reads after the cache's life = %d, want 1", got)
		}
	})

	t.Run("erased keys open nothing", func(t *testing.T) {
		tb, w := table(t, now), local(t)
		k := secret.New(tb, w, now, nil)
		sealed, err := keysFor(t, k, "a").Seal("p", "o", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Erase(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if _, err := keysFor(t, k, "a").Open("p", "o", sealed); !errors.Is(err, secret.ErrOpen) {
			t.Errorf("Open = %v, want ErrOpen", err)
		}
	})

	t.Run("one tenant's item under another tenant is refused", func(t *testing.T) {
		tb, w := table(t, now), local(t)
		keysFor(t, secret.New(tb, w, now, nil), "a")
		it, err := tb.Get(t.Context(), store.Key{PK: "T#a", SK: "keys"})
		if err != nil {
			t.Fatal(err)
		}
		it.PK = "T#b"
		if err := tb.Write(t.Context(), store.Put(it, store.Cond{})); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.New(tb, w, now, nil).For(t.Context(), "b"); err == nil {
			t.Error("tenant b has got tenant a's keys")
		}
	})

	t.Run("no tenant is refused", func(t *testing.T) {
		if _, err := secret.New(table(t, now), local(t), now, nil).For(t.Context(), ""); err == nil {
			t.Error("got keys for no tenant")
		}
	})
}
