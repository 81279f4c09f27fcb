package httpapi_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/httpapi"
	"meibo/shared/tenancy"
)

func TestProblems(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	const who = "hanako@example.jp"
	tenant := "/v1/tenants/" + w.must(201, who, "POST", "/v1/tenants", `{"name":"K.K. Kitano"}`).str("id")

	for _, c := range []struct {
		name, person, method, path string
		body                       any
		status                     int
		kind                       string
		fields                     []string
	}{
		{"no token", "", "GET", "/v1/tenants", nil, 401, "unauthenticated", nil},
		{"unknown address", who, "GET", "/v1/nothing", nil, 404, "no_such_route", nil},
		{"unknown address without a token", "", "GET", "/favicon.ico", nil, 404, "no_such_route", nil},
		{"wrong method", who, "PUT", "/v1/tenants", `{}`, 405, "method_not_allowed", nil},
		{"no body", who, "POST", "/v1/tenants", nil, 400, "malformed", nil},
		{"not JSON", who, "POST", "/v1/tenants", `{"name":`, 400, "malformed", nil},
		{"two JSON values", who, "POST", "/v1/tenants", `{"name":"a"}{}`, 400, "malformed", nil},
		{"too large", who, "POST", "/v1/tenants", `{"name":"` + strings.Repeat("a", httpapi.MaxBody) + `"}`, 413, "too_large", nil},
		{"missing field", who, "POST", "/v1/tenants", `{}`, 422, "invalid", []string{"body.name"}},
		{"unknown field", who, "POST", "/v1/tenants", `{"name":"a","colour":"red"}`, 422, "invalid", []string{"body.colour"}},
		{"unknown nested field", who, "POST", "/v1/tenants", `{"name":"a","settings":{"regoin":"JP"}}`, 422, "invalid", []string{"body.settings.regoin"}},
		{"wrong type", who, "POST", "/v1/tenants", `{"name":7}`, 422, "invalid", []string{"body.name"}},
		{"null", who, "POST", "/v1/tenants", `{"name":null}`, 422, "invalid", []string{"body.name"}},
		{"blank name", who, "POST", "/v1/tenants", `{"name":"  "}`, 422, "invalid", []string{"body.name"}},
		{"no such country", who, "PATCH", tenant, `{"settings":{"region":"QQ"}}`, 422, "invalid", []string{"body.settings.region"}},
		{"limit out of range", who, "GET", "/v1/tenants?limit=0", nil, 422, "invalid", []string{"query.limit"}},
		{"limit not a number", who, "GET", "/v1/tenants?limit=many", nil, 422, "invalid", []string{"query.limit"}},
		{"unknown parameter", who, "GET", "/v1/tenants?offset=3", nil, 422, "invalid", []string{"query.offset"}},
		{"made-up page", who, "GET", tenant + "/members?page=***", nil, 422, "invalid", []string{"query.page"}},
		{"missing parameter", who, "GET", tenant + "/mapping?crm=x", nil, 422, "invalid", []string{"query.book"}},
		{"no such account in the mapping", who, "GET", tenant + "/mapping?crm=x&book=y", nil, 422, "invalid", []string{"query.crm"}},
		{"no such system", who, "POST", tenant + "/accounts", `{"system":"lotus"}`, 422, "invalid", []string{"body.system"}},
		{"return to elsewhere", who, "POST", tenant + "/accounts", `{"system":"google","return":"//evil.example"}`, 422, "invalid", []string{"body.return"}},
		{"no such permission", who, "POST", tenant + "/members", `{"email":"a@example.jp","permissions":["everything"]}`, 422, "invalid", []string{"body.permissions[0]"}},
		{"not an address", who, "POST", tenant + "/members", `{"email":"nobody"}`, 422, "invalid", []string{"body.email"}},
		{"the last administrator stays", who, "DELETE", tenant + "/members/me", nil, 409, "last_admin", nil},
		{"wrong media type", who, "POST", "/v1/tenants", "name=a", 415, "unsupported_media_type", nil},
	} {
		for _, lang := range []string{"en", "ja"} {
			t.Run(c.name+" in "+lang, func(t *testing.T) {
				more := []string{"Accept-Language", lang}
				if c.status == 415 {
					more = append(more, "Content-Type", "text/plain")
				}
				a := w.call(c.person, c.method, c.path, c.body, more...)
				if a.status != c.status || a.str("type") != "urn:meibo:problem:"+c.kind {
					t.Fatalf("got %d %s, want %d %s", a.status, a.raw, c.status, c.kind)
				}
				if got, want := a.header.Get("Content-Type"), "application/problem+json"; got != want {
					t.Errorf("content type: got %s, want %s", got, want)
				}
				if got := a.header.Get("Content-Language"); got != lang {
					t.Errorf("content language: got %q, want %q", got, lang)
				}
				if got := a.at("status"); got != float64(c.status) {
					t.Errorf("status in the body: got %v, want %d", got, c.status)
				}
				if a.str("title") == "" || a.str("detail") == "" && c.fields == nil {
					t.Errorf("no words: %s", a.raw)
				}
				if japanese := strings.ContainsFunc(string(a.raw), func(r rune) bool { return r >= 0x3040 && r < 0x30ff }); japanese != (lang == "ja") {
					t.Errorf("not in %s: %s", lang, a.raw)
				}
				if c.fields != nil && !slices.Equal(a.fields(), c.fields) {
					t.Errorf("fields: got %v, want %v", a.fields(), c.fields)
				}
				if strings.Contains(string(a.raw), "regoin\":") || strings.Contains(string(a.raw), "evil.example") {
					t.Errorf("the answer repeats the request: %s", a.raw)
				}
			})
		}
	}
	t.Run("405 says what is allowed", func(t *testing.T) {
		if got, want := w.call(who, "PUT", "/v1/tenants", nil).header.Get("Allow"), "GET, HEAD, POST"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("401 says how to sign in", func(t *testing.T) {
		if got := w.call("", "GET", "/v1/tenants", nil).header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("refused requests changed nothing", func(t *testing.T) {
		if n := len(w.must(200, who, "GET", "/v1/tenants", nil).items()); n != 1 {
			t.Errorf("got %d companies, want 1", n)
		}
		if n := len(w.must(200, who, "GET", tenant+"/members", nil).items()); n != 1 {
			t.Errorf("got %d members, want 1", n)
		}
	})
}

// broken serves an API whose sign-in does what a test says.
func broken(t *testing.T, authenticate func(*http.Request) (tenancy.Principal, error)) (string, *logs) {
	t.Helper()
	l := &logs{}
	srv := httptest.NewServer(httpapi.New(httpapi.Config{
		Clock: clock.Real{}, Tenancy: tenancy.New(tenancy.Config{Clock: clock.Real{}}), Authenticate: authenticate,
		Log: slog.New(slog.NewJSONHandler(l, nil)), NewID: func() string { return "incident-1" },
	}))
	t.Cleanup(srv.Close)
	return srv.URL, l
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestInternalErrors(t *testing.T) {
	t.Run("a panic is an internal error under a number that is logged", func(t *testing.T) {
		url, l := broken(t, func(*http.Request) (tenancy.Principal, error) { panic("the secret plan") })
		status, body := get(t, url+"/v1/tenants")
		if status != 500 || !strings.Contains(body, "incident-1") || strings.Contains(body, "secret plan") {
			t.Errorf("got %d %s", status, body)
		}
		if !strings.Contains(l.String(), "secret plan") || !strings.Contains(l.String(), "incident-1") {
			t.Errorf("the log has not the cause and its number: %s", l)
		}
	})
	t.Run("a failure of the table is an internal error under a number", func(t *testing.T) {
		// The table is missing altogether.
		url, l := broken(t, func(*http.Request) (tenancy.Principal, error) {
			return tenancy.Principal{Issuer: "i", Subject: "s"}, nil
		})
		status, body := get(t, url+"/v1/tenants")
		if status != 500 || !strings.Contains(body, "urn:meibo:incident:incident-1") || !strings.Contains(l.String(), "incident-1") {
			t.Errorf("got %d %s", status, body)
		}
	})
	t.Run("an issuer that does not answer is no fault of the caller", func(t *testing.T) {
		url, _ := broken(t, func(*http.Request) (tenancy.Principal, error) { return tenancy.Principal{}, authn.ErrUnavailable })
		if status, body := get(t, url+"/v1/tenants"); status != 503 {
			t.Errorf("got %d %s", status, body)
		}
	})
	t.Run("why somebody is not signed in is not told to them", func(t *testing.T) {
		url, _ := broken(t, func(*http.Request) (tenancy.Principal, error) {
			return tenancy.Principal{}, errors.New("key 17 is wrong")
		})
		if status, body := get(t, url+"/v1/tenants"); status != 401 || strings.Contains(body, "17") {
			t.Errorf("got %d %s", status, body)
		}
	})
}
