package devissuer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/devissuer"
	"meibo/shared/tenancy"
)

const (
	callback = "http://127.0.0.1:9/callback"
	verifier = "a-verifier-of-the-length-that-rfc-7636-asks-for"
)

type world struct {
	*devissuer.Issuer
	t      *testing.T
	clock  *clock.Virtual
	url    string // of the issuer
	file   string
	client *http.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true), file: filepath.Join(t.TempDir(), "key.json")}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.ServeHTTP(rw, r) }))
	t.Cleanup(srv.Close)
	w.url = srv.URL + "/signin"
	w.client = srv.Client()
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.Issuer = w.open()
	return w
}

func (w *world) open() *devissuer.Issuer {
	w.t.Helper()
	i, err := devissuer.Open(devissuer.Config{Issuer: w.url, ClientID: "meibo", RedirectURIs: []string{callback}, KeyFile: w.file, Clock: w.clock,
		People: []devissuer.Person{{Subject: "aya", Email: "aya@example.jp", Name: "<b>Aya</b>"}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

func (w *world) verifier() *authn.Verifier {
	return authn.New(authn.Config{Issuer: w.url, Audience: "meibo", HTTP: w.client, Clock: w.clock})
}

func query(change url.Values) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"client_id": {"meibo"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"s&t"}, "nonce": {"n"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	for k, v := range change {
		q[k] = v
	}
	return q
}

// send sends a form, or gets the page if form is nil.
func (w *world) send(path string, form url.Values, header map[string]string) (*http.Response, string) {
	w.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	resp, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, string(b)
}

// choose picks a person on the page and returns the query that the browser is sent back with.
func (w *world) choose(person string) url.Values {
	w.t.Helper()
	resp, _ := w.send("/authorize?"+query(nil).Encode(), url.Values{"person": {person}}, nil)
	u, err := resp.Location()
	if err != nil || !strings.HasPrefix(u.String(), callback+"?") {
		w.t.Fatalf("sent to %v, %v, want %s", u, err, callback)
	}
	return u.Query()
}

func exchange(code string, change url.Values) url.Values {
	f := url.Values{"grant_type": {"authorization_code"}, "client_id": {"meibo"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	for k, v := range change {
		f[k] = v
	}
	return f
}

var aya = devissuer.Person{Subject: "aya", Email: "aya@example.jp", Name: "<b>Aya</b>"}

func TestSignIn(t *testing.T) {
	t.Run("leads from the page to tokens that a verifier accepts", func(t *testing.T) {
		w := newWorld(t)
		_, page := w.send("/authorize?"+query(nil).Encode(), nil, nil)
		if !strings.Contains(page, "&lt;b&gt;Aya") || strings.Contains(page, "<b>") || !strings.Contains(page, `lang="en"`) {
			t.Errorf("the page does not list the person as text:\n%s", page)
		}
		back := w.choose("aya")
		if back.Get("state") != "s&t" {
			t.Errorf("state = %q, want s&t", back.Get("state"))
		}
		resp, body := w.send("/token", exchange(back.Get("code"), nil), nil)
		var got struct {
			Access string `json:"access_token"`
			ID     string `json:"id_token"`
			Type   string `json:"token_type"`
			Life   int    `json:"expires_in"`
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || resp.StatusCode != http.StatusOK || got.Type != "Bearer" || got.Life != 12*3600 {
			t.Fatalf("answer = %d %s, %v", resp.StatusCode, body, err)
		}
		for _, token := range []string{got.Access, got.ID} {
			want := tenancy.Principal{Issuer: w.url, Subject: "aya", Email: "aya@example.jp", EmailVerified: true, Name: aya.Name}
			if p, err := w.verifier().Verify(t.Context(), token); err != nil || p != want {
				t.Errorf("principal = %+v, %v, want %+v", p, err, want)
			}
		}
	})
	t.Run("uses a code once, for the request it belongs to, and for a minute", func(t *testing.T) {
		w := newWorld(t)
		refused := func(code string, change url.Values) {
			t.Helper()
			resp, body := w.send("/token", exchange(code, change), nil)
			if resp.StatusCode != http.StatusBadRequest || strings.Contains(body, "token\":") {
				t.Errorf("answer = %d %s, want 400", resp.StatusCode, body)
			}
		}
		for _, change := range []url.Values{{"code_verifier": {"another"}}, {"code_verifier": nil}, {"redirect_uri": {"http://127.0.0.1:9/x"}},
			{"client_id": {"x"}}, {"grant_type": {"password"}}} {
			refused(w.choose("aya").Get("code"), change)
		}
		code := w.choose("aya").Get("code")
		w.send("/token", exchange(code, nil), nil)
		refused(code, nil)
		code = w.choose("aya").Get("code")
		w.clock.Advance(time.Minute)
		refused(code, nil)
		refused("made up", nil)
	})
	t.Run("of nobody is denied", func(t *testing.T) {
		if got := newWorld(t).choose("eve"); got.Get("error") != "access_denied" || got.Has("code") {
			t.Errorf("query = %v, want access_denied", got)
		}
	})
	t.Run("of somebody added later works", func(t *testing.T) {
		w := newWorld(t)
		w.AddPerson(devissuer.Person{Subject: "ken", Email: "ken@example.jp", Name: "Ken"})
		if got := w.choose("ken"); !got.Has("code") {
			t.Errorf("query = %v, want a code", got)
		}
	})
	for name, change := range map[string]url.Values{"client": {"client_id": {"x"}}, "address": {"redirect_uri": {callback + "/x"}}} {
		t.Run("sends nothing to an unknown "+name, func(t *testing.T) {
			w := newWorld(t)
			for _, form := range []url.Values{nil, {"person": {"aya"}}} {
				if resp, _ := w.send("/authorize?"+query(change).Encode(), form, nil); resp.StatusCode != http.StatusBadRequest {
					t.Errorf("status = %d, want 400", resp.StatusCode)
				}
			}
		})
	}
	for code, change := range map[string]url.Values{
		"unsupported_response_type": {"response_type": {"token"}},
		"invalid_scope":             {"scope": {"email"}},
		"invalid_request":           {"code_challenge_method": {"plain"}},
	} {
		t.Run("says "+code+" to the client", func(t *testing.T) {
			resp, _ := newWorld(t).send("/authorize?"+query(change).Encode(), nil, nil)
			if u, err := resp.Location(); err != nil || u.Query().Get("error") != code || u.Query().Get("state") != "s&t" {
				t.Errorf("sent to %v, %v, want %s", u, err, code)
			}
		})
	}
	t.Run("by another site's form is refused", func(t *testing.T) {
		resp, _ := newWorld(t).send("/authorize?"+query(nil).Encode(), url.Values{"person": {"aya"}}, map[string]string{"Sec-Fetch-Site": "cross-site"})
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("status = %d, want 403", resp.StatusCode)
		}
	})
}

func TestOpen(t *testing.T) {
	t.Run("keeps the key, privately", func(t *testing.T) {
		w := newWorld(t)
		token, err := w.Token("aya", "aya@example.jp", "Aya")
		if err != nil {
			t.Fatal(err)
		}
		w.Issuer = w.open() // as after a restart
		if _, err := w.verifier().Verify(t.Context(), token); err != nil {
			t.Errorf("after a restart: %v", err)
		}
		if info, err := os.Stat(w.file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
		}
		if _, body := w.send("/jwks.json", nil, nil); strings.Contains(body, `"d"`) || !strings.Contains(body, `"kid"`) {
			t.Errorf("published keys = %s, want a public key only", body)
		}
	})
	t.Run("refuses a key file that others can read, or that is none", func(t *testing.T) {
		w := newWorld(t)
		cfg := devissuer.Config{Issuer: w.url, ClientID: "meibo", KeyFile: w.file, Clock: w.clock}
		if err := os.Chmod(w.file, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := devissuer.Open(cfg); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("error = %v, want one that says chmod 600", err)
		}
		cfg.KeyFile = filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(cfg.KeyFile, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := devissuer.Open(cfg); err == nil {
			t.Error("opened with a key file that is none")
		}
	})
	t.Run("refuses an issuer that is no URL, or ends with a slash", func(t *testing.T) {
		w := newWorld(t)
		for _, issuer := range []string{"", "signin", w.url + "/"} {
			if _, err := devissuer.Open(devissuer.Config{Issuer: issuer, ClientID: "meibo", KeyFile: w.file, Clock: w.clock}); err == nil {
				t.Errorf("opened with issuer %q", issuer)
			}
		}
	})
}
