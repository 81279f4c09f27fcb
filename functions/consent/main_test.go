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

func TestEvent(t *testing.T) {
	b, err := os.ReadFile("../../events/consent.json")
	if err != nil {
		t.Fatal(err)
	}
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	s, err := local.Open(local.Options{Folder: t.TempDir(), NoSync: true, Clients: local.SandboxClients(), PublicURL: "https://meibo.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	res, err := lambdahttp.Handler(s.Consent())(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a state that nobody gave out is refused in the person's language", func(t *testing.T) {
		if res.StatusCode != 400 || !strings.Contains(res.Body, "もう一度接続してください") {
			t.Errorf("got %d %s", res.StatusCode, res.Body)
		}
	})
	t.Run("the page repeats nothing of the callback", func(t *testing.T) {
		for _, part := range []string{"AbCdEf", "0AeXample", "googleapis"} {
			if strings.Contains(res.Body, part) {
				t.Errorf("the page holds %q", part)
			}
		}
	})
}
