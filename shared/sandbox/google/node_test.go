package google_test

import (
	"testing"
	"time"

	"meibo/shared/sandbox/sandboxtest"
)

// TestGooglesNodeClient drives the sandbox with Google's own googleapis package.
func TestGooglesNodeClient(t *testing.T) {
	client := sandboxtest.FindNode(t, "googleapis")
	w := newWorld(t)
	w.put(named("A", "x"), named("B", "x"), named("C", "x"))
	// The client takes the token's expiry from the machine's clock.
	w.clock.AdvanceTo(time.Now())
	var got struct{ Created, Updated, Changes, Deleted int }
	client.Check(t, &got, "SANDBOX_URL="+w.srv.URL, "SANDBOX_USER="+aiko, "SANDBOX_REDIRECT="+callback, "SANDBOX_CLIENT=client", "SANDBOX_SECRET=secret")
	if got.Created != 3 || got.Updated != 2 || got.Changes != 3 || got.Deleted != 1 {
		t.Errorf("got %+v", got)
	}
}
