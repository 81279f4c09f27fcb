package oauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/store"
)

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

var errNotYours = errors.New("somebody else has the account")

// flow returns a flow that accepts every account under the id "a", or refuses with accept.
func (w *world) flow(k *oauth.Keeper, accept error) *oauth.Flow {
	return oauth.NewFlow(oauth.FlowConfig{Table: w.table, Keys: w.keys, Clock: w.clock, Systems: w.systems(),
		Clients: oauth.Clients{"zoho": {ID: "id", Secret: "s"}}, Keeper: k, RedirectURI: "https://meibo.example/callback", HTTP: w.api.Client(),
		Accept: func(ctx context.Context, o oauth.Outcome, keep func(context.Context, string) error) error {
			if o.Identity.AccountID != "u1" || o.Tenant != "t" || o.Member != "m" {
				w.t.Errorf("Accept was given %+v", o)
			}
			if accept != nil {
				return accept
			}
			return keep(ctx, "a")
		}})
}

var request = oauth.StartRequest{Tenant: "t", Member: "m", Connection: "c", System: "zoho", Side: profile.CRM, LoginHint: "u1@vendor.example", Return: "/connections/c"}

// begun starts a flow and returns the query that the vendor sends back.
func begun(t *testing.T, f *oauth.Flow, r oauth.StartRequest) url.Values {
	t.Helper()
	address, err := f.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"state": {u.Query().Get("state")}, "code": {"good"}}
}

// finish takes a callback to its end: the person confirms what they are shown.
func finish(t *testing.T, f *oauth.Flow, callback url.Values) (oauth.Outcome, error) {
	o, code, err := f.Arrive(t.Context(), callback)
	if err != nil {
		return o, err
	}
	return f.Confirm(t.Context(), code)
}

func wantRefused(t *testing.T, err error, code string) {
	t.Helper()
	var r *oauth.RefusedError
	if !errors.As(err, &r) || r.Code != code || r.Reason == "" || r.Cure == "" {
		t.Errorf("error = %#v, want refused %q with reason and cure", err, code)
	}
}

