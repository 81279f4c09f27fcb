package oauth_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/oauth"
	"meibo/shared/store"
)

func TestKeeper(t *testing.T) {
	t.Run("tokens are unreadable in the table", func(t *testing.T) {
		w := newWorld(t)
		w.saved(w.keeper())
		it, err := w.table.Get(t.Context(), store.Key{PK: "T#t", SK: "token#a"})
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(it.Body, []byte("access-1")) || bytes.Contains(it.Body, []byte("refresh-1")) {
			t.Error("the item holds a token in the clear")
		}
	})

	t.Run("a client reads the token once, and a second one not at all", func(t *testing.T) {
		w := newWorld(t)
		w.saved(w.keeper())
		k := w.keeper()
		before := w.table.Snapshot()
		w.wantOK(w.client(k))
		if got := w.table.Snapshot().Sub(before).Reads; got != 1 {
			t.Errorf("reads = %d, want 1", got)
		}
		w.wantOK(w.client(k))
		if _, err := k.Extra(t.Context(), "t", "a"); err != nil {
			t.Error(err)
		}
		d := w.table.Snapshot().Sub(before)
		if d.Reads != 1 || d.Writes != 0 {
			t.Errorf("reads, writes = %d, %d, want 1, 0", d.Reads, d.Writes)
		}
	})

	t.Run("Extra tells what the vendor told", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		if got, err := k.Extra(t.Context(), "t", "a"); err != nil || got["api_domain"] != "jp" {
			t.Errorf("Extra = %v, %v", got, err)
		}
	})

	t.Run("a token about to end is renewed before it is used", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		hc := w.client(k)
		w.clock.Advance(57 * time.Minute)
		w.wantOK(hc)
		if w.vendor.refreshes != 0 {
			t.Errorf("renewed 3 minutes before the end")
		}
		w.clock.Advance(90 * time.Second)
		w.wantOK(hc)
		if w.vendor.refreshes != 1 || len(w.vendor.api) != 2 {
			t.Errorf("refreshes, calls = %d, %d, want 1, 2", w.vendor.refreshes, len(w.vendor.api))
		}
	})

	t.Run("a token that names no end is not renewed by time", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.vendor.access = "for ever"
		if err := k.Save(t.Context(), "t", "a", "zoho", oauth.Token{Access: "for ever"}); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(1000 * time.Hour)
		w.wantOK(w.client(k))
	})

	t.Run("a 401 is answered by one renewal and the same request again", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		hc := w.client(k)
		w.vendor.killAccess()
		w.wantOK(hc)
		if got := w.vendor.api; len(got) != 2 || got[0] != "access-1" || got[1] != "access-2" {
			t.Errorf("calls with %v, want access-1 and access-2", got)
		}
	})

	t.Run("a 401 that stays is passed on after one renewal", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		w.vendor.killAccess()
		hc := w.client(k)
		w.api.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusUnauthorized) })
		status, _, err := w.post(hc, strings.NewReader("x"))
		if err != nil || status != http.StatusUnauthorized || w.vendor.refreshes != 1 {
			t.Errorf("status = %d, %v after %d renewals, want 401 after 1", status, err, w.vendor.refreshes)
		}
	})

	t.Run("a body that cannot be had again is not sent twice", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		hc := w.client(k)
		w.vendor.killAccess()
		_, _, err := w.post(hc, io.MultiReader(strings.NewReader("once")))
		if !errors.Is(err, connector.ErrTransient) {
			t.Errorf("error = %v, want ErrTransient", err)
		}
		w.wantOK(hc) // with the token that was renewed for it
		if w.vendor.refreshes != 1 {
			t.Errorf("%d renewals, want 1", w.vendor.refreshes)
		}
	})

	t.Run("the request itself is left alone", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.api.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.client(k).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if len(r.Header) != 0 {
			t.Errorf("the request has got the header %v", r.Header)
		}
	})

	t.Run("a redirect is not followed", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.api.URL+"/elsewhere", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.client(k).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusFound {
			t.Errorf("status = %d, want the redirect itself", resp.StatusCode)
		}
	})

	t.Run("a new consent without a refresh token keeps the old one", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		if err := k.Save(t.Context(), "t", "a", "zoho", oauth.Token{Access: "access-1", Expiry: w.clock.Now()}); err != nil {
			t.Fatal(err)
		}
		w.wantOK(w.client(k)) // renewed with refresh-1
	})

	t.Run("another tenant's account of the same id is not there", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		_, err := k.Client(t.Context(), "u", "a")
		wantAuthLost(t, err)
	})
}

