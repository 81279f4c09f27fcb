package hubspot_test

import (
	"encoding/json"
	"testing"
	"time"

	"meibo/shared/sandbox/hubspot"
	"meibo/shared/sandbox/sandboxtest"
)

// TestHubSpotsNodeClient drives the sandbox with HubSpot's own npm package, which also checks a signature of ours.
func TestHubSpotsNodeClient(t *testing.T) {
	client := sandboxtest.FindNode(t, "@hubspot/api-client")
	w := newWorld(t)
	// The client measures a signature's age by the machine's clock.
	w.clock.AdvanceTo(time.Now())
	at, body, url := w.clock.Now().UnixMilli(), `[{"portalId":6213544}]`, "https://sync.example.com/hooks/hubspot?src=app"
	signed, err := json.Marshal(map[string]any{"signature": hubspot.Signature("secret", "POST", url, []byte(body), at), "url": url, "method": "POST", "requestBody": body, "timestamp": at})
	must(t, err)
	var got struct{ Listed, Found, Members, Left int }
	client.Check(t, &got, "SANDBOX_URL="+w.srv.URL, "SANDBOX_USER="+mira, "SANDBOX_REDIRECT="+back, "SANDBOX_CLIENT=client", "SANDBOX_SECRET=secret",
		"SANDBOX_SIGNED="+string(signed))
	if got.Listed != 3 || got.Found != 1 || got.Members != 2 || got.Left != 1 {
		t.Errorf("got %+v", got)
	}
}
