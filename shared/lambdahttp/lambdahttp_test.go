package lambdahttp_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/lambdahttp"
)

func event(method, path string) events.APIGatewayV2HTTPRequest {
	return events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: path, Headers: map[string]string{"host": "api.example.com"},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			Stage: "$default", DomainName: "api.example.com",
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: path, SourceIP: "203.0.113.7"},
		},
	}
}

func serve(t *testing.T, h http.HandlerFunc, e events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	res, err := lambdahttp.Handler(h)(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestRequest(t *testing.T) {
	t.Run("method, path, query, host and address arrive", func(t *testing.T) {
		e := event("GET", "/v1/tenants/a%20b")
		e.RawQueryString = "limit=3&x=1&x=2"
		serve(t, func(_ http.ResponseWriter, r *http.Request) {
			for _, c := range []struct{ what, got, want string }{
				{"method", r.Method, "GET"},
				{"path", r.URL.Path, "/v1/tenants/a b"},
				{"query", r.URL.Query().Get("limit"), "3"},
				{"repeated query", r.URL.Query()["x"][1], "2"},
				{"host", r.Host, "api.example.com"},
				{"address", r.RemoteAddr, "203.0.113.7"},
				{"request URI", r.RequestURI, "/v1/tenants/a%20b?limit=3&x=1&x=2"},
			} {
				if c.got != c.want {
					t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
				}
			}
		}, e)
	})
	t.Run("a path that came decoded is kept", func(t *testing.T) {
		serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if got, want := r.URL.Path, "/v1/名簿 100%"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}, event("GET", "/v1/名簿 100%"))
	})
	t.Run("the stage is taken off the path", func(t *testing.T) {
		e := event("GET", "/prod/v1/systems")
		e.RequestContext.Stage = "prod"
		serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if got, want := r.URL.Path, "/v1/systems"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}, e)
	})
	t.Run("a base64 body is decoded", func(t *testing.T) {
		e := event("POST", "/x")
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte{0xff, 0, 'a'}), true
		serve(t, func(_ http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			if got, want := string(b), "\xff\x00a"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got, want := r.ContentLength, int64(3); got != want {
				t.Errorf("content length: got %d, want %d", got, want)
			}
		}, e)
	})
	t.Run("a body that is not base64 although it says so is an error", func(t *testing.T) {
		e := event("POST", "/x")
		e.Body, e.IsBase64Encoded = "%%%", true
		if _, err := lambdahttp.Handler(http.NotFoundHandler())(context.Background(), e); err == nil {
			t.Error("got no error")
		}
	})
	t.Run("cookies are put back into one header", func(t *testing.T) {
		e := event("GET", "/")
		e.Cookies = []string{"a=1", "b=2"}
		serve(t, func(_ http.ResponseWriter, r *http.Request) {
			c, err := r.Cookie("b")
			if err != nil || c.Value != "2" {
				t.Errorf("got %v, %v, want b=2", c, err)
			}
		}, e)
	})
	t.Run("the event is at hand", func(t *testing.T) {
		e := event("GET", "/")
		e.RequestContext.RequestID = "r-1"
		serve(t, func(_ http.ResponseWriter, r *http.Request) {
			got, ok := lambdahttp.EventFrom(r.Context())
			if !ok || got.RequestContext.RequestID != "r-1" {
				t.Errorf("got %q, %v", got.RequestContext.RequestID, ok)
			}
		}, e)
	})
}

func TestResponse(t *testing.T) {
	t.Run("status, text body and headers of several values", func(t *testing.T) {
		res := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Add("Vary", "Accept-Language")
			w.Header().Add("Vary", "Origin")
			w.WriteHeader(404)
			w.Header().Set("Late", "1")
			io.WriteString(w, `{"title":"見つかりません"}`)
		}, event("GET", "/"))
		if res.StatusCode != 404 || res.IsBase64Encoded || res.Body != `{"title":"見つかりません"}` {
			t.Errorf("got %+v", res)
		}
		if got, want := res.Headers["Vary"], "Accept-Language, Origin"; got != want {
			t.Errorf("Vary: got %q, want %q", got, want)
		}
		if _, late := res.Headers["Late"]; late {
			t.Error("a header set after the status was sent")
		}
	})
	t.Run("cookies stay apart", func(t *testing.T) {
		res := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		}, event("GET", "/"))
		if len(res.Cookies) != 2 || res.Headers["Set-Cookie"] != "" || res.StatusCode != 200 {
			t.Errorf("got %+v", res)
		}
	})
	t.Run("bytes that are not text go out as base64", func(t *testing.T) {
		res := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte{0x89, 'P', 'N', 'G', 0}) }, event("GET", "/"))
		got, err := base64.StdEncoding.DecodeString(res.Body)
		if err != nil || !res.IsBase64Encoded || string(got) != "\x89PNG\x00" {
			t.Errorf("got %+v", res)
		}
	})
}