func TestFlow(t *testing.T) {
	t.Run("ends with a stored token of an accepted account", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		f := w.flow(k, nil)
		got, err := finish(t, f, begun(t, f, request))
		if err != nil {
			t.Fatal(err)
		}
		want := request
		want.Account = "a"
		if got.StartRequest != want || got.Identity.AccountID != "u1" {
			t.Errorf("outcome = %+v, want %+v", got, want)
		}
		w.wantOK(w.client(k))
	})
	t.Run("sends hint, state and an S256 challenge", func(t *testing.T) {
		w := newWorld(t)
		address, err := w.flow(w.keeper(), nil).Start(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("login_hint") != request.LoginHint || len(q.Get("state")) != 43 || len(q.Get("code_challenge")) != 43 || q.Get("client_id") != "id" {
			t.Errorf("query = %v", q)
		}
	})
	t.Run("keeps neither state nor verifier readable", func(t *testing.T) {
		w := newWorld(t)
		f := w.flow(w.keeper(), nil)
		state := begun(t, f, request).Get("state")
		if _, err := w.table.Get(t.Context(), store.Key{PK: "O#" + state, SK: "state"}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the state itself is a key: %v", err)
		}
	})
	t.Run("every state works once, also at the same time", func(t *testing.T) {
		w := newWorld(t)
		f := w.flow(w.keeper(), nil)
		back := begun(t, f, request)
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range 6 {
			wg.Go(func() {
				_, err := finish(t, f, back)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					done++
				} else {
					wantRefused(t, err, "state")
				}
			})
		}
		wg.Wait()
		if done != 1 {
			t.Errorf("finished %d times, want once", done)
		}
	})
	t.Run("a callback that overtakes another leaves it nothing", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		first := w.flow(k, nil)
		back := begun(t, first, request)
		slow := w.flow(k, nil).FlowConfig
		slow.Table = overtaken{w.table, func() {
			if _, err := finish(t, first, back); err != nil {
				t.Error(err)
			}
		}}
		_, err := finish(t, oauth.NewFlow(slow), back)
		wantRefused(t, err, "state")
	})
	t.Run("a state ends after ten minutes", func(t *testing.T) {
		w := newWorld(t)
		f := w.flow(w.keeper(), nil)
		late, inTime := begun(t, f, request), begun(t, f, request)
		w.clock.Advance(10*time.Minute - time.Second)
		if _, err := finish(t, f, inTime); err != nil {
			t.Errorf("a second before: %v", err)
		}
		w.clock.Advance(time.Second)
		_, err := finish(t, f, late)
		wantRefused(t, err, "state")
	})
	t.Run("a made-up or missing state is refused", func(t *testing.T) {
		w := newWorld(t)
		for _, q := range []url.Values{{}, {"code": {"good"}}, {"state": {"made up"}, "code": {"good"}}} {
			_, err := finish(t, w.flow(w.keeper(), nil), q)
			wantRefused(t, err, "state")
		}
	})
	t.Run("an account that is not accepted leaves no token, and is not revoked", func(t *testing.T) {
		w := newWorld(t)
		k := w.keeper()
		f := w.flow(k, errNotYours)
		got, err := finish(t, f, begun(t, f, request))
		if !errors.Is(err, errNotYours) || got.Return != request.Return {
			t.Errorf("finish = %+v, %v, want the refusal and where to go back to", got, err)
		}
		_, err = k.Client(t.Context(), "t", "a")
		wantAuthLost(t, err)
		if len(w.vendor.revoked) != 0 {
			t.Errorf("revoked %v, which may be another's", w.vendor.revoked)
		}
	})
	t.Run("a vendor that says more than the standard is heard", func(t *testing.T) {
		w := newWorld(t)
		w.decline = &oauth.RefusedError{Code: "admin", Reason: "an administrator must approve", Cure: "ask one"}
		f := w.flow(w.keeper(), nil)
		_, err := finish(t, f, url.Values{"state": {begun(t, f, request).Get("state")}, "error": {"access_denied"}})
		wantRefused(t, err, "admin")
	})
	for code, check := range map[string]func(*testing.T, error){
		"access_denied":           func(t *testing.T, err error) { wantRefused(t, err, "denied") },
		"something_new":           func(t *testing.T, err error) { wantRefused(t, err, "consent") },
		"temporarily_unavailable": func(t *testing.T, err error) { wantIs(t, err, connector.ErrTransient) },
		"unauthorized_client":     func(t *testing.T, err error) { wantIs(t, err, connector.ErrMisconfigured) },
	} {
		t.Run("the vendor's "+code+" is explained without its own words", func(t *testing.T) {
			w := newWorld(t)
			f := w.flow(w.keeper(), nil)
			back := url.Values{"state": {begun(t, f, request).Get("state")}, "error": {code}, "error_description": {"<call 03-0000-0000>"}}
			got, err := finish(t, f, back)
			check(t, err)
			if strings.Contains(err.Error(), "03-0000") {
				t.Errorf("%q repeats what anybody may have written", err)
			}
			if got.Connection != "c" {
				t.Errorf("outcome = %+v, want the connection", got)
			}
		})
	}
	for name, c := range map[string]struct {
		err   error
		check func(*testing.T, error)
	}{
		"a refusal":        {&oauth.RefusedError{Code: "scope", Reason: "r", Cure: "c"}, func(t *testing.T, err error) { wantRefused(t, err, "scope") }},
		"our registration": {oauth.ErrClient, func(t *testing.T, err error) { wantIs(t, err, connector.ErrMisconfigured) }},
		"a dead code":      {oauth.ErrRevoked, func(t *testing.T, err error) { wantRefused(t, err, "code") }},
		"anything else":    {errors.New("502"), func(t *testing.T, err error) { wantIs(t, err, connector.ErrTransient) }},
	} {
		t.Run(name+" at the exchange is told apart", func(t *testing.T) {
			w := newWorld(t)
			f := w.flow(w.keeper(), nil)
			w.vendor.fail(c.err)
			_, err := finish(t, f, begun(t, f, request))
			c.check(t, err)
		})
	}
	for code, spoil := range map[string]func(*oauth.StartRequest){
		"system": func(r *oauth.StartRequest) { r.System = "nobody" },
		"side":   func(r *oauth.StartRequest) { r.Side = profile.Book },
		"return": func(r *oauth.StartRequest) { r.Return = "https://evil.example" },
	} {
		t.Run("a bad "+code+" is refused by name", func(t *testing.T) {
			w := newWorld(t)
			r := request
			spoil(&r)
			_, err := w.flow(w.keeper(), nil).Start(t.Context(), r)
			wantRefused(t, err, code)
			if !strings.HasPrefix(err.Error(), code+":") {
				t.Errorf("%q does not name the field", err)
			}
		})
	}
	t.Run("an address that leads away is never gone back to", func(t *testing.T) {
		w := newWorld(t)
		for _, p := range []string{"//evil.example", `/\evil.example`, "evil", "/a\tb", "/\n/evil.example", "javascript:x"} {
			r := request
			r.Return = p
			_, err := w.flow(w.keeper(), nil).Start(t.Context(), r)
			wantRefused(t, err, "return")
		}
	})
}

// overtaken lets something happen after each read.
type overtaken struct {
	store.Table
	then func()
}

func (o overtaken) Get(ctx context.Context, k store.Key) (store.Item, error) {
	it, err := o.Table.Get(ctx, k)
	o.then()
	return it, err
}

func wantIs(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}
