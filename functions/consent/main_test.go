package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/lambdahttp"
	"meibo/shared/local"
)

func replay(t *testing.T, name string) events.APIGatewayV2HTTPRequest {
	t.Helper()
	b, err := os.ReadFile("../../events/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func answer(t *testing.T, s *local.Stack, e events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	res, err := lambdahttp.Handler(s.Consent())(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestEvents(t *testing.T) {
	s, err := local.Open(local.Options{Folder: t.TempDir(), NoSync: true, Clients: local.SandboxClients(), PublicURL: "https://a1b2c3d4e5.execute-api.ap-northeast-1.amazonaws.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"consent.json", "consent-confirm.json"} {
		res := answer(t, s, replay(t, name))
		t.Run(name+": what nobody gave out is refused in the person's language", func(t *testing.T) {
			if res.StatusCode != 400 || !strings.Contains(res.Body, "もう一度接続してください") {
				t.Errorf("got %d %s", res.StatusCode, res.Body)
			}
		})
		t.Run(name+": the page repeats nothing of the request", func(t *testing.T) {
			for _, part := range []string{"AbCdEf", "0AeXample", "googleapis"} {
				if strings.Contains(res.Body, part) {
					t.Errorf("the page holds %q", part)
				}
			}
		})
	}
	uninstall := replay(t, "consent-uninstall.json")
	t.Run("an uninstall of an account that is not here changes nothing and tells nothing", func(t *testing.T) {
		if res := answer(t, s, uninstall); res.StatusCode != 204 || res.Body != "" {
			t.Errorf("got %d %s, want 204", res.StatusCode, res.Body)
		}
	})
	t.Run("an uninstall that does not prove where it comes from is refused", func(t *testing.T) {
		uninstall.Headers["authorization"] = "Basic bWVpYm8tbG9jYWw6d3Jvbmc="
		if res := answer(t, s, uninstall); res.StatusCode != 401 {
			t.Errorf("got %d %s, want 401", res.StatusCode, res.Body)
		}
	})
}
