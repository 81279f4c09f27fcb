package pipedrive_test

import (
	"testing"
	"time"

	"meibo/shared/sandbox/sandboxtest"
)

// TestPipedrivesNodeClient drives the sandbox with Pipedrive's own npm package.
func TestPipedrivesNodeClient(t *testing.T) {
	client := sandboxtest.FindNode(t, "pipedrive")
	w := newWorld(t)
	// The client takes the token's expiry from the machine's clock.
	w.clock.AdvanceTo(time.Now())
	var got struct{ Created, Listed, Filtered, Left int }
	client.Check(t, &got, "SANDBOX_URL="+w.srv.URL, "SANDBOX_USER="+mira, "SANDBOX_REDIRECT="+back, "SANDBOX_CLIENT=client", "SANDBOX_SECRET=secret")
	if got.Created != 3 || got.Listed != 3 || got.Filtered != 1 || got.Left != 1 {
		t.Errorf("got %+v", got)
	}
}