func TestRenewalErrors(t *testing.T) {
	ended := func(t *testing.T) (*world, *oauth.Keeper, *http.Client) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		hc := w.client(k)
		w.clock.Advance(2 * time.Hour)
		return w, k, hc
	}

	t.Run("a dead refresh token is an AuthLostError everywhere, told once", func(t *testing.T) {
		w, k, hc := ended(t)
		w.vendor.fail(oauth.ErrRevoked)
		for range 2 {
			_, _, err := w.post(hc, nil)
			wantAuthLost(t, err)
		}
		_, err := k.Client(t.Context(), "t", "a")
		wantAuthLost(t, err)
		_, err = w.keeper().Client(t.Context(), "t", "a")
		wantAuthLost(t, err)
		if len(w.lost) != 1 || w.lost[0] != "t/a" || w.vendor.refreshes != 1 {
			t.Errorf("told %v after %d renewals, want t/a once after 1", w.lost, w.vendor.refreshes)
		}
	})
	t.Run("a new consent cures it, also in a process that saw the loss", func(t *testing.T) {
		w, k, hc := ended(t)
		w.vendor.fail(oauth.ErrRevoked)
		_, _, err := w.post(hc, nil)
		wantAuthLost(t, err)
		w.vendor.fail(nil)
		w.saved(w.keeper()) // in another process
		w.wantOK(w.client(k))
	})
	t.Run("a lack of scope is a loss with the vendor's cure", func(t *testing.T) {
		w, _, hc := ended(t)
		w.vendor.fail(&oauth.RefusedError{Code: "scope", Reason: "a permission was taken back", Cure: "allow contacts again"})
		_, _, err := w.post(hc, nil)
		var lost *connector.AuthLostError
		if !errors.As(err, &lost) || lost.Cure != "allow contacts again" {
			t.Errorf("error = %v, want AuthLostError with the cure", err)
		}
	})
	for name, c := range map[string]struct{ err, want error }{
		"our registration":                {oauth.ErrClient, connector.ErrMisconfigured},
		"a vendor that is away":           {errors.New("502"), connector.ErrTransient},
		"a vendor that asks to wait":      {&connector.ThrottledError{System: "Zoho CRM", After: time.Minute}, connector.ErrTransient},
		"a vendor that says it is so too": {connector.ErrTransient, connector.ErrTransient},
	} {
		t.Run(name+" changes nothing", func(t *testing.T) {
			w, k, hc := ended(t)
			w.vendor.fail(c.err)
			_, _, err := w.post(hc, nil)
			if !errors.Is(err, c.want) || !errors.Is(err, c.err) && !errors.As(err, new(*connector.ThrottledError)) {
				t.Errorf("error = %v, want %v and its cause", err, c.want)
			}
			if len(w.lost) != 0 {
				t.Errorf("told of a loss: %v", w.lost)
			}
			w.vendor.fail(nil)
			w.wantOK(hc)
			w.wantOK(w.client(k))
		})
	}
	t.Run("a system without a registration is misconfigured", func(t *testing.T) {
		w, _, _ := ended(t)
		k := oauth.NewKeeper(oauth.KeeperConfig{Table: w.table, Keys: w.keys, Clock: w.clock, Systems: w.systems(), Clients: oauth.Clients{}, HTTP: w.api.Client()})
		if _, err := k.Client(t.Context(), "t", "a"); !errors.Is(err, connector.ErrMisconfigured) || !strings.Contains(err.Error(), "zoho") {
			t.Errorf("error = %v, want ErrMisconfigured that names zoho", err)
		}
	})
	t.Run("a table that throttles is transient", func(t *testing.T) {
		w, _, _ := ended(t)
		k := oauth.NewKeeper(oauth.KeeperConfig{Table: store.NewFaulty(w.table, 1, store.Faults{Throttle: 1}), Keys: w.keys, Clock: w.clock,
			Systems: w.systems(), Clients: oauth.Clients{}, HTTP: w.api.Client()})
		if _, err := k.Client(t.Context(), "t", "a"); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("error = %v, want ErrTransient", err)
		}
	})
}

