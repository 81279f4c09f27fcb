package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/secret"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
)

// vendor is a small vendor: it hands out tokens, refreshes them, and has an API that takes the newest access token only. It
// rotates refresh tokens: one that was used is dead, which is what makes two refreshers at once visible.
type vendor struct {
	mu        sync.Mutex
	n         int
	access    string // what the API takes
	refresh   string // what Refresh takes
	life      time.Duration
	clock     clock.Clock
	verifier  string // S256 challenge of the last AuthCodeURL
	refreshes int
	revoked   []string
	err       error // what Refresh, Exchange and Revoke fail with
	keepsOne  bool  // Exchange returns no refresh token
	api       []string
}

func (v *vendor) next() oauth.Token {
	v.n++
	v.access, v.refresh = fmt.Sprintf("access-%d", v.n), fmt.Sprintf("refresh-%d", v.n)
	return oauth.Token{Access: v.access, Refresh: v.refresh, Expiry: v.clock.Now().Add(v.life), Extra: map[string]string{"api_domain": "jp"}}
}

func (v *vendor) AuthCodeURL(c oauth.Client, r oauth.AuthRequest) string {
	v.verifier = r.Challenge
	return "https://vendor.example/auth?" + url.Values{"client_id": {c.ID}, "state": {r.State}, "code_challenge": {r.Challenge},
		"login_hint": {r.LoginHint}, "redirect_uri": {r.RedirectURI}}.Encode()
}

func (v *vendor) Exchange(_ context.Context, _ *http.Client, c oauth.Client, r oauth.Return) (oauth.Token, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err != nil {
		return oauth.Token{}, v.err
	}
	if s256(r.Verifier) != v.verifier || r.RedirectURI != "https://meibo.example/callback" || c.ID != "id" || r.Query.Get("code") != "good" {
		return oauth.Token{}, errors.New("bad exchange")
	}
	t := v.next()
	if v.keepsOne {
		t.Refresh = ""
	}
	return t, nil
}

func (v *vendor) Refresh(_ context.Context, _ *http.Client, _ oauth.Client, t oauth.Token) (oauth.Token, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refreshes++
	if v.err != nil {
		return oauth.Token{}, v.err
	}
	if t.Refresh != v.refresh {
		return oauth.Token{}, oauth.ErrRevoked
	}
	return v.next(), nil
}

func (v *vendor) Revoke(_ context.Context, _ *http.Client, _ oauth.Client, t oauth.Token) error {
	if v.err == nil {
		v.revoked = append(v.revoked, t.Refresh)
	}
	return v.err
}

func (v *vendor) Authorize(r *http.Request, t oauth.Token) {
	r.Header.Set("Authorization", "Vendor "+t.Access)
}

// ServeHTTP is the vendor's API: it echoes the body.
func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	got := strings.TrimPrefix(r.Header.Get("Authorization"), "Vendor ")
	v.api = append(v.api, got)
	if got != v.access {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.URL.Path == "/elsewhere" {
		http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		return
	}
	_, _ = io.Copy(w, r.Body)
}

// killAccess makes the API refuse every access token given out so far.
func (v *vendor) killAccess() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.access = "none"
}

func (v *vendor) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = err
}

type world struct {
	t      *testing.T
	clock  *clock.Virtual
	waits  clock.Clock // the keepers' clock
	table  *store.Counted
	keys   *secret.Keys
	vendor *vendor
	api    *httptest.Server
	mu     sync.Mutex
	lost   []string
	// decline, if set, is what the vendor says about a consent that was not given.
	decline error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true)
	dir := t.TempDir()
	tb, err := embedded.Open(filepath.Join(dir, "table"), embedded.Options{Clock: c, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tb.Close() })
	local, err := secret.OpenLocal(filepath.Join(dir, "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	v := &vendor{clock: c, life: time.Hour}
	w := &world{t: t, clock: c, waits: c, table: store.NewCounted(tb), vendor: v, api: httptest.NewServer(v)}
	t.Cleanup(w.api.Close)
	w.keys = secret.New(w.table, local, c, nil)
	return w
}

// talkative is a vendor that says more than the standard about a consent that was not given.
type talkative struct {
	*vendor
	says error
}

func (t talkative) Declined(url.Values) error { return t.says }

func (w *world) systems() map[string]oauth.System {
	var provider oauth.Provider = w.vendor
	if w.decline != nil {
		provider = talkative{w.vendor, w.decline}
	}
	return map[string]oauth.System{"zoho": {ID: "zoho", Name: "Zoho CRM", Side: profile.CRM, Provider: provider,
		Identify: func(ctx context.Context, hc *http.Client, t oauth.Token) (connector.Identity, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.api.URL+"/me", nil)
			if err != nil {
				return connector.Identity{}, err
			}
			resp, err := hc.Do(r)
			if err != nil {
				return connector.Identity{}, err
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return connector.Identity{}, fmt.Errorf("status %d", resp.StatusCode)
			}
			return connector.Identity{AccountID: "u1", Email: "u1@vendor.example"}, nil
		}}}
}

// keeper returns a keeper as a process of its own would have.
func (w *world) keeper() *oauth.Keeper {
	return oauth.NewKeeper(oauth.KeeperConfig{Table: w.table, Keys: w.keys, Clock: w.waits, Systems: w.systems(),
		Clients: oauth.Clients{"zoho": {ID: "id", Secret: "s"}}, HTTP: w.api.Client(),
		OnLost: func(_ context.Context, tenant, account string, err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lost = append(w.lost, tenant+"/"+account)
		}})
}

// patient shows virtual time and waits real time: with a clock that jumps when somebody waits, those who wait for a renewal would
// see its 30 seconds pass before the vendor has answered.
type patient struct{ *clock.Virtual }

func (patient) Sleep(ctx context.Context, d time.Duration) error { return clock.Real{}.Sleep(ctx, d) }

// saved stores a first token for account a of tenant t.
func (w *world) saved(k *oauth.Keeper) {
	w.t.Helper()
	w.vendor.mu.Lock()
	t := w.vendor.next()
	w.vendor.mu.Unlock()
	if err := k.Save(w.t.Context(), "t", "a", "zoho", t); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) client(k *oauth.Keeper) *http.Client {
	w.t.Helper()
	hc, err := k.Client(w.t.Context(), "t", "a")
	if err != nil {
		w.t.Fatal(err)
	}
	return hc
}

// post sends a body through hc and returns what came back.
func (w *world) post(hc *http.Client, body io.Reader) (int, string, error) {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.api.URL+"/contacts", body)
	if err != nil {
		return 0, "", err
	}
	resp, err := hc.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func (w *world) wantOK(hc *http.Client) {
	w.t.Helper()
	if status, got, err := w.post(hc, strings.NewReader("hello")); err != nil || status != http.StatusOK || got != "hello" {
		w.t.Errorf("answer = %d %q, %v, want 200 hello", status, got, err)
	}
}

func wantAuthLost(t *testing.T, err error) {
	t.Helper()
	var lost *connector.AuthLostError
	if !errors.As(err, &lost) {
		t.Fatalf("error = %v, want AuthLostError", err)
	}
	if lost.System == "" || lost.Cure == "" {
		t.Errorf("error = %+v, want system and cure", lost)
	}
}
