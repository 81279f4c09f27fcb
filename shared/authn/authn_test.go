package authn_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/devissuer"
	"meibo/shared/tenancy"
)

// issuer serves an issuer for client under its own address.
func issuer(t *testing.T, c clock.Clock, client string) (*devissuer.Issuer, *httptest.Server) {
	t.Helper()
	var i *devissuer.Issuer
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { i.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	var err error
	i, err = devissuer.Open(devissuer.Config{Issuer: srv.URL, ClientID: client, KeyFile: filepath.Join(t.TempDir(), "key"), Clock: c, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return i, srv
}

func token(t *testing.T, i *devissuer.Issuer) string {
	t.Helper()
	s, err := i.Token("aya", "aya@example.jp", "Aya")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestVerify(t *testing.T) {
	now := clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true)
	ours, srv := issuer(t, now, "meibo")
	theirs, _ := issuer(t, now, "meibo")
	config := authn.Config{Issuer: srv.URL, Audience: "meibo", HTTP: srv.Client(), Clock: now}
	v := authn.New(config)
	good := token(t, ours)

	t.Run("a good token is its person", func(t *testing.T) {
		want := tenancy.Principal{Issuer: srv.URL, Subject: "aya", Email: "aya@example.jp", EmailVerified: true, Name: "Aya"}
		if got, err := v.Verify(t.Context(), good); err != nil || got != want {
			t.Errorf("principal = %+v, %v, want %+v", got, err, want)
		}
	})
	changed := []byte(good)
	changed[strings.Index(good, ".")+20] ^= 1
	for name, bad := range map[string]string{
		"nothing":                 "",
		"no token":                "a.b.c",
		"a changed token":         string(changed),
		"a token without its end": good[:strings.LastIndex(good, ".")+1],
		"another issuer's token":  token(t, theirs),
		"an unsigned token":       "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + ".",
	} {
		t.Run(name+" is nobody's", func(t *testing.T) {
			got, err := v.Verify(t.Context(), bad)
			if !errors.Is(err, authn.ErrUnauthenticated) || errors.Is(err, authn.ErrExpired) || got != (tenancy.Principal{}) {
				t.Errorf("principal = %+v, %v, want ErrUnauthenticated", got, err)
			}
			if err != nil && bad != "" && strings.Contains(err.Error(), bad) {
				t.Errorf("the error quotes the token: %v", err)
			}
		})
	}
	t.Run("a token for another client is nobody's", func(t *testing.T) {
		c := config
		c.Audience = "another"
		if _, err := authn.New(c).Verify(t.Context(), good); !errors.Is(err, authn.ErrUnauthenticated) {
			t.Errorf("error = %v, want ErrUnauthenticated", err)
		}
	})
	t.Run("a token ends by the clock", func(t *testing.T) {
		end := clock.NewVirtual(now.Now(), true)
		c := config
		c.Clock = end
		v := authn.New(c)
		end.Advance(time.Hour - time.Second)
		if _, err := v.Verify(t.Context(), good); err != nil {
			t.Errorf("a second before: %v", err)
		}
		end.Advance(2 * time.Second)
		if _, err := v.Verify(t.Context(), good); !errors.Is(err, authn.ErrExpired) || !errors.Is(err, authn.ErrUnauthenticated) {
			t.Errorf("error = %v, want ErrExpired, which is an ErrUnauthenticated", err)
		}
	})
	t.Run("the bearer token of a request is read", func(t *testing.T) {
		for header, want := range map[string]error{"Bearer " + good: nil, "bearer " + good: nil, good: authn.ErrUnauthenticated,
			"Basic " + good: authn.ErrUnauthenticated, "": authn.ErrUnauthenticated} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("Authorization", header)
			if _, err := v.FromRequest(r); !errors.Is(err, want) {
				t.Errorf("%.10s…: error = %v, want %v", header, err, want)
			}
		}
	})
}

func TestUnavailable(t *testing.T) {
	now := clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true)

	t.Run("an issuer that does not answer is not the person's fault, and asked again", func(t *testing.T) {
		i, srv := issuer(t, now, "meibo")
		up := false
		inner := srv.Config.Handler
		srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !up {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			inner.ServeHTTP(w, r)
		})
		v := authn.New(authn.Config{Issuer: srv.URL, Audience: "meibo", HTTP: srv.Client(), Clock: now})
		if _, err := v.Verify(t.Context(), token(t, i)); !errors.Is(err, authn.ErrUnavailable) || errors.Is(err, authn.ErrUnauthenticated) {
			t.Errorf("error = %v, want ErrUnavailable", err)
		}
		up = true
		if _, err := v.Verify(t.Context(), token(t, i)); err != nil {
			t.Errorf("once it answers: %v", err)
		}
	})
	t.Run("keys that cannot be fetched are not either", func(t *testing.T) {
		i, srv := issuer(t, now, "meibo")
		good := token(t, i)
		hc := &http.Client{Transport: cut{"/jwks.json"}}
		v := authn.New(authn.Config{Issuer: srv.URL, Audience: "meibo", HTTP: hc, Clock: now})
		if _, err := v.Verify(t.Context(), good); !errors.Is(err, authn.ErrUnavailable) {
			t.Errorf("error = %v, want ErrUnavailable", err)
		}
	})
}

// cut has no connection to one path.
type cut struct{ path string }

func (c cut) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == c.path {
		return nil, errors.New("no connection")
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestFromAPIGateway(t *testing.T) {
	event := func(claims map[string]string) events.APIGatewayV2HTTPRequest {
		return events.APIGatewayV2HTTPRequest{RequestContext: events.APIGatewayV2HTTPRequestContext{
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
				JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: claims}}}}
	}
	t.Run("reads the authorizer's claims", func(t *testing.T) {
		got, err := authn.FromAPIGateway(event(map[string]string{"iss": "i", "sub": "s", "aud": "a", "email": "e@x", "email_verified": "true", "name": "N"}))
		if want := (tenancy.Principal{Issuer: "i", Subject: "s", Email: "e@x", EmailVerified: true, Name: "N"}); err != nil || got != want {
			t.Errorf("principal = %+v, %v, want %+v", got, err, want)
		}
	})
	t.Run("an address counts as verified only if the issuer says so", func(t *testing.T) {
		for _, said := range []string{"", "false", "TRUE", "1"} {
			got, err := authn.FromAPIGateway(event(map[string]string{"iss": "i", "sub": "s", "aud": "a", "email": "e@x", "email_verified": said}))
			if err != nil || got.EmailVerified {
				t.Errorf("%q: principal = %+v, %v, want not verified", said, got, err)
			}
		}
	})
	for name, e := range map[string]events.APIGatewayV2HTTPRequest{
		"no authorizer": {},
		"another authorizer": {RequestContext: events.APIGatewayV2HTTPRequestContext{
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{"sub": "s"}}}},
		"no subject":      event(map[string]string{"iss": "i", "aud": "a"}),
		"no issuer":       event(map[string]string{"sub": "s", "aud": "a"}),
		"an access token": event(map[string]string{"iss": "i", "sub": "s", "client_id": "a", "token_use": "access", "scope": "email"}),
	} {
		t.Run(name+" is nobody", func(t *testing.T) {
			if _, err := authn.FromAPIGateway(e); !errors.Is(err, authn.ErrUnauthenticated) {
				t.Errorf("error = %v, want ErrUnauthenticated", err)
			}
		})
	}
}