func TestProcesses(t *testing.T) {
	t.Run("of many that renew at once one asks the vendor", func(t *testing.T) {
		w := newWorld(t)
		w.waits = patient{w.clock}
		w.saved(w.keeper())
		var clients []*http.Client
		for range 4 {
			k := w.keeper()
			clients = append(clients, w.client(k), w.client(k)) // two of one process
		}
		w.clock.Advance(2 * time.Hour)
		var wg sync.WaitGroup
		for _, hc := range clients {
			wg.Go(func() { w.wantOK(hc) })
		}
		wg.Wait()
		if w.vendor.refreshes != 1 || len(w.lost) != 0 {
			t.Errorf("%d renewals, lost %v, want 1 and none", w.vendor.refreshes, w.lost)
		}
	})
	t.Run("what another renewed is taken up after a 401", func(t *testing.T) {
		w := newWorld(t)
		w.saved(w.keeper())
		a, b := w.client(w.keeper()), w.client(w.keeper())
		w.vendor.killAccess()
		w.wantOK(a)
		w.wantOK(b)
		if w.vendor.refreshes != 1 {
			t.Errorf("%d renewals, want 1", w.vendor.refreshes)
		}
	})
	t.Run("when that one is refused too, it is renewed", func(t *testing.T) {
		w := newWorld(t)
		w.saved(w.keeper())
		a, b := w.client(w.keeper()), w.client(w.keeper())
		w.vendor.killAccess()
		w.wantOK(a)
		w.vendor.killAccess()
		w.wantOK(b)
		if w.vendor.refreshes != 2 {
			t.Errorf("%d renewals, want 2", w.vendor.refreshes)
		}
	})
	t.Run("a renewer that died is replaced when its time is up", func(t *testing.T) {
		w := newWorld(t)
		w.saved(w.keeper())
		w.clock.Advance(2 * time.Hour)
		// It announces the renewal, and then its writes no longer reach the table.
		dead := oauth.NewKeeper(oauth.KeeperConfig{Table: &dies{Table: w.table, after: 1}, Keys: w.keys, Clock: w.clock, Systems: w.systems(),
			Clients: oauth.Clients{"zoho": {ID: "id"}}, HTTP: w.api.Client()})
		w.vendor.fail(errors.New("502"))
		if _, err := dead.Client(t.Context(), "t", "a"); !errors.Is(err, connector.ErrTransient) {
			t.Fatalf("error = %v, want ErrTransient", err)
		}
		w.vendor.fail(nil)
		began := w.clock.Now()
		w.wantOK(w.client(w.keeper()))
		if waited := w.clock.Now().Sub(began); waited != 30*time.Second {
			t.Errorf("waited %s, want the renewer's 30s", waited)
		}
	})
	for name, answer := range map[string]error{"succeeds": nil, "finds the old token dead": oauth.ErrRevoked} {
		t.Run("a consent in the middle of a renewal that "+name+" wins", func(t *testing.T) {
			w := newWorld(t)
			k := w.keeper()
			w.saved(k)
			hc := w.client(k)
			w.clock.Advance(2 * time.Hour)
			w.vendor.fail(answer)
			zoho := k.Systems["zoho"]
			zoho.Provider = &duringRefresh{vendor: w.vendor, do: func() {
				w.vendor.fail(nil)
				w.saved(w.keeper())
			}}
			k.Systems["zoho"] = zoho
			w.wantOK(hc)
			w.wantOK(w.client(w.keeper())) // in the table too
			if len(w.lost) != 0 || w.vendor.refreshes != 1 {
				t.Errorf("told of a loss %v, %d renewals, want none and 1", w.lost, w.vendor.refreshes)
			}
		})
	}
}

// dies lets some writes through and then none, as when the process behind it has died.
type dies struct {
	store.Table
	after int
}

func (d *dies) Write(ctx context.Context, ops ...store.Op) error {
	if d.after--; d.after < 0 {
		return store.ErrThrottled
	}
	return d.Table.Write(ctx, ops...)
}

// duringRefresh does something while the vendor works on the first renewal.
type duringRefresh struct {
	*vendor
	once sync.Once
	do   func()
}

func (d *duringRefresh) Refresh(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) (oauth.Token, error) {
	out, err := d.vendor.Refresh(ctx, hc, c, t)
	d.once.Do(d.do)
	return out, err
}

func TestRevoke(t *testing.T) {
	t.Run("gives the authorisation back and forgets it", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		w.saved(k)
		w.client(k)
		for range 2 { // doing it again is no error
			if err := k.Revoke(t.Context(), "t", "a"); err != nil {
				t.Fatal(err)
			}
		}
		if len(w.vendor.revoked) != 1 || w.vendor.revoked[0] != "refresh-1" {
			t.Errorf("revoked %v, want refresh-1", w.vendor.revoked)
		}
		_, err := k.Client(t.Context(), "t", "a")
		wantAuthLost(t, err)
	})
	for name, c := range map[string]struct {
		err  error
		kept bool
	}{
		"already gone":            {oauth.ErrRevoked, false},
		"not known to the vendor": {oauth.ErrClient, false},
		"not to be reached":       {errors.New("502"), true},
	} {
		t.Run("what is "+name+" is forgotten or kept", func(t *testing.T) {
			w := newWorld(t)
			k := w.keeper()
			w.saved(k)
			w.vendor.fail(c.err)
			err := k.Revoke(t.Context(), "t", "a")
			if errors.Is(err, connector.ErrTransient) != c.kept || (err != nil) != c.kept {
				t.Errorf("error = %v, want transient: %t", err, c.kept)
			}
			_, err = k.Client(t.Context(), "t", "a")
			if (err == nil) != c.kept {
				t.Errorf("Client = %v, want a token: %t", err, c.kept)
			}
		})
	}
}
